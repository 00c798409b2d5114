//! `VerifyUserAttribute`.

use std::time::Duration;

use cognate::api::{self, Op};
use cognate::domain::ids::{PoolId, Sub};
use cognate::store::{Batch, Owner, SessionKey, records};
use serde_json::json;
use uuid::Uuid;

use super::{
    ask_for_code, asks_for_a_token_that_stands, client_of, delete, expired, invalid, mismatch, other_than, signed_in,
    too_often, unknown_user, update, verifies_both, verifies_email_first, verify, with_email_alias,
};
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, attribute};
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::post_json;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn alias_exists() -> Refusal {
    refusal("AliasExistsException", "An account with the email already exists.")
}

/// The access token of a new user with this e-mail address, which nobody has verified.
async fn unverified(world: &World, client: &TestClient, username: &str, email: &str) -> String {
    let user_attributes = vec![attribute("email", email)];
    let request = api::SignUpRequest { user_attributes, ..world.sign_up_request(client, username) };
    world.call(request).await.unwrap();
    world.confirm_by_operator(&client.pool, username).await;
    world.sign_in(client, username).await.access_token.unwrap()
}

/// A batch that keeps the store busy for a while: the sessions of somebody who is nobody.
fn long_work() -> Batch {
    const SESSIONS: u128 = 30_000;
    let owner = Owner { pool: PoolId("us-east-1_Nowhere12".to_owned()), sub: Sub(Uuid::nil()) };
    let mut batch = Batch::default();
    for number in 0..SESSIONS {
        batch.put(&SessionKey { owner: owner.clone(), session: Uuid::from_u128(number) }, &records::Session::default());
    }
    batch
}

spec! {
    async fn the_code_verifies_the_address_which_is_a_sign_in_name_from_then_on(world: World) {
        let client = client_of(&world, with_email_alias).await;
        let token = unverified(&world, &client, "alice", "alice@example.com").await;
        let before = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_eq!(world.try_password(&client, "alice@example.com", PASSWORD).await, Err(unknown_user()));
        world.advance(Duration::from_secs(1));
        ask_for_code(&world, &token, "email").await.unwrap();
        verify(&world, &token, "email", &world.code_for("alice").await).await.unwrap();
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=alice@example.com", "email_verified=true"]);
        let after = world.admin_get_user(&client.pool, "alice").await.unwrap();
        assert_ne!(after.user_last_modified_date, before.user_last_modified_date);
        world.try_password(&client, "alice@example.com", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_code_serves_once_and_for_the_address_and_user_that_it_was_sent_for(world: World) {
        let pool = world.pool(verifies_both).await;
        let client = world.client(&pool, |_| {}).await;
        let alice = signed_in(&world, &client, "alice").await;
        let bob = signed_in(&world, &client, "bob").await;
        world.advance(Duration::from_secs(1));
        update(&world, &alice, &[("phone_number", "+15555559934")]).await.unwrap();
        let by_phone = world.code_for("alice").await;
        world.advance(Duration::from_secs(1));
        update(&world, &alice, &[("email", "b@example.org")]).await.unwrap();
        let by_mail = world.code_for("alice").await;
        update(&world, &bob, &[("email", "b@example.org")]).await.unwrap();
        assert_ne!(by_phone, by_mail);
        assert_eq!(verify(&world, &alice, "email", &by_phone).await, Err(mismatch()));
        assert_eq!(verify(&world, &alice, "phone_number", &by_mail).await, Err(mismatch()));
        assert_eq!(verify(&world, &bob, "email", &by_mail).await, Err(mismatch()));
        verify(&world, &alice, "email", &by_mail).await.unwrap();
        assert_eq!(verify(&world, &alice, "email", &by_mail).await, Err(expired()));
        verify(&world, &alice, "phone_number", &by_phone).await.unwrap();
    }
}

spec! {
    async fn the_code_of_a_sign_up_verifies_nothing_later(world: World) {
        let client = world.app_client().await;
        let token = unverified(&world, &client, "alice", "alice@example.com").await;
        let code = world.code_for("alice").await;
        assert_eq!(verify(&world, &token, "email", &code).await, Err(expired()));
        ask_for_code(&world, &token, "email").await.unwrap();
        assert_eq!(verify(&world, &token, "email", &code).await, Err(mismatch()));
        assert_eq!(world.attributes_of(&client.pool, "alice").await, ["email=alice@example.com", "email_verified=false"]);
    }
}

spec! {
    async fn a_code_proves_no_address_but_the_one_that_it_was_sent_to(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "b@example.org")]).await.unwrap();
        let code = world.code_for("alice").await;
        // Not even if the address comes back.
        world.update_attributes(&client.pool, "alice", &[("email", "c@example.org"), ("email_verified", "true")]).await.unwrap();
        assert_eq!(verify(&world, &token, "email", &code).await, Err(expired()));
        world.update_attributes(&client.pool, "alice", &[("email", "b@example.org"), ("email_verified", "true")]).await.unwrap();
        assert_eq!(verify(&world, &token, "email", &code).await, Err(expired()));
        // What else changes leaves the code in force.
        world.advance(Duration::from_secs(1));
        ask_for_code(&world, &token, "email").await.unwrap();
        update(&world, &token, &[("name", "Alice"), ("email", "b@example.org")]).await.unwrap();
        let code = world.mail().await.pop().unwrap().code;
        verify(&world, &token, "email", &code).await.unwrap();
    }
}

