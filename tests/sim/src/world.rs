//! One run: everybody, on one virtual clock.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `acts.rs` | what an event does |
//! | `wires.rs` | connections, and what arrives on them |
//! | `processes.rs` | starts and crashes |
//! | `recorded.rs` | what is on record after a run |
//! | `settle.rs` | what must hold when everything is well again |

#[path = "acts.rs"]
mod acts;
#[path = "processes.rs"]
mod processes;
#[path = "recorded.rs"]
mod recorded;
#[path = "settle.rs"]
mod settle;
#[path = "wires.rs"]
mod wires;

pub use recorded::Recorded;

use crate::{
    cast::*,
    check::{Truth, Violation, broken},
    dealer::{Dealer, Later},
    desk::Desk,
    gateway::Gateway,
    keeper::handshake_ms,
    link::{Link, NEVER, Side},
    made,
    pings::LOOK_MS,
    rng::Rng,
    schedule::{End, Event, LENGTH_MS},
    signer::Signer,
    tally::Tally,
};
use signet_gateway::simulated::Bar;
use signet_rfq::UtcMillis;
use signet_router::Amounts;
use std::{path::PathBuf, rc::Rc};

const TICK_MS: i64 = 250;
/// A gateway that hears nothing for so long gives the connection up.
const GATEWAY_PATIENCE_MS: i64 = 10_000;
const DEALER_DELAY_MS: i64 = 2;
/// After the last event: when the first look is taken, and the last one.
const LOOKS_MS: [i64; 2] = [4_000, 50_000];
/// So long after everything is well again hardly anything happens any longer: desk and gateway have
/// their turns more rarely, since most of a run's turns would be of that time.
const CALM_AFTER_MS: i64 = 15_000;
const CALM_LOOK_MS: i64 = 500;
const CALM_TICK_MS: i64 = 1_000;
/// By then a gateway has ended what somebody has open who is kept out: it tries again after 5 s,
/// looks each half second, and has its turn at a tick.
const BARRED_MS: i64 = 6_500;

/// Something that is due at a time.
enum Timer {
    StartDesk,
    StartGateway,
    StartDealer(usize),
    Dealer(usize, u32, Later),
    DiskFree,
    DiskWorks(End),
    Unlock,
    Unbar,
    EvidenceWorks,
    Proved(u32),
    NotProved(u32),
}

pub(crate) struct World {
    t: i64,
    rng: Rng,
    /// The desk's link, then those of the dealers.
    links: Vec<Link>,
    desk: Option<Desk>,
    gateway: Option<Gateway>,
    dealers: Vec<Dealer>,
    /// `None`: down; otherwise the number of this run of the dealer.
    dealer_runs: Vec<(bool, u32)>,
    timers: Vec<(i64, Timer)>,
    next_tick: i64,
    /// When the desk looks at its link next.
    next_watch: i64,
    /// When what arrives now was written.
    left: Option<i64>,
    /// When the last of all that has arrived was written.
    newest: i64,
    no_network_until: i64,
    /// How often a colleague asked for an RFQ.
    colleagues: u32,
    /// By how much the gateway's clock is ahead of the true one, and since when.
    gateway_clock: Vec<(i64, i64)>,
    /// Dealers that are away until everything else has settled.
    away: [bool; DEALERS.len()],
    /// The laptop's clock is ahead of the true one by so much.
    laptop_ahead_ms: i64,
    locked: bool,
    disk_full: bool,
    /// The disk of the gateway's evidence takes nothing.
    evidence_refuses: bool,
    /// It did so at some time of this run.
    evidence_refused: bool,
    /// The disk of the gateway's journal takes nothing.
    journal_refuses: bool,
    /// How the registry keeps the trader out.
    barred: Option<Bar>,
    /// When nothing may be open any longer of who is kept out; `NEVER`: nobody is.
    barred_due: i64,
    /// What limits counted of the trader's day when the gateway went, and as of when.
    day: Option<(UtcMillis, (Amounts, usize))>,
    /// The gateway's journal as somebody copied it.
    journal_copy: Option<Vec<u8>>,
    /// The gateway starts on that copy.
    on_older: bool,
    /// Nothing breaks any longer, and since when.
    healed: bool,
    healed_at: i64,
    desk_runs: u32,
    /// What each run of the desk leaves to chance when it dials.
    dials: Rng,
    folder: PathBuf,
    signer: Rc<Signer>,
    truth: Truth,
    pub trace: Option<Vec<String>>,
}

