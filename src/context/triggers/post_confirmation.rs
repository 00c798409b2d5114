//! `PostConfirmation`: a user was confirmed, or has set a new password by a code. What has happened stays, whatever the function
//! says; only the caller hears of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cx, told_attributes};
use crate::context::pools::Pool;
use crate::context::users::User;
use crate::domain::attributes::Attributes;
use crate::error::Error;
use crate::triggers::Trigger;

/// By what a user was confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// A code, an operator, or the function that was asked before the sign-up.
    SignUp,
    /// A code for a forgotten password.
    ForgotPassword,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PostConfirmation<'a> {
    #[serde(skip)]
    confirmation: Confirmation,
    user_attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_metadata: Option<BTreeMap<&'a str, &'a str>>,
}

/// Nothing is decided.
#[derive(Deserialize)]
struct Heard {}

impl Trigger for PostConfirmation<'_> {
    const NAME: &'static str = "PostConfirmation";
    type Response = Heard;

    fn source(&self) -> &'static str {
        match self.confirmation {
            Confirmation::SignUp => "PostConfirmation_ConfirmSignUp",
            Confirmation::ForgotPassword => "PostConfirmation_ConfirmForgotPassword",
        }
    }

    fn prefilled(&self) -> Value {
        json!({})
    }
}

impl Cx<'_> {
    /// Tells of a confirmation that is durable. `user` is as they are now, `client` the one through which it happened, if any.
    pub async fn after_confirmation(
        &self,
        pool: &Pool,
        client: Option<&str>,
        user: &User,
        confirmation: Confirmation,
    ) -> Result<(), Error> {
        let Some(arn) = pool.trigger(|triggers| triggers.post_confirmation.as_ref()) else { return Ok(()) };
        let (user_attributes, client_metadata) = (told_attributes(user), self.client_metadata());
        let trigger = PostConfirmation { confirmation, user_attributes, client_metadata };
        self.ask(pool, arn, (&user.record.username, client), &trigger).await.map(|Heard {}| ())
    }
}
