//! `kill -9` at any moment loses nothing that was acknowledged.
//!
//! `COGNATE_KILL_ROUNDS` says how often (50), `COGNATE_KILL_SEED` after how many acknowledgements each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cognate::access::audit::verify::verify as verify_trail;
use cognate::api::{self, auth_flow, user_status};
use cognate::crypto::keys::{KeyEncryptionKey, Purpose};
use cognate::rng::Rng;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::support::fixtures::{PASSWORD, TestClient, initiate_auth, value_of};
use crate::support::process::{Caller, Service, eventually, mail, serve};
use crate::support::{audit_trail, refusal_of};

/// Users who arrive at once.
const TASKS: usize = 6;

/// The most acknowledgements before a kill.
const ACKNOWLEDGED_MAX: u8 = 48;

/// What the service has acknowledged about a user, and what it was asked last.
#[derive(Clone, Debug)]
struct Account {
    name: String,
    /// The `sub`, if the sign-up was acknowledged.
    sub: Option<String>,
    confirmed: bool,
    refresh_token: Option<String>,
    /// A request about this user was in flight at the kill: it may have been done.
    unanswered: bool,
}

/// Where requests go and acknowledgements are counted.
#[derive(Clone)]
struct Load {
    caller: Caller,
    client: TestClient,
    acknowledged: mpsc::UnboundedSender<()>,
    killed: Arc<AtomicBool>,
}

impl Load {
    /// What was answered; nothing if the service was killed before it could.
    fn answered<T>(&self, answer: Result<T, tonic::Status>) -> Option<T> {
        match answer {
            Ok(answer) => {
                let _ = self.acknowledged.send(());
                Some(answer)
            }
            Err(status) => {
                assert!(self.killed.load(Ordering::SeqCst), "refused before the kill: {status:?}");
                None
            }
        }
    }

    /// Signs users up, one after the other, until the service is gone: every second one is confirmed and signs in.
    async fn run(self, name: String) -> Vec<Account> {
        let mut accounts = Vec::new();
        loop {
            let name = format!("{name}-{}", accounts.len());
            let goes_on = accounts.len() % 2 == 0;
            accounts.push(Account { name, sub: None, confirmed: false, refresh_token: None, unanswered: true });
            let Some(account) = accounts.last_mut() else { unreachable!() };
            if self.step(account, goes_on).await.is_none() {
                return accounts;
            }
            account.unanswered = false;
        }
    }

    async fn step(&self, account: &mut Account, goes_on: bool) -> Option<()> {
        let sign_up = self.client.sign_up_request(&account.name);
        account.sub = Some(self.answered(self.caller.call(sign_up).await)?.user_sub);
        if goes_on {
            let confirmation = confirmation(&self.client, &account.name);
            self.answered(self.caller.call(confirmation).await)?;
            account.confirmed = true;
            let sign_in = self.client.password_request(&account.name, PASSWORD);
            let signed_in = self.answered(self.caller.call(sign_in).await)?;
            account.refresh_token = signed_in.authentication_result.unwrap().refresh_token;
        }
        Some(())
    }
}

fn confirmation(client: &TestClient, username: &str) -> api::AdminConfirmSignUpRequest {
    api::AdminConfirmSignUpRequest {
        user_pool_id: Some(client.pool.clone()),
        username: Some(username.to_owned()),
        ..Default::default()
    }
}

/// Lets users in until that many requests are acknowledged, then kills the service.
async fn load_and_kill(service: &mut Service, round: usize, acknowledgements: usize) -> Vec<Account> {
    let (acknowledged, mut counted) = mpsc::unbounded_channel();
    let (client, killed) = (service.quickstart.public(), Arc::new(AtomicBool::new(false)));
    let load = Load { caller: service.caller.clone(), client, acknowledged, killed: killed.clone() };
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(load.clone().run(format!("user-{round}-{task}")));
    }
    drop(load);
    for _ in 0..acknowledgements {
        counted.recv().await.unwrap();
    }
    killed.store(true, Ordering::SeqCst);
    service.process.kill();
    tasks.join_all().await.concat()
}

