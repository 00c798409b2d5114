//! `PreAuthentication`: before a sign-in that somebody begins is looked into any further.
//!
//! Where it is hidden who exists, the function is asked about every name alike, and told whether somebody bears it. Otherwise
//! it hears only of users who may sign in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cx, told_attributes};
use crate::context::clients::Client;
use crate::context::users::User;
use crate::domain::attributes::Attributes;
use crate::error::Error;
use crate::triggers::Trigger;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PreAuthentication<'a> {
    user_attributes: Attributes,
    validation_data: Option<BTreeMap<&'a str, &'a str>>,
    /// Said where it is hidden who exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_not_found: Option<bool>,
}

/// It refuses by failing.
#[derive(Deserialize)]
struct Let {}

impl Trigger for PreAuthentication<'_> {
    const NAME: &'static str = "PreAuthentication";
    type Response = Let;

    fn source(&self) -> &'static str {
        "PreAuthentication_Authentication"
    }

    fn prefilled(&self) -> Value {
        json!({})
    }
}

impl Cx<'_> {
    /// Asks whether a sign-in by this name may begin; `user` is whoever bears it.
    pub async fn before_sign_in(&self, client: &Client, name: &str, user: Option<&User>) -> Result<(), Error> {
        let pool = &client.pool;
        let Some(arn) = pool.trigger(|triggers| triggers.pre_authentication.as_ref()) else { return Ok(()) };
        let trigger = PreAuthentication {
            user_attributes: user.map(told_attributes).unwrap_or_default(),
            validation_data: self.validation_data(),
            user_not_found: client.hides_user_existence().then_some(user.is_none()),
        };
        let username = user.map_or(name, |user| &user.record.username);
        self.ask(pool, arn, (username, Some(&client.id.0)), &trigger).await.map(|Let {}| ())
    }
}
