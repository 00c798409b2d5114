//! Whatever a stranger calls, in whatever order, without the mailbox and the password of a user: they never get a token of that
//! user, and never set the user's password.
//!
//! The stranger knows every name and address, has an account and a mailbox of their own, and keeps whatever answers bring. They
//! call every operation that needs no operator, with members drawn from what they know; in between the user lives on: signs in,
//! forgets the password, is reset and disabled by operators. The table of members ([`member`]) is by name, so a new operation
//! takes part by itself, and a new member fails the test until it is said what a stranger would put there.

use std::time::Duration;

use cognate::api::{self, Access, DESCRIPTORS, Op, alias_attribute, user_pool_mfa, username_attribute};
use cognate::domain::ids::{PoolId, Sub};
use cognate::store::{Owner, UserKey, records};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use prost::Message as _;
use prost_types::FileDescriptorSet;
use serde_json::{Map, Value, json};

use crate::support::authenticator::Authenticator;
use crate::support::devices::{TestDevice, Tracking};
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, attribute, claims, hide_users};
use crate::support::srp::{self, Question, SrpClient};
use crate::support::{Credential, Wire, World};

/// Sequences that are tried, each with a user and a stranger of its own.
const SEQUENCES: u32 = 96;

/// The longest sequence.
const STEPS_MAX: usize = 48;

/// Choices that a step can make.
const CHOICES_PER_STEP: usize = 24;

/// What the stranger signs in with, and sets if they can.
const STRANGERS_PASSWORDS: [&str; 2] = ["Str4nger-one!", "Str4nger-two!"];

/// Both pools track devices, and ask whoever has one for nothing else beside the password.
const STANDING_IN: Tracking = Tracking { stands_for_second_factor: true, on_prompt: false };

/// What the user sets when the first one is forgotten.
const USERS_NEXT_PASSWORD: &str = "Us3r-the-next!";

#[test]
fn without_mailbox_and_password_no_sequence_of_operations_gets_a_token_or_sets_a_password() {
    let harmed = try_sequences(Mailbox::TheirOwn);
    assert_eq!(harmed.map_err(|failure| failure.to_string()), Ok(()));
}

/// If this were not so, the other test would prove nothing.
#[test]
fn with_the_mailbox_the_same_sequences_take_the_account_over() {
    let harmed = try_sequences(Mailbox::TheUsersToo).unwrap_err().to_string();
    let is_takeover = ["the stranger set the user's password", "the stranger has a token of the user"];
    assert!(is_takeover.iter().any(|harm| harmed.contains(harm)), "{harmed}");
}

/// Whose messages the stranger reads.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mailbox {
    TheirOwn,
    TheUsersToo,
}

/// One step of a sequence: choices, used up one after the other.
type Step = [u16; CHOICES_PER_STEP];

fn try_sequences(mailbox: Mailbox) -> Result<(), proptest::test_runner::TestError<Vec<Step>>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::new());
    let config = Config {
        cases: SEQUENCES,
        // Of a takeover that is meant to be, the shortest way is of no interest.
        max_shrink_iters: if mailbox == Mailbox::TheirOwn { 64 } else { 0 },
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_107),
        ..Config::default()
    };
    let steps = proptest::collection::vec(any::<Step>(), STEPS_MAX / 2..=STEPS_MAX);
    let number = std::cell::Cell::new(0);
    let tried = TestRunner::new(config).run(&steps, |steps| {
        number.set(number.get() + 1);
        let mut sequence = runtime.block_on(Sequence::new(&stage, number.get(), mailbox));
        let harm = runtime.block_on(async {
            for step in &steps {
                sequence.step(&mut Chance(step.iter())).await?;
            }
            Ok(())
        });
        harm.map_err(|harm: String| TestCaseError::fail(format!("{harm}; before: {:#?}", sequence.done)))
    });
    runtime.block_on(stage.world.stopped());
    tried
}

/// Choices that were made beforehand; when they are used up, the first of everything is chosen.
struct Chance<'a>(std::slice::Iter<'a, u16>);

