//! Linux: name servers, as systemd-resolved tells them (`org.freedesktop.resolve1`) over D-Bus.

use super::{
    NetworkChanges,
    dbus::{PROPERTIES, next, signal},
    facts,
};
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, timeout_at};
use zbus::{Connection, Message, MessageStream, zvariant::OwnedValue};

const RESOLVED: &str = "org.freedesktop.resolve1";
const RESOLVED_PATH: &str = "/org/freedesktop/resolve1";
/// Signals that wait to be read.
const QUEUE: usize = 16;
/// Changes within this time of a hint are one more hint, at its end: resolved goes from server to
/// server while none answers, and must not make the desk dial without end.
const SETTLE: Duration = Duration::from_millis(250);

/// Tells changes of name servers. Returns when the bus or resolved's signals cannot be had.
/// `address`: of the bus; `None` for the system's.
pub(super) async fn listen(address: Option<String>, changes: NetworkChanges) {
    if let Err(e) = follow(address, &changes).await {
        tracing::debug!(error = %e, "systemd-resolved is not heard");
    }
}

async fn follow(address: Option<String>, changes: &NetworkChanges) -> zbus::Result<()> {
    let bus = match &address {
        Some(address) => zbus::connection::Builder::address(address.as_str())?.build().await?,
        None => Connection::system().await?,
    };
    let properties =
        signal(RESOLVED, PROPERTIES, "PropertiesChanged")?.path_namespace(RESOLVED_PATH)?.build();
    let owner = signal("org.freedesktop.DBus", "org.freedesktop.DBus", "NameOwnerChanged")?
        .add_arg(RESOLVED)?
        .build();
    let mut properties = MessageStream::for_match_rule(properties, &bus, Some(QUEUE)).await?;
    let mut owner = MessageStream::for_match_rule(owner, &bus, Some(QUEUE)).await?;
    loop {
        if !heard(&mut properties, &mut owner).await? {
            continue;
        }
        changes.dns_hint();
        let (until, mut more) = (Instant::now() + SETTLE, false);
        while let Ok(is_dns) = timeout_at(until, heard(&mut properties, &mut owner)).await {
            more |= is_dns?;
        }
        if more {
            changes.dns_hint();
        }
    }
}

/// Waits for a signal; whether it changes name servers. One that starts, ends or starts again does.
async fn heard(properties: &mut MessageStream, owner: &mut MessageStream) -> zbus::Result<bool> {
    tokio::select! {
        changed = next(properties) => Ok(changes_dns(&changed?)),
        owned = next(owner) => owned.map(|_| true),
    }
}

fn changes_dns(message: &Message) -> bool {
    type Changed = (String, HashMap<String, OwnedValue>, Vec<String>);
    let body = message.body();
    let Ok((interface, set, invalidated)) = body.deserialize::<Changed>() else { return false };
    facts::is_dns(&interface, set.keys().chain(&invalidated).map(String::as_str))
}

#[cfg(test)]
#[path = "resolved_tests.rs"]
mod tests;
