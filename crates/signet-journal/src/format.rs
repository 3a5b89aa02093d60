//! The bytes of a record file: format 2, which is written, and format 1, which is only read.
//!
//! ```text
//! file    = magic "SGNTLOG2" (8) | file id (16) | header tag (16) | record*
//! record  = head | sealed body | body tag (16)
//! head    = body length u32 LE (4) | nonce (12) | head tag (16)
//! ```
//!
//! Every byte is covered by a tag. The header tag covers magic and file id, so a damaged header and
//! a wrong key are told apart from a damaged record. The head tag covers the record's index, its
//! length and its nonce: a length can be trusted before the body is read, and a damaged length is
//! never taken for the end of the file. The body tag covers the index and the body tag of the
//! record before it (the chain).
//!
//! Nonces are random (NIST SP 800-38D §8.2.2: at most 2^32 records under one key), so that a torn
//! tail, an append that failed or a restored backup never makes a key meet a nonce twice. Heads and
//! bodies have keys of their own, so both may use the same nonce.
//!
//! Format 1 ("SGNTLOG1") has no header tag and no head tag and counts its nonces. There a damaged
//! length cannot be told from a torn record; the opener keeps what it cuts off (see `sealed`).

use crate::{LogError, MAX_RECORD_LEN, Recovered, StoreKey};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf::{HKDF_SHA256, KeyType, Salt},
    rand,
};
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

pub(crate) const MAGIC_1: &[u8; 8] = b"SGNTLOG1";
pub(crate) const MAGIC_2: &[u8; 8] = b"SGNTLOG2";
const MAGIC_LEN: usize = 8;
const FILE_ID_LEN: usize = 16;
pub(crate) const TAG_LEN: usize = 16;
const LEN_LEN: usize = 4;
/// Bytes before the first record in format 1, and the part of the header that format 2
/// authenticates.
pub(crate) const HEADER_1_LEN: usize = MAGIC_LEN + FILE_ID_LEN;
/// Bytes before the first record in format 2.
pub(crate) const HEADER_LEN: usize = HEADER_1_LEN + TAG_LEN;
/// Bytes of a record before its body.
pub(crate) const HEAD_LEN: usize = LEN_LEN + NONCE_LEN + TAG_LEN;

pub(crate) type Tag = [u8; TAG_LEN];

/// The keys of one file.
pub(crate) struct FileKeys {
    head: LessSafeKey,
    body: LessSafeKey,
}

impl FileKeys {
    /// Keys of this file alone (RFC 5869), from the store's key and the file's random id.
    pub(crate) fn derive(store_key: &StoreKey, file_id: &[u8]) -> Result<Self, LogError> {
        Ok(Self {
            head: derive(store_key, file_id, b"signet sealed log v2 head")?,
            body: derive(store_key, file_id, b"signet sealed log v2 body")?,
        })
    }

    /// The tag over `covered` and nothing else.
    fn tag(&self, nonce: &[u8; NONCE_LEN], covered: &[u8]) -> Result<Tag, LogError> {
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let tag = self.head.seal_in_place_separate_tag(nonce, Aad::from(covered), &mut []);
        to_tag(tag.map_err(|_| LogError::Crypto)?.as_ref())
    }

    fn tag_is_good(&self, nonce: &[u8; NONCE_LEN], covered: &[u8], tag: &[u8]) -> bool {
        let mut sealed = [0; TAG_LEN];
        sealed.copy_from_slice(tag);
        let nonce = Nonce::assume_unique_for_key(*nonce);
        self.head.open_in_place(nonce, Aad::from(covered), &mut sealed).is_ok()
    }
}

fn to_tag(bytes: &[u8]) -> Result<Tag, LogError> {
    bytes.try_into().map_err(|_| LogError::Crypto)
}

struct AeadKeyLen;

impl KeyType for AeadKeyLen {
    fn len(&self) -> usize {
        32
    }
}

pub(crate) fn derive(
    store_key: &StoreKey,
    file_id: &[u8],
    label: &[u8],
) -> Result<LessSafeKey, LogError> {
    let bytes = derive_bytes(store_key, file_id, label)?;
    let key = UnboundKey::new(&AES_256_GCM, &bytes[..]).map_err(|_| LogError::Crypto)?;
    Ok(LessSafeKey::new(key))
}

