//! Windows: the connection profile (its name, cost, and whether a portal is in the way), suspending
//! and resuming, and name servers in the registry.
//!
//! The profile comes from `Windows.Networking.Connectivity`, whose calls are safe, which every
//! Windows 10 has, and which names the network; `NotifyNetworkConnectivityHintChange` tells the
//! same level and cost without the name, and programs that import it do not start before 2004.

mod calls;

use super::{
    NetworkChanges,
    answer::Answer,
    facts::{self, Power, WindowsProfile},
    restart::Restart,
    state::SystemState,
};
use calls::{DnsKeys, SuspendResume, require_class};
use std::{io, sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};
use windows::{
    Networking::Connectivity::{
        ConnectionProfile, NetworkInformation, NetworkStatusChangedEventHandler,
    },
    core::{HSTRING, RuntimeName as _},
};

/// Events about one change come in bunches.
const SETTLE: Duration = Duration::from_millis(50);
/// The service behind the profile has no answer when it does not answer in this time.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// How often the profile is read without an event: the service that sends the events may have been
/// started again, and then nobody says that they have stopped.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// Tells the state at each change until nobody listens. A source that ends, or that cannot be had,
/// is tried again, and what may have been missed counts as one change.
pub(super) async fn listen(tell: watch::Sender<SystemState>, changes: NetworkChanges) {
    let all = async {
        tokio::join!(
            sleep_and_wake(&tell, &changes),
            name_servers(&changes),
            profiles(&tell, &changes)
        )
    };
    tokio::select! {
        () = tell.closed() => {}
        _ = all => {}
    }
}

/// Registers until Windows takes the registration, which then lasts as long as the process.
async fn sleep_and_wake(tell: &watch::Sender<SystemState>, changes: &NetworkChanges) {
    let mut again = Restart::new("suspending and resuming");
    while let Err(why) = power(tell, changes) {
        let wait = again.ended(&why);
        tokio::time::sleep(wait).await;
    }
    if again.hears() {
        changes.hint();
    }
}

async fn name_servers(changes: &NetworkChanges) {
    let mut again = Restart::new("name servers");
    loop {
        let told = changes.clone();
        let why = match DnsKeys::watch(move || told.dns_hint()) {
            Ok(mut keys) => {
                if again.hears() {
                    changes.dns_hint();
                }
                keys.ended().await
            }
            Err(e) => e,
        };
        let wait = again.ended(&why);
        tokio::time::sleep(wait).await;
    }
}

async fn profiles(tell: &watch::Sender<SystemState>, changes: &NetworkChanges) {
    // The event only says that something changed. A notification that is not read yet is enough.
    let wake = Arc::new(Notify::new());
    let mut again = Restart::new("the connection profile");
    let _events = loop {
        let told = wake.clone();
        // The first call starts COM, on a thread of its own.
        let events = tokio::task::spawn_blocking(move || StatusEvents::register(told)).await;
        match events.unwrap_or_else(|e| Err(e.into())) {
            Ok(events) => break events,
            Err(why) => {
                let wait = again.ended(&why);
                tokio::time::sleep(wait).await;
            }
        }
    };
    if again.hears() {
        changes.hint();
    }
    let mut networks = changes.clone();
    let mut answer = Answer::default();
    loop {
        let profile = answer.within(ANSWER_MAX, profile).await.unwrap_or_default();
        let network = facts::of_windows(&profile);
        tell.send_if_modified(|s| {
            let new = SystemState { sleeping: s.sleeping, ..network };
            std::mem::replace(s, new.clone()) != new
        });
        tokio::select! {
            () = wake.notified() => {}
            () = networks.changed() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
        tokio::time::sleep(SETTLE).await;
    }
}

fn power(tell: &watch::Sender<SystemState>, changes: &NetworkChanges) -> io::Result<SuspendResume> {
    let (tell, changes) = (tell.clone(), changes.clone());
    SuspendResume::register(move |event| {
        let Some(power) = facts::windows_power(event) else { return };
        tell.send_modify(|s| s.sleeping = power == Power::Sleeps);
        if power == Power::Woke {
            changes.hint();
        }
    })
}

/// The subscription to changes of the connection profile.
struct StatusEvents(i64);

impl StatusEvents {
    fn register(wake: Arc<Notify>) -> io::Result<Self> {
        require_class(&HSTRING::from(NetworkInformation::NAME))?;
        let handler = NetworkStatusChangedEventHandler::new(move |_| {
            wake.notify_one();
            Ok(())
        });
        Ok(Self(NetworkInformation::NetworkStatusChanged(&handler)?))
    }
}

impl Drop for StatusEvents {
    fn drop(&mut self) {
        let _ = NetworkInformation::RemoveNetworkStatusChanged(self.0);
    }
}

/// What Windows says now; nothing without a connection.
fn profile() -> WindowsProfile {
    // Without a connection the profile is null, which is an error here.
    NetworkInformation::GetInternetConnectionProfile()
        .map(|profile| facts_of(&profile))
        .unwrap_or_default()
}

fn facts_of(profile: &ConnectionProfile) -> WindowsProfile {
    let cost = profile.GetConnectionCost().ok();
    WindowsProfile {
        name: profile.ProfileName().ok().map(|name| name.to_string_lossy()),
        level: profile.GetNetworkConnectivityLevel().ok().map(|level| level.0),
        cost: cost.as_ref().and_then(|c| c.NetworkCostType().ok()).map(|cost| cost.0),
        roaming: cost.is_some_and(|c| c.Roaming().unwrap_or(false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wine has both, but for the key of IPv6.
    #[tokio::test]
    async fn power_and_name_servers_can_be_registered() {
        let changes = NetworkChanges::none();
        power(&watch::channel(SystemState::default()).0, &changes).unwrap();
        let dns = DnsKeys::watch(move || changes.dns_hint()).unwrap();
        // It ends without a change.
        drop(dns);
    }

    /// Wherever it runs, wine included: it starts, asks, and ends when nobody listens.
    #[tokio::test]
    async fn it_starts_and_ends() {
        let (tell, heard) = watch::channel(SystemState::default());
        let task = tokio::spawn(listen(tell, NetworkChanges::none()));
        tokio::time::sleep(Duration::from_millis(500)).await;
        eprintln!("the system says: {:?}", heard.borrow());
        assert!(!heard.borrow().sleeping);
        drop(heard);
        task.await.unwrap();
    }
}
