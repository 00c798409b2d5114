//! What may serve as a name to sign in with, and when two names are the same.
//!
//! Cognito has three kinds of pool: names only; names plus *aliases* (verified attributes that find the user as well);
//! and pools whose *username attribute* is the name, the user's own name then being their `sub`. This module knows the
//! forms of names; who holds one is the store's knowledge.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::attributes::Attributes;
use crate::domain::formats::{is_email, is_phone_number};
use crate::error::Error;

/// An attribute by which a user can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alias {
    Email,
    PhoneNumber,
    PreferredUsername,
}

impl Alias {
    /// The name of the attribute.
    pub fn attribute(self) -> &'static str {
        match self {
            Alias::Email => "email",
            Alias::PhoneNumber => "phone_number",
            Alias::PreferredUsername => "preferred_username",
        }
    }

    /// The name of the attribute that says whether the value is verified. A preferred username has none.
    pub fn verified_flag(self) -> String {
        format!("{}_verified", self.attribute())
    }

    /// The alias that lives in the attribute of this name, if any does.
    pub fn of_attribute(name: &str) -> Option<Alias> {
        [Alias::Email, Alias::PhoneNumber, Alias::PreferredUsername].into_iter().find(|alias| alias.attribute() == name)
    }

    /// Whether a name has the form of this alias's values.
    fn matches_form_of(self, name: &str) -> bool {
        match self {
            Alias::Email => is_email(name),
            Alias::PhoneNumber => is_phone_number(name),
            Alias::PreferredUsername => true,
        }
    }
}

/// A pool's rules for names. At most one of the two lists has members; who builds the rules sees to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsernameRules {
    pub aliases: Vec<Alias>,
    /// `Email`, `PhoneNumber` or both.
    pub username_attributes: Vec<Alias>,
    pub case_sensitive: bool,
}

/// The longest name, in characters.
const NAME_CHARACTERS_MAX: usize = 128;

/// Whether a text can be a name to sign in with: what SignUp takes, where this is no member of a request that was checked.
pub fn is_username(text: &str) -> bool {
    static WRITTEN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[\p{L}\p{M}\p{S}\p{N}\p{P}]+\z").ok());
    let is_written = WRITTEN.as_ref().is_some_and(|written| written.is_match(text));
    is_written && text.chars().count() <= NAME_CHARACTERS_MAX
}

impl UsernameRules {
    /// The form in which names are compared; the spelling the user chose is kept elsewhere.
    pub fn fold(&self, name: &str) -> String {
        if self.case_sensitive { name.to_owned() } else { name.to_lowercase() }
    }

    /// The form in which values of an alias are compared.
    pub fn fold_alias(&self, alias: Alias, value: &str) -> String {
        match alias {
            Alias::Email | Alias::PreferredUsername => self.fold(value),
            Alias::PhoneNumber => value.to_owned(),
        }
    }

    /// Checks the form of the name given at sign-up: `None` says that it is the user's own name, `Some` that it is the
    /// value of that attribute.
    pub fn classify(&self, username: &str) -> Result<Option<Alias>, Error> {
        if self.username_attributes.is_empty() {
            return self.refuse_looks_of_alias(username).map(|()| None);
        }
        match self.username_attributes.iter().find(|attribute| attribute.matches_form_of(username)) {
            Some(&attribute) => Ok(Some(attribute)),
            None => Err(self.not_a_username_attribute()),
        }
    }

    /// Adds a username that is the value of an attribute to a new user's attributes. It may stand there, but not another.
    pub fn include_username(&self, attributes: &mut Attributes, alias: Alias, username: &str) -> Result<(), Error> {
        let given =
            attributes.insert(alias.attribute().to_owned(), username.to_owned()).filter(|given| !given.is_empty());
        if given.is_some_and(|given| self.fold_alias(alias, &given) != self.fold_alias(alias, username)) {
            let name = alias.attribute();
            return Err(Error::invalid_parameter(format!("The attribute {name} must be equal to the username.")));
        }
        Ok(())
    }

    /// The alias kinds under which a sign-in name may be looked up, besides being looked up as a user's own name.
    pub fn lookup_aliases(&self, name: &str) -> Vec<Alias> {
        let configured = self.aliases.iter().chain(&self.username_attributes).copied();
        let mut possible: Vec<Alias> = configured.filter(|alias| alias.matches_form_of(name)).collect();
        possible.sort();
        possible.dedup();
        possible
    }

    /// Whether a sign-in name has the form of an address by which users of the pool are found.
    pub fn is_address(&self, name: &str) -> bool {
        self.lookup_aliases(name).iter().any(|alias| matches!(alias, Alias::Email | Alias::PhoneNumber))
    }

    /// A username that looks like somebody's alias would let its owner pose as them.
    fn refuse_looks_of_alias(&self, username: &str) -> Result<(), Error> {
        let looks_like = |alias| self.aliases.contains(&alias) && alias.matches_form_of(username);
        if looks_like(Alias::Email) {
            return Err(Error::invalid_parameter(
                "Username cannot be of email format, since user pool is configured for email alias.",
            ));
        }
        if looks_like(Alias::PhoneNumber) {
            return Err(Error::invalid_parameter(
                "Username cannot be of phone number format, since user pool is configured for phone number alias.",
            ));
        }
        Ok(())
    }

