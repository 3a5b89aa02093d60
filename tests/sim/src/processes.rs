//! The desk, the gateway and the dealers start and end.

use super::{Timer, World};
use crate::{desk::Desk, gateway::Gateway, keeper::Keeper, link::Side, rng::Rng};
use signet_gateway::GatewayError;

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
        let (folder, offset) = (self.folder.join("gateway"), self.gateway_offset());
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

    pub(super) fn crash_gateway(&mut self, store_lost: bool) {
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
