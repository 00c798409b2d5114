//! What messages to users say: the pool's own texts or plain defaults, with names, codes and links in their places.
//!
//! A pool's texts for mail are HTML: what is put in them is escaped, and the plain text is made of the whole. A place inside a
//! value is no place: each text is gone through once.

mod plain_text;

use std::borrow::Cow;

pub use plain_text::of_html as plain_text_of;

/// The pool's own texts; where there is none, the default stands in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Texts<'a> {
    pub email_subject: Option<&'a str>,
    /// Holds `{####}`.
    pub email_message: Option<&'a str>,
    /// Holds `{####}`.
    pub sms_message: Option<&'a str>,
    /// Whether a sign-up is confirmed by a link rather than by a code.
    pub confirms_by_link: bool,
    pub email_subject_by_link: Option<&'a str>,
    /// Holds `{##what is clicked on##}`.
    pub email_message_by_link: Option<&'a str>,
    pub invitation_email_subject: Option<&'a str>,
    /// Holds `{username}` and `{####}`.
    pub invitation_email_message: Option<&'a str>,
    /// Holds `{username}` and `{####}`.
    pub invitation_sms_message: Option<&'a str>,
    pub authentication_email_subject: Option<&'a str>,
    /// Holds `{####}`.
    pub authentication_email_message: Option<&'a str>,
    /// Holds `{####}`.
    pub authentication_sms_message: Option<&'a str>,
}

/// What a message says in place of the pool's texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    pub sms_message: Option<String>,
    pub email_message: Option<String>,
    pub email_subject: Option<String>,
}

impl Words {
    /// The words, if those for this medium can be said: with a place for the code (or, where there is one, the link), and in an
    /// invitation for the username too. Empty ones are none. Says else what is wrong with them (reference 8.2).
    pub fn usable(self, medium: Medium, is_invitation: bool, has_link: bool) -> Result<Self, &'static str> {
        const SMS_CHARACTERS_MAX: usize = 140;
        const EMAIL_CHARACTERS_MAX: usize = 20_000;
        const SUBJECT_CHARACTERS_MAX: usize = 140;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let words = Words {
            sms_message: some(self.sms_message),
            email_message: some(self.email_message),
            email_subject: some(self.email_subject),
        };
        let (message, characters_max) = match medium {
            Medium::Sms => (&words.sms_message, SMS_CHARACTERS_MAX),
            Medium::Email => (&words.email_message, EMAIL_CHARACTERS_MAX),
        };
        let is_longer = |text: &Option<String>, max| text.as_ref().is_some_and(|text| text.chars().count() > max);
        if is_longer(message, characters_max)
            || medium == Medium::Email && is_longer(&words.email_subject, SUBJECT_CHARACTERS_MAX)
        {
            return Err("The custom message is too long.");
        }
        let lacks = |message: &String| {
            let links = has_link && places_of(message).any(|place| matches!(place, Place::Link(_)));
            let has = |wanted: &str| message.contains(wanted);
            !(has(CODE_PLACE) || links) || is_invitation && !has(USERNAME_PLACE)
        };
        match message {
            Some(message) if lacks(message) => Err("The custom message lacks a place for what it has to bring."),
            _ => Ok(words),
        }
    }
}

impl<'a> Texts<'a> {
    /// With these words in the place of each text that they can stand for.
    pub fn worded(self, words: &'a Words) -> Self {
        let [sms, email, subject] =
            [&words.sms_message, &words.email_message, &words.email_subject].map(|text| text.as_deref());
        Texts {
            email_subject: subject.or(self.email_subject),
            email_message: email.or(self.email_message),
            sms_message: sms.or(self.sms_message),
            confirms_by_link: self.confirms_by_link,
            email_subject_by_link: subject.or(self.email_subject_by_link),
            email_message_by_link: email.or(self.email_message_by_link),
            invitation_email_subject: subject.or(self.invitation_email_subject),
            invitation_email_message: email.or(self.invitation_email_message),
            invitation_sms_message: sms.or(self.invitation_sms_message),
            authentication_email_subject: subject.or(self.authentication_email_subject),
            authentication_email_message: email.or(self.authentication_email_message),
            authentication_sms_message: sms.or(self.authentication_sms_message),
        }
    }
}

