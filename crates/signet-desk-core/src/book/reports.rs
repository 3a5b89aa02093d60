//! Execution reports of a dealer or the gateway: every report leaves a row or a notice.

use super::{Book, rfq_of_accept};
use crate::{
    present, price,
    problem::problem,
    view::{BlotterRow, BlotterTab, NoticeKind},
};
use signet_fix::message::{ExecType, ExecutionReport, OrdStatus};
use signet_rfq::{
    AcceptState, Declined, Dispute, RfqId, Taken, UtcMillis,
    lifecycle::{AcceptEvent, AcceptPhase},
};

/// OrdRejReason (103): unknown order.
const UNKNOWN_ORDER: u16 = 5;

/// The gateway will never say what became of an accept.
pub(super) const UNSETTLED: &str = "accept.unsettled";

impl Book {
    pub(super) fn report(&mut self, e: ExecutionReport, now: UtcMillis) {
        let Some(id) = rfq_of_accept(&e.accept) else {
            return self.notice(NoticeKind::Bad, "report.unknown", report_words(&e), None, now);
        };
        let from_gateway_itself = !self.connection.direct
            && (e.exec_type, e.status) == (ExecType::Status, OrdStatus::New);
        self.questions.answered(&e.accept);
        if !from_gateway_itself {
            self.settled(&id);
        }
        let at = self.clock.gateway(now);
        let e = self.in_own_numbers(&id, e);
        if e.disputed && self.screen.get(&id).is_some_and(|i| i.rfq.accept_of(&e.accept).is_none())
        {
            return self.disputed_before(&id, &e, at, now);
        }
        let Some(item) = self.screen.get_mut(&id).filter(|i| i.rfq.accept_of(&e.accept).is_some())
        else {
            return self.report_without_rfq(&id, &e, now);
        };
        item.dirty = true;
        if !from_gateway_itself || e.reject_reason.is_none() {
            // It is known after all, or asked about.
            item.problem = item.problem.take().filter(|p| p.code != UNSETTLED);
        }
        if from_gateway_itself {
            // The gateway repeats the accept that it holds. A text says that it lost the dealer's
            // answer itself.
            if e.text.is_some() {
                item.rfq.answer_lost();
            }
            // With a reason (103) it will not learn it.
            if e.reject_reason.is_some() {
                self.people_must_settle(&id, &e, now);
            }
            return;
        }
        let by_dealer = e.dealer.is_some();
        // The gateway has no record of the accept: it never left, was lost on its way, or waited
        // for a touch in a gateway that restarted. No dealer has it.
        let unrecorded = !by_dealer
            && !self.connection.direct
            && (e.exec_type, e.reject_reason) == (ExecType::Status, Some(UNKNOWN_ORDER));
        let by = |why| match (by_dealer, unrecorded) {
            (true, _) => Declined::ByDealer(why),
            (false, true) => Declined::ByDesk(why),
            (false, false) => Declined::ByGateway(why),
        };
        // Only the gateway passes accepts on, and only within their limit.
        let learnt = !self.connection.direct
            && e.price.is_some_and(|price| item.rfq.passed_on_at(&e.accept, price, &e.legs));
        if learnt {
            self.write_as_sent(&id);
        }
        let Some(item) = self.screen.get_mut(&id) else { return };
        let rest = item.rfq.open_rest(&e.accept);
        let Ok(taken) = item.rfq.report(&e.accept, &e.report(), by, at) else { return };
        let rest_ended = rest.is_some() && item.rfq.open_rest(&e.accept).is_none();
        if let Some(d) = &taken.dispute {
            let why = e.text.clone().filter(|_| e.disputed);
            let told = Dispute { why: why.unwrap_or_else(|| d.why.clone()), ..d.clone() };
            return self.disputed(&id, &told, now);
        }
        self.tell_taken(&id, &e, &taken, rest_ended, now);
    }

