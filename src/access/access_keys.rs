//! Access keys: made, rotated, disabled and removed in the principals file, whose comments and order stay as they are.
//!
//! A secret is shown once, when its key is made; the file holds it sealed. A running server notices the change by itself.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::principals::{ACCESS_KEYS_MAX, Arn, policies_directory, principals_file};
use crate::crypto::sealing::Sealer;
use crate::crypto::secret::Secret;
use crate::live::Unusable;
use crate::rng::Rng;

/// An access key as it stands in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    pub id: String,
    sealed_secret: String,
    #[serde(default)]
    #[allow(dead_code, reason = "for people who read the file")]
    created: Option<toml::value::Datetime>,
    pub active: bool,
}

/// An access key as it is shown once.
pub struct AccessKey {
    pub id: String,
    pub secret: Secret<String>,
}

/// An access key as it is listed.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed {
    pub principal: String,
    pub id: String,
    pub active: bool,
    pub created: String,
}

impl Entry {
    /// The secret, or why it cannot be had.
    pub fn open(&self, sealer: &Sealer) -> Result<Secret<Vec<u8>>, String> {
        let sealed = hex::decode(&self.sealed_secret).map_err(|error| error.to_string())?;
        sealer.open(&place(&self.id), &sealed).map_err(|error| error.to_string())
    }
}

/// The principals file, being edited by one process at a time.
pub struct KeyFile {
    path: PathBuf,
    document: DocumentMut,
    _lock: File,
}

impl KeyFile {
    /// Opens the file of an access directory; both are made if there is none.
    pub fn open(directory: &Path) -> Result<Self, Unusable> {
        let path = principals_file(directory);
        let refuse = |problem: String| Unusable::because(&path, problem);
        make_directory(directory).map_err(|error| refuse(error.to_string()))?;
        let lock = File::open(directory).map_err(|error| refuse(error.to_string()))?;
        lock.lock().map_err(|error| refuse(error.to_string()))?;
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            read => read.map_err(|error| refuse(error.to_string()))?,
        };
        let document = text.parse().map_err(|error: toml_edit::TomlError| refuse(error.to_string()))?;
        Ok(KeyFile { path, document, _lock: lock })
    }

    /// Adds a principal with these policies.
    pub fn add_principal(&mut self, arn: &Arn, policies: &[&str]) {
        let mut table = Table::new();
        table["arn"] = value(arn.as_str());
        table["policies"] = value(policies.iter().copied().collect::<toml_edit::Array>());
        let principals = self.document.entry("principal").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        if let Some(principals) = principals.as_array_of_tables_mut() {
            principals.push(table);
        }
    }

    /// Gives a principal a new access key, beside one that it may have.
    pub fn create(&mut self, arn: &str, sealer: &Sealer, rng: &Rng, now: Timestamp) -> Result<AccessKey, Unusable> {
        let keys = self.keys_of(arn)?;
        if keys.len() >= ACCESS_KEYS_MAX {
            return Err(self.refuse(format!("{arn} has {ACCESS_KEYS_MAX} access keys already; delete one first")));
        }
        let (table, key) = mint(sealer, rng, now);
        self.keys_of(arn)?.push(table);
        Ok(key)
    }

    /// Gives the principal of a key a new one. The old one stays as it is, until whoever uses it has the new one; a second
    /// key that was disabled already makes room.
    pub fn rotate(&mut self, id: &str, sealer: &Sealer, rng: &Rng, now: Timestamp) -> Result<AccessKey, Unusable> {
        let arn = self.principal_of(id)?;
        let keys = self.keys_of(&arn)?;
        if keys.len() >= ACCESS_KEYS_MAX {
            keys.retain(|key| text(key, "id") == id || is_active(key));
        }
        self.create(&arn, sealer, rng, now)
    }

    /// Makes a key prove something, or nothing.
    pub fn set_active(&mut self, id: &str, active: bool) -> Result<(), Unusable> {
        let arn = self.principal_of(id)?;
        for key in self.keys_of(&arn)?.iter_mut().filter(|key| text(key, "id") == id) {
            key["active"] = value(active);
        }
        Ok(())
    }

    /// Takes a key away for good.
    pub fn delete(&mut self, id: &str) -> Result<(), Unusable> {
        let arn = self.principal_of(id)?;
        self.keys_of(&arn)?.retain(|key| text(key, "id") != id);
        Ok(())
    }

    /// Every key, in the order of the file.
    pub fn list(&self) -> Vec<Listed> {
        let mut listed = Vec::new();
        for principal in self.principals() {
            for key in principal.get("access_key").and_then(Item::as_array_of_tables).into_iter().flatten() {
                listed.push(Listed {
                    principal: text(principal, "arn").to_owned(),
                    id: text(key, "id").to_owned(),
                    active: is_active(key),
                    created: key
                        .get("created")
                        .and_then(Item::as_datetime)
                        .map_or_else(|| "-".into(), ToString::to_string),
                });
            }
        }
        listed
    }

    /// Puts the changed file in the place of the old one, whole, for its owner's eyes.
    pub fn save(&self) -> Result<(), Unusable> {
        let refuse = |error: std::io::Error| self.refuse(error.to_string());
        write_whole(&self.path, self.document.to_string().as_bytes()).map_err(refuse)
    }

    fn principals(&self) -> impl Iterator<Item = &Table> {
        self.document.get("principal").and_then(Item::as_array_of_tables).into_iter().flatten()
    }

    fn principal_of(&self, id: &str) -> Result<String, Unusable> {
        let found = self.list().into_iter().find(|key| key.id == id);
        found.map(|key| key.principal).ok_or_else(|| self.refuse(format!("there is no access key {id}")))
    }

    fn keys_of(&mut self, arn: &str) -> Result<&mut ArrayOfTables, Unusable> {
        let absent = self.refuse(format!("there is no principal {arn}"));
        let principals = self.document.get_mut("principal").and_then(Item::as_array_of_tables_mut);
        let principal = principals.and_then(|all| all.iter_mut().find(|principal| text(principal, "arn") == arn));
        let keys = principal.map(|it| it.entry("access_key").or_insert(Item::ArrayOfTables(ArrayOfTables::new())));
        keys.and_then(Item::as_array_of_tables_mut).ok_or(absent)
    }

    fn refuse(&self, problem: String) -> Unusable {
        Unusable::because(&self.path, problem)
    }
}

