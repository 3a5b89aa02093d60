//! The records of the evidence, and what is known after each of them.
//!
//! A record is a byte that names its kind, and what belongs to the kind. The three kinds that have
//! a time, a frame, an input of the journal and a decision, count in milliseconds. Since the
//! microseconds are known, the small letter names the kind, three digits with the microseconds
//! within that millisecond follow, and then what follows the capital letter. A record of either
//! form is read and stays a leaf of the tree as it was written.

use super::{
    log::{Kept, Party},
    record_time::{MicrosInMilli, RecordTime},
};
use signet_journal::LogError;
use signet_rfq::UtcMillis;
use signet_tlog::{CompactRange, leaf_hash};

/// The head of a file before there was a tree.
const HEAD_1: u8 = b'H';
const HEAD: u8 = b'h';
pub(super) const CERTIFICATE: u8 = b'C';
const FRAME: u8 = b'F';
pub(super) const JOURNAL: u8 = b'J';
pub(super) const JOURNAL_IS: u8 = b'T';
pub(super) const DECISION: u8 = b'D';
/// The same with microseconds.
const FRAME_US: u8 = FRAME.to_ascii_lowercase();
const JOURNAL_US: u8 = JOURNAL.to_ascii_lowercase();
const DECISION_US: u8 = DECISION.to_ascii_lowercase();
const BLOB: u8 = b'B';

pub(super) const DIGEST_LEN: usize = 32;
pub(crate) type Digest = [u8; DIGEST_LEN];
/// Longest part of a document in one record.
pub(super) const PART_BYTES_MAX: usize = 128 * 1024;
const COUNT_LEN: usize = 8;

/// A document that is kept beside what follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum BlobKind {
    /// Entitlements: the Cedar policies.
    Policies,
    /// Entitlements: the facts, TOML.
    Facts,
    /// A revocation list, DER or PEM.
    Crl,
}

impl BlobKind {
    fn byte(self) -> u8 {
        match self {
            Self::Policies => b'p',
            Self::Facts => b'f',
            Self::Crl => b'c',
        }
    }

    fn read(byte: u8) -> Option<Self> {
        [Self::Policies, Self::Facts, Self::Crl].into_iter().find(|k| k.byte() == byte)
    }
}

/// So many records of the journal, and a digest over them in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totalled {
    pub(crate) count: u64,
    pub(crate) chain: Digest,
}

impl Totalled {
    /// With one record more.
    #[must_use]
    pub(crate) fn with(self, record: &[u8]) -> Self {
        Self { count: self.count + 1, chain: link(&self.chain, record) }
    }

    /// Of these records.
    pub(crate) fn of<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Self {
        records.into_iter().fold(Self::default(), Self::with)
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        [&self.count.to_be_bytes()[..], &self.chain].concat()
    }

    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (count, rest) = bytes.split_first_chunk::<COUNT_LEN>()?;
        let (chain, rest) = rest.split_first_chunk::<DIGEST_LEN>()?;
        Some((Self { count: u64::from_be_bytes(*count), chain: *chain }, rest))
    }
}

/// What the journal's file holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct JournalState {
    now: Totalled,
    /// It was about to be rewritten to `now`, and held this.
    before: Option<Totalled>,
}

impl JournalState {
    pub(crate) fn now(&self) -> Totalled {
        self.now
    }

    /// Every state that the file may rightly be in: a stop between the announcement of a rewrite
    /// and the rewrite leaves the one before.
    pub(crate) fn possible(&self) -> impl Iterator<Item = Totalled> {
        [Some(self.now), self.before].into_iter().flatten()
    }

    /// What it held when the rewrite was announced that nothing followed so far.
    pub(super) fn before(&self) -> Option<Totalled> {
        self.before
    }

    /// The rewrite did not happen.
    pub(super) fn stays(&mut self) {
        if let Some(before) = self.before {
            *self = Self { now: before, before: Some(self.now) };
        }
    }

    pub(super) fn take(&mut self, record: &[u8]) {
        *self = Self { now: self.now.with(record), before: None };
    }
}

/// What is known after some records.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// Digest over every record of every file.
    pub(super) chain: Digest,
    /// The tree of every record; `None` in files from before there was one.
    pub(super) tree: Option<CompactRange>,
    pub(super) journal: JournalState,
}

impl State {
    /// Takes one record.
    pub(super) fn take(&mut self, record: &[u8]) {
        self.chain = link(&self.chain, record);
        if let Some(tree) = &mut self.tree {
            tree.push(leaf_hash(record));
        }
        match split(record) {
            Some((JOURNAL, _, rest)) => self.journal.take(rest),
            Some((JOURNAL_IS, _, rest)) => {
                if let Some((now, _)) = Totalled::read(rest) {
                    self.journal = JournalState { now, before: Some(self.journal.now) };
                }
            }
            _ => {}
        }
    }

    pub(super) fn begin_tree(&mut self) {
        self.tree.get_or_insert_default();
    }

    /// The record that begins the next file.
    pub(super) fn head(&self) -> Vec<u8> {
        let tree = self.tree.clone().unwrap_or_default();
        [&[HEAD][..], &self.chain, &self.journal.now.to_bytes(), &tree.to_bytes()].concat()
    }

