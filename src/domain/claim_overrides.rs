//! What a pool's function may change of the claims of tokens (reference 8.3).
//!
//! It may add claims, and take away what the service has put in for the user's own sake: attributes, groups, scopes. What says
//! whose the token is, for whom, from when to when and out of which sign-in, is the service's alone. Attempts on those are passed
//! over without a word, as in Cognito.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::claims::USER_ADMIN_SCOPE;
use super::groups::GroupClaims;

/// All that is added to one token, as JSON, in bytes: tokens travel in headers.
pub const ADDED_BYTES_MAX: usize = 16 * 1024;

/// Scopes that are added to one token.
pub const ADDED_SCOPES_MAX: usize = 100;

/// What is to be changed of the tokens of one sign-in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClaimOverrides {
    pub id: TokenOverrides,
    pub access: TokenOverrides,
    pub scopes: ScopeOverrides,
    /// In place of the user's own.
    pub groups: Option<GroupClaims>,
}

/// What is to be changed of one token.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TokenOverrides {
    pub add: BTreeMap<String, Value>,
    pub suppress: Vec<String>,
}

/// What is to be changed of the scopes of an access token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeOverrides {
    pub add: Vec<String>,
    pub suppress: Vec<String>,
}

/// What is to be added cannot stand in a token, or not all of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Excessive;

/// Claims that are the service's alone; those that begin with `cognito:` are too. Groups and scopes have members of their own.
const OWN: [&str; 22] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "client_id",
    "device_key",
    "event_id",
    "exp",
    "iat",
    "identities",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "origin_jti",
    "scope",
    "sub",
    "token_use",
    "username",
    "version",
];

/// Scopes of this service begin so. A function may take them away, but not give them.
const OWN_SCOPES: &str = "aws.cognito.";

fn is_own(claim: &str) -> bool {
    OWN.contains(&claim) || claim.starts_with("cognito:")
}

impl ClaimOverrides {
    /// Refuses what no token should hold.
    pub fn check(&self) -> Result<(), Excessive> {
        for token in [&self.id, &self.access] {
            let added = serde_json::to_vec(&token.add).map_err(|_| Excessive)?;
            if added.len() > ADDED_BYTES_MAX {
                return Err(Excessive);
            }
        }
        let texts = self.groups.iter().flat_map(|groups| groups.groups.iter().chain(&groups.roles));
        let texts_bytes: usize = texts.chain(&self.scopes.add).map(String::len).sum();
        let are_scopes = self.scopes.add.iter().all(|scope| is_scope(scope));
        match texts_bytes <= ADDED_BYTES_MAX && are_scopes && self.scopes.add.len() <= ADDED_SCOPES_MAX {
            true => Ok(()),
            false => Err(Excessive),
        }
    }
}

impl TokenOverrides {
    /// The claims of a token with these changes.
    pub fn applied(&self, mut claims: Map<String, Value>) -> Map<String, Value> {
        let added = self.add.iter().filter(|(name, _)| !is_own(name));
        claims.extend(added.map(|(name, value)| (name.clone(), value.clone())));
        claims.retain(|name, _| is_own(name) || !self.suppress.contains(name));
        claims
    }
}

impl ScopeOverrides {
    /// The scopes of an access token, apart by spaces, with these changes.
    pub fn applied(&self, scopes: &str) -> String {
        let mut kept: Vec<&str> = scopes.split(' ').filter(|scope| !self.suppresses(scope)).collect();
        for scope in self.add.iter().filter(|scope| !scope.starts_with(OWN_SCOPES) && !self.suppresses(scope)) {
            if !kept.contains(&scope.as_str()) {
                kept.push(scope);
            }
        }
        kept.join(" ")
    }

    fn suppresses(&self, scope: &str) -> bool {
        self.suppress.iter().any(|suppressed| suppressed == scope)
    }
}

