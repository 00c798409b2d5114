//! Devices as their clients keep them, and sign-ins with them.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, device_remembered_status};
use cognate::context::Cx;
use cognate::crypto::srp::Verifier;
use cognate::domain::ids::{DeviceId, PoolId};
use cognate::rng::Rng;
use cognate::store::{Batch, DeviceKey, Key as _, PoolKey, records};

use super::factors::{Answered, Person};
use super::fixtures::{PASSWORD, TestClient, named};
use super::srp::{self, Question, SrpClient};
use super::{Refusal, World};

/// What a client keeps of a device.
#[derive(Clone, Debug)]
pub struct TestDevice {
    pub key: String,
    pub group_key: String,
    /// Known to the client alone.
    pub secret: String,
}

/// What a pool makes of devices.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tracking {
    pub stands_for_second_factor: bool,
    pub on_prompt: bool,
}

impl From<Tracking> for api::DeviceConfiguration {
    fn from(tracking: Tracking) -> Self {
        api::DeviceConfiguration {
            challenge_required_on_new_device: Some(tracking.stands_for_second_factor),
            device_only_remembered_on_user_prompt: Some(tracking.on_prompt),
        }
    }
}

impl TestDevice {
    /// The device that a sign-in has given a key, with a secret of its own.
    pub fn of(signed_in: &api::AuthenticationResult, rng: &Rng) -> Self {
        let metadata = signed_in.new_device_metadata.as_ref().unwrap();
        TestDevice {
            key: metadata.device_key().to_owned(),
            group_key: metadata.device_group_key().to_owned(),
            secret: BASE64_STANDARD.encode(rng.bytes::<40>()),
        }
    }

    /// The id that stands in its key.
    pub fn id(&self, pool: &str) -> DeviceId {
        DeviceId::of_key(&PoolId(pool.to_owned()), &self.key).unwrap()
    }

    /// What proves the secret, as clients make it.
    pub fn verifier_config(&self, rng: &Rng) -> api::DeviceSecretVerifierConfig {
        let salt = rng.bytes::<16>();
        let verifier = srp::verifier(&self.as_pool(), &self.key, &self.secret, &salt);
        let signed = |bytes: Vec<u8>| if bytes[0] >= 0x80 { [vec![0], bytes].concat() } else { bytes };
        api::DeviceSecretVerifierConfig {
            password_verifier: Some(BASE64_STANDARD.encode(signed(verifier.to_bytes_be()))),
            salt: Some(BASE64_STANDARD.encode(signed(salt.to_vec()))),
        }
    }

    /// The id of a pool that would have the group's key as its name: in the hashes it stands there.
    pub fn as_pool(&self) -> String {
        format!("_{}", self.group_key)
    }
}

impl World {
    /// A pool that verifies e-mail addresses and tracks devices.
    pub async fn pool_with_devices(&self, tracking: Tracking) -> String {
        self.pool(|request| request.device_configuration = Some(tracking.into())).await
    }

    /// Has a pool track devices, with everything else as it is.
    pub async fn track_devices(&self, pool: &str, tracking: Tracking) {
        let (store, key) = (&*self.app.services.store, PoolKey { pool: PoolId(pool.to_owned()) });
        let record = store.read(&key).await.unwrap().unwrap().record;
        let devices = Some(records::DeviceTracking {
            stands_for_second_factor: tracking.stands_for_second_factor,
            remembered_on_prompt: tracking.on_prompt,
        });
        let mut batch = Batch::default();
        batch.put(&key, &records::Pool { devices, ..record });
        store.commit(batch).await.unwrap();
    }

    /// Gives a user a device that is remembered, whatever a sign-in would take.
    pub async fn give_device(&self, client: &TestClient, username: &str) -> TestDevice {
        let (services, id) = (&self.app.services, DeviceId(self.app.services.rng.uuid()));
        let pool = Cx::new(services).pool(&client.pool).await.unwrap();
        let identity = pool.device_identity(id);
        let secret = BASE64_STANDARD.encode(services.rng.bytes::<40>());
        let device = TestDevice { key: identity.username, group_key: identity.pool_name, secret };
        let config = device.verifier_config(&services.rng);
        let bytes = |text: &str| BASE64_STANDARD.decode(text).unwrap();
        let verifier = Verifier::made_by_client(&bytes(config.salt()), &bytes(config.password_verifier())).unwrap();
        let key = self.device_record(client, username, &device).await;
        let sealed_verifier = services.sealer.seal(&key.encoded(), verifier.bytes().expose(), &services.rng);
        let mut batch = Batch::default();
        batch.put(&key, &records::Device { sealed_verifier, remembered: true, ..Default::default() });
        services.store.commit(batch).await.unwrap();
        device
    }

    /// Confirms a device with an access token.
    pub async fn try_confirm_device(
        &self,
        access_token: &str,
        device: &TestDevice,
    ) -> Result<api::ConfirmDeviceResponse, Refusal> {
        self.call(confirmation(access_token, device, &self.app.services.rng)).await
    }

    /// Makes the device known that a sign-in has given a key.
    pub async fn confirm_device(&self, signed_in: &api::AuthenticationResult) -> TestDevice {
        let device = TestDevice::of(signed_in, &self.app.services.rng);
        self.try_confirm_device(signed_in.access_token(), &device).await.unwrap();
        device
    }

