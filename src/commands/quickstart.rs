//! The first start: a pool, two clients and an operator, and how to use them.
//!
//! The facts stand in `quickstart.json` (mode 0600). A start that was interrupted leaves the file `initialising` and is
//! begun anew.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::{Deserialize, Serialize};

use crate::access::principals::{Arn, principals_file};
use crate::access::{Grant, access_keys};
use crate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use crate::api::json::UnknownNames;
use crate::api::{self, verified_attribute};
use crate::app::{App, Call, Operation};
use crate::config::Config;
use crate::crypto::keys::KeyEncryptionKey;
use crate::domain::ids::PoolId;
use crate::domain::source::Source;
use crate::rng::Rng;
use crate::server::CannotServe;

/// What `quickstart.json` says.
#[derive(Serialize, Deserialize)]
pub struct Quickstart {
    endpoint: String,
    region: String,
    issuer: String,
    user_pool_id: String,
    client_id: String,
    confidential_client: ConfidentialClient,
    access_key: AccessKey,
    outbox: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct ConfidentialClient {
    client_id: String,
    client_secret: String,
}

#[derive(Serialize, Deserialize)]
struct AccessKey {
    access_key_id: String,
    secret_access_key: String,
}

/// Whether nothing was set up here yet, or only half of it.
pub fn is_due(config: &Config) -> bool {
    marker(config).exists()
        || !(config.store_directory().exists() || principals_file(&config.access_directory()).exists())
}

fn marker(config: &Config) -> PathBuf {
    config.data.join("initialising")
}

/// Marks the first start as begun, before it makes anything, and makes a key-encryption key if there is none.
pub fn begin(config: &Config) -> Result<(), CannotServe> {
    fs::write(marker(config), "").map_err(|cause| CannotServe(format!("{}: {cause}", config.data.display())))?;
    let path = config.key_encryption_key_file();
    if path.exists() {
        return Ok(());
    }
    let made = KeyEncryptionKey::generate(&Rng::system()).write_new(&path);
    made.map_err(|cause| CannotServe(format!("key_encryption_key_file {}: {cause}", path.display())))
}

/// Makes the pool, the clients and the operator.
pub async fn create(config: &Config, app: &App, endpoint: &str) -> Result<Quickstart, CannotServe> {
    let cannot = |what: &str, cause: &dyn std::fmt::Display| CannotServe(format!("first start: {what}: {cause}"));
    let directory = config.access_directory();
    let file = principals_file(&directory);
    // A first start is due where there is none, so this one is of a start that was interrupted.
    if file.exists() {
        fs::remove_file(&file).map_err(|cause| cannot("principals file", &cause))?;
    }
    let services = &app.services;
    let arn = format!("arn:aws:iam::{}:user/operator", config.account);
    let arn = Arn::parse(&arn).map_err(|problem| cannot("account", &problem))?;
    let key = access_keys::first_operator(&directory, &arn, &services.sealer, &services.rng, services.clock.now())
        .map_err(|cause| cannot("principals file", &cause))?;

    let pool = by_itself(app, pool_request()).await?.user_pool.unwrap_or_default();
    let public = by_itself(app, client_request(pool.id(), "public", false)).await?;
    let confidential = by_itself(app, client_request(pool.id(), "confidential", true)).await?;
    let confidential = confidential.user_pool_client.unwrap_or_default();
    let quickstart = Quickstart {
        endpoint: endpoint.to_owned(),
        region: config.region.clone(),
        issuer: format!("{}/{}", services.public_url, pool.id()),
        user_pool_id: pool.id().to_owned(),
        client_id: public.user_pool_client.unwrap_or_default().client_id().to_owned(),
        confidential_client: ConfidentialClient {
            client_id: confidential.client_id().to_owned(),
            client_secret: confidential.client_secret().to_owned(),
        },
        access_key: AccessKey { access_key_id: key.id, secret_access_key: key.secret.expose().clone() },
        outbox: std::path::absolute(config.outbox_file()).unwrap_or_else(|_| config.outbox_file()),
    };
    quickstart.write(&config.quickstart_file()).map_err(|cause| cannot("quickstart.json", &cause))?;
    let done = fs::remove_file(marker(config)).and_then(|()| File::open(&config.data)?.sync_all());
    done.map_err(|cause| cannot("data directory", &cause))?;
    Ok(quickstart)
}

/// After a start on another port, `quickstart.json` says so.
pub fn tell_endpoint(config: &Config, app: &App, endpoint: &str) -> Result<(), CannotServe> {
    let path = config.quickstart_file();
    let Ok(text) = fs::read_to_string(&path) else { return Ok(()) };
    let cannot = |cause: &dyn std::fmt::Display| CannotServe(format!("{}: {cause}", path.display()));
    let mut quickstart: Quickstart = serde_json::from_str(&text).map_err(|cause| cannot(&cause))?;
    let issuer = format!("{}/{}", app.services.public_url, PoolId(quickstart.user_pool_id.clone()));
    if quickstart.endpoint != endpoint || quickstart.issuer != issuer {
        (quickstart.endpoint, quickstart.issuer) = (endpoint.to_owned(), issuer);
        quickstart.write(&path).map_err(|cause| cannot(&cause))?;
    }
    Ok(())
}

/// A pool that verifies e-mail addresses by itself; the rest is Cognito's default.
fn pool_request() -> api::CreateUserPoolRequest {
    api::CreateUserPoolRequest {
        pool_name: Some("quickstart".to_owned()),
        auto_verified_attributes: vec![verified_attribute::Value::Email.into()],
        ..Default::default()
    }
}

/// A client with every flow that exists.
fn client_request(pool: &str, name: &str, generate_secret: bool) -> api::CreateUserPoolClientRequest {
    let flows = [
        ExplicitAuthFlow::AllowAdminUserPasswordAuth,
        ExplicitAuthFlow::AllowUserPasswordAuth,
        ExplicitAuthFlow::AllowRefreshTokenAuth,
        ExplicitAuthFlow::AllowUserAuth,
        ExplicitAuthFlow::AllowUserSrpAuth,
    ];
    api::CreateUserPoolClientRequest {
        user_pool_id: Some(pool.to_owned()),
        client_name: Some(name.to_owned()),
        generate_secret: Some(generate_secret),
        explicit_auth_flows: flows.map(i32::from).to_vec(),
        ..Default::default()
    }
}

/// Calls an operation as the process itself.
async fn by_itself<R: Operation>(app: &App, request: R) -> Result<R::Response, CannotServe> {
    let grant = Some(Grant::of_the_process(R::OP, request.user_pool_id()));
    let call = Call { op: R::OP, request_id: "first start".into(), source: Source::Process, grant, event: None };
    let done = app.call(request, &UnknownNames::default(), &call).await;
    done.map_err(|error| CannotServe(format!("first start: {}: {error}", R::OP.name())))
}

impl Quickstart {
    /// Writes the file whole or not at all, for its owner's eyes.
    fn write(&self, path: &Path) -> std::io::Result<()> {
        let unfinished = path.with_extension("json.new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(&serde_json::to_vec_pretty(self)?)?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(unfinished, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    }

    /// Prints how to use what was made: each line can be pasted.
    pub fn print(&self, config: &Config) {
        let transport = if config.tls_certificate_file.is_some() { "" } else { "-plaintext " };
        let outbox = self.outbox.display();
        let (mail, code) = match &config.smtp_host {
            Some(host) => (format!("by {host}"), "the-code-in-the-mail".to_owned()),
            None => {
                let code = format!(r#"$(sleep 1; sed -n '$s/.*"code":"\([0-9]*\)".*/\1/p' '{outbox}')"#);
                (outbox.to_string(), code)
            }
        };
        println!("{}", self.tour(&config.quickstart_file(), transport, &mail, &code));
    }

    fn tour(&self, file: &Path, transport: &str, mail: &str, code: &str) -> String {
        let Quickstart { endpoint, region, user_pool_id: pool, client_id: client, .. } = self;
        let AccessKey { access_key_id, secret_access_key } = &self.access_key;
        let address = endpoint.trim_start_matches("http://").trim_start_matches("https://");
        let basic = BASE64_STANDARD.encode(format!("{access_key_id}:{secret_access_key}"));
        let file = file.display();
        format!(
            r#"
A user pool, two clients and an operator have been made. Everything below stands in {file} as well.

  pool                 {pool}
  public client        {client}
  confidential client  {confidential}
  mail                 {mail}

With grpcurl: sign up, read the code in the mail, confirm, sign in; and look the user up as the operator.

grpcurl {transport}-d '{{"ClientId":"{client}","Username":"alice","Password":"Passw0rd!","UserAttributes":[{{"Name":"email","Value":"alice@example.com"}}]}}' {address} cognate.v1.UserService/SignUp
CODE={code}
grpcurl {transport}-d '{{"ClientId":"{client}","Username":"alice","ConfirmationCode":"'$CODE'"}}' {address} cognate.v1.UserService/ConfirmSignUp
grpcurl {transport}-d '{{"ClientId":"{client}","AuthFlow":"USER_PASSWORD_AUTH","AuthParameters":{{"USERNAME":"alice","PASSWORD":"Passw0rd!"}}}}' {address} cognate.v1.UserService/InitiateAuth
grpcurl {transport}-H 'authorization: Basic {basic}' -d '{{"UserPoolId":"{pool}","Username":"alice"}}' {address} cognate.v1.AdminService/AdminGetUser

With the AWS CLI: sign up, confirm as the operator, sign in.

export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER={endpoint} AWS_DEFAULT_REGION={region} AWS_ACCESS_KEY_ID={access_key_id} AWS_SECRET_ACCESS_KEY={secret_access_key}
aws cognito-idp sign-up --client-id {client} --username bob --password 'Passw0rd!' --user-attributes Name=email,Value=bob@example.com
aws cognito-idp admin-confirm-sign-up --user-pool-id {pool} --username bob
aws cognito-idp initiate-auth --client-id {client} --auth-flow USER_PASSWORD_AUTH --auth-parameters 'USERNAME=bob,PASSWORD=Passw0rd!'
"#,
            confidential = self.confidential_client.client_id,
        )
    }
}
