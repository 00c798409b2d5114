//! `UntagResource`: a pool loses tags.

use super::{set_tags, tagged_pool};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::UntagResourceRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::UntagResourceResponse, Error> {
        let pool = tagged_pool(cx, self.resource_arn()).await?;
        let mut tags = pool.record.tags.clone();
        tags.retain(|key, _| !self.tag_keys.contains(key));
        set_tags(cx, &pool, tags).await?;
        Ok(api::UntagResourceResponse {})
    }
}
