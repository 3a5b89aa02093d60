//! Why a command was not carried out, and what to do about it.

use crate::{
    config::ConfigError,
    enrol::ca::CaError,
    evidence::BundleError,
    signed::{SignedLogError, read::ExportError},
};
use signet_identity::InvitationError;
use signet_journal::LogError;
use signet_keystore::HolderError;
use signet_registry::{ConsoleError, EvidenceChainError, RegistryError, events::ChainError};
use std::{io, path::PathBuf};

const ADDED_OR_NOT: &str = "when the database answers, look at signet-gateway user list: if they \
    are there, hand out what was written, or make new codes with signet-gateway user code; if not, \
    delete the files and run the command again";

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error(transparent)]
    Invitation(#[from] InvitationError),
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Evidence(#[from] EvidenceChainError),
    #[error(transparent)]
    Signed(#[from] SignedLogError),
    #[error(transparent)]
    Export(#[from] ExportError),
    #[error(transparent)]
    Bundle(#[from] BundleError),
    #[error(transparent)]
    Console(#[from] ConsoleError),
    #[error("{0:?} cannot be the name of an administrator")]
    NotAnAdministrator(String),
    #[error("the store key: {0}")]
    StoreKey(String),
    #[error(transparent)]
    Sealed(LogError),
    #[error("{0} can be read; there is nothing to mend")]
    NotDamaged(PathBuf),
    #[error("{0} is not a file of gateway.state_dir")]
    NotAStateFile(PathBuf),
    #[error("{0} is evidence; evidence is never rewritten")]
    EvidenceIsNotSalvaged(PathBuf),
    #[error("{0} messages do not prove what they should")]
    SignedNotGood(u64),
    #[error(
        "{missing} messages of the log are not in the file; the first of them is number {first}"
    )]
    SignedMissing { missing: u64, first: u64 },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}, line {line}: {why}")]
    Csv { path: PathBuf, line: usize, why: String },
    #[error("{path}:{faults}")]
    CsvLines { path: PathBuf, faults: String },
    #[error(
        "whether the users were added is not known, so what was written for them stays in \
            {folder}: {why}"
    )]
    AddedOrNot { folder: PathBuf, why: String },
    #[error("the token: {0}")]
    Token(#[from] HolderError),
    #[error("the configuration has no [{0}]")]
    NoSection(&'static str),
    #[error("{0:?} is neither a number nor `all`")]
    NoNumber(String),
    #[error("this machine's random number source failed")]
    NoRandomness,
    #[error("--code-hours: 1 to 2160")]
    CodeHours,
    #[error(
        "--managed: the configuration names no enrolment.managed_policy to mark managed devices \
            with"
    )]
    NoManagedPolicy,
    #[error("the CompID {0} is the gateway's or a dealer's")]
    CompIdOfAnother(String),
    #[error("{0:?} is not a date")]
    Time(i64),
    #[error("no dealer {0:?} is configured")]
    NoDealer(String),
    #[error("the line of {0} is not cut")]
    NotCut(String),
    #[error("{0:?} is neither a user id nor the address of a network")]
    NotLockable(String),
    #[error("no session of {0} has a store here")]
    NoSession(String),
    #[error("the session of {0} is in use: a gateway is running with this state directory")]
    SessionInUse(String),
    #[error("the session store of {0}: {1}")]
    SessionStore(String, String),
    #[error("a sequence number is 1 to 1000000000000")]
    SessionNumber,
    #[error("the history has no approval of {0} by security key")]
    NoApproval(String),
    #[error("what the key signed is not an approval of this change: {0}")]
    ApprovalNotGood(String),
    #[error("what the preparer's key signed is not a preparation of this change: {0}")]
    PreparationNotGood(String),
    #[error("the history has no version {0}, or more than one that begins so")]
    NoVersion(String),
}

