//! `AddUserPoolClientSecret`.

use std::time::Duration;

use super::create_user_pool_client::described;
use super::secrets::{
    add, confidential, delete, first_id, holding, invalid, odd, prove_everywhere, refreshed, strangers,
};
use crate::pools::timestamp;
use crate::spec;
use crate::support::fixtures::{PASSWORD, TestClient};
use crate::support::{World, refusal};

spec! {
    async fn each_of_two_secrets_proves_the_client_wherever_it_is_asked(world: World) {
        let client = confidential(&world).await;
        let added = holding(&client, &add(&world, &client, None).await.unwrap());
        assert_ne!(added.secret, client.secret);
        prove_everywhere(&world, &client, "alice").await;
        prove_everywhere(&world, &added, "bob").await;

        let third = TestClient { secret: Some("z".repeat(52)), ..client.clone() };
        let mismatch = format!("Unable to verify secret hash for client {}", client.id);
        assert_eq!(
            world.try_password(&third, "alice", PASSWORD).await,
            Err(refusal("NotAuthorizedException", &mismatch))
        );
        let tokens = world.sign_in(&client, "alice").await;
        assert_eq!(
            world.revoke(&third, tokens.refresh_token()).await,
            Err(refusal("UnauthorizedException", "Unauthorized"))
        );
        assert_eq!(
            refreshed(&world, &third, tokens.refresh_token(), third.secret_hash("alice").as_deref()).await,
            Err(refusal("NotAuthorizedException", &format!("SecretHash does not match for the client: {}", client.id)))
        );
        let without = TestClient { secret: None, ..client.clone() };
        let missing = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
        assert_eq!(
            world.try_password(&without, "alice", PASSWORD).await,
            Err(refusal("NotAuthorizedException", &missing))
        );
    }
}

spec! {
    async fn a_secret_is_shown_once(world: World) {
        let client = confidential(&world).await;
        let made = world.now();
        world.advance(Duration::from_secs(5));
        let added = add(&world, &client, None).await.unwrap();
        let value = added.client_secret_value();
        assert_eq!(added.client_secret_id(), format!("{}--{}", client.id, world.now().as_millisecond()));
        let is_plain = value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        assert!(value.len() == 52 && is_plain, "{}", value.len());
        assert_eq!(added.client_secret_create_date, timestamp(world.now()));

        let shown = described(&world, &client.pool, &client.id).await;
        assert_eq!(shown.client_secret, client.secret, "the one that the client was made with");
        delete(&world, &client, &first_id(&client, made)).await.unwrap();
        assert_eq!(described(&world, &client.pool, &client.id).await.client_secret, None);
    }
}

spec! {
    async fn a_given_secret_is_taken_as_it_is(world: World) {
        let client = confidential(&world).await;
        let given = "A+_0".repeat(6);
        let added = add(&world, &client, Some(&given)).await.unwrap();
        assert_eq!(added.client_secret_value, None, "whoever has brought it has it");
        prove_everywhere(&world, &TestClient { secret: Some(given), ..client.clone() }, "alice").await;
        for (value, constraint) in [
            ("a".repeat(23), "Member must have length greater than or equal to 24"),
            ("a".repeat(65), "Member must have length less than or equal to 64"),
            ("-".repeat(24), "Member must satisfy regular expression pattern: [\\w+]+"),
        ] {
            let told = "1 validation error detected: Value at 'clientSecret' failed to satisfy constraint: ";
            assert_eq!(add(&world, &client, Some(&value)).await, Err(invalid(&format!("{told}{constraint}"))));
        }
    }
}

spec! {
    async fn a_public_client_stays_public(world: World) {
        let client = world.app_client().await;
        assert_eq!(
            add(&world, &client, None).await,
            Err(invalid("A client that was made without a secret cannot be given one."))
        );
        world.sign_up(&client, "alice").await;
    }
}

spec! {
    async fn unknown_pools_and_foreign_clients_are_named(world: World) {
        for (client, refused) in strangers(&world).await {
            assert_eq!(add(&world, &client, None).await, Err(refused));
        }
    }
}

spec! {
    async fn members_out_of_bounds_are_named(world: World) {
        let (odd, refused) = odd();
        assert_eq!(add(&world, &odd, None).await, Err(refused));
    }
}
