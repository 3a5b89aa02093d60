use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use zeroize::{Zeroize, Zeroizing};

/// Longest record, bytes. A FIX frame is at most 64 KiB; the rest is room for a blotter row.
pub const MAX_RECORD_LEN: usize = 256 * 1024;

const MAGIC: &[u8; 8] = b"SGNTLOG1";
const FILE_ID_LEN: usize = 16;
const HEADER_LEN: u64 = (MAGIC.len() + FILE_ID_LEN) as u64;
const TAG_LEN: usize = 16;
const LEN_LEN: usize = 4;

/// The secret that a store is sealed with: 32 bytes from the OS keychain (desk) or from the
/// operator's key file (gateway). Wiped on drop.
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// From a slice, which is what a keychain hands out.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, LogError> {
        let fixed: [u8; 32] = bytes.try_into().map_err(|_| LogError::BadKey)?;
        Ok(Self::new(fixed))
    }
}

impl Clone for StoreKey {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey(..)")
    }
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk, or the rights on it.
    #[error("{path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    /// Another Signet process has the file open.
    #[error("{0} is in use by another Signet process")]
    InUse(PathBuf),
    /// Not one of our files.
    #[error("{0} is not a Signet record file")]
    NotALog(PathBuf),
    /// The wrong key, or somebody changed the file.
    #[error("{path}: record {index} cannot be authenticated; the key is another one or the file was changed")]
    Tampered { path: PathBuf, index: u64 },
    #[error("a record of {0} bytes is longer than the limit of {MAX_RECORD_LEN}")]
    RecordTooLong(usize),
    #[error("a store key is 32 bytes")]
    BadKey,
    #[error("the cryptographic library failed")]
    Crypto,
}

/// What opening found.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The records, oldest first.
    pub records: Vec<Zeroizing<Vec<u8>>>,
    /// Bytes of a last record that a crash left unfinished; they were cut off.
    pub torn_bytes: u64,
}

/// An open record file. One process at a time.
pub struct SealedLog {
    file: File,
    path: PathBuf,
    store_key: StoreKey,
    key: LessSafeKey,
    /// Number of the next record; also its nonce. The key is this file's alone, so no nonce repeats.
    index: u64,
    previous_tag: [u8; TAG_LEN],
    length: u64,
    scratch: Vec<u8>,
}

