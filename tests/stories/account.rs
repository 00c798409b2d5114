//! The life of an account, as its owner lives it through an application with the AWS SDK: from the sign-up, by way of every
//! address that it has, to its end.

use std::time::Duration;

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::{
    AliasAttributeType, AttributeType, AuthFactorType, DeliveryMediumType, ExplicitAuthFlowsType, VerifiedAttributeType,
};

use crate::present;
use crate::sdk::{app, by_password, by_refresh_token, refused, sdk, signed_in};
use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::{AccessKey, Wire, World};

/// What the user changes the password to.
const OTHER_PASSWORD: &str = "An0ther-one!";

/// A service at the present moment, an application of a pool whose users sign in by verified addresses, and an SDK without
/// anybody's key: an application has none.
async fn begin() -> (World, Client, TestClient) {
    let world = World::at(Wire::Json, present(), |_| {}).await;
    let operator = sdk(&world, &world.operator);
    let pool = operator.create_user_pool().pool_name("people").alias_attributes(AliasAttributeType::Email);
    let pool = pool.alias_attributes(AliasAttributeType::PhoneNumber);
    let pool = pool.auto_verified_attributes(VerifiedAttributeType::Email);
    let pool = pool.auto_verified_attributes(VerifiedAttributeType::PhoneNumber).send().await.unwrap();
    let pool = pool.user_pool.unwrap().id.unwrap();
    let flows = [ExplicitAuthFlowsType::AllowUserPasswordAuth, ExplicitAuthFlowsType::AllowRefreshTokenAuth];
    let app = app(&operator, &pool, true, &flows).await;
    let nobody = sdk(&world, &AccessKey { id: "AKIANOBODY".into(), secret: "none".into() });
    (world, nobody, app)
}

fn attribute(name: &str, value: &str) -> AttributeType {
    AttributeType::builder().name(name).value(value).build().unwrap()
}

