//! The work that no implementation can avoid: primitives alone, and calls that do nothing.

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256};
use axum::Router;
use axum::routing::{MethodRouter, post};
use cognate::api::{self, Op};
use cognate::config::Config;
use cognate::wire::connection::{self, Bounds};
use cognate::wire::{Audience, Listener, Listening};
use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U256, U3072};
use prost::Message;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic_prost::ProstCodec;

use super::calls::Facts;
use super::process::Process;
use super::srp;

/// The processor time of each primitive, with a thread on every core.
pub struct Work {
    pub hash: Duration,
    /// Modulo 3,072 bits, with an exponent of 256, in constant time.
    pub exponentiation: Duration,
    pub signature: Duration,
    pub verification: Duration,
}

impl Work {
    pub fn measured() -> Self {
        let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
        // As long as what is signed of an access token.
        let message = [b'e'; 640];
        let random = aws_lc_rs::rand::SystemRandom::new();
        let sign = |signature: &mut [u8]| key.sign(&RSA_PKCS1_SHA256, &random, &message, signature).unwrap();
        let mut signature = vec![0; key.public_modulus_len()];
        sign(&mut signature);
        let public = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref()).unwrap();
        Work {
            hash: on_every_core(60, || {
                let argon2 =
                    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(19 * 1024, 2, 1, None).unwrap());
                let mut memory = vec![Block::new(); argon2.params().block_count()];
                move || {
                    let mut output = [0; 32];
                    argon2.hash_password_into_with_memory(b"Passw0rd!", &[7; 16], &mut output, &mut memory).unwrap();
                }
            }),
            exponentiation: on_every_core(300, || {
                let modulus = U3072::from_be_hex(&format!("{:x}", srp::modulus()));
                let parameters = FixedMontyParams::new_vartime(Odd::new(modulus).unwrap());
                let base = FixedMontyForm::new(&U3072::from_u8(2), &parameters).pow(&U256::from_u8(7));
                move || {
                    black_box(base.pow(black_box(&U256::MAX)));
                }
            }),
            signature: on_every_core(2_000, || {
                let mut signature = vec![0; key.public_modulus_len()];
                move || sign(&mut signature)
            }),
            verification: on_every_core(20_000, || || public.verify_sig(&message, &signature).unwrap()),
        }
    }
}

/// The processor time of one run, when each core does so many.
fn on_every_core<F: FnMut()>(runs: u32, prepare: impl Fn() -> F + Sync) -> Duration {
    let cores = std::thread::available_parallelism().unwrap().get();
    let one = || {
        let mut run = prepare();
        run();
        let began = thread_time();
        (0..runs).for_each(|_| run());
        (thread_time() - began) / runs
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        let total: Duration = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        total / u32::try_from(cores).unwrap()
    })
}

fn thread_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

/// What the bench calls itself with, to become the server of empty calls.
pub const COMMAND: &str = "answer-empty-calls";

/// The call that answers with a text.
pub const DOCUMENT_PATH: &str = "/bench.Documents/Document";

/// What the empty calls answer.
#[derive(Serialize, Deserialize)]
struct Answers {
    get_user: Vec<u8>,
    admin_get_user: Vec<u8>,
    document: String,
}

/// A server whose calls do nothing but arrive and be answered.
pub struct Calls {
    pub process: Process,
    pub endpoint: String,
}

impl Calls {
    /// Starts it; its answers are as large as the real ones.
    pub fn start(facts: &Facts) -> Self {
        let answers = Answers {
            get_user: facts.answer(facts.get_user(0)).encode_to_vec(),
            admin_get_user: facts.answer(facts.admin_get_user(0)).encode_to_vec(),
            document: "x".repeat(JWKS_BYTES),
        };
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut process = command.arg(COMMAND).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        writeln!(process.stdin.as_mut().unwrap(), "{}", serde_json::to_string(&answers).unwrap()).unwrap();
        let mut endpoint = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut endpoint).unwrap();
        Calls { process: Process(process), endpoint: endpoint.trim_end().to_owned() }
    }
}

/// What a pool's two RSA-2048 keys take as a document.
const JWKS_BYTES: usize = 900;

/// The server of empty calls; it is ended from outside.
pub fn main() {
    let answers = std::io::stdin().lines().next().unwrap().unwrap();
    let answers: Answers = serde_json::from_str(&answers).unwrap();
    let get_user = api::GetUserResponse::decode(answers.get_user.as_slice()).unwrap();
    let admin_get_user = api::AdminGetUserResponse::decode(answers.admin_get_user.as_slice()).unwrap();
    let router = Router::new()
        .route(Op::GetUser.path(), always::<api::GetUserRequest, _>(get_user))
        .route(Op::AdminGetUser.path(), always::<api::AdminGetUserRequest, _>(admin_get_user))
        .route(DOCUMENT_PATH, always::<(), _>(answers.document));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("http://{}", socket.local_addr().unwrap());
        let service = Arc::new(Listening { audience: Audience::Everybody, tls: None });
        let (_stop, stopped) = watch::channel(false);
        connection::serve(Listener { socket, service }, router, Bounds::from(&Config::default()), stopped).await;
    });
}

/// A call that reads its request and always gives this answer.
fn always<Q, A>(answer: A) -> MethodRouter
where
    Q: Message + Default + 'static,
    A: Message + Clone + Sync + 'static,
{
    post(async move |request: axum::extract::Request| {
        let service = tower::service_fn(move |_: tonic::Request<Q>| {
            std::future::ready(Ok::<_, tonic::Status>(tonic::Response::new(answer.clone())))
        });
        tonic::server::Grpc::new(ProstCodec::<A, Q>::default()).unary(service, request).await
    })
}
