//! `RespondToAuthChallenge`: the answer to a challenge, with the session that came with it.

use super::{Challenge, Outcome, given, parameter, password};
use crate::access::caller::Anyone;
use crate::api;
use crate::api::challenge_name::Value as ChallengeName;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::sessions::OpenSession;
use crate::error::Error;
use crate::store::Batch;
use crate::store::records::SessionStep;

impl Operation for api::RespondToAuthChallengeRequest {
    async fn run(&self, cx: &Cx<'_>, _: Anyone) -> Result<api::RespondToAuthChallengeResponse, Error> {
        let client = cx.client(self.client_id()).await?;
        let username = parameter(&self.challenge_responses, "USERNAME")?;
        cx.check_secret_hash(&client, self.given("SECRET_HASH"), &[username])?;
        let outcome = match self.challenge_name() {
            ChallengeName::SelectChallenge => {
                let session = self.session_of(cx, &client, username, SessionStep::SelectChallenge).await?;
                self.choose(cx, &client, username, &session).await?
            }
            ChallengeName::Password => {
                let session = self.session_of(cx, &client, username, SessionStep::Password).await?;
                let password = parameter(&self.challenge_responses, "PASSWORD")?;
                password::sign_in(cx, &client, username, password, Some(&session)).await?
            }
            // No session of this server waits for any other challenge.
            _ => return Err(Error::InvalidSession),
        };
        Ok(outcome.into())
    }
}

impl api::RespondToAuthChallengeRequest {
    fn given(&self, name: &str) -> Option<&str> {
        given(&self.challenge_responses, name)
    }

    /// The session that waits at this step for the user of this name.
    async fn session_of(
        &self,
        cx: &Cx<'_>,
        client: &Client,
        username: &str,
        step: SessionStep,
    ) -> Result<OpenSession, Error> {
        let session = self.session.as_deref().ok_or(Error::MissingParameter("Session"))?;
        let session = cx.session(client, session, step).await?;
        let user = cx.user_named(&client.pool, username).await?;
        let owner = user.map_or_else(|| cx.nobody(&client.pool, username), |user| user.owner);
        if *session.owner() == owner { Ok(session) } else { Err(Error::InvalidSession) }
    }

    /// The user has chosen a way to sign in; the proof may come along.
    async fn choose(
        &self,
        cx: &Cx<'_>,
        client: &Client,
        username: &str,
        session: &OpenSession,
    ) -> Result<Outcome, Error> {
        if parameter(&self.challenge_responses, "ANSWER")? != "PASSWORD" {
            return Err(Error::invalid_parameter("The challenge in ANSWER is not available."));
        }
        if let Some(password) = self.given("PASSWORD") {
            return password::sign_in(cx, client, username, password, Some(session)).await;
        }
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        let challenge = Challenge::password(cx, &mut batch, client, session.owner());
        cx.commit(batch).await?;
        Ok(Outcome::Challenge(challenge))
    }
}
