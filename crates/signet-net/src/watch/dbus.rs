//! Linux: NetworkManager (`nm-dbus-interface`) and logind (`org.freedesktop.login1`), over D-Bus.

use super::{NetworkChanges, facts, restart::Restart, state::SystemState};
use std::{collections::HashMap, future::poll_fn, pin::pin, time::Duration};
use tokio::sync::watch;
use zbus::{
    Connection, MatchRule, Message, MessageStream,
    connection::Builder,
    export::futures_core::Stream,
    message::Type,
    zvariant::{OwnedObjectPath, OwnedValue},
};

const MANAGER: &str = "org.freedesktop.NetworkManager";
const MANAGER_PATH: &str = "/org/freedesktop/NetworkManager";
const ACTIVE: &str = "org.freedesktop.NetworkManager.Connection.Active";
pub(super) const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const LOGIN: &str = "org.freedesktop.login1";
const LOGIN_MANAGER: &str = "org.freedesktop.login1.Manager";
/// Signals that wait to be read. More are merged: the state is read whole each time.
const QUEUE: usize = 16;
/// Signals about one change come in bunches.
const SETTLE: Duration = Duration::from_millis(50);
/// A service that does not answer in this time has no answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// A bus that does not take a connection, or a match rule, in this time is tried again later.
const OPEN_MAX: Duration = Duration::from_secs(10);

