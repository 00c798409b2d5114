//! What a pool lets be known about its users.
//!
//! A [`Schema`] says which attributes there are and what their values look like; values are strings on every wire and
//! in the store. Who may read or write an attribute is not decided here, except for the few that nobody but the
//! service writes.

mod changes;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::formats::{is_boolean, is_date_time, is_email, is_phone_number};
use crate::error::Error;

pub use changes::{is_verified, keep_address, unverified_news};

/// A user's attributes: values by name.
pub type Attributes = BTreeMap<String, String>;

/// All names and values of one user together, in bytes.
pub const ATTRIBUTES_BYTES_MAX: usize = 48 * 1024;

/// What the values of an attribute mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    Boolean,
    DateTime,
    Number,
    String,
}

impl DataType {
    /// The type of that name; text, which refuses nothing, for a name that is none.
    pub fn named(name: &str) -> DataType {
        match name {
            "Boolean" => DataType::Boolean,
            "DateTime" => DataType::DateTime,
            "Number" => DataType::Number,
            _ => DataType::String,
        }
    }

    /// Cognito's name for the type.
    pub fn name(self) -> &'static str {
        match self {
            DataType::Boolean => "Boolean",
            DataType::DateTime => "DateTime",
            DataType::Number => "Number",
            DataType::String => "String",
        }
    }
}

/// One attribute of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeDefinition {
    /// The full name: `email`, `custom:team`.
    pub name: String,
    pub data_type: DataType,
    pub mutable: bool,
    pub required: bool,
    /// The least length of a string or value of a number; nothing for other types.
    pub minimum: Option<i64>,
    /// The greatest length of a string or value of a number; nothing for other types.
    pub maximum: Option<i64>,
}

/// An attribute as whoever creates a pool asks for it: what is absent stays as Cognito has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeRequest {
    pub name: Option<String>,
    pub data_type: Option<DataType>,
    pub mutable: Option<bool>,
    pub required: Option<bool>,
    pub minimum_length: Option<String>,
    pub maximum_length: Option<String>,
    pub minimum_value: Option<String>,
    pub maximum_value: Option<String>,
}

/// The attributes of a pool: the standard ones in Cognito's order, then the custom ones in order of definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema(Vec<AttributeDefinition>);

impl Schema {
    /// The schema of a pool that asked for nothing.
    pub fn standard() -> Schema {
        Schema(STANDARD_ATTRIBUTES.iter().map(StandardAttribute::definition).collect())
    }

    /// The schema of a pool that asked for these attributes. A request that names a standard attribute adjusts it;
    /// every other one defines a custom attribute.
    pub fn with(requested: Vec<AttributeRequest>) -> Result<Schema, Error> {
        let mut schema = Schema::standard();
        let mut names = BTreeSet::new();
        for request in requested {
            let name = request.name.clone().ok_or(Error::MissingParameter("Name"))?;
            if !names.insert(name.clone()) {
                return Err(Error::invalid_parameter(format!("{name}: Existing attribute already has name {name}.")));
            }
            match schema.0.iter_mut().find(|definition| definition.name == name) {
                Some(standard) => request.adjust(standard)?,
                None => schema.0.push(request.into_custom(&name)?),
            }
        }
        schema.check_size()?;
        Ok(schema)
    }

    /// The schema with these custom attributes behind its own. A name that is a standard attribute's stands here for a custom
    /// one beside it.
    pub fn and(mut self, requested: Vec<AttributeRequest>) -> Result<Schema, Error> {
        for request in requested {
            let requested_name = request.name.clone().ok_or(Error::MissingParameter("Name"))?;
            let custom = request.into_custom(&requested_name)?;
            let name = &custom.name;
            if self.definition(name).is_some() {
                return Err(Error::invalid_parameter(format!("{name}: Existing attribute already has name {name}.")));
            }
            self.0.push(custom);
        }
        self.check_size()?;
        Ok(self)
    }

