//! `signet-desk`: the program a trader starts.

#![cfg_attr(not(debug_assertions), windows_subsystem = "windows")]

use std::process::ExitCode;

const HELP: &str = "Signet Desk: request quotes and trade over FIXS from any network

Usage: signet-desk [--version | --help]

Without an option it opens its window. RUST_LOG chooses what is logged to standard error.";

fn main() -> ExitCode {
    // SAFETY: the first statement of the only thread.
    unsafe { signet_desk::close_doors() };

    match std::env::args().nth(1).as_deref() {
        None => signet_desk::run(|_app| Ok(signet_desk_core::desk::Desk {})),
        Some("--version" | "-V") => {
            println!("signet-desk {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some("--help" | "-h") => {
            println!("{HELP}");
            ExitCode::SUCCESS
        }
        Some(other) => {
            eprintln!("signet-desk: {other:?} is not an option.\n\n{HELP}");
            ExitCode::from(2)
        }
    }
}
