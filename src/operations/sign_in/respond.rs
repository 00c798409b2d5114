//! How a challenge is answered, whoever does it, with the session that came with it.

use std::collections::HashMap;

use super::{Challenge, Outcome, given, new_password, parameter, password};
use crate::api::challenge_name::Value as ChallengeName;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::sessions::OpenSession;
use crate::context::users::User;
use crate::error::Error;
use crate::store::Batch;
use crate::store::records::SessionStep;

/// An answer to a challenge.
pub struct Answer<'a> {
    pub client: &'a Client,
    pub challenge: ChallengeName,
    pub session: Option<&'a str>,
    pub responses: &'a HashMap<String, String>,
}

impl Answer<'_> {
    pub async fn outcome(&self, cx: &Cx<'_>) -> Result<Outcome, Error> {
        let username = parameter(self.responses, "USERNAME")?;
        cx.check_secret_hash(self.client, given(self.responses, "SECRET_HASH"), &[username])?;
        match self.challenge {
            ChallengeName::SelectChallenge => {
                let (session, _) = self.session_of(cx, username, SessionStep::SelectChallenge).await?;
                self.choose(cx, username, &session).await
            }
            ChallengeName::Password => {
                let (session, _) = self.session_of(cx, username, SessionStep::Password).await?;
                let password = parameter(self.responses, "PASSWORD")?;
                password::sign_in(cx, self.client, username, password, Some(&session)).await
            }
            ChallengeName::NewPasswordRequired => {
                let (session, user) = self.session_of(cx, username, SessionStep::NewPassword).await?;
                let user = user.ok_or(Error::InvalidSession)?;
                new_password::set(cx, self.client, &user, &session, self.responses).await
            }
            // No session of this server waits for any other challenge.
            _ => Err(Error::InvalidSession),
        }
    }

    /// The session that waits at this step for the user of this name; where it is hidden who exists, perhaps for nobody.
    async fn session_of(
        &self,
        cx: &Cx<'_>,
        username: &str,
        step: SessionStep,
    ) -> Result<(OpenSession, Option<User>), Error> {
        let session = self.session.ok_or(Error::MissingParameter("Session"))?;
        let session = cx.session(self.client, session, step).await?;
        let user = cx.user_named(&self.client.pool, username).await?;
        let owner = user.as_ref().map_or_else(|| cx.nobody(&self.client.pool, username), |user| user.owner.clone());
        if *session.owner() == owner { Ok((session, user)) } else { Err(Error::InvalidSession) }
    }

    /// The user has chosen a way to sign in; the proof may come along.
    async fn choose(&self, cx: &Cx<'_>, username: &str, session: &OpenSession) -> Result<Outcome, Error> {
        if parameter(self.responses, "ANSWER")? != "PASSWORD" {
            return Err(Error::invalid_parameter("The challenge in ANSWER is not available."));
        }
        if let Some(password) = given(self.responses, "PASSWORD") {
            return password::sign_in(cx, self.client, username, password, Some(session)).await;
        }
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        let challenge = Challenge::password(cx, &mut batch, self.client, session.owner());
        cx.commit(batch).await?;
        Ok(Outcome::Challenge(challenge))
    }
}
