//! `AdminGetUserAuthFactors`, and which means it and `GetUserAuthFactors` tell of.

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::user_pool_mfa::Value as UserPoolMfa;
use cognate::api::{self, Op};
use serde_json::json;

use super::refuses_what_is_unknown;
use crate::mfa::{on, prefer, registered};
use crate::spec;
use crate::support::fixtures::{SecondFactor, named};
use crate::support::{Wire, World};
use crate::wire::{call_written, post_json};

async fn means(world: &World, pool: &str, username: &str) -> api::AdminGetUserAuthFactorsResponse {
    let (user_pool_id, username) = named(pool, username);
    world.call(api::AdminGetUserAuthFactorsRequest { user_pool_id, username }).await.unwrap()
}

async fn configured(world: &World, pool: &str, username: &str) -> Vec<AuthFactor> {
    means(world, pool, username).await.configured_user_auth_factors().collect()
}

/// Has the pool offer codes to begin with.
async fn offer_codes(world: &World, pool: &str) {
    let factors = json!(["PASSWORD", "EMAIL_OTP", "SMS_OTP"]);
    let body = json!({
        "UserPoolId": pool,
        "AutoVerifiedAttributes": ["email"],
        "Policies": { "SignInPolicy": { "AllowedFirstAuthFactors": factors } },
    });
    call_written::<api::UpdateUserPoolRequest>(world, &body).await.unwrap();
}

spec! {
    async fn codes_are_told_of_where_the_pool_offers_them_and_the_address_is_verified(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let pool = &client.pool;
        assert_eq!(configured(&world, pool, "alice").await, [AuthFactor::Password]);
        offer_codes(&world, pool).await;
        assert_eq!(configured(&world, pool, "alice").await, [AuthFactor::Password, AuthFactor::EmailOtp]);
        world.update_attributes(pool, "alice", &[("phone_number", "+15555550100")]).await.unwrap();
        assert_eq!(configured(&world, pool, "alice").await, [AuthFactor::Password, AuthFactor::EmailOtp]);
        world.update_attributes(pool, "alice", &[("phone_number_verified", "true")]).await.unwrap();
        assert_eq!(
            configured(&world, pool, "alice").await,
            [AuthFactor::Password, AuthFactor::EmailOtp, AuthFactor::SmsOtp]
        );
        world.reset_password(pool, "alice").await.unwrap();
        assert_eq!(configured(&world, pool, "alice").await, [AuthFactor::EmailOtp, AuthFactor::SmsOtp]);
    }
}

spec! {
    async fn where_a_second_factor_follows_no_code_comes_first(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        offer_codes(&world, &client.pool).await;
        world.ask_for_second_factors(&client.pool, UserPoolMfa::Optional, &[SecondFactor::SoftwareToken]).await;
        registered(&world, &token).await;
        let before = means(&world, &client.pool, "alice").await;
        assert_eq!(
            before.configured_user_auth_factors().collect::<Vec<_>>(),
            [AuthFactor::Password, AuthFactor::EmailOtp, AuthFactor::SoftwareToken]
        );
        assert_eq!((before.preferred_mfa_setting, before.user_mfa_setting_list), (None, vec![]));
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        let after = api::AdminGetUserAuthFactorsResponse {
            username: "alice".to_owned(),
            preferred_mfa_setting: Some("SOFTWARE_TOKEN_MFA".to_owned()),
            user_mfa_setting_list: vec!["SOFTWARE_TOKEN_MFA".to_owned()],
            configured_user_auth_factors: [AuthFactor::Password, AuthFactor::SoftwareToken].map(i32::from).to_vec(),
        };
        assert_eq!(means(&world, &client.pool, "alice").await, after);
        let own = world.call(api::GetUserAuthFactorsRequest { access_token: Some(token) }).await.unwrap();
        assert_eq!(own.configured_user_auth_factors, after.configured_user_auth_factors);
    }
}

spec! {
    async fn users_and_pools_that_are_unknown_are_told(world: World) {
        refuses_what_is_unknown(&world, |user_pool_id, username| api::AdminGetUserAuthFactorsRequest {
            user_pool_id,
            username,
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let body = json!({ "UserPoolId": client.pool, "Username": "alice" });
    let reply = post_json(&world, Op::AdminGetUserAuthFactors, &body).await;
    let expected = json!({ "Username": "alice", "ConfiguredUserAuthFactors": ["PASSWORD"] });
    assert_eq!((reply.status, reply.json()), (200, expected));
}
