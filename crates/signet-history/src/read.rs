//! Small readings of frames that several files here share.

use crate::decode;
use signet_fix::{tag, tagvalue::Fields};

/// Longest frame that is read.
const FRAME_MAX: usize = 64 * 1024;

/// A frame in base64, if it may be one.
pub(crate) fn signed_parts(frame: &str) -> Option<Vec<u8>> {
    decode(frame).filter(|f| f.len() <= FRAME_MAX)
}

/// Whether a frame, in base64, is about an RFQ or one of its accepts.
pub(crate) fn is_about(frame: &str, rfq: &str) -> bool {
    let Some(frame) = signed_parts(frame) else { return false };
    let Ok(fields) = Fields::parse(&frame) else { return false };
    let same = |id: &str| id.strip_prefix(rfq).is_some_and(|r| r.is_empty() || r.starts_with(':'));
    let named =
        [tag::QUOTE_REQ_ID, tag::CL_ORD_ID, tag::QUOTE_RESP_ID, tag::BUSINESS_REJECT_REF_ID];
    // What names no RFQ, such as a touch or a decision about access, goes along.
    let of_none = named.iter().all(|t| fields.text(*t).is_none());
    of_none || named.iter().any(|t| fields.text(*t).is_some_and(same))
}

/// r and s as ASN.1 DER.
pub(crate) fn signature_der(fixed: &[u8; 64]) -> Vec<u8> {
    let (r, s) = fixed.split_at(32);
    let (r, s) = (integer(r), integer(s));
    // Two integers of at most 33 bytes: a short length.
    [&[0x30, (r.len() + s.len()) as u8][..], &r, &s].concat()
}

fn integer(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|b| **b == 0).count().min(number.len() - 1);
    let digits = &number[zeros..];
    let sign: &[u8] = if digits[0] & 0x80 == 0 { &[] } else { &[0] };
    [&[2, (sign.len() + digits.len()) as u8][..], sign, digits].concat()
}
