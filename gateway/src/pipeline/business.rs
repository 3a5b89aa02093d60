//! What of the business becomes an event: told from what came in and what the router made of it, so
//! that a repeat, or a snapshot after a reconnect, is not told twice.

use rust_decimal::Decimal;
use signet_events::{About, Actor, Event, Origin, Side, Text};
use signet_fix::{
    AppMessage,
    message::{
        ExecType, ExecutionReport, HandOver, HandOverKind, PASSED_BY_TRADER, QuoteCancel, QuoteMsg,
        QuoteRequest, QuoteRequestReject, QuoteResponse, QuoteStatusReport, Response, RfqStatus,
    },
};
use signet_identity::CompId;
use signet_rfq::{
    self as rfq, DealerId, InstrumentId, UtcMillis,
    lifecycle::{Meaning, meaning},
};
use signet_router::{
    Decided, Input, Output, Router,
    journal::{Replayed, shown},
};
use std::fmt::Display;

/// Who caused what the router does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// A desk's message that commits it.
    Desk(CompId),
    /// A dealer's message.
    Dealer(DealerId),
    /// The gateway itself, time, or a line that comes or goes.
    Gateway,
}

impl Cause {
    /// `None`: its outputs repeat what was told before, as a snapshot does.
    pub(super) fn of(input: &Input) -> Option<Self> {
        match input {
            Input::Decided(_, Decided::End { .. } | Decided::TimeUp(_)) => Some(Self::Gateway),
            Input::FromDesk(desk, _) | Input::Decided(desk, _) => Some(Self::Desk(desk.clone())),
            Input::FromDealer(dealer, _) => Some(Self::Dealer(dealer.clone())),
            Input::NotSentToDealer(..) | Input::DealerDown(_) | Input::Tick => Some(Self::Gateway),
            Input::DeskUp(_) | Input::DeskDown(_) | Input::DealerUp(_) => None,
        }
    }

    fn actor(&self) -> Actor {
        match self {
            Self::Desk(id) => Actor::Desk(Text::of(id)),
            Self::Dealer(id) => Actor::Dealer(Text::of(id)),
            Self::Gateway => Actor::Gateway,
        }
    }
}

/// The events of one output; `at_us`: when it was decided.
pub(super) fn event(cause: &Cause, output: &Output, at_us: i64) -> Option<Event> {
    let (code, about, words) = match output {
        Output::ToDealer(dealer, m) => to_dealer(cause, dealer, m)?,
        // A desk that is away does not make it less true.
        Output::ToDesk(desk, m) | Output::Untold(desk, m) => to_desk(cause, desk, m)?,
        Output::Unanswered(desk, e) => unknown(desk, e),
        Output::Traded(..) | Output::Note(_) | Output::Alert { .. } => return None,
    };
    let actor = if ends_by_gateway(cause, output) { Actor::Gateway } else { cause.actor() };
    Some(Event::new(at_us, code, words).by(actor).about(about))
}

/// Whether an RFQ ends by time or by the gateway's decision, which may follow an answer of a dealer
/// that did neither.
fn ends_by_gateway(cause: &Cause, output: &Output) -> bool {
    let (Output::ToDesk(_, m) | Output::Untold(_, m)) = output else { return false };
    let AppMessage::QuoteStatusReport(s) = m else { return false };
    let of_rfq = s.answers.is_none();
    of_rfq
        && match s.status {
            RfqStatus::Expired => true,
            RfqStatus::Cancelled => matches!(cause, Cause::Dealer(_)),
            _ => false,
        }
}

/// The events of a record of the journal that is replayed, for those that a kill took before they
/// were on disk.
pub(crate) fn retold(replayed: &Replayed<'_>, position: u64) -> Vec<Event> {
    let Some(cause) = Cause::of(replayed.input) else { return Vec::new() };
    let at_us = replayed.at.0.saturating_mul(1_000);
    let called = shown(replayed.record).and_then(|s| s.name);
    let events = replayed.done.iter().filter_map(|o| event(&cause, o, at_us));
    numbered(events.map(|e| calling(e, called.as_ref())), Some(position)).collect()
}

