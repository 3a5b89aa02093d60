//! The desk, the gateway and the dealers start and end.

use super::{BARRED_MS, Timer, World};
use crate::{
    check::broken,
    desk::Desk,
    gateway::Gateway,
    keeper::Keeper,
    link::{NEVER, Side},
    rng::Rng,
};
use signet_gateway::GatewayError;
use std::fs;

/// A gateway that does not start is started again after so long, as by `RestartSec` of systemd.
const RESTART_MS: i64 = 1_000;

impl World {
    pub(super) fn start_desk(&mut self) {
        if self.desk.is_some() {
            return;
        }
        self.desk_runs += 1;
        let session = self.links[0].start(Side::Dials);
        let keeper = Keeper::new(Rng::new(self.dials.bits()), self.t, self.links[0].delay);
        let (file, ahead_ms) = (self.folder.join("in_flight"), self.laptop_ahead_ms);
        let desk = Desk::start(&file, (session, keeper), self.desk_runs, ahead_ms, self.t);
        self.desk = Some(desk);
        self.truth.seen.wrong_clocks += usize::from(ahead_ms != 0);
        self.say(|| "the desk starts".into());
    }

    pub(super) fn crash_desk(&mut self, store_lost: bool) {
        let t = self.t;
        if let Some(mut d) = self.desk.take() {
            let frame = d.screen(t);
            self.truth.shown.extend(crate::desk::filled(&frame));
            drop(d);
            self.links[0].crash(Side::Dials, store_lost, t);
        }
    }

    pub(super) fn start_gateway(&mut self) {
        if self.gateway.is_some() {
            return;
        }
        let desk = self.links[0].start(Side::Listens);
        let dealers = self.links[1..].iter_mut().map(|l| l.start(Side::Dials)).collect();
        let (folder, around) = (self.folder.join("gateway"), (self.gateway_offset(), self.barred));
        let dealers: Vec<_> = dealers;
        match Gateway::start(&folder, desk, &dealers, around, self.t) {
            Ok(g) => {
                self.same_day(&g);
                self.barred_is_due();
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

    /// Limits count of the trader's day what they counted when the gateway went.
    fn same_day(&mut self, g: &Gateway) {
        // Of an older journal something else is found.
        if self.on_older {
            return;
        }
        let Some((at, before)) = self.day.take() else { return };
        let after = g.day_of(at);
        // A run begins at midnight. A gateway that ran does not believe a clock that was set ahead
        // into the next day, and one that starts does.
        if !self.truth.clock_was_set && before != after {
            let words = format!("{before:?} before the restart, {after:?} after it");
            self.truth.fault = Some(broken("limit.restart", words));
        }
    }

    /// A gateway that can end what somebody has open who is kept out has from now on so long to do
    /// it.
    pub(super) fn barred_is_due(&mut self) {
        self.barred_due = if self.barred.is_some() { self.t + BARRED_MS } else { NEVER };
    }

    /// The gateway ends and is started on an older journal, which it must find out; then it has its
    /// own again.
    pub(super) fn older_journal(&mut self, for_ms: i64) {
        self.crash_gateway(false);
        self.timers.push((self.t + for_ms, Timer::StartGateway));
        // A record that the evidence was still to get is missed by nobody.
        if self.evidence_refused {
            return;
        }
        let path = self.folder.join("gateway/rfqs.journal");
        let newest = fs::read(&path).unwrap_or_default();
        let Some(copy) = self.journal_copy.clone().filter(|copy| *copy != newest) else { return };
        fs::write(&path, copy).expect("the journal");
        self.on_older = true;
        self.start_gateway();
        if self.gateway.is_some() {
            let words = "the gateway starts on an older journal";
            self.truth.fault = Some(broken("journal.older", words));
            self.crash_gateway(false);
        }
        self.on_older = false;
        self.truth.seen.older += 1;
        fs::write(&path, newest).expect("the journal");
    }

    /// The process ends. While the disk of its evidence refuses, that is as it should be, and its
    /// supervisor starts it again.
    fn gateway_does_not_start(&mut self, e: &GatewayError) {
        self.say(|| format!("the gateway does not start: {e}"));
        self.gateway_ends(false);
        if self.on_older && matches!(e, GatewayError::Rewritten(_)) {
            return;
        }
        if self.evidence_refuses && cannot_write_evidence(e) {
            self.truth.gateway_is_away(self.t);
            self.timers.push((self.t + RESTART_MS, Timer::StartGateway));
        } else {
            self.truth.does_not_start = Some(e.to_string());
        }
    }

    pub(super) fn crash_gateway(&mut self, store_lost: bool) {
        if let Some(g) = self.gateway.take() {
            if !self.on_older {
                let at = g.clock(self.t);
                self.day = Some((at, g.day_of(at)));
            }
            drop(g);
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

    pub(super) fn start_dealer(&mut self, i: usize) {
        if !self.dealer_runs[i].0 {
            self.dealer_runs[i] = (true, self.dealer_runs[i].1 + 1);
            self.links[i + 1].start(Side::Listens);
        }
    }

    /// A dealer ends without a word.
    pub(super) fn crash_dealer(&mut self, i: usize) {
        self.dealer_runs[i].0 = false;
        self.links[i + 1].crash(Side::Listens, false, self.t);
    }
}

/// Whether a start failed because evidence could not be written.
fn cannot_write_evidence(e: &GatewayError) -> bool {
    matches!(e, GatewayError::Signed(e) if e.code() == "signed_log.unwritable")
}
