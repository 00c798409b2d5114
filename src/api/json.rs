//! The AWS JSON form of messages: how members are read leniently and refused exactly, and how they are written.
//!
//! `null` is absent, unknown members are ignored, strings convert to booleans, fractions are truncated. What cannot be
//! converted is refused in the words of the framework that stands before Cognito.

use std::collections::HashMap;
use std::marker::PhantomData;

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Timestamp};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Number, Value};

/// A body that is not of the operation's types: Cognito's `SerializationException`, with its message.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub String);

/// A message that can be read from a JSON object.
pub trait FromJson: Sized {
    /// Any JSON value will do, because the member is refused by name later.
    const ANY_SHAPE: bool = false;

    fn from_json(members: &mut Members<'_>) -> Result<Self, Malformed>;
}

/// An enum whose values are known by their AWS names.
pub trait Named {
    const NAMES: &'static [&'static str];
    fn name_of(number: i32) -> Option<&'static str>;
    fn number_of(name: &str) -> Option<i32>;
}

/// Names that no enum value has, in the order of their appearance. A message can only hold numbers, so the name numbered
/// `n` stands in it as `-1 - n`, and the validator finds here what it has to quote.
#[derive(Debug, Default)]
pub struct UnknownNames(Vec<String>);

impl UnknownNames {
    fn add(&mut self, name: String) -> i32 {
        self.0.push(name);
        -i32::try_from(self.0.len()).unwrap_or(i32::MAX)
    }

    /// What the caller wrote where `number` now stands.
    pub fn written(&self, number: i32) -> String {
        let index = usize::try_from(-1 - i64::from(number)).ok();
        index.and_then(|index| self.0.get(index)).cloned().unwrap_or_else(|| number.to_string())
    }
}

/// Reads a whole message.
pub fn read<M: FromJson>(object: Map<String, Value>) -> Result<(M, UnknownNames), Malformed> {
    let mut unknown = UnknownNames::default();
    let message = M::from_json(&mut Members { object, unknown: &mut unknown })?;
    Ok((message, unknown))
}

/// The members of one JSON object, taken one by one.
pub struct Members<'a> {
    object: Map<String, Value>,
    unknown: &'a mut UnknownNames,
}

impl Members<'_> {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.object.remove(name).filter(|value| !value.is_null())
    }

    pub fn text(&mut self, name: &str) -> Result<Option<String>, Malformed> {
        self.take(name).map(text).transpose()
    }

    pub fn text_or_empty(&mut self, name: &str) -> Result<String, Malformed> {
        Ok(self.text(name)?.unwrap_or_default())
    }

    pub fn integer<N: TryFrom<i64>>(&mut self, name: &str) -> Result<Option<N>, Malformed> {
        self.take(name).map(integer).transpose()
    }

    pub fn truth(&mut self, name: &str) -> Result<Option<bool>, Malformed> {
        self.take(name).map(truth).transpose()
    }

    pub fn truth_or_false(&mut self, name: &str) -> Result<bool, Malformed> {
        Ok(self.truth(name)?.unwrap_or_default())
    }

    pub fn time(&mut self, name: &str) -> Result<Option<Timestamp>, Malformed> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let seconds = value.as_f64().ok_or_else(|| mistaken_scalar(&value, "Date"))?;
        let milliseconds = (seconds * 1000.0).round() as i64;
        let nanos = i32::try_from(milliseconds.rem_euclid(1000)).unwrap_or_default() * 1_000_000;
        Ok(Some(Timestamp { seconds: milliseconds.div_euclid(1000), nanos }))
    }

    pub fn enumeration<E: Named>(&mut self, name: &str) -> Result<Option<i32>, Malformed> {
        let Some(value) = self.take(name) else { return Ok(None) };
        self.number_of::<E>(value).map(Some)
    }

    pub fn enumerations<E: Named>(&mut self, name: &str) -> Result<Vec<i32>, Malformed> {
        let Some(value) = self.take(name) else { return Ok(Vec::new()) };
        elements(value)?.into_iter().map(|element| self.number_of::<E>(element)).collect()
    }

    fn number_of<E: Named>(&mut self, value: Value) -> Result<i32, Malformed> {
        let name = text(value)?;
        Ok(E::number_of(&name).unwrap_or_else(|| self.unknown.add(name)))
    }

    pub fn message<M: FromJson>(&mut self, name: &str) -> Result<Option<M>, Malformed> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(object)) if M::ANY_SHAPE && object.is_empty() => Ok(None),
            Some(Value::Array(elements)) if M::ANY_SHAPE && elements.is_empty() => Ok(None),
            Some(value) => self.structure(value).map(Some),
        }
    }

    pub fn messages<M: FromJson>(&mut self, name: &str) -> Result<Vec<M>, Malformed> {
        let Some(value) = self.take(name) else { return Ok(Vec::new()) };
        elements(value)?.into_iter().map(|element| self.structure(element)).collect()
    }

    fn structure<M: FromJson>(&mut self, value: Value) -> Result<M, Malformed> {
        let object = match value {
            Value::Object(object) => object,
            _ if M::ANY_SHAPE => Map::new(),
            Value::Array(_) => return Err(Malformed("Start of list found where not expected".into())),
            _ => return Err(Malformed("Expected null".into())),
        };
        M::from_json(&mut Members { object, unknown: self.unknown })
    }

    /// Free JSON, of which the contract says no more than that it is an object.
    pub fn document(&mut self, name: &str) -> Result<Option<Struct>, Malformed> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(document(members))),
            Some(Value::Array(_)) => Err(Malformed("Start of list found where not expected".into())),
            Some(_) => Err(Malformed("Expected map or null".into())),
        }
    }

    pub fn texts(&mut self, name: &str) -> Result<Vec<String>, Malformed> {
        let Some(value) = self.take(name) else { return Ok(Vec::new()) };
        elements(value)?.into_iter().map(text).collect()
    }

    pub fn map(&mut self, name: &str) -> Result<HashMap<String, String>, Malformed> {
        match self.take(name) {
            None => Ok(HashMap::new()),
            Some(Value::Object(entries)) => {
                let present = entries.into_iter().filter(|(_, value)| !value.is_null());
                present.map(|(key, value)| Ok((key, text(value)?))).collect()
            }
            Some(Value::Array(_)) => Err(Malformed("Start of list found where not expected".into())),
            Some(_) => Err(Malformed("Expected map or null".into())),
        }
    }
}

