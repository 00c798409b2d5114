//! `PreTokenGeneration`, in its three forms.

use cognate::api::{self, challenge_name, pre_token_generation_lambda_version::Value as Version};
use serde_json::{Value, json};

use super::{app_client, attributes_of_alice, event, metadata, only_event, thrown};
use crate::support::fixtures::{PASSWORD, TEMPORARY_PASSWORD, TestClient, answer, claims, named};
use crate::support::functions::{Answer, FUNCTION, Functions, function};
use crate::support::{Refusal, World, refusal};
use crate::trigger_spec;

const SIGN_IN: &str = "TokenGeneration_Authentication";
const REFRESH: &str = "TokenGeneration_RefreshTokens";
const NEW_PASSWORD: &str = "TokenGeneration_NewPasswordChallenge";

fn first(config: &mut api::LambdaConfig) {
    config.pre_token_generation = function();
}

fn versioned(version: Version) -> impl FnOnce(&mut api::LambdaConfig) {
    move |config| {
        config.pre_token_generation_config = Some(api::PreTokenGenerationVersionConfig {
            lambda_version: Some(version.into()),
            lambda_arn: Some(FUNCTION.to_owned()),
        });
    }
}

async fn alice(world: &World, configure: impl FnOnce(&mut api::LambdaConfig)) -> (TestClient, String) {
    let client = app_client(world, configure).await;
    let sub = world.confirmed_user(&client, "alice").await;
    (client, sub)
}

/// Puts alice in groups with these roles.
async fn in_groups(world: &World, client: &TestClient, groups: &[(&str, i32, Option<&str>)]) {
    for (name, precedence, role) in groups {
        let group = api::CreateGroupRequest {
            user_pool_id: Some(client.pool.clone()),
            group_name: Some((*name).to_owned()),
            precedence: Some(*precedence),
            role_arn: role.map(str::to_owned),
            ..Default::default()
        };
        world.call(group).await.unwrap();
        let (user_pool_id, username) = named(&client.pool, "alice");
        let group_name = Some((*name).to_owned());
        world.call(api::AdminAddUserToGroupRequest { user_pool_id, username, group_name }).await.unwrap();
    }
}

const ROLE: &str = "arn:aws:iam::123456789012:role/staff";

/// What the tokens of a sign-in claim: of the ID and of the access token.
async fn signed_in(world: &World, client: &TestClient) -> (Value, Value) {
    let tokens = world.sign_in(client, "alice").await;
    (claims(tokens.id_token()), claims(tokens.access_token()))
}

fn details(details: Value) -> Answer {
    Answer::Response(json!({ "claimsOverrideDetails": details }))
}

fn later(details: Value) -> Answer {
    Answer::Response(json!({ "claimsAndScopeOverrideDetails": details }))
}

trigger_spec! {
    async fn the_first_form_tells_attributes_and_groups(world: World, functions: Functions) {
        let (client, sub) = alice(&world, first).await;
        let groups = |groups: Value, roles: Value, preferred: Value| {
            json!({ "groupsToOverride": groups, "iamRolesToOverride": roles, "preferredRole": preferred })
        };
        let attributes = attributes_of_alice(&sub, true, "CONFIRMED");
        let expected = |group_configuration: Value| {
            let request = json!({ "userAttributes": attributes, "groupConfiguration": group_configuration });
            event(&client, SIGN_IN, request, json!({ "claimsOverrideDetails": null }))
        };
        signed_in(&world, &client).await;
        assert_eq!(only_event(&functions), expected(groups(json!([]), json!([]), Value::Null)));
        in_groups(&world, &client, &[("staff", 1, Some(ROLE)), ("all", 2, None)]).await;
        signed_in(&world, &client).await;
        assert_eq!(only_event(&functions), expected(groups(json!(["staff", "all"]), json!([ROLE]), json!(ROLE))));
    }
}

