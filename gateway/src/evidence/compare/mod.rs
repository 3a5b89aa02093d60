//! A gateway's evidence against a desk's history, both checked first. What differs is decided in
//! `signet-history`, which is pure; this room reads both sides.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `bundle.rs` | a bundle, checked as `verify.sh` does, and its records |
//! | `account.rs` | what the records of the evidence say |

mod account;
mod bundle;

use super::BundleError;
use crate::{
    checkpoint::{journal_verify, read_limited},
    config::Config,
    signed::{Record, Step, sha256, walk},
    state_dir::{existing_store_key, signed_folder},
};
use account::Teller;
use bundle::Bundle;
use serde::Serialize;
use signet_history::{Account, Difference, Tolerance, account_of, compare, verify_since};
use signet_tlog::note::VerifierKey;
use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

/// Longest export that is read.
const EXPORT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct CompareOrder {
    /// A bundle's folder, or the gateway's state directory.
    pub evidence: PathBuf,
    /// The desk's export.
    pub export: PathBuf,
    /// The key of the gateway's checkpoints as a second party has it; for a bundle.
    pub key: Option<VerifierKey>,
    /// A checkpoint of the desk's history as a second party has it: what is signed up to there must
    /// be in the export.
    pub checkpoint: Option<PathBuf>,
    /// How far apart the clocks may be, milliseconds.
    pub tolerance_ms: i64,
}

/// Why nothing can be compared.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompareError {
    /// A file cannot be read.
    #[error("{path}: {why}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The bundle is not whole.
    #[error("the bundle is not as the gateway signed it: {0}")]
    Bundle(String),
    /// The evidence is not whole, or cannot be read.
    #[error(transparent)]
    Evidence(#[from] BundleError),
    /// Neither a bundle nor this gateway's state.
    #[error("{0} is neither a bundle nor the state directory of the configuration")]
    Neither(PathBuf),
    /// The two sides are of different desks.
    #[error("the bundle is of the desk {0}, and the history is of {1}")]
    OtherDesk(String, String),
}

impl CompareError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "compare.unreadable",
            Self::Bundle(_) => "compare.bundle",
            Self::Evidence(e) => e.code(),
            Self::Neither(_) => "compare.neither",
            Self::OtherDesk(..) => "compare.other_desk",
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name a file that this account can read",
            Self::Bundle(_) => {
                "have the gateway make the bundle again; if it stays so, tell the security officer"
            }
            Self::Evidence(e) => e.cure(),
            Self::Neither(_) => {
                "name the folder of a bundle, or the state_dir of the configuration (--config)"
            }
            Self::OtherDesk(..) => "have the desk of the bundle export its history",
        }
    }
}

/// Whether the two sides say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// In everything.
    Same,
    /// They do not, and each difference may be nobody's fault. A desk that cut off the end of its
    /// history looks like this, unless a checkpoint of a second party shows it.
    Explained,
    /// There is a difference that nothing explains, or a fault.
    Differs,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Compared {
    /// In one word.
    pub outcome: Outcome,
    /// CompID of the desk.
    pub desk: String,
    /// The key of the gateway's log.
    pub gateway_key: String,
    /// The key of the desk's history.
    pub desk_key: String,
    /// Certificates of the desk that certified its key, and who they are issued to.
    pub desk_certificates: Vec<(String, String)>,
    /// Facts that the gateway's evidence has.
    pub gateway_facts: usize,
    /// Facts that the desk's history has.
    pub desk_facts: usize,
    /// How many records the checkpoint of a second party is over, from which the history goes on.
    /// Of what came after them the end may have been cut off; `None`: of the whole history.
    pub desk_records_vouched: Option<u64>,
    /// The same in words.
    pub desk_end: String,
    /// What is wrong with the desk's export; then its own word counts for nothing.
    pub desk_faults: Vec<String>,
    /// What is wrong with the gateway's evidence.
    pub gateway_faults: Vec<String>,
    /// What the two do not say alike.
    pub differences: Vec<Difference>,
}

impl Compared {
    /// How much nothing explains: differences and faults.
    pub fn unexplained(&self) -> usize {
        unexplained(&self.differences) + self.desk_faults.len() + self.gateway_faults.len()
    }
}