/// Everything acknowledged about a user holds; what was in flight was done whole or not at all.
async fn verify(caller: Caller, client: TestClient, mut account: Account) -> Account {
    let request =
        api::AdminGetUserRequest { user_pool_id: Some(client.pool.clone()), username: Some(account.name.clone()) };
    let found = match caller.call(request).await {
        Ok(found) => found,
        Err(status) => {
            assert_eq!(refusal_of(&status).exception, "UserNotFoundException", "{account:?}");
            assert_eq!(account.sub, None, "lost: {account:?}");
            // Not a trace is left: the name is free.
            account.sub = Some(caller.call(client.sign_up_request(&account.name)).await.unwrap().user_sub);
            return account;
        }
    };
    let sub = value_of(&found.user_attributes, "sub").unwrap().to_owned();
    assert_eq!(account.sub.as_ref().unwrap_or(&sub), &sub, "{account:?}");
    account.sub = Some(sub);
    let email = format!("{}@example.com", account.name);
    assert_eq!(value_of(&found.user_attributes, "email"), Some(email.as_str()), "{account:?}");
    match found.user_status() {
        user_status::Value::Confirmed => {
            assert!(account.confirmed || account.unanswered, "confirmed by nobody: {account:?}");
            let sign_in = client.password_request(&account.name, PASSWORD);
            let signed_in = caller.call(sign_in).await.unwrap_or_else(|status| panic!("{status:?}: {account:?}"));
            assert!(signed_in.authentication_result.is_some());
            account.confirmed = true;
        }
        user_status::Value::Unconfirmed => {
            assert!(!account.confirmed, "a confirmation was lost: {account:?}");
            if account.unanswered {
                caller.call(confirmation(&client, &account.name)).await.unwrap();
                account.confirmed = true;
            }
        }
        other => panic!("{other:?}: {account:?}"),
    }
    if let Some(token) = &account.refresh_token {
        let parameters = [("REFRESH_TOKEN", token.clone())];
        let refresh = initiate_auth(&client, auth_flow::Value::RefreshTokenAuth, parameters);
        caller.call(refresh).await.unwrap_or_else(|status| panic!("{status:?}: {account:?}"));
    }
    account.unanswered = false;
    account
}

async fn verify_all(service: &Service, accounts: Vec<Account>) -> Vec<Account> {
    let (mut verified, mut tasks) = (Vec::new(), JoinSet::new());
    for account in accounts {
        if tasks.len() >= TASKS {
            verified.extend(tasks.join_next().await.map(Result::unwrap));
        }
        tasks.spawn(verify(service.caller.clone(), service.quickstart.public(), account));
    }
    verified.extend(tasks.join_all().await);
    verified
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost() {
    let (rounds, seed) = (number("COGNATE_KILL_ROUNDS", 50) as usize, number("COGNATE_KILL_SEED", 20_260_107));
    let chance = Rng::seeded(seed);
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut service = Service::start(&mut serve(&data), &data);
    let (mut all, mut acknowledged, mut unanswered, mut undone) = (Vec::<Account>::new(), 0, 0, 0);
    for round in 0..rounds {
        let acknowledgements = 1 + usize::from(chance.bytes::<1>()[0] % ACKNOWLEDGED_MAX);
        let accounts = load_and_kill(&mut service, round, acknowledgements).await;
        acknowledged += accounts
            .iter()
            .map(|it| {
                [it.sub.is_some(), it.confirmed, it.refresh_token.is_some()].map(usize::from).iter().sum::<usize>()
            })
            .sum::<usize>();
        unanswered += accounts.iter().filter(|account| account.unanswered).count();
        undone += accounts.iter().filter(|account| account.sub.is_none()).count();
        service = Service::start(&mut serve(&data), &data);
        all.extend(verify_all(&service, accounts).await);
    }
    // Once more, after all those kills: every user of every round, and nobody else.
    let all = verify_all(&service, all).await;
    let request = api::DescribeUserPoolRequest { user_pool_id: Some(service.quickstart.user_pool_id.clone()) };
    let pool = service.caller.call(request).await.unwrap().user_pool.unwrap();
    assert_eq!(pool.estimated_number_of_users(), i32::try_from(all.len()).unwrap());
    // Nobody waits in vain for the mail.
    let everybody_has_mail = || {
        let mail = mail(&service.quickstart.outbox);
        all.iter().all(|account| mail.iter().any(|message| message.username == account.name)).then_some(())
    };
    eventually("the mail of every user", everybody_has_mail).await;
    // The trail is whole, and has every confirmation once: a write and its record are never there one without the other.
    service.process.terminate();
    assert!(service.process.end().success());
    let key = KeyEncryptionKey::read(&data.join("key-encryption-key")).unwrap().derive(Purpose::Audit);
    verify_trail(&data.join("audit"), &key, None).unwrap();
    let is_confirmation =
        |record: &serde_json::Value| record["eventName"] == "AdminConfirmSignUp" && record.get("errorCode").is_none();
    let sub_of = |record: serde_json::Value| record["additionalEventData"]["sub"].as_str().unwrap().to_owned();
    let recorded = audit_trail(&data.join("audit")).into_iter().filter(is_confirmation).map(sub_of);
    let confirmed = all.iter().filter(|account| account.confirmed).filter_map(|account| account.sub.clone());
    let sorted = |subs: &mut dyn Iterator<Item = String>| {
        let mut subs: Vec<String> = subs.collect();
        subs.sort();
        subs
    };
    assert_eq!(sorted(&mut { recorded }), sorted(&mut { confirmed }));
    println!(
        "{rounds} kills (seed {seed}): {acknowledged} acknowledged operations of {} users held; {unanswered} were in \
         flight, of which {undone} sign-ups",
        all.len()
    );
}
