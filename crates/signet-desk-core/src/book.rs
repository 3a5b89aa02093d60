//! What the desk knows: RFQs, reference data, the blotter, the state of the link. One value behind
//! one lock; the link thread feeds it messages, the window asks it for frames and gives it intents.
//!
//! Time is the laptop's, passed in; everything about quotes is on the gateway's clock.

use crate::{
    blotter::{Blotter, Saved},
    clock::GatewayClock,
    in_flight::InFlight,
    peer_text, present,
    problem::{offline, problem, sentence},
    settlement,
    step_up::{self, OnScreen, Open, StepUps},
    view::*,
};
use incoming::IncomingCatalogue;
use signet_fix::message::*;
use signet_rfq as rfq;
use signet_rfq::{
    AcceptId, AcceptState as Accepting, Catalogue, DealerId, Declined, InstrumentId, QuoteId, Rfq, RfqId, Terms, UtcMillis, parse_quantity,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

mod direct;
mod incoming;
mod reports;
mod step_ups;

/// RFQs on screen at once, ended ones included; the oldest ended one goes when there are more.
pub const MAX_ON_SCREEN: usize = 200;
const MAX_NOTICES: usize = 100;
/// Messages sent on this connection that a reject may still name; the oldest give way.
const MAX_SENT: usize = 1_000;

/// One RFQ on screen, with what the page has been shown of it.
#[derive(Debug)]
pub(crate) struct Item {
    pub rfq: Rfq,
    pub problem: Option<Problem>,
    /// Last presented, with the frame in which it changed.
    head: Option<(u64, RfqView)>,
    lines: BTreeMap<DealerId, (u64, LineView)>,
    dirty: bool,
    order: u64,
}

/// Makes ids that no other run of any desk of this trader has made.
#[derive(Debug)]
pub struct Ids {
    prefix: String,
    next: u32,
}

impl Ids {
    pub fn new(start: UtcMillis, random: u32) -> Self {
        Self { prefix: format!("{:x}{:04x}", start.0, random & 0xffff), next: 0 }
    }

    fn rfq(&mut self) -> String {
        self.next += 1;
        format!("{}-{}", self.prefix, self.next)
    }

    /// An accept's id begins with its RFQ's, so that a late answer finds its way home.
    fn accept(&mut self, rfq: &RfqId) -> String {
        self.next += 1;
        // An RFQ of an earlier run may have had an accept of this number already.
        match rfq.as_str().starts_with(&self.prefix) {
            true => format!("{rfq}:{}", self.next),
            false => format!("{rfq}:{}-{}", self.prefix, self.next),
        }
    }
}

pub(crate) fn rfq_of_accept(id: &AcceptId) -> Option<RfqId> {
    id.as_str().rsplit_once(':').and_then(|(rfq, _)| RfqId::new(rfq).ok())
}

/// What left under a sequence number.
#[derive(Debug, Clone)]
enum Sent {
    Rfq(RfqId),
    Accept(AcceptId),
}

type Wake = Box<dyn FnOnce() + Send>;
/// Called when somebody is asked for a touch, from any thread; must not call the desk.
pub(crate) type Attention = Box<dyn Fn() + Send + Sync>;

/// What the desk knows. Public for tests that drive a desk and a gateway in one thread.
pub struct Book {
    ids: Ids,
    seq: u64,
    /// Frames before this one cannot be continued; the page gets everything.
    epoch: u64,
    pub(crate) clock: GatewayClock,
    pub(crate) catalogue: Catalogue,
    incoming_catalogue: IncomingCatalogue,
    pub(crate) dealers: Vec<DealerState>,
    items: BTreeMap<RfqId, Item>,
    removed: VecDeque<(u64, String)>,
    notices: VecDeque<(u64, Notice)>,
    session: SessionView,
    session_seq: u64,
    enrol: EnrolView,
    enrol_seq: u64,
    pin: PinView,
    pin_seq: u64,
    /// The gateway's CompID.
    gateway: Option<String>,
    /// It is a plain venue's, and there is no gateway.
    direct: bool,
    step_ups: StepUps,
    step_up_seq: u64,
    reference_seq: u64,
    blotter_seq: u64,
    /// How the disk took the blotter's last row, until the trader is told.
    blotter_saved: Option<Saved>,
    pub(crate) blotter: Blotter,
    /// Accepts without an answer, on disk.
    in_flight: InFlight,
    /// RFQs and accepts by the sequence number they left under.
    sent: BTreeMap<u64, Sent>,
    /// While state is being rebuilt after a logon: the RFQs the gateway has mentioned, and the latest.
    restoring: Option<(BTreeSet<RfqId>, Option<RfqId>)>,
    wake: Option<(u64, Wake)>,
    pub(crate) attention: Option<Attention>,
    /// The trader was told that an accept is outstanding, and may close the window now.
    closing_was_warned: bool,
}

impl Book {
    pub fn new(ids: Ids, now: UtcMillis) -> Self {
        Self {
            ids,
            seq: 1,
            epoch: 1,
            clock: GatewayClock::default(),
            catalogue: Catalogue::default(),
            incoming_catalogue: IncomingCatalogue::default(),
            dealers: Vec::new(),
            items: BTreeMap::new(),
            removed: VecDeque::new(),
            notices: VecDeque::new(),
            session: SessionView {
                state: LinkState::Offline,
                venue: None,
                identity: None,
                comp_id: None,
                tls: None,
                clock_offset_ms: None,
                round_trip_ms: None,
                since_ms: now.0 as f64,
                attempt: 0,
                problem: None,
            },
            session_seq: 1,
            enrol: EnrolView { phase: EnrolPhase::Idle, identity: None, venue: None, problem: None },
            enrol_seq: 1,
            pin: crate::pin::closed(),
            pin_seq: 1,
            gateway: None,
            direct: false,
            step_ups: StepUps::default(),
            step_up_seq: 1,
            reference_seq: 1,
            blotter_seq: 1,
            blotter_saved: None,
            blotter: Blotter::default(),
            in_flight: InFlight::default(),
            sent: BTreeMap::new(),
            restoring: None,
            wake: None,
            attention: None,
            closing_was_warned: false,
        }
    }

    // ----- what the window asks -----

    pub fn reference(&self) -> Reference {
        present::reference(&self.catalogue, &self.dealers)
    }

    pub fn online(&self) -> bool {
        self.session.state == LinkState::Online
    }

    /// On which days a trade of this instrument may settle.
    pub fn settlement_dates(&self, instrument: &str, now: UtcMillis) -> Result<SettlementView, Problem> {
        let id = InstrumentId::new(instrument).map_err(|_| instrument_unknown())?;
        let i = self.catalogue.get(&id).ok_or_else(instrument_unknown)?;
        Ok(settlement::view(i, self.clock.gateway(now)))
    }

    pub fn read_quantity(&self, instrument: &str, text: &str) -> Result<QuantityView, Problem> {
        let q = parse_quantity(text).map_err(|e| Problem::from(&e))?;
        if let Some(i) = InstrumentId::new(instrument).ok().and_then(|id| self.catalogue.get(&id).cloned()) {
            i.check_quantity(q).map_err(|e| Problem::from(&e))?;
        }
        Ok(QuantityView { value: q.to_string(), text: rfq::group_digits(q) })
    }

    /// Checks a ticket and puts the RFQ on screen; the message is to be sent.
    pub fn new_rfq(&mut self, ticket: &Ticket, now: UtcMillis) -> Result<AppMessage, Problem> {
        if !self.online() {
            return Err(offline());
        }
        let id = InstrumentId::new(ticket.instrument.clone()).map_err(|_| instrument_unknown())?;
        let instrument = self.catalogue.get(&id).ok_or_else(instrument_unknown)?.clone();
        let quantity = parse_quantity(&ticket.quantity).map_err(|e| Problem::from(&e))?;
        let bad_dealer =
            |d: &String| problem("dealers_unknown", format!("{d} is not a dealer you may ask."), "Choose dealers from the list.");
        let mut dealers = Vec::new();
        for d in &ticket.dealers {
            let known = self.dealers.iter().find(|x| x.id.as_str() == d).ok_or_else(|| bad_dealer(d))?;
            dealers.push(known.id.clone());
        }
        let at = self.clock.gateway(now);
        let rfq_id = RfqId::new(self.ids.rfq()).map_err(|e| problem("internal", e.to_string(), "Restart Signet Desk."))?;
        let terms = Terms {
            id: rfq_id.clone(),
            instrument: id,
            ask: match ticket.ask {
                Ask::Buy => rfq::Ask::Buy,
                Ask::Sell => rfq::Ask::Sell,
                Ask::TwoWay => rfq::Ask::TwoWay,
            },
            quantity,
            currency: instrument.currency.clone(),
            settlement_date: settlement::date(&instrument, ticket.settlement_date.as_deref(), at)?,
            dealers,
            expires: at + i64::from(ticket.ttl_s) * 1_000,
            created: at,
        };
        terms.check(&instrument, at).map_err(|e| Problem::from(&e))?;
        let message = AppMessage::QuoteRequest(QuoteRequest {
            id: terms.id.clone(),
            instrument: terms.instrument.clone(),
            isin: instrument.asset_class.has_isin(),
            ask: terms.ask,
            quantity,
            currency: terms.currency.clone(),
            settlement_date: terms.settlement_date.clone(),
            dealers: terms.dealers.clone(),
            expires: terms.expires,
            at,
        });
        self.place(Rfq::new(terms));
        self.blot_rfq(&rfq_id);
        Ok(message)
    }

    /// Checks that an RFQ may be ended now; the message is to be sent.
    pub fn cancel(&mut self, id: &str) -> Result<AppMessage, Problem> {
        let online = self.online();
        let (id, item) = self.item(id)?;
        if item.rfq.in_flight() {
            return Err(problem(
                "accept_in_flight",
                "An accept of this RFQ is waiting for its answer.",
                "Wait for the answer; the RFQ cannot be ended before.",
            ));
        }
        if item.rfq.state.ended() {
            return Err(problem("rfq_ended", "The RFQ has ended already.", "Dismiss it."));
        }
        if online { Ok(AppMessage::RfqCancel { rfq: id, text: None }) } else { Err(offline()) }
    }

    pub fn dismiss(&mut self, id: &str) -> Result<(), Problem> {
        let (id, item) = self.item(id)?;
        if !item.rfq.state.ended() {
            return Err(problem("rfq_open", "The RFQ is still open.", "End it first."));
        }
        self.take_off(&id);
        Ok(())
    }

    pub fn arm(&mut self, intent: &ArmIntent, now: UtcMillis) -> Result<AcceptView, Problem> {
        if !self.online() {
            return Err(offline());
        }
        let (at, arrival) = (self.clock.gateway(now), self.clock.arrival_ms());
        let id = RfqId::new(intent.rfq_id.clone()).map_err(|_| no_rfq())?;
        let accept_id = AcceptId::new(self.ids.accept(&id)).map_err(|e| problem("internal", e.to_string(), "Restart Signet Desk."))?;
        let names = self.names();
        let item = self.items.get_mut(&id).ok_or_else(no_rfq)?;
        let bad = || problem("price_unreadable", "The price of the intent cannot be read.", "Try again.");
        let price = intent.price.parse().map_err(|_| bad())?;
        let dealer = DealerId::new(intent.dealer.clone()).map_err(|_| bad())?;
        let side = match intent.side {
            Side::Buy => rfq::Side::Buy,
            Side::Sell => rfq::Side::Sell,
        };
        let quote = item.rfq.line(&dealer).and_then(|l| l.quote.clone());
        let quantity = quote.as_ref().and_then(|q| item.rfq.accept_quantity(q, side)).unwrap_or(item.rfq.terms.quantity);
        let accept = rfq::Accept {
            id: accept_id,
            rfq: id.clone(),
            dealer,
            quote: QuoteId::new(intent.quote_id.clone()).map_err(|_| bad())?,
            instrument: item.rfq.terms.instrument.clone(),
            side,
            price,
            quantity,
        };
        item.rfq.arm(accept, at, arrival).map_err(|e| Problem::from(&e))?;
        item.dirty = true;
        let instrument = self.catalogue.get(&item.rfq.terms.instrument);
        let view = present::accept(&item.rfq, instrument, &names, None).ok_or_else(no_rfq)?;
        self.changed();
        Ok(view)
    }

    pub fn disarm(&mut self, id: &str) -> Result<(), Problem> {
        let (_, item) = self.item(id)?;
        item.rfq.disarm();
        item.dirty = true;
        self.changed();
        Ok(())
    }

    /// The armed accept is to be sent, if it still is what stands on the table.
    pub fn accept(&mut self, id: &str, accept: &str, now: UtcMillis) -> Result<AppMessage, Problem> {
        if !self.online() {
            return Err(offline());
        }
        let (at, arrival) = (self.clock.gateway(now), self.clock.arrival_ms());
        let accept = AcceptId::new(accept).map_err(|_| Problem::from(&rfq::AcceptRefusal::NotArmed))?;
        let id = RfqId::new(id).map_err(|_| no_rfq())?;
        let item = self.items.get_mut(&id).ok_or_else(no_rfq)?;
        item.dirty = true;
        let sent = item.rfq.send_accept(&accept, at, arrival);
        let terms = item.rfq.terms.clone();
        self.changed();
        let a = sent.map_err(|e| Problem::from(&e))?;
        // On disk first: after a restart the desk must know what it agreed to.
        if let Err(e) = self.in_flight.sent(&a, &terms) {
            tracing::error!(error = %e, "an accept cannot be written down; it was not sent");
            let why = problem(
                "accept_not_written",
                format!("The accept cannot be written to this laptop's disk: {e}"),
                "Make room on the disk, then try again.",
            );
            if let Some(i) = self.items.get_mut(&id) {
                let _ = i.rfq.declined(&a.id, Declined::ByDesk(why.message.clone()));
            }
            return Err(why);
        }
        let isin = terms.instrument.as_str().len() == 12;
        Ok(AppMessage::QuoteResponse(QuoteResponse::hit(&a, &terms, isin, at)))
    }

    /// What changed since frame `since`. Of an RFQ that the page is behind with, what changed since
    /// the frame named there, or nothing yet.
    pub fn pull(&mut self, since: u64, behind: &[Behind], now: UtcMillis) -> Frame {
        self.redraw(now);
        let whole = since < self.epoch || since > self.seq;
        let since = if whole { 0 } else { since };
        let newer = |seq: u64| seq > since;
        let behind: BTreeMap<&str, &Behind> = behind.iter().filter(|_| !whole).map(|b| (b.rfq_id.as_str(), b)).collect();
        let (mut rfqs, mut lines, mut withheld) = (Vec::new(), Vec::new(), false);
        for (id, item) in &self.items {
            let late = behind.get(id.as_str());
            let since = late.map_or(since, |b| as_seq(b.since));
            let newer_lines = item.lines.values().filter(|(seq, _)| *seq > since);
            let newer_head = item.head.as_ref().filter(|(seq, _)| *seq > since);
            if late.is_some_and(|b| !b.send) {
                withheld |= newer_head.is_some() || newer_lines.count() > 0;
                continue;
            }
            rfqs.extend(newer_head.map(|(_, v)| v.clone()));
            lines.extend(newer_lines.map(|(_, v)| v.clone()));
        }
        let (touch, catalogue) = (newer(self.step_up_seq), &self.catalogue);
        // A page that starts over has lost what was not closed: the bad ones are said again.
        let shown_notices = self.notices.iter().filter(|(s, n)| newer(*s) && (!whole || n.kind == NoticeKind::Bad));
        Frame {
            seq: self.seq as f64,
            whole,
            withheld,
            gateway_now_ms: self.clock.gateway(now).0 as f64,
            session: newer(self.session_seq).then(|| self.session.clone()),
            enrol: newer(self.enrol_seq).then(|| self.enrol.clone()),
            pin: newer(self.pin_seq).then(|| self.pin.clone()),
            step_up: touch.then(|| self.step_ups.view(catalogue, &self.names())),
            access: touch.then(|| self.step_ups.access.clone()),
            keys: touch.then(|| self.step_ups.keys.clone()),
            rfqs,
            lines,
            removed: self.removed.iter().filter(|(s, _)| newer(*s)).map(|(_, id)| id.clone()).collect(),
            reference_changed: newer(self.reference_seq),
            blotter_changed: newer(self.blotter_seq),
            notices: shown_notices.map(|(_, n)| n.clone()).collect(),
        }
    }

    pub fn wake_after(&mut self, seq: u64, wake: Wake) {
        let pending = self.seq > seq || self.items.values().any(|i| i.dirty);
        if pending {
            wake();
        } else {
            self.wake = Some((seq, wake));
        }
    }

    pub fn pin(&mut self, pin: PinView) {
        self.pin = pin;
        self.pin_seq = self.bump();
        self.changed();
    }

    pub fn enrolling(&mut self, enrol: EnrolView) {
        self.enrol = enrol;
        self.enrol_seq = self.bump();
        self.changed();
    }

    // ----- what the link tells -----

    pub fn link(&mut self, now: UtcMillis, change: impl FnOnce(&mut SessionView)) {
        let before = self.session.clone();
        change(&mut self.session);
        if self.session.state != before.state {
            self.session.since_ms = now.0 as f64;
        }
        if self.session != before {
            self.session_seq = self.bump();
            self.all_dirty();
            self.changed();
        }
    }

    /// The CompID of the gateway that is connected to, or of a plain venue.
    pub fn at_gateway(&mut self, comp_id: &rfq::CompId, direct: bool) {
        (self.gateway, self.direct) = (Some(comp_id.to_string()), direct);
    }

    /// Another identity: what belonged to the former one leaves the screen.
    pub fn begin(&mut self, blotter: Blotter) {
        let ids: Vec<RfqId> = self.items.keys().cloned().collect();
        ids.iter().for_each(|id| self.take_off(id));
        self.blotter = blotter;
        self.in_flight = InFlight::default();
        self.sent.clear();
        self.step_ups = StepUps::default();
        self.step_up_seq = self.bump();
        self.catalogue = Catalogue::default();
        self.dealers.clear();
        self.reference_seq = self.bump();
        self.blotter_seq = self.seq;
        self.changed();
    }

    /// Accepts of an earlier run without an answer: on screen again in their own terms, to be asked about.
    pub fn resume(&mut self, kept: InFlight) {
        let all: Vec<(rfq::Accept, Terms)> = kept.all().cloned().collect();
        self.in_flight = kept;
        for (accept, terms) in all {
            let mut before = Rfq::new(terms);
            before.acknowledge();
            before.sent_before(accept);
            before.answer_lost();
            self.place(before);
        }
    }

    /// A message has left under this sequence number.
    pub fn sent_as(&mut self, seq: u64, m: &AppMessage) {
        let what = match m {
            AppMessage::QuoteRequest(q) => Sent::Rfq(q.id.clone()),
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => Sent::Accept(r.id.clone()),
            _ => return,
        };
        // Numbers that begin again name other messages than before.
        if self.sent.last_key_value().is_some_and(|(last, _)| *last >= seq) {
            self.sent.clear();
        }
        if self.sent.len() == MAX_SENT {
            self.sent.pop_first();
        }
        self.sent.insert(seq, what);
    }

    /// Accepts that have their answer leave the file.
    fn tidy_in_flight(&mut self) {
        let answered = |a: &rfq::Accept| {
            let state = self.items.get(&a.rfq).and_then(|i| i.rfq.accept_of(&a.id));
            state.is_some_and(|(_, s)| !s.in_flight())
        };
        let done: Vec<AcceptId> = self.in_flight.all().filter(|(a, _)| answered(a)).map(|(a, _)| a.id.clone()).collect();
        done.iter().for_each(|id| self.in_flight.answered(id));
    }

    pub fn measured(&mut self, sent: UtcMillis, stamped: UtcMillis, received: UtcMillis) {
        self.clock.measured(sent, stamped, received);
        let (offset, rtt) = (self.clock.offset_ms(), self.clock.round_trip_ms());
        self.link(received, |s| {
            s.clock_offset_ms = offset.map(|o| o as f64);
            s.round_trip_ms = rtt.map(|r| r as f64);
        });
    }

    /// The link is gone: answers outstanding are unknown from now on.
    pub fn link_lost(&mut self) {
        for item in self.items.values_mut() {
            item.rfq.link_lost();
            item.dirty = true;
        }
        self.restoring = None;
        // The rest of a list that was on its way will not come.
        self.incoming_catalogue = IncomingCatalogue::default();
        self.with_step_ups(StepUps::link_lost);
    }

    /// A message that the link could not send.
    pub fn not_sent(&mut self, m: &AppMessage, why: Problem, now: UtcMillis) {
        let rfq = match m {
            AppMessage::QuoteRequest(q) => {
                if let Some(i) = self.items.get_mut(&q.id) {
                    i.rfq.refuse(why.message.clone());
                    i.problem = Some(why.clone());
                    i.dirty = true;
                }
                Some(q.id.clone())
            }
            AppMessage::QuoteResponse(r) => {
                let id = rfq_of_accept(&r.id);
                if let Some(i) = id.as_ref().and_then(|id| self.items.get_mut(id)) {
                    let _ = i.rfq.declined(&r.id, Declined::ByDesk(why.message.clone()));
                    i.dirty = true;
                }
                id
            }
            _ => None,
        };
        self.notice(NoticeKind::Bad, &why.code, format!("Not sent: {}", why.message), rfq.as_ref(), now);
        if let Some(id) = rfq {
            self.blot_rfq(&id);
        }
        self.tidy_in_flight();
        self.changed();
    }

    pub fn tick(&mut self, now: UtcMillis) {
        self.tell_blotter(now);
        let at = self.clock.gateway(now);
        let late = self.step_ups.tick(at);
        if !late.is_empty() {
            let rfq = late.first().and_then(Open::rfq);
            self.notice(NoticeKind::Bad, "step_up_late", "Nobody touched a key in time.".into(), rfq.as_ref(), now);
            self.with_step_ups(|_| ());
        }
        let mut ended = Vec::new();
        for (id, item) in &mut self.items {
            if item.rfq.state.ended() {
                continue;
            }
            // A quote may have come too close to its end to be reached: buttons depend on it.
            let deadline_near = item.rfq.next_deadline().is_some_and(|t| t.since(at) < 1_500);
            if item.rfq.tick(at) || deadline_near {
                item.dirty = true;
            }
            if item.rfq.state.ended() {
                ended.push(id.clone());
            }
        }
        for id in &ended {
            self.blot_rfq(id);
        }
        if self.items.values().any(|i| i.dirty) {
            self.changed();
        }
    }

    /// A message from the gateway. What comes back is to be sent.
    pub fn message(&mut self, m: AppMessage, now: UtcMillis) -> Vec<AppMessage> {
        let mut answers = Vec::new();
        match peer_text::message(m) {
            AppMessage::VenueState(v) => self.venue(v),
            AppMessage::SecurityList(y) => self.securities(y, now),
            AppMessage::Snapshot(mark) => answers = self.snapshot(mark, now),
            AppMessage::Quote(q) => self.quote(q, now),
            AppMessage::QuoteCancel(c) => {
                // A venue may name the quote alone, or none for all of a dealer's.
                let named = |id: &RfqId| c.rfq.as_ref().is_none_or(|rfq| rfq == id);
                let restoring = self.restoring.is_some();
                for (id, i) in &mut self.items {
                    let Some(d) = c.dealer.as_ref().filter(|_| named(id)) else { continue };
                    i.dirty |= match c.unreachable {
                        true => i.rfq.unreachable(d),
                        false => i.rfq.withdraw(d, c.quote.as_ref()) == Ok(true) || (restoring && i.rfq.withdrawn_before(d)),
                    };
                }
            }
            AppMessage::QuoteRequestReject(r) => self.request_rejected(r, now),
            AppMessage::QuoteStatusReport(s) => self.status(s, now),
            AppMessage::ExecutionReport(e) => self.report(e, now),
            AppMessage::QuoteResponse(r) => self.accept_restored(r),
            AppMessage::BusinessReject(j) => answers = self.business_reject(j, now),
            AppMessage::StepUpChallenge(c) => answers = self.challenge(c, now),
            AppMessage::StepUpOutcome(o) => self.step_up_outcome(o, now),
            AppMessage::AccessState(a) => answers = self.access(a),
            AppMessage::AccessDecision(d) => self.decided(d, now),
            AppMessage::KeyReport(k) => answers = self.key_report(k, now),
            other => tracing::warn!(msg_type = other.msg_type(), "the gateway sent something a desk takes no meaning from"),
        }
        self.tidy_in_flight();
        self.changed();
        answers
    }

    fn venue(&mut self, mut v: VenueState) {
        // A dealer that is named twice is one dealer.
        let mut named = BTreeSet::new();
        v.dealers.retain(|d| named.insert(d.id.clone()));
        if self.dealers != v.dealers {
            self.dealers = v.dealers;
            self.reference_seq = self.bump();
            self.all_dirty();
        }
    }

    fn securities(&mut self, y: SecurityList, now: UtcMillis) {
        match self.incoming_catalogue.take(y) {
            Ok(None) => {}
            Ok(Some(c)) => {
                self.catalogue = c;
                self.reference_seq = self.bump();
                self.all_dirty();
                self.name_rows();
            }
            Err(e) => {
                tracing::error!(error = %e, "the gateway's instrument list is not usable");
                let text = format!("The instrument list of the {} cannot be used: {e}. Tell your administrator.", self.peer());
                self.notice(NoticeKind::Bad, "catalogue_unusable", text, None, now);
            }
        }
    }

    /// Rows that were written while the catalogue was not there show an id in place of a name.
    fn name_rows(&mut self) {
        for (tab, mut row) in self.blotter.unnamed() {
            let known = InstrumentId::new(row.instrument.clone()).ok().and_then(|id| self.catalogue.get(&id));
            if let Some(i) = known.filter(|i| i.symbol != row.symbol) {
                row.symbol = i.symbol.clone();
                self.blot(tab, row);
            }
        }
    }

    fn snapshot(&mut self, mark: SnapshotMark, now: UtcMillis) -> Vec<AppMessage> {
        match mark {
            SnapshotMark::Begin => self.restoring = Some((BTreeSet::new(), None)),
            SnapshotMark::Rfq(q) => {
                let id = q.id.clone();
                if let Some((seen, current)) = &mut self.restoring {
                    seen.insert(id.clone());
                    *current = Some(id.clone());
                }
                self.restore(q);
                self.blot_rfq(&id);
            }
            SnapshotMark::End => return self.restored(now),
        }
        Vec::new()
    }

    /// An open RFQ as the gateway holds it: ours takes its terms and waits for its quotes anew.
    fn restore(&mut self, q: QuoteRequest) {
        let terms = q.terms();
        match self.items.get_mut(&q.id) {
            Some(i) if !i.rfq.state.ended() => {
                i.rfq.deadline = Some(terms.expires);
                // What the gateway does not say again cannot be traded; nobody withdrew it.
                for d in &terms.dealers {
                    i.rfq.unreachable(d);
                }
                i.rfq.acknowledge();
                i.dirty = true;
            }
            Some(_) => {}
            None => {
                let mut fresh = Rfq::new(terms);
                fresh.acknowledge();
                self.place(fresh);
            }
        }
    }

    /// The snapshot is complete. What we believed open and the gateway did not mention has ended; what
    /// became of accepts without an answer is asked, by id.
    fn restored(&mut self, now: UtcMillis) -> Vec<AppMessage> {
        let Some((seen, _)) = self.restoring.take() else { return Vec::new() };
        let mut ask = Vec::new();
        let mut ended = Vec::new();
        for (id, i) in &mut self.items {
            if let Some((a, s)) = i.rfq.accept.as_ref().filter(|(_, s)| s.in_flight()) {
                tracing::info!(accept = %a.id, state = ?s, "asking what became of an accept");
                ask.push(AppMessage::OrderStatusRequest(OrderStatusRequest {
                    accept: a.id.clone(),
                    instrument: a.instrument.clone(),
                    side: a.side,
                    dealer: None,
                }));
            } else if !i.rfq.state.ended() && !seen.contains(id) {
                let _ = i.rfq.end(rfq::RfqState::Expired, Some("it ended while the desk was away".into()));
                ended.push(id.clone());
            }
            i.dirty = true;
        }
        ended.iter().for_each(|id| self.blot_rfq(id));
        self.close_orphans(&seen);
        self.link(now, |s| s.state = LinkState::Online);
        ask
    }

    /// RFQs of an earlier run that the blotter still calls open and the gateway no longer has.
    fn close_orphans(&mut self, seen: &BTreeSet<RfqId>) {
        for mut row in self.blotter.open_rfqs() {
            let known = RfqId::new(row.rfq_id.clone()).is_ok_and(|id| seen.contains(&id) || self.items.contains_key(&id));
            if !known {
                row.status = "Ended while away".into();
                self.blot(BlotterTab::Rfqs, row);
            }
        }
    }

    fn quote(&mut self, q: QuoteMsg, now: UtcMillis) {
        let at = self.clock.gateway(now);
        let (Some(dealer), Some(i)) = (q.dealer, self.items.get_mut(&q.rfq)) else { return };
        if q.instrument != i.rfq.terms.instrument {
            return tracing::warn!(rfq = %q.rfq, "a quote for another instrument was ignored");
        }
        let by_isin = self.catalogue.get(&q.instrument).is_some_and(|i| i.asset_class.has_isin());
        if let Err(fault) = q.qualifiers.check(&i.rfq.terms, by_isin) {
            // A number in another convention must not be taken for a price, nor may the one before it stay.
            let _ = i.rfq.withdraw(&dealer, None);
            i.dirty = true;
            let text = format!("A quote of {dealer} is not shown: {fault}.");
            return self.notice(NoticeKind::Bad, "quote_not_as_asked", text, Some(&q.rfq), now);
        }
        let quote = rfq::Quote { id: q.id, dealer, bid: q.bid, offer: q.offer, valid_until: q.valid_until, tradeable: q.tradeable };
        match i.rfq.quote(quote, at) {
            Ok(_) => i.dirty = true,
            Err(e) => tracing::debug!(rfq = %q.rfq, error = %e, "a quote was not taken"),
        }
    }

    fn request_rejected(&mut self, r: QuoteRequestReject, now: UtcMillis) {
        let text = r.text.unwrap_or_else(|| "no reason given".into());
        if r.dealer.is_none() {
            self.settled(&r.rfq);
        }
        let peer = self.peer();
        let Some(i) = self.items.get_mut(&r.rfq) else { return };
        i.dirty = true;
        match r.dealer {
            Some(d) => {
                let _ = i.rfq.pass(&d, rfq::Passed { code: r.reason, text });
            }
            None => {
                i.rfq.refuse(text.clone());
                let message = format!("The {} refused the RFQ: {}", peer, sentence(&text));
                // The gateway knows what would cure its own refusal; a venue only gives a number.
                let cure = r.advice.map(|a| a.cure).filter(|cure| !cure.is_empty());
                i.problem = Some(problem("rfq_refused", message, cure.unwrap_or_else(|| refused_cure(r.reason).into())));
                self.notice(NoticeKind::Bad, "rfq_refused", format!("RFQ refused: {text}"), Some(&r.rfq), now);
                self.blot_rfq(&r.rfq);
            }
        }
    }

    fn status(&mut self, s: QuoteStatusReport, now: UtcMillis) {
        if s.status != RfqStatus::Pending {
            self.settled(&s.rfq);
        }
        let Some(i) = self.items.get_mut(&s.rfq) else { return };
        i.dirty = true;
        if let Some(until) = s.until.filter(|_| !i.rfq.state.ended()) {
            i.rfq.deadline = Some(until);
        }
        let end = match s.status {
            RfqStatus::Open => {
                i.rfq.acknowledge();
                None
            }
            RfqStatus::Pending => None,
            RfqStatus::Cancelled => Some(rfq::RfqState::Cancelled),
            RfqStatus::NothingDone => Some(rfq::RfqState::NothingDone),
            RfqStatus::Expired | RfqStatus::NotFound => Some(rfq::RfqState::Expired),
            RfqStatus::Rejected => {
                i.rfq.refuse(s.text.clone().unwrap_or_default());
                None
            }
            RfqStatus::Other(_) => None,
        };
        if let Some(state) = end
            && i.rfq.end(state, s.text.clone()).is_ok()
            && self.restoring.is_none()
        {
            let words = match state {
                rfq::RfqState::Cancelled => "RFQ ended without a trade",
                rfq::RfqState::NothingDone => "Nothing done: every dealer passed",
                _ => "RFQ expired",
            };
            self.notice(NoticeKind::Plain, "rfq_ended", words.into(), Some(&s.rfq), now);
        }
        self.blot_rfq(&s.rfq);
    }

    /// Something the gateway said carried no good signature: it changed nothing here, and the trader must know.
    pub fn not_believed(&mut self, msg_type: &str, why: &Problem, now: UtcMillis) {
        let text = format!("A message ({msg_type}) of the {} was not believed. {} {}", self.peer(), why.message, why.cure);
        self.notice(NoticeKind::Bad, &why.code, text, None, now);
        self.changed();
    }

    // ----- helpers -----

    fn item(&mut self, id: &str) -> Result<(RfqId, &mut Item), Problem> {
        let id = RfqId::new(id).map_err(|_| no_rfq())?;
        let item = self.items.get_mut(&id).ok_or_else(no_rfq)?;
        Ok((id, item))
    }

    pub(crate) fn names(&self) -> BTreeMap<DealerId, String> {
        self.dealers.iter().map(|d| (d.id.clone(), d.name.clone())).collect()
    }

    fn place(&mut self, rfq: Rfq) {
        if self.items.len() >= MAX_ON_SCREEN {
            let oldest = self.items.iter().filter(|(_, i)| i.rfq.state.ended()).min_by_key(|(_, i)| i.order).map(|(id, _)| id.clone());
            if let Some(id) = oldest {
                self.take_off(&id);
            }
        }
        let order = self.bump();
        let id = rfq.terms.id.clone();
        self.items.insert(id, Item { rfq, problem: None, head: None, lines: BTreeMap::new(), dirty: true, order });
        self.changed();
    }

    fn take_off(&mut self, id: &RfqId) {
        if self.items.remove(id).is_some() {
            let seq = self.bump();
            self.removed.push_back((seq, id.to_string()));
            if self.removed.len() > 1_000 {
                // A page that far behind is given everything anew.
                self.removed.pop_front();
                self.epoch = self.removed.front().map_or(self.seq, |(s, _)| *s);
            }
            self.changed();
        }
    }

    fn blot(&mut self, tab: BlotterTab, row: BlotterRow) {
        let saved = self.blotter.put(tab, row);
        self.blotter_seq = self.bump();
        if matches!(saved, Saved::Refused(_) | Saved::CaughtUp) {
            self.blotter_saved = Some(saved);
        }
    }

    /// Says once that the disk refuses the blotter, once that it takes it again, and once that a
    /// damaged file was mended.
    fn tell_blotter(&mut self, now: UtcMillis) {
        if let Some(s) = self.blotter.take_salvaged() {
            let text = format!(
                "The blotter's file was damaged: {} rows could be read, {} or more could not. The damaged file is kept as {}; \
                 give it to your administrator.",
                s.kept,
                s.lost.len(),
                s.kept_aside.display()
            );
            self.notice(NoticeKind::Bad, "blotter_damaged", text, None, now);
        }
        match self.blotter_saved.take().unwrap_or_else(|| self.blotter.retry()) {
            Saved::Yes | Saved::StillRefused => {}
            Saved::Refused(e) => {
                tracing::error!(error = %e, "the blotter cannot be written");
                let text = format!(
                    "The blotter cannot be written: {e}. What you see is right, but it is lost if Signet ends before the disk has \
                     room. Signet tries again by itself."
                );
                self.notice(NoticeKind::Bad, "blotter_not_written", text, None, now);
            }
            Saved::CaughtUp => {
                let text = "Everything in the blotter is on disk again.".into();
                self.notice(NoticeKind::Good, "blotter_written", text, None, now);
            }
        }
    }

    fn blot_rfq(&mut self, id: &RfqId) {
        let names = self.names();
        let Some(item) = self.items.get(id) else { return };
        let row = present::rfq_row(&item.rfq, self.catalogue.get(&item.rfq.terms.instrument), &names);
        self.blot(BlotterTab::Rfqs, row);
    }

    /// Nothing is open: the link may go for a moment without costing anybody a price.
    pub fn idle(&self) -> bool {
        self.items.values().all(|i| i.rfq.state.ended())
    }

    /// As [`crate::Desk::may_close`].
    pub fn may_close(&mut self, now: UtcMillis) -> bool {
        let waiting: Vec<&RfqId> = self.items.iter().filter(|(_, i)| i.rfq.in_flight()).map(|(id, _)| id).collect();
        let Some(first) = waiting.first().map(|id| (*id).clone()) else {
            self.closing_was_warned = false;
            return true;
        };
        if std::mem::replace(&mut self.closing_was_warned, true) {
            return true;
        }
        let text = format!(
            "{} of your accepts wait for an answer, and it is not seen here once the window is closed. Close it again to close it \
             all the same; what became of them is in the blotter at the next start.",
            waiting.len()
        );
        self.notice(NoticeKind::Bad, "accept_in_flight", text, Some(&first), now);
        self.changed();
        false
    }

    pub fn tell(&mut self, kind: NoticeKind, code: &str, text: String, now: UtcMillis) {
        self.notice(kind, code, text, None, now);
        self.changed();
    }

    fn notice(&mut self, kind: NoticeKind, code: &str, text: String, rfq: Option<&RfqId>, now: UtcMillis) {
        let seq = self.bump();
        if self.notices.len() == MAX_NOTICES {
            // A bad one gives way to a bad one only.
            let oldest = self.notices.iter().position(|(_, n)| n.kind != NoticeKind::Bad);
            self.notices.remove(oldest.unwrap_or(0));
        }
        let rfq_id = rfq.map(ToString::to_string);
        self.notices.push_back((seq, Notice { kind, at_ms: now.0 as f64, code: code.into(), text, rfq_id }));
    }

    fn bump(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    fn all_dirty(&mut self) {
        self.items.values_mut().for_each(|i| i.dirty = true);
    }

    fn changed(&mut self) {
        if let Some((_, wake)) = self.wake.take() {
            wake();
        }
    }

    /// Presents what is dirty; only what looks different gets a new number.
    fn redraw(&mut self, now: UtcMillis) {
        if !self.items.values().any(|i| i.dirty) {
            return;
        }
        let seq = self.seq + 1;
        let mut used = false;
        let names = self.names();
        let (at, arrival, online) = (self.clock.gateway(now), self.clock.arrival_ms(), self.online());
        for item in self.items.values_mut().filter(|i| i.dirty) {
            item.dirty = false;
            let instrument = self.catalogue.get(&item.rfq.terms.instrument);
            let waits = self.step_ups.waits(&item.rfq.terms.id);
            let look = present::Look { rfq: &item.rfq, instrument, names: &names, at, arrival_ms: arrival, online, waits };
            let head = present::head(&look, item.problem.as_ref());
            if item.head.as_ref().is_none_or(|(_, h)| *h != head) {
                item.head = Some((seq, head));
                used = true;
            }
            for line in present::lines(&look) {
                let Ok(dealer) = DealerId::new(line.dealer.clone()) else { continue };
                if item.lines.get(&dealer).is_none_or(|(_, l)| *l != line) {
                    item.lines.insert(dealer, (seq, line));
                    used = true;
                }
            }
        }
        if used {
            self.seq = seq;
        }
    }
}

fn instrument_unknown() -> Problem {
    problem("instrument_unknown", "No instrument is chosen.", "Type an ISIN, a pair or a name and choose from the list.")
}

fn no_rfq() -> Problem {
    problem("rfq_unknown", "There is no such RFQ on this desk.", "Reload the window.")
}

/// What would cure a refusal, by QuoteRequestRejectReason (658).
fn refused_cure(reason: u16) -> &'static str {
    match reason {
        1 => "Choose another instrument, or ask your administrator to add this one.",
        3 => "Ask for less, or end other RFQs first.",
        6 => "Choose dealers you may ask, or have your entitlements changed.",
        _ => "Change the request and send it again.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UtcMillis = UtcMillis(1_000_000);

    /// A book with two open RFQs, and what its page pulled so far.
    fn two_rfqs() -> (Book, u64) {
        let mut book = Book::new(Ids::new(NOW, 1), NOW);
        for id in ["A", "B"] {
            book.place(Rfq::new(Terms {
                id: RfqId::new(id).expect("an id"),
                instrument: InstrumentId::new("EUR/USD").expect("an instrument"),
                ask: rfq::Ask::Buy,
                quantity: 1.into(),
                currency: "EUR".into(),
                settlement_date: "20261124".into(),
                dealers: vec![DealerId::new("NORTH").expect("a dealer")],
                expires: NOW + 60_000,
                created: NOW,
            }));
        }
        let seq = book.pull(0, &[], NOW).seq as u64;
        (book, seq)
    }

    fn change(book: &mut Book, id: &str) {
        let item = book.items.get_mut(&RfqId::new(id).expect("an id")).expect("on screen");
        item.rfq.refuse("no".into());
        item.dirty = true;
    }

    fn behind(id: &str, since: u64, send: bool) -> [Behind; 1] {
        [Behind { rfq_id: id.into(), since: since as f64, send }]
    }

    fn heads(frame: &Frame) -> Vec<&str> {
        frame.rfqs.iter().map(|r| r.id.as_str()).collect()
    }

    #[test]
    fn what_the_page_is_behind_with_is_withheld_and_comes_when_it_asks() {
        let (mut book, seq) = two_rfqs();
        change(&mut book, "A");
        change(&mut book, "B");
        let first = book.pull(seq, &behind("B", seq, false), NOW);
        assert_eq!((heads(&first), first.withheld), (vec!["A"], true));
        let none = book.pull(first.seq as u64, &behind("B", seq, false), NOW);
        assert_eq!((heads(&none), none.withheld), (vec![], true));
        let caught_up = book.pull(first.seq as u64, &behind("B", seq, true), NOW);
        assert_eq!((heads(&caught_up), caught_up.withheld), (vec!["B"], false));
        assert!(heads(&book.pull(first.seq as u64, &behind("B", caught_up.seq as u64, false), NOW)).is_empty());
    }

    #[test]
    fn after_a_restart_a_line_that_was_withdrawn_is_not_one_that_never_answered() {
        let cancel = || {
            AppMessage::QuoteCancel(QuoteCancel {
                rfq: RfqId::new("A").ok(),
                quote: QuoteId::new("q").ok(),
                instrument: None,
                dealer: DealerId::new("NORTH").ok(),
                unreachable: false,
            })
        };
        let state = |book: &Book| book.items[&RfqId::new("A").expect("an id")].rfq.lines[0].state.clone();
        let (mut book, _) = two_rfqs();
        book.message(cancel(), NOW);
        assert_eq!(state(&book), rfq::LineState::Asked, "outside a snapshot it names a quote that nobody saw");
        book.message(AppMessage::Snapshot(SnapshotMark::Begin), NOW);
        book.message(cancel(), NOW);
        assert_eq!(state(&book), rfq::LineState::Withdrawn);
    }

    #[test]
    fn rows_of_a_time_without_a_catalogue_get_their_names_when_it_comes() {
        let (mut book, _) = two_rfqs();
        let id = RfqId::new("A").expect("an id");
        book.blot_rfq(&id);
        let symbol = |book: &Book| book.blotter.get(BlotterTab::Rfqs, "A").map(|r| r.symbol.clone());
        assert_eq!(symbol(&book).as_deref(), Some("EUR/USD"));
        let instrument = rfq::Instrument {
            id: InstrumentId::new("EUR/USD").expect("an instrument"),
            symbol: "Euro dollar".into(),
            name: "Euro dollar".into(),
            asset_class: rfq::AssetClass::FxSpot,
            currency: "EUR".into(),
            price_decimals: 5,
            price_unit: "USD per EUR".into(),
            tick: "0.00001".parse().expect("a number"),
            lot: 1.into(),
            min_quantity: 1.into(),
            max_quantity: 1_000.into(),
            settlement: "spot".into(),
        };
        let list = SecurityList { request: id, last: true, instruments: vec![instrument] };
        book.message(AppMessage::SecurityList(list), NOW);
        assert_eq!(symbol(&book).as_deref(), Some("Euro dollar"));
    }

    #[test]
    fn a_dealer_that_is_named_twice_is_one_dealer() {
        let (mut book, _) = two_rfqs();
        let dealer = |name: &str| DealerState { id: DealerId::new("NORTH").expect("a dealer"), name: name.into(), online: true };
        let dealers = vec![dealer("Northbank"), dealer("Another")];
        book.message(AppMessage::VenueState(VenueState { name: String::new(), practice: false, dealers, at: NOW }), NOW);
        assert_eq!(book.reference().dealers.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["Northbank"]);
    }

    #[test]
    fn a_bad_notice_is_pushed_out_by_bad_ones_only() {
        let (mut book, _) = two_rfqs();
        book.tell(NoticeKind::Bad, "execution_mismatch", "call".into(), NOW);
        for n in 0..3 * MAX_NOTICES {
            book.tell(NoticeKind::Plain, "rfq_ended", format!("{n}"), NOW);
        }
        assert_eq!(book.notices.len(), MAX_NOTICES);
        // A page that starts over is told again what is bad, and only that.
        let codes: Vec<String> = book.pull(0, &[], NOW).notices.into_iter().map(|n| n.code).collect();
        assert_eq!(codes, ["execution_mismatch"]);
    }

    #[test]
    fn a_window_closes_at_once_unless_an_accept_is_on_its_way_and_then_at_the_second_try() {
        let (mut book, _) = two_rfqs();
        assert!(book.may_close(NOW));
        let id = RfqId::new("A").expect("an id");
        let rfq = &mut book.items.get_mut(&id).expect("on screen").rfq;
        rfq.acknowledge();
        let (dealer, quote) = (DealerId::new("NORTH").expect("a dealer"), QuoteId::new("q").expect("an id"));
        let level = rfq::Level { price: 1.into(), size: 1.into() };
        let offered = rfq::Quote {
            id: quote.clone(),
            dealer: dealer.clone(),
            bid: None,
            offer: Some(level),
            valid_until: NOW + 30_000,
            tradeable: true,
        };
        rfq.quote(offered, NOW).expect("taken");
        let accept = rfq::Accept {
            id: AcceptId::new("A:1").expect("an id"),
            rfq: id,
            dealer,
            quote,
            instrument: rfq.terms.instrument.clone(),
            side: rfq::Side::Buy,
            price: 1.into(),
            quantity: 1.into(),
        };
        rfq.arm(accept.clone(), NOW, 0).expect("armed");
        rfq.send_accept(&accept.id, NOW, 0).expect("sent");
        assert!(!book.may_close(NOW));
        assert_eq!(book.notices.back().map(|(_, n)| n.code.as_str()), Some("accept_in_flight"));
        assert!(book.may_close(NOW));
    }

    #[test]
    fn nothing_is_withheld_that_did_not_change() {
        let (mut book, seq) = two_rfqs();
        change(&mut book, "A");
        assert!(!book.pull(seq, &behind("B", seq, false), NOW).withheld);
    }

    #[test]
    fn a_whole_frame_withholds_nothing() {
        let (mut book, seq) = two_rfqs();
        let whole = book.pull(0, &behind("B", seq, false), NOW);
        assert_eq!((heads(&whole), whole.whole, whole.withheld), (vec!["A", "B"], true, false));
    }

    #[test]
    fn a_page_that_names_nonsense_gets_everything_of_it() {
        let (mut book, seq) = two_rfqs();
        for since in [-1.0, f64::NAN, f64::NEG_INFINITY] {
            let nonsense = [Behind { rfq_id: "B".into(), since, send: true }, Behind { rfq_id: "no such".into(), since, send: true }];
            assert_eq!(heads(&book.pull(seq, &nonsense, NOW)), ["B"]);
        }
    }
}

#[cfg(test)]
#[path = "book/life_tests.rs"]
mod life_tests;
