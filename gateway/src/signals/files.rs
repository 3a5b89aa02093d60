//! A provider's bearer token, and its keys when they are in a file; read again when the files
//! change. A file that cannot be used leaves the last good one in force, and is said loudly.

use crate::{
    config::{ConfigError, ProviderSection, SignalsSection, value},
    stamp::{self, Stamp},
};
use aws_lc_rs::{constant_time::verify_slices_are_equal, digest};
use signet_signals::Keys;
use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};
use zeroize::Zeroizing;

const FILE_BYTES_MAX: u64 = 256 * 1024;
const BEARER_CHARS: std::ops::RangeInclusive<usize> = 32..=1_024;

/// What the files of one provider hold.
#[derive(Clone)]
pub struct Files {
    /// `None`: the provider publishes them.
    keys: Option<Keys>,
    bearer: Option<digest::Digest>,
}

impl Files {
    /// Reads those of every provider, in their order.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn read_all(section: &SignalsSection) -> Result<Vec<Self>, ConfigError> {
        section.providers.iter().map(Self::read).collect()
    }

    pub(super) fn read(section: &ProviderSection) -> Result<Self, ConfigError> {
        let keys = |path: &PathBuf| {
            let key = section.key("keys");
            Keys::read(&text(&key, path)?).map_err(|e| value(key, e))
        };
        let keys = section.keys.as_ref().map(keys).transpose()?;
        let bearer = |path: &PathBuf| bearer(&section.key("bearer_file"), path);
        let bearer = section.bearer_file.as_ref().map(bearer).transpose()?;
        Ok(Self { keys, bearer })
    }

    /// The keys of the file.
    pub(super) fn keys(&self) -> Option<Rc<Keys>> {
        self.keys.clone().map(Rc::new)
    }

    /// Whether this is the provider's bearer token, or none is asked for. Digests are compared, so
    /// neither time nor length tells anything.
    pub(super) fn is_bearer(&self, shown: Option<&str>) -> bool {
        let Some(ours) = &self.bearer else { return true };
        let theirs = sha256(shown.unwrap_or_default().as_bytes());
        verify_slices_are_equal(ours.as_ref(), theirs.as_ref()).is_ok()
    }

    /// When the files were written.
    pub(super) fn stamps(section: &ProviderSection) -> (Stamp, Stamp) {
        let of = |path: &Option<PathBuf>| path.as_deref().and_then(stamp::of);
        (of(&section.keys), of(&section.bearer_file))
    }
}

fn bearer(key: &str, path: &Path) -> Result<digest::Digest, ConfigError> {
    let text = text(key, path)?;
    let token = text.trim();
    let printable = token.bytes().all(|b| b.is_ascii_graphic());
    if !BEARER_CHARS.contains(&token.len()) || !printable {
        return Err(value(key, "32 to 1024 printable characters without blanks"));
    }
    Ok(sha256(token.as_bytes()))
}

fn text(key: &str, path: &Path) -> Result<Zeroizing<String>, ConfigError> {
    let failed = |e: std::io::Error| value(key, format!("{}: {e}", path.display()));
    if fs::metadata(path).map_err(failed)?.len() > FILE_BYTES_MAX {
        return Err(value(key, format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(failed)
}

fn sha256(bytes: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, bytes)
}
