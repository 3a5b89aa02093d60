//! What the events tell: every one is counted, also those that the way of events leaves out.

use super::{Labelled, Metrics, count};
use crate::events::Outlet;
use prometheus_client::{
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use signet_events::{Actor, Event, catalogue::entries};

/// Counters that events move.
#[derive(Debug, Default)]
pub struct EventCounts {
    events: Family<[(&'static str, &'static str); 2], Counter>,
    risk: Labelled<Counter>,
    step_up: Labelled<Counter>,
    refused: Labelled<Counter>,
}

impl EventCounts {
    pub(super) fn new(r: &mut Registry) -> Self {
        let made = Self::default();
        made.begin();
        r.register(
            "signet_events",
            "Events by code (docs/events.md), without those of the course of business",
            made.events.clone(),
        );
        r.register(
            "signet_risk_decisions",
            "Decisions about the risk of an access",
            made.risk.clone(),
        );
        r.register(
            "signet_step_up",
            "What became of challenges for a security key",
            made.step_up.clone(),
        );
        r.register(
            "signet_connections_refused",
            "Connections that came to nothing before anybody was known: TLS, certificate, places",
            made.refused.clone(),
        );
        made
    }
}

impl EventCounts {
    /// Every series that a rule of alerts looks at begins at 0: Prometheus takes the first value of
    /// a series for no increase, and would miss the first event of a kind.
    fn begin(&self) {
        for e in entries().filter(|e| !e.code.ends_with(".*")) {
            drop(
                self.events.get_or_create(&[("code", e.code), ("severity", e.severity.caption())]),
            );
            match e.code.split_once('.') {
                Some(("stepup", outcome)) => {
                    drop(self.step_up.get_or_create(&[("outcome", outcome)]));
                }
                Some((area, _)) if is_of_connections(area) => {
                    drop(self.refused.get_or_create(&[("code", e.code)]));
                }
                _ => {}
            }
        }
        for decision in ["allow", "step_up", "deny", "no_step_up"] {
            drop(self.risk.get_or_create(&[("decision", decision)]));
        }
    }
}

/// The decision about a risk that an event tells of.
fn decision(e: &Event) -> Option<&'static str> {
    match (e.code, e.about.decision.as_ref().map(|d| d.as_str())) {
        ("risk.denied", _) => Some("deny"),
        ("risk.no_step_up", _) => Some("no_step_up"),
        ("risk.assessed" | "risk.changed", Some("allow")) => Some("allow"),
        ("risk.assessed" | "risk.changed", Some("step_up")) => Some("step_up"),
        _ => None,
    }
}

/// Whether an event is about a connection that nobody stands for.
fn is_refused_connection(e: &Event) -> bool {
    let area = e.code.split('.').next().unwrap_or_default();
    matches!(e.actor, Actor::Address(_)) && is_of_connections(area)
}

fn is_of_connections(area: &str) -> bool {
    matches!(area, "tls" | "client" | "admission" | "https" | "net" | "quic")
}

impl Outlet for Metrics {
    fn take(&self, e: &Event) {
        let counts = &self.events;
        let labels = [("code", e.code), ("severity", e.entry.severity.caption())];
        counts.events.get_or_create(&labels).inc();
        if let Some(decision) = decision(e) {
            count(&counts.risk, "decision", decision);
        }
        if let Some(("stepup", outcome)) = e.code.split_once('.') {
            count(&counts.step_up, "outcome", outcome);
        }
        if is_refused_connection(e) {
            count(&counts.refused, "code", e.code);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_events::{About, Text};

    #[test]
    fn table_of_events() {
        let ip = Actor::Address([192, 0, 2, 1].into());
        let decided = |code, d: &str| {
            Event::new(0, code, "").about(About { decision: Some(Text::of(d)), ..About::default() })
        };
        for (event, risk, refused) in [
            (decided("risk.assessed", "allow"), Some("allow"), false),
            (decided("risk.changed", "step_up"), Some("step_up"), false),
            (decided("risk.assessed", "forged by somebody"), None, false),
            (Event::new(0, "risk.denied", "").by(ip.clone()), Some("deny"), false),
            (Event::new(0, "risk.no_step_up", ""), Some("no_step_up"), false),
            (Event::new(0, "tls.not_tls", "").by(ip.clone()), None, true),
            (Event::new(0, "client.unknown_ca", "").by(ip.clone()), None, true),
            (Event::new(0, "admission.refused", "").by(ip), None, true),
            // The gateway's own.
            (Event::new(0, "crl.stale", ""), None, false),
        ] {
            assert_eq!(
                (decision(&event), is_refused_connection(&event)),
                (risk, refused),
                "{}",
                event.code
            );
        }
    }

    #[test]
    fn the_first_event_of_a_kind_is_an_increase() {
        let text = Metrics::new([]).text();
        for e in entries().filter(|e| !e.code.ends_with(".*")) {
            let (code, severity) = (e.code, e.severity.caption());
            let line = format!("signet_events_total{{code=\"{code}\",severity=\"{severity}\"}} 0");
            assert!(text.lines().any(|l| l == line), "{line}");
        }
        assert!(text.contains("signet_risk_decisions_total{decision=\"deny\"} 0"), "{text}");
    }

    #[test]
    fn step_up_is_counted_by_outcome() {
        let metrics = Metrics::new([]);
        for code in ["stepup.asked", "stepup.passed", "stepup.asked"] {
            metrics.take(&Event::new(0, code, ""));
        }
        let text = metrics.text();
        assert!(text.contains("signet_step_up_total{outcome=\"asked\"} 2"), "{text}");
        assert!(text.contains("signet_events_total{code=\"stepup.passed\",severity="), "{text}");
    }
}
