//! The rows that are measured, by name, and how they are shown side by side.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

/// One way from desk to dealer, or one load on it.
pub struct Row {
    pub name: &'static str,
    /// Messages a second, where none are named.
    rates: &'static [u32],
    /// Longer, for the reader.
    words: &'static str,
}

const RATES: &[u32] = &[100, 1_000, 5_000];

/// The name of the row that searches.
pub const HIGHEST: &str = "highest";

pub static ROWS: [Row; 13] = [
    row("direct", RATES, "straight to the dealer, no gateway"),
    row("relay", RATES, "through a relay that ends TLS and copies bytes"),
    row("gateway", RATES, "through the gateway, everything on"),
    row("threaded", RATES, "signatures verified and made on a thread of their own"),
    row("connections", RATES, "sockets and TLS, and signatures, on threads of their own"),
    row("watched", RATES, "with a SIEM that gets every event"),
    row("idle5000", &[1_000], "5,000 more desks are on and idle"),
    row("dealers12", &[100, 500], "each request asks 12 dealers, until the last has it"),
    row("day", &[1_000], "each desk has ended 400 RFQs and 10 more are open"),
    row("flood1", &[1_000], "one peer sends 2,000 requests a second, and comes back when cut"),
    row("flood3", &[1_000], "three such peers"),
    row("postgres2ms", &[1_000], "the registry in PostgreSQL, 2 ms there and back"),
    row(HIGHEST, &[], "the highest rate that keeps p99 under 1 ms, by steps"),
];

const fn row(name: &'static str, rates: &'static [u32], words: &'static str) -> Row {
    Row { name, rates, words }
}

/// Those of these names, all for none; a wrong name.
pub fn chosen(only: Option<&str>) -> Result<Vec<&'static Row>, String> {
    let Some(only) = only else { return Ok(ROWS.iter().collect()) };
    let find = |name: &str| ROWS.iter().find(|r| r.name == name).ok_or_else(|| name.to_owned());
    only.split(',').map(find).collect()
}

/// Microseconds.
struct Measured {
    rate: u32,
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
    rest: String,
}

/// Each row in a process of its own, one after the other; `rates` for all that have any.
pub fn compare(rows: &[&Row], rates: &[&str]) {
    let me = std::env::current_exe().expect("a path");
    let mut all: Vec<(&Row, Measured)> = Vec::new();
    for row in rows {
        let usual: Vec<String> = row.rates.iter().map(u32::to_string).collect();
        let mut command = Command::new(&me);
        command.args(["way", row.name]);
        match rates {
            [] => command.args(usual),
            _ if usual.is_empty() => &mut command,
            named => command.args(named),
        };
        let out = command.stderr(Stdio::inherit()).output().expect("started");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        for line in text.lines() {
            match (read(line), line.strip_prefix("note ")) {
                (Some(m), _) => all.push((*row, m)),
                (None, Some(note)) => println!("   {}: {note}", row.name),
                (None, None) => {}
            }
        }
        if !out.status.success() {
            println!("   {}: it ended early, {}", row.name, out.status);
        }
    }
    println!(
        "   messages/s: half requests (R), half cancellations (U3); latency is that of requests, \
            which are the"
    );
    println!(
        "   ones a dealer gets; from the intended time of sending to in hand at the dealer, \
            microseconds"
    );
    for row in rows.iter().filter(|r| !r.rates.is_empty()) {
        println!("     {:<11} {}", row.name, row.words);
    }
    let rates: BTreeSet<u32> = all.iter().map(|(_, m)| m.rate).collect();
    for rate in rates {
        println!("   {rate} messages/s");
        let of_it: Vec<_> = all.iter().filter(|(_, m)| m.rate == rate).collect();
        for (row, m) in &of_it {
            println!(
                "     {:<11} p50 {:>8.0}  p99 {:>8.0}  p99.9 {:>8.0}  max {:>8.0}   {}",
                row.name, m.p50, m.p99, m.p999, m.max, m.rest
            );
        }
        beside_the_gateway(&of_it);
    }
}

/// What the gateway adds, and what each load adds to it.
fn beside_the_gateway(of_it: &[&(&Row, Measured)]) {
    let find = |name: &str| of_it.iter().find(|(row, _)| row.name == name).map(|(_, m)| m);
    let Some(g) = find("gateway") else { return };
    if let Some(d) = find("direct") {
        let (a, b, c) = (g.p50 - d.p50, g.p99 - d.p99, g.p999 - d.p999);
        println!(
            "     added by the gateway: p50 {a:.0}, p99 {b:.0}, p99.9 {c:.0}; ratio of p50 {:.2}, \
                of p99 {:.2}",
            g.p50 / d.p50,
            g.p99 / d.p99
        );
    }
    if let Some(r) = find("relay") {
        println!(
            "     beside the relay: p50 {:+.0}, p99 {:+.0}, p99.9 {:+.0}",
            g.p50 - r.p50,
            g.p99 - r.p99,
            g.p999 - r.p999
        );
    }
    for (row, m) in of_it.iter().filter(|(r, _)| !["direct", "relay", "gateway"].contains(&r.name))
    {
        println!(
            "     {:<11} beside gateway: p50 {:+.1} %, p99 {:+.1} %",
            row.name,
            (m.p50 / g.p50 - 1.0) * 100.0,
            (m.p99 / g.p99 - 1.0) * 100.0
        );
    }
}

/// A line that a row's process has printed.
fn read(line: &str) -> Option<Measured> {
    let mut f = line.strip_prefix("measured ")?.splitn(6, ' ');
    let rate = f.next()?.parse().ok()?;
    let mut us = || f.next()?.parse().ok();
    let (p50, p99, p999, max) = (us()?, us()?, us()?, us()?);
    Some(Measured { rate, p50, p99, p999, max, rest: f.next()?.to_owned() }).filter(|m| m.rate > 0)
}
