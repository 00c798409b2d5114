//! `AdminListGroupsForUser`: the groups that a user is in, page by page, in the order of their names.

use super::{description, page_size};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::operations::{page_after, page_token};

impl Operation for api::AdminListGroupsForUserRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminListGroupsForUserResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let limit = page_size(self.limit);
        let after = self.next_token.as_deref().map(page_after).transpose()?;
        let mut groups = cx.groups_of(&user).await?;
        // Text sorts here as it does in keys: by its bytes.
        groups.retain(|group| after.as_ref().is_none_or(|after| group.key.name > *after));
        let more = groups.len() > limit;
        groups.truncate(limit);
        let next_token = groups.last().filter(|_| more).map(|group| page_token(&group.key.name));
        let groups = groups.iter().map(|group| description(&group.record)).collect();
        Ok(api::AdminListGroupsForUserResponse { groups, next_token })
    }
}
