//! Records, and the chain that holds them together.

use crate::{decode_hash, encode};
use serde::{Deserialize, Serialize};
use signet_tlog::{CompactRange, HASH_LEN, Hash, leaf_hash};

const VERSION: u32 = 1;

/// When something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970 on the laptop's clock, without its steps while the program runs.
    pub at_ms: i64,
    /// Microseconds since the program began, on a clock that only goes forward.
    pub run_us: u64,
    /// The venue's clock minus the laptop's, milliseconds; `None`: not measured.
    pub offset_ms: Option<i64>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    v: u32,
    /// Its place in the history, from 0.
    pub n: u64,
    /// Leaf hash of the record before, base64; of the first one zeros.
    before: String,
    /// As [`Moment::at_ms`].
    pub at_ms: i64,
    /// As [`Moment::run_us`].
    pub run_us: u64,
    /// As [`Moment::offset_ms`].
    pub offset_ms: Option<i64>,
    /// What happened.
    pub what: What,
}

/// What happened. Bytes are in base64, times in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum What {
    /// The desk opened its history.
    Started {
        /// The identity whose history it is.
        desk: String,
        /// The desk's version.
        version: String,
        /// Bytes of a last record that was never finished (a crash, a power cut) and was cut off.
        torn_bytes: u64,
    },
    /// The key that checkpoints are signed with, certified by the desk's own key.
    Key {
        /// The text that was signed.
        statement: String,
        /// ECDSA on P-256 over it, r and s.
        signature: String,
        /// The certificate of the key that signed, and those it was issued by.
        chain: Vec<String>,
    },
    /// A connection is made and checked; the Logon follows.
    Up {
        /// It was made before; said again because a new file begins.
        again: bool,
        /// What people call the venue.
        venue: String,
        /// Its CompID.
        peer: String,
        /// This desk's CompID there.
        own: String,
        /// A plain venue, without a gateway.
        direct: bool,
        /// Version, key exchange and cipher.
        tls: String,
        /// This desk's certificate on the connection.
        own_certificate: String,
        /// The venue's certificate on the connection.
        peer_certificate: String,
    },
    /// The connection ended.
    Down,
    /// A message left, as it travelled.
    Sent {
        /// MsgType (35).
        msg: String,
        /// The whole message.
        frame: String,
    },
    /// A message came, as it travelled.
    Received {
        /// MsgType (35).
        msg: String,
        /// It carries a signature that was good under the certificate of the connection.
        signed: bool,
        /// The whole message.
        frame: String,
    },
    /// A message came and was not believed or not understood; it did nothing.
    Refused {
        /// MsgType (35).
        msg: String,
        /// Why.
        why: String,
        /// The whole message.
        frame: String,
    },
    /// A message of the trader did not leave.
    NotSent {
        /// MsgType (35).
        msg: String,
        /// The RFQ or the accept that it was about.
        id: String,
        /// Why, as a stable code.
        code: String,
    },
    /// What was on screen when the trader accepted.
    Shown {
        /// The RFQ.
        rfq: String,
        /// The accept.
        accept: String,
        /// The accept's terms and the ladder of quotes as the window had them, JSON.
        screen: String,
    },
    /// What the trader noted on an RFQ.
    Note {
        /// The RFQ.
        rfq: String,
        /// The trader's words.
        text: String,
    },
    /// Why the trader took another price than the best, in the trader's words.
    Reason {
        /// The RFQ.
        rfq: String,
        /// The accept.
        accept: String,
        /// The words.
        text: String,
    },
    /// So many records could not be written.
    Lost {
        /// How many.
        records: u64,
        /// When the first of them was to be written.
        from_ms: i64,
        /// When the last of them was.
        to_ms: i64,
    },
    /// So many quotes, and messages that were not believed, were not written: dealers sent more
    /// than is kept. Nothing else is missing for it.
    QuotesLeftOut {
        /// How many.
        records: u64,
        /// When the first of them came.
        from_ms: i64,
        /// When the last of them did.
        to_ms: i64,
    },
    /// Records were removed because they are older than is wanted.
    Removed {
        /// Every record before this number.
        before: u64,
        /// The root of the tree over them.
        root: String,
        /// How many days are kept.
        keep_days: u32,
    },
    /// The history so far could not be continued; it was put aside and this one began.
    Aside {
        /// The folder that it is in.
        folder: String,
        /// Why.
        why: String,
    },
    /// The desk closed its history.
    Stopped,
}

