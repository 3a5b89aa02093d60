//! The ladder of one RFQ: who quotes what, which is best, and where the market is. Pure.

use crate::{
    present::{Look, Names, legs, name, price, stated},
    view::{
        CounterState, CounterView, CoverView, LineState, LineView, MarketView, QuoteSide, Side,
    },
};
use rust_decimal::Decimal;
use signet_rfq::{self as rfq, Direction, Instrument, UtcMillis, group_digits, ticks_worse};

mod record;

pub(crate) use record::words as record_words;

/// The ladder in rank order: dealers with a live quote first, then the others. Of the quotes first
/// those for the whole quantity, then those for a part, then those that nobody can trade on, the
/// best price first in each.
pub(crate) fn lines(l: &Look<'_>) -> Vec<LineView> {
    let r = l.rfq;
    let way = r.direction();
    // Only a quote that an accept can still reach is the best.
    let best_bid = r.best(rfq::Side::Sell, l.at, l.arrival_ms);
    let best_offer = r.best(rfq::Side::Buy, l.at, l.arrival_ms);
    let (bids, offers) = (composite(l, rfq::Side::Sell), composite(l, rfq::Side::Buy));
    let mut order: Vec<usize> = (0..r.lines.len()).collect();
    order.sort_by_key(|i| rank_key(&r.lines[*i], &r.terms, way, l.at));
    let mut out = Vec::with_capacity(order.len());
    for (rank, i) in order.into_iter().enumerate() {
        let line = &r.lines[i];
        let q = line.quote.as_ref();
        let live = line.live_quote(l.at);
        let among =
            |b: &Option<rfq::Best>| b.as_ref().is_some_and(|b| b.dealers.contains(&line.dealer));
        let can = |side| l.online && live.is_some_and(|q| can_trade(l, q, side));
        let shown = q.filter(|_| {
            !matches!(
                line.state,
                rfq::LineState::Passed(_)
                    | rfq::LineState::Rejected(_)
                    | rfq::LineState::TurnedDown(_)
            )
        });
        let on = |side, of: Option<rfq::Composite>, whole: &Option<rfq::Best>| {
            let (q, v) = shown.and_then(|q| Some((q, q.level(side)?)))?;
            let better_for_less = live.is_some() && beats_the_whole(l, q, side, whole.as_ref());
            Some(QuoteSide { better_for_less, ..quote_side(l, v, side, of) })
        };
        out.push(LineView {
            rfq_id: r.terms.id.to_string(),
            dealer: line.dealer.to_string(),
            dealer_name: name(l.names, &line.dealer),
            state: state(&line.state),
            reason: match &line.state {
                rfq::LineState::Passed(p) | rfq::LineState::Rejected(p) => Some(p.text.clone()),
                rfq::LineState::TurnedDown(why) => Some(why.clone()).filter(|w| !w.is_empty()),
                _ => None,
            },
            quote_id: q.map(|q| q.id.to_string()),
            bid: on(rfq::Side::Sell, bids, &best_bid),
            offer: on(rfq::Side::Buy, offers, &best_offer),
            legs: shown.map_or_else(Vec::new, |q| legs::quoted(q, &r.terms, l.catalogue)),
            valid_until_ms: live.map(|q| q.valid_until.0 as f64),
            best_bid: among(&best_bid),
            best_offer: among(&best_offer),
            can_pass: l.online && r.check_pass(&line.dealer, l.at).is_ok(),
            can_counter: l.online && no_counter(l, line).is_none(),
            no_counter: live.and_then(|_| no_counter(l, line)),
            counter: line.counters.last().map(|(c, s)| counter(l, c, s)),
            can_hit: can(rfq::Side::Sell),
            can_lift: can(rfq::Side::Buy),
            too_late: live.is_some_and(|q| !q.live(l.at + l.arrival_ms)),
            indicative: live.is_some_and(|q| !q.tradeable),
            revision: line.revision,
            rank: rank as u32,
        });
    }
    out
}

