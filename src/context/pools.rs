//! A pool as operations see it: its record, and the rules that its settings make.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Cx;
use crate::clock::after;
use crate::domain::attributes::{AttributeDefinition, DataType, Schema};
use crate::domain::ids::PoolId;
use crate::domain::password_policy::PasswordPolicy;
use crate::domain::usernames::{Alias, UsernameRules};
use crate::error::Error;
use crate::store::{Batch, PoolKey, Stored, records};

/// How long a temporary password is good unless the pool says otherwise.
pub const TEMPORARY_PASSWORD_DAYS: u32 = 7;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// A pool.
pub struct Pool {
    pub id: PoolId,
    pub record: Arc<Stored<records::Pool>>,
}

impl Cx<'_> {
    /// A new pool's id.
    pub fn mint_pool_id(&self) -> PoolId {
        let id = PoolId::mint(&self.region, &self.rng);
        self.tell(|witness| witness.saw_pool(&id.0));
        id
    }

    /// The pool of this id.
    pub async fn pool(&self, id: &str) -> Result<Pool, Error> {
        let id = PoolId(id.to_owned());
        match self.store.read_kept(&PoolKey { pool: id.clone() }, &self.pools, Ok::<_, Error>).await? {
            Some(record) => {
                self.tell(|witness| witness.saw_pool(&id.0));
                Ok(Pool { id, record })
            }
            None => Err(Error::UserPoolDoesNotExist(id.0)),
        }
    }
}

impl Pool {
    pub fn key(&self) -> PoolKey {
        PoolKey { pool: self.id.clone() }
    }

    /// Writes a changed record in the place of the one that was read.
    pub fn replace(&self, batch: &mut Batch, changed: &records::Pool) {
        batch.expect(&self.key(), Some(&self.record));
        batch.put(&self.key(), changed);
    }

    pub fn username_rules(&self) -> UsernameRules {
        UsernameRules {
            aliases: aliases(&self.record.alias_attributes),
            username_attributes: aliases(&self.record.username_attributes),
            case_sensitive: self.record.case_sensitive.unwrap_or(true),
        }
    }

    pub fn auto_verified(&self) -> Vec<Alias> {
        aliases(&self.record.auto_verified_attributes)
    }

    /// Addresses of which a new value counts only once it is verified.
    pub fn verified_before_update(&self) -> Vec<Alias> {
        aliases(&self.record.verified_before_update)
    }

    pub fn password_policy(&self) -> PasswordPolicy {
        let policy = self.record.password_policy.unwrap_or_default();
        PasswordPolicy {
            minimum_length: policy.minimum_length,
            require_lowercase: policy.require_lowercase,
            require_numbers: policy.require_numbers,
            require_symbols: policy.require_symbols,
            require_uppercase: policy.require_uppercase,
        }
    }

    /// When a temporary password that is given at this moment ends.
    pub fn end_of_temporary_password(&self, given_at: Timestamp) -> Timestamp {
        let days = self.record.temporary_password_days.unwrap_or(TEMPORARY_PASSWORD_DAYS);
        after(given_at, Duration::from_secs(u64::from(days) * DAY_SECONDS))
    }

    pub fn schema(&self) -> Schema {
        Schema::kept(self.record.schema.iter().map(definition).collect())
    }
}

fn aliases(names: &[String]) -> Vec<Alias> {
    names.iter().filter_map(|name| Alias::of_attribute(name)).collect()
}

fn definition(record: &records::AttributeDefinition) -> AttributeDefinition {
    AttributeDefinition {
        name: record.name.clone(),
        data_type: DataType::named(&record.data_type),
        mutable: record.mutable,
        required: record.required,
        minimum: record.minimum,
        maximum: record.maximum,
    }
}
