//! What the operator's commands print, from the gateway's JSON. Pure.

use serde_json::Value;
use signet_events::one_line;
use signet_gateway::operator::{Rates, Row};
use std::fmt::Write as _;

/// Rows of a table that changes each second.
const ROWS: usize = 12;

/// A value as text on one line: what a peer wrote moves no cursor.
pub fn word(v: &Value) -> String {
    let text = match v {
        Value::Null => "-".to_owned(),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    };
    one_line(&text)
}

/// JSON for programs, which people read on a terminal as well: in ASCII, so that what a peer wrote
/// moves no cursor here either.
pub fn json(text: &str) -> String {
    let mut t = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | ' '..='~' => t.push(c),
            // Outside a text JSON has no other characters.
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    // A text buffer takes whatever is written to it.
                    let _ = write!(t, "\\u{unit:04x}");
                }
            }
        }
    }
    t
}

fn list(v: &Value) -> &[Value] {
    v.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Dates to the second, as people read them.
fn date(v: &Value) -> String {
    let text = word(v);
    match text.get(..19) {
        Some(to_the_second) if v.is_string() => to_the_second.replace('T', " "),
        _ => text,
    }
}

fn mib(v: &Value) -> String {
    v.as_f64().map_or_else(|| "-".to_owned(), |b| format!("{:.1} MiB", b / 1_048_576.0))
}

/// One screen.
pub fn status(v: &Value) -> String {
    let mut t = String::new();
    // A text buffer takes whatever is written to it.
    let _ = write_status(&mut t, v);
    t
}

fn write_status(t: &mut String, v: &Value) -> std::fmt::Result {
    let thread = if v["trading"] == true { "answers" } else { "DOES NOT ANSWER" };
    writeln!(t, "{} ({}), version {}", word(&v["name"]), word(&v["comp_id"]), word(&v["version"]))?;
    writeln!(t, "up since      {} UTC, clock {}", date(&v["since"]), date(&v["clock"]))?;
    writeln!(t, "trading       {thread}")?;
    writeln!(t, "sessions      {}; {} wait for a touch", word(&v["sessions"]), word(&v["held"]))?;
    match &v["registry"] {
        Value::Null => writeln!(t, "registry      none, or not known")?,
        r => {
            let stale = if r["stale"] == true { "STALE" } else { "confirmed" };
            let age = r["age_s"].as_f64().unwrap_or_default();
            writeln!(t, "registry      {stale}, {age:.1} s ago")?;
        }
    }
    for (what, f) in [("journal", &v["journal"]), ("evidence", &v["evidence"])] {
        let failing = if f["failing"] == true { "; THE LAST RECORD FAILED" } else { "" };
        let (size, last) = (mib(&f["bytes"]), date(&f["last_write"]));
        writeln!(t, "{what:<13} {size}, last record {last}{failing}")?;
    }
    if !v["disk_fault"].is_null() {
        writeln!(t, "disk          CANNOT BE WRITTEN: {}", word(&v["disk_fault"]))?;
    }
    for r in list(&v["receivers"]) {
        write_receiver(t, r)?;
    }
    for c in list(&v["checkpoints_received"]) {
        write_checkpoint(t, c)?;
    }
    for k in list(&v["signal_keys"]) {
        write_signal_keys(t, k)?;
    }
    match &v["utc"] {
        Value::Null => writeln!(t, "utc           not looked at yet")?,
        c => {
            let bad = if c["good"] == true { "" } else { "NOT GOOD: " };
            let (words, source) = (word(&c["words"]), word(&c["source"]));
            let at = date(&c["measured"]);
            writeln!(t, "utc           {bad}{words} (source: {source}; {at})")?;
        }
    }
    for what in ["risk", "entitlements"] {
        let digest = &v["policies"][what]["digest"];
        writeln!(t, "policy        {what} {}", word(digest))?;
    }
    for c in list(&v["certificates"]) {
        let soon = if c["ends_soon"] == true { "  ENDS SOON" } else { "" };
        writeln!(t, "certificate   {:<16} until {}{soon}", word(&c["what"]), date(&c["until"]))?;
    }
    for l in list(&v["revocation_lists"]) {
        writeln!(t, "revocation    {}", word(l))?;
    }
    for l in list(&v["revocation_list_faults"]) {
        writeln!(t, "revocation    FAULT: {}", word(l))?;
    }
    for d in list(&v["dealers"]) {
        let on = if d["on"] == true { "on " } else { "OFF" };
        writeln!(t, "dealer        {:<24} {on} since {}", word(&d["dealer"]), date(&d["since"]))?;
    }
    for a in list(&v["alerts"]) {
        write!(t, "alert         {}", alert(a))?;
    }
    Ok(())
}

fn write_receiver(t: &mut String, r: &Value) -> std::fmt::Result {
    let state = match &r["away_since"] {
        Value::Null => "on".to_owned(),
        since => format!("AWAY since {}", date(since)),
    };
    let oldest = match &r["oldest"] {
        Value::Null => String::new(),
        oldest => format!(", the oldest of {}", date(oldest)),
    };
    let (queue, name) = (word(&r["queue"]), word(&r["name"]));
    writeln!(t, "{queue:<13} {name:<16} {state}, {} wait{oldest}", word(&r["waiting"]))
}

/// The newest that another gateway has sent.
fn write_checkpoint(t: &mut String, c: &Value) -> std::fmt::Result {
    let newest = match &c["at"] {
        Value::Null => "NONE CAME".to_owned(),
        at => format!("over {} records, of {}", word(&c["size"]), date(at)),
    };
    let silent = if c["silent"] == true { "; SILENT FOR TOO LONG" } else { "" };
    writeln!(t, "checkpoint    {:<16} {newest}{silent}", word(&c["gateway"]))
}

fn write_signal_keys(t: &mut String, k: &Value) -> std::fmt::Result {
    let fetched = match &k["fetched"] {
        Value::Null => "NONE WERE FETCHED".to_owned(),
        at => format!("fetched {}", date(at)),
    };
    let failing = if k["failing"] == true { "; THE LAST ATTEMPT FAILED" } else { "" };
    let old = if k["usable"] == false { "; NO SIGNAL IS TAKEN" } else { "" };
    writeln!(t, "signal keys   {} {fetched}{failing}{old}", word(&k["issuer"]))
}

/// One alert on one line.
pub fn alert(a: &Value) -> String {
    let (at, severity) = (date(&a["at"]), word(&a["severity"]));
    let (code, subject, words) = (word(&a["code"]), word(&a["subject"]), word(&a["words"]));
    format!("{at} {severity:<8} {code:<28} {subject:<20} {words}\n")
}

/// The autonomous system of an address: its number, and whose it is as far as it fits.
fn network(s: &Value) -> String {
    let Some(number) = s["as_number"].as_u64() else { return "-".to_owned() };
    let name = s["as_name"].as_str().unwrap_or_default();
    one_line(&format!("AS{number} {name}")).trim_end().chars().take(24).collect()
}

/// The desks that are on.
pub fn sessions(v: &Value) -> String {
    let mut t = format!(
        "{:<16} {:<16} {:<24} {:<3} {:<24} {:<5} {:<19} {:>8}  {:<19} {:<8} {:>5}\n",
        "DESK",
        "USER",
        "ADDRESS",
        "IN",
        "NETWORK",
        "OVER",
        "SINCE",
        "MESSAGES",
        "LEASE UNTIL",
        "RISK",
        "SCORE"
    );
    for s in list(&v["sessions"]) {
        let _ = writeln!(
            t,
            "{:<16} {:<16} {:<24} {:<3} {:<24} {:<5} {:<19} {:>8}  {:<19} {:<8} {:>5}",
            word(&s["desk"]),
            word(&s["user"]),
            word(&s["address"]),
            word(&s["country"]),
            network(s),
            word(&s["transport"]),
            date(&s["since"]),
            word(&s["messages"]),
            date(&s["lease_until"]),
            word(&s["verdict"]),
            word(&s["score"]),
        );
        for f in list(&s["factors"]) {
            let _ = writeln!(t, "    {}", word(f));
        }
    }
    t
}

fn ms(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |s| format!("{:.3}", s * 1e3))
}

