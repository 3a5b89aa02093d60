use super::*;

pub(super) fn message(m: &AppMessage) -> Body {
    let mut b = Body::new(m.msg_type());
    match m {
        AppMessage::QuoteRequest(q) => quote_request(&mut b, q),
        AppMessage::QuoteRequestReject(r) => {
            b.put(QUOTE_REQ_ID, &r.rfq);
            b.put(QUOTE_REQUEST_REJECT_REASON, r.reason);
            b.put(NO_RELATED_SYM, 1);
            b.put(SYMBOL, &r.instrument);
            parties(&mut b, r.dealer.as_slice());
            text(&mut b, &r.text);
            if let Some(a) = &r.advice {
                b.put_text(REASON_CODE, &a.code);
                if !a.cure.is_empty() {
                    b.put_text(CURE, &a.cure);
                }
            }
        }
        AppMessage::Quote(q) => quote(&mut b, q),
        AppMessage::QuoteCancel(c) => {
            b.put_opt(QUOTE_REQ_ID, c.rfq.as_ref());
            b.put_opt(QUOTE_ID, c.quote.as_ref());
            b.put(QUOTE_CANCEL_TYPE, if c.quote.is_some() { 1 } else { 4 });
            parties(&mut b, c.dealer.as_slice());
            if let Some(instrument) = &c.instrument {
                b.put(NO_QUOTE_ENTRIES, 1);
                b.put(SYMBOL, instrument);
            }
            if c.unreachable {
                b.put(DEALER_ONLINE, 'N');
            }
        }
        AppMessage::QuoteResponse(r) => quote_response(&mut b, r),
        AppMessage::QuoteStatusReport(s) => {
            b.put(QUOTE_REQ_ID, &s.rfq);
            match &s.quote {
                Some(q) => b.put(QUOTE_ID, q),
                // FIX 4.4 requires a QuoteID here; the report is about the request, so it is its
                // id.
                None => b.put(QUOTE_ID, &s.rfq),
            }
            b.put_opt(QUOTE_RESP_ID, s.answers.as_ref());
            b.put(SYMBOL, &s.instrument);
            b.put_opt(VALID_UNTIL_TIME, s.until);
            b.put(QUOTE_STATUS, s.status.code());
            text(&mut b, &s.text);
        }
        AppMessage::ExecutionReport(e) => execution(&mut b, e),
        AppMessage::OrderStatusRequest(h) => {
            b.put(CL_ORD_ID, &h.accept);
            parties(&mut b, h.dealer.as_slice());
            b.put(SYMBOL, &h.instrument);
            b.put(SIDE, side(h.side));
        }
        AppMessage::BusinessReject(j) => {
            b.put_opt(REF_SEQ_NUM, j.ref_seq_num);
            b.put(REF_MSG_TYPE, &j.ref_msg_type);
            b.put_opt(BUSINESS_REJECT_REF_ID, j.ref_id.as_ref());
            b.put(BUSINESS_REJECT_REASON, j.reason);
            text(&mut b, &j.text);
        }
        AppMessage::SecurityListRequest(x) => reference::encode_list_request(&mut b, x),
        AppMessage::SecurityList(y) => reference::encode_list(&mut b, y),
        AppMessage::VenueState(u) => reference::encode_venue(&mut b, u),
        AppMessage::Snapshot(u) => reference::encode_snapshot(&mut b, u),
        AppMessage::RfqCancel { rfq, text: t } => {
            b.put(QUOTE_REQ_ID, rfq);
            text(&mut b, t);
        }
        AppMessage::StepUpChallenge(c) => stepup::encode_challenge(&mut b, c),
        AppMessage::StepUpAnswer(a) => stepup::encode_answer(&mut b, a),
        AppMessage::StepUpOutcome(o) => stepup::encode_outcome(&mut b, o),
        AppMessage::AccessDecision(d) => access::encode_decision(&mut b, d),
        AppMessage::PostureRequest { nonce } => access::encode_posture_request(&mut b, nonce),
        AppMessage::PostureReport { envelope } => access::encode_posture_report(&mut b, envelope),
        AppMessage::AccessState(s) => stepup::encode_access(&mut b, s),
        AppMessage::StepUpRequest { reason } => b.put(STEP_UP_REASON, reason),
        AppMessage::KeyRequest(k) => stepup::encode_key_request(&mut b, k),
        AppMessage::KeyReport(k) => stepup::encode_key_report(&mut b, k),
    }
    b
}

