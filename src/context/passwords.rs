//! New passwords: what is kept of one, and what ends with the one before.
//!
//! Tokens stay, as in Cognito: they are ended by a sign-out. A challenge that still asks for the password stays too,
//! for it proves nothing.

use super::Cx;
use super::pools::Pool;
use super::users::User;
use crate::crypto::places::Place;
use crate::crypto::secret::Secret;
use crate::crypto::srp;
use crate::error::Error;
use crate::store::{Batch, CodeKey, CodePurpose, Owner, UserKey, records};

/// What is kept of a new password: a hash and, where the pool keeps such, a verifier.
#[must_use = "it is made of a password that is to be set"]
pub struct NewPassword {
    hash: String,
    verifier: Option<srp::Verifier>,
}

impl NewPassword {
    /// What is kept of a user who has no password.
    pub fn none() -> Self {
        NewPassword { hash: String::new(), verifier: None }
    }
}

impl Cx<'_> {
    /// What is kept of a new password of the user of this name.
    pub async fn new_password(
        &self,
        pool: &Pool,
        username: &str,
        password: &Secret<String>,
    ) -> Result<NewPassword, Error> {
        let place = self.hashing_place(None).await?;
        self.new_password_with(&place, pool, username, password).await
    }

    /// The same, by whoever has leave to hash already.
    pub async fn new_password_with(
        &self,
        place: &Place,
        pool: &Pool,
        username: &str,
        password: &Secret<String>,
    ) -> Result<NewPassword, Error> {
        let hash = self.passwords.hash(place, password, &self.rng).await?;
        let verifier = match pool.record.keeps_srp_verifiers {
            true => Some(self.new_srp_verifier(place, pool, username, password).await?),
            false => None,
        };
        Ok(NewPassword { hash, verifier })
    }

    /// With the batch there is a new user, with this password.
    pub fn create_user(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        owner: &Owner,
        user: records::User,
        password: NewPassword,
    ) {
        let user = records::User { password_hash: password.hash, ..user };
        if let Some(verifier) = password.verifier {
            self.keep_srp_verifier(batch, pool, owner, user.password_version, &verifier);
        }
        batch.put(&UserKey { owner: owner.clone() }, &user);
    }

    /// With the batch the user is `changed`, with this password in place of the one before. Gives the user as they will be.
    pub fn replace_password(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        changed: records::User,
        password: NewPassword,
    ) -> User {
        let changed = records::User { password_hash: password.hash, ..changed };
        let changed = self.end_password(batch, user, changed);
        if let Some(verifier) = password.verifier {
            self.keep_srp_verifier(batch, pool, &user.owner, changed.password_version, &verifier);
        }
        User { owner: user.owner.clone(), record: user.record.with(changed) }
    }

    /// With the batch the user is `changed`, with a password that lets nobody in any more. It stays, so that whoever
    /// still knows it can be told what has happened.
    pub async fn void_password(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        changed: records::User,
    ) -> Result<(), Error> {
        let verifier = self.srp_verifier(pool, user).await?;
        let changed = self.end_password(batch, user, changed);
        if let Some(verifier) = verifier {
            self.keep_srp_verifier(batch, pool, &user.owner, changed.password_version, &verifier);
        }
        Ok(())
    }

    /// What the password before has opened ends with it, wherever it is not spent yet. Void are the code that would set a new
    /// password, the one that would confirm the user, and every session that stands for a proof of before
    /// ([`super::sessions::OpenSession::stands_for`]). Gives the record as it will be.
    fn end_password(&self, batch: &mut Batch, user: &User, changed: records::User) -> records::User {
        let password_version = user.record.password_version + 1;
        let modified_at = self.now().as_millisecond();
        let changed = records::User { password_version, modified_at, ..changed };
        user.replace(batch, &changed);
        for purpose in [CodePurpose::SignUp, CodePurpose::ForgotPassword] {
            batch.delete(&CodeKey::of(&user.owner, purpose));
        }
        changed
    }
}
