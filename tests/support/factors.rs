//! Sign-ins step by step, and what users prove themselves by beside the password.

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::json::FromJson;
use cognate::api::{self, Access, auth_factor, user_pool_mfa};
use cognate::app::Rpc;
use cognate::crypto::totp::TotpSecret;
use cognate::domain::ids::{PoolId, Sub};
use cognate::store::{
    Batch, Key as _, Owner, PasskeyKey, PasskeyOwnerKey, PoolKey, SoftwareTokenKey, UserKey, records,
};
use serde::Serialize;
use serde_json::json;

use super::authenticator::Authenticator;
use super::fixtures::{
    PASSWORD, SecondFactor, TestClient, admin_answer, admin_initiate_auth, answer, initiate_auth, value_of,
};
use super::passkeys::{self, Manners, Passkey};
use super::{Credential, Refusal, Wire, World};

/// What any step of a sign-in comes to.
pub type Answered = Result<api::RespondToAuthChallengeResponse, Refusal>;

/// Who signs in, through which client.
#[derive(Clone, Copy)]
pub struct Person<'a> {
    pub world: &'a World,
    pub client: &'a TestClient,
    pub username: &'a str,
    /// Whether a back end does it for them, by the operations of operators.
    pub by_back_end: bool,
    pub wire: Wire,
}

/// Any answer of the four operations as that of one of them, for comparison.
macro_rules! answered {
    ($reply:expr) => {
        $reply.map(|reply| api::RespondToAuthChallengeResponse {
            challenge_name: reply.challenge_name,
            session: reply.session,
            challenge_parameters: reply.challenge_parameters,
            authentication_result: reply.authentication_result,
            available_challenges: reply.available_challenges,
        })
    };
}

/// Policies by which users begin by password, or by one of these.
pub fn first_factors(factors: &[auth_factor::Value]) -> api::UserPoolPolicy {
    let allowed = [auth_factor::Value::Password].iter().chain(factors).map(|factor| (*factor).into()).collect();
    let sign_in_policy = Some(api::SignInPolicy { allowed_first_auth_factors: allowed });
    api::UserPoolPolicy { sign_in_policy, ..Default::default() }
}

