//! SRP as a client of Cognito speaks it, on another library of numbers than the service's: what agrees here is no
//! mistake that both make.

use aws_lc_rs::{digest, hmac};
use std::collections::HashMap;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::rng::Rng;
use num_bigint::BigUint;

/// The 3072-bit MODP prime (RFC 3526, group 15).
const MODULUS: &str = "\
    FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
    EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
    EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
    83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
    E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
    15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
    ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
    BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";

/// N.
pub fn modulus() -> BigUint {
    BigUint::parse_bytes(MODULUS.as_bytes(), 16).unwrap()
}

/// A client that has begun.
#[derive(Clone, Debug)]
pub struct SrpClient {
    pool_name: String,
    /// a.
    exponent: BigUint,
}

/// What the server asks with PASSWORD_VERIFIER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub salt: String,
    pub server_number: String,
    pub secret_block: String,
    pub user_id: String,
}

impl Question {
    /// The question that the parameters of a challenge are.
    pub fn of(parameters: &HashMap<String, String>) -> Self {
        assert_eq!(parameters["USERNAME"], parameters["USER_ID_FOR_SRP"]);
        assert_eq!(parameters.len(), 5, "{:?}", parameters.keys());
        Self::among(parameters).unwrap()
    }

    /// The question among the parameters of whichever challenge.
    pub fn among(parameters: &HashMap<String, String>) -> Option<Self> {
        let text = |name: &str| parameters.get(name).cloned();
        Some(Question {
            salt: text("SALT")?,
            server_number: text("SRP_B")?,
            secret_block: text("SECRET_BLOCK")?,
            user_id: text("USER_ID_FOR_SRP")?,
        })
    }

    /// The question for a device.
    pub fn of_device(parameters: &HashMap<String, String>) -> Self {
        assert_eq!(parameters.len(), 5, "{:?}", parameters.keys());
        Question {
            salt: parameters["SALT"].clone(),
            server_number: parameters["SRP_B"].clone(),
            secret_block: parameters["SECRET_BLOCK"].clone(),
            user_id: parameters["DEVICE_KEY"].clone(),
        }
    }

    /// The answer with this proof.
    pub fn responses(&self, signature: &str, timestamp: &str) -> HashMap<String, String> {
        let responses = [
            ("USERNAME", self.user_id.as_str()),
            ("PASSWORD_CLAIM_SECRET_BLOCK", &self.secret_block),
            ("PASSWORD_CLAIM_SIGNATURE", signature),
            ("TIMESTAMP", timestamp),
        ];
        responses.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl SrpClient {
    /// Draws a secret number for a sign-in to a pool, as long as the libraries of AWS draw it.
    pub fn new(pool: &str, rng: &Rng) -> Self {
        Self::with_exponent(pool, &rng.bytes::<128>())
    }

    /// Takes this number.
    pub fn with_exponent(pool: &str, exponent: &[u8]) -> Self {
        let pool_name = pool.split_once('_').unwrap().1.to_owned();
        SrpClient { pool_name, exponent: BigUint::from_bytes_be(exponent) }
    }

    /// SRP_A.
    pub fn number(&self) -> String {
        self.power().to_str_radix(16)
    }

    fn power(&self) -> BigUint {
        BigUint::from(2u8).modpow(&self.exponent, &modulus())
    }

    /// The answer: PASSWORD_CLAIM_SIGNATURE and what it must come with.
    pub fn responses(&self, question: &Question, password: &str, timestamp: &str) -> HashMap<String, String> {
        question.responses(&self.signature(question, password, timestamp), timestamp)
    }

    /// PASSWORD_CLAIM_SIGNATURE.
    pub fn signature(&self, question: &Question, password: &str, timestamp: &str) -> String {
        let modulus = modulus();
        let parse = |digits: &str| BigUint::parse_bytes(digits.as_bytes(), 16).unwrap();
        let server_number = parse(&question.server_number);
        let multiplier = hashed(&[&written(&modulus), &written(&BigUint::from(2u8))]);
        let scrambler = hashed(&[&written(&self.power()), &written(&server_number)]);
        let x = private_key(&self.pool_name, &question.user_id, password, &parse(&question.salt));
        // Kept above zero: B − k·g^x.
        let masked = multiplier * BigUint::from(2u8).modpow(&x, &modulus) % &modulus;
        let base = (server_number + &modulus - masked) % &modulus;
        let shared = base.modpow(&(&self.exponent + &scrambler * x), &modulus);
        let extracted = keyed(&written(&scrambler), &[&written(&shared)]);
        let key = &keyed(&extracted, &[b"Caldera Derived Key", &[1]])[..16];
        let block = BASE64_STANDARD.decode(&question.secret_block).unwrap();
        let covered: [&[u8]; 4] =
            [self.pool_name.as_bytes(), question.user_id.as_bytes(), &block, timestamp.as_bytes()];
        BASE64_STANDARD.encode(keyed(key, &covered))
    }
}

/// v: what a server keeps of a password.
pub fn verifier(pool: &str, user_id: &str, password: &str, salt: &[u8]) -> BigUint {
    let pool_name = pool.split_once('_').unwrap().1;
    let x = private_key(pool_name, user_id, password, &BigUint::from_bytes_be(salt));
    BigUint::from(2u8).modpow(&x, &modulus())
}

/// TIMESTAMP.
pub fn timestamp(moment: jiff::Timestamp) -> String {
    moment.strftime("%a %b %-d %H:%M:%S UTC %Y").to_string()
}

/// x.
fn private_key(pool_name: &str, user_id: &str, password: &str, salt: &BigUint) -> BigUint {
    let inner = digest::digest(&digest::SHA256, format!("{pool_name}{user_id}:{password}").as_bytes());
    hashed(&[&written(salt), inner.as_ref()])
}

fn hashed(parts: &[&[u8]]) -> BigUint {
    BigUint::from_bytes_be(digest::digest(&digest::SHA256, &parts.concat()).as_ref())
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &parts.concat()).as_ref().to_vec()
}

/// As Java's BigInteger writes itself.
fn written(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes[0] >= 0x80 {
        bytes.insert(0, 0);
    }
    bytes
}
