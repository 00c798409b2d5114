//! Triggers: an operator's own code that a pool asks at certain moments, as Cognito asks Lambda functions (reference 8).
//!
//! A pool names functions by their ARNs; what each ARN leads to the server's settings say ([`Binding`]): an HTTP endpoint of the
//! operator's, or the Invoke API of AWS Lambda. Either way the event is Cognito's to the letter, and the function answers with the
//! whole event, its `response` filled in. So code that was written for Lambda runs behind a few lines of shim.
//!
//! ```text
//! POST <url>
//! content-type: application/json
//! authorization: Bearer <what stands in secret_file>
//! idempotency-key: <the same for every try of one event>
//!
//! {"version":"1","region":…,"userPoolId":…,"userName":…,"callerContext":{…},"triggerSource":…,"request":{…},"response":{…}}
//! ```
//!
//! 2xx with an event: the answer. A function that has failed says so as Lambda does, by `{"errorMessage": …}`: with the header
//! `x-amz-function-error`, with a 4xx status, or in the event's place. Everything else is a failure of the call. A try may take so
//! long and no longer, from the connection to the end of the answer. What certainly has not run is tried again, three times in
//! all: where no connection was made, and where the other side says that it has too much to do. What may have run is not: a function that
//! has sent a message or written a record shall not do so twice.
//!
//! What it refuses to do: take a wrong answer for none, follow a redirect, connect to an address that the settings do not
//! allow, wait for ever, hold more calls of one function than it may (a slow one takes nothing from the others), tell a log what is in an event or an answer.

mod answer;
mod binding;
mod lambda;
mod target;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

pub use answer::{UNRECOGNIZABLE, response_of, typed};
pub use binding::Binding;
pub use lambda::Credentials;

use crate::crypto::secret::Secret;
use crate::live::{Live, Reload};
use crate::outbound::Trust;
use target::Target;

/// One trigger: what its function is told, as the event's `request`.
pub trait Trigger: Serialize + Sync {
    /// Its key in LambdaConfig, by which errors name it.
    const NAME: &'static str;
    /// What the function may set in the event's `response`. What is absent is not set; what is of another type is refused.
    type Response: DeserializeOwned + Send;

    /// What has happened, such as `PreSignUp_SignUp`.
    fn source(&self) -> &'static str;

    /// The version of the event's form.
    fn version(&self) -> &'static str {
        "1"
    }

    /// The event's `response` as the function receives it.
    fn prefilled(&self) -> Value;
}

/// Whom an event is about, and who caused it.
#[derive(Clone, Copy)]
pub struct Whom<'a> {
    pub region: &'a str,
    pub pool: &'a str,
    pub username: &'a str,
    /// The id of the client; none where an operator calls without one.
    pub client: Option<&'a str>,
}

/// The members of an event, in Cognito's order (reference 8.1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a, T> {
    version: &'a str,
    region: &'a str,
    user_pool_id: &'a str,
    user_name: &'a str,
    caller_context: CallerContext<'a>,
    trigger_source: &'a str,
    request: &'a T,
    response: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallerContext<'a> {
    aws_sdk_version: &'a str,
    client_id: &'a str,
}

/// What Cognito says where there is no client.
const NO_CLIENT: &str = "CLIENT_ID_NOT_APPLICABLE";

/// What Cognito says of a caller whose SDK it does not know.
const UNKNOWN_SDK: &str = "aws-sdk-unknown-unknown";

/// An event as it is sent.
pub fn event<T: Trigger>(whom: &Whom<'_>, trigger: &T) -> Result<Bytes, serde_json::Error> {
    let event = Event {
        version: trigger.version(),
        region: whom.region,
        user_pool_id: whom.pool,
        user_name: whom.username,
        caller_context: CallerContext { aws_sdk_version: UNKNOWN_SDK, client_id: whom.client.unwrap_or(NO_CLIENT) },
        trigger_source: trigger.source(),
        request: trigger,
        response: trigger.prefilled(),
    };
    serde_json::to_vec(&event).map(Bytes::from)
}

/// Why there is no answer to go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The function has failed, or refuses, with these words for the caller.
    Thrown(String),
    /// It could not be asked, or did not answer.
    NotInvoked(String),
    /// What it answers is not what it was asked for, as Cognito words it.
    Unusable(&'static str),
    /// There are as many calls of the function already as there may be at one time.
    TooMany,
}

