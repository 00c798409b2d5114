//! Proving who one is: a sign-in begins, its challenges are answered, and it ends in tokens.

mod initiate_auth;
mod password;
mod respond_to_auth_challenge;

use std::collections::HashMap;

use crate::api::{self, challenge_name};
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::tokens::Issued;
use crate::context::users::User;
use crate::error::Error;
use crate::store::records::{SessionStep, UserStatus};
use crate::store::{Batch, Owner};

/// What a step of a sign-in leads to.
enum Outcome {
    Tokens(Issued),
    Challenge(Challenge),
}

/// A question to the user.
struct Challenge {
    name: challenge_name::Value,
    session: String,
    available: Vec<challenge_name::Value>,
}

impl Challenge {
    /// Asks how the user wants to sign in, of the ways that this server has.
    fn select(cx: &Cx<'_>, batch: &mut Batch, client: &Client, owner: &Owner) -> Self {
        Challenge {
            name: challenge_name::Value::SelectChallenge,
            session: cx.open_session(batch, client, owner, SessionStep::SelectChallenge),
            available: vec![challenge_name::Value::Password],
        }
    }

    /// Asks for the password.
    fn password(cx: &Cx<'_>, batch: &mut Batch, client: &Client, owner: &Owner) -> Self {
        let session = cx.open_session(batch, client, owner, SessionStep::Password);
        Challenge { name: challenge_name::Value::Password, session, available: Vec::new() }
    }
}

impl From<Outcome> for api::InitiateAuthResponse {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Tokens(issued) => {
                api::InitiateAuthResponse { authentication_result: Some(issued.into()), ..Default::default() }
            }
            Outcome::Challenge(challenge) => api::InitiateAuthResponse {
                challenge_name: Some(challenge.name.into()),
                session: Some(challenge.session),
                available_challenges: challenge.available.into_iter().map(i32::from).collect(),
                ..Default::default()
            },
        }
    }
}

/// Both operations answer alike.
impl From<Outcome> for api::RespondToAuthChallengeResponse {
    fn from(outcome: Outcome) -> Self {
        let begun = api::InitiateAuthResponse::from(outcome);
        api::RespondToAuthChallengeResponse {
            challenge_name: begun.challenge_name,
            session: begun.session,
            challenge_parameters: begun.challenge_parameters,
            authentication_result: begun.authentication_result,
            available_challenges: begun.available_challenges,
        }
    }
}

impl From<Issued> for api::AuthenticationResult {
    fn from(issued: Issued) -> Self {
        api::AuthenticationResult {
            access_token: Some(issued.access_token),
            expires_in: Some(issued.expires_in_seconds),
            token_type: Some("Bearer".to_owned()),
            refresh_token: issued.refresh_token,
            id_token: Some(issued.id_token),
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

/// Refuses a user who may not sign in, whatever the proof.
fn refuse_unready(user: &User) -> Result<(), Error> {
    if !user.record.enabled {
        return Err(Error::UserIsDisabled);
    }
    match user.record.status() {
        UserStatus::Confirmed => Ok(()),
        UserStatus::ResetRequired => Err(Error::PasswordResetRequired),
        UserStatus::Unconfirmed | UserStatus::ForceChangePassword | UserStatus::Unknown => {
            Err(Error::UserIsNotConfirmed)
        }
    }
}
