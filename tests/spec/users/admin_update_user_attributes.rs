//! `AdminUpdateUserAttributes`.

use std::time::Duration;

use cognate::api::{self, Op, alias_attribute, attribute_data, username_attribute};
use serde_json::json;

use super::{refuses_what_is_unknown, unknown_user};
use crate::account::{client_of, expired, mismatch, signed_in, verifies_email_first, verify};
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, attribute};
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::post_json;

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

fn alias_exists(attribute: &str) -> Refusal {
    refusal("AliasExistsException", &format!("An account with the {attribute} already exists."))
}

/// A client of a pool with these aliases.
async fn client_with_aliases(world: &World, aliases: &[alias_attribute::Value]) -> TestClient {
    let aliases = aliases.iter().map(|&alias| alias.into()).collect();
    let pool = world.pool(|request| request.alias_attributes = aliases).await;
    world.client(&pool, |_| {}).await
}

fn custom(name: &str, mutable: bool) -> api::SchemaAttribute {
    api::SchemaAttribute {
        name: Some(name.to_owned()),
        attribute_data_type: Some(attribute_data::Value::String.into()),
        mutable: Some(mutable),
        ..Default::default()
    }
}

spec! {
    async fn attributes_are_set_and_cleared_and_others_stay(world: World) {
        let pool = world.pool(|request| request.schema = vec![custom("team", true)]).await;
        // What clients may write does not bind operators.
        let client = world.client(&pool, |request| request.write_attributes = vec!["email".to_owned()]).await;
        world.confirmed_user(&client, "alice").await;
        let before = world.admin_get_user(&pool, "alice").await.unwrap();
        world.advance(Duration::from_secs(1));
        let given = [("name", "Alice"), ("custom:team", "red"), ("nickname", "")];
        world.update_attributes(&pool, "alice", &given).await.unwrap();
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["custom:team=red", "email=alice@example.com", "email_verified=true", "name=Alice"]
        );
        let after = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        assert_eq!((after.username, after.user_status, after.enabled), (before.username, before.user_status, before.enabled));
        world.update_attributes(&pool, "alice", &[("name", ""), ("custom:team", "blue")]).await.unwrap();
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["custom:team=blue", "email=alice@example.com", "email_verified=true"]
        );
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(crate::support::fixtures::claims(tokens.id_token())["email"], "alice@example.com");
    }
}

spec! {
    async fn another_address_is_unverified_and_gets_a_code_unless_the_operator_says_otherwise(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        for (given, expected) in [
            (&[("email", "alice@example.com")][..], ["email=alice@example.com", "email_verified=true"]),
            (&[("email", "b@example.com")], ["email=b@example.com", "email_verified=false"]),
            (&[("email_verified", "true")], ["email=b@example.com", "email_verified=true"]),
            (&[("email_verified", "false")], ["email=b@example.com", "email_verified=false"]),
            (&[("email", "c@example.com"), ("email_verified", "true")], ["email=c@example.com", "email_verified=true"]),
        ] {
            world.update_attributes(&client.pool, "alice", given).await.unwrap();
            assert_eq!(world.attributes_of(&client.pool, "alice").await, expected);
        }
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2, "beside the code of the sign-up");
        assert_eq!((mail[1].to.as_str(), mail[1].purpose.as_str()), ("b@example.com", "attribute_verification"));
        assert_eq!(verify(&world, &token, "email", &mail[1].code).await, Err(expired()));
        world.advance(Duration::from_secs(1));
        world.update_attributes(&client.pool, "alice", &[("email", "d@example.com")]).await.unwrap();
        verify(&world, &token, "email", &world.code_for("alice").await).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=d@example.com", "email_verified=true"]);
    }
}

