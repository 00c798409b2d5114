//! What verifiers fetch: a pool's public keys and its discovery document, under the pool's issuer.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::{Value, json};

use super::Gate;
use crate::context::Cx;
use crate::crypto::signing::JsonWebKey;
use crate::domain::ids::PoolId;
use crate::error::Error;
use crate::store::SigningKeysKey;

pub fn router(gate: Gate) -> Router {
    Router::new()
        .route("/{pool}/.well-known/jwks.json", get(keys))
        .route("/{pool}/.well-known/openid-configuration", get(discovery))
        .with_state(gate)
}

/// The pool's public keys (RFC 7517): the one for ID tokens, then the one for access tokens.
async fn keys(State(gate): State<Gate>, Path(pool): Path<String>) -> Response {
    let services = &gate.app.services;
    let keys = services.store.read(&SigningKeysKey { pool: PoolId(pool) }).await;
    answer(keys.map_err(Error::from).map(|found| {
        let record = found?.record;
        let keys: Vec<JsonWebKey> = [&record.id, &record.access].into_iter().flatten().map(JsonWebKey::from).collect();
        Some(json!({ "keys": keys }))
    }))
}

/// Discovery (OpenID Connect Discovery 1.0, section 3), as far as this server has what it speaks of.
async fn discovery(State(gate): State<Gate>, Path(pool): Path<String>) -> Response {
    let cx = Cx::new(&gate.app.services);
    let found = match cx.pool(&pool).await {
        Err(Error::UserPoolDoesNotExist(_)) => Ok(None),
        other => other.map(Some),
    };
    answer(found.map(|pool| {
        let issuer = cx.issuer(&pool?.id);
        Some(json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
        }))
    }))
}

fn answer(document: Result<Option<Value>, Error>) -> Response {
    match document {
        Ok(Some(document)) => {
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                (CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, document.to_string()).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(cause = ?error, "a well-known document could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
