//! What a function answers: the whole event back, with its `response` filled in (reference 8.1).

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Failure;

/// Cognito's words for what is no JSON.
const NO_JSON: &str = "Invalid lambda function output : Invalid JSON";

/// Cognito's words for JSON that is no answer.
pub const UNRECOGNIZABLE: &str = "Unrecognizable lambda output";

/// The members that say which event it is. A function may leave them out, but not change them: an answer to another event, which
/// something between has mixed up or remembered, decides nothing here.
const NAMING: [&str; 4] = ["version", "userPoolId", "userName", "triggerSource"];

/// The `response` of an answer to this event.
pub fn response_of(event: &[u8], answer: &[u8]) -> Result<Value, Failure> {
    let answer: Value = serde_json::from_slice(answer).map_err(|_| Failure::Unusable(NO_JSON))?;
    let Value::Object(mut answer) = answer else { return Err(Failure::Unusable(UNRECOGNIZABLE)) };
    if let (Some(message), None) = (thrown(&answer), answer.get("response")) {
        return Err(Failure::Thrown(message));
    }
    let sent: Map<String, Value> = serde_json::from_slice(event).map_err(|_| Failure::Unusable(UNRECOGNIZABLE))?;
    let is_of_event = |name: &str| answer.get(name).is_none_or(|said| sent.get(name) == Some(said));
    let is_of_event = NAMING.into_iter().all(is_of_event);
    match answer.remove("response") {
        Some(Value::Object(response)) if is_of_event => Ok(Value::Object(response)),
        _ => Err(Failure::Unusable(UNRECOGNIZABLE)),
    }
}

/// What a response means. A member of another type than the trigger's is refused, not ignored.
pub fn typed<R: DeserializeOwned>(response: &Value) -> Result<R, Failure> {
    R::deserialize(response).map_err(|_| Failure::Unusable(UNRECOGNIZABLE))
}

/// The message of a function that has failed, as Lambda's runtimes write it, short enough for an answer's headers.
pub(super) fn thrown(answer: &Map<String, Value>) -> Option<String> {
    const CHARACTERS_MAX: usize = 1000;
    Some(answer.get("errorMessage")?.as_str()?.chars().take(CHARACTERS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    const EVENT: &[u8] = br#"{"version":"1","userPoolId":"p","userName":"alice","triggerSource":"PreSignUp_SignUp"}"#;

    fn unusable(answer: &str) -> Option<&'static str> {
        match response_of(EVENT, answer.as_bytes()) {
            Err(Failure::Unusable(text)) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn an_answer_is_the_event_with_a_response() {
        for answer in [
            r#"{"version":"1","userPoolId":"p","userName":"alice","triggerSource":"PreSignUp_SignUp","response":{"a":1}}"#,
            r#"{"response":{"a":1}}"#,
            r#"{"response":{"a":1},"request":{"anything":[]},"errorMessage":"of the function's own"}"#,
        ] {
            assert_eq!(response_of(EVENT, answer.as_bytes()), Ok(json!({ "a": 1 })), "{answer}");
        }
    }

    #[test]
    fn what_is_no_answer_to_this_event_is_refused() {
        for answer in ["", "{", "response", "{\"response\":{}}x"] {
            assert_eq!(unusable(answer), Some("Invalid lambda function output : Invalid JSON"), "{answer}");
        }
        for answer in [
            "null",
            "\"done\"",
            "[]",
            "{}",
            r#"{"response":null}"#,
            r#"{"response":[]}"#,
            r#"{"response":{},"userName":"bob"}"#,
            r#"{"response":{},"userPoolId":"q"}"#,
            r#"{"response":{},"version":1}"#,
            r#"{"response":{},"triggerSource":"PreSignUp_AdminCreateUser"}"#,
            r#"{"errorMessage":5}"#,
        ] {
            assert_eq!(unusable(answer), Some("Unrecognizable lambda output"), "{answer}");
        }
    }

    #[test]
    fn an_error_in_the_events_place_is_the_functions() {
        let thrown = response_of(EVENT, br#"{"errorMessage":"no","errorType":"Error","trace":[]}"#);
        assert_eq!(thrown, Err(Failure::Thrown("no".to_owned())));
        let long = json!({ "errorMessage": "ö".repeat(5000) }).to_string();
        assert_eq!(response_of(EVENT, long.as_bytes()), Err(Failure::Thrown("ö".repeat(1000))));
    }

    #[test]
    fn a_member_of_another_type_is_refused() {
        #[derive(Debug, Default, PartialEq, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Response {
            is_so: Option<bool>,
        }
        for (response, expected) in [
            (json!({}), Some(None)),
            (json!({ "isSo": null, "more": 5 }), Some(None)),
            (json!({ "isSo": true }), Some(Some(true))),
            (json!({ "isSo": "true" }), None),
            (json!({ "isSo": 1 }), None),
        ] {
            let read = typed::<Response>(&response).ok();
            assert_eq!(read.map(|read| read.is_so), expected, "{response}");
        }
    }
}
