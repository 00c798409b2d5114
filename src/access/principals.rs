//! The principals file: who the operators are, which access keys they hold (sealed), and what they may do.
//!
//! ```toml
//! [[principal]]
//! arn = "arn:aws:iam::000000000000:user/operator"
//! policy = "everything"            # or "nothing"
//!
//! [[principal.access_key]]
//! id = "AKIA…"
//! sealed_secret = "…"              # hexadecimal; only this installation's key-encryption key opens it
//! active = true
//! ```

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::policy::Policy;
use crate::crypto::sealing::Sealer;
use crate::crypto::secret::Secret;
use crate::rng::Rng;

/// Somebody who may operate the service, as far as the policy goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub arn: String,
    pub policy: Policy,
}

/// The principals by their active access keys.
#[derive(Default)]
pub struct Principals {
    keys: HashMap<String, (Arc<Principal>, Secret<Vec<u8>>)>,
}

/// An access key as it is shown once.
pub struct AccessKey {
    pub id: String,
    pub secret: Secret<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "principal")]
    principals: Vec<PrincipalEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrincipalEntry {
    arn: String,
    policy: Policy,
    #[serde(default, rename = "access_key")]
    access_keys: Vec<AccessKeyEntry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessKeyEntry {
    id: String,
    sealed_secret: String,
    active: bool,
}

/// Why the principals file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Unreadable {
    path: String,
    problem: String,
}

impl Principals {
    /// Reads the file; without a file nobody is an operator.
    pub fn read(path: &Path, sealer: &Sealer) -> Result<Self, Unreadable> {
        let refuse = |problem: String| Unreadable { path: path.display().to_string(), problem };
        let file = match fs::read_to_string(path) {
            Ok(text) => toml::from_str::<File>(&text).map_err(|error| refuse(error.to_string()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(error) => return Err(refuse(error.to_string())),
        };
        let mut keys = HashMap::new();
        for entry in file.principals {
            let principal = Arc::new(Principal { arn: entry.arn, policy: entry.policy });
            for key in entry.access_keys.into_iter().filter(|key| key.active) {
                let sealed = hex::decode(&key.sealed_secret).map_err(|error| refuse(format!("{}: {error}", key.id)))?;
                let secret =
                    sealer.open(&place(&key.id), &sealed).map_err(|error| refuse(format!("{}: {error}", key.id)))?;
                if keys.insert(key.id.clone(), (principal.clone(), secret)).is_some() {
                    return Err(refuse(format!("the access key {} stands there twice", key.id)));
                }
            }
        }
        Ok(Principals { keys })
    }

    /// The principal and the secret of an active access key.
    pub fn key(&self, id: &str) -> Option<(&Arc<Principal>, &Secret<Vec<u8>>)> {
        self.keys.get(id).map(|(principal, secret)| (principal, secret))
    }
}

/// Writes a new principals file with one operator, and gives the operator's access key: it is shown this once.
pub fn create(path: &Path, arn: &str, policy: Policy, sealer: &Sealer, rng: &Rng) -> std::io::Result<AccessKey> {
    let id = format!("AKIA{}", rng.text(16, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
    let secret = rng.text(40, b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    let sealed_secret = hex::encode(sealer.seal(&place(&id), secret.as_bytes(), rng));
    let access_keys = vec![AccessKeyEntry { id: id.clone(), sealed_secret, active: true }];
    let file = File { principals: vec![PrincipalEntry { arn: arn.to_owned(), policy, access_keys }] };
    let text = toml::to_string(&file).map_err(std::io::Error::other)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()?;
    Ok(AccessKey { id, secret: Secret::new(secret) })
}

/// An access key's secret opens only under its own id.
fn place(id: &str) -> Vec<u8> {
    format!("access key {id}").into_bytes()
}
