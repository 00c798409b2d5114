//! `ConfirmSignUp`.

use std::time::Duration;

use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::{self, alias_attribute, auth_flow, username_attribute, verified_attribute};

use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, attribute, claims, initiate_auth, value_of};
use crate::support::{Refusal, World, at_once, refusal};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const MILLISECOND: Duration = Duration::from_millis(1);

fn mismatch() -> Refusal {
    refusal("CodeMismatchException", "Invalid verification code provided, please try again.")
}

fn expired() -> Refusal {
    refusal("ExpiredCodeException", "Invalid code provided, please request a code again.")
}

fn too_often() -> Refusal {
    refusal("LimitExceededException", "Attempt limit exceeded, please try after some time.")
}

fn already_confirmed() -> Refusal {
    refusal("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
}

fn unknown_user() -> Refusal {
    refusal("UserNotFoundException", "Username/client id combination not found.")
}

fn invalid_session() -> Refusal {
    refusal("NotAuthorizedException", "Invalid session for the user.")
}

fn session_expired() -> Refusal {
    refusal("NotAuthorizedException", "Invalid session for the user, session is expired.")
}

fn session_used() -> Refusal {
    refusal("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
}

/// A code that is another one than this.
fn other_than(code: &str) -> String {
    let last = if code.ends_with('0') { '1' } else { '0' };
    format!("{}{last}", &code[..code.len() - 1])
}

/// A client that hides who exists.
async fn hiding(world: &World, pool: &str) -> TestClient {
    let enabled = api::prevent_user_existence_error_types::Value::Enabled;
    world.client(pool, |request| request.prevent_user_existence_errors = Some(enabled.into())).await
}

/// Signs a user up with these attributes. Gives the `sub`.
async fn sign_up_with(world: &World, client: &TestClient, username: &str, attributes: &[(&str, &str)]) -> String {
    let user_attributes = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let request = api::SignUpRequest { user_attributes, ..world.sign_up_request(client, username) };
    world.call(request).await.unwrap().user_sub
}

/// Confirms by the mailed code, or moves the alias with it.
async fn confirms(world: &World, client: &TestClient, username: &str, force: bool) -> Result<(), Refusal> {
    let code = world.code_for(username).await;
    let request = api::ConfirmSignUpRequest {
        force_alias_creation: Some(force),
        ..world.confirm_request(client, username, &code)
    };
    world.call(request).await.map(|_| ())
}

async fn status_of(world: &World, pool: &str, username: &str) -> api::user_status::Value {
    world.admin_get_user(pool, username).await.unwrap().user_status()
}

async fn attribute_of(world: &World, pool: &str, username: &str, name: &str) -> Option<String> {
    let user = world.admin_get_user(pool, username).await.unwrap();
    value_of(&user.user_attributes, name).map(str::to_owned)
}

/// Who signs in by this name.
async fn signs_in_as(world: &World, client: &TestClient, name: &str) -> String {
    let tokens = world.sign_in(client, name).await;
    claims(tokens.access_token())["username"].as_str().unwrap().to_owned()
}

/// A request with a session in it.
fn in_chain(
    world: &World,
    client: &TestClient,
    username: &str,
    code: &str,
    session: &str,
) -> api::ConfirmSignUpRequest {
    let session = Some(session.to_owned());
    api::ConfirmSignUpRequest { session, ..world.confirm_request(client, username, code) }
}

/// The first sign-in by the session of a confirmation. Gives who it is.
async fn first_sign_in(world: &World, client: &TestClient, username: &str, session: &str) -> Result<String, Refusal> {
    let parameters = [("USERNAME", username.to_owned())];
    let request = api::InitiateAuthRequest {
        session: Some(session.to_owned()),
        ..initiate_auth(client, auth_flow::Value::UserAuth, parameters)
    };
    let result = world.call(request).await?.authentication_result.unwrap();
    Ok(claims(result.access_token())["username"].as_str().unwrap().to_owned())
}

fn aliased_by_email(request: &mut api::CreateUserPoolRequest) {
    request.alias_attributes = vec![alias_attribute::Value::Email.into()];
}

spec! {
    async fn the_right_code_confirms_the_user_and_verifies_the_address(world: World) {
        let client = world.app_client().await;
        let user_sub = world.sign_up(&client, "alice").await.user_sub;
        let created = world.admin_get_user(&client.pool, "alice").await.unwrap();
        let code = world.code_for("alice").await;
        world.advance(Duration::from_secs(7));
        assert_eq!(world.confirm(&client, "alice", &code).await, Ok(api::ConfirmSignUpResponse { session: None }));
        let alice = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(
            alice,
            api::AdminGetUserResponse {
                user_attributes: vec![
                    attribute("sub", &user_sub),
                    attribute("email", "alice@example.com"),
                    attribute("email_verified", "true"),
                ],
                user_status: Some(api::user_status::Value::Confirmed.into()),
                user_last_modified_date: Some(prost_types::Timestamp { seconds: world.now().as_second(), nanos: 0 }),
                ..created
            }
        );
        assert_eq!(signs_in_as(&world, &client, "alice").await, "alice");
    }
}

spec! {
    async fn only_the_attribute_that_carried_the_code_is_verified(world: World) {
        use verified_attribute::Value::{Email, PhoneNumber};
        let pool = world
            .pool(|request| request.auto_verified_attributes = vec![Email.into(), PhoneNumber.into()])
            .await;
        let client = world.client(&pool, |_| {}).await;
        let both = [("email", "alice@example.com"), ("phone_number", "+15555559934")];
        sign_up_with(&world, &client, "alice", &both).await;
        confirms(&world, &client, "alice", false).await.unwrap();
        assert_eq!(attribute_of(&world, &pool, "alice", "phone_number_verified").await.as_deref(), Some("true"));
        assert_eq!(attribute_of(&world, &pool, "alice", "email_verified").await.as_deref(), Some("false"));
    }
}

spec! {
    async fn a_wrong_code_changes_nothing(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        for wrong in [&other_than(&code), "000", "nonsense", &format!("{code}0"), &code[..5]] {
            assert_eq!(world.confirm(&client, "alice", wrong).await, Err(mismatch()), "{wrong}");
        }
        assert_eq!(status_of(&world, &client.pool, "alice").await, api::user_status::Value::Unconfirmed);
        let verified = attribute_of(&world, &client.pool, "alice", "email_verified").await;
        assert_eq!(verified.as_deref(), Some("false"));
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(refusal("UserNotConfirmedException", "User is not confirmed."))
        );
    }
}

spec! {
    async fn a_code_confirms_its_own_user_only(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        let (alices, bobs) = (world.code_for("alice").await, world.code_for("bob").await);
        assert_eq!(world.confirm(&client, "alice", &bobs).await, Err(mismatch()));
        assert_eq!(world.confirm(&client, "bob", &alices).await, Err(mismatch()));
        world.confirm(&client, "alice", &alices).await.unwrap();
        world.confirm(&client, "bob", &bobs).await.unwrap();
    }
}

spec! {
    async fn a_user_is_confirmed_once_whatever_the_code(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        let hiding = hiding(&world, &client.pool).await;
        for client in [&client, &hiding] {
            assert_eq!(world.confirm(client, "alice", &code).await, Err(already_confirmed()));
            assert_eq!(world.confirm(client, "alice", &other_than(&code)).await, Err(already_confirmed()));
        }
        // Such tries are not counted.
        for _ in 0..15 {
            assert_eq!(world.confirm(&client, "alice", &code).await, Err(already_confirmed()));
        }
    }
}

spec! {
    async fn of_many_right_codes_at_once_one_confirms(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let replies = at_once((0..12).map(|_| world.confirm(&client, "alice", &code))).await;
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 1);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(already_confirmed())).count(), 11);
    }
}

