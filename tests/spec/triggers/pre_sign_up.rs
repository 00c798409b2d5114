//! `PreSignUp`.

use cognate::api::{self, alias_attribute, explicit_auth_flows, message_action, username_attribute};
use serde_json::json;

use super::{app_client, event, metadata, only_event, thrown};
use crate::support::factors::first_factors;
use crate::support::fixtures::{PASSWORD, TestClient, attribute, named};
use crate::support::functions::{Answer, OTHER_FUNCTION, function};
use crate::support::{Refusal, World, refusal};
use crate::trigger_spec;

fn asks(config: &mut api::LambdaConfig) {
    config.pre_sign_up = function();
}

const SIGN_UP: &str = "PreSignUp_SignUp";
const ADMIN_CREATE_USER: &str = "PreSignUp_AdminCreateUser";

fn prefilled() -> serde_json::Value {
    json!({ "autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false })
}

async fn status_of(world: &World, client: &TestClient, username: &str) -> Result<String, Refusal> {
    let user = world.admin_get_user(&client.pool, username).await?;
    Ok(user.user_status().as_str_name().to_owned())
}

fn nobody<T>() -> Result<T, Refusal> {
    Err(refusal("UserNotFoundException", "User does not exist."))
}

trigger_spec! {
    async fn the_function_hears_what_was_given_and_whatever_it_leaves_alone_is_as_without_it(
        world: World, functions: Functions
    ) {
        let client = app_client(&world, asks).await;
        let request = api::SignUpRequest {
            validation_data: vec![attribute("invitation", "1234"), attribute("source", "web")],
            client_metadata: metadata([("campaign", "spring")]),
            ..client.sign_up_request("alice")
        };
        let signed_up = world.call(request).await.unwrap();
        assert!(!signed_up.user_confirmed && signed_up.code_delivery_details.is_some() && signed_up.session.is_some());
        let request = json!({
            "userAttributes": { "email": "alice@example.com" },
            "validationData": { "invitation": "1234", "source": "web" },
            "clientMetadata": { "campaign": "spring" },
        });
        assert_eq!(only_event(&functions), event(&client, SIGN_UP, request, prefilled()));
        assert_eq!(status_of(&world, &client, "alice").await.as_deref(), Ok("UNCONFIRMED"));
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=alice@example.com", "email_verified=false"],
            "validation data become no attributes"
        );
        world.confirm(&client, "alice", &world.code_for("alice").await).await.unwrap();
    }
}

trigger_spec! {
    async fn what_is_not_given_is_not_told(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        world.sign_up(&client, "alice").await;
        let request = json!({ "userAttributes": { "email": "alice@example.com" }, "validationData": null });
        assert_eq!(only_event(&functions), event(&client, SIGN_UP, request, prefilled()));
    }
}

trigger_spec! {
    async fn a_user_who_is_confirmed_signs_in_at_once_and_is_sent_no_code(world: World, functions: Functions) {
        let client = app_client(&world, |config| {
            asks(config);
            config.post_confirmation = function();
        }).await;
        functions.answer(SIGN_UP, Answer::Response(json!({ "autoConfirmUser": true })));
        let signed_up = world.sign_up(&client, "alice").await;
        let expected = api::SignUpResponse {
            user_confirmed: true,
            code_delivery_details: None,
            user_sub: signed_up.user_sub.clone(),
            session: None,
        };
        assert_eq!(signed_up, expected);
        assert_eq!(functions.take_sources(), [SIGN_UP, "PostConfirmation_ConfirmSignUp"]);
        assert_eq!(world.mail().await.len(), 0);
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=alice@example.com", "email_verified=false"],
            "confirmed is not verified"
        );
        world.sign_in(&client, "alice").await;
    }
}

trigger_spec! {
    async fn an_address_that_is_vouched_for_is_verified(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let answer = json!({ "autoConfirmUser": true, "autoVerifyEmail": true, "autoVerifyPhone": true });
        functions.answer(SIGN_UP, Answer::Response(answer));
        let mut request = client.sign_up_request("alice");
        request.user_attributes.push(attribute("phone_number", "+15555550100"));
        world.call(request).await.unwrap();
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            [
                "email=alice@example.com",
                "email_verified=true",
                "phone_number=+15555550100",
                "phone_number_verified=true",
            ]
        );
    }
}

trigger_spec! {
    async fn an_address_that_is_not_there_cannot_be_vouched_for(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_UP, Answer::Response(json!({ "autoConfirmUser": true, "autoVerifyPhone": true })));
        assert_eq!(
            world.call(client.sign_up_request("alice")).await,
            Err(refusal("InvalidLambdaResponseException", "autoVerifyPhone is set, but the user has no phone_number."))
        );
        assert_eq!(status_of(&world, &client, "alice").await, nobody());
    }
}

