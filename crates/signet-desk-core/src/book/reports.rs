//! What a dealer or the gateway reports about accepts: every report leaves a row or a notice.

use super::*;
use signet_rfq::{
    Dispute,
    lifecycle::{AcceptEvent, AcceptPhase, Meaning, meaning},
};

impl Book {
    /// What an earlier run of this desk accepted, word for word as the gateway passed it on.
    pub(super) fn accept_restored(&mut self, r: QuoteResponse) {
        let current = self.restoring.as_ref().and_then(|(_, c)| c.clone());
        let (Some(rfq), Some(dealer)) = (r.rfq.clone().filter(|_| r.rfq == current), r.dealer.clone()) else {
            return tracing::warn!(accept = %r.id, "an accept outside a snapshot was ignored");
        };
        let Some(i) = self.items.get_mut(&rfq) else { return };
        if i.rfq.sent_before(r.accept(rfq, dealer)) {
            i.rfq.answer_lost();
            i.dirty = true;
        }
    }

    pub(super) fn report(&mut self, e: ExecutionReport, now: UtcMillis) {
        let Some(id) = rfq_of_accept(&e.accept) else {
            return self.notice(NoticeKind::Bad, "report_unknown", report_words(&e), None, now);
        };
        let from_gateway_itself = !self.direct && (e.exec_type, e.status) == (ExecType::Status, OrdStatus::New);
        if !from_gateway_itself {
            self.settled(&id);
        }
        let at = self.clock.gateway(now);
        if e.disputed && self.items.get(&id).is_some_and(|i| i.rfq.accept_of(&e.accept).is_none()) {
            return self.disputed_before(&id, &e, at, now);
        }
        let Some(item) = self.items.get_mut(&id).filter(|i| i.rfq.accept_of(&e.accept).is_some()) else {
            return self.report_without_rfq(&id, &e, now);
        };
        item.dirty = true;
        if from_gateway_itself {
            // The gateway tells of the accept as it holds it; with words when it has lost sight of it itself.
            if e.text.is_some() {
                item.rfq.answer_lost();
            }
            return;
        }
        let by_dealer = e.dealer.is_some();
        let by = |why| if by_dealer { Declined::ByDealer(why) } else { Declined::ByGateway(why) };
        let Ok(taken) = item.rfq.report(&e.accept, &e.report(), by, at) else { return };
        if let Some(d) = &taken.dispute {
            let why = e.text.clone().filter(|_| e.disputed);
            let told = Dispute { why: why.unwrap_or_else(|| d.why.clone()), ..d.clone() };
            return self.disputed(&id, &told, now);
        }
        match (taken.event, taken.changed) {
            (AcceptEvent::Noted, _) => self.notice(NoticeKind::Plain, "report_noted", report_words(&e), Some(&id), now),
            (_, false) | (AcceptEvent::Working | AcceptEvent::Repeated, _) => {}
            (AcceptEvent::Refused | AcceptEvent::NothingTraded, _) => self.refused(&id, by_dealer, now),
            (AcceptEvent::TradeCancelled | AcceptEvent::TradeCorrected, _) => self.trade_changed(&id, taken.after, now),
            _ => self.traded(&id, now),
        }
    }

    fn refused(&mut self, id: &RfqId, by_dealer: bool, now: UtcMillis) {
        let state = self.items.get(id).and_then(|i| i.rfq.accept.clone()).map(|(_, s)| s);
        let Some(Accepting::Declined(why)) = state else { return };
        let who = if by_dealer { "the dealer" } else { "the gateway" };
        self.notice(NoticeKind::Bad, "accept_declined", format!("Declined by {who}: {}", why.reason()), Some(id), now);
    }

    fn traded(&mut self, id: &RfqId, now: UtcMillis) {
        let text = self.blot_trade(id, now);
        self.notice(NoticeKind::Good, "filled", text, Some(id), now);
    }

    /// A bust or a correction: the row says so, and the trader must hear of it.
    fn trade_changed(&mut self, id: &RfqId, after: AcceptPhase, now: UtcMillis) {
        let text = self.blot_trade(id, now);
        let code = if after == AcceptPhase::Busted { "trade_busted" } else { "trade_corrected" };
        self.notice(NoticeKind::Bad, code, format!("{text}. Check it with the dealer."), Some(id), now);
    }

    /// Writes the rows of a trade, and tells it in words.
    fn blot_trade(&mut self, id: &RfqId, now: UtcMillis) -> String {
        let at = self.clock.gateway(now);
        let names = self.names();
        let Some(item) = self.items.get(id) else { return String::new() };
        let instrument = self.catalogue.get(&item.rfq.terms.instrument);
        let row = present::trade_row(&item.rfq, instrument, &names, at);
        let text = present::outcome_text(&item.rfq, instrument, &names);
        if let Some(row) = row {
            self.blot(BlotterTab::Trades, row);
        }
        self.blot_rfq(id);
        text
    }

