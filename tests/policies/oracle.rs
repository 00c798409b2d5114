//! The same rules once more, in the plainest way, straight from the JSON: slow, without parsing, without a line in common.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Outcome;

/// What is known of a request; keys in lower case.
pub type Facts = BTreeMap<String, Vec<String>>;

pub fn decide(documents: &[Value], action: &str, resource: &str, facts: &Facts) -> Outcome {
    let mut applying = Vec::new();
    for document in documents {
        let variables = document["Version"] == "2012-10-17";
        for statement in list(&document["Statement"]) {
            if applies(statement, variables, action, resource, facts) {
                applying.push(statement["Effect"].as_str().unwrap());
            }
        }
    }
    match () {
        () if applying.contains(&"Deny") => Outcome::ExplicitlyDenied,
        () if applying.contains(&"Allow") => Outcome::Allowed,
        () => Outcome::DeniedByDefault,
    }
}

fn applies(statement: &Value, variables: bool, action: &str, resource: &str, facts: &Facts) -> bool {
    let members = statement.as_object().unwrap();
    let lower = |text: &str| text.to_ascii_lowercase();
    let any_action =
        |patterns: &Value| list(patterns).iter().any(|it| like(&lower(it.as_str().unwrap()), &lower(action)));
    let any_resource = |patterns: &Value| {
        list(patterns).iter().any(|it| match filled(it.as_str().unwrap(), variables, facts) {
            Some(pattern) => like(&pattern, resource),
            None => false,
        })
    };
    members.iter().all(|(name, value)| match name.as_str() {
        "Action" => any_action(value),
        "NotAction" => !any_action(value),
        "Resource" => any_resource(value),
        "NotResource" => !any_resource(value),
        "Condition" => value.as_object().unwrap().iter().all(|(operator, keys)| {
            keys.as_object().unwrap().iter().all(|(key, values)| holds(operator, key, values, variables, facts))
        }),
        _ => true,
    })
}

fn holds(operator: &str, key: &str, values: &Value, variables: bool, facts: &Facts) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let wanted: Vec<String> = list(values).iter().filter_map(|it| filled(&text(it), variables, facts)).collect();
    let given = facts.get(&key.to_ascii_lowercase()).filter(|values| !values.is_empty());
    if operator == "Null" {
        return wanted.iter().any(|it| plain(it).eq_ignore_ascii_case(if given.is_none() { "true" } else { "false" }));
    }
    let (prefix, rest) = operator.split_once(':').unwrap_or(("", operator));
    let base = rest.trim_end_matches("IfExists");
    let negated = base.contains("Not");
    let positive = base.replace("Not", "");
    let matches = |given: &String| wanted.iter().any(|wanted| compare(&positive, wanted, given));
    match (given, prefix) {
        (None, "ForAllValues") => true,
        (None, "ForAnyValue") => rest.ends_with("IfExists"),
        (None, _) => negated || rest.ends_with("IfExists"),
        (Some(given), "ForAllValues") => given.iter().filter(|value| matches(value) == negated).count() == 0,
        (Some(given), "ForAnyValue") => given.iter().filter(|value| matches(value) != negated).count() > 0,
        (Some(given), _) if negated => !given.iter().any(matches),
        (Some(given), _) => given.iter().any(matches),
    }
}

fn compare(operator: &str, wanted: &str, given: &str) -> bool {
    match operator {
        "StringEquals" => plain(wanted) == given,
        "StringEqualsIgnoreCase" => plain(wanted).to_lowercase() == given.to_lowercase(),
        "StringLike" => like(wanted, given),
        "ArnEquals" | "ArnLike" => {
            let (wanted_parts, given_parts): (Vec<&str>, Vec<&str>) =
                (wanted.splitn(6, ':').collect(), given.splitn(6, ':').collect());
            wanted == "*"
                || (wanted_parts.len() == 6
                    && given_parts.len() == 6
                    && (0..6).all(|part| like(wanted_parts[part], given_parts[part])))
        }
        "IpAddress" => within(&plain(wanted), given),
        "Bool" => {
            let (wanted, given) = (plain(wanted).to_ascii_lowercase(), given.to_ascii_lowercase());
            wanted == given && ["true", "false"].contains(&wanted.as_str())
        }
        numeric if numeric.starts_with("Numeric") => {
            let number = |text: &str| text.parse::<f64>().ok();
            ordered(numeric.trim_start_matches("Numeric"), number(given), number(&plain(wanted)))
        }
        date => ordered(date.trim_start_matches("Date"), seconds(given), seconds(&plain(wanted))),
    }
}

