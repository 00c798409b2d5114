//! No secret is where it does not belong: not in any file of the data directory, and not in what the process says.

use std::fs;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use cognate::api::{
    self, auth_flow, challenge_name, delivery_medium, explicit_auth_flows, message_action, user_pool_mfa,
};
use cognate::rng::Rng;
use regex::Regex;

use crate::rotation::Rotation;
use crate::support::authenticator::Authenticator;
use crate::support::devices::{TestDevice, Tracking, confirmation, device_proof};
use crate::support::fixtures::{PASSWORD, TestClient, answer, attribute, initiate_auth};
use crate::support::process::{Caller, Service, code_for, eventually, mail, serve};
use crate::support::srp::SrpClient;
use crate::support::{Credential, http, raw};

/// What was said in confidence, each with a name for the failure.
#[derive(Default)]
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn add(&mut self, what: &'static str, secret: &str) {
        assert!(!secret.is_empty(), "{what}");
        self.0.push((what, secret.to_owned()));
    }

    /// The secret, and the forms in which a careless program might write it.
    fn needles(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut needles = Vec::new();
        for (what, secret) in &self.0 {
            let bytes = secret.as_bytes();
            if bytes.len() > 32
                && let Ok(decoded) = hex::decode(secret)
            {
                needles.push((*what, decoded));
            }
            needles.push((*what, bytes.to_vec()));
            // Too short to be told from chance when it is encoded.
            if bytes.len() > 6 {
                needles.push((*what, hex::encode(bytes).into_bytes()));
                needles.push((*what, BASE64_STANDARD.encode(bytes).trim_end_matches('=').as_bytes().to_vec()));
                needles.push((*what, BASE64_URL_SAFE_NO_PAD.encode(bytes).into_bytes()));
            }
        }
        needles
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Every file below a directory.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|path| path.is_dir() || path.is_file());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Lives through everything that has a secret in it.
async fn use_everything(service: &Service, secrets: &mut Secrets) {
    let (caller, outbox) = (&service.caller, &service.quickstart.outbox);
    for client in [service.quickstart.public(), service.quickstart.confidential()] {
        let name = if client.secret.is_some() { "confidential-carol" } else { "public-paula" };
        let hash = client.secret_hash(name);
        let password = format!("{PASSWORD}{name}");
        secrets.add("password", &password);
        if let Some(secret) = &client.secret {
            secrets.add("client secret", secret);
            secrets.add("secret hash", hash.as_ref().unwrap());
        }

        let sign_up = api::SignUpRequest { password: Some(password.clone()), ..client.sign_up_request(name) };
        let signed_up = caller.call(sign_up.clone()).await.unwrap();
        let session = signed_up.session.unwrap();
        secrets.add("session after sign-up", &session);
        caller.call(sign_up).await.unwrap_err();
        let weak = api::SignUpRequest { password: Some("weak-weak".into()), ..client.sign_up_request("weak-willy") };
        secrets.add("refused password", "weak-weak");
        caller.call(weak).await.unwrap_err();
        secrets.add("first code", &code_for(outbox, name).await);
        let resend = api::ResendConfirmationCodeRequest {
            client_id: Some(client.id.clone()),
            username: Some(name.to_owned()),
            secret_hash: hash.clone(),
            ..Default::default()
        };
        let known = mail(outbox).len();
        caller.call(resend).await.unwrap();
        eventually("the second code", || (mail(outbox).len() > known).then_some(())).await;
        let code = code_for(outbox, name).await;
        secrets.add("second code", &code);
        let confirmation = |code: &str| api::ConfirmSignUpRequest {
            client_id: Some(client.id.clone()),
            username: Some(name.to_owned()),
            confirmation_code: Some(code.to_owned()),
            secret_hash: hash.clone(),
            session: Some(session.clone()),
            ..Default::default()
        };
        secrets.add("wrong code", "wrong-wrong-code");
        caller.call(confirmation("wrong-wrong-code")).await.unwrap_err();
        let session = caller.call(confirmation(&code)).await.unwrap().session.unwrap();
        secrets.add("session after confirmation", &session);

        let mut parameters = vec![("USERNAME", name.to_owned())];
        parameters.extend(hash.clone().map(|hash| ("SECRET_HASH", hash)));
        let user_auth = initiate_auth(&client, auth_flow::Value::UserAuth, parameters.clone());
        let by_session = api::InitiateAuthRequest { session: Some(session), ..user_auth.clone() };
        remember(secrets, caller.call(by_session).await.unwrap().authentication_result.unwrap());

        let session = caller.call(user_auth).await.unwrap().session.unwrap();
        secrets.add("session of a challenge", &session);
        parameters.push(("ANSWER", "PASSWORD".to_owned()));
        parameters.push(("PASSWORD", password.clone()));
        let answer = api::RespondToAuthChallengeRequest {
            client_id: Some(client.id.clone()),
            challenge_name: Some(challenge_name::Value::SelectChallenge.into()),
            session: Some(session),
            challenge_responses: parameters.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            ..Default::default()
        };
        remember(secrets, caller.call(answer).await.unwrap().authentication_result.unwrap());

        secrets.add("wrong password", "Wr0ng-and-wr0ng!");
        caller.call(client.password_request(name, "Wr0ng-and-wr0ng!")).await.unwrap_err();
        let signed_in = over_json(service, &client.password_request(name, &password)).await;
        let result = &signed_in["AuthenticationResult"];
        for (what, member) in
            [("access token", "AccessToken"), ("ID token", "IdToken"), ("refresh token", "RefreshToken")]
        {
            secrets.add(what, result[member].as_str().unwrap());
        }
        let access_token = result["AccessToken"].as_str().unwrap();
        replace_password(service, &client, name, &password, access_token, secrets).await;
        use_tokens(caller, &client, name, result["RefreshToken"].as_str().unwrap(), secrets).await;
    }
    use_an_app(service, secrets).await;
    use_a_device(service, secrets).await;
    rotate_and_search(service, secrets).await;
    be_invited(service, secrets).await;
    let key = service.quickstart.operator();
    secrets.add("secret access key", &key.secret);
    secrets.add("basic credential", &BASE64_STANDARD.encode(format!("{}:{}", key.id, key.secret)));
    let request = api::DescribeUserPoolClientRequest {
        user_pool_id: Some(service.quickstart.user_pool_id.clone()),
        client_id: Some(service.quickstart.confidential().id),
    };
    let described = caller.call(request).await.unwrap().user_pool_client.unwrap();
    assert_eq!(described.client_secret, service.quickstart.confidential().secret);
    for given in [None, Some("An0ther+secret+that+is+given")] {
        let (user_pool_id, client_id) = (described.user_pool_id.clone(), described.client_id.clone());
        let request = api::AddUserPoolClientSecretRequest {
            user_pool_id: user_pool_id.clone(),
            client_id: client_id.clone(),
            client_secret: given.map(str::to_owned),
        };
        let added = caller.call(request).await.unwrap().client_secret_descriptor.unwrap();
        secrets.add("added client secret", given.unwrap_or(added.client_secret_value()));
        let client_secret_id = added.client_secret_id;
        let request = api::DeleteUserPoolClientSecretRequest { user_pool_id, client_id, client_secret_id };
        caller.call(request).await.unwrap();
    }
}

