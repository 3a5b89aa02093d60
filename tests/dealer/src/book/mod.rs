//! One dealer's state and decisions: its open requests, live quotes and orders.
//!
//! The book is pure: time and messages go in, actions come out. The same seed, times and messages
//! always give the same actions.

mod accept;
mod counter;
mod package;
mod quoting;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use time::{Duration, OffsetDateTime};

use crate::dice::Dice;
use crate::instrument::{Instrument, Instruments};
use crate::order::Order;
use crate::settings::{Counters, DealerSettings, MillisRange, Parts};
use crate::wire::{Inbound, Outgoing, QuoteRequest, QuoteResponse, QuoteTerms, business_reject};

/// The most requests a dealer keeps open.
const REQUESTS_MAX: usize = 1000;
/// How many quotes are remembered, so that a late accept can be told what became of its quote.
const QUOTES_REMEMBERED: usize = 20_000;
/// The most orders one dealer takes. None is ever forgotten: a forgotten one could be filled twice.
const ORDERS_MAX: usize = 100_000;
/// How long a request without an ExpireTime (126) stays open.
const REQUEST_TIME_DEFAULT: Duration = Duration::minutes(5);

/// Something a test, or a person, makes a dealer do.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Force {
    /// Quotes every open request again, now.
    Requote,
    /// Cancels every live quote and is done with those requests.
    Withdraw,
    /// Refuses every request, open or new, with this tag 658 value, until [`Force::Resume`].
    Pass(u32),
    /// Declines the next accept after last look, with this text.
    RejectNextAccept(String),
    /// Does this with counters from now on, whatever the settings say.
    AnswerCounters(Counters),
    /// Does this with accepts of a part from now on, whatever the settings say.
    AnswerParts(Parts),
    /// Holds the next accept so many milliseconds in last look.
    HoldNextAccept(u64),
    /// Sends no business message until [`Force::Resume`], though it still trades: an accept is
    /// filled, and nobody hears of it until they ask.
    Silent,
    /// Drops the connection and is not reachable until [`Force::Resume`].
    Die,
    /// Ends [`Force::Pass`], [`Force::Silent`], [`Force::Die`] and [`Force::QuoteExactly`].
    Resume,
    /// Quotes every request, open or new, exactly so and only once, until [`Force::Resume`].
    /// `bid` and `offer` are kept only where the request asks for that side.
    QuoteExactly {
        /// BidPx (132).
        bid: Option<Decimal>,
        /// OfferPx (133).
        offer: Option<Decimal>,
        /// BidSize (134) and OfferSize (135).
        size: Decimal,
        /// How long the quote can be taken, milliseconds.
        valid_ms: u64,
    },
}

/// What the surroundings must do, in this order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Keep this order where it survives the process, before anything else is sent.
    Keep(Box<Order>),
    Send(Outgoing),
    /// Drop the connection and stay away for so many milliseconds; `None`: until resumed.
    Die(Option<u64>),
    /// Be reachable again.
    Revive,
}

#[derive(Debug, Default)]
struct Mood {
    passing: Option<u32>,
    reject_next: Option<String>,
    hold_next_ms: Option<u64>,
    counters: Option<Counters>,
    parts: Option<Parts>,
    silent: bool,
    exactly: Option<Exactly>,
}

#[derive(Debug, Clone)]
struct Exactly {
    bid: Option<Decimal>,
    offer: Option<Decimal>,
    size: Decimal,
    valid_ms: u64,
}

/// One open request.
#[derive(Debug)]
struct Rfq {
    request: QuoteRequest,
    instrument: Instrument,
    quantity: Decimal,
    ends: OffsetDateTime,
    dice: Dice,
    /// The quote that can be traded on.
    live: Option<QuoteTerms>,
    /// An accept is held in last look; no new quote meanwhile.
    looking: bool,
    /// A counter waits for its answer; no other quote meanwhile.
    countered: Option<QuoteResponse>,
    /// Set when the dealer has decided to refuse, and waits as long as a quote would take.
    will_pass: Option<u32>,
}

impl Rfq {
    /// Whether the customer trades so little.
    fn allows(&self, size: Decimal) -> bool {
        self.request.at_least.is_none_or(|least| size >= least)
    }
}

/// What became of a quote that can no longer be traded on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Live, or expired by the clock, under the request of this quote.
    Current,
    Replaced,
    Withdrawn,
    Taken,
    /// The customer asked for a better price, which declines it.
    Countered,
    Ended,
}

#[derive(Debug, Clone)]
struct QuoteRecord {
    quote_req_id: String,
    fate: Fate,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Due {
    Quote(String),
    End(String),
    Counter(String),
    Decide { cl_ord_id: String, quote_req_id: String },
}

/// The state of one dealer.
#[derive(Debug)]
pub(crate) struct Book {
    settings: Arc<DealerSettings>,
    instruments: Arc<Instruments>,
    /// Tells the ids of this run from those of any other.
    run: String,
    last_number: u64,
    requests_seen: u64,
    sent: u64,
    connected: bool,
    mood: Mood,
    /// By instrument, and by the type of the numbers when they are not prices.
    mids: BTreeMap<(String, Option<String>), Decimal>,
    rfqs: BTreeMap<String, Rfq>,
    quotes: BTreeMap<String, QuoteRecord>,
    orders: BTreeMap<String, Order>,
    due: BTreeMap<(OffsetDateTime, u64), Due>,
}

impl Book {
    /// A dealer that remembers `orders` from before; `run` differs each time it starts.
    pub(crate) fn new(
        settings: Arc<DealerSettings>,
        instruments: Arc<Instruments>,
        run: String,
        orders: impl IntoIterator<Item = Order>,
    ) -> Self {
        let orders = orders.into_iter().map(|order| (order.cl_ord_id.clone(), order)).collect();
        Self {
            settings,
            instruments,
            run,
            last_number: 0,
            requests_seen: 0,
            sent: 0,
            connected: false,
            mood: Mood::default(),
            mids: BTreeMap::new(),
            rfqs: BTreeMap::new(),
            quotes: BTreeMap::new(),
            orders,
            due: BTreeMap::new(),
        }
    }

