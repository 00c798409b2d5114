//! `EMAIL_OTP` as a first factor: an e-mailed code in the place of a password.

use std::time::Duration;

use cognate::api::{self, Op, alias_attribute, auth_factor};
use serde_json::json;

use super::{Kind, assert_signed_in, rules_of_codes, rules_of_first_factors, rules_of_sent_codes};
use crate::spec;
use crate::support::factors::email_of;
use crate::support::fixtures::attribute;
use crate::support::{Wire, World, refusal};
use crate::wire::post_json;

rules_of_codes! { Kind::EmailOtp }
rules_of_sent_codes! { Kind::EmailOtp }
rules_of_first_factors! { Kind::EmailOtp }

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_is_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = Kind::EmailOtp.client(&world, |_| {}).await;
    Kind::EmailOtp.user(&world, &client, "alice").await;
    let parameters = json!({"USERNAME": "alice", "PREFERRED_CHALLENGE": "EMAIL_OTP"});
    let body = json!({"AuthFlow": "USER_AUTH", "ClientId": client.id, "AuthParameters": parameters});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "AvailableChallenges": ["EMAIL_OTP"],
        "ChallengeName": "EMAIL_OTP",
        "ChallengeParameters": {"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL", "CODE_DELIVERY_DESTINATION": "a***@e***"},
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
}

spec! {
    async fn whoever_signs_up_with_anothers_address_takes_nothing_by_a_code(world: World) {
        let factors = [auth_factor::Value::Password, auth_factor::Value::EmailOtp].map(i32::from).to_vec();
        let pool = world.pool(|request| {
            request.alias_attributes = vec![alias_attribute::Value::Email.into()];
            let sign_in_policy = Some(api::SignInPolicy { allowed_first_auth_factors: factors });
            request.policies = Some(api::UserPoolPolicy { sign_in_policy, ..Default::default() });
        });
        let pool = pool.await;
        let client = world.client(&pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let address = email_of("alice");
        // Of an address that is not proved there may be two.
        let user_attributes = vec![attribute("email", &address)];
        world.call(api::SignUpRequest { user_attributes, ..client.sign_up_request("mallory") }).await.unwrap();

        let mallory = world.person(&client, "mallory");
        world.advance(Duration::from_secs(1));
        let asked = Kind::EmailOtp.reached(mallory).await.unwrap();
        let code = world.code_to(&address).await;
        assert_eq!(
            Kind::EmailOtp.answers(mallory, asked.session(), &code).await,
            Err(refusal("AliasExistsException", "An account with the email already exists."))
        );
        // The address, as a name, means alice.
        let alice = world.person(&client, &address);
        world.advance(Duration::from_secs(1));
        let asked = Kind::EmailOtp.reached(alice).await.unwrap();
        let code = world.code_to(&address).await;
        assert_signed_in(&Kind::EmailOtp.answers(alice, asked.session(), &code).await, "alice");
    }
}