spec! {
    async fn a_code_is_good_for_a_day(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        let (alices, bobs) = (world.code_for("alice").await, world.code_for("bob").await);
        world.advance(DAY - MILLISECOND);
        world.confirm(&client, "alice", &alices).await.unwrap();
        world.advance(MILLISECOND);
        assert_eq!(world.confirm(&client, "bob", &bobs).await, Err(expired()));
        // Even a wrong code is told no more than that.
        assert_eq!(world.confirm(&client, "bob", &other_than(&bobs)).await, Err(expired()));
        assert_eq!(status_of(&world, &client.pool, "bob").await, api::user_status::Value::Unconfirmed);
        world.resend(&client, "bob").await.unwrap();
        confirms(&world, &client, "bob", false).await.unwrap();
    }
}

spec! {
    async fn a_code_outlives_a_restart(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let world = world.restarted().await;
        world.confirm(&client, "alice", &code).await.unwrap();
    }
}

spec! {
    async fn where_no_code_was_sent_none_is_right(world: World) {
        let pool = world.pool(|request| request.auto_verified_attributes.clear()).await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "alice").await;
        assert_eq!(world.confirm(&client, "alice", "123456").await, Err(expired()));
    }
}

spec! {
    async fn five_wrong_tries_void_a_code(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        let (alices, bobs) = (world.code_for("alice").await, world.code_for("bob").await);
        for _ in 0..4 {
            assert_eq!(world.confirm(&client, "alice", &other_than(&alices)).await, Err(mismatch()));
            assert_eq!(world.confirm(&client, "bob", &other_than(&bobs)).await, Err(mismatch()));
        }
        // After four the right one still serves; after five it does not.
        world.confirm(&client, "alice", &alices).await.unwrap();
        assert_eq!(world.confirm(&client, "bob", &other_than(&bobs)).await, Err(mismatch()));
        let world = world.restarted().await;
        assert_eq!(world.confirm(&client, "bob", &bobs).await, Err(expired()));
        assert_eq!(status_of(&world, &client.pool, "bob").await, api::user_status::Value::Unconfirmed);
        // A new code has tries of its own.
        world.resend(&client, "bob").await.unwrap();
        let code = world.code_for("bob").await;
        assert_eq!(world.confirm(&client, "bob", &other_than(&code)).await, Err(mismatch()));
        world.confirm(&client, "bob", &code).await.unwrap();
    }
}

