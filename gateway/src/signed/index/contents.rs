//! What the index of one file of evidence is made of.

use super::{IndexKey, NAMING_TAGS};
use crate::signed::{
    documents::{DocumentParts, is_authority, lists_by_issuer},
    record::{BlobKind, DIGEST_LEN, Digest, Record, State, sha256},
};
use serde_json::Value;
use signet_fix::tagvalue::Fields;
use signet_journal::{SealedLog, StoreKey};
use signet_router::journal::{NamesRead, shown};
use signet_tlog::{Hash, Span, leaf_hash};
use std::{collections::BTreeSet, path::Path};

/// What is needed of every file, whatever is looked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Its leaves.
    pub(super) span: Span,
    /// The certificates in it that others may be issued by.
    pub(super) authorities: BTreeSet<Digest>,
}

impl Note {
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut out = self.span.to_bytes();
        self.authorities.iter().for_each(|digest| out.extend_from_slice(digest));
        out
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (span, mut rest) = Span::read(bytes)?;
        let mut authorities = BTreeSet::new();
        while !rest.is_empty() {
            let (digest, others) = rest.split_first_chunk::<DIGEST_LEN>()?;
            authorities.insert(*digest);
            rest = others;
        }
        Some(Self { span, authorities })
    }
}

/// Keys of the records of one file, and what is needed of it beside them.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) keys: BTreeSet<Vec<u8>>,
    authorities: BTreeSet<Digest>,
    parts: DocumentParts,
    leaves: Vec<Hash>,
}

impl Contents {
    /// Reads a file whose first record is number `begin` of the tree, up to the head of the next
    /// one, which must follow from it. `None`: something is not as it should be, and whoever reads
    /// the file says what.
    pub(super) fn of(
        path: &Path,
        key: &StoreKey,
        begin: u64,
        next_head: &Digest,
    ) -> Option<(Self, Note)> {
        let mut contents = Self::default();
        let mut state: Option<State> = None;
        for bytes in &SealedLog::read(path, key).ok()?.records {
            match Record::read(bytes)? {
                Record::Head(head) if state.is_none() => state = Some(*head),
                Record::Head(_) => return None,
                record => contents.take(record),
            }
            // A file begins with its head.
            state.as_mut()?.take(bytes);
            contents.leaves.push(leaf_hash(bytes));
        }
        if sha256(&state?.head()) != *next_head {
            return None;
        }
        let span = Span::of(begin, &std::mem::take(&mut contents.leaves))?;
        let authorities = std::mem::take(&mut contents.authorities);
        Some((contents, Note { span, authorities }))
    }

    /// Whatever a bundle looks a record up by must be a key here: a record that has none is in no
    /// bundle that is found by the index.
    fn take(&mut self, record: Record<'_>) {
        match record {
            Record::Certificate(der) => {
                let digest = sha256(der);
                self.add(&IndexKey::Certificate(&digest));
                if is_authority(der) {
                    self.authorities.insert(digest);
                }
            }
            Record::Blob { kind, digest, part, parts, bytes } => {
                let Some(whole) = self.parts.take(&digest, (part, parts), bytes) else { return };
                match kind {
                    BlobKind::Policies | BlobKind::Facts => {
                        self.add(&IndexKey::Document(&digest));
                    }
                    BlobKind::Crl => lists_by_issuer(whole)
                        .iter()
                        .for_each(|(issuer, _)| self.add(&IndexKey::Lists(issuer))),
                }
            }
            Record::Frame { frame, .. } => self.message(frame),
            Record::Journal(record) => {
                let Some(s) = shown(record) else { return };
                self.message(&s.message);
                s.name.iter().for_each(|name| self.add(&IndexKey::Rfq(name)));
                // What the RFQ of a name that dealers are told is called by its desk.
                NamesRead::default().take(&s, |_, own| {
                    self.add(&IndexKey::Rfq(own));
                    false
                });
            }
            Record::Decision(json) => {
                let json: Option<Value> = serde_json::from_str(json).ok();
                let id = json.as_ref().and_then(|j| j.get("id")?.as_str());
                id.iter().for_each(|id| self.add(&IndexKey::Rfq(id)));
            }
            Record::Head(_) | Record::JournalIs => {}
        }
    }

    fn message(&mut self, frame: &[u8]) {
        let Ok(fields) = Fields::parse(frame) else { return };
        for name in NAMING_TAGS.iter().filter_map(|tag| fields.text(*tag)) {
            self.add(&IndexKey::Rfq(name));
            // The gateway's own ids are the desk's CompID, a dot and the desk's id.
            if let Some((_, of_desk)) = name.split_once('.') {
                self.add(&IndexKey::Rfq(of_desk));
            }
        }
    }

    fn add(&mut self, key: &IndexKey<'_>) {
        self.keys.insert(key.to_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_not_when_it_is_cut() {
        let span = Span::of(3, &[[1; 32], [2; 32]]).unwrap();
        for authorities in [BTreeSet::new(), BTreeSet::from([[7; 32], [8; 32]])] {
            let note = Note { span: span.clone(), authorities };
            let bytes = note.to_bytes();
            assert_eq!(Note::read(&bytes).as_ref(), Some(&note));
            assert_eq!(Note::read(&bytes[..bytes.len() - 1]), None);
        }
    }

    /// A key that is missing here is a record that is missing in a bundle.
    #[test]
    fn table_of_the_keys_of_a_message() {
        let rfq = |id: &str| IndexKey::Rfq(id).to_bytes();
        for (fields, want) in [
            ("131=R1|", vec![rfq("R1")]),
            ("11=R1:2|", vec![rfq("R1")]),
            ("693=R1:c1|131=R1|", vec![rfq("R1")]),
            ("131=ALICE.R1|", vec![rfq("ALICE.R1"), rfq("R1")]),
            ("11=ALICE.R1:3|", vec![rfq("ALICE.R1"), rfq("R1")]),
            ("131=A.B.C|", vec![rfq("A.B.C"), rfq("B.C")]),
            ("131=R1|11=R2|", vec![rfq("R1"), rfq("R2")]),
            ("55=R1|", vec![]),
        ] {
            let mut contents = Contents::default();
            let frame = format!("8=FIX.4.4|9=5|35=R|{fields}10=000|").replace('|', "\u{1}");
            contents.message(frame.as_bytes());
            let want: BTreeSet<Vec<u8>> = want.into_iter().collect();
            assert_eq!(contents.keys, want, "{fields}");
        }
    }
}