fn ordered(order: &str, given: Option<f64>, wanted: Option<f64>) -> bool {
    let (Some(given), Some(wanted)) = (given, wanted) else { return false };
    match order {
        "Equals" => given == wanted,
        "LessThan" => given < wanted,
        "LessThanEquals" => given <= wanted,
        "GreaterThan" => given > wanted,
        "GreaterThanEquals" => given >= wanted,
        _ => panic!("{order}"),
    }
}

/// Seconds since 1970 of the dates that [`super::generated`] draws: all are of January 2026, in UTC.
fn seconds(date: &str) -> Option<f64> {
    if let Ok(seconds) = date.parse() {
        return Some(seconds);
    }
    let rest = date.strip_prefix("2026-01-")?;
    let day: f64 = rest.get(..2)?.parse().ok()?;
    let time = rest.get(2..)?;
    let of_day = match time.strip_prefix('T').and_then(|time| time.strip_suffix('Z')) {
        Some(time) => {
            let parts: Vec<f64> = time.split(':').filter_map(|part| part.parse().ok()).collect();
            parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]
        }
        None => 0.0,
    };
    Some(1_767_225_600.0 + (day - 1.0) * 86_400.0 + of_day)
}

/// Whether an IPv4 address is in a network, bit by bit.
fn within(network: &str, address: &str) -> bool {
    let bits = |text: &str| -> Option<String> {
        let parts: Vec<u8> = text.split('.').filter_map(|part| part.parse().ok()).collect();
        (parts.len() == 4).then(|| parts.iter().map(|part| format!("{part:08b}")).collect())
    };
    let (network, length) = network.split_once('/').unwrap_or((network, "32"));
    match (bits(network), bits(address.trim_start_matches("::ffff:"))) {
        (Some(network), Some(address)) => address.starts_with(&network[..length.parse().unwrap()]),
        _ => false,
    }
}

/// Stands for a `*` or `?` that is a character of its own.
const STAR: char = '\u{e000}';
const QUESTION: char = '\u{e001}';

/// With variables replaced; nothing if one has no value.
fn filled(text: &str, variables: bool, facts: &Facts) -> Option<String> {
    let literal = |text: &str| text.replace('*', &STAR.to_string()).replace('?', &QUESTION.to_string());
    if !variables || !text.contains("${") {
        return Some(text.to_owned());
    }
    let (before, rest) = text.split_once("${").unwrap();
    let (inner, after) = rest.split_once('}').unwrap();
    let value = match inner {
        "*" | "?" | "$" => inner.to_owned(),
        _ => {
            let (key, default) = inner.split_once(',').map_or((inner, None), |(key, default)| (key, Some(default)));
            match facts.get(&key.trim().to_ascii_lowercase()).map(Vec::as_slice).unwrap_or_default() {
                [] => default?.trim().trim_matches('\'').to_owned(),
                [value] => value.clone(),
                _ => return None,
            }
        }
    };
    Some(format!("{before}{}{}", literal(&value), filled(after, variables, facts)?))
}

/// With wildcards that were meant as characters as such.
fn plain(text: &str) -> String {
    text.replace(STAR, "*").replace(QUESTION, "?")
}

/// Whether a pattern takes a text: tries everything.
fn like(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    if first == '*' {
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        return ends.into_iter().any(|at| like(rest, &text[at..]));
    }
    let Some(head) = text.chars().next() else { return false };
    let is_taken = first == '?' || plain(&first.to_string()) == head.to_string();
    is_taken && like(rest, &text[head.len_utf8()..])
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |values| values.iter().collect())
}
