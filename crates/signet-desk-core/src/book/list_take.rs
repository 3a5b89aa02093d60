//! "Accept all best within limit": one confirmation of many rows, then one accept after the other,
//! each by the way of a single one.
//!
//! What is confirmed is side, quantity, instrument and limit of each row. When its turn comes, a
//! row is taken at the best price of that moment if it is within its limit, or it stays with the
//! reason.

use super::{Book, guarded::Guarding, intents::ACCEPT_WITHIN_MS};
use crate::{
    guard::{Guard, Pressed},
    list::{Event, Phase, Row, Seen, Take, TakeRow},
    present,
    problem::{problem, sentence},
    view::{AcceptView, ArmIntent, Ask, ListTake, Problem, Side, TakeLeft, TakeLine, TakeTotal},
};
use rust_decimal::Decimal;
use signet_fix::message::AppMessage;
use signet_rfq::{AcceptState, Rfq, RfqId, UtcMillis, group_digits, parse_quantity};
use std::collections::{BTreeMap, VecDeque};

/// Between two turns of the book, milliseconds: `BOOK_TICK` of `crate::link`.
const TURN_MS: i64 = 100;
/// What was confirmed leaves by itself if it could leave so long ago: a connection that answers
/// again after two seconds is noticed with the next turn.
const FREE_WITHIN_MS: i64 = ACCEPT_WITHIN_MS + 2 * TURN_MS;

impl Book {
    /// Shows what would be taken: every row whose best price is within its limit. Nothing is sent,
    /// and nothing stays armed.
    pub(crate) fn list_take(&mut self, now: UtcMillis) -> Result<(), Problem> {
        self.may_trade()?;
        if !self.list.taking.is_empty() {
            let cure = "Wait until they have left, or stop.";
            return Err(problem("list.taking", "Accepts of this list are still to be sent.", cure));
        }
        self.look_at_list(now);
        let priced = |r: &&Row| r.phase == Phase::Quoted;
        let keys: Vec<u32> = self.list.rows().iter().filter(priced).map(|r| r.key).collect();
        let (mut rows, mut left) = (Vec::new(), Vec::new());
        for key in keys {
            match self.try_row(key, now) {
                Ok((rfq, warned)) => rows.push(TakeRow { key, rfq, warned }),
                Err(why) => left.push((key, sentence(&why.message))),
            }
        }
        if rows.is_empty() {
            self.show_list();
            return Err(nothing_within());
        }
        self.list.take =
            Some(Take { shown: now, guard: Guard::shown(now), rows, left, seen: false });
        self.list.changed();
        self.show_list();
        Ok(())
    }

    /// The trader confirms what is shown.
    pub(crate) fn list_confirm(&mut self, now: UtcMillis) -> Result<(), Problem> {
        self.may_trade()?;
        let trading = self.trading;
        let Some(take) = &mut self.list.take else { return Err(not_shown()) };
        let warned = take.rows.iter().filter(|r| r.warned).count();
        match take.guard.press(Decimal::ZERO, warned > 0, &trading, now) {
            Pressed::TooSoon => Err(problem(
                "accept.too_soon",
                "Confirm was pressed before the terms could be read. Nothing was sent.",
                "Read the terms, then press it once more.",
            )),
            Pressed::Warned => {
                take.seen = true;
                self.list.changed();
                self.show_list();
                Err(problem(
                    "accept.off_market",
                    format!("Far from the market: {warned} of the rows. Nothing was sent."),
                    "If you mean them too, confirm a second time.",
                ))
            }
            Pressed::Goes => {
                self.list.taken_shown = Some(take.shown);
                (self.list.free_at, self.list.stalled) = (Some(now), false);
                self.list.taking = VecDeque::from(std::mem::take(&mut take.rows));
                self.list.take = None;
                self.list.changed();
                self.show_list();
                Ok(())
            }
        }
    }

    /// The next accept of those that were confirmed.
    pub(super) fn list_take_turn(&mut self, now: UtcMillis) -> Option<AppMessage> {
        if self.list.taking.is_empty() {
            return None;
        }
        // Whatever the connection says by now: this laptop may have slept.
        if !is_free_since(self.list.free_at, now) {
            self.drop_taking("it could not leave for two seconds");
            return None;
        }
        if let Err(why) = self.may_trade() {
            match self.stalls(now) {
                true => self.list.set_stalled(true),
                false => self.drop_taking(why.message.trim_end_matches('.')),
            }
            return None;
        }
        self.list.free_at = Some(now);
        self.list.set_stalled(false);
        // One touch after the other: the next accept would only wait behind this one.
        let out = self.list.rows().iter().filter(|r| r.phase == Phase::Taking);
        if out.filter_map(|r| r.rfq.as_ref()).any(|id| self.step_ups.waits(id).is_some()) {
            return None;
        }
        let next = self.list.taking.pop_front()?;
        let shown = self.list.taken_shown?;
        let taken = self.take_row(&next, shown, now);
        self.list.changed();
        match taken {
            Ok(m) => {
                self.list.note(next.key, None, None);
                self.list.event(next.key, Event::See(Seen::Taking));
                Some(m)
            }
            Err(why) => {
                self.leave_row(next.key, &why.message);
                None
            }
        }
    }

