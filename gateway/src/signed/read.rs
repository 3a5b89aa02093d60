//! Evidence for people and other programs: what was signed, by whom, and whether it still proves
//! that.
//!
//! What is judged: the signature over the frame as it travelled, with the key in the certificate
//! beside it; that the certificate is the sender's (its CompID); and that the frame names the same
//! sender. Not judged: whether an authority issued the certificate, which a gateway checked when
//! the sender connected, and an auditor checks with the authority's own certificate.

use super::{
    log::{Party, SignedLogError, files},
    record::{Digest, Record, State, sha256},
    record_time::{MicrosInMilli, RecordTime},
};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use signet_fix::{framer::MAX_FRAME_LEN, signature::parts, tag, tagvalue::Fields};
use signet_identity::{CompId, MessagePublicKey, PeerIdentity, Role};
use signet_journal::{SealedLog, StoreKey};
use signet_rfq::UtcMillis;
use signet_router::journal::{NamesRead, shown};
use std::{
    collections::HashMap,
    io::{BufRead, Read as _},
    path::Path,
};

/// Longest line of an export, bytes.
const MAX_LINE_BYTES: u64 = 4 * MAX_FRAME_LEN as u64;

/// One signed message as it is exported, a JSON object on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedLine {
    /// Of this form: 1.
    pub v: u32,
    /// Place in the log, from 1.
    pub seq: u64,
    /// When the gateway had it, milliseconds since 1970.
    pub at_ms: i64,
    /// Microseconds since that millisecond began, 0 to 999. Left out where they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub us_in_ms: Option<MicrosInMilli>,
    /// `desk` or `dealer`.
    pub party: String,
    /// CompID of the sender.
    pub id: String,
    /// Of the certificate, lower-case hexadecimal.
    pub serial: String,
    /// DER, base64.
    pub certificate: String,
    /// The whole message as it travelled, base64.
    pub frame: String,
    /// The same for people: SOH as U+2401, what is not UTF-8 replaced.
    pub text: String,
    /// So many bytes of the frame, from its first, are what the signature is over.
    pub covered_bytes: usize,
    /// The signature as ASN.1 DER, base64: the form in which OpenSSL wants it.
    pub signature_der: String,
    /// `good`, or what is wrong.
    pub verified: String,
}

/// Which messages are wanted; `None` for any.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub from: Option<UtcMillis>,
    pub to: Option<UtcMillis>,
    /// CompID of the sender.
    pub sender: Option<String>,
    /// The desk's id of an RFQ (131); its accepts are included.
    pub rfq: Option<String>,
    /// MsgType (35).
    pub msg_type: Option<String>,
}

impl Wanted {
    fn takes(&self, at: UtcMillis, id: &str, frame: &[u8], names: &NamesRead) -> bool {
        let after = self.from.is_none_or(|t| at >= t);
        let before = self.to.is_none_or(|t| at < t);
        after
            && before
            && self.sender.as_ref().is_none_or(|s| s == id)
            && self.msg_type.as_ref().is_none_or(|t| is_of_type(frame, t))
            && self.rfq.as_ref().is_none_or(|r| is_about(frame, r, names))
    }

    /// Learns what dealers call the RFQ and its accepts.
    fn learn(&self, record: &[u8], names: &mut NamesRead) {
        let Some(rfq) = &self.rfq else { return };
        if let Some(s) = shown(record) {
            names.take(&s, |_, id| is_within(id, rfq));
        }
    }
}

/// MsgType is the third field of every message.
fn is_of_type(frame: &[u8], msg_type: &str) -> bool {
    let third = frame.split(|b| *b == 1).nth(2);
    third.and_then(|f| f.strip_prefix(b"35=")) == Some(msg_type.as_bytes())
}

/// 131 of requests and quotes, 11 or 693 of accepts and reports. Dealers have names for them, or
/// know them as `<desk>.<id>`.
fn is_about(frame: &[u8], rfq: &str, names: &NamesRead) -> bool {
    let Ok(fields) = Fields::parse(frame) else { return false };
    let of_gateway = |id: &str| id.split_once('.').is_some_and(|(_, id)| is_within(id, rfq));
    let same = |id: &str| is_within(id, rfq) || of_gateway(id) || names.desk_and_id(id).is_some();
    [tag::QUOTE_REQ_ID, tag::CL_ORD_ID, tag::QUOTE_RESP_ID]
        .iter()
        .any(|t| fields.text(*t).is_some_and(same))
}