/// Changes the password, forgets the new one, and sets the old one again by a code.
async fn replace_password(
    service: &Service,
    client: &TestClient,
    name: &str,
    password: &str,
    access_token: &str,
    secrets: &mut Secrets,
) {
    let (caller, outbox) = (&service.caller, &service.quickstart.outbox);
    secrets.add("changed password", "Ch4nged-to-this!");
    let change = api::ChangePasswordRequest {
        access_token: Some(access_token.to_owned()),
        previous_password: Some(password.to_owned()),
        proposed_password: Some("Ch4nged-to-this!".to_owned()),
    };
    caller.call(change).await.unwrap();
    let forgotten = api::ForgotPasswordRequest {
        client_id: Some(client.id.clone()),
        username: Some(name.to_owned()),
        secret_hash: client.secret_hash(name),
        ..Default::default()
    };
    let known = mail(outbox).len();
    caller.call(forgotten).await.unwrap();
    eventually("the code for the password", || (mail(outbox).len() > known).then_some(())).await;
    let code = code_for(outbox, name).await;
    secrets.add("code for the password", &code);
    let confirmation = |code: &str| api::ConfirmForgotPasswordRequest {
        client_id: Some(client.id.clone()),
        username: Some(name.to_owned()),
        confirmation_code: Some(code.to_owned()),
        password: Some(password.to_owned()),
        secret_hash: client.secret_hash(name),
        ..Default::default()
    };
    caller.call(confirmation("wrong-wrong-code")).await.unwrap_err();
    caller.call(confirmation(&code)).await.unwrap();
}

