//! Refresh tokens in exchange for new tokens; and their rotation, where the client has it (reference 4.8).
//!
//! With rotation each use gives a new refresh token, which ends when the one of the sign-in would have ended. The one that was
//! used serves on for the client's grace time. Each use within it gives another new token, so an answer that was lost can be
//! asked for again, and two programs that share a token and use it at the same moment both go on, each with its own.
//!
//! A token that no longer serves is in the hands of two parties, of whom one may be a thief. Nobody can tell which, so the
//! whole family ends, access tokens too (RFC 9700, 4.14.2). A family keeps no trace of such tokens: only this service can
//! have made what opens as a token of the family, and what is not among those that serve has served.

use std::time::Duration;

use super::Cx;
use super::clients::Client;
use super::tokens::{Family, Issued, stands};
use super::users::User;
use crate::clock::{after, from_milliseconds};
use crate::crypto::opaque::token_hash;
use crate::crypto::secret::same;
use crate::error::Error;
use crate::store::Batch;
use crate::store::records::{ServingToken, TokenFamily};

/// Refresh tokens of one sign-in that serve at a time. It takes as many uses of one token within its grace time, or answers
/// lost over the years, to get there; the oldest then makes room, and its use ends the family.
const SERVING_TOKENS_MAX: usize = 64;

impl Cx<'_> {
    /// New tokens of a family, for a client that has proved itself, from the device of this key, if one was named. A refresh
    /// token is among them where the client rotates.
    pub async fn exchange(
        &self,
        client: &Client,
        user: &User,
        family: &Family,
        device_key: Option<&str>,
    ) -> Result<Issued, Error> {
        if !family.token_serves(self.now().as_millisecond()) {
            if stands(&family.record, user) {
                let mut batch = Batch::default();
                family.end(&mut batch);
                // Not what the request is for, so nothing rides on it.
                self.store.commit(batch).await?;
            }
            return Err(Error::RefreshTokenReused);
        }
        if !user.record.enabled {
            return Err(Error::UserIsDisabled);
        }
        if !stands(&family.record, user) {
            return Err(Error::RefreshTokenRevoked);
        }
        self.check_device(&client.pool, &user.owner, &family.record, device_key).await?;
        let issued = self.refresh(client, user, family).await?;
        match client.rotation_grace() {
            Some(grace) => self.rotate(user, family, grace, issued).await,
            None => Ok(issued),
        }
    }

    /// Asks the pool's trigger about an exchange that is about to wait for its turn: nobody else is to wait for the answer, which
    /// is remembered until then. An exchange that comes to nothing is asked about by nobody.
    pub async fn foresee_exchange(&self, client: &Client, family: &Family) -> Result<(), Error> {
        if !client.pool.asks_before_tokens() || !family.token_serves(self.now().as_millisecond()) {
            return Ok(());
        }
        let user = self.user(family.key.owner.clone()).await?;
        match user.filter(|user| user.record.enabled && stands(&family.record, user)) {
            Some(user) => self.foresee_refresh(client, &user).await,
            None => Ok(()),
        }
    }

    async fn rotate(&self, user: &User, family: &Family, grace: Duration, issued: Issued) -> Result<Issued, Error> {
        let expires_at = from_milliseconds(family.record.expires_at);
        let refresh_token = self.mint_refresh_token(&family.key, expires_at);
        let now = self.now();
        let serving =
            family.serving_after_use(&refresh_token, now.as_millisecond(), after(now, grace).as_millisecond());
        let record = TokenFamily { refresh_token_hash: Vec::new(), serving, ..family.record.record.clone() };
        let mut batch = Batch::default();
        batch.expect(&family.key, Some(&family.record));
        batch.put(&family.key, &record);
        user.expect_unchanged(&mut batch);
        self.commit(batch).await?;
        Ok(Issued { refresh_token: Some(refresh_token), ..issued })
    }

    /// Ends a family: no token of it serves any longer.
    pub async fn revoke(&self, family: &Family) -> Result<(), Error> {
        // With nothing to write, revocations of one family at once do not get in each other's way.
        if family.record.revoked {
            return Ok(());
        }
        let mut batch = Batch::default();
        family.end(&mut batch);
        self.commit(batch).await
    }
}

impl Family {
    /// With the batch, the family has ended.
    fn end(&self, batch: &mut Batch) {
        batch.expect(&self.key, Some(&self.record));
        batch.put(&self.key, &TokenFamily { revoked: true, ..self.record.record.clone() });
    }

    /// Whether the refresh token by which it was found serves.
    fn token_serves(&self, now: i64) -> bool {
        serving(&self.record).any(|token| same(&token.hash, &self.found_by) && token.serves_at(now))
    }

    /// The tokens that serve once this one was exchanged for the next. One in its grace time keeps the end of it.
    fn serving_after_use(&self, next: &str, now: i64, grace_ends: i64) -> Vec<ServingToken> {
        let used = |token: &ServingToken| same(&token.hash, &self.found_by);
        let after_use = serving(&self.record).map(|token| match token.serves_until {
            None if used(&token) => ServingToken { serves_until: Some(grace_ends), ..token },
            _ => token,
        });
        let mut after_use: Vec<ServingToken> = after_use.filter(|token| token.serves_at(now)).collect();
        while after_use.len() >= SERVING_TOKENS_MAX {
            let oldest = after_use.iter().position(|token| !used(token)).unwrap_or_default();
            after_use.remove(oldest);
        }
        after_use.push(ServingToken { hash: token_hash(next), serves_until: None });
        after_use
    }
}

impl ServingToken {
    fn serves_at(&self, now: i64) -> bool {
        self.serves_until.is_none_or(|until| now < until)
    }
}

/// Whether a family has refresh tokens, as many as one can have, and their hashes are hashes.
pub fn is_whole(family: &TokenFamily) -> bool {
    let count = serving(family).count();
    (1..=SERVING_TOKENS_MAX).contains(&count) && serving(family).all(|token| token.hash.len() == SHA256_BYTES)
}

/// The length of a SHA-256.
const SHA256_BYTES: usize = 32;

/// The tokens of a family that serve or did so lately, the one of the sign-in among them until it is rotated.
fn serving(family: &TokenFamily) -> impl Iterator<Item = ServingToken> {
    let first = Some(&family.refresh_token_hash).filter(|hash| !hash.is_empty());
    let first = first.map(|hash| ServingToken { hash: hash.clone(), serves_until: None });
    first.into_iter().chain(family.serving.iter().cloned())
}
