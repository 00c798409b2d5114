//! What a caller may see of the address a code went to.
//!
//! Masks are for reading, not for deciding: they never fail, whatever stands in the attribute.

/// An e-mail address with all but the first letters of name and host hidden: `a***@e***`.
pub fn mask_email(email: &str) -> String {
    match email.rsplit_once('@') {
        Some((name, host)) => format!("{}***@{}***", first_character(name), first_character(host)),
        None => format!("{}***", first_character(email)),
    }
}

/// A phone number with all but the last four digits hidden: `+*******9934`. A number too short to hide anything that
/// way is hidden whole.
pub fn mask_phone_number(phone_number: &str) -> String {
    let (sign, digits) = match phone_number.strip_prefix('+') {
        Some(digits) => ("+", digits),
        None => ("", phone_number),
    };
    let length = digits.chars().count();
    let shown = if length > PHONE_DIGITS_SHOWN { PHONE_DIGITS_SHOWN } else { 0 };
    let hidden = length - shown;
    let tail: String = digits.chars().skip(hidden).collect();
    format!("{sign}{}{tail}", "*".repeat(hidden))
}

/// A mask for a user who does not exist, so that the answer looks like the one for a user who does. The same digest
/// always yields the same mask: an answer that changed from call to call would tell them apart again.
pub fn simulated_email(digest: &[u8; 32]) -> String {
    format!("{}***@{}***", letter(digest[0]), letter(digest[1]))
}

/// The same for a pool that verifies phone numbers alone.
pub fn simulated_phone_number(digest: &[u8; 32]) -> String {
    let digits: String = digest[..PHONE_DIGITS_SHOWN].iter().map(|byte| char::from(b'0' + byte % 10)).collect();
    format!("+*******{digits}")
}

fn first_character(text: &str) -> String {
    text.chars().take(1).collect()
}

fn letter(byte: u8) -> char {
    char::from(b'a' + byte % 26)
}

const PHONE_DIGITS_SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_shows_two_letters() {
        assert_eq!(mask_email("alice@example.com"), "a***@e***");
        assert_eq!(mask_email("élise@österreich.at"), "é***@ö***");
    }

    #[test]
    fn a_malformed_email_is_masked_all_the_same() {
        assert_eq!(mask_email(""), "***");
        assert_eq!(mask_email("alice"), "a***");
        assert_eq!(mask_email("@"), "***@***");
        assert_eq!(mask_email("a@b@c"), "a***@c***");
    }

    #[test]
    fn a_phone_number_shows_four_digits() {
        assert_eq!(mask_phone_number("+15555559934"), "+*******9934");
        assert_eq!(mask_phone_number("+12345"), "+*2345");
    }

    #[test]
    fn a_short_phone_number_shows_nothing() {
        assert_eq!(mask_phone_number("+1234"), "+****");
        assert_eq!(mask_phone_number("+1"), "+*");
        assert_eq!(mask_phone_number("+"), "+");
        assert_eq!(mask_phone_number(""), "");
        assert_eq!(mask_phone_number("123456"), "**3456");
        assert_eq!(mask_phone_number("ééééé"), "*éééé");
    }

    #[test]
    fn a_simulated_mask_is_stable_and_looks_real() {
        let mut digest = [0u8; 32];
        assert_eq!(simulated_email(&digest), "a***@a***");
        (digest[0], digest[1]) = (255, 27);
        assert_eq!(simulated_email(&digest), "v***@b***");
        assert_eq!(simulated_email(&digest), simulated_email(&digest));
        assert_eq!(simulated_phone_number(&digest), "+*******5700");
    }
}