    /// Whether an answer of the gateway is overdue, by at most the time that an accept may take to
    /// reach it. One late answer ends nothing that was confirmed: nothing leaves meanwhile, and
    /// each row is compared with its limit again when its turn comes. After a longer stall the
    /// trader looks at the prices first.
    fn stalls(&self, now: UtcMillis) -> bool {
        let since = self.connection.view.doubtful_since_ms;
        let waited_ms = since.map(|ms| now.since(UtcMillis(ms as i64)));
        self.online() && waited_ms.is_some_and(|ms| (0..=ACCEPT_WITHIN_MS).contains(&ms))
    }

    /// What was confirmed and has not left stays, with the reason.
    pub(super) fn drop_taking(&mut self, why: &str) {
        for row in std::mem::take(&mut self.list.taking) {
            self.leave_row(row.key, why);
        }
    }

    fn leave_row(&mut self, key: u32, why: &str) {
        self.list.note(key, None, Some(format!("Not taken: {}", sentence(why))));
    }

    /// What is to be confirmed, with the prices of now.
    pub(super) fn list_take_view(&self) -> Option<ListTake> {
        let take = self.list.take.as_ref()?;
        let lines: Vec<TakeLine> = take.rows.iter().filter_map(|t| self.take_line(t)).collect();
        let left = take.left.iter().map(|(key, why)| TakeLeft {
            number: self.list.number(*key),
            symbol: self.list.row(*key).map(|r| r.checked.symbol.clone()).unwrap_or_default(),
            why: why.clone(),
        });
        Some(ListTake {
            totals: totals(&lines),
            left: left.collect(),
            lines,
            after_ms: self.trading.confirm_after_ms,
            seen: take.seen,
        })
    }

    fn take_line(&self, t: &TakeRow) -> Option<TakeLine> {
        let row = self.list.row(t.key)?;
        let terms = &self.screen.rfq(row.rfq.as_ref()?)?.terms;
        let i = self.reference.of_rfq(terms)?;
        let far = "Far from the market: confirm a second time.";
        Some(TakeLine {
            key: t.key,
            number: self.list.number(t.key),
            side: side_of(row)?,
            quantity: group_digits(terms.quantity),
            currency: terms.currency.clone(),
            symbol: i.symbol.clone(),
            instrument: i.id.to_string(),
            dealer: row.offer.dealer.clone().unwrap_or_default(),
            price: row.offer.price.clone().filter(|_| row.offer.within),
            limit: present::stated(Some(&i), row.checked.limit?),
            settlement_date: present::iso(&terms.settlement_date),
            warning: t.warned.then(|| far.to_owned()),
        })
    }

    /// Whether a row could be taken now, and whether it is far from the market. It is armed and put
    /// back as it was, so that it is checked as a single accept is and what stood there (why an
    /// earlier accept was declined) stands there still.
    fn try_row(&mut self, key: u32, now: UtcMillis) -> Result<(RfqId, bool), Problem> {
        let before = self.as_it_is(key);
        let tried = self.try_armed(key, now);
        self.put_back(before);
        tried
    }

    /// The request of a row, with the guard of its accept.
    fn as_it_is(&self, key: u32) -> Option<(Rfq, Option<Guard>)> {
        let item = self.screen.get(self.list.row(key)?.rfq.as_ref()?)?;
        Some((item.rfq.clone(), item.guard.clone()))
    }

    /// Puts a request back that was changed since, within the same call.
    fn put_back(&mut self, before: Option<(Rfq, Option<Guard>)>) {
        let Some((rfq, guard)) = before else { return };
        if let Some(item) = self.screen.get_mut(&rfq.terms.id) {
            (item.rfq, item.guard, item.dirty) = (rfq, guard, true);
        }
    }

    fn try_armed(&mut self, key: u32, now: UtcMillis) -> Result<(RfqId, bool), Problem> {
        let (id, _) = self.arm_row(key, now)?;
        let moment = self.moment(now);
        let guarding = Guarding { trading: self.trading, last: &self.last_trades };
        let warned = self.screen.get(&id).and_then(|item| {
            let instrument = self.reference.of_rfq(&item.rfq.terms);
            guarding.view(item, instrument.as_deref(), moment)?.warning
        });
        Ok((id, warned.is_some()))
    }

