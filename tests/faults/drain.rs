//! SIGTERM under load, on both wires: what was acknowledged is there, what had no answer was not done, and no connection is
//! torn.
//!
//! `COGNATE_DRAIN_ROUNDS` says how often (3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use cognate::api::{self, Op};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::number;
use crate::ledger::lasting;
use crate::support::fixtures::TestClient;
use crate::support::process::{Caller, Service};
use crate::support::refusal_of;

/// Callers at once on each wire.
const CALLERS: usize = 6;

/// Acknowledgements before the signal.
const ACKNOWLEDGED: usize = 120;

/// How a caller met the end of the service.
#[derive(Debug, Default)]
struct End {
    acknowledged: Vec<String>,
    /// Asked for, and not answered.
    unanswered: Option<String>,
    how: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_loses_nothing_and_tears_no_connection() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (mut answered, mut unanswered) = (0, 0);
    for round in 0..number("COGNATE_DRAIN_ROUNDS").unwrap_or(3) {
        let mut service = Service::start(&mut lasting(&data), &data);
        let (acknowledge, mut acknowledged) = mpsc::unbounded_channel();
        let stopping = Arc::<AtomicBool>::default();
        let mut callers = JoinSet::new();
        for number in 0..CALLERS {
            let (name, client) = (format!("user-{round}-{number}"), service.quickstart.public());
            let (grpc, json) = (service.caller.clone(), connected(&service.address).await);
            callers.spawn(over_grpc(
                grpc,
                client.clone(),
                format!("{name}-grpc"),
                acknowledge.clone(),
                stopping.clone(),
            ));
            let address = service.address.clone();
            callers.spawn(over_json(json, address, client, format!("{name}-json"), acknowledge.clone()));
        }
        for _ in 0..ACKNOWLEDGED {
            acknowledged.recv().await.unwrap();
        }
        stopping.store(true, Ordering::SeqCst);
        service.process.terminate();
        let ends = callers.join_all().await;
        assert!(service.process.end().success(), "{}", service.process.errors());
        let log = service.process.errors();
        assert!(!log.contains("still in flight"), "{log}");

        let mut service = Service::start(&mut lasting(&data), &data);
        for end in ends {
            for name in &end.acknowledged {
                assert!(exists(&service, name).await, "{name} was acknowledged and is not there");
            }
            if let Some(name) = &end.unanswered {
                assert!(!exists(&service, name).await, "{name} was done without an answer: {}", end.how);
            }
            answered += end.acknowledged.len();
            unanswered += usize::from(end.unanswered.is_some());
        }
        service.process.kill();
    }
    println!("{answered} requests were answered, {unanswered} were refused and not done; no connection was torn");
}

async fn exists(service: &Service, name: &str) -> bool {
    let (user_pool_id, username) = (Some(service.quickstart.user_pool_id.clone()), Some(name.to_owned()));
    match service.caller.call(api::AdminGetUserRequest { user_pool_id, username }).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(refusal_of(&status).exception, "UserNotFoundException");
            false
        }
    }
}

/// Signs users up until the service wants no more. All share one connection.
async fn over_grpc(
    caller: Caller,
    client: TestClient,
    prefix: String,
    acknowledge: mpsc::UnboundedSender<()>,
    stopping: Arc<AtomicBool>,
) -> End {
    let mut end = End::default();
    loop {
        let name = format!("{prefix}-{}", end.acknowledged.len());
        match caller.call(client.sign_up_request(&name)).await {
            Ok(_) => {
                end.acknowledged.push(name);
                let _ = acknowledge.send(());
            }
            Err(status) => {
                let how = format!("{status:?}");
                assert!(stopping.load(Ordering::SeqCst), "{how}");
                // Never sent, since the connection had been closed in order; told to go elsewhere; or nobody listens.
                let is_in_order = ["(Canceled, ", "GoAway", "ConnectionRefused"].iter().any(|part| how.contains(part));
                assert!(is_in_order, "a connection was torn: {how}");
                return End { unanswered: Some(name), how, ..end };
            }
        }
    }
}

async fn connected(address: &str) -> SendRequest<Full<Bytes>> {
    let (sender, connection) = handshake(TokioIo::new(TcpStream::connect(address).await.unwrap())).await.unwrap();
    // Its failure is its sender's.
    tokio::spawn(connection);
    sender
}

/// Signs users up over one connection until the service closes it after an answer.
async fn over_json(
    mut sender: SendRequest<Full<Bytes>>,
    address: String,
    client: TestClient,
    prefix: String,
    acknowledge: mpsc::UnboundedSender<()>,
) -> End {
    let mut end = End::default();
    while sender.ready().await.is_ok() {
        let name = format!("{prefix}-{}", end.acknowledged.len());
        let request = Request::post("/")
            .header("host", &address)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AWSCognitoIdentityProviderService.{}", Op::SignUp.name()))
            .body(Full::from(serde_json::to_vec(&client.sign_up_request(&name)).unwrap()))
            .unwrap();
        match sender.send_request(request).await {
            Ok(response) => {
                assert_eq!(response.status(), 200);
                response.into_body().collect().await.unwrap();
                end.acknowledged.push(name);
                let _ = acknowledge.send(());
            }
            // It was never sent: the connection had been closed after the answer before.
            Err(error) if error.is_canceled() => return End { unanswered: Some(name), how: error.to_string(), ..end },
            Err(error) => panic!("a connection was torn: {error:?}"),
        }
    }
    end
}