impl World {
    /// Whoever has this name, at a client.
    pub fn person<'a>(&'a self, client: &'a TestClient, username: &'a str) -> Person<'a> {
        Person { world: self, client, username, by_back_end: false, wire: self.wire }
    }

    /// A pool that verifies e-mail addresses and allows these factors, beside the password, to begin by.
    pub async fn pool_with_first_factors(&self, factors: &[auth_factor::Value]) -> String {
        self.pool(|request| request.policies = Some(first_factors(factors))).await
    }

    /// A pool that asks for second factors, as `configuration` says, of these.
    pub async fn pool_with_second_factors(
        &self,
        configuration: user_pool_mfa::Value,
        factors: &[SecondFactor],
    ) -> String {
        let pool = self.pool(|_| {}).await;
        self.ask_for_second_factors(&pool, configuration, factors).await;
        pool
    }

    /// A confirmed user with the attributes that codes go to, verified, and [`PASSWORD`]. Each name has a number of its own.
    pub async fn reachable_user(&self, client: &TestClient, username: &str) {
        self.create_user(&client.pool, username, |request| {
            let phone_number = phone_number_of(username);
            let attributes =
                [("email_verified", "true"), ("phone_number", &phone_number), ("phone_number_verified", "true")];
            let attributes = attributes.map(|(name, value)| super::fixtures::attribute(name, value));
            request.user_attributes.extend(attributes);
        })
        .await
        .unwrap();
        self.set_password(&client.pool, username, PASSWORD).await.unwrap();
    }

    /// Where a user stands in the store.
    pub async fn owner(&self, client: &TestClient, username: &str) -> Owner {
        let user = self.admin_get_user(&client.pool, username).await.unwrap();
        let sub = Sub::parse(value_of(&user.user_attributes, "sub").unwrap()).unwrap();
        Owner { pool: PoolId(client.pool.clone()), sub }
    }

    /// Has a user turn on these second factors, and no others, and prefer one.
    pub async fn turn_on(
        &self,
        client: &TestClient,
        username: &str,
        factors: &[SecondFactor],
        preferred: Option<SecondFactor>,
    ) {
        let store = &*self.app.services.store;
        let key = UserKey { owner: self.owner(client, username).await };
        let record = store.read(&key).await.unwrap().unwrap().record;
        let preferred = preferred.map(|factor| match factor {
            SecondFactor::Sms => records::SecondFactor::SmsCode,
            SecondFactor::SoftwareToken => records::SecondFactor::SoftwareToken,
            SecondFactor::Email => records::SecondFactor::EmailCode,
        });
        let mfa = records::MfaPreference {
            sms: factors.contains(&SecondFactor::Sms),
            software_token: factors.contains(&SecondFactor::SoftwareToken),
            email: factors.contains(&SecondFactor::Email),
            preferred: preferred.unwrap_or_default().into(),
        };
        let mut batch = Batch::default();
        batch.put(&key, &records::User { mfa: Some(mfa), ..record });
        store.commit(batch).await.unwrap();
    }

    /// Gives a user an authenticator app, another one each time.
    pub async fn give_authenticator(&self, client: &TestClient, username: &str) {
        let services = &self.app.services;
        let key = SoftwareTokenKey { owner: self.owner(client, username).await };
        let secret = TotpSecret::mint(&services.rng);
        let sealed = services.sealer.seal(&key.encoded(), secret.bytes().expose(), &services.rng);
        let token = records::SoftwareToken {
            sealed_secret: Some(sealed),
            friendly_device_name: Some("my phone".to_owned()),
            ..Default::default()
        };
        let mut batch = Batch::default();
        batch.put(&key, &token);
        services.store.commit(batch).await.unwrap();
    }

    /// The authenticator app of a user, which the service knows.
    pub async fn authenticator_of(&self, client: &TestClient, username: &str) -> Authenticator {
        let services = &self.app.services;
        let key = SoftwareTokenKey { owner: self.owner(client, username).await };
        let token = services.store.read(&key).await.unwrap().unwrap();
        let secret = services.sealer.open(&key.encoded(), token.sealed_secret.as_deref().unwrap()).unwrap();
        Authenticator::of(&TotpSecret::of(secret).shown())
    }

    /// Has a pool take passkeys for this relying party, for one factor or for two. All else stays.
    pub async fn take_passkeys(&self, pool: &str, relying_party: &str, stands_for_two: bool) {
        let store = &*self.app.services.store;
        let key = PoolKey { pool: PoolId(pool.to_owned()) };
        let record = store.read(&key).await.unwrap().unwrap().record;
        let web_authn = records::WebAuthn {
            relying_party_id: Some(relying_party.to_owned()),
            factor_configuration: stands_for_two.then(|| "MULTI_FACTOR_WITH_USER_VERIFICATION".to_owned()),
            ..Default::default()
        };
        let mut batch = Batch::default();
        batch.put(&key, &records::Pool { web_authn: Some(web_authn), ..record });
        store.commit(batch).await.unwrap();
    }

    /// Gives a user a passkey for this relying party, another one each time.
    pub async fn give_passkey(&self, client: &TestClient, username: &str, relying_party: &str) -> Passkey {
        let services = &self.app.services;
        let owner = self.owner(client, username).await;
        let user_handle = passkeys::encoded(owner.sub.to_string().as_bytes());
        let options = json!({"challenge": "", "rp": {"id": relying_party}, "user": {"id": user_handle}});
        let (passkey, _) = Passkey::create(&options, &Manners::default(), &services.rng);
        let key = UserKey { owner: owner.clone() };
        let user = services.store.read(&key).await.unwrap().unwrap().record;
        let record = records::Passkey {
            relying_party_id: relying_party.to_owned(),
            public_key: passkey.public_key(),
            ..Default::default()
        };
        let mut batch = Batch::default();
        let credential = passkey.id.clone();
        let sub = owner.sub.to_string();
        batch.put(&PasskeyOwnerKey { pool: owner.pool.clone(), credential }, &records::NameOwner { sub });
        batch.put(&PasskeyKey { owner, credential: passkey.id.clone() }, &record);
        batch.put(&key, &records::User { passkeys: user.passkeys + 1, ..user });
        services.store.commit(batch).await.unwrap();
        passkey
    }

    /// The newest code sent to this address.
    pub async fn code_to(&self, address: &str) -> String {
        let mail = self.mail().await;
        let newest = mail.iter().rfind(|message| message.to == address);
        newest.unwrap_or_else(|| panic!("no mail to {address}")).code.clone()
    }

    /// How many messages have been sent.
    pub async fn messages(&self) -> usize {
        self.mail().await.len()
    }
}