impl SealedLog {
    /// Opens or creates the file and reads every record.
    pub fn open(path: &Path, store_key: &StoreKey) -> Result<(Self, Recovered), LogError> {
        let io = |source| LogError::Io { path: path.into(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private(&mut options);
        let mut file = options.open(path).map_err(io)?;
        lock(&file, path)?;
        if file.metadata().map_err(io)?.len() < HEADER_LEN {
            // A file shorter than its header was being created when the machine stopped: no record
            // can have been in it.
            write_header(&mut file, path)?;
        }
        let file_id = read_header(&mut file, path)?;
        let mut log = Self {
            file,
            path: path.into(),
            store_key: store_key.clone(),
            key: derive(store_key, &file_id)?,
            index: 0,
            previous_tag: [0; TAG_LEN],
            length: HEADER_LEN,
            scratch: Vec::new(),
        };
        let recovered = log.read_all()?;
        Ok((log, recovered))
    }

    /// Reads every whole record of a file that another process may have open, and changes nothing. A last record that is being
    /// written, or was torn, is left out.
    pub fn read(path: &Path, store_key: &StoreKey) -> Result<Recovered, LogError> {
        let io = |source| LogError::Io { path: path.into(), source };
        let mut file = File::open(path).map_err(io)?;
        let file_id = read_header(&mut file, path)?;
        let key = derive(store_key, &file_id)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        Ok(unseal(&mut bytes, &key, path)?.recovered)
    }

    /// Seals one record and hands it to the operating system. `sync` makes it survive a power cut.
    /// On failure the file is as it was.
    pub fn append(&mut self, record: &[u8]) -> Result<(), LogError> {
        if record.len() > MAX_RECORD_LEN {
            return Err(LogError::RecordTooLong(record.len()));
        }
        let mut buf = std::mem::take(&mut self.scratch);
        buf.clear();
        buf.extend_from_slice(&((record.len() + TAG_LEN) as u32).to_le_bytes());
        buf.extend_from_slice(record);
        let aad = self.aad();
        let tag =
            self.key.seal_in_place_separate_tag(nonce(self.index), Aad::from(aad), &mut buf[LEN_LEN..]).map_err(|_| LogError::Crypto)?;
        buf.extend_from_slice(tag.as_ref());
        let written = self.file.write_all(&buf);
        self.scratch = buf;
        if let Err(source) = written {
            // Part of the record may be on disk (disk full): take it back, or the next record would
            // follow garbage.
            let _ = self.file.set_len(self.length);
            let _ = self.file.seek(SeekFrom::Start(self.length));
            return Err(LogError::Io { path: self.path.clone(), source });
        }
        self.length += self.scratch.len() as u64;
        self.previous_tag.copy_from_slice(tag.as_ref());
        self.index += 1;
        Ok(())
    }

    /// Waits until what was appended is on the disk itself.
    pub fn sync(&self) -> Result<(), LogError> {
        self.file.sync_data().map_err(|source| LogError::Io { path: self.path.clone(), source })
    }

    /// Bytes on disk.
    pub fn len(&self) -> u64 {
        self.length
    }

    pub fn is_empty(&self) -> bool {
        self.index == 0
    }

    /// Replaces the whole file by these records, atomically: after a crash the old file or the new
    /// one is there, never a mixture.
    pub fn rewrite<'a>(&mut self, records: impl IntoIterator<Item = &'a [u8]>) -> Result<(), LogError> {
        let temporary = self.path.with_extension("new");
        let io = |source| LogError::Io { path: temporary.clone(), source };
        match fs::remove_file(&temporary) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        let (mut fresh, _) = Self::open(&temporary, &self.store_key)?;
        for r in records {
            fresh.append(r)?;
        }
        fresh.sync()?;
        // Windows replaces no file that is open, so the old one is let go first.
        #[cfg(windows)]
        {
            self.file = fresh.file.try_clone().map_err(io)?;
        }
        if let Err(e) = fs::rename(&temporary, &self.path) {
            #[cfg(windows)]
            {
                drop(fresh);
                *self = Self::open(&self.path, &self.store_key)?.0;
            }
            return Err(io(e));
        }
        #[cfg(unix)]
        if let Some(dir) = self.path.parent() {
            File::open(dir).and_then(|d| d.sync_all()).map_err(io)?;
        }
        fresh.path = std::mem::take(&mut self.path);
        *self = fresh;
        Ok(())
    }

    fn read_all(&mut self) -> Result<Recovered, LogError> {
        let mut bytes = Vec::new();
        let io = |source| LogError::Io { path: self.path.clone(), source };
        self.file.read_to_end(&mut bytes).map_err(io)?;
        let Unsealed { recovered, previous_tag } = unseal(&mut bytes, &self.key, &self.path)?;
        self.previous_tag = previous_tag;
        self.index = recovered.records.len() as u64;
        self.length = HEADER_LEN + bytes.len() as u64 - recovered.torn_bytes;
        if recovered.torn_bytes > 0 {
            self.file.set_len(self.length).map_err(io)?;
        }
        self.file.seek(SeekFrom::Start(self.length)).map_err(io)?;
        Ok(recovered)
    }

    fn aad(&self) -> [u8; 8 + TAG_LEN] {
        aad(self.index, &self.previous_tag)
    }
}

struct Unsealed {
    recovered: Recovered,
    previous_tag: [u8; TAG_LEN],
}

/// Opens the records that follow a file's header.
fn unseal(bytes: &mut [u8], key: &LessSafeKey, path: &Path) -> Result<Unsealed, LogError> {
    let (mut at, mut index, mut previous_tag) = (0, 0, [0; TAG_LEN]);
    let mut recovered = Recovered::default();
    while let Some((head, tail)) = bytes[at..].split_at_mut_checked(LEN_LEN) {
        let n = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let tampered = || LogError::Tampered { path: path.into(), index };
        if !(TAG_LEN..=MAX_RECORD_LEN + TAG_LEN).contains(&n) {
            return Err(tampered());
        }
        let Some(sealed) = tail.get_mut(..n) else { break };
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&sealed[n - TAG_LEN..]);
        let plain = key.open_in_place(nonce(index), Aad::from(aad(index, &previous_tag)), sealed).map_err(|_| tampered())?;
        recovered.records.push(Zeroizing::new(plain.to_vec()));
        plain.zeroize();
        previous_tag = tag;
        index += 1;
        at += LEN_LEN + n;
    }
    recovered.torn_bytes = (bytes.len() - at) as u64;
    Ok(Unsealed { recovered, previous_tag })
}

