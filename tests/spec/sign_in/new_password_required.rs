//! The challenge `NEW_PASSWORD_REQUIRED`, in every flow by which a temporary password can be proved.

use std::time::Duration;

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, Op, alias_attribute, attribute_data, user_status, username_attribute};
use serde_json::json;

use crate::groups;
use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, admin_answer, admin_initiate_auth, answer, attribute,
    claims, hide_users, initiate_auth, with_secret,
};
use crate::support::{Refusal, Wire, World, at_once, refusal};
use crate::wire::post_json;

const NEW_PASSWORD: &str = "N3w-passw0rd";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The way that leads to the challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Password,
    Srp,
    PreferredPassword,
    AskedForPassword,
    ChosenWithPassword,
    ChosenThenPassword,
    OfBackEnd(AuthFlow),
    OfBackEndByChoice,
}

const WAYS: [Way; 9] = [
    Way::Password,
    Way::Srp,
    Way::PreferredPassword,
    Way::AskedForPassword,
    Way::ChosenWithPassword,
    Way::ChosenThenPassword,
    Way::OfBackEnd(AuthFlow::AdminUserPasswordAuth),
    Way::OfBackEnd(AuthFlow::AdminNoSrpAuth),
    Way::OfBackEndByChoice,
];

type Answered = Result<api::RespondToAuthChallengeResponse, Refusal>;

/// The answer of any of the four operations, for comparison.
macro_rules! answered {
    ($reply:expr) => {{
        let reply = $reply;
        api::RespondToAuthChallengeResponse {
            challenge_name: reply.challenge_name,
            session: reply.session,
            challenge_parameters: reply.challenge_parameters,
            authentication_result: reply.authentication_result,
            available_challenges: reply.available_challenges,
        }
    }};
}

