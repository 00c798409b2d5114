//! `AssociateSoftwareToken`. Its way within a sign-in is told with MFA_SETUP.

use std::time::Duration;

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::{self, Op};
use serde_json::json;

use super::{
    ALL, alice_of, associate, means_of, no_session, not_of_the_pool, not_theirs, on, one_credential, prefer,
    registered, sign_in_by_app, verify,
};
use crate::account::refuses_tokens_that_do_not_stand;
use crate::spec;
use crate::support::authenticator::Authenticator;
use crate::support::fixtures::SecondFactor;
use crate::support::{Wire, World};
use crate::wire::post_json;

spec! {
    async fn a_secret_is_52_letters_and_digits_and_registers_nothing(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let request = api::AssociateSoftwareTokenRequest { access_token: Some(token.clone()), ..Default::default() };
        let (one, other) = (world.call(request.clone()).await.unwrap(), world.call(request).await.unwrap());
        for response in [&one, &other] {
            let secret = response.secret_code();
            assert!(secret.len() == 52 && secret.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'2'..=b'7')), "{secret}");
            assert_eq!(response.session, None);
        }
        assert_ne!(one.secret_code, other.secret_code);
        assert_eq!(means_of(&world, &token).await, [AuthFactor::Password]);
        world.sign_in(&client, "alice").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice_of(&world, &ALL).await;
    let reply = post_json(&world, Op::AssociateSoftwareToken, &json!({ "AccessToken": token })).await;
    let body = reply.json();
    let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!((reply.status, members), (200, vec!["SecretCode"]));
}

spec! {
    async fn a_new_secret_takes_the_place_of_one_that_waits(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let first = associate(&world, &token).await.unwrap();
        let second = associate(&world, &token).await.unwrap();
        assert_eq!(verify(&world, &token, &first.code(world.now())).await, Err(not_theirs()));
        assert_eq!(verify(&world, &token, &second.code(world.now())).await, Ok(()));
    }
}

spec! {
    async fn a_registered_app_serves_until_the_new_one_has_given_a_code(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let old = registered(&world, &token).await;
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        let new = associate(&world, &token).await.unwrap();
        let code_of_next_step = |app: &Authenticator| app.code_in(world.now(), 1);
        sign_in_by_app(&world, &client, "alice", &code_of_next_step(&old)).await.unwrap();
        world.advance(Duration::from_secs(60));
        assert!(sign_in_by_app(&world, &client, "alice", &new.code(world.now())).await.is_err());
        assert_eq!(verify(&world, &token, &new.wrong_code(world.now())).await, Err(not_theirs()));
        sign_in_by_app(&world, &client, "alice", &old.code(world.now())).await.unwrap();

        verify(&world, &token, &new.code(world.now())).await.unwrap();
        world.advance(Duration::from_secs(60));
        assert!(sign_in_by_app(&world, &client, "alice", &old.code(world.now())).await.is_err());
        sign_in_by_app(&world, &client, "alice", &new.code(world.now())).await.unwrap();
    }
}

spec! {
    async fn a_pool_without_software_tokens_has_no_use_for_one(world: World) {
        let (client, token) = alice_of(&world, &[SecondFactor::Sms, SecondFactor::Email]).await;
        assert_eq!(associate(&world, &token).await.map(drop), Err(not_of_the_pool()));
        let off = api::SetUserPoolMfaConfigRequest { user_pool_id: Some(client.pool.clone()), ..Default::default() };
        world.call(off).await.unwrap();
        assert_eq!(associate(&world, &token).await.map(drop), Err(not_of_the_pool()));
    }
}

spec! {
    async fn one_credential_is_given_and_not_two(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let request = |access_token: Option<&str>, session: Option<&str>| api::AssociateSoftwareTokenRequest {
            access_token: access_token.map(str::to_owned),
            session: session.map(str::to_owned),
        };
        let made_up = "s".repeat(40);
        for (access_token, session, refused) in [
            (None, None, one_credential()),
            (Some(token.as_str()), Some(made_up.as_str()), one_credential()),
            (Some("nonsense"), Some(made_up.as_str()), one_credential()),
            (None, Some(made_up.as_str()), no_session()),
        ] {
            assert_eq!(world.call(request(access_token, session)).await.map(drop), Err(refused));
        }
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        let request =
            |access_token| api::AssociateSoftwareTokenRequest { access_token, ..Default::default() };
        refuses_tokens_that_do_not_stand(&world, &request).await;
    }
}
