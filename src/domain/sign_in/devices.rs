//! Remembered devices: what they add to a sign-in, and what they take the place of (reference 4.9).

use super::{Complete, Ending, Next, Standing};

/// What decides about the device that a sign-in names, where it is one that the user has and that is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberedDevice {
    /// Whether its proof does for the question for a second factor.
    pub stands_for_second_factor: bool,
}

/// What has been proved when a device is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    FirstFactor,
    /// A second factor too.
    SecondFactor,
}

impl Before {
    pub const ALL: [Before; 2] = [Before::FirstFactor, Before::SecondFactor];
}

impl Standing {
    /// What follows when nothing but a device can be left to prove.
    pub(super) fn last_step(&self, before: Before, ending: Ending) -> Next {
        match self.device {
            Some(_) => Next::Device(before),
            None => Next::Complete(Complete { ending }),
        }
    }

    /// Whether the device does for this: a question for a factor that the user has. One that is yet to be set up it does not
    /// spare anybody.
    pub(super) fn device_stands_for(&self, question: &Next) -> bool {
        let is_question = matches!(question, Next::SecondFactor(_) | Next::SelectMfaType(_));
        is_question && self.device.is_some_and(|device| device.stands_for_second_factor)
    }

    /// Whether the proof of a device, which was asked for before, still ends a sign-in: it is remembered still, and where no
    /// second factor was proved, none has come to be needed beside it.
    pub fn still_asks_for_device(&self, before: Before) -> bool {
        match before {
            Before::FirstFactor => self.second_step(Ending::Proof) == Next::Device(before),
            Before::SecondFactor => self.device.is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mfa, SecondFactor};
    use super::*;

    const DEVICES: [Option<RememberedDevice>; 3] = [
        None,
        Some(RememberedDevice { stands_for_second_factor: false }),
        Some(RememberedDevice { stands_for_second_factor: true }),
    ];

    #[test]
    fn a_device_that_was_asked_for_is_until_it_is_forgotten_or_no_longer_enough() {
        let all = SecondFactor::ALL.to_vec();
        let sms = Standing { allowed: all, turned_on: vec![SecondFactor::Sms], ..Standing::default() };
        for mfa in [Mfa::Off, Mfa::Optional, Mfa::On] {
            for device in DEVICES {
                let standing = Standing { mfa, device, ..sms.clone() };
                let is_enough = mfa == Mfa::Off || device.is_some_and(|device| device.stands_for_second_factor);
                let after_first = standing.still_asks_for_device(Before::FirstFactor);
                assert_eq!(after_first, device.is_some() && is_enough, "{standing:?}");
                assert_eq!(standing.still_asks_for_device(Before::SecondFactor), device.is_some(), "{standing:?}");
            }
        }
    }

    #[test]
    fn no_device_spares_setting_up_a_factor_where_the_pool_insists_on_one() {
        let on = Standing { mfa: Mfa::On, allowed: vec![SecondFactor::SoftwareToken], ..Standing::default() };
        for device in DEVICES {
            let standing = Standing { device, ..on.clone() };
            assert_eq!(standing.second_step(Ending::Proof), Next::MfaSetup(vec![SecondFactor::SoftwareToken]));
            assert!(!standing.still_asks_for_device(Before::FirstFactor));
        }
    }
}