/// Is created by the operator, and comes with the password that was mailed.
async fn be_invited(service: &Service, secrets: &mut Secrets) {
    let (caller, name, client) = (&service.caller, "invited-ida", service.quickstart.public());
    let request = api::AdminCreateUserRequest {
        user_pool_id: Some(client.pool.clone()),
        username: Some(name.to_owned()),
        user_attributes: vec![attribute("email", "ida@example.com")],
        desired_delivery_mediums: vec![delivery_medium::Value::Email.into()],
        ..Default::default()
    };
    caller.call(request).await.unwrap();
    let temporary = code_for(&service.quickstart.outbox, name).await;
    secrets.add("temporary password", &temporary);
    let session = caller.call(client.password_request(name, &temporary)).await.unwrap().session.unwrap();
    secrets.add("session of a temporary password", &session);
    let password = format!("{PASSWORD}{name}");
    secrets.add("password in place of a temporary one", &password);
    let responses = [("USERNAME", name.to_owned()), ("NEW_PASSWORD", password)];
    let answer = answer(&client, challenge_name::Value::NewPasswordRequired, &session, responses);
    remember(secrets, caller.call(answer).await.unwrap().authentication_result.unwrap());
}

async fn use_tokens(caller: &Caller, client: &TestClient, name: &str, refresh_token: &str, secrets: &mut Secrets) {
    let mut parameters = vec![("REFRESH_TOKEN", refresh_token.to_owned())];
    parameters.extend(client.secret_hash(name).map(|hash| ("SECRET_HASH", hash)));
    let refresh = initiate_auth(client, auth_flow::Value::RefreshTokenAuth, parameters);
    let fresh = caller.call(refresh).await.unwrap().authentication_result.unwrap();
    let access_token = fresh.access_token.clone();
    remember(secrets, fresh);
    caller.call(api::GetUserRequest { access_token: access_token.clone() }).await.unwrap();
    let revocation = api::RevokeTokenRequest {
        token: Some(refresh_token.to_owned()),
        client_id: Some(client.id.clone()),
        client_secret: client.secret.clone(),
        ..Default::default()
    };
    caller.call(revocation).await.unwrap();
    caller.call(api::GetUserRequest { access_token: access_token.clone() }).await.unwrap_err();
    caller.call(api::GlobalSignOutRequest { access_token }).await.unwrap_err();
}

/// Registers an authenticator app in a pool that asks for one: with an access token, and within a sign-in.
#[expect(clippy::disallowed_methods, reason = "a real process judges codes by the machine's clock")]
async fn use_an_app(service: &Service, secrets: &mut Secrets) {
    let (caller, client, name) = (&service.caller, service.quickstart.public(), "public-paula");
    let set = |mfa: user_pool_mfa::Value| api::SetUserPoolMfaConfigRequest {
        user_pool_id: Some(client.pool.clone()),
        software_token_mfa_configuration: (mfa != user_pool_mfa::Value::Off)
            .then_some(api::SoftwareTokenMfaConfig { enabled: Some(true) }),
        mfa_configuration: Some(mfa.into()),
        ..Default::default()
    };
    let sign_in = client.password_request(name, &format!("{PASSWORD}{name}"));
    let tokens = caller.call(sign_in.clone()).await.unwrap().authentication_result.unwrap();
    let access_token = tokens.access_token.clone();
    remember(secrets, tokens);
    caller.call(set(user_pool_mfa::Value::On)).await.unwrap();
    let asked = caller.call(sign_in).await.unwrap().session;
    for (access_token, session) in [(access_token, None), (None, asked)] {
        let request = api::AssociateSoftwareTokenRequest { access_token: access_token.clone(), session };
        let associated = caller.call(request).await.unwrap();
        secrets.add("secret of an app", associated.secret_code());
        let app = Authenticator::of(associated.secret_code());
        secrets.add("bytes of an app's secret, in hexadecimal", &app.hex());
        let request = api::VerifySoftwareTokenRequest {
            access_token,
            session: associated.session.clone(),
            user_code: Some(app.code(jiff::Timestamp::now())),
            ..Default::default()
        };
        let session = caller.call(request).await.unwrap().session;
        secrets.0.extend(associated.session.map(|session| ("session of a set-up", session)));
        secrets.0.extend(session.map(|session| ("session of an app that is set up", session)));
    }
    caller.call(set(user_pool_mfa::Value::Off)).await.unwrap();
}

