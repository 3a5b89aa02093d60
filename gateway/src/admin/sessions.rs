//! Sequence numbers of FIX sessions, for an administrator: read, start again, or set.
//!
//! A store belongs to one process at a time. While the gateway runs it holds those of all dealers,
//! and of each desk that has connected; the commands then say so and change nothing.

use super::{AdminError, actor, date, open};
use crate::{
    config::Config,
    state_dir::{dealers_folder, desks_folder, existing_store_key, party_of_session},
};
use signet_fix::store::{SealedStore, SessionStore, StoreError};
use signet_journal::{LogError, StoreKey};
use signet_registry::NewEvent;
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

/// Largest number that can be set: what a session may still count up from for ever.
const MAX_SET: u64 = 1_000_000_000_000;

/// What becomes of a session's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewNumbers {
    /// Both 1, and nothing kept to be sent again.
    Reset,
    /// `None`: as it is.
    Set {
        /// MsgSeqNum (34) of what we send next.
        next_out: Option<u64>,
        /// MsgSeqNum (34) that we expect next.
        next_in: Option<u64>,
    },
}

struct Found {
    kind: &'static str,
    party: String,
    path: PathBuf,
}

/// Every session's numbers, or those of one party, by its CompID.
///
/// # Errors
/// There is no such session, or its store cannot be read.
pub fn session_show(config: &Config, party: Option<&str>) -> Result<String, AdminError> {
    let found = match party {
        Some(p) => vec![find(config, p)?],
        None => all(config)?,
    };
    if found.is_empty() {
        return Ok("no session has a store yet\n".into());
    }
    let key = store_key(config)?;
    let mut text = format!(
        "{:<8} {:<24} {:>12} {:>12}  {}\n",
        "WHO", "COMPID", "NEXT OUT", "NEXT IN", "SINCE"
    );
    for f in found {
        let line = match open_store(&f, &key) {
            Ok(s) => {
                format!("{:>12} {:>12}  {}", s.next_sender(), s.next_target(), date(s.created())?)
            }
            Err(AdminError::SessionInUse(_)) if party.is_none() => {
                "in use by the running gateway".into()
            }
            Err(e) => return Err(e),
        };
        let _ = writeln!(text, "{:<8} {:<24} {line}", f.kind, f.party);
    }
    Ok(text)
}

/// Changes a session's numbers, which both ends must do alike; what they were and are.
///
/// # Errors
/// There is no such session, the running gateway holds it, or the event cannot be written: then
/// nothing is changed.
pub async fn session_change(
    config: &Config,
    party: &str,
    new: NewNumbers,
) -> Result<String, AdminError> {
    let found = find(config, party)?;
    if let NewNumbers::Set { next_out, next_in } = new
        && [next_out, next_in].into_iter().flatten().any(|n| !(1..=MAX_SET).contains(&n))
    {
        return Err(AdminError::SessionNumber);
    }
    let mut store = open_store(&found, &store_key(config)?)?;
    let before = (store.next_sender(), store.next_target());
    let (kind, after) = match new {
        NewNumbers::Reset => ("session.reset", (1, 1)),
        NewNumbers::Set { next_out, next_in } => {
            ("session.set", (next_out.unwrap_or(before.0), next_in.unwrap_or(before.1)))
        }
    };
    let numbers =
        |(next_out, next_in): (u64, u64)| format!("next out {next_out}, next in {next_in}");
    let words = format!("{} -> {}", numbers(before), numbers(after));
    // Before the change: one that is not written down does not happen.
    if config.registry.is_some() {
        let registry = open(config).await?;
        let noted = registry
            .note(NewEvent::new(crate::clock::now(), &actor(), kind, party, words.as_str()))
            .await;
        registry.close().await;
        noted?;
    }
    let changed = match new {
        NewNumbers::Reset => store.reset(crate::clock::now()),
        NewNumbers::Set { .. } => {
            store.set_next_sender(after.0).and_then(|()| store.set_next_target(after.1))
        }
    };
    changed.map_err(|e| in_words(&found, e))?;
    Ok(format!("{party}: {words}\n"))
}

fn store_key(config: &Config) -> Result<StoreKey, AdminError> {
    existing_store_key(config).map_err(|e| AdminError::StoreKey(e.to_string()))
}

fn open_store(found: &Found, key: &StoreKey) -> Result<SealedStore, AdminError> {
    SealedStore::open(&found.path, key, crate::clock::now(), true).map_err(|e| in_words(found, e))
}

fn in_words(found: &Found, e: StoreError) -> AdminError {
    match e {
        StoreError::Log(LogError::InUse(_)) => AdminError::SessionInUse(found.party.clone()),
        e => AdminError::SessionStore(found.party.clone(), e.to_string()),
    }
}

fn find(config: &Config, party: &str) -> Result<Found, AdminError> {
    all(config)?
        .into_iter()
        .find(|f| f.party == party)
        .ok_or_else(|| AdminError::NoSession(party.to_owned()))
}

fn all(config: &Config) -> Result<Vec<Found>, AdminError> {
    let mut found = vec![];
    for (kind, folder) in [("dealer", dealers_folder(config)), ("desk", desks_folder(config))] {
        found.extend(stores(kind, &folder)?);
    }
    Ok(found)
}

fn stores(kind: &'static str, folder: &Path) -> Result<Vec<Found>, AdminError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(source) => return Err(AdminError::File { path: folder.into(), source }),
    };
    let named = |path: PathBuf| party_of_session(&path).map(|party| Found { kind, party, path });
    let mut found: Vec<Found> = entries.flatten().filter_map(|e| named(e.path())).collect();
    found.sort_by(|a, b| a.party.cmp(&b.party));
    Ok(found)
}
