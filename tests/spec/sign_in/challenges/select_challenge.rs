//! `SELECT_CHALLENGE`: who may begin by what.

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, user_pool_mfa};

use super::{Kind, assert_signed_in, invalid, invalid_session, used_session};
use crate::spec;
use crate::support::factors::{Person, phone_number_of};
use crate::support::fixtures::{PASSWORD, SecondFactor, TEMPORARY_PASSWORD, TestClient, attribute, initiate_auth};
use crate::support::{World, refusal};

const PASSWORD_ALONE: [ChallengeName; 2] = [ChallengeName::PasswordSrp, ChallengeName::Password];
const ALL: [ChallengeName; 4] =
    [ChallengeName::PasswordSrp, ChallengeName::Password, ChallengeName::EmailOtp, ChallengeName::SmsOtp];

/// A client of a pool in which one may begin by any code.
async fn client_with_all_factors(world: &World) -> TestClient {
    let pool = world.pool_with_first_factors(&[AuthFactor::EmailOtp, AuthFactor::SmsOtp]).await;
    world.client(&pool, |_| {}).await
}

/// What somebody may choose from.
async fn offered(person: Person<'_>) -> Vec<ChallengeName> {
    let reply = person.begins(AuthFlow::UserAuth, &[]).await.unwrap();
    assert_eq!((reply.challenge_name(), reply.challenge_parameters.len()), (ChallengeName::SelectChallenge, 0));
    reply.available_challenges().collect()
}

/// Where a sign-in begins that continues alice's sign-up.
async fn continued(world: &World, client: &TestClient, sign_up: api::SignUpRequest) -> api::InitiateAuthResponse {
    let session = world.call(sign_up).await.unwrap().session;
    let confirmed = world.confirm_request(client, "alice", &world.code_for("alice").await);
    let session = world.call(api::ConfirmSignUpRequest { session, ..confirmed }).await.unwrap().session;
    let begun = initiate_auth(client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
    world.call(api::InitiateAuthRequest { session, ..begun }).await.unwrap()
}

spec! {
    async fn everybody_is_offered_what_the_pool_allows_and_they_have_verified_addresses_for(world: World) {
        let client = client_with_all_factors(&world).await;
        world.reachable_user(&client, "alice").await;
        let alice = world.person(&client, "alice");
        assert_eq!(offered(alice).await, ALL);
        assert_eq!(offered(alice.by_back_end()).await, ALL);
        let pool = client.pool.as_str();
        world.update_attributes(pool, "alice", &[("email_verified", "false")]).await.unwrap();
        assert_eq!(offered(alice).await, [PASSWORD_ALONE.as_slice(), &[ChallengeName::SmsOtp]].concat());
        world.delete_attributes(pool, "alice", &["phone_number"]).await.unwrap();
        assert_eq!(offered(alice).await, PASSWORD_ALONE);

        for (factor, challenge) in [(AuthFactor::EmailOtp, ChallengeName::EmailOtp), (AuthFactor::SmsOtp, ChallengeName::SmsOtp)] {
            let pool = world.pool_with_first_factors(&[factor]).await;
            let client = world.client(&pool, |_| {}).await;
            world.reachable_user(&client, "alice").await;
            let expected = [PASSWORD_ALONE.as_slice(), &[challenge]].concat();
            assert_eq!(offered(world.person(&client, "alice")).await, expected);
        }
    }
}

spec! {
    async fn whoever_has_a_temporary_password_is_offered_no_code(world: World) {
        let client = client_with_all_factors(&world).await;
        world.reachable_user(&client, "alice").await;
        world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
        assert_eq!(offered(world.person(&client, "alice")).await, PASSWORD_ALONE);
    }
}

spec! {
    async fn whoever_has_just_signed_up_is_offered_codes_to_confirm_themselves_and_no_password(world: World) {
        let client = client_with_all_factors(&world).await;
        world.sign_up(&client, "alice").await;
        let alice = world.person(&client, "alice");
        assert_eq!(offered(alice).await, [ChallengeName::EmailOtp]);
        let preferred = alice.begins(AuthFlow::UserAuth, &[("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", PASSWORD)]).await;
        assert_eq!(preferred.unwrap().challenge_name(), ChallengeName::SelectChallenge);
    }
}

spec! {
    async fn no_code_begins_where_another_may_have_to_end(world: World) {
        let client = client_with_all_factors(&world).await;
        world.reachable_user(&client, "alice").await;
        world.reachable_user(&client, "bob").await;
        let (alice, bob) = (world.person(&client, "alice"), world.person(&client, "bob"));
        let app = [SecondFactor::SoftwareToken];
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &app).await;
        world.turn_on(&client, "alice", &app, None).await;
        assert_eq!((offered(alice).await, offered(bob).await), (PASSWORD_ALONE.to_vec(), ALL.to_vec()));
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::On, &app).await;
        assert_eq!((offered(alice).await, offered(bob).await), (PASSWORD_ALONE.to_vec(), PASSWORD_ALONE.to_vec()));
    }
}

