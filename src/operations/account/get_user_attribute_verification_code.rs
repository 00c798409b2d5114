//! `GetUserAttributeVerificationCode`: users ask for a code to an address of theirs; older ones are void from then on.

use super::address_named;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::attributes::verification_of;
use crate::context::triggers::custom_message::{Occasion, Reason};
use crate::context::verification::Recipient;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::operations::code_delivery_details;
use crate::store::{Batch, ThrottlePurpose};

impl Operation for api::GetUserAttributeVerificationCodeRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::GetUserAttributeVerificationCodeResponse, Error> {
        let (pool, user) = (&caller.bearer().client.pool, &caller.bearer().user);
        let attribute = address_named(self.attribute_name())?;
        let new_value = cx.waiting_value(user, attribute).await?;
        let address = new_value.as_ref().or(user.record.attributes.get(attribute.attribute()));
        let address = address.cloned().ok_or_else(|| without_address(attribute))?;
        let mut batch = Batch::default();
        cx.throttle(&mut batch, &user.owner, ThrottlePurpose::GetUserAttributeVerificationCode).await?;
        user.expect_unchanged(&mut batch);
        let to = Recipient {
            owner: &user.owner,
            username: &user.record.username,
            client: None,
            attribute,
            address: &address,
        };
        let client = Some(caller.bearer().client.id.0.as_str());
        let reason = Reason { occasion: Occasion::AttributeVerification, user: &user.record, client };
        let sent = cx.send_code(&mut batch, pool, &to, verification_of(attribute), new_value, reason).await?;
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(api::GetUserAttributeVerificationCodeResponse { code_delivery_details: Some(code_delivery_details(sent)) })
    }
}

fn without_address(attribute: Alias) -> Error {
    Error::invalid_parameter(match attribute {
        Alias::PhoneNumber => "User does not have a valid registered phone number",
        Alias::Email | Alias::PreferredUsername => "User does not have a valid registered email",
    })
}
