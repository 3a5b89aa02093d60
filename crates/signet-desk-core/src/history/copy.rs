//! The export: what leaves the laptop. The desk may be running meanwhile.

use super::{
    HistoryError, Keys,
    files::{altered, begun, first_chain, last_checkpoint, read_unchecked, sign},
    folder,
};
use crate::{venue::DeskConfig, view::Problem};
use signet_history::{Chain, Exporter, Selection};
use signet_keystore::{Keychain, KeychainError};
use signet_tlog::{Checkpoint, note::VerifierKey};
use std::path::{Path, PathBuf};

/// Bytes of an export that the desk makes while it trades. That of one RFQ has a line for each
/// record of the history, and years of quotes do not fit into memory.
pub(super) const TEXT_MAX: usize = 256 * 1024 * 1024;
/// Bytes of the shortest line of a record: its number and its hash.
const LINE_MIN: u64 = 49;

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
    of_folder(&folder, &keys, wanted, usize::MAX)
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

/// Exports the history in a folder. One file at a time is in memory, beside the text, which is at
/// most this long.
pub(super) fn of_folder(
    folder: &Path,
    keys: &Keys,
    wanted: &Selection,
    text_max: usize,
) -> Result<HistoryExport, HistoryError> {
    // Before the files are looked for: the desk may begin another one at any moment.
    let noted = last_checkpoint(folder, keys)?;
    let all = begun(folder, keys)?;
    let (Some(first), Some((last, earlier))) = (all.first(), all.split_last()) else {
        return Err(HistoryError::None(keys.desk.clone()));
    };
    let base = first_chain(folder, *first, keys)?;
    // The signature stands above the records, so their end is read first. What the desk adds to the
    // last file meanwhile is left out.
    let (mut end, last_records) = read_unchecked(folder, *last, keys)?;
    last_records.iter().for_each(|r| end.push(r));
    if noted.is_some_and(|c| c.size > end.size()) {
        return Err(altered(folder, "records that a checkpoint was over are missing"));
    }
    // Before hundreds of files are read in vain.
    let least = end.size().saturating_sub(base.size()).saturating_mul(LINE_MIN);
    if !usize::try_from(least).is_ok_and(|least| least <= text_max) {
        return Err(HistoryError::TooLong(text_max));
    }
    let mut out = Exporter::begin(keys.verifier(), &sign(&end, keys)?, base);
    let misplaced =
        |n: u64| altered(folder, &format!("record {n} does not follow the one before it"));
    let mut put = |records: &[Vec<u8>]| {
        records.iter().try_for_each(|record| {
            out.record(record, wanted).map_err(misplaced)?;
            if out.bytes() > text_max { Err(HistoryError::TooLong(text_max)) } else { Ok(()) }
        })
    };
    for number in earlier {
        put(&read_unchecked(folder, *number, keys)?.1)?;
    }
    put(&last_records)?;
    let text = out.end();
    Ok(HistoryExport {
        text,
        desk: keys.desk.clone(),
        key: keys.verifier().to_string(),
        size: end.size(),
    })
}
