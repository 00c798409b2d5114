//! `UpdateUserAttributes`. What a code is worth is specified at `VerifyUserAttribute`; what no client may write, under
//! `protected_attributes`.

use std::time::Duration;

use cognate::api::{self, Op, alias_attribute, attribute_data, username_attribute, verified_attribute};
use serde_json::json;

use super::{
    ask_for_code, asks_for_a_token_that_stands, by_mail, by_text_message, client_of, expired, invalid, mismatch,
    not_theirs_to_write, signed_in, too_often, unknown_user, update, verifies_both, verifies_email_first,
    verifies_first, verify, with_email_alias,
};
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, attribute, claims};
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn alias_exists(attribute: &str) -> Refusal {
    refusal("AliasExistsException", &format!("An account with the given {attribute} already exists."))
}

/// Makes users be named by their e-mail addresses.
fn named_by_email(request: &mut api::CreateUserPoolRequest) {
    request.username_attributes = vec![username_attribute::Value::Email.into()];
}

/// The access token and `sub` of a new user who is named by this address.
async fn signed_in_by_email(world: &World, client: &TestClient, email: &str) -> (String, String) {
    let request = api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(client, email) };
    let sub = world.call(request).await.unwrap().user_sub;
    let code = world.code_for(&sub).await;
    world.confirm(client, email, &code).await.unwrap();
    (world.sign_in(client, email).await.access_token.unwrap(), sub)
}

spec! {
    async fn attributes_are_set_and_cleared_and_others_stay(world: World) {
        let team = api::SchemaAttribute {
            name: Some("team".to_owned()),
            attribute_data_type: Some(attribute_data::Value::String.into()),
            mutable: Some(true),
            ..Default::default()
        };
        let pool = world.pool(|request| request.schema = vec![team]).await;
        let client = world.client(&pool, |_| {}).await;
        let token = signed_in(&world, &client, "alice").await;
        let before = world.admin_get_user(&pool, "alice").await.unwrap();
        world.advance(Duration::from_secs(1));
        let given = [("name", "Alice"), ("custom:team", "red"), ("nickname", "")];
        assert_eq!(update(&world, &token, &given).await, Ok(vec![]));
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["custom:team=red", "email=alice@example.com", "email_verified=true", "name=Alice"]
        );
        let after = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        assert_eq!((after.user_status, after.enabled), (before.user_status, before.enabled));
        assert_eq!(update(&world, &token, &[("name", ""), ("custom:team", "blue")]).await, Ok(vec![]));
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["custom:team=blue", "email=alice@example.com", "email_verified=true"]
        );
        assert_eq!(claims(world.sign_in(&client, "alice").await.id_token())["custom:team"], "blue");
        assert_eq!(world.mail().await.len(), 1, "nothing is sent but the code of the sign-up");
    }
}

spec! {
    async fn what_the_schema_does_not_allow_is_refused_and_nothing_changes(world: World) {
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
        let before = world.admin_get_user(&pool, "alice").await;
        world.advance(Duration::from_secs(1));
        for (given, message) in [
            (("custom:shoe", "44"), "Attributes did not conform to the schema: custom:shoe: Attribute does not exist in the schema."),
            (("cognito:groups", "all"), "Attributes did not conform to the schema: cognito:groups: Attribute does not exist in the schema."),
            (("custom:badge", "8"), "user.custom:badge: Attribute cannot be updated."),
            (("email", ""), "Attributes did not conform to the schema: email: The attribute is required"),
            (("email", "nowhere"), "Invalid email address format."),
            (("phone_number", "0100"), "Invalid phone number format."),
            (("updated_at", "today"), "Attributes did not conform to the schema: updated_at: The value must be a number."),
        ] {
            assert_eq!(update(&world, &token, &[("name", "Alice"), given]).await, Err(invalid(message)));
        }
        let given = [("email", "b@example.com"), ("custom:badge", "8")];
        assert_eq!(update(&world, &token, &given).await, Err(invalid("user.custom:badge: Attribute cannot be updated.")));
        assert_eq!(
            update(&world, &token, &[("name", "a"), ("name", "b")]).await,
            Err(invalid("The attribute name is given more than once."))
        );
        assert_eq!(world.admin_get_user(&pool, "alice").await, before);
        assert_eq!(world.mail().await.len(), 1, "nothing is sent for a change that is refused");
    }
}

