//! `CUSTOM_AUTH` and `CUSTOM_CHALLENGE`: sign-ins whose challenges the pool's own functions make and judge (reference 4.6).
//!
//! A session is spent before its answer is judged: of answers that come at once the functions see one, and a function that
//! fails gives nobody another guess. What was asked so far, and what an answer is judged by, the session carries, sealed.
//!
//! Where it is hidden who exists the functions are asked about every name, and told whether somebody has it; what they decide
//! about nobody never leads to tokens. Only who has met every challenge hears that the user may not sign in.

use std::collections::HashMap;

use prost::Message as _;

use super::second_factor::{commit, end};
use super::{Challenge, Led, Outcome, Refusal, given, may_sign_in, new_password, parameter, srp};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::triggers::auth_challenges::{Created, Parameters, Party};
use crate::context::users::User;
use crate::crypto::secret::Secret;
use crate::crypto::srp::ClientNumber;
use crate::domain::sign_in::{CustomNext, FirstFactor, FirstProof, Round, Rounds, Step, Undecided, Whose};
use crate::error::Error;
use crate::store::{Batch, Owner, records};
use crate::triggers::UNRECOGNIZABLE;

/// The most that a challenge's parameters may take, either kind, with what the sign-in has to remember.
const PARAMETERS_BYTES_MAX: usize = 24 * 1024;

/// How often it is asked again what follows, if the user changes meanwhile.
const RACES_MAX: usize = 8;

/// A custom sign-in under way.
struct SignIn<'a> {
    client: &'a Client,
    /// As the caller has named the user.
    username: &'a str,
    owner: &'a Owner,
}

/// What leads to the next step.
struct Past {
    rounds: Rounds,
    /// The number that an SRP exchange begins with.
    srp_a: Option<ClientNumber>,
}

/// Begins. `user` was found by this name.
pub async fn begin(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<&User>,
    parameters: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let past = match given(parameters, "CHALLENGE_NAME") {
        None => Past { rounds: Rounds::default(), srp_a: None },
        Some("SRP_A") => {
            let srp_a = Some(srp::client_number(parameter(parameters, "SRP_A")?)?);
            Past { rounds: Rounds::begun_by_srp(), srp_a }
        }
        Some(_) => return Err(Error::invalid_parameter("CHALLENGE_NAME can only be SRP_A.")),
    };
    let owner = user.map_or_else(|| cx.nobody(&client.pool, username), |user| user.owner.clone());
    let sign_in = SignIn { client, username, owner: &owner };
    let mut batch = Batch::default();
    let led = sign_in.follow(cx, &mut batch, user, past).await?;
    commit(cx, batch, Ok(led)).await
}

/// An answer to a challenge of the pool's own is judged.
pub async fn answer(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<User>,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let given = parameter(responses, "ANSWER")?;
    may_go_on(cx, client, user.as_ref(), session)?;
    let records::CustomSignIn { rounds, private_parameters, metadata, .. } = remembered(cx, session)?;
    // Nothing rides on this commit: the request is not done with it.
    let mut spent = Batch::default();
    session.use_up(&mut spent);
    cx.store.commit(spent).await?;
    let sign_in = SignIn { client, username, owner: session.owner() };
    let private_parameters: Parameters = private_parameters.into_iter().collect();
    let is_right = cx.verify_challenge(sign_in.party(user.as_ref()), &private_parameters, given).await?;
    let rounds = known(rounds).with(Rounds::CUSTOM_CHALLENGE, is_right, metadata);
    let mut user = user;
    let mut races = 0;
    loop {
        let mut batch = Batch::default();
        let past = Past { rounds: rounds.clone(), srp_a: None };
        let done = async {
            let led = sign_in.follow(cx, &mut batch, user.as_ref(), past).await?;
            commit(cx, batch, Ok(led)).await
        };
        match done.await {
            // The session is spent, so the operation cannot run again from its beginning.
            Err(Error::Conflict) if races < RACES_MAX => races += 1,
            Err(Error::Conflict) => return Err(Error::TooManyRequests),
            other => return other,
        }
        user = cx.user(session.owner().clone()).await?;
        may_go_on(cx, client, user.as_ref(), session)?;
    }
}

