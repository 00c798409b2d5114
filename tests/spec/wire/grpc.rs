//! The gRPC wire, below the operations: errors' details, reflection, health, deadlines, and which paths reach anything.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::{self, Op};
use http::Method;
use http::uri::PathAndQuery;
use tonic::codegen::tokio_stream;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use super::until_closed;
use crate::support::{Credential, START, Wire, World, http as plain, raw, refusal_of};

async fn world() -> World {
    World::new(Wire::Grpc).await
}

async fn channel(world: &World) -> Channel {
    Endpoint::from_shared(format!("http://{}", world.address)).unwrap().connect().await.unwrap()
}

/// Calls any path with any metadata.
async fn call<Q, A>(world: &World, path: &str, metadata: &[(&str, &str)], message: Q) -> Result<A, Status>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let mut client = tonic::client::Grpc::new(channel(world).await);
    client.ready().await.unwrap();
    let metadata = metadata.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    let metadata = MetadataMap::from_headers(metadata);
    let request = tonic::Request::from_parts(metadata, tonic::Extensions::default(), message);
    let path: PathAndQuery = path.parse().unwrap();
    client.unary(request, path, ProstCodec::<Q, A>::default()).await.map(tonic::Response::into_inner)
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{id}:{secret}")))
}

fn operators(world: &World) -> String {
    basic(&world.operator.id, &world.operator.secret)
}

const LIST: &str = "/cognate.v1.PoolService/ListUserPools";

fn one_pool() -> api::ListUserPoolsRequest {
    api::ListUserPoolsRequest { max_results: Some(1), next_token: None }
}

/// Lists pools with this `authorization`: the code and the exception of the refusal, if it is one.
async fn list_with(world: &World, authorization: &str) -> Result<(), (Code, String)> {
    let listed =
        call::<_, api::ListUserPoolsResponse>(world, LIST, &[("authorization", authorization)], one_pool()).await;
    listed.map(|_| ()).map_err(|status| (status.code(), refusal_of(&status).exception))
}

// ---- errors ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn an_error_carries_its_name_as_google_does() {
    let world = world().await;
    let request = api::SignUpRequest {
        client_id: Some("nobody".to_owned()),
        username: Some("alice".to_owned()),
        password: Some("Passw0rd!".to_owned()),
        ..Default::default()
    };
    let status =
        raw::grpc::<_, api::SignUpResponse>(&world.address, Op::SignUp, &Credential::None, request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::NotFound, "User pool client nobody does not exist."));
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("RESOURCE_NOT_FOUND", "cognate"));
    let name = [("exception".to_owned(), "ResourceNotFoundException".to_owned())];
    assert_eq!(info.metadata.clone().into_iter().collect::<Vec<_>>(), name);
    assert!(details.bad_request().is_none() && details.retry_info().is_none());
}

