//! One call as the audit trail tells it, with CloudTrail's field names (reference 11).
//!
//! No secrets, no names, no values of attributes: of the request only ids of pools and clients and settings are shown, of a
//! user only the `sub`.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::record::{AdditionalEventData, Record, TlsDetails, UserIdentity};
use crate::access::Authenticated;
use crate::access::replay::UsedSignature;
use crate::api::Op;
use crate::api::json::{TakeMembers, Told};
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

/// What came to light on the way.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) authenticated: Option<Authenticated>,
    signature: Option<UsedSignature>,
    pub(super) pool: Option<String>,
    pub(super) sub: Option<String>,
    pub(super) parameters: Option<Box<RawValue>>,
    error: Option<(String, String)>,
    /// The record was committed with the write.
    is_recorded: bool,
}

/// The most that is kept of each text that a caller can choose.
const CHARACTERS_MAX: usize = 1024;

/// The most that shown parameters may take; a record must fit into the store.
const PARAMETERS_BYTES_MAX: usize = 16 * 1024;

/// What a record takes, if nothing about it is unusual.
const USUAL_BYTES: usize = 1024;

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
            self.found().pool = Some(shortened(pool).to_owned());
        }
    }

    /// The decoded request.
    pub fn requested(&self, request: &impl Told) {
        self.found().parameters = Some(parameters(self.op, request));
    }

    pub fn failed(&self, error: &Error) {
        let code = match error {
            Error::AccessDenied { .. } => "AccessDenied".to_owned(),
            _ => error.exception().name(),
        };
        let message = match error {
            Error::Constraints(violations) => Error::Constraints(without_hidden(self.op, violations)).to_string(),
            Error::ResendNotPossible(_) => Error::ResendNotPossible(HIDDEN.to_owned()).to_string(),
            _ => error.to_string(),
        };
        self.found().error = Some((code, shortened(&message).to_owned()));
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
        let record = Record {
            event_version: "1.11",
            user_identity: UserIdentity::of(found.authenticated.as_ref()),
            event_time: Timestamp::from_second(at.as_second()).unwrap_or(*at),
            event_source: "cognito-idp.amazonaws.com",
            event_name: op.name(),
            aws_region: &origin.region,
            source_ip_address: origin.source.to_canonical(),
            user_agent: origin.user_agent.as_deref().map(shortened),
            error_code: found.error.as_ref().map(|(code, _)| code),
            error_message: found.error.as_ref().map(|(_, message)| message).filter(|message| !message.is_empty()),
            request_parameters: found.parameters.as_deref(),
            response_elements: (),
            additional_event_data: AdditionalEventData::of(found),
            request_id: &origin.request_id,
            event_id: *id,
            read_only: op.is_read_only(),
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: &origin.account,
            event_category: "Management",
            tls_details: origin.tls.as_ref().map(|(version, cipher_suite, host)| TlsDetails {
                tls_version: version,
                cipher_suite,
                client_provided_host_header: host.as_deref().map(shortened),
            }),
        };
        let mut written = Vec::with_capacity(USUAL_BYTES);
        match serde_json::to_writer(&mut written, &record) {
            Ok(()) => written,
            Err(_) => Vec::new(),
        }
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
    op.access().needs_operator()
}

/// The members of a request under CloudTrail's spelling of their names; what may not be shown is there, but hidden.
fn parameters(op: Op, request: &impl Told) -> Box<RawValue> {
    let written = to_raw_value(&Parameters { op, request }).ok();
    let written = written.filter(|written| written.get().len() <= PARAMETERS_BYTES_MAX);
    written.unwrap_or_else(|| to_raw_value(&json!({"omitted": "too large"})).unwrap_or_default())
}

struct Parameters<'a, R> {
    op: Op,
    request: &'a R,
}

impl<R: Told> Serialize for Parameters<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = Shown { op: self.op, members: serializer.serialize_map(None)? };
        self.request.tell(&mut shown)?;
        shown.members.end()
    }
}

/// Takes a request's members, and passes on what may be shown of them.
struct Shown<M> {
    op: Op,
    members: M,
}

impl<M: SerializeMap> TakeMembers for Shown<M> {
    type Error = M::Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), M::Error> {
        match self.op.shown_members().contains(&name) {
            true => self.members.serialize_entry(&lower_camel(name), value),
            false => self.members.serialize_entry(&lower_camel(name), HIDDEN),
        }
    }
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
    let mut name = name.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    name
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(CHARACTERS_MAX).map_or(text, |(end, _)| &text[..end])
}