impl Chance<'_> {
    fn below(&mut self, bound: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or_default()) % bound
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn one_of<'b, T: ?Sized>(&mut self, all: &[&'b T]) -> &'b T {
        all[self.below(all.len())]
    }

    /// One of what is known, mostly the newest.
    fn known(&mut self, known: &[String], otherwise: &str) -> String {
        let at = if self.percent(60) { known.len().saturating_sub(1) } else { self.below(known.len().max(1)) };
        known.get(at).cloned().unwrap_or_else(|| otherwise.to_owned())
    }
}

/// The world in which all sequences take place.
struct Stage {
    world: World,
    /// Clients that hide who exists and clients that do not, of a pool with aliases and of one in which the address is the name.
    clients: [[TestClient; 2]; 2],
    /// Every operation that a stranger can call, with the members of its request.
    operations: Vec<(Op, Vec<String>)>,
}

impl Stage {
    async fn new() -> Self {
        let world = World::new(Wire::Json).await;
        let aliases = world.pool(|request| {
            let names = [alias_attribute::Value::Email, alias_attribute::Value::PreferredUsername];
            request.alias_attributes = names.map(i32::from).to_vec();
            request.device_configuration = Some(STANDING_IN.into());
        });
        let aliases = aliases.await;
        let addresses = world.pool(|request| {
            request.username_attributes = vec![username_attribute::Value::Email.into()];
            request.device_configuration = Some(STANDING_IN.into());
        });
        let addresses = addresses.await;
        let mut clients = Vec::new();
        for pool in [&aliases, &addresses] {
            clients.push([world.client(pool, |_| {}).await, world.client(pool, hide_users).await]);
            let factors = [SecondFactor::SoftwareToken, SecondFactor::Email];
            world.ask_for_second_factors(pool, user_pool_mfa::Value::Optional, &factors).await;
        }
        let clients = clients.try_into().unwrap_or_else(|_| unreachable!("two pools"));
        let public = Op::ALL.iter().copied().filter(|op| op.access() != Access::Operator);
        let operations = public.map(|op| (op, members(op))).collect();
        Stage { world, clients, operations }
    }
}

/// The members that the contract names in an operation's request.
fn members(op: Op) -> Vec<String> {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let name = format!("{}Request", op.name());
    let request = files.iter().flat_map(|file| &file.message_type).find(|message| message.name() == name).unwrap();
    request.field.iter().map(|field| field.json_name().to_owned()).collect()
}

/// What the stranger knows.
struct Known {
    clients: Vec<String>,
    /// Names of the user, and the address.
    users: Vec<String>,
    own_names: Vec<String>,
    own_addresses: Vec<String>,
    codes: Vec<String>,
    access_tokens: Vec<String>,
    refresh_tokens: Vec<String>,
    /// Of the user's device, if there is one, and of their own.
    device_keys: Vec<String>,
    sessions: Vec<String>,
    /// The stranger's own side of SRP, and what they were asked.
    srp: SrpClient,
    questions: Vec<Question>,
    timestamp: String,
    /// What the newest authenticator app of theirs shows.
    app_code: String,
}

/// What a stranger answers to.
const CHALLENGES: [&str; 13] = [
    "DEVICE_SRP_AUTH",
    "DEVICE_PASSWORD_VERIFIER",
    "PASSWORD",
    "PASSWORD_SRP",
    "PASSWORD_VERIFIER",
    "PASSWORD_VERIFIER",
    "SELECT_CHALLENGE",
    "NEW_PASSWORD_REQUIRED",
    "SOFTWARE_TOKEN_MFA",
    "EMAIL_OTP",
    "SELECT_MFA_TYPE",
    "MFA_SETUP",
    "WEB_AUTHN",
];

