//! The second factors of a pool: how they are set and shown, and what does not go together with them.

use crate::api::{self, user_pool_mfa};
use crate::context::Cx;
use crate::error::Error;
use crate::store::records::{self, MfaConfiguration};

/// What a request says of second factors as a whole.
pub fn configuration(number: Option<i32>) -> MfaConfiguration {
    match number.and_then(|number| user_pool_mfa::Value::try_from(number).ok()) {
        Some(user_pool_mfa::Value::On) => MfaConfiguration::MfaOn,
        Some(user_pool_mfa::Value::Optional) => MfaConfiguration::MfaOptional,
        Some(user_pool_mfa::Value::Off | user_pool_mfa::Value::Unspecified) | None => MfaConfiguration::MfaOff,
    }
}

/// The second factors by the settings of CreateUserPool and UpdateUserPool, which name none: those that the pool has, or
/// text messages, as in Cognito. Where it asks for none, it has none.
pub fn of_settings(
    before: Option<records::PoolMfa>,
    configuration: MfaConfiguration,
    sms_message: Option<String>,
) -> Option<records::PoolMfa> {
    let has_a_factor = |mfa: &records::PoolMfa| mfa.sms || mfa.software_token || mfa.email;
    let factors = match configuration {
        MfaConfiguration::MfaOff => records::PoolMfa::default(),
        MfaConfiguration::MfaOptional | MfaConfiguration::MfaOn => {
            before.filter(has_a_factor).unwrap_or(records::PoolMfa { sms: true, ..Default::default() })
        }
    };
    kept(records::PoolMfa { configuration: configuration.into(), sms_message, ..factors })
}

/// Nothing, where that says as much.
fn kept(mfa: records::PoolMfa) -> Option<records::PoolMfa> {
    (mfa != records::PoolMfa::default()).then_some(mfa)
}

/// Refuses factors whose codes could not be sent, or that a lost password would take along.
pub fn check_factors(cx: &Cx<'_>, pool: &records::Pool) -> Result<(), Error> {
    let mfa = pool.mfa.clone().unwrap_or_default();
    let sends_text_messages = mfa.sms || pool.first_auth_factors.iter().any(|factor| factor == "SMS_OTP");
    if sends_text_messages && !cx.takes_text_messages {
        return Err(Error::invalid_parameter("This server has no way to send text messages."));
    }
    // Whoever reads the mail would have both factors.
    if mfa.email && pool.account_recovery == ["verified_email"] {
        let message = "E-mail cannot be a second factor where it is the only means of account recovery.";
        return Err(Error::invalid_parameter(message));
    }
    Ok(())
}

/// How it is shown whether a pool asks for second factors.
pub fn shown(pool: &records::Pool) -> user_pool_mfa::Value {
    match pool.mfa.as_ref().map(records::PoolMfa::configuration).unwrap_or_default() {
        MfaConfiguration::MfaOff => user_pool_mfa::Value::Off,
        MfaConfiguration::MfaOptional => user_pool_mfa::Value::Optional,
        MfaConfiguration::MfaOn => user_pool_mfa::Value::On,
    }
}

/// The factors of a pool, each if it is configured.
pub fn factors(pool: &records::Pool) -> api::GetUserPoolMfaConfigResponse {
    let mfa = pool.mfa.clone().unwrap_or_default();
    let (message, subject) = (mfa.email_message, mfa.email_subject);
    api::GetUserPoolMfaConfigResponse {
        sms_mfa_configuration: mfa
            .sms
            .then_some(api::SmsMfaConfig { sms_authentication_message: mfa.sms_message, sms_configuration: None }),
        software_token_mfa_configuration: mfa
            .software_token
            .then_some(api::SoftwareTokenMfaConfig { enabled: Some(true) }),
        email_mfa_configuration: mfa.email.then_some(api::EmailMfaConfig { message, subject }),
        mfa_configuration: Some(shown(pool).into()),
        web_authn_configuration: super::web_authn_configuration(pool),
    }
}
