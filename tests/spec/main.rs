//! Specifications of every operation, over both wires: one file each, in the folders of `src/operations`.

#[path = "../support/mod.rs"]
mod support;

mod clients;
mod pools;
mod sign_up;
mod wire;
