//! Users as operators see them.

mod admin_get_user;
