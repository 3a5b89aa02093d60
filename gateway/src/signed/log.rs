//! Evidence on disk: frames as they travelled, each with the certificate that its signature was
//! judged with.
//!
//! Sealed files in one folder, numbered without a gap. Each begins with a digest over all records
//! of all files before it, so a file that is missing or was put in another's place is found. A new
//! one is begun each day (UTC) and when one is full; none is ever deleted by the gateway.

use rustls_pki_types::CertificateDer;
use signet_journal::{LogError, SealedLog, StoreKey, private_folder};
use signet_rfq::UtcMillis;
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};
use time::{Date, OffsetDateTime};

/// A file as large as this is full.
pub(super) const MAX_FILE_BYTES: u64 = 32 * 1024 * 1024;
const SUFFIX: &str = ".signed";
const HEAD: u8 = b'H';
const CERTIFICATE: u8 = b'C';
const FRAME: u8 = b'F';
pub(super) const DIGEST_LEN: usize = 32;
pub(super) type Digest = [u8; DIGEST_LEN];

/// Evidence cannot be written or read. At fault: the disk, or whoever changed files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignedLogError {
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("{path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error("{0}: a record that this version does not know")]
    UnknownRecord(PathBuf),
    #[error("file {0} is missing")]
    Missing(u64),
    #[error("{0}: it does not follow the file before it")]
    OutOfChain(PathBuf),
    /// A message without a verified signature reached the place where evidence is kept: a fault of
    /// this program.
    #[error("the message carries no verified signature")]
    NoEvidence,
}

impl SignedLogError {
    /// Never changes between releases.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Log(e) if e.is_damage() => "signed_log.altered",
            Self::UnknownRecord(_) => "signed_log.altered",
            Self::Missing(_) | Self::OutOfChain(_) => "signed_log.incomplete",
            Self::Log(_) | Self::Folder { .. } => "signed_log.unwritable",
            Self::NoEvidence => "signed_log.no_evidence",
        }
    }

    pub fn cure(&self) -> &'static str {
        match self.code() {
            "signed_log.altered" | "signed_log.incomplete" => {
                "Tell the security officer; restore the folder from a backup."
            }
            "signed_log.unwritable" => {
                "See that the disk has room and that the gateway may write to the folder."
            }
            _ => "Report it to whoever supports Signet.",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    Desk,
    Dealer,
}

impl Party {
    pub fn word(self) -> &'static str {
        match self {
            Self::Desk => "desk",
            Self::Dealer => "dealer",
        }
    }
}

/// One message to be kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    /// When the gateway had it.
    pub at: UtcMillis,
    pub party: Party,
    /// CompID of the sender.
    pub id: &'a str,
    /// The sender's, whose key the signature is good under.
    pub certificate: &'a CertificateDer<'static>,
    pub frame: &'a [u8],
}

/// The folder, open for writing.
pub struct SignedLog {
    folder: PathBuf,
    key: StoreKey,
    sync: bool,
    file: SealedLog,
    number: u64,
    day: Date,
    /// Certificates that the present file holds.
    certificates: HashSet<Digest>,
    /// Over every record so far.
    chain: Digest,
    max_bytes: u64,
}

impl SignedLog {
    /// Opens or creates. `sync`: wait for the disk after each record.
    pub fn open(
        folder: &Path,
        key: &StoreKey,
        now: UtcMillis,
        sync: bool,
    ) -> Result<Self, SignedLogError> {
        Self::open_with(folder, key, now, sync, MAX_FILE_BYTES)
    }

    pub(super) fn open_with(
        folder: &Path,
        key: &StoreKey,
        now: UtcMillis,
        sync: bool,
        max_bytes: u64,
    ) -> Result<Self, SignedLogError> {
        private_folder(folder)
            .map_err(|source| SignedLogError::Folder { path: folder.into(), source })?;
        let mut files = files(folder)?;
        let last = files.pop();
        let before = match files.last() {
            Some((_, path)) => Some(chain_after(path, key)?),
            None => None,
        };
        let (number, path) = last.unwrap_or_else(|| (1, path_of(folder, 1, day(now))));
        let (file, recovered) = SealedLog::open(&path, key)?;
        let records: Vec<&[u8]> = recovered.records.iter().map(|r| &r[..]).collect();
        let day = day_of(&path).unwrap_or_else(|| day(now));
        let certificates = HashSet::new();
        let chain = before.unwrap_or_default();
        // Older files may have been moved to an archive; then this one's head is all there is to go
        // by.
        let known = before.is_some() || number == 1;
        let mut log = Self {
            folder: folder.into(),
            key: key.clone(),
            sync,
            file,
            number,
            day,
            certificates,
            chain,
            max_bytes,
        };
        match records.first() {
            // New, or made when the disk was full.
            None => log.write_head()?,
            Some(_) => log.take_up(&records, &path, known)?,
        }
        Ok(log)
    }

    fn take_up(
        &mut self,
        records: &[&[u8]],
        path: &Path,
        known: bool,
    ) -> Result<(), SignedLogError> {
        let before = self.chain;
        for (n, r) in records.iter().enumerate() {
            match (n, Record::read(r).ok_or_else(|| SignedLogError::UnknownRecord(path.into()))?) {
                (0, Record::Head(chain)) if !known || chain == before => self.chain = chain,
                (0, _) => return Err(SignedLogError::OutOfChain(path.into())),
                (_, Record::Certificate(der)) => drop(self.certificates.insert(sha256(der))),
                _ => {}
            }
            self.chain = link(&self.chain, r);
        }
        Ok(())
    }

