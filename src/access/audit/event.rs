//! One call as the audit trail tells it, with CloudTrail's field names (reference 11).
//!
//! No secrets, no names, no values of attributes: of the request only ids of pools and clients and settings are shown, of a
//! user only the `sub`.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::access::replay::UsedSignature;
use crate::access::{Authenticated, Principal, Proof};
use crate::api::{Access, Op};
use crate::context::Witness;
use crate::error::{Error, ViolatingValue, Violation};
use crate::store::{AuditKey, Batch, records};

/// What is known of a request before it is believed.
#[derive(Clone, Debug)]
pub struct Origin {
    pub request_id: Arc<str>,
    pub source: IpAddr,
    pub user_agent: Option<String>,
    /// Version and cipher suite of the connection, and the host that was asked for.
    pub tls: Option<(String, String, Option<String>)>,
    pub region: String,
    pub account: String,
}

/// A call on its way, gathering what its record will say.
#[derive(Debug)]
pub struct Event {
    id: Uuid,
    at: Timestamp,
    op: Op,
    origin: Origin,
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    authenticated: Option<Authenticated>,
    signature: Option<UsedSignature>,
    pool: Option<String>,
    sub: Option<String>,
    parameters: Value,
    error: Option<(String, String)>,
    /// The record was committed with the write.
    is_recorded: bool,
}

/// The most that is kept of each text that a caller can choose.
const CHARACTERS_MAX: usize = 1024;

/// The most that shown parameters may take; a record must fit into the store.
const PARAMETERS_BYTES_MAX: usize = 16 * 1024;

const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

impl Event {
    pub fn new(op: Op, origin: Origin, id: Uuid, at: Timestamp) -> Self {
        Event { id, at, op, origin, found: Mutex::default() }
    }

    /// Whether calls of an operation are recorded: all but what users read of themselves.
    pub fn is_due(op: Op) -> bool {
        is_operators(op) || !op.is_read_only()
    }

    pub fn authenticated(&self, authenticated: Authenticated, signature: Option<UsedSignature>) {
        let mut found = self.found();
        (found.authenticated, found.signature) = (Some(authenticated), signature);
    }

    /// The pool that the request names.
    pub fn names_pool(&self, pool: Option<&str>) {
        if let Some(pool) = pool {
            self.found().pool = Some(shortened(pool));
        }
    }

    /// The decoded request.
    pub fn requested(&self, request: &impl Serialize) {
        let members = serde_json::to_value(request).ok();
        self.found().parameters = parameters(self.op, members.as_ref().and_then(Value::as_object));
    }

    pub fn failed(&self, error: &Error) {
        let code = match error {
            Error::AccessDenied { .. } => "AccessDenied".to_owned(),
            _ => error.exception().name(),
        };
        let message = match error {
            Error::Constraints(violations) => Error::Constraints(without_hidden(self.op, violations)).to_string(),
            _ => error.to_string(),
        };
        self.found().error = Some((code, shortened(&message)));
    }

    /// The record, unless it was committed with the write. `outcome` is the name of the error that was answered, of which
    /// nothing more is known.
    pub fn finish(&self, outcome: Option<&str>) -> Option<Vec<u8>> {
        let mut found = self.found();
        if found.is_recorded {
            return None;
        }
        found.is_recorded = true;
        if let (None, Some(outcome)) = (&found.error, outcome) {
            found.error = Some((outcome.to_owned(), String::new()));
        }
        Some(self.record(&found))
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_operators_write(&self) -> bool {
        is_operators(self.op) && !self.op.is_read_only()
    }

    fn record(&self, found: &Found) -> Vec<u8> {
        let Event { id, at, op, origin, .. } = self;
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": identity(found.authenticated.as_ref()),
            "eventTime": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": "cognito-idp.amazonaws.com",
            "eventName": op.name(),
            "awsRegion": origin.region,
            "sourceIPAddress": origin.source.to_canonical(),
            "userAgent": origin.user_agent.as_deref().map(shortened),
            "requestParameters": found.parameters,
            "responseElements": null,
            "additionalEventData": additional(found),
            "requestID": *origin.request_id,
            "eventID": id,
            "readOnly": op.is_read_only(),
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": origin.account,
            "eventCategory": "Management",
        });
        if let Some((code, message)) = &found.error {
            record["errorCode"] = code.as_str().into();
            if !message.is_empty() {
                record["errorMessage"] = message.as_str().into();
            }
        }
        if let Some((version, cipher_suite, host)) = &origin.tls {
            let host = host.as_deref().map(shortened);
            record["tlsDetails"] =
                json!({"tlsVersion": version, "cipherSuite": cipher_suite, "clientProvidedHostHeader": host});
        }
        record.to_string().into_bytes()
    }
}