trigger_spec! {
    async fn the_later_forms_tell_scopes_too_and_say_which_they_are(world: World, functions: Functions) {
        for (version, number) in [(Version::V20, "2"), (Version::V30, "3")] {
            let (client, sub) = alice(&world, versioned(version)).await;
            signed_in(&world, &client).await;
            let request = json!({
                "userAttributes": attributes_of_alice(&sub, true, "CONFIRMED"),
                "groupConfiguration": { "groupsToOverride": [], "iamRolesToOverride": [], "preferredRole": null },
                "scopes": ["aws.cognito.signin.user.admin"],
            });
            let mut expected = event(&client, SIGN_IN, request, json!({ "claimsAndScopeOverrideDetails": null }));
            expected["version"] = json!(number);
            assert_eq!(only_event(&functions), expected);
        }
    }
}

trigger_spec! {
    async fn the_version_of_one_member_is_the_first_whatever_the_other_repeats(world: World, functions: Functions) {
        let (client, _) = alice(&world, |config| {
            first(config);
            versioned(Version::V10)(config);
        }).await;
        signed_in(&world, &client).await;
        assert_eq!(only_event(&functions)["version"], json!("1"));
    }
}

trigger_spec! {
    async fn every_occasion_has_its_source_and_what_was_sent_along(world: World, functions: Functions) {
        let (client, _) = alice(&world, first).await;
        let source_and_metadata = |functions: &Functions| {
            let event = only_event(functions);
            (event["triggerSource"].as_str().unwrap().to_owned(), event["request"]["clientMetadata"].clone())
        };
        // What comes along with the beginning of a sign-in does not reach this trigger.
        let request = api::InitiateAuthRequest {
            client_metadata: metadata([("device", "kiosk")]),
            ..client.password_request("alice", PASSWORD)
        };
        let tokens = world.call(request).await.unwrap().authentication_result.unwrap();
        assert_eq!(source_and_metadata(&functions), (SIGN_IN.to_owned(), Value::Null));

        world.refresh(&client, tokens.refresh_token()).await.unwrap();
        assert_eq!(source_and_metadata(&functions), (REFRESH.to_owned(), Value::Null));

        let request = api::GetTokensFromRefreshTokenRequest {
            refresh_token: tokens.refresh_token.clone(),
            client_id: Some(client.id.clone()),
            client_metadata: metadata([("device", "kiosk")]),
            ..Default::default()
        };
        world.call(request).await.unwrap();
        assert_eq!(source_and_metadata(&functions), (REFRESH.to_owned(), json!({ "device": "kiosk" })));

        world.create_user(&client.pool, "bob", |_| {}).await.unwrap();
        let asked = world.call(client.password_request("bob", TEMPORARY_PASSWORD)).await.unwrap();
        assert_eq!(functions.take().len(), 0);
        let responses = [("USERNAME", "bob".to_owned()), ("NEW_PASSWORD", PASSWORD.to_owned())];
        let request = api::RespondToAuthChallengeRequest {
            client_metadata: metadata([("page", "welcome")]),
            ..answer(&client, challenge_name::Value::NewPasswordRequired, asked.session(), responses)
        };
        world.call(request).await.unwrap();
        assert_eq!(source_and_metadata(&functions), (NEW_PASSWORD.to_owned(), json!({ "page": "welcome" })));
    }
}

trigger_spec! {
    async fn it_comes_after_the_function_that_is_told_of_the_sign_in(world: World, functions: Functions) {
        let (client, _) = alice(&world, |config| {
            first(config);
            config.pre_authentication = function();
            config.post_authentication = function();
        }).await;
        world.sign_in(&client, "alice").await;
        let expected = ["PreAuthentication_Authentication", "PostAuthentication_Authentication", SIGN_IN];
        assert_eq!(functions.take_sources(), expected);
    }
}