/// Where the market is: the middle of what the dealers quote now.
pub(crate) fn market(l: &Look<'_>) -> MarketView {
    let r = l.rfq;
    let side = |side| composite(l, side).filter(|_| r.terms.ask.allows(side));
    let (bid, offer) = (side(rfq::Side::Sell), side(rfq::Side::Buy));
    let best = |side| r.best(side, l.at, l.arrival_ms);
    let mid = best(rfq::Side::Sell)
        .zip(best(rfq::Side::Buy))
        .and_then(|(b, o)| b.price.checked_add(o.price)?.checked_div(Decimal::TWO));
    let dealers = bid.into_iter().chain(offer).map(|c| c.dealers).max().unwrap_or(0);
    let shown = |c: Option<rfq::Composite>| c.map(|c| price(l.instrument, c.price));
    MarketView {
        bid: shown(bid),
        offer: shown(offer),
        mid: mid.map(|m| price(l.instrument, m)),
        dealers: dealers as u32,
    }
}

/// The cover of a trade: the best price of the dealers who did not trade, at this moment.
pub(crate) fn cover(
    r: &rfq::Rfq,
    i: Option<&Instrument>,
    names: &Names,
    at: UtcMillis,
) -> Option<CoverView> {
    let (a, s) = r.accept.as_ref()?;
    let traded = s.last_trade()?.price;
    let others = r.lines.iter().filter(|l| l.dealer != a.dealer).filter_map(|l| l.live_quote(at));
    let best = rfq::best(r.direction(), others, a.side, a.quantity, at, 0)?;
    let by = best.dealers.iter().map(|d| name(names, d)).collect::<Vec<_>>().join(", ");
    let ticks = i.and_then(|i| ticks_worse(r.direction(), a.side, best.price, traded, i.tick));
    Some(CoverView { price: stated(i, best.price), dealers: by, ticks: ticks.map(signed) })
}

/// Why a dealer cannot be asked for a better price now, in a few words.
fn no_counter(l: &Look<'_>, line: &rfq::Line) -> Option<String> {
    if !l.counterable.contains(&line.dealer) {
        return Some("this dealer takes no counters".into());
    }
    // A price is typed in the instrument's convention.
    if l.instrument.is_none() {
        return Some("the instrument list is not there yet".into());
    }
    l.rfq.may_counter(&line.dealer, l.at).err().map(|e| e.to_string())
}

fn counter(l: &Look<'_>, c: &rfq::Counter, s: &rfq::CounterState) -> CounterView {
    use rfq::CounterState as S;
    let (state, text) = match s {
        S::Sent => (CounterState::Sent, None),
        S::Improved(to) => (CounterState::Improved, Some(price(l.instrument, *to))),
        S::HeldFirm => (CounterState::HeldFirm, None),
        S::Refused(why) => (CounterState::Refused, Some(why.clone()).filter(|w| !w.is_empty())),
        S::Unanswered => (CounterState::Unanswered, None),
        S::Dropped => (CounterState::Dropped, None),
        S::NotSent(why) => (CounterState::NotSent, Some(why.clone())),
    };
    CounterView {
        state,
        side: match c.side {
            rfq::Side::Buy => Side::Buy,
            rfq::Side::Sell => Side::Sell,
        },
        price: price(l.instrument, c.price),
        quoted: price(l.instrument, c.quoted),
        until_ms: c.until.0 as f64,
        text,
    }
}

fn composite(l: &Look<'_>, side: rfq::Side) -> Option<rfq::Composite> {
    let live = l.rfq.lines.iter().filter_map(|line| line.live_quote(l.at));
    rfq::composite(l.rfq.direction(), live, side, l.rfq.terms.quantity)
}

fn state(s: &rfq::LineState) -> LineState {
    match s {
        rfq::LineState::Asked => LineState::Asked,
        rfq::LineState::Quoted => LineState::Quoted,
        rfq::LineState::Withdrawn => LineState::Withdrawn,
        rfq::LineState::Unreachable => LineState::Unreachable,
        rfq::LineState::NotRepeated => LineState::NotRepeated,
        rfq::LineState::Expired => LineState::Expired,
        rfq::LineState::Passed(_) => LineState::Passed,
        rfq::LineState::TurnedDown(_) => LineState::TurnedDown,
        rfq::LineState::Rejected(_) => LineState::Rejected,
        rfq::LineState::Traded => LineState::Traded,
        rfq::LineState::Countered => LineState::Countered,
        rfq::LineState::CounterOver => LineState::CounterOver,
    }
}

