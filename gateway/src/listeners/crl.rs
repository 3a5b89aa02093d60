//! Revocation lists of outside authorities, from files that somebody else keeps fresh.
//!
//! A file that holds no usable list leaves the last good one in force, which then grows stale by
//! itself: half a download neither admits nor refuses anybody at once. One bad list among good ones
//! disables itself only. Everything wrong is said loudly, again and again; whether it shuts
//! peers out is the operator's setting.

use crate::stamp::{self, Stamp};
use signet_identity::{CRL_FILE_BYTES_MAX, CrlError, CrlFacts, Crls, Revocation};
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
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
    files: Vec<Watched>,
    required: bool,
    complained: Option<Instant>,
}

#[derive(Debug)]
struct Watched {
    path: PathBuf,
    stamp: Stamp,
    /// The newest content that holds a usable list.
    good: Option<Vec<u8>>,
    /// Why the present content is not that one.
    trouble: Option<String>,
    /// The content could not be read when it was looked at last. What cures that need not show in
    /// the stamp: a mode, an owner, files of this process that were closed again.
    unread: bool,
}

impl CrlFiles {
    /// `required`: whether peers that no list covers are refused; when there are lists, if
    /// nothing else is said.
    pub fn new(key: &'static str, paths: &[PathBuf], required: Option<bool>) -> Self {
        let required = required.unwrap_or(!paths.is_empty());
        let watched = |p: &PathBuf| Watched {
            path: p.clone(),
            stamp: None,
            good: None,
            trouble: None,
            unread: false,
        };
        Self { key, files: paths.iter().map(watched).collect(), required, complained: None }
    }

    /// Whether there is anything to check.
    pub fn in_use(&self) -> bool {
        self.required || !self.files.is_empty()
    }

    pub fn required(&self) -> bool {
        self.required
    }

    /// Reads the files that changed, or could not be read; whether any list did.
    pub fn refresh(&mut self) -> bool {
        let mut changed = false;
        for file in &mut self.files {
            let now = stamp::of(&file.path);
            if now == file.stamp && now.is_some() && !file.unread {
                continue;
            }
            let appeared = file.stamp != now;
            file.stamp = now;
            let content = content(&file.path);
            file.unread = content.is_err();
            match content.and_then(|bytes| usable(&file.path, bytes)) {
                Ok((bytes, lists)) => {
                    tracing::info!(
                        key = self.key,
                        file = %file.path.display(),
                        lists,
                        "revocation lists read"
                    );
                    changed |= file.good.as_ref() != Some(&bytes);
                    (file.good, file.trouble) = (Some(bytes), None);
                }
                Err(e) => {
                    // Once per change here; `complain` repeats it.
                    if appeared {
                        tracing::error!(key = self.key, error = %e, "revocation lists cannot be \
                            read; {}", last_good(file));
                    }
                    file.trouble = Some(e.to_string());
                }
            }
        }
        changed
    }

    /// The same away from the calling thread: the lists themselves and whether any of them changed.
    /// `None`: the reading ended without an answer, and the lists with it.
    pub async fn refreshed_aside(mut self) -> Option<(Self, bool)> {
        tokio::task::spawn_blocking(move || {
            let changed = self.refresh();
            (self, changed)
        })
        .await
        .ok()
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

    fn means(&self) -> &'static str {
        if self.required {
            "peers it should tell about are refused"
        } else {
            "peers are admitted although nobody can tell"
        }
    }

    /// What is wrong with the lists, and what that means.
    pub fn faults(&self, now: OffsetDateTime) -> Vec<String> {
        let means = self.means();
        let mut all = self.unusable();
        let crls = self.together(None);
        let complete =
            |issuer: &str| crls.facts().iter().any(|f| f.issuer == issuer && f.partial.is_none());
        for f in crls.facts().iter().filter(|f| !complete(&f.issuer)) {
            let why = f.partial.map(|p| p.to_string()).unwrap_or_default();
            all.push(format!(
                "the list of {} refuses those it names and proves nothing about others, \
                since {why}; {means}",
                f.issuer
            ));
        }
        all.extend(crls.stale(now).map(|s| {
            format!("the list of {} is stale since {}; {means}", s.issuer, s.next_update)
        }));
        all
    }

