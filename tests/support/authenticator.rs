//! An authenticator app, as a user has one on the telephone (RFC 6238), written without a look at the server's own.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use jiff::Timestamp;

/// An app that knows one secret.
pub struct Authenticator(Vec<u8>);

impl Authenticator {
    /// Types the secret into the app: base32 without padding.
    pub fn of(secret_code: &str) -> Self {
        let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u64, 0);
        for letter in secret_code.bytes() {
            let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| *known == letter);
            bits = bits << 5 | value.expect("base32 in upper case") as u64;
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        assert_eq!(bits, 0, "apps refuse spare bits that are not zero");
        Authenticator(bytes)
    }

    /// The secret in hexadecimal, as some apps keep it.
    pub fn hex(&self) -> String {
        hex::encode(&self.0)
    }

    /// What the app shows at a moment.
    pub fn code(&self, now: Timestamp) -> String {
        let step = now.as_second() / 30;
        let mac = sign(&Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0), &step.to_be_bytes());
        let mac = mac.as_ref();
        let at = usize::from(mac[19] % 16);
        let number = mac[at..at + 4].iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{:06}", (number % (1 << 31)) % 1_000_000)
    }

    /// What the app showed, or will show, so many steps from now.
    pub fn code_in(&self, now: Timestamp, steps: i64) -> String {
        self.code(Timestamp::from_second(now.as_second() + 30 * steps).unwrap())
    }

    /// Six digits that the app shows at none of the moments around this one.
    pub fn wrong_code(&self, now: Timestamp) -> String {
        let shown: Vec<String> = (-2..=2).map(|steps| self.code_in(now, steps)).collect();
        (0..).map(|number| format!("{number:06}")).find(|code| !shown.contains(code)).unwrap()
    }
}
