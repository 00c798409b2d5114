//! `GetTokensFromRefreshToken`: new tokens for a refresh token, and a new refresh token where the client rotates them.

use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::tokens::Family;
use crate::error::Error;
use crate::operations::honour;

impl Operation for api::GetTokensFromRefreshTokenRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::GetTokensFromRefreshTokenResponse, Error> {
        honour("DeviceKey", self.device_key.is_some())?;
        let client = cx.client(self.client_id()).await?;
        if !cx.knows_secret(&client, self.client_secret.as_deref())? {
            return Err(Error::ClientSecretMismatch(client.id.0));
        }
        let mut family = self.family(cx, &client).await?;
        let turn = match client.rotation_grace() {
            Some(_) => Some(cx.turn(&family.key.owner).await),
            None => None,
        };
        if turn.is_some() {
            family = self.family(cx, &client).await?;
        }
        let user = cx.user(family.key.owner.clone()).await?.ok_or(Error::InvalidRefreshToken)?;
        let issued = cx.exchange(&client, &user, &family).await?;
        Ok(api::GetTokensFromRefreshTokenResponse { authentication_result: Some(issued.into()) })
    }
}

impl api::GetTokensFromRefreshTokenRequest {
    async fn family(&self, cx: &Cx<'_>, client: &Client) -> Result<Family, Error> {
        let family = cx.family(self.refresh_token()).await?;
        family.filter(|family| family.is_of(client)).ok_or(Error::InvalidRefreshToken)
    }
}
