//! `SignUp`.

use std::collections::HashMap;

use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::{self, alias_attribute, attribute_data, delivery_medium, username_attribute, verified_attribute};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, attribute, claims, value_of};
use crate::support::{Credential, Refusal, Wire, World, at_once, refusal};

/// The request is refused with exactly this, and neither a user nor a message comes of it.
async fn refuses(world: &World, client: &TestClient, request: api::SignUpRequest, expected: Refusal) {
    let before = (users_of(world, &client.pool).await, world.mail().await.len());
    assert_eq!(world.call(request).await, Err(expected));
    assert_eq!((users_of(world, &client.pool).await, world.mail().await.len()), before);
}

async fn users_of(world: &World, pool: &str) -> i32 {
    let request = api::DescribeUserPoolRequest { user_pool_id: Some(pool.to_owned()) };
    world.call(request).await.unwrap().user_pool.unwrap().estimated_number_of_users()
}

/// A sign-up request with these attributes and no others.
fn with_attributes(
    world: &World,
    client: &TestClient,
    username: &str,
    attributes: &[(&str, &str)],
) -> api::SignUpRequest {
    let user_attributes = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    api::SignUpRequest { user_attributes, ..world.sign_up_request(client, username) }
}

fn with_password(world: &World, client: &TestClient, password: &str) -> api::SignUpRequest {
    api::SignUpRequest { password: Some(password.to_owned()), ..world.sign_up_request(client, "alice") }
}

fn by_mail(destination: &str) -> Option<api::CodeDeliveryDetails> {
    Some(api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Email.into()),
        attribute_name: Some("email".to_owned()),
    })
}

fn by_text_message(destination: &str) -> Option<api::CodeDeliveryDetails> {
    Some(api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Sms.into()),
        attribute_name: Some("phone_number".to_owned()),
    })
}

fn verifies_both(request: &mut api::CreateUserPoolRequest) {
    use verified_attribute::Value::{Email, PhoneNumber};
    request.auto_verified_attributes = vec![Email.into(), PhoneNumber.into()];
}

fn named_by(attributes: &[username_attribute::Value]) -> impl FnOnce(&mut api::CreateUserPoolRequest) {
    let attributes = attributes.iter().map(|attribute| i32::from(*attribute)).collect();
    move |request| request.username_attributes = attributes
}

fn aliased_by(aliases: &[alias_attribute::Value]) -> impl FnOnce(&mut api::CreateUserPoolRequest) {
    let aliases = aliases.iter().map(|alias| i32::from(*alias)).collect();
    move |request| request.alias_attributes = aliases
}

fn case_sensitive(case_sensitive: bool) -> Option<api::UsernameConfiguration> {
    Some(api::UsernameConfiguration { case_sensitive: Some(case_sensitive) })
}

fn custom(name: &str, data_type: attribute_data::Value) -> api::SchemaAttribute {
    api::SchemaAttribute {
        name: Some(name.to_owned()),
        attribute_data_type: Some(data_type.into()),
        ..Default::default()
    }
}

fn required(name: &str) -> api::SchemaAttribute {
    api::SchemaAttribute { name: Some(name.to_owned()), required: Some(true), ..Default::default() }
}

fn invalid_parameter(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

fn unwritable() -> Refusal {
    refusal("NotAuthorizedException", "A client attempted to write unauthorized attribute")
}

fn username_exists(message: &str) -> Refusal {
    refusal("UsernameExistsException", message)
}

/// What Cognito says of the longest text of a map.
const LONGEST_TEXT: &str = "[Member must have length less than or equal to 131072, Member must have length greater than \
                            or equal to 0]";

fn policy_refusal(reason: &str) -> Refusal {
    refusal("InvalidPasswordException", &format!("Password did not conform with policy: {reason}"))
}

spec! {
    async fn the_caller_learns_the_sub_and_where_the_code_went(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.explicit_auth_flows.clear()).await;
        let reply = world.call(world.sign_up_request(&client, "alice")).await.unwrap();
        let user_sub = reply.user_sub.clone();
        uuid::Uuid::parse_str(&user_sub).unwrap();
        assert_eq!(
            reply,
            api::SignUpResponse {
                user_confirmed: false,
                code_delivery_details: by_mail("a***@e***"),
                user_sub: user_sub.clone(),
                session: None,
            }
        );
        let alice = world.admin_get_user(&pool, "alice").await.unwrap();
        let now = Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 });
        assert_eq!(
            alice,
            api::AdminGetUserResponse {
                username: "alice".to_owned(),
                user_attributes: vec![
                    attribute("sub", &user_sub),
                    attribute("email", "alice@example.com"),
                    attribute("email_verified", "false"),
                ],
                user_create_date: now,
                user_last_modified_date: now,
                enabled: Some(true),
                user_status: Some(api::user_status::Value::Unconfirmed.into()),
                ..Default::default()
            }
        );
    }
}

spec! {
    async fn what_is_absent_is_absent_on_the_aws_wire(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.explicit_auth_flows.clear()).await;
        let body = |username: &str, attributes: serde_json::Value| {
            json!({"ClientId": client.id, "Username": username, "Password": PASSWORD, "UserAttributes": attributes})
        };
        let with_mail = body("alice", json!([{"Name": "email", "Value": "alice@example.com"}]));
        let reply = world.post(api::Op::SignUp, &Credential::None, with_mail.to_string().into_bytes()).await.json();
        let alice = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_eq!(
            reply,
            json!({
                "CodeDeliveryDetails":
                    {"AttributeName": "email", "DeliveryMedium": "EMAIL", "Destination": "a***@e***"},
                "UserConfirmed": false,
                "UserSub": value_of(&alice.user_attributes, "sub"),
            })
        );
        let bare = body("bob", json!([])).to_string().into_bytes();
        let reply = world.post(api::Op::SignUp, &Credential::None, bare).await.json();
        let bob = world.admin_get_user(&pool, "bob").await.unwrap();
        assert_eq!(reply, json!({"UserConfirmed": false, "UserSub": value_of(&bob.user_attributes, "sub")}));
    }
}

