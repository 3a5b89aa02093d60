//! What the journal keeps of an input, and the replay of it.
//!
//! The journal keeps decisions and changes. A refused question, a repeat, and anything about a
//! forgotten RFQ leave no record.

use super::{
    Decided, Input, MAX_PENDING_PER_DESK, Output, Router, age, answers::AnswerLost, dealer_side,
    outer,
};
use signet_fix::message::{AppMessage, ExecutionReport, QuoteRequest, QuoteResponse, Response};
use signet_identity::CompId;
use signet_rfq::{
    AcceptId, AcceptState, DealerId, Declined, Passed, Report, Rfq, RfqId, RfqState, UtcMillis,
    lifecycle::{Meaning, StatusMeaning, meaning},
};
use std::collections::VecDeque;

/// Of an accept whose end is not in the journal.
const UNRECORDED: &str = "it was over before the gateway stopped; how is not in the journal";

/// Of an RFQ whose accept nobody can be asked about.
const DEALER_GONE: &str = "the dealer of its accept is not in the gateway's settings now";

/// What is written of an input before it takes effect.
// A handful of these exist at a time.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// It changes nothing that must survive a restart.
    Nothing,
    /// This is written down, and takes effect in the form in which it will be read again.
    This(Input),
    /// This is written down; the input itself takes effect, which makes the same change and sends
    /// more.
    Beside(Input),
}

impl Router {
    /// Applies what the journal holds, whatever the settings of today are; `name`: what dealers
    /// call what it makes, as it was written down. Returns what it did when it was new, which is
    /// not to be done again.
    pub fn replay(&mut self, at: UtcMillis, input: Input, name: Option<&str>) -> Vec<Output> {
        self.replaying = true;
        self.elapsed.replayed(at);
        self.handle(at, Input::Tick);
        self.end_unrecorded(&input);
        self.recorded_name = name.map(str::to_owned);
        let done = self.handle(at, input);
        self.recorded_name = None;
        self.replaying = false;
        done
    }

    /// The time of the last tick. After a replay that is when the last record was written, and the
    /// clock had got so far.
    pub fn last_tick(&self) -> Option<UtcMillis> {
        self.ticked
    }

    /// In a replay: an accept leaves, and an RFQ changes hands, only when no accept of the RFQ
    /// waits for its answer. One that waits here was over all the same: it never reached its
    /// dealer, which could not be written down, or its answer was set aside. What came after it
    /// must not be lost by that.
    fn end_unrecorded(&mut self, input: &Input) {
        let leaves = match input {
            Input::Decided(_, Decided::Accept(r)) => Some(&r.id),
            Input::Decided(_, Decided::TakeOver(_)) => None,
            _ => return,
        };
        let Some(id) = self.concerns(input) else { return };
        let Some(e) = self.rfqs.get_mut(&id) else { return };
        let waits = e.rfq.accept.as_ref().filter(|(_, state)| state.in_flight());
        let Some(own) = waits.map(|(a, _)| a.id.clone()).filter(|own| Some(own) != leaves) else {
            return;
        };
        if e.rfq.declined(&own, Declined::ByGateway(UNRECORDED.into())) == Ok(true) {
            e.asked_at = None;
        }
        self.rfqs.settle();
    }

    /// The journal has been read. No line to a dealer was up while the gateway was down, and the
    /// journal does not say which were up before: until a dealer is back and says it again, nothing
    /// that it quoted can be taken.
    ///
    /// An accept whose dealer is not in today's settings is unknown, and its RFQ ends, since nobody
    /// can be asked. That is not written down: a start with the dealer asks it.
    ///
    /// Desks have heard most of what was replayed: only the answers to accepts are told once more,
    /// in their order, which a desk that was away may have missed and one that was not knows
    /// already.
    pub fn replayed(&mut self) {
        let alive: Vec<RfqId> = self.rfqs.alive().map(|(id, _)| id.clone()).collect();
        for id in alive {
            if let Some(e) = self.rfqs.get_mut(&id) {
                no_dealer_is_on(&mut e.rfq);
                // The start tells these: see `Router::unanswered`.
                let accept = e.rfq.accept.as_ref();
                let unknown = accept.filter(|(_, state)| *state == AcceptState::Unknown);
                e.unknown_told = unknown.map(|(a, _)| (e.desk.clone(), a.id.clone()));
                e.answer_lost = AnswerLost::Restart;
                let waits = e.rfq.accept.as_ref().filter(|(_, state)| state.in_flight());
                let gone = waits.is_some_and(|(a, _)| !self.dealers.contains_key(&a.dealer));
                if gone && e.rfq.end_unanswered(DEALER_GONE.into()) {
                    e.answer_lost = AnswerLost::DealerGone;
                    e.asked_at = None;
                    e.ended_at = Some(e.kept.wall);
                }
            }
        }
        self.rfqs.settle();
        let accepts = &self.accepts;
        for (id, desk) in &mut self.desks {
            desk.pending.retain(|m| match m {
                AppMessage::ExecutionReport(e) => {
                    accepts.is_known(id, &e.accept) && is_an_answer(e)
                }
                _ => false,
            });
        }
    }

