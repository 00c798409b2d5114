//! Challenge sessions: opaque, bound to pool, client, user and step, good once and for minutes.

use super::Cx;
use super::clients::Client;
use super::users::User;
use crate::clock::after;
use crate::crypto::opaque::{Kind, Note, is_token, token_hash};
use crate::crypto::secret::Secret;
use crate::domain::ids::DeviceId;
use crate::domain::sign_in::{Before, FirstFactor, SecondFactor, Step};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::records::{self, SessionStep};
use crate::store::{Batch, Key as _, Owner, SessionKey, Stored};

/// Beside the numbers of [`crate::store::CodePurpose`]: a code that was sent for a session.
const SIGN_IN_CODE: u8 = 0x40;

/// What a new session waits for, and what it knows.
pub struct Waiting<'a> {
    step: Step,
    password_version: Option<u64>,
    code: Option<SentCode<'a>>,
    secret: Option<&'a [u8]>,
    device: Option<DeviceId>,
}

/// A code, and the address of the user that it went to: it proves no other.
#[derive(Clone, Copy)]
pub struct SentCode<'a> {
    pub attribute: Alias,
    pub address: &'a str,
    pub code: &'a str,
}

/// A session whose bearer has proved to hold it, not used up yet.
pub struct OpenSession {
    key: SessionKey,
    record: Stored<records::Session>,
    step: Step,
}

impl SentCode<'_> {
    /// No two codes or addresses make the same of it: codes are of digits.
    fn whole(&self) -> String {
        format!("{} {} {}", self.code, self.attribute.attribute(), self.address)
    }
}

impl<'a> Waiting<'a> {
    /// For an answer at this step. The session proves nothing yet.
    pub fn at(step: Step) -> Self {
        Waiting { step, password_version: None, code: None, secret: None, device: None }
    }

    /// The session stands for a proof which its user has given: void once they have a new password. The batch must expect the
    /// user as it was read.
    pub fn proved_by(self, user: &User) -> Self {
        Waiting { password_version: Some(user.record.password_version), ..self }
    }

    /// For this code.
    pub fn for_code(self, code: SentCode<'a>) -> Self {
        Waiting { code: Some(code), ..self }
    }

    /// With what the next step needs and nobody may read.
    pub fn with_secret(self, secret: &'a [u8]) -> Self {
        Waiting { secret: Some(secret), ..self }
    }

    /// In a sign-in that names this device, if it names one.
    pub fn with_device(self, device: Option<DeviceId>) -> Self {
        Waiting { device, ..self }
    }
}

