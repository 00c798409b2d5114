//! Sign-ins by challenges of the pool's own: `DefineAuthChallenge`, `CreateAuthChallenge`, `VerifyAuthChallengeResponse`.

use std::collections::HashMap;
use std::time::Duration;

use cognate::api::explicit_auth_flows::Value as ExplicitAuthFlow;
use cognate::api::{self, auth_flow, challenge_name, user_pool_mfa, username_attribute};
use serde_json::{Value, json};

use super::{app_client, attributes_of_alice, event, metadata, thrown};
use crate::support::fixtures::{
    PASSWORD, SecondFactor, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, admin_answer, admin_initiate_auth, answer,
    claims, hide_users, initiate_auth, srp_answer,
};
use crate::support::functions::{Answer, Functions, function};
use crate::support::srp::{Question, SrpClient, timestamp};
use crate::support::{Refusal, World, refusal};
use crate::{spec, trigger_spec};

const DEFINE: &str = "DefineAuthChallenge_Authentication";
const CREATE: &str = "CreateAuthChallenge_Authentication";
const VERIFY: &str = "VerifyAuthChallengeResponse_Authentication";

fn asks(config: &mut api::LambdaConfig) {
    config.define_auth_challenge = function();
    config.create_auth_challenge = function();
    config.verify_auth_challenge_response = function();
}

fn incorrect() -> Refusal {
    refusal("NotAuthorizedException", "Incorrect username or password.")
}

fn no_answer() -> Refusal {
    refusal("InvalidLambdaResponseException", "Unrecognizable lambda output")
}

fn spent() -> Refusal {
    refusal("NotAuthorizedException", "Invalid session for the user, session can only be used once.")
}

fn invalid_session() -> Refusal {
    refusal("NotAuthorizedException", "Invalid session for the user.")
}

/// DefineAuthChallenge's word for each end.
fn challenge(name: &str) -> Answer {
    Answer::Response(json!({ "challengeName": name, "issueTokens": false, "failAuthentication": false }))
}

fn tokens() -> Answer {
    Answer::Response(json!({ "issueTokens": true, "failAuthentication": false }))
}

fn failure() -> Answer {
    Answer::Response(json!({ "issueTokens": false, "failAuthentication": true }))
}

fn verdict(is_right: bool) -> Answer {
    Answer::Response(json!({ "answerCorrect": is_right }))
}

/// One challenge, whose right answer gives tokens.
fn one_riddle(functions: &Functions) {
    functions.answer_in_turn(DEFINE, [challenge("CUSTOM_CHALLENGE"), tokens()]);
    functions.answer(CREATE, riddle());
    functions.answer(VERIFY, verdict(true));
}

fn riddle() -> Answer {
    Answer::Response(json!({
        "publicChallengeParameters": { "riddle": "What walks on four legs?" },
        "privateChallengeParameters": { "answer": "man" },
        "challengeMetadata": "RIDDLE",
    }))
}

/// A client with custom challenges, in a pool that asks its function for all three.
async fn riddler(world: &World, configure: impl FnOnce(&mut api::CreateUserPoolClientRequest)) -> TestClient {
    let pool = app_client(world, asks).await.pool;
    riddler_of(world, &pool, configure).await
}

async fn riddler_of(
    world: &World,
    pool: &str,
    configure: impl FnOnce(&mut api::CreateUserPoolClientRequest),
) -> TestClient {
    world
        .client(pool, |request| {
            request.explicit_auth_flows.push(ExplicitAuthFlow::AllowCustomAuth.into());
            configure(request);
        })
        .await
}

/// The same, with alice, who is confirmed. Gives her `sub`.
async fn alice(world: &World, functions: &Functions) -> (TestClient, String) {
    let client = riddler(world, |_| {}).await;
    let sub = world.confirmed_user(&client, "alice").await;
    functions.take();
    (client, sub)
}

fn beginning(client: &TestClient, username: &str) -> api::InitiateAuthRequest {
    initiate_auth(client, auth_flow::Value::CustomAuth, [("USERNAME", username.to_owned())])
}

