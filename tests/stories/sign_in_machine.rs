//! Whatever is answered, in whatever order: tokens come exactly when every proof that the user needs was given right, one after
//! the other, each on the living session that asked for it.
//!
//! Pools of every kind of MFA, which take passkeys for one factor or for two; users with every combination of factors, passkeys
//! and remembered devices; a driver that begins in every way and answers rightly, wrongly, late, with another session's code or
//! another user's, naming a device, another or none, as another user, at another client, to another challenge than the one asked;
//! and a [`User`] as the test understands the reference, who says beforehand what each answer comes to. The model shares no code
//! with the service.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

use cognate::api::auth_factor::Value as AuthFactor;
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, user_pool_mfa};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use serde_json::Value;

use crate::support::authenticator::Authenticator;
use crate::support::devices::{TestDevice, Tracking, device_proof};
use crate::support::factors::{Answered, Person, email_of, phone_number_of};
use crate::support::fixtures::{
    PASSWORD, SecondFactor, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, attribute, claims, hide_users,
};
use crate::support::passkeys::{Manners, Passkey};
use crate::support::srp::SrpClient;
use crate::support::{START, Wire, World};

/// Sequences that are tried, each with a user of its own.
const SEQUENCES: u32 = 288;

/// The longest sequence.
const STEPS_MAX: usize = 16;

/// Choices that a step can make.
const CHOICES_PER_STEP: usize = 24;

/// What every client's sessions last.
const SESSION_LIFE: Duration = Duration::from_secs(3 * 60);

/// What may be thought of second factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Belief {
    AsTheReferenceSays,
    /// That nobody needs one.
    Unneeded,
}

#[test]
fn tokens_come_exactly_when_every_needed_proof_was_given_right_in_order_on_a_living_session() {
    let (tried, tally) = try_sequences(Belief::AsTheReferenceSays);
    assert_eq!(tried.map_err(|failure| failure.to_string()), Ok(()));
    // Else it would have proved nothing.
    let seen = |what: &str| tally.get(what).copied().unwrap_or_default();
    for what in [
        "DevicePasswordVerifier: Refused",
        "DevicePasswordVerifier: Tokens",
        "DevicePasswordVerifier, after a passkey: Tokens",
        "DevicePasswordVerifier, after a passkey, for two: Refused",
        "DevicePasswordVerifier, after a passkey, for two: Tokens",
        "DeviceSrpAuth: DevicePasswordVerifier",
        "DeviceSrpAuth: Refused",
        "EmailOtp, first: DeviceSrpAuth",
        "EmailOtp, first: Refused",
        "EmailOtp, first: Tokens",
        "EmailOtp, second: Tokens",
        "EmailOtp, set up: Tokens",
        "NewPasswordRequired: Tokens",
        "NewPasswordRequired: MfaSetup",
        "NewPasswordRequired: SoftwareTokenMfa",
        "Password: DeviceSrpAuth",
        "Password: Tokens",
        "Password: Refused",
        "SelectChallenge: Tokens",
        "SelectChallenge: SelectMfaType",
        "SelectChallenge: SmsOtp",
        "SelectChallenge: WebAuthn",
        "SelectMfaType: SoftwareTokenMfa",
        "SmsMfa: Tokens",
        "SmsMfa: Refused",
        "SmsOtp: Tokens",
        "SoftwareTokenMfa: DeviceSrpAuth",
        "SoftwareTokenMfa: Tokens",
        "SoftwareTokenMfa: Refused",
        "WebAuthn: DeviceSrpAuth",
        "WebAuthn: Tokens",
        "WebAuthn: Refused",
        "WebAuthn, for two: DeviceSrpAuth",
        "WebAuthn, for two: Tokens",
        "WebAuthn, for two: Refused",
    ] {
        assert!(seen(what) > 0, "{what} was never seen among {tally:#?}");
    }
}

/// If this were not so, the other test would prove nothing.
#[test]
fn a_model_that_knows_nothing_of_second_factors_is_soon_contradicted() {
    let failure = try_sequences(Belief::Unneeded).0.unwrap_err().to_string();
    assert!(failure.contains("Tokens"), "{failure}");
}

/// One step of a sequence: choices, used up one after the other.
type Step = [u16; CHOICES_PER_STEP];

type Tried = Result<(), proptest::test_runner::TestError<(u16, Vec<Step>)>>;

/// How often each challenge led where.
type Tally = BTreeMap<String, u32>;

fn try_sequences(belief: Belief) -> (Tried, Tally) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let stage = runtime.block_on(Stage::new());
    let config = Config {
        cases: SEQUENCES,
        // Of a contradiction that is meant to be, the shortest is of no interest.
        max_shrink_iters: if belief == Belief::AsTheReferenceSays { 64 } else { 0 },
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20_260_107),
        ..Config::default()
    };
    let steps = (any::<u16>(), proptest::collection::vec(any::<Step>(), STEPS_MAX / 2..=STEPS_MAX));
    let number = Cell::new(0);
    let tried = TestRunner::new(config).run(&steps, |(makeup, steps)| {
        number.set(number.get() + 1);
        let mut sequence = runtime.block_on(Sequence::new(&stage, number.get(), makeup, belief));
        let contradiction = runtime.block_on(async {
            for step in &steps {
                sequence.step(&mut Chance(step.iter())).await?;
            }
            Ok(())
        });
        contradiction.map_err(|contradiction: String| {
            TestCaseError::fail(format!("{contradiction}; of {:#?}; before: {:#?}", sequence.user, sequence.done))
        })
    });
    let tally = stage.tally.take();
    runtime.block_on(stage.world.stopped());
    (tried, tally)
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

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A pool, with a client that tells who exists and one that does not.
struct Pool {
    id: String,
    clients: [TestClient; 2],
    mfa: user_pool_mfa::Value,
    second_factors: &'static [SecondFactor],
    begins_by_code: bool,
    devices: Option<Tracking>,
    passkeys: Passkeys,
}

