//! A user's authenticator app: its secret is kept sealed, and each of its codes serves once.

use super::Cx;
use crate::clock::from_milliseconds;
use crate::crypto::totp::{self, TotpSecret, last_step_until};
use crate::error::Error;
use crate::store::{Batch, Key as _, Owner, SoftwareTokenKey, Stored, records};

/// What is known of a user's authenticator app; perhaps nothing.
pub struct SoftwareToken {
    key: SoftwareTokenKey,
    before: Option<Stored<records::SoftwareToken>>,
}

/// What is to be said of a code.
#[derive(Debug)]
pub enum Judgement {
    /// It is right: with the batch it is used.
    Right,
    /// It is wrong, or was used. Nothing is in the batch.
    Refused(Error),
}

impl Cx<'_> {
    pub async fn software_token(&self, owner: &Owner) -> Result<SoftwareToken, Error> {
        let key = SoftwareTokenKey { owner: owner.clone() };
        let before = self.store.read(&key).await?;
        Ok(SoftwareToken { key, before })
    }

    /// Judges a code against the user's verified software token: wrong ones are refused with `CodeMismatchException`, used ones
    /// with `ExpiredCodeException`. A right one uses up its step and all before it; of two requests that bring the same
    /// code, the batch of one commits. The caller counts the attempt before.
    pub async fn judge_software_token(&self, batch: &mut Batch, owner: &Owner, code: &str) -> Result<Judgement, Error> {
        let token = self.software_token(owner).await?;
        // Whoever has none can give no right code.
        let Some(secret) = token.secret(self)? else { return Ok(Judgement::Refused(Error::SoftwareTokenCodeMismatch)) };
        match secret.judge(code, self.now(), token.last_used_step(self)) {
            totp::Judgement::Right { step } => {
                let changed = records::SoftwareToken { last_used_step: Some(step), ..token.record() };
                token.replace(batch, &changed);
                Ok(Judgement::Right)
            }
            totp::Judgement::Used => Ok(Judgement::Refused(Error::SoftwareTokenCodeUsed)),
            totp::Judgement::Wrong => Ok(Judgement::Refused(Error::SoftwareTokenCodeMismatch)),
        }
    }
}

impl SoftwareToken {
    /// Whether a right code has proved the app's secret.
    pub fn is_verified(&self) -> bool {
        self.before.as_ref().is_some_and(|before| before.sealed_secret.is_some())
    }

    /// What the user calls the device that the app is on.
    pub fn friendly_device_name(&self) -> Option<&str> {
        self.before.as_ref().and_then(|before| before.friendly_device_name.as_deref())
    }

    /// The secret that a right code has proved.
    fn secret(&self, cx: &Cx<'_>) -> Result<Option<TotpSecret>, Error> {
        self.opened(cx, self.before.as_ref().and_then(|before| before.sealed_secret.as_deref()))
    }

    fn opened(&self, cx: &Cx<'_>, sealed: Option<&[u8]>) -> Result<Option<TotpSecret>, Error> {
        let opened = sealed.map(|sealed| cx.sealer.open(&self.key.encoded(), sealed)).transpose();
        Ok(opened.map_err(Error::internal)?.map(TotpSecret::of))
    }

    /// The last step of which no code serves any more. What was used between a backup and the moment at which the store came
    /// back from it is not known, so all of that time is used.
    fn last_used_step(&self, cx: &Cx<'_>) -> Option<i64> {
        let epoch = cx.store.epoch();
        let of_former_lives = (epoch.number > 0).then(|| last_step_until(from_milliseconds(epoch.began_at)));
        self.before.as_ref().and_then(|before| before.last_used_step).max(of_former_lives)
    }

    fn record(&self) -> records::SoftwareToken {
        self.before.as_ref().map(|before| before.record.clone()).unwrap_or_default()
    }

    /// With the batch, this takes the place of what was read.
    fn replace(&self, batch: &mut Batch, changed: &records::SoftwareToken) {
        batch.expect(&self.key, self.before.as_ref());
        batch.put(&self.key, changed);
    }
}
