//! Text messages: by a hook, and refused where there is none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State as Given;
use axum::response::IntoResponse as _;
use axum::routing::post;
use cognate::api::{self, auth_factor, user_pool_mfa, username_attribute, verified_attribute};
use cognate::crypto::secret::Secret;
use cognate::delivery::desk::State;
use cognate::delivery::{Hook, HookSettings, Way, Ways};
use cognate::store::records::OutboxMessage;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::post_office::{LONGEST_PAUSE, PostOffice, mail};
use crate::support::fixtures::{TestClient, attribute};
use crate::support::{Refusal, World, refusal};

/// Who has a way to telephones.
#[derive(Clone)]
struct Gateway {
    url: String,
    heard: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    /// What it answers; nothing at all if there is none.
    answer: Arc<Mutex<Option<StatusCode>>>,
}

impl Gateway {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/sms?from=cognate", listener.local_addr().unwrap());
        let gateway = Gateway { url, heard: Arc::default(), answer: Arc::new(Mutex::new(Some(StatusCode::ACCEPTED))) };
        let router = Router::new().route("/sms", post(take)).with_state(gateway.clone());
        let service = hyper_util::service::TowerToHyperService::new(router);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let io = hyper_util::rt::TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service.clone()));
            }
        });
        gateway
    }

    fn answers(&self, answer: Option<StatusCode>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn office(&self) -> PostOffice {
        let hook = Hook::new(HookSettings {
            url: self.url.clone(),
            secret: Some(Secret::new("s3cret".to_owned())),
            timeout: Duration::from_millis(500),
        });
        let nowhere = Way::file("/nonexistent/outbox.jsonl".into());
        PostOffice::new(Ways { email: nowhere, sms: Some(Way::Hook(Box::new(hook.unwrap()))) })
    }
}

async fn take(Given(gateway): Given<Gateway>, headers: HeaderMap, body: Bytes) -> axum::response::Response {
    gateway.heard.lock().unwrap().push((headers, serde_json::from_slice(&body).unwrap()));
    let answer = *gateway.answer.lock().unwrap();
    match answer {
        Some(status) => ([("location", gateway.url.clone())], status).into_response(),
        None => std::future::pending().await,
    }
}

