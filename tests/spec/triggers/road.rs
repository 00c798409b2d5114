//! How any trigger is asked: over which road, how often, and what becomes of a call that fails.

use std::collections::HashSet;

use cognate::api;
use cognate::triggers::Binding;
use serde_json::json;

use super::{app_client, event, thrown};
use crate::support::fixtures::TestClient;
use crate::support::functions::{Answer, FUNCTION, Functions, Heard, OTHER_FUNCTION, TIMEOUT, function};
use crate::support::{Refusal, START, Wire, World, at_once, refusal};
use crate::trigger_spec;

const SOURCE: &str = "PreSignUp_SignUp";

fn asks(config: &mut api::LambdaConfig) {
    config.pre_sign_up = function();
}

fn not_invoked(cause: &str) -> Refusal {
    refusal("UnexpectedLambdaException", &format!("PreSignUp invocation failed due to error {cause}."))
}

fn unusable(message: &str) -> Refusal {
    refusal("InvalidLambdaResponseException", message)
}

fn status(status: u16, body: &str) -> Answer {
    Answer::Status(status, Vec::new(), body.to_owned())
}

/// Whether anybody has become a user by this name.
async fn exists(world: &World, client: &TestClient, username: &str) -> bool {
    world.admin_get_user(&client.pool, username).await.is_ok()
}

async fn try_sign_up(world: &World, client: &TestClient) -> Result<(), Refusal> {
    world.call(client.sign_up_request("alice")).await.map(|_| ())
}

fn keys(heard: &[Heard]) -> HashSet<&str> {
    heard.iter().map(|each| each.header("idempotency-key")).collect()
}

/// A world that is told otherwise where [`FUNCTION`] is.
async fn world_with(wire: Wire, binding: Binding, configure: impl FnOnce(&mut cognate::config::Config)) -> World {
    World::at(wire, START.parse().unwrap(), |config| {
        config.triggers = [(FUNCTION.to_owned(), binding)].into();
        config.trigger_timeout_milliseconds = TIMEOUT.as_millis().try_into().unwrap();
        configure(config);
    })
    .await
}