trigger_spec! {
    async fn the_first_form_changes_the_claims_of_the_id_token(world: World, functions: Functions) {
        let (client, sub) = alice(&world, first).await;
        let (id, access) = signed_in(&world, &client).await;
        functions.answer(SIGN_IN, details(json!({
            "claimsToAddOrOverride": {
                "plan": "gold",
                "email": "desk@example.com",
                "sub": "somebody-else",
                "aud": "another",
                "cognito:username": "root",
                "cognito:groups": "admins",
                "exp": "9999999999",
            },
            "claimsToSuppress": ["email_verified", "iss", "token_use"],
        })));
        let (changed, unchanged) = signed_in(&world, &client).await;
        let mut expected = id.clone();
        expected["plan"] = json!("gold");
        expected["email"] = json!("desk@example.com");
        expected.as_object_mut().unwrap().remove("email_verified");
        assert_eq!(but_for_chance(changed), but_for_chance(expected));
        assert_eq!(but_for_chance(unchanged), but_for_chance(access));
        assert_eq!(id["sub"], json!(sub));
    }
}

/// Claims without what differs from one sign-in to the next.
fn but_for_chance(mut claims: Value) -> Value {
    for name in ["jti", "origin_jti", "event_id"] {
        assert!(claims.as_object_mut().unwrap().remove(name).is_some_and(|value| value.is_string()), "{name}");
    }
    claims
}

trigger_spec! {
    async fn the_later_form_changes_both_tokens_and_takes_claims_of_any_kind(world: World, functions: Functions) {
        let (client, _) = alice(&world, versioned(Version::V20)).await;
        let (id, access) = signed_in(&world, &client).await;
        functions.answer(SIGN_IN, later(json!({
            "idTokenGeneration": {
                "claimsToAddOrOverride": { "seats": 5, "tags": ["a", "b"], "org": { "id": 7, "paid": true } },
                "claimsToSuppress": ["email"],
            },
            "accessTokenGeneration": {
                "claimsToAddOrOverride": { "tenant": "t1", "client_id": "another", "scope": "everything", "username": "x" },
                "claimsToSuppress": ["token_use", "exp"],
                "scopesToAdd": ["orders/read", "aws.cognito.other"],
                "scopesToSuppress": [],
            },
        })));
        let (changed_id, changed_access) = signed_in(&world, &client).await;
        let mut expected = id;
        expected["seats"] = json!(5);
        expected["tags"] = json!(["a", "b"]);
        expected["org"] = json!({ "id": 7, "paid": true });
        expected.as_object_mut().unwrap().remove("email");
        assert_eq!(but_for_chance(changed_id), but_for_chance(expected));
        let mut expected = access;
        expected["tenant"] = json!("t1");
        expected["scope"] = json!("aws.cognito.signin.user.admin orders/read");
        assert_eq!(but_for_chance(changed_access), but_for_chance(expected));
    }
}

trigger_spec! {
    async fn a_token_without_the_scope_does_not_open_what_is_the_users(world: World, functions: Functions) {
        let (client, _) = alice(&world, versioned(Version::V30)).await;
        let admin = "aws.cognito.signin.user.admin";
        functions.answer(SIGN_IN, later(json!({ "accessTokenGeneration": { "scopesToSuppress": [admin] } })));
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(claims(tokens.access_token())["scope"], json!(""));
        let lacks = refusal("NotAuthorizedException", "Access Token does not have required scopes");
        assert_eq!(world.get_user(tokens.access_token()).await, Err(lacks));
        // It is decided anew at each refresh.
        let refreshed = world.refresh(&client, tokens.refresh_token()).await.unwrap();
        world.get_user(refreshed.access_token()).await.unwrap();
    }
}

trigger_spec! {
    async fn tokens_with_changed_claims_are_the_pools_own(world: World, functions: Functions) {
        let (client, _) = alice(&world, versioned(Version::V20)).await;
        let add = json!({ "claimsToAddOrOverride": { "tenant": "t1" } });
        functions.answer(SIGN_IN, later(json!({ "accessTokenGeneration": add, "idTokenGeneration": add })));
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(world.get_user(tokens.access_token()).await.unwrap().username, "alice");
        world.sign_out(tokens.access_token()).await.unwrap();
        assert_eq!(world.get_user(tokens.access_token()).await.unwrap_err().message, "Access Token has been revoked");
    }
}

