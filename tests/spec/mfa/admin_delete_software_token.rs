//! `AdminDeleteSoftwareToken`.

use std::time::Duration;

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::user_pool_mfa::Value as UserPoolMfa;
use cognate::api::{self, Op};
use serde_json::json;

use super::{
    ALL, alice_of, associate, factors_of, means_of, no_session, not_theirs, off, on, prefer, registered,
    sign_in_by_app, verify,
};
use crate::spec;
use crate::support::fixtures::{PASSWORD, SecondFactor, answer, named};
use crate::support::{Refusal, Wire, World};
use crate::users::refuses_what_is_unknown;
use crate::wire::post_json;

async fn forget(world: &World, pool: &str, username: &str) -> Result<(), Refusal> {
    let (user_pool_id, username) = named(pool, username);
    world.call(api::AdminDeleteSoftwareTokenRequest { user_pool_id, username }).await.map(|_| ())
}

spec! {
    async fn the_app_is_forgotten_and_its_factor_is_off(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        registered(&world, &token).await;
        let settings = json!({ "SoftwareTokenMfaSettings": on(true), "EmailMfaSettings": on(false) });
        prefer(&world, &token, settings).await.unwrap();
        forget(&world, &client.pool, "alice").await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (None, vec!["EMAIL_OTP".to_owned()]));
        assert_eq!(means_of(&world, &token).await, [AuthFactor::Password]);
        forget(&world, &client.pool, "alice").await.unwrap();

        prefer(&world, &token, json!({ "EmailMfaSettings": off() })).await.unwrap();
        world.sign_in(&client, "alice").await;
        world.advance(Duration::from_secs(60));
        let app = registered(&world, &token).await;
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        world.advance(Duration::from_secs(60));
        sign_in_by_app(&world, &client, "alice", &app.code(world.now())).await.unwrap();
    }
}

spec! {
    async fn a_secret_that_waits_is_forgotten_too(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let app = associate(&world, &token).await.unwrap();
        forget(&world, &client.pool, "alice").await.unwrap();
        assert_eq!(verify(&world, &token, &app.code(world.now())).await, Err(not_theirs()));
    }
}

spec! {
    async fn whoever_is_asked_for_a_code_of_it_gets_no_further(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let app = registered(&world, &token).await;
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        let asked = world.call(client.password_request("alice", PASSWORD)).await.unwrap();
        forget(&world, &client.pool, "alice").await.unwrap();
        world.advance(Duration::from_secs(30));
        let responses = [("USERNAME", "alice".to_owned()), ("SOFTWARE_TOKEN_MFA_CODE", app.code(world.now()))];
        let answer = answer(&client, ChallengeName::SoftwareTokenMfa, asked.session(), responses);
        assert_eq!(world.call(answer).await.map(drop), Err(no_session()));
    }
}

spec! {
    async fn where_the_pool_insists_the_next_sign_in_asks_for_a_new_one(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        registered(&world, &token).await;
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        world.ask_for_second_factors(&client.pool, UserPoolMfa::On, &[SecondFactor::SoftwareToken]).await;
        forget(&world, &client.pool, "alice").await.unwrap();
        let asked = world.call(client.password_request("alice", PASSWORD)).await.unwrap();
        assert_eq!((asked.challenge_name(), asked.authentication_result), (ChallengeName::MfaSetup, None));
    }
}

spec! {
    async fn users_and_pools_that_are_unknown_are_told(world: World) {
        refuses_what_is_unknown(&world, |user_pool_id, username| api::AdminDeleteSoftwareTokenRequest {
            user_pool_id,
            username,
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (client, _) = alice_of(&world, &ALL).await;
    let body = json!({ "UserPoolId": client.pool, "Username": "alice" });
    let reply = post_json(&world, Op::AdminDeleteSoftwareToken, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}