#[tokio::test]
async fn violations_are_told_one_by_one_with_their_paths() {
    let world = world().await;
    let request = api::SignUpRequest {
        client_id: Some("c".to_owned()),
        username: Some(String::new()),
        user_attributes: vec![api::Attribute::default()],
        ..Default::default()
    };
    let status =
        raw::grpc::<_, api::SignUpResponse>(&world.address, Op::SignUp, &Credential::None, request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let details = status.get_error_details();
    let violations: Vec<(&str, &str)> = details
        .bad_request()
        .unwrap()
        .field_violations
        .iter()
        .map(|violation| (violation.field.as_str(), violation.description.as_str()))
        .collect();
    assert_eq!(
        violations,
        [
            ("username", "Member must have length greater than or equal to 1"),
            ("username", "Member must satisfy regular expression pattern: [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+"),
            ("userAttributes.1.member.name", "Member must not be null"),
        ]
    );
    assert_eq!(details.error_info().unwrap().reason, "INVALID_PARAMETER");
}

#[tokio::test]
async fn a_number_that_no_enum_has_is_quoted() {
    let world = world().await;
    for number in [0, 99, -1] {
        let request =
            api::InitiateAuthRequest { client_id: Some("c".to_owned()), auth_flow: Some(number), ..Default::default() };
        let reply =
            raw::grpc::<_, api::InitiateAuthResponse>(&world.address, Op::InitiateAuth, &Credential::None, request);
        assert_eq!(
            reply.await.unwrap_err().message(),
            format!(
                "1 validation error detected: Value '{number}' at 'authFlow' failed to satisfy constraint: Member must \
                 satisfy enum value set: [USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, \
                 ADMIN_NO_SRP_AUTH, USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH, USER_AUTH]"
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_kind_of_refusal_has_its_canonical_code() {
    let world = world().await;
    let pool = world.pool(|_| {}).await;
    let describe = |id: &str| api::DescribeUserPoolRequest { user_pool_id: Some(id.to_owned()) };
    let operator = Credential::AccessKey(world.operator.clone());
    let code = async |credential: &Credential, request| {
        let reply =
            raw::grpc::<_, api::DescribeUserPoolResponse>(&world.address, Op::DescribeUserPool, credential, request);
        reply.await.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    assert_eq!(code(&operator, describe(&pool)).await, Code::Ok);
    assert_eq!(code(&operator, describe("us-east-1_Nowhere12")).await, Code::NotFound);
    assert_eq!(code(&operator, describe("nonsense")).await, Code::InvalidArgument);
    assert_eq!(code(&Credential::None, describe(&pool)).await, Code::Unauthenticated);
    let request = api::CreateUserPoolRequest {
        pool_name: Some("p".to_owned()),
        user_pool_add_ons: Some(api::NotHonoured {}),
        ..Default::default()
    };
    let reply = raw::grpc::<_, api::CreateUserPoolResponse>(&world.address, Op::CreateUserPool, &operator, request);
    assert_eq!(reply.await.unwrap_err().code(), Code::Unimplemented);
}

// ---- credentials ----------------------------------------------------------------------------------------------------

#[tokio::test]
async fn an_access_key_goes_as_basic_metadata_over_loopback() {
    let world = world().await;
    assert_eq!(list_with(&world, &operators(&world)).await, Ok(()));
    let (_, encoded) = operators(&world).split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert_eq!(list_with(&world, &format!("bAsIc {encoded}")).await, Ok(()), "the scheme has no case");
}

#[tokio::test]
async fn a_credential_that_is_odd_in_any_way_is_refused() {
    let world = world().await;
    let missing = Err((Code::Unauthenticated, "MissingAuthenticationTokenException".to_owned()));
    let unrecognised = Err((Code::Unauthenticated, "UnrecognizedClientException".to_owned()));
    let (id, secret) = (world.operator.id.clone(), world.operator.secret.clone());
    let encoded = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
    for value in ["", "Basic", "Bearer abc", "Digest x", "Basicx"] {
        assert_eq!(list_with(&world, value).await, missing, "{value}");
    }
    for value in [
        "Basic !!!".to_owned(),
        "Basic =".to_owned(),
        encoded(&id),
        encoded(&format!("{id}:")),
        encoded(&format!(":{secret}")),
        encoded(&format!("{id}:{secret} ")),
        encoded(&format!("{id}:{secret}:x")),
        encoded(&format!("{}:{secret}", id.to_lowercase())),
        format!("Basic {}", BASE64_STANDARD.encode([0xFF, 0xFE])),
    ] {
        assert_eq!(list_with(&world, &value).await, unrecognised, "{value}");
    }
    let right = operators(&world);
    let mut two = MetadataMap::new();
    two.append("authorization", right.parse().unwrap());
    two.append("authorization", right.parse().unwrap());
    let mut client = tonic::client::Grpc::new(channel(&world).await);
    client.ready().await.unwrap();
    let request = tonic::Request::from_parts(two, tonic::Extensions::default(), one_pool());
    let codec = ProstCodec::<_, api::ListUserPoolsResponse>::default();
    let reply = client.unary(request, PathAndQuery::from_static(LIST), codec).await;
    assert_eq!(refusal_of(&reply.unwrap_err()).exception, "MissingAuthenticationTokenException", "two credentials");
}

// ---- paths ----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_path_that_merely_looks_like_an_operation_reaches_nothing() {
    let world = world().await;
    let before = pools(&world).await;
    for path in [
        "/cognate.v1.PoolService/Nonsense",
        "/cognate.v1.PoolService/createUserPool",
        "/cognate.v1.poolservice/CreateUserPool",
        "/cognate.v1.Nonsense/CreateUserPool",
        "//cognate.v1.PoolService/CreateUserPool",
        "/cognate.v1.PoolService//CreateUserPool",
        "/cognate.v1.PoolService/CreateUserPool/",
        "/cognate.v1.PoolService%2FCreateUserPool",
        "/cognate.v1.PoolService/Create%55serPool",
        "/./cognate.v1.PoolService/CreateUserPool",
        "/cognate.v1.PoolService/CreateUserPool;x",
        "/cognate.v1.UserService/CreateUserPool",
        "/CreateUserPool",
    ] {
        let request = api::CreateUserPoolRequest { pool_name: Some("p".to_owned()), ..Default::default() };
        let authorization = operators(&world);
        let metadata = [("authorization", authorization.as_str())];
        let reply = call::<_, api::CreateUserPoolResponse>(&world, path, &metadata, request).await;
        assert_eq!(reply.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
    assert_eq!(pools(&world).await, before);
}

async fn pools(world: &World) -> usize {
    let request = api::ListUserPoolsRequest { max_results: Some(60), next_token: None };
    world.call(request).await.unwrap().user_pools.len()
}

#[tokio::test]
async fn a_path_with_a_query_is_no_operation() {
    let world = world().await;
    let path = format!("{LIST}?access=ANYONE");
    let authorization = operators(&world);
    for metadata in [&[][..], &[("authorization", authorization.as_str())]] {
        let reply = call::<_, api::ListUserPoolsResponse>(&world, &path, metadata, one_pool()).await;
        assert_eq!(reply.unwrap_err().code(), Code::Unimplemented);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_methods_and_content_types_reach_nothing() {
    let world = world().await;
    let message = |bytes: &[u8]| [&[0, 0, 0, 0, u8::try_from(bytes.len()).unwrap()], bytes].concat();
    // Field 1, a string of one letter: a pool's name.
    let body = message(b"\x0A\x01p");
    let path = "/cognate.v1.PoolService/CreateUserPool";
    let headers = |kind: &str| {
        vec![("content-type".to_owned(), kind.to_owned()), ("authorization".to_owned(), operators(&world))]
    };
    // As it should be, to see that the rest of this test would create pools.
    plain::request(Method::POST, &world.address, path, &headers("application/grpc"), body.clone()).await;
    assert_eq!(pools(&world).await, 1);
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH] {
        let reply =
            plain::request(method.clone(), &world.address, path, &headers("application/grpc"), body.clone()).await;
        assert_eq!((reply.header("grpc-status"), pools(&world).await), (Some("12"), 1), "{method}");
    }
    for kind in ["application/json", "text/plain", "application/x-amz-json-1.1", ""] {
        let reply = plain::request(Method::POST, &world.address, path, &headers(kind), body.clone()).await;
        assert_eq!((reply.header("grpc-status"), pools(&world).await), (Some("12"), 1), "{kind}");
    }
}

// ---- bounds ---------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_deadline_that_has_passed_ends_the_call() {
    let world = World::at(Wire::Grpc, START.parse().unwrap(), |config| {
        // The server's own limit is far away, and a connection that waits for it is closed without an answer.
        config.request_timeout_seconds = 600;
        config.idle_timeout_seconds = 5;
    })
    .await;
    // The message is announced and never sent; a generated client would keep its deadline by itself.
    let head = "POST /cognate.v1.UserService/SignUp HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                content-type: application/grpc\r\ngrpc-timeout: 1n\r\ncontent-length: 100\r\n\r\n";
    let heard = until_closed(&world, head.as_bytes()).await;
    assert!(heard.contains("grpc-status: 4\r\n"), "{heard}");
}

#[tokio::test]
async fn a_message_may_have_the_configured_bytes_and_not_one_more() {
    const MAX: usize = 4096;
    let world = World::at(Wire::Grpc, START.parse().unwrap(), |config| config.body_bytes_max = MAX).await;
    let sized = |length: usize| {
        let request = |filling: usize| api::RevokeTokenRequest {
            client_id: Some("nobody".to_owned()),
            token: Some("x".repeat(filling)),
            ..Default::default()
        };
        // The filling's length takes two bytes from 128 on.
        let empty = prost::Message::encoded_len(&request(1000)) - 1000;
        request(length - empty)
    };
    let code = async |length: usize| {
        let request = sized(length);
        assert_eq!(prost::Message::encoded_len(&request), length);
        let reply =
            raw::grpc::<_, api::RevokeTokenResponse>(&world.address, Op::RevokeToken, &Credential::None, request);
        reply.await.unwrap_err().code()
    };
    assert_eq!(code(MAX).await, Code::NotFound, "the client is unknown, so the message was read");
    assert_eq!(code(MAX + 1).await, Code::OutOfRange);
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let world = world().await;
    // Field 1 as a number, where the contract has text.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Mistyped {
        #[prost(uint64, tag = "1")]
        client_id: u64,
    }
    let reply =
        raw::grpc::<_, api::SignUpResponse>(&world.address, Op::SignUp, &Credential::None, Mistyped { client_id: 1 });
    assert_eq!(reply.await.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn fields_that_the_contract_lacks_are_ignored() {
    let world = world().await;
    #[derive(Clone, PartialEq, prost::Message)]
    struct Newer {
        #[prost(int32, tag = "2")]
        max_results: i32,
        #[prost(string, tag = "4000")]
        unknown: String,
    }
    let request = Newer { max_results: 1, unknown: "x".to_owned() };
    let operator = Credential::AccessKey(world.operator.clone());
    let reply = raw::grpc::<_, api::ListUserPoolsResponse>(&world.address, Op::ListUserPools, &operator, request).await;
    assert_eq!(reply.unwrap(), api::ListUserPoolsResponse::default());
}

// ---- reflection and health ------------------------------------------------------------------------------------------

macro_rules! reflected {
    ($version:ident, $world:expr, $asked:expr) => {{
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::{ServerReflectionRequest, server_reflection_response::MessageResponse};
        let asked: fn() -> MessageRequest = $asked;
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(asked()) };
        let mut client = ServerReflectionClient::new(channel($world).await);
        let mut replies = client.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
        match replies.message().await.unwrap().unwrap().message_response.unwrap() {
            MessageResponse::ListServicesResponse(list) => {
                list.service.into_iter().map(|service| service.name.into_bytes()).collect::<Vec<_>>()
            }
            MessageResponse::FileDescriptorResponse(files) => files.file_descriptor_proto,
            other => panic!("{other:?}"),
        }
    }};
}

#[tokio::test]
async fn reflection_lists_the_services_in_both_versions() {
    let world = world().await;
    let sorted = |mut names: Vec<Vec<u8>>| {
        names.sort();
        names.into_iter().map(|name| String::from_utf8(name).unwrap()).collect::<Vec<_>>()
    };
    let common =
        ["cognate.v1.AdminService", "cognate.v1.PoolService", "cognate.v1.UserService", "grpc.health.v1.Health"];
    let v1 = sorted(reflected!(v1, &world, || MessageRequest::ListServices(String::new())));
    assert_eq!(v1, [&common[..], &["grpc.reflection.v1.ServerReflection"]].concat());
    let v1alpha = sorted(reflected!(v1alpha, &world, || MessageRequest::ListServices(String::new())));
    assert_eq!(v1alpha, [&common[..], &["grpc.reflection.v1alpha.ServerReflection"]].concat());
}

#[tokio::test]
async fn reflection_gives_the_contract_with_its_annotations() {
    let world = world().await;
    let files = reflected!(v1, &world, || {
        MessageRequest::FileContainingSymbol("cognate.v1.AdminService.AdminConfirmSignUp".to_owned())
    });
    let file = <prost_types::FileDescriptorProto as prost::Message>::decode(files[0].as_slice()).unwrap();
    assert_eq!(file.name(), "cognate/v1/admin_service.proto");
    assert!(file.service[0].method.iter().any(|method| method.name() == "AdminConfirmSignUp"));
    // `access` (50001) = OPERATOR (4), which prost's own types would drop.
    let access = [0x88, 0xB5, 0x18, 0x04];
    assert!(files[0].windows(access.len()).any(|bytes| bytes == access));
}

#[tokio::test]
async fn health_answers_for_the_server_and_for_each_service() {
    let world = world().await;
    let mut client = HealthClient::new(channel(&world).await);
    let mut answers = BTreeMap::new();
    let mut services: Vec<&str> = Op::ALL.iter().map(|op| op.service()).collect();
    services.push("");
    for service in services {
        let reply = client.check(HealthCheckRequest { service: service.to_owned() }).await.unwrap().into_inner();
        answers.insert(service, reply.status());
    }
    let expected = ["", "cognate.v1.AdminService", "cognate.v1.PoolService", "cognate.v1.UserService"];
    assert_eq!(answers, expected.map(|service| (service, ServingStatus::Serving)).into());
    let unknown = client.check(HealthCheckRequest { service: "cognate.v1.Nonsense".to_owned() }).await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}
