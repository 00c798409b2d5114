//! What verifiers fetch: keys and discovery.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use http::Method;
use serde_json::json;

use crate::support::fixtures::claims;
use crate::support::http as plain;
use crate::support::{Wire, World};

async fn world() -> World {
    World::new(Wire::Json).await
}

/// A token's header.
fn header(token: &str) -> serde_json::Value {
    let encoded = token.split('.').next().unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_publishes_the_two_keys_that_its_tokens_name() {
    let world = world().await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let tokens = world.sign_in(&client, "alice").await;
    let reply = plain::get(&world.address, &format!("/{}/.well-known/jwks.json", client.pool)).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));

    let document = reply.json();
    assert_eq!(document.as_object().unwrap().len(), 1);
    let keys = document["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    for key in keys {
        let members: BTreeSet<&str> = key.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"].into());
        assert_eq!((&key["alg"], &key["kty"], &key["use"]), (&json!("RS256"), &json!("RSA"), &json!("sig")));
        assert_eq!(key["e"], "AQAB");
        let kid = key["kid"].as_str().unwrap();
        assert_eq!((kid.len(), BASE64_STANDARD.decode(kid).unwrap().len()), (44, 32));
        assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap().len(), 256, "2048 bits");
    }
    let named: Vec<_> = [tokens.id_token(), tokens.access_token()].map(|token| header(token)["kid"].clone()).to_vec();
    assert_eq!(named, [keys[0]["kid"].clone(), keys[1]["kid"].clone()]);
    assert_ne!(named[0], named[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_pools_share_a_key() {
    let world = world().await;
    let mut ids = BTreeSet::new();
    for pool in [world.pool(|_| {}).await, world.pool(|_| {}).await] {
        let reply = plain::get(&world.address, &format!("/{pool}/.well-known/jwks.json")).await;
        ids.extend(reply.json()["keys"].as_array().unwrap().iter().map(|key| key["kid"].to_string()));
    }
    assert_eq!(ids.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery_names_the_issuer_that_tokens_have() {
    let world = world().await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let tokens = world.sign_in(&client, "alice").await;
    let reply = plain::get(&world.address, &format!("/{}/.well-known/openid-configuration", client.pool)).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    let issuer = format!("http://cognate.test/{}", client.pool);
    assert_eq!(
        reply.json(),
        json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
        })
    );
    for token in [tokens.id_token(), tokens.access_token()] {
        assert_eq!(claims(token)["iss"], issuer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_outlive_a_restart() {
    let world = world().await;
    let path = format!("/{}/.well-known/jwks.json", world.pool(|_| {}).await);
    let before = plain::get(&world.address, &path).await.json();
    let world = world.restarted().await;
    assert_eq!(plain::get(&world.address, &path).await.json(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_not_found() {
    let world = world().await;
    let pool = world.pool(|_| {}).await;
    for path in [
        "/us-east-1_Nowhere12/.well-known/jwks.json".to_owned(),
        "/us-east-1_Nowhere12/.well-known/openid-configuration".to_owned(),
        format!("/{}/.well-known/jwks.json", pool.to_uppercase()),
        format!("/{pool}/.well-known/"),
        format!("/{pool}/.well-known/nonsense"),
        format!("/{pool}/x/../.well-known/jwks.json"),
        format!("/{pool}"),
        "/.well-known/jwks.json".to_owned(),
        "/%00/.well-known/jwks.json".to_owned(),
    ] {
        assert_eq!(plain::get(&world.address, &path).await.status, 404, "{path}");
    }
    let path = format!("/{pool}/.well-known/jwks.json");
    let posted = plain::request(Method::POST, &world.address, &path, &[], b"{}".to_vec()).await;
    assert_eq!(posted.status, 405);
}
