//! The server's side of SRP-6a as Cognito has it (reference 4.2): a user proves a password that never comes over the
//! wire.
//!
//! What differs from RFC 5054: g is 2; numbers are hashed as Java writes them, in as few bytes as hold them and a sign
//! bit; the session key is the first 16 bytes of HKDF-SHA-256; the proof is an HMAC under that key over who, where and
//! when.
//!
//! A [`Verifier`] is kept of each password. It is no password, but whoever holds it can try passwords against it, so it
//! stands on disk only sealed. Exponentiation takes the same time for every exponent; with a base that is not known
//! beforehand it needs more than a millisecond of a core.

mod generator;

use aws_lc_rs::hmac;
use crypto_bigint::modular::ConstMontyParams as _;
use crypto_bigint::{U256, U3072, const_monty_form, const_monty_params};

use super::keys::{keyed_hash, sha256};
use super::secret::{Secret, same};
use crate::rng::Rng;

/// Bytes of a number below the modulus.
const NUMBER_BYTES: usize = 384;

const SALT_BYTES: usize = 16;

/// Bytes of the server's secret exponent, of the client's public one and of both hashes: twice the group's strength.
const EXPONENT_BYTES: usize = 32;

const SESSION_KEY_BYTES: usize = 16;

/// What the session key is derived for.
const SESSION_KEY_INFO: &[u8] = b"Caldera Derived Key\x01";

const_monty_params!(
    Modulus,
    U3072,
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
     EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
     EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
     83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
     E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
     15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
     ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
     BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    "The 3072-bit MODP prime (RFC 3526, group 15)."
);

const_monty_form!(Element, Modulus, "A number modulo that prime.");

/// k = H(N, g).
const MULTIPLIER: Element =
    Element::new(&U256::from_be_hex("538282c4354742d7cbbde2359fcf67f9f5b3a6b08791e5011b43b8a5b66d9ee6").resize());

/// Whom a password is of, as it goes into the hashes.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The pool's id without its region.
    pub pool_name: String,
    /// The user's own name, which clients are told as USER_ID_FOR_SRP.
    pub username: String,
}

/// What makes the verifiers of equal passwords differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt([u8; SALT_BYTES]);

impl Salt {
    pub fn new(rng: &Rng) -> Self {
        Self::of(rng.bytes())
    }

    /// One whose first byte is neither zero nor has the sign bit: its bytes are the same however a client reads its
    /// digits.
    fn of(mut chance: [u8; SALT_BYTES]) -> Self {
        chance[0] = chance[0] & 0x3F | 0x40;
        Salt(chance)
    }
}

/// What is kept of a password, so that it can be proved.
#[derive(Clone)]
pub struct Verifier {
    salt: Salt,
    /// v = g^x.
    number: Secret<[u8; NUMBER_BYTES]>,
}

impl Verifier {
    /// The verifier of a password. Costs an exponentiation.
    pub fn of(identity: &Identity, password: &Secret<String>, salt: Salt) -> Self {
        let x = password_exponent(identity, password, salt);
        Verifier { salt, number: Secret::new(bytes_of(&generator::power(&x).expose().retrieve())) }
    }

    /// A verifier that is no password's, always the same for the same `chance`: for a name that nobody has.
    pub fn simulated(chance: &[u8; 32]) -> Self {
        let mut number = [0; NUMBER_BYTES];
        for (part, number) in (0u8..).zip(number.chunks_exact_mut(32)) {
            number.copy_from_slice(&keyed_hash(chance, &[b"srp verifier", &[part]]));
        }
        // Below the modulus.
        number[0] &= 0x7F;
        let mut salt_chance = [0; SALT_BYTES];
        salt_chance.copy_from_slice(&keyed_hash(chance, &[b"srp salt"])[..SALT_BYTES]);
        Verifier { salt: Salt::of(salt_chance), number: Secret::new(number) }
    }

