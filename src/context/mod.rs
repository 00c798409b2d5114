//! What an operation can reach: [`Services`], what the process has, and [`Cx`], what one request sees of it.
//!
//! The files beside this one are the verbs that operations share: find a pool, a client, a user; count an attempt; open and
//! take a session; issue tokens.

pub mod aliases;
pub mod attempts;
pub mod attributes;
pub mod clients;
pub mod devices;
pub mod groups;
pub mod messages;
pub mod mfa;
pub mod mfa_preferences;
pub mod migration;
pub mod names;
pub mod nobody;
pub mod passkeys;
pub mod passwords;
pub mod pools;
pub mod rates;
pub mod recovery;
pub mod rotation;
pub mod sending;
pub mod sessions;
pub mod software_tokens;
pub mod srp_verifiers;
pub mod throttles;
pub mod tokens;
pub mod triggers;
mod turns;
pub mod users;
pub mod verification;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::codes::CodeHasher;
use crate::crypto::keys::{KeyEncryptionKey, Purpose};
use crate::crypto::opaque::OpaqueTokens;
use crate::crypto::passwords::{PasswordHasher, Settings as PasswordSettings};
use crate::crypto::places::Place;
use crate::crypto::sealing::Sealer;
use crate::crypto::secret::Secret;
use crate::crypto::signing::SigningKeys;
use crate::crypto::workers::{Pool, Workers};
use crate::domain::ids::Sub;
use crate::domain::source::Source;
use crate::error::Error;
use crate::rng::Rng;
use crate::store::{Batch, Kept, Owner, Store, Stored, records};
use crate::triggers::Triggers;

/// Pools, clients and signing keys that are kept ready to use, of each kind.
const RECORDS_KEPT_MAX: usize = 4096;

/// Signatures, or keys to be made, that may wait; one more is refused. On two cores some fifth of a second's work.
const SIGNING_QUEUE_MAX: usize = 1024;

/// What the process has.
pub struct Services {
    pub store: Arc<dyn Store>,
    pub clock: Clock,
    pub rng: Rng,
    pub sealer: Sealer,
    pub passwords: PasswordHasher,
    /// Where RSA keys are made and sign.
    pub signers: Workers<()>,
    pub codes: CodeHasher,
    pub opaque_tokens: OpaqueTokens,
    pub region: String,
    pub account: String,
    /// The base of every pool's issuer.
    pub public_url: String,
    /// Whether there is a way out for text messages.
    pub takes_text_messages: bool,
    /// Told when a message was put in the outbox.
    pub outbox_filled: Notify,
    /// Told when a pool, a group or a user was removed and waits to be swept.
    pub removal_begun: Notify,
    /// The functions that pools' triggers name.
    pub triggers: Triggers,
    simulation: Secret<[u8; 32]>,
    pools: Kept<Stored<records::Pool>>,
    clients: Kept<Stored<records::Client>>,
    signing_keys: Kept<SigningKeys>,
    verified_tokens: tokens::VerifiedTokens,
    /// How often those who bring no credential may call.
    pub rate_limits: rates::RateLimits,
    sending: sending::SendingLimits,
    turns: turns::Turns,
}

