//! `signet-desk doctor`: prints a report to standard output and opens no window.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use signet_keystore::OsKeychain;

/// Examines the connection to every venue and reports what is wrong.
pub fn run(config: Option<PathBuf>, identity: Option<&str>) -> ExitCode {
    let Some((data, user)) = crate::start::folders() else {
        eprintln!("signet-desk: this account has no folder for settings and records");
        return ExitCode::FAILURE;
    };
    let config = match crate::start::config(config, data, &user) {
        Ok(config) => config,
        Err(why) => {
            eprintln!("signet-desk: {} {} [{}]", why.message, why.cure, why.code);
            return ExitCode::FAILURE;
        }
    };
    let runtime =
        match tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build() {
            Ok(runtime) => runtime,
            Err(why) => {
                eprintln!("signet-desk: {why}");
                return ExitCode::FAILURE;
            }
        };
    let (report, well) = runtime.block_on(signet_desk_core::doctor(
        &config,
        Arc::new(OsKeychain::default()),
        identity,
    ));
    print!("{report}");
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