/// What happened between two readings, the busiest first.
pub fn top(rates: &Rates<'_>, sessions: (&Value, &Value)) -> String {
    let mut t = String::new();
    // A text buffer takes whatever is written to it.
    let _ = write_top(&mut t, rates, sessions);
    t
}

fn write_top(t: &mut String, r: &Rates<'_>, sessions: (&Value, &Value)) -> std::fmt::Result {
    let on = list(&sessions.1["sessions"]).len();
    let errors: f64 = r.counter("signet_message_errors_total").iter().map(|(_, n)| n).sum();
    let memory = r.after.value("process_resident_memory_bytes").unwrap_or_default() / 1_048_576.0;
    let processor =
        match ["process_cpu_seconds_total"].map(|n| (r.before.value(n), r.after.value(n))) {
            [(Some(a), Some(b))] => 100.0 * (b - a) / r.seconds.max(1e-9),
            _ => 0.0,
        };
    writeln!(
        t,
        "{on} desks on, {errors:.1} messages refused/s, processor {processor:.0} %, memory \
            {memory:.0} MiB"
    )?;
    for queue in ["siem", "signals"] {
        let waiting = r.after.value(&format!("signet_queue_depth{{queue=\"{queue}\"}}"));
        if let Some(n) = waiting.filter(|n| *n > 0.0) {
            writeln!(t, "{n} wait for the receivers of {queue}")?;
        }
    }
    writeln!(t, "\n{:<8} {:<6} {:>10} {:>10} {:>10}", "PEER", "TYPE", "PER S", "P50 MS", "P99 MS")?;
    let mut messages = r.histogram("signet_message_seconds");
    messages.retain(|row| row.per_second > 0.0);
    for row in busiest(messages, |row| row.per_second) {
        let [peer, kind] = two_labels(&row);
        let (p50, p99) = (ms(row.p50), ms(row.p99));
        writeln!(t, "{peer:<8} {kind:<6} {:>10.1} {p50:>10} {p99:>10}", row.per_second)?;
    }
    writeln!(
        t,
        "\n{:<24} {:<8} {:>8} {:>10} {:>10}",
        "DEALER", "ASKED", "PER S", "P50 MS", "P99 MS"
    )?;
    let slowest = |row: &Row| row.p99.unwrap_or(-1.0);
    for row in busiest(r.histogram("signet_dealer_response_seconds"), slowest) {
        let [dealer, what] = two_labels(&row);
        let (p50, p99) = (ms(row.p50), ms(row.p99));
        writeln!(t, "{dealer:<24} {what:<8} {:>8.1} {p50:>10} {p99:>10}", row.per_second)?;
    }
    writeln!(t, "\n{:<24} {:<16} {:>8}", "DESK", "USER", "PER S")?;
    for (desk, user, per_second) in desks(sessions, r.seconds) {
        writeln!(t, "{desk:<24} {user:<16} {per_second:>8.1}")?;
    }
    Ok(())
}

