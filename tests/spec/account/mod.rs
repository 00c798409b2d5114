mod delete_user;
mod delete_user_attributes;
mod get_user;
mod get_user_attribute_verification_code;
mod get_user_auth_factors;
mod protected_attributes;
mod update_user_attributes;
mod verify_user_attribute;

use std::time::Duration;

use cognate::api::json::FromJson;
use cognate::api::{self, alias_attribute, delivery_medium, verified_attribute};
use cognate::app::Rpc;
use serde::Serialize;

use crate::support::fixtures::{TestClient, attribute};
use crate::support::{Refusal, World, refusal};

/// Sets attributes of the signed-in user. Gives where codes went.
pub async fn update(
    world: &World,
    access_token: &str,
    attributes: &[(&str, &str)],
) -> Result<Vec<api::CodeDeliveryDetails>, Refusal> {
    let request = api::UpdateUserAttributesRequest {
        access_token: Some(access_token.to_owned()),
        user_attributes: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
        ..Default::default()
    };
    world.call(request).await.map(|response| response.code_delivery_details_list)
}

/// Deletes attributes of the signed-in user.
pub async fn delete(world: &World, access_token: &str, names: &[&str]) -> Result<(), Refusal> {
    let request = api::DeleteUserAttributesRequest {
        access_token: Some(access_token.to_owned()),
        user_attribute_names: names.iter().map(ToString::to_string).collect(),
    };
    world.call(request).await.map(|_| ())
}

/// Asks for a code to an address of the signed-in user. Gives where it went.
pub async fn ask_for_code(
    world: &World,
    access_token: &str,
    attribute: &str,
) -> Result<api::CodeDeliveryDetails, Refusal> {
    let request = api::GetUserAttributeVerificationCodeRequest {
        access_token: Some(access_token.to_owned()),
        attribute_name: Some(attribute.to_owned()),
        ..Default::default()
    };
    world.call(request).await.map(|response| response.code_delivery_details.unwrap())
}

/// Brings the code that was sent to an address of the signed-in user.
pub async fn verify(world: &World, access_token: &str, attribute: &str, code: &str) -> Result<(), Refusal> {
    let request = api::VerifyUserAttributeRequest {
        access_token: Some(access_token.to_owned()),
        attribute_name: Some(attribute.to_owned()),
        code: Some(code.to_owned()),
    };
    world.call(request).await.map(|_| ())
}

/// The access token of a new user, who is confirmed by the mailed code.
pub async fn signed_in(world: &World, client: &TestClient, username: &str) -> String {
    world.confirmed_user(client, username).await;
    world.sign_in(client, username).await.access_token.unwrap()
}

/// A client of a new pool.
pub async fn client_of(world: &World, configure: impl FnOnce(&mut api::CreateUserPoolRequest)) -> TestClient {
    let pool = world.pool(configure).await;
    world.client(&pool, |_| {}).await
}

/// Makes e-mail addresses aliases.
pub fn with_email_alias(request: &mut api::CreateUserPoolRequest) {
    request.alias_attributes = vec![alias_attribute::Value::Email.into()];
}

/// Makes the pool verify e-mail addresses and phone numbers.
pub fn verifies_both(request: &mut api::CreateUserPoolRequest) {
    use verified_attribute::Value::{Email, PhoneNumber};
    request.auto_verified_attributes = vec![Email.into(), PhoneNumber.into()];
}

/// New addresses of this kind count only once they are verified.
pub fn verifies_first(request: &mut api::CreateUserPoolRequest, address: verified_attribute::Value) {
    request.user_attribute_update_settings =
        Some(api::UserAttributeUpdateSettings { attributes_require_verification_before_update: vec![address.into()] });
}

/// The same of e-mail addresses, which is what most specifications need.
pub fn verifies_email_first(request: &mut api::CreateUserPoolRequest) {
    verifies_first(request, verified_attribute::Value::Email);
}

pub fn by_mail(destination: &str) -> api::CodeDeliveryDetails {
    api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Email.into()),
        attribute_name: Some("email".to_owned()),
    }
}

pub fn by_text_message(destination: &str) -> api::CodeDeliveryDetails {
    api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Sms.into()),
        attribute_name: Some("phone_number".to_owned()),
    }
}

/// A code that is not this one.
pub fn other_than(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

pub fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

pub fn mismatch() -> Refusal {
    refusal("CodeMismatchException", "Invalid verification code provided, please try again.")
}

pub fn expired() -> Refusal {
    refusal("ExpiredCodeException", "Invalid code provided, please request a code again.")
}

pub fn too_often() -> Refusal {
    refusal("LimitExceededException", "Attempt limit exceeded, please try after some time.")
}

pub fn not_theirs_to_write() -> Refusal {
    refusal("NotAuthorizedException", "A client attempted to write unauthorized attribute")
}

pub fn unknown_user() -> Refusal {
    refusal("UserNotFoundException", "User does not exist.")
}

/// What every operation on one's own account says of an access token that is none or has ended. `request` is in order but for
/// the token.
pub async fn asks_for_a_token_that_stands<R>(world: &World, request: impl Fn(Option<String>) -> R)
where
    R: Rpc + prost::Message + Default + Serialize,
    R::Response: prost::Message + Default + FromJson + PartialEq + std::fmt::Debug + 'static,
{
    refuses_tokens_that_do_not_stand(world, &request).await;
    assert_eq!(
        world.call(request(None)).await,
        Err(invalid(
            "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must not be null"
        ))
    );
}

/// The same where another credential may stand in for the token.
pub async fn refuses_tokens_that_do_not_stand<R>(world: &World, request: &impl Fn(Option<String>) -> R)
where
    R: Rpc + prost::Message + Default + Serialize,
    R::Response: prost::Message + Default + FromJson + PartialEq + std::fmt::Debug + 'static,
{
    let not_authorized = |message| Err(refusal("NotAuthorizedException", message));
    let call = async |token: &str| world.call(request(Some(token.to_owned()))).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "stranger").await;
    let tokens = world.sign_in(&client, "stranger").await;
    for token in [tokens.id_token(), tokens.refresh_token(), "nonsense"] {
        assert_eq!(call(token).await, not_authorized("Invalid Access Token"));
    }
    world.sign_out(tokens.access_token()).await.unwrap();
    assert_eq!(call(tokens.access_token()).await, not_authorized("Access Token has been revoked"));
    let token = world.sign_in(&client, "stranger").await.access_token.unwrap();
    world.disable(&client.pool, "stranger").await;
    assert_eq!(call(&token).await, not_authorized("User is disabled."));
    world.enable(&client.pool, "stranger").await;
    let token = world.sign_in(&client, "stranger").await.access_token.unwrap();
    world.advance(Duration::from_secs(60 * 60));
    assert_eq!(call(&token).await, not_authorized("Access Token has expired"));
    let token = world.sign_in(&client, "stranger").await.access_token.unwrap();
    world.delete_user(&client.pool, "stranger").await.unwrap();
    assert_eq!(call(&token).await, Err(unknown_user()));
}