/// What the user reads of themselves.
async fn read(sdk: &Client, access: &str) -> Vec<(String, String)> {
    let user = sdk.get_user().access_token(access).send().await.unwrap();
    let attributes = user.user_attributes.into_iter().filter(|attribute| attribute.name != "sub");
    attributes.map(|attribute| (attribute.name, attribute.value.unwrap())).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_sign_up_to_the_end() {
    let (world, sdk, app) = begin().await;
    let hash = app.secret_hash("alice").unwrap();
    let second = || world.advance(Duration::from_secs(1));

    let alice = sdk.sign_up().client_id(&app.id).secret_hash(&hash).username("alice").password(PASSWORD);
    let alice = alice.user_attributes(attribute("email", "alice@example.com")).send().await.unwrap();
    assert_eq!(alice.code_delivery_details.unwrap().destination.as_deref(), Some("a***@e***"));
    refused!(by_password(&sdk, &app, "alice"), is_user_not_confirmed_exception, "User is not confirmed.");
    let confirm = sdk.confirm_sign_up().client_id(&app.id).secret_hash(&hash).username("alice");
    confirm.confirmation_code(world.code_for("alice").await).send().await.unwrap();

    let tokens = signed_in(by_password(&sdk, &app, "alice@example.com")).await;
    let (access, refresh) = (tokens.access_token.unwrap(), tokens.refresh_token.unwrap());
    let factors = sdk.get_user_auth_factors().access_token(&access).send().await.unwrap();
    assert_eq!(factors.username, "alice");
    assert_eq!(factors.configured_user_auth_factors, Some(vec![AuthFactorType::Password]));

    // Another address, which has to be verified before it is a name to sign in with.
    second();
    let changed = sdk.update_user_attributes().access_token(&access);
    let changed = changed.user_attributes(attribute("email", "queen@example.org"));
    let changed = changed.user_attributes(attribute("nickname", "Al")).send().await.unwrap();
    let [sent] = changed.code_delivery_details_list() else { panic!("{changed:?}") };
    assert_eq!((sent.attribute_name(), sent.destination()), (Some("email"), Some("q***@e***")));
    assert_eq!(sent.delivery_medium(), Some(&DeliveryMediumType::Email));
    let unverified = [("email", "queen@example.org"), ("email_verified", "false"), ("nickname", "Al")];
    assert_eq!(read(&sdk, &access).await, pairs(&unverified));
    refused!(by_password(&sdk, &app, "queen@example.org"), is_user_not_found_exception, "User does not exist.");
    let verify = |attribute: &str, code: &str| {
        sdk.verify_user_attribute().access_token(&access).attribute_name(attribute).code(code)
    };
    let first = world.code_for("alice").await;
    second();
    let again = sdk.get_user_attribute_verification_code().access_token(&access).attribute_name("email");
    let again = again.send().await.unwrap().code_delivery_details.unwrap();
    assert_eq!(again.destination(), Some("q***@e***"));
    let wrong = "Invalid verification code provided, please try again.";
    refused!(verify("email", &first), is_code_mismatch_exception, wrong);
    let code = world.code_for("alice").await;
    verify("email", &code).send().await.unwrap();
    let stale = "Invalid code provided, please request a code again.";
    refused!(verify("email", &code), is_expired_code_exception, stale);
    signed_in(by_password(&sdk, &app, "queen@example.org")).await;

    // A phone number, and away with it.
    second();
    let added = sdk.update_user_attributes().access_token(&access);
    let added = added.user_attributes(attribute("phone_number", "+15555559934")).send().await.unwrap();
    let [sent] = added.code_delivery_details_list() else { panic!("{added:?}") };
    assert_eq!((sent.destination(), sent.delivery_medium()), (Some("+*******9934"), Some(&DeliveryMediumType::Sms)));
    verify("phone_number", &world.code_for("alice").await).send().await.unwrap();
    signed_in(by_password(&sdk, &app, "+15555559934")).await;
    let remove = sdk.delete_user_attributes().access_token(&access).user_attribute_names("phone_number");
    remove.user_attribute_names("nickname").send().await.unwrap();
    assert_eq!(read(&sdk, &access).await, pairs(&[("email", "queen@example.org"), ("email_verified", "true")]));
    refused!(by_password(&sdk, &app, "+15555559934"), is_user_not_found_exception, "User does not exist.");

    // Another password, which the user then forgets.
    let change = sdk.change_password().access_token(&access).previous_password(PASSWORD);
    change.proposed_password(OTHER_PASSWORD).send().await.unwrap();
    refused!(by_password(&sdk, &app, "alice"), is_not_authorized_exception, "Incorrect username or password.");
    signed_in(by_password(&sdk, &app, "alice").auth_parameters("PASSWORD", OTHER_PASSWORD)).await;
    second();
    let hash_of_address = app.secret_hash("queen@example.org").unwrap();
    let forgot = sdk.forgot_password().client_id(&app.id).secret_hash(&hash_of_address).username("queen@example.org");
    let sent = forgot.send().await.unwrap().code_delivery_details.unwrap();
    assert_eq!((sent.attribute_name(), sent.destination()), (Some("email"), Some("q***@e***")));
    let reset = sdk.confirm_forgot_password().client_id(&app.id).secret_hash(&hash_of_address);
    let reset = reset.username("queen@example.org").confirmation_code(world.code_for("alice").await);
    reset.password(PASSWORD).send().await.unwrap();
    signed_in(by_password(&sdk, &app, "queen@example.org")).await;

    // What is not the user's to say.
    let claimed = sdk.update_user_attributes().access_token(&access);
    let claimed = claimed.user_attributes(attribute("email_verified", "true"));
    refused!(claimed, is_not_authorized_exception, "A client attempted to write unauthorized attribute");
    let nowhere = sdk.update_user_attributes().access_token(&access).user_attributes(attribute("email", "nowhere"));
    refused!(nowhere, is_invalid_parameter_exception, "Invalid email address format.");

    sdk.delete_user().access_token(&access).send().await.unwrap();
    refused!(sdk.get_user().access_token(&access), is_user_not_found_exception, "User does not exist.");
    let refresh = by_refresh_token(&sdk, &app, &refresh).auth_parameters("SECRET_HASH", &hash);
    refused!(refresh, is_not_authorized_exception, "Invalid Refresh Token");
    refused!(by_password(&sdk, &app, "queen@example.org"), is_user_not_found_exception, "User does not exist.");
    // The name and the address are free.
    let again = sdk.sign_up().client_id(&app.id).secret_hash(&hash).username("alice").password(PASSWORD);
    again.user_attributes(attribute("email", "queen@example.org")).send().await.unwrap();
}
