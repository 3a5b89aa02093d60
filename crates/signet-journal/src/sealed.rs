use crate::{
    LogError, MAX_RECORD_LEN, Recovered, StoreKey,
    format::{self, FileKeys, HEADER_1_LEN, HEADER_LEN, Kind, TAG_LEN, Tag},
    place::{open_locked, sync_folder, write_private},
};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};
use zeroize::Zeroizing;

/// What [`SealedLog::salvage`] did.
#[derive(Debug, Default)]
pub struct Salvaged {
    /// Records that authenticate and are in the mended file.
    pub kept: u64,
    /// Places of the records that do not; with `rest_unreadable`, whatever followed the last is
    /// lost too.
    pub lost: Vec<u64>,
    /// Records after the last of `lost` could not be found.
    pub rest_unreadable: bool,
    /// The damaged file, moved there unchanged.
    pub kept_aside: PathBuf,
}

/// How much of a file is on the disk itself: the next record, the tag before it, and its place.
#[derive(Debug, Clone, Copy)]
struct Durable {
    index: u64,
    previous: Tag,
    length: u64,
    /// A wait for what follows failed, and none was good since.
    doubtful: bool,
}

impl Durable {
    /// The header only: of what an earlier process left nobody knows.
    const HEADER: Self =
        Self { index: 0, previous: [0; TAG_LEN], length: HEADER_LEN as u64, doubtful: false };
}

/// An open record file. One process at a time.
pub struct SealedLog {
    file: File,
    path: PathBuf,
    store_key: StoreKey,
    keys: FileKeys,
    /// Number of the next record.
    index: u64,
    previous: Tag,
    length: u64,
    /// Bytes of a failed append may follow `length`; nothing is written before they are gone.
    unclean: bool,
    /// `file` is another one: on Windows a file is closed to be replaced, and this one could
    /// neither be replaced nor opened again. Nothing is written before it is.
    closed: bool,
    /// What the disk is known to have.
    durable: Mutex<Durable>,
    scratch: Vec<u8>,
}

impl SealedLog {
    /// Opens or creates the file and reads every record. A file of an earlier format is replaced by
    /// one of the present format.
    pub fn open(path: &Path, store_key: &StoreKey) -> Result<(Self, Recovered), LogError> {
        let io = |source| LogError::Io { path: path.into(), source };
        let mut file = open_locked(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        match format::kind(&bytes) {
            Kind::Foreign => Err(LogError::NotALog(path.into())),
            Kind::Unfinished => Ok((Self::create(file, path, store_key)?, Recovered::default())),
            Kind::Format1 => Self::convert(file, path, store_key, bytes),
            Kind::Format2 => Self::take_up(file, path, store_key, bytes),
        }
    }

    fn create(mut file: File, path: &Path, store_key: &StoreKey) -> Result<Self, LogError> {
        let (header, keys) = format::new_header(store_key)?;
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(&header))
            .and_then(|()| file.sync_all())
            .map_err(|source| LogError::Io { path: path.into(), source })?;
        // A record that is on the disk is lost when the name of its file is not.
        sync_folder(path)?;
        Ok(Self {
            file,
            path: path.into(),
            store_key: store_key.clone(),
            keys,
            index: 0,
            previous: [0; TAG_LEN],
            length: HEADER_LEN as u64,
            unclean: false,
            closed: false,
            durable: Mutex::new(Durable::HEADER),
            scratch: Vec::new(),
        })
    }

    fn take_up(
        file: File,
        path: &Path,
        store_key: &StoreKey,
        mut bytes: Vec<u8>,
    ) -> Result<(Self, Recovered), LogError> {
        let io = |source| LogError::Io { path: path.into(), source };
        let keys = format::open_header(&bytes, store_key, path)?;
        let unsealed = format::unseal(&mut bytes[HEADER_LEN..], &keys, false);
        if let (true, Some(index)) = (unsealed.damaged, unsealed.lost.first()) {
            return Err(LogError::Tampered { path: path.into(), index: *index });
        }
        let mut log = Self {
            file,
            path: path.into(),
            store_key: store_key.clone(),
            keys,
            index: unsealed.recovered.records.len() as u64,
            previous: unsealed.previous,
            length: (HEADER_LEN + unsealed.end) as u64,
            unclean: false,
            closed: false,
            durable: Mutex::new(Durable::HEADER),
            scratch: Vec::new(),
        };
        if unsealed.recovered.torn_bytes > 0 {
            say_torn(path, &unsealed.recovered);
            log.file.set_len(log.length).map_err(io)?;
        }
        log.file.seek(SeekFrom::Start(log.length)).map_err(io)?;
        Ok((log, unsealed.recovered))
    }

