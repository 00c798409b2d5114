//! What must hold of groups and users whatever happens to them, one after the other or at once.

use std::collections::{BTreeMap, BTreeSet};

use cognate::context::Cx;
use cognate::domain::ids::GroupId;
use cognate::rng::Rng;
use cognate::store::{MemberKey, MembershipKey};
use uuid::Uuid;

use super::{add, create, delete, get, groups_of, members, no_group, remove, sweep};
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::{Refusal, World, at_once};

const USERS: [&str; 3] = ["alice", "bob", "carol"];
const GROUPS: [&str; 3] = ["admins", "readers", "staff"];

/// Once all is swept, memberships stand on both sides, as many as the users' records say, in groups that exist.
async fn assert_consistent(world: &World, pool: &str) {
    sweep(world).await;
    let (store, cx) = (&*world.app.services.store, Cx::new(&world.app.services));
    let pool = cx.pool(pool).await.unwrap();
    let mut standing = Vec::new();
    for username in USERS {
        let user = cx.user_named(&pool, username).await.unwrap().unwrap();
        let prefix = MembershipKey::prefix(&user.owner);
        let memberships = store.list::<MembershipKey>(&prefix, None, usize::MAX).await.unwrap();
        assert_eq!(usize::try_from(user.record.memberships), Ok(memberships.len()), "{username}");
        for (key, membership) in memberships {
            let group = cx.group(&pool, &key.group).await.unwrap();
            assert!(membership.is_in(group.id), "{username} is in a {} that is gone", key.group);
            let id = GroupId(Uuid::from_slice(&membership.group).unwrap());
            standing.push(MemberKey { pool: pool.id.clone(), group: id, sub: user.owner.sub });
        }
    }
    let listed = store.list::<MemberKey>(&[0x1B], None, usize::MAX).await.unwrap();
    assert_eq!(listed.len(), standing.len());
    assert!(listed.iter().all(|(key, _)| standing.contains(key)));
}

/// Any one of these.
fn one_of<T: Copy>(rng: &Rng, all: &[T]) -> T {
    all[usize::from(rng.bytes::<1>()[0]) % all.len()]
}

spec! {
    async fn any_sequence_of_changes_leaves_what_was_asked_for(world: World) {
        let (client, rng) = (world.app_client().await, Rng::seeded(5));
        let pool = &client.pool;
        for username in USERS {
            world.sign_up(&client, username).await;
        }
        let mut model: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for _ in 0..150 {
            let (username, group) = (one_of(&rng, &USERS), one_of(&rng, &GROUPS));
            let expected = if model.contains_key(group) { Ok(()) } else { Err(no_group()) };
            match one_of(&rng, &["create", "delete", "add", "add", "add", "remove", "sweep"]) {
                "create" if expected.is_err() => {
                    create(&world, pool, group).await;
                    model.insert(group, BTreeSet::new());
                }
                "delete" => {
                    assert_eq!(delete(&world, pool, group).await, expected);
                    model.remove(group);
                }
                "add" => {
                    assert_eq!(add(&world, pool, username, group).await, expected);
                    if let Some(users) = model.get_mut(group) {
                        users.insert(username);
                    }
                }
                "remove" => {
                    assert_eq!(remove(&world, pool, username, group).await, expected);
                    if let Some(users) = model.get_mut(group) {
                        users.remove(username);
                    }
                }
                _ => sweep(&world).await,
            }
            let of_user: Vec<&str> =
                model.iter().filter(|(_, users)| users.contains(username)).map(|(group, _)| *group).collect();
            assert_eq!(groups_of(&world, pool, username).await, of_user);
        }
        for (group, users) in model {
            assert_eq!(members(&world, pool, group).await, users.into_iter().collect::<Vec<_>>());
        }
        assert_consistent(&world, pool).await;
    }
}

enum Step {
    Add(&'static str),
    Remove(&'static str),
    Delete,
    SignIn,
}

async fn done(world: &World, client: &TestClient, step: Step) -> Result<(), Refusal> {
    match step {
        Step::Add(username) => add(world, &client.pool, username, "staff").await,
        Step::Remove(username) => remove(world, &client.pool, username, "staff").await,
        Step::Delete => delete(world, &client.pool, "staff").await,
        Step::SignIn => world.try_password(client, "alice", PASSWORD).await,
    }
}

spec! {
    async fn nobody_is_left_in_a_group_that_is_deleted_while_others_come_and_go(world: World) {
        let client = world.app_client().await;
        for username in USERS {
            world.confirmed_user(&client, username).await;
        }
        for _ in 0..8 {
            create(&world, &client.pool, "staff").await;
            add(&world, &client.pool, "carol", "staff").await.unwrap();
            let steps = [
                Step::Add("alice"),
                Step::SignIn,
                Step::Add("bob"),
                Step::Delete,
                Step::Remove("carol"),
                Step::Add("bob"),
                Step::SignIn,
            ];
            let outcomes = at_once(steps.map(|step| done(&world, &client, step))).await;
            assert!(outcomes.iter().all(|outcome| *outcome == Ok(()) || *outcome == Err(no_group())), "{outcomes:?}");
            assert_eq!((&outcomes[1], &outcomes[3], &outcomes[6]), (&Ok(()), &Ok(()), &Ok(())));
            assert_eq!(get(&world, &client.pool, "staff").await, Err(no_group()));
            for username in USERS {
                assert_eq!(groups_of(&world, &client.pool, username).await, Vec::<String>::new());
            }
            assert_consistent(&world, &client.pool).await;
        }
    }
}

spec! {
    async fn users_who_join_and_leave_at_once_are_where_their_last_change_put_them(world: World) {
        let client = world.app_client().await;
        for username in USERS {
            world.sign_up(&client, username).await;
        }
        create(&world, &client.pool, "staff").await;
        for _ in 0..4 {
            add(&world, &client.pool, "carol", "staff").await.unwrap();
            let steps = [Step::Add("alice"), Step::Add("alice"), Step::Add("bob"), Step::Remove("carol")];
            for outcome in at_once(steps.map(|step| done(&world, &client, step))).await {
                outcome.unwrap();
            }
            assert_eq!(members(&world, &client.pool, "staff").await, ["alice", "bob"]);
            assert_consistent(&world, &client.pool).await;
            for username in ["alice", "bob"] {
                remove(&world, &client.pool, username, "staff").await.unwrap();
            }
        }
    }
}