fn aad(index: u64, previous_tag: &[u8; TAG_LEN]) -> [u8; 8 + TAG_LEN] {
    let mut aad = [0; 8 + TAG_LEN];
    aad[..8].copy_from_slice(&index.to_le_bytes());
    aad[8..].copy_from_slice(previous_tag);
    aad
}

impl std::fmt::Debug for SealedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedLog").field("path", &self.path).field("records", &self.index).finish()
    }
}

fn nonce(index: u64) -> Nonce {
    let mut n = [0; NONCE_LEN];
    n[..8].copy_from_slice(&index.to_le_bytes());
    Nonce::assume_unique_for_key(n)
}

struct AeadKeyLen;

impl KeyType for AeadKeyLen {
    fn len(&self) -> usize {
        32
    }
}

/// A key of this file alone (RFC 5869), so that two files under one store key never share a nonce.
fn derive(store_key: &StoreKey, file_id: &[u8]) -> Result<LessSafeKey, LogError> {
    let prk = Salt::new(HKDF_SHA256, file_id).extract(&store_key.0[..]);
    let mut bytes = Zeroizing::new([0u8; 32]);
    prk.expand(&[b"signet sealed log v1"], AeadKeyLen).and_then(|okm| okm.fill(&mut bytes[..])).map_err(|_| LogError::Crypto)?;
    let key = UnboundKey::new(&AES_256_GCM, &bytes[..]).map_err(|_| LogError::Crypto)?;
    Ok(LessSafeKey::new(key))
}

fn write_header(file: &mut File, path: &Path) -> Result<(), LogError> {
    let mut header = [0u8; HEADER_LEN as usize];
    header[..MAGIC.len()].copy_from_slice(MAGIC);
    rand::fill(&mut header[MAGIC.len()..]).map_err(|_| LogError::Crypto)?;
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| file.write_all(&header))
        .and_then(|()| file.sync_all())
        .map_err(|source| LogError::Io { path: path.into(), source })
}

fn read_header(file: &mut File, path: &Path) -> Result<[u8; FILE_ID_LEN], LogError> {
    let mut header = [0u8; HEADER_LEN as usize];
    file.seek(SeekFrom::Start(0))
        .and_then(|_| file.read_exact(&mut header))
        .map_err(|source| LogError::Io { path: path.into(), source })?;
    if &header[..MAGIC.len()] != MAGIC {
        return Err(LogError::NotALog(path.into()));
    }
    let mut id = [0; FILE_ID_LEN];
    id.copy_from_slice(&header[MAGIC.len()..]);
    Ok(id)
}

fn lock(file: &File, path: &Path) -> Result<(), LogError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(fs::TryLockError::WouldBlock) => Err(LogError::InUse(path.into())),
        Err(fs::TryLockError::Error(source)) => Err(LogError::Io { path: path.into(), source }),
    }
}

