//! A device that keeps passkeys, and the browser before it (Web Authentication Level 3; CTAP 2 for the bytes), written without a
//! look at the server's own. It does as it is told, be it wrong.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaPublicKeyComponents,
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use cognate::rng::Rng;
use serde_json::{Value, json};

/// A passkey, as its device keeps it.
pub struct Passkey {
    pub id: Vec<u8>,
    key: Key,
    user_handle: Vec<u8>,
    /// How often it has signed; nothing for one that does not count.
    pub signatures: Option<u32>,
}

enum Key {
    Es256(EcdsaKeyPair),
    Rs256(Box<RsaKeyPair>),
}

/// How browser and device go about it. By default as they should, on a page of `https://auth.example.com`.
#[derive(Clone, Debug)]
pub struct Manners {
    pub origin: String,
    /// What the browser says is asked for, if it is not what was.
    pub ceremony: Option<&'static str>,
    pub challenge: Option<Vec<u8>>,
    /// For which domain the device acts, if not for the one that was named.
    pub rp_id: Option<String>,
    pub cross_origin: Option<bool>,
    pub top_origin: Option<&'static str>,
    pub user_present: bool,
    pub user_verified: bool,
    pub backup_eligible: bool,
    pub backed_up: bool,
    /// COSE's number of the key's algorithm.
    pub algorithm: i64,
    pub aaguid: [u8; 16],
    /// Whether the device counts its signatures.
    pub counts: bool,
    /// The id of the new passkey, if it is not left to chance.
    pub id: Option<Vec<u8>>,
    /// Whether the device says something in the way of extensions.
    pub has_extensions: bool,
    pub format: &'static str,
    pub transports: Value,
    pub attachment: Value,
    pub user_handle: Option<Vec<u8>>,
}

impl Default for Manners {
    fn default() -> Self {
        Manners {
            origin: "https://auth.example.com".to_owned(),
            ceremony: None,
            challenge: None,
            rp_id: None,
            cross_origin: Some(false),
            top_origin: None,
            user_present: true,
            user_verified: true,
            backup_eligible: false,
            backed_up: false,
            algorithm: -7,
            aaguid: [0; 16],
            counts: true,
            id: None,
            has_extensions: false,
            format: "none",
            transports: json!(["internal"]),
            attachment: json!("platform"),
            user_handle: None,
        }
    }
}

impl Manners {
    fn client_data(&self, ceremony: &str, options: &Value) -> Vec<u8> {
        let challenge = match &self.challenge {
            Some(challenge) => encoded(challenge),
            None => options["challenge"].as_str().unwrap().to_owned(),
        };
        let ceremony = self.ceremony.unwrap_or(ceremony);
        let mut data = json!({"type": ceremony, "challenge": challenge, "origin": self.origin});
        if let Some(cross_origin) = self.cross_origin {
            data["crossOrigin"] = json!(cross_origin);
        }
        if let Some(top_origin) = self.top_origin {
            data["topOrigin"] = json!(top_origin);
        }
        data["other_keys_can_be_added_here"] = json!("do not compare clientDataJSON against a template");
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, rp_id: &Value, signatures: u32, made: Option<&[u8]>) -> Vec<u8> {
        let rp_id = self.rp_id.as_deref().unwrap_or_else(|| rp_id.as_str().unwrap());
        let flags = [
            (self.user_present, 0x01),
            (self.user_verified, 0x04),
            (self.backup_eligible, 0x08),
            (self.backed_up, 0x10),
            (made.is_some(), 0x40),
            (self.has_extensions, 0x80),
        ];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |flags: u8, (_, bit)| flags | bit);
        let mut data = hash(rp_id.as_bytes());
        data.push(flags);
        data.extend(signatures.to_be_bytes());
        data.extend(made.unwrap_or_default());
        if self.has_extensions {
            data.extend(cbor_map(&[(cbor_text("credProtect"), cbor_integer(2))]));
        }
        data
    }
}

