//! `SOFTWARE_TOKEN_MFA`: a code of the user's authenticator app after the password.

use std::time::Duration;

use cognate::api::Op;
use cognate::store::{Batch, SoftwareTokenKey};
use serde_json::json;

use super::{Kind, assert_signed_in, locked, rules_of_codes, rules_of_second_factors, used_code};
use crate::spec;
use crate::support::fixtures::PASSWORD;
use crate::support::{Wire, World};
use crate::wire::post_json;

const APP: Kind = Kind::SoftwareToken;

rules_of_codes! { Kind::SoftwareToken }
rules_of_second_factors! { Kind::SoftwareToken }

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = APP.client(&world, |_| {}).await;
    APP.user(&world, &client, "alice").await;
    let parameters = json!({"USERNAME": "alice", "PASSWORD": PASSWORD});
    let body = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "ChallengeParameters": {"FRIENDLY_DEVICE_NAME": "my phone", "USER_ID_FOR_SRP": "alice"},
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
    assert_eq!(world.messages().await, 0);
}

spec! {
    async fn a_code_serves_once_whatever_the_session_and_so_does_every_one_before_it(world: World) {
        let client = APP.client(&world, |_| {}).await;
        APP.user(&world, &client, "alice").await;
        let alice = world.person(&client, "alice");
        let (one, other) = (APP.asked(alice).await, APP.asked(alice).await);
        assert_signed_in(&APP.answers(alice, &other.session, &other.code).await, "alice");
        for used in [&other.code, &one.code] {
            assert_eq!(APP.answers(alice, &one.session, used).await, used_code());
        }
        let world = world.restarted().await;
        let alice = world.person(&client, "alice");
        assert_eq!(APP.answers(alice, &one.session, &other.code).await, used_code());
        world.advance(Duration::from_secs(30));
        assert_signed_in(&APP.answers(alice, &one.session, &APP.code(alice).await).await, "alice");
    }
}

spec! {
    async fn a_used_code_is_a_failure(world: World) {
        let client = APP.client(&world, |_| {}).await;
        APP.user(&world, &client, "alice").await;
        let alice = world.person(&client, "alice");
        let asked = APP.asked(alice).await;
        APP.answers(alice, &asked.session, &asked.code).await.unwrap();
        let again = alice.proves_password(PASSWORD).await.unwrap();
        for _ in 0..5 {
            assert_eq!(APP.answers(alice, again.session(), &asked.code).await, used_code());
        }
        assert_eq!(APP.answers(alice, again.session(), &asked.code).await, locked());
    }
}

spec! {
    async fn an_app_may_be_one_step_behind_or_ahead_and_no_more(world: World) {
        let client = APP.client(&world, |_| {}).await;
        for (username, steps, is_right) in [("a", -2, false), ("b", -1, true), ("c", 0, true), ("d", 1, true), ("e", 2, false)] {
            APP.user(&world, &client, username).await;
            let person = world.person(&client, username);
            let asked = APP.asked(person).await;
            let app = world.authenticator_of(&client, username).await;
            let answered = APP.answers(person, &asked.session, &app.code_in(world.now(), steps)).await;
            match is_right {
                true => assert_signed_in(&answered, username),
                false => assert_eq!(answered, APP.mismatch(), "{steps} steps"),
            }
        }
    }
}

spec! {
    async fn without_the_app_no_code_is_right(world: World) {
        let client = APP.client(&world, |_| {}).await;
        APP.user(&world, &client, "alice").await;
        let alice = world.person(&client, "alice");
        let asked = APP.asked(alice).await;
        let key = SoftwareTokenKey { owner: world.owner(&client, "alice").await };
        let mut batch = Batch::default();
        batch.delete(&key);
        world.app.services.store.commit(batch).await.unwrap();
        assert_eq!(APP.answers(alice, &asked.session, &asked.code).await, APP.mismatch());
    }
}
