//! Where a client hides who exists (`PreventUserExistenceErrors`), a wrong proof of a user and one of nobody are answered alike:
//! in status, headers and body, over both wires, however often it is tried and whatever is locked meanwhile; and as many
//! passwords are looked at.
//!
//! The table ([`ways`]) has a line for each way on which a proof can be wrong; another way is another line. What is random by
//! nature is compared by its kind and length, and the part of an address that a mask shows by its shape. Of nobody, an address
//! is made up.
//!
//! Cognito tells by `ConfirmSignUp` that somebody is confirmed, and by its refusal that a code is outstanding (reference 7.9);
//! so the users there have none.

use std::pin::Pin;
use std::time::Duration;

use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::json::{FromJson, read};
use cognate::api::{self, Access, auth_factor};
use cognate::app::Rpc;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::support::fixtures::{TestClient, WRONG_PASSWORD, hide_users};
use crate::support::{Credential, START, Wire, World};

/// How often each way is gone, one time after the other: beyond the first lock, and beyond every limit of an hour's.
const TRIES: usize = 8;

/// Who is compared with nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum User {
    Confirmed,
    Disabled,
    /// Made by an operator, and has a temporary password.
    Invited,
    /// To set another password, says an operator.
    Reset,
    /// Signed up, but not confirmed; the code has ended.
    Unconfirmed,
}

const UNCONFIRMED: &[User] = &[User::Unconfirmed];
/// Of the invited, a choice tells that they have nothing but a password, and a code is refused them.
const WITH_ADDRESS: &[User] = &[User::Confirmed, User::Disabled, User::Reset, User::Unconfirmed];
const ANYBODY: &[User] = &[User::Confirmed, User::Disabled, User::Invited, User::Reset, User::Unconfirmed];

/// The ways, and who goes them. In the members, `$name` is the name; `$session` and `$block` are what the last challenge gave.
fn ways() -> Vec<(&'static [User], Vec<Step>)> {
    let name = |more: &[(&str, &str)]| members("USERNAME", "$name", more);
    let password = ("PASSWORD", WRONG_PASSWORD);
    let begin = |flow: &str, more: &[(&str, &str)]| {
        Step::of::<api::InitiateAuthRequest>(json!({"AuthFlow": flow, "AuthParameters": name(more)}))
    };
    let prefer =
        |factor: &str, more: &[(&str, &str)]| begin("USER_AUTH", &[&[("PREFERRED_CHALLENGE", factor)], more].concat());
    let answer = |challenge: &str, more: &[(&str, &str)]| {
        let (session, responses) = ("$session", name(more));
        let answer = json!({"ChallengeName": challenge, "Session": session, "ChallengeResponses": responses});
        Step::of::<api::RespondToAuthChallengeRequest>(answer)
    };
    let srp_a = ("SRP_A", SRP_A);
    let claim = || {
        let claim = [("PASSWORD_CLAIM_SECRET_BLOCK", "$block"), ("PASSWORD_CLAIM_SIGNATURE", SIGNATURE)];
        answer("PASSWORD_VERIFIER", &[&claim[..], &[("TIMESTAMP", TIMESTAMP)]].concat())
    };
    let by_admin = |more: &[(&str, &str)]| {
        let flow = "ADMIN_USER_PASSWORD_AUTH";
        Step::of::<api::AdminInitiateAuthRequest>(json!({"AuthFlow": flow, "AuthParameters": name(more)}))
    };
    let forgot = || Step::of::<api::ForgotPasswordRequest>(json!({"Username": "$name"}));
    let code = json!({"Username": "$name", "ConfirmationCode": "000"});
    let new_password = json!({"Username": "$name", "ConfirmationCode": "000", "Password": "N3w-passw0rd"});
    let set = || Step::of::<api::ConfirmForgotPasswordRequest>(new_password.clone());
    vec![
        (ANYBODY, vec![begin("USER_PASSWORD_AUTH", &[password])]),
        (ANYBODY, vec![by_admin(&[password])]),
        (ANYBODY, vec![prefer("PASSWORD", &[password])]),
        (ANYBODY, vec![prefer("PASSWORD", &[]), answer("PASSWORD", &[password])]),
        (WITH_ADDRESS, vec![begin("USER_AUTH", &[]), answer("SELECT_CHALLENGE", &[("ANSWER", "PASSWORD"), password])]),
        (ANYBODY, vec![begin("USER_SRP_AUTH", &[srp_a]), claim()]),
        (ANYBODY, vec![prefer("PASSWORD_SRP", &[srp_a]), claim()]),
        (WITH_ADDRESS, vec![prefer("EMAIL_OTP", &[]), answer("EMAIL_OTP", &[("EMAIL_OTP_CODE", "00000000")])]),
        (WITH_ADDRESS, vec![prefer("WEB_AUTHN", &[]), answer("SELECT_CHALLENGE", &[("ANSWER", "WEB_AUTHN")])]),
        (WITH_ADDRESS, vec![forgot(), set()]),
        (WITH_ADDRESS, vec![set()]),
        (UNCONFIRMED, vec![Step::of::<api::ResendConfirmationCodeRequest>(json!({"Username": "$name"}))]),
        (UNCONFIRMED, vec![Step::of::<api::ConfirmSignUpRequest>(code)]),
    ]
}

