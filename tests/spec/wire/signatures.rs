//! SigV4 over the whole wire: what is signed otherwise than sent is refused, with AWS's code and text.

use cognate::access::sigv4::{self, SignedRequest};
use cognate::api::Op;
use serde_json::json;

use super::{call_headers, headers, post, post_json, signed_headers};
use crate::support::fixtures::PASSWORD;
use crate::support::{AccessKey, Refusal, Wire, World, http, refusal};

const OP: &str = "ListUserPools";
const BODY: &[u8] = b"{\"MaxResults\": 1}";
const MISMATCH: &str = "The request signature we calculated does not match the signature you provided. Check your AWS \
                        Secret Access Key and signing method. Consult the service documentation for details.";

async fn world() -> World {
    World::new(Wire::Json).await
}

fn mismatch() -> Refusal {
    refusal("InvalidSignatureException", MISMATCH)
}

/// A call that is right unless one of these is not.
struct Signing<'a> {
    key: AccessKey,
    region: &'a str,
    date: String,
    /// Besides content type, host, date and target.
    extra: Vec<(String, String)>,
    unsigned: &'a [&'a str],
}

impl<'a> Signing<'a> {
    fn by_the_operator(world: &World) -> Self {
        let date = world.now().strftime("%Y%m%dT%H%M%SZ").to_string();
        Signing { key: world.operator.clone(), region: "us-east-1", date, extra: Vec::new(), unsigned: &[] }
    }

    fn headers(&self, world: &World) -> Vec<(String, String)> {
        let mut all = call_headers(OP);
        all.push(("x-amz-date".to_owned(), self.date.clone()));
        all.extend(self.extra.clone());
        let mut map: ::http::HeaderMap =
            all.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        map.insert("host", world.address.parse().unwrap());
        let names: Vec<&str> =
            map.keys().map(|name| name.as_str()).filter(|name| !self.unsigned.contains(name)).collect();
        let request = SignedRequest { method: "POST", path: "/", query: "", headers: &map, body: BODY };
        let secret = self.key.secret.as_bytes();
        let value = sigv4::authorization(&request, &self.date, self.region, &self.key.id, secret, &names);
        all.push(("authorization".to_owned(), value));
        all
    }

    async fn sent(&self, world: &World) -> Result<(), Refusal> {
        result(&post(world, &self.headers(world), BODY).await)
    }
}

fn result(reply: &http::Reply) -> Result<(), Refusal> {
    match reply.status {
        200 => Ok(()),
        status => {
            assert_eq!(status, 400);
            Err(reply.refusal())
        }
    }
}

#[tokio::test]
async fn a_call_that_the_operator_signed_is_answered() {
    let world = world().await;
    assert_eq!(Signing::by_the_operator(&world).sent(&world).await, Ok(()));
    let extra = headers(&[("x-amz-user-agent", "a  b   c"), ("amz-sdk-request", "attempt=1; max=3")]);
    assert_eq!(Signing { extra, ..Signing::by_the_operator(&world) }.sent(&world).await, Ok(()), "more may be signed");
    // What a proxy or an SDK adds after signing is nobody's harm.
    let mut later = signed_headers(&world, OP, BODY);
    later.extend(headers(&[("amz-sdk-invocation-id", "1"), ("cache-control", "no-store"), ("x-forwarded-for", "::1")]));
    assert_eq!(result(&post(&world, &later, BODY).await), Ok(()));
}

#[tokio::test]
async fn an_unsigned_call_lacks_its_token() {
    let world = world().await;
    let missing = Err(refusal("MissingAuthenticationTokenException", "Missing Authentication Token"));
    assert_eq!(result(&post(&world, &call_headers(OP), BODY).await), missing);
    for value in ["Bearer abc", "Basic YTpi", "AWS4-HMAC-SHA512 x", "aws4-hmac-sha256 x", ""] {
        let mut all = call_headers(OP);
        all.extend(headers(&[("authorization", value)]));
        assert_eq!(result(&post(&world, &all, BODY).await), missing, "{value}");
    }
}

#[tokio::test]
async fn a_signature_in_parts_names_what_lacks() {
    let world = world().await;
    let value = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260107/us-east-1/cognito-idp/aws4_request";
    let mut all = call_headers(OP);
    all.extend(headers(&[("authorization", value)]));
    assert_eq!(
        result(&post(&world, &all, BODY).await),
        Err(refusal(
            "IncompleteSignatureException",
            &format!(
                "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' \
                 parameter. Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. \
                 Authorization={value}"
            )
        ))
    );
}

