//! What the tokens of a sign-in claim, member for member as Cognito's do.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attributes::Attributes;
use super::groups::GroupClaims;

/// The scope of a sign-in over the API: what the user's own operations ask for.
pub const USER_ADMIN_SCOPE: &str = "aws.cognito.signin.user.admin";

/// What both tokens of a sign-in have in common.
#[derive(Clone, Debug)]
pub struct SignIn<'a> {
    pub issuer: &'a str,
    pub client: &'a str,
    pub sub: &'a str,
    pub username: &'a str,
    /// The sign-in: the same in all tokens that come of it.
    pub event_id: Uuid,
    /// Common to all tokens of a refresh token; absent when the client has token revocation off.
    pub origin_jti: Option<&'a str>,
    /// When the user proved who they are; kept over refreshes.
    pub authenticated_at: Timestamp,
    pub issued_at: Timestamp,
    pub groups: &'a GroupClaims,
    /// The device that it is for, where the pool tracks them.
    pub device_key: Option<String>,
}

/// The claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    pub sub: String,
    pub iss: String,
    pub client_id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin_jti: Option<String>,
    pub event_id: Uuid,
    /// Told to others alone, as the groups are.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub device_key: Option<String>,
    pub token_use: String,
    pub scope: String,
    pub auth_time: i64,
    pub exp: i64,
    pub iat: i64,
    pub jti: Uuid,
    pub username: String,
    /// Told to others; nothing here is decided by it, so it is not kept of a token that was verified.
    #[serde(rename = "cognito:groups", skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pub groups: Vec<String>,
}

/// The claims of the access token.
pub fn access(sign_in: &SignIn<'_>, jti: Uuid, expires_at: Timestamp) -> AccessClaims {
    AccessClaims {
        sub: sign_in.sub.to_owned(),
        iss: sign_in.issuer.to_owned(),
        client_id: sign_in.client.to_owned(),
        origin_jti: sign_in.origin_jti.map(str::to_owned),
        event_id: sign_in.event_id,
        device_key: sign_in.device_key.clone(),
        token_use: "access".to_owned(),
        scope: USER_ADMIN_SCOPE.to_owned(),
        auth_time: sign_in.authenticated_at.as_second(),
        exp: expires_at.as_second(),
        iat: sign_in.issued_at.as_second(),
        jti,
        username: sign_in.username.to_owned(),
        groups: sign_in.groups.groups.clone(),
    }
}

/// The claims of an ID token.
#[derive(Clone, Debug, Serialize)]
pub struct IdClaims {
    sub: String,
    iss: String,
    aud: String,
    #[serde(rename = "cognito:username")]
    username: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_jti: Option<String>,
    event_id: Uuid,
    token_use: &'static str,
    auth_time: i64,
    exp: i64,
    iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<Uuid>,
    #[serde(rename = "cognito:groups", skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(rename = "cognito:roles", skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(rename = "cognito:preferred_role", skip_serializing_if = "Option::is_none")]
    preferred_role: Option<String>,
    #[serde(flatten)]
    attributes: BTreeMap<String, Value>,
}

/// What else the ID token claims by names that an attribute might have. The service's word is the one that stands.
const OWN_NAMES: [&str; 10] =
    ["sub", "iss", "aud", "origin_jti", "event_id", "token_use", "auth_time", "exp", "iat", "jti"];

/// The claims of the ID token, with those attributes that the client may read.
pub fn id(
    sign_in: &SignIn<'_>,
    jti: Uuid,
    expires_at: Timestamp,
    attributes: &Attributes,
    may_read: impl Fn(&str) -> bool,
) -> IdClaims {
    let GroupClaims { groups, roles, preferred_role } = sign_in.groups.clone();
    let is_told = |name: &str, value: &str| !value.is_empty() && !OWN_NAMES.contains(&name) && may_read(name);
    let told = attributes.iter().filter(|(name, value)| is_told(name, value));
    IdClaims {
        sub: sign_in.sub.to_owned(),
        iss: sign_in.issuer.to_owned(),
        aud: sign_in.client.to_owned(),
        username: sign_in.username.to_owned(),
        origin_jti: sign_in.origin_jti.map(str::to_owned),
        event_id: sign_in.event_id,
        token_use: "id",
        auth_time: sign_in.authenticated_at.as_second(),
        exp: expires_at.as_second(),
        iat: sign_in.issued_at.as_second(),
        jti: sign_in.origin_jti.map(|_| jti),
        groups,
        roles,
        preferred_role,
        attributes: told.map(|(name, value)| (name.clone(), claim(name, value))).collect(),
    }
}

