//! `CustomMessage`.

use cognate::api::{self, default_email_option, delivery_medium, message_action, user_pool_mfa, verified_attribute};
use serde_json::{Value, json};

use super::{app_client, attributes_of_alice, event, metadata, only_event, thrown};
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, attribute, hide_users};
use crate::support::functions::{Answer, function};
use crate::support::{Mail, Refusal, World, refusal};
use crate::trigger_spec;

fn asks(config: &mut api::LambdaConfig) {
    config.custom_message = function();
}

fn words(subject: &str, email: &str) -> Answer {
    Answer::Response(json!({ "emailSubject": subject, "emailMessage": email }))
}

fn unusable(problem: &str) -> Refusal {
    refusal("InvalidLambdaResponseException", problem)
}

async fn newest(world: &World) -> Mail {
    world.mail().await.pop().unwrap()
}

fn sign_up_request(client: &TestClient) -> api::SignUpRequest {
    api::SignUpRequest { client_metadata: metadata([("tone", "kind")]), ..client.sign_up_request("alice") }
}

trigger_spec! {
    async fn the_function_words_the_mail_of_a_sign_up_without_learning_the_code(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer("CustomMessage_SignUp", words("Hello, {username}", "<b>{####}</b> is it, {username}"));
        let sub = world.call(sign_up_request(&client)).await.unwrap().user_sub;
        let request = json!({
            "userAttributes": attributes_of_alice(&sub, false, "UNCONFIRMED"),
            "codeParameter": "{####}",
            "linkParameter": null,
            "usernameParameter": null,
            "clientMetadata": { "tone": "kind" },
        });
        let response = json!({ "smsMessage": null, "emailMessage": null, "emailSubject": null });
        assert_eq!(only_event(&functions), event(&client, "CustomMessage_SignUp", request, response));
        let mail = newest(&world).await;
        assert_eq!(mail.subject, "Hello, alice");
        assert_eq!(mail.html.unwrap(), format!("<b>{}</b> is it, alice", mail.code));
        world.confirm(&client, "alice", &mail.code).await.unwrap();
    }
}

trigger_spec! {
    async fn every_message_has_its_source(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        world.sign_up(&client, "alice").await;
        world.resend(&client, "alice").await.unwrap();
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        assert_eq!(functions.take_sources(), ["CustomMessage_SignUp", "CustomMessage_ResendCode"]);
        world.forgot(&client, "alice").await.unwrap();
        world.reset_password(&client.pool, "alice").await.unwrap();
        assert_eq!(functions.take_sources(), ["CustomMessage_ForgotPassword", "CustomMessage_ForgotPassword"]);
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        let update = api::UpdateUserAttributesRequest {
            access_token: Some(token.clone()),
            user_attributes: vec![attribute("email", "new@example.com")],
            ..Default::default()
        };
        world.call(update).await.unwrap();
        let again = api::GetUserAttributeVerificationCodeRequest {
            access_token: Some(token),
            attribute_name: Some("email".to_owned()),
            ..Default::default()
        };
        world.call(again).await.unwrap();
        let events = functions.take_events();
        let told: Vec<Value> = events.iter().map(|event| event["triggerSource"].clone()).collect();
        assert_eq!(told, ["CustomMessage_UpdateUserAttribute", "CustomMessage_VerifyUserAttribute"]);
        for event in events {
            assert_eq!(event["request"]["userAttributes"]["email"], json!("new@example.com"));
            assert_eq!(event["callerContext"]["clientId"], json!(client.id));
        }
        world.update_attributes(&client.pool, "alice", &[("email_verified", "true")]).await.unwrap();
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::On, &[SecondFactor::Email]).await;
        functions.answer("CustomMessage_Authentication", words("In", "Type {####}"));
        world.call(client.password_request("alice", PASSWORD)).await.unwrap();
        assert_eq!(functions.take_sources(), ["CustomMessage_Authentication"]);
        assert_eq!(newest(&world).await.subject, "In");
        assert_eq!(world.mail().await.len(), 7, "each once");
    }
}

