//! `signet-desk`: the program a trader starts.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::{path::PathBuf, process::ExitCode};

const HELP: &str = "Signet Desk: request quotes and trade over FIXS from any network

Usage: signet-desk [--config FILE | --version | --help]

  --config FILE   the venues to offer, instead of the desk.toml of this machine or user

Without an option it opens its window. RUST_LOG chooses what is logged to standard error.";

#[cfg(all(feature = "practice", not(debug_assertions)))]
compile_error!("the practice venue must not be in a release build");

fn main() -> ExitCode {
    // SAFETY: the first statement of the only thread.
    unsafe { signet_desk::close_doors() };

    let mut arguments = std::env::args_os().skip(1);
    let (first, second) = (arguments.next(), arguments.next());
    match (first.as_deref().map(|a| a.to_string_lossy()).as_deref(), second) {
        (None, _) => open(None),
        (Some("--config"), Some(file)) => open(Some(file.into())),
        (Some("--version" | "-V"), None) => {
            println!("signet-desk {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        (Some("--help" | "-h"), None) => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        (Some(other), _) => {
            eprintln!("signet-desk: {other:?} cannot be used so.\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}

#[cfg(not(feature = "practice"))]
fn open(config: Option<PathBuf>) -> ExitCode {
    #[cfg(feature = "bench")]
    if std::env::var_os("SIGNET_BENCH_RATES").is_some() {
        return signet_desk::run(signet_desk::bench::desk);
    }
    signet_desk::run(|app| signet_desk::start::desk(app, config))
}

/// The practice build knows one venue, its own.
#[cfg(feature = "practice")]
fn open(_: Option<PathBuf>) -> ExitCode {
    // SAFETY: still the only thread of the program.
    let venue = unsafe { signet_desk::practice::Venue::start() };
    let desk = venue.desk();
    let code = signet_desk::run(move |_| desk);
    drop(venue);
    code
}
