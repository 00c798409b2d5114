//! Signing in by password, in whichever flow the password comes.
//!
//! The attempt is counted before the password is looked at. Where the client hides who exists, an unknown user costs what a
//! known one does, and only the right password earns the news that a user is disabled or not confirmed: in that Cognito
//! itself tells more. A temporary password past its end is not evaluated: nobody can earn anything by it.

use super::second_factor::{follow, settle};
use super::{Outcome, may_sign_in, migration};
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::devices::Named;
use crate::context::sessions::OpenSession;
use crate::context::users::User;
use crate::crypto::secret::Secret;
use crate::domain::sign_in::{FirstFactor, FirstProof};
use crate::error::Error;
use crate::store::records;
use crate::store::{Batch, Owner};

/// Signs in `user`, who was found by this name, if the password is right, or asks for a new one if it is temporary; with the
/// device that is named, if one is. A session that led here is spent with it.
pub async fn sign_in(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    user: Option<&User>,
    password: &str,
    session: Option<&OpenSession>,
    device: Named<'_>,
) -> Result<Outcome, Error> {
    let arrived = match user {
        // Of a beginning that has asked already, nobody comes this far.
        None if client.asks_for_users() => migration::arrival(cx, client, username, password).await?,
        _ => None,
    };
    let user = user.or(arrived.as_ref());
    let password = Secret::new(password.to_owned());
    let hides = client.hides_user_existence();
    let user = match user {
        Some(user) => user,
        None if hides => return refuse_unevaluated(cx, &cx.nobody(&client.pool, username), &password).await,
        None => return Err(Error::UserDoesNotExist),
    };
    if !hides {
        may_sign_in(user, cx.now())?;
    }
    if user.record.password_hash.is_empty() || user.temporary_password_is_over(cx.now()) {
        return refuse_unevaluated(cx, &user.owner, &password).await;
    }
    let attempt = Attempt::begin(cx, &user.owner).await?;
    let judged = cx.passwords.verify(attempt.place(), &password, &user.record.password_hash);
    let is_right = attempt.evaluate(cx, judged).await?;
    let proof = FirstProof::by(FirstFactor::Password, is_right).ok_or(Error::IncorrectUsernameOrPassword)?;
    // A right password that comes to nothing, because the user may not sign in or something changed meanwhile, was no failure
    // either.
    let prepared = async {
        may_sign_in(user, cx.now())?;
        let mut batch = Batch::default();
        if let Some(session) = session {
            session.use_up(&mut batch);
        }
        cx.complete_srp_verifier(&mut batch, attempt.place(), &client.pool, user, &password).await?;
        keep_hash_current(cx, &mut batch, &attempt, user, &password).await?;
        Ok(batch)
    };
    let mut batch = attempt.evaluate(cx, prepared).await?;
    let attempt = attempt.proved(cx, &client.pool).await?;
    let ending = async {
        let led = follow(cx, &mut batch, client, user, proof, device).await?;
        settle(cx, &attempt, batch, led).await
    };
    attempt.evaluate(cx, ending).await
}

/// The answer where there is no password to compare with, after the work that a comparison costs.
async fn refuse_unevaluated(cx: &Cx<'_>, owner: &Owner, password: &Secret<String>) -> Result<Outcome, Error> {
    let attempt = Attempt::begin(cx, owner).await?;
    attempt.evaluate(cx, cx.passwords.verify_nobody(attempt.place(), password)).await?;
    Err(Error::IncorrectUsernameOrPassword)
}

/// A hash made with less work than today's settings ask for is made anew while the password is at hand. In any case the
/// sign-in holds only if the user is still as it was read.
async fn keep_hash_current(
    cx: &Cx<'_>,
    batch: &mut Batch,
    attempt: &Attempt,
    user: &User,
    password: &Secret<String>,
) -> Result<(), Error> {
    if cx.passwords.is_outdated(&user.record.password_hash) {
        let password_hash = cx.passwords.hash(attempt.place(), password, &cx.rng).await?;
        user.replace(batch, &records::User { password_hash, ..user.record.record.clone() });
    } else {
        user.expect_unchanged(batch);
    }
    Ok(())
}
