//! `AdminCreateUser`: who comes into being. How they are invited, once and again, is beside this file; how they sign in, in
//! `sign_in/new_password_required`.

mod invitations;
mod without_password;

use cognate::api::alias_attribute::Value as AliasAttribute;
use cognate::api::{self, Op, attribute_data, user_status, username_attribute};
use serde_json::json;

use super::unknown_user;
use crate::spec;
use crate::support::fixtures::{TEMPORARY_PASSWORD, attribute, claims, named, value_of};
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::post_json;

type Created = Result<api::User, Refusal>;

/// Creates a user with these attributes and nobody invited.
async fn creates(world: &World, pool: &str, username: &str, attributes: &[(&str, &str)]) -> Created {
    world.create_user(pool, username, |request| request.user_attributes = list(attributes)).await
}

/// The same, taking aliases from others.
async fn creates_by_force(world: &World, pool: &str, username: &str, attributes: &[(&str, &str)]) -> Created {
    let configure = |request: &mut api::AdminCreateUserRequest| {
        request.user_attributes = list(attributes);
        request.force_alias_creation = Some(true);
    };
    world.create_user(pool, username, configure).await
}

fn list(attributes: &[(&str, &str)]) -> Vec<api::Attribute> {
    attributes.iter().map(|(name, value)| attribute(name, value)).collect()
}

async fn pool_with_aliases(world: &World, aliases: &[AliasAttribute]) -> String {
    let aliases = aliases.iter().map(|alias| (*alias).into()).collect();
    world.pool(|request| request.alias_attributes = aliases).await
}

async fn pool_named_by(world: &World, attributes: &[username_attribute::Value]) -> String {
    let attributes = attributes.iter().map(|attribute| (*attribute).into()).collect();
    world.pool(|request| request.username_attributes = attributes).await
}

/// Who is found by a name: the username.
async fn found(world: &World, pool: &str, name: &str) -> Option<String> {
    world.admin_get_user(pool, name).await.ok().map(|user| user.username)
}

fn invalid(message: &str) -> Created {
    Err(refusal("InvalidParameterException", message))
}

fn exists(message: &str) -> Created {
    Err(refusal("UsernameExistsException", message))
}

fn taken(attribute: &str) -> Created {
    Err(refusal("AliasExistsException", &format!("An account with the {attribute} already exists.")))
}

