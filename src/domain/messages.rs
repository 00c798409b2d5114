//! What verification messages say: the pool's own text, or Cognito's plain default, with the code in its place.

/// Where a template holds the code.
const CODE_PLACE: &str = "{####}";

const DEFAULT_SUBJECT: &str = "Your verification code";
const DEFAULT_EMAIL: &str = "Your confirmation code is {####}";
const DEFAULT_SMS: &str = "Your confirmation code is {####}";

/// Subject and body of a mail that brings a code.
pub fn verification_email(subject: Option<&str>, template: Option<&str>, code: &str) -> (String, String) {
    (subject.unwrap_or(DEFAULT_SUBJECT).to_owned(), template.unwrap_or(DEFAULT_EMAIL).replace(CODE_PLACE, code))
}

/// The text message that brings a code.
pub fn verification_sms(template: Option<&str>, code: &str) -> String {
    template.unwrap_or(DEFAULT_SMS).replace(CODE_PLACE, code)
}
