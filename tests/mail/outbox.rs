//! The outbox: what is delivered, when it is given up, and what operators see of it.

use std::collections::HashSet;
use std::time::Duration;

use cognate::control;
use cognate::delivery::desk::{Line, State, Unmet};
use cognate::delivery::{Policy, Ways};
use cognate::store::records::OutboxMessage;
use cognate::store::{Batch, DeadLetterKey, Failure, OutboxKey, PoolKey, sweep_expired};
use uuid::Uuid;

use crate::post_office::{HOUR, LONGEST_PAUSE, PostOffice, by_smtp, mail, policy, recipients, settings};
use crate::server::{Does, MailServer, Step, Tls};
use crate::support::certificates::Authority;
use crate::support::{Wire, World};

/// An office whose server knows nobody yet.
async fn refused(policy: Policy) -> (MailServer, PostOffice) {
    let authority = Authority::new();
    let server = MailServer::start(Tls::Starttls, &authority).await;
    server.does_at(Step::Recipient, Does::Says("550 5.1.1 unknown"));
    let office = PostOffice::with_policy(by_smtp(settings(&server, &authority)), policy);
    (server, office)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_batch_that_did_not_commit_nothing_is_delivered() {
    let file = tempfile::tempdir().unwrap();
    let path = file.path().join("outbox.jsonl");
    let mut office = PostOffice::new(Ways::file(path.clone()));
    let mut batch = Batch::default();
    let rng = cognate::rng::Rng::seeded(1);
    cognate::delivery::enqueue(&mut batch, &mail("alice@example.com", "1"), &office.sealer, &rng, office.now);
    let pool = PoolKey { pool: cognate::domain::ids::PoolId("us-east-1_Example12".into()) };
    batch.expect(&pool, None);
    let mut earlier = Batch::default();
    earlier.put(&pool, &Default::default());
    office.store.commit(earlier).await.unwrap();
    assert!(matches!(office.store.commit(batch).await, Err(Failure::Conflict)));
    office.deliver_after(LONGEST_PAUSE).await;
    assert!(!path.exists() && office.lines().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_has_expired_is_not_sent_late() {
    let (server, mut office) = refused(policy()).await;
    server.does_at(Step::Greeting, Does::Says("421 later"));
    let expires_at = Some((office.now + HOUR).as_millisecond());
    office.write(OutboxMessage { expires_at, ..mail("alice@example.com", "1") }).await;
    let invitation = OutboxMessage { purpose: "invitation".into(), expires_at, ..mail("bob@example.com", "1") };
    office.write(invitation).await;
    office.deliver_after(HOUR / 2).await;
    assert_eq!(office.lines().await.len(), 2);
    server.does(|_, _| Does::Well);
    office.deliver_after(HOUR / 2).await;
    assert!(server.mail().is_empty());
    let mut problems = office.problems().await;
    problems.sort();
    assert_eq!(problems, ["its code has expired", "its temporary password has expired"]);
    assert!(office.lines().await.iter().all(|line| line.state == State::Dead));
    // One that is new, but came too late all the same, is not tried at all.
    office.write(OutboxMessage { expires_at, ..mail("carol@example.com", "1") }).await;
    office.deliver().await;
    assert!(server.mail().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_given_up_after_a_day_also_while_nothing_can_be_reached() {
    for step in [Step::Greeting, Step::Recipient] {
        let (server, mut office) = refused(policy()).await;
        server.does_at(step, Does::Says("451 4.0.0 later"));
        office.write(mail("alice@example.com", "1")).await;
        office.deliver().await;
        office.deliver_after(24 * HOUR - Duration::from_secs(1)).await;
        assert_eq!(office.only_line().await.state, State::Waiting);
        office.deliver_after(Duration::from_secs(1)).await;
        let line = office.only_line().await;
        assert_eq!(line.state, State::Dead);
        let reason = "it could not be delivered in time: ";
        assert!(line.problem.starts_with(reason) && line.problem.ends_with("451 4.0.0"), "{}", line.problem);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_dead_letters_the_oldest_make_room_and_all_end_in_time() {
    let (_, mut office) = refused(Policy { dead_letters_max: 10, ..policy() }).await;
    for number in 0..25 {
        office.write(mail(&format!("user-{number}@example.com"), "1")).await;
        office.deliver().await;
        assert!(office.lines().await.len() <= 10);
    }
    let lines = office.lines().await;
    assert!(
        lines.len() >= 9
            && lines.is_sorted_by_key(|line| line.given_up_at.as_deref().unwrap().parse::<jiff::Timestamp>().unwrap())
    );
    let end = office.now + 30 * 24 * HOUR;
    sweep_expired(&*office.store, end.as_millisecond()).await.unwrap();
    assert_eq!(office.lines().await.len(), 1, "the last was given up a millisecond later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_can_be_tried_again_and_its_age_begins_anew() {
    let (server, mut office) = refused(policy()).await;
    office.write(mail("alice@example.com", "1")).await;
    office.deliver().await;
    let id = office.only_line().await.id;
    office.now += 48 * HOUR;
    server.does_at(Step::Recipient, Does::Says("450 later"));
    office.desk().retry(id).await.unwrap();
    office.deliver().await;
    let line = office.only_line().await;
    assert_eq!((line.state, line.failed_tries, line.id), (State::Waiting, 1, id));
    server.does_at(Step::Recipient, Does::Well);
    office.desk().retry(id).await.unwrap();
    office.deliver().await;
    assert_eq!(recipients(&server), ["alice@example.com"], "at once, not when it was due");
    assert!(office.lines().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_expired_is_not_tried_again_and_what_is_discarded_is_gone() {
    let (server, mut office) = refused(policy()).await;
    let expires_at = Some((office.now + HOUR).as_millisecond());
    office.write(OutboxMessage { expires_at, ..mail("alice@example.com", "1") }).await;
    office.deliver().await;
    let id = office.only_line().await.id;
    office.now += HOUR;
    assert!(matches!(office.desk().retry(id).await, Err(Unmet::Expired(told)) if told == id));
    office.desk().discard(id).await.unwrap();
    assert!(office.lines().await.is_empty());
    assert!(matches!(office.desk().discard(id).await, Err(Unmet::NoSuchMessage(told)) if told == id));
    // One that waits, too.
    server.does_at(Step::Recipient, Does::Says("450 later"));
    office.write(mail("bob@example.com", "1")).await;
    office.deliver().await;
    office.desk().discard(office.only_line().await.id).await.unwrap();
    server.does_at(Step::Recipient, Does::Well);
    office.deliver_after(LONGEST_PAUSE).await;
    assert!(server.mail().is_empty() && office.lines().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_nothing_and_mixes_up_nothing() {
    let authority = Authority::new();
    let server = MailServer::start(Tls::Starttls, &authority).await;
    let mut office = PostOffice::new(by_smtp(settings(&server, &authority)));
    server.does_at(Step::Recipient, Does::Says("450 later"));
    for number in 1..=30 {
        office.write(mail(&format!("user-{}@example.com", number % 7), &number.to_string())).await;
        if number % 10 == 0 {
            office.deliver().await;
            office.restart(by_smtp(settings(&server, &authority)));
        }
    }
    server.does_at(Step::Recipient, Does::Well);
    office.deliver_after(LONGEST_PAUSE).await;
    assert!(office.lines().await.is_empty());
    let mut numbers: Vec<Vec<u32>> = vec![Vec::new(); 7];
    for received in server.mail() {
        let number: u32 = received.code().parse().unwrap();
        numbers[usize::try_from(number % 7).unwrap()].push(number);
    }
    assert_eq!(numbers.iter().map(Vec::len).sum::<usize>(), 30);
    assert!(numbers.iter().all(|of_one| of_one.is_sorted()), "{numbers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_nobody_can_read_is_a_dead_letter_and_holds_up_nobody() {
    let (server, mut office) = refused(policy()).await;
    server.does_at(Step::Recipient, Does::Well);
    let mut batch = Batch::default();
    batch.put(&OutboxKey { at: 1, message: Uuid::from_u128(1) }, &Default::default());
    office.store.commit(batch).await.unwrap();
    office.write(mail("alice@example.com", "1")).await;
    office.deliver().await;
    office.deliver().await;
    assert_eq!(recipients(&server), ["alice@example.com"]);
    let line = office.only_line().await;
    assert_eq!((line.state, line.medium.as_str()), (State::Dead, ""));
    assert!(line.problem.starts_with("sealed data cannot be opened"), "{}", line.problem);
    assert!(office.store.list::<DeadLetterKey>(DeadLetterKey::PREFIX, None, 9).await.unwrap().len() == 1);
}

/// What a running server answers to `cognate outbox`.
async fn asked(world: &World, command: &str) -> Result<(Vec<Line>, String), String> {
    let server = control::server_of(&world.config.data).await.unwrap();
    let mut output = Vec::new();
    let said = control::ask(server, command, &mut output).await.map_err(|refused| refused.to_string())?;
    let text = String::from_utf8(output).unwrap();
    Ok((text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), said))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_ask_the_running_server_and_learn_no_code_and_no_address() {
    let blocked = tempfile::tempdir().unwrap();
    let start = crate::support::START.parse().unwrap();
    let world = World::at(Wire::Grpc, start, |config| config.outbox_file = Some(blocked.path().to_owned())).await;
    let client = world.app_client().await;
    world.sign_up(&client, "alice").await;
    let (lines, said) = asked(&world, "outbox list").await.unwrap();
    assert_eq!(said, "1 waiting, 0 given up");
    let [line] = lines.try_into().unwrap();
    assert_eq!(
        (line.to.as_str(), line.purpose.as_str(), line.pool.as_str()),
        ("a***@e***", "sign_up", client.pool.as_str())
    );
    let shown = serde_json::to_string(&line).unwrap();
    assert!(!shown.contains("alice") && !shown.contains("confirmation code"), "{shown}");
    let id = line.id;
    assert_eq!(
        asked(&world, &format!("outbox retry {id}")).await.unwrap().1,
        format!("message {id} is tried as soon as may be")
    );
    assert_eq!(asked(&world, &format!("outbox discard {id}")).await.unwrap().1, format!("message {id} is gone"));
    assert_eq!(asked(&world, "outbox list").await.unwrap().1, "0 waiting, 0 given up");
    let gone = format!("there is no message {id} in the outbox");
    for command in [format!("outbox retry {id}"), format!("outbox discard {id}")] {
        assert_eq!(asked(&world, &command).await.unwrap_err(), gone);
    }
    for (command, told) in [
        ("outbox retry x", "\"x\" is no id of a message"),
        ("outbox", "\"outbox\": this server knows no such command"),
        ("outbox burn", "\"outbox burn\": this server knows no such command"),
    ] {
        assert_eq!(asked(&world, command).await.unwrap_err(), told);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_to_the_file_at_once_leave_every_line_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("outbox.jsonl");
    let mut office = PostOffice::new(Ways::file(file.clone()));
    let long = "Your confirmation code is {####}. ".repeat(500);
    for number in 0..400 {
        let message = mail(&format!("user-{number}@example.com"), &number.to_string());
        let medium = if number % 2 == 0 { "EMAIL" } else { "SMS" };
        office.write(OutboxMessage { body: long.clone(), medium: medium.to_owned(), ..message }).await;
    }
    office.deliver().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let codes: HashSet<&str> = lines.iter().map(|line| line["code"].as_str().unwrap()).collect();
    assert_eq!((lines.len(), codes.len()), (400, 400));
    assert!(office.lines().await.is_empty());
}
