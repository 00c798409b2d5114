//! `CreateUserPoolClient`.

use std::collections::BTreeSet;

use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::time_units::Value as TimeUnit;
use cognate::api::{self, prevent_user_existence_error_types};
use serde_json::{Value, json};

use crate::pools::timestamp;
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::{call_written, with};

pub async fn created(world: &World, body: &Value) -> Result<api::UserPoolClient, Refusal> {
    let response = call_written::<api::CreateUserPoolClientRequest>(world, body).await;
    response.map(|response| response.user_pool_client.unwrap())
}

pub async fn described(world: &World, pool: &str, id: &str) -> api::UserPoolClient {
    let (user_pool_id, client_id) = (Some(pool.to_owned()), Some(id.to_owned()));
    let request = api::DescribeUserPoolClientRequest { user_pool_id, client_id };
    world.call(request).await.unwrap().user_pool_client.unwrap()
}

fn minimal(pool: &str) -> Value {
    json!({ "UserPoolId": pool, "ClientName": "app" })
}

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

/// A client as Cognito describes one that was made with a name and nothing else.
fn client_with_defaults(world: &World, pool: &str, id: &str, name: &str) -> api::UserPoolClient {
    api::UserPoolClient {
        user_pool_id: Some(pool.to_owned()),
        client_name: Some(name.to_owned()),
        client_id: Some(id.to_owned()),
        last_modified_date: timestamp(world.now()),
        creation_date: timestamp(world.now()),
        refresh_token_validity: Some(30),
        token_validity_units: Some(api::TokenValidityUnits::default()),
        allowed_oauth_flows_user_pool_client: Some(false),
        enable_token_revocation: Some(true),
        auth_session_validity: Some(3),
        ..Default::default()
    }
}

fn is_lower_case_and_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

spec! {
    async fn a_name_is_enough_and_the_rest_takes_cognitos_defaults(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = created(&world, &minimal(&pool)).await.unwrap();
        let id = client.client_id().to_owned();
        assert!(id.len() == 26 && is_lower_case_and_digits(&id), "{id}");
        assert_eq!(client, client_with_defaults(&world, &pool, &id, "app"));
        assert_eq!(described(&world, &pool, &id).await, client);
    }
}

spec! {
    async fn every_setting_that_is_honoured_shows_in_the_answer_and_in_describe(world: World) {
        let pool = world.pool(|_| {}).await;
        let body = json!({
            "UserPoolId": pool,
            "ClientName": "app, +=.@- everywhere",
            "GenerateSecret": false,
            "RefreshTokenValidity": 90,
            "AccessTokenValidity": 10,
            "IdTokenValidity": 7200,
            "TokenValidityUnits": { "AccessToken": "minutes", "IdToken": "seconds", "RefreshToken": "days" },
            "ReadAttributes": ["email", "email_verified", "name"],
            "WriteAttributes": ["email", "name"],
            "ExplicitAuthFlows": ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH"],
            "SupportedIdentityProviders": ["COGNITO"],
            "AllowedOAuthFlowsUserPoolClient": false,
            "PreventUserExistenceErrors": "ENABLED",
            "EnableTokenRevocation": false,
            "EnablePropagateAdditionalUserContextData": false,
            "AuthSessionValidity": 15,
            "RefreshTokenRotation": { "Feature": "DISABLED", "RetryGracePeriodSeconds": 60 },
        });
        let client = created(&world, &body).await.unwrap();
        let id = client.client_id().to_owned();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let expected = api::UserPoolClient {
            refresh_token_validity: Some(90),
            access_token_validity: Some(10),
            id_token_validity: Some(7200),
            token_validity_units: Some(api::TokenValidityUnits {
                access_token: Some(TimeUnit::Minutes.into()),
                id_token: Some(TimeUnit::Seconds.into()),
                refresh_token: Some(TimeUnit::Days.into()),
            }),
            read_attributes: names(&["email", "email_verified", "name"]),
            write_attributes: names(&["email", "name"]),
            explicit_auth_flows: [
                ExplicitAuthFlow::AllowUserAuth,
                ExplicitAuthFlow::AllowRefreshTokenAuth,
                ExplicitAuthFlow::AllowUserPasswordAuth,
            ]
            .map(i32::from)
            .to_vec(),
            prevent_user_existence_errors: Some(prevent_user_existence_error_types::Value::Enabled.into()),
            enable_token_revocation: Some(false),
            auth_session_validity: Some(15),
            ..client_with_defaults(&world, &pool, &id, "app, +=.@- everywhere")
        };
        assert_eq!(client, expected);
        assert_eq!(described(&world, &pool, &id).await, expected);
    }
}

