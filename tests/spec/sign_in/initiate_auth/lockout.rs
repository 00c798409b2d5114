//! Wrong passwords lock a user out for ever longer.

use std::sync::Arc;
use std::time::Duration;

use cognate::api::{self, alias_attribute};
use tokio::task::JoinSet;

use super::not_authorized;
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, WRONG_PASSWORD, hide_users};
use crate::support::{Refusal, World, refusal};

fn incorrect() -> Result<(), Refusal> {
    Err(not_authorized("Incorrect username or password."))
}

fn locked() -> Result<(), Refusal> {
    Err(not_authorized("Password attempts exceeded"))
}

/// Gives a wrong password so many times, each of which is looked at.
async fn fails(world: &World, client: &TestClient, username: &str, times: usize) {
    for attempt in 1..=times {
        let before = world.hashes_evaluated();
        assert_eq!(world.try_password(client, username, WRONG_PASSWORD).await, incorrect(), "attempt {attempt}");
        assert_eq!(world.hashes_evaluated(), before + 1, "attempt {attempt}");
    }
}

/// Neither the right nor a wrong password is so much as looked at.
async fn assert_locked(world: &World, client: &TestClient, username: &str) {
    let before = world.hashes_evaluated();
    assert_eq!(world.try_password(client, username, PASSWORD).await, locked());
    assert_eq!(world.try_password(client, username, WRONG_PASSWORD).await, locked());
    assert_eq!(world.hashes_evaluated(), before);
}

/// The lock holds for exactly so long.
async fn assert_locked_for(world: &World, client: &TestClient, username: &str, lock: Duration) {
    assert_locked(world, client, username).await;
    world.advance(lock - Duration::from_millis(1));
    assert_locked(world, client, username).await;
    world.advance(Duration::from_millis(1));
}

async fn hiding_client(world: &World) -> TestClient {
    let pool = world.pool(|_| {}).await;
    world.client(&pool, hide_users).await
}

/// The answers to so many sign-ins with the same password at once.
async fn at_once(
    world: &Arc<World>,
    client: &TestClient,
    username: &'static str,
    password: &'static str,
    times: usize,
) -> Vec<Result<(), Refusal>> {
    let mut attempts = JoinSet::new();
    for _ in 0..times {
        let (world, client) = (world.clone(), client.clone());
        attempts.spawn(async move { world.try_password(&client, username, password).await });
    }
    attempts.join_all().await
}

spec! {
    async fn the_fifth_wrong_password_locks_for_one_second(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 5).await;
        assert_locked_for(&world, &client, "alice", Duration::from_secs(1)).await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn each_further_wrong_password_locks_for_twice_as_long_until_fifteen_minutes_forgive_all(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 4).await;
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900] {
            fails(&world, &client, "alice", 1).await;
            assert_locked_for(&world, &client, "alice", Duration::from_secs(seconds)).await;
        }
        // The longest lock is as long as the pause that forgets.
        fails(&world, &client, "alice", 5).await;
        assert_locked_for(&world, &client, "alice", Duration::from_secs(1)).await;
    }
}

spec! {
    async fn attempts_during_a_lock_do_not_count(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 5).await;
        for _ in 0..10 {
            assert_locked(&world, &client, "alice").await;
        }
        world.advance(Duration::from_secs(1));
        fails(&world, &client, "alice", 1).await;
        assert_locked_for(&world, &client, "alice", Duration::from_secs(2)).await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn the_right_password_forgives_all_wrong_ones(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 4).await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        fails(&world, &client, "alice", 5).await;
        assert_locked_for(&world, &client, "alice", Duration::from_secs(1)).await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        fails(&world, &client, "alice", 5).await;
        assert_locked_for(&world, &client, "alice", Duration::from_secs(1)).await;
    }
}

spec! {
    async fn fifteen_minutes_without_a_wrong_password_forgive_the_earlier_ones(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 4).await;
        world.advance(Duration::from_secs(15 * 60));
        fails(&world, &client, "alice", 4).await;
        world.advance(Duration::from_millis(15 * 60 * 1000 - 1));
        fails(&world, &client, "alice", 1).await;
        assert_locked(&world, &client, "alice").await;
    }
}

spec! {
    async fn neither_a_lock_nor_a_count_is_lost_in_a_restart(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 4).await;
        let world = world.restarted().await;
        fails(&world, &client, "alice", 1).await;
        let world = world.restarted().await;
        assert_locked_for(&world, &client, "alice", Duration::from_secs(1)).await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn one_user_is_not_locked_out_by_anothers_mistakes(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        world.confirmed_user(&client, "bob").await;
        fails(&world, &client, "alice", 5).await;
        world.try_password(&client, "bob", PASSWORD).await.unwrap();
        assert_locked(&world, &client, "alice").await;
    }
}

spec! {
    async fn name_alias_and_client_share_one_count(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let (client, other_client) = (world.client(&pool, |_| {}).await, world.client(&pool, hide_users).await);
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 2).await;
        fails(&world, &client, "alice@example.com", 2).await;
        fails(&world, &other_client, "alice", 1).await;
        assert_locked(&world, &client, "alice").await;
        assert_locked(&world, &other_client, "alice@example.com").await;
    }
}

spec! {
    async fn where_users_are_hidden_an_unknown_one_is_locked_like_a_known_one(world: World) {
        let client = hiding_client(&world).await;
        fails(&world, &client, "nobody", 5).await;
        assert_locked_for(&world, &client, "nobody", Duration::from_secs(1)).await;
        fails(&world, &client, "nobody", 1).await;
        let world = world.restarted().await;
        assert_locked_for(&world, &client, "nobody", Duration::from_secs(2)).await;
        fails(&world, &client, "somebody-else", 4).await;
        fails(&world, &client, "nobody", 1).await;
    }
}

spec! {
    async fn an_unknown_users_spellings_share_one_count_where_case_does_not_count(world: World) {
        let pool = world
            .pool(|request| {
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
            })
            .await;
        let client = world.client(&pool, hide_users).await;
        fails(&world, &client, "nobody", 3).await;
        fails(&world, &client, "NOBODY", 2).await;
        assert_locked(&world, &client, "Nobody").await;
    }
}

spec! {
    async fn where_users_are_not_hidden_an_unknown_one_is_never_locked(world: World) {
        let client = world.app_client().await;
        for _ in 0..10 {
            assert_eq!(
                world.try_password(&client, "nobody", WRONG_PASSWORD).await,
                Err(refusal("UserNotFoundException", "User does not exist."))
            );
        }
    }
}

spec! {
    async fn two_hundred_wrong_passwords_at_once_are_five_guesses(world: World) {
        let (client, world) = (hiding_client(&world).await, Arc::new(world));
        world.confirmed_user(&client, "alice").await;
        for username in ["alice", "nobody"] {
            let before = world.hashes_evaluated();
            let answers = at_once(&world, &client, username, WRONG_PASSWORD, 200).await;
            assert_eq!(answers.iter().filter(|answer| **answer == incorrect()).count(), 5);
            assert_eq!(answers.iter().filter(|answer| **answer == locked()).count(), 195);
            assert_eq!(world.hashes_evaluated(), before + 5);
        }
    }
}

spec! {
    async fn many_right_passwords_at_once_all_sign_in(world: World) {
        let (client, world) = (world.app_client().await, Arc::new(world));
        world.confirmed_user(&client, "alice").await;
        fails(&world, &client, "alice", 4).await;
        assert_eq!(at_once(&world, &client, "alice", PASSWORD, 20).await, vec![Ok(()); 20]);
    }
}