    /// Settles what the last run left open: an accept in last look was not filled.
    pub(crate) fn start(&mut self, now: OffsetDateTime) -> Vec<Action> {
        self.decline_left_over(now)
    }

    /// A message from the gateway.
    pub(crate) fn receive(&mut self, inbound: Inbound, now: OffsetDateTime) -> Vec<Action> {
        let actions = match inbound {
            Inbound::Request(request) => self.on_request(request, now),
            Inbound::Response(response) => self.on_response(&response, now),
            Inbound::Status(request) => self.on_status(&request, now),
            Inbound::Unsupported(other) => vec![Action::Send(business_reject(&other))],
        };
        self.let_out(actions)
    }

    /// The session is up: open requests are quoted again, since their quotes ended with the old
    /// session.
    pub(crate) fn on_connected(&mut self, now: OffsetDateTime) {
        self.connected = true;
        let open: Vec<String> = self.rfqs.keys().cloned().collect();
        for id in open {
            self.schedule(now, Due::Quote(id));
        }
    }

    /// The session is down: no quote outlives it.
    pub(crate) fn on_disconnected(&mut self) {
        self.connected = false;
        for rfq in self.rfqs.values_mut() {
            rfq.countered = None;
            if let Some(quote) = rfq.live.take() {
                set_fate(&mut self.quotes, &quote.quote_id, Fate::Withdrawn);
            }
        }
    }

    /// When something happens by itself next.
    pub(crate) fn next_due(&self) -> Option<OffsetDateTime> {
        self.due.first_key_value().map(|((at, _), _)| *at)
    }

    /// Does everything that is due by `now`, in order.
    pub(crate) fn run_due(&mut self, now: OffsetDateTime) -> Vec<Action> {
        let mut actions = Vec::new();
        while self.next_due().is_some_and(|at| at <= now) {
            let Some((_, due)) = self.due.pop_first() else { break };
            actions.extend(match due {
                Due::Quote(id) => self.quote_now(&id, now),
                Due::End(id) => self.end_if_over(&id, now),
                Due::Counter(id) => self.answer_counter(&id, now),
                Due::Decide { cl_ord_id, quote_req_id } => {
                    self.decide(&cl_ord_id, &quote_req_id, now)
                }
            });
        }
        self.let_out(actions)
    }

    /// Makes the dealer do something.
    pub(crate) fn force(&mut self, force: Force, now: OffsetDateTime) -> Vec<Action> {
        let actions = match force {
            Force::Requote => self.requote_all(now),
            Force::Withdraw => self.withdraw_all(),
            Force::Pass(reason) => {
                self.mood.passing = Some(reason);
                self.pass_all(reason)
            }
            Force::RejectNextAccept(text) => {
                self.mood.reject_next = Some(text);
                vec![]
            }
            Force::HoldNextAccept(ms) => {
                self.mood.hold_next_ms = Some(ms);
                vec![]
            }
            Force::AnswerCounters(how) => {
                self.mood.counters = Some(how);
                vec![]
            }
            Force::AnswerParts(how) => {
                self.mood.parts = Some(how);
                vec![]
            }
            Force::Silent => {
                self.mood.silent = true;
                vec![]
            }
            Force::Die => vec![Action::Die(None)],
            Force::Resume => {
                let (reject_next, hold_next_ms) =
                    (self.mood.reject_next.take(), self.mood.hold_next_ms.take());
                let (counters, parts) = (self.mood.counters, self.mood.parts);
                self.mood = Mood { reject_next, hold_next_ms, counters, parts, ..Mood::default() };
                vec![Action::Revive]
            }
            Force::QuoteExactly { bid, offer, size, valid_ms } => {
                self.mood.exactly = Some(Exactly { bid, offer, size, valid_ms });
                self.requote_all(now)
            }
        };
        self.let_out(actions)
    }

    /// Holds back what a silent dealer does not say, and counts what it does say.
    fn let_out(&mut self, actions: Vec<Action>) -> Vec<Action> {
        let mut out = Vec::with_capacity(actions.len());
        for action in actions {
            if matches!(action, Action::Send(_)) {
                if self.mood.silent {
                    continue;
                }
                self.sent += 1;
            }
            out.push(action);
            let limit = self.settings.die_after_messages;
            if limit > 0 && self.sent >= limit {
                self.sent = 0;
                out.push(Action::Die(Some(self.settings.dead_for_ms)));
            }
        }
        out
    }

    fn schedule(&mut self, at: OffsetDateTime, due: Due) {
        self.last_number += 1;
        self.due.insert((at, self.last_number), due);
    }

    /// A new id; ids of one run sort in the order they were made.
    fn next_id(&mut self, kind: &str) -> String {
        self.last_number += 1;
        format!("{}-{kind}{}-{:08}", self.settings.id, self.run, self.last_number)
    }
}

fn set_fate(quotes: &mut BTreeMap<String, QuoteRecord>, quote_id: &str, fate: Fate) {
    if let Some(record) = quotes.get_mut(quote_id) {
        record.fate = fate;
    }
}

fn roll_ms(dice: &mut Dice, [from, to]: MillisRange) -> Duration {
    millis(dice.between(from, to))
}

fn millis(ms: u64) -> Duration {
    Duration::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX))
}
