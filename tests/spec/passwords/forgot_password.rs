//! `ForgotPassword`.

use cognate::api::recovery_option_name::Value::{AdminOnly, VerifiedEmail, VerifiedPhoneNumber};
use cognate::api::{self, Op, alias_attribute, user_status, username_attribute, verified_attribute};
use serde_json::json;

use super::*;
use crate::spec;
use crate::support::fixtures::{PASSWORD, with_secret};
use crate::support::{Wire, at_once};
use crate::wire::post_json;

/// What a simulated mail mask looks like: `a***@b***`.
fn is_mail_mask(destination: &str) -> bool {
    let letters: Vec<char> = destination.chars().filter(char::is_ascii_lowercase).collect();
    letters.len() == 2 && destination == format!("{}***@{}***", letters[0], letters[1])
}

spec! {
    async fn a_code_goes_to_the_verified_address_and_nothing_else_changes(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let before = world.admin_get_user(&client.pool, "alice").await.unwrap();
        world.advance(MILLISECOND);
        assert_eq!(world.forgot(&client, "alice").await, Ok(by_mail("a***@e***")));
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2);
        assert_eq!((mail[1].medium.as_str(), mail[1].to.as_str()), ("EMAIL", "alice@example.com"));
        assert_eq!((mail[1].purpose.as_str(), mail[1].username.as_str()), ("forgot_password", "alice"));
        assert!(mail[1].code.len() == 6 && mail[1].body.contains(&mail[1].code), "{mail:?}");
        assert_eq!(world.admin_get_user(&client.pool, "alice").await, Ok(before));
        world.sign_in(&client, "alice").await;
    }
}

spec! {
    async fn without_a_setting_the_phone_comes_before_the_mail_and_only_what_is_verified_counts(world: World) {
        let client = world.app_client().await;
        reachable_both_ways(&world, &client, "alice").await;
        assert_eq!(world.forgot(&client, "alice").await, Ok(by_text_message("+*******9934")));
        let unverified = [("phone_number_verified", "false")];
        world.update_attributes(&client.pool, "alice", &unverified).await.unwrap();
        assert_eq!(world.forgot(&client, "alice").await, Ok(by_mail("a***@e***")));
        world.update_attributes(&client.pool, "alice", &[("email_verified", "false")]).await.unwrap();
        assert_eq!(world.forgot(&client, "alice").await, Err(no_address()));
        assert_eq!(world.mail().await.len(), 3, "one for the sign-up and two for the password");
    }
}

spec! {
    async fn the_pools_order_of_means_decides(world: World) {
        let pool = world.pool(recovers_by(&[VerifiedEmail, VerifiedPhoneNumber])).await;
        let client = world.client(&pool, |_| {}).await;
        reachable_both_ways(&world, &client, "alice").await;
        assert_eq!(world.forgot(&client, "alice").await, Ok(by_mail("a***@e***")));
        world.update_attributes(&pool, "alice", &[("email_verified", "false")]).await.unwrap();
        assert_eq!(world.forgot(&client, "alice").await, Ok(by_text_message("+*******9934")));

        let pool = world.pool(recovers_by(&[VerifiedPhoneNumber])).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        assert_eq!(world.forgot(&client, "alice").await, Err(no_address()));
    }
}

spec! {
    async fn where_operators_reset_passwords_nobody_else_does(world: World) {
        let pool = world.pool(recovers_by(&[AdminOnly])).await;
        let (client, hiding) = (world.client(&pool, |_| {}).await, hiding(&world, &pool).await);
        world.confirmed_user(&client, "alice").await;
        for (client, name) in [(&client, "alice"), (&client, "nobody"), (&hiding, "alice"), (&hiding, "nobody")] {
            let refused = not_authorized("Contact administrator to reset password.");
            assert_eq!(world.forgot(client, name).await, Err(refused));
        }
        assert_eq!(world.mail().await.len(), 1);
    }
}

spec! {
    async fn every_name_of_the_user_finds_them(world: World) {
        let pool = world
            .pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()])
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        for name in ["alice", "alice@example.com"] {
            assert_eq!(world.forgot(&client, name).await, Ok(by_mail("a***@e***")));
        }
        let pool =
            world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let request = api::SignUpRequest {
            user_attributes: Vec::new(),
            ..world.sign_up_request(&client, "carol@example.com")
        };
        let sub = world.call(request).await.unwrap().user_sub;
        let code = world.code_for(&sub).await;
        world.confirm(&client, &sub, &code).await.unwrap();
        for name in ["carol@example.com", &sub] {
            assert_eq!(world.forgot(&client, name).await, Ok(by_mail("c***@e***")));
        }
    }
}

spec! {
    async fn the_status_decides_whether_there_is_a_code(world: World) {
        use user_status::Value::{ResetRequired, Unconfirmed};
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        assert_eq!(world.forgot(&client, "alice").await, Err(no_address()));
        world.update_attributes(&client.pool, "alice", &[("email_verified", "true")]).await.unwrap();
        assert_eq!(world.forgot(&client, "alice").await, Ok(by_mail("a***@e***")));
        assert_eq!(status_of(&world, &client.pool, "alice").await, Unconfirmed);

        world.confirmed_user(&client, "bob").await;
        world.reset_password(&client.pool, "bob").await.unwrap();
        assert_eq!(world.forgot(&client, "bob").await, Ok(by_mail("b***@e***")));
        assert_eq!(status_of(&world, &client.pool, "bob").await, ResetRequired);
    }
}

spec! {
    async fn the_unknown_and_the_disabled_are_told_where_nobody_is_hidden(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.disable(&client.pool, "alice").await;
        for _ in 0..6 {
            assert_eq!(world.forgot(&client, "nobody").await, Err(unknown()));
            assert_eq!(world.forgot(&client, "alice").await, Err(not_authorized("User is disabled.")));
        }
        world.enable(&client.pool, "alice").await;
        world.forgot(&client, "alice").await.unwrap();
    }
}