spec! {
    async fn a_code_for_a_forgotten_password_ends_with_the_address_that_it_was_sent_to(world: World) {
        let client = client_of(&world, verifies_email_first).await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        world.forgot(&client, "alice").await.unwrap();
        let code = world.code_for("alice").await;
        world.advance(Duration::from_secs(1));
        update(&world, &token, &[("email", "b@example.org")]).await.unwrap();
        let proof = world.code_for("alice").await;
        // While the new address waits, it is no way to a new password, and the code for one verifies nothing.
        assert_eq!(world.forgot(&client, "alice").await.unwrap().destination(), "a***@e***");
        assert_eq!(verify(&world, &token, "email", &code).await, Err(mismatch()));
        assert_eq!(world.confirm_forgot(&client, "alice", &proof, PASSWORD).await, Err(mismatch()));
        verify(&world, &token, "email", &proof).await.unwrap();
        assert_eq!(world.confirm_forgot(&client, "alice", &code, PASSWORD).await, Err(expired()));
        assert_eq!(world.forgot(&client, "alice").await.unwrap().destination(), "b***@e***");
    }
}

spec! {
    async fn a_code_is_good_for_a_day(world: World) {
        let client = world.app_client().await;
        signed_in(&world, &client, "alice").await;
        for (age, outcome) in [(24 * HOUR - Duration::from_millis(1), Ok(())), (24 * HOUR, Err(expired()))] {
            let token = world.sign_in(&client, "alice").await.access_token.unwrap();
            world.advance(Duration::from_secs(1));
            ask_for_code(&world, &token, "email").await.unwrap();
            let code = world.code_for("alice").await;
            world.advance(age);
            let token = world.sign_in(&client, "alice").await.access_token.unwrap();
            assert_eq!(verify(&world, &token, "email", &code).await, outcome);
        }
    }
}

