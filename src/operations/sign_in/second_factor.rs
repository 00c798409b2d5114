//! What follows a proof: tokens, the question for a second factor, and its answer (reference 4.4), or that for a device.
//!
//! A sign-in that is not at its end forgives nothing: else whoever knows the password could guess at the second factor for ever,
//! proving the password anew between the guesses.

use std::collections::HashMap;

use super::{
    Challenge, Led, Outcome, Refusal, device, device_named, may_sign_in, mfa_setup, new_password, one_time_code,
    parameter,
};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::devices::{Device, Named};
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::software_tokens::Judgement;
use crate::context::users::User;
use crate::domain::ids::DeviceId;
use crate::domain::sign_in::{
    Complete, FirstProof, Next, PasswordIsTemporary, SecondFactor, SecondProof, Standing, Step,
};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::Batch;

/// What follows a first proof, in a sign-in that names this device or none. `user` is as it will be with the batch, which expects
/// the user as it was read.
pub async fn follow(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    proof: FirstProof,
    named: Named<'_>,
) -> Result<Led, Error> {
    let device = cx.named_device(&client.pool, user, named).await?;
    let next =
        proof.next(&standing(client, user, device.as_ref())).map_err(|PasswordIsTemporary| Error::InvalidSession)?;
    go_on(cx, batch, client, user, next, device.as_ref()).await
}

/// What follows a second proof: the question for the device that the sign-in names, or tokens. `user` is as for [`follow`].
pub async fn finish(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    proof: SecondProof,
    named: Named<'_>,
) -> Result<Led, Error> {
    let device = cx.named_device(&client.pool, user, named).await?;
    let next = proof.next(&standing(client, user, device.as_ref()));
    go_on(cx, batch, client, user, next, device.as_ref()).await
}

/// What decides about this user in a sign-in with this device.
pub fn standing(client: &Client, user: &User, device: Option<&Device>) -> Standing {
    Standing { device: device.and_then(|device| device.standing(&client.pool)), ..user.standing(&client.pool) }
}

async fn go_on(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    next: Next,
    named: Option<&Device>,
) -> Result<Led, Error> {
    let id = named.map(Device::id);
    let outcome = match next {
        Next::Complete(complete) => return end(cx, batch, client, user, complete, named).await,
        Next::NewPassword => Outcome::Challenge(new_password::ask(cx, batch, client, user, id)),
        Next::SecondFactor(factor) => Outcome::Challenge(ask(cx, batch, client, user, factor, id).await?),
        Next::SelectMfaType(factors) => Outcome::Challenge(ask_for_choice(cx, batch, client, user, &factors, id)),
        Next::MfaSetup(factors) => Outcome::Challenge(mfa_setup::ask(cx, batch, client, user, &factors, id)?),
        Next::Device(before) => Outcome::Challenge(device::ask(cx, batch, client, user, id, before)),
    };
    Ok(Ok(outcome))
}

/// Tokens, unless a trigger of the pool lets there be none.
pub async fn end(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    complete: Complete,
    device: Option<&Device>,
) -> Result<Led, Error> {
    match cx.sign_in(batch, client, user, complete, device).await {
        Ok(issued) => Ok(Ok(Outcome::Tokens(issued))),
        Err(refusal) if refusal.is_of_trigger() => Ok(Err(Refusal(refusal))),
        Err(other) => Err(other),
    }
}

/// Makes durable what has led somewhere, and says where.
pub async fn commit(cx: &Cx<'_>, batch: Batch, led: Led) -> Result<Outcome, Error> {
    cx.commit(batch).await?;
    cx.outbox_filled.notify_one();
    led.map_err(|Refusal(error)| error)
}

/// Makes durable what a right proof has led to. With the last one, the failures before it are forgotten; before that, the proof
/// is just not counted among them.
pub async fn settle<P>(cx: &Cx<'_>, attempt: &Attempt<P>, mut batch: Batch, led: Led) -> Result<Outcome, Error> {
    if !matches!(led, Ok(Outcome::Challenge(_))) {
        attempt.forgive(&mut batch);
        return commit(cx, batch, led).await;
    }
    let outcome = commit(cx, batch, led).await?;
    attempt.take_back(cx).await?;
    Ok(outcome)
}

