//! A power cut at any moment loses nothing that was acknowledged: cut after cut on one disk.
//!
//! `COGNATE_POWER_CUT_ROUNDS` says how often; without it no power is cut. `COGNATE_POWER_CUT_SEED` says when. What is
//! simulated is a machine that stops: all that the kernel had not handed to the disk is gone. A disk that forgets what it
//! was handed is not.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cognate::rng::Rng;

use super::{disk, number, skipped};
use crate::disk::Disk;
use crate::ledger::{Ledger, Load, lasting};
use crate::support::process::{Process, Service};

/// What is not written takes no room.
const DISK_MEBIBYTES: u64 = 2048;

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
    let machine = Machine { data: Disk::ext4(DISK_MEBIBYTES), trail: Disk::ext4(DISK_MEBIBYTES) };
    let data = machine.directory();
    let mut service = Service::start(&mut machine.command(), &data);
    let (mut ledger, mut cut_at_start) = (Ledger::new(&data, &machine.trail.path().join("audit")), 0);
    for round in 0..rounds {
        let [count, during_start, moment] = chance.bytes::<3>();
        let mut load = Load::begin(&service, &format!("user-{round}"));
        load.acknowledges(usize::from(count % ACKNOWLEDGED_MAX)).await;
        load.may_end();
        machine.stops(&mut service.process);
        let accounts = load.accounts().await;
        // Every fourth time the power goes again while the service recovers.
        if during_start % 4 == 0 {
            let mut starting = Process::start(&mut machine.command());
            tokio::time::sleep(Duration::from_millis(u64::from(moment % START_MILLISECONDS_MAX))).await;
            machine.stops(&mut starting);
            cut_at_start += 1;
        }
        service = Service::start(&mut machine.command(), &data);
        ledger.settles(&service, accounts).await;
    }
    println!(
        "{rounds} power cuts (seed {seed}), and {cut_at_start} more while it started: {}",
        ledger.concludes(service).await
    );
}

/// A machine with two disks, so that a sync of the trail or of the mail does not carry the store along with it.
struct Machine {
    data: Disk,
    trail: Disk,
}

impl Machine {
    fn directory(&self) -> PathBuf {
        self.data.path().join("data")
    }

    fn command(&self) -> Command {
        let mut command = lasting(&self.directory());
        command.env("COGNATE_AUDIT_DIRECTORY", self.trail.path().join("audit"));
        command.env("COGNATE_OUTBOX_FILE", self.trail.path().join("outbox.jsonl"));
        command
    }

    /// The power is gone, and comes back.
    fn stops(&self, process: &mut Process) {
        let disks = [&self.data, &self.trail];
        disks.iter().for_each(|disk| disk.cuts_power());
        process.kill();
        disks.iter().for_each(|disk| disk.unmount());
        disks.iter().for_each(|disk| disk.mount());
    }
}