fn beginning_by_srp(client: &TestClient, username: &str, own: &SrpClient) -> api::InitiateAuthRequest {
    let parameters =
        [("USERNAME", username.to_owned()), ("CHALLENGE_NAME", "SRP_A".to_owned()), ("SRP_A", own.number())];
    initiate_auth(client, auth_flow::Value::CustomAuth, parameters)
}

fn guess(client: &TestClient, username: &str, session: &str, text: &str) -> api::RespondToAuthChallengeRequest {
    let responses = [("USERNAME", username.to_owned()), ("ANSWER", text.to_owned())];
    answer(client, challenge_name::Value::CustomChallenge, session, responses)
}

/// Begins, up to the first challenge. Gives its session.
async fn asked(world: &World, client: &TestClient, username: &str) -> String {
    let asked = world.call(beginning(client, username)).await.unwrap();
    assert_eq!(asked.challenge_name(), challenge_name::Value::CustomChallenge);
    asked.session.unwrap()
}

/// Begins by SRP, and proves a password.
async fn proves(
    world: &World,
    client: &TestClient,
    password: &str,
) -> Result<api::RespondToAuthChallengeResponse, Refusal> {
    let own = SrpClient::new(&client.pool, &world.app.services.rng);
    let asked = world.call(beginning_by_srp(client, "alice", &own)).await?;
    assert_eq!(asked.challenge_name(), challenge_name::Value::PasswordVerifier);
    let question = Question::of(&asked.challenge_parameters);
    let timestamp = timestamp(world.now());
    world.call(srp_answer(client, &question, &own.signature(&question, password, &timestamp), &timestamp)).await
}

fn round(name: &str, is_right: bool, metadata: Option<&str>) -> Value {
    json!({ "challengeName": name, "challengeResult": is_right, "challengeMetadata": metadata })
}

trigger_spec! {
    async fn the_functions_make_a_challenge_judge_its_answer_and_let_there_be_tokens(
        world: World, functions: Functions
    ) {
        let (client, sub) = alice(&world, &functions).await;
        one_riddle(&functions);
        let request = api::InitiateAuthRequest {
            client_metadata: metadata([("not", "for them")]),
            ..beginning(&client, "alice")
        };
        let asked = world.call(request).await.unwrap();
        assert_eq!(asked.challenge_name(), challenge_name::Value::CustomChallenge);
        let parameters: HashMap<String, String> =
            metadata([("riddle", "What walks on four legs?"), ("USERNAME", "alice")]);
        assert_eq!(asked.challenge_parameters, parameters);
        let attributes = attributes_of_alice(&sub, true, "CONFIRMED");
        let undecided = json!({ "challengeName": null, "issueTokens": null, "failAuthentication": null });
        let request = json!({ "userAttributes": attributes, "session": [] });
        let defined = event(&client, DEFINE, request, undecided.clone());
        let request = json!({ "userAttributes": attributes, "challengeName": "CUSTOM_CHALLENGE", "session": [] });
        let response = json!({
            "publicChallengeParameters": null, "privateChallengeParameters": null, "challengeMetadata": null,
        });
        assert_eq!(functions.take_events(), [defined, event(&client, CREATE, request, response)]);

        let request = api::RespondToAuthChallengeRequest {
            client_metadata: metadata([("for", "them")]),
            ..guess(&client, "alice", asked.session(), "man")
        };
        let done = world.call(request).await.unwrap().authentication_result.unwrap();
        assert_eq!(claims(done.access_token())["sub"], json!(sub));
        assert!(done.refresh_token.is_some() && done.id_token.is_some());
        let told = json!({ "for": "them" });
        let request = json!({
            "userAttributes": attributes,
            "clientMetadata": told,
            "privateChallengeParameters": { "answer": "man" },
            "challengeAnswer": "man",
        });
        let verified = event(&client, VERIFY, request, json!({ "answerCorrect": null }));
        let session = [round("CUSTOM_CHALLENGE", true, Some("RIDDLE"))];
        let request = json!({ "userAttributes": attributes, "clientMetadata": told, "session": session });
        assert_eq!(functions.take_events(), [verified, event(&client, DEFINE, request, undecided)]);
    }
}

