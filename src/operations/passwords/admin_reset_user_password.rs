//! `AdminResetUserPassword`: an operator voids a user's password. A code goes to a verified address of the user, who sets another
//! by ConfirmForgotPassword.
//!
//! Failed attempts stay counted: they are forgotten when the code has set the new password. Nobody needs them forgotten before,
//! for the code is asked for however many there were, and whoever guesses gets no new guesses at the old password.

use super::no_recovery_address;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::triggers::custom_message::{Occasion, Reason};
use crate::context::verification::Recipient;
use crate::error::Error;
use crate::store::records::{self, UserStatus};
use crate::store::{Batch, CodePurpose};

impl Operation for api::AdminResetUserPasswordRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminResetUserPasswordResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        if !user.record.enabled {
            return Err(Error::UserIsDisabled);
        }
        if !matches!(user.record.status(), UserStatus::Confirmed | UserStatus::ResetRequired) {
            return Err(Error::PasswordCannotBeReset);
        }
        let (attribute, address) = pool.recovery_address(&user).ok_or_else(no_recovery_address)?;
        let mut batch = Batch::default();
        // The status lets no password in.
        let reset = records::User { status: UserStatus::ResetRequired.into(), ..user.record.record.clone() };
        cx.void_password(&mut batch, &pool, &user, reset.clone()).await?;
        // Sent after the older ones are void.
        let to = Recipient {
            owner: &user.owner,
            username: &user.record.username,
            client: None,
            attribute,
            address: &address,
        };
        let reason = Reason { occasion: Occasion::ForgottenPassword, user: &reset, client: None };
        cx.send_code(&mut batch, &pool, &to, CodePurpose::ForgotPassword, None, reason).await?;
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(api::AdminResetUserPasswordResponse {})
    }
}