/// For how many factors passkeys stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passkeys {
    One,
    Two,
}

/// The domain that passkeys are for.
const RELYING_PARTY: &str = "auth.example.com";

/// The world in which all sequences take place.
struct Stage {
    world: World,
    pools: Vec<Pool>,
    /// How much of the outbox file has been read.
    read: Cell<usize>,
    tally: RefCell<Tally>,
}

impl Stage {
    async fn new() -> Self {
        use SecondFactor::{Email, Sms, SoftwareToken};
        use user_pool_mfa::Value::{Off, On, Optional};
        let world = World::at(Wire::Json, START.parse().unwrap(), |config| {
            config.messages_per_pool_hour_max = 1_000_000;
        });
        let world = world.await;
        let tracks = |stands_for_second_factor| Some(Tracking { stands_for_second_factor, on_prompt: false });
        let kinds: [(_, &'static [SecondFactor], _, _, _); 6] = [
            (Off, &[], true, tracks(false), Passkeys::One),
            (Optional, &[Sms, SoftwareToken, Email], true, tracks(true), Passkeys::Two),
            (Optional, &[Sms, SoftwareToken, Email], false, None, Passkeys::One),
            (On, &[Sms, SoftwareToken, Email], true, tracks(false), Passkeys::Two),
            (On, &[SoftwareToken, Email], false, tracks(true), Passkeys::Two),
            (On, &[Email], false, tracks(true), Passkeys::One),
        ];
        let mut pools = Vec::new();
        for (mfa, second_factors, begins_by_code, devices, passkeys) in kinds {
            let codes: &[AuthFactor] = if begins_by_code { &[AuthFactor::EmailOtp, AuthFactor::SmsOtp] } else { &[] };
            let id = world.pool_with_first_factors(&[codes, &[AuthFactor::WebAuthn]].concat()).await;
            if mfa != Off {
                world.ask_for_second_factors(&id, mfa, second_factors).await;
            }
            if let Some(tracking) = devices {
                world.track_devices(&id, tracking).await;
            }
            world.take_passkeys(&id, RELYING_PARTY, passkeys == Passkeys::Two).await;
            let clients = [world.client(&id, |_| {}).await, world.client(&id, hide_users).await];
            pools.push(Pool { id, clients, mfa, second_factors, begins_by_code, devices, passkeys });
        }
        Stage { world, pools, read: Cell::default(), tally: RefCell::default() }
    }

    /// The newest code that has come to this address since the last look.
    async fn code_to(&self, address: &str) -> Option<String> {
        let mut read = self.read.get();
        let mail = self.world.mail_since(&mut read).await;
        self.read.set(read);
        mail.into_iter().rfind(|message| message.to == address).map(|message| message.code)
    }
}

/// What a proof was of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    Password,
    /// A code to begin by.
    FirstCode,
    /// A passkey, as one factor or as two.
    Passkey(Passkeys),
    SecondFactor,
    Device,
}

/// The device that a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    /// The user's.
    Own,
    /// One that the user does not have.
    Foreign,
}

/// What an answer comes to.
#[derive(Clone, Debug)]
enum Outcome {
    Tokens,
    Asked(Question),
    Refused,
}

impl Outcome {
    fn name(&self) -> String {
        match self {
            Outcome::Tokens => "Tokens".to_owned(),
            Outcome::Asked(question) => format!("{:?}", question.challenge),
            Outcome::Refused => "Refused".to_owned(),
        }
    }
}

/// What a session asks for.
#[derive(Clone, Debug)]
struct Question {
    challenge: ChallengeName,
    /// What was proved on the way to it.
    proofs: Vec<Proof>,
    /// The address that becomes the user's with the code.
    set_up: Option<String>,
    /// Whether the user's device was named on the way.
    names_device: bool,
}

impl Question {
    fn of(challenge: ChallengeName, proofs: &[Proof], names_device: bool) -> Outcome {
        Outcome::Asked(Question { challenge, proofs: proofs.to_vec(), set_up: None, names_device })
    }

    fn is_second(&self) -> bool {
        self.proofs.contains(&Proof::Password)
    }

    fn name(&self) -> String {
        match self.challenge {
            ChallengeName::EmailOtp if self.set_up.is_some() => "EmailOtp, set up".to_owned(),
            ChallengeName::EmailOtp if self.is_second() => "EmailOtp, second".to_owned(),
            ChallengeName::EmailOtp => "EmailOtp, first".to_owned(),
            other if self.follows_passkey() => format!("{other:?}, after a passkey"),
            other => format!("{other:?}"),
        }
    }

    fn follows_passkey(&self) -> bool {
        matches!(self.proofs.first(), Some(Proof::Passkey(_)))
    }
}

/// A session as the service gave it.
#[derive(Clone, Debug)]
struct Session {
    text: String,
    client: usize,
    expires_at: Timestamp,
    is_used: bool,
    question: Question,
    /// How many passwords the user had had.
    passwords: u32,
    /// The code that was sent for it.
    code: Option<String>,
    /// Where it waits for the proof of a device: the driver's side of it, and the reply.
    exchange: Option<(SrpClient, api::RespondToAuthChallengeResponse)>,
    /// What a passkey is to sign.
    options: Option<Value>,
}