/// A client's public number, as good as any.
const SRP_A: &str = "54b8e4da8991abf60123456789abcdef";

/// A signature that is nobody's, over the moment at which worlds begin.
const SIGNATURE: &str = "jCYNrnZREzGD4ZhTImALFcp8kWAHX48IKI4wkR4Rzyw=";
const TIMESTAMP: &str = "Thu Jan 8 05:06:10 UTC 2026";

fn members(first: &str, value: &str, more: &[(&str, &str)]) -> Value {
    let all = [&[(first, value)], more].concat();
    all.into_iter().map(|(name, value)| (name.to_owned(), Value::from(value))).collect::<Map<_, _>>().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_grpc_nobody_is_told_from_a_user() {
    nobody_is_told_from_a_user(Wire::Grpc).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_json_nobody_is_told_from_a_user() {
    nobody_is_told_from_a_user(Wire::Json).await;
}

async fn nobody_is_told_from_a_user(wire: Wire) {
    let stage = Stage::new(wire, hide_users).await;
    for case in &stage.cases {
        let (mut known, mut unknown) = case.both();
        for attempt in 1..=TRIES {
            let (known, unknown) = (known.go(&stage, &case.steps).await, unknown.go(&stage, &case.steps).await);
            assert_eq!(known, unknown, "{}, attempt {attempt}", case.username);
        }
        stage.world.advance(Duration::from_secs(1));
        assert_eq!(known.go(&stage, &case.steps).await, unknown.go(&stage, &case.steps).await, "{}", case.username);
        // If all went well all the time, the comparison would prove little.
        let refused = known.answers.iter().filter(|answer| !["200", "OK"].contains(&answer.status.as_str())).count();
        assert!(refused >= 3, "{}: {:#?}", case.username, known.answers);
    }
}

/// If this were not so, the other tests would prove nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_existence_is_not_hidden_every_way_tells_them_apart() {
    for wire in [Wire::Grpc, Wire::Json] {
        let stage = Stage::new(wire, |_| {}).await;
        for case in &stage.cases {
            let (mut known, mut unknown) = case.both();
            let (known, unknown) = (known.go(&stage, &case.steps).await, unknown.go(&stage, &case.steps).await);
            assert_ne!(known, unknown, "{}", case.username);
        }
    }
}

/// The world, and everybody in it.
struct Stage {
    world: World,
    client: TestClient,
    cases: Vec<Case>,
}

/// A way, and a user who goes it.
struct Case {
    username: String,
    steps: Vec<Step>,
}

impl Case {
    /// The user, and nobody.
    fn both(&self) -> (Told, Told) {
        (Told::of(self.username.clone()), Told::of(self.username.replace("user", "none")))
    }
}

impl Stage {
    async fn new(wire: Wire, configure: fn(&mut api::CreateUserPoolClientRequest)) -> Self {
        let world = World::at(wire, START.parse().unwrap(), |_| {}).await;
        let (client, mut cases) = (app_client(&world, configure).await, Vec::new());
        for (number, (users, steps)) in ways().into_iter().enumerate() {
            for user in users {
                let username = format!("user-{number}-{user:?}").to_lowercase();
                become_known(&world, &client, &username, *user).await;
                cases.push(Case { username, steps: steps.clone() });
            }
        }
        // Codes end, and the limits of an hour begin anew.
        world.advance(Duration::from_secs(24 * 60 * 60 + 1));
        Stage { world, client, cases }
    }
}

/// A client with every way to sign in that a user can take without another means, of a pool that offers codes by mail, and
/// passkeys, which nobody has.
async fn app_client(world: &World, configure: fn(&mut api::CreateUserPoolClientRequest)) -> TestClient {
    use auth_factor::Value::{EmailOtp, Password, WebAuthn};
    let factors = [Password, EmailOtp, WebAuthn].map(i32::from).to_vec();
    let pool = world.pool(|request| {
        let sign_in_policy = Some(api::SignInPolicy { allowed_first_auth_factors: factors });
        request.policies = Some(api::UserPoolPolicy { sign_in_policy, ..Default::default() });
    });
    let pool = pool.await;
    let relying_party_id = Some("auth.example.com".to_owned());
    let request = api::SetUserPoolMfaConfigRequest {
        user_pool_id: Some(pool.clone()),
        web_authn_configuration: Some(api::WebAuthnConfiguration { relying_party_id, ..Default::default() }),
        ..Default::default()
    };
    world.call(request).await.unwrap();
    let client = world.client(&pool, |request| {
        configure(request);
        request.explicit_auth_flows.push(ExplicitAuthFlow::AllowUserSrpAuth.into());
    });
    client.await
}

async fn become_known(world: &World, client: &TestClient, username: &str, user: User) {
    match user {
        User::Invited => drop(world.create_user(&client.pool, username, |_| {}).await.unwrap()),
        User::Unconfirmed => drop(world.sign_up(client, username).await),
        User::Confirmed | User::Disabled | User::Reset => drop(world.confirmed_user(client, username).await),
    }
    match user {
        User::Disabled => world.disable(&client.pool, username).await,
        User::Reset => world.reset_password(&client.pool, username).await.unwrap(),
        User::Confirmed | User::Invited | User::Unconfirmed => {}
    }
}

type Sending<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// A request, with what is to be filled in.
#[derive(Clone)]
struct Step {
    body: Value,
    send: for<'a> fn(&'a World, Value) -> Sending<'a>,
}

