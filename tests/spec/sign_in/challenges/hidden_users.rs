//! Codes to begin by, where it is hidden who exists: whoever cannot be sent one is asked for one like anybody.

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, username_attribute};

use super::{Kind, limit_exceeded, locked, not_authorized};
use crate::spec;
use crate::support::factors::{Answered, Person};
use crate::support::fixtures::{PASSWORD, TestClient, attribute, hide_users};
use crate::support::{Refusal, World};

/// Like the rest of the pool.
const KNOWN: &str = "alice@example.com";
const UNKNOWN: &str = "anybody@example.com";
const UNCONFIRMED: &str = "adam@example.com";
const DISABLED: &str = "amy@example.com";
const WITHOUT_PASSWORD: &str = "abel@example.com";

/// Whom nobody should be able to tell from [`KNOWN`].
const HIDDEN: [&str; 4] = [UNKNOWN, UNCONFIRMED, DISABLED, WITHOUT_PASSWORD];

/// A client that hides who exists, of a pool in which the address is the name, with all these users in it.
async fn scene(world: &World) -> TestClient {
    let factors = [AuthFactor::Password, AuthFactor::EmailOtp].map(i32::from).to_vec();
    let pool = world.pool(|request| {
        request.username_attributes = vec![username_attribute::Value::Email.into()];
        let sign_in_policy = Some(api::SignInPolicy { allowed_first_auth_factors: factors });
        request.policies = Some(api::UserPoolPolicy { sign_in_policy, ..Default::default() });
    });
    let pool = pool.await;
    let client = world.client(&pool, hide_users).await;
    for username in [KNOWN, DISABLED, WITHOUT_PASSWORD] {
        let created = world.create_user(&pool, username, |request| {
            request.user_attributes = vec![attribute("email_verified", "true")];
            request.temporary_password = None;
        });
        created.await.unwrap();
    }
    for username in [KNOWN, DISABLED] {
        world.set_password(&pool, username, PASSWORD).await.unwrap();
    }
    world.disable(&pool, DISABLED).await;
    let sign_up = client.sign_up_request(UNCONFIRMED);
    world.call(api::SignUpRequest { user_attributes: Vec::new(), ..sign_up }).await.unwrap();
    client
}

/// An answer without its session, but with how long that was: what it says must not differ.
type Comparable = Result<(api::RespondToAuthChallengeResponse, usize), Refusal>;

fn without_session(answered: Answered) -> Comparable {
    answered.map(|reply| {
        let length = reply.session().len();
        (api::RespondToAuthChallengeResponse { session: None, ..reply }, length)
    })
}

/// Everything that somebody without a code is answered on all ways to one, step by step.
async fn answers_on_the_way(person: Person<'_>) -> Vec<Comparable> {
    let mut all = Vec::new();
    let mut heard = |answered: Answered| {
        all.push(without_session(answered.clone()));
        answered.map(|reply| reply.session().to_owned()).unwrap_or_default()
    };
    let to_choose = heard(person.begins(AuthFlow::UserAuth, &[]).await);
    let choice = [("ANSWER", "EMAIL_OTP")];
    let chosen = heard(person.answers(ChallengeName::SelectChallenge, &to_choose, &choice).await);
    heard(person.answers(ChallengeName::SelectChallenge, &to_choose, &choice).await);
    let not_there = [("ANSWER", "SMS_OTP")];
    let to_choose = heard(person.prefers("SMS_OTP").await);
    heard(person.answers(ChallengeName::SelectChallenge, &to_choose, &not_there).await);
    let preferred = heard(person.prefers("EMAIL_OTP").await);
    heard(person.prefers("PASSWORD").await);
    heard(person.prefers("PASSWORD_SRP").await);
    for session in [&chosen, &preferred, &chosen, &preferred, &chosen, &preferred] {
        heard(Kind::EmailOtp.answers(person, session, "00000000").await);
    }
    heard(person.begins(AuthFlow::UserAuth, &[("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", PASSWORD)]).await);
    all
}

