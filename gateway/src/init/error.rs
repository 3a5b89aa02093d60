//! Why `init` or `certificate` did nothing, with the cure.

use super::bank::AnswerFault;
use crate::enrol::ca::CaError;
use std::{io, path::PathBuf};

/// Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// At fault: whoever answered.
    #[error("{} of the answers cannot be used:\n{}", .0.len(), lines(.0))]
    Answers(Vec<AnswerFault>),
    /// A file that an answer names.
    #[error("{answer}: {path}: {why}")]
    Given { answer: String, path: PathBuf, why: String },
    /// There is a gateway already, or a part of one.
    #[error("{folder} has these files already: {}{}", there.join(", "), missing_words(missing))]
    AlreadyThere { folder: PathBuf, there: Vec<String>, missing: Vec<String> },
    /// An `init` was stopped in the middle.
    #[error("{0} is left over from an init that was stopped, or one is running")]
    LeftOver(PathBuf),
    /// Half of a pair.
    #[error("{0} is there without the other half of its pair of key and certificate")]
    KeyAlone(PathBuf),
    /// An authority must sign and its key is elsewhere.
    #[error("the key of the authority for {role} is not at {path}")]
    AuthorityAway { role: &'static str, path: PathBuf },
    /// The files do not fit together.
    #[error("the files would not pass check-config:\n{}", lines(.0))]
    Check(Vec<String>),
    /// The gateway's account.
    #[error("there is no account {0:?} on this machine")]
    NoAccount(String),
    /// A command of the gateway's account, run by another one.
    #[error("{folder} belongs to {owner}, and this command runs as {by}")]
    OtherAccount { folder: PathBuf, owner: String, by: String },
    /// The configuration that a certificate is for.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A name or a request of a certificate.
    #[error("{what}: {why}")]
    Order { what: String, why: String },
    /// An authority, or a certificate.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The disk, or the rights on it.
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
}

fn lines(faults: &[impl ToString]) -> String {
    faults.iter().map(|f| format!("  {}", f.to_string())).collect::<Vec<_>>().join("\n")
}

fn missing_words(missing: &[String]) -> String {
    match missing {
        [] => "; nothing is missing".to_owned(),
        some => format!("; it lacks {}", some.join(", ")),
    }
}

impl InitError {
    /// Never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Answers(_) => "init.answers",
            Self::Given { .. } => "init.given_file",
            Self::AlreadyThere { .. } => "init.already_there",
            Self::LeftOver(_) => "init.left_over",
            Self::KeyAlone(_) => "init.key_alone",
            Self::AuthorityAway { .. } => "init.authority_away",
            Self::Check(_) => "init.check",
            Self::NoAccount(_) => "init.no_account",
            Self::OtherAccount { .. } => "admin.other_account",
            Self::Config(_) => "config.unusable",
            Self::Order { .. } => "certificate.order",
            Self::Ca(_) => "init.certificate",
            Self::File { .. } => "init.file",
        }
    }

    /// What the reader does.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Answers(_) => "correct these answers, all in one go, and run init again",
            Self::Given { .. } => "correct the answer or the file",
            Self::AlreadyThere { .. } => {
                "nothing was changed. signet-gateway check-config says whether it is good; init \
                 --force writes the settings again and what is missing, and keeps keys and \
                 certificates"
            }
            Self::LeftOver(_) => {
                "make sure that no init runs, remove that folder and run init again"
            }
            Self::KeyAlone(_) => "restore the other half from a backup, or move this one away",
            Self::AuthorityAway { .. } => {
                "bring it back for this command, or have that authority issue the certificate"
            }
            Self::Check(_) => "nothing was made; correct the answers or the files they name",
            Self::NoAccount(_) => {
                "install the package, which makes it, or name another one with --account"
            }
            Self::OtherAccount { .. } => {
                "run it as the owner: runuser -u OWNER -- signet-gateway ...; a file that another \
                 account makes there would stop the gateway"
            }
            Self::Config(_) => "signet-gateway check-config says everything that is wrong with it",
            Self::Order { .. } => "correct what the command names",
            Self::Ca(_) => "look at the files of the authority",
            Self::File { .. } => "look at the disk and at the rights on that path",
        }
    }
}
