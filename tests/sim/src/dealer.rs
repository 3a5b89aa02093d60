//! A dealer: a script with a memory of its orders. It executes what it is sent under an id that it
//! does not know, so that an accept which is passed on twice shows as two executions.

use crate::{
    cast::*,
    legs::{net, quoted_legs},
    orders::{Fate, Fill, Order, correction, refusal, report, unknown},
    rng::Rng,
};
use rust_decimal::Decimal;
use signet_fix::{
    AppMessage,
    message::{
        OrderStatusRequest, QuoteCancel, QuoteMsg, QuoteRequest, QuoteRequestReject, QuoteResponse,
        Response,
    },
};
use signet_rfq::{AcceptId, Level, QuoteId, REASON_PASS, RfqId, Side, UtcMillis};
use std::collections::{BTreeMap, BTreeSet};

/// How long after the first part of an order its rest is decided.
const REST_MS: i64 = 1_500;

/// What a dealer does later, unless it ends before.
#[derive(Debug, Clone)]
pub(crate) enum Later {
    Quote(RfqId),
    Decide(AcceptId),
    /// The rest of an order whose first part was executed.
    Rest(AcceptId),
    /// Says the last report again.
    Again(AcceptId),
    /// Refuses a counter.
    Refuse(AcceptId),
}

/// What follows from a message or a time.
#[allow(clippy::large_enum_variant, reason = "a handful exist at a time")]
pub(crate) enum Does {
    Say(AppMessage),
    In(i64, Later),
    /// The desk's link is cut at this moment.
    Cut,
}

struct Asked {
    request: QuoteRequest,
    quotes: Vec<QuoteMsg>,
    withdrawn: bool,
}

/// How a message of the gateway came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came {
    /// It may be a repetition.
    pub dup: bool,
    /// When it left the gateway.
    pub left: i64,
}

/// One dealer.
pub(crate) struct Dealer {
    name: &'static str,
    /// Its clock is ahead of the true one by so much. Its quotes and reports are on its clock.
    pub ahead_ms: i64,
    asked: BTreeMap<RfqId, Asked>,
    orders: BTreeMap<AcceptId, Order>,
    pub fills: Vec<Fill>,
    /// Fills that were taken back, by accept.
    pub busted: Vec<String>,
    /// Packages of which a part was executed, by accept.
    pub parts: Vec<String>,
    /// Orders whose rest was executed or cancelled after their first part.
    pub rests: usize,
    /// Fills that were corrected.
    pub corrections: usize,
    /// What could not be said, and is said at the next logon.
    pub unsent: Vec<AppMessage>,
    /// Accepts that arrived, each with the time at which it left the gateway.
    pub arrived: Vec<(i64, QuoteResponse)>,
    /// Quotes that it gave and does not know.
    forgotten: BTreeSet<QuoteId>,
    /// Quotes that a counter declined.
    declined: BTreeSet<QuoteId>,
    /// Accepts that take a quote which a counter had declined.
    pub of_declined: Vec<String>,
    next: u32,
}

