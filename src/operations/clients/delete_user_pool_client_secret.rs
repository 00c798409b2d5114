//! `DeleteUserPoolClientSecret`: a secret proves nothing any more. One always remains: a client does not become public.

use super::secrets::{id_of, of_client};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::DeleteUserPoolClientSecretRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::DeleteUserPoolClientSecretResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        let (id, secrets) = (self.client_secret_id(), of_client(&client));
        if !secrets.iter().any(|secret| secret.id == id) {
            return Err(Error::ClientSecretDoesNotExist(id.to_owned()));
        }
        if secrets.len() == 1 {
            return Err(Error::invalid_parameter("The last secret of a client cannot be deleted."));
        }
        let mut changed = client.record.record.clone();
        if id == id_of(&client, changed.created_at) {
            changed.sealed_secret = None;
        }
        changed.added_secrets.retain(|added| added.id != id);
        let mut batch = Batch::default();
        client.replace(&mut batch, &changed);
        cx.commit(batch).await?;
        Ok(api::DeleteUserPoolClientSecretResponse {})
    }
}
