//! A sign-in whose refresh tokens rotate, as the ledger keeps it: the newest token serves, and none that was used.

use cognate::api::{self, explicit_auth_flows, feature};

use crate::support::fixtures::TestClient;
use crate::support::process::Caller;
use crate::support::refusal_of;

/// What was acknowledged of it.
#[derive(Clone, Debug)]
pub struct Rotation {
    pub client: TestClient,
    /// The refresh tokens in the order in which they were given.
    tokens: Vec<String>,
}

impl Rotation {
    /// Asks for a client whose refresh tokens have no grace time.
    pub fn client_request(pool: &str, name: &str) -> api::CreateUserPoolClientRequest {
        api::CreateUserPoolClientRequest {
            user_pool_id: Some(pool.to_owned()),
            client_name: Some(name.to_owned()),
            explicit_auth_flows: vec![explicit_auth_flows::Value::AllowUserPasswordAuth.into()],
            refresh_token_rotation: Some(api::RefreshTokenRotation {
                feature: Some(feature::Value::Enabled.into()),
                retry_grace_period_seconds: Some(0),
            }),
            ..Default::default()
        }
    }

    /// By the client that was made.
    pub fn by(made: api::CreateUserPoolClientResponse) -> Self {
        let client = made.user_pool_client.unwrap();
        let (pool, id) = (client.user_pool_id.unwrap(), client.client_id.unwrap());
        Rotation { client: TestClient { pool, id, secret: None }, tokens: Vec::new() }
    }

    pub fn began(&mut self, signed_in: api::InitiateAuthResponse) {
        self.tokens.extend(signed_in.authentication_result.unwrap().refresh_token);
    }

    pub fn went_on(&mut self, exchanged: api::GetTokensFromRefreshTokenResponse) {
        self.tokens.push(exchanged.authentication_result.unwrap().refresh_token.unwrap());
    }

    pub fn newest(&self) -> Option<&str> {
        self.tokens.last().map(String::as_str)
    }

    pub fn request(&self, token: &str) -> api::GetTokensFromRefreshTokenRequest {
        api::GetTokensFromRefreshTokenRequest {
            refresh_token: Some(token.to_owned()),
            client_id: Some(self.client.id.clone()),
            ..Default::default()
        }
    }

    /// The newest token serves, unless it was being exchanged; then none does, for the use of an old one ends the sign-in.
    /// Looked for once: the client is deleted, since a pool can have only so many.
    pub async fn holds(self, caller: &Caller, was_rotating: bool) -> Result<(), tonic::Status> {
        if let Some(newest) = self.newest()
            && let Err(status) = caller.call(self.request(newest)).await
        {
            assert_eq!(refusal_of(&status).exception, "RefreshTokenReuseException", "{self:?}");
            assert!(was_rotating, "a rotation was lost: {self:?}");
        }
        for used in &self.tokens {
            let refused = caller.call(self.request(used)).await.expect_err("a used token is back");
            assert_eq!(refusal_of(&refused).exception, "RefreshTokenReuseException", "{self:?}");
        }
        let (user_pool_id, client_id) = (Some(self.client.pool), Some(self.client.id));
        caller.call(api::DeleteUserPoolClientRequest { user_pool_id, client_id }).await
    }
}
