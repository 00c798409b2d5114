//! The guard: who calls, what they may do, and that it is written down.
//!
//! An operation of class `OPERATOR` is refused unless a credential proves a principal ([`credentials`]) and the principal's
//! policies allow the operation ([`authorization`]). A credential is a client certificate ([`certificate`]), an AWS signature
//! ([`sigv4`]), or an access key as HTTP Basic over gRPC. All become one principal ([`principals`]), one decision
//! ([`policy`]), one record ([`audit`]). What is odd in any way is refused; nothing is accepted and merely logged.

pub mod access_keys;
pub mod audit;
pub mod authorization;
pub mod caller;
pub mod certificate;
pub mod credentials;
pub mod policy;
pub mod principals;
pub mod replay;
pub mod sigv4;

pub use authorization::{Authenticated, Grant, Proof};
pub use principals::{Principal, Principals};
