//! Whether time tells who exists, where PreventUserExistenceErrors hides it.
//!
//! `cargo bench --bench existence` asks the real server, in random order, about users who exist, with a wrong proof, and about
//! names that nobody has: 10,000 of each for each operation, one call at a time. It prints both medians and what a Mann-Whitney
//! test says of the two samples: the probability that samples of one distribution differ as much. An operation that works
//! alike for both has medians within one per cent and a probability above 0.01.
//!
//! Hashes are made cheap for this, so that they drown nothing: with the default settings a difference of microseconds would
//! disappear in the noise of the hash.
//!
//! `COGNATE_BENCH_CALLS` says how many calls of each sort (10,000); arguments name operations to look at alone.

#[allow(dead_code, reason = "what it costs is the other bench's question")]
#[path = "costs/process.rs"]
mod process;
#[path = "../tests/support/seed.rs"]
mod seed;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::{self, Access, auth_flow, challenge_name};
use cognate::app::Rpc;
use cognate::config::Config;
use cognate::crypto::keys::{KeyEncryptionKey, Purpose};
use cognate::crypto::sealing::Sealer;
use cognate::crypto::secret::Secret;
use cognate::crypto::srp::{Identity, Salt, Verifier};
use cognate::domain::ids::{ClientId, PoolId};
use cognate::rng::Rng;
use cognate::server;
use cognate::store::records::{self, UserStatus};
use cognate::store::{Batch, ClientKey, Key as _, Owner, PoolKey, SrpVerifierKey, Store};
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use process::{Server, alone};

const CALLS: u64 = 10_000;

/// Time for the messages of what went before to leave.
const SETTLING: Duration = Duration::from_secs(1);

/// What lets the server be asked so often, and hash so fast.
const SETTINGS: [(&str, &str); 4] = [
    ("COGNATE_PASSWORD_HASH_MEMORY_KIB", "64"),
    ("COGNATE_PASSWORD_HASH_ITERATIONS", "1"),
    ("COGNATE_MESSAGES_PER_POOL_HOUR_MAX", "1000000"),
    ("COGNATE_MESSAGES_PER_USER_HOUR_MAX", "1000"),
];

/// An operation that must not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    InitiateAuthByPassword,
    InitiateAuthBySrp,
    InitiateAuthByChoice,
    InitiateAuthByEmailOtp,
    RespondWithPassword,
    RespondWithSrp,
    RespondWithEmailOtp,
    ForgotPassword,
    ConfirmForgotPassword,
    ResendConfirmationCode,
    ConfirmSignUp,
}

const QUESTIONS: [Question; 11] = [
    Question::InitiateAuthByPassword,
    Question::InitiateAuthBySrp,
    Question::InitiateAuthByChoice,
    Question::InitiateAuthByEmailOtp,
    Question::RespondWithPassword,
    Question::RespondWithSrp,
    Question::RespondWithEmailOtp,
    Question::ForgotPassword,
    Question::ConfirmForgotPassword,
    Question::ResendConfirmationCode,
    Question::ConfirmSignUp,
];