/// Accepts of an RFQ are `<rfq>:<n>`.
fn is_within(id: &str, rfq: &str) -> bool {
    id.strip_prefix(rfq).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Reads the whole log, oldest first, checks that it is whole, and hands over what is wanted. The
/// gateway may be running.
pub fn each<E: From<SignedLogError>>(
    folder: &Path,
    key: &StoreKey,
    wanted: &Wanted,
    mut with: impl FnMut(&SignedLine) -> Result<(), E>,
) -> Result<Totals, E> {
    let mut totals = Totals::default();
    let mut state: Option<State> = None;
    let mut names = NamesRead::default();
    for (number, path) in files(folder)? {
        let recovered = SealedLog::read(&path, key).map_err(SignedLogError::from)?;
        let mut certificates: HashMap<Digest, Vec<u8>> = HashMap::new();
        for (n, r) in recovered.records.iter().enumerate() {
            match (n, Record::read(r).ok_or_else(|| SignedLogError::UnknownRecord(path.clone()))?) {
                (0, Record::Head(head)) => {
                    let expected = state.or_else(|| (number == 1).then(State::default));
                    if expected.is_some_and(|e| !head.follows(&e)) {
                        return Err(SignedLogError::OutOfChain(path).into());
                    }
                    state = Some(*head);
                }
                (0, _) | (_, Record::Head(_)) => {
                    return Err(SignedLogError::OutOfChain(path).into());
                }
                (_, Record::Journal(record)) => wanted.learn(record, &mut names),
                (_, Record::Certificate(der)) => {
                    drop(certificates.insert(sha256(der), der.to_vec()))
                }
                (_, Record::Frame { at, party, certificate, id, frame }) => {
                    totals.records += 1;
                    if wanted.takes(at, id, frame, &names) {
                        let der = certificates
                            .get(&certificate)
                            .ok_or_else(|| SignedLogError::UnknownRecord(path.clone()))?;
                        let time = RecordTime { at, us: Record::micros(r) };
                        let line = line(totals.records, time, party, id, der, frame);
                        totals.shown += 1;
                        totals.bad += u64::from(line.verified != GOOD);
                        with(&line)?;
                    }
                }
                _ => {}
            }
            if let Some(state) = &mut state {
                state.take(r);
            }
        }
    }
    totals.head = state.map(|s| s.chain).unwrap_or_default();
    Ok(totals)
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Messages in the log.
    pub records: u64,
    /// Of them, those that were wanted.
    pub shown: u64,
    /// Of them, those that do not prove what they should.
    pub bad: u64,
    /// Digest over every record: kept elsewhere, it shows later whether something was cut off the
    /// end.
    pub head: Digest,
}

pub const GOOD: &str = "good";

fn line(
    seq: u64,
    time: RecordTime,
    party: Party,
    id: &str,
    der: &[u8],
    frame: &[u8],
) -> SignedLine {
    let found = parts(frame).ok();
    SignedLine {
        v: 1,
        seq,
        at_ms: time.at.0,
        us_in_ms: time.us,
        party: party.word().into(),
        id: id.into(),
        serial: PeerIdentity::from_certificate(&CertificateDer::from(der))
            .map(|p| p.serial)
            .unwrap_or_default(),
        certificate: BASE64.encode(der),
        frame: BASE64.encode(frame),
        text: text(frame),
        covered_bytes: found.map_or(0, |p| p.covered.len()),
        signature_der: found.map(|p| BASE64.encode(der_of(&p.signature))).unwrap_or_default(),
        verified: judge(party, id, der, frame).map_or_else(str::to_owned, |()| GOOD.into()),
    }
}

fn text(frame: &[u8]) -> String {
    String::from_utf8_lossy(frame).replace('\u{1}', "\u{2401}")
}

/// What is wrong with one message, in words.
pub(crate) fn judge(party: Party, id: &str, der: &[u8], frame: &[u8]) -> Result<(), &'static str> {
    let certificate = CertificateDer::from(der);
    let peer = PeerIdentity::from_certificate(&certificate)
        .map_err(|_| "the certificate states no Signet identity")?;
    let role = if party == Party::Desk { Role::Desk } else { Role::Dealer };
    if peer.role != role || id.parse::<CompId>().ok().as_ref() != Some(&peer.comp_id) {
        return Err("the certificate is somebody else's");
    }
    let key = MessagePublicKey::of_certificate(&certificate)
        .map_err(|_| "the certificate's key is not on P-256")?;
    let found = parts(frame).map_err(|_| "the message carries no signature that can be read")?;
    if !key.is_good(found.covered, &found.signature) {
        return Err("the signature does not fit the message and the certificate's key");
    }
    let fields = Fields::parse(frame).map_err(|_| "the message cannot be read")?;
    if fields.text(tag::SENDER_COMP_ID) != Some(id) {
        return Err("the message names another sender");
    }
    Ok(())
}

