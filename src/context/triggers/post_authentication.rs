//! `PostAuthentication`: every proof of a sign-in was given, and what the proofs have changed stays; but if the function fails,
//! there are no tokens.

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
struct PostAuthentication<'a> {
    user_attributes: Attributes,
    new_device_used: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_metadata: Option<BTreeMap<&'a str, &'a str>>,
}

/// It refuses by failing.
#[derive(Deserialize)]
struct Let {}

impl Trigger for PostAuthentication<'_> {
    const NAME: &'static str = "PostAuthentication";
    type Response = Let;

    fn source(&self) -> &'static str {
        "PostAuthentication_Authentication"
    }

    fn prefilled(&self) -> Value {
        json!({})
    }
}

impl Cx<'_> {
    /// Tells of a sign-in that needs no further proof. `user` is as they will be with it; the device is new where the pool tracks
    /// devices and none was named that it knows.
    pub async fn after_sign_in(&self, client: &Client, user: &User, new_device_used: bool) -> Result<(), Error> {
        let pool = &client.pool;
        let Some(arn) = pool.trigger(|triggers| triggers.post_authentication.as_ref()) else { return Ok(()) };
        let trigger = PostAuthentication {
            user_attributes: told_attributes(user),
            new_device_used,
            client_metadata: self.client_metadata(),
        };
        self.ask(pool, arn, (&user.record.username, Some(&client.id.0)), &trigger).await.map(|Let {}| ())
    }
}
