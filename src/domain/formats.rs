//! The forms of values: what is an e-mail address, a phone number, a truth value, a moment.

/// Whether mail may be sent there.
///
/// Narrower than the standards of mail: no quoted names, no address literals. What is refused is what could mean two
/// things to two readers: a second `@`, separators of address lists, white space, line ends, invisible characters.
pub fn is_email(value: &str) -> bool {
    if value.len() > EMAIL_BYTES_MAX {
        return false;
    }
    match value.split_once('@') {
        Some((name, host)) => name.split('.').all(is_email_name_part) && host.split('.').all(is_host_label),
        None => false,
    }
}

fn is_email_name_part(part: &str) -> bool {
    !part.is_empty()
        && part.chars().all(|character| character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character))
}

fn is_host_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|character| character.is_alphanumeric() || character == '-')
}

/// Whether mail may come from there: an address, or a name and behind it the address in angle brackets.
///
/// A name with separators of address lists in it stands in quotation marks, and nothing in it ends them.
pub fn is_sender(value: &str) -> bool {
    let Some((name, address)) = value.strip_suffix('>').and_then(|value| value.rsplit_once('<')) else {
        return is_email(value);
    };
    let name = name.trim_end_matches(' ');
    let quoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
    let separators = if quoted.is_some() { "" } else { "()<>[]@,;:" };
    let is_text = |character: char| {
        (character.is_alphanumeric() || character == ' ' || character.is_ascii_punctuation())
            && !"\"\\".contains(character)
            && !separators.contains(character)
    };
    name.len() <= SENDER_NAME_BYTES_MAX && quoted.unwrap_or(name).chars().all(is_text) && is_email(address)
}

/// Whether this is a number of E.164: a plus sign and up to fifteen digits.
pub fn is_phone_number(value: &str) -> bool {
    value.strip_prefix('+').is_some_and(|digits| {
        (1..=PHONE_DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Whether this is a truth value, in whatever case.
pub fn is_boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

/// Whether this is a moment: RFC 3339, or seconds since 1970.
pub fn is_date_time(value: &str) -> bool {
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().is_ok_and(|seconds| jiff::Timestamp::from_second(seconds).is_ok());
    }
    // The parser knows more than RFC 3339: other separators, a time zone in brackets.
    let is_separated = value.as_bytes().get(10).is_some_and(|byte| matches!(byte, b'T' | b't'));
    is_separated && !value.contains('[') && value.parse::<jiff::Timestamp>().is_ok()
}

const EMAIL_BYTES_MAX: usize = 254;
const SENDER_NAME_BYTES_MAX: usize = 128;
const PHONE_DIGITS_MAX: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_mail_are_told_from_other_text() {
        let longest = format!("{}@example.com", "a".repeat(242));
        for email in
            ["alice@example.com", "a.b+c@sub.example.co.uk", "o'hara@x", "élise@österreich.at", longest.as_str()]
        {
            assert!(is_email(email), "{email}");
        }
        let too_long = format!("{}@example.com", "a".repeat(243));
        let refused = [
            "",
            "@",
            "alice",
            "alice@",
            "@example.com",
            "a@b@c",
            "a b@c.d",
            "a@b c",
            "alice@example.com\r\nBcc: eve@example.com",
            "alice@example.com\n",
            "a,b@example.com",
            "<alice@example.com>",
            "\"a b\"@example.com",
            "a:b@example.com",
            ".a@example.com",
            "a..b@example.com",
            "a@.example.com",
            "a@example.com.",
            "a@-example.com",
            "a@exa_mple.com",
            "a\u{200b}@example.com",
            "a\u{202e}@example.com",
            "a\0@example.com",
            too_long.as_str(),
        ];
        for text in refused {
            assert!(!is_email(text), "{text:?}");
        }
    }

    #[test]
    fn phone_numbers_are_told_from_other_text() {
        for number in ["+1", "+15555550100", "+123456789012345"] {
            assert!(is_phone_number(number), "{number}");
        }
        for text in ["", "+", "15555550100", "+1234567890123456", "+1 555", "+1-555", "++1", "+٣", "+1\n"] {
            assert!(!is_phone_number(text), "{text:?}");
        }
    }

    #[test]
    fn senders_are_addresses_with_or_without_a_name() {
        for sender in [
            "us@example.com",
            "<us@example.com>",
            "Us <us@example.com>",
            "Caf\u{e9} No. 5 & Sons <us@example.com>",
            "\"Us, Ltd. (London)\" <us@example.com>",
        ] {
            assert!(is_sender(sender), "{sender}");
        }
        for other in [
            "",
            "us",
            "Us us@example.com",
            "Us <us@example.com",
            "Us <us>",
            "a@example.com, b@example.com",
            "a@example.com <b@example.com>",
            "Us, Ltd. <us@example.com>",
            "\"Us\" them\" <us@example.com>",
            "\"Us\\\" <us@example.com>",
            "\"Us <us@example.com>",
            "Us\r\nBcc: all@example.com <us@example.com>",
            "Us\u{202e} <us@example.com>",
        ] {
            assert!(!is_sender(other), "{other:?}");
        }
        assert!(is_sender(&format!("{} <us@example.com>", "n".repeat(128))));
        assert!(!is_sender(&format!("{} <us@example.com>", "n".repeat(129))));
    }
}
