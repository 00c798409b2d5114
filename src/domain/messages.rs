//! What messages to users say: the pool's own text, or Cognito's plain default, with the values in their places.

/// Where a template holds the code or the temporary password.
const CODE_PLACE: &str = "{####}";

/// Where a template holds the name to sign in with.
const USERNAME_PLACE: &str = "{username}";

const DEFAULT_SUBJECT: &str = "Your verification code";
const DEFAULT_EMAIL: &str = "Your confirmation code is {####}";
const DEFAULT_SMS: &str = "Your confirmation code is {####}";

const DEFAULT_INVITATION_SUBJECT: &str = "Your temporary password";
const DEFAULT_INVITATION: &str = "Your username is {username} and temporary password is {####}";

/// Subject and body of a mail that brings a code.
pub fn verification_email(subject: Option<&str>, template: Option<&str>, code: &str) -> (String, String) {
    let body = filled(template.unwrap_or(DEFAULT_EMAIL), &[(CODE_PLACE, code)]);
    (subject.unwrap_or(DEFAULT_SUBJECT).to_owned(), body)
}

/// The text message that brings a code.
pub fn verification_sms(template: Option<&str>, code: &str) -> String {
    filled(template.unwrap_or(DEFAULT_SMS), &[(CODE_PLACE, code)])
}

/// Subject and body of a mail that invites a user.
pub fn invitation_email(
    subject: Option<&str>,
    template: Option<&str>,
    username: &str,
    temporary_password: &str,
) -> (String, String) {
    let body = invitation_sms(template, username, temporary_password);
    (subject.unwrap_or(DEFAULT_INVITATION_SUBJECT).to_owned(), body)
}

/// The text message that invites a user.
pub fn invitation_sms(template: Option<&str>, username: &str, temporary_password: &str) -> String {
    let values = [(USERNAME_PLACE, username), (CODE_PLACE, temporary_password)];
    filled(template.unwrap_or(DEFAULT_INVITATION), &values)
}

/// The template with each value in its places. What looks like a place in a value is none.
fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let (mut text, mut rest) = (String::new(), template);
    let next = |rest: &str| {
        let found = values.iter().filter_map(|(place, value)| Some((rest.find(place)?, *place, *value)));
        found.min().map(|(at, place, value)| (at, place.len(), value.to_owned()))
    };
    while let Some((at, length, value)) = next(rest) {
        text.push_str(&rest[..at]);
        text.push_str(&value);
        rest = &rest[at + length..];
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_has_name_and_password_in_every_place() {
        assert_eq!(invitation_sms(None, "alice", "Pw1!"), "Your username is alice and temporary password is Pw1!");
        let template = Some("{####} {username}, {username}: {####}{");
        assert_eq!(invitation_sms(template, "al", "pw"), "pw al, al: pw{");
        assert_eq!(
            invitation_email(Some("Hello"), template, "al", "pw"),
            ("Hello".to_owned(), "pw al, al: pw{".to_owned())
        );
    }

    #[test]
    fn what_looks_like_a_place_in_a_value_stays_as_it_is() {
        assert_eq!(invitation_sms(Some("{username} {####}"), "{####}", "{username}"), "{####} {username}");
        assert_eq!(verification_sms(Some("{username} {####}"), "1"), "{username} 1");
    }
}
