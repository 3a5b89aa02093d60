//! Direct mode: a plain FIXS venue, without a Signet gateway in front of it.
//!
//! This module does what a gateway would do for the desk: it has instruments and dealers from the
//! settings, holds messages that need a touch, and verifies the touch. To the book it sends the
//! messages of a gateway; to the venue it sends standard messages only.
//!
//! It protects less than a gateway, because the same laptop asks for the touch and checks it.

mod action;
mod refusal;
mod store;
mod touch;

use crate::{
    book::{Book, rfq_of_accept},
    clock::Moment,
    venue::{DirectSettings, Venue},
};
pub(crate) use action::DirectAction;
use refusal::TouchRefusal;
use signet_fix::{AppMessage, message::*};
use signet_identity::CompId;
use signet_journal::{LogError, StoreKey};
use signet_rfq::{AcceptId, DealerId, REASON_PASS, Rfq, RfqId, RfqState, UtcMillis};
use signet_stepup::{AcceptTerms, Action, RequestTerms, SessionReason, rules::Wanted};
use std::{collections::BTreeMap, path::Path};
use store::TouchStore;
use touch::Touch;

/// After this time without an answer the desk asks about an accept, and then again at this
/// interval. Milliseconds.
const ASK_AGAIN_MS: i64 = 15_000;

pub(crate) struct Direct {
    name: String,
    settings: DirectSettings,
    touch: Option<Touch>,
    /// When an accept in flight was sent or last asked about, on the laptop's clock.
    asked: BTreeMap<AcceptId, UtcMillis>,
    /// The venue rejected an OrderStatusRequest (H), so it is not asked again.
    knows_no_status: bool,
    passes: u64,
}

impl Direct {
    /// Opens the stores in `folder`, which is the identity's.
    pub(crate) fn open(
        venue: &Venue,
        settings: &DirectSettings,
        desk: &CompId,
        folder: &Path,
        key: &StoreKey,
    ) -> Result<Self, LogError> {
        let touch = settings.step_up.as_ref().map(|s| {
            let store = TouchStore::open(folder, &venue.comp_id, key)?;
            Ok(Touch::new(s.clone(), store, desk, &venue.comp_id))
        });
        Ok(Self {
            name: venue.name.clone(),
            settings: settings.clone(),
            touch: touch.transpose()?,
            asked: BTreeMap::new(),
            knows_no_status: false,
            passes: 0,
        })
    }

    // ----- the connection -----

    /// Logged on: gives the book the state that a gateway would send. RFQs stay open, their quotes
    /// do not; the book asks for the outcome of accepts.
    pub(crate) fn up(&mut self, book: &Book, exporter: [u8; 32], now: Moment) -> Vec<DirectAction> {
        self.knows_no_status = false;
        let dealers = self.settings.dealers.clone();
        let mut out = vec![AppMessage::VenueState(VenueState {
            name: self.name.clone(),
            practice: false,
            dealers,
            at: now.venue,
        })];
        if let Ok(request) = RfqId::new("settings") {
            let instruments = self.settings.instruments.iter().cloned().collect();
            out.push(AppMessage::SecurityList(SecurityList { request, last: true, instruments }));
        }
        out.push(AppMessage::Snapshot(SnapshotMark::Begin));
        out.extend(
            book.open_requests(now.venue)
                .into_iter()
                .map(|q| AppMessage::Snapshot(SnapshotMark::Rfq(q))),
        );
        out.push(AppMessage::Snapshot(SnapshotMark::End));
        let mut out: Vec<DirectAction> = out.into_iter().map(DirectAction::ToBook).collect();
        out.extend(self.touch.iter_mut().flat_map(|t| t.up(exporter, now)));
        out
    }

    pub(crate) fn lost(&mut self, now: Moment) -> Vec<DirectAction> {
        self.asked.clear();
        self.touch.iter_mut().flat_map(|t| t.lost(now)).collect()
    }

