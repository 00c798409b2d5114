//! How a sign-in goes, from its beginning to tokens: one machine for every flow, whoever begins it.
//!
//! ```text
//! USER_AUTH ───────────▶ SELECT_CHALLENGE        USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH,
//!     │ a preference            │ a choice       SignUp → ConfirmSignUp → USER_AUTH
//!     ▼                         ▼                            │
//! PASSWORD · PASSWORD_SRP → PASSWORD_VERIFIER · EMAIL_OTP · SMS_OTP · WEB_AUTHN
//!     │ the right proof                                      │
//!     ▼                                                      │
//! FirstProof ◀───────────────────────────────────────────────┘
//!     │ ▲
//!     │ └──────────────────────────────── a new password ── NEW_PASSWORD_REQUIRED
//!     ├── the password is temporary ──────────────────────────▲
//!     │
//!     │ what the pool asks for, and what the user has (reference 4.4)
//!     ├── nothing more, or what a passkey or a remembered device stands for ────▶ the last step
//!     ├── one ─────────────────▶ SMS_MFA · EMAIL_OTP · SOFTWARE_TOKEN_MFA ──▶ SecondProof ─▶ ▲
//!     ├── several ─▶ SELECT_MFA_TYPE ─▶ ▲                                       ▲
//!     └── one that is not there ─▶ MFA_SETUP ─▶ a software token is set up ─────┤
//!                                      └─▶ an e-mail address ─▶ EMAIL_OTP ──────┘
//!
//! the last step
//!     ├── a remembered device was named ─▶ DEVICE_SRP_AUTH ─▶ DEVICE_PASSWORD_VERIFIER ─▶ Complete ▶ tokens
//!     └── none was ─────────────────────────────────────────────────────────────────────▶ ▲
//!
//! CUSTOM_AUTH, alone or with SRP (reference 4.6): what follows, the pool's own function says each time
//!     │
//!     ├──── SRP_A ─▶ PASSWORD_VERIFIER ─ the right proof ─┐
//!     ▼                                                   ▼
//! the function ◀───────────────────────────────────────── what has been asked, and how it went
//!     ├── CUSTOM_CHALLENGE ─ an answer, right or wrong ───▶ ▲
//!     ├── failAuthentication ─▶ the end
//!     └── issueTokens, to a user ─┬────────────────────────────────────▶ Complete ▶ tokens
//!                                 └── a temporary password was proved ─▶ NEW_PASSWORD_REQUIRED
//! ```
//!
//! Nothing but [`Complete`] is exchanged for tokens, and nothing but the arrows above leads to one: a [`FirstProof`] and a
//! [`SecondProof`] come of right answers alone, and what follows from them [`FirstProof::next`] and [`SecondProof::next`] decide
//! alone. What an answer is worth is judged elsewhere, by argon2, SRP, the hash of a code or a passkey's signature, and comes in as a truth value.

mod custom;
mod devices;
mod first_factors;
mod second_factors;

pub use custom::{CustomNext, Decision, Round, Rounds, Undecided, Whose};
pub use devices::{Before, RememberedDevice};
pub use first_factors::{FirstFactor, Means};
pub use second_factors::{Mfa, SecondFactor, Standing};

/// What a session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The code of the sign-up.
    SignUpCode,
    /// The first sign-in of a user whose sign-up that code has confirmed.
    FirstSignIn,
    /// The choice of a first factor.
    SelectChallenge,
    /// The beginning of an SRP exchange.
    SrpBeginning,
    /// The proof of a first factor.
    FirstFactor(FirstFactor),
    /// A password in the place of a temporary one.
    NewPassword,
    /// The choice of a second factor.
    SelectMfaType,
    /// The proof of a second factor.
    SecondFactor(SecondFactor),
    /// That a second factor is set up.
    MfaSetup,
    /// Nothing more: a software token was set up in this sign-in.
    SoftwareTokenSetUp,
    /// The beginning of the proof of a device.
    DeviceBeginning(Before),
    /// The end of it.
    DeviceProof(Before),
    /// An answer to a challenge of the pool's own.
    CustomChallenge,
    /// The proof of the password that a custom sign-in began with.
    CustomPassword,
}

/// The right to tokens: every proof that was needed has been given.
#[derive(Debug, PartialEq, Eq)]
pub struct Complete {
    ending: Ending,
}

/// What the last step of a sign-in was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Proof,
    /// A new password in the place of a temporary one.
    NewPassword,
    /// The proof of a remembered device.
    Device,
}

/// That a first factor has been proved.
#[derive(Debug, PartialEq, Eq)]
pub struct FirstProof {
    is_of_password: bool,
    ending: Ending,
    stands_for_second_factor: bool,
}

