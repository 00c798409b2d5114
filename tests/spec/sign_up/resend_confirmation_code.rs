//! `ResendConfirmationCode`.

use std::time::Duration;

use cognate::api::{self, delivery_medium, username_attribute, verified_attribute};

use crate::spec;
use crate::support::fixtures::{TestClient, attribute};
use crate::support::{Refusal, World, at_once, refusal};

const HOUR: Duration = Duration::from_secs(60 * 60);

fn by_mail(destination: &str) -> api::CodeDeliveryDetails {
    api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Email.into()),
        attribute_name: Some("email".to_owned()),
    }
}

fn by_text_message(destination: &str) -> api::CodeDeliveryDetails {
    api::CodeDeliveryDetails {
        destination: Some(destination.to_owned()),
        delivery_medium: Some(delivery_medium::Value::Sms.into()),
        attribute_name: Some("phone_number".to_owned()),
    }
}

fn verifies(attributes: &[verified_attribute::Value]) -> impl FnOnce(&mut api::CreateUserPoolRequest) {
    let attributes = attributes.iter().map(|attribute| i32::from(*attribute)).collect();
    move |request| request.auto_verified_attributes = attributes
}

/// A client that hides who exists.
async fn hiding(world: &World, pool: &str) -> TestClient {
    let enabled = api::prevent_user_existence_error_types::Value::Enabled;
    world.client(pool, |request| request.prevent_user_existence_errors = Some(enabled.into())).await
}

fn too_often() -> Refusal {
    refusal("LimitExceededException", "Attempt limit exceeded, please try after some time.")
}

fn auto_verification_off() -> Refusal {
    refusal("NotAuthorizedException", "Cannot resend codes. Auto verification not turned on.")
}

fn mismatch() -> Refusal {
    refusal("CodeMismatchException", "Invalid verification code provided, please try again.")
}

/// What a simulated mail mask looks like: `a***@b***`.
fn is_mail_mask(destination: &str) -> bool {
    let letters: Vec<char> = destination.chars().filter(char::is_ascii_lowercase).collect();
    letters.len() == 2 && destination == format!("{}***@{}***", letters[0], letters[1])
}

spec! {
    async fn the_new_code_is_mailed_and_the_old_one_is_void(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let old = world.code_for("alice").await;
        world.advance(Duration::from_millis(1));
        assert_eq!(world.resend(&client, "alice").await, Ok(by_mail("a***@e***")));
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2);
        let new = &mail[1];
        assert_ne!(new.code, old);
        assert_eq!((new.medium.as_str(), new.to.as_str()), ("EMAIL", "alice@example.com"));
        assert_eq!(new.subject, "Your verification code");
        assert_eq!(new.body, format!("Your confirmation code is {}", new.code));
        assert_eq!((new.purpose.as_str(), new.username.as_str()), ("sign_up", "alice"));
        assert_eq!(world.confirm(&client, "alice", &old).await, Err(mismatch()));
        world.confirm(&client, "alice", &new.code).await.unwrap();
    }
}

spec! {
    async fn the_new_code_lives_for_a_day_of_its_own(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.advance(23 * HOUR);
        world.resend(&client, "alice").await.unwrap();
        let code = world.code_for("alice").await;
        world.advance(24 * HOUR - Duration::from_millis(1));
        world.confirm(&client, "alice", &code).await.unwrap();
    }
}

