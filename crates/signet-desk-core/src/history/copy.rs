//! The export: what leaves the laptop. The desk may be running meanwhile.

use super::{
    HistoryError, Keys,
    files::{altered, first_chain, is_begun, last_checkpoint, numbers, read_file, sign},
    folder,
};
use crate::{venue::DeskConfig, view::Problem};
use signet_history::{Chain, Selection, Source, export};
use signet_keystore::{Keychain, KeychainError};
use std::path::Path;

/// An export, and what it is of.
#[derive(Debug)]
pub struct HistoryExport {
    /// The text, for [`signet_history::verify`].
    pub text: String,
    /// Whose history it is.
    pub desk: String,
    /// The public key of the checkpoint, as programs for signed notes read it.
    pub key: String,
    /// Number of records, from the beginning of the history.
    pub size: u64,
}

/// Exports the history of an identity. The keychain may ask its owner.
///
/// # Errors
/// There is none, it was altered, or the keychain does not give the key.
pub fn history_export(
    config: &DeskConfig,
    keychain: &dyn Keychain,
    identity: &str,
    wanted: &Selection,
) -> Result<HistoryExport, HistoryError> {
    let from_keychain = |e: KeychainError| HistoryError::Keychain(Box::new(Problem::from(&e)));
    let listed = keychain.identities().map_err(from_keychain)?;
    let found = listed.into_iter().find(|i| i.name.as_str() == identity);
    let found = found.ok_or_else(|| HistoryError::None(identity.into()))?;
    let desk = match found.peer {
        Some(peer) => peer.comp_id.to_string(),
        None => format!("direct-{}", found.name),
    };
    let folder = folder(&config.data_dir.join(&desk));
    // Before the keychain is asked: it would make a secret.
    if !folder.is_dir() {
        return Err(HistoryError::None(identity.into()));
    }
    let secret = keychain.secret(&found.name).map_err(from_keychain)?;
    of_folder(&folder, &Keys::derive(&secret, &desk)?, wanted)
}

/// Exports the history in a folder.
pub(super) fn of_folder(
    folder: &Path,
    keys: &Keys,
    wanted: &Selection,
) -> Result<HistoryExport, HistoryError> {
    let mut all = numbers(folder)?;
    if let Some(last) = all.last().copied()
        && !is_begun(folder, last, keys)?
    {
        all.pop();
    }
    let Some(first) = all.first() else { return Err(HistoryError::None(keys.desk.clone())) };
    let noted = last_checkpoint(folder, keys)?;
    let base = first_chain(folder, *first, keys)?;
    let (mut chain, mut records): (Chain, Vec<Vec<u8>>) = (base.clone(), Vec::new());
    for number in all {
        let (after, more) = read_file(folder, number, keys)?;
        records.extend(more);
        chain = after;
    }
    if noted.is_some_and(|c| c.size > chain.size()) {
        return Err(altered(folder, "records that a checkpoint was over are missing"));
    }
    let note = sign(&chain, keys)?;
    let source = Source { key: keys.verifier(), checkpoint: &note, base, records: &records };
    let text = export(&source, wanted)
        .map_err(|n| altered(folder, &format!("record {n} does not follow the one before it")))?;
    Ok(HistoryExport {
        text,
        desk: keys.desk.clone(),
        key: keys.verifier().to_string(),
        size: chain.size(),
    })
}
