//! `CreateUserPoolClient`: a new application of a pool, with a secret if it can keep one.

use super::{CLIENTS_PER_POOL_MAX, description};
use crate::access::caller::Operator;
use crate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use crate::api::json::Named as _;
use crate::api::{self, feature, prevent_user_existence_error_types, time_units};
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::token_validity;
use crate::context::pools::Pool;
use crate::domain::attributes::is_written_by_the_service_alone;
use crate::domain::auth_flows::is_legacy;
use crate::domain::ids::{ClientId, mint_client_secret};
use crate::error::Error;
use crate::operations::honour;
use crate::store::{Batch, ClientKey, ClientOfPoolKey, Key as _, records};

/// How long a challenge waits for its answer unless the client says otherwise.
const SESSION_MINUTES: i32 = 3;

impl Operation for api::CreateUserPoolClientRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::CreateUserPoolClientResponse, Error> {
        self.refuse_what_is_not_honoured()?;
        let pool = cx.pool(self.user_pool_id()).await?;
        let key = ClientKey { client: ClientId::mint(&cx.rng) };
        let record = records::Client { sealed_secret: self.sealed_secret(cx, &key)?, ..self.record(&pool, &key, cx)? };
        token_validity(&record)?;
        let prefix = ClientOfPoolKey::prefix(&pool.id);
        if cx.store.list::<ClientOfPoolKey>(&prefix, None, CLIENTS_PER_POOL_MAX).await?.len() >= CLIENTS_PER_POOL_MAX {
            return Err(Error::LimitExceeded("A user pool cannot have more than 1000 clients."));
        }
        let mut batch = Batch::default();
        // Writing the pool, unchanged, makes clients that are created at once wait for each other: the limit holds.
        batch.expect(&pool.key(), Some(&pool.record));
        batch.put(&pool.key(), &pool.record);
        batch.expect_absent(&key);
        batch.put(&key, &record);
        let index = ClientOfPoolKey { pool: pool.id.clone(), client: key.client.clone() };
        batch.put(&index, &records::ClientOfPool { name: record.name.clone() });
        cx.commit(batch).await?;
        let client = cx.client(&key.client.0).await?;
        Ok(api::CreateUserPoolClientResponse { user_pool_client: Some(description(cx, &client)?) })
    }
}

impl api::CreateUserPoolClientRequest {
    fn refuse_what_is_not_honoured(&self) -> Result<(), Error> {
        honour("SupportedIdentityProviders", self.supported_identity_providers.iter().any(|name| name != "COGNITO"))?;
        honour("DefaultRedirectURI", self.default_redirect_uri.is_some())?;
        honour("AllowedOAuthFlowsUserPoolClient", self.allowed_oauth_flows_user_pool_client())?;
        let propagates = self.enable_propagate_additional_user_context_data();
        honour("EnablePropagateAdditionalUserContextData", propagates)?;
        let rotation = self.refresh_token_rotation.unwrap_or_default();
        honour("RefreshTokenRotation", rotation.feature() == feature::Value::Enabled)?;
        let flows = self.explicit_auth_flows.iter().filter_map(|number| ExplicitAuthFlow::try_from(*number).ok());
        for flow in flows {
            match flow {
                ExplicitAuthFlow::UserPasswordAuth
                | ExplicitAuthFlow::AllowUserPasswordAuth
                | ExplicitAuthFlow::AllowRefreshTokenAuth
                | ExplicitAuthFlow::AllowUserAuth => {}
                other => return Err(Error::NotHonoured(format!("ExplicitAuthFlows {}", other.as_str_name()).into())),
            }
        }
        Ok(())
    }

    fn record(&self, pool: &Pool, key: &ClientKey, cx: &Cx<'_>) -> Result<records::Client, Error> {
        let now = cx.now().as_millisecond();
        let units = self.token_validity_units.unwrap_or_default();
        // A unit without a number has no effect, and what has none is not kept: it would be shown beside the default.
        let unit = |number: Option<i32>, unit: Option<i32>| {
            number.filter(|number| *number != 0).and(unit).and_then(time_units::Value::name_of).map(str::to_owned)
        };
        Ok(records::Client {
            id: key.client.0.clone(),
            pool: pool.id.0.clone(),
            name: self.client_name().to_owned(),
            created_at: now,
            modified_at: now,
            sealed_secret: None,
            explicit_auth_flows: self.flows()?,
            read_attributes: self.readable(pool)?,
            write_attributes: self.writable(pool)?,
            access_token_validity: self.access_token_validity,
            id_token_validity: self.id_token_validity,
            refresh_token_validity: self.refresh_token_validity,
            access_token_unit: unit(self.access_token_validity, units.access_token),
            id_token_unit: unit(self.id_token_validity, units.id_token),
            refresh_token_unit: unit(self.refresh_token_validity, units.refresh_token),
            hides_user_existence: self
                .prevent_user_existence_errors
                .map(|number| number == prevent_user_existence_error_types::Value::Enabled as i32),
            token_revocation: self.enable_token_revocation.unwrap_or(true),
            session_minutes: self.auth_session_validity.unwrap_or(SESSION_MINUTES),
            refresh_token_rotation: false,
            rotation_grace_seconds: 0,
        })
    }

    fn flows(&self) -> Result<Vec<String>, Error> {
        let names = self.explicit_auth_flows.iter().filter_map(|number| ExplicitAuthFlow::name_of(*number));
        let names: Vec<String> = names.map(str::to_owned).collect();
        if names.iter().any(|name| is_legacy(name)) && !names.iter().all(|name| is_legacy(name)) {
            let message =
                "The legacy values of ExplicitAuthFlows cannot be combined with values that begin with ALLOW_.";
            return Err(Error::invalid_parameter(message));
        }
        Ok(names)
    }

    fn readable(&self, pool: &Pool) -> Result<Vec<String>, Error> {
        let schema = pool.schema();
        if self.read_attributes.iter().all(|name| schema.definition(name).is_some()) {
            return Ok(self.read_attributes.clone());
        }
        Err(Error::invalid_parameter("Invalid read attributes specified while creating a client"))
    }

    /// The list of what users may write through the client. What the pool requires must be on it, or nobody could sign up.
    fn writable(&self, pool: &Pool) -> Result<Vec<String>, Error> {
        let (schema, listed) = (pool.schema(), &self.write_attributes);
        let known =
            listed.iter().all(|name| schema.definition(name).is_some() && !is_written_by_the_service_alone(name));
        let mut required = schema.definitions().filter(|definition| definition.required);
        let complete = required
            .all(|definition| is_written_by_the_service_alone(&definition.name) || listed.contains(&definition.name));
        if listed.is_empty() || (known && complete) {
            return Ok(listed.clone());
        }
        Err(Error::invalid_parameter("Invalid write attributes specified while creating a client"))
    }

    fn sealed_secret(&self, cx: &Cx<'_>, key: &ClientKey) -> Result<Option<Vec<u8>>, Error> {
        let secret = match (&self.client_secret, self.generate_secret()) {
            (Some(_), true) => {
                return Err(Error::invalid_parameter("GenerateSecret and ClientSecret cannot be given together."));
            }
            (Some(given), false) => given.clone(),
            (None, true) => mint_client_secret(&cx.rng),
            (None, false) => return Ok(None),
        };
        Ok(Some(cx.sealer.seal(&key.encoded(), secret.as_bytes(), &cx.rng)))
    }
}