impl World {
    /// `lane` keeps the sessions of runs on other threads apart: the gateway's name in them is this
    /// run's. `folder` is empty.
    pub(crate) fn new(seed: u64, lane: &str, folder: PathBuf, trace: bool) -> Self {
        made::forget(seed);
        let mut rng = Rng::new(seed);
        let delay = [1, 5, 20, 60][rng.pick(4)];
        let mut links = vec![Link::new(DESK, &format!("{GATEWAY}{lane}"), true, delay)];
        for d in DEALERS {
            let from = format!("{GATEWAY}-OUT{lane}");
            links.push(Link::new(&from, d, false, DEALER_DELAY_MS));
        }
        let mut world = Self {
            t: 0,
            rng,
            links,
            desk: None,
            gateway: None,
            dealers: DEALERS.map(Dealer::new).into(),
            dealer_runs: vec![(false, 0); DEALERS.len()],
            timers: Vec::new(),
            next_tick: 0,
            next_watch: 0,
            left: None,
            newest: 0,
            colleagues: 0,
            no_network_until: 0,
            gateway_clock: vec![(0, 0)],
            away: [false; DEALERS.len()],
            laptop_ahead_ms: 0,
            locked: false,
            disk_full: false,
            evidence_refuses: false,
            evidence_refused: false,
            journal_refuses: false,
            barred: None,
            barred_due: NEVER,
            day: None,
            journal_copy: None,
            on_older: false,
            healed: false,
            healed_at: NEVER,
            desk_runs: 0,
            dials: Rng::new(seed ^ 0x9b05_688c_2b3e_6c1f),
            folder,
            signer: Rc::default(),
            truth: Truth::default(),
            trace: trace.then(Vec::new),
        };
        (0..DEALERS.len()).for_each(|i| world.start_dealer(i));
        world.start_gateway();
        world.start_desk();
        world
    }

