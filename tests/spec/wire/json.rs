//! The AWS wire, below the operations: envelope, types, bounds, headers.

use std::collections::BTreeSet;

use ::http::Method;
use cognate::api::Op;
use serde_json::{Value, json};

use super::{call_headers, call_json, headers, post, post_json, signed_headers, with};
use crate::support::fixtures::PASSWORD;
use crate::support::http::{self, Reply};
use crate::support::{START, Wire, World, refusal};

async fn world() -> World {
    World::new(Wire::Json).await
}

/// What a refusal of the framework says: its status, its name, and its text if it has one.
fn framework(reply: &Reply) -> (u16, String, Option<String>) {
    let body = reply.json();
    let exception = reply.refusal().exception;
    assert_eq!(body.get("message"), None, "the framework's text is in `Message`");
    let text = body.get("Message").map(|text| text.as_str().unwrap().to_owned());
    assert_eq!(reply.header("x-amzn-errormessage").map(str::to_owned), text);
    assert_eq!(body.as_object().unwrap().len(), 1 + usize::from(text.is_some()));
    (reply.status, exception, text)
}

fn bare(status: u16, exception: &str) -> (u16, String, Option<String>) {
    (status, exception.to_owned(), None)
}

fn not_a_call() -> (u16, String, Option<String>) {
    let text = "Unable to determine service/operation name to be authorized";
    (403, "AccessDeniedException".to_owned(), Some(text.to_owned()))
}

fn malformed(text: &str) -> (u16, String, Option<String>) {
    (400, "SerializationException".to_owned(), Some(text.to_owned()))
}

// ---- the envelope ---------------------------------------------------------------------------------------------------

#[tokio::test]
async fn only_post_is_a_call() {
    let world = world().await;
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::PATCH] {
        let reply = http::request(method.clone(), &world.address, "/", &call_headers("SignUp"), b"{}".to_vec()).await;
        assert_eq!(framework(&reply), not_a_call(), "{method}");
    }
}

#[tokio::test]
async fn the_content_type_is_amazons_json() {
    let world = world().await;
    for kind in [
        "application/x-amz-json-1.1",
        "application/x-amz-json-1.0",
        "application/x-amz-json-1.1; charset=utf-8",
        "Application/X-Amz-Json-1.1",
    ] {
        let mut all = call_headers("SignUp");
        all[0].1 = kind.to_owned();
        let refused = post(&world, &all, b"{}").await.refusal();
        assert_eq!(refused.exception, "InvalidParameterException", "{kind}");
    }
    for kind in [
        "application/json",
        "application/grpc",
        "text/plain",
        "application/x-amz-json-1.2",
        "application/x-amz-json-1.11",
        "",
    ] {
        let mut all = call_headers("SignUp");
        all[0].1 = kind.to_owned();
        assert_eq!(framework(&post(&world, &all, b"{}").await), bare(404, "UnknownOperationException"), "{kind}");
        assert_eq!(framework(&post(&world, &all[..1], b"{}").await), not_a_call(), "{kind}, no target");
    }
    assert_eq!(framework(&post(&world, &[], b"{}").await), not_a_call());
}

#[tokio::test]
async fn a_target_is_an_operation_letter_for_letter_and_stands_there_once() {
    let world = world().await;
    let unknown = bare(400, "UnknownOperationException");
    for target in [
        "AWSCognitoIdentityProviderService.Nonsense",
        "AWSCognitoIdentityProviderService.signup",
        "AWSCognitoIdentityProviderService.",
        "AWSCognitoIdentityProviderService",
        "awscognitoidentityproviderservice.SignUp",
        "DynamoDB_20120810.SignUp",
        "SignUp",
        "AWSCognitoIdentityProviderService.AdminCreateUserExtra",
        "",
    ] {
        let mut all = call_headers("");
        all[1].1 = target.to_owned();
        assert_eq!(framework(&post(&world, &all, b"{}").await), unknown, "{target}");
    }
    let one = call_headers("SignUp");
    assert_eq!(framework(&post(&world, &one[..1], b"{}").await), unknown, "no target");
    for second in ["SignUp", "InitiateAuth"] {
        let mut two = call_headers("SignUp");
        two.extend(call_headers(second).into_iter().skip(1));
        assert_eq!(framework(&post(&world, &two, b"{}").await), unknown, "two targets");
    }
}