impl Step {
    fn of<R>(body: Value) -> Self
    where
        R: Rpc + FromJson + prost::Message + Default + Serialize,
        R::Response: prost::Message + Default + Serialize + 'static,
    {
        Step { body, send: |world, body| Box::pin(send::<R>(world, body)) }
    }
}

/// All of an answer.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    status: String,
    headers: Vec<String>,
    body: Value,
}

async fn send<R>(world: &World, mut body: Value) -> Answer
where
    R: Rpc + FromJson + prost::Message + Default + Serialize,
    R::Response: prost::Message + Default + Serialize + 'static,
{
    let mut credential = Credential::None;
    if R::OP.access() == Access::Operator {
        credential = Credential::AccessKey(world.operator.clone());
    } else {
        body.as_object_mut().unwrap().remove("UserPoolId");
    }
    match world.wire {
        Wire::Json => {
            let reply = world.post(R::OP, &credential, body.to_string().into_bytes()).await;
            let headers = told(&reply.headers);
            let body = if reply.body.is_empty() { Value::Null } else { reply.json() };
            Answer { status: reply.status.to_string(), headers, body }
        }
        Wire::Grpc => {
            let request = read::<R>(body.as_object().unwrap().clone()).unwrap().0;
            match world.grpc::<R, R::Response>(R::OP, &credential, request).await {
                Ok(response) => {
                    let body = serde_json::to_value(response).unwrap();
                    Answer { status: "OK".to_owned(), headers: Vec::new(), body }
                }
                Err(status) => Answer {
                    status: format!("{:?}: {}", status.code(), status.message()),
                    headers: told(&status.metadata().clone().into_headers()),
                    body: json!({"details": hex(status.details())}),
                },
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The headers but those that are another each time. The length of a body follows from it.
fn told(headers: &http::HeaderMap) -> Vec<String> {
    let told =
        headers.iter().filter(|(name, _)| !["date", "x-amzn-requestid", "content-length"].contains(&name.as_str()));
    let mut told: Vec<String> = told.map(|(name, value)| format!("{name}: {value:?}")).collect();
    told.sort();
    told
}

/// What somebody with this name has been told.
struct Told {
    username: String,
    answers: Vec<Answer>,
}

impl Told {
    fn of(username: String) -> Self {
        Told { username, answers: Vec::new() }
    }

    /// Goes a way to its end or to a refusal. Gives the answers in the form in which all should be alike, and how many passwords
    /// were looked at.
    async fn go(&mut self, stage: &Stage, steps: &[Step]) -> (Vec<Answer>, u64) {
        let (hashes, start, mut last) = (stage.world.hashes_evaluated(), self.answers.len(), Value::Null);
        for step in steps {
            let mut body = step.body.clone();
            body["ClientId"] = stage.client.id.clone().into();
            body["UserPoolId"] = stage.client.pool.clone().into();
            let Some(body) = self.filled(body, &last) else { break };
            let answer = (step.send)(&stage.world, body).await;
            last = answer.body.clone();
            self.answers.push(Answer { body: self.likened("", answer.body), ..answer });
        }
        (self.answers[start..].to_vec(), stage.world.hashes_evaluated() - hashes)
    }

    /// The body with what stands for something filled in, if the last answer gave it.
    fn filled(&self, body: Value, last: &Value) -> Option<Value> {
        Some(match body {
            Value::String(text) => match text.as_str() {
                "$name" => self.username.clone().into(),
                "$session" => last.get("Session")?.clone(),
                "$block" => last.get("ChallengeParameters")?.get("SECRET_BLOCK")?.clone(),
                _ => text.into(),
            },
            Value::Object(members) => {
                let filled = members.into_iter().map(|(name, value)| Some((name, self.filled(value, last)?)));
                Value::Object(filled.collect::<Option<_>>()?)
            }
            other => other,
        })
    }

    /// What is random by its kind and length, a masked address by its shape, one's own name as a name.
    fn likened(&self, name: &str, value: Value) -> Value {
        match value {
            Value::Object(members) => Value::Object(
                members.into_iter().map(|(name, value)| (name.clone(), self.likened(&name, value))).collect(),
            ),
            Value::String(text) => match name {
                "Session" | "SECRET_BLOCK" | "SALT" => format!("{} characters", text.len()).into(),
                // A number, which may have a few digits less.
                "SRP_B" => text.chars().all(|digit| digit.is_ascii_hexdigit()).into(),
                "Destination" | "CODE_DELIVERY_DESTINATION" => {
                    text.replace(|character: char| character.is_alphanumeric(), "x").into()
                }
                _ => text.replace(&self.username, "$name").into(),
            },
            other => other,
        }
    }
}