/// The proof of the password that the sign-in began with is judged. A wrong one leaves the session to try again, as often as the
/// lockout lets; it is not the functions' to judge.
pub async fn answer_by_srp(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<&User>,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    may_go_on(cx, client, user, session)?;
    let records::CustomSignIn { rounds, srp_exchange, .. } = remembered(cx, session)?;
    let (attempt, is_right) = srp::judge(cx, client, username, user, session, &srp_exchange, responses).await?;
    let proof = FirstProof::by(FirstFactor::PasswordSrp, is_right);
    let (Some(_), Some(user)) = (proof, user) else { return Err(Error::IncorrectUsernameOrPassword) };
    let attempt = attempt.proved(cx, &client.pool).await?;
    let ending = async {
        may_sign_in(user, cx.now())?;
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        let rounds = known(rounds).with(Rounds::PASSWORD_VERIFIER, true, None);
        let sign_in = SignIn { client, username, owner: session.owner() };
        let led = match sign_in.follow(cx, &mut batch, Some(user), Past { rounds, srp_a: None }).await {
            Ok(led) => Ok(led),
            // The functions refuse: the session is spent.
            Err(refusal) if refusal.is_of_trigger() || matches!(refusal, Error::IncorrectUsernameOrPassword) => {
                Err(Refusal(refusal))
            }
            Err(other) => return Err(other),
        };
        // The proof alone forgives nothing: what follows it may be guessed at.
        if matches!(led, Ok(Outcome::Tokens(_))) {
            attempt.forgive(&mut batch);
            return commit(cx, batch, led).await;
        }
        let done = commit(cx, batch, led).await;
        attempt.take_back(cx).await?;
        done
    };
    attempt.evaluate(cx, ending).await
}