#[tokio::test]
async fn a_body_is_one_json_object_in_utf_8() {
    let world = world().await;
    for body in [
        b"".as_slice(),
        b"{",
        b"nonsense",
        b"[]",
        b"\"text\"",
        b"null",
        b"1",
        b"{} {}",
        b"{\"Username\": \"\xFF\"}",
        b"\xEF\xBB\xBF{}",
        b"{'Username': 'alice'}",
        b"{\"Username\": \"\\uD800\"}",
    ] {
        let reply = post(&world, &call_headers("SignUp"), body).await;
        let shown = String::from_utf8_lossy(body);
        assert_eq!(framework(&reply), bare(400, "SerializationException"), "{shown}");
    }
}

#[tokio::test]
async fn checks_come_in_the_order_of_the_framework() {
    let world = world().await;
    let mut wrong_type = call_headers("Nonsense");
    wrong_type[0].1 = "text/plain".to_owned();
    assert_eq!(
        framework(&post(&world, &wrong_type, b"").await),
        bare(400, "SerializationException"),
        "body, then type"
    );
    assert_eq!(
        framework(&post(&world, &wrong_type, b"{").await),
        bare(404, "UnknownOperationException"),
        "type, then JSON"
    );
    let unknown = call_headers("Nonsense");
    assert_eq!(
        framework(&post(&world, &unknown, b"{").await),
        bare(400, "SerializationException"),
        "JSON, then target"
    );
    let unsigned = call_headers("AdminGetUser");
    assert_eq!(
        post(&world, &unsigned, b"{\"UserPoolId\": 1}").await.refusal(),
        refusal("MissingAuthenticationTokenException", "Missing Authentication Token"),
        "signature, then types"
    );
    let body = json!({ "UserPoolId": "nonsense", "Username": 1 });
    assert_eq!(
        framework(&post_json(&world, Op::AdminGetUser, &body).await),
        malformed("class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String"),
        "types, then bounds"
    );
}

