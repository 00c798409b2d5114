//! `RevokeToken`.

use std::time::Duration;

use cognate::api;
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::revoke_associated_sessions::Value as RevokeAssociatedSessions;
use serde_json::json;

use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, answer, initiate_auth, with_secret};
use crate::support::{Credential, Refusal, Wire, World, at_once, refusal};

fn request(client: &TestClient, token: &str) -> api::RevokeTokenRequest {
    api::RevokeTokenRequest { token: Some(token.to_owned()), client_id: Some(client.id.clone()), ..Default::default() }
}

fn unauthorized() -> Refusal {
    refusal("UnauthorizedException", "Unauthorized")
}

/// Alice's client, and two of her sign-ins.
async fn two_sign_ins(world: &World) -> (TestClient, [api::AuthenticationResult; 2]) {
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let sign_ins = [world.sign_in(&client, "alice").await, world.sign_in(&client, "alice").await];
    (client, sign_ins)
}

async fn assert_serves(world: &World, client: &TestClient, tokens: &api::AuthenticationResult) {
    world.get_user(tokens.access_token()).await.unwrap();
    world.refresh(client, tokens.refresh_token()).await.unwrap();
}

async fn assert_dead(world: &World, client: &TestClient, tokens: &api::AuthenticationResult) {
    assert_eq!(
        world.get_user(tokens.access_token()).await,
        Err(refusal("NotAuthorizedException", "Access Token has been revoked"))
    );
    assert_eq!(
        world.refresh(client, tokens.refresh_token()).await,
        Err(refusal("NotAuthorizedException", "Refresh Token has been revoked"))
    );
}

