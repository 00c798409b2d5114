//! Codes that a sign-in sends to an address of the user: instead of a password, or after a proof of it.
//!
//! A code is good for its session, and for the address that it was sent to. Where it is hidden who exists, whoever cannot be
//! sent one is asked for one all the same, and none is right.

use std::collections::HashMap;

use super::second_factor::{finish, follow, may_continue, may_end_by, settle};
use super::{Challenge, Outcome, device_named, may_sign_in, mfa_setup, parameter};
use crate::api::challenge_name::Value as ChallengeName;
use crate::clock::after;
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::messages::{Addressee, Perishable, medium_to};
use crate::context::sessions::{OpenSession, SentCode, Waiting};
use crate::context::triggers::custom_message::{Occasion, Reason};
use crate::context::users::User;
use crate::context::verification::Sent;
use crate::domain::attributes::is_verified;
use crate::domain::ids::DeviceId;
use crate::domain::messages::{Purpose, Words};
use crate::domain::sign_in::{FirstFactor, FirstProof, SecondFactor, SecondProof, Step};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::UserStatus;
use crate::store::{Batch, Owner};

/// A question that a code answers.
struct Question {
    step: Step,
    attribute: Alias,
    digits: usize,
    purpose: Purpose,
    challenge: ChallengeName,
    /// The name of the answer.
    answer: &'static str,
}

/// The code of a first factor stands alone, so it is longer (reference 4.4).
const FIRST_FACTOR_DIGITS: usize = 8;
const SECOND_FACTOR_DIGITS: usize = 6;

impl Question {
    /// The question at a step, if it is for a code.
    fn at(step: Step) -> Option<Self> {
        let (attribute, challenge, answer) = match step {
            Step::FirstFactor(FirstFactor::EmailOtp) | Step::SecondFactor(SecondFactor::Email) => {
                (Alias::Email, ChallengeName::EmailOtp, "EMAIL_OTP_CODE")
            }
            Step::FirstFactor(FirstFactor::SmsOtp) => (Alias::PhoneNumber, ChallengeName::SmsOtp, "SMS_OTP_CODE"),
            Step::SecondFactor(SecondFactor::Sms) => (Alias::PhoneNumber, ChallengeName::SmsMfa, "SMS_MFA_CODE"),
            _ => return None,
        };
        let (digits, purpose) = match step {
            Step::FirstFactor(_) => (FIRST_FACTOR_DIGITS, Purpose::FirstFactor),
            _ => (SECOND_FACTOR_DIGITS, Purpose::SecondFactor),
        };
        Some(Question { step, attribute, digits, purpose, challenge, answer })
    }

    /// As the caller is asked.
    fn challenge(&self, session: String, sent: Sent, username: Option<&str>) -> Challenge {
        let medium = if sent.attribute == Alias::PhoneNumber { "SMS" } else { "EMAIL" };
        let mut parameters = HashMap::from([
            ("CODE_DELIVERY_DELIVERY_MEDIUM".to_owned(), medium.to_owned()),
            ("CODE_DELIVERY_DESTINATION".to_owned(), sent.masked_destination),
        ]);
        parameters.extend(username.map(|username| ("USER_ID_FOR_SRP".to_owned(), username.to_owned())));
        let available = matches!(self.step, Step::FirstFactor(_)).then_some(self.challenge);
        Challenge { name: self.challenge, session, parameters, available: available.into_iter().collect() }
    }
}

/// Where a code to this attribute would go, as the user may be told.
pub fn destination(user: &User, attribute: Alias) -> Option<String> {
    user.address(attribute).map(|address| Sent::to(attribute, address).masked_destination)
}

/// Sends a code to an address of the user, and asks for it. The batch expects the user as it was read.
pub async fn ask(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    step: Step,
    device: Option<DeviceId>,
) -> Result<Challenge, Error> {
    let question = Question::at(step).ok_or_else(|| Error::internal("no code is sent at this step"))?;
    let address = user.address(question.attribute).ok_or(Error::InvalidSession)?;
    send(cx, batch, client, user, &question, address, Waiting::at(step).with_device(device)).await
}