pub(super) fn quote_request(b: &mut Body, q: &QuoteRequest) {
    b.put(QUOTE_REQ_ID, &q.id);
    b.put(NO_RELATED_SYM, 1);
    instrument(b, &q.instrument, q.isin);
    // Manual (1) or automatic (2): asked by a person.
    b.put(QUOTE_REQUEST_TYPE, 1);
    b.put(QUOTE_TYPE, 1);
    match q.ask {
        Ask::Buy => b.put(SIDE, '1'),
        Ask::Sell => b.put(SIDE, '2'),
        // FIX 4.4: a request without Side wants both.
        Ask::TwoWay => {}
    }
    b.put(ORDER_QTY, q.quantity);
    b.put(SETTL_DATE, &q.settlement_date);
    b.put(CURRENCY, &q.currency);
    b.put(EXPIRE_TIME, q.expires);
    b.put(TRANSACT_TIME, q.at);
    if q.isin {
        // Percentage of par.
        b.put(PRICE_TYPE, 1);
    }
    parties(b, &q.dealers);
}

fn quote(b: &mut Body, q: &QuoteMsg) {
    b.put(QUOTE_REQ_ID, &q.rfq);
    b.put(QUOTE_ID, &q.id);
    b.put(QUOTE_TYPE, u8::from(q.tradeable));
    parties(b, q.dealer.as_slice());
    b.put(SYMBOL, &q.instrument);
    b.put_opt(SIDE, q.qualifiers.side.map(side));
    b.put_opt(SETTL_DATE, q.qualifiers.settlement_date.as_deref());
    b.put_opt(CURRENCY, q.qualifiers.currency.as_deref());
    b.put_opt(PRICE_TYPE, q.qualifiers.price_type);
    b.put_opt(BID_PX, q.bid.map(|l| l.price));
    b.put_opt(OFFER_PX, q.offer.map(|l| l.price));
    b.put_opt(BID_SIZE, q.bid.map(|l| l.size));
    b.put_opt(OFFER_SIZE, q.offer.map(|l| l.size));
    b.put(VALID_UNTIL_TIME, q.valid_until);
    b.put(TRANSACT_TIME, q.at);
}

fn quote_response(b: &mut Body, r: &QuoteResponse) {
    b.put(QUOTE_RESP_ID, &r.id);
    b.put_opt(QUOTE_REQ_ID, r.rfq.as_ref());
    b.put(QUOTE_ID, &r.quote);
    b.put(
        QUOTE_RESP_TYPE,
        match r.response {
            Response::HitOrLift => 1,
            Response::Pass => 6,
        },
    );
    b.put(CL_ORD_ID, &r.id);
    parties(b, r.dealer.as_slice());
    instrument(b, &r.instrument, r.isin);
    b.put(SIDE, side(r.side));
    b.put(ORDER_QTY, r.quantity);
    b.put_opt(SETTL_DATE, r.settlement_date.as_ref());
    b.put_opt(CURRENCY, r.currency.as_ref());
    b.put(TRANSACT_TIME, r.at);
    b.put(PRICE, r.price);
}

fn execution(b: &mut Body, e: &ExecutionReport) {
    b.put(ORDER_ID, &e.order_id);
    b.put(CL_ORD_ID, &e.accept);
    b.put(QUOTE_RESP_ID, &e.accept);
    parties(b, e.dealer.as_slice());
    b.put(EXEC_ID, &e.exec_id);
    b.put_opt(EXEC_REF_ID, e.exec_ref.as_ref());
    b.put(EXEC_TYPE, e.exec_type.code());
    b.put(ORD_STATUS, e.status.code());
    b.put_opt(ORD_REJ_REASON, e.reject_reason);
    b.put_opt(SETTL_DATE, e.settlement_date.as_ref());
    b.put(SYMBOL, &e.instrument);
    b.put(SIDE, side(e.side));
    b.put_opt(CURRENCY, e.currency.as_ref());
    b.put_opt(LAST_QTY, e.last.map(|l| l.size));
    b.put_opt(LAST_PX, e.last.map(|l| l.price));
    b.put(LEAVES_QTY, e.leaves_qty);
    b.put(CUM_QTY, e.cum_qty);
    b.put(AVG_PX, e.avg_px);
    b.put(TRANSACT_TIME, e.at);
    if e.disputed {
        b.put(REASON_CODE, DISPUTED);
    }
    text(b, &e.text);
}

pub(super) fn instrument(b: &mut Body, id: &InstrumentId, isin: bool) {
    b.put(SYMBOL, id);
    if isin {
        b.put(SECURITY_ID, id);
        b.put(SECURITY_ID_SOURCE, 4);
    }
}

pub(super) fn parties(b: &mut Body, dealers: &[DealerId]) {
    if dealers.is_empty() {
        return;
    }
    b.put(NO_PARTY_IDS, dealers.len());
    for d in dealers {
        b.put(PARTY_ID, d);
        b.put(PARTY_ID_SOURCE, 'D');
        b.put(PARTY_ROLE, ROLE_LIQUIDITY_PROVIDER);
    }
}

fn text(b: &mut Body, t: &Option<String>) {
    if let Some(t) = t {
        b.put_text(TEXT, t);
    }
}

fn side(s: Side) -> char {
    match s {
        Side::Buy => '1',
        Side::Sell => '2',
    }
}
