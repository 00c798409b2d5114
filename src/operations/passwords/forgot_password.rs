//! `ForgotPassword`: a code for a new password goes to a verified address of the user. Nothing else changes.
//!
//! Where it is hidden who exists, whoever cannot be sent a code is answered as if it had been sent, and as much is counted.

use super::no_recovery_address;
use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::triggers::custom_message::{Occasion, Reason};
use crate::context::triggers::user_migration::Moment;
use crate::context::users::User;
use crate::context::verification::{Recipient, Sent};
use crate::error::Error;
use crate::operations::code_delivery_details;
use crate::store::records::UserStatus;
use crate::store::{Batch, CodePurpose, Owner, ThrottlePurpose};

impl Operation for api::ForgotPasswordRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::ForgotPasswordResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        cx.check_secret_hash(&client, self.secret_hash.as_deref(), &[self.username()])?;
        if !client.pool.lets_users_recover() {
            return Err(Error::AdminResetsPasswords);
        }
        let mut batch = Batch::default();
        let mut user = cx.user_named(&client.pool, self.username()).await?;
        let is_counted = user.is_none() && client.asks_for_users();
        if is_counted {
            user = self.arrival(cx, &client).await?;
        }
        let sent = match user {
            Some(user) => self.send_to(cx, &client, &user, &mut batch).await?,
            None if client.hides_user_existence() => {
                let (owner, told) = (cx.nobody(&client.pool, self.username()), self.simulated(cx, &client));
                if !is_counted {
                    cx.throttle(&mut batch, &owner, ThrottlePurpose::ForgotPassword).await?;
                }
                cx.expect_nobody(&mut batch, &owner);
                self.seem_to_send(cx, &client, &owner, told, &mut batch).await?
            }
            None => return Err(Error::UsernameClientCombinationNotFound),
        };
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(api::ForgotPasswordResponse { code_delivery_details: Some(code_delivery_details(sent)) })
    }
}

impl api::ForgotPasswordRequest {
    /// Whoever bears the name elsewhere, now that they have come over. It counts before the pool's function is asked.
    async fn arrival(&self, cx: &Cx<'_>, client: &Client) -> Result<Option<User>, Error> {
        let mut counted = Batch::default();
        let nobody = cx.nobody(&client.pool, self.username());
        cx.throttle(&mut counted, &nobody, ThrottlePurpose::ForgotPassword).await?;
        // Nothing rides on this commit: the request is not done with it.
        cx.store.commit(counted).await?;
        cx.migrate(client, self.username(), Moment::ForgottenPassword).await
    }

    /// Sends the code to the user, or seems to.
    async fn send_to(&self, cx: &Cx<'_>, client: &Client, user: &User, batch: &mut Batch) -> Result<Sent, Error> {
        let (pool, hides) = (&client.pool, client.hides_user_existence());
        if !user.record.enabled && !hides {
            return Err(Error::UserIsDisabled);
        }
        match user.record.status() {
            UserStatus::Unconfirmed | UserStatus::Confirmed | UserStatus::ResetRequired => {}
            UserStatus::ForceChangePassword | UserStatus::Unknown if !user.record.enabled => {}
            UserStatus::ForceChangePassword | UserStatus::Unknown => return Err(Error::PasswordCannotBeReset),
        }
        let address = pool.recovery_address(user);
        if address.is_none() && !hides {
            return Err(no_recovery_address());
        }
        cx.throttle(batch, &user.owner, ThrottlePurpose::ForgotPassword).await?;
        user.expect_unchanged(batch);
        match address {
            Some((attribute, address)) if user.record.enabled => {
                let to = Recipient {
                    owner: &user.owner,
                    username: &user.record.username,
                    client: None,
                    attribute,
                    address: &address,
                };
                let client = Some(client.id.0.as_str());
                let reason = Reason { occasion: Occasion::ForgottenPassword, user: &user.record, client };
                cx.send_code(batch, pool, &to, CodePurpose::ForgotPassword, None, reason).await
            }
            address => {
                // Of a disabled user, what was told before.
                let told = address.map(|(attribute, address)| Sent::to(attribute, &address));
                let told = told.unwrap_or_else(|| self.simulated(cx, client));
                self.seem_to_send(cx, client, &user.owner, told, batch).await
            }
        }
    }

    /// Sends nobody the code that would have gone to where it is `told`.
    async fn seem_to_send(
        &self,
        cx: &Cx<'_>,
        client: &Client,
        owner: &Owner,
        told: Sent,
        batch: &mut Batch,
    ) -> Result<Sent, Error> {
        let address = &told.masked_destination;
        let to = Recipient { owner, username: self.username(), client: None, attribute: told.attribute, address };
        cx.simulate_code(batch, &client.pool, &to, CodePurpose::ForgotPassword).await?;
        Ok(told)
    }

    fn simulated(&self, cx: &Cx<'_>, client: &Client) -> Sent {
        cx.simulated_sent(&client.pool, self.username(), &client.pool.usual_recovery_attributes())
    }
}
