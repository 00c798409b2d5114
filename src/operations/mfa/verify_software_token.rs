//! `VerifySoftwareToken`: the first code of an authenticator app registers it; in a sign-in, once that ends.

use super::{require_set_up, require_software_tokens};
use crate::access::caller::{InChallenge, SignedIn, SignedInOrInChallenge};
use crate::api::{self, software_token_verification};
use crate::app::Operation;
use crate::context::Cx;
use crate::context::sessions::Waiting;
use crate::context::software_tokens::Proved;
use crate::crypto::totp::TotpSecret;
use crate::domain::sign_in::Step;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::VerifySoftwareTokenRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedInOrInChallenge) -> Result<api::VerifySoftwareTokenResponse, Error> {
        let session = match caller {
            SignedInOrInChallenge::SignedIn(caller) => self.signed_in(cx, &caller).await.map(|()| None)?,
            SignedInOrInChallenge::InChallenge(caller) => Some(self.in_challenge(cx, &caller).await?),
        };
        let status = Some(software_token_verification::Value::Success.into());
        Ok(api::VerifySoftwareTokenResponse { status, session })
    }
}

impl api::VerifySoftwareTokenRequest {
    async fn signed_in(&self, cx: &Cx<'_>, caller: &SignedIn) -> Result<(), Error> {
        let bearer = caller.bearer();
        require_software_tokens(&bearer.client.pool)?;
        let token = cx.software_token(&bearer.user.owner).await?;
        let secret = token.waiting_secret(cx)?.ok_or(Error::SoftwareTokenSetUpMismatch)?;
        let proved = self.proved(cx, secret)?;
        let mut batch = Batch::default();
        bearer.user.expect_unchanged(&mut batch);
        token.register(cx, &mut batch, &proved);
        cx.commit(batch).await
    }

    /// The session for the answer to MFA_SETUP. A session whose code was wrong serves again.
    async fn in_challenge(&self, cx: &Cx<'_>, caller: &InChallenge) -> Result<String, Error> {
        let (client, user, session) = (caller.client(), caller.user(), caller.session());
        require_software_tokens(&client.pool)?;
        require_set_up(client, user)?;
        if !session.has_secret() {
            return Err(Error::SoftwareTokenSetUpMismatch);
        }
        let proved = self.proved(cx, TotpSecret::of(session.secret(cx)?))?.encoded();
        let mut batch = Batch::default();
        session.use_up(&mut batch);
        user.expect_unchanged(&mut batch);
        let waiting = Waiting::at(Step::SoftwareTokenSetUp).proved_by(user).with_secret(proved.expose());
        let waiting = waiting.with_device(session.device());
        let session = cx.open_session(&mut batch, client, &user.owner, &waiting);
        cx.commit(batch).await?;
        Ok(session)
    }

    fn proved(&self, cx: &Cx<'_>, secret: TotpSecret) -> Result<Proved, Error> {
        Proved::by(cx, secret, self.user_code(), self.friendly_device_name())
    }
}
