//! What the service has acknowledged, kept outside of it, and how each of it is looked for after a crash.
//!
//! Users arrive at once, each with a life of [`Step`]s; the service dies; every step that was acknowledged must have lasted,
//! and the one that was in flight was done whole or not at all. For a new kind of effect: a step, what it leaves in an
//! [`Account`], and what [`Check::holds`] asks about it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cognate::access::audit::verify::verify as verify_trail;
use cognate::api::{self, auth_flow, user_status};
use cognate::app::Rpc;
use cognate::clock::Clock;
use cognate::crypto::keys::{KeyEncryptionKey, Purpose};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic_types::StatusExt as _;

use crate::rotation::Rotation;
use crate::support::fixtures::{PASSWORD, TestClient, WRONG_PASSWORD, attribute, initiate_auth, value_of};
use crate::support::process::{Caller, Quickstart, Service, eventually, pause, serve};
use crate::support::{Mail, audit_trail, refusal_of};

/// Users who arrive at once.
const TASKS: usize = 6;

/// The password that an operator gives to users.
const GIVEN_PASSWORD: &str = "G1ven-0ne!";

/// What users with long records have more to say about themselves than others: some 40 KiB, so that a few of them on one
/// page of the engine make it too large for its log.
const LONG_ATTRIBUTES: [&str; 10] = [
    "address",
    "family_name",
    "gender",
    "given_name",
    "middle_name",
    "name",
    "nickname",
    "picture",
    "profile",
    "website",
];

/// The longest value that an attribute can have, and no other user's.
fn long_value(name: &str) -> String {
    const CHARACTERS_MAX: usize = 2048;
    name.chars().chain(std::iter::repeat('é')).take(CHARACTERS_MAX).collect()
}

/// A service whose tokens outlive a restart on another port, and who gives a slow disk time.
pub fn lasting(data: &Path) -> Command {
    let mut command = serve(data);
    command.env("COGNATE_PUBLIC_URL", "http://cognate.test").env("COGNATE_REQUEST_TIMEOUT_SECONDS", "80");
    command
}

/// What is asked of the service about a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    SignUp,
    /// Asks for another code, so that the first serves no more.
    Resend,
    ConfirmByCode,
    /// Signs in by the session that the confirmation gave.
    UseSession,
    ConfirmByOperator,
    /// An operator gives another password, which also confirms.
    SetPassword,
    SignIn,
    Revoke,
    SignOutEverywhere,
    FailPassword,
    MakeClient,
    DeleteClient,
    MakeRotatingClient,
    /// Signs in through that client.
    SignInToRotate,
    /// Exchanges the newest refresh token, and so uses it up.
    Rotate,
}

/// The lives that users lead, in turn.
const LIVES: [&[Step]; 12] = {
    use Step::*;
    [
        &[SignUp],
        &[SignUp, ConfirmByOperator, SignIn],
        &[SignUp, ConfirmByCode, UseSession],
        &[SignUp, ConfirmByOperator, SignIn, Revoke],
        &[SignUp, Resend],
        &[SignUp, ConfirmByOperator, FailPassword, FailPassword, FailPassword, FailPassword],
        &[SignUp, ConfirmByOperator, SignIn, SignOutEverywhere],
        &[SignUp, SetPassword, SignIn],
        &[SignUp, MakeClient],
        &[SignUp, ConfirmByOperator, SetPassword],
        &[SignUp, MakeClient, DeleteClient],
        &[SignUp, ConfirmByOperator, MakeRotatingClient, SignInToRotate, Rotate, Rotate],
    ]
};

/// What the service has acknowledged about a user.
#[derive(Clone, Debug)]
pub struct Account {
    name: String,
    has_long_record: bool,
    sub: Option<String>,
    /// What the last answer gave to go on with.
    session: Option<String>,
    used_session: Option<String>,
    /// A code that has confirmed the user.
    used_code: Option<String>,
    /// A code in whose place another was sent.
    superseded_code: Option<String>,
    confirmed: bool,
    by_operator: bool,
    /// The password is not the one of the sign-up any more.
    was_given_password: bool,
    refresh_token: Option<String>,
    access_token: Option<String>,
    revoked: bool,
    /// Wrong passwords in a row.
    failures: u32,
    /// A check has found the failures counted, and so locked the user out.
    locked_by_check: bool,
    client: Option<String>,
    client_deleted: bool,
    rotation: Option<Rotation>,
    /// What was asked last, without an answer: it may have been done.
    in_flight: Option<Step>,
    acknowledged: usize,
}