    /// The RFQ, by the gateway's id, that an input is about.
    pub fn concerns(&self, input: &Input) -> Option<RfqId> {
        let by_accept = |a: &AcceptId| self.accepts.get(a).map(|sent| sent.rfq.clone());
        let new = |desk: &CompId, id: &RfqId| RfqId::new(outer(desk, id.as_str())).ok();
        match input {
            Input::Decided(desk, Decided::Request(q)) => new(desk, &q.id),
            Input::Decided(desk, Decided::Accept(r)) => self.find(desk, r.rfq.as_ref()?),
            Input::Decided(_, Decided::TakeOver(t))
            | Input::FromDesk(_, AppMessage::TakeOver(t)) => self.find(&t.desk, &t.of),
            Input::Decided(desk, Decided::End { rfq, .. } | Decided::TimeUp(rfq)) => {
                self.find(desk, rfq)
            }
            Input::FromDesk(desk, AppMessage::QuoteRequest(q)) => new(desk, &q.id),
            Input::FromDesk(desk, AppMessage::RfqCancel { rfq, .. }) => self.find(desk, rfq),
            // A pass names its RFQ; its own id may be that of an accept in another one.
            Input::FromDesk(desk, AppMessage::QuoteResponse(r)) if r.response == Response::Pass => {
                self.find(desk, r.rfq.as_ref()?)
            }
            Input::FromDesk(desk, AppMessage::QuoteResponse(r)) => {
                let found = self.rfq_of_accept(desk, r).ok();
                found.or_else(|| self.accepts.of_desk(desk, &r.id).map(|(_, s)| s.rfq.clone()))
            }
            Input::FromDealer(_, AppMessage::Quote(q)) => Some(q.rfq.clone()),
            Input::FromDealer(_, AppMessage::QuoteCancel(c)) => c.rfq.clone(),
            Input::FromDealer(_, AppMessage::QuoteRequestReject(r)) => Some(r.rfq.clone()),
            Input::FromDealer(_, AppMessage::QuoteStatusReport(s)) => Some(s.rfq.clone()),
            Input::FromDealer(_, AppMessage::ExecutionReport(e)) => by_accept(&e.accept),
            Input::FromDealer(_, AppMessage::BusinessReject(j)) => {
                let id = j.ref_id.as_ref()?;
                // A desk may give an accept the id of one of its RFQs.
                let accept = AcceptId::new(id.as_str()).ok().filter(|_| j.ref_msg_type != "R");
                accept.and_then(|a| by_accept(&a)).or_else(|| RfqId::new(id.as_str()).ok())
            }
            Input::NotSentToDealer(_, AppMessage::QuoteRequest(q)) => Some(q.id.clone()),
            Input::NotSentToDealer(_, AppMessage::QuoteResponse(r)) => by_accept(&r.id),
            _ => None,
        }
    }

    /// Whether an input is about an RFQ that this dealer was asked in.
    pub fn is_asked(&self, dealer: &DealerId, input: &Input) -> bool {
        self.concerns(input)
            .and_then(|id| self.rfqs.get(&id))
            .is_some_and(|e| e.rfq.line(dealer).is_some())
    }

