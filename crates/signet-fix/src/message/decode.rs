//! Reads a message by its type: one function for each type that trades; reference data, step-up
//! and access have their own files.

use super::{
    Advice, AppMessage, ApproveAhead, BusinessReject, DecodeError, ExecType, ExecutionReport,
    OrdStatus, OrderStatusRequest, QuoteCancel, QuoteMsg, QuoteRequest, QuoteRequestReject,
    QuoteResponse, QuoteStatusReport, Response, RfqStatus, access,
    execution::DISPUTED,
    handover, legs,
    reader::{Reader, lossy},
    reference, stepup,
};
use crate::{
    tag,
    tagvalue::{Fields, parse_number},
};
use rust_decimal::Decimal;
use signet_rfq::{
    AcceptId, Ask, DealerId, InstrumentId, Level, Limit, MAX_DEALERS_PER_RFQ, Over, PriceType,
    Qualifiers, QuoteId, RfqId, StatedType,
};

/// What a quote offers: none of it may be said in two ways, of which we and the dealer might each
/// read another.
const OF_A_QUOTE: [u32; 19] = [
    tag::QUOTE_REQ_ID,
    tag::QUOTE_ID,
    tag::SYMBOL,
    tag::SECURITY_ID,
    tag::SECURITY_ID_SOURCE,
    tag::SIDE,
    tag::CURRENCY,
    tag::ORDER_QTY,
    tag::SETTL_DATE,
    tag::VALID_UNTIL_TIME,
    tag::BID_PX,
    tag::OFFER_PX,
    tag::BID_SIZE,
    tag::OFFER_SIZE,
    tag::PRICE_TYPE,
    tag::BENCHMARK_CURVE_CURRENCY,
    tag::BENCHMARK_CURVE_NAME,
    tag::BENCHMARK_CURVE_POINT,
    tag::QUOTE_TYPE,
];
/// What a report says of a trade, likewise.
const OF_A_TRADE: [u32; 17] = [
    tag::EXEC_ID,
    tag::EXEC_REF_ID,
    tag::ORDER_ID,
    tag::SYMBOL,
    tag::SECURITY_ID,
    tag::SECURITY_ID_SOURCE,
    tag::SIDE,
    tag::LAST_PX,
    tag::LAST_QTY,
    tag::CUM_QTY,
    tag::AVG_PX,
    tag::SETTL_DATE,
    tag::CURRENCY,
    tag::PRICE_TYPE,
    tag::BENCHMARK_CURVE_CURRENCY,
    tag::BENCHMARK_CURVE_NAME,
    tag::BENCHMARK_CURVE_POINT,
];
/// What a report is, and of which accept.
const OF_A_REPORT: [u32; 3] = [tag::CL_ORD_ID, tag::EXEC_TYPE, tag::ORD_STATUS];

/// The first of these fields that stands twice with two values. Not every dealer's message is
/// checked by a dictionary, which would refuse it.
fn told_twice(f: &Fields<'_>, tags: &[u32]) -> Option<u32> {
    if each_stands_once(f) {
        return None;
    }
    tags.iter().copied().find(|tag| {
        let mut values = f.as_slice().iter().filter(|(t, _)| t == tag).map(|(_, v)| *v);
        let first = values.next();
        values.any(|v| Some(v) != first)
    })
}

/// Whether every tag is there once; `false` says nothing, as some tags share a place here.
fn each_stands_once(f: &Fields<'_>) -> bool {
    const PLACES: u32 = 1_024;
    let mut seen = [0_u64; PLACES as usize / 64];
    f.as_slice().iter().all(|(tag, _)| {
        let place = tag % PLACES;
        let (word, bit) = (&mut seen[place as usize / 64], 1_u64 << (place % 64));
        let is_first = *word & bit == 0;
        *word |= bit;
        is_first
    })
}

