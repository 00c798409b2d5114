//! `ListUsersInGroup`.

use std::collections::BTreeMap;
use std::time::Duration;

use cognate::api::{self, user_status};

use super::{NOWHERE, add, create, no_group, no_pool, remove, some};
use crate::pools::timestamp;
use crate::spec;
use crate::support::fixtures::{TestClient, attribute};
use crate::support::{Refusal, World, refusal};

async fn page(
    world: &World,
    pool: &str,
    limit: Option<i32>,
    next_token: Option<String>,
) -> Result<api::ListUsersInGroupResponse, Refusal> {
    let request =
        api::ListUsersInGroupRequest { user_pool_id: some(pool), group_name: some("staff"), limit, next_token };
    world.call(request).await
}

fn usernames(users: &[api::User]) -> Vec<String> {
    users.iter().map(|user| user.username().to_owned()).collect()
}

/// A group of so many users. Gives their names in the order of their `sub`.
async fn staff(world: &World, client: &TestClient, count: usize) -> Vec<String> {
    create(world, &client.pool, "staff").await;
    let mut names = BTreeMap::new();
    for number in 0..count {
        let username = format!("user-{number}");
        names.insert(world.sign_up(client, &username).await.user_sub, username.clone());
        add(world, &client.pool, &username, "staff").await.unwrap();
    }
    names.into_values().collect()
}

spec! {
    async fn a_user_is_listed_as_operators_see_it(world: World) {
        let client = world.app_client().await;
        world.advance(Duration::from_millis(1_022));
        let sub = world.sign_up(&client, "alice").await.user_sub;
        let created = world.now();
        world.advance(Duration::from_millis(60_001));
        let code = world.code_for("alice").await;
        world.confirm(&client, "alice", &code).await.unwrap();
        let confirmed = world.now();
        world.sign_up(&client, "bob").await;
        create(&world, &client.pool, "staff").await;
        assert_eq!(page(&world, &client.pool, None, None).await, Ok(Default::default()));
        world.advance(Duration::from_millis(60_001));
        add(&world, &client.pool, "alice", "staff").await.unwrap();
        let alice = api::User {
            username: some("alice"),
            attributes: vec![
                attribute("sub", &sub),
                attribute("email", "alice@example.com"),
                attribute("email_verified", "true"),
            ],
            user_create_date: timestamp(created),
            user_last_modified_date: timestamp(confirmed),
            enabled: Some(true),
            user_status: Some(user_status::Value::Confirmed.into()),
            ..Default::default()
        };
        let expected = api::ListUsersInGroupResponse { users: vec![alice], next_token: None };
        assert_eq!(page(&world, &client.pool, None, None).await, Ok(expected));
    }
}

spec! {
    async fn pages_of_every_size_give_each_user_once_and_the_last_has_no_token(world: World) {
        let client = world.app_client().await;
        let all = staff(&world, &client, 5).await;
        for size in 1..=6 {
            let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
            loop {
                let listed = page(&world, &client.pool, Some(size), token).await.unwrap();
                sizes.push(listed.users.len());
                seen.extend(usernames(&listed.users));
                token = listed.next_token;
                if token.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "in pages of {size}");
            let expected: Vec<usize> = all.chunks(usize::try_from(size).unwrap()).map(<[_]>::len).collect();
            assert_eq!(sizes, expected, "in pages of {size}");
        }
    }
}

spec! {
    async fn a_page_holds_sixty_users_unless_the_caller_wants_fewer(world: World) {
        let client = world.app_client().await;
        staff(&world, &client, 61).await;
        for limit in [None, Some(0), Some(60)] {
            let first = page(&world, &client.pool, limit, None).await.unwrap();
            assert_eq!(first.users.len(), 60, "{limit:?}");
            let second = page(&world, &client.pool, limit, first.next_token).await.unwrap();
            assert_eq!((second.users.len(), second.next_token), (1, None), "{limit:?}");
        }
    }
}

spec! {
    async fn a_token_keeps_its_place_when_users_leave(world: World) {
        let client = world.app_client().await;
        let all = staff(&world, &client, 4).await;
        let first = page(&world, &client.pool, Some(2), None).await.unwrap();
        assert_eq!(usernames(&first.users), all[..2]);
        for name in &all[1..3] {
            remove(&world, &client.pool, name, "staff").await.unwrap();
        }
        let rest = page(&world, &client.pool, None, first.next_token).await.unwrap();
        assert_eq!(usernames(&rest.users), all[3..]);
    }
}

spec! {
    async fn a_token_that_was_never_given_is_refused(world: World) {
        let pool = world.pool(|_| {}).await;
        create(&world, &pool, "staff").await;
        // The last is well formed, but no user's.
        for token in ["!", "____", "bm9ib2R5"] {
            assert_eq!(
                page(&world, &pool, None, some(token)).await,
                Err(refusal("InvalidParameterException", "Invalid pagination token given.")),
                "{token}"
            );
        }
    }
}

spec! {
    async fn an_unknown_group_and_an_unknown_pool_are_told(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(page(&world, &pool, None, None).await, Err(no_group()));
        assert_eq!(page(&world, NOWHERE, None, None).await, Err(no_pool()));
    }
}