    /// Signs somebody in by [`PASSWORD`], who needs no more, and makes the device known.
    pub async fn device_of(&self, client: &TestClient, username: &str) -> TestDevice {
        self.confirm_device(&self.sign_in(client, username).await).await
    }

    /// The status of a device is set by an operator.
    pub async fn set_device_status(
        &self,
        client: &TestClient,
        username: &str,
        device: &TestDevice,
        status: device_remembered_status::Value,
    ) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(&client.pool, username);
        let request = api::AdminUpdateDeviceStatusRequest {
            user_pool_id,
            username,
            device_key: Some(device.key.clone()),
            device_remembered_status: Some(status.into()),
        };
        self.call(request).await.map(|_| ())
    }

    /// A device is forgotten by an operator.
    pub async fn forget_device(&self, client: &TestClient, username: &str, device: &TestDevice) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(&client.pool, username);
        let device_key = Some(device.key.clone());
        self.call(api::AdminForgetDeviceRequest { user_pool_id, username, device_key }).await
    }

    /// A device as an operator sees it.
    pub async fn admin_get_device(
        &self,
        client: &TestClient,
        username: &str,
        key: &str,
    ) -> Result<api::Device, Refusal> {
        let (user_pool_id, username) = named(&client.pool, username);
        let device_key = Some(key.to_owned());
        let request = api::AdminGetDeviceRequest { user_pool_id, username, device_key };
        self.call(request).await.map(|response| response.device.unwrap())
    }

    /// Where a device stands in the store.
    pub async fn device_record(&self, client: &TestClient, username: &str, device: &TestDevice) -> DeviceKey {
        DeviceKey { owner: self.owner(client, username).await, device: device.id(&client.pool) }
    }

    /// Refreshes with the key of a device.
    pub async fn refresh_with(
        &self,
        client: &TestClient,
        refresh_token: &str,
        device_key: &str,
    ) -> Result<api::AuthenticationResult, Refusal> {
        let flow = api::auth_flow::Value::RefreshTokenAuth;
        let parameters = vec![("REFRESH_TOKEN", refresh_token.to_owned()), ("DEVICE_KEY", device_key.to_owned())];
        let refreshed = self.call(super::fixtures::initiate_auth(client, flow, parameters)).await;
        refreshed.map(|response| response.authentication_result.unwrap())
    }
}

/// A request to make a device known.
pub fn confirmation(access_token: &str, device: &TestDevice, rng: &Rng) -> api::ConfirmDeviceRequest {
    api::ConfirmDeviceRequest {
        access_token: Some(access_token.to_owned()),
        device_key: Some(device.key.clone()),
        device_secret_verifier_config: Some(device.verifier_config(rng)),
        device_name: Some("A browser".to_owned()),
    }
}

/// The value of an attribute of a device.
pub fn device_attribute<'a>(device: &'a api::Device, name: &str) -> Option<&'a str> {
    super::fixtures::value_of(&device.device_attributes, name)
}

impl Person<'_> {
    /// Begins by the right password, and names a device.
    pub async fn proves_password_at(&self, device_key: &str) -> Answered {
        let flow = match self.by_back_end {
            true => api::auth_flow::Value::AdminUserPasswordAuth,
            false => api::auth_flow::Value::UserPasswordAuth,
        };
        self.begins(flow, &[("PASSWORD", PASSWORD), ("DEVICE_KEY", device_key)]).await
    }

    /// Begins the proof of a device.
    pub async fn begins_device(
        &self,
        session: &str,
        device: &TestDevice,
    ) -> Result<(SrpClient, api::RespondToAuthChallengeResponse), Refusal> {
        let own = SrpClient::new(&device.as_pool(), &self.world.app.services.rng);
        let number = own.number();
        let responses = [("DEVICE_KEY", device.key.as_str()), ("SRP_A", number.as_str())];
        let asked = self.answers(ChallengeName::DeviceSrpAuth, session, &responses).await?;
        assert_eq!(asked.challenge_name(), ChallengeName::DevicePasswordVerifier);
        Ok((own, asked))
    }

    /// Ends it, by this secret.
    pub async fn ends_device(
        &self,
        (own, asked): &(SrpClient, api::RespondToAuthChallengeResponse),
        device: &TestDevice,
        secret: &str,
    ) -> Answered {
        let proof = device_proof(self.world.now(), own, asked, device, secret);
        let responses: Vec<_> = proof.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.answers(ChallengeName::DevicePasswordVerifier, asked.session(), &responses).await
    }

    /// Proves a device whole, from DEVICE_SRP_AUTH on.
    pub async fn proves_device(&self, session: &str, device: &TestDevice) -> Answered {
        let begun = self.begins_device(session, device).await?;
        self.ends_device(&begun, device, &device.secret).await
    }
}

/// The answer to DEVICE_PASSWORD_VERIFIER by this secret, at this moment.
pub fn device_proof(
    now: jiff::Timestamp,
    own: &SrpClient,
    asked: &api::RespondToAuthChallengeResponse,
    device: &TestDevice,
    secret: &str,
) -> Vec<(&'static str, String)> {
    let timestamp = srp::timestamp(now);
    let question = Question::of_device(&asked.challenge_parameters);
    vec![
        ("DEVICE_KEY", device.key.clone()),
        ("PASSWORD_CLAIM_SIGNATURE", own.signature(&question, secret, &timestamp)),
        ("PASSWORD_CLAIM_SECRET_BLOCK", question.secret_block),
        ("TIMESTAMP", timestamp),
    ]
}
