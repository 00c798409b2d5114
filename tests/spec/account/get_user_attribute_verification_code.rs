//! `GetUserAttributeVerificationCode`. What a code is worth is specified at `VerifyUserAttribute`.

use std::time::Duration;

use cognate::api::{self, Op};
use serde_json::json;

use super::{
    ask_for_code, asks_for_a_token_that_stands, by_mail, by_text_message, client_of, delete, invalid, mismatch,
    other_than, signed_in, too_often, update, verifies_email_first, verify,
};
use crate::spec;
use crate::support::{Wire, World};
use crate::wire::post_json;

spec! {
    async fn a_code_goes_to_the_address_and_the_one_before_is_void(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        let unverified = [("email_verified", "false")];
        world.update_attributes(&client.pool, "alice", &unverified).await.unwrap();
        world.advance(Duration::from_secs(1));
        assert_eq!(ask_for_code(&world, &token, "email").await, Ok(by_mail("a***@e***")));
        let first = world.mail().await.pop().unwrap();
        assert_eq!((first.medium.as_str(), first.to.as_str()), ("EMAIL", "alice@example.com"));
        assert_eq!((first.purpose.as_str(), first.username.as_str()), ("attribute_verification", "alice"));
        assert_eq!(first.body, format!("Your confirmation code is {}", first.code));
        world.advance(Duration::from_secs(1));
        assert_eq!(ask_for_code(&world, &token, "email").await, Ok(by_mail("a***@e***")));
        let second = world.code_for("alice").await;
        assert_eq!(verify(&world, &token, "email", &first.code).await, Err(mismatch()));
        verify(&world, &token, "email", &second).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=alice@example.com", "email_verified=true"]);
    }
}

spec! {
    async fn an_address_can_be_verified_though_the_pool_does_not_do_so_by_itself_and_again(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        update(&world, &token, &[("phone_number", "+15555559934")]).await.unwrap();
        for _ in 0..2 {
            world.advance(Duration::from_secs(1));
            assert_eq!(ask_for_code(&world, &token, "phone_number").await, Ok(by_text_message("+*******9934")));
            let message = world.mail().await.pop().unwrap();
            assert_eq!((message.medium.as_str(), message.to.as_str()), ("SMS", "+15555559934"));
            verify(&world, &token, "phone_number", &message.code).await.unwrap();
            assert_eq!(
                world.attributes_of(&client.pool, "alice").await[2..],
                ["phone_number=+15555559934", "phone_number_verified=true"]
            );
        }
    }
}

spec! {
    async fn while_an_address_waits_to_be_verified_the_code_goes_there(world: World) {
        let client = client_of(&world, verifies_email_first).await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "b@example.org")]).await.unwrap();
        let first = world.code_for("alice").await;
        for _ in 0..5 {
            assert_eq!(verify(&world, &token, "email", other_than(&first)).await, Err(mismatch()));
        }
        world.advance(Duration::from_secs(1));
        assert_eq!(ask_for_code(&world, &token, "email").await, Ok(by_mail("b***@e***")));
        let mail = world.mail().await.pop().unwrap();
        assert_eq!(mail.to, "b@example.org");
        verify(&world, &token, "email", &mail.code).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=b@example.org", "email_verified=true"]);
    }
}

spec! {
    async fn what_is_no_address_or_has_no_value_is_refused(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        for attribute in ["name", "preferred_username", "email_verified", "sub", "custom:email", "Email"] {
            assert_eq!(
                ask_for_code(&world, &token, attribute).await,
                Err(invalid("Invalid attribute name. Only phone_number and email can be verified.")),
                "{attribute}"
            );
        }
        assert_eq!(
            ask_for_code(&world, &token, "phone_number").await,
            Err(invalid("User does not have a valid registered phone number"))
        );
        delete(&world, &token, &["email"]).await.unwrap();
        assert_eq!(
            ask_for_code(&world, &token, "email").await,
            Err(invalid("User does not have a valid registered email"))
        );
        assert_eq!(world.mail().await.len(), 1);
    }
}

spec! {
    async fn five_codes_an_hour_are_sent(world: World) {
        let client = world.app_client().await;
        signed_in(&world, &client, "alice").await;
        // The code of the sign-up is an hour ago.
        world.advance(Duration::from_secs(60 * 60));
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        for _ in 0..5 {
            world.advance(Duration::from_millis(1));
            ask_for_code(&world, &token, "email").await.unwrap();
        }
        assert_eq!(ask_for_code(&world, &token, "email").await, Err(too_often()));
        let code = world.code_for("alice").await;
        verify(&world, &token, "email", &code).await.unwrap();
        world.advance(Duration::from_secs(60 * 60));
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        ask_for_code(&world, &token, "email").await.unwrap();
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        let request = |access_token| {
            let attribute_name = Some("email".to_owned());
            api::GetUserAttributeVerificationCodeRequest { access_token, attribute_name, ..Default::default() }
        };
        asks_for_a_token_that_stands(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let token = signed_in(&world, &client, "alice").await;
    let body = json!({"AccessToken": token, "AttributeName": "email", "ClientMetadata": {"key": "value"}});
    let reply = post_json(&world, Op::GetUserAttributeVerificationCode, &body).await;
    let sent = json!({"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"});
    assert_eq!((reply.status, reply.json()), (200, json!({"CodeDeliveryDetails": sent})));
}
