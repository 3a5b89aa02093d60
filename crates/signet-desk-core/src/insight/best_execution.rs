//! The best-execution page of one RFQ, from its timeline. Pure.
//!
//! The ladder is built again message by message, so that what was best at a moment is judged by
//! what this desk had at that moment, and by nothing that came later.

use super::timeline::{Said, Step, Timeline};
use crate::{
    insight::fact::Told,
    peer_text, present,
    view::{BestAccept, BestCounter, BestDealer, BestExecution, BestQuote},
};
use rust_decimal::Decimal;
use signet_fix::message::{
    AppMessage, ExecutionReport, PASSED_BY_TRADER, QuoteMsg, QuoteRequest, QuoteResponse, Response,
    SnapshotMark,
};
use signet_rfq::{
    DealerId, Direction, Instrument, Level, MAX_DEALERS_PER_RFQ, PriceType, Quote, Side, UtcMillis,
    best, group_digits,
    lifecycle::{Meaning, meaning},
    median_quoted,
};
use std::collections::BTreeMap;

#[path = "best_counters.rs"]
mod counters;
#[path = "best_numbers.rs"]
mod numbers;
#[path = "best_parts.rs"]
mod parts;

use numbers::{Counts, slippage};

/// Quotes that a page lists.
const QUOTES_MAX: usize = 500;

/// What the page needs beside the timeline.
pub(crate) struct Names<'a> {
    pub(crate) dealers: &'a BTreeMap<DealerId, String>,
    pub(crate) instrument: Option<&'a Instrument>,
}

impl Names<'_> {
    fn dealer(&self, d: &DealerId) -> String {
        self.dealers.get(d).cloned().unwrap_or_else(|| d.to_string())
    }

    fn price(&self, p: Decimal) -> String {
        present::price(self.instrument, p)
    }

    fn at(&self, price: Decimal, dealers: &[DealerId]) -> String {
        let who: Vec<String> = dealers.iter().map(|d| self.dealer(d)).collect();
        format!("{} {}", self.price(price), who.join(", "))
    }
}

/// Fills in what the timeline says. The caller has filled in who the desk is and where the
/// evidence is.
pub(crate) fn fill(mut page: BestExecution, t: &Timeline, names: &Names<'_>) -> BestExecution {
    let told = names.instrument.map(|i| i.told_in(numbers::asked_in(t)));
    let names = &Names { dealers: names.dealers, instrument: told.as_ref() };
    let mut b = Builder::new(names);
    for step in &t.steps {
        b.step(step);
    }
    b.finish();
    b.request_into(&mut page);
    page.dealers = b.dealers();
    page.quotes_left_out = u32::try_from(b.left_out).unwrap_or(u32::MAX);
    (page.quotes, page.accepts, page.counters) = (b.quotes, b.accepts, b.counters);
    notes(&mut page, t, b.repeated);
    with_reasons(page, &BTreeMap::new())
}

/// Adds reasons that were given a moment ago, by accept: the history writes them down behind the
/// trader's back, and the page must not ask again meanwhile.
pub(crate) fn with_reasons(
    mut page: BestExecution,
    given: &BTreeMap<String, String>,
) -> BestExecution {
    for a in &mut page.accepts {
        a.reason = a.reason.take().or_else(|| given.get(&a.id).cloned());
    }
    let owes = |a: &&BestAccept| a.traded.is_some() && !a.was_best && a.reason.is_none();
    page.owes_reason = page.accepts.iter().rev().find(owes).map(|a| a.id.clone());
    page
}

fn notes(page: &mut BestExecution, t: &Timeline, repeated: bool) {
    let mut note = |text: String| page.notes.push(text);
    numbers::counted(t).into_iter().for_each(&mut note);
    if t.lost > 0 {
        note(format!("The desk could not write down {} records in these days.", t.lost));
    }
    if t.more {
        note("The RFQ has more steps than are read for a page.".into());
    }
    if repeated {
        note("Quotes marked * were repeated after a reconnect; their time says little.".into());
    }
}

