//! What the generated validators call: the bounds of the contract, and Cognito's words for each breach.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::json::{Named, UnknownNames};
use crate::error::{Error, ViolatingValue, Violation};

/// A request or a part of one that knows its bounds.
pub trait Check {
    fn check(&self, check: &mut Checker<'_>);
}

/// Checks a whole request: `Err` tells every violation, or names the first member that is not honoured.
pub fn check(request: &impl Check, unknown: &UnknownNames) -> Result<(), Error> {
    let mut checker = Checker { path: String::new(), violations: Vec::new(), not_honoured: None, unknown };
    request.check(&mut checker);
    match checker {
        Checker { violations, .. } if !violations.is_empty() => Err(Error::Constraints(violations)),
        Checker { not_honoured: Some(member), .. } => Err(Error::NotHonoured(member.into())),
        _ => Ok(()),
    }
}

/// Refuses a new password that breaks the bounds of the contract's password members, where none of them holds it: as an answer
/// to a challenge.
pub fn check_password(path: &str, password: &str) -> Result<(), Error> {
    let violation = |constraint| Violation { path: path.to_owned(), value: ViolatingValue::Sensitive, constraint };
    let breaches = text_breaches(password, &PASSWORD);
    if breaches.is_empty() { Ok(()) } else { Err(Error::Constraints(breaches.into_iter().map(violation).collect())) }
}

static PASSWORD: Bounds<'static> = Bounds {
    required: true,
    sensitive: true,
    min: None,
    max: Some(256),
    pattern: Some(&PASSWORD_PATTERN),
    key: None,
    each: None,
};

static PASSWORD_PATTERN: Pattern =
    Pattern::new(r"^[\S]+.*[\S]+$", || compile(r"\A(?:^[[^\t\n\x0B\x0C\r\x20]]+.*[[^\t\n\x0B\x0C\r\x20]]+$)\z"));

/// The options of one field.
pub struct Bounds<'a> {
    pub required: bool,
    pub sensitive: bool,
    /// For strings in UTF-16 units, for lists and maps in entries, for integers the value itself.
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<&'static Pattern>,
    /// The bounds of each key of a map.
    pub key: Option<&'a Bounds<'a>>,
    /// The bounds of each element of a list or value of a map.
    pub each: Option<&'a Bounds<'a>>,
}

/// A pattern of the contract, compiled at its first use.
pub struct Pattern {
    printed: &'static str,
    regex: LazyLock<Regex>,
}

impl Pattern {
    pub const fn new(printed: &'static str, compile: fn() -> Regex) -> Self {
        Pattern { printed, regex: LazyLock::new(compile) }
    }

    /// Compiles the pattern now rather than at its first use.
    pub fn prepare(&self) {
        LazyLock::force(&self.regex);
    }
}

/// Compiles a pattern that `build.rs` has translated. Every one is compiled at the start, so a bad one stops no request.
pub fn compile(translated: &str) -> Regex {
    Regex::new(translated).unwrap_or_else(|error| panic!("a pattern of the contract does not compile: {error}"))
}

/// Collects violations, in the order of the contract's members.
pub struct Checker<'a> {
    path: String,
    violations: Vec<Violation>,
    not_honoured: Option<&'static str>,
    unknown: &'a UnknownNames,
}

