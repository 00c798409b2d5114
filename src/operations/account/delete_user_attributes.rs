//! `DeleteUserAttributes`: users give up attributes of their own, as far as the client may write them.

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::DeleteUserAttributesRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::DeleteUserAttributesResponse, Error> {
        let bearer = caller.bearer();
        let pool = &bearer.client.pool;
        bearer.client.refuse_unwritable(&self.user_attribute_names)?;
        let after = pool.schema().without(&bearer.user.attributes(), &self.user_attribute_names)?;
        let mut batch = Batch::default();
        cx.set_attributes(&mut batch, pool, &bearer.user, after).await?;
        cx.commit(batch).await?;
        Ok(api::DeleteUserAttributesResponse {})
    }
}
