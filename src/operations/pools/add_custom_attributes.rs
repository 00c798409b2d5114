//! `AddCustomAttributes`: the schema of a pool grows. What users have stays as it is.

use super::{attribute_request, definition};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::honour;
use crate::store::{Batch, records};

impl Operation for api::AddCustomAttributesRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AddCustomAttributesResponse, Error> {
        let developers = self.custom_attributes.iter().any(api::SchemaAttribute::developer_only_attribute);
        honour("DeveloperOnlyAttribute", developers)?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let schema = pool.schema().and(self.custom_attributes.iter().map(attribute_request).collect())?;
        let changed = records::Pool {
            schema: schema.definitions().map(definition).collect(),
            modified_at: cx.now().as_millisecond(),
            ..pool.record.record.clone()
        };
        let mut batch = Batch::default();
        pool.replace(&mut batch, &changed);
        cx.commit(batch).await?;
        Ok(api::AddCustomAttributesResponse {})
    }
}
