//! `DEVICE_SRP_AUTH`: what a device that a sign-in names adds to it, and what it takes the place of (reference 4.9).

use std::time::Duration;

use cognate::api::auth_flow::Value as AuthFlow;
use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::device_remembered_status::Value as Status;
use cognate::api::user_pool_mfa::Value as Mfa;
use cognate::api::{self, Op, auth_factor};
use serde_json::json;

use super::{
    Kind, assert_signed_in, invalid, invalid_session, locked, not_authorized, parameters, used_session,
    with_a_digit_changed,
};
use crate::spec;
use crate::support::devices::{TestDevice, Tracking};
use crate::support::factors::{Answered, Person};
use crate::support::fixtures::SecondFactor::{self, Email, Sms, SoftwareToken};
use crate::support::fixtures::{
    PASSWORD, TEMPORARY_PASSWORD, TestClient, WRONG_PASSWORD, hide_users, srp_answer, srp_beginning,
};
use crate::support::srp::{Question, SrpClient, timestamp};
use crate::support::{Wire, World, refusal};
use crate::wire::post_json;

const NO_DEVICE: &str = "us-east-1_00000000-0000-4000-8000-000000000000";

const SECOND_FACTORS: &[SecondFactor] = &[Sms, SoftwareToken, Email];

/// Its proof stands in for a second factor.
const STANDING_IN: Tracking = Tracking { stands_for_second_factor: true, on_prompt: false };

fn no_device() -> Answered {
    Err(refusal("ResourceNotFoundException", "Device does not exist."))
}

/// A client of a pool that tracks devices, and a user with everything, who has turned no second factor on.
async fn scene(world: &World, tracking: Tracking) -> TestClient {
    let pool = world.pool_with_devices(tracking).await;
    let client = world.client(&pool, |_| {}).await;
    world.reachable_user(&client, "alice").await;
    world.give_authenticator(&client, "alice").await;
    client
}

async fn sets_tracking(world: &World, client: &TestClient, tracking: Option<Tracking>) {
    let (user_pool_id, device_configuration) = (Some(client.pool.clone()), tracking.map(Into::into));
    world.call(api::UpdateUserPoolRequest { user_pool_id, device_configuration, ..Default::default() }).await.unwrap();
}

/// Has the user need this second factor.
async fn needs(world: &World, client: &TestClient, factor: SecondFactor) {
    world.ask_for_second_factors(&client.pool, Mfa::Optional, SECOND_FACTORS).await;
    world.turn_on(client, "alice", &[factor], None).await;
}

