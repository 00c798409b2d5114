//! SRP: `USER_SRP_AUTH`, the choice `PASSWORD_SRP`, and the proof `PASSWORD_VERIFIER`, through clients and back ends.

use std::collections::HashMap;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::{self, alias_attribute, user_pool_mfa, username_attribute};
use cognate::context::Cx;
use cognate::store::{Batch, SrpVerifierKey};
use num_bigint::BigUint;

use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, admin_answer, admin_initiate_auth, answer, claims,
    hide_users, initiate_auth, srp_answer, srp_beginning, with_secret,
};
use crate::support::srp::{Question, SrpClient, modulus, timestamp};
use crate::support::{Refusal, World, at_once, refusal};

const NEW_PASSWORD: &str = "N3w-passw0rd";

type Answered = Result<api::RespondToAuthChallengeResponse, Refusal>;

fn not_authorized(message: &str) -> Answered {
    Err(refusal("NotAuthorizedException", message))
}

fn incorrect() -> Answered {
    not_authorized("Incorrect username or password.")
}

fn invalid_session() -> Answered {
    not_authorized("Invalid session for the user.")
}

fn used_session() -> Answered {
    not_authorized("Invalid session for the user, session can only be used once.")
}

fn locked() -> Answered {
    not_authorized("Password attempts exceeded")
}

fn invalid(message: &str) -> Refusal {
    refusal("InvalidParameterException", message)
}

fn missing(name: &str) -> Refusal {
    invalid(&format!("Missing required parameter {name}"))
}

/// The way that leads to the question for a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Srp,
    Preferred,
    AskedFor,
    Chosen,
    ChosenThenAskedFor,
    OfBackEnd,
    OfBackEndByChoice,
}

const WAYS: [Way; 7] = [
    Way::Srp,
    Way::Preferred,
    Way::AskedFor,
    Way::Chosen,
    Way::ChosenThenAskedFor,
    Way::OfBackEnd,
    Way::OfBackEndByChoice,
];

/// What a challenge has, whichever operation asks it.
type Asked = (ChallengeName, Option<String>, HashMap<String, String>);

macro_rules! asked {
    ($reply:expr) => {{
        let reply = $reply?;
        Ok::<Asked, Refusal>((reply.challenge_name(), reply.session.clone(), reply.challenge_parameters))
    }};
}