    /// What is to be written down of an input before it takes effect.
    pub fn keep(&self, now: UtcMillis, input: &Input) -> Keep {
        match input {
            Input::FromDesk(desk, m) => self.keep_of_desk(desk, m, now, input),
            Input::FromDealer(dealer, m) if self.dealers.contains_key(dealer) => {
                self.keep_of_dealer(dealer, m, now, input)
            }
            Input::NotSentToDealer(..)
                if self.concerns(input).is_some_and(|id| self.remembers(&id)) =>
            {
                Keep::This(input.clone())
            }
            Input::Decided(desk, Decided::End { rfq, .. }) => self.keep_of_end(desk, rfq, input),
            Input::Tick => self.keep_of_time(now),
            _ => Keep::Nothing,
        }
    }

    fn keep_of_desk(&self, desk: &CompId, m: &AppMessage, now: UtcMillis, input: &Input) -> Keep {
        match m {
            AppMessage::QuoteRequest(q) => match self.check_request(desk, q, now) {
                Ok((_, terms)) if age::check_request_age(q, now).is_ok() => {
                    let q = QuoteRequest {
                        expires: terms.expires,
                        at: now,
                        isin: self.isin(&q.instrument),
                        ..q.clone()
                    };
                    Keep::This(Input::Decided(desk.clone(), Decided::Request(q)))
                }
                _ => Keep::Nothing,
            },
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                let known = self.accepts.is_known(desk, &r.id);
                let checked = self
                    .check_accept(desk, r, now)
                    .and_then(|c| age::check_age(r, now).map(|()| c).map_err(Into::into));
                match checked {
                    Ok(c) if !known => {
                        let r = c.response(r.clone());
                        Keep::This(Input::Decided(desk.clone(), Decided::Accept(r)))
                    }
                    _ => Keep::Nothing,
                }
            }
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                match self.check_counter(desk, r, now) {
                    // A text could be of any length.
                    Ok(_) => Keep::This(Input::FromDesk(
                        desk.clone(),
                        AppMessage::QuoteResponse(QuoteResponse {
                            text: None,
                            limit: None,
                            ..r.clone()
                        }),
                    )),
                    Err(_) => Keep::Nothing,
                }
            }
            AppMessage::QuoteResponse(r) => {
                let takes = self.takes_pass(desk, r, now);
                if takes { Keep::This(input.clone()) } else { Keep::Nothing }
            }
            AppMessage::RfqCancel { .. } => {
                let entry = self.concerns(input).and_then(|id| self.rfqs.get(&id));
                let ends =
                    entry.is_some_and(|e| e.rfq.clone().end(RfqState::Cancelled, None).is_ok());
                if ends { Keep::This(input.clone()) } else { Keep::Nothing }
            }
            AppMessage::TakeOver(t) if self.take_over(desk, t, now).is_ok() => {
                Keep::This(Input::Decided(desk.clone(), Decided::TakeOver(t.clone())))
            }
            _ => Keep::Nothing,
        }
    }

    fn keep_of_dealer(
        &self,
        dealer: &DealerId,
        m: &AppMessage,
        now: UtcMillis,
        input: &Input,
    ) -> Keep {
        let Some(e) = self.concerns(input).and_then(|id| self.rfqs.get(&id)) else {
            return Keep::Nothing;
        };
        let Some(line) = e.rfq.line(dealer) else { return Keep::Nothing };
        let mut rfq = e.rfq.clone();
        if rfq.state.ended() && !matches!(m, AppMessage::ExecutionReport(_)) {
            return Keep::Nothing;
        }
        let changes = match m {
            AppMessage::Quote(q) => {
                let quote = dealer_side::quote_of(dealer, q);
                let by_isin = self.priced_by_isin(&rfq.terms);
                let as_asked = q.instrument == rfq.terms.instrument
                    && q.qualifiers.check(&rfq.terms, by_isin).is_ok();
                if !as_asked || quote.check_for(&rfq.terms, now).is_err() {
                    // It takes the place of the dealer's quote before it, and cannot be traded
                    // itself.
                    let quote = quote.large_enough(&rfq.terms);
                    let gone = line.quote.as_ref().filter(|was| {
                        **was != quote && rfq.clone().withdraw(dealer, None) == Ok(true)
                    });
                    return gone.map_or(Keep::Nothing, |was| {
                        let cancel = dealer_side::cancel_of(&q.rfq, was.id.clone());
                        Keep::Beside(Input::FromDealer(
                            dealer.clone(),
                            AppMessage::QuoteCancel(cancel),
                        ))
                    });
                }
                rfq.quote(quote, now) == Ok(true)
            }
            AppMessage::QuoteCancel(c) => rfq.withdraw(dealer, c.quote.as_ref()) == Ok(true),
            AppMessage::QuoteRequestReject(r) => {
                let text =
                    r.text.clone().unwrap_or_else(|| dealer_side::reason_words(r.reason).into());
                rfq.pass(dealer, Passed { code: r.reason, text }).is_ok() && rfq != e.rfq
            }
            AppMessage::QuoteStatusReport(s) => dealer_side::status_of(s) != StatusMeaning::Noted,
            AppMessage::ExecutionReport(r) => match self
                .concerns(input)
                .and_then(|id| self.accept_named(&id, &r.accept, dealer))
            {
                Some(a) => rfq
                    .report(&a, &Report { disputed: false, ..r.report() }, Declined::ByDealer, now)
                    .is_ok_and(|t| t.changed),
                None => self.counter_named(&r.accept, dealer).is_some_and(|(_, own)| {
                    let heard = Report { disputed: false, ..r.report() };
                    rfq.counter_reported(&own, &heard, now).0
                }),
            },
            AppMessage::BusinessReject(_) => true,
            _ => false,
        };
        if changes { Keep::This(input.clone()) } else { Keep::Nothing }
    }

    /// What its desk calls an accept, when it is of this RFQ and of a quote of this dealer.
    pub(super) fn accept_named(
        &self,
        rfq: &RfqId,
        outer_id: &AcceptId,
        dealer: &DealerId,
    ) -> Option<AcceptId> {
        let sent = self.accepts.get(outer_id).filter(|sent| &sent.rfq == rfq)?;
        let found = self.rfqs.get(rfq)?.rfq.accept_of(&sent.own);
        found.filter(|(a, _)| &a.dealer == dealer).map(|(a, _)| a.id.clone())
    }
}

