//! Signatures that another thread judges while the session's thread does something else.
//!
//! This crate starts no thread. Who has some offers them as a [`SignatureChecker`], by way of
//! [`MessageVerifier::checker`](crate::signature::MessageVerifier::checker), and the pump then asks
//! for the verdict on a message before its turn comes. An answer holds the very bytes that it is
//! about and counts for these only; without one the session's thread judges, so nothing is believed
//! that nobody verified.

#[cfg(feature = "engine")]
mod upcoming;

#[cfg(feature = "engine")]
pub(crate) use upcoming::Upcoming;

use crate::{
    signature::{Parts, SIGNATURE_LEN, is_application, parts_of},
    tag,
    tagvalue::cut,
};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A signature and a copy of what it covers.
pub struct Check {
    covered: Box<[u8]>,
    signature: [u8; SIGNATURE_LEN],
}

/// What was found about a signature.
pub struct Judged {
    check: Check,
    good: bool,
    took: Duration,
}

/// Brings the answer. One whose sender is gone leaves the verdict to the session's thread.
pub type Checking = oneshot::Receiver<Judged>;

/// Threads that judge signatures of one peer, as its
/// [`MessageVerifier`](crate::signature::MessageVerifier) would.
pub trait SignatureChecker {
    /// Asks for a verdict, and returns at once. `None`: there is no room for it now, or there are
    /// no threads left; the caller judges by itself.
    fn begin(&self, check: Check) -> Option<Checking>;
}

impl Check {
    /// Of a whole frame. `None`: a session asks for no verdict on it, as it belongs to the session
    /// layer or carries no signature in its place.
    pub fn of(frame: &[u8]) -> Option<Self> {
        let mut fields = Vec::with_capacity(48);
        cut(frame, &mut fields).ok()?;
        let kind = fields.get(2).filter(|f| f.tag == tag::MSG_TYPE)?;
        if !is_application(kind.value(frame)) {
            return None;
        }
        let Parts { covered, signature } = parts_of(frame, &fields).ok()??;
        Some(Self { covered: covered.into(), signature })
    }

    /// Asks `is_good` for the verdict on the covered bytes and the signature.
    pub fn judge(self, is_good: impl FnOnce(&[u8], &[u8; SIGNATURE_LEN]) -> bool) -> Judged {
        let began = Instant::now();
        let good = is_good(&self.covered, &self.signature);
        Judged { check: self, good, took: began.elapsed() }
    }
}

impl Judged {
    /// The verdict on this signature; `None`: the answer is about another one, or other bytes.
    pub(crate) fn of(&self, asked: &Parts<'_>) -> Option<bool> {
        let same = *self.check.covered == *asked.covered && self.check.signature == asked.signature;
        same.then_some(self.good)
    }

    /// How long the verdict took.
    pub fn took(&self) -> Duration {
        self.took
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        signature::{parts, sign},
        tagvalue::seal,
    };

    fn frame(body: &str) -> Vec<u8> {
        seal("FIX.4.4", body.replace('|', "\u{1}").as_bytes())
    }

    fn signed(body: &str) -> Vec<u8> {
        sign(&frame(body), &|_: &[u8]| Ok([7u8; SIGNATURE_LEN])).unwrap()
    }

    #[test]
    fn only_what_the_session_will_ask_about_is_checked() {
        let value = "A".repeat(87);
        for (frame, checked) in [
            (signed("35=R|34=2|131=R1|"), true),
            (signed("35=U3|34=2|131=R1|"), true),
            (frame("35=R|34=2|131=R1|"), false),
            (signed("35=0|34=2|"), false),
            (signed("35=5|34=2|"), false),
            (signed("34=2|35=R|131=R1|"), false),
            (frame(&format!("35=R|34=2|93=87|89={value}|")), false),
            (frame("35=R|34=2|=|"), false),
            (b"8=FIX.4.4\x01".to_vec(), false),
        ] {
            assert_eq!(Check::of(&frame).is_some(), checked, "{}", String::from_utf8_lossy(&frame));
        }
    }

    #[test]
    fn an_answer_counts_for_its_own_bytes_and_its_own_signature_only() {
        let (one, other) = (signed("35=R|34=2|131=R1|"), signed("35=R|34=2|131=R2|"));
        for good in [true, false] {
            let judged = Check::of(&one).unwrap().judge(|covered, signature| {
                let p = parts(&one).unwrap();
                assert_eq!((covered, *signature), (p.covered, p.signature));
                good
            });
            let own = parts(&one).unwrap();
            assert_eq!(judged.of(&own), Some(good));
            assert_eq!(judged.of(&parts(&other).unwrap()), None);
            let mut signature = own.signature;
            signature[63] ^= 1;
            assert_eq!(judged.of(&Parts { signature, ..own }), None);
            let shorter = &own.covered[..own.covered.len() - 1];
            assert_eq!(judged.of(&Parts { covered: shorter, ..own }), None);
        }
    }
}
