//! What the service does: one folder for each area, one file for each operation, named after it.
//!
//! A file holds the operation's `run` and the helpers that only it uses. What several operations of an area share stands in
//! the area's `mod.rs`; what several areas share, in [`crate::context`] or, if it is a rule, in [`crate::domain`].

/// Declares `Settings`: what can be changed of a pool or a client, taken from whichever request brings it. The requests
/// have members of the same names, so that an update that leaves one out means just what a creation without it does.
macro_rules! settings {
    ($($request:ident),*: $members:tt) => {
        settings! { struct $members }
        $(settings! { from $request $members })*
    };
    (struct { $($member:ident: $kind:ty,)* }) => {
        /// The settings as they were asked for. What is absent takes its default.
        pub struct Settings { $($member: $kind,)* }
    };
    (from $request:ident { $($member:ident: $kind:ty,)* }) => {
        impl From<&api::$request> for Settings {
            fn from(request: &api::$request) -> Self {
                let api::$request { $($member,)* .. } = request.clone();
                Settings { $($member,)* }
            }
        }
    };
}

mod account;
mod clients;
mod devices;
mod groups;
mod mfa;
mod passkeys;
mod passwords;
mod pools;
mod sessions;
mod sign_in;
mod sign_up;
mod tags;
mod tokens;
mod users;

use std::collections::BTreeMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::api::json::Named as _;
use crate::api::{self, auth_factor, delivery_medium};
use crate::context::Cx;
use crate::context::pools::Pool;
use crate::context::users::{User, status_name};
use crate::context::verification::Sent;
use crate::domain::attributes::{Attributes, is_verified};
use crate::domain::sign_in::{Means, SecondFactor};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::UserStatus;

/// A time of a record as the contract has it.
fn timestamp(milliseconds: i64) -> Option<prost_types::Timestamp> {
    let nanos = i32::try_from(milliseconds.rem_euclid(1000)).unwrap_or_default() * 1_000_000;
    Some(prost_types::Timestamp { seconds: milliseconds.div_euclid(1000), nanos })
}

/// A user's attributes as a list, `sub` first.
fn attribute_list(user: &User, readable: impl Fn(&str) -> bool) -> Vec<api::Attribute> {
    let sub = ("sub", &user.record.sub);
    let attributes = user.record.attributes.iter().map(|(name, value)| (name.as_str(), value));
    let list = std::iter::once(sub).chain(attributes.filter(|(name, _)| readable(name)));
    list.map(|(name, value)| api::Attribute { name: Some(name.to_owned()), value: Some(value.clone()) }).collect()
}

/// A user as operators see them in a list.
fn listed_user(user: &User, attributes: Vec<api::Attribute>) -> api::User {
    let record = &user.record;
    api::User {
        username: Some(record.username.clone()),
        attributes,
        user_create_date: timestamp(record.created_at),
        user_last_modified_date: timestamp(record.modified_at),
        enabled: Some(record.enabled),
        user_status: api::user_status::Value::number_of(status_name(record.status())),
        mfa_options: mfa_options(user),
    }
}

/// Codes by text message, if they are on, as older clients are told of them.
fn mfa_options(user: &User) -> Vec<api::MfaOption> {
    let sms = user.second_factors().contains(&SecondFactor::Sms).then(|| api::MfaOption {
        delivery_medium: Some(delivery_medium::Value::Sms.into()),
        attribute_name: Some(Alias::PhoneNumber.attribute().to_owned()),
    });
    sms.into_iter().collect()
}

fn preferred_mfa_setting(user: &User) -> Option<String> {
    user.preferred_second_factor().map(|factor| factor.name().to_owned())
}

fn user_mfa_setting_list(user: &User) -> Vec<String> {
    user.second_factors().into_iter().map(|factor| factor.name().to_owned()).collect()
}

/// By what means a user can begin a sign-in, and whether an authenticator app can add to it.
async fn auth_factors(cx: &Cx<'_>, pool: &Pool, user: &User) -> Result<Vec<i32>, Error> {
    let (record, attributes) = (&user.record, user.attributes());
    // Whoever has a temporary password begins by that alone.
    let takes = |alias| {
        let is_proved = is_verified(alias, &attributes) && record.status() != UserStatus::ForceChangePassword;
        user.address(alias).is_some() && is_proved
    };
    let means = Means {
        // A password that an operator has voided proves nothing until a code sets another.
        has_password: !record.password_hash.is_empty() && record.status() != UserStatus::ResetRequired,
        // Here it is all the same by which way a password is proved.
        has_srp: false,
        takes_email: takes(Alias::Email),
        takes_sms: takes(Alias::PhoneNumber),
        has_passkey: !cx.usable_passkeys(pool, user).await?.is_empty()
            && record.status() != UserStatus::ForceChangePassword,
        passkey_stands_for_second_factor: pool.passkey_rules().is_some_and(|rules| rules.stands_for_second_factor),
        needs_second_factor: user.standing(pool).needs_second_factor(),
    };
    let first = means.available(&pool.record.first_auth_factors);
    let first = first.into_iter().filter_map(|factor| auth_factor::Value::number_of(factor.auth_factor()));
    let has_app = cx.software_token(&user.owner).await?.is_verified();
    Ok(first.chain(has_app.then(|| auth_factor::Value::SoftwareToken.into())).collect())
}

/// How many entries a page has, by the Limit that was asked for.
fn page_size(limit: Option<i32>) -> usize {
    const PAGE_DEFAULT: usize = 60;
    limit.and_then(|limit| usize::try_from(limit).ok()).filter(|limit| *limit > 0).unwrap_or(PAGE_DEFAULT)
}

/// The attributes that a request gives, each once. Whether the caller may give them is not asked here.
fn given_attributes(list: &[api::Attribute]) -> Result<Attributes, Error> {
    let mut attributes = Attributes::new();
    for attribute in list {
        let (name, value) = (attribute.name(), attribute.value());
        if attributes.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(Error::invalid_parameter(format!("The attribute {name} is given more than once.")));
        }
    }
    Ok(attributes)
}

/// What a request brings for the trigger before a sign-up. Of a name that is given twice, the last value counts.
fn validation_data(list: &[api::Attribute]) -> BTreeMap<&str, &str> {
    list.iter().map(|attribute| (attribute.name(), attribute.value())).collect()
}

/// Where a code went, as the caller is told.
fn code_delivery_details(sent: Sent) -> api::CodeDeliveryDetails {
    let medium = match sent.attribute {
        Alias::PhoneNumber => delivery_medium::Value::Sms,
        Alias::Email | Alias::PreferredUsername => delivery_medium::Value::Email,
    };
    api::CodeDeliveryDetails {
        destination: Some(sent.masked_destination),
        delivery_medium: Some(medium.into()),
        attribute_name: Some(sent.attribute.attribute().to_owned()),
    }
}

/// The token of a page that ends with the record of this id.
fn page_token(last_id: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(last_id)
}

/// The id after which the next page begins.
fn page_after(token: &str) -> Result<String, Error> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(invalid_page_token)
}

/// The refusal of a page token that this server did not give.
fn invalid_page_token() -> Error {
    Error::invalid_parameter("Invalid pagination token given.")
}

/// Refuses the member of this name if it asks for what the server does not do.
fn honour(member: &'static str, asked_for_more: bool) -> Result<(), Error> {
    if asked_for_more { Err(Error::NotHonoured(member.into())) } else { Ok(()) }
}
