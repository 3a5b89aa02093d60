//! Revocation lists of outside authorities, from files that somebody else keeps fresh.
//!
//! A file that cannot be read leaves the last good list in force, which then grows stale by itself:
//! half a download neither opens nor closes the door at once. Everything wrong is said loudly, again
//! and again; whether it closes the door is the operator's setting.

use crate::stamp::{self, Stamp};
use rustls_pki_types::CertificateRevocationListDer;
use signet_identity::{CrlError, Crls, Revocation};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

/// How often the files are looked at.
pub const LOOK: Duration = Duration::from_secs(1);
const COMPLAIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub struct CrlFiles {
    /// The configuration key, for the log.
    key: &'static str,
    files: Vec<(PathBuf, Stamp, Vec<CertificateRevocationListDer<'static>>)>,
    required: bool,
    complained: Option<Instant>,
}

impl CrlFiles {
    pub fn new(key: &'static str, paths: &[PathBuf], required: bool) -> Self {
        let files = paths.iter().map(|p| (p.clone(), None, vec![])).collect();
        Self { key, files, required, complained: None }
    }

    /// Whether there is anything to check.
    pub fn in_use(&self) -> bool {
        self.required || !self.files.is_empty()
    }

    pub fn required(&self) -> bool {
        self.required
    }

    /// Reads the files that changed; whether any list did.
    pub fn refresh(&mut self) -> bool {
        let mut changed = false;
        for (path, known, lists) in &mut self.files {
            let now = stamp::of(path);
            if now == *known && now.is_some() {
                continue;
            }
            let appeared = *known != now;
            *known = now;
            match read(path) {
                Ok(new) => {
                    tracing::info!(key = self.key, file = %path.display(), lists = new.len(), "revocation list read");
                    *lists = new;
                    changed = true;
                }
                // Once per change here; `complain` repeats it.
                Err(e) if appeared => tracing::error!(key = self.key, error = %e, "a revocation list cannot be read; {}", last_good(lists)),
                Err(_) => {}
            }
        }
        changed
    }

    /// Says what is missing or stale, once a minute.
    pub fn complain(&mut self, now: OffsetDateTime) {
        if self.complained.is_some_and(|t| t.elapsed() < COMPLAIN) {
            return;
        }
        for text in self.faults(now) {
            tracing::error!(key = self.key, required = self.required, "{text}");
            self.complained = Some(Instant::now());
        }
    }

    /// What is wrong with the lists, and what that means.
    pub fn faults(&self, now: OffsetDateTime) -> Vec<String> {
        let means = if self.required { "peers it should tell about are refused" } else { "peers are admitted although nobody can tell" };
        let mut all = vec![];
        for (path, _, lists) in &self.files {
            if lists.is_empty() {
                all.push(format!("{}: no revocation list could be read from it; {means}", path.display()));
            }
            for stale in Crls::new(lists.iter().cloned()).iter().flat_map(|c| c.stale(now).cloned().collect::<Vec<_>>()) {
                all.push(format!("{}: the list of {} is stale since {}; {means}", path.display(), stale.issuer, stale.next_update));
            }
        }
        all
    }

    /// What a handshake checks; `None` when nothing is configured. `own` is the list of the gateway's
    /// own authority, which has no file.
    pub fn crls(&self, own: Option<&[u8]>) -> Result<Option<Crls>, CrlError> {
        if !self.in_use() {
            return Ok(None);
        }
        let revocation = if self.required { Revocation::Required } else { Revocation::BestEffort };
        let own = own.filter(|der| !der.is_empty()).map(|der| CertificateRevocationListDer::from(der.to_vec()));
        let lists = self.files.iter().flat_map(|(_, _, lists)| lists.iter().cloned()).chain(own);
        Ok(Some(Crls::new(lists)?.with_revocation(revocation)))
    }
}

fn last_good(lists: &[CertificateRevocationListDer<'_>]) -> &'static str {
    if lists.is_empty() { "there is none" } else { "the last good one stays" }
}

fn read(path: &PathBuf) -> Result<Vec<CertificateRevocationListDer<'static>>, CrlError> {
    use rustls_pki_types::pem::PemObject as _;
    // Checks size and form; it keeps the lists to itself, so they are taken from the bytes again.
    let checked = Crls::from_files([path])?;
    let bytes = fs::read(path).map_err(|source| CrlError::File { path: path.clone(), source })?;
    let lists = match bytes.first() {
        Some(0x30) => vec![CertificateRevocationListDer::from(bytes)],
        _ => CertificateRevocationListDer::pem_slice_iter(&bytes).collect::<Result<_, _>>().map_err(|_| CrlError::Unreadable)?,
    };
    // The file changed in between; the next look reads it again.
    let same = lists.len() == checked.facts().len();
    if same && lists.iter().all(is_version_2) { Ok(lists) } else { Err(CrlError::Unreadable) }
}

/// RFC 5280 §5.1.2.1 wants version 2, and the handshake's own reader knows no other: one of version 1
/// among the lists would make all of them unusable.
fn is_version_2(list: &CertificateRevocationListDer<'_>) -> bool {
    use x509_parser::{prelude::FromDer as _, revocation_list::CertificateRevocationList, x509::X509Version};
    CertificateRevocationList::from_der(list).is_ok_and(|(_, crl)| crl.version() == Some(X509Version::V2))
}
