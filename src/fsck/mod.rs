//! Examining a data directory: that everything in it is whole, can be read, and belongs together.
//!
//! No record is changed, and a finding never ends the search: what is damaged is named, by kind, pool and sub, and the rest is
//! read on. Memory does not grow with the store.

mod records;

use std::fmt;

use crate::access::Principals;
use crate::access::audit::verify::verify as verify_trail;
use crate::config::Config;
use crate::crypto::keys::{KeyEncryptionKey, Purpose};
use crate::crypto::sealing::Sealer;
use crate::live::Live;
use crate::store::SledStore;

/// Something that is wrong, without a name or a secret in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: String,
    pub problem: String,
}

impl Finding {
    /// In one line, whatever the problem says of itself.
    fn at(place: impl Into<String>, problem: impl fmt::Display) -> Self {
        let problem = problem.to_string();
        Finding { place: place.into(), problem: problem.split_whitespace().collect::<Vec<_>>().join(" ") }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.problem)
    }
}

/// What was examined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub findings: u64,
    pub records: u64,
    pub users: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { findings, records, users } = self;
        match findings {
            0 => write!(out, "{records} records, {users} of them users: everything is whole"),
            1 => write!(out, "1 finding in {records} records, {users} of them users"),
            _ => write!(out, "{findings} findings in {records} records, {users} of them users"),
        }
    }
}

/// Examines everything. Each finding is told as it is found.
pub async fn examine(
    config: &Config,
    key: &KeyEncryptionKey,
    audit_since: Option<u64>,
    mut tell: impl FnMut(&Finding),
) -> Report {
    let mut report = Report::default();
    let sealer = Sealer::new(&key.derive(Purpose::Sealing));
    let mut found = |report: &mut Report, finding: Finding| {
        report.findings += 1;
        tell(&finding);
    };
    match SledStore::open(&config.store_directory(), config.store_cache_mib * 1024 * 1024) {
        Ok(store) => {
            records::examine(&store, &sealer, &mut report, &mut found).await;
            if let Err(cause) = store.close() {
                found(&mut report, Finding::at("store", cause));
            }
        }
        Err(cause) => found(&mut report, Finding::at("store", cause)),
    }
    let directory = config.access_directory();
    let principals =
        Live::read("principals and policies", move |sources| Principals::read(&directory, &sealer, sources));
    if let Err(cause) = principals {
        found(&mut report, Finding::at("access directory", cause));
    }
    // A directory that has been restored and never served has no trail yet.
    if config.audit_directory().exists() {
        let trail = verify_trail(&config.audit_directory(), &key.derive(Purpose::Audit), audit_since);
        if let Err(finding) = trail {
            found(&mut report, Finding::at("audit trail", finding));
        }
    }
    report
}
