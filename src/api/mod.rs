//! The contract as Rust: everything here but the two modules below is generated from `proto/cognate/v1` by `build.rs`.
//!
//! Plain data: requests, responses, the [`Op`] enum. The wires, the operations and the guard see it; the store and the
//! domain never do. A request's `Debug` hides its sensitive members.

pub mod check;
pub mod json;

mod generated {
    #![allow(clippy::all, clippy::pedantic, dead_code, missing_docs)]
    use super::{Redacted, check, json};

    tonic::include_proto!("cognate.v1");
    include!(concat!(env!("OUT_DIR"), "/contract.rs"));
}

pub use generated::*;

/// The whole contract as an encoded `FileDescriptorSet`, our annotations included: what reflection serves.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// Compiles every pattern of the contract, so that no request waits for it.
pub fn prepare() {
    generated::PATTERNS.iter().for_each(|pattern| pattern.prepare());
}

/// Who may call an operation: the `access` option of its rpc.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No credential: what is in the body authorises (a client id, a code, a password, a token to trade in).
    Anyone,
    /// The user's access token, a member of the request.
    SignedIn,
    /// The user's access token or a challenge session.
    SignedInOrInChallenge,
    /// A principal of this installation, by a credential that the guard has checked.
    Operator,
}

impl Access {
    /// Whether no credential names who calls before the request is looked into.
    pub fn is_open(self) -> bool {
        match self {
            Access::Anyone | Access::SignedInOrInChallenge => true,
            Access::SignedIn | Access::Operator => false,
        }
    }

    /// Whether an operator's credential is asked for. Any class does but those whose requests carry what authorises them.
    pub fn needs_operator(self) -> bool {
        !matches!(self, Access::Anyone | Access::SignedIn | Access::SignedInOrInChallenge)
    }
}

/// Stands in a `Debug` for a sensitive member.
pub struct Redacted;

impl std::fmt::Debug for Redacted {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_what_is_sensitive_and_shows_the_rest() {
        let request = SignUpRequest {
            client_id: Some("the-client".into()),
            username: Some("the-name".into()),
            password: Some("the-password".into()),
            user_attributes: vec![Attribute { name: Some("email".into()), value: Some("the-address".into()) }],
            ..Default::default()
        };
        let shown = format!("{request:?}");
        assert!(shown.contains("email") && shown.contains("<redacted>"), "{shown}");
        for secret in ["the-client", "the-name", "the-password", "the-address"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn every_operation_is_named_as_its_path_ends() {
        for op in Op::ALL {
            assert_eq!(op.path(), format!("/{}/{}", op.service(), op.name()));
        }
    }
}