/// The telephone number of the user of this name.
pub fn phone_number_of(username: &str) -> String {
    let number = username.bytes().fold(0_u64, |number, byte| (number * 31 + u64::from(byte)) % 10_000_000);
    format!("+1555{number:07}")
}

/// The e-mail address of the user of this name.
pub fn email_of(username: &str) -> String {
    format!("{username}@example.com")
}

impl<'a> Person<'a> {
    /// The same through their back end.
    pub fn by_back_end(self) -> Self {
        Person { by_back_end: true, ..self }
    }

    /// The same by another name.
    pub fn named(self, username: &'a str) -> Self {
        Person { username, ..self }
    }

    /// The same at another client.
    pub fn at(self, client: &'a TestClient) -> Self {
        Person { client, ..self }
    }

    /// The same over this wire.
    pub fn over(self, wire: Wire) -> Self {
        Person { wire, ..self }
    }

    async fn call<R>(&self, request: R) -> Result<R::Response, Refusal>
    where
        R: Rpc + prost::Message + Default + Serialize,
        R::Response: prost::Message + Default + FromJson + 'static,
    {
        let credential = match R::OP.access() {
            Access::Operator => Credential::AccessKey(self.world.operator.clone()),
            _ => Credential::None,
        };
        self.world.call_over(self.wire, &credential, request).await
    }

    fn with(&self, more: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let mut all = vec![("USERNAME", self.username.to_owned())];
        all.extend(self.client.secret_hash(self.username).map(|hash| ("SECRET_HASH", hash)));
        all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    }

    /// Begins by a flow.
    pub async fn begins(&self, flow: AuthFlow, more: &[(&'static str, &str)]) -> Answered {
        match self.by_back_end {
            true => answered!(self.call(admin_initiate_auth(self.client, flow, self.with(more))).await),
            false => answered!(self.call(initiate_auth(self.client, flow, self.with(more))).await),
        }
    }

    /// Begins by the password.
    pub async fn proves_password(&self, password: &str) -> Answered {
        let flow = if self.by_back_end { AuthFlow::AdminUserPasswordAuth } else { AuthFlow::UserPasswordAuth };
        self.begins(flow, &[("PASSWORD", password)]).await
    }

    /// Begins by a choice that comes along.
    pub async fn prefers(&self, challenge: &str) -> Answered {
        self.begins(AuthFlow::UserAuth, &[("PREFERRED_CHALLENGE", challenge)]).await
    }

    /// Answers a challenge.
    pub async fn answers(&self, challenge: ChallengeName, session: &str, more: &[(&'static str, &str)]) -> Answered {
        match self.by_back_end {
            true => answered!(self.call(admin_answer(self.client, challenge, session, self.with(more))).await),
            false => self.call(answer(self.client, challenge, session, self.with(more))).await,
        }
    }
}
