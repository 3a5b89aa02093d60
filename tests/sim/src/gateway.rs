//! The gateway: the product's trading thread ([`signet_gateway::simulated`]), with a step-up service
//! that takes its time.

use crate::{
    cast::*,
    firm::firm,
    made,
    rules::{ANSWER_MS, step_up_rules, touch_of},
};
use signet_fix::{
    AppMessage,
    message::{QuoteResponse, Response, TakeOver},
    session::{Channel, Event, Outbox, Role, Session, SessionConfig, SessionOptions},
    store::MemoryStore,
};
use signet_gateway::{
    GatewayError,
    signed::read::{SignedLine, Wanted},
    simulated::{Bar, Plan, TradingThread},
};
use signet_rfq::{Accept, AcceptId, Line, LineState, Rfq, RfqId, Side, UtcMillis};
use signet_router::{Amounts, journal::JournalLimits};
use std::{
    cell::RefCell,
    collections::BTreeSet,
    net::IpAddr,
    path::Path,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// How long the step-up service takes, milliseconds.
const SERVICE_MS: i64 = 5;
/// How long an accept of the colleague may wait, as one of a desk.
const WAITS_MS: i64 = 2_000;

pub(crate) struct Gateway {
    thread: TradingThread,
    desk: Rc<Session>,
    /// Of the colleague's desk, once it was needed.
    colleague: RefCell<Option<Rc<Session>>>,
    /// The gateway's clock is ahead of the true one by so much.
    pub offset: i64,
}

impl Gateway {
    /// Starts on what the folder holds; `bar`: how the trader is kept out, if that is so.
    pub(crate) fn start(
        folder: &Path,
        desk: Rc<Session>,
        dealers: &[Rc<Session>],
        (offset, bar): (i64, Option<Bar>),
        t: i64,
    ) -> Result<Self, GatewayError> {
        let loaded = &firm().loaded;
        let step_up = (step_up_rules(), ANSWER_MS);
        let (around, names) = (made::AROUND, t.unsigned_abs());
        let (desks, barred) = (&*firm().registered, bar.map(|bar| (DESK, bar)));
        let plan = Plan { loaded, state_dir: folder, step_up, around, names, desks, barred };
        let thread = TradingThread::start(&plan, UtcMillis(EPOCH + t + offset), passed(t))?;
        for (name, session) in DEALERS.iter().zip(dealers) {
            thread.add_dealer(&dealer(name), session);
        }
        Ok(Self { thread, desk, colleague: RefCell::default(), offset })
    }

    /// What time it is for the gateway.
    pub(crate) fn clock(&self, t: i64) -> UtcMillis {
        UtcMillis(EPOCH + t + self.offset)
    }

    /// Does something at a time.
    fn at<T>(&self, t: i64, f: impl FnOnce(&TradingThread) -> T) -> T {
        self.thread.time_is(self.clock(t), passed(t));
        let done = f(&self.thread);
        self.thread.questions_are_due(t + SERVICE_MS);
        done
    }

    /// What the gateway holds of the desk's RFQs.
    pub(crate) fn rfqs(&self) -> Vec<Rfq> {
        self.thread.rfqs_of(&comp(DESK))
    }

    /// What the desk calls the accept that a dealer calls so, or the gateway where it is the
    /// colleague's ([`is_colleagues`]); `None`: nobody made it.
    pub(crate) fn accept_called(&self, name: &str) -> Option<String> {
        let id = self.thread.accept_called(&AcceptId::new(name).ok()?).to_string();
        if is_colleagues(&id) {
            return Some(id);
        }
        id.strip_prefix(DESK)?.strip_prefix('.').map(str::to_owned)
    }

    /// A colleague asks for one of the desk's RFQs, by its place among those that are open; the one
    /// that the colleague has then.
    pub(crate) fn colleague_takes(&self, pick: u8, number: u32, t: i64) -> Option<RfqId> {
        let all = self.rfqs();
        let open: Vec<&Rfq> = all.iter().filter(|r| !r.state.ended()).collect();
        let of = open.get(usize::from(pick) % open.len().max(1))?.terms.id.clone();
        let rfq = RfqId::new(format!("C{number}")).ok()?;
        self.colleague_is_on(t);
        let (desk, at) = (comp(DESK), self.clock(t));
        let asks = TakeOver { rfq, desk, of: of.clone(), at };
        let taken = self.at(t, |g| g.colleague_asks(&comp(COLLEAGUE), asks));
        taken.then_some(of)
    }

    /// The colleague's desk has a session from the first time that it is needed. What is sent to it
    /// goes nowhere, since it has not logged on.
    fn colleague_is_on(&self, t: i64) {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if self.colleague.borrow().is_some() {
            return;
        }
        // Sessions of runs on other threads have other names.
        let name = format!("{GATEWAY}-C{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let (role, sender, target) = (Role::Acceptor, comp(&name), comp(COLLEAGUE));
        let config = SessionConfig { role, sender, target, heartbeat_s: 60, strict: true };
        let options = SessionOptions::between_desk_and_gateway();
        let store = Box::new(MemoryStore::new(UtcMillis(0)));
        let session = Session::open_with(&config, options, store).expect("a session");
        let (session, chain) = (Rc::new(session), &firm().colleague.chain);
        let now = self.clock(t);
        let is_on = self.at(t, |g| g.colleague_connects(&session, chain, address(0), now));
        assert!(is_on, "nobody has anything against the colleague");
        self.colleague.replace(Some(session));
    }

    /// The colleague accepts a quote in an RFQ that was taken over, if there is one: which one.
    pub(crate) fn colleague_accepts(&self, pick: u8, number: u32, t: i64) {
        let desk = comp(COLLEAGUE);
        let all = self.thread.rfqs_of(&desk);
        let open = all.iter().filter(|r| !r.state.ended());
        let lines = open.flat_map(|r| r.lines.iter().map(move |l| (r, l)));
        let quoted = lines.filter(|(_, l)| l.state == LineState::Quoted);
        let sides = quoted.flat_map(|(r, l)| [(r, l, Side::Buy), (r, l, Side::Sell)]);
        let can: Vec<(&Rfq, Accept)> =
            sides.filter_map(|(r, l, side)| Some((r, accept_of(r, l, side, number)?))).collect();
        let Some((rfq, accept)) = can.get(usize::from(pick) % can.len().max(1)) else { return };
        let now = self.clock(t);
        let deadline = Some(UtcMillis(now.0 + WAITS_MS));
        let hit = QuoteResponse::hit(accept, &rfq.terms, false, now);
        let m = QuoteResponse { deadline, ..hit };
        self.at(t, |g| g.colleague_says(&desk, AppMessage::QuoteResponse(m)));
    }

    /// The registry keeps the trader out, or nobody.
    pub(crate) fn bar(&self, bar: Option<Bar>, t: i64) {
        self.at(t, |g| g.registry_bars(bar.map(|bar| (DESK, bar))));
    }

    /// What limits count of the trader's day as of `at`, by the gateway's clock.
    pub(crate) fn day_of(&self, at: UtcMillis) -> (Amounts, usize) {
        self.thread.day_of(&comp(DESK), at)
    }

    /// The journal takes no new RFQ, or does again.
    pub(crate) fn is_full(&self, full: bool) {
        self.thread.limit_journal(match full {
            true => JournalLimits { total: 0, per_desk: 0 },
            false => JournalLimits::default(),
        });
    }

    /// The policies deny every accept, or do no longer.
    pub(crate) fn lock(&self, locked: bool, t: i64) {
        self.at(t, |g| g.use_entitlements(firm().policies(locked)));
    }

    pub(crate) fn clock_was_set(&self, t: i64) {
        self.at(t, TradingThread::clock_was_set);
    }

    /// The timers: quotes and RFQs end, and what waits.
    pub(crate) fn tick(&self, t: i64) {
        self.at(t, TradingThread::tick);
    }

    /// When the step-up service has its next answer, on the true clock.
    pub(crate) fn next_answer(&self) -> Option<i64> {
        self.thread.next_answer()
    }

    pub(crate) fn service_answers(&self, t: i64) {
        let good = |challenge: &str, answer: &str| answer == touch_of(challenge);
        self.at(t, |g| g.service_answers(t, self.clock(t), good));
    }

    // ----- connections -----

    /// The desk's session takes a connection, which begins with this message; `None`: it is
    /// refused.
    pub(crate) fn desk_connects(&self, id: u32, logon: &[u8], t: i64) -> Option<Rc<Outbox>> {
        let chain = &firm().desk.chain;
        let (binding, now) = (binding(id), self.clock(t));
        self.at(t, |g| g.desk_connects(&self.desk, chain, &binding, address(id), logon, now))
    }

    /// The desk's connection is at another address; whether it may go on from there.
    pub(crate) fn desk_moved(&self, outbox: &Rc<Outbox>, t: i64) -> bool {
        let to = address(u32::try_from(t).unwrap_or(0));
        self.at(t, |g| g.desk_moved(outbox, to))
    }

    /// How the session of a dealer is attached to a connection; `None`: its line is cut.
    pub(crate) fn dealer_channel(&self, which: usize) -> Option<Channel> {
        let name = dealer(DEALERS[which]);
        let chain = &firm().dealers[which].chain;
        self.thread.may_dial(&name).then(|| self.thread.dealer_channel(&name, chain))
    }

    /// The accepts whose signed frame is in the evidence, and verifies.
    pub(crate) fn accepts_in_evidence(&self) -> Result<BTreeSet<String>, String> {
        let all = self.thread.evidence_of(DESK, "AJ").map_err(|e| e.to_string())?;
        let id = |text: &String| {
            let mut fields = text.split('\u{2401}');
            fields.find_map(|f| f.strip_prefix("693=")).map(str::to_owned)
        };
        Ok(all.iter().filter_map(id).collect())
    }

    /// Every signed message in the evidence, in its order.
    pub(crate) fn evidence(&self) -> Result<Vec<SignedLine>, String> {
        self.thread.evidence(&Wanted::default()).map_err(|e| e.to_string())
    }

    /// How many alerts of a code were raised.
    pub(crate) fn alerts(&self, code: &str) -> usize {
        self.thread.alerts(code)
    }

    // ----- what happens -----

    pub(crate) fn desk_event(&self, event: Event, t: i64) {
        self.at(t, |g| g.desk_event(event));
    }

    pub(crate) fn dealer_event(&self, which: usize, event: Event, t: i64) {
        self.at(t, |g| g.dealer_event(&dealer(DEALERS[which]), event));
    }
}

/// Whether the gateway calls an accept of the colleague so: by the RFQ of whoever asked, and a number
/// of its own.
pub(crate) fn is_colleagues(id: &str) -> bool {
    id.contains(":~")
}

/// An accept of the quote on a line; `None`: there is none on this side.
fn accept_of(r: &Rfq, l: &Line, side: Side, number: u32) -> Option<Accept> {
    let quote = l.quote.as_ref()?;
    Some(Accept {
        id: AcceptId::new(format!("{}:{number}", r.terms.id)).ok()?,
        rfq: r.terms.id.clone(),
        dealer: l.dealer.clone(),
        quote: quote.id.clone(),
        instrument: r.terms.instrument.clone(),
        side,
        price: quote.level(side)?.price,
        quantity: r.accept_quantity(quote, side)?,
        part_of: None,
        limit: None,
        legs: r.terms.agreed_legs(quote, side)?,
    })
}

fn passed(t: i64) -> Duration {
    Duration::from_millis(u64::try_from(t).unwrap_or(0))
}

/// What the Logon of a connection is bound to.
pub(crate) fn binding(id: u32) -> String {
    format!("connection-{id}")
}

/// Of the firm's network, another one for each connection.
fn address(id: u32) -> IpAddr {
    let [_, _, high, low] = id.to_be_bytes();
    [127, 1, high, low].into()
}

/// An accept that a dealer is about to get.
pub(crate) fn is_accept(m: &AppMessage) -> Option<&QuoteResponse> {
    match m {
        AppMessage::QuoteResponse(r) if r.response == Response::HitOrLift => Some(r),
        _ => None,
    }
}
