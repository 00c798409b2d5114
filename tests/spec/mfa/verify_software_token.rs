//! `VerifySoftwareToken`. Its way within a sign-in is told with MFA_SETUP.

use std::time::Duration;

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::{self, Op};
use serde_json::json;

use super::{
    ALL, alice_of, associate, factors_of, means_of, no_session, not_of_the_pool, not_theirs, on, one_credential,
    prefer, registered, sign_in_by_app, verify,
};
use crate::account::{invalid, refuses_tokens_that_do_not_stand, signed_in};
use crate::spec;
use crate::support::fixtures::SecondFactor;
use crate::support::{Wire, World, at_once, refusal};
use crate::wire::post_json;

spec! {
    async fn the_first_code_registers_the_app_and_turns_nothing_on(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        registered(&world, &token).await;
        assert_eq!(means_of(&world, &token).await, [AuthFactor::Password, AuthFactor::SoftwareToken]);
        assert_eq!(factors_of(&world, &token).await, (None, vec![]));
        world.sign_in(&client, "alice").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let (_, token) = alice_of(&world, &ALL).await;
    let app = associate(&world, &token).await.unwrap();
    let body = json!({ "AccessToken": token, "UserCode": app.code(world.now()), "FriendlyDeviceName": "Telephone" });
    let reply = post_json(&world, Op::VerifySoftwareToken, &body).await;
    assert_eq!((reply.status, reply.json()), (200, json!({ "Status": "SUCCESS" })));
}

spec! {
    async fn a_code_serves_from_a_step_before_its_own_to_a_step_after(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        for (steps, serves) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let app = associate(&world, &token).await.unwrap();
            let expected = if serves { Ok(()) } else { Err(not_theirs()) };
            assert_eq!(verify(&world, &token, &app.code_in(world.now(), steps)).await, expected, "{steps} steps");
        }
    }
}

spec! {
    async fn with_one_digit_changed_a_code_is_wrong_and_the_secret_waits_on(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let app = associate(&world, &token).await.unwrap();
        let right = app.code(world.now());
        for place in 0..right.len() {
            let mut digits = right.clone().into_bytes();
            digits[place] ^= 1;
            let changed = String::from_utf8(digits).unwrap();
            let neighbours = [-1, 1].map(|steps| app.code_in(world.now(), steps));
            if changed.bytes().all(|digit| digit.is_ascii_digit()) && !neighbours.contains(&changed) {
                assert_eq!(verify(&world, &token, &changed).await, Err(not_theirs()));
            }
        }
        assert_eq!(verify(&world, &token, &right).await, Ok(()));
    }
}

spec! {
    async fn a_code_serves_once(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let app = associate(&world, &token).await.unwrap();
        let code = app.code(world.now());
        verify(&world, &token, &code).await.unwrap();
        assert_eq!(verify(&world, &token, &code).await, Err(not_theirs()));
        prefer(&world, &token, json!({ "SoftwareTokenMfaSettings": on(true) })).await.unwrap();
        let used = refusal("ExpiredCodeException", "Your software token has already been used once.");
        assert_eq!(sign_in_by_app(&world, &client, "alice", &code).await.map(drop), Err(used));
        world.advance(Duration::from_secs(30));
        sign_in_by_app(&world, &client, "alice", &app.code(world.now())).await.unwrap();
    }
}

spec! {
    async fn of_two_at_once_one_registers(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let app = associate(&world, &token).await.unwrap();
        let code = app.code(world.now());
        let outcomes = at_once([verify(&world, &token, &code), verify(&world, &token, &code)]).await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        assert!(outcomes.contains(&Err(not_theirs())), "{outcomes:?}");
    }
}

spec! {
    async fn a_code_of_another_users_app_is_wrong(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let bobs = signed_in(&world, &client, "bob").await;
        let (app, bobs_app) = (associate(&world, &token).await.unwrap(), associate(&world, &bobs).await.unwrap());
        assert_eq!(verify(&world, &token, &bobs_app.code(world.now())).await, Err(not_theirs()));
        assert_eq!(verify(&world, &bobs, &app.code(world.now())).await, Err(not_theirs()));
        assert_eq!(verify(&world, &bobs, &bobs_app.code(world.now())).await, Ok(()));
    }
}

spec! {
    async fn without_a_secret_that_waits_no_code_is_right(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        assert_eq!(verify(&world, &token, "123456").await, Err(not_theirs()));
        let app = registered(&world, &token).await;
        world.advance(Duration::from_secs(60));
        assert_eq!(verify(&world, &token, &app.code(world.now())).await, Err(not_theirs()));
    }
}

spec! {
    async fn a_secret_waits_through_a_restart_and_what_is_registered_stays_so(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let app = associate(&world, &token).await.unwrap();
        let world = world.restarted().await;
        verify(&world, &token, &app.code(world.now())).await.unwrap();
        let world = world.restarted().await;
        assert_eq!(means_of(&world, &token).await, [AuthFactor::Password, AuthFactor::SoftwareToken]);
    }
}

spec! {
    async fn a_pool_that_has_software_tokens_no_longer_registers_none(world: World) {
        let (client, token) = alice_of(&world, &ALL).await;
        let app = associate(&world, &token).await.unwrap();
        let optional = api::user_pool_mfa::Value::Optional;
        world.ask_for_second_factors(&client.pool, optional, &[SecondFactor::Sms]).await;
        assert_eq!(verify(&world, &token, &app.code(world.now())).await, Err(not_of_the_pool()));
    }
}

spec! {
    async fn what_is_given_must_have_its_form_and_is_not_repeated(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let error = "1 validation error detected: Value at 'userCode' failed to satisfy constraint: Member must";
        for (code, constraint) in [
            ("12345", "have length greater than or equal to 6"),
            ("1234567", "have length less than or equal to 6"),
            ("12345a", "satisfy regular expression pattern: [0-9]+"),
        ] {
            assert_eq!(verify(&world, &token, code).await, Err(invalid(&format!("{error} {constraint}"))));
        }
        let request = |name: String| api::VerifySoftwareTokenRequest {
            access_token: Some(token.clone()),
            user_code: Some("123456".to_owned()),
            friendly_device_name: Some(name),
            ..Default::default()
        };
        assert_eq!(world.call(request("n".repeat(255))).await.map(drop), Err(not_theirs()));
        let refused = world.call(request("n".repeat(256))).await.unwrap_err();
        assert!(refused.message.ends_with("Member must have length less than or equal to 255"), "{refused:?}");
    }
}

spec! {
    async fn one_credential_is_given_and_not_two(world: World) {
        let (_, token) = alice_of(&world, &ALL).await;
        let request = |access_token: Option<&str>, session: Option<&str>| api::VerifySoftwareTokenRequest {
            access_token: access_token.map(str::to_owned),
            session: session.map(str::to_owned),
            user_code: Some("123456".to_owned()),
            ..Default::default()
        };
        let made_up = "s".repeat(40);
        for (access_token, session, refused) in [
            (None, None, one_credential()),
            (Some(token.as_str()), Some(made_up.as_str()), one_credential()),
            (None, Some(made_up.as_str()), no_session()),
        ] {
            assert_eq!(world.call(request(access_token, session)).await.map(drop), Err(refused));
        }
    }
}

spec! {
    async fn the_token_must_stand(world: World) {
        let request = |access_token| api::VerifySoftwareTokenRequest {
            access_token,
            user_code: Some("123456".to_owned()),
            ..Default::default()
        };
        refuses_tokens_that_do_not_stand(&world, &request).await;
    }
}