#[tokio::test]
async fn a_path_beside_the_root_is_nothing() {
    let world = world().await;
    for path in ["/SignUp", "//", "/cognito", "/.", "/%2F"] {
        let reply = http::post(&world.address, path, &call_headers("SignUp"), b"{}".to_vec()).await;
        assert_eq!((reply.status, reply.body.len()), (404, 0), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_may_have_the_configured_bytes_and_not_one_more() {
    const MAX: usize = 4096;
    let world = World::at(Wire::Json, START.parse().unwrap(), |config| config.body_bytes_max = MAX).await;
    let body = |length: usize| {
        let empty = json!({ "Unknown": "" }).to_string();
        json!({ "Unknown": "x".repeat(length - empty.len()) }).to_string().into_bytes()
    };
    assert_eq!(body(MAX).len(), MAX);
    for op in ["SignUp", "ListUserPools", "Nonsense"] {
        let reply = post(&world, &call_headers(op), &body(MAX)).await;
        assert_eq!(reply.status, 400, "{op}");
        let reply = post(&world, &call_headers(op), &body(MAX + 1)).await;
        assert_eq!((reply.status, reply.body.len()), (413, 0), "{op}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    }
}

// ---- types ----------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_value_of_the_wrong_type_is_refused_in_the_frameworks_words() {
    const STRUCTURE: &str = "Start of structure or map found where not expected.";
    const LIST: &str = "Start of list found where not expected";
    const NUMBER_AS_STRING: &str =
        "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String";
    const BOOLEAN_AS_STRING: &str = "class java.lang.Boolean can not be converted to an String";
    let world = world().await;
    for (op, body, message) in [
        // Strings.
        (Op::SignUp, json!({ "Username": 1 }), NUMBER_AS_STRING),
        (Op::SignUp, json!({ "Username": 1.5 }), NUMBER_AS_STRING),
        (Op::SignUp, json!({ "Username": true }), BOOLEAN_AS_STRING),
        (Op::SignUp, json!({ "Username": {} }), STRUCTURE),
        (Op::SignUp, json!({ "Username": [] }), LIST),
        // Integers.
        (Op::ListUserPools, json!({ "MaxResults": "1" }), "class java.lang.String can not be converted to an Integer"),
        (
            Op::ListUserPools,
            json!({ "MaxResults": true }),
            "class java.lang.Boolean can not be converted to an Integer",
        ),
        (Op::ListUserPools, json!({ "MaxResults": {} }), STRUCTURE),
        (Op::ListUserPools, json!({ "MaxResults": [1] }), LIST),
        (
            Op::ListUserPools,
            json!({ "MaxResults": 2_147_483_648_u64 }),
            "2147483648 can not be converted to an Integer",
        ),
        // Booleans.
        (Op::ConfirmSignUp, json!({ "ForceAliasCreation": "maybe" }), "'MAYBE' can not be converted to an Boolean"),
        (
            Op::ConfirmSignUp,
            json!({ "ForceAliasCreation": 1 }),
            "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an Boolean",
        ),
        (Op::ConfirmSignUp, json!({ "ForceAliasCreation": {} }), STRUCTURE),
        (Op::ConfirmSignUp, json!({ "ForceAliasCreation": [true] }), LIST),
        // Enums, alone and in lists.
        (Op::InitiateAuth, json!({ "AuthFlow": 1 }), NUMBER_AS_STRING),
        (Op::InitiateAuth, json!({ "AuthFlow": ["USER_AUTH"] }), LIST),
        (Op::CreateUserPool, json!({ "AliasAttributes": "email" }), "Expected list or null"),
        (Op::CreateUserPool, json!({ "AliasAttributes": [true] }), BOOLEAN_AS_STRING),
        // Lists of strings.
        (Op::CreateUserPoolClient, json!({ "ReadAttributes": "email" }), "Expected list or null"),
        (Op::CreateUserPoolClient, json!({ "ReadAttributes": 1 }), "Expected list or null"),
        (Op::CreateUserPoolClient, json!({ "ReadAttributes": {} }), STRUCTURE),
        (Op::CreateUserPoolClient, json!({ "ReadAttributes": [1] }), NUMBER_AS_STRING),
        (Op::CreateUserPoolClient, json!({ "ReadAttributes": [[]] }), LIST),
        // Lists of structures.
        (Op::SignUp, json!({ "UserAttributes": "email" }), "Expected list or null"),
        (Op::SignUp, json!({ "UserAttributes": {} }), STRUCTURE),
        (Op::SignUp, json!({ "UserAttributes": ["email"] }), "Expected null"),
        (Op::SignUp, json!({ "UserAttributes": [[]] }), LIST),
        (Op::SignUp, json!({ "UserAttributes": [{ "Name": 1 }] }), NUMBER_AS_STRING),
        // Structures.
        (Op::SignUp, json!({ "UserContextData": "x" }), "Expected null"),
        (Op::SignUp, json!({ "UserContextData": [] }), LIST),
        (Op::SignUp, json!({ "UserContextData": { "IpAddress": false } }), BOOLEAN_AS_STRING),
        // Maps.
        (Op::SignUp, json!({ "ClientMetadata": "x" }), "Expected map or null"),
        (Op::SignUp, json!({ "ClientMetadata": 1 }), "Expected map or null"),
        (Op::SignUp, json!({ "ClientMetadata": [] }), LIST),
        (Op::SignUp, json!({ "ClientMetadata": { "k": 1 } }), NUMBER_AS_STRING),
        (Op::SignUp, json!({ "ClientMetadata": { "k": {} } }), STRUCTURE),
    ] {
        assert_eq!(framework(&post_json(&world, op, &body).await), malformed(message), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn null_is_absent_and_unknown_members_are_ignored() {
    let world = world().await;
    let client = world.app_client().await;
    let body = json!({
        "ClientId": client.id,
        "SecretHash": null,
        "Username": "alice",
        "Password": PASSWORD,
        "UserAttributes": [
            { "Name": "email", "Value": "alice@example.com", "Verified": true },
            { "Name": "name", "Value": null },
        ],
        "ValidationData": null,
        "ClientMetadata": { "gone": null, "kept": "x" },
        "AnalyticsMetadata": null,
        "UserContextData": { "IpAddress": null },
        "Unknown": { "deep": [1, 2, 3] },
        "username": 1,
    });
    call_json(&world, Op::SignUp, &body).await.unwrap();
    let all_null = json!({ "ClientId": null, "Username": null, "ConfirmationCode": null, "ForceAliasCreation": null });
    let none = call_json(&world, Op::ConfirmSignUp, &json!({})).await;
    assert_eq!(none.clone().unwrap_err().exception, "InvalidParameterException");
    assert_eq!(call_json(&world, Op::ConfirmSignUp, &all_null).await, none);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_mean_yes_or_no_are_booleans() {
    let world = world().await;
    let pool = world.pool(|_| {}).await;
    let body = json!({ "UserPoolId": pool, "ClientName": "app" });
    for (word, is_true) in [
        (json!(true), true),
        (json!("true"), true),
        (json!("TRUE"), true),
        (json!("yes"), true),
        (json!("1"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!("No"), false),
        (json!("0"), false),
    ] {
        let body = with(&body, "GenerateSecret", word.clone());
        let created = call_json(&world, Op::CreateUserPoolClient, &body).await.unwrap();
        assert_eq!(created["UserPoolClient"].get("ClientSecret").is_some(), is_true, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fractions_are_cut_off() {
    let world = world().await;
    let (_one, _two) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
    let listed = call_json(&world, Op::ListUserPools, &json!({ "MaxResults": 1.99 })).await.unwrap();
    assert_eq!(listed["UserPools"].as_array().unwrap().len(), 1);
    let listed = call_json(&world, Op::ListUserPools, &json!({ "MaxResults": 6e1 })).await.unwrap();
    assert_eq!(listed["UserPools"].as_array().unwrap().len(), 2);
    assert_eq!(
        call_json(&world, Op::ListUserPools, &json!({ "MaxResults": 0.99 })).await,
        Err(refusal(
            "InvalidParameterException",
            "1 validation error detected: Value '0' at 'maxResults' failed to satisfy constraint: Member must have \
             value greater than or equal to 1"
        ))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_script_comes_back_as_it_was_sent() {
    let world = world().await;
    let client = world.app_client().await;
    for name in ["\u{5f}\u{e4}\u{df}", "\u{9f8d}\u{99ac}", "\u{1f600}\u{1f9d1}", "\u{645}\u{631}\u{62d}\u{628}\u{627}"]
    {
        let body = json!({
            "ClientId": client.id,
            "Username": name,
            "Password": PASSWORD,
            "UserAttributes": [{ "Name": "email", "Value": "a@example.com" }, { "Name": "nickname", "Value": name }],
        });
        call_json(&world, Op::SignUp, &body).await.unwrap();
        let user = call_json(&world, Op::AdminGetUser, &json!({ "UserPoolId": client.pool, "Username": name })).await;
        let user = user.unwrap();
        assert_eq!(user["Username"], name);
        let attributes = user["UserAttributes"].as_array().unwrap();
        assert!(attributes.contains(&json!({ "Name": "nickname", "Value": name })), "{attributes:?}");
    }
}

#[tokio::test]
async fn a_message_that_cannot_stand_in_a_header_stands_in_the_body_alone() {
    let world = world().await;
    let body = json!({ "ClientId": "c", "Username": "a", "ConfirmationCode": "\u{e4} \u{e4}" });
    let reply = post_json(&world, Op::ConfirmSignUp, &body).await;
    assert_eq!(
        reply.refusal().message,
        "1 validation error detected: Value '\u{e4} \u{e4}' at 'confirmationCode' failed to satisfy constraint: Member \
         must satisfy regular expression pattern: [\\S]+"
    );
    assert_eq!(reply.header("x-amzn-errormessage"), None);
}

// ---- bounds ---------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bound_has_cognitos_words() {
    let world = world().await;
    let sign_up = json!({ "ClientId": "c", "Username": "alice" });
    let attribute = |attribute: Value| with(&sign_up, "UserAttributes", json!([{ "Name": "a" }, attribute]));
    let long_tag = json!({ "PoolName": "p", "UserPoolTags": { "b": "y", "a": "x".repeat(257) } });
    for (op, body, violation) in [
        (
            Op::DescribeUserPool,
            json!({}),
            "Value null at 'userPoolId' failed to satisfy constraint: Member must not be null".to_owned(),
        ),
        (
            Op::SignUp,
            json!({ "Username": "alice" }),
            "Value at 'clientId' failed to satisfy constraint: Member must not be null".to_owned(),
        ),
        (
            Op::InitiateAuth,
            json!({ "ClientId": "c" }),
            "Value null at 'authFlow' failed to satisfy constraint: Member must not be null".to_owned(),
        ),
        (
            Op::SignUp,
            with(&sign_up, "Username", json!("x".repeat(129))),
            "Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128"
                .to_owned(),
        ),
        (
            Op::SignUp,
            with(&sign_up, "Username", json!("\u{1f600}".repeat(65))),
            "Value at 'username' failed to satisfy constraint: Member must have length less than or equal to 128"
                .to_owned(),
        ),
        (
            Op::SignUp,
            with(&sign_up, "Username", json!("two words")),
            "Value at 'username' failed to satisfy constraint: Member must satisfy regular expression pattern: \
             [\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+"
                .to_owned(),
        ),
        (
            Op::SignUp,
            with(&sign_up, "Password", json!("x")),
            "Value at 'password' failed to satisfy constraint: Member must satisfy regular expression pattern: \
             ^[\\S]+.*[\\S]+$"
                .to_owned(),
        ),
        (
            Op::ConfirmSignUp,
            with(&sign_up, "ConfirmationCode", json!("1 12 123")),
            "Value '1 12 123' at 'confirmationCode' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [\\S]+"
                .to_owned(),
        ),
        (
            Op::InitiateAuth,
            json!({ "ClientId": "c", "AuthFlow": "Banana" }),
            "Value 'Banana' at 'authFlow' failed to satisfy constraint: Member must satisfy enum value set: \
             [USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, ADMIN_NO_SRP_AUTH, USER_PASSWORD_AUTH, \
             ADMIN_USER_PASSWORD_AUTH, USER_AUTH]"
                .to_owned(),
        ),
        (
            Op::InitiateAuth,
            json!({ "ClientId": "c", "AuthFlow": "UNSPECIFIED" }),
            "Value 'UNSPECIFIED' at 'authFlow' failed to satisfy constraint: Member must satisfy enum value set: \
             [USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, ADMIN_NO_SRP_AUTH, USER_PASSWORD_AUTH, \
             ADMIN_USER_PASSWORD_AUTH, USER_AUTH]"
                .to_owned(),
        ),
        (
            Op::CreateUserPool,
            json!({ "PoolName": "p", "AutoVerifiedAttributes": ["email", "pager"] }),
            "Value '[email, pager]' at 'autoVerifiedAttributes' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must satisfy enum value set: [phone_number, email]]"
                .to_owned(),
        ),
        (
            Op::ListUserPools,
            json!({ "MaxResults": 0 }),
            "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"
                .to_owned(),
        ),
        (
            Op::ListUserPools,
            json!({ "MaxResults": 61 }),
            "Value '61' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 60"
                .to_owned(),
        ),
        (
            Op::CreateUserPoolClient,
            json!({ "UserPoolId": "us-east-1_Nowhere12", "ClientName": "c", "ReadAttributes": ["email", ""] }),
            "Value '[email, ]' at 'readAttributes' failed to satisfy constraint: Member must satisfy constraint: \
             [Member must have length less than or equal to 2048, Member must have length greater than or equal to 1]"
                .to_owned(),
        ),
        (
            Op::CreateUserPool,
            long_tag,
            format!(
                "Value '{{a={}, b=y}}' at 'userPoolTags' failed to satisfy constraint: Map value must satisfy \
                 constraint: [Member must have length less than or equal to 256, Member must have length greater than or \
                 equal to 0]",
                "x".repeat(257)
            ),
        ),
        (
            Op::CreateUserPool,
            json!({ "PoolName": "p", "UserPoolTags": { "": "y" } }),
            "Value '{=y}' at 'userPoolTags' failed to satisfy constraint: Map keys must satisfy constraint: [Member must \
             have length less than or equal to 128, Member must have length greater than or equal to 1]"
                .to_owned(),
        ),
        (
            Op::SignUp,
            attribute(json!({})),
            "Value null at 'userAttributes.2.member.name' failed to satisfy constraint: Member must not be null"
                .to_owned(),
        ),
        (
            Op::SignUp,
            attribute(json!({ "Name": "x".repeat(33) })),
            format!(
                "Value '{}' at 'userAttributes.2.member.name' failed to satisfy constraint: Member must have length \
                 less than or equal to 32",
                "x".repeat(33)
            ),
        ),
        (
            Op::SignUp,
            attribute(json!({ "Name": "x", "Value": "y".repeat(2049) })),
            "Value at 'userAttributes.2.member.value' failed to satisfy constraint: Member must have length less than \
             or equal to 2048"
                .to_owned(),
        ),
        (
            Op::CreateUserPool,
            json!({ "PoolName": "p", "Policies": { "PasswordPolicy": { "MinimumLength": 100 } } }),
            "Value '100' at 'policies.passwordPolicy.minimumLength' failed to satisfy constraint: Member must have \
             value less than or equal to 99"
                .to_owned(),
        ),
    ] {
        assert_eq!(
            call_json(&world, op, &body).await,
            Err(refusal("InvalidParameterException", &format!("1 validation error detected: {violation}"))),
            "{body}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_values_that_fit_do_fit() {
    let world = world().await;
    let client = world.app_client().await;
    let body = json!({
        "ClientId": client.id,
        "Username": "\u{1f600}".repeat(64),
        "Password": format!("aA1!{}", "x".repeat(252)),
        "UserAttributes": [
            { "Name": "email", "Value": "a@example.com" },
            { "Name": "nickname", "Value": "y".repeat(2048) },
        ],
    });
    call_json(&world, Op::SignUp, &body).await.unwrap();
}

#[tokio::test]
async fn at_most_ten_violations_are_told() {
    let world = world().await;
    let body = json!({ "ClientId": "c", "Username": "alice", "UserAttributes": vec![json!({}); 12] });
    let violations: Vec<String> = (1..=10)
        .map(|n| {
            format!(
                "Value null at 'userAttributes.{n}.member.name' failed to satisfy constraint: Member must not be null"
            )
        })
        .collect();
    assert_eq!(
        call_json(&world, Op::SignUp, &body).await,
        Err(refusal("InvalidParameterException", &format!("10 validation errors detected: {}", violations.join("; "))))
    );
}

// ---- answers --------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_the_headers_that_clients_look_for() {
    let world = world().await;
    let body = b"{\"MaxResults\": 1}";
    let mut ids = BTreeSet::new();
    for (reply, status) in [
        (post(&world, &signed_headers(&world, "ListUserPools", body), body).await, 200),
        (post(&world, &call_headers("SignUp"), b"{}").await, 400),
        (post(&world, &call_headers("ListUserPools"), b"{}").await, 400),
        (post(&world, &call_headers("Nonsense"), b"{}").await, 400),
        (post(&world, &call_headers("SignUp"), b"").await, 400),
        (http::get(&world.address, "/").await, 403),
    ] {
        assert_eq!(reply.status, status);
        assert_eq!(reply.header("content-type"), Some("application/x-amz-json-1.1"));
        assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
        assert_eq!(
            reply.header("access-control-expose-headers"),
            Some("x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date,Retry-After")
        );
        let id = reply.header("x-amzn-requestid").unwrap();
        let parsed: uuid::Uuid = id.parse().unwrap();
        assert_eq!((parsed.get_version_num(), parsed.to_string()), (4, id.to_owned()));
        ids.insert(id.to_owned());
        let date = reply.header("date").unwrap();
        assert!(date.ends_with(" GMT") && jiff::fmt::rfc2822::parse(date).is_ok(), "{date}");
        assert_eq!(reply.header("x-amzn-errortype").is_some(), status != 200);
    }
    assert_eq!(ids.len(), 6, "each request has an id of its own");
}

#[tokio::test]
async fn an_error_reads_the_same_in_body_and_headers() {
    let world = world().await;
    let body = json!({ "ClientId": "nobody", "Username": "alice", "Password": PASSWORD });
    let reply = post_json(&world, Op::SignUp, &body).await;
    let message = "User pool client nobody does not exist.";
    assert_eq!(reply.json(), json!({ "__type": "ResourceNotFoundException", "message": message }));
    assert_eq!(reply.header("x-amzn-errortype"), Some("ResourceNotFoundException:"));
    assert_eq!(reply.header("x-amzn-errormessage"), Some(message));
}

#[tokio::test]
async fn a_browser_may_ask_first() {
    let world = world().await;
    let asked = "content-type,x-amz-target,x-amz-user-agent,cache-control";
    let asking = headers(&[
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", asked),
    ]);
    let reply = http::request(Method::OPTIONS, &world.address, "/", &asking, Vec::new()).await;
    assert_eq!((reply.status, reply.body.len()), (200, 0));
    assert_eq!(reply.header("access-control-allow-origin"), Some("*"));
    assert_eq!(reply.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(reply.header("access-control-allow-headers"), Some(asked));
    assert_eq!(reply.header("access-control-max-age"), Some("172800"));
    assert_eq!(reply.header("access-control-allow-credentials"), None, "cookies have no part in this");
    let bare = http::request(Method::OPTIONS, &world.address, "/", &[], Vec::new()).await;
    assert_eq!((bare.status, bare.header("access-control-allow-headers")), (200, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_value_is_omitted_and_times_are_epoch_seconds() {
    let world = World::at(Wire::Json, "2026-01-07T05:06:09.123Z".parse().unwrap(), |_| {}).await;
    let created = call_json(&world, Op::CreateUserPool, &json!({ "PoolName": "people" })).await.unwrap();
    let pool = created["UserPool"].as_object().unwrap();
    assert_eq!(pool["CreationDate"], json!(1_767_762_369.123));
    assert!(!pool.values().any(Value::is_null));
    assert!(!pool.contains_key("UsernameConfiguration") && !pool.contains_key("AliasAttributes"), "{pool:?}");
    let listed = call_json(&world, Op::ListUserPoolClients, &json!({ "UserPoolId": pool["Id"] })).await.unwrap();
    assert_eq!(Value::Object(listed), json!({ "UserPoolClients": [] }), "a list that is always sent is sent empty");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_without_members_answers_an_empty_object() {
    let world = world().await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let body = json!({ "UserPoolId": client.pool, "Username": "alice" });
    let reply = post_json(&world, Op::AdminConfirmSignUp, &body).await;
    assert_eq!((reply.status, &reply.body[..]), (200, b"{}".as_slice()));
}
