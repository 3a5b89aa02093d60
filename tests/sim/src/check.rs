//! The invariants. Those of a single moment are looked at after every step, the others after
//! settling: all links up, nobody down, and time has passed.

use crate::{
    cast::*,
    click::{Ahead, Click, Filled, was_ahead},
    dealer::Dealer,
    desk::filled,
    gateway::{Gateway, is_colleagues},
    link::NEVER,
    quotes::{live_quotes, unanswered},
    rules::{DAY_MOST, is_denied},
    signer::Signer,
    tally::{Seen, Tally},
};
use rust_decimal::Decimal;
use signet_desk_core::view::{CounterState, Frame, LineView, RfqState as ShownRfq};
use signet_fix::message::QuoteResponse;
use signet_rfq::{ACCEPT_AGE_MAX_MS, AcceptState, Leg, Rfq, RfqState, StatedLeg, UtcMillis};
use std::collections::{BTreeMap, BTreeSet};

/// How far apart the clocks of desk and gateway may be believed to be, milliseconds.
const CLOCKS_MS: i64 = 1_000;

/// A run that broke an invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What was seen.
    pub words: String,
}

pub(crate) fn broken(invariant: &'static str, words: impl Into<String>) -> Violation {
    Violation { invariant, words: words.into() }
}

/// What is known of a run apart from what the programs say.
#[derive(Default)]
pub(crate) struct Truth {
    pub clicks: BTreeMap<String, Click>,
    /// Accepts that a person approved with a key.
    pub approved: BTreeSet<String>,
    /// Accepts to come that a person approved with a key.
    pub aheads: Vec<Ahead>,
    /// When the policies denied every accept.
    pub locked: Vec<(i64, i64)>,
    /// When the registry kept the trader out.
    pub barred: Vec<(i64, i64)>,
    pub clock_was_set: bool,
    /// What was found broken between two steps.
    pub fault: Option<Violation>,
    /// Why the gateway did not start again.
    pub does_not_start: Option<String>,
    /// From its first start that its disk refused until it was back.
    away: Vec<(i64, i64)>,
    /// When a colleague took an RFQ over.
    pub taken: BTreeMap<String, i64>,
    /// Fills that were on screen at some time.
    pub shown: BTreeSet<String>,
    /// How often each act happened.
    pub acts: BTreeMap<&'static str, usize>,
    pub seen: Seen,
    fills_seen: [usize; 3],
    arrivals_seen: [usize; 3],
    /// Of each dealer: how many busts and parts were looked at.
    told_seen: [(usize, usize); 3],
    filled: Filled,
    busted: BTreeSet<String>,
    /// Packages of which a dealer executed a part.
    parts: BTreeSet<String>,
    /// The desk's ids of the accepts that reached dealers, by what these call them.
    own: BTreeMap<String, String>,
}

/// The desk's id of an accept that a dealer calls so.
fn own<'a>(all: &'a BTreeMap<String, String>, name: &'a str) -> &'a str {
    all.get(name).map_or(name, String::as_str)
}

impl Truth {
    /// What must hold at every moment.
    pub(crate) fn step(
        &mut self,
        dealers: &[Dealer],
        signer: &Signer,
        gateway: Option<&Gateway>,
    ) -> Result<(), Violation> {
        if let Some(why) = self.does_not_start.take() {
            return Err(broken("gateway.start", why));
        }
        if let Some(violation) = self.fault.take() {
            return Err(violation);
        }
        for (i, d) in dealers.iter().enumerate() {
            if !self.knows_accepts(i, d, gateway)? {
                continue;
            }
            for (left, r) in &d.arrived[self.arrivals_seen[i]..] {
                if is_colleagues(own(&self.own, r.id.as_str())) {
                    self.seen.colleague += 1;
                    continue;
                }
                if !signer.has_signed(own(&self.own, r.id.as_str())) {
                    let words = format!("{} got {}, which its desk did not sign", DEALERS[i], r.id);
                    return Err(broken("fill.unsigned", words));
                }
                self.arrived(DEALERS[i], r, *left)?;
            }
            if let Some(id) = d.of_declined.first() {
                let words = format!("{} got {id}, of a quote that a counter declined", DEALERS[i]);
                return Err(broken("counter.declined", words));
            }
            self.arrivals_seen[i] = d.arrived.len();
            for f in d.fills[self.fills_seen[i]..].iter() {
                let id = own(&self.own, &f.accept);
                match is_colleagues(id) {
                    true => self.filled.by_colleague(&self.taken, (DEALERS[i], id), f)?,
                    false => self.filled.take(&self.clicks, (DEALERS[i], id), f)?,
                }
            }
            if !self.clock_was_set && self.filled.total > Decimal::from(DAY_MOST) {
                let words = format!("{} is traded, with {}", self.filled.total, DEALERS[i]);
                return Err(broken("limit.day", words));
            }
            self.fills_seen[i] = d.fills.len();
            let (busted, parts) = &mut self.told_seen[i];
            self.busted.extend(d.busted[*busted..].iter().map(|id| own(&self.own, id).to_owned()));
            self.parts.extend(d.parts[*parts..].iter().map(|id| own(&self.own, id).to_owned()));
            (*busted, *parts) = (d.busted.len(), d.parts.len());
        }
        Ok(())
    }