/// A user as the reference has them.
#[derive(Debug)]
struct User {
    belief: Belief,
    mfa: user_pool_mfa::Value,
    allowed: &'static [SecondFactor],
    begins_by_code: bool,
    devices: Option<Tracking>,
    passkeys: Passkeys,
    has_passkey: bool,
    password: Option<&'static str>,
    password_is_temporary: bool,
    /// How many passwords there have been.
    passwords: u32,
    email: Option<String>,
    phone_number: Option<String>,
    turned_on: Vec<SecondFactor>,
    preferred: Option<SecondFactor>,
    last_used_step: i64,
    failures: u32,
    last_try_at: Timestamp,
    locked_until: Timestamp,
}

impl User {
    fn usable(&self) -> Vec<SecondFactor> {
        let all = [SecondFactor::Sms, SecondFactor::SoftwareToken, SecondFactor::Email].into_iter();
        all.filter(|factor| self.allowed.contains(factor) && self.turned_on.contains(factor)).collect()
    }

    fn needs_second_factor(&self) -> bool {
        match (self.belief, self.mfa) {
            (Belief::Unneeded, _) => false,
            (_, user_pool_mfa::Value::On) => true,
            (_, user_pool_mfa::Value::Optional) => !self.usable().is_empty(),
            _ => false,
        }
    }

    /// By what the user may begin, through a client that hides who exists or does not.
    fn available(&self, is_hidden: bool) -> Vec<ChallengeName> {
        let takes_codes = self.begins_by_code && !self.needs_second_factor() && !self.password_is_temporary;
        let mut available = Vec::new();
        if self.password.is_some() || is_hidden {
            available.push(ChallengeName::Password);
        }
        if takes_codes && self.email.is_some() {
            available.push(ChallengeName::EmailOtp);
        }
        if takes_codes && self.phone_number.is_some() {
            available.push(ChallengeName::SmsOtp);
        }
        let is_enough = self.passkeys == Passkeys::Two || !self.needs_second_factor();
        if self.has_passkey && is_enough && !self.password_is_temporary {
            available.push(ChallengeName::WebAuthn);
        }
        available
    }

    /// Whether the device is named with these requests, the one before and this one. Nothing, if that is refused.
    fn names_device(&self, before: bool, now: Option<Named>) -> Option<bool> {
        match now.filter(|_| self.devices.is_some()) {
            Some(Named::Foreign) => None,
            Some(Named::Own) => Some(true),
            None => Some(before && self.devices.is_some()),
        }
    }

    /// Uses a passkey, where one that is right is enough.
    fn uses_passkey(&mut self, now: Timestamp, used: &Use, device: Option<Named>) -> (bool, Outcome) {
        let must_stand_for_two = self.passkeys == Passkeys::Two && self.needs_second_factor();
        let is_right = used.is_right && (used.is_verified || !must_stand_for_two);
        let proofs = [Proof::Passkey(if used.is_verified { self.passkeys } else { Passkeys::One })];
        let then = match is_right {
            true => self.with_device(false, device, |names_device| self.last_step(&proofs, names_device)),
            false => Outcome::Refused,
        };
        self.tries(now, is_right, then)
    }

    /// What follows a proof, with the device that is named, if that may be named.
    fn with_device(&self, before: bool, now: Option<Named>, follows: impl Fn(bool) -> Outcome) -> Outcome {
        self.names_device(before, now).map_or(Outcome::Refused, follows)
    }

    fn after_password(&self, names_device: bool) -> Outcome {
        match self.password_is_temporary {
            true => Question::of(ChallengeName::NewPasswordRequired, &[Proof::Password], names_device),
            false => self.after_first_proof(&[Proof::Password], names_device),
        }
    }

    fn after_first_proof(&self, proofs: &[Proof], names_device: bool) -> Outcome {
        if !self.needs_second_factor() {
            return self.last_step(proofs, names_device);
        }
        let usable = self.usable();
        let preferred = self.preferred.filter(|preferred| usable.contains(preferred)).map(challenge_of);
        let challenge = preferred.unwrap_or(match (usable.as_slice(), self.fallback()) {
            ([], Some(factor)) | ([factor], _) => challenge_of(*factor),
            ([], None) => ChallengeName::MfaSetup,
            _ => ChallengeName::SelectMfaType,
        });
        let stands = self.devices.is_some_and(|tracking| tracking.stands_for_second_factor);
        if names_device && stands && challenge != ChallengeName::MfaSetup {
            return self.last_step(proofs, true);
        }
        Question::of(challenge, proofs, names_device)
    }

    /// What follows when nothing but the device can be left.
    fn last_step(&self, proofs: &[Proof], names_device: bool) -> Outcome {
        match names_device {
            true => Question::of(ChallengeName::DeviceSrpAuth, proofs, true),
            false => self.tokens_for(proofs),
        }
    }

    /// Whether a device is what is left to prove after these proofs.
    fn still_asks_for_device(&self, proofs: &[Proof]) -> bool {
        let is_left = |outcome: Outcome| matches!(outcome, Outcome::Asked(question) if question.challenge == ChallengeName::DeviceSrpAuth);
        let is_second = |proof: &Proof| matches!(proof, Proof::SecondFactor | Proof::Passkey(Passkeys::Two));
        proofs.iter().any(is_second) || is_left(self.after_first_proof(proofs, true))
    }

