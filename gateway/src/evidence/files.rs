//! The files of a bundle.

use super::{
    BundleError, Bundled,
    collect::{Found, Kind, Picked, SignedMessage},
};
use crate::signed::{
    BlobKind, Digest, Party, Record, RecordTime, is_authority, read::signature_der,
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::json;
use signet_fix::{signature::parts, tagvalue::format_utc};
use signet_registry::{EvidenceRow, hex, hex_sha256};
use signet_rfq::UtcMillis;
use signet_router::journal::shown;
use signet_stepup::evidence::Evidence;
use signet_tlog::{Checkpoint, note::SignerKey};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

const VERIFY_SH: &str = include_str!("verify.sh");
const VERIFY_JS: &str = include_str!("verify.js");
const VERIFY_HTML: &str = include_str!("verify.html");
/// SubjectPublicKeyInfo of an Ed25519 key up to the key (RFC 8410 §4).
const ED25519_SPKI: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// By name, with slashes.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a bundle is made from.
pub(super) struct Sources<'a> {
    pub(super) rfq: &'a str,
    pub(super) gateway: &'a str,
    /// PEM.
    pub(super) desk_roots: &'a [u8],
    /// PEM.
    pub(super) dealer_roots: &'a [u8],
    pub(super) signer: &'a SignerKey,
    pub(super) note: &'a [u8],
    pub(super) checkpoint: &'a Checkpoint,
    pub(super) found: &'a Found,
    pub(super) approvals: &'a [(EvidenceRow, Evidence)],
    pub(super) made: UtcMillis,
}

/// A bundle as it grows.
struct Growing<'a> {
    s: &'a Sources<'a>,
    files: Files,
    /// What the verifiers go by: a line for each thing to check.
    index: String,
    /// For people: what happened, in order.
    story: String,
    messages: usize,
}

/// Makes every file, the signed manifest last.
pub(super) fn make(s: &Sources<'_>) -> Result<(Files, Bundled), BundleError> {
    let size = s.checkpoint.size;
    let last = s.found.picked.last().map_or(0, |p| p.leaf);
    if s.found.size < size || last >= size {
        return Err(BundleError::NotCovered(size, last));
    }
    if !s.found.leads_to(s.checkpoint) {
        return Err(BundleError::Rewritten);
    }
    let index = format!("rfq\t{}\t{}\n", s.rfq, s.found.desk);
    let mut g = Growing { s, files: Files::new(), index, story: String::new(), messages: 0 };
    for p in &s.found.picked {
        let proof = s.found.tree.inclusion(p.leaf, size).ok_or(BundleError::Rewritten)?;
        let name = g.record(p, &proof);
        match &p.kind {
            Kind::Message(m) => g.message(p, m, &name)?,
            Kind::Journal => g.journal(p),
            Kind::Decision(documents) => g.decision(p, documents, &name),
        }
    }
    g.issuers();
    s.approvals.iter().for_each(|(row, e)| g.touch(row, e));
    let bundled = Bundled {
        rfq: s.rfq.to_owned(),
        desk: s.found.desk.clone(),
        records: s.found.picked.len(),
        messages: g.messages,
        touches: s.approvals.len(),
    };
    Ok((g.finish(), bundled))
}