/// How a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Medium {
    Email,
    Sms,
}

impl Medium {
    /// Cognito's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Medium::Email => "EMAIL",
            Medium::Sms => "SMS",
        }
    }
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    SignUp,
    ForgotPassword,
    AttributeVerification,
    Invitation,
    /// A code that signs in by itself.
    FirstFactor,
    /// A code that is asked for after another proof.
    SecondFactor,
}

impl Purpose {
    /// How whoever delivers the message is told of it.
    pub fn name(self) -> &'static str {
        match self {
            Purpose::SignUp => "sign_up",
            Purpose::ForgotPassword => "forgot_password",
            Purpose::AttributeVerification => "attribute_verification",
            Purpose::Invitation => "invitation",
            // Cognito's triggers do not tell them apart either (CustomMessage_Authentication).
            Purpose::FirstFactor | Purpose::SecondFactor => "authentication",
        }
    }
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// In one line; empty for text messages.
    pub subject: String,
    pub plain: String,
    /// The same for readers of HTML; none for text messages.
    pub html: Option<String>,
}

/// What stands in the places of a text.
struct Values<'a> {
    username: &'a str,
    code: &'a str,
    link: Option<&'a str>,
}

/// The message that brings a code. A sign-up's mail brings `link` in its stead, where the pool wants that.
pub fn verification(
    texts: &Texts<'_>,
    medium: Medium,
    purpose: Purpose,
    username: &str,
    code: &str,
    link: Option<&str>,
) -> Content {
    let values = Values { username, code, link };
    let (default_subject, default_message) = match purpose {
        Purpose::FirstFactor | Purpose::SecondFactor => return authentication(texts, medium, &values),
        Purpose::ForgotPassword => ("Your password reset code", "Your password reset code is {####}"),
        Purpose::SignUp | Purpose::AttributeVerification | Purpose::Invitation => {
            ("Your verification code", "Your confirmation code is {####}")
        }
    };
    if medium == Medium::Sms {
        return text_message(texts.sms_message.unwrap_or(default_message), &values);
    }
    if purpose == Purpose::SignUp && texts.confirms_by_link && link.is_some() {
        let subject = texts.email_subject_by_link.unwrap_or("Your verification link");
        let default = "Please follow this link to verify your email address: {##Verify email##}";
        return mail(subject, texts.email_message_by_link.unwrap_or(default), &values);
    }
    // A text for links says nothing where a code is sent.
    mail(texts.email_subject.unwrap_or(default_subject), texts.email_message.unwrap_or(default_message), &values)
}

/// The message that brings a code to sign in with.
fn authentication(texts: &Texts<'_>, medium: Medium, values: &Values<'_>) -> Content {
    let default = "Your authentication code is {####}";
    match medium {
        Medium::Sms => text_message(texts.authentication_sms_message.unwrap_or(default), values),
        Medium::Email => {
            let subject = texts.authentication_email_subject.unwrap_or("Your authentication code");
            mail(subject, texts.authentication_email_message.unwrap_or(default), values)
        }
    }
}

/// The message that tells somebody of the user made for them, and of the temporary password.
pub fn invitation(texts: &Texts<'_>, medium: Medium, username: &str, temporary_password: &str) -> Content {
    let values = Values { username, code: temporary_password, link: None };
    let default = "Your username is {username} and temporary password is {####}";
    match medium {
        Medium::Sms => text_message(texts.invitation_sms_message.unwrap_or(default), &values),
        Medium::Email => {
            let subject = texts.invitation_email_subject.unwrap_or("Your temporary password");
            mail(subject, texts.invitation_email_message.unwrap_or(default), &values)
        }
    }
}

/// Where a click confirms a sign-up; `issuer` is the pool's.
pub fn confirmation_link(issuer: &str, client: &str, username: &str, code: &str) -> String {
    let [client, username, code] = [client, username, code].map(percent_encoded);
    format!("{issuer}/confirmUser?client_id={client}&user_name={username}&confirmation_code={code}")
}

