//! Message signatures in the trailer: SignatureLength (93) and Signature (89).
//!
//! The signature covers the bytes of a message as it travels, from BeginString (8) up to but not
//! including `93=`. BodyLength (9) in them counts the signature already, which is why its length is
//! fixed: ECDSA on P-256 with SHA-256, r and s of 32 bytes each (the form of RFC 7518 §3.4), in
//! base64. This module holds no key: the owner of the connection passes a [`MessageSigner`] and a
//! [`MessageVerifier`]. `docs/protocol.md` has the rules and test vectors for implementers.

#[cfg(any(test, feature = "engine"))]
pub mod check;
#[cfg(any(test, feature = "engine"))]
pub mod making;

#[cfg(any(test, feature = "engine"))]
use self::{
    check::{Judged, SignatureChecker},
    making::SignatureMaker,
};
#[cfg(any(test, feature = "engine"))]
use crate::tagvalue::ParseError;
use crate::tagvalue::{Field, cut};
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use std::rc::Rc;

/// Bytes of a signature: r, then s.
pub const SIGNATURE_LEN: usize = 64;
/// Their base64, padding included: the value of 93, always.
pub const ENCODED_LEN: usize = 88;
/// `93=88|89=<88 characters>|`.
const FIELDS_LEN: usize = b"93=88|89=|".len() + ENCODED_LEN;
/// `10=nnn|`.
const CHECKSUM_LEN: usize = 7;
const SIGNATURE_LENGTH: u32 = 93;
const SIGNATURE: u32 = 89;
const SOH: u8 = 1;

/// A message could not be signed, so it does not leave. At fault: this machine's key or its holder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message could not be signed: {0}")]
pub struct SignError(pub String);

/// Makes signatures of what this end sends. Closures are signers too.
pub trait MessageSigner {
    /// ECDSA on P-256 over the SHA-256 of `covered`, r and s of 32 bytes each.
    fn sign(&self, covered: &[u8]) -> Result<[u8; SIGNATURE_LEN], SignError>;

    /// Threads that sign with the same key; `None`: everything is signed by [`Self::sign`] when it
    /// is sent.
    #[cfg(any(test, feature = "engine"))]
    fn maker(&self) -> Option<Rc<dyn SignatureMaker>> {
        None
    }
}

impl<F: Fn(&[u8]) -> Result<[u8; SIGNATURE_LEN], SignError>> MessageSigner for F {
    fn sign(&self, covered: &[u8]) -> Result<[u8; SIGNATURE_LEN], SignError> {
        self(covered)
    }
}

/// Judges signatures of what the peer sends: with the key of the certificate of this very
/// connection. Closures are verifiers too.
pub trait MessageVerifier {
    /// Whether the peer's key made `signature` over `covered`.
    fn is_good(&self, covered: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool;

    /// Threads that judge with the same key before a message's turn comes; `None`: everything is
    /// judged by [`Self::is_good`] when it comes.
    #[cfg(any(test, feature = "engine"))]
    fn checker(&self) -> Option<Rc<dyn SignatureChecker>> {
        None
    }
}

impl<F: Fn(&[u8], &[u8; SIGNATURE_LEN]) -> bool> MessageVerifier for F {
    fn is_good(&self, covered: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        self(covered, signature)
    }
}

/// Chooses message types (35). Never asked about session messages (0 to 5, A), which travel
/// unsigned.
pub type Kinds = fn(msg_type: &str) -> bool;

/// What this end signs, and how.
#[derive(Clone)]
pub struct Signing {
    /// Makes the signatures.
    pub signer: Rc<dyn MessageSigner>,
    /// Types of message that are signed.
    pub which: Kinds,
}

/// How the peer's signatures are verified, and which messages must carry one. A signature on any
/// other message must be good too.
#[derive(Clone)]
pub struct Verification {
    /// Judges the signatures.
    pub verifier: Rc<dyn MessageVerifier>,
    /// Types of message that must carry one.
    pub required: Kinds,
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signing(..)")
    }
}

impl std::fmt::Debug for Verification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verification(..)")
    }
}

/// Every application message.
pub fn every(_: &str) -> bool {
    true
}

