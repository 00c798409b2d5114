//! What a sign-up, a sign-in, a refresh and a read cost, beside the bare work that none of them can do without.
//!
//! `cargo bench` prints one table. The server is the real binary with its default settings; the load comes from this
//! process, closed loop, over gRPC, on the same cores. Compare figures within one run only: machines are shared and noisy.
//!
//! The sketch: a sign-up or sign-in is one argon2id hash (19 MiB, two passes: about 13 ms of a core) and for a sign-in two
//! RSA-2048 signatures (about 0.3 ms each), so two cores end near 140 a second whatever else is done well. A refresh is two
//! signatures: near 3,000 a second. GetUser is one verification (about 20 µs) and four reads: tens of thousands, of which
//! the client's half of the machine takes most.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::{self, auth_flow};
use cognate::app::Rpc;
use cognate::crypto::passwords::{PasswordHasher, Settings};
use cognate::crypto::sealing::Sealer;
use cognate::crypto::secret::Secret;
use cognate::crypto::signing;
use cognate::rng::Rng;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

const USERS: usize = 200;
const CONNECTIONS: usize = 4;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bare = bare_work().await;
        let folder = tempfile::tempdir().unwrap();
        let began = now();
        let server = Server::start(folder.path());
        let start_time = began.elapsed();
        let idle = server.memory_kib();
        let load = Load::connect(&server).await;

        let sign_ups = measure(&load, Work::SignUp, 16, USERS).await;
        let confirmations = measure(&load, Work::Confirm, 16, USERS).await;
        let sign_ins = measure(&load, Work::SignIn, 16, 3 * USERS).await;
        load.tokens.set(load.sign_in(0).await).unwrap();
        let refreshes = measure(&load, Work::Refresh, 32, 6_000).await;
        let reads = measure(&load, Work::GetUser, 64, 60_000).await;
        let guarded_reads = measure(&load, Work::AdminGetUser, 64, 60_000).await;

        println!("\n| what | rate | p50 | p99 | server CPU each | bare work |");
        println!("|---|---|---|---|---|---|");
        let hash = format!("one argon2 hash: {}", milliseconds(bare.hash));
        let signatures = format!("two RSA signatures: {}", milliseconds(2 * bare.signature));
        let both = format!("{hash}, {signatures}");
        let nothing = "-".to_owned();
        let rows = [
            ("sign-up", sign_ups, &hash),
            ("AdminConfirmSignUp", confirmations, &nothing),
            ("sign-in", sign_ins, &both),
            ("refresh", refreshes, &signatures),
            ("GetUser", reads, &nothing),
            ("AdminGetUser", guarded_reads, &nothing),
        ];
        for (name, figures, bare) in &rows {
            println!(
                "| {name} | {:.0}/s | {} | {} | {} | {bare} |",
                figures.rate,
                milliseconds(figures.percentile(50)),
                milliseconds(figures.percentile(99)),
                milliseconds(figures.server_cpu),
            );
        }
        let binary = std::fs::metadata(env!("CARGO_BIN_EXE_cognate")).unwrap().len();
        println!("\nfirst start, keys and clients made: {}", milliseconds(start_time));
        println!("resident memory: {} KiB idle, {} KiB after", idle, server.memory_kib());
        println!("binary: {:.1} MiB", binary as f64 / 1024.0 / 1024.0);
        drop(server);
        let began = now();
        let _again = Server::start(folder.path());
        println!("start on existing data: {}", milliseconds(began.elapsed()));
    });
}

/// The work that no implementation can avoid, each on one thread, nothing beside it.
struct Bare {
    hash: Duration,
    signature: Duration,
}

async fn bare_work() -> Bare {
    const HASHES: u32 = 40;
    const SIGNATURES: u32 = 1000;
    let rng = Rng::seeded(1);
    let settings =
        Settings { memory_kib: 19 * 1024, iterations: 2, threads: 1, queue_max: 1, wait_max: Duration::from_secs(60) };
    let hasher = PasswordHasher::start(settings, Secret::new([7; 32]), &rng).unwrap();
    let password = Secret::new("Passw0rd!".to_owned());
    let began = now();
    for _ in 0..HASHES {
        hasher.hash(&password, &rng).await.unwrap();
    }
    let hash = began.elapsed() / HASHES;

    let sealer = Sealer::new(&Secret::new([7; 32]));
    let record = signing::generate(&sealer, b"bench", &rng).unwrap();
    let keys = signing::SigningKeys::open(&sealer, b"bench", &record).unwrap();
    let began = now();
    for number in 0..SIGNATURES {
        keys.id.sign(&number.to_be_bytes()).unwrap();
    }
    Bare { hash, signature: began.elapsed() / SIGNATURES }
}

/// What a closed loop saw.
struct Figures {
    rate: f64,
    latencies: Vec<Duration>,
    server_cpu: Duration,
}

impl Figures {
    fn percentile(&self, percent: usize) -> Duration {
        self.latencies[(self.latencies.len() - 1) * percent / 100]
    }
}

/// What a caller does, over and over.
#[derive(Clone, Copy)]
enum Work {
    SignUp,
    /// A write of an operator: authenticated, decided by policy, committed with its audit record.
    Confirm,
    SignIn,
    Refresh,
    GetUser,
    /// A read of an operator.
    AdminGetUser,
}

