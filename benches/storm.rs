//! What the server does when far more passwords come than it can hash: who is refused and how soon, what it costs in memory,
//! and whether everything else stays quick.
//!
//! `cargo bench --bench storm` prints a summary and fails if a sign-in fails for any reason but the two that are documented
//! (the queue is full, or the wait was too long), or if memory grows beyond its bound. The server is the real binary with its
//! default settings; the load comes from this process, over gRPC, on the same cores.
//!
//! The sketch: two cores hash some 140 passwords a second, so 1,500 sign-ins a second are ten times too many. 512 wait, at most
//! five seconds; the rest is told so after no more work than a few reads.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::{self, auth_flow};
use cognate::app::Rpc;
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

const USERS: usize = 100;

/// Sign-ins at one time in the greatest storm.
const AT_ONCE: usize = 10_000;

/// How long a sign-in may wait, by default.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// What the server may take of memory then.
const RESIDENT_MAX_KIB: u64 = 256 * 1024;

fn main() -> ExitCode {
    // Ten thousand connections are as many open files.
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    let _ = setrlimit(Resource::Nofile, files);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(folder.path());
        let load = Arc::new(Load::new(&server));
        load.make_users().await;
        println!("\n| what | OK | refused | other | p50 | p99 | greatest | resident memory |");
        println!("|---|---|---|---|---|---|---|---|");
        let mut failed = 0;

        let idle = load.while_calm(Duration::from_secs(5)).await;
        idle.iter().for_each(|(name, calls)| calls.print(&format!("{name}, nothing else to do"), &server));

        let (sign_ins, others) = load.while_saturated(32, Duration::from_secs(10)).await;
        sign_ins.print("sign-in, 32 at a time", &server);
        others.iter().for_each(|(name, calls)| calls.print(&format!("{name} meanwhile"), &server));
        failed += sign_ins.other();
        let ratio = others["GetUser"].percentile(99).as_secs_f64() / idle["GetUser"].percentile(99).as_secs_f64();

        let (sign_ins, others) = load.while_it_pours(1_500, Duration::from_secs(8)).await;
        sign_ins.print("sign-in, 1,500 a second", &server);
        let at_once = |duration: &Duration| *duration < WAIT_MAX;
        sign_ins.refusals(at_once).print("of these, refused by a full queue", &server);
        sign_ins.refusals(|duration| !at_once(duration)).print("of these, refused after too long a wait", &server);
        others.iter().for_each(|(name, calls)| calls.print(&format!("{name} meanwhile"), &server));
        failed += sign_ins.other();

        let sign_ins = load.all_at_once(40).await;
        sign_ins.print("sign-in, 10,000 at once on 40 connections", &server);
        failed += sign_ins.other();
        let peak = server.memory_kib("VmHWM:");
        // HTTP/2 has three buffers for each connection, 28 KiB together, whatever comes over it: their sizes are fixed in h2.
        let sign_ins = load.all_at_once(AT_ONCE).await;
        sign_ins.print("sign-in, on a connection each", &server);
        failed += sign_ins.other();
        println!("\nGetUser's p99 while sign-in is saturated: {ratio:.1} times that of idle");
        println!("resident memory at its greatest: {} MiB with 10,000 sign-ins", peak / 1024);
        println!("and {} MiB with as many connections", server.memory_kib("VmHWM:") / 1024);
        if failed > 0 || peak > RESIDENT_MAX_KIB {
            println!(
                "FAILED: {failed} calls ended otherwise than documented, {peak} of at most {RESIDENT_MAX_KIB} KiB"
            );
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    })
}

/// How calls ended, and after how long.
#[derive(Default)]
struct Calls(Vec<(Result<(), Code>, Duration)>);

impl Calls {
    fn count(&self, is_it: impl Fn(&Result<(), Code>) -> bool) -> usize {
        self.0.iter().filter(|(end, _)| is_it(end)).count()
    }

    /// How many ended neither well nor by a documented refusal.
    fn other(&self) -> usize {
        self.count(|end| !matches!(end, Ok(()) | Err(Code::ResourceExhausted)))
    }

    /// Those refused after a time that `is_it`.
    fn refusals(&self, is_it: impl Fn(&Duration) -> bool) -> Calls {
        Calls(self.0.iter().filter(|(end, duration)| end.is_err() && is_it(duration)).copied().collect())
    }

