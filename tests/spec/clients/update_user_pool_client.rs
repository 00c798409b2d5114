//! `UpdateUserPoolClient`.

use std::time::Duration;

use cognate::api;
use serde_json::{Map, Value, json};

use super::create_user_pool_client::{created, described, not_honoured};
use crate::pools::timestamp;
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient, initiate_auth, with_secret};
use crate::support::{Refusal, World, refusal};
use crate::wire::{call_written, with};

async fn update(world: &World, pool: &str, id: &str, members: &Value) -> Result<api::UserPoolClient, Refusal> {
    let body = with(&with(members, "UserPoolId", json!(pool)), "ClientId", json!(id));
    let response = call_written::<api::UpdateUserPoolClientRequest>(world, &body).await;
    response.map(|response| response.user_pool_client.unwrap())
}

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

/// Every setting with a value other than its default, and what Describe shows of it.
fn settings() -> Vec<(Value, Vec<&'static str>)> {
    vec![
        (
            json!({
                "RefreshTokenValidity": 90,
                "TokenValidityUnits": { "AccessToken": "minutes", "IdToken": "minutes", "RefreshToken": "days" },
            }),
            vec!["RefreshTokenValidity", "TokenValidityUnits"],
        ),
        (json!({ "AccessTokenValidity": 10 }), vec!["AccessTokenValidity", "TokenValidityUnits"]),
        (json!({ "IdTokenValidity": 20 }), vec!["IdTokenValidity", "TokenValidityUnits"]),
        (json!({ "ReadAttributes": ["email", "name"] }), vec!["ReadAttributes"]),
        (json!({ "WriteAttributes": ["email"] }), vec!["WriteAttributes"]),
        (json!({ "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_AUTH"] }), vec!["ExplicitAuthFlows"]),
        (json!({ "PreventUserExistenceErrors": "ENABLED" }), vec!["PreventUserExistenceErrors"]),
        (json!({ "EnableTokenRevocation": false }), vec!["EnableTokenRevocation"]),
        (json!({ "AuthSessionValidity": 15 }), vec!["AuthSessionValidity"]),
        (
            json!({ "RefreshTokenRotation": { "Feature": "ENABLED", "RetryGracePeriodSeconds": 30 } }),
            vec!["RefreshTokenRotation"],
        ),
    ]
}

/// All these members in one body.
fn all<'a>(parts: impl IntoIterator<Item = &'a Value>) -> Value {
    parts.into_iter().flat_map(|part| part.as_object().unwrap().clone()).collect::<Map<_, _>>().into()
}

fn written(client: &api::UserPoolClient) -> Map<String, Value> {
    serde_json::to_value(client).unwrap().as_object().unwrap().clone()
}

/// The units that stand beside these members: a unit without its number is not kept.
fn units(members: &Map<String, Value>) -> Value {
    let pairs = [("AccessToken", "minutes"), ("IdToken", "minutes")];
    let mut kept: Map<_, _> = pairs
        .iter()
        .filter(|(token, _)| members.contains_key(&format!("{token}Validity")))
        .map(|(token, unit)| ((*token).to_owned(), json!(unit)))
        .collect();
    kept.insert("RefreshToken".to_owned(), json!("days"));
    kept.into()
}

spec! {
    async fn each_setting_that_is_left_out_falls_back_to_what_a_new_client_begins_with(world: World) {
        let pool = world.pool(|_| {}).await;
        let new = created(&world, &json!({ "UserPoolId": pool, "ClientName": "app", "GenerateSecret": true })).await.unwrap();
        let (id, plain) = (new.client_id(), written(&new));
        let table = settings();
        for (left_out, (members, shown)) in table.iter().enumerate() {
            let everything = update(&world, &pool, id, &all(table.iter().map(|(members, _)| members))).await.unwrap();
            let others = table.iter().enumerate().filter(|(index, _)| *index != left_out);
            // A lifetime of ten would be too long in its default unit, hours.
            let body = match left_out {
                0 => with(
                    &all(others.map(|(_, (members, _))| members)),
                    "TokenValidityUnits",
                    json!({ "AccessToken": "minutes", "IdToken": "minutes" }),
                ),
                _ => all(others.map(|(_, (members, _))| members)),
            };
            let mut expected = written(&everything);
            for member in shown {
                match plain.get(*member) {
                    Some(value) => expected.insert((*member).to_owned(), value.clone()),
                    None => expected.remove(*member),
                };
            }
            let kept = match left_out {
                0 => json!({ "AccessToken": "minutes", "IdToken": "minutes" }),
                _ => units(&expected),
            };
            expected.insert("TokenValidityUnits".to_owned(), kept);
            assert_ne!(expected, written(&everything), "{members} is no default");
            let answer = update(&world, &pool, id, &body).await.unwrap();
            assert_eq!(written(&answer), expected, "{members}");
            assert_eq!(described(&world, &pool, id).await, answer);
        }
        assert_eq!(update(&world, &pool, id, &json!({})).await, Ok(new.clone()), "nothing but defaults");
    }
}