spec! {
    async fn what_is_offered_is_judged_anew_when_it_is_chosen(world: World) {
        let client = client_with_all_factors(&world).await;
        world.reachable_user(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let session = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap();
        world.update_attributes(&client.pool, "alice", &[("email_verified", "false")]).await.unwrap();
        let choose = async |name| alice.answers(ChallengeName::SelectChallenge, &session, &[("ANSWER", name)]).await;
        for name in ["EMAIL_OTP", "WEB_AUTHN", "SMS_MFA", "email_otp"] {
            assert_eq!(choose(name).await, invalid("The challenge in ANSWER is not available."), "{name}");
        }
        assert_eq!(world.messages().await, 0);
        let asked = choose("SMS_OTP").await.unwrap();
        let code = Kind::SmsOtp.code(alice).await;
        assert_signed_in(&Kind::SmsOtp.answers(alice, asked.session(), &code).await, "alice");
        assert_eq!(choose("PASSWORD").await, used_session());
    }
}

spec! {
    async fn the_session_of_a_choice_serves_only_its_user_and_its_client(world: World) {
        let client = client_with_all_factors(&world).await;
        let other = world.client(&client.pool, |_| {}).await;
        world.reachable_user(&client, "alice").await;
        world.reachable_user(&client, "bob").await;
        let alice = world.person(&client, "alice");
        let session = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap();
        for foreign in [alice.named("bob"), alice.named("nobody"), alice.at(&other)] {
            let choice = [("ANSWER", "EMAIL_OTP")];
            assert_eq!(foreign.answers(ChallengeName::SelectChallenge, &session, &choice).await, invalid_session());
        }
        assert_eq!(world.messages().await, 0);
    }
}

spec! {
    async fn whoever_may_not_sign_in_is_told_so_at_once_and_sent_nothing(world: World) {
        let client = client_with_all_factors(&world).await;
        for username in ["alice", "bob"] {
            world.reachable_user(&client, username).await;
        }
        let sessions = [world.person(&client, "alice"), world.person(&client, "bob")];
        let mut begun = Vec::new();
        for person in sessions {
            begun.push(person.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap());
        }
        world.disable(&client.pool, "alice").await;
        world.reset_password(&client.pool, "bob").await.unwrap();
        let sent = world.messages().await;
        let disabled = refusal("NotAuthorizedException", "User is disabled.");
        let reset = refusal("PasswordResetRequiredException", "Password reset required for the user");
        for (person, session, refused) in [(sessions[0], &begun[0], disabled), (sessions[1], &begun[1], reset)] {
            assert_eq!(person.begins(AuthFlow::UserAuth, &[]).await, Err(refused.clone()));
            for name in ["EMAIL_OTP", "SMS_OTP", "PASSWORD"] {
                assert_eq!(person.prefers(name).await, Err(refused.clone()));
                let choice = [("ANSWER", name)];
                let chosen = person.answers(ChallengeName::SelectChallenge, session, &choice).await;
                assert_eq!(chosen, Err(refused.clone()));
            }
        }
        assert_eq!(world.messages().await, sent);
    }
}

spec! {
    async fn the_session_of_a_confirmed_sign_up_needs_no_code(world: World) {
        let client = client_with_all_factors(&world).await;
        let reply = continued(&world, &client, client.sign_up_request("alice")).await;
        assert!(reply.authentication_result.is_some());
    }
}

spec! {
    async fn where_the_pool_insists_on_second_factors_the_session_of_a_sign_up_leads_to_one(world: World) {
        let pool = world.pool_with_second_factors(user_pool_mfa::Value::On, &[SecondFactor::Sms, SecondFactor::SoftwareToken]).await;
        let client = world.client(&pool, |_| {}).await;
        let phone_number = phone_number_of("alice");
        let mut request = client.sign_up_request("alice");
        request.user_attributes.push(attribute("phone_number", &phone_number));
        let reply = continued(&world, &client, request).await;
        assert_eq!((reply.challenge_name(), reply.authentication_result.is_none()), (ChallengeName::SmsMfa, true));
        let code = world.code_to(&phone_number).await;
        let alice = world.person(&client, "alice");
        assert_signed_in(&Kind::SmsMfa.answers(alice, reply.session(), &code).await, "alice");
    }
}