impl Services {
    /// Puts the parts together. Fails when the hashing settings are beyond argon2's bounds.
    pub fn new(
        config: &Config,
        public_url: String,
        key: &KeyEncryptionKey,
        store: Arc<dyn Store>,
        triggers: Triggers,
        clock: Clock,
        rng: Rng,
    ) -> Result<Self, String> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let settings = PasswordSettings {
            memory_kib: config.password_hash_memory_kib,
            iterations: config.password_hash_iterations,
            threads: if config.password_hash_threads == 0 { cores } else { config.password_hash_threads },
            queue_max: config.password_hash_queue_max,
            wait_max: std::time::Duration::from_secs(config.password_hash_wait_seconds),
        };
        // At least two: one can make keys while another signs.
        let signing = Pool { name: "signer", threads: cores.max(2), queue_max: SIGNING_QUEUE_MAX, niceness: 0 };
        Ok(Services {
            signers: Workers::start(signing).map_err(|cause| cause.to_string())?,
            passwords: PasswordHasher::start(settings, key.derive(Purpose::Pepper), &rng)?,
            sealer: Sealer::new(&key.derive(Purpose::Sealing)),
            codes: CodeHasher::new(key.derive(Purpose::Codes)),
            opaque_tokens: OpaqueTokens::new(&key.derive(Purpose::OpaqueTokens)),
            simulation: key.derive(Purpose::Simulation),
            region: config.region.clone(),
            account: config.account.clone(),
            public_url,
            store,
            triggers,
            clock,
            rng,
            takes_text_messages: config.takes_text_messages(),
            outbox_filled: Notify::new(),
            removal_begun: Notify::new(),
            pools: Kept::new(RECORDS_KEPT_MAX),
            clients: Kept::new(RECORDS_KEPT_MAX),
            signing_keys: Kept::new(RECORDS_KEPT_MAX),
            verified_tokens: tokens::VerifiedTokens::default(),
            sending: sending::SendingLimits::new(config.messages_per_user_hour_max, config.messages_per_pool_hour_max),
            rate_limits: rates::RateLimits::new(config),
            turns: turns::Turns::default(),
        })
    }
}

/// What one request sees.
pub struct Cx<'a> {
    services: &'a Services,
    source: Source,
    witness: Option<&'a dyn Witness>,
    metadata: Metadata<'a>,
    /// Whoever is made a user by this request, however often the operation runs.
    newcomer: OnceLock<Sub>,
    answered: triggers::Answered,
}

/// What a client sends along for triggers, its ClientMetadata: to which of them it goes (reference 8.2).
#[derive(Clone, Copy, Default)]
pub enum Metadata<'a> {
    #[default]
    None,
    /// To all that the operation calls, as `clientMetadata`.
    ForTriggers(&'a HashMap<String, String>),
    /// Of a sign-in's beginning: to those alone that stand before it, as `validationData`.
    ForTheBeginning(&'a HashMap<String, String>),
}

/// Who is told what a request is about, and lets more ride on its commit.
pub trait Witness: Send + Sync {
    fn saw_pool(&self, pool: &str);
    fn saw_user(&self, sub: &str);
    /// A batch that is about to be committed: what is put in it lasts exactly if the change does.
    fn committing(&self, batch: &mut Batch);
    /// The batch has been committed.
    fn committed(&self);
}

impl Deref for Cx<'_> {
    type Target = Services;

    fn deref(&self) -> &Services {
        self.services
    }
}

impl<'a> Cx<'a> {
    /// What the process itself sees.
    pub fn new(services: &'a Services) -> Self {
        Self::of_request(services, Source::Process, None, Metadata::None)
    }

    /// What a request sees that came from somewhere, may be watched, and brings something for triggers.
    pub fn of_request(
        services: &'a Services,
        source: Source,
        witness: Option<&'a dyn Witness>,
        metadata: Metadata<'a>,
    ) -> Self {
        let (newcomer, answered) = (OnceLock::new(), triggers::Answered::default());
        Cx { services, source, witness, metadata, newcomer, answered }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Waits for leave to hash: for an attempt to prove oneself as `owner`, or for a new password.
    pub async fn hashing_place(&self, owner: Option<&Owner>) -> Result<Place, Error> {
        self.passwords.place(self.source, owner.cloned()).await
    }

    /// Waits until no other request confirms this user or rotates a refresh token of theirs; the turn ends when the value is
    /// dropped.
    pub async fn turn(&self, owner: &Owner) -> turns::Turn {
        self.turns.take(owner).await
    }

    /// Makes everything that the operation wants to change durable, or changes nothing.
    pub async fn commit(&self, mut batch: Batch) -> Result<(), Error> {
        self.tell(|witness| witness.committing(&mut batch));
        self.store.commit(batch).await?;
        self.tell(|witness| witness.committed());
        Ok(())
    }

    fn tell(&self, what: impl FnOnce(&dyn Witness)) {
        if let Some(witness) = self.witness {
            what(witness);
        }
    }
}
