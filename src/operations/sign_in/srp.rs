//! `PASSWORD_SRP` and `PASSWORD_VERIFIER`: a user proves the password without sending it (reference 4.2).
//!
//! The attempt is counted before the proof is looked at, together with those by password. Whoever has no password that
//! could be proved so is asked all the same, with a verifier that is no password's; and so, where it is hidden who exists,
//! is a name that nobody has. It costs as much, is always the same for the name, and no proof is right.
//!
//! Exponentiations are done on the hashing threads, by who has a place there: in a storm of sign-ins they wait and are
//! refused as hashes are, and hold up no refresh.
//!
//! A device proves its secret in the same way ([`super::device`]).

use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::second_factor::{follow, settle};
use super::{Challenge, Outcome, device_named, may_sign_in, parameter};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::sessions::{OpenSession, Waiting};
use crate::context::users::User;
use crate::crypto::secret::Secret;
use crate::crypto::srp::{Claim, ClientNumber, Exchange, Identity, Verifier};
use crate::domain::claim_time;
use crate::domain::sign_in::{FirstFactor, FirstProof, Step};
use crate::error::Error;
use crate::store::{Batch, Owner, SrpVerifierKey};

/// Whose password is to be proved, and by what it is judged.
struct Subject {
    owner: Owner,
    identity: Identity,
    verifier: Verifier,
    /// Whether the verifier is that of a password with which the user may sign in.
    is_provable: bool,
}

impl Subject {
    /// The user, who is told at once of being refused in any case, unless it is hidden who exists.
    async fn of_user(cx: &Cx<'_>, client: &Client, user: &User) -> Result<Self, Error> {
        if !client.hides_user_existence() {
            may_sign_in(user, cx.now())?;
        }
        let (pool, name) = (&client.pool, &user.record.username);
        let kept = cx.srp_verifier(pool, user).await?.filter(|_| !user.temporary_password_is_over(cx.now()));
        Ok(Subject {
            owner: user.owner.clone(),
            identity: pool.srp_identity(name),
            is_provable: kept.is_some(),
            verifier: cx.srp_verifier_or_simulated(pool, &user.owner, name, kept),
        })
    }

    /// Whoever it would be if somebody had this name.
    async fn nobody(cx: &Cx<'_>, client: &Client, name: &str) -> Result<Self, Error> {
        let (pool, owner) = (&client.pool, cx.nobody(&client.pool, name));
        // As is looked for a user's.
        cx.store.read(&SrpVerifierKey { owner: owner.clone() }).await?;
        let identity = match pool.username_rules().is_address(name) {
            // Of who signs in by an address the name is another.
            true => pool.srp_identity(&owner.sub.to_string()),
            false => pool.srp_identity(name),
        };
        let verifier = cx.srp_verifier_or_simulated(pool, &owner, name, None);
        Ok(Subject { owner, identity, verifier, is_provable: false })
    }
}

/// Answers SRP_A with the question for the proof; `user` was found by this name. A session that led here is spent with it.
pub async fn begin(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<&User>,
    srp_a: &str,
    session: Option<&OpenSession>,
) -> Result<Outcome, Error> {
    let begun = exchange_of_password(cx, client, username, user, client_number(srp_a)?).await?;
    let mut batch = Batch::default();
    if let Some(session) = session {
        session.use_up(&mut batch);
    }
    let waiting = Waiting::at(Step::FirstFactor(FirstFactor::PasswordSrp)).with_secret(begun.secret().expose());
    let session = cx.open_session(&mut batch, client, &begun.owner, &waiting);
    cx.commit(batch).await?;
    Ok(Outcome::Challenge(begun.challenge(session)))
}

/// An exchange about a password that waits for its proof.
pub struct PasswordExchange {
    owner: Owner,
    name: String,
    begun: Begun,
}

impl PasswordExchange {
    /// What the proof is judged by, for the session to keep sealed.
    pub fn secret(&self) -> &Secret<Vec<u8>> {
        &self.begun.secret
    }

    /// The question for the proof, in this session.
    pub fn challenge(self, session: String) -> Challenge {
        let mut parameters = self.begun.parameters(&session);
        parameters.insert("USERNAME".to_owned(), self.name.clone());
        parameters.insert("USER_ID_FOR_SRP".to_owned(), self.name);
        Challenge { name: ChallengeName::PasswordVerifier, session, parameters, available: Vec::new() }
    }
}

/// Begins an exchange about the password of whoever is meant.
pub async fn exchange_of_password(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<&User>,
    number: ClientNumber,
) -> Result<PasswordExchange, Error> {
    let subject = match user {
        Some(user) => Subject::of_user(cx, client, user).await?,
        None if client.hides_user_existence() => Subject::nobody(cx, client, username).await?,
        None => return Err(Error::UserDoesNotExist),
    };
    let Subject { owner, identity, verifier, .. } = subject;
    let begun = exchange(cx, &owner, verifier, number).await?;
    Ok(PasswordExchange { owner, name: identity.username, begun })
}

