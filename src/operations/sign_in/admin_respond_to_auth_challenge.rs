//! `AdminRespondToAuthChallenge`: a back end answers the challenge of a user's sign-in.

use super::respond::Answer;
use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::error::Error;

impl Operation for api::AdminRespondToAuthChallengeRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::AdminRespondToAuthChallengeResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let client = cx.client_of_pool(&pool.id, self.client_id()).await?;
        let answer = Answer {
            client: &client,
            challenge: self.challenge_name(),
            session: self.session.as_deref(),
            responses: &self.challenge_responses,
        };
        Ok(answer.outcome(cx).await?.into())
    }
}