spec! {
    async fn legacy_answers_about_users_are_shown_once_asked_for(world: World) {
        let pool = world.pool(|_| {}).await;
        let body = with(&minimal(&pool), "PreventUserExistenceErrors", json!("LEGACY"));
        let client = created(&world, &body).await.unwrap();
        assert_eq!(client.prevent_user_existence_errors(), prevent_user_existence_error_types::Value::Legacy);
    }
}

spec! {
    async fn a_refresh_token_validity_of_zero_is_the_default(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = created(&world, &with(&minimal(&pool), "RefreshTokenValidity", json!(0))).await.unwrap();
        assert_eq!(client.refresh_token_validity, Some(30));
    }
}

spec! {
    async fn a_unit_without_a_number_does_not_stand_beside_the_default(world: World) {
        let pool = world.pool(|_| {}).await;
        let units = json!({ "AccessToken": "days", "IdToken": "minutes", "RefreshToken": "seconds" });
        let with_units = with(&minimal(&pool), "TokenValidityUnits", units);
        for body in [with(&with_units, "RefreshTokenValidity", json!(0)), with_units] {
            let client = created(&world, &body).await.unwrap();
            // Thirty days, and not thirty seconds.
            assert_eq!(client.refresh_token_validity, Some(30));
            assert_eq!(client.token_validity_units, Some(api::TokenValidityUnits::default()));
        }
    }
}

spec! {
    async fn a_generated_secret_has_52_characters_and_proves_the_client(world: World) {
        let pool = world.pool(|_| {}).await;
        let body = with(
            &with(&minimal(&pool), "GenerateSecret", json!(true)),
            "ExplicitAuthFlows",
            json!(["ALLOW_USER_PASSWORD_AUTH"]),
        );
        let (one, other) = (created(&world, &body).await.unwrap(), created(&world, &body).await.unwrap());
        assert!(one.client_secret().len() == 52 && is_lower_case_and_digits(one.client_secret()));
        assert_ne!(one.client_secret, other.client_secret);

        let id = one.client_id().to_owned();
        let client = TestClient { pool, id, secret: one.client_secret };
        world.confirmed_user(&client, "alice").await;
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
        let mistaken = TestClient { secret: other.client_secret, ..client.clone() };
        assert_eq!(
            world.try_password(&mistaken, "alice", PASSWORD).await,
            Err(refusal(
                "NotAuthorizedException",
                &format!("Unable to verify secret hash for client {}", client.id)
            ))
        );
    }
}

spec! {
    async fn a_given_secret_is_taken_as_it_is(world: World) {
        let pool = world.pool(|_| {}).await;
        for secret in ["A+_0".repeat(6), "z9".repeat(32)] {
            let client = created(&world, &with(&minimal(&pool), "ClientSecret", json!(secret))).await.unwrap();
            assert_eq!(client.client_secret(), secret);
            assert_eq!(described(&world, &pool, client.client_id()).await, client);
        }
    }
}

spec! {
    async fn a_secret_is_given_or_generated_but_not_both(world: World) {
        let pool = world.pool(|_| {}).await;
        let body = with(&minimal(&pool), "ClientSecret", json!("a".repeat(24)));
        assert_eq!(
            created(&world, &with(&body, "GenerateSecret", json!(true))).await,
            Err(invalid("GenerateSecret and ClientSecret cannot be given together."))
        );
        assert_eq!(created(&world, &with(&body, "GenerateSecret", json!(false))).await.map(|_| ()), Ok(()));
    }
}

