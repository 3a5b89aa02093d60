//! Desk and gateway together, without sockets, under random orders of events: links and processes
//! come and go, dealers repeat themselves, contradict themselves, speak of what is another's, and
//! answer late.
//!
//! The model is the dealers' own memory of what they did with each accept. Whatever happened, in
//! the end nothing is filled twice, no accept is lost, the screen names every state, and a price
//! that can be pressed is one that the gateway would pass on.

use proptest::prelude::*;
use rust_decimal::Decimal;
use signet_desk_core::{
    Book, Ids, InFlight,
    view::{
        AcceptState, ArmIntent, Ask, CounterIntent, Frame, LineState, LinkState, RfqState, Side,
        Ticket,
    },
};
use signet_fix::{AppMessage, message::*};
use signet_identity::CompId;
use signet_journal::StoreKey;
use signet_rfq::{
    AcceptId, Catalogue, DealerId, InstrumentId, Level, MAX_COUNTERS_PER_LINE, QuoteId, RfqId,
    UtcMillis, test_double::eur_usd,
};
use signet_router::{
    DealerSettings, DeskSettings, Input, Output, Router,
    journal::{Journal, OnBadRecord},
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const T0: UtcMillis = UtcMillis(1_795_219_200_000);
const DEALERS: [&str; 2] = ["N", "E"];

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn desk() -> CompId {
    CompId::new("ALICE").unwrap()
}

fn pair() -> InstrumentId {
    InstrumentId::new("EUR/USD").unwrap()
}

fn router() -> Router {
    let desks = [DeskSettings { id: desk(), dealers: BTreeSet::new() }];
    let dealers = DEALERS.map(|d| DealerSettings {
        id: DealerId::new(d).unwrap(),
        name: d.into(),
        counters: true,
        parts: false,
    });
    let mut rfq = 0_u16;
    let name = move || {
        rfq += 1;
        let mut bytes = [0; 10];
        bytes[8..].copy_from_slice(&rfq.to_be_bytes());
        Some(bytes)
    };
    Router::new("Venue".into(), false, Catalogue::new([eur_usd()]).unwrap(), desks, dealers, name)
}

/// What a dealer did with an accept, and cannot undo.
#[derive(Debug, Clone, PartialEq)]
enum Did {
    Nothing,
    /// Executed half of it; nothing more comes when `over`.
    Half {
        over: bool,
    },
    Filled,
    Declined,
}

#[derive(Debug, Clone)]
struct Order {
    accept: QuoteResponse,
    did: Did,
    /// Everything it has said about it.
    said: Vec<ExecutionReport>,
}

#[derive(Debug, Default)]
struct Dealer {
    up: bool,
    /// RFQs it was asked, with its present quote.
    asked: BTreeMap<RfqId, Option<QuoteMsg>>,
    orders: BTreeMap<AcceptId, Order>,
    /// The counters that it heard.
    counters: BTreeMap<AcceptId, QuoteResponse>,
    /// What a counter declined in an RFQ, until it quotes something else there.
    declined: BTreeMap<RfqId, QuoteMsg>,
}

struct World {
    dir: tempfile::TempDir,
    journal: Option<Journal>,
    router: Router,
    book: Book,
    now: UtcMillis,
    /// Both directions of the desk's link, while it is up.
    up: bool,
    to_gateway: VecDeque<AppMessage>,
    to_desk: VecDeque<AppMessage>,
    dealers: BTreeMap<&'static str, Dealer>,
    next: u32,
    /// Starts of the desk.
    runs: u32,
    /// RFQs in which a dealer claims a trade for a counter.
    claimed: BTreeSet<String>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut router = router();
        let journal = Some(
            Journal::open(&dir.path().join("journal"), &key(), &mut router, OnBadRecord::Stop)
                .unwrap(),
        );
        let book = Book::new(Ids::new(T0, 1), T0);
        let dealers = DEALERS.map(|d| (d, Dealer::default())).into();
        let (to_gateway, to_desk) = Default::default();
        let mut w = Self {
            dir,
            journal,
            router,
            book,
            now: T0,
            up: false,
            to_gateway,
            to_desk,
            dealers,
            next: 0,
            runs: 1,
            claimed: BTreeSet::new(),
        };
        w.resume();
        DEALERS.iter().for_each(|d| w.dealer_up(d));
        w.link_up();
        w.flush();
        w
    }

    fn resume(&mut self) {
        let kept = InFlight::open(&self.dir.path().join("accepts"), &key()).unwrap();
        self.book.resume(kept);
    }

    fn id(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}{}", self.next)
    }

    /// As the gateway's core does it: written down first, then acted on.
    fn gateway(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let journal = self.journal.as_mut().expect("open");
            let input = journal
                .record(self.now, input, &self.router)
                .expect("everything said can be written down");
            for out in self.router.handle(self.now, input) {
                match out {
                    Output::ToDesk(_, m) => self.to_desk.push_back(m),
                    Output::ToDealer(d, m) => {
                        let name =
                            DEALERS.into_iter().find(|n| *n == d.as_str()).expect("one of ours");
                        if self.dealers[name].up {
                            self.dealer_hears(name, m);
                        } else {
                            inputs.push_back(Input::NotSentToDealer(d, m));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    fn dealer_hears(&mut self, name: &'static str, m: AppMessage) {
        let d = self.dealers.get_mut(name).expect("one of ours");
        match m {
            AppMessage::QuoteRequest(q) => drop(d.asked.insert(q.id, None)),
            AppMessage::QuoteResponse(r) if r.response == Response::Counter => d.countered(name, r),
            AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => {
                let declined = d.declined.get(&rfq_of(&r.id));
                assert!(
                    declined.is_none_or(|q| q.id != r.quote),
                    "{name} gets an accept of a quote that was countered: {r:?}"
                );
                let order = Order { accept: r.clone(), did: Did::Nothing, said: Vec::new() };
                assert!(
                    d.orders.insert(r.id.clone(), order).is_none(),
                    "{name} gets accept {} twice",
                    r.id
                );
            }
            AppMessage::OrderStatusRequest(h) => {
                let Some(order) = d.orders.get(&h.accept) else { return };
                let answer = match order.did {
                    Did::Nothing => report(&order.accept, ExecType::Status, OrdStatus::New, "S", 0),
                    Did::Half { .. } => ExecutionReport {
                        last: None,
                        ..half(&order.accept, ExecType::Status, OrdStatus::PartiallyFilled, "S", 1)
                    },
                    Did::Filled => {
                        report(&order.accept, ExecType::Status, OrdStatus::Filled, "S", 1)
                    }
                    Did::Declined => {
                        report(&order.accept, ExecType::Status, OrdStatus::Rejected, "S", 0)
                    }
                };
                self.dealer_says(name, AppMessage::ExecutionReport(answer));
            }
            _ => {}
        }
    }

    fn dealer_says(&mut self, name: &'static str, m: AppMessage) {
        if self.dealers[name].up {
            self.gateway(Input::FromDealer(DealerId::new(name).unwrap(), m));
        }
    }

    /// A dealer says something about an accept, and remembers it.
    fn answer(&mut self, name: &'static str, id: &AcceptId, e: ExecutionReport) {
        if !self.dealers[name].up {
            return;
        }
        if let Some(order) = self.dealers.get_mut(name).and_then(|d| d.orders.get_mut(id)) {
            order.said.push(e.clone());
        }
        self.dealer_says(name, AppMessage::ExecutionReport(e));
    }

    fn dealer_down(&mut self, name: &'static str) {
        self.dealers.get_mut(name).expect("one of ours").up = false;
        self.gateway(Input::DealerDown(DealerId::new(name).unwrap()));
    }

    /// Back with the quotes it had, word for word.
    fn dealer_up(&mut self, name: &'static str) {
        let d = self.dealers.get_mut(name).expect("one of ours");
        d.up = true;
        let quotes: Vec<QuoteMsg> = d.asked.values().flatten().cloned().collect();
        self.gateway(Input::DealerUp(DealerId::new(name).unwrap()));
        for q in quotes {
            self.dealer_says(name, AppMessage::Quote(q));
        }
    }

    fn link_down(&mut self) {
        self.up = false;
        self.to_gateway.clear();
        // What may be repeated is repeated when the link is back, as a FIX session does.
        self.to_desk.retain(|m| AppMessage::may_be_resent(m.msg_type()));
        self.gateway(Input::DeskDown(desk()));
        self.book.link_lost();
        self.book.link(self.now, |s| s.state = LinkState::Reconnecting);
    }

    fn link_up(&mut self) {
        self.up = true;
        self.book.link(self.now, |s| s.state = LinkState::Restoring);
        self.book.measured(self.now, self.now, self.now);
        self.gateway(Input::DeskUp(desk()));
        self.to_gateway.extend(self.book.list_request(self.now));
    }

    /// Killed and started again: what it knows is in its journal.
    fn gateway_restarts(&mut self) {
        self.journal = None;
        let mut fresh = router();
        self.journal = Some(
            Journal::open(&self.dir.path().join("journal"), &key(), &mut fresh, OnBadRecord::Stop)
                .unwrap(),
        );
        self.router = fresh;
        let up: Vec<_> = DEALERS.into_iter().filter(|d| self.dealers[d].up).collect();
        let linked = self.up;
        self.up = false;
        self.to_gateway.clear();
        self.to_desk.retain(|m| AppMessage::may_be_resent(m.msg_type()));
        self.book.link_lost();
        up.into_iter().for_each(|d| self.dealer_up(d));
        if linked {
            self.link_up();
        }
    }

    /// Killed and started again: what it knows is on its disk.
    fn desk_restarts(&mut self) {
        let linked = self.up;
        if linked {
            self.link_down();
        }
        // Another random number than any run before, as the desk draws it.
        self.runs += 1;
        self.book = Book::new(Ids::new(self.now, self.runs), self.now);
        self.resume();
        if linked {
            self.link_up();
        }
    }

    fn deliver(&mut self, to_gateway: bool) -> bool {
        if !self.up {
            return false;
        }
        if to_gateway {
            let Some(m) = self.to_gateway.pop_front() else { return false };
            self.gateway(Input::FromDesk(desk(), m));
        } else {
            let Some(m) = self.to_desk.pop_front() else { return false };
            let answers = self.book.message(m, self.now);
            self.to_gateway.extend(answers);
        }
        true
    }

    fn flush(&mut self) {
        while self.deliver(true) || self.deliver(false) {}
    }

    fn tick(&mut self, ms: i64) {
        self.now = self.now + ms;
        self.gateway(Input::Tick);
        let questions = self.book.tick(self.now);
        if self.up {
            self.to_gateway.extend(questions);
        }
    }

    fn frame(&mut self) -> Frame {
        self.book.pull(0, &[], self.now)
    }

    fn ask(&mut self) {
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: "EUR/USD".into(),
            ask: Ask::Buy,
            quantity: "1m".into(),
            dealers: DEALERS.map(str::to_owned).into(),
            ttl_s: 120,
            settlement_date: None,
        };
        if let Ok(m) = self.book.new_rfq(&ticket, self.now) {
            self.to_gateway.push_back(m);
        }
    }

    fn quote(&mut self, name: &'static str, pick: usize, price: u32, fault: bool) {
        let d = &self.dealers[name];
        let Some(rfq) = d.asked.keys().nth(pick % d.asked.len().max(1)).cloned() else { return };
        // One id for all RFQs of a dealer now and then: ids are unique within an RFQ only.
        let id = if price.is_multiple_of(3) { format!("q{price}") } else { self.id("q") };
        let level = |p: i64| Some(Level { price: Decimal::new(p, 3), size: 1_000_000.into() });
        let offer = level(if fault { 0 } else { 1_000 + i64::from(price) });
        self.quote_at(name, rfq, id, offer, 5_000 + i64::from(price) * 50, fault);
    }

    fn quote_at(
        &mut self,
        name: &'static str,
        rfq: RfqId,
        id: String,
        offer: Option<Level>,
        valid_ms: i64,
        fault: bool,
    ) {
        let until = self.now + valid_ms;
        let q = QuoteMsg {
            legs: vec![],
            rfq: rfq.clone(),
            id: QuoteId::new(id).unwrap(),
            instrument: pair(),
            dealer: None,
            bid: None,
            offer,
            valid_until: until,
            tradeable: true,
            at: self.now,
            qualifiers: Default::default(),
        };
        let d = self.dealers.get_mut(name).expect("one of ours");
        let said = |was: &QuoteMsg| (&was.id, was.offer, was.valid_until) == (&q.id, offer, until);
        // What was declined is not quoted by saying it again.
        if !d.declined.get(&rfq).is_some_and(said) {
            d.declined.remove(&rfq);
            d.asked.insert(rfq, Some(q.clone()).filter(|_| !fault));
        }
        self.dealer_says(name, AppMessage::Quote(q));
    }

    fn withdraw(&mut self, name: &'static str, pick: usize) {
        let d = self.dealers.get_mut(name).expect("one of ours");
        let live: Vec<QuoteMsg> = d.asked.values().flatten().cloned().collect();
        let Some(q) = live.get(pick % live.len().max(1)) else { return };
        if !d.up {
            return;
        }
        d.asked.insert(q.rfq.clone(), None);
        let c = QuoteCancel {
            rfq: Some(q.rfq.clone()),
            quote: Some(q.id.clone()),
            instrument: Some(pair()),
            dealer: None,
            unreachable: false,
        };
        self.dealer_says(name, AppMessage::QuoteCancel(c));
    }

    fn press(&mut self, pick: usize) {
        let frame = self.frame();
        let can: Vec<_> = frame.lines.iter().filter(|l| l.can_lift).collect();
        let Some(l) = can.get(pick % can.len().max(1)) else { return };
        let intent = ArmIntent {
            rfq_id: l.rfq_id.clone(),
            dealer: l.dealer.clone(),
            quote_id: l.quote_id.clone().unwrap(),
            side: Side::Buy,
            price: l.offer.clone().unwrap().price,
        };
        let armed = self.book.arm(&intent, self.now).expect("what can be pressed can be armed");
        let m = self.book.accept(&intent.rfq_id, &armed.id, self.now).expect("and sent");
        self.to_gateway.push_back(m);
    }

    /// The trader asks for a better price.
    fn counter(&mut self, pick: usize, n: u32) {
        let frame = self.frame();
        let can: Vec<_> = frame.lines.iter().filter(|l| l.can_counter).collect();
        let Some(l) = can.get(pick % can.len().max(1)) else { return };
        let offer: Decimal = l.offer.clone().unwrap().price.parse().unwrap();
        let intent = CounterIntent {
            rfq_id: l.rfq_id.clone(),
            dealer: l.dealer.clone(),
            quote_id: l.quote_id.clone().unwrap(),
            side: Side::Buy,
            price: (offer - Decimal::new(i64::from(n % 50) + 1, 3)).to_string(),
        };
        let m = self.book.counter(&intent, self.now).expect("what can be countered is countered");
        self.to_gateway.push_back(m);
    }

    /// A dealer answers one of the counters that it heard, at any time and as often as it likes.
    fn answer_counter(&mut self, name: &'static str, pick: usize, how: u32) {
        let d = &self.dealers[name];
        let all = &d.counters;
        let Some(c) = all.values().nth(pick % all.len().max(1)).cloned() else { return };
        if !d.up {
            return;
        }
        let (rfq, other) = (rfq_of(&c.id), if name == "N" { "E" } else { "N" });
        match how % 8 {
            0..=2 => {
                // Better, as asked for, or the same again.
                let price = c.price + Decimal::new(i64::from(how % 3), 3);
                let (id, size) = (self.id("q"), c.quantity);
                self.quote_at(name, rfq, id, Some(Level { price, size }), 9_000, false);
            }
            3 => self.dealer_says(name, reject_of(&c)),
            4 => {
                let no = report(&c, ExecType::Rejected, OrdStatus::Rejected, "R", 0);
                self.dealer_says(name, AppMessage::ExecutionReport(no));
            }
            5 => {
                let firm = Some("firm".to_owned());
                let of = QuoteStatusReport::of_rfq(rfq, pair(), RfqStatus::Rejected, firm);
                let answers = Some(c.id.clone());
                let said = QuoteStatusReport { answers, ..of };
                self.dealer_says(name, AppMessage::QuoteStatusReport(said));
            }
            // What no dealer may do.
            6 if how.is_multiple_of(5) => {
                let own = rfq.as_str().strip_prefix("ALICE.").expect("the desk's").to_owned();
                self.claimed.insert(own);
                let exec = format!("C-{}", c.id);
                let fill = report(&c, ExecType::Trade, OrdStatus::Filled, &exec, 1);
                self.dealer_says(name, AppMessage::ExecutionReport(fill));
            }
            // The other dealer speaks of this one's counter.
            6 => {
                let fill = report(&c, ExecType::Trade, OrdStatus::Filled, "Y", 1);
                self.dealer_says(other, AppMessage::ExecutionReport(fill));
            }
            _ => self.dealer_says(other, reject_of(&c)),
        }
    }

    /// A dealer decides about one of its orders, says it again, changes its mind, or speaks of what
    /// is not its own.
    fn orders(&mut self, name: &'static str, pick: usize, how: u8) {
        let d = &self.dealers[name];
        let Some((id, order)) =
            d.orders.iter().nth(pick % d.orders.len().max(1)).map(|(k, v)| (k.clone(), v.clone()))
        else {
            return;
        };
        if !d.up {
            return;
        }
        let other = if name == "N" { "E" } else { "N" };
        let set = |w: &mut Self, did| {
            w.dealers.get_mut(name).expect("ours").orders.get_mut(&id).expect("ours").did = did
        };
        let exec = format!("X-{id}");
        let bust = || ExecutionReport {
            exec_ref: Some(exec.clone()),
            ..report(&order.accept, ExecType::TradeCancel, OrdStatus::Cancelled, "H", 0)
        };
        match (how % 12, &order.did) {
            (0..=2, Did::Nothing) => {
                set(self, Did::Filled);
                self.answer(
                    name,
                    &id,
                    report(&order.accept, ExecType::Trade, OrdStatus::Filled, &exec, 1),
                );
            }
            (3, Did::Nothing) => {
                set(self, Did::Declined);
                self.answer(
                    name,
                    &id,
                    report(&order.accept, ExecType::Rejected, OrdStatus::Rejected, "R", 0),
                );
            }
            (4, Did::Nothing) => {
                set(self, Did::Declined);
                self.answer(
                    name,
                    &id,
                    report(&order.accept, ExecType::Cancelled, OrdStatus::Cancelled, "C", 0),
                );
            }
            (5, Did::Nothing) => {
                set(self, Did::Declined);
                let ref_id = Some(id.to_string());
                let j = BusinessReject {
                    ref_seq_num: None,
                    ref_msg_type: "AJ".into(),
                    ref_id,
                    reason: 0,
                    text: None,
                };
                self.dealer_says(name, AppMessage::BusinessReject(j));
            }
            (10, Did::Nothing) => {
                set(self, Did::Half { over: false });
                self.answer(
                    name,
                    &id,
                    half(&order.accept, ExecType::Trade, OrdStatus::PartiallyFilled, &exec, 1),
                );
            }
            (0..=2, Did::Half { over: false }) => {
                set(self, Did::Filled);
                self.answer(
                    name,
                    &id,
                    half(
                        &order.accept,
                        ExecType::Trade,
                        OrdStatus::Filled,
                        &format!("{exec}-2"),
                        2,
                    ),
                );
            }
            (6, Did::Half { over: false }) => self.cancel_rest(name, &id, &order),
            // The half that was executed is cancelled, and with it the order.
            (10, Did::Half { over: false }) => {
                set(self, Did::Half { over: true });
                self.answer(name, &id, bust());
            }
            // More than was accepted.
            (5, Did::Half { .. }) => self.answer(
                name,
                &id,
                report(&order.accept, ExecType::Trade, OrdStatus::Filled, "X2", 1),
            ),
            (6, Did::Nothing) => self.answer(
                name,
                &id,
                report(&order.accept, ExecType::PendingNew, OrdStatus::PendingNew, "P", 0),
            ),
            // Once more, whatever it was.
            (0..=3, _) => {
                for e in order.said {
                    self.dealer_says(name, AppMessage::ExecutionReport(e));
                }
            }
            // A trade after a refusal; a refusal after a trade; a second trade; a bust.
            (4, Did::Declined) => self.answer(
                name,
                &id,
                report(&order.accept, ExecType::Trade, OrdStatus::Filled, &exec, 1),
            ),
            (4, _) => self.answer(
                name,
                &id,
                report(&order.accept, ExecType::Rejected, OrdStatus::Rejected, "R2", 0),
            ),
            (5, Did::Filled) => self.answer(
                name,
                &id,
                report(&order.accept, ExecType::Trade, OrdStatus::Filled, "X2", 1),
            ),
            (6, Did::Filled) => self.answer(name, &id, bust()),
            // The other dealer speaks of this one's accept.
            (7, _) => self.dealer_says(
                other,
                AppMessage::ExecutionReport(report(
                    &order.accept,
                    ExecType::Trade,
                    OrdStatus::Filled,
                    "Y",
                    1,
                )),
            ),
            (8, _) => self.dealer_says(
                other,
                AppMessage::ExecutionReport(report(
                    &order.accept,
                    ExecType::Rejected,
                    OrdStatus::Rejected,
                    "Y",
                    0,
                )),
            ),
            (9, _) => {
                let ref_id = Some(id.to_string());
                let j = BusinessReject {
                    ref_seq_num: None,
                    ref_msg_type: "AJ".into(),
                    ref_id,
                    reason: 0,
                    text: None,
                };
                self.dealer_says(other, AppMessage::BusinessReject(j));
            }
            _ => self.answer(
                name,
                &id,
                report(&order.accept, ExecType::Restated, OrdStatus::New, "D", 0),
            ),
        }
    }

    /// What has not been executed of an order is cancelled.
    fn cancel_rest(&mut self, name: &'static str, id: &AcceptId, order: &Order) {
        self.dealers.get_mut(name).expect("ours").orders.get_mut(id).expect("ours").did =
            Did::Half { over: true };
        let rest = ExecutionReport {
            last: None,
            ..half(&order.accept, ExecType::Cancelled, OrdStatus::Cancelled, "C", 1)
        };
        self.answer(name, id, rest);
    }

    fn step(&mut self, (what, who, pick, n): (u8, u8, usize, u32)) {
        let name = DEALERS[usize::from(who % 2)];
        match what {
            0 => self.ask(),
            1..=4 => self.quote(name, pick, n % 400, n % 17 == 0),
            5 => self.withdraw(name, pick),
            6..=8 => self.press(pick),
            9..=12 => self.orders(name, pick, (n % 256) as u8),
            13..=16 => drop(self.deliver(true)),
            17..=20 => drop(self.deliver(false)),
            21 => self.flush(),
            22 if self.up => self.link_down(),
            22 | 23 => {
                if !self.up {
                    self.link_up();
                }
            }
            24 if self.dealers[name].up => self.dealer_down(name),
            24 | 25 => {
                if !self.dealers[name].up {
                    self.dealer_up(name);
                }
            }
            26 if n % 3 == 0 => self.gateway_restarts(),
            27 if n % 3 == 0 => self.desk_restarts(),
            28..=30 => self.counter(pick, n),
            31..=33 => self.answer_counter(name, pick, n),
            _ => self.tick(i64::from(n % 2_000)),
        }
        self.check_always();
    }

    /// What holds at every moment.
    fn check_always(&mut self) {
        // Two accepts of one RFQ are never open at dealers together, and one RFQ is never filled
        // twice by honest hands.
        let mut open: BTreeMap<String, usize> = BTreeMap::new();
        let mut filled: BTreeMap<String, usize> = BTreeMap::new();
        for order in self.dealers.values().flat_map(|d| d.orders.values()) {
            let rfq = order
                .accept
                .id
                .as_str()
                .rsplit_once(':')
                .expect("an accept of a desk")
                .0
                .to_owned();
            match order.did {
                Did::Nothing => *open.entry(rfq).or_default() += 1,
                Did::Filled | Did::Half { .. } => *filled.entry(rfq).or_default() += 1,
                Did::Declined => {}
            }
        }
        for (rfq, n) in &filled {
            assert!(
                *n == 1 && !open.contains_key(rfq),
                "{rfq} is filled {n} times, and {:?} are open",
                open.get(rfq)
            );
        }
        assert!(
            open.values().all(|n| *n == 1),
            "two accepts of one RFQ are with dealers: {open:?}"
        );
        for d in self.dealers.values() {
            let mut asked: BTreeMap<RfqId, usize> = BTreeMap::new();
            d.counters.keys().for_each(|id| *asked.entry(rfq_of(id)).or_default() += 1);
            assert!(asked.values().all(|n| *n <= MAX_COUNTERS_PER_LINE), "{asked:?}");
        }
        let frame = self.frame();
        for l in frame.lines.iter().filter(|l| l.state == LineState::Countered) {
            assert!(!l.can_lift && !l.can_counter && l.counter.is_some(), "{l:?}");
        }
        for r in frame.rfqs {
            assert!(!r.text.is_empty(), "{r:?}");
            assert!(r.accept.as_ref().is_none_or(|a| !a.text.is_empty()), "{r:?}");
        }
    }

    /// Everything is up, everybody has said what they have to say, and everything has arrived.
    fn settle(&mut self) {
        for d in DEALERS {
            if !self.dealers[d].up {
                self.dealer_up(d);
            }
        }
        if !self.up {
            self.link_up();
        }
        for _ in 0..4 {
            self.flush();
            for d in DEALERS {
                let undecided: Vec<(AcceptId, Order)> = self.dealers[d]
                    .orders
                    .iter()
                    .filter(|(_, o)| o.did == Did::Nothing)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                for (id, order) in undecided {
                    self.dealers.get_mut(d).expect("ours").orders.get_mut(&id).expect("ours").did =
                        Did::Declined;
                    self.answer(
                        d,
                        &id,
                        report(&order.accept, ExecType::Rejected, OrdStatus::Rejected, "last", 0),
                    );
                }
                let halves: Vec<(AcceptId, Order)> = self.dealers[d]
                    .orders
                    .iter()
                    .filter(|(_, o)| o.did == Did::Half { over: false })
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                for (id, order) in halves {
                    self.cancel_rest(d, &id, &order);
                }
            }
            self.flush();
        }
    }

    fn check_settled(&mut self) {
        let now = self.now;
        let frame = self.frame();
        let orders: BTreeMap<String, Did> = self
            .dealers
            .values()
            .flat_map(|d| &d.orders)
            .map(|(id, o)| (id.to_string(), o.did.clone()))
            .collect();
        for r in &frame.rfqs {
            let Some(a) = &r.accept else { continue };
            let outer = format!("ALICE.{}", a.id);
            let traded = matches!(
                a.state,
                AcceptState::PartlyFilled
                    | AcceptState::Filled
                    | AcceptState::Corrected
                    | AcceptState::Busted
            );
            match orders.get(&outer) {
                Some(Did::Half { .. }) => assert!(
                    matches!(a.state, AcceptState::PartlyFilled | AcceptState::Busted),
                    "half of {outer} was executed, and the screen says {a:?}"
                ),
                Some(Did::Filled) => assert!(traded, "a fill of {outer} is lost: {a:?}"),
                // With a trade that was claimed after the refusal.
                Some(_) => assert!(
                    matches!(a.state, AcceptState::Declined | AcceptState::Disputed),
                    "{a:?}"
                ),
                None => assert!(
                    matches!(a.state, AcceptState::Declined | AcceptState::Disarmed),
                    "{a:?} never reached a dealer"
                ),
            }
            assert_eq!(traded, r.state == RfqState::Done, "{r:?}");
        }
        for l in frame.lines.iter().filter(|l| l.can_lift) {
            assert!(!self.claimed.contains(&l.rfq_id), "a trade is claimed there: {l:?}");
        }
        // A price that can be pressed is one that the gateway passes on.
        for l in frame.lines.iter().filter(|l| l.can_lift) {
            let rfq = RfqId::new(l.rfq_id.clone()).unwrap();
            let hit = AppMessage::QuoteResponse(QuoteResponse {
                text: None,
                price_type: signet_rfq::PriceType::Price,
                legs: vec![],
                id: AcceptId::new(format!("{rfq}:try")).unwrap(),
                response: Response::HitOrLift,
                rfq: Some(rfq),
                quote: QuoteId::new(l.quote_id.clone().unwrap()).unwrap(),
                instrument: pair(),
                isin: false,
                dealer: DealerId::new(l.dealer.clone()).ok(),
                side: signet_rfq::Side::Buy,
                quantity: 1_000_000.into(),
                price: l.offer.clone().unwrap().price.parse().unwrap(),
                currency: Some("EUR".into()),
                settlement_date: None,
                deadline: Some(now + 2_000),
                at: now,
                limit: None,
            });
            assert!(
                self.router.proposal(&desk(), &hit, now).is_some(),
                "it is on the screen and cannot be traded: {l:?}"
            );
        }
        // And what a dealer has live in an open RFQ can be pressed.
        for (name, d) in &self.dealers {
            for q in d.asked.values().flatten().filter(|q| q.valid_until > now + 2_000) {
                let own = q.rfq.as_str().strip_prefix("ALICE.").unwrap();
                // A trade that is claimed for a counter stops the RFQ until people have settled it.
                let open = !self.claimed.contains(own)
                    && frame
                        .rfqs
                        .iter()
                        .any(|r| r.id == own && r.state == RfqState::Open && r.problem.is_none());
                let line = frame.lines.iter().find(|l| l.rfq_id == own && l.dealer == *name);
                let shown = line
                    .is_some_and(|l| l.can_lift && l.quote_id.as_deref() == Some(q.id.as_str()));
                assert!(!open || shown, "{name} quotes {q:?}, and the screen says {line:?}");
            }
        }
    }
}

impl Dealer {
    /// A counter declines the quote that it names.
    fn countered(&mut self, name: &str, c: QuoteResponse) {
        let rfq = rfq_of(&c.id);
        if let Some(quote) = self.asked.get_mut(&rfq)
            && quote.as_ref().is_some_and(|q| q.id == c.quote)
            && let Some(q) = quote.take()
        {
            self.declined.insert(rfq, q);
        }
        let id = c.id.clone();
        assert!(self.counters.insert(id, c).is_none(), "{name} gets a counter twice");
    }
}

/// The RFQ of an accept or a counter, as dealers know it.
fn rfq_of(id: &AcceptId) -> RfqId {
    RfqId::new(id.as_str().rsplit_once(':').expect("an id of a desk").0).expect("an RFQ's id")
}

fn reject_of(c: &QuoteResponse) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: "AJ".into(),
        ref_id: Some(c.id.to_string()),
        reason: 0,
        text: None,
    })
}

