//! Codes: sent to an address of a user, kept as a hash, five tries each, for whatever purpose.
//!
//! A new code voids the older one of its purpose by taking its place. Whoever guesses has five tries at a code, so many at an
//! operation in an hour ([`super::throttles`]), and twenty wrong codes in a day over all purposes; then no code is looked at.
//! Where it is hidden who exists, a code seems to be sent all the same: what stands in its place is counted like a code, and no
//! code is right.

use std::time::Duration;

use super::Cx;
use super::messages::{Addressee, Perishable, medium_to};
use super::pools::Pool;
use super::triggers::custom_message::Reason;
use super::users::User;
use crate::clock::after;
use crate::domain::attributes::{Attributes, is_verified};
use crate::domain::destinations::{mask_email, mask_phone_number, simulated_email, simulated_phone_number};
use crate::domain::messages::{Purpose, Words};
use crate::domain::usernames::Alias;
use crate::error::Error;
use crate::store::{
    Batch, CodeKey, CodePurpose, Owner, Stored, WRONG_CODES_REMEMBERED_MILLISECONDS, WrongCodesKey, records,
};

/// Wrong tries after which a code is void.
const WRONG_TRIES_MAX: u32 = 5;

/// Codes of a user that may be refused in a day; then none is looked at.
const WRONG_CODES_MAX: usize = 20;

const CODE_DIGITS: usize = 6;

/// How long a code is good.
fn life(purpose: CodePurpose) -> Duration {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    match purpose {
        CodePurpose::ForgotPassword => HOUR,
        CodePurpose::SignUp | CodePurpose::VerifyEmail | CodePurpose::VerifyPhoneNumber => 24 * HOUR,
    }
}

/// What the message says that brings a code.
fn told(purpose: CodePurpose) -> Purpose {
    match purpose {
        CodePurpose::SignUp => Purpose::SignUp,
        CodePurpose::ForgotPassword => Purpose::ForgotPassword,
        CodePurpose::VerifyEmail | CodePurpose::VerifyPhoneNumber => Purpose::AttributeVerification,
    }
}

/// Where a code went, as the user may be told.
#[derive(Debug)]
pub struct Sent {
    pub attribute: Alias,
    pub masked_destination: String,
}

impl Sent {
    pub fn to(attribute: Alias, address: &str) -> Self {
        let mask = if attribute == Alias::PhoneNumber { mask_phone_number } else { mask_email };
        Sent { attribute, masked_destination: mask(address) }
    }
}

/// To whom a code goes.
pub struct Recipient<'a> {
    pub owner: &'a Owner,
    pub username: &'a str,
    /// The client through which the user signs up, if it is known: a link confirms through it.
    pub client: Option<&'a str>,
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

/// What a right code proves.
#[derive(Debug)]
pub struct Proof {
    /// The attribute that the code was sent to.
    pub attribute: Option<Alias>,
    /// The value that the attribute takes with the code, where it waited for it.
    pub new_value: Option<String>,
}

/// What is wrong with a code.
#[derive(Debug)]
pub enum Judgement {
    /// It is right: with the batch it is spent.
    Right(Proof),
    /// It is wrong or void: with the batch the try is counted.
    Refused(Error),
}