fn unexplained(differences: &[Difference]) -> usize {
    differences.iter().filter(|d| d.explained.is_empty()).count()
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "desk {}: {} facts of the gateway, {} of the desk",
            self.desk, self.gateway_facts, self.desk_facts
        )?;
        writeln!(f, "gateway's key: {}", self.gateway_key)?;
        writeln!(f, "desk's key:    {}", self.desk_key)?;
        for (holder, sha256) in &self.desk_certificates {
            writeln!(f, "  certified by {holder}, certificate {sha256}")?;
        }
        for fault in &self.gateway_faults {
            writeln!(f, "FAULT in the gateway's evidence: {fault}")?;
        }
        for fault in &self.desk_faults {
            writeln!(f, "FAULT in the desk's history: {fault}")?;
        }
        for d in &self.differences {
            writeln!(f, "{d}")?;
        }
        writeln!(f, "desk's end:    {}", self.desk_end)?;
        match self.outcome {
            Outcome::Same => write!(f, "OK: the two sides say the same"),
            Outcome::Explained => {
                let n = self.differences.len();
                write!(f, "EXPLAINED: {n} differences, each may be explained")
            }
            Outcome::Differs => {
                let n = self.unexplained();
                write!(f, "DIFFERS: {n} differences and faults that nothing explains")
            }
        }
    }
}

/// Compares a gateway's evidence with a desk's history. `config` is needed for a state directory.
///
/// # Errors
/// One of the two cannot be read, or the bundle is not whole.
pub fn evidence_compare(
    config: Option<&Config>,
    order: &CompareOrder,
) -> Result<Compared, CompareError> {
    let earlier = order.checkpoint.as_deref().map(read_text).transpose()?;
    let verified = verify_since(&read_text(&order.export)?, earlier.as_deref());
    let desk = account_of(&verified);
    let (teller, gateway_key, only) = match order.evidence.join("manifest.json").is_file() {
        true => of_bundle(order, &desk.desk)?,
        false => of_state(config, order, &desk)?,
    };
    let (gateway, gateway_faults) = teller.account(only);
    let tolerance = Tolerance { clock_ms: order.tolerance_ms };
    let desk_end = verified.end_in_words();
    let certified = verified.certified.into_iter();
    let differences = compare(&gateway, &desk, tolerance);
    let faults = !verified.faults.is_empty() || !gateway_faults.is_empty();
    let outcome = match (faults || unexplained(&differences) > 0, differences.is_empty()) {
        (true, _) => Outcome::Differs,
        (false, false) => Outcome::Explained,
        (false, true) => Outcome::Same,
    };
    Ok(Compared {
        outcome,
        gateway_key: gateway_key.to_string(),
        desk_key: verified.key.map(|k| k.to_string()).unwrap_or_default(),
        desk_certificates: certified.map(|c| (c.holder, c.sha256)).collect(),
        gateway_facts: gateway.facts.len(),
        desk_facts: desk.facts.len(),
        desk_records_vouched: verified.vouched,
        desk_end,
        desk_faults: verified.faults.iter().map(ToString::to_string).collect(),
        gateway_faults,
        differences,
        desk: desk.desk,
    })
}

type Told = (Teller, VerifierKey, Option<String>);

fn of_bundle(order: &CompareOrder, desk: &str) -> Result<Told, CompareError> {
    let bundle = Bundle::read(&order.evidence, order.key.as_ref())?;
    if bundle.desk != desk {
        return Err(CompareError::OtherDesk(bundle.desk, desk.into()));
    }
    let mut teller = Teller::of(desk);
    bundle.certificates.iter().for_each(|der| teller.certificate(der));
    for (leaf, bytes) in &bundle.records {
        teller.take(*leaf, bytes);
    }
    Ok((teller, bundle.key, Some(bundle.rfq)))
}

fn of_state(
    config: Option<&Config>,
    order: &CompareOrder,
    desk: &Account,
) -> Result<Told, CompareError> {
    let neither = || CompareError::Neither(order.evidence.clone());
    let config = config.ok_or_else(neither)?;
    let same = |a: &Path, b: &Path| match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    };
    if !same(&order.evidence, &config.gateway.state_dir) {
        return Err(neither());
    }
    journal_verify(config, &[]).map_err(BundleError::from)?;
    let store = existing_store_key(config).map_err(BundleError::from)?;
    let key = crate::checkpoint::existing(config).map_err(BundleError::from)?;
    let mut teller = Teller::of(&desk.desk);
    walk(&signed_folder(config), &store, |step: &Step<'_>| {
        let leaf = step.tree.map_or(0, |t| t.size() - 1);
        teller.take(leaf, step.bytes);
        Ok::<_, BundleError>(())
    })?;
    Ok((teller, key.verifier().clone(), None))
}

fn read_text(path: &Path) -> Result<String, CompareError> {
    let fail = |why: String| CompareError::Unreadable { path: path.into(), why };
    let bytes = read_limited(path, EXPORT_BYTES_MAX).map_err(|e| fail(e.to_string()))?;
    String::from_utf8(bytes).map_err(|_| fail("it is not text".into()))
}

/// The certificate in a record, if that is what it is.
fn certificate_of(bytes: &[u8]) -> Option<([u8; 32], Vec<u8>)> {
    match Record::read(bytes) {
        Some(Record::Certificate(der)) => Some((sha256(der), der.to_vec())),
        _ => None,
    }
}