    /// What is asked for where the pool insists and the user has turned nothing on.
    fn fallback(&self) -> Option<&'static SecondFactor> {
        self.allowed.iter().find(|factor| match factor {
            SecondFactor::Sms => self.phone_number.is_some(),
            SecondFactor::Email => self.email.is_some(),
            SecondFactor::SoftwareToken => false,
        })
    }

    /// Tokens, for proofs that must be enough.
    fn tokens_for(&self, proofs: &[Proof]) -> Outcome {
        let stands = self.devices.is_some_and(|tracking| tracking.stands_for_second_factor);
        let (proved, device) = match proofs.split_last() {
            Some((Proof::Device, proved)) => (proved, true),
            _ => (proofs, false),
        };
        let enough: &[&[Proof]] = match (self.needs_second_factor(), device && stands) {
            (true, false) => &[&[Proof::Password, Proof::SecondFactor], &[Proof::Passkey(Passkeys::Two)]],
            (true, true) => {
                &[&[Proof::Password], &[Proof::Password, Proof::SecondFactor], &[Proof::Passkey(Passkeys::Two)]]
            }
            (false, _) => &[
                &[Proof::Password],
                &[Proof::FirstCode],
                &[Proof::Passkey(Passkeys::One)],
                &[Proof::Passkey(Passkeys::Two)],
                &[Proof::Password, Proof::SecondFactor],
            ],
        };
        assert!(enough.contains(&proved), "{proofs:?} of {self:?}");
        Outcome::Tokens
    }

    /// Tries a proof, which leads to `then` if it is right. Says whether it was judged right.
    fn tries(&mut self, now: Timestamp, is_right: bool, then: Outcome) -> (bool, Outcome) {
        const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);
        if now < self.locked_until {
            return (false, Outcome::Refused);
        }
        if now >= self.last_try_at + FORGOTTEN_AFTER {
            self.failures = 0;
        }
        self.last_try_at = now;
        match (is_right, &then) {
            (true, Outcome::Tokens) => self.failures = 0,
            (true, _) => {}
            (false, _) => {
                self.failures += 1;
                let seconds = if self.failures < 5 { 0 } else { (1 << (self.failures - 5)).min(15 * 60) };
                self.locked_until = now + Duration::from_secs(seconds);
            }
        }
        // What is refused after a right proof spends nothing.
        let is_spent = is_right && !matches!(then, Outcome::Refused);
        if is_right { (is_spent, then) } else { (false, Outcome::Refused) }
    }

    fn tries_password(&mut self, now: Timestamp, password: &str, device: Option<Named>) -> (bool, Outcome) {
        let then = self.with_device(false, device, |names_device| self.after_password(names_device));
        self.tries(now, self.password == Some(password), then)
    }

    /// Begins by choice.
    fn chooses(
        &mut self,
        now: Timestamp,
        is_hidden: bool,
        choice: ChallengeName,
        password: Option<&str>,
        device: Option<Named>,
    ) -> (bool, Outcome) {
        match (choice, password) {
            _ if !self.available(is_hidden).contains(&choice) => (false, Outcome::Refused),
            (ChallengeName::Password, Some(password)) => self.tries_password(now, password, device),
            (choice, _) => (true, Question::of(choice, &[], false)),
        }
    }

    /// Whether the user can still give an address to be sent codes to.
    fn may_set_up_email(&self) -> bool {
        self.usable().is_empty() && self.allowed.contains(&SecondFactor::Email) && self.email.is_none()
    }

    /// Whether the second factor is still one that would be asked for.
    fn still_asks_for(&self, question: &Question) -> bool {
        let usable = self.usable();
        match usable.is_empty() {
            _ if question.set_up.is_some() => self.may_set_up_email(),
            true => self.fallback().is_some_and(|factor| challenge_of(*factor) == question.challenge),
            false => usable.into_iter().any(|factor| challenge_of(factor) == question.challenge),
        }
    }
}

fn challenge_of(factor: SecondFactor) -> ChallengeName {
    match factor {
        SecondFactor::Sms => ChallengeName::SmsMfa,
        SecondFactor::SoftwareToken => ChallengeName::SoftwareTokenMfa,
        SecondFactor::Email => ChallengeName::EmailOtp,
    }
}

/// What is sent with an answer. Every kind of answer goes along always: it is the service that must take the one it asked for.
struct Given {
    choice: &'static str,
    password: Option<&'static str>,
    code: String,
    address: String,
    device: Option<Named>,
    /// Whether a device proves its own secret.
    device_is_right: bool,
    use_of_passkey: Use,
}

/// The use of a passkey.
struct Use {
    /// The answer, in JSON.
    credential: String,
    /// Whether it is of the user's passkey and what the session asks for.
    is_right: bool,
    /// Whether the device has made sure of its user.
    is_verified: bool,
}

/// A sequence under way.
struct Sequence<'a> {
    stage: &'a Stage,
    pool: &'a Pool,
    username: String,
    sub: String,
    app: Authenticator,
    /// The user's passkey, and another user's.
    passkeys: [Passkey; 2],
    user: User,
    /// The user's device, and the other's; or, where none are tracked, what is named as such.
    devices: [TestDevice; 2],
    sessions: Vec<Session>,
    /// Another user's name, session and codes.
    other: (String, String, Vec<String>),
    /// Addresses that were given.
    addresses: usize,
    /// What was done so far, for whoever reads of a failure.
    done: Vec<String>,
}