/// Makes a device known in a pool that tracks them, and signs in with it.
#[expect(clippy::disallowed_methods, reason = "a real process judges proofs by the machine's clock")]
async fn use_a_device(service: &Service, secrets: &mut Secrets) {
    let (caller, name, rng) = (&service.caller, "public-paula", Rng::seeded(20_260_111));
    let request = api::CreateUserPoolRequest {
        pool_name: Some("devices".to_owned()),
        device_configuration: Some(Tracking::default().into()),
        ..Default::default()
    };
    let pool = caller.call(request).await.unwrap().user_pool.unwrap().id.unwrap();
    let request = api::CreateUserPoolClientRequest {
        user_pool_id: Some(pool.clone()),
        client_name: Some("devices".to_owned()),
        explicit_auth_flows: vec![explicit_auth_flows::Value::AllowUserPasswordAuth.into()],
        ..Default::default()
    };
    let id = caller.call(request).await.unwrap().user_pool_client.unwrap().client_id.unwrap();
    let client = TestClient { pool: pool.clone(), id, secret: None };
    let request = api::AdminCreateUserRequest {
        user_pool_id: Some(pool.clone()),
        username: Some(name.to_owned()),
        message_action: Some(message_action::Value::Suppress.into()),
        ..Default::default()
    };
    caller.call(request).await.unwrap();
    let password = format!("{PASSWORD}of-the-device");
    let request = api::AdminSetUserPasswordRequest {
        user_pool_id: Some(pool),
        username: Some(name.to_owned()),
        password: Some(password.clone()),
        permanent: Some(true),
    };
    caller.call(request).await.unwrap();
    secrets.add("password", &password);
    let mut sign_in = client.password_request(name, &password);
    let signed_in = caller.call(sign_in.clone()).await.unwrap().authentication_result.unwrap();
    let device = TestDevice::of(&signed_in, &rng);
    let request = confirmation(signed_in.access_token(), &device, &rng);
    let verifier = request.device_secret_verifier_config.as_ref().unwrap().password_verifier().to_owned();
    let bytes = BASE64_STANDARD.decode(&verifier).unwrap();
    secrets.add("verifier of a device, in hexadecimal", &hex::encode(&bytes[bytes.len() - 256..]));
    secrets.add("verifier of a device", &verifier);
    caller.call(request).await.unwrap();
    remember(secrets, signed_in);

    sign_in.auth_parameters.insert("DEVICE_KEY".to_owned(), device.key.clone());
    let asked = caller.call(sign_in).await.unwrap();
    secrets.add("session that asks for a device", asked.session());
    let own = SrpClient::new(&device.as_pool(), &rng);
    let responses = vec![("USERNAME", name.to_owned()), ("DEVICE_KEY", device.key.clone()), ("SRP_A", own.number())];
    let begins = answer(&client, challenge_name::Value::DeviceSrpAuth, asked.session(), responses);
    let asked = caller.call(begins).await.unwrap();
    secrets.add("session that asks for the proof of a device", asked.session());
    let mut responses = device_proof(jiff::Timestamp::now(), &own, &asked, &device, &device.secret);
    responses.push(("USERNAME", name.to_owned()));
    let ends = answer(&client, challenge_name::Value::DevicePasswordVerifier, asked.session(), responses);
    remember(secrets, caller.call(ends).await.unwrap().authentication_result.unwrap());
}

/// Uses refresh tokens up, one of them twice, and looks for the user by address.
async fn rotate_and_search(service: &Service, secrets: &mut Secrets) {
    let (caller, pool, name) = (&service.caller, &service.quickstart.user_pool_id, "public-paula");
    let rotation = Rotation::by(caller.call(Rotation::client_request(pool, "rotating")).await.unwrap());
    let sign_in = rotation.client.password_request(name, &format!("{PASSWORD}{name}"));
    let signed_in = caller.call(sign_in).await.unwrap().authentication_result.unwrap();
    let exchange = rotation.request(signed_in.refresh_token());
    remember(secrets, caller.call(exchange.clone()).await.unwrap().authentication_result.unwrap());
    caller.call(exchange).await.unwrap_err();
    remember(secrets, signed_in);
    let (user_pool_id, filter) = (Some(pool.clone()), Some(format!("email = \"{name}@example.com\"")));
    let found = caller.call(api::ListUsersRequest { user_pool_id, filter, ..Default::default() }).await.unwrap();
    assert_eq!(found.users.len(), 1);
}