/// Proves a password.
async fn proves(world: &World, client: &TestClient, way: Way, username: &str, password: &str) -> Answered {
    let with = |more: &[(&'static str, &str)]| {
        let mut all = vec![("USERNAME", username.to_owned())];
        all.extend(client.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
        all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    };
    let begin = async |flow, more: &[(&'static str, &str)]| {
        world.call(initiate_auth(client, flow, with(more))).await.map(|reply| answered!(reply))
    };
    let respond = async |challenge, session: &str, more: &[(&'static str, &str)]| {
        world.call(answer(client, challenge, session, with(more))).await
    };
    match way {
        Way::Password => begin(AuthFlow::UserPasswordAuth, &[("PASSWORD", password)]).await,
        Way::Srp => world.try_srp(client, username, password).await,
        Way::PreferredPassword => {
            begin(AuthFlow::UserAuth, &[("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", password)]).await
        }
        Way::AskedForPassword => {
            let asked = begin(AuthFlow::UserAuth, &[("PREFERRED_CHALLENGE", "PASSWORD")]).await?;
            respond(ChallengeName::Password, asked.session(), &[("PASSWORD", password)]).await
        }
        Way::ChosenWithPassword => {
            let asked = begin(AuthFlow::UserAuth, &[]).await?;
            let choice = [("ANSWER", "PASSWORD"), ("PASSWORD", password)];
            respond(ChallengeName::SelectChallenge, asked.session(), &choice).await
        }
        Way::ChosenThenPassword => {
            let asked = begin(AuthFlow::UserAuth, &[]).await?;
            let choice = [("ANSWER", "PASSWORD")];
            let asked = respond(ChallengeName::SelectChallenge, asked.session(), &choice).await?;
            respond(ChallengeName::Password, asked.session(), &[("PASSWORD", password)]).await
        }
        Way::OfBackEnd(flow) => {
            let request = admin_initiate_auth(client, flow, with(&[("PASSWORD", password)]));
            world.call(request).await.map(|reply| answered!(reply))
        }
        Way::OfBackEndByChoice => {
            let asked = world.call(admin_initiate_auth(client, AuthFlow::UserAuth, with(&[]))).await?;
            let choice = with(&[("ANSWER", "PASSWORD"), ("PASSWORD", password)]);
            world
                .call(admin_answer(client, ChallengeName::SelectChallenge, asked.session(), choice))
                .await
                .map(|reply| answered!(reply))
        }
    }
}

/// Proves the temporary password. Gives the session of the challenge that follows.
async fn challenged(world: &World, client: &TestClient, username: &str) -> String {
    let reply = proves(world, client, Way::Password, username, TEMPORARY_PASSWORD).await.unwrap();
    assert_eq!(reply.challenge_name(), ChallengeName::NewPasswordRequired);
    reply.session.unwrap()
}

/// What an answer is made of.
fn responses(
    client: &TestClient,
    username: &str,
    password: &str,
    attributes: &[(&'static str, &str)],
) -> Vec<(&'static str, String)> {
    let mut responses = vec![("USERNAME", username.to_owned()), ("NEW_PASSWORD", password.to_owned())];
    responses.extend(client.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
    responses.extend(attributes.iter().map(|(name, value)| (*name, (*value).to_owned())));
    responses
}

async fn sets(
    world: &World,
    client: &TestClient,
    session: &str,
    username: &str,
    password: &str,
    attributes: &[(&'static str, &str)],
) -> Answered {
    let responses = responses(client, username, password, attributes);
    world.call(answer(client, ChallengeName::NewPasswordRequired, session, responses)).await
}

/// Sets the password that all these tests set, and nothing more.
async fn sets_password(world: &World, client: &TestClient, session: &str, username: &str) -> Answered {
    sets(world, client, session, username, NEW_PASSWORD, &[]).await
}

fn not_authorized(message: &str) -> Answered {
    Err(refusal("NotAuthorizedException", message))
}

fn invalid(message: &str) -> Answered {
    Err(refusal("InvalidParameterException", message))
}

fn invalid_session() -> Answered {
    not_authorized("Invalid session for the user.")
}

fn used_session() -> Answered {
    not_authorized("Invalid session for the user, session can only be used once.")
}

fn incorrect() -> Answered {
    not_authorized("Incorrect username or password.")
}

fn ended() -> Answered {
    not_authorized("Temporary password has expired and must be reset by an administrator.")
}

async fn status_of(world: &World, client: &TestClient, username: &str) -> user_status::Value {
    world.admin_get_user(&client.pool, username).await.unwrap().user_status()
}

/// Makes attributes required, or defines custom ones that can be changed or not.
fn schema(required: &[(&str, bool)], custom: &[(&str, bool)]) -> Vec<api::SchemaAttribute> {
    let required = required.iter().map(|(name, mutable)| api::SchemaAttribute {
        name: Some((*name).to_owned()),
        required: Some(true),
        mutable: Some(*mutable),
        ..Default::default()
    });
    let custom = custom.iter().map(|(name, mutable)| api::SchemaAttribute {
        name: Some((*name).to_owned()),
        attribute_data_type: Some(attribute_data::Value::String.into()),
        mutable: Some(*mutable),
        ..Default::default()
    });
    required.chain(custom).collect()
}

spec! {
    async fn in_every_flow_the_temporary_password_leads_to_the_challenge_and_the_new_one_to_tokens(world: World) {
        let client = world.app_client().await;
        for (number, way) in WAYS.into_iter().enumerate() {
            let name = format!("user{number}");
            let user = world.create_user(&client.pool, &name, |_| {}).await.unwrap();
            let sub = user.attributes[0].value().to_owned();
            assert_eq!(proves(&world, &client, way, &name, WRONG_PASSWORD).await, incorrect(), "{way:?}");
            let reply = proves(&world, &client, way, &name, TEMPORARY_PASSWORD).await.unwrap();
            let known = format!(r#"{{"email":"{name}@example.com","email_verified":"false"}}"#);
            let parameters = [("USER_ID_FOR_SRP", name.as_str()), ("requiredAttributes", "[]"), ("userAttributes", &known)];
            let expected = api::RespondToAuthChallengeResponse {
                challenge_name: Some(ChallengeName::NewPasswordRequired.into()),
                session: reply.session.clone(),
                challenge_parameters: parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
                ..Default::default()
            };
            assert_eq!(reply, expected, "{way:?}");
            assert!(reply.session().len() >= 20);
            assert_eq!(status_of(&world, &client, &name).await, user_status::Value::ForceChangePassword);

            let set = match way {
                Way::OfBackEnd(_) | Way::OfBackEndByChoice => {
                    let responses = responses(&client, &name, NEW_PASSWORD, &[]);
                    let request = admin_answer(&client, ChallengeName::NewPasswordRequired, reply.session(), responses);
                    answered!(world.call(request).await.unwrap())
                }
                _ => sets_password(&world, &client, reply.session(), &name).await.unwrap(),
            };
            let tokens = set.authentication_result.clone().unwrap();
            let expected = api::RespondToAuthChallengeResponse {
                authentication_result: Some(api::AuthenticationResult {
                    expires_in: Some(3600),
                    token_type: Some("Bearer".to_owned()),
                    ..tokens.clone()
                }),
                ..Default::default()
            };
            assert_eq!(set, expected, "{way:?}");
            assert_eq!(claims(tokens.access_token())["sub"], sub);
            world.get_user(tokens.access_token()).await.unwrap();
            world.refresh(&client, tokens.refresh_token()).await.unwrap();
            assert_eq!(status_of(&world, &client, &name).await, user_status::Value::Confirmed);
            let signed_in = proves(&world, &client, way, &name, NEW_PASSWORD).await.unwrap();
            assert!(signed_in.authentication_result.is_some(), "{way:?}");
            assert_eq!(proves(&world, &client, way, &name, TEMPORARY_PASSWORD).await, incorrect(), "{way:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_body_has_lists_and_objects_as_text() {
    let world = World::new(Wire::Json).await;
    let pool = world.pool(|request| request.schema = schema(&[("given_name", true), ("family_name", true)], &[])).await;
    let client = world.client(&pool, |_| {}).await;
    let verified = |request: &mut api::AdminCreateUserRequest| {
        request.user_attributes.push(attribute("email_verified", "true"));
    };
    world.create_user(&pool, "alice", verified).await.unwrap();
    let body = json!({
        "AuthFlow": "USER_PASSWORD_AUTH",
        "ClientId": client.id,
        "AuthParameters": {"USERNAME": "alice", "PASSWORD": TEMPORARY_PASSWORD},
    });
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "ChallengeName": "NEW_PASSWORD_REQUIRED",
        "ChallengeParameters": {
            "USER_ID_FOR_SRP": "alice",
            "requiredAttributes": "[\"userAttributes.given_name\",\"userAttributes.family_name\"]",
            "userAttributes": "{\"email\":\"alice@example.com\",\"email_verified\":\"true\"}",
        },
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
}

spec! {
    async fn a_client_with_a_secret_proves_it_at_every_step(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.create_user(&pool, "alice", |_| {}).await.unwrap();
        let session = challenged(&world, &client, "alice").await;
        let without = TestClient { secret: None, ..client.clone() };
        assert_eq!(
            sets_password(&world, &without, &session, "alice").await,
            not_authorized(&format!("Client {} is configured with secret but SECRET_HASH was not received", client.id))
        );
        let wrong = TestClient { secret: Some("another".to_owned()), ..client.clone() };
        assert_eq!(
            sets_password(&world, &wrong, &session, "alice").await,
            not_authorized(&format!("Unable to verify secret hash for client {}", client.id))
        );
        sets_password(&world, &client, &session, "alice").await.unwrap();
    }
}

spec! {
    async fn what_the_pool_requires_and_nobody_gave_must_come_with_the_password(world: World) {
        let required = [("given_name", true), ("nickname", false), ("email", true)];
        let custom = [("team", true), ("badge", false)];
        let pool = world.pool(|request| request.schema = schema(&required, &custom)).await;
        let client = world.client(&pool, |_| {}).await;
        world.create_user(&pool, "alice", |_| {}).await.unwrap();
        let reply = proves(&world, &client, Way::Password, "alice", TEMPORARY_PASSWORD).await.unwrap();
        assert_eq!(
            reply.challenge_parameters["requiredAttributes"],
            r#"["userAttributes.given_name","userAttributes.nickname"]"#
        );
        let session = reply.session();
        let answers = async |attributes: &[(&'static str, &str)]| {
            sets(&world, &client, session, "alice", NEW_PASSWORD, attributes).await
        };
        assert_eq!(answers(&[]).await, invalid("Invalid attributes given, given_name is missing"));
        let name = ("userAttributes.given_name", "Alice");
        assert_eq!(answers(&[name]).await, invalid("Invalid attributes given, nickname is missing"));
        assert_eq!(
            answers(&[name, ("userAttributes.nickname", "")]).await,
            invalid("Invalid attributes given, nickname is missing")
        );
        assert_eq!(status_of(&world, &client, "alice").await, user_status::Value::ForceChangePassword);
        // Immutable, it could never be given later; and what is not asked for may come along.
        let complete = [name, ("userAttributes.nickname", "Al"), ("userAttributes.custom:team", "red")];
        let tokens = answers(&complete).await.unwrap().authentication_result.unwrap();
        let id = claims(tokens.id_token());
        assert_eq!(
            (&id["given_name"], &id["nickname"], &id["custom:team"]),
            (&json!("Alice"), &json!("Al"), &json!("red"))
        );
        assert_eq!(
            world.attributes_of(&pool, "alice").await,
            ["custom:team=red", "email=alice@example.com", "email_verified=false", "given_name=Alice", "nickname=Al"]
        );
    }
}

spec! {
    async fn an_address_that_comes_with_the_password_is_not_verified_by_it(world: World) {
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |request| request.user_attributes.clear()).await.unwrap();
        let session = challenged(&world, &client, "alice").await;
        let attributes = [("userAttributes.email", "a@example.com")];
        sets(&world, &client, &session, "alice", NEW_PASSWORD, &attributes).await.unwrap();
        assert_eq!(
            world.attributes_of(&client.pool, "alice").await,
            ["email=a@example.com", "email_verified=false"]
        );
    }
}

spec! {
    async fn what_may_not_be_written_is_refused_and_nothing_is_changed(world: World) {
        let custom = [("team", true), ("badge", false), ("secret", true)];
        let pool = world.pool(|request| request.schema = schema(&[], &custom)).await;
        let client = world
            .client(&pool, |request| {
                let writable = ["email", "name", "phone_number", "birthdate", "custom:team", "custom:badge"];
                request.write_attributes = writable.map(str::to_owned).to_vec();
            })
            .await;
        world
            .create_user(&pool, "alice", |request| request.user_attributes.push(attribute("custom:team", "red")))
            .await
            .unwrap();
        let session = challenged(&world, &client, "alice").await;
        let before = world.admin_get_user(&pool, "alice").await.unwrap();
        let schema = "Attributes did not conform to the schema:";
        let unwritable = || not_authorized("A client attempted to write unauthorized attribute");
        for (name, value, refused) in [
            ("userAttributes.email", "b@example.com", not_authorized("Cannot modify an already provided email")),
            ("userAttributes.email", "alice@example.com", not_authorized("Cannot modify an already provided email")),
            ("userAttributes.custom:team", "blue", not_authorized("Cannot modify an already provided custom:team")),
            ("userAttributes.sub", "x", unwritable()),
            ("userAttributes.email_verified", "true", unwritable()),
            ("userAttributes.phone_number_verified", "true", unwritable()),
            ("userAttributes.custom:secret", "x", unwritable()),
            ("userAttributes.nickname", "Al", unwritable()),
            ("userAttributes.custom:nonesuch", "x", unwritable()),
            ("userAttributes.", "x", unwritable()),
            ("userAttributes.custom:badge", "7", invalid("user.custom:badge: Attribute cannot be updated.")),
            ("userAttributes.phone_number", "0100", invalid("Invalid phone number format.")),
            (
                "userAttributes.birthdate",
                "1999",
                invalid(&format!("{schema} birthdate: The length of the value must be greater than or equal to 10.")),
            ),
        ] {
            let reply = sets(&world, &client, &session, "alice", NEW_PASSWORD, &[(name, value)]).await;
            assert_eq!(reply, refused, "{name}");
        }
        assert_eq!(world.admin_get_user(&pool, "alice").await.unwrap(), before);
        let liberal = world.client(&pool, |_| {}).await;
        let liberal_session = challenged(&world, &liberal, "alice").await;
        assert_eq!(
            sets(&world, &liberal, &liberal_session, "alice", NEW_PASSWORD, &[("userAttributes.custom:no", "x")]).await,
            invalid(&format!("{schema} custom:no: Attribute does not exist in the schema."))
        );
        // What is no attribute is no matter.
        sets(&world, &client, &session, "alice", NEW_PASSWORD, &[("name", "Alice")]).await.unwrap();
        assert_eq!(world.admin_get_user(&pool, "alice").await.unwrap().user_attributes, before.user_attributes);
    }
}

spec! {
    async fn a_client_is_told_only_what_it_may_read(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, |request| request.read_attributes = vec!["name".to_owned()]).await;
        world
            .create_user(&pool, "alice", |request| request.user_attributes.push(attribute("name", "Alice")))
            .await
            .unwrap();
        let reply = proves(&world, &client, Way::Password, "alice", TEMPORARY_PASSWORD).await.unwrap();
        assert_eq!(reply.challenge_parameters["userAttributes"], r#"{"name":"Alice"}"#);
    }
}

spec! {
    async fn the_new_password_must_conform_to_the_policy_and_the_session_serves_until_one_does(world: World) {
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        let session = challenged(&world, &client, "alice").await;
        for (password, reason) in [
            ("Sh0rt!", "Password not long enough"),
            ("passw0rd!", "Password must have uppercase characters"),
            ("PASSW0RD!", "Password must have lowercase characters"),
            ("Password!", "Password must have numeric characters"),
            ("Passw0rdd", "Password must have symbol characters"),
        ] {
            assert_eq!(
                sets(&world, &client, &session, "alice", password, &[]).await,
                Err(refusal("InvalidPasswordException", &format!("Password does not conform to policy: {reason}")))
            );
        }
        for (password, constraint) in [
            ("x".repeat(257), "Member must have length less than or equal to 256"),
            ("Passw0rd! ".to_owned(), "Member must satisfy regular expression pattern: ^[\\S]+.*[\\S]+$"),
            (" Passw0rd!".to_owned(), "Member must satisfy regular expression pattern: ^[\\S]+.*[\\S]+$"),
        ] {
            let violation = "Value at 'challengeResponses.NEW_PASSWORD' failed to satisfy constraint";
            assert_eq!(
                sets(&world, &client, &session, "alice", &password, &[]).await,
                invalid(&format!("1 validation error detected: {violation}: {constraint}"))
            );
        }
        assert_eq!(
            sets(&world, &client, &session, "alice", "", &[]).await,
            invalid("Missing required parameter NEW_PASSWORD")
        );
        sets(&world, &client, &session, "alice", "Passw0rd with spaces", &[]).await.unwrap();
        world.try_password(&client, "alice", "Passw0rd with spaces").await.unwrap();
    }
}

spec! {
    async fn an_answer_needs_a_name_and_a_session(world: World) {
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        let session = challenged(&world, &client, "alice").await;
        let nameless = [("NEW_PASSWORD", NEW_PASSWORD.to_owned())];
        assert_eq!(
            world.call(answer(&client, ChallengeName::NewPasswordRequired, &session, nameless)).await,
            invalid("Missing required parameter USERNAME")
        );
        let request = answer(
            &client,
            ChallengeName::NewPasswordRequired,
            &session,
            responses(&client, "alice", NEW_PASSWORD, &[]),
        );
        assert_eq!(
            world.call(api::RespondToAuthChallengeRequest { session: None, ..request }).await,
            invalid("Missing required parameter Session")
        );
    }
}

spec! {
    async fn a_session_serves_once_and_only_its_user_client_and_step(world: World) {
        let client = world.app_client().await;
        let elsewhere = world.client(&client.pool, |_| {}).await;
        let of_another_pool = world.app_client().await;
        for name in ["alice", "bob"] {
            world.create_user(&client.pool, name, |_| {}).await.unwrap();
        }
        let session = challenged(&world, &client, "alice").await;
        for (client, username) in
            [(&client, "bob"), (&client, "nobody"), (&elsewhere, "alice"), (&of_another_pool, "alice")]
        {
            assert_eq!(sets_password(&world, client, &session, username).await, invalid_session());
        }
        for (challenge, more) in
            [(ChallengeName::Password, "PASSWORD"), (ChallengeName::SelectChallenge, "ANSWER")]
        {
            let responses = [("USERNAME", "alice".to_owned()), (more, "PASSWORD".to_owned())];
            assert_eq!(world.call(answer(&client, challenge, &session, responses)).await, invalid_session());
        }
        // The session of another step of the same user is none here.
        let asked = initiate_auth(&client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
        let asked = world.call(asked).await.unwrap().session.unwrap();
        assert_eq!(sets_password(&world, &client, &asked, "alice").await, invalid_session());
        assert_eq!(sets_password(&world, &client, &"x".repeat(300), "alice").await, invalid_session());

        sets_password(&world, &client, &session, "alice").await.unwrap();
        assert_eq!(sets(&world, &client, &session, "alice", "0ther-Passw0rd", &[]).await, used_session());
        let world = world.restarted().await;
        assert_eq!(sets(&world, &client, &session, "alice", "0ther-Passw0rd", &[]).await, used_session());
        world.try_password(&client, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_session_lives_as_long_as_the_client_says_to_the_millisecond(world: World) {
        let client = world.app_client().await;
        for name in ["alice", "bob"] {
            world.create_user(&client.pool, name, |_| {}).await.unwrap();
        }
        let (in_time, late) = (challenged(&world, &client, "alice").await, challenged(&world, &client, "bob").await);
        world.advance(Duration::from_millis(3 * 60 * 1000 - 1));
        sets_password(&world, &client, &in_time, "alice").await.unwrap();
        world.advance(Duration::from_millis(1));
        assert_eq!(
            sets_password(&world, &client, &late, "bob").await,
            not_authorized("Invalid session for the user, session is expired.")
        );
    }
}

spec! {
    async fn a_session_ends_with_the_temporary_password_that_was_proved(world: World) {
        let client = world.app_client().await;
        let pool = client.pool.as_str();
        let names = ["again", "temporary", "permanent", "answered"];
        for name in names {
            world.create_user(pool, name, |_| {}).await.unwrap();
        }
        let mut sessions = Vec::new();
        for name in names {
            sessions.push(challenged(&world, &client, name).await);
        }
        let resend = |request: &mut api::AdminCreateUserRequest| {
            request.message_action = Some(api::message_action::Value::Resend.into());
        };
        // The same password again is another temporary password all the same.
        world.create_user(pool, "again", resend).await.unwrap();
        world.set_temporary_password(pool, "temporary", TEMPORARY_PASSWORD).await.unwrap();
        world.set_password(pool, "permanent", PASSWORD).await.unwrap();
        let other = challenged(&world, &client, "answered").await;
        sets(&world, &client, &other, "answered", PASSWORD, &[]).await.unwrap();
        for (name, session) in names.into_iter().zip(&sessions) {
            assert_eq!(sets_password(&world, &client, session, name).await, invalid_session(), "{name}");
        }
        for name in ["permanent", "answered"] {
            world.sign_in(&client, name).await;
        }
        for name in ["again", "temporary"] {
            let session = challenged(&world, &client, name).await;
            sets_password(&world, &client, &session, name).await.unwrap();
        }
    }
}

spec! {
    async fn a_user_who_is_disabled_or_deleted_meanwhile_sets_no_password(world: World) {
        let client = world.app_client().await;
        for name in ["alice", "bob"] {
            world.create_user(&client.pool, name, |_| {}).await.unwrap();
        }
        let (alices, bobs) = (challenged(&world, &client, "alice").await, challenged(&world, &client, "bob").await);
        world.disable(&client.pool, "alice").await;
        assert_eq!(sets_password(&world, &client, &alices, "alice").await, not_authorized("User is disabled."));
        world.enable(&client.pool, "alice").await;
        sets_password(&world, &client, &alices, "alice").await.unwrap();
        world.delete_user(&client.pool, "bob").await.unwrap();
        assert_eq!(sets_password(&world, &client, &bobs, "bob").await, invalid_session());
        // Nor does somebody else who bears the name now.
        world.create_user(&client.pool, "bob", |_| {}).await.unwrap();
        assert_eq!(sets_password(&world, &client, &bobs, "bob").await, invalid_session());
    }
}

spec! {
    async fn past_its_end_a_temporary_password_is_refused_in_every_flow_and_never_evaluated(world: World) {
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        world.advance(7 * DAY - Duration::from_millis(1));
        let session = challenged(&world, &client, "alice").await;
        world.advance(Duration::from_millis(1));
        let hashes = world.hashes_evaluated();
        for way in WAYS {
            for password in [TEMPORARY_PASSWORD, WRONG_PASSWORD] {
                assert_eq!(proves(&world, &client, way, "alice", password).await, ended(), "{way:?}");
            }
        }
        assert_eq!(sets_password(&world, &client, &session, "alice").await, ended());
        assert_eq!(world.hashes_evaluated(), hashes);
    }
}

spec! {
    async fn where_existence_is_hidden_an_ended_password_is_wrong_like_nobodys_at_the_usual_cost(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, hide_users).await;
        world.create_user(&pool, "alice", |_| {}).await.unwrap();
        assert_eq!(proves(&world, &client, Way::Password, "alice", WRONG_PASSWORD).await, incorrect());
        challenged(&world, &client, "alice").await;
        world.advance(7 * DAY);
        for way in WAYS {
            let hashes = world.hashes_evaluated();
            for name in ["alice", "nobody"] {
                assert_eq!(proves(&world, &client, way, name, TEMPORARY_PASSWORD).await, incorrect(), "{way:?} {name}");
            }
            // A proof by SRP is judged without a hash.
            let evaluated = if way == Way::Srp { 0 } else { 2 };
            assert_eq!(world.hashes_evaluated(), hashes + evaluated, "{way:?}");
            world.advance(Duration::from_secs(15 * 60));
        }
        for _ in 0..5 {
            assert_eq!(proves(&world, &client, Way::Password, "alice", TEMPORARY_PASSWORD).await, incorrect());
        }
        assert_eq!(
            proves(&world, &client, Way::Password, "alice", TEMPORARY_PASSWORD).await,
            not_authorized("Password attempts exceeded")
        );
    }
}

spec! {
    async fn wrong_temporary_passwords_lock_the_user_and_are_forgiven_at_the_end_of_a_sign_in(world: World) {
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        let guess = async || proves(&world, &client, Way::Password, "alice", WRONG_PASSWORD).await;
        for _ in 0..4 {
            assert_eq!(guess().await, incorrect());
        }
        // The right one is none of them, and forgets none.
        let session = challenged(&world, &client, "alice").await;
        assert_eq!(guess().await, incorrect());
        assert_eq!(
            proves(&world, &client, Way::Password, "alice", TEMPORARY_PASSWORD).await,
            not_authorized("Password attempts exceeded")
        );
        sets(&world, &client, &session, "alice", NEW_PASSWORD, &[]).await.unwrap();
        for _ in 0..5 {
            assert_eq!(guess().await, incorrect());
        }
        assert_eq!(guess().await, not_authorized("Password attempts exceeded"));
    }
}

spec! {
    async fn of_many_answers_at_once_one_sets_the_password(world: World) {
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        let session = challenged(&world, &client, "alice").await;
        let passwords: Vec<String> = (0..8).map(|number| format!("N3w-passw0rd-{number}")).collect();
        let answers = passwords.iter().map(|password| sets(&world, &client, &session, "alice", password, &[]));
        let answered = at_once(answers).await;
        let winners: Vec<_> = passwords.iter().zip(&answered).filter(|(_, answered)| answered.is_ok()).collect();
        assert_eq!(winners.len(), 1);
        assert!(answered.iter().filter(|answered| answered.is_err()).all(|refused| *refused == used_session()));
        world.try_password(&client, "alice", winners[0].0).await.unwrap();
    }
}

spec! {
    async fn a_sign_in_name_that_comes_with_the_password_is_bound_with_it_or_is_another_users(world: World) {
        let both = [username_attribute::Value::Email, username_attribute::Value::PhoneNumber].map(i32::from).to_vec();
        let pool = world.pool(|request| request.username_attributes = both).await;
        let client = world.client(&pool, |_| {}).await;
        for (name, phone_number) in [("a@example.com", Some("+15550100")), ("b@example.com", None)] {
            let configure = |request: &mut api::AdminCreateUserRequest| {
                request.user_attributes = phone_number.map(|number| attribute("phone_number", number)).into_iter().collect();
            };
            world.create_user(&pool, name, configure).await.unwrap();
        }
        let session = challenged(&world, &client, "b@example.com").await;
        let taken = [("userAttributes.phone_number", "+15550100")];
        assert_eq!(
            sets(&world, &client, &session, "b@example.com", NEW_PASSWORD, &taken).await,
            Err(refusal("AliasExistsException", "An account with the phone_number already exists."))
        );
        let free = [("userAttributes.phone_number", "+15550101")];
        sets(&world, &client, &session, "b@example.com", NEW_PASSWORD, &free).await.unwrap();
        world.try_password(&client, "+15550101", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_preferred_username_that_comes_with_the_password_is_bound_and_an_unverified_address_is_not(world: World) {
        let aliases = [alias_attribute::Value::Email, alias_attribute::Value::PreferredUsername].map(i32::from).to_vec();
        let pool = world.pool(|request| request.alias_attributes = aliases).await;
        let client = world.client(&pool, |_| {}).await;
        for name in ["alice", "bob"] {
            world.create_user(&pool, name, |request| request.user_attributes.clear()).await.unwrap();
        }
        let session = challenged(&world, &client, "alice").await;
        let names = [("userAttributes.preferred_username", "ally"), ("userAttributes.email", "ally@example.com")];
        sets(&world, &client, &session, "alice", NEW_PASSWORD, &names).await.unwrap();
        world.try_password(&client, "ally", NEW_PASSWORD).await.unwrap();
        assert_eq!(
            world.try_password(&client, "ally@example.com", NEW_PASSWORD).await,
            Err(refusal("UserNotFoundException", "User does not exist."))
        );
        let session = challenged(&world, &client, "bob").await;
        for taken in ["ally", "alice"] {
            let names = [("userAttributes.preferred_username", taken)];
            assert_eq!(
                sets(&world, &client, &session, "bob", NEW_PASSWORD, &names).await,
                Err(refusal("AliasExistsException", "An account with the preferred_username already exists."))
            );
        }
    }
}

spec! {
    async fn the_first_tokens_tell_of_the_users_groups(world: World) {
        let client = world.app_client().await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        groups::create(&world, &client.pool, "staff").await;
        groups::add(&world, &client.pool, "alice", "staff").await.unwrap();
        let session = challenged(&world, &client, "alice").await;
        let set = sets_password(&world, &client, &session, "alice").await.unwrap();
        let tokens = set.authentication_result.unwrap();
        assert_eq!(claims(tokens.access_token())["cognito:groups"], json!(["staff"]));
    }
}

spec! {
    async fn the_session_of_a_confirmed_sign_up_is_no_way_around_a_temporary_password(world: World) {
        let client = world.app_client().await;
        let signed_up = world.sign_up(&client, "alice").await;
        let code = world.code_for("alice").await;
        let request = api::ConfirmSignUpRequest {
            session: signed_up.session,
            ..world.confirm_request(&client, "alice", &code)
        };
        let session = world.call(request).await.unwrap().session;
        world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
        let request = initiate_auth(&client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
        assert_eq!(
            world.call(api::InitiateAuthRequest { session, ..request }).await.map(|reply| answered!(reply)),
            invalid_session()
        );
    }
}
