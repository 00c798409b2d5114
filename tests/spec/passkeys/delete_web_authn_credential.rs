//! `DeleteWebAuthnCredential`.

use cognate::api::{self, Op};
use serde_json::json;

use super::{alice, allow, client_with_passkeys, delete, passkeys, registered};
use crate::account::{refuses_tokens_that_do_not_stand, signed_in};
use crate::spec;
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::post_json;

fn unknown() -> Refusal {
    refusal("ResourceNotFoundException", "Passkey does not exist.")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice(&world).await;
    let passkey = registered(&world, &token).await;
    let body = json!({"AccessToken": token, "CredentialId": passkey.id_text()});
    let reply = post_json(&world, Op::DeleteWebAuthnCredential, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({})));
}

spec! {
    async fn the_passkey_is_gone_and_others_stay(world: World) {
        let (_, token) = alice(&world).await;
        let (one, other) = (registered(&world, &token).await, registered(&world, &token).await);
        assert_eq!(delete(&world, &token, &one.id_text()).await, Ok(()));
        let left: Vec<_> = passkeys(&world, &token).await.into_iter().map(|each| each.credential_id).collect();
        assert_eq!(left, [other.id_text()]);
        assert_eq!(delete(&world, &token, &one.id_text()).await, Err(unknown()));
    }
}

spec! {
    async fn what_is_none_or_another_users_is_unknown(world: World) {
        let (client, token) = alice(&world).await;
        let bobs = signed_in(&world, &client, "bob").await;
        let passkey = registered(&world, &bobs).await;
        registered(&world, &token).await;
        for id in [passkey.id_text().as_str(), "", "nonsense", "not base64!", &"A".repeat(131_072)] {
            assert_eq!(delete(&world, &token, id).await, Err(unknown()));
        }
        assert_eq!((passkeys(&world, &token).await.len(), passkeys(&world, &bobs).await.len()), (1, 1));
    }
}

spec! {
    async fn of_many_at_once_one_deletes_and_the_count_is_right(world: World) {
        let (_, token) = alice(&world).await;
        let (one, other) = (registered(&world, &token).await.id_text(), registered(&world, &token).await.id_text());
        let outcomes = at_once([&one, &one, &other, &one].map(|id| delete(&world, &token, id))).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 2, "{outcomes:?}");
        assert_eq!(passkeys(&world, &token).await, []);
        for _ in 0..20 {
            registered(&world, &token).await;
        }
    }
}

spec! {
    async fn passkeys_can_be_given_up_where_the_pool_has_them_no_longer(world: World) {
        let (client, token) = alice(&world).await;
        let passkey = registered(&world, &token).await;
        allow(&world, &client.pool, &["PASSWORD"]).await;
        assert_eq!(delete(&world, &token, &passkey.id_text()).await, Ok(()));
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        client_with_passkeys(&world).await;
        refuses_tokens_that_do_not_stand(&world, &|access_token| api::DeleteWebAuthnCredentialRequest {
            access_token,
            credential_id: Some("AAAA".to_owned()),
        })
        .await;
    }
}
