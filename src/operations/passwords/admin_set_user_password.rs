//! `AdminSetUserPassword`: an operator gives a user a password, which confirms the user. No address becomes verified by it.

use super::new_password;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::honour;
use crate::store::Batch;
use crate::store::records::{self, UserStatus};

impl Operation for api::AdminSetUserPasswordRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminSetUserPasswordResponse, Error> {
        honour("Permanent false", !self.permanent())?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let password = new_password(&pool, self.password())?;
        let changed = records::User {
            status: UserStatus::Confirmed.into(),
            password_hash: cx.new_password_hash(&password).await?,
            ..user.record.record.clone()
        };
        let mut batch = Batch::default();
        cx.replace_password(&mut batch, &user, changed);
        cx.commit(batch).await?;
        Ok(api::AdminSetUserPasswordResponse {})
    }
}
