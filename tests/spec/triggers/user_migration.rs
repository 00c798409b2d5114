//! `UserMigration`.

use std::time::Duration;

use cognate::api::{self, alias_attribute, auth_flow, challenge_name, user_pool_mfa, user_status, username_attribute};
use serde_json::{Value, json};

use super::{app_client, event, metadata, only_event, thrown};
use crate::support::fixtures::{
    PASSWORD, SecondFactor, TestClient, WRONG_PASSWORD, admin_initiate_auth, answer, claims, hide_users, initiate_auth,
    srp_beginning, with_secret,
};
use crate::support::functions::{Answer, Functions, function};
use crate::support::srp::SrpClient;
use crate::support::{Refusal, World, refusal};
use crate::trigger_spec;

const SIGN_IN: &str = "UserMigration_Authentication";
const FORGOTTEN: &str = "UserMigration_ForgotPassword";

/// A password that the pool's policy would not take.
const WEAK: &str = "abc";

fn asks(config: &mut api::LambdaConfig) {
    config.user_migration = function();
}

fn incorrect() -> Refusal {
    refusal("NotAuthorizedException", "Incorrect username or password.")
}

fn unknown() -> Refusal {
    refusal("UserNotFoundException", "User does not exist.")
}

/// A user with a verified e-mail address, and more as the test has it.
fn known(more: Value) -> Answer {
    let mut response = json!({
        "userAttributes": { "email": "alice@example.com", "email_verified": "true" },
        "finalUserStatus": "CONFIRMED",
        "messageAction": "SUPPRESS",
    });
    response.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Answer::Response(response)
}

/// How many events of the source were heard.
fn heard(functions: &Functions, source: &str) -> usize {
    functions.take_sources().iter().filter(|heard| *heard == source).count()
}

trigger_spec! {
    async fn a_user_from_elsewhere_signs_in_once_by_the_function_and_then_by_the_pool(
        world: World, functions: Functions
    ) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_IN, known(json!({})));
        let request = api::InitiateAuthRequest {
            client_metadata: metadata([("from", "the old site")]),
            ..client.password_request("alice", WEAK)
        };
        let done = world.call(request).await.unwrap().authentication_result.unwrap();
        assert_eq!(claims(done.id_token())["email_verified"], json!(true));
        assert_eq!(
            only_event(&functions),
            event(
                &client,
                SIGN_IN,
                json!({ "password": WEAK, "validationData": { "from": "the old site" } }),
                json!({
                    "userAttributes": null, "forceAliasCreation": null, "finalUserStatus": null, "messageAction": null,
                    "desiredDeliveryMediums": null, "enableSMSMFA": null,
                })
            )
        );
        let user = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(user.user_status(), user_status::Value::Confirmed);
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=alice@example.com", "email_verified=true"]
        );
        world.try_password(&client, "alice", WEAK).await.unwrap();
        assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        assert_eq!(functions.take().len(), 0);
        // And by SRP, for the password was at hand.
        assert!(world.try_srp(&client, "alice", WEAK).await.unwrap().authentication_result.is_some());
        assert_eq!(world.mail().await.len(), 0);
    }
}

