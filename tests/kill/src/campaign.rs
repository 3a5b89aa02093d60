//! The rounds.

use crate::{
    DESKS,
    dice::Dice,
    firm::{DeskProcess, Firm, Killable, PATIENCE, Res},
    history::{Found, Histories},
    look::{Depth, Figures, Looker, now},
    report::{Report, in_words},
    talk::{Order, Screen, Told},
};
use signet_desk_core::view::RfqState;
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

/// How long books may take until they are the same after everything has an answer.
const AGREE: Duration = Duration::from_secs(60);

/// How soon books are compared again that are not the same yet.
const AGAIN: Duration = Duration::from_millis(50);

/// Every record is looked at in one of so many rounds; in the others what came since. The time of
/// so many rounds is said.
const WHOLE_EVERY: u64 = 50;

/// RFQs end by themselves within this time (`ttl_s` in `desk.rs`).
const RFQS_END: Duration = Duration::from_secs(75);

/// A desk that is refused may come back by itself within this time.
const REFUSED_MAX: Duration = Duration::from_secs(30);

/// What was done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    /// Kills of the gateway.
    pub gateways: u64,
    /// Kills of desks.
    pub desks: u64,
    /// The same of each desk.
    pub desks_each: [u64; DESKS.len()],
    /// What there was at the end.
    pub figures: Figures,
}

/// A sink in a file, which shows what the SIEM has.
pub const SIEM: &str = "[siem]\n[[siem.sink]]\nkind = \"file\"\nname = \"file\"\n\
    path = \"events.jsonl\"\nrotate_mb = 4096\n";

/// Processes that trade, and what is done to them.
pub struct Campaign {
    /// Files and dealers.
    pub firm: Firm,
    dice: Dice,
    gateway: Option<Killable>,
    desks: BTreeMap<&'static str, DeskProcess>,
    looker: Looker,
    histories: Histories,
    spent: BTreeMap<&'static str, Duration>,
    /// What was done so far.
    pub done: Done,
}

/// Kills at least so many processes and looks at everything after each round. An error names the
/// round and the moment.
pub fn run(dir: &Path, program: &Path, kills: u64, seed: u64) -> Res<Report> {
    let mut c = Campaign::start(dir, program, SIEM, &[], seed)?;
    let (mut began, mut spent, mut round) = (Instant::now(), c.spent.clone(), 0);
    while c.done.gateways + c.done.desks < kills {
        round += 1;
        let mut moment = String::new();
        let depth = if round % WHOLE_EVERY == 0 { Depth::Whole } else { Depth::Tail };
        if let Err(e) = c.round(&mut moment, depth) {
            return Err(format!(
                "seed {seed}, round {round}, {moment}: {e}\n{:?}\n{}",
                c.done,
                c.firm.log_end()
            ));
        }
        if round % WHOLE_EVERY == 0 {
            let took = began.elapsed().as_secs_f64();
            let parts = in_words(&since(&c.spent, &spent));
            println!("rounds to {round}: {took:.0} s for the last {WHOLE_EVERY} ({parts})");
            println!("{:?}", c.done);
            (began, spent) = (Instant::now(), c.spent.clone());
        }
    }
    let found = c.last_look().map_err(|e| {
        let (done, log) = (c.done, c.firm.log_end());
        format!("seed {seed}, after {round} rounds, all at rest: {e}\n{done:?}\n{log}")
    })?;
    let spent = std::mem::take(&mut c.spent);
    Ok(Report { done: c.end(), found, rounds: round, spent })
}

/// How long each part took since it had taken `before`.
fn since(
    now: &BTreeMap<&'static str, Duration>,
    before: &BTreeMap<&'static str, Duration>,
) -> BTreeMap<&'static str, Duration> {
    let of = |part: &&'static str| before.get(part).copied().unwrap_or_default();
    now.iter().map(|(part, took)| (*part, took.saturating_sub(of(part)))).collect()
}

impl Campaign {
    /// With everything up. `more` is added to the gateway's configuration, `environment` to the
    /// environment of its process.
    pub fn start(
        dir: &Path,
        program: &Path,
        more: &str,
        environment: &[(&str, &str)],
        seed: u64,
    ) -> Res<Self> {
        Self::of(Firm::new(dir, program, more, environment)?, seed)
    }

