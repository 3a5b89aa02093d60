//! Against a service with the name and interfaces of the real one, on a bus of our own.

use super::*;
use signet_devca::private_keyring::PrivateBus;
use zbus::{Connection, interface, object_server::SignalEmitter};

const LINK_PATH: &str = "/org/freedesktop/resolve1/link/_32";
const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing must come.
const QUIET: Duration = Duration::from_secs(1);

struct Manager;

#[interface(name = "org.freedesktop.resolve1.Manager")]
impl Manager {
    #[zbus(property, name = "DNS")]
    fn dns(&self) -> Vec<(i32, i32, Vec<u8>)> {
        vec![(2, 2, vec![192, 0, 2, 53])]
    }

    #[zbus(property, name = "CurrentDNSServer")]
    fn current_dns_server(&self) -> (i32, i32, Vec<u8>) {
        (2, 2, vec![192, 0, 2, 53])
    }

    #[zbus(property)]
    fn cache_statistics(&self) -> (u64, u64, u64) {
        (1, 2, 3)
    }
}

struct Link;

#[interface(name = "org.freedesktop.resolve1.Link")]
impl Link {
    #[zbus(property, name = "DNS")]
    fn dns(&self) -> Vec<(i32, Vec<u8>)> {
        Vec::new()
    }
}

async fn service(address: &str) -> Connection {
    zbus::connection::Builder::address(address)
        .unwrap()
        .name(RESOLVED)
        .unwrap()
        .serve_at(RESOLVED_PATH, Manager)
        .unwrap()
        .serve_at(LINK_PATH, Link)
        .unwrap()
        .build()
        .await
        .unwrap()
}

async fn told(changes: &mut NetworkChanges, what: &str) {
    let told = tokio::time::timeout(PATIENCE, changes.dns_changed()).await;
    assert!(told.is_ok(), "never: {what}");
}

/// Lets what belongs to the last change pass.
async fn settled(changes: &mut NetworkChanges) {
    while tokio::time::timeout(QUIET, changes.dns_changed()).await.is_ok() {}
}

fn at<'a>(bus: &Connection, path: &'a str) -> SignalEmitter<'a> {
    SignalEmitter::new(bus, path).unwrap()
}

#[tokio::test]
async fn name_servers_of_resolved_are_heard_and_what_is_not_one_is_not() {
    let home = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(home.path()).unwrap();
    let address = bus.env()[0].1.to_str().unwrap().to_owned();
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen(Some(address.clone()), changes.clone()));
    // The match rules must stand before the service comes, or its coming is not heard.
    let probe =
        zbus::connection::Builder::address(address.as_str()).unwrap().build().await.unwrap();
    let dbus = zbus::fdo::DBusProxy::new(&probe).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    // Both buses count: ours, the listener's, and the bus's own name.
    while dbus.list_names().await.unwrap().len() < 3 {
        assert!(Instant::now() < deadline, "the listener never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(QUIET).await;

    let there = service(&address).await;
    told(&mut changes, "resolved starts").await;
    settled(&mut changes).await;

    Manager.d_n_s_changed(&at(&there, RESOLVED_PATH)).await.unwrap();
    told(&mut changes, "DNS of the manager").await;
    settled(&mut changes).await;

    Manager.current_d_n_s_server_changed(&at(&there, RESOLVED_PATH)).await.unwrap();
    told(&mut changes, "the current server").await;
    settled(&mut changes).await;

    Link.d_n_s_changed(&at(&there, LINK_PATH)).await.unwrap();
    told(&mut changes, "DNS of a link").await;
    settled(&mut changes).await;

    // The network did not change, and the cache's figures are not name servers.
    Manager.cache_statistics_changed(&at(&there, RESOLVED_PATH)).await.unwrap();
    let nothing = tokio::time::timeout(QUIET, changes.any_changed()).await;
    assert!(nothing.is_err());

    there.close().await.unwrap();
    told(&mut changes, "resolved ends").await;
    task.abort();
}

#[tokio::test]
async fn a_flood_of_signals_is_a_hint_at_once_and_one_at_its_end() {
    let home = tempfile::tempdir().unwrap();
    let bus = PrivateBus::start(home.path()).unwrap();
    let address = bus.env()[0].1.to_str().unwrap().to_owned();
    let there = service(&address).await;
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen(Some(address), changes.clone()));
    // Whether the listener is there is seen by its answers.
    let ready = async {
        loop {
            Link.d_n_s_changed(&at(&there, LINK_PATH)).await.unwrap();
            if tokio::time::timeout(QUIET, changes.dns_changed()).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.unwrap();
    settled(&mut changes).await;
    for _ in 0..500 {
        Link.d_n_s_changed(&at(&there, LINK_PATH)).await.unwrap();
    }
    let mut hints = 0;
    while tokio::time::timeout(QUIET, changes.dns_changed()).await.is_ok() {
        hints += 1;
    }
    // Two for a flood that passes within the time of one hint; a slow machine may need longer.
    assert!((1..100).contains(&hints), "{hints}");
    task.abort();
}

/// Both times something may have been missed: before there was a bus, and while it was away.
#[tokio::test]
async fn a_bus_that_comes_late_or_comes_back_counts_as_a_change_and_is_heard() {
    let home = tempfile::tempdir().unwrap();
    let mut bus = PrivateBus::start(home.path()).unwrap();
    let address = bus.env()[0].1.to_str().unwrap().to_owned();
    bus.stop();
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen(Some(address.clone()), changes.clone()));
    let nothing = tokio::time::timeout(QUIET, changes.dns_changed()).await;
    assert!(nothing.is_err(), "without a bus there is nothing to tell");
    for _ in 0..2 {
        bus.start_again().unwrap();
        told(&mut changes, "the bus").await;
        settled(&mut changes).await;
        let there = service(&address).await;
        told(&mut changes, "resolved starts").await;
        settled(&mut changes).await;
        Link.d_n_s_changed(&at(&there, LINK_PATH)).await.unwrap();
        told(&mut changes, "DNS of a link").await;
        settled(&mut changes).await;
        bus.stop();
        let nothing = tokio::time::timeout(QUIET, changes.dns_changed()).await;
        assert!(nothing.is_err(), "told when it is heard again, and not before");
    }
    task.abort();
}
