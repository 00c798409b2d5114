//! `SMS_MFA`: a texted code after the password.

use cognate::api::{Op, user_pool_mfa};
use serde_json::json;

use super::{
    Kind, assert_signed_in, rules_of_codes, rules_of_second_factors, rules_of_sent_codes, sends_no_text_messages,
};
use crate::spec;
use crate::support::fixtures::{PASSWORD, SecondFactor};
use crate::support::{Wire, World};
use crate::wire::post_json;

rules_of_codes! { Kind::SmsMfa }
rules_of_sent_codes! { Kind::SmsMfa }
rules_of_second_factors! { Kind::SmsMfa }

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = Kind::SmsMfa.client(&world, |_| {}).await;
    Kind::SmsMfa.user(&world, &client, "alice").await;
    world.update_attributes(&client.pool, "alice", &[("phone_number", "+15555559934")]).await.unwrap();
    let parameters = json!({"USERNAME": "alice", "PASSWORD": PASSWORD});
    let body = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "ChallengeName": "SMS_MFA",
        "ChallengeParameters": {
            "CODE_DELIVERY_DELIVERY_MEDIUM": "SMS",
            "CODE_DELIVERY_DESTINATION": "+*******9934",
            "USER_ID_FOR_SRP": "alice",
        },
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
    let message = world.mail().await.pop().unwrap();
    assert_eq!((message.medium.as_str(), message.purpose.as_str(), message.code.len()), ("SMS", "authentication", 6));
}

spec! {
    async fn where_the_pool_insists_a_code_goes_to_the_telephone_there_is_and_verifies_it(world: World) {
        let pool = world.pool_with_second_factors(user_pool_mfa::Value::On, &[SecondFactor::Sms]).await;
        let client = world.client(&pool, |_| {}).await;
        world.reachable_user(&client, "alice").await;
        world.update_attributes(&pool, "alice", &[("phone_number_verified", "false")]).await.unwrap();
        let alice = world.person(&client, "alice");
        let asked = Kind::SmsMfa.asked(alice).await;
        assert_signed_in(&Kind::SmsMfa.answers(alice, &asked.session, &asked.code).await, "alice");
        let verified = "phone_number_verified=true".to_owned();
        assert!(world.attributes_of(&pool, "alice").await.contains(&verified));
    }
}

spec! {
    async fn without_a_way_for_text_messages_it_is_told_and_no_attempt(world: World) {
        sends_no_text_messages(world, Kind::SmsMfa).await;
    }
}
