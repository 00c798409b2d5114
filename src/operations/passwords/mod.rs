//! Passwords of users who exist: changed, forgotten, reset, set by an operator.

mod admin_reset_user_password;
mod admin_set_user_password;
mod change_password;
mod confirm_forgot_password;
mod forgot_password;

use crate::context::pools::Pool;
use crate::crypto::secret::Secret;
use crate::error::Error;

/// A new password, if it satisfies the pool's policy.
fn new_password(pool: &Pool, password: &str) -> Result<Secret<String>, Error> {
    pool.password_policy().check(password).map_err(Error::InvalidNewPassword)?;
    Ok(Secret::new(password.to_owned()))
}

/// The refusal of a user to whom no code can be sent.
fn no_recovery_address() -> Error {
    Error::invalid_parameter(
        "Cannot reset password for the user as there is no registered/verified email or phone_number",
    )
}
