//! `GetSigningCertificate`: what shows a pool's public key to those who want it in a certificate.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::access::caller::Operator;
use crate::api;
use crate::app::Operation;
use crate::clock::from_milliseconds;
use crate::context::Cx;
use crate::crypto::certificates::self_signed;
use crate::crypto::signing::Unusable;
use crate::error::Error;

impl Operation for api::GetSigningCertificateRequest {
    async fn run(&self, cx: &Cx<'_>, _: Operator) -> Result<api::GetSigningCertificateResponse, Error> {
        let pool = cx.pool(self.user_pool_id()).await?;
        let keys = cx.signing_keys(&pool.id).await?.ok_or_else(|| Error::internal("a pool without keys"))?;
        let made_at = from_milliseconds(pool.record.created_at);
        // Made anew for each call, and each time the same: RS256 leaves nothing to chance.
        let sign = move |_: &mut ()| self_signed(&pool.id.0, &keys.id, made_at);
        let certificate: Result<_, Unusable> = cx.signers.run(sign).await?;
        let certificate = BASE64_STANDARD.encode(certificate.map_err(Error::internal)?);
        Ok(api::GetSigningCertificateResponse { certificate: Some(certificate) })
    }
}
