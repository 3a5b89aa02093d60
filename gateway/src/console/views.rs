//! What is shown of the running gateway. Every list is bounded, and says when rows were left out.

use super::{
    refusal::ConsoleRefusal,
    request::malformed,
    rows,
    server::{Console, Done},
};
use crate::{
    admin::{FIND_MAX, FleetFlag, FleetQuery, FleetTerms, fleet_json, fleet_page},
    clock::now,
    operator::{Rates, Sample},
};
use serde_json::{Value, json};
use signet_events::entry;
use signet_registry::FleetPlace;
use signet_rfq::{DealerId, UtcMillis};
use std::{collections::BTreeMap, time::Duration};

/// Laptops in one answer.
const FLEET_MAX: usize = 200;
/// A certificate that ends within so many days is flagged.
const FLEET_DAYS: u32 = 30;
/// Alerts in one answer.
const ALERTS_MAX: usize = 200;

impl Console {
    pub(super) async fn seen_sessions(&self) -> Result<Done, ConsoleRefusal> {
        let seen = self.parts.trading.sessions_seen().await?;
        let sessions: Vec<Value> = seen.rows.iter().map(rows::session).collect();
        Ok(Done::Json(json!({ "sessions": sessions, "more": seen.more })))
    }

    pub(super) async fn seen_rfqs(&self) -> Result<Done, ConsoleRefusal> {
        let seen = self.parts.trading.rfqs_seen().await?;
        let rfqs: Vec<Value> = seen.rows.iter().map(rows::rfq).collect();
        Ok(Done::Json(json!({ "rfqs": rfqs, "more": seen.more })))
    }

    pub(super) fn seen_alerts(&self, after: Option<&String>) -> Result<Done, ConsoleRefusal> {
        let after = match after {
            Some(text) => text.parse().map_err(|_| malformed("after: a number"))?,
            None => 0,
        };
        let all = self.parts.overview.alerts(after, ALERTS_MAX);
        let last = all.last().map_or(after, |a| a.seq);
        let one = |a: &crate::metrics::Alert| {
            json!({
                "n": a.seq, "at": rows::date_us(a.at_us), "severity": a.severity.to_lowercase(),
                "code": a.code, "subject": a.subject, "words": a.words, "actor": a.actor,
                "technique": entry(&a.code).technique.map(|t| t.id),
            })
        };
        let alerts: Vec<Value> = all.iter().map(one).collect();
        Ok(Done::Json(json!({ "alerts": alerts, "last": last })))
    }

    pub(super) async fn seen_locks(&self) -> Result<Done, ConsoleRefusal> {
        let networks = self.parts.trading.lockouts().await?;
        let people = self.registered(self.parts.registry.lockouts(now())).await?;
        let mut locks: Vec<Value> = people.iter().map(|(user, l)| rows::person(user, l)).collect();
        locks.extend(networks.iter().map(|n| rows::network(n, now())));
        for d in &self.parts.config.dealer {
            let cut = self.parts.cut_lines.why(&d.comp_id);
            locks.extend(cut.map(|why| {
                let subject = d.comp_id.as_str();
                json!({
                    "kind": "dealer", "subject": subject, "words": why, "since": null,
                    "until": null,
                })
            }));
        }
        Ok(Done::Json(json!({ "locks": locks })))
    }

    /// Laptops, page by page; `user` and `device` say where the page begins.
    pub(super) async fn seen_fleet(
        &self,
        query: &BTreeMap<&'static str, String>,
    ) -> Result<Done, ConsoleRefusal> {
        let read = |word: &String| FleetFlag::read(word).ok_or_else(|| malformed("flag: unknown"));
        let flags = query.get("flag").map(read).transpose()?.into_iter().collect();
        let find = query.get("find").cloned();
        if find.as_ref().is_some_and(|f| f.len() > FIND_MAX) {
            return Err(malformed(format!("find: at most {FIND_MAX} bytes")));
        }
        let after = query.get("user").map(|user| FleetPlace {
            user: user.clone(),
            device: query.get("device").cloned().unwrap_or_default(),
        });
        let software = self.parts.trading.software_policy().await?;
        let terms = FleetTerms { now: now(), days: FLEET_DAYS, software };
        let wanted = FleetQuery { find, flags, after, limit: FLEET_MAX };
        let page = self.registered(fleet_page(&self.parts.registry, &wanted, &terms)).await?;
        let rows: Vec<Value> = page.rows.iter().map(|(r, f)| fleet_json(r, f)).collect();
        let next = page.next.map(|p| json!({ "user": p.user, "device": p.device }));
        Ok(Done::Json(json!({ "fleet": rows, "next": next })))
    }

    pub(super) fn seen_dealers(&self) -> Done {
        let nothing = Sample::default();
        let now = Sample::read(&self.parts.overview.metrics());
        let all = Rates { before: &nothing, after: &now, seconds: 1.0 };
        let responses = all.histogram("signet_dealer_response_seconds");
        let asked = all.counter("signet_dealer_asked_total");
        let answers = all.counter("signet_dealer_answers_total");
        let count = |of: &[(Vec<String>, f64)], dealer: &DealerId, what: &str| {
            let ours = |l: &[String]| l.iter().map(String::as_str).eq([dealer.as_str(), what]);
            of.iter().find(|(l, _)| ours(l)).map_or(0, |(_, v)| v.max(0.0) as u64)
        };
        let one = |(id, on, since): &(DealerId, bool, UtcMillis)| {
            let quotes = [id.as_str(), "quote"];
            let row = responses.iter().find(|r| r.labels.iter().map(String::as_str).eq(quotes));
            let ms = |s: Option<f64>| {
                s.and_then(|s| Duration::try_from_secs_f64(s).ok()).map(|d| d.as_millis() as u64)
            };
            json!({
                "dealer": id.as_str(), "on": on, "since": crate::admin::date(*since).ok(),
                "cut": self.parts.cut_lines.why(id).is_some(),
                "why_cut": self.parts.cut_lines.why(id),
                "asked": count(&asked, id, "quote"), "quoted": count(&answers, id, "quote"),
                "passed": count(&answers, id, "pass"), "rejected": count(&answers, id, "reject"),
                "filled": count(&answers, id, "fill"),
                "response_p50_ms": ms(row.and_then(|r| r.p50)),
                "response_p99_ms": ms(row.and_then(|r| r.p99)),
            })
        };
        let dealers: Vec<Value> = self.parts.overview.dealers().iter().map(one).collect();
        Done::Json(json!({ "dealers": dealers }))
    }
}