/// Every dealer's line is lost: live quotes wait until they are said again, counters are over, and
/// an accept in flight is unknown until its dealer is asked.
fn no_dealer_is_on(rfq: &mut Rfq) {
    let dealers: Vec<DealerId> = rfq.lines.iter().map(|l| l.dealer.clone()).collect();
    for dealer in &dealers {
        rfq.unreachable(dealer);
    }
    rfq.answer_lost();
}

/// Keeps what a desk that is away is to hear. If that is too much, the oldest that is no answer to
/// an accept is left out; else the oldest answer, which is returned.
pub(super) fn await_desk(
    pending: &mut VecDeque<AppMessage>,
    m: AppMessage,
) -> Option<ExecutionReport> {
    pending.retain(|old| !replaces(&m, old));
    let mut lost = None;
    if pending.len() >= MAX_PENDING_PER_DESK {
        let answer =
            |m: &AppMessage| matches!(m, AppMessage::ExecutionReport(e) if is_an_answer(e));
        let least = pending.iter().position(|old| !answer(old)).unwrap_or(0);
        lost = match pending.remove(least) {
            Some(AppMessage::ExecutionReport(e)) if is_an_answer(&e) => Some(e),
            _ => None,
        };
    }
    pending.push_back(m);
    lost
}

/// Whether a message that waits for a desk is worth nothing once `new` waits for it too.
fn replaces(new: &AppMessage, old: &AppMessage) -> bool {
    match (new, old) {
        (AppMessage::QuoteStatusReport(n), AppMessage::QuoteStatusReport(o)) => n.rfq == o.rfq,
        (AppMessage::ExecutionReport(n), AppMessage::ExecutionReport(o)) => {
            // An answer is never replaced by a later one: a fill after a refusal is another thing
            // than a fill.
            n.accept == o.accept
                && (!is_an_answer(o) || (n.exec_id == o.exec_id && n.exec_type == o.exec_type))
        }
        _ => false,
    }
}

/// Whether a report says what became of an accept.
fn is_an_answer(e: &ExecutionReport) -> bool {
    let executed = e.cum_qty > rust_decimal::Decimal::ZERO;
    !matches!(meaning(e.exec_type, e.status, executed), Meaning::Working | Meaning::Noted)
}

#[cfg(test)]
#[path = "kept_tests.rs"]
mod tests;
