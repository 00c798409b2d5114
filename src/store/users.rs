//! Users, the names they go by, and what belongs to one user: codes, attempts, sessions, token families.

use uuid::Uuid;

use super::key::{self, Key as _, key};
use super::records::{
    Attempts, Code, Device, NameOwner, Passkey, PasskeyRegistration, Session, SoftwareToken, SrpVerifier, Throttle,
    TokenFamily, User, UserRemoval, WrongCodes,
};
use super::{Batch, Failure, Owner, Record, Store};
use crate::clock::{after, from_milliseconds};
use crate::domain::ids::{DeviceId, PoolId};
use crate::domain::lockout;
use crate::domain::token_validity::ACCESS_TOKEN_LIFE_MAX;

key! {
    /// A user.
    UserKey = user 0x01 {} -> User
}

key! {
    /// The newest code of a user for a purpose; it voids older ones by taking their place.
    CodeKey = user 0x03 { purpose: u8 } -> Code
}

key! {
    /// The failed attempts of a user to prove themselves.
    AttemptsKey = user 0x04 {} -> Attempts
}

key! {
    /// How often a user did something in the running hour.
    ThrottleKey = user 0x05 { purpose: u8 } -> Throttle
}

key! {
    /// A sign-in and all tokens that came of it, by the `event_id` claim.
    FamilyKey = user 0x06 { event: Uuid } -> TokenFamily
}

key! {
    /// A challenge that waits for its answer.
    SessionKey = user 0x07 { session: Uuid } -> Session
}

key! {
    /// The codes of a user that were refused within a day.
    WrongCodesKey = user 0x09 {} -> WrongCodes
}

key! {
    /// What proves a user's password by SRP.
    SrpVerifierKey = user 0x0A {} -> SrpVerifier
}

key! {
    /// A user's authenticator app.
    SoftwareTokenKey = user 0x0B {} -> SoftwareToken
}

key! {
    /// A passkey of a user, by the id that its authenticator gave it.
    PasskeyKey = user 0x10 { credential: Vec<u8> } -> Passkey
}

key! {
    /// The passkey that a user is making.
    PasskeyRegistrationKey = user 0x11 {} -> PasskeyRegistration
}

key! {
    /// Whose a passkey is: no two users of a pool have the same.
    PasskeyOwnerKey = 0x33 { pool: PoolId, credential: Vec<u8> } -> NameOwner
}

key! {
    /// A device that a user has confirmed.
    DeviceKey = user 0x0E { device: DeviceId } -> Device
}

key! {
    /// Whose a username is, in its comparison form.
    UsernameKey = 0x30 { pool: PoolId, name: String } -> NameOwner
}

key! {
    /// Whose an e-mail address, phone number or preferred username is, as a sign-in name.
    AliasKey = 0x31 { pool: PoolId, attribute: String, value: String } -> NameOwner
}

key! {
    /// A user who is gone for everybody, but whose other records are still being swept.
    UserRemovalKey = 0x32 { owner: Owner } -> UserRemoval
}

impl UsernameKey {
    /// The prefix of all usernames of a pool that begin with `beginning`.
    pub fn prefix(pool: &PoolId, beginning: &str) -> Vec<u8> {
        let mut prefix = UsernameKey { pool: pool.clone(), name: beginning.to_owned() }.encoded();
        // Without what ends a text.
        prefix.truncate(prefix.len() - 2);
        prefix
    }
}

impl UserRemovalKey {
    /// The prefix of all users who are being removed.
    pub const PREFIX: &'static [u8] = &[REMOVALS];
}

impl FamilyKey {
    /// The prefix of all sign-ins of a user.
    pub fn prefix(owner: &Owner) -> Vec<u8> {
        let mut prefix = owner.prefix();
        prefix.push(0x06);
        prefix
    }
}

impl PasskeyKey {
    /// The prefix of all passkeys of a user.
    pub fn prefix(owner: &Owner) -> Vec<u8> {
        let mut prefix = owner.prefix();
        prefix.push(0x10);
        prefix
    }
}

impl DeviceKey {
    /// The prefix of all devices of a user.
    pub fn prefix(owner: &Owner) -> Vec<u8> {
        let mut prefix = owner.prefix();
        prefix.push(0x0E);
        prefix
    }
}

