//! `DeleteUserAttributes`.

use std::time::Duration;

use cognate::api::{self, Op, alias_attribute, attribute_data};
use serde_json::json;

use super::{
    ask_for_code, asks_for_a_token_that_stands, delete, expired, invalid, not_theirs_to_write, signed_in, unknown_user,
    update, verify,
};
use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::{Wire, World};
use crate::wire::post_json;

spec! {
    async fn an_address_goes_with_its_flag_and_with_the_sign_in_name_that_it_was(world: World) {
        let aliases = [alias_attribute::Value::Email, alias_attribute::Value::PreferredUsername];
        let aliases = aliases.map(i32::from).to_vec();
        let pool = world.pool(|request| request.alias_attributes = aliases).await;
        let client = world.client(&pool, |_| {}).await;
        let token = signed_in(&world, &client, "alice").await;
        update(&world, &token, &[("name", "Alice"), ("preferred_username", "queen")]).await.unwrap();
        world.try_password(&client, "queen", PASSWORD).await.unwrap();
        let before = world.admin_get_user(&pool, "alice").await.unwrap();
        world.advance(Duration::from_secs(1));
        // What the user does not have is no error.
        delete(&world, &token, &["email", "preferred_username", "nickname"]).await.unwrap();
        assert_eq!(world.attributes_of(&pool, "alice").await, ["name=Alice"]);
        for name in ["alice@example.com", "queen"] {
            assert_eq!(world.try_password(&client, name, PASSWORD).await, Err(unknown_user()), "{name}");
        }
        let after = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        let other = signed_in(&world, &client, "bob").await;
        update(&world, &other, &[("preferred_username", "queen")]).await.unwrap();
    }
}

spec! {
    async fn a_code_that_was_sent_to_the_address_is_void(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        ask_for_code(&world, &token, "email").await.unwrap();
        let code = world.code_for("alice").await;
        delete(&world, &token, &["email"]).await.unwrap();
        // The same address again is not the one that the code was sent to.
        world.update_attributes(&client.pool, "alice", &[("email", "alice@example.com"), ("email_verified", "true")]).await.unwrap();
        assert_eq!(verify(&world, &token, "email", &code).await, Err(expired()));
    }
}

spec! {
    async fn what_the_client_may_not_write_it_may_not_delete(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.write_attributes = vec!["email".to_owned()]).await;
        let token = signed_in(&world, &client, "alice").await;
        world.update_attributes(&pool, "alice", &[("name", "Alice")]).await.unwrap();
        for name in ["name", "sub", "email_verified", "phone_number_verified", "custom:foo"] {
            assert_eq!(delete(&world, &token, &["email", name]).await, Err(not_theirs_to_write()), "{name}");
        }
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["email=alice@example.com", "email_verified=true", "name=Alice"]
        );
        delete(&world, &token, &["email"]).await.unwrap();
        assert_eq!(world.attributes_of(&pool, "alice").await, ["name=Alice"]);
    }
}

spec! {
    async fn what_is_unknown_required_or_immutable_cannot_go_and_nothing_does(world: World) {
        let pool = world
            .pool(|request| {
                let badge = api::SchemaAttribute {
                    name: Some("badge".to_owned()),
                    attribute_data_type: Some(attribute_data::Value::String.into()),
                    mutable: Some(false),
                    ..Default::default()
                };
                let email = api::SchemaAttribute {
                    name: Some("email".to_owned()),
                    required: Some(true),
                    ..Default::default()
                };
                request.schema = vec![badge, email];
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let token = signed_in(&world, &client, "alice").await;
        update(&world, &token, &[("name", "Alice")]).await.unwrap();
        for (name, message) in [
            ("custom:foo", "Invalid user attributes: user.custom:foo: Attribute does not exist in the schema.\n"),
            ("cognito:groups", "Invalid user attributes: user.cognito:groups: Attribute does not exist in the schema.\n"),
            ("email", "Attributes did not conform to the schema: email: The attribute is required"),
            ("custom:badge", "user.custom:badge: Attribute cannot be updated."),
        ] {
            assert_eq!(delete(&world, &token, &["name", name]).await, Err(invalid(message)));
        }
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["email=alice@example.com", "email_verified=true", "name=Alice"]
        );
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        let request = |access_token| {
            let user_attribute_names = vec!["name".to_owned()];
            api::DeleteUserAttributesRequest { access_token, user_attribute_names }
        };
        asks_for_a_token_that_stands(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let token = signed_in(&world, &client, "alice").await;
    let body = json!({"AccessToken": token, "UserAttributeNames": ["name"]});
    let reply = post_json(&world, Op::DeleteUserAttributes, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}
