//! `AdminGetUser`.

use std::time::Duration;

use cognate::api::{self, alias_attribute, user_status, username_attribute};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::{attribute, value_of};
use crate::support::{Credential, Wire, World, refusal};

fn unknown_user() -> Result<api::AdminGetUserResponse, crate::support::Refusal> {
    Err(refusal("UserNotFoundException", "User does not exist."))
}

fn time(text: &str) -> Option<prost_types::Timestamp> {
    let time: jiff::Timestamp = text.parse().unwrap();
    Some(prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() })
}

spec! {
    async fn an_operator_sees_all_of_a_user_in_every_state(world: World) {
        let client = world.app_client().await;
        world.advance(Duration::from_millis(1_022));
        let sub = world.sign_up(&client, "alice").await.user_sub;
        let unconfirmed = api::AdminGetUserResponse {
            username: "alice".to_owned(),
            user_attributes: vec![
                attribute("sub", &sub),
                attribute("email", "alice@example.com"),
                attribute("email_verified", "false"),
            ],
            user_create_date: time("2026-01-07T05:06:10.022Z"),
            user_last_modified_date: time("2026-01-07T05:06:10.022Z"),
            enabled: Some(true),
            user_status: Some(user_status::Value::Unconfirmed.into()),
            ..Default::default()
        };
        assert_eq!(world.admin_get_user(&client.pool, "alice").await, Ok(unconfirmed.clone()));

        world.advance(Duration::from_millis(60_001));
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        let confirmed = api::AdminGetUserResponse {
            user_attributes: vec![
                attribute("sub", &sub),
                attribute("email", "alice@example.com"),
                attribute("email_verified", "true"),
            ],
            user_last_modified_date: time("2026-01-07T05:07:10.023Z"),
            user_status: Some(user_status::Value::Confirmed.into()),
            ..unconfirmed
        };
        assert_eq!(world.admin_get_user(&client.pool, "alice").await, Ok(confirmed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_dates_as_numbers_with_milliseconds() {
    let world = World::at(Wire::Json, "2024-05-07T16:52:22.022Z".parse().unwrap(), |_| {}).await;
    let client = world.app_client().await;
    let sub = world.sign_up(&client, "alice").await.user_sub;
    world.advance(Duration::from_millis(3));
    world.confirm_by_operator(&client.pool, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice"}).to_string();
    let operator = Credential::AccessKey(world.operator.clone());
    let reply = world.post(api::Op::AdminGetUser, &operator, body.into_bytes()).await;
    let expected = json!({
        "Username": "alice",
        "UserAttributes": [
            {"Name": "sub", "Value": sub},
            {"Name": "email", "Value": "alice@example.com"},
            {"Name": "email_verified", "Value": "false"},
        ],
        "UserCreateDate": 1_715_100_742.022,
        "UserLastModifiedDate": 1_715_100_742.025,
        "Enabled": true,
        "UserStatus": "CONFIRMED",
    });
    assert_eq!((reply.status, reply.json()), (200, expected));
}

spec! {
    async fn what_a_client_may_read_does_not_bind_operators(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.read_attributes = vec!["name".to_owned()]).await;
        world.sign_up(&client, "alice").await;
        let alice = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_eq!(value_of(&alice.user_attributes, "email"), Some("alice@example.com"));
    }
}

spec! {
    async fn a_user_is_found_by_sub_and_by_an_alias_that_is_verified(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let sub = world.sign_up(&client, "alice").await.user_sub;
        assert_eq!(world.admin_get_user(&pool, &sub).await.unwrap().username, "alice");
        assert_eq!(world.admin_get_user(&pool, "alice@example.com").await, unknown_user());
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        assert_eq!(world.admin_get_user(&pool, "alice@example.com").await.unwrap().username, "alice");
    }
}

spec! {
    async fn where_the_address_is_the_username_the_name_is_the_sub(world: World) {
        let pool = world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let request = api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(&client, "a@example.com") };
        let sub = world.call(request).await.unwrap().user_sub;
        for name in ["a@example.com", &sub] {
            let user = world.admin_get_user(&pool, name).await.unwrap();
            assert_eq!(user.username, sub);
            assert_eq!(value_of(&user.user_attributes, "email"), Some("a@example.com"));
        }
    }
}

spec! {
    async fn where_case_does_not_count_the_spelling_of_the_sign_up_is_told(world: World) {
        let pool = world
            .pool(|request| {
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "Alice").await;
        assert_eq!(world.admin_get_user(&pool, "aLICE").await.unwrap().username, "Alice");
    }
}

spec! {
    async fn an_unknown_user_and_an_unknown_pool_are_named(world: World) {
        let client = world.app_client().await;
        let other_pool = world.pool(|_| {}).await;
        let sub = world.sign_up(&client, "alice").await.user_sub;
        for name in ["nobody", "Alice", "alice@example.com", "00000000-0000-4000-8000-000000000000"] {
            assert_eq!(world.admin_get_user(&client.pool, name).await, unknown_user(), "{name}");
        }
        for name in ["alice", &sub] {
            assert_eq!(world.admin_get_user(&other_pool, name).await, unknown_user(), "{name}");
        }
        assert_eq!(
            world.admin_get_user("us-east-1_Nowhere12", "alice").await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn a_request_without_pool_and_user_breaks_two_bounds(world: World) {
        assert_eq!(
            world.call(api::AdminGetUserRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be \
                 null; Value at 'username' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}