impl SignIn<'_> {
    fn party<'b>(&'b self, user: Option<&'b User>) -> Party<'b> {
        Party { client: self.client, name: self.username, user }
    }

    /// Goes where the pool's function says. The batch expects the user, or that there is none, as was read.
    async fn follow(&self, cx: &Cx<'_>, batch: &mut Batch, user: Option<&User>, past: Past) -> Result<Outcome, Error> {
        let party = self.party(user);
        let Past { rounds, srp_a } = past;
        let decision = cx.define_challenge(party, &rounds).await?;
        let whose = match user {
            Some(user) => Whose::User { password_is_temporary: user.standing(&self.client.pool).password_is_temporary },
            None => Whose::Nobody,
        };
        let next = rounds.next(&decision, whose).map_err(|undecided| {
            Error::TriggerAnswerUnusable(match undecided {
                Undecided::Nothing => UNRECOGNIZABLE.into(),
                Undecided::TooManyRounds => {
                    format!("A sign-in cannot have more than {} challenges.", Rounds::MAX).into()
                }
            })
        })?;
        match user {
            Some(user) => user.expect_unchanged(batch),
            None => cx.expect_nobody(batch, self.owner),
        }
        let known = || user.ok_or(Error::IncorrectUsernameOrPassword);
        match next {
            CustomNext::Failed => Err(Error::IncorrectUsernameOrPassword),
            CustomNext::Complete(complete) => {
                let user = known()?;
                may_sign_in(user, cx.now())?;
                led(end(cx, batch, self.client, user, complete, None).await?)
            }
            CustomNext::NewPassword => {
                let user = known()?;
                may_sign_in(user, cx.now())?;
                Ok(Outcome::Challenge(new_password::ask(cx, batch, self.client, user, None)))
            }
            CustomNext::Challenge => {
                let created = cx.create_challenge(party, &rounds).await?;
                self.ask(cx, batch, user, &rounds, created)
            }
            CustomNext::PasswordVerifier => {
                let srp_a = srp_a.ok_or_else(|| Error::internal("an SRP exchange has no beginning"))?;
                let begun = srp::exchange_of_password(cx, self.client, self.username, user, srp_a).await?;
                let remembered = records::CustomSignIn {
                    rounds: kept(&rounds),
                    srp_exchange: begun.secret().expose().clone(),
                    ..Default::default()
                };
                let session = self.open_session(cx, batch, user, Step::CustomPassword, &remembered);
                Ok(Outcome::Challenge(begun.challenge(session)))
            }
        }
    }

    /// Asks what a function has made up.
    fn ask(
        &self,
        cx: &Cx<'_>,
        batch: &mut Batch,
        user: Option<&User>,
        rounds: &Rounds,
        created: Created,
    ) -> Result<Outcome, Error> {
        let public = created.public_challenge_parameters.unwrap_or_default();
        let remembered = records::CustomSignIn {
            rounds: kept(rounds),
            private_parameters: created.private_challenge_parameters.unwrap_or_default().into_iter().collect(),
            metadata: created.challenge_metadata,
            srp_exchange: Vec::new(),
        };
        let public_bytes: usize = public.iter().map(|(name, value)| name.len() + value.len()).sum();
        if public_bytes > PARAMETERS_BYTES_MAX || remembered.encoded_len() > PARAMETERS_BYTES_MAX {
            return Err(Error::TriggerAnswerUnusable("The parameters of the challenge are too long.".into()));
        }
        let username = match user {
            Some(user) => user.record.username.clone(),
            // Of who signs in by an address the name is another.
            None if self.client.pool.username_rules().is_address(self.username) => self.owner.sub.to_string(),
            None => self.username.to_owned(),
        };
        let mut parameters: HashMap<String, String> = public.into_iter().collect();
        parameters.insert("USERNAME".to_owned(), username);
        Ok(Outcome::Challenge(Challenge {
            name: ChallengeName::CustomChallenge,
            session: self.open_session(cx, batch, user, Step::CustomChallenge, &remembered),
            parameters,
            available: Vec::new(),
        }))
    }

    fn open_session(
        &self,
        cx: &Cx<'_>,
        batch: &mut Batch,
        user: Option<&User>,
        step: Step,
        remembered: &records::CustomSignIn,
    ) -> String {
        let secret = Secret::new(remembered.encode_to_vec());
        let waiting = Waiting::at(step).with_secret(secret.expose());
        let waiting = match user {
            Some(user) => waiting.proved_by(user),
            None => waiting,
        };
        cx.open_session(batch, self.client, self.owner, &waiting)
    }
}

/// Tokens, or the reason why a trigger lets there be none: then the sign-in has come to nothing, and nothing of it stays.
fn led(led: Led) -> Result<Outcome, Error> {
    led.map_err(|Refusal(refusal)| refusal)
}

/// Refuses who may not sign in any more, where it need not be hidden, and whoever has got another password meanwhile.
fn may_go_on(cx: &Cx<'_>, client: &Client, user: Option<&User>, session: &OpenSession) -> Result<(), Error> {
    match user {
        None if client.hides_user_existence() => Ok(()),
        None => Err(Error::InvalidSession),
        Some(user) if !session.stands_for(user) => Err(Error::InvalidSession),
        Some(_) if client.hides_user_existence() => Ok(()),
        Some(user) => may_sign_in(user, cx.now()),
    }
}

fn remembered(cx: &Cx<'_>, session: &OpenSession) -> Result<records::CustomSignIn, Error> {
    records::CustomSignIn::decode(session.secret(cx)?.expose().as_slice()).map_err(Error::internal)
}

fn known(rounds: Vec<records::CustomRound>) -> Rounds {
    let rounds = rounds.into_iter();
    Rounds(
        rounds
            .map(|round| Round { challenge: round.challenge, is_right: round.right, metadata: round.metadata })
            .collect(),
    )
}

fn kept(rounds: &Rounds) -> Vec<records::CustomRound> {
    let kept = |round: &Round| records::CustomRound {
        challenge: round.challenge.clone(),
        right: round.is_right,
        metadata: round.metadata.clone(),
    };
    rounds.0.iter().map(kept).collect()
}
