//! `AdminDeleteUserAttributes`: an operator takes attributes from a user.

use super::set_attributes;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::AdminDeleteUserAttributesRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminDeleteUserAttributesResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let after = pool.schema().without(&user.attributes(), &self.user_attribute_names)?;
        set_attributes(cx, &pool, &user, after).await?;
        Ok(api::AdminDeleteUserAttributesResponse {})
    }
}
