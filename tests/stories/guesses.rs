//! Two hundred guesses at once, through every way there is to guess at one user's proofs: they move one count, and five are
//! looked at. It does not matter by which name, at which client, over which wire and by whom they come.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::{self, alias_attribute, user_pool_mfa};
use cognate::store::AttemptsKey;

use crate::support::factors::{Answered, Person, email_of, phone_number_of};
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, WRONG_PASSWORD, hide_users};
use crate::support::srp::{SrpClient, timestamp};
use crate::support::{Wire, World, at_once};

const GUESSES: usize = 200;

/// How often each mixture is tried, on a user of its own.
const ROUNDS: usize = 3;

/// A way to guess.
#[derive(Clone, Debug)]
enum Way {
    Password,
    PreferredPassword,
    /// An answer to a challenge that was asked before.
    Answer {
        challenge: ChallengeName,
        session: String,
        answers: Vec<(&'static str, String)>,
    },
}

/// A client of a pool in which names are spelled as one likes, and one of them can be an address.
async fn clients(world: &World, codes: &[AuthFactor]) -> [TestClient; 2] {
    let factors = [AuthFactor::Password].iter().chain(codes).map(|factor| i32::from(*factor)).collect();
    let pool = world.pool(|request| {
        request.alias_attributes = vec![alias_attribute::Value::Email.into()];
        request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
        let sign_in_policy = Some(api::SignInPolicy { allowed_first_auth_factors: factors });
        request.policies = Some(api::UserPoolPolicy { sign_in_policy, ..Default::default() });
    });
    let pool = pool.await;
    let with_srp = |request: &mut api::CreateUserPoolClientRequest| {
        request.explicit_auth_flows.push(ExplicitAuthFlow::AllowUserSrpAuth.into());
    };
    let hiding = |request: &mut api::CreateUserPoolClientRequest| {
        with_srp(request);
        hide_users(request);
    };
    [world.client(&pool, with_srp).await, world.client(&pool, hiding).await]
}

/// Six or eight digits that are not these.
fn wrong(code: &str) -> String {
    code.bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10)).collect()
}