trigger_spec! {
    async fn an_invitation_has_places_for_the_username_and_the_password(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let source = "CustomMessage_AdminCreateUser";
        let create = async |username: &str| {
            world
                .create_user(&client.pool, username, |request| {
                    request.message_action = None;
                    request.desired_delivery_mediums = vec![delivery_medium::Value::Email.into()];
                })
                .await
                .map(drop)
        };
        functions.answer(source, words("Welcome", "{username}: {####}"));
        create("alice").await.unwrap();
        let told = only_event(&functions);
        assert_eq!(told["request"]["usernameParameter"], json!("{username}"));
        assert_eq!(told["request"]["userAttributes"]["cognito:user_status"], json!("FORCE_CHANGE_PASSWORD"));
        assert_eq!(told["callerContext"]["clientId"], json!("CLIENT_ID_NOT_APPLICABLE"));
        let mail = newest(&world).await;
        assert_eq!((mail.subject.as_str(), mail.body), ("Welcome", format!("alice: {}", mail.code)));
        // Without words the user is there all the same, and can be invited again.
        functions.answer(source, words("Welcome", "{####}"));
        let lacking = unusable("The custom message lacks a place for what it has to bring.");
        assert_eq!(create("bob").await, Err(lacking));
        functions.answer(source, Answer::Response(json!({})));
        let again = api::AdminCreateUserRequest {
            user_pool_id: Some(client.pool.clone()),
            username: Some("bob".to_owned()),
            message_action: Some(message_action::Value::Resend.into()),
            desired_delivery_mediums: vec![delivery_medium::Value::Email.into()],
            ..Default::default()
        };
        world.call(again).await.unwrap();
        let mail = newest(&world).await;
        assert_eq!((mail.username.as_str(), mail.subject.as_str()), ("bob", "Your temporary password"));
    }
}

trigger_spec! {
    async fn words_that_cannot_be_said_send_nothing_and_a_new_user_is_there(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let source = "CustomMessage_SignUp";
        let lacking = || unusable("The custom message lacks a place for what it has to bring.");
        let long = || unusable("The custom message is too long.");
        for (number, (answer, expected)) in [
            (words("Subject", "no place"), lacking()),
            (words("Subject", &format!("{{####}}{}", "x".repeat(19_995))), long()),
            (words(&"x".repeat(141), "{####}"), long()),
            (Answer::Response(json!({ "emailMessage": 5 })), unusable("Unrecognizable lambda output")),
            (Answer::Error("No words"), thrown("CustomMessage", "No words")),
        ]
        .into_iter()
        .enumerate()
        {
            functions.answer(source, answer);
            let username = format!("user-{number}");
            assert_eq!(world.call(client.sign_up_request(&username)).await.map(drop), Err(expected));
            assert!(world.admin_get_user(&client.pool, &username).await.is_ok());
        }
        assert_eq!(world.mail().await.len(), 0);
        // What fits fits; and what is said about other ways does not matter.
        let fitting = words(&"x".repeat(140), &format!("{{####}}{}", "x".repeat(19_994)));
        functions.answer(source, fitting);
        world.sign_up(&client, "fits").await;
        functions.answer(source, Answer::Response(json!({ "smsMessage": "no place", "emailSubject": "Own" })));
        world.sign_up(&client, "other").await;
        let mail = newest(&world).await;
        assert_eq!(mail.subject, "Own");
        assert_eq!(mail.body, format!("Your confirmation code is {}", mail.code));
        // A code that was not sent is none: what was sent before serves.
        functions.answer("CustomMessage_ResendCode", Answer::Error("No words"));
        assert_eq!(world.resend(&client, "other").await.map(drop), Err(thrown("CustomMessage", "No words")));
        world.confirm(&client, "other", &mail.code).await.unwrap();
    }
}

