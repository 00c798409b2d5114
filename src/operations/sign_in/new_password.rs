//! `NEW_PASSWORD_REQUIRED`: whoever has proved a temporary password sets one of their own, and gives what the pool requires to be
//! known of its users. That confirms them.

use std::collections::HashMap;

use serde_json::Value;

use super::second_factor::{commit, follow, may_continue};
use super::{Challenge, Outcome, device_named, parameter};
use crate::api::challenge_name;
use crate::api::check::check_password;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::users::User;
use crate::crypto::secret::Secret;
use crate::domain::attributes::Attributes;
use crate::domain::ids::DeviceId;
use crate::domain::sign_in::{FirstProof, Step};
use crate::error::Error;
use crate::store::Batch;
use crate::store::records::{self, UserStatus};

/// What stands before the name of an attribute, among the challenge's parameters and the answers to it.
const ATTRIBUTE: &str = "userAttributes.";

/// Asks for the new password, with what is known of the user, as far as the client may read it, and what is missing.
pub fn ask(cx: &Cx<'_>, batch: &mut Batch, client: &Client, user: &User, device: Option<DeviceId>) -> Challenge {
    let attributes = user.attributes();
    let schema = client.pool.schema();
    let missing = schema.missing(&attributes).map(|definition| format!("{ATTRIBUTE}{}", definition.name).into());
    let known = attributes.iter().filter(|(name, _)| client.may_read(name));
    let known = known.map(|(name, value)| (name.clone(), value.clone().into()));
    let parameters = [
        ("USER_ID_FOR_SRP", user.record.username.clone()),
        ("requiredAttributes", Value::Array(missing.collect()).to_string()),
        ("userAttributes", Value::Object(known.collect()).to_string()),
    ];
    let waiting = Waiting::at(Step::NewPassword).proved_by(user).with_device(device);
    Challenge {
        name: challenge_name::Value::NewPasswordRequired,
        session: cx.open_session(batch, client, &user.owner, &waiting),
        parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        available: Vec::new(),
    }
}

/// Sets the password and goes on. A session whose temporary password is no longer the user's is none.
pub async fn set(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let before = user.attributes();
    may_continue(cx, user, session)?;
    if user.record.status() != UserStatus::ForceChangePassword {
        return Err(Error::InvalidSession);
    }
    let password = parameter(responses, "NEW_PASSWORD")?;
    let after = client.pool.schema().completed(&before, &given_attributes(client, responses)?)?;
    check_password("challengeResponses.NEW_PASSWORD", password)?;
    client.pool.password_policy().check(password).map_err(Error::InvalidNewPassword)?;

    let password = Secret::new(password.to_owned());
    let mut batch = Batch::default();
    cx.rebind_aliases(&mut batch, &client.pool, user, &after).await?;
    cx.void_outrun_code(&mut batch, user, &after).await?;
    let confirmed = records::User {
        status: UserStatus::Confirmed.into(),
        password_expires_at: None,
        ..user.with_attributes(after, cx.now())
    };
    session.use_up(&mut batch);
    let password = cx.new_password(&client.pool, &user.record.username, &password).await?;
    let confirmed = cx.replace_password(&mut batch, &client.pool, user, confirmed, password);
    let device = device_named(responses, session);
    let led = follow(cx, &mut batch, client, &confirmed, FirstProof::by_new_password(), device).await?;
    if !matches!(led, Ok(Outcome::Challenge(_))) {
        cx.forget_attempts(&mut batch, &user.owner);
    }
    commit(cx, batch, led).await
}

/// The attributes among the answers that have a value, if the client may write them.
fn given_attributes(client: &Client, responses: &HashMap<String, String>) -> Result<Attributes, Error> {
    let mut attributes = Attributes::new();
    for (name, value) in responses {
        let Some(name) = name.strip_prefix(ATTRIBUTE) else { continue };
        if !client.may_write(name) {
            return Err(Error::AttributeNotWritable);
        }
        attributes.insert(name.to_owned(), value.clone());
    }
    attributes.retain(|_, value| !value.is_empty());
    Ok(attributes)
}
