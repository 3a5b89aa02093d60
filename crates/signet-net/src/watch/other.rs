//! Windows and macOS, by the crate `netwatch`: address and route notifications of the system.

use n0_watcher::Watcher as _;
use netwatch::netmon::Monitor;
use std::io;

/// Calls `changed` at each change, until it is dropped with its runtime.
pub(super) async fn listen(changed: impl Fn() + Send + 'static) -> io::Result<()> {
    let monitor = Monitor::new().await.map_err(|e| io::Error::other(e.to_string()))?;
    let mut states = monitor.interface_state();
    tokio::spawn(async move {
        let _monitor = monitor;
        while states.updated().await.is_ok() {
            changed();
        }
        tracing::warn!("changes of networks are not heard");
    });
    Ok(())
}
