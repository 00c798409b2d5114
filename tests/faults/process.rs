//! The process as its operator meets it: starts, refusals, signals, crashes at bad moments.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cognate::api::{self, Op};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::support::fixtures::PASSWORD;
use crate::support::process::{Process, Quickstart, Service, bare, code_for, cognate, eventually, mail, serve};
use crate::support::{Credential, raw, refusal_of};

/// A place for a data directory that does not exist yet.
struct Place {
    directory: tempfile::TempDir,
    data: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        Place { directory, data }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn serve(&self) -> Service {
        Service::start(&mut serve(&self.data), &self.data)
    }
}

/// The command ends, with a status that is not zero and a message that contains all of this.
#[track_caller]
pub fn refused(command: &mut Command, expected: &[&str]) {
    let mut process = Process::start(command);
    let status = process.end();
    let errors = process.errors().to_owned();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.starts_with("cognate: ") && errors.lines().count() == 1, "{errors}");
    for part in expected {
        assert!(errors.contains(part), "{part:?} is not in: {errors}");
    }
    assert_eq!(process.output(), "", "a refusal prints nothing else");
}

/// The service does what it is for: somebody signs up, is confirmed by the mailed code, and signs in; the operator sees it.
async fn is_usable(service: &Service, username: &str) {
    let (client, caller) = (service.quickstart.confidential(), &service.caller);
    caller.call(client.sign_up_request(username)).await.unwrap();
    let confirmation = api::ConfirmSignUpRequest {
        client_id: Some(client.id.clone()),
        username: Some(username.to_owned()),
        confirmation_code: Some(code_for(&service.quickstart.outbox, username).await),
        secret_hash: client.secret_hash(username),
        ..Default::default()
    };
    caller.call(confirmation).await.unwrap();
    signs_in(service, username).await;
    let request =
        api::AdminGetUserRequest { user_pool_id: Some(client.pool.clone()), username: Some(username.to_owned()) };
    assert_eq!(caller.call(request).await.unwrap().user_status(), api::user_status::Value::Confirmed);
}

