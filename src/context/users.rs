//! Users, and how they are found by what somebody typed.

use jiff::Timestamp;

use super::aliases::alias_key;
use super::pools::Pool;
use super::{Cx, nobody};
use crate::domain::attributes::Attributes;
use crate::domain::ids::Sub;
use crate::error::Error;
use crate::store::{Batch, MemberKey, Owner, Stored, UserKey, UserRemovalKey, UsernameKey, records};

/// A user of a pool.
pub struct User {
    pub owner: Owner,
    pub record: Stored<records::User>,
}

impl Cx<'_> {
    /// The place in a pool of the new user of this request. It is the same when the operation runs again: whom a trigger was
    /// told of is whom there will be.
    pub fn mint_owner(&self, pool: &Pool) -> Owner {
        let sub = *self.newcomer.get_or_init(|| Sub(self.rng.uuid()));
        let owner = Owner { pool: pool.id.clone(), sub };
        self.tell(|witness| witness.saw_user(&owner.sub.to_string()));
        owner
    }

    /// The user with this `sub`.
    pub async fn user(&self, owner: Owner) -> Result<Option<User>, Error> {
        let record = self.store.read(&UserKey { owner: owner.clone() }).await?;
        if record.is_some() {
            self.tell(|witness| witness.saw_user(&owner.sub.to_string()));
        }
        Ok(record.map(|record| User { owner, record }))
    }

    /// The user whom a sign-in name means: a username, or an alias that is active.
    pub async fn user_named(&self, pool: &Pool, name: &str) -> Result<Option<User>, Error> {
        let rules = pool.username_rules();
        let username = UsernameKey { pool: pool.id.clone(), name: rules.fold(name) };
        let mut found = self.store.read(&username).await?;
        // All of them are looked for, and a user in any case: how much work it was must not tell what was found.
        for alias in rules.lookup_aliases(name) {
            let by_alias = self.store.read(&alias_key(pool, alias, name)).await?;
            found = found.or(by_alias);
        }
        match found {
            Some(found) => self.owned(pool, &found).await,
            None => {
                nobody::work_as_for_somebody();
                self.user(self.nobody(pool, name)).await
            }
        }
    }

    /// The user whom an operator means: by name, alias or `sub`.
    pub async fn user_for_operator(&self, pool: &Pool, name: &str) -> Result<User, Error> {
        self.user_meant(pool, name).await?.ok_or(Error::UserDoesNotExist)
    }

    /// The user whom a name means where a `sub` is as good as a name.
    pub async fn user_meant(&self, pool: &Pool, name: &str) -> Result<Option<User>, Error> {
        match self.user_named(pool, name).await? {
            None => match Sub::parse(&pool.username_rules().fold(name)) {
                Some(sub) => self.user(Owner { pool: pool.id.clone(), sub }).await,
                None => Ok(None),
            },
            found => Ok(found),
        }
    }

    async fn owned(&self, pool: &Pool, found: &records::NameOwner) -> Result<Option<User>, Error> {
        let sub = Sub::parse(&found.sub).ok_or_else(|| Error::internal("a name's owner is not a sub"))?;
        self.user(Owner { pool: pool.id.clone(), sub }).await
    }

    /// Deletes a user: with the batch they are gone for everybody and their names are free. The rest of what was theirs says
    /// nothing without the user, and is swept in the background, which is to be told ([`super::Services::removal_begun`]).
    pub async fn delete_user(&self, batch: &mut Batch, pool: &Pool, user: &User) -> Result<(), Error> {
        self.rebind_aliases(batch, pool, user, &Attributes::new()).await?;
        let name = pool.username_rules().fold(&user.record.username);
        batch.delete(&UsernameKey { pool: pool.id.clone(), name });
        for group in self.groups_of(user).await? {
            batch.delete(&MemberKey { pool: pool.id.clone(), group: group.id, sub: user.owner.sub });
        }
        for passkey in self.passkeys(user).await? {
            batch.delete(&passkey.owner_key());
        }
        user.expect_unchanged(batch);
        batch.delete(&user.key());
        let requested_at = self.now().as_millisecond();
        batch.put(&UserRemovalKey { owner: user.owner.clone() }, &records::UserRemoval { requested_at });
        Ok(())
    }
}

impl User {
    pub fn key(&self) -> UserKey {
        UserKey { owner: self.owner.clone() }
    }

    pub fn attributes(&self) -> Attributes {
        self.record.attributes.clone()
    }

    /// The record with other attributes.
    pub fn with_attributes(&self, attributes: Attributes, now: Timestamp) -> records::User {
        let modified_at = now.as_millisecond();
        records::User { attributes, modified_at, ..self.record.record.clone() }
    }

    /// Whether the temporary password serves no longer.
    pub fn temporary_password_has_ended(&self, now: Timestamp) -> bool {
        self.record.password_expires_at.is_none_or(|end| end <= now.as_millisecond())
    }

    /// Whether the user's password is a temporary one past its end: it is no password any more.
    pub fn temporary_password_is_over(&self, now: Timestamp) -> bool {
        self.record.status() == records::UserStatus::ForceChangePassword && self.temporary_password_has_ended(now)
    }

    /// Writes a changed record in the place of the one that was read.
    pub fn replace(&self, batch: &mut Batch, changed: &records::User) {
        batch.expect(&self.key(), Some(&self.record));
        batch.put(&self.key(), changed);
    }

    /// Whether the user is still as it was read.
    pub async fn is_as_read(&self, cx: &Cx<'_>) -> Result<bool, Error> {
        let now = cx.store.read(&self.key()).await?;
        Ok(now.is_some_and(|now| now.record == self.record.record))
    }

    /// The batch fails if the user has changed since this read.
    pub fn expect_unchanged(&self, batch: &mut Batch) {
        batch.expect(&self.key(), Some(&self.record));
    }
}

/// Cognito's name for a status.
pub fn status_name(status: records::UserStatus) -> &'static str {
    match status {
        records::UserStatus::Unknown => "UNKNOWN",
        records::UserStatus::Unconfirmed => "UNCONFIRMED",
        records::UserStatus::Confirmed => "CONFIRMED",
        records::UserStatus::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
        records::UserStatus::ResetRequired => "RESET_REQUIRED",
    }
}