    /// A trade that nobody here agreed to, or that comes when nothing may come.
    fn disputed(&mut self, id: &RfqId, d: &Dispute, now: UtcMillis) {
        tracing::error!(rfq = %id, why = d.why, "an execution does not match what was accepted");
        let text = format!("The dealer reports a trade that is not what you accepted ({}). Call the dealer and your desk head now.", d.why);
        let names = self.names();
        if let Some(i) = self.items.get_mut(id) {
            i.problem = Some(problem("execution_mismatch", text.clone(), "Do not trade this RFQ again until it is settled by people."));
            let row = present::dispute_row(d, &i.rfq, self.catalogue.get(&i.rfq.terms.instrument), &names);
            self.blot(BlotterTab::Trades, row);
        }
        self.notice(NoticeKind::Bad, "execution_mismatch", text, Some(id), now);
        self.blot_rfq(id);
    }

    /// A dispute about an accept of an earlier run, in an RFQ that is on screen.
    fn disputed_before(&mut self, id: &RfqId, e: &ExecutionReport, at: UtcMillis, now: UtcMillis) {
        let (Some(dealer), Some(i)) = (e.dealer.clone(), self.items.get_mut(id)) else { return };
        let d = Dispute {
            accept: e.accept.clone(),
            dealer,
            exec_id: e.exec_id.clone(),
            kind: e.exec_type,
            side: e.side,
            price: e.last.map_or(e.avg_px, |l| l.price),
            quantity: e.cum_qty,
            settlement_date: e.settlement_date.clone(),
            at: e.at,
            received: at,
            why: e.text.clone().unwrap_or_else(|| "the gateway says that it does not fit".into()),
        };
        i.dirty = true;
        if i.rfq.note_dispute(d.clone()) {
            self.disputed(id, &d, now);
        }
    }

    /// A report about an accept that is not on this screen: of an earlier run, most likely. It belongs in the
    /// blotter, and what does not fit the row that is there already is shown beside it.
    fn report_without_rfq(&mut self, id: &RfqId, e: &ExecutionReport, now: UtcMillis) {
        let names = self.names();
        let instrument = self.catalogue.get(&e.instrument).cloned();
        let row = present::late_trade_row(id, e, instrument.as_ref(), &names);
        let known = self.blotter.get(BlotterTab::Trades, e.accept.as_str()).cloned();
        let executed = e.cum_qty > rust_decimal::Decimal::ZERO;
        let changed = |known: BlotterRow, status: &str| BlotterRow { status: status.into(), ..known };
        let meaning = if e.disputed { Meaning::Contradiction } else { meaning(e.exec_type, e.status, executed) };
        match (meaning, known) {
            (Meaning::Execution | Meaning::ExecutedSoFar, None) => {
                let text =
                    format!("A trade from before this start: {} {} at {}", row.side, row.symbol, row.price.clone().unwrap_or_default());
                self.blot_late(id, row);
                self.notice(NoticeKind::Good, "filled_while_away", text, None, now);
            }
            // Told again after a restart: the same trade, or one that was corrected or cancelled since.
            (Meaning::Execution | Meaning::ExecutedSoFar, Some(k)) if same_trade(&k, &row) || changed_since(&k) => {}
            (Meaning::TradeCancelled, Some(k)) => {
                let text = format!("A trade was cancelled by the dealer: {} {}. Check it with the dealer.", k.side, k.symbol);
                self.blot_late(id, changed(k, "Cancelled by the dealer"));
                self.notice(NoticeKind::Bad, "trade_busted", text, None, now);
            }
            (Meaning::TradeCorrected, Some(k)) => {
                let text = format!("A trade was corrected by the dealer: {} {}. Check it with the dealer.", k.side, k.symbol);
                let new = BlotterRow { price: row.price, quantity: row.quantity, exec_id: row.exec_id, ..k };
                self.blot_late(id, changed(new, "Corrected"));
                self.notice(NoticeKind::Bad, "trade_corrected", text, None, now);
            }
            (
                Meaning::Execution | Meaning::ExecutedSoFar | Meaning::TradeCancelled | Meaning::TradeCorrected | Meaning::Contradiction,
                _,
            ) => {
                let row = present::late_dispute_row(id, e, instrument.as_ref(), &names);
                if self.blotter.get(BlotterTab::Trades, &row.id).is_some() {
                    return;
                }
                self.blot(BlotterTab::Trades, row);
                let text = "The dealer reports a trade that does not fit what is known. Call the dealer and your desk head now.".to_owned();
                self.notice(NoticeKind::Bad, "execution_mismatch", text, None, now);
            }
            (Meaning::Working | Meaning::Refused | Meaning::NothingTraded | Meaning::Noted, _) => {
                tracing::info!(accept = %e.accept, "{}", report_words(e));
            }
        }
    }

