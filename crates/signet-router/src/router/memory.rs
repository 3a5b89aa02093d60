//! What is forgotten, and by which clock; and which trading day it is for limits.
//!
//! What a running gateway remembers it forgets by the steady clock: a wall clock that is set
//! forgets nothing, and a step forward ends no trading day before it is believed. Records of a
//! journal have the wall clock only. A gap between two of them, or between the last one and the
//! start, may be a gateway at rest or a clock that was set: it counts for 12 hours at most, so that
//! neither alone forgets a trade of the hours before.

use super::{Doing, Entry, Router};
use signet_identity::CompId;
use signet_rfq::{Rfq, RfqId, UtcMillis};
use std::time::Duration;

/// What counts of a gap in a journal: half of what trades are remembered for.
const GAP_MAX_MS: i64 = 12 * 3_600_000;
/// Wall clock and steady clock part by more only if the wall clock was set. The gateway's watch
/// over its clock has this measure as well.
pub const CLOCK_STEP_MS: i64 = 2_000;
/// A clock is corrected bit by bit by less than one part in so many of the time that passes. What
/// it gains beyond that adds up to a step.
pub const CLOCK_CORRECTED_PART: i64 = 10;
/// A wall clock that was set ahead is believed after it has stood there for so long. The step is
/// told at once: this is the time in which people can set it back.
const BELIEVED_AFTER_MS: i64 = 3_600_000;

/// How much time has passed. Pure: both clocks are passed in.
#[derive(Debug, Default)]
pub(super) struct Elapsed {
    /// Grows by the time that has passed. It begins with the wall clock and means nothing else.
    memory: Option<UtcMillis>,
    /// What the wall clock read last.
    wall: Option<UtcMillis>,
    /// What the steady clock read last; `None` as long as nobody passes it in.
    steady_ms: Option<i64>,
    /// What the wall clock is believed to read.
    believed: Option<UtcMillis>,
    /// For how long it has read more.
    ahead_ms: i64,
    /// Time that has passed and is too short for a millisecond of what is followed.
    rest_ms: i64,
}

impl Elapsed {
    /// A record of this time is replayed.
    pub(super) fn replayed(&mut self, at: UtcMillis) {
        let gap = self.wall.replace(at).map_or(0, |before| at.since(before));
        self.add(gap.clamp(0, GAP_MAX_MS), at);
    }

    /// The wall clock reads `now`. It counts where nobody passes the steady clock in.
    pub(super) fn wall_is(&mut self, now: UtcMillis) {
        if self.steady_ms.is_none() {
            let by = self.wall.replace(now).map_or(0, |before| now.since(before));
            self.add(by, now);
        }
    }

    /// Both clocks. The first reading is that of the start.
    pub(super) fn both_are(&mut self, now: UtcMillis, steady_ms: i64) {
        let Some(before) = self.steady_ms.replace(steady_ms) else {
            let gap = self.wall.map_or(0, |last| now.since(last));
            self.add(gap.clamp(0, GAP_MAX_MS), now);
            self.believed = Some(now);
            return;
        };
        let passed = steady_ms.saturating_sub(before).max(0);
        self.add(passed, now);
        let expected = self.believed.map_or(now, |b| b + passed);
        let ahead = now.since(expected) > CLOCK_STEP_MS;
        self.ahead_ms = if ahead { self.ahead_ms.saturating_add(passed) } else { 0 };
        let since = self.rest_ms.saturating_add(passed);
        self.rest_ms = since % CLOCK_CORRECTED_PART;
        self.believed = Some(match ahead {
            true if self.ahead_ms < BELIEVED_AFTER_MS => expected,
            true => now,
            false => now.min(expected + since / CLOCK_CORRECTED_PART),
        });
    }

    fn add(&mut self, ms: i64, now: UtcMillis) {
        self.memory = Some(self.memory.map_or(now, |m| m + ms));
    }

    /// The time by which things are forgotten.
    pub(super) fn memory(&self, now: UtcMillis) -> UtcMillis {
        self.memory.unwrap_or(now)
    }

    /// What the wall clock is believed to read when it reads `now`.
    fn believed(&self, now: UtcMillis) -> UtcMillis {
        self.believed.filter(|b| now.since(*b) > CLOCK_STEP_MS).unwrap_or(now)
    }

    /// Something happened now that is to be remembered, as something did at `before`.
    pub(super) fn kept(&self, before: Kept, now: UtcMillis) -> Kept {
        Kept { from: self.memory(now), wall: before.wall.max(now) }
    }
}

/// When an RFQ last had an accept, an end or a dispute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// By the time by which things are forgotten.
    pub from: UtcMillis,
    /// By the wall clock: the latest that it read then.
    pub wall: UtcMillis,
}

impl Router {
    /// What the wall clock reads, and how much has passed on a clock that nobody sets, since any
    /// moment. To be called at the start, once the journal has been read, and then before anything
    /// is judged by the wall clock.
    pub fn clocks(&mut self, now: UtcMillis, steady: Duration) {
        let ms = i64::try_from(steady.as_millis()).unwrap_or(i64::MAX);
        self.elapsed.both_are(now, ms);
    }

    /// Whether an RFQ is remembered; if not, its records may be dropped.
    pub fn remembers(&self, rfq: &RfqId) -> bool {
        self.rfqs.contains_key(rfq)
    }

    /// What was asked in the future counts as asked now: a lost answer would not be asked for again
    /// before then.
    pub(super) fn clock_was_set_back(&mut self, now: UtcMillis) {
        let asked = |e: &Entry| e.asked_at.is_some_and(|t| t > now);
        let ids: Vec<RfqId> =
            self.rfqs.alive().filter(|(_, e)| asked(e)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            if let Some(e) = self.rfqs.get_mut(&id) {
                e.asked_at = Some(now);
            }
        }
        self.rfqs.settle();
    }

    /// Every RFQ of a desk that is remembered, ended ones among them, as the gateway holds it.
    pub fn rfqs_of<'a>(&'a self, desk: &'a CompId) -> impl Iterator<Item = &'a Rfq> {
        self.rfqs.iter().filter(move |(_, e)| &e.desk == desk).map(|(_, e)| &e.rfq)
    }

    /// What a desk is doing, as limits count it.
    pub fn doing(&self, desk: &CompId, now: UtcMillis) -> Doing {
        self.doing_without(desk, None, now)
    }

    /// The same, not counting one RFQ's own place among what is open.
    pub(super) fn doing_without(
        &self,
        desk: &CompId,
        without: Option<&RfqId>,
        now: UtcMillis,
    ) -> Doing {
        self.rfqs.doing(desk, without, self.elapsed.believed(now))
    }

    pub(super) fn forget(&mut self, now: UtcMillis) {
        for id in self.rfqs.to_forget(self.elapsed.memory(now)) {
            self.forget_one(&id);
        }
    }

    pub(super) fn forget_one(&mut self, id: &RfqId) {
        let Some(e) = self.rfqs.remove(id) else { return };
        if e.rfq.is_to_be_remembered() {
            self.forgotten = self.forgotten.max(Some(e.kept.wall));
        }
        self.accepts.forget(id);
        self.names.forget(id);
    }

    /// The journal lacks records of the time before `at`, which a person has accepted.
    pub fn lacks_before(&mut self, at: UtcMillis) {
        self.forgotten = self.forgotten.max(Some(at));
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
