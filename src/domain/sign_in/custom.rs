//! Custom sign-ins: after each answer a function of the pool's says what follows (reference 4.6).
//!
//! It alone decides; the pool's second factors are not asked for. Where the password was proved by SRP on the way and is a
//! temporary one, the tokens wait until there is another in its place.

use super::{Complete, Ending};

/// One challenge of a custom sign-in, and how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Round {
    /// Its name, as functions are told it.
    pub challenge: String,
    pub is_right: bool,
    /// What the function that made the challenge calls it.
    pub metadata: Option<String>,
}

/// The challenges of a custom sign-in so far, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rounds(pub Vec<Round>);

/// What the function says: any of it, or all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub challenge: Option<String>,
    pub issues_tokens: bool,
    pub fails: bool,
}

/// Whose sign-in it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// A user's.
    User { password_is_temporary: bool },
    /// Nobody's: where it is hidden who exists, the function is asked all the same.
    Nobody,
}

/// What follows in a custom sign-in.
#[derive(Debug, PartialEq, Eq)]
pub enum CustomNext {
    Complete(Complete),
    /// A new password in the place of the temporary one that was proved.
    NewPassword,
    /// A challenge of the pool's own.
    Challenge,
    /// The proof of the password by SRP, which the sign-in began with.
    PasswordVerifier,
    Failed,
}

/// Why nothing follows from what the function says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// It names nothing that can follow.
    Nothing,
    /// It goes on for ever.
    TooManyRounds,
}

impl Rounds {
    /// The name of a challenge of the pool's own.
    pub const CUSTOM_CHALLENGE: &str = "CUSTOM_CHALLENGE";

    /// The name of the proof of a password by SRP.
    pub const PASSWORD_VERIFIER: &str = "PASSWORD_VERIFIER";

    /// What functions are told of a sign-in that begins by SRP.
    const SRP_A: &str = "SRP_A";

    /// Challenges in one sign-in.
    pub const MAX: usize = 32;

    /// A sign-in that begins with an SRP exchange.
    pub fn begun_by_srp() -> Self {
        Rounds::default().with(Self::SRP_A, true, None)
    }

    /// With one more challenge.
    pub fn with(mut self, challenge: &str, is_right: bool, metadata: Option<String>) -> Self {
        self.0.push(Round { challenge: challenge.to_owned(), is_right, metadata });
        self
    }

    /// What follows. A refusal goes before everything else that is said with it, and tokens before a challenge.
    pub fn next(&self, decision: &Decision, whose: Whose) -> Result<CustomNext, Undecided> {
        if decision.fails {
            return Ok(CustomNext::Failed);
        }
        if decision.issues_tokens {
            return Ok(match whose {
                Whose::Nobody => CustomNext::Failed,
                Whose::User { password_is_temporary: true } if self.has_proved_password() => CustomNext::NewPassword,
                Whose::User { .. } => CustomNext::Complete(Complete { ending: Ending::Proof }),
            });
        }
        let may_prove_password = self.0.len() == 1 && self.0[0].challenge == Self::SRP_A;
        match decision.challenge.as_deref() {
            Some(Self::CUSTOM_CHALLENGE | Self::PASSWORD_VERIFIER) if self.0.len() >= Self::MAX => {
                Err(Undecided::TooManyRounds)
            }
            Some(Self::CUSTOM_CHALLENGE) => Ok(CustomNext::Challenge),
            Some(Self::PASSWORD_VERIFIER) if may_prove_password => Ok(CustomNext::PasswordVerifier),
            _ => Err(Undecided::Nothing),
        }
    }

