//! `PreTokenGeneration`: before tokens are made, at a sign-in and at each refresh (reference 8.3).
//!
//! Three forms of the event: the first for text claims of the ID token, the second and third for claims of any kind in both
//! tokens, and for scopes. Groups can be set in each of them, and stand in both tokens.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::{Cx, told_attributes};
use crate::context::clients::Client;
use crate::context::users::User;
use crate::domain::attributes::Attributes;
use crate::domain::claim_overrides::{ClaimOverrides, Excessive, SCOPES, ScopeOverrides, TokenOverrides};
use crate::domain::groups::GroupClaims;
use crate::error::Error;
use crate::triggers::{Trigger, UNRECOGNIZABLE};

/// What tokens are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    SignIn,
    /// A sign-in whose last proof was a new password.
    NewPassword,
    /// A sign-in whose last proof was that of a device.
    Device,
    Refresh,
}

impl Occasion {
    fn source(self) -> &'static str {
        match self {
            Occasion::SignIn => "TokenGeneration_Authentication",
            Occasion::NewPassword => "TokenGeneration_NewPasswordChallenge",
            Occasion::Device => "TokenGeneration_AuthenticateDevice",
            Occasion::Refresh => "TokenGeneration_RefreshTokens",
        }
    }
}

/// What every form of the event tells.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    #[serde(skip)]
    occasion: Occasion,
    user_attributes: Attributes,
    group_configuration: GroupConfiguration<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_metadata: Option<BTreeMap<&'a str, &'a str>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupConfiguration<'a> {
    groups_to_override: &'a [String],
    iam_roles_to_override: &'a [String],
    preferred_role: Option<&'a str>,
}

/// The event's first form.
#[derive(Serialize)]
#[serde(transparent)]
struct First<'a>(Told<'a>);

/// The second and the third, which differ in name alone as long as no client signs in for itself.
#[derive(Serialize)]
struct Later<'a> {
    #[serde(skip)]
    version: &'static str,
    #[serde(flatten)]
    told: Told<'a>,
    scopes: [&'static str; 1],
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FirstAnswer {
    claims_override_details: Option<FirstDetails>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FirstDetails {
    claims_to_add_or_override: Option<BTreeMap<String, String>>,
    claims_to_suppress: Option<Vec<String>>,
    #[serde(deserialize_with = "said")]
    group_override_details: Option<Option<GroupDetails>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LaterAnswer {
    claims_and_scope_override_details: Option<LaterDetails>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct LaterDetails {
    id_token_generation: Option<Generation>,
    access_token_generation: Option<Generation>,
    #[serde(deserialize_with = "said")]
    group_override_details: Option<Option<GroupDetails>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Generation {
    claims_to_add_or_override: Option<BTreeMap<String, Value>>,
    claims_to_suppress: Option<Vec<String>>,
    scopes_to_add: Option<Vec<String>>,
    scopes_to_suppress: Option<Vec<String>>,
}

/// Groups in place of the user's own. Said but empty, they are none; not said, they stay.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct GroupDetails {
    groups_to_override: Option<Vec<String>>,
    iam_roles_to_override: Option<Vec<String>>,
    preferred_role: Option<String>,
}

/// Tells `null` from nothing.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<GroupDetails>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl Trigger for First<'_> {
    const NAME: &'static str = "PreTokenGeneration";
    type Response = FirstAnswer;

    fn source(&self) -> &'static str {
        self.0.occasion.source()
    }

    fn prefilled(&self) -> Value {
        json!({ "claimsOverrideDetails": null })
    }
}

impl Trigger for Later<'_> {
    const NAME: &'static str = "PreTokenGeneration";
    type Response = LaterAnswer;

    fn source(&self) -> &'static str {
        self.told.occasion.source()
    }

    fn version(&self) -> &'static str {
        self.version
    }

    fn prefilled(&self) -> Value {
        json!({ "claimsAndScopeOverrideDetails": null })
    }
}

impl From<GroupDetails> for GroupClaims {
    fn from(details: GroupDetails) -> Self {
        GroupClaims {
            groups: details.groups_to_override.unwrap_or_default(),
            roles: details.iam_roles_to_override.unwrap_or_default(),
            preferred_role: details.preferred_role.filter(|role| !role.is_empty()),
        }
    }
}

fn groups(details: Option<Option<GroupDetails>>) -> Option<GroupClaims> {
    details.map(|details| details.unwrap_or_default().into())
}

impl From<FirstAnswer> for ClaimOverrides {
    fn from(answer: FirstAnswer) -> Self {
        let details = answer.claims_override_details.unwrap_or_default();
        let texts = details.claims_to_add_or_override.unwrap_or_default();
        let add = texts.into_iter().map(|(name, text)| (name, text.into())).collect();
        ClaimOverrides {
            id: TokenOverrides { add, suppress: details.claims_to_suppress.unwrap_or_default() },
            groups: groups(details.group_override_details),
            ..ClaimOverrides::default()
        }
    }
}

impl From<LaterAnswer> for ClaimOverrides {
    fn from(answer: LaterAnswer) -> Self {
        let details = answer.claims_and_scope_override_details.unwrap_or_default();
        let (id, access) = (details.id_token_generation, details.access_token_generation.unwrap_or_default());
        let claims = |add: Option<BTreeMap<String, Value>>, suppress: Option<Vec<String>>| TokenOverrides {
            add: add.unwrap_or_default(),
            suppress: suppress.unwrap_or_default(),
        };
        let id = id.unwrap_or_default();
        ClaimOverrides {
            id: claims(id.claims_to_add_or_override, id.claims_to_suppress),
            access: claims(access.claims_to_add_or_override, access.claims_to_suppress),
            scopes: ScopeOverrides {
                add: access.scopes_to_add.unwrap_or_default(),
                suppress: access.scopes_to_suppress.unwrap_or_default(),
            },
            groups: groups(details.group_override_details),
        }
    }
}

impl Cx<'_> {
    /// What is to be changed of the tokens that are about to be made; nothing, if the pool asks nobody.
    pub async fn claim_overrides(
        &self,
        client: &Client,
        user: &User,
        groups: &GroupClaims,
        occasion: Occasion,
    ) -> Result<Option<ClaimOverrides>, Error> {
        let pool = &client.pool;
        let Some(triggers) = &pool.record.triggers else { return Ok(None) };
        let versioned = triggers.pre_token_generation_config.as_ref();
        let plain = triggers.pre_token_generation.as_deref();
        let Some(arn) = versioned.map(|config| config.arn.as_str()).or(plain) else { return Ok(None) };
        let told = Told {
            occasion,
            user_attributes: told_attributes(user),
            group_configuration: GroupConfiguration {
                groups_to_override: &groups.groups,
                iam_roles_to_override: &groups.roles,
                preferred_role: groups.preferred_role.as_deref(),
            },
            client_metadata: self.client_metadata(),
        };
        let whom = (user.record.username.as_str(), Some(client.id.0.as_str()));
        let overrides: ClaimOverrides = match versioned.map_or("V1_0", |config| &config.version) {
            "V1_0" => self.ask(pool, arn, whom, &First(told)).await?.into(),
            "V2_0" => self.ask(pool, arn, whom, &Later { version: "2", told, scopes: SCOPES }).await?.into(),
            "V3_0" => self.ask(pool, arn, whom, &Later { version: "3", told, scopes: SCOPES }).await?.into(),
            other => return Err(Error::internal(format!("a trigger of the unknown version {other}"))),
        };
        overrides.check().map_err(|Excessive| Error::TriggerAnswerUnusable(UNRECOGNIZABLE.into()))?;
        Ok(Some(overrides))
    }
}
