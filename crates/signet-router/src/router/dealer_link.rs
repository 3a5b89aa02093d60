//! The link to a dealer comes and goes, or a message does not reach it.

use super::{
    Entry, Output, Router,
    answers::{AnswerLost, status_report},
    dealer_side::OTHER,
};
use signet_fix::message::{AppMessage, QuoteCancel, Response};
use signet_rfq::{AcceptState, DealerId, Declined, Passed, RfqId, UtcMillis};

impl Router {
    pub(super) fn not_sent(&mut self, dealer: &DealerId, m: AppMessage, now: UtcMillis) {
        match m {
            AppMessage::QuoteRequest(q) => {
                self.dealer_out(
                    &q.id,
                    dealer,
                    Passed { code: OTHER, text: "not connected".into() },
                    now,
                );
            }
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                let Some(id) = self.accepts.get(&r.id).map(|s| s.rfq.clone()) else { return };
                let own = self.accept_named(&id, &r.id, dealer);
                if let Some(own) = own {
                    self.decline(
                        &id,
                        &own,
                        Declined::ByGateway(format!("{dealer} is not connected")),
                        now,
                    );
                }
            }
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                self.counter_not_sent(&r.id, dealer);
            }
            _ => {}
        }
    }

    pub(super) fn dealer_up(&mut self, dealer: &DealerId, now: UtcMillis) {
        let Some(d) = self.dealers.get_mut(dealer) else { return };
        // A Logon inside the session changes nothing.
        if std::mem::replace(&mut d.online, true) {
            return;
        }
        self.tell_venue_state(now);
        let waiting: Vec<RfqId> = self
            .rfqs
            .alive()
            .filter(|(_, e)| {
                e.rfq.accept.as_ref().is_some_and(|(a, s)| &a.dealer == dealer && s.in_flight())
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in waiting {
            self.ask_what_became(&id, now);
        }
    }

    /// Quotes of a dealer that cannot be reached cannot be traded: live quotes wait until the
    /// dealer is back and repeats them, accepts in flight become unknown until it is asked. The
    /// journal has no record of it: [`Router::replayed`] takes every dealer's line for lost.
    pub(super) fn dealer_down(&mut self, dealer: &DealerId, now: UtcMillis) {
        let Some(d) = self.dealers.get_mut(dealer) else { return };
        if !std::mem::replace(&mut d.online, false) {
            return;
        }
        self.tell_venue_state(now);
        let touched: Vec<RfqId> = self
            .rfqs
            .alive()
            .filter(|(_, e)| e.rfq.line(dealer).is_some())
            .map(|(id, _)| id.clone())
            .collect();
        for id in touched {
            let Some(e) = self.rfqs.get_mut(&id) else { continue };
            let desk = e.desk.clone();
            let terms = e.rfq.terms.clone();
            let quote = e.rfq.line(dealer).and_then(|l| l.quote.as_ref()).map(|q| q.id.clone());
            let in_flight =
                e.rfq.accept.clone().filter(|(a, s)| &a.dealer == dealer && s.in_flight());
            let away = e.rfq.unreachable(dealer);
            if let Some((a, _)) = in_flight {
                e.rfq.answer_lost();
                let accept = Some((desk.clone(), a.id.clone()));
                let is_news = e.unknown_told != accept;
                e.unknown_told = accept;
                e.answer_lost = AnswerLost::DealerLine;
                let report = status_report(&a, &AcceptState::Unknown, e.answer_lost, now);
                self.tell_desk(&desk, AppMessage::ExecutionReport(report.clone()));
                if is_news {
                    self.out.push(Output::Unanswered(desk.clone(), report));
                }
            }
            if let Some(quote) = quote.filter(|_| away) {
                let (rfq, instrument) = (Some(terms.id), Some(terms.instrument));
                let cancel = QuoteCancel {
                    rfq,
                    quote: Some(quote),
                    instrument,
                    dealer: Some(dealer.clone()),
                    unreachable: true,
                };
                self.tell_desk(&desk, AppMessage::QuoteCancel(cancel));
            }
        }
    }

    /// Every accept that is unknown, as [`Output::Unanswered`]: for the start, as a replay tells
    /// nothing.
    pub fn unanswered(&self, now: UtcMillis) -> Vec<Output> {
        let unknown = |(_, e): (&RfqId, &Entry)| {
            let (a, state) = e.rfq.accept.as_ref()?;
            let report = || status_report(a, &AcceptState::Unknown, e.answer_lost, now);
            (*state == AcceptState::Unknown).then(|| Output::Unanswered(e.desk.clone(), report()))
        };
        // One whose dealer is not in the settings has ended.
        self.rfqs.iter().filter_map(unknown).collect()
    }
}
