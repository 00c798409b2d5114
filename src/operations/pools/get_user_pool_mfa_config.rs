//! `GetUserPoolMfaConfig`: which factors beside the password a pool has.

use super::web_authn_configuration;
use crate::access::caller::Operator;
use crate::api::{self, user_pool_mfa};
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::GetUserPoolMfaConfigRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::GetUserPoolMfaConfigResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        Ok(api::GetUserPoolMfaConfigResponse {
            mfa_configuration: Some(user_pool_mfa::Value::Off.into()),
            web_authn_configuration: web_authn_configuration(&pool.record),
        })
    }
}
