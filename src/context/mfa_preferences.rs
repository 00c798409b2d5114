//! Second factors are turned on and off: what Cognito calls a user's MFA preference.
//!
//! A factor is turned on only where the pool has it and the user the means for it, and the means cannot go while it is on: so
//! nobody is asked for a code that cannot reach them, and nobody is let in for want of one.

use super::Cx;
use super::pools::Pool;
use super::users::User;
use crate::domain::attributes::Attributes;
use crate::domain::sign_in::SecondFactor;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::{Batch, records};

/// How a user wants a factor to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub factor: SecondFactor,
    pub is_on: bool,
    pub is_preferred: bool,
}

impl Cx<'_> {
    /// With the batch, these factors of the user are as they are wanted, and others stay as they were; but a new preference
    /// ends the one before.
    pub async fn prefer_second_factors(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        wanted: &[Wanted],
    ) -> Result<(), Error> {
        if wanted.iter().any(|wanted| wanted.is_preferred && !wanted.is_on) {
            return Err(Error::invalid_parameter("A second factor that is not enabled cannot be preferred."));
        }
        if wanted.iter().filter(|wanted| wanted.is_preferred).count() > 1 {
            return Err(Error::invalid_parameter("Only one second factor can be preferred."));
        }
        let mut mfa = user.record.mfa.unwrap_or_default();
        for wanted in wanted {
            if wanted.is_on {
                self.require_means(batch, pool, user, wanted.factor).await?;
            }
            turn(&mut mfa, *wanted);
        }
        self.replace_mfa(batch, user, mfa);
        Ok(())
    }

    /// With the batch, the user's authenticator app is forgotten, and nothing asks for its codes.
    pub async fn forget_software_token(&self, batch: &mut Batch, user: &User) -> Result<(), Error> {
        self.software_token(&user.owner).await?.delete(batch);
        let mut mfa = user.record.mfa.unwrap_or_default();
        turn(&mut mfa, Wanted { factor: SecondFactor::SoftwareToken, is_on: false, is_preferred: false });
        self.replace_mfa(batch, user, mfa);
        Ok(())
    }

    fn replace_mfa(&self, batch: &mut Batch, user: &User, mfa: records::MfaPreference) {
        if user.record.mfa.unwrap_or_default() == mfa {
            return user.expect_unchanged(batch);
        }
        let modified_at = self.now().as_millisecond();
        user.replace(batch, &records::User { mfa: Some(mfa), modified_at, ..user.record.record.clone() });
    }

    /// Refuses a factor that could not be asked for. With the batch, what it rests on is still as it was read.
    async fn require_means(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        user: &User,
        factor: SecondFactor,
    ) -> Result<(), Error> {
        if !pool.second_factors().contains(&factor) {
            return Err(Error::invalid_parameter(format!("{} is not enabled for the user pool.", factor.name())));
        }
        let has_means = match attribute_of(factor) {
            Some(attribute) => user.address(attribute).is_some(),
            None => {
                let token = self.software_token(&user.owner).await?;
                token.expect_unchanged(batch);
                token.is_verified()
            }
        };
        match has_means {
            true => Ok(()),
            false => {
                let message = format!("User does not have delivery config set to turn on {}", factor.name());
                Err(Error::invalid_parameter(message))
            }
        }
    }
}

impl User {
    /// Refuses to take from the user an address to which the codes of a factor go that is on, whether or not the pool asks for
    /// it at present.
    pub fn keep_means(&self, after: &Attributes) -> Result<(), Error> {
        for factor in self.second_factors() {
            let Some(alias) = attribute_of(factor) else { continue };
            let remains = after.get(alias.attribute()).is_some_and(|address| !address.is_empty());
            if self.address(alias).is_some() && !remains {
                let (attribute, name) = (alias.attribute(), factor.name());
                let message = format!("{attribute} cannot be removed while {name} is turned on.");
                return Err(Error::invalid_parameter(message));
            }
        }
        Ok(())
    }
}

/// Where the codes of a factor go, if they are sent.
fn attribute_of(factor: SecondFactor) -> Option<Alias> {
    match factor {
        SecondFactor::Sms => Some(Alias::PhoneNumber),
        SecondFactor::Email => Some(Alias::Email),
        SecondFactor::SoftwareToken => None,
    }
}

fn turn(mfa: &mut records::MfaPreference, wanted: Wanted) {
    let (switch, kept) = match wanted.factor {
        SecondFactor::Sms => (&mut mfa.sms, records::SecondFactor::SmsCode),
        SecondFactor::SoftwareToken => (&mut mfa.software_token, records::SecondFactor::SoftwareToken),
        SecondFactor::Email => (&mut mfa.email, records::SecondFactor::EmailCode),
    };
    *switch = wanted.is_on;
    if wanted.is_preferred {
        mfa.set_preferred(kept);
    } else if mfa.preferred() == kept {
        mfa.set_preferred(records::SecondFactor::NoSecondFactor);
    }
}