    /// Whether a file with this head may come after `before`.
    pub(super) fn follows(&self, before: &Self) -> bool {
        let tree = match (&self.tree, &before.tree) {
            (Some(own), Some(before)) => own == before,
            // The first file with a tree.
            (Some(own), None) => own.size() == 0,
            (None, before) => before.is_none(),
        };
        self.chain == before.chain && tree && self.journal.now == before.journal.now
    }
}

/// A record as it lies in a file.
#[derive(Debug)]
pub(crate) enum Record<'a> {
    /// What stands first: what is known of everything before this file.
    Head(Box<State>),
    Certificate(&'a [u8]),
    Frame {
        at: UtcMillis,
        party: Party,
        certificate: Digest,
        id: &'a str,
        frame: &'a [u8],
    },
    /// What the journal of RFQs took.
    Journal(&'a [u8]),
    /// The journal is a file of these records from here on.
    JournalIs,
    /// JSON.
    Decision(&'a str),
    Blob {
        kind: BlobKind,
        digest: Digest,
        part: u32,
        parts: u32,
        bytes: &'a [u8],
    },
}

impl<'a> Record<'a> {
    pub(crate) fn read(record: &'a [u8]) -> Option<Self> {
        let (kind, _, rest) = split(record)?;
        match kind {
            HEAD_1 => {
                let chain = rest.try_into().ok()?;
                Some(Self::Head(Box::new(State { chain, ..State::default() })))
            }
            HEAD => {
                let (chain, rest) = rest.split_first_chunk::<DIGEST_LEN>()?;
                let (now, rest) = Totalled::read(rest)?;
                let (tree, rest) = CompactRange::read(rest)?;
                let journal = JournalState { now, before: None };
                let state = State { chain: *chain, tree: Some(tree), journal };
                rest.is_empty().then(|| Self::Head(Box::new(state)))
            }
            CERTIFICATE => Some(Self::Certificate(rest)),
            FRAME => read_frame(rest),
            JOURNAL => Some(Self::Journal(rest)),
            JOURNAL_IS => {
                Totalled::read(rest).filter(|(_, r)| r.is_empty()).map(|_| Self::JournalIs)
            }
            DECISION => std::str::from_utf8(rest).ok().map(Self::Decision),
            BLOB => read_blob(rest),
            _ => None,
        }
    }

    /// The microseconds of a record's time, if they were written down.
    pub(crate) fn micros(record: &[u8]) -> Option<MicrosInMilli> {
        split(record)?.1
    }
}

/// Kind, microseconds, and what belongs to the kind; `None` when the microseconds cannot be read.
fn split(record: &[u8]) -> Option<(u8, Option<MicrosInMilli>, &[u8])> {
    let (kind, rest) = record.split_first()?;
    let kind = match *kind {
        FRAME_US => FRAME,
        JOURNAL_US => JOURNAL,
        DECISION_US => DECISION,
        kind => return Some((kind, None, rest)),
    };
    let (us, rest) = MicrosInMilli::read(rest)?;
    Some((kind, Some(us), rest))
}

/// The beginning of a record of a kind that has a time.
pub(super) fn begin(kind: u8, time: RecordTime) -> Vec<u8> {
    match time.us {
        Some(us) => [&[kind.to_ascii_lowercase()][..], &us.to_digits()].concat(),
        None => vec![kind],
    }
}

/// The record of a frame: time, party, certificate, id, frame. `print` is the SHA-256 of the
/// certificate.
pub(super) fn frame<T>(
    time: RecordTime,
    k: &Kept<'_, T>,
    print: &Digest,
) -> Result<Vec<u8>, LogError> {
    let id = k.id.as_bytes();
    let id_len = u8::try_from(id.len()).map_err(|_| LogError::RecordTooLong(id.len()))?;
    let party = if k.party == Party::Desk { b'D' } else { b'L' };
    let ms = time.at.0.to_le_bytes();
    let head = [&begin(FRAME, time)[..], &ms, &[party], print, &[id_len], id].concat();
    Ok([&head, k.frame].concat())
}

fn read_frame(rest: &[u8]) -> Option<Record<'_>> {
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
    Some(Record::Frame { at, party, certificate: *certificate, id, frame })
}

pub(super) fn blob_part(
    kind: BlobKind,
    digest: &Digest,
    part: u32,
    parts: u32,
    bytes: &[u8],
) -> Vec<u8> {
    let (part, parts) = (part.to_be_bytes(), parts.to_be_bytes());
    [&[BLOB, kind.byte()][..], digest, &part, &parts, bytes].concat()
}

fn read_blob(rest: &[u8]) -> Option<Record<'_>> {
    let (kind, rest) = rest.split_first()?;
    let (digest, rest) = rest.split_first_chunk::<DIGEST_LEN>()?;
    let (part, rest) = rest.split_first_chunk::<4>()?;
    let (parts, bytes) = rest.split_first_chunk::<4>()?;
    let (part, parts) = (u32::from_be_bytes(*part), u32::from_be_bytes(*parts));
    let kind = BlobKind::read(*kind)?;
    (part < parts).then_some(Record::Blob { kind, digest: *digest, part, parts, bytes })
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; DIGEST_LEN];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// The chain after one more record.
pub(super) fn link(chain: &Digest, record: &[u8]) -> Digest {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(chain);
    context.update(record);
    let mut out = [0; DIGEST_LEN];
    out.copy_from_slice(context.finish().as_ref());
    out
}