impl Cx<'_> {
    /// Opens a session: the string for the caller; its record goes in the batch.
    pub fn open_session(&self, batch: &mut Batch, client: &Client, owner: &Owner, waiting: &Waiting<'_>) -> String {
        let expires_at = after(self.now(), client.session_validity());
        let note = Note { pool: owner.pool.clone(), sub: owner.sub, id: self.rng.uuid(), expires_at };
        let session = self.opaque_tokens.mint(Kind::Session, &note, &self.rng);
        let key = SessionKey { owner: owner.clone(), session: note.id };
        let seal = |secret: &[u8]| self.sealer.seal(&key.encoded(), secret, &self.rng);
        let hash = |sent: SentCode<'_>| self.codes.hash(&owner.pool, owner.sub, SIGN_IN_CODE, &sent.whole()).to_vec();
        let record = records::Session {
            hash: token_hash(&session),
            client: client.id.0.clone(),
            step: stored(waiting.step).into(),
            expires_at: expires_at.as_millisecond(),
            used: false,
            epoch: self.store.epoch().number,
            password_version: waiting.password_version,
            sealed: waiting.secret.map(seal).unwrap_or_default(),
            code_hash: waiting.code.map(hash).unwrap_or_default(),
            device: waiting.device.map(|device| device.0.as_bytes().to_vec()),
        };
        batch.put(&key, &record);
        session
    }

    /// The session that this string opens, if it is this client's, waits at one of these steps and was not used.
    pub async fn session(&self, client: &Client, session: &str, steps: &[Step]) -> Result<OpenSession, Error> {
        let note = self.opaque_tokens.open(Kind::Session, session).ok_or(Error::InvalidSession)?;
        if note.pool != client.pool.id {
            return Err(Error::InvalidSession);
        }
        if note.expires_at <= self.now() {
            return Err(Error::SessionExpired);
        }
        let key = SessionKey { owner: Owner { pool: note.pool, sub: note.sub }, session: note.id };
        let record = self.store.read(&key).await?.ok_or(Error::InvalidSession)?;
        // Of a session from before a restore it is not known whether it was used.
        if record.epoch != self.store.epoch().number {
            return Err(Error::InvalidSession);
        }
        let step = step(record.step()).filter(|step| steps.contains(step)).ok_or(Error::InvalidSession)?;
        if !is_token(session, &record.hash) || record.client != client.id.0 {
            return Err(Error::InvalidSession);
        }
        if record.used {
            return Err(Error::SessionUsed);
        }
        Ok(OpenSession { key, record, step })
    }

    /// The session that this string opens, and its client: for operations that name none.
    pub async fn session_of_any_client(&self, session: &str, steps: &[Step]) -> Result<(Client, OpenSession), Error> {
        let note = self.opaque_tokens.open(Kind::Session, session).ok_or(Error::InvalidSession)?;
        if note.expires_at <= self.now() {
            return Err(Error::SessionExpired);
        }
        let owner = Owner { pool: note.pool.clone(), sub: note.sub };
        let record = self.store.read(&SessionKey { owner, session: note.id }).await?.ok_or(Error::InvalidSession)?;
        let client = match self.client_of_pool(&note.pool, &record.client).await {
            Err(Error::UserPoolClientDoesNotExist(_)) => return Err(Error::InvalidSession),
            other => other?,
        };
        let session = self.session(&client, session, steps).await?;
        Ok((client, session))
    }
}

impl OpenSession {
    /// Whose sign-in this is. Under PreventUserExistenceErrors it may be nobody's.
    pub fn owner(&self) -> &Owner {
        &self.key.owner
    }

    pub fn step(&self) -> Step {
        self.step
    }

    /// Whether the session stands for a proof of this user's that no new password has voided since.
    pub fn stands_for(&self, user: &User) -> bool {
        self.key.owner == user.owner && self.record.password_version == Some(user.record.password_version)
    }

    /// The device that the sign-in names.
    pub fn device(&self) -> Option<DeviceId> {
        let id = self.record.device.as_deref()?;
        uuid::Uuid::from_slice(id).ok().map(DeviceId)
    }

    /// Whether this is the code that the session waits for, compared in constant time, and its address still the user's.
    pub fn is_code(&self, cx: &Cx<'_>, given: SentCode<'_>) -> bool {
        let Owner { pool, sub } = self.owner();
        cx.codes.matches(&self.record.code_hash, pool, *sub, SIGN_IN_CODE, &given.whole())
    }

    /// Whether anything was sealed in the session.
    pub fn has_secret(&self) -> bool {
        !self.record.sealed.is_empty()
    }

    /// What was sealed in the session.
    pub fn secret(&self, cx: &Cx<'_>) -> Result<Secret<Vec<u8>>, Error> {
        cx.sealer.open(&self.key.encoded(), &self.record.sealed).map_err(Error::internal)
    }

    /// With the batch the session is spent; of two requests that use it, one succeeds. Its record stays until its end, to
    /// tell a second use from a made-up session.
    pub fn use_up(&self, batch: &mut Batch) {
        batch.expect(&self.key, Some(&self.record));
        batch.put(&self.key, &records::Session { used: true, ..self.record.record.clone() });
    }
}