    fn check_size(&self) -> Result<(), Error> {
        if self.0.len() > STANDARD_ATTRIBUTES.len() + CUSTOM_ATTRIBUTES_MAX {
            return Err(Error::invalid_parameter(format!(
                "A user pool cannot have more than {CUSTOM_ATTRIBUTES_MAX} custom attributes."
            )));
        }
        Ok(())
    }

    /// The schema of a pool that exists, from what was kept of it.
    pub fn kept(definitions: Vec<AttributeDefinition>) -> Schema {
        Schema(definitions)
    }

    pub fn definitions(&self) -> impl Iterator<Item = &AttributeDefinition> {
        self.0.iter()
    }

    pub fn definition(&self, name: &str) -> Option<&AttributeDefinition> {
        self.0.iter().find(|definition| definition.name == name)
    }

    /// Refuses attributes with which no user may be created: unknown ones, malformed values, required ones absent. An
    /// empty value is as good as none.
    pub fn check_new(&self, attributes: &Attributes) -> Result<(), Error> {
        check_size(attributes)?;
        check_addresses(attributes)?;
        let mut problems: Vec<String> =
            attributes.iter().filter_map(|(name, value)| self.problem_with(name, value)).collect();
        problems.extend(self.missing(attributes).map(sentence_about_missing));
        refuse(problems)
    }

    fn problem_with(&self, name: &str, value: &str) -> Option<String> {
        let Some(definition) = self.definition(name) else {
            return Some(format!("{name}: Attribute does not exist in the schema."));
        };
        if value.is_empty() {
            return None;
        }
        definition.problem_with(value).map(|problem| format!("{name}: {problem}"))
    }

    /// Required attributes without a value. Those of the service are not the caller's to give.
    pub fn missing<'a>(&'a self, attributes: &Attributes) -> impl Iterator<Item = &'a AttributeDefinition> {
        let given = |name: &str| attributes.get(name).is_some_and(|value| !value.is_empty());
        self.0.iter().filter(move |definition| {
            definition.required && !is_written_by_the_service_alone(&definition.name) && !given(&definition.name)
        })
    }
}

impl AttributeDefinition {
    fn problem_with(&self, value: &str) -> Option<String> {
        match self.data_type {
            DataType::Boolean => (!is_boolean(value)).then(|| "The value must be true or false.".to_owned()),
            DataType::DateTime => (!is_date_time(value)).then(|| "The value must be a date and time.".to_owned()),
            DataType::Number => match value.parse() {
                Ok(number) => self.problem_with_bounds(number, "The value"),
                Err(_) => Some("The value must be a number.".to_owned()),
            },
            DataType::String => {
                let length = i64::try_from(value.chars().count()).unwrap_or(i64::MAX);
                self.problem_with_bounds(length, "The length of the value")
            }
        }
    }

    fn problem_with_bounds(&self, measure: i64, what: &str) -> Option<String> {
        // A string attribute without bounds of its own still has Cognito's.
        let cap = (self.data_type == DataType::String).then_some(STRING_LENGTH_MAX);
        if let Some(minimum) = self.minimum.filter(|&minimum| measure < minimum) {
            return Some(format!("{what} must be greater than or equal to {minimum}."));
        }
        let maximum = self.maximum.or(cap).filter(|&maximum| measure > maximum)?;
        Some(format!("{what} must be less than or equal to {maximum}."))
    }
}

impl AttributeRequest {
    /// Changes what may be changed of a standard attribute.
    fn adjust(&self, standard: &mut AttributeDefinition) -> Result<(), Error> {
        let name = &standard.name;
        if self.data_type.is_some_and(|data_type| data_type != standard.data_type) {
            return Err(Error::invalid_parameter(format!(
                "You can not change AttributeDataType or set developerOnlyAttribute for \
                 standard schema attribute {name}"
            )));
        }
        let required = self.required.unwrap_or(standard.required);
        let mutable = self.mutable.unwrap_or(standard.mutable);
        // What no caller can give, no pool can demand; and an immutable `email_verified` could never become true.
        if is_written_by_the_service_alone(name) && (required, mutable) != (standard.required, standard.mutable) {
            return Err(Error::invalid_parameter(format!(
                "You can not change Required or Mutable for standard schema attribute {name}"
            )));
        }
        let (minimum, maximum) = self.bounds(name, standard.data_type)?;
        let (minimum, maximum) = (minimum.or(standard.minimum), maximum.or(standard.maximum));
        check_bounds(name, standard.data_type, minimum, maximum)?;
        *standard = AttributeDefinition { required, mutable, minimum, maximum, ..standard.clone() };
        Ok(())
    }

