//! `ListUsersInGroup`: the users in a group, page by page, in the order of their `sub`.

use super::page_size;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::users::User;
use crate::domain::ids::Sub;
use crate::error::Error;
use crate::operations::{attribute_list, invalid_page_token, listed_user, page_after, page_token};
use crate::store::{MemberKey, Owner, UserKey};

impl Operation for api::ListUsersInGroupRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::ListUsersInGroupResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let group = cx.group(&pool, self.group_name()).await?;
        let limit = page_size(self.limit);
        let after = self.next_token.as_deref().map(last_of_page).transpose()?;
        let after = after.map(|sub| MemberKey { pool: pool.id.clone(), group: group.id, sub });
        let mut page = cx.store.list(&MemberKey::prefix(&pool.id, group.id), after.as_ref(), limit + 1).await?;
        // The index of a group that was deleted before it was read may have been swept already.
        if cx.group(&pool, self.group_name()).await?.id != group.id {
            return Err(Error::Conflict);
        }
        let more = page.len() > limit;
        page.truncate(limit);
        let next_token = page.last().filter(|_| more).map(|(key, _)| page_token(&key.sub.to_string()));
        let mut users = Vec::new();
        for (MemberKey { pool, sub, .. }, _) in page {
            let owner = Owner { pool, sub };
            // Not by `Cx::user`: the request is about the group, and about none of its users.
            let record = cx.store.read(&UserKey { owner: owner.clone() }).await?;
            let user = record.map(|record| User { owner, record });
            users.extend(user.map(|user| listed_user(&user, attribute_list(&user, |_| true))));
        }
        Ok(api::ListUsersInGroupResponse { users, next_token })
    }
}

fn last_of_page(token: &str) -> Result<Sub, Error> {
    Sub::parse(&page_after(token)?).ok_or_else(invalid_page_token)
}
