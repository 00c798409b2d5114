//! `PostAuthentication`.

use cognate::api::{self, auth_flow, challenge_name, user_pool_mfa};
use serde_json::json;

use super::{app_client, attributes_of_alice, event, metadata, only_event, thrown};
use crate::support::World;
use crate::support::factors::first_factors;
use crate::support::fixtures::{
    PASSWORD, SecondFactor, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, answer, initiate_auth,
};
use crate::support::functions::{Answer, Functions, function};
use crate::trigger_spec;

const SOURCE: &str = "PostAuthentication_Authentication";

fn asks(config: &mut api::LambdaConfig) {
    config.post_authentication = function();
}

async fn alice(world: &World, functions: &Functions) -> (TestClient, String) {
    let client = app_client(world, asks).await;
    let sub = world.confirmed_user(&client, "alice").await;
    functions.take();
    (client, sub)
}

/// The session of the question for a new password.
async fn temporary(world: &World, client: &TestClient) -> String {
    world.create_user(&client.pool, "bob", |_| {}).await.unwrap();
    let asked = world.call(client.password_request("bob", TEMPORARY_PASSWORD)).await.unwrap();
    assert_eq!(asked.challenge_name(), challenge_name::Value::NewPasswordRequired);
    asked.session().to_owned()
}

fn new_password(client: &TestClient, session: &str) -> api::RespondToAuthChallengeRequest {
    let responses = [("USERNAME", "bob".to_owned()), ("NEW_PASSWORD", PASSWORD.to_owned())];
    answer(client, challenge_name::Value::NewPasswordRequired, session, responses)
}

trigger_spec! {
    async fn a_sign_in_is_told_once_every_proof_is_there(world: World, functions: Functions) {
        let (client, sub) = alice(&world, &functions).await;
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, true, "CONFIRMED"),
            "newDeviceUsed": false,
        });
        let expected = event(&client, SOURCE, request, json!({}));
        // What is sent along with the beginning is for the triggers at the beginning.
        let request = api::InitiateAuthRequest {
            client_metadata: metadata([("device", "kiosk")]),
            ..client.password_request("alice", PASSWORD)
        };
        world.call(request).await.unwrap();
        assert_eq!(only_event(&functions), expected);
        assert!(world.try_password(&client, "alice", WRONG_PASSWORD).await.is_err());
        assert_eq!(functions.take().len(), 0);

        let begun = world.begin_srp(&client, "alice").await.unwrap();
        assert_eq!(functions.take().len(), 0);
        world.prove_srp(&client, &begun, PASSWORD).await.unwrap();
        assert_eq!(only_event(&functions), expected);
    }
}

trigger_spec! {
    async fn what_is_sent_along_with_an_answer_is_told(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let session = temporary(&world, &client).await;
        assert_eq!(functions.take().len(), 0, "a new password has yet to come");
        let request = api::RespondToAuthChallengeRequest {
            client_metadata: metadata([("page", "welcome")]),
            ..new_password(&client, &session)
        };
        world.call(request).await.unwrap();
        let heard = only_event(&functions);
        assert_eq!(heard["request"]["clientMetadata"], json!({ "page": "welcome" }));
        assert_eq!(heard["request"]["userAttributes"]["cognito:user_status"], json!("CONFIRMED"));
    }
}

trigger_spec! {
    async fn there_are_no_tokens_if_the_function_fails(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        functions.answer(SOURCE, Answer::Error("Somebody should look at this"));
        let refused = thrown("PostAuthentication", "Somebody should look at this");
        // It is no wrong password either: nobody is locked out by it.
        for _ in 0..6 {
            assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(refused.clone()));
        }
        functions.answer(SOURCE, Answer::Silence);
        let silent = world.try_password(&client, "alice", PASSWORD).await.unwrap_err();
        assert_eq!(silent.exception, "UnexpectedLambdaException");
        functions.answer(SOURCE, Answer::Response(json!({})));
        world.sign_in(&client, "alice").await;
    }
}

