//! What is true of every challenge that a code answers.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::user_status::Value as Status;
use cognate::api::{self, user_pool_mfa};

use super::{
    Kind, assert_signed_in, invalid, invalid_session, limit_exceeded, locked, not_authorized, parameters, used_code,
    used_session, with_a_digit_changed,
};
use crate::support::factors::{email_of, phone_number_of};
use crate::support::fixtures::{
    PASSWORD, SecondFactor, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, attribute, with_secret,
};
use crate::support::{World, at_once, refusal};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Where alice has the factor.
async fn scene(world: &World, kind: Kind) -> TestClient {
    let client = kind.client(world, |_| {}).await;
    kind.user(world, &client, "alice").await;
    client
}

/// Gives a wrong code so many times, each of which is looked at.
async fn fails(world: &World, client: &TestClient, kind: Kind, session: &str, times: usize) {
    let alice = world.person(client, "alice");
    for at in 0..times {
        let wrong = with_a_digit_changed(&kind.code(alice).await, at);
        assert_eq!(kind.answers(alice, session, &wrong).await, kind.mismatch(), "at {at}");
    }
}

pub async fn the_right_code_earns_tokens_and_the_session_serves_once(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, used_session());
    let world = world.restarted().await;
    let alice = world.person(&client, "alice");
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, used_session());
}

pub async fn a_back_end_goes_the_same_way(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice").by_back_end();
    let asked = kind.asked(alice).await;
    let wrong = with_a_digit_changed(&asked.code, 0);
    assert_eq!(kind.answers(alice, &asked.session, &wrong).await, kind.mismatch());
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
    // Whoever has begun at the back end may end elsewhere.
    let asked = kind.asked(alice).await;
    assert_signed_in(&kind.answers(world.person(&client, "alice"), &asked.session, &asked.code).await, "alice");
}

pub async fn a_client_with_a_secret_proves_it_with_the_code(world: World, kind: Kind) {
    let client = kind.client(&world, with_secret).await;
    kind.user(&world, &client, "alice").await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    let impostor = TestClient { secret: None, ..client.clone() };
    let message = format!("Client {} is configured with secret but SECRET_HASH was not received", client.id);
    assert_eq!(kind.answers(alice.at(&impostor), &asked.session, &asked.code).await, not_authorized(&message));
    let impostor = TestClient { secret: Some("n0t-the-secret".to_owned()), ..client.clone() };
    let message = format!("Unable to verify secret hash for client {}", client.id);
    assert_eq!(kind.answers(alice.at(&impostor), &asked.session, &asked.code).await, not_authorized(&message));
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
}

pub async fn after_a_wrong_code_the_same_session_may_be_tried_again(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    let code = asked.code.as_str();
    let last = code.len() - 1;
    for wrong in
        [with_a_digit_changed(code, 0), with_a_digit_changed(code, last), format!("{code}0"), code[1..].to_owned()]
    {
        assert_eq!(kind.answers(alice, &asked.session, &wrong).await, kind.mismatch(), "{wrong} for {code}");
    }
    // None at all is no attempt.
    let missing = invalid(&format!("Missing required parameter {}", kind.answer()));
    assert_eq!(kind.answers(alice, &asked.session, "").await, missing);
    assert_eq!(alice.answers(kind.challenge(), &asked.session, &[("ANSWER", code)]).await, missing);
    assert_signed_in(&kind.answers(alice, &asked.session, code).await, "alice");
}

pub async fn five_wrong_codes_lock_and_the_session_outlasts_the_lock(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    fails(&world, &client, kind, &asked.session, 5).await;
    let hashes = world.hashes_evaluated();
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, locked());
    assert_eq!(alice.proves_password(PASSWORD).await, locked());
    assert_eq!(world.hashes_evaluated(), hashes);
    world.advance(Duration::from_secs(1) - MILLISECOND);
    assert_eq!(kind.answers(alice, &asked.session, &kind.code(alice).await).await, locked());
    world.advance(MILLISECOND);
    assert_signed_in(&kind.answers(alice, &asked.session, &kind.code(alice).await).await, "alice");
}

pub async fn wrong_codes_and_wrong_passwords_are_one_count(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    fails(&world, &client, kind, &asked.session, 2).await;
    for _ in 0..3 {
        let wrong = not_authorized("Incorrect username or password.");
        assert_eq!(alice.proves_password(WRONG_PASSWORD).await, wrong);
    }
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, locked());
}

pub async fn the_end_of_a_sign_in_forgives_the_wrong_codes_before_it(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    fails(&world, &client, kind, &asked.session, 4).await;
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
    let asked = kind.asked(alice).await;
    fails(&world, &client, kind, &asked.session, 4).await;
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
}

