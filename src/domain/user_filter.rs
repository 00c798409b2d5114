//! Filters of user lists: one condition on one attribute, as in `email ^= "alice"` (reference 3.6).
//!
//! ```text
//! filter    = attribute ( "=" | "^=" ) value      white space may stand around each
//! value     = '"' { character } '"'               with \" and \\ for a quote and a backslash
//! ```

use std::fmt;

use crate::error::Error;

/// What users must meet to be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFilter {
    pub attribute: SearchAttribute,
    pub comparison: Comparison,
    pub value: String,
}

/// What can be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchAttribute {
    Email,
    /// Whether the account is enabled: `Enabled` or `Disabled`.
    Enabled,
    FamilyName,
    GivenName,
    Name,
    PhoneNumber,
    PreferredUsername,
    Sub,
    Username,
    UserStatus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Equals,
    StartsWith,
}

impl SearchAttribute {
    pub const ALL: [SearchAttribute; 10] = [
        SearchAttribute::Email,
        SearchAttribute::Enabled,
        SearchAttribute::FamilyName,
        SearchAttribute::GivenName,
        SearchAttribute::Name,
        SearchAttribute::PhoneNumber,
        SearchAttribute::PreferredUsername,
        SearchAttribute::Sub,
        SearchAttribute::Username,
        SearchAttribute::UserStatus,
    ];

    /// Its name in filters; where it is an attribute of users, that one's too.
    pub fn name(self) -> &'static str {
        match self {
            SearchAttribute::Email => "email",
            SearchAttribute::Enabled => "status",
            SearchAttribute::FamilyName => "family_name",
            SearchAttribute::GivenName => "given_name",
            SearchAttribute::Name => "name",
            SearchAttribute::PhoneNumber => "phone_number",
            SearchAttribute::PreferredUsername => "preferred_username",
            SearchAttribute::Sub => "sub",
            SearchAttribute::Username => "username",
            SearchAttribute::UserStatus => "cognito:user_status",
        }
    }
}

impl UserFilter {
    /// Reads a filter. An empty one asks for nothing.
    pub fn parse(text: &str) -> Result<Option<Self>, Error> {
        if text.is_empty() {
            return Ok(None);
        }
        let (name, comparison, value) = parts(text).ok_or(Error::invalid_parameter("Error while parsing filter"))?;
        let attribute = SearchAttribute::ALL.into_iter().find(|attribute| attribute.name() == name);
        let attribute =
            attribute.ok_or_else(|| Error::invalid_parameter(format!("Invalid search attribute: {name}")))?;
        Ok(Some(UserFilter { attribute, comparison, value }))
    }

    /// Whether a user meets it whose attribute has this value, or none.
    pub fn admits(&self, value: Option<&str>) -> bool {
        let Some(value) = value else { return false };
        // The names of statuses are in upper-case letters.
        let sought = match self.attribute {
            SearchAttribute::UserStatus => &self.value.to_ascii_uppercase(),
            _ => &self.value,
        };
        match self.comparison {
            Comparison::Equals => value == sought,
            Comparison::StartsWith => value.starts_with(sought.as_str()),
        }
    }
}

/// The one way to write the filter with no space to spare: equal filters read the same.
impl fmt::Display for UserFilter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = match self.comparison {
            Comparison::Equals => "=",
            Comparison::StartsWith => "^=",
        };
        let quoted = self.value.replace('\\', r"\\").replace('"', r#"\""#);
        write!(out, r#"{}{comparison}"{quoted}""#, self.attribute.name())
    }
}

/// The name, the comparison and the value of a filter, if it is one.
fn parts(text: &str) -> Option<(&str, Comparison, String)> {
    let text = text.trim();
    let (name, rest) = text.split_at(text.find(|letter: char| letter.is_whitespace() || "=^\"".contains(letter))?);
    let rest = rest.trim_start();
    let (comparison, rest) = match rest.strip_prefix('=') {
        Some(rest) => (Comparison::Equals, rest),
        None => (Comparison::StartsWith, rest.strip_prefix("^=")?),
    };
    let value = unquoted(rest.trim_start())?;
    (!name.is_empty()).then_some((name, comparison, value))
}

