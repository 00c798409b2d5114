//! Second factors of users: an authenticator app is registered, factors are turned on and off, and one of them is preferred.

mod admin_delete_software_token;
mod admin_set_user_mfa_preference;
mod admin_set_user_settings;
mod associate_software_token;
mod set_user_mfa_preference;
mod set_user_settings;
mod verify_software_token;

use crate::api::{self, delivery_medium};
use crate::context::clients::Client;
use crate::context::mfa_preferences::Wanted;
use crate::context::pools::Pool;
use crate::context::users::User;
use crate::domain::sign_in::SecondFactor;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::operations::honour;

/// What the members say that SetUserMFAPreference and AdminSetUserMFAPreference share.
fn wanted(
    sms: Option<api::SmsMfaSettings>,
    software_token: Option<api::SoftwareTokenMfaSettings>,
    email: Option<api::EmailMfaSettings>,
    passkeys: Option<api::WebAuthnMfaSettings>,
) -> Result<Vec<Wanted>, Error> {
    honour("WebAuthnMfaSettings", passkeys.unwrap_or_default().enabled())?;
    let wanted = |factor, is_on, is_preferred| Wanted { factor, is_on, is_preferred };
    let all = [
        sms.map(|sms| wanted(SecondFactor::Sms, sms.enabled(), sms.preferred_mfa())),
        software_token.map(|token| wanted(SecondFactor::SoftwareToken, token.enabled(), token.preferred_mfa())),
        email.map(|email| wanted(SecondFactor::Email, email.enabled(), email.preferred_mfa())),
    ];
    Ok(all.into_iter().flatten().collect())
}

/// What the older list says of text messages. What is preferred is not its matter.
fn wanted_by_options(user: &User, options: &[api::MfaOption]) -> Result<Wanted, Error> {
    let phone_number = Alias::PhoneNumber.attribute();
    let is_known = |option: &api::MfaOption| {
        option.delivery_medium() == delivery_medium::Value::Sms && option.attribute_name() == phone_number
    };
    if !options.iter().all(is_known) {
        return Err(Error::invalid_parameter("MFAOptions takes nothing but SMS to phone_number."));
    }
    let (factor, is_on) = (SecondFactor::Sms, !options.is_empty());
    Ok(Wanted { factor, is_on, is_preferred: is_on && user.preferred_second_factor() == Some(factor) })
}

/// Refuses a session whose user has turned a factor on meanwhile: that one is to be proved, and no other set up in its place.
fn require_set_up(client: &Client, user: &User) -> Result<(), Error> {
    match user.standing(&client.pool).may_set_up(SecondFactor::SoftwareToken) {
        true => Ok(()),
        false => Err(Error::InvalidSession),
    }
}

/// Refuses to register an authenticator app where the pool has no use for it.
fn require_software_tokens(pool: &Pool) -> Result<(), Error> {
    match pool.second_factors().contains(&SecondFactor::SoftwareToken) {
        true => Ok(()),
        false => Err(Error::SoftwareTokenMfaOff),
    }
}
