//! How FIX sessions are opened and run at this end.

use crate::{
    clock::now,
    config::{Config, DealerEntry, ResetSchedule},
};
use signet_fix::{
    session::{LogonReset, Role, Session, SessionConfig, SessionOptions},
    store::SealedStore,
};
use signet_identity::CompId;
use signet_journal::StoreKey;
use std::path::Path;

/// How a desk's sessions are run at this end.
pub(crate) fn desk_options(c: &Config) -> SessionOptions {
    SessionOptions {
        heartbeat_s: 1..=c.desks.heartbeat_max_s,
        ..SessionOptions::between_desk_and_gateway()
    }
}

pub(crate) fn dealer_options(d: &DealerEntry) -> SessionOptions {
    let logon_reset =
        if d.reset == ResetSchedule::Logon { LogonReset::Always } else { LogonReset::Never };
    SessionOptions { logon_reset, ..SessionOptions::default() }
}

pub(crate) fn open_session(
    c: &Config,
    (role, options): (Role, SessionOptions),
    target: &CompId,
    path: &Path,
    key: &StoreKey,
    sync: bool,
) -> Result<Session, String> {
    let store = SealedStore::open(path, key, now(), sync).map_err(|e| e.to_string())?;
    let settings = SessionConfig {
        role,
        sender: c.gateway.comp_id.clone(),
        target: target.clone(),
        heartbeat_s: c.dealers.heartbeat_s,
        strict: role == Role::Acceptor,
    };
    Session::open_with(&settings, options, Box::new(store)).map_err(|e| e.to_string())
}
