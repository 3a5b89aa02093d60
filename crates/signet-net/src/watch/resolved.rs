//! Linux: name servers, as systemd-resolved tells them (`org.freedesktop.resolve1`) over D-Bus.

use super::{
    NetworkChanges,
    dbus::{PROPERTIES, next, open, owner, signal},
    facts,
    restart::Restart,
};
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, timeout_at};
use zbus::{Message, MessageStream, zvariant::OwnedValue};

const RESOLVED: &str = "org.freedesktop.resolve1";
const RESOLVED_PATH: &str = "/org/freedesktop/resolve1";
/// Signals that wait to be read.
const QUEUE: usize = 16;
/// Changes within this time of a hint are one more hint, at its end: resolved goes from server to
/// server while none answers, and must not make the desk dial without end.
const SETTLE: Duration = Duration::from_millis(250);

/// Tells changes of name servers for as long as it is polled. `address`: of the bus; `None` for the
/// system's. A bus that ends is connected to again.
pub(super) async fn listen(address: Option<String>, changes: NetworkChanges) {
    let mut again = Restart::new("systemd-resolved");
    loop {
        let why = follow(address.as_deref(), &changes, &mut again).await;
        let wait = again.ended(&why);
        tokio::time::sleep(wait).await;
    }
}

/// Listens until the bus or resolved's signals cannot be had; why.
async fn follow(
    address: Option<&str>,
    changes: &NetworkChanges,
    again: &mut Restart,
) -> zbus::Error {
    match subscribe(address).await {
        Ok((mut properties, mut owner)) => {
            if again.hears() {
                changes.dns_hint();
            }
            hear(&mut properties, &mut owner, changes).await
        }
        Err(e) => e,
    }
}

/// Signals of resolved's properties, and of who has its name.
async fn subscribe(address: Option<&str>) -> zbus::Result<(MessageStream, MessageStream)> {
    let bus = open(address).await?;
    let properties =
        signal(RESOLVED, PROPERTIES, "PropertiesChanged")?.path_namespace(RESOLVED_PATH)?.build();
    Ok((
        MessageStream::for_match_rule(properties, &bus, Some(QUEUE)).await?,
        MessageStream::for_match_rule(owner(RESOLVED)?, &bus, Some(QUEUE)).await?,
    ))
}

/// Tells changes until the bus ends; why it did.
async fn hear(
    properties: &mut MessageStream,
    owner: &mut MessageStream,
    changes: &NetworkChanges,
) -> zbus::Error {
    loop {
        match heard(properties, owner).await {
            Ok(true) => changes.dns_hint(),
            Ok(false) => continue,
            Err(e) => return e,
        }
        let (until, mut more) = (Instant::now() + SETTLE, false);
        while let Ok(is_dns) = timeout_at(until, heard(properties, owner)).await {
            match is_dns {
                Ok(is_dns) => more |= is_dns,
                Err(e) => return e,
            }
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
