//! Linux: NetworkManager (`nm-dbus-interface`) and logind (`org.freedesktop.login1`), over D-Bus.

use super::{NetworkChanges, facts, state::SystemState};
use std::{collections::HashMap, future::poll_fn, pin::pin, time::Duration};
use tokio::sync::watch;
use zbus::{
    Connection, MatchRule, MessageStream,
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

/// Tells the state at each change until nobody listens. `address`: of the bus; `None` for the
/// system's.
pub(super) async fn listen(
    address: Option<String>,
    tell: watch::Sender<SystemState>,
    changes: NetworkChanges,
) {
    if let Err(e) = follow(address, &tell, &changes).await {
        tracing::debug!(error = %e, "NetworkManager and logind are not heard");
    }
    // From here on nothing is known.
    tell.send_replace(SystemState::default());
    tell.closed().await;
}

async fn follow(
    address: Option<String>,
    tell: &watch::Sender<SystemState>,
    changes: &NetworkChanges,
) -> zbus::Result<()> {
    let bus = match &address {
        Some(address) => zbus::connection::Builder::address(address.as_str())?.build().await?,
        None => Connection::system().await?,
    };
    let properties = signal(MANAGER, PROPERTIES, "PropertiesChanged")?.path(MANAGER_PATH)?.build();
    let owner = signal("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged")?
        .add_arg(MANAGER)?
        .build();
    let sleep = signal(LOGIN, LOGIN_MANAGER, "PrepareForSleep")?.build();
    let stream = |rule| MessageStream::for_match_rule(rule, &bus, Some(QUEUE));
    let (mut properties, mut owner, mut sleep) =
        (stream(properties).await?, stream(owner).await?, stream(sleep).await?);
    loop {
        let network = tokio::time::timeout(ANSWER_MAX, read(&bus)).await.unwrap_or_default();
        tell.send_if_modified(|s| {
            let new = SystemState { sleeping: s.sleeping, ..network };
            std::mem::replace(s, new.clone()) != new
        });
        tokio::select! {
            () = tell.closed() => return Ok(()),
            heard = next(&mut properties) => drop(heard?),
            heard = next(&mut owner) => drop(heard?),
            heard = next(&mut sleep) => {
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

pub(super) fn signal(
    sender: &'static str,
    interface: &'static str,
    member: &'static str,
) -> zbus::Result<zbus::match_rule::Builder<'static>> {
    MatchRule::builder().msg_type(Type::Signal).sender(sender)?.interface(interface)?.member(member)
}

pub(super) async fn next(stream: &mut MessageStream) -> zbus::Result<zbus::Message> {
    let mut stream = pin!(stream);
    match poll_fn(|cx| stream.as_mut().poll_next(cx)).await {
        Some(message) => message,
        None => Err(zbus::Error::InputOutput(
            std::io::Error::from(std::io::ErrorKind::ConnectionAborted).into(),
        )),
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
