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
use crate::store::{ClientKey, Key as _, Stored, records};

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

    /// The client's secret, if it has one.
    pub fn client_secret(&self, client: &Client) -> Result<Option<Secret<Vec<u8>>>, Error> {
        let open = |sealed: &Vec<u8>| self.sealer.open(&client.key().encoded(), sealed).map_err(Error::internal);
        client.record.sealed_secret.as_ref().map(open).transpose()
    }

    /// Whether a client proves itself by its secret itself; or, without one, by claiming none.
    pub fn proves_by_secret(&self, client: &Client, given: Option<&str>) -> Result<bool, Error> {
        Ok(match (self.client_secret(client)?, given) {
            (None, None) => true,
            (Some(secret), Some(given)) => secret.equals(given.as_bytes()),
            _ => false,
        })
    }

    /// Refuses a request without the proof that its client holds the secret. `usernames` are the names that the hash may
    /// cover.
    pub fn check_secret_hash(&self, client: &Client, given: Option<&str>, usernames: &[&str]) -> Result<(), Error> {
        let mismatch = || Error::SecretHashMismatch(client.id.0.clone());
        match (self.client_secret(client)?, given) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(mismatch()),
            (Some(_), None) => Err(Error::SecretHashMissing(client.id.0.clone())),
            (Some(secret), Some(hash)) if is_secret_hash(hash, &secret, usernames, &client.id.0) => Ok(()),
            (Some(_), Some(_)) => Err(mismatch()),
        }
    }
}

impl Client {
    pub fn key(&self) -> ClientKey {
        ClientKey { client: self.id.clone() }
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