fn text_message(text: &str, values: &Values<'_>) -> Content {
    Content { subject: String::new(), plain: filled(text, |place| values.plain(place)), html: None }
}

fn mail(subject: &str, html: &str, values: &Values<'_>) -> Content {
    let html = filled(&with_line_breaks(html), |place| values.html(place));
    Content {
        subject: in_one_line(&filled(subject, |place| values.plain(place))),
        plain: plain_text_of(&html),
        html: Some(html),
    }
}

/// A text without a tag keeps its lines in HTML too.
fn with_line_breaks(text: &str) -> Cow<'_, str> {
    if text.contains('<') { text.into() } else { text.replace('\n', "<br>\n").into() }
}

/// Without line breaks and other control characters, which have no place in a subject.
fn in_one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    spaced.trim().to_owned()
}

/// A place in a text.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// `{####}`.
    Code,
    /// `{username}`.
    Username,
    /// `{##text##}`: the text is what is clicked on.
    Link(&'a str),
}

impl Values<'_> {
    fn plain(&self, place: Place<'_>) -> Option<String> {
        match place {
            Place::Code => Some(self.code.to_owned()),
            Place::Username => Some(self.username.to_owned()),
            Place::Link(text) => self.link.map(|link| format!("{text}: {link}")),
        }
    }

    fn html(&self, place: Place<'_>) -> Option<String> {
        match place {
            Place::Code => Some(escaped(self.code)),
            Place::Username => Some(escaped(self.username)),
            // The text is the template's, which may hold HTML.
            Place::Link(text) => self.link.map(|link| format!("<a href=\"{}\">{text}</a>", escaped(link))),
        }
    }
}

