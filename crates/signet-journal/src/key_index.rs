//! Whether a closed file has something about a key, without reading that file.
//!
//! ```text
//! file   = header | note and its tag (16) | block*
//! header = magic "SGNTKIX1" (8) | file id (16) | entries u64 LE (8) | length of note u32 LE (4)
//! block  = up to 256 entries of 16 bytes, sorted across the file | tag (16)
//! ```
//!
//! An entry is the beginning of an HMAC-SHA256 of a key, under a secret of this file alone: nobody
//! without the store's key can tell which keys are in a file, or make two that meet. Note and
//! blocks are sealed with AES-256-GCM. The note's tag also covers the header and what the index is
//! bound to, which whoever opens it must know; a block's tag covers its place. So an index that is
//! cut, changed, of another version or of another file is an error, and never a wrong answer. The
//! file is written once under an id of its own, so the place of a block is its nonce.

use crate::{
    LogError, MAX_RECORD_LEN, StoreKey,
    folder::replace_file,
    format::{TAG_LEN, derive, derive_bytes},
};
use aws_lc_rs::{
    aead::{Aad, LessSafeKey, NONCE_LEN, Nonce},
    hmac, rand,
};
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

const MAGIC: &[u8; 8] = b"SGNTKIX1";
const ID_LEN: usize = 16;
const HEADER_LEN: usize = MAGIC.len() + ID_LEN + 8 + 4;
const ENTRY_LEN: usize = 16;
const BLOCK_ENTRIES: u64 = 256;
const BLOCK_BYTES: u64 = BLOCK_ENTRIES * ENTRY_LEN as u64 + TAG_LEN as u64;

type Entry = [u8; ENTRY_LEN];

/// An index that is open. One block of it is in memory at a time.
pub struct KeyIndex {
    file: File,
    path: PathBuf,
    secrets: Secrets,
    entries: u64,
    blocks_at: u64,
    note: Vec<u8>,
}

impl KeyIndex {
    /// Writes an index of these keys, in the place of one that may be there; only its owner can
    /// read it. `binding`: what it holds of, such as digests of its file. `note`: at most
    /// [`MAX_RECORD_LEN`] bytes to be read with it.
    ///
    /// # Errors
    /// The note is too long, or the disk. A part of an index never takes the place of one.
    pub fn write<K: AsRef<[u8]>>(
        path: &Path,
        store_key: &StoreKey,
        binding: &[u8],
        note: &[u8],
        keys: impl IntoIterator<Item = K>,
    ) -> Result<(), LogError> {
        let length = u32::try_from(note.len()).ok().filter(|_| note.len() <= MAX_RECORD_LEN);
        let length = length.ok_or(LogError::RecordTooLong(note.len()))?;
        let mut id = [0; ID_LEN];
        rand::fill(&mut id).map_err(|_| LogError::Crypto)?;
        let secrets = Secrets::of(store_key, &id)?;
        let mut entries: Vec<Entry> =
            keys.into_iter().map(|key| secrets.entry(key.as_ref())).collect();
        entries.sort_unstable();
        entries.dedup();
        let count = (entries.len() as u64).to_le_bytes();
        let header = [&MAGIC[..], &id, &count, &length.to_le_bytes()].concat();
        let mut out = header.clone();
        secrets.seal(0, &[&header[..], binding].concat(), note, &mut out)?;
        for (place, block) in (1..).zip(entries.chunks(BLOCK_ENTRIES as usize)) {
            secrets.seal(place, &[], &block.concat(), &mut out)?;
        }
        replace_file(path, &out).map_err(|source| LogError::Io { path: path.into(), source })
    }