    /// Takes a row at its best price of now, by the way of a single accept.
    fn take_row(
        &mut self,
        t: &TakeRow,
        shown: UtcMillis,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        if self.list.row(t.key).and_then(|r| r.rfq.as_ref()) != Some(&t.rfq) {
            return Err(left("list.asked_again", "It was asked again after you confirmed"));
        }
        self.look_at_list(now);
        let before = self.as_it_is(t.key);
        let taken = self.take_armed(t, shown, now);
        if taken.is_err() && !self.screen.rfq(&t.rfq).is_some_and(Rfq::in_flight) {
            self.put_back(before);
        }
        taken
    }

    fn take_armed(
        &mut self,
        t: &TakeRow,
        shown: UtcMillis,
        now: UtcMillis,
    ) -> Result<AppMessage, Problem> {
        let (id, view) = self.arm_row(t.key, now)?;
        // The trader read the terms when they were shown with the others.
        if let Some(item) = self.screen.get_mut(&id)
            && let Some((a, _)) = &item.rfq.accept
        {
            let worst = a.limit.map_or(a.price, |l| l.price);
            item.guard = Some(Guard::read(shown, t.warned.then_some(worst)));
        }
        self.accept(id.as_str(), &view.id, now)
    }

    /// Arms the best price of a row, if it is within the row's limit.
    fn arm_row(&mut self, key: u32, now: UtcMillis) -> Result<(RfqId, AcceptView), Problem> {
        let row = self.list.row(key).filter(|r| r.phase == Phase::Quoted);
        let row = row.ok_or_else(|| left("list.no_price", "No dealer has a price any longer"))?;
        let side = side_of(row).ok_or_else(|| {
            left("list.two_way", "It asks for both sides: choose one in its own panel")
        })?;
        if row.checked.limit.is_none() {
            return Err(left("list.no_limit", "It has no limit"));
        }
        if !row.offer.within {
            return Err(left("list.beyond", "The best price is beyond its limit"));
        }
        let id = row.rfq.clone().ok_or_else(|| left("list.no_price", "It was not sent"))?;
        let moment = self.moment(now);
        let item = self.screen.get(&id).ok_or_else(|| left("list.no_price", "It has ended"))?;
        if matches!(item.rfq.accept, Some((_, AcceptState::Armed))) {
            return Err(left("list.armed", "Its terms are open in its own panel"));
        }
        let of = match side {
            Side::Buy => signet_rfq::Side::Buy,
            Side::Sell => signet_rfq::Side::Sell,
        };
        let best = item.rfq.best(of, moment.venue, moment.arrival_ms);
        let quote = best.as_ref().and_then(|b| item.rfq.line(b.dealers.first()?)?.quote.as_ref());
        let Some((best, quote)) = best.as_ref().zip(quote) else {
            return Err(left("list.no_price", "No dealer has a price any longer"));
        };
        let intent = ArmIntent {
            rfq_id: id.to_string(),
            dealer: quote.dealer.to_string(),
            quote_id: quote.id.to_string(),
            side,
            price: best.price.to_string(),
        };
        self.arm_typed(intent, now).map(|view| (id, view))
    }
}

/// Whether what was confirmed may leave by itself at `now`, when it last could at `free_at`. The
/// turn may have read its clock just before the trader confirmed.
fn is_free_since(free_at: Option<UtcMillis>, now: UtcMillis) -> bool {
    free_at.is_some_and(|at| (-TURN_MS..=FREE_WITHIN_MS).contains(&now.since(at)))
}

/// The side of a row that has one.
fn side_of(row: &Row) -> Option<Side> {
    match row.checked.form.as_ref()?.ask {
        Ask::Buy => Some(Side::Buy),
        Ask::Sell => Some(Side::Sell),
        Ask::TwoWay => None,
    }
}

/// Sums by currency and side.
fn totals(lines: &[TakeLine]) -> Vec<TakeTotal> {
    let mut sums: BTreeMap<(&str, bool), (u32, Option<Decimal>)> = BTreeMap::new();
    for l in lines {
        let (rows, sum) =
            sums.entry((&l.currency, l.side == Side::Sell)).or_insert((0, Some(Decimal::ZERO)));
        *rows += 1;
        *sum = sum.zip(parse_quantity(&l.quantity).ok()).and_then(|(s, q)| s.checked_add(q));
    }
    let total =
        |((currency, sells), (rows, sum)): ((&str, bool), (u32, Option<Decimal>))| TakeTotal {
            currency: currency.to_owned(),
            side: if sells { Side::Sell } else { Side::Buy },
            rows,
            quantity: sum.map_or_else(|| "–".into(), group_digits),
        };
    sums.into_iter().map(total).collect()
}

/// Why a row is not taken.
fn left(code: &str, why: &str) -> Problem {
    problem(code, why, "Look at the row.")
}

fn nothing_within() -> Problem {
    problem(
        "list.nothing_within",
        "No row has a price within its limit now.",
        "Wait for quotes, or take a price in its own panel.",
    )
}

fn not_shown() -> Problem {
    problem("accept.not_armed", "There is nothing to be confirmed.", "Show the terms again.")
}

#[cfg(test)]
#[path = "list_take_tests.rs"]
mod tests;
