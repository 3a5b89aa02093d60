//! Turns state into views. The functions are pure and decide nothing about trading.

#[path = "present_legs.rs"]
pub(crate) mod legs;
#[path = "present_parts.rs"]
pub(crate) mod parts;

use crate::{blotter::RowStatus, price, view::*};
use rust_decimal::Decimal;
use signet_fix::message::{DealerState as WireDealer, ExecutionReport, OrdStatus};
use signet_rfq::{
    self as rfq, AcceptState as Accepting, Catalogue, DealerId, Declined, Instrument, Rfq,
    UtcMillis, group_digits,
};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) type Names = BTreeMap<DealerId, String>;

pub(crate) struct Look<'a> {
    pub rfq: &'a Rfq,
    pub instrument: Option<&'a Instrument>,
    /// Names the legs of a package.
    pub catalogue: &'a Catalogue,
    pub names: &'a Names,
    /// Now, on the gateway's clock.
    pub at: UtcMillis,
    pub arrival_ms: i64,
    pub online: bool,
    /// What the gateway waits for before it passes this on, in words.
    pub waits: Option<&'a str>,
    /// Side and limit of an accept that is approved ahead, and whether it is.
    pub ahead: Option<(rfq::Side, Decimal, bool)>,
    /// What stands between the armed accept and its sending.
    pub guard: Option<GuardView>,
    /// The best price of the other dealers at the moment of the trade.
    pub cover: Option<&'a CoverView>,
    /// The dealers that take counters.
    pub counterable: &'a BTreeSet<DealerId>,
}

pub(crate) fn instrument(i: &Instrument) -> InstrumentView {
    InstrumentView {
        id: i.id.to_string(),
        symbol: i.symbol.clone(),
        name: i.name.clone(),
        asset_class: i.asset_class.words().into(),
        currency: i.currency.clone(),
        price_decimals: i.price_decimals,
        price_unit: i.price_unit.clone(),
        price_kind: price::words(i).into(),
        price_types: i.price_types.iter().map(|t| price_type_view(i, *t)).collect(),
        price_example: price::example(i),
        tick: i.tick.to_string(),
        lot: group_digits(i.lot),
        min_quantity: group_digits(i.min_quantity),
        max_quantity: group_digits(i.max_quantity),
        settlement: i.settlement.clone(),
    }
}

/// `14:02:09`
pub(crate) fn clock_time(t: UtcMillis) -> String {
    let s = t.0.div_euclid(1_000).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
}

pub(crate) fn price_type(t: rfq::PriceType) -> PriceType {
    match t {
        rfq::PriceType::Price => PriceType::Price,
        rfq::PriceType::Yield => PriceType::Yield,
        rfq::PriceType::Spread => PriceType::Spread,
        rfq::PriceType::Margin(_) => PriceType::Margin,
    }
}

/// How numbers of a type are typed for an instrument.
fn price_type_view(i: &Instrument, t: rfq::PriceType) -> PriceTypeView {
    let told = i.told_in(t);
    PriceTypeView {
        price_type: price_type(t),
        over: price::over(t),
        words: price::words(&told).into(),
        unit: told.price_unit.clone(),
        example: price::example(&told),
        tick: told.tick.to_string(),
    }
}

pub(crate) fn reference(catalogue: &Catalogue, dealers: &[WireDealer]) -> Reference {
    Reference {
        instruments: u32::try_from(catalogue.len()).unwrap_or(u32::MAX),
        dealers: dealers
            .iter()
            .map(|d| DealerView { id: d.id.to_string(), name: d.name.clone(), online: d.online })
            .collect(),
        max_dealers: rfq::MAX_DEALERS_PER_RFQ as u32,
        ttl_min_s: rfq::TTL_MIN_S,
        ttl_max_s: rfq::TTL_MAX_S,
        ttl_default_s: rfq::TTL_DEFAULT_S,
    }
}

