//! A list of requests: the trader sends three at once, and takes what is within its limits by one
//! confirmation.

use crate::{
    check::{Violation, broken},
    click::Click,
    desk::Desk,
    pings::LOOK_MS,
};
use rust_decimal::Decimal;
use signet_desk_core::view::{
    Frame, ListIntent, ListRun, ListState, Problem, RfqState, Side, TakeLine,
};
use signet_fix::{AppMessage, message::QuoteResponse};
use std::collections::BTreeMap;

/// What one row of a confirmation agrees to.
#[derive(Debug)]
struct Agreed {
    side: signet_rfq::Side,
    quantity: Decimal,
    limit: Decimal,
}

impl Agreed {
    fn of(line: &TakeLine) -> Self {
        let number = |text: &str| text.replace(',', "").parse().unwrap_or_default();
        Self {
            side: match line.side {
                Side::Buy => signet_rfq::Side::Buy,
                Side::Sell => signet_rfq::Side::Sell,
            },
            quantity: number(&line.quantity),
            limit: number(&line.limit),
        }
    }

    /// Whether an accept is what was confirmed: the price that it names and the worst that it would
    /// take are within the row's limit.
    fn covers(&self, r: &QuoteResponse) -> bool {
        let within = |price: Decimal| match self.side {
            signet_rfq::Side::Buy => price <= self.limit,
            signet_rfq::Side::Sell => price >= self.limit,
        };
        let limit = r.limit.is_none_or(|l| within(l.price));
        r.side == self.side && r.quantity == self.quantity && within(r.price) && limit
    }
}

/// In doubt for longer than this, a connection ends what was confirmed: two seconds, and the turn
/// of the book at which they are over.
const DOUBT_MAX_MS: i64 = 2_000 + LOOK_MS;

/// What the trader confirmed of the list in this run of the desk.
#[derive(Default)]
pub(crate) struct Lists {
    /// Rows whose accept may leave, by their RFQ.
    agreed: BTreeMap<String, Agreed>,
    /// Since when the link is in doubt.
    doubt_since: Option<i64>,
    /// An accept left that nobody confirmed, or too late.
    pub fault: Option<String>,
}

impl Lists {
    /// The link is lost: nothing that was confirmed may leave after it.
    pub(crate) fn lost(&mut self) {
        self.agreed.clear();
        self.doubt_since = None;
    }

    /// The link is in doubt, or answered after all.
    pub(crate) fn doubt(&mut self, late: bool, t: i64) {
        self.doubt_since = late.then(|| self.doubt_since.unwrap_or(t));
    }

    /// Time passes: after a long doubt nothing that was confirmed may leave.
    pub(crate) fn passes(&mut self, t: i64) {
        if self.doubt_since.is_some_and(|since| t - since > DOUBT_MAX_MS) {
            self.agreed.clear();
        }
    }
}

impl Desk {
    /// Sends a list of three, whose limits about half of the prices keep to; or sends the rest of
    /// one that is held.
    pub(crate) fn send_list(&mut self, millions: u8, ttl_s: u32, t: i64) {
        let now = self.clock(t);
        let held = self.book.list_shown().summary.run == ListRun::Paused;
        let sent = if held {
            self.book.act_on_list(&ListIntent::Resume, now)
        } else {
            // What is open of an earlier list stays in it.
            let _ = self.book.act_on_list(&ListIntent::Clear, now);
            let rows = format!(
                "buy,EUR/USD,{millions}m,,,1.0815\nsell,EUR/GBP,{millions}m,,,1.0785\n\
                 buy,EUR/CHF,1m,,,1.0818\n"
            );
            let pasted = self.book.paste_list(&rows, now);
            pasted.and_then(|()| self.book.act_on_list(&ListIntent::Send { ttl_s }, now))
        };
        // Rows that were sent before are meant again.
        let asked = sent.is_ok() && self.book.list_shown().repeats.is_some();
        let sent = match asked {
            true => self.book.act_on_list(&ListIntent::SendAgain, now),
            false => sent,
        };
        self.log.push(format!("sends a list: {}", word(&sent)));
    }

    /// Confirms every row that is within its limit.
    pub(crate) fn take_list(&mut self, t: i64) {
        let now = self.clock(t);
        let mut taken = self.book.show_list_take(now);
        let page = self.book.list_shown();
        if taken.is_ok() {
            taken = self.book.confirm_list(now);
        }
        if taken.is_ok() {
            for line in page.take.iter().flat_map(|take| &take.lines) {
                let row = page.rows.iter().find(|r| r.key == line.key);
                if let Some(rfq) = row.and_then(|r| r.rfq_id.clone()) {
                    self.lists.agreed.insert(rfq, Agreed::of(line));
                }
            }
        }
        self.log.push(format!("takes the list: {}", word(&taken)));
    }

