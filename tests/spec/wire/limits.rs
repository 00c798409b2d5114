//! What a connection may cost. These wait for real time, since a connection's silence is no rule's time.

use cognate::api::{self, Op};
use cognate::config::Config;
use http::{Request, StatusCode, Version};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tonic::Code;
use tonic::transport::Endpoint;

use super::until_closed;
use crate::spec;
use crate::support::{Credential, START, Wire, World, at_once, raw};

async fn world(configure: impl FnOnce(&mut Config)) -> World {
    World::at(Wire::Json, START.parse().unwrap(), configure).await
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let world = world(|config| {
        config.handshake_timeout_seconds = 1;
        config.header_timeout_seconds = 600;
    })
    .await;
    assert_eq!(until_closed(&world, b"").await, "");
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_is_not_waited_for() {
    let world = World::with_tls(Wire::Json, |config, _| {
        config.handshake_timeout_seconds = 1;
        config.header_timeout_seconds = 600;
        config.idle_timeout_seconds = 600;
    });
    let world = world.await;
    // Nothing, and the beginning of a ClientHello.
    for said in [b"".as_slice(), b"\x16\x03\x01\x02\x00\x01\x00"] {
        assert_eq!(until_closed(&world, said).await, "");
    }
    // Who speaks plaintext to it hears no HTTP.
    let heard = until_closed(&world, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!heard.contains("HTTP"), "{heard}");
}

#[tokio::test]
async fn a_connection_that_says_half_a_head_is_closed() {
    let world = world(|config| {
        config.handshake_timeout_seconds = 600;
        config.header_timeout_seconds = 1;
    })
    .await;
    for said in ["GE", "POST / HTTP/1.1\r\nhost: x\r\n", "POST / HTTP/1.1\r\nx-amz-target: AWSCogn"] {
        let heard = until_closed(&world, said.as_bytes()).await;
        assert!(!heard.contains(" 200 "), "{said}: {heard}");
    }
}

#[tokio::test]
async fn a_connection_that_begins_like_http_2_and_falls_silent_is_closed() {
    let world = world(|config| config.handshake_timeout_seconds = 1).await;
    for said in ["P", "PRI * HTTP/2.0\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let heard = until_closed(&world, said.as_bytes()).await;
        assert!(!heard.starts_with("HTTP/1.1"), "{said}: {heard}");
    }
}

#[tokio::test]
async fn a_connection_that_falls_silent_between_requests_is_closed() {
    let world = world(|config| {
        config.request_timeout_seconds = 1;
        config.idle_timeout_seconds = 2;
        config.header_timeout_seconds = 1;
    })
    .await;
    let heard = until_closed(&world, b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(heard.starts_with("HTTP/1.1 404 "), "{heard}");
}

#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let world = world(|config| config.request_timeout_seconds = 1).await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
                x-amz-target: AWSCognitoIdentityProviderService.SignUp\r\ncontent-length: 10\r\n\r\n{";
    let heard = until_closed(&world, head.as_bytes()).await;
    assert!(heard.starts_with("HTTP/1.1 500 ") && heard.contains("The request timed out."), "{heard}");
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused_on_both_versions_of_http() {
    let world = world(|config| config.header_bytes_max = 16 * 1024).await;
    let get = async |version: Version, bytes: usize| {
        let client = Client::builder(TokioExecutor::new()).http2_only(version == Version::HTTP_2).build_http();
        let request = Request::builder().version(version).uri(format!("http://{}/x", world.address));
        let request = request.header("x-filling", "x".repeat(bytes)).body(Full::<bytes::Bytes>::default()).unwrap();
        client.request(request).await.map(|reply| reply.status())
    };
    for version in [Version::HTTP_11, Version::HTTP_2] {
        assert_eq!(get(version, 15 * 1024).await.unwrap(), StatusCode::NOT_FOUND, "{version:?}");
        assert_eq!(get(version, 17 * 1024).await.unwrap(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "{version:?}");
    }
}

spec! {
    async fn a_refusal_can_be_read_however_long_the_value_it_names(world: World) {
        for value in ["x", "é", "\u{1f511}", "%"] {
            let pool_name = Some(value.repeat(500_000 / value.len()));
            let request = api::CreateUserPoolRequest { pool_name, ..Default::default() };
            let refused = world.call(request).await.unwrap_err();
            assert_eq!(refused.exception, "InvalidParameterException");
            let named = format!("Value '{value}{value}");
            assert!(refused.message.contains(&named), "{value}: {} bytes", refused.message.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_carries_as_many_small_requests_at_once_as_it_may() {
    let world = World::at(Wire::Grpc, START.parse().unwrap(), |config| config.concurrent_streams_max = 1024).await;
    let channel = Endpoint::from_shared(format!("http://{}", world.address)).unwrap().connect().await.unwrap();
    let get_user = || {
        let request = api::GetUserRequest { access_token: Some("x".to_owned()) };
        raw::grpc_on::<_, api::GetUserResponse>(channel.clone(), Op::GetUser, &Credential::None, request)
    };
    for answer in at_once((0..1024).map(|_| get_user())).await {
        assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
    }
}
