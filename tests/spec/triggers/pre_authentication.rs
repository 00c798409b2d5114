//! `PreAuthentication`.

use cognate::api::{self, auth_flow, challenge_name, username_attribute};
use serde_json::{Value, json};

use super::{app_client, attributes_of_alice, event, metadata, only_event, thrown};
use crate::support::fixtures::{
    PASSWORD, TestClient, WRONG_PASSWORD, admin_initiate_auth, answer, hide_users, initiate_auth, srp_beginning,
};
use crate::support::functions::{Answer, Functions, function};
use crate::support::srp::SrpClient;
use crate::support::{Refusal, World, refusal};
use crate::trigger_spec;

const SOURCE: &str = "PreAuthentication_Authentication";

fn asks(config: &mut api::LambdaConfig) {
    config.pre_authentication = function();
}

fn incorrect() -> Refusal {
    refusal("NotAuthorizedException", "Incorrect username or password.")
}

/// Alice, confirmed, at a client that hides who exists or not.
async fn alice(world: &World, functions: &Functions, hides: bool) -> (TestClient, String) {
    let pool = app_client(world, asks).await.pool;
    let client = world
        .client(&pool, |request| {
            if hides {
                hide_users(request)
            }
        })
        .await;
    let sub = world.confirmed_user(&client, "alice").await;
    functions.take();
    (client, sub)
}

fn choice(client: &TestClient, username: &str, preferred: Option<&str>) -> api::InitiateAuthRequest {
    let mut parameters = vec![("USERNAME", username.to_owned())];
    parameters.extend(preferred.map(|preferred| ("PREFERRED_CHALLENGE", preferred.to_owned())));
    initiate_auth(client, auth_flow::Value::UserAuth, parameters)
}

trigger_spec! {
    async fn a_sign_in_by_password_is_asked_about_with_what_the_client_sends_along(
        world: World, functions: Functions
    ) {
        let (client, sub) = alice(&world, &functions, false).await;
        let request = api::InitiateAuthRequest {
            client_metadata: metadata([("device", "kiosk")]),
            ..client.password_request("alice", PASSWORD)
        };
        assert!(world.call(request).await.unwrap().authentication_result.is_some());
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, true, "CONFIRMED"),
            "validationData": { "device": "kiosk" },
        });
        assert_eq!(only_event(&functions), event(&client, SOURCE, request, json!({})));
    }
}