spec! {
    async fn five_codes_an_hour_are_enough(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let replies = at_once((0..12).map(|_| world.forgot(&client, "alice"))).await;
        assert_eq!(replies.iter().filter(|reply| **reply == Ok(by_mail("a***@e***"))).count(), 5);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(too_often())).count(), 7);
        assert_eq!(world.mail().await.len(), 6);
        world.advance(HOUR - MILLISECOND);
        let world = world.restarted().await;
        assert_eq!(world.forgot(&client, "alice").await, Err(too_often()));
        world.advance(MILLISECOND);
        world.forgot(&client, "alice").await.unwrap();
    }
}

spec! {
    async fn where_users_are_hidden_whoever_gets_no_code_is_answered_like_who_does(world: World) {
        let pool = world.pool(|_| {}).await;
        let (open, client) = (world.client(&pool, |_| {}).await, hiding(&world, &pool).await);
        world.confirmed_user(&open, "alice").await;
        world.confirmed_user(&open, "disabled").await;
        world.disable(&pool, "disabled").await;
        world.sign_up(&open, "unreachable").await;
        let sent = world.mail().await.len();
        for name in ["alice", "disabled", "unreachable", "nobody"] {
            let told = world.forgot(&client, name).await.unwrap();
            assert!(is_mail_mask(told.destination()), "{told:?}");
            assert_eq!(told, by_mail(told.destination()));
            for _ in 0..4 {
                assert_eq!(world.forgot(&client, name).await.as_ref(), Ok(&told));
            }
            assert_eq!(world.forgot(&client, name).await, Err(too_often()), "{name}");
        }
        assert_eq!(world.mail().await.len(), sent + 5, "only alice is sent any");
        world.advance(HOUR);
        let before = world.forgot(&client, "nobody").await;
        let world = world.restarted().await;
        assert_eq!(world.forgot(&client, "nobody").await, before);
    }
}

spec! {
    async fn a_disabled_user_who_is_hidden_is_told_what_was_told_before(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = hiding(&world, &pool).await;
        world.confirmed_user(&client, "alice").await;
        let told = world.forgot(&client, "alice").await;
        world.disable(&pool, "alice").await;
        assert_eq!(world.forgot(&client, "alice").await, told);
    }
}

spec! {
    async fn a_hidden_name_gets_the_kind_of_message_that_users_get(world: World) {
        use verified_attribute::Value::PhoneNumber;
        let pool = world.pool(verifies(&[PhoneNumber])).await;
        let client = hiding(&world, &pool).await;
        let told = world.forgot(&client, "nobody").await.unwrap();
        assert_eq!(told, by_text_message(told.destination()));

        let pool = world.pool(|request| {
            recovers_by(&[VerifiedEmail])(request);
            verifies(&[PhoneNumber])(request);
        });
        let client = hiding(&world, &pool.await).await;
        let told = world.forgot(&client, "nobody").await.unwrap();
        assert_eq!(told, by_mail(told.destination()));

        let pool = world
            .pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()])
            .await;
        let client = hiding(&world, &pool).await;
        assert_eq!(world.forgot(&client, "nobody@example.com").await, Ok(by_mail("n***@e***")));
    }
}

spec! {
    async fn an_unknown_client_and_a_wrong_proof_are_refused_before_the_user_is_looked_for(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let request = |client_id: &str, username: &str, secret_hash: Option<String>| api::ForgotPasswordRequest {
            client_id: Some(client_id.to_owned()),
            username: Some(username.to_owned()),
            secret_hash,
            ..Default::default()
        };
        let missing = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
        let mismatch = format!("Unable to verify secret hash for client {}", client.id);
        let absent = "User pool client 1example23456789 does not exist.";
        for username in ["alice", "nobody"] {
            let wrong = request(&client.id, username, client.secret_hash("bob"));
            assert_eq!(world.call(wrong).await, Err(not_authorized(&mismatch)));
            let without = request(&client.id, username, None);
            assert_eq!(world.call(without).await, Err(not_authorized(&missing)));
            let nowhere = request("1example23456789", username, None);
            assert_eq!(world.call(nowhere).await, Err(refusal("ResourceNotFoundException", absent)));
        }
        world.forgot(&client, "alice").await.unwrap();
    }
}

spec! {
    async fn members_that_are_needed_or_out_of_bounds_are_named(world: World) {
        assert_eq!(
            world.call(api::ForgotPasswordRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value at 'clientId' failed to satisfy constraint: Member must not be \
                 null; Value at 'username' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_the_destination_and_the_audit_trail_names_nobody() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let reply = post_json(&world, Op::ForgotPassword, &json!({"ClientId": client.id, "Username": "alice"})).await;
    let details = json!({"Destination": "a***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"});
    assert_eq!((reply.status, reply.json()), (200, json!({"CodeDeliveryDetails": details})));
    let code = world.code_for("alice").await;
    let body = json!({"ClientId": client.id, "Username": "alice", "ConfirmationCode": code, "Password": NEW_PASSWORD});
    let reply = post_json(&world, Op::ConfirmForgotPassword, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
    let trail = world.audit().await;
    for name in ["ForgotPassword", "ConfirmForgotPassword"] {
        let line = trail.iter().find(|line| line["eventName"] == name).unwrap();
        assert_eq!(line["requestParameters"]["username"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    }
    for secret in [&code, NEW_PASSWORD, PASSWORD, "alice"] {
        assert!(!trail.iter().any(|line| line.to_string().contains(&format!("\"{secret}\""))), "{secret}");
    }
}
