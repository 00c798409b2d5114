//! The records of the store, each by itself and with what it refers to.

use std::ops::Bound;

use prost::Message as _;
use uuid::Uuid;

use super::{Finding, Report};
use crate::context::pools::Pool;
use crate::context::rotation::is_whole;
use crate::crypto::sealing::Sealer;
use crate::crypto::signing::SigningKeys;
use crate::crypto::srp::Verifier;
use crate::crypto::webauthn::PublicKey;
use crate::domain::ids::{GroupId, PoolId, Sub};
use crate::store::records::{Membership, OutboxMessage, SrpVerifier, User, UserStatus};
use crate::store::{
    ClientKey, ClientOfPoolKey, CodePurpose, ExpiryKey, Failure, GroupKey, GroupRemovalKey, Key, Kind, Known,
    MemberKey, MembershipKey, OutboxKey, Owner, PasskeyKey, PasskeyOwnerKey, PoolKey, PoolRemovalKey, SigningKeysKey,
    SoftwareTokenKey, SrpVerifierKey, SrpVerifierRemovalKey, Store, Unreadable, UserKey, UserRemovalKey, UsernameKey,
    Value, described,
};

/// Entries read at one time.
const PAGE: usize = 256;

/// The first byte of what the store counts for itself, which it checks when it is opened.
const OWN: u8 = 0x01;

/// Who is told of findings.
pub trait Found: FnMut(&mut Report, Finding) {}
impl<F: FnMut(&mut Report, Finding)> Found for F {}

/// Reads every entry of the store.
pub async fn examine(store: &dyn Store, sealer: &Sealer, report: &mut Report, found: &mut impl Found) {
    let newest = match store.snapshot().await {
        Ok(snapshot) => snapshot.version(),
        Err(cause) => return found(report, Finding::at("store", cause)),
    };
    let mut examiner = Examiner { store, sealer, newest, pool: None };
    let (mut from, mut limit) = (Vec::new(), PAGE);
    loop {
        let page = match store.examine((Bound::Included(from.clone()), Bound::Unbounded), limit).await {
            Ok(page) => page,
            // One by one up to the place that cannot be read.
            Err(_) if limit > 1 => {
                limit = 1;
                continue;
            }
            Err(cause) => {
                let place = from
                    .split_last()
                    .map_or_else(|| "store".to_owned(), |(_, last)| format!("after {}", described(last)));
                found(report, Finding::at(place, format!("cannot be read: {cause}")));
                match next_readable(store, &from).await {
                    Some(next) => {
                        (from, limit) = (next, PAGE);
                        continue;
                    }
                    None => return,
                }
            }
        };
        let Some((last, _)) = page.last() else { return };
        // The first key that can come after it.
        from = [last.as_slice(), &[0]].concat();
        for (key, value) in page {
            report.records += u64::from(key.first() != Some(&OWN));
            report.users += u64::from(Kind::of(&key) == Some(Kind::UserKey));
            for problem in examiner.entry(&key, value).await {
                found(report, Finding::at(described(&key), problem));
            }
        }
    }
}

/// Where the store can be read again behind a place where it cannot.
async fn next_readable(store: &dyn Store, from: &[u8]) -> Option<Vec<u8>> {
    for leap in leaps(from) {
        if store.examine((Bound::Included(leap.clone()), Bound::Unbounded), 1).await.is_ok() {
            return Some(leap);
        }
    }
    None
}

/// Keys behind one, each farther than the one before.
fn leaps(from: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..from.len()).rev().flat_map(move |at| {
        let higher = from[at].checked_add(1).map(|next| next..=u8::MAX);
        higher.into_iter().flatten().map(move |byte| [&from[..at], &[byte]].concat())
    })
}

struct Examiner<'a> {
    store: &'a dyn Store,
    sealer: &'a Sealer,
    /// The version of the store's newest commit.
    newest: u64,
    /// The pool looked up last: neighbours are of one pool.
    pool: Option<(PoolId, PoolState)>,
}

