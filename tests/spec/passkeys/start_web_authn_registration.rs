//! `StartWebAuthnRegistration`.

use cognate::api::{self, Op};
use serde_json::{Value, json};

use super::{
    RELYING_PARTY, alice, allow, client_with_passkeys, configure, no_relying_party, not_enabled, registered, start,
    too_many,
};
use crate::account::{asks_for_a_token_that_stands, signed_in};
use crate::spec;
use crate::support::fixtures::claims;
use crate::support::passkeys::{decoded, encoded};
use crate::support::{Wire, World};
use crate::wire::post_json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice(&world).await;
    let reply = post_json(&world, Op::StartWebAuthnRegistration, &json!({"AccessToken": token})).await;
    let options = &reply.json()["CredentialCreationOptions"];
    let sub = claims(&token)["sub"].as_str().unwrap().to_owned();
    let expected = json!({
        "authenticatorSelection": {"requireResidentKey": true, "residentKey": "required", "userVerification": "preferred"},
        "challenge": options["challenge"],
        "excludeCredentials": [],
        "pubKeyCredParams": [{"alg": -7, "type": "public-key"}, {"alg": -257, "type": "public-key"}],
        "rp": {"id": RELYING_PARTY, "name": RELYING_PARTY},
        "timeout": 60000,
        "user": {"displayName": "alice", "id": encoded(sub.as_bytes()), "name": "alice"},
    });
    assert_eq!((reply.status, options), (200, &expected));
    assert_eq!(decoded(&options["challenge"]).len(), 32);
}

spec! {
    async fn each_time_the_challenge_is_another_and_passkeys_that_are_there_are_excluded(world: World) {
        let (client, token) = alice(&world).await;
        let first = start(&world, &token).await.unwrap();
        let second = start(&world, &token).await.unwrap();
        assert_ne!(first["challenge"], second["challenge"]);
        let passkey = registered(&world, &token).await;
        // Another user's is no hindrance to one of alice's on the same device.
        let bobs = signed_in(&world, &client, "bob").await;
        registered(&world, &bobs).await;
        let third = start(&world, &token).await.unwrap();
        let excluded = json!([{"id": passkey.id_text(), "transports": ["internal"], "type": "public-key"}]);
        assert_eq!(third["excludeCredentials"], excluded);
    }
}

spec! {
    async fn the_pools_settings_are_told(world: World) {
        let (client, token) = alice(&world).await;
        let passkey = registered(&world, &token).await;
        let settings = json!({"RelyingPartyId": "localhost", "UserVerification": "required"});
        configure(&world, &client.pool, json!({"WebAuthnConfiguration": settings})).await;
        let options = start(&world, &token).await.unwrap();
        assert_eq!(options["rp"], json!({"id": "localhost", "name": "localhost"}));
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        // What is for another domain excludes nothing here.
        assert_eq!(options["excludeCredentials"], json!([]), "{}", passkey.id_text());
    }
}

spec! {
    async fn there_are_passkeys_only_where_the_pool_allows_them_and_says_for_which_domain(world: World) {
        let client = world.app_client().await;
        let token = signed_in(&world, &client, "alice").await;
        let party = json!({"WebAuthnConfiguration": {"RelyingPartyId": RELYING_PARTY}});
        assert_eq!(start(&world, &token).await, Err(not_enabled()));
        configure(&world, &client.pool, party.clone()).await;
        assert_eq!(start(&world, &token).await, Err(not_enabled()));
        allow(&world, &client.pool, &["PASSWORD", "WEB_AUTHN"]).await;
        assert!(start(&world, &token).await.is_ok());
        for without in [json!({}), json!({"WebAuthnConfiguration": {"UserVerification": "required"}})] {
            configure(&world, &client.pool, without).await;
            assert_eq!(start(&world, &token).await, Err(no_relying_party()));
        }
        configure(&world, &client.pool, party).await;
        assert!(start(&world, &token).await.is_ok());
        allow(&world, &client.pool, &["PASSWORD", "EMAIL_OTP"]).await;
        assert_eq!(start(&world, &token).await, Err(not_enabled()));
    }
}

spec! {
    async fn twenty_are_enough(world: World) {
        let (_, token) = alice(&world).await;
        for _ in 0..20 {
            registered(&world, &token).await;
        }
        assert_eq!(start(&world, &token).await.map(|_| Value::Null), Err(too_many()));
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        client_with_passkeys(&world).await;
        asks_for_a_token_that_stands(&world, |access_token| api::StartWebAuthnRegistrationRequest { access_token })
            .await;
    }
}