pub(super) fn message(f: &Fields<'_>) -> Result<AppMessage, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(match r.text(tag::MSG_TYPE)? {
        "R" => AppMessage::QuoteRequest(quote_request(f)?),
        "AG" => AppMessage::QuoteRequestReject(quote_request_reject(f)?),
        "S" => AppMessage::Quote(quote(f)?),
        "Z" => AppMessage::QuoteCancel(quote_cancel(f)?),
        "AJ" => AppMessage::QuoteResponse(quote_response(f)?),
        "AI" => AppMessage::QuoteStatusReport(quote_status_report(f)?),
        "8" => AppMessage::ExecutionReport(execution(f)?),
        "H" => AppMessage::OrderStatusRequest(order_status_request(f)?),
        "j" => AppMessage::BusinessReject(business_reject(f)?),
        "x" => AppMessage::SecurityListRequest(reference::decode_list_request(r)?),
        "y" => reference::decode_list(f)?,
        "U1" => AppMessage::VenueState(reference::decode_venue(f)?),
        "U2" => AppMessage::Snapshot(reference::decode_snapshot(f)?),
        "U3" => {
            AppMessage::RfqCancel { rfq: r.id(tag::QUOTE_REQ_ID, RfqId::new)?, text: r.free_text() }
        }
        "U4" => AppMessage::StepUpChallenge(stepup::decode_challenge(r)?),
        "U5" => AppMessage::StepUpAnswer(stepup::decode_answer(r)?),
        "U6" => AppMessage::StepUpOutcome(stepup::decode_outcome(r)?),
        "UB" => AppMessage::AccessDecision(access::decode_decision(r)?),
        "UC" => AppMessage::PostureRequest { nonce: access::decode_posture_request(r)? },
        "UD" => AppMessage::PostureReport { envelope: access::decode_posture_report(r)? },
        "U7" => AppMessage::AccessState(stepup::decode_access(r)?),
        "U8" => AppMessage::StepUpRequest { reason: r.text(tag::STEP_UP_REASON)?.into() },
        "UE" => AppMessage::ApproveAhead(approve_ahead(f)?),
        "U9" => AppMessage::KeyRequest(stepup::decode_key_request(r)?),
        "UA" => AppMessage::KeyReport(stepup::decode_key_report(r)?),
        "UG" => AppMessage::GroupRequest { at: handover::decode_request(r)? },
        "UH" => AppMessage::TakeOver(handover::decode_take_over(r)?),
        "UI" => AppMessage::Group(handover::decode_group(f)?),
        "UJ" => AppMessage::HandOver(handover::decode_hand_over(r)?),
        other => return Err(DecodeError::UnsupportedType(lossy(other.as_bytes()))),
    })
}

pub(super) fn quote_request(f: &Fields<'_>) -> Result<QuoteRequest, DecodeError> {
    let r = Reader(f.as_slice());
    if r.number::<u32>(tag::NO_RELATED_SYM)? != 1 {
        return Err(DecodeError::Bad(tag::NO_RELATED_SYM));
    }
    let instrument = r.instrument()?;
    let legs = legs_of(&instrument, legs::decode_asked(f, r.text(tag::CURRENCY)?)?)?;
    Ok(QuoteRequest {
        id: r.id(tag::QUOTE_REQ_ID, RfqId::new)?,
        isin: r.opt(tag::SECURITY_ID).is_some() && !instrument.is_package(),
        instrument,
        ask: match r.opt(tag::SIDE) {
            None => Ask::TwoWay,
            Some(b"1") => Ask::Buy,
            Some(b"2") => Ask::Sell,
            Some(_) => return Err(DecodeError::Bad(tag::SIDE)),
        },
        quantity: r.positive(tag::ORDER_QTY)?,
        currency: r.text(tag::CURRENCY)?.into(),
        settlement_date: r.date(tag::SETTL_DATE)?,
        dealers: dealers(f)?,
        expires: r.utc(tag::EXPIRE_TIME)?,
        at: r.utc(tag::TRANSACT_TIME)?,
        legs,
        price_type: price_type(r)?,
        min_quantity: least_quantity(f)?,
    })
}