/// What the settings say of triggers.
pub struct Settings {
    /// Where each ARN leads.
    pub destinations: Vec<(String, Destination)>,
    pub limits: Limits,
    /// Whose certificates endpoints show.
    pub trust: Trust,
}

/// What each function is held to.
pub struct Limits {
    /// How long a try may take.
    pub timeout: Duration,
    /// Calls of one function under way at one time.
    pub calls_max: usize,
    /// Whether endpoints may be on private networks.
    pub allows_private_addresses: bool,
}

/// Where an ARN leads.
pub enum Destination {
    /// An endpoint of the operator's.
    Endpoint { url: String, secret: Option<Secret<String>> },
    /// The Invoke API of AWS Lambda.
    Lambda { api: String, region: String, credentials: Arc<Live<Credentials>> },
}

/// The functions that this server knows to ask.
pub struct Triggers {
    targets: HashMap<String, Target>,
    files: Vec<Arc<dyn Reload>>,
}

/// Tries of one call.
const TRIES_MAX: u32 = 3;

/// Before the second try; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(50);

impl Triggers {
    /// Calls nobody yet. Fails when a setting cannot be used, and names it.
    pub fn new(settings: Settings) -> Result<Self, String> {
        let mut files: Vec<Arc<dyn Reload>> = Vec::new();
        let mut targets = HashMap::new();
        for (arn, destination) in settings.destinations {
            if let Destination::Lambda { credentials, .. } = &destination {
                files.push(credentials.clone());
            }
            let target = Target::new(&arn, destination, &settings.limits, settings.trust.clone());
            targets.insert(arn.clone(), target.map_err(|problem| format!("triggers {arn}: {problem}"))?);
        }
        Ok(Triggers { targets, files })
    }

    /// Whether the settings say where this ARN leads.
    pub fn are_bound(&self, arn: &str) -> bool {
        self.targets.contains_key(arn)
    }

    /// What is read again when it changes.
    pub fn files(&self) -> Vec<Arc<dyn Reload>> {
        self.files.clone()
    }

    /// Sends an event, and gives the answer as it came. The key tells the function that a second try is one.
    pub async fn call(&self, arn: &str, event: &Bytes, key: Uuid, now: Timestamp) -> Result<Bytes, Failure> {
        let Some(target) = self.targets.get(arn) else {
            return Err(Failure::NotInvoked("ResourceNotFoundException".to_owned()));
        };
        let _call = target.begin_call()?;
        let mut tries = 1;
        loop {
            match target.one_try(event, key, now).await {
                Err(target::Missed { again: true, .. }) if tries < TRIES_MAX => {
                    tokio::time::sleep(PAUSE * tries).await;
                    tries += 1;
                }
                Err(target::Missed { failure, .. }) => return Err(failure),
                Ok(answer) => return Ok(answer),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Nothing {
        user_attributes: HashMap<String, String>,
    }

    impl Trigger for Nothing {
        const NAME: &'static str = "Nothing";
        type Response = HashMap<String, bool>;

        fn source(&self) -> &'static str {
            "Nothing_Happened"
        }

        fn prefilled(&self) -> Value {
            serde_json::json!({ "isSo": false })
        }
    }

    #[test]
    fn an_event_has_cognitos_members_in_cognitos_order() {
        let whom = Whom { region: "us-east-1", pool: "us-east-1_Example12", username: "alice", client: Some("c") };
        let trigger = Nothing { user_attributes: [("email".to_owned(), "a@example.com".to_owned())].into() };
        let told = |whom: &Whom<'_>| String::from_utf8(event(whom, &trigger).unwrap().to_vec()).unwrap();
        let expected = "{\"version\":\"1\",\"region\":\"us-east-1\",\"userPoolId\":\"us-east-1_Example12\",\
             \"userName\":\"alice\",\"callerContext\":{\"awsSdkVersion\":\"aws-sdk-unknown-unknown\",\"clientId\":\"c\"},\
             \"triggerSource\":\"Nothing_Happened\",\"request\":{\"userAttributes\":{\"email\":\"a@example.com\"}},\
             \"response\":{\"isSo\":false}}";
        assert_eq!(told(&whom), expected);
        let without = told(&Whom { client: None, ..whom });
        assert!(without.contains("\"clientId\":\"CLIENT_ID_NOT_APPLICABLE\""), "{without}");
    }
}
