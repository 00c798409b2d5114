//! What a user, or a name that no user has, may do only so often in an hour.

use super::Cx;
use crate::error::Error;
use crate::store::{Batch, HOUR_MILLISECONDS, Owner, Stored, ThrottleKey, ThrottlePurpose, records};

impl Cx<'_> {
    /// Counts one more in `batch`, or refuses it; then nothing is in the batch.
    pub async fn throttle(&self, batch: &mut Batch, owner: &Owner, purpose: ThrottlePurpose) -> Result<(), Error> {
        let key = ThrottleKey { owner: owner.clone(), purpose: purpose as u8 };
        let (before, now) = (self.store.read(&key).await?, self.now().as_millisecond());
        // An hour that begins an hour from now was begun by a clock that ran ahead and has been put right.
        let age = |throttle: &Stored<records::Throttle>| now.abs_diff(throttle.hour_began_at);
        let running = before.as_ref().filter(|throttle| age(throttle) < HOUR_MILLISECONDS.unsigned_abs());
        let count = running.map_or(0, |throttle| throttle.count);
        if count >= self.limit(purpose) {
            return Err(Error::AttemptLimitExceeded);
        }
        batch.expect(&key, before.as_ref());
        let hour_began_at = running.map_or(now, |throttle| throttle.hour_began_at);
        batch.put(&key, &records::Throttle { count: count + 1, hour_began_at });
        Ok(())
    }

    /// How often in an hour.
    fn limit(&self, purpose: ThrottlePurpose) -> u32 {
        match purpose {
            ThrottlePurpose::ConfirmForgotPassword
            | ThrottlePurpose::ConfirmSignUp
            | ThrottlePurpose::VerifyUserAttribute => 15,
            ThrottlePurpose::ChangePassword
            | ThrottlePurpose::ForgotPassword
            | ThrottlePurpose::GetUserAttributeVerificationCode
            | ThrottlePurpose::ResendConfirmationCode => 5,
            ThrottlePurpose::Message => self.sending.per_user,
        }
    }
}
