//! A user's own account.

mod get_user;