/// The one stipulation that is understood, the least quantity. Another one is refused, not dropped:
/// who asks relies on it.
fn least_quantity(f: &Fields<'_>) -> Result<Option<Decimal>, DecodeError> {
    let all = f.as_slice();
    let entries = f.group(tag::STIPULATION_TYPE, &[tag::STIPULATION_VALUE], 0..all.len());
    let values = all.iter().filter(|(t, _)| *t == tag::STIPULATION_VALUE).count();
    let announced = match f.get(tag::NO_STIPULATIONS) {
        Some(n) => parse_number(n).ok_or(DecodeError::Bad(tag::NO_STIPULATIONS))?,
        None => 0,
    };
    // A number that is not that of the entries hides some or invents some.
    if announced != entries.len() || values != entries.len() || entries.len() > 1 {
        return Err(DecodeError::Bad(tag::NO_STIPULATIONS));
    }
    let Some(entry) = entries.into_iter().next() else { return Ok(None) };
    let r = Reader(&all[entry]);
    if r.opt(tag::STIPULATION_TYPE) != Some(tag::LEAST_QUANTITY.as_bytes()) {
        return Err(DecodeError::Bad(tag::STIPULATION_TYPE));
    }
    r.positive(tag::STIPULATION_VALUE).map(Some)
}

/// What the numbers count: prices, unless PriceType (423) says otherwise. A benchmark that is not
/// understood is refused, not dropped: without it a discount margin would be read as a spread.
fn price_type(r: Reader<'_, '_>) -> Result<PriceType, DecodeError> {
    let code: Option<u16> = r.optional(tag::PRICE_TYPE, Reader::number)?;
    let over = reference::over(r);
    if over != Over::Unsaid && (code != Some(6) || !matches!(over, Over::Reference(_))) {
        return Err(DecodeError::Bad(tag::BENCHMARK_CURVE_NAME));
    }
    match code.map(|code| StatedType::new(code, over)) {
        None => Ok(PriceType::Price),
        Some(stated) => stated.price_type().ok_or(DecodeError::Bad(tag::PRICE_TYPE)),
    }
}

/// A package without legs is nothing that anybody could trade.
fn legs_of<T>(instrument: &InstrumentId, legs: Vec<T>) -> Result<Vec<T>, DecodeError> {
    match instrument.is_package() && legs.is_empty() {
        true => Err(DecodeError::Missing(tag::NO_LEGS)),
        false => Ok(legs),
    }
}

fn quote_request_reject(f: &Fields<'_>) -> Result<QuoteRequestReject, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(QuoteRequestReject {
        rfq: r.id(tag::QUOTE_REQ_ID, RfqId::new)?,
        reason: r.number(tag::QUOTE_REQUEST_REJECT_REASON)?,
        instrument: r.instrument_or_package()?,
        dealer: dealer(f)?,
        text: r.free_text(),
        advice: r.opt(tag::REASON_CODE).filter(|code| !code.is_empty()).map(|code| Advice {
            code: lossy(code),
            cure: r.opt(tag::CURE).map(lossy).unwrap_or_default(),
        }),
    })
}

