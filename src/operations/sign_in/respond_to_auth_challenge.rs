//! `RespondToAuthChallenge`: the answer to a challenge, with the session that came with it.

use super::respond::Answer;
use crate::access::caller::Anyone;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::RespondToAuthChallengeRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::RespondToAuthChallengeResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        let answer = Answer {
            client: &client,
            challenge: self.challenge_name(),
            session: self.session.as_deref(),
            responses: &self.challenge_responses,
        };
        Ok(answer.outcome(cx).await?.into())
    }
}
