//! Aliases: the sign-in names that follow from a user's attributes, bound and given up in the batch that changes those.

use std::collections::BTreeMap;

use super::Cx;
use super::pools::Pool;
use super::users::User;
use crate::domain::attributes::{Attributes, is_verified};
use crate::domain::ids::Sub;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::NameOwner;
use crate::store::{AliasKey, Batch, Owner, UserKey, UsernameKey};

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
        self.move_aliases(batch, pool, &user.owner, &user.attributes(), after, false).await
    }

    /// The same for whoever has, or is about to have, these attributes `before` and `after`. With `force`, an address that is
    /// another user's alias moves, and is unverified there.
    pub async fn move_aliases(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        owner: &Owner,
        before: &Attributes,
        after: &Attributes,
        force: bool,
    ) -> Result<(), Error> {
        let sub = owner.sub.to_string();
        let (held, wanted) = (held_aliases(pool, before), held_aliases(pool, after));
        for (_, key) in held.iter().filter(|each| !wanted.contains(each)) {
            let holder = self.store.read(key).await?;
            if holder.as_ref().is_some_and(|holder| holder.sub == sub) {
                batch.expect(key, holder.as_ref());
                batch.delete(key);
            }
        }
        let mut lost: Vec<(String, Alias)> = Vec::new();
        for (alias, key) in wanted.iter().filter(|each| !held.contains(each)) {
            let holder = self.store.read(key).await?;
            if let Some(holder) = holder.as_ref().filter(|holder| holder.sub != sub) {
                if !force || !is_lost_by_force(pool, *alias) {
                    return Err(Error::AliasExists(alias.attribute()));
                }
                lost.push((holder.sub.clone(), *alias));
            }
            if *alias == Alias::PreferredUsername {
                self.refuse_taken_preferred_username(batch, pool, owner, &key.value).await?;
            }
            batch.expect(key, holder.as_ref());
            batch.put(key, &NameOwner { sub: sub.clone() });
        }
        self.unverify_lost(batch, pool, lost).await
    }

    /// With the batch, what users have lost as an alias is unverified. One user may lose several.
    async fn unverify_lost(&self, batch: &mut Batch, pool: &Pool, lost: Vec<(String, Alias)>) -> Result<(), Error> {
        let mut by_loser: BTreeMap<String, Vec<Alias>> = BTreeMap::new();
        lost.into_iter().for_each(|(loser, alias)| by_loser.entry(loser).or_default().push(alias));
        for (loser, aliases) in by_loser {
            let sub = Sub::parse(&loser).ok_or_else(|| Error::internal("an alias's owner is not a sub"))?;
            let owner = Owner { pool: pool.id.clone(), sub };
            // Not by `Cx::user`: the request is about the user who gains.
            let Some(record) = self.store.read(&UserKey { owner: owner.clone() }).await? else { continue };
            let loser = User { owner, record };
            let mut attributes = loser.attributes();
            attributes.extend(aliases.into_iter().map(|alias| (alias.verified_flag(), "false".to_owned())));
            self.void_outrun_code(batch, &loser, &attributes).await?;
            loser.replace(batch, &loser.with_attributes(attributes, self.now()));
        }
        Ok(())
    }

    /// A preferred username lives among all other names: it must not be one by which somebody else is found, nor look like
    /// one.
    async fn refuse_taken_preferred_username(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        owner: &Owner,
        value: &str,
    ) -> Result<(), Error> {
        let rules = pool.username_rules();
        rules.classify(value)?;
        if self.user_meant(pool, value).await?.is_some_and(|found| found.owner != *owner) {
            return Err(Error::AliasExists(Alias::PreferredUsername.attribute()));
        }
        let username = UsernameKey { pool: pool.id.clone(), name: rules.fold(value) };
        batch.expect(&username, self.store.read(&username).await?.as_ref());
        Ok(())
    }
}

/// Whether another user's claim can take this alias: an address that only its verification made one.
fn is_lost_by_force(pool: &Pool, alias: Alias) -> bool {
    alias != Alias::PreferredUsername && pool.username_rules().aliases.contains(&alias)
}

/// The aliases that a user with these attributes holds. Where an attribute is the username it is one though unverified; an
/// address that is an alias must be verified.
fn held_aliases(pool: &Pool, attributes: &Attributes) -> Vec<(Alias, AliasKey)> {
    let rules = pool.username_rules();
    let is_held = |alias: &Alias| {
        rules.username_attributes.contains(alias)
            || rules.aliases.contains(alias) && (*alias == Alias::PreferredUsername || is_verified(*alias, attributes))
    };
    let held = [Alias::Email, Alias::PhoneNumber, Alias::PreferredUsername].into_iter().filter(is_held);
    held.filter_map(|alias| Some((alias, alias_key(pool, alias, attributes.get(alias.attribute())?)))).collect()
}

/// Where the owner of an alias stands.
pub fn alias_key(pool: &Pool, alias: Alias, value: &str) -> AliasKey {
    let value = pool.username_rules().fold_alias(alias, value);
    AliasKey { pool: pool.id.clone(), attribute: alias.attribute().to_owned(), value }
}
