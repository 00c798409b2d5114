//! Second factors: which one a sign-in asks for (reference 4.4).

use super::{Before, Ending, Next, RememberedDevice};

/// A second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// A code by text message.
    Sms,
    /// A code of the user's authenticator.
    SoftwareToken,
    /// A code by e-mail.
    Email,
}

impl SecondFactor {
    /// In the order in which they are told.
    pub const ALL: [SecondFactor; 3] = [SecondFactor::Sms, SecondFactor::SoftwareToken, SecondFactor::Email];

    /// What Cognito calls it, as a challenge and as a preference.
    pub fn name(self) -> &'static str {
        match self {
            SecondFactor::Sms => "SMS_MFA",
            SecondFactor::SoftwareToken => "SOFTWARE_TOKEN_MFA",
            SecondFactor::Email => "EMAIL_OTP",
        }
    }

    /// The factor of this name.
    pub fn named(name: &str) -> Option<Self> {
        SecondFactor::ALL.into_iter().find(|factor| factor.name() == name)
    }
}

/// Whether a pool asks for a second factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mfa {
    #[default]
    Off,
    /// Of users who have turned one on.
    Optional,
    /// Of every user.
    On,
}

/// What decides about a user who has proved a first factor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    pub password_is_temporary: bool,
    pub mfa: Mfa,
    /// The factors that the pool has.
    pub allowed: Vec<SecondFactor>,
    /// The factors that the user has turned on and has the means for.
    pub turned_on: Vec<SecondFactor>,
    pub preferred: Option<SecondFactor>,
    pub has_phone_number: bool,
    pub has_email: bool,
    pub email_is_verified: bool,
    /// The device that the sign-in names, if it is one that counts.
    pub device: Option<RememberedDevice>,
}

impl Standing {
    /// The factors that the user can be asked for.
    pub fn usable(&self) -> Vec<SecondFactor> {
        let all = SecondFactor::ALL.into_iter();
        all.filter(|factor| self.allowed.contains(factor) && self.turned_on.contains(factor)).collect()
    }

    /// Whether a sign-in of this user asks for a second factor.
    pub fn needs_second_factor(&self) -> bool {
        match self.mfa {
            Mfa::Off => false,
            Mfa::Optional => !self.usable().is_empty(),
            Mfa::On => true,
        }
    }

    pub(super) fn second_step(&self, ending: Ending) -> Next {
        if !self.needs_second_factor() {
            return self.last_step(Before::FirstFactor, ending);
        }
        let question = self.question();
        if self.device_stands_for(&question) { Next::Device(Before::FirstFactor) } else { question }
    }

    /// How a second factor is asked for.
    fn question(&self) -> Next {
        let usable = self.usable();
        if let Some(preferred) = self.preferred.filter(|preferred| usable.contains(preferred)) {
            return Next::SecondFactor(preferred);
        }
        match usable.as_slice() {
            [] => self.without_any(),
            [only] => Next::SecondFactor(*only),
            _ => Next::SelectMfaType(usable),
        }
    }

    /// What follows where the pool insists and the user has turned nothing on: a code to where one can be sent, or a factor is
    /// set up.
    fn without_any(&self) -> Next {
        let allows = |factor| self.allowed.contains(&factor);
        if allows(SecondFactor::Sms) && self.has_phone_number {
            return Next::SecondFactor(SecondFactor::Sms);
        }
        if allows(SecondFactor::Email) && self.email_is_verified {
            return Next::SecondFactor(SecondFactor::Email);
        }
        Next::MfaSetup(self.can_set_up())
    }

    /// Whether a code of this factor, which was asked for before, still ends a sign-in: neither pool nor user has turned it off
    /// since, and there is something to send codes to.
    pub fn still_asks_for(&self, factor: SecondFactor) -> bool {
        let usable = self.usable();
        match usable.is_empty() {
            _ if !self.needs_second_factor() => false,
            true => self.without_any() == Next::SecondFactor(factor),
            false => usable.contains(&factor),
        }
    }

