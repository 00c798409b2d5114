//! `cognate audit`.

use clap::{Args, Subcommand};

use super::Common;
use crate::access::audit::verify::verify as verify_trail;
use crate::config::Flags;
use crate::server::{self, CannotServe};

#[derive(Subcommand)]
pub(super) enum Audit {
    /// Reads the whole trail, and names the first line that was changed, dropped, moved or cut off.
    ///
    /// Works while the server runs. Prints the head: note it elsewhere to be able to tell that the whole directory was put
    /// back to an older state. Ends with status 1 when something was found.
    Verify(Verify),
}

#[derive(Args)]
pub(super) struct Verify {
    #[command(flatten)]
    common: Common,
    /// The sequence number of the first line, if the files before were put elsewhere
    #[arg(long, value_name = "SEQUENCE")]
    since: Option<u64>,
}

pub(super) fn audit(command: &Audit) -> Result<(), CannotServe> {
    let Audit::Verify(arguments) = command;
    let config = arguments.common.config(Flags::default())?;
    let key = server::audit_key(&config)?;
    let found = verify_trail(&config.audit_directory(), &key, arguments.since);
    let summary = found.map_err(|finding| CannotServe(format!("audit trail: {finding}")))?;
    println!("{summary}");
    Ok(())
}