    fn not_a_username_attribute(&self) -> Error {
        let accepts = |alias| self.username_attributes.contains(&alias);
        Error::invalid_parameter(match (accepts(Alias::Email), accepts(Alias::PhoneNumber)) {
            (true, false) => "Username should be an email.",
            (false, true) => "Username should be a phone number.",
            _ => "Username should be either an email or a phone number.",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> UsernameRules {
        UsernameRules { aliases: vec![], username_attributes: vec![], case_sensitive: true }
    }

    fn with_aliases(aliases: &[Alias]) -> UsernameRules {
        UsernameRules { aliases: aliases.to_vec(), ..plain() }
    }

    fn with_username_attributes(attributes: &[Alias]) -> UsernameRules {
        UsernameRules { username_attributes: attributes.to_vec(), ..plain() }
    }

    fn refusal(rules: &UsernameRules, username: &str) -> Option<String> {
        rules.classify(username).err().map(|error| error.to_string())
    }

    #[test]
    fn a_name_is_written_in_one_word_of_at_most_128_characters() {
        for name in ["alice", "a@example.com", "+15550100", "\u{4f60}\u{597d}", "\u{1f600}", &"\u{e4}".repeat(128)] {
            assert!(is_username(name), "{name}");
        }
        for name in ["", "two words", "a\n", "a\0", "in\u{200b}visible", &"\u{e4}".repeat(129)] {
            assert!(!is_username(name), "{name:?}");
        }
    }

    #[test]
    fn an_alias_is_known_by_its_attribute() {
        for alias in [Alias::Email, Alias::PhoneNumber, Alias::PreferredUsername] {
            assert_eq!(Alias::of_attribute(alias.attribute()), Some(alias));
        }
        assert_eq!(Alias::of_attribute("nickname"), None);
    }

    #[test]
    fn case_counts_only_in_case_sensitive_pools() {
        let insensitive = UsernameRules { case_sensitive: false, ..plain() };
        assert_eq!(plain().fold("Alice"), "Alice");
        assert_eq!(insensitive.fold("Alice"), "alice");
        assert_eq!(insensitive.fold_alias(Alias::Email, "Alice@Example.com"), "alice@example.com");
        assert_eq!(insensitive.fold_alias(Alias::PreferredUsername, "Ali"), "ali");
        assert_eq!(insensitive.fold_alias(Alias::PhoneNumber, "+1555"), "+1555");
        assert_eq!(plain().fold_alias(Alias::Email, "Alice@Example.com"), "Alice@Example.com");
    }

    #[test]
    fn folding_a_folded_name_changes_nothing() {
        let insensitive = UsernameRules { case_sensitive: false, ..plain() };
        for name in ["İstanbul", "ΑΣ", "ẞ", "K"] {
            let folded = insensitive.fold(name);
            assert_eq!(insensitive.fold(&folded), folded);
        }
    }

    #[test]
    fn a_plain_pool_takes_any_name_as_the_users_own() {
        for name in ["alice", "alice@example.com", "+15555550100"] {
            assert_eq!(plain().classify(name).ok(), Some(None));
        }
    }

    #[test]
    fn an_alias_pool_refuses_names_that_look_like_its_aliases() {
        let email = with_aliases(&[Alias::Email, Alias::PreferredUsername]);
        assert_eq!(email.classify("alice").ok(), Some(None));
        assert_eq!(email.classify("+15555550100").ok(), Some(None));
        assert_eq!(
            refusal(&email, "alice@example.com").as_deref(),
            Some("Username cannot be of email format, since user pool is configured for email alias.")
        );
        let phone = with_aliases(&[Alias::PhoneNumber]);
        assert_eq!(phone.classify("alice@example.com").ok(), Some(None));
        assert_eq!(
            refusal(&phone, "+15555550100").as_deref(),
            Some("Username cannot be of phone number format, since user pool is configured for phone number alias.")
        );
    }

    #[test]
    fn a_username_attribute_is_recognised_by_its_form() {
        let both = with_username_attributes(&[Alias::Email, Alias::PhoneNumber]);
        assert_eq!(both.classify("alice@example.com").ok(), Some(Some(Alias::Email)));
        assert_eq!(both.classify("+15555550100").ok(), Some(Some(Alias::PhoneNumber)));
    }

    #[test]
    fn a_name_without_the_form_of_a_username_attribute_is_refused() {
        let email = with_username_attributes(&[Alias::Email]);
        let phone = with_username_attributes(&[Alias::PhoneNumber]);
        let both = with_username_attributes(&[Alias::PhoneNumber, Alias::Email]);
        assert_eq!(refusal(&email, "+15555550100").as_deref(), Some("Username should be an email."));
        assert_eq!(refusal(&phone, "alice@example.com").as_deref(), Some("Username should be a phone number."));
        assert_eq!(refusal(&both, "alice").as_deref(), Some("Username should be either an email or a phone number."));
    }

    #[test]
    fn a_name_is_looked_up_only_under_aliases_it_could_be() {
        let all = with_aliases(&[Alias::PreferredUsername, Alias::PhoneNumber, Alias::Email]);
        assert_eq!(all.lookup_aliases("alice"), [Alias::PreferredUsername]);
        assert_eq!(all.lookup_aliases("alice@example.com"), [Alias::Email, Alias::PreferredUsername]);
        assert_eq!(all.lookup_aliases("+15555550100"), [Alias::PhoneNumber, Alias::PreferredUsername]);
        assert_eq!(with_username_attributes(&[Alias::Email]).lookup_aliases("alice@example.com"), [Alias::Email]);
        assert!(with_username_attributes(&[Alias::Email]).lookup_aliases("alice").is_empty());
        assert!(plain().lookup_aliases("alice@example.com").is_empty());
    }
}
