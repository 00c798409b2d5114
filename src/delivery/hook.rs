//! Text messages by an HTTP hook: one POST for each, to whoever has a way to telephones.
//!
//! ```text
//! POST <sms_url>
//! content-type: application/json
//! authorization: Bearer <what stands in sms_secret_file>
//! idempotency-key: <id>
//!
//! {"id":…,"time":…,"to":…,"text":…,"purpose":…,"pool":…,"username":…}
//! ```
//!
//! 2xx: delivered. 408, 429 and anything but 2xx and 4xx: again later. Any other 4xx: never. A redirect is followed nowhere:
//! it would take the secret and the code with it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::Full;
use serde::Serialize;
use tokio::time::timeout;

use super::{Letter, Outcome};
use crate::crypto::secret::Secret;
use crate::outbound::{Client, Rule, Trust, bearer, client};

/// Where text messages are posted.
pub struct HookSettings {
    pub url: String,
    pub secret: Option<Secret<String>>,
    pub timeout: Duration,
}

/// A hook.
pub struct Hook {
    url: Uri,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    client: Client,
}

#[derive(Serialize)]
struct TextMessage<'a> {
    id: String,
    time: String,
    to: &'a str,
    text: &'a str,
    purpose: &'a str,
    pool: &'a str,
    username: &'a str,
}

impl Hook {
    /// Posts nothing yet. Fails when a setting cannot be used, and names it.
    pub fn new(settings: HookSettings) -> Result<Self, String> {
        let trust = Trust::new(None).map_err(|cause| format!("sms_url: {cause}"))?;
        let unspeakable = || "sms_secret_file: holds what cannot stand in a header".to_owned();
        let authorization = |secret: Secret<String>| bearer(&secret).ok_or_else(unspeakable);
        Ok(Hook {
            url: settings.url.parse().map_err(|cause| format!("sms_url: {cause}"))?,
            authorization: settings.secret.map(authorization).transpose()?,
            timeout: settings.timeout,
            client: client(Rule::Anywhere, trust),
        })
    }

    /// Posts a message.
    pub async fn post(&self, letter: &Letter) -> Outcome {
        let request = match self.request(letter) {
            Ok(request) => request,
            Err(cause) => return Outcome::Refused(format!("the message cannot be posted: {cause}")),
        };
        match timeout(self.timeout, self.client.request(request)).await {
            Ok(Ok(answer)) => judge(answer.status()),
            Ok(Err(error)) if error.is_connect() => Outcome::Unreachable("the hook cannot be reached".to_owned()),
            Ok(Err(_)) => Outcome::Postponed("the hook broke off".to_owned()),
            Err(_) => Outcome::Postponed(format!("the hook was silent for {} seconds", self.timeout.as_secs())),
        }
    }

    fn request(&self, letter: &Letter) -> Result<Request<Full<Bytes>>, Box<dyn std::error::Error>> {
        let (id, message) = (letter.id.to_string(), &letter.message);
        let body = serde_json::to_vec(&TextMessage {
            id: id.clone(),
            time: letter.written_at.to_string(),
            to: &message.to,
            text: &message.body,
            purpose: &message.purpose,
            pool: &message.pool,
            username: &message.username,
        })?;
        let mut request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", id)
            .body(Full::from(body))?;
        if let Some(authorization) = &self.authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        Ok(request)
    }
}

fn judge(status: StatusCode) -> Outcome {
    let problem = format!("the hook answered {}", status.as_u16());
    match status {
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Outcome::Postponed(problem),
        _ if status.is_success() => Outcome::Delivered,
        _ if status.is_client_error() => Outcome::Refused(problem),
        _ => Outcome::Postponed(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_whether_a_message_comes_again() {
        for (status, again) in [
            (400, false),
            (404, false),
            (422, false),
            (408, true),
            (429, true),
            (301, true),
            (307, true),
            (500, true),
            (503, true),
        ] {
            let outcome = judge(StatusCode::from_u16(status).unwrap());
            let problem = format!("the hook answered {status}");
            assert_eq!(outcome, if again { Outcome::Postponed(problem) } else { Outcome::Refused(problem) });
        }
        for status in [200, 202, 204] {
            assert_eq!(judge(StatusCode::from_u16(status).unwrap()), Outcome::Delivered);
        }
    }
}