    /// What a report did that fits; `rest_ended`: by it nothing more of a part is to come.
    fn tell_taken(
        &mut self,
        id: &RfqId,
        e: &ExecutionReport,
        taken: &Taken,
        rest_ended: bool,
        now: UtcMillis,
    ) {
        let noted = |b: &mut Self| {
            b.notice(NoticeKind::Plain, "report.noted", report_words(e), Some(id), now);
        };
        match (taken.event, taken.changed) {
            (AcceptEvent::Noted, _) => noted(self),
            (AcceptEvent::Repeated | AcceptEvent::NothingTraded, _) if rest_ended => noted(self),
            (_, false) | (AcceptEvent::Working | AcceptEvent::Repeated, _) => {}
            (AcceptEvent::Refused | AcceptEvent::NothingTraded, _) => {
                self.refused(id, e.dealer.is_some(), now)
            }
            (AcceptEvent::TradeCancelled | AcceptEvent::TradeCorrected, _) => {
                self.trade_changed(id, taken.after, now)
            }
            _ => self.traded(id, now),
        }
    }

    /// A gateway that refuses an accept for the price that a quote has states that price (44). The
    /// trader reads it as the instrument's prices are written: the gateway's words have decimals.
    fn in_own_numbers(&self, id: &RfqId, e: ExecutionReport) -> ExecutionReport {
        let by_gateway = !self.connection.direct && e.dealer.is_none();
        if !by_gateway || e.exec_type != ExecType::Rejected {
            return e;
        }
        let text = self.refused_for_its_price(id, &e).or_else(|| e.text.clone());
        ExecutionReport { text, price: None, ..e }
    }

    fn refused_for_its_price(&self, id: &RfqId, e: &ExecutionReport) -> Option<String> {
        let rfq = self.screen.rfq(id)?;
        let (a, _) = rfq.accept_of(&e.accept)?;
        let i = self.reference.of_rfq(&rfq.terms)?;
        let way = rfq.terms.price_type.direction();
        let stands = e.price?;
        let quoted = price::show(&i, stands);
        match a.limit.filter(|l| way.beyond(a.side, stands, l.price)) {
            Some(limit) => {
                let limit = price::show(&i, limit.price);
                Some(format!("the price is {quoted} by now, worse than the limit of {limit}"))
            }
            None => (stands != a.price)
                .then(|| format!("the price is {quoted}, not {}", price::show(&i, a.price))),
        }
    }

    /// The gateway cannot say what became of an accept, and nobody will tell it: it stays unknown,
    /// and in front, until the trader takes it off the screen.
    fn people_must_settle(&mut self, id: &RfqId, e: &ExecutionReport, now: UtcMillis) {
        let Some(item) = self.screen.get_mut(id) else { return };
        let accept = item.rfq.accept.as_ref().filter(|(a, s)| a.id == e.accept && s.in_flight());
        let Some((a, _)) = accept else { return };
        let why = e.text.as_deref().unwrap_or("the gateway gives no reason");
        let text = format!(
            "Nobody here knows whether your accept {} was executed by {}: {why}.",
            a.id, a.dealer
        );
        let told = item.problem.as_ref().is_some_and(|p| p.code == UNSETTLED);
        item.problem = Some(problem(
            UNSETTLED,
            text.clone(),
            "Ask the dealer or your desk's operations, with this id; the gateway's evidence has \
                what was signed. Do not trade it again before. Then dismiss it.",
        ));
        if !told {
            self.notice(NoticeKind::Bad, UNSETTLED, text, Some(id), now);
        }
    }

    fn refused(&mut self, id: &RfqId, by_dealer: bool, now: UtcMillis) {
        let state = self.screen.get(id).and_then(|i| i.rfq.accept.clone()).map(|(_, s)| s);
        let Some(AcceptState::Declined(why)) = state else { return };
        self.end_if_over(id);
        let (code, who) = match why {
            Declined::ByDesk(_) => ("accept.not_sent", "Not sent"),
            _ if by_dealer => ("accept.declined", "Declined by the dealer"),
            _ => ("accept.declined", "Declined by the gateway"),
        };
        self.notice(NoticeKind::Bad, code, format!("{who}: {}", why.reason()), Some(id), now);
    }