trigger_spec! {
    async fn back_ends_go_the_same_way(world: World, functions: Functions) {
        let (client, sub) = alice(&world, &functions).await;
        one_riddle(&functions);
        let parameters = [("USERNAME", "alice".to_owned())];
        let asked = world.call(admin_initiate_auth(&client, auth_flow::Value::CustomAuth, parameters)).await.unwrap();
        let responses = [("USERNAME", "alice".to_owned()), ("ANSWER", "man".to_owned())];
        let challenge = challenge_name::Value::CustomChallenge;
        let done = world.call(admin_answer(&client, challenge, asked.session(), responses)).await.unwrap();
        assert_eq!(claims(done.authentication_result.unwrap().access_token())["sub"], json!(sub));
    }
}

trigger_spec! {
    async fn wrong_answers_are_told_to_the_functions_which_go_on_or_end_it(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        functions.answer_in_turn(DEFINE, [challenge("CUSTOM_CHALLENGE"), challenge("CUSTOM_CHALLENGE"), failure()]);
        functions.answer_in_turn(CREATE, [riddle(), Answer::Response(json!({}))]);
        functions.answer(VERIFY, verdict(false));
        let first = asked(&world, &client, "alice").await;
        let again = world.call(guess(&client, "alice", &first, "dog")).await.unwrap();
        assert_eq!(again.challenge_name(), challenge_name::Value::CustomChallenge);
        assert_eq!(again.challenge_parameters, metadata([("USERNAME", "alice")]));
        functions.take();
        assert_eq!(world.call(guess(&client, "alice", again.session(), "cat")).await, Err(incorrect()));
        let [verified, defined] = functions.take_events().try_into().unwrap();
        assert_eq!(verified["request"]["privateChallengeParameters"], json!({}));
        let rounds = [round("CUSTOM_CHALLENGE", false, Some("RIDDLE")), round("CUSTOM_CHALLENGE", false, None)];
        assert_eq!(defined["request"]["session"], json!(rounds));
        // And that was that.
        functions.answer(DEFINE, tokens());
        functions.answer(VERIFY, verdict(true));
        for session in [&first, again.session()] {
            assert_eq!(world.call(guess(&client, "alice", session, "man")).await, Err(spent()));
        }
        assert_eq!(functions.take().len(), 0);
        // No lockout comes of it.
        assert!(world.call(world.password_request(&client, "alice", PASSWORD)).await.is_ok());
    }
}

trigger_spec! {
    async fn a_session_is_good_for_one_guess_even_if_the_functions_fail(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        for (source, trigger) in [(VERIFY, "VerifyAuthChallengeResponse"), (DEFINE, "DefineAuthChallenge")] {
            one_riddle(&functions);
            let session = asked(&world, &client, "alice").await;
            functions.answer(source, Answer::Error("Out of order"));
            functions.take();
            assert_eq!(
                world.call(guess(&client, "alice", &session, "dog")).await,
                Err(thrown(trigger, "Out of order"))
            );
            functions.take();
            functions.answer(DEFINE, tokens());
            functions.answer(VERIFY, verdict(true));
            assert_eq!(world.call(guess(&client, "alice", &session, "man")).await, Err(spent()));
            assert_eq!(functions.take().len(), 0);
        }
    }
}

trigger_spec! {
    async fn of_guesses_at_once_one_is_judged(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        functions.take();
        functions.answer(VERIFY, Answer::Later(Box::new(verdict(true))));
        let first = world.call(guess(&client, "alice", &session, "man"));
        let others = async {
            functions.hear(1).await;
            for text in ["dog", "man"] {
                assert_eq!(world.call(guess(&client, "alice", &session, text)).await, Err(spent()));
            }
            functions.release();
        };
        let (first, ()) = tokio::join!(first, others);
        assert!(first.unwrap().authentication_result.is_some());
        assert_eq!(functions.take_sources(), [VERIFY, DEFINE]);
    }
}