impl<'a> Sequence<'a> {
    async fn new(stage: &'a Stage, number: usize, makeup: u16, belief: Belief) -> Self {
        let pool = &stage.pools[number % stage.pools.len()];
        let (world, client) = (&stage.world, &pool.clients[0]);
        let (username, other) = (format!("user{number}"), format!("other{number}"));
        let has = |bit: u16| makeup & (1 << bit) != 0;
        let (email, phone_number) = (has(0).then(|| email_of(&username)), has(1).then(|| phone_number_of(&username)));
        let has_means = |factor: &SecondFactor| match factor {
            SecondFactor::Sms => has(1) && has(2),
            SecondFactor::Email => has(0) && has(3),
            SecondFactor::SoftwareToken => has(4),
        };
        let turned_on: Vec<_> = pool.second_factors.iter().copied().filter(has_means).collect();
        let preferred =
            pool.second_factors.iter().copied().chain([SecondFactor::Sms]).nth(usize::from(makeup >> 5) % 4);
        let preferred = preferred.filter(|_| has(8));
        let insists = pool.mfa == user_pool_mfa::Value::On;
        let begins_by_code = pool.begins_by_code && !insists && turned_on.is_empty();
        let needs_password = !begins_by_code || email.is_none() && phone_number.is_none();
        let password = if needs_password || has(9) { Some(PASSWORD) } else { None };
        let password_is_temporary = password.is_some() && has(10) && has(11);
        for name in [&username, &other] {
            let created = world.create_user(&pool.id, name, |request| {
                let verified = |name: &str, value: String| {
                    [attribute(name, &value), attribute(&format!("{name}_verified"), "true")]
                };
                request.user_attributes = Vec::new();
                let (email, phone_number) =
                    (email.as_ref().map(|_| email_of(name)), phone_number.as_ref().map(|_| phone_number_of(name)));
                request.user_attributes.extend(email.into_iter().flat_map(|email| verified("email", email)));
                request
                    .user_attributes
                    .extend(phone_number.into_iter().flat_map(|number| verified("phone_number", number)));
                request.temporary_password = password.map(|_| TEMPORARY_PASSWORD.to_owned());
            });
            created.await.unwrap();
            if password.is_some() && !password_is_temporary {
                world.set_password(&pool.id, name, PASSWORD).await.unwrap();
            }
            world.give_authenticator(client, name).await;
            world.turn_on(client, name, &turned_on, preferred).await;
        }
        let has_passkey = has(12) || has(13);
        // Whoever has none keeps one that is for another domain.
        let relying_party = if has_passkey { RELYING_PARTY } else { "example.com" };
        let passkeys = [
            world.give_passkey(client, &username, relying_party).await,
            world.give_passkey(client, &other, RELYING_PARTY).await,
        ];
        let password = if password_is_temporary { Some(TEMPORARY_PASSWORD) } else { password };
        let user = User {
            belief,
            mfa: pool.mfa,
            allowed: pool.second_factors,
            begins_by_code: pool.begins_by_code,
            devices: pool.devices,
            passkeys: pool.passkeys,
            has_passkey,
            password,
            password_is_temporary,
            passwords: 0,
            email,
            phone_number,
            turned_on,
            preferred,
            last_used_step: 0,
            failures: 0,
            last_try_at: Timestamp::UNIX_EPOCH,
            locked_until: Timestamp::UNIX_EPOCH,
        };
        let devices = [world.give_device(client, &username).await, world.give_device(client, &other).await];
        let others_app = world.authenticator_of(client, &other).await;
        let begun = world.person(client, &other);
        let begun = match password {
            Some(password) => begun.proves_password(password).await,
            None => begun.prefers(if user.email.is_some() { "EMAIL_OTP" } else { "SMS_OTP" }).await,
        };
        let mut codes = vec![others_app.code(world.now())];
        codes.extend(stage.code_to(&email_of(&other)).await);
        let others_session = begun.unwrap().session.unwrap_or_default();
        Sequence {
            stage,
            pool,
            sub: world.owner(client, &username).await.sub.to_string(),
            app: world.authenticator_of(client, &username).await,
            passkeys,
            username,
            user,
            devices,
            sessions: Vec::new(),
            other: (other, others_session, codes),
            addresses: 0,
            done: Vec::new(),
        }
    }

    fn now(&self) -> Timestamp {
        self.stage.world.now()
    }

    /// Somebody does something. Says how the service contradicts the model.
    async fn step(&mut self, chance: &mut Chance<'_>) -> Result<(), String> {
        // Messages are told apart by their times.
        self.stage.world.advance(Duration::from_millis(1));
        match chance.below(10) {
            0 => {
                let seconds = chance.one_of(&[1, 31, 31, 200, 16 * 60]);
                self.stage.world.advance(Duration::from_secs(seconds));
                self.done.push(format!("{seconds} seconds pass"));
                Ok(())
            }
            1..=3 => self.begins(chance).await,
            _ if self.sessions.is_empty() => self.begins(chance).await,
            _ => self.answers(chance).await,
        }
    }

    /// Somebody with the user's name, at a client, themselves or through a back end.
    fn person<'b>(&'b self, username: &'b str, client: usize, by_back_end: bool) -> Person<'b> {
        let person = self.stage.world.person(&self.pool.clients[client], username);
        Person { by_back_end, ..person }
    }