#[tokio::test]
async fn what_was_changed_on_the_way_no_longer_fits_its_signature() {
    let world = world().await;
    let signed = signed_headers(&world, OP, BODY);
    assert_eq!(result(&post(&world, &signed, BODY).await), Ok(()));
    assert_eq!(result(&post(&world, &signed, b"{\"MaxResults\": 2}").await), Err(mismatch()), "another body");
    assert_eq!(result(&post(&world, &signed, b"{\"MaxResults\": 1} ").await), Err(mismatch()), "one space more");
    for (name, value) in [
        ("x-amz-target", "AWSCognitoIdentityProviderService.CreateUserPool"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-date", "20260107T050610Z"),
    ] {
        let mut changed = signed.clone();
        changed.iter_mut().find(|(header, _)| header == name).unwrap().1 = value.to_owned();
        assert_eq!(result(&post(&world, &changed, BODY).await), Err(mismatch()), "another {name}");
    }
    let mut elsewhere = signed.clone();
    elsewhere.extend(headers(&[("host", "cognito-idp.us-east-1.amazonaws.com")]));
    assert_eq!(result(&post(&world, &elsewhere, BODY).await), Err(mismatch()), "another host");
    let queried = http::post(&world.address, "/?x=1", &signed, BODY.to_vec()).await;
    assert_eq!(result(&queried), Err(mismatch()), "a query");
    let mut twice = signed.clone();
    twice.push(signed.last().unwrap().clone());
    assert_eq!(result(&post(&world, &twice, BODY).await), Err(mismatch()), "two signatures");
}

#[tokio::test]
async fn what_decides_the_meaning_must_be_signed() {
    let world = world().await;
    for name in ["x-amz-target", "content-type", "x-amz-date"] {
        let unsigned = [name];
        assert_eq!(
            Signing { unsigned: &unsigned, ..Signing::by_the_operator(&world) }.sent(&world).await,
            Err(refusal(
                "InvalidSignatureException",
                &format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.")
            ))
        );
    }
    assert_eq!(
        Signing { unsigned: &["host"], ..Signing::by_the_operator(&world) }.sent(&world).await,
        Err(refusal(
            "InvalidSignatureException",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        ))
    );
}

#[tokio::test]
async fn a_body_that_is_announced_must_come_and_may_not_be_left_unsigned() {
    let world = world().await;
    let hash = "0000000000000000000000000000000000000000000000000000000000000000";
    for announced in ["UNSIGNED-PAYLOAD", hash] {
        let extra = headers(&[("x-amz-content-sha256", announced)]);
        assert_eq!(
            Signing { extra, ..Signing::by_the_operator(&world) }.sent(&world).await,
            Err(mismatch()),
            "{announced}"
        );
    }
}

#[tokio::test]
async fn a_signature_for_another_region_is_no_good_here() {
    let world = world().await;
    assert_eq!(
        Signing { region: "eu-west-1", ..Signing::by_the_operator(&world) }.sent(&world).await,
        Err(refusal("InvalidSignatureException", "Credential should be scoped to a valid region, not 'eu-west-1'. "))
    );
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_to_either_side() {
    let world = world().await;
    // It is 05:06:09.
    for (date, expected) in [
        ("20260107T050109Z", Ok(())),
        ("20260107T051109Z", Ok(())),
        (
            "20260107T050108Z",
            Err("Signature expired: 20260107T050108Z is now earlier than 20260107T050109Z (20260107T050609Z - 5 min.)"),
        ),
        (
            "20260107T051110Z",
            Err(
                "Signature not yet current: 20260107T051110Z is still later than 20260107T051109Z (20260107T050609Z + \
                 5 min.)",
            ),
        ),
    ] {
        let signing = Signing { date: date.to_owned(), ..Signing::by_the_operator(&world) };
        let expected = expected.map_err(|text| refusal("InvalidSignatureException", text));
        assert_eq!(signing.sent(&world).await, expected, "{date}");
    }
}

#[tokio::test]
async fn a_captured_call_is_stale_after_five_minutes() {
    let world = world().await;
    let captured = signed_headers(&world, OP, BODY);
    world.advance(std::time::Duration::from_secs(300));
    assert_eq!(result(&post(&world, &captured, BODY).await), Ok(()));
    world.advance(std::time::Duration::from_secs(1));
    assert_eq!(
        result(&post(&world, &captured, BODY).await),
        Err(refusal(
            "InvalidSignatureException",
            "Signature expired: 20260107T050609Z is now earlier than 20260107T050610Z (20260107T051110Z - 5 min.)"
        ))
    );
}

#[tokio::test]
async fn keys_and_session_tokens_that_were_never_given_are_not_recognised() {
    let world = world().await;
    let unrecognised =
        Err(refusal("UnrecognizedClientException", "The security token included in the request is invalid."));
    let unknown = AccessKey { id: "AKIAAAAAAAAAAAAAAAAA".to_owned(), secret: world.operator.secret.clone() };
    assert_eq!(Signing { key: unknown, ..Signing::by_the_operator(&world) }.sent(&world).await, unrecognised);
    let extra = headers(&[("x-amz-security-token", "token")]);
    assert_eq!(Signing { extra, ..Signing::by_the_operator(&world) }.sent(&world).await, unrecognised);
}

#[tokio::test]
async fn another_secret_makes_another_signature() {
    let world = world().await;
    let key = AccessKey { id: world.operator.id.clone(), secret: world.operator.secret.clone() + "x" };
    assert_eq!(Signing { key, ..Signing::by_the_operator(&world) }.sent(&world).await, Err(mismatch()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn public_operations_ignore_any_authorization() {
    let world = world().await;
    let client = world.app_client().await;
    let body = json!({
        "ClientId": client.id,
        "Username": "alice",
        "Password": PASSWORD,
        "UserAttributes": [{ "Name": "email", "Value": "alice@example.com" }],
    });
    assert_eq!(post_json(&world, Op::SignUp, &body).await.status, 200);
    let sign_in = json!({
        "ClientId": client.id,
        "AuthFlow": "USER_PASSWORD_AUTH",
        "AuthParameters": { "USERNAME": "alice", "PASSWORD": PASSWORD },
    });
    let sign_in = sign_in.to_string().into_bytes();
    world.confirm(&client, "alice", &world.code_for("alice").await).await.unwrap();
    for value in ["AWS4-HMAC-SHA256 nonsense", "Bearer x", "Basic !!!"] {
        let mut all = call_headers("InitiateAuth");
        all.extend(headers(&[("authorization", value), ("x-amz-security-token", "x"), ("x-amz-date", "never")]));
        assert_eq!(post(&world, &all, &sign_in).await.status, 200, "{value}");
    }
}