impl Cx<'_> {
    /// Makes a new code that voids the older one of its purpose, and puts its message in the outbox, which is to be told
    /// ([`super::Services::outbox_filled`]). Where the user or the pool has been sent as many as may be, it is refused with
    /// `LimitExceededException`, and without a way to the address with `CodeDeliveryFailureException`; nothing is in the batch
    /// then. Where the pool asks for the wording and gets none, no code is in the batch. A batch that sends a code must expect
    /// its user unchanged.
    pub async fn send_code(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        to: &Recipient<'_>,
        purpose: CodePurpose,
        new_value: Option<String>,
        reason: Reason<'_>,
    ) -> Result<Sent, Error> {
        self.require_way_to(to.attribute)?;
        self.count_message(batch, to.owner).await?;
        let words = self.wording(pool, reason, medium_to(to.attribute)).await?;
        self.put_code(batch, pool, to, purpose, new_value, Some(&words));
        Ok(Sent::to(to.attribute, to.address))
    }

    /// Does for somebody who is hidden what sending a code does, work for work, but for the message, which goes nowhere: what
    /// stands in the code's place is good for as long, can be tried as often, and no code is right.
    pub async fn simulate_code(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        to: &Recipient<'_>,
        purpose: CodePurpose,
    ) -> Result<(), Error> {
        self.require_way_to(to.attribute)?;
        self.count_simulated_message(batch, to.owner).await?;
        self.put_code(batch, pool, to, purpose, None, None);
        Ok(())
    }

    /// Without words it is somebody who is hidden.
    fn put_code(
        &self,
        batch: &mut Batch,
        pool: &Pool,
        to: &Recipient<'_>,
        purpose: CodePurpose,
        new_value: Option<String>,
        words: Option<&Words>,
    ) {
        let is_hidden = words.is_none();
        let code = self.rng.digits(CODE_DIGITS);
        let hash = self.codes.hash(&to.owner.pool, to.owner.sub, purpose as u8, &code);
        let record = records::Code {
            hash: if is_hidden { self.rng.bytes::<32>().to_vec() } else { hash.to_vec() },
            attribute: to.attribute.attribute().to_owned(),
            expires_at: after(self.now(), life(purpose)).as_millisecond(),
            wrong_tries: 0,
            epoch: self.store.epoch().number,
            new_value,
        };
        batch.put(&CodeKey::of(to.owner, purpose), &record);
        let addressee = Addressee { attribute: to.attribute, address: to.address, username: to.username, is_hidden };
        let perishable = Perishable { text: &code, expires_at: record.expires_at };
        self.enqueue_code(
            batch,
            pool,
            addressee,
            told(purpose),
            to.client,
            perishable,
            words.unwrap_or(&Words::default()),
        );
    }

    /// Where a code would have gone to a user of this name, whom there is not: the same each time. `sends_to` are the
    /// attributes to which the pool sends such codes; a message to any other would give the name away.
    pub fn simulated_sent(&self, pool: &Pool, name: &str, sends_to: &[Alias]) -> Sent {
        let looks = pool.username_rules().classify(name).ok().flatten();
        if let Some(alias) = looks.filter(|alias| sends_to.contains(alias)) {
            return Sent::to(alias, name);
        }
        let chance = self.simulated(pool, name);
        match sends_to.contains(&Alias::Email) {
            true => Sent { attribute: Alias::Email, masked_destination: simulated_email(&chance) },
            false => Sent { attribute: Alias::PhoneNumber, masked_destination: simulated_phone_number(&chance) },
        }
    }

    /// A code proves the address that it was sent to: with the batch, every one that was sent to what is another address
    /// `after` is void. One that sets a new password is void too if the address is not verified any longer.
    pub async fn void_outrun_code(&self, batch: &mut Batch, user: &User, after: &Attributes) -> Result<(), Error> {
        for purpose in CodePurpose::ALL {
            let key = CodeKey::of(&user.owner, purpose);
            let Some(kept) = self.store.read(&key).await? else {
                batch.expect_absent(&key);
                continue;
            };
            batch.expect(&key, Some(&kept));
            let is_outrun = user.record.attributes.get(&kept.attribute) != after.get(&kept.attribute);
            let is_verified = Alias::of_attribute(&kept.attribute).is_some_and(|alias| is_verified(alias, after));
            if is_outrun || purpose == CodePurpose::ForgotPassword && !is_verified {
                batch.delete(&key);
            }
        }
        Ok(())
    }

    /// Judges a code that somebody gives for a purpose, and puts in the batch what follows from it. After too many wrong ones it
    /// is refused with `LimitExceededException` and not looked at. The caller holds the owner's [`Cx::turn`].
    pub async fn judge_code(
        &self,
        batch: &mut Batch,
        owner: &Owner,
        purpose: CodePurpose,
        code: &str,
    ) -> Result<Judgement, Error> {
        let wrong_codes = self.wrong_codes(owner).await?;
        let key = CodeKey::of(owner, purpose);
        let kept = self.store.read(&key).await?.filter(|kept| self.is_standing(kept));
        let Some(kept) = kept else {
            wrong_codes.count(batch, self.now().as_millisecond());
            return Ok(Judgement::Refused(Error::ExpiredCode));
        };
        batch.expect(&key, Some(&kept));
        if self.codes.matches(&kept.hash, &owner.pool, owner.sub, purpose as u8, code) {
            batch.delete(&key);
            let proof = Proof { attribute: Alias::of_attribute(&kept.attribute), new_value: kept.record.new_value };
            return Ok(Judgement::Right(proof));
        }
        wrong_codes.count(batch, self.now().as_millisecond());
        batch.put(&key, &records::Code { wrong_tries: kept.wrong_tries + 1, ..kept.record });
        Ok(Judgement::Refused(Error::CodeMismatch))
    }

    /// Whether a code can still be right.
    fn is_standing(&self, code: &records::Code) -> bool {
        code.expires_at > self.now().as_millisecond()
            && code.wrong_tries < WRONG_TRIES_MAX
            && code.epoch == self.store.epoch().number
    }

    /// The codes that were refused of late, if they are not too many.
    async fn wrong_codes(&self, owner: &Owner) -> Result<WrongCodes, Error> {
        let (key, now) = (WrongCodesKey { owner: owner.clone() }, self.now().as_millisecond());
        let before = self.store.read(&key).await?;
        // One of a day from now was given by a clock that ran ahead and has been put right.
        let is_of_late = |at: &i64| now.abs_diff(*at) < WRONG_CODES_REMEMBERED_MILLISECONDS.unsigned_abs();
        let of_late: Vec<i64> = before.iter().flat_map(|before| &before.at).copied().filter(is_of_late).collect();
        if of_late.len() >= WRONG_CODES_MAX {
            return Err(Error::AttemptLimitExceeded);
        }
        Ok(WrongCodes { key, before, of_late })
    }
}

/// Codes of a user that were refused, whatever they were for.
struct WrongCodes {
    key: WrongCodesKey,
    before: Option<Stored<records::WrongCodes>>,
    of_late: Vec<i64>,
}

impl WrongCodes {
    /// With the batch, one more was refused.
    fn count(self, batch: &mut Batch, now: i64) {
        let WrongCodes { key, before, of_late: mut at } = self;
        at.push(now);
        batch.expect(&key, before.as_ref());
        batch.put(&key, &records::WrongCodes { at });
    }
}