pub async fn the_session_lives_as_long_as_the_client_says_to_the_millisecond(world: World, kind: Kind) {
    let client = kind.client(&world, |request| request.auth_session_validity = Some(4)).await;
    kind.user(&world, &client, "alice").await;
    let alice = world.person(&client, "alice");
    let life = Duration::from_secs(4 * 60);
    let asked = kind.asked(alice).await;
    world.advance(life - MILLISECOND);
    assert_signed_in(&kind.answers(alice, &asked.session, &kind.code(alice).await).await, "alice");
    let asked = kind.asked(alice).await;
    world.advance(life);
    assert_eq!(
        kind.answers(alice, &asked.session, &kind.code(alice).await).await,
        not_authorized("Invalid session for the user, session is expired.")
    );
}

pub async fn the_session_serves_only_its_user_its_client_and_its_pool(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    kind.user(&world, &client, "bob").await;
    let of_the_same_pool = world.client(&client.pool, |_| {}).await;
    let of_another_pool = scene(&world, kind).await;
    let (alice, bob) = (world.person(&client, "alice"), world.person(&client, "bob"));
    let of_bob = kind.asked(bob).await;
    let asked = kind.asked(alice).await;
    for foreign in [bob, alice.named("nobody"), alice.at(&of_the_same_pool), alice.at(&of_another_pool)] {
        assert_eq!(kind.answers(foreign, &asked.session, &asked.code).await, invalid_session());
        assert_eq!(kind.answers(foreign.by_back_end(), &asked.session, &asked.code).await, invalid_session());
    }
    // Another's code is as wrong as any.
    assert_eq!(kind.answers(alice, &asked.session, &of_bob.code).await, kind.mismatch());
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
}

pub async fn a_session_that_was_changed_is_invalid(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    let session = asked.session.as_str();
    for at in (0..session.len()).step_by(5) {
        let other = if session.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{other}{}", &session[..at], &session[at + 1..]);
        assert_eq!(kind.answers(alice, &changed, &asked.code).await, invalid_session(), "at {at}");
    }
    assert_signed_in(&kind.answers(alice, session, &asked.code).await, "alice");
}

pub async fn the_session_answers_no_other_challenge_and_no_other_session_answers_this_one(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let to_choose = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap();
    let for_password = alice.prefers("PASSWORD").await.unwrap().session.unwrap();
    let asked = kind.asked(alice).await;
    for session in [&to_choose, &for_password] {
        assert_eq!(kind.answers(alice, session, &asked.code).await, invalid_session());
    }
    let others = [
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
    let block = BASE64_STANDARD.encode(&asked.session);
    let answers = [
        ("ANSWER", "PASSWORD"),
        ("CREDENTIAL", "{}"),
        ("EMAIL_OTP_CODE", &asked.code),
        ("NEW_PASSWORD", WRONG_PASSWORD),
        ("PASSWORD", PASSWORD),
        ("PASSWORD_CLAIM_SECRET_BLOCK", &block),
        ("SMS_MFA_CODE", &asked.code),
        ("SMS_OTP_CODE", &asked.code),
        ("SOFTWARE_TOKEN_MFA_CODE", &asked.code),
        ("email", "other@example.com"),
    ];
    for other in others.into_iter().filter(|other| *other != kind.challenge()) {
        assert_eq!(alice.answers(other, &asked.session, &answers).await, invalid_session(), "{other:?}");
    }
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
}

pub async fn a_code_serves_only_the_session_that_it_was_sent_for(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let (one, other) = (kind.asked(alice).await, kind.asked(alice).await);
    assert_ne!(one.code, other.code);
    assert_eq!(kind.answers(alice, &one.session, &other.code).await, kind.mismatch());
    assert_eq!(kind.answers(alice, &other.session, &one.code).await, kind.mismatch());
    assert_signed_in(&kind.answers(alice, &one.session, &one.code).await, "alice");
    // Its code is good for the other session yet, though not in this one.
    assert_eq!(kind.answers(alice, &other.session, &one.code).await, kind.mismatch());
    assert_signed_in(&kind.answers(alice, &other.session, &other.code).await, "alice");
}

pub async fn only_so_many_codes_are_sent_in_an_hour_and_asking_for_more_is_no_failure(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    for _ in 0..world.config.messages_per_user_hour_max {
        kind.reached(alice).await.unwrap();
    }
    let sent = world.messages().await;
    assert_eq!(sent, world.config.messages_per_user_hour_max as usize);
    for _ in 0..6 {
        assert_eq!(kind.reached(alice).await, Err(limit_exceeded()));
    }
    assert_eq!(world.messages().await, sent);
    world.advance(Duration::from_secs(60 * 60));
    let asked = kind.asked(alice).await;
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
}

pub async fn what_the_code_rests_on_must_be_as_it_was(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    let pool = client.pool.as_str();
    let attributes = match kind {
        Kind::EmailOtp | Kind::EmailMfa => Some([("email", "other@example.com"), ("email_verified", "true")]),
        Kind::SmsOtp | Kind::SmsMfa => Some([("phone_number", "+15550000000"), ("phone_number_verified", "true")]),
        Kind::SoftwareToken => None,
    };
    match attributes {
        Some(attributes) => world.update_attributes(pool, "alice", &attributes).await.unwrap(),
        None => world.give_authenticator(&client, "alice").await,
    }
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, kind.mismatch());
}

