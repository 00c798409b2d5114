//! First factors: by what a user may begin to sign in (reference 4.5).

/// A first factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstFactor {
    PasswordSrp,
    Password,
    /// A code by e-mail.
    EmailOtp,
    /// A code by text message.
    SmsOtp,
    /// A passkey.
    WebAuthn,
}

impl FirstFactor {
    /// In the order in which they are offered.
    pub const ALL: [FirstFactor; 5] = [
        FirstFactor::PasswordSrp,
        FirstFactor::Password,
        FirstFactor::EmailOtp,
        FirstFactor::SmsOtp,
        FirstFactor::WebAuthn,
    ];

    /// What Cognito calls it, where users choose.
    pub fn name(self) -> &'static str {
        match self {
            FirstFactor::PasswordSrp => "PASSWORD_SRP",
            FirstFactor::Password => "PASSWORD",
            FirstFactor::EmailOtp => "EMAIL_OTP",
            FirstFactor::SmsOtp => "SMS_OTP",
            FirstFactor::WebAuthn => "WEB_AUTHN",
        }
    }

    /// The factor of this name.
    pub fn named(name: &str) -> Option<Self> {
        FirstFactor::ALL.into_iter().find(|factor| factor.name() == name)
    }

    /// What stands for it in a pool's AllowedFirstAuthFactors, where both ways to prove a password are one.
    pub fn auth_factor(self) -> &'static str {
        match self {
            FirstFactor::PasswordSrp | FirstFactor::Password => "PASSWORD",
            FirstFactor::EmailOtp => "EMAIL_OTP",
            FirstFactor::SmsOtp => "SMS_OTP",
            FirstFactor::WebAuthn => "WEB_AUTHN",
        }
    }

    /// Whether a pool that allows these allows it. Nothing named is the password named.
    pub fn is_among(self, allowed: &[String]) -> bool {
        match self.auth_factor() {
            "PASSWORD" if allowed.is_empty() => true,
            name => allowed.iter().any(|each| each == name),
        }
    }
}

/// What decides by what a user may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    pub has_password: bool,
    /// Whether the pool keeps what proves a password by SRP.
    pub has_srp: bool,
    /// Whether codes can go to the user's e-mail address: it is verified, or a code is what verifies it.
    pub takes_email: bool,
    /// The same for the phone number.
    pub takes_sms: bool,
    /// Whether the user has a passkey for the pool's relying party.
    pub has_passkey: bool,
    /// Whether the pool takes the use of a passkey for two factors.
    pub passkey_stands_for_second_factor: bool,
    /// Whether a second factor would be asked for. A code does not begin what another may have to end; nor does a passkey,
    /// unless it stands for both.
    pub needs_second_factor: bool,
}

impl Means {
    /// The factors that the user may begin with, of those that the pool allows by these names.
    pub fn available(&self, allowed: &[String]) -> Vec<FirstFactor> {
        let has = |factor: &FirstFactor| match factor {
            FirstFactor::PasswordSrp => self.has_password && self.has_srp,
            FirstFactor::Password => self.has_password,
            FirstFactor::EmailOtp => self.takes_email && !self.needs_second_factor,
            FirstFactor::SmsOtp => self.takes_sms && !self.needs_second_factor,
            FirstFactor::WebAuthn => {
                self.has_passkey && (self.passkey_stands_for_second_factor || !self.needs_second_factor)
            }
        };
        FirstFactor::ALL.into_iter().filter(|factor| factor.is_among(allowed) && has(factor)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERYTHING: Means = Means {
        has_password: true,
        has_srp: true,
        takes_email: true,
        takes_sms: true,
        has_passkey: true,
        passkey_stands_for_second_factor: false,
        needs_second_factor: false,
    };

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn every_factor_is_found_by_its_name() {
        for factor in FirstFactor::ALL {
            assert_eq!(FirstFactor::named(factor.name()), Some(factor));
        }
        assert_eq!(FirstFactor::named("email_otp"), None);
    }

    #[test]
    fn a_pool_that_names_nothing_has_the_password() {
        assert_eq!(EVERYTHING.available(&[]), [FirstFactor::PasswordSrp, FirstFactor::Password]);
        let without_srp = Means { has_srp: false, ..EVERYTHING };
        assert_eq!(without_srp.available(&[]), [FirstFactor::Password]);
    }

    #[test]
    fn of_what_the_pool_names_the_user_has_what_there_are_means_for() {
        let all = names(&["PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"]);
        assert_eq!(EVERYTHING.available(&all), FirstFactor::ALL);
        let without_address = Means { takes_email: false, takes_sms: false, has_passkey: false, ..EVERYTHING };
        assert_eq!(without_address.available(&all), [FirstFactor::PasswordSrp, FirstFactor::Password]);
        let passwordless = Means { has_password: false, ..EVERYTHING };
        assert_eq!(passwordless.available(&all), [FirstFactor::EmailOtp, FirstFactor::SmsOtp, FirstFactor::WebAuthn]);
        assert_eq!(EVERYTHING.available(&names(&["EMAIL_OTP"])), [FirstFactor::EmailOtp]);
    }

    #[test]
    fn codes_begin_nothing_that_needs_a_second_factor_and_passkeys_only_where_they_stand_for_it() {
        let means = Means { needs_second_factor: true, ..EVERYTHING };
        let all = names(&["PASSWORD", "EMAIL_OTP", "SMS_OTP", "WEB_AUTHN"]);
        assert_eq!(means.available(&all), [FirstFactor::PasswordSrp, FirstFactor::Password]);
        let for_both = Means { passkey_stands_for_second_factor: true, ..means };
        let expected = [FirstFactor::PasswordSrp, FirstFactor::Password, FirstFactor::WebAuthn];
        assert_eq!(for_both.available(&all), expected);
        assert_eq!(Means { has_passkey: false, ..for_both }.available(&all), expected[..2]);
    }
}