/// Messages that commit a gateway towards a desk: states of RFQs and trades, who has one, refusals,
/// access.
/// Quotes are not signed: they are many, and commit the dealer, not the gateway.
pub fn commits_gateway(msg_type: &str) -> bool {
    matches!(msg_type, "8" | "AG" | "AI" | "U7" | "UB" | "UJ")
}

/// Messages that commit the customer of a dealer: the request, and the answer to a quote.
pub fn commits_asker(msg_type: &str) -> bool {
    matches!(msg_type, "R" | "AJ")
}

/// A received message is not signed as it must be. At fault: the peer, or somebody between.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// Neither SignatureLength (93) nor Signature (89) is there.
    #[error("the message is not signed, and must be")]
    Missing,
    /// The two fields are not there once, last before CheckSum (10), and of the fixed length.
    #[error(
        "the signature's fields are not `93=88`, `89=<88 characters of base64>` at the end of the \
            message"
    )]
    Malformed,
    /// The signature was made with another key or over other bytes.
    #[error("the signature does not fit the message and the key of the sender's certificate")]
    Bad,
    /// It came ahead of its turn and more was waiting than this end keeps.
    #[error("the message came ahead of its turn and its signature was not kept")]
    NotKept,
}

impl SignatureError {
    /// A stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing => "signature.missing",
            Self::Malformed | Self::Bad => "signature.bad",
            Self::NotKept => "signature.not_kept",
        }
    }

    /// What the sender can do about it.
    pub const fn cure(&self) -> &'static str {
        match self {
            Self::Missing => {
                "The sender must sign its messages with the key of its certificate (tags 93 and \
                    89)."
            }
            Self::Malformed | Self::Bad => {
                "Send it again. If it happens again, the sender signs with another key or \
                    something between changes messages: tell the security officer."
            }
            Self::NotKept => "Send it again.",
        }
    }
}

/// Whether messages of this type may carry a signature: all but those of the session layer.
#[cfg(any(test, feature = "engine"))]
pub(crate) fn is_application(msg_type: &[u8]) -> bool {
    !matches!(msg_type, b"0" | b"1" | b"2" | b"3" | b"4" | b"5" | b"A")
}

/// A message without its signature yet: the bytes that it will cover, in which BodyLength (9)
/// counts it already.
pub struct Draft(Vec<u8>);

impl Draft {
    /// Of a message that is to be signed.
    ///
    /// # Errors
    /// When `frame` is not a whole FIX message, or is signed already.
    pub fn of(frame: &[u8]) -> Result<Self, SignError> {
        let unusable = || SignError("it is not one whole unsigned FIX message".into());
        let (begin, body) = split_header(frame).ok_or_else(unusable)?;
        let mut fields = Vec::new();
        let read = cut(frame, &mut fields);
        if read.is_err() || fields.iter().any(|f| matches!(f.tag, SIGNATURE_LENGTH | SIGNATURE)) {
            return Err(unusable());
        }
        // Room for the whole, whose BodyLength may be longer.
        let mut out = Vec::with_capacity(frame.len() + FIELDS_LEN + 2);
        out.extend_from_slice(begin);
        out.extend_from_slice(format!("9={}\u{1}", body.len() + FIELDS_LEN).as_bytes());
        out.extend_from_slice(body);
        Ok(Self(out))
    }

    /// What is signed.
    pub fn covered(&self) -> &[u8] {
        &self.0
    }

    /// How long the signed message will be.
    pub fn signed_len(&self) -> usize {
        self.0.len() + FIELDS_LEN + CHECKSUM_LEN
    }

    /// The whole message, with the signature over what is covered.
    pub fn finish(self, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
        let mut out = self.0;
        out.extend_from_slice(
            format!("93={ENCODED_LEN}\u{1}89={}\u{1}", BASE64.encode(signature)).as_bytes(),
        );
        let sum = out.iter().fold(0u8, |n, b| n.wrapping_add(*b));
        out.extend_from_slice(format!("10={sum:03}\u{1}").as_bytes());
        out
    }
}

/// The same message with a signature; BodyLength and CheckSum are computed again.
///
/// # Errors
/// When `frame` is not a whole FIX message, is signed already, or the signer fails.
pub fn sign(frame: &[u8], signer: &dyn MessageSigner) -> Result<Vec<u8>, SignError> {
    let draft = Draft::of(frame)?;
    let signature = signer.sign(draft.covered())?;
    Ok(draft.finish(&signature))
}

