//! `GetTokensFromRefreshToken`: new tokens for a refresh token, and a new refresh token where the client rotates them.

use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::tokens::Family;
use crate::error::Error;

impl Operation for api::GetTokensFromRefreshTokenRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::GetTokensFromRefreshTokenResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        if !cx.proves_by_secret(&client, self.client_secret.as_deref())? {
            return Err(Error::ClientSecretMismatch(client.id.0));
        }
        let family = self.family(cx, &client).await?;
        if client.rotation_grace().is_none() {
            return self.exchanged(cx, &client, &family).await;
        }
        cx.foresee_exchange(&client, &family).await?;
        // Of many at once each sees what the one before it has done.
        let _turn = cx.turn(&family.key.owner).await;
        self.exchanged(cx, &client, &self.family(cx, &client).await?).await
    }
}

impl api::GetTokensFromRefreshTokenRequest {
    async fn family(&self, cx: &Cx<'_>, client: &Client) -> Result<Family, Error> {
        let family = cx.family(self.refresh_token()).await?;
        family.filter(|family| family.is_of(client)).ok_or(Error::InvalidRefreshToken)
    }

    async fn exchanged(
        &self,
        cx: &Cx<'_>,
        client: &Client,
        family: &Family,
    ) -> Result<api::GetTokensFromRefreshTokenResponse, Error> {
        let user = cx.user(family.key.owner.clone()).await?.ok_or(Error::InvalidRefreshToken)?;
        let issued = cx.exchange(client, &user, family, self.device_key.as_deref()).await?;
        Ok(api::GetTokensFromRefreshTokenResponse { authentication_result: Some(issued.into()) })
    }
}
