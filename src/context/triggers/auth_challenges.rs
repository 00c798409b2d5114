//! `DefineAuthChallenge`, `CreateAuthChallenge`, `VerifyAuthChallengeResponse`: sign-ins whose challenges are the pool's own
//! (reference 4.6). What they decide is followed by [`crate::domain::sign_in`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Cx, told_attributes};
use crate::context::clients::Client;
use crate::context::users::User;
use crate::domain::attributes::Attributes;
use crate::domain::sign_in::{Decision, Round, Rounds};
use crate::error::Error;
use crate::store::records::PoolTriggers;
use crate::triggers::Trigger;

/// Parameters of a challenge.
pub type Parameters = BTreeMap<String, String>;

/// Whose custom sign-in it is; where it is hidden who exists, perhaps nobody's, of whom there is but the name.
#[derive(Clone, Copy)]
pub struct Party<'a> {
    pub client: &'a Client,
    pub name: &'a str,
    pub user: Option<&'a User>,
}

/// What each of the three is told.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    user_attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_metadata: Option<BTreeMap<&'a str, &'a str>>,
    /// Said where it is hidden who exists.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_not_found: Option<bool>,
}

/// A challenge that was, as functions are told it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ChallengeResult<'a> {
    challenge_name: &'a str,
    challenge_result: bool,
    challenge_metadata: Option<&'a str>,
}

impl<'a> From<&'a Round> for ChallengeResult<'a> {
    fn from(round: &'a Round) -> Self {
        ChallengeResult {
            challenge_name: &round.challenge,
            challenge_result: round.is_right,
            challenge_metadata: round.metadata.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct Define<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    session: Vec<ChallengeResult<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Defined {
    challenge_name: Option<String>,
    issue_tokens: Option<bool>,
    fail_authentication: Option<bool>,
}

impl Trigger for Define<'_> {
    const NAME: &'static str = "DefineAuthChallenge";
    type Response = Defined;

    fn source(&self) -> &'static str {
        "DefineAuthChallenge_Authentication"
    }

    fn prefilled(&self) -> Value {
        json!({ "challengeName": null, "issueTokens": null, "failAuthentication": null })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Create<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    challenge_name: &'static str,
    session: Vec<ChallengeResult<'a>>,
}

/// A challenge that a function has made.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// For the caller.
    pub public_challenge_parameters: Option<Parameters>,
    /// For the function that judges the answer, and nobody else.
    pub private_challenge_parameters: Option<Parameters>,
    /// What the functions call it.
    pub challenge_metadata: Option<String>,
}

impl Trigger for Create<'_> {
    const NAME: &'static str = "CreateAuthChallenge";
    type Response = Created;

    fn source(&self) -> &'static str {
        "CreateAuthChallenge_Authentication"
    }

    fn prefilled(&self) -> Value {
        json!({ "publicChallengeParameters": null, "privateChallengeParameters": null, "challengeMetadata": null })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Verify<'a> {
    #[serde(flatten)]
    told: Told<'a>,
    private_challenge_parameters: &'a Parameters,
    challenge_answer: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Verified {
    answer_correct: Option<bool>,
}

impl Trigger for Verify<'_> {
    const NAME: &'static str = "VerifyAuthChallengeResponse";
    type Response = Verified;

    fn source(&self) -> &'static str {
        "VerifyAuthChallengeResponse_Authentication"
    }

    fn prefilled(&self) -> Value {
        json!({ "answerCorrect": null })
    }
}

impl Client {
    /// The function of a custom sign-in. Without it, the pool has no such sign-ins.
    fn function(&self, of: impl Fn(&PoolTriggers) -> Option<&String>) -> Result<&str, Error> {
        self.pool
            .trigger(of)
            .ok_or_else(|| Error::invalid_parameter("Custom auth lambda trigger is not configured for the user pool."))
    }

    /// Refuses a pool that has no custom sign-ins.
    pub fn must_define_challenges(&self) -> Result<(), Error> {
        self.function(|triggers| triggers.define_auth_challenge.as_ref()).map(drop)
    }
}

impl Party<'_> {
    fn whom(&self) -> (&str, Option<&str>) {
        (self.user.map_or(self.name, |user| &user.record.username), Some(&self.client.id.0))
    }
}

impl Cx<'_> {
    /// What follows in a custom sign-in.
    pub async fn define_challenge(&self, party: Party<'_>, rounds: &Rounds) -> Result<Decision, Error> {
        let arn = party.client.function(|triggers| triggers.define_auth_challenge.as_ref())?;
        let session = rounds.0.iter().map(ChallengeResult::from).collect();
        let trigger = Define { told: self.told(party), session };
        let Defined { challenge_name, issue_tokens, fail_authentication } =
            self.ask(&party.client.pool, arn, party.whom(), &trigger).await?;
        Ok(Decision {
            challenge: challenge_name,
            issues_tokens: issue_tokens == Some(true),
            fails: fail_authentication == Some(true),
        })
    }

    /// A new challenge.
    pub async fn create_challenge(&self, party: Party<'_>, rounds: &Rounds) -> Result<Created, Error> {
        let arn = party.client.function(|triggers| triggers.create_auth_challenge.as_ref())?;
        let session = rounds.0.iter().map(ChallengeResult::from).collect();
        let trigger = Create { told: self.told(party), challenge_name: Rounds::CUSTOM_CHALLENGE, session };
        self.ask(&party.client.pool, arn, party.whom(), &trigger).await
    }

    /// Whether an answer to a challenge is right.
    pub async fn verify_challenge(
        &self,
        party: Party<'_>,
        private_challenge_parameters: &Parameters,
        challenge_answer: &str,
    ) -> Result<bool, Error> {
        let arn = party.client.function(|triggers| triggers.verify_auth_challenge_response.as_ref())?;
        let trigger = Verify { told: self.told(party), private_challenge_parameters, challenge_answer };
        let verified: Verified = self.ask(&party.client.pool, arn, party.whom(), &trigger).await?;
        Ok(verified.answer_correct == Some(true))
    }

    fn told(&self, party: Party<'_>) -> Told<'_> {
        Told {
            user_attributes: party.user.map(told_attributes).unwrap_or_default(),
            client_metadata: self.client_metadata(),
            user_not_found: party.client.hides_user_existence().then_some(party.user.is_none()),
        }
    }
}