spec! {
    async fn nobody_is_told_from_a_known_user_by_any_answer_on_the_way_to_a_wrong_code(world: World) {
        let client = scene(&world).await;
        let expected = answers_on_the_way(world.person(&client, KNOWN)).await;
        let (mismatch, locked) = (Kind::EmailOtp.mismatch(), locked());
        let offered: Vec<_> = expected[0].as_ref().unwrap().0.available_challenges().collect();
        assert_eq!(offered, [ChallengeName::PasswordSrp, ChallengeName::Password, ChallengeName::EmailOtp]);
        assert_eq!(expected[1].as_ref().unwrap().0.challenge_parameters["CODE_DELIVERY_DESTINATION"], "a***@e***");
        let last: Vec<_> = expected.iter().rev().take(3).cloned().collect();
        assert_eq!(last, [without_session(locked.clone()), without_session(locked), without_session(mismatch)]);
        for hidden in HIDDEN {
            assert_eq!(answers_on_the_way(world.person(&client, hidden)).await, expected, "{hidden}");
        }
        for hidden in [UNKNOWN, DISABLED] {
            let by_back_end = world.person(&client, hidden).by_back_end().prefers("EMAIL_OTP").await;
            assert_eq!(by_back_end.unwrap().challenge_name(), ChallengeName::EmailOtp);
        }
    }
}

spec! {
    async fn no_message_leaves_for_whom_no_code_would_sign_in_but_they_are_counted_alike(world: World) {
        let client = scene(&world).await;
        let sent = world.messages().await;
        for username in [UNKNOWN, DISABLED] {
            let person = world.person(&client, username);
            for _ in 0..world.config.messages_per_user_hour_max {
                person.prefers("EMAIL_OTP").await.unwrap();
            }
            assert_eq!(person.prefers("EMAIL_OTP").await, Err(limit_exceeded()));
        }
        assert_eq!(world.messages().await, sent);
        let known = world.person(&client, KNOWN);
        for _ in 0..world.config.messages_per_user_hour_max {
            known.prefers("EMAIL_OTP").await.unwrap();
        }
        assert_eq!(known.prefers("EMAIL_OTP").await, Err(limit_exceeded()));
        assert_eq!(world.messages().await, sent + world.config.messages_per_user_hour_max as usize);
    }
}

spec! {
    async fn whoever_begins_without_a_name_that_is_anybodys_ends_nowhere_when_it_becomes_somebodys(world: World) {
        let client = scene(&world).await;
        let person = world.person(&client, UNKNOWN);
        let session = person.prefers("EMAIL_OTP").await.unwrap().session.unwrap();
        let created = world.create_user(&client.pool, UNKNOWN, |request| {
            request.user_attributes = vec![attribute("email_verified", "true")];
            request.temporary_password = None;
        });
        created.await.unwrap();
        assert_eq!(
            Kind::EmailOtp.answers(person, &session, "00000000").await,
            not_authorized("Invalid session for the user.")
        );
    }
}

spec! {
    async fn where_names_are_not_addresses_a_name_that_nobody_has_is_told_a_destination_of_its_own(world: World) {
        let pool = world.pool_with_first_factors(&[AuthFactor::EmailOtp]).await;
        let client = world.client(&pool, hide_users).await;
        world.reachable_user(&client, "alice").await;
        let destination = async |username: &str| {
            let reply = world.person(&client, username).prefers("EMAIL_OTP").await.unwrap();
            assert_eq!(reply.challenge_name(), ChallengeName::EmailOtp);
            reply.challenge_parameters["CODE_DELIVERY_DESTINATION"].clone()
        };
        let (known, nobody) = (destination("alice").await, destination("nobody").await);
        assert_eq!(known.len(), nobody.len());
        assert_eq!(destination("nobody").await, nobody);
        assert_eq!(world.messages().await, 1);
    }
}
