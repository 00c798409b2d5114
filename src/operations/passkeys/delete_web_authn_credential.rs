//! `DeleteWebAuthnCredential`: a user's passkey signs nobody in any more.

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::DeleteWebAuthnCredentialRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::DeleteWebAuthnCredentialResponse, Error> {
        let user = &caller.bearer().user;
        let passkeys = cx.passkeys(user).await?;
        let passkey = passkeys.iter().find(|passkey| passkey.id() == self.credential_id());
        let passkey = passkey.ok_or(Error::PasskeyDoesNotExist)?;
        let mut batch = Batch::default();
        cx.delete_passkey(&mut batch, user, passkey);
        cx.commit(batch).await?;
        Ok(api::DeleteWebAuthnCredentialResponse {})
    }
}
