//! Handles the messages of the gateway, or of a plain venue.

use super::{Book, frame_clock::Part};
use crate::{
    peer_text,
    problem::{problem, sentence},
    view::NoticeKind,
};
use signet_fix::message::{
    AppMessage, PASSED_BY_TRADER, QuoteCancel, QuoteMsg, QuoteRequestReject, QuoteStatusReport,
    Response, RfqStatus, SecurityList, VenueState,
};
use signet_rfq::{Passed, QuoteFault, RfqId, RfqState, UtcMillis};

impl Book {
    /// Takes a message of the gateway and returns the messages to be sent in answer.
    pub fn message(&mut self, m: AppMessage, now: UtcMillis) -> Vec<AppMessage> {
        let mut answers = Vec::new();
        let m = peer_text::message(m);
        self.tally_heard(&m, now);
        match m {
            AppMessage::VenueState(v) => self.venue(v),
            AppMessage::SecurityList(y) => self.securities(y, now),
            AppMessage::SecurityListUnchanged { request } => {
                answers = self.securities_unchanged(&request, now)
            }
            AppMessage::Snapshot(mark) => answers = self.snapshot(mark, now),
            AppMessage::Quote(q) => self.quote(q, now),
            AppMessage::QuoteCancel(c) => self.quote_cancelled(&c),
            AppMessage::QuoteRequestReject(r) => self.request_rejected(r, now),
            AppMessage::QuoteStatusReport(s) if s.answers.is_some() => self.counter_over(&s),
            AppMessage::QuoteStatusReport(s) => {
                let rfq = s.rfq.clone();
                self.status(s, now);
                answers = self.approve_first(&rfq, now);
            }
            AppMessage::ExecutionReport(e) => self.report(e, now),
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                self.counter_restored(&r)
            }
            AppMessage::QuoteResponse(r) => self.accept_passed_on(r, now),
            AppMessage::BusinessReject(j) => answers = self.business_reject(j, now),
            AppMessage::StepUpChallenge(c) => answers = self.challenge(c, now),
            AppMessage::StepUpOutcome(o) => self.step_up_outcome(o, now),
            AppMessage::AccessState(a) => answers = self.access(a),
            AppMessage::AccessDecision(d) => self.decided(d, now),
            AppMessage::KeyReport(k) => answers = self.key_report(k, now),
            AppMessage::Group(mark) => self.group_told(mark, now),
            AppMessage::HandOver(h) => self.handed_over(h, now),
            other => tracing::warn!(
                msg_type = other.msg_type(),
                "the gateway sent a message that a desk does not handle"
            ),
        }
        self.tidy_in_flight();
        answers.extend(self.ends_due());
        self.blot_accepts(now);
        self.tell_counters(now);
        self.frames.wake();
        answers
    }

    fn venue(&mut self, v: VenueState) {
        if self.reference.take_dealers(v.dealers) {
            self.frames.mark(Part::Reference);
            self.screen.mark_all();
        }
    }

    fn securities(&mut self, y: SecurityList, now: UtcMillis) {
        match self.reference.take_instruments(y) {
            Ok(false) => {}
            Ok(true) => self.securities_there(),
            Err(e) => self.securities_unusable(&e, now),
        }
    }

    /// The list that this desk has is the gateway's.
    fn securities_unchanged(&mut self, request: &RfqId, now: UtcMillis) -> Vec<AppMessage> {
        let Err(fault) = self.reference.keep_instruments(request) else {
            self.securities_there();
            return Vec::new();
        };
        let Some(ask) = self.reference.ask_for_all(now) else {
            // Told before: a gateway may say so without end.
            tracing::debug!(error = %fault, "an answer about the instrument list was ignored");
            return Vec::new();
        };
        self.securities_unusable(&fault, now);
        vec![AppMessage::SecurityListRequest(ask)]
    }

    fn securities_there(&mut self) {
        self.frames.mark(Part::Reference);
        self.screen.mark_all();
        self.name_rows();
    }

    fn securities_unusable(&mut self, fault: &impl std::error::Error, now: UtcMillis) {
        tracing::error!(error = %fault, "the gateway's instrument list is not usable");
        let peer = self.connection.peer();
        let text = format!(
            "The instrument list of the {peer} cannot be used: {fault}. Tell your administrator."
        );
        self.notice(NoticeKind::Bad, "catalogue.unusable", text, None, now);
    }

    fn quote(&mut self, q: QuoteMsg, now: UtcMillis) {
        let at = self.clock.gateway(now);
        let direct = self.connection.direct;
        let (Some(dealer), Some(i)) = (q.dealer.clone(), self.screen.get_mut(&q.rfq)) else {
            return;
        };
        if q.instrument != i.rfq.terms.instrument {
            return tracing::warn!(rfq = %q.rfq, "a quote for another instrument was ignored");
        }
        let quote = q.quote(dealer.clone());
        let as_asked =
            q.qualifiers.check(&i.rfq.terms, self.reference.priced_by_isin(&i.rfq.terms));
        let as_asked = as_asked.map_err(|e| e.to_string());
        let fits = || quote.check_legs(&i.rfq.terms).map_err(|e| e.to_string());
        // A gateway has looked at the rest. A quote that is over is told apart below.
        let tradeable = || match quote.check_for(&i.rfq.terms, at) {
            Err(fault) if direct && fault != QuoteFault::Over => Err(fault.to_string()),
            _ => Ok(()),
        };
        if let Err(fault) = as_asked.and_then(|()| fits()).and_then(|()| tradeable()) {
            // A number in another convention must not be shown as a price, and the price before it
            // is out of date.
            let _ = i.rfq.withdraw(&dealer, None);
            i.dirty = true;
            let text = format!("A quote of {dealer} is not shown: {fault}.");
            return self.notice(NoticeKind::Bad, "quote.not_as_asked", text, Some(&q.rfq), now);
        }
        match i.rfq.quote(quote, at) {
            Ok(_) => i.priced(),
            Err(e) => tracing::debug!(rfq = %q.rfq, error = %e, "a quote was not taken"),
        }
    }

    fn quote_cancelled(&mut self, c: &QuoteCancel) {
        let Some(dealer) = &c.dealer else { return };
        // A venue may name only the quote, or no quote for all quotes of a dealer.
        let named = |id: &RfqId| c.rfq.as_ref().is_none_or(|rfq| rfq == id);
        let restoring = self.connection.restoring.is_some();
        if let (Some(r), Some(rfq), true) = (&mut self.connection.restoring, &c.rfq, c.unreachable)
            && self.screen.rfq(rfq).is_some_and(|r| r.line(dealer).is_some())
        {
            r.out_of_reach.insert((rfq.clone(), dealer.clone()));
        }
        for (_, i) in self.screen.iter_mut().filter(|(id, _)| named(id)) {
            i.dirty |= match c.unreachable {
                true => i.rfq.unreachable(dealer),
                false => {
                    i.rfq.withdraw(dealer, c.quote.as_ref()) == Ok(true)
                        || (restoring && i.rfq.withdrawn_before(dealer))
                }
            };
        }
    }

    fn request_rejected(&mut self, r: QuoteRequestReject, now: UtcMillis) {
        let words = r.text.clone().unwrap_or_default();
        let text = r.text.unwrap_or_else(|| "no reason given".into());
        if r.dealer.is_none() {
            self.settled(&r.rfq);
        }
        let peer = self.connection.peer();
        let Some(i) = self.screen.get_mut(&r.rfq) else { return };
        i.dirty = true;
        match r.dealer {
            Some(d) if r.advice.as_ref().is_some_and(|a| a.code == PASSED_BY_TRADER) => {
                i.rfq.turned_down(&d, words);
            }
            Some(d) => {
                let _ = i.rfq.pass(&d, Passed { code: r.reason, text });
            }
            None => {
                i.rfq.refuse(text.clone());
                let message = format!("The {peer} refused the RFQ: {}", sentence(&text));
                // The gateway sends the cure of its refusal; a plain venue sends only a number.
                let cure = r.advice.map(|a| a.cure).filter(|cure| !cure.is_empty());
                i.problem = Some(problem(
                    "rfq.refused",
                    message,
                    cure.unwrap_or_else(|| refused_cure(r.reason).into()),
                ));
                self.notice(
                    NoticeKind::Bad,
                    "rfq.refused",
                    format!("RFQ refused: {text}"),
                    Some(&r.rfq),
                    now,
                );
                self.blot_rfq(&r.rfq);
            }
        }
    }

    fn status(&mut self, s: QuoteStatusReport, now: UtcMillis) {
        if s.status != RfqStatus::Pending {
            self.settled(&s.rfq);
        } else if let Some(r) = self.connection.restoring.as_mut()
            && r.seen.contains(&s.rfq)
        {
            r.held.insert(s.rfq.clone());
        }
        let Some(i) = self.screen.get_mut(&s.rfq) else { return };
        i.dirty = true;
        i.ending = false;
        if let Some(until) = s.until.filter(|_| !i.rfq.state.ended()) {
            i.rfq.deadline = Some(until);
        }
        let end = match s.status {
            RfqStatus::Open => {
                i.rfq.acknowledge();
                None
            }
            RfqStatus::Cancelled => Some(RfqState::Cancelled),
            RfqStatus::NothingDone => Some(RfqState::NothingDone),
            RfqStatus::Expired | RfqStatus::NotFound => Some(RfqState::Expired),
            RfqStatus::Rejected => {
                i.rfq.refuse(s.text.clone().unwrap_or_default());
                None
            }
            RfqStatus::Pending | RfqStatus::Other(_) => None,
        };
        let Some(state) = end else { return self.blot_rfq(&s.rfq) };
        if i.rfq.in_flight() {
            // The answer of the accept comes first; without a trade this is the end.
            i.over = Some((state, s.text));
        } else if i.rfq.end(state, s.text.or_else(|| i.reason.take())).is_ok()
            && self.connection.restoring.is_none()
        {
            self.notice(
                NoticeKind::Plain,
                "rfq.ended",
                ended_words(state).into(),
                Some(&s.rfq),
                now,
            );
        }
        self.blot_rfq(&s.rfq);
    }
}

fn ended_words(state: RfqState) -> &'static str {
    match state {
        RfqState::Cancelled => "RFQ ended without a trade",
        RfqState::NothingDone => "Nothing done: every dealer passed",
        _ => "RFQ expired",
    }
}

/// The cure for a refusal, by QuoteRequestRejectReason (658).
fn refused_cure(reason: u16) -> &'static str {
    match reason {
        1 => "Choose another instrument, or ask your administrator to add this one.",
        3 => "Ask for less, or end other RFQs first.",
        6 => "Choose dealers you may ask, or have your entitlements changed.",
        _ => "Change the request and send it again.",
    }
}
