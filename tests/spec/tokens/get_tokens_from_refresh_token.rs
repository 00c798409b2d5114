//! `GetTokensFromRefreshToken`, and the rotation of refresh tokens.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;
use std::time::Duration;

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::{self, explicit_auth_flows, feature};

use crate::spec;
use crate::support::fixtures::{TestClient, claims, initiate_auth, with_secret};
use crate::support::{Refusal, World, at_once, refusal};

const GRACE_SECONDS: u32 = 60;

fn not_authorized(message: &str) -> Refusal {
    refusal("NotAuthorizedException", message)
}

fn reused() -> Refusal {
    refusal("RefreshTokenReuseException", "Refresh Token has been used already")
}

fn revoked() -> Refusal {
    not_authorized("Refresh Token has been revoked")
}

fn request(client: &TestClient, token: &str) -> api::GetTokensFromRefreshTokenRequest {
    api::GetTokensFromRefreshTokenRequest {
        refresh_token: Some(token.to_owned()),
        client_id: Some(client.id.clone()),
        ..Default::default()
    }
}

/// Has a client's refresh tokens rotate.
fn rotates(request: &mut api::CreateUserPoolClientRequest, grace_seconds: u32) {
    request.explicit_auth_flows.retain(|flow| *flow != i32::from(explicit_auth_flows::Value::AllowRefreshTokenAuth));
    request.refresh_token_rotation = Some(api::RefreshTokenRotation {
        feature: Some(feature::Value::Enabled.into()),
        retry_grace_period_seconds: i32::try_from(grace_seconds).ok(),
    });
}

/// Alice's client, whose refresh tokens rotate, and a sign-in of hers.
async fn rotating(world: &World, grace_seconds: u32) -> (TestClient, api::AuthenticationResult) {
    let pool = world.pool(|_| {}).await;
    let client = world.client(&pool, |request| rotates(request, grace_seconds)).await;
    world.confirmed_user(&client, "alice").await;
    let signed_in = world.sign_in(&client, "alice").await;
    (client, signed_in)
}

/// The same without grace, of a client that can refresh by a flow once its tokens rotate no more.
async fn turned_on(world: &World) -> (TestClient, api::AuthenticationResult) {
    let client = world.app_client().await;
    world.rotate(&client, Some(0)).await;
    world.confirmed_user(&client, "alice").await;
    let signed_in = world.sign_in(&client, "alice").await;
    (client, signed_in)
}

/// Every token of the sign-in is dead: those that serve as revoked, access tokens, and those that were used as such.
async fn assert_ended(world: &World, client: &TestClient, access: &[&str], served: &[&str], used: &[&str]) {
    for token in access {
        assert_eq!(world.get_user(token).await, Err(not_authorized("Access Token has been revoked")));
    }
    for token in served {
        assert_eq!(world.exchange(client, token).await, Err(revoked()));
    }
    for token in used {
        assert_eq!(world.exchange(client, token).await, Err(reused()));
    }
}

spec! {
    async fn without_rotation_new_tokens_come_with_no_new_refresh_token_however_often(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        let mut ids = HashSet::from([claims(signed_in.access_token())["jti"].to_string()]);
        for _ in 0..3 {
            world.advance(Duration::from_secs(60));
            let response = world.call(request(&client, signed_in.refresh_token())).await.unwrap();
            let exchanged = response.authentication_result.unwrap();
            let expected = api::AuthenticationResult {
                access_token: exchanged.access_token.clone(),
                id_token: exchanged.id_token.clone(),
                refresh_token: None,
                expires_in: Some(3600),
                token_type: Some("Bearer".to_owned()),
                new_device_metadata: None,
            };
            assert_eq!(exchanged, expected);
            world.get_user(exchanged.access_token()).await.unwrap();
            let (before, now) = (claims(signed_in.access_token()), claims(exchanged.access_token()));
            for kept in ["sub", "auth_time", "origin_jti", "event_id", "client_id"] {
                assert_eq!(now[kept], before[kept], "{kept}");
            }
            assert_eq!(now["iat"], world.now().as_second());
            assert!(ids.insert(now["jti"].to_string()));
            assert_eq!(claims(exchanged.id_token())["token_use"], "id");
        }
    }
}

