//! Policies that change while the gateway runs: read away from the trading thread, put in force
//! whole or not at all.

use super::{Pipeline, Reassess, policy_changes::changed};
use crate::{
    clock::{now, steady},
    config::{ConfigError, RiskPolicy, Texts, value},
    entitle::{Looked, PolicyVersion, read_aside},
    history::Policy,
};
use signet_events::{About, Text};
use signet_policy::entitle::{CedarEntitlements, Entitlements as _};
use std::{rc::Rc, sync::Arc, time::Duration};

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
            PolicyVersion::Good(new, _) if pipeline.policies.need_two_people() => {
                let refused = (new.digest().to_owned(), String::new());
                if complained.as_ref() != Some(&refused) {
                    pipeline.refuse_unapproved(Policy::Entitlements, &refused.0);
                    complained = Some(refused);
                }
            }
            PolicyVersion::Good(new, texts) => {
                complained = None;
                pipeline.put_in_force(*new, &texts);
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
            Some(PolicyVersion::Good(new, _)) if self.policies.need_two_people() => {
                Err(self.refuse_unapproved(Policy::Entitlements, new.digest()))
            }
            Some(PolicyVersion::Good(new, texts)) => {
                self.put_in_force(*new, &texts);
                Ok(Some((before, self.entitlements.policies().digest().to_owned())))
            }
            Some(PolicyVersion::Broken { digest, why }) => {
                let why = why.to_string();
                self.entitlements_refused(&digest, &why);
                Err(why)
            }
        }
    }

    fn put_in_force(&self, new: CedarEntitlements, texts: &Texts) {
        let digest = new.digest().to_owned();
        let old = self.use_entitlements(new);
        self.record_loaded(Policy::Entitlements, (&old, &digest), texts.named());
    }

    /// Puts entitlements in force; the digest of those before.
    pub(crate) fn use_entitlements(&self, new: impl Into<Arc<CedarEntitlements>>) -> String {
        let new = new.into();
        let (digest, begins) = (new.digest().to_owned(), new.day_begins_ms());
        let old = self.entitlements.replace(new);
        self.router.day_begins(begins);
        tracing::warn!(old = old.digest(), new = digest, "entitlements changed");
        let detail = format!("{} -> {digest}", old.digest());
        let about = changed(About::object("entitlements"), old.digest(), &digest);
        self.events.gateway("entitle.changed", about, detail);
        old.digest().to_owned()
    }

    fn entitlements_refused(&self, digest: &str, why: &str) {
        let in_force = self.entitlements.policies().digest().to_owned();
        tracing::error!(
            digest,
            in_force,
            "new entitlements are refused and the last good ones stay: {why}"
        );
        let detail = format!("{digest} is refused, {in_force} stays: {why}");
        let about = changed(About::object("entitlements"), &in_force, digest);
        self.events.gateway("entitle.refused", about, detail);
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
            Ok(new)
                if self.policies.need_two_people()
                    && new.table.digest() != self.risk.policy().table.digest() =>
            {
                let why = self.refuse_unapproved(Policy::Risk, new.table.digest());
                return Err(value("risk", why));
            }
            Ok(new) => {
                let documents = new.documents.clone();
                let change = self.risk.take(new);
                if let Some((old, new)) = &change {
                    self.record_loaded(Policy::Risk, (old, new), documents);
                }
                change
            }
            Err(e) => {
                tracing::error!(
                    alert = true,
                    "the new risk policy is refused as a whole; the last one stays: {e}"
                );
                // What cannot be read has no digest.
                let in_force = Some(Text::of(self.risk.policy().table.digest()));
                let about = About { policy_before: in_force, ..About::object("gateway") };
                self.events.gateway("policy.refused", about, format!("risk: {e}"));
                return Err(e);
            }
        };
        if let Some((old, new)) = &change {
            tracing::info!(old, new, "risk policy loaded");
            let about = changed(About::object("gateway"), old, new);
            self.events.gateway("policy.loaded", about, format!("risk: {old} -> {new}"));
        }
        Ok(change)
    }

    /// What time does: deadlines, policies that changed, the journal's size.
    pub fn tick(self: &Rc<Self>) {
        self.look_at_clock();
        self.route(signet_router::Input::Tick);
        self.unwritten_tick();
        self.overtime_tick();
        self.withdrawals_tick();
        self.barred_tick();
        self.certificates_tick();
        self.step_up_tick();
        self.entitlements_tick(now());
        self.policies_tick();
        self.lockouts_tick();
        self.dealer_faults_tick();
        self.storage_tick();
        self.events.tell_left_out();
        let announce = |left: &[&[u8]]| self.signed.journal_will_be(now(), left);
        self.router.tidy(announce, || self.signed.journal_stays(now()));
        self.signed.settle_doubt(steady(), || self.router.sync_again());
        self.signed.tell_tree();
        self.measure_state();
    }
}
