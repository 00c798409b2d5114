//! Users whom an operator creates without a password, for they begin by a code.

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::user_status::Value as Status;
use cognate::api::{self, delivery_medium, message_action, user_pool_mfa};

use crate::spec;
use crate::support::factors::{email_of, phone_number_of};
use crate::support::fixtures::{SecondFactor, TEMPORARY_PASSWORD, attribute};
use crate::support::{World, refusal};

/// An operator vouches for the address and gives no password.
fn with_verified_email(request: &mut api::AdminCreateUserRequest) {
    request.user_attributes.push(attribute("email_verified", "true"));
    request.temporary_password = None;
}

spec! {
    async fn whoever_can_begin_by_a_code_at_a_verified_address_is_confirmed_at_once_and_not_invited(world: World) {
        let pool = world.pool_with_first_factors(&[AuthFactor::EmailOtp]).await;
        let client = world.client(&pool, |_| {}).await;
        let hashes = world.hashes_evaluated();
        let created = world.create_user(&pool, "alice", |request| {
            with_verified_email(request);
            request.message_action = None;
            request.desired_delivery_mediums = vec![delivery_medium::Value::Email.into()];
        });
        assert_eq!(created.await.unwrap().user_status(), Status::Confirmed);
        assert_eq!((world.messages().await, world.hashes_evaluated()), (0, hashes));
        let alice = world.person(&client, "alice");
        let asked = alice.prefers("EMAIL_OTP").await.unwrap();
        let code = world.code_to(&email_of("alice")).await;
        let reply = alice.answers(ChallengeName::EmailOtp, asked.session(), &[("EMAIL_OTP_CODE", &code)]).await;
        assert!(reply.unwrap().authentication_result.is_some());
        let again = world.create_user(&pool, "alice", |request| {
            request.message_action = Some(message_action::Value::Resend.into());
        });
        let refused = "Resend not possible. alice status is not FORCE_CHANGE_PASSWORD";
        assert_eq!(again.await, Err(refusal("UnsupportedUserStateException", refused)));
    }
}

spec! {
    async fn whoever_cannot_has_a_temporary_password(world: World) {
        let pool = world.pool_with_first_factors(&[AuthFactor::EmailOtp]).await;
        let by_sms = world.pool_with_first_factors(&[AuthFactor::SmsOtp]).await;
        let plain = world.pool(|_| {}).await;
        let insists = world.pool_with_first_factors(&[AuthFactor::EmailOtp]).await;
        world.ask_for_second_factors(&insists, user_pool_mfa::Value::On, &[SecondFactor::SoftwareToken]).await;
        let status = async |pool: &str, username: &str, configure: fn(&mut api::AdminCreateUserRequest)| {
            world.create_user(pool, username, configure).await.unwrap().user_status()
        };
        let temporary = Status::ForceChangePassword;
        assert_eq!(status(&pool, "alice", |request| request.temporary_password = None).await, temporary);
        let given = |request: &mut api::AdminCreateUserRequest| {
            with_verified_email(request);
            request.temporary_password = Some(TEMPORARY_PASSWORD.to_owned());
        };
        assert_eq!(status(&pool, "bob", given).await, temporary);
        for pool in [&by_sms, &plain, &insists] {
            assert_eq!(status(pool, "carol", with_verified_email).await, temporary);
        }
        let by_phone = |request: &mut api::AdminCreateUserRequest| {
            let phone_number = phone_number_of("dave");
            let attributes = [("phone_number", phone_number.as_str()), ("phone_number_verified", "true")];
            request.user_attributes = attributes.map(|(name, value)| attribute(name, value)).to_vec();
            request.temporary_password = None;
        };
        assert_eq!(status(&pool, "dave", by_phone).await, temporary);
        assert_eq!(status(&by_sms, "dave", by_phone).await, Status::Confirmed);
    }
}