impl Question {
    /// Whose users know nothing of it is asked about those who have yet to confirm.
    fn is_about_new_users(self) -> bool {
        matches!(self, Question::ResendConfirmationCode | Question::ConfirmSignUp)
    }
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let calls = std::env::var("COGNATE_BENCH_CALLS").map_or(CALLS, |calls| calls.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start_with(folder.path(), &SETTINGS);
    let (client, pool) = (fact(&first, "/client_id"), fact(&first, "/user_pool_id"));
    first.stop();
    let config = Config {
        data: folder.path().to_owned(),
        password_hash_memory_kib: 64,
        password_hash_iterations: 1,
        ..Config::default()
    };
    alone(seed::users(&config, &pool, 0..calls, UserStatus::Confirmed));
    alone(seed::users(&config, &pool, calls..2 * calls, UserStatus::Unconfirmed));
    alone(hide(&config, &pool, &client, calls));
    let server = Server::start_with(folder.path(), &SETTINGS);
    let endpoint = fact(&server, "/endpoint");
    println!("{:<28} {:>10} {:>10} {:>9} {:>8}", "", "known", "unknown", "known ÷", "p");
    for question in QUESTIONS {
        let name = format!("{question:?}");
        if wanted.is_empty() || wanted.iter().any(|wanted| name.contains(wanted.as_str())) {
            let [known, unknown] = alone(measured(&endpoint, &client, question, calls));
            let (known_median, unknown_median) = (median(&known), median(&unknown));
            let ratio = known_median.as_secs_f64() / unknown_median.as_secs_f64();
            let p = probability(&known, &unknown);
            println!("{name:<28} {known_median:>10.1?} {unknown_median:>10.1?} {ratio:>9.4} {p:>8.4}");
        }
    }
    server.stop();
}

fn fact(server: &Server, path: &str) -> String {
    server.quickstart.pointer(path).unwrap().as_str().unwrap().to_owned()
}

/// Has the client hide who exists and sign in in every way, and the pool send codes and keep what proves passwords by SRP.
async fn hide(config: &Config, pool: &str, client: &str, users: u64) {
    let store = server::open_store(config).unwrap();
    keep_verifiers(config, &store, &PoolId(pool.to_owned()), users).await;
    let (pool, client) = (PoolKey { pool: PoolId(pool.to_owned()) }, ClientKey { client: ClientId(client.to_owned()) });
    let reader: &dyn Store = &store;
    let before = reader.read(&pool).await.unwrap().unwrap().record;
    let before_client = reader.read(&client).await.unwrap().unwrap().record;
    let mut batch = Batch::default();
    let first_auth_factors = vec!["PASSWORD".to_owned(), "EMAIL_OTP".to_owned()];
    let auto_verified_attributes = vec!["email".to_owned()];
    let keeps_srp_verifiers = true;
    batch.put(&pool, &records::Pool { first_auth_factors, auto_verified_attributes, keeps_srp_verifiers, ..before });
    let flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_AUTH", "ALLOW_USER_SRP_AUTH"];
    let explicit_auth_flows = flows.map(str::to_owned).to_vec();
    batch.put(&client, &records::Client { explicit_auth_flows, hides_user_existence: Some(true), ..before_client });
    store.commit(batch).await.unwrap();
    store.close().unwrap();
}

/// Gives the seeded users a verifier each: one number serves for all, as nobody proves anything.
async fn keep_verifiers(config: &Config, store: &dyn Store, pool: &PoolId, users: u64) {
    let key = KeyEncryptionKey::read(&config.key_encryption_key_file()).unwrap();
    let (sealer, rng) = (Sealer::new(&key.derive(Purpose::Sealing)), Rng::seeded(20_261_126));
    let identity = Identity { pool_name: "pool".to_owned(), username: "anybody".to_owned() };
    let verifier = Verifier::of(&identity, &Secret::new(seed::PASSWORD.to_owned()), Salt::new(&rng));
    let mut numbers = (0..users).peekable();
    while numbers.peek().is_some() {
        let mut batch = Batch::default();
        for number in numbers.by_ref().take(1_000) {
            let key = SrpVerifierKey { owner: Owner { pool: pool.clone(), sub: seed::sub(number) } };
            let sealed = sealer.seal(&key.encoded(), verifier.bytes().expose(), &rng);
            batch.put(&key, &records::SrpVerifier { sealed, password_version: 0 });
        }
        store.commit(batch).await.unwrap();
    }
}

/// How long each call took, about users who exist and about others.
async fn measured(endpoint: &str, client: &str, question: Question, calls: u64) -> [Vec<Duration>; 2] {
    let channel = Endpoint::from_shared(endpoint.to_owned()).unwrap().connect().await.unwrap();
    let asker = Asker { channel, client: client.to_owned() };
    let first = if question.is_about_new_users() { calls } else { 0 };
    let known = (first..first + calls).map(|number| (0, seed::name(number)));
    // They stand beside those who are known, where reading is as warm, and have been asked about as much.
    let unknown = (first..first + calls).map(|number| (1, format!("{}x", seed::name(number))));
    let mut names: Vec<(usize, String)> = known.chain(unknown).collect();
    shuffle(&mut names);
    // The first calls find nothing warm.
    for number in 0..calls / 10 {
        let name = format!("warming-{number:07}-{}", question as u8);
        let session = asker.prepared(question, &name).await;
        asker.ask(question, &name, session).await;
    }
    // What leads there is done first, and what it leaves behind gets time to end.
    let mut ready = Vec::new();
    for (sort, name) in names {
        let session = asker.prepared(question, &name).await;
        ready.push((sort, name, session));
    }
    tokio::time::sleep(SETTLING).await;
    let mut took = [Vec::new(), Vec::new()];
    for (sort, name, session) in ready {
        took[sort].push(asker.ask(question, &name, session).await);
    }
    took
}

struct Asker {
    channel: Channel,
    client: String,
}

impl Asker {
    /// Asks about a name, and gives how long the answer took that must not tell.
    async fn ask(&self, question: Question, name: &str, session: Option<String>) -> Duration {
        let wrong_code = || Some("000000".to_owned());
        match question {
            Question::InitiateAuthByPassword => {
                let wrong = [("USERNAME", name), ("PASSWORD", "Wr0ng-one!")];
                self.timed(self.begin(auth_flow::Value::UserPasswordAuth, &wrong)).await.0
            }
            Question::InitiateAuthBySrp => self.timed(self.begin_srp(name)).await.0,
            Question::InitiateAuthByChoice => {
                self.timed(self.begin(auth_flow::Value::UserAuth, &[("USERNAME", name)])).await.0
            }
            Question::InitiateAuthByEmailOtp => self.timed(self.choose(name, "EMAIL_OTP")).await.0,
            Question::RespondWithPassword => {
                self.respond(name, session, challenge_name::Value::Password, ("PASSWORD", "Wr0ng-one!")).await
            }
            Question::RespondWithSrp => {
                let block = BASE64_STANDARD.encode(session.unwrap_or_default());
                let responses = [
                    ("USERNAME", name),
                    ("PASSWORD_CLAIM_SECRET_BLOCK", &block),
                    ("PASSWORD_CLAIM_SIGNATURE", &BASE64_STANDARD.encode([7; 32])),
                    ("TIMESTAMP", &timestamp()),
                ];
                self.timed(self.response(None, challenge_name::Value::PasswordVerifier, &responses)).await.0
            }
            Question::RespondWithEmailOtp => {
                self.respond(name, session, challenge_name::Value::EmailOtp, ("EMAIL_OTP_CODE", "00000000")).await
            }
            Question::ForgotPassword => {
                let request = api::ForgotPasswordRequest {
                    client_id: Some(self.client.clone()),
                    username: Some(name.to_owned()),
                    ..Default::default()
                };
                self.timed(request).await.0
            }
            Question::ConfirmForgotPassword => {
                let request = api::ConfirmForgotPasswordRequest {
                    client_id: Some(self.client.clone()),
                    username: Some(name.to_owned()),
                    confirmation_code: wrong_code(),
                    password: Some(seed::PASSWORD.to_owned()),
                    ..Default::default()
                };
                self.timed(request).await.0
            }
            Question::ResendConfirmationCode => {
                let request = api::ResendConfirmationCodeRequest {
                    client_id: Some(self.client.clone()),
                    username: Some(name.to_owned()),
                    ..Default::default()
                };
                self.timed(request).await.0
            }
            Question::ConfirmSignUp => {
                let request = api::ConfirmSignUpRequest {
                    client_id: Some(self.client.clone()),
                    username: Some(name.to_owned()),
                    confirmation_code: wrong_code(),
                    ..Default::default()
                };
                self.timed(request).await.0
            }
        }
    }

