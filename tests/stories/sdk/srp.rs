//! Sign-ins by SRP, as Amplify and its like do them, with clients as `create-user-pool-client` makes them without being told more.

use std::collections::HashMap;

use aws_sdk_cognitoidentityprovider::types::{ChallengeNameType, MessageActionType};

use super::*;
use crate::support::srp::{self, Question, SrpClient};

/// Begins, and gives the answers that prove the password.
async fn proved(world: &World, sdk: &Client, app: &TestClient, name: &str, password: &str) -> HashMap<String, String> {
    let own = SrpClient::new(&app.pool, &world.app.services.rng);
    let begin = sdk.initiate_auth().client_id(&app.id).auth_flow(AuthFlowType::UserSrpAuth);
    let begin = begin.auth_parameters("USERNAME", name).auth_parameters("SRP_A", own.number());
    let begin = app.secret_hash(name).into_iter().fold(begin, |begin, hash| begin.auth_parameters("SECRET_HASH", hash));
    let asked = begin.send().await.unwrap();
    assert_eq!(asked.challenge_name, Some(ChallengeNameType::PasswordVerifier));
    let question = Question::of(&asked.challenge_parameters.unwrap());
    let mut responses = own.responses(&question, password, &srp::timestamp(world.now()));
    responses.extend(app.secret_hash(&question.user_id).map(|hash| ("SECRET_HASH".to_owned(), hash)));
    responses
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invited_user_signs_in_without_ever_sending_a_password_but_the_new_one() {
    let (world, sdk) = begin().await;
    for with_secret in [false, true] {
        let made = sdk.create_user_pool().pool_name(next_name()).username_attributes("email".into());
        let pool = made.send().await.unwrap().user_pool.unwrap().id.unwrap();
        let app = app(&sdk, &pool, with_secret, &[]).await;
        let address = "alice@example.com";
        let invited = sdk.admin_create_user().user_pool_id(&pool).username(address);
        let invited = invited.temporary_password("T3mporary!").message_action(MessageActionType::Suppress);
        let user = invited.send().await.unwrap().user.unwrap().username.unwrap();
        let answer = |challenge: ChallengeNameType, responses: HashMap<String, String>| {
            let answer = sdk.respond_to_auth_challenge().client_id(&app.id).challenge_name(challenge);
            answer.set_challenge_responses(Some(responses))
        };

        let wrong = proved(&world, &sdk, &app, address, "Wr0ng-one!").await;
        let refused = "Incorrect username or password.";
        refused!(answer(ChallengeNameType::PasswordVerifier, wrong), is_not_authorized_exception, refused);
        let right = proved(&world, &sdk, &app, address, "T3mporary!").await;
        let asked = answer(ChallengeNameType::PasswordVerifier, right).send().await.unwrap();
        assert_eq!(asked.challenge_name, Some(ChallengeNameType::NewPasswordRequired));
        let mut responses = HashMap::from([("USERNAME".to_owned(), user.clone())]);
        responses.insert("NEW_PASSWORD".to_owned(), PASSWORD.to_owned());
        responses.extend(app.secret_hash(&user).map(|hash| ("SECRET_HASH".to_owned(), hash)));
        let set = answer(ChallengeNameType::NewPasswordRequired, responses).session(asked.session.unwrap());
        assert!(set.send().await.unwrap().authentication_result.is_some());

        let right = proved(&world, &sdk, &app, address, PASSWORD).await;
        let tokens = answer(ChallengeNameType::PasswordVerifier, right.clone()).send().await.unwrap();
        let tokens = tokens.authentication_result.unwrap();
        let told = sdk.get_user().access_token(tokens.access_token.unwrap()).send().await.unwrap();
        assert_eq!(told.username, user);
        let used = "Invalid session for the user, session can only be used once.";
        refused!(answer(ChallengeNameType::PasswordVerifier, right), is_not_authorized_exception, used);
    }
}