trigger_spec! {
    async fn text_messages_are_worded_too(world: World, functions: Functions) {
        let pool = app_client(&world, asks).await.pool;
        let pool_of_numbers = world
            .pool(|request| {
                request.auto_verified_attributes = vec![verified_attribute::Value::PhoneNumber.into()];
                let mut config = api::LambdaConfig::default();
                asks(&mut config);
                request.lambda_config = Some(config);
            })
            .await;
        assert_ne!(pool, pool_of_numbers);
        let client = world.client(&pool_of_numbers, |_| {}).await;
        let sign_up = |username: &str| {
            let number = attribute("phone_number", "+15550100");
            world.call(api::SignUpRequest { user_attributes: vec![number], ..client.sign_up_request(username) })
        };
        let text = |text: String| Answer::Response(json!({ "smsMessage": text }));
        functions.answer("CustomMessage_SignUp", text(format!("{{####}}{}", "x".repeat(134))));
        sign_up("alice").await.unwrap();
        let mail = newest(&world).await;
        assert_eq!(mail.body, format!("{}{}", mail.code, "x".repeat(134)));
        functions.answer("CustomMessage_SignUp", text(format!("{{####}}{}", "x".repeat(135))));
        assert_eq!(sign_up("bob").await, Err(unusable("The custom message is too long.")));
    }
}

trigger_spec! {
    async fn an_operation_that_runs_again_sends_one_code(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        world.confirmed_user(&client, "alice").await;
        functions.take();
        let sent_before = world.mail().await.len();
        functions.answer("CustomMessage_ForgotPassword", Answer::Later(Box::new(words("Later", "{####}"))));
        let forgot = world.forgot(&client, "alice");
        let meanwhile = async {
            functions.hear(1).await;
            world.disable(&client.pool, "alice").await;
            world.enable(&client.pool, "alice").await;
            functions.release();
        };
        let (forgot, ()) = tokio::join!(forgot, meanwhile);
        forgot.unwrap();
        assert_eq!(functions.take().len(), 1, "the same event is not sent twice");
        assert_eq!(world.mail().await.len(), sent_before + 1);
        let code = world.code_for("alice").await;
        world.confirm_forgot(&client, "alice", &code, PASSWORD).await.unwrap();
    }
}

trigger_spec! {
    async fn where_a_link_confirms_the_function_may_word_either(world: World, functions: Functions) {
        let template = api::VerificationMessageTemplate {
            default_email_option: Some(default_email_option::Value::ConfirmWithLink.into()),
            ..Default::default()
        };
        let mut config = api::LambdaConfig::default();
        asks(&mut config);
        let pool = world
            .pool(|request| {
                request.verification_message_template = Some(template);
                request.lambda_config = Some(config);
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        functions.answer("CustomMessage_SignUp", words("Link", "<p>{##Come in##}</p>"));
        world.sign_up(&client, "alice").await;
        assert_eq!(only_event(&functions)["request"]["linkParameter"], json!("{##Click Here##}"));
        let mail = newest(&world).await;
        let html = mail.html.unwrap();
        assert!(html.starts_with("<p><a href=") && html.ends_with(">Come in</a></p>"), "{html}");
        functions.answer("CustomMessage_SignUp", words("Code", "<p>{####}</p>"));
        world.sign_up(&client, "bob").await;
        let mail = newest(&world).await;
        assert_eq!((mail.subject.as_str(), mail.html.unwrap()), ("Code", format!("<p>{}</p>", mail.code)));
        // A forgotten password takes a code.
        functions.answer("CustomMessage_ForgotPassword", words("Link", "{##Come in##}"));
        world.confirm(&client, "bob", &mail.code).await.unwrap();
        let lacking = unusable("The custom message lacks a place for what it has to bring.");
        assert_eq!(world.forgot(&client, "bob").await.map(drop), Err(lacking));
    }
}

trigger_spec! {
    async fn of_messages_that_only_seem_to_be_sent_nobody_is_asked(world: World, functions: Functions) {
        let pool = app_client(&world, asks).await.pool;
        let client = world.client(&pool, hide_users).await;
        world.forgot(&client, "nobody").await.unwrap();
        world.resend(&client, "nobody").await.unwrap();
        assert_eq!(functions.take().len(), 0);
        assert_eq!(world.mail().await.len(), 0);
    }
}
