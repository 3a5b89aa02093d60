//! What can go wrong while making a practice world.

use std::path::PathBuf;

/// The practice world could not be made. At fault: this machine, or the caller's arguments.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevCaError {
    #[error("a certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    #[error(transparent)]
    Profile(#[from] signet_identity::ProfileError),
    #[error(transparent)]
    Peer(#[from] signet_identity::PeerError),
    #[error("{0:?} is no object identifier")]
    Policy(String),
    #[error("a serial number cannot be read")]
    Serial,
    #[error("a key made here cannot be used: {0}")]
    Key(rustls::Error),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{program} could not be started: {source}")]
    Program { program: &'static str, source: std::io::Error },
    #[error("{program} {why}")]
    ProgramFailed { program: &'static str, why: &'static str },
}