impl Checker<'_> {
    pub fn text(&mut self, name: &str, value: Option<&str>, bounds: &Bounds<'_>) {
        let Some(value) = value else { return self.absent(name, bounds) };
        for constraint in text_breaches(value, bounds) {
            self.violation(name, value, bounds.sensitive, constraint);
        }
    }

    pub fn integer(&mut self, name: &str, value: Option<i64>, bounds: &Bounds<'_>) {
        let Some(value) = value else { return self.absent(name, bounds) };
        if let Some(min) = bounds.min.filter(|min| value < *min) {
            let constraint = format!("Member must have value greater than or equal to {min}");
            self.violation(name, &value.to_string(), bounds.sensitive, constraint);
        }
        if let Some(max) = bounds.max.filter(|max| value > *max) {
            let constraint = format!("Member must have value less than or equal to {max}");
            self.violation(name, &value.to_string(), bounds.sensitive, constraint);
        }
    }

    pub fn enumeration<E: Named>(&mut self, name: &str, value: Option<i32>, bounds: &Bounds<'_>) {
        let Some(number) = value else { return self.absent(name, bounds) };
        if E::name_of(number).is_none() {
            let written = self.unknown.written(number);
            self.violation(name, &written, bounds.sensitive, enum_constraint::<E>());
        }
    }

    pub fn enumerations<E: Named>(&mut self, name: &str, values: &[i32]) {
        if values.iter().any(|number| E::name_of(*number).is_none()) {
            let written =
                |number: &i32| E::name_of(*number).map_or_else(|| self.unknown.written(*number), str::to_owned);
            let printed = format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", "));
            self.violation(
                name,
                &printed,
                false,
                format!("Member must satisfy constraint: [{}]", enum_constraint::<E>()),
            );
        }
    }

    pub fn texts(&mut self, name: &str, values: &[String], bounds: &Bounds<'_>) {
        let printed = || format!("[{}]", values.join(", "));
        for constraint in length_breaches(values.len(), bounds) {
            self.violation(name, &printed(), bounds.sensitive, constraint);
        }
        if let Some(each) = bounds.each.filter(|each| values.iter().any(|value| breaks(value, each))) {
            let constraint = format!("Member must satisfy constraint: {}", constraints_of(each));
            self.violation(name, &printed(), bounds.sensitive || each.sensitive, constraint);
        }
    }

    pub fn map(&mut self, name: &str, values: &HashMap<String, String>, bounds: &Bounds<'_>) {
        let printed = || {
            let mut entries: Vec<_> = values.iter().map(|(key, value)| format!("{key}={value}")).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        };
        for constraint in length_breaches(values.len(), bounds) {
            self.violation(name, &printed(), bounds.sensitive, constraint);
        }
        if let Some(key) = bounds.key.filter(|key| values.keys().any(|name| breaks(name, key))) {
            let constraint = format!("Map keys must satisfy constraint: {}", constraints_of(key));
            self.violation(name, &printed(), bounds.sensitive, constraint);
        }
        if let Some(each) = bounds.each.filter(|each| values.values().any(|value| breaks(value, each))) {
            let constraint = format!("Map value must satisfy constraint: {}", constraints_of(each));
            self.violation(name, &printed(), bounds.sensitive || each.sensitive, constraint);
        }
    }

    pub fn message<M: Check>(&mut self, name: &str, value: Option<&M>, required: bool) {
        match value {
            Some(message) => self.within(name, |checker| message.check(checker)),
            None => self.present(name, !required, false),
        }
    }

    pub fn messages<M: Check>(&mut self, name: &str, values: &[M], bounds: &Bounds<'_>) {
        for constraint in length_breaches(values.len(), bounds) {
            self.violation(name, "[…]", true, constraint);
        }
        for (index, value) in values.iter().enumerate() {
            self.within(&format!("{name}.{}.member", index + 1), |checker| value.check(checker));
        }
    }

    pub fn present(&mut self, name: &str, present: bool, sensitive: bool) {
        if !present {
            let value = if sensitive { ViolatingValue::Sensitive } else { ViolatingValue::Absent };
            self.violations.push(Violation {
                path: self.at(name),
                value,
                constraint: "Member must not be null".into(),
            });
        }
    }

    /// A member that Cognito has and this server refuses.
    pub fn not_honoured(&mut self, member: &'static str, present: bool) {
        if present {
            self.not_honoured.get_or_insert(member);
        }
    }

    fn absent(&mut self, name: &str, bounds: &Bounds<'_>) {
        self.present(name, !bounds.required, bounds.sensitive);
    }

    fn violation(&mut self, name: &str, value: &str, sensitive: bool, constraint: String) {
        let value = if sensitive { ViolatingValue::Sensitive } else { ViolatingValue::Shown(value.to_owned()) };
        self.violations.push(Violation { path: self.at(name), value, constraint });
    }

    fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn within(&mut self, name: &str, check: impl FnOnce(&mut Self)) {
        let path = self.at(name);
        let outer = std::mem::replace(&mut self.path, path);
        check(self);
        self.path = outer;
    }
}

