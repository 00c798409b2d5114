//! The settings of a client that can be changed, as both CreateUserPoolClient and UpdateUserPoolClient bring them.
//!
//! One mapping serves both, so that what an update leaves out falls back to just what a new client begins with.

use crate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use crate::api::json::Named as _;
use crate::api::{self, feature, prevent_user_existence_error_types, time_units};
use crate::context::clients::token_validity;
use crate::context::pools::Pool;
use crate::domain::attributes::is_written_by_the_service_alone;
use crate::domain::auth_flows::is_legacy;
use crate::error::Error;
use crate::operations::honour;
use crate::store::records;

/// How long a challenge waits for its answer unless the client says otherwise.
const SESSION_MINUTES: i32 = 3;

settings! {
    CreateUserPoolClientRequest, UpdateUserPoolClientRequest: {
        refresh_token_validity: Option<i32>,
        access_token_validity: Option<i32>,
        id_token_validity: Option<i32>,
        token_validity_units: Option<api::TokenValidityUnits>,
        read_attributes: Vec<String>,
        write_attributes: Vec<String>,
        explicit_auth_flows: Vec<i32>,
        supported_identity_providers: Vec<String>,
        default_redirect_uri: Option<String>,
        allowed_oauth_flows_user_pool_client: Option<bool>,
        prevent_user_existence_errors: Option<i32>,
        enable_token_revocation: Option<bool>,
        enable_propagate_additional_user_context_data: Option<bool>,
        auth_session_validity: Option<i32>,
        refresh_token_rotation: Option<api::RefreshTokenRotation>,
    }
}

/// What is being done to a client, for the caller to read.
#[derive(Clone, Copy)]
pub enum Doing {
    Creating,
    Updating,
}

impl Settings {
    pub fn refuse_what_is_not_honoured(&self) -> Result<(), Error> {
        honour("SupportedIdentityProviders", self.supported_identity_providers.iter().any(|name| name != "COGNITO"))?;
        honour("DefaultRedirectURI", self.default_redirect_uri.is_some())?;
        let uses_oauth = self.allowed_oauth_flows_user_pool_client.unwrap_or_default();
        honour("AllowedOAuthFlowsUserPoolClient", uses_oauth)?;
        let propagates = self.enable_propagate_additional_user_context_data.unwrap_or_default();
        honour("EnablePropagateAdditionalUserContextData", propagates)?;
        let flows = self.explicit_auth_flows.iter().filter_map(|number| ExplicitAuthFlow::try_from(*number).ok());
        for flow in flows {
            match flow {
                ExplicitAuthFlow::AdminNoSrpAuth
                | ExplicitAuthFlow::CustomAuthFlowOnly
                | ExplicitAuthFlow::UserPasswordAuth
                | ExplicitAuthFlow::AllowAdminUserPasswordAuth
                | ExplicitAuthFlow::AllowCustomAuth
                | ExplicitAuthFlow::AllowUserPasswordAuth
                | ExplicitAuthFlow::AllowUserSrpAuth
                | ExplicitAuthFlow::AllowRefreshTokenAuth
                | ExplicitAuthFlow::AllowUserAuth => {}
                other => return Err(Error::NotHonoured(format!("ExplicitAuthFlows {}", other.as_str_name()).into())),
            }
        }
        Ok(())
    }

    /// The record of a client with these settings, and with all else as it has it.
    pub fn of(self, pool: &Pool, doing: Doing, client: records::Client) -> Result<records::Client, Error> {
        let units = self.token_validity_units.unwrap_or_default();
        // A unit without a number has no effect, and what has none is not kept: it would be shown beside the default.
        let unit = |number: Option<i32>, unit: Option<i32>| {
            number.filter(|number| *number != 0).and(unit).and_then(time_units::Value::name_of).map(str::to_owned)
        };
        let hides = prevent_user_existence_error_types::Value::Enabled as i32;
        let explicit_auth_flows = self.flows()?;
        let rotation = self.rotation(&explicit_auth_flows)?;
        let (read_attributes, write_attributes) = (self.readable(pool, doing)?, self.writable(pool, doing)?);
        // No `..`: what is new in the record is a setting, or is kept.
        let record = records::Client {
            id: client.id,
            pool: client.pool,
            name: client.name,
            created_at: client.created_at,
            modified_at: client.modified_at,
            sealed_secret: client.sealed_secret,
            added_secrets: client.added_secrets,

            explicit_auth_flows,
            read_attributes,
            write_attributes,
            access_token_validity: self.access_token_validity,
            id_token_validity: self.id_token_validity,
            refresh_token_validity: self.refresh_token_validity,
            access_token_unit: unit(self.access_token_validity, units.access_token),
            id_token_unit: unit(self.id_token_validity, units.id_token),
            refresh_token_unit: unit(self.refresh_token_validity, units.refresh_token),
            hides_user_existence: self.prevent_user_existence_errors.map(|number| number == hides),
            token_revocation: self.enable_token_revocation.unwrap_or(true),
            session_minutes: self.auth_session_validity.unwrap_or(SESSION_MINUTES),
            refresh_token_rotation: rotation.is_some(),
            rotation_grace_seconds: rotation.unwrap_or_default(),
        };
        token_validity(&record)?;
        Ok(record)
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

    /// For how many seconds a replaced refresh token still serves, if they are replaced. A client has either this or
    /// REFRESH_TOKEN_AUTH, which replaces none (reference 4.8).
    fn rotation(&self, flows: &[String]) -> Result<Option<u32>, Error> {
        let rotation = self.refresh_token_rotation.unwrap_or_default();
        if rotation.feature() != feature::Value::Enabled {
            return Ok(None);
        }
        if flows.iter().any(|name| name == "ALLOW_REFRESH_TOKEN_AUTH") {
            let message = "RefreshTokenRotation cannot be enabled together with ALLOW_REFRESH_TOKEN_AUTH.";
            return Err(Error::invalid_parameter(message));
        }
        Ok(Some(u32::try_from(rotation.retry_grace_period_seconds()).unwrap_or_default()))
    }

    fn readable(&self, pool: &Pool, doing: Doing) -> Result<Vec<String>, Error> {
        let schema = pool.schema();
        if self.read_attributes.iter().all(|name| schema.definition(name).is_some()) {
            return Ok(self.read_attributes.clone());
        }
        Err(doing.refused("read"))
    }

    /// The list of what users may write through the client. What the pool requires must be on it, or nobody could sign up.
    fn writable(&self, pool: &Pool, doing: Doing) -> Result<Vec<String>, Error> {
        let (schema, listed) = (pool.schema(), &self.write_attributes);
        let known =
            listed.iter().all(|name| schema.definition(name).is_some() && !is_written_by_the_service_alone(name));
        let mut required = schema.definitions().filter(|definition| definition.required);
        let complete = required
            .all(|definition| is_written_by_the_service_alone(&definition.name) || listed.contains(&definition.name));
        if listed.is_empty() || (known && complete) {
            return Ok(listed.clone());
        }
        Err(doing.refused("write"))
    }
}

impl Doing {
    /// The refusal of a list of attributes.
    fn refused(self, list: &str) -> Error {
        let doing = match self {
            Doing::Creating => "creating",
            Doing::Updating => "updating",
        };
        Error::invalid_parameter(format!("Invalid {list} attributes specified while {doing} a client"))
    }
}