    /// Opens an index that was made with the same key and binding.
    ///
    /// # Errors
    /// There is none, it is of another version, it is not whole, or it is of something else.
    pub fn open(path: &Path, store_key: &StoreKey, binding: &[u8]) -> Result<Self, LogError> {
        let io = |source| LogError::Io { path: path.into(), source };
        let mut file = File::open(path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let mut header = [0; HEADER_LEN];
        file.read_exact(&mut header).map_err(io)?;
        let (id, entries, note_len) =
            read_header(&header).ok_or_else(|| LogError::NotALog(path.into()))?;
        let note_end = (HEADER_LEN + TAG_LEN) as u64 + u64::from(note_len);
        if length_of(note_end, entries) != Some(length) {
            return Err(LogError::NotALog(path.into()));
        }
        let secrets = Secrets::of(store_key, id)?;
        let mut note = vec![0; note_len as usize + TAG_LEN];
        file.read_exact(&mut note).map_err(io)?;
        let aad = [&header[..], binding].concat();
        if !secrets.open(0, &aad, &mut note) {
            return Err(LogError::WrongKey(path.into()));
        }
        Ok(Self { file, path: path.into(), secrets, entries, blocks_at: note_end, note })
    }

    /// What was written down with the keys.
    pub fn note(&self) -> &[u8] {
        &self.note
    }

    /// Whether the key is among those that the index was made of.
    ///
    /// # Errors
    /// A block cannot be read, or was changed.
    pub fn contains(&self, key: &[u8]) -> Result<bool, LogError> {
        let wanted = self.secrets.entry(key);
        let (mut low, mut high) = (0, self.entries.div_ceil(BLOCK_ENTRIES));
        while low < high {
            let middle = low + (high - low) / 2;
            let block = self.block(middle)?;
            match (block.first(), block.last()) {
                (Some(first), _) if wanted < *first => high = middle,
                (_, Some(last)) if wanted > *last => low = middle + 1,
                _ => return Ok(block.binary_search(&wanted).is_ok()),
            }
        }
        Ok(false)
    }

    fn block(&self, number: u64) -> Result<Vec<Entry>, LogError> {
        let io = |source: io::Error| LogError::Io { path: self.path.clone(), source };
        let entries = (self.entries - number * BLOCK_ENTRIES).min(BLOCK_ENTRIES) as usize;
        let mut bytes = vec![0; entries * ENTRY_LEN + TAG_LEN];
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.blocks_at + number * BLOCK_BYTES)).map_err(io)?;
        file.read_exact(&mut bytes).map_err(io)?;
        if !self.secrets.open(number + 1, &[], &mut bytes) {
            return Err(LogError::Tampered { path: self.path.clone(), index: number });
        }
        Ok(bytes.chunks_exact(ENTRY_LEN).filter_map(|e| e.try_into().ok()).collect())
    }
}

impl std::fmt::Debug for KeyIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyIndex")
            .field("path", &self.path)
            .field("entries", &self.entries)
            .finish()
    }
}

/// File id, entries and the length of the note.
fn read_header(header: &[u8; HEADER_LEN]) -> Option<(&[u8], u64, u32)> {
    let rest = header.strip_prefix(&MAGIC[..])?;
    let (id, rest) = rest.split_at_checked(ID_LEN)?;
    let (entries, rest) = rest.split_first_chunk::<8>()?;
    let note_len = u32::from_le_bytes(rest.try_into().ok()?);
    let short = usize::try_from(note_len).is_ok_and(|n| n <= MAX_RECORD_LEN);
    short.then_some((id, u64::from_le_bytes(*entries), note_len))
}

/// The length of a file whose blocks begin there.
fn length_of(blocks_at: u64, entries: u64) -> Option<u64> {
    let tags = entries.div_ceil(BLOCK_ENTRIES).checked_mul(TAG_LEN as u64)?;
    entries.checked_mul(ENTRY_LEN as u64)?.checked_add(tags)?.checked_add(blocks_at)
}

/// The keys of one index.
struct Secrets {
    entry: hmac::Key,
    seal: LessSafeKey,
}

impl Secrets {
    fn of(store_key: &StoreKey, id: &[u8]) -> Result<Self, LogError> {
        let entry = derive_bytes(store_key, id, b"signet key index v1 entry")?;
        Ok(Self {
            entry: hmac::Key::new(hmac::HMAC_SHA256, &entry[..]),
            seal: derive(store_key, id, b"signet key index v1 seal")?,
        })
    }

    fn entry(&self, key: &[u8]) -> Entry {
        let mut entry = [0; ENTRY_LEN];
        entry.copy_from_slice(&hmac::sign(&self.entry, key).as_ref()[..ENTRY_LEN]);
        entry
    }

    fn seal(
        &self,
        place: u64,
        aad: &[u8],
        plain: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), LogError> {
        let mut sealed = plain.to_vec();
        self.seal
            .seal_in_place_append_tag(nonce(place), Aad::from(aad), &mut sealed)
            .map_err(|_| LogError::Crypto)?;
        out.append(&mut sealed);
        Ok(())
    }

    /// Opens in place and leaves what was sealed; `false`: it was changed.
    fn open(&self, place: u64, aad: &[u8], sealed: &mut Vec<u8>) -> bool {
        let opened = self.seal.open_in_place(nonce(place), Aad::from(aad), sealed);
        let Ok(length) = opened.map(|plain| plain.len()) else { return false };
        sealed.truncate(length);
        true
    }
}

