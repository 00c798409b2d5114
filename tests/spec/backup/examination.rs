//! `cognate fsck`: what is damaged or does not belong together is named; what is whole is not.

use cognate::config::Config;
use cognate::crypto::keys::{KeyEncryptionKey, Purpose};
use cognate::crypto::sealing::Sealer;
use cognate::domain::ids::{ClientId, DeviceId, PoolId, Sub};
use cognate::fsck::{self, Report};
use cognate::rng::Rng;
use cognate::server;
use cognate::store::records::{
    Client, Code, DeadLetter, Device, FamilyDevice, MfaPreference, NameOwner, Passkey, Pool, ServingToken, Session,
    SoftwareToken, SrpVerifier, SrpVerifierRemoval, TokenFamily, User, UserRemoval, UserStatus,
};
use cognate::store::{
    AliasKey, Batch, ClientKey, ClientOfPoolKey, CodeKey, DeadLetterKey, DeviceKey, Entry, FamilyKey, GroupKey,
    Key as _, MemberKey, MembershipKey, OutboxKey, Owner, PasskeyKey, PasskeyOwnerKey, PoolKey, RetryKey, SessionKey,
    SigningKeysKey, SledLoader, SoftwareTokenKey, SrpVerifierKey, SrpVerifierRemovalKey, Store, UserKey,
    UserRemovalKey, UsernameKey,
};
use uuid::Uuid;

use crate::groups;
use crate::passkeys;
use crate::support::devices::Tracking;
use crate::support::fixtures::{PASSWORD, TestClient, hide_users, with_secret};
use crate::support::{Wire, World};

/// A data directory whose server is stopped, with a user who has everything that a user can have.
struct Stopped {
    config: Config,
    folder: tempfile::TempDir,
    client: TestClient,
    owner: Owner,
}

impl Stopped {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let start = crate::support::START.parse().unwrap();
        let world = World::at(Wire::Grpc, start, |config| config.data = data).await;
        let pool = passkeys::client_with_passkeys(&world).await.pool;
        world.track_devices(&pool, Tracking::default()).await;
        let client = world.client(&pool, with_secret).await;
        let (user_pool_id, client_id) = (Some(pool.clone()), Some(client.id.clone()));
        let second = cognate::api::AddUserPoolClientSecretRequest { user_pool_id, client_id, client_secret: None };
        world.call(second).await.unwrap();
        let sub = world.confirmed_user(&client, "alice").await;
        world.device_of(&client, "alice").await;
        let token = world.sign_in(&client, "alice").await.access_token.unwrap();
        passkeys::registered(&world, &token).await;
        passkeys::registered(&world, &token).await;
        passkeys::start(&world, &token).await.unwrap();
        world.sign_up(&client, "bob").await;
        // What is counted for names that nobody has belongs to nobody.
        let hiding = world.client(&client.pool, hide_users).await;
        world.forgot(&hiding, "nobody").await.unwrap();
        world.confirm_forgot(&hiding, "nobody", "000000", PASSWORD).await.unwrap_err();
        groups::create(&world, &client.pool, "staff").await;
        groups::add(&world, &client.pool, "alice", "staff").await.unwrap();
        let doomed = world.pool(|_| {}).await;
        let request = cognate::api::DeleteUserPoolRequest { user_pool_id: Some(doomed) };
        world.call(request).await.unwrap();
        let config = world.config.clone();
        let owner = Owner { pool: PoolId(pool), sub: Sub::parse(&sub).unwrap() };
        world.stopped().await;
        closed(&config);
        Stopped { config, folder, client, owner }
    }

    /// Changes the store behind its back.
    async fn changed(&self, change: impl AsyncFnOnce(&dyn Store, &mut Batch)) -> &Self {
        let store = server::open_store(&self.config).unwrap();
        let mut batch = Batch::default();
        change(&store, &mut batch).await;
        store.commit(batch).await.unwrap();
        store.close().unwrap();
        self
    }

    async fn findings(&self) -> Vec<String> {
        self.examined().await.0
    }

    async fn examined(&self) -> (Vec<String>, Report) {
        self.examined_under(&self.key()).await
    }

    fn key(&self) -> KeyEncryptionKey {
        KeyEncryptionKey::read(&self.config.key_encryption_key_file()).unwrap()
    }

    async fn examined_under(&self, key: &KeyEncryptionKey) -> (Vec<String>, Report) {
        let mut findings = Vec::new();
        let report = fsck::examine(&self.config, key, None, |finding| findings.push(finding.to_string())).await;
        assert_eq!(report.findings, findings.len() as u64);
        for finding in &findings {
            assert!(!finding.contains("alice") && !finding.contains("bob"), "a name: {finding}");
        }
        (findings, report)
    }

    fn user(&self) -> String {
        format!("pool {}, sub {}", self.owner.pool, self.owner.sub)
    }
}

