//! Where a backup can be put back, and where not.

use std::fs;
use std::path::{Path, PathBuf};

use cognate::api::Op;
use cognate::backup::{self, BackupKey, CannotRestore, Restored, Unreadable};
use cognate::config::Config;
use cognate::crypto::keys::KeyEncryptionKey;
use cognate::rng::Rng;
use cognate::server::DataDirectory;

use crate::support::{Wire, World};

/// A backup of a small world, and a place to put it.
struct Place {
    _folder: tempfile::TempDir,
    backup: PathBuf,
    config: Config,
    key: KeyEncryptionKey,
    world: World,
}

impl Place {
    async fn new() -> Self {
        let world = World::new(Wire::Grpc).await;
        let client = world.app_client().await;
        world.confirmed_user(&client, "alice").await;
        let folder = tempfile::tempdir().unwrap();
        let (backup, data) = (folder.path().join("backup"), folder.path().join("data"));
        fs::write(&backup, world.back_up().await).unwrap();
        fs::create_dir(&data).unwrap();
        let config = Config { data, ..world.config.clone() };
        fs::copy(world.config.key_encryption_key_file(), config.key_encryption_key_file()).unwrap();
        let key = KeyEncryptionKey::read(&config.key_encryption_key_file()).unwrap();
        Place { _folder: folder, backup, config, key, world }
    }

    async fn restore(&self) -> Result<Restored, CannotRestore> {
        self.restore_under(&self.key, &self.config).await
    }

    async fn restore_under(&self, key: &KeyEncryptionKey, config: &Config) -> Result<Restored, CannotRestore> {
        backup::restore(config, &self.backup, &BackupKey::new(key), self.world.now()).await
    }

    fn holds(&self) -> Vec<String> {
        let mut names: Vec<String> = entries(&self.config.data);
        names.sort();
        names
    }
}

fn entries(directory: &Path) -> Vec<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_directory_has_the_store_and_the_operators() {
    let place = Place::new().await;
    let restored = place.restore().await.unwrap();
    assert_eq!((restored.epoch.number, restored.access_was_kept), (1, false));
    assert_eq!(place.holds(), ["access", "key-encryption-key", "store"]);
    for name in ["principals.toml", "policies/administrator.json"] {
        let read = |config: &Config| fs::read(config.access_directory().join(name)).unwrap();
        assert_eq!(read(&place.config), read(&place.world.config), "{name}");
    }
    // A backup of what was restored has the same records.
    let (taken, again) = (restored.summary, place.world.restored(&fs::read(&place.backup).unwrap()).await);
    let file = place.config.data.join("again");
    fs::write(&file, again.back_up().await).unwrap();
    let again = backup::verify(&file, Some(&BackupKey::new(&place.key))).unwrap();
    assert_eq!((again.records_digest, again.records, again.epoch), (taken.records_digest, taken.records, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_directory_in_which_there_is_something_is_left_alone() {
    let place = Place::new().await;
    for name in ["store", "access", "quickstart.json", "somebody's notes"] {
        let path = place.config.data.join(name);
        fs::create_dir(&path).unwrap();
        let refused = place.restore().await.unwrap_err();
        assert!(refused.to_string().ends_with(&format!("is not empty: {name} is in it")), "{refused}");
        fs::remove_dir(&path).unwrap();
    }
    assert_eq!(place.holds(), ["key-encryption-key"]);
    place.restore().await.unwrap();
    assert!(matches!(place.restore().await, Err(CannotRestore::NotEmpty { .. })), "not twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_another_region_and_a_damaged_file_are_refused_before_anything_is_written() {
    let place = Place::new().await;
    let foreign = KeyEncryptionKey::generate(&Rng::seeded(99));
    let refused = place.restore_under(&foreign, &place.config).await;
    assert!(matches!(refused, Err(CannotRestore::Backup { cause: Unreadable::ForeignKey, .. })));
    for config in [
        Config { region: "eu-central-1".into(), ..place.config.clone() },
        Config { account: "000000000001".into(), ..place.config.clone() },
    ] {
        let refused = place.restore_under(&place.key, &config).await;
        assert!(matches!(refused, Err(CannotRestore::OtherSetting { .. })));
    }
    let mut bytes = fs::read(&place.backup).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&place.backup, bytes).unwrap();
    assert!(matches!(place.restore().await, Err(CannotRestore::Backup { .. })));
    assert_eq!(place.holds(), ["key-encryption-key"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_restore_serves_nobody_and_is_begun_anew() {
    let place = Place::new().await;
    place.restore().await.unwrap();
    // As a power cut would leave it: marked, with half of everything.
    fs::write(place.config.data.join("restoring"), "").unwrap();
    fs::remove_file(place.config.store_directory().join("conf")).unwrap();
    fs::write(place.config.access_directory().join("left-over"), "").unwrap();
    let refused = DataDirectory::take(&place.config).err().unwrap().to_string();
    assert!(refused.contains("a restore was interrupted here; run `cognate restore` again"), "{refused}");
    place.restore().await.unwrap();
    assert_eq!(place.holds(), ["access", "key-encryption-key", "lock", "store"]);
    assert!(!place.config.access_directory().join("left-over").exists());
    DataDirectory::take(&place.config).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn principals_that_stand_elsewhere_already_are_left_as_they_are() {
    let place = Place::new().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let config = Config { access_directory: Some(elsewhere.path().to_owned()), ..place.config.clone() };
    fs::write(elsewhere.path().join("principals.toml"), "# ours\n").unwrap();
    assert!(place.restore_under(&place.key, &config).await.unwrap().access_was_kept);
    assert_eq!(fs::read_to_string(elsewhere.path().join("principals.toml")).unwrap(), "# ours\n");
    assert_eq!(entries(elsewhere.path()), ["principals.toml"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_not_in_a_backup_and_neither_is_a_secret() {
    let place = Place::new().await;
    let bytes = fs::read(&place.backup).unwrap();
    let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    assert!(has(b"alice") && has(place.world.operator.id.as_bytes()), "what is not secret can be found");
    let hexadecimal = fs::read_to_string(place.config.key_encryption_key_file()).unwrap();
    let key = hex::decode(hexadecimal.trim()).unwrap();
    assert!(!has(hexadecimal.trim().as_bytes()) && !has(&key), "the key-encryption key");
    assert!(!has(place.world.operator.secret.as_bytes()), "an operator's secret");
    assert!(!has(crate::support::fixtures::PASSWORD.as_bytes()), "a password");
    assert!(!has(place.world.code_for("alice").await.as_bytes()), "a code");
    assert!(!has(Op::ALL[0].path().as_bytes()), "the search finds what is there, and only that");
}
