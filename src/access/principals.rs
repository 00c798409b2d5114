//! Who the operators are: the files of the access directory, read as a whole or not at all.
//!
//! `principals.toml` says who there is; `policies/<name>.json` what they may do:
//!
//! ```toml
//! [[principal]]
//! arn = "arn:aws:iam::000000000000:user/support"
//! policies = ["support-desk"]                    # policies/support-desk.json
//! certificates = ["spiffe://example.org/desk"]   # subject alternative names, letter for letter
//! tags = { team = "support" }                    # what conditions know as aws:PrincipalTag/team
//!
//! [[principal.access_key]]                       # written by `cognate access`
//! id = "AKIA…"
//! sealed_secret = "…"                            # hexadecimal; only this installation's key-encryption key opens it
//! created = 2026-01-07T05:06:09Z
//! active = true
//! ```

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::access_keys;
use super::policy::Policy;
use super::sigv4::SecretAccessKey;
use crate::crypto::keys::sha256;
use crate::crypto::sealing::Sealer;
use crate::live::{Sources, Unusable};

/// Keys that one principal may have: one in use, and its successor.
pub const ACCESS_KEYS_MAX: usize = 2;

/// Somebody who may operate the service, as far as their policies go.
#[derive(Debug)]
pub struct Principal {
    pub arn: Arn,
    pub tags: BTreeMap<String, String>,
    /// Their policies, each with its name.
    pub policies: Vec<(String, Arc<Policy>)>,
}

/// A principal's Amazon resource name: a user's (`arn:aws:iam::<account>:user/<path><name>`) or an assumed role's
/// (`arn:aws:sts::<account>:assumed-role/<role>/<session>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    text: String,
    /// What every record of the audit trail asks for is worked out once.
    is_user: bool,
    account: String,
    unique_id: String,
    principal_id: String,
}

/// The principals, by what proves who they are.
#[derive(Debug, Default)]
pub struct Principals {
    all: HashMap<String, Arc<Principal>>,
    keys: HashMap<String, (Arc<Principal>, SecretAccessKey)>,
    certificates: HashMap<String, Arc<Principal>>,
    policies: usize,
}

/// The principals file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "principal")]
    principals: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    arn: Arn,
    policies: Vec<String>,
    #[serde(default)]
    certificates: Vec<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default, rename = "access_key")]
    access_keys: Vec<access_keys::Entry>,
}

impl Principals {
    /// Reads the access directory. Without a principals file nobody is an operator.
    pub fn read(directory: &Path, sealer: &Sealer, sources: &mut Sources) -> Result<Self, Unusable> {
        let policies = read_policies(directory, sources)?;
        let path = principals_file(directory);
        let refuse = |problem: String| Unusable::because(&path, problem);
        let file = match sources.read(&path) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|error| refuse(error.to_string()))?;
                toml::from_str::<File>(&text).map_err(|error| refuse(error.to_string()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => File::default(),
            Err(error) => return Err(refuse(error.to_string())),
        };
        let mut principals = Principals { policies: policies.len(), ..Principals::default() };
        let mut key_ids = HashSet::new();
        for entry in file.principals {
            principals.add(entry, &policies, &mut key_ids, sealer).map_err(refuse)?;
        }
        Ok(principals)
    }

    fn add(
        &mut self,
        entry: Entry,
        policies: &Policies,
        key_ids: &mut HashSet<String>,
        sealer: &Sealer,
    ) -> Result<(), String> {
        let arn = entry.arn;
        let attach = |name: String| match policies.get(&name) {
            Some(policy) => Ok((name, policy.clone())),
            None => Err(format!("{arn}: there is no policy {name:?}")),
        };
        let attached = entry.policies.into_iter().map(attach).collect::<Result<_, _>>()?;
        let principal = Arc::new(Principal { arn: arn.clone(), tags: entry.tags, policies: attached });
        if self.all.insert(arn.to_string(), principal.clone()).is_some() {
            return Err(format!("{arn} stands there twice"));
        }
        if entry.access_keys.len() > ACCESS_KEYS_MAX {
            return Err(format!("{arn}: has more than {ACCESS_KEYS_MAX} access keys"));
        }
        for key in entry.access_keys {
            let secret = key.open(sealer).map_err(|problem| format!("{arn}: access key {}: {problem}", key.id))?;
            // Of two entries for one key the disabled one might be the one that is meant.
            if !key_ids.insert(key.id.clone()) {
                return Err(format!("the access key {} stands there twice", key.id));
            }
            // A disabled key must be sound as well, but proves nothing.
            if key.active {
                self.keys.insert(key.id, (principal.clone(), SecretAccessKey::new(secret)));
            }
        }
        for identity in entry.certificates {
            if self.certificates.insert(identity.clone(), principal.clone()).is_some() {
                return Err(format!("the certificate identity {identity:?} stands there twice"));
            }
        }
        Ok(())
    }

    /// The principal and the secret of an active access key.
    pub fn key(&self, id: &str) -> Option<(&Arc<Principal>, &SecretAccessKey)> {
        self.keys.get(id).map(|(principal, secret)| (principal, secret))
    }

    /// The principal whom a certificate's subject alternative name means.
    pub fn identified(&self, identity: &str) -> Option<&Arc<Principal>> {
        self.certificates.get(identity)
    }

    /// The principal of this name.
    pub fn named(&self, arn: &str) -> Option<&Arc<Principal>> {
        self.all.get(arn)
    }

    /// How many principals and policies there are.
    pub fn counts(&self) -> (usize, usize) {
        (self.all.len(), self.policies)
    }
}

type Policies = HashMap<String, Arc<Policy>>;