fn text(value: Value) -> Result<String, Malformed> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(mistaken_scalar(&other, "String")),
    }
}

fn integer<N: TryFrom<i64>>(value: Value) -> Result<N, Malformed> {
    let Value::Number(number) = &value else { return Err(mistaken_scalar(&value, "Integer")) };
    // A fraction is cut off, as the framework does.
    let whole = number.as_i64().or_else(|| number.as_f64().map(|fraction| fraction.trunc() as i64));
    whole
        .and_then(|whole| N::try_from(whole).ok())
        .ok_or_else(|| Malformed(format!("{number} can not be converted to an Integer")))
}

fn truth(value: Value) -> Result<bool, Malformed> {
    match &value {
        Value::Bool(truth) => Ok(*truth),
        Value::String(word) => match word.to_lowercase().as_str() {
            "true" | "yes" | "1" => Ok(true),
            "false" | "no" | "0" => Ok(false),
            _ => Err(Malformed(format!("'{}' can not be converted to an Boolean", word.to_uppercase()))),
        },
        other => Err(mistaken_scalar(other, "Boolean")),
    }
}

fn elements(value: Value) -> Result<Vec<Value>, Malformed> {
    match value {
        Value::Array(elements) => Ok(elements),
        Value::Object(_) => Err(Malformed("Start of structure or map found where not expected.".into())),
        _ => Err(Malformed("Expected list or null".into())),
    }
}

/// The framework's words for a value of another kind than the `wanted` scalar.
fn mistaken_scalar(value: &Value, wanted: &str) -> Malformed {
    let class = match value {
        Value::Object(_) => return Malformed("Start of structure or map found where not expected.".into()),
        Value::Array(_) => return Malformed("Start of list found where not expected".into()),
        Value::Bool(_) => "java.lang.Boolean",
        Value::Number(_) => "com.amazon.coral.value.json.numbers.TruncatingBigNumber",
        Value::String(_) | Value::Null => "java.lang.String",
    };
    Malformed(format!("class {class} can not be converted to an {wanted}"))
}

