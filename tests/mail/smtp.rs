//! Faults of mail servers: what becomes of the message, of those behind it and of others.

use cognate::delivery::desk::State;
use cognate::delivery::{Security, SmtpSettings};
use cognate::store::records::OutboxMessage;

use crate::post_office::{LONGEST_PAUSE, PostOffice, by_smtp, mail, recipients, settings};
use crate::server::{Does, MailServer, PASSWORD, Step, Tls};
use crate::support::certificates::Authority;

/// A server and an office that sends to it, with the settings changed as the test needs them.
async fn office(tls: Tls, change: impl FnOnce(&mut SmtpSettings)) -> (MailServer, PostOffice) {
    let authority = Authority::new();
    let server = MailServer::start(tls, &authority).await;
    let mut settings = settings(&server, &authority);
    change(&mut settings);
    (server, PostOffice::new(by_smtp(settings)))
}

/// The same by STARTTLS.
async fn usual() -> (MailServer, PostOffice) {
    office(Tls::Starttls, |_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_by_starttls_with_a_password() {
    let (server, mut office) = usual().await;
    office.write(mail("alice@example.com", "123456")).await;
    office.deliver().await;
    let [received] = server.mail().try_into().unwrap();
    assert!(received.over_tls && received.logged_in);
    assert_eq!((received.from.as_str(), received.to.as_str()), ("no-reply@id.example.com", "alice@example.com"));
    assert_eq!(received.header("From").as_deref(), Some("Example <no-reply@id.example.com>"));
    assert_eq!(received.header("Subject").as_deref(), Some("Your verification code"));
    assert_eq!(received.code(), "123456");
    assert!(received.text.contains("text/plain") && received.text.contains("text/html"));
    assert!(office.lines().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_by_tls_from_the_first_byte() {
    let (server, mut office) = office(Tls::FromTheFirstByte, |settings| settings.security = Security::Tls).await;
    office.write(mail("alice@example.com", "123456")).await;
    office.deliver().await;
    assert!(server.mail()[0].over_tls && server.mail()[0].logged_in);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_goes_in_the_clear_where_that_was_asked_for() {
    let (server, mut office) = office(Tls::None, |settings| {
        settings.security = Security::None;
        settings.login = None;
    })
    .await;
    office.write(mail("alice@example.com", "123456")).await;
    office.deliver().await;
    assert_eq!(recipients(&server), ["alice@example.com"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_carries_many_messages_and_one_that_was_closed_is_opened_anew() {
    let (server, mut office) = usual().await;
    for number in 0..3 {
        office.write(mail("alice@example.com", &number.to_string())).await;
    }
    office.deliver().await;
    assert_eq!((server.mail().len(), server.heard().connections), (3, 1), "one after the other");
    server.does_at(Step::Text, Does::TakesAndHangsUp);
    office.write(mail("alice@example.com", "3")).await;
    office.deliver().await;
    server.does_at(Step::Text, Does::Well);
    office.deliver_after(LONGEST_PAUSE).await;
    assert_eq!((server.mail().len(), server.heard().connections), (5, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sender_is_the_pools_own_where_it_has_one() {
    let (server, mut office) = usual().await;
    let (from, reply_to) = (Some("Grüße <pool@example.org>".to_owned()), Some("help@example.org".to_owned()));
    office.write(OutboxMessage { from, reply_to, ..mail("alice@example.com", "1") }).await;
    office.deliver().await;
    let received = &server.mail()[0];
    assert_eq!(received.from, "pool@example.org");
    assert_eq!(received.header("From").as_deref(), Some("=?utf-8?b?R3LDvMOfZQ==?= <pool@example.org>"));
    assert_eq!(received.header("Reply-To").as_deref(), Some("help@example.org"));
    assert!(received.header("Message-ID").unwrap().ends_with("@example.org>"));
}

/// Before a message is spoken of, nothing that goes wrong says anything of it: all mail waits, no try is counted, and
/// everything arrives once the server is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_before_a_message_is_spoken_of_counts_against_none() {
    for (step, does, problem) in [
        (Step::Greeting, Does::Nothing, "connecting: the mail server was silent for 0 seconds"),
        (Step::Greeting, Does::HangsUp, "connecting: the mail server broke off, or does not speak SMTP"),
        (Step::Greeting, Does::Says("554 5.7.1 go away"), "connecting: the mail server answered 554 5.7.1"),
        (Step::Greeting, Does::Says("SSH-2.0-x"), "connecting: the mail server broke off, or does not speak SMTP"),
        (Step::Hello, Does::Says("421 4.3.2 later"), "connecting: the mail server answered 421 4.3.2"),
        (Step::Starttls, Does::Says("454 4.7.0 no TLS"), "connecting: the mail server answered 454 4.7.0"),
        (Step::Starttls, Does::HangsUp, "connecting: the mail server broke off, or does not speak SMTP"),
        (Step::Login, Does::Says("535 5.7.8 alice@example.com who"), "connecting: the mail server answered 535 5.7.8"),
        (Step::Login, Does::Nothing, "connecting: the mail server was silent for 0 seconds"),
        (Step::Sender, Does::Says("530 5.7.0 log in"), "sending: the mail server answered 530 5.7.0"),
    ] {
        let (server, mut office) = usual().await;
        server.does_at(step, does);
        office.write(mail("alice@example.com", "123456")).await;
        office.deliver().await;
        let line = office.only_line().await;
        assert_eq!(
            (line.state, line.failed_tries, line.problem.as_str()),
            (State::Waiting, 0, problem),
            "{step:?} {does:?}"
        );
        let connections = server.heard().connections;
        office.write(mail("bob@example.com", "654321")).await;
        office.deliver().await;
        assert_eq!(server.heard().connections, connections, "nothing is tried during the pause");
        server.does_at(step, Does::Well);
        office.deliver_after(LONGEST_PAUSE).await;
        let mut arrived = recipients(&server);
        arrived.sort();
        assert_eq!(arrived, ["alice@example.com", "bob@example.com"], "{step:?} {does:?}");
        assert!(office.lines().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_is_waited_for() {
    let (_, mut office) = office(Tls::Starttls, |settings| {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        settings.port = free.local_addr().unwrap().port();
    })
    .await;
    office.write(mail("alice@example.com", "1")).await;
    for _ in 0..20 {
        office.deliver_after(LONGEST_PAUSE).await;
    }
    let line = office.only_line().await;
    assert_eq!((line.state, line.failed_tries), (State::Waiting, 0));
    assert!(line.problem.starts_with("connecting: "), "{}", line.problem);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_tls_neither_the_password_nor_the_message_leaves() {
    for (tls, beginning) in
        [(Tls::None, "connecting: STARTTLS is not supported on this server"), (Tls::Broken, "connecting: ")]
    {
        let (server, mut office) = office(tls, |_| {}).await;
        office.write(mail("alice@example.com", "123456")).await;
        office.deliver().await;
        let line = office.only_line().await;
        assert!(line.problem.starts_with(beginning), "{}", line.problem);
        assert_eq!((line.state, line.failed_tries), (State::Waiting, 0));
        let said = server.heard().lines;
        assert!(
            said.iter().all(|line| line.starts_with("EHLO ") || ["STARTTLS", "QUIT"].contains(&line.as_str())),
            "{said:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_proves_nothing_gets_nothing() {
    let trusted = Authority::new();
    let of_a_stranger = Authority::new().server();
    let of_another_host = trusted.client(|_| {});
    for (tls, security) in [(Tls::Starttls, Security::Starttls), (Tls::FromTheFirstByte, Security::Tls)] {
        for identity in [&of_a_stranger, &of_another_host] {
            let server = MailServer::with_certificate(tls, identity).await;
            let settings = SmtpSettings { security, ..settings(&server, &trusted) };
            let mut office = PostOffice::new(by_smtp(settings));
            office.write(mail("alice@example.com", "123456")).await;
            office.deliver().await;
            let line = office.only_line().await;
            assert!(line.problem.contains("certificate"), "{}", line.problem);
            assert_eq!((line.state, line.failed_tries), (State::Waiting, 0));
            assert!(server.heard().lines.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")));
        }
    }
    // And one whom the browsers' authorities do not know, where no file of authorities is given.
    let server = MailServer::start(Tls::Starttls, &trusted).await;
    let mut office = PostOffice::new(by_smtp(SmtpSettings { authorities: None, ..settings(&server, &trusted) }));
    office.write(mail("alice@example.com", "123456")).await;
    office.deliver().await;
    assert!(server.mail().is_empty() && office.only_line().await.problem.contains("certificate"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_is_told_and_mail_waits_until_it_is_right() {
    let (server, mut office) = office(Tls::Starttls, |settings| {
        settings.login = Some(("cognate".to_owned(), cognate::crypto::secret::Secret::new("wrong".to_owned())));
    })
    .await;
    office.write(mail("alice@example.com", "1")).await;
    office.deliver().await;
    let line = office.only_line().await;
    assert_eq!((line.state, line.problem.as_str()), (State::Waiting, "connecting: the mail server answered 535 5.7.8"));
    assert!(!format!("{:?}", server.heard().lines).contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn not_now_means_again_later() {
    for (step, does, problem) in [
        (Step::Sender, Does::Says("451 4.3.0 later"), "sending: the mail server answered 451 4.3.0"),
        (
            Step::Recipient,
            Does::Says("450 4.2.0 <alice@example.com> greylisted"),
            "sending: the mail server answered 450 4.2.0",
        ),
        (Step::Recipient, Does::Says("421 4.7.0 too many"), "sending: the mail server answered 421 4.7.0"),
        (Step::Data, Does::Says("452 no room"), "sending: the mail server answered 452"),
        (Step::Text, Does::Says("450-4.7.0 not\r\n450 4.7.0 now"), "sending: the mail server answered 450 4.7.0"),
        (Step::Recipient, Does::Nothing, "sending: the mail server was silent for 0 seconds"),
        (Step::Data, Does::HangsUp, "sending: the mail server broke off, or does not speak SMTP"),
        (Step::Text, Does::HangsUp, "sending: the mail server broke off, or does not speak SMTP"),
        (Step::Text, Does::Nothing, "sending: the mail server was silent for 0 seconds"),
    ] {
        let (server, mut office) = usual().await;
        server.does_at(step, does);
        office.write(mail("alice@example.com", "123456")).await;
        office.deliver().await;
        let line = office.only_line().await;
        assert_eq!(
            (line.state, line.failed_tries, line.problem.as_str()),
            (State::Waiting, 1, problem),
            "{step:?} {does:?}"
        );
        office.deliver_after(LONGEST_PAUSE).await;
        assert_eq!(office.only_line().await.failed_tries, 2);
        server.does_at(step, Does::Well);
        // A restart forgets nothing of it.
        let heard = server.mail().len();
        office.deliver_after(LONGEST_PAUSE).await;
        assert_eq!((heard, server.mail().len()), (0, 1), "{step:?} {does:?}");
        assert!(office.lines().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_means_a_dead_letter_at_once() {
    for (step, says, problem) in [
        (Step::Sender, "550 5.7.1 not from there", "sending: the mail server answered 550 5.7.1"),
        (Step::Recipient, "550 5.1.1 <alice@example.com> unknown", "sending: the mail server answered 550 5.1.1"),
        (Step::Data, "554 no", "sending: the mail server answered 554"),
        (Step::Text, "554 5.6.0 spam: 123456", "sending: the mail server answered 554 5.6.0"),
    ] {
        let (server, mut office) = usual().await;
        server.does_at(step, Does::Says(says));
        office.write(mail("alice@example.com", "123456")).await;
        office.deliver().await;
        let line = office.only_line().await;
        assert_eq!((line.state, line.problem.as_str()), (State::Dead, problem), "{says}");
        assert_eq!((line.to.as_str(), line.due_at), ("a***@e***", None));
        server.does_at(step, Does::Well);
        office.deliver_after(LONGEST_PAUSE).await;
        assert!(server.mail().is_empty(), "{says}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_came_twice_is_the_same_to_the_last_byte() {
    let (server, mut office) = usual().await;
    server.does_at(Step::Text, Does::TakesAndHangsUp);
    office.write(mail("alice@example.com", "123456")).await;
    office.deliver().await;
    server.does_at(Step::Text, Does::Well);
    office.deliver_after(LONGEST_PAUSE).await;
    let [first, second] = server.mail().try_into().unwrap();
    assert_eq!(first, second);
    assert!(first.header("Message-ID").is_some());
    assert_eq!(first.header("Date").as_deref(), Some("Wed, 07 Jan 2026 05:06:09 +0000"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recipient_whose_mail_fails_keeps_their_order_and_holds_up_nobody() {
    let (server, mut office) = usual().await;
    server.does(|step, to| {
        if step == Step::Recipient && to == "alice@example.com" { Does::Says("450 later") } else { Does::Well }
    });
    for number in 1..=3 {
        office.write(mail("alice@example.com", &number.to_string())).await;
        office.write(mail("bob@example.com", &number.to_string())).await;
    }
    office.deliver().await;
    assert_eq!(recipients(&server), ["bob@example.com"; 3]);
    let tries: Vec<u32> = office.lines().await.into_iter().map(|line| line.failed_tries).collect();
    assert_eq!(tries, [1, 0, 0], "those behind the first were not tried");
    // Newer ones wait behind them too, over a restart.
    office.write(mail("Alice@Example.com", "4")).await;
    office.deliver().await;
    server.does_at(Step::Recipient, Does::Well);
    office.deliver_after(LONGEST_PAUSE).await;
    let to_alice = server.mail().into_iter().filter(|received| received.to.eq_ignore_ascii_case("alice@example.com"));
    assert_eq!(to_alice.map(|received| received.code()).collect::<Vec<_>>(), ["1", "2", "3", "4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_recipients_take_no_more_places_than_there_are_and_the_rest_goes_on() {
    let (server, mut office) = usual().await;
    server.does(|step, to| if step == Step::Text && to.starts_with("slow") { Does::Nothing } else { Does::Well });
    for number in 0..3 {
        office.write(mail(&format!("slow-{number}@example.com"), "1")).await;
    }
    for number in 0..20 {
        office.write(mail(&format!("quick-{number}@example.com"), "1")).await;
    }
    office.deliver().await;
    assert_eq!(server.mail().len(), 20);
    assert_eq!(office.problems().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_would_say_more_than_an_address_is_never_sent() {
    let (server, mut office) = usual().await;
    for to in [
        "alice@example.com>\r\nRCPT TO:<mallory@example.com",
        "a\r\nDATA\r\n@example.com",
        "alice@example.com\nBcc: m@example.com",
    ] {
        office.write(mail(to, "1")).await;
    }
    office
        .write(OutboxMessage { subject: "Hi\r\nBcc: mallory@example.com".to_owned(), ..mail("bob@example.com", "1") })
        .await;
    office
        .write(OutboxMessage { from: Some("x\r\nBcc: m <a@example.com>".to_owned()), ..mail("carol@example.com", "1") })
        .await;
    let end_of_text = "one\r\n.\r\nMAIL FROM:<mallory@example.com>\r\n..two\n.\nthree".to_owned();
    office.write(OutboxMessage { body: end_of_text, ..mail("dave@example.com", "1") }).await;
    office.deliver().await;
    let mut arrived = recipients(&server);
    arrived.sort();
    assert_eq!(arrived, ["bob@example.com", "dave@example.com"]);
    let problems = office.problems().await;
    assert_eq!(problems.len(), 4);
    let for_bob = server.mail().into_iter().find(|received| received.to == "bob@example.com").unwrap();
    assert_eq!(
        (for_bob.header("Bcc"), for_bob.header("Subject").as_deref()),
        (None, Some("Hi  Bcc: mallory@example.com"))
    );
    assert!(!server.heard().lines.iter().any(|line| line.to_lowercase().contains("mallory")));
}
