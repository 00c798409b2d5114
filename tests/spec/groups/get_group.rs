//! `GetGroup`.

use super::{NOWHERE, create, get, no_group, no_pool};
use crate::spec;
use crate::support::World;

spec! {
    async fn a_group_is_found_in_its_pool_by_its_exact_name(world: World) {
        let (pool, other) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        let group = create(&world, &pool, "staff").await;
        assert_eq!(get(&world, &pool, "staff").await, Ok(group));
        for (pool, name) in [(&pool, "Staff"), (&pool, "staf"), (&pool, "staffs"), (&other, "staff")] {
            assert_eq!(get(&world, pool, name).await, Err(no_group()), "{name}");
        }
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(get(&world, NOWHERE, "staff").await, Err(no_pool()));
    }
}
