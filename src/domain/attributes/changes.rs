//! Changing the attributes of a user who exists: what may change, and what changes with it.

use super::{AttributeDefinition, Attributes, Schema, check_addresses, check_size, refuse, sentence_about_missing};
use crate::domain::usernames::Alias;
use crate::error::Error;

impl Schema {
    /// The attributes of a new user whom an operator creates, verified flags among them. What the pool requires may be absent:
    /// the user gives it at the first sign-in.
    pub fn created(&self, given: &Attributes) -> Result<Attributes, Error> {
        if given.contains_key("sub") {
            return Err(cannot_be_updated("sub"));
        }
        self.written_over(&Attributes::new(), given)
    }

    /// The attributes `before`, with the given values written over them; an empty value clears. Refuses what
    /// [`Schema::check_new`] would, and what cannot be updated.
    pub fn updated(&self, before: &Attributes, given: &Attributes) -> Result<Attributes, Error> {
        self.refuse_immutable(given.keys())?;
        let after = self.written_over(before, given)?;
        self.refuse_lost(before, &after)?;
        Ok(after)
    }

    /// The attributes `before`, with what a user gives at the first sign-in: nothing that is there already, and all that the
    /// pool requires. What is required can be given though it cannot be updated: it has never been there.
    pub fn completed(&self, before: &Attributes, given: &Attributes) -> Result<Attributes, Error> {
        if let Some(name) = given.keys().find(|name| before.contains_key(*name)) {
            return Err(Error::AttributeAlreadyProvided(name.clone()));
        }
        let is_missing = |name: &str| self.missing(before).any(|definition| definition.name == name);
        self.refuse_immutable(given.keys().filter(|name| !is_missing(name)))?;
        let after = self.written_over(before, given)?;
        if let Some(AttributeDefinition { name, .. }) = self.missing(&after).next() {
            return Err(Error::invalid_parameter(format!("Invalid attributes given, {name} is missing")));
        }
        Ok(after)
    }

    fn written_over(&self, before: &Attributes, given: &Attributes) -> Result<Attributes, Error> {
        check_addresses(given)?;
        refuse(given.iter().filter_map(|(name, value)| self.problem_with(name, value)).collect())?;
        let mut after = before.clone();
        after.extend(given.clone());
        after.retain(|_, value| !value.is_empty());
        for address in [Alias::Email, Alias::PhoneNumber] {
            settle_verified_flag(address, before, given, &mut after)?;
        }
        check_size(&after)?;
        Ok(after)
    }

    /// The attributes `before` without those of these names. One that is not there is no error.
    pub fn without(&self, before: &Attributes, names: &[String]) -> Result<Attributes, Error> {
        let unknown: String = names
            .iter()
            .filter(|name| self.definition(name).is_none())
            .map(|name| format!("user.{name}: Attribute does not exist in the schema.\n"))
            .collect();
        if !unknown.is_empty() {
            return Err(Error::invalid_parameter(format!("Invalid user attributes: {unknown}")));
        }
        self.refuse_immutable(names)?;
        let mut after = before.clone();
        after.retain(|name, _| !names.contains(name));
        for address in [Alias::Email, Alias::PhoneNumber] {
            settle_verified_flag(address, before, &Attributes::new(), &mut after)?;
        }
        self.refuse_lost(before, &after)?;
        Ok(after)
    }

    /// An immutable attribute has the value that it got when the user came into being, or none for ever.
    fn refuse_immutable<'a>(&self, names: impl IntoIterator<Item = &'a String>) -> Result<(), Error> {
        let is_immutable = |name: &str| self.definition(name).is_some_and(|definition| !definition.mutable);
        match names.into_iter().find(|name| is_immutable(name)) {
            Some(name) => Err(cannot_be_updated(name)),
            None => Ok(()),
        }
    }

    /// A required attribute that is there stays; one that the user is yet to give is no matter here.
    fn refuse_lost(&self, before: &Attributes, after: &Attributes) -> Result<(), Error> {
        let lost = self.missing(after).filter(|definition| before.contains_key(&definition.name));
        refuse(lost.map(sentence_about_missing).collect())
    }
}