    fn into_custom(self, requested_name: &str) -> Result<AttributeDefinition, Error> {
        if !is_custom_name(requested_name) {
            return Err(Error::invalid_parameter(format!("Invalid name for schema attribute {requested_name}")));
        }
        let name = format!("{CUSTOM_PREFIX}{requested_name}");
        let data_type = self.data_type.ok_or(Error::invalid_parameter(
            "Invalid AttributeDataType input, consider using the provided AttributeDataType enum.",
        ))?;
        if self.required == Some(true) {
            return Err(Error::invalid_parameter("Required custom attributes are not supported currently."));
        }
        let (minimum, maximum) = self.bounds(&name, data_type)?;
        check_bounds(&name, data_type, minimum, maximum)?;
        let mutable = self.mutable.unwrap_or(false);
        Ok(AttributeDefinition { name, data_type, mutable, required: false, minimum, maximum })
    }

    /// The bounds asked for. Bounds of another type than the attribute's are refused: keeping them would promise checks
    /// that nobody makes.
    fn bounds(&self, name: &str, data_type: DataType) -> Result<(Option<i64>, Option<i64>), Error> {
        let lengths = (&self.minimum_length, &self.maximum_length);
        let values = (&self.minimum_value, &self.maximum_value);
        let invalid =
            |constraints| Error::invalid_parameter(format!("Invalid {constraints} for schema attribute {name}"));
        if data_type != DataType::String && lengths != (&None, &None) {
            return Err(invalid("StringAttributeConstraints"));
        }
        if data_type != DataType::Number && values != (&None, &None) {
            return Err(invalid("NumberAttributeConstraints"));
        }
        let (bounds, constraints) = match data_type {
            DataType::Number => (values, "NumberAttributeConstraints"),
            _ => (lengths, "StringAttributeConstraints"),
        };
        let parse = |bound: &Option<String>| {
            bound.as_ref().map(|bound| bound.parse::<i64>().map_err(|_| invalid(constraints))).transpose()
        };
        let (minimum, maximum) = (parse(bounds.0)?, parse(bounds.1)?);
        if data_type == DataType::String && [minimum, maximum].into_iter().flatten().any(|length| length < 0) {
            return Err(invalid(constraints));
        }
        Ok((minimum, maximum))
    }
}

fn check_bounds(name: &str, data_type: DataType, minimum: Option<i64>, maximum: Option<i64>) -> Result<(), Error> {
    let is_string = data_type == DataType::String;
    if is_string && [minimum, maximum].into_iter().flatten().any(|length| length > STRING_LENGTH_MAX) {
        return Err(Error::invalid_parameter(format!(
            "user.{name}: String attributes cannot have a length of more than {STRING_LENGTH_MAX}"
        )));
    }
    match (minimum, maximum) {
        (Some(minimum), Some(maximum)) if maximum < minimum => {
            let measure = if is_string { "length" } else { "value" };
            Err(Error::invalid_parameter(format!("user.{name}: Max {measure} cannot be less than min {measure}.")))
        }
        _ => Ok(()),
    }
}

fn is_custom_name(name: &str) -> bool {
    let length = name.chars().count();
    (1..=CUSTOM_NAME_LENGTH_MAX).contains(&length)
        && !name.chars().any(|character| character.is_whitespace() || character.is_control())
}

/// Refuses attributes with problems, all of which are told.
fn refuse(problems: Vec<String>) -> Result<(), Error> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(Error::invalid_parameter(format!("Attributes did not conform to the schema: {}", problems.join(" "))))
}

