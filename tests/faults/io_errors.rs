//! A disk that says no: the kernel's answer to each call by which the store writes is replaced by an error.
//!
//! `COGNATE_IO_ERROR_ROUNDS` says how often; without it, no error is injected. `COGNATE_IO_ERROR_SEED` says when.

use std::path::Path;
use std::time::Duration;

use cognate::api;
use cognate::rng::Rng;

use super::{number, skipped};
use crate::ledger::{Ledger, Load, lasting};
use crate::support::process::{Process, Service, bare, code_for, pause};
use crate::support::{audit_trail, refusal_of};
use crate::traced::{self, PAGES_UNTOLD, Tracing};

/// The calls by which the store writes.
const CALLS: [&str; 4] = ["pwrite64", "sync_file_range", "fdatasync", "syncfs"];

const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// The most calls of one thread before one fails.
const CALLS_MAX: u8 = 24;

/// The status of a process that could not write: `EX_IOERR` of sysexits.
const IO_ERROR: i32 = 74;

/// Nothing of the batch is acknowledged, the process ends, and a start recovers everything that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_is_not_acknowledged_and_ends_the_process() {
    let Some(rounds) = number("COGNATE_IO_ERROR_ROUNDS").filter(|_| may_try("errors of the store's writes")) else {
        return;
    };
    let seed = number("COGNATE_IO_ERROR_SEED").unwrap_or(20_260_107);
    let chance = Rng::seeded(seed);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    // The first start is over: it says what fails in other words.
    Service::start(&mut lasting(&data), &data).process.kill();
    let mut ledger = Ledger::new(&data, &data.join("audit"));
    let mut longest = Duration::ZERO;
    let mut faults = CALLS.iter().flat_map(|call| ERRORS.map(|error| (call, error))).cycle();
    let faults_count = (CALLS.len() * ERRORS.len()) as u64;
    for round in 0..rounds {
        let (call, error) = faults.next().unwrap();
        let when = 1 + chance.bytes::<1>()[0] % CALLS_MAX;
        // Once, so that a retry would succeed; or from then on, as when a disk is gone.
        let onward = if (round / faults_count).is_multiple_of(2) { "" } else { "+" };
        let failing = format!("{call}:error={error}:when={when}{onward}");
        let tracing = match *call {
            "syncfs" => Tracing::injecting(&[&failing, PAGES_UNTOLD]),
            _ => Tracing::injecting(&[&failing]).of(&data.join("store/db")),
        };
        let fault = format!("{call} {error} {when}{onward}");
        let (mut process, accounts) = match Service::try_start(&mut tracing.command(&lasting(&data)), &data) {
            Ok(service) => {
                let load = Load::begin(&service, &format!("user-{round}"));
                load.may_end();
                (service.process, load.accounts().await)
            }
            // It was met in opening the store.
            Err(process) => (process, Vec::new()),
        };
        let (status, log) = (process.end().code(), process.errors());
        let has_stopped = status == Some(IO_ERROR) && log.contains("a write failed; stopping");
        let did_not_start = status == Some(1) && log.contains("the store could not be opened");
        assert!(has_stopped || did_not_start && accounts.is_empty(), "{fault}: {status:?} {log}");
        assert!(!log.contains("panicked"), "{fault}: {log}");
        longest = longest.max(tracing.outlived().unwrap());
        let mut service = Service::start(&mut lasting(&data), &data);
        ledger.settles(&service, accounts).await;
        service.process.kill();
    }
    let service = Service::start(&mut lasting(&data), &data);
    println!(
        "{rounds} errors of the store's writes (seed {seed}), the process gone {} ms later at the latest: {}",
        longest.as_millis(),
        ledger.concludes(service).await
    );
}

/// A service, not new, under strace.
fn traced(data: &Path, injection: &str, file: &str) -> (Tracing, Service) {
    Service::start(&mut lasting(data), data).process.kill();
    let tracing = Tracing::injecting(&[injection]).of(&data.join(file));
    let service = Service::start(&mut tracing.command(&lasting(data)), data);
    (tracing, service)
}

