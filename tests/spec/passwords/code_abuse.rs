//! What holds for codes over all operations: how often they may be tried and sent, and what a new password leaves of what was
//! opened before.

use cognate::api::{self, Op, auth_flow};
use serde_json::{Value, json};

use super::*;
use crate::spec;
use crate::support::fixtures::{PASSWORD, initiate_auth};
use crate::support::{Credential, START, Wire, at_once};

/// Gives five wrong codes for a forgotten password, asked for by the user.
async fn five_wrong(world: &World, client: &TestClient, username: &str) {
    let code = forgotten(world, client, username).await;
    for _ in 0..5 {
        let wrong = other_than(&code);
        assert_eq!(world.confirm_forgot(client, username, &wrong, NEW_PASSWORD).await, Err(mismatch()));
    }
}

/// A world in which so many messages an hour may be sent to a user and for a pool.
async fn limited(wire: Wire, per_user: u32, per_pool: u32) -> World {
    World::at(wire, START.parse().unwrap(), |config| {
        config.messages_per_user_hour_max = per_user;
        config.messages_per_pool_hour_max = per_pool;
    })
    .await
}

spec! {
    async fn twenty_wrong_codes_a_day_are_enough_whatever_they_were_for(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let mut code = world.code_for("alice").await;
        for _ in 0..3 {
            for _ in 0..4 {
                let wrong = other_than(&code);
                assert_eq!(world.confirm(&client, "alice", &wrong).await.map(|_| ()), Err(mismatch()));
            }
            world.advance(MILLISECOND);
            world.resend(&client, "alice").await.unwrap();
            code = world.code_for("alice").await;
        }
        world.confirm(&client, "alice", &code).await.unwrap();
        // Twelve for the sign-up, and eight for the password.
        five_wrong(&world, &client, "alice").await;
        let code = forgotten(&world, &client, "alice").await;
        for _ in 0..3 {
            let wrong = other_than(&code);
            assert_eq!(world.confirm_forgot(&client, "alice", &wrong, NEW_PASSWORD).await, Err(mismatch()));
        }
        // The right one is not even looked at.
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(too_often()));
        // Nobody else is hindered, and the password serves as before.
        world.confirmed_user(&client, "bob").await;
        world.sign_in(&client, "alice").await;
        let world = world.restarted().await;
        // The first of them was refused five milliseconds before the last.
        world.advance(DAY - 7 * MILLISECOND);
        let code = forgotten(&world, &client, "alice").await;
        assert_eq!(world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await, Err(too_often()));
        world.advance(MILLISECOND);
        world.confirm_forgot(&client, "alice", &code, NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn of_two_hundred_guesses_for_two_purposes_at_once_no_more_than_five_are_judged_for_each(world: World) {
        let client = world.app_client().await;
        world.sign_up(&client, "alice").await;
        let sign_up = world.code_for("alice").await;
        world.update_attributes(&client.pool, "alice", &[("email_verified", "true")]).await.unwrap();
        let password = forgotten(&world, &client, "alice").await;
        let (wrong, other) = (other_than(&sign_up), other_than(&password));
        let (confirms, resets) = tokio::join!(
            at_once((0..100).map(|_| world.confirm(&client, "alice", &wrong))),
            at_once((0..100).map(|_| world.confirm_forgot(&client, "alice", &other, NEW_PASSWORD))),
        );
        let confirms: Vec<_> = confirms.into_iter().map(|reply| reply.map(|_| ())).collect();
        let count = |replies: &[Result<(), Refusal>], refusal: Refusal| {
            replies.iter().filter(|reply| **reply == Err(refusal.clone())).count()
        };
        for replies in [&confirms, &resets] {
            assert!(count(replies, mismatch()) <= 5, "{replies:?}");
            let judged = count(replies, mismatch()) + count(replies, expired());
            assert_eq!(judged + count(replies, too_often()), 100, "{replies:?}");
        }
        let looked_at = [&confirms, &resets].map(|replies| 100 - count(replies, too_often()));
        assert_eq!(looked_at.iter().sum::<usize>(), 20);
        assert_eq!(world.confirm_forgot(&client, "alice", &password, NEW_PASSWORD).await, Err(too_often()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_sent_so_many_messages_an_hour_over_all_purposes() {
    for wire in [Wire::Grpc, Wire::Json] {
        let world = limited(wire, 4, 1000).await;
        let client = world.app_client().await;
        let hiding = hiding(&world, &client.pool).await;
        world.sign_up(&client, "alice").await;
        world.resend(&client, "alice").await.unwrap();
        world.advance(MILLISECOND);
        let code = forgotten_sign_up(&world, &client).await;
        world.confirm(&client, "alice", &code).await.unwrap();
        world.forgot(&client, "alice").await.unwrap();
        assert_eq!(world.forgot(&client, "alice").await, Err(too_often()));
        assert_eq!(world.reset_password(&client.pool, "alice").await, Err(too_often()));
        world.sign_in(&client, "alice").await;
        assert_eq!(world.mail().await.len(), 4);
        // Nobody is sent as many, as it seems.
        for _ in 0..2 {
            world.resend(&hiding, "nobody").await.unwrap();
            world.forgot(&hiding, "nobody").await.unwrap();
        }
        assert_eq!(world.resend(&hiding, "nobody").await, Err(too_often()));
        assert_eq!(world.forgot(&hiding, "nobody").await, Err(too_often()));
        let world = world.restarted().await;
        assert_eq!(world.forgot(&client, "alice").await, Err(too_often()));
        world.advance(HOUR);
        world.reset_password(&client.pool, "alice").await.unwrap();
    }
}

/// The newest of two codes that were sent for one sign-up.
async fn forgotten_sign_up(world: &World, client: &TestClient) -> String {
    world.resend(client, "alice").await.unwrap();
    world.code_for("alice").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_sends_so_many_messages_an_hour_and_a_sign_up_beyond_makes_the_user_all_the_same() {
    for wire in [Wire::Grpc, Wire::Json] {
        let world = limited(wire, 20, 2).await;
        let client = world.app_client().await;
        let (hiding, elsewhere) = (hiding(&world, &client.pool).await, world.app_client().await);
        // Names that nobody has take nothing of it.
        for _ in 0..3 {
            world.resend(&hiding, "nobody").await.unwrap();
        }
        world.sign_up(&client, "alice").await;
        world.sign_up(&client, "bob").await;
        let request = world.sign_up_request(&client, "carol");
        assert_eq!(world.call(request).await.map(|_| ()), Err(too_often()));
        let status = status_of(&world, &client.pool, "carol").await;
        assert_eq!(status, api::user_status::Value::Unconfirmed);
        for name in ["carol", "nobody"] {
            assert_eq!(world.resend(&hiding, name).await, Err(too_often()), "{name}");
            assert_eq!(world.forgot(&hiding, name).await, Err(too_often()), "{name}");
        }
        assert_eq!(world.mail().await.len(), 2);
        world.sign_up(&elsewhere, "carol").await;
        world.advance(HOUR);
        world.resend(&client, "carol").await.unwrap();
        let code = world.code_for("carol").await;
        world.confirm(&client, "carol", &code).await.unwrap();
    }
}

spec! {
    async fn the_session_of_a_confirmation_does_not_outlive_the_password_of_its_time(world: World) {
        let client = world.app_client().await;
        for (name, replaced) in [("alice", true), ("bob", false), ("carol", true)] {
            let signed_up = world.sign_up(&client, name).await;
            let code = world.code_for(name).await;
            let request = api::ConfirmSignUpRequest {
                session: signed_up.session,
                ..world.confirm_request(&client, name, &code)
            };
            let session = world.call(request).await.unwrap().session;
            match name {
                "alice" => world.set_password(&client.pool, name, NEW_PASSWORD).await.unwrap(),
                "carol" => {
                    let code = forgotten(&world, &client, name).await;
                    world.confirm_forgot(&client, name, &code, NEW_PASSWORD).await.unwrap();
                }
                _ => {}
            }
            let parameters = [("USERNAME", name.to_owned())];
            let request = initiate_auth(&client, auth_flow::Value::UserAuth, parameters);
            let reply = world.call(api::InitiateAuthRequest { session, ..request }).await;
            let invalid = not_authorized("Invalid session for the user.");
            assert_eq!(reply.map(|_| ()), if replaced { Err(invalid) } else { Ok(()) }, "{name}");
        }
    }
}

spec! {
    async fn a_challenge_for_the_password_takes_the_one_that_the_user_has_then(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let parameters = [("USERNAME", "alice"), ("PREFERRED_CHALLENGE", "PASSWORD")];
        let parameters = parameters.map(|(name, value)| (name, value.to_owned()));
        let begun = world.call(initiate_auth(&client, auth_flow::Value::UserAuth, parameters)).await.unwrap();
        world.set_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        let answer = |password: &str| {
            let responses = [("USERNAME", "alice".to_owned()), ("PASSWORD", password.to_owned())];
            crate::support::fixtures::answer(&client, begun.challenge_name(), begun.session(), responses)
        };
        assert_eq!(world.call(answer(PASSWORD)).await.map(|_| ()), Err(incorrect()));
        world.call(answer(NEW_PASSWORD)).await.unwrap();
    }
}

/// Everything that an answer of the AWS wire says, but for its id and time; of an address, only how it is masked.
async fn json_bytes(world: &World, op: Op, body: &Value) -> String {
    let reply = world.post(op, &Credential::None, body.to_string().into_bytes()).await;
    let ids = ["x-amzn-requestid", "date"];
    let headers = reply.headers.iter().filter(|(name, _)| !ids.contains(&name.as_str()));
    let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value:?}")).collect();
    format!("{} {headers:?} {}", reply.status, masked(&String::from_utf8_lossy(&reply.body)))
}

/// The same of a reply over gRPC.
fn grpc_bytes<A: prost::Message>(reply: Result<A, tonic::Status>) -> String {
    match reply {
        Ok(answer) => masked(&String::from_utf8_lossy(&answer.encode_to_vec())),
        Err(status) => {
            let metadata = status.metadata().clone().into_headers();
            let names: Vec<_> =
                metadata.iter().filter(|(name, _)| *name != "x-amzn-requestid" && *name != "date").collect();
            format!("{:?} {} {:?} {names:?}", status.code(), status.message(), status.details())
        }
    }
}

/// Hides the letters that a mask shows.
fn masked(text: &str) -> String {
    let mut hidden: Vec<char> = text.chars().collect();
    for at in (0..hidden.len()).filter(|at| text.chars().skip(at + 1).take(3).eq("***".chars())) {
        hidden[at] = '_';
    }
    hidden.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_users_are_hidden_answers_about_nobody_are_the_same_to_the_byte() {
    let world = World::new(Wire::Json).await;
    let pool = world.pool(|_| {}).await;
    let client = hiding(&world, &pool).await;
    world.confirmed_user(&client, "alice").await;
    world.confirmed_user(&client, "robin").await;
    world.disable(&pool, "robin").await;
    let mut told = Vec::new();
    for name in ["alice", "robin", "nikos"] {
        let names = json!({"ClientId": client.id, "Username": name});
        let mut with_code = names.clone();
        (with_code["ConfirmationCode"], with_code["Password"]) = (json!("000"), json!(NEW_PASSWORD));
        let forgot = || api::ForgotPasswordRequest {
            client_id: Some(client.id.clone()),
            username: Some(name.to_owned()),
            ..Default::default()
        };
        let confirm = || api::ConfirmForgotPasswordRequest {
            client_id: Some(client.id.clone()),
            username: Some(name.to_owned()),
            confirmation_code: Some("000".to_owned()),
            password: Some(NEW_PASSWORD.to_owned()),
            ..Default::default()
        };
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(json_bytes(&world, Op::ConfirmForgotPassword, &with_code).await);
            answers.push(json_bytes(&world, Op::ForgotPassword, &names).await);
            let reply = world.grpc(Op::ConfirmForgotPassword, &Credential::None, confirm()).await;
            answers.push(grpc_bytes::<api::ConfirmForgotPasswordResponse>(reply));
            let reply = world.grpc(Op::ForgotPassword, &Credential::None, forgot()).await;
            answers.push(grpc_bytes::<api::ForgotPasswordResponse>(reply));
        }
        told.push(answers);
    }
    assert!(told[0].iter().any(|answer| answer.contains("CodeMismatchException")), "{:#?}", told[0]);
    assert!(told[0].iter().any(|answer| answer.contains("_***@_***")), "{:#?}", told[0]);
    assert!(told[0].iter().any(|answer| answer.contains("LimitExceededException")), "{:#?}", told[0]);
    for (answers, name) in told[1..].iter().zip(["robin", "nikos"]) {
        assert_eq!(answers, &told[0], "{name}");
    }
}