    /// Whether a sign-in may set this factor up: no longer once the user has turned another on.
    pub fn may_set_up(&self, factor: SecondFactor) -> bool {
        self.usable().is_empty() && self.can_set_up().contains(&factor)
    }

    /// What a user can set up within a sign-in: a software token, or an e-mail address, if there is none that could be
    /// somebody else's.
    pub fn can_set_up(&self) -> Vec<SecondFactor> {
        let possible = |factor: &SecondFactor| match factor {
            SecondFactor::SoftwareToken => true,
            SecondFactor::Email => !self.has_email,
            SecondFactor::Sms => false,
        };
        SecondFactor::ALL.into_iter().filter(|factor| self.allowed.contains(factor)).filter(possible).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_factor_is_found_by_its_name() {
        for factor in SecondFactor::ALL {
            assert_eq!(SecondFactor::named(factor.name()), Some(factor));
        }
        assert_eq!(SecondFactor::named("sms_mfa"), None);
    }

    #[test]
    fn a_pool_that_insists_sends_a_code_where_it_can_and_else_has_a_factor_set_up() {
        let all = SecondFactor::ALL.to_vec();
        let on = Standing { mfa: Mfa::On, allowed: all.clone(), ..Standing::default() };
        let has_phone = Standing { has_phone_number: true, ..on.clone() };
        assert_eq!(has_phone.second_step(Ending::Proof), Next::SecondFactor(SecondFactor::Sms));
        let has_email = Standing { has_email: true, email_is_verified: true, ..on.clone() };
        assert_eq!(has_email.second_step(Ending::Proof), Next::SecondFactor(SecondFactor::Email));
        // What is not verified may be somebody else's.
        let unverified = Standing { has_email: true, ..on.clone() };
        assert_eq!(unverified.second_step(Ending::Proof), Next::MfaSetup(vec![SecondFactor::SoftwareToken]));
        assert_eq!(
            on.second_step(Ending::Proof),
            Next::MfaSetup(vec![SecondFactor::SoftwareToken, SecondFactor::Email])
        );
        assert!(on.may_set_up(SecondFactor::SoftwareToken) && on.may_set_up(SecondFactor::Email));
        assert!(!on.may_set_up(SecondFactor::Sms) && !has_email.may_set_up(SecondFactor::Email));
        let turned_on = Standing { turned_on: vec![SecondFactor::Sms], ..on.clone() };
        assert!(!turned_on.may_set_up(SecondFactor::SoftwareToken), "it is to be proved");
        let only_sms = Standing { allowed: vec![SecondFactor::Sms], ..on };
        assert_eq!(only_sms.second_step(Ending::Proof), Next::MfaSetup(vec![]));
    }

    #[test]
    fn a_factor_that_was_asked_for_is_still_until_pool_or_user_turn_it_off() {
        let all = SecondFactor::ALL.to_vec();
        let both = vec![SecondFactor::Sms, SecondFactor::Email];
        let standing = Standing { mfa: Mfa::Optional, allowed: all, turned_on: both, ..Standing::default() };
        assert!(standing.still_asks_for(SecondFactor::Sms) && standing.still_asks_for(SecondFactor::Email));
        assert!(!standing.still_asks_for(SecondFactor::SoftwareToken));
        for off in [
            Standing { mfa: Mfa::Off, ..standing.clone() },
            Standing { allowed: vec![SecondFactor::Email], ..standing.clone() },
            Standing { turned_on: vec![SecondFactor::Email], ..standing.clone() },
            Standing { turned_on: vec![], ..standing.clone() },
        ] {
            assert!(!off.still_asks_for(SecondFactor::Sms), "{off:?}");
        }
        // The pool insists, and a code goes to where one can be sent.
        let on = Standing { mfa: Mfa::On, turned_on: vec![], has_phone_number: true, ..standing };
        assert!(on.still_asks_for(SecondFactor::Sms) && !on.still_asks_for(SecondFactor::Email));
    }
}