fn report(
    a: &QuoteResponse,
    exec_type: ExecType,
    status: OrdStatus,
    exec: &str,
    filled: u32,
) -> ExecutionReport {
    let cum = if filled > 0 { a.quantity } else { Decimal::ZERO };
    ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: "O".into(),
        exec_id: exec.into(),
        exec_ref: None,
        accept: a.id.clone(),
        exec_type,
        status,
        instrument: a.instrument.clone(),
        dealer: None,
        side: a.side,
        last: (filled > 0).then_some(Level { price: a.price, size: a.quantity }),
        cum_qty: cum,
        leaves_qty: Decimal::ZERO,
        avg_px: if filled > 0 { a.price } else { Decimal::ZERO },
        settlement_date: a.settlement_date.clone(),
        currency: a.currency.clone(),
        disputed: false,
        price: None,
        reject_reason: None,
        text: None,
        at: T0,
    }
}

/// The same of so many halves of what was accepted, the last of them now.
fn half(
    a: &QuoteResponse,
    exec_type: ExecType,
    status: OrdStatus,
    exec: &str,
    halves: u32,
) -> ExecutionReport {
    let size = a.quantity / Decimal::TWO;
    let (last, cum_qty) = (Some(Level { price: a.price, size }), size * Decimal::from(halves));
    ExecutionReport {
        last,
        cum_qty,
        leaves_qty: Decimal::ZERO,
        ..report(a, exec_type, status, exec, 1)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 4_000, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_nothing_is_filled_twice_lost_or_without_a_name(
        steps in prop::collection::vec((0u8..37, any::<u8>(), 0usize..8, any::<u32>()), 20..160)
    ) {
        let mut w = World::new();
        w.ask();
        w.flush();
        for step in steps {
            w.step(step);
        }
        w.settle();
        w.check_settled();
    }
}