trigger_spec! {
    async fn every_failure_has_its_error_and_makes_no_user(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let unrecognizable = || unusable("Unrecognizable lambda output");
        let redirect = vec![("location", functions.url("/elsewhere"))];
        let header = |name, value: &str| vec![(name, value.to_owned())];
        let error = r#"{"errorMessage":"no","errorType":"Error"}"#;
        for (answer, tries, expected) in [
            (Answer::Error("no"), 1, thrown("PreSignUp", "no")),
            (status(400, error), 1, thrown("PreSignUp", "no")),
            (status(200, error), 1, thrown("PreSignUp", "no")),
            (
                Answer::Status(200, header("x-amz-function-error", "Unhandled"), String::new()),
                1,
                thrown("PreSignUp", "the function has failed"),
            ),
            (status(404, "nothing here"), 1, not_invoked("HTTP 404")),
            (status(500, error), 1, not_invoked("HTTP 500")),
            (status(429, ""), 3, not_invoked("HTTP 429")),
            (status(503, ""), 3, not_invoked("HTTP 503")),
            (Answer::Status(302, redirect.clone(), String::new()), 1, not_invoked("HTTP 302")),
            (Answer::Status(307, redirect, String::new()), 1, not_invoked("HTTP 307")),
            (
                Answer::Status(403, header("x-amzn-errortype", "AccessDeniedException"), String::new()),
                1,
                not_invoked("AccessDeniedException"),
            ),
            (Answer::Silence, 1, not_invoked("Socket timeout while invoking Lambda function")),
            (status(200, ""), 1, unusable("Invalid lambda function output : Invalid JSON")),
            (status(200, "done"), 1, unusable("Invalid lambda function output : Invalid JSON")),
            (status(200, "null"), 1, unrecognizable()),
            (status(200, "{}"), 1, unrecognizable()),
            (status(200, r#"{"response":{"autoConfirmUser":"yes"}}"#), 1, unrecognizable()),
            (status(200, r#"{"response":{},"userName":"bob"}"#), 1, unrecognizable()),
            (Answer::Response(json!({ "autoVerifyEmail": 1 })), 1, unrecognizable()),
            (Answer::Response(json!({ "more": "x".repeat(1024 * 1024) })), 1, unrecognizable()),
        ] {
            functions.answer(SOURCE, answer.clone());
            assert_eq!(try_sign_up(&world, &client).await, Err(expected), "{answer:?}");
            let heard = functions.take();
            assert_eq!((heard.len(), keys(&heard).len()), (tries, 1), "{answer:?}");
            assert!(heard.iter().all(|each| each.path == "/"), "no redirect is followed");
            assert!(!exists(&world, &client, "alice").await, "{answer:?}");
        }
        assert_eq!(world.mail().await.len(), 0);
        functions.answer(SOURCE, Answer::Response(json!({})));
        assert_eq!(try_sign_up(&world, &client).await, Ok(()));
    }
}

trigger_spec! {
    async fn a_call_that_was_refused_for_now_is_made_again_under_the_same_key(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        let answers = [status(429, ""), status(503, ""), Answer::Response(json!({ "autoConfirmUser": true }))];
        functions.answer_in_turn(SOURCE, answers);
        assert!(world.sign_up(&client, "alice").await.user_confirmed);
        let heard = functions.take();
        assert_eq!((heard.len(), keys(&heard).len()), (3, 1));
        assert!(heard.iter().all(|each| each.body == heard[0].body));
        // Another request is another call, though it says the same.
        world.delete_user(&client.pool, "alice").await.unwrap();
        functions.answer(SOURCE, Answer::Response(json!({})));
        world.sign_up(&client, "alice").await;
        let again = functions.take();
        assert_eq!(again.len(), 1);
        assert!(keys(&again).is_disjoint(&keys(&heard)));
    }
}

trigger_spec! {
    async fn a_small_answer_will_do(world: World, functions: Functions) {
        let client = app_client(&world, asks).await;
        functions.answer(SOURCE, status(200, r#"{"response":{"autoConfirmUser":true}}"#));
        assert!(world.sign_up(&client, "alice").await.user_confirmed);
    }
}

trigger_spec! {
    async fn a_pool_that_asks_nobody_calls_nobody(world: World, functions: Functions) {
        let client = app_client(&world, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        world.forgot(&client, "alice").await.unwrap();
        assert_eq!(functions.take().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_hears_json_with_the_secret_of_its_binding() {
    let functions = Functions::start().await;
    let folder = tempfile::tempdir().unwrap();
    let secret_file = folder.path().join("secret");
    std::fs::write(&secret_file, "s3cret\n").unwrap();
    let url = Some(functions.url("/hooks/sign-up"));
    let binding = Binding { url, secret_file: Some(secret_file), ..Binding::default() };
    let world = world_with(Wire::Grpc, binding, |_| {}).await;
    let client = app_client(&world, asks).await;
    world.sign_up(&client, "alice").await;
    let [heard] = functions.take().try_into().unwrap();
    assert_eq!((heard.path.as_str(), heard.header("authorization")), ("/hooks/sign-up", "Bearer s3cret"));
    assert_eq!(heard.header("content-type"), "application/json");
    let key = heard.header("idempotency-key");
    assert!(uuid::Uuid::parse_str(key).is_ok_and(|key| key.get_version_num() == 4), "{key}");
    let members = event(&client, SOURCE, json!({}), json!({}));
    let names = |value: &serde_json::Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&heard.event()), names(&members));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_of_lambda_is_invoked_by_its_arn_and_the_call_is_signed() {
    let functions = Functions::start().await;
    let folder = tempfile::tempdir().unwrap();
    let credentials = folder.path().join("credentials");
    let file = |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = secret\n");
    std::fs::write(&credentials, file("AKIDEXAMPLE")).unwrap();
    let binding = Binding {
        lambda: Some(functions.url("")),
        region: Some("eu-central-1".to_owned()),
        credentials_file: Some(credentials.clone()),
        ..Binding::default()
    };
    let world = world_with(Wire::Json, binding, |_| {}).await;
    let client = app_client(&world, asks).await;
    functions.answer(SOURCE, Answer::Response(json!({ "autoConfirmUser": true })));
    assert!(world.sign_up(&client, "alice").await.user_confirmed);
    let [heard] = functions.take().try_into().unwrap();
    let arn = "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Apool";
    assert_eq!(heard.path, format!("/2015-03-31/functions/{arn}/invocations"));
    assert_eq!(heard.header("x-amz-invocation-type"), "RequestResponse");
    assert_eq!(heard.header("x-amz-date"), "20260107T050609Z");
    let begins = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260107/eu-central-1/lambda/aws4_request, \
                  SignedHeaders=content-type;host;x-amz-date;x-amz-invocation-type, Signature=";
    assert!(heard.header("authorization").starts_with(begins), "{:?}", heard.headers);

    // A key that is replaced in its file is used from then on.
    std::fs::write(&credentials, file("AKIDANOTHER")).unwrap();
    world.reload();
    world.sign_up(&client, "bob").await;
    let [heard] = functions.take().try_into().unwrap();
    assert!(heard.header("authorization").contains("Credential=AKIDANOTHER/"), "{:?}", heard.headers);

    let throttled = vec![("x-amzn-errortype", "TooManyRequestsException:".to_owned())];
    functions.answer(SOURCE, Answer::Status(429, throttled, r#"{"Reason":"CallerRateLimitExceeded"}"#.to_owned()));
    assert_eq!(world.call(client.sign_up_request("carol")).await, Err(not_invoked("TooManyRequestsException")));
    assert_eq!(functions.take().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_that_is_not_there_fails_the_call() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Some(format!("http://{}/", free.local_addr().unwrap()));
    drop(free);
    let world = world_with(Wire::Grpc, Binding { url, ..Binding::default() }, |_| {}).await;
    let client = app_client(&world, asks).await;
    assert_eq!(try_sign_up(&world, &client).await, Err(not_invoked("the function cannot be reached")));
    assert!(!exists(&world, &client, "alice").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_binding_that_is_gone_fails_the_call() {
    let mut world = World::new(Wire::Json).await;
    let client = app_client(&world, asks).await;
    world.config.triggers.clear();
    let world = world.restarted().await;
    assert_eq!(try_sign_up(&world, &client).await, Err(not_invoked("ResourceNotFoundException")));
    assert!(!exists(&world, &client, "alice").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_so_many_calls_of_one_function_at_a_time_and_no_more() {
    let functions = Functions::start().await;
    let other = functions.at("/other");
    let world = world_with(Wire::Grpc, functions.at("/"), |config| {
        config.trigger_calls_max = 1;
        config.triggers.insert(OTHER_FUNCTION.to_owned(), other);
    })
    .await;
    let client = app_client(&world, asks).await;
    let others = app_client(&world, |config| config.pre_sign_up = Some(OTHER_FUNCTION.to_owned())).await;
    let later = Answer::Later(Box::new(Answer::Response(json!({}))));
    functions.answer_in_turn(SOURCE, [later, Answer::Response(json!({}))]);
    let second = async {
        functions.hear(1).await;
        let refused = world.call(client.sign_up_request("bob")).await;
        assert_eq!(refused, Err(refusal("TooManyRequestsException", "Rate exceeded")));
        world.sign_up(&others, "bob").await;
        functions.release();
    };
    let (first, ()) = tokio::join!(try_sign_up(&world, &client), second);
    assert_eq!(first, Ok(()));
    assert!(!exists(&world, &client, "bob").await);
    world.sign_up(&client, "bob").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_with_a_certificate_is_believed_if_its_authority_is() {
    let authority = crate::support::certificates::Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("authorities.pem");
    std::fs::write(&authorities, authority.pem()).unwrap();
    let functions = Functions::start_with_tls(&authority).await;
    for (file, expected) in [(Some(authorities), Ok(())), (None, Err(not_invoked("the function cannot be reached")))] {
        let url = Some(functions.url("/"));
        let binding = Binding { url, ..Binding::default() };
        let world = world_with(Wire::Json, binding, |config| config.trigger_ca_file = file).await;
        let client = app_client(&world, asks).await;
        assert_eq!(try_sign_up(&world, &client).await, expected);
    }
    assert_eq!(functions.take().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sign_ups_at_once_are_each_asked_about_once() {
    let (world, functions) = crate::support::functions::world(Wire::Grpc).await;
    let client = app_client(&world, asks).await;
    let names: Vec<String> = (0..10).map(|number| format!("user{number}")).collect();
    at_once(names.iter().map(|name| world.sign_up(&client, name))).await;
    let heard = functions.take();
    assert_eq!((heard.len(), keys(&heard).len()), (10, 10));
}
