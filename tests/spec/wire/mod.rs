//! What holds for every operation on a wire.

mod grpc;
mod json;
mod limits;
mod nothing_panics;
mod proxies;
mod rates;
mod signatures;
mod storms;
mod well_known;

use cognate::api::json::{FromJson, read};
use cognate::api::{Access, Op};
use cognate::app::Rpc;
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::http::{self, Reply};
use crate::support::{Credential, Refusal, Wire, World, raw};

/// Calls an operation on the AWS wire with a body of any shape, as the operator where one is asked for.
pub async fn post_json(world: &World, op: Op, body: &Value) -> Reply {
    let credential = match op.access() {
        Access::Operator => Credential::AccessKey(world.operator.clone()),
        _ => Credential::None,
    };
    world.post(op, &credential, body.to_string().into_bytes()).await
}

/// The same, read as the answer's members or the refusal.
pub async fn call_json(world: &World, op: Op, body: &Value) -> Result<Map<String, Value>, Refusal> {
    let reply = post_json(world, op, body).await;
    match reply.status {
        200 if reply.body.is_empty() => Ok(Map::new()),
        200 => Ok(reply.json().as_object().unwrap().clone()),
        _ => Err(reply.refusal()),
    }
}

/// A body with one more member, or another value of one.
pub fn with(body: &Value, member: &str, value: Value) -> Value {
    let mut members = body.as_object().unwrap().clone();
    members.insert(member.to_owned(), value);
    Value::Object(members)
}

/// Headers as pairs.
fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The headers of an unsigned call.
fn call_headers(op: &str) -> Vec<(String, String)> {
    headers(&[
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", &format!("AWSCognitoIdentityProviderService.{op}")),
    ])
}

/// The headers of a call that the operator has signed.
fn signed_headers(world: &World, op: &str, body: &[u8]) -> Vec<(String, String)> {
    let mut all = call_headers(op);
    let credential = Credential::AccessKey(world.operator.clone());
    all.extend(raw::aws_headers(&world.address, &all, body, &credential, world.now(), &world.config.region));
    all
}

/// Posts to `/` exactly these headers and this body.
async fn post(world: &World, headers: &[(String, String)], body: &[u8]) -> Reply {
    http::post(&world.address, "/", headers, body.to_vec()).await
}

/// Calls an operation with its members written as JSON, on the wire of the world: what gRPC has no word for (`null`, a
/// member that is not honoured and its value) arrives there as far as a typed client could say it.
pub async fn call_written<R>(world: &World, body: &Value) -> Result<R::Response, Refusal>
where
    R: Rpc + FromJson + prost::Message + Default + serde::Serialize,
    R::Response: prost::Message + Default + FromJson + 'static,
{
    match world.wire {
        Wire::Grpc => world.call(read::<R>(body.as_object().unwrap().clone()).unwrap().0).await,
        Wire::Json => call_json(world, R::OP, body).await.map(|members| read::<R::Response>(members).unwrap().0),
    }
}

/// Says this much and then nothing. Gives what the server says before it closes the connection.
async fn until_closed(world: &World, said: &[u8]) -> String {
    let mut stream = TcpStream::connect(&world.address).await.unwrap();
    stream.write_all(said).await.unwrap();
    let mut heard = Vec::new();
    // A reset is an end as well.
    let _ = stream.read_to_end(&mut heard).await;
    String::from_utf8_lossy(&heard).into_owned()
}
