//! `TagResource`.

use std::time::Duration;

use cognate::api;
use serde_json::json;

use super::{Tags, arn, described, list, not_ours, tag, tags};
use crate::spec;
use crate::support::{World, at_once, refusal};
use crate::wire::call_written;

spec! {
    async fn tags_come_beside_those_of_the_pool(world: World) {
        let pool = world.pool(|request| request.user_pool_tags = tags(&[("team", "desk"), ("Team", "x")])).await;
        let other = world.pool(|_| {}).await;
        tag(&world, &arn(&pool), &[("team", "field"), ("stage", ""), ("Unicode \u{e9}", "\u{1f600}")]).await.unwrap();
        tag(&world, &arn(&pool), &[]).await.unwrap();
        let expected = tags(&[("team", "field"), ("Team", "x"), ("stage", ""), ("Unicode \u{e9}", "\u{1f600}")]);
        assert_eq!(list(&world, &arn(&pool)).await, Ok(expected.clone()));
        assert_eq!(described(&world, &pool).await.user_pool_tags, expected);
        let world = world.restarted().await;
        assert_eq!(list(&world, &arn(&pool)).await, Ok(expected));
        assert_eq!(list(&world, &arn(&other)).await, Ok(Tags::new()), "another pool has none of them");
    }
}

spec! {
    async fn tags_are_no_settings(world: World) {
        let pool = world.pool(|_| {}).await;
        let before = described(&world, &pool).await;
        world.advance(Duration::from_secs(3));
        tag(&world, &arn(&pool), &[("team", "desk")]).await.unwrap();
        assert_eq!(
            described(&world, &pool).await,
            api::UserPool { user_pool_tags: tags(&[("team", "desk")]), ..before }
        );
    }
}

spec! {
    async fn fifty_tags_fit_on_a_pool_and_no_more(world: World) {
        let pool = world.pool(|_| {}).await;
        let keys: Vec<String> = (0..51).map(|n| format!("t{n}")).collect();
        let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "")).collect();
        let refused = refusal("InvalidParameterException", "A user pool cannot have more than 50 tags.");
        assert_eq!(tag(&world, &arn(&pool), &pairs).await, Err(refused.clone()));
        tag(&world, &arn(&pool), &pairs[..49]).await.unwrap();
        tag(&world, &arn(&pool), &pairs[..50]).await.unwrap();
        assert_eq!(tag(&world, &arn(&pool), &pairs[50..]).await, Err(refused));
        assert_eq!(list(&world, &arn(&pool)).await.unwrap().len(), 50);
    }
}

spec! {
    async fn tags_at_once_are_all_kept(world: World) {
        let pool = world.pool(|_| {}).await;
        let keys: Vec<String> = (0..8).map(|n| format!("t{n}")).collect();
        let arn = arn(&pool);
        let pairs: Vec<[(&str, &str); 1]> = keys.iter().map(|key| [(key.as_str(), "x")]).collect();
        assert_eq!(at_once(pairs.iter().map(|pair| tag(&world, &arn, pair))).await, vec![Ok(()); 8]);
        assert_eq!(list(&world, &arn).await.unwrap().len(), 8);
    }
}

spec! {
    async fn what_is_no_pool_of_this_server_is_not_tagged(world: World) {
        let pool = world.pool(|_| {}).await;
        for (arn, refused) in not_ours(&pool) {
            assert_eq!(tag(&world, &arn, &[("team", "desk")]).await, Err(refused), "{arn}");
        }
        assert_eq!(list(&world, &arn(&pool)).await, Ok(Tags::new()));
    }
}

spec! {
    async fn members_out_of_bounds_are_named(world: World) {
        let pool = world.pool(|_| {}).await;
        let long = "k".repeat(129);
        assert_eq!(
            tag(&world, &arn(&pool), &[(&long, "")]).await,
            Err(refusal(
                "InvalidParameterException",
                &format!(
                    "1 validation error detected: Value '{{{long}=}}' at 'tags' failed to satisfy constraint: Map keys must \
                     satisfy constraint: [Member must have length less than or equal to 128, Member must have length \
                     greater than or equal to 1]"
                )
            ))
        );
        let body = json!({ "ResourceArn": arn(&pool), "Tags": { "k": "v".repeat(257) } });
        let refused = call_written::<api::TagResourceRequest>(&world, &body).await.unwrap_err();
        assert!(refused.message.contains("'tags' failed to satisfy constraint: Map value must"), "{}", refused.message);
    }
}
