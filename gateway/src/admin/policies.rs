//! The history of the policies, for `signet-gateway policy history`, `show` and `compare`.

use super::{AdminError, date};
use crate::{
    config::Config,
    history::{Version, read},
    state_dir::{existing_store_key, history_file},
};

/// A time of the history, RFC 3339.
///
/// # Errors
/// It is out of range.
pub fn moment_of(at_ms: i64) -> Result<String, AdminError> {
    date(signet_rfq::UtcMillis(at_ms))
}

/// Shorter beginnings of a digest name too much.
const PREFIX_MIN: usize = 6;

/// Every record, oldest first.
///
/// # Errors
/// The file cannot be read, or was changed.
pub fn policy_history(config: &Config) -> Result<Vec<Version>, AdminError> {
    let key = existing_store_key(config).map_err(|e| AdminError::StoreKey(e.to_string()))?;
    read(&history_file(config), &key).map_err(AdminError::Sealed)
}

/// The version whose digest begins so, with its text.
///
/// # Errors
/// There is none, or more than one.
pub fn policy_version(config: &Config, digest: &str) -> Result<Version, AdminError> {
    let unknown = || AdminError::NoVersion(digest.to_owned());
    if digest.len() < PREFIX_MIN {
        return Err(unknown());
    }
    let all = policy_history(config)?;
    let mut named =
        all.into_iter().filter(|v| !v.documents.is_empty() && v.digest.starts_with(digest));
    let first = named.next().ok_or_else(unknown)?;
    match named.all(|v| v.digest == first.digest) {
        true => Ok(first),
        false => Err(unknown()),
    }
}
