//! Ways to sign in beside a password: codes by mail, an authenticator app, and what an invited user goes through where an app
//! is needed.

use std::time::Duration;

use aws_sdk_cognitoidentityprovider::operation::respond_to_auth_challenge::builders::RespondToAuthChallengeFluentBuilder;
use aws_sdk_cognitoidentityprovider::types::{
    AuthFactorType, ChallengeNameType, MessageActionType, SignInPolicyType, SoftwareTokenMfaConfigType,
    SoftwareTokenMfaSettingsType, UserPoolMfaType, UserPoolPolicyType, VerifySoftwareTokenResponseType,
};

use super::*;
use crate::support::authenticator::Authenticator;

const FLOWS: [ExplicitAuthFlowsType; 3] = [
    ExplicitAuthFlowsType::AllowUserPasswordAuth,
    ExplicitAuthFlowsType::AllowUserAuth,
    ExplicitAuthFlowsType::AllowRefreshTokenAuth,
];

/// How often an authenticator app shows another code.
const STEP: Duration = Duration::from_secs(30);

const SPENT: &str = "Invalid session for the user, session can only be used once.";

/// The beginning of a sign-in by choice.
fn by_choice(sdk: &Client, app: &TestClient, username: &str) -> InitiateAuthFluentBuilder {
    let request = sdk.initiate_auth().client_id(&app.id).auth_flow(AuthFlowType::UserAuth);
    let request = request.auth_parameters("USERNAME", username);
    match app.secret_hash(username) {
        Some(hash) => request.auth_parameters("SECRET_HASH", hash),
        None => request,
    }
}

/// The answer to a challenge, but for the proof.
fn answers(
    sdk: &Client,
    app: &TestClient,
    username: &str,
    challenge: ChallengeNameType,
    session: &str,
) -> RespondToAuthChallengeFluentBuilder {
    let request = sdk.respond_to_auth_challenge().client_id(&app.id).challenge_name(challenge).session(session);
    let request = request.challenge_responses("USERNAME", username);
    match app.secret_hash(username) {
        Some(hash) => request.challenge_responses("SECRET_HASH", hash),
        None => request,
    }
}

/// The answer to a challenge ends the sign-in.
async fn ends(answer: RespondToAuthChallengeFluentBuilder) -> AuthenticationResultType {
    answer.send().await.unwrap().authentication_result.unwrap()
}

/// Another code of as many digits.
fn wrong(code: &str) -> String {
    code.chars().map(|digit| if digit == '9' { '0' } else { char::from(digit as u8 + 1) }).collect()
}

/// A user who has confirmed an e-mail address.
async fn joins(world: &World, sdk: &Client, app: &TestClient, username: &str) {
    let request = sdk.sign_up().client_id(&app.id).username(username).password(PASSWORD);
    let request = request.user_attributes(email(&format!("{username}@example.com")));
    request.set_secret_hash(app.secret_hash(username)).send().await.unwrap();
    let confirm = sdk.confirm_sign_up().client_id(&app.id).username(username);
    let confirm = confirm.set_secret_hash(app.secret_hash(username));
    confirm.confirmation_code(world.code_for(username).await).send().await.unwrap();
}