    fn percentile(&self, percent: usize) -> Duration {
        let mut durations: Vec<Duration> = self.0.iter().map(|(_, duration)| *duration).collect();
        durations.sort();
        durations.get(durations.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
    }

    fn print(&self, name: &str, server: &Server) {
        let refused = self.count(|end| *end == Err(Code::ResourceExhausted));
        let duration = |percent| format!("{:.2} ms", self.percentile(percent).as_secs_f64() * 1000.0);
        let (ok, other, resident) = (self.count(Result::is_ok), self.other(), server.memory_kib("VmRSS:") / 1024);
        let [p50, p99, greatest] = [50, 99, 100].map(duration);
        println!("| {name} | {ok} | {refused} | {other} | {p50} | {p99} | {greatest} | {resident} MiB |");
    }
}

/// A client of the server.
struct Load {
    endpoint: String,
    client_id: String,
    user_pool_id: String,
    basic: String,
    next: AtomicUsize,
}

impl Load {
    fn new(server: &Server) -> Self {
        let fact = |path: &str| server.quickstart.pointer(path).unwrap().as_str().unwrap().to_owned();
        let key = format!("{}:{}", fact("/access_key/access_key_id"), fact("/access_key/secret_access_key"));
        Load {
            endpoint: fact("/endpoint"),
            client_id: fact("/client_id"),
            user_pool_id: fact("/user_pool_id"),
            basic: format!("Basic {}", BASE64_STANDARD.encode(key)),
            next: AtomicUsize::new(0),
        }
    }

    /// A connection from a loopback address of its own, as far as there are some.
    async fn connect(&self, number: usize) -> Channel {
        let from = Ipv4Addr::new(127, 0, 0, u8::try_from(2 + number % 250).unwrap());
        let endpoint = Endpoint::from_shared(self.endpoint.clone()).unwrap();
        endpoint.local_address(Some(from.into())).connect().await.unwrap()
    }

    async fn make_users(self: &Arc<Self>) {
        let channel = self.connect(0).await;
        for number in 0..USERS {
            let sign_up = api::SignUpRequest {
                client_id: Some(self.client_id.clone()),
                username: Some(format!("user{number}")),
                password: Some("Passw0rd!".to_owned()),
                ..Default::default()
            };
            self.call(&channel, sign_up).await.unwrap();
            let confirm = api::AdminConfirmSignUpRequest {
                user_pool_id: Some(self.user_pool_id.clone()),
                username: Some(format!("user{number}")),
                ..Default::default()
            };
            self.call(&channel, confirm).await.unwrap();
        }
    }

