//! The check of an export, by anybody: needs no keychain and no gateway.

use crate::{
    EXPORT_MAGIC,
    account::{Account, Fact, SentAt, Signer, Way, fact_of},
    certify::{Certified, holder},
    decode, decode_hash,
    read::signed_parts,
    record::{Chain, Record, RecordError, What},
    runs::Runs,
};
use rustls_pki_types::CertificateDer;
use signet_fix::signature::parts;
use signet_identity::{CertificateFacts, MessagePublicKey, PeerIdentity, Role, sha256};
use signet_tlog::{Checkpoint, Hash, leaf_hash, note::VerifierKey};
use std::fmt;

/// Most faults that are named.
const FAULTS_MAX: usize = 1_000;

/// Where a fault is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the file as a whole, or before the first record.
    File,
    /// In a line of the file, from 1.
    Line(u64),
    /// In a record of the history, from 0.
    Record(u64),
}

/// What is wrong. At fault: whoever changed the file, or signed what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Never changes between releases.
    pub code: &'static str,
    /// In words.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::File => write!(f, "the file: {}", self.why),
            Place::Line(n) => write!(f, "line {n}: {}", self.why),
            Place::Record(n) => write!(f, "record {n}: {}", self.why),
        }
    }
}

/// What an export turned out to be.
#[derive(Debug, Default)]
pub struct Verified {
    /// The desk, as the name of the key says.
    pub desk: String,
    /// The key that the checkpoint is signed with.
    pub key: Option<VerifierKey>,
    /// The desk's certificates that certified the key.
    pub certified: Vec<Certified>,
    /// Number of the first record.
    pub first: u64,
    /// Number of records, those before the first and those left out among them.
    pub size: u64,
    /// The signed root.
    pub root: Hash,
    /// The records that are here.
    pub records: Vec<Record>,
    /// Records that were left out of the file.
    pub left_out: u64,
    /// Records that the desk could not write down.
    pub lost: u64,
    /// Messages whose signature is good.
    pub messages: u64,
    /// How many records an earlier checkpoint is over from which this history goes on; `None`: none
    /// was given, or the history does not.
    pub vouched: Option<u64>,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
}

impl Verified {
    /// What is known of its end. Whoever has the laptop can cut it off, sign what is left and go on
    /// from there: then everything fits.
    pub fn end_in_words(&self) -> String {
        let unseen = "an end that was cut off";
        match self.vouched {
            Some(n) => format!(
                "The earlier checkpoint is over the first {n} of {} records; {unseen} after them \
                 would not be seen.",
                self.size
            ),
            None => format!("Without an earlier checkpoint {unseen} would not be seen."),
        }
    }
}

/// Checks an export.
pub fn verify(text: &str) -> Verified {
    verify_since(text, None)
}

/// Checks an export, and that it goes on where an earlier checkpoint (a signed note) of the same
/// history was: whoever has kept one finds a history that was written again.
pub fn verify_since(text: &str, earlier: Option<&str>) -> Verified {
    let size = |note: &str| note.lines().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0);
    let earlier = earlier.map(|note| (note.to_owned(), size(note)));
    let mut v = Verifier { earlier, ..Verifier::default() };
    for (i, line) in text.lines().enumerate() {
        v.number = i as u64 + 1;
        v.line(line);
    }
    v.finish()
}

/// The certificates of the connection that a message travelled on.
#[derive(Clone)]
struct Ends {
    own: Vec<u8>,
    peer: Vec<u8>,
    direct: bool,
}

#[derive(Default)]
struct Verifier {
    out: Verified,
    /// The line that is read.
    number: u64,
    checkpoint: Option<String>,
    chain: Option<Chain>,
    /// Leaf hash of the record before, as the file states it.
    last: Option<Hash>,
    /// The number that the next record has.
    next: u64,
    /// What was removed before the first record, as a record says it.
    removed: Vec<(u64, Option<Hash>)>,
    base: Option<(u64, Hash)>,
    ends: Option<Ends>,
    ended: bool,
    /// An earlier checkpoint, and the size that it says.
    earlier: Option<(String, u64)>,
    /// The root at that size.
    root_then: Option<Hash>,
}

impl Verifier {
    fn fault(&mut self, place: Place, code: &'static str, why: impl Into<String>) {
        if self.out.faults.len() < FAULTS_MAX {
            self.out.faults.push(Fault { place, code, why: why.into() });
        }
    }

