//! `ConfirmForgotPassword`.

use cognate::api::{self, user_status};

use super::*;
use crate::spec;
use crate::support::at_once;
use crate::support::fixtures::{PASSWORD, WRONG_PASSWORD, with_secret};

spec! {
    async fn the_code_sets_the_new_password_and_nothing_else(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        let before = world.admin_get_user(&client.pool, "alice").await.unwrap();
        let code = forgotten(&world, &client, "alice").await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(incorrect()));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        let after = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        let user_last_modified_date = before.user_last_modified_date;
        assert_eq!(api::AdminGetUserResponse { user_last_modified_date, ..after }, before);
        // As in Cognito, a new password ends no session.
        world.get_user(tokens.access_token()).await.unwrap();
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        assert_eq!(world.mail().await.len(), 2);
    }
}

spec! {
    async fn the_user_is_confirmed_whatever_they_were(world: World) {
        use user_status::Value::Confirmed;
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let sign_up_code = world.code_for("alice").await;
        world.update_attributes(&client.pool, "alice", &[("email_verified", "true")]).await.unwrap();
        let code = forgotten(&world, &client, "alice").await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        assert_eq!(status_of(&world, &client.pool, "alice").await, Confirmed);
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        assert_eq!(
            world.confirm(&client, "alice", &sign_up_code).await,
            Err(not_authorized("User cannot be confirmed. Current status is CONFIRMED"))
        );
    }
}

