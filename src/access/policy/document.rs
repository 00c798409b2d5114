//! Reading a policy document: what is not understood to the last word is refused, with line and column.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::condition::{Condition, Operator};
use super::pattern::Pattern;
use super::{Effect, Policy, Statement};

/// Why a document is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct Invalid {
    pub line: usize,
    pub column: usize,
    pub problem: String,
}

impl From<serde_json::Error> for Invalid {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let place = format!(" at line {line} column {column}");
        let problem = error.to_string();
        Invalid { line, column, problem: problem.strip_suffix(&place).unwrap_or(&problem).to_owned() }
    }
}

impl Policy {
    /// Reads a document.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        // What serde reads for a structure may be a list of its members as well.
        if text.trim_start().starts_with('[') {
            return Err(Invalid { line: 1, column: 1, problem: "a policy is an object, not a list".into() });
        }
        let version: VersionAlone = serde_json::from_str(text)?;
        // Whether `${…}` is a variable must be known before the rest is read, and the version may come last.
        match version.version.unwrap_or(Version::Old) {
            Version::Old => Ok(serde_json::from_str::<Document<false>>(text)?.into()),
            Version::Current => Ok(serde_json::from_str::<Document<true>>(text)?.into()),
        }
    }
}

#[derive(Deserialize)]
struct VersionAlone {
    #[serde(rename = "Version")]
    version: Option<Version>,
}

#[derive(Clone, Copy, Deserialize)]
enum Version {
    #[serde(rename = "2008-10-17")]
    Old,
    #[serde(rename = "2012-10-17")]
    Current,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<const VARIABLES: bool> {
    #[serde(rename = "Version")]
    _version: Option<Version>,
    #[serde(rename = "Id")]
    _id: Option<String>,
    #[serde(rename = "Statement")]
    statements: Statements<VARIABLES>,
}

impl<const VARIABLES: bool> From<Document<VARIABLES>> for Policy {
    fn from(document: Document<VARIABLES>) -> Self {
        Policy::new(document.statements.0)
    }
}

struct Statements<const VARIABLES: bool>(Vec<Statement>);

impl<'de, const VARIABLES: bool> Deserialize<'de> for Statements<VARIABLES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let OneOrMore(written) = OneOrMore::<WrittenStatement<VARIABLES>>::deserialize(deserializer)?;
        let mut sids = HashSet::new();
        for statement in &written {
            if let Some(sid) = statement.0.sid.as_ref().filter(|sid| !sids.insert(*sid)) {
                return Err(D::Error::custom(format!("the Sid {sid:?} stands there twice")));
            }
        }
        Ok(Statements(written.into_iter().map(|statement| statement.0).collect()))
    }
}

/// One element, or a list that is not empty.
struct OneOrMore<T>(Vec<T>);

impl<'de, T: FromValue<'de>> Deserialize<'de> for OneOrMore<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<T>(PhantomData<T>);

        impl<'de, T: FromValue<'de>> Visitor<'de> for Reader<T> {
            type Value = OneOrMore<T>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{} or a list of them", T::WHAT)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                if all.is_empty() { Err(A::Error::custom("an empty list")) } else { Ok(OneOrMore(all)) }
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::of_map(map).map(|one| OneOrMore(vec![one]))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                T::of_text(text).map(|one| OneOrMore(vec![one]))
            }

            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Self::Value, E> {
                T::of_scalar(value).map(|one| OneOrMore(vec![one]))
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
                T::of_scalar(value).map(|one| OneOrMore(vec![one]))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Self::Value, E> {
                T::of_scalar(value).map(|one| OneOrMore(vec![one]))
            }

            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Self::Value, E> {
                T::of_scalar(value).map(|one| OneOrMore(vec![one]))
            }
        }

        deserializer.deserialize_any(Reader(PhantomData))
    }
}

/// What can stand alone or in a list.
trait FromValue<'de>: Deserialize<'de> {
    const WHAT: &'static str;

