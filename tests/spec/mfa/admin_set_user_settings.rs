//! `AdminSetUserSettings`: what it does to a user is told with `SetUserSettings`.

use cognate::api::delivery_medium::Value as Medium;
use cognate::api::{self, Op};
use serde_json::json;

use super::set_user_settings::{option, sms};
use super::{ALL, alice_of, factors_of, without_means_for};
use crate::account::{invalid, update};
use crate::spec;
use crate::support::fixtures::named;
use crate::support::{Refusal, Wire, World};
use crate::users::refuses_what_is_unknown;
use crate::wire::post_json;

async fn set(world: &World, pool: &str, username: &str, options: &[api::MfaOption]) -> Result<(), Refusal> {
    let (user_pool_id, username) = named(pool, username);
    let mfa_options = options.to_vec();
    world.call(api::AdminSetUserSettingsRequest { user_pool_id, username, mfa_options }).await.map(|_| ())
}

spec! {
    async fn an_operator_turns_text_messages_on_and_off(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let set = async |options: &[api::MfaOption]| set(&world, &client.pool, "alice", options).await;
        assert_eq!(set(&[sms()]).await, Err(without_means_for("SMS_MFA")));
        update(&world, &token, &[("phone_number", "+15555550100")]).await.unwrap();
        set(&[sms()]).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (None, vec!["SMS_MFA".to_owned()]));
        let other = option(Some(Medium::Email), Some("email"));
        assert_eq!(set(&[other]).await, Err(invalid("MFAOptions takes nothing but SMS to phone_number.")));
        set(&[]).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (None, vec![]));
    }
}

spec! {
    async fn users_and_pools_that_are_unknown_are_told(world: World) {
        refuses_what_is_unknown(&world, |user_pool_id, username| api::AdminSetUserSettingsRequest {
            user_pool_id,
            username,
            ..Default::default()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (client, _) = alice_of(&world, &ALL).await;
    let body = json!({ "UserPoolId": client.pool, "Username": "alice", "MFAOptions": [] });
    let reply = post_json(&world, Op::AdminSetUserSettings, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}
