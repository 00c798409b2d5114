//! A message as mail (RFC 5322, MIME): a plain part and an HTML part, addressed, dated and named so that a second delivery is
//! the same to the last byte.
//!
//! Nothing that a user or an operator wrote can begin a header: the library encodes what is not plain ASCII (RFC 2047), and
//! an address with a control character in it is refused.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::Letter;
use crate::domain::messages::plain_text_of;

/// The mail, or why there can be none: without an address in it.
pub fn mail(letter: &Letter, default_from: &Mailbox) -> Result<Message, String> {
    let message = &letter.message;
    let from = match &message.from {
        Some(from) => mailbox(from).ok_or("the pool's sender is no address")?,
        None => default_from.clone(),
    };
    let to = address(&message.to).ok_or("the recipient's address is none that mail can go to")?;
    let reply_to = message.reply_to.as_deref().map(|to| mailbox(to).ok_or("the pool's address for answers is none"));
    let host = Some(from.email.domain()).filter(|host| host.is_ascii()).unwrap_or("localhost");
    let id = format!("<{}@{host}>", letter.id);
    // A robot that answers mail leaves this one alone (RFC 3834).
    let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
    let mut builder = Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(in_one_line(&message.subject))
        .date(SystemTime::from(letter.written_at))
        .message_id(Some(id))
        .raw_header(automatic);
    if let Some(reply_to) = reply_to.transpose()? {
        builder = builder.reply_to(reply_to);
    }
    let parts = MultiPart::alternative()
        .boundary(format!("=_{}", letter.id.simple()))
        .singlepart(SinglePart::plain(with_plain_lines(&plain_text_of(&message.body))))
        .singlepart(SinglePart::html(with_plain_lines(&message.body)));
    builder.multipart(parts).map_err(|_| "it cannot be written as mail".to_owned())
}

/// An address, perhaps in angle brackets and behind a name, which may stand in quotes: all that a pool's sender can be.
pub fn mailbox(text: &str) -> Option<Mailbox> {
    let Some((name, email)) = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) else {
        return Some(Mailbox::new(None, address(text)?));
    };
    let name = name.trim();
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    let name = (!name.is_empty()).then(|| name.to_owned());
    Some(Mailbox::new(name, address(email)?)).filter(|_| !has_control(text))
}