fn two_labels(row: &Row) -> [String; 2] {
    [0, 1].map(|i| row.labels.get(i).map(|label| one_line(label)).unwrap_or_default())
}

fn busiest(mut rows: Vec<Row>, by: impl Fn(&Row) -> f64) -> Vec<Row> {
    rows.sort_by(|a, b| by(b).total_cmp(&by(a)));
    rows.truncate(ROWS);
    rows
}

/// Desk, user, and messages each second, busiest first.
fn desks((before, after): (&Value, &Value), seconds: f64) -> Vec<(String, String, f64)> {
    // Another connection of the same desk counts from 0.
    let earlier = |s: &Value| {
        let same = |b: &&Value| b["desk"] == s["desk"] && b["since"] == s["since"];
        list(&before["sessions"]).iter().find(same).and_then(|b| b["messages"].as_f64())
    };
    let one = |s: &Value| {
        let grew = s["messages"].as_f64().unwrap_or_default() - earlier(s).unwrap_or_default();
        (word(&s["desk"]), word(&s["user"]), grew.max(0.0) / seconds.max(1e-9))
    };
    let mut all: Vec<_> = list(&after["sessions"]).iter().map(one).collect();
    all.sort_by(|a, b| b.2.total_cmp(&a.2));
    all.truncate(ROWS);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;
    use signet_gateway::operator::Sample;

    /// What each command prints, with this text wherever the answer has one.
    fn screens(text: &str) -> [String; 3] {
        let session = json!({
            "desk": text, "user": text, "address": text, "country": text, "as_number": 64_500,
            "as_name": text, "transport": text, "since": text, "messages": 7, "lease_until": text,
            "verdict": text, "score": 3, "factors": [text, text],
        });
        let alert_of = json!({
            "at": text, "severity": text, "code": text, "subject": text, "words": text,
        });
        let v = json!({
            "name": text, "comp_id": text, "version": text, "since": text, "clock": text,
            "trading": true, "sessions": 1, "held": 0, "disk_fault": text,
            "receivers": [
                {"queue": text, "name": text, "away_since": text, "waiting": 7, "oldest": text},
            ],
            "checkpoints_received": [{"gateway": text, "size": 5, "at": text}],
            "signal_keys": [{"issuer": text, "fetched": text}],
            "utc": {"good": true, "source": text, "words": text, "measured": text},
            "policies": {"risk": {"digest": text}, "entitlements": {"digest": text}},
            "journal": {"bytes": 1, "last_write": text},
            "evidence": {"bytes": 1, "last_write": text},
            "certificates": [{"what": text, "until": text}],
            "revocation_lists": [text], "revocation_list_faults": [text],
            "dealers": [{"dealer": text, "on": true, "since": text}],
            "alerts": [alert_of],
            "sessions_on": [session],
        });
        let on = json!({ "sessions": v["sessions_on"] });
        [status(&v), sessions(&on), alert(&v["alerts"][0])]
    }

    /// Of the rates, whose labels are from the metrics.
    fn top_of(text: &str) -> String {
        let label = text.replace(['"', ',', '\n'], "");
        let read = |n: u32| {
            Sample::read(&format!(
                "signet_message_seconds_bucket{{peer=\"{label}\",type=\"R\",le=\"+Inf\"}} {n}\n\
                 signet_dealer_response_seconds_bucket{{dealer=\"{label}\",what=\"quote\",\
                 le=\"+Inf\"}} {n}\n"
            ))
        };
        let (before, after) = (read(1), read(9));
        let rates = Rates { before: &before, after: &after, seconds: 1.0 };
        let on = json!({"sessions": [{"desk": text, "user": text, "since": text, "messages": 7}]});
        top(&rates, (&on, &on))
    }

    fn is_only_text(text: &str) {
        let plain = screens("x");
        for (shown, plain) in screens(text).iter().zip(&plain) {
            let lines = |t: &str| t.split('\n').count();
            assert_eq!(lines(shown), lines(plain), "{text:?} begins a line: {shown}");
        }
        for shown in screens(text).into_iter().chain([top_of(text)]) {
            for line in shown.split('\n') {
                assert_eq!(line, one_line(line), "{text:?}");
            }
        }
        let v = json!({ "words": text, "of": [text] });
        for written in [json(&format!("{v:#}\n")), json(&format!("{v}\n"))] {
            assert!(written.bytes().all(|b| b == b'\n' || (b' '..=b'~').contains(&b)), "{written}");
            assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), v);
        }
    }

    #[test]
    fn no_screen_of_the_operator_takes_a_text_for_more_than_text() {
        for text in [
            "filled\n2026-11-28 12:00:00 high admin.acted sylvia unlocked bob",
            "a\r\nb\u{b}c\u{c}d\u{85}e\u{2028}f\u{2029}g",
            "\u{1b}[2J\u{1b}[31mred\u{9b}1m\u{7}\u{8}",
            "\u{1b}]0;title\u{7}\u{1b}]8;;http://x\u{1b}\\link\u{7f}",
            "\u{202e}dellif\u{202c} \u{2066}x\u{2069} \u{200b}\u{feff}",
            "nul\0nul",
            "\"quoted\" \\ {} \u{10ffff}ä€𝄞",
            "",
        ] {
            is_only_text(text);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_text_moves_a_cursor_or_begins_a_line(text: String) {
            is_only_text(&text);
        }

        #[test]
        fn no_control_moves_a_cursor(text in "[\\x00-\\x20\\x7f-\\x9f\u{2028}-\u{202e}A-C]{0,40}") {
            is_only_text(&text);
        }
    }

    #[test]
    fn what_a_peer_wrote_moves_no_cursor() {
        assert_eq!(word(&json!("a\u{1b}[2Jb\nc\u{1}")), "a [2Jb c ");
        assert_eq!(word(&Value::Null), "-");
        assert!(!alert(&json!({"words": "x\u{1b}]0;y\u{7}"})).contains('\u{1b}'));
    }

    #[test]
    fn what_is_wrong_stands_out() {
        let v = json!({
            "name": "Bank", "trading": false, "registry": {"age_s": 12.0, "stale": true},
            "journal": {"bytes": 1_048_576, "failing": true},
            "dealers": [{"dealer": "NORTH", "on": false, "since": "2026-11-28T10:00:00.5Z"}],
            "certificates": [{"what": "tls.certificate", "until": "2026-11-29T10:00:00Z",
                "ends_soon": true}],
            "disk_fault": "full",
            "receivers": [
                {"queue": "siem", "name": "soc", "away_since": "2026-11-28T10:00:00Z", "waiting": 7,
                    "oldest": "2026-11-28T09:59:58Z"},
                {"queue": "signals", "name": "receiver", "away_since": null, "waiting": 0,
                    "oldest": null},
            ],
            "checkpoints_received": [
                {"gateway": "GW2", "size": 1_024, "at": "2026-11-28T10:00:00Z"},
                {"gateway": "GW3", "size": 0, "at": null, "silent": true},
            ],
            "signal_keys": [
                {"issuer": "https://a", "fetched": "2026-11-28T10:00:00Z", "failing": false,
                    "usable": true},
                {"issuer": "https://b", "fetched": "2026-11-27T10:00:00Z", "failing": true,
                    "usable": true},
                {"issuer": "https://c", "fetched": null, "failing": true, "usable": false},
            ],
            "utc": {"good": false, "source": "none", "words": "w", "measured": "2026-11-28T10:00:00Z"},
        });
        let text = status(&v);
        for words in [
            "DOES NOT ANSWER",
            "STALE, 12.0 s ago",
            "1.0 MiB, last record -; THE LAST RECORD FAILED",
            "OFF since 2026-11-28 10:00:00\n",
            "ENDS SOON",
            "CANNOT BE WRITTEN: full",
            "siem          soc              AWAY since 2026-11-28 10:00:00, 7 wait, the oldest of \
                2026-11-28 09:59:58\n",
            "signals       receiver         on, 0 wait\n",
            "checkpoint    GW2              over 1024 records, of 2026-11-28 10:00:00\n",
            "checkpoint    GW3              NONE CAME; SILENT FOR TOO LONG\n",
            "signal keys   https://a fetched 2026-11-28 10:00:00\n",
            "signal keys   https://b fetched 2026-11-27 10:00:00; THE LAST ATTEMPT FAILED\n",
            "signal keys   https://c NONE WERE FETCHED; THE LAST ATTEMPT FAILED; NO SIGNAL IS \
                TAKEN\n",
            "utc           NOT GOOD: w (source: none; 2026-11-28 10:00:00)",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }

    #[test]
    fn the_busiest_desks_come_first_and_a_new_connection_counts_from_nothing() {
        let desk = |name: &str, since: &str, n: u32| json!({"desk": name, "user": "u", "since": since, "messages": n});
        let before = json!({"sessions": [desk("A", "1", 10), desk("B", "1", 500)]});
        let after = json!({"sessions": [desk("A", "1", 30), desk("B", "2", 4)]});
        let found = desks((&before, &after), 2.0);
        let row = |d: &str, n| (d.to_owned(), "u".to_owned(), n);
        assert_eq!(found, [row("A", 10.0), row("B", 2.0)]);
        let a = Sample::default();
        let b = Sample::read("signet_queue_depth{queue=\"siem\"} 3\n");
        let rates = Rates { before: &a, after: &b, seconds: 2.0 };
        let text = top(&rates, (&before, &after));
        assert!(text.starts_with("2 desks on"));
        assert!(text.contains("\n3 wait for the receivers of siem\n"), "{text}");
    }
}
