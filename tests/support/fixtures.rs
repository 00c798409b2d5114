//! What most specifications start from: pools, clients and users, made through the service itself.

use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::{
    self, auth_flow, challenge_name, message_action, prevent_user_existence_error_types, user_pool_mfa,
    verified_attribute,
};
use cognate::domain::ids::ClientId;
use cognate::store::{Batch, ClientKey, records};

use super::srp::{self, Question, SrpClient};
use super::{Refusal, World};

/// A password that Cognito's default policy takes.
pub use super::seed::PASSWORD;

/// The password with which operators create users.
pub const TEMPORARY_PASSWORD: &str = "T3mporary!";

/// A password that is nobody's.
pub const WRONG_PASSWORD: &str = "Wr0ng-one!";

/// What a pool can ask for after the first proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    Sms,
    SoftwareToken,
    Email,
}

/// An application of a pool.
#[derive(Clone, Debug)]
pub struct TestClient {
    pub pool: String,
    pub id: String,
    pub secret: Option<String>,
}

impl TestClient {
    /// The SECRET_HASH over a name, if the client has a secret.
    pub fn secret_hash(&self, username: &str) -> Option<String> {
        let secret = cognate::crypto::secret::Secret::new(self.secret.clone()?.into_bytes());
        Some(cognate::crypto::secret_hash::secret_hash(&secret, username, &self.id))
    }

    /// A sign-up request of a user with an e-mail address and [`PASSWORD`].
    pub fn sign_up_request(&self, username: &str) -> api::SignUpRequest {
        api::SignUpRequest {
            client_id: Some(self.id.clone()),
            username: Some(username.to_owned()),
            password: Some(PASSWORD.to_owned()),
            secret_hash: self.secret_hash(username),
            user_attributes: vec![attribute("email", &format!("{username}@example.com"))],
            ..Default::default()
        }
    }

    /// A sign-in request by password.
    pub fn password_request(&self, username: &str, password: &str) -> api::InitiateAuthRequest {
        let mut parameters = vec![("USERNAME", username.to_owned()), ("PASSWORD", password.to_owned())];
        parameters.extend(self.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
        initiate_auth(self, auth_flow::Value::UserPasswordAuth, parameters)
    }
}

impl World {
    /// A pool that verifies e-mail addresses, with other settings as the test needs them.
    pub async fn pool(&self, configure: impl FnOnce(&mut api::CreateUserPoolRequest)) -> String {
        let mut request = api::CreateUserPoolRequest {
            pool_name: Some("pool".to_owned()),
            auto_verified_attributes: vec![verified_attribute::Value::Email.into()],
            ..Default::default()
        };
        configure(&mut request);
        self.call(request).await.unwrap().user_pool.unwrap().id.unwrap()
    }

    /// Has a pool ask for second factors, as `configuration` says, of those that the test names.
    pub async fn ask_for_second_factors(
        &self,
        pool: &str,
        configuration: user_pool_mfa::Value,
        factors: &[SecondFactor],
    ) {
        let has = |factor| factors.contains(&factor);
        let request = api::SetUserPoolMfaConfigRequest {
            user_pool_id: Some(pool.to_owned()),
            mfa_configuration: Some(configuration.into()),
            sms_mfa_configuration: has(SecondFactor::Sms).then(Default::default),
            software_token_mfa_configuration: has(SecondFactor::SoftwareToken)
                .then_some(api::SoftwareTokenMfaConfig { enabled: Some(true) }),
            email_mfa_configuration: has(SecondFactor::Email).then(Default::default),
            ..Default::default()
        };
        self.call(request).await.unwrap();
    }

    /// A client of a pool with every flow, with other settings as the test needs them.
    pub async fn client(
        &self,
        pool: &str,
        configure: impl FnOnce(&mut api::CreateUserPoolClientRequest),
    ) -> TestClient {
        let mut request = api::CreateUserPoolClientRequest {
            user_pool_id: Some(pool.to_owned()),
            client_name: Some("client".to_owned()),
            explicit_auth_flows: [
                ExplicitAuthFlow::AllowAdminUserPasswordAuth,
                ExplicitAuthFlow::AllowUserPasswordAuth,
                ExplicitAuthFlow::AllowRefreshTokenAuth,
                ExplicitAuthFlow::AllowUserAuth,
                ExplicitAuthFlow::AllowUserSrpAuth,
            ]
            .map(i32::from)
            .to_vec(),
            ..Default::default()
        };
        configure(&mut request);
        let client = self.call(request).await.unwrap().user_pool_client.unwrap();
        TestClient { pool: pool.to_owned(), id: client.client_id.unwrap(), secret: client.client_secret }
    }

