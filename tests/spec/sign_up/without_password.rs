//! Users without a password: how they sign up, what they sign in by, and how they come to have one.

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::user_status::Value as Status;
use cognate::api::{self, user_pool_mfa};

use crate::spec;
use crate::support::factors::{email_of, phone_number_of};
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, attribute, hide_users, initiate_auth};
use crate::support::{Refusal, World, refusal};

/// A client of a pool in which one may begin by an e-mailed code.
async fn client_with_codes(world: &World) -> TestClient {
    let pool = world.pool_with_first_factors(&[AuthFactor::EmailOtp]).await;
    world.client(&pool, |_| {}).await
}

fn sign_up_request(client: &TestClient, username: &str) -> api::SignUpRequest {
    api::SignUpRequest { password: None, ..client.sign_up_request(username) }
}

/// Signs up without a password and signs in by an e-mailed code. Gives the access token.
async fn signed_in(world: &World, client: &TestClient, username: &str) -> String {
    world.call(sign_up_request(client, username)).await.unwrap();
    let person = world.person(client, username);
    world.advance(std::time::Duration::from_secs(1));
    let asked = person.prefers("EMAIL_OTP").await.unwrap();
    let code = world.code_to(&email_of(username)).await;
    let reply = person.answers(ChallengeName::EmailOtp, asked.session(), &[("EMAIL_OTP_CODE", &code)]).await.unwrap();
    reply.authentication_result.unwrap().access_token.unwrap()
}

fn password_missing(path: &str) -> Refusal {
    let message = "failed to satisfy constraint: Member must not be null";
    refusal("InvalidParameterException", &format!("1 validation error detected: Value at '{path}' {message}"))
}

async fn auth_factors(world: &World, access_token: &str) -> Vec<AuthFactor> {
    let request = api::GetUserAuthFactorsRequest { access_token: Some(access_token.to_owned()) };
    world.call(request).await.unwrap().configured_user_auth_factors().collect()
}

spec! {
    async fn where_a_code_signs_in_no_password_is_needed_to_sign_up(world: World) {
        let client = client_with_codes(&world).await;
        let hashes = world.hashes_evaluated();
        let signed_up = world.call(sign_up_request(&client, "alice")).await.unwrap();
        assert!(!signed_up.user_confirmed && signed_up.session.is_some());
        assert_eq!(signed_up.code_delivery_details.unwrap().destination(), "a***@e***");
        assert_eq!(world.hashes_evaluated(), hashes);
        let user = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(user.user_status(), Status::Unconfirmed);
        let token = signed_in(&world, &client, "bob").await;
        assert_eq!(world.get_user(&token).await.unwrap().username, "bob");
        assert!(!auth_factors(&world, &token).await.contains(&AuthFactor::Password));
    }
}

spec! {
    async fn the_chain_of_sign_up_works_without_a_password(world: World) {
        let client = client_with_codes(&world).await;
        let session = world.call(sign_up_request(&client, "alice")).await.unwrap().session;
        let confirm = world.confirm_request(&client, "alice", &world.code_for("alice").await);
        let session = world.call(api::ConfirmSignUpRequest { session, ..confirm }).await.unwrap().session;
        let begun = initiate_auth(&client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
        let reply = world.call(api::InitiateAuthRequest { session, ..begun }).await.unwrap();
        assert!(reply.authentication_result.is_some());
    }
}

spec! {
    async fn without_a_code_to_begin_by_the_password_is_required(world: World) {
        let client = client_with_codes(&world).await;
        let refused = Err(password_missing("password"));
        let of_a_plain_pool = world.app_client().await;
        assert_eq!(world.call(sign_up_request(&of_a_plain_pool, "alice")).await, refused);
        let without_choice = world
            .client(&client.pool, |request| {
                request.explicit_auth_flows = vec![ExplicitAuthFlow::AllowUserPasswordAuth.into()];
            })
            .await;
        assert_eq!(world.call(sign_up_request(&without_choice, "alice")).await, refused);
        for user_attributes in [vec![], vec![attribute("phone_number", &phone_number_of("alice"))]] {
            let request = api::SignUpRequest { user_attributes, ..sign_up_request(&client, "alice") };
            assert_eq!(world.call(request).await, refused);
        }
        let app = [SecondFactor::SoftwareToken];
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::On, &app).await;
        assert_eq!(world.call(sign_up_request(&client, "alice")).await, refused);
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &app).await;
        world.call(sign_up_request(&client, "alice")).await.unwrap();
    }
}