/// The events of the accepts that are unknown when the gateway starts: it was away when their
/// dealers answered, or they were sent as it went.
pub(crate) fn unknown_at_start(router: &Router, now: UtcMillis) -> Vec<Event> {
    let at_us = now.0.saturating_mul(1_000);
    let all = router.unanswered(now);
    all.iter().filter_map(|o| event(&Cause::Gateway, o, at_us)).collect()
}

/// The event that a request went to a dealer says what dealers call the RFQ: who is asked by one
/// finds it.
pub(super) fn calling(e: Event, called: Option<&impl Display>) -> Event {
    match called.filter(|_| e.code == "rfq.sent") {
        Some(name) => Event { words: format!("dealers call it {name}").into(), ..e },
        None => e,
    }
}

/// The event of one output of an input, for tests of what outlets make of it.
#[cfg(test)]
pub(crate) fn business_event(input: &Input, output: &Output, at_us: i64) -> Option<Event> {
    event(&Cause::of(input)?, output, at_us)
}

/// Events that follow from one record of the evidence, in their order.
pub(super) fn numbered(
    events: impl Iterator<Item = Event>,
    position: Option<u64>,
) -> impl Iterator<Item = Event> {
    let origin = move |index| position.map(|position| Origin { position, index });
    (0..).zip(events).map(move |(index, e)| e.following(origin(index)))
}

type What = (&'static str, About, String);

fn to_dealer(cause: &Cause, dealer: &DealerId, m: &AppMessage) -> Option<What> {
    let Cause::Desk(desk) = cause else { return None };
    let about = About { dealer: Some(Text::of(dealer)), ..About::desk(desk) };
    let (code, about) = match m {
        AppMessage::QuoteRequest(q) => ("rfq.sent", request(about, q)),
        AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
            ("accept.sent", response(about, r))
        }
        AppMessage::QuoteResponse(r) if r.response == Response::Counter => {
            ("counter.sent", response(about, r))
        }
        _ => return None,
    };
    Some((code, message(about, m), String::new()))
}

fn to_desk(cause: &Cause, desk: &CompId, m: &AppMessage) -> Option<What> {
    let about = message(About::desk(desk), m);
    let (code, about, words) = match m {
        AppMessage::QuoteRequestReject(r) => rejected(about, desk, r),
        AppMessage::Quote(q) => ("quote.received", quote(about, desk, q), String::new()),
        AppMessage::QuoteCancel(c) => withdrawn(about, desk, c),
        AppMessage::QuoteStatusReport(s) if s.answers.is_some() => counter_over(about, desk, s)?,
        AppMessage::QuoteStatusReport(s) => ended(about, desk, s)?,
        AppMessage::ExecutionReport(e) => execution(cause, about, desk, e)?,
        AppMessage::HandOver(h) => handed_over(about, desk, h)?,
        _ => return None,
    };
    // A question of the desk about an accept is answered with what was told before.
    let asked = matches!(m, AppMessage::ExecutionReport(e) if e.exec_type == ExecType::Status)
        && matches!(cause, Cause::Desk(_));
    let of_dealer = matches!(m, AppMessage::Quote(_));
    (!asked && (!of_dealer || matches!(cause, Cause::Dealer(_)))).then_some((code, about, words))
}

fn message(about: About, m: &AppMessage) -> About {
    About { message: Some(m.msg_type().into()), ..about }
}

/// As the gateway names what a desk named: unique over all desks.
fn named(desk: &CompId, id: impl Display) -> Option<Text> {
    Some(Text::of(format_args!("{desk}.{id}")))
}

fn side(side: rfq::Side) -> Option<Side> {
    Some(match side {
        rfq::Side::Buy => Side::Buy,
        rfq::Side::Sell => Side::Sell,
    })
}