spec! {
    async fn the_code_is_mailed(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let mail = world.mail().await;
        assert_eq!(mail.len(), 1);
        let code = mail[0].code.clone();
        assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
        assert_eq!(mail[0].medium, "EMAIL");
        assert_eq!(mail[0].to, "alice@example.com");
        assert_eq!(mail[0].subject, "Your verification code");
        assert_eq!(mail[0].body, format!("Your confirmation code is {code}"));
        assert_eq!(mail[0].purpose, "sign_up");
        assert_eq!(mail[0].username, "alice");
        assert_eq!(mail[0].time, world.now().to_string());
    }
}

spec! {
    async fn a_phone_number_goes_before_an_e_mail_address(world: World) {
        let pool = world.pool(verifies_both).await;
        let client = world.client(&pool, |_| {}).await;
        let both = [("email", "alice@example.com"), ("phone_number", "+15555559934")];
        let reply = world.call(with_attributes(&world, &client, "alice", &both)).await.unwrap();
        assert_eq!(reply.code_delivery_details, by_text_message("+*******9934"));
        let mail = world.mail().await;
        assert_eq!(mail.len(), 1);
        assert_eq!((mail[0].medium.as_str(), mail[0].to.as_str()), ("SMS", "+15555559934"));
        assert_eq!(mail[0].subject, "");
        assert_eq!(mail[0].body, format!("Your confirmation code is {}", mail[0].code));
        let alice = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_eq!(value_of(&alice.user_attributes, "email_verified"), Some("false"));
        assert_eq!(value_of(&alice.user_attributes, "phone_number_verified"), Some("false"));

        let reply = world.sign_up(&client, "bob").await;
        assert_eq!(reply.code_delivery_details, by_mail("b***@e***"));
    }
}