spec! {
    async fn what_the_client_may_not_write_is_refused_and_nothing_changes(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.write_attributes = vec!["email".to_owned()]).await;
        let token = signed_in(&world, &client, "alice").await;
        for name in ["name", "phone_number", "custom:foo", "email_verified"] {
            let given = [("email", "b@example.com"), (name, "")];
            assert_eq!(update(&world, &token, &given).await, Err(not_theirs_to_write()), "{name}");
        }
        let unchanged = ["email=alice@example.com", "email_verified=true"];
        assert_eq!(world.attributes_of(&pool, "alice").await, unchanged);
        update(&world, &token, &[("email", "b@example.com")]).await.unwrap();
    }
}

spec! {
    async fn another_address_is_unverified_and_gets_a_code_if_the_pool_verifies_it(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        // The address that the user has already is no news, and neither is a phone number that the pool does not verify.
        let given = [("email", "alice@example.com"), ("phone_number", "+15555550100")];
        assert_eq!(update(&world, &token, &given).await, Ok(vec![]));
        assert_eq!(world.mail().await.len(), 1);
        assert_eq!(update(&world, &token, &[("email", "b@example.org")]).await, Ok(vec![by_mail("b***@e***")]));
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=b@example.org", "email_verified=false", "phone_number=+15555550100", "phone_number_verified=false"]
        );
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2);
        assert_eq!((mail[1].medium.as_str(), mail[1].to.as_str()), ("EMAIL", "b@example.org"));
        assert_eq!((mail[1].purpose.as_str(), mail[1].username.as_str()), ("attribute_verification", "alice"));
        verify(&world, &token, "email", &mail[1].code).await.unwrap();
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await[..2],
            ["email=b@example.org", "email_verified=true"]
        );
        assert_eq!(update(&world, &token, &[("email", "")]).await, Ok(vec![]));
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["phone_number=+15555550100", "phone_number_verified=false"]
        );
    }
}

spec! {
    async fn two_addresses_get_two_codes_each_by_its_own_way(world: World) {
        let pool = world.pool(verifies_both).await;
        let client = world.client(&pool, |_| {}).await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        let given = [("phone_number", "+15555559934"), ("email", "b@example.org")];
        assert_eq!(
            update(&world, &token, &given).await,
            Ok(vec![by_mail("b***@e***"), by_text_message("+*******9934")])
        );
        let mail = world.mail().await;
        let text = mail.iter().find(|message| message.medium == "SMS").unwrap();
        let letter = mail.iter().rfind(|message| message.medium == "EMAIL").unwrap();
        assert_eq!((text.to.as_str(), text.purpose.as_str()), ("+15555559934", "attribute_verification"));
        verify(&world, &token, "phone_number", &text.code).await.unwrap();
        verify(&world, &token, "email", &letter.code).await.unwrap();
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["email=b@example.org", "email_verified=true", "phone_number=+15555559934", "phone_number_verified=true"]
        );
    }
}

spec! {
    async fn an_alias_is_given_up_with_the_address_and_the_new_one_is_none_before_it_is_verified(world: World) {
        let client = client_of(&world, with_email_alias).await;
        let token = signed_in(&world, &client, "alice").await;
        let other = signed_in(&world, &client, "bob").await;
        world.try_password(&client, "alice@example.com", PASSWORD).await.unwrap();
        // Unverified, an address may be anybody's.
        update(&world, &token, &[("email", "bob@example.com")]).await.unwrap();
        assert_eq!(world.try_password(&client, "alice@example.com", PASSWORD).await, Err(unknown_user()));
        assert_eq!(world.admin_get_user(&client.pool, "bob@example.com").await.unwrap().username, "bob");
        // The old one is free for whoever proves to hold it.
        world.advance(Duration::from_secs(1));
        update(&world, &other, &[("email", "alice@example.com")]).await.unwrap();
        let code = world.code_for("bob").await;
        verify(&world, &other, "email", &code).await.unwrap();
        assert_eq!(world.admin_get_user(&client.pool, "alice@example.com").await.unwrap().username, "bob");
    }
}