#[derive(Clone)]
enum PoolState {
    There(std::sync::Arc<Pool>),
    BeingRemoved,
    Gone,
}

type Problems = Vec<String>;

impl Examiner<'_> {
    /// What is wrong with an entry.
    async fn entry(&mut self, key: &[u8], value: Result<Value, Failure>) -> Problems {
        let value = match value {
            Ok(value) => value,
            Err(cause) => return vec![cause.to_string()],
        };
        if key.first() == Some(&OWN) {
            return Problems::new();
        }
        let known = match Known::decode(key, &value.bytes) {
            Ok(known) => known,
            Err(Unreadable::Key) => return vec!["is of no known kind, or not whole".to_owned()],
            Err(Unreadable::Record) => return vec!["its record is not of its kind".to_owned()],
        };
        let mut problems = Problems::new();
        if value.version > self.newest {
            problems.push("is newer than the store".to_owned());
        }
        if value.deadline != known.deadline() {
            problems.push("its deadline is not that of its record".to_owned());
        }
        let examined = async {
            if let Some(at) = value.deadline {
                let entry = ExpiryKey { at, target: key.to_vec() };
                self.need(&mut problems, &entry, "its entry of what ends when is gone, so it would stay for ever")
                    .await?;
            }
            self.belongs(&known, &mut problems).await
        };
        if let Err(cause) = examined.await {
            problems.push(format!("what it refers to cannot be read: {cause}"));
        }
        problems
    }

    /// Whether what an entry says of others is so.
    async fn belongs(&mut self, known: &Known, problems: &mut Problems) -> Result<(), Failure> {
        match known {
            Known::PoolKey(key, pool) => {
                expect(problems, pool.id == key.pool.0, "it is another pool's record");
                let keys = SigningKeysKey { pool: key.pool.clone() };
                self.need(problems, &keys, "its signing keys are gone").await?;
            }
            Known::SigningKeysKey(key, keys) => {
                self.need(problems, &PoolKey { pool: key.pool.clone() }, "its pool is gone").await?;
                let opened = SigningKeys::open(self.sealer, &key.encoded(), keys);
                opened.err().into_iter().for_each(|cause| problems.push(cause.to_string()));
            }
            Known::ClientKey(key, client) => {
                let pool = PoolId(client.pool.clone());
                expect(problems, client.id == key.client.0, "it is another client's record");
                self.need(problems, &PoolKey { pool: pool.clone() }, "its pool is gone").await?;
                let listed = ClientOfPoolKey { pool, client: key.client.clone() };
                self.need(problems, &listed, "it is missing in the list of its pool").await?;
                let added = client.added_secrets.iter().map(|added| &added.sealed_secret);
                for sealed in client.sealed_secret.iter().chain(added) {
                    self.sealed(&key.encoded(), sealed, problems);
                }
            }
            Known::ClientOfPoolKey(key, _) => {
                let client = self.store.read(&ClientKey { client: key.client.clone() }).await?;
                let is_of_pool = client.is_some_and(|client| client.pool == key.pool.0);
                expect(problems, is_of_pool, "the client is gone, or another pool's");
            }
            Known::GroupKey(key, group) => {
                let is_own = group.pool == key.pool.0 && group.name == key.name;
                expect(problems, is_own, "it is another group's record");
                expect(problems, Uuid::from_slice(&group.id).is_ok(), "its id is none");
                let is_there = !matches!(self.pool(&key.pool).await?, PoolState::Gone);
                expect(problems, is_there, "its pool is gone");
            }
            Known::MembershipKey(key, membership) => self.membership(key, membership, problems).await?,
            Known::UserKey(key, user) => self.user(&key.owner, user, problems).await?,
            // What unknown callers have sent may seem to have gone to somebody whom there is not.
            Known::CodeKey(key, _) if may_be_nobodys(key.purpose) => {}
            Known::CodeKey(key, _) => self.need_user(&key.owner, problems).await?,
            Known::FamilyKey(key, family) => {
                expect(problems, is_whole(family), "the hashes of its refresh tokens are none");
                let device = family.device.as_ref();
                let is_device = device.is_none_or(|device| Uuid::from_slice(&device.id).is_ok());
                expect(problems, is_device, "the id of its device is none");
                self.need_user(&key.owner, problems).await?;
            }
            Known::SrpVerifierKey(key, verifier) => {
                self.need_user(&key.owner, problems).await?;
                self.srp_verifier(key, verifier, problems).await?;
            }
            Known::SoftwareTokenKey(key, token) => {
                self.need_user(&key.owner, problems).await?;
                for sealed in token.sealed_secret.iter().chain(&token.sealed_new_secret) {
                    self.sealed(&key.encoded(), sealed, problems);
                }
            }
            Known::PasskeyKey(key, passkey) => {
                self.need_user(&key.owner, problems).await?;
                expect(problems, PublicKey::read(&passkey.public_key).is_ok(), "its public key is none");
                let (pool, credential) = (key.owner.pool.clone(), key.credential.clone());
                let owner = self.store.read(&PasskeyOwnerKey { pool, credential }).await?;
                let is_owned = owner.is_some_and(|owner| owner.sub == key.owner.sub.to_string());
                // The owner of one that a deleted user has left goes before it.
                if !is_owned && self.store.get(&UserKey { owner: key.owner.clone() }.encoded()).await?.is_some() {
                    problems.push("it is missing among the passkeys of its pool, or another user's there".to_owned());
                }
            }
            Known::PasskeyOwnerKey(key, owner) => {
                self.name(&key.pool, &owner.sub, problems).await?;
                if let Some(sub) = Sub::parse(&owner.sub) {
                    let owner = Owner { pool: key.pool.clone(), sub };
                    let passkey = PasskeyKey { owner, credential: key.credential.clone() };
                    if !matches!(self.pool(&key.pool).await?, PoolState::BeingRemoved) {
                        self.need(problems, &passkey, "the passkey is gone").await?;
                    }
                }
            }
            Known::DeviceKey(key, device) => {
                self.need_user(&key.owner, problems).await?;
                self.sealed_verifier(&key.encoded(), &device.sealed_verifier, problems);
            }
            Known::UsernameKey(key, owner) => self.name(&key.pool, &owner.sub, problems).await?,
            Known::AliasKey(key, owner) => self.name(&key.pool, &owner.sub, problems).await?,
            Known::UserRemovalKey(key, _) => {
                let user = self.store.get(&UserKey { owner: key.owner.clone() }.encoded()).await?;
                expect(problems, user.is_none(), "the user is still there, and would lose what is theirs");
            }
            Known::OutboxKey(key, entry) => {
                self.message(key.message, key.at, &entry.sealed_message, problems);
            }
            Known::RetryKey(key, entry) => {
                self.message(key.message, key.at, &entry.sealed_message, problems);
            }
            Known::DeadLetterKey(key, letter) => {
                self.message(key.message, letter.created_at, &letter.sealed_message, problems);
            }
            Known::ExpiryKey(key, _) => {
                expect(problems, Kind::of(&key.target).is_some(), "what is to end is of no known kind");
            }
            Known::AuditKey(_, entry) => {
                let is_record = serde_json::from_slice::<serde_json::Value>(&entry.record).is_ok();
                expect(problems, is_record, "it is no JSON");
            }
            // These may be of somebody whom there is not, and end by themselves.
            Known::AttemptsKey(..)
            | Known::PasskeyRegistrationKey(..)
            | Known::SessionKey(..)
            | Known::ThrottleKey(..)
            | Known::WrongCodesKey(..) => {}
            // What it was an index of may be gone before it, and is looked for from the other side.
            Known::MemberKey(..) => {}
            Known::SrpVerifierRemovalKey(key, _) => {
                let keeps =
                    matches!(self.pool(&key.pool).await?, PoolState::There(pool) if pool.record.keeps_srp_verifiers);
                expect(problems, !keeps, "the pool keeps verifiers, and would lose them");
            }
            Known::PoolRemovalKey(..) | Known::GroupRemovalKey(..) | Known::SignatureKey(..) => {}
        }
        Ok(())
    }

    /// A secret that is sealed for the place where it stands.
    fn sealed(&self, place: &[u8], sealed: &[u8], problems: &mut Problems) {
        let opened = self.sealer.open(place, sealed);
        opened.err().into_iter().for_each(|cause| problems.push(format!("its secret: {cause}")));
    }

    /// What proves a password, in a pool that keeps such or that waits to be swept of them.
    async fn srp_verifier(
        &mut self,
        key: &SrpVerifierKey,
        verifier: &SrpVerifier,
        problems: &mut Problems,
    ) -> Result<(), Failure> {
        self.sealed_verifier(&key.encoded(), &verifier.sealed, problems);
        let pool = key.owner.pool.clone();
        if matches!(self.pool(&pool).await?, PoolState::There(pool) if !pool.record.keeps_srp_verifiers) {
            self.need(problems, &SrpVerifierRemovalKey { pool }, "its pool keeps none").await?;
        }
        Ok(())
    }

    /// What proves a secret by SRP, sealed for the place where it stands.
    fn sealed_verifier(&self, place: &[u8], sealed: &[u8], problems: &mut Problems) {
        match self.sealer.open(place, sealed) {
            Ok(opened) => {
                let is_one = Verifier::read(opened.expose()).is_some();
                expect(problems, is_one, "what is sealed in it is no verifier");
            }
            Err(cause) => problems.push(format!("its secret: {cause}")),
        }
    }

    /// A message that waits or was given up: sealed for the place where it was first written.
    fn message(&self, message: Uuid, created_at: i64, sealed: &[u8], problems: &mut Problems) {
        let birthplace = OutboxKey { at: created_at, message };
        match self.sealer.open(&birthplace.encoded(), sealed) {
            Ok(message) => {
                let is_message = OutboxMessage::decode(message.expose().as_slice()).is_ok();
                expect(problems, is_message, "what is sealed in it is no message");
            }
            Err(cause) => problems.push(cause.to_string()),
        }
    }

    async fn user(&mut self, owner: &Owner, user: &User, problems: &mut Problems) -> Result<(), Failure> {
        let is_own = user.pool == owner.pool.0 && user.sub == owner.sub.to_string();
        expect(problems, is_own, "it is another user's record");
        let is_temporary = user.status() == UserStatus::ForceChangePassword;
        let ends_if_temporary = is_temporary == user.password_expires_at.is_some();
        expect(problems, ends_if_temporary, "a temporary password has an end, and no other one has");
        match self.pool(&owner.pool).await? {
            PoolState::There(pool) => {
                let name = pool.username_rules().fold(&user.username);
                let named = self.store.read(&UsernameKey { pool: owner.pool.clone(), name }).await?;
                let is_named = named.is_some_and(|named| named.sub == user.sub);
                expect(problems, is_named, "the username is gone, or another user's");
            }
            PoolState::BeingRemoved => {}
            PoolState::Gone => problems.push("its pool is gone".to_owned()),
        }
        if user.mfa.is_some_and(|mfa| mfa.software_token) {
            let token = self.store.read(&SoftwareTokenKey { owner: owner.clone() }).await?;
            let is_verified = token.is_some_and(|token| token.sealed_secret.is_some());
            expect(problems, is_verified, "its software token is turned on, and there is none");
        }
        if user.memberships > 0 {
            let prefix = MembershipKey::prefix(owner);
            let memberships = self.store.list::<MembershipKey>(&prefix, None, usize::MAX).await?.len();
            let is_counted = usize::try_from(user.memberships) == Ok(memberships);
            expect(problems, is_counted, "its memberships are not as many as it says");
        }
        if user.passkeys > 0 {
            let passkeys = self.store.list::<PasskeyKey>(&PasskeyKey::prefix(owner), None, usize::MAX).await?.len();
            let is_counted = usize::try_from(user.passkeys) == Ok(passkeys);
            expect(problems, is_counted, "its passkeys are not as many as it says");
        }
        Ok(())
    }

    /// A membership, in a group that is there or that waits to be swept.
    async fn membership(
        &mut self,
        key: &MembershipKey,
        membership: &Membership,
        problems: &mut Problems,
    ) -> Result<(), Failure> {
        self.need_user(&key.owner, problems).await?;
        let pool = key.owner.pool.clone();
        let Ok(id) = Uuid::from_slice(&membership.group) else {
            problems.push("its group is none".to_owned());
            return Ok(());
        };
        if matches!(self.pool(&pool).await?, PoolState::BeingRemoved) {
            return Ok(());
        }
        let group = GroupId(id);
        let listed = MemberKey { pool: pool.clone(), group, sub: key.owner.sub };
        self.need(problems, &listed, "it is missing in the list of its group").await?;
        let named = self.store.read(&GroupKey { pool: pool.clone(), name: key.group.clone() }).await?;
        if named.is_none_or(|named| named.id != membership.group) {
            self.need(problems, &GroupRemovalKey { pool, group }, "its group is gone").await?;
        }
        Ok(())
    }

    /// A name that is somebody's.
    async fn name(&mut self, pool: &PoolId, sub: &str, problems: &mut Problems) -> Result<(), Failure> {
        match Sub::parse(sub) {
            Some(sub) => self.need_user(&Owner { pool: pool.clone(), sub }, problems).await,
            None => {
                problems.push("whose it is is no sub".to_owned());
                Ok(())
            }
        }
    }

    async fn need_user(&mut self, owner: &Owner, problems: &mut Problems) -> Result<(), Failure> {
        match self.pool(&owner.pool).await? {
            // Users go first.
            PoolState::BeingRemoved => {}
            // A user who cannot be read is named by what refers to them.
            _ => match self.store.get(&UserKey { owner: owner.clone() }.encoded()).await {
                Ok(Some(_)) => {}
                // What a deleted user has left is swept later.
                Ok(None) => {
                    let removal = UserRemovalKey { owner: owner.clone() };
                    self.need(problems, &removal, &format!("its user {} is gone", owner.sub)).await?;
                }
                Err(cause) => problems.push(format!("its user {} cannot be read: {cause}", owner.sub)),
            },
        }
        Ok(())
    }

    async fn need<K: Key>(&self, problems: &mut Problems, key: &K, otherwise: &str) -> Result<(), Failure> {
        expect(problems, self.store.get(&key.encoded()).await?.is_some(), otherwise);
        Ok(())
    }

    async fn pool(&mut self, id: &PoolId) -> Result<PoolState, Failure> {
        if let Some((_, state)) = self.pool.as_ref().filter(|(known, _)| known == id) {
            return Ok(state.clone());
        }
        let state = match self.store.read(&PoolKey { pool: id.clone() }).await? {
            Some(record) => PoolState::There(std::sync::Arc::new(Pool { id: id.clone(), record: record.into() })),
            None if self.store.get(&PoolRemovalKey { pool: id.clone() }.encoded()).await?.is_some() => {
                PoolState::BeingRemoved
            }
            None => PoolState::Gone,
        };
        self.pool = Some((id.clone(), state.clone()));
        Ok(state)
    }
}

/// Whether a code for this purpose may be of somebody whom there is not.
fn may_be_nobodys(purpose: u8) -> bool {
    [CodePurpose::SignUp, CodePurpose::ForgotPassword].iter().any(|each| *each as u8 == purpose)
}

/// Notes what does not hold.
fn expect(problems: &mut Problems, holds: bool, otherwise: &str) {
    if !holds {
        problems.push(otherwise.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn leaps_lead_on_and_never_back(from in proptest::collection::vec(prop_oneof![any::<u8>(), Just(u8::MAX)], 0..6)) {
            let mut last = from.clone();
            for leap in leaps(&from) {
                prop_assert!(leap > last, "{:?} after {:?}", leap, last);
                last = leap;
            }
            prop_assert!(last.first() == Some(&u8::MAX) || from.is_empty());
        }
    }
}