/// Verified flags are booleans and an address is an object; everything else, numbers too, is a string.
fn claim(name: &str, value: &str) -> Value {
    match name {
        "email_verified" | "phone_number_verified" => (value == "true").into(),
        "address" => json!({ "formatted": value }),
        _ => value.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_milliseconds;

    static NO_GROUPS: GroupClaims = GroupClaims { groups: vec![], roles: vec![], preferred_role: None };

    fn sign_in(origin_jti: Option<&str>) -> SignIn<'_> {
        SignIn {
            issuer: "http://127.0.0.1/us-east-1_Example12",
            client: "client",
            sub: "sub",
            username: "alice",
            event_id: Uuid::from_u128(1),
            origin_jti,
            authenticated_at: from_milliseconds(1_000_999),
            issued_at: from_milliseconds(2_000_000),
            groups: &NO_GROUPS,
            device_key: None,
        }
    }

    fn written(claims: &IdClaims) -> Value {
        // By its text: a name that stood there twice would not go unnoticed.
        let text = serde_json::to_string(claims).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value.to_string().len(), text.len());
        value
    }

    #[test]
    fn an_id_token_has_an_audience_and_typed_attributes() {
        let attributes = [
            ("email", "a@example.com"),
            ("email_verified", "true"),
            ("address", "here"),
            ("custom:n", "5"),
            ("name", ""),
            ("nickname", "hidden"),
            ("sub", "another"),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let (jti, end) = (Uuid::from_u128(2), from_milliseconds(3_000_000));
        let claims = written(&id(&sign_in(Some("o")), jti, end, &attributes, |name| name != "nickname"));
        let expected = json!({
            "sub": "sub", "iss": "http://127.0.0.1/us-east-1_Example12", "aud": "client", "cognito:username": "alice",
            "event_id": Uuid::from_u128(1), "token_use": "id", "auth_time": 1000, "iat": 2000, "exp": 3000,
            "origin_jti": "o", "jti": Uuid::from_u128(2),
            "email": "a@example.com", "email_verified": true, "address": {"formatted": "here"}, "custom:n": "5",
        });
        assert_eq!(claims, expected);
    }

    #[test]
    fn an_access_token_has_a_client_and_no_audience_or_attributes() {
        let claims =
            serde_json::to_value(access(&sign_in(None), Uuid::from_u128(2), from_milliseconds(3_000_000))).unwrap();
        let expected = json!({
            "sub": "sub", "iss": "http://127.0.0.1/us-east-1_Example12", "client_id": "client", "username": "alice",
            "event_id": Uuid::from_u128(1), "token_use": "access", "scope": "aws.cognito.signin.user.admin",
            "auth_time": 1000, "iat": 2000, "exp": 3000, "jti": Uuid::from_u128(2),
        });
        assert_eq!(claims, expected);
    }

    #[test]
    fn both_tokens_name_the_groups_and_the_id_token_their_roles() {
        let groups = GroupClaims {
            groups: vec!["admins".into(), "staff".into()],
            roles: vec!["arn:aws:iam::000000000000:role/admin".into()],
            preferred_role: Some("arn:aws:iam::000000000000:role/admin".into()),
        };
        let sign_in = SignIn { groups: &groups, ..sign_in(None) };
        let id = written(&id(&sign_in, Uuid::from_u128(2), from_milliseconds(3), &Attributes::new(), |_| true));
        let access = serde_json::to_value(access(&sign_in, Uuid::from_u128(2), from_milliseconds(3))).unwrap();
        assert_eq!(id["cognito:groups"], json!(["admins", "staff"]));
        assert_eq!(id["cognito:roles"], json!(["arn:aws:iam::000000000000:role/admin"]));
        assert_eq!(id["cognito:preferred_role"], json!("arn:aws:iam::000000000000:role/admin"));
        assert_eq!(access["cognito:groups"], id["cognito:groups"]);
        assert!(access.get("cognito:roles").is_none() && access.get("cognito:preferred_role").is_none());
    }

    #[test]
    fn the_access_token_alone_names_the_device() {
        let sign_in = SignIn { device_key: Some("us-east-1_0a".to_owned()), ..sign_in(None) };
        let access = serde_json::to_value(access(&sign_in, Uuid::from_u128(2), from_milliseconds(3))).unwrap();
        assert_eq!(access["device_key"], "us-east-1_0a");
        let id = written(&id(&sign_in, Uuid::from_u128(2), from_milliseconds(3), &Attributes::new(), |_| true));
        assert!(id.get("device_key").is_none());
    }

    #[test]
    fn without_revocation_tokens_have_no_origin() {
        let claims = id(&sign_in(None), Uuid::from_u128(2), from_milliseconds(3), &Attributes::new(), |_| true);
        let claims = written(&claims);
        assert!(claims.get("origin_jti").is_none() && claims.get("jti").is_none());
    }
}