/// A JSON object as both wires carry it. Numbers become those of JavaScript.
pub fn document(members: Map<String, Value>) -> Struct {
    fn kind(value: Value) -> Kind {
        match value {
            Value::Null => Kind::NullValue(0),
            Value::Bool(truth) => Kind::BoolValue(truth),
            Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
            Value::String(text) => Kind::StringValue(text),
            Value::Array(elements) => {
                Kind::ListValue(ListValue { values: elements.into_iter().map(|each| kind(each).into()).collect() })
            }
            Value::Object(members) => Kind::StructValue(document(members)),
        }
    }
    Struct { fields: members.into_iter().map(|(name, value)| (name, kind(value).into())).collect() }
}

/// The JSON object again.
pub fn members_of(document: &Struct) -> Map<String, Value> {
    /// The greatest whole number up to which every one has a value of its own.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    fn value(kind: Option<&Kind>) -> Value {
        match kind {
            None | Some(Kind::NullValue(_)) => Value::Null,
            Some(Kind::BoolValue(truth)) => Value::Bool(*truth),
            Some(Kind::NumberValue(number)) if number.fract() == 0.0 && number.abs() <= WHOLE_MAX => {
                Value::from(*number as i64)
            }
            Some(Kind::NumberValue(number)) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
            Some(Kind::StringValue(text)) => Value::from(text.as_str()),
            Some(Kind::ListValue(list)) => list.values.iter().map(|each| value(each.kind.as_ref())).collect(),
            Some(Kind::StructValue(document)) => Value::Object(members_of(document)),
        }
    }
    document.fields.iter().map(|(name, each)| (name.clone(), value(each.kind.as_ref()))).collect()
}

/// Free JSON, as it is written.
pub struct Document<'a>(pub &'a Struct);

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        members_of(self.0).serialize(serializer)
    }
}

/// A message that tells its members one by one, by their AWS names.
pub trait Told {
    fn tell<M: TakeMembers>(&self, members: &mut M) -> Result<(), M::Error>;
}

/// What takes the members of a message.
pub trait TakeMembers {
    type Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Self::Error>;
}

/// Writes a message whole.
pub fn write<S: Serializer>(message: &impl Told, serializer: S) -> Result<S::Ok, S::Error> {
    let mut written = Written(serializer.serialize_map(None)?);
    message.tell(&mut written)?;
    written.0.end()
}

struct Written<M>(M);

impl<M: SerializeMap> TakeMembers for Written<M> {
    type Error = M::Error;

    fn member<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), M::Error> {
        self.0.serialize_entry(name, value)
    }
}

/// A time as AWS prints it: epoch seconds with milliseconds.
pub struct EpochSeconds<'a>(pub &'a Timestamp);

impl Serialize for EpochSeconds<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let milliseconds = self.0.seconds.saturating_mul(1000).saturating_add(i64::from(self.0.nanos / 1_000_000));
        if milliseconds % 1000 == 0 {
            serializer.serialize_i64(milliseconds / 1000)
        } else {
            serializer.serialize_f64(milliseconds as f64 / 1000.0)
        }
    }
}

/// An enum value by its AWS name.
pub struct Name<E> {
    number: i32,
    kind: PhantomData<E>,
}

impl<E: Named> Name<E> {
    pub fn new(number: i32) -> Self {
        Name { number, kind: PhantomData }
    }

    pub fn list(numbers: &[i32]) -> Vec<Self> {
        numbers.iter().copied().map(Self::new).collect()
    }
}

impl<E: Named> Serialize for Name<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match E::name_of(self.number) {
            Some(name) => serializer.serialize_str(name),
            None => serializer.serialize_str(&self.number.to_string()),
        }
    }
}

/// What has no shape has no members.
impl FromJson for () {
    fn from_json(_: &mut Members<'_>) -> Result<Self, Malformed> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn free_json_comes_back_as_it_was() {
        let written = json!({
            "alg": -257, "timeout": 60000, "fraction": 0.5, "big": 1e300, "null": null, "truth": true, "empty": {},
            "list": [1, "a", [], {"b": [null, false]}], "": "\u{1f600}",
        });
        let members = written.as_object().unwrap().clone();
        assert_eq!(Value::Object(members_of(&document(members))), written);
    }

    #[test]
    fn numbers_that_no_json_has_become_null() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let fields = [("number".to_owned(), Kind::NumberValue(number).into())].into();
            assert_eq!(Value::Object(members_of(&Struct { fields })), json!({"number": null}));
        }
        let fields = [("nothing".to_owned(), prost_types::Value { kind: None })].into();
        assert_eq!(Value::Object(members_of(&Struct { fields })), json!({"nothing": null}));
    }
}
