//! Which passwords a pool accepts.
//!
//! Only the pool's own rules live here. That a password has at most 256 characters and no white space at its edges is
//! the contract's business and has been checked before.

use crate::rng::Rng;

/// A pool's rules for passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordPolicy {
    pub minimum_length: u32,
    pub require_lowercase: bool,
    pub require_numbers: bool,
    pub require_symbols: bool,
    pub require_uppercase: bool,
}

impl Default for PasswordPolicy {
    /// What Cognito sets for a pool that names no policy.
    fn default() -> Self {
        PasswordPolicy {
            minimum_length: 8,
            require_lowercase: true,
            require_numbers: true,
            require_symbols: true,
            require_uppercase: true,
        }
    }
}

impl PasswordPolicy {
    /// Refuses a password that breaks a rule, with Cognito's reason for the first rule broken. How the reason is introduced
    /// depends on the operation.
    pub fn check(&self, password: &str) -> Result<(), &'static str> {
        let minimum_length = usize::try_from(self.minimum_length).unwrap_or(usize::MAX);
        let rules = [
            (password.chars().count() >= minimum_length, "Password not long enough"),
            (!self.require_uppercase || has_uppercase(password), "Password must have uppercase characters"),
            (!self.require_lowercase || has_lowercase(password), "Password must have lowercase characters"),
            (!self.require_numbers || has_number(password), "Password must have numeric characters"),
            (!self.require_symbols || has_symbol(password), "Password must have symbol characters"),
        ];
        match rules.into_iter().find(|(kept, _)| !kept) {
            Some((_, reason)) => Err(reason),
            None => Ok(()),
        }
    }

    /// A password that the policy accepts, each of them as likely as another: for somebody to type once.
    pub fn password(&self, rng: &Rng) -> String {
        let minimum_length = usize::try_from(self.minimum_length).unwrap_or(usize::MAX);
        loop {
            let password = rng.text(GENERATED_LENGTH.max(minimum_length), TYPED_EASILY);
            if self.check(&password).is_ok() {
                return password;
            }
        }
    }
}

/// Some 97 bits of chance.
const GENERATED_LENGTH: usize = 16;

/// No letters and digits that look alike.
const TYPED_EASILY: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789!#$%*+-=?@^_";

// Cognito counts basic Latin letters and digits only: "É" is no upper-case character, "٣" no number.

fn has_uppercase(password: &str) -> bool {
    password.chars().any(|character| character.is_ascii_uppercase())
}

fn has_lowercase(password: &str) -> bool {
    password.chars().any(|character| character.is_ascii_lowercase())
}

fn has_number(password: &str) -> bool {
    password.chars().any(|character| character.is_ascii_digit())
}

/// A space counts as a symbol inside a password, not at its edges.
fn has_symbol(password: &str) -> bool {
    password.contains(|character| SYMBOLS.contains(character)) || password.trim_matches(' ').contains(' ')
}

const SYMBOLS: &str = r##"^$*.[]{}()?"!@#%&/\,><':;|_~`=+-"##;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(policy: &PasswordPolicy, password: &str) -> Option<&'static str> {
        policy.check(password).err()
    }

    /// A policy that asks for nothing, for tests of one rule.
    fn lax() -> PasswordPolicy {
        PasswordPolicy {
            minimum_length: 0,
            require_lowercase: false,
            require_numbers: false,
            require_symbols: false,
            require_uppercase: false,
        }
    }

    #[test]
    fn a_password_that_keeps_every_rule_is_accepted() {
        assert_eq!(refusal(&PasswordPolicy::default(), "Passw0r!"), None);
    }

    #[test]
    fn the_first_broken_rule_is_told() {
        let told = [
            ("", "Password not long enough"),
            ("Passw0!", "Password not long enough"),
            ("password", "Password must have uppercase characters"),
            ("PASSWORD", "Password must have lowercase characters"),
            ("Password", "Password must have numeric characters"),
            ("Passw0rd", "Password must have symbol characters"),
        ];
        for (password, reason) in told {
            assert_eq!(refusal(&PasswordPolicy::default(), password), Some(reason), "{password}");
        }
    }

    #[test]
    fn a_lax_policy_accepts_anything() {
        assert_eq!(refusal(&lax(), ""), None);
        assert_eq!(refusal(&lax(), "x"), None);
    }

    #[test]
    fn each_rule_stands_alone() {
        assert!(PasswordPolicy { require_uppercase: true, ..lax() }.check("A").is_ok());
        assert!(PasswordPolicy { require_uppercase: true, ..lax() }.check("a1!").is_err());
        assert!(PasswordPolicy { require_lowercase: true, ..lax() }.check("a").is_ok());
        assert!(PasswordPolicy { require_lowercase: true, ..lax() }.check("A1!").is_err());
        assert!(PasswordPolicy { require_numbers: true, ..lax() }.check("1").is_ok());
        assert!(PasswordPolicy { require_numbers: true, ..lax() }.check("Aa!").is_err());
        assert!(PasswordPolicy { require_symbols: true, ..lax() }.check("!").is_ok());
        assert!(PasswordPolicy { require_symbols: true, ..lax() }.check("Aa1").is_err());
    }

    #[test]
    fn length_counts_characters_not_bytes() {
        let policy = PasswordPolicy { minimum_length: 4, ..lax() };
        assert!(policy.check("éééé").is_ok());
        assert!(policy.check("ééé").is_err());
    }

    #[test]
    fn only_basic_latin_counts_as_letters_and_digits() {
        assert!(PasswordPolicy { require_uppercase: true, ..lax() }.check("É").is_err());
        assert!(PasswordPolicy { require_lowercase: true, ..lax() }.check("é").is_err());
        assert!(PasswordPolicy { require_numbers: true, ..lax() }.check("٣").is_err());
        assert!(PasswordPolicy { require_symbols: true, ..lax() }.check("€").is_err());
    }

    #[test]
    fn a_space_is_a_symbol_only_inside() {
        let policy = PasswordPolicy { require_symbols: true, ..lax() };
        assert!(policy.check("two words").is_ok());
        for edged in [" word", "word ", "  word  ", " "] {
            assert!(policy.check(edged).is_err(), "{edged:?}");
        }
    }

    #[test]
    fn every_symbol_of_cognitos_list_counts() {
        let policy = PasswordPolicy { require_symbols: true, ..lax() };
        for symbol in r##"^ $ * . [ ] { } ( ) ? " ! @ # % & / \ , > < ' : ; | _ ~ ` = + -"##.split(' ') {
            assert!(policy.check(&format!("a{symbol}b")).is_ok(), "{symbol}");
        }
    }

    #[test]
    fn a_generated_password_keeps_the_rules_and_is_another_each_time() {
        let rng = Rng::seeded(1);
        let long = PasswordPolicy { minimum_length: 99, ..PasswordPolicy::default() };
        let digits_alone = PasswordPolicy { require_numbers: true, ..lax() };
        for policy in [PasswordPolicy::default(), long, digits_alone, lax()] {
            let mut passwords: Vec<_> = (0..100).map(|_| policy.password(&rng)).collect();
            assert!(passwords.iter().all(|password| policy.check(password).is_ok()), "{passwords:?}");
            assert!(passwords.iter().all(|password| password.len() >= GENERATED_LENGTH));
            passwords.sort();
            passwords.dedup();
            assert_eq!(passwords.len(), 100);
        }
    }
}
