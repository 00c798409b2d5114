//! `DEVICE_SRP_AUTH` and `DEVICE_PASSWORD_VERIFIER`: a remembered device proves the secret that its client has made for it
//! (reference 4.9), as a user proves a password by SRP.
//!
//! Both ask for the device that the sign-in has named, and no other. A wrong proof is a failure like a wrong password.

use std::collections::HashMap;

use super::second_factor::{end, may_continue, settle, standing};
use super::{Challenge, Outcome, parameter, srp};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::devices::{Device, Named};
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::users::User;
use crate::domain::ids::DeviceId;
use crate::domain::sign_in::{Before, Complete, Step};
use crate::error::Error;
use crate::store::Batch;

/// Asks for the beginning of the proof.
pub fn ask(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    device: Option<DeviceId>,
    before: Before,
) -> Challenge {
    let waiting = Waiting::at(Step::DeviceBeginning(before)).proved_by(user).with_device(device);
    Challenge {
        name: ChallengeName::DeviceSrpAuth,
        session: cx.open_session(batch, client, &user.owner, &waiting),
        parameters: device.map(|device| who(client, user, device)).unwrap_or_default(),
        available: Vec::new(),
    }
}

/// Whose device is asked for, and which.
fn who(client: &Client, user: &User, device: DeviceId) -> HashMap<String, String> {
    HashMap::from([
        ("USERNAME".to_owned(), user.record.username.clone()),
        ("DEVICE_KEY".to_owned(), device.key(&client.pool.id)),
    ])
}

/// Answers SRP_A with the question for the proof.
pub async fn begin(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    before: Before,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let device = asked_for(cx, client, user, session, before, responses).await?;
    let number = srp::client_number(parameter(responses, "SRP_A")?)?;
    let begun = srp::exchange(cx, &user.owner, device.verifier(cx)?, number).await?;
    let mut batch = Batch::default();
    session.use_up(&mut batch);
    user.expect_unchanged(&mut batch);
    let waiting = Waiting::at(Step::DeviceProof(before)).proved_by(user).with_device(Some(device.id()));
    let session = cx.open_session(&mut batch, client, &user.owner, &waiting.with_secret(begun.secret.expose()));
    cx.commit(batch).await?;
    let mut parameters = begun.parameters(&session);
    parameters.extend(who(client, user, device.id()));
    let name = ChallengeName::DevicePasswordVerifier;
    Ok(Outcome::Challenge(Challenge { name, session, parameters, available: Vec::new() }))
}

/// The proof is judged. A wrong one leaves the session to try again, as often as the lockout lets.
pub async fn answer(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    before: Before,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let device = asked_for(cx, client, user, session, before, responses).await?;
    let proof = srp::Given::among(cx, responses)?;
    let attempt = Attempt::begin(cx, &user.owner).await?;
    let identity = client.pool.device_identity(device.id());
    let exchange = session.secret(cx)?;
    let is_right = proof.judge(cx, &attempt, exchange.expose(), device.verifier(cx)?, identity).await?;
    let complete = Complete::by_device(before, is_right, &standing(client, user, Some(&device)));
    let complete = complete.ok_or(Error::IncorrectUsernameOrPassword)?;
    let attempt = attempt.proved(cx, &client.pool).await?;
    // A right proof that comes to nothing was no failure either.
    let ending = async {
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        user.expect_unchanged(&mut batch);
        let led = end(cx, &mut batch, client, user, complete, Some(&device)).await?;
        settle(cx, &attempt, batch, led).await
    };
    attempt.evaluate(cx, ending).await
}

/// The device that the session asks for, which must be named, if it is still what ends the sign-in: it may have been forgotten
/// meanwhile, or the pool may want more now.
async fn asked_for(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    before: Before,
    responses: &HashMap<String, String>,
) -> Result<Device, Error> {
    may_continue(cx, user, session)?;
    let named = Named { key: Some(parameter(responses, "DEVICE_KEY")?), before: session.device() };
    let device = cx.named_device(&client.pool, user, named).await?.ok_or(Error::InvalidSession)?;
    match standing(client, user, Some(&device)).still_asks_for_device(before) {
        true => Ok(device),
        false => Err(Error::InvalidSession),
    }
}
