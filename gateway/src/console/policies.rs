//! Policies: what is in force, what waits, and what was before.

use super::{
    refusal::ConsoleRefusal,
    request::{from_json, malformed},
    server::{Caller, Console, Done},
};
use crate::{
    admin::{self, AdminError, date},
    admin_api::AdminRefusal,
    history::{Version, difference, name_of},
    pipeline::{ChangeStep, Waiting},
};
use serde::Deserialize;
use serde_json::{Value, json};
use signet_rfq::UtcMillis;

/// Versions in one answer, newest first.
const VERSIONS_MAX: usize = 200;

/// A change of policy, by the digest of its new version.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Digest {
    pub(super) digest: String,
}

impl Console {
    pub(super) async fn policies(&self, caller: &Caller) -> Result<Done, ConsoleRefusal> {
        let seen = self.parts.trading.policies_seen().await?;
        let waiting = self.parts.trading.waiting().await?;
        let version = |v: &Version| {
            let by = v.prepared_by.iter().chain([&v.by]).map(|by| name_of(by)).collect::<Vec<_>>();
            json!({
                "policy": v.policy, "digest": v.digest, "since": date(UtcMillis(v.at_ms)).ok(),
                "by": by, "documents": v.documents, "by_key": v.approval.is_some(),
                "prepared_by_key": v.preparation.is_some(),
            })
        };
        let wait = |w: &Waiting| {
            json!({
                "digest": w.digest, "policy": w.policy, "before": w.before, "by": name_of(&w.by),
                "at": date(UtcMillis(w.at_ms)).ok(), "diff": w.diff,
                "by_key": w.by_key, "mine": name_of(&w.by) == caller.name(),
            })
        };
        Ok(Done::Json(json!({
            "in_force": seen.versions.iter().map(version).collect::<Vec<_>>(),
            "waiting": waiting.iter().map(wait).collect::<Vec<_>>(),
            "two_people": seen.two_people,
        })))
    }

    pub(super) async fn history(&self) -> Result<Done, ConsoleRefusal> {
        let one = |v: &Version| {
            json!({
                "digest": v.digest, "policy": v.policy, "step": v.step, "by": name_of(&v.by),
                "prepared_by": v.prepared_by.as_deref().map(name_of),
                "at": date(UtcMillis(v.at_ms)).ok(), "before": v.before, "approval": v.approval,
                "preparation": v.preparation,
            })
        };
        let shown = move |all: &[Version]| {
            let versions: Vec<Value> = all.iter().rev().take(VERSIONS_MAX).map(one).collect();
            json!({ "versions": versions, "more": all.len() > VERSIONS_MAX })
        };
        self.with_versions(shown).await.map(Done::Json)
    }

    pub(super) async fn version(&self, digest: Option<&String>) -> Result<Done, ConsoleRefusal> {
        let digest = digest.cloned().ok_or_else(|| malformed("digest: missing"))?;
        let named = digest.clone();
        let found = self.with_versions(move |all| version_of(all, &named)).await?;
        let unknown = || AdminRefusal::Admin(AdminError::NoVersion(digest));
        Ok(Done::Json(found.ok_or_else(unknown)?))
    }

    /// What is made of every record of the history, beside the other work of this thread, one time
    /// after the other: it is long, two versions of it may take a second to compare, and a browser
    /// may ask for it again and again without waiting.
    async fn with_versions<T: Send + 'static>(
        &self,
        make: impl FnOnce(&[Version]) -> T + Send + 'static,
    ) -> Result<T, ConsoleRefusal> {
        let config = self.parts.config.clone();
        let turn = self.history.clone().acquire_owned().await;
        let turn = turn.map_err(|_| ConsoleRefusal::Busy)?;
        let read = move || {
            let _turn = turn;
            admin::policy_history(&config).map(|all| make(&all))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(|e| AdminError::StoreKey(e.to_string()));
        Ok(read.and_then(|r| r).map_err(AdminRefusal::from)?)
    }

    pub(super) async fn reject(
        &self,
        body: &[u8],
        caller: &Caller,
    ) -> Result<Done, ConsoleRefusal> {
        let Digest { digest } = from_json(body)?;
        let done = self.ordered(ChangeStep::Reject(digest), caller).await?;
        Ok(Done::Json(json!({ "digest": done.digest })))
    }
}

/// The newest version of this digest whose texts are kept, with its difference from the one before.
fn version_of(all: &[Version], digest: &str) -> Option<Value> {
    let with_text =
        |digest: &str| all.iter().rev().find(|v| v.digest == digest && !v.documents.is_empty());
    let v = with_text(digest)?;
    let before = v.before.as_deref().and_then(with_text);
    let before = before.map(|b| b.documents.clone()).unwrap_or_default();
    let diff = difference(&before, &v.documents);
    Some(json!({ "documents": v.documents, "diff": diff }))
}
