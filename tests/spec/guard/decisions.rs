//! What policies decide over the whole road, and what a denied caller can learn: nothing.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::{self, Op};
use prost::Message as _;
use serde_json::json;
use tonic_types::StatusExt as _;

use crate::spec;
use crate::support::{Credential, Refusal, Wire, World, http, policy, raw, refusal};

fn arn(pool: &str) -> String {
    format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool}")
}

async fn describe(world: &World, credential: &Credential, pool: &str) -> Result<(), Refusal> {
    let request = api::DescribeUserPoolRequest { user_pool_id: Some(pool.to_owned()) };
    world.call_as(credential, request).await.map(drop)
}

fn denied(name: &str, action: &str, resource: &str) -> Refusal {
    let text = format!(
        "User: arn:aws:iam::000000000000:user/{name} is not authorized to perform: cognito-idp:{action} on resource: \
         {resource} because no identity-based policy allows the cognito-idp:{action} action"
    );
    refusal("AccessDeniedException", &text)
}

/// A statement with a condition, for every action on everything.
fn on_condition(effect: &str, condition: serde_json::Value) -> String {
    let statement = json!({"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

spec! {
    async fn a_principal_of_one_pool_cannot_tell_whether_another_exists(world: World) {
        let (own, other) = (world.pool(|_| {}).await, world.pool(|_| {}).await);
        let key = Credential::AccessKey(world.principal("desk", &policy("Allow", "cognito-idp:*", &arn(&own))));
        assert_eq!(describe(&world, &key, &own).await, Ok(()));
        for pool in [other.as_str(), "us-east-1_Nowhere00", "no pool's id at all!", ""] {
            assert_eq!(describe(&world, &key, pool).await, Err(denied("desk", "DescribeUserPool", &arn(pool))));
        }
        let nothing = api::DescribeUserPoolRequest::default();
        assert_eq!(world.call_as(&key, nothing).await.map(drop), Err(denied("desk", "DescribeUserPool", "*")));
        assert_eq!(
            world.call_as(&key, api::ListUserPoolsRequest::default()).await.map(drop),
            Err(denied("desk", "ListUserPools", "*"))
        );
    }
}

spec! {
    async fn an_explicit_deny_says_so(world: World) {
        let pool = world.pool(|_| {}).await;
        let text = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "cognito-idp:Describe*", "Resource": "*"},
        ]});
        let key = Credential::AccessKey(world.principal("desk", &text.to_string()));
        let Refusal { exception, message } = describe(&world, &key, &pool).await.unwrap_err();
        assert_eq!(exception, "AccessDeniedException");
        assert!(message.ends_with(" with an explicit deny in an identity-based policy"), "{message}");
        world.call_as(&key, api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() }).await.unwrap();
    }
}

spec! {
    async fn a_pool_is_opened_by_its_tags(world: World) {
        let tagged = |team: &str| {
            let tags = [("team".to_owned(), team.to_owned())];
            move |request: &mut api::CreateUserPoolRequest| request.user_pool_tags = tags.into()
        };
        let (own, other) = (world.pool(tagged("desk")).await, world.pool(tagged("field")).await);
        let policy = on_condition("Allow", json!({"StringEquals": {"aws:ResourceTag/team": "desk"}}));
        let key = Credential::AccessKey(world.principal("desk", &policy));
        assert_eq!(describe(&world, &key, &own).await, Ok(()));
        for pool in [other.as_str(), "us-east-1_Nowhere00"] {
            assert_eq!(describe(&world, &key, pool).await, Err(denied("desk", "DescribeUserPool", &arn(pool))));
        }
    }
}

spec! {
    async fn a_denial_by_tags_does_not_tell_that_they_are_there(world: World) {
        let own = world.pool(|_| {}).await;
        let other = world.pool(|request| request.user_pool_tags = [("stage".to_owned(), "live".to_owned())].into()).await;
        let nowhere = "us-east-1_Nowhere00";
        for (operator, explicit) in [("StringEquals", false), ("StringNotEquals", true)] {
            let text = json!({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "*", "Resource": arn(&own)},
                {
                    "Effect": "Deny",
                    "Action": "*",
                    "Resource": "*",
                    "Condition": {operator: {"aws:ResourceTag/stage": "live"}},
                },
            ]});
            let key = Credential::AccessKey(world.principal(operator, &text.to_string()));
            let hidden = describe(&world, &key, &other).await.unwrap_err();
            let absent = describe(&world, &key, nowhere).await.unwrap_err();
            assert_eq!(hidden.exception, "AccessDeniedException");
            assert_eq!(hidden.message, absent.message.replace(nowhere, &other));
            assert_eq!(absent.message.contains("explicit deny"), explicit, "{}", absent.message);
        }
        // Where a pool without tags is open, the one with them says what closes it.
        let text = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:ResourceTag/stage": "live"}},
            },
        ]});
        let key = Credential::AccessKey(world.principal("desk", &text.to_string()));
        assert_eq!(describe(&world, &key, &own).await, Ok(()));
        assert!(describe(&world, &key, &other).await.unwrap_err().message.contains("explicit deny"));
    }
}