    fn line(&mut self, line: &str) {
        let here = Place::Line(self.number);
        if self.number == 1 {
            if line != EXPORT_MAGIC {
                self.fault(here, "export.foreign", "this is not the export of a desk's history");
            }
            return;
        }
        let mut words = line.split(' ');
        let (kind, a, b, c) = (words.next(), words.next(), words.next(), words.next());
        if self.ended {
            return self.fault(here, "export.line", "it comes after the end");
        }
        match (kind, a, b, c) {
            (Some("key"), Some(key), None, None) if self.out.key.is_none() => {
                match key.parse::<VerifierKey>() {
                    Ok(key) => {
                        let name = key.name();
                        self.out.desk = name.strip_suffix("/history").unwrap_or(name).into();
                        self.out.key = Some(key);
                    }
                    Err(e) => self.fault(here, "export.key", e.to_string()),
                }
            }
            (Some("checkpoint"), Some(note), None, None) if self.checkpoint.is_none() => {
                self.checkpoint = decode(note).and_then(|n| String::from_utf8(n).ok());
            }
            (Some("base"), Some(base), None, None) if self.chain.is_none() => self.base(base),
            (Some("h"), Some(n), Some(hash), None) => self.left_out(n, hash),
            (Some("r"), Some(n), Some(hash), Some(record)) if words.next().is_none() => {
                self.record(n, hash, record);
            }
            // What they say is in the records as well.
            (Some("c" | "s" | "k"), ..) => {}
            (Some("end"), Some(n), None, None) => {
                self.ended = true;
                if n != self.next.to_string() {
                    let why = format!("the end of the file is after {n} records");
                    self.fault(Place::Record(self.next), "record.missing", why);
                }
            }
            _ => self.fault(here, "export.line", "it cannot be read"),
        }
    }

    fn base(&mut self, base: &str) {
        let Some(chain) = decode(base).and_then(|b| Chain::read(&b)) else {
            return self.fault(Place::Line(self.number), "export.base", "it cannot be read");
        };
        self.next = chain.size();
        self.out.first = self.next;
        self.base = Some((self.next, chain.root()));
        self.look_back(&chain);
        // The first record follows what the base says; whether that is so the root tells.
        self.last = decode(base).and_then(|b| b.first_chunk().copied());
        self.chain = Some(chain);
    }

    /// Takes the place that a line claims; `None`: it has none.
    fn place(&mut self, n: &str, hash: &str) -> Option<(u64, Hash)> {
        let (Ok(n), Some(hash)) = (n.parse::<u64>(), decode_hash(hash)) else {
            self.fault(Place::Line(self.number), "export.line", "it cannot be read");
            return None;
        };
        if n < self.next || self.chain.is_none() {
            let why = format!("it stands where record {} belongs", self.next);
            self.fault(Place::Record(n), "record.moved", why);
            return None;
        }
        if n > self.next {
            let last = n - 1;
            let why = match last == self.next {
                true => "it is missing".to_owned(),
                false => format!("this record and those up to {last} are missing"),
            };
            self.fault(Place::Record(self.next), "record.missing", why);
            self.last = None;
        }
        self.next = n.saturating_add(1);
        if let Some(mut chain) = self.chain.take() {
            chain.push_hash(hash);
            self.look_back(&chain);
            self.chain = Some(chain);
        }
        Some((n, hash))
    }

    /// Remembers the root at the size of the earlier checkpoint.
    fn look_back(&mut self, chain: &Chain) {
        if self.earlier.as_ref().is_some_and(|(_, size)| *size == chain.size()) {
            self.root_then = Some(chain.root());
        }
    }

    /// Whether the history goes on where the earlier checkpoint was.
    fn since(&mut self) {
        let Some((note, size)) = self.earlier.take() else { return };
        let opened = self.out.key.as_ref().map(|k| Checkpoint::open(note.as_bytes(), k));
        let why = match (opened, self.root_then) {
            (Some(Ok(c)), Some(root)) if c.root == root && c.size == size => {
                self.out.vouched = Some(size);
                return;
            }
            (Some(Ok(_)), Some(_)) => "the records up to there are others now",
            (Some(Ok(_)), None) => "the history is shorter now, or begins later",
            _ => "the key of this history did not sign it",
        };
        let why = format!("the earlier checkpoint over {size} records: {why}");
        self.fault(Place::File, "history.rewritten", why);
    }

    fn left_out(&mut self, n: &str, hash: &str) {
        if let Some((_, hash)) = self.place(n, hash) {
            self.last = Some(hash);
            self.out.left_out += 1;
        }
    }