/// A secret of one file for one purpose (RFC 5869).
pub(crate) fn derive_bytes(
    store_key: &StoreKey,
    file_id: &[u8],
    label: &[u8],
) -> Result<Zeroizing<[u8; 32]>, LogError> {
    let prk = Salt::new(HKDF_SHA256, file_id).extract(store_key.bytes());
    let mut bytes = Zeroizing::new([0u8; 32]);
    prk.expand(&[label], AeadKeyLen)
        .and_then(|okm| okm.fill(&mut bytes[..]))
        .map_err(|_| LogError::Crypto)?;
    Ok(bytes)
}

/// A new file's header and its keys.
pub(crate) fn new_header(store_key: &StoreKey) -> Result<([u8; HEADER_LEN], FileKeys), LogError> {
    let mut header = [0; HEADER_LEN];
    header[..MAGIC_LEN].copy_from_slice(MAGIC_2);
    rand::fill(&mut header[MAGIC_LEN..HEADER_1_LEN]).map_err(|_| LogError::Crypto)?;
    let keys = FileKeys::derive(store_key, &header[MAGIC_LEN..HEADER_1_LEN])?;
    // Only the header uses the nonce of all zeros: those of records are random.
    let tag = keys.tag(&[0; NONCE_LEN], &header[..HEADER_1_LEN])?;
    header[HEADER_1_LEN..].copy_from_slice(&tag);
    Ok((header, keys))
}

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Empty, or the beginning of a header that was being written when the machine stopped: no
    /// record can have been in it.
    Unfinished,
    Format1,
    Format2,
    Foreign,
}

pub(crate) fn kind(bytes: &[u8]) -> Kind {
    // No tag is all zeros, so a file of zeros has no header; a longer one may have held records.
    let never_written = bytes.len() <= HEADER_LEN && bytes.iter().all(|b| *b == 0);
    let begun =
        bytes.len() < HEADER_1_LEN && [MAGIC_1, MAGIC_2].iter().any(|m| begins_alike(bytes, m));
    match bytes.get(..MAGIC_LEN) {
        _ if begun || never_written => Kind::Unfinished,
        Some(m) if m == MAGIC_1 => Kind::Format1,
        Some(m) if m == MAGIC_2 && bytes.len() < HEADER_LEN => Kind::Unfinished,
        Some(m) if m == MAGIC_2 => Kind::Format2,
        _ => Kind::Foreign,
    }
}

fn begins_alike(bytes: &[u8], magic: &[u8; MAGIC_LEN]) -> bool {
    let n = bytes.len().min(MAGIC_LEN);
    bytes[..n] == magic[..n]
}

/// The keys of a format 2 file, when its header is whole and was made under this store key.
pub(crate) fn open_header(
    header: &[u8],
    store_key: &StoreKey,
    path: &Path,
) -> Result<FileKeys, LogError> {
    let keys = FileKeys::derive(store_key, &header[MAGIC_LEN..HEADER_1_LEN])?;
    let good = keys.tag_is_good(
        &[0; NONCE_LEN],
        &header[..HEADER_1_LEN],
        &header[HEADER_1_LEN..HEADER_LEN],
    );
    if good { Ok(keys) } else { Err(LogError::WrongKey(path.into())) }
}

/// Appends one sealed record to `out` and returns its body tag.
pub(crate) fn seal(
    keys: &FileKeys,
    index: u64,
    previous: &Tag,
    record: &[u8],
    out: &mut Vec<u8>,
) -> Result<Tag, LogError> {
    let length = u32::try_from(record.len()).map_err(|_| LogError::RecordTooLong(record.len()))?;
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce).map_err(|_| LogError::Crypto)?;
    let head_tag = keys.tag(&nonce, &head_aad(index, length, &nonce))?;
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&head_tag);
    let body = out.len();
    out.extend_from_slice(record);
    let aad = Aad::from(body_aad(index, previous));
    let sealed = keys.body.seal_in_place_separate_tag(
        Nonce::assume_unique_for_key(nonce),
        aad,
        &mut out[body..],
    );
    let tag = to_tag(sealed.map_err(|_| LogError::Crypto)?.as_ref())?;
    out.extend_from_slice(&tag);
    Ok(tag)
}