fn text_message(text: &str) -> OutboxMessage {
    OutboxMessage { medium: "SMS".into(), subject: String::new(), body: text.into(), ..mail("+15555559934", "1") }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_message_is_one_post() {
    let gateway = Gateway::start().await;
    let mut office = gateway.office();
    office.write(text_message("Your code is 1")).await;
    office.deliver().await;
    let [(headers, body)] = gateway.heard.lock().unwrap().clone().try_into().unwrap();
    let id = body["id"].as_str().unwrap().to_owned();
    let expected = json!({
        "id": id, "time": "2026-01-07T05:06:09.001Z", "to": "+15555559934", "text": "Your code is 1", "purpose": "sign_up",
        "pool": "us-east-1_Example12", "username": "alice",
    });
    assert_eq!(body, expected);
    assert_eq!(headers["authorization"], "Bearer s3cret");
    assert_eq!(
        (headers["idempotency-key"].to_str().unwrap(), &headers["content-type"]),
        (id.as_str(), &"application/json".parse().unwrap())
    );
    assert!(office.lines().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_hook_answers_decides_whether_it_is_asked_again() {
    for (answer, state, tries, problem) in [
        (Some(StatusCode::BAD_REQUEST), State::Dead, 0, "the hook answered 400"),
        (Some(StatusCode::UNAUTHORIZED), State::Dead, 0, "the hook answered 401"),
        (Some(StatusCode::REQUEST_TIMEOUT), State::Waiting, 1, "the hook answered 408"),
        (Some(StatusCode::TOO_MANY_REQUESTS), State::Waiting, 1, "the hook answered 429"),
        (Some(StatusCode::TEMPORARY_REDIRECT), State::Waiting, 1, "the hook answered 307"),
        (Some(StatusCode::SERVICE_UNAVAILABLE), State::Waiting, 1, "the hook answered 503"),
        (None, State::Waiting, 1, "the hook was silent for 0 seconds"),
    ] {
        let gateway = Gateway::start().await;
        gateway.answers(answer);
        let mut office = gateway.office();
        office.write(text_message("1")).await;
        office.deliver().await;
        let line = office.only_line().await;
        assert_eq!((line.state, line.failed_tries, line.problem.as_str()), (state, tries, problem));
        assert_eq!(
            (line.to.as_str(), gateway.heard.lock().unwrap().len()),
            ("+*******9934", 1),
            "no redirect is followed"
        );
        gateway.answers(Some(StatusCode::NO_CONTENT));
        office.deliver_after(LONGEST_PAUSE).await;
        assert_eq!(office.lines().await.is_empty(), state == State::Waiting, "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_that_is_not_there_holds_up_no_mail() {
    let mut gateway = Gateway::start().await;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    gateway.url = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.jsonl");
    let hook = Hook::new(HookSettings { url: gateway.url, secret: None, timeout: Duration::from_secs(5) }).unwrap();
    let mut office = PostOffice::new(Ways { email: Way::file(file.clone()), sms: Some(Way::Hook(Box::new(hook))) });
    for number in 0..10 {
        office.write(text_message(&number.to_string())).await;
        office.write(mail("alice@example.com", "1")).await;
    }
    office.deliver().await;
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 10);
    let lines = office.lines().await;
    assert_eq!((lines.len(), lines[0].problem.as_str()), (10, "the hook cannot be reached"));
}

/// A world whose mail goes to a server, and which has no way for text messages.
async fn without_a_way(wire: crate::support::Wire) -> World {
    World::at(wire, crate::support::START.parse().unwrap(), |config| {
        config.smtp_host = Some("127.0.0.1".to_owned());
        config.mail_from = Some("no-reply@example.com".to_owned());
    })
    .await
}

fn no_way() -> Refusal {
    refusal("CodeDeliveryFailureException", "This server has no way to send text messages.")
}

/// A client of a pool whose users are named by their phone numbers.
async fn client_by_phone(world: &World) -> TestClient {
    let pool = world
        .pool(|request| {
            request.username_attributes = vec![username_attribute::Value::PhoneNumber.into()];
            request.auto_verified_attributes = vec![verified_attribute::Value::PhoneNumber.into()];
        })
        .await;
    world.client(&pool, |_| {}).await
}

macro_rules! over_both_wires {
    ($(async fn $name:ident($wire:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use crate::support::Wire;

            async fn specification($wire: Wire) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_grpc() {
                specification(Wire::Grpc).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn over_json() {
                specification(Wire::Json).await;
            }
        }
    )*};
}

over_both_wires! {
    async fn who_cannot_be_sent_a_code_is_a_user_all_the_same(wire) {
        let world = without_a_way(wire).await;
        let client = client_by_phone(&world).await;
        let number = "+15555559934";
        let request = api::SignUpRequest { user_attributes: Vec::new(), ..client.sign_up_request(number) };
        assert_eq!(world.call(request.clone()).await.unwrap_err(), no_way());
        let request_again = world.call(request).await.unwrap_err();
        assert_eq!(request_again.exception, "UsernameExistsException");
        assert_eq!(world.resend(&client, number).await.unwrap_err(), no_way());
        let confirm = api::AdminConfirmSignUpRequest {
            user_pool_id: Some(client.pool.clone()),
            username: Some(number.to_owned()),
            ..Default::default()
        };
        world.call(confirm).await.unwrap();
    }

    async fn who_does_not_exist_is_answered_alike_where_that_is_hidden(wire) {
        let world = without_a_way(wire).await;
        let client = client_by_phone(&world).await;
        let hiding = world
            .client(&client.pool, |request| {
                let hidden = api::prevent_user_existence_error_types::Value::Enabled;
                request.prevent_user_existence_errors = Some(hidden.into());
            })
            .await;
        assert_eq!(world.resend(&hiding, "+15555550000").await.unwrap_err(), no_way());
        assert_eq!(world.forgot(&hiding, "+15555550000").await.unwrap_err(), no_way());
    }

    async fn no_factor_of_a_pool_is_a_text_message(wire) {
        let world = without_a_way(wire).await;
        let refused = refusal("InvalidParameterException", "This server has no way to send text messages.");
        let made = async |configure: &dyn Fn(&mut api::CreateUserPoolRequest)| {
            let mut request = api::CreateUserPoolRequest { pool_name: Some("pool".to_owned()), ..Default::default() };
            configure(&mut request);
            world.call(request).await.map(drop)
        };
        let on = user_pool_mfa::Value::On;
        assert_eq!(made(&|request| request.mfa_configuration = Some(on.into())).await, Err(refused.clone()));
        let first_factors = |factor: auth_factor::Value| {
            let allowed_first_auth_factors = vec![auth_factor::Value::Password.into(), factor.into()];
            let sign_in_policy = Some(api::SignInPolicy { allowed_first_auth_factors });
            Some(api::UserPoolPolicy { sign_in_policy, ..Default::default() })
        };
        let by_sms = first_factors(auth_factor::Value::SmsOtp);
        assert_eq!(made(&|request| request.policies = by_sms.clone()).await, Err(refused.clone()));
        let by_email = first_factors(auth_factor::Value::EmailOtp);
        assert_eq!(made(&|request| request.policies = by_email.clone()).await, Ok(()));
        let pool = world.pool(|_| {}).await;
        let set = async |sms: bool| {
            let request = api::SetUserPoolMfaConfigRequest {
                user_pool_id: Some(pool.clone()),
                mfa_configuration: Some(on.into()),
                software_token_mfa_configuration: Some(api::SoftwareTokenMfaConfig { enabled: Some(true) }),
                sms_mfa_configuration: sms.then(|| api::SmsMfaConfig {
                    sms_authentication_message: Some("Enter {####}".to_owned()),
                    ..Default::default()
                }),
                ..Default::default()
            };
            world.call(request).await.map(drop)
        };
        assert_eq!(set(true).await, Err(refused));
        assert_eq!(set(false).await, Ok(()));
    }

    async fn what_needs_a_text_message_is_refused_and_changes_nothing(wire) {
        let world = without_a_way(wire).await;
        let client = client_by_phone(&world).await;
        let (pool, number) = (client.pool.as_str(), "+15555559934");
        let signed_up = world.call(api::SignUpRequest { user_attributes: Vec::new(), ..client.sign_up_request(number) });
        assert_eq!(signed_up.await.unwrap_err(), no_way());
        world.confirm_by_operator(pool, number).await;
        world.update_attributes(pool, number, &[("phone_number_verified", "true")]).await.unwrap();
        let access_token = world.sign_in(&client, number).await.access_token.unwrap();
        let before = world.admin_get_user(pool, number).await.unwrap();

        assert_eq!(world.forgot(&client, number).await.unwrap_err(), no_way());
        assert_eq!(world.reset_password(pool, number).await.unwrap_err(), no_way());
        let other = [("phone_number", "+15555550000")];
        assert_eq!(world.update_attributes(pool, number, &other).await.unwrap_err(), no_way());
        let code = api::GetUserAttributeVerificationCodeRequest {
            access_token: Some(access_token),
            attribute_name: Some("phone_number".to_owned()),
            ..Default::default()
        };
        assert_eq!(world.call(code).await.unwrap_err(), no_way());
        assert_eq!(world.admin_get_user(pool, number).await.unwrap(), before);

        let invite = |request: &mut api::AdminCreateUserRequest| {
            request.user_attributes.clear();
            request.message_action = None;
            request.desired_delivery_mediums = vec![api::delivery_medium::Value::Sms.into()];
        };
        assert_eq!(world.create_user(pool, "+15555550001", invite).await.unwrap_err(), no_way());
        let nobody = world.admin_get_user(pool, "+15555550001").await.unwrap_err();
        assert_eq!(nobody.exception, "UserNotFoundException");
    }

    async fn mail_has_its_way_without_one_for_text_messages(wire) {
        let world = without_a_way(wire).await;
        let client = world.app_client().await;
        let reply = world.call(api::SignUpRequest {
            user_attributes: vec![attribute("email", "alice@example.com"), attribute("phone_number", "+15555559934")],
            ..client.sign_up_request("alice")
        });
        assert!(reply.await.unwrap().code_delivery_details.is_some());
    }
}
