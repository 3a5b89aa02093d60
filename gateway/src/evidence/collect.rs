//! The records of one RFQ, out of the whole evidence.

use super::BundleError;
use crate::signed::{BlobKind, Digest, Record, SignedLogError, Step, sha256, walk};
use rustls_pki_types::{CertificateRevocationListDer, pem::PemObject as _};
use serde_json::Value;
use signet_fix::{tag, tagvalue::Fields};
use signet_journal::StoreKey;
use signet_router::{
    is_name,
    journal::{NamesRead, RecordKind, shown},
};
use signet_tlog::{Hash, leaf_hash};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
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
    /// The list of the certificate's issuer that was in force.
    pub(super) list: Option<Rc<Vec<u8>>>,
}

/// A record that belongs to the RFQ.
pub(super) struct Picked {
    pub(super) leaf: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
    desk: String,
}

/// Everything that was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) desk: String,
    pub(super) leaves: Vec<Hash>,
    pub(super) picked: Vec<Picked>,
    pub(super) certificates: HashMap<Digest, Vec<u8>>,
    pub(super) documents: HashMap<Digest, Vec<u8>>,
    /// What dealers call the RFQ and its accepts.
    names: NamesRead,
    /// Parts of the document that is being read.
    part: Vec<u8>,
    /// The newest list of each issuer, by the issuer's name.
    lists: BTreeMap<Vec<u8>, Rc<Vec<u8>>>,
    begins: Option<u64>,
}

/// The request that dealers call so: its desk, and what the desk calls it. `None`: the name has not
/// the form of one, or the evidence does not know it.
pub(super) fn asked_under(
    folder: &Path,
    key: &StoreKey,
    name: &str,
) -> Result<Option<(String, String)>, SignedLogError> {
    let mut found = None;
    if !is_name(name) {
        return Ok(found);
    }
    walk(folder, key, |step| {
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

/// Reads the evidence and picks what belongs to the RFQ.
pub(super) fn collect(
    folder: &Path,
    key: &StoreKey,
    wanted: &Subject,
) -> Result<Found, BundleError> {
    let mut found = Found::default();
    walk(folder, key, |step| {
        found.take(step, wanted);
        Ok::<_, SignedLogError>(())
    })?;
    if let Some(n) = found.begins.filter(|n| *n > 0) {
        return Err(BundleError::Archived(n));
    }
    let desks: BTreeSet<&str> = found.picked.iter().map(|p| p.desk.as_str()).collect();
    let named: Vec<&str> = desks.into_iter().collect();
    match named[..] {
        [] => Err(BundleError::Unknown(wanted.rfq.clone())),
        [one] => {
            found.desk = one.to_owned();
            Ok(found)
        }
        _ => Err(BundleError::Several(wanted.rfq.clone(), named.join(", "))),
    }
}

impl Found {
    fn take(&mut self, step: &Step<'_>, wanted: &Subject) {
        let Some(tree) = step.tree else { return };
        let leaf = tree.size() - 1;
        self.begins.get_or_insert(leaf);
        self.leaves.push(leaf_hash(step.bytes));
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
                desk.map(|d| (d, Kind::Message(SignedMessage { certificate, list })))
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
            self.picked.push(Picked { leaf, bytes: step.bytes.to_vec(), kind, desk });
        }
    }

    fn document(
        &mut self,
        kind: BlobKind,
        digest: Digest,
        (part, parts): (u32, u32),
        bytes: &[u8],
    ) {
        if part == 0 {
            self.part.clear();
        }
        self.part.extend_from_slice(bytes);
        if part + 1 < parts || sha256(&self.part) != digest {
            return;
        }
        let whole = std::mem::take(&mut self.part);
        if kind != BlobKind::Crl {
            self.documents.insert(digest, whole);
            return;
        }
        for list in lists(whole) {
            if let Ok((_, read)) = CertificateRevocationList::from_der(&list) {
                let issuer = read.issuer().as_raw().to_vec();
                self.lists.insert(issuer, Rc::new(list));
            }
        }
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

/// The lists in a file, DER or PEM.
fn lists(bytes: Vec<u8>) -> Vec<Vec<u8>> {
    if bytes.first() == Some(&0x30) {
        return vec![bytes];
    }
    CertificateRevocationListDer::pem_slice_iter(&bytes).flatten().map(|l| l.to_vec()).collect()
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
        let tags = [tag::QUOTE_REQ_ID, tag::CL_ORD_ID, tag::QUOTE_RESP_ID];
        let mut names = tags.iter().filter_map(|t| fields.text(*t));
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