/// What is traded: the instrument, or those of a package's legs, in their order.
fn traded<'a>(
    instrument: &InstrumentId,
    legs: impl ExactSizeIterator<Item = &'a InstrumentId>,
) -> Option<Text> {
    if legs.len() == 0 {
        return Some(Text::of(instrument));
    }
    let names: Vec<&str> = legs.map(InstrumentId::as_str).collect();
    Some(format!("package: {}", names.join(" + ")).into())
}

fn request(about: About, q: &QuoteRequest) -> About {
    let wanted = match q.ask {
        rfq::Ask::Buy => Some(Side::Buy),
        rfq::Ask::Sell => Some(Side::Sell),
        rfq::Ask::TwoWay => None,
    };
    About {
        rfq: Some(Text::of(&q.id)),
        instrument: traded(&q.instrument, q.legs.iter().map(|l| &l.instrument)),
        side: wanted,
        quantity: Some(Text::of(q.quantity)),
        currency: Some(q.currency.as_str().into()),
        ..about
    }
}

fn response(about: About, r: &QuoteResponse) -> About {
    About {
        accept: Some(Text::of(&r.id)),
        quote: Some(Text::of(&r.quote)),
        instrument: traded(&r.instrument, r.legs.iter().map(|l| &l.instrument)),
        side: side(r.side),
        quantity: Some(Text::of(r.quantity)),
        price: Some(Text::of(r.price)),
        currency: r.currency.as_deref().map(Text::from),
        ..about
    }
}

fn rejected(about: About, desk: &CompId, r: &QuoteRequestReject) -> What {
    let by_trader = r.advice.as_ref().is_some_and(|a| a.code == PASSED_BY_TRADER);
    let code = match r.dealer {
        // The trader wants nothing more of this dealer; the RFQ goes on.
        Some(_) if by_trader => "quote.passed",
        // One dealer will not quote; the RFQ goes on.
        Some(_) => "quote.refused",
        None => "rfq.refused",
    };
    let dealer = r.dealer.as_ref().map(Text::of);
    let instrument = Some(Text::of(&r.instrument));
    let about = About { rfq: named(desk, &r.rfq), dealer, instrument, ..about };
    (code, about, r.text.clone().unwrap_or_default())
}

fn quote(about: About, desk: &CompId, q: &QuoteMsg) -> About {
    // Of a two-way quote both prices, bid first.
    let prices = [q.bid, q.offer].into_iter().flatten();
    let (prices, sizes): (Vec<String>, Vec<String>) =
        prices.map(|l| (l.price.to_string(), l.size.to_string())).unzip();
    About {
        rfq: named(desk, &q.rfq),
        quote: Some(Text::of(&q.id)),
        dealer: q.dealer.as_ref().map(Text::of),
        instrument: traded(&q.instrument, q.legs.iter().map(|l| &l.instrument)),
        // The trader sells to a bid and buys at an offer.
        side: match (q.bid, q.offer) {
            (Some(_), None) => Some(Side::Sell),
            (None, Some(_)) => Some(Side::Buy),
            _ => None,
        },
        price: Some(prices.join("/").into()),
        quantity: Some(sizes.join("/").into()),
        ..about
    }
}

fn withdrawn(about: About, desk: &CompId, c: &QuoteCancel) -> What {
    let about = About {
        rfq: c.rfq.as_ref().and_then(|id| named(desk, id)),
        quote: c.quote.as_ref().map(Text::of),
        dealer: c.dealer.as_ref().map(Text::of),
        instrument: c.instrument.as_ref().map(Text::of),
        ..about
    };
    let words = if c.unreachable { "the dealer cannot be reached" } else { "" };
    ("quote.withdrawn", about, words.to_owned())
}

/// Told once, by what the desk hears that has it now.
fn handed_over(about: About, desk: &CompId, h: &HandOver) -> Option<What> {
    let (HandOverKind::Yours, Some(before)) = (h.kind, &h.desk) else { return None };
    let about = About { rfq: h.text.as_deref().map(Text::from), ..about };
    Some(("rfq.handed_over", about, format!("{before} had it; {desk} has it now, as {}", h.rfq)))
}