spec! {
    async fn fifteen_tries_an_hour_are_enough(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        let mut code = world.code_for("alice").await;
        for round in 0..3 {
            for _ in 0..5 {
                assert_eq!(world.confirm(&client, "alice", &other_than(&code)).await, Err(mismatch()), "{round}");
            }
            world.advance(Duration::from_secs(60));
            world.resend(&client, "alice").await.unwrap();
            code = world.code_for("alice").await;
        }
        // The right code is not even looked at, up to the last millisecond of the hour that the first try began.
        assert_eq!(world.confirm(&client, "alice", &code).await, Err(too_often()));
        confirms(&world, &client, "bob", false).await.unwrap();
        world.advance(HOUR - Duration::from_secs(180) - MILLISECOND);
        let world = world.restarted().await;
        assert_eq!(world.confirm(&client, "alice", &code).await, Err(too_often()));
        world.advance(MILLISECOND);
        world.confirm(&client, "alice", &code).await.unwrap();
    }
}

spec! {
    async fn of_two_hundred_guesses_at_once_five_are_judged(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let wrong = other_than(&code);
        let replies = at_once((0..200).map(|_| world.confirm(&client, "alice", &wrong))).await;
        let count = |refusal: Refusal| replies.iter().filter(|reply| **reply == Err(refusal.clone())).count();
        assert_eq!((count(mismatch()), count(expired()), count(too_often())), (5, 10, 185));
        world.advance(HOUR);
        assert_eq!(world.confirm(&client, "alice", &code).await, Err(expired()));
    }
}

spec! {
    async fn an_unknown_user_is_told_where_nobody_is_hidden(world: World) {
        let client = world.app_client().await;
        for _ in 0..16 {
            assert_eq!(world.confirm(&client, "nobody", "123456").await, Err(unknown_user()));
        }
    }
}

spec! {
    async fn where_users_are_hidden_an_unknown_one_has_no_code(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = hiding(&world, &pool).await;
        for _ in 0..15 {
            assert_eq!(world.confirm(&client, "nobody", "123456").await, Err(expired()));
        }
        assert_eq!(world.confirm(&client, "nobody", "123456").await, Err(too_often()));
        assert_eq!(world.confirm(&client, "somebody", "123456").await, Err(expired()));
        world.advance(HOUR);
        assert_eq!(world.confirm(&client, "nobody", "123456").await, Err(expired()));
    }
}

