//! Mail by SMTP (RFC 5321): over TLS, by STARTTLS or from the first byte; in the clear only where that was asked for.
//!
//! What fails before a message is spoken of (the connection, TLS, the password) says nothing of the message: the server is
//! unreachable. What the server says of a message counts for that message. Its words are not passed on, because servers
//! repeat addresses; its codes are.

use std::error::Error as _;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::{Error, extension::ClientId};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;

use super::{Letter, Outcome, mime};
use crate::crypto::secret::Secret;

/// How a connection to the mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// STARTTLS, without which nothing is sent.
    Starttls,
    /// TLS from the first byte.
    Tls,
    None,
}

impl Security {
    /// The usual port.
    pub fn port(self) -> u16 {
        match self {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        }
    }
}

/// Which server takes mail, and how it is spoken to.
pub struct SmtpSettings {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub login: Option<(String, Secret<String>)>,
    /// Who signs the server's certificate, PEM; without it the authorities that browsers trust.
    pub authorities: Option<Vec<u8>>,
    /// How long connecting may take, and how long a message may.
    pub timeout: Duration,
    /// From whom mail comes, if a pool does not say.
    pub from: String,
    /// The host name under which this server greets.
    pub hello: String,
    /// Connections that are kept open.
    pub connections_max: usize,
}

/// A mail server.
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: Option<TlsParameters>,
    credentials: Option<Credentials>,
    timeout: Duration,
    from: Mailbox,
    hello: ClientId,
    connections_max: usize,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

/// Codes that mean "I do not know you", also in answer to a message: RFC 4954, section 6, and RFC 3207.
const ABOUT_THE_CONNECTION: [&str; 4] = ["530", "534", "535", "538"];

/// How long a kept connection may take to show that it is alive. A new one may be had at once.
const LIFE_SIGN_SECONDS: u64 = 3;

impl Smtp {
    /// Connects to nobody yet. Fails when a setting cannot be used, and names it.
    pub fn new(settings: SmtpSettings) -> Result<Self, String> {
        let from = mime::mailbox(&settings.from)
            .ok_or("mail_from: must be an address, such as Example <no-reply@example.com>")?;
        let tls = match settings.security {
            Security::None => None,
            Security::Starttls | Security::Tls => {
                let mut tls = TlsParameters::builder(settings.host.clone());
                if let Some(pem) = &settings.authorities {
                    let authorities = Certificate::from_pem(pem).map_err(|cause| format!("smtp_ca_file: {cause}"))?;
                    tls = tls.certificate_store(CertificateStore::None).add_root_certificate(authorities);
                }
                Some(tls.build_rustls().map_err(|cause| format!("smtp_ca_file: {cause}"))?)
            }
        };
        let hello = match settings.hello.trim_matches(['[', ']']).parse() {
            Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
            Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
            Err(_) => ClientId::Domain(settings.hello),
        };
        Ok(Smtp {
            host: settings.host,
            port: settings.port,
            security: settings.security,
            tls,
            credentials: settings.login.map(|(user, password)| Credentials::new(user, password.expose().clone())),
            timeout: settings.timeout,
            from,
            hello,
            connections_max: settings.connections_max,
            idle: Mutex::default(),
        })
    }

    /// Hands a message to the server.
    pub async fn send(&self, letter: &Letter) -> Outcome {
        let mail = match mime::mail(letter, &self.from) {
            Ok(mail) => mail,
            Err(problem) => return Outcome::Refused(problem),
        };
        let mut connection = match self.within("connecting", self.connection()).await {
            Ok(connection) => connection,
            Err(problem) => return Outcome::Unreachable(problem.text),
        };
        let sent = self.within("sending", connection.send(mail.envelope(), &mail.formatted())).await;
        match sent {
            Ok(_) => {
                self.keep(connection);
                Outcome::Delivered
            }
            Err(Problem { text, code: Some(code), .. }) if ABOUT_THE_CONNECTION.contains(&code.as_str()) => {
                Outcome::Unreachable(text)
            }
            Err(Problem { text, is_permanent: true, .. }) => Outcome::Refused(text),
            Err(Problem { text, .. }) => Outcome::Postponed(text),
        }
    }

    /// A connection that is open, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        // Not held over an await: the others need it.
        let kept = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut connection) = kept() {
            // The server may have closed it meanwhile.
            let is_alive = timeout(Duration::from_secs(LIFE_SIGN_SECONDS), connection.test_connected());
            if is_alive.await.unwrap_or(false) {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let from_the_first_byte = self.tls.clone().filter(|_| self.security == Security::Tls);
        let server = (self.host.as_str(), self.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &self.hello, from_the_first_byte, None)
                .await?;
        if let Some(tls) = self.tls.clone().filter(|_| self.security == Security::Starttls) {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials).await?;
        }
        Ok(connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.connections_max && !connection.has_broken() {
            idle.push(connection);
        }
    }

    /// With the time that it may take. The library itself waits for a silent server for ever.
    async fn within<T>(&self, what: &str, step: impl Future<Output = Result<T, Error>>) -> Result<T, Problem> {
        match timeout(self.timeout, step).await {
            Ok(done) => done.map_err(|error| Problem::of(what, &error)),
            Err(_) => Err(Problem {
                text: format!("{what}: the mail server was silent for {} seconds", self.timeout.as_secs()),
                code: None,
                is_permanent: false,
            }),
        }
    }
}

/// Why the server did not take a message, without the server's words.
struct Problem {
    text: String,
    code: Option<String>,
    is_permanent: bool,
}

impl Problem {
    fn of(what: &str, error: &Error) -> Self {
        let said = error.source().map(ToString::to_string).unwrap_or_default();
        if let Some(code) = error.status().map(|code| code.to_string()) {
            let enhanced = enhanced_code(&said).map(|enhanced| format!(" {enhanced}")).unwrap_or_default();
            let text = format!("{what}: the mail server answered {code}{enhanced}");
            return Problem { text, is_permanent: error.is_permanent(), code: Some(code) };
        }
        let text = match error {
            // These are the library's and the system's own words.
            _ if error.is_tls() => format!("{what}: TLS: {said}"),
            _ if error.is_client() => format!("{what}: {said}"),
            _ if error.is_response() || is_broken_off(error) => {
                format!("{what}: the mail server broke off, or does not speak SMTP")
            }
            _ => format!("{what}: {said}"),
        };
        Problem { text, code: None, is_permanent: error.is_client() }
    }
}

fn is_broken_off(error: &Error) -> bool {
    use std::io::{self, ErrorKind};
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    matches!(cause, Some(ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe))
}

/// The status code with which a reply's text begins (RFC 3463): class, subject, detail.
fn enhanced_code(text: &str) -> Option<&str> {
    let code = text.split_whitespace().next()?;
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = code.split('.').collect();
    (parts.len() == 3 && parts.iter().all(|part| is_number(part))).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_servers_words_only_the_status_code_is_kept() {
        for (said, kept) in [
            ("5.1.1 <alice@example.com>: unknown", Some("5.1.1")),
            ("4.7.0", Some("4.7.0")),
            ("alice@example.com is unknown", None),
            ("5.1 no", None),
            ("5.1.1234 no", None),
            ("5.a.1 no", None),
            ("", None),
        ] {
            assert_eq!(enhanced_code(said), kept, "{said}");
        }
    }
}
