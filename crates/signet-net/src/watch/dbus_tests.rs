//! Against services with the names and interfaces of the real ones, on a bus of our own.

use super::*;
use crate::watch::{SystemWatch, facts::NAME_MAX};
use signet_devca::private_keyring::PrivateBus;
use zbus::{interface, object_server::SignalEmitter};

const NETWORK_PATH: &str = "/org/freedesktop/NetworkManager/ActiveConnection/1";

struct Manager {
    connectivity: u32,
    checks: bool,
    metered: u32,
    primary: &'static str,
}

#[interface(name = "org.freedesktop.NetworkManager")]
impl Manager {
    #[zbus(property)]
    fn connectivity(&self) -> u32 {
        self.connectivity
    }

    #[zbus(property)]
    fn connectivity_check_enabled(&self) -> bool {
        self.checks
    }

    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.metered
    }

    #[zbus(property)]
    fn connectivity_check_uri(&self) -> String {
        "http://check.example/online".into()
    }

    #[zbus(property)]
    fn primary_connection(&self) -> OwnedObjectPath {
        OwnedObjectPath::try_from(self.primary).unwrap()
    }
}

struct Active(String);

#[interface(name = "org.freedesktop.NetworkManager.Connection.Active")]
impl Active {
    #[zbus(property)]
    fn id(&self) -> String {
        self.0.clone()
    }
}

struct Login;

#[interface(name = "org.freedesktop.login1.Manager")]
impl Login {
    #[zbus(signal)]
    async fn prepare_for_sleep(emitter: &SignalEmitter<'_>, start: bool) -> zbus::Result<()>;
}

async fn services(address: &str) -> Connection {
    let manager = Manager { connectivity: 4, checks: false, metered: 0, primary: NETWORK_PATH };
    zbus::connection::Builder::address(address)
        .unwrap()
        .name(MANAGER)
        .unwrap()
        .name(LOGIN)
        .unwrap()
        .serve_at(MANAGER_PATH, manager)
        .unwrap()
        .serve_at(NETWORK_PATH, Active("Hotel Wi-Fi ".repeat(20)))
        .unwrap()
        .serve_at("/org/freedesktop/login1", Login)
        .unwrap()
        .build()
        .await
        .unwrap()
}

async fn until(watch: &mut SystemWatch, what: &str, done: impl Fn(&SystemState) -> bool) {
    let patience = Duration::from_secs(20);
    let found = tokio::time::timeout(patience, async {
        while !done(&watch.now()) {
            watch.changed().await;
        }
    });
    assert!(found.await.is_ok(), "never: {what}: {:?}", watch.now());
}

#[tokio::test]
async fn the_network_its_cost_its_portal_and_sleep_are_told() {
    let home = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(home.path()).unwrap();
    let address = bus.env()[0].1.to_str().unwrap().to_owned();
    let (tell, heard) = watch::channel(SystemState::default());
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen(Some(address.clone()), tell, changes.clone()));
    let mut watch = SystemWatch(heard);
    // NetworkManager starts after the desk.
    let there = services(&address).await;
    until(&mut watch, "its name", |s| s.network.is_some()).await;
    assert_eq!(watch.now().network.unwrap().chars().count(), NAME_MAX);
    assert_eq!((watch.now().metered, watch.now().portal), (false, None));
    assert!(!watch.now().found_open, "it did not look");

    let manager = there.object_server().interface::<_, Manager>(MANAGER_PATH).await.unwrap();
    for (connectivity, metered, primary, want) in [
        (2, 1, NETWORK_PATH, (Some("http://check.example/online"), true, true)),
        (4, 3, NETWORK_PATH, (None, true, true)),
        (1, 4, "/", (None, false, false)),
    ] {
        {
            let mut m = manager.get_mut().await;
            (m.connectivity, m.metered, m.primary) = (connectivity, metered, primary);
            m.connectivity_changed(manager.signal_emitter()).await.unwrap();
        }
        until(&mut watch, "the change", |s| {
            (s.portal.as_deref(), s.metered, s.network.is_some()) == want
        })
        .await;
    }

    // It looks, and finds no portal.
    for found_open in [true, false] {
        {
            let mut m = manager.get_mut().await;
            (m.connectivity, m.checks) = (4, found_open);
            m.connectivity_check_enabled_changed(manager.signal_emitter()).await.unwrap();
        }
        until(&mut watch, "whether it looks", |s| s.found_open == found_open).await;
    }

    let login = there.object_server().interface::<_, Login>("/org/freedesktop/login1");
    let login = login.await.unwrap();
    changes.forget();
    Login::prepare_for_sleep(login.signal_emitter(), true).await.unwrap();
    until(&mut watch, "sleep", |s| s.sleeping).await;
    Login::prepare_for_sleep(login.signal_emitter(), false).await.unwrap();
    until(&mut watch, "waking", |s| !s.sleeping).await;
    changes.changed().await;

