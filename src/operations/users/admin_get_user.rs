//! `AdminGetUser`: an operator reads a user, all of it.

use crate::access::caller::Operator;
use crate::api;
use crate::api::json::Named as _;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::users::status_name;
use crate::error::Error;
use crate::operations::{attribute_list, mfa_options, preferred_mfa_setting, timestamp, user_mfa_setting_list};

impl Operation for api::AdminGetUserRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminGetUserResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        Ok(api::AdminGetUserResponse {
            username: user.record.username.clone(),
            user_attributes: attribute_list(&user, |_| true),
            user_create_date: timestamp(user.record.created_at),
            user_last_modified_date: timestamp(user.record.modified_at),
            enabled: Some(user.record.enabled),
            user_status: api::user_status::Value::number_of(status_name(user.record.status())),
            mfa_options: mfa_options(&user),
            preferred_mfa_setting: preferred_mfa_setting(&user),
            user_mfa_setting_list: user_mfa_setting_list(&user),
        })
    }
}
