//! More passwords than can be hashed: who waits, who is refused, and what that costs.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cognate::api::{self, Op};
use cognate::config::Config;
use cognate::crypto::places::Place;
use cognate::domain::ids::{PoolId, Sub};
use cognate::domain::source::Source;
use cognate::store::{AttemptsKey, AuditKey, Batch, Key as _, Owner, UsernameKey, records};
use tokio::task::JoinHandle;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_types::StatusExt as _;

use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::process::eventually;
use crate::support::{Credential, Refusal, START, Wire, World, http, raw, refusal, refusal_of};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

const USERS: [&str; 3] = ["alice", "bob", "carol"];

/// A world with three users, in which every place to hash is taken until the storm ends.
struct Storm {
    world: World,
    client: TestClient,
    subs: Vec<String>,
    held: Mutex<Vec<Place>>,
}

impl Storm {
    /// At most `queue_max` can wait.
    async fn new(wire: Wire, queue_max: usize, configure: impl FnOnce(&mut Config)) -> Arc<Self> {
        let world = World::at(wire, START.parse().unwrap(), |config| {
            config.password_hash_queue_max = queue_max;
            config.password_hash_wait_seconds = 3600;
            configure(config);
        });
        let world = world.await;
        // Without mail nothing is written by itself.
        let pool = world.pool(|request| request.auto_verified_attributes.clear()).await;
        let client = world.client(&pool, |_| {}).await;
        let mut subs = Vec::new();
        for username in USERS {
            subs.push(world.sign_up(&client, username).await.user_sub);
            world.confirm_by_operator(&pool, username).await;
        }
        // Nor is anything else, once the trail has what those calls left in the store for it.
        while !world.app.services.store.list::<AuditKey>(AuditKey::PREFIX, None, 1).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        let mut held = Vec::new();
        let passwords = &world.app.services.passwords;
        while let Ok(Ok(place)) = tokio::time::timeout(Duration::ZERO, passwords.place(Source::Process, None)).await {
            held.push(place);
        }
        Arc::new(Storm { world, client, subs, held: Mutex::new(held) })
    }

    /// Signs in from a loopback address.
    async fn sign_in(&self, from: IpAddr, username: &str) -> Result<(), Refusal> {
        let request = self.client.password_request(username, PASSWORD);
        match self.world.wire {
            Wire::Grpc => {
                let endpoint = Endpoint::from_shared(format!("http://{}", self.world.address)).unwrap();
                let channel = endpoint.local_address(Some(from)).connect().await.unwrap();
                let answer = raw::grpc_on(channel, Op::InitiateAuth, &Credential::None, request).await;
                answer.map(|_: api::InitiateAuthResponse| ()).map_err(|status| {
                    if status.code() == Code::ResourceExhausted {
                        let retry = status.get_error_details().retry_info().cloned().unwrap();
                        assert_eq!(retry.retry_delay, Some(Duration::from_secs(1)));
                    }
                    refusal_of(&status)
                })
            }
            Wire::Json => {
                let headers = [
                    ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
                    ("x-amz-target".to_owned(), "AWSCognitoIdentityProviderService.InitiateAuth".to_owned()),
                ];
                let body = serde_json::to_vec(&request).unwrap();
                let reply = http::post_from(from, &self.world.address, &headers, body).await;
                let answer = if reply.status == 200 { Ok(()) } else { Err(reply.refusal()) };
                let delay = (answer == Err(too_many())).then_some("1000");
                assert_eq!((reply.header("x-amz-retry-after"), reply.status == 400), (delay, answer.is_err()));
                answer
            }
        }
    }

    /// Begins to sign in, and is seen to wait.
    async fn comes(self: &Arc<Self>, from: IpAddr, username: &'static str) -> JoinHandle<Result<(), Refusal>> {
        let (storm, waiting) = (self.clone(), self.waiting());
        let signing_in = tokio::spawn(async move { storm.sign_in(from, username).await });
        self.wait_for(waiting + 1).await;
        signing_in
    }

    fn waiting(&self) -> usize {
        self.world.app.services.passwords.waiting()
    }

    async fn wait_for(&self, waiting: usize) {
        eventually(&format!("{waiting} who wait"), || (self.waiting() == waiting).then_some(())).await;
    }

    /// The threads are free again.
    fn ends(&self) {
        self.held.lock().unwrap().clear();
    }

