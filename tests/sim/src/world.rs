//! One run: everybody, on one virtual clock.

use crate::{
    cast::*,
    check::{Tally, Truth, Violation, broken, no_counter_waits},
    dealer::{Dealer, Does, Later},
    desk::Desk,
    firm::{Party, firm},
    gateway::{Gateway, binding},
    link::{Due, Link, NEVER, Side},
    made,
    rng::Rng,
    schedule::{Act, End, Event, LENGTH_MS},
    signer::Signer,
};
use signet_fix::{
    pump::frames,
    session::{self, Binding, Channel},
    signature::{Kinds, Signing, Verification, commits_asker, commits_gateway, every},
};
use signet_gateway::{
    GatewayError,
    signed::{signing, verification},
};
use std::{path::PathBuf, rc::Rc};

const TICK_MS: i64 = 250;
/// A desk that hears nothing for so long gives its connection up.
const DESK_PATIENCE_MS: i64 = 3_000;
/// So does a gateway.
const GATEWAY_PATIENCE_MS: i64 = 10_000;
const PING_MS: i64 = 1_000;
const DIAL_AGAIN_MS: i64 = 100;
const DEALER_DELAY_MS: i64 = 2;
/// A gateway that does not start is started again after so long, as by `RestartSec` of systemd.
const RESTART_MS: i64 = 1_000;
/// After the last event: when the first look is taken, and the last one.
const LOOKS_MS: [i64; 2] = [4_000, 50_000];

/// Something that is due at a time.
enum Timer {
    StartDesk,
    StartGateway,
    StartDealer(usize),
    Dealer(usize, u32, Later),
    DiskFree,
    DiskWorks(End),
    Unlock,
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
    next_ping: i64,
    no_network_until: i64,
    /// How often a colleague asked for an RFQ.
    colleagues: u32,
    gateway_offset: i64,
    locked: bool,
    disk_full: bool,
    /// The disk of the gateway's evidence takes nothing.
    evidence_refuses: bool,
    /// Nothing breaks any longer.
    healed: bool,
    desk_runs: u32,
    folder: PathBuf,
    signer: Rc<Signer>,
    truth: Truth,
    pub trace: Option<Vec<String>>,
}

impl World {
    /// `lane` keeps the sessions of runs on other threads apart: the gateway's name in them is this
    /// run's. `folder` is empty.
    pub(crate) fn new(seed: u64, lane: &str, folder: PathBuf, trace: bool) -> Self {
        made::forget();
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
            next_ping: 0,
            colleagues: 0,
            no_network_until: 0,
            gateway_offset: 0,
            locked: false,
            disk_full: false,
            evidence_refuses: false,
            healed: false,
            desk_runs: 0,
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
            self.next_ping = self.t + 2_000;
            self.until(start + look)?;
            // Nothing is on its way when the numbers are compared.
            while self.links[0].next_due() < self.t + 1_000 {
                self.until(self.links[0].next_due())?;
            }
            self.look(look == LOOKS_MS[1])?;
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
        let dial = self.desk.iter().filter(|d| d.connection.is_none());
        let dial = dial.map(|d| d.next_dial.max(self.no_network_until));
        let all = links.chain(timers).chain(touches).chain(service).chain(dial);
        all.chain([self.next_tick]).min().unwrap_or(NEVER)
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
        let free = t >= self.no_network_until;
        if self.desk.as_ref().is_some_and(|d| d.connection.is_none() && d.next_dial <= t) && free {
            self.dial();
        }
        if self.next_tick <= t {
            self.next_tick = t + TICK_MS;
            self.tick();
        }
    }

    fn touch(&mut self) {
        let t = self.t;
        let Some(desk) = &mut self.desk else { return };
        while let Some(i) = desk.touches.iter().position(|x| x.at <= t) {
            let touch = desk.touches.remove(i);
            if desk.send(&touch.answer, t) {
                self.truth.approved.extend(touch.approves);
            }
        }
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::StartDesk => self.start_desk(),
            Timer::StartGateway => self.start_gateway(),
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
        if let Some(d) = &mut self.desk {
            for question in d.book.tick(signet_rfq::UtcMillis(EPOCH + t)) {
                let _ = d.session.send(&question);
            }
            d.look_at_pings(t);
            if self.next_ping <= t {
                self.next_ping = t + PING_MS;
                d.ping(t);
            }
        }
        for (i, side) in self.ends() {
            self.work(i, side);
        }
    }