fn cannot_be_updated(name: &str) -> Error {
    Error::invalid_parameter(format!("user.{name}: Attribute cannot be updated."))
}

/// Whoever has an address has its flag. It says of this very address that it is verified: another address loses it, unless
/// the flag is given with it.
fn settle_verified_flag(
    address: Alias,
    before: &Attributes,
    given: &Attributes,
    after: &mut Attributes,
) -> Result<(), Error> {
    let (name, flag) = (address.attribute(), address.verified_flag());
    let said_verified =
        given.get(&flag).filter(|value| !value.is_empty()).map(|value| value.eq_ignore_ascii_case("true"));
    let Some(value) = after.get(name) else {
        if said_verified == Some(true) {
            return Err(Error::invalid_parameter(format!("{flag} cannot be true without a value of {name}.")));
        }
        after.remove(&flag);
        return Ok(());
    };
    let still_verified = before.get(name) == Some(value) && is_verified(address, after);
    after.insert(flag, said_verified.unwrap_or(still_verified).to_string());
    Ok(())
}

/// The addresses that a user has `after` but had not `before`, and that nobody says are verified.
pub fn unverified_news(before: &Attributes, after: &Attributes) -> Vec<Alias> {
    let is_news = |address: &Alias| {
        let value = after.get(address.attribute());
        value.is_some() && value != before.get(address.attribute()) && !is_verified(*address, after)
    };
    [Alias::Email, Alias::PhoneNumber].into_iter().filter(is_news).collect()
}

/// Puts the address and its flag back to what they were `before`.
pub fn keep_address(address: Alias, before: &Attributes, after: &mut Attributes) {
    for name in [address.attribute().to_owned(), address.verified_flag()] {
        match before.get(&name) {
            Some(value) => after.insert(name, value.clone()),
            None => after.remove(&name),
        };
    }
}

