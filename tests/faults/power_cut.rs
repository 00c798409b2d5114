//! A power cut at any moment loses nothing that was acknowledged: cut after cut on one disk.
//!
//! `COGNATE_POWER_CUT_ROUNDS` says how often; without it no power is cut. `COGNATE_POWER_CUT_SEED` says when. What is
//! simulated is a machine that stops: all that the kernel had not handed to the disk is gone. A disk that forgets what it
//! was handed is not.

use std::time::Duration;

use cognate::rng::Rng;

use super::{disk, number, skipped};
use crate::disk::Disk;
use crate::ledger::{Ledger, Load, lasting};
use crate::support::process::{Process, Service};

const DISK_MEBIBYTES: u64 = 512;

/// The most acknowledgements before a cut.
const ACKNOWLEDGED_MAX: u8 = 48;

/// The longest that a start goes on before the power is cut once more, in milliseconds.
const START_MILLISECONDS_MAX: u8 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let Some(rounds) = number("COGNATE_POWER_CUT_ROUNDS") else {
        return skipped("power cuts", "COGNATE_POWER_CUT_ROUNDS does not say how many");
    };
    if let Some(reason) = disk::unavailable() {
        return skipped("power cuts", reason);
    }
    let seed = number("COGNATE_POWER_CUT_SEED").unwrap_or(20_260_107);
    let chance = Rng::seeded(seed);
    let disk = Disk::ext4(DISK_MEBIBYTES);
    let data = disk.path().join("data");
    let mut service = Service::start(&mut lasting(&data), &data);
    let (mut ledger, mut cut_at_start) = (Ledger::default(), 0);
    for round in 0..rounds {
        let [count, during_start, moment] = chance.bytes::<3>();
        let mut load = Load::begin(&service, &format!("user-{round}"));
        load.acknowledges(usize::from(count % ACKNOWLEDGED_MAX)).await;
        load.may_end();
        ends(&disk, &mut service.process);
        let accounts = load.accounts().await;
        // Every fourth time the power goes again while the service recovers.
        if during_start % 4 == 0 {
            let mut starting = Process::start(&mut lasting(&data));
            tokio::time::sleep(Duration::from_millis(u64::from(moment % START_MILLISECONDS_MAX))).await;
            ends(&disk, &mut starting);
            cut_at_start += 1;
        }
        service = Service::start(&mut lasting(&data), &data);
        ledger.settles(&service, accounts).await;
    }
    println!(
        "{rounds} power cuts (seed {seed}), and {cut_at_start} more while it started: {}",
        ledger.concludes(service).await
    );
}

/// The power is gone, and comes back.
fn ends(disk: &Disk, process: &mut Process) {
    disk.cuts_power();
    process.kill();
    disk.unmount();
    disk.mount();
}
