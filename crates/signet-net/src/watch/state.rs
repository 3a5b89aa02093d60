//! What the system knows of the network in use, and whether it is about to sleep.

use super::NetworkChanges;
use tokio::sync::watch;

/// What the system says of the network in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SystemState {
    /// What the system calls it, for example the name of a wireless network. Not checked: it is
    /// whatever somebody called it.
    pub network: Option<String>,
    /// Its user pays by volume, or the system guesses so, or the user asks programs to send little.
    pub metered: bool,
    /// A captive portal holds traffic up until somebody signs in; the address of a page that leads
    /// there.
    pub portal: Option<String>,
    /// The system itself looks for captive portals, and found that none is in the way.
    pub found_open: bool,
    /// The machine is about to sleep.
    pub sleeping: bool,
}

/// Hears of the system's state. Clones hear the same changes, each for itself.
#[derive(Debug, Clone)]
pub struct SystemWatch(pub(super) watch::Receiver<SystemState>);

impl SystemWatch {
    /// Begins to listen, on a task of the current tokio runtime: on Linux to NetworkManager and
    /// logind over D-Bus, on Windows to the connection profile and power notifications, on macOS
    /// to the dynamic store, the path monitor and power messages. Waking and changes of DNS are
    /// told to `changes`. A service that goes away is listened to again once it is back.
    pub fn listen(changes: &NetworkChanges) -> Self {
        let (tell, heard) = watch::channel(SystemState::default());
        #[cfg(target_os = "linux")]
        {
            let (until, dns) = (tell.clone(), changes.clone());
            tokio::spawn(async move {
                let file = super::resolv_conf::listen(super::resolv_conf::PATHS, dns.clone());
                tokio::select! {
                    () = until.closed() => {}
                    _ = async { tokio::join!(super::resolved::listen(None, dns), file) } => {}
                }
            });
            tokio::spawn(super::dbus::listen(None, tell, changes.clone()));
        }
        #[cfg(windows)]
        tokio::spawn(super::on_windows::listen(tell, changes.clone()));
        #[cfg(target_os = "macos")]
        tokio::spawn(super::on_macos::listen(tell, changes.clone()));
        #[cfg(not(any(target_os = "linux", windows, target_os = "macos")))]
        let _ = (tell, changes);
        Self(heard)
    }

    /// A system that tells nothing.
    pub fn none() -> Self {
        Self(watch::channel(SystemState::default()).1)
    }

    /// As it is now.
    pub fn now(&self) -> SystemState {
        self.0.borrow().clone()
    }

    /// Returns when it is different from what the last call returned. Never returns when the system
    /// tells nothing more.
    pub async fn changed(&mut self) -> SystemState {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}