trigger_spec! {
    async fn an_alias_that_is_vouched_for_moves(world: World, functions: Functions) {
        let pool = world.pool(|request| {
            request.alias_attributes = vec![alias_attribute::Value::Email.into()];
            request.lambda_config = Some(api::LambdaConfig { pre_sign_up: function(), ..Default::default() });
        }).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "bob").await;
        functions.answer(SIGN_UP, Answer::Response(json!({ "autoConfirmUser": true, "autoVerifyEmail": true })));
        let mut request = client.sign_up_request("alice");
        request.user_attributes = vec![attribute("email", "bob@example.com")];
        let alice = world.call(request).await.unwrap().user_sub;
        assert_eq!(world.attributes_of(&pool, "bob").await, ["email=bob@example.com", "email_verified=false"]);
        let by_alias = world.sign_in(&client, "bob@example.com").await;
        let user = world.get_user(by_alias.access_token()).await.unwrap();
        assert_eq!((user.username.as_str(), user.user_attributes[0].value()), ("alice", alice.as_str()));
    }
}

trigger_spec! {
    async fn without_a_vouched_address_nobody_loses_an_alias(world: World, functions: Functions) {
        let pool = world.pool(|request| {
            request.alias_attributes = vec![alias_attribute::Value::Email.into()];
            request.lambda_config = Some(api::LambdaConfig { pre_sign_up: function(), ..Default::default() });
        }).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "bob").await;
        functions.answer(SIGN_UP, Answer::Response(json!({ "autoConfirmUser": true })));
        let mut request = client.sign_up_request("alice");
        request.user_attributes = vec![attribute("email", "bob@example.com")];
        world.call(request).await.unwrap();
        assert_eq!(world.attributes_of(&pool, "bob").await, ["email=bob@example.com", "email_verified=true"]);
    }
}

trigger_spec! {
    async fn where_an_address_is_the_username_the_event_names_whoever_there_will_be(
        world: World, functions: Functions
    ) {
        let pool = world.pool(|request| {
            request.username_attributes = vec![username_attribute::Value::Email.into()];
            request.lambda_config = Some(api::LambdaConfig { pre_sign_up: function(), ..Default::default() });
        }).await;
        let client = world.client(&pool, |_| {}).await;
        let request = api::SignUpRequest { user_attributes: Vec::new(), ..client.sign_up_request("alice@example.com") };
        let sub = world.call(request).await.unwrap().user_sub;
        let heard = only_event(&functions);
        assert_eq!(heard["userName"], json!(sub));
        assert_eq!(heard["request"]["userAttributes"], json!({ "email": "alice@example.com" }));
    }
}

trigger_spec! {
    async fn a_refusal_reaches_the_caller_and_there_is_no_user(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_UP, Answer::Error("Invitations only"));
        assert_eq!(
            world.call(client.sign_up_request("alice")).await,
            Err(thrown("PreSignUp", "Invitations only"))
        );
        assert_eq!(status_of(&world, &client, "alice").await, nobody());
        assert_eq!(world.mail().await.len(), 0);
        functions.answer(SIGN_UP, Answer::Response(json!({})));
        world.sign_up(&client, "alice").await;
    }
}

trigger_spec! {
    async fn who_is_refused_anyway_is_not_asked_about(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        world.sign_up(&client, "alice").await;
        functions.take();
        let weak = api::SignUpRequest { password: Some("x-password".to_owned()), ..client.sign_up_request("bob") };
        let taken = client.sign_up_request("alice");
        let odd = api::SignUpRequest {
            user_attributes: vec![attribute("email", "nowhere")],
            ..client.sign_up_request("bob")
        };
        for request in [weak, taken, odd] {
            assert!(world.call(request).await.is_err());
        }
        assert_eq!(functions.take_sources(), [""; 0]);
    }
}

trigger_spec! {
    async fn an_operators_creation_is_asked_about_but_decided_by_the_operator(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let answer = json!({ "autoConfirmUser": true, "autoVerifyEmail": true, "autoVerifyPhone": true });
        functions.answer(ADMIN_CREATE_USER, Answer::Response(answer));
        world
            .create_user(&client.pool, "alice", |request| {
                request.validation_data = vec![attribute("desk", "7")];
                request.client_metadata = metadata([("ticket", "42")]);
            })
            .await
            .unwrap();
        let request = json!({
            "userAttributes": { "email": "alice@example.com", "email_verified": "false" },
            "validationData": { "desk": "7" },
            "clientMetadata": { "ticket": "42" },
        });
        let mut expected = event(&client, ADMIN_CREATE_USER, request, prefilled());
        expected["callerContext"]["clientId"] = json!("CLIENT_ID_NOT_APPLICABLE");
        assert_eq!(only_event(&functions), expected);
        assert_eq!(status_of(&world, &client, "alice").await.as_deref(), Ok("FORCE_CHANGE_PASSWORD"));
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=alice@example.com", "email_verified=false"]
        );
        // An invitation that is sent again makes nobody.
        let (user_pool_id, username) = named(&client.pool, "alice");
        let again = api::AdminCreateUserRequest {
            user_pool_id,
            username,
            message_action: Some(message_action::Value::Resend.into()),
            desired_delivery_mediums: vec![api::delivery_medium::Value::Email.into()],
            ..Default::default()
        };
        world.call(again).await.unwrap();
        assert_eq!(functions.take_sources(), [""; 0]);
    }
}

