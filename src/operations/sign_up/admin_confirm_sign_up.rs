//! `AdminConfirmSignUp`: an operator confirms a user without a code. No address becomes verified by it.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::triggers::post_confirmation::Confirmation;
use crate::context::users::{User, status_name};
use crate::error::Error;
use crate::store::records::{self, UserStatus};
use crate::store::{Batch, CodeKey, CodePurpose};

impl Operation for api::AdminConfirmSignUpRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminConfirmSignUpResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        if user.record.status() != UserStatus::Unconfirmed {
            return Err(Error::UserCannotBeConfirmed(status_name(user.record.status())));
        }
        let modified_at = cx.now().as_millisecond();
        let confirmed =
            records::User { status: UserStatus::Confirmed.into(), modified_at, ..user.record.record.clone() };
        let mut batch = Batch::default();
        user.replace(&mut batch, &confirmed);
        batch.delete(&CodeKey::of(&user.owner, CodePurpose::SignUp));
        cx.commit(batch).await?;
        let user = User { owner: user.owner, record: user.record.with(confirmed) };
        cx.after_confirmation(&pool, None, &user, Confirmation::SignUp).await?;
        Ok(api::AdminConfirmSignUpResponse {})
    }
}
