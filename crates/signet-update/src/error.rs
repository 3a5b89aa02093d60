//! Why an update cannot be looked for, fetched or installed: a code, a sentence that names the
//! party at fault, and a cure.

use semver::Version;
use signet_managed::SignatureError;
use std::{io, path::PathBuf};

/// Why there is no update. Nothing was installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The policy of this computer cannot be used.
    #[error("the policy of this computer cannot be used: {0}")]
    Policy(String),
    /// The policy names no server, or no key.
    #[error("the policy of this computer names no {0}")]
    NotSet(&'static str),
    /// The account may not install programs.
    #[error("only the administrator account of this computer may do this: {path}: {source}")]
    NotAdministrator {
        /// What it could not write.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Others can write where packages are kept.
    #[error("{path} is not protected: another user owns it or can write it, or it is a link")]
    NotProtected {
        /// The folder.
        path: PathBuf,
    },
    /// Another process updates.
    #[error("another update is running")]
    Running,
    /// The state cannot be read.
    #[error("what this computer remembers of its updates cannot be read, in {path}")]
    State {
        /// The file.
        path: PathBuf,
    },
    /// A file of the store cannot be read or written.
    #[error("{path}: {source}")]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The server or share does not answer.
    #[error("{from} does not give {file}: {why}")]
    Fetch {
        /// The server or folder.
        from: String,
        /// The file.
        file: String,
        /// Why.
        why: String,
    },
    /// The transfer broke off; what came is kept, and the next try goes on there.
    #[error("{from} broke off after {got} of {size} bytes of {file}")]
    BrokeOff {
        /// The server or folder.
        from: String,
        /// The file.
        file: String,
        /// Bytes that are here.
        got: u64,
        /// Bytes of the whole.
        size: u64,
    },
    /// The signature of the list does not count.
    #[error("the signature of the list of releases does not count: {0}")]
    Signature(#[source] SignatureError),
    /// The list has something that a list cannot have.
    #[error("the list of releases cannot be used: {0}")]
    List(String),
    /// A package is not the one that the list names.
    #[error("{file} is not the package that the list names: its SHA-256 or its size differs")]
    Package {
        /// The file.
        file: String,
    },
    /// The package manager could not be started, or failed.
    #[error("the package manager did not install it: {0}")]
    Install(String),
    /// The installer of the system works on something else. Nothing was begun.
    #[error("another installation runs on this computer")]
    InstallerBusy,
    /// The installer could not replace what is in use.
    #[error("version {0} is in place once this computer has been restarted")]
    Restart(Version),
}

impl UpdateError {
    /// A code that never changes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Policy(_) => "update.policy",
            Self::NotSet(_) => "update.not_set",
            Self::NotAdministrator { .. } => "update.not_administrator",
            Self::NotProtected { .. } => "update.not_protected",
            Self::Running => "update.running",
            Self::State { .. } => "update.state_damaged",
            Self::Disk { .. } => "update.disk",
            Self::Fetch { .. } => "update.not_fetched",
            Self::BrokeOff { .. } => "update.broke_off",
            Self::Signature(SignatureError::Form) => "update.signature_damaged",
            Self::Signature(SignatureError::OtherKey) => "update.other_key",
            Self::Signature(_) => "update.list_tampered",
            Self::List(_) => "update.list_damaged",
            Self::Package { .. } => "update.package_tampered",
            Self::Install(_) => "update.not_installed",
            Self::InstallerBusy => "update.installer_busy",
            Self::Restart(_) => "update.restart_needed",
        }
    }

    /// What to do, and who can do it.
    #[must_use]
    pub fn cure(&self) -> String {
        match self {
            Self::Policy(_) => "signet-desk policy show says who acts.".into(),
            Self::NotSet(_) => {
                "The administrator sets software.server, software.update_key and, for a server, \
                    software.server_anchors in the policy."
                    .into()
            }
            Self::NotAdministrator { .. } => {
                "Run it as root, or let the computer's timer do it.".into()
            }
            Self::NotProtected { .. } => {
                "The administrator finds out why, then repairs owner and mode (0755). On Windows \
                    the program belongs below the folder for programs (Program Files)."
                    .into()
            }
            Self::Running => "Wait until it has ended.".into(),
            Self::State { path } => format!(
                "The administrator finds out why it was damaged, then deletes {}.",
                path.display()
            ),
            Self::Disk { .. } => "The administrator checks disk and rights.".into(),
            Self::Fetch { .. } => {
                "The administrator checks the server or share, the proxy and the network.".into()
            }
            Self::BrokeOff { .. } => "Nothing: the next try goes on where it stopped.".into(),
            Self::Signature(_) | Self::Package { .. } => {
                "Tell your security officer that releases may have been tampered with. The \
                    administrator publishes list, signature and packages together."
                    .into()
            }
            Self::List(_) => "Whoever made the list corrects it and signs it again.".into(),
            Self::InstallerBusy => "Nothing: it is tried again.".into(),
            Self::Restart(_) => "Restart the computer when no request is open.".into(),
            Self::Install(_) => {
                "The administrator looks at the package manager's own messages. It is tried again."
                    .into()
            }
        }
    }

    pub(crate) fn disk(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { path, source }
    }
}
