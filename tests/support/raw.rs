//! Calls below the generated clients: any message to any rpc, any headers to the AWS wire.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::access::sigv4::{self, SignedRequest};
use cognate::api::Op;
use jiff::Timestamp;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::Credential;

/// Calls an rpc with a message of any type.
pub async fn grpc<Q, A>(address: &str, op: Op, credential: &Credential, message: Q) -> Result<A, tonic::Status>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    grpc_on(channel_to(address).await, op, credential, message).await
}

/// A connection in the clear.
pub async fn channel_to(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// The same over a connection that is there already.
pub async fn grpc_on<Q, A>(channel: Channel, op: Op, credential: &Credential, message: Q) -> Result<A, tonic::Status>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    grpc_with(channel, op, credential, &[], message).await
}

/// The same with more metadata.
pub async fn grpc_with<Q, A>(
    channel: Channel,
    op: Op,
    credential: &Credential,
    more: &[(&'static str, &str)],
    message: Q,
) -> Result<A, tonic::Status>
where
    Q: prost::Message + 'static,
    A: prost::Message + Default + 'static,
{
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
    let mut request = tonic::Request::new(message);
    let authorization = match credential {
        Credential::None | Credential::Certificate(_) => None,
        Credential::AccessKey(key) => {
            Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", key.id, key.secret))))
        }
        Credential::Bearer(token) => Some(format!("Bearer {token}")),
    };
    if let Some(value) = authorization {
        request.metadata_mut().insert("authorization", value.parse().unwrap());
    }
    for (name, value) in more {
        request.metadata_mut().append(*name, value.parse().unwrap());
    }
    let path = http::uri::PathAndQuery::from_static(op.path());
    client.unary(request, path, ProstCodec::<Q, A>::default()).await.map(tonic::Response::into_inner)
}

/// The headers that a credential adds to an AWS request.
pub fn aws_headers(
    address: &str,
    headers: &[(String, String)],
    body: &[u8],
    credential: &Credential,
    now: Timestamp,
    region: &str,
) -> Vec<(String, String)> {
    match credential {
        Credential::None | Credential::Certificate(_) => Vec::new(),
        Credential::Bearer(token) => vec![("authorization".to_owned(), format!("Bearer {token}"))],
        Credential::AccessKey(key) => {
            let date = now.strftime("%Y%m%dT%H%M%SZ").to_string();
            let mut signed: http::HeaderMap =
                headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            signed.insert("host", address.parse().unwrap());
            signed.insert("x-amz-date", date.parse().unwrap());
            let request = SignedRequest { method: "POST", path: "/", query: "", headers: &signed, body };
            let names: Vec<&str> = signed.keys().map(http::HeaderName::as_str).collect();
            let value = sigv4::authorization(&request, &date, region, &key.id, key.secret.as_bytes(), &names);
            vec![("x-amz-date".to_owned(), date), ("authorization".to_owned(), value)]
        }
    }
}