/// Asks for a factor.
async fn ask(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    factor: SecondFactor,
    device: Option<DeviceId>,
) -> Result<Challenge, Error> {
    let step = Step::SecondFactor(factor);
    if factor != SecondFactor::SoftwareToken {
        return one_time_code::ask(cx, batch, client, user, step, device).await;
    }
    let token = cx.software_token(&user.owner).await?;
    let mut parameters = HashMap::from([("USER_ID_FOR_SRP".to_owned(), user.record.username.clone())]);
    let name = token.friendly_device_name().map(str::to_owned);
    parameters.extend(name.map(|name| ("FRIENDLY_DEVICE_NAME".to_owned(), name)));
    let waiting = Waiting::at(step).proved_by(user).with_device(device);
    Ok(Challenge {
        name: ChallengeName::SoftwareTokenMfa,
        session: cx.open_session(batch, client, &user.owner, &waiting),
        parameters,
        available: Vec::new(),
    })
}

/// Asks which of several factors it is to be.
fn ask_for_choice(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    factors: &[SecondFactor],
    device: Option<DeviceId>,
) -> Challenge {
    let names: Vec<&str> = factors.iter().map(|factor| factor.name()).collect();
    let mut parameters = HashMap::from([
        ("MFAS_CAN_CHOOSE".to_owned(), serde_json::json!(names).to_string()),
        ("USER_ID_FOR_SRP".to_owned(), user.record.username.clone()),
    ]);
    let takes_code = [(SecondFactor::Sms, Alias::PhoneNumber), (SecondFactor::Email, Alias::Email)]
        .into_iter()
        .find_map(|(factor, alias)| factors.contains(&factor).then(|| one_time_code::destination(user, alias))?);
    parameters.extend(takes_code.map(|destination| ("CODE_DELIVERY_DESTINATION".to_owned(), destination)));
    let waiting = Waiting::at(Step::SelectMfaType).proved_by(user).with_device(device);
    Challenge {
        name: ChallengeName::SelectMfaType,
        session: cx.open_session(batch, client, &user.owner, &waiting),
        parameters,
        available: Vec::new(),
    }
}

/// A factor has been chosen, of those that the user has at this moment.
pub async fn choose(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    may_continue(cx, user, session)?;
    let chosen = SecondFactor::named(parameter(responses, "ANSWER")?);
    let chosen = chosen.filter(|factor| user.standing(&client.pool).usable().contains(factor));
    let chosen = chosen.ok_or_else(|| Error::invalid_parameter("The factor in ANSWER is not available."))?;
    let mut batch = Batch::default();
    session.use_up(&mut batch);
    user.expect_unchanged(&mut batch);
    let challenge = ask(cx, &mut batch, client, user, chosen, session.device()).await?;
    cx.commit(batch).await?;
    cx.outbox_filled.notify_one();
    Ok(Outcome::Challenge(challenge))
}

/// A code of the user's authenticator is judged.
pub async fn answer_by_software_token(
    cx: &Cx<'_>,
    client: &Client,
    user: &User,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    may_continue(cx, user, session)?;
    may_end_by(client, user, SecondFactor::SoftwareToken)?;
    let code = parameter(responses, "SOFTWARE_TOKEN_MFA_CODE")?;
    let attempt = Attempt::begin_without_hash(cx, &user.owner).await?;
    let judged = async {
        let mut batch = Batch::default();
        Ok(match cx.judge_software_token(&mut batch, &user.owner, code).await? {
            Judgement::Right => Ok(batch),
            Judgement::Refused(refusal) => Err(refusal),
        })
    };
    // A wrong code was an attempt; that it could not be judged was none.
    let judged = attempt.evaluate(cx, judged).await?;
    let mut batch = judged?;
    let proof = SecondProof::by(SecondFactor::SoftwareToken, true).ok_or(Error::SoftwareTokenCodeMismatch)?;
    let attempt = attempt.proved(cx, &client.pool).await?;
    let ending = async {
        session.use_up(&mut batch);
        user.expect_unchanged(&mut batch);
        let device = device_named(responses, session);
        let led = finish(cx, &mut batch, client, user, proof, device).await?;
        settle(cx, &attempt, batch, led).await
    };
    attempt.evaluate(cx, ending).await
}

/// Refuses a factor that was turned off since it was asked for: perhaps because it is in other hands.
pub fn may_end_by(client: &Client, user: &User, factor: SecondFactor) -> Result<(), Error> {
    if user.standing(&client.pool).still_asks_for(factor) { Ok(()) } else { Err(Error::InvalidSession) }
}

/// Refuses whoever may not sign in any more, or has another password than the session stands for.
pub fn may_continue(cx: &Cx<'_>, user: &User, session: &OpenSession) -> Result<(), Error> {
    may_sign_in(user, cx.now())?;
    if session.stands_for(user) { Ok(()) } else { Err(Error::InvalidSession) }
}