fn quote(f: &Fields<'_>) -> Result<QuoteMsg, DecodeError> {
    if let Some(tag) = told_twice(f, &OF_A_QUOTE) {
        return Err(DecodeError::Bad(tag));
    }
    let r = Reader(f.as_slice());
    let (bid, offer) = (
        side_of_quote(r, tag::BID_PX, tag::BID_SIZE)?,
        side_of_quote(r, tag::OFFER_PX, tag::OFFER_SIZE)?,
    );
    if bid.is_none() && offer.is_none() {
        return Err(DecodeError::Missing(tag::BID_PX));
    }
    Ok(QuoteMsg {
        rfq: r.id(tag::QUOTE_REQ_ID, RfqId::new)?,
        id: r.id(tag::QUOTE_ID, QuoteId::new)?,
        instrument: r.instrument()?,
        dealer: dealer(f)?,
        bid,
        offer,
        valid_until: r.utc(tag::VALID_UNTIL_TIME)?,
        tradeable: match r.opt(tag::QUOTE_TYPE) {
            None | Some(b"1") => true,
            Some(b"0") => false,
            Some(_) => return Err(DecodeError::Bad(tag::QUOTE_TYPE)),
        },
        at: if r.opt(tag::TRANSACT_TIME).is_some() {
            r.utc(tag::TRANSACT_TIME)?
        } else {
            r.utc(tag::SENDING_TIME)?
        },
        qualifiers: Qualifiers {
            price_type: r
                .optional(tag::PRICE_TYPE, Reader::number)?
                .map(|code| StatedType::new(code, reference::over(r))),
            currency: r.optional(tag::CURRENCY, |r, t| r.text(t).map(str::to_owned))?,
            settlement_date: r.optional(tag::SETTL_DATE, Reader::date)?,
            side: match r.opt(tag::SIDE) {
                // 7 is "undisclosed": a quote for both sides.
                None | Some(b"7") => None,
                Some(_) => Some(r.side()?),
            },
        },
        legs: legs::decode(f)?,
    })
}

/// One side of a quote; `None` when it is not quoted. Some dealers write a side that they do not
/// quote as zeros, and some give the size of both sides once, as OrderQty (38).
fn side_of_quote(r: Reader<'_, '_>, px: u32, size: u32) -> Result<Option<Level>, DecodeError> {
    let amount = |tag| r.optional(tag, Reader::decimal);
    let (price, own_size) = (amount(px)?, amount(size)?);
    match (price, own_size) {
        (None, None) => Ok(None),
        (_, Some(n)) if n.is_zero() => Ok(None),
        (Some(price), Some(_)) => Ok(Some(Level { price, size: r.positive(size)? })),
        (Some(price), None) if r.opt(tag::ORDER_QTY).is_some() => {
            Ok(Some(Level { price, size: r.positive(tag::ORDER_QTY)? }))
        }
        // A zero price without a size means that the side is not quoted. Any other price without
        // its size cannot be traded on safely, nor a size without its price.
        (Some(price), None) if price.is_zero() => Ok(None),
        (Some(_), None) => Err(DecodeError::Missing(size)),
        (None, Some(_)) => Err(DecodeError::Missing(px)),
    }
}

fn quote_cancel(f: &Fields<'_>) -> Result<QuoteCancel, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(QuoteCancel {
        rfq: r.optional(tag::QUOTE_REQ_ID, |r, t| r.id(t, RfqId::new))?,
        quote: match r.opt(tag::QUOTE_CANCEL_TYPE) {
            Some(b"4") => None,
            _ => Some(r.id(tag::QUOTE_ID, QuoteId::new)?),
        },
        instrument: r.instrument_if_named()?,
        dealer: dealer(f)?,
        unreachable: match r.opt(tag::DEALER_ONLINE) {
            Some(_) => !r.flag(tag::DEALER_ONLINE)?,
            None => false,
        },
    })
}

fn quote_response(f: &Fields<'_>) -> Result<QuoteResponse, DecodeError> {
    let r = Reader(f.as_slice());
    let instrument = r.instrument()?;
    let response = match r.number(tag::QUOTE_RESP_TYPE)? {
        1 => Response::HitOrLift,
        2 => Response::Counter,
        6 => Response::Pass,
        _ => return Err(DecodeError::Bad(tag::QUOTE_RESP_TYPE)),
    };
    let legs = legs::decode_strictly(f)?;
    let legs = if response == Response::Pass { legs } else { legs_of(&instrument, legs)? };
    Ok(QuoteResponse {
        id: r.id(tag::CL_ORD_ID, AcceptId::new)?,
        response,
        rfq: r.optional(tag::QUOTE_REQ_ID, |r, t| r.id(t, RfqId::new))?,
        quote: r.id(tag::QUOTE_ID, QuoteId::new)?,
        isin: r.opt(tag::SECURITY_ID).is_some() && !instrument.is_package(),
        instrument,
        dealer: dealer(f)?,
        side: r.side()?,
        quantity: r.positive(tag::ORDER_QTY)?,
        price: r.decimal(tag::PRICE)?,
        currency: r.optional(tag::CURRENCY, |r, t| r.text(t).map(str::to_owned))?,
        settlement_date: r.optional(tag::SETTL_DATE, Reader::date)?,
        deadline: r.optional(tag::VALID_UNTIL_TIME, Reader::utc)?,
        limit: limit(&r)?,
        at: r.utc(tag::TRANSACT_TIME)?,
        legs,
        price_type: price_type(r)?,
        text: r.free_text(),
    })
}