    pub(crate) fn tick(&mut self, book: &Book, now: Moment) -> Vec<DirectAction> {
        // While a message waits only the market counts; whether it arrives in time is checked when
        // it is sent.
        let here = Moment { arrival_ms: 0, ..now };
        let mut todo: Vec<DirectAction> = self
            .touch
            .iter_mut()
            .flat_map(|t| t.tick(|m| book.no_longer_good(m, here), now))
            .collect();
        let in_flight = book.accepts_in_flight();
        self.asked.retain(|id, _| in_flight.iter().any(|h| &h.accept == id));
        for h in in_flight {
            let held = self.touch.as_ref().is_some_and(|t| t.holds(&h.accept));
            let due =
                self.asked.get(&h.accept).is_some_and(|t| now.laptop.since(*t) >= ASK_AGAIN_MS);
            if due && !held && !self.knows_no_status {
                self.asked.insert(h.accept.clone(), now.laptop);
                todo.push(DirectAction::ToVenue(AppMessage::OrderStatusRequest(h)));
            }
        }
        todo
    }

    // ----- from this desk -----

    /// A message that the book would send to a gateway.
    pub(crate) fn send(&mut self, m: AppMessage, book: &Book, now: Moment) -> Vec<DirectAction> {
        match m {
            AppMessage::QuoteResponse(r) if r.response == Response::Pass => {
                self.pass_dealer(&r, book, now)
            }
            AppMessage::QuoteRequest(_) | AppMessage::QuoteResponse(_) => {
                self.business(m, book, now)
            }
            AppMessage::RfqCancel { rfq, .. } => self.cancel(&rfq, book, now),
            AppMessage::OrderStatusRequest(h) => {
                self.asked.insert(h.accept.clone(), now.laptop);
                vec![DirectAction::ToVenue(AppMessage::OrderStatusRequest(h))]
            }
            AppMessage::StepUpAnswer(a) => self.touching(|t| t.answered(&a.id, a.answer, now)),
            AppMessage::StepUpRequest { reason } => match SessionReason::read(&reason) {
                Some(why) => self.touching(|t| t.verify(why, now)),
                None => Vec::new(),
            },
            AppMessage::KeyRequest(k) => self.touching(|t| t.about_keys(k, now)),
            other => {
                tracing::error!(
                    msg_type = other.msg_type(),
                    "a message that a plain venue does not know was not sent"
                );
                Vec::new()
            }
        }
    }

    fn touching(&mut self, f: impl FnOnce(&mut Touch) -> Vec<DirectAction>) -> Vec<DirectAction> {
        self.touch.as_mut().map(f).unwrap_or_default()
    }

    fn business(&mut self, m: AppMessage, book: &Book, now: Moment) -> Vec<DirectAction> {
        let Some(touch) = &mut self.touch else { return vec![DirectAction::Release(m)] };
        let refuse = |m, why: &str| {
            vec![DirectAction::NotSent(m, TouchRefusal::BadApproval(why.into()).problem())]
        };
        let Some((action, ends)) = action_of(&m, book) else {
            return match book.no_longer_good(&m, now) {
                // The dealer has quoted again since the trader pressed.
                Some(words) => gone(m, words),
                None => refuse(m, "the RFQ is not on this desk"),
            };
        };
        match touch.wanted(&action, now) {
            Wanted::Nothing => {
                // Only now: an act does not make up for the pause before it.
                touch.active(now);
                vec![DirectAction::Release(m)]
            }
            // The kernel counts what it holds as an act.
            Wanted::Touch(reason) => touch.hold(m, action, reason, now.on_laptops_clock(ends), now),
            Wanted::TwoPeople(_) => refuse(m, "a second person needs a gateway"),
        }
    }

    /// Sends a message to the venue, unless the market moved while the person looked for the key,
    /// or nothing may leave by now.
    pub(crate) fn release(&mut self, m: AppMessage, book: &Book, now: Moment) -> Vec<DirectAction> {
        if let Some(why) = book.held_up(&m) {
            return vec![DirectAction::NotSent(m, why)];
        }
        if let Some(words) = book.no_longer_good(&m, now) {
            return gone(m, words);
        }
        let open = match &m {
            AppMessage::QuoteRequest(q) => {
                Some(status(q.id.clone(), q.instrument.clone(), RfqStatus::Open))
            }
            AppMessage::QuoteResponse(r) => {
                self.asked.insert(r.id.clone(), now.laptop);
                None
            }
            _ => None,
        };
        std::iter::once(DirectAction::ToVenue(standard(m))).chain(open).collect()
    }

