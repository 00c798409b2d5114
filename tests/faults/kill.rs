//! `kill -9` at any moment loses nothing that was acknowledged.
//!
//! `COGNATE_KILL_ROUNDS` says how often (50), `COGNATE_KILL_SEED` after how many acknowledgements each time.
//! `COGNATE_KILL_POINT_ROUNDS` says how often the process dies at a named point of the committer; without it, it does not.

use std::os::unix::process::ExitStatusExt as _;

use cognate::rng::Rng;
use rustix::process::Signal;

use super::{number, skipped};
use crate::ledger::{Ledger, Load, lasting};
use crate::support::process::Service;
use crate::traced::{self, PAGES_UNTOLD, Tracing};

/// The most acknowledgements before a kill.
const ACKNOWLEDGED_MAX: u8 = 48;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let (rounds, seed) =
        (number("COGNATE_KILL_ROUNDS").unwrap_or(50), number("COGNATE_KILL_SEED").unwrap_or(20_260_107));
    let chance = Rng::seeded(seed);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut service = Service::start(&mut lasting(&data), &data);
    let mut ledger = Ledger::new(&data, &data.join("audit"));
    for round in 0..rounds {
        let mut load = Load::begin(&service, &format!("user-{round}"));
        load.acknowledges(usize::from(chance.bytes::<1>()[0] % ACKNOWLEDGED_MAX)).await;
        load.may_end();
        service.process.kill();
        let accounts = load.accounts().await;
        service = Service::start(&mut lasting(&data), &data);
        ledger.settles(&service, accounts).await;
    }
    println!("{rounds} kills (seed {seed}): {}", ledger.concludes(service).await);
}

/// Where the committer is when it dies, and the system call that tells.
const POINTS: [(&str, &str); 5] = [
    ("before a part of the log is written", "pwrite64"),
    ("after it is written", "sync_file_range"),
    ("before the barrier", "fdatasync"),
    ("before the barrier where pages may lie beside the log", "syncfs"),
    ("before the answer", "writev"),
];

/// The most calls of one thread before it dies at one of them.
const CALLS_MAX: u8 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_at_any_point_of_the_committer() {
    let Some(rounds) = number("COGNATE_KILL_POINT_ROUNDS") else {
        return skipped("kills at points of the committer", "COGNATE_KILL_POINT_ROUNDS does not say how many");
    };
    if let Some(reason) = traced::unavailable() {
        return skipped("kills at points of the committer", reason);
    }
    let seed = number("COGNATE_KILL_SEED").unwrap_or(20_260_107);
    let chance = Rng::seeded(seed);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (mut ledger, mut died_at_start) = (Ledger::new(&data, &data.join("audit")), 0);
    let mut points = POINTS.iter().cycle();
    for round in 0..rounds {
        let (_, call) = points.next().unwrap();
        let when = 1 + chance.bytes::<1>()[0] % CALLS_MAX;
        let killing = format!("{call}:signal=KILL:when={when}");
        let tracing = match *call {
            "syncfs" => Tracing::injecting(&[&killing, PAGES_UNTOLD]),
            _ => Tracing::injecting(&[&killing]),
        };
        let (mut process, accounts) = match Service::try_start(&mut tracing.command(&lasting(&data)), &data) {
            Ok(service) => {
                let load = Load::begin(&service, &format!("user-{round}"));
                load.may_end();
                (service.process, load.accounts().await)
            }
            Err(process) => {
                died_at_start += 1;
                (process, Vec::new())
            }
        };
        assert_eq!(process.end().signal(), Some(Signal::KILL.as_raw()), "{}", process.errors());
        let mut service = Service::start(&mut lasting(&data), &data);
        ledger.settles(&service, accounts).await;
        service.process.kill();
    }
    let service = Service::start(&mut lasting(&data), &data);
    println!(
        "{rounds} kills at points of the committer (seed {seed}), {died_at_start} of them at its start: {}",
        ledger.concludes(service).await
    );
}