    /// The verifier that a client has made of a secret of its own, from the bytes of two numbers, written with or without a
    /// sign. Nothing where the salt is zero or longer than 16 bytes, or where anybody could prove the secret: v must be above 1
    /// and below N − 1.
    pub fn made_by_client(salt: &[u8], number: &[u8]) -> Option<Self> {
        let (salt, number) = (padded::<SALT_BYTES>(salt)?, padded::<NUMBER_BYTES>(number)?);
        let value = U3072::from_be_slice(&number);
        let below = Modulus::PARAMS.modulus().as_ref().wrapping_sub(&U3072::ONE);
        let is_secret = value > U3072::ONE && value < below && salt != [0; SALT_BYTES];
        is_secret.then(|| Verifier { salt: Salt(salt), number: Secret::new(number) })
    }

    /// The salt in hexadecimal digits, as clients are told it: as it goes into their hashes, for not all of them read the
    /// digits as a number.
    pub fn salt(&self) -> String {
        hex::encode(signed(&self.salt.0))
    }

    /// All of it: to be sealed.
    pub fn bytes(&self) -> Secret<Vec<u8>> {
        Secret::new([self.salt.0.as_slice(), self.number.expose()].concat())
    }

    /// What [`Verifier::bytes`] gave; nothing of other bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (salt, number) = bytes.split_first_chunk()?;
        let number = Secret::new(<[u8; NUMBER_BYTES]>::try_from(number).ok()?);
        Some(Verifier { salt: Salt(*salt), number })
    }

    fn element(&self) -> Secret<Element> {
        Secret::new(Element::new(&U3072::from_be_slice(self.number.expose())))
    }
}

/// A: what a client begins with.
#[derive(Clone, Copy, Debug)]
pub struct ClientNumber(U3072);

impl ClientNumber {
    /// Reads hexadecimal digits. Nothing of what is not below the modulus, or is zero: then everybody would know the
    /// session key.
    pub fn parse(digits: &str) -> Option<Self> {
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() || digits.len() > 2 * NUMBER_BYTES {
            return None;
        }
        let mut bytes = [0; NUMBER_BYTES];
        hex::decode_to_slice(format!("{digits:0>width$}", width = 2 * NUMBER_BYTES), &mut bytes).ok()?;
        let number = U3072::from_be_slice(&bytes);
        (number < *Modulus::PARAMS.modulus().as_ref()).then_some(ClientNumber(number))
    }
}

/// What the server knows of an exchange until the proof comes.
pub struct Exchange {
    /// b.
    exponent: Secret<[u8; EXPONENT_BYTES]>,
    /// u = H(A, B).
    scrambler: [u8; EXPONENT_BYTES],
    /// A.
    client: ClientNumber,
}

impl Exchange {
    /// Answers a client's number, with a b drawn for this exchange alone. Gives B as well, in hexadecimal digits. Costs
    /// an exponentiation. Nothing where the numbers would let everybody know the session key, which chance does not
    /// bring about.
    pub fn begin(
        verifier: &Verifier,
        client: ClientNumber,
        exponent: Secret<[u8; EXPONENT_BYTES]>,
    ) -> Option<(Self, String)> {
        let power = generator::power(&exponent);
        let server = server_number(verifier, &power);
        let scrambler = scrambler(client, &server);
        if scrambler == [0; EXPONENT_BYTES] || server == [0; NUMBER_BYTES] {
            return None;
        }
        Some((Exchange { exponent, scrambler, client }, digits(&server)))
    }

    /// Whether the claim's signature proves the password of the verifier, compared in constant time. The timestamp is
    /// covered as it was sent; whether it is fresh is not asked here. Costs two exponentiations.
    pub fn is_proved(&self, verifier: &Verifier, identity: &Identity, claim: &Claim) -> bool {
        let base = shared_base(verifier, self.client, &self.scrambler);
        let shared = Secret::new(base.expose().pow(&exponent_of(self.exponent.expose())).retrieve());
        let key = session_key(&self.scrambler, &shared);
        same(&signature(&key, identity, claim.secret_block, claim.timestamp), claim.signature)
    }