    /// A format 1 file, made into one of the present format. What looks torn is kept in a file of
    /// its own beside it.
    fn convert(
        file: File,
        path: &Path,
        store_key: &StoreKey,
        mut bytes: Vec<u8>,
    ) -> Result<(Self, Recovered), LogError> {
        let torn = |n: u64, bytes: &[u8]| bytes[bytes.len() - n as usize..].to_vec();
        let original = bytes.clone();
        let (header, rest) = bytes.split_at_mut(HEADER_1_LEN);
        let mut recovered = format::unseal_1(rest, format::file_id(header), store_key, path)?;
        if recovered.torn_bytes > 0 {
            let aside = free_name(path, "cut");
            write_private(&aside, &torn(recovered.torn_bytes, &original))?;
            recovered.kept_aside = Some(aside);
            say_torn(path, &recovered);
        }
        // Windows does not replace an open file. Elsewhere its lock is kept until it is replaced.
        #[cfg(windows)]
        drop(file);
        let log = Self::replace(path, store_key, recovered.records.iter().map(|r| &r[..]))?;
        #[cfg(not(windows))]
        drop(file);
        Ok((log, recovered))
    }

    /// Reads every whole record of a file that another process may have open, and changes nothing.
    /// A last record that is being written, or was torn, is left out.
    pub fn read(path: &Path, store_key: &StoreKey) -> Result<Recovered, LogError> {
        let mut bytes =
            fs::read(path).map_err(|source| LogError::Io { path: path.into(), source })?;
        match format::kind(&bytes) {
            Kind::Unfinished => Ok(Recovered::default()),
            Kind::Foreign => Err(LogError::NotALog(path.into())),
            Kind::Format1 => {
                let (header, rest) = bytes.split_at_mut(HEADER_1_LEN);
                format::unseal_1(rest, format::file_id(header), store_key, path)
            }
            Kind::Format2 => {
                let keys = format::open_header(&bytes, store_key, path)?;
                let unsealed = format::unseal(&mut bytes[HEADER_LEN..], &keys, false);
                match unsealed.lost.first().filter(|_| unsealed.damaged) {
                    Some(index) => Err(LogError::Tampered { path: path.into(), index: *index }),
                    None => Ok(unsealed.recovered),
                }
            }
        }
    }