impl Witness for Event {
    fn saw_pool(&self, pool: &str) {
        self.found().pool = Some(pool.to_owned());
    }

    fn saw_user(&self, sub: &str) {
        self.found().sub = Some(sub.to_owned());
    }

    fn committing(&self, batch: &mut Batch) {
        if !self.is_operators_write() {
            return;
        }
        let found = self.found();
        if let Some(signature) = &found.signature {
            signature.ride(batch);
        }
        let key = AuditKey { at: self.at.as_millisecond(), event: self.id };
        batch.put(&key, &records::AuditEntry { record: self.record(&found) });
    }

    fn committed(&self) {
        if self.is_operators_write() {
            self.found().is_recorded = true;
        }
    }
}

fn is_operators(op: Op) -> bool {
    !matches!(op.access(), Access::Anyone | Access::SignedIn)
}

fn identity(authenticated: Option<&Authenticated>) -> Value {
    let Some(Authenticated { principal, proof }) = authenticated else {
        return json!({"type": "Unknown", "principalId": "Anonymous"});
    };
    let Principal { arn, .. } = &**principal;
    let mut identity = json!({
        "type": if arn.is_user() { "IAMUser" } else { "AssumedRole" },
        "principalId": arn.principal_id(),
        "arn": arn.as_str(),
        "accountId": arn.account(),
    });
    if arn.is_user() {
        identity["userName"] = arn.name().into();
    }
    if let Some(role) = arn.role() {
        let name = role.rsplit('/').next();
        let issuer = json!({
            "type": "Role",
            "principalId": arn.unique_id(),
            "arn": role,
            "accountId": arn.account(),
            "userName": name,
        });
        identity["sessionContext"] = json!({"sessionIssuer": issuer});
    }
    if let Proof::Signature { access_key } | Proof::AccessKey { access_key } = proof {
        identity["accessKeyId"] = access_key.as_str().into();
    }
    identity
}

fn additional(found: &Found) -> Value {
    let mut data = Map::new();
    let mut put = |name: &str, text: Option<&str>| {
        if let Some(text) = text {
            data.insert(name.to_owned(), text.into());
        }
    };
    put("userPoolId", found.pool.as_deref());
    put("sub", found.sub.as_deref());
    match found.authenticated.as_ref().map(|it| &it.proof) {
        Some(Proof::Signature { .. }) => put("credential", Some("SIGNATURE")),
        Some(Proof::AccessKey { .. }) => put("credential", Some("ACCESS_KEY")),
        Some(Proof::Certificate { identity, fingerprint }) => {
            put("credential", Some("CERTIFICATE"));
            put("certificateIdentity", Some(identity));
            put("certificateSha256", Some(fingerprint));
        }
        None => {}
    }
    if data.is_empty() { Value::Null } else { data.into() }
}

/// The members of a request under CloudTrail's spelling of their names; what may not be shown is there, but hidden.
fn parameters(op: Op, members: Option<&Map<String, Value>>) -> Value {
    let Some(members) = members else { return Value::Null };
    let shown = |name: &String, value: &Value| {
        let may_be_shown = op.shown_members().contains(&name.as_str());
        (lower_camel(name), if may_be_shown { value.clone() } else { HIDDEN.into() })
    };
    let parameters = Value::from_iter(members.iter().map(|(name, value)| shown(name, value)));
    if parameters.to_string().len() > PARAMETERS_BYTES_MAX { json!({"omitted": "too large"}) } else { parameters }
}

/// Violations without the values that may not be shown. The caller may see again what they sent: a code, for one.
fn without_hidden(op: Op, violations: &[Violation]) -> Vec<Violation> {
    let may_be_shown = |path: &str| {
        let member = path.split('.').next();
        op.shown_members().iter().any(|shown| Some(lower_camel(shown).as_str()) == member)
    };
    let hide = |violation: &Violation| match &violation.value {
        ViolatingValue::Shown(_) if !may_be_shown(&violation.path) => {
            Violation { value: ViolatingValue::Sensitive, ..violation.clone() }
        }
        _ => violation.clone(),
    };
    violations.iter().map(hide).collect()
}

fn lower_camel(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().into_iter().flat_map(char::to_lowercase).chain(characters).collect()
}

fn shortened(text: &str) -> String {
    text.chars().take(CHARACTERS_MAX).collect()
}
