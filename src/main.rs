//! `cognate`: the command line. What it does stands in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    cognate::commands::run()
}