async fn signs_in(service: &Service, username: &str) {
    let request = service.quickstart.confidential().password_request(username, PASSWORD);
    assert!(service.caller.call(request).await.unwrap().authentication_result.is_some());
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn help_and_version_tell_what_there_is() {
    let commands = ["serve", "init", "backup", "restore", "fsck"];
    let helps = commands.map(|command| [command, "--help"]);
    let helps = helps.iter().map(|help| help.as_slice());
    for arguments in [["--help"].as_slice(), &["--version"]].into_iter().chain(helps) {
        let mut process = Process::start(&mut bare(arguments));
        assert!(process.end().success(), "{arguments:?}");
        let output = process.output();
        match arguments {
            ["--version"] => assert_eq!(output, format!("cognate {}\n", env!("CARGO_PKG_VERSION"))),
            ["--help"] => assert!(commands.iter().all(|command| output.contains(command)), "{output}"),
            ["serve" | "init", _] => assert!(output.contains("--data") && output.contains("--listen"), "{output}"),
            _ => assert!(output.contains("--data") && output.contains("key-encryption key"), "{output}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_start_makes_a_usable_system() {
    let place = Place::new();
    let mut service = place.serve();
    let quickstart = &service.quickstart;
    assert_eq!(quickstart.endpoint, format!("http://{}", service.address));
    assert_eq!(quickstart.region, "us-east-1");
    assert_eq!(quickstart.issuer, format!("{}/{}", quickstart.endpoint, quickstart.user_pool_id));
    assert_eq!(quickstart.outbox, place.data.join("outbox.jsonl"));
    is_usable(&service, "alice").await;

    assert_eq!(mode(&place.data), 0o700);
    for (file, expected) in [
        ("quickstart.json", 0o600),
        ("outbox.jsonl", 0o600),
        ("access/principals.toml", 0o600),
        ("key-encryption-key", 0o400),
    ] {
        assert_eq!(mode(&place.data.join(file)), expected, "{file}");
    }
    assert!(!place.data.join("initialising").exists());

    service.process.terminate();
    assert!(service.process.end().success());
    let tour = service.process.output();
    for fact in [&quickstart.user_pool_id, &quickstart.client_id, &quickstart.access_key.secret_access_key] {
        assert!(tour.contains(fact.as_str()), "{fact}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_quickstart_names_the_new_endpoint() {
    let place = Place::new();
    let mut first = place.serve();
    is_usable(&first, "alice").await;
    first.process.terminate();
    assert!(first.process.end().success());
    // Somebody else has the old port now.
    let taken = std::net::TcpListener::bind(&first.address);
    let second = place.serve();
    drop(taken);
    let (before, after) = (&first.quickstart, &second.quickstart);
    assert_ne!(first.address, second.address);
    assert_eq!(after.endpoint, format!("http://{}", second.address));
    assert_eq!(after.issuer, format!("{}/{}", after.endpoint, after.user_pool_id));
    assert_eq!(mode(&place.data.join("quickstart.json")), 0o600);
    assert_eq!(after.user_pool_id, before.user_pool_id);
    assert_eq!(after.client_id, before.client_id);
    assert_eq!(after.access_key.secret_access_key, before.access_key.secret_access_key);
    signs_in(&second, "alice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn init_makes_what_serve_serves() {
    let place = Place::new();
    let init = || cognate(&["init", "--listen", "127.0.0.1:9229"], &place.data);
    let mut process = Process::start(&mut init());
    assert!(process.end().success(), "{}", process.errors());
    let quickstart = Quickstart::read(&place.data);
    assert_eq!(quickstart.endpoint, "http://127.0.0.1:9229");
    assert!(process.output().contains(&quickstart.access_key.secret_access_key));
    refused(&mut init(), &["has been initialised already", &place.data.display().to_string()]);

    let mut service = place.serve();
    assert_eq!(service.quickstart.user_pool_id, quickstart.user_pool_id);
    is_usable(&service, "alice").await;
    refused(&mut init(), &["another process has this data directory open"]);
    service.process.terminate();
    assert!(service.process.end().success());
    assert_eq!(service.process.output(), format!("Cognate listens on http://{}\n", service.address));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_requests_in_flight_finish() {
    let place = Place::new();
    let mut service = place.serve();
    let request = service.quickstart.public().sign_up_request("alice");
    let body = serde_json::to_vec(&request).unwrap();
    let mut connection = TcpStream::connect(&service.address).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {}\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: AWSCognitoIdentityProviderService.SignUp\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        service.address,
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    // The service asks for the body only once it has begun the request.
    let mut interim = [0; 25];
    connection.read_exact(&mut interim).unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");

    service.process.terminate();
    service.process.logs("stopping: requests in flight may finish");
    connection.write_all(&body).unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains("\"UserSub\""), "{reply}");
    assert_eq!(service.process.end().code(), Some(0));

    let service = place.serve();
    let pool = Some(service.quickstart.user_pool_id.clone());
    let request = api::AdminGetUserRequest { user_pool_id: pool, username: Some("alice".to_owned()) };
    service.caller.call(request).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_go_of_those_who_watch_the_health() {
    let place = Place::new();
    let mut command = serve(&place.data);
    let mut service = Service::start(command.env("COGNATE_DRAIN_TIMEOUT_SECONDS", "5"), &place.data);
    let channel = Endpoint::from_shared(service.quickstart.endpoint.clone()).unwrap().connect().await.unwrap();
    let mut watches = Vec::new();
    for watched in ["", "cognate.v1.UserService"] {
        let request = HealthCheckRequest { service: watched.to_owned() };
        let mut watch = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
        watches.push(watch);
    }
    service.process.terminate();
    for mut watch in watches {
        assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert_eq!(watch.message().await.unwrap(), None);
    }
    assert_eq!(service.process.end().code(), Some(0));
    let errors = service.process.errors();
    assert!(!errors.contains("still in flight"), "{errors}");
}

/// Who guesses passwords and hangs up before the answer is seen all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_caller_hangs_up_leaves_its_line() {
    let place = Place::new();
    let mut command = serve(&place.data);
    // So long a hash that nobody has the patience.
    let costly = [("COGNATE_PASSWORD_HASH_MEMORY_KIB", "65536"), ("COGNATE_PASSWORD_HASH_ITERATIONS", "1000")];
    let mut service = Service::start(command.envs(costly), &place.data);
    let body = serde_json::to_vec(&service.quickstart.public().sign_up_request("alice")).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-amz-json-1.1\r\n\
         x-amz-target: AWSCognitoIdentityProviderService.SignUp\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(&service.address).unwrap();
    connection.write_all(head.as_bytes()).unwrap();
    // Of a caller who leaves before the request has begun there is nothing to tell. It has when the body is asked for.
    let mut interim = [0; 25];
    connection.read_exact(&mut interim).unwrap();
    connection.write_all(&body).unwrap();
    drop(connection);
    service.process.logs("\"operation\":\"SignUp\"");
    service.process.kill();
    let errors = service.process.errors();
    assert!(errors.contains("\"outcome\":\"RequestAbandoned\""), "{errors}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_on_the_same_data_is_refused() {
    let place = Place::new();
    let service = place.serve();
    let message = [&*place.data.display().to_string(), "another process has this data directory open"];
    refused(&mut serve(&place.data), &message);
    is_usable(&service, "alice").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_key_encryption_key_nothing_starts() {
    let place = Place::new();
    let mut service = place.serve();
    is_usable(&service, "alice").await;
    service.process.kill();
    let (key, elsewhere) = (place.data.join("key-encryption-key"), place.file("kept-apart"));
    fs::rename(&key, &elsewhere).unwrap();
    refused(&mut serve(&place.data), &["key_encryption_key_file", &key.display().to_string(), "No such file"]);
    assert!(!key.exists(), "no new key may take the place of the lost one");
    fs::write(&key, format!("{}\n", "00".repeat(32))).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    refused(&mut serve(&place.data), &["principals.toml"]);
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o444)).unwrap();
    let mut with_readable_key = serve(&place.data);
    with_readable_key.env("COGNATE_KEY_ENCRYPTION_KEY_FILE", &elsewhere);
    refused(&mut with_readable_key, &["key_encryption_key_file", "others may read the file"]);

    fs::rename(&elsewhere, &key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    signs_in(&place.serve(), "alice").await;
}

#[test]
fn plaintext_is_for_this_machine_alone() {
    let place = Place::new();
    let everywhere = ["serve", "--listen", "0.0.0.0:0"];
    refused(&mut cognate(&everywhere, &place.data), &["listen 0.0.0.0:0", "loopback", "--allow-plaintext"]);
    let with_leave = [everywhere.as_slice(), &["--allow-plaintext"]].concat();
    refused(&mut cognate(&with_leave, &place.data), &["public_url"]);
    // There, a first start does not make an operator by itself.
    let mut with_url = cognate(&with_leave, &place.data);
    with_url.env("COGNATE_PUBLIC_URL", "https://id.example.com");
    // Nor does mail go into a file of which nobody knows.
    refused(&mut with_url, &["smtp_host", "outbox_file"]);
    with_url.env("COGNATE_OUTBOX_FILE", place.file("outbox"));
    refused(&mut with_url, &["key_encryption_key_file"]);
}

#[test]
fn a_setting_that_is_none_is_refused() {
    let place = Place::new();
    let mut misspelt = serve(&place.data);
    misspelt.env("COGNATE_OUTBOXFILE", "x");
    refused(&mut misspelt, &["unknown setting `outboxfile`", "did you mean `outbox_file`?"]);
    let file = place.file("cognate.toml");
    fs::write(&file, "regoin = 'eu-central-1'\n").unwrap();
    let mut misspelt = serve(&place.data);
    misspelt.arg("--config").arg(&file);
    refused(&mut misspelt, &["unknown setting `regoin`", "did you mean `region`?"]);
    let mut wrong_kind = serve(&place.data);
    wrong_kind.env("COGNATE_CONNECTIONS_MAX", "many");
    refused(&mut wrong_kind, &["CONNECTIONS_MAX"]);
    assert!(!place.data.exists(), "a command that is refused leaves nothing behind");
}

/// A first start that was killed before it was done is begun anew, whichever step was its last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_first_start_is_begun_anew() {
    for step in
        ["lock", "key-encryption-key", "initialising", "store", "store/db", "access/principals.toml", "quickstart.json"]
    {
        let place = Place::new();
        let mut first = Process::start(&mut serve(&place.data));
        eventually(step, || place.data.join(step).exists().then_some(())).await;
        first.kill();
        let service = place.serve();
        is_usable(&service, "alice").await;
        assert!(!place.data.join("initialising").exists(), "{step}");
    }
}

/// What an interrupted first start had made lets nobody in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_begun_anew_makes_a_new_operator() {
    let place = Place::new();
    let mut first = place.serve();
    first.process.kill();
    fs::write(place.data.join("initialising"), "").unwrap();
    fs::remove_file(place.data.join("quickstart.json")).unwrap();
    let second = place.serve();
    assert!(!place.data.join("initialising").exists());
    is_usable(&second, "alice").await;
    let old_key = Credential::AccessKey(first.quickstart.operator());
    let request = api::ListUserPoolsRequest { max_results: Some(1), ..Default::default() };
    let answer =
        raw::grpc::<_, api::ListUserPoolsResponse>(&second.address, Op::ListUserPools, &old_key, request).await;
    let refusal = answer.unwrap_err();
    assert_eq!(refusal_of(&refusal).exception, "UnrecognizedClientException");
}

/// A message whose delivery failed, then a crash: it still arrives.
#[test]
fn it_may_open_as_many_files_as_its_hard_limit_says() {
    let place = Place::new();
    let command = serve(&place.data);
    let mut limited = Command::new("/bin/sh");
    limited.args(["-c", "ulimit -Sn 100 && exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
    limited.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    let mut process = Process::start(&mut limited);
    process.says("Cognate listens on http://");
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard] = [0, 1].map(|at| files.split_whitespace().nth(at).unwrap());
    assert_eq!(soft, hard);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mail_outlives_a_crash() {
    let place = Place::new();
    let (blocked, outbox) = (place.file("blocked"), place.file("outbox"));
    fs::create_dir(&blocked).unwrap();
    let with_outbox = |path: &Path| {
        let mut command = serve(&place.data);
        command.env("COGNATE_OUTBOX_FILE", path);
        command
    };
    let mut first = Service::start(&mut with_outbox(&blocked), &place.data);
    let client = first.quickstart.public();
    first.caller.call(client.sign_up_request("alice")).await.unwrap();
    first.process.logs("a message was not delivered");
    first.process.kill();

    let second = Service::start(&mut with_outbox(&outbox), &place.data);
    let code = code_for(&outbox, "alice").await;
    assert_eq!(mail(&outbox).len(), 1);
    let confirmation = api::ConfirmSignUpRequest {
        client_id: Some(client.id.clone()),
        username: Some("alice".to_owned()),
        confirmation_code: Some(code),
        ..Default::default()
    };
    second.caller.call(confirmation).await.unwrap();
}