/// A counter is over without a new quote.
fn counter_over(about: About, desk: &CompId, s: &QuoteStatusReport) -> Option<What> {
    let how = match s.status {
        RfqStatus::Rejected => "refused",
        RfqStatus::Expired => "no answer",
        RfqStatus::Cancelled => "dropped",
        _ => return None,
    };
    let accept = s.answers.as_ref().map(Text::of);
    let about = About { rfq: named(desk, &s.rfq), accept, ..about };
    let why = s.text.as_deref().map_or_else(String::new, |t| format!(": {t}"));
    Some(("counter.over", about, format!("{how}{why}")))
}

fn ended(about: About, desk: &CompId, s: &QuoteStatusReport) -> Option<What> {
    let how = match s.status {
        RfqStatus::Cancelled => "cancelled",
        RfqStatus::Rejected => "rejected",
        RfqStatus::NothingDone => "nothing done",
        RfqStatus::Expired => "expired",
        RfqStatus::Open | RfqStatus::NotFound | RfqStatus::Pending | RfqStatus::Other(_) => {
            return None;
        }
    };
    let instrument = Some(Text::of(&s.instrument));
    let about = About { rfq: named(desk, &s.rfq), instrument, ..about };
    let why = s.text.as_deref().map_or_else(String::new, |t| format!(": {t}"));
    Some(("rfq.ended", about, format!("{how}{why}")))
}

fn execution(cause: &Cause, about: About, desk: &CompId, e: &ExecutionReport) -> Option<What> {
    let executed = meaning(e.exec_type, e.status, e.cum_qty > Decimal::ZERO);
    let asked_for = e.exec_type == ExecType::Status && matches!(cause, Cause::Dealer(_));
    let code = match e.exec_type {
        // What contradicts an answer that was final raises an alert of its own.
        _ if e.disputed => return None,
        // The gateway was away when the dealer executed, and has asked. A status that says nothing
        // new is not passed on.
        _ if asked_for && executed == Meaning::ExecutedSoFar => "execution.filled",
        ExecType::Trade | ExecType::Fill | ExecType::PartialFill => "execution.filled",
        ExecType::TradeCancel => "execution.busted",
        ExecType::TradeCorrect => "execution.corrected",
        ExecType::Rejected if e.dealer.is_none() => "accept.refused",
        // A refusal is told as one, whatever the dealer called it: an end (150=4, C) that is passed
        // on is that of the rest of what was executed in part.
        ExecType::Rejected => "execution.rejected",
        _ => return None,
    };
    let about = About {
        execution: Some(e.exec_id.as_str().into()).filter(|_| e.dealer.is_some()),
        price: e.last.map(|l| l.price).or(asked_for.then_some(e.avg_px)).map(Text::of),
        quantity: e.last.map(|l| l.size).or(asked_for.then_some(e.cum_qty)).map(Text::of),
        ..reported(about, desk, e)
    };
    Some((code, about, e.text.clone().unwrap_or_default()))
}

/// The line to an accept's dealer was lost, or the gateway restarted, before the answer came.
fn unknown(desk: &CompId, e: &ExecutionReport) -> What {
    let about = message(About::desk(desk), &AppMessage::ExecutionReport(e.clone()));
    ("accept.unknown", reported(about, desk, e), e.text.clone().unwrap_or_default())
}

/// The accept that a report is about.
fn reported(about: About, desk: &CompId, e: &ExecutionReport) -> About {
    About {
        accept: named(desk, &e.accept),
        dealer: e.dealer.as_ref().map(Text::of),
        instrument: traded(&e.instrument, e.legs.iter().map(|l| &l.instrument)),
        side: side(e.side),
        currency: e.currency.as_deref().map(Text::from),
        ..about
    }
}

#[cfg(test)]
#[path = "business_tests.rs"]
mod tests;