    fn record(&mut self, n: &str, hash: &str, record: &str) {
        let Some((n, hash)) = self.place(n, hash) else { return };
        let before = self.last.replace(hash);
        let here = Place::Record(n);
        let Some(bytes) = decode(record) else {
            return self.fault(here, "record.changed", "it was changed");
        };
        if leaf_hash(&bytes) != hash {
            return self.fault(here, "record.changed", "it was changed: its hash is another");
        }
        match Record::read(&bytes) {
            Ok(r) if r.n != n => {
                let why = RecordError::Number(r.n).to_string();
                self.fault(here, "record.moved", why);
            }
            Ok(r) => {
                if before.is_some_and(|b| !r.follows(&b)) {
                    let why = format!("it is not the one that record {n} follows");
                    self.fault(Place::Record(n.saturating_sub(1)), "record.changed", why);
                }
                self.judge(&r);
                self.out.records.push(r);
            }
            Err(e) => self.fault(here, "record.unreadable", e.to_string()),
        }
    }

    /// What a record proves by itself.
    fn judge(&mut self, r: &Record) {
        let here = Place::Record(r.n);
        match &r.what {
            What::Started { desk, .. } if *desk != self.out.desk => {
                let why = format!("it is of the history of {desk}, and the key is not");
                self.fault(here, "record.foreign", why);
            }
            What::Key { statement, signature, chain } => {
                let key = self.out.key.clone();
                let found = key.and_then(|k| Certified::check(&k, statement, signature, chain));
                match found {
                    Some(c) if self.out.certified.contains(&c) => {}
                    Some(c) => self.out.certified.push(c),
                    None => {
                        let why = "the desk's key did not certify the key of this history";
                        self.fault(here, "key.uncertified", why);
                    }
                }
            }
            What::Up { own_certificate, peer_certificate, direct, .. } => {
                let (own, peer) = (decode(own_certificate), decode(peer_certificate));
                self.ends = own.zip(peer).map(|(own, peer)| Ends { own, peer, direct: *direct });
            }
            What::Sent { frame, .. } => {
                let must = self.ends.as_ref().is_some_and(|e| !e.direct);
                self.signature(here, frame, |e| &e.own, must);
            }
            What::Received { frame, signed: true, .. } => {
                self.signature(here, frame, |e| &e.peer, true);
            }
            What::Lost { records, .. } | What::QuotesLeftOut { records, .. } => {
                self.out.lost = self.out.lost.saturating_add(*records);
            }
            What::Removed { before, root, .. } => self.removed.push((*before, decode_hash(root))),
            _ => {}
        }
    }

    fn signature(&mut self, here: Place, frame: &str, of: fn(&Ends) -> &Vec<u8>, must: bool) {
        let why = match (self.ends.as_ref(), signed_parts(frame)) {
            (_, None) => "its message cannot be read",
            (None, _) => "no record before it tells of the connection that it travelled on",
            (Some(ends), Some(frame)) => match parts(&frame) {
                Ok(found) => {
                    let key =
                        MessagePublicKey::of_certificate(&CertificateDer::from(&of(ends)[..]));
                    if key.is_ok_and(|k| k.is_good(found.covered, &found.signature)) {
                        self.out.messages += 1;
                        return;
                    }
                    "the signature of its message does not fit the certificate of the connection"
                }
                Err(_) if !must => return,
                Err(_) => "its message is not signed",
            },
        };
        self.fault(here, "message.signature", why);
    }

    /// What can be said only of all records together.
    fn finish(mut self) -> Verified {
        if !self.ended {
            self.fault(
                Place::Record(self.next),
                "record.missing",
                "the end of the file is missing",
            );
        }
        let chain = self.chain.take().unwrap_or_default();
        self.out.size = self.next;
        self.removal();
        self.since();
        let opened = match (&self.checkpoint, &self.out.key) {
            (Some(note), Some(key)) => {
                Checkpoint::open(note.as_bytes(), key).map_err(|e| e.to_string())
            }
            (None, _) => Err("there is no checkpoint that can be read".into()),
            (_, None) => Err("there is no key".into()),
        };
        match opened {
            Err(why) => self.fault(Place::File, "checkpoint.unusable", why),
            Ok(c) => {
                self.out.root = c.root;
                self.against(&c, &chain);
            }
        }
        if self.out.certified.is_empty() {
            let why = "no record shows that the desk's key certified the key of this history";
            self.fault(Place::File, "key.uncertified", why);
        }
        self.out
    }