    /// With everything up, of a folder that is there.
    pub fn of(firm: Firm, seed: u64) -> Res<Self> {
        let (looker, histories) = (Looker::new(&firm)?, Histories::new(&firm.dir));
        let mut c = Self {
            firm,
            looker,
            histories,
            spent: BTreeMap::new(),
            dice: Dice::new(seed),
            gateway: None,
            desks: BTreeMap::new(),
            done: Done::default(),
        };
        c.start_gateway()?;
        c.start_desks()?;
        Ok(c)
    }

    /// Ends everything.
    pub fn end(mut self) -> Done {
        self.desks.clear();
        self.gateway = None;
        self.firm.stop_dealers();
        self.done
    }

    /// The desks ask and accept for so long.
    pub fn trade(&mut self, ms: u64) {
        self.desks.values_mut().for_each(|d| d.order(Order::Trade));
        std::thread::sleep(Duration::from_millis(ms));
    }

    /// SIGKILL, and a start.
    pub fn restart_gateway(&mut self) -> Res<()> {
        self.kill_gateway();
        self.start_gateway()
    }

    /// From 0 to `n`, without it.
    pub fn dice(&mut self, n: u64) -> u64 {
        self.dice.below(n)
    }

    /// Starts it, and waits until it listens.
    pub fn start_gateway(&mut self) -> Res<()> {
        let mut gateway = self.firm.spawn_gateway()?;
        self.firm.wait_for_gateway(&mut gateway)?;
        self.gateway = Some(gateway);
        Ok(())
    }

