//! The AWS SDK, unmodified but for its endpoint: every request signed, parsed and judged by AWS's own code.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_cognitoidentityprovider::config::Region;
use aws_sdk_cognitoidentityprovider::config::retry::RetryConfig;
pub use aws_sdk_cognitoidentityprovider::operation::RequestId;
use aws_sdk_cognitoidentityprovider::operation::initiate_auth::builders::InitiateAuthFluentBuilder;
use aws_sdk_cognitoidentityprovider::types::{
    AliasAttributeType, AttributeType, AuthFlowType, AuthenticationResultType, DeletionProtectionType,
    DeliveryMediumType, ExplicitAuthFlowsType, UserStatusType, VerifiedAttributeType,
};
use aws_sdk_cognitoidentityprovider::{Client, Config};
use cognate::domain::source::Source;

use crate::present;
use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::{AccessKey, Wire, World};

/// A service at the present moment, and the SDK pointed at it as its operator.
pub async fn begin() -> (World, Client) {
    let world = World::at(Wire::Json, present(), |_| {}).await;
    let sdk = sdk(&world, &world.operator);
    (world, sdk)
}

pub fn sdk(world: &World, key: &AccessKey) -> Client {
    let config = Config::builder()
        .behavior_version_latest()
        .endpoint_url(format!("http://{}", world.address))
        .region(Region::new(world.config.region.clone()))
        .credentials_provider(Credentials::new(&key.id, &key.secret, None, None, "operator"))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http());
    Client::from_conf(config.build())
}

async fn pool(sdk: &Client, verified: Option<VerifiedAttributeType>) -> String {
    pool_named(sdk, "people", verified).await
}

async fn pool_named(sdk: &Client, name: &str, verified: Option<VerifiedAttributeType>) -> String {
    let made = sdk.create_user_pool().pool_name(name).set_auto_verified_attributes(verified.map(|it| vec![it]));
    made.send().await.unwrap().user_pool.unwrap().id.unwrap()
}

pub async fn app(sdk: &Client, pool: &str, with_secret: bool, flows: &[ExplicitAuthFlowsType]) -> TestClient {
    let made = sdk.create_user_pool_client().user_pool_id(pool).client_name(next_name()).generate_secret(with_secret);
    let made = made.set_explicit_auth_flows(Some(flows.to_vec())).send().await.unwrap().user_pool_client.unwrap();
    TestClient { pool: pool.to_owned(), id: made.client_id.unwrap(), secret: made.client_secret }
}

/// A name that no call before had: equal writes within a second would have one signature.
fn next_name() -> String {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    format!("app-{}", CALLS.fetch_add(1, Ordering::Relaxed))
}

pub const BY_PASSWORD: [ExplicitAuthFlowsType; 2] =
    [ExplicitAuthFlowsType::AllowUserPasswordAuth, ExplicitAuthFlowsType::AllowRefreshTokenAuth];

pub fn email(value: &str) -> AttributeType {
    AttributeType::builder().name("email").value(value).build().unwrap()
}

pub fn by_password(sdk: &Client, app: &TestClient, username: &str) -> InitiateAuthFluentBuilder {
    let request = sdk.initiate_auth().client_id(&app.id).auth_flow(AuthFlowType::UserPasswordAuth);
    let request = request.auth_parameters("USERNAME", username).auth_parameters("PASSWORD", PASSWORD);
    match app.secret_hash(username) {
        Some(hash) => request.auth_parameters("SECRET_HASH", hash),
        None => request,
    }
}

pub fn by_refresh_token(sdk: &Client, app: &TestClient, token: &str) -> InitiateAuthFluentBuilder {
    let request = sdk.initiate_auth().client_id(&app.id).auth_flow(AuthFlowType::RefreshTokenAuth);
    request.auth_parameters("REFRESH_TOKEN", token)
}

pub async fn signed_in(request: InitiateAuthFluentBuilder) -> AuthenticationResultType {
    request.send().await.unwrap().authentication_result.unwrap()
}

/// The call is refused, and the SDK knows the refusal as this exception, with this message and the id of the request.
macro_rules! refused {
    ($call:expr, $is:ident, $message:expr) => {{
        let error = $call.send().await.unwrap_err();
        let known = error.as_service_error().unwrap();
        assert!(known.$is(), "{known:?}");
        assert_eq!(known.meta().message(), Some($message));
        let id = $crate::sdk::RequestId::request_id(known).unwrap_or_else(|| panic!("{known:?} has no request id"));
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
    }};
}
pub(crate) use refused;

