//! What every request passes, in the order in which [`super::router`] lists it. One file each.

pub mod audit;
pub mod authenticate;
pub mod authorize;
pub mod limit;
pub mod resolve;
pub mod trace;
