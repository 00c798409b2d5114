//! `GetUser`, and when an access token is believed at all.

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use cognate::api::{self, time_units, username_attribute};
use cognate::context::Cx;
use cognate::crypto::jwt;
use cognate::crypto::signing::SigningKeys;
use cognate::domain::ids::PoolId;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::spec;
use crate::support::fixtures::{TestClient, attribute, claims};
use crate::support::{Credential, Refusal, Wire, World, refusal};

type Got = Result<api::GetUserResponse, Refusal>;

fn invalid() -> Got {
    Err(refusal("NotAuthorizedException", "Invalid Access Token"))
}

fn bad_signature() -> Got {
    Err(refusal("NotAuthorizedException", "Could not verify signature for Access Token"))
}

fn revoked() -> Got {
    Err(refusal("NotAuthorizedException", "Access Token has been revoked"))
}

/// The keys with which a pool signs, as only the server has them.
async fn keys_of(world: &World, pool: &str) -> Arc<SigningKeys> {
    Cx::new(&world.app.services).signing_keys(&PoolId(pool.to_owned())).await.unwrap().unwrap()
}

/// A token of these two parts, with a signature of any bytes.
fn assemble(header: &Value, claims: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = format!("{header}.{claims}");
    let signature = BASE64_URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// Alice, confirmed and signed in: her client and her access token.
async fn alice(world: &World) -> (TestClient, String) {
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let token = world.sign_in(&client, "alice").await.access_token.unwrap();
    (client, token)
}

spec! {
    async fn users_see_their_name_and_attributes_as_text(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let expected = api::GetUserResponse {
            username: "alice".to_owned(),
            user_attributes: vec![
                attribute("sub", &sub),
                attribute("email", "alice@example.com"),
                attribute("email_verified", "true"),
            ],
            ..Default::default()
        };
        assert_eq!(world.get_user(tokens.access_token()).await, Ok(expected));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let sub = world.confirmed_user(&client, "alice").await;
    let tokens = world.sign_in(&client, "alice").await;
    let body = json!({"AccessToken": tokens.access_token()}).to_string();
    let reply = world.post(api::Op::GetUser, &Credential::None, body.into_bytes()).await;
    let expected = json!({
        "Username": "alice",
        "UserAttributes": [
            {"Name": "sub", "Value": sub},
            {"Name": "email", "Value": "alice@example.com"},
            {"Name": "email_verified", "Value": "true"},
        ],
    });
    assert_eq!((reply.status, reply.json()), (200, expected));
}

spec! {
    async fn the_client_hides_what_it_may_not_read_but_not_the_sub(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.read_attributes = vec!["email_verified".to_owned()]).await;
        let sub = world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let user = world.get_user(tokens.access_token()).await.unwrap();
        assert_eq!(user.user_attributes, [attribute("sub", &sub), attribute("email_verified", "true")]);
    }
}

spec! {
    async fn where_the_address_is_the_username_the_name_is_the_sub(world: World) {
        let pool = world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let request = api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(&client, "a@example.com") };
        let sub = world.call(request).await.unwrap().user_sub;
        world.confirm_by_operator(&pool, &sub).await;
        let tokens = world.sign_in(&client, "a@example.com").await;
        assert_eq!(world.get_user(tokens.access_token()).await.unwrap().username, sub);
    }
}

