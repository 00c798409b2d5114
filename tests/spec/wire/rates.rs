//! How often those who bring no credential may call: from an address, for a client, for a pool.

use std::time::Duration;

use cognate::api::{self, Access, Op};
use cognate::app::Rpc;
use cognate::config::Config;
use serde_json::json;
use tonic_types::StatusExt as _;

use super::call_headers;
use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::{Credential, Refusal, START, Wire, World, http, raw, refusal, refusal_of};

const WIRES: [Wire; 2] = [Wire::Grpc, Wire::Json];

const SECOND: Duration = Duration::from_secs(1);

/// A world whose proxy is this machine, with limits that the test chooses; others hold nobody up.
pub async fn behind_a_proxy(wire: Wire, configure: impl FnOnce(&mut Config)) -> World {
    World::at(wire, START.parse().unwrap(), |config| {
        config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
        configure(config);
    })
    .await
}

/// What came of a call, and how long to wait before the next.
pub type Answer = Result<(), (Refusal, Option<Duration>)>;

/// Calls an operation with a message of any type and more headers.
pub async fn call_with<Q>(
    world: &World,
    op: Op,
    credential: &Credential,
    more: &[(&'static str, &str)],
    message: Q,
) -> Answer
where
    Q: prost::Message + serde::Serialize + 'static,
{
    match world.wire {
        Wire::Grpc => {
            let channel = raw::channel_to(world.address_of(op)).await;
            let answer = raw::grpc_with::<Q, ()>(channel, op, credential, more, message).await;
            answer.map_err(|status| {
                let wait = status.get_error_details().retry_info().and_then(|retry| retry.retry_delay);
                (refusal_of(&status), wait)
            })
        }
        Wire::Json => {
            let (address, body) = (world.address_of(op), serde_json::to_vec(&message).unwrap());
            let mut headers = call_headers(op.name());
            headers.extend(raw::aws_headers(address, &headers, &body, credential, world.now(), &world.config.region));
            headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
            let reply = http::post(address, "/", &headers, body).await;
            if reply.status == 200 {
                return Ok(());
            }
            let number = |name| reply.header(name).map(|text| text.parse::<u64>().unwrap());
            let (wait, seconds) = (number("x-amz-retry-after"), number("retry-after"));
            assert_eq!(seconds, wait.map(|milliseconds| milliseconds.div_ceil(1000)));
            Err((reply.refusal(), wait.map(Duration::from_millis)))
        }
    }
}

/// Asks for a code for somebody whom nobody knows, by way of these proxies. An answer means that the request has passed.
pub async fn passes(world: &World, client: &TestClient, forwarded: &[(&'static str, &str)]) -> bool {
    let (client_id, username) = (Some(client.id.clone()), Some("nobody".to_owned()));
    let request = api::ForgotPasswordRequest { client_id, username, ..Default::default() };
    match call_with(world, Op::ForgotPassword, &Credential::None, forwarded, request).await {
        Err((refused, _)) if refused == unknown() => true,
        Err((refused, Some(_))) if refused == too_many() => false,
        other => panic!("{other:?}"),
    }
}

/// The same, from an address beyond the proxy.
async fn passes_from(world: &World, client: &TestClient, address: &str) -> bool {
    passes(world, client, &[("x-forwarded-for", address)]).await
}

fn unknown() -> Refusal {
    refusal("UserNotFoundException", "Username/client id combination not found.")
}

fn too_many() -> Refusal {
    refusal("TooManyRequestsException", "Rate exceeded")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_its_burst_and_then_its_rate_and_others_have_their_own() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            (config.address_requests_per_minute, config.address_requests_burst) = (30, 3);
        });
        let world = world.await;
        let client = world.app_client().await;
        for (address, another) in [("198.51.100.7", "198.51.100.8"), ("2001:db8::7", "2001:db8:0:1::7")] {
            for _ in 0..3 {
                assert!(passes_from(&world, &client, address).await);
            }
            assert!(!passes_from(&world, &client, address).await);
            assert!(passes_from(&world, &client, another).await);
            world.advance(2 * SECOND - Duration::from_millis(1));
            assert!(!passes_from(&world, &client, address).await);
            world.advance(Duration::from_millis(1));
            assert!(passes_from(&world, &client, address).await);
            assert!(!passes_from(&world, &client, address).await);
        }
        assert!(!passes_from(&world, &client, "2001:db8::ffff:1").await, "one network of 64 bits is one address");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_refused_is_told_how_long_to_wait_and_no_password_was_looked_at() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            (config.address_requests_per_minute, config.address_requests_burst) = (24, 1);
        });
        let world = world.await;
        let client = world.app_client().await;
        let from: [(&'static str, &str); 1] = [("x-forwarded-for", "198.51.100.7")];
        assert!(passes(&world, &client, &from).await);
        world.advance(Duration::from_millis(900));
        let hashes = world.hashes_evaluated();
        let request = world.password_request(&client, "alice", PASSWORD);
        assert_eq!(
            call_with(&world, Op::InitiateAuth, &Credential::None, &from, request).await,
            Err((too_many(), Some(Duration::from_millis(1600))))
        );
        assert_eq!(world.hashes_evaluated(), hashes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_operations_without_a_credential_share_the_count_of_an_address_and_no_other_operation_has_one() {
    for wire in WIRES {
        let world = World::at(wire, START.parse().unwrap(), |config| {
            (config.address_requests_per_minute, config.address_requests_burst) = (1, 1);
            config.limit_loopback = true;
        });
        let world = world.await;
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        let tokens = world.sign_in(&client, "alice").await;
        for op in Op::ALL.iter().copied() {
            // A message that lacks everything; what is refused here is refused before that is seen.
            let answer = call_with(&world, op, &Credential::None, &[], api::GetUserRequest::default()).await;
            let is_refused = answer.is_err_and(|(refused, _)| refused == too_many());
            let is_open = matches!(op.access(), Access::Anyone | Access::SignedInOrInChallenge);
            assert_eq!(is_refused, is_open, "{}", op.name());
        }
        for _ in 0..10 {
            world.get_user(tokens.access_token()).await.unwrap();
            world.admin_get_user(&client.pool, "alice").await.unwrap();
        }
        world.advance(60 * SECOND);
        world.sign_in(&client, "alice").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_machine_is_not_counted_unless_that_is_asked_for_whoever_is_at_the_other_end() {
    for wire in WIRES {
        for limit_loopback in [false, true] {
            let world = behind_a_proxy(wire, |config| {
                config.limit_loopback = limit_loopback;
                (config.address_requests_burst, config.client_requests_burst) = (1, 2);
                (config.address_requests_per_minute, config.client_requests_per_minute) = (1, 1);
            });
            let world = world.await;
            let client = world.app_client().await;
            for from in [&[][..], &[("x-forwarded-for", "127.9.9.9")], &[("x-forwarded-for", "::1")]] {
                passes(&world, &client, from).await;
                passes(&world, &client, from).await;
                assert_eq!(passes(&world, &client, from).await, !limit_loopback, "{from:?}");
            }
            // Who comes by a proxy on this machine is not of this machine.
            passes_from(&world, &client, "198.51.100.7").await;
            assert!(!passes_from(&world, &client, "198.51.100.7").await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_and_a_pool_have_rates_whatever_addresses_the_requests_come_from() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            config.address_requests_per_minute = 0;
            (config.client_requests_per_minute, config.client_requests_burst) = (60, 3);
            (config.pool_requests_per_minute, config.pool_requests_burst) = (30, 5);
        });
        let world = world.await;
        let (client, elsewhere) = (world.app_client().await, world.app_client().await);
        let sibling = world.client(&client.pool, |_| {}).await;
        let mut number = 0;
        let mut passes = async |client: &TestClient| {
            number += 1;
            passes_from(&world, client, &format!("198.51.100.{number}")).await
        };
        for _ in 0..3 {
            assert!(passes(&client).await);
        }
        assert!(!passes(&client).await, "of the client");
        assert!(passes(&sibling).await && passes(&sibling).await);
        assert!(!passes(&sibling).await, "of the pool");
        assert!(passes(&elsewhere).await);
        world.advance(SECOND);
        assert!(!passes(&client).await, "of the pool still");
        world.advance(SECOND);
        assert!(passes(&client).await);
        // Operators are not counted, not even where they speak for users.
        for _ in 0..10 {
            world.admin_get_user(&client.pool, "nobody").await.unwrap_err();
        }
        // A client that does not exist has no count.
        let nobodys = TestClient { id: "0123456789abcdefghijklmnop".into(), ..client.clone() };
        let absent = format!("User pool client {} does not exist.", nobodys.id);
        for _ in 0..9 {
            let (client_id, username) = (Some(nobodys.id.clone()), Some("nobody".to_owned()));
            let request = api::ForgotPasswordRequest { client_id, username, ..Default::default() };
            let from: [(&'static str, &str); 1] = [("x-forwarded-for", "198.51.100.200")];
            let answer = call_with(&world, Op::ForgotPassword, &Credential::None, &from, request).await;
            assert_eq!(answer, Err((refusal("ResourceNotFoundException", &absent), None)));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_limits_nobody_is_counted() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            config.address_requests_per_minute = 0;
            config.client_requests_per_minute = 0;
            config.pool_requests_per_minute = 0;
            config.address_requests_burst = 1;
            config.client_requests_burst = 1;
            config.pool_requests_burst = 1;
        });
        let world = world.await;
        let client = world.app_client().await;
        for _ in 0..20 {
            assert!(passes_from(&world, &client, "198.51.100.7").await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_of_confirmation_counts_as_the_operation_that_it_is() {
    let world = World::at(Wire::Json, START.parse().unwrap(), |config| {
        (config.address_requests_per_minute, config.address_requests_burst) = (1, 2);
        config.limit_loopback = true;
    });
    let world = world.await;
    let client = world.app_client().await;
    let path = format!("/{}/confirmUser?client_id={}&user_name=nobody&confirmation_code=1", client.pool, client.id);
    for status in [400, 400, 503] {
        assert_eq!(http::get(&world.address, &path).await.status, status);
    }
    // Who only reads what is public is not counted.
    let keys = format!("/{}/.well-known/jwks.json", client.pool);
    assert_eq!(http::get(&world.address, &keys).await.status, 200);
    assert!(!passes(&world, &client, &[]).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_from_one_address_does_not_fill_the_audit_trail() {
    for wire in WIRES {
        let world = behind_a_proxy(wire, |config| {
            (config.address_requests_per_minute, config.address_requests_burst) = (1, 1);
        });
        let world = world.await;
        let client = world.app_client().await;
        for attempt in 0..5 {
            assert_eq!(passes_from(&world, &client, "198.51.100.7").await, attempt == 0);
        }
        let trail = world.audit().await;
        let written = trail.iter().filter(|line| line["eventName"] == api::ForgotPasswordRequest::OP.name());
        let written: Vec<_> = written.map(|line| &line["errorCode"]).collect();
        assert_eq!(written, [&json!("UserNotFoundException")]);
    }
}
