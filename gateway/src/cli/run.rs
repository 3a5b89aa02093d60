//! `signet-gateway run`.

use signet_gateway::{Config, Gateway, Loaded, Options};
use std::path::Path;

/// Runs until SIGTERM or Ctrl-C.
pub(super) fn run(path: &Path, json: bool) -> Result<(), String> {
    signet_gateway::log::start(json);
    signet_gateway::exit_on_fault();
    let loaded = Config::read(path).and_then(Loaded::of).map_err(|e| e.to_string())?;
    let gateway = Gateway::start(loaded, Options::default()).map_err(|e| e.to_string())?;
    wait_for_signal().map_err(|e| e.to_string())?;
    gateway.stop();
    Ok(())
}

fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            let mut term =
                tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
            tokio::select! {
                r = tokio::signal::ctrl_c() => r,
                _ = term.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    })
}