/// The call is refused with an exception that is in no operation's model: the SDK has its code alone.
macro_rules! refused_with_code {
    ($call:expr, $code:expr, $message:expr) => {{
        let error = $call.send().await.unwrap_err();
        let meta = error.as_service_error().unwrap().meta();
        assert_eq!((meta.code(), meta.message()), (Some($code), Some($message)));
    }};
}

mod administrator;
mod factors;
mod rotation;
mod srp;

/// The first flow that the service was made for: nobody gets a code; an operator lets the user in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_confirms_the_user() {
    let (world, sdk) = begin().await;
    let pool = pool(&sdk, None).await;
    let app = app(&sdk, &pool, false, &BY_PASSWORD).await;

    let alice = sdk.sign_up().client_id(&app.id).username("alice").password(PASSWORD);
    let alice = alice.user_attributes(email("alice@example.com")).send().await.unwrap();
    assert!(!alice.user_confirmed);
    assert_eq!((alice.code_delivery_details, alice.session), (None, None));
    assert!(world.mail().await.is_empty());

    refused!(by_password(&sdk, &app, "alice"), is_user_not_confirmed_exception, "User is not confirmed.");
    sdk.admin_confirm_sign_up().user_pool_id(&pool).username("alice").send().await.unwrap();
    let tokens = signed_in(by_password(&sdk, &app, "alice")).await;
    assert_eq!((tokens.expires_in, tokens.token_type.as_deref()), (3600, Some("Bearer")));

    let (access, refresh) = (tokens.access_token.unwrap(), tokens.refresh_token.unwrap());
    let read = sdk.get_user().access_token(&access).send().await.unwrap();
    assert_eq!(read.username, "alice");
    let value = |name: &str| read.user_attributes.iter().find(|it| it.name == name).and_then(|it| it.value.as_deref());
    assert_eq!(value("sub"), Some(alice.user_sub.as_str()));
    assert_eq!((value("email"), value("email_verified")), (Some("alice@example.com"), Some("false")));

    let fresh = signed_in(by_refresh_token(&sdk, &app, &refresh)).await;
    assert_eq!(fresh.refresh_token, None);
    sdk.get_user().access_token(fresh.access_token.unwrap()).send().await.unwrap();

    sdk.revoke_token().client_id(&app.id).token(&refresh).send().await.unwrap();
    refused!(by_refresh_token(&sdk, &app, &refresh), is_not_authorized_exception, "Refresh Token has been revoked");
    refused!(sdk.get_user().access_token(&access), is_not_authorized_exception, "Access Token has been revoked");

    let (phone, laptop) =
        (signed_in(by_password(&sdk, &app, "alice")).await, signed_in(by_password(&sdk, &app, "alice")).await);
    let (phone_access, phone_refresh) = (phone.access_token.unwrap(), phone.refresh_token.unwrap());
    let laptop_access = laptop.access_token.unwrap();
    sdk.get_user().access_token(&phone_access).send().await.unwrap();
    sdk.global_sign_out().access_token(&laptop_access).send().await.unwrap();
    for access in [phone_access, laptop_access] {
        refused!(sdk.get_user().access_token(&access), is_not_authorized_exception, "Access Token has been revoked");
    }
    refused!(
        by_refresh_token(&sdk, &app, &phone_refresh),
        is_not_authorized_exception,
        "Refresh Token has been revoked"
    );
    signed_in(by_password(&sdk, &app, "alice")).await;
}

