//! `cognate init`.

use super::{Init, quickstart, runtime};
use crate::clock::Clock;
use crate::config::Flags;
use crate::rng::Rng;
use crate::server::{self, CannotServe, DataDirectory};

pub(super) fn init(arguments: &Init) -> Result<(), CannotServe> {
    let config = arguments.common.config(Flags { listen: arguments.listen, ..Flags::default() })?;
    let _directory = DataDirectory::take(&config)?;
    if !quickstart::is_due(&config) {
        return Err(CannotServe(format!("{}: has been initialised already", config.data.display())));
    }
    quickstart::begin(&config)?;
    let public_url = server::public_url(&config, config.listen);
    runtime()?.block_on(async {
        let app = server::open(&config, public_url.clone(), Clock::System, Rng::system())?;
        quickstart::create(&config, &app, &public_url).await?.print(&config);
        Ok(())
    })
}