fn check_size(attributes: &Attributes) -> Result<(), Error> {
    let bytes: usize = attributes.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ATTRIBUTES_BYTES_MAX {
        return Err(Error::invalid_parameter(format!(
            "The attributes of a user cannot have more than {ATTRIBUTES_BYTES_MAX} bytes."
        )));
    }
    Ok(())
}

fn check_addresses(attributes: &Attributes) -> Result<(), Error> {
    let value_of = |name| attributes.get(name).map(String::as_str).filter(|value: &&str| !value.is_empty());
    if value_of("email").is_some_and(|email| !is_email(email)) {
        return Err(Error::invalid_parameter("Invalid email address format."));
    }
    if value_of("phone_number").is_some_and(|phone_number| !is_phone_number(phone_number)) {
        return Err(Error::invalid_parameter("Invalid phone number format."));
    }
    Ok(())
}

/// Cognito words it differently for `name`, which it keeps as OpenID's structured name.
fn sentence_about_missing(definition: &AttributeDefinition) -> String {
    match definition.name.as_str() {
        "name" => "name.formatted: The attribute name.formatted is required".to_owned(),
        name => format!("{name}: The attribute is required"),
    }
}

/// Attributes that no user and no client writes at sign-up or later: what they say is the service's own word.
pub fn is_written_by_the_service_alone(name: &str) -> bool {
    matches!(name, "sub" | "email_verified" | "phone_number_verified")
}

struct StandardAttribute {
    name: &'static str,
    data_type: DataType,
    mutable: bool,
    required: bool,
    minimum: Option<i64>,
    maximum: Option<i64>,
}

impl StandardAttribute {
    const fn string(name: &'static str) -> Self {
        StandardAttribute {
            name,
            data_type: DataType::String,
            mutable: true,
            required: false,
            minimum: Some(0),
            maximum: Some(STRING_LENGTH_MAX),
        }
    }

    const fn boolean(name: &'static str) -> Self {
        StandardAttribute { data_type: DataType::Boolean, minimum: None, maximum: None, ..Self::string(name) }
    }

    fn definition(&self) -> AttributeDefinition {
        AttributeDefinition {
            name: self.name.to_owned(),
            data_type: self.data_type,
            mutable: self.mutable,
            required: self.required,
            minimum: self.minimum,
            maximum: self.maximum,
        }
    }
}

const STANDARD_ATTRIBUTES: [StandardAttribute; 20] = [
    StandardAttribute { mutable: false, required: true, minimum: Some(1), ..StandardAttribute::string("sub") },
    StandardAttribute::string("name"),
    StandardAttribute::string("given_name"),
    StandardAttribute::string("family_name"),
    StandardAttribute::string("middle_name"),
    StandardAttribute::string("nickname"),
    StandardAttribute::string("preferred_username"),
    StandardAttribute::string("profile"),
    StandardAttribute::string("picture"),
    StandardAttribute::string("website"),
    StandardAttribute::string("email"),
    StandardAttribute::boolean("email_verified"),
    StandardAttribute::string("gender"),
    StandardAttribute { minimum: Some(10), maximum: Some(10), ..StandardAttribute::string("birthdate") },
    StandardAttribute::string("zoneinfo"),
    StandardAttribute::string("locale"),
    StandardAttribute::string("phone_number"),
    StandardAttribute::boolean("phone_number_verified"),
    StandardAttribute::string("address"),
    StandardAttribute { data_type: DataType::Number, maximum: None, ..StandardAttribute::string("updated_at") },
];