impl Growing<'_> {
    fn put(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(name.into(), bytes.into());
    }

    fn line(&mut self, fields: &[&str]) {
        self.index.push_str(&fields.join("\t"));
        self.index.push('\n');
    }

    /// A record and what proves its place.
    fn record(&mut self, p: &Picked, proof: &[signet_tlog::Hash]) -> String {
        let (record, path) =
            (format!("records/{:012}.record", p.leaf), format!("records/{:012}.proof", p.leaf));
        let lines: String = proof.iter().map(|h| format!("{}\n", BASE64.encode(h))).collect();
        self.put(&record, &p.bytes[..]);
        self.put(&path, lines);
        self.line(&["leaf", &p.leaf.to_string(), &record, &path]);
        record
    }

    fn message(&mut self, p: &Picked, m: &SignedMessage, name: &str) -> Result<(), BundleError> {
        let Some(Record::Frame { at, party, id, frame, .. }) = Record::read(&p.bytes) else {
            return Ok(());
        };
        let _ = writeln!(
            self.story,
            "{:<24} {:>12} {} {id} signed {}",
            RecordTime { at, us: Record::micros(&p.bytes) },
            p.leaf,
            party.word(),
            for_people(frame)
        );
        let (Ok(found), Some(der)) = (parts(frame), self.s.found.certificates.get(&m.certificate))
        else {
            return Ok(());
        };
        let certificate = format!("certificates/{}.pem", hex(&m.certificate));
        let signature = format!("records/{:012}.signature", p.leaf);
        let roots = if party == Party::Desk { "roots/desks.pem" } else { "roots/dealers.pem" };
        let list = match &m.list {
            Some(list) => {
                let name = format!("lists/{}.pem", hex_sha256(list));
                self.put(&name, pem("X509 CRL", list));
                name
            }
            None => "-".into(),
        };
        self.put(&certificate, pem("CERTIFICATE", der));
        self.put(&signature, signature_der(&found.signature));
        let covered = found.covered.len().to_string();
        self.line(&["message", name, &covered, &signature, &certificate, roots, &list]);
        self.messages += 1;
        Ok(())
    }

    fn journal(&mut self, p: &Picked) {
        let Some(Record::Journal(record)) = Record::read(&p.bytes) else { return };
        if let Some(s) = shown(record) {
            let _ = writeln!(
                self.story,
                "{:<24} {:>12} journal: {} {} {}{}",
                RecordTime { at: s.at, us: Record::micros(&p.bytes) },
                p.leaf,
                s.what.word(),
                s.id,
                for_people(&s.message),
                s.name.map(|name| format!(" (dealers call it {name})")).unwrap_or_default()
            );
        }
    }

    fn decision(&mut self, p: &Picked, documents: &[(BlobKind, Digest)], name: &str) {
        if let Some(Record::Decision(json)) = Record::read(&p.bytes) {
            let at = serde_json::from_str::<serde_json::Value>(json)
                .ok()
                .and_then(|j| j.get("at_ms")?.as_i64())
                .unwrap_or_default();
            let time = RecordTime { at: UtcMillis(at), us: Record::micros(&p.bytes) };
            let _ = writeln!(self.story, "{time:<24} {:>12} decision: {json}", p.leaf);
        }
        for (kind, digest) in documents {
            let Some(text) = self.s.found.documents.get(digest) else { continue };
            let ending = if *kind == BlobKind::Policies { "cedar" } else { "toml" };
            let (sha, text) = (hex(digest), text.clone());
            let file = format!("policies/{sha}.{ending}");
            self.put(&file, text);
            self.line(&["policy", name, &file, &sha]);
        }
    }

    /// The certificates that those of the messages were issued by.
    fn issuers(&mut self) {
        let leaves: BTreeSet<&Digest> = self
            .s
            .found
            .picked
            .iter()
            .filter_map(|p| match &p.kind {
                Kind::Message(m) => Some(&m.certificate),
                _ => None,
            })
            .collect();
        let mut others: Vec<_> = self
            .s
            .found
            .certificates
            .iter()
            .filter(|(d, der)| !leaves.contains(d) && is_authority(der))
            .collect();
        others.sort();
        let text: String = others.iter().map(|(_, der)| pem("CERTIFICATE", der)).collect();
        if !text.is_empty() {
            self.put("certificates/issuers.pem", text);
        }
    }

    fn touch(&mut self, row: &EvidenceRow, e: &Evidence) {
        let folder = format!("touches/{:06}", row.seq);
        self.put(format!("{folder}/record.json"), row.record.as_bytes());
        self.put(format!("{folder}/approval.txt"), e.approval.as_bytes());
        let _ = writeln!(
            self.story,
            "{:<24} {:>12} touch {} by {}: {}",
            format_utc(row.at),
            "",
            row.seq,
            row.user,
            e.approval.trim_end().replace('\n', " | ")
        );
        let Some(s) = e.signed_parts() else { return };
        let digest = if s.key.starts_with(ED25519_SPKI) { "" } else { "sha256" };
        self.put(format!("{folder}/key.pem"), pem("PUBLIC KEY", &s.key));
        self.put(format!("{folder}/signed"), s.message);
        self.put(format!("{folder}/signature"), s.signature);
        self.put(format!("{folder}/client.json"), s.client_data);
        self.line(&["touch", &folder, digest]);
    }

    /// Everything that is the same for all records, and the signed manifest.
    fn finish(mut self) -> Files {
        let s = self.s;
        let verifier = s.signer.verifier();
        let key = [ED25519_SPKI, verifier.key()].concat();
        let (index, story) = (std::mem::take(&mut self.index), std::mem::take(&mut self.story));
        self.put("index.txt", index);
        self.put("story.txt", story);
        self.put("checkpoint.txt", s.note);
        self.put("key.pem", pem("PUBLIC KEY", &key));
        self.put("key.vkey", format!("{verifier}\n"));
        self.put("roots/desks.pem", s.desk_roots);
        self.put("roots/dealers.pem", s.dealer_roots);
        self.put("verify.sh", VERIFY_SH);
        self.put("verify.html", VERIFY_HTML.replace("/*VERIFY*/", VERIFY_JS));
        let files: BTreeMap<&String, String> =
            self.files.iter().map(|(name, bytes)| (name, hex_sha256(bytes))).collect();
        let manifest = json!({
            "v": 1, "rfq": s.rfq, "desk": s.found.desk, "gateway": s.gateway,
            "log": verifier.name(), "size": s.checkpoint.size,
            "made": format_utc(s.made), "files": files,
        });
        let text = format!("{manifest:#}\n");
        self.put("manifest.sig", s.signer.sign_bytes(text.as_bytes()));
        self.put("manifest.json", text);
        self.files
    }
}

/// SOH as `|`.
fn for_people(frame: &[u8]) -> String {
    signet_events::one_line(&String::from_utf8_lossy(frame).replace('\u{1}', "|"))
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let mut out = format!("-----BEGIN {label}-----\n");
    for line in text.as_bytes().chunks(64) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push('\n');
    }
    let _ = writeln!(out, "-----END {label}-----");
    out
}