/// The principals file of an access directory.
pub fn principals_file(directory: &Path) -> PathBuf {
    directory.join("principals.toml")
}

/// Where the policies of an access directory stand.
pub fn policies_directory(directory: &Path) -> PathBuf {
    directory.join("policies")
}

fn read_policies(directory: &Path, sources: &mut Sources) -> Result<Policies, Unusable> {
    let folder = policies_directory(directory);
    let mut policies = HashMap::new();
    for path in sources.list(&folder, "json").map_err(|error| Unusable::because(&folder, error))? {
        let refuse = |problem: String| Unusable::because(&path, problem);
        let text = sources.read(&path).map_err(|error| refuse(error.to_string()))?;
        let text = String::from_utf8(text).map_err(|error| refuse(error.to_string()))?;
        let policy = Policy::parse(&text).map_err(|invalid| refuse(invalid.to_string()))?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        policies.insert(name, Arc::new(policy));
    }
    Ok(policies)
}

impl Arn {
    /// The name in its one form, or what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is neither arn:aws:iam::<twelve digits>:user/<name> \
                 nor arn:aws:sts::<twelve digits>:assumed-role/<role>/<session>"
            )
        };
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", partition, service, "", account, resource] = parts[..] else { return Err(wrong()) };
        let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
        let named = |character: char| character.is_ascii_alphanumeric() || "+=,.@_-".contains(character);
        let names: Vec<&str> = resource.split('/').collect();
        let are_names = names.iter().all(|name| !name.is_empty() && name.chars().all(named));
        let has_form = match (service, names[..].first()) {
            ("iam", Some(&"user")) => names.len() >= 2,
            ("sts", Some(&"assumed-role")) => names.len() == 3,
            _ => false,
        };
        let is_partition = partition.starts_with("aws") && partition.chars().all(named);
        if !(is_account && are_names && has_form && is_partition) {
            return Err(wrong());
        }
        let mut arn = Arn {
            text: text.to_owned(),
            is_user: service == "iam",
            account: account.to_owned(),
            unique_id: String::new(),
            principal_id: String::new(),
        };
        arn.unique_id = arn.derived_id();
        arn.principal_id = match arn.is_user {
            true => arn.unique_id.clone(),
            false => format!("{}:{}", arn.unique_id, arn.name()),
        };
        Ok(arn)
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether it is a user's, not an assumed role's.
    pub fn is_user(&self) -> bool {
        self.is_user
    }

    /// The user's name, without its path; or the session's of a role.
    pub fn name(&self) -> &str {
        self.text.rsplit('/').next().unwrap_or_default()
    }

    /// The ARN of the role whose session it is, if it is one.
    pub fn role(&self) -> Option<String> {
        let (role, _session) = self.text.rsplit_once('/').filter(|_| !self.is_user())?;
        Some(role.replacen(":sts:", ":iam:", 1).replacen(":assumed-role/", ":role/", 1))
    }

    /// Who acts, as conditions know it as `aws:userid`: a user's id; of a role's session the role's and the session's name.
    pub fn principal_id(&self) -> &str {
        &self.principal_id
    }

    /// A stable id in the form of AWS's, of the user or of the role, which all its sessions share.
    pub fn unique_id(&self) -> &str {
        &self.unique_id
    }

    fn derived_id(&self) -> String {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let lasting = self.role().unwrap_or_else(|| self.text.clone());
        let letters =
            sha256(lasting.as_bytes()).into_iter().take(17).map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let prefix = if self.is_user() { "AIDA" } else { "AROA" };
        letters.fold(prefix.to_owned(), |mut id, letter| {
            id.push(letter);
            id
        })
    }
}

impl std::fmt::Display for Arn {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Arn {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Arn::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_users_and_assumed_roles() {
        for text in [
            "arn:aws:iam::000000000000:user/operator",
            "arn:aws:iam::000000000000:user/team/desk/alice@example.com",
            "arn:aws-cn:sts::000000000000:assumed-role/desk/session",
        ] {
            assert_eq!(Arn::parse(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            "operator",
            "arn:aws:iam::000000000000:user/",
            "arn:aws:iam::000000000000:user",
            "arn:aws:iam::000000000000:role/desk",
            "arn:aws:iam::00000000000:user/operator",
            "arn:aws:iam:us-east-1:000000000000:user/operator",
            "arn:aws:iam::000000000000:user/*",
            "arn:aws:sts::000000000000:assumed-role/desk",
            "arn:aws:iam::000000000000:user/a:b",
        ] {
            assert!(Arn::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_has_its_parts() {
        let arn = Arn::parse("arn:aws:iam::123456789012:user/team/alice").unwrap();
        assert_eq!((arn.account(), arn.name(), arn.is_user()), ("123456789012", "alice", true));
        assert_eq!(arn.unique_id().len(), 21);
        assert!(arn.unique_id().starts_with("AIDA"));
        assert_eq!((arn.role(), arn.principal_id()), (None, arn.unique_id()));
    }

    #[test]
    fn sessions_of_a_role_share_its_id() {
        let session = |name: &str| Arn::parse(&format!("arn:aws:sts::123456789012:assumed-role/desk/{name}")).unwrap();
        let (one, other) = (session("one"), session("other"));
        assert_eq!(one.role().unwrap(), "arn:aws:iam::123456789012:role/desk");
        assert!(one.unique_id().starts_with("AROA"));
        assert_eq!(one.unique_id(), other.unique_id());
        assert_eq!(one.principal_id(), format!("{}:one", one.unique_id()));
        let elsewhere = Arn::parse("arn:aws:sts::123456789012:assumed-role/till/one").unwrap();
        assert_ne!(one.unique_id(), elsewhere.unique_id());
    }
}