const CUSTOM_ATTRIBUTES_MAX: usize = 50;
const CUSTOM_NAME_LENGTH_MAX: usize = 20;
const CUSTOM_PREFIX: &str = "custom:";
const STRING_LENGTH_MAX: i64 = 2048;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str) -> AttributeRequest {
        AttributeRequest { name: Some(name.to_owned()), ..AttributeRequest::default() }
    }

    fn custom(name: &str, data_type: DataType) -> AttributeRequest {
        AttributeRequest { data_type: Some(data_type), ..request(name) }
    }

    fn bound(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    fn schema_refusal(requested: Vec<AttributeRequest>) -> Option<String> {
        Schema::with(requested).err().map(|error| error.to_string())
    }

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn refusal(schema: &Schema, pairs: &[(&str, &str)]) -> Option<String> {
        schema.check_new(&attributes(pairs)).err().map(|error| error.to_string())
    }

    #[test]
    fn the_standard_schema_has_cognitos_twenty_attributes_in_order() {
        let schema = Schema::standard();
        let names: Vec<&str> = schema.definitions().map(|definition| definition.name.as_str()).collect();
        assert_eq!(
            names.join(" "),
            "sub name given_name family_name middle_name nickname preferred_username profile picture website email \
             email_verified gender birthdate zoneinfo locale phone_number phone_number_verified address updated_at"
        );
        let facts = |name| {
            let found = schema.definition(name)?;
            Some((found.data_type.name(), found.mutable, found.required, found.minimum, found.maximum))
        };
        assert_eq!(facts("sub"), Some(("String", false, true, Some(1), Some(2048))));
        assert_eq!(facts("email"), Some(("String", true, false, Some(0), Some(2048))));
        assert_eq!(facts("birthdate"), Some(("String", true, false, Some(10), Some(10))));
        assert_eq!(facts("email_verified"), Some(("Boolean", true, false, None, None)));
        assert_eq!(facts("updated_at"), Some(("Number", true, false, Some(0), None)));
        assert_eq!(facts("custom:team"), None);
    }

    #[test]
    fn a_standard_attribute_can_be_adjusted_in_place() {
        let email = AttributeRequest {
            data_type: Some(DataType::String),
            required: Some(true),
            mutable: Some(false),
            maximum_length: bound("64"),
            ..request("email")
        };
        let schema = Schema::with(vec![email]).unwrap();
        assert_eq!(schema.definitions().count(), 20);
        let email = schema.definition("email").unwrap();
        assert!(email.required && !email.mutable);
        assert_eq!((email.minimum, email.maximum), (Some(0), Some(64)));
    }

    #[test]
    fn a_custom_attribute_gets_its_prefix_and_comes_last() {
        let team = AttributeRequest { mutable: Some(true), ..custom("team", DataType::String) };
        let level = AttributeRequest {
            minimum_value: bound("-1"),
            maximum_value: bound("9"),
            ..custom("level", DataType::Number)
        };
        let schema = Schema::with(vec![team, level]).unwrap();
        let last: Vec<&AttributeDefinition> = schema.definitions().skip(20).collect();
        assert_eq!((last[0].name.as_str(), last[0].mutable, last[0].maximum), ("custom:team", true, None));
        assert_eq!(
            (last[1].name.as_str(), last[1].mutable, last[1].minimum, last[1].maximum),
            ("custom:level", false, Some(-1), Some(9))
        );
    }

    #[test]
    fn a_schema_request_that_cannot_be_met_is_refused_in_cognitos_words() {
        let refused = [
            (
                AttributeRequest { required: Some(true), ..custom("team", DataType::String) },
                "Required custom attributes are not supported currently.",
            ),
            (
                custom("email", DataType::Number),
                "You can not change AttributeDataType or set developerOnlyAttribute for \
                 standard schema attribute email",
            ),
            (request("team"), "Invalid AttributeDataType input, consider using the provided AttributeDataType enum."),
            (
                AttributeRequest { maximum_length: bound("many"), ..custom("team", DataType::String) },
                "Invalid StringAttributeConstraints for schema attribute custom:team",
            ),
            (
                AttributeRequest { minimum_length: bound("-1"), ..request("email") },
                "Invalid StringAttributeConstraints for schema attribute email",
            ),
            (
                AttributeRequest { minimum_value: bound("1.5"), ..custom("level", DataType::Number) },
                "Invalid NumberAttributeConstraints for schema attribute custom:level",
            ),
            (
                AttributeRequest { minimum_value: bound("1"), ..custom("team", DataType::String) },
                "Invalid NumberAttributeConstraints for schema attribute custom:team",
            ),
            (
                AttributeRequest { minimum_length: bound("1"), ..custom("flag", DataType::Boolean) },
                "Invalid StringAttributeConstraints for schema attribute custom:flag",
            ),
            (
                AttributeRequest { maximum_length: bound("2049"), ..request("email") },
                "user.email: String attributes cannot have a length of more than 2048",
            ),
            (
                AttributeRequest { maximum_length: bound("9"), ..request("birthdate") },
                "user.birthdate: Max length cannot be less than min length.",
            ),
            (
                AttributeRequest {
                    minimum_value: bound("2"),
                    maximum_value: bound("1"),
                    ..custom("level", DataType::Number)
                },
                "user.custom:level: Max value cannot be less than min value.",
            ),
            (
                AttributeRequest { required: Some(true), ..request("email_verified") },
                "You can not change Required or Mutable for standard schema attribute email_verified",
            ),
            (AttributeRequest::default(), "Missing required parameter Name"),
            (
                custom("a name too long for it", DataType::String),
                "Invalid name for schema attribute a name too long for it",
            ),
        ];
        for (request, message) in refused {
            assert_eq!(schema_refusal(vec![request]).as_deref(), Some(message));
        }
    }

    #[test]
    fn the_attributes_of_the_service_may_be_repeated_as_they_are() {
        let sub = AttributeRequest { mutable: Some(false), required: Some(true), ..request("sub") };
        assert_eq!(Schema::with(vec![sub]).unwrap(), Schema::standard());
    }

    #[test]
    fn a_name_can_be_requested_once() {
        let twice = vec![custom("banana", DataType::String), custom("banana", DataType::Number)];
        assert_eq!(schema_refusal(twice).as_deref(), Some("banana: Existing attribute already has name banana."));
        assert!(schema_refusal(vec![request("email"), request("email")]).is_some());
    }

    #[test]
    fn a_pool_has_at_most_fifty_custom_attributes() {
        let numbered = |count: usize| (0..count).map(|number| custom(&format!("a{number}"), DataType::String));
        assert_eq!(schema_refusal(numbered(50).collect()), None);
        assert!(schema_refusal(numbered(51).collect()).is_some());
    }

    #[test]
    fn well_formed_attributes_are_accepted() {
        let given = [
            ("email", "alice@example.com"),
            ("phone_number", "+15555550100"),
            ("birthdate", "2000-01-01"),
            ("updated_at", "1767762369"),
            ("name", "Alice"),
        ];
        assert_eq!(refusal(&Schema::standard(), &given), None);
        assert_eq!(refusal(&Schema::standard(), &[]), None);
    }

    #[test]
    fn an_attribute_outside_the_schema_is_refused() {
        assert_eq!(
            refusal(&Schema::standard(), &[("custom:x", "1")]).as_deref(),
            Some("Attributes did not conform to the schema: custom:x: Attribute does not exist in the schema.")
        );
        assert!(refusal(&Schema::standard(), &[("custom:x", "")]).is_some());
    }

    #[test]
    fn malformed_addresses_are_refused() {
        let schema = Schema::standard();
        assert_eq!(refusal(&schema, &[("email", "alice")]).as_deref(), Some("Invalid email address format."));
        assert_eq!(refusal(&schema, &[("phone_number", "555")]).as_deref(), Some("Invalid phone number format."));
    }

    #[test]
    fn every_required_attribute_must_have_a_value() {
        let required = |name| AttributeRequest { required: Some(true), ..request(name) };
        let schema = Schema::with(vec![required("name"), required("family_name"), required("email")]).unwrap();
        assert_eq!(
            refusal(&schema, &[("family_name", "")]).as_deref(),
            Some(
                "Attributes did not conform to the schema: name.formatted: The attribute name.formatted is required \
                 family_name: The attribute is required email: The attribute is required"
            )
        );
        assert_eq!(refusal(&schema, &[("name", "A"), ("family_name", "B"), ("email", "a@b.c")]), None);
    }

    #[test]
    fn values_have_the_type_of_their_attribute() {
        let schema = Schema::with(vec![
            custom("flag", DataType::Boolean),
            custom("level", DataType::Number),
            custom("since", DataType::DateTime),
        ])
        .unwrap();
        let good = [
            ("custom:flag", "TRUE"),
            ("custom:flag", "false"),
            ("custom:level", "-5"),
            ("custom:level", "+5"),
            ("custom:level", "9223372036854775807"),
            ("custom:since", "2026-01-07T05:06:09Z"),
            ("custom:since", "2026-01-07T05:06:09.5+02:00"),
            ("custom:since", "1767762369"),
            ("custom:level", ""),
        ];
        for pair in good {
            assert_eq!(refusal(&schema, &[pair]), None, "{pair:?}");
        }
        let bad = [
            ("custom:flag", "yes"),
            ("custom:level", "1.5"),
            ("custom:level", " 1"),
            ("custom:level", "9223372036854775808"),
            ("custom:since", "2026-01-07"),
            ("custom:since", "2026-01-07 05:06:09Z"),
            ("custom:since", "2026-01-07T05:06:09"),
            ("custom:since", "2026-01-07T05:06:09Z[UTC]"),
            ("custom:since", "99999999999999999999"),
            ("custom:since", "yesterday"),
        ];
        for pair in bad {
            assert!(refusal(&schema, &[pair]).is_some(), "{pair:?}");
        }
    }

    #[test]
    fn values_stay_within_the_bounds_of_their_attribute() {
        let schema = Schema::with(vec![
            AttributeRequest {
                minimum_length: bound("2"),
                maximum_length: bound("3"),
                ..custom("code", DataType::String)
            },
            AttributeRequest {
                minimum_value: bound("2"),
                maximum_value: bound("3"),
                ..custom("level", DataType::Number)
            },
            custom("free", DataType::String),
        ])
        .unwrap();
        let (longest, too_long) = ("é".repeat(2048), "x".repeat(2049));
        for pair in [
            ("custom:code", "éé"),
            ("custom:code", "abc"),
            ("custom:level", "2"),
            ("custom:level", "3"),
            ("custom:free", longest.as_str()),
        ] {
            assert_eq!(refusal(&schema, &[pair]), None);
        }
        for pair in [
            ("custom:code", "é"),
            ("custom:code", "abcd"),
            ("custom:level", "1"),
            ("custom:level", "4"),
            ("custom:free", too_long.as_str()),
            ("birthdate", "2000-1-1"),
            ("birthdate", "2000-01-011"),
        ] {
            assert!(refusal(&schema, &[pair]).is_some());
        }
        assert_eq!(
            refusal(&schema, &[("custom:level", "4")]).as_deref(),
            Some("Attributes did not conform to the schema: custom:level: The value must be less than or equal to 3.")
        );
    }

    #[test]
    fn the_attributes_of_a_user_have_a_size_limit() {
        let requested = (0..30).map(|number| custom(&format!("{number:02}"), DataType::String)).collect();
        let schema = Schema::with(requested).unwrap();
        // 24 × (9 bytes of name + 2039 bytes of value) are exactly the limit.
        let mut given: Attributes = (0..24).map(|number| (format!("custom:{number:02}"), "x".repeat(2039))).collect();
        assert!(schema.check_new(&given).is_ok());
        given.insert("custom:00".to_owned(), "x".repeat(2040));
        assert!(schema.check_new(&given).is_err());
    }

    #[test]
    fn only_three_attributes_belong_to_the_service() {
        let schema = Schema::standard();
        let names = schema.definitions().map(|definition| definition.name.as_str());
        let of_the_service: Vec<&str> = names.filter(|name| is_written_by_the_service_alone(name)).collect();
        assert_eq!(of_the_service, ["sub", "email_verified", "phone_number_verified"]);
    }
}