/// What is in the quotes, if there is nothing but them.
fn unquoted(text: &str) -> Option<String> {
    let mut inner = text.strip_prefix('"')?.chars();
    let mut value = String::new();
    loop {
        match inner.next()? {
            '"' => return inner.as_str().is_empty().then_some(value),
            '\\' => value.push(inner.next().filter(|escaped| ['"', '\\'].contains(escaped))?),
            plain => value.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Option<(SearchAttribute, Comparison, String)> {
        let filter = UserFilter::parse(text).unwrap()?;
        Some((filter.attribute, filter.comparison, filter.value))
    }

    fn refusal(text: &str) -> String {
        UserFilter::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_filter_is_an_attribute_a_comparison_and_a_value() {
        use Comparison::{Equals, StartsWith};
        let email = |comparison, value: &str| Some((SearchAttribute::Email, comparison, value.to_owned()));
        assert_eq!(parsed(""), None);
        for text in [r#"email = "a b""#, r#"email="a b""#, "\t email  =\n\"a b\" "] {
            assert_eq!(parsed(text), email(Equals, "a b"), "{text}");
        }
        for text in [r#"email ^= "a""#, r#"email^="a""#] {
            assert_eq!(parsed(text), email(StartsWith, "a"), "{text}");
        }
        assert_eq!(parsed(r#"email = """#), email(Equals, ""));
        assert_eq!(parsed(r#"email = "\"\\\"""#), email(Equals, r#""\""#));
        for attribute in SearchAttribute::ALL {
            let text = format!("{} = \"x\"", attribute.name());
            assert_eq!(parsed(&text), Some((attribute, Equals, "x".to_owned())));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_as_such() {
        let none = [
            " ",
            "email",
            "email =",
            "email = x",
            "email = 'x'",
            r#"email = "x"#,
            r#"email = "x" "y""#,
            r#"email = "x" and name = "y""#,
            r#"email == "x""#,
            r#"email ^ = "x""#,
            r#"email > "x""#,
            r#"email "x""#,
            r#"= "x""#,
            r#""email" = "x""#,
            r#"email = "x\""#,
            r#"email = "\x""#,
            r#"given name = "x""#,
        ];
        for text in none {
            assert_eq!(refusal(text), "Error while parsing filter", "{text}");
        }
    }

    #[test]
    fn what_cannot_be_searched_for_is_named() {
        for name in ["custom:foo", "Email", "nickname", "email_verified", "é"] {
            assert_eq!(refusal(&format!("{name} = \"x\"")), format!("Invalid search attribute: {name}"));
        }
    }

    #[test]
    fn letters_must_be_of_the_same_case_but_in_a_users_status() {
        let admits = |filter: &str, value| UserFilter::parse(filter).unwrap().unwrap().admits(value);
        assert!(admits(r#"username = "Alice""#, Some("Alice")));
        assert!(!admits(r#"username = "alice""#, Some("Alice")));
        assert!(!admits(r#"username = "Al""#, Some("Alice")));
        assert!(admits(r#"username ^= "Al""#, Some("Alice")));
        assert!(!admits(r#"username ^= "al""#, Some("Alice")));
        assert!(admits(r#"cognito:user_status = "Confirmed""#, Some("CONFIRMED")));
        assert!(admits(r#"cognito:user_status ^= "conf""#, Some("CONFIRMED")));
        assert!(!admits(r#"cognito:user_status = "conf""#, Some("CONFIRMED")));
        assert!(!admits(r#"status = "enabled""#, Some("Enabled")));
        assert!(admits(r#"name ^= """#, Some("x")) && !admits(r#"name ^= """#, None));
    }

    fn comparison() -> impl Strategy<Value = Comparison> {
        prop_oneof![Just(Comparison::Equals), Just(Comparison::StartsWith)]
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_reads_as_it_was(
            attribute in proptest::sample::select(SearchAttribute::ALL.to_vec()),
            comparison in comparison(),
            value in r#"([\\"=^ a]|\PC|\s){0,20}"#,
        ) {
            let filter = UserFilter { attribute, comparison, value };
            prop_assert_eq!(UserFilter::parse(&filter.to_string()).unwrap(), Some(filter));
        }

        #[test]
        fn whatever_is_typed_is_answered(text in r#"(email|username|[\\"=^ ]|\PC|\s){0,12}"#) {
            if let Ok(Some(filter)) = UserFilter::parse(&text) {
                prop_assert_eq!(UserFilter::parse(&filter.to_string()).unwrap(), Some(filter));
            }
        }
    }
}
