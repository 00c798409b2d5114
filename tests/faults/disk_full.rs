//! A full disk: writing is refused, reading goes on, nothing acknowledged is lost, and a start on it works.
//!
//! Runs where `COGNATE_DISK_FULL_ROUNDS` says how often, on a file system in memory and on ext4 in turn.

use cognate::api::{self, Op, auth_flow};
use tonic_types::StatusExt as _;

use super::{disk, number, skipped};
use crate::disk::Disk;
use crate::ledger::{Ledger, Load, lasting};
use crate::support::fixtures::{PASSWORD, TestClient, initiate_auth};
use crate::support::process::Service;
use crate::support::{http, refusal};

const DISK_MEBIBYTES: u64 = 64;
const RESERVE_MEBIBYTES: u64 = 4;

/// Acknowledgements before the disk is filled.
const ACKNOWLEDGED: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let Some(rounds) = number("COGNATE_DISK_FULL_ROUNDS") else {
        return skipped("full disks", "COGNATE_DISK_FULL_ROUNDS does not say how many");
    };
    if let Some(reason) = disk::unavailable() {
        return skipped("full disks", reason);
    }
    for round in 0..rounds {
        fills_up(&if round % 2 == 0 { Disk::memory(DISK_MEBIBYTES) } else { Disk::ext4(DISK_MEBIBYTES) }).await;
    }
}

async fn fills_up(disk: &Disk) {
    let data = disk.path().join("data");
    let start = || {
        let mut command = lasting(&data);
        command.env("COGNATE_DISK_RESERVE_MIB", RESERVE_MEBIBYTES.to_string());
        Service::start(&mut command, &data)
    };
    let mut service = start();
    let client = service.quickstart.public();
    let tokens = signed_in(&service, &client).await;
    let mut load = Load::begin(&service, "user");
    load.acknowledges(ACKNOWLEDGED).await;
    // Others take the room little by little; the last write that is accepted leaves the reserve untouched.
    load.may_end();
    disk.fill_up_to(RESERVE_MEBIBYTES * 1024 * 1024 / 2);
    let accounts = load.accounts().await;
    reads_only(&service, &client, &tokens).await;
    service.process.logs("the disk is nearly full: writes are refused");

    disk.fill_up_to(0);
    reads_only(&service, &client, &tokens).await;
    service.process.terminate();
    assert!(service.process.end().success(), "{}", service.process.errors());
    let log = service.process.errors();
    assert_eq!(log.matches("nearly full: writes are refused").count(), 1, "it is said once: {log}");
    // On the full disk it starts, once and again, after an orderly end and after a kill.
    for _ in 0..3 {
        service = start();
        reads_only(&service, &client, &tokens).await;
        service.process.kill();
    }
    service = start();
    reads_only(&service, &client, &tokens).await;
    disk.empty();
    service.caller.call(client.sign_up_request("late")).await.unwrap();
    service.process.logs("the disk has room again");
    let mut ledger = Ledger::new(&data, &data.join("audit"));
    // These two were signed up beside the ledger.
    ledger.knows_of_others(2);
    ledger.settles(&service, accounts).await;
    println!("a disk was full: {}", ledger.concludes(service).await);
}

/// Tokens that will be shown while the disk is full.
async fn signed_in(service: &Service, client: &TestClient) -> api::AuthenticationResult {
    service.caller.call(client.sign_up_request("early")).await.unwrap();
    let (user_pool_id, username) = (Some(client.pool.clone()), Some("early".to_owned()));
    let confirmation = api::AdminConfirmSignUpRequest { user_pool_id, username, ..Default::default() };
    service.caller.call(confirmation).await.unwrap();
    let signed_in = service.caller.call(client.password_request("early", PASSWORD)).await.unwrap();
    signed_in.authentication_result.unwrap()
}

/// Tokens are checked and records read; what writes is refused, on both wires, in words.
async fn reads_only(service: &Service, client: &TestClient, tokens: &api::AuthenticationResult) {
    const TOLD: &str = "The server has no room to store this.";
    let request = api::GetUserRequest { access_token: tokens.access_token.clone() };
    assert_eq!(service.caller.call(request).await.unwrap().username, "early");
    let (user_pool_id, username) = (Some(client.pool.clone()), Some("early".to_owned()));
    service.caller.call(api::AdminGetUserRequest { user_pool_id, username }).await.unwrap();
    let keys = http::get(&service.address, &format!("/{}/.well-known/jwks.json", client.pool)).await;
    assert_eq!(keys.status, 200);
    // A refresh keeps its token, and so writes nothing.
    let parameters = [("REFRESH_TOKEN", tokens.refresh_token().to_owned())];
    let refresh = initiate_auth(client, auth_flow::Value::RefreshTokenAuth, parameters);
    assert!(service.caller.call(refresh).await.unwrap().authentication_result.is_some());

    // A sign-in counts its attempt before anything else.
    let status = service.caller.call(client.password_request("early", PASSWORD)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (tonic::Code::ResourceExhausted, TOLD));
    let request = client.sign_up_request("nobody");
    let status = service.caller.call(request.clone()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (tonic::Code::ResourceExhausted, TOLD));
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "INTERNAL_ERROR");
    let target = format!("AWSCognitoIdentityProviderService.{}", Op::SignUp.name());
    let headers = [("content-type", "application/x-amz-json-1.1".to_owned()), ("x-amz-target", target)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value));
    let reply = http::post(&service.address, "/", &headers, serde_json::to_vec(&request).unwrap()).await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.refusal(), refusal("InternalErrorException", TOLD));
}
