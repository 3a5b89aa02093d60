//! The page `docs/metrics.md`, written from what is exported.

use super::Metrics;
use signet_rfq::{DealerId, UtcMillis};
use std::fmt::Write as _;

/// What a name's labels mean.
const LABELS: &[(&str, &str)] = &[
    ("signet_build_info", "`version`"),
    ("signet_messages_received_total", "`peer` (desk, dealer), `type` (MsgType, or `other`)"),
    ("signet_messages_sent_total", "`peer`, `type`"),
    ("signet_message_seconds", "`peer`, `type`"),
    ("signet_message_errors_total", "`peer`, `type`, `code` (reason code)"),
    ("signet_budget_refusals_total", "`peer`"),
    ("signet_dealer_up", "`dealer`"),
    ("signet_dealer_response_seconds", "`dealer`, `question` (quote, accept)"),
    ("signet_dealer_asked_total", "`dealer`, `question`"),
    ("signet_dealer_answers_total", "`dealer`, `answer` (quote, pass, fill, reject)"),
    ("signet_write_seconds", "`file` (journal, evidence, dealer_cuts)"),
    ("signet_write_failures_total", "`file`"),
    ("signet_disk_bytes", "`state` (free, low)"),
    ("signet_checkpoint_received_size", "`gateway` (of `checkpoint.receive.peer`)"),
    ("signet_checkpoint_received_timestamp_seconds", "`gateway`"),
    ("signet_checkpoint_received_silent", "`gateway`"),
    ("signet_signal_keys_fetched_timestamp_seconds", "`issuer` (of providers with `jwks_url`)"),
    ("signet_signal_keys_failing", "`issuer`"),
    ("signet_signal_keys_usable", "`issuer`"),
    ("signet_events_total", "`code`, `severity`"),
    ("signet_risk_decisions_total", "`decision` (allow, step_up, deny, no_step_up)"),
    ("signet_step_up_total", "`outcome` (asked, passed, declined, timed_out, ...)"),
    ("signet_connections_refused_total", "`code`"),
    ("signet_sessions", "`transport` (tcp, quic)"),
    ("signet_queue_depth", "`queue` (registry_reports, held_messages, siem, signals)"),
    ("signet_admission_places", "`state` (used, limit)"),
    ("signet_certificate_end_timestamp_seconds", "`certificate` (gateway)"),
];

const HEAD: &str = "# Metrics

This page is written from the code (`UPDATE_DOCS=1 cargo test -p signet-gateway metrics` writes it).
`[metrics] listen` is where Prometheus reads them, at `/metrics`;
[admins](admins.md#metrics-and-health) says how to set it up. The dashboard
`docs/grafana/signet-gateway.json` and the alert rules `docs/grafana/alerts.yml` use these names.

Label values come from this program and from the configuration, never from what a peer sends, so
the number of series has a bound. A histogram has the series `_bucket`, `_sum` and `_count`. Desks
are not in any label: `signet-gateway top` shows them. What alert rules look at begins at 0 when
the gateway starts, so that the first event of a kind is an increase.

| name | type | labels | meaning |
| --- | --- | --- | --- |
";

/// What a gateway with one of everything exports.
fn text() -> String {
    let north = DealerId::new("NORTH").ok();
    let metrics = Metrics::new(north.as_ref());
    // The operator's thread sets it whenever somebody reads.
    let end = [("certificate", "gateway")];
    metrics.state.certificate_end.get_or_create(&end).set(0.0);
    metrics.checkpoints.is_now("SIGNET2", 0, UtcMillis(0));
    metrics.signal_keys.is_now("https://idp.bank.example", Default::default());
    metrics.text()
}

/// Name, type and meaning of everything that is exported.
pub fn exported() -> Vec<(String, String, String)> {
    let text = text();
    let mut found: Vec<(String, String, String)> = vec![];
    let mut help = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').map(|(_, h)| h.to_owned()).unwrap_or_default();
        }
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|r| r.split_once(' ')) {
            found.push((name.to_owned(), kind.to_owned(), help.trim_end_matches('.').to_owned()));
        }
    }
    found
}

