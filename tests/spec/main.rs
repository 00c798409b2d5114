//! Specifications of every operation, over both wires: one file each, in the folders of `src/operations`.

#[path = "../support/mod.rs"]
mod support;

mod account;
mod backup;
mod clients;
mod devices;
mod groups;
mod guard;
mod mfa;
mod passkeys;
mod passwords;
mod pools;
mod sessions;
mod sign_in;
mod sign_up;
mod tags;
mod tokens;
mod triggers;
mod users;
mod wire;