    /// The session of the challenge that is to be answered, if it is an answer that is timed.
    async fn prepared(&self, question: Question, name: &str) -> Option<String> {
        let beginning = match question {
            Question::RespondWithPassword => self.choose(name, "PASSWORD"),
            Question::RespondWithSrp => self.begin_srp(name),
            Question::RespondWithEmailOtp => self.choose(name, "EMAIL_OTP"),
            _ => return None,
        };
        let (_, begun) = self.timed(beginning).await;
        begun.expect("whoever asks is asked back").session
    }

    /// Times the wrong answer to a challenge.
    async fn respond(
        &self,
        name: &str,
        session: Option<String>,
        challenge: challenge_name::Value,
        (member, answer): (&str, &str),
    ) -> Duration {
        let responses = [("USERNAME", name), (member, answer)];
        self.timed(self.response(session, challenge, &responses)).await.0
    }

    fn response(
        &self,
        session: Option<String>,
        challenge: challenge_name::Value,
        responses: &[(&str, &str)],
    ) -> api::RespondToAuthChallengeRequest {
        api::RespondToAuthChallengeRequest {
            client_id: Some(self.client.clone()),
            challenge_name: Some(challenge.into()),
            session,
            challenge_responses: texts(responses),
            ..Default::default()
        }
    }