pub(super) const USERNAMES: u8 = 0x30;
pub(super) const ALIASES: u8 = 0x31;
pub(super) const REMOVALS: u8 = 0x32;
pub(super) const PASSKEY_OWNERS: u8 = 0x33;

/// What a code is for. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum CodePurpose {
    SignUp = 1,
    ForgotPassword = 2,
    VerifyEmail = 3,
    VerifyPhoneNumber = 4,
}

impl CodePurpose {
    pub const ALL: [CodePurpose; 4] =
        [CodePurpose::SignUp, CodePurpose::ForgotPassword, CodePurpose::VerifyEmail, CodePurpose::VerifyPhoneNumber];
}

impl CodeKey {
    /// Where the code of a user for a purpose stands.
    pub fn of(owner: &Owner, purpose: CodePurpose) -> Self {
        CodeKey { owner: owner.clone(), purpose: purpose as u8 }
    }
}

/// What is counted by the hour. The numbers are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ThrottlePurpose {
    ConfirmSignUp = 1,
    ResendConfirmationCode = 2,
    /// A message of whatever purpose.
    Message = 3,
    ChangePassword = 4,
    ForgotPassword = 5,
    ConfirmForgotPassword = 6,
    GetUserAttributeVerificationCode = 7,
    VerifyUserAttribute = 8,
}

impl Record for User {}
impl Record for NameOwner {}
impl Record for UserRemoval {}
impl Record for SrpVerifier {}
impl Record for SoftwareToken {}
impl Record for Device {}
impl Record for Passkey {}

impl Record for PasskeyRegistration {
    fn deadline(&self) -> Option<i64> {
        Some(self.expires_at)
    }
}

impl Record for Code {
    fn deadline(&self) -> Option<i64> {
        Some(self.expires_at)
    }
}

impl Record for Attempts {
    fn deadline(&self) -> Option<i64> {
        let forgotten_at = after(from_milliseconds(self.last_at), lockout::REMEMBERED).as_millisecond();
        let day_ends_at = after(from_milliseconds(self.day_began_at), lockout::DAY).as_millisecond();
        Some(forgotten_at.max(self.locked_until).max(day_ends_at))
    }
}

/// How long a refused code counts.
pub const WRONG_CODES_REMEMBERED_MILLISECONDS: i64 = 24 * HOUR_MILLISECONDS;

impl Record for WrongCodes {
    fn deadline(&self) -> Option<i64> {
        let newest = self.at.iter().max();
        Some(newest.map_or(0, |newest| newest.saturating_add(WRONG_CODES_REMEMBERED_MILLISECONDS)))
    }
}

/// How long a throttle counts before it begins anew.
pub const HOUR_MILLISECONDS: i64 = 60 * 60 * 1000;

impl Record for Throttle {
    fn deadline(&self) -> Option<i64> {
        Some(self.hour_began_at + HOUR_MILLISECONDS)
    }
}

impl Record for TokenFamily {
    /// When the last access token has ended that the refresh token, in its last moment, may have brought: they are believed
    /// only while the record stands.
    fn deadline(&self) -> Option<i64> {
        Some(after(from_milliseconds(self.expires_at), ACCESS_TOKEN_LIFE_MAX).as_millisecond())
    }
}

impl Record for Session {
    fn deadline(&self) -> Option<i64> {
        Some(self.expires_at)
    }
}

/// How many users a pool has, counted by their names.
pub async fn count_users(store: &dyn Store, pool: &PoolId) -> Result<usize, Failure> {
    const NAMES_PER_PAGE: usize = 1000;
    let prefix = UsernameKey::prefix(pool, "");
    let (mut count, mut last) = (0, None);
    loop {
        let page = store.list::<UsernameKey>(&prefix, last.as_ref(), NAMES_PER_PAGE).await?;
        count += page.len();
        if page.len() < NAMES_PER_PAGE {
            return Ok(count);
        }
        last = page.into_iter().next_back().map(|(key, _)| key);
    }
}

/// Removes one batch of what a removed user has left. Gives whether more may remain. What a request that was under way may
/// still write for the user, an attempt or a session, has a deadline and ends by itself.
pub async fn sweep_removed_user(store: &dyn Store, owner: &Owner) -> Result<bool, Failure> {
    if store.remove_some(&owner.prefix()).await? {
        return Ok(true);
    }
    let mut batch = Batch::default();
    batch.delete(&UserRemovalKey { owner: owner.clone() });
    store.commit(batch).await?;
    Ok(false)
}
