//! At a start: whether evidence and journal are what the last checkpoint says.

use super::{compare::may_follow, thread::latest, verify::find_root};
use crate::{
    GatewayError,
    config::Config,
    signed::{SignedLog, Totalled},
    state_dir::{checkpoint_path, journal_path, signed_folder},
};
use signet_journal::{SealedLog, StoreKey};
use signet_rfq::UtcMillis;
use signet_tlog::note::VerifierKey;
use std::path::{Path, PathBuf};

/// The evidence or the journal does not lead to what was signed. At fault: whoever changed files,
/// or restored them from a backup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Rewritten(pub(crate) String);

/// Where everything lies that is checked together.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The folder of the evidence.
    pub(crate) evidence: PathBuf,
    /// The file of the journal.
    pub(crate) journal: PathBuf,
    /// The last checkpoint.
    pub(crate) checkpoint: PathBuf,
}

impl Places {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            evidence: signed_folder(config),
            journal: journal_path(config),
            checkpoint: checkpoint_path(config),
        }
    }
}

/// Whether the evidence, open for writing, still leads to the last checkpoint, and the journal to
/// the evidence. What the journal has and the evidence has not, since the gateway stopped between
/// the two, is copied. `made`: the key was made just now.
pub(crate) fn reconcile(
    places: &Places,
    key: &StoreKey,
    verifier: &VerifierKey,
    made: bool,
    log: &mut SignedLog,
    at: UtcMillis,
) -> Result<Option<Rewritten>, GatewayError> {
    let checkpoint = evidence_fault(places, key, verifier, made, log)?;
    let journal = take_journal(&places.journal, key, log, at)?;
    Ok(checkpoint.or(journal))
}

/// The evidence against the last checkpoint.
fn evidence_fault(
    places: &Places,
    key: &StoreKey,
    verifier: &VerifierKey,
    made: bool,
    log: &SignedLog,
) -> Result<Option<Rewritten>, GatewayError> {
    let path = &places.checkpoint;
    let shown = path.display();
    let last = match latest(path, verifier) {
        Ok(last) => last,
        Err(why) => return Ok(Some(Rewritten(format!("{shown}: {why}")))),
    };
    let Some(last) = last else {
        let words = format!("{shown}: the last checkpoint is missing");
        return Ok((!made).then_some(Rewritten(words)));
    };
    let size = log.tree().0.size();
    if size < last.size {
        return Ok(Some(Rewritten(format!(
            "the end of the evidence was cut off: it has {size} records, the last checkpoint is \
             over {}",
            last.size
        ))));
    }
    let root = find_root(&places.evidence, key, last.size)?;
    let same = root.is_none_or(|root| root == last.root);
    let words = format!(
        "the evidence was rewritten: its first {} records have another root than the last \
         checkpoint",
        last.size
    );
    Ok((!same).then_some(Rewritten(words)))
}

/// The journal against the evidence.
fn take_journal(
    path: &Path,
    key: &StoreKey,
    log: &mut SignedLog,
    at: UtcMillis,
) -> Result<Option<Rewritten>, GatewayError> {
    let recovered = match path.exists() {
        true => SealedLog::read(path, key)?,
        false => Default::default(),
    };
    let records: Vec<&[u8]> = recovered.records.iter().map(|r| &r[..]).collect();
    let found = Totalled::of(records.iter().copied());
    let state = log.journal_state();
    if state.possible().any(|s| s == found) {
        // A rewrite that was announced and did not happen is taken back.
        if state.now() != found {
            log.journal_is(at, found)?;
        }
        return Ok(None);
    }
    // The first start with a tree: it begins with the present files.
    let first = log.tree().0.size() == 1 && state.now() == Totalled::default();
    let rest = state.possible().find_map(|s| {
        let (begins, rest) = records.split_at_checked(usize::try_from(s.count).ok()?)?;
        let fits = Totalled::of(begins.iter().copied()) == s && may_follow(rest);
        fits.then_some((s, rest))
    });
    match rest {
        _ if first => {
            log.journal_is(at, found)?;
            Ok(None)
        }
        Some((held, rest)) => {
            // A rewrite that was announced failed, and a record came after it.
            if state.now() != held {
                log.journal_is(at, held)?;
            }
            rest.iter().try_for_each(|r| log.journal(at, r))?;
            Ok(None)
        }
        // Nothing is written: the next start must find it as well.
        None => {
            let words = format!(
                "{} was rewritten: it holds {} records that are not the {} in the evidence",
                path.display(),
                found.count,
                state.now().count
            );
            Ok(Some(Rewritten(words)))
        }
    }
}

/// The operator had the journal accepted as it is, or records of it set aside, at this start: from
/// here on that is what it holds, and the evidence says so. Returns whether that was so.
pub(crate) fn take_as_it_is(
    places: &Places,
    key: &StoreKey,
    log: &mut SignedLog,
    at: UtcMillis,
) -> Result<bool, GatewayError> {
    let recovered = SealedLog::read(&places.journal, key)?;
    let found = Totalled::of(recovered.records.iter().map(|r| &r[..]));
    let other = log.journal_state().now() != found;
    if other {
        log.journal_is(at, found)?;
    }
    Ok(other)
}