/// What the use of a passkey is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasskeyUse {
    pub is_right: bool,
    /// Whether the device has made sure of who used it.
    pub user_verified: bool,
    /// Whether the pool takes that for a second factor.
    pub stands_for_second_factor: bool,
}

/// That a second factor has been proved.
#[derive(Debug, PartialEq, Eq)]
pub struct SecondProof(());

/// What follows a proof.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    Complete(Complete),
    NewPassword,
    SecondFactor(SecondFactor),
    SelectMfaType(Vec<SecondFactor>),
    /// One of these must be set up. None of them may be possible.
    MfaSetup(Vec<SecondFactor>),
    /// The device that was named is to be proved.
    Device(Before),
}

/// A temporary password must be proved by itself, not passed by.
#[derive(Debug, PartialEq, Eq)]
pub struct PasswordIsTemporary;

impl FirstProof {
    /// Of an answer to the question for a first factor.
    pub fn by(factor: FirstFactor, is_right: bool) -> Option<Self> {
        let is_of_password = matches!(factor, FirstFactor::Password | FirstFactor::PasswordSrp);
        is_right.then_some(FirstProof { is_of_password, stands_for_second_factor: false, ending: Ending::Proof })
    }

    /// Of the use of a passkey, which may be two factors in one: the device, and who its user is.
    pub fn by_passkey(used: PasskeyUse) -> Option<Self> {
        let stands_for_second_factor = used.user_verified && used.stands_for_second_factor;
        used.is_right.then_some(FirstProof { is_of_password: false, stands_for_second_factor, ending: Ending::Proof })
    }

    /// Of the code that has confirmed a sign-up, which its session stands for.
    pub fn by_sign_up(is_the_first: bool) -> Option<Self> {
        is_the_first.then_some(FirstProof {
            is_of_password: false,
            stands_for_second_factor: false,
            ending: Ending::Proof,
        })
    }

    /// Of a temporary password, which its session stands for, once there is a new one in its place.
    pub fn by_new_password() -> Self {
        FirstProof { is_of_password: true, stands_for_second_factor: false, ending: Ending::NewPassword }
    }

    /// Whether no second factor has to follow for this user.
    pub fn is_enough(&self, standing: &Standing) -> bool {
        self.stands_for_second_factor || !standing.needs_second_factor()
    }

    /// What follows for this user.
    pub fn next(self, standing: &Standing) -> Result<Next, PasswordIsTemporary> {
        match standing.password_is_temporary {
            true if self.is_of_password => Ok(Next::NewPassword),
            true => Err(PasswordIsTemporary),
            false if self.stands_for_second_factor => Ok(standing.last_step(Before::SecondFactor, self.ending)),
            false => Ok(standing.second_step(self.ending)),
        }
    }
}

impl SecondProof {
    /// Of an answer to the question for a second factor.
    pub fn by(_: SecondFactor, is_right: bool) -> Option<Self> {
        is_right.then_some(SecondProof(()))
    }

    /// Of a software token that was set up in this sign-in, with a right code of it.
    pub fn by_set_up(_: SoftwareTokenProved) -> Self {
        SecondProof(())
    }

    /// What follows for this user.
    pub fn next(self, standing: &Standing) -> Next {
        standing.last_step(Before::SecondFactor, Ending::Proof)
    }
}

impl Complete {
    /// By an answer to the question for a device, if that is still what ends a sign-in of this user.
    pub fn by_device(before: Before, is_right: bool, standing: &Standing) -> Option<Self> {
        (is_right && standing.still_asks_for_device(before)).then_some(Complete { ending: Ending::Device })
    }

    /// What the last step was.
    pub fn ending(&self) -> Ending {
        self.ending
    }
}

/// That the user's new software token gave a right code: what the session says which VerifySoftwareToken gave.
pub struct SoftwareTokenProved(());

