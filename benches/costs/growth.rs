//! What more users cost: start, memory, disk, and the calls that should not notice.

use std::path::Path;

use cognate::clock::from_milliseconds;
use cognate::crypto::keys::{KeyEncryptionKey, Purpose};
use cognate::crypto::passwords::{PasswordHasher, Settings};
use cognate::crypto::secret::Secret;
use cognate::domain::ids::{PoolId, Sub};
use cognate::domain::source::Source;
use cognate::rng::Rng;
use cognate::store::records::{NameOwner, User, UserStatus};
use cognate::store::{AliasKey, Batch, Owner, SledStore, Store, UserKey, UsernameKey};

use super::calls::{Facts, PASSWORD, Wire, Work, alone};
use super::load::{Order, measure};
use super::now;
use super::process::Server;
use super::report::{microseconds, milliseconds};

const SIZES: [usize; 4] = [0, 1_000, 100_000, 1_000_000];

/// Users who are active: their tokens are used, one after the other.
const ACTIVE: usize = 100;

const CALLS: usize = 40_000;

pub fn section() -> String {
    let most = std::env::var("COGNATE_BENCH_USERS").map_or(usize::MAX, |most| most.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Server::start(&data).stop();
    let mut page = "## Growth\n\n| users | start | after kill -9 | idle memory | disk per user | GetUser | AdminGetUser, any user |\n|---|---|---|---|---|---|---|\n".to_owned();
    let mut known = 0;
    for users in SIZES.into_iter().filter(|users| *users <= most) {
        seed(&data, known..users);
        known = users;
        let began = now();
        let server = Server::start(&data);
        let start = began.elapsed();
        let idle_kib = server.memory_kib();
        let disk = disk_bytes(&data.join("store"))
            .checked_div(users as u64)
            .map_or("-".to_owned(), |each| format!("{each} B"));
        let (mut read, mut guarded) = ("-".to_owned(), "-".to_owned());
        if users > 0 {
            let facts = Facts::of(&server.quickstart, users).signed_in(ACTIVE);
            let cost = |work| {
                let facts = facts.clone();
                let order = Order { work, wire: Wire::Grpc, workers: 64, calls: CALLS, per_second: None, facts };
                microseconds(measure(&server, &order).server_cpu)
            };
            (read, guarded) = (cost(Work::GetUser), cost(Work::AdminGetUser));
        }
        drop(server);
        let began = now();
        let server = Server::start(&data);
        let after_kill = began.elapsed();
        server.stop();
        page += &format!(
            "| {users} | {} | {} | {:.1} MiB | {disk} | {read} | {guarded} |\n",
            milliseconds(start),
            milliseconds(after_kill),
            idle_kib as f64 / 1024.0,
        );
    }
    page + "\n"
}

/// Puts confirmed users `user<number>` into the pool of a first start, past the operations: by them it would take hours.
fn seed(data: &Path, numbers: std::ops::Range<usize>) {
    const USERS_PER_BATCH: usize = 500;
    let quickstart = std::fs::read_to_string(data.join("quickstart.json")).unwrap();
    let quickstart: serde_json::Value = serde_json::from_str(&quickstart).unwrap();
    let pool = PoolId(quickstart["user_pool_id"].as_str().unwrap().to_owned());
    let password_hash = password_hash(data);
    let store: Box<dyn Store> = Box::new(SledStore::open(&data.join("store"), 1024 * 1024 * 1024).unwrap());
    let rng = Rng::system();
    alone(async {
        let numbers: Vec<usize> = numbers.collect();
        for page in numbers.chunks(USERS_PER_BATCH) {
            let mut batch = Batch::default();
            for number in page {
                put_user(&mut batch, &pool, *number, Sub(rng.uuid()), &password_hash);
            }
            store.commit(batch).await.unwrap();
        }
    });
}

fn put_user(batch: &mut Batch, pool: &PoolId, number: usize, sub: Sub, password_hash: &str) {
    let (name, email) = (format!("user{number}"), format!("user{number}@example.com"));
    let attributes = [("email", email.as_str()), ("email_verified", "true")];
    let at = from_milliseconds(1_767_225_600_000).as_millisecond();
    let user = User {
        sub: sub.to_string(),
        pool: pool.0.clone(),
        username: name.clone(),
        attributes: attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        status: UserStatus::Confirmed.into(),
        enabled: true,
        created_at: at,
        modified_at: at,
        password_hash: password_hash.to_owned(),
        generation: 0,
    };
    let owner = NameOwner { sub: user.sub.clone() };
    batch.put(&UserKey { owner: Owner { pool: pool.clone(), sub } }, &user);
    batch.put(&UsernameKey { pool: pool.clone(), name }, &owner);
    batch.put(&AliasKey { pool: pool.clone(), attribute: "email".to_owned(), value: email }, &owner);
}

/// The hash of everybody's password, under this installation's pepper.
fn password_hash(data: &Path) -> String {
    let key = KeyEncryptionKey::read(&data.join("key-encryption-key")).unwrap();
    let wait_max = std::time::Duration::from_secs(60);
    let settings = Settings { memory_kib: 19 * 1024, iterations: 2, threads: 1, queue_max: 1, wait_max };
    let rng = Rng::system();
    let hasher = PasswordHasher::start(settings, key.derive(Purpose::Pepper), &rng).unwrap();
    alone(async {
        let place = hasher.place(Source::Process, None).await?;
        hasher.hash(&place, &Secret::new(PASSWORD.to_owned()), &rng).await
    })
    .unwrap()
}

fn disk_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.metadata().unwrap() {
            found if found.is_dir() => disk_bytes(&entry.path()),
            found => std::os::unix::fs::MetadataExt::blocks(&found) * 512,
        })
        .sum()
}
