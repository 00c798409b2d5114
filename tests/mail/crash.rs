//! The real binary with a mail server, killed between a commit and its delivery.

use std::fs;
use std::path::Path;
use std::process::Command;

use cognate::api;

use crate::server::{Does, MailServer, PASSWORD, Step, Tls, USER};
use crate::support::certificates::Authority;
use crate::support::process::{Process, Service, cognate, eventually, serve};

/// `cognate serve` with mail by this server.
fn with_mail(data: &Path, server: &MailServer, authority: &Authority) -> Command {
    let (authorities, password) = (data.join("mail-ca.pem"), data.join("mail-password"));
    fs::create_dir_all(data).unwrap();
    fs::write(&authorities, authority.pem()).unwrap();
    fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let mut command = serve(data);
    command
        .env("COGNATE_SMTP_HOST", "127.0.0.1")
        .env("COGNATE_SMTP_PORT", server.address.port().to_string())
        .env("COGNATE_SMTP_USERNAME", USER)
        .env("COGNATE_SMTP_PASSWORD_FILE", password)
        .env("COGNATE_SMTP_CA_FILE", authorities)
        .env("COGNATE_MAIL_FROM", "Example <no-reply@id.example.com>");
    command
}

/// What `cognate outbox` prints.
fn outbox(arguments: &[&str], data: &Path) -> String {
    let mut process = Process::start(&mut cognate(&[&["outbox"], arguments].concat(), data));
    assert!(process.end().success(), "{}", process.errors());
    process.output().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_is_delivered_after_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let authority = Authority::new();
    let server = MailServer::start(Tls::Starttls, &authority).await;
    // It listens to the message and says nothing: the crash comes between the commit and the delivery.
    server.does_at(Step::Text, Does::Nothing);
    let mut first = Service::start(&mut with_mail(&data, &server, &authority), &data);
    let client = first.quickstart.public();
    first.caller.call(client.sign_up_request("alice")).await.unwrap();
    eventually("the message", || server.heard().lines.iter().any(|line| line == "DATA").then_some(())).await;
    first.process.kill();
    assert!(server.mail().is_empty());
    assert!(outbox(&["list"], &data).contains("to a***@e***, 0 failed tries"), "{}", outbox(&["list"], &data));

    server.does(|_, _| Does::Well);
    let mut second = Service::start(&mut with_mail(&data, &server, &authority), &data);
    let received = eventually("the mail", || server.mail().pop()).await;
    assert!(received.over_tls && received.logged_in && received.to == "alice@example.com");
    let confirmation = api::ConfirmSignUpRequest {
        client_id: Some(client.id.clone()),
        username: Some("alice".to_owned()),
        confirmation_code: Some(received.code()),
        ..Default::default()
    };
    second.caller.call(confirmation).await.unwrap();
    eventually("an empty outbox", || (outbox(&["list"], &data) == "0 waiting, 0 given up\n").then_some(())).await;
    second.process.terminate();
    assert!(second.process.end().success());
    assert_eq!(server.mail().len(), 1);
    for log in [first.process.errors(), second.process.errors()] {
        assert!(
            !log.contains("alice@example.com") && !log.contains(&received.code()) && !log.contains(PASSWORD),
            "{log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_see_and_mend_what_was_given_up() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let authority = Authority::new();
    let server = MailServer::start(Tls::Starttls, &authority).await;
    server.does_at(Step::Recipient, Does::Says("550 5.1.1 <alice@example.com> unknown"));
    let mut service = Service::start(&mut with_mail(&data, &server, &authority), &data);
    let client = service.quickstart.public();
    service.caller.call(client.sign_up_request("alice")).await.unwrap();
    service.process.logs("a message was given up");
    let listed =
        eventually("a dead letter", || Some(outbox(&["list"], &data)).filter(|text| text.contains("dead"))).await;
    assert!(listed.ends_with("0 waiting, 1 given up\n"), "{listed}");
    assert!(listed.contains("EMAIL sign_up") && listed.contains("550 5.1.1") && !listed.contains("alice"), "{listed}");
    let json = outbox(&["list", "--json"], &data);
    let line: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&line["state"], &line["to"]), (&"dead".into(), &"a***@e***".into()));
    let id = line["id"].as_str().unwrap();

    server.does(|_, _| Does::Well);
    assert_eq!(outbox(&["retry", id], &data), format!("message {id} is tried as soon as may be\n"));
    eventually("the mail", || server.mail().pop()).await;
    let mut discard = Process::start(&mut cognate(&["outbox", "discard", id], &data));
    eventually("an empty outbox", || (outbox(&["list"], &data) == "0 waiting, 0 given up\n").then_some(())).await;
    discard.end();
    service.process.terminate();
    assert!(service.process.end().success());
    let mut none = Process::start(&mut cognate(&["outbox", "retry", id], &data));
    assert!(!none.end().success());
    assert_eq!(none.errors(), format!("cognate: there is no message {id} in the outbox\n"));
}

#[test]
fn a_secret_or_an_authority_that_cannot_be_read_is_told_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let empty = directory.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    for (setting, path, told) in [
        ("SMTP_PASSWORD_FILE", "/nonexistent", "smtp_password_file /nonexistent: No such file"),
        ("SMTP_PASSWORD_FILE", empty.to_str().unwrap(), "empty: is empty"),
        ("SMTP_CA_FILE", "/nonexistent", "smtp_ca_file /nonexistent: No such file"),
        ("SMS_SECRET_FILE", "/nonexistent", "sms_secret_file /nonexistent: No such file"),
        ("MAIL_FROM", "nobody", "mail_from: must be an address"),
    ] {
        let mut command = serve(&data);
        command.env("COGNATE_SMTP_HOST", "127.0.0.1").env("COGNATE_MAIL_FROM", "a@example.com");
        command.env("COGNATE_SMS_URL", "https://sms.example.com/");
        if setting == "SMTP_PASSWORD_FILE" {
            command.env("COGNATE_SMTP_USERNAME", USER);
        }
        command.env(format!("COGNATE_{setting}"), path);
        let mut process = Process::start(&mut command);
        assert!(!process.end().success());
        assert!(process.errors().contains(told), "{}", process.errors());
    }
}