/// Waits until the server has closed its store for good.
fn closed(config: &Config) {
    std::fs::File::open(config.store_directory().join("db")).unwrap().lock().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_directory_that_was_used_nothing_is_found() {
    let stopped = Stopped::new().await;
    let (findings, report) = stopped.examined().await;
    assert_eq!(findings, Vec::<String>::new());
    assert_eq!(report.users, 2);
    assert!(report.to_string().ends_with("records, 2 of them users: everything is whole"), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_whose_name_is_gone_and_a_name_whose_user_is_gone_are_named() {
    let stopped = Stopped::new().await;
    let (pool, user) = (stopped.owner.pool.clone(), stopped.user());
    let nobody = Owner { pool: pool.clone(), sub: Sub(Uuid::from_u128(7)) };
    let delete_name = async |_: &dyn Store, batch: &mut Batch| {
        batch.delete(&UsernameKey { pool: pool.clone(), name: "alice".into() });
        let alias = AliasKey { pool: pool.clone(), attribute: "email".into(), value: "bob@example.com".into() };
        batch.put(&alias, &NameOwner { sub: nobody.sub.to_string() });
        batch.put(&CodeKey { owner: nobody.clone(), purpose: 3 }, &Code { expires_at: 1, ..Code::default() });
        let family = FamilyKey { owner: nobody.clone(), event: Uuid::from_u128(1) };
        batch.put(&family, &TokenFamily { expires_at: 1, refresh_token_hash: vec![0; 32], ..TokenFamily::default() });
        // Of somebody whom there is not; it ends by itself.
        let session = SessionKey { owner: nobody.clone(), session: Uuid::from_u128(1) };
        batch.put(&session, &Session { expires_at: 1, ..Session::default() });
    };
    let mut findings = stopped.changed(delete_name).await.findings().await;
    findings.sort();
    let gone = format!("its user {} is gone", nobody.sub);
    let expected = [
        format!("alias (pool {pool}): {gone}"),
        format!("code (pool {pool}, sub {}): {gone}", nobody.sub),
        format!("token family (pool {pool}, sub {}, id {}): {gone}", nobody.sub, Uuid::from_u128(1)),
        format!("user ({user}): the username is gone, or another user's"),
    ];
    assert_eq!(findings, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_whose_refresh_tokens_are_none_is_named() {
    let stopped = Stopped::new().await;
    let hash = || vec![7; 32];
    let serving = |count: usize| vec![ServingToken { hash: hash(), serves_until: None }; count];
    let families = [
        TokenFamily { refresh_token_hash: hash(), ..TokenFamily::default() },
        TokenFamily { serving: serving(64), ..TokenFamily::default() },
        // None at all, no hash, no hash, too many.
        TokenFamily::default(),
        TokenFamily { refresh_token_hash: vec![7; 31], ..TokenFamily::default() },
        TokenFamily { serving: vec![ServingToken::default()], ..TokenFamily::default() },
        TokenFamily { refresh_token_hash: hash(), serving: serving(64), ..TokenFamily::default() },
    ];
    let key = |number: u128| FamilyKey { owner: stopped.owner.clone(), event: Uuid::from_u128(number) };
    let put = async |_: &dyn Store, batch: &mut Batch| {
        for (number, family) in (0..).zip(&families) {
            batch.put(&key(number), &TokenFamily { expires_at: 1, ..family.clone() });
        }
    };
    let findings = stopped.changed(put).await.findings().await;
    let family = |number: u128| format!("token family ({}, id {})", stopped.user(), Uuid::from_u128(number));
    let expected: Vec<_> =
        (2..6).map(|number| format!("{}: the hashes of its refresh tokens are none", family(number))).collect();
    assert_eq!(findings, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_deleted_user_has_left_is_in_order_but_not_a_removal_of_a_user_who_is_there() {
    let stopped = Stopped::new().await;
    let deleted = Owner { pool: stopped.owner.pool.clone(), sub: Sub(Uuid::from_u128(7)) };
    let left = async |_: &dyn Store, batch: &mut Batch| {
        batch.put(&UserRemovalKey { owner: deleted.clone() }, &UserRemoval { requested_at: 1 });
        batch.put(&CodeKey { owner: deleted.clone(), purpose: 1 }, &Code { expires_at: 1, ..Code::default() });
        let family = FamilyKey { owner: deleted.clone(), event: Uuid::from_u128(1) };
        batch.put(&family, &TokenFamily { expires_at: 1, refresh_token_hash: vec![0; 32], ..TokenFamily::default() });
    };
    assert_eq!(stopped.changed(left).await.findings().await, Vec::<String>::new());
    let doomed = async |_: &dyn Store, batch: &mut Batch| {
        batch.put(&UserRemovalKey { owner: stopped.owner.clone() }, &UserRemoval { requested_at: 1 });
    };
    let expected =
        format!("removal of a user ({}): the user is still there, and would lose what is theirs", stopped.user());
    assert_eq!(stopped.changed(doomed).await.findings().await, [expected]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_pools_and_keys_that_lack_each_other_are_named() {
    let stopped = Stopped::new().await;
    let (pool, client) = (stopped.owner.pool.clone(), ClientId(stopped.client.id.clone()));
    let keys = async |_: &dyn Store, batch: &mut Batch| batch.delete(&SigningKeysKey { pool: pool.clone() });
    let found = stopped.changed(keys).await.findings().await;
    assert_eq!(found, [format!("pool (pool {pool}): its signing keys are gone")]);

    let listed = ClientOfPoolKey { pool: pool.clone(), client: client.clone() };
    let unlisted = async |_: &dyn Store, batch: &mut Batch| batch.delete(&listed);
    let found = stopped.changed(unlisted).await.findings().await;
    let client = format!("client (client {client})", client = stopped.client.id);
    assert_eq!(found[1], format!("{client}: it is missing in the list of its pool"));

    let no_pool = async |_: &dyn Store, batch: &mut Batch| batch.delete(&PoolKey { pool: pool.clone() });
    let found = stopped.changed(no_pool).await.findings().await;
    assert_eq!(found.iter().filter(|finding| finding.starts_with(&format!("{client}: its pool is gone"))).count(), 1);
    assert_eq!(
        found.iter().filter(|finding| finding.starts_with("user (") && finding.ends_with("its pool is gone")).count(),
        2
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sealed_must_open_where_it_stands() {
    let stopped = Stopped::new().await;
    let foreign = KeyEncryptionKey::generate(&Rng::seeded(99));
    let (found, _) = stopped.examined_under(&foreign).await;
    for place in ["signing keys (", "client (", "device (", "access directory: ", "audit trail: "] {
        assert!(found.iter().any(|finding| finding.starts_with(place)), "{place} in {found:?}");
    }
    let other = ClientKey { client: ClientId("other".into()) };
    let swap = async |store: &dyn Store, batch: &mut Batch| {
        let key = ClientKey { client: ClientId(stopped.client.id.clone()) };
        let client = store.read(&key).await.unwrap().unwrap().record;
        batch.put(&other, &Client { id: "other".into(), ..client });
        let listed = ClientOfPoolKey { pool: stopped.owner.pool.clone(), client: other.client.clone() };
        batch.put(&listed, &Default::default());
        batch.put(&OutboxKey { at: 1, message: Uuid::from_u128(1) }, &Default::default());
        batch.put(&RetryKey { at: 1, message: Uuid::from_u128(2) }, &Default::default());
        let forgotten_at = 1;
        let letter = DeadLetter { forgotten_at, ..Default::default() };
        batch.put(&DeadLetterKey { at: 1, message: Uuid::from_u128(3) }, &letter);
    };
    let found = stopped.changed(swap).await.findings().await;
    let cannot_open = "sealed data cannot be opened: the key-encryption key is another one, or the data was changed";
    let message = |kind: &str, id| format!("{kind} (id {}): {cannot_open}", Uuid::from_u128(id));
    let secret = format!("client (client other): its secret: {cannot_open}");
    let expected = [
        secret.clone(),
        secret,
        message("waiting message", 1),
        message("message to be tried again", 2),
        message("dead letter", 3),
    ];
    assert_eq!(found, expected, "both secrets of the client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn srp_verifiers_are_what_they_say_and_stand_where_the_pool_keeps_them() {
    let stopped = Stopped::new().await;
    let pool = stopped.owner.pool.clone();
    let key = SrpVerifierKey { owner: stopped.owner.clone() };
    let removal = SrpVerifierRemovalKey { pool: pool.clone() };
    let doomed = async |_: &dyn Store, batch: &mut Batch| batch.put(&removal, &SrpVerifierRemoval::default());
    let keeps =
        format!("removal of the SRP verifiers of a pool (pool {pool}): the pool keeps verifiers, and would lose them");
    assert_eq!(stopped.changed(doomed).await.findings().await, [keeps]);
    // What waits to be swept is in order.
    let set = async |store: &dyn Store, batch: &mut Batch| {
        let pool = store.read(&PoolKey { pool: pool.clone() }).await.unwrap().unwrap();
        batch.put(&PoolKey { pool: removal.pool.clone() }, &Pool { keeps_srp_verifiers: false, ..pool.record });
    };
    assert_eq!(stopped.changed(set).await.findings().await, Vec::<String>::new());
    let swept = async |store: &dyn Store, batch: &mut Batch| {
        batch.delete(&removal);
        for (name, _) in store.list::<UsernameKey>(&UsernameKey::prefix(&removal.pool, "bob"), None, 1).await.unwrap() {
            let owner = store.read(&name).await.unwrap().unwrap();
            let owner = Owner { pool: removal.pool.clone(), sub: Sub::parse(&owner.sub).unwrap() };
            batch.delete(&SrpVerifierKey { owner });
        }
        let sealer = Sealer::new(&stopped.key().derive(Purpose::Sealing));
        let sealed = sealer.seal(&key.encoded(), &[7; 399], &Rng::seeded(1));
        batch.put(&key, &SrpVerifier { sealed, password_version: 0 });
    };
    let verifier = format!("SRP verifier ({})", stopped.user());
    let expected =
        ["what is sealed in it is no verifier", "its pool keeps none"].map(|problem| format!("{verifier}: {problem}"));
    assert_eq!(stopped.changed(swept).await.findings().await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_somebodys_and_what_is_sealed_in_them_is_a_verifier() {
    let stopped = Stopped::new().await;
    let nobody = Owner { pool: stopped.owner.pool.clone(), sub: Sub(Uuid::from_u128(7)) };
    let key = |owner: &Owner, number| DeviceKey { owner: owner.clone(), device: DeviceId(Uuid::from_u128(number)) };
    let sealer = Sealer::new(&stopped.key().derive(Purpose::Sealing));
    let sealed = |key: &DeviceKey, bytes: &[u8]| Device {
        sealed_verifier: sealer.seal(&key.encoded(), bytes, &Rng::seeded(1)),
        ..Device::default()
    };
    let family = FamilyKey { owner: stopped.owner.clone(), event: Uuid::from_u128(1) };
    let odd = async |_: &dyn Store, batch: &mut Batch| {
        let (short, moved, foreign) = (key(&stopped.owner, 1), key(&stopped.owner, 2), key(&nobody, 3));
        batch.put(&short, &sealed(&short, &[7; 399]));
        batch.put(&moved, &sealed(&short, &[7; 400]));
        batch.put(&foreign, &sealed(&foreign, &[7; 400]));
        let device = Some(FamilyDevice { id: vec![7; 15], confirmed: true });
        let refresh_token_hash = vec![7; 32];
        batch.put(&family, &TokenFamily { expires_at: 1, refresh_token_hash, device, ..TokenFamily::default() });
    };
    let device = |owner: &Owner, number| {
        format!("device (pool {}, sub {}, device {})", owner.pool, owner.sub, Uuid::from_u128(number))
    };
    let mut found = stopped.changed(odd).await.findings().await;
    found.sort();
    let cannot_open = "sealed data cannot be opened: the key-encryption key is another one, or the data was changed";
    let mut expected = [
        format!("{}: its user {} is gone", device(&nobody, 3), nobody.sub),
        format!("{}: its secret: {cannot_open}", device(&stopped.owner, 2)),
        format!("{}: what is sealed in it is no verifier", device(&stopped.owner, 1)),
        format!("token family ({}, id {}): the id of its device is none", stopped.user(), Uuid::from_u128(1)),
    ];
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_records_that_nobody_can_read_are_named_and_the_rest_is_read_on() {
    let stopped = Stopped::new().await;
    let store = server::open_store(&stopped.config).unwrap();
    let mut snapshot = store.snapshot().await.unwrap();
    let sequence = snapshot.version();
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let page = snapshot.next().await.unwrap();
        if page.is_empty() {
            break;
        }
        entries.extend(page);
    }
    let (epoch, user) = (store.epoch(), UserKey { owner: stopped.owner.clone() }.encoded());
    drop(snapshot);
    store.close().unwrap();
    let (_, alice) = entries.iter().find(|(key, _)| *key == user).cloned().unwrap();
    let value = |bytes: &[u8]| cognate::store::Value { bytes: bytes.to_vec(), ..alice.clone() };
    entries.retain(|(key, _)| *key != user);
    entries.push((user, value(&[0xFF])));
    entries.push((vec![0x77, 1, 2], value(&[])));
    entries.push(([PoolKey { pool: stopped.owner.pool.clone() }.encoded(), vec![0]].concat(), value(&[])));
    let record = cognate::store::Value { deadline: Some(5), ..value(&[]) };
    entries.push((ClientOfPoolKey { pool: PoolId("x_y".into()), client: ClientId("c".into()) }.encoded(), record));
    let future = cognate::store::Value { version: sequence + 1, ..value(&[]) };
    entries.push((vec![0x50, 0x80, 0, 0, 0, 0, 0, 0, 1, 0x77], future));

    let directory = stopped.folder.path().join("other");
    std::fs::rename(stopped.config.store_directory(), directory).unwrap();
    let mut loader = SledLoader::begin(&stopped.config.store_directory(), 8 * 1024 * 1024).unwrap();
    loader.load(&entries).unwrap();
    loader.finish(sequence, epoch).unwrap();
    let (mut found, report) = stopped.examined().await;
    found.sort();
    let expected = [
        "3 bytes that are no key, the first of them 0x77: is of no known kind, or not whole".to_owned(),
        "23 bytes that are no key, the first of them 0x10: is of no known kind, or not whole".to_owned(),
        "client in the list of its pool (pool x_y, client c): its deadline is not that of its record".to_owned(),
        "client in the list of its pool (pool x_y, client c): its entry of what ends when is gone, so it would stay for ever"
            .to_owned(),
        "client in the list of its pool (pool x_y, client c): the client is gone, or another pool's".to_owned(),
        "entry of what ends when: is newer than the store".to_owned(),
        "entry of what ends when: what is to end is of no known kind".to_owned(),
        format!("user ({}): its record is not of its kind", stopped.user()),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(report.records, entries.len() as u64, "all the others were read");
    assert_eq!(report.to_string(), format!("8 findings in {} records, 2 of them users", entries.len()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_cannot_be_opened_is_a_finding_and_so_are_operators_and_the_trail() {
    let stopped = Stopped::new().await;
    let write = |path: std::path::PathBuf| std::fs::write(path, "damaged").unwrap();
    std::fs::rename(stopped.config.store_directory(), stopped.folder.path().join("other")).unwrap();
    write(stopped.config.store_directory());
    write(stopped.config.access_directory().join("principals.toml"));
    write(stopped.config.audit_directory().join("head"));
    let key = KeyEncryptionKey::read(&stopped.config.key_encryption_key_file()).unwrap();
    let mut found = Vec::new();
    fsck::examine(&stopped.config, &key, None, |finding| found.push(finding.to_string())).await;
    assert_eq!(found.len(), 3, "{found:?}");
    for (finding, place) in found.iter().zip(["store: ", "access directory: ", "audit trail: "]) {
        assert!(finding.starts_with(place) && finding.lines().count() == 1, "{finding}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_users_record_in_a_users_place_is_named() {
    let stopped = Stopped::new().await;
    let key = UserKey { owner: stopped.owner.clone() };
    let other = async |store: &dyn Store, batch: &mut Batch| {
        let user = store.read(&key).await.unwrap().unwrap().record;
        batch.put(&key, &User { sub: Uuid::from_u128(7).to_string(), ..user });
    };
    let found = stopped.changed(other).await.findings().await;
    let user = stopped.user();
    let expected = ["it is another user's record", "the username is gone, or another user's"];
    assert_eq!(found, expected.map(|problem| format!("user ({user}): {problem}")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_is_temporary_without_end_or_ends_without_being_temporary_is_named() {
    let stopped = Stopped::new().await;
    let key = UserKey { owner: stopped.owner.clone() };
    for (status, end, is_odd) in [
        (UserStatus::ForceChangePassword, Some(1), false),
        (UserStatus::ForceChangePassword, None, true),
        (UserStatus::Confirmed, Some(1), true),
    ] {
        let changed = async |store: &dyn Store, batch: &mut Batch| {
            let user = store.read(&key).await.unwrap().unwrap().record;
            batch.put(&key, &User { status: status.into(), password_expires_at: end, ..user });
        };
        let problem = format!("user ({}): a temporary password has an end, and no other one has", stopped.user());
        let expected: Vec<_> = is_odd.then_some(problem).into_iter().collect();
        assert_eq!(stopped.changed(changed).await.findings().await, expected, "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_software_token_that_is_turned_on_and_not_there_is_named() {
    let stopped = Stopped::new().await;
    let (key, token) = (UserKey { owner: stopped.owner.clone() }, SoftwareTokenKey { owner: stopped.owner.clone() });
    let turned_on = async |store: &dyn Store, batch: &mut Batch| {
        let user = store.read(&key).await.unwrap().unwrap().record;
        batch.put(&key, &User { mfa: Some(MfaPreference { software_token: true, ..Default::default() }), ..user });
    };
    let expected = [format!("user ({}): its software token is turned on, and there is none", stopped.user())];
    assert_eq!(stopped.changed(turned_on).await.findings().await, expected);
    let sealer = Sealer::new(&stopped.key().derive(Purpose::Sealing));
    let waiting = async |_: &dyn Store, batch: &mut Batch| {
        let sealed = sealer.seal(&token.encoded(), &[7; 32], &Rng::seeded(1));
        batch.put(&token, &SoftwareToken { sealed_new_secret: Some(sealed), ..Default::default() });
    };
    assert_eq!(stopped.changed(waiting).await.findings().await, expected, "one that waits for its first code is none");
    let verified = async |_: &dyn Store, batch: &mut Batch| {
        let sealed = sealer.seal(&token.encoded(), &[7; 32], &Rng::seeded(1));
        batch.put(&token, &SoftwareToken { sealed_secret: Some(sealed), ..Default::default() });
    };
    assert_eq!(stopped.changed(verified).await.findings().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_groups_that_do_not_know_of_each_other_are_named() {
    let stopped = Stopped::new().await;
    let (pool, user) = (stopped.owner.pool.clone(), stopped.user());
    let staff = GroupKey { pool: pool.clone(), name: "staff".into() };
    let apart = async |store: &dyn Store, batch: &mut Batch| {
        let (member, _) = store.list::<MemberKey>(&[0x1B], None, 1).await.unwrap().remove(0);
        batch.delete(&member);
        batch.delete(&staff);
        let other = MembershipKey { owner: stopped.owner.clone(), group: "other".into() };
        batch.put(&other, &Default::default());
    };
    let mut found = stopped.changed(apart).await.findings().await;
    found.sort();
    let expected = [
        format!("membership in a group ({user}): it is missing in the list of its group"),
        format!("membership in a group ({user}): its group is gone"),
        format!("membership in a group ({user}): its group is none"),
        format!("user ({user}): its memberships are not as many as it says"),
    ];
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passkeys_that_are_none_or_not_their_users_are_named() {
    let stopped = Stopped::new().await;
    let (pool, user) = (stopped.owner.pool.clone(), stopped.user());
    let nobody = Owner { pool: pool.clone(), sub: Sub(Uuid::from_u128(7)) };
    let apart = async |store: &dyn Store, batch: &mut Batch| {
        let found = store.list::<PasskeyKey>(&PasskeyKey::prefix(&stopped.owner), None, 9).await.unwrap();
        let [(one, _), (other, record)] = &found[..] else { panic!("{}", found.len()) };
        let owner = |key: &PasskeyKey| PasskeyOwnerKey { pool: pool.clone(), credential: key.credential.clone() };
        batch.delete(&owner(one));
        batch.put(&owner(other), &NameOwner { sub: nobody.sub.to_string() });
        batch.put(other, &Passkey { public_key: vec![0xa0], ..record.record.clone() });
        let key = PasskeyKey { owner: stopped.owner.clone(), credential: vec![1] };
        batch.put(&key, &record.record);
        batch.put(&owner(&key), &NameOwner { sub: stopped.owner.sub.to_string() });
        let key = PasskeyKey { owner: stopped.owner.clone(), credential: vec![2] };
        batch.put(&owner(&key), &NameOwner { sub: stopped.owner.sub.to_string() });
    };
    let mut found = stopped.changed(apart).await.findings().await;
    found.sort();
    let (passkey, owner) = (format!("passkey ({user})"), format!("owner of a passkey (pool {pool})"));
    let mut expected = [
        format!("{owner}: its user {} is gone", nobody.sub),
        format!("{owner}: the passkey is gone"),
        format!("{owner}: the passkey is gone"),
        format!("{passkey}: it is missing among the passkeys of its pool, or another user's there"),
        format!("{passkey}: it is missing among the passkeys of its pool, or another user's there"),
        format!("{passkey}: its public key is none"),
        format!("user ({user}): its passkeys are not as many as it says"),
    ];
    expected.sort();
    assert_eq!(found, expected);
}
