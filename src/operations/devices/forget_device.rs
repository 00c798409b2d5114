//! `ForgetDevice`: a user's device counts for nothing any longer, nor do the refresh tokens that belong to it.

use super::forget;
use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::ForgetDeviceRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<(), Error> {
        let (pool, user) = (&caller.bearer().client.pool, &caller.bearer().user);
        forget(cx, pool, user, self.device_key()).await
    }
}