pub(crate) fn head(l: &Look<'_>, market: MarketView, problem: Option<&Problem>) -> RfqView {
    let t = &l.rfq.terms;
    RfqView {
        id: t.id.to_string(),
        instrument: t.instrument.to_string(),
        symbol: l.instrument.map_or_else(|| t.instrument.to_string(), |i| i.symbol.clone()),
        name: l.instrument.map_or_else(String::new, |i| i.name.clone()),
        ask: match t.ask {
            rfq::Ask::Buy => Ask::Buy,
            rfq::Ask::Sell => Ask::Sell,
            rfq::Ask::TwoWay => Ask::TwoWay,
        },
        price_type: price_type(t.price_type),
        legs: legs::asked(t),
        quantity: group_digits(t.quantity),
        min_quantity: t.min_quantity.map(group_digits),
        currency: t.currency.clone(),
        settlement_date: iso(&t.settlement_date),
        price_decimals: l.instrument.map_or(4, |i| i.price_decimals),
        price_unit: l.instrument.map_or_else(String::new, |i| i.price_unit.clone()),
        state: match l.rfq.state {
            rfq::RfqState::Sent => RfqState::Sent,
            rfq::RfqState::Open => RfqState::Open,
            rfq::RfqState::Done => RfqState::Done,
            rfq::RfqState::Expired => RfqState::Expired,
            rfq::RfqState::Cancelled => RfqState::Cancelled,
            rfq::RfqState::Refused => RfqState::Refused,
            rfq::RfqState::NothingDone => RfqState::NothingDone,
            rfq::RfqState::TakenOver => RfqState::TakenOver,
        },
        created_ms: t.created.0 as f64,
        expires_ms: l.rfq.expires().0 as f64,
        accept: accept(l.rfq, l.instrument, l.names, l.waits),
        limit: None,
        ahead: l.ahead.filter(|_| !l.rfq.state.ended()).map(|(of, limit, approved)| AheadView {
            side: side(of),
            limit: price(l.instrument, limit),
            approved,
        }),
        guard: l.guard.clone(),
        market,
        cover: l.cover.cloned(),
        problem: problem.cloned(),
        text: text(l),
    }
}

fn text(l: &Look<'_>) -> String {
    let r = l.rfq;
    if let (Some(waits), false, None) = (l.waits, r.state.ended(), &r.accept) {
        return waits.into();
    }
    match r.state {
        rfq::RfqState::Sent => "Sent to the gateway".into(),
        rfq::RfqState::Open => {
            let all = r.lines.len();
            let live = r.lines.iter().filter(|x| x.live_quote(l.at).is_some()).count();
            let waiting = r.lines.iter().filter(|x| x.state == rfq::LineState::Asked).count();
            match (live, waiting) {
                (0, 0) => "No live quote".into(),
                (0, w) => format!("Waiting for {w} of {all} dealers"),
                (n, 0) => format!("{n} of {all} dealers quoting"),
                (n, w) => format!("{n} quoting, waiting for {w}"),
            }
        }
        rfq::RfqState::Done => outcome_text(r, l.instrument, l.names),
        rfq::RfqState::Expired => reason("Expired", r),
        rfq::RfqState::Cancelled => reason("Ended without a trade", r),
        rfq::RfqState::Refused => reason("Refused", r),
        rfq::RfqState::NothingDone => reason("Nothing done", r),
        rfq::RfqState::TakenOver => r.reason.clone().unwrap_or_else(|| "Taken over".into()),
    }
}

fn reason(what: &str, r: &Rfq) -> String {
    r.reason
        .as_ref()
        .filter(|s| !s.is_empty())
        .map_or_else(|| what.into(), |why| format!("{what}: {why}"))
}

/// `Filled: bought 5,000,000 at 99.125 from Northbank`.
pub(crate) fn outcome_text(r: &Rfq, i: Option<&Instrument>, names: &Names) -> String {
    let Some((a, s)) = &r.accept else { return "Done".into() };
    let Some(e) = s.last_trade() else { return "Done".into() };
    let (verb, from) = match a.side {
        rfq::Side::Buy => ("bought", "from"),
        rfq::Side::Sell => ("sold", "to"),
    };
    let what = trade_status(s).words();
    format!(
        "{what}: {verb} {} at {} {from} {}",
        parts::executed(a, e),
        stated(i, e.price),
        name(names, &a.dealer)
    )
}

