mod get_tokens_from_refresh_token;
mod revoke_token;
