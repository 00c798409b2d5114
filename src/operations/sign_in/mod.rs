//! Proving who one is: a sign-in begins, its challenges are answered, and it ends in tokens.
//!
//! A user's client and a back end go the same way: InitiateAuth and AdminInitiateAuth by [`begin`], RespondToAuthChallenge
//! and AdminRespondToAuthChallenge by [`respond`]. Which step follows which is [`crate::domain::sign_in`]'s; here each step is
//! asked for and its answer judged.

mod admin_initiate_auth;
mod admin_respond_to_auth_challenge;
mod begin;
mod choice;
mod custom;
mod device;
mod initiate_auth;
mod mfa_setup;
mod migration;
mod new_password;
mod one_time_code;
mod passkey;
mod password;
mod respond;
mod respond_to_auth_challenge;
mod second_factor;
mod srp;

use std::collections::HashMap;

use jiff::Timestamp;

use crate::api::{self, challenge_name};
use crate::context::devices::Named;
use crate::context::sessions::OpenSession;
use crate::context::tokens::Issued;
use crate::context::users::User;
use crate::error::Error;
use crate::store::records::UserStatus;

/// What a step of a sign-in leads to.
enum Outcome {
    Tokens(Issued),
    Challenge(Challenge),
}

/// What a right proof leads to: an outcome, or, where a trigger lets there be no tokens, its refusal. What the proof has changed
/// stays then, and it is spent.
type Led = Result<Outcome, Refusal>;

/// A trigger's reason why there are no tokens.
struct Refusal(Error);

/// A question to the user.
struct Challenge {
    name: challenge_name::Value,
    session: String,
    /// What the caller is told with it. Lists and objects are JSON.
    parameters: HashMap<String, String>,
    available: Vec<challenge_name::Value>,
}

/// All operations of this area answer alike.
macro_rules! answers {
    ($($response:ident)*) => {
        $(impl From<Outcome> for api::$response {
            fn from(outcome: Outcome) -> Self {
                match outcome {
                    Outcome::Tokens(issued) => {
                        api::$response { authentication_result: Some(issued.into()), ..Default::default() }
                    }
                    Outcome::Challenge(challenge) => api::$response {
                        challenge_name: Some(challenge.name.into()),
                        session: Some(challenge.session),
                        challenge_parameters: challenge.parameters,
                        available_challenges: challenge.available.into_iter().map(i32::from).collect(),
                        ..Default::default()
                    },
                }
            }
        })*
    };
}

answers! {
    AdminInitiateAuthResponse AdminRespondToAuthChallengeResponse InitiateAuthResponse RespondToAuthChallengeResponse
}

impl From<Issued> for api::AuthenticationResult {
    fn from(issued: Issued) -> Self {
        api::AuthenticationResult {
            access_token: Some(issued.access_token),
            expires_in: Some(issued.expires_in_seconds),
            token_type: Some("Bearer".to_owned()),
            refresh_token: issued.refresh_token,
            id_token: Some(issued.id_token),
            new_device_metadata: issued.new_device.map(|device| api::NewDeviceMetadata {
                device_key: Some(device.key),
                device_group_key: Some(device.group_key),
            }),
        }
    }
}

/// A value of `AuthParameters` or `ChallengeResponses`, if there is one; an empty one is none.
fn given<'a>(parameters: &'a HashMap<String, String>, name: &str) -> Option<&'a str> {
    parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// A value without which there is no going on.
fn parameter<'a>(parameters: &'a HashMap<String, String>, name: &'static str) -> Result<&'a str, Error> {
    given(parameters, name).ok_or(Error::MissingParameter(name))
}

/// The device that an answer names, or that the sign-in has named before it.
fn device_named<'a>(responses: &'a HashMap<String, String>, session: &OpenSession) -> Named<'a> {
    Named { key: given(responses, "DEVICE_KEY"), before: session.device() }
}

/// Refuses a user who may not sign in, whatever the proof.
fn may_sign_in(user: &User, now: Timestamp) -> Result<(), Error> {
    match user.record.status() {
        _ if !user.record.enabled => Err(Error::UserIsDisabled),
        UserStatus::Confirmed => Ok(()),
        UserStatus::ForceChangePassword if user.temporary_password_has_ended(now) => {
            Err(Error::TemporaryPasswordExpired)
        }
        UserStatus::ForceChangePassword => Ok(()),
        UserStatus::ResetRequired => Err(Error::PasswordResetRequired),
        UserStatus::Unconfirmed | UserStatus::Unknown => Err(Error::UserIsNotConfirmed),
    }
}
