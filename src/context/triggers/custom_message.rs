//! `CustomMessage`: how a message is worded that brings a code or an invitation. The function has its places, not what stands in
//! them, which it never learns.
//!
//! Of messages that only seem to be sent it is not asked: there is nobody to be told about.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cx, told_attributes_of};
use crate::context::pools::Pool;
use crate::domain::attributes::Attributes;
use crate::domain::messages::{CODE_PLACE, LINK_PLACE, Medium, USERNAME_PLACE, Words};
use crate::error::Error;
use crate::store::records;
use crate::triggers::Trigger;

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    SignUp,
    /// The code of a sign-up once more.
    Resend,
    ForgottenPassword,
    /// An address has changed.
    AttributeUpdate,
    /// A user wants an address verified.
    AttributeVerification,
    /// A code to sign in with.
    SignIn,
    Invitation,
}

impl Occasion {
    fn source(self) -> &'static str {
        match self {
            Occasion::SignUp => "CustomMessage_SignUp",
            Occasion::Resend => "CustomMessage_ResendCode",
            Occasion::ForgottenPassword => "CustomMessage_ForgotPassword",
            Occasion::AttributeUpdate => "CustomMessage_UpdateUserAttribute",
            Occasion::AttributeVerification => "CustomMessage_VerifyUserAttribute",
            Occasion::SignIn => "CustomMessage_Authentication",
            Occasion::Invitation => "CustomMessage_AdminCreateUser",
        }
    }
}

/// A message that is about to be sent.
#[derive(Clone, Copy)]
pub struct Reason<'a> {
    pub occasion: Occasion,
    /// As they will be when it is sent.
    pub user: &'a records::User,
    /// Through which it was caused, if it is known.
    pub client: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CustomMessage<'a> {
    #[serde(skip)]
    occasion: Occasion,
    user_attributes: Attributes,
    code_parameter: &'static str,
    link_parameter: Option<&'static str>,
    username_parameter: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_metadata: Option<BTreeMap<&'a str, &'a str>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Worded {
    sms_message: Option<String>,
    email_message: Option<String>,
    email_subject: Option<String>,
}

impl Trigger for CustomMessage<'_> {
    const NAME: &'static str = "CustomMessage";
    type Response = Worded;

    fn source(&self) -> &'static str {
        self.occasion.source()
    }

    fn prefilled(&self) -> Value {
        json!({ "smsMessage": null, "emailMessage": null, "emailSubject": null })
    }
}

impl Cx<'_> {
    /// What the message says in place of the pool's own texts; nothing, where the pool asks nobody. A text that lacks a place or
    /// is too long is refused, if it is one for this medium.
    pub async fn wording(&self, pool: &Pool, reason: Reason<'_>, medium: Medium) -> Result<Words, Error> {
        let Some(arn) = pool.trigger(|triggers| triggers.custom_message.as_ref()) else { return Ok(Words::default()) };
        let Reason { occasion, user, client } = reason;
        let is_invitation = occasion == Occasion::Invitation;
        let is_link = pool.record.confirms_by_link && matches!(occasion, Occasion::SignUp | Occasion::Resend);
        let trigger = CustomMessage {
            occasion,
            user_attributes: told_attributes_of(user),
            code_parameter: CODE_PLACE,
            link_parameter: is_link.then_some(LINK_PLACE),
            username_parameter: is_invitation.then_some(USERNAME_PLACE),
            client_metadata: self.client_metadata(),
        };
        let Worded { sms_message, email_message, email_subject } =
            self.ask(pool, arn, (&user.username, client), &trigger).await?;
        let words = Words { sms_message, email_message, email_subject };
        let words = words.usable(medium, is_invitation, is_link && medium == Medium::Email);
        words.map_err(|problem| Error::TriggerAnswerUnusable(problem.into()))
    }
}