impl Account {
    fn new(name: String, has_long_record: bool) -> Self {
        Account {
            name,
            has_long_record,
            sub: None,
            session: None,
            used_session: None,
            used_code: None,
            superseded_code: None,
            confirmed: false,
            by_operator: false,
            was_given_password: false,
            refresh_token: None,
            access_token: None,
            revoked: false,
            failures: 0,
            locked_by_check: false,
            client: None,
            client_deleted: false,
            rotation: None,
            in_flight: None,
            acknowledged: 0,
        }
    }

    /// What the user is known to say about themselves.
    fn attributes(&self) -> Vec<api::Attribute> {
        let long = LONG_ATTRIBUTES.iter().filter(|_| self.has_long_record);
        let long = long.map(|attribute_name| attribute(attribute_name, &long_value(&self.name)));
        [attribute("email", &format!("{}@example.com", self.name))].into_iter().chain(long).collect()
    }

    /// The password that signs in.
    fn password(&self) -> &'static str {
        if self.was_given_password { GIVEN_PASSWORD } else { PASSWORD }
    }
}

/// Where mail arrives, and from where on it is read.
#[derive(Clone, Debug)]
pub struct Inbox {
    file: PathBuf,
    from: u64,
}

impl Inbox {
    /// What arrives from now on: after the last whole line, since what a crash has left of another will be taken away.
    fn now(file: &Path) -> Self {
        let bytes = std::fs::read(file).unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Inbox { file: file.to_owned(), from: whole as u64 }
    }

    /// Messages, each once, however often it was delivered.
    fn mail(&self) -> Vec<Mail> {
        let bytes = std::fs::read(&self.file).unwrap_or_default();
        let bytes = bytes.get(usize::try_from(self.from).unwrap()..).unwrap_or_default();
        let mut known = HashSet::new();
        // What follows the last line break is still being written.
        let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let mail = lines.map(|line| serde_json::from_slice::<Mail>(line).unwrap());
        mail.filter(|message| known.insert(message.id.clone())).collect()
    }

    /// The codes sent to a user, in their order.
    fn codes(&self, name: &str) -> Vec<String> {
        self.mail().into_iter().filter(|message| message.username == name).map(|message| message.code).collect()
    }
}

/// How a service is spoken to.
#[derive(Clone)]
struct Speaker {
    caller: Caller,
    client: TestClient,
}

impl Speaker {
    fn of(service: &Service) -> Self {
        Speaker { caller: service.caller.clone(), client: service.quickstart.public() }
    }

    async fn call<R>(&self, request: R) -> Result<R::Response, tonic::Status>
    where
        R: Rpc + prost::Message + Default,
        R::Response: prost::Message + Default + 'static,
    {
        self.caller.call(request).await
    }

    /// The name of the exception that refuses it.
    async fn refusal<R>(&self, request: R) -> Option<String>
    where
        R: Rpc + prost::Message + Default,
        R::Response: prost::Message + Default + 'static,
    {
        self.call(request).await.err().map(|status| refusal_of(&status).exception)
    }

    fn sign_up(&self, account: &Account) -> api::SignUpRequest {
        api::SignUpRequest { user_attributes: account.attributes(), ..self.client.sign_up_request(&account.name) }
    }

    fn set_password(&self, name: &str) -> api::AdminSetUserPasswordRequest {
        api::AdminSetUserPasswordRequest {
            user_pool_id: Some(self.client.pool.clone()),
            username: Some(name.to_owned()),
            password: Some(GIVEN_PASSWORD.to_owned()),
            permanent: Some(true),
        }
    }

    fn confirm_by_operator(&self, name: &str) -> api::AdminConfirmSignUpRequest {
        let (user_pool_id, username) = (Some(self.client.pool.clone()), Some(name.to_owned()));
        api::AdminConfirmSignUpRequest { user_pool_id, username, ..Default::default() }
    }

