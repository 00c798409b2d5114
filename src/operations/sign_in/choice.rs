//! `SELECT_CHALLENGE`: users choose how to begin, of the ways that the pool allows and they have the means for (reference 4.5).
//!
//! A choice comes with the beginning, as a preference, or as an answer; the proof may come along with it. Where it is hidden who
//! exists, a name that nobody has is offered what users of the pool are usually offered.

use std::collections::HashMap;

use super::one_time_code::{self, may_be_asked, may_begin_by_code};
use super::{Challenge, Outcome, given, may_sign_in, parameter, passkey, password, srp};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::devices::Named;
use crate::context::passkeys::Passkey;
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::users::User;
use crate::context::verification::Sent;
use crate::domain::attributes::is_verified;
use crate::domain::sign_in::{FirstFactor, Means, Mfa, Step};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::UserStatus;
use crate::store::{Batch, Owner};

/// Whoever begins, by the name that was given.
struct Beginner<'a> {
    client: &'a Client,
    username: &'a str,
    /// Where it is hidden who exists, perhaps nobody.
    user: Option<User>,
    owner: Owner,
    /// The user's passkeys that serve at present.
    passkeys: Vec<Passkey>,
}

/// Begins by the preferred way, if there is one that can be taken, and else asks for a choice. `user` was found by this name.
pub async fn begin(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<User>,
    parameters: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let beginner = Beginner::named(cx, client, username, user).await?;
    let available = beginner.available()?;
    let preferred = given(parameters, "PREFERRED_CHALLENGE").and_then(FirstFactor::named);
    if let Some(preferred) = preferred.filter(|preferred| available.contains(preferred)) {
        return beginner.begin_by(cx, preferred, parameters, None).await;
    }
    let mut batch = Batch::default();
    let session = cx.open_session(&mut batch, client, &beginner.owner, &Waiting::at(Step::SelectChallenge));
    cx.commit(batch).await?;
    Ok(Outcome::Challenge(Challenge {
        name: ChallengeName::SelectChallenge,
        session,
        parameters: HashMap::new(),
        available: available.into_iter().map(challenge_of).collect(),
    }))
}

/// Goes on by the way that was chosen.
pub async fn choose(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<User>,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let beginner = Beginner::named(cx, client, username, user).await?;
    let chosen = FirstFactor::named(parameter(responses, "ANSWER")?);
    let available = beginner.available()?;
    let chosen = chosen.filter(|chosen| available.contains(chosen));
    let chosen = chosen.ok_or_else(|| Error::invalid_parameter("The challenge in ANSWER is not available."))?;
    beginner.begin_by(cx, chosen, responses, Some(session)).await
}

impl<'a> Beginner<'a> {
    async fn named(cx: &Cx<'_>, client: &'a Client, username: &'a str, user: Option<User>) -> Result<Self, Error> {
        let hides = client.hides_user_existence();
        let owner = match &user {
            Some(user) if hides => user.owner.clone(),
            Some(user) => {
                may_be_asked(user, cx.now())?;
                user.owner.clone()
            }
            None if hides => cx.nobody(&client.pool, username),
            None => return Err(Error::UserDoesNotExist),
        };
        let passkeys = match &user {
            Some(user) => cx.usable_passkeys(&client.pool, user).await?,
            None => Vec::new(),
        };
        Ok(Beginner { client, username, user, owner, passkeys })
    }

    /// The ways to begin, of which there must be one.
    fn available(&self) -> Result<Vec<FirstFactor>, Error> {
        let means = self.user.as_ref().map_or_else(|| self.usual_means(), |user| self.means_of(user));
        let available = means.available(&self.client.pool.record.first_auth_factors);
        match &self.user {
            Some(user) if available.is_empty() && user.record.status() == UserStatus::Unconfirmed => {
                Err(Error::UserIsNotConfirmed)
            }
            _ if available.is_empty() => Err(Error::IncorrectUsernameOrPassword),
            _ => Ok(available),
        }
    }

    fn means_of(&self, user: &User) -> Means {
        let (attributes, status) = (user.attributes(), user.record.status());
        let is_new = status == UserStatus::Unconfirmed;
        let takes = |alias| {
            let is_proved = is_verified(alias, &attributes) || is_new;
            user.address(alias).is_some() && is_proved && status != UserStatus::ForceChangePassword
        };
        // A user who has no password, or whom none signs in yet, would else be known by that from a name that nobody has.
        let has_password = self.client.hides_user_existence() || !user.record.password_hash.is_empty() && !is_new;
        Means {
            has_password,
            has_srp: self.client.pool.record.keeps_srp_verifiers,
            takes_email: takes(Alias::Email),
            takes_sms: takes(Alias::PhoneNumber),
            has_passkey: !self.passkeys.is_empty() && status != UserStatus::ForceChangePassword,
            passkey_stands_for_second_factor: self.passkey_stands_for_second_factor(),
            needs_second_factor: user.standing(&self.client.pool).needs_second_factor(),
        }
    }

