//! A user's own account.

mod delete_user;
mod get_user;
