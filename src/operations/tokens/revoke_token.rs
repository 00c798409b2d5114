//! `RevokeToken`: a client takes back a refresh token, and with it every token that came of the same sign-in.

use crate::access::caller::Anyone;
use crate::api;
use crate::api::revoke_associated_sessions::Value as RevokeAssociatedSessions;
use crate::app::Operation;
use crate::context::Cx;
use crate::crypto::jwt;
use crate::error::Error;
use crate::operations::honour;

impl Operation for api::RevokeTokenRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::RevokeTokenResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        if !cx.proves_by_secret(&client, self.client_secret.as_deref())? {
            return Err(Error::Unauthorized);
        }
        let linked = self.revoke_associated_sessions() == RevokeAssociatedSessions::Linked;
        honour("RevokeAssociatedSessions LINKED", linked)?;
        if !client.record.token_revocation {
            return Err(Error::UnsupportedOperation);
        }
        if jwt::unverified::<serde_json::Value>(self.token()).is_some() {
            return Err(Error::UnsupportedTokenType);
        }
        // A token that nobody has, or that has ended, needs no revoking: success, as RFC 7009 (2.2) has it.
        let family = match cx.family(self.token()).await {
            Err(Error::RefreshTokenExpired) => None,
            other => other?,
        };
        let Some(family) = family else { return Ok(api::RevokeTokenResponse {}) };
        if !family.is_of(&client) {
            return Err(Error::Unauthorized);
        }
        cx.revoke(&family).await?;
        Ok(api::RevokeTokenResponse {})
    }
}