fn trade_status(s: &Accepting) -> RowStatus {
    match s {
        Accepting::PartlyFilled(_) => RowStatus::PartlyFilled,
        Accepting::Corrected(_) => RowStatus::Corrected,
        Accepting::Busted(_) => RowStatus::CancelledByDealer,
        _ => RowStatus::Filled,
    }
}

fn rfq_status(r: &Rfq) -> RowStatus {
    match r.state {
        rfq::RfqState::Sent => RowStatus::Sent,
        rfq::RfqState::Open => RowStatus::Open,
        rfq::RfqState::Done => {
            r.accept.as_ref().map_or(RowStatus::Filled, |(_, s)| trade_status(s))
        }
        rfq::RfqState::Expired => RowStatus::Expired,
        rfq::RfqState::Cancelled => RowStatus::Cancelled,
        rfq::RfqState::Refused => RowStatus::Refused,
        rfq::RfqState::NothingDone => RowStatus::NothingDone,
        rfq::RfqState::TakenOver => RowStatus::TakenOver,
    }
}

pub(crate) fn accept(
    r: &Rfq,
    i: Option<&Instrument>,
    names: &Names,
    waits: Option<&str>,
) -> Option<AcceptView> {
    let (a, s) = r.accept.as_ref()?;
    let who = name(names, &a.dealer);
    let to_check = || format!("{}. Check it with {who}.", outcome_text(r, i, names));
    let (state, text) = match s {
        Accepting::Armed => (AcceptState::Armed, "Nothing has been sent yet.".to_owned()),
        Accepting::Sent if waits.is_some() => {
            (AcceptState::StepUp, waits.unwrap_or_default().to_owned())
        }
        Accepting::Sent => (AcceptState::Sent, format!("Sent to {who}; waiting for the answer.")),
        Accepting::LastLook => {
            (AcceptState::LastLook, format!("{who} has it and is taking a last look."))
        }
        Accepting::Filled(_) => (AcceptState::Filled, outcome_text(r, i, names)),
        Accepting::PartlyFilled(_) => (AcceptState::PartlyFilled, outcome_text(r, i, names)),
        Accepting::Corrected(_) => (AcceptState::Corrected, to_check()),
        Accepting::Busted(_) => (AcceptState::Busted, to_check()),
        Accepting::Disputed => (
            AcceptState::Disputed,
            format!(
                "{who} reports a trade that is not what you accepted. People must settle it; do \
                    not trade this RFQ again."
            ),
        ),
        Accepting::Declined(Declined::ByDesk(why)) => {
            (AcceptState::Disarmed, format!("Not sent: {}.", why.trim_end_matches('.')))
        }
        Accepting::Declined(Declined::ByGateway(why)) => {
            (AcceptState::Declined, format!("Declined by the gateway: {why}."))
        }
        Accepting::Declined(Declined::ByDealer(why)) => {
            (AcceptState::Declined, format!("Declined by {who}: {why}."))
        }
        Accepting::Unknown => (
            AcceptState::Unknown,
            format!(
                "Outcome unknown: the answer from {who} was lost. Asking what became of it; do \
                    not trade it again."
            ),
        ),
    };
    let quote = r.line(&a.dealer).and_then(|l| l.quote.as_ref()).filter(|q| q.id == a.quote);
    Some(AcceptView {
        state,
        id: a.id.to_string(),
        dealer: a.dealer.to_string(),
        dealer_name: who,
        quote_id: a.quote.to_string(),
        side: side(a.side),
        price: price(i, a.price),
        limit: a.limit.map(|l| price(i, l.price)),
        limit_ticks: a.limit.map_or(0, |l| limit_ticks(r, a, l.price, i)),
        legs: legs::agreed(a, &r.terms),
        quantity: group_digits(a.quantity),
        quoted_quantity: parts::quoted(a),
        takes_part: r.takes_part(),
        settlement_date: Some(iso(&r.terms.settlement_date)),
        valid_until_ms: quote
            .filter(|_| matches!(state, AcceptState::Armed))
            .map(|q| q.valid_until.0 as f64),
        text,
        since_ms: s.traded().map_or(0.0, |e| e.at.0 as f64),
    })
}

