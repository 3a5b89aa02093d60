//! `signet-gateway journal verify`: journal and evidence against what second parties hold.

use super::{
    compare::Story,
    key,
    read::{read_found, read_limited},
    start::Places,
    thread::latest,
};
use crate::{
    GatewayError,
    config::Config,
    signed::{SignedLogError, walk, walk_from},
    state_dir::{checkpoint_path, existing_store_key},
};
use signet_journal::{LogError, SealedLog, StoreKey};
use signet_tlog::{
    Checkpoint, CheckpointError, Hash,
    note::{NOTE_LEN_MAX, VerifierKey},
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Checkpoint files of a second party that are read.
const FILES_MAX: usize = 1_000_000;
/// A gateway that runs writes journal and evidence one after the other.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// What is wrong. At fault: whoever changed files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalFault {
    /// Files, keys or the configuration.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// A file of the evidence is damaged, missing or in another's place.
    #[error("the evidence: {0}")]
    Evidence(#[from] SignedLogError),
    /// The journal's file cannot be read.
    #[error("the journal: {0}")]
    Journal(#[from] LogError),
    /// A checkpoint cannot be read or was not signed by this gateway.
    #[error("{path}: {why}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The evidence is shorter than a checkpoint.
    #[error(
        "the end of the evidence was cut off: {missing} records are missing after record {index} \
         of {}; {} is over {size} records", file.display(), checkpoint.display()
    )]
    Cut {
        /// The last file.
        file: PathBuf,
        /// Its last record, from 0.
        index: usize,
        /// How many are missing.
        missing: u64,
        /// What the checkpoint covers.
        size: u64,
        /// The checkpoint.
        checkpoint: PathBuf,
    },
    /// The evidence has another root than a checkpoint.
    #[error(
        "the evidence was rewritten: it differs from {}; the first record that differs is record \
         {from_index} of {} or a later one, up to record {to_index} of {}",
        checkpoint.display(), from.display(), to.display()
    )]
    Rewritten {
        /// File of the first record that may differ.
        from: PathBuf,
        /// Its place in that file.
        from_index: usize,
        /// File of the last record that the checkpoint covers.
        to: PathBuf,
        /// Its place in that file.
        to_index: usize,
        /// The checkpoint.
        checkpoint: PathBuf,
    },
    /// The journal's file is not what the evidence says.
    #[error("{}: {why}", file.display())]
    JournalDiffers {
        /// The journal.
        file: PathBuf,
        /// Which record, and how.
        why: String,
    },
}

impl JournalFault {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gateway(_) | Self::Journal(LogError::Io { .. }) => "journal.unreadable",
            Self::Evidence(e) => e.code(),
            Self::Journal(_) => "journal.altered",
            Self::Checkpoint { .. } => "checkpoint.unusable",
            Self::Cut { .. } => "journal.cut",
            Self::Rewritten { .. } => "journal.rewritten",
            Self::JournalDiffers { .. } => "journal.altered",
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "run it as the gateway's account, with its configuration",
            Self::Checkpoint { .. } => {
                "name a checkpoint of this gateway, as its second party has it"
            }
            _ => "tell the security officer; keep the files as they are, and compare with a backup",
        }
    }
}

/// Everything was found to be whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// Which log it is.
    pub origin: String,
    /// Records of the evidence.
    pub size: u64,
    /// The tree's root over them.
    pub root: Hash,
    /// Checkpoints that it leads to.
    pub checkpoints: usize,
    /// Records of the journal.
    pub journal: usize,
    /// The newest checkpoint is over so many records.
    pub covered: u64,
    /// The newest of those that were given, which a second party holds, is over so many; `None`:
    /// none was given, or they are all about files that are not here.
    pub vouched: Option<u64>,
    /// How many records come before the first file that is here.
    earlier: u64,
}

impl fmt::Display for Whole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} records of evidence, {} of the journal, whole and in order. They lead to {} \
             checkpoints, the newest over {}. Root: {}",
            self.origin,
            self.size,
            self.journal,
            self.checkpoints,
            self.covered,
            signet_registry::hex(&self.root)
        )?;
        // Whoever has the machine has its keys, and can sign a shorter log.
        match self.vouched {
            Some(n) => write!(
                f,
                "The newest checkpoint of a second party is over the first {n} of {} records; an \
                 end that was cut off after them would not be seen.",
                self.size
            ),
            None => write!(
                f,
                "No checkpoint of a second party was compared (--checkpoint): an end that was cut \
                 off, or a log that was written again with the gateway's keys, would not be seen."
            ),
        }
    }
}

impl Whole {
    /// `newest`: what the newest checkpoint of a second party is over.
    pub(super) fn vouched_by(self, newest: Option<u64>) -> Self {
        // An older one was not compared with anything.
        Self { vouched: newest.filter(|n| *n > self.earlier), ..self }
    }
}