/// What a stranger puts into a member of this name; nothing, to leave it out.
fn member(name: &str, known: &Known, chance: &mut Chance<'_>) -> Option<Value> {
    let value = match name {
        "ClientId" => json!(chance.known(&known.clients, "")),
        "Username" => json!(username(known, chance)),
        "Password" | "PreviousPassword" | "ProposedPassword" => json!(chance.one_of(&STRANGERS_PASSWORDS)),
        "Code" | "ConfirmationCode" => json!(chance.known(&known.codes, "000000")),
        "ForceAliasCreation" => json!(chance.percent(50)),
        "Session" if chance.percent(60) => json!(chance.known(&known.sessions, &"s".repeat(40))),
        // Mostly one of the two, as the operations want it that take either.
        "AccessToken" if chance.percent(80) => json!(chance.known(&known.access_tokens, "none")),
        "RefreshToken" | "Token" => json!(chance.known(&known.refresh_tokens, "none")),
        "UserCode" => json!(chance.one_of(&[known.app_code.as_str(), known.app_code.as_str(), "000000"])),
        "SMSMfaSettings" | "SoftwareTokenMfaSettings" | "EmailMfaSettings" if chance.percent(60) => {
            json!({"Enabled": chance.percent(50), "PreferredMfa": chance.percent(20)})
        }
        "MFAOptions" if chance.percent(50) => json!([{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]),
        "AuthFlow" => json!(chance.one_of(&["USER_AUTH", "USER_PASSWORD_AUTH", "REFRESH_TOKEN_AUTH", "USER_SRP_AUTH"])),
        "AuthParameters" => auth_parameters(known, chance),
        "ChallengeName" => json!(chance.one_of(&CHALLENGES)),
        "ChallengeResponses" => challenge_responses(known, chance),
        "UserAttributes" => attributes(known, chance),
        "UserAttributeNames" => json!([chance.one_of(&["email", "preferred_username", "nickname", "email_verified"])]),
        "AttributeName" => json!(chance.one_of(&["email", "email", "phone_number"])),
        "DeviceKey" if chance.percent(90) => json!(chance.known(&known.device_keys, "us-east-1_0")),
        "DeviceRememberedStatus" => json!(chance.one_of(&["remembered", "not_remembered"])),
        // g to the power of 1, as of a device whose secret everybody knows.
        "DeviceSecretVerifierConfig" => json!({"Salt": "AQ==", "PasswordVerifier": "Ag=="}),
        // No client here has a secret, nobody has a passkey, and there are no triggers.
        "AccessToken"
        | "AnalyticsMetadata"
        | "ClientMetadata"
        | "ClientSecret"
        | "Credential"
        | "CredentialId"
        | "DeviceKey"
        | "DeviceName"
        | "EmailMfaSettings"
        | "FriendlyDeviceName"
        | "Limit"
        | "MaxResults"
        | "MFAOptions"
        | "NextToken"
        | "PaginationToken"
        | "RevokeAssociatedSessions"
        | "SecretHash"
        | "Session"
        | "SMSMfaSettings"
        | "SoftwareTokenMfaSettings"
        | "UserContextData"
        | "ValidationData"
        | "WebAuthnMfaSettings" => return None,
        other => panic!("what would a stranger put into {other}?"),
    };
    Some(value)
}

fn username(known: &Known, chance: &mut Chance<'_>) -> String {
    if chance.percent(70) { chance.known(&known.users, "") } else { chance.known(&known.own_names, "") }
}

fn auth_parameters(known: &Known, chance: &mut Chance<'_>) -> Value {
    let mut parameters = json!({"USERNAME": username(known, chance)});
    if chance.percent(70) {
        parameters["PASSWORD"] = json!(chance.one_of(&STRANGERS_PASSWORDS));
    }
    if chance.percent(50) {
        parameters["PREFERRED_CHALLENGE"] = json!(chance.one_of(&["PASSWORD", "PASSWORD_SRP"]));
    }
    parameters["SRP_A"] = json!(srp_a(known, chance));
    parameters["REFRESH_TOKEN"] = json!(chance.known(&known.refresh_tokens, "none"));
    if chance.percent(30) {
        parameters["DEVICE_KEY"] = json!(chance.known(&known.device_keys, "us-east-1_0"));
    }
    parameters
}

fn challenge_responses(known: &Known, chance: &mut Chance<'_>) -> Value {
    let (password, other) = (chance.one_of(&STRANGERS_PASSWORDS), chance.one_of(&STRANGERS_PASSWORDS));
    let username = username(known, chance);
    let answer = chance.one_of(&["PASSWORD", "PASSWORD_SRP", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]);
    let mut responses = json!({"USERNAME": username, "ANSWER": answer, "PASSWORD": password, "NEW_PASSWORD": other});
    responses["SOFTWARE_TOKEN_MFA_CODE"] = json!(known.app_code);
    responses["CREDENTIAL"] = json!("{}");
    responses["EMAIL_OTP_CODE"] = json!(chance.known(&known.codes, "000000"));
    if chance.percent(50) {
        responses["DEVICE_KEY"] = json!(chance.known(&known.device_keys, "us-east-1_0"));
    }
    if chance.percent(50) {
        responses["SRP_A"] = json!(srp_a(known, chance));
    }
    if let Some(question) = known.questions.last().filter(|_| chance.percent(70)) {
        if chance.percent(80) {
            responses["USERNAME"] = json!(question.user_id);
        }
        responses["PASSWORD_CLAIM_SECRET_BLOCK"] = json!(question.secret_block);
        responses["PASSWORD_CLAIM_SIGNATURE"] = json!(known.srp.signature(question, password, &known.timestamp));
        responses["TIMESTAMP"] = json!(known.timestamp);
    }
    responses
}

/// The stranger's own number, or one of those that would give the key away.
fn srp_a(known: &Known, chance: &mut Chance<'_>) -> String {
    let bad = ["0".to_owned(), srp::modulus().to_str_radix(16)];
    if chance.percent(80) { known.srp.number() } else { bad[chance.below(bad.len())].clone() }
}

fn attributes(known: &Known, chance: &mut Chance<'_>) -> Value {
    let address = match chance.percent(50) {
        true => chance.known(&known.own_addresses, ""),
        false => chance.known(&known.users, ""),
    };
    let mut attributes = vec![json!({"Name": "email", "Value": address})];
    if chance.percent(20) {
        let protected = chance.one_of(&["email_verified", "sub", "preferred_username", "phone_number_verified"]);
        let value = if protected.ends_with("verified") { "true".to_owned() } else { chance.known(&known.users, "") };
        attributes.push(json!({"Name": protected, "Value": value}));
    }
    json!(attributes)
}

/// A sequence under way.
struct Sequence<'a> {
    stage: &'a Stage,
    mailbox: Mailbox,
    client: TestClient,
    /// The user's name for themselves, their address, and where they stand in the store.
    username: String,
    address: String,
    owner: Owner,
    /// As it was when the user, or an operator, did something last.
    record: records::User,
    known: Known,
    /// What was done so far, for whoever reads of a failure.
    done: Vec<String>,
}

