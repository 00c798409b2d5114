//! How long tokens live: a client's settings in their units, with Cognito's defaults and ranges.

use std::time::Duration;

use crate::error::Error;

/// The lives of a client's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenValidity {
    pub access: Duration,
    pub id: Duration,
    pub refresh: Duration,
}

/// One setting: a number, if given, and its unit, if given (`seconds`, `minutes`, `hours`, `days`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Setting<'a> {
    pub number: Option<i32>,
    pub unit: Option<&'a str>,
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// No access or ID token lives longer.
pub const ACCESS_TOKEN_LIFE_MAX: Duration = DAY;

impl TokenValidity {
    /// Access and ID tokens live five minutes to a day (default an hour), refresh tokens an hour to ten years (default
    /// thirty days) and longer than the others.
    pub fn of(access: Setting<'_>, id: Setting<'_>, refresh: Setting<'_>) -> Result<Self, Error> {
        let validity = TokenValidity {
            access: access.duration("hours", 1),
            id: id.duration("hours", 1),
            // Zero days means the default.
            refresh: Setting { number: refresh.number.filter(|number| *number != 0), ..refresh }.duration("days", 30),
        };
        let short = 5 * MINUTE..=ACCESS_TOKEN_LIFE_MAX;
        let long = 60 * MINUTE..=3650 * DAY;
        let in_range =
            short.contains(&validity.access) && short.contains(&validity.id) && long.contains(&validity.refresh);
        if in_range && validity.refresh > validity.access.max(validity.id) {
            Ok(validity)
        } else {
            Err(Error::invalid_parameter("Invalid range for token validity."))
        }
    }
}

impl Setting<'_> {
    fn duration(self, default_unit: &str, default: u64) -> Duration {
        let Some(number) = self.number else { return unit(default_unit) * u32::try_from(default).unwrap_or(u32::MAX) };
        unit(self.unit.unwrap_or(default_unit)).saturating_mul(u32::try_from(number).unwrap_or(0))
    }
}

fn unit(name: &str) -> Duration {
    match name {
        "seconds" => Duration::from_secs(1),
        "minutes" => MINUTE,
        "hours" => 60 * MINUTE,
        _ => DAY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(number: i32, unit: &str) -> Setting<'_> {
        Setting { number: Some(number), unit: Some(unit) }
    }

    #[test]
    fn defaults_are_an_hour_and_thirty_days() {
        let validity = TokenValidity::of(Setting::default(), Setting::default(), Setting::default()).unwrap();
        assert_eq!(validity, TokenValidity { access: 60 * MINUTE, id: 60 * MINUTE, refresh: 30 * DAY });
        let zero = Setting { number: Some(0), unit: None };
        assert_eq!(TokenValidity::of(Setting::default(), Setting::default(), zero).unwrap().refresh, 30 * DAY);
    }

    #[test]
    fn each_range_ends_where_cognitos_does() {
        let (none, short) = (Setting::default(), setting(5, "minutes"));
        assert!(TokenValidity::of(short, short, setting(60, "minutes")).is_ok());
        assert!(TokenValidity::of(setting(299, "seconds"), short, none).is_err());
        assert!(TokenValidity::of(short, setting(86_401, "seconds"), none).is_err());
        assert!(TokenValidity::of(setting(1, "days"), short, none).is_ok());
        assert!(TokenValidity::of(short, short, setting(59, "minutes")).is_err());
        assert!(TokenValidity::of(none, none, setting(3650, "days")).is_ok());
        assert!(TokenValidity::of(none, none, setting(3651, "days")).is_err());
        assert!(TokenValidity::of(none, none, setting(1, "hours")).is_err(), "refresh tokens outlive the others");
    }
}
