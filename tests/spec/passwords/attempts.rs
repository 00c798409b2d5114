//! The count of failed attempts, which all proofs of a user share: its hard stop, the ways out of it, and that parallel attempts
//! neither outrun it nor lose from it.

use cognate::api::challenge_name;
use cognate::context::Cx;
use cognate::context::attempts::Attempt;
use cognate::domain::ids::{PoolId, Sub};
use cognate::error::Error;
use cognate::store::{AttemptsKey, Batch, Owner, records};

use super::*;
use crate::spec;
use crate::support::fixtures::{PASSWORD, TEMPORARY_PASSWORD, WRONG_PASSWORD};
use crate::support::{Wire, at_once};

fn locked() -> Refusal {
    not_authorized("Password attempts exceeded")
}

fn owner(client: &TestClient, sub: &str) -> Owner {
    Owner { pool: PoolId(client.pool.clone()), sub: Sub::parse(sub).unwrap() }
}

async fn counted(world: &World, owner: &Owner) -> Option<records::Attempts> {
    let key = AttemptsKey { owner: owner.clone() };
    world.app.services.store.read(&key).await.unwrap().map(|stored| stored.record)
}

/// How many failures in a row, and in the day.
async fn failures(world: &World, owner: &Owner) -> (u32, u32) {
    counted(world, owner).await.map_or((0, 0), |counted| (counted.failures, counted.day_failures))
}

/// So many failures in a row of this day, of which the last few are close enough to one another to make locks longer.
async fn set_failures(world: &World, owner: &Owner, day_failures: u32) {
    let (key, now) = (AttemptsKey { owner: owner.clone() }, world.now().as_millisecond());
    let failures = day_failures.min(3);
    let mut batch = Batch::default();
    batch.put(&key, &records::Attempts { failures, last_at: now, locked_until: now, day_failures, day_began_at: now });
    world.app.services.store.commit(batch).await.unwrap();
}

/// Gives a hundred wrong passwords without meeting a lock: four, a pause that forgets them, four. Gives how long that took.
async fn patient(world: &World, client: &TestClient, username: &str) -> Duration {
    let start = world.now();
    for guess in 1..=100 {
        assert_eq!(world.try_password(client, username, WRONG_PASSWORD).await, Err(incorrect()), "guess {guess}");
        if guess % 4 == 0 {
            world.advance(Duration::from_secs(15 * 60));
        }
    }
    world.now().duration_since(start).try_into().unwrap()
}

/// Neither the right password nor a wrong one is so much as looked at.
async fn assert_stopped(world: &World, client: &TestClient, username: &str) {
    let before = world.hashes_evaluated();
    for password in [PASSWORD, WRONG_PASSWORD, NEW_PASSWORD] {
        assert_eq!(world.try_password(client, username, password).await, Err(locked()));
    }
    assert_eq!(world.hashes_evaluated(), before);
}