/// A signature in the form that OpenSSL reads.
pub(crate) fn signature_der(signature: &[u8; 64]) -> Vec<u8> {
    der_of(signature)
}

/// `SEQUENCE { INTEGER r, INTEGER s }`.
fn der_of(signature: &[u8; 64]) -> Vec<u8> {
    let integer = |scalar: &[u8]| {
        let digits = &scalar[scalar.iter().position(|b| *b != 0).unwrap_or(scalar.len() - 1)..];
        let sign: &[u8] = if digits[0] & 0x80 != 0 { &[0] } else { &[] };
        // At most 33 bytes, so the short form of the length does.
        [&[0x02, (digits.len() + sign.len()) as u8], sign, digits].concat()
    };
    let body = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [&[0x30, body.len() as u8], &body[..]].concat()
}

/// What is wrong with an export. At fault: whoever changed the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ExportError {
    pub line: u64,
    pub why: String,
}

/// An export whose every line is good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    pub messages: u64,
    /// `seq` of the last one: a shorter file than was exported ends with a smaller one.
    pub last: u64,
    /// Messages of the log that are not in the file, between 1 and `last`.
    pub missing: u64,
    /// The first of them.
    pub first_missing: Option<u64>,
}

/// Judges every line of an export from its certificate and frame alone, and that they are in the
/// log's order. Needs no gateway and no key. A line that was taken out shows as missing; so does
/// one that was not asked for when the export was made.
pub fn verify_export(mut lines: impl BufRead) -> Result<Verified, ExportError> {
    let (mut count, mut last, mut first_missing) = (0, 0, None);
    loop {
        let wrong = |why: String| ExportError { line: count + 1, why };
        let mut text = String::new();
        let n = lines
            .by_ref()
            .take(MAX_LINE_BYTES)
            .read_line(&mut text)
            .map_err(|e| wrong(e.to_string()))?;
        if n == 0 {
            return Ok(Verified { messages: count, last, missing: last - count, first_missing });
        }
        if !text.ends_with('\n') && n as u64 == MAX_LINE_BYTES {
            return Err(wrong("longer than a line of an export can be".into()));
        }
        let seq = verify_line(&text).map_err(wrong)?;
        if seq <= last {
            return Err(wrong(format!(
                "message {seq} after message {last}: an export is in the order of the log"
            )));
        }
        if seq - last > 1 && first_missing.is_none() {
            first_missing = Some(last + 1);
        }
        (count, last) = (count + 1, seq);
    }
}

/// `seq` of a line that is good.
fn verify_line(json: &str) -> Result<u64, String> {
    let l: SignedLine = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let party = match l.party.as_str() {
        "desk" => Party::Desk,
        "dealer" => Party::Dealer,
        _ => return Err("neither a desk's nor a dealer's".into()),
    };
    let bytes = |name, text: &str| BASE64.decode(text).map_err(|_| format!("{name} is not base64"));
    let (der, frame) = (bytes("certificate", &l.certificate)?, bytes("frame", &l.frame)?);
    judge(party, &l.id, &der, &frame)?;
    // Everything else on the line must follow from these: a text that says something else would
    // mislead whoever reads it.
    let time = RecordTime { at: UtcMillis(l.at_ms), us: l.us_in_ms };
    if line(l.seq, time, party, &l.id, &der, &frame) == l {
        Ok(l.seq)
    } else {
        Err("the line says other things than its frame".into())
    }
}
