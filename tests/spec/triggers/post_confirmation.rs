//! `PostConfirmation`.

use cognate::api;
use serde_json::json;

use super::{app_client, attributes_of_alice, event, metadata, only_event, thrown};
use crate::support::World;
use crate::support::fixtures::{PASSWORD, TestClient, named};
use crate::support::functions::{Answer, Functions, function};
use crate::trigger_spec;

const SIGN_UP: &str = "PostConfirmation_ConfirmSignUp";
const FORGOT_PASSWORD: &str = "PostConfirmation_ConfirmForgotPassword";
const NEW_PASSWORD: &str = "N3w-password!";

fn asks(config: &mut api::LambdaConfig) {
    config.post_confirmation = function();
}

/// Alice, who has just been sent a code for a forgotten password. Gives her `sub` and the code.
async fn forgetful(world: &World, functions: &Functions, client: &TestClient) -> (String, String) {
    let sub = world.confirmed_user(client, "alice").await;
    functions.take();
    world.forgot(client, "alice").await.unwrap();
    (sub, world.code_for("alice").await)
}

trigger_spec! {
    async fn a_code_that_confirms_is_told_with_who_the_user_is_now(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let sub = world.sign_up(&client, "alice").await.user_sub;
        assert_eq!(functions.take().len(), 0, "nobody is confirmed yet");
        let code = world.code_for("alice").await;
        let wrong = if code == "000000" { "111111" } else { "000000" };
        assert!(world.confirm(&client, "alice", wrong).await.is_err());
        assert_eq!(functions.take().len(), 0);
        let request = api::ConfirmSignUpRequest {
            client_metadata: metadata([("page", "welcome")]),
            ..world.confirm_request(&client, "alice", &code)
        };
        world.call(request).await.unwrap();
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, true, "CONFIRMED"),
            "clientMetadata": { "page": "welcome" },
        });
        assert_eq!(only_event(&functions), event(&client, SIGN_UP, request, json!({})));
    }
}

trigger_spec! {
    async fn an_operators_confirmation_is_told_without_a_client(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let sub = world.sign_up(&client, "alice").await.user_sub;
        let (user_pool_id, username) = named(&client.pool, "alice");
        let client_metadata = metadata([("ticket", "42")]);
        world.call(api::AdminConfirmSignUpRequest { user_pool_id, username, client_metadata }).await.unwrap();
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, false, "CONFIRMED"),
            "clientMetadata": { "ticket": "42" },
        });
        let mut expected = event(&client, SIGN_UP, request, json!({}));
        expected["callerContext"]["clientId"] = json!("CLIENT_ID_NOT_APPLICABLE");
        assert_eq!(only_event(&functions), expected);
    }
}

trigger_spec! {
    async fn who_was_confirmed_before_the_sign_up_is_told_too(world: World, functions: Functions) {
        let client = app_client(&world, |config| {
            asks(config);
            config.pre_sign_up = function();
        }).await;
        functions.answer("PreSignUp_SignUp", Answer::Response(json!({ "autoConfirmUser": true })));
        let request = api::SignUpRequest {
            client_metadata: metadata([("campaign", "spring")]),
            ..client.sign_up_request("alice")
        };
        let sub = world.call(request).await.unwrap().user_sub;
        let [_, told] = functions.take_events().try_into().unwrap();
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, false, "CONFIRMED"),
            "clientMetadata": { "campaign": "spring" },
        });
        assert_eq!(told, event(&client, SIGN_UP, request, json!({})));
    }
}

trigger_spec! {
    async fn a_new_password_by_a_code_is_told(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let (sub, code) = forgetful(&world, &functions, &client).await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        let request = json!({ "userAttributes": attributes_of_alice(&sub, true, "CONFIRMED") });
        assert_eq!(only_event(&functions), event(&client, FORGOT_PASSWORD, request, json!({})));
    }
}

trigger_spec! {
    async fn a_function_that_fails_changes_nothing_that_has_happened(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_UP, Answer::Error("The directory is closed"));
        functions.answer(FORGOT_PASSWORD, Answer::Error("The directory is closed"));
        let refused = thrown("PostConfirmation", "The directory is closed");

        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        assert_eq!(world.confirm(&client, "alice", &code).await, Err(refused.clone()));
        world.sign_in(&client, "alice").await;

        world.sign_up(&client, "bob").await;
        let (user_pool_id, username) = named(&client.pool, "bob");
        let client_metadata = Default::default();
        let by_operator = api::AdminConfirmSignUpRequest { user_pool_id, username, client_metadata };
        assert_eq!(world.call(by_operator).await.map(|_| ()), Err(refused.clone()));
        world.sign_in(&client, "bob").await;

        world.forgot(&client, "alice").await.unwrap();
        let code = world.code_for("alice").await;
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(refused));
        assert!(world.try_password(&client, "alice", PASSWORD).await.is_err());
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

trigger_spec! {
    async fn a_function_that_takes_its_time_holds_up_nobody_else(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        functions.answer(SIGN_UP, Answer::Later(Box::new(Answer::Response(json!({})))));
        let meanwhile = async {
            functions.hear(1).await;
            // She is confirmed already: for herself and for who asks after her.
            world.sign_in(&client, "alice").await;
            let again = world.confirm(&client, "alice", &code).await.unwrap_err();
            assert_eq!(again.message, "User cannot be confirmed. Current status is CONFIRMED");
            functions.release();
        };
        let (confirmed, ()) = tokio::join!(world.confirm(&client, "alice", &code), meanwhile);
        confirmed.unwrap();
        assert_eq!(functions.take_sources(), [SIGN_UP]);
    }
}
