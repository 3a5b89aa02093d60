//! Windows and macOS, by the crate `netwatch`: address and route notifications of the system.

use super::restart::Restart;
use n0_watcher::Watcher as _;
use netwatch::netmon::Monitor;

/// Calls `changed` at each change, on a task of the current runtime.
pub(super) fn listen(changed: impl Fn() + Send + Sync + 'static) {
    tokio::spawn(async move {
        let mut again = Restart::new("changes of networks");
        loop {
            let wait = match Monitor::new().await {
                Ok(monitor) => {
                    if again.hears() {
                        changed();
                    }
                    let mut states = monitor.interface_state();
                    while states.updated().await.is_ok() {
                        changed();
                    }
                    again.ended(&"its monitor ended")
                }
                Err(e) => again.ended(&e.to_string()),
            };
            tokio::time::sleep(wait).await;
        }
    });
}