    /// All of it: to be sealed.
    pub fn bytes(&self) -> Secret<Vec<u8>> {
        Secret::new([self.exponent.expose().as_slice(), &self.scrambler, &bytes_of(&self.client.0)].concat())
    }

    /// What [`Exchange::bytes`] gave; nothing of other bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (exponent, rest) = bytes.split_first_chunk()?;
        let (scrambler, client) = rest.split_first_chunk()?;
        let client: [u8; NUMBER_BYTES] = client.try_into().ok()?;
        let client = ClientNumber(U3072::from_be_slice(&client));
        Some(Exchange { exponent: Secret::new(*exponent), scrambler: *scrambler, client })
    }
}

/// The proof that a client sends.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    pub secret_block: &'a [u8],
    pub timestamp: &'a str,
    pub signature: &'a [u8],
}

/// x = H(salt, H(pool name, username, ":", password)).
fn password_exponent(identity: &Identity, password: &Secret<String>, salt: Salt) -> Secret<[u8; EXPONENT_BYTES]> {
    let Identity { pool_name, username } = identity;
    let who = [pool_name.as_bytes(), username.as_bytes(), b":", password.expose().as_bytes()].concat();
    let inner = Secret::new(sha256(Secret::new(who).expose()));
    let salted = Secret::new([signed(&salt.0).as_slice(), inner.expose()].concat());
    Secret::new(sha256(salted.expose()))
}

/// B = k·v + g^b.
fn server_number(verifier: &Verifier, power: &Secret<Element>) -> [u8; NUMBER_BYTES] {
    let masked = Secret::new(MULTIPLIER * verifier.element().expose());
    bytes_of(&(masked.expose() + power.expose()).retrieve())
}

/// u = H(A, B).
fn scrambler(client: ClientNumber, server: &[u8; NUMBER_BYTES]) -> [u8; EXPONENT_BYTES] {
    sha256(&[signed(&bytes_of(&client.0)), signed(server)].concat())
}

/// What the server raises to b: A·v^u.
fn shared_base(verifier: &Verifier, client: ClientNumber, scrambler: &[u8; EXPONENT_BYTES]) -> Secret<Element> {
    let scrambled = Secret::new(verifier.element().expose().pow(&exponent_of(scrambler)));
    Secret::new(Element::new(&client.0) * scrambled.expose())
}

/// The key that both sides have, from S that both have.
fn session_key(scrambler: &[u8; EXPONENT_BYTES], shared: &Secret<U3072>) -> Secret<[u8; SESSION_KEY_BYTES]> {
    let shared = Secret::new(signed(Secret::new(bytes_of(shared.expose())).expose()));
    let extracted = Secret::new(hmac_sha256(&signed(scrambler), &[shared.expose()]));
    let expanded = Secret::new(hmac_sha256(extracted.expose(), &[SESSION_KEY_INFO]));
    let mut key = [0; SESSION_KEY_BYTES];
    key.copy_from_slice(&expanded.expose()[..SESSION_KEY_BYTES]);
    Secret::new(key)
}

fn signature(
    key: &Secret<[u8; SESSION_KEY_BYTES]>,
    identity: &Identity,
    secret_block: &[u8],
    timestamp: &str,
) -> [u8; 32] {
    let Identity { pool_name, username } = identity;
    hmac_sha256(key.expose(), &[pool_name.as_bytes(), username.as_bytes(), secret_block, timestamp.as_bytes()])
}

fn exponent_of(bytes: &[u8; EXPONENT_BYTES]) -> U256 {
    U256::from_be_slice(bytes)
}

fn bytes_of(number: &U3072) -> [u8; NUMBER_BYTES] {
    number.to_be_bytes().into()
}

