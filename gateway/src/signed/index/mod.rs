//! Which files of the evidence name an RFQ, so that one bundle does not read a year of them.
//!
//! Each closed file has an index beside the evidence: what its records are looked up by
//! (`contents.rs`), sealed with the store's key and bound to the file's length, its head and the
//! head of the next file, which is a digest over every record before it. An index only says which
//! files are read. What is taken is read from them and checked as ever, and their leaves with those
//! of the other files must lead to the root of the checkpoint. A file without an index that can be
//! used is read, and its index is made, so the indexes can be deleted at any time. One process at a
//! time makes them: gateway and command line search the same evidence, and the other one reads.

mod contents;

use super::{
    log::{SignedLogError, files},
    record::{Digest, Record, sha256},
};
use contents::{Contents, Note};
use signet_fix::tag;
use signet_journal::{KeyIndex, LogError, LogReader, StoreKey, open_locked, private_folder};
use signet_tlog::{CompactRange, Span};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    path::{Path, PathBuf},
};

/// Changes whenever other keys or another note are made of the same records.
const VERSION: &[u8] = b"signet evidence index 1";

/// The fields by which a message names an RFQ, an accept or a counter.
pub(crate) const NAMING_TAGS: [u32; 3] = [tag::QUOTE_REQ_ID, tag::CL_ORD_ID, tag::QUOTE_RESP_ID];

/// Where evidence and its indexes lie, and what they are sealed with.
pub(crate) struct EvidenceStore {
    /// The evidence.
    pub(crate) folder: PathBuf,
    /// The indexes; made when it is not there.
    pub(crate) indexes: PathBuf,
    /// The store's key.
    pub(crate) key: StoreKey,
}

impl EvidenceStore {
    /// Numbers and paths of the files, in order.
    pub(crate) fn files(&self) -> Result<Vec<(u64, PathBuf)>, SignedLogError> {
        files(&self.folder)
    }
}

