//! Confirmation codes: sent to the attribute that the pool verifies, kept as a hash, five tries each.

use std::time::Duration;

use super::Cx;
use super::messages::{Addressee, Perishable};
use super::pools::Pool;
use super::users::User;
use crate::clock::after;
use crate::domain::attributes::Attributes;
use crate::domain::destinations::{mask_email, mask_phone_number};
use crate::domain::messages::Purpose;
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::{Batch, CodeKey, CodePurpose, Owner, records};

/// How long a sign-up code is good.
pub const SIGN_UP_CODE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Wrong tries after which a code is void.
const WRONG_TRIES_MAX: u32 = 5;

const CODE_DIGITS: usize = 6;

/// Where a code went, as the user may be told.
pub struct Sent {
    pub attribute: Alias,
    pub masked_destination: String,
}

/// To whom a code goes.
pub struct Recipient<'a> {
    pub owner: &'a Owner,
    pub username: &'a str,
    /// The client through which the user signs up.
    pub client: &'a str,
    pub attribute: Alias,
    pub address: &'a str,
}

/// The attribute to which a new user's code goes: the phone number before the e-mail address, of those that the pool
/// verifies by itself and the user has.
pub fn verified_first(pool: &Pool, attributes: &Attributes) -> Option<(Alias, String)> {
    let auto_verified = pool.auto_verified();
    [Alias::PhoneNumber, Alias::Email].into_iter().filter(|alias| auto_verified.contains(alias)).find_map(|alias| {
        let value = attributes.get(alias.attribute()).filter(|value| !value.is_empty())?;
        Some((alias, value.clone()))
    })
}

/// What is wrong with a code.
pub enum Judgement {
    /// It is right: with the batch it is spent. It proves this attribute.
    Right(Option<Alias>),
    /// It is wrong or void: with the batch the try is counted.
    Refused(Error),
}

impl Cx<'_> {
    /// Makes a new code that voids the older ones, and puts its message in the outbox.
    pub fn send_sign_up_code(&self, batch: &mut Batch, pool: &Pool, to: &Recipient<'_>) -> Sent {
        let (code, now) = (self.rng.digits(CODE_DIGITS), self.now());
        let purpose = CodePurpose::SignUp as u8;
        let record = records::Code {
            hash: self.codes.hash(&to.owner.pool, to.owner.sub, purpose, &code).to_vec(),
            attribute: to.attribute.attribute().to_owned(),
            expires_at: after(now, SIGN_UP_CODE_LIFE).as_millisecond(),
            wrong_tries: 0,
            epoch: self.store.epoch().number,
            new_value: None,
        };
        batch.put(&CodeKey { owner: to.owner.clone(), purpose }, &record);
        let addressee = Addressee { attribute: to.attribute, address: to.address, username: to.username };
        let perishable = Perishable { text: &code, expires_at: record.expires_at };
        self.enqueue_code(batch, pool, addressee, Purpose::SignUp, Some(to.client), perishable);
        let mask = if to.attribute == Alias::PhoneNumber { mask_phone_number } else { mask_email };
        Sent { attribute: to.attribute, masked_destination: mask(to.address) }
    }

    /// A code proves the address that it was sent to: with the batch, one that was sent to what is another address `after` is
    /// void.
    pub async fn void_outrun_code(&self, batch: &mut Batch, user: &User, after: &Attributes) -> Result<(), Error> {
        let key = CodeKey { owner: user.owner.clone(), purpose: CodePurpose::SignUp as u8 };
        let kept = self.store.read(&key).await?;
        batch.expect(&key, kept.as_ref());
        if kept.is_some_and(|kept| user.record.attributes.get(&kept.attribute) != after.get(&kept.attribute)) {
            batch.delete(&key);
        }
        Ok(())
    }

    /// Judges a sign-up code, and puts in the batch what follows from it.
    pub async fn judge_sign_up_code(&self, batch: &mut Batch, owner: &Owner, code: &str) -> Result<Judgement, Error> {
        let purpose = CodePurpose::SignUp as u8;
        let key = CodeKey { owner: owner.clone(), purpose };
        let Some(kept) = self.store.read(&key).await? else { return Ok(Judgement::Refused(Error::ExpiredCode)) };
        let is_void = kept.wrong_tries >= WRONG_TRIES_MAX || kept.epoch != self.store.epoch().number;
        if kept.expires_at <= self.now().as_millisecond() || is_void {
            return Ok(Judgement::Refused(Error::ExpiredCode));
        }
        batch.expect(&key, Some(&kept));
        if self.codes.matches(&kept.hash, &owner.pool, owner.sub, purpose, code) {
            batch.delete(&key);
            return Ok(Judgement::Right(Alias::of_attribute(&kept.attribute)));
        }
        batch.put(&key, &records::Code { wrong_tries: kept.wrong_tries + 1, ..kept.record });
        Ok(Judgement::Refused(Error::CodeMismatch))
    }
}