/// Whether this can be tried here.
fn may_try(what: &str) -> bool {
    if number("COGNATE_IO_ERROR_ROUNDS").is_none() {
        skipped(what, "COGNATE_IO_ERROR_ROUNDS does not say how many");
        return false;
    }
    match traced::unavailable() {
        Some(reason) => {
            skipped(what, reason);
            false
        }
        None => true,
    }
}

/// The trail's own sync fails a few times: operators cannot write meanwhile, all else goes on, and nothing is missing later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_trail_cannot_be_written_operators_cannot_write() {
    if !may_try("errors of the audit trail's writes") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (_tracing, mut service) = traced(&data, "fdatasync:error=EIO:when=1..5", "audit/00000001.jsonl");
    let (client, caller) = (service.quickstart.public(), service.caller.clone());
    caller.call(client.sign_up_request("alice")).await.unwrap();
    service.process.logs("the audit trail cannot be written; operators' writes are refused");
    let (user_pool_id, username) = (Some(client.pool.clone()), Some("alice".to_owned()));
    let confirmation = api::AdminConfirmSignUpRequest {
        user_pool_id: user_pool_id.clone(),
        username: username.clone(),
        ..Default::default()
    };
    let refused = caller.call(confirmation.clone()).await.unwrap_err();
    assert_eq!(refusal_of(&refused).exception, "InternalErrorException");
    caller.call(api::AdminGetUserRequest { user_pool_id, username }).await.unwrap();
    caller.call(client.sign_up_request("bob")).await.unwrap();
    service.process.logs("the audit trail is written again");
    // Calls are counted in each thread, so the next one may fail again.
    while caller.call(confirmation.clone()).await.is_err() {
        pause().await;
    }
    service.process.terminate();
    assert!(service.process.end().success());
    let mut verify = Process::start(bare(&["audit", "verify"]).arg("--data").arg(&data));
    assert!(verify.end().success(), "{}", verify.errors());
    let records = audit_trail(&data.join("audit"));
    let count = |name: &str, is_refused: bool| {
        let is_meant = |record: &&serde_json::Value| {
            record["eventName"] == name && record.get("errorCode").is_some() == is_refused
        };
        records.iter().filter(is_meant).count()
    };
    assert_eq!([count("SignUp", false), count("AdminGetUser", false), count("AdminConfirmSignUp", false)], [2, 1, 1]);
    assert!(count("AdminConfirmSignUp", true) >= 1);
}

/// A message whose delivery fails is delivered later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_that_could_not_be_written_comes_later() {
    if !may_try("errors of the outbox file's writes") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (_tracing, mut service) = traced(&data, "fdatasync:error=ENOSPC:when=1", "outbox.jsonl");
    service.caller.call(service.quickstart.public().sign_up_request("alice")).await.unwrap();
    service.process.logs("a message was not delivered");
    code_for(&service.quickstart.outbox, "alice").await;
}

/// What fails as the engine is closed has been durable before: the start after it has all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_that_fails_at_the_end_takes_nothing_back() {
    if !may_try("errors at the end of the process") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    // The first is the opening's.
    let (tracing, mut service) = traced(&data, "fsync:error=EIO:when=2+", "store/db");
    service.caller.call(service.quickstart.public().sign_up_request("alice")).await.unwrap();
    service.process.terminate();
    service.process.end();
    assert!(!service.process.errors().contains("panicked at"), "{}", service.process.errors());
    assert!(tracing.outlived().is_some(), "no sync was made to fail");
    let service = Service::start(&mut lasting(&data), &data);
    let (user_pool_id, username) = (Some(service.quickstart.user_pool_id.clone()), Some("alice".to_owned()));
    service.caller.call(api::AdminGetUserRequest { user_pool_id, username }).await.unwrap();
}
