//! A desk that moves, as a test drives it: what its page would show, and what the dealer knows.

use crate::{
    firm::{DEALER, FROM_OUTSIDE, Firm},
    laptop::Laptop,
    network::{Net, Network},
    stopped_clock::StoppedClock,
    talk::{Answer, CLOCK_WAIT, Order, Place, Told, nanos},
};
use signet_desk_core::view::*;
use std::{
    collections::{HashMap, VecDeque},
    net::Ipv4Addr,
    path::Path,
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

/// Half of the round trip, 41 ms.
pub const DELAY: Duration = Duration::from_micros(20_500);
const BUND: &str = "DE000BU2Z049";
/// A row that takes longer has failed. It does not measure speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long a quote is good.
const QUOTE_MS: u64 = 600_000;
/// Between attempts to ask while the desk says that it cannot.
const AGAIN: Duration = Duration::from_millis(10);
/// How many states of the connection are remembered.
const TRAIL_MAX: usize = 1_000;
/// Two clocks are not read in the same moment, and a process that is read may have to wait.
const CLOCK_ERROR_MAX: Duration = Duration::from_secs(1);

/// What the desk may connect over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// TCP only.
    Fixs,
    /// QUIC, raced with TCP.
    Quic,
}

/// What a page would hold: everything it was told so far.
#[derive(Debug, Default)]
pub struct Screen {
    /// RFQs by id.
    pub rfqs: Vec<RfqView>,
    /// Dealers' lines.
    pub lines: Vec<LineView>,
    /// The connection.
    pub session: Option<SessionView>,
    /// What the gateway asks of the session.
    pub access: Option<AccessView>,
    /// All notices so far.
    pub notices: Vec<Notice>,
    /// Whether a touch is asked for.
    pub dialog: bool,
    /// The firm asks for a touch at each logon.
    pub keys: bool,
    /// When the latest frame was there.
    pub at: u64,
    /// Accepts with an outcome, by RFQ, and since when.
    pub outcomes: HashMap<String, u64>,
    /// The latest states of the connection: when each was there, since when it was, and which.
    pub trail: VecDeque<(u64, f64, LinkState)>,
    /// When prices could not be reached any longer, each of the latest times.
    pub unreachable: VecDeque<u64>,
}

impl Screen {
    fn take(&mut self, at: u64, f: Frame) {
        self.at = at;
        if f.whole {
            self.rfqs.clear();
            self.lines.clear();
        }
        for r in f.rfqs {
            if is_final(r.accept.as_ref()) {
                self.outcomes.entry(r.id.clone()).or_insert(at);
            } else {
                self.outcomes.remove(&r.id);
            }
            self.rfqs.retain(|x| x.id != r.id);
            self.rfqs.push(r);
        }
        for l in f.lines {
            self.lines.retain(|x| (&x.rfq_id, &x.dealer) != (&l.rfq_id, &l.dealer));
            self.lines.push(l);
        }
        for id in f.removed {
            self.rfqs.retain(|x| x.id != id);
            self.lines.retain(|x| x.rfq_id != id);
        }
        let was_reachable = self.is_reachable();
        if let Some(session) = f.session {
            // Two states may begin in the same millisecond.
            let now = (session.since_ms, session.state);
            if self.trail.back().is_none_or(|(_, since, state)| (*since, *state) != now) {
                self.trail.push_back((at, session.since_ms, session.state));
            }
            if self.trail.len() > TRAIL_MAX {
                self.trail.pop_front();
            }
            self.session = Some(session);
        }
        if was_reachable && !self.is_reachable() {
            self.unreachable.push_back(at);
            if self.unreachable.len() > TRAIL_MAX {
                self.unreachable.pop_front();
            }
        }
        self.access = f.access.or(self.access.take());
        self.notices.extend(f.notices);
        if let Some(open) = f.step_up {
            self.dialog = !open.is_empty();
        }
    }

    /// How the connection stands.
    #[must_use]
    pub fn link(&self) -> Option<LinkState> {
        self.session.as_ref().map(|s| s.state)
    }

