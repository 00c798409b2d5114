//! Tokens after the sign-in: taking them back.

mod revoke_token;