spec! {
    async fn no_flow_need_be_open_to_the_client(world: World) {
        let pool = world.pool(|_| {}).await;
        let flows = vec![explicit_auth_flows::Value::AllowUserPasswordAuth.into()];
        let client = world.client(&pool, |request| request.explicit_auth_flows = flows).await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        world.exchange(&client, signed_in.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn attributes_are_those_of_the_moment(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        world.update_attributes(&client.pool, "alice", &[("nickname", "Al")]).await.unwrap();
        let exchanged = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        assert_eq!(claims(exchanged.id_token())["nickname"], "Al");
    }
}

spec! {
    async fn with_rotation_each_use_gives_a_refresh_token_never_seen_before(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let (mut tokens, mut seen) = (signed_in.clone(), HashSet::new());
        for _ in 0..5 {
            assert!(seen.insert(tokens.refresh_token().to_owned()));
            world.advance(Duration::from_secs(3600));
            tokens = world.exchange(&client, tokens.refresh_token()).await.unwrap();
            assert_eq!((tokens.expires_in(), tokens.token_type()), (3600, "Bearer"));
            world.get_user(tokens.access_token()).await.unwrap();
            assert_eq!(claims(tokens.id_token())["origin_jti"], claims(signed_in.id_token())["origin_jti"]);
        }
    }
}

spec! {
    async fn a_new_refresh_token_ends_when_the_first_would_have_to_the_millisecond(world: World) {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        world.advance(10 * DAY);
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.advance(20 * DAY - Duration::from_millis(1));
        let third = world.exchange(&client, second.refresh_token()).await.unwrap();
        world.advance(Duration::from_millis(1));
        for token in [second.refresh_token(), third.refresh_token()] {
            assert_eq!(world.exchange(&client, token).await, Err(not_authorized("Refresh Token has expired")));
        }
    }
}

spec! {
    async fn a_used_token_serves_on_for_the_grace_time_and_gives_another_one_each_time(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let first = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.advance(Duration::from_millis(59_999));
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        assert_ne!(first.refresh_token(), second.refresh_token());
        // Both go on, each by itself, long after.
        for tokens in [first, second] {
            let mut token = tokens.refresh_token.unwrap();
            for _ in 0..3 {
                world.advance(Duration::from_secs(3600));
                token = world.exchange(&client, &token).await.unwrap().refresh_token.unwrap();
            }
        }
    }
}

spec! {
    async fn a_use_within_the_grace_time_does_not_prolong_it(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.advance(Duration::from_secs(30));
        world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.advance(Duration::from_secs(30));
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(reused()));
    }
}

spec! {
    async fn a_use_after_the_grace_time_ends_the_sign_in_for_good_and_no_other_one(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let other = world.sign_in(&client, "alice").await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        let third = world.exchange(&client, second.refresh_token()).await.unwrap();
        world.advance(Duration::from_secs(60));
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(reused()));
        let access = [signed_in.access_token(), second.access_token(), third.access_token()];
        let used = [signed_in.refresh_token(), second.refresh_token()];
        assert_ended(&world, &client, &access, &[third.refresh_token()], &used).await;
        let world = world.restarted().await;
        assert_ended(&world, &client, &access, &[third.refresh_token()], &used).await;
        world.get_user(other.access_token()).await.unwrap();
        world.exchange(&client, other.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn without_grace_the_second_use_ends_the_sign_in_at_once(world: World) {
        let (client, signed_in) = rotating(&world, 0).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(reused()));
        let access = [signed_in.access_token(), second.access_token()];
        assert_ended(&world, &client, &access, &[second.refresh_token()], &[signed_in.refresh_token()]).await;
    }
}

spec! {
    async fn of_many_uses_at_once_without_grace_one_wins_and_the_sign_in_ends(world: World) {
        let (client, signed_in) = rotating(&world, 0).await;
        let uses = (0..20).map(|_| world.exchange(&client, signed_in.refresh_token()));
        let (won, lost): (Vec<_>, Vec<_>) = at_once(uses).await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert!(lost.into_iter().all(|outcome| outcome == Err(reused())));
        let won = won.into_iter().next().unwrap().unwrap();
        assert_ended(&world, &client, &[won.access_token()], &[won.refresh_token()], &[]).await;
    }
}

spec! {
    async fn of_many_uses_at_once_with_grace_every_one_goes_on(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let uses = (0..20).map(|_| world.exchange(&client, signed_in.refresh_token()));
        let given: Vec<_> = at_once(uses).await.into_iter().map(|outcome| outcome.unwrap().refresh_token()
            .to_owned()).collect();
        assert_eq!(given.iter().collect::<HashSet<_>>().len(), 20);
        world.advance(Duration::from_secs(3600));
        for outcome in at_once(given.iter().map(|token| world.exchange(&client, token))).await {
            outcome.unwrap();
        }
    }
}

spec! {
    async fn at_most_sixty_four_serve_at_a_time_and_the_oldest_makes_room(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let mut given = Vec::new();
        // The used one serves too.
        for _ in 0..64 {
            given.push(world.exchange(&client, signed_in.refresh_token()).await.unwrap().refresh_token.unwrap());
        }
        world.exchange(&client, &given[1]).await.unwrap();
        assert_eq!(world.exchange(&client, &given[0]).await, Err(reused()));
    }
}

spec! {
    async fn rotating_tokens_serve_no_flow(world: World) {
        let (client, signed_in) = turned_on(&world).await;
        let closed = refusal("InvalidParameterException", "Refresh Token flow not enabled for this client");
        assert_eq!(world.refresh(&client, signed_in.refresh_token()).await, Err(closed));
        world.exchange(&client, signed_in.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn a_token_from_before_rotation_was_turned_on_rotates(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
        world.rotate(&client, Some(0)).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.exchange(&client, second.refresh_token()).await.unwrap();
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(reused()));
    }
}

spec! {
    async fn after_rotation_was_turned_off_the_newest_token_serves_by_both_ways_and_stays(world: World) {
        let (client, signed_in) = turned_on(&world).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.rotate(&client, None).await;
        for _ in 0..2 {
            world.refresh(&client, second.refresh_token()).await.unwrap();
            assert_eq!(world.exchange(&client, second.refresh_token()).await.unwrap().refresh_token, None);
        }
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(reused()));
        assert_ended(&world, &client, &[second.access_token()], &[second.refresh_token()], &[]).await;
    }
}

spec! {
    async fn a_used_token_ends_the_sign_in_by_a_flow_too(world: World) {
        let (client, signed_in) = turned_on(&world).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.rotate(&client, None).await;
        assert_eq!(world.refresh(&client, signed_in.refresh_token()).await, Err(revoked()));
        assert_ended(&world, &client, &[second.access_token()], &[second.refresh_token()], &[]).await;
    }
}

spec! {
    async fn revoking_any_token_of_the_sign_in_ends_it(world: World) {
        let (client, _) = rotating(&world, 0).await;
        for revokes in 0..3 {
            let first = world.sign_in(&client, "alice").await;
            let second = world.exchange(&client, first.refresh_token()).await.unwrap();
            let third = world.exchange(&client, second.refresh_token()).await.unwrap();
            let tokens = [&first, &second, &third];
            world.revoke(&client, tokens[revokes].refresh_token()).await.unwrap();
            let access = tokens.map(|tokens| tokens.access_token());
            let used = [first.refresh_token(), second.refresh_token()];
            assert_ended(&world, &client, &access, &[third.refresh_token()], &used).await;
        }
    }
}

spec! {
    async fn a_rotation_outlives_a_restart(world: World) {
        let (client, signed_in) = rotating(&world, 0).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        let world = world.restarted().await;
        let third = world.exchange(&client, second.refresh_token()).await.unwrap();
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(reused()));
        assert_ended(&world, &client, &[third.access_token()], &[third.refresh_token()], &[]).await;
    }
}