/// BeginString with its separator, and the body between BodyLength and CheckSum.
fn split_header(frame: &[u8]) -> Option<(&[u8], &[u8])> {
    let begin_end = frame.iter().position(|b| *b == SOH)? + 1;
    let length_end = begin_end + frame[begin_end..].iter().position(|b| *b == SOH)? + 1;
    let sum_start = frame.len().checked_sub(CHECKSUM_LEN).filter(|n| *n >= length_end)?;
    let is_whole = frame.starts_with(b"8=")
        && frame[begin_end..].starts_with(b"9=")
        && frame[sum_start..].starts_with(b"10=");
    is_whole.then(|| (&frame[..begin_end], &frame[length_end..sum_start]))
}

/// The parts of a signed frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// What the signature is over.
    pub covered: &'a [u8],
    /// Value of Signature (89), decoded: r, then s.
    pub signature: [u8; SIGNATURE_LEN],
}

/// Takes a frame apart, from its bytes alone. It judges no signature.
pub fn parts(frame: &[u8]) -> Result<Parts<'_>, SignatureError> {
    let mut fields = Vec::with_capacity(48);
    match cut(frame, &mut fields) {
        Ok(()) => parts_of(frame, &fields)?.ok_or(SignatureError::Missing),
        Err(_) => Err(SignatureError::Malformed),
    }
}

/// As [`parts`], from fields already cut; `None` when there is no signature.
pub(crate) fn parts_of<'a>(
    frame: &'a [u8],
    fields: &[Field],
) -> Result<Option<Parts<'a>>, SignatureError> {
    let count = fields.iter().filter(|f| matches!(f.tag, SIGNATURE_LENGTH | SIGNATURE)).count();
    if count == 0 {
        return Ok(None);
    }
    let [_, .., length, value, sum] = fields else { return Err(SignatureError::Malformed) };
    let in_place = (count, length.tag, value.tag, sum.tag) == (2, SIGNATURE_LENGTH, SIGNATURE, 10);
    if !in_place || length.value(frame) != b"88" || value.len as usize != ENCODED_LEN {
        return Err(SignatureError::Malformed);
    }
    // Nothing may stand between the covered bytes and the checksum: the fields follow each other
    // byte by byte.
    let covered = (length.start as usize)
        .checked_sub(b"93=".len())
        .and_then(|end| frame.get(..end))
        .ok_or(SignatureError::Malformed)?;
    // Two more than come out: the decoder wants room for padding.
    let mut decoded = [0; SIGNATURE_LEN + 2];
    match (BASE64.decode_slice(value.value(frame), &mut decoded), decoded.first_chunk()) {
        (Ok(SIGNATURE_LEN), Some(signature)) => Ok(Some(Parts { covered, signature: *signature })),
        _ => Err(SignatureError::Malformed),
    }
}

/// Judges a received application message. `true`: it carries a good signature. `known`: what
/// another thread found, which counts if it is about the very bytes and signature of this message.
#[cfg(any(test, feature = "engine"))]
pub(crate) fn judge(
    frame: &[u8],
    fields: Result<&[Field], &ParseError>,
    msg_type: &str,
    v: &Verification,
    known: Option<&Judged>,
) -> Result<bool, SignatureError> {
    let found = match fields {
        Ok(fields) => parts_of(frame, fields)?,
        Err(_) => return Err(SignatureError::Malformed),
    };
    let is_good = |p: &Parts<'_>| {
        let known = known.and_then(|judged| judged.of(p));
        known.unwrap_or_else(|| v.verifier.is_good(p.covered, &p.signature))
    };
    match found {
        Some(p) if is_good(&p) => Ok(true),
        Some(_) => Err(SignatureError::Bad),
        None if (v.required)(msg_type) => Err(SignatureError::Missing),
        None => Ok(false),
    }
}

/// A received frame whose signature was good, as it travelled.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedFrame(Box<[u8]>);

impl SignedFrame {
    #[cfg(feature = "engine")]
    pub(crate) fn new(frame: &[u8]) -> Self {
        Self(frame.into())
    }

    /// From BeginString (8) to the end of CheckSum (10).
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for SignedFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Contents of messages are never logged.
        write!(f, "SignedFrame({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests;