fn challenge_of(answered: &Answered) -> Option<ChallengeName> {
    let reply = answered.as_ref().unwrap();
    reply.challenge_name.map(|_| reply.challenge_name())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_json_bodies_are_cognitos() {
    let world = World::new(Wire::Json).await;
    let client = scene(&world, Tracking::default()).await;
    let device = world.device_of(&client, "alice").await;
    let given = json!({"USERNAME": "alice", "PASSWORD": PASSWORD, "DEVICE_KEY": device.key});
    let body = json!({"AuthFlow": "USER_PASSWORD_AUTH", "ClientId": client.id, "AuthParameters": given});
    let reply = post_json(&world, Op::InitiateAuth, &body).await.json();
    let expected = json!({
        "ChallengeName": "DEVICE_SRP_AUTH",
        "ChallengeParameters": {"USERNAME": "alice", "DEVICE_KEY": device.key},
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);

    let own = SrpClient::new(&device.as_pool(), &world.app.services.rng);
    let given = json!({"USERNAME": "alice", "DEVICE_KEY": device.key, "SRP_A": own.number()});
    let body = json!({
        "ChallengeName": "DEVICE_SRP_AUTH",
        "ClientId": client.id,
        "Session": reply["Session"],
        "ChallengeResponses": given,
    });
    let reply = post_json(&world, Op::RespondToAuthChallenge, &body).await.json();
    let told = &reply["ChallengeParameters"];
    let parameters = json!({
        "SALT": told["SALT"],
        "SRP_B": told["SRP_B"],
        "SECRET_BLOCK": told["SECRET_BLOCK"],
        "USERNAME": "alice",
        "DEVICE_KEY": device.key,
    });
    let expected = json!({
        "ChallengeName": "DEVICE_PASSWORD_VERIFIER",
        "ChallengeParameters": parameters,
        "Session": reply["Session"],
    });
    assert_eq!(reply, expected);
}

spec! {
    async fn a_remembered_device_is_asked_for_after_whatever_proved_the_user(world: World) {
        let factors = [auth_factor::Value::Password, auth_factor::Value::EmailOtp];
        let pool = world
            .pool(|request| {
                let allowed_first_auth_factors = factors.map(i32::from).to_vec();
                let sign_in_policy = Some(api::SignInPolicy { allowed_first_auth_factors });
                request.policies = Some(api::UserPoolPolicy { sign_in_policy, ..Default::default() });
                request.device_configuration = Some(Tracking::default().into());
            })
            .await;
        let client = world.client(&pool, |_| {}).await;
        world.reachable_user(&client, "alice").await;
        let device = world.device_of(&client, "alice").await;
        let (alice, named) = (world.person(&client, "alice"), ("DEVICE_KEY", device.key.as_str()));
        let by_srp = async |named_at: [bool; 2]| {
            let own = SrpClient::new(&client.pool, &world.app.services.rng);
            let mut begins = srp_beginning(&client, "alice", &own.number());
            if named_at[0] {
                begins.auth_parameters.insert("DEVICE_KEY".to_owned(), device.key.clone());
            }
            let question = Question::of(&world.call(begins).await.unwrap().challenge_parameters);
            let now = timestamp(world.now());
            let mut answer = srp_answer(&client, &question, &own.signature(&question, PASSWORD, &now), &now);
            if named_at[1] {
                answer.challenge_responses.insert("DEVICE_KEY".to_owned(), device.key.clone());
            }
            world.call(answer).await
        };
        let by_code = async || {
            let asked = alice.prefers("EMAIL_OTP").await.unwrap();
            let code = world.code_to("alice@example.com").await;
            alice.answers(ChallengeName::EmailOtp, asked.session(), &[("EMAIL_OTP_CODE", &code), named]).await
        };
        let by_choice = async || {
            let asked = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap();
            let chosen = [("ANSWER", "PASSWORD"), ("PASSWORD", PASSWORD), named];
            alice.answers(ChallengeName::SelectChallenge, asked.session(), &chosen).await
        };
        let as_asked = async || {
            let asked = alice.prefers("PASSWORD").await.unwrap();
            alice.answers(ChallengeName::Password, asked.session(), &[("PASSWORD", PASSWORD), named]).await
        };
        let by_new_password = async |named_at: [bool; 2]| {
            world.set_temporary_password(&client.pool, "alice", TEMPORARY_PASSWORD).await.unwrap();
            let mut begins = vec![("PASSWORD", TEMPORARY_PASSWORD)];
            begins.extend(named_at[0].then_some(named));
            let asked = alice.begins(AuthFlow::UserPasswordAuth, &begins).await.unwrap();
            assert_eq!(asked.challenge_name(), ChallengeName::NewPasswordRequired);
            let mut answer = vec![("NEW_PASSWORD", PASSWORD)];
            answer.extend(named_at[1].then_some(named));
            alice.answers(ChallengeName::NewPasswordRequired, asked.session(), &answer).await
        };
        let ends = async |answered: Answered| {
            assert_eq!(challenge_of(&answered), Some(ChallengeName::DeviceSrpAuth), "{answered:?}");
            let session = answered.unwrap().session.unwrap();
            assert_signed_in(&alice.proves_device(&session, &device).await, "alice");
        };
        let preferred = [("PREFERRED_CHALLENGE", "PASSWORD"), ("PASSWORD", PASSWORD), named];
        for answered in [
            alice.proves_password_at(&device.key).await,
            alice.by_back_end().proves_password_at(&device.key).await,
            by_srp([false, true]).await,
            by_srp([true, true]).await,
            by_code().await,
            alice.begins(AuthFlow::UserAuth, &preferred).await,
            by_choice().await,
            as_asked().await,
        ] {
            ends(answered).await;
        }
        for named_at in [[true, false], [false, true], [true, true]] {
            ends(by_new_password(named_at).await).await;
        }
        // What counts is what comes with the proof.
        assert_eq!(challenge_of(&by_srp([true, false]).await), None);
    }
}

spec! {
    async fn it_stands_in_for_a_second_factor_where_the_pool_has_it_so_and_else_is_asked_for_after_it(world: World) {
        for tracking in [STANDING_IN, Tracking::default()] {
            let client = scene(&world, tracking).await;
            let device = world.device_of(&client, "alice").await;
            let alice = world.person(&client, "alice");
            world.ask_for_second_factors(&client.pool, Mfa::On, SECOND_FACTORS).await;
            for (kind, turned_on) in [
                (Kind::SmsMfa, [Sms].as_slice()),
                (Kind::SoftwareToken, &[SoftwareToken]),
                (Kind::EmailMfa, &[Email]),
                // By choice.
                (Kind::SmsMfa, SECOND_FACTORS),
            ] {
                world.turn_on(&client, "alice", turned_on, None).await;
                world.advance(Duration::from_secs(60 * 60));
                let begun = alice.proves_password_at(&device.key).await;
                let session = begun.as_ref().unwrap().session().to_owned();
                if tracking.stands_for_second_factor {
                    assert_eq!(challenge_of(&begun), Some(ChallengeName::DeviceSrpAuth));
                    assert_signed_in(&alice.proves_device(&session, &device).await, "alice");
                    // Whoever names none is asked.
                    let begun = alice.proves_password(PASSWORD).await;
                    assert_ne!(challenge_of(&begun), Some(ChallengeName::DeviceSrpAuth));
                    assert!(begun.unwrap().authentication_result.is_none());
                    continue;
                }
                let (asked, session) = match turned_on.len() {
                    1 => (challenge_of(&begun), session),
                    _ => {
                        assert_eq!(challenge_of(&begun), Some(ChallengeName::SelectMfaType));
                        let choice = [("ANSWER", "SMS_MFA")];
                        let asked = alice.answers(ChallengeName::SelectMfaType, &session, &choice).await;
                        (challenge_of(&asked), asked.unwrap().session.unwrap())
                    }
                };
                assert_eq!(asked, Some(kind.challenge()));
                let code = kind.code(alice).await;
                let wrong = with_a_digit_changed(&code, 0);
                assert_eq!(kind.answers(alice, &session, &wrong).await, kind.mismatch());
                let asked = kind.answers(alice, &session, &code).await;
                assert_eq!(challenge_of(&asked), Some(ChallengeName::DeviceSrpAuth));
                assert_eq!(kind.answers(alice, &session, &code).await, used_session());
                assert_signed_in(&alice.proves_device(asked.unwrap().session(), &device).await, "alice");
            }
        }
    }
}

spec! {
    async fn nobody_is_spared_setting_up_the_factor_that_the_pool_insists_on(world: World) {
        let client = scene(&world, STANDING_IN).await;
        let device = world.device_of(&client, "alice").await;
        let alice = world.person(&client, "alice");
        world.ask_for_second_factors(&client.pool, Mfa::On, &[SoftwareToken]).await;
        let asked = alice.proves_password_at(&device.key).await;
        assert_eq!(challenge_of(&asked), Some(ChallengeName::MfaSetup));
        let session = asked.unwrap().session;
        let request = api::AssociateSoftwareTokenRequest { access_token: None, session };
        let associated = world.call(request).await.unwrap();
        let app = crate::support::authenticator::Authenticator::of(associated.secret_code());
        let request = api::VerifySoftwareTokenRequest {
            session: associated.session,
            user_code: Some(app.code(world.now())),
            ..Default::default()
        };
        let verified = world.call(request).await.unwrap();
        let asked = alice.answers(ChallengeName::MfaSetup, verified.session(), &[]).await;
        assert_eq!(challenge_of(&asked), Some(ChallengeName::DeviceSrpAuth));
        assert_signed_in(&alice.proves_device(asked.unwrap().session(), &device).await, "alice");
        // From then on it is a factor that the device stands in for.
        let asked = alice.proves_password_at(&device.key).await;
        assert_eq!(challenge_of(&asked), Some(ChallengeName::DeviceSrpAuth));
    }
}

spec! {
    async fn an_address_that_is_set_up_is_no_way_around_a_device(world: World) {
        let client = scene(&world, STANDING_IN).await;
        let device = world.device_of(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let recovery = api::RecoveryOption {
            priority: Some(1),
            name: Some(api::recovery_option_name::Value::VerifiedPhoneNumber.into()),
        };
        let request = api::UpdateUserPoolRequest {
            user_pool_id: Some(client.pool.clone()),
            device_configuration: Some(STANDING_IN.into()),
            account_recovery_setting: Some(api::AccountRecoverySetting { recovery_mechanisms: vec![recovery] }),
            ..Default::default()
        };
        world.call(request).await.unwrap();
        world.ask_for_second_factors(&client.pool, Mfa::On, &[Email]).await;
        world.delete_attributes(&client.pool, "alice", &["email"]).await.unwrap();
        let asked = alice.proves_password_at(&device.key).await;
        assert_eq!(challenge_of(&asked), Some(ChallengeName::MfaSetup));
        let address = [("email", "alice.new@example.com")];
        let asked = alice.answers(ChallengeName::MfaSetup, asked.unwrap().session(), &address).await.unwrap();
        let code = world.code_to("alice.new@example.com").await;
        let asked = alice.answers(ChallengeName::EmailOtp, asked.session(), &[("EMAIL_OTP_CODE", &code)]).await;
        assert_eq!(challenge_of(&asked), Some(ChallengeName::DeviceSrpAuth));
        assert_signed_in(&alice.proves_device(asked.unwrap().session(), &device).await, "alice");
    }
}

spec! {
    async fn an_unknown_device_is_told_to_whoever_has_proved_who_they_are_and_is_no_failure(world: World) {
        let client = scene(&world, STANDING_IN).await;
        world.reachable_user(&client, "bob").await;
        let of_bob = world.device_of(&client, "bob").await.key;
        let forgotten = world.device_of(&client, "alice").await;
        world.forget_device(&client, "alice", &forgotten).await.unwrap();
        let hiding = world.client(&client.pool, hide_users).await;
        let elsewhere = of_bob.replace("us-east-1_", "eu-west-1_");
        let wrong = not_authorized("Incorrect username or password.");
        for client in [&client, &hiding] {
            let alice = world.person(client, "alice");
            for key in [of_bob.as_str(), &forgotten.key, NO_DEVICE, &elsewhere, "nonsense"] {
                for _ in 0..6 {
                    assert_eq!(alice.proves_password_at(key).await, no_device(), "{key}");
                }
                let given = [("PASSWORD", WRONG_PASSWORD), ("DEVICE_KEY", key)];
                let answered = alice.begins(AuthFlow::UserPasswordAuth, &given).await;
                assert_eq!(answered, wrong, "{key}");
                assert!(alice.proves_password(PASSWORD).await.unwrap().authentication_result.is_some());
            }
        }
        let nobody = world.person(&hiding, "nobody");
        assert_eq!(nobody.proves_password_at(NO_DEVICE).await, wrong);
        assert_eq!(nobody.proves_password_at(&of_bob).await, wrong);
    }
}

spec! {
    async fn whoever_named_an_unknown_device_with_a_proof_may_prove_the_same_without(world: World) {
        let client = scene(&world, STANDING_IN).await;
        let own = SrpClient::new(&client.pool, &world.app.services.rng);
        let mut begins = srp_beginning(&client, "alice", &own.number());
        begins.auth_parameters.insert("DEVICE_KEY".to_owned(), NO_DEVICE.to_owned());
        let question = Question::of(&world.call(begins).await.unwrap().challenge_parameters);
        let now = timestamp(world.now());
        let answer = srp_answer(&client, &question, &own.signature(&question, PASSWORD, &now), &now);
        let mut named = answer.clone();
        named.challenge_responses.insert("DEVICE_KEY".to_owned(), NO_DEVICE.to_owned());
        assert_eq!(world.call(named).await, no_device());
        let signed_in = world.call(answer).await.unwrap().authentication_result.unwrap();
        assert!(signed_in.new_device_metadata.is_some());
    }
}

spec! {
    async fn a_device_that_is_not_remembered_is_not_asked_for_and_spares_nothing(world: World) {
        let client = scene(&world, STANDING_IN).await;
        let device = world.device_of(&client, "alice").await;
        world.set_device_status(&client, "alice", &device, Status::NotRemembered).await.unwrap();
        let alice = world.person(&client, "alice");
        let answered = alice.proves_password_at(&device.key).await;
        assert_eq!(answered.unwrap().authentication_result.unwrap().new_device_metadata, None);
        needs(&world, &client, SoftwareToken).await;
        let asked = alice.proves_password_at(&device.key).await;
        assert_eq!(challenge_of(&asked), Some(ChallengeName::SoftwareTokenMfa));
        let code = Kind::SoftwareToken.code(alice).await;
        assert_signed_in(&Kind::SoftwareToken.answers(alice, asked.unwrap().session(), &code).await, "alice");
    }
}

spec! {
    async fn a_device_may_be_named_with_a_second_factor_too_but_no_other_than_before(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let (device, other) = (world.device_of(&client, "alice").await, world.device_of(&client, "alice").await);
        needs(&world, &client, SoftwareToken).await;
        let alice = world.person(&client, "alice");
        let answers = async |begun: Answered, key: &str| {
            world.advance(Duration::from_secs(30));
            let code = Kind::SoftwareToken.code(alice).await;
            let given = [("SOFTWARE_TOKEN_MFA_CODE", code.as_str()), ("DEVICE_KEY", key)];
            alice.answers(ChallengeName::SoftwareTokenMfa, begun.unwrap().session(), &given).await
        };
        let begun = alice.proves_password(PASSWORD).await;
        assert_eq!(answers(begun.clone(), NO_DEVICE).await, no_device());
        let asked = answers(begun, &device.key).await;
        assert_eq!(challenge_of(&asked), Some(ChallengeName::DeviceSrpAuth));
        assert_signed_in(&alice.proves_device(asked.unwrap().session(), &device).await, "alice");

        let begun = alice.proves_password_at(&device.key).await;
        assert_eq!(answers(begun.clone(), &other.key).await, invalid_session());
        assert_eq!(challenge_of(&answers(begun, &device.key).await), Some(ChallengeName::DeviceSrpAuth));
    }
}

/// As far as the question for the device.
async fn asked(person: Person<'_>, device: &TestDevice) -> String {
    let reply = person.proves_password_at(&device.key).await.unwrap();
    assert_eq!(reply.challenge_name(), ChallengeName::DeviceSrpAuth);
    assert_eq!(parameters(&reply), [("DEVICE_KEY", device.key.as_str()), ("USERNAME", person.username)]);
    reply.session.unwrap()
}

async fn begins(person: Person<'_>, session: &str, key: &str, srp_a: &str) -> Answered {
    let given = [("DEVICE_KEY", key), ("SRP_A", srp_a)];
    person.answers(ChallengeName::DeviceSrpAuth, session, &given).await
}

spec! {
    async fn the_session_serves_once_and_for_the_device_that_was_named_alone(world: World) {
        let client = scene(&world, Tracking::default()).await;
        let (device, other) = (world.device_of(&client, "alice").await, world.device_of(&client, "alice").await);
        let alice = world.person(&client, "alice");
        let session = asked(alice, &device).await;
        for wrong in [&other.key, NO_DEVICE] {
            assert_eq!(begins(alice, &session, wrong, "2").await, invalid_session());
        }
        assert_eq!(begins(alice, &session, "nonsense", "2").await, no_device());
        let missing = |name: &str| invalid(&format!("Missing required parameter {name}"));
        assert_eq!(begins(alice, &session, "", "2").await, missing("DEVICE_KEY"));
        assert_eq!(begins(alice, &session, &device.key, "").await, missing("SRP_A"));
        for wrong in ["0", "-1", "x"] {
            assert_eq!(begins(alice, &session, &device.key, wrong).await, invalid("Invalid SRP_A given."));
        }
        alice.begins_device(&session, &device).await.unwrap();
        assert_eq!(begins(alice, &session, &device.key, "2").await, used_session());
    }
}

spec! {
    async fn the_session_serves_only_its_user_its_client_its_pool_and_its_challenge(world: World) {
        let client = scene(&world, Tracking::default()).await;
        world.reachable_user(&client, "bob").await;
        let of_the_same_pool = world.client(&client.pool, |_| {}).await;
        let of_another_pool = scene(&world, Tracking::default()).await;
        let (device, of_bob) = (world.device_of(&client, "alice").await, world.device_of(&client, "bob").await);
        let (alice, bob) = (world.person(&client, "alice"), world.person(&client, "bob"));
        let (session, bobs) = (asked(alice, &device).await, asked(bob, &of_bob).await);
        for foreign in [bob, alice.named("nobody"), alice.at(&of_the_same_pool), alice.at(&of_another_pool)] {
            for key in [&device.key, &of_bob.key] {
                assert_eq!(begins(foreign, &session, key, "2").await, invalid_session());
                assert_eq!(begins(foreign.by_back_end(), &session, key, "2").await, invalid_session());
            }
        }
        assert_eq!(begins(alice, &bobs, &device.key, "2").await, invalid_session());
        let given = [
            ("ANSWER", "SMS_MFA"),
            ("DEVICE_KEY", device.key.as_str()),
            ("NEW_PASSWORD", WRONG_PASSWORD),
            ("PASSWORD", PASSWORD),
            ("SRP_A", "2"),
        ];
        for other in [
            ChallengeName::DevicePasswordVerifier,
            ChallengeName::EmailOtp,
            ChallengeName::MfaSetup,
            ChallengeName::NewPasswordRequired,
            ChallengeName::Password,
            ChallengeName::PasswordSrp,
            ChallengeName::SelectChallenge,
            ChallengeName::SelectMfaType,
            ChallengeName::SmsMfa,
            ChallengeName::SoftwareTokenMfa,
        ] {
            assert_eq!(alice.answers(other, &session, &given).await, invalid_session(), "{other:?}");
        }
        let to_choose = alice.begins(AuthFlow::UserAuth, &[]).await.unwrap().session.unwrap();
        assert_eq!(begins(alice, &to_choose, &device.key, "2").await, invalid_session());
        for at in (0..session.len()).step_by(9) {
            let changed = if session.as_bytes()[at] == b'A' { "B" } else { "A" };
            let changed = format!("{}{changed}{}", &session[..at], &session[at + 1..]);
            assert_eq!(begins(alice, &changed, &device.key, "2").await, invalid_session(), "at {at}");
        }
        alice.begins_device(&session, &device).await.unwrap();
    }
}

spec! {
    async fn what_the_question_rests_on_must_be_as_it_was(world: World) {
        let client = scene(&world, STANDING_IN).await;
        let alice = world.person(&client, "alice");
        needs(&world, &client, SoftwareToken).await;
        let device = {
            let asked = alice.proves_password(PASSWORD).await.unwrap();
            let code = Kind::SoftwareToken.code(alice).await;
            let signed_in = Kind::SoftwareToken.answers(alice, asked.session(), &code).await.unwrap();
            world.confirm_device(&signed_in.authentication_result.unwrap()).await
        };
        let session = asked(alice, &device).await;
        let life = Duration::from_secs(3 * 60);
        // It is enough no more.
        sets_tracking(&world, &client, Some(Tracking::default())).await;
        world.ask_for_second_factors(&client.pool, Mfa::Optional, SECOND_FACTORS).await;
        assert_eq!(begins(alice, &session, &device.key, "2").await, invalid_session());
        sets_tracking(&world, &client, None).await;
        assert_eq!(begins(alice, &session, &device.key, "2").await, invalid_session());
        sets_tracking(&world, &client, Some(STANDING_IN)).await;
        world.ask_for_second_factors(&client.pool, Mfa::Optional, SECOND_FACTORS).await;
        world.set_device_status(&client, "alice", &device, Status::NotRemembered).await.unwrap();
        assert_eq!(begins(alice, &session, &device.key, "2").await, invalid_session());
        world.set_device_status(&client, "alice", &device, Status::Remembered).await.unwrap();
        world.disable(&client.pool, "alice").await;
        assert_eq!(begins(alice, &session, &device.key, "2").await, not_authorized("User is disabled."));
        world.enable(&client.pool, "alice").await;
        alice.begins_device(&session, &device).await.unwrap();

        let session = asked(alice, &device).await;
        world.advance(life - Duration::from_millis(1));
        alice.begins_device(&session, &device).await.unwrap();
        let session = asked(alice, &device).await;
        world.advance(life);
        let expired = not_authorized("Invalid session for the user, session is expired.");
        assert_eq!(begins(alice, &session, &device.key, "2").await, expired);

        let session = asked(alice, &device).await;
        world.set_password(&client.pool, "alice", PASSWORD).await.unwrap();
        assert_eq!(begins(alice, &session, &device.key, "2").await, invalid_session());
        let session = asked(alice, &device).await;
        world.forget_device(&client, "alice", &device).await.unwrap();
        assert_eq!(begins(alice, &session, &device.key, "2").await, no_device());
    }
}

spec! {
    async fn a_factor_that_is_turned_on_meanwhile_is_not_passed_by_where_a_device_does_not_stand_in_for_it(world: World) {
        for tracking in [Tracking::default(), STANDING_IN] {
            let client = scene(&world, tracking).await;
            let device = world.device_of(&client, "alice").await;
            let alice = world.person(&client, "alice");
            let (first, second) = (asked(alice, &device).await, asked(alice, &device).await);
            let begun = alice.begins_device(&second, &device).await.unwrap();
            needs(&world, &client, SoftwareToken).await;
            let answers =
                [begins(alice, &first, &device.key, "2").await, alice.ends_device(&begun, &device, &device.secret).await];
            match tracking.stands_for_second_factor {
                true => assert_signed_in(&answers[1], "alice"),
                false => assert_eq!(answers, [invalid_session(), invalid_session()]),
            }
        }
    }
}

spec! {
    async fn a_lock_for_wrong_passwords_holds_for_devices(world: World) {
        let client = scene(&world, STANDING_IN).await;
        let device = world.device_of(&client, "alice").await;
        let alice = world.person(&client, "alice");
        let session = asked(alice, &device).await;
        for _ in 0..5 {
            alice.proves_password(WRONG_PASSWORD).await.unwrap_err();
        }
        // The question may be put, but no answer is looked at.
        let begun = alice.begins_device(&session, &device).await.unwrap();
        assert_eq!(alice.ends_device(&begun, &device, &device.secret).await, locked());
        world.advance(Duration::from_secs(1));
        assert_signed_in(&alice.ends_device(&begun, &device, &device.secret).await, "alice");
    }
}