    fn begin_srp(&self, name: &str) -> api::InitiateAuthRequest {
        self.begin(auth_flow::Value::UserSrpAuth, &[("USERNAME", name), ("SRP_A", &"5a".repeat(384))])
    }

    fn choose(&self, name: &str, way: &str) -> api::InitiateAuthRequest {
        self.begin(auth_flow::Value::UserAuth, &[("USERNAME", name), ("PREFERRED_CHALLENGE", way)])
    }

    fn begin(&self, flow: auth_flow::Value, parameters: &[(&str, &str)]) -> api::InitiateAuthRequest {
        api::InitiateAuthRequest {
            client_id: Some(self.client.clone()),
            auth_flow: Some(flow.into()),
            auth_parameters: texts(parameters),
            ..Default::default()
        }
    }

    async fn timed<R>(&self, request: R) -> (Duration, Option<R::Response>)
    where
        R: Rpc + prost::Message,
        R::Response: prost::Message + Default + 'static,
    {
        assert_eq!(R::OP.access(), Access::Anyone);
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::from_static(R::OP.path());
        let began = now();
        let answer = client.unary(tonic::Request::new(request), path, ProstCodec::default()).await;
        let took = began.elapsed();
        match answer {
            Ok(answer) => (took, Some(answer.into_inner())),
            Err(status) => {
                let expected =
                    [tonic::Code::Unauthenticated, tonic::Code::InvalidArgument, tonic::Code::PermissionDenied];
                let is_expected = expected.contains(&status.code()) || status.code() == tonic::Code::FailedPrecondition;
                assert!(is_expected, "{status}");
                (took, None)
            }
        }
    }
}

fn texts(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The moment as clients put it in an SRP proof.
#[expect(clippy::disallowed_methods, reason = "the server goes by the machine's clock")]
fn timestamp() -> String {
    jiff::Timestamp::now().strftime("%a %b %-d %H:%M:%S UTC %Y").to_string()
}

#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
fn now() -> Instant {
    Instant::now()
}

/// An order that is none, the same in each run.
fn shuffle<T>(names: &mut [T]) {
    let rng = Rng::seeded(20_261_125);
    for last in (1..names.len()).rev() {
        let chance = u64::from_be_bytes(rng.bytes());
        names.swap(last, usize::try_from(chance % (last as u64 + 1)).unwrap());
    }
}

fn median(sample: &[Duration]) -> Duration {
    let mut sorted = sample.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2]
}

/// The two-sided probability of the Mann-Whitney U test, by its normal approximation.
fn probability(one: &[Duration], other: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> = one.iter().map(|took| (*took, true)).collect();
    all.extend(other.iter().map(|took| (*took, false)));
    all.sort_unstable();
    let (count, others) = (one.len() as f64, other.len() as f64);
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let end = at + all[at..].iter().take_while(|(took, _)| *took == all[at].0).count();
        let rank = (at + 1 + end) as f64 / 2.0;
        ranks += rank * all[at..end].iter().filter(|(_, is_one)| *is_one).count() as f64;
        let tied = (end - at) as f64;
        ties += tied.powi(3) - tied;
        at = end;
    }
    let total = count + others;
    let u = ranks - count * (count + 1.0) / 2.0;
    let variance = count * others / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    let z = (u - count * others / 2.0).abs() / variance.sqrt();
    complementary_error(z / std::f64::consts::SQRT_2)
}

/// erfc, to some seven digits (Abramowitz and Stegun 7.1.26).
fn complementary_error(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [0.254_829_592, -0.284_496_736, 1.421_413_741, -1.453_152_027, 1.061_405_429];
    let polynomial = series.into_iter().rev().fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    polynomial * (-x * x).exp()
}
