//! Faults: the real binary, killed, misused and searched.

#[path = "../support/mod.rs"]
mod support;

mod kill;
mod process;
mod secrets;