    /// The files and the lists in them that cannot be used, and what that means.
    pub fn unusable(&self) -> Vec<String> {
        let means = self.means();
        let mut all = vec![];
        for file in &self.files {
            let path = file.path.display();
            match (&file.good, &file.trouble) {
                (None, why) => {
                    let why = why.as_deref().map(|w| format!(" ({w})")).unwrap_or_default();
                    all.push(format!(
                        "{path}: no revocation list could be read from it{why}; {means}"
                    ));
                }
                (Some(_), Some(why)) => {
                    all.push(format!("{path}: {why}; the last good lists stay in force"))
                }
                (Some(_), None) => {}
            }
        }
        let crls = self.together(None);
        all.extend(
            crls.unusable()
                .iter()
                .map(|u| format!("{u}: not used, the others are in force; {means}")),
        );
        all
    }

    /// Every list that is enforced.
    pub fn facts(&self) -> Vec<CrlFacts> {
        self.together(None).facts().to_vec()
    }

    /// What is enforced, list by list, for a person who checks the configuration.
    pub fn enforced(&self, now: OffsetDateTime) -> Vec<String> {
        let line = |f: &CrlFacts| {
            let number = f.number.as_ref().map(|n| format!(", number {n}")).unwrap_or_default();
            let what = match (&f.partial, f.next_update > now) {
                (Some(why), _) => format!(
                    "refuses the {} it names and proves nothing of others: {why}",
                    f.revoked
                ),
                (None, true) => format!("refuses the {} it names", f.revoked),
                (None, false) => format!(
                    "STALE since {}; still refuses the {} it names",
                    f.next_update, f.revoked
                ),
            };
            format!("list of {}{number}, until {}: {what}", f.issuer, f.next_update)
        };
        self.together(None).facts().iter().map(line).collect()
    }

    fn together(&self, own: Option<&[u8]>) -> Crls {
        let files =
            self.files.iter().filter_map(|f| Some((Some(f.path.clone()), Ok(f.good.clone()?))));
        let own = own.filter(|der| !der.is_empty()).map(|der| (None, Ok(der.to_vec())));
        Crls::from_sources(files.chain(own))
    }

    /// The contents of the files, as evidence of what was known.
    pub fn contents(&self) -> impl Iterator<Item = &[u8]> {
        self.files.iter().filter_map(|f| f.good.as_deref())
    }

    /// What a handshake checks; `None` when nothing is configured. `own` is the list of the
    /// gateway's own authority, which has no file.
    pub fn crls(&self, own: Option<&[u8]>) -> Option<Crls> {
        if !self.in_use() {
            return None;
        }
        let revocation = if self.required { Revocation::Required } else { Revocation::BestEffort };
        Some(self.together(own).with_revocation(revocation))
    }
}

fn last_good(file: &Watched) -> &'static str {
    if file.good.is_none() { "there is none" } else { "the last good ones stay" }
}

/// The content of a file, and a byte more than may be in it.
fn content(path: &Path) -> Result<Vec<u8>, CrlError> {
    let failed = |source| CrlError::File { path: path.into(), source };
    let mut bytes = Vec::new();
    let limit = CRL_FILE_BYTES_MAX as u64 + 1;
    File::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The content of a file with at least one usable list, and how many those are.
fn usable(path: &Path, bytes: Vec<u8>) -> Result<(Vec<u8>, usize), CrlError> {
    let crls = Crls::from_sources([(Some(path.into()), Ok(bytes.clone()))]);
    match (crls.facts().len(), crls.unusable().first()) {
        (0, Some(why)) => {
            Err(CrlError::File { path: path.into(), source: io::Error::other(why.why.clone()) })
        }
        (0, None) => Err(CrlError::Unreadable),
        (lists, _) => Ok((bytes, lists)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_devca::DevPki;
    use signet_identity::Role;
    use std::fs;

    /// As when so many connections were open that no file could be: the list that revokes somebody
    /// must not wait for the next one.
    #[test]
    fn a_file_that_could_not_be_read_is_read_again_though_its_stamp_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desks.crl");
        let mut files = CrlFiles::new("desks.crl", std::slice::from_ref(&path), None);
        // What cannot be read as a file.
        fs::create_dir(&path).unwrap();
        assert!(!files.refresh() && files.files[0].unread);
        fs::remove_dir(&path).unwrap();
        let now = OffsetDateTime::now_utc();
        let pki = DevPki::generate("bank.example", now).unwrap();
        fs::write(&path, pki.crl(Role::Desk, &[], now + time::Duration::days(1)).unwrap()).unwrap();
        files.files[0].stamp = stamp::of(&path);
        assert!(files.refresh() && !files.files[0].unread);
        assert_eq!((files.facts().len(), files.unusable()), (1, vec![]));
        assert!(!files.refresh(), "once");
        // One that can be read and holds nothing usable is not read again before it changes.
        fs::write(&path, "rubbish").unwrap();
        assert!(!files.refresh() && !files.files[0].unread);
    }
}
