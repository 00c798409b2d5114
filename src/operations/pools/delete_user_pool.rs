//! `DeleteUserPool`: a pool ends, with its clients and keys at once; its users are swept away in the background.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::clients::CLIENTS_PER_POOL_MAX;
use crate::store::{Batch, ClientKey, ClientOfPoolKey, PoolRemovalKey, SigningKeysKey, records};

impl Operation for api::DeleteUserPoolRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<(), Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        if pool.record.deletion_protection {
            return Err(Error::invalid_parameter(
                "The user pool cannot be deleted because deletion protection is activated. \
                 Deletion protection must be inactivated first.",
            ));
        }
        let prefix = ClientOfPoolKey::prefix(&pool.id);
        let clients = cx.store.list::<ClientOfPoolKey>(&prefix, None, CLIENTS_PER_POOL_MAX + 1).await?;
        let mut batch = Batch::default();
        // Clients are made only under an unchanged pool, so none can be missing here.
        batch.expect(&pool.key(), Some(&pool.record));
        batch.delete(&pool.key());
        batch.delete(&SigningKeysKey { pool: pool.id.clone() });
        for (key, _) in clients {
            batch.delete(&ClientKey { client: key.client.clone() });
            batch.delete(&key);
        }
        let requested_at = cx.now().as_millisecond();
        batch.put(&PoolRemovalKey { pool: pool.id.clone() }, &records::PoolRemoval { requested_at });
        cx.commit(batch).await?;
        cx.removal_begun.notify_one();
        Ok(())
    }
}