impl Step {
    /// Whether the session stands for a software token that was set up in its sign-in.
    pub fn software_token_proved(self) -> Option<SoftwareTokenProved> {
        (self == Step::SoftwareTokenSetUp).then_some(SoftwareTokenProved(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTORS: [SecondFactor; 3] = SecondFactor::ALL;

    const DEVICES: [Option<RememberedDevice>; 3] = [
        None,
        Some(RememberedDevice { stands_for_second_factor: false }),
        Some(RememberedDevice { stands_for_second_factor: true }),
    ];

    /// Every standing there is.
    fn standings() -> impl Iterator<Item = Standing> {
        DEVICES.into_iter().flat_map(|device| without_device().map(move |standing| Standing { device, ..standing }))
    }

    fn without_device() -> impl Iterator<Item = Standing> {
        let subsets = |bits: u32| FACTORS.into_iter().filter(move |factor| bits & (1 << *factor as u32) != 0).collect();
        let preferences = || FACTORS.into_iter().map(Some).chain([None]);
        let mfa = [Mfa::Off, Mfa::Optional, Mfa::On].into_iter();
        mfa.flat_map(move |mfa| (0..8).map(move |allowed| (mfa, allowed)))
            .flat_map(|(mfa, allowed)| (0..8).map(move |turned_on| (mfa, allowed, turned_on)))
            .flat_map(|(mfa, allowed, turned_on)| (0..8).map(move |direct| (mfa, allowed, turned_on, direct)))
            .flat_map(move |(mfa, allowed, turned_on, bits)| {
                preferences().flat_map(move |preferred| {
                    [false, true].into_iter().map(move |password_is_temporary| Standing {
                        password_is_temporary,
                        mfa,
                        allowed: subsets(allowed),
                        turned_on: subsets(turned_on),
                        preferred,
                        has_phone_number: bits & 1 != 0,
                        has_email: bits & 2 != 0,
                        email_is_verified: bits & 4 != 0,
                        device: None,
                    })
                })
            })
    }

    fn proof() -> FirstProof {
        FirstProof::by(FirstFactor::Password, true).unwrap()
    }

    #[test]
    fn a_wrong_answer_proves_nothing() {
        for factor in FirstFactor::ALL {
            assert_eq!(FirstProof::by(factor, false), None);
        }
        for factor in FACTORS {
            assert_eq!(SecondProof::by(factor, false), None);
        }
        assert_eq!(FirstProof::by_sign_up(false), None);
        let wrong = PasskeyUse { is_right: false, user_verified: true, stands_for_second_factor: true };
        assert_eq!(FirstProof::by_passkey(wrong), None);
        for (standing, before) in standings().flat_map(|standing| Before::ALL.map(|before| (standing.clone(), before)))
        {
            assert_eq!(Complete::by_device(before, false, &standing), None);
        }
    }

    #[test]
    fn a_passkey_is_enough_where_the_pool_takes_it_for_two_factors_and_its_device_knows_its_user() {
        for standing in standings().filter(|standing| !standing.password_is_temporary) {
            for (user_verified, stands_for_second_factor) in
                [(false, false), (false, true), (true, false), (true, true)]
            {
                let used = PasskeyUse { is_right: true, user_verified, stands_for_second_factor };
                let next = FirstProof::by_passkey(used).unwrap().next(&standing).unwrap();
                match user_verified && stands_for_second_factor {
                    true if standing.device.is_some() => assert_eq!(next, Next::Device(Before::SecondFactor)),
                    true => assert_eq!(next, Next::Complete(Complete { ending: Ending::Proof }), "{standing:?}"),
                    false => assert_eq!(Ok(next), proof().next(&standing), "{standing:?}"),
                }
            }
        }
    }

    #[test]
    fn one_proof_is_enough_only_where_the_pool_does_not_insist_and_the_user_has_turned_nothing_on() {
        for standing in standings().filter(|standing| !standing.password_is_temporary) {
            let enough = one_factor_is_enough(&standing) && standing.device.is_none();
            let next = proof().next(&standing).unwrap();
            assert_eq!(matches!(next, Next::Complete(_)), enough, "{standing:?} led to {next:?}");
        }
    }

    fn one_factor_is_enough(standing: &Standing) -> bool {
        let usable = standing.allowed.iter().any(|factor| standing.turned_on.contains(factor));
        standing.mfa == Mfa::Off || standing.mfa == Mfa::Optional && !usable
    }

    #[test]
    fn a_remembered_device_is_asked_for_last_and_in_the_place_of_a_factor_only_where_the_pool_has_it_so() {
        for standing in standings().filter(|standing| !standing.password_is_temporary) {
            let without = Standing { device: None, ..standing.clone() };
            let question = proof().next(&without).unwrap();
            let next = proof().next(&standing).unwrap();
            match standing.device {
                None => {
                    assert_eq!(next, question);
                    assert_eq!(SecondProof(()).next(&standing), Next::Complete(Complete { ending: Ending::Proof }));
                }
                Some(device) => {
                    let is_spared = device.stands_for_second_factor && !matches!(question, Next::MfaSetup(_));
                    let asks = one_factor_is_enough(&standing) || is_spared;
                    let expected = if asks { Next::Device(Before::FirstFactor) } else { question };
                    assert_eq!(next, expected, "{standing:?}");
                    assert_eq!(SecondProof(()).next(&standing), Next::Device(Before::SecondFactor));
                }
            }
        }
    }

    #[test]
    fn a_device_ends_a_sign_in_only_where_it_is_what_would_be_asked_for() {
        for standing in standings().filter(|standing| !standing.password_is_temporary) {
            let asked = proof().next(&standing).unwrap() == Next::Device(Before::FirstFactor);
            assert_eq!(Complete::by_device(Before::FirstFactor, true, &standing).is_some(), asked, "{standing:?}");
            let ends = Complete::by_device(Before::SecondFactor, true, &standing).is_some();
            assert_eq!(ends, standing.device.is_some(), "{standing:?}");
        }
    }

    #[test]
    fn no_factor_is_asked_for_that_the_pool_does_not_have_and_none_is_offered_for_choice_that_the_user_does_not() {
        for standing in standings().filter(|standing| !standing.password_is_temporary) {
            match proof().next(&standing).unwrap() {
                Next::SecondFactor(factor) => assert!(standing.allowed.contains(&factor), "{standing:?}"),
                Next::SelectMfaType(factors) => {
                    assert!(factors.len() > 1, "{standing:?}");
                    assert!(factors.iter().all(|factor| standing.allowed.contains(factor)), "{standing:?}");
                    assert!(factors.iter().all(|factor| standing.turned_on.contains(factor)), "{standing:?}");
                }
                Next::MfaSetup(factors) => {
                    assert!(factors.iter().all(|factor| standing.allowed.contains(factor)), "{standing:?}");
                    assert_eq!(standing.mfa, Mfa::On, "{standing:?}");
                }
                Next::Complete(_) | Next::Device(_) => {}
                Next::NewPassword => panic!("{standing:?}"),
            }
        }
    }

    #[test]
    fn the_preferred_factor_is_asked_for_if_it_can_be() {
        let stands = |device: RememberedDevice| device.stands_for_second_factor;
        let asks = |standing: &Standing| standing.mfa != Mfa::Off && !standing.device.is_some_and(stands);
        for standing in standings().filter(|standing| asks(standing) && !standing.password_is_temporary) {
            let Some(preferred) = standing.preferred else { continue };
            if standing.allowed.contains(&preferred) && standing.turned_on.contains(&preferred) {
                assert_eq!(proof().next(&standing), Ok(Next::SecondFactor(preferred)), "{standing:?}");
            }
        }
    }

    #[test]
    fn a_temporary_password_leads_to_a_new_one_and_no_other_proof_passes_it_by() {
        for standing in standings().filter(|standing| standing.password_is_temporary) {
            assert_eq!(proof().next(&standing), Ok(Next::NewPassword));
            let by_code = FirstProof::by(FirstFactor::EmailOtp, true).unwrap();
            assert_eq!(by_code.next(&standing), Err(PasswordIsTemporary));
            let used = PasskeyUse { is_right: true, user_verified: true, stands_for_second_factor: true };
            assert_eq!(FirstProof::by_passkey(used).unwrap().next(&standing), Err(PasswordIsTemporary));
            assert_eq!(FirstProof::by_sign_up(true).unwrap().next(&standing), Err(PasswordIsTemporary));
            let set = Standing { password_is_temporary: false, ..standing };
            assert_ne!(FirstProof::by_new_password().next(&set), Ok(Next::NewPassword));
        }
    }

    #[test]
    fn a_sign_in_says_what_has_ended_it() {
        let ending = |next| match next {
            Ok(Next::Complete(complete)) => complete.ending(),
            other => panic!("{other:?}"),
        };
        let standing = Standing::default();
        assert_eq!(ending(FirstProof::by_new_password().next(&standing)), Ending::NewPassword);
        assert_eq!(ending(proof().next(&standing)), Ending::Proof);
        assert_eq!(ending(FirstProof::by_sign_up(true).unwrap().next(&standing)), Ending::Proof);
        assert_eq!(ending(Ok(SecondProof::by(SecondFactor::Sms, true).unwrap().next(&standing))), Ending::Proof);
        let with_device = Standing { device: DEVICES[1], ..standing };
        let by_device = Complete::by_device(Before::FirstFactor, true, &with_device).unwrap();
        assert_eq!(by_device.ending(), Ending::Device);
    }

    #[test]
    fn only_the_session_of_a_token_that_was_set_up_stands_for_one() {
        assert!(Step::SoftwareTokenSetUp.software_token_proved().is_some());
        for other in [Step::MfaSetup, Step::SelectMfaType, Step::SecondFactor(SecondFactor::SoftwareToken)] {
            assert!(other.software_token_proved().is_none());
        }
    }
}