fn remember(secrets: &mut Secrets, tokens: api::AuthenticationResult) {
    secrets.add("access token", tokens.access_token());
    secrets.add("ID token", tokens.id_token());
    if let Some(token) = &tokens.refresh_token {
        secrets.add("refresh token", token);
    }
}

/// Signs in over the AWS wire; and, as the operator, sends a signed request there that is refused.
#[expect(clippy::disallowed_methods, reason = "a real process judges signatures by the machine's clock")]
async fn over_json(service: &Service, request: &api::InitiateAuthRequest) -> serde_json::Value {
    let headers = |operation: &str| {
        vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), format!("AWSCognitoIdentityProviderService.{operation}")),
        ]
    };
    let (mut signed, body) = (headers("DescribeUserPool"), br#"{"UserPoolId":"us-east-1_Nowhere12"}"#);
    let (now, region) = (jiff::Timestamp::now(), &service.quickstart.region);
    let operator = Credential::AccessKey(service.quickstart.operator());
    signed.extend(raw::aws_headers(&service.address, &signed, body, &operator, now, region));
    let refused = http::post(&service.address, "/", &signed, body.to_vec()).await;
    assert_eq!(refused.refusal().exception, "ResourceNotFoundException");
    let body = serde_json::to_vec(request).unwrap();
    http::post(&service.address, "/", &headers("InitiateAuth"), body).await.json()
}

/// Text without what is random or measured, in which a code's six digits could stand by chance.
fn without_chance(text: &str) -> String {
    let uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    Regex::new(&format!(r"{uuid}|[0-9]+\.[0-9]+")).unwrap().replace_all(text, "…").into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_nowhere_in_the_clear() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let command = || {
        let mut command = serve(&data);
        command.env("COGNATE_LOG", "debug");
        command
    };
    let mut secrets = Secrets::default();
    let mut first = Service::start(&mut command(), &data);
    use_everything(&first, &mut secrets).await;
    // What a crash leaves on disk, and what an orderly end leaves there.
    first.process.kill();
    search_files(&data, &secrets);
    let mut second = Service::start(&mut command(), &data);
    let sign_in = second.quickstart.public().password_request("public-paula", &format!("{PASSWORD}public-paula"));
    remember(&mut secrets, second.caller.call(sign_in).await.unwrap().authentication_result.unwrap());
    second.process.terminate();
    assert!(second.process.end().success());
    search_files(&data, &secrets);

    let listens = format!("Cognate listens on http://{}\n", second.address);
    assert_eq!(second.process.output(), listens, "a later start prints nothing else");
    let tour = first.process.output().to_owned();
    let shown = ["secret access key", "basic credential"];
    let in_tour: Vec<_> = secrets.0.iter().filter(|(what, _)| !shown.contains(what)).collect();
    for (what, secret) in in_tour {
        assert!(!tour.contains(secret.as_str()), "the {what} is in the tour");
    }
    for process in [&mut first.process, &mut second.process] {
        let log = without_chance(process.errors());
        assert!(log.contains("\"operation\":\"InitiateAuth\""), "there is a log to search: {log}");
        for (what, needle) in secrets.needles() {
            let line = log.lines().find(|line| contains(line.as_bytes(), &needle));
            assert_eq!(line, None, "the {what} is in the log");
        }
        for name in ["confidential-carol", "public-paula", "weak-willy", "invited-ida", "example.com"] {
            let line = log.lines().find(|line| line.contains(name));
            assert_eq!(line, None, "{name} is in the log");
        }
    }
}

/// Searches every file but the two that are there to be read by their owner.
fn search_files(data: &Path, secrets: &Secrets) {
    let files = files(data);
    let contents: Vec<(_, Vec<u8>)> = files.iter().map(|path| (path, fs::read(path).unwrap())).collect();
    // The search finds what is there: names are kept in the clear, and codes stand in the mail.
    assert!(
        contents.iter().any(|(path, bytes)| path.starts_with(data.join("store")) && contains(bytes, b"public-paula"))
    );
    let mail = fs::read(data.join("outbox.jsonl")).unwrap();
    assert!(secrets.0.iter().any(|(what, code)| *what == "second code" && contains(&mail, code.as_bytes())));
    for (path, bytes) in contents {
        if path.ends_with("quickstart.json") || path.ends_with("outbox.jsonl") {
            continue;
        }
        for (what, needle) in secrets.needles() {
            assert!(!contains(&bytes, &needle), "the {what} is in {}", path.display());
        }
    }
}
