//! Plain HTTP, as any client could speak it.

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::Refusal;
use super::certificates::Trust;

/// An answer, read whole.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Reply {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The error of the AWS wire, the same in body and header.
    pub fn refusal(&self) -> Refusal {
        let body = self.json();
        let exception = body["__type"].as_str().unwrap().to_owned();
        assert_eq!(self.header("x-amzn-errortype"), Some(format!("{exception}:").as_str()));
        let message = body["message"].as_str().or(body["Message"].as_str()).unwrap_or_default().to_owned();
        Refusal { exception, message }
    }
}

pub async fn post(address: &str, path: &str, headers: &[(String, String)], body: Vec<u8>) -> Reply {
    request(Method::POST, address, path, headers, body).await
}

pub async fn get(address: &str, path: &str) -> Reply {
    request(Method::GET, address, path, &[], Vec::new()).await
}

/// Posts over TLS, or fails as the handshake or the connection does.
pub async fn post_over_tls(
    trust: &Trust,
    address: &str,
    headers: &[(String, String)],
    body: Vec<u8>,
) -> Result<Reply, Box<dyn std::error::Error>> {
    let stream = trust.connect(address, rustls::DEFAULT_VERSIONS).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(Method::POST).uri("/").header("host", address);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = sender.send_request(request.body(Full::<Bytes>::from(body))?).await?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await?.to_bytes();
    drop(sender);
    connection.await??;
    Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
}

/// Posts from a loopback address of one's own.
pub async fn post_from(from: IpAddr, address: &str, headers: &[(String, String)], body: Vec<u8>) -> Reply {
    let mut connector = HttpConnector::new();
    connector.set_local_address(Some(from));
    exchange(connector, Method::POST, address, "/", headers, body).await
}

pub async fn request(method: Method, address: &str, path: &str, headers: &[(String, String)], body: Vec<u8>) -> Reply {
    exchange(HttpConnector::new(), method, address, path, headers, body).await
}

async fn exchange(
    connector: HttpConnector,
    method: Method,
    address: &str,
    path: &str,
    headers: &[(String, String)],
    body: Vec<u8>,
) -> Reply {
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(connector);
    let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = client.request(request.body(Full::from(body)).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Reply { status: parts.status.as_u16(), headers: parts.headers, body }
}