spec! {
    async fn a_code_is_void_after_five_wrong_tries_even_at_once(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        ask_for_code(&world, &token, "email").await.unwrap();
        let code = world.code_for("alice").await;
        let wrong = other_than(&code);
        let outcomes = at_once((0..12).map(|_| verify(&world, &token, "email", wrong))).await;
        let evaluated = outcomes.iter().filter(|outcome| **outcome == Err(mismatch())).count();
        assert_eq!(evaluated, 5, "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| *outcome == Err(mismatch()) || *outcome == Err(expired())), "{outcomes:?}");
        assert_eq!(verify(&world, &token, "email", &code).await, Err(expired()));
    }
}

spec! {
    async fn fifteen_tries_an_hour_are_looked_at(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        for _ in 0..15 {
            assert_eq!(verify(&world, &token, "email", "000000").await, Err(expired()));
        }
        ask_for_code(&world, &token, "email").await.unwrap();
        let code = world.code_for("alice").await;
        assert_eq!(verify(&world, &token, "email", &code).await, Err(too_often()));
        world.advance(HOUR);
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        verify(&world, &token, "email", &code).await.unwrap();
    }
}

spec! {
    async fn what_is_no_address_or_has_no_value_is_refused(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        for attribute in ["name", "preferred_username", "email_verified", "sub"] {
            assert_eq!(
                verify(&world, &token, attribute, "123456").await,
                Err(invalid("Invalid attribute name. Only phone_number and email can be verified.")),
                "{attribute}"
            );
        }
        delete(&world, &token, &["email"]).await.unwrap();
        for attribute in ["phone_number", "email"] {
            assert_eq!(
                verify(&world, &token, attribute, "123456").await,
                Err(invalid(&format!("Unable to verify attribute: {attribute} no value set to verify")))
            );
        }
        assert_eq!(
            verify(&world, &token, "email", "12 34").await,
            Err(invalid(
                "1 validation error detected: Value '12 34' at 'code' failed to satisfy constraint: Member must satisfy \
                 regular expression pattern: [\\S]+"
            ))
        );
    }
}

spec! {
    async fn an_alias_that_is_another_users_stays_theirs(world: World) {
        let client = client_of(&world, with_email_alias).await;
        signed_in(&world, &client, "alice").await;
        let token = unverified(&world, &client, "bob", "alice@example.com").await;
        world.advance(Duration::from_secs(1));
        ask_for_code(&world, &token, "email").await.unwrap();
        let code = world.code_for("bob").await;
        assert_eq!(verify(&world, &token, "email", &code).await, Err(alias_exists()));
        assert_eq!(world.attributes_of(&client.pool, "bob").await, ["email=alice@example.com", "email_verified=false"]);
        assert_eq!(world.admin_get_user(&client.pool, "alice@example.com").await.unwrap().username, "alice");
        // Once they let it go, the code is still good.
        world.update_attributes(&client.pool, "alice", &[("email", "a@example.com")]).await.unwrap();
        verify(&world, &token, "email", &code).await.unwrap();
        assert_eq!(world.admin_get_user(&client.pool, "alice@example.com").await.unwrap().username, "bob");
    }
}

spec! {
    async fn of_a_hundred_users_who_verify_one_alias_at_once_one_owns_it(world: World) {
        const USERS: usize = 100;
        let client = client_of(&world, with_email_alias).await;
        let names: Vec<String> = (0..USERS).map(|number| format!("user{number}")).collect();
        let mut tokens = Vec::new();
        for name in &names {
            tokens.push(unverified(&world, &client, name, "shared@example.com").await);
        }
        world.advance(Duration::from_secs(1));
        for token in &tokens {
            ask_for_code(&world, token, "email").await.unwrap();
        }
        let mail = world.mail().await;
        let code = |name: &str| mail.iter().rfind(|message| message.username == name).unwrap().code.clone();
        let codes: Vec<String> = names.iter().map(|name| code(name)).collect();
        let tries = tokens.iter().zip(&codes).map(|(token, code)| verify(&world, token, "email", code));
        // The store is busy with other things first, so that all of them have found the alias free when it comes to them.
        let (busy, outcomes) = tokio::join!(world.app.services.store.commit(long_work()), at_once(tries));
        busy.unwrap();
        let owners: Vec<usize> = (0..USERS).filter(|&user| outcomes[user].is_ok()).collect();
        assert_eq!(owners.len(), 1, "{outcomes:?}");
        assert!(outcomes.into_iter().filter_map(Result::err).all(|refused| refused == alias_exists()));
        let owner = &names[owners[0]];
        assert_eq!(&world.admin_get_user(&client.pool, "shared@example.com").await.unwrap().username, owner);
        for name in &names {
            let flag = if name == owner { "email_verified=true" } else { "email_verified=false" };
            assert_eq!(world.attributes_of(&client.pool, name).await, ["email=shared@example.com", flag]);
        }
        // As it is on disk.
        let world = world.restarted().await;
        assert_eq!(&world.admin_get_user(&client.pool, "shared@example.com").await.unwrap().username, owner);
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        let request = |access_token| api::VerifyUserAttributeRequest {
            access_token,
            attribute_name: Some("email".to_owned()),
            code: Some("123456".to_owned()),
        };
        asks_for_a_token_that_stands(&world, request).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_an_empty_object() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    let token = signed_in(&world, &client, "alice").await;
    world.advance(Duration::from_secs(1));
    ask_for_code(&world, &token, "email").await.unwrap();
    let body = json!({"AccessToken": token, "AttributeName": "email", "Code": world.code_for("alice").await});
    let reply = post_json(&world, Op::VerifyUserAttribute, &body).await;
    assert_eq!((reply.status, reply.body.as_ref()), (200, b"{}".as_slice()));
}
