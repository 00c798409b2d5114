//! An administrator's day: a pool with more than a thousand users, and a few of them to see to.

use std::collections::HashSet;

use aws_sdk_cognitoidentityprovider::types::{ChallengeNameType, UserType};

use super::*;
use crate::support::at_once;
use crate::support::fixtures::claims;

/// Users whom nobody sees to today.
const CROWD: usize = 1_000;

/// Sign-ups under way at a time.
const AT_ONCE: usize = 20;

/// Everybody whom a filter finds, in pages of this size.
async fn listed(sdk: &Client, pool: &str, filter: &str, page_size: i32) -> Vec<UserType> {
    let list = sdk.list_users().user_pool_id(pool).filter(filter).into_paginator().page_size(page_size);
    list.items().send().collect::<Result<_, _>>().await.unwrap()
}

/// The names of those whom a filter finds, in alphabetical order.
async fn named(sdk: &Client, pool: &str, filter: &str) -> Vec<String> {
    let mut names: Vec<_> =
        listed(sdk, pool, filter, 60).await.into_iter().map(|user| user.username.unwrap()).collect();
    names.sort();
    names
}

async fn signs_up(sdk: &Client, app: &TestClient, username: &str) {
    let request = sdk.sign_up().client_id(&app.id).username(username).password(PASSWORD);
    request.user_attributes(email(&format!("{username}@example.com"))).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrators_day() {
    let (world, sdk) = begin().await;
    let pool = pool(&sdk, None).await;
    let app = app(&sdk, &pool, false, &BY_PASSWORD).await;
    let crowd: Vec<String> = (0..CROWD).map(|number| format!("user-{number:04}")).collect();
    for some in crowd.chunks(AT_ONCE) {
        at_once(some.iter().map(|name| signs_up(&sdk, &app, name))).await;
    }
    for name in ["dora", "emil", "frida"] {
        signs_up(&sdk, &app, name).await;
        sdk.admin_confirm_sign_up().user_pool_id(&pool).username(name).send().await.unwrap();
    }

    // Who is there?
    for page_size in [60, 7] {
        let everybody = listed(&sdk, &pool, "", page_size).await;
        let names: HashSet<_> = everybody.iter().map(|user| user.username.as_deref().unwrap()).collect();
        assert_eq!((everybody.len(), names.len()), (CROWD + 3, CROWD + 3), "each once, in pages of {page_size}");
    }
    assert_eq!(named(&sdk, &pool, r#"cognito:user_status = "CONFIRMED""#).await, ["dora", "emil", "frida"]);
    assert_eq!(named(&sdk, &pool, r#"cognito:user_status = "UNCONFIRMED""#).await, crowd);
    assert_eq!(named(&sdk, &pool, r#"username ^= "user-099""#).await, crowd[990..]);
    let emil = sdk.list_users().user_pool_id(&pool).filter(r#"email = "emil@example.com""#).attributes_to_get("email");
    let emil: Vec<_> = emil.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap();
    assert_eq!((emil.len(), emil[0].username.as_deref(), emil[0].enabled), (1, Some("emil"), true));
    assert_eq!(emil[0].attributes, Some(vec![email("emil@example.com")]));
    assert_eq!(emil[0].user_status, Some(UserStatusType::Confirmed));
    refused!(
        sdk.list_users().user_pool_id(&pool).filter(r#"custom:desk = "7""#),
        is_invalid_parameter_exception,
        "Invalid search attribute: custom:desk"
    );

    // Two of them are staff, and tokens tell of it.
    sdk.create_group().user_pool_id(&pool).group_name("staff").precedence(1).send().await.unwrap();
    for name in ["dora", "emil"] {
        let add = sdk.admin_add_user_to_group().user_pool_id(&pool).group_name("staff");
        add.username(name).send().await.unwrap();
    }
    let staff = sdk.list_users_in_group().user_pool_id(&pool).group_name("staff").into_paginator().page_size(1);
    let staff: Vec<_> = staff.items().send().collect::<Result<_, _>>().await.unwrap();
    let mut staff: Vec<_> = staff.into_iter().map(|user| user.username.unwrap()).collect();
    staff.sort();
    assert_eq!(staff, ["dora", "emil"]);
    let doras = signed_in(by_password(&sdk, &app, "dora")).await;
    assert_eq!(claims(&doras.id_token.unwrap())["cognito:groups"], serde_json::json!(["staff"]));

    // Gita starts today. She is invited by mail, and sets a password of her own.
    let verified = AttributeType::builder().name("email_verified").value("true").build().unwrap();
    let gita = sdk.admin_create_user().user_pool_id(&pool).username("gita").user_attributes(email("gita@example.com"));
    let gita = gita.user_attributes(verified).desired_delivery_mediums(DeliveryMediumType::Email);
    let gita = gita.send().await.unwrap().user.unwrap();
    assert_eq!((gita.user_status, gita.enabled), (Some(UserStatusType::ForceChangePassword), true));
    let temporary = world.code_for("gita").await;
    let first = by_password(&sdk, &app, "gita").auth_parameters("PASSWORD", &temporary).send().await.unwrap();
    assert_eq!(first.challenge_name, Some(ChallengeNameType::NewPasswordRequired));
    let answer = sdk.respond_to_auth_challenge().client_id(&app.id).session(first.session.unwrap());
    let answer = answer.challenge_name(ChallengeNameType::NewPasswordRequired);
    let answer = answer.challenge_responses("USERNAME", "gita").challenge_responses("NEW_PASSWORD", PASSWORD);
    assert!(answer.send().await.unwrap().authentication_result.is_some());
    signed_in(by_password(&sdk, &app, "gita")).await;

    // Somebody may have seen it: it is voided, and she sets another by the code that is mailed.
    sdk.admin_reset_user_password().user_pool_id(&pool).username("gita").send().await.unwrap();
    let refusal = "Password reset required for the user";
    refused!(by_password(&sdk, &app, "gita"), is_password_reset_required_exception, refusal);
    assert_eq!(named(&sdk, &pool, r#"cognito:user_status = "RESET_REQUIRED""#).await, ["gita"]);
    let reset = sdk.confirm_forgot_password().client_id(&app.id).username("gita").password("An0ther-one!");
    reset.confirmation_code(world.code_for("gita").await).send().await.unwrap();
    signed_in(by_password(&sdk, &app, "gita").auth_parameters("PASSWORD", "An0ther-one!")).await;

    // Emil is on leave.
    let emils = signed_in(by_password(&sdk, &app, "emil")).await;
    sdk.admin_disable_user().user_pool_id(&pool).username("emil").send().await.unwrap();
    assert_eq!(named(&sdk, &pool, r#"status = "Disabled""#).await, ["emil"]);
    refused!(by_password(&sdk, &app, "emil"), is_not_authorized_exception, "User is disabled.");
    sdk.admin_enable_user().user_pool_id(&pool).username("emil").send().await.unwrap();
    assert!(named(&sdk, &pool, r#"status = "Disabled""#).await.is_empty());
    let refresh = by_refresh_token(&sdk, &app, &emils.refresh_token.unwrap());
    refused!(refresh, is_not_authorized_exception, "Refresh Token has been revoked");
    signed_in(by_password(&sdk, &app, "emil")).await;

    // Dora has lost her telephone, and gets a new password.
    sdk.admin_user_global_sign_out().user_pool_id(&pool).username("dora").send().await.unwrap();
    let access = doras.access_token.unwrap();
    refused!(sdk.get_user().access_token(&access), is_not_authorized_exception, "Access Token has been revoked");
    let password = sdk.admin_set_user_password().user_pool_id(&pool).username("dora").password("An0ther-one!");
    password.permanent(true).send().await.unwrap();
    refused!(by_password(&sdk, &app, "dora"), is_not_authorized_exception, "Incorrect username or password.");
    signed_in(by_password(&sdk, &app, "dora").auth_parameters("PASSWORD", "An0ther-one!")).await;

    // Frida leaves.
    sdk.admin_delete_user().user_pool_id(&pool).username("frida").send().await.unwrap();
    assert!(named(&sdk, &pool, r#"username = "frida""#).await.is_empty());
    assert_eq!(listed(&sdk, &pool, "", 60).await.len(), CROWD + 3);
}