    /// Ends an RFQ. FIX 4.4 has no message for it, so the RFQ ends on this desk and dealers with a
    /// live quote get a pass.
    fn cancel(&mut self, rfq: &RfqId, book: &Book, now: Moment) -> Vec<DirectAction> {
        let Some(r) = book.rfq(rfq) else { return Vec::new() };
        let ended = status(rfq.clone(), r.terms.instrument.clone(), RfqStatus::Cancelled);
        if let Some(todo) = self.touch.as_mut().and_then(|t| t.cancelled(rfq, now)) {
            return todo;
        }
        let mut todo = self.pass(r, now);
        todo.push(ended);
        todo
    }

    fn pass(&mut self, rfq: &Rfq, now: Moment) -> Vec<DirectAction> {
        let isin = self
            .settings
            .instruments
            .get(&rfq.terms.instrument)
            .is_some_and(|i| i.asset_class.has_isin());
        let mut todo = Vec::new();
        for l in &rfq.lines {
            let Some(quote) = l.live_quote(now.venue) else { continue };
            self.passes += 1;
            let id = AcceptId::new(format!("P.{}.{}", now.venue.0, self.passes)).ok();
            let pass = id.and_then(|id| QuoteResponse::pass(id, rfq, quote, isin, now.venue));
            todo.extend(pass.map(|p| {
                DirectAction::ToVenue(AppMessage::QuoteResponse(QuoteResponse {
                    dealer: Some(l.dealer.clone()),
                    ..p
                }))
            }));
        }
        todo
    }

    /// The trader passes on one dealer. Without a gateway the desk tells itself what it did.
    fn pass_dealer(&mut self, r: &QuoteResponse, book: &Book, now: Moment) -> Vec<DirectAction> {
        let rfq = r.rfq.as_ref().and_then(|id| book.rfq(id));
        let Some((rfq, dealer)) = rfq.zip(r.dealer.clone()) else { return Vec::new() };
        let Ok(quote) = rfq.check_pass(&dealer, now.venue) else { return Vec::new() };
        self.passes += 1;
        let id = AcceptId::new(format!("P.{}.{}", now.venue.0, self.passes)).ok();
        let told = id.and_then(|id| QuoteResponse::pass(id, rfq, quote, r.isin, now.venue));
        let Some(told) = told else { return Vec::new() };
        let told = QuoteResponse { dealer: Some(dealer.clone()), ..told };
        let mut after = rfq.clone();
        after.turned_down(&dealer, String::new());
        let over = after.nobody_left() && !after.in_flight();
        let own = QuoteRequestReject {
            rfq: rfq.terms.id.clone(),
            reason: REASON_PASS,
            instrument: rfq.terms.instrument.clone(),
            dealer: Some(dealer),
            text: r.text.clone(),
            advice: Some(Advice { code: PASSED_BY_TRADER.into(), cure: String::new() }),
        };
        let ended =
            status(rfq.terms.id.clone(), rfq.terms.instrument.clone(), RfqStatus::NothingDone);
        [
            DirectAction::ToVenue(AppMessage::QuoteResponse(told)),
            DirectAction::ToBook(AppMessage::QuoteRequestReject(own)),
        ]
        .into_iter()
        .chain(over.then_some(ended))
        .collect()
    }

    // ----- from the venue -----

    /// Turns a message of the venue into one for the book. A message that only a gateway may send
    /// is dropped.
    pub(crate) fn heard(&mut self, m: AppMessage, book: &Book) -> Option<AppMessage> {
        let only = self.only_dealer();
        Some(match m {
            AppMessage::Quote(q) => AppMessage::Quote(QuoteMsg { dealer: q.dealer.or(only), ..q }),
            AppMessage::QuoteCancel(c) => {
                AppMessage::QuoteCancel(QuoteCancel { dealer: c.dealer.or(only), ..c })
            }
            AppMessage::QuoteRequestReject(r) => {
                AppMessage::QuoteRequestReject(QuoteRequestReject {
                    dealer: r.dealer.or(only),
                    ..r
                })
            }
            AppMessage::ExecutionReport(e) => {
                let asked = rfq_of_accept(&e.accept)
                    .and_then(|id| book.rfq(&id))
                    .and_then(|r| dealer_of(r, &e.accept));
                AppMessage::ExecutionReport(ExecutionReport {
                    dealer: e.dealer.or(asked).or(only),
                    ..e
                })
            }
            AppMessage::QuoteStatusReport(s) if about_the_request(&s, book) => {
                AppMessage::QuoteStatusReport(s)
            }
            AppMessage::BusinessReject(j) => {
                self.knows_no_status |= j.ref_msg_type == "H";
                AppMessage::BusinessReject(j)
            }
            other => {
                tracing::warn!(
                    msg_type = other.msg_type(),
                    "the venue sent a message that direct mode does not handle"
                );
                return None;
            }
        })
    }

