//! A user's authenticator app: its secret is kept sealed, and each of its codes serves once.

use super::Cx;
use crate::clock::from_milliseconds;
use crate::crypto::secret::Secret;
use crate::crypto::totp::{self, TotpSecret, last_step_until};
use crate::error::Error;
use crate::store::{Batch, Key as _, Owner, SoftwareTokenKey, Stored, records};

/// What is known of a user's authenticator app; perhaps nothing.
pub struct SoftwareToken {
    key: SoftwareTokenKey,
    before: Option<Stored<records::SoftwareToken>>,
}

/// A new secret of which a right code has come.
pub struct Proved {
    secret: TotpSecret,
    /// The step of that code.
    step: i64,
    /// What the user calls the device that the app is on; mostly nothing.
    friendly_device_name: String,
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

    /// With the batch, a new secret waits for its first code, in the place of one that did. The one in use stays.
    pub fn associate(&self, cx: &Cx<'_>, batch: &mut Batch) -> TotpSecret {
        let secret = TotpSecret::mint(&cx.rng);
        let sealed_new_secret = Some(self.sealed(cx, &secret));
        self.replace(batch, &records::SoftwareToken { sealed_new_secret, ..self.record() });
        secret
    }

    /// The secret that waits for its first code.
    pub fn waiting_secret(&self, cx: &Cx<'_>) -> Result<Option<TotpSecret>, Error> {
        self.opened(cx, self.before.as_ref().and_then(|before| before.sealed_new_secret.as_deref()))
    }

    /// With the batch, the secret is the one in use, none waits any longer, and the code that has proved it is used.
    pub fn register(&self, cx: &Cx<'_>, batch: &mut Batch, proved: &Proved) {
        let name = Some(&proved.friendly_device_name).filter(|name| !name.is_empty());
        let changed = records::SoftwareToken {
            sealed_secret: Some(self.sealed(cx, &proved.secret)),
            friendly_device_name: name.cloned(),
            last_used_step: Some(proved.step),
            sealed_new_secret: None,
        };
        self.replace(batch, &changed);
    }

    /// With the batch, there is none.
    pub fn delete(&self, batch: &mut Batch) {
        self.expect_unchanged(batch);
        if self.before.is_some() {
            batch.delete(&self.key);
        }
    }

    /// The batch fails if what is known has changed since this read.
    pub fn expect_unchanged(&self, batch: &mut Batch) {
        batch.expect(&self.key, self.before.as_ref());
    }

    fn sealed(&self, cx: &Cx<'_>, secret: &TotpSecret) -> Vec<u8> {
        cx.sealer.seal(&self.key.encoded(), secret.bytes().expose(), &cx.rng)
    }

    /// The secret that a right code has proved.
    fn secret(&self, cx: &Cx<'_>) -> Result<Option<TotpSecret>, Error> {
        self.opened(cx, self.before.as_ref().and_then(|before| before.sealed_secret.as_deref()))
    }

    fn opened(&self, cx: &Cx<'_>, sealed: Option<&[u8]>) -> Result<Option<TotpSecret>, Error> {
        let opened = sealed.map(|sealed| cx.sealer.open(&self.key.encoded(), sealed)).transpose();
        Ok(opened.map_err(Error::internal)?.map(TotpSecret::of))
    }

    /// The last step of which no code serves any more.
    fn last_used_step(&self, cx: &Cx<'_>) -> Option<i64> {
        self.before.as_ref().and_then(|before| before.last_used_step).max(of_former_lives(cx))
    }

    fn record(&self) -> records::SoftwareToken {
        self.before.as_ref().map(|before| before.record.clone()).unwrap_or_default()
    }

    /// With the batch, this takes the place of what was read.
    fn replace(&self, batch: &mut Batch, changed: &records::SoftwareToken) {
        self.expect_unchanged(batch);
        batch.put(&self.key, changed);
    }
}

impl Proved {
    /// Refuses a new secret, unless this is a code of it.
    pub fn by(cx: &Cx<'_>, secret: TotpSecret, code: &str, friendly_device_name: &str) -> Result<Self, Error> {
        match secret.judge(code, cx.now(), of_former_lives(cx)) {
            totp::Judgement::Right { step } => {
                Ok(Proved { secret, step, friendly_device_name: friendly_device_name.to_owned() })
            }
            totp::Judgement::Used | totp::Judgement::Wrong => Err(Error::SoftwareTokenSetUpMismatch),
        }
    }

    /// As it stands in a session, sealed: the step, the secret behind its length, and the name.
    pub fn encoded(&self) -> Secret<Vec<u8>> {
        let secret = self.secret.bytes().expose();
        let length = u32::try_from(secret.len()).unwrap_or(u32::MAX).to_be_bytes();
        let name = self.friendly_device_name.as_bytes();
        Secret::new([&self.step.to_be_bytes(), length.as_slice(), secret, name].concat())
    }

    pub fn decoded(bytes: &Secret<Vec<u8>>) -> Option<Self> {
        let (step, rest) = bytes.expose().split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (secret, name) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        Some(Proved {
            secret: TotpSecret::of(Secret::new(secret.to_vec())),
            step: i64::from_be_bytes(*step),
            friendly_device_name: String::from_utf8(name.to_vec()).ok()?,
        })
    }
}

/// The last step that may have been used before the store came back from a backup, if it ever did: what was used between the two
/// is not known, so all of that time is used.
fn of_former_lives(cx: &Cx<'_>) -> Option<i64> {
    let epoch = cx.store.epoch();
    (epoch.number > 0).then(|| last_step_until(from_milliseconds(epoch.began_at)))
}