fn nonce(place: u64) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    bytes[..8].copy_from_slice(&place.to_le_bytes());
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{collections::BTreeSet, fs};

    fn store_key() -> StoreKey {
        StoreKey::new([7; 32])
    }

    fn open(path: &Path) -> Result<KeyIndex, LogError> {
        KeyIndex::open(path, &store_key(), b"of this file")
    }

    fn keys(n: u32) -> impl Iterator<Item = [u8; 4]> {
        (0..n).map(u32::to_be_bytes)
    }

    fn write(path: &Path, note: &[u8], n: u32) {
        KeyIndex::write(path, &store_key(), b"of this file", note, keys(n)).unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn it_has_exactly_the_keys_that_it_was_made_of(
            all in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3), 0..1_500),
            others in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3), 0..40),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("index");
            KeyIndex::write(&path, &store_key(), b"of this file", b"a note", &all).unwrap();
            let index = open(&path).unwrap();
            prop_assert_eq!(index.note(), b"a note");
            let held: BTreeSet<_> = all.iter().collect();
            for key in all.iter().chain(&others) {
                prop_assert_eq!(index.contains(key).unwrap(), held.contains(key));
            }
        }
    }

    #[test]
    fn blocks_that_are_full_and_not_full_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        for n in [0, 1, 255, 256, 257, 512, 1_000] {
            write(&path, b"", n);
            let index = open(&path).unwrap();
            for key in keys(n + 50) {
                let held = u32::from_be_bytes(key) < n;
                assert_eq!(index.contains(&key).unwrap(), held, "{n} {key:?}");
            }
        }
    }

    /// No answer of an index that was changed or cut is wrong: it is an error, or the answer.
    #[test]
    fn each_changed_byte_is_an_error_or_has_no_effect() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        write(&path, b"a note", 300);
        let whole = fs::read(&path).unwrap();
        // Every byte of header and note, and some of each block.
        for at in (0..100).chain((100..whole.len()).step_by(7)) {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&path, altered).unwrap();
            let Ok(index) = open(&path) else { continue };
            assert_eq!(index.note(), b"a note", "{at}");
            let mut errors = 0;
            for key in keys(330).step_by(9) {
                match index.contains(&key) {
                    Ok(held) => assert_eq!(held, u32::from_be_bytes(key) < 300, "{at} {key:?}"),
                    Err(_) => errors += 1,
                }
            }
            assert!(errors > 0, "the byte {at} of the blocks is covered by nothing");
        }
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            assert!(open(&path).is_err(), "cut at {end}");
        }
        fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(open(&path).is_err(), "longer than it was");
    }

    #[test]
    fn another_key_or_binding_or_a_block_in_another_place_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        write(&path, b"", 600);
        let other = StoreKey::new([8; 32]);
        assert!(KeyIndex::open(&path, &other, b"of this file").is_err());
        assert!(KeyIndex::open(&path, &store_key(), b"of that file").is_err());
        let mut swapped = fs::read(&path).unwrap();
        let (first, block) = (HEADER_LEN + TAG_LEN, BLOCK_BYTES as usize);
        let (before, after) = swapped[first..first + 2 * block].split_at_mut(block);
        before.swap_with_slice(after);
        fs::write(&path, swapped).unwrap();
        let index = open(&path).unwrap();
        assert!(keys(600).any(|key| index.contains(&key).is_err()));
        let long = vec![0; MAX_RECORD_LEN + 1];
        let e = KeyIndex::write(&path, &store_key(), b"", &long, keys(1)).unwrap_err();
        assert!(matches!(e, LogError::RecordTooLong(_)), "{e}");
    }

    #[test]
    fn an_index_that_cannot_be_put_in_its_place_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index");
        // No file takes the place of a folder.
        fs::create_dir(&path).unwrap();
        let e = KeyIndex::write(&path, &store_key(), b"", b"", keys(9)).unwrap_err();
        assert!(matches!(e, LogError::Io { .. }), "{e}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    /// Of two files with the same keys nobody can tell that they are the same.
    #[test]
    fn what_is_in_a_file_is_told_by_no_byte_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        write(&one, b"a note that is long enough", 100);
        write(&two, b"a note that is long enough", 100);
        let (one, two) = (fs::read(one).unwrap(), fs::read(two).unwrap());
        assert_eq!(one.len(), two.len());
        let shared = one[HEADER_LEN..].windows(8).filter(|w| two.windows(8).any(|x| x == *w));
        assert_eq!(shared.count(), 0);
        assert!(!one.windows(6).any(|w| w == b"a note"));
    }
}