    /// Whether the desk says that prices can be reached: it is online, and no answer is overdue.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        let doubtful = self.session.as_ref().is_none_or(|s| s.doubtful_since_ms.is_some());
        self.link() == Some(LinkState::Online) && !doubtful
    }

    /// When prices could first not be reached any longer, after a moment.
    #[must_use]
    pub fn unreachable(&self, after: u64) -> Option<u64> {
        self.unreachable.iter().copied().find(|at| *at > after)
    }

    /// When the present state of the connection began.
    #[must_use]
    pub fn since(&self) -> f64 {
        self.session.as_ref().map_or(0.0, |s| s.since_ms)
    }

    /// Whether the connection is over QUIC.
    #[must_use]
    pub fn is_quic(&self) -> bool {
        let tls = self.session.as_ref().and_then(|s| s.tls.as_deref());
        tls.is_some_and(|words| words.starts_with("QUIC"))
    }

    /// When the first state that fits was there, after a moment.
    #[must_use]
    pub fn first(&self, after: u64, fits: impl Fn(LinkState) -> bool) -> Option<u64> {
        let mut states = self.trail.iter().filter(|(at, _, state)| *at > after && fits(*state));
        states.next().map(|(at, ..)| *at)
    }

    /// An RFQ of this screen.
    #[must_use]
    pub fn rfq(&self, id: &str) -> Option<&RfqView> {
        self.rfqs.iter().find(|r| r.id == id)
    }

    /// The dealer's line of an RFQ.
    #[must_use]
    pub fn line(&self, id: &str) -> Option<&LineView> {
        self.lines.iter().find(|l| l.rfq_id == id && l.dealer == DEALER)
    }

    /// How the accept of an RFQ stands.
    #[must_use]
    pub fn accept(&self, id: &str) -> Option<&AcceptView> {
        self.rfq(id)?.accept.as_ref()
    }

    /// Whether the quote can be pressed now.
    #[must_use]
    pub fn tradable(&self, id: &str) -> bool {
        let pressed = self.line(id).is_some_and(|l| l.can_lift);
        let access = self.access.as_ref();
        let touched = access.is_some_and(|a| a.lease_until_ms.is_some());
        let owes = self.dialog || access.is_some_and(|a| a.text.is_some()) || self.keys && !touched;
        self.link() == Some(LinkState::Online) && pressed && !owes
    }
}

/// Whether an accept has its outcome.
pub fn is_final(accept: Option<&AcceptView>) -> bool {
    use AcceptState::{Declined, Disarmed, Filled};
    accept.is_some_and(|a| matches!(a.state, Filled | Declined | Disarmed))
}

/// Everything, with the desk online in the wifi.
#[derive(Debug)]
pub struct World {
    /// The networks.
    pub network: Network,
    /// The gateway and its dealer.
    pub firm: Firm,
    /// What the page would show.
    pub screen: Screen,
    laptop: Laptop,
    answers: Vec<(u64, Result<Answer, Problem>)>,
    /// What the desk may connect over.
    pub over: Transport,
    /// Where the laptop is.
    pub here: Net,
    place: Place,
}

impl World {
    /// `keys`: the firm asks for a touch at each logon, and the person touches at once.
    pub fn start(dir: &Path, keys: bool, over: Transport) -> Self {
        Self::start_with(dir, keys, over, None)
    }

    /// The same; CLOCK_MONOTONIC of the desk's process stands still while it sleeps, as that of a
    /// laptop does.
    pub fn start_with_stopped_clock(dir: &Path, over: Transport) -> Self {
        Self::start_with(dir, false, over, Some(StoppedClock::make(dir).expect("a clock")))
    }

    fn start_with(dir: &Path, keys: bool, over: Transport, clock: Option<StoppedClock>) -> Self {
        let network = Network::start(DELAY).expect("networks");
        let (laptop, attestation) = Laptop::start(&dir.join("desk"), clock);
        let firm = Firm::start(dir, keys.then_some(attestation.as_str()));
        firm.quote("99.500", QUOTE_MS);
        let invited = firm.invite("ann", "ANN1");
        let mut world = Self {
            network,
            screen: Screen { keys, ..Screen::default() },
            laptop,
            answers: vec![],
            over,
            here: Net::Wifi,
            place: Place { quic: over == Transport::Quic, ..firm.place(FROM_OUTSIDE) },
            firm,
        };
        let at = world.firm.place(Ipv4Addr::LOCALHOST);
        let (link, code) = (invited.link.clone(), invited.code.to_string());
        world.order(Order::Enrol { link, code, key: keys, at }).expect("enrolled");
        let (namespace, at) = (world.network.laptop(), world.place.clone());
        world.order(Order::Connect { namespace, at }).expect("connected");
        world.until("online", |s| s.link() == Some(LinkState::Online) && !s.dialog);
        while !matches!(world.order(Order::Look), Ok(Answer::Complete(true))) {
            world.pause(Duration::from_millis(20));
        }
        world
    }

    /// Has the desk do something and waits for its answer.
    pub fn order(&mut self, order: Order) -> Result<Answer, Problem> {
        self.order_at(order).1
    }

    /// The same, with the moment at which it was done.
    pub fn order_at(&mut self, order: Order) -> (u64, Result<Answer, Problem>) {
        self.laptop.say(&order);
        let began = Instant::now();
        while self.answers.is_empty() {
            self.hear(&format!("{order:?}"), began);
        }
        self.answers.remove(0)
    }

    /// Takes the next thing that the desk says.
    fn hear(&mut self, what: &str, since: Instant) {
        match self.laptop.told.recv_timeout(Duration::from_millis(100)) {
            Ok(Told::Frame { at, frame }) => self.screen.take(at, *frame),
            Ok(Told::Answered { at, what }) => self.answers.push((at, what)),
            Ok(Told::Ready { .. }) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => panic!("the desk's process ended: {what}"),
        }
        assert!(since.elapsed() < PATIENCE, "never: {what}\n{:#?}", self.screen);
    }

