//! Users as operators see and change them.

mod admin_create_user;
mod admin_delete_user;
mod admin_delete_user_attributes;
mod admin_disable_user;
mod admin_enable_user;
mod admin_get_user;
mod admin_update_user_attributes;
mod list_users;

use crate::context::Cx;
use crate::context::pools::Pool;
use crate::context::users::User;
use crate::domain::attributes::Attributes;
use crate::error::Error;
use crate::store::Batch;

/// Gives a user these attributes in place of those read, with the aliases that follow from them.
async fn set_attributes(cx: &Cx<'_>, pool: &Pool, user: &User, after: Attributes) -> Result<(), Error> {
    let mut batch = Batch::default();
    cx.rebind_aliases(&mut batch, pool, user, &after).await?;
    cx.void_outrun_code(&mut batch, user, &after).await?;
    user.replace(&mut batch, &user.with_attributes(after, cx.now()));
    cx.commit(batch).await
}