spec! {
    async fn a_password_that_is_given_must_conform_all_the_same(world: World) {
        let client = client_with_codes(&world).await;
        let request = api::SignUpRequest { password: Some("short".to_owned()), ..sign_up_request(&client, "alice") };
        assert_eq!(
            world.call(request).await,
            Err(refusal("InvalidPasswordException", "Password did not conform with policy: Password not long enough"))
        );
    }
}

spec! {
    async fn every_password_of_a_user_without_one_is_wrong_at_the_usual_cost(world: World) {
        let client = client_with_codes(&world).await;
        let hiding = world.client(&client.pool, hide_users).await;
        signed_in(&world, &client, "alice").await;
        let hashes = world.hashes_evaluated();
        for client in [&client, &hiding, &client, &hiding, &client] {
            assert_eq!(
                world.try_password(client, "alice", PASSWORD).await,
                Err(refusal("NotAuthorizedException", "Incorrect username or password."))
            );
        }
        assert_eq!(world.hashes_evaluated(), hashes + 5);
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(refusal("NotAuthorizedException", "Password attempts exceeded"))
        );
        // It is not offered either, but where that would tell who exists.
        let offered = async |client| {
            let reply = world.person(client, "alice").begins(AuthFlow::UserAuth, &[]).await.unwrap();
            reply.available_challenges().collect::<Vec<_>>()
        };
        assert_eq!(offered(&client).await, [ChallengeName::EmailOtp]);
        let all = [ChallengeName::PasswordSrp, ChallengeName::Password, ChallengeName::EmailOtp];
        assert_eq!(offered(&hiding).await, all);
    }
}

spec! {
    async fn the_first_password_is_set_without_a_previous_one_and_the_next_is_not(world: World) {
        let client = client_with_codes(&world).await;
        let token = signed_in(&world, &client, "alice").await;
        let change = async |previous: Option<&str>, proposed: &str| {
            let request = api::ChangePasswordRequest {
                access_token: Some(token.clone()),
                previous_password: previous.map(str::to_owned),
                proposed_password: Some(proposed.to_owned()),
            };
            world.call(request).await.map(drop)
        };
        let wrong = refusal("NotAuthorizedException", "Incorrect username or password.");
        let hashes = world.hashes_evaluated();
        assert_eq!(change(Some("Gu3ssed-one!"), PASSWORD).await, Err(wrong));
        assert_eq!(world.hashes_evaluated(), hashes + 1);
        let policy = "Password does not conform to policy: Password not long enough";
        assert_eq!(change(None, "short").await, Err(refusal("InvalidPasswordException", policy)));
        assert_eq!(change(None, PASSWORD).await, Ok(()));
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        assert!(auth_factors(&world, &token).await.contains(&AuthFactor::Password));
        assert_eq!(change(None, "An0ther-one!").await, Err(password_missing("previousPassword")));
        assert_eq!(change(Some(PASSWORD), "An0ther-one!").await, Ok(()));
    }
}

spec! {
    async fn a_first_password_ends_no_lock_and_counts_among_the_changes_of_an_hour(world: World) {
        let client = client_with_codes(&world).await;
        let token = signed_in(&world, &client, "alice").await;
        for _ in 0..5 {
            world.try_password(&client, "alice", PASSWORD).await.unwrap_err();
        }
        let request = api::ChangePasswordRequest {
            access_token: Some(token.clone()),
            proposed_password: Some(PASSWORD.to_owned()),
            ..Default::default()
        };
        world.call(request).await.unwrap();
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(refusal("NotAuthorizedException", "Password attempts exceeded"))
        );
        world.advance(std::time::Duration::from_secs(1));
        for _ in 0..4 {
            world.change_password(&token, PASSWORD, PASSWORD).await.unwrap();
        }
        assert_eq!(
            world.change_password(&token, PASSWORD, PASSWORD).await,
            Err(refusal("LimitExceededException", "Attempt limit exceeded, please try after some time."))
        );
    }
}

spec! {
    async fn a_code_for_a_forgotten_password_sets_the_first(world: World) {
        let client = client_with_codes(&world).await;
        signed_in(&world, &client, "alice").await;
        world.advance(std::time::Duration::from_secs(1));
        assert_eq!(world.forgot(&client, "alice").await.unwrap().destination(), "a***@e***");
        let code = world.code_for("alice").await;
        world.confirm_forgot(&client, "alice", &code, PASSWORD).await.unwrap();
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}