/// The text with each place filled; one for which there is no value stays as it stands.
fn filled(text: &str, value: impl Fn(Place<'_>) -> Option<String>) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = place_at(rest).and_then(|(place, length)| Some((value(place)?, length)));
        match found {
            Some((value, length)) => {
                out.push_str(&value);
                rest = &rest[length..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out + rest
}

/// The place of a code or a temporary password.
pub const CODE_PLACE: &str = "{####}";

/// The place of a username.
pub const USERNAME_PLACE: &str = "{username}";

/// A place of a link; what stands between the signs is what is clicked on.
pub const LINK_PLACE: &str = "{##Click Here##}";

/// The places in a text.
fn places_of(text: &str) -> impl Iterator<Item = Place<'_>> {
    text.match_indices('{').filter_map(|(at, _)| place_at(&text[at..]).map(|(place, _)| place))
}

/// The place with which a text begins, and its length there.
fn place_at(text: &str) -> Option<(Place<'_>, usize)> {
    if text.starts_with(CODE_PLACE) {
        return Some((Place::Code, CODE_PLACE.len()));
    }
    if text.starts_with(USERNAME_PLACE) {
        return Some((Place::Username, USERNAME_PLACE.len()));
    }
    let (clicked, _) = text.strip_prefix("{##")?.split_once("##}")?;
    Some((Place::Link(clicked), "{##".len() + clicked.len() + "##}".len()))
}

/// A text as it stands in HTML, in an attribute too.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A text as the value of a query's parameter (RFC 3986, section 2).
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn mail_of(texts: &Texts<'_>, username: &str, code: &str) -> Content {
        verification(texts, Medium::Email, Purpose::SignUp, username, code, None)
    }

    #[test]
    fn without_texts_of_the_pool_the_defaults_speak() {
        let texts = Texts::default();
        let content = |subject: &str, text: &str| Content {
            subject: subject.to_owned(),
            plain: text.to_owned(),
            html: Some(text.to_owned()),
        };
        let sign_up = content("Your verification code", "Your confirmation code is 123456");
        assert_eq!(mail_of(&texts, "alice", "123456"), sign_up);
        let forgotten = verification(&texts, Medium::Email, Purpose::ForgotPassword, "alice", "123456", None);
        assert_eq!(forgotten, content("Your password reset code", "Your password reset code is 123456"));
        let invited = invitation(&texts, Medium::Email, "alice", "Temp0rary!");
        let text = "Your username is alice and temporary password is Temp0rary!";
        assert_eq!(invited, content("Your temporary password", text));
        let by_sms = invitation(&texts, Medium::Sms, "alice", "Temp0rary!");
        assert_eq!(by_sms, Content { subject: String::new(), plain: text.to_owned(), html: None });
    }

    #[test]
    fn a_code_to_sign_in_with_has_texts_of_its_own() {
        let others = Texts { email_message: Some("no {####}"), sms_message: Some("no {####}"), ..Texts::default() };
        let own = Texts {
            authentication_email_subject: Some("Sign in, {username}"),
            authentication_email_message: Some("Type {####}"),
            authentication_sms_message: Some("Enter {####}"),
            ..others
        };
        for purpose in [Purpose::FirstFactor, Purpose::SecondFactor] {
            let said = |texts, medium| {
                let content = verification(texts, medium, purpose, "alice", "123456", Some("https://example.com/"));
                (content.subject, content.plain)
            };
            let text = |subject: &str, text: &str| (subject.to_owned(), text.to_owned());
            let default = "Your authentication code is 123456";
            assert_eq!(said(&others, Medium::Email), text("Your authentication code", default));
            assert_eq!(said(&others, Medium::Sms), text("", default));
            assert_eq!(said(&own, Medium::Email), text("Sign in, alice", "Type 123456"));
            assert_eq!(said(&own, Medium::Sms), text("", "Enter 123456"));
        }
    }

    fn words(sms: &str, email: &str, subject: &str) -> Words {
        let [sms_message, email_message, email_subject] = [sms, email, subject].map(|text| Some(text.to_owned()));
        Words { sms_message, email_message, email_subject }
    }

    #[test]
    fn words_take_the_place_of_every_text_that_they_can_stand_for() {
        let own = words("sms {####} {username}", "mail {####} {username}", "subject");
        let texts = Texts { email_message: Some("no {####}"), confirms_by_link: true, ..Texts::default() }.worded(&own);
        for purpose in [Purpose::SignUp, Purpose::ForgotPassword, Purpose::AttributeVerification, Purpose::SecondFactor]
        {
            let link = Some("https://example.com/");
            let mail = verification(&texts, Medium::Email, purpose, "alice", "123456", link);
            assert_eq!((mail.subject.as_str(), mail.plain.as_str()), ("subject", "mail 123456 alice"), "{purpose:?}");
            let sms = verification(&texts, Medium::Sms, purpose, "alice", "123456", link);
            assert_eq!(sms.plain, "sms 123456 alice", "{purpose:?}");
        }
        assert_eq!(invitation(&texts, Medium::Sms, "alice", "Temp0rary!").plain, "sms Temp0rary! alice");
        assert_eq!(Texts::default().worded(&Words::default()).email_message, None);
    }

    #[test]
    fn words_have_a_place_for_what_they_bring_and_a_length() {
        let usable = |email: &str, is_invitation, has_link| {
            words("", email, "").usable(Medium::Email, is_invitation, has_link).is_ok()
        };
        assert!(usable("{####}", false, false));
        assert!(usable("", true, false), "an empty one is none");
        assert!(!usable("{###}", false, false));
        assert!(!usable("{####}", true, false));
        assert!(usable("{username} {####}", true, false));
        assert!(!usable("{##Click##}", false, false));
        assert!(usable("{##Click##}", false, true));
        assert!(!usable("{## Click", false, true));
        for (length, is_fine) in [(140, true), (141, false)] {
            let text = format!("{{####}}{}", "\u{e4}".repeat(length - 6));
            assert_eq!(words(&text, "", "").usable(Medium::Sms, false, false).is_ok(), is_fine);
            assert_eq!(words("", "{####}", &text).usable(Medium::Email, false, false).is_ok(), is_fine);
            assert!(words(&text, "{####}", "").usable(Medium::Email, false, false).is_ok());
        }
    }

    #[test]
    fn what_is_put_into_html_is_escaped_and_what_is_put_into_plain_text_is_not() {
        let texts = Texts {
            email_subject: Some("For {username}"),
            email_message: Some("<p>Dear {username},</p><p>your code is <b>{####}</b></p>"),
            sms_message: Some("{username}: {####}"),
            ..Texts::default()
        };
        let name = "<i>\"Tom\" & 'Co'</i>";
        let content = mail_of(&texts, name, "1&2");
        assert_eq!(content.subject, format!("For {name}"));
        assert_eq!(content.plain, format!("Dear {name},\n\nyour code is 1&2"));
        let html =
            "<p>Dear &lt;i&gt;&quot;Tom&quot; &amp; &#39;Co&#39;&lt;/i&gt;,</p><p>your code is <b>1&amp;2</b></p>";
        assert_eq!(content.html.as_deref(), Some(html));
        let by_sms = verification(&texts, Medium::Sms, Purpose::SignUp, name, "1&2", None);
        assert_eq!(by_sms.plain, format!("{name}: 1&2"));
    }

    #[test]
    fn a_place_inside_a_value_is_none() {
        let texts = Texts { email_message: Some("{username} {####} {username}"), ..Texts::default() };
        let content = mail_of(&texts, "{####}", "{username}");
        assert_eq!(content.plain, "{####} {username} {####}");
        assert_eq!(content.html.as_deref(), Some("{####} {username} {####}"));
    }

    #[test]
    fn what_is_no_place_stays() {
        let texts = Texts { email_message: Some("{ {user} {##} {##a##} {{####}} {###"), ..Texts::default() };
        assert_eq!(mail_of(&texts, "alice", "7").plain, "{ {user} {##} {##a##} {7} {###");
    }

    #[test]
    fn a_subject_is_one_line() {
        let texts = Texts { email_subject: Some("Hello\r\nBcc: {username}\u{85}"), ..Texts::default() };
        assert_eq!(mail_of(&texts, "a\nb\0c", "7").subject, "Hello  Bcc: a b c");
    }

    #[test]
    fn a_link_stands_in_its_words_and_confirms_a_sign_up_alone() {
        let texts = Texts {
            confirms_by_link: true,
            email_message_by_link: Some("<p>Click {##<b>here</b>##}!</p>"),
            ..Texts::default()
        };
        let issuer = "https://id.example.com/us-east-1_Example12";
        let link = confirmation_link(issuer, "client", "a b+c@d&e=\"é", "123456");
        let expected = format!(
            "{issuer}/confirmUser?client_id=client&user_name=a%20b%2Bc%40d%26e%3D%22%C3%A9&confirmation_code=123456"
        );
        assert_eq!(link, expected);
        let content = verification(&texts, Medium::Email, Purpose::SignUp, "alice", "123456", Some(&link));
        assert_eq!(content.subject, "Your verification link");
        assert_eq!(content.plain, format!("Click here ({link})!"));
        let href = link.replace('&', "&amp;");
        assert_eq!(content.html, Some(format!("<p>Click <a href=\"{href}\"><b>here</b></a>!</p>")));
        let forgotten = verification(&texts, Medium::Email, Purpose::ForgotPassword, "alice", "7", Some(&link));
        assert_eq!(forgotten.plain, "Your password reset code is 7");
    }

    #[test]
    fn lines_without_tags_stay_lines() {
        let texts = Texts { email_message: Some("Hello,\nyour code: {####}\n"), ..Texts::default() };
        let content = mail_of(&texts, "alice", "7");
        assert_eq!(content.plain, "Hello,\nyour code: 7");
        assert_eq!(content.html.as_deref(), Some("Hello,<br>\nyour code: 7<br>\n"));
    }

    proptest! {
        #[test]
        fn no_value_brings_a_tag_or_a_line_into_a_subject(subject: String, username in "\\PC{0,40}|[\\r\\n<>{}#&]{0,20}", code: String) {
            let texts = Texts { email_subject: Some(&subject), email_message: Some("{username}{####}"), ..Texts::default() };
            let content = mail_of(&texts, &username, &code);
            prop_assert!(!content.subject.chars().any(char::is_control));
            prop_assert!(!content.html.unwrap().contains(['<', '>', '"']));
        }
    }
}