fn head_aad(index: u64, length: u32, nonce: &[u8; NONCE_LEN]) -> [u8; 8 + LEN_LEN + NONCE_LEN] {
    let mut aad = [0; 8 + LEN_LEN + NONCE_LEN];
    aad[..8].copy_from_slice(&index.to_le_bytes());
    aad[8..8 + LEN_LEN].copy_from_slice(&length.to_le_bytes());
    aad[8 + LEN_LEN..].copy_from_slice(nonce);
    aad
}

fn body_aad(index: u64, previous: &Tag) -> [u8; 8 + TAG_LEN] {
    let mut aad = [0; 8 + TAG_LEN];
    aad[..8].copy_from_slice(&index.to_le_bytes());
    aad[8..].copy_from_slice(previous);
    aad
}

/// What the records of a file amount to.
pub(crate) struct Unsealed {
    pub recovered: Recovered,
    pub previous: Tag,
    /// Indices of the records that could not be authenticated; never more than one unless `skip`.
    pub lost: Vec<u64>,
    /// Whole bytes of `bytes` that were understood; what follows is torn or damaged.
    pub end: usize,
    /// The bytes after `end` are damage, not a torn tail.
    pub damaged: bool,
}

/// A record's extent, as its authenticated head tells it.
pub(crate) struct Head {
    pub length: usize,
    nonce: [u8; NONCE_LEN],
}

/// The tag at the end of a sealed body.
pub(crate) fn tag_of(body: &[u8]) -> Tag {
    body.last_chunk().copied().unwrap_or_default()
}

/// Opens a body with its tag in place; the length of what it held, from the first byte on.
pub(crate) fn open_body(
    keys: &FileKeys,
    index: u64,
    previous: &Tag,
    head: &Head,
    body: &mut [u8],
) -> Option<usize> {
    let nonce = Nonce::assume_unique_for_key(head.nonce);
    let aad = Aad::from(body_aad(index, previous));
    keys.body.open_in_place(nonce, aad, body).ok().map(|plain| plain.len())
}

pub(crate) fn read_head(keys: &FileKeys, index: u64, bytes: &[u8]) -> Option<Head> {
    let (head, _) = bytes.split_first_chunk::<HEAD_LEN>()?;
    let (length, rest) = head.split_first_chunk::<LEN_LEN>()?;
    let (nonce, tag) = rest.split_first_chunk::<NONCE_LEN>()?;
    let length = u32::from_le_bytes(*length);
    let good = keys.tag_is_good(nonce, &head_aad(index, length, nonce), tag);
    good.then_some(Head { length: length as usize, nonce: *nonce })
}

/// Opens the records of a format 2 file. Stops at the first that is damaged; with `skip`, goes on
/// after one whose head still authenticates.
pub(crate) fn unseal(bytes: &mut [u8], keys: &FileKeys, skip: bool) -> Unsealed {
    let (mut at, mut index, mut previous) = (0, 0, [0; TAG_LEN]);
    let mut u = Unsealed {
        recovered: Recovered::default(),
        previous,
        lost: Vec::new(),
        end: 0,
        damaged: false,
    };
    while at < bytes.len() {
        let rest = &mut bytes[at..];
        let Some(head) = read_head(keys, index, rest) else {
            u.damaged = !is_unwritten(rest, HEAD_LEN);
            break;
        };
        let whole = HEAD_LEN + head.length + TAG_LEN;
        if rest.len() < whole {
            break;
        }
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&rest[whole - TAG_LEN..whole]);
        let last_was_torn = tag == [0; TAG_LEN] && rest[whole..].iter().all(|b| *b == 0);
        let nonce = Nonce::assume_unique_for_key(head.nonce);
        let aad = Aad::from(body_aad(index, &previous));
        match keys.body.open_in_place(nonce, aad, &mut rest[HEAD_LEN..whole]) {
            Ok(plain) => {
                u.recovered.records.push(Zeroizing::new(plain.to_vec()));
                plain.zeroize();
            }
            // The system made the file longer but wrote its end as zeros: no tag is all zeros.
            Err(_) if last_was_torn => break,
            Err(_) => {
                u.lost.push(index);
                if !skip {
                    u.damaged = true;
                    break;
                }
            }
        }
        previous = tag;
        index += 1;
        at += whole;
    }
    u.recovered.torn_bytes = if u.damaged { 0 } else { (bytes.len() - at) as u64 };
    (u.previous, u.end) = (previous, at);
    if u.damaged && u.lost.last() != Some(&index) {
        u.lost.push(index);
    }
    u
}

