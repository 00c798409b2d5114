//! `AdminDeleteUserAttributes`.

use std::time::Duration;

use cognate::api::{self, Op, alias_attribute, attribute_data};
use serde_json::json;

use super::{refuses_what_is_unknown, unknown_user};
use crate::spec;
use crate::support::{Wire, World, refusal};
use crate::wire::post_json;

spec! {
    async fn an_address_goes_with_its_flag_and_with_the_alias_that_it_was(world: World) {
        let aliases = [alias_attribute::Value::Email, alias_attribute::Value::PreferredUsername];
        let aliases = aliases.map(i32::from).to_vec();
        let pool = world.pool(|request| request.alias_attributes = aliases).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let given = [("name", "Alice"), ("preferred_username", "queen")];
        world.update_attributes(&pool, "alice", &given).await.unwrap();
        let before = world.admin_get_user(&pool, "alice").await.unwrap();
        world.advance(Duration::from_secs(1));
        // What the user does not have is no error.
        let names = ["email", "preferred_username", "nickname"];
        world.delete_attributes(&pool, "queen", &names).await.unwrap();
        assert_eq!(world.attributes_of(&pool, "alice").await, ["name=Alice"]);
        for name in ["alice@example.com", "queen"] {
            assert_eq!(world.admin_get_user(&pool, name).await, Err(unknown_user()), "{name}");
        }
        let after = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        let free = [("preferred_username", "queen"), ("email", "alice@example.com"), ("email_verified", "true")];
        world.confirmed_user(&client, "bob").await;
        world.update_attributes(&pool, "bob", &free).await.unwrap();
    }
}

spec! {
    async fn an_address_without_its_flag_is_unverified(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        world.delete_attributes(&pool, "alice", &["email_verified"]).await.unwrap();
        assert_eq!(world.attributes_of(&pool, "alice").await, ["email=alice@example.com", "email_verified=false"]);
        assert_eq!(world.admin_get_user(&pool, "alice@example.com").await, Err(unknown_user()));
    }
}

spec! {
    async fn a_code_that_was_sent_to_the_address_is_void(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        world.delete_attributes(&client.pool, "alice", &["email"]).await.unwrap();
        assert_eq!(
            world.confirm(&client, "alice", &code).await,
            Err(refusal("ExpiredCodeException", "Invalid code provided, please request a code again."))
        );
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
        world.confirmed_user(&client, "alice").await;
        world.update_attributes(&pool, "alice", &[("name", "Alice")]).await.unwrap();
        let before = world.admin_get_user(&pool, "alice").await;
        world.advance(Duration::from_secs(1));
        for (name, message) in [
            ("custom:foo", "Invalid user attributes: user.custom:foo: Attribute does not exist in the schema.\n"),
            ("email", "Attributes did not conform to the schema: email: The attribute is required"),
            ("custom:badge", "user.custom:badge: Attribute cannot be updated."),
            ("sub", "user.sub: Attribute cannot be updated."),
        ] {
            assert_eq!(
                world.delete_attributes(&pool, "alice", &["name", name]).await,
                Err(refusal("InvalidParameterException", message))
            );
        }
        assert_eq!(world.admin_get_user(&pool, "alice").await, before);
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| {
            let user_attribute_names = vec!["name".to_owned()];
            api::AdminDeleteUserAttributesRequest { user_pool_id, username, user_attribute_names }
        };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({"UserPoolId": client.pool, "Username": "alice", "UserAttributeNames": ["name"]});
    let reply = post_json(&world, Op::AdminDeleteUserAttributes, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}
