//! `InitiateAuth` by `USER_PASSWORD_AUTH`, and what the tokens of any sign-in claim.

use std::collections::HashSet;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use cognate::api::{self, alias_attribute, attribute_data, explicit_auth_flows, time_units, username_attribute};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::{AuthFlow, invalid, not_authorized};
use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TestClient, WRONG_PASSWORD, attribute, claims, hide_users, initiate_auth, with_secret,
};
use crate::support::{Credential, Refusal, Wire, World, http, refusal};

/// The issuer of a pool's tokens in every world.
fn issuer(client: &TestClient) -> String {
    format!("http://cognate.test/{}", client.pool)
}

async fn signs_in_with(world: &World, client: &TestClient, parameters: &[(&'static str, &str)]) -> Result<(), Refusal> {
    let parameters = parameters.iter().map(|(name, value)| (*name, (*value).to_owned()));
    world.call(initiate_auth(client, AuthFlow::UserPasswordAuth, parameters)).await.map(|_| ())
}

/// Signs a user up and confirms them, with attributes of the test's own.
async fn confirmed_user_with(world: &World, client: &TestClient, username: &str, attributes: &[(&str, &str)]) {
    let user_attributes = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let request = api::SignUpRequest { user_attributes, ..world.sign_up_request(client, username) };
    world.call(request).await.unwrap();
    world.confirm_by_operator(&client.pool, username).await;
}

spec! {
    async fn the_right_password_earns_three_tokens_and_no_challenge(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let reply = world.call(world.password_request(&client, "alice", PASSWORD)).await.unwrap();
        let tokens = reply.authentication_result.clone().unwrap();
        let three = [tokens.access_token(), tokens.id_token(), tokens.refresh_token()];
        assert_eq!(three.iter().filter(|token| !token.is_empty()).collect::<HashSet<_>>().len(), 3);
        let expected = api::InitiateAuthResponse {
            authentication_result: Some(api::AuthenticationResult {
                expires_in: Some(3600),
                token_type: Some("Bearer".to_owned()),
                ..tokens
            }),
            ..Default::default()
        };
        assert_eq!(reply, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_cognitos_members_and_an_empty_map_of_challenge_parameters() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": client.id,
        "AuthParameters": {"USERNAME": "alice", "PASSWORD": PASSWORD},
    });
    let reply = world.post(api::Op::InitiateAuth, &Credential::None, body.to_string().into_bytes()).await;
    assert_eq!(reply.status, 200);
    let mut reply = reply.json();
    for token in ["AccessToken", "IdToken", "RefreshToken"] {
        let token = reply["AuthenticationResult"][token].take();
        assert!(token.as_str().is_some_and(|token| token.len() > 100), "{token}");
    }
    let expected = json!({
        "AuthenticationResult": {
            "AccessToken": null, "ExpiresIn": 3600, "IdToken": null, "RefreshToken": null, "TokenType": "Bearer",
        },
        "ChallengeParameters": {},
    });
    assert_eq!(reply, expected);
}

spec! {
    async fn the_access_token_names_client_sign_in_and_scope(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        world.advance(Duration::from_millis(61_999));
        let access = claims(world.sign_in(&client, "alice").await.access_token());
        let now = "2026-01-07T05:07:10Z".parse::<jiff::Timestamp>().unwrap().as_second();
        let expected = json!({
            "sub": sub,
            "iss": issuer(&client),
            "client_id": client.id,
            "origin_jti": access["origin_jti"],
            "event_id": access["event_id"],
            "token_use": "access",
            "scope": "aws.cognito.signin.user.admin",
            "auth_time": now,
            "exp": now + 3600,
            "iat": now,
            "jti": access["jti"],
            "username": "alice",
        });
        assert_eq!(access, expected);
    }
}

spec! {
    async fn the_id_token_names_audience_user_and_attributes(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let (access, id) = (claims(tokens.access_token()), claims(tokens.id_token()));
        let now = world.now().as_second();
        let expected = json!({
            "sub": sub,
            "iss": issuer(&client),
            "aud": client.id,
            "cognito:username": "alice",
            "email": "alice@example.com",
            "email_verified": true,
            "origin_jti": access["origin_jti"],
            "event_id": access["event_id"],
            "token_use": "id",
            "auth_time": now,
            "exp": now + 3600,
            "iat": now,
            "jti": id["jti"],
        });
        assert_eq!(id, expected);
    }
}

spec! {
    async fn every_token_has_an_id_of_its_own_and_every_sign_in_two(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let mut ids = HashSet::new();
        for _ in 0..2 {
            let tokens = world.sign_in(&client, "alice").await;
            let (access, id) = (claims(tokens.access_token()), claims(tokens.id_token()));
            let of_sign_in = [&access["event_id"], &access["origin_jti"], &access["jti"], &id["jti"]];
            ids.extend(of_sign_in.map(|value| uuid::Uuid::try_parse(value.as_str().unwrap()).unwrap()));
        }
        assert_eq!(ids.len(), 8);
    }
}

spec! {
    async fn both_tokens_verify_offline_against_the_published_keys(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let published = http::get(&world.address, &format!("/{}/.well-known/jwks.json", client.pool)).await;
        let keys: JwkSet = serde_json::from_slice(&published.body).unwrap();
        let key_ids: Vec<String> = keys.keys.iter().map(|key| key.common.key_id.clone().unwrap()).collect();
        assert_eq!(key_ids.iter().collect::<HashSet<_>>().len(), 2);

        // The key for ID tokens is published first.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.set_issuer(&[issuer(&client)]);
        for (token, key_id) in [(tokens.id_token(), &key_ids[0]), (tokens.access_token(), &key_ids[1])] {
            let header: Value =
                serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
            assert_eq!(header, json!({"kid": key_id, "alg": "RS256"}));
            match claims(token)["token_use"].as_str() {
                Some("id") => validation.set_audience(&[&client.id]),
                _ => validation.validate_aud = false,
            }
            let key = DecodingKey::from_jwk(keys.find(key_id).unwrap()).unwrap();
            let verified = jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap();
            assert_eq!(verified.claims, claims(token));
        }
    }
}

spec! {
    async fn attributes_in_the_id_token_keep_the_types_that_cognito_gives_them(world: World) {
        let pool = world
            .pool(|request| {
                let custom = |name: &str, data_type: attribute_data::Value| api::SchemaAttribute {
                    name: Some(name.to_owned()),
                    attribute_data_type: Some(data_type.into()),
                    ..Default::default()
                };
                request.schema =
                    vec![custom("tier", attribute_data::Value::String), custom("level", attribute_data::Value::Number)];
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let attributes = [
            ("address", "1 Main Street"),
            ("custom:level", "7"),
            ("custom:tier", "gold"),
            ("name", ""),
            ("phone_number", "+15555550100"),
            ("updated_at", "1700000000"),
        ];
        confirmed_user_with(&world, &client, "alice", &attributes).await;
        let mut id = claims(world.sign_in(&client, "alice").await.id_token());
        let own = ["sub", "iss", "aud", "cognito:username", "origin_jti", "event_id", "token_use"];
        for name in own.into_iter().chain(["auth_time", "exp", "iat", "jti"]) {
            id.as_object_mut().unwrap().remove(name).unwrap();
        }
        let expected = json!({
            "address": {"formatted": "1 Main Street"},
            "custom:level": "7",
            "custom:tier": "gold",
            "phone_number": "+15555550100",
            "phone_number_verified": false,
            "updated_at": "1700000000",
        });
        assert_eq!(id, expected);
    }
}

spec! {
    async fn the_id_token_tells_only_what_the_client_may_read(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.read_attributes = vec!["name".to_owned()]).await;
        confirmed_user_with(&world, &client, "alice", &[("name", "Alice"), ("email", "a@example.com")]).await;
        let id = claims(world.sign_in(&client, "alice").await.id_token());
        assert_eq!(id["name"], "Alice");
        assert_eq!((id.get("email"), id.get("email_verified")), (None, None));
        assert!(id["sub"].is_string(), "a user is always told by sub");
    }
}

spec! {
    async fn without_token_revocation_tokens_have_no_origin_and_the_id_token_no_id(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.enable_token_revocation = Some(false)).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let (access, id) = (claims(tokens.access_token()), claims(tokens.id_token()));
        assert_eq!((access.get("origin_jti"), id.get("origin_jti"), id.get("jti")), (None, None, None));
        assert!(access["jti"].is_string());
        assert_eq!(access["event_id"], id["event_id"]);
    }
}

spec! {
    async fn tokens_live_as_long_as_the_client_says_in_its_units(world: World) {
        let pool = world.pool(|_| {}).await;
        let seconds_and_days = world
            .client(&pool, |request| {
                request.access_token_validity = Some(301);
                request.id_token_validity = Some(1);
                request.refresh_token_validity = Some(1500);
                request.token_validity_units = Some(api::TokenValidityUnits {
                    access_token: Some(time_units::Value::Seconds.into()),
                    id_token: Some(time_units::Value::Days.into()),
                    refresh_token: Some(time_units::Value::Minutes.into()),
                });
            })
            .await;
        let default_units = world
            .client(&pool, |request| {
                request.access_token_validity = Some(2);
                request.id_token_validity = Some(3);
                request.refresh_token_validity = Some(1);
            })
            .await;
        world.confirmed_user(&seconds_and_days, "alice").await;
        let lives = [(seconds_and_days, 301, 86_400, 1500 * 60), (default_units, 7200, 10_800, 86_400)];
        for (client, access_life, id_life, refresh_life) in lives {
            let signed_in_at = world.now().as_second();
            let tokens = world.sign_in(&client, "alice").await;
            assert_eq!(tokens.expires_in, Some(access_life));
            assert_eq!(claims(tokens.access_token())["exp"], signed_in_at + i64::from(access_life));
            assert_eq!(claims(tokens.id_token())["exp"], signed_in_at + id_life);
            world.advance(Duration::from_millis(refresh_life * 1000 - 1));
            world.refresh(&client, tokens.refresh_token()).await.unwrap();
            world.advance(Duration::from_millis(1));
            assert_eq!(
                world.refresh(&client, tokens.refresh_token()).await,
                Err(not_authorized("Refresh Token has expired"))
            );
        }
    }
}

spec! {
    async fn a_legacy_flow_name_opens_the_flow_as_well(world: World) {
        let pool = world.pool(|_| {}).await;
        let flows = vec![explicit_auth_flows::Value::UserPasswordAuth.into()];
        let client = world.client(&pool, |request| request.explicit_auth_flows = flows).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn username_and_password_must_be_given(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let no_username = Err(invalid("Missing required parameter USERNAME"));
        let no_password = Err(invalid("Missing required parameter PASSWORD"));
        assert_eq!(signs_in_with(&world, &client, &[]).await, no_username);
        assert_eq!(signs_in_with(&world, &client, &[("PASSWORD", PASSWORD)]).await, no_username);
        assert_eq!(signs_in_with(&world, &client, &[("USERNAME", ""), ("PASSWORD", PASSWORD)]).await, no_username);
        assert_eq!(signs_in_with(&world, &client, &[("USERNAME", "alice")]).await, no_password);
        assert_eq!(signs_in_with(&world, &client, &[("USERNAME", "alice"), ("PASSWORD", "")]).await, no_password);
    }
}

spec! {
    async fn a_client_with_a_secret_proves_that_it_has_it(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        world.sign_in(&client, "alice").await;
        let hashes = world.hashes_evaluated();
        let (name, password) = (("USERNAME", "alice"), ("PASSWORD", PASSWORD));
        assert_eq!(
            signs_in_with(&world, &client, &[name, password]).await,
            Err(not_authorized(&format!(
                "Client {} is configured with secret but SECRET_HASH was not received",
                client.id
            )))
        );
        let mismatch = Err(not_authorized(&format!("Unable to verify secret hash for client {}", client.id)));
        let of_another_name = client.secret_hash("bob").unwrap();
        for hash in ["bm9uc2Vuc2U=", &of_another_name, client.secret.as_ref().unwrap()] {
            assert_eq!(signs_in_with(&world, &client, &[name, password, ("SECRET_HASH", hash)]).await, mismatch);
        }
        assert_eq!(world.hashes_evaluated(), hashes);
    }
}

spec! {
    async fn the_secret_is_asked_for_before_anything_is_told_of_users_or_flows(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world
            .client(&pool, |request| {
                with_secret(request);
                request.explicit_auth_flows.clear();
            })
            .await;
        assert_eq!(
            signs_in_with(&world, &client, &[("USERNAME", "nobody"), ("SECRET_HASH", "bm9uc2Vuc2U=")]).await,
            Err(not_authorized(&format!("Unable to verify secret hash for client {}", client.id)))
        );
    }
}

spec! {
    async fn a_secret_hash_for_a_client_without_a_secret_is_refused(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let parameters = [("USERNAME", "alice"), ("PASSWORD", PASSWORD), ("SECRET_HASH", "bm9uc2Vuc2U=")];
        assert_eq!(
            signs_in_with(&world, &client, &parameters).await,
            Err(not_authorized(&format!("Unable to verify secret hash for client {}", client.id)))
        );
    }
}

spec! {
    async fn the_secret_hash_covers_the_name_that_was_sent(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        world.try_password(&client, "alice@example.com", PASSWORD).await.unwrap();
        let of_the_username = client.secret_hash("alice").unwrap();
        let parameters =
            [("USERNAME", "alice@example.com"), ("PASSWORD", PASSWORD), ("SECRET_HASH", &of_the_username)];
        assert_eq!(
            signs_in_with(&world, &client, &parameters).await,
            Err(not_authorized(&format!("Unable to verify secret hash for client {}", client.id)))
        );
    }
}

spec! {
    async fn a_wrong_password_is_refused_whatever_the_client_tells_of_users(world: World) {
        let pool = world.pool(|_| {}).await;
        let legacy = world.client(&pool, |_| {}).await;
        let hiding = world.client(&pool, hide_users).await;
        world.confirmed_user(&legacy, "alice").await;
        for client in [legacy, hiding] {
            for wrong in [WRONG_PASSWORD, "passw0rd!", " ", "Passw0rd! "] {
                assert_eq!(
                    world.try_password(&client, "alice", wrong).await,
                    Err(not_authorized("Incorrect username or password."))
                );
            }
            world.try_password(&client, "alice", PASSWORD).await.unwrap();
        }
    }
}

spec! {
    async fn an_unknown_user_is_named_as_such_and_costs_no_hash(world: World) {
        let client = world.app_client().await;
        let hashes = world.hashes_evaluated();
        assert_eq!(
            world.try_password(&client, "nobody", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
        assert_eq!(world.hashes_evaluated(), hashes);
    }
}

spec! {
    async fn where_users_are_hidden_an_unknown_one_is_told_and_costs_what_a_known_one_does(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        for name in ["alice", "nobody"] {
            let hashes = world.hashes_evaluated();
            assert_eq!(
                world.try_password(&client, name, WRONG_PASSWORD).await,
                Err(not_authorized("Incorrect username or password."))
            );
            assert_eq!(world.hashes_evaluated(), hashes + 1, "{name}");
        }
    }
}

spec! {
    async fn an_unconfirmed_user_is_told_so_before_the_password_is_looked_at(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let hashes = world.hashes_evaluated();
        for password in [PASSWORD, WRONG_PASSWORD, WRONG_PASSWORD, WRONG_PASSWORD, WRONG_PASSWORD, WRONG_PASSWORD] {
            assert_eq!(
                world.try_password(&client, "alice", password).await,
                Err(refusal("UserNotConfirmedException", "User is not confirmed."))
            );
        }
        assert_eq!(world.hashes_evaluated(), hashes);
        // None of that was counted as an attempt.
        world.confirm_by_operator(&client.pool, "alice").await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn where_users_are_hidden_only_the_right_password_earns_the_news_that_one_is_unconfirmed(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.sign_up(&client, "alice").await;
        let attempts = [
            (WRONG_PASSWORD, not_authorized("Incorrect username or password.")),
            (PASSWORD, refusal("UserNotConfirmedException", "User is not confirmed.")),
        ];
        for (password, expected) in attempts {
            let hashes = world.hashes_evaluated();
            assert_eq!(world.try_password(&client, "alice", password).await, Err(expected));
            assert_eq!(world.hashes_evaluated(), hashes + 1);
        }
    }
}

spec! {
    async fn an_alias_serves_once_it_is_verified(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        world.confirm_by_operator(&pool, "bob").await;

        let tokens = world.sign_in(&client, "alice@example.com").await;
        assert_eq!(claims(tokens.access_token())["username"], "alice");
        assert_eq!(
            world.try_password(&client, "bob@example.com", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
        world.try_password(&client, "bob", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_address_is_no_name_where_it_is_no_alias(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        assert_eq!(
            world.try_password(&client, "alice@example.com", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
    }
}

spec! {
    async fn where_the_address_is_the_username_it_and_the_sub_sign_in(world: World) {
        let pool = world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let request = api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(&client, "alice@example.com") };
        let sub = world.call(request).await.unwrap().user_sub;
        // Unlike an alias, the address names the user though it is not verified.
        world.confirm_by_operator(&pool, "alice@example.com").await;
        for name in ["alice@example.com", &sub] {
            let tokens = world.sign_in(&client, name).await;
            let id = claims(tokens.id_token());
            assert_eq!(claims(tokens.access_token())["username"], sub);
            assert_eq!((id["cognito:username"].as_str(), id["email"].as_str()), (Some(sub.as_str()), Some("alice@example.com")));
        }
    }
}

spec! {
    async fn the_sub_is_no_sign_in_name_where_users_have_names(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        assert_eq!(
            world.try_password(&client, &sub, PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
    }
}

spec! {
    async fn case_counts_only_in_a_case_sensitive_pool(world: World) {
        let sensitive = world.app_client().await;
        world.confirmed_user(&sensitive, "Alice").await;
        assert_eq!(
            world.try_password(&sensitive, "alice", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );

        let pool = world
            .pool(|request| {
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
                request.alias_attributes = vec![alias_attribute::Value::Email.into()];
            })
            .await;
        let insensitive = world.client(&pool, |_| {}).await;
        world.confirmed_user(&insensitive, "Alice").await;
        for name in ["alice", "ALICE", "aLICE@eXAMPLE.COM"] {
            let tokens = world.sign_in(&insensitive, name).await;
            assert_eq!(claims(tokens.access_token())["username"], "Alice", "{name}");
        }
    }
}

spec! {
    async fn users_of_another_pool_are_unknown(world: World) {
        let (here, there) = (world.app_client().await, world.app_client().await);
        world.confirmed_user(&here, "alice").await;
        assert_eq!(
            world.try_password(&there, "alice", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
    }
}

spec! {
    async fn a_password_hashed_with_less_work_than_today_is_hashed_anew_at_sign_in(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let mut world = world;
        world.config.password_hash_iterations = 2;
        let world = world.restarted().await;
        // Verified with the old work, hashed with the new; from then on verified only.
        for hashes in [2, 1] {
            let before = world.hashes_evaluated();
            world.try_password(&client, "alice", PASSWORD).await.unwrap();
            assert_eq!(world.hashes_evaluated(), before + hashes);
        }
    }
}