/// What a record is looked up by.
pub(crate) enum IndexKey<'a> {
    /// What a desk or its dealers call an RFQ, an accept or a counter. Those of one RFQ are one
    /// key: what follows a colon is left aside.
    Rfq(&'a str),
    /// A document that decisions follow.
    Document(&'a Digest),
    /// Revocation lists of this issuer.
    Lists(&'a [u8]),
    /// A certificate.
    Certificate(&'a Digest),
}

impl IndexKey<'_> {
    fn to_bytes(&self) -> Vec<u8> {
        let (kind, name) = match self {
            Self::Rfq(id) => (b'r', id.split(':').next().unwrap_or_default().as_bytes()),
            Self::Document(digest) => (b'd', &digest[..]),
            Self::Lists(issuer) => (b'l', *issuer),
            Self::Certificate(digest) => (b'c', &digest[..]),
        };
        [&[kind][..], name].concat()
    }
}

/// The head of a file.
struct Head {
    digest: Digest,
    /// Leaves of the tree before it; `None` in files from before there was one.
    leaves: Option<u64>,
}

impl Head {
    /// `None`: the file has none so far, or is of a form that is read as a whole only.
    fn of(path: &Path, key: &StoreKey) -> Option<Self> {
        let first = LogReader::open(path, key).ok()??.next_record().ok()??;
        let Some(Record::Head(state)) = Record::read(&first) else { return None };
        let leaves = state.tree.as_ref().map(CompactRange::size);
        Some(Self { digest: sha256(&first), leaves })
    }
}

struct Segment {
    number: u64,
    path: PathBuf,
    /// `None`: it is read.
    index: Option<Indexed>,
}

struct Indexed {
    path: PathBuf,
    binding: Vec<u8>,
    span: Span,
}

impl Indexed {
    /// Files are many and open ones are few, so each is opened for each question.
    fn has_any(&self, key: &StoreKey, wanted: &[Vec<u8>]) -> Result<bool, LogError> {
        let index = KeyIndex::open(&self.path, key, &self.binding)?;
        for one in wanted {
            if index.contains(one)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The files of the evidence, in order.
pub(crate) struct Segments<'a> {
    store: &'a EvidenceStore,
    all: Vec<Segment>,
    /// Certificates that others may be issued by, and the first file that has each.
    authorities: BTreeMap<Digest, usize>,
    made: usize,
    /// Held while indexes are made.
    alone: Option<File>,
    /// Why no more indexes are made. Each try would read a file that is read all the same.
    unmade: Option<SignedLogError>,
}

impl<'a> Segments<'a> {
    /// Looks at every file, and makes the indexes that are missing.
    pub(crate) fn open(store: &'a EvidenceStore) -> Result<Self, SignedLogError> {
        let fail = |source| SignedLogError::Folder { path: store.indexes.clone(), source };
        let unmade = private_folder(&store.indexes).map_err(fail).err();
        let files = store.files()?;
        let heads: Vec<_> = files.iter().map(|(_, path)| Head::of(path, &store.key)).collect();
        let authorities = BTreeMap::new();
        let mut segments = Self { store, all: vec![], authorities, made: 0, alone: None, unmade };
        for (at, (number, path)) in files.into_iter().enumerate() {
            // A file is closed when another one follows from it.
            let index = match (heads.get(at), heads.get(at + 1)) {
                (Some(Some(head)), Some(Some(next))) => {
                    segments.index_of(at, (number, &path), head, next)
                }
                _ => None,
            };
            segments.all.push(Segment { number, path, index });
        }
        // Closed alone it would stay locked while a child of this process, between fork and exec,
        // has it too. A lock that cannot be given back is one that is gone.
        if let Some(held) = segments.alone.take() {
            let _ = held.unlock();
        }
        if let Some(e) = &segments.unmade {
            tracing::warn!(
                error = %e,
                "indexes of the evidence cannot be made; its files are read instead"
            );
        }
        Ok(segments)
    }

    fn index_of(
        &mut self,
        at: usize,
        (number, path): (u64, &Path),
        head: &Head,
        next: &Head,
    ) -> Option<Indexed> {
        let (begin, end) = (head.leaves?, next.leaves?);
        let length = fs::metadata(path).ok()?.len().to_be_bytes();
        let binding =
            [VERSION, &number.to_be_bytes(), &length, &head.digest, &next.digest].concat();
        let place = self.store.indexes.join(format!("{number:06}.index"));
        let known = KeyIndex::open(&place, &self.store.key, &binding);
        let note = match known.map(|index| Note::read(index.note())) {
            Ok(Some(note)) => note,
            unusable => {
                if let Err(e) = unusable {
                    tracing::debug!(error = %e, "the index of a file of evidence is made");
                }
                self.make(&place, &binding, path, begin, next)?
            }
        };
        if (note.span.begin(), note.span.end()) != (begin, end) {
            return None;
        }
        for digest in note.authorities {
            self.authorities.entry(digest).or_insert(at);
        }
        Some(Indexed { path: place, binding, span: note.span })
    }

    fn make(
        &mut self,
        place: &Path,
        binding: &[u8],
        path: &Path,
        begin: u64,
        next: &Head,
    ) -> Option<Note> {
        if !self.may_make() {
            return None;
        }
        let key = &self.store.key;
        let (contents, note) = Contents::of(path, key, begin, &next.digest)?;
        match KeyIndex::write(place, key, binding, &note.to_bytes(), &contents.keys) {
            Ok(()) => {
                self.made += 1;
                Some(note)
            }
            // The disk, which the next one finds as it is.
            Err(e @ LogError::Io { .. }) => {
                self.unmade = Some(e.into());
                None
            }
            Err(e) => {
                tracing::warn!(
                    file = %path.display(),
                    error = %e,
                    "a file of evidence has no index: it is read at each search"
                );
                None
            }
        }
    }

    /// Whether nothing stood in the way so far, and no other process makes indexes.
    fn may_make(&mut self) -> bool {
        if self.unmade.is_none() && self.alone.is_none() {
            match open_locked(&self.store.indexes.join("lock")) {
                Ok(held) => self.alone = Some(held),
                Err(e) => self.unmade = Some(e.into()),
            }
        }
        self.unmade.is_none()
    }

    /// Whether a file has one of the keys; `None`: only reading it tells.
    fn has_any(&mut self, at: usize, keys: &[Vec<u8>]) -> Option<bool> {
        let segment = self.all.get_mut(at)?;
        let index = segment.index.as_ref()?;
        match index.has_any(&self.store.key, keys) {
            Ok(has) => Some(has),
            Err(e) => {
                tracing::warn!(error = %e, "an index of the evidence is damaged; it is made again");
                // The next search makes it; this one reads the file.
                drop(fs::remove_file(&index.path));
                segment.index = None;
                None
            }
        }
    }

    /// The files that have one of the keys, or may have it.
    pub(crate) fn naming(&mut self, keys: &[IndexKey<'_>]) -> BTreeSet<usize> {
        if keys.is_empty() {
            return BTreeSet::new();
        }
        let keys: Vec<_> = keys.iter().map(IndexKey::to_bytes).collect();
        (0..self.all.len()).filter(|at| self.has_any(*at, &keys) != Some(false)).collect()
    }

    /// The last file before that of this number whose index has the key.
    pub(crate) fn last_before(&mut self, number: u64, key: &IndexKey<'_>) -> Option<usize> {
        let (at, key) = (self.place_of(number), [key.to_bytes()]);
        (0..at).rev().find(|at| self.has_any(*at, &key) == Some(true))
    }

    /// The file whose index has the key, as near before that of this number as there is one.
    pub(crate) fn nearest(&mut self, number: u64, key: &IndexKey<'_>) -> Option<usize> {
        let (at, key) = (self.place_of(number), [key.to_bytes()]);
        let after = at.saturating_add(1)..self.all.len();
        (0..=at).rev().chain(after).find(|at| self.has_any(*at, &key) == Some(true))
    }

    fn place_of(&self, number: u64) -> usize {
        self.all.partition_point(|s| s.number < number)
    }

    /// The file within which a tree of `size` leaves ends, if an index says so.
    pub(crate) fn ending_within(&self, size: u64) -> Option<usize> {
        let within = |i: &Indexed| i.span.begin() < size && size < i.span.end();
        self.all.iter().position(|s| s.index.as_ref().is_some_and(within))
    }

    /// What must be read for those that are `named`: files without an index as well, and what
    /// follows each, whose head shows whether it does. Beyond half of all, everything is read:
    /// that is done once, and what is named may make this be asked again.
    pub(crate) fn to_read(&self, named: &BTreeSet<usize>) -> BTreeSet<usize> {
        let unknown = |at: usize| self.all.get(at).is_some_and(|s| s.index.is_none());
        let count = self.all.len();
        let read: BTreeSet<usize> = (0..count)
            .filter(|at| {
                named.contains(at) || unknown(*at) || at.checked_sub(1).is_some_and(unknown)
            })
            .collect();
        if read.len() > count / 2 { (0..count).collect() } else { read }
    }

    /// Whether these are all files.
    pub(crate) fn are_all(&self, read: &BTreeSet<usize>) -> bool {
        read.len() == self.all.len()
    }

    /// Their numbers and paths.
    pub(crate) fn files(&self, read: &BTreeSet<usize>) -> Vec<(u64, PathBuf)> {
        let chosen = read.iter().filter_map(|at| self.all.get(*at));
        chosen.map(|s| (s.number, s.path.clone())).collect()
    }

    /// The leaves of the files that are not in `read`.
    pub(crate) fn spans_beside(&self, read: &BTreeSet<usize>) -> impl Iterator<Item = &Span> {
        let others = self.all.iter().enumerate().filter(move |(at, _)| !read.contains(at));
        others.filter_map(|(_, s)| s.index.as_ref().map(|i| &i.span))
    }

    /// The first leaf here, if the index of the first file says so.
    pub(crate) fn first_leaf(&self) -> Option<u64> {
        self.all.first()?.index.as_ref().map(|i| i.span.begin())
    }

    /// Certificates that others may be issued by, in files with an index: the first of each.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = (&Digest, usize)> {
        self.authorities.iter().map(|(digest, at)| (digest, *at))
    }

    /// All files, those of them that have an index, and how many of these were made now.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let indexed = self.all.iter().filter(|s| s.index.is_some()).count();
        (self.all.len(), indexed, self.made)
    }

    /// Why indexes that are missing were not made, if something stood in the way.
    pub(crate) fn unmade(self) -> Option<SignedLogError> {
        self.unmade
    }
}
