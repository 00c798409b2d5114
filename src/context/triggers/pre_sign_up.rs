//! `PreSignUp`: before somebody becomes a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Cx;
use crate::context::pools::Pool;
use crate::domain::attributes::Attributes;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::triggers::Trigger;

/// Who is to become a user, and how.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreSignUp<'a> {
    #[serde(skip)]
    source: &'static str,
    user_attributes: &'a Attributes,
    validation_data: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_metadata: Option<BTreeMap<&'a str, &'a str>>,
}

/// What the function decides.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Decision {
    auto_confirm_user: Option<bool>,
    auto_verify_email: Option<bool>,
    auto_verify_phone: Option<bool>,
}

impl Trigger for PreSignUp<'_> {
    const NAME: &'static str = "PreSignUp";
    type Response = Decision;

    fn source(&self) -> &'static str {
        self.source
    }

    fn prefilled(&self) -> Value {
        json!({ "autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false })
    }
}

/// What a user begins with, as the pool's function has it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Beginnings {
    pub is_confirmed: bool,
    /// The addresses that are verified; the user has each.
    pub verified: Vec<Alias>,
}

/// Whoever is to become a user.
pub struct Newcomer<'a> {
    pub username: &'a str,
    /// As they were given.
    pub attributes: &'a Attributes,
    /// What was sent along for this trigger alone.
    pub validation_data: BTreeMap<&'a str, &'a str>,
}

impl Cx<'_> {
    /// Somebody signs up through a client.
    pub async fn before_sign_up(&self, pool: &Pool, client: &str, newcomer: Newcomer<'_>) -> Result<Beginnings, Error> {
        let attributes = newcomer.attributes;
        let decision = self.pre_sign_up(pool, Some(client), "PreSignUp_SignUp", newcomer).await?;
        let mut verified = Vec::new();
        for (member, alias, is_verified) in [
            ("autoVerifyEmail", Alias::Email, decision.auto_verify_email),
            ("autoVerifyPhone", Alias::PhoneNumber, decision.auto_verify_phone),
        ] {
            if is_verified != Some(true) {
                continue;
            }
            if !attributes.contains_key(alias.attribute()) {
                let message = format!("{member} is set, but the user has no {}.", alias.attribute());
                return Err(Error::TriggerAnswerUnusable(message.into()));
            }
            verified.push(alias);
        }
        Ok(Beginnings { is_confirmed: decision.auto_confirm_user == Some(true), verified })
    }

    /// An operator creates a user. The function can but refuse: what else it says is the operator's to decide.
    pub async fn before_creation(&self, pool: &Pool, newcomer: Newcomer<'_>) -> Result<(), Error> {
        self.pre_sign_up(pool, None, "PreSignUp_AdminCreateUser", newcomer).await.map(drop)
    }

    async fn pre_sign_up(
        &self,
        pool: &Pool,
        client: Option<&str>,
        source: &'static str,
        newcomer: Newcomer<'_>,
    ) -> Result<Decision, Error> {
        let Some(arn) = pool.trigger(|triggers| triggers.pre_sign_up.as_ref()) else { return Ok(Decision::default()) };
        let Newcomer { username, attributes: user_attributes, validation_data } = newcomer;
        let validation_data = Some(validation_data).filter(|data| !data.is_empty());
        let trigger = PreSignUp { source, user_attributes, validation_data, client_metadata: self.client_metadata() };
        self.ask(pool, arn, (username, client), &trigger).await
    }
}