struct Asked {
    request: QuoteRequest,
    at_ms: i64,
}

struct Builder<'a> {
    names: &'a Names<'a>,
    asked: Option<Asked>,
    /// The quotes that stand.
    ladder: BTreeMap<DealerId, Quote>,
    answers: BTreeMap<DealerId, BestDealer>,
    quotes: Vec<BestQuote>,
    left_out: usize,
    /// Where the standing quote of a dealer is listed.
    listed: BTreeMap<DealerId, usize>,
    accepts: Vec<BestAccept>,
    counters: Vec<BestCounter>,
    /// Counters that have no answer yet, by dealer: where they are listed.
    countered: BTreeMap<DealerId, usize>,
    /// The accept's own terms, by its id, with the composite of that moment.
    terms: BTreeMap<String, (QuoteResponse, Option<Decimal>)>,
    first: BTreeMap<bool, Decimal>,
    ended_ms: Option<i64>,
    repeated: bool,
}

impl<'a> Builder<'a> {
    fn new(names: &'a Names<'a>) -> Self {
        Self {
            names,
            asked: None,
            ladder: BTreeMap::new(),
            answers: BTreeMap::new(),
            quotes: Vec::new(),
            left_out: 0,
            listed: BTreeMap::new(),
            accepts: Vec::new(),
            counters: Vec::new(),
            countered: BTreeMap::new(),
            terms: BTreeMap::new(),
            first: BTreeMap::new(),
            ended_ms: None,
            repeated: false,
        }
    }

