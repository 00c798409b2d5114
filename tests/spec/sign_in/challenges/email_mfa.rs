//! `EMAIL_OTP` as a second factor: an e-mailed code after the password.

use cognate::api::{Op, user_pool_mfa};
use serde_json::json;

use super::{Kind, assert_signed_in, rules_of_codes, rules_of_second_factors, rules_of_sent_codes};
use crate::spec;
use crate::support::fixtures::{PASSWORD, SecondFactor};
use crate::support::{Wire, World};
use crate::wire::post_json;

rules_of_codes! { Kind::EmailMfa }
rules_of_sent_codes! { Kind::EmailMfa }
rules_of_second_factors! { Kind::EmailMfa }

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = Kind::EmailMfa.client(&world, |_| {}).await;
    Kind::EmailMfa.user(&world, &client, "alice").await;
    let parameters = json!({"USERNAME": "alice", "PASSWORD": PASSWORD});
    let body = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "ChallengeName": "EMAIL_OTP",
        "ChallengeParameters": {
            "CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL",
            "CODE_DELIVERY_DESTINATION": "a***@e***",
            "USER_ID_FOR_SRP": "alice",
        },
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
    let message = world.mail().await.pop().unwrap();
    assert_eq!((message.medium.as_str(), message.purpose.as_str(), message.code.len()), ("EMAIL", "authentication", 6));
}

spec! {
    async fn where_the_pool_insists_a_code_goes_to_the_verified_address_there_is(world: World) {
        let pool = world.pool_with_second_factors(user_pool_mfa::Value::On, &[SecondFactor::Email]).await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let asked = Kind::EmailMfa.asked(alice).await;
        assert_signed_in(&Kind::EmailMfa.answers(alice, &asked.session, &asked.code).await, "alice");
    }
}
