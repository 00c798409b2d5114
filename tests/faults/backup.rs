//! Backups of the real binary: taken under load, put back, compared by digest; and what is refused.
//!
//! `COGNATE_BACKUP_USERS` says how many users there are (100,000; with few, the backup is over before anybody can write).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cognate::api::{self, auth_flow};
use cognate::app::Rpc;
use cognate::config::Config;
use cognate::store::records::UserStatus;
use regex::Regex;
use tokio::task::JoinSet;

use crate::process::refused;
use crate::support::fixtures::{PASSWORD, TestClient, initiate_auth};
use crate::support::process::{Caller, Process, Service, cognate, eventually, serve};
use crate::support::{refusal, refusal_of, seed};

/// Users who come and go while the backup is taken.
const WRITERS: u64 = 4;

/// Two data directories and a file between them.
struct Place {
    _directory: tempfile::TempDir,
    first: PathBuf,
    second: PathBuf,
    file: PathBuf,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        Place { first: at("first"), second: at("second"), file: at("backup"), _directory: directory }
    }

    fn serve(&self, data: &Path) -> Service {
        Service::start(&mut serve(data), data)
    }

    fn back_up(&self, data: &Path, file: &Path) -> Command {
        cognate(&["backup", "--output", file.to_str().unwrap()], data)
    }

    fn restore(&self) -> Command {
        cognate(&["restore", self.file.to_str().unwrap()], &self.second)
    }

    /// The second directory, with the key of the first.
    fn with_key(&self) {
        fs::create_dir(&self.second).unwrap();
        fs::copy(self.first.join("key-encryption-key"), self.second.join("key-encryption-key")).unwrap();
    }
}

/// The settings of the processes that are started here.
fn config(data: &Path) -> Config {
    let data = data.to_owned();
    Config { data, password_hash_memory_kib: 64, password_hash_iterations: 1, ..Config::default() }
}

/// The command succeeds; what it prints.
#[track_caller]
fn done(command: &mut Command) -> String {
    let mut process = Process::start(command);
    let is_success = process.end().success();
    assert!(is_success, "{}{}", process.errors().to_owned(), process.output());
    process.output().to_owned()
}

/// The digest of records that a command has printed.
#[track_caller]
fn digest(output: &str) -> String {
    let found = Regex::new("digest ([0-9a-f]{64})").unwrap().captures(output).map(|found| found[1].to_owned());
    found.unwrap_or_else(|| panic!("no digest in: {output}"))
}

fn stop(service: &mut Service) {
    service.process.terminate();
    assert!(service.process.end().success());
}

fn confirmation(client: &TestClient, username: &str) -> api::AdminConfirmSignUpRequest {
    let (user_pool_id, username) = (Some(client.pool.clone()), Some(username.to_owned()));
    api::AdminConfirmSignUpRequest { user_pool_id, username, ..Default::default() }
}

/// Somebody signs up, is confirmed and signs in. Gives the refresh token.
async fn arrives(caller: &Caller, client: &TestClient, username: &str) -> Result<String, tonic::Status> {
    caller.call(client.sign_up_request(username)).await?;
    caller.call(confirmation(client, username)).await?;
    let signed_in = caller.call(client.password_request(username, PASSWORD)).await?;
    Ok(signed_in.authentication_result.unwrap().refresh_token.unwrap())
}

/// What goes on until it is said to be over.
#[derive(Clone, Default)]
struct Load {
    acknowledged: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
}