    /// Makes a damaged file usable: moves it aside unchanged and writes a new one with every record
    /// that still authenticates. A person should decide this, unless the loss of the file does no
    /// harm.
    pub fn salvage(path: &Path, store_key: &StoreKey) -> Result<(Salvaged, Recovered), LogError> {
        let io = |source| LogError::Io { path: path.into(), source };
        fs::metadata(path).map_err(io)?;
        let mut file = open_locked(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let original = bytes.clone();
        let mut salvaged =
            Salvaged { kept_aside: free_name(path, "damaged"), ..Salvaged::default() };
        let recovered = match format::kind(&bytes) {
            Kind::Format2 => match format::open_header(&bytes, store_key, path) {
                Ok(keys) => {
                    let unsealed = format::unseal(&mut bytes[HEADER_LEN..], &keys, true);
                    salvaged.lost = unsealed.lost;
                    salvaged.rest_unreadable = unsealed.damaged;
                    unsealed.recovered
                }
                Err(LogError::WrongKey(_)) => nothing_readable(&mut salvaged),
                Err(e) => return Err(e),
            },
            Kind::Format1 => {
                let (header, rest) = bytes.split_at_mut(HEADER_1_LEN);
                prefix_of_format_1(rest, format::file_id(header), store_key, path, &mut salvaged)
            }
            Kind::Unfinished => Recovered::default(),
            Kind::Foreign => nothing_readable(&mut salvaged),
        };
        salvaged.kept = recovered.records.len() as u64;
        write_private(&salvaged.kept_aside, &original)?;
        #[cfg(windows)]
        drop(file);
        Self::replace(path, store_key, recovered.records.iter().map(|r| &r[..]))?;
        #[cfg(not(windows))]
        drop(file);
        Ok((salvaged, recovered))
    }

    /// Seals one record and hands it to the operating system. `sync` makes it survive a power cut.
    /// On failure the record does not count as written.
    pub fn append(&mut self, record: &[u8]) -> Result<(), LogError> {
        if record.len() > MAX_RECORD_LEN {
            return Err(LogError::RecordTooLong(record.len()));
        }
        self.open_again()?;
        self.clean_up()?;
        let mut buf = std::mem::take(&mut self.scratch);
        buf.clear();
        // What is not sealed is not written.
        let tag = format::seal(&self.keys, self.index, &self.previous, record, &mut buf)?;
        #[cfg(feature = "test-double")]
        let written = crate::disk::ask(&self.path).and_then(|()| self.file.write_all(&buf));
        #[cfg(not(feature = "test-double"))]
        let written = self.file.write_all(&buf);
        let length = buf.len() as u64;
        self.scratch = buf;
        if let Err(source) = written {
            // Part of the record may be on disk (disk full).
            self.unclean = true;
            let _ = self.clean_up();
            return Err(LogError::Io { path: self.path.clone(), source });
        }
        self.length += length;
        self.previous = tag;
        self.index += 1;
        Ok(())
    }

    /// The same, and waits until the record is on the disk itself. On failure it does not count as
    /// written, in either place.
    pub fn append_synced(&mut self, record: &[u8]) -> Result<(), LogError> {
        let before = (self.index, self.previous, self.length);
        self.append(record)?;
        let synced = self.sync();
        if synced.is_err() {
            // The next start would read what nobody acted on.
            (self.index, self.previous, self.length) = before;
            self.unclean = true;
            let _ = self.clean_up();
        }
        synced
    }

    /// Opens the file that a failed rewrite closed.
    fn open_again(&mut self) -> Result<(), LogError> {
        if self.closed {
            *self = Self::open(&self.path, &self.store_key)?.0;
        }
        Ok(())
    }

    fn durable(&self) -> MutexGuard<'_, Durable> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes back what a failed append left, or the next record would follow garbage. After a wait
    /// that failed the file may be at another place.
    fn clean_up(&mut self) -> Result<(), LogError> {
        if self.unclean || self.durable().doubtful {
            self.file
                .set_len(self.length)
                .and_then(|()| self.file.seek(SeekFrom::Start(self.length)))
                .map_err(|source| LogError::Io { path: self.path.clone(), source })?;
            self.unclean = false;
        }
        Ok(())
    }

    /// Writes once more what a wait that failed was for: the system may hold it for written since
    /// then, and would say at the next wait that all is well.
    fn write_again(&self, durable: Durable) -> io::Result<()> {
        if !durable.doubtful {
            return Ok(());
        }
        let mut file = &self.file;
        let length = usize::try_from(self.length.saturating_sub(durable.length));
        let mut bytes = vec![0; length.map_err(io::Error::other)?];
        file.seek(SeekFrom::Start(durable.length))?;
        file.read_exact(&mut bytes)?;
        // It may have been read back from the disk, which does not have it.
        let mut opened = Zeroizing::new(bytes.clone());
        let last = format::last_tag(&mut opened, &self.keys, durable.index, durable.previous);
        if last != Some(self.previous) {
            return Err(io::Error::other("the system has lost what was written before"));
        }
        file.seek(SeekFrom::Start(durable.length))?;
        file.write_all(&bytes)
    }

    /// Waits until what was appended is on the disk itself.
    pub fn sync(&self) -> Result<(), LogError> {
        let mut durable = self.durable();
        let synced = match self.closed {
            true => Err(io::Error::other("it could neither be replaced nor opened again")),
            #[cfg(feature = "test-double")]
            false if crate::disk::loses(&self.path) => Err(io::ErrorKind::StorageFull.into()),
            false => self.write_again(*durable).and_then(|()| self.file.sync_data()),
        };
        *durable = match &synced {
            Ok(()) => Durable {
                index: self.index,
                previous: self.previous,
                length: self.length,
                doubtful: false,
            },
            Err(_) => Durable { doubtful: true, ..*durable },
        };
        synced.map_err(|source| LogError::Io { path: self.path.clone(), source })
    }

    /// The same after a wait of another descriptor failed: what this log has not waited for itself
    /// is written once more.
    pub fn sync_again(&self) -> Result<(), LogError> {
        self.durable().doubtful = true;
        self.sync()
    }

    /// Bytes on disk.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether no record was written so far.
    pub fn is_empty(&self) -> bool {
        self.index == 0
    }

    /// Where the file lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the whole file by these records, atomically: after a crash the old file or the new
    /// one is there, never a mixture.
    pub fn rewrite<'a>(
        &mut self,
        records: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<(), LogError> {
        self.open_again()?;
        let temporary = beside(&self.path, "new");
        let fresh = write_new_file(&temporary, &self.store_key, records)?;
        let io = |source| LogError::Io { path: temporary.clone(), source };
        // Windows does not replace an open file, so the old one is closed first.
        #[cfg(windows)]
        {
            self.file = fresh.file.try_clone().map_err(io)?;
        }
        if let Err(e) = fs::rename(&temporary, &self.path) {
            #[cfg(windows)]
            {
                drop(fresh);
                self.closed = true;
                // Where it fails, the next append tries it again.
                let _ = self.open_again();
            }
            return Err(io(e));
        }
        let path = std::mem::take(&mut self.path);
        *self = Self { path, ..fresh };
        sync_folder(&self.path)
    }

    /// Puts a new file with these records in the place of one that is not open.
    fn replace<'a>(
        path: &Path,
        store_key: &StoreKey,
        records: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self, LogError> {
        let temporary = beside(path, "new");
        let fresh = write_new_file(&temporary, store_key, records)?;
        let io = |source| LogError::Io { path: temporary.clone(), source };
        fs::rename(&temporary, path).map_err(io)?;
        sync_folder(path)?;
        Ok(Self { path: path.into(), ..fresh })
    }
}

impl std::fmt::Debug for SealedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedLog").field("path", &self.path).field("records", &self.index).finish()
    }
}

