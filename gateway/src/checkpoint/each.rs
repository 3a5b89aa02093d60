//! `signet-gateway journal verify --each`: every checkpoint of a second party by itself, where
//! `journal verify` alone ends at the first fault.

use super::{
    key,
    verify::{JournalFault, checkpoints_in},
};
use crate::{
    config::Config,
    signed::{SignedLogError, walk},
    state_dir::{existing_store_key, signed_folder},
};
use signet_journal::StoreKey;
use signet_tlog::{Checkpoint, Hash};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// How a checkpoint stands to the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The evidence begins with exactly its records.
    Leads,
    /// So many records have another root: one of the two is of a log that was rewritten.
    Differs,
    /// It is over more records than the evidence has: the end was cut off.
    Longer,
    /// Its records are in files that are not here, such as those that were moved to an archive.
    Older,
}

/// One checkpoint, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Each {
    /// Its file.
    pub path: PathBuf,
    /// How many records it is over.
    pub size: u64,
    /// How it stands.
    pub standing: Standing,
}

/// Says of each checkpoint in `others`, files or folders of them, whether its root is that of the
/// first records of the evidence. Smallest first. The journal's file is not looked at.
///
/// # Errors
/// Files, keys or the configuration; the evidence is damaged; a checkpoint is not of this gateway.
pub fn journal_each(config: &Config, others: &[PathBuf]) -> Result<Vec<Each>, JournalFault> {
    let store = existing_store_key(config)?;
    let verifier = key::verifier(config)?;
    let mut checkpoints = Vec::new();
    for path in others {
        checkpoints.extend(checkpoints_in(path, &verifier)?);
    }
    Ok(standings(&signed_folder(config), &store, checkpoints)?)
}

/// The check itself. The checkpoints were read first, so a gateway that goes on writing has their
/// records.
pub(super) fn standings(
    folder: &Path,
    key: &StoreKey,
    mut checkpoints: Vec<(PathBuf, Checkpoint)>,
) -> Result<Vec<Each>, SignedLogError> {
    let mut roots: BTreeMap<u64, Option<Hash>> =
        checkpoints.iter().map(|(_, c)| (c.size, None)).collect();
    let mut last = 0;
    walk(folder, key, |step| {
        if let Some(tree) = step.tree {
            last = tree.size();
            if let Some(root) = roots.get_mut(&last) {
                *root = Some(tree.root());
            }
        }
        Ok::<_, SignedLogError>(())
    })?;
    let standing = |c: &Checkpoint| match roots.get(&c.size).copied().flatten() {
        Some(root) if root == c.root => Standing::Leads,
        Some(_) => Standing::Differs,
        None if c.size > last => Standing::Longer,
        None => Standing::Older,
    };
    checkpoints.sort_by(|(a, x), (b, y)| (x.size, a).cmp(&(y.size, b)));
    let each = checkpoints.into_iter().map(|(path, c)| {
        let (size, standing) = (c.size, standing(&c));
        Each { path, size, standing }
    });
    Ok(each.collect())
}