/// The second flow: the proof of the mailed code carries the new user through to the first sign-in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_leads_from_sign_up_to_sign_in() {
    let (world, sdk) = begin().await;
    let pool = pool(&sdk, Some(VerifiedAttributeType::Email)).await;
    let flows = [BY_PASSWORD.as_slice(), &[ExplicitAuthFlowsType::AllowUserAuth]].concat();
    let app = app(&sdk, &pool, true, &flows).await;
    let hash = app.secret_hash("bob").unwrap();

    let bob = sdk.sign_up().client_id(&app.id).username("bob").password(PASSWORD).secret_hash(&hash);
    let bob = bob.user_attributes(email("bob@example.com")).send().await.unwrap();
    let sent = bob.code_delivery_details.unwrap();
    assert_eq!(sent.delivery_medium, Some(DeliveryMediumType::Email));
    assert_eq!((sent.attribute_name.as_deref(), sent.destination.as_deref()), (Some("email"), Some("b***@e***")));
    let after_sign_up = bob.session.unwrap();

    let code = world.code_for("bob").await;
    let confirmed = sdk.confirm_sign_up().client_id(&app.id).username("bob").secret_hash(&hash);
    let confirmed = confirmed.confirmation_code(code).session(&after_sign_up).send().await.unwrap();
    let after_confirmation = confirmed.session.unwrap();
    assert_ne!(after_confirmation, after_sign_up);

    let sign_in = |session: &str| {
        let request = sdk.initiate_auth().client_id(&app.id).auth_flow(AuthFlowType::UserAuth).session(session);
        request.auth_parameters("USERNAME", "bob").auth_parameters("SECRET_HASH", &hash)
    };
    refused!(sign_in(&after_sign_up), is_not_authorized_exception, "Invalid session for the user.");
    let answer = sign_in(&after_confirmation).send().await.unwrap();
    assert_eq!((answer.challenge_name, answer.session), (None, None));
    let tokens = answer.authentication_result.unwrap();
    let read = sdk.get_user().access_token(tokens.access_token.unwrap()).send().await.unwrap();
    assert!(
        read.user_attributes.contains(&AttributeType::builder().name("email_verified").value("true").build().unwrap())
    );
    refused!(
        sign_in(&after_confirmation),
        is_not_authorized_exception,
        "Invalid session for the user, session can only be used once."
    );

    let refresh = by_refresh_token(&sdk, &app, &tokens.refresh_token.unwrap());
    signed_in(refresh.auth_parameters("SECRET_HASH", &hash)).await;
}

