//! `AdminSetUserMFAPreference`: what it does to a user is told with `SetUserMFAPreference`.

use cognate::api::{self, Op};
use serde_json::json;

use super::{ALL, alice_of, factors_of, off, on, prefer_for, registered, without_means_for};
use crate::account::{invalid, unknown_user};
use crate::spec;
use crate::support::fixtures::SecondFactor;
use crate::support::{Wire, World, refusal};
use crate::wire::post_json;

spec! {
    async fn an_operator_turns_factors_on_and_off(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        registered(&world, &token).await;
        let set = async |settings| prefer_for(&world, &client.pool, "alice", settings).await;
        set(json!({ "SoftwareTokenMfaSettings": on(true), "EmailMfaSettings": on(false) })).await.unwrap();
        let all = vec!["SOFTWARE_TOKEN_MFA".to_owned(), "EMAIL_OTP".to_owned()];
        assert_eq!(factors_of(&world, &token).await, (Some(all[0].clone()), all));
        set(json!({ "SoftwareTokenMfaSettings": off() })).await.unwrap();
        assert_eq!(factors_of(&world, &token).await, (None, vec!["EMAIL_OTP".to_owned()]));
    }
}

spec! {
    async fn what_users_cannot_turn_on_operators_cannot_either(world: World) {
        let (client, token) = alice_of(&world, &[SecondFactor::Sms, SecondFactor::SoftwareToken]).await;
        for (settings, refused) in [
            (json!({ "SMSMfaSettings": on(true) }), without_means_for("SMS_MFA")),
            (json!({ "SoftwareTokenMfaSettings": on(true) }), without_means_for("SOFTWARE_TOKEN_MFA")),
            (json!({ "EmailMfaSettings": on(true) }), invalid("EMAIL_OTP is not enabled for the user pool.")),
            (
                json!({ "SMSMfaSettings": on(true), "SoftwareTokenMfaSettings": on(true) }),
                invalid("Only one second factor can be preferred."),
            ),
            (
                json!({ "WebAuthnMfaSettings": { "Enabled": true } }),
                refusal("InvalidParameterException", "WebAuthnMfaSettings is not supported by this server."),
            ),
        ] {
            assert_eq!(prefer_for(&world, &client.pool, "alice", settings).await, Err(refused));
        }
        assert_eq!(factors_of(&world, &token).await, (None, vec![]));
    }
}

spec! {
    async fn users_and_pools_that_are_unknown_are_told(world: World) {
        let (client, _) = alice_of(&world, &ALL).await;
        assert_eq!(prefer_for(&world, &client.pool, "bob", json!({})).await, Err(unknown_user()));
        let elsewhere = world.pool(|_| {}).await;
        assert_eq!(prefer_for(&world, &elsewhere, "alice", json!({})).await, Err(unknown_user()));
        assert_eq!(
            prefer_for(&world, "us-east-1_Nowhere12", "alice", json!({})).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
        assert_eq!(
            world.call(api::AdminSetUserMfaPreferenceRequest::default()).await.map(drop),
            Err(invalid(
                "2 validation errors detected: Value at 'username' failed to satisfy constraint: Member must not be null; \
                 Value null at 'userPoolId' failed to satisfy constraint: Member must not be null"
            ))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (client, _) = alice_of(&world, &ALL).await;
    let body = json!({ "UserPoolId": client.pool, "Username": "alice", "EmailMfaSettings": { "Enabled": true } });
    let reply = post_json(&world, Op::AdminSetUserMFAPreference, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}
