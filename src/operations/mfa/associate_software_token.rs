//! `AssociateSoftwareToken`: a user gets a secret for an authenticator app. The app that is registered, if one is, stays so until
//! the new one has given a code.

use super::{require_set_up, require_software_tokens};
use crate::access::caller::{InChallenge, SignedIn, SignedInOrInChallenge};
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::context::sessions::Waiting;
use crate::crypto::totp::TotpSecret;
use crate::domain::sign_in::Step;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::AssociateSoftwareTokenRequest {
    async fn run(
        &self,
        cx: &Cx<'_>,
        caller: SignedInOrInChallenge,
    ) -> Result<api::AssociateSoftwareTokenResponse, Error> {
        match caller {
            SignedInOrInChallenge::SignedIn(caller) => signed_in(cx, &caller).await,
            SignedInOrInChallenge::InChallenge(caller) => in_challenge(cx, &caller).await,
        }
    }
}

async fn signed_in(cx: &Cx<'_>, caller: &SignedIn) -> Result<api::AssociateSoftwareTokenResponse, Error> {
    let bearer = caller.bearer();
    require_software_tokens(&bearer.client.pool)?;
    let mut batch = Batch::default();
    bearer.user.expect_unchanged(&mut batch);
    let secret = cx.software_token(&bearer.user.owner).await?.associate(cx, &mut batch);
    cx.commit(batch).await?;
    Ok(api::AssociateSoftwareTokenResponse { secret_code: Some(secret.shown()), session: None })
}

/// The secret waits in the session: what the user has is not touched before the sign-in ends.
async fn in_challenge(cx: &Cx<'_>, caller: &InChallenge) -> Result<api::AssociateSoftwareTokenResponse, Error> {
    let (client, user) = (caller.client(), caller.user());
    require_software_tokens(&client.pool)?;
    require_set_up(client, user)?;
    let secret = TotpSecret::mint(&cx.rng);
    let mut batch = Batch::default();
    caller.session().use_up(&mut batch);
    user.expect_unchanged(&mut batch);
    let waiting = Waiting::at(Step::MfaSetup).proved_by(user).with_secret(secret.bytes().expose());
    let waiting = waiting.with_device(caller.session().device());
    let session = cx.open_session(&mut batch, client, &user.owner, &waiting);
    cx.commit(batch).await?;
    Ok(api::AssociateSoftwareTokenResponse { secret_code: Some(secret.shown()), session: Some(session) })
}