    fn of_map<A: MapAccess<'de>>(_: A) -> Result<Self, A::Error> {
        Err(A::Error::custom(format!("an object where {} belongs", Self::WHAT)))
    }

    fn of_text<E: serde::de::Error>(_: &str) -> Result<Self, E> {
        Err(E::custom(format!("a string where {} belongs", Self::WHAT)))
    }

    fn of_scalar<E: serde::de::Error>(value: impl fmt::Display) -> Result<Self, E> {
        Err(E::custom(format!("{value} where {} belongs", Self::WHAT)))
    }
}

struct WrittenStatement<const VARIABLES: bool>(Statement);

impl<'de, const VARIABLES: bool> FromValue<'de> for WrittenStatement<VARIABLES> {
    const WHAT: &'static str = "a statement";

    fn of_map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        let members = Members::<VARIABLES>::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
        members.statement().map(WrittenStatement).map_err(A::Error::custom)
    }
}

impl<'de, const VARIABLES: bool> Deserialize<'de> for WrittenStatement<VARIABLES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader<const VARIABLES: bool>;

        impl<'de, const VARIABLES: bool> Visitor<'de> for Reader<VARIABLES> {
            type Value = WrittenStatement<VARIABLES>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a statement")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                WrittenStatement::of_map(map)
            }
        }

        // Within, so that an error has the place of this statement.
        deserializer.deserialize_map(Reader::<VARIABLES>)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<const VARIABLES: bool> {
    #[serde(rename = "Sid")]
    sid: Option<String>,
    #[serde(rename = "Effect")]
    effect: Effect,
    #[serde(rename = "Action")]
    action: Option<OneOrMore<Action>>,
    #[serde(rename = "NotAction")]
    not_action: Option<OneOrMore<Action>>,
    #[serde(rename = "Resource")]
    resource: Option<OneOrMore<Resource<VARIABLES>>>,
    #[serde(rename = "NotResource")]
    not_resource: Option<OneOrMore<Resource<VARIABLES>>>,
    #[serde(rename = "Condition", default)]
    conditions: Conditions<VARIABLES>,
}

impl<const VARIABLES: bool> Members<VARIABLES> {
    fn statement(self) -> Result<Statement, String> {
        let (actions, not_actions) = match (self.action, self.not_action) {
            (Some(actions), None) => (actions, false),
            (None, Some(actions)) => (actions, true),
            _ => return Err("a statement has either Action or NotAction".into()),
        };
        let (resources, not_resources) = match (self.resource, self.not_resource) {
            (Some(resources), None) => (resources, false),
            (None, Some(resources)) => (resources, true),
            _ => return Err("a statement has either Resource or NotResource".into()),
        };
        Ok(Statement {
            sid: self.sid,
            effect: self.effect,
            actions: actions.0.into_iter().map(|action| action.0).collect(),
            not_actions,
            resources: resources.0.into_iter().map(|resource| resource.0).collect(),
            not_resources,
            conditions: self.conditions.0,
        })
    }
}

/// `*`, or a service and the name of an operation, such as `cognito-idp:Admin*`.
struct Action(Pattern);

impl<'de> FromValue<'de> for Action {
    const WHAT: &'static str = "an action";

    fn of_text<E: serde::de::Error>(text: &str) -> Result<Self, E> {
        let named =
            |name: &str| !name.is_empty() && name.chars().all(|it| it.is_ascii_alphanumeric() || "-_*?".contains(it));
        let is_action =
            text == "*" || text.split_once(':').is_some_and(|(service, name)| named(service) && named(name));
        match is_action {
            true => Pattern::parse(text, false).map(Action).map_err(E::custom),
            false => Err(E::custom(format!("{text:?} is no action such as cognito-idp:AdminGetUser"))),
        }
    }
}

impl<'de> Deserialize<'de> for Action {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        in_list(deserializer)
    }
}

/// `*`, or an ARN of six parts, with wildcards anywhere but in the first and the service.
struct Resource<const VARIABLES: bool>(Pattern);

impl<'de, const VARIABLES: bool> FromValue<'de> for Resource<VARIABLES> {
    const WHAT: &'static str = "a resource";

