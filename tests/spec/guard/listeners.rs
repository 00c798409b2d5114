//! Two listeners: users and operators never share a port.

use cognate::api::{self, Op};
use serde_json::json;

use crate::support::{Credential, Wire, World, http, raw};

async fn world() -> World {
    let start = crate::support::START.parse().unwrap();
    World::at(Wire::Grpc, start, |config| config.operator_listen = Some("127.0.0.1:0".parse().unwrap())).await
}

/// Whether an operation exists at an address, on both wires.
async fn is_served(address: &str, op: Op) -> bool {
    let status = raw::grpc::<(), ()>(address, op, &Credential::None, ()).await.unwrap_err();
    let over_grpc = status.code() != tonic::Code::Unimplemented;
    let headers = [
        ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target".to_owned(), format!("AWSCognitoIdentityProviderService.{}", op.name())),
    ];
    let reply = http::post(address, "/", &headers, b"{}".to_vec()).await;
    let over_json = reply.json()["__type"] != "UnknownOperationException";
    assert_eq!(over_grpc, over_json, "{}", op.name());
    over_grpc
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_operation_is_served_at_one_of_two_addresses() {
    let world = world().await;
    let operators = world.operator_address.clone().unwrap();
    for op in Op::ALL {
        let is_users = op.service() == "cognate.v1.UserService";
        assert_eq!(is_served(&world.address, *op).await, is_users, "{}", op.name());
        assert_eq!(is_served(&operators, *op).await, !is_users, "{}", op.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_do_their_work_and_the_documents_are_where_users_are() {
    let world = world().await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    world.confirm_by_operator(&client.pool, "alice").await;
    world.sign_in(&client, "alice").await;
    let keys = format!("/{}/.well-known/jwks.json", client.pool);
    assert_eq!(http::get(&world.address, &keys).await.status, 200);
    assert_eq!(http::get(world.operator_address.as_ref().unwrap(), &keys).await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_right_signature_at_the_wrong_address_is_for_no_operation() {
    let world = world().await;
    let body = json!({"MaxResults": 1}).to_string().into_bytes();
    let mut headers = vec![
        ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target".to_owned(), "AWSCognitoIdentityProviderService.ListUserPools".to_owned()),
    ];
    let operator = Credential::AccessKey(world.operator.clone());
    headers.extend(raw::aws_headers(&world.address, &headers, &body, &operator, world.now(), "us-east-1"));
    let reply = http::post(&world.address, "/", &headers, body).await;
    assert_eq!(reply.json()["__type"], "UnknownOperationException");
    let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
    world.call(request).await.unwrap();
}
