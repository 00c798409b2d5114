//! Tags of pools. Policies can ask for them (`aws:ResourceTag`), and say who may set which (`aws:RequestTag`, `aws:TagKeys`).

mod list_tags_for_resource;
mod tag_resource;
mod untag_resource;

use crate::app::Tags;
use crate::context::Cx;
use crate::context::pools::Pool;
use crate::domain::ids::pool_of_arn;
use crate::error::Error;
use crate::store::{Batch, records};

/// As many as Cognito allows.
const TAGS_MAX: usize = 50;

/// Refuses more tags than a pool can have.
pub fn check_tags(tags: &Tags) -> Result<(), Error> {
    if tags.len() > TAGS_MAX {
        return Err(Error::invalid_parameter("A user pool cannot have more than 50 tags."));
    }
    Ok(())
}

/// The pool of an ARN, if that is of this server's region and account.
async fn tagged_pool(cx: &Cx<'_>, arn: &str) -> Result<Pool, Error> {
    let foreign = || Error::invalid_parameter("The ResourceArn is not that of a user pool of this server.");
    let id = pool_of_arn(arn).ok_or_else(foreign)?;
    let is_ours = |pool: &crate::domain::ids::PoolId| pool.arn(&cx.region, &cx.account) == arn;
    match cx.pool(id).await {
        Ok(pool) if is_ours(&pool.id) => Ok(pool),
        Ok(_) => Err(foreign()),
        Err(error) => Err(error),
    }
}

/// Gives a pool other tags. Its settings count as unchanged.
async fn set_tags(cx: &Cx<'_>, pool: &Pool, tags: Tags) -> Result<(), Error> {
    check_tags(&tags)?;
    let mut batch = Batch::default();
    pool.replace(&mut batch, &records::Pool { tags, ..pool.record.record.clone() });
    cx.commit(batch).await
}
