//! A user's own account.

mod delete_user;
mod delete_user_attributes;
mod get_user;
mod get_user_attribute_verification_code;
mod get_user_auth_factors;
mod update_user_attributes;
mod verify_user_attribute;

use crate::domain::usernames::Alias;
use crate::error::Error;

/// The address of this name, which a code can verify.
fn address_named(attribute: &str) -> Result<Alias, Error> {
    match Alias::of_attribute(attribute) {
        Some(address @ (Alias::Email | Alias::PhoneNumber)) => Ok(address),
        Some(Alias::PreferredUsername) | None => {
            let message = "Invalid attribute name. Only phone_number and email can be verified.";
            Err(Error::invalid_parameter(message))
        }
    }
}