trigger_spec! {
    async fn a_user_who_changes_meanwhile_is_asked_about_again_and_the_answer_is_judged_once(
        world: World, functions: Functions
    ) {
        let (client, _) = alice(&world, &functions).await;
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        functions.take();
        functions.answer_in_turn(DEFINE, [Answer::Later(Box::new(tokens())), tokens()]);
        let first = world.call(guess(&client, "alice", &session, "man"));
        let meanwhile = async {
            functions.hear(2).await;
            world.update_attributes(&client.pool, "alice", &[("name", "Alice")]).await.unwrap();
            functions.release();
        };
        let (first, ()) = tokio::join!(first, meanwhile);
        let done = first.unwrap().authentication_result.unwrap();
        assert_eq!(claims(done.id_token())["name"], json!("Alice"));
        let events = functions.take_events();
        let sources: Vec<&str> = events.iter().map(|event| event["triggerSource"].as_str().unwrap()).collect();
        assert_eq!(sources, [VERIFY, DEFINE, DEFINE]);
        assert_eq!(events[2]["request"]["userAttributes"]["name"], json!("Alice"));
    }
}

trigger_spec! {
    async fn who_may_not_sign_in_any_more_when_the_functions_are_done_gets_nothing(
        world: World, functions: Functions
    ) {
        let (client, _) = alice(&world, &functions).await;
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        functions.take();
        functions.answer(DEFINE, Answer::Later(Box::new(tokens())));
        let first = world.call(guess(&client, "alice", &session, "man"));
        let meanwhile = async {
            functions.hear(2).await;
            world.disable(&client.pool, "alice").await;
            functions.release();
        };
        let (first, ()) = tokio::join!(first, meanwhile);
        assert_eq!(first, Err(refusal("NotAuthorizedException", "User is disabled.")));
    }
}

trigger_spec! {
    async fn the_password_can_be_proved_by_srp_before_the_challenges(world: World, functions: Functions) {
        let (client, sub) = alice(&world, &functions).await;
        functions.answer_in_turn(DEFINE, [challenge("PASSWORD_VERIFIER"), challenge("CUSTOM_CHALLENGE"), tokens()]);
        functions.answer(CREATE, riddle());
        functions.answer(VERIFY, verdict(true));
        let asked = proves(&world, &client, PASSWORD).await.unwrap();
        assert_eq!(asked.challenge_name(), challenge_name::Value::CustomChallenge);
        let done = world.call(guess(&client, "alice", asked.session(), "man")).await.unwrap();
        assert_eq!(claims(done.authentication_result.unwrap().access_token())["sub"], json!(sub));
        let sessions = functions.take_events().into_iter().filter(|event| event["triggerSource"] == DEFINE);
        let sessions: Vec<Value> = sessions.map(|event| event["request"]["session"].clone()).collect();
        let [srp, verifier] = [round("SRP_A", true, None), round("PASSWORD_VERIFIER", true, None)];
        assert_eq!(
            sessions,
            [json!([srp]), json!([srp, verifier]), json!([srp, verifier, round("CUSTOM_CHALLENGE", true, Some("RIDDLE"))])]
        );
    }
}

trigger_spec! {
    async fn a_wrong_proof_is_no_question_for_the_functions_and_locks_out(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        functions.answer(DEFINE, challenge("PASSWORD_VERIFIER"));
        for _ in 0..5 {
            functions.take();
            assert_eq!(proves(&world, &client, WRONG_PASSWORD).await, Err(incorrect()));
            assert_eq!(functions.take_sources(), [DEFINE]);
        }
        let locked = Err(refusal("NotAuthorizedException", "Password attempts exceeded"));
        assert_eq!(proves(&world, &client, PASSWORD).await, locked);
    }
}

trigger_spec! {
    async fn a_right_password_forgives_no_failures_before_the_challenge_that_follows_it(
        world: World, functions: Functions
    ) {
        let (client, _) = alice(&world, &functions).await;
        functions.answer(CREATE, riddle());
        for _ in 0..4 {
            assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        }
        functions.answer_in_turn(DEFINE, [challenge("PASSWORD_VERIFIER"), challenge("CUSTOM_CHALLENGE")]);
        proves(&world, &client, PASSWORD).await.unwrap();
        functions.answer_in_turn(DEFINE, [challenge("PASSWORD_VERIFIER"), failure()]);
        assert_eq!(proves(&world, &client, PASSWORD).await, Err(incorrect()));
        assert_eq!(world.try_password(&client, "alice", WRONG_PASSWORD).await, Err(incorrect()));
        let locked = Err(refusal("NotAuthorizedException", "Password attempts exceeded"));
        assert_eq!(world.try_password(&client, "alice", PASSWORD).await, locked);
    }
}

