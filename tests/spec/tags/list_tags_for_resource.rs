//! `ListTagsForResource`.

use cognate::api;

use super::{Tags, arn, list, not_ours, tags};
use crate::spec;
use crate::support::{World, refusal};

spec! {
    async fn the_tags_of_the_pool_are_listed(world: World) {
        let pool = world.pool(|request| request.user_pool_tags = tags(&[("team", "desk"), ("empty", "")])).await;
        let without = world.pool(|_| {}).await;
        assert_eq!(list(&world, &arn(&pool)).await, Ok(tags(&[("team", "desk"), ("empty", "")])));
        assert_eq!(list(&world, &arn(&without)).await, Ok(Tags::new()));
    }
}

spec! {
    async fn what_is_no_pool_of_this_server_has_none(world: World) {
        let pool = world.pool(|request| request.user_pool_tags = tags(&[("team", "desk")])).await;
        for (arn, refused) in not_ours(&pool) {
            assert_eq!(list(&world, &arn).await, Err(refused), "{arn}");
        }
    }
}

spec! {
    async fn an_arn_is_needed_and_must_look_like_one(world: World) {
        let told = "2 validation errors detected: Value 'us-east-1_A' at 'resourceArn' failed to satisfy constraint: Member \
                    must have length greater than or equal to 20; Value 'us-east-1_A' at 'resourceArn' failed to satisfy \
                    constraint: Member must satisfy regular expression pattern: arn:[\\w+=/,.@-]+:[\\w+=/,.@-]+:\
                    ([\\w+=/,.@-]*)?:[0-9]+:[\\w+=/,.@-]+(:[\\w+=/,.@-]+)?(:[\\w+=/,.@-]+)?";
        assert_eq!(list(&world, "us-east-1_A").await, Err(refusal("InvalidParameterException", told)));
        let missing = "1 validation error detected: Value null at 'resourceArn' failed to satisfy constraint: Member must \
                       not be null";
        let request = api::ListTagsForResourceRequest::default();
        assert_eq!(world.call(request).await.map(drop), Err(refusal("InvalidParameterException", missing)));
    }
}