spec! {
    async fn an_unknown_client_and_a_wrong_proof_are_refused_before_the_user_is_looked_for(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.generate_secret = Some(true)).await;
        let public = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let missing = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
        let mismatch = format!("Unable to verify secret hash for client {}", client.id);
        let needless = format!("Unable to verify secret hash for client {}", public.id);
        for username in ["alice", "nobody"] {
            let request = |client_id: &str, secret_hash: Option<String>| api::ConfirmSignUpRequest {
                client_id: Some(client_id.to_owned()),
                secret_hash,
                ..world.confirm_request(&public, username, &code)
            };
            let not_authorized = |message: &str| Err(refusal("NotAuthorizedException", message));
            assert_eq!(world.call(request(&client.id, None)).await, not_authorized(&missing));
            assert_eq!(world.call(request(&client.id, client.secret_hash("bob"))).await, not_authorized(&mismatch));
            let hash = client.secret_hash(username);
            assert_eq!(world.call(request(&public.id, hash)).await, not_authorized(&needless));
            assert_eq!(
                world.call(request("1example23456789", None)).await,
                Err(refusal("ResourceNotFoundException", "User pool client 1example23456789 does not exist."))
            );
        }
        assert_eq!(status_of(&world, &pool, "alice").await, api::user_status::Value::Unconfirmed);
        world.confirm(&client, "alice", &code).await.unwrap();
    }
}

spec! {
    async fn a_client_of_the_same_pool_confirms_too_and_one_of_another_pool_does_not(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let elsewhere = world.app_client().await;
        assert_eq!(world.confirm(&elsewhere, "alice", &code).await, Err(unknown_user()));
        let sibling = world.client(&client.pool, |_| {}).await;
        world.confirm(&sibling, "alice", &code).await.unwrap();
    }
}