impl AdminError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Registry(e) => e.code(),
            Self::Config(_) => "admin.config",
            Self::Token(_) => "admin.token",
            Self::Ca(_) => "admin.ca",
            Self::Invitation(e) => e.code(),
            Self::Chain(_) => "events.altered",
            Self::Evidence(_) => "evidence.altered",
            Self::Signed(e) => e.code(),
            Self::Bundle(e) => e.code(),
            Self::Export(_) | Self::SignedNotGood(_) => "signed.altered",
            Self::SignedMissing { .. } => "signed.missing",
            Self::Console(e) => e.code(),
            Self::NotAnAdministrator(_) => "console.name",
            Self::StoreKey(_) => "admin.store_key",
            Self::Sealed(LogError::InUse(_)) => "files.in_use",
            Self::Sealed(e) if e.is_damage() => "files.damaged",
            Self::Sealed(_) => "files.unreadable",
            Self::NotDamaged(_) => "files.not_damaged",
            Self::NotAStateFile(_) => "files.elsewhere",
            Self::EvidenceIsNotSalvaged(_) => "files.evidence",
            Self::File { .. } => "admin.file",
            Self::Csv { .. } | Self::CsvLines { .. } => "admin.csv",
            Self::AddedOrNot { .. } => "admin.added_or_not",
            Self::NoSection(_) => "admin.no_section",
            Self::NoNumber(_) => "admin.no_number",
            Self::NoRandomness => "admin.no_randomness",
            Self::CodeHours => "admin.code_hours",
            Self::NoManagedPolicy => "admin.no_managed_policy",
            Self::CompIdOfAnother(_) => "admin.comp_id",
            Self::Time(_) => "admin.time",
            Self::NotLockable(_) => "lockout.unknown",
            Self::NoDealer(_) => "dealer.unknown",
            Self::NotCut(_) => "dealer.not_cut",
            Self::NoSession(_) => "session.unknown",
            Self::SessionInUse(_) => "session.in_use",
            Self::SessionStore(..) => "session.store",
            Self::SessionNumber => "session.number",
            Self::NoVersion(_) => "policy.unknown",
            Self::NoApproval(_) => "policy.no_approval",
            Self::ApprovalNotGood(_) => "policy.approval_altered",
            Self::PreparationNotGood(_) => "policy.preparation_altered",
        }
    }

    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Registry(e) => e.cure(),
            Self::Config(_) | Self::NoSection(_) | Self::NoManagedPolicy => {
                "correct the configuration; signet-gateway check-config says more"
            }
            Self::Token(e) => e.cure(),
            Self::Ca(_) => {
                "name files that do not exist yet, in a directory this account may write"
            }
            Self::Invitation(_) => "correct [enrolment] in the configuration",
            Self::Chain(_) | Self::Evidence(_) => {
                "find out who can write the database; compare with a backup and with heads you kept"
            }
            Self::Signed(e) => e.cure(),
            Self::Console(e) => e.cure(),
            Self::NotAnAdministrator(_) => "name them as their certificate does",
            Self::Bundle(e) => e.cure(),
            Self::Export(_) | Self::SignedNotGood(_) => {
                "do not rely on it; export again, compare, and tell the security officer"
            }
            Self::SignedMissing { .. } => {
                "export the whole log again and compare; with --part if only a part was exported"
            }
            Self::StoreKey(_) => {
                "run it as the gateway's account, with the gateway's configuration; the key is \
                    made at the first start"
            }
            Self::Sealed(LogError::InUse(_)) => "stop the gateway first",
            Self::Sealed(e) if e.is_damage() => {
                "restore the file from a backup, or stop the gateway and run signet-gateway files \
                    salvage FILE"
            }
            Self::Sealed(_) => "correct who may read and write the file",
            Self::NotDamaged(_) => {
                "leave it as it is; signet-gateway files check names the damaged ones"
            }
            Self::NotAStateFile(_) => "name a file that signet-gateway files check lists",
            Self::EvidenceIsNotSalvaged(_) => {
                "restore it from a backup; keep the damaged file for the security officer"
            }
            Self::File { .. } => "name another file, or correct who may write there",
            Self::Csv { .. } | Self::CsvLines { .. } => "correct the file; nobody was added",
            Self::AddedOrNot { .. } => ADDED_OR_NOT,
            Self::NoRandomness | Self::Time(_) => "see the system's log",
            Self::NoNumber(_) => "see: signet-gateway evidence list",
            Self::NoDealer(_) | Self::NotCut(_) => "see: signet-gateway dealer list",
            Self::NotLockable(_) => {
                "name what lockout list or GET /v1/lockouts shows, such as alice or 192.0.2.1"
            }
            Self::CodeHours => "give a number of hours in that range",
            Self::CompIdOfAnother(_) => "choose another CompID",
            Self::NoSession(_) => {
                "see: signet-gateway session show; a store is made at the first connection"
            }
            Self::SessionInUse(_) => {
                "stop the gateway, run the command, and start it again; nothing was changed"
            }
            Self::SessionStore(..) => {
                "run it as the gateway's account, with the gateway's configuration; see the error"
            }
            Self::SessionNumber => "give numbers in that range",
            Self::NoApproval(_) => "see: signet-gateway policy history; give the whole digest",
            Self::ApprovalNotGood(_) | Self::PreparationNotGood(_) => {
                "do not rely on it; tell the security officer"
            }
            Self::NoVersion(_) => "see: signet-gateway policy history; give more of the digest",
        }
    }
}
