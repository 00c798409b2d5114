//! TIMESTAMP: when a client says that it proves a password, in an SRP exchange.
//!
//! `Wed Jan 7 05:06:09 UTC 2026`: English, UTC, the day without a zero before it (reference 4.2). The proof covers the
//! text, so a text that means the same in another form was written by no client.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// How far a client's clock may be from ours, either way.
pub const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// How the time is written.
const FORM: &str = "%a %b %-d %H:%M:%S UTC %Y";

/// The moment that the text means, if it is in the one form.
pub fn parse(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime(FORM, text).ok()?;
    (time.strftime(FORM).to_string() == text).then_some(())?;
    TimeZone::UTC.to_timestamp(time).ok()
}

/// Whether a proof of this moment may still be believed.
pub fn is_fresh(claimed: Timestamp, now: Timestamp) -> bool {
    claimed.duration_since(now).unsigned_abs() <= TOLERANCE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_form_is_read() {
        for (text, meaning) in [
            ("Wed Jan 7 05:06:09 UTC 2026", "2026-01-07T05:06:09Z"),
            ("Sat Oct 31 23:59:59 UTC 2026", "2026-10-31T23:59:59Z"),
            ("Tue Feb 29 00:00:00 UTC 2028", "2028-02-29T00:00:00Z"),
        ] {
            assert_eq!(parse(text), Some(meaning.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn no_other_form_is() {
        for text in [
            "",
            "Wed Jan 07 05:06:09 UTC 2026",
            "Wed Jan  7 05:06:09 UTC 2026",
            "Thu Jan 7 05:06:09 UTC 2026",
            "wed Jan 7 05:06:09 UTC 2026",
            "Wednesday Jan 7 05:06:09 UTC 2026",
            "Wed January 7 05:06:09 UTC 2026",
            "Wed Jan 7 5:06:09 UTC 2026",
            "Wed Jan 7 05:06:09 GMT 2026",
            "Wed Jan 7 05:06:09 UTC 26",
            "Wed Jan 7 05:06:09 UTC 2026 ",
            " Wed Jan 7 05:06:09 UTC 2026",
            "Wed Jan 7 05:06:60 UTC 2026",
            "Wed Jan 7 24:06:09 UTC 2026",
            "Sun Feb 29 00:00:00 UTC 2026",
            "Wed Jan 7 05:06:09 UTC -2026",
            "Wed Jan 7 05:06:09 UTC 02026",
            "2026-01-07T05:06:09Z",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn five_minutes_either_way_are_fresh_and_no_more() {
        let now: Timestamp = "2026-01-07T05:06:09.500Z".parse().unwrap();
        for (claimed, fresh) in [
            ("2026-01-07T05:06:09Z", true),
            ("2026-01-07T05:01:09.500Z", true),
            ("2026-01-07T05:01:09.499Z", false),
            ("2026-01-07T05:11:09.500Z", true),
            ("2026-01-07T05:11:09.501Z", false),
            ("-009999-01-02T01:59:59Z", false),
            ("9999-12-30T22:00:00.999Z", false),
        ] {
            assert_eq!(is_fresh(claimed.parse().unwrap(), now), fresh, "{claimed}");
        }
    }
}
