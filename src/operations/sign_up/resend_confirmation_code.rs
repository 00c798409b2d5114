//! `ResendConfirmationCode`: a new code for an unconfirmed user; the older ones are void from then on.

use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::triggers::custom_message::{Occasion, Reason};
use crate::context::verification::{Recipient, verified_first};
use crate::error::Error;
use crate::operations::code_delivery_details;
use crate::store::records::UserStatus;
use crate::store::{Batch, CodePurpose, ThrottlePurpose};

impl Operation for api::ResendConfirmationCodeRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::ResendConfirmationCodeResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        cx.check_secret_hash(&client, self.secret_hash.as_deref(), &[self.username()])?;
        let Some(user) = cx.user_named(&client.pool, self.username()).await? else {
            return self.answer_about_nobody(cx, &client).await;
        };
        if user.record.status() != UserStatus::Unconfirmed {
            return Err(Error::invalid_parameter("User is already confirmed."));
        }
        let verified = verified_first(&client.pool, &user.attributes());
        let (attribute, address) = verified.ok_or(Error::AutoVerificationOff)?;
        let mut batch = Batch::default();
        cx.throttle(&mut batch, &user.owner, ThrottlePurpose::ResendConfirmationCode).await?;
        user.expect_unchanged(&mut batch);
        let (username, client_id) = (&user.record.username, Some(client.id.0.as_str()));
        let to = Recipient { owner: &user.owner, username, client: client_id, attribute, address: &address };
        let reason = Reason { occasion: Occasion::Resend, user: &user.record, client: client_id };
        let sent = cx.send_code(&mut batch, &client.pool, &to, CodePurpose::SignUp, None, reason).await?;
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(api::ResendConfirmationCodeResponse { code_delivery_details: Some(code_delivery_details(sent)) })
    }
}

impl api::ResendConfirmationCodeRequest {
    /// That the user does not exist, or, where that is hidden, what a user would be told.
    async fn answer_about_nobody(
        &self,
        cx: &Cx<'_>,
        client: &Client,
    ) -> Result<api::ResendConfirmationCodeResponse, Error> {
        if !client.hides_user_existence() {
            return Err(Error::UsernameClientCombinationNotFound);
        }
        let auto_verified = client.pool.auto_verified();
        if auto_verified.is_empty() {
            return Err(Error::AutoVerificationOff);
        }
        let simulated = cx.simulated_sent(&client.pool, self.username(), &auto_verified);
        let mut batch = Batch::default();
        let owner = cx.nobody(&client.pool, self.username());
        cx.throttle(&mut batch, &owner, ThrottlePurpose::ResendConfirmationCode).await?;
        cx.expect_nobody(&mut batch, &owner);
        let to = Recipient {
            owner: &owner,
            username: self.username(),
            client: Some(&client.id.0),
            attribute: simulated.attribute,
            address: &simulated.masked_destination,
        };
        cx.simulate_code(&mut batch, &client.pool, &to, CodePurpose::SignUp).await?;
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(api::ResendConfirmationCodeResponse { code_delivery_details: Some(code_delivery_details(simulated)) })
    }
}
