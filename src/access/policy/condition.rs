//! Conditions: every operator of IAM that makes sense here, with `IfExists`, `ForAnyValue`, `ForAllValues` and `Null`.
//!
//! Operators are joined by *and*, keys within one too, the values of a key by *or*; of a negated operator no value may
//! match. A missing key makes an operator false, a negated one true; with `IfExists` it makes both true.

use std::net::IpAddr;

use ipnet::IpNet;
use jiff::Timestamp;

use super::context::Context;
use super::pattern::{Glob, Pattern};

/// One key under one operator.
#[derive(Clone, Debug)]
pub struct Condition {
    operator: Operator,
    key: String,
    values: Vec<Pattern>,
}

/// An operator with what stands before and behind its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    quantity: Quantity,
    comparison: Comparison,
    negated: bool,
    if_exists: bool,
}

/// How the values of the request's key are taken together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    /// A key of one value, as most are.
    Single,
    ForAnyValue,
    ForAllValues,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Text,
    TextIgnoringCase,
    TextLike,
    Arn,
    Address,
    Truth,
    Number(Order),
    Date(Order),
    Absence,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Reads a name such as `ForAnyValue:StringLikeIfExists`, letter for letter.
    pub fn parse(name: &str) -> Option<Self> {
        let (quantity, rest) = match name.split_once(':') {
            Some(("ForAnyValue", rest)) => (Quantity::ForAnyValue, rest),
            Some(("ForAllValues", rest)) => (Quantity::ForAllValues, rest),
            Some(_) => return None,
            None => (Quantity::Single, name),
        };
        let (rest, if_exists) = match rest.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (comparison, negated) = match rest {
            "StringEquals" => (Comparison::Text, false),
            "StringNotEquals" => (Comparison::Text, true),
            "StringEqualsIgnoreCase" => (Comparison::TextIgnoringCase, false),
            "StringNotEqualsIgnoreCase" => (Comparison::TextIgnoringCase, true),
            "StringLike" => (Comparison::TextLike, false),
            "StringNotLike" => (Comparison::TextLike, true),
            "ArnEquals" | "ArnLike" => (Comparison::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Comparison::Arn, true),
            "IpAddress" => (Comparison::Address, false),
            "NotIpAddress" => (Comparison::Address, true),
            "Bool" => (Comparison::Truth, false),
            "Null" if quantity == Quantity::Single && !if_exists => (Comparison::Absence, false),
            _ => ordered(rest)?,
        };
        Some(Operator { quantity, comparison, negated, if_exists })
    }
}

fn ordered(name: &str) -> Option<(Comparison, bool)> {
    let (kind, order): (fn(Order) -> Comparison, &str) = match name.strip_prefix("Numeric") {
        Some(order) => (Comparison::Number, order),
        None => (Comparison::Date, name.strip_prefix("Date")?),
    };
    let order = match order {
        "Equals" => Order::Equal,
        "NotEquals" => return Some((kind(Order::Equal), true)),
        "LessThan" => Order::Less,
        "LessThanEquals" => Order::LessOrEqual,
        "GreaterThan" => Order::Greater,
        "GreaterThanEquals" => Order::GreaterOrEqual,
        _ => return None,
    };
    Some((kind(order), false))
}

