//! A courier over the real store in a temporary directory, with a clock that stands still: everything but the server.

use std::sync::Arc;
use std::time::Duration;

use cognate::crypto::sealing::Sealer;
use cognate::crypto::secret::Secret;
use cognate::delivery::desk::{Desk, Line};
use cognate::delivery::{self, Courier, Office, Policy, Security, Smtp, SmtpSettings, Way, Ways};
use cognate::rng::Rng;
use cognate::store::records::OutboxMessage;
use cognate::store::{Batch, SledStore, Store};
use jiff::Timestamp;

use crate::server::{MailServer, PASSWORD, Received, USER};
use crate::support::START;
use crate::support::certificates::Authority;

pub const HOUR: Duration = Duration::from_secs(60 * 60);

/// The longest pause between two tries, and a little more.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(7 * 60);

pub struct PostOffice {
    pub store: Box<dyn Store>,
    pub sealer: Sealer,
    pub now: Timestamp,
    rng: Rng,
    courier: Courier,
    policy: Policy,
    _directory: tempfile::TempDir,
}

pub fn policy() -> Policy {
    Policy { at_once: 4, give_up_after: 24 * HOUR, dead_letter_life: 30 * 24 * HOUR, dead_letters_max: 100 }
}

/// How Cognate speaks to a server: by STARTTLS, with a password, and with little patience.
pub fn settings(server: &MailServer, authority: &Authority) -> SmtpSettings {
    SmtpSettings {
        host: "127.0.0.1".to_owned(),
        port: server.address.port(),
        security: Security::Starttls,
        login: Some((USER.to_owned(), Secret::new(PASSWORD.to_owned()))),
        authorities: Some(authority.pem().into_bytes()),
        timeout: Duration::from_millis(500),
        from: "Example <no-reply@id.example.com>".to_owned(),
        hello: "id.example.com".to_owned(),
        connections_max: 4,
    }
}

pub fn by_smtp(settings: SmtpSettings) -> Ways {
    Ways { email: Way::Smtp(Box::new(Smtp::new(settings).unwrap())), sms: None }
}

/// A mail that brings a code.
pub fn mail(to: &str, code: &str) -> OutboxMessage {
    OutboxMessage {
        medium: "EMAIL".to_owned(),
        to: to.to_owned(),
        subject: "Your verification code".to_owned(),
        body: format!("Your confirmation code is {code}"),
        code: code.to_owned(),
        purpose: "sign_up".to_owned(),
        username: "alice".to_owned(),
        pool: "us-east-1_Example12".to_owned(),
        ..OutboxMessage::default()
    }
}

impl PostOffice {
    pub fn new(ways: Ways) -> Self {
        Self::with_policy(ways, policy())
    }

    pub fn with_policy(ways: Ways, policy: Policy) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Box::new(SledStore::open(directory.path(), 8 * 1024 * 1024).unwrap());
        PostOffice {
            store,
            sealer: Sealer::new(&Secret::new([7; 32])),
            now: START.parse().unwrap(),
            rng: Rng::seeded(7),
            courier: Courier::new(Arc::new(ways), policy),
            policy,
            _directory: directory,
        }
    }

    /// Puts a message in the outbox, a millisecond after the last one.
    pub async fn write(&mut self, message: OutboxMessage) {
        self.now += Duration::from_millis(1);
        let mut batch = Batch::default();
        delivery::enqueue(&mut batch, &message, &self.sealer, &self.rng, self.now);
        self.store.commit(batch).await.unwrap();
    }

    /// Delivers all that is due.
    pub async fn deliver(&mut self) {
        let office = Office { store: &*self.store, sealer: &self.sealer, rng: &self.rng, now: self.now };
        delivery::deliver_due(&mut self.courier, &office).await.unwrap();
    }

    /// Lets time pass, and delivers what is due then.
    pub async fn deliver_after(&mut self, step: Duration) {
        self.now += step;
        self.deliver().await;
    }

    /// Forgets all that is in memory, as a restart does.
    pub fn restart(&mut self, ways: Ways) {
        self.courier = Courier::new(Arc::new(ways), self.policy);
    }

    pub fn desk(&self) -> Desk<'_> {
        Desk { store: &*self.store, sealer: &self.sealer, now: self.now }
    }

    /// Every message, as an operator sees it.
    pub async fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        self.desk().list(|line| lines.push(line)).await.unwrap();
        lines
    }

    /// The one message that there is.
    pub async fn only_line(&self) -> Line {
        let [line] = self.lines().await.try_into().unwrap();
        line
    }

    /// The problems of all messages, in their order.
    pub async fn problems(&self) -> Vec<String> {
        self.lines().await.into_iter().map(|line| line.problem).collect()
    }
}

impl Received {
    /// The value of a header, unfolded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.text.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
        found.map(|value| value.trim().to_owned())
    }

    /// The code in its plain part.
    pub fn code(&self) -> String {
        let (_, rest) = self.text.split_once("code is ").unwrap();
        rest.chars().take_while(char::is_ascii_digit).collect()
    }
}

/// To whom mail came, in order.
pub fn recipients(server: &MailServer) -> Vec<String> {
    server.mail().into_iter().map(|received| received.to).collect()
}