spec! {
    async fn only_hashes_of_refresh_tokens_are_stored(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        let everything = (Bound::Unbounded, Bound::Unbounded);
        let stored = world.app.services.store.scan(everything, usize::MAX).await.unwrap();
        let holds = |needle: &[u8]| {
            stored.iter().any(|(_, value)| value.bytes.windows(needle.len()).any(|window| window == needle))
        };
        for token in [signed_in.refresh_token(), second.refresh_token()] {
            assert!(!holds(token.as_bytes()));
            assert!(holds(&cognate::crypto::opaque::token_hash(token)));
        }
    }
}

spec! {
    async fn the_audit_trail_tells_of_a_reuse_and_of_no_token(world: World) {
        let (client, signed_in) = rotating(&world, 0).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.exchange(&client, signed_in.refresh_token()).await.unwrap_err();
        let sub = claims(second.id_token())["sub"].clone();
        let trail = world.audit().await;
        let records: Vec<_> =
            trail.iter().filter(|record| record["eventName"] == "GetTokensFromRefreshToken").collect();
        let outcomes: Vec<_> = records.iter().map(|record| record["errorCode"].as_str()).collect();
        assert_eq!(outcomes, [None, Some("RefreshTokenReuseException")]);
        for record in records {
            assert_eq!(record["additionalEventData"]["sub"], sub);
            assert_eq!(record["requestParameters"]["refreshToken"], "HIDDEN_DUE_TO_SECURITY_REASONS");
        }
    }
}

spec! {
    async fn signing_out_everywhere_ends_every_token(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        world.sign_out(second.access_token()).await.unwrap();
        let served = [signed_in.refresh_token(), second.refresh_token()];
        assert_ended(&world, &client, &[second.access_token()], &served, &[]).await;
    }
}

spec! {
    async fn a_disabled_user_gets_none_and_what_they_had_stays_dead(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        world.disable(&client.pool, "alice").await;
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(not_authorized("User is disabled.")));
        world.enable(&client.pool, "alice").await;
        assert_eq!(world.exchange(&client, signed_in.refresh_token()).await, Err(revoked()));
    }
}

