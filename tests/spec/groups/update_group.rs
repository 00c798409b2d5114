//! `UpdateGroup`.

use std::time::Duration;

use cognate::api;

use super::{NOWHERE, add, create, get, groups_of, members, named, no_group, no_pool, some, try_create};
use crate::pools::timestamp;
use crate::spec;
use crate::support::{Refusal, World, at_once};

const ROLE: &str = "arn:aws:iam::000000000000:role/admin";

/// What a step changes of the group that is expected.
type Change = fn(&mut api::Group);

fn changes(pool: &str, name: &str) -> api::UpdateGroupRequest {
    api::UpdateGroupRequest { user_pool_id: some(pool), group_name: some(name), ..Default::default() }
}

async fn update(world: &World, request: api::UpdateGroupRequest) -> Result<api::Group, Refusal> {
    world.call(request).await.map(|response| response.group.unwrap())
}

spec! {
    async fn what_is_left_out_stays_as_it_is(world: World) {
        let pool = world.pool(|_| {}).await;
        let request = api::CreateGroupRequest {
            description: some("before"),
            role_arn: some(ROLE),
            precedence: Some(3),
            ..named(&pool, "staff")
        };
        let mut expected = try_create(&world, request).await.unwrap();
        let other_role = some("arn:aws:iam::000000000000:role/other");
        let steps: [(api::UpdateGroupRequest, Change); 5] = [
            (changes(&pool, "staff"), |_| {}),
            (api::UpdateGroupRequest { precedence: Some(0), ..changes(&pool, "staff") }, |group| {
                group.precedence = Some(0);
            }),
            (api::UpdateGroupRequest { description: some("after"), ..changes(&pool, "staff") }, |group| {
                group.description = some("after");
            }),
            (api::UpdateGroupRequest { role_arn: other_role, ..changes(&pool, "staff") }, |group| {
                group.role_arn = some("arn:aws:iam::000000000000:role/other");
            }),
            (api::UpdateGroupRequest { description: some(""), ..changes(&pool, "staff") }, |group| {
                group.description = some("");
            }),
        ];
        for (request, change) in steps {
            world.advance(Duration::from_millis(1_001));
            change(&mut expected);
            expected.last_modified_date = timestamp(world.now());
            assert_eq!(update(&world, request).await.as_ref(), Ok(&expected));
            assert_eq!(get(&world, &pool, "staff").await.as_ref(), Ok(&expected));
        }
    }
}

spec! {
    async fn who_is_in_the_group_stays_in_it(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        create(&world, &client.pool, "staff").await;
        add(&world, &client.pool, "alice", "staff").await.unwrap();
        update(&world, api::UpdateGroupRequest { precedence: Some(1), ..changes(&client.pool, "staff") }).await.unwrap();
        assert_eq!(groups_of(&world, &client.pool, "alice").await, ["staff"]);
        assert_eq!(members(&world, &client.pool, "staff").await, ["alice"]);
    }
}

spec! {
    async fn changes_of_different_settings_at_once_all_last(world: World) {
        let pool = world.pool(|_| {}).await;
        create(&world, &pool, "staff").await;
        let requests = [
            api::UpdateGroupRequest { description: some("text"), ..changes(&pool, "staff") },
            api::UpdateGroupRequest { role_arn: some(ROLE), ..changes(&pool, "staff") },
            api::UpdateGroupRequest { precedence: Some(7), ..changes(&pool, "staff") },
        ];
        for outcome in at_once(requests.into_iter().map(|request| update(&world, request))).await {
            outcome.unwrap();
        }
        let group = get(&world, &pool, "staff").await.unwrap();
        assert_eq!((group.description(), group.role_arn(), group.precedence), ("text", ROLE, Some(7)));
    }
}

spec! {
    async fn an_unknown_group_and_an_unknown_pool_are_told_and_nothing_is_made(world: World) {
        let pool = world.pool(|_| {}).await;
        assert_eq!(update(&world, changes(&pool, "staff")).await, Err(no_group()));
        assert_eq!(get(&world, &pool, "staff").await, Err(no_group()));
        assert_eq!(update(&world, changes(NOWHERE, "staff")).await, Err(no_pool()));
    }
}