trigger_spec! {
    async fn groups_can_be_set_in_both_tokens(world: World, functions: Functions) {
        let (client, _) = alice(&world, first).await;
        in_groups(&world, &client, &[("staff", 1, Some(ROLE))]).await;
        let groups_of = |(id, access): (Value, Value)| {
            let of = |name: &str| id.get(name).cloned().unwrap_or_default();
            let told = (of("cognito:groups"), of("cognito:roles"), of("cognito:preferred_role"));
            assert_eq!(access.get("cognito:groups"), id.get("cognito:groups"));
            told
        };
        let own = (json!(["staff"]), json!([ROLE]), json!(ROLE));
        let none = (Value::Null, Value::Null, Value::Null);
        let other = json!({
            "groupsToOverride": ["guests", "readers"],
            "iamRolesToOverride": ["arn:aws:iam::123456789012:role/guest"],
            "preferredRole": "arn:aws:iam::123456789012:role/guest",
        });
        let others = (other["groupsToOverride"].clone(), other["iamRolesToOverride"].clone(), other["preferredRole"].clone());
        for (answer, expected) in [
            (json!({}), &own),
            (json!({ "claimsToAddOrOverride": { "plan": "gold" } }), &own),
            (json!({ "groupOverrideDetails": other }), &others),
            (json!({ "groupOverrideDetails": null }), &none),
            (json!({ "groupOverrideDetails": {} }), &none),
            (Value::Null, &own),
        ] {
            functions.answer(SIGN_IN, details(answer.clone()));
            assert_eq!(groups_of(signed_in(&world, &client).await), *expected, "{answer}");
        }
        let (client, _) = alice(&world, versioned(Version::V20)).await;
        in_groups(&world, &client, &[("staff", 1, Some(ROLE))]).await;
        for (answer, expected) in
            [(json!({}), &own), (json!({ "groupOverrideDetails": other }), &others), (json!({ "groupOverrideDetails": null }), &none)]
        {
            functions.answer(SIGN_IN, later(answer.clone()));
            assert_eq!(groups_of(signed_in(&world, &client).await), *expected, "{answer}");
        }
    }
}

trigger_spec! {
    async fn a_refresh_is_changed_as_its_own_answer_says(world: World, functions: Functions) {
        let (client, _) = alice(&world, first).await;
        functions.answer(SIGN_IN, details(json!({ "claimsToAddOrOverride": { "plan": "gold" } })));
        functions.answer(REFRESH, details(json!({ "claimsToAddOrOverride": { "plan": "lead" } })));
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(claims(tokens.id_token())["plan"], json!("gold"));
        let refreshed = world.refresh(&client, tokens.refresh_token()).await.unwrap();
        assert_eq!(claims(refreshed.id_token())["plan"], json!("lead"));
    }
}

trigger_spec! {
    async fn there_are_no_tokens_if_the_function_fails_and_the_old_ones_stay(world: World, functions: Functions) {
        let (client, _) = alice(&world, first).await;
        let tokens = world.sign_in(&client, "alice").await;
        let refused = thrown("PreTokenGeneration", "no");
        functions.answer(SIGN_IN, Answer::Error("no"));
        functions.answer(REFRESH, Answer::Error("no"));
        for _ in 0..6 {
            assert_eq!(world.try_password(&client, "alice", PASSWORD).await, Err(refused.clone()));
        }
        assert_eq!(world.refresh(&client, tokens.refresh_token()).await, Err(refused.clone()));
        assert_eq!(world.exchange(&client, tokens.refresh_token()).await, Err(refused.clone()));
        world.rotate(&client, Some(0)).await;
        assert_eq!(world.exchange(&client, tokens.refresh_token()).await, Err(refused));
        world.get_user(tokens.access_token()).await.unwrap();
        functions.answer(REFRESH, Answer::Response(json!({})));
        let next = world.exchange(&client, tokens.refresh_token()).await.unwrap();
        world.exchange(&client, next.refresh_token()).await.unwrap();
    }
}

