//! Passkeys of users: kept, found, made and forgotten.
//!
//! A passkey stands twice: beside the user, and in the list of its pool, which says whose it is. Both change only with the
//! user's record, which counts them.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Value, json};

use super::Cx;
use super::clients::Client;
use super::pools::Pool;
use super::users::User;
use crate::clock::after;
use crate::crypto::webauthn::{self, KnownPasskey, NewPasskey, PublicKey, Used};
use crate::domain::passkeys::{PASSKEYS_PER_USER_MAX, PasskeyRules, RelyingPartyId, friendly_name};
use crate::domain::sign_in::FirstFactor;
use crate::error::Error;
use crate::store::{Batch, Owner, PasskeyKey, PasskeyOwnerKey, PasskeyRegistrationKey, Stored, records};

/// How long a browser has to make a passkey, from when it is told how.
pub const REGISTRATION_LIFE: Duration = Duration::from_secs(5 * 60);

/// A passkey that a user has.
pub struct Passkey {
    pub key: PasskeyKey,
    pub record: Stored<records::Passkey>,
}

/// The passkey that a user is making.
pub struct PasskeyRegistration {
    key: PasskeyRegistrationKey,
    pub record: Stored<records::PasskeyRegistration>,
}

/// What a browser says of the authenticator that has made a passkey.
pub struct Authenticator {
    pub attachment: Option<String>,
    pub transports: Vec<String>,
}

/// What an authenticator is told of a user: the same at every passkey of theirs, and no name (WebAuthn, section 14.6.1).
pub fn user_handle(owner: &Owner) -> Vec<u8> {
    owner.sub.to_string().into_bytes()
}

impl Pool {
    /// Whether users may begin to sign in by passkey.
    pub fn allows_passkeys(&self) -> bool {
        FirstFactor::WebAuthn.is_among(&self.record.first_auth_factors)
    }

    /// How the pool wants its passkeys; nothing while it is not said for which domain they are.
    pub fn passkey_rules(&self) -> Option<PasskeyRules> {
        let settings = self.record.web_authn.as_ref()?;
        let is = |setting: &Option<String>, value: &str| setting.as_deref() == Some(value);
        Some(PasskeyRules {
            relying_party: RelyingPartyId::parse(settings.relying_party_id.as_deref()?)?,
            requires_user_verification: is(&settings.user_verification, "required"),
            stands_for_second_factor: is(&settings.factor_configuration, "MULTI_FACTOR_WITH_USER_VERIFICATION"),
        })
    }

    /// The same, where users may begin by passkey at all.
    pub fn passkey_rules_in_force(&self) -> Option<PasskeyRules> {
        self.passkey_rules().filter(|_| self.allows_passkeys())
    }
}