    /// A pool that verifies e-mail addresses and a public client of it with every flow: where most tests begin.
    pub async fn app_client(&self) -> TestClient {
        let pool = self.pool(|_| {}).await;
        self.client(&pool, |_| {}).await
    }

    /// A sign-up request of a user with an e-mail address and [`PASSWORD`].
    pub fn sign_up_request(&self, client: &TestClient, username: &str) -> api::SignUpRequest {
        client.sign_up_request(username)
    }

    /// Signs a user up.
    pub async fn sign_up(&self, client: &TestClient, username: &str) -> api::SignUpResponse {
        self.call(self.sign_up_request(client, username)).await.unwrap()
    }

    /// A request to confirm a user by a code.
    pub fn confirm_request(&self, client: &TestClient, username: &str, code: &str) -> api::ConfirmSignUpRequest {
        api::ConfirmSignUpRequest {
            client_id: Some(client.id.clone()),
            username: Some(username.to_owned()),
            confirmation_code: Some(code.to_owned()),
            secret_hash: client.secret_hash(username),
            ..Default::default()
        }
    }

    pub async fn confirm(
        &self,
        client: &TestClient,
        username: &str,
        code: &str,
    ) -> Result<api::ConfirmSignUpResponse, Refusal> {
        self.call(self.confirm_request(client, username, code)).await
    }

    /// Asks for a new code. Gives where it went.
    pub async fn resend(&self, client: &TestClient, username: &str) -> Result<api::CodeDeliveryDetails, Refusal> {
        let request = api::ResendConfirmationCodeRequest {
            client_id: Some(client.id.clone()),
            username: Some(username.to_owned()),
            secret_hash: client.secret_hash(username),
            ..Default::default()
        };
        self.call(request).await.map(|response| response.code_delivery_details.unwrap())
    }

    /// Has a code sent for a forgotten password. Gives where it went.
    pub async fn forgot(&self, client: &TestClient, username: &str) -> Result<api::CodeDeliveryDetails, Refusal> {
        let request = api::ForgotPasswordRequest {
            client_id: Some(client.id.clone()),
            username: Some(username.to_owned()),
            secret_hash: client.secret_hash(username),
            ..Default::default()
        };
        self.call(request).await.map(|response| response.code_delivery_details.unwrap())
    }

    /// Sets a new password by a code.
    pub async fn confirm_forgot(
        &self,
        client: &TestClient,
        username: &str,
        code: &str,
        password: &str,
    ) -> Result<(), Refusal> {
        let request = api::ConfirmForgotPasswordRequest {
            client_id: Some(client.id.clone()),
            username: Some(username.to_owned()),
            confirmation_code: Some(code.to_owned()),
            password: Some(password.to_owned()),
            secret_hash: client.secret_hash(username),
            ..Default::default()
        };
        self.call(request).await.map(|_| ())
    }

    /// Sets another password with an access token.
    pub async fn change_password(&self, access_token: &str, previous: &str, proposed: &str) -> Result<(), Refusal> {
        let request = api::ChangePasswordRequest {
            access_token: Some(access_token.to_owned()),
            previous_password: Some(previous.to_owned()),
            proposed_password: Some(proposed.to_owned()),
        };
        self.call(request).await.map(|_| ())
    }

    /// Voids a user's password as an operator.
    pub async fn reset_password(&self, pool: &str, username: &str) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(pool, username);
        let client_metadata = Default::default();
        self.call(api::AdminResetUserPasswordRequest { user_pool_id, username, client_metadata }).await.map(|_| ())
    }

    /// Signs a user up and confirms the mailed code. Gives the `sub`.
    pub async fn confirmed_user(&self, client: &TestClient, username: &str) -> String {
        let signed_up = self.sign_up(client, username).await;
        let code = self.code_for(username).await;
        self.confirm(client, username, &code).await.unwrap();
        signed_up.user_sub
    }

