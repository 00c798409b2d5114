//! One flipped bit in any file of the data directory: an explicit error or the right data, never wrong data.
//!
//! `COGNATE_FLIPPED_BITS` says how many (40), `COGNATE_FLIPPED_BITS_SEED` which.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use cognate::api::{self, auth_flow};
use cognate::rng::Rng;

use super::number;
use crate::ledger::lasting;
use crate::support::fixtures::{PASSWORD, TestClient, attribute, initiate_auth};
use crate::support::process::{Caller, Process, Service, bare};
use crate::support::refusal_of;

const USERS: usize = 150;

/// Users whom nobody asks about.
const LATECOMERS: usize = 8;

/// How often each user tells more of themselves.
const REVISIONS: usize = 5;

/// By how much the engine's log grows at least while it is open for the last time, so that several of its segments are read
/// again: each but the last, to the engine, ends where it cannot be read.
const REPLAYED_BYTES: u64 = 2 * 512 * 1024;

/// Bits are flipped in what a crash leaves and in what an orderly end leaves.
const ENDS: [fn(&mut Process); 2] = [
    |process| process.kill(),
    |process| {
        process.terminate();
        assert!(process.end().success());
    },
];

/// What an honest directory answers, by question; the refresh tokens that serve.
#[derive(Default)]
struct Truth {
    answers: BTreeMap<String, String>,
    refresh_tokens: Vec<String>,
}

