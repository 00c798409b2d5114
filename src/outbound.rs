//! How this server calls others over HTTP: the hook for text messages, and triggers.
//!
//! A client here follows no redirect: it would take secrets with it. Where it may connect to is its [`Rule`]'s to say, and that is
//! asked of the very addresses that are connected to, after the name was resolved: a name cannot be one thing when it is looked
//! at and another when it is used.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use bytes::Bytes;
use http::{HeaderValue, Uri};
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tower::Service;

use crate::crypto::secret::Secret;
use crate::domain::reach::{Reach, reach};

/// A client over HTTP/1.1, with TLS or without, that connects to where its rule lets it.
pub type Client = legacy::Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// How long a connection is kept for the next call. Servers close theirs after some seconds, and a call that meets that moment
/// is lost, perhaps after it was heard.
const IDLE_MAX: Duration = Duration::from_secs(1);

/// Where a client may connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    Anywhere,
    ThisMachine,
    /// The Internet alone.
    Public,
    /// The Internet, private networks and this machine.
    PublicOrPrivate,
    /// Private networks and this machine.
    Private,
}

impl Rule {
    pub fn allows(self, address: IpAddr) -> bool {
        match (self, reach(address)) {
            (Rule::Anywhere, _) => true,
            (_, Reach::Nowhere) => false,
            (Rule::ThisMachine, reach) => reach == Reach::ThisMachine,
            (Rule::Public, reach) => reach == Reach::Public,
            (Rule::PublicOrPrivate, _) => true,
            (Rule::Private, reach) => reach != Reach::Public,
        }
    }
}

/// Whose certificates a client believes.
#[derive(Clone)]
pub struct Trust(ClientConfig);

impl Trust {
    /// The authorities of this PEM file's contents, or else those that browsers trust.
    pub fn new(authorities: Option<&[u8]>) -> Result<Self, String> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let builder = ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|cause| cause.to_string())?;
        let builder = match authorities {
            None => builder.with_webpki_roots(),
            Some(pem) => builder.with_root_certificates(roots(pem)?),
        };
        Ok(Trust(builder.with_no_client_auth()))
    }
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|cause| format!("is no PEM: {cause:?}"))?;
        roots.add(certificate).map_err(|cause| format!("holds what is no certificate of an authority: {cause}"))?;
    }
    if roots.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(roots) }
}

/// A client. Connects to nothing yet.
pub fn client(rule: Rule, trust: Trust) -> Client {
    let mut http = HttpConnector::new_with_resolver(Resolver { rule, names: GaiResolver::new() });
    http.enforce_http(false);
    http.set_nodelay(true);
    let https = HttpsConnectorBuilder::new().with_tls_config(trust.0).https_or_http().enable_http1();
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_idle_timeout(IDLE_MAX).build(https.wrap_connector(http))
}

/// Gives of a name's addresses those that the rule allows. Addresses in a URL are not asked about here: [`literal`] finds them.
#[derive(Clone)]
pub struct Resolver {
    rule: Rule,
    names: GaiResolver,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, io::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        self.names.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (rule, found) = (self.rule, self.names.call(name));
        Box::pin(async move {
            let allowed: Vec<SocketAddr> = found.await?.filter(|address| rule.allows(address.ip())).collect();
            match allowed.is_empty() {
                true => {
                    Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "the name leads to no address that is allowed"))
                }
                false => Ok(allowed.into_iter()),
            }
        })
    }
}

/// The address that a URL names by itself.
pub fn literal(url: &Uri) -> Option<IpAddr> {
    url.host()?.trim_matches(['[', ']']).parse().ok()
}

/// Whether a URL names this machine: `localhost`, or an address of it.
pub fn is_this_machine(url: &Uri) -> bool {
    url.host() == Some("localhost") || literal(url).is_some_and(|address| address.is_loopback())
}

/// Whether what is posted there can be read by nobody between: `https`, or `http` to this machine.
pub fn is_private(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    match url.scheme_str() {
        Some("https") => url.host().is_some_and(|host| !host.is_empty()),
        Some("http") => is_this_machine(&url),
        _ => false,
    }
}

/// The `authorization` of a bearer. Nothing, if the secret cannot stand in a header.
pub fn bearer(secret: &Secret<String>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", secret.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_is_said_in_private() {
        for url in
            ["https://sms.example.com/send?x=1", "http://127.0.0.1:8080/", "http://localhost/", "http://[::1]:1/x"]
        {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://sms.example.com/",
            "ftp://localhost/",
            "localhost",
            "https://",
            "http://127.0.0.1.example.com/",
            "",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn a_rule_says_where_a_client_connects_to() {
        let addresses = ["127.0.0.1", "10.0.0.1", "1.1.1.1", "169.254.169.254"].map(|it| it.parse().unwrap());
        for (rule, expected) in [
            (Rule::Anywhere, [true, true, true, true]),
            (Rule::ThisMachine, [true, false, false, false]),
            (Rule::Public, [false, false, true, false]),
            (Rule::PublicOrPrivate, [true, true, true, false]),
            (Rule::Private, [true, true, false, false]),
        ] {
            assert_eq!(addresses.map(|address| rule.allows(address)), expected, "{rule:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_allowed_is_not_connected_to() {
        let resolver = |rule| Resolver { rule, names: GaiResolver::new() };
        let name = || "localhost".parse::<Name>().unwrap();
        let found: Vec<_> = resolver(Rule::ThisMachine).call(name()).await.unwrap().collect();
        assert!(!found.is_empty() && found.iter().all(|address| address.ip().is_loopback()), "{found:?}");
        assert!(resolver(Rule::Public).call(name()).await.is_err());
    }

    #[test]
    fn authorities_are_certificates() {
        assert!(Trust::new(None).is_ok());
        for pem in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(Trust::new(Some(pem.as_bytes())).is_err(), "{pem}");
        }
    }
}
