//! `AdminInitiateAuth`: a back end begins a user's sign-in, or exchanges a refresh token for new tokens.

use super::begin::Beginning;
use crate::access::caller::Operator;
use crate::api;
use crate::api::auth_flow::Value as AuthFlow;
use crate::app::Operation;
use crate::context::Cx;
use crate::domain::auth_flows::Flow;
use crate::error::Error;

impl Operation for api::AdminInitiateAuthRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminInitiateAuthResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        let beginning =
            Beginning { client: &client, parameters: &self.auth_parameters, session: self.session.as_deref() };
        let outcome = match self.auth_flow() {
            AuthFlow::AdminUserPasswordAuth | AuthFlow::AdminNoSrpAuth => {
                beginning.by_password(cx, Flow::AdminPassword, "Auth flow not enabled for this client").await?
            }
            flow => beginning.by(cx, flow).await?,
        };
        Ok(outcome.into())
    }
}
