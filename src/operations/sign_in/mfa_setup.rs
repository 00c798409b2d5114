//! `MFA_SETUP`: the pool insists on a second factor, the user has none, and sets one up within the sign-in.
//!
//! A software token is set up by AssociateSoftwareToken and VerifySoftwareToken with the session; the session of the latter ends
//! the challenge. An e-mail address is given as the answer, and the code that goes there ends the sign-in.

use std::collections::HashMap;

use super::second_factor::{commit, finish, may_continue};
use super::{Challenge, Outcome, device_named, given, one_time_code};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::software_tokens::Proved;
use crate::context::users::User;
use crate::domain::attributes::Attributes;
use crate::domain::ids::DeviceId;
use crate::domain::sign_in::{SecondFactor, SecondProof, Step};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::Batch;
use crate::store::records;

/// Asks for a factor to be set up, of those that can be.
pub fn ask(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    factors: &[SecondFactor],
    device: Option<DeviceId>,
) -> Result<Challenge, Error> {
    if factors.is_empty() {
        return Err(Error::invalid_parameter("User does not have delivery config set to turn on SMS_MFA"));
    }
    let names: Vec<&str> = factors.iter().map(|factor| factor.name()).collect();
    let parameters = HashMap::from([
        ("MFAS_CAN_SETUP".to_owned(), serde_json::json!(names).to_string()),
        ("USER_ID_FOR_SRP".to_owned(), user.record.username.clone()),
    ]);
    let waiting = Waiting::at(Step::MfaSetup).proved_by(user).with_device(device);
    let session = cx.open_session(batch, client, &user.owner, &waiting);
    Ok(Challenge { name: ChallengeName::MfaSetup, session, parameters, available: Vec::new() })
}

/// Goes on with what has been set up.
pub async fn answer(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    may_continue(cx, user, session)?;
    match session.step().software_token_proved() {
        Some(proved) => {
            let token = Proved::decoded(&session.secret(cx)?).ok_or_else(|| Error::internal("no token was set up"))?;
            if !user.standing(&client.pool).may_set_up(SecondFactor::SoftwareToken) {
                return Err(Error::InvalidSession);
            }
            let mut batch = Batch::default();
            session.use_up(&mut batch);
            cx.software_token(&user.owner).await?.register(cx, &mut batch, &token);
            let mut mfa = user.record.mfa.unwrap_or_default();
            mfa.software_token = true;
            mfa.set_preferred(records::SecondFactor::SoftwareToken);
            let changed = records::User { mfa: Some(mfa), ..user.record.record.clone() };
            user.replace(&mut batch, &changed);
            let user = User { owner: user.owner.clone(), record: user.record.with(changed) };
            let device = device_named(responses, session);
            let led = finish(cx, &mut batch, client, &user, SecondProof::by_set_up(proved), device).await?;
            if !matches!(led, Ok(Outcome::Challenge(_))) {
                cx.forget_attempts(&mut batch, &user.owner);
            }
            commit(cx, batch, led).await
        }
        None => by_email(cx, client, user, session, given(responses, "email")).await,
    }
}

/// The user has given an e-mail address. It is not theirs before the code that goes there comes back: whoever has mistyped it
/// begins anew.
async fn by_email(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    email: Option<&str>,
) -> Result<Outcome, Error> {
    let possible = user.standing(&client.pool).may_set_up(SecondFactor::Email);
    let email = email.filter(|_| possible).ok_or(Error::InvalidSession)?;
    if !client.may_write(Alias::Email.attribute()) {
        return Err(Error::AttributeNotWritable);
    }
    let mut batch = Batch::default();
    // Refused before a code goes there is what would be refused after.
    cx.rebind_aliases(&mut batch, &client.pool, user, &with_email(client, user, email)?).await?;
    let mut batch = Batch::default();
    session.use_up(&mut batch);
    user.expect_unchanged(&mut batch);
    let challenge = one_time_code::ask_at(cx, &mut batch, client, user, email, session.device()).await?;
    cx.commit(batch).await?;
    cx.outbox_filled.notify_one();
    Ok(Outcome::Challenge(challenge))
}

/// The user's attributes once a code has proved an e-mail address that they had not.
pub fn with_email(client: &Client, user: &User, email: &str) -> Result<Attributes, Error> {
    let given = [(Alias::Email.attribute().to_owned(), email.to_owned())].into_iter().collect();
    let mut after = client.pool.schema().completed(&user.attributes(), &given)?;
    after.insert(Alias::Email.verified_flag(), "true".to_owned());
    Ok(after)
}

/// The user's second factors once a code has proved the e-mail address that they have set up.
pub fn with_email_turned_on(user: &User) -> records::MfaPreference {
    records::MfaPreference { email: true, ..user.record.mfa.unwrap_or_default() }
}