spec! {
    async fn a_secret_out_of_bounds_is_refused_unseen(world: World) {
        let pool = world.pool(|_| {}).await;
        for (secret, constraint) in [
            ("a".repeat(23), "Member must have length greater than or equal to 24"),
            ("a".repeat(65), "Member must have length less than or equal to 64"),
            ("a".repeat(23) + "-", "Member must satisfy regular expression pattern: [\\w+]+"),
        ] {
            assert_eq!(
                created(&world, &with(&minimal(&pool), "ClientSecret", json!(secret))).await,
                Err(invalid(&format!(
                    "1 validation error detected: Value at 'clientSecret' failed to satisfy constraint: {constraint}"
                )))
            );
        }
    }
}

spec! {
    async fn token_lifetimes_end_where_cognitos_do(world: World) {
        let pool = world.pool(|_| {}).await;
        let seconds = json!({ "AccessToken": "seconds", "IdToken": "seconds", "RefreshToken": "minutes" });
        for (members, is_in_range) in [
            (json!({ "AccessTokenValidity": 300, "TokenValidityUnits": seconds }), true),
            (json!({ "AccessTokenValidity": 299, "TokenValidityUnits": seconds }), false),
            (json!({ "AccessTokenValidity": 86400, "TokenValidityUnits": seconds }), true),
            (json!({ "AccessTokenValidity": 24 }), true),
            (json!({ "AccessTokenValidity": 25 }), false),
            (json!({ "IdTokenValidity": 300, "TokenValidityUnits": seconds }), true),
            (json!({ "IdTokenValidity": 299, "TokenValidityUnits": seconds }), false),
            (json!({ "IdTokenValidity": 24 }), true),
            (json!({ "IdTokenValidity": 25 }), false),
            (json!({ "RefreshTokenValidity": 3650 }), true),
            (json!({ "RefreshTokenValidity": 3651 }), false),
            (json!({ "RefreshTokenValidity": 61, "TokenValidityUnits": { "RefreshToken": "minutes" } }), true),
            // As long as the hour that the other two live: refresh tokens must outlive them.
            (json!({ "RefreshTokenValidity": 60, "TokenValidityUnits": { "RefreshToken": "minutes" } }), false),
            (
                json!({
                    "RefreshTokenValidity": 60,
                    "AccessTokenValidity": 300,
                    "IdTokenValidity": 300,
                    "TokenValidityUnits": seconds,
                }),
                true,
            ),
            (
                json!({
                    "RefreshTokenValidity": 59,
                    "AccessTokenValidity": 300,
                    "IdTokenValidity": 300,
                    "TokenValidityUnits": seconds,
                }),
                false,
            ),
        ] {
            let mut body = minimal(&pool);
            for (member, value) in members.as_object().unwrap() {
                body = with(&body, member, value.clone());
            }
            let expected = if is_in_range { Ok(()) } else { Err(invalid("Invalid range for token validity.")) };
            assert_eq!(created(&world, &body).await.map(|_| ()), expected, "{members}");
        }
    }
}