    fn blot_late(&mut self, id: &RfqId, row: BlotterRow) {
        if let Some(mut r) = self.blotter.get(BlotterTab::Rfqs, id.as_str()).cloned() {
            r.status = row.status.clone();
            r.price = row.price.clone();
            self.blot(BlotterTab::Rfqs, r);
        }
        self.blot(BlotterTab::Trades, row);
    }

    /// The gateway, or a plain venue, could not process something. What became of an accept is asked: under its
    /// id one may be under way already.
    pub(super) fn business_reject(&mut self, j: BusinessReject, now: UtcMillis) -> Vec<AppMessage> {
        let text = j.text.clone().unwrap_or_else(|| "no reason given".into());
        let what = match (&j.ref_id, j.ref_seq_num) {
            (Some(id), _) if j.ref_msg_type == "AJ" => AcceptId::new(id.as_str()).ok().map(Sent::Accept),
            (Some(id), _) => RfqId::new(id.as_str()).ok().map(Sent::Rfq),
            (None, Some(seq)) => self.sent.get(&seq).cloned(),
            (None, None) => None,
        };
        let rfq = match &what {
            Some(Sent::Rfq(id)) => Some(id.clone()),
            Some(Sent::Accept(a)) => rfq_of_accept(a),
            None => None,
        };
        let rfq = rfq.filter(|id| self.items.contains_key(id));
        self.notice(NoticeKind::Bad, "gateway_rejected", format!("The {} could not do this: {text}", self.peer()), rfq.as_ref(), now);
        if self.direct {
            let by_number = match what {
                Some(Sent::Accept(a)) => Some(a.to_string()),
                Some(Sent::Rfq(id)) => Some(id.to_string()),
                None => None,
            };
            self.not_processed(&BusinessReject { ref_id: j.ref_id.clone().or(by_number), ..j });
            return Vec::new();
        }
        match what {
            Some(Sent::Rfq(id)) if j.ref_msg_type == "R" => {
                // A duplicate of one that is open is refused without harm to it.
                if self.items.get(&id).is_some_and(|i| i.rfq.state == rfq::RfqState::Sent) {
                    self.end_unprocessed(&id, &text);
                }
                Vec::new()
            }
            Some(Sent::Accept(a)) => self.ask_about(&a).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    fn ask_about(&self, a: &AcceptId) -> Option<AppMessage> {
        let rfq = &self.items.get(&rfq_of_accept(a)?)?.rfq;
        let (a, _) = rfq.accept_of(a).filter(|(_, s)| s.in_flight())?;
        let (accept, instrument) = (a.id.clone(), a.instrument.clone());
        Some(AppMessage::OrderStatusRequest(OrderStatusRequest { accept, instrument, side: a.side, dealer: None }))
    }

    fn end_unprocessed(&mut self, id: &RfqId, text: &str) {
        if let Some(i) = self.items.get_mut(id) {
            i.rfq.refuse(text.into());
            i.dirty = true;
        }
        self.blot_rfq(id);
    }

    /// A session-level reject of something we sent: it could not even be read, so nothing was done about it.
    pub fn session_reject(&mut self, seq: u64, text: &str, now: UtcMillis) {
        let sent = self.sent.get(&seq).cloned();
        let words = format!("The {} rejected a message of this desk: {text}", self.peer());
        let rfq = match sent {
            Some(Sent::Rfq(id)) => {
                self.end_unprocessed(&id, text);
                Some(id)
            }
            Some(Sent::Accept(a)) => rfq_of_accept(&a).inspect(|id| {
                if let Some(i) = self.items.get_mut(id) {
                    let _ = i.rfq.declined(&a, Declined::ByGateway(text.into()));
                    i.dirty = true;
                }
            }),
            None => None,
        };
        self.notice(NoticeKind::Bad, "gateway_reject", words, rfq.as_ref(), now);
        self.tidy_in_flight();
        self.changed();
    }
}

/// A report in words, for a notice: nothing a dealer says goes unseen.
fn report_words(e: &ExecutionReport) -> String {
    let why = e.text.as_ref().map(|t| format!(": {t}")).unwrap_or_default();
    format!("The dealer reports about accept {}: {} ({}){why}", e.accept, e.exec_type.words(), e.status.words())
}

fn same_trade(known: &BlotterRow, told: &BlotterRow) -> bool {
    (&known.quantity, &known.price, &known.side, &known.instrument) == (&told.quantity, &told.price, &told.side, &told.instrument)
}

fn changed_since(known: &BlotterRow) -> bool {
    matches!(known.status.as_str(), "Corrected" | "Cancelled by the dealer")
}
