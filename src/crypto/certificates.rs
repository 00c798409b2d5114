//! Certificates of signing keys (RFC 5280), signed by the keys themselves.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyUsagePurpose, date_time_ymd};

use super::signing::{SigningKey, Unusable};

const VALIDITY_YEARS: i32 = 10;

/// A certificate of a key for this name, in DER, good from the day of `from` on for ten years. Equal arguments give equal bytes.
pub fn self_signed(name: &str, key: &SigningKey, from: Timestamp) -> Result<Vec<u8>, Unusable> {
    let first = from.to_zoned(TimeZone::UTC).date();
    let last = first.saturating_add(VALIDITY_YEARS.years());
    let midnight = |day: jiff::civil::Date| {
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        date_time_ymd(i32::from(day.year()), part(day.month()), part(day.day()))
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    (params.not_before, params.not_after) = (midnight(first), midnight(last));
    let certificate = params.self_signed(key).map_err(|_| Unusable::Key)?;
    Ok(certificate.der().to_vec())
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        self.public_key()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        SigningKey::sign(self, message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
