//! `InitiateAuth` by `REFRESH_TOKEN_AUTH`, of which `REFRESH_TOKEN` is another name.

use std::time::Duration;

use cognate::api::{self, alias_attribute, explicit_auth_flows};
use serde_json::{Value, json};

use super::{AuthFlow, invalid, not_authorized};
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, WRONG_PASSWORD, attribute, claims, initiate_auth, with_secret};
use crate::support::{Credential, Refusal, Wire, World};

type Refreshed = Result<api::AuthenticationResult, Refusal>;

async fn refreshes_with(
    world: &World,
    client: &TestClient,
    flow: AuthFlow,
    parameters: &[(&'static str, &str)],
) -> Refreshed {
    let parameters = parameters.iter().map(|(name, value)| (*name, (*value).to_owned()));
    let response = world.call(initiate_auth(client, flow, parameters)).await?;
    assert_eq!(
        response,
        api::InitiateAuthResponse {
            authentication_result: response.authentication_result.clone(),
            ..Default::default()
        }
    );
    Ok(response.authentication_result.unwrap())
}

/// Refreshes, proving the client by a hash over this name.
async fn refreshes_as(world: &World, client: &TestClient, refresh_token: &str, name: &str) -> Refreshed {
    let hash = client.secret_hash(name).unwrap();
    let parameters = [("REFRESH_TOKEN", refresh_token), ("SECRET_HASH", hash.as_str())];
    refreshes_with(world, client, AuthFlow::RefreshTokenAuth, &parameters).await
}

fn invalid_token() -> Refreshed {
    Err(not_authorized("Invalid Refresh Token"))
}

spec! {
    async fn new_tokens_but_no_new_refresh_token_by_either_name_of_the_flow(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        for flow in [AuthFlow::RefreshTokenAuth, AuthFlow::RefreshToken] {
            let parameters = [("REFRESH_TOKEN", signed_in.refresh_token())];
            let refreshed = refreshes_with(&world, &client, flow, &parameters).await.unwrap();
            let expected = api::AuthenticationResult {
                access_token: refreshed.access_token.clone(),
                id_token: refreshed.id_token.clone(),
                refresh_token: None,
                expires_in: Some(3600),
                token_type: Some("Bearer".to_owned()),
                new_device_metadata: None,
            };
            assert_eq!(refreshed, expected);
            world.get_user(refreshed.access_token()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_no_member_for_a_refresh_token() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let signed_in = world.sign_in(&client, "alice").await;
    let body = json!({
        "AuthFlow": "REFRESH_TOKEN_AUTH",
        "ClientId": client.id,
        "AuthParameters": {"REFRESH_TOKEN": signed_in.refresh_token()},
    });
    let reply = world.post(api::Op::InitiateAuth, &Credential::None, body.to_string().into_bytes()).await.json();
    let tokens = &reply["AuthenticationResult"];
    let expected = json!({
        "AuthenticationResult": {
            "AccessToken": tokens["AccessToken"],
            "ExpiresIn": 3600,
            "IdToken": tokens["IdToken"],
            "TokenType": "Bearer",
        },
        "ChallengeParameters": {},
    });
    assert_eq!(reply, expected);
}

spec! {
    async fn the_sign_in_stays_the_same_and_the_tokens_are_new(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        world.advance(Duration::from_secs(7 * 24 * 60 * 60));
        let refreshed = world.refresh(&client, signed_in.refresh_token()).await.unwrap();
        let now = world.now().as_second();
        for (before, after) in [
            (claims(signed_in.access_token()), claims(refreshed.access_token())),
            (claims(signed_in.id_token()), claims(refreshed.id_token())),
        ] {
            assert_ne!(before["jti"], after["jti"]);
            let mut expected = before;
            expected["jti"] = after["jti"].clone();
            expected["iat"] = now.into();
            expected["exp"] = (now + 3600).into();
            assert_eq!(after, expected);
        }
    }
}

spec! {
    async fn the_users_attributes_are_read_again(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        assert_eq!(claims(signed_in.id_token())["email_verified"], Value::Bool(true));

        // Bob proves that alice's address is his now.
        let user_attributes = vec![attribute("email", "alice@example.com")];
        world.call(api::SignUpRequest { user_attributes, ..world.sign_up_request(&client, "bob") }).await.unwrap();
        let confirmation = api::ConfirmSignUpRequest {
            client_id: Some(client.id.clone()),
            username: Some("bob".to_owned()),
            confirmation_code: Some(world.code_for("bob").await),
            force_alias_creation: Some(true),
            ..Default::default()
        };
        world.call(confirmation).await.unwrap();

        let refreshed = world.refresh(&client, signed_in.refresh_token()).await.unwrap();
        assert_eq!(claims(refreshed.id_token())["email_verified"], Value::Bool(false));
    }
}

spec! {
    async fn a_refresh_token_must_be_given(world: World) {
        let client = world.app_client().await;
        let missing = Err(invalid("Missing required parameter REFRESH_TOKEN"));
        assert_eq!(refreshes_with(&world, &client, AuthFlow::RefreshTokenAuth, &[]).await, missing);
        assert_eq!(
            refreshes_with(&world, &client, AuthFlow::RefreshTokenAuth, &[("REFRESH_TOKEN", "")]).await,
            missing
        );
    }
}

spec! {
    async fn a_client_without_the_flow_cannot_refresh(world: World) {
        let pool = world.pool(|_| {}).await;
        let flows = vec![explicit_auth_flows::Value::AllowUserPasswordAuth.into()];
        let client = world.client(&pool, |request| request.explicit_auth_flows = flows).await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        assert_eq!(
            world.refresh(&client, signed_in.refresh_token()).await,
            Err(invalid("Refresh Token flow not enabled for this client"))
        );
    }
}

spec! {
    async fn what_is_no_refresh_token_is_invalid(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        let request = initiate_auth(&client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
        let session = world.call(request).await.unwrap().session.unwrap();
        for token in ["nonsense", "ü", &session, signed_in.access_token(), signed_in.id_token()] {
            assert_eq!(world.refresh(&client, token).await, invalid_token());
        }
    }
}

spec! {
    async fn a_refresh_token_changed_in_any_place_is_invalid(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.refresh_token.unwrap();
        for place in [0, token.len() / 3, token.len() / 2, token.len() - 1] {
            let other = if token[place..].starts_with('A') { "B" } else { "A" };
            let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            assert_eq!(world.refresh(&client, &changed).await, invalid_token(), "{place}");
        }
        assert_eq!(world.refresh(&client, &token[..token.len() - 1]).await, invalid_token());
        assert_eq!(world.refresh(&client, &format!("{token}A")).await, invalid_token());
        world.refresh(&client, &token).await.unwrap();
    }
}

spec! {
    async fn a_refresh_token_serves_only_the_client_that_it_was_given_to(world: World) {
        let client = world.app_client().await;
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let of_another_pool = world.app_client().await;
        for client in [&client, &of_another_pool] {
            world.confirmed_user(client, "alice").await;
        }
        let signed_in = world.sign_in(&client, "alice").await;
        for foreign in [of_the_same_pool, of_another_pool] {
            assert_eq!(world.refresh(&foreign, signed_in.refresh_token()).await, invalid_token());
        }
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn a_refresh_token_ends_to_the_millisecond(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.advance(Duration::from_millis(250));
        let signed_in = world.sign_in(&client, "alice").await;
        world.advance(Duration::from_millis(30 * 24 * 60 * 60 * 1000 - 1));
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
        world.advance(Duration::from_millis(1));
        assert_eq!(
            world.refresh(&client, signed_in.refresh_token()).await,
            Err(not_authorized("Refresh Token has expired"))
        );
    }
}

spec! {
    async fn a_revoked_refresh_token_is_told_as_such(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        world.revoke(&client, signed_in.refresh_token()).await.unwrap();
        assert_eq!(
            world.refresh(&client, signed_in.refresh_token()).await,
            Err(not_authorized("Refresh Token has been revoked"))
        );
    }
}

spec! {
    async fn signing_out_everywhere_revokes_refresh_tokens(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        world.sign_out(signed_in.access_token()).await.unwrap();
        assert_eq!(
            world.refresh(&client, signed_in.refresh_token()).await,
            Err(not_authorized("Refresh Token has been revoked"))
        );
    }
}

spec! {
    async fn refresh_tokens_outlive_a_restart(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        let world = world.restarted().await;
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
    }
}

spec! {
    async fn the_secret_hash_covers_the_users_own_name_or_sub_and_no_alias(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, with_secret).await;
        let sub = world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice@example.com").await.refresh_token.unwrap();
        for name in ["alice", &sub] {
            refreshes_as(&world, &client, &token, name).await.unwrap();
        }
        let mismatch = Err(not_authorized(&format!("SecretHash does not match for the client: {}", client.id)));
        for name in ["alice@example.com", "bob", ""] {
            assert_eq!(refreshes_as(&world, &client, &token, name).await, mismatch, "{name}");
        }
    }
}

spec! {
    async fn a_client_with_a_secret_proves_that_it_has_it(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.refresh_token.unwrap();
        assert_eq!(
            world.refresh(&client, &token).await,
            Err(not_authorized(&format!(
                "Client {} is configured with secret but SECRET_HASH was not received",
                client.id
            )))
        );
        let parameters = [("REFRESH_TOKEN", token.as_str()), ("SECRET_HASH", "bm9uc2Vuc2U=")];
        assert_eq!(
            refreshes_with(&world, &client, AuthFlow::RefreshTokenAuth, &parameters).await,
            Err(not_authorized(&format!("SecretHash does not match for the client: {}", client.id)))
        );
    }
}

spec! {
    async fn a_secret_hash_for_a_client_without_a_secret_is_refused(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.refresh_token.unwrap();
        let parameters = [("REFRESH_TOKEN", token.as_str()), ("SECRET_HASH", "bm9uc2Vuc2U=")];
        assert_eq!(
            refreshes_with(&world, &client, AuthFlow::RefreshTokenAuth, &parameters).await,
            Err(not_authorized(&format!("SecretHash does not match for the client: {}", client.id)))
        );
    }
}

spec! {
    async fn a_refresh_neither_asks_for_a_password_nor_is_stopped_by_a_lock(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        for _ in 0..5 {
            world.try_password(&client, "alice", WRONG_PASSWORD).await.unwrap_err();
        }
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(not_authorized("Password attempts exceeded"))
        );
        let hashes = world.hashes_evaluated();
        world.refresh(&client, signed_in.refresh_token()).await.unwrap();
        assert_eq!(world.hashes_evaluated(), hashes);
    }
}
