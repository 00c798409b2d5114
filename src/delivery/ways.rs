//! The ways out, chosen once at the start: one for mail, one or none for text messages.

use std::path::PathBuf;

use super::file::OutboxFile;
use super::{Hook, Letter, Smtp};
use crate::domain::messages::Medium;

/// How messages leave.
pub struct Ways {
    pub email: Way,
    /// Without one, what needs a text message is refused before it is written.
    pub sms: Option<Way>,
}

/// A way out.
pub enum Way {
    File(OutboxFile),
    Smtp(Box<Smtp>),
    Hook(Box<Hook>),
}

impl Way {
    pub fn file(path: PathBuf) -> Self {
        Way::File(OutboxFile::new(path))
    }
}

/// What became of a try. The texts are for operators, and hold neither a code nor an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Delivered,
    /// This message not now: later perhaps.
    Postponed(String),
    /// This message never.
    Refused(String),
    /// No message at all, at present: whoever takes them cannot be reached, or does not know us.
    Unreachable(String),
}

impl Ways {
    /// Everything into one file: for development.
    pub fn file(path: PathBuf) -> Self {
        let file = OutboxFile::new(path);
        Ways { email: Way::File(file.clone()), sms: Some(Way::File(file)) }
    }

    pub async fn deliver(&self, letter: &Letter) -> Outcome {
        if letter.message.decoy {
            return Outcome::Delivered;
        }
        let way = match letter.medium() {
            Medium::Email => Some(&self.email),
            Medium::Sms => self.sms.as_ref(),
        };
        match way {
            Some(Way::File(file)) => match file.append(letter).await {
                Ok(()) => Outcome::Delivered,
                Err(cause) => Outcome::Unreachable(format!("the outbox file: {cause}")),
            },
            Some(Way::Smtp(smtp)) => smtp.send(letter).await,
            Some(Way::Hook(hook)) => hook.post(letter).await,
            None => Outcome::Refused("there is no way out for text messages".to_owned()),
        }
    }
}