fn address(text: &str) -> Option<lettre::Address> {
    text.parse().ok().filter(|_| !has_control(text))
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

/// The library writes a line feed as mail wants it; a carriage return alone it would leave as it is.
fn with_plain_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn in_one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::domain::formats::{is_email, is_sender};
    use crate::store::records::OutboxMessage;

    fn letter(message: OutboxMessage) -> Letter {
        let message = OutboxMessage { to: or(message.to, "alice@example.com"), medium: "EMAIL".into(), ..message };
        Letter { id: Uuid::from_u128(7), written_at: "2026-01-07T05:06:09Z".parse().unwrap(), message }
    }

    fn or(text: String, otherwise: &str) -> String {
        if text.is_empty() { otherwise.to_owned() } else { text }
    }

    fn text(message: OutboxMessage) -> Result<String, String> {
        let from = mailbox("Example <no-reply@id.example.com>").unwrap();
        mail(&letter(message), &from).map(|mail| String::from_utf8(mail.formatted()).unwrap())
    }

    fn headers(text: &str) -> Vec<&str> {
        let names = text.split("\r\n\r\n").next().unwrap().split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        names.map(|line| line.split_once(':').unwrap().0).collect()
    }

    #[test]
    fn mail_has_two_parts_and_is_the_same_each_time() {
        let message = OutboxMessage {
            subject: "Grüße".into(),
            body: "<p>Your code is <b>123456</b></p>".into(),
            reply_to: Some("help@example.com".into()),
            ..OutboxMessage::default()
        };
        let written = text(message.clone()).unwrap();
        let expected = "From: Example <no-reply@id.example.com>\r\n\
            To: alice@example.com\r\n\
            Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n\
            Date: Wed, 07 Jan 2026 05:06:09 +0000\r\n\
            Message-ID: <00000000-0000-0000-0000-000000000007@id.example.com>\r\n\
            Auto-Submitted: auto-generated\r\n\
            Reply-To: help@example.com\r\n\
            MIME-Version: 1.0\r\n\
            Content-Type: multipart/alternative;\r\n \
            boundary=\"=_00000000000000000000000000000007\"\r\n\
            \r\n\
            --=_00000000000000000000000000000007\r\n\
            Content-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            Your code is 123456\r\n\
            --=_00000000000000000000000000000007\r\n\
            Content-Type: text/html; charset=utf-8\r\n\
            Content-Transfer-Encoding: 7bit\r\n\
            \r\n\
            <p>Your code is <b>123456</b></p>\r\n\
            --=_00000000000000000000000000000007--\r\n";
        assert_eq!(written, expected);
        assert_eq!(text(message).unwrap(), expected);
    }

    #[test]
    fn an_address_that_could_say_more_than_an_address_is_refused() {
        for to in [
            "alice@example.com\r\nBcc: mallory@example.com",
            "alice@example.com>\r\nDATA",
            "\"a\r\n\"@example.com",
            "alice@example.com, mallory@example.com",
            "<alice@example.com>",
            "alice",
            "alice@",
            "a\0@example.com",
        ] {
            assert!(text(OutboxMessage { to: to.into(), ..OutboxMessage::default() }).is_err(), "{to:?}");
        }
        for from in ["x\r\nBcc: m@example.com", "\"x\r\nBcc: m\" <a@example.com>", "a@b, c@d", "nobody"] {
            let from_pool = OutboxMessage { from: Some(from.into()), ..OutboxMessage::default() };
            assert!(text(from_pool).is_err(), "{from:?}");
            let to_pool = OutboxMessage { reply_to: Some(from.into()), ..OutboxMessage::default() };
            assert!(text(to_pool).is_err(), "{from:?}");
        }
    }

    #[test]
    fn every_sender_that_a_pool_can_have_is_written_as_one() {
        let encoded = |name: &str| format!("=?utf-8?b?{}?= <us@example.com>", BASE64_STANDARD.encode(name));
        for (sender, written) in [
            ("us@example.com", "us@example.com".to_owned()),
            ("<us@example.com>", "us@example.com".to_owned()),
            ("Us <us@example.com>", "Us <us@example.com>".to_owned()),
            ("No. 5 & Sons <us@example.com>", encoded("No. 5 & Sons")),
            ("\"Us, Ltd. (London)\" <us@example.com>", encoded("Us, Ltd. (London)")),
            ("Caf\u{e9} <us@example.com>", encoded("Caf\u{e9}")),
        ] {
            assert!(is_sender(sender), "{sender}");
            let written_mail = text(OutboxMessage { from: Some(sender.into()), ..OutboxMessage::default() }).unwrap();
            assert_eq!(written_mail.lines().next(), Some(format!("From: {written}").as_str()));
        }
    }

    proptest! {
        #[test]
        fn a_pools_sender_and_a_users_address_can_be_written(name in "\"?[a-zA-Z0-9é .&!'()/-]{0,20}\"? ?", user in "[a-zé.!#$%&'*+/=?^_`{|}~-]{1,20}", host in "[a-zé0-9-]{1,10}(\\.[a-zé0-9-]{1,10}){0,2}") {
            let email = format!("{user}@{host}");
            if is_email(&email) {
                prop_assert!(address(&email).is_some(), "{email}");
            }
            let sender = format!("{name}<{email}>");
            if is_sender(&sender) {
                prop_assert!(mailbox(&sender).is_some(), "{sender}");
            }
        }

        #[test]
        fn no_text_begins_a_header_or_a_part(subject in "(\\PC|[\\r\\n:\\t ]|Bcc: x){0,40}", body in "(\\PC|[\\r\\n.]|--=_){0,200}", name in "(\\PC|[\\r\\n,<>\"]){0,20}") {
            let from = format!("{name} <pool@example.com>");
            let message = OutboxMessage { subject, body, from: mailbox(&from).map(|_| from), ..OutboxMessage::default() };
            let written = text(message).unwrap();
            let expected = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"];
            prop_assert_eq!(headers(&written), expected);
            prop_assert_eq!(written.matches("\r\n--=_00000000000000000000000000000007").count(), 3);
            let bare = written.replace("\r\n", "");
            prop_assert!(!bare.contains(['\r', '\n']), "a line that is none: {:?}", written);
            prop_assert!(written.lines().all(|line| line.len() <= 998));
        }
    }
}
