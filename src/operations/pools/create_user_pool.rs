//! `CreateUserPool`: a new pool with its settings and its two signing keys.

use super::settings::Settings;
use super::{attribute_request, definition, description, mfa, names, triggers};
use crate::access::caller::Operator;
use crate::api::{self, alias_attribute, username_attribute};
use crate::app::Operation;
use crate::context::Cx;
use crate::crypto::signing::NewKeys;
use crate::domain::attributes::Schema;
use crate::domain::ids::PoolId;
use crate::error::Error;
use crate::operations::honour;
use crate::store::{Batch, Key as _, PoolKey, SigningKeysKey, records};

impl Operation for api::CreateUserPoolRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::CreateUserPoolResponse, Error> {
        let settings = Settings::from(self);
        settings.refuse_what_is_not_honoured()?;
        honour("DeveloperOnlyAttribute", self.schema.iter().any(api::SchemaAttribute::developer_only_attribute))?;
        if !self.alias_attributes.is_empty() && !self.username_attributes.is_empty() {
            let message = "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.";
            return Err(Error::invalid_parameter(message));
        }
        let id = cx.mint_pool_id();
        let record = settings.of(self.foundation(&id, cx.now().as_millisecond())?)?;
        mfa::check_factors(cx, &record)?;
        triggers::check_bindings(cx, &record)?;
        let keys_key = SigningKeysKey { pool: id.clone() };
        let keys = cx.signers.run(|_| NewKeys::generate()).await?.map_err(Error::internal)?;
        let keys = keys.sealed(&cx.sealer, &keys_key.encoded(), &cx.rng).map_err(Error::internal)?;

        let mut batch = Batch::default();
        let key = PoolKey { pool: id.clone() };
        batch.expect_absent(&key);
        batch.put(&key, &record);
        batch.put(&keys_key, &keys);
        cx.commit(batch).await?;
        let pool = cx.pool(&id.0).await?;
        Ok(api::CreateUserPoolResponse { user_pool: Some(description(cx, &pool, 0)) })
    }
}

impl api::CreateUserPoolRequest {
    /// What no later update changes.
    fn foundation(&self, id: &PoolId, now: i64) -> Result<records::Pool, Error> {
        let schema = Schema::with(self.schema.iter().map(attribute_request).collect())?;
        Ok(records::Pool {
            id: id.0.clone(),
            name: self.pool_name().to_owned(),
            created_at: now,
            modified_at: now,
            alias_attributes: names::<alias_attribute::Value>(&self.alias_attributes),
            username_attributes: names::<username_attribute::Value>(&self.username_attributes),
            case_sensitive: self.username_configuration.and_then(|configuration| configuration.case_sensitive),
            schema: schema.definitions().map(definition).collect(),
            ..records::Pool::default()
        })
    }
}