/// The tag of the last of these records of format 2, which begin at `index` after the one with the
/// tag `previous`; `None`: they are others, or not whole. They are opened in place.
pub(crate) fn last_tag(
    mut rest: &mut [u8],
    keys: &FileKeys,
    mut index: u64,
    mut previous: Tag,
) -> Option<Tag> {
    while !rest.is_empty() {
        let head = read_head(keys, index, rest)?;
        let whole = HEAD_LEN + head.length + TAG_LEN;
        let (record, after) = std::mem::take(&mut rest).split_at_mut_checked(whole)?;
        let tag = tag_of(record);
        open_body(keys, index, &previous, &head, &mut record[HEAD_LEN..])?;
        (index, previous, rest) = (index + 1, tag, after);
    }
    Some(previous)
}

/// Whether `rest` is a record that was never finished: fewer than `head` bytes of it were written,
/// and nothing but zeros (blocks that the file system added and never filled) follows.
fn is_unwritten(rest: &[u8], head: usize) -> bool {
    let written = rest.iter().rposition(|b| *b != 0).map_or(0, |i| i + 1);
    written < head
}

/// Opens the records of a format 1 file. Errors as format 1 knew them: any record that does not
/// authenticate is an error, and a last one that is not whole is a torn tail.
pub(crate) fn unseal_1(
    bytes: &mut [u8],
    file_id: &[u8],
    store_key: &StoreKey,
    path: &Path,
) -> Result<Recovered, LogError> {
    let key = derive(store_key, file_id, b"signet sealed log v1")?;
    let (mut at, mut index, mut previous) = (0, 0u64, [0; TAG_LEN]);
    let mut recovered = Recovered::default();
    while let Some((head, tail)) = bytes[at..].split_at_mut_checked(LEN_LEN) {
        let n = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let tampered = || LogError::Tampered { path: path.into(), index };
        if n == 0 && is_unwritten(tail, 1) {
            break;
        }
        if !(TAG_LEN..=MAX_RECORD_LEN + TAG_LEN).contains(&n) {
            return Err(tampered());
        }
        let Some(sealed) = tail.get_mut(..n) else { break };
        let mut tag = [0; TAG_LEN];
        tag.copy_from_slice(&sealed[n - TAG_LEN..]);
        let mut nonce = [0; NONCE_LEN];
        nonce[..8].copy_from_slice(&index.to_le_bytes());
        let aad = Aad::from(body_aad(index, &previous));
        let plain = key
            .open_in_place(Nonce::assume_unique_for_key(nonce), aad, sealed)
            .map_err(|_| tampered())?;
        recovered.records.push(Zeroizing::new(plain.to_vec()));
        plain.zeroize();
        previous = tag;
        index += 1;
        at += LEN_LEN + n;
    }
    recovered.torn_bytes = (bytes.len() - at) as u64;
    Ok(recovered)
}

/// The file id of a header of either format.
pub(crate) fn file_id(header: &[u8]) -> &[u8] {
    &header[MAGIC_LEN..HEADER_1_LEN]
}

/// Where the first `records` records of a format 1 file end.
pub(crate) fn end_of_format_1(bytes: &[u8], records: u64) -> usize {
    let mut at = 0;
    for _ in 0..records {
        let Some(length) = bytes[at..].first_chunk::<LEN_LEN>() else { break };
        at += LEN_LEN + u32::from_le_bytes(*length) as usize;
    }
    at.min(bytes.len())
}
