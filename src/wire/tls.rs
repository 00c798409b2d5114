//! TLS 1.3 and 1.2 for a listener: its certificate and key, and the authorities of its clients, read from files.
//!
//! What the files say is one value, replaced as a whole when they change: new connections are made by the new one, those
//! that exist go on.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, version};

use crate::access::certificate;
use crate::config::TlsFiles;
use crate::context::Services;
use crate::live::{Live, Sources, Unusable};

/// How a listener speaks TLS.
pub struct Tls {
    pub server: Arc<ServerConfig>,
    /// Verifies client certificates, where they are asked for.
    pub clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl Tls {
    /// Reads the files, now and whenever they change.
    pub fn live(files: TlsFiles, services: Arc<Services>) -> Result<Live<Tls>, Unusable> {
        Live::read("certificates", move |sources| Tls::read(&files, sources, &services))
    }

    fn read(files: &TlsFiles, sources: &mut Sources, services: &Arc<Services>) -> Result<Tls, Unusable> {
        let chain = certificates(sources, &files.certificate)?;
        let key = one::<PrivateKeyDer<'static>>(sources, &files.key)?;
        let clients = clients(files, sources)?;
        let time = Arc::new(Time(services.clone()));
        let builder = ServerConfig::builder_with_details(Arc::new(aws_lc_rs::default_provider()), time)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|error| Unusable::because(&files.certificate, error))?;
        let builder = match &clients {
            Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        // That the key is the certificate's is checked here.
        let mut server =
            builder.with_single_cert(chain, key).map_err(|error| Unusable::because(&files.certificate, error))?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        if clients.is_some() {
            // A resumed session would skip the checks of the client's certificate.
            server.session_storage = Arc::new(NoServerSessionStorage {});
            server.send_tls13_tickets = 0;
        }
        Ok(Tls { server: Arc::new(server), clients })
    }
}

fn clients(files: &TlsFiles, sources: &mut Sources) -> Result<Option<Arc<dyn ClientCertVerifier>>, Unusable> {
    let Some(path) = &files.client_authorities else { return Ok(None) };
    let mut authorities = RootCertStore::empty();
    for authority in certificates(sources, path)? {
        authorities.add(authority).map_err(|error| Unusable::because(path, error))?;
    }
    let revocations = match &files.client_revocations {
        Some(path) => all::<CertificateRevocationListDer<'static>>(sources, path)?,
        None => Vec::new(),
    };
    let verifier = certificate::verifier(authorities, revocations, files.client_certificate_required);
    verifier.map(Some).map_err(|error| Unusable::because(files.client_revocations.as_ref().unwrap_or(path), error))
}

fn certificates(sources: &mut Sources, path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    all(sources, path)
}

/// Every section of a kind in a PEM file: at least one.
fn all<T: PemObject>(sources: &mut Sources, path: &Path) -> Result<Vec<T>, Unusable> {
    let bytes = sources.read(path).map_err(|error| Unusable::because(path, error))?;
    let sections: Result<Vec<T>, _> = T::pem_slice_iter(&bytes).collect();
    let sections = sections.map_err(|error| Unusable::because(path, format!("{error:?}")))?;
    if sections.is_empty() { Err(Unusable::because(path, "holds no such PEM section")) } else { Ok(sections) }
}

fn one<T: PemObject>(sources: &mut Sources, path: &Path) -> Result<T, Unusable> {
    let bytes = sources.read(path).map_err(|error| Unusable::because(path, error))?;
    T::from_pem_slice(&bytes).map_err(|error| Unusable::because(path, format!("holds no private key: {error:?}")))
}

/// The process's clock, for the validity of certificates.
struct Time(Arc<Services>);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(certificate::unix_time(self.0.clock.now()))
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Time")
    }
}