    fn confirm(&self, name: &str, code: &str, session: Option<String>) -> api::ConfirmSignUpRequest {
        api::ConfirmSignUpRequest {
            client_id: Some(self.client.id.clone()),
            username: Some(name.to_owned()),
            confirmation_code: Some(code.to_owned()),
            session,
            ..Default::default()
        }
    }

    fn use_session(&self, name: &str, session: Option<String>) -> api::InitiateAuthRequest {
        let request = initiate_auth(&self.client, auth_flow::Value::UserAuth, [("USERNAME", name.to_owned())]);
        api::InitiateAuthRequest { session, ..request }
    }

    fn refresh(&self, token: &str) -> api::InitiateAuthRequest {
        initiate_auth(&self.client, auth_flow::Value::RefreshTokenAuth, [("REFRESH_TOKEN", token.to_owned())])
    }

    fn revoke(&self, token: &str) -> api::RevokeTokenRequest {
        let (token, client_id) = (Some(token.to_owned()), Some(self.client.id.clone()));
        api::RevokeTokenRequest { token, client_id, ..Default::default() }
    }

    fn user(&self, name: &str) -> api::AdminGetUserRequest {
        let (user_pool_id, username) = (Some(self.client.pool.clone()), Some(name.to_owned()));
        api::AdminGetUserRequest { user_pool_id, username }
    }

    fn delete_client(&self, client: &str) -> api::DeleteUserPoolClientRequest {
        let (user_pool_id, client_id) = (Some(self.client.pool.clone()), Some(client.to_owned()));
        api::DeleteUserPoolClientRequest { user_pool_id, client_id }
    }
}

/// Users who go on until the service is gone.
pub struct Load {
    tasks: JoinSet<Vec<Account>>,
    acknowledged: mpsc::UnboundedReceiver<()>,
    may_end: Arc<AtomicBool>,
}

impl Load {
    /// Lets users in. Their names begin with `prefix`.
    pub fn begin(service: &Service, prefix: &str) -> Self {
        let (acknowledge, acknowledged) = mpsc::unbounded_channel();
        let may_end = Arc::<AtomicBool>::default();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let visitor = Visitor {
                speaker: Speaker::of(service),
                inbox: Inbox::now(&service.quickstart.outbox),
                acknowledge: acknowledge.clone(),
                may_end: may_end.clone(),
            };
            tasks.spawn(visitor.run(format!("{prefix}-{task}"), task));
        }
        Load { tasks, acknowledged, may_end }
    }

    /// Waits for that many acknowledgements. Gives whether they came before the service was gone.
    pub async fn acknowledges(&mut self, count: usize) -> bool {
        for _ in 0..count {
            if self.acknowledged.recv().await.is_none() {
                return false;
            }
        }
        true
    }

    /// From now on requests may remain without an answer; until now, each must have had one.
    pub fn may_end(&self) {
        self.may_end.store(true, Ordering::SeqCst);
    }

    /// What was acknowledged, once the service is gone.
    pub async fn accounts(self) -> Vec<Account> {
        self.tasks.join_all().await.concat()
    }
}

/// One who brings users, one after the other.
struct Visitor {
    speaker: Speaker,
    inbox: Inbox,
    acknowledge: mpsc::UnboundedSender<()>,
    may_end: Arc<AtomicBool>,
}

impl Visitor {
    async fn run(self, prefix: String, offset: usize) -> Vec<Account> {
        let mut accounts = Vec::new();
        loop {
            let number = accounts.len();
            let mut account = Account::new(format!("{prefix}-{number}"), (offset + number).is_multiple_of(2));
            let mut goes_on = true;
            for step in LIVES[(offset * 2 + number) % LIVES.len()] {
                account.in_flight = Some(*step);
                goes_on = self.takes(*step, &mut account).await.is_some();
                if !goes_on {
                    break;
                }
                account.in_flight = None;
                account.acknowledged += 1;
                let _ = self.acknowledge.send(());
            }
            accounts.push(account);
            if !goes_on {
                return accounts;
            }
        }
    }

