//! What tokens tell of groups.

use cognate::api;
use cognate::context::Cx;
use cognate::domain::sign_in::{FirstFactor, FirstProof, Next};
use cognate::error::Error;
use cognate::store::Batch;
use serde_json::{Value, json};

use super::{add, create, delete, named, remove, some, try_create};
use crate::spec;
use crate::support::World;
use crate::support::fixtures::{PASSWORD, TestClient, claims};

/// Makes a group with a precedence and a role, and puts Alice in it.
async fn join(world: &World, client: &TestClient, name: &str, precedence: Option<i32>, role: Option<&str>) {
    let role_arn = role.map(arn);
    let request = api::CreateGroupRequest { precedence, role_arn, ..named(&client.pool, name) };
    try_create(world, request).await.unwrap();
    add(world, &client.pool, "alice", name).await.unwrap();
}

fn arn(role: &str) -> String {
    format!("arn:aws:iam::000000000000:role/{role}")
}

/// What both tokens tell of groups: the ID token's groups, roles and preferred role, and the access token's groups.
fn told(tokens: &api::AuthenticationResult) -> [Value; 4] {
    let (id, access) = (claims(tokens.id_token()), claims(tokens.access_token()));
    assert_eq!((access.get("cognito:roles"), access.get("cognito:preferred_role")), (None, None));
    let claim = |claims: &Value, name: &str| claims.get(name).cloned().unwrap_or(json!("absent"));
    [
        claim(&id, "cognito:groups"),
        claim(&id, "cognito:roles"),
        claim(&id, "cognito:preferred_role"),
        claim(&access, "cognito:groups"),
    ]
}

fn nothing() -> [Value; 4] {
    std::array::from_fn(|_| json!("absent"))
}

spec! {
    async fn tokens_tell_of_groups_in_the_order_of_precedence(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        assert_eq!(told(&world.sign_in(&client, "alice").await), nothing());
        create(&world, &client.pool, "others").await;
        assert_eq!(told(&world.sign_in(&client, "alice").await), nothing());

        join(&world, &client, "everybody", None, Some("reader")).await;
        join(&world, &client, "staff", Some(5), None).await;
        join(&world, &client, "writers", Some(2), Some("writer")).await;
        join(&world, &client, "admins", Some(0), Some("admin")).await;
        join(&world, &client, "readers", Some(9), Some("reader")).await;
        let groups = json!(["admins", "writers", "staff", "readers", "everybody"]);
        let expected = [
            groups.clone(),
            json!([arn("admin"), arn("writer"), arn("reader")]),
            json!(arn("admin")),
            groups,
        ];
        assert_eq!(told(&world.sign_in(&client, "alice").await), expected);
    }
}

spec! {
    async fn equally_good_groups_with_different_roles_prefer_none(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        join(&world, &client, "one", Some(1), Some("one")).await;
        join(&world, &client, "other", Some(1), Some("other")).await;
        let groups = json!(["one", "other"]);
        let roles = json!([arn("one"), arn("other")]);
        assert_eq!(
            told(&world.sign_in(&client, "alice").await),
            [groups.clone(), roles, json!("absent"), groups]
        );
    }
}

spec! {
    async fn a_refresh_tells_of_the_groups_as_they_are_now(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let signed_in = world.sign_in(&client, "alice").await;
        let refreshed = async || told(&world.refresh(&client, signed_in.refresh_token()).await.unwrap());
        assert_eq!(refreshed().await, nothing());

        join(&world, &client, "staff", None, None).await;
        join(&world, &client, "admins", None, None).await;
        let both = json!(["admins", "staff"]);
        assert_eq!(refreshed().await, [both.clone(), json!("absent"), json!("absent"), both]);

        let (user_pool_id, group_name) = (some(&client.pool), some("staff"));
        let precedence = Some(1);
        let request = api::UpdateGroupRequest { user_pool_id, group_name, precedence, ..Default::default() };
        world.call(request).await.unwrap();
        let both = json!(["staff", "admins"]);
        assert_eq!(refreshed().await, [both.clone(), json!("absent"), json!("absent"), both]);

        remove(&world, &client.pool, "alice", "staff").await.unwrap();
        let one = json!(["admins"]);
        assert_eq!(refreshed().await, [one.clone(), json!("absent"), json!("absent"), one]);

        delete(&world, &client.pool, "admins").await.unwrap();
        assert_eq!(refreshed().await, nothing());
        create(&world, &client.pool, "admins").await;
        assert_eq!(refreshed().await, nothing());
    }
}

spec! {
    async fn an_access_token_that_names_groups_is_believed_and_one_that_names_old_ones_too(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        join(&world, &client, "staff", None, None).await;
        let tokens = world.sign_in(&client, "alice").await;
        world.get_user(tokens.access_token()).await.unwrap();
        remove(&world, &client.pool, "alice", "staff").await.unwrap();
        world.get_user(tokens.access_token()).await.unwrap();
    }
}

spec! {
    async fn a_sign_in_holds_only_while_the_groups_that_it_tells_of_are_as_they_were_read(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        join(&world, &client, "staff", None, None).await;
        let cx = Cx::new(&world.app.services);
        let (app, pool) = (cx.client(&client.id).await.unwrap(), &client.pool);
        for change in ["nothing", "settings", "deleted"] {
            let alice = cx.user_named(&app.pool, "alice").await.unwrap().unwrap();
            let mut batch = Batch::default();
            let proof = FirstProof::by(FirstFactor::Password, true).unwrap();
            let Ok(Next::Complete(right)) = proof.next(&alice.standing(&app.pool)) else { panic!("a second proof") };
            let issued = cx.sign_in(&mut batch, &app, &alice, right, None).await.unwrap();
            assert_eq!(claims(&issued.access_token)["cognito:groups"], json!(["staff"]));
            let (user_pool_id, group_name) = (some(pool), some("staff"));
            match change {
                "settings" => {
                    let request = api::UpdateGroupRequest { user_pool_id, group_name, ..Default::default() };
                    drop(world.call(request).await.unwrap());
                }
                "deleted" => delete(&world, pool, "staff").await.unwrap(),
                _ => {}
            }
            match (change, cx.commit(batch).await) {
                ("nothing", Ok(())) | ("settings" | "deleted", Err(Error::Conflict)) => {}
                (_, outcome) => panic!("{change}: {outcome:?}"),
            }
        }
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}
