//! A client as operations see it: its pool, what it may do, and how it proves itself.

use std::sync::Arc;
use std::time::Duration;

use super::Cx;
use super::pools::Pool;
use crate::crypto::secret::Secret;
use crate::crypto::secret_hash::is_secret_hash;
use crate::domain::attributes::is_written_by_the_service_alone;
use crate::domain::auth_flows::{self, Flow};
use crate::domain::ids::{ClientId, PoolId};
use crate::domain::token_validity::{Setting, TokenValidity};
use crate::error::Error;
use crate::store::{Batch, ClientKey, Key as _, Stored, records};

/// A client, with its pool.
pub struct Client {
    pub id: ClientId,
    pub pool: Pool,
    pub record: Arc<Stored<records::Client>>,
}

impl Cx<'_> {
    /// The client of this id, for operations that know nothing but the client.
    pub async fn client(&self, id: &str) -> Result<Client, Error> {
        let absent = || Error::UserPoolClientDoesNotExist(id.to_owned());
        let key = ClientKey { client: ClientId(id.to_owned()) };
        let record = self.store.read_kept(&key, &self.clients, Ok::<_, Error>).await?.ok_or_else(absent)?;
        let pool = match self.pool(&record.pool).await {
            Err(Error::UserPoolDoesNotExist(_)) => return Err(absent()),
            other => other?,
        };
        Ok(Client { id: key.client, pool, record })
    }

    /// The client of this id, if it is of this pool.
    pub async fn client_of_pool(&self, pool: &PoolId, id: &str) -> Result<Client, Error> {
        let client = self.client(id).await?;
        if client.pool.id == *pool { Ok(client) } else { Err(Error::UserPoolClientDoesNotExist(id.to_owned())) }
    }

    /// The secret that the client was made with, if it was and still has it: the one that operators can read again.
    pub fn first_client_secret(&self, client: &Client) -> Result<Option<Secret<Vec<u8>>>, Error> {
        client.record.sealed_secret.as_ref().map(|sealed| self.open_secret(client, sealed)).transpose()
    }

    /// One of the client's secrets, if it has any: for where this server speaks in the client's name.
    pub fn a_client_secret(&self, client: &Client) -> Result<Option<Secret<Vec<u8>>>, Error> {
        client.sealed_secrets().next().map(|sealed| self.open_secret(client, sealed)).transpose()
    }

    /// Whether a client proves itself: by any of its secrets, or, without one, by claiming none. `is_proof` compares what was
    /// given with one secret.
    fn proves_client(
        &self,
        client: &Client,
        given: Option<&str>,
        is_proof: impl Fn(&str, &Secret<Vec<u8>>) -> bool,
    ) -> Result<bool, Error> {
        let Some(given) = given else { return Ok(!client.is_confidential()) };
        let mut proved = false;
        for sealed in client.sealed_secrets() {
            proved |= is_proof(given, &self.open_secret(client, sealed)?);
        }
        Ok(proved)
    }

    /// Whether a client proves itself by one of its secrets themselves.
    pub fn proves_by_secret(&self, client: &Client, given: Option<&str>) -> Result<bool, Error> {
        self.proves_client(client, given, |given, secret| secret.equals(given.as_bytes()))
    }

    /// Whether a client proves itself by a hash under one of its secrets. `usernames` are the names that it may cover.
    pub fn proves_by_hash(&self, client: &Client, given: Option<&str>, usernames: &[&str]) -> Result<bool, Error> {
        self.proves_client(client, given, |hash, secret| is_secret_hash(hash, secret, usernames, &client.id.0))
    }

    /// Refuses a request without the proof that its client holds a secret of its own. `usernames` are the names that the hash
    /// may cover.
    pub fn check_secret_hash(&self, client: &Client, given: Option<&str>, usernames: &[&str]) -> Result<(), Error> {
        match self.proves_by_hash(client, given, usernames)? {
            true => Ok(()),
            false if given.is_none() => Err(Error::SecretHashMissing(client.id.0.clone())),
            false => Err(Error::SecretHashMismatch(client.id.0.clone())),
        }
    }

    fn open_secret(&self, client: &Client, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
        self.sealer.open(&client.key().encoded(), sealed).map_err(Error::internal)
    }
}

impl Client {
    pub fn key(&self) -> ClientKey {
        ClientKey { client: self.id.clone() }
    }

    /// Writes a changed record in the place of the one that was read.
    pub fn replace(&self, batch: &mut Batch, changed: &records::Client) {
        batch.expect(&self.key(), Some(&self.record));
        batch.put(&self.key(), changed);
    }

    /// Whether the client has secrets, one of which each request in its name must prove.
    pub fn is_confidential(&self) -> bool {
        self.sealed_secrets().next().is_some()
    }

    fn sealed_secrets(&self) -> impl Iterator<Item = &[u8]> {
        let added = self.record.added_secrets.iter().map(|added| added.sealed_secret.as_slice());
        self.record.sealed_secret.as_deref().into_iter().chain(added)
    }

    /// Whether the client has a way of signing in. Refresh tokens that rotate serve no flow: `GetTokensFromRefreshToken` takes
    /// them (reference 4.8).
    pub fn opens(&self, flow: Flow) -> bool {
        let rotates = flow == Flow::RefreshToken && self.rotation_grace().is_some();
        !rotates && auth_flows::opens(&self.record.explicit_auth_flows, flow)
    }

    /// How long a refresh token serves on after its use, if the client rotates them.
    pub fn rotation_grace(&self) -> Option<Duration> {
        let grace = Duration::from_secs(u64::from(self.record.rotation_grace_seconds));
        self.record.refresh_token_rotation.then_some(grace)
    }

    /// Whether answers must not tell who exists: PreventUserExistenceErrors is ENABLED.
    pub fn hides_user_existence(&self) -> bool {
        self.record.hides_user_existence.unwrap_or(false)
    }

    /// Without a list of its own a client reads everything.
    pub fn may_read(&self, attribute: &str) -> bool {
        self.record.read_attributes.is_empty() || self.record.read_attributes.iter().any(|name| name == attribute)
    }

    /// Without a list of its own a client writes everything that users may write: all but the service's own word, which no
    /// client writes.
    pub fn may_write(&self, attribute: &str) -> bool {
        let listed = &self.record.write_attributes;
        let is_listed = listed.is_empty() || listed.iter().any(|name| name == attribute);
        is_listed && !is_written_by_the_service_alone(attribute)
    }

    /// Refuses attributes of which one is not the client's to write.
    pub fn refuse_unwritable<'a>(&self, attributes: impl IntoIterator<Item = &'a String>) -> Result<(), Error> {
        match attributes.into_iter().all(|name| self.may_write(name)) {
            true => Ok(()),
            false => Err(Error::AttributeNotWritable),
        }
    }

    pub fn token_validity(&self) -> Result<TokenValidity, Error> {
        token_validity(&self.record)
    }

    /// How long a challenge waits for its answer.
    pub fn session_validity(&self) -> Duration {
        Duration::from_secs(60 * u64::try_from(self.record.session_minutes).unwrap_or(0))
    }
}

/// The lives of a client's tokens, as its record sets them.
pub fn token_validity(record: &records::Client) -> Result<TokenValidity, Error> {
    fn setting(number: Option<i32>, unit: Option<&str>) -> Setting<'_> {
        Setting { number, unit }
    }
    TokenValidity::of(
        setting(record.access_token_validity, record.access_token_unit.as_deref()),
        setting(record.id_token_validity, record.id_token_unit.as_deref()),
        setting(record.refresh_token_validity, record.refresh_token_unit.as_deref()),
    )
}
