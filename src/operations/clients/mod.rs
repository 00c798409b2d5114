//! The clients of a pool: applications that sign users in.

mod add_user_pool_client_secret;
mod create_user_pool_client;
mod delete_user_pool_client;
mod delete_user_pool_client_secret;
mod describe_user_pool_client;
mod list_user_pool_client_secrets;
mod list_user_pool_clients;
mod secrets;
mod settings;
mod update_user_pool_client;
mod verifiers;

use super::timestamp;
use crate::api::json::Named as _;
use crate::api::{self, explicit_auth_flows, feature, prevent_user_existence_error_types, time_units};
use crate::context::Cx;
use crate::context::clients::Client;
use crate::error::Error;

/// As many as Cognito allows.
pub const CLIENTS_PER_POOL_MAX: usize = 1000;

/// A client with every setting as it took effect, and the secret that it was made with. What was added is shown but once.
fn description(cx: &Cx<'_>, client: &Client) -> Result<api::UserPoolClient, Error> {
    let record = &client.record;
    let secret = cx.first_client_secret(client)?;
    let unit = |name: &Option<String>| name.as_deref().and_then(time_units::Value::number_of);
    let units = api::TokenValidityUnits {
        access_token: unit(&record.access_token_unit),
        id_token: unit(&record.id_token_unit),
        refresh_token: unit(&record.refresh_token_unit),
    };
    let flows = record.explicit_auth_flows.iter().filter_map(|name| explicit_auth_flows::Value::number_of(name));
    Ok(api::UserPoolClient {
        user_pool_id: Some(record.pool.clone()),
        client_name: Some(record.name.clone()),
        client_id: Some(record.id.clone()),
        client_secret: secret.and_then(|secret| String::from_utf8(secret.expose().clone()).ok()),
        last_modified_date: timestamp(record.modified_at),
        creation_date: timestamp(record.created_at),
        refresh_token_validity: Some(record.refresh_token_validity.filter(|number| *number != 0).unwrap_or(30)),
        access_token_validity: record.access_token_validity,
        id_token_validity: record.id_token_validity,
        token_validity_units: Some(units),
        read_attributes: record.read_attributes.clone(),
        write_attributes: record.write_attributes.clone(),
        explicit_auth_flows: flows.collect(),
        allowed_oauth_flows_user_pool_client: Some(false),
        prevent_user_existence_errors: record.hides_user_existence.map(|hides| match hides {
            true => prevent_user_existence_error_types::Value::Enabled.into(),
            false => prevent_user_existence_error_types::Value::Legacy.into(),
        }),
        enable_token_revocation: Some(record.token_revocation),
        auth_session_validity: Some(record.session_minutes),
        refresh_token_rotation: record.refresh_token_rotation.then(|| api::RefreshTokenRotation {
            feature: Some(feature::Value::Enabled.into()),
            retry_grace_period_seconds: i32::try_from(record.rotation_grace_seconds).ok(),
        }),
    })
}
