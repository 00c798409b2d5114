//! What browsers bring, as JSON (Web Authentication Level 3, section 5.1.8), and the client data in it (section 5.8.1).

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Deserializer};

use super::Refusal;

/// What `navigator.credentials.create` gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Registration {
    pub credential_id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub attestation_object: Vec<u8>,
    /// By which ways the authenticator can be reached, as the browser says.
    pub transports: Vec<String>,
    /// How the authenticator is attached, as the browser says.
    pub attachment: Option<String>,
}

/// What `navigator.credentials.get` gave.
#[derive(Debug, PartialEq, Eq)]
pub struct Assertion {
    pub credential_id: Vec<u8>,
    pub client_data: Vec<u8>,
    pub authenticator_data: Vec<u8>,
    pub signature: Vec<u8>,
    pub user_handle: Option<Vec<u8>>,
}

impl Registration {
    /// Reads the JSON of a RegistrationResponseJSON. What else is in it, and stands in the attestation as well, is not believed
    /// and not looked at.
    pub fn read(json: serde_json::Value) -> Result<Self, Refusal> {
        let credential: Credential<RegistrationMembers> =
            serde_json::from_value(json).map_err(|_| Refusal::Malformed)?;
        let credential_id = credential.id()?;
        let RegistrationMembers { client_data, attestation_object, transports } = credential.response;
        Ok(Registration {
            credential_id,
            client_data: client_data.0,
            attestation_object: attestation_object.0,
            transports: transports.unwrap_or_default(),
            attachment: credential.attachment,
        })
    }
}

impl Assertion {
    /// Reads the JSON text of an AuthenticationResponseJSON.
    pub fn read(json: &str) -> Result<Self, Refusal> {
        let credential: Credential<AssertionMembers> = serde_json::from_str(json).map_err(|_| Refusal::Malformed)?;
        let credential_id = credential.id()?;
        let AssertionMembers { client_data, authenticator_data, signature, user_handle } = credential.response;
        Ok(Assertion {
            credential_id,
            client_data: client_data.0,
            authenticator_data: authenticator_data.0,
            signature: signature.0,
            // An empty one says as little as none.
            user_handle: user_handle.map(|handle| handle.0).filter(|handle| !handle.is_empty()),
        })
    }
}

/// What both have in common.
#[derive(Deserialize)]
struct Credential<R> {
    id: Bytes,
    #[serde(rename = "rawId")]
    raw_id: Option<Bytes>,
    #[serde(rename = "type")]
    kind: String,
    response: R,
    #[serde(rename = "authenticatorAttachment")]
    attachment: Option<String>,
}

#[derive(Deserialize)]
struct RegistrationMembers {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    #[serde(rename = "attestationObject")]
    attestation_object: Bytes,
    transports: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct AssertionMembers {
    #[serde(rename = "clientDataJSON")]
    client_data: Bytes,
    #[serde(rename = "authenticatorData")]
    authenticator_data: Bytes,
    signature: Bytes,
    #[serde(rename = "userHandle")]
    user_handle: Option<Bytes>,
}

impl<R> Credential<R> {
    fn id(&self) -> Result<Vec<u8>, Refusal> {
        let is_one = self.kind == "public-key" && self.raw_id.as_ref().is_none_or(|raw_id| raw_id.0 == self.id.0);
        if is_one { Ok(self.id.0.clone()) } else { Err(Refusal::Malformed) }
    }
}

/// Bytes in base64url without padding.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_URL_SAFE_NO_PAD.decode(text).map(Bytes).map_err(serde::de::Error::custom)
    }
}

/// What the browser says of where it was asked, and for what. The authenticator signs its hash.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientData {
    #[serde(rename = "type")]
    pub ceremony: String,
    #[serde(deserialize_with = "bytes")]
    pub challenge: Vec<u8>,
    pub origin: String,
    cross_origin: Option<bool>,
    top_origin: Option<String>,
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    Bytes::deserialize(deserializer).map(|bytes| bytes.0)
}

impl ClientData {
    pub fn read(json: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(json).map_err(|_| Refusal::Malformed)
    }

    /// Whether the page stands in a frame of another origin's, which may have lured the user to it.
    pub fn is_in_a_frame(&self) -> bool {
        self.cross_origin == Some(true) || self.top_origin.is_some()
    }
}
