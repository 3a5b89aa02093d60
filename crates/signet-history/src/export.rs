//! The text form that leaves the laptop. One line each:
//!
//! ```text
//! signet-desk-history 1
//! key <public key of the checkpoint, as programs for signed notes read it>
//! checkpoint <base64 of the signed note>
//! base <base64 of the chain before the first line below>
//! h <number> <leaf hash>             a record that was left out
//! r <number> <leaf hash> <record>    a record, base64
//! c <number> <own> <peer>            the certificates that record <number> tells of
//! s <number> <own|peer> <covered> <signature>
//!                                    how to verify the message of record <number>: with which
//!                                    certificate, over so many bytes; the signature in DER
//! k <number> <signature>             how to verify the certification of record <number>, DER
//! end <records>
//! ```
//!
//! Lines `c`, `s` and `k` are for other programs and no part of what is signed: `verify.sh` and
//! [`verify`](crate::verify) take what they say from the records.

use crate::{
    EXPORT_MAGIC, decode, encode,
    read::{is_about, signature_der, signed_parts},
    record::{Chain, Record, What},
};
use signet_fix::signature::parts;
use signet_tlog::{leaf_hash, note::VerifierKey};
use std::fmt::Write as _;

/// Which records are wanted whole; `None` for any. Of the others the hash goes along.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// From this time on, milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Before this time.
    pub to_ms: Option<i64>,
    /// What is about this RFQ, with its accepts.
    pub rfq: Option<String>,
}

impl Selection {
    /// Connections, keys and gaps always go along: without them the rest proves little.
    fn takes(&self, r: &Record) -> bool {
        let in_time =
            self.from_ms.is_none_or(|t| r.at_ms >= t) && self.to_ms.is_none_or(|t| r.at_ms < t);
        let about = |rfq: &str| match &r.what {
            What::Sent { frame, .. }
            | What::Received { frame, .. }
            | What::Refused { frame, .. } => is_about(frame, rfq),
            What::NotSent { id, .. } => id == rfq || id.starts_with(&format!("{rfq}:")),
            What::Shown { rfq: of, .. }
            | What::Note { rfq: of, .. }
            | What::Reason { rfq: of, .. } => of == rfq,
            _ => true,
        };
        let context = !matches!(
            r.what,
            What::Sent { .. }
                | What::Received { .. }
                | What::Refused { .. }
                | What::NotSent { .. }
                | What::Shown { .. }
                | What::Note { .. }
                | What::Reason { .. }
        );
        context || (in_time && self.rfq.as_deref().is_none_or(about))
    }
}

/// What an export is made from.
#[derive(Debug)]
pub struct Source<'a> {
    /// The key of the checkpoint.
    pub key: &'a VerifierKey,
    /// A checkpoint over exactly these records, signed.
    pub checkpoint: &'a str,
    /// What was before the first record.
    pub base: Chain,
    /// Every record from there on.
    pub records: &'a [Vec<u8>],
}

/// Writes an export. `Err`: the number of a record that does not belong where it is.
///
/// # Errors
/// The history is not whole.
pub fn export(s: &Source<'_>, wanted: &Selection) -> Result<String, u64> {
    let mut out = Exporter::begin(s.key, s.checkpoint, s.base.clone());
    for bytes in s.records {
        out.record(bytes, wanted)?;
    }
    Ok(out.end())
}

/// An export that is written record by record, so that the history need not be in memory.
#[derive(Debug)]
pub struct Exporter {
    out: String,
    chain: Chain,
}

impl Exporter {
    /// Begins one with `key`, which `checkpoint` is signed with, and what was before the first
    /// record. The checkpoint must be over exactly the records that follow.
    pub fn begin(key: &VerifierKey, checkpoint: &str, base: Chain) -> Self {
        let out = format!(
            "{EXPORT_MAGIC}\nkey {key}\ncheckpoint {}\nbase {}\n",
            encode(checkpoint),
            encode(base.to_bytes())
        );
        Self { out, chain: base }
    }

    /// Adds the next record, whole or its hash. `Err`: the number of the place where it does not
    /// belong.
    ///
    /// # Errors
    /// The history is not whole.
    pub fn record(&mut self, bytes: &[u8], wanted: &Selection) -> Result<(), u64> {
        let n = self.chain.size();
        let record = self.chain.check(bytes).map_err(|_| n)?;
        let hash = leaf_hash(bytes);
        let takes = wanted.takes(&record);
        // Writing to a string does not fail.
        let _ = match takes {
            true => writeln!(self.out, "r {n} {} {}", encode(hash), encode(bytes)),
            false => writeln!(self.out, "h {n} {}", encode(hash)),
        };
        if takes {
            aids(&mut self.out, n, &record);
        }
        self.chain.push_hash(hash);
        Ok(())
    }

    /// Bytes so far.
    pub fn bytes(&self) -> usize {
        self.out.len()
    }

    /// The whole text.
    pub fn end(mut self) -> String {
        let _ = writeln!(self.out, "end {}", self.chain.size());
        self.out
    }
}

/// Lines that say nothing new, in the form in which OpenSSL wants it.
fn aids(out: &mut String, n: u64, record: &Record) {
    match &record.what {
        What::Up { own_certificate, peer_certificate, .. } => {
            let _ = writeln!(out, "c {n} {own_certificate} {peer_certificate}");
        }
        What::Sent { frame, .. } | What::Received { frame, signed: true, .. } => {
            let Some(frame) = signed_parts(frame) else { return };
            let Ok(found) = parts(&frame) else { return };
            let der = encode(signature_der(&found.signature));
            let way = if matches!(record.what, What::Sent { .. }) { "own" } else { "peer" };
            let _ = writeln!(out, "s {n} {way} {} {der}", found.covered.len());
        }
        What::Key { signature, .. } => {
            let fixed = decode(signature).and_then(|s| <[u8; 64]>::try_from(s).ok());
            if let Some(fixed) = fixed {
                let _ = writeln!(out, "k {n} {}", encode(signature_der(&fixed)));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Moment;

    #[test]
    fn a_reason_goes_along_with_its_rfq_and_in_its_time() {
        let what =
            What::Reason { rfq: "R1".into(), accept: "R1:1".into(), text: "their size".into() };
        let m = Moment { at_ms: 50, ..Moment::default() };
        let record = Record::read(&Chain::default().next(m, what)).unwrap();
        let of = |rfq: Option<&str>, from_ms| Selection {
            rfq: rfq.map(Into::into),
            from_ms,
            ..Selection::default()
        };
        for (wanted, taken) in [
            (of(None, None), true),
            (of(Some("R1"), Some(50)), true),
            (of(Some("R1"), Some(51)), false),
            (of(Some("R11"), None), false),
        ] {
            assert_eq!(wanted.takes(&record), taken, "{wanted:?}");
        }
    }
}