    /// Ends that have heard nothing for too long give up.
    fn give_up_dead(&mut self) {
        for (side, patience) in
            [(Side::Dials, DESK_PATIENCE_MS), (Side::Listens, GATEWAY_PATIENCE_MS)]
        {
            let Some(id) = self.links[0].current(side) else { continue };
            let heard = self.links[0].connection(id).map_or(0, |c| c.heard[side as usize]);
            if self.t - heard >= patience {
                self.say(|| format!("{side:?} hears nothing and gives up"));
                self.leave(0, side);
            }
        }
    }

    fn ends(&self) -> Vec<(usize, Side)> {
        let sides = [Side::Dials, Side::Listens];
        (0..self.links.len()).flat_map(|i| sides.map(|s| (i, s))).collect()
    }

    // ----- connections -----

    /// A side leaves its connection.
    fn leave(&mut self, link: usize, side: Side) {
        if let Some(session) = self.links[link].session(side) {
            session.detach();
            self.drain(link, side);
        }
    }

    fn drain(&mut self, link: usize, side: Side) {
        let Some(session) = self.links[link].session(side) else { return };
        while let Some(e) = session.next_event() {
            self.event(link, side, e);
        }
    }

    fn work(&mut self, link: usize, side: Side) {
        let Some(session) = self.links[link].session(side) else { return };
        while session.work() {
            self.drain(link, side);
        }
        self.drain(link, side);
    }

    fn dial(&mut self) {
        let signing = self.signer.signing();
        let channel = |id| Channel {
            binding: Binding::Required(binding(id)),
            signing: Some(signing),
            verification: Some(judged(&firm().gateway, commits_gateway)),
        };
        let id = self.links[0].dial(channel, self.t);
        self.drain(0, Side::Dials);
        if let Some(d) = &mut self.desk {
            d.connection = Some(id);
        }
        self.say(|| format!("the desk dials: connection {id}"));
    }

    fn arrives(&mut self, link: usize, id: u32, from: Side, due: Due) {
        let (t, to) = (self.t, from.other());
        let delay = self.links[link].delay;
        let session = self.links[link].session(to);
        let Some(c) = self.links[link].connection(id) else { return };
        let bytes = match due {
            Due::Bytes(bytes) if !c.has_given_up(to) => bytes,
            Due::Bytes(_) => return,
            Due::End => {
                let used = c.outbox[to as usize].clone();
                c.give_up(to, t, delay);
                if let Some((s, o)) = session.zip(used)
                    && s.is_attached_to(&o)
                {
                    self.leave(link, to);
                }
                return;
            }
        };
        let Some(session) = session else {
            // Nobody listens.
            return c.reset(t);
        };
        c.heard[to as usize] = t;
        if c.outbox[to as usize].is_none() {
            c.outbox[to as usize] = match &self.gateway {
                Some(g) if link == 0 => g.desk_connects(id, t),
                _ if link == 0 => None,
                _ => session.attach(dealer_channel(link - 1)).ok(),
            };
            self.drain(link, to);
        }
        let Some(c) = self.links[link].connection(id) else { return };
        let Some(outbox) = c.outbox[to as usize].clone() else { return };
        let mut framer = std::mem::take(&mut c.framers[to as usize]);
        framer.push(&bytes);
        let good = frames(&mut framer, &session, &outbox, &mut |e| self.event(link, to, e)).is_ok();
        if let Some(c) = self.links[link].connection(id) {
            c.framers[to as usize] = framer;
            if !good {
                c.give_up(to, t, delay);
            }
        }
        if !good && session.is_attached_to(&outbox) {
            self.leave(link, to);
        }
        self.work(link, to);
    }

