//! `CreateUserPoolClient`: a new application of a pool, with a secret if it can keep one.

use super::settings::{Doing, Settings};
use super::{CLIENTS_PER_POOL_MAX, description, verifiers};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::domain::ids::{ClientId, mint_client_secret};
use crate::error::Error;
use crate::store::{Batch, ClientKey, ClientOfPoolKey, Key as _, records};

impl Operation for api::CreateUserPoolClientRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::CreateUserPoolClientResponse, Error> {
        let settings = Settings::from(self);
        settings.refuse_what_is_not_honoured()?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let key = ClientKey { client: ClientId::mint(&cx.rng) };
        let now = cx.now().as_millisecond();
        let record = settings.of(
            &pool,
            Doing::Creating,
            records::Client {
                id: key.client.0.clone(),
                pool: pool.id.0.clone(),
                name: self.client_name().to_owned(),
                created_at: now,
                modified_at: now,
                sealed_secret: self.sealed_secret(cx, &key)?,
                ..records::Client::default()
            },
        )?;
        let prefix = ClientOfPoolKey::prefix(&pool.id);
        if cx.store.list::<ClientOfPoolKey>(&prefix, None, CLIENTS_PER_POOL_MAX).await?.len() >= CLIENTS_PER_POOL_MAX {
            return Err(Error::LimitExceeded("A user pool cannot have more than 1000 clients."));
        }
        let mut batch = Batch::default();
        let changed = verifiers::follow(cx, &mut batch, &pool, &key.client, None, Some(&record)).await?;
        // Writing the pool, be it unchanged, makes clients that are created at once wait for each other: the limit holds.
        pool.replace(&mut batch, changed.as_ref().unwrap_or(&pool.record));
        batch.expect_absent(&key);
        batch.put(&key, &record);
        let index = ClientOfPoolKey { pool: pool.id.clone(), client: key.client.clone() };
        batch.put(&index, &records::ClientOfPool { name: record.name.clone() });
        cx.commit(batch).await?;
        let client = cx.client(&key.client.0).await?;
        Ok(api::CreateUserPoolClientResponse { user_pool_client: Some(description(cx, &client)?) })
    }
}

impl api::CreateUserPoolClientRequest {
    fn sealed_secret(&self, cx: &Cx<'_>, key: &ClientKey) -> Result<Option<Vec<u8>>, Error> {
        let secret = match (&self.client_secret, self.generate_secret()) {
            (Some(_), true) => {
                return Err(Error::invalid_parameter("GenerateSecret and ClientSecret cannot be given together."));
            }
            (Some(given), false) => given.clone(),
            (None, true) => mint_client_secret(&cx.rng),
            (None, false) => return Ok(None),
        };
        Ok(Some(cx.sealer.seal(&key.encoded(), secret.as_bytes(), &cx.rng)))
    }
}