    /// Whether it is known which accepts arrived at a dealer: while the gateway is down nobody can
    /// be asked, and they are looked at when it is back.
    fn knows_accepts(
        &mut self,
        i: usize,
        d: &Dealer,
        gateway: Option<&Gateway>,
    ) -> Result<bool, Violation> {
        for (_, r) in &d.arrived[self.arrivals_seen[i]..] {
            let name = r.id.as_str();
            if self.own.contains_key(name) {
                continue;
            }
            let Some(g) = gateway else { return Ok(false) };
            let Some(id) = g.accept_called(name) else {
                let words = format!("{} got {name}, which the gateway does not know", DEALERS[i]);
                return Err(broken("fill.unclicked", words));
            };
            self.own.insert(name.to_owned(), id);
        }
        Ok(true)
    }

    /// The desk's id of an accept that a dealer calls so.
    pub(crate) fn own<'a>(&'a self, name: &'a str) -> &'a str {
        own(&self.own, name)
    }

    /// Of every accept that reached a dealer, what its desk signed is in the evidence.
    pub(crate) fn kept(
        &self,
        dealers: &[Dealer],
        kept: &BTreeSet<String>,
    ) -> Result<(), Violation> {
        let arrived = dealers.iter().flat_map(|d| &d.arrived);
        let mut ids = arrived.map(|(_, r)| self.own(r.id.as_str()));
        // What the colleague says is nobody's message.
        match ids.find(|id| !kept.contains(*id) && !is_colleagues(id)) {
            Some(id) => Err(broken("evidence.accept", format!("{id} is not in the evidence"))),
            None => Ok(()),
        }
    }

    /// The gateway does not start, because its disk refuses.
    pub(crate) fn gateway_is_away(&mut self, t: i64) {
        if !self.gateway_cannot_start() {
            self.away.push((t, NEVER));
        }
    }

    /// The gateway has started.
    pub(crate) fn gateway_is_back(&mut self, t: i64) {
        if let Some(span) = self.away.last_mut().filter(|span| span.1 == NEVER) {
            span.1 = t;
        }
    }

    /// Whether its disk keeps the gateway from starting.
    pub(crate) fn gateway_cannot_start(&self) -> bool {
        self.away.last().is_some_and(|span| span.1 == NEVER)
    }