spec! {
    async fn both_families_of_flows_do_not_mix(world: World) {
        let pool = world.pool(|_| {}).await;
        let flows = json!(["USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]);
        assert_eq!(
            created(&world, &with(&minimal(&pool), "ExplicitAuthFlows", flows)).await,
            Err(invalid(
                "The legacy values of ExplicitAuthFlows cannot be combined with values that begin with ALLOW_."
            ))
        );
        let legacy = with(&minimal(&pool), "ExplicitAuthFlows", json!(["USER_PASSWORD_AUTH"]));
        let client = created(&world, &legacy).await.unwrap();
        assert_eq!(client.explicit_auth_flows, [i32::from(ExplicitAuthFlow::UserPasswordAuth)]);
    }
}

spec! {
    async fn rotation_of_refresh_tokens_shows_once_it_is_enabled(world: World) {
        let pool = world.pool(|_| {}).await;
        for (rotation, grace) in [
            (json!({ "Feature": "ENABLED" }), Some(0)),
            (json!({ "Feature": "ENABLED", "RetryGracePeriodSeconds": 60 }), Some(60)),
            (json!({ "Feature": "DISABLED", "RetryGracePeriodSeconds": 60 }), None),
        ] {
            let client = created(&world, &with(&minimal(&pool), "RefreshTokenRotation", rotation)).await.unwrap();
            let expected = grace.map(|seconds| api::RefreshTokenRotation {
                feature: Some(api::feature::Value::Enabled.into()),
                retry_grace_period_seconds: Some(seconds),
            });
            assert_eq!(described(&world, &pool, client.client_id()).await.refresh_token_rotation, expected);
        }
    }
}

spec! {
    async fn refresh_tokens_are_replaced_or_serve_again_but_not_both(world: World) {
        let pool = world.pool(|_| {}).await;
        let flows = json!(["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]);
        let body = with(&minimal(&pool), "ExplicitAuthFlows", flows);
        assert_eq!(
            created(&world, &with(&body, "RefreshTokenRotation", json!({ "Feature": "ENABLED" }))).await,
            Err(invalid("RefreshTokenRotation cannot be enabled together with ALLOW_REFRESH_TOKEN_AUTH."))
        );
        let disabled = with(&body, "RefreshTokenRotation", json!({ "Feature": "DISABLED" }));
        assert_eq!(created(&world, &disabled).await.map(|_| ()), Ok(()));
    }
}

/// Every member and value that Cognito has and this server does not: what the refusal names, the member, its value.
pub fn not_honoured() -> Vec<(String, &'static str, Value)> {
    let members = [
        ("SupportedIdentityProviders", json!(["COGNITO", "Google"])),
        ("CallbackURLs", json!(["https://app.example.com/"])),
        ("LogoutURLs", json!(["https://app.example.com/"])),
        ("DefaultRedirectURI", json!("https://app.example.com/")),
        ("AllowedOAuthFlows", json!(["code"])),
        ("AllowedOAuthScopes", json!(["openid"])),
        ("AllowedOAuthFlowsUserPoolClient", json!(true)),
        ("AnalyticsConfiguration", json!({ "ApplicationId": "d70b2ba36a8c4dc5a04a0451a31a1e12" })),
        ("EnablePropagateAdditionalUserContextData", json!(true)),
    ];
    let flows = ["ALLOW_TOKEN_EXCHANGE_DELEGATION", "ALLOW_TOKEN_EXCHANGE_IMPERSONATION"];
    let flows = flows.map(|flow| (format!("ExplicitAuthFlows {flow}"), "ExplicitAuthFlows", json!([flow])));
    members.into_iter().map(|(member, value)| (member.to_owned(), member, value)).chain(flows).collect()
}

spec! {
    async fn what_is_not_honoured_is_refused_by_name(world: World) {
        let pool = world.pool(|_| {}).await;
        for (name, member, value) in not_honoured() {
            assert_eq!(
                created(&world, &with(&minimal(&pool), member, value)).await,
                Err(invalid(&format!("{name} is not supported by this server."))),
            );
        }
        let request = api::ListUserPoolClientsRequest { user_pool_id: Some(pool), ..Default::default() };
        assert_eq!(world.call(request).await.unwrap().user_pool_clients, [], "a refused request leaves no client");
    }
}

#[test]
fn the_table_of_what_is_not_honoured_has_every_such_member_and_flow_of_the_contract() {
    let proto = include_str!("../../../proto/cognate/v1/clients.proto");
    let declared: BTreeSet<&str> = proto
        .lines()
        .filter(|line| line.trim_start().starts_with("NotHonoured "))
        .map(|line| line.split('"').nth(1).unwrap())
        .collect();
    let table = not_honoured();
    let listed: BTreeSet<&str> = table.iter().map(|(_, member, _)| *member).collect();
    assert!(!declared.is_empty());
    assert_eq!(declared.difference(&listed).collect::<Vec<_>>(), Vec::<&&str>::new());

    let honoured = [
        "ADMIN_NO_SRP_AUTH",
        "ALLOW_CUSTOM_AUTH",
        "CUSTOM_AUTH_FLOW_ONLY",
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "USER_PASSWORD_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_USER_AUTH",
        "ALLOW_USER_SRP_AUTH",
    ];
    for flow in <ExplicitAuthFlow as api::json::Named>::NAMES {
        let is_listed = table.iter().any(|(name, _, _)| *name == format!("ExplicitAuthFlows {flow}"));
        assert!(is_listed != honoured.contains(flow), "{flow}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_asks_for_nothing_is_no_reason_to_refuse() {
    let world = World::new(Wire::Json).await;
    let pool = world.pool(|_| {}).await;
    let mut body = minimal(&pool);
    for (member, empty) in [
        ("CallbackURLs", json!([])),
        ("LogoutURLs", json!([])),
        ("AllowedOAuthFlows", json!([])),
        ("AllowedOAuthScopes", Value::Null),
        ("AnalyticsConfiguration", json!({})),
        ("ExplicitAuthFlows", json!([])),
        ("TokenValidityUnits", json!({})),
    ] {
        body = with(&body, member, empty);
    }
    let client = created(&world, &body).await.unwrap();
    let id = client.client_id().to_owned();
    assert_eq!(client, client_with_defaults(&world, &pool, &id, "app"));
}

spec! {
    async fn only_attributes_of_the_schema_can_be_read(world: World) {
        let pool = world.pool(|request| request.schema = vec![custom("team")]).await;
        let read = |names: Value| with(&minimal(&pool), "ReadAttributes", names);
        let all = json!(["sub", "email", "email_verified", "custom:team"]);
        assert_eq!(created(&world, &read(all)).await.map(|_| ()), Ok(()));
        for unknown in ["team", "custom:nothing", "Email"] {
            assert_eq!(
                created(&world, &read(json!(["email", unknown]))).await,
                Err(invalid("Invalid read attributes specified while creating a client")),
                "{unknown}"
            );
        }
    }
}

spec! {
    async fn only_what_users_may_write_can_be_written_and_what_the_pool_requires_must_be(world: World) {
        let required = api::SchemaAttribute { required: Some(true), ..named("email") };
        let pool = world.pool(|request| request.schema = vec![custom("team"), required]).await;
        let write = |names: Value| with(&minimal(&pool), "WriteAttributes", names);
        assert_eq!(created(&world, &write(json!(["email", "custom:team"]))).await.map(|_| ()), Ok(()));
        assert_eq!(created(&world, &write(json!([]))).await.map(|_| ()), Ok(()), "no list is no restriction");
        for names in [
            json!(["email", "custom:nothing"]),
            json!(["email", "sub"]),
            json!(["email", "email_verified"]),
            json!(["email", "phone_number_verified"]),
            json!(["custom:team"]),
        ] {
            assert_eq!(
                created(&world, &write(names.clone())).await,
                Err(invalid("Invalid write attributes specified while creating a client")),
                "{names}"
            );
        }
    }
}

fn named(name: &str) -> api::SchemaAttribute {
    api::SchemaAttribute { name: Some(name.to_owned()), ..Default::default() }
}

fn custom(name: &str) -> api::SchemaAttribute {
    api::SchemaAttribute { attribute_data_type: Some(api::attribute_data::Value::String.into()), ..named(name) }
}

spec! {
    async fn members_out_of_bounds_are_named_with_their_paths(world: World) {
        let body = json!({
            "UserPoolId": "nonsense",
            "ClientName": "a!",
            "AuthSessionValidity": 2,
            "ReadAttributes": [""],
            "RefreshTokenRotation": {},
        });
        assert_eq!(
            created(&world, &body).await,
            Err(invalid(
                "5 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member \
                 must satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value 'a!' at 'clientName' failed to \
                 satisfy constraint: Member must satisfy regular expression pattern: [\\w\\s+=,.@-]+; Value '[]' at \
                 'readAttributes' failed to satisfy constraint: Member must satisfy constraint: [Member must have \
                 length less than or equal to 2048, Member must have length greater than or equal to 1]; Value '2' at \
                 'authSessionValidity' failed to satisfy constraint: Member must have value greater than or equal to \
                 3; Value null at 'refreshTokenRotation.feature' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

spec! {
    async fn an_unknown_pool_is_named(world: World) {
        assert_eq!(
            created(&world, &minimal("us-east-1_Nowhere12")).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
    }
}

spec! {
    async fn a_new_client_outlives_a_restart_with_its_secret(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = created(&world, &with(&minimal(&pool), "GenerateSecret", json!(true))).await.unwrap();
        let world = world.restarted().await;
        assert_eq!(described(&world, &pool, client.client_id()).await, client);
    }
}
