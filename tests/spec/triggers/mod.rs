//! What pools' functions are told, and what their answers do.

mod custom_auth;
mod custom_message;
mod post_authentication;
mod post_confirmation;
mod pre_authentication;
mod pre_sign_up;
mod pre_token_generation;
mod road;
mod settings;
mod user_migration;

use cognate::api;
use serde_json::{Value, json};

use crate::support::fixtures::TestClient;
use crate::support::functions::Functions;
use crate::support::{Refusal, World, refusal};

/// A pool that asks its function what the test says, and a client of it with every flow.
async fn app_client(world: &World, configure: impl FnOnce(&mut api::LambdaConfig)) -> TestClient {
    let mut lambda_config = api::LambdaConfig::default();
    configure(&mut lambda_config);
    let pool = world.pool(|request| request.lambda_config = Some(lambda_config)).await;
    world.client(&pool, |_| {}).await
}

/// An event about alice as it has to be, but for what differs from trigger to trigger.
fn event(client: &TestClient, source: &str, request: Value, response: Value) -> Value {
    json!({
        "version": "1",
        "region": "us-east-1",
        "userPoolId": client.pool,
        "userName": "alice",
        "callerContext": { "awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client.id },
        "triggerSource": source,
        "request": request,
        "response": response,
    })
}

/// The attributes of alice, who has the address of [`TestClient::sign_up_request`], as events tell them.
fn attributes_of_alice(sub: &str, email_verified: bool, status: &str) -> Value {
    json!({
        "sub": sub,
        "email": "alice@example.com",
        "email_verified": email_verified.to_string(),
        "cognito:user_status": status,
    })
}

/// The one event that was heard.
fn only_event(functions: &Functions) -> Value {
    let [event] = functions.take_events().try_into().unwrap();
    event
}

/// The refusal of a function that fails with this message.
fn thrown(trigger: &str, message: &str) -> Refusal {
    refusal("UserLambdaValidationException", &format!("{trigger} failed with error {message}."))
}

/// A map as requests have it.
fn metadata<const N: usize>(pairs: [(&str, &str); N]) -> std::collections::HashMap<String, String> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