/// How many ticks a limit is worse than the price of its accept; part of one counts as one.
fn limit_ticks(r: &Rfq, a: &rfq::Accept, limit: Decimal, i: Option<&Instrument>) -> u32 {
    let way = r.terms.price_type.direction();
    let ticks = i.and_then(|i| rfq::whole_ticks_worse(way, a.side, limit, a.price, i.tick));
    let whole = ticks.map(|t| t.max(Decimal::ZERO));
    whole.and_then(|t| rust_decimal::prelude::ToPrimitive::to_u32(&t)).unwrap_or(0)
}

pub(crate) fn rfq_row(r: &Rfq, i: Option<&Instrument>, names: &Names) -> BlotterRow {
    let t = &r.terms;
    let traded = r.accept.as_ref().and_then(|(a, s)| s.last_trade().map(|e| (a, e)));
    let all = || t.dealers.iter().map(|d| name(names, d)).collect::<Vec<_>>().join(", ");
    BlotterRow {
        id: t.id.to_string(),
        rfq_id: t.id.to_string(),
        at_ms: t.created.0 as f64,
        symbol: i.map_or_else(|| t.instrument.to_string(), |i| i.symbol.clone()),
        instrument: t.instrument.to_string(),
        side: match t.ask {
            rfq::Ask::Buy => "Buy",
            rfq::Ask::Sell => "Sell",
            rfq::Ask::TwoWay => "Two-way",
        }
        .into(),
        quantity: group_digits(t.quantity),
        min_quantity: t.min_quantity.map(group_digits),
        currency: t.currency.clone(),
        price: traded.map(|(_, e)| stated(i, e.price)),
        dealer: traded.map_or_else(all, |(a, _)| name(names, &a.dealer)),
        status: rfq_status(r).words().into(),
        cover: None,
        settlement_date: iso(&t.settlement_date),
        exec_id: traded.map(|(_, e)| e.exec_id.clone()),
        // Who has it now, and since when.
        text: r
            .reason
            .clone()
            .filter(|_| r.state == rfq::RfqState::TakenOver)
            .or_else(|| parts::before(r, counters_text(r, i, names))),
        ..BlotterRow::default()
    }
}

/// The trader's counters with their times, for the row of their RFQ: `Northbank 99.500 > 99.450 at
/// 14:02:09: improved`. `None` without one.
fn counters_text(r: &Rfq, i: Option<&Instrument>, names: &Names) -> Option<String> {
    let all = r.lines.iter().flat_map(|l| &l.counters).map(|(c, s)| {
        let (from, to) = (stated(i, c.quoted), stated(i, c.price));
        let at = clock_time(c.at);
        format!("{} {from} > {to} at {at} UTC: {}", name(names, &c.dealer), s.phase())
    });
    let all: Vec<String> = all.collect();
    (!all.is_empty()).then(|| format!("Countered: {}", all.join("; ")))
}

pub(crate) fn trade_row(
    r: &Rfq,
    i: Option<&Instrument>,
    names: &Names,
    at: UtcMillis,
) -> Option<BlotterRow> {
    let (a, s) = r.accept.as_ref()?;
    let e = s.last_trade()?;
    // Cover: the best price of the dealers who did not trade, at this moment.
    let others = r.lines.iter().filter(|l| l.dealer != a.dealer).filter_map(|l| l.live_quote(at));
    let cover = rfq::best(r.direction(), others, a.side, a.quantity, at, 0);
    let cover = cover.map(|b| stated(i, b.price));
    Some(BlotterRow {
        id: a.id.to_string(),
        at_ms: e.at.0 as f64,
        side: side_word(a.side).into(),
        quantity: group_digits(e.quantity),
        price: Some(stated(i, e.price)),
        dealer: name(names, &a.dealer),
        status: trade_status(s).words().into(),
        cover,
        settlement_date: iso(e.settlement_date.as_deref().unwrap_or(&r.terms.settlement_date)),
        exec_id: Some(e.exec_id.clone()),
        accepted: Some(group_digits(a.quantity)),
        quoted: parts::quoted(a),
        dealer_id: Some(a.dealer.to_string()),
        executions: Some(r.executions.iter().filter(|k| k.accept == a.id).cloned().collect()),
        ..rfq_row(r, i, names)
    })
}