pub async fn a_password_that_is_set_meanwhile_ends_what_rests_on_the_one_before(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    world.set_password(&client.pool, "alice", "An0ther-one!").await.unwrap();
    let answered = kind.answers(alice, &asked.session, &asked.code).await;
    match kind.is_second() {
        true => assert_eq!(answered, invalid_session()),
        // The code stands alone.
        false => assert_signed_in(&answered, "alice"),
    }
}

pub async fn a_user_who_is_disabled_meanwhile_does_not_sign_in(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    world.disable(&client.pool, "alice").await;
    for _ in 0..6 {
        let answered = kind.answers(alice, &asked.session, &asked.code).await;
        assert_eq!(answered, not_authorized("User is disabled."));
    }
    world.enable(&client.pool, "alice").await;
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
}

pub async fn a_user_who_is_deleted_meanwhile_does_not_sign_in(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    world.delete_user(&client.pool, "alice").await.unwrap();
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, invalid_session());
    // Nor does whoever takes the name after.
    kind.user(&world, &client, "alice").await;
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, invalid_session());
}

pub async fn a_user_who_is_reset_meanwhile_does_not_sign_in(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    world.reset_password(&client.pool, "alice").await.unwrap();
    assert_eq!(
        kind.answers(alice, &asked.session, &asked.code).await,
        Err(refusal("PasswordResetRequiredException", "Password reset required for the user"))
    );
}

pub async fn a_factor_that_the_pool_turns_off_meanwhile_ends_nothing(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    let other = if kind == Kind::SmsMfa { SecondFactor::Email } else { SecondFactor::Sms };
    match kind.is_second() {
        true => world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &[other]).await,
        false => allow_the_password_alone(&world, &client.pool).await,
    }
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, invalid_session());
}

async fn allow_the_password_alone(world: &World, pool: &str) {
    let request = api::UpdateUserPoolRequest { user_pool_id: Some(pool.to_owned()), ..Default::default() };
    world.call(request).await.unwrap();
}

pub async fn a_factor_that_the_user_turns_off_meanwhile_ends_nothing(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    world.turn_on(&client, "alice", &[], None).await;
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, invalid_session());
}

pub async fn a_preferred_and_a_chosen_code_are_asked_for_alike(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let name = kind.challenge().as_str_name();
    let preferred = alice.prefers(name).await.unwrap();
    let medium = if kind == Kind::EmailOtp { "EMAIL" } else { "SMS" };
    let destination = masked(kind, "alice");
    let expected = [("CODE_DELIVERY_DELIVERY_MEDIUM", medium), ("CODE_DELIVERY_DESTINATION", &destination)];
    assert_eq!(parameters(&preferred), expected);
    let whole = api::RespondToAuthChallengeResponse {
        challenge_name: Some(kind.challenge().into()),
        available_challenges: vec![kind.challenge().into()],
        session: preferred.session.clone(),
        challenge_parameters: preferred.challenge_parameters.clone(),
        ..Default::default()
    };
    assert_eq!(preferred, whole);

    world.advance(MILLISECOND);
    let to_choose = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap();
    let chosen = alice.answers(ChallengeName::SelectChallenge, &to_choose, &[("ANSWER", name)]).await.unwrap();
    assert_eq!(chosen, api::RespondToAuthChallengeResponse { session: chosen.session.clone(), ..whole });
    let again = alice.answers(ChallengeName::SelectChallenge, &to_choose, &[("ANSWER", name)]).await;
    assert_eq!(again, used_session());

    let mail = world.mail().await;
    assert_eq!(mail.len(), 2);
    let newest = mail.last().unwrap();
    assert_eq!((newest.medium.as_str(), newest.purpose.as_str()), (medium, "authentication"));
    assert_eq!((newest.to.clone(), newest.username.as_str()), (kind.address("alice").unwrap(), "alice"));
    assert!(newest.code.len() == 8 && newest.code.bytes().all(|digit| digit.is_ascii_digit()), "{}", newest.code);
    assert_signed_in(&kind.answers(alice, chosen.session(), &newest.code).await, "alice");
}