    /// An accept reached a dealer; it left the gateway at `at`.
    fn arrived(&mut self, dealer: &str, r: &QuoteResponse, at: i64) -> Result<(), Violation> {
        let id = own(&self.own, r.id.as_str());
        let Some(click) = self.clicks.get(id) else {
            return Err(broken(
                "fill.unclicked",
                format!("{dealer} got {id}, which nobody clicked"),
            ));
        };
        if self.taken.contains_key(&click.rfq) {
            let words = format!("{dealer} got {id}, whose RFQ a colleague has");
            return Err(broken("handover.ex_owner", words));
        }
        if is_denied(dealer, r.quantity) {
            return Err(broken("fill.denied", format!("{dealer} got {id}, which is denied")));
        }
        if self.locked.iter().any(|(from, to)| *from < at && at < *to) {
            return Err(broken("fill.denied", format!("{dealer} got {id} while all was denied")));
        }
        if self.barred.iter().any(|(from, to)| *from < at && at < *to) {
            let words = format!("{dealer} got {id} of somebody who is kept out");
            return Err(broken("fill.barred", words));
        }
        if self.away.iter().any(|(from, to)| *from < at && at < *to) {
            let words = format!("{dealer} got {id} from a gateway that could not start");
            return Err(broken("gateway.away", words));
        }
        if click.needs_touch() && !self.approved.contains(id) {
            if !was_ahead(&mut self.aheads, click, r) {
                return Err(broken("fill.untouched", format!("{dealer} got {id} without a touch")));
            }
            self.seen.aheads += 1;
        }
        let left = UtcMillis(EPOCH + at);
        let over = click.deadline.is_some_and(|d| left > d) && !click.needs_touch();
        if !self.clock_was_set && over {
            let words = format!("{id} left for {dealer} at {left:?}, after {:?}", click.deadline);
            return Err(broken("accept.late", words));
        }
        let wait = if click.needs_touch() { crate::rules::ANSWER_MS + 1_000 } else { 0 };
        let age = at - click.at;
        if !self.clock_was_set && age > ACCEPT_AGE_MAX_MS + wait + CLOCKS_MS {
            let words = format!("{id} left for {dealer} {age} ms after the click");
            return Err(broken("accept.late", words));
        }
        Ok(())
    }

    pub(crate) fn tally(&self) -> Tally {
        Tally {
            clicks: self.clicks.len(),
            sent: self.clicks.values().filter(|c| c.sent).count(),
            listed: self.clicks.values().filter(|c| c.sent && c.listed).count(),
            arrived: self.arrivals_seen.iter().sum(),
            taken_parts: self.clicks.values().filter(|c| c.sent && c.part).count(),
            fills: self.filled.accepts.len(),
            packages: self.filled.accepts.iter().filter(|id| self.is_package(id)).count(),
            parts: self.parts.len(),
            approved: self.approved.len(),
            taken: self.taken.len(),
            away: self.away.len(),
            acts: self.acts.clone(),
            seen: self.seen,
        }
    }

    fn is_package(&self, id: &str) -> bool {
        self.clicks.get(id).is_some_and(|c| !c.legs.is_empty())
    }

    /// The true outcome of an accept.
    fn traded(&self, id: &str) -> bool {
        self.filled.accepts.contains(id) && !self.busted.contains(id)
    }

    /// What must hold after settling.
    pub(crate) fn settled(&self, gate: &[Rfq], frame: &Frame) -> Result<(), Violation> {
        let shown = filled(frame);
        for c in self.clicks.values() {
            self.outcome(c, gate, frame, &shown)?;
        }
        for rfq in gate {
            whole(rfq)?;
            same_state(rfq, frame)?;
        }
        for head in &frame.rfqs {
            let known = gate.iter().any(|r| r.terms.id.as_str() == head.id);
            if !known && matches!(head.state, ShownRfq::Sent | ShownRfq::Open) {
                let words = format!("{} is {:?} on screen only", head.id, head.state);
                return Err(broken("screen.rfq", words));
            }
        }
        Ok(())
    }

    /// What must hold soon after a reconnect: prices on screen are the gateway's.
    pub(crate) fn quotes(
        &self,
        now: UtcMillis,
        gate: &[Rfq],
        frame: &Frame,
    ) -> Result<(), Violation> {
        gate.iter().try_for_each(|rfq| live_quotes(rfq, frame, now, self.clock_was_set))
    }