spec! {
    async fn a_preferred_username_that_is_anothers_is_refused(world: World) {
        let aliases = vec![alias_attribute::Value::PreferredUsername.into()];
        let pool = world.pool(|request| request.alias_attributes = aliases).await;
        let client = world.client(&pool, |_| {}).await;
        let alice = signed_in(&world, &client, "alice").await;
        let bob = signed_in(&world, &client, "bob").await;
        update(&world, &alice, &[("preferred_username", "queen")]).await.unwrap();
        for taken in ["queen", "alice"] {
            let given = [("preferred_username", taken)];
            assert_eq!(update(&world, &bob, &given).await, Err(alias_exists("preferred_username")), "{taken}");
        }
        world.try_password(&client, "queen", PASSWORD).await.unwrap();
        update(&world, &alice, &[("preferred_username", "")]).await.unwrap();
        update(&world, &bob, &[("preferred_username", "queen")]).await.unwrap();
        assert_eq!(world.admin_get_user(&pool, "queen").await.unwrap().username, "bob");
    }
}

spec! {
    async fn where_the_address_is_the_username_it_moves_at_once_and_is_one_users(world: World) {
        let client = client_of(&world, named_by_email).await;
        let (token, sub) = signed_in_by_email(&world, &client, "a@example.com").await;
        signed_in_by_email(&world, &client, "b@example.com").await;
        assert_eq!(update(&world, &token, &[("email", "b@example.com")]).await, Err(alias_exists("email")));
        assert_eq!(world.attributes_of(&client.pool, &sub).await, ["email=a@example.com", "email_verified=true"]);
        assert_eq!(update(&world, &token, &[("email", "c@example.com")]).await, Ok(vec![by_mail("c***@e***")]));
        world.try_password(&client, "c@example.com", PASSWORD).await.unwrap();
        assert_eq!(world.try_password(&client, "a@example.com", PASSWORD).await, Err(unknown_user()));
        assert_eq!(world.attributes_of(&client.pool, &sub).await, ["email=c@example.com", "email_verified=false"]);
    }
}

spec! {
    async fn where_the_pool_asks_for_it_the_old_address_stays_in_force_until_the_new_one_is_verified(world: World) {
        let configure = |request: &mut api::CreateUserPoolRequest| {
            with_email_alias(request);
            verifies_email_first(request);
        };
        let client = client_of(&world, configure).await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        let given = [("email", "b@example.org"), ("name", "Alice")];
        assert_eq!(update(&world, &token, &given).await, Ok(vec![by_mail("b***@e***")]));
        let before = ["email=alice@example.com", "email_verified=true", "name=Alice"];
        assert_eq!(world.attributes_of(&client.pool, "alice").await, before);
        world.try_password(&client, "alice@example.com", PASSWORD).await.unwrap();
        assert_eq!(world.try_password(&client, "b@example.org", PASSWORD).await, Err(unknown_user()));
        let mail = world.mail().await.pop().unwrap();
        assert_eq!(mail.to, "b@example.org");
        // What else changes meanwhile, and the old address once more, leave the new one waiting.
        update(&world, &token, &[("email", "alice@example.com"), ("name", "Al")]).await.unwrap();
        verify(&world, &token, "email", &mail.code).await.unwrap();
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=b@example.org", "email_verified=true", "name=Al"]
        );
        world.try_password(&client, "b@example.org", PASSWORD).await.unwrap();
        assert_eq!(world.try_password(&client, "alice@example.com", PASSWORD).await, Err(unknown_user()));
    }
}

spec! {
    async fn of_two_addresses_that_wait_the_later_counts_and_none_waits_longer_than_its_code(world: World) {
        let client = client_of(&world, verifies_email_first).await;
        let mut token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "b@example.org")]).await.unwrap();
        let first = world.code_for("alice").await;
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "c@example.org")]).await.unwrap();
        let second = world.code_for("alice").await;
        assert_eq!(verify(&world, &token, "email", &first).await, Err(mismatch()));
        verify(&world, &token, "email", &second).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=c@example.org", "email_verified=true"]);
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "d@example.org")]).await.unwrap();
        let third = world.code_for("alice").await;
        world.advance(24 * HOUR);
        token = world.sign_in(&client, "alice").await.access_token.unwrap();
        assert_eq!(verify(&world, &token, "email", &third).await, Err(expired()));
        // A code that is asked for now goes to the address in force.
        assert_eq!(ask_for_code(&world, &token, "email").await, Ok(by_mail("c***@e***")));
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=c@example.org", "email_verified=true"]);
    }
}

