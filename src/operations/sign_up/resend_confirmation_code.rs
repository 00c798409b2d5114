//! `ResendConfirmationCode`: a new code for an unconfirmed user; the older ones are void from then on.

use super::code_delivery_details;
use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::verification::{Recipient, Sent, verified_first};
use crate::domain::destinations::{mask_email, mask_phone_number, simulated_email, simulated_phone_number};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::UserStatus;
use crate::store::{Batch, ThrottlePurpose};

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
        cx.require_way_to(attribute)?;
        let mut batch = Batch::default();
        cx.throttle(&mut batch, &user.owner, ThrottlePurpose::ResendConfirmationCode).await?;
        user.expect_unchanged(&mut batch);
        let (username, client_id) = (&user.record.username, &client.id.0);
        let to = Recipient { owner: &user.owner, username, client: client_id, attribute, address: &address };
        let sent = cx.send_sign_up_code(&mut batch, &client.pool, &to);
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
        if client.pool.auto_verified().is_empty() {
            return Err(Error::AutoVerificationOff);
        }
        let simulated = simulated_delivery(cx, client, self.username());
        cx.require_way_to(simulated.attribute)?;
        let mut batch = Batch::default();
        let owner = cx.nobody(&client.pool, self.username());
        cx.throttle(&mut batch, &owner, ThrottlePurpose::ResendConfirmationCode).await?;
        cx.commit(batch).await?;
        Ok(api::ResendConfirmationCodeResponse { code_delivery_details: Some(code_delivery_details(simulated)) })
    }
}

/// Where a code would have gone to a user of this name.
fn simulated_delivery(cx: &Cx<'_>, client: &Client, name: &str) -> Sent {
    let auto_verified = client.pool.auto_verified();
    // A kind of message that the pool sends to no user would give the name away.
    let looks = client.pool.username_rules().classify(name).ok().flatten();
    match looks.filter(|alias| auto_verified.contains(alias)) {
        Some(Alias::PhoneNumber) => Sent { attribute: Alias::PhoneNumber, masked_destination: mask_phone_number(name) },
        Some(_) => Sent { attribute: Alias::Email, masked_destination: mask_email(name) },
        None if auto_verified.contains(&Alias::Email) => {
            let masked_destination = simulated_email(&cx.simulated(&client.pool, name));
            Sent { attribute: Alias::Email, masked_destination }
        }
        None => {
            let masked_destination = simulated_phone_number(&cx.simulated(&client.pool, name));
            Sent { attribute: Alias::PhoneNumber, masked_destination }
        }
    }
}