spec! {
    async fn tags_that_differ_in_case_hide_nothing_from_a_policy(world: World) {
        let text = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {
                "Effect": "Deny",
                "Action": "*",
                "Resource": "*",
                "Condition": {"StringEquals": {"aws:RequestTag/stage": "live"}},
            },
        ]});
        let key = Credential::AccessKey(world.principal("desk", &text.to_string()));
        for (first, second) in [("live", "test"), ("test", "live")] {
            let tags = [("Stage".to_owned(), first.to_owned()), ("stage".to_owned(), second.to_owned())];
            let create = api::CreateUserPoolRequest {
                pool_name: Some("p".into()),
                user_pool_tags: tags.into(),
                ..Default::default()
            };
            assert_eq!(world.call_as(&key, create).await.unwrap_err().exception, "AccessDeniedException");
        }
    }
}

spec! {
    async fn a_name_that_no_pool_can_have_is_not_compared_to_its_end(world: World) {
        let text = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "*", "Resource": arn("*end")},
        ]});
        let key = Credential::AccessKey(world.principal("desk", &text.to_string()));
        let short = describe(&world, &key, &("a".repeat(100) + "end")).await.unwrap_err();
        assert_eq!(short.exception, "AccessDeniedException");
        let long = describe(&world, &key, &("a".repeat(300) + "end")).await.unwrap_err();
        assert_eq!(long.exception, "InvalidParameterException", "the validator refuses what the guard need not");
    }
}

spec! {
    async fn a_pool_is_made_only_with_the_tags_that_policy_asks_for(world: World) {
        let policy = on_condition("Allow", json!({
            "StringEquals": {"aws:RequestTag/team": "desk"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team", "stage"]},
        }));
        let key = Credential::AccessKey(world.principal("desk", &policy));
        let create = |tags: &[(&str, &str)]| {
            let tags = tags.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
            let request =
                api::CreateUserPoolRequest { pool_name: Some("p".into()), user_pool_tags: tags, ..Default::default() };
            world.call_as(&key, request)
        };
        let refused = Err(denied("desk", "CreateUserPool", "*"));
        assert_eq!(create(&[]).await.map(drop), refused);
        assert_eq!(create(&[("team", "field")]).await.map(drop), refused);
        assert_eq!(create(&[("team", "desk"), ("owner", "me")]).await.map(drop), refused);
        assert_eq!(create(&[("team", "desk"), ("stage", "test")]).await.map(drop), Ok(()));
    }
}

spec! {
    async fn conditions_see_the_request_as_it_came(world: World) {
        let now = world.now();
        for (index, (condition, expected)) in [
            (json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}), true),
            (json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}), false),
            (json!({"Bool": {"aws:SecureTransport": "false"}}), true),
            (json!({"Bool": {"aws:SecureTransport": "true"}}), false),
            (json!({"DateLessThanEquals": {"aws:CurrentTime": now.to_string()}}), true),
            (json!({"DateLessThan": {"aws:CurrentTime": now.to_string()}}), false),
            (json!({"NumericEquals": {"aws:EpochTime": now.as_second()}}), true),
            (json!({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}), true),
            (json!({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}), false),
            (json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/desk-*"}}), true),
            (json!({"StringLike": {"aws:username": "desk-*"}}), true),
            (json!({"StringLike": {"aws:userid": "AIDA*"}}), true),
            (json!({"Null": {"aws:MultiFactorAuthPresent": "true"}}), true),
            (json!({"Null": {"aws:PrincipalTag/team": "true"}}), true),
            (json!({"StringLike": {"aws:UserAgent": "no client calls itself so"}}), false),
        ]
        .into_iter()
        .enumerate()
        {
            let name = format!("desk-{index}");
            let key = Credential::AccessKey(world.principal(&name, &on_condition("Allow", condition.clone())));
            let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
            let done = world.call_as(&key, request).await.map(drop);
            let expected = if expected { Ok(()) } else { Err(denied(&name, "ListUserPools", "*")) };
            assert_eq!(done, expected, "{condition}");
        }
    }
}

/// The guard and the decoder must read the same: of two messages one of them might read none.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_message_hides_nothing_from_a_policy() {
    let world = World::new(Wire::Grpc).await;
    let text = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:RequestTag/stage": "live"}}},
    ]});
    let key = world.principal("desk", &text.to_string());
    let tags = [("stage".to_owned(), "live".to_owned())].into();
    let create = api::CreateUserPoolRequest { pool_name: Some("p".into()), user_pool_tags: tags, ..Default::default() };
    let message = create.encode_to_vec();
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let one = [&[0], length.as_slice(), &message].concat();
    let basic = format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", key.id, key.secret)));
    let headers = [("content-type", "application/grpc"), ("te", "trailers"), ("authorization", &basic)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    for (body, code) in [(one.clone(), "7"), ([one, vec![0; 5]].concat(), "3")] {
        let reply = http::post(&world.address, Op::CreateUserPool.path(), &headers, body).await;
        assert_eq!(reply.header("grpc-status"), Some(code));
    }
    let list = api::ListUserPoolsRequest { max_results: Some(10), ..Default::default() };
    assert!(world.call(list).await.unwrap().user_pools.is_empty(), "no pool was made");
}