impl Dealer {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            ahead_ms: 0,
            asked: BTreeMap::new(),
            orders: BTreeMap::new(),
            fills: Vec::new(),
            busted: Vec::new(),
            parts: Vec::new(),
            rests: 0,
            corrections: 0,
            unsent: Vec::new(),
            arrived: Vec::new(),
            forgotten: BTreeSet::new(),
            declined: BTreeSet::new(),
            of_declined: Vec::new(),
            next: 0,
        }
    }

    /// What its clock reads.
    fn clock(&self, t: i64) -> UtcMillis {
        UtcMillis(EPOCH + t + self.ahead_ms)
    }

    fn id(&mut self, what: &str) -> String {
        self.next += 1;
        format!("{what}{}{}", &self.name[..1], self.next)
    }

    /// A message of the gateway.
    pub(crate) fn message(
        &mut self,
        m: AppMessage,
        came: Came,
        t: i64,
        rng: &mut Rng,
    ) -> Vec<Does> {
        match m {
            AppMessage::QuoteRequest(q) => self.request(q, t, rng),
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                self.counter(&r, t, rng)
            }
            AppMessage::QuoteResponse(r) => {
                match crate::gateway::is_accept(&AppMessage::QuoteResponse(r.clone())) {
                    Some(_) => self.accept(r, came, t, rng),
                    None => Vec::new(),
                }
            }
            AppMessage::OrderStatusRequest(h) => self.status(&h, t, rng),
            _ => Vec::new(),
        }
    }

    fn request(&mut self, q: QuoteRequest, t: i64, rng: &mut Rng) -> Vec<Does> {
        let id = q.id.clone();
        let instrument = q.instrument.clone();
        self.asked.insert(id.clone(), Asked { request: q, quotes: vec![], withdrawn: false });
        match rng.within(0, 20) {
            0 => Vec::new(),
            1 => vec![Does::Say(AppMessage::QuoteRequestReject(QuoteRequestReject {
                rfq: id,
                reason: REASON_PASS,
                instrument,
                dealer: None,
                text: Some("pass".into()),
                advice: None,
            }))],
            2..=13 => self.quote(&id, t, rng),
            _ => vec![Does::In(t + rng.within(20, 900), Later::Quote(id))],
        }
    }

    /// A new price in an RFQ, and perhaps another one later.
    fn quote(&mut self, rfq: &RfqId, t: i64, rng: &mut Rng) -> Vec<Does> {
        let (id, at) = (self.id("q"), self.clock(t));
        let Some(asked) = self.asked.get_mut(rfq) else { return Vec::new() };
        let tick = Decimal::new(rng.within(0, 100), 5);
        let size = asked.request.quantity;
        let offer = Level { price: Decimal::new(108_100, 5) + tick, size };
        let bid = Level { price: Decimal::new(107_900, 5) - tick, size };
        let ask = asked.request.ask;
        let legs = quoted_legs(&asked.request.legs, tick);
        let (bid, offer) = match legs.is_empty() {
            true => (bid, offer),
            false => {
                let net = |of: Side| net(&asked.request.legs, &legs, of);
                (Level { price: net(Side::Sell), size }, Level { price: net(Side::Buy), size })
            }
        };
        let msg = QuoteMsg {
            legs,
            rfq: rfq.clone(),
            id: QuoteId::new(id).expect("an id"),
            instrument: asked.request.instrument.clone(),
            dealer: None,
            bid: ask.allows(Side::Sell).then_some(bid),
            offer: ask.allows(Side::Buy).then_some(offer),
            valid_until: at + [2_000, 8_000, 20_000, 60_000][rng.pick(4)],
            tradeable: true,
            at,
            qualifiers: Default::default(),
        };
        asked.quotes.push(msg.clone());
        asked.withdrawn = false;
        let mut does = vec![Does::Say(AppMessage::Quote(msg))];
        if rng.chance(20) {
            does.push(Does::In(t + rng.within(50, 6_000), Later::Quote(rfq.clone())));
        }
        does
    }

    /// Quotes again wherever it may still be of use.
    pub(crate) fn requote(&mut self, t: i64, rng: &mut Rng) -> Vec<Does> {
        let all: Vec<RfqId> = self.asked.keys().cloned().collect();
        all.iter().flat_map(|id| self.quote(id, t, rng)).collect()
    }

    /// Says its live quotes once more, word for word: it is back.
    pub(crate) fn repeat(&self, t: i64) -> Vec<Does> {
        let live = |a: &&Asked| !a.withdrawn;
        let newest = self.asked.values().filter(live).filter_map(|a| a.quotes.last());
        let stands = |q: &&QuoteMsg| !self.declined.contains(&q.id);
        let now = self.clock(t);
        let good = newest.filter(stands).filter(|q| q.valid_until > now);
        good.map(|q| Does::Say(AppMessage::Quote(q.clone()))).collect()
    }

    /// It has lost what it kept of requests and quotes, and not its orders; how many of the quotes
    /// were live.
    pub(crate) fn forget(&mut self, t: i64) -> usize {
        let live = self.repeat(t).len();
        let given = std::mem::take(&mut self.asked).into_values().flat_map(|a| a.quotes);
        self.forgotten.extend(given.map(|q| q.id));
        live
    }

    /// Whether it forgot a quote.
    pub(crate) fn forgot(&self, quote: &QuoteId) -> bool {
        self.forgotten.contains(quote)
    }

    pub(crate) fn withdraw(&mut self) -> Vec<Does> {
        let mut does = Vec::new();
        for (id, a) in self.asked.iter_mut().filter(|(_, a)| !a.withdrawn) {
            a.withdrawn = true;
            let Some(q) = a.quotes.last() else { continue };
            does.push(Does::Say(AppMessage::QuoteCancel(QuoteCancel {
                rfq: Some(id.clone()),
                quote: Some(q.id.clone()),
                instrument: None,
                dealer: None,
                unreachable: false,
            })));
        }
        does
    }

    /// The customer asks for a better price: it quotes again, refuses, or says nothing.
    fn counter(&mut self, r: &QuoteResponse, t: i64, rng: &mut Rng) -> Vec<Does> {
        self.declined.insert(r.quote.clone());
        let names = |(_, a): &(&RfqId, &Asked)| a.quotes.iter().any(|q| q.id == r.quote);
        let rfq = self.asked.iter().find(names).map(|(id, _)| id.clone());
        let soon = t + rng.within(50, 4_000);
        match (rng.within(0, 8), rfq) {
            (0..=1, Some(rfq)) => self.quote(&rfq, t, rng),
            (2..=4, Some(rfq)) => vec![Does::In(soon, Later::Quote(rfq))],
            (5, _) => vec![Does::Say(refusal(&r.id))],
            (6, _) => vec![Does::In(soon, Later::Refuse(r.id.clone()))],
            _ => Vec::new(),
        }
    }

    fn accept(&mut self, r: QuoteResponse, came: Came, t: i64, rng: &mut Rng) -> Vec<Does> {
        let now = self.clock(t);
        self.arrived.push((came.left, r.clone()));
        if self.declined.contains(&r.quote) {
            self.of_declined.push(r.id.to_string());
        }
        if came.dup && self.orders.contains_key(&r.id) {
            return Vec::new();
        }
        let matches = |a: &&Asked| {
            !a.withdrawn
                && a.quotes.last().is_some_and(|q| {
                    let level = if r.side == Side::Buy { q.offer } else { q.bid };
                    q.id == r.quote
                        && q.valid_until > now
                        && level.is_some_and(|l| l.price == r.price && l.size >= r.quantity)
                })
        };
        let good = self.asked.values().any(|a| matches(&a));
        let will_fill = good && !rng.chance(15);
        let single = r.legs.is_empty();
        let breaks = !single && rng.chance(8);
        let lasting = single && rng.chance(50);
        let quarter = (r.quantity / Decimal::from(4)).floor();
        let first = Some(quarter).filter(|q| lasting && *q > Decimal::ZERO && rng.chance(25));
        let (id, fate, corrected) = (r.id.clone(), Fate::Open, None);
        let asked = false;
        let order = Order { terms: r, fate, will_fill, breaks, first, lasting, corrected, asked };
        self.orders.insert(id.clone(), order);
        match rng.within(0, 10) {
            // Silent until it is asked.
            0 => Vec::new(),
            1..=3 => vec![Does::In(t + rng.within(50, 3_000), Later::Decide(id))],
            4 => {
                let mut does = vec![Does::Cut];
                does.extend(self.decide(&id, t));
                does
            }
            5 => {
                let mut does = self.decide(&id, t);
                does.push(Does::In(t + rng.within(1, 2_000), Later::Again(id)));
                does
            }
            6 => {
                let mut does = self.decide(&id, t);
                does.push(Does::Cut);
                does
            }
            _ => self.decide(&id, t),
        }
    }

    fn decide(&mut self, id: &AcceptId, t: i64) -> Vec<Does> {
        let Some(order) = self.orders.get_mut(id).filter(|o| o.fate == Fate::Open) else {
            return Vec::new();
        };
        order.fate = match (order.will_fill, order.breaks, order.first) {
            (true, false, None) => Fate::Filled,
            (true, false, Some(_)) => Fate::First,
            (true, true, _) => Fate::Part,
            (false, ..) => Fate::Declined,
        };
        if order.fate == Fate::Part {
            self.parts.push(id.to_string());
        }
        let mut then = Vec::new();
        if order.stands() {
            self.fills.push(fill(order, order.executed(), false));
        }
        if order.fate == Fate::First {
            then.push(Does::In(t + REST_MS, Later::Rest(id.clone())));
        }
        let mut does = self.say(id, false, t);
        does.append(&mut then);
        does
    }

    /// The rest of an order whose first part was executed is executed too, or cancelled.
    fn rest(&mut self, id: &AcceptId, fills: bool, t: i64) -> Vec<Does> {
        let Some(order) = self.orders.get_mut(id).filter(|o| o.fate == Fate::First) else {
            return Vec::new();
        };
        let rest = order.terms.quantity - order.executed();
        order.fate = if fills { Fate::Filled } else { Fate::Cut };
        if fills {
            self.fills.push(fill(order, rest, true));
        }
        self.rests += 1;
        self.say(id, false, t)
    }

    /// Takes a fill back.
    pub(crate) fn bust(&mut self, t: i64) -> Vec<Does> {
        let at = self.clock(t);
        let filled = |(_, o): &(&AcceptId, &mut Order)| o.is_one();
        let Some((id, order)) = self.orders.iter_mut().rev().find(filled) else {
            return Vec::new();
        };
        let stands = order.standing_id(self.name);
        order.fate = Fate::Busted;
        self.busted.push(id.to_string());
        let mut bust = report(order, format!("B.{}.{id}", self.name), false, at);
        bust.exec_ref = Some(stands);
        vec![Does::Say(AppMessage::ExecutionReport(bust))]
    }

    /// Corrects the price of a fill of which the gateway has heard, or will hear before.
    pub(crate) fn correct(&mut self, t: i64) -> Vec<Does> {
        let (at, exec_id) = (self.clock(t), self.id("C"));
        let heard = |o: &&mut Order| o.is_one() && o.lasting;
        let Some(order) = self.orders.values_mut().rev().find(heard) else { return Vec::new() };
        let ids = (exec_id.clone(), order.standing_id(self.name));
        let price = order.price() + Decimal::new(1, 5);
        order.corrected = Some((exec_id, price));
        self.corrections += 1;
        vec![Does::Say(AppMessage::ExecutionReport(correction(order, ids, price, at)))]
    }

    /// What stands executed, by what this dealer calls the accept: quantity and price.
    pub(crate) fn standing(&self) -> impl Iterator<Item = (&str, Decimal, Decimal)> {
        let all = self.orders.iter().filter(|(_, o)| o.stands());
        all.map(|(id, o)| (id.as_str(), o.executed(), o.price()))
    }

    fn say(&mut self, id: &AcceptId, asked: bool, t: i64) -> Vec<Does> {
        let told = asked.then(|| self.id("H"));
        let Some(order) = self.orders.get(id) else { return Vec::new() };
        let exec_id = told.unwrap_or_else(|| order.exec_id(self.name));
        let report = report(order, exec_id, asked, self.clock(t));
        vec![Does::Say(AppMessage::ExecutionReport(report))]
    }

    fn status(&mut self, h: &OrderStatusRequest, t: i64, rng: &mut Rng) -> Vec<Does> {
        let at = self.clock(t);
        let Some(order) = self.orders.get_mut(&h.accept) else {
            return vec![Does::Say(AppMessage::ExecutionReport(unknown(h, t, at)))];
        };
        // Who asks twice is answered, also by a dealer that was silent.
        let again = std::mem::replace(&mut order.asked, true);
        let decides = again || rng.chance(70);
        let mut does = if decides { self.decide(&h.accept, t) } else { Vec::new() };
        does.extend(self.say(&h.accept, true, t));
        does
    }

    /// A time that this dealer has set itself.
    pub(crate) fn later(&mut self, what: Later, t: i64, rng: &mut Rng) -> Vec<Does> {
        match what {
            Later::Quote(rfq) => self.quote(&rfq, t, rng),
            Later::Decide(id) => self.decide(&id, t),
            Later::Rest(id) => {
                let fills = rng.chance(60);
                self.rest(&id, fills, t)
            }
            Later::Again(id) => self.say(&id, false, t),
            Later::Refuse(id) => vec![Does::Say(refusal(&id))],
        }
    }
}

/// An execution of an order as it goes into the books.
fn fill(order: &Order, quantity: Decimal, rest: bool) -> Fill {
    let r = &order.terms;
    Fill {
        accept: r.id.to_string(),
        quote: r.quote.to_string(),
        side: r.side,
        price: r.price,
        quantity,
        of: r.quantity,
        rest,
        legs: r.legs.clone(),
    }
}
