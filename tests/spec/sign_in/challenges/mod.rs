//! The challenges of a sign-in, one file each. What is true of every challenge that a code answers is in [`rules`], and each
//! such challenge says by [`rules_of_codes`] that it obeys them.

mod device_password_verifier;
mod device_srp_auth;
mod email_mfa;
mod email_otp;
mod hidden_users;
mod mfa_setup;
mod rules;
mod select_challenge;
mod select_mfa_type;
mod sms_mfa;
mod sms_otp;
mod software_token_mfa;
mod web_authn;
mod what_follows;

use std::time::Duration;

use cognate::api::challenge_name::Value as ChallengeName;
use cognate::api::{self, auth_factor, user_pool_mfa};

use crate::support::factors::{Answered, Person, email_of, phone_number_of};
use crate::support::fixtures::{PASSWORD, SecondFactor, TestClient, claims};
use crate::support::{Refusal, World, refusal};

/// A challenge that a code answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// An e-mailed code to begin by.
    EmailOtp,
    /// A texted code to begin by.
    SmsOtp,
    /// An e-mailed code after the password.
    EmailMfa,
    /// A texted code after the password.
    SmsMfa,
    /// A code of an authenticator app after the password.
    SoftwareToken,
}

/// A challenge as it was put to somebody, and its right answer.
struct Question {
    session: String,
    code: String,
}

impl Kind {
    fn challenge(self) -> ChallengeName {
        match self {
            Kind::EmailOtp | Kind::EmailMfa => ChallengeName::EmailOtp,
            Kind::SmsOtp => ChallengeName::SmsOtp,
            Kind::SmsMfa => ChallengeName::SmsMfa,
            Kind::SoftwareToken => ChallengeName::SoftwareTokenMfa,
        }
    }

    /// The name of the answer.
    fn answer(self) -> &'static str {
        match self {
            Kind::EmailOtp | Kind::EmailMfa => "EMAIL_OTP_CODE",
            Kind::SmsOtp => "SMS_OTP_CODE",
            Kind::SmsMfa => "SMS_MFA_CODE",
            Kind::SoftwareToken => "SOFTWARE_TOKEN_MFA_CODE",
        }
    }

    /// The factor of [`Kind::challenge`] to begin by, or that which is asked for after the password.
    fn factor(self) -> Result<auth_factor::Value, SecondFactor> {
        match self {
            Kind::EmailOtp => Ok(auth_factor::Value::EmailOtp),
            Kind::SmsOtp => Ok(auth_factor::Value::SmsOtp),
            Kind::EmailMfa => Err(SecondFactor::Email),
            Kind::SmsMfa => Err(SecondFactor::Sms),
            Kind::SoftwareToken => Err(SecondFactor::SoftwareToken),
        }
    }

    fn is_second(self) -> bool {
        self.factor().is_err()
    }

    /// Where the codes for this user go; nowhere, if an app makes them.
    fn address(self, username: &str) -> Option<String> {
        match self {
            Kind::EmailOtp | Kind::EmailMfa => Some(email_of(username)),
            Kind::SmsOtp | Kind::SmsMfa => Some(phone_number_of(username)),
            Kind::SoftwareToken => None,
        }
    }

    /// What a wrong code is refused with.
    fn mismatch(self) -> Answered {
        let message = match self {
            Kind::SoftwareToken => "Invalid code received for user",
            _ => "Invalid code or auth state for the user.",
        };
        Err(refusal("CodeMismatchException", message))
    }

    /// A client of a pool that has the factor.
    async fn client(self, world: &World, configure: impl FnOnce(&mut api::CreateUserPoolClientRequest)) -> TestClient {
        let pool = match self.factor() {
            Ok(first) => world.pool_with_first_factors(&[first]).await,
            Err(second) => world.pool_with_second_factors(user_pool_mfa::Value::Optional, &[second]).await,
        };
        world.client(&pool, configure).await
    }

    /// A user who has the factor.
    async fn user(self, world: &World, client: &TestClient, username: &str) {
        world.reachable_user(client, username).await;
        if self == Kind::SoftwareToken {
            world.give_authenticator(client, username).await;
        }
        if let Err(second) = self.factor() {
            world.turn_on(client, username, &[second], None).await;
        }
    }

    /// Goes as far as the challenge.
    async fn reached(self, person: Person<'_>) -> Answered {
        match self.factor() {
            Ok(_) => person.prefers(self.challenge().as_str_name()).await,
            Err(_) => person.proves_password(PASSWORD).await,
        }
    }

    /// The challenge is put to somebody. Time passes before it, which tells messages apart, and the codes of an app.
    async fn asked(self, person: Person<'_>) -> Question {
        person.world.advance(Duration::from_secs(30));
        let reply = self.reached(person).await.unwrap();
        assert_eq!(reply.challenge_name(), self.challenge());
        Question { session: reply.session.unwrap(), code: self.code(person).await }
    }

    /// What is the right answer at this moment.
    async fn code(self, Person { world, client, username, .. }: Person<'_>) -> String {
        match self.address(username) {
            Some(address) => world.code_to(&address).await,
            None => world.authenticator_of(client, username).await.code(world.now()),
        }
    }

    async fn answers(self, person: Person<'_>, session: &str, code: &str) -> Answered {
        person.answers(self.challenge(), session, &[(self.answer(), code)]).await
    }
}

