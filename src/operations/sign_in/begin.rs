//! How a sign-in begins, whoever asks for it, and how tokens are refreshed.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{
    Outcome, choice, custom, given, may_sign_in, migration, one_time_code, parameter, password, second_factor, srp,
};
use crate::api::auth_flow::Value as AuthFlow;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::devices::Named;
use crate::context::users::User;
use crate::domain::auth_flows::Flow;
use crate::domain::sign_in::{FirstFactor, FirstProof, Step};
use crate::error::Error;
use crate::store::Batch;

/// A request to begin.
pub struct Beginning<'a> {
    pub client: &'a Client,
    pub parameters: &'a HashMap<String, String>,
    pub session: Option<&'a str>,
}

impl Beginning<'_> {
    /// Begins by one of the flows that are open to whoever asks.
    pub async fn by(&self, cx: &Cx<'_>, flow: AuthFlow) -> Result<Outcome, Error> {
        match flow {
            AuthFlow::UserAuth => self.by_choice(cx).await,
            AuthFlow::RefreshTokenAuth | AuthFlow::RefreshToken => self.by_refresh_token(cx).await,
            AuthFlow::UserSrpAuth => self.by_srp(cx).await,
            AuthFlow::CustomAuth => self.by_custom_challenges(cx).await,
            AuthFlow::UserPasswordAuth
            | AuthFlow::AdminNoSrpAuth
            | AuthFlow::AdminUserPasswordAuth
            | AuthFlow::Unspecified => Err(Error::invalid_parameter("Initiate Auth method not supported.")),
        }
    }

    /// Begins, and mostly ends, by the password, if the client has the flow; `otherwise` says that it has not.
    pub async fn by_password(&self, cx: &Cx<'_>, flow: Flow, otherwise: &'static str) -> Result<Outcome, Error> {
        let username = self.username(cx)?;
        if !self.client.opens(flow) {
            return Err(Error::invalid_parameter(otherwise));
        }
        let password = parameter(self.parameters, "PASSWORD")?;
        let user = self.user_by_password(cx, username, Some(password), may_sign_in).await?;
        password::sign_in(cx, self.client, username, user.as_ref(), password, None, self.device()).await
    }

    async fn by_srp(&self, cx: &Cx<'_>) -> Result<Outcome, Error> {
        let username = self.username(cx)?;
        if !self.client.opens(Flow::Srp) {
            return Err(Error::invalid_parameter("USER_SRP_AUTH is not enabled for the client."));
        }
        let srp_a = parameter(self.parameters, "SRP_A")?;
        let user = self.user(cx, username, may_sign_in).await?;
        srp::begin(cx, self.client, username, user.as_ref(), srp_a, None).await
    }

    async fn by_custom_challenges(&self, cx: &Cx<'_>) -> Result<Outcome, Error> {
        let (client, username) = (self.client, self.username(cx)?);
        client.must_define_challenges()?;
        if !client.opens(Flow::Custom) {
            return Err(Error::invalid_parameter("CUSTOM_AUTH is not enabled for the client."));
        }
        if self.given("CHALLENGE_NAME").is_some() && !client.opens(Flow::Srp) {
            return Err(Error::invalid_parameter("USER_SRP_AUTH is not enabled for the client."));
        }
        let user = self.user(cx, username, may_sign_in).await?;
        custom::begin(cx, client, username, user.as_ref(), self.parameters).await
    }

    fn given(&self, name: &str) -> Option<&str> {
        given(self.parameters, name)
    }

    /// The device that is named, if one is.
    fn device(&self) -> Named<'_> {
        Named { key: self.given("DEVICE_KEY"), before: None }
    }

    /// The name to sign in with, from a client that proves itself.
    fn username(&self, cx: &Cx<'_>) -> Result<&str, Error> {
        let username = parameter(self.parameters, "USERNAME")?;
        cx.check_secret_hash(self.client, self.given("SECRET_HASH"), &[username])?;
        Ok(username)
    }

    /// The user of this name, once the pool's trigger has let the sign-in begin. Of who may not begin it hears only where that is
    /// hidden.
    async fn user(
        &self,
        cx: &Cx<'_>,
        username: &str,
        may_begin: impl Fn(&User, Timestamp) -> Result<(), Error>,
    ) -> Result<Option<User>, Error> {
        self.user_by_password(cx, username, None, may_begin).await
    }

    /// The same where perhaps a password is given with the beginning: by it, users come over from elsewhere.
    async fn user_by_password(
        &self,
        cx: &Cx<'_>,
        username: &str,
        password: Option<&str>,
        may_begin: impl Fn(&User, Timestamp) -> Result<(), Error>,
    ) -> Result<Option<User>, Error> {
        let user = match (cx.user_named(&self.client.pool, username).await?, password) {
            (None, Some(password)) => match migration::arrival(cx, self.client, username, password).await {
                // Of every name alike that is hidden.
                Err(refusal @ Error::IncorrectUsernameOrPassword) => {
                    cx.before_sign_in(self.client, username, None).await?;
                    return Err(refusal);
                }
                arrived => arrived?,
            },
            (user, _) => user,
        };
        if !self.client.hides_user_existence() {
            may_begin(user.as_ref().ok_or(Error::UserDoesNotExist)?, cx.now())?;
        }
        cx.before_sign_in(self.client, username, user.as_ref()).await?;
        Ok(user)
    }

    async fn by_choice(&self, cx: &Cx<'_>) -> Result<Outcome, Error> {
        let (client, username) = (self.client, self.username(cx)?);
        if !client.opens(Flow::UserAuth) {
            return Err(Error::invalid_parameter("USER_AUTH flow not enabled for this client"));
        }
        if let Some(session) = self.session {
            return after_sign_up(cx, client, username, session, self.device()).await;
        }
        let password = migration::chosen_password(self.given("PREFERRED_CHALLENGE"), self.given("PASSWORD"));
        let password = password.filter(|_| FirstFactor::Password.is_among(&client.pool.record.first_auth_factors));
        let user = self.user_by_password(cx, username, password, one_time_code::may_be_asked).await?;
        choice::begin(cx, client, username, user, self.parameters).await
    }

    async fn by_refresh_token(&self, cx: &Cx<'_>) -> Result<Outcome, Error> {
        let client = self.client;
        if !client.opens(Flow::RefreshToken) {
            return Err(Error::invalid_parameter("Refresh Token flow not enabled for this client"));
        }
        let token = parameter(self.parameters, "REFRESH_TOKEN")?;
        let hash = self.given("SECRET_HASH");
        if client.is_confidential() && hash.is_none() {
            return Err(Error::SecretHashMissing(client.id.0.clone()));
        }
        let family = cx.family(token).await?.filter(|family| family.is_of(client)).ok_or(Error::InvalidRefreshToken)?;
        let user = cx.user(family.key.owner.clone()).await?.ok_or(Error::InvalidRefreshToken)?;
        // No name is sent here, so the hash covers the user's own.
        let names = [user.record.username.as_str(), user.record.sub.as_str()];
        if !cx.proves_by_hash(client, hash, &names)? {
            return Err(Error::SecretHashMismatchOnRefresh(client.id.0.clone()));
        }
        let exchanged = cx.exchange(client, &user, &family, self.given("DEVICE_KEY")).await;
        // Of rotation, which the client may have had before, these operations' models know nothing.
        Ok(Outcome::Tokens(exchanged.map_err(|error| match error {
            Error::RefreshTokenReused => Error::RefreshTokenRevoked,
            other => other,
        })?))
    }
}

/// The end of the chain SignUp → ConfirmSignUp → InitiateAuth: the code that confirmed the user was the proof. It serves for
/// the first sign-in alone.
async fn after_sign_up(
    cx: &Cx<'_>,
    client: &Client,
    username: &str,
    session: &str,
    device: Named<'_>,
) -> Result<Outcome, Error> {
    let user = cx.user_named(&client.pool, username).await?;
    // Read before the session: a sign-in by this very session is told as such.
    let has_signed_in = match &user {
        Some(user) => cx.has_signed_in(&user.owner).await?,
        None => false,
    };
    let session = cx.session(client, session, &[Step::FirstSignIn]).await?;
    let user = user.filter(|user| session.stands_for(user)).ok_or(Error::InvalidSession)?;
    let proof = FirstProof::by_sign_up(!has_signed_in).ok_or(Error::InvalidSession)?;
    may_sign_in(&user, cx.now())?;
    cx.before_sign_in(client, username, Some(&user)).await?;
    let mut batch = Batch::default();
    session.use_up(&mut batch);
    user.expect_unchanged(&mut batch);
    let led = second_factor::follow(cx, &mut batch, client, &user, proof, device).await?;
    second_factor::commit(cx, batch, led).await
}