    fn of_text<E: serde::de::Error>(text: &str) -> Result<Self, E> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let is_arn = matches!(parts[..], ["arn", partition, service, _, _, resource]
            if !partition.is_empty() && !resource.is_empty()
                && !service.is_empty() && !service.contains(['*', '?', '$']));
        match text == "*" || is_arn {
            true => Pattern::parse(text, VARIABLES).map(Resource).map_err(E::custom),
            false => Err(E::custom(format!(
                "{text:?} is no ARN such as arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_AbCdEf123"
            ))),
        }
    }
}

impl<'de, const VARIABLES: bool> Deserialize<'de> for Resource<VARIABLES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        in_list(deserializer)
    }
}

/// A value of a condition: a text; or a number or truth value, which mean their texts.
struct Text(String);

impl<'de> FromValue<'de> for Text {
    const WHAT: &'static str = "a value";

    fn of_text<E: serde::de::Error>(text: &str) -> Result<Self, E> {
        Ok(Text(text.to_owned()))
    }

    fn of_scalar<E: serde::de::Error>(value: impl fmt::Display) -> Result<Self, E> {
        Ok(Text(value.to_string()))
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        in_list(deserializer)
    }
}

/// Reads an element of a list: alone, never a list again.
fn in_list<'de, D: Deserializer<'de>, T: FromValue<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Reader<T>(PhantomData<T>);

    impl<'de, T: FromValue<'de>> Visitor<'de> for Reader<T> {
        type Value = T;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str(T::WHAT)
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            T::of_text(text)
        }

        fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<T, E> {
            T::of_scalar(value)
        }

        fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<T, E> {
            T::of_scalar(value)
        }

        fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<T, E> {
            T::of_scalar(value)
        }

        fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<T, E> {
            T::of_scalar(value)
        }
    }

    deserializer.deserialize_any(Reader(PhantomData))
}

/// The `Condition` block: operators, under each of them keys, under each of these values.
#[derive(Default)]
struct Conditions<const VARIABLES: bool>(Vec<Condition>);

impl<'de, const VARIABLES: bool> Deserialize<'de> for Conditions<VARIABLES> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Operators<const VARIABLES: bool>;

        impl<'de, const VARIABLES: bool> Visitor<'de> for Operators<VARIABLES> {
            type Value = Conditions<VARIABLES>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object of condition operators")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let (mut seen, mut all) = (HashSet::new(), Vec::new());
                while let Some(name) = map.next_key::<String>()? {
                    let operator = Operator::parse(&name)
                        .ok_or_else(|| A::Error::custom(format!("{name:?} is no condition operator of this server")))?;
                    all.extend(map.next_value_seed(Keys::<VARIABLES>(operator))?);
                    refuse_twice(&mut seen, name)?;
                }
                Ok(Conditions(all))
            }
        }

        deserializer.deserialize_map(Operators::<VARIABLES>)
    }
}

/// Reads the keys under an operator.
struct Keys<const VARIABLES: bool>(Operator);

impl<'de, const VARIABLES: bool> serde::de::DeserializeSeed<'de> for Keys<VARIABLES> {
    type Value = Vec<Condition>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, const VARIABLES: bool> Visitor<'de> for Keys<VARIABLES> {
    type Value = Vec<Condition>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object of condition keys")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut seen, mut all) = (HashSet::new(), Vec::new());
        while let Some((key, OneOrMore(values))) = map.next_entry::<String, OneOrMore<Text>>()? {
            let values: Vec<String> = values.into_iter().map(|text| text.0).collect();
            all.push(Condition::parse(self.0, &key, &values, VARIABLES).map_err(A::Error::custom)?);
            refuse_twice(&mut seen, key.to_ascii_lowercase())?;
        }
        if all.is_empty() { Err(A::Error::custom("an operator without a condition key")) } else { Ok(all) }
    }
}

fn refuse_twice<E: serde::de::Error>(seen: &mut HashSet<String>, name: String) -> Result<(), E> {
    match seen.replace(name) {
        Some(name) => Err(E::custom(format!("{name:?} stands there twice"))),
        None => Ok(()),
    }
}