impl Passkey {
    /// Makes one, as `navigator.credentials.create` does. Gives it, and the RegistrationResponseJSON.
    pub fn create(options: &Value, manners: &Manners, rng: &Rng) -> (Self, Value) {
        let key = match manners.algorithm {
            -257 => Key::Rs256(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())),
            _ => Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
        };
        let id = manners.id.clone().unwrap_or_else(|| rng.bytes::<32>().to_vec());
        let user_handle = decoded(&options["user"]["id"]);
        let passkey = Passkey { id, key, user_handle, signatures: manners.counts.then_some(1) };
        let length = u16::try_from(passkey.id.len()).unwrap().to_be_bytes();
        let made = [&manners.aaguid, &length[..], &passkey.id, &passkey.cose(manners.algorithm)].concat();
        let signatures = passkey.signatures.unwrap_or_default();
        let data = manners.authenticator_data(&options["rp"]["id"], signatures, Some(&made));
        let statement = match manners.format {
            "none" => cbor_map(&[]),
            // As of a maker who vouches for the device; nobody has asked.
            _ => cbor_map(&[(cbor_text("alg"), cbor_integer(-7)), (cbor_text("sig"), cbor_bytes(&[7; 70]))]),
        };
        let object = cbor_map(&[
            (cbor_text("fmt"), cbor_text(manners.format)),
            (cbor_text("attStmt"), statement),
            (cbor_text("authData"), cbor_bytes(&data)),
        ]);
        let response = json!({
            "clientDataJSON": encoded(&manners.client_data("webauthn.create", options)),
            "attestationObject": encoded(&object),
            "authenticatorData": encoded(&data),
            "transports": manners.transports,
            "publicKeyAlgorithm": manners.algorithm,
        });
        let credential = passkey.credential(response, manners);
        (passkey, credential)
    }

    /// Uses it, as `navigator.credentials.get` does. Gives the AuthenticationResponseJSON.
    pub fn get(&mut self, options: &Value, manners: &Manners) -> Value {
        self.signatures = self.signatures.map(|signatures| signatures + 1);
        let signatures = self.signatures.unwrap_or_default();
        let data = manners.authenticator_data(&options["rpId"], signatures, None);
        let client_data = manners.client_data("webauthn.get", options);
        let signature = self.sign(&[&data[..], &hash(&client_data)].concat());
        let user_handle = manners.user_handle.as_ref().unwrap_or(&self.user_handle);
        let response = json!({
            "clientDataJSON": encoded(&client_data),
            "authenticatorData": encoded(&data),
            "signature": encoded(&signature),
            "userHandle": encoded(user_handle),
        });
        self.credential(response, manners)
    }

    /// A copy of the device, which does not know what the other one does from now on. Keys do not leave a real one.
    pub fn cloned(&self) -> Self {
        let key = match &self.key {
            Key::Es256(pair) => {
                let written = pair.to_pkcs8v1().unwrap();
                Key::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, written.as_ref()).unwrap())
            }
            Key::Rs256(_) => panic!("keys of this kind are not copied"),
        };
        Passkey { id: self.id.clone(), key, user_handle: self.user_handle.clone(), signatures: self.signatures }
    }

    pub fn id_text(&self) -> String {
        encoded(&self.id)
    }

    fn credential(&self, response: Value, manners: &Manners) -> Value {
        let mut credential = json!({
            "id": encoded(&self.id),
            "rawId": encoded(&self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        });
        if !manners.attachment.is_null() {
            credential["authenticatorAttachment"] = manners.attachment.clone();
        }
        credential
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.key {
            Key::Es256(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Key::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// The public key as a COSE_Key.
    pub fn public_key(&self) -> Vec<u8> {
        self.cose(-7)
    }

    fn cose(&self, algorithm: i64) -> Vec<u8> {
        let number = cbor_integer;
        match &self.key {
            Key::Es256(pair) => {
                let point = pair.public_key().as_ref();
                cbor_map(&[
                    (number(1), number(2)),
                    (number(3), number(algorithm)),
                    (number(-1), number(1)),
                    (number(-2), cbor_bytes(&point[1..33])),
                    (number(-3), cbor_bytes(&point[33..65])),
                ])
            }
            Key::Rs256(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                cbor_map(&[
                    (number(1), number(3)),
                    (number(3), number(algorithm)),
                    (number(-1), cbor_bytes(&public.n)),
                    (number(-2), cbor_bytes(&public.e)),
                ])
            }
        }
    }
}

/// Base64url, as browsers write it.
pub fn encoded(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

pub fn decoded(text: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

fn hash(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// The head of a CBOR item: its kind and a number (RFC 8949, section 3).
fn cbor_head(major: u8, number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    match number {
        0..24 => vec![major << 5 | bytes[7]],
        24..0x100 => vec![major << 5 | 24, bytes[7]],
        0x100..0x1_0000 => [&[major << 5 | 25], &bytes[6..]].concat(),
        _ => [&[major << 5 | 26], &bytes[4..]].concat(),
    }
}

fn cbor_integer(number: i64) -> Vec<u8> {
    match u64::try_from(number) {
        Ok(number) => cbor_head(0, number),
        Err(_) => cbor_head(1, (-1 - number) as u64),
    }
}

fn cbor_bytes(bytes: &[u8]) -> Vec<u8> {
    [cbor_head(2, bytes.len() as u64), bytes.to_vec()].concat()
}

fn cbor_text(text: &str) -> Vec<u8> {
    [cbor_head(3, text.len() as u64), text.as_bytes().to_vec()].concat()
}

fn cbor_map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let entries_written = entries.iter().flat_map(|(key, value)| [key.clone(), value.clone()]).flatten();
    cbor_head(5, entries.len() as u64).into_iter().chain(entries_written).collect()
}
