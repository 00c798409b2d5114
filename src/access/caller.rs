//! Proofs of who calls. Only this module makes them, so an operation that receives one knows that it was checked.

use super::{Principal, policy};
use crate::api::Op;
use crate::context::Cx;
use crate::context::tokens::Bearer;
use crate::domain::ids::PoolId;
use crate::error::Error;

/// A proof that `run` receives.
pub trait Caller: Sized + Send {
    /// Whether the call may go on at all: asked before anything of the request is looked at but the pool it names.
    fn authorize(cx: &Cx<'_>, principal: Option<&Principal>, op: Op, pool: Option<&str>) -> Result<(), Error>;

    /// The proof itself, once the request is known to be well formed.
    fn admit(
        cx: &Cx<'_>,
        principal: Option<&Principal>,
        access_token: Option<&str>,
    ) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// No credential: what is in the body authorises.
pub struct Anyone(());

/// A user, by an access token that is valid now.
pub struct SignedIn {
    bearer: Bearer,
}

/// A principal whom policy allows this operation.
pub struct Operator(());

impl Caller for Anyone {
    fn authorize(_: &Cx<'_>, _: Option<&Principal>, _: Op, _: Option<&str>) -> Result<(), Error> {
        Ok(())
    }

    async fn admit(_: &Cx<'_>, _: Option<&Principal>, _: Option<&str>) -> Result<Self, Error> {
        Ok(Anyone(()))
    }
}

impl Caller for SignedIn {
    fn authorize(_: &Cx<'_>, _: Option<&Principal>, _: Op, _: Option<&str>) -> Result<(), Error> {
        Ok(())
    }

    async fn admit(cx: &Cx<'_>, _: Option<&Principal>, access_token: Option<&str>) -> Result<Self, Error> {
        let bearer = cx.bearer(access_token.ok_or(Error::InvalidAccessToken)?).await?;
        Ok(SignedIn { bearer })
    }
}

impl SignedIn {
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }
}

impl Caller for Operator {
    fn authorize(cx: &Cx<'_>, principal: Option<&Principal>, op: Op, pool: Option<&str>) -> Result<(), Error> {
        let principal = principal.ok_or(Error::MissingAuthenticationToken)?;
        let resource = pool.map_or_else(|| "*".to_owned(), |pool| PoolId(pool.to_owned()).arn(&cx.region, &cx.account));
        policy::authorize(principal, op.name(), &resource)
    }

    async fn admit(_: &Cx<'_>, principal: Option<&Principal>, _: Option<&str>) -> Result<Self, Error> {
        principal.map(|_| Operator(())).ok_or(Error::MissingAuthenticationToken)
    }
}