spec! {
    async fn every_token_of_that_sign_in_dies_and_none_of_another(world: World) {
        let (client, [revoked, other]) = two_sign_ins(&world).await;
        let refreshed = world.refresh(&client, revoked.refresh_token()).await.unwrap();
        world.get_user(refreshed.access_token()).await.unwrap();
        world.call(request(&client, revoked.refresh_token())).await.unwrap();
        assert_dead(&world, &client, &revoked).await;
        assert_eq!(
            world.get_user(refreshed.access_token()).await,
            Err(refusal("NotAuthorizedException", "Access Token has been revoked"))
        );
        assert_serves(&world, &client, &other).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let (client, [tokens, _]) = two_sign_ins(&world).await;
    let body = json!({"Token": tokens.refresh_token(), "ClientId": client.id}).to_string();
    let reply = world.post(api::Op::RevokeToken, &Credential::None, body.into_bytes()).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}

spec! {
    async fn a_revocation_outlives_a_restart(world: World) {
        let (client, [revoked, other]) = two_sign_ins(&world).await;
        world.call(request(&client, revoked.refresh_token())).await.unwrap();
        let world = world.restarted().await;
        assert_dead(&world, &client, &revoked).await;
        assert_serves(&world, &client, &other).await;
    }
}

spec! {
    async fn a_second_time_changes_nothing_and_succeeds(world: World) {
        let (client, [revoked, other]) = two_sign_ins(&world).await;
        for _ in 0..2 {
            world.call(request(&client, revoked.refresh_token())).await.unwrap();
            assert_dead(&world, &client, &revoked).await;
        }
        assert_serves(&world, &client, &other).await;
    }
}

spec! {
    async fn of_many_revocations_at_once_every_one_succeeds(world: World) {
        let (client, [revoked, other]) = two_sign_ins(&world).await;
        let revocations = (0..60).map(|_| world.call(request(&client, revoked.refresh_token())));
        for outcome in at_once(revocations).await {
            outcome.unwrap();
        }
        assert_dead(&world, &client, &revoked).await;
        assert_serves(&world, &client, &other).await;
    }
}

spec! {
    async fn a_token_that_nobody_has_needs_no_revoking(world: World) {
        let (client, [tokens, _]) = two_sign_ins(&world).await;
        let token = tokens.refresh_token();
        let changed = format!("{}{}", &token[1..], &token[..1]);
        for unknown in ["nonsense", &changed, &token[1..]] {
            world.call(request(&client, unknown)).await.unwrap();
        }
        assert_serves(&world, &client, &tokens).await;
    }
}

spec! {
    async fn a_token_that_has_ended_needs_no_revoking(world: World) {
        let (client, [tokens, _]) = two_sign_ins(&world).await;
        world.advance(Duration::from_secs(30 * 24 * 60 * 60));
        world.call(request(&client, tokens.refresh_token())).await.unwrap();
    }
}

spec! {
    async fn a_session_is_no_token_to_revoke(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let parameters = [("USERNAME", "alice".to_owned()), ("PREFERRED_CHALLENGE", "PASSWORD".to_owned())];
        let begun = world.call(initiate_auth(&client, AuthFlow::UserAuth, parameters)).await.unwrap();
        world.call(request(&client, begun.session())).await.unwrap();
        let responses = [("USERNAME", "alice".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
        world.call(answer(&client, ChallengeName::Password, begun.session(), responses)).await.unwrap();
    }
}

spec! {
    async fn only_refresh_tokens_can_be_revoked(world: World) {
        let (client, [tokens, _]) = two_sign_ins(&world).await;
        for token in [tokens.access_token(), tokens.id_token()] {
            assert_eq!(
                world.call(request(&client, token)).await,
                Err(refusal("UnsupportedTokenTypeException", "Only refresh tokens can be revoked."))
            );
        }
        assert_serves(&world, &client, &tokens).await;
    }
}

spec! {
    async fn a_client_revokes_only_its_own_tokens(world: World) {
        let (client, [tokens, _]) = two_sign_ins(&world).await;
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let of_another_pool = world.app_client().await;
        for foreign in [of_the_same_pool, of_another_pool] {
            assert_eq!(world.call(request(&foreign, tokens.refresh_token())).await, Err(unauthorized()));
        }
        assert_serves(&world, &client, &tokens).await;
    }
}

spec! {
    async fn a_client_with_a_secret_sends_the_secret_itself(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let other_client = world.client(&pool, with_secret).await;
        for client_secret in [None, other_client.secret, Some("nonsensenonsensenonsense".to_owned())] {
            let request = api::RevokeTokenRequest { client_secret, ..request(&client, tokens.refresh_token()) };
            assert_eq!(world.call(request).await, Err(unauthorized()));
        }
        world.get_user(tokens.access_token()).await.unwrap();
        let client_secret = client.secret.clone();
        world.call(api::RevokeTokenRequest { client_secret, ..request(&client, tokens.refresh_token()) }).await.unwrap();
        assert_eq!(
            world.get_user(tokens.access_token()).await,
            Err(refusal("NotAuthorizedException", "Access Token has been revoked"))
        );
    }
}

spec! {
    async fn a_secret_for_a_client_without_one_is_refused(world: World) {
        let (client, [tokens, _]) = two_sign_ins(&world).await;
        let client_secret = Some("nonsensenonsensenonsense".to_owned());
        let request = api::RevokeTokenRequest { client_secret, ..request(&client, tokens.refresh_token()) };
        assert_eq!(world.call(request).await, Err(unauthorized()));
        assert_serves(&world, &client, &tokens).await;
    }
}

spec! {
    async fn a_client_with_revocation_off_cannot_revoke(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.enable_token_revocation = Some(false)).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(
            world.call(request(&client, tokens.refresh_token())).await,
            Err(refusal("UnsupportedOperationException", "Token revocation is not enabled for this client."))
        );
        assert_serves(&world, &client, &tokens).await;
    }
}

spec! {
    async fn linked_sessions_are_refused_by_name_and_none_is_the_default(world: World) {
        let (client, [tokens, _]) = two_sign_ins(&world).await;
        let reaching = |value: RevokeAssociatedSessions| api::RevokeTokenRequest {
            revoke_associated_sessions: Some(value.into()),
            ..request(&client, tokens.refresh_token())
        };
        assert_eq!(
            world.call(reaching(RevokeAssociatedSessions::Linked)).await,
            Err(refusal(
                "InvalidParameterException",
                "RevokeAssociatedSessions LINKED is not supported by this server."
            ))
        );
        assert_serves(&world, &client, &tokens).await;
        world.call(reaching(RevokeAssociatedSessions::None)).await.unwrap();
        assert_dead(&world, &client, &tokens).await;
    }
}

spec! {
    async fn an_unknown_client_is_named(world: World) {
        let client = TestClient { pool: String::new(), id: "nonesuch".to_owned(), secret: None };
        assert_eq!(
            world.call(request(&client, "nonsense")).await,
            Err(refusal("ResourceNotFoundException", "User pool client nonesuch does not exist."))
        );
    }
}

spec! {
    async fn a_request_without_token_and_client_breaks_two_bounds(world: World) {
        assert_eq!(
            world.call(api::RevokeTokenRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value at 'token' failed to satisfy constraint: Member must not be null; \
                 Value at 'clientId' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}