spec! {
    async fn a_request_without_a_token_breaks_a_bound(world: World) {
        assert_eq!(
            world.call(api::GetUserRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

spec! {
    async fn what_is_no_access_token_is_invalid(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let without_signature = tokens.access_token().rsplit_once('.').unwrap().0;
        for token in ["nonsense", "a.b.c", "..", without_signature, tokens.id_token(), tokens.refresh_token()] {
            assert_eq!(world.get_user(token).await, invalid(), "{token}");
        }
    }
}

spec! {
    async fn an_access_token_ends_with_the_second_that_it_names(world: World) {
        let (_, token) = alice(&world).await;
        world.advance(Duration::from_millis(3_599_999));
        world.get_user(&token).await.unwrap();
        world.advance(Duration::from_millis(1));
        assert_eq!(
            world.get_user(&token).await,
            Err(refusal("NotAuthorizedException", "Access Token has expired"))
        );
    }
}

spec! {
    async fn any_bit_of_the_signature_counts(world: World) {
        let (_, token) = alice(&world).await;
        let (message, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        for (byte, bit) in [(0, 7), (signature.len() / 2, 3), (signature.len() - 1, 0)] {
            let mut changed = signature.clone();
            changed[byte] ^= 1 << bit;
            let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(changed));
            assert_eq!(world.get_user(&token).await, bad_signature());
        }
        for length in [0, signature.len() - 1] {
            let token = format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(&signature[..length]));
            assert_eq!(world.get_user(&token).await, bad_signature());
        }
        world.get_user(&token).await.unwrap();
    }
}

spec! {
    async fn changed_claims_need_a_new_signature(world: World) {
        let (client, token) = alice(&world).await;
        let bobs_sub = world.confirmed_user(&client, "bob").await;
        let (_, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let header = json!({"kid": keys_of(&world, &client.pool).await.access.key_id, "alg": "RS256"});
        let changes = [("sub", json!(bobs_sub)), ("exp", json!(i64::MAX)), ("username", json!("bob"))];
        for (claim, value) in changes {
            let mut changed = claims(&token);
            changed[claim] = value;
            assert_eq!(world.get_user(&assemble(&header, &changed, |_| signature.clone())).await, bad_signature());
        }
        // The way of assembling is not what is wrong: unchanged claims, freshly signed, are believed.
        let keys = keys_of(&world, &client.pool).await;
        let resigned = assemble(&header, &claims(&token), |message| keys.access.sign(message).unwrap());
        world.get_user(&resigned).await.unwrap();
    }
}

spec! {
    async fn a_token_that_says_it_needs_no_signature_is_invalid(world: World) {
        let (client, token) = alice(&world).await;
        let key_id = &keys_of(&world, &client.pool).await.access.key_id;
        for algorithm in ["none", "None", "NONE", ""] {
            let header = json!({"kid": key_id, "alg": algorithm});
            assert_eq!(world.get_user(&assemble(&header, &claims(&token), |_| Vec::new())).await, invalid());
        }
    }
}

spec! {
    async fn the_public_key_is_no_shared_secret(world: World) {
        let (client, token) = alice(&world).await;
        let key_id = keys_of(&world, &client.pool).await.access.key_id.clone();
        let path = format!("/{}/.well-known/jwks.json", client.pool);
        let published = crate::support::http::get(&world.address, &path).await.json();
        let key = published["keys"].as_array().unwrap().iter().find(|key| key["kid"] == key_id.as_str()).unwrap();
        let modulus = BASE64_URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let header = Header { kid: Some(key_id.clone()), ..Header::new(algorithm) };
            for secret in [modulus.as_slice(), key["n"].as_str().unwrap().as_bytes(), key.to_string().as_bytes()] {
                let forged = jsonwebtoken::encode(&header, &claims(&token), &EncodingKey::from_secret(secret)).unwrap();
                assert_eq!(world.get_user(&forged).await, invalid());
            }
        }
    }
}

spec! {
    async fn only_the_pools_own_key_for_access_tokens_signs_them(world: World) {
        let (client, token) = alice(&world).await;
        let other_pool = world.pool(|_| {}).await;
        let (own, foreign) = (keys_of(&world, &client.pool).await, keys_of(&world, &other_pool).await);
        for key in [&foreign.access, &foreign.id, &own.id] {
            // Under its own name the key is not one that this pool's access tokens have.
            assert_eq!(world.get_user(&jwt::sign(&claims(&token), key).unwrap()).await, invalid());
            // Under the name of the right key it does not fit.
            let header = json!({"kid": own.access.key_id, "alg": "RS256"});
            let forged = assemble(&header, &claims(&token), |message| key.sign(message).unwrap());
            assert_eq!(world.get_user(&forged).await, bad_signature());
        }
    }
}

spec! {
    async fn the_issuer_must_be_a_pool_of_this_server(world: World) {
        let (client, token) = alice(&world).await;
        let keys = keys_of(&world, &client.pool).await;
        for issuer in [
            String::new(),
            client.pool.clone(),
            format!("http://elsewhere.test/{}", client.pool),
            format!("http://cognate.test{}", client.pool),
            format!("http://cognate.test/{}/", client.pool),
            "http://cognate.test/us-east-1_Nowhere12".to_owned(),
        ] {
            let mut changed = claims(&token);
            changed["iss"] = json!(issuer);
            assert_eq!(world.get_user(&jwt::sign(&changed, &keys.access).unwrap()).await, invalid(), "{issuer}");
        }
    }
}

spec! {
    async fn even_signed_claims_must_be_those_of_an_access_token_that_was_issued(world: World) {
        let (client, token) = alice(&world).await;
        let other_client = world.client(&client.pool, |_| {}).await;
        let bobs_sub = world.confirmed_user(&client, "bob").await;
        let keys = keys_of(&world, &client.pool).await;
        let refused = |message: &str| Err(refusal("NotAuthorizedException", message));
        for (claim, value, expected) in [
            ("token_use", json!("id"), invalid()),
            ("scope", json!("openid"), refused("Access Token does not have required scopes")),
            ("scope", json!(""), refused("Access Token does not have required scopes")),
            ("client_id", json!("nonesuch"), invalid()),
            ("sub", json!("nonsense"), invalid()),
            ("client_id", json!(other_client.id), revoked()),
            ("sub", json!(bobs_sub), revoked()),
            ("event_id", json!("00000000-0000-4000-8000-000000000000"), revoked()),
            (
                "sub",
                json!("00000000-0000-4000-8000-000000000000"),
                Err(refusal("UserNotFoundException", "User does not exist.")),
            ),
        ] {
            let mut changed = claims(&token);
            changed[claim] = value;
            assert_eq!(world.get_user(&jwt::sign(&changed, &keys.access).unwrap()).await, expected, "{changed}");
        }
    }
}

spec! {
    async fn a_token_of_another_server_is_invalid(world: World) {
        let (client, _) = alice(&world).await;
        let elsewhere = World::new(world.wire).await;
        let (their_client, theirs) = alice(&elsewhere).await;
        elsewhere.get_user(&theirs).await.unwrap();
        assert_eq!(world.get_user(&theirs).await, invalid());
        // Even if it names this server's pool, client and key.
        let mut renamed = claims(&theirs);
        renamed["iss"] = json!(format!("http://cognate.test/{}", client.pool));
        renamed["client_id"] = json!(client.id);
        let header = json!({"kid": keys_of(&world, &client.pool).await.access.key_id, "alg": "RS256"});
        let their_keys = keys_of(&elsewhere, &their_client.pool).await;
        let forged = assemble(&header, &renamed, |message| their_keys.access.sign(message).unwrap());
        assert_eq!(world.get_user(&forged).await, bad_signature());
    }
}

spec! {
    async fn an_access_token_outlives_the_refresh_token_that_brought_it(world: World) {
        let pool = world.pool(|_| {}).await;
        let configure = |request: &mut api::CreateUserPoolClientRequest| {
            (request.access_token_validity, request.refresh_token_validity) = (Some(24), Some(25));
            request.token_validity_units =
                Some(api::TokenValidityUnits { refresh_token: Some(time_units::Value::Hours.into()), ..Default::default() });
        };
        let client = world.client(&pool, configure).await;
        world.confirmed_user(&client, "alice").await;
        let refresh_token = world.sign_in(&client, "alice").await.refresh_token.unwrap();
        let (hour, second) = (Duration::from_secs(60 * 60), Duration::from_secs(1));
        world.advance(25 * hour - second);
        let token = world.refresh(&client, &refresh_token).await.unwrap().access_token.unwrap();
        world.advance(24 * hour - second);
        // What has ended is removed meanwhile.
        let now = world.now().as_millisecond();
        while cognate::store::sweep_expired(&*world.app.services.store, now).await.unwrap() {}
        world.get_user(&token).await.unwrap();
        world.advance(second);
        assert_eq!(world.get_user(&token).await, Err(refusal("NotAuthorizedException", "Access Token has expired")));
    }
}

spec! {
    async fn access_tokens_outlive_a_restart(world: World) {
        let (_, token) = alice(&world).await;
        let world = world.restarted().await;
        assert_eq!(world.get_user(&token).await.unwrap().username, "alice");
    }
}

spec! {
    async fn a_token_dies_with_its_client(world: World) {
        let (client, token) = alice(&world).await;
        let other_client = world.client(&client.pool, |_| {}).await;
        let other = world.sign_in(&other_client, "alice").await;
        let request = api::DeleteUserPoolClientRequest {
            user_pool_id: Some(client.pool.clone()),
            client_id: Some(client.id.clone()),
        };
        world.call(request).await.unwrap();
        assert_eq!(world.get_user(&token).await, invalid());
        world.get_user(other.access_token()).await.unwrap();
    }
}

spec! {
    async fn a_token_dies_with_its_pool(world: World) {
        let (client, token) = alice(&world).await;
        world.get_user(&token).await.unwrap();
        world.call(api::DeleteUserPoolRequest { user_pool_id: Some(client.pool.clone()) }).await.unwrap();
        assert_eq!(world.get_user(&token).await, invalid());
        let world = world.restarted().await;
        assert_eq!(world.get_user(&token).await, invalid());
    }
}

spec! {
    async fn a_token_dies_with_its_refresh_token_and_when_the_user_signs_out(world: World) {
        let (client, revoked_token) = alice(&world).await;
        let signed_in = world.sign_in(&client, "alice").await;
        let signed_out = world.sign_in(&client, "alice").await;
        world.revoke(&client, signed_in.refresh_token()).await.unwrap();
        assert_eq!(world.get_user(signed_in.access_token()).await, revoked());
        world.get_user(signed_out.access_token()).await.unwrap();
        world.sign_out(signed_out.access_token()).await.unwrap();
        for token in [signed_out.access_token(), &revoked_token] {
            assert_eq!(world.get_user(token).await, revoked());
        }
    }
}