spec! {
    async fn what_is_no_refresh_token_of_the_client_is_invalid(world: World) {
        let (client, signed_in) = rotating(&world, GRACE_SECONDS).await;
        let challenge = initiate_auth(&client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
        let session = world.call(challenge).await.unwrap().session.unwrap();
        let token = signed_in.refresh_token();
        let changed = format!("{}{}", &token[1..], &token[..1]);
        let invalid = Err(not_authorized("Invalid Refresh Token"));
        for text in ["nonsense", &session, &changed, &token[1..], signed_in.access_token(), signed_in.id_token()] {
            assert_eq!(world.exchange(&client, text).await, invalid);
        }
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let of_another_pool = world.app_client().await;
        for foreign in [of_the_same_pool, of_another_pool] {
            world.rotate(&foreign, Some(0)).await;
            assert_eq!(world.exchange(&foreign, token).await, invalid);
        }
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(world.exchange(&client, token).await, invalid);
    }
}

spec! {
    async fn another_clients_use_of_an_old_token_ends_nothing(world: World) {
        let (client, signed_in) = rotating(&world, 0).await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        let foreign = world.client(&client.pool, |_| {}).await;
        let invalid = Err(not_authorized("Invalid Refresh Token"));
        assert_eq!(world.exchange(&foreign, signed_in.refresh_token()).await, invalid);
        world.exchange(&client, second.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn a_client_with_a_secret_sends_the_secret_itself_and_without_it_nothing_happens(world: World) {
        let pool = world.pool(|_| {}).await;
        let with_secret_that_rotates = |request: &mut api::CreateUserPoolClientRequest| {
            with_secret(request);
            rotates(request, 0);
        };
        let client = world.client(&pool, with_secret_that_rotates).await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        let second = world.exchange(&client, signed_in.refresh_token()).await.unwrap();
        let unverified = Err(not_authorized(&format!("Unable to verify secret for client {}", client.id)));
        for secret in [None, Some("nonsensenonsensenonsense".to_owned())] {
            let without = TestClient { secret, ..client.clone() };
            for token in [signed_in.refresh_token(), second.refresh_token(), "nonsense"] {
                assert_eq!(world.exchange(&without, token).await, unverified);
            }
        }
        world.exchange(&client, second.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn a_secret_for_a_client_without_one_is_refused(world: World) {
        let (client, signed_in) = rotating(&world, 0).await;
        let unverified = Err(not_authorized(&format!("Unable to verify secret for client {}", client.id)));
        let with = TestClient { secret: Some("nonsensenonsensenonsense".to_owned()), ..client.clone() };
        assert_eq!(world.exchange(&with, signed_in.refresh_token()).await, unverified);
    }
}

spec! {
    async fn metadata_changes_nothing_nor_does_a_device_where_none_are_tracked(world: World) {
        let (client, signed_in) = rotating(&world, 0).await;
        let client_metadata = HashMap::from([("key".to_owned(), "value".to_owned())]);
        let device_key = Some("us-east-1_0123abcd".to_owned());
        let request = request(&client, signed_in.refresh_token());
        let request = api::GetTokensFromRefreshTokenRequest { client_metadata, device_key, ..request };
        world.call(request).await.unwrap();
    }
}

spec! {
    async fn an_unknown_client_is_named(world: World) {
        let client = TestClient { pool: String::new(), id: "nonesuch".to_owned(), secret: None };
        assert_eq!(
            world.exchange(&client, "nonsense").await,
            Err(refusal("ResourceNotFoundException", "User pool client nonesuch does not exist."))
        );
    }
}

spec! {
    async fn a_request_without_token_and_client_breaks_two_bounds(world: World) {
        assert_eq!(
            world.call(api::GetTokensFromRefreshTokenRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value at 'refreshToken' failed to satisfy constraint: Member must not be \
                 null; Value at 'clientId' failed to satisfy constraint: Member must not be null"
            ))
        );
        let request = api::GetTokensFromRefreshTokenRequest {
            refresh_token: Some("ü".to_owned()),
            client_id: Some("client".to_owned()),
            client_secret: Some("short".to_owned()),
            device_key: Some("device".to_owned()),
            ..Default::default()
        };
        assert_eq!(
            world.call(request).await,
            Err(refusal(
                "InvalidParameterException",
                "3 validation errors detected: Value at 'refreshToken' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: [A-Za-z0-9-_=.]+; Value at 'clientSecret' failed to satisfy constraint: \
                 Member must have length greater than or equal to 24; Value 'device' at 'deviceKey' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: [\\w-]+_[0-9a-f-]+"
            ))
        );
    }
}