    fn event(&mut self, link: usize, side: Side, e: session::Event) {
        let t = self.t;
        if self.trace.is_some() {
            let words = match &e {
                session::Event::Message { message, .. } => format!("{message:?}"),
                e => format!("{e:?}"),
            };
            let words: String = words.chars().take(230).collect();
            let who = match (link, side) {
                (0, Side::Dials) => "desk",
                (0, Side::Listens) | (_, Side::Dials) => "gateway",
                (i, Side::Listens) => DEALERS[i - 1],
            };
            self.say(|| format!("    {who} hears {words}"));
        }
        match (link, side) {
            (0, Side::Dials) => {
                let back = t - self.links[0].delay;
                let stamped = self.gateway.as_ref().map(|g| g.clock(back));
                if let Some(d) = &mut self.desk {
                    d.event(e, stamped, t, &mut self.rng);
                }
            }
            (0, Side::Listens) => {
                if let Some(g) = &self.gateway {
                    g.desk_event(e, t);
                }
            }
            (i, Side::Dials) => {
                if let Some(g) = &self.gateway {
                    g.dealer_event(i - 1, e, t);
                }
            }
            (i, Side::Listens) => self.dealer_event(i - 1, e),
        }
    }

    fn dealer_event(&mut self, i: usize, e: session::Event) {
        let does = match e {
            session::Event::LoggedOn => {
                let unsent = std::mem::take(&mut self.dealers[i].unsent);
                let mut does: Vec<Does> = unsent.into_iter().map(Does::Say).collect();
                does.extend(self.dealers[i].repeat(self.t));
                does
            }
            session::Event::Message { message, meta } => {
                self.dealers[i].message(message, meta.poss_dup, self.t, &mut self.rng)
            }
            _ => return,
        };
        self.do_all(i, does);
    }

