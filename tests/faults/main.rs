//! Faults: the real binary, killed, misused, searched, and run on disks that fail.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod backup;
mod disk;
mod disk_full;
mod drain;
mod flipped_bits;
mod io_errors;
mod kill;
mod ledger;
mod power_cut;
mod process;
mod rotation;
mod secrets;
mod traced;

use std::io::Write as _;
use std::path::PathBuf;

/// A number that the environment asks for.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap_or_else(|_| panic!("{name}: {value} is no number")))
}

/// Says that something was not tested, even where the harness keeps quiet about tests that pass.
fn skipped(what: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}: {reason}");
}

/// Where a tool is, if it is there.
fn found(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    places.map(|folder| folder.join(tool)).find(|file| file.is_file())
}
