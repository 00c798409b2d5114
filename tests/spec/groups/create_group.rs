//! `CreateGroup`.

use cognate::api;
use cognate::domain::ids::PoolId;
use cognate::store::{Batch, GroupKey, records};
use serde_json::json;

use super::{NOWHERE, create, delete, get, named, no_pool, some, try_create};
use crate::pools::timestamp;
use crate::spec;
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::{call_written, post_json, with};

const ROLE: &str = "arn:aws:iam::000000000000:role/admin";

fn exists() -> Refusal {
    refusal("GroupExistsException", "A group with the name already exists.")
}

spec! {
    async fn a_name_is_enough_and_nothing_is_added_to_it(world: World) {
        let pool = world.pool(|_| {}).await;
        let group = create(&world, &pool, "staff").await;
        let expected = api::Group {
            group_name: some("staff"),
            user_pool_id: Some(pool.clone()),
            last_modified_date: timestamp(world.now()),
            creation_date: timestamp(world.now()),
            ..Default::default()
        };
        assert_eq!(group, expected);
        assert_eq!(get(&world, &pool, "staff").await, Ok(expected));
    }
}

spec! {
    async fn every_setting_shows_in_the_answer_and_in_get(world: World) {
        let pool = world.pool(|_| {}).await;
        for precedence in [0, i32::MAX] {
            let name = format!("Größe_{precedence}");
            let request = api::CreateGroupRequest {
                description: some("Who may do everything."),
                role_arn: some(ROLE),
                precedence: Some(precedence),
                ..named(&pool, &name)
            };
            let group = try_create(&world, request).await.unwrap();
            let expected = api::Group {
                group_name: Some(name.clone()),
                user_pool_id: Some(pool.clone()),
                description: some("Who may do everything."),
                role_arn: some(ROLE),
                precedence: Some(precedence),
                last_modified_date: timestamp(world.now()),
                creation_date: timestamp(world.now()),
            };
            assert_eq!(group, expected);
            assert_eq!(get(&world, &pool, &name).await, Ok(expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_leaves_out_what_was_never_set() {
    let world = World::at(Wire::Json, "2024-05-07T16:52:22.022Z".parse().unwrap(), |_| {}).await;
    let pool = world.pool(|_| {}).await;
    let body = json!({ "UserPoolId": pool, "GroupName": "staff", "Precedence": 0 });
    let reply = post_json(&world, api::Op::CreateGroup, &body).await;
    let group = json!({
        "GroupName": "staff",
        "UserPoolId": pool,
        "Precedence": 0,
        "LastModifiedDate": 1_715_100_742.022,
        "CreationDate": 1_715_100_742.022,
    });
    assert_eq!((reply.status, reply.json()), (200, json!({ "Group": group })));
}

spec! {
    async fn a_pool_has_a_name_once_as_it_is_spelt_until_the_group_is_deleted(world: World) {
        let (pool, other) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        let first = create(&world, &pool, "staff").await;
        let again = api::CreateGroupRequest { description: some("another"), ..named(&pool, "staff") };
        assert_eq!(try_create(&world, again).await, Err(exists()));
        assert_eq!(get(&world, &pool, "staff").await, Ok(first));
        create(&world, &pool, "Staff").await;
        create(&world, &other, "staff").await;
        delete(&world, &pool, "staff").await.unwrap();
        create(&world, &pool, "staff").await;
    }
}

spec! {
    async fn of_many_who_create_one_name_at_once_one_does(world: World) {
        let pool = world.pool(|_| {}).await;
        let outcomes = at_once((0..10).map(|_| try_create(&world, named(&pool, "staff")))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        assert!(outcomes.into_iter().filter_map(Result::err).all(|refused| refused == exists()));
    }
}

spec! {
    async fn a_pool_has_ten_thousand_groups_at_most(world: World) {
        let pool = world.pool(|_| {}).await;
        let mut batch = Batch::default();
        for number in 0..9_999_u32 {
            let name = format!("group-{number}");
            let key = GroupKey { pool: PoolId(pool.clone()), name: name.clone() };
            let id = u128::from(number).to_be_bytes().to_vec();
            batch.put(&key, &records::Group { id, pool: pool.clone(), name, ..Default::default() });
        }
        world.app.services.store.commit(batch).await.unwrap();
        let outcomes = at_once((0..4).map(|number| try_create(&world, named(&pool, &format!("last-{number}"))))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
        let full = refusal("LimitExceededException", "A user pool cannot have more than 10000 groups.");
        assert!(outcomes.into_iter().filter_map(Result::err).all(|refused| refused == full));
        assert_eq!(try_create(&world, named(&pool, "group-7")).await, Err(exists()));
        delete(&world, &pool, "group-7").await.unwrap();
        create(&world, &pool, "group-7").await;
    }
}

spec! {
    async fn settings_out_of_bounds_are_refused(world: World) {
        let pool = world.pool(|_| {}).await;
        let body = json!({ "UserPoolId": pool, "GroupName": "staff" });
        let role_pattern = "Member must satisfy regular expression pattern: \
            arn:[\\w+=/,.@-]+:[\\w+=/,.@-]+:([\\w+=/,.@-]*)?:[0-9]+:[\\w+=/,.@-]+(:[\\w+=/,.@-]+)?(:[\\w+=/,.@-]+)?";
        for (member, value, shown, constraint) in [
            ("GroupName", json!("a b"), "a b", "Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+"),
            ("GroupName", json!("a".repeat(129)), &"a".repeat(129), "Member must have length less than or equal to 128"),
            ("Description", json!("a".repeat(2049)), &"a".repeat(2049), "Member must have length less than or equal to 2048"),
            ("RoleArn", json!("arn:aws:iam::1:role"), "arn:aws:iam::1:role", "Member must have length greater than or equal to 20"),
            ("RoleArn", json!("arn:aws:iam::nobody:role/admin"), "arn:aws:iam::nobody:role/admin", role_pattern),
            ("Precedence", json!(-1), "-1", "Member must have value greater than or equal to 0"),
        ] {
            let path = member[..1].to_lowercase() + &member[1..];
            let refused = call_written::<api::CreateGroupRequest>(&world, &with(&body, member, value)).await;
            let message = format!(
                "1 validation error detected: Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}"
            );
            assert_eq!(refused, Err(refusal("InvalidParameterException", &message)));
        }
        assert_eq!(
            world.call(api::CreateGroupRequest::default()).await,
            Err(refusal(
                "InvalidParameterException",
                "2 validation errors detected: Value null at 'groupName' failed to satisfy constraint: Member must not be \
                 null; Value null at 'userPoolId' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(try_create(&world, named(NOWHERE, "staff")).await, Err(no_pool()));
    }
}
