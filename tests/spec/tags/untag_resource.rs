//! `UntagResource`.

use super::{Tags, arn, list, not_ours, tags, untag};
use crate::spec;
use crate::support::{World, refusal};

spec! {
    async fn tags_go_by_their_keys(world: World) {
        let all = [("team", "desk"), ("Team", "x"), ("stage", "")];
        let pool = world.pool(|request| request.user_pool_tags = tags(&all)).await;
        let other = world.pool(|request| request.user_pool_tags = tags(&all)).await;
        for (keys, left) in [
            (&[] as &[_], &all[..]),
            (&["nothing"], &all[..]),
            (&["team", "nothing", "team"], &all[1..]),
            (&["stage", "Team"], &[]),
        ] {
            untag(&world, &arn(&pool), keys).await.unwrap();
            assert_eq!(list(&world, &arn(&pool)).await, Ok(tags(left)), "{keys:?}");
        }
        let world = world.restarted().await;
        assert_eq!(list(&world, &arn(&pool)).await, Ok(Tags::new()));
        assert_eq!(list(&world, &arn(&other)).await, Ok(tags(&all)), "another pool has all of them");
    }
}

spec! {
    async fn what_is_no_pool_of_this_server_loses_none(world: World) {
        let pool = world.pool(|request| request.user_pool_tags = tags(&[("team", "desk")])).await;
        for (arn, refused) in not_ours(&pool) {
            assert_eq!(untag(&world, &arn, &["team"]).await, Err(refused), "{arn}");
        }
        assert_eq!(list(&world, &arn(&pool)).await, Ok(tags(&[("team", "desk")])));
    }
}

spec! {
    async fn members_out_of_bounds_are_named(world: World) {
        let pool = world.pool(|_| {}).await;
        let long = "k".repeat(129);
        assert_eq!(
            untag(&world, &arn(&pool), &[&long]).await,
            Err(refusal(
                "InvalidParameterException",
                &format!(
                    "1 validation error detected: Value '[{long}]' at 'tagKeys' failed to satisfy constraint: Member must \
                     satisfy constraint: [Member must have length less than or equal to 128, Member must have length \
                     greater than or equal to 1]"
                )
            ))
        );
    }
}
