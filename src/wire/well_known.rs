//! What verifiers fetch: a pool's public keys and its discovery document, under the pool's issuer.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use serde_json::json;

use super::Gate;
use crate::context::Cx;
use crate::domain::ids::PoolId;
use crate::error::Error;

pub fn router(gate: Arc<Gate>) -> Router {
    Router::new()
        .route("/{pool}/.well-known/jwks.json", get(keys))
        .route("/{pool}/.well-known/openid-configuration", get(discovery))
        .with_state(gate)
}

/// The pool's public keys (RFC 7517): the one for ID tokens, then the one for access tokens.
async fn keys(State(gate): State<Arc<Gate>>, Path(pool): Path<String>) -> Response {
    let keys = Cx::new(&gate.app.services).signing_keys(&PoolId(pool)).await;
    answer(keys.map(|found| Some(found?.published.clone())))
}

/// Discovery (OpenID Connect Discovery 1.0, section 3), as far as this server has what it speaks of.
async fn discovery(State(gate): State<Arc<Gate>>, Path(pool): Path<String>) -> Response {
    let cx = Cx::new(&gate.app.services);
    let found = match cx.pool(&pool).await {
        Err(Error::UserPoolDoesNotExist(_)) => Ok(None),
        other => other.map(Some),
    };
    answer(found.map(|pool| {
        let issuer = cx.issuer(&pool?.id);
        let document = json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
        });
        Some(document.to_string().into())
    }))
}

fn answer(document: Result<Option<Bytes>, Error>) -> Response {
    match document {
        Ok(Some(document)) => {
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
                (CACHE_CONTROL, "public, max-age=300"),
            ];
            (headers, document).into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::error!(cause = ?error, "a well-known document could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