impl Cx<'_> {
    /// The passkeys of a user, in the order of their ids. They stay so while the user does, but for their counters.
    pub async fn passkeys(&self, user: &User) -> Result<Vec<Passkey>, Error> {
        if user.record.passkeys == 0 {
            return Ok(Vec::new());
        }
        let found = self.store.list(&PasskeyKey::prefix(&user.owner), None, usize::MAX).await?;
        Ok(found.into_iter().map(|(key, record)| Passkey { key, record }).collect())
    }

    /// Those of them with which the user can sign in to the pool at present.
    pub async fn usable_passkeys(&self, pool: &Pool, user: &User) -> Result<Vec<Passkey>, Error> {
        let Some(rules) = pool.passkey_rules_in_force() else { return Ok(Vec::new()) };
        let mut passkeys = self.passkeys(user).await?;
        passkeys.retain(|passkey| passkey.record.relying_party_id == rules.relying_party.as_str());
        Ok(passkeys)
    }

    /// With the batch, the user is making a passkey, and no other any longer. Gives the challenge.
    pub fn begin_passkey(&self, batch: &mut Batch, client: &Client, user: &User, rules: &PasskeyRules) -> Vec<u8> {
        let challenge = webauthn::challenge(&self.rng).to_vec();
        let record = records::PasskeyRegistration {
            challenge: challenge.clone(),
            client: client.id.0.clone(),
            relying_party_id: rules.relying_party.as_str().to_owned(),
            expires_at: after(self.now(), REGISTRATION_LIFE).as_millisecond(),
            epoch: self.store.epoch().number,
        };
        batch.put(&PasskeyRegistrationKey { owner: user.owner.clone() }, &record);
        challenge
    }

    /// The passkey that the user is making at present.
    pub async fn passkey_registration(&self, user: &User) -> Result<PasskeyRegistration, Error> {
        let key = PasskeyRegistrationKey { owner: user.owner.clone() };
        let found = self.store.read(&key).await?;
        // Of one from before a restore it is not known whether it came to its end.
        let stands = |record: &Stored<records::PasskeyRegistration>| {
            record.epoch == self.store.epoch().number && record.expires_at > self.now().as_millisecond()
        };
        let record = found.filter(stands).ok_or(Error::PasskeyChallengeNotFound)?;
        Ok(PasskeyRegistration { key, record })
    }

    /// With the batch, the passkey is the user's, and the registration has come to its end.
    pub async fn add_passkey(
        &self,
        batch: &mut Batch,
        user: &User,
        registration: &PasskeyRegistration,
        made: NewPasskey,
        authenticator: Authenticator,
    ) -> Result<(), Error> {
        if user.record.passkeys >= PASSKEYS_PER_USER_MAX {
            return Err(Error::TooManyPasskeys);
        }
        let key = PasskeyKey { owner: user.owner.clone(), credential: made.credential_id };
        let owner_key = owner_key(&key);
        if self.store.read(&owner_key).await?.is_some() {
            return Err(Error::invalid_parameter("The passkey is registered already."));
        }
        let record = records::Passkey {
            relying_party_id: registration.record.relying_party_id.clone(),
            public_key: made.public_key.cose().to_vec(),
            signatures: made.signatures,
            backup_eligible: made.is_backup_eligible,
            friendly_name: friendly_name(made.aaguid).to_owned(),
            attachment: authenticator.attachment,
            transports: authenticator.transports,
            created_at: self.now().as_millisecond(),
        };
        batch.expect(&registration.key, Some(&registration.record));
        batch.delete(&registration.key);
        batch.expect_absent(&owner_key);
        batch.put(&owner_key, &records::NameOwner { sub: user.owner.sub.to_string() });
        batch.put(&key, &record);
        let passkeys = user.record.passkeys + 1;
        user.replace(batch, &records::User { passkeys, ..user.record.record.clone() });
        Ok(())
    }

    /// With the batch, the passkey is nobody's any more.
    pub fn delete_passkey(&self, batch: &mut Batch, user: &User, passkey: &Passkey) {
        batch.delete(&passkey.key);
        batch.delete(&passkey.owner_key());
        let passkeys = user.record.passkeys.saturating_sub(1);
        user.replace(batch, &records::User { passkeys, ..user.record.record.clone() });
    }
}

impl Passkey {
    /// Judges a response of this passkey.
    pub fn judge(
        &self,
        ceremony: &webauthn::Ceremony<'_>,
        response: &webauthn::Assertion,
    ) -> Result<Result<Used, webauthn::Refusal>, Error> {
        let public_key = PublicKey::read(&self.record.public_key).map_err(Error::internal)?;
        let known = KnownPasskey {
            public_key: &public_key,
            signatures: self.record.signatures,
            is_backup_eligible: self.record.backup_eligible,
            user_handle: &user_handle(&self.key.owner),
        };
        Ok(ceremony.judge(&known, response))
    }

    /// With the batch, it has been used: no use that was before this one counts any more.
    pub fn use_up(&self, batch: &mut Batch, used: &Used) {
        batch.expect(&self.key, Some(&self.record));
        if used.signatures != self.record.signatures {
            let signatures = used.signatures;
            batch.put(&self.key, &records::Passkey { signatures, ..self.record.record.clone() });
        }
    }

    pub fn owner_key(&self) -> PasskeyOwnerKey {
        owner_key(&self.key)
    }

    /// Its id as both wires have it.
    pub fn id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(&self.key.credential)
    }

    /// How it is named to browsers (WebAuthn, PublicKeyCredentialDescriptorJSON).
    pub fn descriptor(&self) -> Value {
        let mut descriptor = json!({"id": self.id(), "type": "public-key"});
        if !self.record.transports.is_empty() {
            descriptor["transports"] = json!(self.record.transports);
        }
        descriptor
    }
}

fn owner_key(key: &PasskeyKey) -> PasskeyOwnerKey {
    PasskeyOwnerKey { pool: key.owner.pool.clone(), credential: key.credential.clone() }
}