impl<'a> Sequence<'a> {
    async fn new(stage: &'a Stage, number: usize, mailbox: Mailbox) -> Self {
        let clients = &stage.clients[number % stage.clients.len()];
        let (world, client) = (&stage.world, clients[0].clone());
        let (address, own_address) = (format!("user{number}@example.com"), format!("stranger{number}@example.com"));
        let is_address = number % stage.clients.len() == 1;
        let name = |plain: String, address: &String| if is_address { address.clone() } else { plain };
        let username = name(format!("user{number}"), &address);
        let own_name = name(format!("stranger{number}"), &own_address);
        // A name and an address that the stranger may sign up with yet.
        let second_address = format!("second{number}@example.com");
        let second_name = name(format!("second{number}"), &second_address);
        let sub = sign_up(world, &client, &username, &address, PASSWORD).await;
        let own_sub = sign_up(world, &client, &own_name, &own_address, STRANGERS_PASSWORDS[0]).await;
        confirm(world, &client, &own_name, &own_address).await;
        // Every third user has not confirmed the sign-up yet.
        if !number.is_multiple_of(3) {
            confirm(world, &client, &username, &address).await;
        }
        let owner = Owner { pool: PoolId(client.pool.clone()), sub: Sub::parse(&sub).unwrap() };
        let known = Known {
            clients: clients.iter().map(|client| client.id.clone()).collect(),
            users: vec![sub.clone(), address.clone(), username.clone()],
            own_names: vec![own_sub, second_name, own_name],
            own_addresses: vec![second_address, own_address],
            codes: Vec::new(),
            access_tokens: Vec::new(),
            refresh_tokens: Vec::new(),
            device_keys: Vec::new(),
            sessions: Vec::new(),
            srp: SrpClient::new(&client.pool, &world.app.services.rng),
            questions: Vec::new(),
            timestamp: srp::timestamp(world.now()),
            app_code: "000000".to_owned(),
        };
        let record = records::User::default();
        let done = Vec::new();
        let mut sequence = Sequence { stage, mailbox, client, username, address, owner, record, known, done };
        sequence.user_confirms_a_device().await;
        sequence.record = sequence.stored().await.unwrap();
        sequence.stranger_signs_in().await;
        sequence
    }

