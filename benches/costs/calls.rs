//! The calls of the load, as clients make them over each wire.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use cognate::access::sigv4::{self, SignedRequest};
use cognate::api::{self, Access, auth_flow, challenge_name};
use cognate::app::Rpc;
use cognate::rng::Rng;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::process::alone;
use super::seed;
use super::srp::{self, Question, SrpClient};

/// What a caller does, over and over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    SignUp,
    /// A write of an operator: authenticated, decided by policy, committed with its audit record.
    AdminConfirmSignUp,
    SignIn,
    /// By SRP: two calls.
    SrpSignIn,
    Refresh,
    GetUser,
    /// A read of an operator.
    AdminGetUser,
    Jwks,
}

/// How it is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wire {
    Grpc,
    /// The AWS wire over HTTP/2: what TLS clients negotiate, and what compares with gRPC.
    Json,
    /// The AWS wire as SDKs speak it in plaintext: one call at a time on each of many connections.
    JsonOverHttp1,
}

/// What a client needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Facts {
    pub endpoint: String,
    region: String,
    client_id: String,
    user_pool_id: String,
    access_key_id: String,
    secret_access_key: String,
    /// The numbers of the seeded users who are spoken of.
    users: Range<u64>,
    access_tokens: Vec<String>,
    refresh_token: String,
}

/// From one user to the next who is read: neighbours in the store are not read one after the other.
const STRIDE: u64 = 7919;

impl Facts {
    pub fn of(quickstart: &serde_json::Value, users: Range<u64>) -> Self {
        let fact = |path: &str| quickstart.pointer(path).unwrap().as_str().unwrap().to_owned();
        Facts {
            endpoint: fact("/endpoint"),
            region: fact("/region"),
            client_id: fact("/client_id"),
            user_pool_id: fact("/user_pool_id"),
            access_key_id: fact("/access_key/access_key_id"),
            secret_access_key: fact("/access_key/secret_access_key"),
            users,
            access_tokens: Vec::new(),
            refresh_token: String::new(),
        }
    }

    /// The same with the tokens of so many users.
    pub fn signed_in(mut self, users: usize) -> Self {
        alone(async {
            let caller = Caller::connect(&self, Wire::Grpc, 1).await;
            for number in 0..users {
                let request = caller.sign_in(number);
                let tokens = caller.grpc(request).await.unwrap().authentication_result.unwrap();
                self.access_tokens.push(tokens.access_token().to_owned());
                self.refresh_token = tokens.refresh_token().to_owned();
            }
        });
        self
    }

    /// The same of another server.
    pub fn at(&self, endpoint: &str) -> Self {
        Facts { endpoint: endpoint.to_owned(), ..self.clone() }
    }

    /// The answer to a read, to make an empty call of its size.
    pub fn answer<R>(&self, request: R) -> R::Response
    where
        R: Rpc + prost::Message,
        R::Response: prost::Message + Default + 'static,
    {
        alone(async { Caller::connect(self, Wire::Grpc, 1).await.grpc(request).await.unwrap() })
    }

    pub fn get_user(&self, number: usize) -> api::GetUserRequest {
        api::GetUserRequest { access_token: Some(self.access_tokens[number % self.access_tokens.len()].clone()) }
    }

    pub fn admin_get_user(&self, number: usize) -> api::AdminGetUserRequest {
        api::AdminGetUserRequest { user_pool_id: Some(self.user_pool_id.clone()), username: Some(self.name(number)) }
    }

    /// The name of one of the users; all are named before one is named again.
    fn name(&self, number: usize) -> String {
        let count = self.users.end - self.users.start;
        seed::name(self.users.start + number as u64 * STRIDE % count)
    }

    /// The same of other users.
    pub fn about(&self, users: Range<u64>) -> Self {
        Facts { users, ..self.clone() }
    }

    /// Where the pool's keys are.
    pub fn jwks_path(&self) -> String {
        format!("/{}/.well-known/jwks.json", self.user_pool_id)
    }

    fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }
}

/// The server had too much to do.
#[derive(Debug)]
pub struct Refused;

/// Connections over one wire.
pub struct Caller {
    facts: Facts,
    connections: Connections,
    next: AtomicUsize,
    rng: Rng,
}

enum Connections {
    Grpc(Vec<Channel>),
    Http2(Vec<http2::SendRequest<Full<Bytes>>>),
    Http1(Vec<Mutex<http1::SendRequest<Full<Bytes>>>>),
}

/// Connections over HTTP/2; calls share them.
const SHARED_CONNECTIONS: usize = 4;

