//! `GetUser`: users read their own account, as far as the client may read it.

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::{attribute_list, mfa_options, preferred_mfa_setting, user_mfa_setting_list};

impl Operation for api::GetUserRequest {
    async fn run(&self, _: &Cx<'_>, caller: SignedIn) -> Result<api::GetUserResponse, Error> {
        let bearer = caller.bearer();
        Ok(api::GetUserResponse {
            username: bearer.user.record.username.clone(),
            user_attributes: attribute_list(&bearer.user, |name| bearer.client.may_read(name)),
            mfa_options: mfa_options(&bearer.user),
            preferred_mfa_setting: preferred_mfa_setting(&bearer.user),
            user_mfa_setting_list: user_mfa_setting_list(&bearer.user),
        })
    }
}
