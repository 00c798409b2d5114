//! `GlobalSignOut`: users sign out everywhere. Every token issued so far is refused from then on.

use super::end_every_sign_in;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::GlobalSignOutRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::GlobalSignOutResponse, Error> {
        let mut batch = Batch::default();
        end_every_sign_in(&mut batch, &caller.bearer().user);
        cx.commit(batch).await?;
        Ok(api::GlobalSignOutResponse {})
    }
}
