//! `AdminConfirmSignUp`.

use std::time::Duration;

use cognate::api::{self, alias_attribute, username_attribute};

use crate::spec;
use crate::support::fixtures::{PASSWORD, attribute, value_of};
use crate::support::{AccessKey, Credential, Refusal, Wire, World, at_once, refusal};

fn request(pool: &str, username: &str) -> api::AdminConfirmSignUpRequest {
    api::AdminConfirmSignUpRequest {
        user_pool_id: Some(pool.to_owned()),
        username: Some(username.to_owned()),
        ..Default::default()
    }
}

async fn confirms(world: &World, pool: &str, username: &str) -> Result<(), Refusal> {
    world.call(request(pool, username)).await.map(|_| ())
}

spec! {
    async fn the_user_can_sign_in_but_no_address_is_verified(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        confirms(&world, &client.pool, "alice").await.unwrap();
        let alice = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(alice.user_status(), api::user_status::Value::Confirmed);
        assert_eq!(value_of(&alice.user_attributes, "email_verified"), Some("false"));
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn status_and_time_of_change_are_all_that_changes(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let created = world.admin_get_user(&client.pool, "alice").await.unwrap();
        world.advance(Duration::from_secs(7));
        assert_eq!(world.call(request(&client.pool, "alice")).await, Ok(api::AdminConfirmSignUpResponse {}));
        assert_eq!(
            world.admin_get_user(&client.pool, "alice").await.unwrap(),
            api::AdminGetUserResponse {
                user_status: Some(api::user_status::Value::Confirmed.into()),
                user_last_modified_date: Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 }),
                ..created
            }
        );
        // The message of the sign-up is the only one.
        assert_eq!(world.mail().await.len(), 1);
    }
}

spec! {
    async fn metadata_for_triggers_becomes_no_part_of_the_user(world: World) {
        let client = world.app_client().await;
        let user_sub = world.sign_up(&client, "alice").await.user_sub;
        let client_metadata = [("nickname".to_owned(), "Al".to_owned())].into();
        let request = api::AdminConfirmSignUpRequest { client_metadata, ..request(&client.pool, "alice") };
        world.call(request).await.unwrap();
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
    async fn without_a_code_no_alias_comes_into_being(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "alice").await;
        confirms(&world, &pool, "alice").await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        assert_eq!(
            world.try_password(&client, "alice@example.com", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
    }
}

spec! {
    async fn a_user_without_any_address_is_confirmed_too(world: World) {
        let pool = world.pool(|request| request.auto_verified_attributes.clear()).await;
        let client = world.client(&pool, |_| {}).await;
        let bare = api::SignUpRequest { user_attributes: Vec::new(), ..world.sign_up_request(&client, "alice") };
        world.call(bare).await.unwrap();
        confirms(&world, &pool, "alice").await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_user_who_is_confirmed_by_code_is_refused(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        assert_eq!(
            confirms(&world, &client.pool, "alice").await,
            Err(refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"))
        );
        let verified = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(value_of(&verified.user_attributes, "email_verified"), Some("true"));
    }
}

spec! {
    async fn of_many_at_once_one_confirms(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let replies = at_once((0..12).map(|_| confirms(&world, &client.pool, "alice"))).await;
        let confirmed = refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED");
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 1);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(confirmed.clone())).count(), 11);
    }
}

spec! {
    async fn a_user_who_is_named_by_address_is_found_by_it(world: World) {
        let pool =
            world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let bare = world.sign_up_request(&client, "alice@example.com");
        world.call(api::SignUpRequest { user_attributes: Vec::new(), ..bare }).await.unwrap();
        confirms(&world, &pool, "alice@example.com").await.unwrap();
        world.try_password(&client, "alice@example.com", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn users_of_other_pools_are_not_found(world: World) {
        let client = world.app_client().await;
        let user_sub = world.sign_up(&client, "alice").await.user_sub;
        let elsewhere = world.pool(|_| {}).await;
        for name in ["alice", &user_sub] {
            assert_eq!(
                confirms(&world, &elsewhere, name).await,
                Err(refusal("UserNotFoundException", "User does not exist."))
            );
        }
        let alice = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(alice.user_status(), api::user_status::Value::Unconfirmed);
    }
}

spec! {
    async fn a_confirmation_outlives_a_restart(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        confirms(&world, &client.pool, "alice").await.unwrap();
        let world = world.restarted().await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn only_an_operator_confirms_without_a_code(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "bob").await;
        let token = world.sign_in(&client, "bob").await.access_token.unwrap();
        world.sign_up(&client, "alice").await;
        let not_the_operator = AccessKey { secret: "not the operator's".to_owned(), ..world.operator.clone() };
        let forged = match world.wire {
            Wire::Grpc => {
                refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            Wire::Json => refusal(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
                 Access Key and signing method. Consult the service documentation for details.",
            ),
        };
        let missing = refusal("MissingAuthenticationTokenException", "Missing Authentication Token");
        for (credential, expected) in [
            (Credential::None, missing.clone()),
            (Credential::Bearer(token), missing),
            (Credential::AccessKey(not_the_operator), forged),
        ] {
            assert_eq!(world.call_as(&credential, request(&client.pool, "alice")).await, Err(expected));
        }
        let alice = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(alice.user_status(), api::user_status::Value::Unconfirmed);
    }
}

spec! {
    async fn members_that_are_needed_are_named(world: World) {
        assert_eq!(
            world.call(api::AdminConfirmSignUpRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not \
                 be null; Value at 'username' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

spec! {
    async fn the_mailed_code_is_useless_afterwards(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        confirms(&world, &client.pool, "alice").await.unwrap();
        assert_eq!(
            world.confirm(&client, "alice", &code).await.map(|_| ()),
            Err(refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"))
        );
    }
}

spec! {
    async fn a_second_time_is_refused(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        confirms(&world, &client.pool, "alice").await.unwrap();
        assert_eq!(
            confirms(&world, &client.pool, "alice").await,
            Err(refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED"))
        );
    }
}

spec! {
    async fn the_user_is_found_by_sub_too(world: World) {
        let client = world.app_client().await;
        let signed_up = world.sign_up(&client, "alice").await;
        confirms(&world, &client.pool, &signed_up.user_sub).await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_unknown_user_and_an_unknown_pool_are_named(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(
            confirms(&world, &pool, "nobody").await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
        assert_eq!(
            confirms(&world, "us-east-1_Nowhere12", "alice").await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn a_pool_id_that_is_none_is_quoted_and_a_username_is_not(world: World) {
        assert_eq!(
            confirms(&world, "nonsense", "").await,
            Err(refusal(
                "InvalidParameterException",
                "3 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value at 'username' failed to satisfy \
                 constraint: Member must have length greater than or equal to 1; Value at 'username' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+"
            ))
        );
    }
}
