//! Sessions that are on are judged again when something changes that they were judged by: the
//! registry, the policies, the country file, the clock, and time itself.

use super::{EndReason, Pipeline, Reassess, registry_standing::RegistryStanding};
use crate::{
    clock::{now, steady},
    geo::GeoFault,
    registry_view::RegistryView,
    stamp::{self, Stamp},
};
use signet_events::About;
use signet_rfq::UtcMillis;
use std::{path::PathBuf, rc::Rc, time::Duration};
use tokio::time::timeout;

/// The registry is asked when it changes, and at least this often: certificates expire by
/// themselves.
pub(super) const REGISTRY_LOOK: Duration = Duration::from_millis(500);
/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Every session is judged again at least this often: hours pass, files and reports grow old.
const AGAIN_MS: i64 = 10_000;
/// A broken file of `[geo]` is reported at once, and then this often.
const COMPLAIN_MS: i64 = 10 * 60_000;

/// Ends sessions whose user, device or certificate is no longer good, and says when the registry
/// no longer confirms who is.
pub async fn watch_registry(pipeline: Rc<Pipeline>, registry: Rc<RegistryView>) {
    let mut snapshots = registry.snapshots();
    let mut standing = RegistryStanding::default();
    // Before anybody is on: what is heard at the first look is told to nobody, and a look that
    // waits for a change would be the one that hears what came after the first Logon.
    pipeline.hear_signals();
    loop {
        // A registry thread that is gone shows as a view that grows old.
        if let Ok(Err(_)) = timeout(REGISTRY_LOOK, snapshots.changed()).await {
            tokio::time::sleep(REGISTRY_LOOK).await;
        }
        standing.tell(&pipeline, &registry);
        pipeline.hear_signals();
        pipeline.end_sessions(|s| {
            registry.still_good(&s.shown).map_err(EndReason::from)?;
            pipeline.not_held(&s.connection.user)
        });
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
        pipeline.look_at_clock();
        pipeline.end_leases_of_another_clock();
        let clock_set = pipeline.clock.take_set();
        let reloaded = looks.policy(&pipeline).await;
        let geo = pipeline.risk.refresh_geo(steady()).await;
        looks.geo(&pipeline, at);
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
    countries: Complaint,
    systems: Complaint,
}

impl Looks {
    fn new(files: Vec<PathBuf>) -> Self {
        // The first look reads them: they may have changed since the start read them.
        Self {
            files,
            stamps: Vec::new(),
            countries: Complaint::default(),
            systems: Complaint::default(),
        }
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

    /// Says what is wrong with the files of `[geo]`.
    fn geo(&mut self, pipeline: &Rc<Pipeline>, at: UtcMillis) {
        let say = |code: &'static str, f: GeoFault| {
            let words = f.to_string();
            pipeline.events.gateway(code, About::object("gateway"), words);
        };
        if let Some(f) = self.countries.due(pipeline.risk.geo_fault(at), at) {
            tracing::error!(alert = true, "countries cannot be told: {f}");
            say("risk.geo_fault", f);
        }
        if let Some(f) = self.systems.due(pipeline.risk.asn_fault(at), at) {
            tracing::warn!("autonomous systems cannot be told: {f}");
            say("risk.asn_fault", f);
        }
    }
}

/// A fault that lasts, and when it was said last.
#[derive(Default)]
struct Complaint {
    fault: Option<GeoFault>,
    said: Option<UtcMillis>,
}

impl Complaint {
    /// The fault, when it is to be said: at once, when it is another one, and then at times.
    fn due(&mut self, fault: Option<GeoFault>, at: UtcMillis) -> Option<GeoFault> {
        let again = |said: UtcMillis| at.since(said).unsigned_abs() >= COMPLAIN_MS.unsigned_abs();
        let due = fault != self.fault || self.said.is_none_or(again);
        self.fault.clone_from(&fault);
        let say = fault.filter(|_| due)?;
        self.said = Some(at);
        Some(say)
    }
}

fn stamps_of(files: &[PathBuf]) -> Vec<Stamp> {
    files.iter().map(|f| stamp::of(f)).collect()
}