/// The same as a second factor at an e-mail address that is to be the user's: the session keeps it until then.
pub async fn ask_at(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    email: &str,
    device: Option<DeviceId>,
) -> Result<Challenge, Error> {
    let step = Step::SecondFactor(SecondFactor::Email);
    let question = Question::at(step).ok_or_else(|| Error::internal("no code is sent at this step"))?;
    let waiting = Waiting::at(step).with_secret(email.as_bytes()).with_device(device);
    send(cx, batch, client, user, &question, email, waiting).await
}

async fn send(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    question: &Question,
    address: &str,
    waiting: Waiting<'_>,
) -> Result<Challenge, Error> {
    let attribute = question.attribute;
    cx.require_way_to(attribute)?;
    cx.count_message(batch, &user.owner).await?;
    let reason = Reason { occasion: Occasion::SignIn, user: &user.record, client: Some(&client.id.0) };
    let words = cx.wording(&client.pool, reason, medium_to(attribute)).await?;
    let code = cx.rng.digits(question.digits);
    let waiting = waiting.for_code(SentCode { attribute, address, code: &code });
    let is_second = matches!(question.step, Step::SecondFactor(_));
    let waiting = if is_second { waiting.proved_by(user) } else { waiting };
    let session = cx.open_session(batch, client, &user.owner, &waiting);
    let username = &user.record.username;
    let expires_at = after(cx.now(), client.session_validity()).as_millisecond();
    let addressee = Addressee { attribute, address, username, is_hidden: false };
    let perishable = Perishable { text: &code, expires_at };
    cx.enqueue_code(batch, &client.pool, addressee, question.purpose, None, perishable, &words);
    let username = is_second.then_some(username.as_str());
    Ok(question.challenge(session, Sent::to(attribute, address), username))
}

/// Does for whoever is hidden what sending the code of a first factor does, work for work, but for the message, which goes
/// nowhere. `told` is where it seems to go.
pub async fn seem_to_ask(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    (owner, username): (&Owner, &str),
    factor: FirstFactor,
    told: Sent,
) -> Result<Challenge, Error> {
    let step = Step::FirstFactor(factor);
    let question = Question::at(step).ok_or_else(|| Error::internal("no code is sent at this step"))?;
    cx.require_way_to(question.attribute)?;
    cx.count_simulated_message(batch, owner).await?;
    let nobody_knows = cx.rng.digits(question.digits);
    let (attribute, address) = (question.attribute, told.masked_destination.as_str());
    let waiting = Waiting::at(step).for_code(SentCode { attribute, address, code: &nobody_knows });
    let session = cx.open_session(batch, client, owner, &waiting);
    let expires_at = after(cx.now(), client.session_validity()).as_millisecond();
    let addressee = Addressee { attribute, address, username, is_hidden: true };
    let code = Perishable { text: &nobody_knows, expires_at };
    cx.enqueue_code(batch, &client.pool, addressee, question.purpose, None, code, &Words::default());
    Ok(question.challenge(session, told, None))
}

/// A code is judged. A wrong one leaves the session to try again, as often as the lockout lets.
pub async fn answer(
    cx: &Cx<'_>,
    client: &Client,
    user: Option<&User>,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let question = Question::at(session.step()).ok_or(Error::InvalidSession)?;
    let code = parameter(responses, question.answer)?;
    let set_up = email_to_set_up(cx, session)?;
    may_answer(cx, client, user, session, set_up.is_some())?;
    let attempt = Attempt::begin_without_hash(cx, session.owner()).await?;
    // The same work whoever it is.
    let address = set_up.as_deref().or(user.and_then(|user| user.address(question.attribute))).unwrap_or_default();
    let is_right = session.is_code(cx, SentCode { attribute: question.attribute, address, code });
    let user = user.filter(|_| is_right).ok_or(Error::InvalidCode)?;
    let attempt = attempt.proved(cx, &client.pool).await?;
    let ending = async {
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        let after = verified(cx, &mut batch, client, user, &question, set_up.as_deref()).await?;
        let device = device_named(responses, session);
        let led = match question.step {
            Step::FirstFactor(factor) => {
                may_begin_by_code(user)?;
                // Turned on meanwhile, for what a code has begun no other may have to end.
                if user.standing(&client.pool).needs_second_factor() {
                    return Err(Error::InvalidSession);
                }
                let proof = FirstProof::by(factor, is_right).ok_or(Error::InvalidCode)?;
                follow(cx, &mut batch, client, &after, proof, device).await?
            }
            Step::SecondFactor(factor) => {
                let proof = SecondProof::by(factor, is_right).ok_or(Error::InvalidCode)?;
                finish(cx, &mut batch, client, &after, proof, device).await?
            }
            _ => return Err(Error::InvalidSession),
        };
        settle(cx, &attempt, batch, led).await
    };
    attempt.evaluate(cx, ending).await
}