impl Caller {
    /// Connects, for so many workers.
    pub async fn connect(facts: &Facts, wire: Wire, workers: usize) -> Arc<Self> {
        let shared = SHARED_CONNECTIONS.min(workers);
        let stream = async || {
            let stream = TcpStream::connect(facts.address()).await.unwrap();
            stream.set_nodelay(true).unwrap();
            TokioIo::new(stream)
        };
        let connections = match wire {
            Wire::Grpc => {
                let endpoint = Endpoint::from_shared(facts.endpoint.clone()).unwrap();
                let mut channels = Vec::new();
                for _ in 0..shared {
                    channels.push(endpoint.connect().await.unwrap());
                }
                Connections::Grpc(channels)
            }
            Wire::Json => {
                let mut senders = Vec::new();
                for _ in 0..shared {
                    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream().await).await.unwrap();
                    tokio::spawn(connection);
                    senders.push(sender);
                }
                Connections::Http2(senders)
            }
            Wire::JsonOverHttp1 => {
                let mut senders = Vec::new();
                for _ in 0..workers {
                    let (sender, connection) = http1::handshake(stream().await).await.unwrap();
                    tokio::spawn(connection);
                    senders.push(Mutex::new(sender));
                }
                Connections::Http1(senders)
            }
        };
        Arc::new(Caller { facts: facts.clone(), connections, next: AtomicUsize::new(0), rng: Rng::system() })
    }

    /// One call; `number` says whose.
    pub async fn call(&self, work: Work, number: usize) -> Result<(), Refused> {
        match work {
            Work::SignUp => self.say(self.sign_up(number)).await,
            Work::AdminConfirmSignUp => self.say(self.confirm(number)).await,
            Work::SignIn => self.say(self.sign_in(number)).await,
            Work::SrpSignIn => self.srp_sign_in(number).await,
            Work::Refresh => self.say(self.refresh()).await,
            Work::GetUser => self.say(self.facts.get_user(number)).await,
            Work::AdminGetUser => self.say(self.facts.admin_get_user(number)).await,
            Work::Jwks => self.jwks().await,
        }
    }

    fn sign_up(&self, number: usize) -> api::SignUpRequest {
        let username = format!("newcomer-{number}");
        api::SignUpRequest {
            client_id: Some(self.facts.client_id.clone()),
            user_attributes: vec![api::Attribute {
                name: Some("email".to_owned()),
                value: Some(format!("{username}@example.com")),
            }],
            username: Some(username),
            password: Some(seed::PASSWORD.to_owned()),
            ..Default::default()
        }
    }

    fn confirm(&self, number: usize) -> api::AdminConfirmSignUpRequest {
        let (user_pool_id, username) = (Some(self.facts.user_pool_id.clone()), Some(self.facts.name(number)));
        api::AdminConfirmSignUpRequest { user_pool_id, username, ..Default::default() }
    }

    fn sign_in(&self, number: usize) -> api::InitiateAuthRequest {
        let parameters = [("USERNAME", self.facts.name(number)), ("PASSWORD", seed::PASSWORD.to_owned())];
        self.initiate_auth(auth_flow::Value::UserPasswordAuth, parameters)
    }

    #[expect(clippy::disallowed_methods, reason = "proofs are dated by the machine's clock")]
    async fn srp_sign_in(&self, number: usize) -> Result<(), Refused> {
        let own = SrpClient::with_exponent(&self.facts.user_pool_id, &self.rng.bytes::<32>());
        let parameters = [("USERNAME", self.facts.name(number)), ("SRP_A", own.number())];
        let asked = self.grpc(self.initiate_auth(auth_flow::Value::UserSrpAuth, parameters)).await?;
        let question = Question::of(&asked.challenge_parameters);
        let timestamp = srp::timestamp(jiff::Timestamp::now());
        let answer = api::RespondToAuthChallengeRequest {
            client_id: Some(self.facts.client_id.clone()),
            challenge_name: Some(challenge_name::Value::PasswordVerifier.into()),
            challenge_responses: own.responses(&question, seed::PASSWORD, &timestamp),
            ..Default::default()
        };
        let answered = self.grpc(answer).await?;
        assert!(answered.authentication_result.is_some());
        Ok(())
    }

    fn refresh(&self) -> api::InitiateAuthRequest {
        let parameters = [("REFRESH_TOKEN", self.facts.refresh_token.clone())];
        self.initiate_auth(auth_flow::Value::RefreshTokenAuth, parameters)
    }

    fn initiate_auth<const N: usize>(
        &self,
        flow: auth_flow::Value,
        parameters: [(&str, String); N],
    ) -> api::InitiateAuthRequest {
        api::InitiateAuthRequest {
            client_id: Some(self.facts.client_id.clone()),
            auth_flow: Some(flow.into()),
            auth_parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..Default::default()
        }
    }

    async fn say<R>(&self, request: R) -> Result<(), Refused>
    where
        R: Rpc + prost::Message,
        R::Response: prost::Message + Default + 'static,
    {
        match self.connections {
            Connections::Grpc(_) => self.grpc(request).await.map(drop),
            _ => self.json(request).await,
        }
    }

    async fn grpc<R>(&self, request: R) -> Result<R::Response, Refused>
    where
        R: Rpc + prost::Message,
        R::Response: prost::Message + Default + 'static,
    {
        let Connections::Grpc(channels) = &self.connections else { unreachable!("another wire") };
        let mut client = tonic::client::Grpc::new(channels[self.turn() % channels.len()].clone());
        client.ready().await.unwrap();
        let mut request = tonic::Request::new(request);
        if R::OP.access() == Access::Operator {
            let key = format!("{}:{}", self.facts.access_key_id, self.facts.secret_access_key);
            let basic = format!("Basic {}", BASE64_STANDARD.encode(key));
            request.metadata_mut().insert("authorization", basic.parse().unwrap());
        }
        let path = http::uri::PathAndQuery::from_static(R::OP.path());
        match client.unary(request, path, ProstCodec::default()).await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) if status.code() == tonic::Code::ResourceExhausted => Err(Refused),
            Err(status) => panic!("{status}"),
        }
    }

    async fn json<R: Rpc>(&self, request: R) -> Result<(), Refused> {
        let body = serde_json::to_vec(&request).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/x-amz-json-1.1"));
        let target = format!("AWSCognitoIdentityProviderService.{}", R::OP.name());
        headers.insert("x-amz-target", target.parse().unwrap());
        headers.insert("host", self.facts.address().parse().unwrap());
        if R::OP.access() == Access::Operator {
            self.sign(&mut headers, &body);
        }
        self.http(Method::POST, "/", headers, body).await
    }

    #[expect(clippy::disallowed_methods, reason = "signatures are dated by the machine's clock")]
    fn sign(&self, headers: &mut HeaderMap, body: &[u8]) {
        let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        headers.insert("x-amz-date", date.parse().unwrap());
        let signed = SignedRequest { method: "POST", path: "/", query: "", headers, body };
        let names: Vec<&str> = headers.keys().map(http::HeaderName::as_str).collect();
        let Facts { region, access_key_id, secret_access_key, .. } = &self.facts;
        let authorization =
            sigv4::authorization(&signed, &date, region, access_key_id, secret_access_key.as_bytes(), &names);
        headers.insert("authorization", authorization.parse().unwrap());
    }

    async fn jwks(&self) -> Result<(), Refused> {
        match self.connections {
            // The empty call of the same size.
            Connections::Grpc(_) => {
                let Connections::Grpc(channels) = &self.connections else { unreachable!("another wire") };
                let mut client = tonic::client::Grpc::new(channels[self.turn() % channels.len()].clone());
                client.ready().await.unwrap();
                let path = http::uri::PathAndQuery::from_static(super::bare::DOCUMENT_PATH);
                let codec = ProstCodec::<(), String>::default();
                client.unary(tonic::Request::new(()), path, codec).await.unwrap();
                Ok(())
            }
            _ => self.http(Method::GET, &self.facts.jwks_path(), HeaderMap::new(), Vec::new()).await,
        }
    }

    async fn http(&self, method: Method, path: &str, headers: HeaderMap, body: Vec<u8>) -> Result<(), Refused> {
        let uri = format!("{}{path}", self.facts.endpoint);
        let mut request = Request::new(Full::from(body));
        (*request.method_mut(), *request.headers_mut()) = (method, headers);
        let response = match &self.connections {
            Connections::Http2(senders) => {
                *request.uri_mut() = uri.parse().unwrap();
                request.headers_mut().remove("host");
                let mut sender = senders[self.turn() % senders.len()].clone();
                sender.send_request(request).await.unwrap()
            }
            Connections::Http1(senders) => {
                *request.uri_mut() = path.parse().unwrap();
                request.headers_mut().insert("host", self.facts.address().parse().unwrap());
                let mut sender = senders[self.turn() % senders.len()].lock().await;
                sender.ready().await.unwrap();
                let response = sender.send_request(request).await.unwrap();
                return finished(response).await;
            }
            Connections::Grpc(_) => unreachable!("another wire"),
        };
        finished(response).await
    }

    fn turn(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }
}

/// Reads an answer to its end.
async fn finished(response: http::Response<hyper::body::Incoming>) -> Result<(), Refused> {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    match status {
        StatusCode::OK => Ok(()),
        _ if body.windows(15).any(|window| window == b"TooManyRequests") => Err(Refused),
        _ => panic!("{status}: {}", String::from_utf8_lossy(&body)),
    }
}
