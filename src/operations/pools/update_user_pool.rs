//! `UpdateUserPool`: a pool takes new settings, and the defaults of those that are left out.

use super::settings::Settings;
use super::{mfa, triggers};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, records};

impl Operation for api::UpdateUserPoolRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::UpdateUserPoolResponse, Error> {
        let settings = Settings::from(self);
        settings.refuse_what_is_not_honoured()?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let before = pool.record.record.clone();
        let changed = settings.of(records::Pool {
            name: self.pool_name.clone().unwrap_or(before.name),
            modified_at: cx.now().as_millisecond(),
            ..before
        })?;
        mfa::check_factors(cx, &changed)?;
        triggers::check_bindings(cx, &changed)?;
        let mut batch = Batch::default();
        pool.replace(&mut batch, &changed);
        cx.commit(batch).await?;
        Ok(api::UpdateUserPoolResponse {})
    }
}