/// Allows everything: what the first operator may do.
const ADMINISTRATOR: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{ "Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*" }]
}
"#;

/// Makes a new access directory with one operator, who may do everything, and gives the operator's access key.
pub fn first_operator(
    directory: &Path,
    arn: &Arn,
    sealer: &Sealer,
    rng: &Rng,
    now: Timestamp,
) -> Result<AccessKey, Unusable> {
    let policies = policies_directory(directory);
    let policy = policies.join("administrator.json");
    let written = make_directory(&policies).and_then(|()| write_whole(&policy, ADMINISTRATOR.as_bytes()));
    written.map_err(|error| Unusable::because(&policy, error))?;
    let mut file = KeyFile::open(directory)?;
    file.add_principal(arn, &["administrator"]);
    let key = file.create(arn.as_str(), sealer, rng, now)?;
    file.save()?;
    Ok(key)
}

fn mint(sealer: &Sealer, rng: &Rng, now: Timestamp) -> (Table, AccessKey) {
    let id = format!("AKIA{}", rng.text(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
    let secret = rng.text(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    let mut table = Table::new();
    table["id"] = value(&id);
    table["sealed_secret"] = value(hex::encode(sealer.seal(&place(&id), secret.as_bytes(), rng)));
    if let Ok(created) = now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().parse::<toml_edit::Datetime>() {
        table["created"] = value(created);
    }
    table["active"] = value(true);
    (table, AccessKey { id, secret: Secret::new(secret) })
}

fn text<'a>(table: &'a Table, name: &str) -> &'a str {
    table.get(name).and_then(Item::as_str).unwrap_or_default()
}

fn is_active(key: &Table) -> bool {
    key.get("active").and_then(Item::as_bool).unwrap_or_default()
}

/// Makes a directory for its owner alone.
pub fn make_directory(path: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a file durably, whole or not at all, for its owner's eyes.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// An access key's secret opens only under its own id.
fn place(id: &str) -> Vec<u8> {
    format!("access key {id}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATOR: &str = "arn:aws:iam::000000000000:user/operator";

    struct Given {
        folder: tempfile::TempDir,
        sealer: Sealer,
        rng: Rng,
    }

    impl Given {
        fn new(text: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            fs::write(principals_file(folder.path()), text).unwrap();
            Given { folder, sealer: Sealer::new(&Secret::new([7; 32])), rng: Rng::seeded(1) }
        }

        fn now() -> Timestamp {
            "2026-01-07T05:06:09Z".parse().unwrap()
        }

        fn edit<T>(&self, change: impl FnOnce(&mut KeyFile) -> Result<T, Unusable>) -> Result<T, String> {
            let mut file = KeyFile::open(self.folder.path()).unwrap();
            let done = change(&mut file).map_err(|unusable| unusable.problem)?;
            file.save().unwrap();
            Ok(done)
        }

        fn create(&self) -> Result<String, String> {
            self.edit(|file| file.create(OPERATOR, &self.sealer, &self.rng, Self::now())).map(|key| key.id)
        }

        fn rotate(&self, id: &str) -> Result<String, String> {
            self.edit(|file| file.rotate(id, &self.sealer, &self.rng, Self::now())).map(|key| key.id)
        }

        fn listed(&self) -> Vec<(String, bool)> {
            KeyFile::open(self.folder.path()).unwrap().list().into_iter().map(|key| (key.id, key.active)).collect()
        }

        fn text(&self) -> String {
            fs::read_to_string(principals_file(self.folder.path())).unwrap()
        }
    }

    fn given() -> Given {
        Given::new(&format!("# Ours.\n[[principal]]\narn = \"{OPERATOR}\" # the boss\npolicies = []\n"))
    }

    #[test]
    fn a_principal_has_two_keys_at_most_and_the_file_keeps_its_comments() {
        let given = given();
        let (first, second) = (given.create().unwrap(), given.create().unwrap());
        assert_eq!(given.create().unwrap_err(), format!("{OPERATOR} has 2 access keys already; delete one first"));
        assert_eq!(given.listed(), [(first, true), (second, true)]);
        assert!(given.text().starts_with("# Ours.\n") && given.text().contains("# the boss"));
    }

    #[test]
    fn rotation_adds_a_key_in_the_place_of_a_disabled_one() {
        let given = given();
        let first = given.create().unwrap();
        let second = given.rotate(&first).unwrap();
        assert!(given.rotate(&second).unwrap_err().contains("delete one first"));
        given.edit(|file| file.set_active(&first, false)).unwrap();
        assert_eq!(given.listed(), [(first, false), (second.clone(), true)]);
        let third = given.rotate(&second).unwrap();
        assert_eq!(given.listed(), [(second, true), (third, true)]);
    }

    #[test]
    fn keys_are_disabled_enabled_and_deleted_by_name() {
        let given = given();
        let id = given.create().unwrap();
        given.edit(|file| file.set_active(&id, false)).unwrap();
        assert_eq!(given.listed(), [(id.clone(), false)]);
        given.edit(|file| file.set_active(&id, true)).unwrap();
        assert_eq!(given.listed(), [(id.clone(), true)]);
        given.edit(|file| file.delete(&id)).unwrap();
        assert_eq!(given.listed(), []);
        assert_eq!(given.edit(|file| file.delete(&id)).unwrap_err(), format!("there is no access key {id}"));
    }

    #[test]
    fn nobody_who_is_not_there_gets_a_key() {
        let given = Given::new("");
        assert_eq!(given.create().unwrap_err(), format!("there is no principal {OPERATOR}"));
    }

    #[test]
    fn the_secret_is_on_disk_only_sealed_under_its_keys_id() {
        let given = given();
        let key = given.edit(|file| file.create(OPERATOR, &given.sealer, &given.rng, Given::now())).unwrap();
        assert!(!given.text().contains(key.secret.expose().as_str()));
        let entry = |id: &str| Entry {
            id: id.to_owned(),
            sealed_secret: given.text().split("sealed_secret = \"").nth(1).unwrap().split('"').next().unwrap().into(),
            created: None,
            active: true,
        };
        assert_eq!(entry(&key.id).open(&given.sealer).unwrap().expose(), key.secret.expose().as_bytes());
        assert!(entry("AKIAOTHER").open(&given.sealer).is_err());
    }
}