/// Has a pool take authenticator apps as second factors.
async fn takes_apps(sdk: &Client, pool: &str, configuration: UserPoolMfaType) {
    let apps = SoftwareTokenMfaConfigType::builder().enabled(true).build();
    let request = sdk.set_user_pool_mfa_config().user_pool_id(pool).mfa_configuration(configuration);
    request.software_token_mfa_configuration(apps).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_by_mail_signs_in_where_a_password_would() {
    let (world, sdk) = begin().await;
    let factors = [AuthFactorType::Password, AuthFactorType::EmailOtp];
    let first_factors = SignInPolicyType::builder().set_allowed_first_auth_factors(Some(factors.to_vec())).build();
    let policies = UserPoolPolicyType::builder().sign_in_policy(first_factors).build();
    let made = sdk.create_user_pool().pool_name("people").policies(policies);
    let made = made.auto_verified_attributes(VerifiedAttributeType::Email).send().await.unwrap();
    let pool = made.user_pool.unwrap().id.unwrap();
    let app = app(&sdk, &pool, true, &FLOWS).await;
    joins(&world, &sdk, &app, "carol").await;
    let by_mail = ChallengeNameType::EmailOtp;
    let answer = |session: &str, code: &str| {
        answers(&sdk, &app, "carol", by_mail.clone(), session).challenge_responses("EMAIL_OTP_CODE", code)
    };
    let mismatch = "Invalid code or auth state for the user.";

    let offered = by_choice(&sdk, &app, "carol").send().await.unwrap();
    assert_eq!(offered.challenge_name, Some(ChallengeNameType::SelectChallenge));
    assert!(offered.available_challenges.unwrap().contains(&by_mail));
    let select = answers(&sdk, &app, "carol", ChallengeNameType::SelectChallenge, &offered.session.unwrap());
    let asked = select.challenge_responses("ANSWER", "EMAIL_OTP").send().await.unwrap();
    assert_eq!(asked.challenge_name, Some(by_mail.clone()));
    assert_eq!(asked.challenge_parameters.unwrap()["CODE_DELIVERY_DESTINATION"], "c***@e***");
    let (session, code) = (asked.session.unwrap(), world.code_for("carol").await);
    refused!(answer(&session, &wrong(&code)), is_code_mismatch_exception, mismatch);
    ends(answer(&session, &code)).await;
    refused!(answer(&session, &code), is_not_authorized_exception, SPENT);

    let preferred = by_choice(&sdk, &app, "carol");
    let asked = preferred.auth_parameters("PREFERRED_CHALLENGE", "EMAIL_OTP").send().await.unwrap();
    let session = asked.session.unwrap();
    refused!(answer(&session, &code), is_code_mismatch_exception, mismatch);
    ends(answer(&session, &world.code_for("carol").await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authenticator_app_is_registered_turned_on_and_asked_for() {
    let (world, sdk) = begin().await;
    let pool = pool(&sdk, Some(VerifiedAttributeType::Email)).await;
    takes_apps(&sdk, &pool, UserPoolMfaType::Optional).await;
    let app = app(&sdk, &pool, true, &FLOWS).await;
    joins(&world, &sdk, &app, "dora").await;
    let access = signed_in(by_password(&sdk, &app, "dora")).await.access_token.unwrap();

    let associated = sdk.associate_software_token().access_token(&access).send().await.unwrap();
    let telephone = Authenticator::of(&associated.secret_code.unwrap());
    let verify = |code: String| sdk.verify_software_token().access_token(&access).user_code(code);
    let mismatch = "Code mismatch and fail enable Software Token MFA";
    let wrong_code = telephone.wrong_code(world.now());
    refused!(verify(wrong_code.clone()), is_enable_software_token_mfa_exception, mismatch);
    let verified = verify(telephone.code(world.now())).send().await.unwrap();
    assert_eq!(verified.status, Some(VerifySoftwareTokenResponseType::Success));
    signed_in(by_password(&sdk, &app, "dora")).await;
    let turned_on = SoftwareTokenMfaSettingsType::builder().enabled(true).preferred_mfa(true).build();
    let preference = sdk.set_user_mfa_preference().access_token(&access).software_token_mfa_settings(turned_on);
    preference.send().await.unwrap();

    let asked = async || {
        let asked = by_password(&sdk, &app, "dora").send().await.unwrap();
        assert_eq!(asked.challenge_name, Some(ChallengeNameType::SoftwareTokenMfa));
        assert_eq!(asked.authentication_result, None);
        asked.session.unwrap()
    };
    let answer = |session: &str, code: &str| {
        let answer = answers(&sdk, &app, "dora", ChallengeNameType::SoftwareTokenMfa, session);
        answer.challenge_responses("SOFTWARE_TOKEN_MFA_CODE", code)
    };
    let used = "Your software token has already been used once.";
    let session = asked().await;
    refused!(answer(&session, &telephone.code(world.now())), is_expired_code_exception, used);
    refused!(answer(&session, &wrong_code), is_code_mismatch_exception, "Invalid code received for user");
    world.advance(STEP);
    let code = telephone.code(world.now());
    let tokens = ends(answer(&session, &code)).await;
    refused!(answer(&session, &code), is_not_authorized_exception, SPENT);
    refused!(answer(&asked().await, &code), is_expired_code_exception, used);

    let refresh = by_refresh_token(&sdk, &app, &tokens.refresh_token.unwrap());
    signed_in(refresh.auth_parameters("SECRET_HASH", app.secret_hash("dora").unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_an_app_is_needed_an_invited_user_sets_a_password_and_registers_one() {
    let (world, sdk) = begin().await;
    let pool = pool(&sdk, None).await;
    takes_apps(&sdk, &pool, UserPoolMfaType::On).await;
    let app = app(&sdk, &pool, false, &FLOWS).await;
    let invite = sdk.admin_create_user().user_pool_id(&pool).username("emil").temporary_password("Temp0rary!");
    invite.message_action(MessageActionType::Suppress).send().await.unwrap();

    let first = by_password(&sdk, &app, "emil").auth_parameters("PASSWORD", "Temp0rary!").send().await.unwrap();
    assert_eq!(first.challenge_name, Some(ChallengeNameType::NewPasswordRequired));
    let answer = answers(&sdk, &app, "emil", ChallengeNameType::NewPasswordRequired, &first.session.unwrap());
    let second = answer.challenge_responses("NEW_PASSWORD", PASSWORD).send().await.unwrap();
    assert_eq!((second.challenge_name, second.authentication_result), (Some(ChallengeNameType::MfaSetup), None));
    assert_eq!(second.challenge_parameters.unwrap()["MFAS_CAN_SETUP"], r#"["SOFTWARE_TOKEN_MFA"]"#);

    let to_associate = second.session.unwrap();
    let finish = |session: &str| answers(&sdk, &app, "emil", ChallengeNameType::MfaSetup, session);
    let associated = sdk.associate_software_token().session(&to_associate).send().await.unwrap();
    let (telephone, to_verify) = (Authenticator::of(&associated.secret_code.unwrap()), associated.session.unwrap());
    let verify = |code: String| sdk.verify_software_token().session(&to_verify).user_code(code);
    let mismatch = "Code mismatch and fail enable Software Token MFA";
    refused!(verify(telephone.wrong_code(world.now())), is_enable_software_token_mfa_exception, mismatch);
    assert!(finish(&to_verify).send().await.is_err(), "nothing was proved yet");
    let verified = verify(telephone.code(world.now())).send().await.unwrap();
    let to_finish = verified.session.unwrap();
    ends(finish(&to_finish)).await;
    refused!(finish(&to_finish), is_not_authorized_exception, SPENT);

    world.advance(STEP);
    let asked = by_password(&sdk, &app, "emil").send().await.unwrap();
    assert_eq!(asked.challenge_name, Some(ChallengeNameType::SoftwareTokenMfa));
    let answer = answers(&sdk, &app, "emil", ChallengeNameType::SoftwareTokenMfa, &asked.session.unwrap());
    ends(answer.challenge_responses("SOFTWARE_TOKEN_MFA_CODE", telephone.code(world.now()))).await;
}