fn approve_ahead(f: &Fields<'_>) -> Result<ApproveAhead, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(ApproveAhead {
        rfq: r.id(tag::QUOTE_REQ_ID, RfqId::new)?,
        side: r.side()?,
        quantity: r.positive(tag::ORDER_QTY)?,
        limit: limit(&r)?.ok_or(DecodeError::Missing(tag::PRICE_LIMIT))?,
    })
}

/// Both fields or none: a limit without an end is not one.
fn limit(r: &Reader<'_, '_>) -> Result<Option<Limit>, DecodeError> {
    if r.opt(tag::PRICE_LIMIT).is_none() && r.opt(tag::LIMIT_UNTIL).is_none() {
        return Ok(None);
    }
    Ok(Some(Limit { price: r.decimal(tag::PRICE_LIMIT)?, until: r.utc(tag::LIMIT_UNTIL)? }))
}

fn quote_status_report(f: &Fields<'_>) -> Result<QuoteStatusReport, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(QuoteStatusReport {
        rfq: r.id(tag::QUOTE_REQ_ID, RfqId::new)?,
        instrument: r.instrument_or_package()?,
        status: RfqStatus::of(r.number(tag::QUOTE_STATUS)?),
        quote: r
            .optional(tag::QUOTE_ID, |r, t| r.id(t, QuoteId::new))?
            .filter(|q| Some(q.as_str().as_bytes()) != r.opt(tag::QUOTE_REQ_ID)),
        answers: r.optional(tag::QUOTE_RESP_ID, |r, t| r.id(t, AcceptId::new))?,
        until: r.optional(tag::VALID_UNTIL_TIME, Reader::utc)?,
        text: r.free_text(),
    })
}

fn execution(f: &Fields<'_>) -> Result<ExecutionReport, DecodeError> {
    let r = Reader(f.as_slice());
    let code = |tag| match r.text(tag)?.as_bytes() {
        [c] => Ok(char::from(*c)),
        _ => Err(DecodeError::Bad(tag)),
    };
    let last = match (r.opt(tag::LAST_PX), r.opt(tag::LAST_QTY)) {
        (Some(_), Some(_)) => {
            Some(Level { price: r.decimal(tag::LAST_PX)?, size: r.decimal(tag::LAST_QTY)? })
        }
        _ => None,
    };
    // What is told in two ways of what a report is can be a trade, and as one it never fits.
    let is_unclear = told_twice(f, &OF_A_REPORT).is_some();
    Ok(ExecutionReport {
        order_id: r.text(tag::ORDER_ID)?.into(),
        exec_id: r.text(tag::EXEC_ID)?.into(),
        exec_ref: r.optional(tag::EXEC_REF_ID, |r, t| r.text(t).map(str::to_owned))?,
        accept: r.id(tag::CL_ORD_ID, AcceptId::new)?,
        exec_type: if is_unclear { ExecType::Trade } else { ExecType::of(code(tag::EXEC_TYPE)?) },
        status: OrdStatus::of(code(tag::ORD_STATUS)?),
        instrument: r.instrument_or_package()?,
        dealer: dealer(f)?,
        side: r.side()?,
        last,
        cum_qty: r.decimal(tag::CUM_QTY)?,
        leaves_qty: r.decimal(tag::LEAVES_QTY)?,
        avg_px: r.decimal(tag::AVG_PX)?,
        settlement_date: r.optional(tag::SETTL_DATE, Reader::date)?,
        currency: r.optional(tag::CURRENCY, |r, t| r.text(t).map(str::to_owned))?,
        // A report is never lost for it: what cannot be read, or is told twice, does not fit.
        price_type: if is_unclear || told_twice(f, &OF_A_TRADE).is_some() {
            Some(StatedType::from(0))
        } else {
            r.opt(tag::PRICE_TYPE)
                .map(|t| parse_number(t).and_then(|n| u16::try_from(n).ok()).unwrap_or_default())
                .map(|code| StatedType::new(code, reference::over(r)))
        },
        price: r.optional(tag::PRICE, Reader::decimal)?,
        disputed: r.opt(tag::REASON_CODE) == Some(DISPUTED.as_bytes()),
        reject_reason: r
            .opt(tag::ORD_REJ_REASON)
            .and_then(parse_number)
            .and_then(|n| u16::try_from(n).ok()),
        text: r.free_text(),
        at: if r.opt(tag::TRANSACT_TIME).is_some() {
            r.utc(tag::TRANSACT_TIME)?
        } else {
            r.utc(tag::SENDING_TIME)?
        },
        legs: legs::decode(f)?,
    })
}