    fn do_all(&mut self, i: usize, all: Vec<Does>) {
        for does in all {
            match does {
                Does::Say(m) => {
                    let session = self.links[i + 1].session(Side::Listens);
                    let sent = session.is_some_and(|s| s.send(&m).is_ok());
                    if !sent && Dealer::keeps(&m) {
                        self.dealers[i].unsent.push(m);
                    }
                }
                Does::In(at, what) => {
                    let run = self.dealer_runs[i].1;
                    self.timers.push((at, Timer::Dealer(i, run, what)));
                }
                Does::Cut if self.healed => {}
                Does::Cut => {
                    // What was written before is on its way.
                    self.links[0].flush(self.t);
                    let from = if self.rng.chance(50) { Side::Dials } else { Side::Listens };
                    self.silence(from, 0, None);
                }
            }
        }
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
            let log = std::mem::take(&mut d.log);
            log.into_iter().for_each(|words| self.say(|| format!("  the desk: {words}")));
        }
        self.truth.step(&self.dealers, DEALER_DELAY_MS, &self.signer)
    }

    fn lost(&mut self) {
        self.say(|| "the desk's link is lost".into());
        let t = self.t;
        if let Some(d) = &mut self.desk {
            d.link_lost(t);
            d.next_dial = t + DIAL_AGAIN_MS;
        }
    }

    // ----- processes -----

    fn start_desk(&mut self) {
        if self.desk.is_some() {
            return;
        }
        self.desk_runs += 1;
        let session = self.links[0].start(Side::Dials);
        let file = self.folder.join("in_flight");
        self.desk = Some(Desk::start(&file, session, self.desk_runs, self.t));
        self.say(|| "the desk starts".into());
    }

    fn crash_desk(&mut self, store_lost: bool) {
        let t = self.t;
        if let Some(mut d) = self.desk.take() {
            let frame = d.screen(t);
            self.truth.shown.extend(crate::desk::filled(&frame));
            drop(d);
            self.links[0].crash(Side::Dials, store_lost, t);
        }
    }

    fn start_gateway(&mut self) {
        if self.gateway.is_some() {
            return;
        }
        let desk = self.links[0].start(Side::Listens);
        let dealers = self.links[1..].iter_mut().map(|l| l.start(Side::Dials)).collect();
        let (folder, offset) = (self.folder.join("gateway"), self.gateway_offset);
        let dealers: Vec<_> = dealers;
        match Gateway::start(&folder, desk, &dealers, offset, self.t) {
            Ok(g) => {
                if self.locked {
                    g.lock(true, self.t);
                }
                g.is_full(self.disk_full);
                self.gateway = Some(g);
                self.truth.gateway_is_back(self.t);
                self.say(|| "the gateway starts".into());
            }
            Err(e) => self.gateway_does_not_start(&e),
        }
    }

    /// The process ends. While the disk of its evidence refuses, that is as it should be, and its
    /// supervisor starts it again.
    fn gateway_does_not_start(&mut self, e: &GatewayError) {
        self.say(|| format!("the gateway does not start: {e}"));
        self.gateway_ends(false);
        if self.evidence_refuses && cannot_write_evidence(e) {
            self.truth.gateway_is_away(self.t);
            self.timers.push((self.t + RESTART_MS, Timer::StartGateway));
        } else {
            self.truth.does_not_start = Some(e.to_string());
        }
    }

    fn crash_gateway(&mut self, store_lost: bool) {
        if self.gateway.take().is_some() {
            self.gateway_ends(store_lost);
        }
    }

    /// The sessions of the gateway's process end with it.
    fn gateway_ends(&mut self, store_lost: bool) {
        self.links[0].crash(Side::Listens, store_lost, self.t);
        for l in &mut self.links[1..] {
            l.crash(Side::Dials, false, self.t);
        }
    }

    fn start_dealer(&mut self, i: usize) {
        if !self.dealer_runs[i].0 {
            self.dealer_runs[i] = (true, self.dealer_runs[i].1 + 1);
            self.links[i + 1].start(Side::Listens);
        }
    }

    fn lock(&mut self, locked: bool) {
        match (locked, self.locked) {
            (true, false) => self.truth.locked.push((self.t, NEVER)),
            (false, true) => {
                if let Some(span) = self.truth.locked.last_mut() {
                    span.1 = self.t;
                }
            }
            _ => {}
        }
        let changed = locked != self.locked;
        self.locked = locked;
        if let Some(g) = self.gateway.as_ref().filter(|_| changed) {
            g.lock(locked, self.t);
        }
    }

    fn disk(&mut self, full: bool) {
        self.disk_full = full;
        if let Some(g) = &self.gateway {
            g.is_full(full);
        }
    }

    /// The disk of an end refuses to write, or writes again.
    fn disk_fails(&mut self, end: End, fails: bool) {
        let file = if end == End::Desk { "in_flight" } else { "gateway/rfqs.journal" };
        signet_journal::disk::refuses(&self.folder.join(file), fails);
    }

    /// The disk of the gateway's evidence refuses to write, or writes again.
    fn evidence_fails(&mut self, fails: bool) {
        self.evidence_refuses = fails;
        let files = std::fs::read_dir(self.folder.join("gateway/signed"));
        for file in files.into_iter().flatten().flatten() {
            signet_journal::disk::refuses(&file.path(), fails);
        }
    }

    // ----- what happens -----

    fn act(&mut self, act: &Act) {
        match act {
            Act::Ask { .. }
            | Act::AskPackage { .. }
            | Act::Take { .. }
            | Act::Arm { .. }
            | Act::Confirm
            | Act::Counter { .. }
            | Act::Cancel { .. }
            | Act::Dismiss { .. } => self.trader(act),
            Act::Requote { dealer } | Act::Withdraw { dealer } | Act::Bust { dealer } => {
                let i = usize::from(*dealer) % DEALERS.len();
                if self.dealer_runs[i].0 {
                    let does = match act {
                        Act::Requote { .. } => self.dealers[i].requote(self.t, &mut self.rng),
                        Act::Bust { .. } => self.dealers[i].bust(self.t),
                        _ => self.dealers[i].withdraw(),
                    };
                    self.do_all(i, does);
                }
            }
            Act::TakenOver { pick } => {
                self.colleagues += 1;
                let taken = self
                    .gateway
                    .as_ref()
                    .and_then(|g| g.colleague_takes(*pick, self.colleagues, self.t));
                if let Some(rfq) = taken {
                    self.truth.taken.insert(rfq, self.t);
                }
            }
            act => self.fault(act),
        }
    }

    fn trader(&mut self, act: &Act) {
        let t = self.t;
        let Some(d) = &mut self.desk else { return };
        match act {
            Act::Ask { millions, dealers, ttl_s } => d.ask(*millions, *dealers, *ttl_s, t),
            Act::AskPackage { millions, legs, dealers, ttl_s } => {
                d.ask_package(*millions, *legs, *dealers, *ttl_s, t)
            }
            Act::Take { pick } => {
                let armed = d.arm(*pick, t);
                armed.then(|| d.confirm(t));
            }
            Act::Arm { pick } => drop(d.arm(*pick, t)),
            Act::Confirm => d.confirm(t),
            Act::Counter { pick } => d.counter(*pick, t),
            Act::Cancel { pick } => d.cancel(*pick, t),
            Act::Dismiss { pick } => self.truth.shown.extend(d.dismiss(*pick, t)),
            _ => {}
        }
    }

    fn fault(&mut self, act: &Act) {
        let t = self.t;
        match act {
            Act::Silence { from, after, for_ms } => {
                let side = if *from == End::Desk { Side::Dials } else { Side::Listens };
                self.silence(side, *after, for_ms.map(|ms| t + ms));
            }
            Act::Reset => {
                if let Some(id) = self.desk.as_ref().and_then(|d| d.connection)
                    && let Some(c) = self.links[0].connection(id)
                {
                    c.reset(t);
                }
            }
            Act::NewAddress { old_lives } => self.new_address(*old_lives),
            Act::Migrate { proof_ms, proved } => {
                if let Some(id) = self.desk.as_ref().and_then(|d| d.connection)
                    && let Some(c) = self.links[0].connection(id)
                {
                    c.held_until = t + proof_ms;
                    let what = if *proved { Timer::Proved(id) } else { Timer::NotProved(id) };
                    self.timers.push((t + proof_ms - 1, what));
                }
            }
            Act::NoNetwork { for_ms } => {
                self.silence(Side::Dials, 0, Some(t + for_ms));
                self.silence(Side::Listens, 0, Some(t + for_ms));
                self.no_network_until = self.no_network_until.max(t + for_ms);
            }
            Act::Delay { ms } => self.links[0].delay = *ms,
            Act::GatewayClock { ms } => {
                self.truth.clock_was_set = true;
                self.gateway_offset += ms;
                let offset = self.gateway_offset;
                if let Some(g) = &mut self.gateway {
                    g.offset = offset;
                    g.clock_was_set(t);
                }
            }
            Act::DeskCrash { for_ms, store_lost } => {
                self.crash_desk(*store_lost);
                self.timers.push((t + for_ms, Timer::StartDesk));
            }
            Act::GatewayCrash { for_ms, store_lost } => {
                self.crash_gateway(*store_lost);
                self.timers.push((t + for_ms, Timer::StartGateway));
            }
            act => self.other_fault(act),
        }
    }

    fn other_fault(&mut self, act: &Act) {
        let t = self.t;
        match act {
            Act::DealerCrash { dealer, for_ms } => {
                let i = usize::from(*dealer) % DEALERS.len();
                self.dealer_runs[i].0 = false;
                self.links[i + 1].crash(Side::Listens, false, t);
                self.timers.push((t + for_ms, Timer::StartDealer(i)));
            }
            Act::DealerReset { dealer } => {
                let i = usize::from(*dealer) % DEALERS.len();
                self.links[i + 1].connections.iter_mut().for_each(|c| c.reset(t));
            }
            Act::DiskFull { for_ms } => {
                self.disk(true);
                self.timers.push((t + for_ms, Timer::DiskFree));
            }
            Act::DiskFails { end, for_ms } => {
                self.disk_fails(*end, true);
                self.timers.push((t + for_ms, Timer::DiskWorks(*end)));
            }
            Act::Forge(how) => self.signer.forge(*how),
            Act::Replay => self.replay(),
            Act::EvidenceFails { for_ms } => {
                self.evidence_fails(true);
                self.timers.push((t + for_ms, Timer::EvidenceWorks));
            }
            Act::Locked { for_ms } => {
                self.lock(true);
                self.timers.push((t + for_ms, Timer::Unlock));
            }
            _ => {}
        }
    }

    fn silence(&mut self, from: Side, after: u32, until: Option<i64>) {
        let id = self.desk.as_ref().and_then(|d| d.connection);
        if let Some(c) = id.and_then(|id| self.links[0].connection(id)) {
            c.silence(from, usize::try_from(after).unwrap_or(0), until.unwrap_or(NEVER));
        }
    }

    /// The desk's last accept arrives once more, as it was.
    fn replay(&mut self) {
        let at = self.t + self.links[0].delay;
        let frame = self.links[0].last_accept.clone();
        let id = self.desk.as_ref().and_then(|d| d.connection);
        if let Some(c) = id.and_then(|id| self.links[0].connection(id)) {
            c.inject(Side::Dials, frame, at);
        }
    }

    fn new_address(&mut self, old_lives: bool) {
        if self.desk.is_none() || self.t < self.no_network_until {
            return;
        }
        if !old_lives {
            self.silence(Side::Dials, 0, None);
            self.silence(Side::Listens, 0, None);
        }
        let t = self.t;
        if let Some(d) = self.desk.as_mut().filter(|d| d.connection.is_some()) {
            d.link_lost(t);
        }
        self.dial();
    }

    /// The desk's connection is proved to be at another address: the gateway judges it from there.
    fn proved(&mut self, id: u32) {
        let t = self.t;
        let Some(c) = self.links[0].connection(id) else { return };
        let Some(outbox) = c.outbox[Side::Listens as usize].clone() else { return };
        let goes_on = self.gateway.as_ref().is_none_or(|g| g.desk_moved(&outbox, t));
        if !goes_on && let Some(c) = self.links[0].connection(id) {
            c.reset(t);
        }
    }

    // ----- after the last event -----

    fn heal(&mut self) {
        self.say(|| "everything is well again".into());
        self.healed = true;
        self.no_network_until = self.t;
        self.lock(false);
        self.disk(false);
        [End::Desk, End::Gateway].into_iter().for_each(|end| self.disk_fails(end, false));
        self.evidence_fails(false);
        self.signer.heal();
        self.start_desk();
        // One that its disk kept from starting is started by its supervisor.
        if !self.truth.gateway_cannot_start() {
            self.start_gateway();
        }
        (0..DEALERS.len()).for_each(|i| self.start_dealer(i));
        self.links[0].delay = 20;
    }

    /// What must hold after settling.
    fn look(&mut self, last: bool) -> Result<(), Violation> {
        let t = self.t;
        let (Some(d), Some(g)) = (&mut self.desk, &self.gateway) else {
            return Err(broken("settled.down", "the desk or the gateway is down"));
        };
        if !d.book.online() {
            return if last {
                Err(broken("settled.offline", "the desk is not on"))
            } else {
                Ok(())
            };
        }
        let frame = d.screen(t);
        if frame.session.as_ref().is_some_and(|s| s.doubtful_since_ms.is_some()) {
            // A connection that fell silent before everything was well is given up soon.
            return match last {
                true => Err(broken("settled.offline", "the link is in doubt")),
                false => Ok(()),
            };
        }
        let gate = g.rfqs();
        self.truth.quotes(g.clock(t), &gate, &frame)?;
        if last {
            self.truth.settled(&gate, &frame)?;
            no_counter_waits(g.clock(t), &gate, &frame)?;
            let kept = g.accepts_in_evidence().map_err(|e| broken("evidence.accept", e))?;
            crate::check::kept(&self.dealers, &kept)?;
            for (i, l) in self.links.iter().enumerate() {
                numbers_agree(i, l)?;
            }
        }
        Ok(())
    }
}

