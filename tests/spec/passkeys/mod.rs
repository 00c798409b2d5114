mod complete_web_authn_registration;
mod delete_web_authn_credential;
mod list_web_authn_credentials;
mod start_web_authn_registration;

use cognate::api::json::{document, members_of};
use cognate::api::{self, auth_factor};
use serde_json::{Value, json};

use crate::account::signed_in;
use crate::support::fixtures::TestClient;
use crate::support::passkeys::{Manners, Passkey};
use crate::support::{Refusal, World, refusal};
use crate::wire::call_written;

/// The domain for which passkeys are made where a test does not say otherwise.
pub const RELYING_PARTY: &str = "auth.example.com";

/// How a pool has its passkeys, in JSON's words, with all else of SetUserPoolMfaConfig.
pub async fn configure(world: &World, pool: &str, mut members: Value) {
    members["UserPoolId"] = json!(pool);
    call_written::<api::SetUserPoolMfaConfigRequest>(world, &members).await.unwrap();
}

/// A client of a new pool in which users begin by passkeys for [`RELYING_PARTY`].
pub async fn client_with_passkeys(world: &World) -> TestClient {
    let pool = world.pool_with_first_factors(&[auth_factor::Value::WebAuthn]).await;
    configure(world, &pool, json!({"WebAuthnConfiguration": {"RelyingPartyId": RELYING_PARTY}})).await;
    world.client(&pool, |_| {}).await
}

/// The same with a user who is signed in: the client and the access token.
pub async fn alice(world: &World) -> (TestClient, String) {
    let client = client_with_passkeys(world).await;
    let token = signed_in(world, &client, "alice").await;
    (client, token)
}

/// Begins to register a passkey. Gives what a browser is told.
pub async fn start(world: &World, access_token: &str) -> Result<Value, Refusal> {
    let request = api::StartWebAuthnRegistrationRequest { access_token: Some(access_token.to_owned()) };
    let options = world.call(request).await?.credential_creation_options.unwrap();
    Ok(Value::Object(members_of(&options)))
}

/// Brings what the browser has made.
pub async fn complete(world: &World, access_token: &str, credential: &Value) -> Result<(), Refusal> {
    let request = api::CompleteWebAuthnRegistrationRequest {
        access_token: Some(access_token.to_owned()),
        credential: Some(document(credential.as_object().unwrap().clone())),
    };
    world.call(request).await.map(|_| ())
}

/// Registers a passkey that is made with these manners.
pub async fn register(world: &World, access_token: &str, manners: &Manners) -> Result<Passkey, Refusal> {
    let options = start(world, access_token).await?;
    let (passkey, credential) = Passkey::create(&options, manners, &world.app.services.rng);
    complete(world, access_token, &credential).await.map(|()| passkey)
}

/// A passkey of the user that is registered, made as it should be.
pub async fn registered(world: &World, access_token: &str) -> Passkey {
    register(world, access_token, &Manners::default()).await.unwrap()
}

/// All passkeys of the user.
pub async fn passkeys(world: &World, access_token: &str) -> Vec<api::WebAuthnCredentialDescription> {
    let request =
        api::ListWebAuthnCredentialsRequest { access_token: Some(access_token.to_owned()), ..Default::default() };
    world.call(request).await.unwrap().credentials
}

pub async fn delete(world: &World, access_token: &str, credential_id: &str) -> Result<(), Refusal> {
    let request = api::DeleteWebAuthnCredentialRequest {
        access_token: Some(access_token.to_owned()),
        credential_id: Some(credential_id.to_owned()),
    };
    world.call(request).await.map(|_| ())
}

/// Has a pool allow these first factors.
pub async fn allow(world: &World, pool: &str, factors: &[&str]) {
    let body = json!({
        "UserPoolId": pool,
        "AutoVerifiedAttributes": ["email"],
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": factors}},
    });
    call_written::<api::UpdateUserPoolRequest>(world, &body).await.unwrap();
}

fn not_enabled() -> Refusal {
    let message = "WEB_AUTHN is not among the AllowedFirstAuthFactors of the user pool.";
    refusal("WebAuthnNotEnabledException", message)
}

fn no_relying_party() -> Refusal {
    refusal("WebAuthnConfigurationMissingException", "The user pool has no relying party for passkeys.")
}

fn no_challenge() -> Refusal {
    let message = "The challenge of the passkey has expired or was never given; begin the registration anew.";
    refusal("WebAuthnChallengeNotFoundException", message)
}

fn too_many() -> Refusal {
    refusal("LimitExceededException", "A user can have no more than 20 passkeys.")
}