/// Checks journal and evidence against the gateway's own last checkpoint and those in `others`:
/// files, or folders of them.
pub fn journal_verify(config: &Config, others: &[PathBuf]) -> Result<Whole, JournalFault> {
    let store = existing_store_key(config)?;
    let verifier = key::verifier(config)?;
    let mut checkpoints = Vec::new();
    let own = checkpoint_path(config);
    let last = latest(&own, &verifier)
        .map_err(|why| JournalFault::Checkpoint { path: own.clone(), why })?;
    checkpoints.extend(last.map(|c| (own, c)));
    let own = checkpoints.len();
    for path in others {
        checkpoints.extend(checkpoints_in(path, &verifier)?);
    }
    let newest = checkpoints.iter().skip(own).map(|(_, c)| c.size).max();
    let places = Places::of(config);
    let mut tries = 0;
    loop {
        let done = verify_against(&places, &store, &verifier, &checkpoints);
        tries += 1;
        match done {
            Err(JournalFault::JournalDiffers { .. }) if tries < TRIES => std::thread::sleep(PAUSE),
            done => return done.map(|whole| whole.vouched_by(newest)),
        }
    }
}

/// The checkpoints in a file, or in a folder and those below it.
pub fn checkpoints_in(
    path: &Path,
    key: &VerifierKey,
) -> Result<Vec<(PathBuf, Checkpoint)>, JournalFault> {
    let fault = |path: &Path, why: String| JournalFault::Checkpoint { path: path.into(), why };
    let open = |p: &Path, note: io::Result<Vec<u8>>| -> Result<Checkpoint, JournalFault> {
        let note = note.map_err(|e| fault(p, e.to_string()))?;
        Checkpoint::open(&note, key).map_err(|e: CheckpointError| fault(p, e.to_string()))
    };
    let max = NOTE_LEN_MAX as u64;
    if !path.is_dir() {
        return Ok(vec![(path.into(), open(path, read_limited(path, max))?)]);
    }
    let (mut folders, mut all) = (vec![path.to_path_buf()], Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|e| fault(&folder, e.to_string()))?;
        for entry in entries {
            let entry = entry.map_err(|e| fault(&folder, e.to_string()))?;
            let (p, kind) =
                (entry.path(), entry.file_type().map_err(|e| fault(&folder, e.to_string()))?);
            if kind.is_dir() {
                folders.push(p);
            } else if p.extension().is_some_and(|e| e == "checkpoint") {
                let found = open(&p, read_found(&p, max))?;
                all.push((p, found));
            }
            if all.len() > FILES_MAX || folders.len() > FILES_MAX {
                return Err(fault(path, "holds too many files".into()));
            }
        }
    }
    Ok(all)
}

/// The check itself.
pub(crate) fn verify_against(
    places: &Places,
    key: &StoreKey,
    verifier: &VerifierKey,
    checkpoints: &[(PathBuf, Checkpoint)],
) -> Result<Whole, JournalFault> {
    let (folder, journal) = (&places.evidence, &places.journal);
    let mut wanted: Vec<&(PathBuf, Checkpoint)> = checkpoints.iter().collect();
    wanted.sort_by_key(|(_, c)| c.size);
    let mut next = wanted.iter().peekable();
    let kept = match SealedLog::read(journal, key) {
        Ok(kept) => kept,
        Err(LogError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Default::default()
        }
        Err(e) => return Err(e.into()),
    };
    let (mut story, mut checked, mut earlier) = (Story::default(), 0, None);
    // The first record after the last checkpoint that fits, and the record before this one.
    let mut since: Option<(PathBuf, usize)> = None;
    let (mut last, mut tree) = ((folder.clone(), 0), signet_tlog::CompactRange::default());
    walk(folder, key, |step| {
        story.take(step);
        last = (step.path.into(), step.index);
        let from = since.get_or_insert_with(|| (step.path.into(), step.index)).clone();
        let Some(now) = step.tree else { return Ok(()) };
        earlier.get_or_insert_with(|| now.size().saturating_sub(1));
        while let Some((path, c)) = next.next_if(|(_, c)| c.size <= now.size()) {
            // Older ones are about files that were moved to an archive.
            if c.size == now.size() && c.root != now.root() {
                return Err(JournalFault::Rewritten {
                    from: from.0.clone(),
                    from_index: from.1,
                    to: step.path.into(),
                    to_index: step.index,
                    checkpoint: path.clone(),
                });
            }
            checked += usize::from(c.size == now.size());
            since = None;
        }
        tree = now.clone();
        Ok(())
    })?;
    if let Some((path, c)) = next.next() {
        let missing = c.size - tree.size();
        let (file, index) = last;
        let (size, checkpoint) = (c.size, path.clone());
        return Err(JournalFault::Cut { file, index, missing, size, checkpoint });
    }
    let records: Vec<&[u8]> = kept.records.iter().map(|r| &r[..]).collect();
    story
        .compare(&records)
        .map_err(|d| JournalFault::JournalDiffers { file: journal.clone(), why: d.to_string() })?;
    Ok(Whole {
        origin: verifier.name().into(),
        size: tree.size(),
        root: tree.root(),
        checkpoints: checked,
        journal: records.len(),
        covered: wanted.last().map_or(0, |(_, c)| c.size),
        vouched: None,
        earlier: earlier.unwrap_or(0),
    })
}

/// The root over the first `size` records; `None` when the files of that time are not here.
pub(super) fn find_root(
    folder: &Path,
    key: &StoreKey,
    size: u64,
) -> Result<Option<Hash>, SignedLogError> {
    let mut found = None;
    walk_from(folder, key, size, |step| {
        if let Some(tree) = step.tree.filter(|t| t.size() == size) {
            found = Some(tree.root());
        }
        Ok::<_, SignedLogError>(())
    })?;
    Ok(found)
}
