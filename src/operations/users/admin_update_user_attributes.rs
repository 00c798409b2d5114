//! `AdminUpdateUserAttributes`: an operator sets attributes of a user, the verified flags among them.

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::pools::Pool;
use crate::domain::attributes::Attributes;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::operations::given_attributes;
use crate::store::Batch;
use crate::store::records::UserStatus;

impl Operation for api::AdminUpdateUserAttributesRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminUpdateUserAttributesResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let user = cx.user_for_operator(&pool, self.username()).await?;
        let given = given_attributes(&self.user_attributes)?;
        if user.record.status() == UserStatus::Unconfirmed && names_unconfirmed(&pool, &given) {
            return Err(Error::invalid_parameter("preferred_username cannot be set before the user is confirmed."));
        }
        let mut batch = Batch::default();
        cx.update_attributes(&mut batch, &pool, &user, &given, None).await?;
        cx.commit(batch).await?;
        cx.outbox_filled.notify_one();
        Ok(api::AdminUpdateUserAttributesResponse {})
    }
}

/// Whether the attributes would give a sign-in name that only confirmed users have, as at sign-up.
fn names_unconfirmed(pool: &Pool, given: &Attributes) -> bool {
    let alias = Alias::PreferredUsername;
    pool.username_rules().aliases.contains(&alias)
        && given.get(alias.attribute()).is_some_and(|value| !value.is_empty())
}
