//! `AddUserPoolClientSecret`: a second secret, so that the instances of an application can change over one by one.

use super::secrets::{Secret, id_of, of_client};
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::domain::ids::mint_client_secret;
use crate::error::Error;
use crate::store::{Batch, Key as _, records};

/// As many as Cognito allows.
const SECRETS_PER_CLIENT_MAX: usize = 2;

impl Operation for api::AddUserPoolClientSecretRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AddUserPoolClientSecretResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        let secrets = of_client(&client);
        let Some(newest) = secrets.last() else {
            return Err(Error::invalid_parameter("A client that was made without a secret cannot be given one."));
        };
        if secrets.len() >= SECRETS_PER_CLIENT_MAX {
            return Err(Error::LimitExceeded("Client secrets cannot exceed limit of 2 secrets."));
        }
        let value = self.client_secret.clone().unwrap_or_else(|| mint_client_secret(&cx.rng));
        // Later than any other, as the time is a part of its id.
        let created_at = cx.now().as_millisecond().max(newest.created_at + 1);
        let added = records::AddedSecret {
            id: id_of(&client, created_at),
            created_at,
            sealed_secret: cx.sealer.seal(&client.key().encoded(), value.as_bytes(), &cx.rng),
        };
        let mut changed = client.record.record.clone();
        changed.added_secrets.push(added.clone());
        let mut batch = Batch::default();
        client.replace(&mut batch, &changed);
        cx.commit(batch).await?;
        let descriptor = api::ClientSecretDescriptor {
            // Whoever has brought it has it.
            client_secret_value: self.client_secret.is_none().then_some(value),
            ..Secret { id: added.id, created_at: added.created_at }.descriptor()
        };
        Ok(api::AddUserPoolClientSecretResponse { client_secret_descriptor: Some(descriptor) })
    }
}