    fn step(&mut self, s: &Step) {
        match &s.said {
            Said::Sent(m) => match &**m {
                AppMessage::QuoteRequest(q) if self.asked.is_none() => self.ask(q, s),
                AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                    self.accept(r, s);
                }
                AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
                    self.counter(r, s);
                }
                _ => {}
            },
            Said::Heard(m) => self.heard(m, s),
            Said::Reason { accept, text } => self.reason(accept, text),
            Said::NotSent { id, code } => {
                if let Some(a) = self.accepts.iter_mut().find(|a| a.id == *id) {
                    a.answer = format!("Not sent [{code}]");
                }
                self.counter_ends(id, format!("Not sent [{code}]"), s);
            }
            Said::Pressed { .. } | Said::Refused => {}
        }
    }

    fn ask(&mut self, q: &QuoteRequest, s: &Step) {
        for d in q.dealers.iter().take(MAX_DEALERS_PER_RFQ) {
            let (dealer, name) = (d.to_string(), self.names.dealer(d));
            let answer = "No answer".into();
            let fresh = BestDealer { dealer, name, answer, ..BestDealer::default() };
            self.answers.insert(d.clone(), fresh);
        }
        self.asked = Some(Asked { request: q.clone(), at_ms: s.at_ms });
    }

    fn heard(&mut self, m: &AppMessage, s: &Step) {
        match m {
            // It came from a colleague, who asked.
            AppMessage::Snapshot(SnapshotMark::Rfq(q)) if self.asked.is_none() => self.ask(q, s),
            AppMessage::Quote(q) => self.quote(q, s),
            AppMessage::QuoteCancel(c) => {
                if let Some(d) = &c.dealer {
                    self.ends(&d.clone(), s.at_ms);
                }
            }
            AppMessage::QuoteRequestReject(r) => {
                let why = r.text.clone().unwrap_or_else(|| "no reason given".into());
                match &r.dealer {
                    Some(d) => {
                        self.ends(&d.clone(), s.at_ms);
                        let ours = r.advice.as_ref().is_some_and(|a| a.code == PASSED_BY_TRADER);
                        let who = if ours { "You passed" } else { "Passed" };
                        if let Some(a) = self.answers.get_mut(d) {
                            a.answer = format!("{who}: {why}");
                        }
                    }
                    None => self.ended_ms = Some(s.at_ms),
                }
            }
            AppMessage::ExecutionReport(e) => self.report(e, s),
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => self.passed_on(r),
            AppMessage::QuoteStatusReport(q) if q.answers.is_some() => self.counter_over(q, s),
            AppMessage::BusinessReject(j) => self.counter_refused(j, s),
            _ => {}
        }
    }

    /// A dealer's quote does not stand any longer.
    fn ends(&mut self, dealer: &DealerId, at_ms: i64) {
        self.ladder.remove(dealer);
        if let Some(at) = self.listed.remove(dealer)
            && let Some(q) = self.quotes.get_mut(at)
        {
            q.until_ms = q.until_ms.min(at_ms as f64);
        }
    }

    fn quote(&mut self, q: &QuoteMsg, s: &Step) {
        let Some(dealer) = q.dealer.clone().filter(|d| self.answers.contains_key(d)) else {
            return;
        };
        // A snapshot repeats what stands already.
        let same = self.ladder.get(&dealer).is_some_and(|l| l.id == q.id);
        if same && s.told == Told::Again {
            return;
        }
        self.ends(&dealer, s.at_ms);
        let standing = Quote {
            legs: q.legs.clone(),
            id: q.id.clone(),
            dealer: dealer.clone(),
            bid: q.bid,
            offer: q.offer,
            valid_until: q.valid_until,
            tradeable: q.tradeable,
        };
        self.ladder.insert(dealer.clone(), standing);
        self.answered(&dealer, q, s);
        self.composites(s.at_ms);
        if self.quotes.len() >= QUOTES_MAX {
            self.left_out += 1;
            return;
        }
        let among = |side| {
            self.best(side, self.quantity(), s.at_ms, None)
                .is_some_and(|(_, dealers)| dealers.contains(&dealer))
        };
        let (best_bid, best_offer) = (among(Side::Sell), among(Side::Buy));
        let repeated = s.told == Told::Again;
        self.repeated |= repeated;
        let price = |l: Option<Level>| l.map(|l| self.names.price(l.price));
        let size = |l: Option<Level>| l.map(|l| group_digits(l.size.normalize()));
        self.listed.insert(dealer.clone(), self.quotes.len());
        self.quotes.push(BestQuote {
            dealer: dealer.to_string(),
            name: self.names.dealer(&dealer),
            quote_id: q.id.to_string(),
            bid: price(q.bid),
            bid_size: size(q.bid),
            offer: price(q.offer),
            offer_size: size(q.offer),
            dealer_ms: q.at.0 as f64,
            received_ms: s.at_ms as f64,
            valid_until_ms: q.valid_until.0 as f64,
            until_ms: q.valid_until.0 as f64,
            tradeable: q.tradeable,
            best_bid,
            best_offer,
            repeated,
            signed: s.signed,
            record: s.n as f64,
        });
    }

    fn answered(&mut self, dealer: &DealerId, q: &QuoteMsg, s: &Step) {
        let since = self.asked.as_ref().map(|a| s.at_ms.saturating_sub(a.at_ms));
        let (bid, offer) = (q.bid, q.offer);
        let shown = |l: Option<Level>| l.map(|l| self.names.price(l.price));
        let (bid, offer) = (shown(bid), shown(offer));
        if self.countered.contains_key(dealer) {
            let sides = [
                offer.as_ref().map(|p| format!("offer {p}")),
                bid.as_ref().map(|p| format!("bid {p}")),
            ];
            let sides: Vec<String> = sides.into_iter().flatten().collect();
            self.counter_answered(dealer, format!("New quote: {}", sides.join(", ")), s);
        }
        let Some(a) = self.answers.get_mut(dealer) else { return };
        a.quotes = a.quotes.saturating_add(1);
        if a.quotes == 1 {
            a.answer = match since.filter(|_| s.told == Told::Live) {
                Some(ms) => format!("First price after {}", seconds(ms)),
                None => "A price, at a time that is not known".into(),
            };
        }
        (a.bid, a.offer) = (bid, offer);
    }

    fn price_type(&self) -> PriceType {
        self.asked.as_ref().map(|a| a.request.price_type).unwrap_or_default()
    }

    fn direction(&self) -> Direction {
        self.price_type().direction()
    }

    fn counts(&self) -> Counts {
        let package = self.asked.as_ref().is_some_and(|a| !a.request.legs.is_empty());
        if package { Counts::Net } else { Counts::One(self.price_type()) }
    }

    fn quantity(&self) -> Decimal {
        self.asked.as_ref().map_or(Decimal::ZERO, |a| a.request.quantity)
    }

    /// The best price that stood, and who made it.
    fn best(
        &self,
        side: Side,
        quantity: Decimal,
        at_ms: i64,
        without: Option<&DealerId>,
    ) -> Option<(Decimal, Vec<DealerId>)> {
        let standing = self.ladder.values().filter(|q| Some(&q.dealer) != without);
        best(self.direction(), standing, side, quantity, UtcMillis(at_ms), 0)
            .map(|b| (b.price, b.dealers))
    }

    fn composite(&self, side: Side, quantity: Decimal, at_ms: i64) -> Option<Decimal> {
        let live = self.ladder.values().filter(|q| q.live(UtcMillis(at_ms)));
        median_quoted(self.direction(), live, side, quantity)
    }

    /// Keeps the first composite of each side.
    fn composites(&mut self, at_ms: i64) {
        for side in [Side::Buy, Side::Sell] {
            let key = side == Side::Buy;
            if !self.first.contains_key(&key)
                && let Some(price) = self.composite(side, self.quantity(), at_ms)
            {
                self.first.insert(key, price);
            }
        }
    }

    fn accept(&mut self, r: &QuoteResponse, s: &Step) {
        let Some(dealer) = &r.dealer else { return };
        if self.terms.contains_key(r.id.as_str()) {
            return;
        }
        let found = self.best(r.side, r.quantity, s.at_ms, None);
        let cover = self.best(r.side, r.quantity, s.at_ms, Some(dealer));
        let was_best = found.as_ref().is_none_or(|(p, who)| *p == r.price || who.contains(dealer));
        let (first, now) = (
            self.first.get(&(r.side == Side::Buy)).copied(),
            self.composite(r.side, r.quantity, s.at_ms),
        );
        let (n, of) = (self.names, self.counts());
        self.terms.insert(r.id.to_string(), (r.clone(), now));
        self.accepts.push(BestAccept {
            id: r.id.to_string(),
            name: n.dealer(dealer),
            side: if r.side == Side::Buy { "Buy" } else { "Sell" }.into(),
            price: n.price(r.price),
            limit: r.limit.map(|l| n.price(l.price)),
            quantity: group_digits(r.quantity),
            quoted: self.part_of(dealer, r),
            at_ms: s.at_ms as f64,
            answer: "No answer".into(),
            traded: None,
            exec_id: None,
            hold_ms: None,
            best: found.map(|(p, who)| n.at(p, &who)),
            was_best,
            cover: cover.map(|(p, who)| n.at(p, &who)),
            composite_first: first.map(|p| n.price(p)),
            composite: now.map(|p| n.price(p)),
            slippage_first: first.and_then(|c| slippage(of, r.side, r.price, c)),
            slippage: now.and_then(|c| slippage(of, r.side, r.price, c)),
            reason: None,
        });
    }

    fn report(&mut self, e: &ExecutionReport, s: &Step) {
        let Some((terms, now)) = self.terms.get(e.accept.as_str()) else { return };
        let now = *now;
        let (side, dealer) = (terms.side, terms.dealer.clone());
        let price = e.last.map_or(e.avg_px, |l| l.price);
        let shown = self.names.price(price);
        let (first, of) = (self.first.get(&(side == Side::Buy)).copied(), self.counts());
        let Some(a) = self.accepts.iter_mut().find(|a| a.id == e.accept.as_str()) else { return };
        let why = e.text.as_ref().map(|t| format!(": {t}")).unwrap_or_default();
        let executed = e.cum_qty > Decimal::ZERO;
        let quantity = group_digits(e.cum_qty.normalize());
        let hold = (s.told == Told::Live).then_some(s.at_ms as f64 - a.at_ms);
        match meaning(e.exec_type, e.status, executed) {
            _ if e.disputed => a.answer = format!("Disputed: {shown}{why}"),
            Meaning::Execution | Meaning::ExecutedSoFar | Meaning::TradeCorrected => {
                let corrected = meaning(e.exec_type, e.status, executed) == Meaning::TradeCorrected;
                let word = if corrected { "Corrected" } else { "Executed" };
                a.answer = format!("{word}: {quantity} at {shown}");
                a.hold_ms = a.hold_ms.or(hold);
                (a.traded, a.exec_id) = (Some(shown), Some(peer_text::shown(&e.exec_id)));
                // A limit lets it trade at another price than that of the quote.
                a.slippage_first = first.and_then(|c| slippage(of, side, price, c));
                a.slippage = now.and_then(|c| slippage(of, side, price, c));
                self.ended_ms = self.ended_ms.or(Some(s.at_ms));
                if let Some(d) = dealer.and_then(|d| self.answers.get_mut(&d)) {
                    d.traded = true;
                }
            }
            Meaning::TradeCancelled => a.answer = format!("Cancelled by the dealer{why}"),
            // The end of the rest: what was executed stands.
            Meaning::NothingTraded if a.traded.is_some() => {}
            Meaning::Refused | Meaning::NothingTraded => {
                let who = if e.dealer.is_some() { "the dealer" } else { "the gateway" };
                a.answer = format!("Declined by {who}{why}");
                a.hold_ms = a.hold_ms.or(hold.filter(|_| e.dealer.is_some()));
            }
            Meaning::Working | Meaning::Contradiction | Meaning::Noted => {}
        }
    }

    fn reason(&mut self, accept: &str, text: &str) {
        if let Some(a) = self.accepts.iter_mut().find(|a| a.id == accept) {
            a.reason = Some(text.into());
        }
    }

    /// No quote stands longer than the RFQ.
    fn finish(&mut self) {
        let expires = self.asked.as_ref().map(|a| a.request.expires.0);
        let end = self.ended_ms.into_iter().chain(expires).min();
        for q in &mut self.quotes {
            let last = end.map_or(q.until_ms, |e| q.until_ms.min(e as f64));
            q.until_ms = last.max(q.received_ms);
        }
    }

    fn request_into(&self, page: &mut BestExecution) {
        let Some(Asked { request: q, .. }) = &self.asked else { return };
        // A package has no id that anybody could look up.
        page.instrument = match &q.legs[..] {
            [] => q.instrument.to_string(),
            legs => legs.iter().map(|l| l.instrument.as_str()).collect::<Vec<_>>().join(" / "),
        };
        page.symbol =
            self.names.instrument.map_or_else(|| page.instrument.clone(), |i| i.symbol.clone());
        page.side = match q.ask {
            signet_rfq::Ask::Buy => "Buy",
            signet_rfq::Ask::Sell => "Sell",
            signet_rfq::Ask::TwoWay => "Two-way",
        }
        .into();
        page.quantity = group_digits(q.quantity);
        page.min_quantity = q.min_quantity.map(group_digits);
        page.currency = q.currency.clone();
        page.settlement_date = crate::present::iso(&q.settlement_date);
        (page.created_ms, page.expires_ms) = (q.at.0 as f64, q.expires.0 as f64);
    }

    fn dealers(&self) -> Vec<BestDealer> {
        let order = self.asked.iter().flat_map(|a| &a.request.dealers);
        order.filter_map(|d| self.answers.get(d).cloned()).collect()
    }
}

/// `35 ms`, `1.4 s`, `12 s`.
fn seconds(ms: i64) -> String {
    match ms.max(0) {
        ms if ms < 1_000 => format!("{ms} ms"),
        ms if ms < 10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms => format!("{} s", ms / 1_000),
    }
}

#[cfg(test)]
#[path = "best_execution_tests.rs"]
mod tests;
