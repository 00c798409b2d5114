//! `InitiateAuth`: a sign-in begins, or a refresh token is exchanged for new tokens.

use super::begin::Beginning;
use crate::access::caller::Anyone;
use crate::api;
use crate::api::auth_flow::Value as AuthFlow;
use crate::app::Operation;
use crate::context::Cx;
use crate::domain::auth_flows::Flow;
use crate::error::Error;

impl Operation for api::InitiateAuthRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::InitiateAuthResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        let beginning =
            Beginning { client: &client, parameters: &self.auth_parameters, session: self.session.as_deref() };
        let outcome = match self.auth_flow() {
            AuthFlow::UserPasswordAuth => {
                let otherwise = "USER_PASSWORD_AUTH flow not enabled for this client";
                beginning.by_password(cx, Flow::Password, otherwise).await?
            }
            flow => beginning.by(cx, flow).await?,
        };
        Ok(outcome.into())
    }
}
