//! `GetUserAuthFactors`: users read by what means they can prove who they are.

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::{auth_factors, preferred_mfa_setting, user_mfa_setting_list};

impl Operation for api::GetUserAuthFactorsRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::GetUserAuthFactorsResponse, Error> {
        let (pool, user) = (&caller.bearer().client.pool, &caller.bearer().user);
        Ok(api::GetUserAuthFactorsResponse {
            username: user.record.username.clone(),
            preferred_mfa_setting: preferred_mfa_setting(user),
            user_mfa_setting_list: user_mfa_setting_list(user),
            configured_user_auth_factors: auth_factors(cx, pool, user).await?,
        })
    }
}