spec! {
    async fn where_the_pool_asks_for_it_a_new_address_waits_for_its_code_unless_the_operator_says_it_is_verified(world: World) {
        let client = client_of(&world, verifies_email_first).await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        for given in [&[("email", "b@example.com")][..], &[("email", "b@example.com"), ("email_verified", "false")]] {
            world.advance(Duration::from_secs(1));
            world.update_attributes(&client.pool, "alice", given).await.unwrap();
            let before = ["email=alice@example.com", "email_verified=true"];
            assert_eq!(world.attributes_of(&client.pool, "alice").await, before);
        }
        verify(&world, &token, "email", &world.code_for("alice").await).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=b@example.com", "email_verified=true"]);
        let verified = [("email", "c@example.com"), ("email_verified", "true")];
        world.update_attributes(&client.pool, "alice", &verified).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=c@example.com", "email_verified=true"]);
        assert_eq!(world.mail().await.len(), 3);
    }
}

spec! {
    async fn what_the_schema_does_not_allow_is_refused_and_nothing_changes(world: World) {
        let pool = world
            .pool(|request| {
                let email = api::SchemaAttribute {
                    name: Some("email".to_owned()),
                    required: Some(true),
                    ..Default::default()
                };
                request.schema = vec![custom("badge", false), email];
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let mut request = world.sign_up_request(&client, "alice");
        request.user_attributes.push(attribute("custom:badge", "7"));
        world.call(request).await.unwrap();
        let before = world.admin_get_user(&pool, "alice").await;
        world.advance(Duration::from_secs(1));
        for (given, message) in [
            (("custom:shoe", "44"), "Attributes did not conform to the schema: custom:shoe: Attribute does not exist in the schema."),
            (("custom:badge", "8"), "user.custom:badge: Attribute cannot be updated."),
            (("sub", "00000000-0000-4000-8000-000000000000"), "user.sub: Attribute cannot be updated."),
            (("email", ""), "Attributes did not conform to the schema: email: The attribute is required"),
            (("email", "nowhere"), "Invalid email address format."),
            (("phone_number", "0100"), "Invalid phone number format."),
            (("phone_number_verified", "true"), "phone_number_verified cannot be true without a value of phone_number."),
            (("email_verified", "perhaps"), "Attributes did not conform to the schema: email_verified: The value must be true or false."),
            (("updated_at", "today"), "Attributes did not conform to the schema: updated_at: The value must be a number."),
        ] {
            let given = [("name", "Alice"), given];
            assert_eq!(world.update_attributes(&pool, "alice", &given).await, Err(invalid(message)));
        }
        assert_eq!(
            world.update_attributes(&pool, "alice", &[("name", "a"), ("name", "b")]).await,
            Err(invalid("The attribute name is given more than once."))
        );
        assert_eq!(world.admin_get_user(&pool, "alice").await, before);
    }
}

spec! {
    async fn a_verified_address_is_an_alias_and_another_or_an_unverified_one_is_not(world: World) {
        let client = client_with_aliases(&world, &[alias_attribute::Value::Email]).await;
        let pool = &client.pool;
        world.confirmed_user(&client, "alice").await;
        world.try_password(&client, "alice@example.com", PASSWORD).await.unwrap();
        let unverified = [("email", "b@example.com")];
        world.update_attributes(pool, "alice@example.com", &unverified).await.unwrap();
        for name in ["alice@example.com", "b@example.com"] {
            assert_eq!(world.admin_get_user(pool, name).await, Err(unknown_user()), "{name}");
        }
        world.update_attributes(pool, "alice", &[("email_verified", "true")]).await.unwrap();
        world.try_password(&client, "b@example.com", PASSWORD).await.unwrap();
        world.update_attributes(pool, "alice", &[("email_verified", "false")]).await.unwrap();
        assert_eq!(world.try_password(&client, "b@example.com", PASSWORD).await, Err(unknown_user()));
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_alias_that_is_another_users_is_refused_and_stays_theirs(world: World) {
        let client = client_with_aliases(&world, &[alias_attribute::Value::Email]).await;
        let pool = &client.pool;
        world.confirmed_user(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        let taken = [("email", "alice@example.com"), ("email_verified", "true"), ("name", "Bob")];
        assert_eq!(world.update_attributes(pool, "bob", &taken).await, Err(alias_exists("email")));
        assert_eq!(world.attributes_of(pool, "bob").await, ["email=bob@example.com", "email_verified=true"]);
        assert_eq!(world.admin_get_user(pool, "alice@example.com").await.unwrap().username, "alice");
        // Unverified, an address may be anybody's; verified, only once the other has let it go.
        world.update_attributes(pool, "bob", &taken[..1]).await.unwrap();
        let verify = [("email_verified", "true")];
        assert_eq!(world.update_attributes(pool, "bob", &verify).await, Err(alias_exists("email")));
        world.update_attributes(pool, "alice", &[("email", "a@example.com")]).await.unwrap();
        world.update_attributes(pool, "bob", &verify).await.unwrap();
        assert_eq!(world.admin_get_user(pool, "alice@example.com").await.unwrap().username, "bob");
    }
}

spec! {
    async fn an_alias_that_was_taken_by_force_is_not_given_up_by_its_loser(world: World) {
        let client = client_with_aliases(&world, &[alias_attribute::Value::Email]).await;
        let pool = &client.pool;
        world.confirmed_user(&client, "alice").await;
        let mut request = world.sign_up_request(&client, "bob");
        request.user_attributes = vec![attribute("email", "alice@example.com")];
        world.call(request).await.unwrap();
        let code = world.code_for("bob").await;
        let force = api::ConfirmSignUpRequest {
            force_alias_creation: Some(true),
            ..world.confirm_request(&client, "bob", &code)
        };
        world.call(force).await.unwrap();
        world.update_attributes(pool, "alice", &[("email", "a@example.com")]).await.unwrap();
        world.delete_user(pool, "alice").await.unwrap();
        assert_eq!(world.admin_get_user(pool, "alice@example.com").await.unwrap().username, "bob");
    }
}

spec! {
    async fn of_many_who_are_given_one_alias_at_once_one_gets_it(world: World) {
        let client = client_with_aliases(&world, &[alias_attribute::Value::Email]).await;
        let names: Vec<String> = (0..8).map(|number| format!("user{number}")).collect();
        for name in &names {
            world.sign_up(&client, name).await;
        }
        let shared = [("email", "shared@example.com"), ("email_verified", "true")];
        let outcomes = at_once(names.iter().map(|name| world.update_attributes(&client.pool, name, &shared))).await;
        let owners: Vec<&String> =
            names.iter().zip(&outcomes).filter(|(_, outcome)| outcome.is_ok()).map(|(name, _)| name).collect();
        assert_eq!(owners.len(), 1, "{outcomes:?}");
        assert!(outcomes.into_iter().filter_map(Result::err).all(|refused| refused == alias_exists("email")));
        assert_eq!(&world.admin_get_user(&client.pool, "shared@example.com").await.unwrap().username, owners[0]);
    }
}

spec! {
    async fn a_preferred_username_is_an_alias_at_once_and_lives_among_all_names(world: World) {
        let aliases = [alias_attribute::Value::Email, alias_attribute::Value::PreferredUsername];
        let client = client_with_aliases(&world, &aliases).await;
        let pool = &client.pool;
        let sub = world.confirmed_user(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        let queen = [("preferred_username", "queen")];
        world.update_attributes(pool, "alice", &queen).await.unwrap();
        world.try_password(&client, "queen", PASSWORD).await.unwrap();
        for taken in ["queen", "alice", &sub] {
            assert_eq!(
                world.update_attributes(pool, "bob", &[("preferred_username", taken)]).await,
                Err(alias_exists("preferred_username")),
                "{taken}"
            );
        }
        assert_eq!(
            world.update_attributes(pool, "bob", &[("preferred_username", "alice@example.com")]).await,
            Err(invalid("Username cannot be of email format, since user pool is configured for email alias."))
        );
        assert_eq!(
            world.call(world.sign_up_request(&client, "queen")).await,
            Err(refusal("UsernameExistsException", "User already exists"))
        );
        // One's own name is nobody else's.
        world.update_attributes(pool, "alice", &[("preferred_username", "alice")]).await.unwrap();
        world.update_attributes(pool, "bob", &queen).await.unwrap();
        assert_eq!(world.admin_get_user(pool, "queen").await.unwrap().username, "bob");
        world.sign_up(&client, "carol").await;
        assert_eq!(
            world.update_attributes(pool, "carol", &[("preferred_username", "carla")]).await,
            Err(invalid("preferred_username cannot be set before the user is confirmed."))
        );
    }
}

spec! {
    async fn of_a_preferred_username_and_a_sign_up_by_that_name_at_once_one_succeeds(world: World) {
        let client = client_with_aliases(&world, &[alias_attribute::Value::PreferredUsername]).await;
        world.confirmed_user(&client, "alice").await;
        for number in 0..8 {
            let name = format!("name{number}");
            let given = [("preferred_username", name.as_str())];
            let (set, signed_up) = tokio::join!(
                world.update_attributes(&client.pool, "alice", &given),
                world.call(world.sign_up_request(&client, &name)),
            );
            let owner = world.admin_get_user(&client.pool, &name).await.unwrap().username;
            match (set, signed_up) {
                (Ok(()), Err(refused)) => {
                    assert_eq!(refused, refusal("UsernameExistsException", "User already exists"));
                    assert_eq!(owner, "alice");
                }
                (Err(refused), Ok(_)) => {
                    assert_eq!(refused, alias_exists("preferred_username"));
                    assert_eq!(owner, name);
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

spec! {
    async fn where_the_address_is_the_username_it_moves_though_unverified(world: World) {
        let attributes = vec![username_attribute::Value::Email.into()];
        let pool = world
            .pool(|request| {
                request.username_attributes = attributes;
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        for name in ["a@example.com", "b@example.com"] {
            let request = api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(&client, name) };
            world.call(request).await.unwrap();
        }
        assert_eq!(
            world.update_attributes(&pool, "a@example.com", &[("email", "B@example.com")]).await,
            Err(alias_exists("email"))
        );
        world.update_attributes(&pool, "a@example.com", &[("email", "c@example.com")]).await.unwrap();
        assert_eq!(world.admin_get_user(&pool, "a@example.com").await, Err(unknown_user()));
        assert_eq!(
            world.attributes_of(&pool, "C@example.com").await,
            ["email=c@example.com", "email_verified=false"]
        );
        // Another spelling of the same name stays the user's.
        world.update_attributes(&pool, "c@example.com", &[("email", "C@Example.com")]).await.unwrap();
        world.admin_get_user(&pool, "c@example.com").await.unwrap();
        let request = api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(&client, "a@example.com") };
        world.call(request).await.unwrap();
    }
}

spec! {
    async fn a_new_user_is_confirmed_by_no_code_but_the_one_that_was_sent_to_the_address_in_force(world: World) {
        let client = client_of(&world, verifies_email_first).await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        world.update_attributes(&client.pool, "alice", &[("name", "Alice")]).await.unwrap();
        world.advance(Duration::from_secs(1));
        // Nobody signs in by the address before, so the new one does not wait.
        world.update_attributes(&client.pool, "alice", &[("email", "other@example.com")]).await.unwrap();
        assert_eq!(world.confirm(&client, "alice", &code).await, Err(mismatch()));
        let mail = world.mail().await.pop().unwrap();
        assert_eq!((mail.to.as_str(), mail.purpose.as_str()), ("other@example.com", "sign_up"));
        // What else changes leaves the code in force.
        world.update_attributes(&client.pool, "alice", &[("name", "Al")]).await.unwrap();
        world.confirm(&client, "alice", &mail.code).await.unwrap();
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=other@example.com", "email_verified=true", "name=Al"]
        );
    }
}

spec! {
    async fn what_is_unknown_is_named(world: World) {
        let request = |user_pool_id, username| {
            let user_attributes = vec![attribute("name", "Alice")];
            api::AdminUpdateUserAttributesRequest { user_pool_id, username, user_attributes, ..Default::default() }
        };
        refuses_what_is_unknown(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object_and_the_audit_trail_hides_the_values() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({
        "UserPoolId": client.pool,
        "Username": "alice",
        "UserAttributes": [{"Name": "name", "Value": "Whiterabbit"}],
        "ClientMetadata": {"key": "value"},
    });
    let reply = post_json(&world, Op::AdminUpdateUserAttributes, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
    let trail = world.audit().await;
    assert!(trail.iter().any(|line| line["eventName"] == "AdminUpdateUserAttributes"));
    assert!(!trail.iter().any(|line| line.to_string().contains("Whiterabbit")));
}
