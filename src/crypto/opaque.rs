//! Opaque tokens: refresh tokens, challenge sessions and places in lists, as their bearers hold them.
//!
//! The token of a record is a sealed note that says where the record stands, with 32 bytes of chance in it: nobody can make
//! one up, and a forged one costs no read of the store. The record keeps only the token's SHA-256, so the store's files give
//! no token. The token of a page is where the page ended, sealed for the one list that it goes on with.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::Timestamp;
use uuid::Uuid;

use super::keys::sha256;
use super::sealing::Sealer;
use super::secret::{Secret, same};
use crate::clock::from_milliseconds;
use crate::domain::ids::{PoolId, Sub};
use crate::rng::Rng;

/// Which kind of token: one is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    RefreshToken,
    Session,
}

impl Kind {
    fn place(self) -> &'static [u8] {
        match self {
            Kind::RefreshToken => b"refresh token",
            Kind::Session => b"session",
        }
    }
}

/// Where a token's record stands, and how long it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub pool: PoolId,
    pub sub: Sub,
    /// The family's event or the session's id.
    pub id: Uuid,
    pub expires_at: Timestamp,
}

/// Mints and opens opaque tokens.
pub struct OpaqueTokens(Sealer);

impl OpaqueTokens {
    pub fn new(key: &Secret<[u8; 32]>) -> Self {
        OpaqueTokens(Sealer::new(key))
    }

    /// A new token, of letters, digits, `-` and `_`.
    pub fn mint(&self, kind: Kind, note: &Note, rng: &Rng) -> String {
        let chance: [u8; 32] = rng.bytes();
        let expires_at = note.expires_at.as_millisecond().to_be_bytes();
        let text = [note.sub.0.as_bytes(), note.id.as_bytes(), expires_at.as_slice(), &chance, note.pool.0.as_bytes()]
            .concat();
        BASE64_URL_SAFE_NO_PAD.encode(self.0.seal(kind.place(), &text, rng))
    }

    /// The token of a page that ends with this entry. The list is told by texts without a zero byte.
    pub fn mint_page(&self, list: &[&str], last: &str, rng: &Rng) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.seal(&page_of(list), last.as_bytes(), rng))
    }

    /// The entry after which the next page of this list begins; nothing of any other text.
    pub fn open_page(&self, list: &[&str], token: &str) -> Option<String> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let last = self.0.open(&page_of(list), &sealed).ok()?;
        String::from_utf8(last.expose().clone()).ok()
    }

    /// The note in a token that this service minted as this kind; nothing of any other text.
    pub fn open(&self, kind: Kind, token: &str) -> Option<Note> {
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = self.0.open(kind.place(), &sealed).ok()?;
        let mut rest = text.expose().as_slice();
        let sub = Uuid::from_slice(rest.split_off(..16)?).ok()?;
        let id = Uuid::from_slice(rest.split_off(..16)?).ok()?;
        let expires_at = i64::from_be_bytes(rest.split_off(..8)?.try_into().ok()?);
        rest.split_off(..32)?;
        let pool = PoolId(String::from_utf8(rest.to_vec()).ok()?);
        Some(Note { pool, sub: Sub(sub), id, expires_at: from_milliseconds(expires_at) })
    }
}

/// The place for which pages of a list are sealed.
fn page_of(list: &[&str]) -> Vec<u8> {
    [b"page\0".as_slice(), list.join("\0").as_bytes()].concat()
}

/// What the store keeps of a token.
pub fn token_hash(token: &str) -> Vec<u8> {
    sha256(token.as_bytes()).to_vec()
}

/// Whether this is the token whose hash was kept, in constant time.
pub fn is_token(token: &str, kept: &[u8]) -> bool {
    same(&token_hash(token), kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> Note {
        Note {
            pool: PoolId("us-east-1_Example12".into()),
            sub: Sub(Uuid::from_u128(1)),
            id: Uuid::from_u128(2),
            expires_at: from_milliseconds(3),
        }
    }

    #[test]
    fn a_token_opens_as_what_it_is_and_as_nothing_else() {
        let (rng, tokens) = (Rng::seeded(1), OpaqueTokens::new(&Secret::new([7; 32])));
        let token = tokens.mint(Kind::Session, &note(), &rng);
        assert_eq!(tokens.open(Kind::Session, &token), Some(note()));
        assert_eq!(tokens.open(Kind::RefreshToken, &token), None);
        assert_eq!(OpaqueTokens::new(&Secret::new([8; 32])).open(Kind::Session, &token), None);
        assert_eq!(tokens.open(Kind::Session, &token[1..]), None);
        assert_eq!(tokens.open(Kind::Session, "ü"), None);
    }

    #[test]
    fn the_token_of_a_page_goes_on_with_its_list_alone() {
        let (rng, tokens) = (Rng::seeded(1), OpaqueTokens::new(&Secret::new([7; 32])));
        let list = ["ListUsers", "us-east-1_Example12", "email=\"x\""];
        let token = tokens.mint_page(&list, "alice", &rng);
        assert_eq!(tokens.open_page(&list, &token).as_deref(), Some("alice"));
        for other in [&["ListUsers", "us-east-1_Example12", ""], &["ListUsers", "us-east-1_Example13", list[2]]] {
            assert_eq!(tokens.open_page(other, &token), None);
        }
        assert_eq!(OpaqueTokens::new(&Secret::new([8; 32])).open_page(&list, &token), None);
        assert_eq!(tokens.open_page(&list, &tokens.mint(Kind::Session, &note(), &rng)), None);
        for place in 0..token.len() {
            let other = if token[place..].starts_with('A') { "B" } else { "A" };
            let changed = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            assert_eq!(tokens.open_page(&list, &changed), None, "{place}");
        }
        assert!(!token.contains("alice") && !token.contains(&BASE64_URL_SAFE_NO_PAD.encode("alice")));
    }

    #[test]
    fn two_tokens_for_the_same_record_differ() {
        let (rng, tokens) = (Rng::seeded(1), OpaqueTokens::new(&Secret::new([7; 32])));
        let (first, second) = (tokens.mint(Kind::Session, &note(), &rng), tokens.mint(Kind::Session, &note(), &rng));
        assert_ne!(first, second);
        assert!(is_token(&first, &token_hash(&first)) && !is_token(&second, &token_hash(&first)));
    }
}
