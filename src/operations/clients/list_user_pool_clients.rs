//! `ListUserPoolClients`: the clients of a pool, page by page, in the order of their ids. Secrets are not among it.

use crate::access::caller::Operator;
use crate::api;
use crate::api::client_type::Value as ClientType;
use crate::app::Operation;
use crate::context::Cx;
use crate::domain::ids::ClientId;
use crate::error::Error;
use crate::operations::{honour, page_after, page_token};
use crate::store::ClientOfPoolKey;

/// The size of a page unless the caller says otherwise.
const PAGE_DEFAULT: i32 = 60;

impl Operation for api::ListUserPoolClientsRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::ListUserPoolClientsResponse, Error> {
        honour("ClientType DCR", self.client_type() == ClientType::Dcr)?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let limit = usize::try_from(self.max_results.unwrap_or(PAGE_DEFAULT)).unwrap_or_default();
        let after = self.next_token.as_deref().map(page_after).transpose()?;
        let after = after.map(|id| ClientOfPoolKey { pool: pool.id.clone(), client: ClientId(id) });
        let mut page = cx.store.list(&ClientOfPoolKey::prefix(&pool.id), after.as_ref(), limit + 1).await?;
        let more = page.len() > limit;
        page.truncate(limit);
        let next_token = page.last().filter(|_| more).map(|(key, _)| page_token(&key.client.0));
        let user_pool_clients = page.into_iter().map(|(key, client)| api::UserPoolClientDescription {
            client_id: Some(key.client.0),
            user_pool_id: Some(key.pool.0),
            client_name: Some(client.record.name),
        });
        Ok(api::ListUserPoolClientsResponse { user_pool_clients: user_pool_clients.collect(), next_token })
    }
}
