//! The records of one RFQ, out of the evidence.

use super::BundleError;
use crate::signed::{
    BlobKind, Digest, DocumentParts, EvidenceStore, NAMING_TAGS, Record, SignedLogError, Step,
    lists_by_issuer, sha256, walk, walk_files,
};
use serde_json::Value;
use signet_fix::{tag, tagvalue::Fields};
use signet_router::journal::{NamesRead, RecordKind, shown};
use signet_tlog::{Checkpoint, Hash, PartialTree, Span, leaf_hash};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    rc::Rc,
};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

/// Which RFQ.
pub(super) struct Subject {
    pub(super) rfq: String,
    pub(super) desk: Option<String>,
}

/// What a record is to the RFQ.
pub(super) enum Kind {
    /// A signed message.
    Message(SignedMessage),
    /// An input of the router.
    Journal,
    /// A decision, with the digests of the documents that it followed.
    Decision(Vec<(BlobKind, Digest)>),
}

/// What else is needed to judge a signed message.
pub(super) struct SignedMessage {
    pub(super) certificate: Digest,
    /// The certificate was there when the message was read, as it is in every file.
    pub(super) certified: bool,
    /// The list of the certificate's issuer that was in force.
    pub(super) list: Option<Rc<Vec<u8>>>,
}

/// A record that belongs to the RFQ.
pub(super) struct Picked {
    pub(super) leaf: u64,
    /// The number of its file.
    pub(super) file: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
    desk: String,
}

/// Everything that was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) desk: String,
    /// What is known of the tree: the leaves of files in which something is to be proved.
    pub(super) tree: PartialTree,
    /// Leaves of the whole tree.
    pub(super) size: u64,
    pub(super) picked: Vec<Picked>,
    pub(super) certificates: HashMap<Digest, Vec<u8>>,
    pub(super) documents: HashMap<Digest, Vec<u8>>,
    /// What dealers call the RFQ and its accepts.
    pub(super) names: NamesRead,
    /// Leaves of the tree that something is proved in.
    proved: u64,
    parts: DocumentParts,
    /// The newest list of each issuer, by the issuer's name.
    lists: BTreeMap<Vec<u8>, Rc<Vec<u8>>>,
    begins: Option<u64>,
    file: OpenFile,
}

/// The file that is being read.
#[derive(Default)]
struct OpenFile {
    begins: u64,
    leaves: Vec<Hash>,
    picked_before: usize,
}

/// The request that dealers call so: its desk, and what the desk calls it. `None`: these files do
/// not know it.
pub(super) fn asked_under(
    store: &EvidenceStore,
    files: &[(u64, PathBuf)],
    name: &str,
) -> Result<Option<(String, String)>, SignedLogError> {
    let mut found = None;
    walk_files(files, &store.key, |step| {
        if let Some(Record::Journal(record)) = Record::read(step.bytes)
            && let Some(s) = shown(record)
            && s.what == RecordKind::RequestDecided
            && s.name.as_deref() == Some(name)
            && let Ok(fields) = Fields::parse(&s.message)
            && let Some(rfq) = fields.text(tag::QUOTE_REQ_ID)
        {
            found = Some((s.id.clone(), rfq.to_owned()));
        }
        Ok::<_, SignedLogError>(())
    })?;
    Ok(found)
}

/// Reads the whole evidence and picks what belongs to the RFQ. `proved`: leaves of the tree that it
/// is to be proved in.
pub(super) fn collect(
    store: &EvidenceStore,
    wanted: &Subject,
    proved: u64,
) -> Result<Found, BundleError> {
    let mut found = Found::proved_in(proved);
    walk(&store.folder, &store.key, |step| {
        found.take(step, wanted);
        Ok::<_, SignedLogError>(())
    })?;
    found.close_file();
    found.judged(wanted, None)
}

impl Found {
    /// Nothing so far.
    pub(super) fn proved_in(proved: u64) -> Self {
        Self { proved, ..Self::default() }
    }

    /// The same when it is of one desk and the evidence is all here. `first_leaf`: the first that
    /// there is, where the first file was not read.
    pub(super) fn judged(
        mut self,
        wanted: &Subject,
        first_leaf: Option<u64>,
    ) -> Result<Self, BundleError> {
        if let Some(n) = first_leaf.or(self.begins).filter(|n| *n > 0) {
            return Err(BundleError::Archived(n));
        }
        let desks: BTreeSet<&str> = self.picked.iter().map(|p| p.desk.as_str()).collect();
        let named: Vec<&str> = desks.into_iter().collect();
        match named[..] {
            [] => Err(BundleError::Unknown(wanted.rfq.clone())),
            [one] => {
                self.desk = one.to_owned();
                Ok(self)
            }
            _ => Err(BundleError::Several(wanted.rfq.clone(), named.join(", "))),
        }
    }

    /// Whether its tree is that of the checkpoint, or too small to tell.
    pub(super) fn leads_to(&self, checkpoint: &Checkpoint) -> bool {
        self.size < checkpoint.size || self.tree.root(checkpoint.size) == Some(checkpoint.root)
    }