trigger_spec! {
    async fn a_temporary_password_that_was_proved_is_replaced_before_there_are_tokens(
        world: World, functions: Functions
    ) {
        let client = riddler(&world, |_| {}).await;
        world.create_user(&client.pool, "alice", |_| {}).await.unwrap();
        functions.answer_in_turn(DEFINE, [challenge("PASSWORD_VERIFIER"), tokens()]);
        let asked = proves(&world, &client, TEMPORARY_PASSWORD).await.unwrap();
        assert_eq!(asked.challenge_name(), challenge_name::Value::NewPasswordRequired);
        let responses = [("USERNAME", "alice".to_owned()), ("NEW_PASSWORD", PASSWORD.to_owned())];
        let challenge = challenge_name::Value::NewPasswordRequired;
        let done = world.call(answer(&client, challenge, asked.session(), responses)).await.unwrap();
        assert!(done.authentication_result.is_some());
    }
}

trigger_spec! {
    async fn the_pools_second_factors_are_not_asked_for(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::On, &[SecondFactor::SoftwareToken]).await;
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        let done = world.call(guess(&client, "alice", &session, "man")).await.unwrap();
        assert!(done.authentication_result.is_some());
    }
}

trigger_spec! {
    async fn where_it_is_hidden_who_exists_nobody_is_asked_about_too_and_gets_no_tokens(
        world: World, functions: Functions
    ) {
        let client = riddler(&world, hide_users).await;
        world.confirmed_user(&client, "alice").await;
        functions.take();
        let mut asked_of = Vec::new();
        for (username, is_unknown) in [("alice", false), ("nobody", true)] {
            one_riddle(&functions);
            let asked = world.call(beginning(&client, username)).await.unwrap();
            assert_eq!(asked.challenge_parameters["USERNAME"], username);
            asked_of.push(asked.challenge_parameters.len());
            let done = world.call(guess(&client, username, asked.session(), "man")).await;
            assert_eq!(done.is_ok(), !is_unknown, "{done:?}");
            if is_unknown {
                assert_eq!(done, Err(incorrect()));
            }
            let events = functions.take_events();
            assert_eq!(events.len(), 4);
            for event in events {
                assert_eq!(event["userName"], json!(username));
                assert_eq!(event["request"]["userNotFound"], json!(is_unknown));
                assert_eq!(event["request"]["userAttributes"] == json!({}), is_unknown);
            }
        }
        assert_eq!(asked_of[0], asked_of[1]);
        // Without any challenge too.
        functions.answer(DEFINE, tokens());
        assert_eq!(world.call(beginning(&client, "nobody")).await, Err(incorrect()));
        // And by SRP.
        functions.answer(DEFINE, challenge("PASSWORD_VERIFIER"));
        let own = SrpClient::new(&client.pool, &world.app.services.rng);
        let asked = world.call(beginning_by_srp(&client, "nobody", &own)).await.unwrap();
        let question = Question::of(&asked.challenge_parameters);
        let timestamp = timestamp(world.now());
        let proof = own.signature(&question, PASSWORD, &timestamp);
        assert_eq!(world.call(srp_answer(&client, &question, &proof, &timestamp)).await, Err(incorrect()));
    }
}

trigger_spec! {
    async fn a_sign_in_of_nobodys_does_not_become_that_of_who_takes_the_name(world: World, functions: Functions) {
        let client = riddler(&world, hide_users).await;
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        world.confirmed_user(&client, "alice").await;
        functions.take();
        assert_eq!(world.call(guess(&client, "alice", &session, "man")).await, Err(invalid_session()));
        assert_eq!(functions.take().len(), 0);
    }
}

