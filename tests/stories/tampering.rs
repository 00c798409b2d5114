//! What the AWS SDK signs is served; what becomes of it on the way to somebody else's advantage is refused, with AWS's
//! own code, and changes nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_cognitoidentityprovider::config::retry::RetryConfig;
use aws_sdk_cognitoidentityprovider::config::{ConfigBag, Intercept, Region, RuntimeComponents};
use aws_sdk_cognitoidentityprovider::error::BoxError;

use crate::present;
use crate::sdk::sdk;
use crate::support::{AccessKey, Wire, World, http};

/// Headers and body of a request.
type Captured = (Vec<(String, String)>, Vec<u8>);

type Request = aws_sdk_cognitoidentityprovider::config::http::HttpRequest;

/// Somebody on the way, who sees each request after it was signed.
#[derive(Clone)]
struct OnTheWay(Arc<dyn Fn(&mut Request) + Send + Sync>);

impl std::fmt::Debug for OnTheWay {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("OnTheWay")
    }
}

impl Intercept for OnTheWay {
    fn name(&self) -> &'static str {
        "OnTheWay"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        (self.0)(context.request_mut());
        Ok(())
    }
}

const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

async fn begin() -> (World, Client) {
    let world = World::at(Wire::Json, present(), |_| {}).await;
    let client = sdk(&world, &world.operator);
    (world, client)
}

/// Makes a pool with a request that is changed on the way. Gives code and message of the refusal.
async fn refusal(client: &Client, change: impl Fn(&mut Request) + Send + Sync + 'static) -> (String, String) {
    let call = client.create_user_pool().pool_name("tampered").customize().interceptor(OnTheWay(Arc::new(change)));
    let error = call.send().await.unwrap_err();
    let meta = error.as_service_error().unwrap().meta();
    (meta.code().unwrap().to_owned(), meta.message().unwrap_or_default().to_owned())
}

fn mismatch() -> (String, String) {
    ("InvalidSignatureException".to_owned(), MISMATCH.to_owned())
}

async fn assert_no_pools(client: &Client) {
    let listed = client.list_user_pools().max_results(10).send().await.unwrap();
    assert_eq!(listed.user_pools.unwrap_or_default().len(), 0, "nothing was changed");
}

fn replace(request: &mut Request, header: &'static str, from: &str, to: &str) {
    let value = request.headers().get(header).unwrap().to_owned();
    assert!(value.contains(from), "{value}");
    request.headers_mut().insert(header, value.replace(from, to));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_changed_on_the_way_is_refused() {
    let (_world, client) = begin().await;
    let tampered = refusal(&client, |request| *request.body_mut() = r#"{"PoolName":"Tampered"}"#.into()).await;
    assert_eq!(tampered, mismatch(), "another body");
    let swapped = refusal(&client, |request| replace(request, "x-amz-target", "CreateUserPool", "ListUserPools"));
    assert_eq!(swapped.await, mismatch(), "another target");
    let dropped = refusal(&client, |request| {
        request.headers_mut().remove("x-amz-user-agent").unwrap();
    });
    assert_eq!(dropped.await, mismatch(), "a signed header is gone");
    let added = refusal(&client, |request| {
        request.headers_mut().insert("x-amz-added", "on the way");
    });
    let told = "'x-amz-added' must be a 'SignedHeader' in the AWS Authorization.";
    assert_eq!(added.await, ("InvalidSignatureException".to_owned(), told.to_owned()));
    let doubled = refusal(&client, |request| {
        request.headers_mut().append("x-amz-date", "20260107T050609Z");
    });
    assert_eq!(doubled.await.0, "IncompleteSignatureException", "two dates");
    let doubled = refusal(&client, |request| {
        let authorization = request.headers().get("authorization").unwrap().to_owned();
        request.headers_mut().append("authorization", authorization);
    });
    assert_eq!(doubled.await, mismatch(), "two signatures");
    let service = refusal(&client, |request| replace(request, "authorization", "/cognito-idp/", "/iam/")).await;
    let told = "Credential should be scoped to correct service: 'cognito-idp'. ";
    assert_eq!(service, ("InvalidSignatureException".to_owned(), told.to_owned()));
    assert_no_pools(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_secret_another_region_and_a_clock_that_is_off_are_refused() {
    let (world, client) = begin().await;
    let untouched = |_: &mut Request| {};
    let wrong = sdk(&world, &AccessKey { secret: "wrong".to_owned(), ..world.operator.clone() });
    assert_eq!(refusal(&wrong, untouched).await, mismatch());
    let unknown = sdk(&world, &AccessKey { id: "AKIAAAAAAAAAAAAAAAAA".to_owned(), ..world.operator.clone() });
    let told = "The security token included in the request is invalid.";
    assert_eq!(refusal(&unknown, untouched).await, ("UnrecognizedClientException".to_owned(), told.to_owned()));
    let elsewhere = Client::from_conf(client.config().to_builder().region(Region::new("eu-west-1")).build());
    let told = "Credential should be scoped to a valid region, not 'eu-west-1'. ";
    assert_eq!(refusal(&elsewhere, untouched).await, ("InvalidSignatureException".to_owned(), told.to_owned()));
    assert_no_pools(&client).await;

    world.advance(Duration::from_secs(6 * 60));
    let (code, message) = refusal(&client, untouched).await;
    assert_eq!(code, "InvalidSignatureException");
    assert!(message.starts_with("Signature expired: "), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_captured_write_cannot_be_sent_again() {
    let (world, client) = begin().await;
    let captured: Arc<Mutex<Option<Captured>>> = Arc::default();
    let keep = captured.clone();
    let capture = OnTheWay(Arc::new(move |request: &mut Request| {
        let headers = request.headers().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        *keep.lock().unwrap() = Some((headers, request.body().bytes().unwrap().to_vec()));
    }));
    client.create_user_pool().pool_name("once").customize().interceptor(capture).send().await.unwrap();
    let (headers, body) = captured.lock().unwrap().take().unwrap();
    let replayed = http::post(&world.address, "/", &headers, body).await.refusal();
    assert_eq!(replayed.exception, "InvalidSignatureException");
    assert_eq!(replayed.message, "The signature has been used already; sign the request anew.");
    let listed = client.list_user_pools().max_results(10).send().await.unwrap();
    assert_eq!(listed.user_pools.unwrap_or_default().len(), 1);
}

/// Two equal calls within a second have one signature. An SDK that tries again, as all do unless they are told not to, signs
/// anew and gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_writes_within_a_second_get_through_by_themselves() {
    let (_world, client) = begin().await;
    let retries = RetryConfig::standard().with_max_attempts(10);
    let client = Client::from_conf(client.config().to_builder().retry_config(retries).build());
    for _ in 0..4 {
        client.create_user_pool().pool_name("the same").send().await.unwrap();
    }
    let listed = client.list_user_pools().max_results(10).send().await.unwrap();
    assert_eq!(listed.user_pools.unwrap_or_default().len(), 4);
}
