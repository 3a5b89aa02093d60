//! One RFQ's bundle: everything that the gateway kept about it, with what proves it, for somebody
//! who has only OpenSSL or a browser.
//!
//! | file | what it does |
//! | --- | --- |
//! | `find.rs` | which files of the evidence are read, by their indexes |
//! | `collect.rs` | finds the records of an RFQ in the files that are read |
//! | `files.rs` | makes the files of the bundle from them |
//! | `compare/` | a bundle, or the whole evidence, against a desk's own history |
//! | `verify.sh`, `verify.js`, `verify.html` | go into every bundle, and into a release |

mod collect;
mod compare;
mod files;
mod find;

pub use compare::{CompareError, CompareOrder, Compared, Outcome, evidence_compare};

use crate::{
    GatewayError,
    checkpoint::{self, JournalFault},
    config::Config,
    signed::{EvidenceStore, Segments, SignedLogError},
    state_dir::{checkpoint_path, existing_store_key, index_folder, signed_folder},
};
use collect::Subject;
pub use files::Files;
use files::{Sources, make};
use find::{find, find_asked};
use signet_journal::LogError;
use signet_registry::EvidenceRow;
use signet_stepup::{Action, Approval, evidence::Evidence};
use signet_tlog::Checkpoint;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What is wanted.
#[derive(Debug, Clone)]
pub struct BundleOrder {
    /// The RFQ, as its desk names it; [`crate::admin::evidence_bundle`] takes what its dealers call
    /// it (131) as well.
    pub rfq: String,
    /// CompID of the desk; needed when several have an RFQ of this name.
    pub desk: Option<String>,
    /// A second party's checkpoint; left out: the gateway's last one.
    pub checkpoint: Option<PathBuf>,
    /// A folder that is not there yet.
    pub out: PathBuf,
    /// Read every file of the evidence, and not only those that its indexes name.
    pub whole: bool,
}

/// What [`evidence_index`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceIndexed {
    /// Files of the evidence.
    pub files: usize,
    /// Those that have an index; the file that is being written has none.
    pub indexed: usize,
    /// Indexes that were made now.
    pub made: usize,
}

/// What a bundle holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundled {
    /// The RFQ, as its desk names it.
    pub rfq: String,
    /// CompID of the desk.
    pub desk: String,
    /// Records of the evidence.
    pub records: usize,
    /// Signed messages among them.
    pub messages: usize,
    /// Touches of security keys.
    pub touches: usize,
}

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Keys or the configuration.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The evidence itself.
    #[error(transparent)]
    Signed(#[from] SignedLogError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(#[from] JournalFault),
    /// Nothing is known of the RFQ.
    #[error("the evidence has nothing about an RFQ {0}")]
    Unknown(String),
    /// RFQs are unique within a desk only.
    #[error("several desks have an RFQ {0}: {1}")]
    Several(String, String),
    /// The RFQ is newer than the checkpoint.
    #[error("the checkpoint is over {0} records, and record {1} belongs to the RFQ")]
    NotCovered(u64, u64),
    /// The evidence does not lead to the checkpoint.
    #[error("the evidence has another root than the checkpoint: it was rewritten")]
    Rewritten,
    /// Files from the beginning of the tree are not here.
    #[error("the evidence begins at record {0}: older files are elsewhere")]
    Archived(u64),
    /// The bundle cannot be written.
    #[error("{path}: {source}")]
    Out {
        /// Folder or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl BundleError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "bundle.unreadable",
            Self::Signed(e) => e.code(),
            Self::Checkpoint(e) => e.code(),
            Self::Unknown(_) => "bundle.unknown_rfq",
            Self::Several(..) => "bundle.several_desks",
            Self::NotCovered(..) => "bundle.not_covered",
            Self::Rewritten => "journal.rewritten",
            Self::Archived(_) => "bundle.archived",
            Self::Out { .. } => "bundle.out",
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "run it as the gateway's account, with its configuration",
            // Evidence is read without a lock, and indexes are made under one.
            Self::Signed(SignedLogError::Log(LogError::InUse(_))) => {
                "another search makes the indexes: wait until it has ended"
            }
            Self::Signed(e) => e.cure(),
            Self::Checkpoint(e) => e.cure(),
            Self::Unknown(_) => {
                "name it as its desk or its dealers do; see: signet-gateway signed list"
            }
            Self::Several(..) => "name the desk with --desk",
            Self::NotCovered(..) => {
                "wait for the next checkpoint (checkpoint.every_seconds), or name a newer one"
            }
            Self::Rewritten => {
                "run signet-gateway journal verify, and tell the security officer what it says"
            }
            Self::Archived(_) => "bring the older files back into the folder signed first",
            Self::Out { .. } => "name a folder that is not there yet, where this account may write",
        }
    }
}