    /// A sign-in request by password.
    pub fn password_request(&self, client: &TestClient, username: &str, password: &str) -> api::InitiateAuthRequest {
        client.password_request(username, password)
    }

    /// Signs in by [`PASSWORD`].
    pub async fn sign_in(&self, client: &TestClient, username: &str) -> api::AuthenticationResult {
        let response = self.call(self.password_request(client, username, PASSWORD)).await.unwrap();
        response.authentication_result.unwrap()
    }

    pub async fn try_password(&self, client: &TestClient, username: &str, password: &str) -> Result<(), Refusal> {
        self.call(self.password_request(client, username, password)).await.map(|_| ())
    }

    /// Begins by SRP.
    pub async fn begin_srp(&self, client: &TestClient, username: &str) -> Result<(SrpClient, Question), Refusal> {
        let own = SrpClient::new(&client.pool, &self.app.services.rng);
        let asked = self.call(srp_beginning(client, username, &own.number())).await?;
        assert_eq!(asked.challenge_name(), challenge_name::Value::PasswordVerifier);
        Ok((own, Question::of(&asked.challenge_parameters)))
    }

    /// Answers by a proof of the password.
    pub async fn prove_srp(
        &self,
        client: &TestClient,
        (own, question): &(SrpClient, Question),
        password: &str,
    ) -> Result<api::RespondToAuthChallengeResponse, Refusal> {
        let timestamp = srp::timestamp(self.now());
        self.call(srp_answer(client, question, &own.signature(question, password, &timestamp), &timestamp)).await
    }

    /// Signs in by SRP, as far as the proof of the password leads.
    pub async fn try_srp(
        &self,
        client: &TestClient,
        username: &str,
        password: &str,
    ) -> Result<api::RespondToAuthChallengeResponse, Refusal> {
        let begun = self.begin_srp(client, username).await?;
        self.prove_srp(client, &begun, password).await
    }

    pub async fn refresh(
        &self,
        client: &TestClient,
        refresh_token: &str,
    ) -> Result<api::AuthenticationResult, Refusal> {
        let parameters = vec![("REFRESH_TOKEN", refresh_token.to_owned())];
        let request = initiate_auth(client, auth_flow::Value::RefreshTokenAuth, parameters);
        self.call(request).await.map(|response| response.authentication_result.unwrap())
    }

    /// Exchanges a refresh token by `GetTokensFromRefreshToken`.
    pub async fn exchange(
        &self,
        client: &TestClient,
        refresh_token: &str,
    ) -> Result<api::AuthenticationResult, Refusal> {
        let request = api::GetTokensFromRefreshTokenRequest {
            refresh_token: Some(refresh_token.to_owned()),
            client_id: Some(client.id.clone()),
            client_secret: client.secret.clone(),
            ..Default::default()
        };
        self.call(request).await.map(|response| response.authentication_result.unwrap())
    }

    /// Has a client's refresh tokens rotate, each serving on for so many seconds after its use; or rotate no more.
    pub async fn rotate(&self, client: &TestClient, grace_seconds: Option<u32>) {
        let (store, key) = (&*self.app.services.store, ClientKey { client: ClientId(client.id.clone()) });
        let record = store.read(&key).await.unwrap().unwrap().record;
        let rotation_grace_seconds = grace_seconds.unwrap_or_default();
        let rotated =
            records::Client { refresh_token_rotation: grace_seconds.is_some(), rotation_grace_seconds, ..record };
        let mut batch = Batch::default();
        batch.put(&key, &rotated);
        store.commit(batch).await.unwrap();
    }

    pub async fn revoke(&self, client: &TestClient, refresh_token: &str) -> Result<(), Refusal> {
        let request = api::RevokeTokenRequest {
            token: Some(refresh_token.to_owned()),
            client_id: Some(client.id.clone()),
            client_secret: client.secret.clone(),
            ..Default::default()
        };
        self.call(request).await.map(|_| ())
    }

    pub async fn sign_out(&self, access_token: &str) -> Result<(), Refusal> {
        self.call(api::GlobalSignOutRequest { access_token: Some(access_token.to_owned()) }).await.map(|_| ())
    }