impl Load {
    fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::SeqCst)
    }

    async fn writes<R>(&self, caller: &Caller, request: R) -> R::Response
    where
        R: Rpc + prost::Message + Default,
        R::Response: prost::Message + Default + 'static,
    {
        let answer = caller.call(request).await.unwrap();
        self.acknowledged.fetch_add(1, Ordering::SeqCst);
        answer
    }

    /// Everything that writes, over and over: users arrive, seeded ones sign in and give their tokens back.
    async fn run(self, caller: Caller, client: TestClient, writer: u64) {
        for number in 0.. {
            if self.over.load(Ordering::SeqCst) {
                return;
            }
            let name = format!("writer-{writer}-{number}");
            self.writes(&caller, client.sign_up_request(&name)).await;
            self.writes(&caller, confirmation(&client, &name)).await;
            let seeded = seed::name((number * WRITERS + writer) * 37 % 100);
            let signed_in = self.writes(&caller, client.password_request(&seeded, PASSWORD)).await;
            let revocation = api::RevokeTokenRequest {
                token: signed_in.authentication_result.unwrap().refresh_token,
                client_id: Some(client.id.clone()),
                ..Default::default()
            };
            self.writes(&caller, revocation).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_is_restored_to_the_same_digest() {
    let users = std::env::var("COGNATE_BACKUP_USERS").map_or(100_000, |users| users.parse().unwrap());
    let place = Place::new();
    let mut service = place.serve(&place.first);
    stop(&mut service);
    let pool = service.quickstart.user_pool_id.clone();
    seed::users(&config(&place.first), &pool, 0..users, UserStatus::Confirmed).await;

    let mut service = place.serve(&place.first);
    let (caller, client) = (service.caller.clone(), service.quickstart.public());
    let refresh_token = arrives(&caller, &client, "before").await.unwrap();
    let (load, mut writers) = (Load::default(), JoinSet::new());
    for writer in 0..WRITERS {
        writers.spawn(load.clone().run(caller.clone(), client.clone(), writer));
    }
    eventually("load", || (load.acknowledged() >= 20).then_some(())).await;
    let begun = load.acknowledged();
    let taken = done(&mut place.back_up(&place.first, &place.file));
    let meanwhile = load.acknowledged() - begun;
    arrives(&caller, &client, "after").await.unwrap();
    load.over.store(true, Ordering::SeqCst);
    writers.join_all().await;
    stop(&mut service);

    place.with_key();
    let restored = done(&mut place.restore());
    assert_eq!(digest(&restored), digest(&taken));
    let examined = done(&mut cognate(&["fsck"], &place.second));
    let found: u64 = Regex::new("([0-9]+) of them users").unwrap().captures(&examined).unwrap()[1].parse().unwrap();
    assert!(found > users, "{examined}");
    // Whoever asks the restored directory itself is told the same.
    let again = place.file.with_extension("again");
    assert_eq!(digest(&done(&mut place.back_up(&place.second, &again))), digest(&taken));
    let verified = done(&mut cognate(&["backup", "verify", place.file.to_str().unwrap()], &place.second));
    assert_eq!(digest(&verified), digest(&taken));

    fs::copy(place.first.join("quickstart.json"), place.second.join("quickstart.json")).unwrap();
    let mut service = place.serve(&place.second);
    let caller = &service.caller;
    for name in ["before".to_owned(), seed::name(0), seed::name(users / 2), seed::name(users - 1)] {
        let signed_in = caller.call(client.password_request(&name, PASSWORD)).await;
        assert!(signed_in.unwrap().authentication_result.is_some(), "{name}");
    }
    let parameters = [("REFRESH_TOKEN", refresh_token)];
    let refresh = initiate_auth(&client, auth_flow::Value::RefreshTokenAuth, parameters);
    let refused = caller.call(refresh).await.unwrap_err();
    assert_eq!(refusal_of(&refused), refusal("NotAuthorizedException", "Invalid Refresh Token"));
    let after = caller.call(confirmation(&client, "after")).await.unwrap_err();
    assert_eq!(refusal_of(&after).exception, "UserNotFoundException", "it is of the time after the backup");
    stop(&mut service);
    println!(
        "{found} users, {} bytes, {meanwhile} writes acknowledged meanwhile: {}",
        fs::metadata(&place.file).unwrap().len(),
        taken.trim_end()
    );
    assert!(meanwhile > 0, "nothing was written while the backup was taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_backed_up_or_restored_or_examined_is_said() {
    let place = Place::new();
    refused(&mut place.back_up(&place.first, &place.file), &["there is no store in it"]);
    refused(&mut cognate(&["fsck"], &place.first), &["there is no store in it"]);
    let mut service = place.serve(&place.first);
    refused(&mut cognate(&["fsck"], &place.first), &["another process has this data directory open"]);
    done(&mut place.back_up(&place.first, &place.file));
    refused(&mut place.back_up(&place.first, &place.file), &["exists already"]);
    refused(&mut cognate(&["restore", place.file.to_str().unwrap()], &place.first), &["another process"]);
    stop(&mut service);

    refused(&mut place.restore(), &["key-encryption-key: put the key-encryption key there first"]);
    fs::remove_dir_all(&place.second).unwrap();
    place.with_key();
    done(&mut place.restore());
    refused(&mut place.restore(), &["is not empty"]);
    fs::write(place.second.join("restoring"), "").unwrap();
    refused(&mut serve(&place.second), &["a restore was interrupted here; run `cognate restore` again"]);
    done(&mut place.restore());
    done(&mut cognate(&["fsck"], &place.second));

    // To a pipe it goes as well, whole, and with the summary beside it.
    let output = cognate(&["backup", "--output", "-"], &place.second).output().unwrap();
    let piped = place.file.with_extension("piped");
    fs::write(&piped, output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let verified = done(&mut cognate(&["backup", "verify", piped.to_str().unwrap()], &place.second));
    assert_eq!(digest(&verified), digest(&said));

    let mut bytes = fs::read(&place.file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&place.file, bytes).unwrap();
    refused(&mut cognate(&["backup", "verify", place.file.to_str().unwrap()], &place.second), &["is damaged between"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_damaged_is_printed_line_by_line_and_ends_with_status_1() {
    let place = Place::new();
    let mut service = place.serve(&place.first);
    stop(&mut service);
    fs::write(place.first.join("access/principals.toml"), "damaged").unwrap();
    fs::write(place.first.join("audit/head"), "damaged").unwrap();
    let mut process = Process::start(&mut cognate(&["fsck"], &place.first));
    assert_eq!(process.end().code(), Some(1));
    let lines: Vec<&str> = process.output().lines().collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("access directory: ") && lines[1].starts_with("audit trail: head: "), "{lines:?}");
    assert!(process.errors().starts_with("cognate: 2 findings in "), "{}", process.errors());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_engine_itself_is_damaged_the_place_is_named_and_the_rest_is_read() {
    const USERS: u64 = 5_000;
    let place = Place::new();
    let mut service = place.serve(&place.first);
    stop(&mut service);
    seed::users(&config(&place.first), &service.quickstart.user_pool_id, 0..USERS, UserStatus::Confirmed).await;
    let whole = done(&mut cognate(&["fsck"], &place.first));
    let db = place.first.join("store/db");
    let bytes = fs::read(&db).unwrap();
    let written: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let (mut read_on, mut users_named) = (0, 0);
    // Before the middle most of the log has been written anew further on, and its end is read whenever it is opened.
    for step in 40..64 {
        let mut flipped = bytes.clone();
        flipped[written[written.len() / 72 * step]] ^= 0x10;
        // The engine changes its files when it opens them.
        fs::remove_dir_all(&place.second).ok();
        copy(&place.first, &place.second);
        fs::write(place.second.join("store/db"), flipped).unwrap();
        let mut process = Process::start(&mut cognate(&["fsck"], &place.second));
        let status = process.end();
        let (output, errors) = (process.output().to_owned(), process.errors().to_owned());
        match status.code() {
            Some(0) => assert_eq!(output, whole, "step {step}: wrong data"),
            Some(1) => assert!(!output.is_empty() && errors.contains(" in "), "step {step}: {output}{errors}"),
            _ => panic!("step {step}: {status} {output}{errors}"),
        }
        let is_read = status.code() == Some(1) && !output.starts_with("store: the store could not be opened");
        read_on += usize::from(is_read);
        users_named += output.lines().filter(|line| is_read && line.contains("its user ")).count();
    }
    println!("{read_on} of 24 flipped bits were found in a store that opens; {users_named} users are named");
    assert!(read_on > 0 && users_named > 0, "no bit was flipped where users are");
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_broken_off_leaves_no_file() {
    let place = Place::new();
    let service = place.serve(&place.first);
    // A server that breaks off: it takes the command and is gone.
    let socket = place.first.join("control.sock");
    fs::remove_file(&socket).unwrap();
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let breaks_off = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        stream.read_exact(&mut [0; 7]).unwrap();
        stream.write_all(b"\0\0\0\x08COGNATE\n").unwrap();
    });
    refused(&mut place.back_up(&place.first, &place.file), &["the server broke off"]);
    breaks_off.join().unwrap();
    assert!(!place.file.exists() && !place.file.with_extension("unfinished").exists());
    drop(service);
}