    /// The user, if they can sign in, has a device, whose key the stranger knows.
    async fn user_confirms_a_device(&mut self) {
        let world = &self.stage.world;
        let request = self.client.password_request(&self.username, PASSWORD);
        if let Ok(response) = world.call(request).await {
            let signed_in = response.authentication_result.unwrap();
            let device: TestDevice = world.confirm_device(&signed_in).await;
            self.known.device_keys.push(device.key);
        }
    }

    /// The stranger signs in with their own name and password, if it still is that.
    async fn stranger_signs_in(&mut self) {
        let own_name = self.known.own_names.last().unwrap();
        let request = self.client.password_request(own_name, STRANGERS_PASSWORDS[0]);
        if let Ok(response) = self.stage.world.call(request).await {
            let tokens = response.authentication_result.unwrap_or_default();
            self.known.access_tokens.extend(tokens.access_token);
            self.known.refresh_tokens.extend(tokens.refresh_token);
            self.known.device_keys.extend(tokens.new_device_metadata.and_then(|device| device.device_key));
        }
    }

    /// Somebody does something. Says what harm it did.
    async fn step(&mut self, chance: &mut Chance<'_>) -> Result<(), String> {
        match chance.below(10) {
            0 => self.user_lives_on(chance).await,
            1 => self.time_passes(chance).await,
            _ => self.stranger_calls(chance).await?,
        }
        Ok(())
    }

    async fn stranger_calls(&mut self, chance: &mut Chance<'_>) -> Result<(), String> {
        let (op, members) = &self.stage.operations[chance.below(self.stage.operations.len())];
        let given = members.iter().filter_map(|name| Some((name.clone(), member(name, &self.known, chance)?)));
        let body = Value::Object(given.collect::<Map<_, _>>());
        let reply = self.stage.world.post(*op, &Credential::None, body.to_string().into_bytes()).await;
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        self.done.push(format!("{} {body}: {} {}", op.name(), reply.status, answer["__type"]));
        self.keep(&answer)?;
        if answer.get("CodeDeliveryDetails").is_some() || answer.get("CodeDeliveryDetailsList").is_some() {
            self.read_mail().await;
        }
        let stored = self.stored().await.ok_or("the stranger deleted the user")?;
        if stored.password_hash != self.record.password_hash {
            return Err(format!("the stranger set the user's password by {}", op.name()));
        }
        // Confirming a user takes the mailbox, and so does all else that changes them.
        if stored != self.record && self.mailbox == Mailbox::TheirOwn {
            return Err(format!("the stranger changed the user by {}", op.name()));
        }
        self.record = stored;
        Ok(())
    }