    /// A password, mostly the right one.
    fn password(&self, chance: &mut Chance<'_>) -> &'static str {
        match self.user.password.filter(|_| chance.percent(65)) {
            Some(password) => password,
            None => chance.one_of(&[WRONG_PASSWORD, PASSWORD, TEMPORARY_PASSWORD]),
        }
    }

    /// A device to name: mostly the user's, where it is.
    fn named(chance: &mut Chance<'_>) -> Option<Named> {
        let named = if chance.percent(85) { Named::Own } else { Named::Foreign };
        Some(named).filter(|_| chance.percent(40))
    }

    fn key_of(&self, device: Named) -> &str {
        match device {
            Named::Own => &self.devices[0].key,
            Named::Foreign => &self.devices[1].key,
        }
    }

    async fn begins(&mut self, chance: &mut Chance<'_>) -> Result<(), String> {
        let (client, by_back_end, password) = (chance.below(2), chance.percent(25), self.password(chance));
        let device = Self::named(chance);
        let key = device.map(|device| self.key_of(device).to_owned());
        let (now, is_hidden) = (self.now(), client == 1);
        if chance.percent(35) {
            let expected = self.user.tries_password(now, password, device).1;
            let flow = if by_back_end { AuthFlow::AdminUserPasswordAuth } else { AuthFlow::UserPasswordAuth };
            let mut parameters = vec![("PASSWORD", password)];
            parameters.extend(key.as_deref().map(|key| ("DEVICE_KEY", key)));
            let answered = self.person(&self.username, client, by_back_end).begins(flow, &parameters).await;
            let what = format!("begins by {password}, at {device:?}");
            return self.compare(what, client, None, expected, answered, None).await;
        }
        let choice = Some(self.first_factor(is_hidden, chance)).filter(|_| chance.percent(80));
        let password = Some(password).filter(|_| chance.percent(50));
        let expected = match choice.filter(|(_, choice)| self.user.available(is_hidden).contains(choice)) {
            Some((_, choice)) => self.user.chooses(now, is_hidden, choice, password, device).1,
            None => Question::of(ChallengeName::SelectChallenge, &[], false),
        };
        let mut parameters = Vec::new();
        parameters.extend(choice.map(|(name, _)| ("PREFERRED_CHALLENGE", name)));
        parameters.extend(password.map(|password| ("PASSWORD", password)));
        parameters.extend(key.as_deref().map(|key| ("DEVICE_KEY", key)));
        let answered = self.person(&self.username, client, by_back_end).begins(AuthFlow::UserAuth, &parameters).await;
        self.compare(format!("begins by choice with {parameters:?}"), client, None, expected, answered, None).await
    }

    async fn answers(&mut self, chance: &mut Chance<'_>) -> Result<(), String> {
        let newest = self.sessions.iter().rposition(|session| !session.is_used).filter(|_| chance.percent(80));
        let at = newest.unwrap_or_else(|| chance.below(self.sessions.len()));
        let session = self.sessions[at].clone();
        let is_others_session = chance.percent(4) && !self.other.1.is_empty();
        let is_other_user = chance.percent(4) && !is_others_session;
        let client = if chance.percent(5) { 1 - session.client } else { session.client };
        let challenge = if chance.percent(85) { session.question.challenge } else { chance.one_of(&CHALLENGES) };
        let address = format!("{}.{}@example.com", self.username, self.addresses);
        self.addresses += 1;
        let given = Given {
            choice: self.choice(&session, chance),
            password: Some(self.password(chance)).filter(|_| chance.percent(60)),
            code: self.code(&session, chance),
            address,
            device: Self::named_in(&session, chance),
            device_is_right: chance.percent(70),
            use_of_passkey: self.use_of_passkey(&session, chance),
        };
        let is_living = !is_others_session
            && !is_other_user
            && client == session.client
            && challenge == session.question.challenge
            && !session.is_used
            && self.now() < session.expires_at;
        let expected = if is_living { self.judged(at, &given) } else { Outcome::Refused };
        let username = if is_other_user { &self.other.0 } else { &self.username };
        let text = if is_others_session { &self.other.1 } else { &session.text };
        let mut answers = vec![
            ("ANSWER", given.choice),
            ("CREDENTIAL", &given.use_of_passkey.credential),
            ("EMAIL_OTP_CODE", &given.code),
            ("NEW_PASSWORD", PASSWORD),
            ("SMS_MFA_CODE", &given.code),
            ("SMS_OTP_CODE", &given.code),
            ("SOFTWARE_TOKEN_MFA_CODE", &given.code),
            ("email", &given.address),
        ];
        answers.extend(given.password.map(|password| ("PASSWORD", password)));
        answers.extend(given.device.map(|device| ("DEVICE_KEY", self.key_of(device))));
        let begins = session.question.challenge == ChallengeName::DeviceSrpAuth;
        let group = self.devices[0].as_pool();
        let own = begins.then(|| SrpClient::new(&group, &self.stage.world.app.services.rng));
        let number = own.as_ref().map_or_else(|| "2".to_owned(), SrpClient::number);
        answers.push(("SRP_A", &number));
        let proof = session.exchange.as_ref().map(|(own, asked)| {
            let secret = if given.device_is_right { &self.devices[0].secret } else { &self.devices[1].secret };
            device_proof(self.now(), own, asked, &self.devices[0], secret)
        });
        let proof = proof.iter().flatten().filter(|(name, _)| *name != "DEVICE_KEY");
        answers.extend(proof.map(|(name, value)| (*name, value.as_str())));
        let answered = self.person(username, client, chance.percent(25)).answers(challenge, text, &answers).await;
        let what = format!("answers {challenge:?} to session {at} (living: {is_living}) with {answers:?}");
        let question = is_living.then_some(session.question);
        self.compare(what, client, question, expected, answered, own).await
    }

    /// A device to name in an answer: where one is asked for, mostly that.
    fn named_in(session: &Session, chance: &mut Chance<'_>) -> Option<Named> {
        let is_asked = [ChallengeName::DeviceSrpAuth, ChallengeName::DevicePasswordVerifier];
        match is_asked.contains(&session.question.challenge) && chance.percent(90) {
            true => Some(Named::Own),
            false => Self::named(chance),
        }
    }

    /// Something to choose, mostly of what is asked.
    fn choice(&self, session: &Session, chance: &mut Chance<'_>) -> &'static str {
        let second = ["SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"];
        let is_second = session.question.challenge == ChallengeName::SelectMfaType;
        let is_fitting = chance.percent(90);
        if is_second == is_fitting { chance.one_of(&second) } else { self.first_factor(session.client == 1, chance).0 }
    }

    /// Something to begin by, mostly what the user has.
    fn first_factor(&self, is_hidden: bool, chance: &mut Chance<'_>) -> (&'static str, ChallengeName) {
        let available = self.user.available(is_hidden);
        let has: Vec<_> = FIRST_FACTORS.into_iter().filter(|(_, factor)| available.contains(factor)).collect();
        if has.is_empty() || chance.percent(30) { chance.one_of(&FIRST_FACTORS) } else { chance.one_of(&has) }
    }

    /// The use of a passkey: right, for another session, of another user's, on a foreign page, or by a device that does not
    /// know its user.
    fn use_of_passkey(&mut self, session: &Session, chance: &mut Chance<'_>) -> Use {
        let kind = chance.below(12);
        let mut asked: Vec<_> = self.sessions.iter().filter_map(|session| session.options.clone()).collect();
        let options = match (&session.options, kind) {
            (Some(options), 0..11) => options.clone(),
            _ if asked.is_empty() => return Use { credential: "{}".to_owned(), is_right: false, is_verified: false },
            _ => asked.swap_remove(chance.below(asked.len())),
        };
        let manners = match kind {
            0 => Manners { origin: "https://evil.com".to_owned(), ..Manners::default() },
            1 | 2 => Manners { user_verified: false, ..Manners::default() },
            _ => Manners::default(),
        };
        let [own, others] = &mut self.passkeys;
        let passkey = if kind == 3 { others } else { own };
        let credential = passkey.get(&options, &manners).to_string();
        let is_right = !matches!(kind, 0 | 3) && session.options.as_ref() == Some(&options);
        Use { credential, is_right, is_verified: manners.user_verified }
    }

    /// A code: right, wrong, another session's, one of a moment ago, another user's.
    fn code(&self, session: &Session, chance: &mut Chance<'_>) -> String {
        let is_of_app = session.question.challenge == ChallengeName::SoftwareTokenMfa;
        let right = || match &session.code {
            Some(code) if !is_of_app => code.clone(),
            _ => self.app.code(self.now()),
        };
        match chance.below(20) {
            0..=10 => right(),
            11..=14 if is_of_app => self.app.wrong_code(self.now()),
            11..=14 => right().bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10)).collect(),
            15 => self.app.code_in(self.now(), -1),
            16 | 17 => {
                let codes: Vec<_> = self.sessions.iter().filter_map(|session| session.code.clone()).collect();
                codes.get(chance.below(codes.len().max(1))).cloned().unwrap_or_else(right)
            }
            _ => self.other.2[chance.below(self.other.2.len())].clone(),
        }
    }

