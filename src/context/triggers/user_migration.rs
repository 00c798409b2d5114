//! `UserMigration`: about a name that nobody has, when its password is given or said to be forgotten.
//!
//! A function that fails, or says nothing, knows no such user either.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Cx;
use crate::context::clients::Client;
use crate::crypto::secret::Secret;
use crate::domain::attributes::Attributes;
use crate::error::Error;
use crate::triggers::Trigger;

/// When it is asked.
#[derive(Clone, Copy)]
pub enum Moment<'a> {
    /// A sign-in by this password.
    SignIn(&'a Secret<String>),
    ForgottenPassword,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserMigration<'a> {
    #[serde(skip)]
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    validation_data: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_metadata: Option<BTreeMap<&'a str, &'a str>>,
}

/// What a function knows of a user.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Migrated {
    /// Among them, as `username`, perhaps a username that is not the name which was typed.
    pub user_attributes: Option<Attributes>,
    /// `CONFIRMED`, or `RESET_REQUIRED`, which is the default.
    pub final_user_status: Option<String>,
    pub message_action: Option<String>,
    pub desired_delivery_mediums: Option<Vec<String>>,
    pub force_alias_creation: Option<bool>,
    #[serde(rename = "enableSMSMFA")]
    pub enable_sms_mfa: Option<bool>,
}

impl Trigger for UserMigration<'_> {
    const NAME: &'static str = "UserMigration";
    type Response = Migrated;

    fn source(&self) -> &'static str {
        self.source
    }

    fn prefilled(&self) -> Value {
        json!({
            "userAttributes": null,
            "forceAliasCreation": null,
            "finalUserStatus": null,
            "messageAction": null,
            "desiredDeliveryMediums": null,
            "enableSMSMFA": null,
        })
    }
}

impl Client {
    /// Whether the pool asks for users whom it does not have.
    pub fn asks_for_users(&self) -> bool {
        self.pool.trigger(|triggers| triggers.user_migration.as_ref()).is_some()
    }
}

impl Cx<'_> {
    /// What the pool's function knows of this name; nothing, if it knows nothing.
    pub async fn known_elsewhere(
        &self,
        client: &Client,
        name: &str,
        moment: Moment<'_>,
    ) -> Result<Option<Migrated>, Error> {
        let pool = &client.pool;
        let Some(arn) = pool.trigger(|triggers| triggers.user_migration.as_ref()) else { return Ok(None) };
        let (source, password) = match moment {
            Moment::SignIn(password) => ("UserMigration_Authentication", Some(password.expose().as_str())),
            Moment::ForgottenPassword => ("UserMigration_ForgotPassword", None),
        };
        let (validation_data, client_metadata) = (self.validation_data(), self.client_metadata());
        let trigger = UserMigration { source, password, validation_data, client_metadata };
        match self.ask(pool, arn, (name, Some(&client.id.0)), &trigger).await {
            Ok(migrated) => Ok(Some(migrated).filter(|Migrated { user_attributes, .. }| {
                user_attributes.as_ref().is_some_and(|attributes| !attributes.is_empty())
            })),
            Err(failure) if failure.is_of_trigger() => Ok(None),
            Err(other) => Err(other),
        }
    }
}