    /// Asks, and writes down what was acknowledged; nothing if the service was gone before it could answer.
    async fn takes(&self, step: Step, account: &mut Account) -> Option<()> {
        let (speaker, name) = (&self.speaker, account.name.clone());
        match step {
            Step::SignUp => {
                let signed_up = self.answer(speaker.sign_up(account)).await?;
                (account.sub, account.session) = (Some(signed_up.user_sub), signed_up.session);
            }
            Step::Resend => {
                let code = self.first_code(account).await?;
                let (client_id, username) = (Some(speaker.client.id.clone()), Some(name));
                let request = api::ResendConfirmationCodeRequest { client_id, username, ..Default::default() };
                self.answer(request).await?;
                account.superseded_code = Some(code);
            }
            Step::ConfirmByCode => {
                let code = self.first_code(account).await?;
                let confirmed = self.answer(speaker.confirm(&name, &code, account.session.take())).await?;
                (account.confirmed, account.used_code, account.session) = (true, Some(code), confirmed.session);
            }
            Step::UseSession => {
                let session = account.session.take();
                let signed_in = self.answer(speaker.use_session(&name, session.clone())).await?;
                account.used_session = session;
                account.keeps(signed_in);
            }
            Step::ConfirmByOperator => {
                self.answer(speaker.confirm_by_operator(&name)).await?;
                (account.confirmed, account.by_operator) = (true, true);
            }
            Step::SetPassword => {
                self.answer(speaker.set_password(&name)).await?;
                (account.confirmed, account.was_given_password) = (true, true);
            }
            Step::SignIn => {
                let signed_in = self.answer(speaker.client.password_request(&name, account.password())).await?;
                account.keeps(signed_in);
            }
            Step::Revoke => {
                self.answer(speaker.revoke(account.refresh_token.as_deref().unwrap())).await?;
                account.revoked = true;
            }
            Step::SignOutEverywhere => {
                self.answer(api::GlobalSignOutRequest { access_token: account.access_token.clone() }).await?;
                account.revoked = true;
            }
            Step::FailPassword => {
                self.refused(speaker.client.password_request(&name, WRONG_PASSWORD), "NotAuthorizedException").await?;
                account.failures += 1;
            }
            Step::MakeClient => {
                let (user_pool_id, client_name) = (Some(speaker.client.pool.clone()), Some(name));
                let request = api::CreateUserPoolClientRequest { user_pool_id, client_name, ..Default::default() };
                account.client = self.answer(request).await?.user_pool_client.unwrap().client_id;
            }
            Step::DeleteClient => {
                self.answer(speaker.delete_client(account.client.as_deref().unwrap())).await?;
                account.client_deleted = true;
            }
            Step::MakeRotatingClient => {
                let request = Rotation::client_request(&speaker.client.pool, &name);
                account.rotation = Some(Rotation::by(self.answer(request).await?));
            }
            Step::SignInToRotate => {
                let rotation = account.rotation.as_mut().unwrap();
                rotation.began(self.answer(rotation.client.password_request(&name, PASSWORD)).await?);
            }
            Step::Rotate => {
                let rotation = account.rotation.as_mut().unwrap();
                rotation.went_on(self.answer(rotation.request(rotation.newest().unwrap())).await?);
            }
        }
        Some(())
    }

    async fn answer<R>(&self, request: R) -> Option<R::Response>
    where
        R: Rpc + prost::Message + Default,
        R::Response: prost::Message + Default + 'static,
    {
        match self.speaker.call(request).await {
            Ok(answer) => Some(answer),
            Err(status) => self.is_gone(&status),
        }
    }

    async fn refused<R>(&self, request: R, exception: &str) -> Option<()>
    where
        R: Rpc + prost::Message + Default,
        R::Response: prost::Message + Default + std::fmt::Debug + 'static,
    {
        match self.speaker.call(request).await {
            Ok(answer) => panic!("{answer:?}"),
            Err(status) if refusal_of(&status).exception == exception => Some(()),
            Err(status) => self.is_gone(&status),
        }
    }