trigger_spec! {
    async fn every_way_to_give_a_password_asks_and_no_other_does(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_IN, known(json!({ "userAttributes": { "name": "N" } })));
        let parameters = [("USERNAME", "a".to_owned()), ("PASSWORD", PASSWORD.to_owned())];
        let flow = auth_flow::Value::AdminUserPasswordAuth;
        assert!(world.call(admin_initiate_auth(&client, flow, parameters)).await.unwrap().authentication_result.is_some());
        let choice = |username: &str, preferred: &str| {
            let parameters = [
                ("USERNAME", username.to_owned()),
                ("PASSWORD", PASSWORD.to_owned()),
                ("PREFERRED_CHALLENGE", preferred.to_owned()),
            ];
            initiate_auth(&client, auth_flow::Value::UserAuth, parameters)
        };
        assert!(world.call(choice("b", "PASSWORD")).await.unwrap().authentication_result.is_some());
        assert_eq!(heard(&functions, SIGN_IN), 2);
        assert_eq!(world.call(choice("c", "PASSWORD_SRP")).await, Err(unknown()));
        let own = SrpClient::new(&client.pool, &world.app.services.rng);
        assert_eq!(world.call(srp_beginning(&client, "c", &own.number())).await, Err(unknown()));
        assert_eq!(functions.take().len(), 0);

        // Where it is hidden who exists, also when the password is the answer to a challenge.
        let client = world.client(&client.pool, hide_users).await;
        let parameters = [("USERNAME", "d".to_owned())];
        let asked = world.call(initiate_auth(&client, auth_flow::Value::UserAuth, parameters)).await.unwrap();
        let responses =
            [("USERNAME", "d"), ("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)].map(|(name, value)| (name, value.to_owned()));
        let request = api::RespondToAuthChallengeRequest {
            client_metadata: metadata([("at", "last")]),
            ..answer(&client, challenge_name::Value::SelectChallenge, asked.session(), responses)
        };
        assert!(world.call(request).await.unwrap().authentication_result.is_some());
        let request = &only_event(&functions)["request"];
        assert_eq!(request["clientMetadata"], json!({ "at": "last" }));
    }
}

trigger_spec! {
    async fn who_is_not_known_elsewhere_either_is_unknown(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let hiding = world.client(&client.pool, hide_users).await;
        for (number, answer) in [
            Answer::Response(json!({})),
            Answer::Response(json!({ "userAttributes": {}, "finalUserStatus": "CONFIRMED" })),
            Answer::Error("Bad password"),
            Answer::Status(500, Vec::new(), String::new()),
            known(json!({ "finalUserStatus": "FORCE_CHANGE_PASSWORD" })),
            known(json!({ "finalUserStatus": 1 })),
            known(json!({ "messageAction": "SHOUT" })),
            known(json!({ "desiredDeliveryMediums": ["PIGEON"] })),
            known(json!({ "userAttributes": { "email": "no address" } })),
            known(json!({ "userAttributes": { "shoe_size": "44" } })),
            known(json!({ "userAttributes": { "sub": "mine" } })),
            known(json!({ "userAttributes": { "name": "x".repeat(2049) } })),
            // Whoever it is, it is not the one who was named.
            known(json!({ "userAttributes": { "username": "mallory" } })),
        ]
        .into_iter()
        .enumerate()
        {
            functions.answer(SIGN_IN, answer.clone());
            let name = format!("user-{number}");
            assert_eq!(world.try_password(&client, &name, PASSWORD).await, Err(unknown()), "{answer:?}");
            assert_eq!(world.try_password(&hiding, &name, PASSWORD).await, Err(incorrect()), "{answer:?}");
            assert_eq!(heard(&functions, SIGN_IN), 2);
        }
        let users = api::ListUsersRequest { user_pool_id: Some(client.pool.clone()), ..Default::default() };
        assert_eq!(world.call(users).await.unwrap().users, []);
        // What can be nobody's name is not asked about.
        functions.answer(SIGN_IN, known(json!({})));
        for name in ["two words", &"x".repeat(129)] {
            assert_eq!(world.try_password(&client, name, PASSWORD).await, Err(unknown()));
        }
        assert_eq!(functions.take().len(), 0);
    }
}

trigger_spec! {
    async fn guesses_under_a_name_that_nobody_has_are_counted_before_the_function_is_asked(
        world: World, functions: Functions
    ) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_IN, Answer::Error("Bad password"));
        for _ in 0..5 {
            assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(unknown()));
        }
        assert_eq!(heard(&functions, SIGN_IN), 5);
        functions.answer(SIGN_IN, known(json!({})));
        let locked = Err(refusal("NotAuthorizedException", "Password attempts exceeded"));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, locked);
        assert_eq!(functions.take().len(), 0);
        world.advance(Duration::from_secs(2));
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

