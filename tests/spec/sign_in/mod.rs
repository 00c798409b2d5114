mod admin_initiate_auth;
mod admin_respond_to_auth_challenge;
mod challenges;
mod initiate_auth;
mod new_password_required;
mod respond_to_auth_challenge;
mod srp;
