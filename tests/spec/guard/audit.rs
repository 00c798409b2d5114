//! The audit trail: what is written down of each call, and that nothing can be changed in it unnoticed.

use cognate::access::access_keys::KeyFile;
use cognate::access::audit::verify::verify;
use cognate::access::principals::{Arn, policies_directory};
use cognate::api;
use cognate::crypto::keys::{KeyEncryptionKey, Purpose};
use serde_json::{Value, json};

use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::{AccessKey, Credential, OPERATOR, Wire, World, policy};

fn named<'a>(trail: &'a [Value], name: &str) -> Vec<&'a Value> {
    trail.iter().filter(|record| record["eventName"] == name).collect()
}

spec! {
    async fn a_call_of_an_operator_is_one_line(world: World) {
        let client = world.app_client().await;
        let sub = world.sign_up(&client, "alice").await.user_sub;
        world.confirm_by_operator(&client.pool, "alice").await;
        let (wire, now, key) = (world.wire, world.now(), world.operator.id.clone());
        let trail = world.audit().await;
        let confirmations = named(&trail, "AdminConfirmSignUp");
        let [record] = confirmations[..] else { panic!("{confirmations:?}") };
        assert_eq!(record["eventTime"], now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        assert_eq!(record["eventSource"], "cognito-idp.amazonaws.com");
        assert_eq!(record["awsRegion"], "us-east-1");
        assert_eq!(record["sourceIPAddress"], "127.0.0.1");
        assert_eq!(record["readOnly"], false);
        assert_eq!(record["eventType"], "AwsApiCall");
        assert_eq!(record["recipientAccountId"], "000000000000");
        assert_eq!(record.get("errorCode"), None);
        let identity = &record["userIdentity"];
        assert_eq!(identity["type"], "IAMUser");
        assert_eq!(identity["arn"], OPERATOR);
        assert_eq!(identity["userName"], "operator");
        assert_eq!(identity["accessKeyId"], key);
        assert_eq!(record["requestParameters"]["userPoolId"], client.pool);
        assert_eq!(record["requestParameters"]["username"], "HIDDEN_DUE_TO_SECURITY_REASONS");
        let credential = if wire == Wire::Grpc { "ACCESS_KEY" } else { "SIGNATURE" };
        let expected = json!({"userPoolId": client.pool, "sub": sub, "credential": credential});
        assert_eq!(record["additionalEventData"], expected);
    }
}

spec! {
    async fn refusals_are_written_down_with_their_reason(world: World) {
        let client = world.app_client().await;
        let desk = Credential::AccessKey(world.principal("desk", &policy("Deny", "*", "*")));
        let ask = || api::DescribeUserPoolRequest { user_pool_id: Some(client.pool.clone()) };
        world.call_as(&desk, ask()).await.unwrap_err();
        world.call_as(&Credential::None, ask()).await.unwrap_err();
        let operator = Credential::AccessKey(world.operator.clone());
        world.call_as(&operator, api::DescribeUserPoolRequest::default()).await.unwrap_err();
        let trail = world.audit().await;
        let described = named(&trail, "DescribeUserPool");
        let [denied, unknown, invalid] = described[..] else { panic!("{described:?}") };
        assert_eq!(denied["errorCode"], "AccessDenied");
        assert!(denied["errorMessage"].as_str().unwrap().contains("user/desk is not authorized"));
        assert_eq!(denied["userIdentity"]["userName"], "desk");
        assert_eq!(denied["additionalEventData"]["userPoolId"], client.pool);
        assert_eq!(unknown["errorCode"], "MissingAuthenticationTokenException");
        assert_eq!(unknown["userIdentity"], json!({"type": "Unknown", "principalId": "Anonymous"}));
        assert_eq!(invalid["errorCode"], "InvalidParameterException");
        assert_eq!(invalid["userIdentity"]["userName"], "operator");
    }
}

spec! {
    async fn decisions_about_a_users_sign_in_are_written_down(world: World) {
        let client = world.app_client().await;
        let sub = world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        world.refresh(&client, tokens.refresh_token.as_deref().unwrap()).await.unwrap();
        for _ in 0..5 {
            world.try_password(&client, "alice", "Wrong-Passw0rd").await.unwrap_err();
        }
        world.try_password(&client, "alice", PASSWORD).await.unwrap_err();
        world.try_password(&client, "nobody", PASSWORD).await.unwrap_err();
        let trail = world.audit().await;
        let signed_in = named(&trail, "InitiateAuth");
        assert_eq!(signed_in.len(), 9);
        for record in &signed_in {
            assert_eq!(record["userIdentity"], json!({"type": "Unknown", "principalId": "Anonymous"}));
            assert_eq!(record["requestParameters"]["clientId"], client.id);
            assert_eq!(record["additionalEventData"]["userPoolId"], client.pool);
        }
        let outcome = |record: &Value| record["errorMessage"].as_str().map(str::to_owned);
        let outcomes: Vec<_> = signed_in.iter().map(|record| outcome(record)).collect();
        let wrong = Some("Incorrect username or password.".to_owned());
        assert_eq!(outcomes[..2], [None, None]);
        assert_eq!(outcomes[2], wrong);
        assert_eq!(outcomes[7], Some("Password attempts exceeded".to_owned()));
        assert!(signed_in[..8].iter().all(|record| record["additionalEventData"]["sub"] == sub));
        assert_eq!(signed_in[8]["additionalEventData"].get("sub"), None);
    }
}

spec! {
    async fn nothing_secret_or_personal_is_in_it(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice-the-user").await;
        let tokens = world.sign_in(&client, "alice-the-user").await;
        world.admin_get_user(&client.pool, "alice-the-user").await.unwrap();
        let code = world.code_for("alice-the-user").await;
        let secrets = [
            PASSWORD.to_owned(),
            "alice-the-user".to_owned(),
            "example.com".to_owned(),
            format!("\"{code}\""),
            world.operator.secret.clone(),
            tokens.access_token.unwrap(),
            tokens.refresh_token.unwrap(),
        ];
        let text = world.audit().await.into_iter().map(|record| record.to_string()).collect::<String>();
        assert!(text.contains("AdminGetUser") && text.contains("ConfirmSignUp"));
        for secret in secrets {
            assert!(!text.contains(&secret), "{secret} is in {text}");
        }
    }
}

spec! {
    async fn a_refusal_tells_no_value_that_is_hidden(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let seen = world.confirm(&client, "alice", "123 456").await.unwrap_err();
        assert!(seen.message.contains("Value '123 456' at 'confirmationCode'"), "{}", seen.message);
        let operator = Credential::AccessKey(world.operator.clone());
        let ask = api::DescribeUserPoolRequest { user_pool_id: Some("no pool".into()) };
        world.call_as(&operator, ask).await.unwrap_err();
        let trail = world.audit().await;
        let message = |name| named(&trail, name)[0]["errorMessage"].as_str().unwrap().to_owned();
        assert_eq!(
            message("ConfirmSignUp"),
            "1 validation error detected: Value at 'confirmationCode' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: [\\S]+"
        );
        assert!(message("DescribeUserPool").contains("Value 'no pool' at 'userPoolId'"));
    }
}

spec! {
    async fn a_session_of_a_role_names_its_role(world: World) {
        let access = world.config.access_directory();
        std::fs::write(policies_directory(&access).join("all.json"), policy("Allow", "*", "*")).unwrap();
        let arn = "arn:aws:sts::000000000000:assumed-role/desk/monday";
        let services = &world.app.services;
        let mut file = KeyFile::open(&access).unwrap();
        file.add_principal(&Arn::parse(arn).unwrap(), &["all"]);
        let key = file.create(arn, &services.sealer, &services.rng, services.clock.now()).unwrap();
        file.save().unwrap();
        world.reload();
        let key = AccessKey { id: key.id, secret: key.secret.expose().clone() };
        let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
        world.call_as(&Credential::AccessKey(key), request).await.unwrap();
        let trail = world.audit().await;
        let identity = &named(&trail, "ListUserPools")[0]["userIdentity"];
        let issuer = &identity["sessionContext"]["sessionIssuer"];
        assert_eq!(identity["type"], "AssumedRole");
        assert_eq!(identity["arn"], arn);
        assert_eq!(issuer["type"], "Role");
        assert_eq!(issuer["arn"], "arn:aws:iam::000000000000:role/desk");
        assert_eq!(issuer["userName"], "desk");
        assert_eq!(identity["principalId"], format!("{}:monday", issuer["principalId"].as_str().unwrap()));
    }
}

/// Who may do nothing else cannot make the trail unreadable, or the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_words_are_cut_short() {
    for wire in [Wire::Grpc, Wire::Json] {
        let world = World::new(wire).await;
        let desk = Credential::AccessKey(world.principal("desk", &policy("Deny", "*", "*")));
        let ask = api::DescribeUserPoolRequest { user_pool_id: Some("\u{1}".repeat(150_000)) };
        let refused = world.call_as(&desk, ask).await.unwrap_err();
        assert_eq!(refused.exception, "AccessDeniedException");
        let world = world.restarted().await;
        let trail = world.audit().await;
        let [record] = named(&trail, "DescribeUserPool")[..] else { panic!("{trail:?}") };
        assert_eq!(record["errorCode"], "AccessDenied");
        assert!(record.to_string().len() < 64 * 1024);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_named_by_what_identified_it() {
    let world = World::with_tls(Wire::Grpc, |_, _| {}).await;
    let identity = world.authority.as_ref().unwrap().client(|_| {});
    let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
    world.call_as(&Credential::Certificate(identity), request).await.unwrap();
    let trail = world.audit().await;
    let [record] = named(&trail, "ListUserPools")[..] else { panic!("{trail:?}") };
    let data = &record["additionalEventData"];
    assert_eq!(data["credential"], "CERTIFICATE");
    assert_eq!(data["certificateIdentity"], crate::support::certificates::CLIENT);
    assert_eq!(data["certificateSha256"].as_str().unwrap().len(), 64);
    assert_eq!(record["tlsDetails"]["tlsVersion"], "TLSv1.3");
    assert_eq!(record["readOnly"], true);
}

spec! {
    async fn an_operators_write_that_cannot_be_written_down_fails(world: World) {
        let pool = world.pool(|_| {}).await;
        let directory = world.config.audit_directory();
        let aside = directory.with_extension("aside");
        std::fs::rename(&directory, &aside).unwrap();
        std::fs::write(&directory, "in the way").unwrap();
        // Something is to be written down, and cannot be.
        world.call_as(&Credential::None, api::ListUserPoolsRequest::default()).await.unwrap_err();
        while !world.app.audit.is_failing() {
            tokio::task::yield_now().await;
        }
        let create = || api::CreateUserPoolRequest { pool_name: Some("unwitnessed".into()), ..Default::default() };
        assert_eq!(world.call(create()).await.unwrap_err().exception, "InternalErrorException");
        let read = api::ListUserPoolsRequest { max_results: Some(60), ..Default::default() };
        let pools = world.call(read).await.unwrap().user_pools;
        assert_eq!(pools.iter().map(|it| it.id()).collect::<Vec<_>>(), [pool], "reads go on, and nothing was changed");

        std::fs::remove_file(&directory).unwrap();
        std::fs::rename(&aside, &directory).unwrap();
        while world.app.audit.is_failing() {
            tokio::task::yield_now().await;
        }
        world.call(create()).await.unwrap();
        let trail = world.audit().await;
        let created = named(&trail, "CreateUserPool");
        assert_eq!(created.len(), 3);
        let refused: Vec<_> = created.iter().filter_map(|record| record.get("errorCode")).collect();
        assert_eq!(refused, ["InternalErrorException"]);
        assert_eq!(named(&trail, "ListUserPools").len(), 2, "what could not be written then is written now");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trail_goes_on_after_a_restart_and_can_be_verified() {
    let world = World::new(Wire::Grpc).await;
    world.pool(|_| {}).await;
    let world = world.restarted().await;
    world.pool(|_| {}).await;
    let config = world.config.clone();
    // The directory must outlive the service.
    let key = KeyEncryptionKey::read(&config.key_encryption_key_file()).unwrap().derive(Purpose::Audit);
    let world = world.restarted().await;
    let summary = verify(&config.audit_directory(), &key, None).unwrap();
    assert_eq!((summary.lines, summary.first_sequence, summary.last_sequence), (2, 1, 2));
    drop(world);
}