trigger_spec! {
    async fn sign_ins_at_once_make_one_user(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_IN, Answer::Later(Box::new(known(json!({})))));
        let sign_in = || world.call(client.password_request("alice", PASSWORD));
        let release = async {
            functions.hear(2).await;
            functions.release();
            functions.release();
        };
        let (first, second, ()) = tokio::join!(sign_in(), sign_in(), release);
        let sub = |done: Result<api::InitiateAuthResponse, Refusal>| {
            claims(done.unwrap().authentication_result.unwrap().access_token())["sub"].clone()
        };
        assert_eq!(sub(first), sub(second));
        let users = api::ListUsersRequest { user_pool_id: Some(client.pool.clone()), ..Default::default() };
        assert_eq!(world.call(users).await.unwrap().users.len(), 1);
    }
}

trigger_spec! {
    async fn a_user_whose_password_must_be_reset_hears_of_it_and_sets_one_by_a_code(
        world: World, functions: Functions
    ) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_IN, known(json!({ "finalUserStatus": null })));
        let reset = Err(refusal("PasswordResetRequiredException", "Password reset required for the user"));
        assert_eq!(world.try_password(&client, "alice", WEAK).await, reset);
        // Where it is hidden who exists, whoever knows the password hears of it too.
        let hiding = world.client(&client.pool, hide_users).await;
        assert_eq!(world.try_password(&hiding, "alice", WEAK).await, reset);
        assert_eq!(world.try_password(&hiding, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        world.forgot(&client, "alice").await.unwrap();
        let code = world.code_for("alice").await;
        world.confirm_forgot(&client, "alice", &code, PASSWORD).await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        assert_eq!(heard(&functions, SIGN_IN), 1);
    }
}

trigger_spec! {
    async fn a_forgotten_password_brings_a_user_over_too(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(FORGOTTEN, known(json!({ "finalUserStatus": "RESET_REQUIRED" })));
        let request = api::ForgotPasswordRequest {
            client_id: Some(client.id.clone()),
            username: Some("alice".to_owned()),
            client_metadata: metadata([("from", "the old site")]),
            ..Default::default()
        };
        let told = world.call(request).await.unwrap().code_delivery_details.unwrap();
        assert_eq!(told.destination(), "a***@e***");
        let request = &only_event(&functions)["request"];
        assert_eq!(*request, json!({ "validationData": null, "clientMetadata": { "from": "the old site" } }));
        let code = world.code_for("alice").await;
        world.confirm_forgot(&client, "alice", &code, PASSWORD).await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        assert_eq!(functions.take().len(), 0);
    }
}

trigger_spec! {
    async fn forgotten_passwords_of_nobody_are_counted_before_the_function_is_asked(
        world: World, functions: Functions
    ) {
        let client = app_client(&world, asks).await;
        let hiding = world.client(&client.pool, hide_users).await;
        let not_found = refusal("UserNotFoundException", "Username/client id combination not found.");
        for _ in 0..2 {
            assert_eq!(world.forgot(&client, "alice").await, Err(not_found.clone()));
        }
        for _ in 0..3 {
            assert!(world.forgot(&hiding, "alice").await.is_ok());
        }
        assert_eq!(heard(&functions, FORGOTTEN), 5);
        let limit = refusal("LimitExceededException", "Attempt limit exceeded, please try after some time.");
        for client in [&client, &hiding] {
            assert_eq!(world.forgot(client, "alice").await, Err(limit.clone()));
        }
        assert_eq!(functions.take().len(), 0);
        assert_eq!(world.mail().await.len(), 0);
    }
}