trigger_spec! {
    async fn an_operators_creation_can_be_refused(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(ADMIN_CREATE_USER, Answer::Error("Not in this department"));
        assert_eq!(
            world.create_user(&client.pool, "alice", |_| {}).await,
            Err(thrown("PreSignUp", "Not in this department"))
        );
        assert_eq!(status_of(&world, &client, "alice").await, nobody());
    }
}

trigger_spec! {
    async fn a_sign_up_that_has_to_run_again_is_asked_about_once_and_makes_whom_the_function_heard_of(
        world: World, functions: Functions
    ) {
        let pool = world.pool(|request| {
            request.username_attributes = vec![username_attribute::Value::Email.into()];
            request.lambda_config = Some(api::LambdaConfig { pre_sign_up: function(), ..Default::default() });
        }).await;
        let client = world.client(&pool, |_| {}).await;
        functions.answer(SIGN_UP, Answer::Later(Box::new(Answer::Response(json!({ "autoConfirmUser": true })))));
        let request = api::SignUpRequest { user_attributes: Vec::new(), ..client.sign_up_request("alice@example.com") };
        let change = async {
            functions.hear(1).await;
            // What the sign-up rests on changes while the function thinks.
            let update = api::UpdateUserPoolRequest {
                user_pool_id: Some(pool.clone()),
                lambda_config: Some(api::LambdaConfig { pre_sign_up: function(), ..Default::default() }),
                ..Default::default()
            };
            world.call(update).await.unwrap();
            functions.release();
        };
        let (signed_up, ()) = tokio::join!(world.call(request), change);
        let signed_up = signed_up.unwrap();
        assert!(signed_up.user_confirmed);
        assert_eq!(only_event(&functions)["userName"], json!(signed_up.user_sub));
        world.sign_in(&client, "alice@example.com").await;
    }
}

trigger_spec! {
    async fn a_pool_that_stops_asking_meanwhile_does_not_go_by_the_answer(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(SIGN_UP, Answer::Later(Box::new(Answer::Response(json!({ "autoConfirmUser": true })))));
        let change = async {
            functions.hear(1).await;
            world.set_triggers(&client.pool, |_| {}).await;
            functions.release();
        };
        let (signed_up, ()) = tokio::join!(world.sign_up(&client, "alice"), change);
        assert!(!signed_up.user_confirmed);
    }
}

trigger_spec! {
    async fn a_pool_that_asks_another_function_meanwhile_goes_by_that_one(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let confirms = Answer::Later(Box::new(Answer::Response(json!({ "autoConfirmUser": true }))));
        functions.answer_in_turn(SIGN_UP, [confirms, Answer::Response(json!({}))]);
        let change = async {
            functions.hear(1).await;
            world.set_triggers(&client.pool, |config| config.pre_sign_up = Some(OTHER_FUNCTION.to_owned())).await;
            functions.release();
        };
        let (signed_up, ()) = tokio::join!(world.sign_up(&client, "alice"), change);
        assert!(!signed_up.user_confirmed);
        let paths: Vec<String> = functions.take().into_iter().map(|heard| heard.path).collect();
        assert_eq!(paths, ["/", "/other"]);
    }
}

trigger_spec! {
    async fn users_without_a_password_are_asked_about_too(world: World, functions: Functions) {
        let pool = world.pool(|request| {
            request.policies = Some(first_factors(&[api::auth_factor::Value::EmailOtp]));
            request.lambda_config = Some(api::LambdaConfig { pre_sign_up: function(), ..Default::default() });
        }).await;
        let client = world.client(&pool, |request| {
            request.explicit_auth_flows = vec![explicit_auth_flows::Value::AllowUserAuth.into()];
        }).await;
        functions.answer(SIGN_UP, Answer::Response(json!({ "autoConfirmUser": true, "autoVerifyEmail": true })));
        let request = api::SignUpRequest { password: None, ..client.sign_up_request("alice") };
        assert!(world.call(request).await.unwrap().user_confirmed);
        assert_eq!(functions.take_sources(), [SIGN_UP]);
    }
}

trigger_spec! {
    async fn nothing_secret_is_told(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        world.sign_up(&client, "alice").await;
        world.create_user(&client.pool, "bob", |request| request.temporary_password = Some(PASSWORD.to_owned())).await.unwrap();
        for heard in functions.take() {
            assert!(!String::from_utf8_lossy(&heard.body).contains(PASSWORD));
        }
    }
}
