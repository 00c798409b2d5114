//! Faults: the real binary, killed, misused and searched.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod backup;
mod kill;
mod process;
mod secrets;
