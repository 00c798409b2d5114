//! Challenge sessions: opaque, bound to pool, client, user and step, good once and for minutes.

use super::Cx;
use super::clients::Client;
use super::users::User;
use crate::clock::after;
use crate::crypto::opaque::{Kind, Note, is_token, token_hash};
use crate::error::Error;
use crate::store::records::{self, SessionStep};
use crate::store::{Batch, Owner, SessionKey, Stored};

/// A session whose bearer has proved to hold it, not used up yet.
pub struct OpenSession {
    key: SessionKey,
    record: Stored<records::Session>,
}

impl Cx<'_> {
    /// Opens a session that proves nothing yet: the string for the caller; its record goes in the batch.
    pub fn open_session(&self, batch: &mut Batch, client: &Client, owner: &Owner, step: SessionStep) -> String {
        self.open(batch, client, owner, step, None)
    }

    /// Opens a session that stands for a proof which its user has given: void once they have a new password. The batch must
    /// expect the user as it was read.
    pub fn open_proved_session(&self, batch: &mut Batch, client: &Client, user: &User, step: SessionStep) -> String {
        self.open(batch, client, &user.owner, step, Some(user.record.password_version))
    }

    fn open(
        &self,
        batch: &mut Batch,
        client: &Client,
        owner: &Owner,
        step: SessionStep,
        password_version: Option<u64>,
    ) -> String {
        let expires_at = after(self.now(), client.session_validity());
        let note = Note { pool: owner.pool.clone(), sub: owner.sub, id: self.rng.uuid(), expires_at };
        let session = self.opaque_tokens.mint(Kind::Session, &note, &self.rng);
        let record = records::Session {
            hash: token_hash(&session),
            client: client.id.0.clone(),
            step: step.into(),
            expires_at: expires_at.as_millisecond(),
            used: false,
            epoch: self.store.epoch().number,
            password_version,
            ..Default::default()
        };
        batch.put(&SessionKey { owner: owner.clone(), session: note.id }, &record);
        session
    }

    /// The session that this string opens, if it is this client's, waits at this step and was not used.
    pub async fn session(&self, client: &Client, session: &str, step: SessionStep) -> Result<OpenSession, Error> {
        let note = self.opaque_tokens.open(Kind::Session, session).ok_or(Error::InvalidSession)?;
        if note.pool != client.pool.id {
            return Err(Error::InvalidSession);
        }
        if note.expires_at <= self.now() {
            return Err(Error::SessionExpired);
        }
        let key = SessionKey { owner: Owner { pool: note.pool, sub: note.sub }, session: note.id };
        let record = self.store.read(&key).await?.ok_or(Error::InvalidSession)?;
        // Of a session from before a restore it is not known whether it was used.
        if record.epoch != self.store.epoch().number {
            return Err(Error::InvalidSession);
        }
        if !is_token(session, &record.hash) || record.client != client.id.0 || record.step() != step {
            return Err(Error::InvalidSession);
        }
        if record.used {
            return Err(Error::SessionUsed);
        }
        Ok(OpenSession { key, record })
    }
}

impl OpenSession {
    /// Whose sign-in this is. Under PreventUserExistenceErrors it may be nobody's.
    pub fn owner(&self) -> &Owner {
        &self.key.owner
    }

    /// Whether the session stands for a proof of this user's that no new password has voided since.
    pub fn stands_for(&self, user: &User) -> bool {
        self.key.owner == user.owner && self.record.password_version == Some(user.record.password_version)
    }

    /// With the batch the session is spent; of two requests that use it, one succeeds. Its record stays until its end, to
    /// tell a second use from a made-up session.
    pub fn use_up(&self, batch: &mut Batch) {
        batch.expect(&self.key, Some(&self.record));
        batch.put(&self.key, &records::Session { used: true, ..self.record.record.clone() });
    }
}
