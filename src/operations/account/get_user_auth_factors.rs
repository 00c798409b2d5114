//! `GetUserAuthFactors`: users read by what means they can prove who they are.

use crate::access::caller::SignedIn;
use crate::api::{self, auth_factor};
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::records::UserStatus;

impl Operation for api::GetUserAuthFactorsRequest {
    async fn run(&self, _: &Cx<'_>, caller: SignedIn) -> Result<api::GetUserAuthFactorsResponse, Error> {
        let user = &caller.bearer().user.record;
        // A password that an operator has voided proves nothing until a code sets another.
        let has_password = !user.password_hash.is_empty() && user.status() != UserStatus::ResetRequired;
        Ok(api::GetUserAuthFactorsResponse {
            username: user.username.clone(),
            configured_user_auth_factors: has_password
                .then(|| auth_factor::Value::Password.into())
                .into_iter()
                .collect(),
        })
    }
}
