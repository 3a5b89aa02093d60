//! Why `desk.toml` cannot be used.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskConfigError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Syntax { path: PathBuf, message: String },
    #[error("venue {venue}: {why}")]
    Venue { venue: String, why: String },
    #[error("proxy: {0}")]
    Proxy(String),
}
