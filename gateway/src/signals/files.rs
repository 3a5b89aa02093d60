//! The provider's keys and bearer token, read again when their files change. A file that cannot be
//! used leaves the last good one in force, and is said loudly.

use crate::{
    config::{ConfigError, SignalsSection, value},
    stamp::{self, Stamp},
};
use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use signet_signals::Keys;
use std::{fs, path::Path};
use zeroize::Zeroizing;

const FILE_BYTES_MAX: u64 = 256 * 1024;
const BEARER_CHARS: std::ops::RangeInclusive<usize> = 32..=1_024;

/// What the files hold.
#[derive(Clone)]
pub struct Files {
    pub keys: Keys,
    bearer: Option<digest::Digest>,
}

impl Files {
    /// Reads both.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn read(section: &SignalsSection) -> Result<Self, ConfigError> {
        let keys = text("signals.keys", &section.keys)?;
        let keys = Keys::read(&keys).map_err(|e| value("signals.keys", e))?;
        let bearer = section.bearer_file.as_deref().map(bearer).transpose()?;
        Ok(Self { keys, bearer })
    }

    /// Whether this is the provider's bearer token, or none is asked for. Digests are compared, so
    /// neither time nor length tells anything.
    pub fn is_bearer(&self, shown: Option<&str>) -> bool {
        let Some(ours) = &self.bearer else { return true };
        let theirs = sha256(shown.unwrap_or_default().as_bytes());
        verify_slices_are_equal(ours.as_ref(), theirs.as_ref()).is_ok()
    }

    /// When the files were written.
    pub fn stamps(section: &SignalsSection) -> (Stamp, Stamp) {
        let bearer = section.bearer_file.as_deref().and_then(stamp::of);
        (stamp::of(&section.keys), bearer)
    }
}

fn bearer(path: &Path) -> Result<digest::Digest, ConfigError> {
    let key = "signals.bearer_file";
    let text = text(key, path)?;
    let token = text.trim();
    let printable = token.bytes().all(|b| b.is_ascii_graphic());
    if !BEARER_CHARS.contains(&token.len()) || !printable {
        return Err(value(key, "32 to 1024 printable characters without blanks"));
    }
    Ok(sha256(token.as_bytes()))
}

fn text(key: &'static str, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let failed = |e: std::io::Error| value(key, format!("{}: {e}", path.display()));
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(value(key, format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}