trigger_spec! {
    async fn what_is_of_another_type_or_too_much_is_refused(world: World, functions: Functions) {
        let (early, _) = alice(&world, first).await;
        let (late, _) = alice(&world, versioned(Version::V20)).await;
        let unrecognizable: Result<(), Refusal> =
            Err(refusal("InvalidLambdaResponseException", "Unrecognizable lambda output"));
        for answer in [
            json!({ "claimsToAddOrOverride": { "seats": 5 } }),
            json!({ "claimsToAddOrOverride": [] }),
            json!({ "claimsToSuppress": "email" }),
            json!({ "groupOverrideDetails": { "groupsToOverride": "admins" } }),
            json!("none"),
            json!({ "claimsToAddOrOverride": { "plan": "x".repeat(20_000) } }),
        ] {
            functions.answer(SIGN_IN, details(answer.clone()));
            assert_eq!(world.try_password(&early, "alice", PASSWORD).await, unrecognizable, "{answer}");
        }
        for answer in [
            json!({ "idTokenGeneration": { "claimsToSuppress": [5] } }),
            json!({ "accessTokenGeneration": { "scopesToAdd": "openid" } }),
            json!({ "accessTokenGeneration": { "scopesToAdd": ["two scopes"] } }),
            json!({ "accessTokenGeneration": { "scopesToAdd": [""] } }),
            json!({ "accessTokenGeneration": { "claimsToAddOrOverride": { "plan": "x".repeat(20_000) } } }),
        ] {
            functions.answer(SIGN_IN, later(answer.clone()));
            assert_eq!(world.try_password(&late, "alice", PASSWORD).await, unrecognizable, "{answer}");
        }
    }
}

trigger_spec! {
    async fn a_user_who_changes_meanwhile_is_asked_about_anew(world: World, functions: Functions) {
        let (client, _) = alice(&world, first).await;
        let tokens = world.sign_in(&client, "alice").await;
        functions.take();
        let later = || [Answer::Later(Box::new(Answer::Response(json!({})))), Answer::Response(json!({}))];
        for (source, is_sign_in) in [(SIGN_IN, true), (REFRESH, false)] {
            functions.answer_in_turn(source, later());
            let name = if is_sign_in { "Alice" } else { "Alicia" };
            let change = async {
                functions.hear(1).await;
                world.update_attributes(&client.pool, "alice", &[("name", name)]).await.unwrap();
                functions.release();
            };
            let tokens = async {
                match is_sign_in {
                    true => world.sign_in(&client, "alice").await,
                    false => world.refresh(&client, tokens.refresh_token()).await.unwrap(),
                }
            };
            let (tokens, ()) = tokio::join!(tokens, change);
            assert_eq!(claims(tokens.id_token())["name"], json!(name));
            let heard = functions.take();
            let told: Vec<Value> = heard.iter().map(|heard| heard.event()["request"]["userAttributes"]["name"].clone()).collect();
            let before = if is_sign_in { Value::Null } else { json!("Alice") };
            assert_eq!(told, [before, json!(name)]);
            assert_ne!(heard[0].header("idempotency-key"), heard[1].header("idempotency-key"));
        }
    }
}

trigger_spec! {
    async fn many_exchanges_of_one_token_wait_for_the_function_together(world: World, functions: Functions) {
        let (client, _) = alice(&world, first).await;
        let tokens = world.sign_in(&client, "alice").await;
        world.rotate(&client, Some(60)).await;
        functions.take();
        functions.answer(REFRESH, Answer::Later(Box::new(Answer::Response(json!({})))));
        let exchanges = crate::support::at_once((0..4).map(|_| world.exchange(&client, tokens.refresh_token())));
        let release = async {
            functions.hear(4).await;
            (0..4).for_each(|_| functions.release());
        };
        let (exchanged, ()) = tokio::join!(exchanges, release);
        assert!(exchanged.iter().all(Result::is_ok), "{:?}", exchanged.iter().map(Result::is_ok).collect::<Vec<_>>());
        assert_eq!(functions.take().len(), 4, "each is asked about once, and outside its turn");
    }
}
