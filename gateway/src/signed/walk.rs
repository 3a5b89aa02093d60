//! Every record of the evidence in order, for whoever checks or proves something about it.

use super::{
    log::{SignedLogError, files},
    record::{Record, State, Totalled},
};
use signet_journal::{LogError, LogReader, SealedLog, StoreKey};
use signet_tlog::CompactRange;
use std::path::{Path, PathBuf};

/// One record, and what is known after it.
pub(crate) struct Step<'a> {
    /// The file that it is in.
    pub(crate) path: &'a Path,
    /// The number of that file.
    pub(crate) file: u64,
    /// Its place in the file, from 0.
    pub(crate) index: usize,
    /// The record.
    pub(crate) bytes: &'a [u8],
    /// The tree up to and with it; `None` in files from before there was one.
    pub(crate) tree: Option<&'a CompactRange>,
    /// What the journal of RFQs holds after it.
    pub(crate) journal: Totalled,
}

/// Hands over every record, oldest first, and checks that files and records follow one another. The
/// gateway may be running.
pub(crate) fn walk<E: From<SignedLogError>>(
    folder: &Path,
    key: &StoreKey,
    with: impl FnMut(&Step<'_>) -> Result<(), E>,
) -> Result<(), E> {
    walk_files(&files(folder)?, key, with)
}

/// The same of the last files, from the one on whose records make the tree one of `size` leaves.
pub(crate) fn walk_from<E: From<SignedLogError>>(
    folder: &Path,
    key: &StoreKey,
    size: u64,
    with: impl FnMut(&Step<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let all = files(folder)?;
    let mut first = all.len().saturating_sub(1);
    while first > 0 && begins_with(&all[first].1, key)?.is_none_or(|n| n >= size) {
        first -= 1;
    }
    walk_files(&all[first..], key, with)
}

/// Whether the files here have the record that makes the tree one of `size` leaves, as far as the
/// head of the first file says: older ones may be in an archive.
pub(crate) fn reaches_back_to(
    folder: &Path,
    key: &StoreKey,
    size: u64,
) -> Result<bool, SignedLogError> {
    match files(folder)?.first() {
        // Files from before there was a tree say nothing, and begin before it.
        Some((_, path)) => Ok(begins_with(path, key)?.is_none_or(|n| n < size)),
        None => Ok(false),
    }
}

/// Leaves of the tree before a file, whose first record says so; the others are not read.
fn begins_with(path: &Path, key: &StoreKey) -> Result<Option<u64>, SignedLogError> {
    match LogReader::open(path, key) {
        Ok(Some(mut log)) => Ok(log.next_record()?.and_then(|first| leaves_before(&first))),
        Ok(None) => Ok(None),
        // An older form of the file, which is read as a whole only.
        Err(LogError::NotALog(_)) => {
            let recovered = SealedLog::read(path, key)?;
            Ok(recovered.records.first().and_then(|first| leaves_before(first)))
        }
        Err(e) => Err(e.into()),
    }
}

fn leaves_before(first: &[u8]) -> Option<u64> {
    match Record::read(first) {
        Some(Record::Head(state)) => state.tree.map(|t| t.size()),
        _ => None,
    }
}

/// As [`walk`], of these files in order. Where some between them are left out, the head of the next
/// is all there is to go by.
pub(crate) fn walk_files<E: From<SignedLogError>>(
    files: &[(u64, PathBuf)],
    key: &StoreKey,
    mut with: impl FnMut(&Step<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut state: Option<State> = None;
    let mut before: Option<u64> = None;
    for (number, path) in files {
        if before.replace(*number).is_some_and(|n| n.checked_add(1) != Some(*number)) {
            state = None;
        }
        let recovered = SealedLog::read(path, key).map_err(SignedLogError::from)?;
        for (index, bytes) in recovered.records.iter().enumerate() {
            match (index, Record::read(bytes)) {
                (_, None) => return Err(SignedLogError::UnknownRecord(path.clone()).into()),
                (0, Some(Record::Head(head))) => {
                    let expected = state.or_else(|| (*number == 1).then(State::default));
                    if expected.is_some_and(|e| !head.follows(&e)) {
                        return Err(SignedLogError::OutOfChain(path.clone()).into());
                    }
                    state = Some(*head);
                }
                (0, _) | (_, Some(Record::Head(_))) => {
                    return Err(SignedLogError::OutOfChain(path.clone()).into());
                }
                _ => {}
            }
            let Some(state) = &mut state else { continue };
            state.take(bytes);
            let (tree, journal) = (state.tree.as_ref(), state.journal.now());
            with(&Step { path, file: *number, index, bytes, tree, journal })?;
        }
    }
    Ok(())
}