/// The e-mail address that becomes the user's with the code that went there.
fn email_to_set_up(cx: &Cx<'_>, session: &OpenSession) -> Result<Option<String>, Error> {
    if !session.has_secret() {
        return Ok(None);
    }
    String::from_utf8(session.secret(cx)?.expose().clone()).map(Some).map_err(Error::internal)
}

/// Refuses an answer, right or wrong, to what is not asked for any more. Of a first factor it says nothing about the user.
fn may_answer(
    cx: &Cx<'_>,
    client: &Client,
    user: Option<&User>,
    session: &OpenSession,
    sets_up: bool,
) -> Result<(), Error> {
    let is_open = match (session.step(), user) {
        (Step::FirstFactor(factor), _) => factor.is_among(&client.pool.record.first_auth_factors),
        (Step::SecondFactor(factor), Some(user)) => {
            may_continue(cx, user, session)?;
            match sets_up {
                true => user.standing(&client.pool).may_set_up(factor),
                false => return may_end_by(client, user, factor),
            }
        }
        _ => false,
    };
    if is_open { Ok(()) } else { Err(Error::InvalidSession) }
}

/// Refuses users whom a code does not sign in. An unconfirmed one it confirms.
pub fn may_begin_by_code(user: &User) -> Result<(), Error> {
    match user.record.status() {
        _ if !user.record.enabled => Err(Error::UserIsDisabled),
        UserStatus::Unconfirmed | UserStatus::Confirmed => Ok(()),
        UserStatus::ResetRequired => Err(Error::PasswordResetRequired),
        UserStatus::ForceChangePassword | UserStatus::Unknown => Err(Error::InvalidSession),
    }
}

/// The user once the code has proved the address, which confirms them too; with `set_up`, once they have that one. An address of
/// theirs that is another's as a sign-in name meanwhile stays unverified where the code was not all that the sign-in rests on.
async fn verified(
    cx: &Cx<'_>,
    batch: &mut Batch,
    client: &Client,
    user: &User,
    question: &Question,
    set_up: Option<&str>,
) -> Result<User, Error> {
    let before = user.attributes();
    let mut after = match set_up {
        Some(email) => mfa_setup::with_email(client, user, email)?,
        None => before.clone(),
    };
    after.insert(question.attribute.verified_flag(), "true".to_owned());
    let is_first = matches!(question.step, Step::FirstFactor(_));
    let confirms = is_first && user.record.status() == UserStatus::Unconfirmed;
    let verifies = !is_verified(question.attribute, &before);
    if !confirms && !verifies {
        user.expect_unchanged(batch);
        return Ok(User { owner: user.owner.clone(), record: user.record.with(user.record.record.clone()) });
    }
    let mut moved = Batch::default();
    match cx.move_aliases(&mut moved, &client.pool, &user.owner, &before, &after, false).await {
        Ok(()) => batch.append(moved),
        Err(Error::AliasExists(_)) if !is_first && set_up.is_none() => after = before,
        Err(other) => return Err(other),
    }
    let mut changed = user.with_attributes(after, cx.now());
    if confirms {
        changed.status = UserStatus::Confirmed.into();
    }
    if set_up.is_some() {
        changed.mfa = Some(mfa_setup::with_email_turned_on(user));
    }
    user.replace(batch, &changed);
    Ok(User { owner: user.owner.clone(), record: user.record.with(changed) })
}

/// Refuses users to whom no code may be told to go, where that is no secret.
pub fn may_be_asked(user: &User, now: jiff::Timestamp) -> Result<(), Error> {
    match user.record.status() {
        UserStatus::Unconfirmed if user.record.enabled => Ok(()),
        _ => may_sign_in(user, now).map(|_| ()),
    }
}
