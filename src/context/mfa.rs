//! Second factors, as pools have them and users have turned them on.

use super::pools::Pool;
use super::users::User;
use crate::domain::attributes::{Attributes, is_verified};
use crate::domain::sign_in::{FirstFactor, Mfa, SecondFactor, Standing};
use crate::domain::usernames::Alias;
use crate::store::records::{self, MfaConfiguration, UserStatus};

impl Pool {
    /// Whether the pool asks for second factors.
    pub fn mfa(&self) -> Mfa {
        match self.record.mfa.as_ref().map(records::PoolMfa::configuration) {
            None | Some(MfaConfiguration::MfaOff) => Mfa::Off,
            Some(MfaConfiguration::MfaOptional) => Mfa::Optional,
            Some(MfaConfiguration::MfaOn) => Mfa::On,
        }
    }

    /// The second factors that the pool has.
    pub fn second_factors(&self) -> Vec<SecondFactor> {
        let Some(mfa) = &self.record.mfa else { return Vec::new() };
        let has = |factor: &SecondFactor| match factor {
            SecondFactor::Sms => mfa.sms,
            SecondFactor::SoftwareToken => mfa.software_token,
            SecondFactor::Email => mfa.email,
        };
        SecondFactor::ALL.into_iter().filter(has).collect()
    }
}

impl Pool {
    /// Whether users with these attributes can begin to sign in by a code, so that they need no password.
    pub fn begins_by_code(&self, attributes: &Attributes) -> bool {
        let can = |(factor, alias): (FirstFactor, Alias)| {
            factor.is_among(&self.record.first_auth_factors)
                && attributes.get(alias.attribute()).is_some_and(|address| !address.is_empty())
        };
        let codes = [(FirstFactor::EmailOtp, Alias::Email), (FirstFactor::SmsOtp, Alias::PhoneNumber)];
        // Where everybody needs a second factor, no code begins.
        self.mfa() != Mfa::On && codes.into_iter().any(can)
    }
}

impl User {
    /// The second factors that the user has turned on, whether or not the pool has them.
    pub fn second_factors(&self) -> Vec<SecondFactor> {
        let Some(mfa) = &self.record.mfa else { return Vec::new() };
        let is_on = |factor: &SecondFactor| match factor {
            SecondFactor::Sms => mfa.sms,
            SecondFactor::SoftwareToken => mfa.software_token,
            SecondFactor::Email => mfa.email,
        };
        SecondFactor::ALL.into_iter().filter(is_on).collect()
    }

    /// The one of them that the user prefers.
    pub fn preferred_second_factor(&self) -> Option<SecondFactor> {
        match self.record.mfa.as_ref()?.preferred() {
            records::SecondFactor::NoSecondFactor => None,
            records::SecondFactor::SmsCode => Some(SecondFactor::Sms),
            records::SecondFactor::SoftwareToken => Some(SecondFactor::SoftwareToken),
            records::SecondFactor::EmailCode => Some(SecondFactor::Email),
        }
    }

    /// An address of the user, if there is one.
    pub fn address(&self, alias: Alias) -> Option<&str> {
        self.record.attributes.get(alias.attribute()).map(String::as_str).filter(|address| !address.is_empty())
    }

    /// What decides how a sign-in goes on once this user has proved a first factor, if it names no device.
    pub fn standing(&self, pool: &Pool) -> Standing {
        let has_means = |factor: &SecondFactor| match factor {
            SecondFactor::Sms => self.address(Alias::PhoneNumber).is_some(),
            SecondFactor::Email => self.address(Alias::Email).is_some(),
            SecondFactor::SoftwareToken => true,
        };
        Standing {
            password_is_temporary: self.record.status() == UserStatus::ForceChangePassword,
            mfa: pool.mfa(),
            allowed: pool.second_factors(),
            turned_on: self.second_factors().into_iter().filter(has_means).collect(),
            preferred: self.preferred_second_factor(),
            has_phone_number: self.address(Alias::PhoneNumber).is_some(),
            has_email: self.address(Alias::Email).is_some(),
            email_is_verified: is_verified(Alias::Email, &self.attributes()),
            device: None,
        }
    }
}