trigger_spec! {
    async fn elsewhere_the_functions_hear_only_of_users_who_may_sign_in(world: World, functions: Functions) {
        let client = riddler(&world, |_| {}).await;
        one_riddle(&functions);
        let unknown = Err(refusal("UserNotFoundException", "User does not exist."));
        assert_eq!(world.call(beginning(&client, "nobody")).await, unknown);
        world.sign_up(&client, "alice").await;
        let unconfirmed = Err(refusal("UserNotConfirmedException", "User is not confirmed."));
        assert_eq!(world.call(beginning(&client, "alice")).await, unconfirmed);
        world.confirm_by_operator(&client.pool, "alice").await;
        world.disable(&client.pool, "alice").await;
        let disabled = Err(refusal("NotAuthorizedException", "User is disabled."));
        assert_eq!(world.call(beginning(&client, "alice")).await, disabled);
        assert_eq!(functions.take().len(), 0);

        // Where it is hidden, only who meets the challenges hears of it.
        let client = riddler_of(&world, &client.pool, hide_users).await;
        functions.answer_in_turn(DEFINE, [challenge("CUSTOM_CHALLENGE"), failure()]);
        let session = asked(&world, &client, "alice").await;
        assert_eq!(world.call(guess(&client, "alice", &session, "dog")).await, Err(incorrect()));
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        assert_eq!(world.call(guess(&client, "alice", &session, "man")).await.map(|_| ()), disabled.map(|_| ()));
    }
}

trigger_spec! {
    async fn a_session_is_for_its_client_its_user_its_time_and_the_password_it_knew(
        world: World, functions: Functions
    ) {
        let (client, _) = alice(&world, &functions).await;
        world.confirmed_user(&client, "bob").await;
        let other = riddler_of(&world, &client.pool, |_| {}).await;
        functions.answer(DEFINE, challenge("CUSTOM_CHALLENGE"));
        functions.answer(CREATE, riddle());
        let session = asked(&world, &client, "alice").await;
        functions.answer(DEFINE, tokens());
        functions.answer(VERIFY, verdict(true));
        functions.take();
        for request in [
            guess(&client, "bob", &session, "man"),
            guess(&other, "alice", &session, "man"),
            answer(&client, challenge_name::Value::SmsMfa, &session, [
                ("USERNAME", "alice".to_owned()), ("SMS_MFA_CODE", "123456".to_owned()),
            ]),
        ] {
            assert_eq!(world.call(request).await, Err(invalid_session()));
        }
        let without = answer(&client, challenge_name::Value::CustomChallenge, &session, [("USERNAME", "alice".to_owned())]);
        let missing = refusal("InvalidParameterException", "Missing required parameter ANSWER");
        assert_eq!(world.call(without).await, Err(missing));
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        assert_eq!(world.call(guess(&client, "alice", &session, "man")).await, Err(invalid_session()));
        functions.answer(DEFINE, challenge("CUSTOM_CHALLENGE"));
        let session = asked(&world, &client, "alice").await;
        world.advance(Duration::from_secs(181));
        let expired = refusal("NotAuthorizedException", "Invalid session for the user, session is expired.");
        functions.take();
        assert_eq!(world.call(guess(&client, "alice", &session, "man")).await, Err(expired));
        assert_eq!(functions.take().len(), 0);
    }
}

trigger_spec! {
    async fn what_the_functions_cannot_mean_ends_the_sign_in(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        let begin = || world.call(beginning(&client, "alice"));
        for decision in [
            json!({}),
            json!({ "challengeName": "", "issueTokens": false, "failAuthentication": false }),
            json!({ "challengeName": "PASSWORD_VERIFIER" }),
            json!({ "challengeName": "SMS_MFA" }),
            json!({ "issueTokens": "true" }),
        ] {
            functions.answer(DEFINE, Answer::Response(decision.clone()));
            assert_eq!(begin().await, Err(no_answer()), "{decision}");
        }
        functions.answer(DEFINE, Answer::Response(json!({ "issueTokens": true, "failAuthentication": true })));
        assert_eq!(begin().await, Err(incorrect()));
        functions.answer(DEFINE, challenge("CUSTOM_CHALLENGE"));
        functions.answer(CREATE, Answer::Response(json!({ "publicChallengeParameters": { "number": 5 } })));
        assert_eq!(begin().await, Err(no_answer()));
        for member in ["publicChallengeParameters", "privateChallengeParameters"] {
            let long = |length| Answer::Response(json!({ member: { "text": "x".repeat(length) } }));
            functions.answer(CREATE, long(24 * 1024));
            let refused = refusal("InvalidLambdaResponseException", "The parameters of the challenge are too long.");
            assert_eq!(begin().await, Err(refused), "{member}");
            functions.answer(CREATE, long(24 * 1024 - 100));
            assert!(begin().await.is_ok(), "{member}");
        }
    }
}