spec! {
    async fn messages_are_in_the_pools_own_words(world: World) {
        let pool = world
            .pool(|request| {
                verifies_both(request);
                request.email_verification_subject = Some("Welcome".to_owned());
                request.email_verification_message = Some("Enter {####}. Again: {####}".to_owned());
                request.sms_verification_message = Some("Type {####}".to_owned());
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "alice").await;
        world.call(with_attributes(&world, &client, "bob", &[("phone_number", "+15555559934")])).await.unwrap();
        let mail = world.mail().await;
        let to = |username: &str| mail.iter().find(|message| message.username == username).unwrap();
        let (alice, bob) = (to("alice"), to("bob"));
        assert_eq!(alice.subject, "Welcome");
        assert_eq!(alice.body, format!("Enter {0}. Again: {0}", alice.code));
        assert_eq!(bob.body, format!("Type {}", bob.code));
    }
}

spec! {
    async fn the_verification_template_goes_before_the_older_members(world: World) {
        let pool = world
            .pool(|request| {
                verifies_both(request);
                request.email_verification_subject = Some("Older".to_owned());
                request.email_verification_message = Some("Older {####}".to_owned());
                request.sms_verification_message = Some("Older {####}".to_owned());
                request.verification_message_template = Some(api::VerificationMessageTemplate {
                    sms_message: Some("Newer {####}".to_owned()),
                    email_message: Some("Newer {####}".to_owned()),
                    email_subject: Some("Newer".to_owned()),
                    ..Default::default()
                });
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "alice").await;
        world.call(with_attributes(&world, &client, "bob", &[("phone_number", "+15555559934")])).await.unwrap();
        let mail = world.mail().await;
        let to = |username: &str| mail.iter().find(|message| message.username == username).unwrap();
        assert_eq!(to("alice").subject, "Newer");
        assert_eq!(to("alice").body, format!("Newer {}", to("alice").code));
        assert_eq!(to("bob").body, format!("Newer {}", to("bob").code));
    }
}

spec! {
    async fn no_code_goes_to_what_the_pool_does_not_verify(world: World) {
        let client = world.app_client().await;
        let phone = [("phone_number", "+15555559934")];
        let reply = world.call(with_attributes(&world, &client, "alice", &phone)).await.unwrap();
        assert_eq!(reply.code_delivery_details, None);
        // An empty value is as good as none.
        let reply = world.call(with_attributes(&world, &client, "bob", &[("email", "")])).await.unwrap();
        assert_eq!(reply.code_delivery_details, None);
        let bob = world.admin_get_user(&client.pool, "bob").await.unwrap();
        assert_eq!(bob.user_attributes, [attribute("sub", &reply.user_sub)]);

        let pool = world.pool(|request| request.auto_verified_attributes.clear()).await;
        let client = world.client(&pool, |_| {}).await;
        assert_eq!(world.sign_up(&client, "carol").await.code_delivery_details, None);
        let carol = world.admin_get_user(&pool, "carol").await.unwrap();
        assert_eq!(carol.user_status(), api::user_status::Value::Unconfirmed);
        assert_eq!(world.mail().await.len(), 0);
    }
}

spec! {
    async fn a_session_comes_only_to_clients_with_user_auth(world: World) {
        let pool = world.pool(|_| {}).await;
        let with = world.client(&pool, |_| {}).await;
        let flows = [ExplicitAuthFlow::AllowUserPasswordAuth, ExplicitAuthFlow::AllowRefreshTokenAuth].map(i32::from);
        let without = world.client(&pool, |request| request.explicit_auth_flows = flows.to_vec()).await;
        assert!(world.sign_up(&with, "alice").await.session.unwrap().len() >= 20);
        assert_eq!(world.sign_up(&without, "bob").await.session, None);
    }
}

spec! {
    async fn nobody_signs_in_before_the_confirmation(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(refusal("UserNotConfirmedException", "User is not confirmed."))
        );
    }
}

spec! {
    async fn a_sign_up_outlives_a_restart(world: World) {
        let client = world.app_client().await;
        let signed_up = world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let world = world.restarted().await;
        let again = world.sign_up_request(&client, "alice");
        refuses(&world, &client, again, username_exists("User already exists")).await;
        world.confirm(&client, "alice", &code).await.unwrap();
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(claims(tokens.access_token())["sub"], signed_up.user_sub);
    }
}

spec! {
    async fn members_for_triggers_and_analytics_become_no_part_of_the_user(world: World) {
        let client = world.app_client().await;
        let request = api::SignUpRequest {
            validation_data: vec![attribute("nickname", "Al"), attribute("email_verified", "true")],
            client_metadata: [("given_name".to_owned(), "Alice".to_owned())].into(),
            analytics_metadata: Some(api::AnalyticsMetadata { analytics_endpoint_id: Some("endpoint".to_owned()) }),
            user_context_data: Some(api::UserContextData {
                ip_address: Some("192.0.2.1".to_owned()),
                encoded_data: Some("fingerprint".to_owned()),
            }),
            ..world.sign_up_request(&client, "alice")
        };
        let user_sub = world.call(request).await.unwrap().user_sub;
        let alice = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(
            alice.user_attributes,
            [
                attribute("sub", &user_sub),
                attribute("email", "alice@example.com"),
                attribute("email_verified", "false"),
            ]
        );
    }
}

spec! {
    async fn an_unknown_client_is_named(world: World) {
        let client = world.app_client().await;
        let request = api::SignUpRequest {
            client_id: Some("1example23456789".to_owned()),
            ..world.sign_up_request(&client, "alice")
        };
        let expected = refusal("ResourceNotFoundException", "User pool client 1example23456789 does not exist.");
        refuses(&world, &client, request, expected).await;
    }
}

spec! {
    async fn a_client_with_a_secret_proves_that_it_knows_it(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.generate_secret = Some(true)).await;
        let other = world.client(&pool, |request| request.generate_secret = Some(true)).await;
        let request =
            |hash: Option<String>| api::SignUpRequest { secret_hash: hash, ..world.sign_up_request(&client, "alice") };
        let missing = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
        refuses(&world, &client, request(None), refusal("NotAuthorizedException", &missing)).await;
        let mismatch = format!("Unable to verify secret hash for client {}", client.id);
        for wrong in [
            client.secret_hash("bob"),
            client.secret_hash("Alice"),
            client.secret_hash(""),
            other.secret_hash("alice"),
            Some("nonsense".to_owned()),
        ] {
            refuses(&world, &client, request(wrong), refusal("NotAuthorizedException", &mismatch)).await;
        }
        world.call(request(client.secret_hash("alice"))).await.unwrap();
    }
}

spec! {
    async fn a_client_without_a_secret_has_nothing_to_prove(world: World) {
        let client = world.app_client().await;
        let proof = TestClient { secret: Some("1example2secret3example4secret".to_owned()), ..client.clone() };
        let request = world.sign_up_request(&proof, "alice");
        let message = format!("Unable to verify secret hash for client {}", client.id);
        refuses(&world, &client, request, refusal("NotAuthorizedException", &message)).await;
    }
}