/// Whether the address of this kind is verified.
pub fn is_verified(address: Alias, attributes: &Attributes) -> bool {
    attributes.get(&address.verified_flag()).is_some_and(|flag| flag == "true")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attributes::{AttributeRequest, DataType};

    fn schema() -> Schema {
        let custom = |name: &str, mutable| AttributeRequest {
            name: Some(name.to_owned()),
            data_type: Some(DataType::String),
            mutable: Some(mutable),
            ..AttributeRequest::default()
        };
        let required =
            |name: &str| AttributeRequest { name: Some(name.to_owned()), required: Some(true), ..Default::default() };
        Schema::with(vec![custom("team", true), custom("badge", false), required("email"), required("name")]).unwrap()
    }

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn alice() -> Attributes {
        attributes(&[("email", "a@example.com"), ("email_verified", "true"), ("name", "Alice"), ("custom:badge", "7")])
    }

    fn with(pairs: &[(&str, &str)]) -> Attributes {
        let mut all = alice();
        all.extend(attributes(pairs));
        all.retain(|_, value| !value.is_empty());
        all
    }

    fn updated(given: &[(&str, &str)]) -> Result<Attributes, String> {
        schema().updated(&alice(), &attributes(given)).map_err(|error| error.to_string())
    }

    fn without(names: &[&str]) -> Result<Attributes, String> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        schema().without(&alice(), &names).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_given_is_written_over_what_was_there_and_an_empty_value_clears() {
        assert_eq!(updated(&[]), Ok(alice()));
        assert_eq!(
            updated(&[("custom:team", "red"), ("name", "Al")]),
            Ok(with(&[("custom:team", "red"), ("name", "Al")]))
        );
        assert_eq!(updated(&[("custom:team", ""), ("nickname", "")]), Ok(alice()));
    }

    #[test]
    fn a_flag_is_of_the_address_that_it_was_given_for() {
        for (given, email, flag) in [
            (&[("email", "a@example.com")][..], "a@example.com", "true"),
            (&[("email", "b@example.com")], "b@example.com", "false"),
            (&[("email", "A@example.com")], "A@example.com", "false"),
            (&[("email", "b@example.com"), ("email_verified", "TRUE")], "b@example.com", "true"),
            (&[("email", "b@example.com"), ("email_verified", "")], "b@example.com", "false"),
            (&[("email_verified", "false")], "a@example.com", "false"),
            (&[("email_verified", "")], "a@example.com", "false"),
        ] {
            assert_eq!(updated(given), Ok(with(&[("email", email), ("email_verified", flag)])), "{given:?}");
        }
        let with_phone = [("phone_number", "+15550100"), ("phone_number_verified", "false")];
        assert_eq!(updated(&with_phone[..1]), Ok(with(&with_phone)));
        assert_eq!(updated(&[("phone_number_verified", "false")]), Ok(alice()));
        assert_eq!(
            updated(&[("phone_number_verified", "true")]),
            Err("phone_number_verified cannot be true without a value of phone_number.".to_owned())
        );
        assert_eq!(without(&["email_verified"]), Ok(with(&[("email_verified", "false")])));
        let before = with(&[("phone_number", "+15550100"), ("phone_number_verified", "true")]);
        assert_eq!(schema().without(&before, &["phone_number".to_owned()]).unwrap(), alice());
        assert_eq!(schema().updated(&before, &attributes(&[("phone_number", "")])).unwrap(), alice());
    }

    #[test]
    fn an_address_is_news_if_its_value_is_another_and_unverified() {
        for (given, news) in [
            (&[("email", "a@example.com"), ("name", "Al")][..], &[][..]),
            (&[("email", "b@example.com"), ("phone_number", "+15550100")], &[Alias::Email, Alias::PhoneNumber]),
            (&[("email", "b@example.com"), ("email_verified", "true")], &[]),
            (&[("email_verified", "false")], &[]),
        ] {
            let after = updated(given).unwrap();
            assert_eq!(unverified_news(&alice(), &after), news, "{given:?}");
            let mut kept = after.clone();
            news.iter().for_each(|address| keep_address(*address, &alice(), &mut kept));
            assert_eq!(unverified_news(&alice(), &kept), []);
            assert_eq!(news.is_empty(), kept == after, "{given:?}");
        }
        let mut after = updated(&[("phone_number", "+15550100"), ("email", "b@example.com"), ("name", "Al")]).unwrap();
        [Alias::Email, Alias::PhoneNumber].iter().for_each(|address| keep_address(*address, &alice(), &mut after));
        assert_eq!(after, with(&[("name", "Al")]));
    }

    #[test]
    fn what_may_not_be_changed_is_refused_in_cognitos_words() {
        for (given, sentence) in [
            (
                ("custom:shoe", "44"),
                "Attributes did not conform to the schema: custom:shoe: Attribute does not exist in the schema.",
            ),
            (
                ("custom:shoe", ""),
                "Attributes did not conform to the schema: custom:shoe: Attribute does not exist in the schema.",
            ),
            (
                ("birthdate", "1999"),
                "Attributes did not conform to the schema: birthdate: The length of the value must be greater than or equal to 10.",
            ),
            (("custom:badge", "8"), "user.custom:badge: Attribute cannot be updated."),
            (("custom:badge", ""), "user.custom:badge: Attribute cannot be updated."),
            (("sub", "x"), "user.sub: Attribute cannot be updated."),
            (("email", ""), "Attributes did not conform to the schema: email: The attribute is required"),
            (
                ("name", ""),
                "Attributes did not conform to the schema: name.formatted: The attribute name.formatted is required",
            ),
            (("email", "nowhere"), "Invalid email address format."),
            (("phone_number", "0100"), "Invalid phone number format."),
        ] {
            assert_eq!(updated(&[given]), Err(sentence.to_owned()), "{given:?}");
        }
        for (names, sentence) in [
            (
                &["custom:shoe", "custom:hat"][..],
                "Invalid user attributes: user.custom:shoe: Attribute does not exist in the schema.\nuser.custom:hat: Attribute does not exist in the schema.\n",
            ),
            (&["custom:badge"], "user.custom:badge: Attribute cannot be updated."),
            (&["sub"], "user.sub: Attribute cannot be updated."),
            (&["email"], "Attributes did not conform to the schema: email: The attribute is required"),
        ] {
            assert_eq!(without(names), Err(sentence.to_owned()), "{names:?}");
        }
    }

    #[test]
    fn an_operator_creates_a_user_with_what_there_is_and_flags_for_each_address() {
        let created = |given: &[(&str, &str)]| schema().created(&attributes(given)).map_err(|error| error.to_string());
        assert_eq!(created(&[]), Ok(Attributes::new()));
        assert_eq!(
            created(&[("email", "a@example.com"), ("custom:badge", "7"), ("nickname", "")]),
            Ok(attributes(&[("email", "a@example.com"), ("email_verified", "false"), ("custom:badge", "7")]))
        );
        let verified = [("email", "a@example.com"), ("email_verified", "true")];
        assert_eq!(created(&verified), Ok(attributes(&verified)));
        assert_eq!(created(&verified[1..]), Err("email_verified cannot be true without a value of email.".to_owned()));
        assert_eq!(created(&[("sub", "x")]), Err("user.sub: Attribute cannot be updated.".to_owned()));
        assert_eq!(created(&[("email", "nowhere")]), Err("Invalid email address format.".to_owned()));
    }

    #[test]
    fn what_a_user_has_yet_to_give_stands_in_no_operators_way() {
        let unfinished = attributes(&[("email", "a@example.com"), ("email_verified", "false"), ("custom:team", "red")]);
        let after = schema().updated(&unfinished, &attributes(&[("nickname", "Al")])).unwrap();
        assert_eq!(after.get("nickname").map(String::as_str), Some("Al"));
        assert!(schema().without(&unfinished, &["custom:team".to_owned()]).is_ok());
        assert!(schema().without(&unfinished, &["email".to_owned()]).is_err());
    }

    #[test]
    fn a_first_sign_in_gives_all_that_is_missing_and_nothing_that_is_there() {
        let before = attributes(&[("email", "a@example.com"), ("email_verified", "true"), ("custom:badge", "7")]);
        let completed =
            |given: &[(&str, &str)]| schema().completed(&before, &attributes(given)).map_err(|error| error.to_string());
        assert_eq!(completed(&[]), Err("Invalid attributes given, name is missing".to_owned()));
        assert_eq!(completed(&[("name", "Alice")]), Ok(alice()));
        assert_eq!(completed(&[("name", "Alice"), ("custom:team", "red")]), Ok(with(&[("custom:team", "red")])));
        for (name, refused) in [
            ("email", "Cannot modify an already provided email"),
            ("custom:badge", "Cannot modify an already provided custom:badge"),
            ("sub", "user.sub: Attribute cannot be updated."),
            (
                "custom:shoe",
                "Attributes did not conform to the schema: custom:shoe: Attribute does not exist in the schema.",
            ),
        ] {
            assert_eq!(completed(&[("name", "Alice"), (name, "a@example.com")]), Err(refused.to_owned()), "{name}");
        }
        // Immutable, it may be given now or never: now, if the pool requires it.
        let mut definitions: Vec<_> = schema().definitions().cloned().collect();
        for definition in definitions.iter_mut().filter(|each| ["name", "nickname"].contains(&each.name.as_str())) {
            definition.mutable = false;
        }
        let strict = Schema::kept(definitions);
        assert_eq!(strict.completed(&before, &attributes(&[("name", "Alice")])).unwrap(), alice());
        assert!(strict.completed(&before, &attributes(&[("name", "Alice"), ("nickname", "Al")])).is_err());
    }

    #[test]
    fn all_attributes_together_are_bounded() {
        let mut definitions: Vec<_> = schema().definitions().cloned().collect();
        let template = schema().definition("custom:team").unwrap().clone();
        definitions.extend(
            (0..30).map(|number| super::super::AttributeDefinition {
                name: format!("custom:{number}"),
                ..template.clone()
            }),
        );
        let wide = Schema::kept(definitions);
        let long = "x".repeat(2048);
        let mut all = alice();
        for number in 0..30 {
            match wide.updated(&all, &attributes(&[(&format!("custom:{number}"), &long)])) {
                Ok(more) => all = more,
                Err(refused) => {
                    assert_eq!(refused.to_string(), "The attributes of a user cannot have more than 49152 bytes.");
                    assert_eq!(number, 23);
                    return;
                }
            }
        }
        panic!("attributes grew without end");
    }
}