    /// Waits until the page would show it, and answers since when.
    pub fn until(&mut self, what: &str, done: impl Fn(&Screen) -> bool) -> u64 {
        let began = Instant::now();
        while !done(&self.screen) {
            self.hear(what, began);
        }
        self.screen.at
    }

    /// Takes what was said, for this long.
    pub fn pause(&mut self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.laptop.told.recv_timeout(left) {
                Ok(Told::Frame { at, frame }) => self.screen.take(at, *frame),
                Ok(Told::Answered { at, what }) => self.answers.push((at, what)),
                Ok(Told::Ready { .. }) => {}
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => panic!("the desk's process ended"),
            }
            if left.is_zero() {
                return;
            }
        }
    }

    /// An RFQ with a live quote.
    pub fn rfq(&mut self) -> String {
        self.quoted().0
    }

    /// An RFQ that was sent.
    pub fn request(&mut self) -> Result<String, Problem> {
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: BUND.into(),
            ask: Ask::Buy,
            quantity: "5m".into(),
            dealers: vec![DEALER.into()],
            ttl_s: 600,
            settlement_date: None,
        };
        match self.order(Order::Request(ticket))? {
            Answer::Rfq(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    /// Asks until a request is quoted: the RFQ, when that was, and how many were refused.
    pub fn quoted(&mut self) -> (String, u64, usize) {
        let (began, mut refused) = (Instant::now(), 0);
        loop {
            assert!(began.elapsed() < PATIENCE, "no request is quoted\n{:#?}", self.screen);
            match self.request() {
                Ok(id) => {
                    let asked = |s: &Screen| s.rfq(&id).is_none_or(is_asked);
                    let at = self.until("a quote", |s| s.tradable(&id) || !asked(s));
                    if self.screen.tradable(&id) {
                        return (id, at, refused);
                    }
                    // It was lost with its connection.
                    let _ = self.order(Order::Dismiss(id));
                }
                Err(_) => self.pause(AGAIN),
            }
            refused += 1;
        }
    }

    /// Has the desk do something, and again while it refuses because its link is away or in doubt:
    /// on a machine that is busy an answer may be overdue at any moment.
    ///
    /// # Errors
    /// Any other refusal.
    pub fn patiently(
        &mut self,
        what: impl Fn(&mut Self) -> Result<Answer, Problem>,
    ) -> Result<Answer, Problem> {
        let began = Instant::now();
        loop {
            match what(self) {
                Err(p) if p.code.starts_with("link.") && began.elapsed() < PATIENCE => {
                    self.pause(AGAIN);
                }
                answer => return answer,
            }
        }
    }

    /// Arms the quote of an RFQ; the id of the accept.
    pub fn arm(&mut self, id: &str) -> Result<String, Problem> {
        match self.patiently(|w| w.arm_once(id))? {
            Answer::Armed(a) => Ok(a.id),
            other => panic!("{other:?}"),
        }
    }

    fn arm_once(&mut self, id: &str) -> Result<Answer, Problem> {
        let line = self.screen.line(id).expect("a line").clone();
        let intent = ArmIntent {
            rfq_id: id.into(),
            dealer: DEALER.into(),
            quote_id: line.quote_id.expect("a quote"),
            side: Side::Buy,
            price: line.offer.expect("an offer").price,
        };
        self.order(Order::Arm(intent))
    }

    /// The laptop goes to the other network; the old one is silent, and its address is still
    /// there. Answers when.
    pub fn switch(&mut self) -> u64 {
        let to = self.here.other();
        self.network.silent(self.here, true);
        self.network.silent(to, false);
        let at = nanos();
        self.network.up(to).expect("up");
        self.here = to;
        at
    }

    /// The device that was down is up, with another address. Answers when.
    pub fn link_up(&mut self) -> u64 {
        let at = nanos();
        self.network.up(self.here).expect("up");
        at
    }

    /// The desk's process stands still, as in a laptop that sleeps, or goes on.
    pub fn asleep(&mut self, asleep: bool) {
        if asleep { self.laptop.stop() } else { self.laptop.go_on() }
    }

    /// The desk's process counted no time while its clock stood still, and waits for as long as it
    /// is asked to.
    ///
    /// # Panics
    /// When it did not, which would prove nothing about a laptop that sleeps.
    pub fn check_clock(&mut self) {
        let answer = self.order(Order::Clock);
        let Ok(Answer::Clock { behind, waited }) = answer else { panic!("{answer:?}") };
        let off = Duration::from_nanos(behind.abs_diff(self.laptop.stood_still()));
        assert!(off < CLOCK_ERROR_MAX, "the desk's clock is off by {off:?}");
        // A wait that the kernel's own clock ends would end at once.
        assert!(Duration::from_nanos(waited) >= CLOCK_WAIT, "a wait ended after {waited} ns");
    }

    /// Whether a desk's process is still there.
    pub fn alive(&mut self) -> bool {
        self.laptop.is_alive()
    }
}

fn is_asked(r: &RfqView) -> bool {
    matches!(r.state, RfqState::Sent | RfqState::Open)
}

/// Milliseconds between two moments of [`nanos`].
pub fn ms(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e6
}
