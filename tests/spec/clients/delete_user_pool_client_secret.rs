//! `DeleteUserPoolClientSecret`.

use super::secrets::{add, confidential, delete, first_id, holding, invalid, list, odd, prove_everywhere, strangers};
use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::{World, at_once, refusal};

spec! {
    async fn a_deleted_secret_proves_nothing(world: World) {
        let client = confidential(&world).await;
        let first = add(&world, &client, None).await.unwrap();
        let (old, new) = (client.clone(), holding(&client, &first));
        delete(&world, &client, &first_id(&client, world.now())).await.unwrap();
        let mismatch = format!("Unable to verify secret hash for client {}", client.id);
        let refused = Err(refusal("NotAuthorizedException", &mismatch));
        assert_eq!(world.call(world.sign_up_request(&old, "alice")).await.map(drop), refused);
        prove_everywhere(&world, &new, "alice").await;

        let newest = holding(&client, &add(&world, &client, None).await.unwrap());
        delete(&world, &client, first.client_secret_id()).await.unwrap();
        assert_eq!(world.try_password(&new, "alice", PASSWORD).await, refused);
        world.try_password(&newest, "alice", PASSWORD).await.unwrap();
        let world = world.restarted().await;
        world.try_password(&newest, "alice", PASSWORD).await.unwrap();
        assert_eq!(world.try_password(&old, "alice", PASSWORD).await, refused);
    }
}

spec! {
    async fn a_client_has_two_secrets_at_most_and_one_at_least(world: World) {
        let client = confidential(&world).await;
        let last = invalid("The last secret of a client cannot be deleted.");
        let first = first_id(&client, world.now());
        assert_eq!(delete(&world, &client, &first).await, Err(last.clone()));
        let added = add(&world, &client, None).await.unwrap();
        let limit = refusal("LimitExceededException", "Client secrets cannot exceed limit of 2 secrets.");
        assert_eq!(add(&world, &client, None).await, Err(limit.clone()));
        delete(&world, &client, added.client_secret_id()).await.unwrap();
        assert_eq!(delete(&world, &client, &first).await, Err(last));

        let done = at_once((0..4).map(|_| add(&world, &client, None))).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1);
        assert!(done.iter().flat_map(|done| done.as_ref().err()).all(|refused| *refused == limit), "{done:?}");
        let ids: Vec<String> =
            list(&world, &client).await.unwrap().iter().map(|secret| secret.client_secret_id().to_owned()).collect();
        let done = at_once(ids.iter().map(|id| delete(&world, &client, id))).await;
        assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 1, "{done:?}");
        assert_eq!(list(&world, &client).await.unwrap().len(), 1);
    }
}

spec! {
    async fn a_secret_of_another_client_is_unknown(world: World) {
        let (client, other) = (confidential(&world).await, confidential(&world).await);
        let foreign = add(&world, &other, None).await.unwrap();
        add(&world, &client, None).await.unwrap();
        for id in [foreign.client_secret_id(), "nothing", &client.id, &first_id(&other, world.now())] {
            assert_eq!(
                delete(&world, &client, id).await,
                Err(refusal("ResourceNotFoundException", &format!("Client secret {id} does not exist.")))
            );
        }
    }
}

spec! {
    async fn unknown_pools_and_foreign_clients_are_named(world: World) {
        for (client, refused) in strangers(&world).await {
            assert_eq!(delete(&world, &client, "x").await, Err(refused));
        }
    }
}

spec! {
    async fn members_out_of_bounds_are_named(world: World) {
        let (odd, refused) = odd();
        assert_eq!(delete(&world, &odd, "x").await, Err(refused));
        let client = confidential(&world).await;
        let long = "s".repeat(129);
        assert_eq!(
            delete(&world, &client, &long).await,
            Err(invalid(&format!(
                "1 validation error detected: Value '{long}' at 'clientSecretId' failed to satisfy constraint: Member must \
                 have length less than or equal to 128"
            )))
        );
    }
}