spec! {
    async fn an_update_with_everything_is_as_good_as_a_new_client_with_it(world: World) {
        let pool = world.pool(|_| {}).await;
        let name = json!({ "UserPoolId": pool, "ClientName": "app" });
        let table = settings();
        let settings = all(table.iter().map(|(members, _)| members));
        let made = created(&world, &all([&name, &settings])).await.unwrap();
        let changed = created(&world, &name).await.unwrap();
        let changed = update(&world, &pool, changed.client_id(), &settings).await.unwrap();
        assert_eq!(api::UserPoolClient { client_id: made.client_id.clone(), ..changed }, made);
    }
}

#[test]
fn the_table_of_settings_has_every_member_that_is_honoured() {
    let proto = include_str!("../../../proto/cognate/v1/clients.proto");
    let message = proto.split("message UpdateUserPoolClientRequest {").nth(1).unwrap().split("\n}\n").next().unwrap();
    let honoured = message.split(';').filter(|field| field.contains("json_name") && !field.contains("NotHonoured "));
    let honoured = honoured.map(|field| field.split("json_name = \"").nth(1).unwrap().split('"').next().unwrap());
    let table = settings();
    // What names the client, and what has one value only.
    let others = [
        "UserPoolId",
        "ClientId",
        "ClientName",
        "SupportedIdentityProviders",
        "DefaultRedirectURI",
        "AllowedOAuthFlowsUserPoolClient",
        "EnablePropagateAdditionalUserContextData",
    ];
    for member in honoured.filter(|member| !others.contains(member)) {
        assert!(table.iter().any(|(members, _)| members.get(member).is_some()), "{member}");
    }
}

spec! {
    async fn a_client_keeps_its_name_until_it_is_given_another_and_tells_when_it_changed(world: World) {
        let pool = world.pool(|_| {}).await;
        let made = created(&world, &json!({ "UserPoolId": pool, "ClientName": "before" })).await.unwrap();
        let steps = [(json!({}), "before"), (json!({ "ClientName": "after" }), "after"), (json!({}), "after")];
        for (members, name) in steps {
            world.advance(Duration::from_millis(1_001));
            let expected = api::UserPoolClient {
                client_name: Some(name.to_owned()),
                last_modified_date: timestamp(world.now()),
                ..made.clone()
            };
            assert_eq!(update(&world, &pool, made.client_id(), &members).await, Ok(expected));
            let list = api::ListUserPoolClientsRequest { user_pool_id: Some(pool.clone()), ..Default::default() };
            let [listed] = world.call(list).await.unwrap().user_pool_clients.try_into().unwrap();
            assert_eq!(listed.client_name(), name);
        }
    }
}

spec! {
    async fn new_settings_rule_at_once_and_the_secret_goes_on_proving_the_client(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(tokens.expires_in(), 3600);

        let changed = json!({
            "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"],
            "AccessTokenValidity": 2,
            "PreventUserExistenceErrors": "ENABLED",
        });
        let described = update(&world, &pool, &client.id, &changed).await.unwrap();
        assert_eq!(described.client_secret, client.secret);
        assert_eq!(world.sign_in(&client, "alice").await.expires_in(), 7200);
        assert_eq!(
            world.refresh(&client, tokens.refresh_token()).await,
            Err(invalid("Refresh Token flow not enabled for this client"))
        );
        assert_eq!(
            world.try_password(&client, "nobody", PASSWORD).await,
            Err(refusal("NotAuthorizedException", "Incorrect username or password."))
        );
        world.get_user(tokens.access_token()).await.unwrap();
        let mistaken = TestClient { secret: Some("z".repeat(52)), ..client.clone() };
        assert_eq!(
            world.try_password(&mistaken, "alice", PASSWORD).await,
            Err(refusal(
                "NotAuthorizedException",
                &format!("Unable to verify secret hash for client {}", client.id)
            ))
        );
        update(&world, &pool, &client.id, &json!({})).await.unwrap();
        assert_eq!(
            world.try_password(&client, "alice", PASSWORD).await,
            Err(invalid("USER_PASSWORD_AUTH flow not enabled for this client")),
            "no flow is open that the update does not name"
        );
        let hash = client.secret_hash("alice").unwrap();
        let parameters = [("REFRESH_TOKEN", tokens.refresh_token().to_owned()), ("SECRET_HASH", hash)];
        world.call(initiate_auth(&client, api::auth_flow::Value::RefreshTokenAuth, parameters)).await.unwrap();
    }
}