    // What is gone is not known.
    manager.get_mut().await.metered = 1;
    manager.get().await.metered_changed(manager.signal_emitter()).await.unwrap();
    until(&mut watch, "its cost", |s| s.metered).await;
    there.close().await.unwrap();
    until(&mut watch, "nothing", |s| *s == SystemState::default()).await;
    drop(watch);
    task.await.unwrap();
}

#[tokio::test]
async fn without_a_bus_nothing_is_known() {
    let (tell, heard) = watch::channel(SystemState { metered: true, ..SystemState::default() });
    let address = Some("unix:path=/nonexistent/bus".to_owned());
    let task = tokio::spawn(listen(address, tell, NetworkChanges::none()));
    let mut watch = SystemWatch(heard);
    until(&mut watch, "nothing", |s| *s == SystemState::default()).await;
    drop(watch);
    task.await.unwrap();
}

/// Both services are heard: the network has its name, and the machine is about to sleep.
async fn is_heard(services: &zbus::Connection, watch: &mut SystemWatch) {
    until(watch, "its name", |s| s.network.is_some()).await;
    let login = services.object_server().interface::<_, Login>("/org/freedesktop/login1");
    Login::prepare_for_sleep(login.await.unwrap().signal_emitter(), true).await.unwrap();
    until(watch, "sleep", |s| s.sleeping).await;
}

/// A crash of the bus takes NetworkManager and logind along. Networks may change and the machine
/// may wake meanwhile.
#[tokio::test]
async fn a_bus_that_is_killed_and_comes_back_is_one_change_and_is_heard_again() {
    let home = tempfile::tempdir().unwrap();
    let mut bus = PrivateBus::start(home.path()).unwrap();
    let address = bus.env()[0].1.to_str().unwrap().to_owned();
    let there = services(&address).await;
    let (tell, heard) = watch::channel(SystemState::default());
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen(Some(address.clone()), tell, changes.clone()));
    let mut watch = SystemWatch(heard);
    is_heard(&there, &mut watch).await;

    for _ in 0..2 {
        changes.forget();
        bus.stop();
        until(&mut watch, "nothing", |s| *s == SystemState::default()).await;
        let quiet = Duration::from_millis(300);
        let nothing = tokio::time::timeout(quiet, changes.changed()).await;
        assert!(nothing.is_err(), "told when it is heard again, and not before");

        bus.start_again().unwrap();
        let told = tokio::time::timeout(Duration::from_secs(20), changes.changed()).await;
        assert!(told.is_ok(), "what may have been missed");
        let back = services(&address).await;
        is_heard(&back, &mut watch).await;
    }
    drop(watch);
    task.await.unwrap();
}

/// More of them than wait to be read come before an answer, which must not get lost behind them.
#[tokio::test]
async fn a_flood_of_signals_hides_nothing() {
    let home = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(home.path()).unwrap();
    let address = bus.env()[0].1.to_str().unwrap().to_owned();
    let there = services(&address).await;
    let (tell, heard) = watch::channel(SystemState::default());
    let task = tokio::spawn(listen(Some(address.clone()), tell, NetworkChanges::none()));
    let mut watch = SystemWatch(heard);
    is_heard(&there, &mut watch).await;
    let manager = there.object_server().interface::<_, Manager>(MANAGER_PATH).await.unwrap();
    {
        let mut m = manager.get_mut().await;
        m.metered = 1;
        for _ in 0..4 * QUEUE {
            m.metered_changed(manager.signal_emitter()).await.unwrap();
        }
        // Meanwhile it is asked, and cannot answer.
        tokio::time::sleep(4 * SETTLE).await;
    }
    let mut network = true;
    let told = tokio::time::timeout(Duration::from_secs(20), async {
        while !watch.now().metered {
            network &= watch.changed().await.network.is_some();
        }
    })
    .await;
    assert!(told.is_ok() && network, "its name is known all the time");
    drop(watch);
    task.await.unwrap();
}

/// The bus stays: a service that is started again may have missed what it would have told.
#[tokio::test]
async fn a_service_that_is_started_again_is_one_change_and_nobody_sleeps() {
    let home = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(home.path()).unwrap();
    let address = bus.env()[0].1.to_str().unwrap().to_owned();
    let there = services(&address).await;
    let (tell, heard) = watch::channel(SystemState::default());
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen(Some(address.clone()), tell, changes.clone()));
    let mut watch = SystemWatch(heard);
    is_heard(&there, &mut watch).await;
    changes.forget();
    there.close().await.unwrap();
    until(&mut watch, "nothing", |s| *s == SystemState::default()).await;
    let back = services(&address).await;
    let told = tokio::time::timeout(Duration::from_secs(20), changes.changed()).await;
    assert!(told.is_ok(), "what may have been missed");
    until(&mut watch, "its name", |s| s.network.is_some()).await;
    drop((watch, back));
    task.await.unwrap();
}
