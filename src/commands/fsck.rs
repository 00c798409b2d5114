//! `cognate fsck`.

use clap::Args;

use super::{Common, runtime};
use crate::config::Flags;
use crate::fsck::{self, Finding};
use crate::server::{self, CannotServe, DataDirectory};

#[derive(Args)]
pub(super) struct Fsck {
    #[command(flatten)]
    common: Common,
    /// The sequence number of the audit trail's first line, if the files before were put elsewhere
    #[arg(long, value_name = "SEQUENCE")]
    audit_since: Option<u64>,
}

pub(super) fn fsck(arguments: &Fsck) -> Result<(), CannotServe> {
    let config = arguments.common.config(Flags::default())?;
    if !config.store_directory().is_dir() {
        return Err(CannotServe(format!("{}: there is no store in it", config.data.display())));
    }
    let _directory = DataDirectory::take(&config)?;
    let key = server::key_encryption_key(&config)?;
    let tell = |finding: &Finding| println!("{finding}");
    let report = runtime()?.block_on(fsck::examine(&config, &key, arguments.audit_since, tell));
    match report.findings {
        0 => {
            println!("{report}");
            Ok(())
        }
        _ => Err(CannotServe(report.to_string())),
    }
}
