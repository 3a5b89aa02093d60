//! The export: what leaves the laptop. The desk may be running meanwhile.

use super::{
    HistoryError, Keys,
    files::{
        altered, first_chain, is_begun, last_checkpoint, numbers, read_file, read_unchecked, sign,
    },
    folder,
};
use crate::{venue::DeskConfig, view::Problem};
use signet_history::{Chain, Selection, Source, export};
use signet_keystore::{Keychain, KeychainError};
use signet_tlog::{Checkpoint, note::VerifierKey};
use std::path::{Path, PathBuf};

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
    let (folder, keys) = place(config, keychain, identity)?;
    of_folder(&folder, &keys, wanted)
}

/// The end of a history, as it lies on the disk: its last file.
#[derive(Debug)]
pub struct HistoryTail {
    /// The public key of the checkpoints.
    pub key: VerifierKey,
    /// The history before the first of these records, as the head of the file says and signs it.
    pub before: Chain,
    /// The records of the file, oldest first. Nobody has looked whether they follow each other.
    pub records: Vec<Vec<u8>>,
    /// The last checkpoint on the disk, from before the file was read.
    pub noted: Option<Checkpoint>,
}

/// Reads the last file of the history of an identity, for a check that does not grow with the
/// history. The desk may be running meanwhile. The keychain may ask its owner.
///
/// # Errors
/// There is none, it was altered, or the keychain does not give the key.
pub fn history_tail(
    config: &DeskConfig,
    keychain: &dyn Keychain,
    identity: &str,
) -> Result<HistoryTail, HistoryError> {
    let (folder, keys) = place(config, keychain, identity)?;
    tail_of(&folder, &keys)
}

/// Reads the last file of the history in a folder.
pub(super) fn tail_of(folder: &Path, keys: &Keys) -> Result<HistoryTail, HistoryError> {
    let noted = last_checkpoint(folder, keys)?;
    let last = begun(folder, keys)?.last().copied();
    let last = last.ok_or_else(|| HistoryError::None(keys.desk.clone()))?;
    let (before, records) = read_unchecked(folder, last, keys)?;
    Ok(HistoryTail { key: keys.verifier().clone(), before, records, noted })
}

/// Where the history of an identity is, and its keys.
fn place(
    config: &DeskConfig,
    keychain: &dyn Keychain,
    identity: &str,
) -> Result<(PathBuf, Keys), HistoryError> {
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
    let keys = Keys::derive(&secret, &desk)?;
    Ok((folder, keys))
}

/// The files that have a head.
fn begun(folder: &Path, keys: &Keys) -> Result<Vec<u64>, HistoryError> {
    let mut all = numbers(folder)?;
    if let Some(last) = all.last().copied()
        && !is_begun(folder, last, keys)?
    {
        all.pop();
    }
    Ok(all)
}

/// Exports the history in a folder.
pub(super) fn of_folder(
    folder: &Path,
    keys: &Keys,
    wanted: &Selection,
) -> Result<HistoryExport, HistoryError> {
    // Before the files are looked for: the desk may begin another one at any moment.
    let noted = last_checkpoint(folder, keys)?;
    let all = begun(folder, keys)?;
    let Some(first) = all.first() else { return Err(HistoryError::None(keys.desk.clone())) };
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
