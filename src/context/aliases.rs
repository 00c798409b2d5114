//! Aliases: the sign-in names that follow from a user's attributes, bound and given up in the batch that changes those.

use super::Cx;
use super::pools::Pool;
use super::users::User;
use crate::domain::attributes::Attributes;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::NameOwner;
use crate::store::{AliasKey, Batch, UsernameKey};

impl Cx<'_> {
    /// With the batch, the user holds the aliases of the attributes `after`, and no longer those of the attributes read. Of two
    /// users who are given one alias at a time, one fails.
    pub async fn rebind_aliases(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        after: &Attributes,
    ) -> Result<(), Error> {
        let (held, wanted) = (held_aliases(pool, &user.attributes()), held_aliases(pool, after));
        for (_, key) in held.iter().filter(|each| !wanted.contains(each)) {
            let holder = self.store.read(key).await?;
            if holder.as_ref().is_some_and(|holder| holder.sub == user.record.sub) {
                batch.expect(key, holder.as_ref());
                batch.delete(key);
            }
        }
        for (alias, key) in wanted.iter().filter(|each| !held.contains(each)) {
            let holder = self.store.read(key).await?;
            if holder.as_ref().is_some_and(|holder| holder.sub != user.record.sub) {
                return Err(Error::AliasExists(alias.attribute()));
            }
            if *alias == Alias::PreferredUsername {
                self.refuse_taken_preferred_username(batch, pool, user, &key.value).await?;
            }
            batch.expect(key, holder.as_ref());
            batch.put(key, &NameOwner { sub: user.record.sub.clone() });
        }
        Ok(())
    }

    /// A preferred username lives among all other names: it must not be one by which somebody else is found, nor look like
    /// one.
    async fn refuse_taken_preferred_username(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        value: &str,
    ) -> Result<(), Error> {
        let rules = pool.username_rules();
        rules.classify(value)?;
        if self.user_meant(pool, value).await?.is_some_and(|found| found.owner != user.owner) {
            return Err(Error::AliasExists(Alias::PreferredUsername.attribute()));
        }
        let username = UsernameKey { pool: pool.id.clone(), name: rules.fold(value) };
        batch.expect(&username, self.store.read(&username).await?.as_ref());
        Ok(())
    }
}

/// The aliases that a user with these attributes holds. Where an attribute is the username it is one though unverified; an
/// address that is an alias must be verified.
fn held_aliases(pool: &Pool, attributes: &Attributes) -> Vec<(Alias, AliasKey)> {
    let rules = pool.username_rules();
    let is_held = |alias: &Alias| {
        let is_verified = || attributes.get(&alias.verified_flag()).is_some_and(|flag| flag == "true");
        rules.username_attributes.contains(alias)
            || rules.aliases.contains(alias) && (*alias == Alias::PreferredUsername || is_verified())
    };
    let held = [Alias::Email, Alias::PhoneNumber, Alias::PreferredUsername].into_iter().filter(is_held);
    held.filter_map(|alias| Some((alias, alias_key(pool, alias, attributes.get(alias.attribute())?)))).collect()
}

/// Where the owner of an alias stands.
pub fn alias_key(pool: &Pool, alias: Alias, value: &str) -> AliasKey {
    let value = pool.username_rules().fold_alias(alias, value);
    AliasKey { pool: pool.id.clone(), attribute: alias.attribute().to_owned(), value }
}
