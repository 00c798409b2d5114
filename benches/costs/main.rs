//! What each thing costs, beside the bare work that nothing can do without.
//!
//! `cargo bench` prints one page. The server is the real binary with its default settings. The load comes from a process of
//! its own over loopback, so both share the machine's cores: the honest figure is the processor time that the *server* used
//! for a request, by the system's account, against the processor time of the bare work measured in the same run. Compare
//! figures within one run only: machines are shared and noisy.
//!
//! The bare work of a call is an empty one: the same accept loop, router and codec with a service that answers a fixed
//! message of the same size. The bare work of a hash is measured with as many threads as there are cores, as the server
//! hashes.
//!
//! The sketch: a sign-in is one argon2id hash (19 MiB, two passes: some 13 ms of a core) and two RSA-2048 signatures (some
//! 0.3 ms each), so two cores end near 140 a second whatever else is done well. One by SRP is three exponentiations of 3,072
//! bits (some 1.3 ms each) instead of the hash: near 430 a second.  A refresh is two signatures: near 3,000 a
//! second. GetUser is one verification (some 20 µs) and four reads; an empty call is some 10 µs.
//!
//! `COGNATE_BENCH_USERS` says up to how many users the growth is measured (1,000,000).

mod bare;
mod calls;
mod commits;
mod growth;
mod load;
mod process;
mod report;
#[path = "../../tests/support/seed.rs"]
mod seed;
#[path = "../../tests/support/srp.rs"]
#[expect(dead_code, reason = "of what tests look at, a bench needs a part")]
mod srp;

use std::time::{Duration, Instant};

use cognate::store::records::UserStatus;

use calls::{Facts, Wire, Work};
use load::{Figures, Order, measure};
use process::Server;
use report::{microseconds, milliseconds, ratio};

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some(load::COMMAND) => load::main(),
        Some(bare::COMMAND) => bare::main(),
        _ => bench(),
    }
}

/// Users who are there from the start: the confirmed ones sign in, the others are confirmed.
const CONFIRMED: std::ops::Range<u64> = 0..1_000;
const UNCONFIRMED: std::ops::Range<u64> = 1_000..21_000;

/// Calls of a kind that hashes.
const HASHES: usize = 600;

fn bench() {
    let sections = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect::<Vec<_>>();
    let is_wanted = |section: &str| sections.is_empty() || sections.iter().any(|wanted| wanted == section);
    let mut page = String::new();
    if is_wanted("calls") {
        page += &calls_section();
    }
    if is_wanted("commits") {
        page += &commits::section();
    }
    if is_wanted("growth") {
        page += &growth::section();
    }
    println!("\n{page}");
}

