//! `UpdateUserPoolClient`: a client takes new settings, and the defaults of those that are left out.

use super::settings::{Doing, Settings};
use super::{description, verifiers};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, ClientOfPoolKey, records};

impl Operation for api::UpdateUserPoolClientRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::UpdateUserPoolClientResponse, Error> {
        let settings = Settings::from(self);
        settings.refuse_what_is_not_honoured()?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        let before = client.record.record.clone();
        let changed = settings.of(
            &pool,
            Doing::Updating,
            records::Client {
                name: self.client_name.clone().unwrap_or(before.name),
                modified_at: cx.now().as_millisecond(),
                ..before
            },
        )?;
        let mut batch = Batch::default();
        client.replace(&mut batch, &changed);
        let index = ClientOfPoolKey { pool: pool.id.clone(), client: client.id.clone() };
        batch.put(&index, &records::ClientOfPool { name: changed.name.clone() });
        let pool_after =
            verifiers::follow(cx, &mut batch, &pool, &client.id, Some(&client.record), Some(&changed)).await?;
        if let Some(after) = &pool_after {
            pool.replace(&mut batch, after);
        }
        cx.commit(batch).await?;
        cx.removal_begun.notify_one();
        let client = cx.client(self.client_id()).await?;
        Ok(api::UpdateUserPoolClientResponse { user_pool_client: Some(description(cx, &client)?) })
    }
}