spec! {
    async fn an_address_that_is_the_username_confirms_and_signs_in(world: World) {
        let pool =
            world.pool(|request| request.username_attributes = vec![username_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, |_| {}).await;
        let user_sub = sign_up_with(&world, &client, "alice@example.com", &[]).await;
        let code = world.code_for(&user_sub).await;
        world.confirm(&client, "alice@example.com", &code).await.unwrap();
        assert_eq!(attribute_of(&world, &pool, &user_sub, "email_verified").await.as_deref(), Some("true"));
        for name in ["alice@example.com", &user_sub] {
            assert_eq!(signs_in_as(&world, &client, name).await, user_sub);
        }
    }
}

spec! {
    async fn an_alias_serves_once_it_is_verified(world: World) {
        let pool = world.pool(aliased_by_email).await;
        let client = world.client(&pool, |_| {}).await;
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        assert_eq!(world.confirm(&client, "alice@example.com", &code).await, Err(unknown_user()));
        world.confirm(&client, "alice", &code).await.unwrap();
        assert_eq!(signs_in_as(&world, &client, "alice@example.com").await, "alice");
        assert_eq!(world.confirm(&client, "alice@example.com", &code).await, Err(already_confirmed()));
    }
}

spec! {
    async fn an_address_is_no_alias_where_the_pool_has_none(world: World) {
        let client = world.app_client().await;
        let shared = [("email", "shared@example.com")];
        sign_up_with(&world, &client, "alice", &shared).await;
        sign_up_with(&world, &client, "bob", &shared).await;
        confirms(&world, &client, "alice", false).await.unwrap();
        confirms(&world, &client, "bob", false).await.unwrap();
        assert_eq!(
            world.try_password(&client, "shared@example.com", PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
    }
}

spec! {
    async fn an_alias_that_another_user_holds_is_theirs(world: World) {
        let pool = world.pool(aliased_by_email).await;
        let client = world.client(&pool, |_| {}).await;
        let shared = [("email", "shared@example.com")];
        sign_up_with(&world, &client, "alice", &shared).await;
        sign_up_with(&world, &client, "bob", &shared).await;
        confirms(&world, &client, "alice", false).await.unwrap();
        let taken = refusal("AliasExistsException", "An account with the email already exists.");
        // The code stays good for who then forces it.
        for _ in 0..2 {
            assert_eq!(confirms(&world, &client, "bob", false).await, Err(taken.clone()));
        }
        assert_eq!(status_of(&world, &pool, "bob").await, api::user_status::Value::Unconfirmed);
        assert_eq!(attribute_of(&world, &pool, "alice", "email_verified").await.as_deref(), Some("true"));
        assert_eq!(attribute_of(&world, &pool, "bob", "email_verified").await.as_deref(), Some("false"));
        assert_eq!(signs_in_as(&world, &client, "shared@example.com").await, "alice");
    }
}

spec! {
    async fn an_alias_moves_by_force_and_its_former_holder_loses_the_verification(world: World) {
        let pool = world.pool(aliased_by_email).await;
        let client = world.client(&pool, |_| {}).await;
        let shared = [("email", "shared@example.com")];
        sign_up_with(&world, &client, "alice", &shared).await;
        sign_up_with(&world, &client, "bob", &shared).await;
        confirms(&world, &client, "alice", false).await.unwrap();
        assert_eq!(signs_in_as(&world, &client, "shared@example.com").await, "alice");
        // Force without the code moves nothing.
        let code = world.code_for("bob").await;
        let guess = api::ConfirmSignUpRequest {
            force_alias_creation: Some(true),
            ..world.confirm_request(&client, "bob", &other_than(&code))
        };
        assert_eq!(world.call(guess).await, Err(mismatch()));
        assert_eq!(signs_in_as(&world, &client, "shared@example.com").await, "alice");

        confirms(&world, &client, "bob", true).await.unwrap();
        assert_eq!(signs_in_as(&world, &client, "shared@example.com").await, "bob");
        assert_eq!(signs_in_as(&world, &client, "alice").await, "alice");
        assert_eq!(attribute_of(&world, &pool, "bob", "email_verified").await.as_deref(), Some("true"));
        assert_eq!(attribute_of(&world, &pool, "alice", "email_verified").await.as_deref(), Some("false"));
        assert_eq!(attribute_of(&world, &pool, "alice", "email").await.as_deref(), Some("shared@example.com"));
        assert_eq!(status_of(&world, &pool, "alice").await, api::user_status::Value::Confirmed);
    }
}

spec! {
    async fn a_phone_number_is_an_alias_like_another(world: World) {
        let pool = world
            .pool(|request| {
                request.auto_verified_attributes = vec![verified_attribute::Value::PhoneNumber.into()];
                request.alias_attributes = vec![alias_attribute::Value::PhoneNumber.into()];
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        let shared = [("phone_number", "+15555559934")];
        sign_up_with(&world, &client, "alice", &shared).await;
        sign_up_with(&world, &client, "bob", &shared).await;
        confirms(&world, &client, "alice", false).await.unwrap();
        assert_eq!(
            confirms(&world, &client, "bob", false).await,
            Err(refusal("AliasExistsException", "An account with the phone_number already exists."))
        );
        assert_eq!(signs_in_as(&world, &client, "+15555559934").await, "alice");
    }
}

spec! {
    async fn an_alias_is_compared_as_the_pool_compares_names(world: World) {
        let pool = world
            .pool(|request| {
                aliased_by_email(request);
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        sign_up_with(&world, &client, "alice", &[("email", "Shared@Example.com")]).await;
        sign_up_with(&world, &client, "bob", &[("email", "shared@example.com")]).await;
        confirms(&world, &client, "alice", false).await.unwrap();
        assert_eq!(
            confirms(&world, &client, "bob", false).await,
            Err(refusal("AliasExistsException", "An account with the email already exists."))
        );
        assert_eq!(signs_in_as(&world, &client, "SHARED@example.com").await, "alice");

        let pool = world.pool(aliased_by_email).await;
        let client = world.client(&pool, |_| {}).await;
        sign_up_with(&world, &client, "carol", &[("email", "Shared@Example.com")]).await;
        sign_up_with(&world, &client, "dave", &[("email", "shared@example.com")]).await;
        confirms(&world, &client, "carol", false).await.unwrap();
        confirms(&world, &client, "dave", false).await.unwrap();
        assert_eq!(signs_in_as(&world, &client, "Shared@Example.com").await, "carol");
        assert_eq!(signs_in_as(&world, &client, "shared@example.com").await, "dave");
    }
}

spec! {
    async fn of_two_who_claim_an_alias_at_once_one_gets_it(world: World) {
        let pool = world.pool(aliased_by_email).await;
        let client = world.client(&pool, |_| {}).await;
        let names = ["alice", "bob", "carol", "dave"];
        for name in names {
            sign_up_with(&world, &client, name, &[("email", "shared@example.com")]).await;
        }
        let replies = at_once(names.map(|name| confirms(&world, &client, name, false))).await;
        let taken = refusal("AliasExistsException", "An account with the email already exists.");
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 1);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(taken.clone())).count(), 3);
        let winner = names[replies.iter().position(Result::is_ok).unwrap()];
        assert_eq!(signs_in_as(&world, &client, "shared@example.com").await, winner);
    }
}

spec! {
    async fn a_session_leads_to_the_first_sign_in_without_a_challenge(world: World) {
        let client = world.app_client().await;
        let first = world.sign_up(&client, "alice").await.session.unwrap();
        let code = world.code_for("alice").await;
        let reply = world.call(in_chain(&world, &client, "alice", &code, &first)).await.unwrap();
        let second = reply.session.unwrap();
        assert_ne!(second, first);
        assert_eq!(first_sign_in(&world, &client, "alice", &second).await.as_deref(), Ok("alice"));
        assert_eq!(first_sign_in(&world, &client, "alice", &second).await, Err(session_used()));
        // The session of the sign-up leads to the confirmation only.
        assert_eq!(first_sign_in(&world, &client, "alice", &first).await, Err(invalid_session()));
    }
}

spec! {
    async fn without_the_session_of_the_sign_up_none_comes_back(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await.session.unwrap();
        let code = world.code_for("alice").await;
        assert_eq!(world.confirm(&client, "alice", &code).await, Ok(api::ConfirmSignUpResponse { session: None }));
    }
}

spec! {
    async fn a_client_without_user_auth_ignores_sessions(world: World) {
        let pool = world.pool(|_| {}).await;
        let chained = world.client(&pool, |_| {}).await;
        let flows = vec![ExplicitAuthFlow::AllowUserPasswordAuth.into()];
        let client = world.client(&pool, |request| request.explicit_auth_flows = flows).await;
        let nobodys = "no session at all, but long enough";
        world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let reply = world.call(in_chain(&world, &client, "alice", &code, nobodys)).await;
        assert_eq!(reply, Ok(api::ConfirmSignUpResponse { session: None }));

        let session = world.sign_up(&chained, "bob").await.session.unwrap();
        let code = world.code_for("bob").await;
        let reply = world.call(in_chain(&world, &client, "bob", &code, &session)).await;
        assert_eq!(reply, Ok(api::ConfirmSignUpResponse { session: None }));
    }
}

spec! {
    async fn a_session_serves_its_own_user_and_client_only(world: World) {
        let client = world.app_client().await;
        let sibling = world.client(&client.pool, |_| {}).await;
        let elsewhere = world.app_client().await;
        let session = world.sign_up(&client, "alice").await.session.unwrap();
        let bobs = world.sign_up(&client, "bob").await.session.unwrap();
        let siblings = world.sign_up(&sibling, "carol").await.session.unwrap();
        let foreign = world.sign_up(&elsewhere, "alice").await.session.unwrap();
        let code = world.code_for("bob").await;
        let mut tampered = bobs.clone().into_bytes();
        tampered[10] = if tampered[10] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).unwrap();
        let cut = &bobs[..bobs.len() - 4];
        for session in [&session, &siblings, &foreign, &tampered, cut, "no session at all, but long enough"] {
            let reply = world.call(in_chain(&world, &client, "bob", &code, session)).await;
            assert_eq!(reply, Err(invalid_session()), "{session}");
        }
        assert_eq!(
            world.call(in_chain(&world, &sibling, "bob", &code, &bobs)).await,
            Err(invalid_session())
        );
        assert_eq!(status_of(&world, &client.pool, "bob").await, api::user_status::Value::Unconfirmed);
        // Neither the code nor the right session has suffered.
        let second = world.call(in_chain(&world, &client, "bob", &code, &bobs)).await.unwrap().session.unwrap();
        assert_eq!(first_sign_in(&world, &client, "alice", &second).await, Err(invalid_session()));
        assert_eq!(first_sign_in(&world, &sibling, "bob", &second).await, Err(invalid_session()));
        assert_eq!(first_sign_in(&world, &client, "bob", &second).await.as_deref(), Ok("bob"));
    }
}

spec! {
    async fn a_session_lives_as_long_as_the_client_says(world: World) {
        let pool = world.pool(|_| {}).await;
        let usual = world.client(&pool, |_| {}).await;
        let patient = world.client(&pool, |request| request.auth_session_validity = Some(15)).await;
        for (client, minutes, name) in [(&usual, 3, "alice"), (&patient, 15, "bob")] {
            let late = format!("late-{name}");
            let session = world.sign_up(client, name).await.session.unwrap();
            let expired = world.sign_up(client, &late).await.session.unwrap();
            let (code, late_code) = (world.code_for(name).await, world.code_for(&late).await);
            world.advance(Duration::from_secs(60 * minutes) - MILLISECOND);
            let second = world.call(in_chain(&world, client, name, &code, &session)).await.unwrap().session.unwrap();
            world.advance(MILLISECOND);
            let reply = world.call(in_chain(&world, client, &late, &late_code, &expired)).await;
            assert_eq!(reply, Err(session_expired()));
            assert_eq!(status_of(&world, &pool, &late).await, api::user_status::Value::Unconfirmed);
            world.confirm(client, &late, &late_code).await.unwrap();
            // The second session has a life of its own.
            world.advance(Duration::from_secs(60 * minutes) - MILLISECOND);
            assert_eq!(first_sign_in(&world, client, name, &second).await, Err(session_expired()));
        }
    }
}

spec! {
    async fn the_second_session_serves_up_to_its_last_millisecond(world: World) {
        let client = world.app_client().await;
        let session = world.sign_up(&client, "alice").await.session.unwrap();
        let code = world.code_for("alice").await;
        let second = world.call(in_chain(&world, &client, "alice", &code, &session)).await.unwrap().session.unwrap();
        world.advance(Duration::from_secs(180) - MILLISECOND);
        let world = world.restarted().await;
        assert_eq!(first_sign_in(&world, &client, "alice", &second).await.as_deref(), Ok("alice"));
    }
}

spec! {
    async fn a_wrong_code_leaves_the_session_good(world: World) {
        let client = world.app_client().await;
        let session = world.sign_up(&client, "alice").await.session.unwrap();
        let code = world.code_for("alice").await;
        let wrong = in_chain(&world, &client, "alice", &other_than(&code), &session);
        assert_eq!(world.call(wrong).await, Err(mismatch()));
        let reply = world.call(in_chain(&world, &client, "alice", &code, &session)).await.unwrap();
        let second = reply.session.unwrap();
        assert_eq!(first_sign_in(&world, &client, "alice", &second).await.as_deref(), Ok("alice"));
        // An already confirmed user is told that, whatever the session.
        let again = in_chain(&world, &client, "alice", &code, &session);
        assert_eq!(world.call(again).await, Err(already_confirmed()));
    }
}

spec! {
    async fn of_several_first_sign_ins_by_one_session_one_is_let_in(world: World) {
        let client = world.app_client().await;
        let session = world.sign_up(&client, "alice").await.session.unwrap();
        let code = world.code_for("alice").await;
        let second = world.call(in_chain(&world, &client, "alice", &code, &session)).await.unwrap().session.unwrap();
        let replies = at_once((0..8).map(|_| first_sign_in(&world, &client, "alice", &second))).await;
        assert_eq!(replies.iter().filter(|reply| reply.as_deref() == Ok("alice")).count(), 1);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(session_used())).count(), 7);
    }
}

spec! {
    async fn members_that_are_needed_or_out_of_bounds_are_named(world: World) {
        let client = world.app_client().await;
        assert_eq!(
            world.call(api::ConfirmSignUpRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "3 validation errors detected: Value at 'clientId' failed to satisfy constraint: Member must not be \
                 null; Value at 'username' failed to satisfy constraint: Member must not be null; Value null at \
                 'confirmationCode' failed to satisfy constraint: Member must not be null"
            ))
        );
        let valid = || world.confirm_request(&client, "alice", "123456");
        let code = |code: &str| api::ConfirmSignUpRequest { confirmation_code: Some(code.to_owned()), ..valid() };
        let session = |length| api::ConfirmSignUpRequest { session: Some("s".repeat(length)), ..valid() };
        let long = "1".repeat(2049);
        let cases = [
            (
                code("1 12 123"),
                "Value '1 12 123' at 'confirmationCode' failed to satisfy constraint: Member must satisfy regular \
                 expression pattern: [\\S]+"
                    .to_owned(),
            ),
            (
                code(&long),
                format!(
                    "Value '{long}' at 'confirmationCode' failed to satisfy constraint: Member must have length less \
                     than or equal to 2048"
                ),
            ),
            (
                session(19),
                "Value at 'session' failed to satisfy constraint: Member must have length greater than or equal to 20"
                    .to_owned(),
            ),
            (
                session(4097),
                "Value at 'session' failed to satisfy constraint: Member must have length less than or equal to 4096"
                    .to_owned(),
            ),
        ];
        for (request, violation) in cases {
            let message = format!("1 validation error detected: {violation}");
            assert_eq!(world.call(request).await, Err(refusal("InvalidParameterException", &message)));
        }
        assert_eq!(
            world.call(code("")).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value '' at 'confirmationCode' failed to satisfy constraint: Member \
                 must have length greater than or equal to 1; Value '' at 'confirmationCode' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: [\\S]+"
            ))
        );
    }
}