/// Whether a start failed because evidence could not be written.
fn cannot_write_evidence(e: &GatewayError) -> bool {
    matches!(e, GatewayError::Signed(e) if e.code() == "signed_log.unwritable")
}

/// How a dealer's session takes a connection: everything that it says is signed.
fn dealer_channel(which: usize) -> Channel {
    Channel {
        binding: Binding::None,
        signing: Some(signed_by(&firm().dealers[which])),
        verification: Some(judged(&firm().gateway, commits_asker)),
    }
}

fn signed_by(party: &Party) -> Signing {
    made::signing(&party.chain[0], signing(&party.key, every))
}

fn judged(party: &Party, kinds: Kinds) -> Verification {
    made::verification(&party.chain[0], verification(party.public.clone(), kinds))
}

/// What each end sends next is what the other expects.
fn numbers_agree(i: usize, link: &Link) -> Result<(), Violation> {
    let both = [Side::Dials, Side::Listens].map(|s| link.session(s));
    let [Some(a), Some(b)] = both else { return Ok(()) };
    if !a.is_logged_on() || !b.is_logged_on() {
        return Err(broken("settled.offline", format!("link {i} is not logged on")));
    }
    let (Some(a), Some(b)) = (a.sequence(), b.sequence()) else { return Ok(()) };
    match a.0 == b.1 && b.0 == a.1 {
        true => Ok(()),
        false => Err(broken("numbers.agree", format!("link {i}: {a:?} and {b:?}"))),
    }
}