trigger_spec! {
    async fn every_way_to_begin_is_asked_about_once_and_answers_to_challenges_are_not(
        world: World, functions: Functions
    ) {
        let (client, sub) = alice(&world, &functions, false).await;
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, true, "CONFIRMED"),
            "validationData": null,
        });
        let expected = event(&client, SOURCE, request, json!({}));
        let begun = |functions: &Functions| assert_eq!(only_event(functions), expected);

        world.sign_in(&client, "alice").await;
        begun(&functions);
        world.try_srp(&client, "alice", PASSWORD).await.unwrap();
        begun(&functions);
        let parameters = [("USERNAME", "alice".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
        world.call(admin_initiate_auth(&client, auth_flow::Value::AdminUserPasswordAuth, parameters)).await.unwrap();
        begun(&functions);
        let asked = world.call(choice(&client, "alice", None)).await.unwrap();
        begun(&functions);
        let responses =
            [("USERNAME", "alice"), ("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)].map(|(name, text)| (name, text.to_owned()));
        let challenge = challenge_name::Value::SelectChallenge;
        let done = world.call(answer(&client, challenge, asked.session(), responses)).await.unwrap();
        assert!(done.authentication_result.is_some());
        let asked = world.call(choice(&client, "alice", Some("PASSWORD"))).await.unwrap();
        begun(&functions);
        let responses = [("USERNAME", "alice".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
        let challenge = challenge_name::Value::Password;
        world.call(answer(&client, challenge, asked.session(), responses)).await.unwrap();
        let tokens = world.sign_in(&client, "alice").await;
        begun(&functions);
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        assert_eq!(functions.take().len(), 0, "a refresh is no sign-in");
    }
}

trigger_spec! {
    async fn the_first_sign_in_after_a_sign_up_is_asked_about(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let signed_up = world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let request = api::ConfirmSignUpRequest { session: signed_up.session, ..world.confirm_request(&client, "alice", &code) };
        let session = world.call(request).await.unwrap().session;
        functions.answer(SOURCE, Answer::Error("Not before noon"));
        let first = || api::InitiateAuthRequest { session: session.clone(), ..choice(&client, "alice", None) };
        assert_eq!(world.call(first()).await, Err(thrown("PreAuthentication", "Not before noon")));
        functions.answer(SOURCE, Answer::Response(json!({})));
        assert!(world.call(first()).await.unwrap().authentication_result.is_some());
        assert_eq!(functions.take_sources(), [SOURCE, SOURCE]);
    }
}

trigger_spec! {
    async fn a_refusal_stands_before_the_password_and_counts_as_no_attempt(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions, false).await;
        functions.answer(SOURCE, Answer::Error("Outside working hours"));
        let refused = thrown("PreAuthentication", "Outside working hours");
        let hashes = world.hashes_evaluated();
        for password in [PASSWORD, WRONG_PASSWORD] {
            for _ in 0..6 {
                assert_eq!(world.try_password(&client, "alice", password).await, Err(refused.clone()));
            }
        }
        assert_eq!(world.hashes_evaluated(), hashes);
        let own = SrpClient::new(&client.pool, &world.app.services.rng);
        assert_eq!(world.call(srp_beginning(&client, "alice", &own.number())).await, Err(refused.clone()));
        for preferred in [None, Some("PASSWORD"), Some("EMAIL_OTP")] {
            assert_eq!(world.call(choice(&client, "alice", preferred)).await, Err(refused.clone()));
        }
        functions.answer(SOURCE, Answer::Response(json!({})));
        world.sign_in(&client, "alice").await;
    }
}

trigger_spec! {
    async fn where_it_is_no_secret_only_users_who_may_sign_in_are_asked_about(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions, false).await;
        world.sign_up(&client, "bob").await;
        world.confirmed_user(&client, "carol").await;
        world.disable(&client.pool, "carol").await;
        for (name, exception) in [
            ("nobody", "UserNotFoundException"),
            ("bob", "UserNotConfirmedException"),
            ("carol", "NotAuthorizedException"),
        ] {
            let refused = world.try_password(&client, name, PASSWORD).await.unwrap_err();
            assert_eq!(refused.exception, exception, "{name}");
        }
        assert_eq!(functions.take().len(), 0);
    }
}

trigger_spec! {
    async fn where_it_is_hidden_who_exists_every_name_is_asked_about(world: World, functions: Functions) {
        let (client, sub) = alice(&world, &functions, true).await;
        world.sign_up(&client, "bob").await;
        world.confirmed_user(&client, "carol").await;
        world.disable(&client.pool, "carol").await;
        let told = |event: &Value| {
            (event["userName"].as_str().unwrap().to_owned(), event["request"]["userNotFound"].clone())
        };
        for name in ["nobody", "bob", "carol", "alice"] {
            assert_eq!(world.try_password(&client, name, WRONG_PASSWORD).await, Err(incorrect()));
            let own = SrpClient::new(&client.pool, &world.app.services.rng);
            world.call(srp_beginning(&client, name, &own.number())).await.unwrap();
            world.call(choice(&client, name, None)).await.unwrap();
            let heard = functions.take_events();
            assert_eq!(heard.len(), 3, "{name}");
            for event in heard {
                assert_eq!(told(&event), (name.to_owned(), json!(name == "nobody")));
            }
        }
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, true, "CONFIRMED"),
            "validationData": null,
            "userNotFound": false,
        });
        assert_eq!(only_event(&functions), event(&client, SOURCE, request, json!({})));
        let request = api::InitiateAuthRequest {
            client_metadata: metadata([("device", "kiosk")]),
            ..client.password_request("nobody", PASSWORD)
        };
        assert_eq!(world.call(request).await, Err(incorrect()));
        let request = json!({ "userAttributes": {}, "validationData": { "device": "kiosk" }, "userNotFound": true });
        let mut expected = event(&client, SOURCE, request, json!({}));
        expected["userName"] = json!("nobody");
        assert_eq!(only_event(&functions), expected);
    }
}

trigger_spec! {
    async fn where_it_is_hidden_who_exists_a_refusal_tells_nothing(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions, true).await;
        functions.answer(SOURCE, Answer::Error("Not today"));
        for name in ["nobody", "alice"] {
            assert_eq!(
                world.try_password(&client, name, PASSWORD).await,
                Err(thrown("PreAuthentication", "Not today")),
                "{name}"
            );
        }
    }
}

trigger_spec! {
    async fn the_event_names_the_user_and_not_what_was_typed(world: World, functions: Functions) {
        let pool = world.pool(|request| {
            request.username_attributes = vec![username_attribute::Value::Email.into()];
            request.lambda_config = Some(api::LambdaConfig { pre_authentication: function(), ..Default::default() });
        }).await;
        let client = world.client(&pool, |_| {}).await;
        let request = api::SignUpRequest { user_attributes: Vec::new(), ..client.sign_up_request("alice@example.com") };
        let sub = world.call(request).await.unwrap().user_sub;
        world.confirm_by_operator(&pool, "alice@example.com").await;
        world.sign_in(&client, "alice@example.com").await;
        assert_eq!(only_event(&functions)["userName"], json!(sub));
    }
}

trigger_spec! {
    async fn a_user_who_changes_while_the_function_thinks_is_looked_at_again(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions, false).await;
        functions.answer(SOURCE, Answer::Later(Box::new(Answer::Response(json!({})))));
        let change = async {
            functions.hear(1).await;
            world.disable(&client.pool, "alice").await;
            functions.release();
        };
        let (signed_in, ()) = tokio::join!(world.try_password(&client, "alice", PASSWORD), change);
        assert_eq!(signed_in, Err(refusal("NotAuthorizedException", "User is disabled.")));
        assert_eq!(functions.take().len(), 1);
    }
}
