//! Writes the body of a message: one function for each type that trades; reference data, step-up
//! and access have their own files.

use super::{
    AppMessage, ApproveAhead, BusinessReject, ExecutionReport, OrderStatusRequest, QuoteCancel,
    QuoteMsg, QuoteRequest, QuoteRequestReject, QuoteResponse, QuoteStatusReport,
    ROLE_LIQUIDITY_PROVIDER, Response, access, execution::DISPUTED, handover, instrument,
    instrument::side, legs, reference, stepup,
};
use crate::{tag, tagvalue::Body};
use signet_rfq::{Ask, Benchmark, DealerId, Limit, Over, StatedType};

pub(super) fn message(m: &AppMessage) -> Body {
    let mut b = Body::new(m.msg_type());
    match m {
        AppMessage::QuoteRequest(q) => quote_request(&mut b, q),
        AppMessage::QuoteRequestReject(r) => quote_request_reject(&mut b, r),
        AppMessage::Quote(q) => quote(&mut b, q),
        AppMessage::QuoteCancel(c) => quote_cancel(&mut b, c),
        AppMessage::QuoteResponse(r) => quote_response(&mut b, r),
        AppMessage::ApproveAhead(a) => approve_ahead(&mut b, a),
        AppMessage::QuoteStatusReport(s) => quote_status_report(&mut b, s),
        AppMessage::ExecutionReport(e) => execution(&mut b, e),
        AppMessage::OrderStatusRequest(h) => order_status_request(&mut b, h),
        AppMessage::BusinessReject(j) => business_reject(&mut b, j),
        AppMessage::SecurityListRequest(x) => reference::encode_list_request(&mut b, x),
        AppMessage::SecurityList(y) => reference::encode_list(&mut b, y),
        AppMessage::SecurityListUnchanged { request } => {
            reference::encode_unchanged(&mut b, request)
        }
        AppMessage::VenueState(u) => reference::encode_venue(&mut b, u),
        AppMessage::Snapshot(u) => reference::encode_snapshot(&mut b, u),
        AppMessage::RfqCancel { rfq, text: t } => {
            b.put(tag::QUOTE_REQ_ID, rfq);
            text(&mut b, t);
        }
        AppMessage::StepUpChallenge(c) => stepup::encode_challenge(&mut b, c),
        AppMessage::StepUpAnswer(a) => stepup::encode_answer(&mut b, a),
        AppMessage::StepUpOutcome(o) => stepup::encode_outcome(&mut b, o),
        AppMessage::AccessDecision(d) => access::encode_decision(&mut b, d),
        AppMessage::PostureRequest { nonce } => access::encode_posture_request(&mut b, nonce),
        AppMessage::PostureReport { envelope } => access::encode_posture_report(&mut b, envelope),
        AppMessage::AccessState(s) => stepup::encode_access(&mut b, s),
        AppMessage::StepUpRequest { reason } => b.put(tag::STEP_UP_REASON, reason),
        AppMessage::KeyRequest(k) => stepup::encode_key_request(&mut b, k),
        AppMessage::KeyReport(k) => stepup::encode_key_report(&mut b, k),
        AppMessage::GroupRequest { at } => handover::encode_request(&mut b, *at),
        AppMessage::TakeOver(t) => handover::encode_take_over(&mut b, t),
        AppMessage::Group(g) => handover::encode_group(&mut b, g),
        AppMessage::HandOver(h) => handover::encode_hand_over(&mut b, h),
    }
    b
}

pub(super) fn quote_request(b: &mut Body, q: &QuoteRequest) {
    b.put(tag::QUOTE_REQ_ID, &q.id);
    b.put(tag::NO_RELATED_SYM, 1);
    instrument::put(b, &q.instrument, q.isin);
    // Manual (1) or automatic (2): asked by a person.
    b.put(tag::QUOTE_REQUEST_TYPE, 1);
    b.put(tag::QUOTE_TYPE, 1);
    match q.ask {
        Ask::Buy => b.put(tag::SIDE, '1'),
        Ask::Sell => b.put(tag::SIDE, '2'),
        // FIX 4.4: a request without Side wants both.
        Ask::TwoWay => {}
    }
    b.put(tag::ORDER_QTY, q.quantity);
    b.put(tag::SETTL_DATE, &q.settlement_date);
    b.put(tag::CURRENCY, &q.currency);
    if let Some(least) = q.min_quantity {
        b.put(tag::NO_STIPULATIONS, 1);
        b.put(tag::STIPULATION_TYPE, tag::LEAST_QUANTITY);
        b.put(tag::STIPULATION_VALUE, least);
    }
    legs::encode_asked(b, &q.legs);
    b.put(tag::EXPIRE_TIME, q.expires);
    b.put(tag::TRANSACT_TIME, q.at);
    // A price per unit is asked for by saying nothing.
    let stated = q.price_type.stated().or_else(|| q.isin.then(|| q.price_type.stated_by(true)));
    price_type(b, stated);
    parties(b, &q.dealers);
}

