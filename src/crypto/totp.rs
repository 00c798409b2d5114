//! Time-based one-time passwords (RFC 6238), as authenticator apps make them: HMAC-SHA-1, steps of 30 seconds, six digits.
//!
//! SHA-1 is what the apps know. Its collisions are no help against an HMAC.

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;

use super::secret::{Secret, same};
use crate::rng::Rng;

/// How long a code stands, in seconds.
const STEP_SECONDS: i64 = 30;

/// Steps by which an app's clock may be slow or fast.
const SKEW_STEPS: i64 = 1;

const SECRET_BYTES: usize = 32;

/// A secret that a user's app shares with the server.
pub struct TotpSecret(Secret<Vec<u8>>);

/// What a code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is the code of this step, of which none was used.
    Right {
        step: i64,
    },
    /// It was right, but its step, or a later one, was used.
    Used,
    Wrong,
}

impl TotpSecret {
    /// A secret that nobody knows.
    pub fn mint(rng: &Rng) -> Self {
        TotpSecret(Secret::new(rng.bytes::<SECRET_BYTES>().to_vec()))
    }

    pub fn of(bytes: Secret<Vec<u8>>) -> Self {
        TotpSecret(bytes)
    }

    pub fn bytes(&self) -> &Secret<Vec<u8>> {
        &self.0
    }

    /// What the user types into the app: base32 (RFC 4648) without padding, 52 characters.
    pub fn shown(&self) -> String {
        BASE32_NOPAD.encode(self.0.expose())
    }

    /// Judges a code at a moment. Every code that could be right is compared in constant time, whichever is.
    pub fn judge(&self, code: &str, now: Timestamp, last_used_step: Option<i64>) -> Judgement {
        let present = step_of(now);
        let mut matched = None;
        for step in present - SKEW_STEPS..=present + SKEW_STEPS {
            // Where two steps happen to share a code, it is the later one's: then it does not serve twice.
            if same(self.code(step).as_bytes(), code.as_bytes()) {
                matched = Some(step);
            }
        }
        match matched {
            Some(step) if last_used_step.is_some_and(|used| step <= used) => Judgement::Used,
            Some(step) => Judgement::Right { step },
            None => Judgement::Wrong,
        }
    }

    /// The code of a step: of the MAC, the 31 bits to which its last four point, in decimal (RFC 4226, section 5.3).
    fn code(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.0.expose());
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let mac = tag.as_ref();
        let offset = usize::from(mac[mac.len() - 1] & 0x0F);
        let mut truncated = [0; 4];
        truncated.copy_from_slice(&mac[offset..offset + 4]);
        let number = u32::from_be_bytes(truncated) & 0x7FFF_FFFF;
        format!("{:06}", number % 1_000_000)
    }
}

/// The step that a moment is in, counted from 1970.
fn step_of(now: Timestamp) -> i64 {
    now.as_second().div_euclid(STEP_SECONDS)
}

/// The last step whose code could have been used up to a moment.
pub fn last_step_until(moment: Timestamp) -> i64 {
    step_of(moment) + SKEW_STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// RFC 6238, appendix B.
    fn of_the_rfc() -> TotpSecret {
        TotpSecret::of(Secret::new(b"12345678901234567890".to_vec()))
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let step = second / STEP_SECONDS;
            assert_eq!(of_the_rfc().code(step), code);
            assert_eq!(of_the_rfc().judge(code, at(second), None), Judgement::Right { step });
        }
    }

    #[test]
    fn a_code_serves_from_a_step_before_its_own_to_a_step_after() {
        let (secret, step) = (of_the_rfc(), 37_037_037);
        let (code, begins) = (secret.code(step), step * STEP_SECONDS);
        let right = Judgement::Right { step };
        assert_eq!(secret.judge(&code, at(begins - 31), None), Judgement::Wrong);
        assert_eq!(secret.judge(&code, at(begins - 30), None), right);
        assert_eq!(secret.judge(&code, at(begins + 59), None), right);
        assert_eq!(secret.judge(&code, at(begins + 60), None), Judgement::Wrong);
    }

    #[test]
    fn a_used_step_uses_up_all_before_it_and_none_after() {
        let (secret, step) = (of_the_rfc(), 37_037_037);
        let now = at(step * STEP_SECONDS);
        for (of, used, judgement) in [
            (step, step - 1, Judgement::Right { step }),
            (step, step, Judgement::Used),
            (step, step + 1, Judgement::Used),
            (step - 1, step, Judgement::Used),
            (step + 1, step, Judgement::Right { step: step + 1 }),
        ] {
            assert_eq!(secret.judge(&secret.code(of), now, Some(used)), judgement);
        }
        assert_eq!(secret.judge("000000", now, Some(step + 1)), Judgement::Wrong);
    }

    #[test]
    fn a_code_that_two_steps_share_does_not_serve_twice() {
        // The first of this secret's steps that the next one is like.
        let (secret, step) = (of_the_rfc(), 910_737);
        assert_eq!(secret.code(step), secret.code(step + 1));
        let (code, now) = (secret.code(step), at(step * STEP_SECONDS));
        let Judgement::Right { step: used } = secret.judge(&code, now, None) else { panic!("it is right") };
        assert_eq!(used, step + 1);
        assert_eq!(secret.judge(&code, now, Some(used)), Judgement::Used);
    }

    #[test]
    fn no_code_but_the_right_one_is_right() {
        let (secret, now) = (of_the_rfc(), at(59));
        for wrong in ["", "28708", "2870820", " 287082", "287082 ", "２８７０８２", "94287082"] {
            assert_eq!(secret.judge(wrong, now, None), Judgement::Wrong, "{wrong:?}");
        }
        for place in 0..6 {
            let mut flipped = *b"287082";
            flipped[place] ^= 1;
            assert_eq!(secret.judge(std::str::from_utf8(&flipped).unwrap(), now, None), Judgement::Wrong);
        }
        for place in 0..20 {
            let mut flipped = *b"12345678901234567890";
            flipped[place] ^= 1;
            let other = TotpSecret::of(Secret::new(flipped.to_vec()));
            assert_eq!(other.judge("287082", now, None), Judgement::Wrong);
        }
    }

    #[test]
    fn a_new_secret_is_shown_in_52_letters_and_digits() {
        let rng = Rng::seeded(1);
        let (one, other) = (TotpSecret::mint(&rng), TotpSecret::mint(&rng));
        assert_ne!(one.shown(), other.shown());
        assert_eq!(one.shown().len(), 52);
        assert_eq!(BASE32_NOPAD.decode(one.shown().as_bytes()).unwrap(), *one.bytes().expose());
    }

    #[test]
    fn a_moment_ends_what_could_have_been_used_before_it() {
        let (secret, now) = (of_the_rfc(), at(59));
        let ended = Some(last_step_until(now));
        for step in [0, 1, 2] {
            assert_eq!(secret.judge(&secret.code(step), now, ended), Judgement::Used);
        }
        assert_eq!(secret.judge(&secret.code(3), at(60), ended), Judgement::Right { step: 3 });
    }
}