spec! {
    async fn the_code_takes_the_way_of_the_first_and_the_pools_own_words(world: World) {
        use verified_attribute::Value::{Email, PhoneNumber};
        let pool = world
            .pool(|request| {
                verifies(&[Email, PhoneNumber])(request);
                request.sms_verification_message = Some("Type {####}".to_owned());
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let both = vec![attribute("email", "alice@example.com"), attribute("phone_number", "+15555559934")];
        let request = api::SignUpRequest { user_attributes: both, ..world.sign_up_request(&client, "alice") };
        world.call(request).await.unwrap();
        assert_eq!(world.mail().await.len(), 1);
        world.advance(Duration::from_millis(1));
        assert_eq!(world.resend(&client, "alice").await, Ok(by_text_message("+*******9934")));
        let mail = world.mail().await;
        assert_eq!(mail.len(), 2);
        assert_eq!((mail[1].medium.as_str(), mail[1].to.as_str()), ("SMS", "+15555559934"));
        assert_eq!(mail[1].body, format!("Type {}", mail[1].code));
    }
}

spec! {
    async fn an_address_that_is_the_username_finds_its_user(world: World) {
        let pool =
            world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let request = api::SignUpRequest {
            user_attributes: Vec::new(),
            ..world.sign_up_request(&client, "alice@example.com")
        };
        let user_sub = world.call(request).await.unwrap().user_sub;
        for name in ["alice@example.com", &user_sub] {
            assert_eq!(world.resend(&client, name).await, Ok(by_mail("a***@e***")));
        }
        assert_eq!(world.mail().await.len(), 3);
    }
}

spec! {
    async fn a_confirmed_user_gets_no_code(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let confirmed = refusal("InvalidParameterException", "User is already confirmed.");
        assert_eq!(world.resend(&client, "alice").await, Err(confirmed.clone()));
        let hiding = hiding(&world, &client.pool).await;
        assert_eq!(world.resend(&hiding, "alice").await, Err(confirmed));
        assert_eq!(world.mail().await.len(), 1);
    }
}

spec! {
    async fn without_an_attribute_to_verify_there_is_no_code(world: World) {
        let client = world.app_client().await;
        let phone = vec![attribute("phone_number", "+15555559934")];
        let request = api::SignUpRequest { user_attributes: phone, ..world.sign_up_request(&client, "alice") };
        world.call(request).await.unwrap();
        assert_eq!(world.resend(&client, "alice").await, Err(auto_verification_off()));

        let pool = world.pool(verifies(&[])).await;
        let (open, hiding) = (world.client(&pool, |_| {}).await, hiding(&world, &pool).await);
        world.sign_up(&open, "alice").await;
        assert_eq!(world.resend(&open, "alice").await, Err(auto_verification_off()));
        // Whoever the client hides gets the same answer.
        assert_eq!(world.resend(&hiding, "alice").await, Err(auto_verification_off()));
        assert_eq!(world.resend(&hiding, "nobody").await, Err(auto_verification_off()));
        assert_eq!(world.mail().await.len(), 0);
    }
}

spec! {
    async fn five_codes_an_hour_are_enough(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        for _ in 0..5 {
            world.advance(Duration::from_millis(1));
            world.resend(&client, "alice").await.unwrap();
        }
        let newest = world.code_for("alice").await;
        assert_eq!(world.resend(&client, "alice").await, Err(too_often()));
        // Nothing was sent, the last code stands, and others have hours of their own.
        assert_eq!(world.mail().await.len(), 7);
        world.resend(&client, "bob").await.unwrap();
        world.confirm(&client, "alice", &newest).await.unwrap();
    }
}

spec! {
    async fn the_hour_begins_with_the_first_code_that_was_asked_for(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.resend(&client, "alice").await.unwrap();
        world.advance(HOUR / 2);
        for _ in 0..4 {
            world.resend(&client, "alice").await.unwrap();
        }
        world.advance(HOUR / 2 - Duration::from_millis(1));
        assert_eq!(world.resend(&client, "alice").await, Err(too_often()));
        world.advance(Duration::from_millis(1));
        for _ in 0..5 {
            world.resend(&client, "alice").await.unwrap();
        }
        assert_eq!(world.resend(&client, "alice").await, Err(too_often()));
    }
}

spec! {
    async fn an_hour_begun_by_a_clock_that_ran_ahead_ends_when_it_is_put_right(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let right = world.now();
        world.advance(2 * HOUR);
        for _ in 0..5 {
            world.resend(&client, "alice").await.unwrap();
        }
        // Not by so little that it may be the same hour.
        world.set_clock(right + HOUR + Duration::from_millis(1));
        assert_eq!(world.resend(&client, "alice").await, Err(too_often()));
        world.set_clock(right);
        for _ in 0..5 {
            world.resend(&client, "alice").await.unwrap();
        }
        assert_eq!(world.resend(&client, "alice").await, Err(too_often()));
    }
}

spec! {
    async fn the_count_outlives_a_restart(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        for _ in 0..5 {
            world.resend(&client, "alice").await.unwrap();
        }
        let world = world.restarted().await;
        assert_eq!(world.resend(&client, "alice").await, Err(too_often()));
    }
}

spec! {
    async fn of_many_at_once_five_are_sent(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let replies = at_once((0..12).map(|_| world.resend(&client, "alice"))).await;
        let (sent, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(Result::is_ok);
        assert_eq!(sent.len(), 5);
        for reply in refused {
            assert_eq!(reply, Err(too_often()));
        }
        assert_eq!(world.mail().await.len(), 6);
    }
}

spec! {
    async fn an_unknown_user_is_told_where_nobody_is_hidden(world: World) {
        let client = world.app_client().await;
        let unknown = refusal("UserNotFoundException", "Username/client id combination not found.");
        for _ in 0..6 {
            assert_eq!(world.resend(&client, "nobody").await, Err(unknown.clone()));
        }
    }
}

spec! {
    async fn where_users_are_hidden_an_unknown_one_is_answered_like_any(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = hiding(&world, &pool).await;
        let simulated = world.resend(&client, "nobody").await.unwrap();
        assert!(is_mail_mask(simulated.destination()), "{simulated:?}");
        assert_eq!(simulated, by_mail(simulated.destination()));
        for _ in 0..4 {
            assert_eq!(world.resend(&client, "nobody").await.as_ref(), Ok(&simulated));
        }
        assert_eq!(world.resend(&client, "nobody").await, Err(too_often()));
        world.advance(HOUR);
        let world = world.restarted().await;
        assert_eq!(world.resend(&client, "nobody").await, Ok(simulated));
        assert_eq!(world.mail().await.len(), 0);
    }
}

spec! {
    async fn a_hidden_name_is_one_name_in_any_case_where_case_does_not_count(world: World) {
        let pool = world
            .pool(|request| {
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
            })
            .await;
        let client = hiding(&world, &pool).await;
        let simulated = world.resend(&client, "nobody").await.unwrap();
        for name in ["Nobody", "NOBODY", "nobody", "nObody"] {
            assert_eq!(world.resend(&client, name).await.as_ref(), Ok(&simulated));
        }
        assert_eq!(world.resend(&client, "noBody").await, Err(too_often()));
    }
}

spec! {
    async fn a_hidden_name_that_is_an_address_is_masked_as_that_address(world: World) {
        use username_attribute::Value::{Email, PhoneNumber};
        let pool = world
            .pool(|request| {
                request.username_attributes = vec![Email.into(), PhoneNumber.into()];
                verifies(&[verified_attribute::Value::Email, verified_attribute::Value::PhoneNumber])(request);
            })
            .await;
        let client = hiding(&world, &pool).await;
        assert_eq!(world.resend(&client, "nobody@example.com").await, Ok(by_mail("n***@e***")));
        assert_eq!(world.resend(&client, "+15555559934").await, Ok(by_text_message("+*******9934")));
    }
}

spec! {
    async fn a_hidden_name_gets_no_message_that_the_pool_sends_nobody(world: World) {
        let pool = world.pool(verifies(&[verified_attribute::Value::PhoneNumber])).await;
        let client = hiding(&world, &pool).await;
        let simulated = world.resend(&client, "nobody").await.unwrap();
        let digits = simulated.destination().strip_prefix("+*******").unwrap_or_default();
        assert!(digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{simulated:?}");
        assert_eq!(simulated, by_text_message(simulated.destination()));
        assert_eq!(world.resend(&client, "nobody").await, Ok(simulated));

        let pool = world
            .pool(|request| {
                let names = [username_attribute::Value::Email, username_attribute::Value::PhoneNumber];
                request.username_attributes = names.map(i32::from).to_vec();
            })
            .await;
        let client = hiding(&world, &pool).await;
        let simulated = world.resend(&client, "+15555559934").await.unwrap();
        assert!(is_mail_mask(simulated.destination()), "{simulated:?}");
        assert_eq!(simulated, by_mail(simulated.destination()));
    }
}

spec! {
    async fn an_unknown_client_and_a_wrong_proof_are_refused_before_the_user_is_looked_for(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.generate_secret = Some(true)).await;
        world.sign_up(&client, "alice").await;
        let request = |client_id: &str, username: &str, secret_hash: Option<String>| api::ResendConfirmationCodeRequest {
            client_id: Some(client_id.to_owned()),
            username: Some(username.to_owned()),
            secret_hash,
            ..Default::default()
        };
        let missing = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
        let mismatch = format!("Unable to verify secret hash for client {}", client.id);
        let unknown = "User pool client 1example23456789 does not exist.";
        for username in ["alice", "nobody"] {
            let wrong = request(&client.id, username, client.secret_hash("bob"));
            assert_eq!(world.call(wrong).await, Err(refusal("NotAuthorizedException", &mismatch)));
            let absent = request(&client.id, username, None);
            assert_eq!(world.call(absent).await, Err(refusal("NotAuthorizedException", &missing)));
            let nowhere = request("1example23456789", username, None);
            assert_eq!(world.call(nowhere).await, Err(refusal("ResourceNotFoundException", unknown)));
        }
        let public = world.client(&pool, |_| {}).await;
        let needless = request(&public.id, "alice", client.secret_hash("alice"));
        let mismatch = format!("Unable to verify secret hash for client {}", public.id);
        assert_eq!(world.call(needless).await, Err(refusal("NotAuthorizedException", &mismatch)));
        assert_eq!(world.mail().await.len(), 1);
        world.resend(&client, "alice").await.unwrap();
    }
}

spec! {
    async fn members_that_are_needed_or_out_of_bounds_are_named(world: World) {
        assert_eq!(
            world.call(api::ResendConfirmationCodeRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value at 'clientId' failed to satisfy constraint: Member must not be \
                 null; Value at 'username' failed to satisfy constraint: Member must not be null"
            ))
        );
        let request = api::ResendConfirmationCodeRequest {
            client_id: Some("1example23456789".to_owned()),
            username: Some("two words".to_owned()),
            ..Default::default()
        };
        assert_eq!(
            world.call(request).await,
            Err(refusal(
                "InvalidParameterException",
                "1 validation error detected: Value at 'username' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+"
            ))
        );
    }
}