spec! {
    async fn an_address_that_waits_may_be_the_first(world: World) {
        let configure = |request: &mut api::CreateUserPoolRequest| {
            verifies_both(request);
            verifies_first(request, verified_attribute::Value::PhoneNumber);
        };
        let client = client_of(&world, configure).await;
        let pool = &client.pool;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        let given = [("phone_number", "+15555559934")];
        assert_eq!(update(&world, &token, &given).await, Ok(vec![by_text_message("+*******9934")]));
        let before = ["email=alice@example.com", "email_verified=true"];
        assert_eq!(world.attributes_of(pool, "alice").await, before);
        verify(&world, &token, "phone_number", &world.code_for("alice").await).await.unwrap();
        assert_eq!(
            world.attributes_of(pool, "alice").await[2..],
            ["phone_number=+15555559934", "phone_number_verified=true"]
        );
        // What is cleared need not be verified.
        assert_eq!(update(&world, &token, &[("phone_number", "")]).await, Ok(vec![]));
        assert_eq!(world.attributes_of(pool, "alice").await, before);
    }
}

spec! {
    async fn an_address_that_waits_is_outrun_by_what_an_operator_sets(world: World) {
        let client = client_of(&world, verifies_email_first).await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "b@example.org")]).await.unwrap();
        let code = world.code_for("alice").await;
        let set = [("email", "c@example.org"), ("email_verified", "true")];
        world.update_attributes(&client.pool, "alice", &set).await.unwrap();
        assert_eq!(verify(&world, &token, "email", &code).await, Err(expired()));
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=c@example.org", "email_verified=true"]);
    }
}

spec! {
    async fn a_username_that_waits_must_be_free_when_it_is_given_and_when_it_is_verified(world: World) {
        let configure = |request: &mut api::CreateUserPoolRequest| {
            named_by_email(request);
            verifies_email_first(request);
        };
        let client = client_of(&world, configure).await;
        let (token, sub) = signed_in_by_email(&world, &client, "a@example.com").await;
        signed_in_by_email(&world, &client, "b@example.com").await;
        assert_eq!(update(&world, &token, &[("email", "b@example.com")]).await, Err(alias_exists("email")));
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "c@example.com")]).await.unwrap();
        let code = world.code_for(&sub).await;
        world.try_password(&client, "a@example.com", PASSWORD).await.unwrap();
        let (_, theirs) = signed_in_by_email(&world, &client, "c@example.com").await;
        assert_eq!(
            verify(&world, &token, "email", &code).await,
            Err(refusal("AliasExistsException", "An account with the email already exists."))
        );
        world.try_password(&client, "a@example.com", PASSWORD).await.unwrap();
        world.delete_user(&client.pool, &theirs).await.unwrap();
        verify(&world, &token, "email", &code).await.unwrap();
        world.try_password(&client, "c@example.com", PASSWORD).await.unwrap();
        assert_eq!(world.try_password(&client, "a@example.com", PASSWORD).await, Err(unknown_user()));
    }
}

spec! {
    async fn whoever_has_been_sent_enough_codes_changes_no_address_for_an_hour(world: World) {
        let client = world.app_client().await;
        signed_in(&world, &client, "alice").await;
        world.advance(HOUR);
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        for number in 0..world.config.messages_per_user_hour_max {
            update(&world, &token, &[("email", &format!("{number}@example.com"))]).await.unwrap();
        }
        let before = world.attributes_of(&client.pool, "alice").await;
        let given = [("email", "z@example.com"), ("name", "Alice")];
        assert_eq!(update(&world, &token, &given).await, Err(too_often()));
        assert_eq!(world.update_attributes(&client.pool, "alice", &given).await, Err(too_often()));
        assert_eq!(world.attributes_of(&client.pool, "alice").await, before);
        // What needs no code goes on.
        update(&world, &token, &given[1..]).await.unwrap();
        world.advance(HOUR);
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        update(&world, &token, &given).await.unwrap();
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        let request = |access_token| {
            let user_attributes = vec![attribute("name", "Alice")];
            api::UpdateUserAttributesRequest { access_token, user_attributes, ..Default::default() }
        };
        asks_for_a_token_that_stands(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let token = signed_in(&world, &client, "alice").await;
    let body = |name: &str, value: &str| {
        json!({
            "AccessToken": token,
            "UserAttributes": [{"Name": name, "Value": value}],
            "ClientMetadata": {"key": "value"},
        })
    };
    let reply = post_json(&world, Op::UpdateUserAttributes, &body("name", "Alice")).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
    let reply = post_json(&world, Op::UpdateUserAttributes, &body("email", "b@example.com")).await;
    let sent = json!({"Destination": "b***@e***", "DeliveryMedium": "EMAIL", "AttributeName": "email"});
    assert_eq!((reply.status, reply.json()), (200, json!({"CodeDeliveryDetailsList": [sent]})));
}
