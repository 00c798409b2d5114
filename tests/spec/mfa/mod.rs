mod admin_delete_software_token;
mod admin_set_user_mfa_preference;
mod admin_set_user_settings;
mod associate_software_token;
mod set_user_mfa_preference;
mod set_user_settings;
mod setting_up_within_a_sign_in;
mod verify_software_token;

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::user_pool_mfa::Value as UserPoolMfa;
use cognate::api::{self, auth_factor};
use serde_json::{Value, json};

use crate::account::invalid;
use crate::support::authenticator::Authenticator;
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, answer};
use crate::support::{Refusal, World, refusal};
use crate::wire::{call_written, with};

const ALL: [SecondFactor; 3] = [SecondFactor::Sms, SecondFactor::SoftwareToken, SecondFactor::Email];

/// A client of a new pool that asks for these second factors of whoever has turned one on.
pub async fn client_asking_for(world: &World, factors: &[SecondFactor]) -> TestClient {
    let client = world.app_client().await;
    world.ask_for_second_factors(&client.pool, UserPoolMfa::Optional, factors).await;
    client
}

/// The same with a user, who is signed in and has no second factor: the client and the access token.
async fn alice_of(world: &World, factors: &[SecondFactor]) -> (TestClient, String) {
    let client = client_asking_for(world, factors).await;
    world.confirmed_user(&client, "alice").await;
    let token = world.sign_in(&client, "alice").await.access_token.unwrap();
    (client, token)
}

/// Gets a secret for an authenticator app, and types it in.
pub async fn associate(world: &World, access_token: &str) -> Result<Authenticator, Refusal> {
    let request =
        api::AssociateSoftwareTokenRequest { access_token: Some(access_token.to_owned()), ..Default::default() };
    world.call(request).await.map(|response| Authenticator::of(response.secret_code()))
}

/// Brings the first code of an app.
pub async fn verify(world: &World, access_token: &str, code: &str) -> Result<(), Refusal> {
    let request = api::VerifySoftwareTokenRequest {
        access_token: Some(access_token.to_owned()),
        user_code: Some(code.to_owned()),
        ..Default::default()
    };
    world.call(request).await.map(|response| {
        assert_eq!(response.status(), api::software_token_verification::Value::Success);
        assert_eq!(response.session, None);
    })
}

/// An authenticator app of the user that is registered.
pub async fn registered(world: &World, access_token: &str) -> Authenticator {
    let app = associate(world, access_token).await.unwrap();
    verify(world, access_token, &app.code(world.now())).await.unwrap();
    app
}

/// Turns second factors of the signed-in user on and off, in JSON's words.
pub async fn prefer(world: &World, access_token: &str, settings: Value) -> Result<(), Refusal> {
    let body = with(&settings, "AccessToken", json!(access_token));
    call_written::<api::SetUserMfaPreferenceRequest>(world, &body).await.map(drop)
}

/// The same by an operator.
async fn prefer_for(world: &World, pool: &str, username: &str, settings: Value) -> Result<(), Refusal> {
    let body = with(&with(&settings, "UserPoolId", json!(pool)), "Username", json!(username));
    call_written::<api::AdminSetUserMfaPreferenceRequest>(world, &body).await.map(drop)
}

/// A factor that is on, and preferred or not.
pub fn on(preferred: bool) -> Value {
    json!({ "Enabled": true, "PreferredMfa": preferred })
}

pub fn off() -> Value {
    json!({ "Enabled": false })
}

/// Which second factors are on, the preferred one first and again in its place.
async fn factors_of(world: &World, access_token: &str) -> (Option<String>, Vec<String>) {
    let user = world.get_user(access_token).await.unwrap();
    (user.preferred_mfa_setting, user.user_mfa_setting_list)
}

/// By what means the user can prove who they are.
async fn means_of(world: &World, access_token: &str) -> Vec<auth_factor::Value> {
    let request = api::GetUserAuthFactorsRequest { access_token: Some(access_token.to_owned()) };
    world.call(request).await.unwrap().configured_user_auth_factors().collect()
}

/// Signs in by [`PASSWORD`] and, asked for it, a code of the app.
pub async fn sign_in_by_app(
    world: &World,
    client: &TestClient,
    username: &str,
    code: &str,
) -> Result<api::AuthenticationResult, Refusal> {
    let asked = world.call(client.password_request(username, PASSWORD)).await?;
    assert_eq!(asked.challenge_name(), ChallengeName::SoftwareTokenMfa);
    let responses = [("USERNAME", username.to_owned()), ("SOFTWARE_TOKEN_MFA_CODE", code.to_owned())];
    let answered = world.call(answer(client, ChallengeName::SoftwareTokenMfa, asked.session(), responses)).await?;
    Ok(answered.authentication_result.unwrap())
}

fn not_theirs() -> Refusal {
    refusal("EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA")
}

fn not_of_the_pool() -> Refusal {
    refusal("SoftwareTokenMFANotFoundException", "Software Token MFA has not been enabled by the userPool")
}

fn without_means_for(factor: &str) -> Refusal {
    invalid(&format!("User does not have delivery config set to turn on {factor}"))
}

fn no_session() -> Refusal {
    refusal("NotAuthorizedException", "Invalid session for the user.")
}

fn one_credential() -> Refusal {
    invalid("Either AccessToken or Session must be given, and not both.")
}