fn stored(step: Step) -> SessionStep {
    match step {
        Step::SignUpCode => SessionStep::SignedUp,
        Step::FirstSignIn => SessionStep::ConfirmedSignUp,
        Step::SelectChallenge => SessionStep::SelectChallenge,
        Step::SrpBeginning => SessionStep::PasswordSrp,
        Step::FirstFactor(FirstFactor::Password) => SessionStep::Password,
        Step::FirstFactor(FirstFactor::PasswordSrp) => SessionStep::PasswordVerifier,
        Step::FirstFactor(FirstFactor::EmailOtp) => SessionStep::EmailOtp,
        Step::FirstFactor(FirstFactor::SmsOtp) => SessionStep::SmsOtp,
        Step::FirstFactor(FirstFactor::WebAuthn) => SessionStep::WebAuthn,
        Step::NewPassword => SessionStep::NewPassword,
        Step::SelectMfaType => SessionStep::SelectMfaType,
        Step::SecondFactor(SecondFactor::Sms) => SessionStep::SmsMfa,
        Step::SecondFactor(SecondFactor::SoftwareToken) => SessionStep::SoftwareTokenMfa,
        Step::SecondFactor(SecondFactor::Email) => SessionStep::EmailMfa,
        Step::MfaSetup => SessionStep::MfaSetup,
        Step::SoftwareTokenSetUp => SessionStep::SoftwareTokenSetUp,
        Step::DeviceBeginning(Before::FirstFactor) => SessionStep::DeviceSrpAfterFirstFactor,
        Step::DeviceBeginning(Before::SecondFactor) => SessionStep::DeviceSrpAfterSecondFactor,
        Step::DeviceProof(Before::FirstFactor) => SessionStep::DeviceVerifierAfterFirstFactor,
        Step::DeviceProof(Before::SecondFactor) => SessionStep::DeviceVerifierAfterSecondFactor,
        Step::CustomChallenge => SessionStep::CustomChallenge,
        Step::CustomPassword => SessionStep::CustomPasswordVerifier,
    }
}

fn step(stored: SessionStep) -> Option<Step> {
    Some(match stored {
        SessionStep::Unknown => return None,
        SessionStep::SignedUp => Step::SignUpCode,
        SessionStep::ConfirmedSignUp => Step::FirstSignIn,
        SessionStep::SelectChallenge => Step::SelectChallenge,
        SessionStep::PasswordSrp => Step::SrpBeginning,
        SessionStep::Password => Step::FirstFactor(FirstFactor::Password),
        SessionStep::PasswordVerifier => Step::FirstFactor(FirstFactor::PasswordSrp),
        SessionStep::EmailOtp => Step::FirstFactor(FirstFactor::EmailOtp),
        SessionStep::SmsOtp => Step::FirstFactor(FirstFactor::SmsOtp),
        SessionStep::WebAuthn => Step::FirstFactor(FirstFactor::WebAuthn),
        SessionStep::NewPassword => Step::NewPassword,
        SessionStep::SelectMfaType => Step::SelectMfaType,
        SessionStep::SmsMfa => Step::SecondFactor(SecondFactor::Sms),
        SessionStep::SoftwareTokenMfa => Step::SecondFactor(SecondFactor::SoftwareToken),
        SessionStep::EmailMfa => Step::SecondFactor(SecondFactor::Email),
        SessionStep::MfaSetup => Step::MfaSetup,
        SessionStep::SoftwareTokenSetUp => Step::SoftwareTokenSetUp,
        SessionStep::DeviceSrpAfterFirstFactor => Step::DeviceBeginning(Before::FirstFactor),
        SessionStep::DeviceSrpAfterSecondFactor => Step::DeviceBeginning(Before::SecondFactor),
        SessionStep::DeviceVerifierAfterFirstFactor => Step::DeviceProof(Before::FirstFactor),
        SessionStep::DeviceVerifierAfterSecondFactor => Step::DeviceProof(Before::SecondFactor),
        SessionStep::CustomChallenge => Step::CustomChallenge,
        SessionStep::CustomPasswordVerifier => Step::CustomPassword,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_read_back_as_it_was_kept() {
        for kept in (1..=64).filter_map(|number| SessionStep::try_from(number).ok()) {
            assert_eq!(step(kept).map(stored), Some(kept));
        }
        assert_eq!(step(SessionStep::Unknown), None);
    }
}
