//! How the request of a row stands, and what the dealers offer for it.

use super::screen::Item;
use crate::{
    blotter::RowStatus,
    list::{Offer, Seen},
    present,
};
use rust_decimal::Decimal;
use signet_rfq::{
    self as rfq, AcceptState, Direction, Instrument, RfqState, Side, UtcMillis, ticks_worse,
};

/// How a request of an earlier run ended, by the blotter's row of it. What had not ended when the
/// desk did, and is not at the gateway, is not known.
pub(super) fn seen_in_blotter(status: RowStatus) -> Seen {
    match status {
        RowStatus::Filled | RowStatus::PartlyFilled | RowStatus::Corrected => Seen::Done,
        RowStatus::Expired => Seen::Expired,
        RowStatus::Refused => Seen::Refused,
        RowStatus::Cancelled
        | RowStatus::NothingDone
        | RowStatus::EndedWhileAway
        | RowStatus::TakenOver => Seen::Ended,
        RowStatus::Sent
        | RowStatus::Open
        | RowStatus::CancelledByDealer
        | RowStatus::Disputed
        | RowStatus::Declined
        | RowStatus::Unknown => Seen::Lost,
    }
}

/// What the row of one request is made of.
pub(super) struct LookAt<'a> {
    pub item: &'a Item,
    pub instrument: Option<&'a Instrument>,
    pub names: &'a present::Names,
    pub at: UtcMillis,
    pub arrival_ms: i64,
    pub limit: Option<Decimal>,
    pub waits: Option<&'static str>,
}

impl LookAt<'_> {
    pub(super) fn look(&self) -> (Seen, Offer) {
        let r = &self.item.rfq;
        let best = self.offered();
        let seen = match r.state {
            _ if r.in_flight() => Seen::Taking,
            RfqState::Sent => Seen::Sent,
            RfqState::Open if best.price.is_some() => Seen::Quoted,
            RfqState::Open => Seen::Open,
            RfqState::Done => Seen::Done,
            RfqState::Refused => Seen::Refused,
            RfqState::Expired => Seen::Expired,
            RfqState::Cancelled | RfqState::NothingDone | RfqState::TakenOver => Seen::Ended,
        };
        let text = self.text(seen);
        match seen {
            Seen::Taking | Seen::Done => (seen, Offer { text, ..self.agreed() }),
            _ => (seen, Offer { text, ..best }),
        }
    }

    /// The best price for the whole quantity.
    fn offered(&self) -> Offer {
        let r = &self.item.rfq;
        let best = |side| r.best(side, self.at, self.arrival_ms);
        let by = |b: &rfq::Best| {
            let names = b.dealers.iter().map(|d| present::name(self.names, d));
            names.collect::<Vec<_>>().join(", ")
        };
        let shown = |b: &rfq::Best| present::price(self.instrument, b.price);
        match r.terms.ask {
            rfq::Ask::TwoWay => {
                let (bid, offer) = (best(Side::Sell), best(Side::Buy));
                let of = |b: &Option<rfq::Best>| b.as_ref().map_or("–".into(), shown);
                let any = bid.is_some() || offer.is_some();
                let price = any.then(|| format!("{} / {}", of(&bid), of(&offer)));
                Offer { price, ..Offer::default() }
            }
            ask => {
                let side = if ask == rfq::Ask::Buy { Side::Buy } else { Side::Sell };
                let Some(best) = best(side) else { return Offer::default() };
                let (away, within) = self.to_limit(side, best.price);
                let (price, dealer) = (Some(shown(&best)), Some(by(&best)));
                Offer { price, dealer, away, within, text: String::new() }
            }
        }
    }

    /// The terms of the accept, or of the trade.
    fn agreed(&self) -> Offer {
        let Some((a, s)) = &self.item.rfq.accept else { return Offer::default() };
        let price = s.last_trade().map_or(a.price, |e| e.price);
        let (away, _) = self.to_limit(a.side, price);
        Offer {
            price: Some(present::price(self.instrument, price)),
            dealer: Some(present::name(self.names, &a.dealer)),
            away,
            within: false,
            text: String::new(),
        }
    }

    /// How many ticks a price is from the limit, and whether it is within.
    fn to_limit(&self, side: Side, price: Decimal) -> (Option<String>, bool) {
        let Some((limit, i)) = self.limit.zip(self.instrument) else { return (None, false) };
        let within = !self.way().better(side, limit, price);
        let ticks = ticks_worse(self.way(), side, price, limit, i.tick);
        (ticks.map(signed), within)
    }

    fn way(&self) -> Direction {
        self.item.rfq.terms.price_type.direction()
    }

    fn text(&self, seen: Seen) -> String {
        let r = &self.item.rfq;
        let accept = || present::accept(r, self.instrument, self.names, self.waits);
        let ended = |what: &str| {
            let why = self.item.problem.as_ref().map(|p| p.message.clone());
            match why.or_else(|| r.reason.clone()).filter(|w| !w.is_empty()) {
                Some(why) => format!("{what}: {why}"),
                None => what.into(),
            }
        };
        if r.is_disputed() {
            return "Disputed: people must settle it. Do not trade it again.".into();
        }
        match seen {
            Seen::Sent => self.waits.unwrap_or("Sent.").into(),
            Seen::Taking => accept().map(|a| a.text).unwrap_or_default(),
            Seen::Done => present::outcome_text(r, self.instrument, self.names),
            Seen::Refused => ended("Refused"),
            Seen::Expired => ended("Expired"),
            Seen::Ended if r.state == RfqState::TakenOver => {
                r.reason.clone().unwrap_or_else(|| "A colleague has it now.".into())
            }
            Seen::Ended | Seen::Gone | Seen::Lost => ended("Ended without a trade"),
            Seen::Open | Seen::Quoted => match &r.accept {
                Some((_, AcceptState::Declined(_))) => accept().map(|a| a.text).unwrap_or_default(),
                Some((_, AcceptState::Armed)) => "Its terms are open in its own panel.".into(),
                _ => {
                    let live = r.lines.iter().filter(|l| l.live_quote(self.at).is_some()).count();
                    format!("{live} of {} dealers quote.", r.lines.len())
                }
            },
        }
    }
}

/// `+2` is worse for the trader.
fn signed(ticks: Decimal) -> String {
    if ticks > Decimal::ZERO { format!("+{ticks}") } else { ticks.to_string() }
}