/// The breaches of one string: length before pattern.
fn text_breaches(value: &str, bounds: &Bounds<'_>) -> Vec<String> {
    let mut breaches = length_breaches_of(value.encode_utf16().count(), bounds);
    if let Some(pattern) = bounds.pattern.filter(|pattern| !pattern.regex.is_match(value)) {
        breaches.push(format!("Member must satisfy regular expression pattern: {}", pattern.printed));
    }
    breaches
}

fn breaks(value: &str, bounds: &Bounds<'_>) -> bool {
    !text_breaches(value, bounds).is_empty()
}

/// Protobuf cannot tell an absent list from an empty one, so an empty one is never too short.
fn length_breaches(length: usize, bounds: &Bounds<'_>) -> Vec<String> {
    if length == 0 { Vec::new() } else { length_breaches_of(length, bounds) }
}

fn length_breaches_of(length: usize, bounds: &Bounds<'_>) -> Vec<String> {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let too_short = bounds.min.filter(|min| length < *min).map(min_length);
    let too_long = bounds.max.filter(|max| length > *max).map(max_length);
    too_short.into_iter().chain(too_long).collect()
}

fn min_length(min: i64) -> String {
    format!("Member must have length greater than or equal to {min}")
}

fn max_length(max: i64) -> String {
    format!("Member must have length less than or equal to {max}")
}

fn enum_constraint<E: Named>() -> String {
    format!("Member must satisfy enum value set: [{}]", E::NAMES.join(", "))
}

/// All bounds of an element, as the framework lists them.
fn constraints_of(bounds: &Bounds<'_>) -> String {
    let pattern =
        bounds.pattern.map(|pattern| format!("Member must satisfy regular expression pattern: {}", pattern.printed));
    let all: Vec<_> = bounds.max.map(max_length).into_iter().chain(bounds.min.map(min_length)).chain(pattern).collect();
    format!("[{}]", all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::PATTERNS;

    #[test]
    fn every_pattern_of_the_contract_compiles() {
        assert!(PATTERNS.len() > 10, "only {} patterns were found", PATTERNS.len());
        for pattern in PATTERNS {
            LazyLock::force(&pattern.regex);
        }
    }

    #[test]
    fn a_password_outside_the_members_has_the_bounds_of_those() {
        let of_members = PATTERNS.iter().find(|pattern| pattern.printed == PASSWORD_PATTERN.printed).unwrap();
        assert_eq!(PASSWORD_PATTERN.regex.as_str(), of_members.regex.as_str());
        let told = |password: &str| check_password("at", password).err().map(|error| error.to_string());
        let (longest, too_long) = ("x".repeat(256), "x".repeat(257));
        assert_eq!(told(&longest), None);
        assert_eq!(told("in side"), None);
        let breach = "1 validation error detected: Value at 'at' failed to satisfy constraint: Member must";
        assert_eq!(told(&too_long), Some(format!("{breach} have length less than or equal to 256")));
        for odd in ["x", " edge", "edge "] {
            let pattern = r"satisfy regular expression pattern: ^[\S]+.*[\S]+$";
            assert_eq!(told(odd), Some(format!("{breach} {pattern}")), "{odd:?}");
        }
    }

    #[test]
    fn patterns_match_whole_texts_and_know_javas_classes() {
        let matches = |printed: &str, text: &str| {
            let found = PATTERNS.iter().find(|pattern| pattern.printed == printed);
            found.unwrap_or_else(|| panic!("the contract has no pattern {printed}")).regex.is_match(text)
        };
        assert!(matches(r"[\w+]+", "aZ_9+"));
        assert!(!matches(r"[\w+]+", "\u{e4}"), "a word is ASCII");
        assert!(!matches(r"[\w+]+", "a\n") && !matches(r"[\w+]+", "a b"), "no part of a text is enough");
        assert!(matches(r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+", "\u{e4}\u{9f8d}\u{1f600}!"));
        assert!(matches(r"^[\S]+.*[\S]+$", "a b") && !matches(r"^[\S]+.*[\S]+$", "a b "));
        assert!(matches(r"[\S]+", "\u{a0}"), "white space is ASCII");
    }
}
