//! Proofs of who calls. Only this module makes them, so an operation that receives one knows that it was checked.

use std::collections::HashMap;

use super::Grant;
use crate::api::Op;
use crate::context::Cx;
use crate::context::clients::Client;
use crate::context::sessions::OpenSession;
use crate::context::tokens::Bearer;
use crate::context::users::User;
use crate::domain::sign_in::Step;
use crate::error::Error;

/// What a request brings to prove its caller.
#[derive(Clone, Copy, Debug)]
pub struct Brought<'a> {
    pub op: Op,
    /// The pool that the decoded request names.
    pub pool: Option<&'a str>,
    /// The tags that it would set.
    pub tags: Option<&'a HashMap<String, String>>,
    /// The keys of the tags that it would take away.
    pub tag_keys: &'a [String],
    pub access_token: Option<&'a str>,
    pub session: Option<&'a str>,
    /// What the guard has granted, before the request was decoded.
    pub grant: Option<&'a Grant>,
}

/// A proof that `run` receives.
pub trait Caller: Sized + Send {
    /// Whether the call may go on at all: asked before the request is validated.
    fn is_granted(_brought: &Brought<'_>) -> Result<(), Error> {
        Ok(())
    }

    /// The proof itself, once the request is known to be well formed.
    fn admit(cx: &Cx<'_>, brought: &Brought<'_>) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// No credential: what is in the body authorises.
pub struct Anyone(());

/// A user, by an access token that is valid now.
pub struct SignedIn {
    bearer: Bearer,
}

/// A user, by an access token or by the session of a sign-in under way: by one of them, never by both.
pub enum SignedInOrInChallenge {
    SignedIn(SignedIn),
    InChallenge(InChallenge),
}

/// A user who has proved a first factor and is to set up a second one, by a session that stands for it and is not used up.
pub struct InChallenge {
    client: Client,
    user: User,
    session: OpenSession,
}

/// A principal whom policy allows this operation on this pool.
pub struct Operator(());

impl Caller for Anyone {
    async fn admit(_: &Cx<'_>, _: &Brought<'_>) -> Result<Self, Error> {
        Ok(Anyone(()))
    }
}

impl Caller for SignedIn {
    async fn admit(cx: &Cx<'_>, brought: &Brought<'_>) -> Result<Self, Error> {
        let bearer = cx.bearer(brought.access_token.ok_or(Error::InvalidAccessToken)?).await?;
        Ok(SignedIn { bearer })
    }
}

impl SignedIn {
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }
}

impl Caller for SignedInOrInChallenge {
    async fn admit(cx: &Cx<'_>, brought: &Brought<'_>) -> Result<Self, Error> {
        match (brought.access_token, brought.session) {
            (Some(_), None) => Ok(SignedInOrInChallenge::SignedIn(SignedIn::admit(cx, brought).await?)),
            (None, Some(session)) => Ok(SignedInOrInChallenge::InChallenge(InChallenge::of(cx, session).await?)),
            (None, None) | (Some(_), Some(_)) => {
                Err(Error::invalid_parameter("Either AccessToken or Session must be given, and not both."))
            }
        }
    }
}

impl InChallenge {
    async fn of(cx: &Cx<'_>, session: &str) -> Result<Self, Error> {
        let (client, session) = cx.session_of_any_client(session, &[Step::MfaSetup]).await?;
        let user = cx.user(session.owner().clone()).await?.ok_or(Error::InvalidSession)?;
        if !user.record.enabled {
            return Err(Error::UserIsDisabled);
        }
        if session.stands_for(&user) { Ok(InChallenge { client, user, session }) } else { Err(Error::InvalidSession) }
    }

    pub fn client(&self) -> &Client {
        &self.client
    }

    pub fn user(&self) -> &User {
        &self.user
    }

    pub fn session(&self) -> &OpenSession {
        &self.session
    }
}

impl Caller for Operator {
    fn is_granted(brought: &Brought<'_>) -> Result<(), Error> {
        let grant = brought.grant.ok_or(Error::MissingAuthenticationToken)?;
        match grant.covers(brought.op, brought.pool, brought.tags, brought.tag_keys) {
            true => Ok(()),
            false => Err(Error::internal("the guard and the decoder read different requests")),
        }
    }

    async fn admit(_: &Cx<'_>, brought: &Brought<'_>) -> Result<Self, Error> {
        Self::is_granted(brought).map(|()| Operator(()))
    }
}