/// The order with the RFQ as its desk names it, where it was named as its dealers do.
///
/// # Errors
/// The evidence cannot be read.
pub(crate) fn by_its_desk(
    config: &Config,
    order: &BundleOrder,
) -> Result<BundleOrder, BundleError> {
    Ok(named(order, find_asked(&store(config)?, &order.rfq, order.whole)?))
}

/// Makes the indexes that are missing, which the next bundle would make.
///
/// # Errors
/// The evidence cannot be read, or an index cannot be written, or another process makes them now.
pub fn evidence_index(config: &Config) -> Result<EvidenceIndexed, BundleError> {
    indexed(&store(config)?)
}

fn indexed(store: &EvidenceStore) -> Result<EvidenceIndexed, BundleError> {
    let segments = Segments::open(store)?;
    let (files, indexed, made) = segments.counts();
    match segments.unmade() {
        Some(e) => Err(e.into()),
        None => Ok(EvidenceIndexed { files, indexed, made }),
    }
}

fn store(config: &Config) -> Result<EvidenceStore, GatewayError> {
    let key = existing_store_key(config)?;
    Ok(EvidenceStore { folder: signed_folder(config), indexes: index_folder(config), key })
}

/// `found`: the desk that asked, and what it calls the RFQ. Of another desk than the wanted one it
/// is not the RFQ that is meant.
fn named(order: &BundleOrder, found: Option<(String, String)>) -> BundleOrder {
    match found {
        Some((desk, rfq)) if order.desk.as_ref().is_none_or(|wanted| *wanted == desk) => {
            BundleOrder { rfq, desk: Some(desk), ..order.clone() }
        }
        _ => order.clone(),
    }
}

/// Makes the bundle of one RFQ in a folder; `approvals` as in [`bundle_files`].
///
/// # Errors
/// Why there is none; no folder was made, or it is not complete.
pub fn bundle(
    config: &Config,
    order: &BundleOrder,
    approvals: Vec<(EvidenceRow, Evidence)>,
) -> Result<Bundled, BundleError> {
    let (files, bundled) = bundle_files(config, order, approvals)?;
    write(&order.out, &files)?;
    Ok(bundled)
}

/// The files of the bundle of one RFQ, by name. `approvals`: the touches about RFQs of this name,
/// which are sorted out by desk.
///
/// # Errors
/// Why there is none.
pub fn bundle_files(
    config: &Config,
    order: &BundleOrder,
    approvals: Vec<(EvidenceRow, Evidence)>,
) -> Result<(Files, Bundled), BundleError> {
    let store = store(config)?;
    let signer = checkpoint::existing(config)?;
    let path = order.checkpoint.clone().unwrap_or_else(|| checkpoint_path(config));
    let note = read(&path)?;
    let checkpoint = Checkpoint::open(&note, signer.verifier())
        .map_err(|e| JournalFault::Checkpoint { path, why: e.to_string() })?;
    let wanted = Subject { rfq: order.rfq.clone(), desk: order.desk.clone() };
    let found = find(&store, &wanted, &checkpoint, order.whole)?;
    let approvals: Vec<_> =
        approvals.into_iter().filter(|(_, e)| is_about(e, &found.desk, &order.rfq)).collect();
    let sources = Sources {
        rfq: &order.rfq,
        gateway: config.gateway.comp_id.as_str(),
        desk_roots: &read(&config.desks.trust)?,
        dealer_roots: &read(&config.dealers.trust)?,
        signer: &signer,
        note: &note,
        checkpoint: &checkpoint,
        found: &found,
        approvals: &approvals,
        made: crate::clock::now(),
    };
    make(&sources)
}

/// Whether a touch was about this RFQ of this desk.
fn is_about(e: &Evidence, desk: &str, rfq: &str) -> bool {
    let Ok(approval) = Approval::parse(&e.approval) else { return false };
    let about = match &approval.action {
        Action::Request(r) => &r.rfq,
        Action::Accept(a) => &a.rfq,
        _ => return false,
    };
    approval.desk == desk && about == rfq
}

fn read(path: &Path) -> Result<Vec<u8>, BundleError> {
    fs::read(path).map_err(|source| BundleError::Out { path: path.into(), source })
}

/// Writes the files into a new folder that only its owner can read.
fn write(out: &Path, files: &Files) -> Result<(), BundleError> {
    let fail = |path: &Path, source| BundleError::Out { path: path.into(), source };
    if out.exists() {
        return Err(fail(out, io::ErrorKind::AlreadyExists.into()));
    }
    for (name, bytes) in files {
        let path = out.join(name);
        let folder = path.parent().unwrap_or(out);
        signet_journal::private_folder(folder).map_err(|e| fail(folder, e))?;
        fs::write(&path, bytes).map_err(|e| fail(&path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod find_tests;
#[cfg(test)]
mod tests;
