//! Messages to users, as operations put them in the outbox: the pool's texts, filled in, to one of the user's addresses.

use super::Cx;
use super::pools::Pool;
use crate::delivery;
use crate::domain::messages::{Content, Medium, Purpose, Texts, Words, confirmation_link, invitation, verification};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::{Batch, records};

/// To whom a message goes, and about which user it speaks.
#[derive(Clone, Copy)]
pub struct Addressee<'a> {
    /// Whose value `address` is.
    pub attribute: Alias,
    pub address: &'a str,
    pub username: &'a str,
    /// Whether it is nobody, or somebody who is to have no message: what is written goes nowhere.
    pub is_hidden: bool,
}

/// A code or a temporary password.
#[derive(Clone, Copy)]
pub struct Perishable<'a> {
    pub text: &'a str,
    /// From then on it is worth nothing, and its message is not delivered any more. In milliseconds since 1970.
    pub expires_at: i64,
}

impl Addressee<'_> {
    fn medium(&self) -> Medium {
        medium_to(self.attribute)
    }
}

/// How a message travels to an attribute's value.
pub fn medium_to(attribute: Alias) -> Medium {
    match attribute {
        Alias::PhoneNumber => Medium::Sms,
        Alias::Email | Alias::PreferredUsername => Medium::Email,
    }
}

impl Pool {
    /// The texts that the operator gave.
    fn texts(&self) -> Texts<'_> {
        let record = &self.record;
        let mfa = record.mfa.as_ref();
        Texts {
            email_subject: record.email_subject.as_deref(),
            email_message: record.email_message.as_deref(),
            sms_message: record.sms_message.as_deref(),
            confirms_by_link: record.confirms_by_link,
            email_subject_by_link: record.email_subject_by_link.as_deref(),
            email_message_by_link: record.email_message_by_link.as_deref(),
            invitation_email_subject: record.invitation_email_subject.as_deref(),
            invitation_email_message: record.invitation_email_message.as_deref(),
            invitation_sms_message: record.invitation_sms_message.as_deref(),
            authentication_email_subject: mfa.and_then(|mfa| mfa.email_subject.as_deref()),
            authentication_email_message: mfa.and_then(|mfa| mfa.email_message.as_deref()),
            authentication_sms_message: mfa.and_then(|mfa| mfa.sms_message.as_deref()),
        }
    }
}

impl Cx<'_> {
    /// Refuses what would need a message for which there is no way out. Whoever must not tell users from others asks it of
    /// both.
    pub fn require_way_to(&self, attribute: Alias) -> Result<(), Error> {
        match attribute {
            Alias::PhoneNumber if !self.takes_text_messages => {
                Err(Error::CodeDeliveryFailure("This server has no way to send text messages."))
            }
            _ => Ok(()),
        }
    }

    /// Puts a code in the outbox, in these words. `client` is whose user signs up: a link confirms through it.
    #[expect(clippy::too_many_arguments, reason = "a message is made up of so much")]
    pub fn enqueue_code(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        to: Addressee<'_>,
        purpose: Purpose,
        client: Option<&str>,
        code: Perishable<'_>,
        words: &Words,
    ) {
        let link = client.map(|client| confirmation_link(&self.issuer(&pool.id), client, to.username, code.text));
        let content =
            verification(&pool.texts().worded(words), to.medium(), purpose, to.username, code.text, link.as_deref());
        self.enqueue(batch, pool, to, purpose, content, code);
    }

    /// Puts an invitation in the outbox. `sign_in_name` is what the user will type.
    pub fn enqueue_invitation(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        to: Addressee<'_>,
        sign_in_name: &str,
        temporary_password: Perishable<'_>,
        words: &Words,
    ) {
        let content = invitation(&pool.texts().worded(words), to.medium(), sign_in_name, temporary_password.text);
        self.enqueue(batch, pool, to, Purpose::Invitation, content, temporary_password);
    }

    fn enqueue(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        to: Addressee<'_>,
        purpose: Purpose,
        content: Content,
        brought: Perishable<'_>,
    ) {
        let message = records::OutboxMessage {
            medium: to.medium().name().to_owned(),
            to: to.address.to_owned(),
            subject: content.subject,
            // The plain part of mail is made of the HTML again: both would not fit in a record.
            body: content.html.unwrap_or(content.plain),
            code: brought.text.to_owned(),
            purpose: purpose.name().to_owned(),
            username: to.username.to_owned(),
            pool: pool.id.0.clone(),
            from: pool.record.email_from.clone(),
            reply_to: pool.record.email_reply_to.clone(),
            expires_at: Some(brought.expires_at),
            decoy: to.is_hidden,
        };
        delivery::enqueue(batch, &message, &self.sealer, &self.rng, self.now());
    }
}