trigger_spec! {
    async fn a_client_that_does_not_prove_itself_asks_nobody(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let client = world.client(&client.pool, with_secret).await;
        functions.answer(SIGN_IN, known(json!({})));
        let pretender = TestClient { secret: Some("wrong".to_owned()), ..client.clone() };
        assert!(world.try_password(&pretender, "alice", PASSWORD).await.is_err());
        assert_eq!(functions.take().len(), 0);
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

trigger_spec! {
    async fn in_a_pool_of_addresses_the_address_is_the_users(world: World, functions: Functions) {
        let pool = world
            .pool(|request| {
                request.username_attributes = vec![username_attribute::Value::Email.into()];
                let mut config = api::LambdaConfig::default();
                asks(&mut config);
                request.lambda_config = Some(config);
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        functions.answer(SIGN_IN, known(json!({ "userAttributes": { "name": "Alice" } })));
        world.try_password(&client, "alice@example.com", PASSWORD).await.unwrap();
        assert_eq!(only_event(&functions)["userName"], json!("alice@example.com"));
        let attributes = world.attributes_of(&pool, "alice@example.com").await;
        assert!(attributes.contains(&"email=alice@example.com".to_owned()), "{attributes:?}");
        // Another address than the one that was typed is somebody else's.
        functions.answer(SIGN_IN, known(json!({ "userAttributes": { "email": "bob@example.com" } })));
        assert_eq!(world.try_password(&client, "carol@example.com", PASSWORD).await, Err(unknown()));
    }
}

trigger_spec! {
    async fn a_verified_address_that_is_somebodys_moves_only_by_force(world: World, functions: Functions) {
        let pool = world
            .pool(|request| {
                request.alias_attributes = vec![alias_attribute::Value::Email.into()];
                let mut config = api::LambdaConfig::default();
                asks(&mut config);
                request.lambda_config = Some(config);
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        functions.answer(SIGN_IN, known(json!({})));
        assert_eq!(world.try_password(&client, "bob", PASSWORD).await, Err(unknown()));
        functions.answer(SIGN_IN, known(json!({ "forceAliasCreation": true })));
        world.try_password(&client, "bob", PASSWORD).await.unwrap();
        assert!(world.attributes_of(&pool, "alice").await.contains(&"email_verified=false".to_owned()));
        // Named by the address, with a username of their own.
        functions.answer(SIGN_IN, known(json!({
            "userAttributes": { "username": "carol", "email": "carol@example.com", "email_verified": "true" },
        })));
        world.try_password(&client, "carol@example.com", PASSWORD).await.unwrap();
        world.try_password(&client, "carol", PASSWORD).await.unwrap();
        // An address is no username there, and one that is not verified names nobody.
        functions.answer(SIGN_IN, known(json!({ "userAttributes": { "email": "dave@example.com", "email_verified": "true" } })));
        assert_eq!(world.try_password(&client, "dave@example.com", PASSWORD).await, Err(unknown()));
        functions.answer(SIGN_IN, known(json!({ "userAttributes": { "username": "erin", "email": "erin@example.com" } })));
        assert_eq!(world.try_password(&client, "erin@example.com", PASSWORD).await, Err(unknown()));
    }
}

trigger_spec! {
    async fn other_triggers_hear_of_a_user_who_has_come_over(world: World, functions: Functions) {
        let client = app_client(&world, |config| {
            asks(config);
            config.pre_authentication = function();
            config.post_authentication = function();
        })
        .await;
        functions.answer(SIGN_IN, known(json!({})));
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        let sources = functions.take_sources();
        assert_eq!(sources, [SIGN_IN, "PreAuthentication_Authentication", "PostAuthentication_Authentication"]);
        // Where it is hidden who exists, PreAuthentication refuses every name alike.
        let hiding = world.client(&client.pool, hide_users).await;
        functions.answer(SIGN_IN, Answer::Response(json!({})));
        functions.answer("PreAuthentication_Authentication", Answer::Error("Not now"));
        let refused = Err(thrown("PreAuthentication", "Not now"));
        assert_eq!(world.try_password(&hiding, "nobody", PASSWORD).await, refused);
        assert_eq!(world.try_password(&hiding, "alice", PASSWORD).await, refused);
    }
}

trigger_spec! {
    async fn text_messages_can_be_turned_on_where_there_are_the_means(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &[SecondFactor::Sms]).await;
        let number = json!({ "phone_number": "+15550100", "phone_number_verified": "true" });
        for (username, more, asks_for_code) in [
            ("alice", json!({ "userAttributes": number, "enableSMSMFA": true }), true),
            ("bob", json!({ "userAttributes": { "name": "Bob" }, "enableSMSMFA": true }), false),
            ("carol", json!({ "userAttributes": number, "enableSMSMFA": false }), false),
        ] {
            functions.answer(SIGN_IN, known(more));
            let done = world.call(client.password_request(username, PASSWORD)).await.unwrap();
            assert_eq!(done.challenge_name() == challenge_name::Value::SmsMfa, asks_for_code, "{username}");
            assert_eq!(done.authentication_result.is_some(), !asks_for_code, "{username}");
        }
    }
}