    /// What else a server is asked, by one caller each, closed loop, until it is enough.
    async fn others(self: &Arc<Self>, tokens: &api::AuthenticationResult, enough: Arc<AtomicBool>) -> Others {
        let mut callers = JoinSet::new();
        for name in ["GetUser", "refresh", "JWKS"] {
            let (load, enough, channel) = (self.clone(), enough.clone(), self.connect(0).await);
            let (access_token, refresh_token) = (tokens.access_token.clone(), tokens.refresh_token().to_owned());
            let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
                .build_http::<http_body_util::Full<bytes::Bytes>>();
            let jwks: http::Uri =
                format!("{}/{}/.well-known/jwks.json", load.endpoint, load.user_pool_id).parse().unwrap();
            callers.spawn(async move {
                let mut calls = Calls::default();
                while !enough.load(Ordering::Relaxed) {
                    let began = now();
                    let end = match name {
                        "GetUser" => {
                            let request = api::GetUserRequest { access_token: access_token.clone() };
                            load.call(&channel, request).await.map(|_| ())
                        }
                        "refresh" => {
                            let parameters = [("REFRESH_TOKEN", refresh_token.clone())];
                            let request = load.initiate_auth(auth_flow::Value::RefreshTokenAuth, parameters);
                            load.call(&channel, request).await.map(|_| ())
                        }
                        _ => match http.get(jwks.clone()).await {
                            Ok(reply) if reply.status().is_success() => Ok(()),
                            _ => Err(Status::unavailable("no JWKS")),
                        },
                    };
                    calls.0.push((end.map_err(|status| status.code()), began.elapsed()));
                    // A caller, not a flood: what is asked of the server stays the same, whatever else it does.
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                (name, calls)
            });
        }
        callers.join_all().await.into_iter().collect()
    }

    async fn while_calm(self: &Arc<Self>, time: Duration) -> Others {
        self.beside(async { tokio::time::sleep(time).await }).await.1
    }

    /// `callers` who sign in, each again when it is answered.
    async fn while_saturated(self: &Arc<Self>, callers: usize, time: Duration) -> (Calls, Others) {
        let sign_ins = async {
            let (mut signing_in, until) = (JoinSet::new(), now() + time);
            for number in 0..callers {
                let (load, channel) = (self.clone(), self.connect(number).await);
                signing_in.spawn(async move {
                    let mut calls = Calls::default();
                    while now() < until {
                        calls.0.push(load.timed_sign_in(&channel).await);
                    }
                    calls
                });
            }
            Calls(signing_in.join_all().await.into_iter().flat_map(|calls| calls.0).collect())
        };
        self.beside(sign_ins).await
    }

    /// So many sign-ins a second, whatever becomes of the earlier ones, from many addresses.
    async fn while_it_pours(self: &Arc<Self>, a_second: u32, time: Duration) -> (Calls, Others) {
        const CONNECTIONS: usize = 50;
        let sign_ins = async {
            let mut channels = Vec::new();
            for number in 0..CONNECTIONS {
                channels.push(self.connect(number).await);
            }
            let (mut signing_in, began) = (JoinSet::new(), now());
            let mut sent = 0;
            while began.elapsed() < time {
                while f64::from(sent) < began.elapsed().as_secs_f64() * f64::from(a_second) {
                    let (load, channel) = (self.clone(), channels[sent as usize % CONNECTIONS].clone());
                    signing_in.spawn(async move { load.timed_sign_in(&channel).await });
                    sent += 1;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Calls(signing_in.join_all().await)
        };
        self.beside(sign_ins).await
    }

    /// [`AT_ONCE`] sign-ins at the same moment.
    async fn all_at_once(self: &Arc<Self>, connections: usize) -> Calls {
        let mut channels = Vec::new();
        for number in 0..connections {
            channels.push(self.connect(number).await);
        }
        let mut signing_in = JoinSet::new();
        for number in 0..AT_ONCE {
            let (load, channel) = (self.clone(), channels[number % connections].clone());
            signing_in.spawn(async move { load.timed_sign_in(&channel).await });
        }
        Calls(signing_in.join_all().await)
    }

    /// Does something, and asks for the rest meanwhile.
    async fn beside<T>(self: &Arc<Self>, work: impl Future<Output = T>) -> (T, Others) {
        let channel = self.connect(0).await;
        let tokens = self.sign_in(&channel).await.unwrap().authentication_result.unwrap();
        let enough = Arc::new(AtomicBool::new(false));
        let others = self.others(&tokens, enough.clone());
        let work = async {
            let done = work.await;
            enough.store(true, Ordering::Relaxed);
            done
        };
        tokio::join!(work, others)
    }

    async fn timed_sign_in(&self, channel: &Channel) -> (Result<(), Code>, Duration) {
        let began = now();
        let end = self.sign_in(channel).await;
        (end.map(|_| ()).map_err(|status| status.code()), began.elapsed())
    }

    async fn sign_in(&self, channel: &Channel) -> Result<api::InitiateAuthResponse, Status> {
        let number = self.next.fetch_add(1, Ordering::Relaxed) % USERS;
        let parameters = [("USERNAME", format!("user{number}")), ("PASSWORD", "Passw0rd!".to_owned())];
        self.call(channel, self.initiate_auth(auth_flow::Value::UserPasswordAuth, parameters)).await
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

    async fn call<R>(&self, channel: &Channel, request: R) -> Result<R::Response, Status>
    where
        R: Rpc + prost::Message,
        R::Response: prost::Message + Default + 'static,
    {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut request = tonic::Request::new(request);
        if R::OP.access() == api::Access::Operator {
            request.metadata_mut().insert("authorization", self.basic.parse().unwrap());
        }
        let path = http::uri::PathAndQuery::from_static(R::OP.path());
        client.unary(request, path, ProstCodec::default()).await.map(tonic::Response::into_inner)
    }
}

/// Calls by their name.
type Others = BTreeMap<&'static str, Calls>;

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
            .env("COGNATE_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = lines.map_while(Result::ok).find(|line| line.starts_with("Cognate listens on"));
        assert!(listening.is_some(), "the server did not start");
        let quickstart = std::fs::read_to_string(data.join("quickstart.json")).unwrap();
        Server { process, quickstart: serde_json::from_str(&quickstart).unwrap() }
    }

    /// What the system says of the process's memory.
    fn memory_kib(&self, what: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures the machine")]
fn now() -> Instant {
    Instant::now()
}
