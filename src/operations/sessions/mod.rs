//! Where a user is signed in.

mod global_sign_out;
