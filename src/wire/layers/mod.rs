//! What every request passes, in the order in which [`super::router`] lists it. One file each.

pub mod authenticate;
pub mod limit;
pub mod resolve;
pub mod trace;
