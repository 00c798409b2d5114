//! What the specifications of a client's secrets share.

use cognate::api;
use jiff::Timestamp;

use crate::support::fixtures::{TestClient, initiate_auth, with_secret};
use crate::support::{Refusal, World, refusal};

pub async fn add(
    world: &World,
    client: &TestClient,
    value: Option<&str>,
) -> Result<api::ClientSecretDescriptor, Refusal> {
    let request = api::AddUserPoolClientSecretRequest {
        user_pool_id: Some(client.pool.clone()),
        client_id: Some(client.id.clone()),
        client_secret: value.map(str::to_owned),
    };
    world.call(request).await.map(|response| response.client_secret_descriptor.unwrap())
}

pub async fn list(world: &World, client: &TestClient) -> Result<Vec<api::ClientSecretDescriptor>, Refusal> {
    let request = api::ListUserPoolClientSecretsRequest {
        user_pool_id: Some(client.pool.clone()),
        client_id: Some(client.id.clone()),
        next_token: None,
    };
    world.call(request).await.map(|response| response.client_secrets)
}

pub async fn delete(world: &World, client: &TestClient, id: &str) -> Result<(), Refusal> {
    let request = api::DeleteUserPoolClientSecretRequest {
        user_pool_id: Some(client.pool.clone()),
        client_id: Some(client.id.clone()),
        client_secret_id: Some(id.to_owned()),
    };
    world.call(request).await.map(drop)
}

/// A client with a secret.
pub async fn confidential(world: &World) -> TestClient {
    let pool = world.pool(|_| {}).await;
    world.client(&pool, with_secret).await
}

/// The client with another secret in hand.
pub fn holding(client: &TestClient, secret: &api::ClientSecretDescriptor) -> TestClient {
    TestClient { secret: secret.client_secret_value.clone(), ..client.clone() }
}

/// The id of the secret that a client was made with.
pub fn first_id(client: &TestClient, made_at: Timestamp) -> String {
    format!("{}--{}", client.id, made_at.as_millisecond())
}

pub fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

/// Signs up, confirms, signs in, refreshes and revokes, each with a proof by the secret in hand.
pub async fn prove_everywhere(world: &World, client: &TestClient, username: &str) {
    world.confirmed_user(client, username).await;
    world.sign_up(client, &format!("{username}-two")).await;
    world.resend(client, &format!("{username}-two")).await.unwrap();
    let tokens = world.sign_in(client, username).await;
    let hash = client.secret_hash(username);
    refreshed(world, client, tokens.refresh_token(), hash.as_deref()).await.unwrap();
    world.exchange(client, tokens.refresh_token()).await.unwrap();
    world.revoke(client, tokens.refresh_token()).await.unwrap();
}

pub async fn refreshed(world: &World, client: &TestClient, token: &str, hash: Option<&str>) -> Result<(), Refusal> {
    let mut parameters = vec![("REFRESH_TOKEN", token.to_owned())];
    parameters.extend(hash.map(|hash| ("SECRET_HASH", hash.to_owned())));
    let flow = api::auth_flow::Value::RefreshTokenAuth;
    world.call(initiate_auth(client, flow, parameters)).await.map(drop)
}

/// Clients that are not there: one in the pool of another, and one in no pool; and how each is refused.
pub async fn strangers(world: &World) -> [(TestClient, Refusal); 2] {
    let (client, other) = (confidential(world).await, confidential(world).await);
    let no_client = refusal("ResourceNotFoundException", &format!("User pool client {} does not exist.", client.id));
    let nowhere = TestClient { pool: "us-east-1_Nowhere12".to_owned(), ..client.clone() };
    let no_pool = refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist.");
    [(TestClient { pool: other.pool, ..client }, no_client), (nowhere, no_pool)]
}

/// A client whose names cannot be, and how it is refused.
pub fn odd() -> (TestClient, Refusal) {
    let told = "2 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value at 'clientId' failed to satisfy \
                constraint: Member must satisfy regular expression pattern: [\\w+]+";
    (TestClient { pool: "nonsense".to_owned(), id: "a b".to_owned(), secret: None }, invalid(told))
}
