//! Users by the hundred thousand, put straight into the store of a stopped server: signing up, each would cost a hash.

use cognate::config::Config;
use cognate::crypto::keys::{KeyEncryptionKey, Purpose};
use cognate::crypto::passwords::{PasswordHasher, Settings};
use cognate::crypto::secret::Secret;
use cognate::domain::ids::{PoolId, Sub};
use cognate::domain::source::Source;
use cognate::rng::Rng;
use cognate::server;
use cognate::store::records::{NameOwner, User, UserStatus};
use cognate::store::{Batch, Owner, Store as _, UserKey, UsernameKey};

/// Users in one batch.
const USERS_PER_BATCH: u64 = 1_000;

/// The name of a seeded user.
pub fn name(number: u64) -> String {
    format!("seeded-{number:07}")
}

/// The `sub` of a seeded user.
pub fn sub(number: u64) -> Sub {
    // A multiplication that is one-to-one scatters them as random ones are.
    let scattered = u128::from(number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
    Sub(uuid::Builder::from_random_bytes(scattered.to_be_bytes()).into_uuid())
}

/// Everybody's password.
pub const PASSWORD: &str = "Passw0rd!";

/// Puts a user in a pool that has no aliases.
pub fn put(batch: &mut Batch, pool: &PoolId, number: u64, status: UserStatus, password_hash: &str) {
    let (name, owner) = (name(number), Owner { pool: pool.clone(), sub: sub(number) });
    let sub = owner.sub.to_string();
    let attributes = [("email", format!("{name}@example.com")), ("email_verified", "true".to_owned())];
    let user = User {
        sub: sub.clone(),
        pool: pool.0.clone(),
        username: name.clone(),
        attributes: attributes.map(|(name, value)| (name.to_owned(), value)).into(),
        status: status.into(),
        enabled: true,
        created_at: 1_767_762_369_000,
        modified_at: 1_767_762_369_000,
        password_hash: password_hash.to_owned(),
        generation: 0,
        memberships: 0,
        passkeys: 0,
        password_expires_at: None,
        password_version: 0,
        mfa: None,
    };
    batch.put(&UsernameKey { pool: pool.clone(), name }, &NameOwner { sub });
    batch.put(&UserKey { owner }, &user);
}

/// Makes these users in a pool that has no aliases, all in the same status.
pub async fn users(config: &Config, pool: &str, numbers: std::ops::Range<u64>, status: UserStatus) {
    let key = KeyEncryptionKey::read(&config.key_encryption_key_file()).unwrap();
    let settings = Settings {
        memory_kib: config.password_hash_memory_kib,
        iterations: config.password_hash_iterations,
        threads: 1,
        queue_max: 1,
        wait_max: std::time::Duration::from_secs(60),
    };
    let (rng, pool) = (Rng::seeded(20_260_110), PoolId(pool.to_owned()));
    let hasher = PasswordHasher::start(settings, key.derive(Purpose::Pepper), &rng).unwrap();
    // One hash for all: what it costs to make is not what is looked at.
    let place = hasher.place(Source::Process, None).await.unwrap();
    let password_hash = hasher.hash(&place, &Secret::new(PASSWORD.to_owned()), &rng).await.unwrap();
    let store = server::open_store(config).unwrap();
    let mut numbers = numbers.peekable();
    while numbers.peek().is_some() {
        let mut batch = Batch::default();
        for number in numbers.by_ref().take(USERS_PER_BATCH as usize) {
            put(&mut batch, &pool, number, status, &password_hash);
        }
        store.commit(batch).await.unwrap();
    }
    store.close().unwrap();
}
