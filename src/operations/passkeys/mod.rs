//! Users' passkeys: made, listed and deleted. How one signs in by them is [`super::sign_in`]'s matter.

mod complete_web_authn_registration;
mod delete_web_authn_credential;
mod list_web_authn_credentials;
mod start_web_authn_registration;

use crate::context::pools::Pool;
use crate::domain::passkeys::PasskeyRules;
use crate::error::Error;

/// How the pool wants its passkeys, if users may begin to sign in by them.
fn rules(pool: &Pool) -> Result<PasskeyRules, Error> {
    if !pool.allows_passkeys() {
        return Err(Error::PasskeysNotEnabled);
    }
    pool.passkey_rules().ok_or(Error::PasskeyConfigurationMissing)
}