    /// Those of a user who is like the rest.
    fn usual_means(&self) -> Means {
        let pool = &self.client.pool;
        let usual = [pool.auto_verified(), pool.username_rules().username_attributes].concat();
        Means {
            has_password: true,
            has_srp: pool.record.keeps_srp_verifiers,
            takes_email: usual.contains(&Alias::Email),
            takes_sms: usual.contains(&Alias::PhoneNumber),
            // Most have none; and of one that is made up, whoever asks for it would soon know.
            has_passkey: false,
            passkey_stands_for_second_factor: self.passkey_stands_for_second_factor(),
            needs_second_factor: pool.mfa() == Mfa::On,
        }
    }

    fn passkey_stands_for_second_factor(&self) -> bool {
        self.client.pool.passkey_rules().is_some_and(|rules| rules.stands_for_second_factor)
    }

    async fn begin_by(
        &self,
        cx: &Cx<'_>,
        factor: FirstFactor,
        given_along: &HashMap<String, String>,
        session: Option<&OpenSession>,
    ) -> Result<Outcome, Error> {
        match factor {
            FirstFactor::Password => {
                if let Some(password) = given(given_along, "PASSWORD") {
                    let (user, device) =
                        (self.user.as_ref(), Named { key: given(given_along, "DEVICE_KEY"), before: None });
                    return password::sign_in(cx, self.client, self.username, user, password, session, device).await;
                }
                self.ask_for_proof(cx, ChallengeName::Password, Step::FirstFactor(factor), session).await
            }
            FirstFactor::PasswordSrp => {
                if let Some(srp_a) = given(given_along, "SRP_A") {
                    return srp::begin(cx, self.client, self.username, self.user.as_ref(), srp_a, session).await;
                }
                self.ask_for_proof(cx, ChallengeName::PasswordSrp, Step::SrpBeginning, session).await
            }
            FirstFactor::EmailOtp => self.begin_by_code(cx, factor, Alias::Email, session).await,
            FirstFactor::SmsOtp => self.begin_by_code(cx, factor, Alias::PhoneNumber, session).await,
            FirstFactor::WebAuthn => self.begin_by_passkey(cx, session).await,
        }
    }

    /// Asks for what did not come along.
    async fn ask_for_proof(
        &self,
        cx: &Cx<'_>,
        name: ChallengeName,
        step: Step,
        session: Option<&OpenSession>,
    ) -> Result<Outcome, Error> {
        if let Some(user) = self.user.as_ref().filter(|_| !self.client.hides_user_existence()) {
            may_sign_in(user, cx.now())?;
        }
        let mut batch = Batch::default();
        let challenge = Challenge {
            name,
            session: cx.open_session(&mut batch, self.client, &self.owner, &Waiting::at(step)),
            parameters: HashMap::new(),
            available: Vec::new(),
        };
        Self::ask(cx, batch, challenge, session).await
    }

    async fn begin_by_code(
        &self,
        cx: &Cx<'_>,
        factor: FirstFactor,
        alias: Alias,
        session: Option<&OpenSession>,
    ) -> Result<Outcome, Error> {
        let mut batch = Batch::default();
        let challenge = match &self.user {
            Some(user) if may_begin_by_code(user).is_ok() => {
                user.expect_unchanged(&mut batch);
                one_time_code::ask(cx, &mut batch, self.client, user, Step::FirstFactor(factor), None).await?
            }
            user => {
                let address = user.as_ref().and_then(|user| user.address(alias));
                let told = address.map_or_else(
                    || cx.simulated_sent(&self.client.pool, self.username, &[alias]),
                    |address| Sent::to(alias, address),
                );
                match user {
                    Some(user) => user.expect_unchanged(&mut batch),
                    None => cx.expect_nobody(&mut batch, &self.owner),
                }
                let whose = (&self.owner, self.username);
                one_time_code::seem_to_ask(cx, &mut batch, self.client, whose, factor, told).await?
            }
        };
        Self::ask(cx, batch, challenge, session).await
    }

    /// Asks for the use of a passkey. None that comes along is looked at: it cannot be an answer to the challenge.
    async fn begin_by_passkey(&self, cx: &Cx<'_>, session: Option<&OpenSession>) -> Result<Outcome, Error> {
        let user = self.user.as_ref().ok_or(Error::InvalidSession)?;
        let mut batch = Batch::default();
        user.expect_unchanged(&mut batch);
        let challenge = passkey::ask(cx, &mut batch, self.client, user, &self.passkeys)?;
        Self::ask(cx, batch, challenge, session).await
    }

    /// Asks, in the place of the session that led here.
    async fn ask(
        cx: &Cx<'_>,
        mut batch: Batch,
        challenge: Challenge,
        session: Option<&OpenSession>,
    ) -> Result<Outcome, Error> {
        if let Some(session) = session {
            session.use_up(&mut batch);
        }
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(Outcome::Challenge(challenge))
    }
}

fn challenge_of(factor: FirstFactor) -> ChallengeName {
    match factor {
        FirstFactor::PasswordSrp => ChallengeName::PasswordSrp,
        FirstFactor::Password => ChallengeName::Password,
        FirstFactor::EmailOtp => ChallengeName::EmailOtp,
        FirstFactor::SmsOtp => ChallengeName::SmsOtp,
        FirstFactor::WebAuthn => ChallengeName::WebAuthn,
    }
}