/// The other half of the second flow: without ALLOW_USER_AUTH there is no session, and one that is sent means nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_flow_that_takes_it_there_is_no_session() {
    let (world, sdk) = begin().await;
    let pool = pool(&sdk, Some(VerifiedAttributeType::Email)).await;
    let app = app(&sdk, &pool, true, &BY_PASSWORD).await;
    let hash = app.secret_hash("carol").unwrap();

    let carol = sdk.sign_up().client_id(&app.id).username("carol").password(PASSWORD).secret_hash(&hash);
    let carol = carol.user_attributes(email("carol@example.com")).send().await.unwrap();
    assert_eq!(carol.session, None);

    let code = world.code_for("carol").await;
    let confirmed = sdk.confirm_sign_up().client_id(&app.id).username("carol").secret_hash(&hash);
    let confirmed = confirmed.confirmation_code(code).session("no session was ever given out").send().await.unwrap();
    assert_eq!(confirmed.session, None);

    let user_auth = sdk.initiate_auth().client_id(&app.id).auth_flow(AuthFlowType::UserAuth);
    let user_auth = user_auth.auth_parameters("USERNAME", "carol").auth_parameters("SECRET_HASH", &hash);
    refused!(
        user_auth.session("no session was ever given out"),
        is_invalid_parameter_exception,
        "USER_AUTH flow not enabled for this client"
    );
    signed_in(by_password(&sdk, &app, "carol").session("no session was ever given out")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_day() {
    let (_world, sdk) = begin().await;
    let mut pools = Vec::new();
    for number in 0..7 {
        pools.push(pool_named(&sdk, &format!("people-{number}"), Some(VerifiedAttributeType::Email)).await);
    }
    let listed = sdk.list_user_pools().into_paginator().page_size(3).items().send();
    let listed: Vec<_> = listed.collect::<Result<Vec<_>, _>>().await.unwrap();
    let mut ids: Vec<String> = listed.into_iter().map(|pool| pool.id.unwrap()).collect();
    pools.sort();
    ids.sort();
    assert_eq!(ids, pools);

    let pool = &pools[0];
    let described = sdk.describe_user_pool().user_pool_id(pool).send().await.unwrap().user_pool.unwrap();
    assert!(described.name.unwrap().starts_with("people-"));
    assert_eq!(described.auto_verified_attributes, Some(vec![VerifiedAttributeType::Email]));
    assert_eq!(described.deletion_protection, Some(DeletionProtectionType::Inactive));
    assert_eq!(described.estimated_number_of_users, 0);
    assert_eq!(described.arn, Some(format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool}")));
    assert!((present().as_second() - described.creation_date.unwrap().secs()).abs() < 300);

    let mut apps = Vec::new();
    for with_secret in [false, true, false, true, false] {
        apps.push(app(&sdk, pool, with_secret, &BY_PASSWORD).await);
    }
    let listed = sdk.list_user_pool_clients().user_pool_id(pool).into_paginator().page_size(2).items().send();
    let listed: Vec<_> = listed.collect::<Result<Vec<_>, _>>().await.unwrap();
    let mut ids: Vec<String> = listed.into_iter().map(|app| app.client_id.unwrap()).collect();
    let mut expected: Vec<String> = apps.iter().map(|app| app.id.clone()).collect();
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    for app in &apps {
        let read = sdk.describe_user_pool_client().user_pool_id(pool).client_id(&app.id).send().await.unwrap();
        let read = read.user_pool_client.unwrap();
        assert_eq!((read.client_secret.as_ref(), read.enable_token_revocation), (app.secret.as_ref(), Some(true)));
        let mut flows = read.explicit_auth_flows.unwrap();
        flows.sort();
        assert_eq!(flows, [ExplicitAuthFlowsType::AllowRefreshTokenAuth, ExplicitAuthFlowsType::AllowUserPasswordAuth]);
    }

    let dora = sdk.sign_up().client_id(&apps[0].id).username("dora").password(PASSWORD);
    let dora = dora.user_attributes(email("dora@example.com")).send().await.unwrap();
    let read = sdk.admin_get_user().user_pool_id(pool).username("dora").send().await.unwrap();
    assert_eq!((read.username.as_str(), read.enabled), ("dora", true));
    assert_eq!(read.user_status, Some(UserStatusType::Unconfirmed));
    assert!(read.user_create_date.is_some() && read.user_last_modified_date.is_some());
    let sub = AttributeType::builder().name("sub").value(&dora.user_sub).build().unwrap();
    assert!(read.user_attributes.unwrap().contains(&sub));

    let gone = &apps[0].id;
    sdk.delete_user_pool_client().user_pool_id(pool).client_id(gone).send().await.unwrap();
    let no_client = format!("User pool client {gone} does not exist.");
    let describe_client = sdk.describe_user_pool_client().user_pool_id(pool).client_id(gone);
    refused!(describe_client, is_resource_not_found_exception, no_client.as_str());
    refused!(by_password(&sdk, &apps[0], "dora"), is_resource_not_found_exception, no_client.as_str());
    refused!(by_password(&sdk, &apps[2], "dora"), is_user_not_confirmed_exception, "User is not confirmed.");

    sdk.delete_user_pool().user_pool_id(pool).send().await.unwrap();
    let no_pool = format!("User pool {pool} does not exist.");
    let describe_pool = sdk.describe_user_pool().user_pool_id(pool);
    refused!(describe_pool, is_resource_not_found_exception, no_pool.as_str());
    let get_user = sdk.admin_get_user().user_pool_id(pool).username("dora");
    refused!(get_user, is_resource_not_found_exception, no_pool.as_str());
    let no_client = format!("User pool client {} does not exist.", apps[2].id);
    refused!(by_password(&sdk, &apps[2], "dora"), is_resource_not_found_exception, no_client.as_str());
    let left = sdk.list_user_pools().max_results(60).send().await.unwrap().user_pools.unwrap();
    assert_eq!(left.len(), 6);
}

/// Every exception that can be provoked, known to the SDK as the variant that programs match on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_can_tell_refusals_apart() {
    let (world, sdk) = begin().await;
    let pool = sdk.create_user_pool().pool_name("people").auto_verified_attributes(VerifiedAttributeType::Email);
    let pool = pool.alias_attributes(AliasAttributeType::Email).send().await.unwrap();
    let pool = pool.user_pool.unwrap().id.unwrap();
    let app = app(&sdk, &pool, false, &BY_PASSWORD).await;
    let lasting = sdk.create_user_pool_client().user_pool_id(&pool).client_name("lasting");
    let lasting = lasting.enable_token_revocation(false).send().await.unwrap().user_pool_client.unwrap();
    let sign_up = |username: &str, password: &str| {
        let request = sdk.sign_up().client_id(&app.id).username(username).password(password);
        request.user_attributes(email("shared@example.com"))
    };
    let confirm = |username: &str, code: &str| {
        sdk.confirm_sign_up().client_id(&app.id).username(username).confirmation_code(code)
    };
    let resend = |username: &str| sdk.resend_confirmation_code().client_id(&app.id).username(username);

    sign_up("erin", PASSWORD).send().await.unwrap();
    sign_up("frank", PASSWORD).send().await.unwrap();
    refused!(sign_up("erin", PASSWORD), is_username_exists_exception, "User already exists");
    let too_short = "Password did not conform with policy: Password not long enough";
    refused!(sign_up("grace", "short"), is_invalid_password_exception, too_short);
    let no_client = "User pool client nowhere does not exist.";
    refused!(
        sdk.sign_up().client_id("nowhere").username("x").password(PASSWORD),
        is_resource_not_found_exception,
        no_client
    );
    let unwanted_hash = format!("Unable to verify secret hash for client {}", app.id);
    refused!(sign_up("grace", PASSWORD).secret_hash("AAAA"), is_not_authorized_exception, unwanted_hash.as_str());
    let no_mail_name = "Username cannot be of email format, since user pool is configured for email alias.";
    refused!(sign_up("g@example.com", PASSWORD), is_invalid_parameter_exception, no_mail_name);

    let unknown = "Username/client id combination not found.";
    refused!(confirm("nobody", "123456"), is_user_not_found_exception, unknown);
    let wrong = "Invalid verification code provided, please try again.";
    refused!(confirm("erin", "nonsense"), is_code_mismatch_exception, wrong);
    confirm("erin", &world.code_for("erin").await).send().await.unwrap();
    let frank = world.code_for("frank").await;
    let taken = "An account with the email already exists.";
    refused!(confirm("frank", &frank), is_alias_exists_exception, taken);
    resend("frank").send().await.unwrap();
    refused!(confirm("frank", &frank), is_code_mismatch_exception, wrong);
    world.advance(std::time::Duration::from_secs(24 * 60 * 60));
    let stale = "Invalid code provided, please request a code again.";
    refused!(confirm("frank", &frank), is_expired_code_exception, stale);
    for _ in 0..5 {
        resend("frank").send().await.unwrap();
    }
    let too_often = "Attempt limit exceeded, please try after some time.";
    refused!(resend("frank"), is_limit_exceeded_exception, too_often);
    refused!(resend("erin"), is_invalid_parameter_exception, "User is already confirmed.");

    let wrong_password = by_password(&sdk, &app, "erin").auth_parameters("PASSWORD", "Wr0ng word!");
    refused!(wrong_password, is_not_authorized_exception, "Incorrect username or password.");
    refused!(by_password(&sdk, &app, "nobody"), is_user_not_found_exception, "User does not exist.");
    refused!(by_password(&sdk, &app, "frank"), is_user_not_confirmed_exception, "User is not confirmed.");
    let srp = sdk.initiate_auth().client_id(&app.id).auth_flow(AuthFlowType::UserSrpAuth);
    refused!(
        srp.auth_parameters("USERNAME", "erin"),
        is_invalid_parameter_exception,
        "USER_SRP_AUTH is not enabled for the client."
    );
    let tokens = signed_in(by_password(&sdk, &app, "shared@example.com")).await;
    let access = tokens.access_token.unwrap();
    refused!(sdk.get_user().access_token("no.such.token"), is_not_authorized_exception, "Invalid Access Token");
    let revoke = |token: &str| sdk.revoke_token().client_id(&app.id).token(token);
    let not_this_kind = "Only refresh tokens can be revoked.";
    refused!(revoke(&access), is_unsupported_token_type_exception, not_this_kind);
    refused!(revoke("x").client_secret("unwantedunwantedunwanted"), is_unauthorized_exception, "Unauthorized");
    let revoke = sdk.revoke_token().client_id(lasting.client_id.unwrap()).token("x");
    refused!(revoke, is_unsupported_operation_exception, "Token revocation is not enabled for this client.");
}

/// These refusals come before any operation, and none has them in its model.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_key_must_be_right() {
    let (world, right) = begin().await;
    let pool = pool(&right, None).await;
    let wrong_secret = sdk(&world, &AccessKey { secret: "not the secret".into(), ..world.operator.clone() });
    refused_with_code!(
        wrong_secret.describe_user_pool().user_pool_id(&pool),
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    );
    let unknown = sdk(&world, &AccessKey { id: "AKIANOBODY".into(), ..world.operator.clone() });
    refused_with_code!(
        unknown.describe_user_pool().user_pool_id(&pool),
        "UnrecognizedClientException",
        "The security token included in the request is invalid."
    );
    // What is public needs no key at all.
    let app = app(&right, &pool, false, &BY_PASSWORD).await;
    let henry = unknown.sign_up().client_id(&app.id).username("henry").password(PASSWORD).send().await.unwrap();
    assert!(!henry.user_sub.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_too_much_to_do_says_so() {
    let world = World::at(Wire::Json, present(), |config| config.password_hash_queue_max = 0).await;
    let sdk = sdk(&world, &world.operator);
    let app = app(&sdk, &pool(&sdk, None).await, false, &BY_PASSWORD).await;
    // Every place to hash is taken.
    let mut held = Vec::new();
    while let Ok(place) = world.app.services.passwords.place(Source::Process, None).await {
        held.push(place);
    }
    let sign_up = sdk.sign_up().client_id(&app.id).username("ida").password(PASSWORD);
    refused!(sign_up, is_too_many_requests_exception, "Rate exceeded");
}