/// The bytes of a number, with zeros before them up to a length; nothing of a number that needs more.
fn padded<const LENGTH: usize>(number: &[u8]) -> Option<[u8; LENGTH]> {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let bytes = &number[first..];
    let mut padded = [0; LENGTH];
    padded[LENGTH.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    Some(padded)
}

/// A number in hexadecimal digits, of which the first is none but for zero.
fn digits(number: &[u8]) -> String {
    hex::encode(number).trim_start_matches('0').to_owned()
}

/// A number in as few bytes as hold it and a sign bit: how numbers go into hashes.
fn signed(number: &[u8]) -> Vec<u8> {
    let first = number.iter().position(|byte| *byte != 0).unwrap_or(number.len());
    let bytes = &number[first..];
    let mut out = Vec::with_capacity(bytes.len() + 1);
    if bytes.first().is_none_or(|byte| byte & 0x80 != 0) {
        out.push(0);
    }
    out.extend_from_slice(bytes);
    out
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use crypto_bigint::U1024;

    use super::*;

    const GENERATOR: Element = Element::new(&U3072::from_u8(2));

    fn identity() -> Identity {
        Identity { pool_name: "Abc123XYZ".to_owned(), username: "alice".to_owned() }
    }

    fn password() -> Secret<String> {
        Secret::new("Passw0rd!".to_owned())
    }

    /// A number that a client draws for itself.
    fn client_number() -> ClientNumber {
        ClientNumber(GENERATOR.pow(&U1024::from_be_hex(&"0123456789abcdef".repeat(16))).retrieve())
    }

    /// What a client makes of B: S = (B − k·g^x)^(a + u·x), with an `a` of 32 bytes.
    fn clients_key(
        verifier: &Verifier,
        own: &[u8; EXPONENT_BYTES],
        exchange: &Exchange,
        server: &str,
    ) -> Secret<[u8; SESSION_KEY_BYTES]> {
        let server = U3072::from_be_hex(&format!("{server:0>768}"));
        let x = password_exponent(&identity(), &password(), verifier.salt);
        let base = Element::new(&server) - MULTIPLIER * generator::power(&x).expose();
        // base^a · (base^u)^x
        let shared =
            base.pow(&exponent_of(own)) * base.pow(&exponent_of(&exchange.scrambler)).pow(&exponent_of(x.expose()));
        session_key(&exchange.scrambler, &Secret::new(shared.retrieve()))
    }

    #[test]
    fn every_number_on_the_way_is_the_references() {
        let k = sha256(&[signed(&bytes_of(Modulus::PARAMS.modulus().as_ref())), signed(&[2])].concat());
        assert_eq!(Element::new(&exponent_of(&k).resize()), MULTIPLIER);

        let client = client_number();
        let written = digits(&bytes_of(&client.0));
        assert_eq!(written.len(), 767);
        assert!(written.starts_with("54b8e4da8991abf6") && written.ends_with("a1174323284223"));

        let salt = Salt([0x8F; SALT_BYTES]);
        let x = password_exponent(&identity(), &password(), salt);
        assert_eq!(hex::encode(x.expose()), "532460165f6abd074636367619b34910d33e104660409b206ae7ca667d4107c6");
        let verifier = Verifier::of(&identity(), &password(), salt);
        assert!(digits(verifier.number.expose()).starts_with("f3ddfa5689df0630"));

        // The vector's b is longer than this server's.
        let b = U1024::from_be_hex(&"fedcba9876543210".repeat(16));
        let server = server_number(&verifier, &Secret::new(GENERATOR.pow(&b)));
        assert!(digits(&server).starts_with("bc41e1cf3bae302e") && digits(&server).ends_with("e83c39e150e73c20"));
        let u = scrambler(client, &server);
        assert_eq!(hex::encode(u), "695a6d1446c755ebed1f326e61cda438bc8521c1ccf724ee8e22c8366fb16736");
        let shared = Secret::new(shared_base(&verifier, client, &u).expose().pow(&b).retrieve());
        assert!(digits(&bytes_of(shared.expose())).starts_with("f840b8b3268b941a"));
        let key = session_key(&u, &shared);
        assert_eq!(hex::encode(key.expose()), "ac62132d3f4c5fd20ff2422dfe6c65d9");
        let signed = signature(&key, &identity(), b"secret-block-bytes", "Wed Jan 7 05:06:09 UTC 2026");
        assert_eq!(BASE64_STANDARD.encode(signed), "jCYNrnZREzGD4ZhTImALFcp8kWAHX48IKI4wkR4Rzyw=");
    }

    #[test]
    fn the_right_password_is_proved_and_with_one_bit_changed_nothing_is() {
        let rng = Rng::seeded(1);
        let verifier = Verifier::of(&identity(), &password(), Salt::new(&rng));
        let own = rng.bytes();
        let client = ClientNumber(GENERATOR.pow(&exponent_of(&own)).retrieve());
        let (exchange, server) = Exchange::begin(&verifier, client, Secret::new(rng.bytes())).unwrap();
        let key = clients_key(&verifier, &own, &exchange, &server);
        let (block, timestamp) = (b"block".to_vec(), "Wed Jan 7 05:06:09 UTC 2026");
        let signature = signature(&key, &identity(), &block, timestamp).to_vec();
        let claim = Claim { secret_block: &block, timestamp, signature: &signature };
        assert!(exchange.is_proved(&verifier, &identity(), &claim));

        let flipped = |bytes: &[u8], at: usize| {
            let mut changed = bytes.to_vec();
            changed[at % bytes.len()] ^= 1 << (at % 8);
            changed
        };
        let refused = |what: &str, exchange: &Exchange, verifier: &Verifier, identity: &Identity, claim: Claim<'_>| {
            assert!(!exchange.is_proved(verifier, identity, &claim), "{what}");
        };
        for at in [0, 1, 30, 31] {
            let signature = flipped(&signature, at);
            refused("signature", &exchange, &verifier, &identity(), Claim { signature: &signature, ..claim });
        }
        for signature in [&signature[..31], &[signature.as_slice(), &[0]].concat(), &[]] {
            refused("length of the signature", &exchange, &verifier, &identity(), Claim { signature, ..claim });
        }
        let secret_block = flipped(&block, 3);
        refused("block", &exchange, &verifier, &identity(), Claim { secret_block: &secret_block, ..claim });
        let timestamp = "Wed Jan 7 05:06:08 UTC 2026";
        refused("timestamp", &exchange, &verifier, &identity(), Claim { timestamp, ..claim });
        for username in ["alicf", "alic", ""] {
            let identity = Identity { username: username.to_owned(), ..identity() };
            refused("name", &exchange, &verifier, &identity, claim);
        }
        let identity_elsewhere = Identity { pool_name: "Abc123XYy".to_owned(), ..identity() };
        refused("pool", &exchange, &verifier, &identity_elsewhere, claim);
        // b, u and A, as they are kept meanwhile.
        let kept = exchange.bytes();
        for at in [0, 31, 32, 63, 64, 447] {
            let exchange = Exchange::read(&flipped(kept.expose(), at)).unwrap();
            refused("exchange", &exchange, &verifier, &identity(), claim);
        }
        let kept = verifier.bytes();
        for at in [16, 200, 399] {
            refused("verifier", &exchange, &Verifier::read(&flipped(kept.expose(), at)).unwrap(), &identity(), claim);
        }
        let other = Verifier::of(&identity(), &Secret::new("Passw0rd?".to_owned()), Salt::new(&rng));
        refused("password", &exchange, &other, &identity(), claim);
    }

    #[test]
    fn verifiers_and_exchanges_come_back_as_they_were_kept_and_nothing_else_does() {
        let rng = Rng::seeded(1);
        let verifier = Verifier::simulated(&[7; 32]);
        let kept = verifier.bytes();
        let again = Verifier::read(kept.expose()).unwrap();
        assert_eq!((again.salt(), again.number.expose()), (verifier.salt(), verifier.number.expose()));
        let (exchange, _) = Exchange::begin(&verifier, client_number(), Secret::new(rng.bytes())).unwrap();
        let exchanged = exchange.bytes();
        assert_eq!(Exchange::read(exchanged.expose()).unwrap().bytes().expose(), exchanged.expose());
        for bytes in [&[][..], &kept.expose()[1..], &[kept.expose().as_slice(), &[0]].concat()] {
            assert!(Verifier::read(bytes).is_none());
        }
        for bytes in [&[][..], &exchanged.expose()[1..], &[exchanged.expose().as_slice(), &[0]].concat()] {
            assert!(Exchange::read(bytes).is_none());
        }
    }

    #[test]
    fn a_clients_number_is_hexadecimal_above_zero_and_below_the_modulus() {
        let modulus = digits(&bytes_of(Modulus::PARAMS.modulus().as_ref()));
        let below = format!("{}e", &modulus[..767]);
        let written = digits(&bytes_of(&client_number().0));
        for good in ["1", "abc", "ABC", "0001", &below, &written, &format!("00{below}")] {
            assert!(ClientNumber::parse(good).is_some(), "{good}");
        }
        let (above, longer) = ("f".repeat(768), format!("1{}", "0".repeat(768)));
        for bad in
            ["", "0", "000", "-1", "+1", "0x1", "1g", " 1", "é", &modulus, &format!("00{modulus}"), &above, &longer]
        {
            assert!(ClientNumber::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_simulated_verifier_is_always_the_same_and_looks_like_any_other() {
        let (first, second) = (Verifier::simulated(&[7; 32]), Verifier::simulated(&[8; 32]));
        assert_eq!(first.bytes().expose(), Verifier::simulated(&[7; 32]).bytes().expose());
        assert!(first.salt() != second.salt() && first.number.expose() != second.number.expose());
        let real = Verifier::of(&identity(), &password(), Salt::new(&Rng::seeded(1)));
        for verifier in [first, second, real] {
            assert_eq!(verifier.salt().len(), 32);
            // However its digits are read, as a number or as bytes, the hash is over the same.
            assert_eq!(signed(&verifier.salt.0), verifier.salt.0);
        }
    }

    #[test]
    fn a_clients_verifier_is_taken_with_a_sign_or_without_and_refused_where_it_would_prove_nothing() {
        let (salt, number) = ([0x8F; SALT_BYTES], bytes_of(&client_number().0));
        let verifier = Verifier::made_by_client(&salt, &number).unwrap();
        assert_eq!(verifier.salt(), format!("00{}", "8f".repeat(16)));
        let again = Verifier::made_by_client(&signed(&salt), &signed(&number)).unwrap();
        assert_eq!(again.bytes().expose(), verifier.bytes().expose());
        let short = Verifier::made_by_client(&[0, 7], &[2]).unwrap();
        assert_eq!((short.salt().as_str(), digits(short.number.expose()).as_str()), ("07", "2"));

        let modulus = Modulus::PARAMS.modulus().as_ref();
        let below = |less: u8| bytes_of(&modulus.wrapping_sub(&U3072::from_u8(less)));
        assert!(Verifier::made_by_client(&salt, &below(2)).is_some());
        let (above, one, zeros) = ([[1].as_slice(), &number].concat(), [0, 1], [0; NUMBER_BYTES]);
        for number in [&[][..], &[0], &[1], &one, &zeros, &below(1), &below(0), &[0xFF; NUMBER_BYTES], &above] {
            assert!(Verifier::made_by_client(&salt, number).is_none(), "{}", hex::encode(number));
        }
        for salt in [&[][..], &[0], &[0; SALT_BYTES], &[1; SALT_BYTES + 1]] {
            assert!(Verifier::made_by_client(salt, &number).is_none(), "{}", hex::encode(salt));
        }
    }

    #[test]
    fn numbers_go_into_hashes_as_java_writes_them() {
        for (number, written) in [
            (&[0x00, 0x00][..], &[0x00][..]),
            (&[0x7F], &[0x7F]),
            (&[0x80], &[0x00, 0x80]),
            (&[0x00, 0x01, 0x00], &[0x01, 0x00]),
            (&[0x00, 0xFF], &[0x00, 0xFF]),
        ] {
            assert_eq!(signed(number), written);
        }
    }
}
