//! Becoming a user: signing up, and being confirmed by a code or by an operator.

mod admin_confirm_sign_up;
mod confirm_sign_up;
mod resend_confirmation_code;
#[expect(clippy::module_inception, reason = "the area is named after its best-known operation")]
mod sign_up;

use crate::api::{self, delivery_medium};
use crate::context::verification::Sent;
use crate::domain::usernames::Alias;

/// Where a code went, as the caller is told.
fn code_delivery_details(sent: Sent) -> api::CodeDeliveryDetails {
    let medium = match sent.attribute {
        Alias::PhoneNumber => delivery_medium::Value::Sms,
        Alias::Email | Alias::PreferredUsername => delivery_medium::Value::Email,
    };
    api::CodeDeliveryDetails {
        destination: Some(sent.masked_destination),
        delivery_medium: Some(medium.into()),
        attribute_name: Some(sent.attribute.attribute().to_owned()),
    }
}
