//! `kill -9` at any moment loses nothing that was acknowledged.
//!
//! `COGNATE_KILL_ROUNDS` says how often (25), `COGNATE_KILL_SEED` after how many acknowledgements each time.

use cognate::rng::Rng;

use super::number;
use crate::ledger::{Ledger, Load, lasting};
use crate::support::process::Service;

/// The most acknowledgements before a kill.
const ACKNOWLEDGED_MAX: u8 = 48;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let (rounds, seed) = (number("COGNATE_KILL_ROUNDS").unwrap_or(25), number("COGNATE_KILL_SEED").unwrap_or(20_260_107));
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
