//! The same service through its typed contract.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::{self, auth_flow, explicit_auth_flows::Value as ExplicitAuthFlow};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;

use crate::present;
use crate::support::fixtures::{PASSWORD, TestClient, initiate_auth, value_of};
use crate::support::{Wire, World, http, refusal};

async fn confirm_as_operator(world: &World, pool: &str, username: &str) {
    let request = api::AdminConfirmSignUpRequest {
        user_pool_id: Some(pool.to_owned()),
        username: Some(username.to_owned()),
        ..Default::default()
    };
    world.call(request).await.unwrap();
}

async fn revoke(world: &World, client: &TestClient, refresh_token: &str) {
    let request = api::RevokeTokenRequest {
        token: Some(refresh_token.to_owned()),
        client_id: Some(client.id.clone()),
        client_secret: client.secret.clone(),
        ..Default::default()
    };
    world.call(request).await.unwrap();
}

async fn sign_out_everywhere(world: &World, access_token: &str) {
    world.call(api::GlobalSignOutRequest { access_token: Some(access_token.to_owned()) }).await.unwrap();
}

/// The first flow that the service was made for: nobody gets a code; an operator lets the user in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_confirms_the_user() {
    let world = World::new(Wire::Grpc).await;
    let pool = world.pool(|pool| pool.auto_verified_attributes.clear()).await;
    let client = world.client(&pool, |_| {}).await;

    let alice = world.sign_up(&client, "alice").await;
    assert!(!alice.user_confirmed && alice.code_delivery_details.is_none());
    assert!(world.mail().await.is_empty());
    assert_eq!(
        world.try_password(&client, "alice", PASSWORD).await,
        Err(refusal("UserNotConfirmedException", "User is not confirmed."))
    );
    confirm_as_operator(&world, &pool, "alice").await;
    let tokens = world.sign_in(&client, "alice").await;
    let read = world.get_user(tokens.access_token()).await.unwrap();
    assert_eq!(read.username, "alice");
    assert_eq!(value_of(&read.user_attributes, "sub"), Some(alice.user_sub.as_str()));

    let fresh = world.refresh(&client, tokens.refresh_token()).await.unwrap();
    world.get_user(fresh.access_token()).await.unwrap();
    revoke(&world, &client, tokens.refresh_token()).await;
    assert_eq!(
        world.refresh(&client, tokens.refresh_token()).await,
        Err(refusal("NotAuthorizedException", "Refresh Token has been revoked"))
    );
    let again = world.sign_in(&client, "alice").await;
    sign_out_everywhere(&world, again.access_token()).await;
    assert_eq!(
        world.get_user(again.access_token()).await,
        Err(refusal("NotAuthorizedException", "Access Token has been revoked"))
    );
}

/// The second flow: the proof of the mailed code carries the new user through to the first sign-in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_leads_from_sign_up_to_sign_in() {
    let world = World::new(Wire::Grpc).await;
    let pool = world.pool(|_| {}).await;
    let client = world.client(&pool, |client| client.generate_secret = Some(true)).await;
    let hash = client.secret_hash("bob").unwrap();

    let after_sign_up = world.sign_up(&client, "bob").await.session.unwrap();
    let confirmation = api::ConfirmSignUpRequest {
        client_id: Some(client.id.clone()),
        username: Some("bob".to_owned()),
        confirmation_code: Some(world.code_for("bob").await),
        secret_hash: Some(hash.clone()),
        session: Some(after_sign_up.clone()),
        ..Default::default()
    };
    let after_confirmation = world.call(confirmation).await.unwrap().session.unwrap();
    let sign_in = |session: &str| {
        let parameters = [("USERNAME", "bob".to_owned()), ("SECRET_HASH", hash.clone())];
        api::InitiateAuthRequest {
            session: Some(session.to_owned()),
            ..initiate_auth(&client, auth_flow::Value::UserAuth, parameters)
        }
    };
    assert_eq!(
        world.call(sign_in(&after_sign_up)).await,
        Err(refusal("NotAuthorizedException", "Invalid session for the user."))
    );
    let answer = world.call(sign_in(&after_confirmation)).await.unwrap();
    assert_eq!((answer.challenge_name, &answer.session), (None, &None));
    let tokens = answer.authentication_result.unwrap();
    let read = world.get_user(tokens.access_token()).await.unwrap();
    assert_eq!(value_of(&read.user_attributes, "email_verified"), Some("true"));
    assert_eq!(
        world.call(sign_in(&after_confirmation)).await,
        Err(refusal("NotAuthorizedException", "Invalid session for the user, session can only be used once."))
    );
}

/// The other half of the second flow: without ALLOW_USER_AUTH there is no session, and one that is sent means nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_flow_that_takes_it_there_is_no_session() {
    let world = World::new(Wire::Grpc).await;
    let pool = world.pool(|_| {}).await;
    let without = |client: &mut api::CreateUserPoolClientRequest| {
        client.generate_secret = Some(true);
        client.explicit_auth_flows.retain(|flow| *flow != i32::from(ExplicitAuthFlow::AllowUserAuth));
    };
    let client = world.client(&pool, without).await;
    assert_eq!(world.sign_up(&client, "carol").await.session, None);
    let confirmation = api::ConfirmSignUpRequest {
        client_id: Some(client.id.clone()),
        username: Some("carol".to_owned()),
        confirmation_code: Some(world.code_for("carol").await),
        secret_hash: client.secret_hash("carol"),
        session: Some("no session was ever given out".to_owned()),
        ..Default::default()
    };
    assert_eq!(world.call(confirmation).await.unwrap().session, None);
    world.sign_in(&client, "carol").await;
}

