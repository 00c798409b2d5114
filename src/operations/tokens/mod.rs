//! Tokens after the sign-in: exchanging them for new ones, and taking them back.

mod get_tokens_from_refresh_token;
mod revoke_token;