    /// Keeps what an answer brings. A token of the user is harm.
    fn keep(&mut self, answer: &Value) -> Result<(), String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        self.known.sessions.extend(text(&answer["Session"]));
        let parameters = serde_json::from_value(answer["ChallengeParameters"].clone()).unwrap_or_default();
        self.known.questions.extend(Question::among(&parameters));
        if let Some(secret) = answer["SecretCode"].as_str() {
            self.known.app_code = Authenticator::of(secret).code(self.stage.world.now());
        }
        let result = &answer["AuthenticationResult"];
        self.known.refresh_tokens.extend(text(&result["RefreshToken"]));
        self.known.device_keys.extend(text(&result["NewDeviceMetadata"]["DeviceKey"]));
        for token in ["AccessToken", "IdToken"].iter().filter_map(|name| text(&result[name])) {
            if claims(&token)["sub"] == self.owner.sub.to_string() {
                return Err("the stranger has a token of the user".to_owned());
            }
            self.known.access_tokens.push(token);
        }
        Ok(())
    }

    async fn read_mail(&mut self) {
        let own = |to: &String| self.known.own_addresses.contains(to);
        let reads = |to: &String| own(to) || self.mailbox == Mailbox::TheUsersToo && *to == self.address;
        let mail = self.stage.world.mail().await;
        self.known.codes = mail.into_iter().filter(|message| reads(&message.to)).map(|message| message.code).collect();
    }

    /// The user, or an operator, does something that leaves codes, sessions and states behind.
    async fn user_lives_on(&mut self, chance: &mut Chance<'_>) {
        let (world, client, username, pool) = (&self.stage.world, &self.client, &self.username, &self.client.pool);
        let what = chance.below(8);
        // Much of it is refused in the state that the user is in, or for now; that is no matter.
        match what {
            0 => drop(world.try_password(client, username, PASSWORD).await),
            1 => drop(world.forgot(client, username).await),
            2 => drop(world.resend(client, username).await),
            3 => confirm(world, client, username, &self.address).await,
            4 => {
                if world.forgot(client, username).await.is_ok() {
                    let code = code_to(world, &self.address).await;
                    drop(world.confirm_forgot(client, username, &code, USERS_NEXT_PASSWORD).await);
                }
            }
            5 => drop(world.reset_password(pool, username).await),
            6 => drop(world.set_password(pool, username, PASSWORD).await),
            _ if self.record.enabled => world.disable(pool, username).await,
            _ => world.enable(pool, username).await,
        }
        self.done.push(format!("the user lives on: {what}"));
        self.record = self.stored().await.unwrap();
        if self.mailbox == Mailbox::TheUsersToo {
            self.read_mail().await;
        }
    }

    async fn time_passes(&mut self, chance: &mut Chance<'_>) {
        let seconds = [1, 60, 60 * 60, 25 * 60 * 60][chance.below(4)];
        self.stage.world.advance(Duration::from_secs(seconds));
        self.known.timestamp = srp::timestamp(self.stage.world.now());
        self.done.push(format!("{seconds} seconds pass"));
        self.stranger_signs_in().await;
    }

    async fn stored(&self) -> Option<records::User> {
        let key = UserKey { owner: self.owner.clone() };
        self.stage.world.app.services.store.read(&key).await.unwrap().map(|stored| stored.record)
    }
}

/// Gives the `sub`.
async fn sign_up(world: &World, client: &TestClient, username: &str, address: &str, password: &str) -> String {
    let request = api::SignUpRequest {
        password: Some(password.to_owned()),
        user_attributes: vec![attribute("email", address)],
        ..world.sign_up_request(client, username)
    };
    world.call(request).await.unwrap().user_sub
}

/// Confirms by the newest code that came to the address, if it is one for that.
async fn confirm(world: &World, client: &TestClient, username: &str, address: &str) {
    let code = code_to(world, address).await;
    drop(world.confirm(client, username, &code).await);
}

async fn code_to(world: &World, address: &str) -> String {
    let mail = world.mail().await;
    mail.into_iter().rfind(|message| message.to == address).map(|message| message.code).unwrap_or_default()
}
