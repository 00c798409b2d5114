//! The names with which users come into being: what is somebody's is not given again.

use super::Cx;
use super::aliases::alias_key;
use super::pools::Pool;
use crate::domain::attributes::Attributes;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::NameOwner;
use crate::store::{Batch, Owner, UsernameKey};

/// What of a new user's names is somebody's already.
pub enum Taken {
    Username,
    /// An address that is the username in its pool.
    Address(Alias),
}

impl Cx<'_> {
    /// Looks whether a name is taken. What is taken between here and the commit conflicts there, and comes back here. Another
    /// user's `sub` is taken too: operators name users by it, and would mean whoever bore it as a name.
    pub async fn taken_name(
        &self,
        pool: &Pool,
        username: &str,
        named_by: Option<Alias>,
        attributes: &Attributes,
    ) -> Result<Option<Taken>, Error> {
        if named_by.is_none() && self.user_meant(pool, username).await?.is_some() {
            return Ok(Some(Taken::Username));
        }
        for alias in pool.username_rules().username_attributes {
            let Some(value) = attributes.get(alias.attribute()) else { continue };
            if self.store.read(&alias_key(pool, alias, value)).await?.is_some() {
                return Ok(Some(Taken::Address(alias)));
            }
        }
        Ok(None)
    }

    /// Takes the names of a new user: the username, and the aliases that these attributes make. With `force`, verified addresses
    /// are taken from others.
    pub async fn claim_names(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        owner: &Owner,
        username: &str,
        attributes: &Attributes,
        force: bool,
    ) -> Result<(), Error> {
        let rules = pool.username_rules();
        let key = UsernameKey { pool: pool.id.clone(), name: rules.fold(username) };
        batch.expect_absent(&key);
        batch.put(&key, &NameOwner { sub: owner.sub.to_string() });
        if rules.aliases.contains(&Alias::PreferredUsername) {
            batch.expect_absent(&alias_key(pool, Alias::PreferredUsername, username));
        }
        match self.move_aliases(batch, pool, owner, &Attributes::new(), attributes, force).await {
            // Free a moment ago: the next run finds it taken, and says so as of a username.
            Err(Error::AliasExists(_)) if !rules.username_attributes.is_empty() => Err(Error::Conflict),
            done => done,
        }
    }
}

impl Taken {
    /// The refusal. Operations word it differently where the username is taken.
    pub fn refusal(self, of_username: &'static str) -> Error {
        Error::UsernameExists(match self {
            Taken::Username => of_username,
            Taken::Address(Alias::PhoneNumber) => "An account with the given phone_number already exists.",
            Taken::Address(_) => "An account with the given email already exists.",
        })
    }
}
