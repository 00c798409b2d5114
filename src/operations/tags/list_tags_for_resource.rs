//! `ListTagsForResource`: the tags of a pool.

use super::tagged_pool;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::ListTagsForResourceRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::ListTagsForResourceResponse, Error> {
        let pool = tagged_pool(cx, self.resource_arn()).await?;
        Ok(api::ListTagsForResourceResponse { tags: pool.record.tags.clone() })
    }
}