async fn begins(
    world: &World,
    client: &TestClient,
    way: Way,
    username: &str,
) -> Result<(SrpClient, Question), Refusal> {
    let own = SrpClient::new(&client.pool, &world.app.services.rng);
    let number = own.number();
    let with = |more: &[(&'static str, &str)]| {
        let mut all = vec![("USERNAME", username.to_owned())];
        all.extend(client.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
        all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        all
    };
    let by_choice = async |more: &[(&'static str, &str)]| -> Result<Asked, Refusal> {
        asked!(world.call(initiate_auth(client, AuthFlow::UserAuth, with(more))).await)
    };
    let answers = async |(name, session, _): Asked, more: &[(&'static str, &str)]| -> Result<Asked, Refusal> {
        asked!(world.call(answer(client, name, &session.unwrap(), with(more))).await)
    };
    let (preferred, chosen, srp_a) =
        (("PREFERRED_CHALLENGE", "PASSWORD_SRP"), ("ANSWER", "PASSWORD_SRP"), ("SRP_A", &*number));
    let (name, session, parameters) = match way {
        Way::Srp => asked!(world.call(srp_beginning(client, username, &number)).await)?,
        Way::Preferred => by_choice(&[preferred, srp_a]).await?,
        Way::AskedFor => {
            let asked = by_choice(&[preferred]).await?;
            assert_eq!((asked.0, asked.2.len()), (ChallengeName::PasswordSrp, 0));
            answers(asked, &[srp_a]).await?
        }
        Way::Chosen => answers(by_choice(&[]).await?, &[chosen, srp_a]).await?,
        Way::ChosenThenAskedFor => {
            let asked = answers(by_choice(&[]).await?, &[chosen]).await?;
            assert_eq!((asked.0, asked.2.len()), (ChallengeName::PasswordSrp, 0));
            answers(asked, &[srp_a]).await?
        }
        Way::OfBackEnd => asked!(world.call(admin_initiate_auth(client, AuthFlow::UserSrpAuth, with(&[srp_a]))).await)?,
        Way::OfBackEndByChoice => {
            let (name, session, _) =
                asked!(world.call(admin_initiate_auth(client, AuthFlow::UserAuth, with(&[]))).await)?;
            let choice = admin_answer(client, name, &session.unwrap(), with(&[chosen, srp_a]));
            asked!(world.call(choice).await)?
        }
    };
    assert_eq!(name, ChallengeName::PasswordVerifier, "{way:?}");
    assert!(session.is_some());
    Ok((own, Question::of(&parameters)))
}

/// Answers as whoever began: a client or a back end.
async fn answers(
    world: &World,
    way: Way,
    client: &TestClient,
    request: api::RespondToAuthChallengeRequest,
) -> Answered {
    if !matches!(way, Way::OfBackEnd | Way::OfBackEndByChoice) {
        return world.call(request).await;
    }
    let request = api::AdminRespondToAuthChallengeRequest {
        user_pool_id: Some(client.pool.clone()),
        client_id: request.client_id,
        challenge_name: request.challenge_name,
        session: request.session,
        challenge_responses: request.challenge_responses,
        ..Default::default()
    };
    world.call(request).await.map(|reply| api::RespondToAuthChallengeResponse {
        challenge_name: reply.challenge_name,
        session: reply.session,
        challenge_parameters: reply.challenge_parameters,
        authentication_result: reply.authentication_result,
        available_challenges: reply.available_challenges,
    })
}

/// The right answer with a proof of this password at this moment.
fn proof(
    world: &World,
    client: &TestClient,
    begun: &(SrpClient, Question),
    password: &str,
) -> api::RespondToAuthChallengeRequest {
    let (own, question) = begun;
    let timestamp = timestamp(world.now());
    srp_answer(client, question, &own.signature(question, password, &timestamp), &timestamp)
}

async fn signs_in(world: &World, client: &TestClient, way: Way, username: &str, password: &str) -> Answered {
    let begun = begins(world, client, way, username).await?;
    answers(world, way, client, proof(world, client, &begun, password)).await
}

/// The answer with another response, or without it.
fn with(
    request: &api::RespondToAuthChallengeRequest,
    name: &str,
    value: Option<&str>,
) -> api::RespondToAuthChallengeRequest {
    let mut request = request.clone();
    match value {
        Some(value) => request.challenge_responses.insert(name.to_owned(), value.to_owned()),
        None => request.challenge_responses.remove(name),
    };
    request
}

/// The session that a secret block is of.
fn session_of(question: &Question) -> String {
    String::from_utf8(BASE64_STANDARD.decode(&question.secret_block).unwrap()).unwrap()
}

/// The base64 text of the same bytes with one bit flipped.
fn flipped(base64: &str, at: usize) -> String {
    let mut bytes = BASE64_STANDARD.decode(base64).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 1;
    BASE64_STANDARD.encode(bytes)
}

async fn client_of(world: &World, configure: impl FnOnce(&mut api::CreateUserPoolClientRequest)) -> TestClient {
    let pool = world.pool(|_| {}).await;
    world.client(&pool, configure).await
}

spec! {
    async fn the_right_password_earns_tokens_in_every_way_with_and_without_a_secret(world: World) {
        for configure in [|_: &mut api::CreateUserPoolClientRequest| {}, with_secret] {
            let client = client_of(&world, configure).await;
            let sub = world.confirmed_user(&client, "alice").await;
            for way in WAYS {
                let reply = signs_in(&world, &client, way, "alice", PASSWORD).await.unwrap();
                let tokens = reply.authentication_result.clone();
                let authentication_result = tokens.clone();
                let expected = api::RespondToAuthChallengeResponse { authentication_result, ..Default::default() };
                assert_eq!(reply, expected, "{way:?}");
                let tokens = tokens.unwrap();
                assert_eq!(claims(tokens.access_token())["sub"], sub);
                assert_eq!(claims(tokens.id_token())["cognito:username"], "alice");
                world.get_user(tokens.access_token()).await.unwrap();
            }
        }
    }
}

spec! {
    async fn a_wrong_password_earns_nothing_in_any_way(world: World) {
        for configure in [|_: &mut api::CreateUserPoolClientRequest| {}, hide_users] {
            let client = client_of(&world, configure).await;
            world.confirmed_user(&client, "alice").await;
            for way in WAYS {
                assert_eq!(signs_in(&world, &client, way, "alice", WRONG_PASSWORD).await, incorrect(), "{way:?}");
                signs_in(&world, &client, way, "alice", PASSWORD).await.unwrap();
            }
        }
    }
}

spec! {
    async fn with_one_bit_flipped_nothing_is_proved(world: World) {
        let client = client_of(&world, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let right = proof(&world, &client, &begun, PASSWORD);
        let given = |name: &str| right.challenge_responses[name].clone();
        for at in [0, 31] {
            let signature = flipped(&given("PASSWORD_CLAIM_SIGNATURE"), at);
            let request = with(&right, "PASSWORD_CLAIM_SIGNATURE", Some(&signature));
            assert_eq!(world.call(request).await, incorrect());
        }
        for at in [0, 40, 80] {
            let block = flipped(&given("PASSWORD_CLAIM_SECRET_BLOCK"), at);
            assert_eq!(world.call(with(&right, "PASSWORD_CLAIM_SECRET_BLOCK", Some(&block))).await, invalid_session());
        }
        let later = timestamp(world.now() + Duration::from_secs(1));
        assert_eq!(world.call(with(&right, "TIMESTAMP", Some(&later))).await, incorrect());
        // As it was, it serves still.
        assert!(world.call(right).await.unwrap().authentication_result.is_some());

        // A that is not the client's.
        let own = SrpClient::new(&client.pool, &world.app.services.rng);
        let number = BigUint::parse_bytes(own.number().as_bytes(), 16).unwrap();
        let other = number.clone() ^ BigUint::from(1u8);
        let asked = world.call(srp_beginning(&client, "alice", &other.to_str_radix(16))).await.unwrap();
        let begun = (own, Question::of(&asked.challenge_parameters));
        assert_eq!(world.call(proof(&world, &client, &begun, PASSWORD)).await, incorrect());
    }
}

spec! {
    async fn what_would_give_the_key_away_or_is_no_number_is_refused(world: World) {
        let client = client_of(&world, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        let (modulus, one) = (modulus(), BigUint::from(1u8));
        let digits = |number: BigUint| number.to_str_radix(16);
        for srp_a in [
            "0".to_owned(),
            "000".to_owned(),
            digits(modulus.clone()),
            digits(&modulus * 2u8),
            digits(&modulus + &one),
            format!("-{}", digits(one.clone())),
            format!("0x{}", digits(one.clone())),
            "alice".to_owned(),
            "f".repeat(4000),
        ] {
            for username in ["alice", "nobody"] {
                let refused = world.call(srp_beginning(&client, username, &srp_a)).await;
                assert_eq!(refused, Err(invalid("Invalid SRP_A given.")), "{srp_a}");
            }
        }
        // Zeros before a number, and letters of either case, are no other number.
        let own = SrpClient::new(&client.pool, &world.app.services.rng);
        let padded = format!("00{}", own.number().to_uppercase());
        let asked = world.call(srp_beginning(&client, "alice", &padded)).await.unwrap();
        let begun = (own, Question::of(&asked.challenge_parameters));
        world.call(proof(&world, &client, &begun, PASSWORD)).await.unwrap();
    }
}

spec! {
    async fn a_proof_is_believed_five_minutes_either_way_and_in_the_one_form_of_its_time(world: World) {
        let client = client_of(&world, |request| request.auth_session_validity = Some(15)).await;
        world.confirmed_user(&client, "alice").await;
        let at = |offset: i64, form: &str| {
            (world.now() + jiff::SignedDuration::from_secs(offset)).strftime(form).to_string()
        };
        let proves = async |timestamp: String| {
            let (own, question) = begins(&world, &client, Way::Srp, "alice").await.unwrap();
            let signature = own.signature(&question, PASSWORD, &timestamp);
            world.call(srp_answer(&client, &question, &signature, &timestamp)).await.map(|_| ())
        };
        const FORM: &str = "%a %b %-d %H:%M:%S UTC %Y";
        for (offset, believed) in [(0, true), (300, true), (-300, true), (301, false), (-301, false), (86_400, false)] {
            let answered = proves(at(offset, FORM)).await;
            assert_eq!(answered, if believed { Ok(()) } else { incorrect().map(|_| ()) }, "{offset}");
        }
        for form in ["%a %b %d %H:%M:%S UTC %Y", "%a %b %-d %H:%M:%S GMT %Y", "%Y-%m-%dT%H:%M:%SZ", "now"] {
            assert_eq!(proves(at(0, form)).await, Err(invalid("Invalid TIMESTAMP given.")), "{form}");
        }
        // The challenge waits longer than a proof is believed.
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let early = proof(&world, &client, &begun, PASSWORD);
        world.advance(Duration::from_secs(301));
        assert_eq!(world.call(early).await, incorrect());
        world.call(proof(&world, &client, &begun, PASSWORD)).await.unwrap();
    }
}

spec! {
    async fn an_answer_serves_once(world: World) {
        let client = client_of(&world, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let right = proof(&world, &client, &begun, PASSWORD);
        let answers = at_once((0..4).map(|_| world.call(right.clone()))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert_eq!(answers.iter().filter(|answer| **answer == used_session()).count(), 3);
        assert_eq!(world.call(right).await, used_session());
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let late = proof(&world, &client, &begun, PASSWORD);
        world.advance(Duration::from_secs(180));
        let expired = not_authorized("Invalid session for the user, session is expired.");
        assert_eq!(world.call(late).await, expired);
    }
}

spec! {
    async fn a_question_serves_only_its_user_client_pool_and_step(world: World) {
        let client = client_of(&world, |_| {}).await;
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let of_another_pool = client_of(&world, |_| {}).await;
        for (client, name) in [(&client, "alice"), (&client, "bob"), (&of_another_pool, "alice")] {
            world.confirmed_user(client, name).await;
        }
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let right = proof(&world, &client, &begun, PASSWORD);
        for username in ["bob", "nobody"] {
            assert_eq!(world.call(with(&right, "USERNAME", Some(username))).await, invalid_session());
        }
        for other in [&of_the_same_pool, &of_another_pool] {
            let client_id = Some(other.id.clone());
            let request = api::RespondToAuthChallengeRequest { client_id, ..right.clone() };
            assert_eq!(world.call(request).await, invalid_session());
        }
        for challenge in [
            ChallengeName::SelectChallenge,
            ChallengeName::Password,
            ChallengeName::PasswordSrp,
            ChallengeName::NewPasswordRequired,
            ChallengeName::SoftwareTokenMfa,
        ] {
            let session = session_of(&begun.1);
            let more = [("USERNAME", "alice"), ("PASSWORD", PASSWORD), ("SRP_A", "1"), ("ANSWER", "PASSWORD")];
            let more = more.map(|(name, value)| (name, value.to_owned()));
            let answered = world.call(answer(&client, challenge, &session, more)).await;
            assert_eq!(answered, invalid_session(), "{challenge:?}");
        }
        // Nor does a session of another step bring a proof along.
        for flow in [&[][..], &[("PREFERRED_CHALLENGE", "PASSWORD")], &[("PREFERRED_CHALLENGE", "PASSWORD_SRP")]] {
            let parameters = [&[("USERNAME", "alice")], flow].concat();
            let parameters = parameters.into_iter().map(|(name, value)| (name, value.to_owned()));
            let asked = world.call(initiate_auth(&client, AuthFlow::UserAuth, parameters)).await.unwrap();
            let block = BASE64_STANDARD.encode(asked.session());
            assert_eq!(world.call(with(&right, "PASSWORD_CLAIM_SECRET_BLOCK", Some(&block))).await, invalid_session());
        }
        // Two exchanges are two: the proof of one is none in the other.
        let second = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let crossed = with(&right, "PASSWORD_CLAIM_SECRET_BLOCK", Some(&second.1.secret_block));
        assert_eq!(world.call(crossed).await, incorrect());
        world.call(right).await.unwrap();
    }
}

spec! {
    async fn a_session_that_comes_beside_the_secret_block_must_be_the_same_one(world: World) {
        let client = client_of(&world, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let first = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let second = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let session = |begun: &(SrpClient, Question)| Some(session_of(&begun.1));
        let right = proof(&world, &client, &first, PASSWORD);
        let other = api::RespondToAuthChallengeRequest { session: session(&second), ..right.clone() };
        assert_eq!(world.call(other).await, invalid_session());
        let same = api::RespondToAuthChallengeRequest { session: session(&first), ..right };
        world.call(same).await.unwrap();
    }
}

spec! {
    async fn what_is_missing_is_named(world: World) {
        let client = client_of(&world, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let mut request = srp_beginning(&client, "alice", "1");
        request.auth_parameters.remove("SRP_A");
        assert_eq!(world.call(request.clone()).await.map(|_| ()), Err(missing("SRP_A")));
        request.auth_parameters.remove("SECRET_HASH");
        let no_hash = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
        assert_eq!(world.call(request).await.map(|_| ()), not_authorized(&no_hash).map(|_| ()));
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let right = proof(&world, &client, &begun, PASSWORD);
        for name in ["PASSWORD_CLAIM_SECRET_BLOCK", "PASSWORD_CLAIM_SIGNATURE", "TIMESTAMP", "USERNAME"] {
            assert_eq!(world.call(with(&right, name, None)).await, Err(missing(name)));
        }
        assert_eq!(world.call(with(&right, "SECRET_HASH", None)).await, not_authorized(&no_hash));
        assert_eq!(world.call(with(&right, "PASSWORD_CLAIM_SIGNATURE", Some("?"))).await, incorrect());
        assert_eq!(world.call(with(&right, "PASSWORD_CLAIM_SECRET_BLOCK", Some("?"))).await, invalid_session());
        world.call(right).await.unwrap();
    }
}

spec! {
    async fn the_flow_must_be_open_on_the_client(world: World) {
        let pool = world.pool(|_| {}).await;
        let with = async |flows: &[ExplicitAuthFlow]| {
            let flows = flows.iter().map(|flow| i32::from(*flow)).collect();
            world.client(&pool, |request| request.explicit_auth_flows = flows).await
        };
        let open = with(&[]).await;
        world.sign_up(&open, "alice").await;
        world.confirm_by_operator(&pool, "alice").await;
        for flows in [&[][..], &[ExplicitAuthFlow::AllowUserSrpAuth], &[ExplicitAuthFlow::UserPasswordAuth]] {
            let client = with(flows).await;
            for way in [Way::Srp, Way::OfBackEnd] {
                signs_in(&world, &client, way, "alice", PASSWORD).await.unwrap();
            }
        }
        for flows in [
            &[ExplicitAuthFlow::AllowUserPasswordAuth, ExplicitAuthFlow::AllowAdminUserPasswordAuth][..],
            &[ExplicitAuthFlow::AllowUserAuth],
            &[ExplicitAuthFlow::AllowRefreshTokenAuth],
        ] {
            let client = with(flows).await;
            for way in [Way::Srp, Way::OfBackEnd] {
                let refused = signs_in(&world, &client, way, "alice", PASSWORD).await;
                assert_eq!(refused, Err(invalid("USER_SRP_AUTH is not enabled for the client.")));
            }
        }
    }
}

spec! {
    async fn the_proof_of_an_older_password_is_none(world: World) {
        let client = client_of(&world, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let right = proof(&world, &client, &begun, PASSWORD);
        world.set_password(&client.pool, "alice", NEW_PASSWORD).await.unwrap();
        assert_eq!(world.call(right).await, incorrect());
        assert_eq!(signs_in(&world, &client, Way::Srp, "alice", PASSWORD).await, incorrect());
        signs_in(&world, &client, Way::Srp, "alice", NEW_PASSWORD).await.unwrap();
    }
}

spec! {
    async fn without_a_verifier_no_proof_is_right_until_the_password_has_come_once(world: World) {
        for configure in [|_: &mut api::CreateUserPoolClientRequest| {}, hide_users] {
            let client = client_of(&world, configure).await;
            world.confirmed_user(&client, "alice").await;
            let cx = Cx::new(&world.app.services);
            let owner = cx.user_named(&cx.pool(&client.pool).await.unwrap(), "alice").await.unwrap().unwrap().owner;
            let mut batch = Batch::default();
            batch.delete(&SrpVerifierKey { owner });
            cx.store.commit(batch).await.unwrap();
            let first = begins(&world, &client, Way::Srp, "alice").await.unwrap();
            let second = begins(&world, &client, Way::Srp, "alice").await.unwrap();
            assert_eq!(first.1.salt, second.1.salt);
            assert_eq!(world.call(proof(&world, &client, &first, PASSWORD)).await, incorrect());
            world.sign_in(&client, "alice").await;
            signs_in(&world, &client, Way::Srp, "alice", PASSWORD).await.unwrap();
        }
    }
}

spec! {
    async fn whoever_may_not_sign_in_is_told_so_where_users_are_hidden_once_the_password_is_proved(world: World) {
        for hides in [false, true] {
            let configure = if hides { hide_users } else { |_: &mut api::CreateUserPoolClientRequest| {} };
            let client = client_of(&world, configure).await;
            world.sign_up(&client, "unconfirmed").await;
            for name in ["disabled", "reset"] {
                world.confirmed_user(&client, name).await;
            }
            world.disable(&client.pool, "disabled").await;
            world.reset_password(&client.pool, "reset").await.unwrap();
            for (name, exception, message) in [
                ("unconfirmed", "UserNotConfirmedException", "User is not confirmed."),
                ("disabled", "NotAuthorizedException", "User is disabled."),
                ("reset", "PasswordResetRequiredException", "Password reset required for the user"),
            ] {
                let told = Err(refusal(exception, message));
                for way in [Way::Srp, Way::OfBackEnd, Way::Preferred] {
                    if way == Way::Preferred && name == "unconfirmed" && !hides {
                        continue;
                    }
                    assert_eq!(signs_in(&world, &client, way, name, PASSWORD).await, told, "{name} {way:?}");
                    let wrong = if hides { incorrect() } else { told.clone() };
                    assert_eq!(signs_in(&world, &client, way, name, WRONG_PASSWORD).await, wrong, "{name} {way:?}");
                }
            }
        }
    }
}

spec! {
    async fn users_who_lose_the_right_meanwhile_are_told_so(world: World) {
        let client = client_of(&world, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let begun = begins(&world, &client, Way::Srp, "alice").await.unwrap();
        let right = proof(&world, &client, &begun, PASSWORD);
        world.disable(&client.pool, "alice").await;
        assert_eq!(world.call(right.clone()).await, not_authorized("User is disabled."));
        world.enable(&client.pool, "alice").await;
        world.delete_user(&client.pool, "alice").await.unwrap();
        assert_eq!(world.call(right).await, invalid_session());
    }
}

spec! {
    async fn a_temporary_password_leads_to_a_new_one_that_can_be_proved(world: World) {
        let client = client_of(&world, hide_users).await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        for way in [Way::Srp, Way::OfBackEnd, Way::Chosen] {
            let asked = signs_in(&world, &client, way, "alice", TEMPORARY_PASSWORD).await.unwrap();
            assert_eq!(asked.challenge_name(), ChallengeName::NewPasswordRequired);
        }
        let asked = signs_in(&world, &client, Way::Srp, "alice", TEMPORARY_PASSWORD).await.unwrap();
        let responses = [("USERNAME", "alice".to_owned()), ("NEW_PASSWORD", NEW_PASSWORD.to_owned())];
        let set = world.call(answer(&client, ChallengeName::NewPasswordRequired, asked.session(), responses)).await;
        assert!(set.unwrap().authentication_result.is_some());
        assert_eq!(signs_in(&world, &client, Way::Srp, "alice", TEMPORARY_PASSWORD).await, incorrect());
        signs_in(&world, &client, Way::Srp, "alice", NEW_PASSWORD).await.unwrap();
        // Past its end a temporary password proves nothing.
        world.create_user(&client.pool, "bob", |_| {}).await.unwrap();
        world.advance(Duration::from_secs(7 * 24 * 60 * 60));
        assert_eq!(signs_in(&world, &client, Way::Srp, "bob", TEMPORARY_PASSWORD).await, incorrect());
    }
}

spec! {
    async fn proofs_and_passwords_share_one_count(world: World) {
        let client = client_of(&world, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        for name in ["alice", "nobody"] {
            for _ in 0..2 {
                assert_eq!(signs_in(&world, &client, Way::Srp, name, WRONG_PASSWORD).await, incorrect());
                assert_eq!(world.try_password(&client, name, WRONG_PASSWORD).await, incorrect().map(|_| ()));
            }
            assert_eq!(signs_in(&world, &client, Way::Chosen, name, WRONG_PASSWORD).await, incorrect());
            // Even the right proof is not looked at, in any session.
            let begun = begins(&world, &client, Way::Srp, name).await.unwrap();
            assert_eq!(world.call(proof(&world, &client, &begun, PASSWORD)).await, locked());
            assert_eq!(world.try_password(&client, name, PASSWORD).await, locked().map(|_| ()));
        }
        world.advance(Duration::from_secs(1));
        signs_in(&world, &client, Way::Srp, "alice", PASSWORD).await.unwrap();
        // And the right one forgives.
        for _ in 0..4 {
            assert_eq!(signs_in(&world, &client, Way::Srp, "alice", WRONG_PASSWORD).await, incorrect());
        }
        world.try_password(&client, "alice", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn many_proofs_at_once_are_five_guesses_in_whatever_sessions(world: World) {
        let client = client_of(&world, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        for name in ["alice", "nobody"] {
            let mut guesses = Vec::new();
            for session in 0..4 {
                let begun = begins(&world, &client, Way::Srp, name).await.unwrap();
                for guess in 0..10 {
                    guesses.push(proof(&world, &client, &begun, &format!("Gu3ss-{session}-{guess}!")));
                }
            }
            let answers = at_once(guesses.into_iter().map(|guess| world.call(guess))).await;
            assert_eq!(answers.iter().filter(|answer| **answer == incorrect()).count(), 5);
            assert_eq!(answers.iter().filter(|answer| **answer == locked()).count(), 35);
        }
    }
}

spec! {
    async fn where_users_are_hidden_nobody_is_asked_as_somebody_is_and_always_alike(world: World) {
        let email = username_attribute::Value::Email.into();
        let pool = world.pool(|request| request.username_attributes = vec![email]).await;
        let by_address = world.client(&pool, hide_users).await;
        let by_name = client_of(&world, hide_users).await;
        for (client, known, unknown) in
            [(&by_name, "alice", "nobody"), (&by_address, "alice@example.com", "nobody@example.com")]
        {
            let request = api::SignUpRequest { user_attributes: vec![], ..world.sign_up_request(client, known) };
            world.call(request).await.unwrap();
            world.confirm_by_operator(&client.pool, known).await;
            for way in WAYS {
                let mut asked: Vec<Question> = Vec::new();
                for name in [known, known, unknown, unknown] {
                    let begun = begins(&world, client, way, name).await.unwrap();
                    let wrong = proof(&world, client, &begun, WRONG_PASSWORD);
                    assert_eq!(answers(&world, way, client, wrong).await, incorrect());
                    asked.push(begun.1);
                }
                for pair in asked.chunks(2) {
                    assert_eq!((&pair[0].salt, &pair[0].user_id), (&pair[1].salt, &pair[1].user_id));
                    assert_ne!(pair[0].server_number, pair[1].server_number);
                    assert_ne!(pair[0].secret_block, pair[1].secret_block);
                }
                let looks = |question: &Question| {
                    let is_sub = question.user_id.len() == 36;
                    (question.salt.len(), question.secret_block.len(), is_sub)
                };
                assert_eq!(looks(&asked[0]), looks(&asked[2]), "{way:?}");
                assert!(asked[0].salt != asked[2].salt && asked[0].user_id != asked[2].user_id);
                world.advance(Duration::from_secs(24 * 60 * 60));
            }
        }
    }
}

spec! {
    async fn nobodys_question_outlives_a_restart(world: World) {
        let client = client_of(&world, hide_users).await;
        let before = begins(&world, &client, Way::Srp, "nobody").await.unwrap().1;
        let world = world.restarted().await;
        let after = begins(&world, &client, Way::Srp, "nobody").await.unwrap().1;
        assert_eq!((before.salt, before.user_id), (after.salt, after.user_id));
    }
}

spec! {
    async fn where_users_are_not_hidden_nobody_is_told_so(world: World) {
        let client = client_of(&world, |_| {}).await;
        for way in WAYS {
            let refused = begins(&world, &client, way, "nobody").await.map(|_| ());
            assert_eq!(refused, Err(refusal("UserNotFoundException", "User does not exist.")), "{way:?}");
        }
    }
}

spec! {
    async fn an_alias_begins_and_the_username_goes_on(world: World) {
        let pool = world.pool(|request| request.alias_attributes = vec![alias_attribute::Value::Email.into()]).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let (own, question) = begins(&world, &client, Way::Srp, "alice@example.com").await.unwrap();
        assert_eq!(question.user_id, "alice");
        world.prove_srp(&client, &(own, question), PASSWORD).await.unwrap();
    }
}

spec! {
    async fn spellings_that_count_as_the_same_are_told_as_one_whoever_has_the_name(world: World) {
        let pool = world
            .pool(|request| {
                request.username_configuration = Some(api::UsernameConfiguration { case_sensitive: Some(false) });
            })
            .await;
        let client = world.client(&pool, hide_users).await;
        world.confirmed_user(&client, "Alice").await;
        for name in ["alice", "ALICE", "NoBody", "nobody"] {
            let question = begins(&world, &client, Way::Srp, name).await.unwrap().1;
            assert_eq!(question.user_id, name.to_lowercase());
        }
        signs_in(&world, &client, Way::Srp, "ALICE", PASSWORD).await.unwrap();
    }
}

spec! {
    async fn a_second_factor_is_asked_for_after_the_proof(world: World) {
        let client = client_of(&world, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        let request = api::SetUserPoolMfaConfigRequest {
            user_pool_id: Some(client.pool.clone()),
            mfa_configuration: Some(user_pool_mfa::Value::On.into()),
            software_token_mfa_configuration: Some(api::SoftwareTokenMfaConfig { enabled: Some(true) }),
            ..Default::default()
        };
        world.call(request).await.unwrap();
        for way in WAYS {
            let asked = signs_in(&world, &client, way, "alice", PASSWORD).await.unwrap();
            let tokens = asked.authentication_result.is_some();
            assert_eq!((asked.challenge_name(), tokens), (ChallengeName::MfaSetup, false), "{way:?}");
        }
        // Such a proof forgives nothing.
        for _ in 0..4 {
            assert_eq!(signs_in(&world, &client, Way::Srp, "alice", WRONG_PASSWORD).await, incorrect());
            signs_in(&world, &client, Way::Srp, "alice", PASSWORD).await.unwrap();
        }
        assert_eq!(signs_in(&world, &client, Way::Srp, "alice", WRONG_PASSWORD).await, incorrect());
        assert_eq!(signs_in(&world, &client, Way::Srp, "alice", PASSWORD).await, locked());
    }
}