/// What each call costs the server.
fn calls_section() -> String {
    let work = bare::Work::measured();
    let folder = tempfile::tempdir().unwrap();
    let began = now();
    let server = Server::start(folder.path());
    let start_time = began.elapsed();
    let idle_kib = server.memory_kib();
    server.stop();
    process::seed(folder.path(), CONFIRMED, UserStatus::Confirmed);
    process::seed(folder.path(), UNCONFIRMED, UserStatus::Unconfirmed);
    let server = Server::start(folder.path());
    let facts = Facts::of(&server.quickstart, CONFIRMED);
    let closed = |work, wire, workers, calls, facts: &Facts| {
        measure(&server, &Order { work, wire, workers, calls, per_second: None, facts: facts.clone() })
    };

    let sign_up = closed(Work::SignUp, Wire::Grpc, 16, HASHES, &facts);
    let confirm = closed(Work::AdminConfirmSignUp, Wire::Grpc, 64, UNCONFIRMED.count(), &facts.about(UNCONFIRMED));
    // Whoever signs in for the first time is given a verifier for SRP.
    closed(Work::SignIn, Wire::Grpc, 16, HASHES, &facts);
    let sign_in = closed(Work::SignIn, Wire::Grpc, 16, HASHES, &facts);
    let srp_sign_in = closed(Work::SrpSignIn, Wire::Grpc, 16, HASHES, &facts);
    let facts = facts.signed_in(1);
    let empty = bare::Calls::start(&facts);
    let empty_call = |work, wire, workers, calls| {
        let facts = facts.at(&empty.endpoint);
        measure(&empty.process, &Order { work, wire, workers, calls, per_second: None, facts })
    };

    let mut rows = report::Calls::default();
    rows.add("SignUp", Wire::Grpc, &sign_up, "hash, exponentiation", work.hash + work.exponentiation);
    rows.add("AdminConfirmSignUp", Wire::Grpc, &confirm, "-", Duration::ZERO);
    rows.add("sign-in", Wire::Grpc, &sign_in, "hash, 2 signatures", work.hash + 2 * work.signature);
    let bare_srp = 3 * work.exponentiation + 2 * work.signature;
    rows.add("SRP sign-in", Wire::Grpc, &srp_sign_in, "3 exponentiations, 2 signatures", bare_srp);
    for wire in [Wire::Grpc, Wire::Json] {
        let refresh = closed(Work::Refresh, wire, 32, 6_000, &facts);
        rows.add("refresh", wire, &refresh, "2 signatures", 2 * work.signature);
    }
    let mut empty_read = Duration::ZERO;
    for wire in [Wire::Grpc, Wire::Json, Wire::JsonOverHttp1] {
        let read = closed(Work::GetUser, wire, 64, CHEAP_CALLS, &facts);
        if wire == Wire::Grpc {
            empty_read = empty_call(Work::GetUser, wire, 64, CHEAP_CALLS).server_cpu;
        }
        rows.add("GetUser", wire, &read, "empty call, RS256 verification", empty_read + work.verification);
    }
    let mut empty_admin = Duration::ZERO;
    for wire in [Wire::Grpc, Wire::Json] {
        let read = closed(Work::AdminGetUser, wire, 64, CHEAP_CALLS, &facts);
        if wire == Wire::Grpc {
            empty_admin = empty_call(Work::AdminGetUser, wire, 64, CHEAP_CALLS).server_cpu;
        }
        rows.add("AdminGetUser", wire, &read, "empty call", empty_admin);
    }
    let keys = closed(Work::Jwks, Wire::Json, 64, CHEAP_CALLS, &facts);
    let empty_keys = empty_call(Work::Jwks, Wire::Grpc, 64, CHEAP_CALLS).server_cpu;
    rows.add("JWKS", Wire::Json, &keys, "empty call", empty_keys);

    let mut page = format!(
        "## Calls\n\nBare work, processor time: argon2 hash {}, exponentiation {}, RSA signature {}, RS256 verification {}, empty call {}.\n\n{rows}\n",
        milliseconds(work.hash),
        milliseconds(work.exponentiation),
        microseconds(work.signature),
        microseconds(work.verification),
        microseconds(empty_read),
    );
    page += &saturation(&server, &facts, sign_in.rate);
    page += &format!(
        "\nFirst start, keys and clients made: {}. Resident memory: {idle_kib} KiB idle, {} KiB after. Binary: {:.1} MiB.\n\n",
        milliseconds(start_time),
        server.memory_kib(),
        std::fs::metadata(process::BINARY).unwrap().len() as f64 / 1024.0 / 1024.0,
    );
    page
}

/// Calls of a cheap kind in one measurement: enough that the system's account, in hundredths of a second, is exact.
const CHEAP_CALLS: usize = 60_000;

/// GetUser at a steady pace, alone and while sign-ins take all they can get; and sign-ins at a steady pace below it.
fn saturation(server: &Server, facts: &Facts, sign_ins_per_second: f64) -> String {
    let steadily = |work, per_second: f64, seconds: f64| Order {
        work,
        wire: Wire::Grpc,
        workers: 64,
        calls: (per_second * seconds) as usize,
        per_second: Some(per_second),
        facts: facts.clone(),
    };
    let alone = measure(server, &steadily(Work::GetUser, 500.0, 6.0));
    let storm = load::Running::start(&Order {
        work: Work::SignIn,
        wire: Wire::Grpc,
        workers: 32,
        calls: (sign_ins_per_second * 12.0) as usize,
        per_second: None,
        facts: facts.clone(),
    });
    storm.go();
    let beside = measure(server, &steadily(Work::GetUser, 500.0, 6.0));
    let _ = storm.finish();
    let paced = measure(server, &steadily(Work::SignIn, sign_ins_per_second * 0.6, 8.0));
    let line = |what: &str, figures: &Figures| {
        format!(
            "| {what} | {} | {} | {} |\n",
            milliseconds(figures.p50),
            milliseconds(figures.p99),
            milliseconds(figures.max)
        )
    };
    format!(
        "At a steady pace (open loop; latency counts from when a call was due):\n\n| what | p50 | p99 | max |\n|---|---|---|---|\n{}{}{}\n\
         GetUser's p99 beside sign-ins is {} times that alone.\n",
        line("GetUser, 500/s, alone", &alone),
        line("GetUser, 500/s, while sign-ins saturate both cores", &beside),
        line("sign-in at 0.6 of the closed loop's rate", &paced),
        ratio(beside.p99, alone.p99),
    )
}

#[expect(clippy::disallowed_methods, reason = "a bench measures the machine")]
fn now() -> Instant {
    Instant::now()
}