fn order_status_request(f: &Fields<'_>) -> Result<OrderStatusRequest, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(OrderStatusRequest {
        accept: r.id(tag::CL_ORD_ID, AcceptId::new)?,
        instrument: r.instrument()?,
        side: r.side()?,
        dealer: dealer(f)?,
        sent: r.optional(tag::TRANSACT_TIME, Reader::utc)?,
    })
}

fn business_reject(f: &Fields<'_>) -> Result<BusinessReject, DecodeError> {
    let r = Reader(f.as_slice());
    Ok(BusinessReject {
        ref_seq_num: r.opt(tag::REF_SEQ_NUM).and_then(parse_number).map(|n| n as u64),
        ref_msg_type: r.text(tag::REF_MSG_TYPE)?.into(),
        ref_id: r.opt(tag::BUSINESS_REJECT_REF_ID).map(lossy),
        reason: r.number(tag::BUSINESS_REJECT_REASON)?,
        text: r.free_text(),
    })
}

/// The parties with the dealer's role.
pub(super) fn dealers(f: &Fields<'_>) -> Result<Vec<DealerId>, DecodeError> {
    let entries =
        f.group(tag::PARTY_ID, &[tag::PARTY_ID_SOURCE, tag::PARTY_ROLE], 0..f.as_slice().len());
    // NoPartyIDs must equal the number of parties: any other number hides or invents some.
    let announced = match f.get(tag::NO_PARTY_IDS) {
        Some(n) => parse_number(n).ok_or(DecodeError::Bad(tag::NO_PARTY_IDS))?,
        None => 0,
    };
    if announced != entries.len() {
        return Err(DecodeError::Bad(tag::NO_PARTY_IDS));
    }
    let mut out = Vec::new();
    for e in entries {
        let r = Reader(&f.as_slice()[e]);
        if r.opt(tag::PARTY_ROLE) == Some(b"35") {
            out.push(r.id(tag::PARTY_ID, DealerId::new)?);
        }
        // One more than allowed is kept, so that the terms' own check can say what is wrong.
        if out.len() > MAX_DEALERS_PER_RFQ + 1 {
            return Err(DecodeError::Bad(tag::NO_PARTY_IDS));
        }
    }
    Ok(out)
}

fn dealer(f: &Fields<'_>) -> Result<Option<DealerId>, DecodeError> {
    let mut all = dealers(f)?;
    match all.len() {
        0 | 1 => Ok(all.pop()),
        _ => Err(DecodeError::Bad(tag::NO_PARTY_IDS)),
    }
}