impl Condition {
    /// Reads the values of a key, and refuses those that the operator could never compare.
    pub fn parse(operator: Operator, key: &str, values: &[String], with_variables: bool) -> Result<Self, String> {
        if !Context::is_known_key(key) {
            let nearest = Context::nearest_key(key);
            return Err(format!("{key:?} is no condition key of this server; is it {nearest}?"));
        }
        let read = |text: &String| {
            let pattern = Pattern::parse(text, with_variables)?;
            let is_fixed = pattern.keys().next().is_none();
            match is_fixed && !operator.comparison.can_compare(text) {
                true => Err(format!("{text:?} is not {}", operator.comparison.wants())),
                false => Ok(pattern),
            }
        };
        let values = values.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Condition { operator, key: key.to_owned(), values })
    }

    /// The keys that it asks for.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.iter().flat_map(Pattern::keys).chain([self.key.as_str()])
    }

    pub fn holds(&self, context: &Context) -> bool {
        let Operator { quantity, comparison, negated, if_exists } = self.operator;
        let given = context.get(&self.key);
        if comparison == Comparison::Absence {
            return self.values.iter().any(|value| {
                let wanted = value.resolve(context).and_then(|glob| truth(&glob.literal()));
                wanted == Some(given.is_none())
            });
        }
        let Some(given) = given else {
            return match quantity {
                Quantity::Single => negated || if_exists,
                Quantity::ForAnyValue => if_exists,
                Quantity::ForAllValues => true,
            };
        };
        let globs: Vec<Glob> = self.values.iter().filter_map(|value| value.resolve(context)).collect();
        let matches = |value: &String| globs.iter().any(|glob| comparison.compare(glob, value));
        match quantity {
            Quantity::Single => given.iter().any(matches) != negated,
            Quantity::ForAnyValue => given.iter().any(|value| matches(value) != negated),
            Quantity::ForAllValues => given.iter().all(|value| matches(value) != negated),
        }
    }
}

impl Comparison {
    fn compare(self, wanted: &Glob, given: &str) -> bool {
        match self {
            Comparison::Text => wanted.literal() == given,
            Comparison::TextIgnoringCase => wanted.literal().to_lowercase() == given.to_lowercase(),
            Comparison::TextLike => wanted.matches(given),
            Comparison::Arn => wanted.matches_arn(given),
            Comparison::Address => match (network(&wanted.literal()), given.parse::<IpAddr>()) {
                (Some(network), Ok(address)) => network.contains(&address.to_canonical()),
                _ => false,
            },
            Comparison::Truth => {
                let wanted = truth(&wanted.literal());
                wanted.is_some() && wanted == truth(given)
            }
            Comparison::Number(order) => match (number(given), number(&wanted.literal())) {
                (Some(given), Some(wanted)) => order.holds(given.partial_cmp(&wanted)),
                _ => false,
            },
            Comparison::Date(order) => match (date(given), date(&wanted.literal())) {
                (Some(given), Some(wanted)) => order.holds(Some(given.cmp(&wanted))),
                _ => false,
            },
            Comparison::Absence => false,
        }
    }

    fn can_compare(self, text: &str) -> bool {
        match self {
            Comparison::Text | Comparison::TextIgnoringCase | Comparison::TextLike => true,
            Comparison::Arn => text == "*" || (text.starts_with("arn:") && text.splitn(6, ':').count() == 6),
            Comparison::Address => network(text).is_some(),
            Comparison::Truth | Comparison::Absence => truth(text).is_some(),
            Comparison::Number(_) => number(text).is_some(),
            Comparison::Date(_) => date(text).is_some(),
        }
    }

    fn wants(self) -> &'static str {
        match self {
            Comparison::Text | Comparison::TextIgnoringCase | Comparison::TextLike => "a text",
            Comparison::Arn => "an ARN",
            Comparison::Address => "an address or a network such as 192.0.2.0/24",
            Comparison::Truth | Comparison::Absence => "true or false",
            Comparison::Number(_) => "a number",
            Comparison::Date(_) => "a date such as 2026-01-07T05:06:09Z, or seconds since 1970",
        }
    }
}

impl Order {
    fn holds(self, ordering: Option<std::cmp::Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

/// A network, or one address. Those of IPv4 that are written as IPv6 are IPv4, as the addresses of requests are.
fn network(text: &str) -> Option<IpNet> {
    let network = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let mapped = match network {
        IpNet::V6(network) => network.prefix_len().checked_sub(96).zip(network.addr().to_ipv4_mapped()),
        IpNet::V4(_) => None,
    };
    mapped.map_or(Some(network), |(length, address)| IpNet::new(address.into(), length).ok())
}

fn truth(text: &str) -> Option<bool> {
    match () {
        () if text.eq_ignore_ascii_case("true") => Some(true),
        () if text.eq_ignore_ascii_case("false") => Some(false),
        () => None,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// ISO 8601, as a moment, a day, or seconds since 1970.
fn date(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<i64>() {
        return Timestamp::from_second(seconds).ok();
    }
    let day = || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok();
    text.parse().ok().or_else(|| day().map(|zoned| zoned.timestamp()))
}