trigger_spec! {
    async fn what_the_proofs_have_changed_stays_if_the_function_fails(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let session = temporary(&world, &client).await;
        functions.answer(SOURCE, Answer::Error("no"));
        let refused = world.call(new_password(&client, &session)).await;
        assert_eq!(refused, Err(thrown("PostAuthentication", "no")));
        let again = world.call(new_password(&client, &session)).await.unwrap_err();
        assert_eq!(again.message, "Invalid session for the user, session can only be used once.");
        functions.answer(SOURCE, Answer::Response(json!({})));
        world.sign_in(&client, "bob").await;
    }
}

trigger_spec! {
    async fn a_code_that_was_right_is_spent_if_the_function_fails(world: World, functions: Functions) {
        let pool = world.pool(|request| {
            request.policies = Some(first_factors(&[api::auth_factor::Value::EmailOtp]));
            request.lambda_config = Some(api::LambdaConfig { post_authentication: function(), ..Default::default() });
        }).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let parameters = [("USERNAME", "alice".to_owned()), ("PREFERRED_CHALLENGE", "EMAIL_OTP".to_owned())];
        let asked = world.call(initiate_auth(&client, auth_flow::Value::UserAuth, parameters)).await.unwrap();
        let code = world.code_for("alice").await;
        let request = || {
            let responses = [("USERNAME", "alice".to_owned()), ("EMAIL_OTP_CODE", code.clone())];
            answer(&client, challenge_name::Value::EmailOtp, asked.session(), responses)
        };
        functions.answer(SOURCE, Answer::Error("no"));
        assert_eq!(world.call(request()).await, Err(thrown("PostAuthentication", "no")));
        functions.answer(SOURCE, Answer::Response(json!({})));
        let again = world.call(request()).await.unwrap_err();
        assert_eq!(again.message, "Invalid session for the user, session can only be used once.");
    }
}

trigger_spec! {
    async fn it_comes_after_the_second_factor(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::On, &[SecondFactor::Email, SecondFactor::Sms]).await;
        let asked = world.call(client.password_request("alice", PASSWORD)).await.unwrap();
        assert_eq!(asked.challenge_name(), challenge_name::Value::EmailOtp);
        assert_eq!(functions.take().len(), 0);
        let responses = [("USERNAME", "alice".to_owned()), ("EMAIL_OTP_CODE", world.code_for("alice").await)];
        let request = answer(&client, challenge_name::Value::EmailOtp, asked.session(), responses);
        assert!(world.call(request).await.unwrap().authentication_result.is_some());
        assert_eq!(functions.take_sources(), [SOURCE]);
    }
}

trigger_spec! {
    async fn a_function_that_takes_its_time_locks_nobody_out_and_holds_up_nobody(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        world.confirmed_user(&client, "bob").await;
        functions.answer(SOURCE, Answer::Later(Box::new(Answer::Response(json!({})))));
        // As many at once as would lock her out, were they counted while they wait.
        let waiting = crate::support::at_once((0..6).map(|_| world.try_password(&client, "alice", PASSWORD)));
        let meanwhile = async {
            functions.hear(6).await;
            assert!(world.try_password(&client, "bob", WRONG_PASSWORD).await.is_err());
            (0..6).for_each(|_| functions.release());
        };
        let (done, ()) = tokio::join!(waiting, meanwhile);
        assert_eq!(done, vec![Ok(()); 6]);
    }
}

trigger_spec! {
    async fn a_user_who_is_disabled_meanwhile_gets_no_tokens(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        functions.answer(SOURCE, Answer::Later(Box::new(Answer::Response(json!({})))));
        let change = async {
            functions.hear(1).await;
            world.disable(&client.pool, "alice").await;
            functions.release();
        };
        let (signed_in, ()) = tokio::join!(world.try_password(&client, "alice", PASSWORD), change);
        assert_eq!(signed_in.unwrap_err().message, "User is disabled.");
        assert_eq!(functions.take().len(), 1);
    }
}
