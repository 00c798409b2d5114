//! `AdminInitiateAuth`. What follows from a temporary password is in `new_password_required`.

use std::time::Duration;

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, Op};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TestClient, WRONG_PASSWORD, admin_initiate_auth, claims, hide_users, initiate_auth, with_secret,
};
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

type Begun = Result<api::AdminInitiateAuthResponse, Refusal>;

async fn begins(world: &World, client: &TestClient, flow: AuthFlow, parameters: &[(&'static str, &str)]) -> Begun {
    let parameters = parameters.iter().map(|(name, value)| (*name, (*value).to_owned()));
    world.call(admin_initiate_auth(client, flow, parameters)).await
}

async fn by_password(world: &World, client: &TestClient, username: &str, password: &str) -> Begun {
    let hash = client.secret_hash(username);
    let mut parameters = vec![("USERNAME", username), ("PASSWORD", password)];
    parameters.extend(hash.as_deref().map(|hash| ("SECRET_HASH", hash)));
    begins(world, client, AuthFlow::AdminUserPasswordAuth, &parameters).await
}

fn not_authorized(message: &str) -> Begun {
    Err(refusal("NotAuthorizedException", message))
}

fn invalid(message: &str) -> Begun {
    Err(refusal("InvalidParameterException", message))
}

spec! {
    async fn the_right_password_earns_tokens_by_either_name_of_the_flow(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        for flow in [AuthFlow::AdminUserPasswordAuth, AuthFlow::AdminNoSrpAuth] {
            let parameters = [("USERNAME", "alice"), ("PASSWORD", PASSWORD)];
            let reply = begins(&world, &client, flow, &parameters).await.unwrap();
            let tokens = reply.authentication_result.clone().unwrap();
            let expected = api::AdminInitiateAuthResponse {
                authentication_result: Some(api::AuthenticationResult {
                    expires_in: Some(3600),
                    token_type: Some("Bearer".to_owned()),
                    ..tokens.clone()
                }),
                ..Default::default()
            };
            assert_eq!(reply, expected);
            assert_eq!(claims(tokens.id_token())["sub"], sub);
            world.get_user(tokens.access_token()).await.unwrap();
            world.refresh(&client, tokens.refresh_token()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_that_of_initiate_auth_and_the_audit_trail_hides_what_came_with_it() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let sub = world.confirmed_user(&client, "alice").await;
    let context = json!({
        "IpAddress": "192.0.2.7",
        "ServerName": "back-end",
        "ServerPath": "/login",
        "HttpHeaders": [{"headerName": "cookie", "headerValue": "c00kie"}],
        "EncodedData": "f1ngerprint",
    });
    let body = json!({
        "UserPoolId": client.pool,
        "ClientId": client.id,
        "AuthFlow": "ADMIN_USER_PASSWORD_AUTH",
        "AuthParameters": {"USERNAME": "alice", "PASSWORD": PASSWORD},
        "ClientMetadata": {"key": "metad4ta"},
        "AnalyticsMetadata": {"AnalyticsEndpointId": "endpoint"},
        "ContextData": context,
    });
    let reply = post_json(&world, Op::AdminInitiateAuth, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = reply.json();
    assert_eq!((&reply["ChallengeParameters"], reply.as_object().unwrap().len()), (&json!({}), 2));
    assert_eq!(reply["AuthenticationResult"]["TokenType"], "Bearer");
    let trail = world.audit().await;
    let line = trail.iter().find(|line| line["eventName"] == "AdminInitiateAuth").unwrap();
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    let expected = json!({
        "userPoolId": client.pool,
        "clientId": client.id,
        "authFlow": "ADMIN_USER_PASSWORD_AUTH",
        "authParameters": hidden,
        "clientMetadata": hidden,
        "analyticsMetadata": {"AnalyticsEndpointId": "endpoint"},
        "contextData": hidden,
    });
    assert_eq!(line["requestParameters"], expected);
    assert_eq!(line["additionalEventData"]["sub"], sub);
    for secret in [PASSWORD, "alice", "192.0.2.7", "c00kie", "f1ngerprint", "metad4ta"] {
        assert!(!line.to_string().contains(secret), "{secret}: {line}");
    }
}

spec! {
    async fn a_refused_sign_in_stands_in_the_audit_trail_as_refused(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        world.disable(&pool, "alice").await;
        by_password(&world, &client, "alice", WRONG_PASSWORD).await.unwrap_err();
        assert_eq!(by_password(&world, &client, "alice", PASSWORD).await, not_authorized("User is disabled."));
        let trail = world.audit().await;
        let lines: Vec<_> = trail.iter().filter(|line| line["eventName"] == "AdminInitiateAuth").collect();
        let told: Vec<_> = lines.iter().map(|line| (&line["errorCode"], &line["errorMessage"])).collect();
        let code = json!("NotAuthorizedException");
        let (wrong, disabled) = (json!("Incorrect username or password."), json!("User is disabled."));
        assert_eq!(told, [(&code, &wrong), (&code, &disabled)]);
    }
}

spec! {
    async fn flows_that_are_not_for_back_ends_or_not_there_are_refused_in_cognitos_words(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let parameters = [("USERNAME", "alice"), ("PASSWORD", PASSWORD)];
        for (flow, message) in [
            (AuthFlow::UserPasswordAuth, "Initiate Auth method not supported."),
            (AuthFlow::CustomAuth, "Custom auth lambda trigger is not configured for the user pool."),
        ] {
            assert_eq!(begins(&world, &client, flow, &parameters).await, invalid(message), "{flow:?}");
        }
    }
}

spec! {
    async fn a_flow_that_the_client_was_not_given_is_refused(world: World) {
        use api::explicit_auth_flows::Value as Explicit;
        let pool = world.pool(|_| {}).await;
        let with = async |flows: &[Explicit]| {
            world.client(&pool, |request| request.explicit_auth_flows = flows.iter().map(|flow| (*flow).into()).collect()).await
        };
        let public = with(&[Explicit::AllowUserPasswordAuth]).await;
        world.confirmed_user(&public, "alice").await;
        assert_eq!(
            by_password(&world, &public, "alice", PASSWORD).await,
            invalid("Auth flow not enabled for this client")
        );
        for (flow, message) in [
            (AuthFlow::AdminNoSrpAuth, "Auth flow not enabled for this client"),
            (AuthFlow::UserAuth, "USER_AUTH flow not enabled for this client"),
            (AuthFlow::RefreshTokenAuth, "Refresh Token flow not enabled for this client"),
        ] {
            let parameters = [("USERNAME", "alice"), ("PASSWORD", PASSWORD), ("REFRESH_TOKEN", "x")];
            assert_eq!(begins(&world, &public, flow, &parameters).await, invalid(message), "{flow:?}");
        }
        // Nor does the flow of back ends open the one of users; and the older name opens it as well.
        for explicit in [Explicit::AllowAdminUserPasswordAuth, Explicit::AdminNoSrpAuth] {
            let client = with(&[explicit]).await;
            by_password(&world, &client, "alice", PASSWORD).await.unwrap();
            assert_eq!(
                world.try_password(&client, "alice", PASSWORD).await,
                Err(refusal("InvalidParameterException", "USER_PASSWORD_AUTH flow not enabled for this client"))
            );
        }
    }
}

spec! {
    async fn a_user_chooses_through_a_back_end_as_through_a_client(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let reply = begins(&world, &client, AuthFlow::UserAuth, &[("USERNAME", "alice")]).await.unwrap();
        let expected = api::AdminInitiateAuthResponse {
            challenge_name: Some(ChallengeName::SelectChallenge.into()),
            session: reply.session.clone(),
            available_challenges: vec![ChallengeName::PasswordSrp.into(), ChallengeName::Password.into()],
            ..Default::default()
        };
        assert_eq!(reply, expected);
        let preferred = [("USERNAME", "alice"), ("PREFERRED_CHALLENGE", "PASSWORD")];
        let reply = begins(&world, &client, AuthFlow::UserAuth, &preferred).await.unwrap();
        assert_eq!(reply.challenge_name(), ChallengeName::Password);
        let at_once = [("USERNAME", "alice"), ("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", PASSWORD)];
        let reply = begins(&world, &client, AuthFlow::UserAuth, &at_once).await.unwrap();
        assert!(reply.authentication_result.is_some());
    }
}

spec! {
    async fn the_session_of_a_confirmed_sign_up_signs_in_through_a_back_end(world: World) {
        let client = world.app_client().await;
        let signed_up = world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let request = api::ConfirmSignUpRequest {
            session: signed_up.session,
            ..world.confirm_request(&client, "alice", &code)
        };
        let session = world.call(request).await.unwrap().session;
        let request = admin_initiate_auth(&client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
        let request = api::AdminInitiateAuthRequest { session, ..request };
        assert!(world.call(request).await.unwrap().authentication_result.is_some());
    }
}

spec! {
    async fn a_refresh_token_gives_new_tokens_through_a_back_end(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        for flow in [AuthFlow::RefreshTokenAuth, AuthFlow::RefreshToken] {
            let reply = begins(&world, &client, flow, &[("REFRESH_TOKEN", tokens.refresh_token())]).await.unwrap();
            let fresh = reply.authentication_result.unwrap();
            assert_eq!(fresh.refresh_token, None);
            world.get_user(fresh.access_token()).await.unwrap();
        }
        assert_eq!(
            begins(&world, &client, AuthFlow::RefreshTokenAuth, &[("REFRESH_TOKEN", "nonsense")]).await,
            not_authorized("Invalid Refresh Token")
        );
    }
}

spec! {
    async fn pool_and_client_must_be_there_and_belong_together(world: World) {
        let client = world.app_client().await;
        let other = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let no_client = |id: &str| Err(refusal("ResourceNotFoundException", &format!("User pool client {id} does not exist.")));
        let elsewhere = TestClient { pool: other.pool.clone(), ..client.clone() };
        assert_eq!(by_password(&world, &elsewhere, "alice", PASSWORD).await, no_client(&client.id));
        let unknown = TestClient { id: "nonesuch".to_owned(), ..client.clone() };
        assert_eq!(by_password(&world, &unknown, "alice", PASSWORD).await, no_client("nonesuch"));
        let nowhere = TestClient { pool: "us-east-1_Nowhere12".to_owned(), ..client };
        assert_eq!(
            by_password(&world, &nowhere, "alice", PASSWORD).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
        assert_eq!(
            world.call(api::AdminInitiateAuthRequest::default()).await,
            invalid(
                "3 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be \
                 null; Value at 'clientId' failed to satisfy constraint: Member must not be null; Value null at 'authFlow' \
                 failed to satisfy constraint: Member must not be null"
            )
        );
    }
}

spec! {
    async fn what_is_missing_is_named_and_the_client_proves_its_secret(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let flow = AuthFlow::AdminUserPasswordAuth;
        for (parameters, missing) in [(&[][..], "USERNAME"), (&[("USERNAME", "alice")][..], "PASSWORD")] {
            assert_eq!(
                begins(&world, &client, flow, parameters).await,
                invalid(&format!("Missing required parameter {missing}"))
            );
        }
        let confidential = world.client(&client.pool, with_secret).await;
        let without = TestClient { secret: None, ..confidential.clone() };
        assert_eq!(
            by_password(&world, &without, "alice", PASSWORD).await,
            not_authorized(&format!(
                "Client {} is configured with secret but SECRET_HASH was not received",
                confidential.id
            ))
        );
        let wrong = TestClient { secret: Some("another".to_owned()), ..confidential.clone() };
        assert_eq!(
            by_password(&world, &wrong, "alice", PASSWORD).await,
            not_authorized(&format!("Unable to verify secret hash for client {}", confidential.id))
        );
        by_password(&world, &confidential, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn who_exists_is_told_or_hidden_as_the_client_says(world: World) {
        let client = world.app_client().await;
        let hiding = world.client(&client.pool, hide_users).await;
        world.sign_up(&client, "alice").await;
        assert_eq!(
            by_password(&world, &client, "nobody", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
        let unconfirmed = || Err(refusal("UserNotConfirmedException", "User is not confirmed."));
        assert_eq!(by_password(&world, &client, "alice", WRONG_PASSWORD).await, unconfirmed());
        let incorrect = || not_authorized("Incorrect username or password.");
        let hashes = world.hashes_evaluated();
        assert_eq!(by_password(&world, &hiding, "nobody", PASSWORD).await, incorrect());
        assert_eq!(by_password(&world, &hiding, "alice", WRONG_PASSWORD).await, incorrect());
        assert_eq!(world.hashes_evaluated(), hashes + 2);
        assert_eq!(by_password(&world, &hiding, "alice", PASSWORD).await, unconfirmed());
    }
}

spec! {
    async fn wrong_passwords_count_towards_the_one_lock_of_the_user(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        for _ in 0..3 {
            by_password(&world, &client, "alice", WRONG_PASSWORD).await.unwrap_err();
        }
        for _ in 0..2 {
            world.try_password(&client, "alice", WRONG_PASSWORD).await.unwrap_err();
        }
        assert_eq!(
            by_password(&world, &client, "alice", PASSWORD).await,
            not_authorized("Password attempts exceeded")
        );
        world.advance(Duration::from_secs(1));
        by_password(&world, &client, "alice", PASSWORD).await.unwrap();
        // A success through the back end forgives the user everywhere.
        for _ in 0..4 {
            world.try_password(&client, "alice", WRONG_PASSWORD).await.unwrap_err();
        }
        world.call(initiate_auth(
            &client,
            AuthFlow::UserPasswordAuth,
            [("USERNAME", "alice".to_owned()), ("PASSWORD", PASSWORD.to_owned())],
        ))
        .await
        .unwrap();
    }
}