trigger_spec! {
    async fn a_sign_in_has_no_more_challenges_than_may_be(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        functions.answer(DEFINE, challenge("CUSTOM_CHALLENGE"));
        functions.answer(CREATE, riddle());
        functions.answer(VERIFY, verdict(false));
        let mut session = asked(&world, &client, "alice").await;
        for _ in 1..32 {
            session = world.call(guess(&client, "alice", &session, "dog")).await.unwrap().session.unwrap();
        }
        let refused = refusal("InvalidLambdaResponseException", "A sign-in cannot have more than 32 challenges.");
        assert_eq!(world.call(guess(&client, "alice", &session, "dog")).await, Err(refused));
    }
}

spec! {
    async fn without_functions_there_are_no_such_sign_ins(world: World) {
        let client = world.app_client().await;
        let client = riddler_of(&world, &client.pool, |_| {}).await;
        let message = "Custom auth lambda trigger is not configured for the user pool.";
        let refused = Err(refusal("InvalidParameterException", message));
        assert_eq!(world.call(beginning(&client, "alice")).await, refused);
    }
}

trigger_spec! {
    async fn a_client_must_have_the_flow_and_for_srp_that_too(world: World, functions: Functions) {
        let pool = app_client(&world, asks).await.pool;
        let with_flows = async |flows: &[ExplicitAuthFlow]| {
            let flows = flows.iter().map(|flow| i32::from(*flow)).collect();
            world.client(&pool, |request| request.explicit_auth_flows = flows).await
        };
        let client = with_flows(&[ExplicitAuthFlow::AllowUserSrpAuth]).await;
        world.confirmed_user(&client, "alice").await;
        let own = SrpClient::new(&pool, &world.app.services.rng);
        functions.answer_in_turn(DEFINE, [challenge("CUSTOM_CHALLENGE")]);
        functions.answer(CREATE, riddle());
        let refused = |message: &str| Err(refusal("InvalidParameterException", message));
        assert_eq!(
            world.call(beginning(&client, "alice")).await,
            refused("CUSTOM_AUTH is not enabled for the client.")
        );
        for flows in [&[][..], &[ExplicitAuthFlow::AllowCustomAuth], &[ExplicitAuthFlow::CustomAuthFlowOnly]] {
            let client = with_flows(flows).await;
            asked(&world, &client, "alice").await;
            let by_srp = world.call(beginning_by_srp(&client, "alice", &own)).await;
            match flows.is_empty() {
                true => assert!(by_srp.is_ok()),
                false => assert_eq!(by_srp, refused("USER_SRP_AUTH is not enabled for the client.")),
            }
        }
        let client = with_flows(&[ExplicitAuthFlow::AllowCustomAuth, ExplicitAuthFlow::AllowUserSrpAuth]).await;
        let begin = |more: &[(&'static str, &str)]| {
            let username = [("USERNAME", "alice".to_owned())].into_iter();
            let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
            world.call(initiate_auth(&client, auth_flow::Value::CustomAuth, username.chain(more).collect::<Vec<_>>()))
        };
        assert_eq!(begin(&[("CHALLENGE_NAME", "SRP_A")]).await, refused("Missing required parameter SRP_A"));
        assert_eq!(
            begin(&[("CHALLENGE_NAME", "SRP_A"), ("SRP_A", "0")]).await,
            refused("Invalid SRP_A given.")
        );
        assert_eq!(begin(&[("CHALLENGE_NAME", "PASSWORD")]).await, refused("CHALLENGE_NAME can only be SRP_A."));
    }
}

trigger_spec! {
    async fn in_a_pool_of_addresses_the_challenge_names_nobody_as_it_names_users(world: World, functions: Functions) {
        let mut config = api::LambdaConfig::default();
        asks(&mut config);
        let pool = world
            .pool(|request| {
                request.username_attributes = vec![username_attribute::Value::Email.into()];
                request.lambda_config = Some(config);
            })
            .await;
        let client = riddler_of(&world, &pool, hide_users).await;
        let request = api::SignUpRequest { user_attributes: Vec::new(), ..client.sign_up_request("alice@example.com") };
        let sub = world.call(request).await.unwrap().user_sub;
        world.confirm_by_operator(&pool, "alice@example.com").await;
        for (address, is_user) in [("alice@example.com", true), ("nobody@example.com", false)] {
            one_riddle(&functions);
            let asked = world.call(beginning(&client, address)).await.unwrap();
            let told = asked.challenge_parameters["USERNAME"].clone();
            assert_eq!(told == sub, is_user);
            assert_eq!(told.len(), sub.len());
            // The name that was told serves, and so does the one that was given.
            let done = world.call(guess(&client, &told, asked.session(), "man")).await;
            assert_eq!(done.is_ok(), is_user, "{done:?}");
            one_riddle(&functions);
            let asked = world.call(beginning(&client, address)).await.unwrap();
            let done = world.call(guess(&client, address, asked.session(), "man")).await;
            assert_eq!(done.is_ok(), is_user, "{done:?}");
        }
    }
}

trigger_spec! {
    async fn a_challenge_is_answered_after_a_restart(world: World, functions: Functions) {
        let (client, _) = alice(&world, &functions).await;
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        functions.take();
        let world = world.restarted().await;
        assert!(world.call(guess(&client, "alice", &session, "man")).await.unwrap().authentication_result.is_some());
        let [verified, defined] = functions.take_events().try_into().unwrap();
        assert_eq!(verified["request"]["privateChallengeParameters"], json!({ "answer": "man" }));
        assert_eq!(defined["request"]["session"], json!([round("CUSTOM_CHALLENGE", true, Some("RIDDLE"))]));
    }
}

trigger_spec! {
    async fn other_triggers_hear_of_such_sign_ins(world: World, functions: Functions) {
        let pool = app_client(&world, |config| {
            asks(config);
            config.pre_authentication = function();
            config.post_authentication = function();
            config.pre_token_generation = function();
        })
        .await
        .pool;
        let client = riddler_of(&world, &pool, |_| {}).await;
        world.confirmed_user(&client, "alice").await;
        one_riddle(&functions);
        functions.take();
        let session = asked(&world, &client, "alice").await;
        assert_eq!(functions.take_sources(), ["PreAuthentication_Authentication", DEFINE, CREATE]);
        world.call(guess(&client, "alice", &session, "man")).await.unwrap();
        let last = ["PostAuthentication_Authentication", "TokenGeneration_Authentication"];
        assert_eq!(functions.take_sources(), [VERIFY, DEFINE, last[0], last[1]]);
        functions.answer("PreAuthentication_Authentication", Answer::Error("Not now"));
        let refused = Err(thrown("PreAuthentication", "Not now"));
        assert_eq!(world.call(beginning(&client, "alice")).await, refused);
        assert_eq!(functions.take_sources(), ["PreAuthentication_Authentication"]);
        // A refusal at the end leaves nothing to try again.
        functions.answer("PreAuthentication_Authentication", Answer::Response(json!({})));
        functions.answer("PostAuthentication_Authentication", Answer::Error("Not here"));
        one_riddle(&functions);
        let session = asked(&world, &client, "alice").await;
        let refused = Err(thrown("PostAuthentication", "Not here"));
        assert_eq!(world.call(guess(&client, "alice", &session, "man")).await, refused);
        assert_eq!(world.call(guess(&client, "alice", &session, "man")).await, Err(spent()));
    }
}