spec! {
    async fn settings_that_contradict_each_other_change_nothing(world: World) {
        let required = api::SchemaAttribute {
            name: Some("email".to_owned()),
            required: Some(true),
            ..Default::default()
        };
        let pool = world.pool(|request| request.schema = vec![required]).await;
        let made = created(&world, &json!({ "UserPoolId": pool, "ClientName": "app" })).await.unwrap();
        for (members, message) in [
            (json!({ "AccessTokenValidity": 25 }), "Invalid range for token validity."),
            (
                json!({ "ExplicitAuthFlows": ["USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"] }),
                "The legacy values of ExplicitAuthFlows cannot be combined with values that begin with ALLOW_.",
            ),
            (
                json!({
                    "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH"],
                    "RefreshTokenRotation": { "Feature": "ENABLED" },
                }),
                "RefreshTokenRotation cannot be enabled together with ALLOW_REFRESH_TOKEN_AUTH.",
            ),
            (
                json!({ "ReadAttributes": ["custom:nothing"] }),
                "Invalid read attributes specified while updating a client",
            ),
            (
                json!({ "WriteAttributes": ["email", "sub"] }),
                "Invalid write attributes specified while updating a client",
            ),
            (json!({ "WriteAttributes": ["name"] }), "Invalid write attributes specified while updating a client"),
        ] {
            let refused = Err(invalid(message));
            assert_eq!(update(&world, &pool, made.client_id(), &members).await, refused, "{members}");
        }
        assert_eq!(described(&world, &pool, made.client_id()).await, made);
    }
}

spec! {
    async fn what_is_not_honoured_is_refused_by_name_and_changes_nothing(world: World) {
        let pool = world.pool(|_| {}).await;
        let made = created(&world, &json!({ "UserPoolId": pool, "ClientName": "app" })).await.unwrap();
        for (name, member, value) in not_honoured() {
            assert_eq!(
                update(&world, &pool, made.client_id(), &json!({ member: value })).await,
                Err(invalid(&format!("{name} is not supported by this server.")))
            );
        }
        assert_eq!(described(&world, &pool, made.client_id()).await, made);
    }
}

spec! {
    async fn unknown_pools_and_foreign_clients_are_named(world: World) {
        let (own, other) = (world.app_client().await, world.app_client().await);
        assert_eq!(
            update(&world, "us-east-1_Nowhere12", &own.id, &json!({})).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
        for id in [other.id.as_str(), "nothing"] {
            assert_eq!(
                update(&world, &own.pool, id, &json!({})).await,
                Err(refusal("ResourceNotFoundException", &format!("User pool client {id} does not exist.")))
            );
        }
    }
}

spec! {
    async fn members_out_of_bounds_are_named_with_their_paths(world: World) {
        let body = json!({ "ClientName": "a!", "AuthSessionValidity": 16, "RefreshTokenRotation": {} });
        assert_eq!(
            update(&world, "nonsense", "a b", &body).await,
            Err(invalid(
                "5 validation errors detected: Value 'nonsense' at 'userPoolId' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: [\\w-]+_[0-9a-zA-Z]+; Value at 'clientId' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: [\\w+]+; Value 'a!' at 'clientName' failed to \
                 satisfy constraint: Member must satisfy regular expression pattern: [\\w\\s+=,.@-]+; Value '16' at \
                 'authSessionValidity' failed to satisfy constraint: Member must have value less than or equal to 15; Value \
                 null at 'refreshTokenRotation.feature' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}
