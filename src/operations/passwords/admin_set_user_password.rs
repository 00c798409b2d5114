//! `AdminSetUserPassword`: an operator gives a user a password, which confirms the user. No address becomes verified by it.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::crypto::secret::Secret;
use crate::error::Error;
use crate::operations::honour;
use crate::store::Batch;
use crate::store::records::{self, UserStatus};

impl Operation for api::AdminSetUserPasswordRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminSetUserPasswordResponse, Error> {
        honour("Permanent false", !self.permanent())?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        pool.password_policy().check(self.password()).map_err(Error::InvalidNewPassword)?;
        let password = Secret::new(self.password().to_owned());
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
