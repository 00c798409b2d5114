//! `TagResource`, `UntagResource` and `ListTagsForResource`, and what policies say of them.

mod guard;
mod list_tags_for_resource;
mod tag_resource;
mod untag_resource;

use std::collections::HashMap;

use crate::support::{Credential, Refusal, World, refusal};
use cognate::api;

type Tags = HashMap<String, String>;

/// The ARN of a pool of this server.
pub fn arn(pool: &str) -> String {
    format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool}")
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}

fn tag_request(arn: &str, pairs: &[(&str, &str)]) -> api::TagResourceRequest {
    api::TagResourceRequest { resource_arn: Some(arn.to_owned()), tags: tags(pairs) }
}

fn untag_request(arn: &str, keys: &[&str]) -> api::UntagResourceRequest {
    api::UntagResourceRequest {
        resource_arn: Some(arn.to_owned()),
        tag_keys: keys.iter().map(ToString::to_string).collect(),
    }
}

async fn tag(world: &World, arn: &str, pairs: &[(&str, &str)]) -> Result<(), Refusal> {
    world.call(tag_request(arn, pairs)).await.map(|api::TagResourceResponse {}| ())
}

async fn untag(world: &World, arn: &str, keys: &[&str]) -> Result<(), Refusal> {
    world.call(untag_request(arn, keys)).await.map(|api::UntagResourceResponse {}| ())
}

async fn list(world: &World, arn: &str) -> Result<Tags, Refusal> {
    let credential = Credential::AccessKey(world.operator.clone());
    list_as(world, &credential, arn).await
}

async fn list_as(world: &World, credential: &Credential, arn: &str) -> Result<Tags, Refusal> {
    let request = api::ListTagsForResourceRequest { resource_arn: Some(arn.to_owned()) };
    world.call_as(credential, request).await.map(|response| response.tags)
}

async fn described(world: &World, pool: &str) -> api::UserPool {
    let request = api::DescribeUserPoolRequest { user_pool_id: Some(pool.to_owned()) };
    world.call(request).await.unwrap().user_pool.unwrap()
}

/// ARNs that are no pool's of this server, though one has the id of this pool; and how each is refused.
fn not_ours(pool: &str) -> Vec<(String, Refusal)> {
    let nowhere = refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist.");
    let others = [
        arn(pool).replace("000000000000", "111111111111"),
        arn(pool).replacen("us-east-1", "eu-west-1", 1),
        arn(pool).replace("userpool", "identitypool"),
        "arn:aws:s3:us-east-1:000000000000:a-bucket-of-somebody".to_owned(),
    ];
    let foreign = refusal("InvalidParameterException", "The ResourceArn is not that of a user pool of this server.");
    let others = others.map(|arn| (arn, foreign.clone()));
    std::iter::once((arn("us-east-1_Nowhere12"), nowhere)).chain(others).collect()
}