/// Whatever is wrong with a request, a caller who may not make it hears only that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_comes_before_every_other_complaint() {
    let world = World::new(Wire::Json).await;
    let pool = world.pool(|_| {}).await;
    let key = Credential::AccessKey(world.principal("desk", &policy("Deny", "*", "*")));
    let bodies = [
        json!({"UserPoolId": pool, "Username": "alice"}),
        json!({"UserPoolId": pool, "Username": 5}),
        json!({"UserPoolId": pool}),
        json!({"UserPoolId": pool, "Username": {"a": []}, "Nonsense": null}),
    ];
    let mut answers = Vec::new();
    for body in bodies {
        let reply = world.post(Op::AdminGetUser, &key, body.to_string().into_bytes()).await;
        assert_eq!(reply.status, 400);
        answers.push(reply.body);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");

    // The same over gRPC, with bytes that are no message.
    let odd = api::DescribeUserPoolRequest { user_pool_id: Some(pool) };
    let whole = raw::grpc::<_, ()>(&world.address, Op::AdminGetUser, &key, odd).await.unwrap_err();
    assert_eq!(whole.code(), tonic::Code::PermissionDenied);
    let broken = prost_types::Any { type_url: "\u{1}".to_owned(), value: vec![0xff; 3] };
    let broken = raw::grpc::<_, ()>(&world.address, Op::AdminGetUser, &key, broken).await.unwrap_err();
    assert_eq!(broken.code(), tonic::Code::PermissionDenied);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_grpc_a_denial_names_action_resource_and_principal() {
    let world = World::new(Wire::Grpc).await;
    let key = Credential::AccessKey(world.principal("desk", &policy("Deny", "*", "*")));
    let request = api::DescribeUserPoolRequest { user_pool_id: Some("us-east-1_AbCdEf123".into()) };
    let status = raw::grpc::<_, ()>(&world.address, Op::DescribeUserPool, &key, request).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::PermissionDenied);
    let metadata = status.get_error_details().error_info().unwrap().metadata.clone();
    assert_eq!(metadata["action"], "cognito-idp:DescribeUserPool");
    assert_eq!(metadata["resource"], arn("us-east-1_AbCdEf123"));
    assert_eq!(metadata["principal"], "arn:aws:iam::000000000000:user/desk");
    assert_eq!(metadata["exception"], "AccessDeniedException");
}

/// The guard reads the routed operation, so no spelling of a path or target reaches one unguarded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_spelling_reaches_an_operation() {
    let world = World::new(Wire::Json).await;
    let body = json!({"UserPoolId": "us-east-1_AbCdEf123", "Username": "alice"}).to_string().into_bytes();
    let path = Op::AdminConfirmSignUp.path();
    for path in [
        format!("{path}?x=1"),
        format!("/{path}"),
        path.replacen('/', "//", 1),
        path.replace("/A", "%2FA"),
        path.replace("Admin", "admin"),
        format!("{path}/"),
        format!("{path}/."),
        path.to_uppercase(),
    ] {
        let headers =
            [("content-type".to_owned(), "application/grpc".to_owned()), ("te".to_owned(), "trailers".to_owned())];
        let reply = http::post(&world.address, &path, &headers, b"\0\0\0\0\0".to_vec()).await;
        // Unimplemented, for everybody.
        assert_eq!(reply.header("grpc-status"), Some("12"), "{path}");
    }
    for target in [
        "AWSCognitoIdentityProviderService.AdminConfirmSignUp?x=1",
        "AWSCognitoIdentityProviderService.AdminConfirmSignUp#f",
        "AWSCognitoIdentityProviderService.adminConfirmSignUp",
        "awscognitoidentityproviderservice.AdminConfirmSignUp",
        "AWSCognitoIdentityProviderService.AdminConfirmSignUp ",
        "AWSCognitoIdentityProviderService..AdminConfirmSignUp",
        "AWSCognitoIdentityProviderService.%41dminConfirmSignUp",
    ] {
        let headers = [
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), target.to_owned()),
        ];
        let reply = http::post(&world.address, "/", &headers, body.clone()).await;
        let trimmed = target.trim_end() != target;
        let expected = if trimmed { "MissingAuthenticationTokenException" } else { "UnknownOperationException" };
        assert_eq!(reply.json()["__type"], expected, "{target:?}");
    }
    let headers = [
        ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target".to_owned(), "AWSCognitoIdentityProviderService.AdminConfirmSignUp".to_owned()),
    ];
    for path in ["/?x=1", "//", "/%2F", "/AdminConfirmSignUp", "/./"] {
        let reply = http::post(&world.address, path, &headers, body.clone()).await;
        match reply.status {
            404 => {}
            _ => assert_eq!(reply.json()["__type"], "MissingAuthenticationTokenException", "{path}"),
        }
    }
    let reply = http::request(::http::Method::GET, &world.address, "/", &headers, Vec::new()).await;
    assert_eq!(reply.status, 403);
}