spec! {
    async fn the_password_is_judged_before_the_code_and_no_try_is_lost(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        for (password, reason) in BREACHES {
            for code in [code.as_str(), &other_than(&code)] {
                assert_eq!(world.confirm_forgot(&client, "alice", code, password).await, Err(breach(reason)));
            }
        }
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_code_serves_once(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        let replies =
            at_once((0..8).map(|_| world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD))).await;
        assert_eq!(replies.iter().filter(|reply| reply.is_ok()).count(), 1);
        assert_eq!(replies.iter().filter(|reply| **reply == Err(expired())).count(), 7);
        let world = world.restarted().await;
        assert_eq!(world.confirm_forgot(&client, "alice", &code, PASSWORD).await, Err(expired()));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_code_is_good_for_an_hour(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        let (alices, bobs) = (forgotten(&world, &client, "alice").await, forgotten(&world, &client, "bob").await);
        world.advance(HOUR - 2 * MILLISECOND);
        world.confirm_forgot(&client, "alice", &alices, NEW_PASSWORD).await.unwrap();
        world.advance(2 * MILLISECOND);
        assert_eq!(world.confirm_forgot(&client, "bob", &bobs, NEW_PASSWORD).await, Err(expired()));
        world.sign_in(&client, "bob").await;
    }
}

spec! {
    async fn a_new_code_voids_the_old_one(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let old = forgotten(&world, &client, "alice").await;
        let new = forgotten(&world, &client, "alice").await;
        assert_ne!(old, new);
        assert_eq!(world.confirm_forgot(&client, "alice", &old, NEW_PASSWORD).await, Err(mismatch()));
        world.confirm_forgot(&client, "alice", &new, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_code_of_another_user_pool_or_purpose_is_wrong(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        world.sign_up(&client, "carol").await;
        let elsewhere = world.app_client().await;
        world.confirmed_user(&elsewhere, "alice").await;
        let there = forgotten(&world, &elsewhere, "alice").await;
        let (alices, bobs) = (forgotten(&world, &client, "alice").await, forgotten(&world, &client, "bob").await);
        for wrong in [&bobs, &there, &format!("{alices}0"), &alices[1..]] {
            assert_eq!(world.confirm_forgot(&client, "alice", wrong, NEW_PASSWORD).await, Err(mismatch()));
        }
        // The code of a sign-up sets no password, and one for a password confirms no sign-up.
        let sign_up = world.code_for("carol").await;
        assert_eq!(world.confirm_forgot(&client, "carol", &sign_up, NEW_PASSWORD).await, Err(expired()));
        world.update_attributes(&client.pool, "carol", &[("email_verified", "true")]).await.unwrap();
        let password = forgotten(&world, &client, "carol").await;
        assert_eq!(world.confirm(&client, "carol", &password).await.map(|_| ()), Err(mismatch()));
        assert_eq!(world.confirm_forgot(&client, "carol", &sign_up, NEW_PASSWORD).await, Err(mismatch()));
        world.confirm_forgot(&client, "alice", &alices, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn five_wrong_tries_void_a_code_however_many_come_at_once(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        let wrong = other_than(&code);
        let replies = at_once((0..40).map(|_| world.confirm_forgot(&client, "alice", &wrong, NEW_PASSWORD))).await;
        let count = |refusal: Refusal| replies.iter().filter(|reply| **reply == Err(refusal.clone())).count();
        assert_eq!((count(mismatch()), count(expired()), count(too_often())), (5, 10, 25));
        world.advance(HOUR - 2 * MILLISECOND);
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(too_often()));
        world.advance(2 * MILLISECOND);
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(expired()));
        world.sign_in(&client, "alice").await;
    }
}

spec! {
    async fn a_lock_for_wrong_passwords_ends(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        for _ in 0..5 {
            assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        }
        let locked = Err(not_authorized("Password attempts exceeded"));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, locked);
        let code = forgotten(&world, &client, "alice").await;
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, locked);
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_code_falls_with_the_address_that_it_went_to(world: World) {
        let client = world.app_client().await;
        let changes: [&[(&str, &str)]; 3] = [
            &[("email", "elsewhere@example.com"), ("email_verified", "true")],
            &[("email_verified", "false")],
            &[("email", "")],
        ];
        for (name, change) in ["alice", "bob", "carol"].into_iter().zip(changes) {
            world.confirmed_user(&client, name).await;
            let code = forgotten(&world, &client, name).await;
            world.update_attributes(&client.pool, name, change).await.unwrap();
            assert_eq!(world.confirm_forgot(&client, name, &code, NEW_PASSWORD).await, Err(expired()), "{name}");
            world.sign_in(&client, name).await;
        }
        // Another attribute is no matter.
        world.confirmed_user(&client, "dora").await;
        let code = forgotten(&world, &client, "dora").await;
        world.update_attributes(&client.pool, "dora", &[("nickname", "Do")]).await.unwrap();
        world.confirm_forgot(&client, "dora", &code, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_code_falls_when_somebody_else_proves_to_hold_the_address(world: World) {
        let pool = world
            .pool(|request| request.alias_attributes = vec![api::alias_attribute::Value::Email.into()])
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        let hers = vec![attribute("email", "alice@example.com")];
        let request = api::SignUpRequest { user_attributes: hers, ..world.sign_up_request(&client, "bob") };
        world.call(request).await.unwrap();
        let bobs = world.code_for("bob").await;
        let confirm = api::ConfirmSignUpRequest {
            force_alias_creation: Some(true),
            ..world.confirm_request(&client, "bob", &bobs)
        };
        world.call(confirm).await.unwrap();
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(expired()));
    }
}

spec! {
    async fn a_code_falls_when_the_password_is_changed_by_any_other_way(world: World) {
        let client = world.app_client().await;
        for name in ["alice", "bob", "carol"] {
            world.confirmed_user(&client, name).await;
            let code = forgotten(&world, &client, name).await;
            match name {
                "alice" => world.set_password(&client.pool, name, NEW_PASSWORD).await.unwrap(),
                "bob" => {
                    let tokens = world.sign_in(&client, name).await;
                    world.change_password(tokens.access_token(), PASSWORD, NEW_PASSWORD).await.unwrap();
                }
                _ => world.reset_password(&client.pool, name).await.unwrap(),
            }
            // A reset sends another one.
            let refused = if name == "carol" { mismatch() } else { expired() };
            assert_eq!(world.confirm_forgot(&client, name, &code, WRONG_PASSWORD).await, Err(refused), "{name}");
        }
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn the_unknown_and_the_disabled_are_told_where_nobody_is_hidden(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        world.disable(&client.pool, "alice").await;
        for _ in 0..16 {
            assert_eq!(world.confirm_forgot(&client, "nobody", &code, NEW_PASSWORD).await, Err(unknown()));
            let disabled = not_authorized("User is disabled.");
            assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(disabled));
        }
    }
}

/// What five wrong codes and more get, and then one that is asked for anew, of one name.
async fn answers(world: &World, client: &TestClient, name: &str) -> Vec<Result<(), Refusal>> {
    let mut answers = vec![world.confirm_forgot(client, name, "000", NEW_PASSWORD).await];
    for _ in 0..2 {
        world.forgot(client, name).await.unwrap();
        for _ in 0..6 {
            answers.push(world.confirm_forgot(client, name, "000", NEW_PASSWORD).await);
        }
    }
    world.advance(HOUR);
    for _ in 0..9 {
        answers.push(world.confirm_forgot(client, name, "000", NEW_PASSWORD).await);
    }
    answers
}

spec! {
    async fn where_users_are_hidden_nobody_is_told_from_a_user_by_any_number_of_codes(world: World) {
        let pool = world.pool(|_| {}).await;
        let (open, client) = (world.client(&pool, |_| {}).await, hiding(&world, &pool).await);
        world.confirmed_user(&open, "alice").await;
        world.confirmed_user(&open, "disabled").await;
        world.disable(&pool, "disabled").await;
        world.sign_up(&open, "unreachable").await;
        let alices = answers(&world, &client, "alice").await;
        let refused: Vec<Refusal> = alices.iter().map(|answer| answer.clone().unwrap_err()).collect();
        let six = || [vec![mismatch(); 5], vec![expired()]].concat();
        // After twenty, none is looked at for the rest of the day.
        let expected = [vec![expired()], six(), six(), vec![expired(); 7], vec![too_often(); 2]].concat();
        assert_eq!(refused, expected);
        for name in ["disabled", "unreachable", "nobody"] {
            assert_eq!(answers(&world, &client, name).await, alices, "{name}");
        }
    }
}

spec! {
    async fn the_right_code_of_a_hidden_user_who_was_disabled_is_wrong(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = hiding(&world, &pool).await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        world.disable(&pool, "alice").await;
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(mismatch()));
        world.enable(&pool, "alice").await;
        world.sign_in(&client, "alice").await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_code_from_before_a_restore_is_void(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        let taken = world.back_up().await;
        let world = world.restored(&taken).await;
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(expired()));
        let code = forgotten(&world, &client, "alice").await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_unknown_client_and_a_wrong_proof_are_refused_before_the_code_is_looked_at(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        let request = |client_id: &str, secret_hash: Option<String>| api::ConfirmForgotPasswordRequest {
            client_id: Some(client_id.to_owned()),
            username: Some("alice".to_owned()),
            confirmation_code: Some(code.clone()),
            password: Some(NEW_PASSWORD.to_owned()),
            secret_hash,
            ..Default::default()
        };
        let missing = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
        let wrong = format!("Unable to verify secret hash for client {}", client.id);
        let absent = "User pool client 1example23456789 does not exist.";
        assert_eq!(world.call(request(&client.id, None)).await, Err(not_authorized(&missing)));
        assert_eq!(world.call(request(&client.id, client.secret_hash("bob"))).await, Err(not_authorized(&wrong)));
        let nowhere = world.call(request("1example23456789", None)).await;
        assert_eq!(nowhere, Err(refusal("ResourceNotFoundException", absent)));
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn members_that_are_needed_or_out_of_bounds_are_named(world: World) {
        assert_eq!(
            world.call(api::ConfirmForgotPasswordRequest::default()).await.map(|_| ()),
            Err(refusal(
                "InvalidParameterException",
                "4 validation errors detected: Value at 'clientId' failed to satisfy constraint: Member must not be \
                 null; Value at 'username' failed to satisfy constraint: Member must not be null; Value null at \
                 'confirmationCode' failed to satisfy constraint: Member must not be null; Value at 'password' failed to \
                 satisfy constraint: Member must not be null"
            ))
        );
        let client = world.app_client().await;
        let request = api::ConfirmForgotPasswordRequest {
            client_id: Some(client.id),
            username: Some("alice".to_owned()),
            confirmation_code: Some("1 2 3".to_owned()),
            password: Some(" N3w-passw0rd".to_owned()),
            ..Default::default()
        };
        assert_eq!(
            world.call(request).await.map(|_| ()),
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value '1 2 3' at 'confirmationCode' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\S]+; Value at 'password' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: ^[\\S]+.*[\\S]+$"
            ))
        );
    }
}