    /// Makes sure that it was the service's end that stood in the way, and no refusal.
    fn is_gone<T>(&self, status: &tonic::Status) -> Option<T> {
        assert!(self.may_end.load(Ordering::SeqCst), "no answer while the service lives: {status:?}");
        // Nothing is said of a cause, or that it is unknown what was done.
        let is_unknown = status.get_error_details().error_info().is_none_or(|info| info.reason == "INTERNAL_ERROR");
        assert!(is_unknown, "refused: {status:?}");
        None
    }

    /// The code that the sign-up sent, unless the service is gone before it comes.
    async fn first_code(&self, account: &mut Account) -> Option<String> {
        let step = account.in_flight.take();
        loop {
            if let Some(code) = self.inbox.codes(&account.name).into_iter().next() {
                account.in_flight = step;
                return Some(code);
            }
            pause().await;
            // Nobody's token: a question that leaves no trace, and tells by its refusal that the service lives.
            let request = api::GetUserRequest { access_token: Some("a.b.c".to_owned()) };
            self.refused(request, "NotAuthorizedException").await?;
        }
    }
}

impl Account {
    fn keeps(&mut self, signed_in: api::InitiateAuthResponse) {
        let tokens = signed_in.authentication_result.unwrap();
        (self.refresh_token, self.access_token) = (tokens.refresh_token, tokens.access_token);
    }
}

/// Everything that was ever acknowledged over a data directory.
pub struct Ledger {
    data: PathBuf,
    trail: PathBuf,
    accounts: Vec<Account>,
    /// Users who stand in no account.
    others: usize,
    quickstart: Option<Quickstart>,
    in_flight: usize,
    undone: usize,
}

impl Ledger {
    /// Of a service with this data directory and this audit trail.
    pub fn new(data: &Path, trail: &Path) -> Self {
        let (data, trail) = (data.to_owned(), trail.to_owned());
        Ledger { data, trail, accounts: Vec::new(), others: 0, quickstart: None, in_flight: 0, undone: 0 }
    }

    /// So many users were signed up by somebody else.
    pub fn knows_of_others(&mut self, count: usize) {
        self.others += count;
    }

    /// Looks for all that was acknowledged before the last crash.
    pub async fn settles(&mut self, service: &Service, accounts: Vec<Account>) {
        let known = self.quickstart.get_or_insert_with(|| service.quickstart.clone());
        assert_eq!(known.user_pool_id, service.quickstart.user_pool_id, "the first start was forgotten");
        self.in_flight += accounts.iter().filter(|account| account.in_flight.is_some()).count();
        self.undone += accounts.iter().filter(|account| account.sub.is_none()).count();
        let settled = check_all(service, accounts).await;
        self.accounts.extend(settled);
    }

    /// Looks for everything once more, and for what only the end can tell. Ends the service. Gives the figures.
    pub async fn concludes(mut self, mut service: Service) -> String {
        self.accounts = check_all(&service, std::mem::take(&mut self.accounts)).await;
        let request = api::DescribeUserPoolRequest { user_pool_id: Some(service.quickstart.user_pool_id.clone()) };
        let pool = service.caller.call(request).await.unwrap().user_pool.unwrap();
        let users = i32::try_from(self.accounts.len() + self.others).unwrap();
        assert_eq!(pool.estimated_number_of_users(), users, "and nobody else");
        let inbox = Inbox { file: service.quickstart.outbox.clone(), from: 0 };
        let everybody_has_mail = || {
            let names: HashSet<String> = inbox.mail().into_iter().map(|message| message.username).collect();
            self.accounts.iter().all(|account| names.contains(&account.name)).then_some(())
        };
        eventually("the mail of every user", everybody_has_mail).await;
        service.process.terminate();
        assert!(service.process.end().success(), "{}", service.process.errors());
        self.trail_tells_of_operators_writes();
        let acknowledged: usize = self.accounts.iter().map(|account| account.acknowledged).sum();
        let pages = std::fs::read_dir(self.data.join("store/blobs")).unwrap().count();
        format!(
            "{acknowledged} acknowledged effects of {} users held; {} requests were in flight, of which {} sign-ups \
             had not been done; {pages} pages lay beside the log",
            self.accounts.len(),
            self.in_flight,
            self.undone
        )
    }

