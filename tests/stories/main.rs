//! Stories: what people do with the service, from beginning to end, as their programs would do it.

#[path = "../support/mod.rs"]
mod support;

mod account;
mod existence;
mod grpc;
mod guesses;
mod pools;
mod sdk;
mod sign_in_machine;
mod strangers;
mod tampering;

/// The machine's time: the SDK signs by it, and verifiers of tokens judge by it.
#[expect(clippy::disallowed_methods, reason = "what these programs have is the machine's clock")]
fn present() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