/// What the numbers count. What a spread is said to be over, and is not read, leaves 423=0, which
/// nothing is of: without it the number would be read as a spread.
fn price_type(b: &mut Body, stated: Option<StatedType>) {
    let Some(stated) = stated else { return };
    match stated.over() {
        Over::Unsaid => b.put(tag::PRICE_TYPE, stated.code()),
        // A journal says what its dealer stated.
        Over::Curve(name) => {
            b.put(tag::BENCHMARK_CURVE_NAME, name);
            b.put(tag::PRICE_TYPE, stated.code());
        }
        Over::Reference(of) => {
            benchmark(b, of);
            b.put(tag::PRICE_TYPE, stated.code());
        }
        Over::Unreadable => b.put(tag::PRICE_TYPE, 0),
    }
}

/// What a discount margin is over.
pub(super) fn benchmark(b: &mut Body, of: Benchmark) {
    b.put(tag::BENCHMARK_CURVE_CURRENCY, of.currency.to_string());
    b.put(tag::BENCHMARK_CURVE_NAME, of.rate.curve_name());
    b.put(tag::BENCHMARK_CURVE_POINT, of.point.to_string());
}

fn quote_request_reject(b: &mut Body, r: &QuoteRequestReject) {
    b.put(tag::QUOTE_REQ_ID, &r.rfq);
    b.put(tag::QUOTE_REQUEST_REJECT_REASON, r.reason);
    b.put(tag::NO_RELATED_SYM, 1);
    instrument::put(b, &r.instrument, false);
    parties(b, r.dealer.as_slice());
    text(b, &r.text);
    if let Some(a) = &r.advice {
        b.put_text(tag::REASON_CODE, &a.code);
        if !a.cure.is_empty() {
            b.put_text(tag::CURE, &a.cure);
        }
    }
}

fn quote(b: &mut Body, q: &QuoteMsg) {
    b.put(tag::QUOTE_REQ_ID, &q.rfq);
    b.put(tag::QUOTE_ID, &q.id);
    b.put(tag::QUOTE_TYPE, u8::from(q.tradeable));
    parties(b, q.dealer.as_slice());
    instrument::put(b, &q.instrument, false);
    b.put_opt(tag::SIDE, q.qualifiers.side.map(side));
    b.put_opt(tag::SETTL_DATE, q.qualifiers.settlement_date.as_deref());
    b.put_opt(tag::CURRENCY, q.qualifiers.currency.as_deref());
    legs::encode(b, &q.legs);
    price_type(b, q.qualifiers.price_type);
    b.put_opt(tag::BID_PX, q.bid.map(|l| l.price));
    b.put_opt(tag::OFFER_PX, q.offer.map(|l| l.price));
    b.put_opt(tag::BID_SIZE, q.bid.map(|l| l.size));
    b.put_opt(tag::OFFER_SIZE, q.offer.map(|l| l.size));
    b.put(tag::VALID_UNTIL_TIME, q.valid_until);
    b.put(tag::TRANSACT_TIME, q.at);
}

fn quote_cancel(b: &mut Body, c: &QuoteCancel) {
    b.put_opt(tag::QUOTE_REQ_ID, c.rfq.as_ref());
    b.put_opt(tag::QUOTE_ID, c.quote.as_ref());
    b.put(tag::QUOTE_CANCEL_TYPE, if c.quote.is_some() { 1 } else { 4 });
    parties(b, c.dealer.as_slice());
    if let Some(id) = &c.instrument {
        b.put(tag::NO_QUOTE_ENTRIES, 1);
        instrument::put(b, id, false);
    }
    if c.unreachable {
        b.put(tag::DEALER_ONLINE, 'N');
    }
}

fn quote_response(b: &mut Body, r: &QuoteResponse) {
    b.put(tag::QUOTE_RESP_ID, &r.id);
    b.put_opt(tag::QUOTE_REQ_ID, r.rfq.as_ref());
    b.put(tag::QUOTE_ID, &r.quote);
    b.put(
        tag::QUOTE_RESP_TYPE,
        match r.response {
            Response::HitOrLift => 1,
            Response::Counter => 2,
            Response::Pass => 6,
        },
    );
    b.put(tag::CL_ORD_ID, &r.id);
    parties(b, r.dealer.as_slice());
    instrument::put(b, &r.instrument, r.isin);
    b.put(tag::SIDE, side(r.side));
    b.put(tag::ORDER_QTY, r.quantity);
    b.put_opt(tag::SETTL_DATE, r.settlement_date.as_ref());
    b.put_opt(tag::CURRENCY, r.currency.as_ref());
    legs::encode(b, &r.legs);
    b.put_opt(tag::VALID_UNTIL_TIME, r.deadline);
    b.put(tag::TRANSACT_TIME, r.at);
    b.put(tag::PRICE, r.price);
    price_type(b, r.price_type.stated());
    if let Some(l) = &r.limit {
        limit(b, l);
    }
    text(b, &r.text);
}