    /// The trail is whole. A write and its record are never there one without the other.
    fn trail_tells_of_operators_writes(&self) {
        let key = KeyEncryptionKey::read(&self.data.join("key-encryption-key")).unwrap().derive(Purpose::Audit);
        verify_trail(&self.trail, &key, None).unwrap();
        let records = audit_trail(&self.trail);
        let done = |name: &'static str| {
            records.iter().filter(move |record| record["eventName"] == name && record.get("errorCode").is_none())
        };
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let known: HashSet<&String> = self.accounts.iter().filter_map(|account| account.sub.as_ref()).collect();
        let of_known = |name| {
            let subs = done(name).map(|record| text(&record["additionalEventData"]["sub"]));
            sorted(subs.filter(|sub| known.contains(sub)))
        };
        let subs_where = |is_it: fn(&Account) -> bool| {
            sorted(self.accounts.iter().filter(|account| is_it(account)).filter_map(|account| account.sub.clone()))
        };
        assert_eq!(of_known("AdminConfirmSignUp"), subs_where(|account| account.by_operator));
        assert_eq!(of_known("AdminSetUserPassword"), subs_where(|account| account.was_given_password));
        let made: HashSet<String> =
            done("CreateUserPoolClient").map(|record| text(&record["requestParameters"]["clientName"])).collect();
        let deleted: HashSet<String> =
            done("DeleteUserPoolClient").map(|record| text(&record["requestParameters"]["clientId"])).collect();
        for account in self.accounts.iter().filter(|account| account.client.is_some()) {
            assert!(made.contains(&account.name), "no record of the making: {account:?}");
            assert!(deleted.contains(account.client.as_deref().unwrap()), "no record of the deletion: {account:?}");
        }
    }
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts
}

async fn check_all(service: &Service, accounts: Vec<Account>) -> Vec<Account> {
    let (mut checked, mut tasks) = (Vec::new(), JoinSet::new());
    for account in accounts {
        if tasks.len() >= TASKS {
            checked.extend(tasks.join_next().await.map(Result::unwrap));
        }
        let inbox = Inbox { file: service.quickstart.outbox.clone(), from: 0 };
        let check = Check { speaker: Speaker::of(service), inbox };
        tasks.spawn(async move {
            let (mut account, before) = (account.clone(), account);
            let held = check.holds(&mut account).await;
            held.unwrap_or_else(|status| panic!("{status:?}: {before:?}"));
            account
        });
    }
    checked.extend(tasks.join_all().await);
    checked
}

/// Asks a service that has come back.
struct Check {
    speaker: Speaker,
    inbox: Inbox,
}

impl Check {
    /// Everything acknowledged about a user holds. What was in flight was done whole or not at all; it is done now, so that
    /// the account can be checked again.
    async fn holds(&self, account: &mut Account) -> Result<(), tonic::Status> {
        let in_flight = account.in_flight.take();
        if !self.is_known(account).await? {
            return Ok(());
        }
        self.status(account, in_flight).await?;
        self.consumed(account).await?;
        self.tokens(account, in_flight).await?;
        self.password(account, in_flight).await?;
        self.client(account, in_flight).await?;
        match account.rotation.take() {
            Some(rotation) => rotation.holds(&self.speaker.caller, in_flight == Some(Step::Rotate)).await,
            None => Ok(()),
        }
    }

    /// The user is there, or never was: then the name is free, and taken now.
    async fn is_known(&self, account: &mut Account) -> Result<bool, tonic::Status> {
        let found = match self.user(account).await {
            Ok(found) => found,
            Err(status) => {
                assert_eq!(refusal_of(&status).exception, "UserNotFoundException", "{account:?}");
                assert_eq!(account.sub, None, "lost: {account:?}");
                account.sub = Some(self.speaker.call(self.speaker.sign_up(account)).await?.user_sub);
                return Ok(false);
            }
        };
        let sub = value_of(&found.user_attributes, "sub").unwrap().to_owned();
        assert_eq!(account.sub.as_ref().unwrap_or(&sub), &sub, "{account:?}");
        account.sub = Some(sub);
        for expected in account.attributes() {
            let value = value_of(&found.user_attributes, expected.name());
            assert_eq!(value, expected.value.as_deref(), "{}: {account:?}", expected.name());
        }
        Ok(true)
    }

