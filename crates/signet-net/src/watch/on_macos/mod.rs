//! macOS: the dynamic store of `configd` (which service is primary, its addresses, name servers),
//! and sleeping and waking from power management, which both report to a run loop on one thread;
//! and whether the network is metered, from Network.framework's path monitor.
//!
//! Not heard: portals, for which macOS opens a window of its own. The desk asks a page
//! ([`PortalCheck`](super::PortalCheck)) instead.

mod calls;
mod path;

use super::{
    NetworkChanges,
    facts::{self, Power, STORE_KEYS, StoreChange},
    restart::Restart,
    state::SystemState,
};
use calls::{SystemPower, dictionary_text, run_in_default_mode};
use path::PathMonitor;
use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use system_configuration::{
    core_foundation::{array::CFArray, string::CFString},
    dynamic_store::{SCDynamicStore, SCDynamicStoreBuilder, SCDynamicStoreCallBackContext},
};
use tokio::sync::{oneshot, watch};

/// Tells the state at each change until nobody listens. A run loop whose source the system took
/// away is started again, and what may have been missed counts as one change.
pub(super) async fn listen(tell: watch::Sender<SystemState>, changes: NetworkChanges) {
    let _path = metered(&tell)
        .inspect_err(|e| tracing::info!(error = %e, "not heard: whether a network is metered"));
    let mut again = Restart::new("the dynamic store");
    loop {
        let why = tokio::select! {
            () = tell.closed() => return,
            why = hear(&tell, &changes, &mut again) => why,
        };
        // Until it is heard again its facts are not known.
        tell.send_if_modified(|s| {
            let (named, slept) = (s.network.take().is_some(), std::mem::take(&mut s.sleeping));
            named || slept
        });
        let wait = again.ended(&why);
        tokio::select! {
            () = tell.closed() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

fn metered(tell: &watch::Sender<SystemState>) -> io::Result<PathMonitor> {
    let tell = tell.clone();
    PathMonitor::start(move |path| {
        let metered = facts::is_metered(path);
        tell.send_if_modified(|s| std::mem::replace(&mut s.metered, metered) != metered);
    })
}

/// Tells the run loop of a thread to stop when it is dropped; it does within a second.
#[derive(Default)]
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs the loop on a thread of its own until it ends; why it did.
async fn hear(
    tell: &watch::Sender<SystemState>,
    changes: &NetworkChanges,
    again: &mut Restart,
) -> io::Error {
    let (started, starts) = oneshot::channel();
    let (ends, ended) = oneshot::channel();
    let (state, hints) = (tell.clone(), changes.clone());
    // Before the thread begins, so that it stops whenever this future is dropped.
    let running = Running::default();
    let stop = running.0.clone();
    let spawned = std::thread::Builder::new().name("signet-network".into()).spawn(move || {
        let why = match run(state, hints, started, &stop) {
            Ok(()) => io::Error::other("its run loop ended"),
            Err(e) => e,
        };
        // Nobody listens when the loop was stopped from here.
        let _ = ends.send(why);
    });
    if let Err(e) = spawned {
        return e;
    }
    // Without a run loop the thread has ended.
    if starts.await.is_ok() && again.hears() {
        changes.hint();
        changes.dns_hint();
    }
    let why = ended.await;
    drop(running);
    why.unwrap_or_else(|_| io::Error::other("its thread ended"))
}

/// Runs the loop on this thread until it is stopped, or until the system takes a source away.
fn run(
    tell: watch::Sender<SystemState>,
    changes: NetworkChanges,
    started: oneshot::Sender<()>,
    stop: &AtomicBool,
) -> io::Result<()> {
    let failed = |what: &str| io::Error::other(format!("{what} cannot be made"));
    let power = power(&tell, &changes)
        .inspect_err(|e| tracing::debug!(error = %e, "sleeping and waking are not heard"))
        .ok();
    let context =
        SCDynamicStoreCallBackContext { callout: on_store, info: (tell.clone(), changes) };
    let store = SCDynamicStoreBuilder::new("signet-desk")
        .callback_context(context)
        .build()
        .ok_or_else(|| failed("a session with the dynamic store"))?;
    let keys = CFArray::from_CFTypes(&STORE_KEYS.map(CFString::new));
    let patterns: CFArray<CFString> = CFArray::from_CFTypes(&[]);
    if !store.set_notification_keys(&keys, &patterns) {
        return Err(failed("a notification"));
    }
    let source = store.create_run_loop_source().ok_or_else(|| failed("a run loop source"))?;
    show(&store, &tell);
    // The receiver is gone when the runtime ended before this thread began.
    if started.send(()).is_ok() {
        run_in_default_mode(&source, || {
            !stop.load(Ordering::Relaxed) && power.as_ref().is_none_or(SystemPower::is_heard)
        });
    }
    Ok(())
}

fn power(tell: &watch::Sender<SystemState>, changes: &NetworkChanges) -> io::Result<SystemPower> {
    let (tell, changes) = (tell.clone(), changes.clone());
    SystemPower::register(move |power| {
        tell.send_modify(|s| s.sleeping = power == Power::Sleeps);
        if power == Power::Woke {
            changes.hint();
        }
    })
}

fn on_store(
    store: SCDynamicStore,
    changed: CFArray<CFString>,
    (tell, changes): &mut (watch::Sender<SystemState>, NetworkChanges),
) {
    for key in changed.iter() {
        match facts::store_change(&key.to_string()) {
            Some(StoreChange::Network) => changes.hint(),
            Some(StoreChange::Dns) => changes.dns_hint(),
            None => {}
        }
    }
    show(&store, tell);
}

fn show(store: &SCDynamicStore, tell: &watch::Sender<SystemState>) {
    let [ipv4, ipv6, _] = STORE_KEYS.map(|key| service_name(store, key));
    let network = facts::of_macos(ipv4.as_deref(), ipv6.as_deref());
    tell.send_if_modified(|s| {
        let new = SystemState { sleeping: s.sleeping, metered: s.metered, ..network };
        std::mem::replace(s, new.clone()) != new
    });
}

/// What the user calls the primary service, for example "Wi-Fi".
fn service_name(store: &SCDynamicStore, key: &'static str) -> Option<String> {
    let service = dictionary_text(&store.get(key)?, "PrimaryService")?;
    let settings = store.get(CFString::new(&format!("Setup:/Network/Service/{service}")))?;
    dictionary_text(&settings, "UserDefinedName")
}