    /// Confirms a user without a code, so that no address is verified.
    pub async fn confirm_by_operator(&self, pool: &str, username: &str) {
        let request = api::AdminConfirmSignUpRequest {
            user_pool_id: Some(pool.to_owned()),
            username: Some(username.to_owned()),
            ..Default::default()
        };
        self.call(request).await.unwrap();
    }

    pub async fn get_user(&self, access_token: &str) -> Result<api::GetUserResponse, Refusal> {
        self.call(api::GetUserRequest { access_token: Some(access_token.to_owned()) }).await
    }

    pub async fn delete_user(&self, pool: &str, username: &str) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(pool, username);
        self.call(api::AdminDeleteUserRequest { user_pool_id, username }).await
    }

    pub async fn disable(&self, pool: &str, username: &str) {
        let (user_pool_id, username) = named(pool, username);
        self.call(api::AdminDisableUserRequest { user_pool_id, username }).await.unwrap();
    }

    pub async fn enable(&self, pool: &str, username: &str) {
        let (user_pool_id, username) = named(pool, username);
        self.call(api::AdminEnableUserRequest { user_pool_id, username }).await.unwrap();
    }

    /// Creates a user as an operator: with [`TEMPORARY_PASSWORD`], an e-mail address and no invitation, unless the test has it
    /// otherwise.
    pub async fn create_user(
        &self,
        pool: &str,
        username: &str,
        configure: impl FnOnce(&mut api::AdminCreateUserRequest),
    ) -> Result<api::User, Refusal> {
        let (user_pool_id, name) = named(pool, username);
        let mut request = api::AdminCreateUserRequest {
            user_pool_id,
            username: name,
            user_attributes: vec![attribute("email", &format!("{username}@example.com"))],
            temporary_password: Some(TEMPORARY_PASSWORD.to_owned()),
            message_action: Some(message_action::Value::Suppress.into()),
            ..Default::default()
        };
        configure(&mut request);
        self.call(request).await.map(|response| response.user.unwrap())
    }

    /// Gives a user a password that the next sign-in must replace.
    pub async fn set_temporary_password(&self, pool: &str, username: &str, password: &str) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(pool, username);
        let password = Some(password.to_owned());
        let request = api::AdminSetUserPasswordRequest { user_pool_id, username, password, permanent: Some(false) };
        self.call(request).await.map(|_| ())
    }

    /// Gives a user a password for good.
    pub async fn set_password(&self, pool: &str, username: &str, password: &str) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(pool, username);
        let (password, permanent) = (Some(password.to_owned()), Some(true));
        let request = api::AdminSetUserPasswordRequest { user_pool_id, username, password, permanent };
        self.call(request).await.map(|_| ())
    }

    /// Sets attributes as an operator.
    pub async fn update_attributes(
        &self,
        pool: &str,
        username: &str,
        attributes: &[(&str, &str)],
    ) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(pool, username);
        let user_attributes = attributes.iter().map(|(name, value)| attribute(name, value)).collect();
        let client_metadata = Default::default();
        let request =
            api::AdminUpdateUserAttributesRequest { user_pool_id, username, user_attributes, client_metadata };
        self.call(request).await.map(|_| ())
    }

    /// Deletes attributes as an operator.
    pub async fn delete_attributes(&self, pool: &str, username: &str, names: &[&str]) -> Result<(), Refusal> {
        let (user_pool_id, username) = named(pool, username);
        let user_attribute_names = names.iter().map(ToString::to_string).collect();
        let request = api::AdminDeleteUserAttributesRequest { user_pool_id, username, user_attribute_names };
        self.call(request).await.map(|_| ())
    }

    /// A user's attributes without `sub`, as `name=value`, for comparison.
    pub async fn attributes_of(&self, pool: &str, username: &str) -> Vec<String> {
        let user = self.admin_get_user(pool, username).await.unwrap();
        let others = user.user_attributes.iter().filter(|attribute| attribute.name() != "sub");
        others.map(|attribute| format!("{}={}", attribute.name(), attribute.value())).collect()
    }

    pub async fn admin_get_user(&self, pool: &str, username: &str) -> Result<api::AdminGetUserResponse, Refusal> {
        let request =
            api::AdminGetUserRequest { user_pool_id: Some(pool.to_owned()), username: Some(username.to_owned()) };
        self.call(request).await
    }
}