    /// Writes one message down. On failure nothing of it counts as written.
    pub fn keep(&mut self, k: &Kept<'_>) -> Result<(), SignedLogError> {
        if day(k.at) > self.day
            || self.file.len() + (k.frame.len() + k.certificate.len()) as u64 > self.max_bytes
        {
            self.next_file(k.at)?;
        }
        let print = sha256(k.certificate);
        if !self.certificates.contains(&print) {
            self.append(&[&[CERTIFICATE], k.certificate.as_ref()].concat())?;
            self.certificates.insert(print);
        }
        let id = k.id.as_bytes();
        let id_len = u8::try_from(id.len()).map_err(|_| LogError::RecordTooLong(id.len()))?;
        let party = if k.party == Party::Desk { b'D' } else { b'L' };
        let head = [&[FRAME][..], &k.at.0.to_le_bytes(), &[party], &print, &[id_len], id].concat();
        self.append(&[&head, k.frame].concat())?;
        if self.sync {
            self.file.sync()?;
        }
        Ok(())
    }

    fn append(&mut self, record: &[u8]) -> Result<(), SignedLogError> {
        self.file.append(record)?;
        self.chain = link(&self.chain, record);
        Ok(())
    }

    fn write_head(&mut self) -> Result<(), SignedLogError> {
        let head = [&[HEAD][..], &self.chain].concat();
        self.append(&head)
    }

    fn next_file(&mut self, now: UtcMillis) -> Result<(), SignedLogError> {
        let (number, day) = (self.number + 1, day(now).max(self.day));
        self.file.sync()?;
        // One of this number may be there from when the disk was full.
        let left =
            files(&self.folder)?.into_iter().find(|(n, _)| *n == number).map(|(_, path)| path);
        let path = left.unwrap_or_else(|| path_of(&self.folder, number, day));
        let (mut file, recovered) = SealedLog::open(&path, &self.key)?;
        let head = [&[HEAD][..], &self.chain].concat();
        match &recovered.records[..] {
            [] => file.append(&head)?,
            [only] if only[..] == head => {}
            _ => return Err(SignedLogError::OutOfChain(path)),
        }
        (self.file, self.number, self.day) = (file, number, day);
        self.certificates.clear();
        self.chain = link(&self.chain, &head);
        Ok(())
    }
}

impl std::fmt::Debug for SignedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedLog")
            .field("folder", &self.folder)
            .field("number", &self.number)
            .finish()
    }
}

/// A record as it lies in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// What stands first: the chain before this file.
    Head(Digest),
    Certificate(&'a [u8]),
    Frame {
        at: UtcMillis,
        party: Party,
        certificate: Digest,
        id: &'a str,
        frame: &'a [u8],
    },
}

impl<'a> Record<'a> {
    pub fn read(record: &'a [u8]) -> Option<Self> {
        let (kind, rest) = record.split_first()?;
        match *kind {
            HEAD => rest.try_into().ok().map(Self::Head),
            CERTIFICATE => Some(Self::Certificate(rest)),
            FRAME => {
                let (at, rest) = rest.split_first_chunk::<8>()?;
                let (party, rest) = rest.split_first()?;
                let (certificate, rest) = rest.split_first_chunk::<DIGEST_LEN>()?;
                let (id_len, rest) = rest.split_first()?;
                let (id, frame) = rest.split_at_checked(usize::from(*id_len))?;
                let party = match *party {
                    b'D' => Party::Desk,
                    b'L' => Party::Dealer,
                    _ => return None,
                };
                let (at, id) = (UtcMillis(i64::from_le_bytes(*at)), std::str::from_utf8(id).ok()?);
                Some(Self::Frame { at, party, certificate: *certificate, id, frame })
            }
            _ => None,
        }
    }
}

pub(super) fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; DIGEST_LEN];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// The chain after one more record.
pub(super) fn link(chain: &Digest, record: &[u8]) -> Digest {
    sha256(&[&chain[..], record].concat())
}

/// The files of a folder in order, none missing between the first and the last.
pub(super) fn files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, SignedLogError> {
    let fail = |source| SignedLogError::Folder { path: folder.into(), source };
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(SUFFIX));
        if let Some(number) =
            name.and_then(|n| n.split_once('-')).and_then(|(number, _)| number.parse().ok())
        {
            all.push((number, path));
        }
    }
    all.sort();
    match all.windows(2).find(|pair| pair[1].0 != pair[0].0 + 1) {
        Some(pair) => Err(SignedLogError::Missing(pair[0].0 + 1)),
        None => Ok(all),
    }
}

/// The chain after the last record of a file that is closed.
fn chain_after(path: &Path, key: &StoreKey) -> Result<Digest, SignedLogError> {
    let recovered = SealedLog::read(path, key)?;
    match recovered.records.first().map(|r| Record::read(r)) {
        Some(Some(Record::Head(before))) => {
            Ok(recovered.records.iter().fold(before, |chain, r| link(&chain, r)))
        }
        _ => Err(SignedLogError::UnknownRecord(path.into())),
    }
}

fn path_of(folder: &Path, number: u64, day: Date) -> PathBuf {
    folder.join(format!(
        "{number:06}-{:04}{:02}{:02}{SUFFIX}",
        day.year(),
        u8::from(day.month()),
        day.day()
    ))
}

fn day_of(path: &Path) -> Option<Date> {
    let (_, digits) = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?.split_once('-')?;
    let (year, rest) = digits.split_at_checked(4)?;
    let (month, day) = rest.split_at_checked(2)?;
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
}

fn day(t: UtcMillis) -> Date {
    OffsetDateTime::from_unix_timestamp(t.0.div_euclid(1_000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .date()
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