/// An address as its user is told of it.
fn masked(kind: Kind, username: &str) -> String {
    let address = kind.address(username).unwrap();
    match kind {
        Kind::EmailOtp | Kind::EmailMfa => format!("{}***@e***", &address[..1]),
        _ => format!("+*******{}", &address[address.len() - 4..]),
    }
}

pub async fn a_right_code_confirms_whoever_has_just_signed_up_and_verifies_the_address(world: World, kind: Kind) {
    let client = kind.client(&world, |_| {}).await;
    let request = api::SignUpRequest {
        user_attributes: vec![
            attribute("email", &email_of("alice")),
            attribute("phone_number", &phone_number_of("alice")),
        ],
        ..client.sign_up_request("alice")
    };
    world.call(request).await.unwrap();
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    fails(&world, &client, kind, &asked.session, 1).await;
    assert_eq!(world.admin_get_user(&client.pool, "alice").await.unwrap().user_status(), Status::Unconfirmed);
    assert_signed_in(&kind.answers(alice, &asked.session, &asked.code).await, "alice");
    assert_eq!(world.admin_get_user(&client.pool, "alice").await.unwrap().user_status(), Status::Confirmed);
    let by_email = kind == Kind::EmailOtp;
    let (email_verified, phone_number_verified) =
        (format!("email_verified={by_email}"), format!("phone_number_verified={}", !by_email));
    let attributes = world.attributes_of(&client.pool, "alice").await;
    assert!(attributes.contains(&email_verified) && attributes.contains(&phone_number_verified), "{attributes:?}");
}

pub async fn an_address_that_is_not_verified_takes_no_code(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let attribute = if kind == Kind::EmailOtp { "email_verified" } else { "phone_number_verified" };
    world.update_attributes(&client.pool, "alice", &[(attribute, "false")]).await.unwrap();
    assert_only_the_password_is_offered(&world, &client, kind).await;
}

pub async fn a_temporary_password_is_not_passed_by(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
    assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, invalid_session());
    assert_only_the_password_is_offered(&world, &client, kind).await;
}

/// No code is sent to alice to begin by, whatever she prefers or chooses.
async fn assert_only_the_password_is_offered(world: &World, client: &TestClient, kind: Kind) {
    let (alice, sent) = (world.person(client, "alice"), world.messages().await);
    let name = kind.challenge().as_str_name();
    let offered = alice.prefers(name).await.unwrap();
    assert_eq!(offered.challenge_name(), ChallengeName::SelectChallenge);
    let available: Vec<_> = offered.available_challenges().collect();
    assert_eq!(available, [ChallengeName::PasswordSrp, ChallengeName::Password]);
    assert_eq!(
        alice.answers(ChallengeName::SelectChallenge, offered.session(), &[("ANSWER", name)]).await,
        invalid("The challenge in ANSWER is not available.")
    );
    assert_eq!(world.messages().await, sent);
}

pub async fn a_second_factor_that_is_turned_on_meanwhile_is_not_passed_by(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    let factor = SecondFactor::SoftwareToken;
    world.ask_for_second_factors(&client.pool, user_pool_mfa::Value::Optional, &[factor]).await;
    world.turn_on(&client, "alice", &[factor], None).await;
    for _ in 0..6 {
        assert_eq!(kind.answers(alice, &asked.session, &asked.code).await, invalid_session());
    }
}

pub async fn a_right_password_between_wrong_codes_forgives_nothing(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    for _ in 0..5 {
        let asked = kind.asked(alice).await;
        fails(&world, &client, kind, &asked.session, 1).await;
    }
    assert_eq!(alice.proves_password(PASSWORD).await, locked());
}

pub async fn of_many_right_answers_at_once_one_signs_in(world: World, kind: Kind) {
    let client = scene(&world, kind).await;
    let alice = world.person(&client, "alice");
    let asked = kind.asked(alice).await;
    let answers = at_once((0..4).map(|_| kind.answers(alice, &asked.session, &asked.code))).await;
    let (signed_in, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(signed_in.len(), 1);
    assert_signed_in(&signed_in[0], "alice");
    for late in refused {
        // An app's code may be found used before the session is.
        let is_late = late == used_session() || kind == Kind::SoftwareToken && late == used_code();
        assert!(is_late, "{late:?}");
    }
}
