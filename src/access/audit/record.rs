//! A record in CloudTrail's form (reference 11), member for member.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::event::Found;
use crate::access::{Authenticated, Proof};

/// One call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record<'a> {
    pub event_version: &'static str,
    pub user_identity: UserIdentity<'a>,
    /// In whole seconds.
    #[serde(serialize_with = "as_text")]
    pub event_time: Timestamp,
    pub event_source: &'static str,
    pub event_name: &'static str,
    pub aws_region: &'a str,
    #[serde(rename = "sourceIPAddress")]
    pub source_ip_address: IpAddr,
    pub user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<&'a String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<&'a String>,
    pub request_parameters: Option<&'a RawValue>,
    pub response_elements: (),
    pub additional_event_data: Option<AdditionalEventData<'a>>,
    #[serde(rename = "requestID")]
    pub request_id: &'a str,
    #[serde(rename = "eventID")]
    pub event_id: Uuid,
    pub read_only: bool,
    pub event_type: &'static str,
    pub management_event: bool,
    pub recipient_account_id: &'a str,
    pub event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_details: Option<TlsDetails<'a>>,
}

fn as_text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

/// Who called.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity<'a> {
    r#type: &'static str,
    principal_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<SessionContext<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'a> {
    session_issuer: SessionIssuer<'a>,
}

/// The role whose session it is.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionIssuer<'a> {
    r#type: &'static str,
    principal_id: &'a str,
    account_id: &'a str,
    user_name: Option<String>,
    arn: String,
}

/// What CloudTrail has no member for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalEventData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_pool_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_identity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_sha256: Option<&'a str>,
}

/// How the connection was protected.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsDetails<'a> {
    pub tls_version: &'a str,
    pub cipher_suite: &'a str,
    pub client_provided_host_header: Option<&'a str>,
}

impl<'a> UserIdentity<'a> {
    /// Whoever proved who they are, or nobody known.
    pub fn of(authenticated: Option<&'a Authenticated>) -> Self {
        let Some(Authenticated { principal, proof }) = authenticated else { return Self::anonymous() };
        let arn = &principal.arn;
        let session_context = arn.role().map(|role| SessionContext {
            session_issuer: SessionIssuer {
                r#type: "Role",
                principal_id: arn.unique_id(),
                account_id: arn.account(),
                user_name: role.rsplit('/').next().map(str::to_owned),
                arn: role,
            },
        });
        UserIdentity {
            r#type: if arn.is_user() { "IAMUser" } else { "AssumedRole" },
            principal_id: arn.principal_id(),
            arn: Some(arn.as_str()),
            account_id: Some(arn.account()),
            user_name: arn.is_user().then(|| arn.name()),
            access_key_id: match proof {
                Proof::Signature { access_key } | Proof::AccessKey { access_key } => Some(access_key),
                Proof::Certificate { .. } => None,
            },
            session_context,
        }
    }

    fn anonymous() -> Self {
        UserIdentity {
            r#type: "Unknown",
            principal_id: "Anonymous",
            arn: None,
            account_id: None,
            user_name: None,
            access_key_id: None,
            session_context: None,
        }
    }
}

impl<'a> AdditionalEventData<'a> {
    /// What was found, if anything was.
    pub(super) fn of(found: &'a Found) -> Option<Self> {
        let proof = found.authenticated.as_ref().map(|authenticated| &authenticated.proof);
        let certificate = match proof {
            Some(Proof::Certificate { identity, fingerprint }) => Some((identity.as_str(), fingerprint.as_str())),
            _ => None,
        };
        let is_empty = found.pool.is_none() && found.sub.is_none() && proof.is_none();
        (!is_empty).then(|| AdditionalEventData {
            user_pool_id: found.pool.as_deref(),
            sub: found.sub.as_deref(),
            credential: proof.map(|proof| match proof {
                Proof::Signature { .. } => "SIGNATURE",
                Proof::AccessKey { .. } => "ACCESS_KEY",
                Proof::Certificate { .. } => "CERTIFICATE",
            }),
            certificate_identity: certificate.map(|(identity, _)| identity),
            certificate_sha256: certificate.map(|(_, fingerprint)| fingerprint),
        })
    }
}
