//! `AdminSetUserPassword`.

use std::time::Duration;

use cognate::api::{self, Op, challenge_name, user_status};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::{PASSWORD, named};
use crate::support::{Wire, World, refusal};
use crate::users::refuses_what_is_unknown;
use crate::wire::post_json;

const NEW_PASSWORD: &str = "N3w-passw0rd";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

spec! {
    async fn the_new_password_serves_and_the_old_one_no_longer_while_sessions_go_on(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let before = world.admin_get_user(&client.pool, "alice").await.unwrap();
        world.advance(Duration::from_secs(1));
        world.set_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        let after = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        assert_eq!(after.user_attributes, before.user_attributes);
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(refusal("NotAuthorizedException", "Incorrect username or password."))
        );
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        world.get_user(tokens.access_token()).await.unwrap();
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        assert_eq!(world.mail().await.len(), 1, "nothing is sent but the code of the sign-up");
    }
}

spec! {
    async fn it_confirms_the_unconfirmed_but_verifies_no_address_and_the_code_is_void(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        world.set_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        let alice = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(alice.user_status(), user_status::Value::Confirmed);
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=alice@example.com", "email_verified=false"]);
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        assert_eq!(
            world.confirm(&client, "alice", &code).await,
            Err(refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"))
        );
    }
}

spec! {
    async fn a_password_must_conform_to_the_policy(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        for (password, reason) in [
            ("Sh0rt!", "Password not long enough"),
            ("passw0rd!", "Password must have uppercase characters"),
            ("PASSW0RD!", "Password must have lowercase characters"),
            ("Password!", "Password must have numeric characters"),
            ("Passw0rdd", "Password must have symbol characters"),
        ] {
            assert_eq!(
                world.set_password(&client.pool, "alice", password).await,
                Err(refusal("InvalidPasswordException", &format!("Password does not conform to policy: {reason}")))
            );
        }
        world.sign_in(&client, "alice").await;
    }
}

spec! {
    async fn without_permanent_the_password_is_temporary_and_sessions_go_on(world: World) {
        let client = world.app_client().await;
        for (permanent, name) in [(None, "alice"), (Some(false), "bob")] {
            world.confirmed_user(&client, name).await;
            let tokens = world.sign_in(&client, name).await;
            world.advance(Duration::from_secs(1));
            let (user_pool_id, username) = named(&client.pool, name);
            let password = Some(NEW_PASSWORD.to_owned());
            let request = api::AdminSetUserPasswordRequest { user_pool_id, username, password, permanent };
            world.call(request).await.unwrap();
            let user = world.admin_get_user(&client.pool, name).await.unwrap();
            assert_eq!(user.user_status(), user_status::Value::ForceChangePassword);
            assert_eq!(user.user_last_modified_date.unwrap().seconds, world.now().as_second());
            assert_eq!(
                world.try_password(&client, name, PASSWORD).await,
                Err(refusal("NotAuthorizedException", "Incorrect username or password."))
            );
            let reply = world.call(world.password_request(&client, name, NEW_PASSWORD)).await.unwrap();
            assert_eq!(reply.challenge_name(), challenge_name::Value::NewPasswordRequired);
            world.get_user(tokens.access_token()).await.unwrap();
            world.refresh(&client, tokens.refresh_token()).await.unwrap();
        }
        assert_eq!(world.mail().await.len(), 2, "nothing is sent but the codes of the sign-ups");
    }
}

spec! {
    async fn a_temporary_password_ends_after_seven_days_to_the_millisecond_and_a_new_one_begins_anew(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.set_temporary_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        world.advance(7 * DAY - Duration::from_millis(1));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        world.advance(Duration::from_millis(1));
        let hashes = world.hashes_evaluated();
        for password in [NEW_PASSWORD, PASSWORD] {
            assert_eq!(
                world.try_password(&client, "alice", password).await,
                Err(refusal(
                    "NotAuthorizedException",
                    "Temporary password has expired and must be reset by an administrator."
                ))
            );
        }
        assert_eq!(world.hashes_evaluated(), hashes);
        world.set_temporary_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        world.advance(7 * DAY - Duration::from_millis(1));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        world.set_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        world.advance(7 * DAY);
        let reply = world.call(world.password_request(&client, "alice", NEW_PASSWORD)).await.unwrap();
        assert!(reply.authentication_result.is_some());
    }
}

spec! {
    async fn a_temporary_password_confirms_nobody_for_the_code_of_the_sign_up(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        world.set_temporary_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        assert_eq!(
            world.confirm(&client, "alice", &code).await,
            Err(refusal("NotAuthorizedException", "User cannot be confirmed. Current status is FORCE_CHANGE_PASSWORD"))
        );
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=alice@example.com", "email_verified=false"]);
    }
}

spec! {
    async fn bounds_are_told_without_the_password(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        for (password, constraint) in [
            (None, "Member must not be null"),
            (Some("x".repeat(257)), "Member must have length less than or equal to 256"),
            (Some("edge Sp4ce! ".to_owned()), "Member must satisfy regular expression pattern: ^[\\S]+.*[\\S]+$"),
        ] {
            let (user_pool_id, username) = named(&client.pool, "alice");
            let request = api::AdminSetUserPasswordRequest { user_pool_id, username, password, permanent: Some(true) };
            assert_eq!(
                world.call(request).await,
                Err(refusal(
                    "InvalidParameterException",
                    &format!("1 validation error detected: Value at 'password' failed to satisfy constraint: {constraint}")
                ))
            );
        }
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| {
            let (password, permanent) = (Some(NEW_PASSWORD.to_owned()), Some(true));
            api::AdminSetUserPasswordRequest { user_pool_id, username, password, permanent }
        };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object_and_the_audit_trail_hides_the_password() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice", "Password": NEW_PASSWORD, "Permanent": true});
    let reply = post_json(&world, Op::AdminSetUserPassword, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
    let trail = world.audit().await;
    let line = trail.iter().find(|line| line["eventName"] == "AdminSetUserPassword").unwrap();
    assert_eq!(line["requestParameters"]["password"], "HIDDEN_DUE_TO_SECURITY_REASONS");
    assert!(!trail.iter().any(|line| line.to_string().contains(NEW_PASSWORD)));
}