/// Months in the life of an account, with a thief and a restart in them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thief_is_locked_out_and_a_restart_changes_nothing() {
    let world = World::at(Wire::Grpc, present(), |_| {}).await;
    let client = world.app_client().await;
    let sub = world.confirmed_user(&client, "dave").await;

    let (phone, laptop) = (world.sign_in(&client, "dave").await, world.sign_in(&client, "dave").await);
    let fresh = world.refresh(&client, phone.refresh_token()).await.unwrap();
    verify_offline(&world, &client, &sub, &fresh).await;

    // The phone is stolen. The thief has what was on it; the laptop's owner takes that back.
    revoke(&world, &client, phone.refresh_token()).await;
    let world = world.restarted().await;
    let revoked = |what: &str| refusal("NotAuthorizedException", &format!("{what} Token has been revoked"));
    assert_eq!(world.refresh(&client, phone.refresh_token()).await, Err(revoked("Refresh")));
    for token in [phone.access_token(), fresh.access_token()] {
        assert_eq!(world.get_user(token).await, Err(revoked("Access")));
    }
    // Offline, a signed token lasts until its end: verifiers do not ask.
    verify_offline(&world, &client, &sub, &fresh).await;

    // The laptop never noticed.
    let laptop_fresh = world.refresh(&client, laptop.refresh_token()).await.unwrap();
    assert_eq!(world.get_user(laptop.access_token()).await.unwrap().username, "dave");
    verify_offline(&world, &client, &sub, &laptop_fresh).await;

    sign_out_everywhere(&world, laptop_fresh.access_token()).await;
    let world = world.restarted().await;
    for tokens in [&laptop, &laptop_fresh] {
        assert_eq!(world.get_user(tokens.access_token()).await, Err(revoked("Access")));
    }
    assert_eq!(world.refresh(&client, laptop.refresh_token()).await, Err(revoked("Refresh")));
    let again = world.sign_in(&client, "dave").await;
    verify_offline(&world, &client, &sub, &again).await;
}

/// Verifies both tokens as a service would that has nothing but the issuer's published keys and the machine's clock.
async fn verify_offline(world: &World, client: &TestClient, sub: &str, tokens: &api::AuthenticationResult) {
    let reply = http::get(&world.address, &format!("/{}/.well-known/jwks.json", client.pool)).await;
    let keys: JwkSet = serde_json::from_slice(&reply.body).unwrap();
    let issuer = format!("http://cognate.test/{}", client.pool);
    let claims = |token: &str, audience: Option<&str>| {
        let kid = decode_header(token).unwrap().kid.unwrap();
        let key = DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        match audience {
            Some(audience) => validation.set_audience(&[audience]),
            None => validation.validate_aud = false,
        }
        decode::<Value>(token, &key, &validation).unwrap().claims
    };
    let access = claims(tokens.access_token(), None);
    assert_eq!((&access["sub"], &access["username"]), (&sub.into(), &"dave".into()));
    assert_eq!((&access["token_use"], &access["client_id"]), (&"access".into(), &client.id.as_str().into()));
    let id = claims(tokens.id_token(), Some(&client.id));
    assert_eq!((&id["sub"], &id["cognito:username"]), (&sub.into(), &"dave".into()));
    assert_eq!((&id["token_use"], &id["email"]), (&"id".into(), &"dave@example.com".into()));
    assert_eq!(id["email_verified"], Value::Bool(true));
    assert_eq!(id["origin_jti"], access["origin_jti"]);
}

/// The tour that `serve` prints, by the clients that the contract generates.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_generated_clients_take_the_tour() {
    let world = World::new(Wire::Grpc).await;
    let client = world.app_client().await;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", world.address)).unwrap();
    let channel = endpoint.connect().await.unwrap();
    let mut users = api::user_service_client::UserServiceClient::new(channel.clone());
    let key = format!("{}:{}", world.operator.id, world.operator.secret);
    let basic: tonic::metadata::MetadataValue<_> = format!("Basic {}", BASE64_STANDARD.encode(key)).parse().unwrap();
    let mut admin = api::admin_service_client::AdminServiceClient::with_interceptor(
        channel,
        move |mut request: tonic::Request<()>| {
            request.metadata_mut().insert("authorization", basic.clone());
            Ok(request)
        },
    );

    let signed_up = users.sign_up(client.sign_up_request("alice")).await.unwrap().into_inner();
    let confirmation = api::ConfirmSignUpRequest {
        client_id: Some(client.id.clone()),
        username: Some("alice".to_owned()),
        confirmation_code: Some(world.code_for("alice").await),
        ..Default::default()
    };
    users.confirm_sign_up(confirmation).await.unwrap();
    let begun = users.initiate_auth(client.password_request("alice", PASSWORD)).await.unwrap().into_inner();
    let tokens = begun.authentication_result.unwrap();
    let request = api::GetUserRequest { access_token: tokens.access_token };
    assert_eq!(users.get_user(request).await.unwrap().into_inner().username, "alice");

    let request =
        api::AdminGetUserRequest { user_pool_id: Some(client.pool.clone()), username: Some(signed_up.user_sub) };
    let seen = admin.admin_get_user(request).await.unwrap().into_inner();
    assert_eq!(seen.user_status(), api::user_status::Value::Confirmed);
}
