//! Policies that change while the gateway runs: read away from the trading thread, put in force
//! whole or not at all.

use super::{Pipeline, Reassess};
use crate::{
    clock::now,
    config::{ConfigError, RiskPolicy},
    entitle::{Looked, PolicyVersion, read_aside},
};
use signet_events::About;
use signet_policy::entitle::{CedarEntitlements, Entitlements as _};
use std::{rc::Rc, time::Duration};

const LOOK: Duration = Duration::from_secs(1);
/// Files are read whole this often even when nothing seems to have changed: a file system's clock
/// may be coarse.
const LOOK_CLOSELY_EVERY: u32 = 10;

/// Digests before and after; `None` when nothing changed.
pub type Change = Option<(String, String)>;

/// Reads the entitlements again when a file changed, and puts them in force when they are good. Two
/// files that belong together are changed one after the other: they are read once both have been
/// left alone from one look to the next.
pub async fn watch_entitlements(pipeline: Rc<Pipeline>) {
    let gate = &pipeline.entitlements;
    let (mut last, mut read_at, mut complained) = (Looked::default(), Looked::default(), None);
    let mut looks = 0u32;
    loop {
        tokio::time::sleep(LOOK).await;
        looks = looks.wrapping_add(1);
        let section = gate.section().clone();
        let Ok(seen) = tokio::task::spawn_blocking(move || Looked::at(&section)).await else {
            continue;
        };
        let settled = seen == last;
        last = seen.clone();
        if !settled || (seen == read_at && !looks.is_multiple_of(LOOK_CLOSELY_EVERY)) {
            continue;
        }
        let Some(version) = read_aside(gate).await else { continue };
        read_at = seen;
        match version {
            PolicyVersion::Same => complained = None,
            PolicyVersion::Good(new) => {
                complained = None;
                pipeline.put_in_force(*new);
            }
            PolicyVersion::Broken { digest, why } => {
                let text = why.to_string();
                if complained.as_ref() != Some(&(digest.clone(), text.clone())) {
                    pipeline.entitlements_refused(&digest, &text);
                    complained = Some((digest, text));
                }
            }
        }
    }
}

impl Pipeline {
    /// Reads the entitlements now, whatever else is going on with the files: for an administrator
    /// who has just put them there.
    pub(super) async fn reload_entitlements(self: &Rc<Self>) -> Result<Change, String> {
        let before = self.entitlements.policies().digest().to_owned();
        match read_aside(&self.entitlements).await {
            None => Err("the files changed while they were read; look again".into()),
            Some(PolicyVersion::Same) => Ok(None),
            Some(PolicyVersion::Good(new)) => {
                self.put_in_force(*new);
                Ok(Some((before, self.entitlements.policies().digest().to_owned())))
            }
            Some(PolicyVersion::Broken { digest, why }) => {
                let why = why.to_string();
                self.entitlements_refused(&digest, &why);
                Err(why)
            }
        }
    }

    fn put_in_force(&self, new: CedarEntitlements) {
        let (digest, begins) = (new.digest().to_owned(), new.day_begins_ms());
        let old = self.entitlements.replace(new);
        self.router.day_begins(begins);
        tracing::warn!(old = old.digest(), new = digest, "entitlements changed");
        let detail = format!("{} -> {digest}", old.digest());
        self.events.gateway("entitle.changed", About::object("entitlements"), detail);
    }

    fn entitlements_refused(&self, digest: &str, why: &str) {
        let in_force = self.entitlements.policies().digest().to_owned();
        tracing::error!(
            digest,
            in_force,
            "new entitlements are refused and the last good ones stay: {why}"
        );
        let detail = format!("{digest} is refused, {in_force} stays: {why}");
        self.events.gateway("entitle.refused", About::object("entitlements"), detail);
    }

    /// Reads the risk policy now and judges every session again by it.
    pub(super) async fn reload_risk(self: &Rc<Self>) -> Result<Change, String> {
        let section = self.risk.section().clone();
        let read = tokio::task::spawn_blocking(move || section.read()).await;
        let change = self.take_risk(read.map_err(|e| e.to_string())?);
        if matches!(change, Ok(Some(_))) {
            self.reassess_all(Reassess::Changed).await;
        }
        change.map_err(|e| e.to_string())
    }

    /// A risk policy that was read: in force, or refused as a whole; said and written down either
    /// way.
    pub(super) fn take_risk(
        &self,
        read: Result<RiskPolicy, ConfigError>,
    ) -> Result<Change, ConfigError> {
        let change = match read {
            Ok(new) => self.risk.take(new),
            Err(e) => {
                tracing::error!(
                    alert = true,
                    "the new risk policy is refused as a whole; the last one stays: {e}"
                );
                self.events.gateway(
                    "policy.refused",
                    About::object("gateway"),
                    format!("risk: {e}"),
                );
                return Err(e);
            }
        };
        if let Some((old, new)) = &change {
            tracing::info!(old, new, "risk policy loaded");
            self.events.gateway(
                "policy.loaded",
                About::object("gateway"),
                format!("risk: {old} -> {new}"),
            );
        }
        Ok(change)
    }

    /// What time does: deadlines, policies that changed, the journal's size.
    pub fn tick(self: &Rc<Self>) {
        self.route(signet_router::Input::Tick);
        self.step_up_tick();
        self.entitlements_tick(now());
        self.lockouts_tick();
        self.events.tell_left_out();
        self.router.tidy();
    }
}
