//! A colleague's RFQs and the taking over of one, between desk and gateway (UG to UJ).

use super::{DecodeError, QuoteRequest, decode::quote_request, encode, reader::Reader};
use crate::{
    tag,
    tagvalue::{Body, Fields},
};
use signet_identity::CompId;
use signet_rfq::{RfqId, UtcMillis};

/// User-defined UH, desk to gateway: the trader takes a colleague's RFQ over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    /// QuoteReqID (131): what the taker's desk will call the RFQ. One that it has not used.
    pub rfq: RfqId,
    /// Tag 20171: the desk that has the RFQ.
    pub desk: CompId,
    /// Tag 20172: what that desk calls it.
    pub of: RfqId,
    /// TransactTime (60).
    pub at: UtcMillis,
}

/// User-defined UI, gateway to desk: one part of the answer to UG. Between `Begin` and `End` comes
/// one `Rfq` for each open RFQ of a colleague.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupMark {
    /// Phase (20170) 1.
    Begin,
    /// Phase (20170) 2.
    Rfq(Box<GroupRfq>),
    /// Phase (20170) 3.
    End {
        /// Tag 20175: there are more than were told.
        more: bool,
    },
}

/// A colleague's open RFQ: what was asked, and no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRfq {
    /// Tag 20171: the desk that has it.
    pub desk: CompId,
    /// Tag 20173: the person at that desk.
    pub name: String,
    /// What was asked; its id is the one of the desk that has it.
    pub request: QuoteRequest,
    /// Tag 20174: dealers whose quote can be taken now.
    pub quoting: u32,
    /// Text (58): why it cannot be taken over now, if it cannot.
    pub hindrance: Option<String>,
}

/// What a [`HandOver`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOverKind {
    /// 1: this desk has the RFQ now, which `desk` had before.
    Yours,
    /// 2: this desk has it no longer; `desk` has it.
    Theirs,
    /// 3: nothing has changed hands.
    Refused,
}

/// User-defined UJ, gateway to desk: who has an RFQ, or why it is not taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOver {
    /// QuoteReqID (131), as the desk that reads this calls the RFQ.
    pub rfq: RfqId,
    /// Tag 20176.
    pub kind: HandOverKind,
    /// Tag 20171: the other desk. A refusal names none.
    pub desk: Option<CompId>,
    /// Tag 20173: the person at the other desk, if it is known.
    pub name: Option<String>,
    /// TransactTime (60): when it changed hands.
    pub at: UtcMillis,
    /// Tag 20104: the stable code of a refusal.
    pub code: Option<String>,
    /// Text (58): why not, for the trader; for who has it now, the RFQ's id as dealers know it.
    pub text: Option<String>,
    /// Tag 20105: what helps.
    pub cure: Option<String>,
}

const KINDS: [(u8, HandOverKind); 3] =
    [(1, HandOverKind::Yours), (2, HandOverKind::Theirs), (3, HandOverKind::Refused)];

pub(super) fn encode_request(b: &mut Body, at: UtcMillis) {
    b.put(tag::TRANSACT_TIME, at);
}

pub(super) fn decode_request(r: Reader<'_, '_>) -> Result<UtcMillis, DecodeError> {
    r.utc(tag::TRANSACT_TIME)
}

pub(super) fn encode_take_over(b: &mut Body, t: &TakeOver) {
    b.put(tag::QUOTE_REQ_ID, &t.rfq);
    b.put(tag::OWNER_DESK, t.desk.as_str());
    b.put(tag::OWNER_RFQ, &t.of);
    b.put(tag::TRANSACT_TIME, t.at);
}

pub(super) fn decode_take_over(r: Reader<'_, '_>) -> Result<TakeOver, DecodeError> {
    Ok(TakeOver {
        rfq: r.id(tag::QUOTE_REQ_ID, RfqId::new)?,
        desk: desk(r)?,
        of: r.id(tag::OWNER_RFQ, RfqId::new)?,
        at: r.utc(tag::TRANSACT_TIME)?,
    })
}

pub(super) fn encode_group(b: &mut Body, g: &GroupMark) {
    match g {
        GroupMark::Begin => b.put(tag::GROUP_PHASE, 1),
        GroupMark::Rfq(g) => {
            b.put(tag::GROUP_PHASE, 2);
            b.put(tag::OWNER_DESK, g.desk.as_str());
            b.put_text(tag::OWNER_NAME, &g.name);
            b.put(tag::QUOTING, g.quoting);
            put_text(b, tag::TEXT, &g.hindrance);
            encode::quote_request(b, &g.request);
        }
        GroupMark::End { more } => {
            b.put(tag::GROUP_PHASE, 3);
            b.put(tag::MORE, if *more { 'Y' } else { 'N' });
        }
    }
}

pub(super) fn decode_group(f: &Fields<'_>) -> Result<GroupMark, DecodeError> {
    let r = Reader(f.as_slice());
    match r.number(tag::GROUP_PHASE)? {
        1u8 => Ok(GroupMark::Begin),
        2 => Ok(GroupMark::Rfq(Box::new(GroupRfq {
            desk: desk(r)?,
            name: r.word(tag::OWNER_NAME)?,
            request: quote_request(f)?,
            quoting: r.number(tag::QUOTING)?,
            hindrance: r.words(tag::TEXT),
        }))),
        3 => Ok(GroupMark::End { more: r.flag(tag::MORE)? }),
        _ => Err(DecodeError::Bad(tag::GROUP_PHASE)),
    }
}

pub(super) fn encode_hand_over(b: &mut Body, h: &HandOver) {
    b.put(tag::QUOTE_REQ_ID, &h.rfq);
    b.put(tag::HAND_OVER, KINDS.iter().find(|(_, k)| *k == h.kind).map_or(3, |(n, _)| *n));
    b.put_opt(tag::OWNER_DESK, h.desk.as_ref().map(CompId::as_str));
    put_text(b, tag::OWNER_NAME, &h.name);
    b.put(tag::TRANSACT_TIME, h.at);
    put_text(b, tag::REASON_CODE, &h.code);
    put_text(b, tag::TEXT, &h.text);
    put_text(b, tag::CURE, &h.cure);
}

pub(super) fn decode_hand_over(r: Reader<'_, '_>) -> Result<HandOver, DecodeError> {
    let n: u8 = r.number(tag::HAND_OVER)?;
    let kind = KINDS.iter().find(|(k, _)| *k == n).map(|(_, kind)| *kind);
    Ok(HandOver {
        rfq: r.id(tag::QUOTE_REQ_ID, RfqId::new)?,
        kind: kind.ok_or(DecodeError::Bad(tag::HAND_OVER))?,
        desk: r.optional(tag::OWNER_DESK, |r, _| desk(r))?,
        name: r.optional(tag::OWNER_NAME, Reader::word)?,
        at: r.utc(tag::TRANSACT_TIME)?,
        code: r.optional(tag::REASON_CODE, Reader::word)?,
        text: r.words(tag::TEXT),
        cure: r.words(tag::CURE),
    })
}

fn desk(r: Reader<'_, '_>) -> Result<CompId, DecodeError> {
    r.id(tag::OWNER_DESK, CompId::new)
}

fn put_text(b: &mut Body, tag: u32, value: &Option<String>) {
    if let Some(v) = value {
        b.put_text(tag, v);
    }
}