    /// Starts a gateway that must end by itself; the end of its log.
    pub fn gateway_does_not_start(&mut self) -> Res<String> {
        let (mut gateway, began) = (self.firm.spawn_gateway()?, Instant::now());
        // It listens before it knows whether it can start, and admits nobody.
        while gateway.ended().is_none() {
            if began.elapsed() > PATIENCE {
                return Err("the gateway starts".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(self.firm.log_end())
    }

    /// Starts a desk that was killed; does not wait until it is on.
    pub fn start_desk(&mut self, desk: &'static str) -> Res<()> {
        let process = self.firm.start_desk(desk, self.dice.roll())?;
        self.runs(desk, process)
    }

    /// Waits until a desk runs.
    fn runs(&mut self, desk: &'static str, mut process: DeskProcess) -> Res<()> {
        match process.hears(PATIENCE)? {
            Told::Ready => drop(self.desks.insert(desk, process)),
            other => return Err(format!("{desk} says {other:?}")),
        }
        Ok(())
    }

    /// Starts every desk that is not up, one beside the other.
    fn start_desks(&mut self) -> Res<()> {
        let missing = DESKS.into_iter().filter(|d| !self.desks.contains_key(d));
        let missing: Vec<&'static str> = missing.collect();
        let mut started = Vec::new();
        for desk in missing {
            started.push((desk, self.firm.start_desk(desk, self.dice.roll())?));
        }
        started.into_iter().try_for_each(|(desk, process)| self.runs(desk, process))
    }

    /// Counts how long a part of a round took.
    fn timed<T>(&mut self, part: &'static str, does: impl FnOnce(&mut Self) -> T) -> T {
        let began = Instant::now();
        let done = does(self);
        *self.spent.entry(part).or_default() += began.elapsed();
        done
    }

    /// SIGKILL.
    pub fn kill_gateway(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            gateway.kill();
            self.done.gateways += 1;
        }
    }

    /// Waits until a desk says these words of why it is not on.
    pub fn desk_reads(&mut self, desk: &str, words: &str) -> Res<()> {
        let process = self.desks.get_mut(desk).ok_or("no such desk")?;
        process.order(Order::Settle);
        let (began, mut last) = (Instant::now(), String::new());
        while began.elapsed() < PATIENCE {
            match process.hears(PATIENCE)? {
                Told::Waiting(why) | Told::Refused(why) if why.contains(words) => return Ok(()),
                Told::Settled(_) => return Err(format!("{desk} is on")),
                told => last = format!("{told:?}"),
            }
        }
        Err(format!("{desk} does not read {words:?}; the last: {last}"))
    }

    /// SIGKILL.
    pub fn kill_desk(&mut self, desk: &str) {
        if let Some(process) = self.desks.remove(desk) {
            process.kill();
            self.done.desks += 1;
            let at = DESKS.iter().position(|d| *d == desk);
            if let Some(n) = at.and_then(|at| self.done.desks_each.get_mut(at)) {
                *n += 1;
            }
        }
    }

    fn pause(&mut self, below_us: u64) -> u64 {
        let us = self.dice.below(below_us);
        std::thread::sleep(Duration::from_micros(us));
        us
    }

    fn round(&mut self, moment: &mut String, depth: Depth) -> Res<()> {
        self.desks.values_mut().for_each(|d| d.order(Order::Trade));
        let after = self.timed("trading", |c| c.pause(500_000));
        let desk = DESKS[self.dice.below(DESKS.len() as u64) as usize];
        let what = self.dice.below(10);
        let mut note = |words: &str| *moment = format!("{words} after {after} us");
        match what {
            0..5 => {
                note("the gateway was killed");
                self.kill_gateway();
            }
            5..7 => {
                note(&format!("{desk} was killed"));
                self.kill_desk(desk);
            }
            7 => {
                note("all desks were killed");
                DESKS.iter().for_each(|d| self.kill_desk(d));
            }
            8 => {
                note(&format!("{desk} and the gateway were killed"));
                self.kill_desk(desk);
                self.kill_gateway();
            }
            _ => {
                self.kill_gateway();
                self.gateway = Some(self.firm.spawn_gateway()?);
                let again = self.pause(400_000);
                note(&format!("the gateway was killed, again {again} us into its start, and that"));
                self.kill_gateway();
            }
        }
        self.timed("starting", |c| {
            if c.gateway.is_none() {
                c.start_gateway()?;
            }
            c.start_desks()
        })?;
        self.look_at(depth)?;
        self.timed("tails of histories", |c| c.histories.tails())
    }

    /// Waits until everything has an answer, and all books are the same. Every record is looked at.
    pub fn look(&mut self) -> Res<()> {
        self.look_at(Depth::Whole)
    }

    /// The same. `depth`: which records are looked at.
    pub fn look_at(&mut self, depth: Depth) -> Res<()> {
        let began = Instant::now();
        loop {
            let taken = now();
            let screens = self.timed("settling", Self::settle)?;
            let looked = self.timed("looking", |c| {
                // At once: dealers go on quoting.
                c.looker.read_journal(&c.firm)?;
                c.looker.look(&c.firm, &screens, taken, depth)
            });
            match looked {
                Ok(figures) => {
                    self.done.figures = figures;
                    return Ok(());
                }
                Err(e) if self.looker.is_at_fault() || began.elapsed() > AGREE => return Err(e),
                Err(_) => std::thread::sleep(AGAIN),
            }
        }
    }

    /// When every RFQ has ended, so that nobody says anything any further: everything once more,
    /// and the desks' whole histories against the evidence.
    fn last_look(&mut self) -> Res<Found> {
        let began = Instant::now();
        let alive =
            |s: &Screen| s.rfqs.iter().any(|r| matches!(r.state, RfqState::Sent | RfqState::Open));
        while self.settle()?.values().any(alive) {
            if began.elapsed() > RFQS_END {
                return Err("RFQs do not end".into());
            }
            std::thread::sleep(AGAIN);
        }
        self.look()?;
        self.histories.tails()?;
        self.timed("whole histories", |c| {
            let began = Instant::now();
            loop {
                // What a desk has just heard is on its way to its disk.
                let marks = |desk: &str| c.looker.marks(desk);
                match c.histories.whole(c.looker.config(), marks) {
                    Err(e) if began.elapsed() > AGREE => return Err(e),
                    Err(_) => std::thread::sleep(AGAIN),
                    found => return found,
                }
            }
        })
    }

    fn settle(&mut self) -> Res<BTreeMap<&'static str, Screen>> {
        let mut screens = BTreeMap::new();
        self.desks.values_mut().for_each(|d| d.order(Order::Settle));
        for (desk, process) in &mut self.desks {
            let began = Instant::now();
            loop {
                match process.hears(PATIENCE)? {
                    Told::Settled(screen) => {
                        screens.insert(*desk, *screen);
                        break;
                    }
                    Told::Refused(why) if began.elapsed() > REFUSED_MAX => {
                        return Err(format!("{desk} is refused: {why}"));
                    }
                    Told::Waiting(why) if began.elapsed() > PATIENCE => {
                        return Err(format!("{desk} does not settle: {why}"));
                    }
                    Told::Refused(_) | Told::Waiting(_) | Told::Ready => {}
                }
            }
        }
        Ok(screens)
    }
}
