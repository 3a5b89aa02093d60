//! The desk: the real book behind the real session. Its link is kept by `keeper.rs`.

use crate::{
    cast::*,
    click::{Ahead, Click},
    keeper::Keeper,
    lists::Lists,
    pings::Pulse,
    rng::Rng,
};
use rust_decimal::Decimal;
use signet_desk_core::{
    Book, Ids, InFlight,
    view::{
        AcceptState, ArmIntent, Ask, CounterIntent, Frame, LineView, LinkState, Problem, RfqState,
        Side, Ticket, TicketLeg,
    },
};
use signet_fix::{
    AppMessage,
    message::{Answer, StepUpAnswer},
    session::{Event, Session},
};
use signet_journal::StoreKey;
use signet_rfq::UtcMillis;
use signet_stepup::{Action, Approval};
use std::{collections::BTreeSet, path::Path, rc::Rc};

/// What the trader does with a challenge, later.
pub(crate) struct Touch {
    pub at: i64,
    pub answer: AppMessage,
    /// The accept that is approved.
    pub approves: Option<String>,
    /// The accept to come that is approved.
    pub ahead: Option<Ahead>,
}

pub(crate) struct Desk {
    pub book: Book,
    pub session: Rc<Session>,
    /// The laptop's clock is ahead of the true one by so much, as it was when this run of the desk
    /// began: a step does not reach a desk that runs (`laptop_clock.rs` of the product).
    ahead_ms: i64,
    /// An accept that is armed: its RFQ and its id.
    armed: Option<(String, String)>,
    /// What is armed is less than its quote is for.
    is_part: bool,
    pub connection: Option<u32>,
    pub keeper: Keeper,
    pub touches: Vec<Touch>,
    pub lists: Lists,
    /// Clicks since they were last fetched.
    pub clicks: Vec<Click>,
    pub log: Vec<String>,
}

impl Desk {
    /// Starts a run of the desk on what its disk holds, on a laptop whose clock is ahead by so
    /// much.
    pub(crate) fn start(
        file: &Path,
        (session, keeper): (Rc<Session>, Keeper),
        run: u32,
        ahead_ms: i64,
        t: i64,
    ) -> Self {
        let now = UtcMillis(EPOCH + t + ahead_ms);
        let mut book = Book::new(Ids::new(now, run), now);
        let kept = InFlight::open(file, &StoreKey::new([9; 32])).expect("the file of accepts");
        book.resume(kept);
        book.at_gateway(&comp(GATEWAY), false);
        book.link(now, |s| {
            s.state = LinkState::Connecting;
            s.comp_id = Some(DESK.into());
        });
        Self {
            book,
            session,
            ahead_ms,
            armed: None,
            is_part: false,
            connection: None,
            keeper,
            touches: Vec::new(),
            lists: Lists::default(),
            clicks: Vec::new(),
            log: Vec::new(),
        }
    }

    /// What the laptop's clock reads, without the steps since the desk began.
    pub(crate) fn clock(&self, t: i64) -> UtcMillis {
        UtcMillis(EPOCH + t + self.ahead_ms)
    }

    /// Everything on screen.
    pub(crate) fn screen(&mut self, t: i64) -> Frame {
        self.book.pull(0, &[], self.clock(t))
    }

    /// A connection is there, and the Logon has left.
    pub(crate) fn connected(&mut self, id: u32, t: i64) {
        self.connection = Some(id);
        self.keeper.connected(t);
    }

    /// The connection is gone, or another one takes its place.
    pub(crate) fn link_lost(&mut self, t: i64, delay: i64) {
        self.connection = None;
        self.touches.clear();
        self.lists.lost();
        self.keeper.lost(t, delay);
        self.book.link_lost();
        self.book.link(self.clock(t), |s| s.state = LinkState::Reconnecting);
    }

    pub(crate) fn send(&mut self, m: &AppMessage, t: i64) -> bool {
        match self.session.send(m) {
            Ok(seq) => {
                self.book.sent_as(seq, m);
                self.probe(t);
                true
            }
            Err(e) => {
                self.book.not_sent(m, Problem::from(&e), self.clock(t));
                false
            }
        }
    }

    /// The book's timer.
    pub(crate) fn tick(&mut self, t: i64) {
        self.lists.passes(t);
        for m in self.book.tick(self.clock(t)) {
            match crate::gateway::is_accept(&m) {
                // By itself the book takes what was confirmed of a list, and nothing else.
                Some(r) => self.takes_row(r, t),
                None => drop(self.send(&m, t)),
            }
        }
    }