    /// What this answer comes to on a living session that asked for it; and what it changes.
    fn judged(&mut self, at: usize, given: &Given) -> Outcome {
        let (now, user) = (self.stage.world.now(), &mut self.user);
        let session = &mut self.sessions[at];
        let question = session.question.clone();
        let (is_hidden, is_voided) = (session.client == 1, session.passwords != user.passwords);
        let (uses_up, outcome) = match question.challenge {
            ChallengeName::SelectChallenge => match FIRST_FACTORS.into_iter().find(|(name, _)| *name == given.choice) {
                Some((_, choice)) => user.chooses(now, is_hidden, choice, given.password, given.device),
                None => (false, Outcome::Refused),
            },
            ChallengeName::Password => match given.password {
                Some(password) => user.tries_password(now, password, given.device),
                None => (false, Outcome::Refused),
            },
            ChallengeName::WebAuthn => user.uses_passkey(now, &given.use_of_passkey, given.device),
            _ if !question.proofs.is_empty() && is_voided => (false, Outcome::Refused),
            ChallengeName::NewPasswordRequired if user.names_device(question.names_device, given.device).is_none() => {
                (false, Outcome::Refused)
            }
            ChallengeName::NewPasswordRequired => {
                (user.password, user.password_is_temporary) = (Some(PASSWORD), false);
                user.passwords += 1;
                let follows = user.with_device(question.names_device, given.device, |names_device| {
                    user.after_first_proof(&question.proofs, names_device)
                });
                if matches!(follows, Outcome::Tokens) {
                    (user.failures, user.locked_until) = (0, now);
                }
                (true, follows)
            }
            ChallengeName::SelectMfaType => {
                let chosen = user.usable().into_iter().find(|factor| second_factor_name(*factor) == given.choice);
                match chosen {
                    Some(factor) => (true, Question::of(challenge_of(factor), &question.proofs, question.names_device)),
                    None => (false, Outcome::Refused),
                }
            }
            ChallengeName::MfaSetup if user.may_set_up_email() => {
                let challenge = ChallengeName::EmailOtp;
                let set_up = Some(given.address.clone());
                let (proofs, names_device) = (question.proofs.clone(), question.names_device);
                (true, Outcome::Asked(Question { challenge, proofs, set_up, names_device }))
            }
            ChallengeName::MfaSetup => (false, Outcome::Refused),
            // Before any proof: the device that was asked for must be named, and be what is left.
            ChallengeName::DeviceSrpAuth | ChallengeName::DevicePasswordVerifier
                if given.device != Some(Named::Own) || !user.still_asks_for_device(&question.proofs) =>
            {
                (false, Outcome::Refused)
            }
            ChallengeName::DeviceSrpAuth => {
                (true, Question::of(ChallengeName::DevicePasswordVerifier, &question.proofs, true))
            }
            ChallengeName::DevicePasswordVerifier => {
                let proofs = [question.proofs.as_slice(), &[Proof::Device]].concat();
                let then = user.tokens_for(&proofs);
                user.tries(now, given.device_is_right, then)
            }
            _ if question.is_second() && !user.still_asks_for(&question) => (false, Outcome::Refused),
            ChallengeName::SoftwareTokenMfa => {
                let present = now.as_second() / 30;
                let step = (-1..=1).rev().find(|steps| self.app.code_in(now, *steps) == given.code);
                let step = step.map(|steps| present + steps).filter(|step| *step > user.last_used_step);
                let proofs = [Proof::Password, Proof::SecondFactor];
                let then = user.with_device(question.names_device, given.device, |names_device| {
                    user.last_step(&proofs, names_device)
                });
                let judged = user.tries(now, step.is_some(), then);
                if judged.0 {
                    user.last_used_step = step.unwrap_or_default();
                }
                judged
            }
            _ => {
                let mut proofs = question.proofs.clone();
                proofs.push(if question.is_second() { Proof::SecondFactor } else { Proof::FirstCode });
                let then = user.with_device(question.names_device, given.device, |names_device| {
                    user.last_step(&proofs, names_device)
                });
                let judged = user.tries(now, session.code.as_ref() == Some(&given.code), then);
                if let (true, Some(address)) = (judged.0, question.set_up) {
                    user.email = Some(address);
                    user.turned_on.push(SecondFactor::Email);
                }
                judged
            }
        };
        session.is_used = uses_up;
        outcome
    }

