//! `AdminGetUserAuthFactors`: an operator reads by what means a user can prove who they are.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::{auth_factors, preferred_mfa_setting, user_mfa_setting_list};

impl Operation for api::AdminGetUserAuthFactorsRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminGetUserAuthFactorsResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        Ok(api::AdminGetUserAuthFactorsResponse {
            username: user.record.username.clone(),
            preferred_mfa_setting: preferred_mfa_setting(&user),
            user_mfa_setting_list: user_mfa_setting_list(&user),
            configured_user_auth_factors: auth_factors(cx, &pool, &user).await?,
        })
    }
}