    /// Looks at the connection that is up, as `watch` of `link/watch.rs` does; why it is given up.
    pub(crate) fn watch(&mut self, t: i64, delay: i64) -> Option<&'static str> {
        if !self.session.is_logged_on() {
            return self.keeper.waits_in_vain(t).then_some("no answer to the logon");
        }
        let live = self.book.has_live_price(self.clock(t));
        let pulse = self.keeper.pulse(live, self.clock(t));
        if let Some(late) = self.keeper.judge(pulse, t, delay) {
            self.lists.doubt(late, t);
            self.book.doubt(self.clock(t), late);
        }
        if pulse == Pulse::Lost {
            return Some("no answer to a ping");
        }
        if self.keeper.ping_is_due(live, t) {
            self.ping(t);
        }
        None
    }

    /// Somebody waits for an answer, or is about to trade, so a dead path must be known soon.
    fn probe(&mut self, t: i64) {
        if self.keeper.probes() {
            self.ping(t);
        }
    }

    /// A TestRequest leaves.
    fn ping(&mut self, t: i64) {
        if self.session.is_logged_on() {
            let id = self.keeper.next_ping();
            if self.session.ping(&id).is_ok() {
                self.keeper.pinged(id, self.clock(t));
            }
        }
    }

    /// `stamped`: what the gateway's clock read when it wrote what arrives now.
    pub(crate) fn event(&mut self, e: Event, stamped: UtcMillis, t: i64, rng: &mut Rng) {
        match e {
            Event::LoggedOn => {
                self.keeper.logged_on(t);
                self.book.link(self.clock(t), |s| s.state = LinkState::Restoring);
                if let Some(list) = self.book.list_request(self.clock(t)) {
                    let _ = self.session.send(&list);
                }
                self.ping(t);
            }
            Event::Message { message, .. } => {
                let challenge = match &message {
                    AppMessage::StepUpChallenge(c) => Some(c.clone()),
                    _ => None,
                };
                self.book.heard(stamped, self.clock(t));
                let answers = self.book.message(message, self.clock(t));
                for a in &answers {
                    let _ = self.session.send(a);
                }
                if let Some(c) = challenge.filter(|_| answers.is_empty()) {
                    self.challenged(&c.id, &c.approval, t, rng);
                }
            }
            Event::Pong { id, .. } => {
                let now = self.clock(t);
                if let Some(sent) = self.keeper.answered(&id, now) {
                    self.book.measured(sent, stamped, now);
                }
            }
            Event::Rejected { ref_seq, text, .. } => {
                self.book.session_reject(ref_seq, &text, self.clock(t))
            }
            _ => {}
        }
    }

    /// The trader touches the key, says no, or does neither in time.
    fn challenged(&mut self, id: &str, approval: &str, t: i64, rng: &mut Rng) {
        let signed = match rng.within(0, 10) {
            0 => return,
            1 => false,
            _ => true,
        };
        let answer = match signed {
            true => Answer::Signed(crate::rules::touch_of(id)),
            false => Answer::Declined(None),
        };
        let (approves, ahead) = match Approval::parse(approval).ok().map(|a| a.action) {
            Some(Action::Accept(t)) => (Some(t.accept), None),
            Some(Action::Ahead(t)) => (None, Some(Ahead::of(&t))),
            _ => (None, None),
        };
        self.touches.push(Touch {
            at: t + rng.within(100, 3_000),
            answer: AppMessage::StepUpAnswer(StepUpAnswer { id: id.into(), answer }),
            approves: approves.filter(|_| signed),
            ahead: ahead.filter(|_| signed),
        });
    }

    // ----- the trader -----

    pub(crate) fn ask(&mut self, millions: u8, dealers: u8, ttl_s: u32, t: i64) {
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: PAIR.into(),
            ask: [Ask::Buy, Ask::Sell, Ask::TwoWay][usize::from(millions) % 3],
            quantity: format!("{millions}m"),
            dealers: chosen(dealers),
            ttl_s,
            settlement_date: None,
        };
        self.send_ticket(&ticket, t);
    }

    /// Asks for a package: every other leg is sold, with twice the ratio and size of the others.
    pub(crate) fn ask_package(&mut self, millions: u8, legs: u8, dealers: u8, ttl_s: u32, t: i64) {
        let leg = |(i, id): (usize, &&str)| {
            let (side, ratio) = if i % 2 == 0 { (Side::Buy, 1) } else { (Side::Sell, 2) };
            TicketLeg {
                instrument: (*id).into(),
                side,
                quantity: format!("{}k", u32::from(millions) * 250 * ratio),
                ratio: Some(ratio.to_string()),
                settlement_date: None,
            }
        };
        let ticket = Ticket {
            price_type: Default::default(),
            legs: LEGS.iter().enumerate().take(usize::from(legs)).map(leg).collect(),
            instrument: String::new(),
            ask: [Ask::Buy, Ask::Sell, Ask::TwoWay][usize::from(millions + legs) % 3],
            quantity: String::new(),
            dealers: chosen(dealers),
            ttl_s,
            settlement_date: None,
        };
        self.send_ticket(&ticket, t);
    }

    fn send_ticket(&mut self, ticket: &Ticket, t: i64) {
        match self.book.new_rfq(ticket, self.clock(t)) {
            Ok(m) => {
                let sent = self.send(&m, t);
                self.log.push(format!("asked, sent: {sent}"));
            }
            Err(p) => self.log.push(format!("may not ask: {}", p.code)),
        }
    }

    /// The prices that can be pressed.
    fn prices(&mut self, t: i64) -> Vec<ArmIntent> {
        let frame = self.screen(t);
        let intent = |l: &LineView, side, price: &signet_desk_core::view::QuoteSide| ArmIntent {
            rfq_id: l.rfq_id.clone(),
            dealer: l.dealer.clone(),
            quote_id: l.quote_id.clone().unwrap_or_default(),
            side,
            price: price.price.clone(),
        };
        let mut all = Vec::new();
        for l in &frame.lines {
            if let Some(p) = l.offer.as_ref().filter(|_| l.can_lift) {
                all.push(intent(l, Side::Buy, p));
            }
            if let Some(p) = l.bid.as_ref().filter(|_| l.can_hit) {
                all.push(intent(l, Side::Sell, p));
            }
        }
        all
    }

    pub(crate) fn arm(&mut self, pick: u8, t: i64) -> bool {
        let prices = self.prices(t);
        if prices.is_empty() {
            self.log.push("no price to press".into());
            return false;
        }
        let intent = &prices[usize::from(pick) % prices.len()];
        match self.book.arm(intent, self.clock(t)) {
            Ok(view) => {
                self.armed = Some((intent.rfq_id.clone(), view.id));
                self.is_part = false;
                self.probe(t);
                true
            }
            Err(p) => {
                self.log.push(format!("may not arm: {}", p.code));
                false
            }
        }
    }

    /// Arms a price and types a part of its quantity; whether that part is armed then.
    pub(crate) fn arm_part(&mut self, pick: u8, percent: u8, t: i64) -> bool {
        if !self.arm(pick, t) {
            return false;
        }
        let Some((rfq, (_, whole))) = self.armed_terms(t) else { return false };
        let whole: Decimal = whole.replace(',', "").parse().unwrap_or_default();
        let part = (whole * Decimal::from(percent) / Decimal::ONE_HUNDRED).floor();
        match self.book.take_quantity(&rfq, &part.to_string(), self.clock(t)) {
            Ok(()) => {
                // Another quantity is another accept.
                self.armed = self.armed_terms(t).map(|(rfq, (id, _))| (rfq, id));
                self.is_part = true;
                true
            }
            Err(p) => {
                self.log.push(format!("may not take {part} of {whole}: {}", p.code));
                false
            }
        }
    }

    /// Arms a price and lets it follow its dealer by so many ticks; whether it does.
    pub(crate) fn arm_within(&mut self, pick: u8, ticks: u8, t: i64) -> bool {
        if !self.arm(pick, t) {
            return false;
        }
        let now = self.clock(t);
        let Some((rfq, _)) = &self.armed else { return false };
        let set = self.book.set_limit(rfq, u32::from(ticks), now);
        if let Err(p) = &set {
            self.log.push(format!("may not follow: {}", p.code));
        }
        set.is_ok()
    }

    /// The RFQ that is armed, with the id and the quantity of its accept as they are shown.
    fn armed_terms(&mut self, t: i64) -> Option<(String, (String, String))> {
        let (rfq, _) = self.armed.clone()?;
        let frame = self.screen(t);
        let head = frame.rfqs.iter().find(|r| r.id == rfq)?;
        let accept = head.accept.as_ref()?;
        Some((rfq, (accept.id.clone(), accept.quantity.clone())))
    }

    /// Asks to approve an accept to come, on the side of a price on screen and so much worse.
    pub(crate) fn approve_ahead(&mut self, pick: u8, ticks: u8, t: i64) {
        let prices = self.prices(t);
        let Some(at) = prices.get(usize::from(pick) % prices.len().max(1)) else { return };
        match self.book.approve_ahead(&at.rfq_id, at.side, u32::from(ticks), self.clock(t)) {
            Ok(m) => {
                let sent = self.send(&m, t);
                self.log.push(format!("approves ahead in {}, sent: {sent}", at.rfq_id));
            }
            Err(p) => self.log.push(format!("may not approve ahead: {}", p.code)),
        }
    }

    pub(crate) fn confirm(&mut self, t: i64) {
        let Some((rfq, id)) = self.armed.take() else { return };
        match self.book.accept(&rfq, &id, self.clock(t)) {
            Ok(m) => {
                let AppMessage::QuoteResponse(r) = &m else { return };
                let mut click = Click::of(&rfq, r, t);
                (click.part, click.connection) = (self.is_part, self.connection);
                click.sent = self.send(&m, t);
                self.log.push(format!(
                    "took {} of {} of {} in {rfq} as {id}, sent: {}",
                    r.quantity, r.quote, click.dealer, click.sent
                ));
                self.clicks.push(click);
            }
            Err(p) => self.log.push(format!("may not take it: {}", p.code)),
        }
    }

    /// Asks for a price that is a few ticks better.
    pub(crate) fn counter(&mut self, pick: u8, t: i64) {
        let frame = self.screen(t);
        let mut can = Vec::new();
        for l in frame.lines.iter().filter(|l| l.can_counter) {
            can.extend(l.offer.as_ref().map(|p| (l, Side::Buy, &p.price)));
            can.extend(l.bid.as_ref().map(|p| (l, Side::Sell, &p.price)));
        }
        let Some((l, side, quoted)) = can.get(usize::from(pick) % can.len().max(1)) else {
            return self.log.push("no price to counter".into());
        };
        let better = Decimal::new(i64::from(pick % 4) + 1, 5);
        let quoted: Decimal = quoted.parse().unwrap_or_default();
        let price = if *side == Side::Buy { quoted - better } else { quoted + better };
        let intent = CounterIntent {
            rfq_id: l.rfq_id.clone(),
            dealer: l.dealer.clone(),
            quote_id: l.quote_id.clone().unwrap_or_default(),
            side: *side,
            price: price.to_string(),
        };
        match self.book.counter(&intent, self.clock(t)) {
            Ok(m) => {
                let sent = self.send(&m, t);
                self.log.push(format!("counters {} with {price}, sent: {sent}", intent.quote_id));
            }
            Err(p) => self.log.push(format!("may not counter: {}", p.code)),
        }
    }

    pub(crate) fn cancel(&mut self, pick: u8, t: i64) {
        let frame = self.screen(t);
        let open = |s| matches!(s, RfqState::Sent | RfqState::Open);
        let ids: Vec<&str> =
            frame.rfqs.iter().filter(|r| open(r.state)).map(|r| r.id.as_str()).collect();
        let Some(id) = ids.get(usize::from(pick) % ids.len().max(1)) else { return };
        match self.book.cancel(id) {
            Ok(m) => {
                let sent = self.send(&m, t);
                self.log.push(format!("ends {id}, sent: {sent}"));
            }
            Err(p) => self.log.push(format!("may not end {id}: {}", p.code)),
        }
    }

    /// The ids of the fills that were on screen until now.
    pub(crate) fn dismiss(&mut self, pick: u8, t: i64) -> BTreeSet<String> {
        let frame = self.screen(t);
        let seen = filled(&frame);
        let ids: Vec<&str> = frame.rfqs.iter().map(|r| r.id.as_str()).collect();
        if let Some(id) = ids.get(usize::from(pick) % ids.len().max(1))
            && self.book.dismiss(id).is_ok()
        {
            self.log.push(format!("dismisses {id}"));
        }
        seen
    }
}

fn chosen(dealers: u8) -> Vec<String> {
    let all = DEALERS.iter().enumerate().filter(|(i, _)| dealers & (1 << i) != 0);
    all.map(|(_, d)| (*d).to_owned()).collect()
}

/// The accepts that a frame shows as traded.
pub(crate) fn filled(frame: &Frame) -> BTreeSet<String> {
    let accepts = frame.rfqs.iter().filter_map(|r| r.accept.as_ref());
    accepts.filter(|a| is_trade(a.state)).map(|a| a.id.clone()).collect()
}

fn is_trade(state: AcceptState) -> bool {
    matches!(state, AcceptState::Filled | AcceptState::PartlyFilled | AcceptState::Corrected)
}
