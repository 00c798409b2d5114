//! Cognate: a self-hosted identity service, *cognate* to Amazon Cognito user pools. One contract (`proto/`), served as
//! typed gRPC and as the AWS JSON wire, from one binary with its own durable store.
//!
//! The map, top to bottom; imports point down only (`tests/layers.rs` sees to it):
//!
//! - [`commands`]: the command line. [`server`]: the composition root.
//! - [`wire`]: both wires and the layers that every request passes. [`tasks`]: background jobs. [`control`]: the socket for
//!   commands.
//! - [`operations`]: what the service does, one file each. [`app`]: the one road to them. [`backup`], [`fsck`]: the store
//!   as a whole, kept elsewhere, put back, examined.
//! - [`access`]: who calls, what they may do, and that it is written down.
//! - [`context`]: what an operation can reach.
//! - [`store`], [`delivery`], [`triggers`], [`crypto`]: what must last, what goes out, what an operator's own code decides, what
//!   must be right to the bit. [`outbound`]: how others are called.
//! - [`domain`]: the rules, pure. [`clock`], [`rng`], [`live`], [`error`]: time, chance, files that change, and why not.
//!
//! [`api`] is the contract as plain data, generated.

#![forbid(unsafe_code)]

pub mod access;
pub mod api;
pub mod app;
pub mod backup;
pub mod clock;
pub mod commands;
pub mod config;
pub mod context;
pub mod control;
pub mod crypto;
pub mod delivery;
pub mod domain;
pub mod error;
pub mod fsck;
pub mod live;
pub mod operations;
pub mod outbound;
pub mod rng;
pub mod server;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod triggers;
pub mod wire;
