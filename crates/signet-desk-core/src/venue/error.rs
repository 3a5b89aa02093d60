//! Why `desk.toml` cannot be used.

use std::path::PathBuf;

/// Why `desk.toml`, or an invitation, cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not valid TOML, or has unknown or missing keys.
    #[error("{path}: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// What it says about a venue cannot be used.
    #[error("venue {venue}: {why}")]
    Venue {
        /// Its name.
        venue: String,
        /// What is wrong, beginning with the key.
        why: String,
    },
    /// What it says about the proxy cannot be used.
    #[error("proxy: {0}")]
    Proxy(String),
    /// The page that it names for finding captive portals cannot be used.
    #[error("portal_check: {0}")]
    PortalCheck(String),
    /// What it says about trading would protect nobody.
    #[error("trading: {0}")]
    Trading(String),
}