spec! {
    async fn the_hundredth_failure_of_a_day_stops_every_attempt_until_a_day_after_the_first(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = hiding(&world, &pool).await;
        world.confirmed_user(&client, "alice").await;
        for username in ["alice", "nobody"] {
            let spent = patient(&world, &client, username).await;
            assert_stopped(&world, &client, username).await;
            world.advance(DAY - spent - MILLISECOND);
            assert_stopped(&world, &client, username).await;
            world.advance(MILLISECOND);
            assert_eq!(world.try_password(&client, username, WRONG_PASSWORD).await, Err(incorrect()));
        }
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_success_before_the_hundredth_failure_forgets_those_of_the_day(world: World) {
        let client = world.app_client().await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        set_failures(&world, &alice, 99).await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        assert_eq!(failures(&world, &alice).await, (0, 0));
        set_failures(&world, &alice, 99).await;
        assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        assert_stopped(&world, &client, "alice").await;
    }
}

spec! {
    async fn neither_the_stop_nor_the_count_of_a_day_is_lost_in_a_restart(world: World) {
        let client = world.app_client().await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        set_failures(&world, &alice, 99).await;
        let world = world.restarted().await;
        assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        world.advance(HOUR);
        let world = world.restarted().await;
        assert_stopped(&world, &client, "alice").await;
    }
}

spec! {
    async fn the_code_for_a_forgotten_password_opens_a_stop(world: World) {
        let client = world.app_client().await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        set_failures(&world, &alice, 100).await;
        assert_stopped(&world, &client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        // A wrong code opens nothing, and is not counted with the passwords.
        assert_eq!(world.confirm_forgot(&client, "alice", &other_than(&code), NEW_PASSWORD).await, Err(mismatch()));
        assert_stopped(&world, &client, "alice").await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        assert_eq!(failures(&world, &alice).await, (0, 0));
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn an_administrator_opens_a_stop_by_a_new_password_for_good_or_for_a_time(world: World) {
        let client = world.app_client().await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        set_failures(&world, &alice, 100).await;
        world.set_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
        set_failures(&world, &alice, 100).await;
        world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
        let reply = world.call(world.password_request(&client, "alice", TEMPORARY_PASSWORD)).await.unwrap();
        assert_eq!(reply.challenge_name(), challenge_name::Value::NewPasswordRequired);
    }
}

spec! {
    async fn a_reset_by_an_administrator_brings_a_code_that_opens_a_stop_but_no_new_guesses_at_the_old_password(
        world: World
    ) {
        let pool = world.pool(|_| {}).await;
        let client = hiding(&world, &pool).await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        set_failures(&world, &alice, 100).await;
        world.advance(MILLISECOND);
        world.reset_password(&client.pool, "alice").await.unwrap();
        assert_stopped(&world, &client, "alice").await;
        let code = world.code_for("alice").await;
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_stop_of_a_clock_that_ran_ahead_holds_nobody_for_longer_than_a_day(world: World) {
        let client = world.app_client().await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        let now = world.now();
        world.advance(365 * DAY);
        set_failures(&world, &alice, 100).await;
        assert_stopped(&world, &client, "alice").await;
        world.set_clock(now);
        assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        assert_stopped(&world, &client, "alice").await;
        world.advance(DAY - MILLISECOND);
        assert_stopped(&world, &client, "alice").await;
        world.advance(MILLISECOND);
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_right_proof_that_another_must_follow_takes_back_itself_and_no_earlier_failure(world: World) {
        let client = world.app_client().await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        let cx = Cx::new(&world.app.services);
        set_failures(&world, &alice, 3).await;
        for _ in 0..20 {
            let attempt = Attempt::begin_without_hash(&cx, &alice).await.unwrap();
            assert_eq!(failures(&world, &alice).await, (4, 4));
            attempt.take_back(&cx).await.unwrap();
            attempt.take_back(&cx).await.unwrap();
            assert_eq!(failures(&world, &alice).await, (3, 3));
        }
        // Neither is it taken back twice where what follows comes to nothing.
        let attempt = Attempt::begin(&cx, &alice).await.unwrap();
        let ending = async {
            attempt.take_back(&cx).await?;
            Err::<(), _>(Error::Conflict)
        };
        assert!(attempt.evaluate(&cx, ending).await.is_err());
        assert_eq!(failures(&world, &alice).await, (3, 3));
    }
}

spec! {
    async fn an_attempt_is_taken_back_from_among_others_and_never_from_what_followed_a_success(world: World) {
        let client = world.app_client().await;
        let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
        let cx = Cx::new(&world.app.services);
        let mut attempts = Vec::new();
        for _ in 0..5 {
            attempts.push(Attempt::begin_without_hash(&cx, &alice).await.unwrap());
        }
        let right = attempts.swap_remove(1);
        right.take_back(&cx).await.unwrap();
        assert_eq!(failures(&world, &alice).await, (4, 4));
        assert_stopped(&world, &client, "alice").await;
        world.advance(Duration::from_secs(1));
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        world.advance(MILLISECOND);
        assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        for attempt in attempts {
            attempt.take_back(&cx).await.unwrap();
        }
        assert_eq!(failures(&world, &alice).await, (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_attempts_at_once_with_and_without_hashes_are_five() {
    let world = World::new(Wire::Grpc).await;
    let client = world.app_client().await;
    let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
    let cx = Cx::new(&world.app.services);
    let attempts = at_once((0..200).map(async |number| match number % 2 {
        0 => Attempt::begin(&cx, &alice).await.map(drop),
        _ => Attempt::begin_without_hash(&cx, &alice).await.map(drop),
    }));
    let attempts = attempts.await;
    assert_eq!(attempts.iter().filter(|begun| begun.is_ok()).count(), 5);
    assert_eq!(attempts.iter().filter(|begun| matches!(begun, Err(Error::PasswordAttemptsExceeded))).count(), 195);
    assert_eq!(failures(&world, &alice).await, (5, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_that_are_taken_back_all_at_once_leave_exactly_the_failures() {
    let world = World::new(Wire::Grpc).await;
    let client = world.app_client().await;
    let alice = owner(&client, &world.confirmed_user(&client, "alice").await);
    let cx = Cx::new(&world.app.services);
    for round in 1..=4 {
        set_failures(&world, &alice, 0).await;
        let outcomes = at_once((0..4).map(async |number| {
            let attempt = Attempt::begin_without_hash(&cx, &alice).await?;
            if number >= round { attempt.take_back(&cx).await } else { Ok(()) }
        }));
        assert!(outcomes.await.iter().all(Result::is_ok));
        assert_eq!(failures(&world, &alice).await, (round, round));
    }
}