/// SRP_A.
pub fn client_number(digits: &str) -> Result<ClientNumber, Error> {
    ClientNumber::parse(digits).ok_or_else(|| Error::invalid_parameter("Invalid SRP_A given."))
}

/// An exchange that waits for its proof.
pub struct Begun {
    salt: String,
    srp_b: String,
    /// For the session, sealed.
    pub secret: Secret<Vec<u8>>,
}

impl Begun {
    /// What the client is told, with the session that keeps the secret.
    pub fn parameters(self, session: &str) -> HashMap<String, String> {
        let block = BASE64_STANDARD.encode(session);
        let parameters = [("SALT", self.salt), ("SRP_B", self.srp_b), ("SECRET_BLOCK", block)];
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Begins an exchange about what is kept of this owner's secret.
pub async fn exchange(cx: &Cx<'_>, owner: &Owner, verifier: Verifier, number: ClientNumber) -> Result<Begun, Error> {
    let (salt, exponent) = (verifier.salt(), Secret::new(cx.rng.bytes()));
    let place = cx.hashing_place(Some(owner)).await?;
    let begun = cx.passwords.run(&place, move || Exchange::begin(&verifier, number, exponent)).await?;
    let (exchange, srp_b) = begun.ok_or_else(|| Error::internal("an SRP exchange came to zero"))?;
    Ok(Begun { salt, srp_b, secret: exchange.bytes() })
}

/// The proof as it was given.
pub struct Given {
    block: Vec<u8>,
    signature: Vec<u8>,
    timestamp: String,
    is_fresh: bool,
}

impl Given {
    pub fn among(cx: &Cx<'_>, responses: &HashMap<String, String>) -> Result<Self, Error> {
        let block = BASE64_STANDARD.decode(parameter(responses, "PASSWORD_CLAIM_SECRET_BLOCK")?).unwrap_or_default();
        // What is no base64 is no signature either.
        let signature = BASE64_STANDARD.decode(parameter(responses, "PASSWORD_CLAIM_SIGNATURE")?).unwrap_or_default();
        let timestamp = parameter(responses, "TIMESTAMP")?.to_owned();
        let claimed =
            claim_time::parse(&timestamp).ok_or_else(|| Error::invalid_parameter("Invalid TIMESTAMP given."))?;
        let is_fresh = claim_time::is_fresh(claimed, cx.now());
        Ok(Given { block, signature, timestamp, is_fresh })
    }

    /// Whether it is right, and fresh, by the exchange that its session has kept; after the same work in any case.
    pub async fn judge(
        self,
        cx: &Cx<'_>,
        attempt: &Attempt,
        exchange: &[u8],
        verifier: Verifier,
        identity: Identity,
    ) -> Result<bool, Error> {
        let Given { block, signature, timestamp, is_fresh } = self;
        let exchange = Exchange::read(exchange).ok_or_else(|| Error::internal("no SRP exchange is in its session"))?;
        let evaluated = move || {
            let claim = Claim { secret_block: &block, timestamp: &timestamp, signature: &signature };
            exchange.is_proved(&verifier, &identity, &claim)
        };
        Ok(attempt.evaluate(cx, cx.passwords.run(attempt.place(), evaluated)).await? && is_fresh)
    }
}

/// The session that a PASSWORD_CLAIM_SECRET_BLOCK is of, as [`begin`] gave it.
pub fn session_in(secret_block: &str) -> Option<String> {
    String::from_utf8(BASE64_STANDARD.decode(secret_block).ok()?).ok()
}

/// The proof is judged. A wrong one leaves the session to try again, as often as the lockout lets.
pub async fn answer(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<&User>,
    session: &OpenSession,
    responses: &HashMap<String, String>,
) -> Result<Outcome, Error> {
    let secret = session.secret(cx)?;
    let (attempt, is_right) = judge(cx, client, username, user, session, secret.expose(), responses).await?;
    let proof = FirstProof::by(FirstFactor::PasswordSrp, is_right);
    let (Some(proof), Some(user)) = (proof, user) else { return Err(Error::IncorrectUsernameOrPassword) };
    let attempt = attempt.proved(cx, &client.pool).await?;
    // A right proof that comes to nothing was no failure either.
    let ending = async {
        may_sign_in(user, cx.now())?;
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        user.expect_unchanged(&mut batch);
        let device = device_named(responses, session);
        let led = follow(cx, &mut batch, client, user, proof, device).await?;
        settle(cx, &attempt, batch, led).await
    };
    attempt.evaluate(cx, ending).await
}

/// Whether the proof is right, as an attempt that has been counted.
pub async fn judge(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<&User>,
    session: &OpenSession,
    exchange: &[u8],
    responses: &HashMap<String, String>,
) -> Result<(Attempt, bool), Error> {
    let proof = Given::among(cx, responses)?;
    let subject = match user {
        Some(user) => Subject::of_user(cx, client, user).await?,
        None => Subject::nobody(cx, client, username).await?,
    };
    let attempt = Attempt::begin(cx, session.owner()).await?;
    let is_right = proof.judge(cx, &attempt, exchange, subject.verifier, subject.identity).await?;
    Ok((attempt, is_right && subject.is_provable))
}