    /// The file that was read ends. Of one in which nothing is to be proved, a few hashes are kept.
    pub(super) fn close_file(&mut self) {
        self.parts.clear();
        let file = std::mem::take(&mut self.file);
        self.file.picked_before = self.picked.len();
        let ends_within = file.begins < self.proved && self.proved < self.size;
        let to_prove = ends_within || self.picked.len() > file.picked_before;
        match Span::of(file.begins, &file.leaves).filter(|_| !to_prove) {
            Some(span) => self.tree.add_span(&span),
            None => self.tree.add_leaves(file.begins, &file.leaves),
        }
    }

    /// Takes a record; files in order, and the records of each.
    pub(super) fn take(&mut self, step: &Step<'_>, wanted: &Subject) {
        if step.index == 0 {
            self.close_file();
        }
        let Some(tree) = step.tree else { return };
        let leaf = tree.size() - 1;
        self.begins.get_or_insert(leaf);
        if self.file.leaves.is_empty() {
            self.file.begins = leaf;
        }
        self.file.leaves.push(leaf_hash(step.bytes));
        self.size = tree.size();
        let picked = match Record::read(step.bytes) {
            Some(Record::Certificate(der)) => {
                self.certificates.insert(sha256(der), der.to_vec());
                None
            }
            Some(Record::Blob { kind, digest, part, parts, bytes }) => {
                self.document(kind, digest, (part, parts), bytes);
                None
            }
            Some(Record::Frame { at, party, certificate, id, frame }) => {
                let from_desk = party == crate::signed::Party::Desk;
                let desk = wanted.desk_of(from_desk, id, frame, &self.names);
                let list = desk.as_ref().and_then(|_| self.list(&certificate, at.0));
                let certified = self.certificates.contains_key(&certificate);
                let message = SignedMessage { certificate, certified, list };
                desk.map(|d| (d, Kind::Message(message)))
            }
            Some(Record::Journal(record)) => shown(record).and_then(|s| {
                self.names.take(&s, |desk, id| wanted.takes(desk, id));
                let desk =
                    wanted.desk_of(!s.what.is_of_dealer(), &s.id, &s.message, &self.names)?;
                Some((desk, Kind::Journal))
            }),
            Some(Record::Decision(json)) => wanted.decision(json),
            _ => None,
        };
        if let Some((desk, kind)) = picked {
            let (file, bytes) = (step.file, step.bytes.to_vec());
            self.picked.push(Picked { leaf, file, bytes, kind, desk });
        }
    }

    fn document(
        &mut self,
        kind: BlobKind,
        digest: Digest,
        (part, parts): (u32, u32),
        bytes: &[u8],
    ) {
        let Some(whole) = self.parts.take(&digest, (part, parts), bytes) else { return };
        if kind != BlobKind::Crl {
            self.documents.insert(digest, whole);
            return;
        }
        let lists = lists_by_issuer(whole).into_iter();
        self.lists.extend(lists.map(|(issuer, list)| (issuer, Rc::new(list))));
    }

    /// The list of a certificate's issuer, if it was in force at that time.
    fn list(&self, certificate: &Digest, at_ms: i64) -> Option<Rc<Vec<u8>>> {
        let der = self.certificates.get(certificate)?;
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let list = self.lists.get(certificate.issuer().as_raw())?;
        let (_, read) = CertificateRevocationList::from_der(list).ok()?;
        let at = at_ms.div_euclid(1_000);
        let in_force = read.last_update().timestamp() <= at
            && read.next_update().is_some_and(|t| at <= t.timestamp());
        in_force.then(|| list.clone())
    }
}

impl Subject {
    /// The desk whose RFQ a message is about, if it is the wanted one. Desks name an RFQ `R1` and
    /// its accepts `R1:1`; the gateway puts the desk's CompID and a dot before both, and dealers
    /// have names for them.
    fn desk_of(
        &self,
        from_desk: bool,
        id: &str,
        frame: &[u8],
        called: &NamesRead,
    ) -> Option<String> {
        let fields = Fields::parse(frame).ok()?;
        let mut names = NAMING_TAGS.iter().filter_map(|t| fields.text(*t));
        names.find_map(|name| {
            let plain = |(desk, inner): (&str, &str)| (desk.to_owned(), inner.to_owned());
            let (desk, inner) = match from_desk {
                true => plain((id, name)),
                false => called.desk_and_id(name).or_else(|| name.split_once('.').map(plain))?,
            };
            self.takes(&desk, &inner).then_some(desk)
        })
    }

    fn takes(&self, desk: &str, id: &str) -> bool {
        let same = id
            .strip_prefix(self.rfq.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
        same && self.desk.as_ref().is_none_or(|d| d == desk)
    }

    fn decision(&self, json: &str) -> Option<(String, Kind)> {
        let json: Value = serde_json::from_str(json).ok()?;
        let text = |name: &str| json.get(name).and_then(Value::as_str);
        let (desk, id) = (text("desk")?, text("id")?);
        let digest = |name: &str| unhex(text(name)?);
        let documents = [
            (BlobKind::Policies, digest("policies_sha256")?),
            (BlobKind::Facts, digest("facts_sha256")?),
        ];
        self.takes(desk, id).then(|| (desk.to_owned(), Kind::Decision(documents.to_vec())))
    }
}

fn unhex(text: &str) -> Option<Digest> {
    let mut out = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (i, byte) in out.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok()?;
    }
    Some(out)
}