    async fn user(&self, account: &Account) -> Result<api::AdminGetUserResponse, tonic::Status> {
        self.speaker.call(self.speaker.user(&account.name)).await
    }

    async fn status(&self, account: &mut Account, in_flight: Option<Step>) -> Result<(), tonic::Status> {
        match self.user(account).await?.user_status() {
            user_status::Value::Confirmed => {
                let was_in_flight =
                    matches!(in_flight, Some(Step::ConfirmByCode | Step::ConfirmByOperator | Step::SetPassword));
                assert!(account.confirmed || was_in_flight, "confirmed by nobody: {account:?}");
                account.by_operator |= in_flight == Some(Step::ConfirmByOperator);
                // What confirmed must have been done whole.
                account.was_given_password |= !account.confirmed && in_flight == Some(Step::SetPassword);
            }
            user_status::Value::Unconfirmed => {
                assert!(!account.confirmed, "a confirmation was lost: {account:?}");
                match in_flight {
                    Some(Step::ConfirmByOperator) => {
                        self.speaker.call(self.speaker.confirm_by_operator(&account.name)).await?;
                        account.by_operator = true;
                    }
                    Some(Step::SetPassword) => {
                        self.speaker.call(self.speaker.set_password(&account.name)).await?;
                        account.was_given_password = true;
                    }
                    // Half consumed would be neither confirmed nor confirmable.
                    Some(Step::ConfirmByCode) => {
                        let code = self.code(account, 1).await;
                        self.speaker.call(self.speaker.confirm(&account.name, &code, None)).await?;
                    }
                    _ => return Ok(()),
                }
            }
            other => panic!("{other:?}: {account:?}"),
        }
        account.confirmed = true;
        Ok(())
    }

    /// The newest code, once the user has had that many.
    async fn code(&self, account: &Account, count: usize) -> String {
        let codes = || Some(self.inbox.codes(&account.name)).filter(|codes| codes.len() >= count);
        eventually(&format!("code {count} for {}", account.name), codes).await.pop().unwrap()
    }

    /// What has served once does not serve again.
    async fn consumed(&self, account: &mut Account) -> Result<(), tonic::Status> {
        let (speaker, name) = (&self.speaker, &account.name);
        if let Some(code) = &account.used_code {
            let refusal = speaker.refusal(speaker.confirm(name, code, None)).await;
            assert_eq!(refusal.as_deref(), Some("NotAuthorizedException"), "a code came back to life: {account:?}");
        }
        if account.used_session.is_some() {
            let refusal = speaker.refusal(speaker.use_session(name, account.used_session.clone())).await;
            assert_eq!(refusal.as_deref(), Some("NotAuthorizedException"), "a session came back to life: {account:?}");
        }
        if let Some(code) = account.superseded_code.take() {
            let newest = self.code(account, 2).await;
            if newest != code {
                let refusal = speaker.refusal(speaker.confirm(name, &code, None)).await;
                assert_eq!(refusal.as_deref(), Some("CodeMismatchException"), "an old code is back: {account:?}");
            }
            speaker.call(speaker.confirm(name, &newest, None)).await?;
            (account.confirmed, account.used_code) = (true, Some(newest));
        }
        Ok(())
    }

