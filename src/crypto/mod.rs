//! Passwords, tokens, secrets: everything that must be right to the bit. Primitives come from aws-lc and argon2; here is
//! only how this service uses them.

pub mod certificates;
pub mod codes;
pub mod fair_queue;
pub mod jwt;
pub mod keys;
pub mod opaque;
pub mod passwords;
pub mod places;
pub mod sealing;
pub mod secret;
pub mod secret_hash;
pub mod signing;
pub mod sigv4;
pub mod srp;
pub mod totp;
pub mod webauthn;
pub mod workers;
