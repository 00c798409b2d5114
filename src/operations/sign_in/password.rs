//! Signing in by password, in whichever flow the password comes.
//!
//! The attempt is counted before the password is looked at. Where the client hides who exists, an unknown user costs what a
//! known one does, and only the right password earns the news that a user is disabled or not confirmed: in that Cognito
//! itself tells more.

use super::{Outcome, refuse_unready};
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::clients::Client;
use crate::context::sessions::OpenSession;
use crate::context::users::User;
use crate::crypto::secret::Secret;
use crate::error::Error;
use crate::store::{Batch, records};

/// Signs in the user of this name, if the password is right. A session that led here is spent with it.
pub async fn sign_in(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    password: &str,
    session: Option<&OpenSession>,
) -> Result<Outcome, Error> {
    let password = Secret::new(password.to_owned());
    let Some(user) = cx.user_named(&client.pool, username).await? else {
        return Err(refuse_nobody(cx, client, username, &password).await?);
    };
    let hides = client.hides_user_existence();
    if !hides {
        refuse_unready(&user)?;
    }
    let attempt = Attempt::begin(cx, &user.owner).await?;
    let proof = cx.passwords.verify(&attempt.place, &password, &user.record.password_hash);
    let right = attempt.evaluate(cx, proof).await?;
    if !right {
        return Err(Error::IncorrectUsernameOrPassword);
    }
    let mut batch = Batch::default();
    attempt.forgive(&mut batch);
    if let Err(unready) = refuse_unready(&user) {
        cx.commit(batch).await?;
        return Err(unready);
    }
    // A right password that comes to nothing, because something changed meanwhile, was no failure either.
    let ending = async {
        let issued = cx.sign_in(&mut batch, client, &user).await?;
        if let Some(session) = session {
            session.use_up(&mut batch);
        }
        keep_hash_current(cx, &mut batch, &attempt, &user, &password).await?;
        cx.commit(batch).await?;
        Ok(Outcome::Tokens(issued))
    };
    attempt.evaluate(cx, ending).await
}

/// The answer about a user who does not exist; where that is hidden, after the work that a user would have cost.
async fn refuse_nobody(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    password: &Secret<String>,
) -> Result<Error, Error> {
    if !client.hides_user_existence() {
        return Ok(Error::UserDoesNotExist);
    }
    let attempt = Attempt::begin(cx, &cx.nobody(&client.pool, username)).await?;
    attempt.evaluate(cx, cx.passwords.verify_nobody(&attempt.place, password)).await?;
    Ok(Error::IncorrectUsernameOrPassword)
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
        let password_hash = cx.passwords.hash(&attempt.place, password, &cx.rng).await?;
        user.replace(batch, &records::User { password_hash, ..user.record.record.clone() });
    } else {
        user.expect_unchanged(batch);
    }
    Ok(())
}