/// The question that was asked, with a wrong answer to it.
fn wrongly(answered: Answered, answers: Vec<(&'static str, String)>) -> Way {
    let asked = answered.unwrap();
    Way::Answer { challenge: asked.challenge_name(), session: asked.session.unwrap(), answers }
}

/// Goes as far as the question for the password, and for its proof by SRP.
async fn ways_by_password(world: &World, person: Person<'_>) -> Vec<Way> {
    let password = vec![("PASSWORD", WRONG_PASSWORD.to_owned())];
    let asked = person.prefers("PASSWORD").await;
    let number = SrpClient::new(&person.client.pool, &world.app.services.rng).number();
    let to_prove = person.begins(AuthFlow::UserSrpAuth, &[("SRP_A", &number)]).await;
    let block = to_prove.as_ref().unwrap().challenge_parameters["SECRET_BLOCK"].clone();
    let claim = vec![
        ("PASSWORD_CLAIM_SECRET_BLOCK", block),
        ("PASSWORD_CLAIM_SIGNATURE", BASE64_STANDARD.encode([7; 32])),
        ("TIMESTAMP", timestamp(world.now())),
    ];
    let to_choose = person.begins(AuthFlow::UserAuth, &[]).await;
    let choice = vec![("ANSWER", "PASSWORD".to_owned()), ("PASSWORD", WRONG_PASSWORD.to_owned())];
    vec![
        Way::Password,
        Way::PreferredPassword,
        wrongly(asked, password),
        wrongly(to_prove, claim),
        wrongly(to_choose, choice),
    ]
}

/// Goes as far as the question for every second factor.
async fn ways_by_second_factors(world: &World, person: Person<'_>) -> Vec<Way> {
    let all = [SecondFactor::Sms, SecondFactor::SoftwareToken, SecondFactor::Email];
    world.give_authenticator(person.client, "alice").await;
    world.turn_on(person.client, "alice", &all, None).await;
    let mut ways = Vec::new();
    for factor in ["SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA"] {
        let to_choose = person.proves_password(PASSWORD).await.unwrap();
        let choice = [("ANSWER", factor)];
        let asked = person.answers(ChallengeName::SelectMfaType, to_choose.session(), &choice).await;
        let answer = match factor {
            "SMS_MFA" => ("SMS_MFA_CODE", wrong(&world.code_to(&phone_number_of("alice")).await)),
            "EMAIL_OTP" => ("EMAIL_OTP_CODE", wrong(&world.code_to(&email_of("alice")).await)),
            _ => {
                let app = world.authenticator_of(person.client, "alice").await;
                ("SOFTWARE_TOKEN_MFA_CODE", app.wrong_code(world.now()))
            }
        };
        ways.push(wrongly(asked, vec![answer]));
    }
    ways
}

/// Goes as far as the question for every code to begin by.
async fn ways_by_first_codes(world: &World, person: Person<'_>) -> Vec<Way> {
    let by_email = person.prefers("EMAIL_OTP").await;
    let by_sms = person.prefers("SMS_OTP").await;
    let email = wrong(&world.code_to(&email_of("alice")).await);
    let sms = wrong(&world.code_to(&phone_number_of("alice")).await);
    vec![wrongly(by_email, vec![("EMAIL_OTP_CODE", email)]), wrongly(by_sms, vec![("SMS_OTP_CODE", sms)])]
}

async fn guess(person: Person<'_>, way: &Way) -> Answered {
    match way {
        Way::Password => person.proves_password(WRONG_PASSWORD).await,
        Way::PreferredPassword => {
            let preferred = [("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", WRONG_PASSWORD)];
            person.begins(AuthFlow::UserAuth, &preferred).await
        }
        Way::Answer { challenge, session, answers } => {
            let answers: Vec<_> = answers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            person.answers(*challenge, session, &answers).await
        }
    }
}

/// Two hundred guesses at alice's proofs at once, in a mixture that chance makes of these ways.
async fn guesses_are_one_count(world: &World, clients: &[TestClient; 2], ways: &[Vec<Way>; 2]) {
    const NAMES: [&str; 5] = ["alice", "ALICE", "aLiCe", "alice@example.com", "Alice@Example.COM"];
    let chance = world.app.services.rng.bytes::<{ GUESSES * 4 }>();
    let hashes = world.hashes_evaluated();
    let answers = at_once(chance.chunks(4).map(|chance| {
        let client = usize::from(chance[0] % 2);
        let ways = &ways[client];
        let person = world.person(&clients[client], NAMES[usize::from(chance[1]) % NAMES.len()]);
        let person = if chance[2] % 4 < 2 { person.over(Wire::Grpc) } else { person.over(Wire::Json) };
        let person = if chance[2] % 2 == 0 { person.by_back_end() } else { person };
        guess(person, &ways[usize::from(chance[3]) % ways.len()])
    }))
    .await;
    let (mut looked_at, mut locked) = (0, 0);
    for answered in answers {
        let refused = answered.unwrap_err();
        match (refused.exception.as_str(), refused.message.as_str()) {
            ("CodeMismatchException", _) | (_, "Incorrect username or password.") => looked_at += 1,
            (_, "Password attempts exceeded") => locked += 1,
            // Too many counted at one moment for this one to be counted: it was not looked at.
            ("TooManyRequestsException", _) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(looked_at, 5);
    assert!(locked > 0);
    assert!(world.hashes_evaluated() - hashes <= 5);
    let key = AttemptsKey { owner: world.owner(&clients[0], "alice").await };
    let count = world.app.services.store.read(&key).await.unwrap().unwrap();
    assert_eq!((count.failures, count.day_failures), (5, 5));
    // The way that is left is the right one, after the lock.
    let alice = world.person(&clients[0], "alice");
    assert_eq!(alice.proves_password(PASSWORD).await.unwrap_err().message, "Password attempts exceeded");
    world.advance(Duration::from_secs(1));
    alice.proves_password(PASSWORD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_guesses_at_passwords_and_second_factors_at_once_are_five() {
    for _ in 0..ROUNDS {
        let world = World::new(Wire::Json).await;
        let clients = clients(&world, &[]).await;
        let all = [SecondFactor::Sms, SecondFactor::SoftwareToken, SecondFactor::Email];
        world.ask_for_second_factors(&clients[0].pool, user_pool_mfa::Value::Optional, &all).await;
        world.reachable_user(&clients[0], "alice").await;
        let mut ways = [Vec::new(), Vec::new()];
        for (client, ways) in clients.iter().zip(&mut ways) {
            let alice = world.person(client, "alice");
            ways.extend(ways_by_password(&world, alice).await);
            world.advance(Duration::from_secs(1));
            ways.extend(ways_by_second_factors(&world, alice).await);
        }
        guesses_are_one_count(&world, &clients, &ways).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_guesses_at_passwords_and_codes_to_begin_by_at_once_are_five() {
    for _ in 0..ROUNDS {
        let world = World::new(Wire::Json).await;
        let clients = clients(&world, &[AuthFactor::EmailOtp, AuthFactor::SmsOtp]).await;
        world.reachable_user(&clients[0], "alice").await;
        let mut ways = [Vec::new(), Vec::new()];
        for (client, ways) in clients.iter().zip(&mut ways) {
            let alice = world.person(client, "alice");
            ways.extend(ways_by_password(&world, alice).await);
            world.advance(Duration::from_secs(1));
            ways.extend(ways_by_first_codes(&world, alice).await);
        }
        guesses_are_one_count(&world, &clients, &ways).await;
    }
}
