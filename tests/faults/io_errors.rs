//! A disk that says no: the kernel's answer to each call by which the store writes is replaced by an error.
//!
//! `COGNATE_IO_ERROR_ROUNDS` says how often; without it, no error is injected. `COGNATE_IO_ERROR_SEED` says when.

use std::time::Duration;

use cognate::rng::Rng;

use super::{number, skipped};
use crate::ledger::{Ledger, Load, lasting};
use crate::support::process::Service;
use crate::traced::{self, Tracing};

/// The calls by which the store writes.
const CALLS: [&str; 3] = ["pwrite64", "sync_file_range", "syncfs"];

const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// The most calls of one thread before one fails.
const CALLS_MAX: u8 = 24;

/// The status of a process that could not write: `EX_IOERR` of sysexits.
const IO_ERROR: i32 = 74;

/// Nothing of the batch is acknowledged, the process ends, and a start recovers everything that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_is_not_acknowledged_and_ends_the_process() {
    let Some(rounds) = number("COGNATE_IO_ERROR_ROUNDS") else {
        return skipped("errors of the store's writes", "COGNATE_IO_ERROR_ROUNDS does not say how many");
    };
    if let Some(reason) = traced::unavailable() {
        return skipped("errors of the store's writes", reason);
    }
    let seed = number("COGNATE_IO_ERROR_SEED").unwrap_or(20_260_107);
    let chance = Rng::seeded(seed);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    // The first start is over: it says what fails in other words.
    Service::start(&mut lasting(&data), &data).process.kill();
    let mut ledger = Ledger::new(&data, &data.join("audit"));
    let mut longest = Duration::ZERO;
    let mut faults = CALLS.iter().flat_map(|call| ERRORS.map(|error| (call, error))).cycle();
    for round in 0..rounds {
        let (call, error) = faults.next().unwrap();
        let when = 1 + chance.bytes::<1>()[0] % CALLS_MAX;
        // Once, so that a retry would succeed; or from then on, as when a disk is gone.
        let onward = if round % 4 < 2 { "" } else { "+" };
        let tracing = Tracing::injecting(&[&format!("{call}:error={error}:when={when}{onward}")]).of(&data.join("store/db"));
        let tracing = if *call == "syncfs" { tracing.of(&data.join("store")) } else { tracing };
        let mut service = Service::start(&mut tracing.command(&lasting(&data)), &data);
        let load = Load::begin(&service, &format!("user-{round}"));
        load.may_end();
        let accounts = load.accounts().await;
        let status = service.process.end();
        let log = service.process.errors();
        assert_eq!(status.code(), Some(IO_ERROR), "{call} {error} {when}{onward}: {log}");
        assert!(log.contains("a write failed; stopping"), "{call} {error} {when}{onward}: {log}");
        assert!(!log.contains("panicked"), "{log}");
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
