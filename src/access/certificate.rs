//! Client certificates: which identity one proves, and that it still does.
//!
//! The identity is a subject alternative name (RFC 5280, section 4.2.1.6): URIs first, then DNS names, each compared with
//! the principals' letter for letter. The common name never counts. A certificate that maps to nobody is nobody.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use rustls::DistinguishedName;
use rustls::RootCertStore;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use crate::crypto::keys::sha256;
/// The certificate that a client proved to hold, on one connection.
pub struct ClientCertificate {
    chain: Vec<CertificateDer<'static>>,
    identities: Vec<String>,
    fingerprint: String,
    /// The second in which it was last found valid.
    valid_at: AtomicI64,
}

impl ClientCertificate {
    /// What a handshake has verified: the client's own certificate first.
    pub fn verified(chain: &[CertificateDer<'_>]) -> Option<Self> {
        let own = chain.first()?;
        let parsed = EndEntityCert::try_from(own).ok()?;
        // A URI has a scheme; without one it could be taken for a DNS name.
        let uris = parsed.valid_uri_names().filter(|uri| uri.contains(':'));
        let identities = uris.chain(parsed.valid_dns_names()).map(str::to_owned).collect();
        let fingerprint = hex::encode(sha256(own));
        let chain = chain.iter().map(|each| each.clone().into_owned()).collect();
        Some(ClientCertificate { chain, identities, fingerprint, valid_at: AtomicI64::new(i64::MIN) })
    }

    /// Its subject alternative names: URIs, then DNS names.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// SHA-256 of the certificate, in hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Whether it is valid now, by the authorities and revocations now in force: a connection may outlive its
    /// certificate. Looked at once a second, so a busy connection pays for one signature check in that time.
    pub fn is_valid(&self, verifier: &dyn ClientCertVerifier, now: Timestamp) -> bool {
        let second = now.as_second();
        if self.valid_at.load(Ordering::Relaxed) == second {
            return true;
        }
        let Some((own, others)) = self.chain.split_first() else { return false };
        let is_valid = verifier.verify_client_cert(own, others, unix_time(now)).is_ok();
        if is_valid {
            self.valid_at.store(second, Ordering::Relaxed);
        }
        is_valid
    }
}

/// A moment as rustls reads it; before 1970 is 1970.
pub fn unix_time(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)))
}

/// Verifies client certificates: the chain to one of the authorities, validity, revocation, and that the certificate says
/// it is for clients.
///
/// Where revocation lists are given, every certificate below an authority must be on the watch of one that has not expired;
/// what no list speaks of is refused.
pub fn verifier(
    authorities: RootCertStore,
    revocations: Vec<CertificateRevocationListDer<'static>>,
    required: bool,
) -> Result<Arc<dyn ClientCertVerifier>, rustls::server::VerifierBuilderError> {
    let authorities = Arc::new(authorities);
    let mut builder = WebPkiClientVerifier::builder(authorities.clone());
    if !revocations.is_empty() {
        builder = builder.with_crls(revocations).enforce_revocation_expiration();
    }
    if !required {
        builder = builder.allow_unauthenticated();
    }
    Ok(Arc::new(ForClients { chain: builder.build()?, authorities }))
}

/// The extended key usage `id-kp-clientAuth` (RFC 5280, section 4.2.1.12), as the bytes of its object identifier.
const CLIENT_AUTHENTICATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// Besides the chain asks for the extended key usage, which rustls checks only where a certificate has one.
struct ForClients {
    chain: Arc<dyn ClientCertVerifier>,
    authorities: Arc<RootCertStore>,
}

impl fmt::Debug for ForClients {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ForClients").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for ForClients {
    fn offer_client_auth(&self) -> bool {
        self.chain.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(own, others, now)?;
        let usage = KeyUsage::required(CLIENT_AUTHENTICATION);
        let parsed = EndEntityCert::try_from(own).map_err(|_| CertificateError::BadEncoding)?;
        parsed
            .verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &self.authorities.roots, others, now, usage, None, None)
            .map_err(|_| CertificateError::InvalidPurpose)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, own, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, own, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