/// What came of one flipped bit.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Right,
    /// An answer was an error that says so.
    Told,
    /// The service would not start, in words.
    Refused,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let (count, seed) =
        (number("COGNATE_FLIPPED_BITS").unwrap_or(40), number("COGNATE_FLIPPED_BITS_SEED").unwrap_or(20_260_107));
    let chance = Rng::seeded(seed);
    let mut outcomes = BTreeMap::<(String, Outcome), usize>::new();
    let mut wrong = Vec::new();
    for (number, end) in ENDS.iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let (good, bad) = (directory.path().join("good"), directory.path().join("bad"));
        let mut truth = Truth::default();
        // Started twice: one half stands in the engine's snapshot, the other in its log alone.
        for half in [0..USERS / 2, USERS / 2..USERS] {
            let mut service = Service::start(&mut lasting(&good), &good);
            let log_bytes = || fs::metadata(good.join("store/db")).unwrap().len();
            let before = log_bytes();
            truth.refresh_tokens.extend(filled(&service, half.clone()).await);
            if half.end == USERS {
                // Of a log whose very end is damaged after a crash, the last commits may be missing: these.
                filled(&service, USERS..USERS + LATECOMERS).await;
                let answers = questions(&service.caller, &service.quickstart.public()).await;
                truth.answers = answers.into_iter().map(|(what, answer)| (what, answer.unwrap())).collect();
            }
            end(&mut service.process);
            assert!(log_bytes() >= before + REPLAYED_BYTES, "the log grew by {} bytes", log_bytes() - before);
        }
        let files = files(&good);
        for _ in (0..count).filter(|flip| *flip as usize % ENDS.len() == number) {
            let _ = fs::remove_dir_all(&bad);
            copy(&good, &bad);
            let file = &files[usize::try_from(u64::from_be_bytes(chance.bytes())).unwrap() % files.len()];
            let at = flip(&bad.join(file), &chance);
            match outcome(&bad, file, &truth).await {
                Ok(outcome) => *outcomes.entry((kind(file), outcome)).or_default() += 1,
                Err(what) => wrong.push(format!("{} byte {at} after end {number}: {what}", file.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}\n{outcomes:?}", wrong.len(), wrong.join("\n"));
    println!("{count} flipped bits (seed {seed}): {outcomes:?}");
}

/// The file's folder, or its name.
fn kind(file: &Path) -> String {
    let kind = file.iter().take(if file.starts_with("store") { 2 } else { 1 }).collect::<PathBuf>();
    kind.display().to_string().split('.').next().unwrap().to_owned()
}

/// Signs users up, each with much to tell; every second one signs in. Gives the refresh tokens.
async fn filled(service: &Service, users: Range<usize>) -> Vec<String> {
    let (client, caller) = (service.quickstart.public(), &service.caller);
    let mut refresh_tokens = Vec::new();
    for number in users {
        let name = format!("user-{number}");
        caller.call(client.sign_up_request(&name)).await.unwrap();
        if number % 2 == 0 {
            let (user_pool_id, username) = (Some(client.pool.clone()), Some(name.clone()));
            let request = api::AdminConfirmSignUpRequest { user_pool_id, username, ..Default::default() };
            caller.call(request).await.unwrap();
            let signed_in = caller.call(client.password_request(&name, PASSWORD)).await.unwrap();
            refresh_tokens.extend(signed_in.authentication_result.unwrap().refresh_token);
        }
        for revision in 0..REVISIONS {
            let tells = |attribute_name| attribute(attribute_name, &format!("{name} {revision} ").repeat(180));
            let (user_pool_id, username) = (Some(client.pool.clone()), Some(name.clone()));
            let user_attributes = ["address", "profile", "website"].map(tells).into();
            let request =
                api::AdminUpdateUserAttributesRequest { user_pool_id, username, user_attributes, ..Default::default() };
            caller.call(request).await.unwrap();
        }
    }
    refresh_tokens
}

/// Reads everything back.
async fn questions(caller: &Caller, client: &TestClient) -> Vec<(String, Result<String, tonic::Status>)> {
    let mut answers = Vec::new();
    for number in 0..USERS {
        let name = format!("user-{number}");
        let (user_pool_id, username) = (Some(client.pool.clone()), Some(name.clone()));
        let answer = caller.call(api::AdminGetUserRequest { user_pool_id, username }).await;
        answers.push((name, answer.map(|answer| format!("{answer:?}"))));
    }
    let user_pool_id = Some(client.pool.clone());
    let answer = caller.call(api::DescribeUserPoolRequest { user_pool_id: user_pool_id.clone() }).await;
    let without_count = |answer: api::DescribeUserPoolResponse| {
        let mut pool = answer.user_pool.unwrap();
        pool.estimated_number_of_users = None;
        format!("{pool:?}")
    };
    answers.push(("the pool".to_owned(), answer.map(without_count)));
    let request = api::ListUserPoolClientsRequest { user_pool_id, max_results: Some(60), ..Default::default() };
    answers.push(("the clients".to_owned(), caller.call(request).await.map(|answer| format!("{answer:?}"))));
    answers
}

/// Starts on a directory and compares; `Err` is what must not be.
async fn outcome(data: &Path, file: &Path, truth: &Truth) -> Result<Outcome, String> {
    if file.starts_with("audit") {
        let mut verify = Process::start(bare(&["audit", "verify"]).arg("--data").arg(data));
        let is_whole = verify.end().success();
        let _ = said(&mut verify)?;
        return Ok(if is_whole { Outcome::Right } else { Outcome::Told });
    }
    let service = match Service::try_start(&mut lasting(data), data) {
        Ok(service) => service,
        Err(mut process) => {
            process.end();
            let said = said(&mut process)?;
            return if said.is_empty() { Err("it ended without a word".to_owned()) } else { Ok(Outcome::Refused) };
        }
    };
    let Service { mut process, caller, quickstart, .. } = service;
    let client = quickstart.public();
    let mut outcome = Outcome::Right;
    let mut errs = |what: &str, status: &tonic::Status| {
        outcome = Outcome::Told;
        let exception = refusal_of(status).exception;
        // Damage that is denied to exist would be wrong data: nobody and nothing may have gone missing.
        let tells = ["InternalErrorException", "UnrecognizedClientException", "AccessDeniedException", "Unavailable"];
        // A pool or key that cannot be read stands in the way of what hangs on it.
        if tells.contains(&exception.as_str()) { Ok(()) } else { Err(format!("{what}: {status:?}")) }
    };
    for (what, answer) in questions(&caller, &client).await {
        match answer {
            Ok(answer) if answer == truth.answers[&what] => {}
            Ok(answer) => return Err(format!("{what}: {answer} rather than {}", truth.answers[&what])),
            Err(status) => errs(&what, &status)?,
        }
    }
    for token in &truth.refresh_tokens {
        let parameters = [("REFRESH_TOKEN", token.clone())];
        if let Err(status) = caller.call(initiate_auth(&client, auth_flow::Value::RefreshTokenAuth, parameters)).await {
            errs("a refresh", &status)?;
        }
    }
    for number in (0..USERS).step_by(2) {
        if let Err(status) = caller.call(client.password_request(&format!("user-{number}"), PASSWORD)).await {
            errs("a sign-in", &status)?;
        }
    }
    process.terminate();
    process.end();
    said(&mut process)?;
    Ok(outcome)
}

/// What a process that has ended said: in lines of the log, and never in a panic's own words.
fn said(process: &mut Process) -> Result<String, String> {
    let said = process.errors().to_owned();
    if said.contains("panicked at") { Err(format!("a panic was shown: {said}")) } else { Ok(said) }
}

/// Every file below a directory whose content matters, by its path in it.
fn files(directory: &Path) -> Vec<PathBuf> {
    fn below(directory: &Path, found: &mut Vec<PathBuf>) {
        let mut paths: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() { below(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    below(directory, &mut found);
    let inside = found.into_iter().map(|path| path.strip_prefix(directory).unwrap().to_owned());
    // Mail that was delivered, facts for scripts, and room are nothing that is read back.
    let aside = ["outbox.jsonl", "quickstart.json", "store/reserve"];
    let mut files: Vec<PathBuf> = inside.filter(|path| !aside.iter().any(|aside| path.ends_with(aside))).collect();
    files.retain(|path| fs::metadata(directory.join(path)).unwrap().len() > 0);
    // Most bytes are in one of them.
    let engine = files.iter().find(|path| path.ends_with("store/db")).unwrap().clone();
    files.extend(vec![engine; files.len()]);
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path() {
            folder if folder.is_dir() => copy(&folder, &target),
            // What a killed server leaves of its socket holds nothing.
            socket if socket.ends_with("control.sock") => {}
            file => assert!(fs::copy(file, target).is_ok()),
        }
    }
}

/// Flips one bit. Gives the byte in which it stands.
fn flip(file: &Path, chance: &Rng) -> usize {
    let mut bytes = fs::read(file).unwrap();
    let at = usize::try_from(u64::from_be_bytes(chance.bytes()) % bytes.len() as u64).unwrap();
    bytes[at] ^= 1 << (chance.bytes::<1>()[0] % 8);
    // The key-encryption key may not be written even by its owner.
    let permissions = fs::metadata(file).unwrap().permissions();
    fs::remove_file(file).unwrap();
    fs::write(file, bytes).unwrap();
    fs::set_permissions(file, permissions).unwrap();
    at
}