    /// The dealer of a message that names none, at a venue with one dealer.
    fn only_dealer(&self) -> Option<DealerId> {
        match self.settings.dealers.as_slice() {
            [one] => Some(one.id.clone()),
            _ => None,
        }
    }

    /// What follows after the book has taken a message about `rfq`, which was open before.
    pub(crate) fn after(&mut self, rfq: &RfqId, book: &Book, now: Moment) -> Vec<DirectAction> {
        let Some(r) = book.rfq(rfq) else { return Vec::new() };
        match r.state {
            RfqState::Done => self.pass(r, now),
            s if !s.ended() && !r.in_flight() && r.nobody_left() => {
                vec![status(rfq.clone(), r.terms.instrument.clone(), RfqStatus::NothingDone)]
            }
            _ => Vec::new(),
        }
    }
}

/// The open RFQ that a message of the venue is about.
pub(crate) fn concerns(m: &AppMessage, book: &Book) -> Option<RfqId> {
    let id = match m {
        AppMessage::QuoteRequestReject(r) => Some(r.rfq.clone()),
        AppMessage::ExecutionReport(e) => rfq_of_accept(&e.accept),
        _ => None,
    };
    id.filter(|id| book.rfq(id).is_some_and(|r| !r.state.ended()))
}

/// Whether a QuoteStatusReport (AI) of a plain venue refuses the RFQ. It may be about the request
/// or about one quote; it counts as a refusal of the request only while there is no quote. Every
/// other end comes from the deadline or the trader.
fn about_the_request(s: &QuoteStatusReport, book: &Book) -> bool {
    let unquoted = |r: &Rfq| !r.in_flight() && r.lines.iter().all(|l| l.quote.is_none());
    s.status == RfqStatus::Rejected && book.rfq(&s.rfq).is_some_and(unquoted)
}

/// Removes what is for a gateway only. FIX 4.4 has no QuoteReqID (131) in a QuoteResponse (AJ), and
/// no venue was promised a ValidUntilTime (62) in it.
fn standard(m: AppMessage) -> AppMessage {
    match m {
        AppMessage::QuoteResponse(r) => {
            AppMessage::QuoteResponse(QuoteResponse { rfq: None, deadline: None, limit: None, ..r })
        }
        m => m,
    }
}

fn dealer_of(rfq: &Rfq, accept: &AcceptId) -> Option<DealerId> {
    rfq.accept.iter().chain(&rfq.past).find(|(a, _)| &a.id == accept).map(|(a, _)| a.dealer.clone())
}

fn status(rfq: RfqId, instrument: signet_rfq::InstrumentId, status: RfqStatus) -> DirectAction {
    DirectAction::ToBook(AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(
        rfq, instrument, status, None,
    )))
}

/// The market moved, so a message is not sent.
fn gone(m: AppMessage, words: String) -> Vec<DirectAction> {
    vec![DirectAction::NotSent(m, TouchRefusal::Gone(words).problem())]
}

/// The action of a message, read from the message itself, and when the message expires, on the
/// venue's clock.
fn action_of(m: &AppMessage, book: &Book) -> Option<(Action, UtcMillis)> {
    match m {
        AppMessage::QuoteRequest(q) => {
            Some((Action::Request(RequestTerms::of(&q.terms())), q.expires))
        }
        AppMessage::QuoteResponse(r) => {
            let rfq_id = rfq_of_accept(&r.id)?;
            let rfq = book.rfq(&rfq_id)?;
            let dealer = r.dealer.clone()?;
            let quote = rfq.line(&dealer)?.quote.as_ref().filter(|q| q.id == r.quote)?;
            let accept = r.accept(rfq_id, dealer);
            Some((Action::Accept(AcceptTerms::of(&accept, &rfq.terms)), quote.valid_until))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