spec! {
    async fn where_only_operators_create_users_nobody_signs_up(world: World) {
        let pool = world
            .pool(|request| {
                let allow_admin_create_user_only = Some(true);
                request.admin_create_user_config =
                    Some(api::AdminCreateUserConfig { allow_admin_create_user_only, ..Default::default() });
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let request = world.sign_up_request(&client, "alice");
        let expected = refusal("NotAuthorizedException", "SignUp is not permitted for this user pool");
        refuses(&world, &client, request, expected).await;
    }
}

spec! {
    async fn where_an_address_is_the_username_other_names_are_refused(world: World) {
        use username_attribute::Value::{Email, PhoneNumber};
        let forms: [(&[username_attribute::Value], &[&str], &str); 3] = [
            (&[Email], &["alice", "+15555559934", "alice@", "a@b@c"], "Username should be an email."),
            (&[PhoneNumber], &["alice", "alice@example.com", "5555559934", "+"], "Username should be a phone number."),
            (
                &[Email, PhoneNumber],
                &["alice", "15555559934", "@example.com"],
                "Username should be either an email or a phone number.",
            ),
        ];
        for (attributes, names, message) in forms {
            let pool = world.pool(named_by(attributes)).await;
            let client = world.client(&pool, |_| {}).await;
            for name in names {
                let request = with_attributes(&world, &client, name, &[]);
                refuses(&world, &client, request, invalid_parameter(message)).await;
            }
        }
    }
}

spec! {
    async fn a_username_must_not_look_like_an_alias(world: World) {
        use alias_attribute::Value::{Email, PhoneNumber};
        let email = "Username cannot be of email format, since user pool is configured for email alias.";
        let phone = "Username cannot be of phone number format, since user pool is configured for phone number alias.";
        let pool = world.pool(aliased_by(&[Email])).await;
        let client = world.client(&pool, |_| {}).await;
        let looks_like_email = with_attributes(&world, &client, "alice@example.com", &[]);
        refuses(&world, &client, looks_like_email, invalid_parameter(email)).await;
        world.call(with_attributes(&world, &client, "+15555559934", &[])).await.unwrap();

        let pool = world.pool(aliased_by(&[PhoneNumber])).await;
        let client = world.client(&pool, |_| {}).await;
        let looks_like_phone = with_attributes(&world, &client, "+15555559934", &[]);
        refuses(&world, &client, looks_like_phone, invalid_parameter(phone)).await;
        world.call(with_attributes(&world, &client, "alice@example.com", &[])).await.unwrap();
    }
}

spec! {
    async fn an_address_as_username_becomes_the_attribute_and_the_sub_becomes_the_name(world: World) {
        use username_attribute::Value::{Email, PhoneNumber};
        let pool = world
            .pool(|request| {
                verifies_both(request);
                named_by(&[Email, PhoneNumber])(request);
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let reply = world.call(with_attributes(&world, &client, "alice@example.com", &[])).await.unwrap();
        assert_eq!(reply.code_delivery_details, by_mail("a***@e***"));
        let alice = world.admin_get_user(&pool, "alice@example.com").await.unwrap();
        assert_eq!(alice.username, reply.user_sub);
        assert_eq!(value_of(&alice.user_attributes, "email"), Some("alice@example.com"));

        let reply = world.call(with_attributes(&world, &client, "+15555559934", &[])).await.unwrap();
        assert_eq!(reply.code_delivery_details, by_text_message("+*******9934"));
        let bob = world.admin_get_user(&pool, &reply.user_sub).await.unwrap();
        assert_eq!(bob.username, reply.user_sub);
        assert_eq!(value_of(&bob.user_attributes, "phone_number"), Some("+15555559934"));
        assert_eq!(value_of(&bob.user_attributes, "phone_number_verified"), Some("false"));

        let code = world.code_for(&reply.user_sub).await;
        world.confirm(&client, "+15555559934", &code).await.unwrap();
        for name in ["+15555559934", &reply.user_sub] {
            let tokens = world.sign_in(&client, name).await;
            assert_eq!(claims(tokens.access_token())["sub"], reply.user_sub);
        }
    }
}

spec! {
    async fn the_attribute_that_is_the_username_may_be_given_again_but_not_otherwise(world: World) {
        let pool = world.pool(named_by(&[username_attribute::Value::Email])).await;
        let client = world.client(&pool, |_| {}).await;
        let different = with_attributes(&world, &client, "alice@example.com", &[("email", "eve@example.com")]);
        let expected = invalid_parameter("The attribute email must be equal to the username.");
        refuses(&world, &client, different, expected).await;
        let equal = with_attributes(&world, &client, "alice@example.com", &[("email", "alice@example.com")]);
        world.call(equal).await.unwrap();
    }
}

spec! {
    async fn the_service_alone_says_what_is_verified_and_who_is_who(world: World) {
        let client = world.app_client().await;
        for forbidden in [
            ("email_verified", "true"),
            ("email_verified", "false"),
            ("phone_number_verified", "true"),
            ("sub", "34c84488-e0e1-70ae-d2ee-991ad1a898c8"),
        ] {
            let request = with_attributes(&world, &client, "alice", &[("email", "alice@example.com"), forbidden]);
            refuses(&world, &client, request, unwritable()).await;
        }
    }
}

spec! {
    async fn a_client_writes_only_what_its_list_names(world: World) {
        let pool = world.pool(|request| request.schema = vec![custom("team", attribute_data::Value::String)]).await;
        let listed = ["email".to_owned(), "nickname".to_owned()];
        let client = world.client(&pool, |request| request.write_attributes = listed.to_vec()).await;
        for unlisted in [("given_name", "Alice"), ("custom:team", "red"), ("custom:unknown", "x")] {
            let request = with_attributes(&world, &client, "alice", &[("nickname", "Al"), unlisted]);
            refuses(&world, &client, request, unwritable()).await;
        }
        let allowed = [("nickname", "Al"), ("email", "alice@example.com")];
        world.call(with_attributes(&world, &client, "alice", &allowed)).await.unwrap();
        let alice = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_eq!(value_of(&alice.user_attributes, "nickname"), Some("Al"));
    }
}

spec! {
    async fn the_username_needs_no_permission_to_be_written(world: World) {
        let pool = world.pool(named_by(&[username_attribute::Value::Email])).await;
        let client = world.client(&pool, |request| request.write_attributes = vec!["nickname".to_owned()]).await;
        let given = with_attributes(&world, &client, "alice@example.com", &[("email", "alice@example.com")]);
        refuses(&world, &client, given, unwritable()).await;
        world.call(with_attributes(&world, &client, "alice@example.com", &[])).await.unwrap();
    }
}

spec! {
    async fn malformed_addresses_are_refused(world: World) {
        let client = world.app_client().await;
        for email in ["alice", "alice@", "@example.com", "a@b@c", "alice@example..com", "alice@exa mple.com"] {
            let request = with_attributes(&world, &client, "alice", &[("email", email)]);
            refuses(&world, &client, request, invalid_parameter("Invalid email address format.")).await;
        }
        for phone_number in ["5555559934", "+", "+1 555 555 9934", "+1234567890123456", "+1555555993x"] {
            let request = with_attributes(&world, &client, "alice", &[("phone_number", phone_number)]);
            refuses(&world, &client, request, invalid_parameter("Invalid phone number format.")).await;
        }
        let longest = [("email", "élise+tag@österreich.at"), ("phone_number", "+123456789012345")];
        world.call(with_attributes(&world, &client, "alice", &longest)).await.unwrap();
    }
}

spec! {
    async fn attributes_must_be_in_the_schema(world: World) {
        let client = world.app_client().await;
        let unknown = with_attributes(&world, &client, "alice", &[("custom:x", "1")]);
        let expected = "Attributes did not conform to the schema: custom:x: Attribute does not exist in the schema.";
        refuses(&world, &client, unknown, invalid_parameter(expected)).await;
        let two = with_attributes(&world, &client, "alice", &[("shoe_size", "44"), ("Email", "alice@example.com")]);
        let expected = "Attributes did not conform to the schema: Email: Attribute does not exist in the schema. \
                        shoe_size: Attribute does not exist in the schema.";
        refuses(&world, &client, two, invalid_parameter(expected)).await;
    }
}

spec! {
    async fn required_attributes_are_asked_for_by_name(world: World) {
        let pool = world.pool(|request| request.schema = ["name", "email", "family_name"].map(required).into()).await;
        let client = world.client(&pool, |_| {}).await;
        let (name, email, family_name) = (("name", "Alice"), ("email", "alice@example.com"), ("family_name", "Ames"));
        let one = "Attributes did not conform to the schema: email: The attribute is required";
        let structured =
            "Attributes did not conform to the schema: name.formatted: The attribute name.formatted is required";
        let several = "Attributes did not conform to the schema: name.formatted: The attribute name.formatted is \
                       required family_name: The attribute is required email: The attribute is required";
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[name, family_name], one),
            (&[name, family_name, ("email", "")], one),
            (&[email, family_name], structured),
            (&[], several),
        ];
        for (given, message) in cases {
            let request = with_attributes(&world, &client, "alice", given);
            refuses(&world, &client, request, invalid_parameter(message)).await;
        }
        world.call(with_attributes(&world, &client, "alice", &[name, email, family_name])).await.unwrap();
    }
}

spec! {
    async fn the_username_is_the_required_attribute_where_it_is_one(world: World) {
        let pool = world
            .pool(|request| {
                named_by(&[username_attribute::Value::Email])(request);
                request.schema = vec![required("email")];
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.call(with_attributes(&world, &client, "alice@example.com", &[])).await.unwrap();
    }
}

spec! {
    async fn values_keep_the_types_and_bounds_of_the_schema(world: World) {
        use attribute_data::Value::{Boolean, DateTime, Number, String};
        let string_bounds =
            api::StringAttributeConstraints { min_length: Some("2".to_owned()), max_length: Some("4".to_owned()) };
        let number_bounds =
            api::NumberAttributeConstraints { min_value: Some("-1".to_owned()), max_value: Some("150".to_owned()) };
        let schema = vec![
            api::SchemaAttribute { string_attribute_constraints: Some(string_bounds), ..custom("team", String) },
            api::SchemaAttribute { number_attribute_constraints: Some(number_bounds), ..custom("age", Number) },
            custom("since", DateTime),
            custom("vip", Boolean),
        ];
        let pool = world.pool(|request| request.schema = schema).await;
        let client = world.client(&pool, |_| {}).await;
        let broken = [
            ("custom:team", "x", "The length of the value must be greater than or equal to 2."),
            ("custom:team", "yellow", "The length of the value must be less than or equal to 4."),
            ("custom:age", "-2", "The value must be greater than or equal to -1."),
            ("custom:age", "151", "The value must be less than or equal to 150."),
            ("custom:age", "old", "The value must be a number."),
            ("custom:since", "yesterday", "The value must be a date and time."),
            ("custom:vip", "maybe", "The value must be true or false."),
            ("birthdate", "1.1.1970", "The length of the value must be greater than or equal to 10."),
        ];
        for (name, value, problem) in broken {
            let request = with_attributes(&world, &client, "alice", &[(name, value)]);
            let message = format!("Attributes did not conform to the schema: {name}: {problem}");
            refuses(&world, &client, request, invalid_parameter(&message)).await;
        }
        // Custom attributes are immutable unless the schema says otherwise: sign-up is the time to set them.
        let kept = [
            ("birthdate", "1970-01-01"),
            ("custom:age", "-1"),
            ("custom:since", "2026-01-07T05:06:09Z"),
            ("custom:team", "grün"),
            ("custom:vip", "true"),
        ];
        world.call(with_attributes(&world, &client, "alice", &kept)).await.unwrap();
        let alice = world.admin_get_user(&pool, "alice").await.unwrap();
        assert_eq!(alice.user_attributes[1..], kept.map(|(name, value)| attribute(name, value)));
    }
}

spec! {
    async fn an_attribute_is_given_once(world: World) {
        let client = world.app_client().await;
        let twice = [("email", "alice@example.com"), ("email", "alice@example.com")];
        let request = with_attributes(&world, &client, "alice", &twice);
        let expected = invalid_parameter("The attribute email is given more than once.");
        refuses(&world, &client, request, expected).await;
    }
}

spec! {
    async fn a_preferred_username_that_is_an_alias_waits_for_the_confirmation(world: World) {
        let pool = world.pool(aliased_by(&[alias_attribute::Value::PreferredUsername])).await;
        let client = world.client(&pool, |_| {}).await;
        let request = with_attributes(&world, &client, "alice", &[("preferred_username", "al")]);
        let expected = invalid_parameter("preferred_username cannot be set before the user is confirmed.");
        refuses(&world, &client, request, expected).await;

        let client = world.app_client().await;
        world.call(with_attributes(&world, &client, "alice", &[("preferred_username", "al")])).await.unwrap();
    }
}

spec! {
    async fn a_user_has_48_kib_of_attributes_at_most(world: World) {
        let names: Vec<String> = (0..25).map(|number| format!("n{number}")).collect();
        let schema = names.iter().map(|name| custom(name, attribute_data::Value::String)).collect();
        let pool = world.pool(|request| request.schema = schema).await;
        let client = world.client(&pool, |_| {}).await;
        let value = "x".repeat(2048);
        let names: Vec<String> = names.iter().map(|name| format!("custom:{name}")).collect();
        let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
        let request = with_attributes(&world, &client, "alice", &all);
        let expected = invalid_parameter("The attributes of a user cannot have more than 49152 bytes.");
        refuses(&world, &client, request, expected).await;
        world.call(with_attributes(&world, &client, "alice", &all[..23])).await.unwrap();
    }
}

spec! {
    async fn a_password_is_refused_for_the_first_rule_it_breaks(world: World) {
        let client = world.app_client().await;
        for (password, reason) in [
            ("Passw0!", "Password not long enough"),
            ("xx", "Password not long enough"),
            ("password", "Password must have uppercase characters"),
            ("PASSWORD", "Password must have lowercase characters"),
            ("Password", "Password must have numeric characters"),
            ("Passw0rd", "Password must have symbol characters"),
            ("Passw0r€", "Password must have symbol characters"),
        ] {
            refuses(&world, &client, with_password(&world, &client, password), policy_refusal(reason)).await;
        }
        // A space inside is a symbol.
        world.call(with_password(&world, &client, "Passw 0rd")).await.unwrap();
    }
}

spec! {
    async fn a_pool_has_its_own_password_policy(world: World) {
        let pool = world
            .pool(|request| {
                let password_policy = api::PasswordPolicy {
                    minimum_length: Some(12),
                    require_numbers: Some(true),
                    ..Default::default()
                };
                request.policies =
                    Some(api::UserPoolPolicy { password_policy: Some(password_policy), ..Default::default() });
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let short = with_password(&world, &client, "elevenchar1");
        refuses(&world, &client, short, policy_refusal("Password not long enough")).await;
        let wordy = with_password(&world, &client, "twelvecharss");
        refuses(&world, &client, wordy, policy_refusal("Password must have numeric characters")).await;
        world.call(with_password(&world, &client, "twelvechars1")).await.unwrap();
    }
}

spec! {
    async fn a_password_of_no_form_is_refused_before_the_policy(world: World) {
        let client = world.app_client().await;
        let pattern = "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must \
                       satisfy regular expression pattern: ^[\\S]+.*[\\S]+$";
        for password in ["", "x", " Passw0rd!", "Passw0rd! ", "Passw0\nrd!"] {
            refuses(&world, &client, with_password(&world, &client, password), invalid_parameter(pattern)).await;
        }
        let too_long = "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must \
                        have length less than or equal to 256";
        let password = format!("Aa1!{}", "x".repeat(253));
        refuses(&world, &client, with_password(&world, &client, &password), invalid_parameter(too_long)).await;
        world.call(with_password(&world, &client, &password[..256])).await.unwrap();
    }
}

spec! {
    async fn a_password_is_needed(world: World) {
        let client = world.app_client().await;
        let request = api::SignUpRequest { password: None, ..world.sign_up_request(&client, "alice") };
        let message = "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not \
                       be null";
        refuses(&world, &client, request, invalid_parameter(message)).await;
    }
}

spec! {
    async fn a_username_is_taken_once(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let again = with_attributes(&world, &client, "alice", &[("email", "other@example.com")]);
        refuses(&world, &client, again, username_exists("User already exists")).await;
        // By default case counts.
        world.sign_up(&client, "Alice").await;
        // What hides who exists cannot hide it here.
        let enabled = api::prevent_user_existence_error_types::Value::Enabled;
        let hides = |request: &mut api::CreateUserPoolClientRequest| {
            request.prevent_user_existence_errors = Some(enabled.into());
        };
        let hiding = world.client(&pool, hides).await;
        let again = world.sign_up_request(&hiding, "alice");
        refuses(&world, &hiding, again, username_exists("User already exists")).await;
        // Another pool has its own names.
        let elsewhere = world.app_client().await;
        world.sign_up(&elsewhere, "alice").await;
    }
}

spec! {
    async fn a_username_is_not_another_users_sub(world: World) {
        for counts in [true, false] {
            let pool = world.pool(|request| request.username_configuration = case_sensitive(counts)).await;
            let client = world.client(&pool, |_| {}).await;
            let sub = world.sign_up(&client, "alice").await.user_sub;
            let request = world.sign_up_request(&client, &sub);
            refuses(&world, &client, request, username_exists("User already exists")).await;
            let shouted = world.sign_up_request(&client, &sub.to_uppercase());
            if counts {
                world.call(shouted).await.unwrap();
            } else {
                refuses(&world, &client, shouted, username_exists("User already exists")).await;
            }
            // Whom an operator names by the sub stays who it was.
            assert_eq!(world.admin_get_user(&pool, &sub).await.unwrap().username, "alice");
        }
    }
}

spec! {
    async fn case_matters_where_the_pool_says_so(world: World) {
        let pool = world.pool(|request| request.username_configuration = case_sensitive(false)).await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "Alice").await;
        for again in ["alice", "ALICE", "Alice"] {
            let request = world.sign_up_request(&client, again);
            refuses(&world, &client, request, username_exists("User already exists")).await;
        }
        // The spelling of the sign-up stays.
        assert_eq!(world.admin_get_user(&pool, "alice").await.unwrap().username, "Alice");

        let pool = world.pool(|request| request.username_configuration = case_sensitive(true)).await;
        let client = world.client(&pool, |_| {}).await;
        let (one, other) = (world.sign_up(&client, "Alice").await, world.sign_up(&client, "alice").await);
        assert_ne!(one.user_sub, other.user_sub);
    }
}

spec! {
    async fn an_address_as_username_is_taken_once_though_unverified(world: World) {
        use username_attribute::Value::{Email, PhoneNumber};
        let email = username_exists("An account with the given email already exists.");
        let phone = username_exists("An account with the given phone_number already exists.");
        let pool = world
            .pool(|request| {
                named_by(&[Email, PhoneNumber])(request);
                request.username_configuration = case_sensitive(false);
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let request = |username: &str, attributes: &[(&str, &str)]| with_attributes(&world, &client, username, attributes);
        world.call(request("alice@example.com", &[("phone_number", "+15555550100")])).await.unwrap();
        refuses(&world, &client, request("alice@example.com", &[]), email.clone()).await;
        refuses(&world, &client, request("Alice@Example.com", &[]), email.clone()).await;
        refuses(&world, &client, request("+15555550100", &[]), phone.clone()).await;
        refuses(&world, &client, request("bob@example.com", &[("phone_number", "+15555550100")]), phone).await;
        refuses(&world, &client, request("+15555550101", &[("email", "alice@example.com")]), email).await;
        // What was refused took no name with it.
        world.call(request("bob@example.com", &[("phone_number", "+15555550101")])).await.unwrap();

        let pool = world.pool(named_by(&[Email])).await;
        let client = world.client(&pool, |_| {}).await;
        world.call(with_attributes(&world, &client, "alice@example.com", &[])).await.unwrap();
        world.call(with_attributes(&world, &client, "Alice@example.com", &[])).await.unwrap();
    }
}

spec! {
    async fn an_alias_may_be_given_by_many_before_one_verifies_it(world: World) {
        let pool = world.pool(aliased_by(&[alias_attribute::Value::Email])).await;
        let client = world.client(&pool, |_| {}).await;
        let shared = [("email", "shared@example.com")];
        world.call(with_attributes(&world, &client, "alice", &shared)).await.unwrap();
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        let reply = world.call(with_attributes(&world, &client, "bob", &shared)).await.unwrap();
        assert_eq!(reply.code_delivery_details, by_mail("s***@e***"));
        // The alias stays with who verified it.
        assert_eq!(world.admin_get_user(&pool, "shared@example.com").await.unwrap().username, "alice");
    }
}

spec! {
    async fn of_many_at_once_one_gets_the_name(world: World) {
        let client = world.app_client().await;
        let tries = (0..16).map(|_| world.call(world.sign_up_request(&client, "alice")));
        let replies = at_once(tries).await;
        let (done, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
        assert_eq!(done.len(), 1);
        for reply in refused {
            assert_eq!(reply, Err(username_exists("User already exists")));
        }
        assert_eq!(users_of(&world, &client.pool).await, 1);
        assert_eq!(world.mail().await.len(), 1);
    }
}

spec! {
    async fn of_several_faults_the_first_is_told(world: World) {
        use username_attribute::Value::Email;
        let closed = world
            .pool(|request| {
                named_by(&[Email])(request);
                let allow_admin_create_user_only = Some(true);
                request.admin_create_user_config =
                    Some(api::AdminCreateUserConfig { allow_admin_create_user_only, ..Default::default() });
            })
            .await;
        let closed = world.client(&closed, |request| request.generate_secret = Some(true)).await;
        let open = world.pool(named_by(&[Email])).await;
        let open = world.client(&open, |_| {}).await;
        world.call(with_attributes(&world, &open, "taken@example.com", &[])).await.unwrap();

        // Everything is wrong; then, one after the other, everything is put right.
        let mut request = api::SignUpRequest {
            client_id: Some("1example23456789".to_owned()),
            secret_hash: Some("nonsense".to_owned()),
            username: Some(" ".to_owned()),
            password: Some("password".to_owned()),
            user_attributes: vec![attribute("email_verified", "true"), attribute("custom:x", "1")],
            ..Default::default()
        };
        let pattern = "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must \
                       satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+";
        refuses(&world, &open, request.clone(), invalid_parameter(pattern)).await;
        request.username = Some("taken".to_owned());
        let message = "User pool client 1example23456789 does not exist.";
        refuses(&world, &open, request.clone(), refusal("ResourceNotFoundException", message)).await;
        request.client_id = Some(closed.id.clone());
        let message = format!("Unable to verify secret hash for client {}", closed.id);
        refuses(&world, &closed, request.clone(), refusal("NotAuthorizedException", &message)).await;
        request.secret_hash = closed.secret_hash("taken");
        let message = "SignUp is not permitted for this user pool";
        refuses(&world, &closed, request.clone(), refusal("NotAuthorizedException", message)).await;
        (request.client_id, request.secret_hash) = (Some(open.id.clone()), None);
        refuses(&world, &open, request.clone(), invalid_parameter("Username should be an email.")).await;
        request.username = Some("taken@example.com".to_owned());
        refuses(&world, &open, request.clone(), unwritable()).await;
        request.user_attributes.remove(0);
        let message = "Attributes did not conform to the schema: custom:x: Attribute does not exist in the schema.";
        refuses(&world, &open, request.clone(), invalid_parameter(message)).await;
        request.user_attributes.clear();
        refuses(&world, &open, request.clone(), policy_refusal("Password must have uppercase characters")).await;
        request.password = Some(PASSWORD.to_owned());
        let message = "An account with the given email already exists.";
        refuses(&world, &open, request.clone(), username_exists(message)).await;
        request.username = Some("free@example.com".to_owned());
        world.call(request).await.unwrap();
    }
}

spec! {
    async fn members_that_are_needed_are_named(world: World) {
        let nothing: Result<api::SignUpResponse, Refusal> = world.call(api::SignUpRequest::default()).await;
        assert_eq!(
            nothing,
            Err(invalid_parameter(
                "2 validation errors detected: Value at 'clientId' failed to satisfy constraint: Member must not be \
                 null; Value at 'username' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

spec! {
    async fn members_out_of_bounds_are_named_and_sensitive_ones_not_quoted(world: World) {
        let client = world.app_client().await;
        let valid = || world.sign_up_request(&client, "alice");
        let attributes = |user_attributes| api::SignUpRequest { user_attributes, ..valid() };
        let username = |username: &str| api::SignUpRequest { username: Some(username.to_owned()), ..valid() };
        let name_pattern = "Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+";
        let absent_name = api::Attribute { name: None, value: Some("x".to_owned()) };
        let long_name = "n".repeat(33);
        let cases = [
            (
                username(&"x".repeat(129)),
                "Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128"
                    .to_owned(),
            ),
            // Length counts UTF-16 units.
            (
                username(&"😀".repeat(65)),
                "Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128"
                    .to_owned(),
            ),
            (username("two words"), format!("Value at 'username' failed to satisfy constraint: {name_pattern}")),
            (
                api::SignUpRequest { client_id: Some("no client".to_owned()), ..valid() },
                "Value at 'clientId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+]+"
                    .to_owned(),
            ),
            (
                api::SignUpRequest { secret_hash: Some("no hash".to_owned()), ..valid() },
                "Value at 'secretHash' failed to satisfy constraint: Member must satisfy regular expression pattern: \
                 [\\w+=/]+"
                    .to_owned(),
            ),
            (
                attributes(vec![attribute(&long_name, "x")]),
                format!(
                    "Value '{long_name}' at 'userAttributes.1.member.name' failed to satisfy constraint: Member must \
                     have length less than or equal to 32"
                ),
            ),
            (
                attributes(vec![attribute("email", "alice@example.com"), absent_name]),
                "Value null at 'userAttributes.2.member.name' failed to satisfy constraint: Member must not be null"
                    .to_owned(),
            ),
            (
                attributes(vec![attribute("nickname", &"x".repeat(2049))]),
                "Value at 'userAttributes.1.member.value' failed to satisfy constraint: Member must have length less \
                 than or equal to 2048"
                    .to_owned(),
            ),
            (
                api::SignUpRequest { validation_data: vec![attribute(&long_name, "x")], ..valid() },
                format!(
                    "Value '{long_name}' at 'validationData.1.member.name' failed to satisfy constraint: Member must \
                     have length less than or equal to 32"
                ),
            ),
        ];
        for (request, violation) in cases {
            let message = format!("1 validation error detected: {violation}");
            refuses(&world, &client, request, invalid_parameter(&message)).await;
        }
        // What is for triggers and analytics has Cognito's bounds though nothing is made of it.
        let (long, bounds) = ("x".repeat(131_073), LONGEST_TEXT);
        let metadata = |name: &str, value: &str| api::SignUpRequest {
            client_metadata: HashMap::from([(name.to_owned(), value.to_owned())]),
            ..valid()
        };
        let encoded_data = Some(api::UserContextData { encoded_data: Some(long.clone()), ..Default::default() });
        for (request, violation) in [
            (
                metadata("a", &long),
                format!(
                    "Value '{{a={long}}}' at 'clientMetadata' failed to satisfy constraint: Map value must satisfy \
                     constraint: {bounds}"
                ),
            ),
            (
                metadata(&long, "a"),
                format!(
                    "Value '{{{long}=a}}' at 'clientMetadata' failed to satisfy constraint: Map keys must satisfy \
                     constraint: {bounds}"
                ),
            ),
            (
                api::SignUpRequest { user_context_data: encoded_data, ..valid() },
                "Value at 'userContextData.encodedData' failed to satisfy constraint: Member must have length less than \
                 or equal to 131072"
                    .to_owned(),
            ),
        ] {
            let refused = world.call(request).await.unwrap_err();
            assert_eq!(refused.exception, "InvalidParameterException");
            // gRPC tells as much of it as headers take.
            let message = format!("1 validation error detected: {violation}");
            match world.wire {
                Wire::Json => assert_eq!(refused.message, message),
                Wire::Grpc => assert!(message.starts_with(&refused.message) && refused.message.len() > 100),
            }
        }
        let empty = format!(
            "2 validation errors detected: Value at 'username' failed to satisfy constraint: Member must have length \
             greater than or equal to 1; Value at 'username' failed to satisfy constraint: {name_pattern}"
        );
        refuses(&world, &client, username(""), invalid_parameter(&empty)).await;
        world.call(username(&"x".repeat(128))).await.unwrap();
        world.call(username(&"😀".repeat(64))).await.unwrap();
    }
}