    /// A sign-in serves until it is revoked, and then never again.
    async fn tokens(&self, account: &mut Account, in_flight: Option<Step>) -> Result<(), tonic::Status> {
        let speaker = &self.speaker;
        let Some(refresh_token) = account.refresh_token.clone() else { return Ok(()) };
        let refreshed = speaker.call(speaker.refresh(&refresh_token)).await;
        let is_ending = matches!(in_flight, Some(Step::Revoke | Step::SignOutEverywhere));
        let access_token = account.access_token.take();
        match refreshed {
            Ok(_) => {
                assert!(!account.revoked, "a revocation was lost: {account:?}");
                // It lives for an hour; rounds may go on for longer.
                if let Some(token) = access_token {
                    let user = speaker.call(api::GetUserRequest { access_token: Some(token) }).await?;
                    assert_eq!(user.username, account.name);
                }
                if is_ending {
                    speaker.call(speaker.revoke(&refresh_token)).await?;
                    account.revoked = true;
                }
            }
            Err(status) => {
                assert_eq!(refusal_of(&status).exception, "NotAuthorizedException", "{account:?}");
                assert!(account.revoked || is_ending, "a sign-in was lost: {account:?}");
                account.revoked = true;
                if let Some(token) = access_token {
                    let refusal = speaker.refusal(api::GetUserRequest { access_token: Some(token) }).await;
                    assert_eq!(refusal.as_deref(), Some("NotAuthorizedException"), "a token is back: {account:?}");
                }
            }
        }
        Ok(())
    }

    /// The right password serves; wrong ones are still counted.
    async fn password(&self, account: &mut Account, in_flight: Option<Step>) -> Result<(), tonic::Status> {
        /// The shortest lock; a probe that takes longer tells nothing.
        const LOCK_MILLISECONDS: i128 = 1000;
        /// The first wrong password in a row that locks.
        const LOCKS: u32 = 5;
        let speaker = &self.speaker;
        let sign_in = |password: &str| speaker.client.password_request(&account.name, password);
        if in_flight == Some(Step::SetPassword) && !account.was_given_password {
            // The user had been confirmed before, so only the password can tell.
            if speaker.call(sign_in(GIVEN_PASSWORD)).await.is_err() {
                speaker.call(speaker.set_password(&account.name)).await?;
            }
            account.was_given_password = true;
        }
        let is_locked = account.failures > 0 || account.locked_by_check;
        if account.confirmed && !is_locked {
            if account.was_given_password {
                let refusal = speaker.refusal(sign_in(PASSWORD)).await;
                assert_eq!(refusal.as_deref(), Some("NotAuthorizedException"), "an old password is back: {account:?}");
            }
            let signed_in = speaker.call(sign_in(account.password())).await?;
            assert!(signed_in.authentication_result.is_some());
        }
        if account.failures == 0 {
            return Ok(());
        }
        let (mut counted, mut slow) = (0, 0);
        loop {
            let began = Clock::System.now();
            let wrong = speaker.client.password_request(&account.name, WRONG_PASSWORD);
            let refusal = refusal_of(&speaker.call(wrong).await.unwrap_err());
            match refusal.message.as_str() {
                "Incorrect username or password." => counted += 1,
                "Password attempts exceeded" => break,
                _ => panic!("{refusal:?}: {account:?}"),
            }
            slow += u32::from(Clock::System.now().duration_since(began).as_millis() > LOCK_MILLISECONDS / 2);
        }
        assert!(account.failures + counted - slow <= LOCKS, "{counted} more were free, {slow} were slow: {account:?}");
        let in_flight = u32::from(in_flight == Some(Step::FailPassword));
        assert!(account.failures + in_flight + counted >= LOCKS, "locked after {counted} more: {account:?}");
        (account.failures, account.locked_by_check) = (0, true);
        Ok(())
    }

    /// A client is there until it is deleted, and then never again.
    async fn client(&self, account: &mut Account, in_flight: Option<Step>) -> Result<(), tonic::Status> {
        let Some(client) = account.client.clone() else { return Ok(()) };
        let (user_pool_id, client_id) = (Some(self.speaker.client.pool.clone()), Some(client.clone()));
        let found = self.speaker.call(api::DescribeUserPoolClientRequest { user_pool_id, client_id }).await;
        match found {
            Ok(found) => {
                assert!(!account.client_deleted, "a deletion was lost: {account:?}");
                assert_eq!(found.user_pool_client.unwrap().client_name(), account.name);
                self.speaker.call(self.speaker.delete_client(&client)).await?;
            }
            Err(status) => {
                assert_eq!(refusal_of(&status).exception, "ResourceNotFoundException", "{account:?}");
                let is_deleted = account.client_deleted || in_flight == Some(Step::DeleteClient);
                assert!(is_deleted, "a client was lost: {account:?}");
            }
        }
        account.client_deleted = true;
        Ok(())
    }
}