spec! {
    async fn the_answer_is_the_whole_user_who_must_change_the_password(world: World) {
        let pool = world.pool(|_| {}).await;
        let given = [("name", "Alice"), ("email", "a@example.com"), ("email_verified", "True"), ("nickname", "")];
        let created = creates(&world, &pool, "alice", &given).await.unwrap();
        let sub = created.attributes[0].clone();
        assert_eq!((sub.name(), sub.value().len()), ("sub", 36));
        let others = [("email", "a@example.com"), ("email_verified", "true"), ("name", "Alice")];
        let now = Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 });
        let expected = api::User {
            username: Some("alice".to_owned()),
            attributes: std::iter::once(sub).chain(list(&others)).collect(),
            user_create_date: now,
            user_last_modified_date: now,
            enabled: Some(true),
            user_status: Some(user_status::Value::ForceChangePassword.into()),
            ..Default::default()
        };
        assert_eq!(created, expected);
        let read = world.admin_get_user(&pool, "alice").await.unwrap();
        let expected = api::AdminGetUserResponse {
            username: "alice".to_owned(),
            user_attributes: created.attributes,
            user_create_date: created.user_create_date,
            user_last_modified_date: created.user_last_modified_date,
            enabled: created.enabled,
            user_status: created.user_status,
            ..Default::default()
        };
        assert_eq!(read, expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_cognitos_members_and_the_audit_trail_hides_who_it_is() {
    let world = World::new(Wire::Json).await;
    let pool = world.pool(|_| {}).await;
    let body = json!({
        "UserPoolId": pool,
        "Username": "alice",
        "UserAttributes": [{"Name": "email", "Value": "a@example.com"}],
        "ValidationData": [{"Name": "team", "Value": "v4lidation"}],
        "TemporaryPassword": TEMPORARY_PASSWORD,
        "ForceAliasCreation": false,
        "DesiredDeliveryMediums": ["EMAIL"],
        "ClientMetadata": {"key": "metad4ta"},
    });
    let reply = post_json(&world, Op::AdminCreateUser, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let reply = reply.json();
    let sub = &reply["User"]["Attributes"][0]["Value"];
    let now = world.now().as_second();
    let expected = json!({"User": {
        "Username": "alice",
        "Attributes": [
            {"Name": "sub", "Value": sub},
            {"Name": "email", "Value": "a@example.com"},
            {"Name": "email_verified", "Value": "false"},
        ],
        "UserCreateDate": now,
        "UserLastModifiedDate": now,
        "Enabled": true,
        "UserStatus": "FORCE_CHANGE_PASSWORD",
    }});
    assert_eq!(reply, expected);
    let trail = world.audit().await;
    let line = trail.iter().find(|line| line["eventName"] == "AdminCreateUser").unwrap();
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    let expected = json!({
        "userPoolId": pool,
        "username": hidden,
        "userAttributes": hidden,
        "validationData": hidden,
        "temporaryPassword": hidden,
        "forceAliasCreation": false,
        "desiredDeliveryMediums": ["EMAIL"],
        "clientMetadata": hidden,
    });
    assert_eq!(line["requestParameters"], expected);
    assert_eq!(line["additionalEventData"]["sub"], *sub);
    for secret in ["alice", "a@example.com", TEMPORARY_PASSWORD, "v4lidation", "metad4ta"] {
        assert!(!line.to_string().contains(secret), "{secret}: {line}");
    }
}

spec! {
    async fn a_name_alone_is_enough_and_a_pool_without_sign_up_has_users_all_the_same(world: World) {
        let pool = world
            .pool(|request| {
                let config = api::AdminCreateUserConfig { allow_admin_create_user_only: Some(true), ..Default::default() };
                request.admin_create_user_config = Some(config);
            })
            .await;
        let (user_pool_id, username) = named(&pool, "alice");
        let request = api::AdminCreateUserRequest { user_pool_id, username, ..Default::default() };
        let created = world.call(request).await.unwrap().user.unwrap();
        assert_eq!(created.attributes.len(), 1);
        assert_eq!(world.mail().await.len(), 0);
    }
}

spec! {
    async fn metadata_and_validation_data_become_no_part_of_the_user(world: World) {
        let pool = world.pool(|_| {}).await;
        let configure = |request: &mut api::AdminCreateUserRequest| {
            request.validation_data = vec![attribute("nickname", "Al")];
            request.client_metadata = [("name".to_owned(), "Alice".to_owned())].into();
        };
        world.create_user(&pool, "alice", configure).await.unwrap();
        assert_eq!(world.attributes_of(&pool, "alice").await, ["email=alice@example.com", "email_verified=false"]);
    }
}

spec! {
    async fn a_name_is_given_once(world: World) {
        let insensitive = api::UsernameConfiguration { case_sensitive: Some(false) };
        let pool = world.pool(|request| request.username_configuration = Some(insensitive)).await;
        let client = world.client(&pool, |_| {}).await;
        let sub = world.sign_up(&client, "bob").await.user_sub;
        creates(&world, &pool, "alice", &[]).await.unwrap();
        for name in ["alice", "ALICE", "bob", &sub] {
            assert_eq!(creates(&world, &pool, name, &[]).await, exists("User account already exists"), "{name}");
        }
        // Nor by a sign-up.
        assert_eq!(
            world.call(world.sign_up_request(&client, "Alice")).await.map(|_| ()),
            Err(refusal("UsernameExistsException", "User already exists"))
        );
        world.delete_user(&pool, "alice").await.unwrap();
        creates(&world, &pool, "Alice", &[]).await.unwrap();
        assert_eq!(found(&world, &pool, "alice").await.as_deref(), Some("Alice"));
    }
}

spec! {
    async fn of_many_who_create_one_user_at_once_one_does(world: World) {
        let pool = pool_named_by(&world, &[username_attribute::Value::Email]).await;
        let created = at_once((0..8).map(|_| creates(&world, &pool, "a@example.com", &[]))).await;
        let (created, refused): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
        assert_eq!(created.len(), 1);
        assert_eq!(refused, vec![exists("An account with the given email already exists."); 7]);
        let pool = pool_with_aliases(&world, &[AliasAttribute::Email]).await;
        let verified = [("email", "a@example.com"), ("email_verified", "true")];
        let names: Vec<_> = (0..8).map(|number| format!("user{number}")).collect();
        let created = at_once(names.iter().map(|name| creates(&world, &pool, name, &verified))).await;
        let (created, refused): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
        assert_eq!(created.len(), 1);
        assert_eq!(refused, vec![taken("email"); 7]);
    }
}

spec! {
    async fn where_an_attribute_is_the_username_it_names_the_user_whose_own_name_is_the_sub(world: World) {
        use username_attribute::Value::{Email, PhoneNumber};
        let pool = pool_named_by(&world, &[Email, PhoneNumber]).await;
        let created = creates(&world, &pool, "a@example.com", &[("phone_number", "+15550100")]).await.unwrap();
        assert_eq!(created.username(), value_of(&created.attributes, "sub").unwrap());
        assert_eq!(value_of(&created.attributes, "email"), Some("a@example.com"));
        assert_eq!(value_of(&created.attributes, "email_verified"), Some("false"));
        for name in ["a@example.com", "+15550100", created.username()] {
            assert_eq!(found(&world, &pool, name).await.as_deref(), Some(created.username()), "{name}");
        }
        for (name, attributes, message) in [
            ("a@example.com", &[][..], "An account with the given email already exists."),
            ("+15550100", &[], "An account with the given phone_number already exists."),
            ("b@example.com", &[("phone_number", "+15550100")], "An account with the given phone_number already exists."),
        ] {
            // An address that is the username is not an alias, so no force takes it.
            assert_eq!(creates_by_force(&world, &pool, name, attributes).await, exists(message), "{name}");
        }
        assert_eq!(
            creates(&world, &pool, "b@example.com", &[("email", "c@example.com")]).await,
            invalid("The attribute email must be equal to the username.")
        );
        creates(&world, &pool, "b@example.com", &[("email", "b@example.com"), ("email_verified", "true")]).await.unwrap();
        assert_eq!(creates(&world, &pool, "carol", &[]).await, invalid("Username should be either an email or a phone number."));
        let pool = pool_named_by(&world, &[Email]).await;
        assert_eq!(creates(&world, &pool, "carol", &[]).await, invalid("Username should be an email."));
        let pool = pool_named_by(&world, &[PhoneNumber]).await;
        assert_eq!(creates(&world, &pool, "carol", &[]).await, invalid("Username should be a phone number."));
    }
}

spec! {
    async fn a_username_does_not_look_like_an_alias(world: World) {
        let pool = pool_with_aliases(&world, &[AliasAttribute::Email, AliasAttribute::PhoneNumber]).await;
        for (name, kind, alias) in
            [("a@example.com", "email format", "email alias"), ("+15550100", "phone number format", "phone number alias")]
        {
            let message = format!("Username cannot be of {kind}, since user pool is configured for {alias}.");
            assert_eq!(creates(&world, &pool, name, &[]).await, invalid(&message));
        }
    }
}

spec! {
    async fn what_the_pool_requires_may_be_left_to_the_first_sign_in_and_what_is_immutable_is_set_for_good(world: World) {
        let custom = |name: &str, mutable| api::SchemaAttribute {
            name: Some(name.to_owned()),
            attribute_data_type: Some(attribute_data::Value::String.into()),
            mutable: Some(mutable),
            ..Default::default()
        };
        let required = api::SchemaAttribute {
            name: Some("given_name".to_owned()),
            required: Some(true),
            ..Default::default()
        };
        let pool = world.pool(|request| request.schema = vec![required, custom("badge", false), custom("team", true)]).await;
        creates(&world, &pool, "alice", &[("custom:badge", "7")]).await.unwrap();
        assert_eq!(
            world.update_attributes(&pool, "alice", &[("custom:badge", "8")]).await,
            Err(refusal("InvalidParameterException", "user.custom:badge: Attribute cannot be updated."))
        );
        // Until then everything else can be changed.
        world.update_attributes(&pool, "alice", &[("custom:team", "red")]).await.unwrap();
        world.delete_attributes(&pool, "alice", &["custom:team"]).await.unwrap();
        world.update_attributes(&pool, "alice", &[("given_name", "Alice")]).await.unwrap();
        assert_eq!(
            world.delete_attributes(&pool, "alice", &["given_name"]).await,
            Err(refusal(
                "InvalidParameterException",
                "Attributes did not conform to the schema: given_name: The attribute is required"
            ))
        );
    }
}

spec! {
    async fn attributes_that_no_user_can_have_are_refused_and_nobody_is_created(world: World) {
        let pool = world.pool(|_| {}).await;
        let schema = "Attributes did not conform to the schema:";
        for (attributes, message) in [
            (&[("email", "nowhere")][..], "Invalid email address format.".to_owned()),
            (&[("phone_number", "0100")], "Invalid phone number format.".to_owned()),
            (&[("custom:no", "x")], format!("{schema} custom:no: Attribute does not exist in the schema.")),
            (
                &[("birthdate", "1999")],
                format!("{schema} birthdate: The length of the value must be greater than or equal to 10."),
            ),
            (&[("email_verified", "maybe")], format!("{schema} email_verified: The value must be true or false.")),
            (&[("email_verified", "true")], "email_verified cannot be true without a value of email.".to_owned()),
            (
                &[("phone_number_verified", "true")],
                "phone_number_verified cannot be true without a value of phone_number.".to_owned(),
            ),
            (&[("sub", "7")], "user.sub: Attribute cannot be updated.".to_owned()),
            (&[("name", "A"), ("name", "B")], "The attribute name is given more than once.".to_owned()),
        ] {
            assert_eq!(creates(&world, &pool, "alice", attributes).await, invalid(&message));
        }
        assert_eq!(world.admin_get_user(&pool, "alice").await, Err(unknown_user()));
    }
}

spec! {
    async fn a_temporary_password_must_conform_to_the_policy(world: World) {
        let pool = world.pool(|_| {}).await;
        let with = async |password: &str| {
            world.create_user(&pool, "alice", |request| request.temporary_password = Some(password.to_owned())).await
        };
        for (password, reason) in [
            ("Sh0rt!", "Password not long enough"),
            ("passw0rd!", "Password must have uppercase characters"),
            ("PASSW0RD!", "Password must have lowercase characters"),
            ("Password!", "Password must have numeric characters"),
            ("Passw0rdd", "Password must have symbol characters"),
        ] {
            assert_eq!(
                with(password).await,
                Err(refusal("InvalidPasswordException", &format!("Password did not conform with policy: {reason}")))
            );
        }
        let bound = "1 validation error detected: Value at 'temporaryPassword' failed to satisfy constraint: Member must";
        let pattern = format!("{bound} satisfy regular expression pattern: ^[\\S]+.*[\\S]+$");
        for password in ["", "x", "Passw0rd! "] {
            assert_eq!(with(password).await, invalid(&pattern));
        }
        assert_eq!(with(&"x".repeat(257)).await, invalid(&format!("{bound} have length less than or equal to 256")));
        assert_eq!(world.admin_get_user(&pool, "alice").await, Err(unknown_user()));
    }
}

spec! {
    async fn a_verified_address_is_an_alias_at_once_and_an_unverified_one_is_not(world: World) {
        use AliasAttribute::{Email, PhoneNumber, PreferredUsername};
        let pool = pool_with_aliases(&world, &[Email, PhoneNumber, PreferredUsername]).await;
        let client = world.client(&pool, |_| {}).await;
        let attributes = [
            ("email", "a@example.com"),
            ("email_verified", "true"),
            ("phone_number", "+15550100"),
            ("preferred_username", "ally"),
        ];
        creates(&world, &pool, "alice", &attributes).await.unwrap();
        for name in ["a@example.com", "ally"] {
            assert_eq!(found(&world, &pool, name).await.as_deref(), Some("alice"), "{name}");
        }
        assert_eq!(found(&world, &pool, "+15550100").await, None);
        let request = world.password_request(&client, "a@example.com", TEMPORARY_PASSWORD);
        let reply = world.call(request).await.unwrap();
        assert_eq!(reply.challenge_parameters["USER_ID_FOR_SRP"], "alice");
        // What is unverified may be several users'.
        creates(&world, &pool, "bob", &[("phone_number", "+15550100"), ("email", "a@example.com")]).await.unwrap();
    }
}

spec! {
    async fn an_alias_that_is_another_users_is_refused_and_nobody_is_created(world: World) {
        use AliasAttribute::{Email, PreferredUsername};
        let pool = pool_with_aliases(&world, &[Email, PreferredUsername]).await;
        let verified = [("email", "a@example.com"), ("email_verified", "true")];
        let alice = [verified[0], verified[1], ("preferred_username", "ally")];
        creates(&world, &pool, "alice", &alice).await.unwrap();
        assert_eq!(creates(&world, &pool, "bob", &verified).await, taken("email"));
        for name in ["ally", "alice"] {
            let preferred = [("preferred_username", name)];
            // No verification made it, so no force takes it.
            assert_eq!(creates_by_force(&world, &pool, "bob", &preferred).await, taken("preferred_username"), "{name}");
        }
        assert_eq!(creates(&world, &pool, "ally", &[]).await, exists("User account already exists"));
        assert_eq!(found(&world, &pool, "bob").await, None);
        assert_eq!(found(&world, &pool, "a@example.com").await.as_deref(), Some("alice"));
    }
}

spec! {
    async fn by_force_verified_addresses_move_and_whoever_had_them_keeps_them_unverified(world: World) {
        use AliasAttribute::{Email, PhoneNumber};
        let pool = pool_with_aliases(&world, &[Email, PhoneNumber]).await;
        let both = [
            ("email", "a@example.com"),
            ("email_verified", "true"),
            ("phone_number", "+15550100"),
            ("phone_number_verified", "true"),
        ];
        creates(&world, &pool, "alice", &both).await.unwrap();
        // Without verification there is no claim to take anything by.
        creates_by_force(&world, &pool, "carol", &[both[0], both[2]]).await.unwrap();
        assert_eq!(found(&world, &pool, "a@example.com").await.as_deref(), Some("alice"));
        creates_by_force(&world, &pool, "bob", &both).await.unwrap();
        for name in ["a@example.com", "+15550100"] {
            assert_eq!(found(&world, &pool, name).await.as_deref(), Some("bob"), "{name}");
        }
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            [
                "email=a@example.com",
                "email_verified=false",
                "phone_number=+15550100",
                "phone_number_verified=false",
            ]
        );
        // What is nobody's is simply taken.
        let free = [("email", "d@example.com"), ("email_verified", "true")];
        creates_by_force(&world, &pool, "dave", &free).await.unwrap();
        assert_eq!(found(&world, &pool, "d@example.com").await.as_deref(), Some("dave"));
    }
}

spec! {
    async fn the_first_sign_in_tells_the_attributes_that_the_operator_gave(world: World) {
        let client = world.app_client().await;
        let given = [("email", "a@example.com"), ("email_verified", "true"), ("name", "Alice")];
        creates(&world, &client.pool, "alice", &given).await.unwrap();
        world.set_password(&client.pool, "alice", crate::support::fixtures::PASSWORD).await.unwrap();
        let id = claims(world.sign_in(&client, "alice").await.id_token());
        assert_eq!((&id["email_verified"], &id["name"]), (&json!(true), &json!("Alice")));
    }
}

spec! {
    async fn an_unknown_pool_and_missing_members_are_named(world: World) {
        assert_eq!(
            creates(&world, "us-east-1_Nowhere12", "alice", &[]).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
        assert_eq!(
            world.call(api::AdminCreateUserRequest::default()).await.map(|_| ()),
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be \
                 null; Value at 'username' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}
