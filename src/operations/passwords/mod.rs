//! Passwords of users who exist.

mod admin_set_user_password;
