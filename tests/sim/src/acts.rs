//! What an event of the schedule does.

use super::{Timer, World};
use crate::{
    cast::DEALERS,
    keeper::handshake_ms,
    link::{Connection, NEVER, Side},
    schedule::{Act, End},
};
use signet_gateway::simulated::Bar;

impl World {
    /// An event happens.
    pub(super) fn act(&mut self, act: &Act) {
        *self.truth.acts.entry(act.name()).or_default() += 1;
        match act {
            Act::Ask { .. }
            | Act::AskPackage { .. }
            | Act::Take { .. }
            | Act::TakePart { .. }
            | Act::TakeWithin { .. }
            | Act::ApproveAhead { .. }
            | Act::Arm { .. }
            | Act::Confirm
            | Act::Counter { .. }
            | Act::Cancel { .. }
            | Act::Dismiss { .. }
            | Act::SendList { .. }
            | Act::TakeList => self.trader(act),
            Act::Requote { dealer }
            | Act::Withdraw { dealer }
            | Act::Bust { dealer }
            | Act::Correct { dealer } => {
                let i = which(*dealer);
                if self.dealer_runs[i].0 {
                    let does = match act {
                        Act::Requote { .. } => self.dealers[i].requote(self.t, &mut self.rng),
                        Act::Bust { .. } => self.dealers[i].bust(self.t),
                        Act::Correct { .. } => self.dealers[i].correct(self.t),
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
                    self.truth.taken.insert(rfq.to_string(), self.t);
                }
            }
            Act::ColleagueAccepts { pick } => {
                self.colleagues += 1;
                if let Some(g) = &self.gateway {
                    g.colleague_accepts(*pick, self.colleagues, self.t);
                }
            }
            act => self.path(act),
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
            Act::TakePart { pick, percent } => {
                let armed = d.arm_part(*pick, *percent, t);
                armed.then(|| d.confirm(t));
            }
            Act::TakeWithin { pick, ticks } => {
                let armed = d.arm_within(*pick, *ticks, t);
                armed.then(|| d.confirm(t));
            }
            Act::ApproveAhead { pick, ticks } => d.approve_ahead(*pick, *ticks, t),
            Act::Arm { pick } => drop(d.arm(*pick, t)),
            Act::Confirm => d.confirm(t),
            Act::Counter { pick } => d.counter(*pick, t),
            Act::Cancel { pick } => d.cancel(*pick, t),
            Act::Dismiss { pick } => self.truth.shown.extend(d.dismiss(*pick, t)),
            Act::SendList { millions, ttl_s } => d.send_list(*millions, *ttl_s, t),
            Act::TakeList => d.take_list(t),
            _ => {}
        }
    }

    /// What happens to the desk's connection, and to the network.
    fn path(&mut self, act: &Act) {
        let t = self.t;
        match act {
            Act::Silence { from, after, for_ms } => {
                self.silence(side_of(*from), *after, for_ms.map(|ms| t + ms));
            }
            Act::DeskLag { from, by_ms, for_ms } => {
                let until = t + self.links[0].delay + for_ms;
                if let Some(c) = self.connection() {
                    c.lag(side_of(*from), *by_ms, until);
                }
            }
            Act::Reset => {
                if let Some(c) = self.connection() {
                    c.reset(t);
                }
            }
            Act::NewAddress { old_lives } => self.new_address(*old_lives),
            Act::DialBeside { takes_ms } => self.dial_beside(*takes_ms),
            Act::Migrate { proof_ms, proved } => {
                if let Some(c) = self.connection() {
                    c.held_until = t + proof_ms;
                    let id = c.id;
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
            Act::Replay => self.replay(),
            act => self.clock(act),
        }
    }

    /// A clock is set.
    fn clock(&mut self, act: &Act) {
        let t = self.t;
        match act {
            Act::GatewayClock { ms } => {
                self.truth.clock_was_set = true;
                let offset = self.gateway_offset() + ms;
                self.gateway_clock.push((t, offset));
                if let Some(g) = &mut self.gateway {
                    g.offset = offset;
                    g.clock_was_set(t);
                }
            }
            Act::DeskClock { ms } => self.laptop_ahead_ms += ms,
            Act::DealerClock { dealer, ms } => self.dealers[which(*dealer)].ahead_ms += ms,
            act => self.crash(act),
        }
    }

    /// A process ends, or the line to a dealer is not what it should be.
    fn crash(&mut self, act: &Act) {
        let t = self.t;
        match act {
            Act::DeskCrash { for_ms, store_lost } => {
                self.crash_desk(*store_lost);
                self.timers.push((t + for_ms, Timer::StartDesk));
            }
            Act::GatewayCrash { for_ms, store_lost } => {
                self.crash_gateway(*store_lost);
                self.timers.push((t + for_ms, Timer::StartGateway));
            }
            Act::DealerCrash { dealer, for_ms } | Act::DealerForgets { dealer, for_ms } => {
                let i = which(*dealer);
                self.crash_dealer(i);
                if matches!(act, Act::DealerForgets { .. }) {
                    self.truth.seen.forgotten += self.dealers[i].forget(t);
                }
                self.timers.push((t + for_ms, Timer::StartDealer(i)));
            }
            Act::DealerAway { dealer } => {
                let i = which(*dealer);
                self.crash_dealer(i);
                self.away[i] = true;
            }
            Act::DealerLeaves { dealer } => {
                if let Some(session) = self.links[which(*dealer) + 1].session(Side::Listens) {
                    session.logout("closed for a moment");
                }
            }
            Act::DealerReset { dealer } => {
                let line = &mut self.links[which(*dealer) + 1];
                line.connections.iter_mut().for_each(|c| c.reset(t));
            }
            Act::DealerLag { dealer, to_dealer, by_ms, for_ms } => {
                let from = if *to_dealer { Side::Dials } else { Side::Listens };
                let line = &mut self.links[which(*dealer) + 1];
                let until = t + line.delay + for_ms;
                line.connections.iter_mut().for_each(|c| c.lag(from, *by_ms, until));
            }
            act => self.other_fault(act),
        }
    }

    /// Disks, policies and signatures.
    fn other_fault(&mut self, act: &Act) {
        let t = self.t;
        match act {
            Act::DiskFull { for_ms } => {
                self.disk(true);
                self.timers.push((t + for_ms, Timer::DiskFree));
            }
            Act::DiskFails { end, for_ms } => {
                self.disk_fails(*end, true);
                self.timers.push((t + for_ms, Timer::DiskWorks(*end)));
            }
            Act::Forge(how) => self.signer.forge(*how),
            Act::EvidenceFails { for_ms } => {
                self.evidence_fails(true);
                self.timers.push((t + for_ms, Timer::EvidenceWorks));
            }
            Act::Locked { for_ms } => {
                self.lock(true);
                self.timers.push((t + for_ms, Timer::Unlock));
            }
            Act::Barred { how, for_ms } => {
                self.bar(Some(*how));
                self.timers.extend(for_ms.map(|ms| (t + ms, Timer::Unbar)));
            }
            Act::KeepJournal => {
                self.journal_copy = std::fs::read(self.folder.join("gateway/rfqs.journal")).ok();
            }
            Act::OlderJournal { for_ms } => self.older_journal(*for_ms),
            _ => {}
        }
    }

    /// The connection that the desk has.
    fn connection(&mut self) -> Option<&mut Connection> {
        let id = self.desk.as_ref().and_then(|d| d.connection)?;
        self.links[0].connection(id)
    }

    pub(super) fn silence(&mut self, from: Side, after: u32, until: Option<i64>) {
        if let Some(c) = self.connection() {
            c.silence(from, usize::try_from(after).unwrap_or(0), until.unwrap_or(NEVER));
        }
    }

    /// The desk's last accept arrives once more, as it was.
    fn replay(&mut self) {
        let (t, delay) = (self.t, self.links[0].delay);
        let frame = self.links[0].last_accept.clone();
        if let Some(c) = self.connection() {
            c.inject(Side::Dials, frame, t, delay);
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
        self.dial_beside(handshake_ms(self.links[0].delay));
    }

    /// The desk dials, which takes so long; a connection that is up serves it until then.
    fn dial_beside(&mut self, takes_ms: i64) {
        let ready = self.t + takes_ms;
        if let Some(d) = &mut self.desk {
            d.keeper.dials_by(ready, d.connection.is_some());
        }
    }

    /// The desk's connection is proved to be at another address: the gateway judges it from there,
    /// also when a newer one has taken its place meanwhile.
    pub(super) fn proved(&mut self, id: u32) {
        let t = self.t;
        let Some(c) = self.links[0].connection(id) else { return };
        let up = c.outbox[Side::Listens as usize].clone();
        let late = up.is_none() && c.displaced.is_some();
        let Some(outbox) = up.or_else(|| c.displaced.clone()) else { return };
        self.truth.seen.late_moves += usize::from(late);
        let goes_on = self.gateway.as_ref().is_none_or(|g| g.desk_moved(&outbox, t));
        if !goes_on && let Some(c) = self.links[0].connection(id) {
            c.reset(t);
        }
    }

    // ----- policies and disks -----

    pub(super) fn lock(&mut self, locked: bool) {
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

    /// The registry keeps the trader out, or lets the trader in again.
    pub(super) fn bar(&mut self, bar: Option<Bar>) {
        match (bar, self.barred) {
            (Some(_), None) => self.truth.barred.push((self.t, NEVER)),
            (None, Some(_)) => {
                if let Some(span) = self.truth.barred.last_mut() {
                    span.1 = self.t;
                }
            }
            _ => {}
        }
        let changed = bar != self.barred;
        self.barred = bar;
        self.barred_is_due();
        if let Some(g) = self.gateway.as_ref().filter(|_| changed) {
            g.bar(bar, self.t);
        }
    }

    pub(super) fn disk(&mut self, full: bool) {
        self.disk_full = full;
        if let Some(g) = &self.gateway {
            g.is_full(full);
        }
    }

    /// The disk of an end refuses to write, or writes again.
    pub(super) fn disk_fails(&mut self, end: End, fails: bool) {
        let file = if end == End::Desk { "in_flight" } else { "gateway/rfqs.journal" };
        signet_journal::disk::refuses(&self.folder.join(file), fails);
        if end == End::Gateway {
            self.journal_refuses = fails;
            self.barred_is_due();
        }
    }

    /// The disk of the gateway's evidence refuses to write, or writes again.
    pub(super) fn evidence_fails(&mut self, fails: bool) {
        self.evidence_refuses = fails;
        self.evidence_refused |= fails;
        self.barred_is_due();
        let files = std::fs::read_dir(self.folder.join("gateway/signed"));
        for file in files.into_iter().flatten().flatten() {
            signet_journal::disk::refuses(&file.path(), fails);
        }
    }
}

/// The side of the desk's link that sends.
fn side_of(from: End) -> Side {
    if from == End::Desk { Side::Dials } else { Side::Listens }
}

fn which(dealer: u8) -> usize {
    usize::from(dealer) % DEALERS.len()
}