    /// Compares what came with what was to come, and keeps a new session.
    async fn compare(
        &mut self,
        what: String,
        client: usize,
        question: Option<Question>,
        expected: Outcome,
        answered: Answered,
        own: Option<SrpClient>,
    ) -> Result<(), String> {
        let came = match &answered {
            Err(refusal) => format!("Refused: {}", refusal.message),
            Ok(reply) if reply.authentication_result.is_some() => "Tokens".to_owned(),
            Ok(reply) => format!("{:?}", reply.challenge_name()),
        };
        let line = format!("{what}: {came}");
        self.done.push(line.clone());
        if came.split(':').next() != Some(expected.name().as_str()) {
            return Err(format!("{line}, where {} was to come", expected.name()));
        }
        if let Some(question) = question {
            let is_of_passkey = question.challenge == ChallengeName::WebAuthn || question.follows_passkey();
            let needs_two = is_of_passkey && self.user.needs_second_factor();
            let name = question.name() + if needs_two { ", for two" } else { "" };
            *self.stage.tally.borrow_mut().entry(format!("{name}: {}", expected.name())).or_default() += 1;
        }
        let Ok(reply) = answered else { return Ok(()) };
        match expected {
            Outcome::Asked(question) => self.keep(client, question, &reply, own).await,
            _ => self.check_tokens(&reply),
        }
    }

    fn check_tokens(&self, reply: &api::RespondToAuthChallengeResponse) -> Result<(), String> {
        let tokens = reply.authentication_result.as_ref().ok_or("no tokens")?;
        let is_the_users =
            [tokens.access_token(), tokens.id_token()].iter().all(|token| claims(token)["sub"] == self.sub);
        if is_the_users && reply.session.is_none() { Ok(()) } else { Err("tokens of somebody else".to_owned()) }
    }

    async fn keep(
        &mut self,
        client: usize,
        question: Question,
        reply: &api::RespondToAuthChallengeResponse,
        own: Option<SrpClient>,
    ) -> Result<(), String> {
        let address = match question.challenge {
            ChallengeName::EmailOtp => question.set_up.clone().or_else(|| self.user.email.clone()),
            ChallengeName::SmsOtp | ChallengeName::SmsMfa => self.user.phone_number.clone(),
            _ => None,
        };
        let is_exchange = question.challenge == ChallengeName::DevicePasswordVerifier;
        let exchange = own.filter(|_| is_exchange).map(|own| (own, reply.clone()));
        let code = match address {
            Some(address) => Some(self.stage.code_to(&address).await.ok_or("no message was sent")?),
            None => None,
        };
        self.sessions.push(Session {
            text: reply.session().to_owned(),
            client,
            expires_at: self.now() + SESSION_LIFE,
            is_used: false,
            question,
            passwords: self.user.passwords,
            code,
            exchange,
            options: reply
                .challenge_parameters
                .get("CREDENTIAL_REQUEST_OPTIONS")
                .map(|options| serde_json::from_str(options).unwrap()),
        });
        Ok(())
    }
}

fn second_factor_name(factor: SecondFactor) -> &'static str {
    match factor {
        SecondFactor::Sms => "SMS_MFA",
        SecondFactor::SoftwareToken => "SOFTWARE_TOKEN_MFA",
        SecondFactor::Email => "EMAIL_OTP",
    }
}

/// By what users begin, and the challenge that it leads to.
const FIRST_FACTORS: [(&str, ChallengeName); 4] = [
    ("PASSWORD", ChallengeName::Password),
    ("EMAIL_OTP", ChallengeName::EmailOtp),
    ("SMS_OTP", ChallengeName::SmsOtp),
    ("WEB_AUTHN", ChallengeName::WebAuthn),
];

/// What may be answered, asked or not.
const CHALLENGES: [ChallengeName; 13] = [
    ChallengeName::DevicePasswordVerifier,
    ChallengeName::DeviceSrpAuth,
    ChallengeName::EmailOtp,
    ChallengeName::MfaSetup,
    ChallengeName::NewPasswordRequired,
    ChallengeName::Password,
    ChallengeName::PasswordVerifier,
    ChallengeName::SelectChallenge,
    ChallengeName::SelectMfaType,
    ChallengeName::SmsMfa,
    ChallengeName::SmsOtp,
    ChallengeName::SoftwareTokenMfa,
    ChallengeName::WebAuthn,
];
