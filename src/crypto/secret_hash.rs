//! SECRET_HASH: `base64(HMAC-SHA256(client secret, username ‖ client id))`, how a confidential client proves itself.

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::secret::{Secret, same};

/// The hash that a client with this secret sends.
pub fn secret_hash(secret: &Secret<Vec<u8>>, username: &str, client_id: &str) -> String {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose()));
    context.update(username.as_bytes());
    context.update(client_id.as_bytes());
    BASE64_STANDARD.encode(context.sign())
}

/// Whether `given` is the hash over any of `usernames`, in constant time for each.
pub fn is_secret_hash(given: &str, secret: &Secret<Vec<u8>>, usernames: &[&str], client_id: &str) -> bool {
    let matches = |username: &&str| same(secret_hash(secret, username, client_id).as_bytes(), given.as_bytes());
    usernames.iter().filter(|username| matches(username)).count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_cognitos() {
        let secret = Secret::new(b"1example2secret3example4secret".to_vec());
        let hash = secret_hash(&secret, "alice", "1example23456789");
        assert_eq!(hash, "O6twrvAkPIZnUpCawOSO9WgIyhYqOs9y0NJeZ6Utfc0=");
        assert!(is_secret_hash(&hash, &secret, &["bob", "alice"], "1example23456789"));
        assert!(!is_secret_hash(&hash, &secret, &["bob"], "1example23456789"));
        assert!(!is_secret_hash(&hash, &secret, &["alice"], "1example2345678"));
    }
}
