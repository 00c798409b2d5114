//! `ConfirmDevice`: a client makes the device known that its user has just signed in with, by what proves the secret that it has
//! made for it.

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::access::caller::SignedIn;
use crate::api;
use crate::app::Operation;
use crate::context::Cx;
use crate::crypto::srp::Verifier;
use crate::domain::ids::DeviceId;
use crate::error::Error;
use crate::store::Batch;

impl Operation for api::ConfirmDeviceRequest {
    async fn run(&self, cx: &Cx<'_>, caller: SignedIn) -> Result<api::ConfirmDeviceResponse, Error> {
        let bearer = caller.bearer();
        let pool = &bearer.client.pool;
        pool.require_devices()?;
        let id = DeviceId::of_key(&pool.id, self.device_key());
        let id = id.ok_or_else(|| Error::invalid_parameter("Invalid device key given."))?;
        let verifier = self.verifier()?;
        let _turn = cx.turn(&bearer.user.owner).await;
        let mut batch = Batch::default();
        cx.confirm_device(&mut batch, bearer, id, &verifier, self.device_name.clone()).await?;
        cx.commit(batch).await?;
        Ok(api::ConfirmDeviceResponse { user_confirmation_necessary: Some(pool.remembers_on_prompt()) })
    }
}

impl api::ConfirmDeviceRequest {
    fn verifier(&self) -> Result<Verifier, Error> {
        let given = self.device_secret_verifier_config.clone().unwrap_or_default();
        let bytes = |text: &str| BASE64_STANDARD.decode(text).ok();
        let verifier = bytes(given.salt()).zip(bytes(given.password_verifier()));
        let verifier = verifier.and_then(|(salt, number)| Verifier::made_by_client(&salt, &number));
        verifier.ok_or_else(|| Error::invalid_parameter("Invalid DeviceSecretVerifierConfig given."))
    }
}