    /// The turn of a confirmed row has come: its accept leaves.
    pub(crate) fn takes_row(&mut self, r: &QuoteResponse, t: i64) {
        let rfq = r.rfq.as_ref().map(ToString::to_string).unwrap_or_default();
        let agreed = self.lists.agreed.remove(&rfq);
        if !agreed.as_ref().is_some_and(|a| a.covers(r)) {
            self.lists.fault = Some(format!("{} of {rfq}: {r:?}; confirmed: {agreed:?}", r.id));
        }
        let mut click = Click::of(&rfq, r, t);
        (click.listed, click.connection) = (true, self.connection);
        click.sent = self.send(&AppMessage::QuoteResponse(r.clone()), t);
        self.log.push(format!("takes {} in {rfq} by its list, sent: {}", r.quote, click.sent));
        self.clicks.push(click);
    }

    /// After settling no confirmed row waits, and each row says what its request says.
    pub(crate) fn list_holds(&self, frame: &Frame) -> Result<(), Violation> {
        let page = self.book.list_shown();
        if page.summary.taking > 0 {
            let words = format!("{} confirmed rows wait", page.summary.taking);
            return Err(broken("list.waits", words));
        }
        for row in &page.rows {
            let named = |id: &String| frame.rfqs.iter().find(|h| h.id == *id);
            let Some(head) = row.rfq_id.as_ref().and_then(named) else { continue };
            let done = head.state == RfqState::Done;
            if (row.state == ListState::Done) != done || row.state == ListState::Taking {
                let words = format!("row of {} is {:?}: {:?}", head.id, row.state, head.state);
                return Err(broken("list.row", words));
            }
        }
        Ok(())
    }
}

fn word(done: &Result<(), Problem>) -> &str {
    done.as_ref().map_or_else(|p| p.code.as_str(), |()| "done")
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_fix::message::Response;
    use signet_rfq::{AcceptId, InstrumentId, Limit, QuoteId, UtcMillis};

    /// A lost link and a long doubt end what was agreed to; a short doubt, also a second one, does
    /// not.
    #[test]
    fn what_was_confirmed_ends_with_the_link_or_a_long_doubt() {
        type During = fn(&mut Lists);
        let lasts: During = |l| l.doubt(true, 1_000);
        let again: During = |l| {
            l.doubt(true, 1_000);
            l.doubt(false, 2_900);
            l.doubt(true, 3_000);
        };
        let table: [(&str, During, i64, bool); 6] = [
            ("nothing", |_| (), 60_000, true),
            ("a short doubt", lasts, 1_000 + DOUBT_MAX_MS, true),
            ("a long doubt", lasts, 1_001 + DOUBT_MAX_MS, false),
            ("a second doubt counts by itself", again, 3_000 + DOUBT_MAX_MS, true),
            ("which is long too", again, 3_001 + DOUBT_MAX_MS, false),
            ("the link is lost", Lists::lost, 1_000, false),
        ];
        for (name, during, at, holds) in table {
            let mut lists = Lists::default();
            let (quantity, limit) = (Decimal::ONE, Decimal::ONE);
            let agreed = Agreed { side: signet_rfq::Side::Buy, quantity, limit };
            lists.agreed.insert("R1".into(), agreed);
            during(&mut lists);
            // Told again and again while it lasts.
            if lists.doubt_since.is_some() {
                lists.doubt(true, at);
            }
            lists.passes(at);
            assert_eq!(lists.agreed.contains_key("R1"), holds, "{name}");
        }
    }

    /// Side, quantity, price and limit of the accept against what was confirmed.
    #[test]
    fn a_confirmation_covers_what_it_says_and_no_more() {
        let number = |text: &str| text.parse::<Decimal>().unwrap();
        let buy = Agreed {
            side: signet_rfq::Side::Buy,
            quantity: 1_000_000.into(),
            limit: number("1.0815"),
        };
        let accept = |side, quantity: i64, price: &str, limit: Option<&str>| QuoteResponse {
            price_type: Default::default(),
            legs: vec![],
            id: AcceptId::new("R1:1").unwrap(),
            response: Response::HitOrLift,
            rfq: None,
            quote: QuoteId::new("q").unwrap(),
            instrument: InstrumentId::new("EUR/USD").unwrap(),
            isin: false,
            dealer: None,
            side,
            quantity: quantity.into(),
            price: number(price),
            currency: None,
            settlement_date: None,
            deadline: None,
            limit: limit.map(|l| Limit { price: number(l), until: UtcMillis(0) }),
            text: None,
            at: UtcMillis(0),
        };
        let (buys, sells) = (signet_rfq::Side::Buy, signet_rfq::Side::Sell);
        for (accept, want) in [
            (accept(buys, 1_000_000, "1.0815", None), true),
            (accept(buys, 1_000_000, "1.0810", Some("1.0815")), true),
            (accept(buys, 1_000_000, "1.08151", None), false),
            (accept(buys, 1_000_000, "1.0810", Some("1.08151")), false),
            (accept(buys, 1_000_001, "1.0810", None), false),
            (accept(sells, 1_000_000, "1.0815", None), false),
        ] {
            assert_eq!(buy.covers(&accept), want, "{accept:?}");
        }
        let sell = Agreed { side: sells, ..buy };
        assert!(sell.covers(&accept(sells, 1_000_000, "1.0816", Some("1.0815"))));
        assert!(!sell.covers(&accept(sells, 1_000_000, "1.0814", None)));
    }
}