/// Tells the state at each change until nobody listens. `address`: of the bus; `None` for the
/// system's. A bus that ends is connected to again, and what may have been missed counts as one
/// change of the network.
pub(super) async fn listen(
    address: Option<String>,
    tell: watch::Sender<SystemState>,
    changes: NetworkChanges,
) {
    let mut again = Restart::new("NetworkManager and logind");
    loop {
        let wait = match follow(address.as_deref(), &tell, &changes, &mut again).await {
            Ok(()) => return,
            Err(e) => again.ended(&e),
        };
        // Until it is heard again nothing is known.
        show(&tell, SystemState::default());
        tokio::select! {
            () = tell.closed() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What is heard of the two services.
struct Signals {
    properties: MessageStream,
    manager: MessageStream,
    login: MessageStream,
    sleep: MessageStream,
}

async fn subscribe(bus: &Connection) -> zbus::Result<Signals> {
    let properties = signal(MANAGER, PROPERTIES, "PropertiesChanged")?.path(MANAGER_PATH)?.build();
    let sleep = signal(LOGIN, LOGIN_MANAGER, "PrepareForSleep")?.build();
    let stream = |rule| MessageStream::for_match_rule(rule, bus, Some(QUEUE));
    Ok(Signals {
        properties: stream(properties).await?,
        manager: stream(owner(MANAGER)?).await?,
        login: stream(owner(LOGIN)?).await?,
        sleep: stream(sleep).await?,
    })
}

/// Listens until nobody does to it, or until the bus ends.
async fn follow(
    address: Option<&str>,
    tell: &watch::Sender<SystemState>,
    changes: &NetworkChanges,
    again: &mut Restart,
) -> zbus::Result<()> {
    let bus = open(address).await?;
    let mut signals = subscribe(&bus).await?;
    if again.hears() {
        changes.hint();
    }
    loop {
        let (network, changed) = ask(&bus, &mut signals.properties).await?;
        let sleeping = tell.borrow().sleeping;
        show(tell, SystemState { sleeping, ..network });
        tokio::select! {
            () = tell.closed() => return Ok(()),
            () = std::future::ready(()), if changed => {}
            heard = next(&mut signals.properties) => drop(heard?),
            heard = next(&mut signals.manager) => {
                if is_there(&heard?)? {
                    changes.hint();
                }
            }
            heard = next(&mut signals.login) => {
                // Its word that the machine woke may be among what was missed.
                tell.send_if_modified(|s| std::mem::take(&mut s.sleeping));
                if is_there(&heard?)? {
                    changes.hint();
                }
            }
            heard = next(&mut signals.sleep) => {
                let sleeping = heard?.body().deserialize::<bool>()?;
                tell.send_modify(|s| s.sleeping = sleeping);
                if !sleeping {
                    changes.hint();
                }
            }
        }
        tokio::time::sleep(SETTLE).await;
    }
}

fn show(tell: &watch::Sender<SystemState>, new: SystemState) {
    tell.send_if_modified(|s| {
        let changed = *s != new;
        *s = new;
        changed
    });
}

/// A connection to the bus at `address`, or to the system's.
pub(super) async fn open(address: Option<&str>) -> zbus::Result<Connection> {
    let opening = async {
        let bus = match address {
            Some(address) => Builder::address(address)?,
            None => Builder::system()?,
        };
        bus.method_timeout(OPEN_MAX).build().await
    };
    let late = |_| Err(ended(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(OPEN_MAX, opening).await.unwrap_or_else(late)
}

/// Tells when a service comes or goes.
pub(super) fn owner(name: &'static str) -> zbus::Result<MatchRule<'static>> {
    let changed = signal("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged")?;
    Ok(changed.add_arg(name)?.build())
}

/// Whether the service has come, and not gone.
fn is_there(owner_changed: &Message) -> zbus::Result<bool> {
    let body = owner_changed.body();
    let (_, _, new): (String, String, String) = body.deserialize()?;
    Ok(!new.is_empty())
}

pub(super) fn signal(
    sender: &'static str,
    interface: &'static str,
    member: &'static str,
) -> zbus::Result<zbus::match_rule::Builder<'static>> {
    MatchRule::builder().msg_type(Type::Signal).sender(sender)?.interface(interface)?.member(member)
}

pub(super) async fn next(stream: &mut MessageStream) -> zbus::Result<Message> {
    let mut stream = pin!(stream);
    match poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        Some(message) => message,
        None => Err(ended(std::io::ErrorKind::ConnectionAborted)),
    }
}

fn ended(how: std::io::ErrorKind) -> zbus::Error {
    zbus::Error::InputOutput(std::io::Error::from(how).into())
}

/// What NetworkManager says now, and whether that may have changed meanwhile. Its signals are taken
/// as they come: the library brings no answer past a queue that is full.
async fn ask(bus: &Connection, changes: &mut MessageStream) -> zbus::Result<(SystemState, bool)> {
    let mut answer = pin!(tokio::time::timeout(ANSWER_MAX, read(bus)));
    let mut changed = false;
    loop {
        tokio::select! {
            biased;
            answered = &mut answer => return Ok((answered.unwrap_or_default(), changed)),
            heard = next(changes) => {
                drop(heard?);
                changed = true;
            }
        }
    }
}

/// What NetworkManager says now; nothing where it does not run.
async fn read(bus: &Connection) -> SystemState {
    let Ok(all) = properties(bus, MANAGER_PATH, MANAGER).await else {
        return SystemState::default();
    };
    let number = |name: &str| all.get(name).and_then(|v| u32::try_from(v).ok());
    let text = |v: &OwnedValue| <&str>::try_from(v).ok().map(str::to_owned);
    let primary = all.get("PrimaryConnection").and_then(|v| v.try_clone().ok());
    let network = match primary.and_then(|v| OwnedObjectPath::try_from(v).ok()) {
        Some(path) if path.as_str() != "/" => properties(bus, path.as_str(), ACTIVE)
            .await
            .ok()
            .and_then(|active| active.get("Id").and_then(text)),
        _ => None,
    };
    facts::of_network_manager(&facts::NetworkManager {
        connectivity: number("Connectivity"),
        checks: all.get("ConnectivityCheckEnabled").and_then(|v| bool::try_from(v).ok()),
        metered: number("Metered"),
        check_page: all.get("ConnectivityCheckUri").and_then(text),
        connection: network,
    })
}

async fn properties(
    bus: &Connection,
    path: &str,
    interface: &str,
) -> zbus::Result<HashMap<String, OwnedValue>> {
    let answer =
        bus.call_method(Some(MANAGER), path, Some(PROPERTIES), "GetAll", &(interface)).await?;
    answer.body().deserialize()
}

#[cfg(test)]
#[path = "dbus_tests.rs"]
mod tests;