/// The row of a trade whose RFQ is no longer on screen.
pub(crate) fn late_trade_row(
    id: &rfq::RfqId,
    e: &ExecutionReport,
    i: Option<&Instrument>,
    names: &Names,
) -> BlotterRow {
    BlotterRow {
        id: e.accept.to_string(),
        rfq_id: id.to_string(),
        at_ms: e.at.0 as f64,
        symbol: i.map_or_else(|| e.instrument.to_string(), |i| i.symbol.clone()),
        instrument: e.instrument.to_string(),
        side: side_word(e.side).into(),
        quantity: group_digits(e.cum_qty),
        currency: i.map_or_else(String::new, |i| i.currency.clone()),
        price: Some(stated(i, e.last.map_or(e.avg_px, |l| l.price))),
        dealer: e.dealer.as_ref().map_or_else(String::new, |d| name(names, d)),
        status: if e.status == OrdStatus::PartiallyFilled {
            RowStatus::PartlyFilled
        } else {
            RowStatus::Filled
        }
        .words()
        .into(),
        cover: None,
        settlement_date: e.settlement_date.as_deref().map_or_else(String::new, iso),
        exec_id: Some(e.exec_id.clone()),
        dealer_id: e.dealer.as_ref().map(ToString::to_string),
        ..BlotterRow::default()
    }
}

/// The row of a trade that a dealer reports and that was not accepted like that. It is shown beside
/// the row of the accept and is not booked.
pub(crate) fn dispute_row(
    d: &rfq::Dispute,
    r: &Rfq,
    i: Option<&Instrument>,
    names: &Names,
) -> BlotterRow {
    BlotterRow {
        id: dispute_id(&d.accept, &d.exec_id),
        at_ms: d.at.0 as f64,
        side: side_word(d.side).into(),
        quantity: group_digits(d.quantity),
        price: Some(stated(i, d.price)),
        dealer: name(names, &d.dealer),
        status: RowStatus::Disputed.words().into(),
        cover: None,
        settlement_date: d.settlement_date.as_deref().map_or_else(String::new, iso),
        exec_id: Some(d.exec_id.clone()),
        dealer_id: Some(d.dealer.to_string()),
        ..rfq_row(r, i, names)
    }
}

/// As [`dispute_row`], for an RFQ that is no longer on screen.
pub(crate) fn late_dispute_row(
    id: &rfq::RfqId,
    e: &ExecutionReport,
    i: Option<&Instrument>,
    names: &Names,
) -> BlotterRow {
    let row = late_trade_row(id, e, i, names);
    BlotterRow {
        id: dispute_id(&e.accept, &e.exec_id),
        status: RowStatus::Disputed.words().into(),
        ..row
    }
}

/// An id that differs from that of the trade's own row.
fn dispute_id(accept: &rfq::AcceptId, exec_id: &str) -> String {
    format!("{accept}!{exec_id}")
}

pub(crate) fn side(s: rfq::Side) -> Side {
    match s {
        rfq::Side::Buy => Side::Buy,
        rfq::Side::Sell => Side::Sell,
    }
}

fn side_word(s: rfq::Side) -> &'static str {
    match s {
        rfq::Side::Buy => "Buy",
        rfq::Side::Sell => "Sell",
    }
}

pub(crate) fn name(names: &Names, d: &DealerId) -> String {
    names.get(d).cloned().unwrap_or_else(|| d.to_string())
}

/// The one way of a price to the screen.
pub(crate) fn price(i: Option<&Instrument>, p: Decimal) -> String {
    i.map_or_else(|| p.to_string(), |i| price::show(i, p))
}

/// As [`price`], where no heading says what the number counts: `2.475 %`, `42.0 bp`, `45.0 bp over
/// EURIBOR 3M`. A price stands alone.
pub(crate) fn stated(i: Option<&Instrument>, p: Decimal) -> String {
    format!("{}{}", price(i, p), i.map(price::unit).unwrap_or_default())
}

/// `20261124` as `2026-11-24`.
pub(crate) fn iso(date: &str) -> String {
    if date.len() == 8 && date.is_ascii() {
        format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..])
    } else {
        date.into()
    }
}

#[cfg(test)]
#[path = "present_tests.rs"]
mod tests;