    fn say(&mut self, words: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>6} ms  {}", self.t, words()));
        }
    }

    /// Runs the schedule, settles and looks.
    pub(crate) fn run(&mut self, events: &[Event]) -> Result<Tally, Violation> {
        // The signer of the run before on this thread.
        self.signer.heal();
        for e in events {
            self.until(e.at.max(self.t))?;
            self.say(|| format!("{:?}", e.act));
            self.act(&e.act);
            self.after()?;
        }
        self.until(LENGTH_MS)?;
        self.heal();
        let start = self.t;
        for look in LOOKS_MS {
            self.until(start + look - 500)?;
            self.hush(true);
            self.until(start + look)?;
            // Nothing is on its way when the numbers are compared.
            while self.links[0].next_due() < self.t + 1_000 {
                self.until(self.links[0].next_due())?;
            }
            self.look(look == LOOKS_MS[1])?;
            self.hush(false);
            self.everybody_is_back();
        }
        Ok(self.truth.tally())
    }

    // ----- time -----

    /// Time passes until `end`, with everything that is due.
    fn until(&mut self, end: i64) -> Result<(), Violation> {
        loop {
            let next = self.next_due();
            if next > end {
                self.t = end;
                return Ok(());
            }
            self.t = self.t.max(next);
            self.due();
            self.after()?;
        }
    }

    fn next_due(&self) -> i64 {
        let links = self.links.iter().map(Link::next_due);
        let timers = self.timers.iter().map(|(t, _)| *t);
        let touches = self.desk.iter().flat_map(|d| d.touches.iter().map(|t| t.at));
        let service = self.gateway.iter().filter_map(Gateway::next_answer);
        let all = links.chain(timers).chain(touches).chain(service).chain(self.dial_due());
        all.chain([self.next_tick, self.next_watch]).min().unwrap_or(NEVER)
    }

    /// When the desk has the connection that it is making, beside one that is up or without one.
    /// Without a network no handshake comes to its end.
    fn dial_due(&self) -> Option<i64> {
        let d = self.desk.as_ref()?;
        let ready = d.keeper.ready(d.connection.is_some())?;
        Some(ready.max(self.no_network_until + handshake_ms(self.links[0].delay)))
    }

    fn due(&mut self) {
        for i in 0..self.links.len() {
            if let Some((id, from, due)) = self.links[i].take_due(self.t) {
                return self.arrives(i, id, from, due);
            }
        }
        if let Some(i) = self.timers.iter().position(|(t, _)| *t <= self.t) {
            let (_, timer) = self.timers.remove(i);
            return self.timer(timer);
        }
        if let Some(g) = &self.gateway {
            g.service_answers(self.t);
        }
        self.touch();
        let t = self.t;
        if self.dial_due().is_some_and(|due| due <= t) {
            self.connects();
        }
        if self.next_watch <= t {
            self.next_watch = t + if self.is_calm() { CALM_LOOK_MS } else { LOOK_MS };
            self.watch();
        }
        if self.next_tick <= t {
            self.next_tick = t + if self.is_calm() { CALM_TICK_MS } else { TICK_MS };
            self.tick();
        }
    }

    fn is_calm(&self) -> bool {
        self.healed && self.t >= self.healed_at + CALM_AFTER_MS
    }

    fn touch(&mut self) {
        let t = self.t;
        let Some(desk) = &mut self.desk else { return };
        while let Some(i) = desk.touches.iter().position(|x| x.at <= t) {
            let touch = desk.touches.remove(i);
            if desk.send(&touch.answer, t) {
                self.truth.approved.extend(touch.approves);
                self.truth.aheads.extend(touch.ahead.map(|a| a.over(desk.connection)));
            }
        }
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::StartDesk => self.start_desk(),
            Timer::StartGateway => self.start_gateway(),
            // One that is away stays away, whatever was to bring it back.
            Timer::StartDealer(i) if self.away[i] => {}
            Timer::StartDealer(i) => self.start_dealer(i),
            Timer::Dealer(i, run, what) => {
                if self.dealer_runs[i] == (true, run) {
                    let does = self.dealers[i].later(what, self.t, &mut self.rng);
                    self.do_all(i, does);
                }
            }
            Timer::DiskFree => self.disk(false),
            Timer::DiskWorks(end) => self.disk_fails(end, false),
            Timer::Unlock => self.lock(false),
            Timer::Unbar => self.bar(None),
            Timer::EvidenceWorks => self.evidence_fails(false),
            Timer::Proved(id) => self.proved(id),
            Timer::NotProved(id) => {
                let t = self.t;
                if let Some(c) = self.links[0].connection(id) {
                    c.reset(t);
                }
            }
        }
    }

    fn tick(&mut self) {
        let t = self.t;
        self.give_up_dead();
        if let Some(g) = &self.gateway {
            g.tick(t);
            for i in 1..self.links.len() {
                let down = self.links[i].current(Side::Dials).is_none();
                let due = down && self.dealer_runs[i - 1].0 && self.links[i].redial.is_due(t);
                if let Some(channel) = due.then(|| g.dealer_channel(i - 1)).flatten() {
                    self.links[i].redial.dialled(t);
                    self.links[i].dial(|_| channel, t);
                }
            }
        }
        for (i, side) in self.ends() {
            self.work(i, side);
        }
    }

    /// The desk's book has its turn, and its link is looked at.
    fn watch(&mut self) {
        let (t, delay) = (self.t, self.links[0].delay);
        let Some(d) = &mut self.desk else { return };
        d.tick(t);
        if d.connection.is_none() {
            return;
        }
        if let Some(why) = d.watch(t, delay) {
            self.say(|| format!("the desk hears {why} and gives its connection up"));
            self.leave(0, Side::Dials);
        }
    }

    /// A gateway that has heard nothing for too long gives the desk's connection up.
    fn give_up_dead(&mut self) {
        let side = Side::Listens;
        let Some(id) = self.links[0].current(side) else { return };
        let heard = self.links[0].connection(id).map_or(0, |c| c.heard[side as usize]);
        if self.t - heard >= GATEWAY_PATIENCE_MS {
            self.say(|| "the gateway hears nothing and gives up".into());
            self.leave(0, side);
        }
    }

    /// By how much the gateway's clock is ahead.
    fn gateway_offset(&self) -> i64 {
        self.gateway_clock.last().map_or(0, |(_, ahead)| *ahead)
    }

    /// What the gateway's clock read then.
    fn gateway_read(&self, at: i64) -> UtcMillis {
        let step = self.gateway_clock.iter().rev().find(|(since, _)| *since <= at);
        UtcMillis(EPOCH + at + step.map_or(0, |(_, ahead)| *ahead))
    }

    fn ends(&self) -> Vec<(usize, Side)> {
        let sides = [Side::Dials, Side::Listens];
        (0..self.links.len()).flat_map(|i| sides.map(|s| (i, s))).collect()
    }

    /// After each step: what was written leaves, and the invariants hold.
    fn after(&mut self) -> Result<(), Violation> {
        for link in &mut self.links {
            link.flush(self.t);
        }
        let lost = match self.desk.as_ref().and_then(|d| d.connection) {
            Some(id) => self.links[0].connection(id).is_none_or(|c| c.has_given_up(Side::Dials)),
            None => false,
        };
        if lost {
            self.lost();
        }
        if let Some(d) = &mut self.desk {
            for c in std::mem::take(&mut d.clicks) {
                self.truth.clicks.insert(c.id.clone(), c);
            }
            let (log, fault) = (std::mem::take(&mut d.log), d.lists.fault.take());
            log.into_iter().for_each(|words| self.say(|| format!("  the desk: {words}")));
            if let Some(words) = fault {
                return Err(broken("list.unconfirmed", words));
            }
        }
        self.truth.step(&self.dealers, &self.signer, self.gateway.as_ref())?;
        self.nothing_open_of_barred()
    }

    /// Somebody who is kept out has nothing open by now, on a gateway that could end it.
    fn nothing_open_of_barred(&mut self) -> Result<(), Violation> {
        let writes = !self.journal_refuses && !self.evidence_refuses;
        if self.t < self.barred_due || !writes {
            return Ok(());
        }
        let Some(g) = &self.gateway else { return Ok(()) };
        self.barred_due = self.t + TICK_MS;
        self.truth.seen.barred += 1;
        // One whose accept is in flight ends by its dealer's word.
        let open = g.rfqs().into_iter().find(|r| !r.state.ended() && !r.in_flight());
        match open {
            Some(r) => Err(broken("barred.open", format!("{} is {:?}", r.terms.id, r.state))),
            None => Ok(()),
        }
    }

    fn lost(&mut self) {
        self.say(|| "the desk's link is lost".into());
        let (t, delay) = (self.t, self.links[0].delay);
        if let Some(d) = &mut self.desk {
            d.link_lost(t, delay);
        }
    }
}
