//! Functions that pools ask, behind an endpoint as an operator has one: it hears every event and answers as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cognate::api;
use cognate::triggers::Binding;
use http::{HeaderMap, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::certificates::{Authority, Identity};
use super::{START, Wire, World};

/// The function of which every world's settings say where it is; without [`Functions`], nowhere.
pub const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:pool";

/// Another one, which [`world`] has at the path `/other` of the same endpoint.
pub const OTHER_FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:other";

/// How long functions of a test may take.
pub const TIMEOUT: Duration = Duration::from_millis(1_000);

/// Declares a specification with functions: one body, run over both wires.
#[macro_export]
macro_rules! trigger_spec {
    ($(#[$meta:meta])* async fn $name:ident($world:ident: World, $functions:ident: Functions) $body:block) => {
        $(#[$meta])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn specification($world: World, $functions: $crate::support::functions::Functions) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_grpc() {
                let (world, functions) = $crate::support::functions::world($crate::support::Wire::Grpc).await;
                specification(world, functions).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_json() {
                let (world, functions) = $crate::support::functions::world($crate::support::Wire::Json).await;
                specification(world, functions).await
            }
        }
    };
}

/// A world whose [`FUNCTION`] is an endpoint of the test's.
pub async fn world(wire: Wire) -> (World, Functions) {
    let functions = Functions::start().await;
    let world = World::at(wire, START.parse().unwrap(), |config| {
        config.triggers = [(FUNCTION, "/"), (OTHER_FUNCTION, "/other")]
            .map(|(arn, path)| (arn.to_owned(), functions.at(path)))
            .into();
        config.trigger_timeout_milliseconds = TIMEOUT.as_millis().try_into().unwrap();
    });
    (world.await, functions)
}

/// What a function answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The event, with these members in its response.
    Response(Value),
    /// Lambda's word that it has failed.
    Error(&'static str),
    Status(u16, Vec<(&'static str, String)>, String),
    /// Nothing at all.
    Silence,
    /// This, but not before [`Functions::release`] says so.
    Later(Box<Answer>),
}

/// What a function has heard.
#[derive(Clone, Debug)]
pub struct Heard {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Heard {
    pub fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// The endpoint.
#[derive(Clone)]
pub struct Functions {
    base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// By trigger source; the last one stays.
    answers: Arc<Mutex<HashMap<String, Vec<Answer>>>>,
    news: Arc<Notify>,
    releases: Arc<Semaphore>,
}

impl Functions {
    pub async fn start() -> Self {
        Self::serve(None).await
    }

    /// The same over TLS, with a certificate of this authority.
    pub async fn start_with_tls(authority: &Authority) -> Self {
        let Identity { certificate, key } = authority.server();
        let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
        Self::serve(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let functions = Functions {
            base: format!("{scheme}://{}", listener.local_addr().unwrap()),
            heard: Arc::default(),
            answers: Arc::default(),
            news: Arc::default(),
            releases: Arc::new(Semaphore::new(0)),
        };
        let router = Router::new().fallback(hear).with_state(functions.clone());
        let service = hyper_util::service::TowerToHyperService::new(router);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (http, service) = (hyper::server::conn::http1::Builder::new(), service.clone());
                match tls.clone() {
                    None => drop(tokio::spawn(http.serve_connection(TokioIo::new(stream), service))),
                    Some(tls) => drop(tokio::spawn(async move {
                        let Ok(stream) = tls.accept(stream).await else { return };
                        let _ = http.serve_connection(TokioIo::new(stream), service).await;
                    })),
                }
            }
        });
        functions
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// What binds an ARN to a path of this endpoint.
    pub fn at(&self, path: &str) -> Binding {
        Binding { url: Some(self.url(path)), ..Binding::default() }
    }

    /// From now on this is answered to events of the source. Otherwise the event goes back as it came.
    pub fn answer(&self, source: &str, answer: Answer) {
        self.answer_in_turn(source, [answer]);
    }

    /// The same with one answer after the other; the last one stays.
    pub fn answer_in_turn(&self, source: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut answers: Vec<Answer> = answers.into_iter().collect();
        answers.reverse();
        self.answers.lock().unwrap().insert(source.to_owned(), answers);
    }

    /// Lets one answer go that is to come later.
    pub fn release(&self) {
        self.releases.add_permits(1);
    }

    /// All that was heard since the last time.
    pub fn take(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    /// The events of it, with their sources.
    pub fn take_events(&self) -> Vec<Value> {
        self.take().iter().map(Heard::event).collect()
    }

    /// The sources of them.
    pub fn take_sources(&self) -> Vec<String> {
        self.take_events().iter().map(|event| event["triggerSource"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until so much was heard.
    pub async fn hear(&self, count: usize) {
        loop {
            let news = self.news.notified();
            if self.heard.lock().unwrap().len() >= count {
                return;
            }
            news.await;
        }
    }

    fn next_answer(&self, source: &str) -> Answer {
        let mut answers = self.answers.lock().unwrap();
        let Some(answers) = answers.get_mut(source) else { return Answer::Response(json!({})) };
        match answers.len() {
            1 => answers[0].clone(),
            _ => answers.pop().unwrap(),
        }
    }
}

async fn hear(State(functions): State<Functions>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let heard = Heard { path: uri.path().to_owned(), headers, body };
    let event = heard.event();
    functions.heard.lock().unwrap().push(heard);
    functions.news.notify_waiters();
    let mut answer = functions.next_answer(event["triggerSource"].as_str().unwrap());
    if let Answer::Later(later) = answer {
        functions.releases.acquire().await.unwrap().forget();
        answer = *later;
    }
    match answer {
        Answer::Response(members) => {
            let mut event = event;
            let response = event["response"].as_object_mut().unwrap();
            response.extend(members.as_object().unwrap().clone());
            event.to_string().into_response()
        }
        Answer::Error(message) => {
            let body = json!({ "errorMessage": message, "errorType": "Error", "trace": [] }).to_string();
            ([("x-amz-function-error", "Unhandled")], body).into_response()
        }
        Answer::Status(status, headers, body) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            let headers = headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            response.headers_mut().extend::<HeaderMap>(headers.collect());
            response
        }
        Answer::Silence | Answer::Later(_) => std::future::pending().await,
    }
}

impl World {
    /// Changes what a pool asks. Its other settings fall back to what [`World::pool`] makes.
    pub async fn set_triggers(&self, pool: &str, configure: impl FnOnce(&mut api::LambdaConfig)) {
        let mut lambda_config = api::LambdaConfig::default();
        configure(&mut lambda_config);
        let request = api::UpdateUserPoolRequest {
            user_pool_id: Some(pool.to_owned()),
            auto_verified_attributes: vec![api::verified_attribute::Value::Email.into()],
            lambda_config: Some(lambda_config),
            ..Default::default()
        };
        self.call(request).await.unwrap();
    }
}

/// [`FUNCTION`], as LambdaConfig has it.
pub fn function() -> Option<String> {
    Some(FUNCTION.to_owned())
}