    /// Ends an RFQ that the peer ended while its accept was in flight, when that ends without a
    /// trade: by a report, or because the accept did not leave or could not be read.
    pub(super) fn end_if_over(&mut self, id: &RfqId) {
        let Some(item) = self.screen.get_mut(id).filter(|i| !i.rfq.in_flight()) else { return };
        if let Some((state, text)) = item.over.take()
            && item.rfq.end(state, text).is_ok()
        {
            item.dirty = true;
            self.blot_rfq(id);
        }
    }

    fn traded(&mut self, id: &RfqId, now: UtcMillis) {
        self.note_trade(id, now);
        let text = self.blot_trade(id, now);
        self.notice(NoticeKind::Good, "trade.filled", text, Some(id), now);
    }

    /// A bust or a correction: the row shows it, and a notice tells the trader.
    fn trade_changed(&mut self, id: &RfqId, after: AcceptPhase, now: UtcMillis) {
        let text = self.blot_trade(id, now);
        let code = if after == AcceptPhase::Busted { "trade.busted" } else { "trade.corrected" };
        self.notice(
            NoticeKind::Bad,
            code,
            format!("{text}. Check it with the dealer."),
            Some(id),
            now,
        );
    }

    /// Writes the rows of a trade and returns the trade in words.
    fn blot_trade(&mut self, id: &RfqId, now: UtcMillis) -> String {
        let at = self.clock.gateway(now);
        let names = self.reference.names();
        let Some(item) = self.screen.get(id) else { return String::new() };
        let instrument = self.reference.of_rfq(&item.rfq.terms);
        let row = present::trade_row(&item.rfq, instrument.as_deref(), &names, at);
        let text = present::outcome_text(&item.rfq, instrument.as_deref(), &names);
        // A correction or a bust, later, leaves the cover of the trade as it was.
        let cover = item.cover.as_ref().map(|c| c.price.clone());
        if let Some(row) = row {
            self.blot(BlotterTab::Trades, BlotterRow { cover: cover.or(row.cover), ..row });
        }
        self.blot_rfq(id);
        text
    }

    /// Shows a trade that this desk did not agree to, or that is reported after the accept ended.
    fn disputed(&mut self, id: &RfqId, d: &Dispute, now: UtcMillis) {
        tracing::error!(rfq = %id, why = d.why, "an execution does not match what was accepted");
        let text = format!(
            "The dealer reports a trade that is not what you accepted ({}). Call the dealer and \
                your desk head now.",
            d.why
        );
        let names = self.reference.names();
        if let Some(i) = self.screen.get_mut(id) {
            i.problem = Some(problem(
                "execution.mismatch",
                text.clone(),
                "Do not trade this RFQ again until it is settled by people.",
            ));
            let instrument = self.reference.of_rfq(&i.rfq.terms);
            let row = present::dispute_row(d, &i.rfq, instrument.as_deref(), &names);
            self.blot(BlotterTab::Trades, row);
        }
        self.notice(NoticeKind::Bad, "execution.mismatch", text, Some(id), now);
        self.blot_rfq(id);
    }

    /// A dispute about an accept of an earlier run, in an RFQ that is on screen.
    fn disputed_before(&mut self, id: &RfqId, e: &ExecutionReport, at: UtcMillis, now: UtcMillis) {
        let (Some(dealer), Some(i)) = (e.dealer.clone(), self.screen.get_mut(id)) else { return };
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
}

/// A report in words, for a notice: the trader sees every report of a dealer.
pub(super) fn report_words(e: &ExecutionReport) -> String {
    let why = e.text.as_ref().map(|t| format!(": {t}")).unwrap_or_default();
    format!(
        "The dealer reports about accept {}: {} ({}){why}",
        e.accept,
        e.exec_type.words(),
        e.status.words()
    )
}