/// A record is not what its place wants.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not a record of this version, or not in the one form that it has.
    #[error("it cannot be read")]
    Unreadable,
    /// It is another record, or the same in another place.
    #[error("it says that it is record {0}")]
    Number(u64),
    /// The record before it is another one.
    #[error("it does not follow the record before it")]
    Before,
}

impl Record {
    /// Reads a record that [`Chain::next`] could have written, and no other text.
    ///
    /// # Errors
    /// It is another text.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let read: Self = serde_json::from_slice(bytes).map_err(|_| RecordError::Unreadable)?;
        let same = read.v == VERSION && read.to_bytes() == bytes;
        if same { Ok(read) } else { Err(RecordError::Unreadable) }
    }

    /// Whether the record before it has this leaf hash.
    pub(crate) fn follows(&self, before: &Hash) -> bool {
        decode_hash(&self.before) == Some(*before)
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Texts and numbers always serialise.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// When it happened.
    pub fn moment(&self) -> Moment {
        Moment { at_ms: self.at_ms, run_us: self.run_us, offset_ms: self.offset_ms }
    }

    /// When it happened on the venue's clock, as far as that is known.
    pub fn venue_ms(&self) -> i64 {
        self.at_ms.saturating_add(self.offset_ms.unwrap_or(0))
    }
}

/// How far a history has come: its tree, and the leaf hash of its last record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    tree: CompactRange,
    last: Hash,
}

impl Chain {
    /// How many records there are.
    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of their tree.
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// The next record. It is in the chain when [`Self::push`] takes it.
    pub fn next(&self, m: Moment, what: What) -> Vec<u8> {
        let Moment { at_ms, run_us, offset_ms } = m;
        let (n, before) = (self.size(), encode(self.last));
        Record { v: VERSION, n, before, at_ms, run_us, offset_ms, what }.to_bytes()
    }

    /// Takes a record that was written.
    pub fn push(&mut self, record: &[u8]) {
        self.push_hash(leaf_hash(record));
    }

    /// Takes a record of which only the hash is known.
    pub fn push_hash(&mut self, leaf: Hash) {
        self.tree.push(leaf);
        self.last = leaf;
    }

    /// Whether a record belongs here. The chain takes it only with [`Self::push`].
    ///
    /// # Errors
    /// It does not.
    pub fn check(&self, record: &[u8]) -> Result<Record, RecordError> {
        let read = Record::read(record)?;
        if read.n != self.size() {
            return Err(RecordError::Number(read.n));
        }
        if !read.follows(&self.last) {
            return Err(RecordError::Before);
        }
        Ok(read)
    }

    /// The stored form.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.last[..], &self.tree.to_bytes()].concat()
    }

    /// Reads the stored form.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (last, rest) = bytes.split_first_chunk::<HASH_LEN>()?;
        let (tree, rest) = CompactRange::read(rest)?;
        rest.is_empty().then_some(Self { tree, last: *last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_in_its_place_and_in_one_form_only() {
        let mut chain = Chain::default();
        let first = chain.next(Moment { at_ms: 5, run_us: 1, offset_ms: Some(-3) }, What::Down);
        assert_eq!(chain.check(&first).unwrap().venue_ms(), 2);
        chain.push(&first);
        assert_eq!(chain.check(&first), Err(RecordError::Number(0)));
        let second = chain.next(Moment::default(), What::Stopped);
        let other = Chain { last: [1; 32], ..chain.clone() };
        assert_eq!(other.check(&second), Err(RecordError::Before));
        let spaced = [&b" "[..], &second].concat();
        assert_eq!(chain.check(&spaced), Err(RecordError::Unreadable));
        let more = String::from_utf8(second.clone()).unwrap().replace("\"v\":1", "\"v\":2");
        assert_eq!(chain.check(more.as_bytes()), Err(RecordError::Unreadable));
        chain.push(&second);
        assert_eq!(Chain::read(&chain.to_bytes()), Some(chain.clone()));
        assert_eq!(Chain::read(&chain.to_bytes()[1..]), None);
    }
}
