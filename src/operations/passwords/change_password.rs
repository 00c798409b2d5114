//! `ChangePassword`: users who know their password set another, and users who have none their first. Their tokens stay.
//!
//! Whoever has found a token must not guess the password with it, so a try counts like one of a sign-in.

use super::new_password;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::attempts::Attempt;
use crate::context::pools::Pool;
use crate::context::users::User;
use crate::crypto::secret::Secret;
use crate::error::{Error, ViolatingValue, Violation};
use crate::store::records::UserStatus;
use crate::store::{Batch, ThrottlePurpose};

impl Operation for api::ChangePasswordRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::ChangePasswordResponse, Error> {
        let bearer = caller.bearer();
        let user = &bearer.user;
        refuse_without_password(user)?;
        let proposed = new_password(&bearer.client.pool, self.proposed_password())?;
        if user.record.password_hash.is_empty() && self.previous_password.is_none() {
            return set_first_password(cx, &bearer.client.pool, user, &proposed).await;
        }
        let previous = self.previous()?;
        let attempt = Attempt::begin(cx, &user.owner).await?;
        let ending = async {
            let mut batch = Batch::default();
            // Of one user one attempt at a time gets here, so no sixth of an hour is evaluated.
            cx.throttle(&mut batch, &user.owner, ThrottlePurpose::ChangePassword).await?;
            // The one before may have changed the password; then this one begins anew, before anything is evaluated.
            if !user.is_as_read(cx).await? {
                return Err(Error::Conflict);
            }
            let right = match user.record.password_hash.as_str() {
                "" => {
                    cx.passwords.verify_nobody(attempt.place(), &previous).await?;
                    false
                }
                hash => cx.passwords.verify(attempt.place(), &previous, hash).await?,
            };
            if right {
                let (pool, username) = (&bearer.client.pool, &user.record.username);
                let password = cx.new_password_with(attempt.place(), pool, username, &proposed).await?;
                attempt.forgive(&mut batch);
                cx.replace_password(&mut batch, pool, user, user.record.record.clone(), password);
            } else {
                user.expect_unchanged(&mut batch);
            }
            cx.commit(batch).await?;
            Ok(right)
        };
        match attempt.evaluate(cx, ending).await? {
            true => Ok(api::ChangePasswordResponse {}),
            false => Err(Error::IncorrectUsernameOrPassword),
        }
    }
}

impl api::ChangePasswordRequest {
    /// Whoever has a password must know it.
    fn previous(&self) -> Result<Secret<String>, Error> {
        let Some(previous) = &self.previous_password else {
            let constraint = "Member must not be null".to_owned();
            let violation = Violation { path: "previousPassword".into(), value: ViolatingValue::Sensitive, constraint };
            return Err(Error::Constraints(vec![violation]));
        };
        Ok(Secret::new(previous.clone()))
    }
}

/// Sets the password of a user who has signed in by codes so far.
async fn set_first_password(
    cx: &Cx<'_>,
    pool: &Pool,
    user: &User,
    proposed: &Secret<String>,
) -> Result<api::ChangePasswordResponse, Error> {
    let mut batch = Batch::default();
    cx.throttle(&mut batch, &user.owner, ThrottlePurpose::ChangePassword).await?;
    let password = cx.new_password(pool, &user.record.username, proposed).await?;
    cx.replace_password(&mut batch, pool, user, user.record.record.clone(), password);
    cx.commit(batch).await?;
    Ok(api::ChangePasswordResponse {})
}

/// Tokens outlive what an operator does with the password: only one that the user signs in with can be changed.
fn refuse_without_password(user: &User) -> Result<(), Error> {
    match user.record.status() {
        UserStatus::Confirmed => Ok(()),
        UserStatus::ResetRequired => Err(Error::PasswordResetRequired),
        UserStatus::Unconfirmed => Err(Error::UserIsNotConfirmed),
        UserStatus::ForceChangePassword | UserStatus::Unknown => Err(Error::PasswordCannotBeReset),
    }
}