    /// Whether the password was proved on the way.
    pub fn has_proved_password(&self) -> bool {
        self.0.iter().any(|round| round.challenge == Self::PASSWORD_VERIFIER && round.is_right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: Whose = Whose::User { password_is_temporary: false };
    const NEW: Whose = Whose::User { password_is_temporary: true };

    fn challenge(name: &str) -> Decision {
        Decision { challenge: Some(name.to_owned()), ..Decision::default() }
    }

    /// Every decision there is, but for names of no meaning.
    fn decisions() -> impl Iterator<Item = Decision> {
        let names = [None, Some("CUSTOM_CHALLENGE"), Some("PASSWORD_VERIFIER"), Some("SMS_MFA"), Some("")];
        names.into_iter().flat_map(|name| {
            (0..4).map(move |bits| Decision {
                challenge: name.map(str::to_owned),
                issues_tokens: bits & 1 != 0,
                fails: bits & 2 != 0,
            })
        })
    }

    fn histories() -> Vec<Rounds> {
        let srp = Rounds::begun_by_srp;
        vec![
            Rounds::default(),
            Rounds::default().with("CUSTOM_CHALLENGE", false, None),
            srp(),
            srp().with("PASSWORD_VERIFIER", true, None),
            srp().with("PASSWORD_VERIFIER", true, None).with("CUSTOM_CHALLENGE", true, Some("captcha".to_owned())),
        ]
    }

    #[test]
    fn tokens_come_of_the_word_for_them_alone_and_only_for_a_user() {
        for (rounds, decision) in histories().iter().flat_map(|rounds| decisions().map(move |each| (rounds, each))) {
            let completes = |whose| matches!(rounds.next(&decision, whose), Ok(CustomNext::Complete(_)));
            let is_said = decision.issues_tokens && !decision.fails;
            assert_eq!(completes(ALICE), is_said, "{rounds:?} {decision:?}");
            assert_eq!(completes(NEW), is_said && !rounds.has_proved_password(), "{rounds:?} {decision:?}");
            assert!(!completes(Whose::Nobody), "{rounds:?} {decision:?}");
        }
    }

    #[test]
    fn a_temporary_password_that_was_proved_is_replaced_before_there_are_tokens() {
        let issues = Decision { issues_tokens: true, ..Decision::default() };
        let proved = Rounds::begun_by_srp().with("PASSWORD_VERIFIER", true, None);
        assert_eq!(proved.next(&issues, NEW), Ok(CustomNext::NewPassword));
        assert_eq!(proved.next(&issues, Whose::Nobody), Ok(CustomNext::Failed));
    }

    #[test]
    fn the_password_is_asked_for_right_after_a_beginning_by_srp_and_nowhere_else() {
        for rounds in histories() {
            let expected = match rounds == Rounds::begun_by_srp() {
                true => Ok(CustomNext::PasswordVerifier),
                false => Err(Undecided::Nothing),
            };
            assert_eq!(rounds.next(&challenge("PASSWORD_VERIFIER"), ALICE), expected, "{rounds:?}");
            assert_eq!(rounds.next(&challenge("CUSTOM_CHALLENGE"), ALICE), Ok(CustomNext::Challenge));
            assert_eq!(rounds.next(&challenge("CUSTOM_CHALLENGE"), Whose::Nobody), Ok(CustomNext::Challenge));
        }
    }

    #[test]
    fn what_says_nothing_leads_nowhere_and_no_sign_in_goes_on_for_ever() {
        for name in ["", "SMS_MFA", "SRP_A", "custom_challenge"] {
            assert_eq!(Rounds::default().next(&challenge(name), ALICE), Err(Undecided::Nothing), "{name}");
        }
        assert_eq!(Rounds::default().next(&Decision::default(), ALICE), Err(Undecided::Nothing));
        let mut rounds = Rounds::default();
        for _ in 0..Rounds::MAX {
            assert_eq!(rounds.next(&challenge("CUSTOM_CHALLENGE"), ALICE), Ok(CustomNext::Challenge));
            rounds = rounds.with("CUSTOM_CHALLENGE", false, None);
        }
        assert_eq!(rounds.next(&challenge("CUSTOM_CHALLENGE"), ALICE), Err(Undecided::TooManyRounds));
        let fails = Decision { fails: true, ..challenge("CUSTOM_CHALLENGE") };
        assert_eq!(rounds.next(&fails, ALICE), Ok(CustomNext::Failed));
    }
}