/// A quote for a part ranks after every one for the whole quantity, because their prices are not
/// for the same trade; one that nobody can trade on ranks after every one that can be traded.
fn rank_key(l: &rfq::Line, terms: &rfq::Terms, way: Direction, at: UtcMillis) -> (u8, Decimal) {
    let Some(q) = l.live_quote(at) else {
        let group = match l.state {
            rfq::LineState::Traded => 0,
            rfq::LineState::Asked | rfq::LineState::Countered => 4,
            rfq::LineState::Expired
            | rfq::LineState::Withdrawn
            | rfq::LineState::Unreachable
            | rfq::LineState::NotRepeated
            | rfq::LineState::CounterOver => 5,
            _ => 6,
        };
        return (group, Decimal::ZERO);
    };
    let on = |side| q.level(side).map(|v| way.key(side, v.price));
    let key = match terms.ask {
        rfq::Ask::Buy => on(rfq::Side::Buy),
        rfq::Ask::Sell => on(rfq::Side::Sell),
        // The narrowest first. A peer chose both numbers, so their difference may overflow.
        rfq::Ask::TwoWay => {
            q.offer.zip(q.bid).and_then(|(o, b)| way.worse(rfq::Side::Buy, o.price, b.price))
        }
    };
    let sides = [rfq::Side::Buy, rfq::Side::Sell];
    let asked = || sides.iter().filter(|s| terms.ask.allows(**s)).filter_map(|s| q.level(*s));
    let group = if !q.tradeable || !asked().any(|v| has_the_least(terms, v)) {
        3
    } else if asked().all(|v| v.size >= terms.quantity) {
        1
    } else {
        2
    };
    key.map_or((group, Decimal::MAX), |k| (group, k))
}

/// Whether as much can be had as the request wants at least.
fn has_the_least(terms: &rfq::Terms, v: rfq::Level) -> bool {
    terms.min_quantity.is_none_or(|least| v.size >= least)
}

/// Whether a quote for a part has a better price than the best for the `whole` quantity, and no
/// dealer has a better one for as much. Nothing of it says what the rest would cost.
fn beats_the_whole(
    l: &Look<'_>,
    q: &rfq::Quote,
    side: rfq::Side,
    whole: Option<&rfq::Best>,
) -> bool {
    let (terms, way) = (&l.rfq.terms, l.rfq.direction());
    let part = |v: &rfq::Level| v.size < terms.quantity && has_the_least(terms, *v);
    let Some(v) = q.level(side).filter(part) else { return false };
    let live = l.rfq.lines.iter().filter_map(|line| line.live_quote(l.at));
    let best = rfq::best(way, live, side, v.size, l.at, l.arrival_ms);
    !l.rfq.state.ended()
        && terms.ask.allows(side)
        && best.is_some_and(|b| b.dealers.contains(&q.dealer))
        && whole.is_none_or(|w| way.better(side, v.price, w.price))
}

fn can_trade(l: &Look<'_>, q: &rfq::Quote, side: rfq::Side) -> bool {
    let r = l.rfq;
    r.state == rfq::RfqState::Open
        && !r.in_flight()
        && !r.is_disputed()
        && r.terms.ask.allows(side)
        && q.tradeable
        && q.level(side).is_some_and(|v| has_the_least(&r.terms, v))
        && q.live(l.at + l.arrival_ms)
}

fn quote_side(
    l: &Look<'_>,
    v: rfq::Level,
    side: rfq::Side,
    of: Option<rfq::Composite>,
) -> QuoteSide {
    let away = of
        .zip(l.instrument)
        .and_then(|(c, i)| ticks_worse(l.rfq.direction(), side, v.price, c.price, i.tick));
    QuoteSide {
        price: price(l.instrument, v.price),
        size: group_digits(v.size.normalize()),
        partial: v.size < l.rfq.terms.quantity,
        better_for_less: false,
        away: away.map(signed),
    }
}

/// `+2`, `-1`, `0`.
fn signed(ticks: Decimal) -> String {
    if ticks > Decimal::ZERO { format!("+{ticks}") } else { ticks.to_string() }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
