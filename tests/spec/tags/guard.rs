//! What policies say of tags: the operations name their pool by its ARN, and the guard reads it as any other's id.

use cognate::api;
use serde_json::{Value, json};

use super::{Tags, arn, list, list_as, tag_request, tags, untag_request};
use crate::spec;
use crate::support::{Credential, Refusal, World, policy, refusal};

fn denied(action: &str, resource: &str) -> Refusal {
    let text = format!(
        "User: arn:aws:iam::000000000000:user/desk is not authorized to perform: cognito-idp:{action} on resource: \
         {resource} because no identity-based policy allows the cognito-idp:{action} action"
    );
    refusal("AccessDeniedException", &text)
}

/// A principal whom everything is allowed under a condition.
fn on_condition(world: &World, condition: Value) -> Credential {
    let statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    Credential::AccessKey(world.principal("desk", &policy))
}

spec! {
    async fn a_principal_of_one_pool_tags_that_pool_alone(world: World) {
        let (own, other) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        let key = Credential::AccessKey(world.principal("desk", &policy("Allow", "cognito-idp:*", &arn(&own))));
        world.call_as(&key, tag_request(&arn(&own), &[("team", "desk")])).await.unwrap();
        assert_eq!(list_as(&world, &key, &arn(&own)).await, Ok(tags(&[("team", "desk")])));
        world.call_as(&key, untag_request(&arn(&own), &["team"])).await.unwrap();
        for pool in [other.as_str(), "us-east-1_Nowhere12"] {
            assert_eq!(
                world.call_as(&key, tag_request(&arn(pool), &[("team", "desk")])).await,
                Err(denied("TagResource", &arn(pool)))
            );
            assert_eq!(
                world.call_as(&key, untag_request(&arn(pool), &["team"])).await,
                Err(denied("UntagResource", &arn(pool)))
            );
            assert_eq!(list_as(&world, &key, &arn(pool)).await, Err(denied("ListTagsForResource", &arn(pool))));
        }
        // What names no pool needs a policy for all of them.
        for odd in [own.as_str(), "arn:aws:s3:us-east-1:000000000000:userpool/us-east-1_A", ""] {
            assert_eq!(list_as(&world, &key, odd).await, Err(denied("ListTagsForResource", "*")), "{odd}");
        }
        assert_eq!(list(&world, &arn(&other)).await, Ok(Tags::new()));
    }
}

spec! {
    async fn a_pool_of_another_account_is_not_reached_by_its_id(world: World) {
        let pool = world.pool(|_| {}).await;
        let key = Credential::AccessKey(world.principal("desk", &policy("Allow", "cognito-idp:*", &arn(&pool))));
        let foreign = arn(&pool).replace("000000000000", "111111111111");
        assert_eq!(
            world.call_as(&key, tag_request(&foreign, &[("team", "desk")])).await.map(drop),
            Err(refusal("InvalidParameterException", "The ResourceArn is not that of a user pool of this server."))
        );
        assert_eq!(list(&world, &arn(&pool)).await, Ok(Tags::new()));
    }
}

spec! {
    async fn a_pool_is_opened_by_the_tags_that_it_has(world: World) {
        let own = world.pool(|request| request.user_pool_tags = tags(&[("team", "desk")])).await;
        let other = world.pool(|_| {}).await;
        let key = on_condition(&world, json!({"StringEquals": {"aws:ResourceTag/team": "desk"}}));
        world.call_as(&key, tag_request(&arn(&own), &[("stage", "test")])).await.unwrap();
        assert_eq!(
            world.call_as(&key, tag_request(&arn(&other), &[("team", "desk")])).await,
            Err(denied("TagResource", &arn(&other))),
            "the tags that a request brings are not yet the pool's"
        );
        assert_eq!(list_as(&world, &key, &arn(&other)).await, Err(denied("ListTagsForResource", &arn(&other))));
        // Whoever takes the tag away closes the pool to themselves.
        world.call_as(&key, untag_request(&arn(&own), &["team"])).await.unwrap();
        assert_eq!(list_as(&world, &key, &arn(&own)).await, Err(denied("ListTagsForResource", &arn(&own))));
    }
}

spec! {
    async fn only_tags_that_policy_names_are_set(world: World) {
        let pool = world.pool(|_| {}).await;
        let key = on_condition(&world, json!({
            "StringEquals": {"aws:RequestTag/team": ["desk", "field"]},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]},
        }));
        let refused = Err(denied("TagResource", &arn(&pool)));
        for pairs in [&[] as &[_], &[("team", "other")], &[("stage", "live")], &[("team", "desk"), ("owner", "me")]] {
            assert_eq!(world.call_as(&key, tag_request(&arn(&pool), pairs)).await, refused, "{pairs:?}");
        }
        world.call_as(&key, tag_request(&arn(&pool), &[("team", "desk"), ("stage", "live")])).await.unwrap();
        assert_eq!(list(&world, &arn(&pool)).await, Ok(tags(&[("team", "desk"), ("stage", "live")])));
    }
}

spec! {
    async fn only_tags_that_policy_names_are_taken_away(world: World) {
        let all = [("team", "desk"), ("stage", "live"), ("owner", "me")];
        let pool = world.pool(|request| request.user_pool_tags = tags(&all)).await;
        let key = on_condition(&world, json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]}}));
        for keys in [&["owner"] as &[_], &["team", "owner"], &["Owner"]] {
            assert_eq!(
                world.call_as(&key, untag_request(&arn(&pool), keys)).await,
                Err(denied("UntagResource", &arn(&pool))),
                "{keys:?}"
            );
        }
        assert_eq!(list(&world, &arn(&pool)).await, Ok(tags(&all)));
        world.call_as(&key, untag_request(&arn(&pool), &["team", "stage"])).await.unwrap();
        assert_eq!(list(&world, &arn(&pool)).await, Ok(tags(&[("owner", "me")])));
    }
}

spec! {
    async fn an_update_of_a_pool_is_judged_by_the_tags_that_it_sets(world: World) {
        let pool = world.pool(|_| {}).await;
        let key = on_condition(&world, json!({"StringEquals": {"aws:RequestTag/team": "desk"}}));
        let update = |pairs: &[(&str, &str)]| {
            let request = api::UpdateUserPoolRequest {
                user_pool_id: Some(pool.clone()),
                user_pool_tags: tags(pairs),
                ..Default::default()
            };
            world.call_as(&key, request)
        };
        for pairs in [&[] as &[_], &[("team", "field")]] {
            assert_eq!(update(pairs).await.map(drop), Err(denied("UpdateUserPool", &arn(&pool))));
        }
        assert_eq!(update(&[("team", "desk")]).await.map(drop), Ok(()));
        assert_eq!(list(&world, &arn(&pool)).await, Ok(tags(&[("team", "desk")])));
    }
}

spec! {
    async fn the_audit_trail_names_the_pool_of_the_arn(world: World) {
        let pool = world.pool(|_| {}).await;
        let key = Credential::AccessKey(world.principal("desk", &policy("Deny", "*", "*")));
        world.call(tag_request(&arn(&pool), &[("team", "desk")])).await.unwrap();
        world.call_as(&key, untag_request(&arn(&pool), &["team"])).await.unwrap_err();
        let trail = world.audit().await;
        for (name, error) in [("TagResource", Value::Null), ("UntagResource", json!("AccessDenied"))] {
            let told = trail.iter().find(|event| event["eventName"] == name).unwrap();
            assert_eq!(told["errorCode"], error, "{told}");
            assert!(told.to_string().contains(&pool), "{told}");
        }
    }
}