/// Whether a text is one scope (RFC 6749, 3.3): two would be more than was said.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// The scopes of a sign-in over the API.
pub const SCOPES: [&str; 1] = [USER_ADMIN_SCOPE];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn overrides(add: Value, suppress: &[&str]) -> TokenOverrides {
        let add = object(add).into_iter().collect();
        TokenOverrides { add, suppress: suppress.iter().map(ToString::to_string).collect() }
    }

    fn scopes(add: &[&str], suppress: &[&str]) -> ScopeOverrides {
        let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        ScopeOverrides { add: texts(add), suppress: texts(suppress) }
    }

    #[test]
    fn attributes_are_a_functions_to_add_and_to_take() {
        let claims = object(json!({ "sub": "s", "email": "a@example.com", "name": "A" }));
        let overrides =
            overrides(json!({ "email": "b@example.com", "plan": { "seats": [1, 2] } }), &["name", "absent"]);
        let expected = json!({ "sub": "s", "email": "b@example.com", "plan": { "seats": [1, 2] } });
        assert_eq!(Value::Object(overrides.applied(claims)), expected);
    }

    #[test]
    fn what_is_added_and_suppressed_is_suppressed() {
        let overrides = overrides(json!({ "plan": "free" }), &["plan"]);
        assert_eq!(Value::Object(overrides.applied(Map::new())), json!({}));
    }

    #[test]
    fn what_is_the_services_stays_as_it_is() {
        for name in OWN.into_iter().chain(["cognito:username", "cognito:groups", "cognito:roles", "cognito:anything"]) {
            let claims = object(json!({ name: "own" }));
            let add = overrides(json!({ name: "other" }), &[]);
            assert_eq!(Value::Object(add.applied(claims.clone())), json!({ name: "own" }));
            assert_eq!(Value::Object(add.applied(Map::new())), json!({}), "{name}");
            assert_eq!(Value::Object(overrides(json!({}), &[name]).applied(claims)), json!({ name: "own" }));
        }
    }

    #[test]
    fn scopes_are_added_and_taken_but_the_services_own_not_added() {
        let own = "aws.cognito.signin.user.admin";
        for (overrides, expected) in [
            (scopes(&[], &[]), own),
            (scopes(&["orders/read", "orders/read"], &[]), "aws.cognito.signin.user.admin orders/read"),
            (scopes(&["orders/read"], &[own]), "orders/read"),
            (scopes(&[], &[own]), ""),
            (scopes(&["a"], &["a"]), own),
        ] {
            assert_eq!(overrides.applied(own), expected, "{overrides:?}");
        }
        assert_eq!(scopes(&[own, "aws.cognito.other"], &[]).applied("openid"), "openid");
    }

    #[test]
    fn there_is_an_end_to_what_a_token_holds() {
        let of_id = |bytes: usize| ClaimOverrides {
            id: overrides(json!({ "a": "x".repeat(bytes - 8) }), &[]),
            ..ClaimOverrides::default()
        };
        assert_eq!(of_id(ADDED_BYTES_MAX).check(), Ok(()));
        assert_eq!(of_id(ADDED_BYTES_MAX + 1).check(), Err(Excessive));
        let of_access = ClaimOverrides { access: of_id(ADDED_BYTES_MAX + 1).id, ..ClaimOverrides::default() };
        assert_eq!(of_access.check(), Err(Excessive));
        let with = |add: Vec<&str>| ClaimOverrides { scopes: scopes(&add, &[]), ..ClaimOverrides::default() }.check();
        assert_eq!(with(vec!["a"; ADDED_SCOPES_MAX]), Ok(()));
        assert_eq!(with(vec!["a"; ADDED_SCOPES_MAX + 1]), Err(Excessive));
        for odd in ["", "a b", "ä", "a\"", "a\\", "a\n"] {
            assert_eq!(with(vec![odd]), Err(Excessive), "{odd}");
        }
        let long = "x".repeat(ADDED_BYTES_MAX + 1);
        let groups = GroupClaims { groups: vec![long], ..GroupClaims::default() };
        assert_eq!(ClaimOverrides { groups: Some(groups), ..ClaimOverrides::default() }.check(), Err(Excessive));
    }
}
