//! The guard: who calls, and what they may do.
//!
//! An operation of class `OPERATOR` is refused unless a credential proves a principal and the principal's policy allows the
//! operation. For now the one kind of credential is an access key: signing by SigV4 on the AWS wire, as HTTP Basic over
//! gRPC. What is odd in any way is refused; nothing is accepted and merely logged.

pub mod caller;
pub mod credentials;
pub mod policy;
pub mod principals;
pub mod sigv4;

pub use principals::{Principal, Principals};