/// `workers` callers, each calling again when it is answered, `calls` in all.
async fn measure(load: &Arc<Load>, work: Work, workers: usize, calls: usize) -> Figures {
    let next = Arc::new(AtomicUsize::new(0));
    let (cpu, began) = (load.server_cpu(), now());
    let mut callers = JoinSet::new();
    for _ in 0..workers {
        let (load, next) = (load.clone(), next.clone());
        callers.spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= calls {
                    return latencies;
                }
                let began = now();
                load.work(work, number).await;
                latencies.push(began.elapsed());
            }
        });
    }
    let mut latencies: Vec<Duration> = callers.join_all().await.into_iter().flatten().collect();
    let rate = calls as f64 / began.elapsed().as_secs_f64();
    latencies.sort();
    Figures { rate, latencies, server_cpu: (load.server_cpu() - cpu) / u32::try_from(calls).unwrap() }
}

/// A client of the server, on a few connections.
struct Load {
    server: u32,
    client_id: String,
    user_pool_id: String,
    basic: String,
    channels: Vec<Channel>,
    next: AtomicUsize,
    tokens: OnceLock<api::AuthenticationResult>,
}

impl Load {
    async fn connect(server: &Server) -> Arc<Self> {
        let fact = |path: &str| server.quickstart.pointer(path).unwrap().as_str().unwrap().to_owned();
        let endpoint = Endpoint::from_shared(fact("/endpoint")).unwrap();
        let mut channels = Vec::new();
        for _ in 0..CONNECTIONS {
            channels.push(endpoint.connect().await.unwrap());
        }
        let key = format!("{}:{}", fact("/access_key/access_key_id"), fact("/access_key/secret_access_key"));
        Arc::new(Load {
            server: server.process.id(),
            client_id: fact("/client_id"),
            user_pool_id: fact("/user_pool_id"),
            basic: format!("Basic {}", BASE64_STANDARD.encode(key)),
            channels,
            next: AtomicUsize::new(0),
            tokens: OnceLock::new(),
        })
    }

    async fn work(&self, work: Work, number: usize) {
        match work {
            Work::SignUp => self.sign_up(number).await,
            Work::Confirm => self.confirm(number).await,
            Work::SignIn => drop(self.sign_in(number % USERS).await),
            Work::Refresh => {
                let refresh_token = self.tokens.get().unwrap().refresh_token().to_owned();
                let parameters = [("REFRESH_TOKEN", refresh_token)];
                self.call(self.initiate_auth(auth_flow::Value::RefreshTokenAuth, parameters)).await;
            }
            Work::GetUser => {
                let access_token = self.tokens.get().unwrap().access_token().to_owned();
                self.call(api::GetUserRequest { access_token: Some(access_token) }).await;
            }
            Work::AdminGetUser => {
                let (user_pool_id, username) =
                    (Some(self.user_pool_id.clone()), Some(format!("user{}", number % USERS)));
                self.call(api::AdminGetUserRequest { user_pool_id, username }).await;
            }
        }
    }

    async fn sign_up(&self, number: usize) {
        let request = api::SignUpRequest {
            client_id: Some(self.client_id.clone()),
            username: Some(format!("user{number}")),
            password: Some("Passw0rd!".to_owned()),
            user_attributes: vec![api::Attribute {
                name: Some("email".to_owned()),
                value: Some(format!("user{number}@example.com")),
            }],
            ..Default::default()
        };
        self.call(request).await;
    }

    async fn confirm(&self, number: usize) {
        let request = api::AdminConfirmSignUpRequest {
            user_pool_id: Some(self.user_pool_id.clone()),
            username: Some(format!("user{number}")),
            ..Default::default()
        };
        self.call(request).await;
    }

    async fn sign_in(&self, number: usize) -> api::AuthenticationResult {
        let parameters = [("USERNAME", format!("user{number}")), ("PASSWORD", "Passw0rd!".to_owned())];
        let response = self.call(self.initiate_auth(auth_flow::Value::UserPasswordAuth, parameters)).await;
        response.authentication_result.unwrap()
    }

    fn initiate_auth<const N: usize>(
        &self,
        flow: auth_flow::Value,
        parameters: [(&str, String); N],
    ) -> api::InitiateAuthRequest {
        api::InitiateAuthRequest {
            client_id: Some(self.client_id.clone()),
            auth_flow: Some(flow.into()),
            auth_parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..Default::default()
        }
    }

    async fn call<R>(&self, request: R) -> R::Response
    where
        R: Rpc + prost::Message,
        R::Response: prost::Message + Default + 'static,
    {
        let channel = &self.channels[self.next.fetch_add(1, Ordering::Relaxed) % CONNECTIONS];
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(request);
        if R::OP.access() == api::Access::Operator {
            request.metadata_mut().insert("authorization", self.basic.parse().unwrap());
        }
        let path = http::uri::PathAndQuery::from_static(R::OP.path());
        client.unary(request, path, ProstCodec::default()).await.unwrap().into_inner()
    }

    /// The processor time that the server has used, by the system's account.
    fn server_cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.server)).unwrap();
        let after_name = stat.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        Duration::from_millis(ticks * 10) // a tick is a hundredth of a second on every Linux
    }
}

/// The real binary; it ends with this value.
struct Server {
    process: Child,
    quickstart: serde_json::Value,
}

impl Server {
    /// Starts the server and waits for it to listen.
    fn start(data: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_cognate"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("COGNATE_LOG", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = lines.map_while(Result::ok).find(|line| line.starts_with("Cognate listens on"));
        assert!(listening.is_some(), "the server did not start");
        let quickstart = std::fs::read_to_string(data.join("quickstart.json")).unwrap();
        Server { process, quickstart: serde_json::from_str(&quickstart).unwrap() }
    }

    fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1000.0)
}

#[expect(clippy::disallowed_methods, reason = "a bench measures the machine")]
fn now() -> Instant {
    Instant::now()
}
