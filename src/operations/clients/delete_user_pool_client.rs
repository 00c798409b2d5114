//! `DeleteUserPoolClient`: an application ends. The tokens it holds are refused from then on.

use super::verifiers;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, ClientOfPoolKey};

impl Operation for api::DeleteUserPoolClientRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<(), Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        let mut batch = Batch::default();
        batch.expect(&client.key(), Some(&client.record));
        batch.delete(&client.key());
        batch.delete(&ClientOfPoolKey { pool: pool.id.clone(), client: client.id.clone() });
        let pool_after = verifiers::follow(cx, &mut batch, &pool, &client.id, Some(&client.record), None).await?;
        if let Some(after) = &pool_after {
            pool.replace(&mut batch, after);
        }
        cx.commit(batch).await?;
        cx.removal_begun.notify_one();
        Ok(())
    }
}
