//! Sessions that are on are judged again when something changes that they were judged by: the
//! registry, the policies, the country file, the clock, and time itself.

use super::{EndReason, Pipeline, Reassess};
use crate::{
    clock::now,
    registry_view::RegistryView,
    stamp::{self, Stamp},
};
use signet_events::About;
use signet_rfq::UtcMillis;
use std::{
    path::PathBuf,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// The registry is asked when it changes, and at least this often: certificates expire by
/// themselves.
const REGISTRY_LOOK: Duration = Duration::from_millis(500);
/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Every session is judged again at least this often: hours pass, files and reports grow old.
const AGAIN_MS: i64 = 10_000;
/// A broken country file is reported at once, and then this often.
const COMPLAIN_MS: i64 = 10 * 60_000;
/// Wall clock and steady clock may part by so much between two looks.
const CLOCK_STEP_MS: i64 = 2_000;

/// Ends sessions whose user, device or certificate is no longer good.
pub async fn watch_registry(pipeline: Rc<Pipeline>, registry: Rc<RegistryView>) {
    let mut snapshots = registry.snapshots();
    loop {
        // A registry thread that is gone shows as a view that grows old.
        if let Ok(Err(_)) = timeout(REGISTRY_LOOK, snapshots.changed()).await {
            tokio::time::sleep(REGISTRY_LOOK).await;
        }
        pipeline.end_sessions(|s| registry.still_good(&s.shown).map_err(EndReason::from));
    }
}

/// Looks for newer policy files and passing time, and judges every session again.
pub async fn watch_risk(pipeline: Rc<Pipeline>, files: Vec<PathBuf>) {
    let mut looks = Looks::new(files);
    let mut snapshots = pipeline.registry.as_ref().map(|r| r.snapshots());
    let mut judged = now();
    loop {
        let registry_changed = match &mut snapshots {
            Some(s) => timeout(LOOK, s.changed()).await.is_ok_and(|r| r.is_ok()),
            None => {
                tokio::time::sleep(LOOK).await;
                false
            }
        };
        let at = now();
        let clock_set = looks.clock(&pipeline, at);
        let reloaded = looks.policy(&pipeline).await;
        let geo = pipeline.risk.refresh_geo().await;
        looks.countries(&pipeline, at);
        if reloaded || geo || registry_changed || clock_set {
            pipeline.reassess_all(Reassess::Changed).await;
        }
        if at.since(judged).unsigned_abs() >= AGAIN_MS.unsigned_abs() {
            judged = at;
            pipeline.reassess_all(Reassess::TimePassed).await;
        }
    }
}

/// What the last look found.
struct Looks {
    files: Vec<PathBuf>,
    stamps: Vec<Stamp>,
    clocks: (Instant, UtcMillis),
    geo_fault: Option<crate::geo::GeoFault>,
    complained: UtcMillis,
}

impl Looks {
    fn new(files: Vec<PathBuf>) -> Self {
        let clocks = (Instant::now(), now());
        // The first look reads them: they may have changed since the start read them.
        Self { files, stamps: Vec::new(), clocks, geo_fault: None, complained: UtcMillis(0) }
    }

    /// Whether the wall clock was set: every touch then counts as too long ago.
    fn clock(&mut self, pipeline: &Rc<Pipeline>, at: UtcMillis) -> bool {
        let step = stepped(self.clocks.0.elapsed(), at.since(self.clocks.1));
        self.clocks = (Instant::now(), at);
        let Some(ms) = step else { return false };
        tracing::error!(
            alert = true,
            ms,
            "the gateway's clock was set; every touch counts as too long ago"
        );
        let words = format!("by {ms} ms; all leases ended");
        pipeline.events.gateway("clock.stepped", About::object("gateway"), words);
        pipeline.step_up_clock_set();
        true
    }

    /// Whether another risk policy is in force now. Files are read away from the trading thread.
    async fn policy(&mut self, pipeline: &Rc<Pipeline>) -> bool {
        let section = pipeline.risk.section().clone();
        let (files, before) = (self.files.clone(), self.stamps.clone());
        let look = move || {
            let newer = stamps_of(&files);
            let read = (newer != before).then(|| section.read());
            (newer, read)
        };
        let Ok((newer, read)) = tokio::task::spawn_blocking(look).await else { return false };
        self.stamps = newer;
        read.is_some_and(|read| pipeline.take_risk(read).is_ok_and(|change| change.is_some()))
    }

    /// Says what is wrong with the country file.
    fn countries(&mut self, pipeline: &Rc<Pipeline>, at: UtcMillis) {
        let fault = pipeline.risk.geo_fault(at);
        let long_ago = at.since(self.complained).unsigned_abs() >= COMPLAIN_MS.unsigned_abs();
        if let Some(f) = fault.as_ref().filter(|f| long_ago || self.geo_fault.as_ref() != Some(*f))
        {
            self.complained = at;
            tracing::error!(alert = true, "countries cannot be told: {f}");
            pipeline.events.gateway("risk.geo_fault", About::object("gateway"), f.to_string());
        }
        self.geo_fault = fault;
    }
}

/// By how much the wall clock was set since the last look, if it was.
fn stepped(steady: Duration, wall_ms: i64) -> Option<i64> {
    let steady_ms = i64::try_from(steady.as_millis()).unwrap_or(i64::MAX);
    let by = wall_ms.saturating_sub(steady_ms);
    (by.unsigned_abs() > CLOCK_STEP_MS.unsigned_abs()).then_some(by)
}

fn stamps_of(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|f| stamp::of(f)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_is_told_from_one_that_is_late() {
        for (steady_ms, wall_ms, want) in [
            (1_000, 1_000, None),
            (1_000, 3_000, None),
            (1_000, 3_001, Some(2_001)),
            (1_000, -1_001, Some(-2_001)),
            // A machine that stood still: both clocks say so.
            (60_000, 60_500, None),
            (0, i64::MIN, Some(i64::MIN)),
        ] {
            assert_eq!(
                stepped(Duration::from_millis(steady_ms), wall_ms),
                want,
                "{steady_ms} {wall_ms}"
            );
        }
    }
}
