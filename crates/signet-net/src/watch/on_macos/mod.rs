//! macOS: the dynamic store of `configd` (which service is primary, its addresses, name servers),
//! and sleeping and waking from power management. Both report to a run loop on one thread.
//!
//! Not heard: whether a network is metered, which only Network.framework's path monitor knows, to
//! which there is no maintained binding; and portals, for which macOS opens a window of its own.

mod calls;

use super::{
    NetworkChanges,
    facts::{self, Power, STORE_KEYS, StoreChange},
    state::SystemState,
};
use calls::{SystemPower, dictionary_text, run_in_default_mode};
use std::io;
use system_configuration::{
    core_foundation::{array::CFArray, runloop::CFRunLoop, string::CFString},
    dynamic_store::{SCDynamicStore, SCDynamicStoreBuilder, SCDynamicStoreCallBackContext},
};
use tokio::sync::{oneshot, watch};

/// Tells the state at each change until nobody listens.
pub(super) async fn listen(tell: watch::Sender<SystemState>, changes: NetworkChanges) {
    let until = tell.clone();
    let (started, running) = oneshot::channel();
    let spawned = std::thread::Builder::new().name("signet-network".into()).spawn(move || {
        if let Err(e) = run(tell, changes, started) {
            tracing::debug!(error = %e, "the dynamic store is not heard");
        }
    });
    if let Err(e) = spawned {
        tracing::debug!(error = %e, "the dynamic store is not heard");
    }
    // Without a run loop nothing is known, and the thread has ended.
    if let Ok(run_loop) = running.await {
        until.closed().await;
        CFRunLoop::stop(&run_loop);
    }
}

/// Runs the loop on this thread until it is stopped.
fn run(
    tell: watch::Sender<SystemState>,
    changes: NetworkChanges,
    started: oneshot::Sender<CFRunLoop>,
) -> io::Result<()> {
    let failed = |what: &str| io::Error::other(format!("{what} cannot be made"));
    let _power = power(&tell, &changes)
        .inspect_err(|e| tracing::debug!(error = %e, "sleeping and waking are not heard"));
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
    if started.send(CFRunLoop::get_current()).is_ok() {
        run_in_default_mode(&source);
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
        let new = SystemState { sleeping: s.sleeping, ..network };
        std::mem::replace(s, new.clone()) != new
    });
}

/// What the user calls the primary service, for example "Wi-Fi".
fn service_name(store: &SCDynamicStore, key: &'static str) -> Option<String> {
    let service = dictionary_text(&store.get(key)?, "PrimaryService")?;
    let settings = store.get(CFString::new(&format!("Setup:/Network/Service/{service}")))?;
    dictionary_text(&settings, "UserDefinedName")
}