/// A code with one digit changed.
fn with_a_digit_changed(code: &str, at: usize) -> String {
    let mut digits = code.as_bytes().to_vec();
    digits[at] = if digits[at] == b'9' { b'0' } else { digits[at] + 1 };
    String::from_utf8(digits).unwrap()
}

/// The sign-in has ended well: in this user's tokens, and nothing else.
#[track_caller]
fn assert_signed_in(answered: &Answered, username: &str) {
    let reply = answered.as_ref().unwrap();
    let tokens = reply.authentication_result.clone();
    let expected = api::RespondToAuthChallengeResponse { authentication_result: tokens, ..Default::default() };
    assert_eq!(*reply, expected);
    assert_eq!(claims(reply.authentication_result.as_ref().unwrap().id_token())["cognito:username"], username);
}

fn not_authorized(message: &str) -> Answered {
    Err(refusal("NotAuthorizedException", message))
}

fn invalid_session() -> Answered {
    not_authorized("Invalid session for the user.")
}

fn used_session() -> Answered {
    not_authorized("Invalid session for the user, session can only be used once.")
}

/// What the code of an app is refused with that has served.
fn used_code() -> Answered {
    Err(refusal("ExpiredCodeException", "Your software token has already been used once."))
}

fn locked() -> Answered {
    not_authorized("Password attempts exceeded")
}

fn invalid(message: &str) -> Answered {
    Err(refusal("InvalidParameterException", message))
}

fn limit_exceeded() -> Refusal {
    refusal("LimitExceededException", "Attempt limit exceeded, please try after some time.")
}

/// The parameters of a challenge, in the order of their names.
fn parameters(reply: &api::RespondToAuthChallengeResponse) -> Vec<(&str, &str)> {
    let mut parameters: Vec<_> =
        reply.challenge_parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    parameters.sort_unstable();
    parameters
}

/// A server that has lost its way for text messages says so, and holds it against nobody.
async fn sends_no_text_messages(mut world: World, kind: Kind) {
    let client = kind.client(&world, |_| {}).await;
    kind.user(&world, &client, "alice").await;
    world.config.smtp_host = Some("127.0.0.1".to_owned());
    world.config.mail_from = Some("no-reply@example.com".to_owned());
    let world = world.restarted().await;
    let no_way = refusal("CodeDeliveryFailureException", "This server has no way to send text messages.");
    for _ in 0..6 {
        assert_eq!(kind.reached(world.person(&client, "alice")).await, Err(no_way.clone()));
    }
}

/// The specifications of [`rules`], each over both wires.
macro_rules! specs_by_rule {
    ($kind:expr, $($rule:ident)*) => {
        $(crate::spec! {
            async fn $rule(world: World) {
                crate::sign_in::challenges::rules::$rule(world, $kind).await
            }
        })*
    };
}

/// What is true of every challenge that a code answers.
macro_rules! rules_of_codes {
    ($kind:expr) => {
        crate::sign_in::challenges::specs_by_rule! { $kind,
            the_right_code_earns_tokens_and_the_session_serves_once
            a_back_end_goes_the_same_way
            a_client_with_a_secret_proves_it_with_the_code
            after_a_wrong_code_the_same_session_may_be_tried_again
            five_wrong_codes_lock_and_the_session_outlasts_the_lock
            wrong_codes_and_wrong_passwords_are_one_count
            the_end_of_a_sign_in_forgives_the_wrong_codes_before_it
            the_session_lives_as_long_as_the_client_says_to_the_millisecond
            the_session_serves_only_its_user_its_client_and_its_pool
            a_session_that_was_changed_is_invalid
            the_session_answers_no_other_challenge_and_no_other_session_answers_this_one
            what_the_code_rests_on_must_be_as_it_was
            a_password_that_is_set_meanwhile_ends_what_rests_on_the_one_before
            a_user_who_is_disabled_meanwhile_does_not_sign_in
            a_user_who_is_deleted_meanwhile_does_not_sign_in
            a_user_who_is_reset_meanwhile_does_not_sign_in
            a_factor_that_the_pool_turns_off_meanwhile_ends_nothing
            of_many_right_answers_at_once_one_signs_in
        }
    };
}

/// What is true, beyond that, of codes that are sent.
macro_rules! rules_of_sent_codes {
    ($kind:expr) => {
        crate::sign_in::challenges::specs_by_rule! { $kind,
            a_code_serves_only_the_session_that_it_was_sent_for
            only_so_many_codes_are_sent_in_an_hour_and_asking_for_more_is_no_failure
        }
    };
}

/// What is true, beyond that, of codes that are asked for after the password.
macro_rules! rules_of_second_factors {
    ($kind:expr) => {
        crate::sign_in::challenges::specs_by_rule! { $kind,
            a_right_password_between_wrong_codes_forgives_nothing
            a_factor_that_the_user_turns_off_meanwhile_ends_nothing
        }
    };
}

/// What is true, beyond that, of codes to begin by.
macro_rules! rules_of_first_factors {
    ($kind:expr) => {
        crate::sign_in::challenges::specs_by_rule! { $kind,
            a_preferred_and_a_chosen_code_are_asked_for_alike
            a_right_code_confirms_whoever_has_just_signed_up_and_verifies_the_address
            an_address_that_is_not_verified_takes_no_code
            a_temporary_password_is_not_passed_by
            a_second_factor_that_is_turned_on_meanwhile_is_not_passed_by
        }
    };
}

use {rules_of_codes, rules_of_first_factors, rules_of_second_factors, rules_of_sent_codes, specs_by_rule};