    /// How many batches were committed, this one with them.
    async fn commits(&self) -> u64 {
        let store = &self.world.app.services.store;
        let key = UsernameKey { pool: PoolId("us-east-1_Counting1".into()), name: "commits".into() };
        let mut batch = Batch::default();
        batch.put(&key, &records::NameOwner { sub: String::new() });
        store.commit(batch).await.unwrap();
        store.get(&key.encoded()).await.unwrap().unwrap().version
    }

    /// How many attempts are counted for each user.
    async fn failures(&self) -> Vec<u32> {
        let mut failures = Vec::new();
        for sub in &self.subs {
            let owner = Owner { pool: PoolId(self.client.pool.clone()), sub: Sub::parse(sub).unwrap() };
            let counted = self.world.app.services.store.read(&AttemptsKey { owner }).await.unwrap();
            failures.push(counted.map_or(0, |attempts| attempts.failures));
        }
        failures
    }
}

fn too_many() -> Refusal {
    refusal("TooManyRequestsException", "Rate exceeded")
}

const WIRES: [Wire; 2] = [Wire::Grpc, Wire::Json];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_at_once_and_nothing_was_written() {
    for wire in WIRES {
        let storm = Storm::new(wire, 2, |_| {}).await;
        let (alice, bob) = (storm.comes(HERE, "alice").await, storm.comes(HERE, "bob").await);
        let (commits, hashes) = (storm.commits().await, storm.world.hashes_evaluated());
        for _ in 0..3 {
            assert_eq!(storm.sign_in(HERE, "carol").await, Err(too_many()));
        }
        assert_eq!(storm.commits().await, commits + 1);
        assert_eq!((storm.failures().await, storm.world.hashes_evaluated()), (vec![0; 3], hashes));
        storm.ends();
        assert_eq!((alice.await.unwrap(), bob.await.unwrap()), (Ok(()), Ok(())));
        assert_eq!(storm.sign_in(HERE, "carol").await, Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_cannot_crowd_out_another() {
    for wire in WIRES {
        let storm = Storm::new(wire, 3, |_| {}).await;
        let mut crowd = Vec::new();
        for username in USERS {
            crowd.push(storm.comes(HERE, username).await);
        }
        let (elsewhere, commits) = (storm.clone(), storm.commits().await);
        let other = tokio::spawn(async move { elsewhere.sign_in(ELSEWHERE, "alice").await });
        // Somebody of the crowd gives way, who has written nothing.
        eventually("one who gives way", || crowd.iter().any(JoinHandle::is_finished).then_some(())).await;
        assert_eq!((storm.commits().await, storm.waiting()), (commits + 1, 3));
        storm.ends();
        assert_eq!(other.await.unwrap(), Ok(()));
        let mut answers = Vec::new();
        for signing_in in crowd {
            answers.push(signing_in.await.unwrap());
        }
        answers.sort_by_key(|answer| answer.is_err());
        assert_eq!(answers, [Ok(()), Ok(()), Err(too_many())]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_cannot_crowd_out_another() {
    for wire in WIRES {
        let storm = Storm::new(wire, 3, |_| {}).await;
        let mut crowd = Vec::new();
        for _ in 0..3 {
            crowd.push(storm.comes(HERE, "alice").await);
        }
        assert_eq!(storm.sign_in(HERE, "alice").await, Err(too_many()));
        let other = storm.clone();
        let other = tokio::spawn(async move { other.sign_in(HERE, "bob").await });
        eventually("one who gives way", || crowd.iter().any(JoinHandle::is_finished).then_some(())).await;
        storm.ends();
        assert_eq!(other.await.unwrap(), Ok(()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_waited_too_long_is_refused_and_has_written_nothing() {
    for wire in WIRES {
        let storm = Storm::new(wire, 3, |config| config.password_hash_wait_seconds = 0).await;
        let commits = storm.commits().await;
        assert_eq!(storm.sign_in(HERE, "alice").await, Err(too_many()));
        assert_eq!((storm.commits().await, storm.waiting()), (commits + 1, 0));
        assert_eq!(storm.failures().await, [0; 3]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_frees_the_place() {
    for wire in WIRES {
        let storm = Storm::new(wire, 1, |_| {}).await;
        let alice = storm.comes(HERE, "alice").await;
        alice.abort();
        storm.wait_for(0).await;
        let bob = storm.comes(HERE, "bob").await;
        storm.ends();
        assert_eq!(bob.await.unwrap(), Ok(()));
        assert_eq!(storm.failures().await, [0; 3]);
    }
}