    fn against(&mut self, c: &Checkpoint, chain: &Chain) {
        if c.size > self.next {
            let why = format!("the end was cut off: the checkpoint is over {} records", c.size);
            return self.fault(Place::Record(self.next), "record.missing", why);
        }
        if c.size < self.next {
            return self.fault(Place::Record(c.size), "record.added", "no checkpoint covers it");
        }
        if chain.size() == c.size && chain.root() == c.root {
            return;
        }
        // Every link fits, so only the last record can be another one, or what is before the first.
        let last = self.out.faults.is_empty() && self.out.left_out == 0 && self.out.first == 0;
        let place = if last { Place::Record(self.next.saturating_sub(1)) } else { Place::File };
        self.fault(place, "checkpoint.root", "the signed root is another: records were changed");
    }

    /// Records before the first are missing rightly only if a record tells of their removal.
    fn removal(&mut self) {
        let Some((first, root)) = self.base.filter(|(first, _)| *first > 0) else { return };
        let told = self.removed.iter().any(|(before, over)| match before.cmp(&first) {
            std::cmp::Ordering::Equal => *over == Some(root),
            order => order.is_gt(),
        });
        if !told {
            let why =
                format!("the {first} records before the first are missing, and nothing says why");
            self.fault(Place::File, "record.missing", why);
        }
    }
}

/// What the desk says of its RFQs.
pub fn account_of(v: &Verified) -> Account {
    let mut account = Account::of_desk(&v.desk, v.left_out > 0);
    let mut ends: (Option<Signer>, Option<Signer>) = (None, None);
    let mut restoring = false;
    // What a part begins with may be the middle of a run.
    let mut runs = Runs::default();
    // While it is not measured, the venue's clock is as far from the laptop's as it was last.
    let mut offset_ms = v.records.iter().find_map(|r| r.offset_ms);
    for r in &v.records {
        offset_ms = r.offset_ms.or(offset_ms);
        let at_ms = r.at_ms.saturating_add(offset_ms.unwrap_or(0));
        runs.take(r, at_ms, v.left_out == 0, &mut account);
        let (way, frame, signed) = match &r.what {
            What::Up { own_certificate, peer_certificate, again, .. } => {
                ends = (signer(own_certificate), signer(peer_certificate));
                if !again {
                    account.up(at_ms);
                    restoring = true;
                }
                continue;
            }
            What::Down | What::Stopped | What::Started { .. } => {
                account.down(at_ms);
                continue;
            }
            What::Lost { records, from_ms, to_ms }
            | What::QuotesLeftOut { records, from_ms, to_ms } => {
                let venue = |ms: &i64| ms.saturating_add(offset_ms.unwrap_or(0));
                let quotes = matches!(r.what, What::QuotesLeftOut { .. });
                account.loses((venue(from_ms), venue(to_ms)), *records, quotes);
                continue;
            }
            What::Sent { frame, .. } => (Way::FromDesk, frame, true),
            What::Received { frame, signed, .. } => (Way::ToDesk, frame, *signed),
            _ => continue,
        };
        let Some(frame) = signed_parts(frame) else { continue };
        if matches!(way, Way::FromDesk) {
            runs.sent = Some(SentAt::of(at_ms, &frame));
        }
        if crate::account::ends_snapshot(&frame) {
            restoring = false;
        }
        let Some((rfq, said)) = fact_of(way, &v.desk, &frame) else { continue };
        let (own, peer) = ends.clone();
        let signer = if matches!(way, Way::FromDesk) { own } else { peer.filter(|_| signed) };
        let place = format!("record {}", r.n);
        let restored = restoring && matches!(way, Way::ToDesk);
        let dealer = None;
        account.facts.push(Fact { rfq, at_ms, said, signer, dealer, place, restored, frame });
    }
    account
}

/// Who a certificate, in base64, is issued to.
fn signer(certificate: &str) -> Option<Signer> {
    Signer::of(&decode(certificate)?)
}

impl Signer {
    /// From a DER certificate. It is not checked who issued it.
    pub fn of(der: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::from(der);
        let facts = CertificateFacts::from_certificate(&certificate).ok()?;
        let peer = PeerIdentity::from_certificate(&certificate).ok();
        let gateway = peer.as_ref().is_some_and(|p| p.role == Role::Gateway);
        let who = peer.as_ref().map_or(facts.subject, holder);
        Some(Self { who, gateway, certificate: crate::hex(&sha256(der)), serial: facts.serial })
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
