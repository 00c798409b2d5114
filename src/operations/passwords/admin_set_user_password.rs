//! `AdminSetUserPassword`: an operator gives a user a password. One for good confirms the user; a temporary one is to be replaced
//! at the first sign-in. No address becomes verified by it.

use super::new_password;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;
use crate::store::records::{self, UserStatus};

impl Operation for api::AdminSetUserPasswordRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminSetUserPasswordResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let password = new_password(&pool, self.password())?;
        let (status, end) = match self.permanent() {
            true => (UserStatus::Confirmed, None),
            false => (UserStatus::ForceChangePassword, Some(pool.end_of_temporary_password(cx.now()))),
        };
        let changed = records::User {
            status: status.into(),
            password_expires_at: end.map(|end| end.as_millisecond()),
            ..user.record.record.clone()
        };
        let mut batch = Batch::default();
        let password = cx.new_password(&pool, &user.record.username, &password).await?;
        cx.replace_password(&mut batch, &pool, &user, changed, password);
        cx.forget_attempts(&mut batch, &user.owner);
        cx.commit(batch).await?;
        Ok(api::AdminSetUserPasswordResponse {})
    }
}
