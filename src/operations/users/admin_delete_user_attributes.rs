//! `AdminDeleteUserAttributes`: an operator takes attributes from a user.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::AdminDeleteUserAttributesRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminDeleteUserAttributesResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let after = pool.schema().without(&user.attributes(), &self.user_attribute_names)?;
        let mut batch = Batch::default();
        cx.set_attributes(&mut batch, &pool, &user, after).await?;
        cx.commit(batch).await?;
        Ok(api::AdminDeleteUserAttributesResponse {})
    }
}
