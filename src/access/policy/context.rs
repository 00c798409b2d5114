//! What is known of a request: the condition keys, each with its values.

use std::collections::BTreeMap;

/// Condition keys that stand alone.
const KEYS: [&str; 11] = [
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalArn",
    "aws:RequestedRegion",
    "aws:SecureTransport",
    "aws:SourceIp",
    "aws:TagKeys",
    "aws:UserAgent",
    "aws:userid",
    "aws:username",
];

/// Condition keys that are completed by the key of a tag.
const TAG_KEYS: [&str; 3] = ["aws:PrincipalTag/", "aws:RequestTag/", "aws:ResourceTag/"];

/// Condition keys with their values. Keys are the same in upper and lower case.
#[derive(Clone, Debug, Default)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    pub fn set(&mut self, key: &str, value: impl Into<String>) {
        self.set_all(key, [value.into()]);
    }

    pub fn set_all(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        self.0.insert(key.to_ascii_lowercase(), values.into_iter().collect());
    }

    /// Gives a key one more value. The tags `team` and `Team` are two, but one key: then it has the values of both.
    pub fn add(&mut self, key: &str, value: impl Into<String>) {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.into());
    }

    /// The values of a key; none if the request has no such key.
    pub fn get(&self, key: &str) -> Option<&[String]> {
        self.0.get(&key.to_ascii_lowercase()).map(Vec::as_slice).filter(|values| !values.is_empty())
    }

    /// Whether a request can have this key at all.
    pub fn is_known_key(key: &str) -> bool {
        let begins = |prefix: &&str| key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
            || TAG_KEYS.iter().any(|prefix| begins(prefix) && key.len() > prefix.len())
    }

    /// Whether a key is one of the tags of what the request is about.
    pub fn is_resource_tag(key: &str) -> bool {
        key.to_ascii_lowercase().starts_with("aws:resourcetag/")
    }

    /// The known key that is spelled most like this one.
    pub fn nearest_key(key: &str) -> &'static str {
        let likeness = |known: &&str| strsim::jaro_winkler(&known.to_ascii_lowercase(), &key.to_ascii_lowercase());
        let all = KEYS.iter().chain(&TAG_KEYS).copied();
        all.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).unwrap_or_default()
    }
}
