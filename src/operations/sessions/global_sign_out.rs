//! `GlobalSignOut`: users sign out everywhere. Every token issued so far is refused from then on.

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::{Batch, records};

impl Operation for api::GlobalSignOutRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::GlobalSignOutResponse, Error> {
        let user = &caller.bearer().user;
        let generation = user.record.generation + 1;
        let mut batch = Batch::default();
        user.replace(&mut batch, &records::User { generation, ..user.record.record.clone() });
        cx.commit(batch).await?;
        Ok(api::GlobalSignOutResponse {})
    }
}
