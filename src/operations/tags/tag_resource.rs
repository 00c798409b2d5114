//! `TagResource`: a pool gets tags, beside those that it has.

use super::{set_tags, tagged_pool};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::TagResourceRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::TagResourceResponse, Error> {
        let pool = tagged_pool(cx, self.resource_arn()).await?;
        let mut tags = pool.record.tags.clone();
        tags.extend(self.tags.clone());
        set_tags(cx, &pool, tags).await?;
        Ok(api::TagResourceResponse {})
    }
}
