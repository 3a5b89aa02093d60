//! The answers' JSON. Times are RFC 3339 in UTC.

use super::Operator;
use crate::{
    admin::{AdminError, date},
    config::certificates,
    listeners::{list_faults, lists_enforced},
    metrics::{KeysNow, Written},
    pipeline::SessionOn,
    state_dir::signed_folder,
};
use serde_json::{Value, json};
use signet_identity::CertificateFacts;
use signet_rfq::UtcMillis;
use std::{fs, path::Path, time::Duration};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A trading thread that takes longer is shown as silent.
const TRADING_MAX: Duration = Duration::from_secs(2);
/// A certificate that ends sooner is pointed out; as `listeners/own_certificate.rs` and the alert
/// rules have it.
const SOON: time::Duration = time::Duration::days(2);
/// Alerts on the one screen.
const ALERTS_SHOWN: usize = 5;

pub(super) fn sessions(all: &[SessionOn]) -> Result<Value, AdminError> {
    crate::admin_api::sessions(all)
}

/// A time of an event; empty when it is out of range.
pub(super) fn date_us(us: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(us) * 1_000);
    at.ok().and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_default()
}

pub(super) fn when(at: UtcMillis) -> Option<String> {
    date(at).ok()
}

impl Operator {
    /// Everything on one screen.
    pub(super) async fn status(&self) -> Value {
        let trading = self.trading.status(TRADING_MAX).await.ok();
        let dealers = self.metrics.dealers.states();
        let dealer = |(id, on, since): &(signet_rfq::DealerId, bool, UtcMillis)| {
            let since = if since.0 == 0 { self.started } else { *since };
            json!({ "dealer": id.as_str(), "on": on, "since": when(since) })
        };
        let now = OffsetDateTime::now_utc();
        let faults = list_faults(&self.config);
        let storage = &self.metrics.storage;
        let state_dir = &self.config.gateway.state_dir;
        json!({
            "name": self.config.gateway.name,
            "comp_id": self.config.gateway.comp_id.as_str(),
            "version": env!("CARGO_PKG_VERSION"),
            "since": when(self.started),
            "clock": date_us(crate::clock::now_us()),
            "utc": self.watched.clock(),
            "receivers": self.watched.receivers(),
            "checkpoints_received": self.checkpoints_received(),
            "signal_keys": self.signal_keys(),
            "trading": trading.is_some(),
            "sessions": trading.as_ref().map(|t| t.sessions),
            "held": trading.as_ref().and_then(|t| t.held),
            "policies": trading.as_ref().map(|t| json!(t.in_force)),
            "registry": trading.as_ref().and_then(|t| t.registry).map(|(age, age_max)| json!({
                "age_s": age.as_secs_f64(), "stale": age > age_max,
            })),
            "dealers": dealers.iter().map(dealer).collect::<Vec<_>>(),
            "journal": written(&storage.journal, length(&state_dir.join("rfqs.journal"))),
            "evidence": written(&storage.evidence, folder_length(&signed_folder(&self.config))),
            "disk_fault": self.disk.fault().await,
            "certificates": self.certificates(now),
            "revocation_lists": lists_enforced(&self.config),
            "revocation_list_faults": faults.iter().map(|(_, words)| words).collect::<Vec<_>>(),
            "alerts": self.alerts.after(0, ALERTS_SHOWN).iter().map(|a| json!({
                "at": date_us(a.at_us), "severity": a.severity, "code": a.code,
                "subject": a.subject, "words": a.words,
            })).collect::<Vec<_>>(),
        })
    }

    /// The newest of each gateway that this one is the second party of; `at` is `null` when none
    /// came.
    fn checkpoints_received(&self) -> Vec<Value> {
        let of = |(gateway, size, at): (String, u64, UtcMillis)| {
            let at = Some(at).filter(|t| t.0 != 0).and_then(when);
            let silent = self.metrics.checkpoints.silent(&gateway);
            json!({ "gateway": gateway, "size": size, "at": at, "silent": silent })
        };
        self.metrics.checkpoints.all().into_iter().map(of).collect()
    }

    /// The keys of each identity provider that publishes them; `fetched` is `null` when there are
    /// none.
    fn signal_keys(&self) -> Vec<Value> {
        let of = |(issuer, now): (String, KeysNow)| {
            json!({
                "issuer": issuer,
                "fetched": now.fetched.and_then(when),
                "failing": now.failing,
                "usable": now.usable,
            })
        };
        self.metrics.signal_keys.all().into_iter().map(of).collect()
    }

    /// The gateway's own, and every authority it trusts or issues with.
    fn certificates(&self, now: OffsetDateTime) -> Vec<Value> {
        let shown = |what: &str, end: OffsetDateTime| {
            json!({
                "what": what, "until": end.format(&Rfc3339).ok(), "ends_soon": end - now < SOON,
            })
        };
        let c = &self.config;
        let files = [
            ("desks.trust", Some(&c.desks.trust)),
            ("dealers.trust", Some(&c.dealers.trust)),
            ("admin.trust", c.admin.as_ref().map(|a| &a.trust)),
            ("metrics.trust", c.metrics.as_ref().and_then(|m| m.trust.as_ref())),
            ("checkpoint.receive.trust", c.checkpoint.receive.as_ref().map(|r| &r.trust)),
        ];
        let mut all: Vec<Value> =
            self.certificate_end().map(|end| shown("tls.certificate", end)).into_iter().collect();
        for (what, path) in files {
            let ends = path.and_then(|p| certificates(p).ok()).unwrap_or_default();
            let ends = ends.iter().filter_map(|c| CertificateFacts::from_certificate(c).ok());
            all.extend(ends.map(|f| f.not_after).min().map(|end| shown(what, end)));
        }
        all
    }
}

fn written(file: &Written, bytes: Option<u64>) -> Value {
    json!({
        "bytes": bytes,
        "last_write": file.last().and_then(when),
        "failing": file.is_failing(),
    })
}

fn length(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|m| m.len())
}

fn folder_length(path: &Path) -> Option<u64> {
    let files = fs::read_dir(path).ok()?.flatten();
    Some(files.filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum())
}
