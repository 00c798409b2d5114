//! `ConfirmForgotPassword`: whoever holds the code that went to a verified address sets a new password.

use super::new_password;
use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::triggers::post_confirmation::Confirmation;
use crate::context::verification::Judgement;
use crate::error::Error;
use crate::store::records::{self, UserStatus};
use crate::store::{Batch, CodePurpose, ThrottlePurpose};

/// What stands for the code of somebody for whom none may be right: no code is as short.
const NO_CODE: &str = "";

impl Operation for api::ConfirmForgotPasswordRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::ConfirmForgotPasswordResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        cx.check_secret_hash(&client, self.secret_hash.as_deref(), &[self.username()])?;
        let password = new_password(&client.pool, self.password())?;
        let user = cx.user_named(&client.pool, self.username()).await?;
        if !client.hides_user_existence() {
            let user = user.as_ref().ok_or(Error::UsernameClientCombinationNotFound)?;
            if !user.record.enabled {
                return Err(Error::UserIsDisabled);
            }
        }
        let owner = user.as_ref().map_or_else(|| cx.nobody(&client.pool, self.username()), |user| user.owner.clone());
        let turn = cx.turn(&owner).await;

        let mut batch = Batch::default();
        cx.throttle(&mut batch, &owner, ThrottlePurpose::ConfirmForgotPassword).await?;
        let may_be_right = user.as_ref().is_some_and(|user| user.record.enabled);
        let code = if may_be_right { self.confirmation_code() } else { NO_CODE };
        let judgement = cx.judge_code(&mut batch, &owner, CodePurpose::ForgotPassword, code).await?;
        match (judgement, user) {
            (Judgement::Right(_), Some(user)) => {
                let changed = records::User {
                    status: UserStatus::Confirmed.into(),
                    password_expires_at: None,
                    ..user.record.record.clone()
                };
                let password = cx.new_password(&client.pool, &user.record.username, &password).await?;
                let user = cx.replace_password(&mut batch, &client.pool, &user, changed, password);
                cx.forget_attempts(&mut batch, &owner);
                cx.commit(batch).await?;
                drop(turn);
                let confirmation = Confirmation::ForgotPassword;
                cx.after_confirmation(&client.pool, Some(&client.id.0), &user, confirmation).await?;
                Ok(api::ConfirmForgotPasswordResponse {})
            }
            (Judgement::Right(_), None) => Err(Error::internal("nobody was sent a code")),
            (Judgement::Refused(refusal), user) => {
                match user {
                    Some(user) => user.expect_unchanged(&mut batch),
                    None => cx.expect_nobody(&mut batch, &owner),
                }
                cx.commit(batch).await?;
                Err(refusal)
            }
        }
    }
}