/// Nobody but the owner may read the file, encrypted or not.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_is_read_while_another_process_writes_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
        log.append(b"one").unwrap();
        log.append(b"two").unwrap();
        let records = |r: Recovered| r.records.iter().map(|r| r.to_vec()).collect::<Vec<_>>();
        assert_eq!(records(SealedLog::read(&path, &key(1)).unwrap()), [b"one", b"two"]);
        // A record of which half is there yet is left alone.
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let torn = SealedLog::read(&path, &key(1)).unwrap();
        assert_eq!((torn.records.len(), torn.torn_bytes > 0), (1, true));
        assert_eq!(fs::read(&path).unwrap().len(), whole.len() - 1);
        assert!(matches!(SealedLog::read(&path, &key(2)), Err(LogError::Tampered { index: 0, .. })));
        assert!(matches!(SealedLog::read(&dir.path().join("none"), &key(1)), Err(LogError::Io { .. })));
    }

    fn key(n: u8) -> StoreKey {
        StoreKey::new([n; 32])
    }

    fn written(records: &[&[u8]]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
        for r in records {
            log.append(r).unwrap();
        }
        (dir, path)
    }

    fn contents(path: &Path) -> Vec<Vec<u8>> {
        let (_, r) = SealedLog::open(path, &key(1)).unwrap();
        r.records.iter().map(|r| r.to_vec()).collect()
    }

    #[test]
    fn what_was_appended_is_read_back_and_not_seen_on_disk() {
        let (_d, path) = written(&[b"8=FIX.4.4 secret price 99.125", b"", b"three"]);
        assert_eq!(contents(&path), [&b"8=FIX.4.4 secret price 99.125"[..], b"", b"three"]);
        let raw = fs::read(&path).unwrap();
        assert!(!raw.windows(6).any(|w| w == b"secret" || w == b"99.125"));
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_the_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (_d, path) = written(&[b"x"]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_torn_last_record_is_cut_and_writing_goes_on() {
        let (_d, path) = written(&[b"one", b"two"]);
        let whole = fs::read(&path).unwrap();
        for cut in 1..(LEN_LEN + 3 + TAG_LEN) {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let (mut log, r) = SealedLog::open(&path, &key(1)).unwrap();
            assert_eq!(r.records.len(), 1, "cut {cut}");
            assert_eq!(r.torn_bytes as usize, LEN_LEN + 3 + TAG_LEN - cut);
            log.append(b"three").unwrap();
            drop(log);
            assert_eq!(contents(&path), [&b"one"[..], b"three"]);
        }
    }

    #[test]
    fn every_changed_bit_of_a_record_is_noticed() {
        let (_d, path) = written(&[b"one", b"two"]);
        let whole = fs::read(&path).unwrap();
        for at in HEADER_LEN as usize..whole.len() {
            let mut bad = whole.clone();
            bad[at] ^= 1;
            fs::write(&path, &bad).unwrap();
            match SealedLog::open(&path, &key(1)) {
                Err(LogError::Tampered { .. }) => {}
                // A changed length may look like a record the crash did not finish; nothing false is read.
                Ok((_, r)) => assert!(r.torn_bytes > 0, "byte {at}"),
                Err(e) => panic!("byte {at}: {e}"),
            }
        }
    }

    #[test]
    fn records_cannot_be_swapped_dropped_or_brought_from_elsewhere() {
        let (_d, path) = written(&[b"aaa", b"bbb", b"ccc"]);
        let whole = fs::read(&path).unwrap();
        let (h, n) = (HEADER_LEN as usize, LEN_LEN + 3 + TAG_LEN);
        let rec = |i: usize| whole[h + i * n..h + (i + 1) * n].to_vec();
        let swapped = [whole[..h].to_vec(), rec(1), rec(0), rec(2)].concat();
        let dropped = [whole[..h].to_vec(), rec(0), rec(2)].concat();
        let (_d2, other) = written(&[b"aaa"]);
        let foreign = [whole[..h].to_vec(), fs::read(&other).unwrap()[h..].to_vec()].concat();
        for (what, bytes) in [("swapped", swapped), ("dropped", dropped), ("foreign", foreign)] {
            fs::write(&path, bytes).unwrap();
            assert!(matches!(SealedLog::open(&path, &key(1)), Err(LogError::Tampered { .. })), "{what}");
        }
    }

    #[test]
    fn wrong_key_wrong_file_and_a_second_process_are_told_apart() {
        let (dir, path) = written(&[b"x"]);
        assert!(matches!(SealedLog::open(&path, &key(2)), Err(LogError::Tampered { index: 0, .. })));
        let text = dir.path().join("text");
        fs::write(&text, "a text file that is longer than a header").unwrap();
        assert!(matches!(SealedLog::open(&text, &key(1)), Err(LogError::NotALog(_))));
        let _open = SealedLog::open(&path, &key(1)).unwrap();
        assert!(matches!(SealedLog::open(&path, &key(1)), Err(LogError::InUse(_))));
    }

    #[test]
    fn rewriting_keeps_only_what_is_given_and_the_lock() {
        let (_d, path) = written(&[b"one", b"two"]);
        let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
        log.rewrite([&b"two"[..]]).unwrap();
        log.append(b"three").unwrap();
        assert!(matches!(SealedLog::open(&path, &key(1)), Err(LogError::InUse(_))));
        drop(log);
        assert_eq!(contents(&path), [&b"two"[..], b"three"]);
    }

    #[test]
    fn an_overlong_record_is_refused() {
        let (_d, path) = written(&[]);
        let (mut log, _) = SealedLog::open(&path, &key(1)).unwrap();
        let long = vec![0; MAX_RECORD_LEN + 1];
        assert!(matches!(log.append(&long), Err(LogError::RecordTooLong(_))));
        assert!(log.append(&long[1..]).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn no_bytes_after_the_header_make_it_panic(tail in prop::collection::vec(any::<u8>(), 0..200)) {
            let (_d, path) = written(&[b"one"]);
            let mut bytes = fs::read(&path).unwrap();
            bytes.extend(tail);
            fs::write(&path, bytes).unwrap();
            let _ = SealedLog::open(&path, &key(1));
        }
    }
}