fn limit(b: &mut Body, limit: &Limit) {
    b.put(tag::PRICE_LIMIT, limit.price);
    b.put(tag::LIMIT_UNTIL, limit.until);
}

fn approve_ahead(b: &mut Body, a: &ApproveAhead) {
    b.put(tag::QUOTE_REQ_ID, &a.rfq);
    b.put(tag::SIDE, side(a.side));
    b.put(tag::ORDER_QTY, a.quantity);
    limit(b, &a.limit);
}

fn quote_status_report(b: &mut Body, s: &QuoteStatusReport) {
    b.put(tag::QUOTE_REQ_ID, &s.rfq);
    match &s.quote {
        Some(q) => b.put(tag::QUOTE_ID, q),
        // FIX 4.4 requires a QuoteID here; the report is about the request, so it is its
        // id.
        None => b.put(tag::QUOTE_ID, &s.rfq),
    }
    b.put_opt(tag::QUOTE_RESP_ID, s.answers.as_ref());
    instrument::put(b, &s.instrument, false);
    b.put_opt(tag::VALID_UNTIL_TIME, s.until);
    b.put(tag::QUOTE_STATUS, s.status.code());
    text(b, &s.text);
}

fn execution(b: &mut Body, e: &ExecutionReport) {
    b.put(tag::ORDER_ID, &e.order_id);
    b.put(tag::CL_ORD_ID, &e.accept);
    b.put(tag::QUOTE_RESP_ID, &e.accept);
    parties(b, e.dealer.as_slice());
    b.put(tag::EXEC_ID, &e.exec_id);
    b.put_opt(tag::EXEC_REF_ID, e.exec_ref.as_ref());
    b.put(tag::EXEC_TYPE, e.exec_type.code());
    b.put(tag::ORD_STATUS, e.status.code());
    b.put_opt(tag::ORD_REJ_REASON, e.reject_reason);
    b.put_opt(tag::SETTL_DATE, e.settlement_date.as_ref());
    instrument::put(b, &e.instrument, false);
    b.put(tag::SIDE, side(e.side));
    price_type(b, e.price_type);
    b.put_opt(tag::PRICE, e.price);
    b.put_opt(tag::CURRENCY, e.currency.as_ref());
    b.put_opt(tag::LAST_QTY, e.last.map(|l| l.size));
    b.put_opt(tag::LAST_PX, e.last.map(|l| l.price));
    b.put(tag::LEAVES_QTY, e.leaves_qty);
    b.put(tag::CUM_QTY, e.cum_qty);
    b.put(tag::AVG_PX, e.avg_px);
    b.put(tag::TRANSACT_TIME, e.at);
    if e.disputed {
        b.put(tag::REASON_CODE, DISPUTED);
    }
    text(b, &e.text);
    legs::encode(b, &e.legs);
}

fn order_status_request(b: &mut Body, h: &OrderStatusRequest) {
    b.put(tag::CL_ORD_ID, &h.accept);
    parties(b, h.dealer.as_slice());
    instrument::put(b, &h.instrument, false);
    b.put(tag::SIDE, side(h.side));
    b.put_opt(tag::TRANSACT_TIME, h.sent);
}

fn business_reject(b: &mut Body, j: &BusinessReject) {
    b.put_opt(tag::REF_SEQ_NUM, j.ref_seq_num);
    b.put(tag::REF_MSG_TYPE, &j.ref_msg_type);
    b.put_opt(tag::BUSINESS_REJECT_REF_ID, j.ref_id.as_ref());
    b.put(tag::BUSINESS_REJECT_REASON, j.reason);
    text(b, &j.text);
}

pub(super) fn parties(b: &mut Body, dealers: &[DealerId]) {
    if dealers.is_empty() {
        return;
    }
    b.put(tag::NO_PARTY_IDS, dealers.len());
    for d in dealers {
        b.put(tag::PARTY_ID, d);
        b.put(tag::PARTY_ID_SOURCE, 'D');
        b.put(tag::PARTY_ROLE, ROLE_LIQUIDITY_PROVIDER);
    }
}

fn text(b: &mut Body, t: &Option<String>) {
    if let Some(t) = t {
        b.put_text(tag::TEXT, t);
    }
}