    /// An accept has one outcome, which is the dealer's, at the gateway and on screen.
    fn outcome(
        &self,
        c: &Click,
        gate: &[Rfq],
        frame: &Frame,
        shown: &BTreeSet<String>,
    ) -> Result<(), Violation> {
        let traded = self.traded(&c.id);
        let held = gate.iter().find(|r| r.terms.id.as_str() == c.rfq);
        let at_gate = held
            .and_then(|r| r.accept.iter().chain(&r.past).find(|(a, _)| a.id.as_str() == c.id))
            .map(|(_, s)| s);
        match at_gate {
            Some(s) if s.in_flight() => {
                return Err(broken("accept.lost", format!("{} is {s:?} at the gateway", c.id)));
            }
            // A part of a package: people settle it, and nobody books it.
            Some(AcceptState::Disputed) if self.parts.contains(&c.id) => {}
            Some(AcceptState::Disputed) => {
                return Err(broken("accept.outcome", format!("{} is disputed", c.id)));
            }
            s if s.is_some_and(|s| s.traded().is_some()) != traded => {
                let words = format!("{} traded: {traded}; the gateway has {s:?}", c.id);
                return Err(broken("accept.outcome", words));
            }
            _ => {}
        }
        let head = frame.rfqs.iter().find(|r| r.id == c.rfq);
        let accept = head.and_then(|h| h.accept.as_ref()).filter(|a| a.id == c.id);
        let state = accept.map(|a| a.state);
        match state {
            Some(state) if unanswered(state) => {
                let words = format!("{} is {state:?} on screen for good", c.id);
                Err(broken("accept.lost", words))
            }
            Some(_) if shown.contains(&c.id) != traded => {
                let words = format!("{} traded: {traded}; the screen has {state:?}", c.id);
                Err(broken("screen.accept", words))
            }
            None if traded && !self.shown.contains(&c.id) => {
                Err(broken("screen.accept", format!("{} traded and was never shown", c.id)))
            }
            _ => Ok(()),
        }
    }
}

/// After settling every counter has its answer, or its time is over, at both ends.
pub(crate) fn no_counter_waits(
    now: UtcMillis,
    gate: &[Rfq],
    frame: &Frame,
) -> Result<(), Violation> {
    let at_gate = gate.iter().flat_map(|r| &r.lines).filter_map(|l| l.counter_sent());
    let late = |until: i64| now.0 - until > 2 * CLOCKS_MS;
    if let Some(c) = at_gate.into_iter().find(|c| late(c.until.0)) {
        return Err(broken("counter.lost", format!("{} waits at the gateway", c.id)));
    }
    // The line of an ended RFQ stays as it was; its counter is dropped.
    let on_screen =
        |v: &&LineView| v.counter.as_ref().is_some_and(|c| c.state == CounterState::Sent);
    let waits = |v: &&LineView| v.counter.as_ref().is_some_and(|c| late(c.until_ms as i64));
    match frame.lines.iter().filter(on_screen).find(waits) {
        Some(v) => Err(broken("counter.lost", format!("{} of {} waits", v.dealer, v.rfq_id))),
        None => Ok(()),
    }
}

/// A package stands executed as a whole, leg by leg, or not at all.
fn whole(rfq: &Rfq) -> Result<(), Violation> {
    let t = &rfq.terms;
    for (a, s) in rfq.accept.iter().chain(&rfq.past).filter(|_| !t.legs.is_empty()) {
        let Some(e) = s.traded() else { continue };
        let leg = |(asked, done): (&Leg, &StatedLeg)| {
            asked.instrument == done.instrument && done.quantity == Some(asked.quantity)
        };
        let all = t.legs.len() == e.legs.len() && t.legs.iter().zip(&e.legs).all(leg);
        if !all || e.quantity != t.quantity {
            let words = format!("{} of {}: {} of {}", a.id, t.id, e.quantity, t.quantity);
            return Err(broken("package.whole", words));
        }
    }
    Ok(())
}

/// The screen shows an RFQ as the gateway holds it.
fn same_state(rfq: &Rfq, frame: &Frame) -> Result<(), Violation> {
    let id = rfq.terms.id.as_str();
    let Some(head) = frame.rfqs.iter().find(|r| r.id == id) else {
        // Ended RFQs may have been dismissed, or lost with a crash of the desk.
        return match rfq.state.ended() {
            true => Ok(()),
            false => Err(broken("screen.rfq", format!("{id} is open and not on screen"))),
        };
    };
    let same = match rfq.state {
        RfqState::Done => head.state == ShownRfq::Done,
        RfqState::Sent | RfqState::Open => head.state == ShownRfq::Open,
        // What ended while the desk was away has expired, as far as the desk knows.
        _ => !matches!(head.state, ShownRfq::Sent | ShownRfq::Open | ShownRfq::Done),
    };
    match same {
        true => Ok(()),
        false => {
            let words = format!("{id} is {:?}; the screen has {:?}", rfq.state, head.state);
            Err(broken("screen.rfq", words))
        }
    }
}
