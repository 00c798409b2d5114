mod initiate_auth;
mod respond_to_auth_challenge;