/// The two members by which an operator names a user.
pub fn named(pool: &str, username: &str) -> (Option<String>, Option<String>) {
    (Some(pool.to_owned()), Some(username.to_owned()))
}

/// An InitiateAuth request.
pub fn initiate_auth(
    client: &TestClient,
    flow: auth_flow::Value,
    parameters: impl IntoIterator<Item = (&'static str, String)>,
) -> api::InitiateAuthRequest {
    api::InitiateAuthRequest {
        client_id: Some(client.id.clone()),
        auth_flow: Some(flow.into()),
        auth_parameters: parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Default::default()
    }
}

/// The answer to a challenge.
pub fn answer(
    client: &TestClient,
    challenge: challenge_name::Value,
    session: &str,
    responses: impl IntoIterator<Item = (&'static str, String)>,
) -> api::RespondToAuthChallengeRequest {
    api::RespondToAuthChallengeRequest {
        client_id: Some(client.id.clone()),
        challenge_name: Some(challenge.into()),
        session: Some(session.to_owned()),
        challenge_responses: responses.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        ..Default::default()
    }
}

/// A request to begin by SRP.
pub fn srp_beginning(client: &TestClient, username: &str, srp_a: &str) -> api::InitiateAuthRequest {
    let mut parameters = vec![("USERNAME", username.to_owned()), ("SRP_A", srp_a.to_owned())];
    parameters.extend(client.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
    initiate_auth(client, auth_flow::Value::UserSrpAuth, parameters)
}

/// The answer to PASSWORD_VERIFIER with this proof.
pub fn srp_answer(
    client: &TestClient,
    question: &Question,
    signature: &str,
    timestamp: &str,
) -> api::RespondToAuthChallengeRequest {
    let mut responses = question.responses(signature, timestamp);
    responses.extend(client.secret_hash(&question.user_id).map(|hash| ("SECRET_HASH".to_owned(), hash)));
    api::RespondToAuthChallengeRequest {
        client_id: Some(client.id.clone()),
        challenge_name: Some(challenge_name::Value::PasswordVerifier.into()),
        challenge_responses: responses,
        ..Default::default()
    }
}

/// An AdminInitiateAuth request.
pub fn admin_initiate_auth(
    client: &TestClient,
    flow: auth_flow::Value,
    parameters: impl IntoIterator<Item = (&'static str, String)>,
) -> api::AdminInitiateAuthRequest {
    let public = initiate_auth(client, flow, parameters);
    api::AdminInitiateAuthRequest {
        user_pool_id: Some(client.pool.clone()),
        client_id: public.client_id,
        auth_flow: public.auth_flow,
        auth_parameters: public.auth_parameters,
        ..Default::default()
    }
}

/// The answer of a back end to a challenge.
pub fn admin_answer(
    client: &TestClient,
    challenge: challenge_name::Value,
    session: &str,
    responses: impl IntoIterator<Item = (&'static str, String)>,
) -> api::AdminRespondToAuthChallengeRequest {
    let public = answer(client, challenge, session, responses);
    api::AdminRespondToAuthChallengeRequest {
        user_pool_id: Some(client.pool.clone()),
        client_id: public.client_id,
        challenge_name: public.challenge_name,
        session: public.session,
        challenge_responses: public.challenge_responses,
        ..Default::default()
    }
}

/// Makes a client's answers not tell who exists.
pub fn hide_users(request: &mut api::CreateUserPoolClientRequest) {
    request.prevent_user_existence_errors = Some(prevent_user_existence_error_types::Value::Enabled.into());
}

/// Gives a client a secret.
pub fn with_secret(request: &mut api::CreateUserPoolClientRequest) {
    request.generate_secret = Some(true);
}

/// One attribute of a user.
pub fn attribute(name: &str, value: &str) -> api::Attribute {
    api::Attribute { name: Some(name.to_owned()), value: Some(value.to_owned()) }
}

/// The value of an attribute in a list.
pub fn value_of<'a>(attributes: &'a [api::Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.name() == name).map(api::Attribute::value)
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> serde_json::Value {
    cognate::crypto::jwt::unverified(token).unwrap()
}
