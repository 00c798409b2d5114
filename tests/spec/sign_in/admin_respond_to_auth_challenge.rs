//! `AdminRespondToAuthChallenge`. The challenge `NEW_PASSWORD_REQUIRED` is in `new_password_required`.

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, Op};
use serde_json::json;

use crate::spec;
use crate::support::fixtures::{
    PASSWORD, TestClient, WRONG_PASSWORD, admin_answer, admin_initiate_auth, answer, initiate_auth, with_secret,
};
use crate::support::{Refusal, Wire, World, refusal};
use crate::wire::post_json;

type Answered = Result<api::AdminRespondToAuthChallengeResponse, Refusal>;

/// The session of a sign-in that has begun through a back end and waits for a choice.
async fn begun(world: &World, client: &TestClient, username: &str) -> String {
    let mut parameters = vec![("USERNAME", username.to_owned())];
    parameters.extend(client.secret_hash(username).map(|hash| ("SECRET_HASH", hash)));
    world.call(admin_initiate_auth(client, AuthFlow::UserAuth, parameters)).await.unwrap().session.unwrap()
}

async fn answers(
    world: &World,
    client: &TestClient,
    challenge: ChallengeName,
    session: &str,
    more: &[(&'static str, &str)],
) -> Answered {
    let mut responses = vec![("USERNAME", "alice".to_owned())];
    responses.extend(client.secret_hash("alice").map(|hash| ("SECRET_HASH", hash)));
    responses.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    world.call(admin_answer(client, challenge, session, responses)).await
}

fn not_authorized(message: &str) -> Answered {
    Err(refusal("NotAuthorizedException", message))
}

fn invalid(message: &str) -> Answered {
    Err(refusal("InvalidParameterException", message))
}

spec! {
    async fn a_choice_and_a_password_lead_to_tokens(world: World) {
        let pool = world.pool(|_| {}).await;
        let client = world.client(&pool, with_secret).await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice").await;
        let reply = answers(&world, &client, ChallengeName::SelectChallenge, &session, &[("ANSWER", "PASSWORD")]).await.unwrap();
        let expected = api::AdminRespondToAuthChallengeResponse {
            challenge_name: Some(ChallengeName::Password.into()),
            session: reply.session.clone(),
            ..Default::default()
        };
        assert_eq!(reply, expected);
        let wrong = [("PASSWORD", WRONG_PASSWORD)];
        assert_eq!(
            answers(&world, &client, ChallengeName::Password, reply.session(), &wrong).await,
            not_authorized("Incorrect username or password.")
        );
        let right = [("PASSWORD", PASSWORD)];
        let reply = answers(&world, &client, ChallengeName::Password, reply.session(), &right).await.unwrap();
        let tokens = reply.authentication_result.clone();
        assert_eq!(
            reply,
            api::AdminRespondToAuthChallengeResponse { authentication_result: tokens.clone(), ..Default::default() }
        );
        world.get_user(tokens.unwrap().access_token()).await.unwrap();
    }
}

spec! {
    async fn a_sign_in_may_go_on_on_the_other_side(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let proof = [("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)];
        let public = initiate_auth(&client, AuthFlow::UserAuth, [("USERNAME", "alice".to_owned())]);
        let session = world.call(public).await.unwrap().session.unwrap();
        answers(&world, &client, ChallengeName::SelectChallenge, &session, &proof).await.unwrap();
        assert_eq!(
            answers(&world, &client, ChallengeName::SelectChallenge, &session, &proof).await,
            not_authorized("Invalid session for the user, session can only be used once.")
        );
        let session = begun(&world, &client, "alice").await;
        let responses = [("USERNAME", "alice"), ("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)];
        let responses = responses.map(|(name, value)| (name, value.to_owned()));
        world.call(answer(&client, ChallengeName::SelectChallenge, &session, responses)).await.unwrap();
    }
}

spec! {
    async fn what_is_missing_wrong_or_not_available_is_refused(world: World) {
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice").await;
        let select = ChallengeName::SelectChallenge;
        assert_eq!(answers(&world, &client, select, &session, &[]).await, invalid("Missing required parameter ANSWER"));
        assert_eq!(
            answers(&world, &client, select, &session, &[("ANSWER", "EMAIL_OTP")]).await,
            invalid("The challenge in ANSWER is not available.")
        );
        assert_eq!(
            answers(&world, &client, ChallengeName::SmsMfa, &session, &[]).await,
            not_authorized("Invalid session for the user.")
        );
        assert_eq!(
            world.call(admin_answer(&client, select, &session, [])).await,
            invalid("Missing required parameter USERNAME")
        );
        let request = admin_answer(&client, select, &session, [("USERNAME", "alice".to_owned())]);
        assert_eq!(
            world.call(api::AdminRespondToAuthChallengeRequest { session: None, ..request }).await,
            invalid("Missing required parameter Session")
        );
        assert_eq!(
            world.call(api::AdminRespondToAuthChallengeRequest::default()).await,
            invalid(
                "3 validation errors detected: Value null at 'userPoolId' failed to satisfy constraint: Member must not be \
                 null; Value at 'clientId' failed to satisfy constraint: Member must not be null; Value null at \
                 'challengeName' failed to satisfy constraint: Member must not be null"
            )
        );
    }
}

spec! {
    async fn pool_and_client_must_be_there_and_belong_together(world: World) {
        let client = world.app_client().await;
        let other = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let session = begun(&world, &client, "alice").await;
        let proof = [("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD)];
        let elsewhere = TestClient { pool: other.pool.clone(), ..client.clone() };
        assert_eq!(
            answers(&world, &elsewhere, ChallengeName::SelectChallenge, &session, &proof).await,
            Err(refusal("ResourceNotFoundException", &format!("User pool client {} does not exist.", client.id)))
        );
        let nowhere = TestClient { pool: "us-east-1_Nowhere12".to_owned(), ..client.clone() };
        assert_eq!(
            answers(&world, &nowhere, ChallengeName::SelectChallenge, &session, &proof).await,
            Err(refusal("ResourceNotFoundException", "User pool us-east-1_Nowhere12 does not exist."))
        );
        answers(&world, &client, ChallengeName::SelectChallenge, &session, &proof).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_trail_hides_session_and_answers() {
    let world = World::new(Wire::Json).await;
    let client = world.app_client().await;
    world.confirmed_user(&client, "alice").await;
    let session = begun(&world, &client, "alice").await;
    let body = json!({
        "UserPoolId": client.pool,
        "ClientId": client.id,
        "ChallengeName": "SELECT_CHALLENGE",
        "Session": session,
        "ChallengeResponses": {"USERNAME": "alice", "ANSWER": "PASSWORD", "PASSWORD": PASSWORD},
    });
    let reply = post_json(&world, Op::AdminRespondToAuthChallenge, &body).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let trail = world.audit().await;
    let line = trail.iter().find(|line| line["eventName"] == "AdminRespondToAuthChallenge").unwrap();
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    let expected = json!({
        "userPoolId": client.pool,
        "clientId": client.id,
        "challengeName": "SELECT_CHALLENGE",
        "session": hidden,
        "challengeResponses": hidden,
    });
    assert_eq!(line["requestParameters"], expected);
}