/// The whole page, in Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for (name, kind, help) in exported() {
        let labels = LABELS.iter().find(|(n, _)| *n == name).map_or("", |(_, l)| l);
        // A text buffer takes whatever is written to it.
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, fs, path::Path};

    fn file(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs").join(name)
    }

    #[test]
    fn the_page_of_metrics_is_that_of_the_code() {
        let path = file("metrics.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, page()).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert!(written == page(), "docs/metrics.md differs: UPDATE_DOCS=1 writes it");
        for (name, _) in LABELS {
            assert!(exported().iter().any(|(n, ..)| n == name), "{name} is not exported");
        }
    }

    /// Words of a dashboard or of rules that look like metrics.
    fn named(text: &str) -> BTreeSet<String> {
        let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
        let ours = |w: &&str| w.starts_with("signet_") || w.starts_with("process_");
        text.split(word).filter(ours).map(str::to_owned).collect()
    }

    #[test]
    fn dashboard_and_alert_rules_name_what_is_exported_only() {
        let mut known = BTreeSet::new();
        for (name, kind, _) in exported() {
            if kind == "histogram" {
                known.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
            } else {
                known.insert(name);
            }
        }
        for name in ["grafana/signet-gateway.json", "grafana/alerts.yml"] {
            let text = fs::read_to_string(file(name)).unwrap();
            let used = named(&text);
            assert!(used.len() > 10, "{name}: {used:?}");
            let unknown: Vec<_> = used.difference(&known).collect();
            assert!(unknown.is_empty(), "{name} names what is not exported: {unknown:?}");
        }
        let dashboard = fs::read_to_string(file("grafana/signet-gateway.json")).unwrap();
        let json: serde_json::Value = serde_json::from_str(&dashboard).unwrap();
        assert!(json["panels"].as_array().is_some_and(|p| p.len() > 10));
    }

    /// The questions to Prometheus of a dashboard or of rules.
    fn questions(name: &str) -> Vec<String> {
        let text = fs::read_to_string(file(name)).unwrap();
        if name.ends_with(".yml") {
            let rules = text.lines().filter_map(|l| l.trim().strip_prefix("expr: '"));
            return rules.map(|l| l.strip_suffix('\'').unwrap().to_owned()).collect();
        }
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let panels = json["panels"].as_array().unwrap().iter();
        let targets = panels.flat_map(|p| p["targets"].as_array().into_iter().flatten());
        targets.map(|t| t["expr"].as_str().unwrap().to_owned()).collect()
    }

    /// What is asked with a label, or a value of one, that nothing has is never answered.
    #[test]
    fn dashboard_and_alert_rules_name_labels_and_values_that_exist() {
        let text = text();
        let has = |name: &str, label: &str, value: &str| {
            let mut series = text.lines().filter_map(|l| l.strip_prefix(name)?.strip_prefix('{'));
            let one = format!("{label}=\"{value}");
            let later = format!(",{one}");
            series.any(|l| l.starts_with(&one) || l.contains(&later))
        };
        let mut values = 0;
        for question in
            ["grafana/signet-gateway.json", "grafana/alerts.yml"].into_iter().flat_map(questions)
        {
            let names = named(&question);
            for by in question.split("by (").skip(1) {
                let labels = by.split(')').next().unwrap().split(", ");
                for label in labels.filter(|l| *l != "instance") {
                    assert!(names.iter().any(|n| has(n, label, "")), "{question}: {label}");
                }
            }
            for (at, _) in question.match_indices('{') {
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                let name = question[..at].rsplit(|c: char| !word(c)).next().unwrap();
                let inside = question[at + 1..].split('}').next().unwrap();
                // The job and the instance are Prometheus' own.
                let known = inside.split(',').map(|m| m.split_once('=').unwrap());
                for (label, wanted) in known.filter(|(l, _)| !["instance", "job"].contains(l)) {
                    let label = label.trim_end_matches('!');
                    for value in wanted.trim_matches(['~', '"']).split('|') {
                        values += 1;
                        let value = format!("{value}\"");
                        assert!(has(name, label, &value), "{question}: {label} {value}");
                    }
                }
            }
        }
        assert!(values > 15, "{values}");
    }
}