fn say_torn(path: &Path, r: &Recovered) {
    tracing::warn!(
        path = %path.display(),
        records = r.records.len(),
        torn_bytes = r.torn_bytes,
        kept_aside = ?r.kept_aside,
        "the last record of a file was never finished (a crash or a power cut); it is cut off"
    );
}

fn nothing_readable(salvaged: &mut Salvaged) -> Recovered {
    (salvaged.lost, salvaged.rest_unreadable) = (vec![0], true);
    Recovered::default()
}

/// The records of a format 1 file before the first damaged one.
fn prefix_of_format_1(
    rest: &mut [u8],
    file_id: &[u8],
    store_key: &StoreKey,
    path: &Path,
    salvaged: &mut Salvaged,
) -> Recovered {
    // `unseal_1` opens in place, so each try reads a copy.
    match format::unseal_1(&mut rest.to_vec(), file_id, store_key, path) {
        Ok(recovered) => recovered,
        Err(LogError::Tampered { index, .. }) => {
            (salvaged.lost, salvaged.rest_unreadable) = (vec![index], true);
            let end = format::end_of_format_1(rest, index);
            format::unseal_1(&mut rest[..end], file_id, store_key, path).unwrap_or_default()
        }
        Err(_) => nothing_readable(salvaged),
    }
}

fn write_new_file<'a>(
    temporary: &Path,
    store_key: &StoreKey,
    records: impl IntoIterator<Item = &'a [u8]>,
) -> Result<SealedLog, LogError> {
    match fs::remove_file(temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(LogError::Io { path: temporary.into(), source: e });
        }
        _ => {}
    }
    let (mut fresh, _) = SealedLog::open(temporary, store_key)?;
    let written = records.into_iter().try_for_each(|r| fresh.append(r));
    if let Err(e) = written.and_then(|()| fresh.sync()) {
        drop(fresh);
        // It may be what fills the disk.
        let _ = fs::remove_file(temporary);
        return Err(e);
    }
    Ok(fresh)
}

/// `path` with a further ending: two files that differ in their ending only have no such name in
/// common.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// The first of `path.ending`, `path.ending.2`, ... that does not exist.
fn free_name(path: &Path, ending: &str) -> PathBuf {
    let first = beside(path, ending);
    let mut name = first.clone();
    let mut n = 2u32;
    while name.exists() {
        name = beside(&first, &n.to_string());
        n = n.saturating_add(1);
    }
    name
}

#[cfg(test)]
#[path = "sealed_tests.rs"]
mod tests;
