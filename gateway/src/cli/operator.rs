//! The commands `status`, `top`, `sessions`, `alerts` and `kill`: they ask the gateway that runs on
//! this machine.

use super::shown;
use clap::Args;
use serde_json::Value;
use signet_gateway::{
    Config,
    operator::{OperatorError, Rates, Request, Sample, ask},
};
use std::{
    io::{IsTerminal as _, Write as _, stdout},
    time::{Duration, Instant},
};

/// Between two readings of `top` and two looks of `alerts --follow`.
const AGAIN: Duration = Duration::from_secs(1);

#[derive(Args)]
pub struct JsonArgument {
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct TopArguments {
    /// End after so many readings.
    #[arg(long)]
    count: Option<u64>,
}

#[derive(Args)]
pub struct AlertArguments {
    /// Go on with those that come.
    #[arg(long)]
    follow: bool,
    /// How many of the newest.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Args)]
#[group(required = true, multiple = false, id = "which")]
pub struct KillTarget {
    /// CompID of a desk, or a user.
    name: Option<String>,
    /// Every session.
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
pub struct KillArguments {
    #[command(flatten)]
    which: KillTarget,
    /// What the trader reads.
    #[arg(long, default_value = "ended by the operator")]
    reason: String,
}

pub fn status(c: &Config, a: &JsonArgument) -> Result<(), OperatorError> {
    let v = ask(c, &Request::Status {})?;
    match a.json {
        true => out(&shown::json(&format!("{v:#}\n"))),
        false => out(&shown::status(&v)),
    }
    Ok(())
}

pub fn sessions(c: &Config, a: &JsonArgument) -> Result<(), OperatorError> {
    let v = ask(c, &Request::Sessions {})?;
    match a.json {
        true => out(&shown::json(&format!("{v:#}\n"))),
        false => out(&shown::sessions(&v)),
    }
    Ok(())
}

pub fn alerts(c: &Config, a: &AlertArguments) -> Result<(), OperatorError> {
    // Whoever follows must know the number of the last one, or all of them would come next.
    let limit = if a.follow { a.limit.max(1) } else { a.limit };
    let (mut after, mut limit, mut since, mut gone) = (0, limit, Value::Null, false);
    loop {
        let v = match ask(c, &Request::Alerts { after, limit }) {
            // It may be restarted: whoever follows wants to see what comes then.
            Err(e) if a.follow && !since.is_null() && is_away(&e) => {
                if !gone {
                    eprintln!("signet-gateway: {e}; waiting for it");
                }
                gone = true;
                std::thread::sleep(AGAIN);
                continue;
            }
            answered => answered?,
        };
        gone = false;
        let is_first = since.is_null();
        if !is_first && since != v["since_ms"] {
            // Another start counts from 1; what this answer left out is asked for.
            (after, since) = (0, v["since_ms"].clone());
            continue;
        }
        since = v["since_ms"].clone();
        let all = v["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        // Of those before the first look some were not asked for.
        let left_out = if is_first { 0 } else { left_out(after, all) };
        if left_out > 0 {
            eprintln!(
                "signet-gateway: {left_out} alerts are left out: more came at once than the \
                    gateway keeps; see signet-gateway events, or the SIEM"
            );
        }
        for alert in all {
            match a.json.json {
                true => out(&shown::json(&format!("{alert}\n"))),
                false => out(&shown::alert(alert)),
            }
        }
        if !a.follow {
            return Ok(());
        }
        let last = all.last().and_then(|x| x["seq"].as_u64());
        after = last.unwrap_or(after);
        limit = usize::MAX;
        std::thread::sleep(AGAIN);
    }
}

/// How many alerts came after number `after` and before the first of these.
fn left_out(after: u64, alerts: &[Value]) -> u64 {
    let first = alerts.first().and_then(|a| a["seq"].as_u64());
    first.map_or(0, |first| first.saturating_sub(after.saturating_add(1)))
}

/// Whether the gateway does not run at this moment.
fn is_away(e: &OperatorError) -> bool {
    matches!(e, OperatorError::NotRunning(..) | OperatorError::Broken(_))
}

pub fn kill(c: &Config, a: KillArguments) -> Result<(), OperatorError> {
    let request = Request::Kill { name: a.which.name, reason: a.reason };
    let v = ask(c, &request)?;
    let ended = v["ended"].as_array().map(Vec::as_slice).unwrap_or_default();
    for desk in ended {
        out(&format!("ended {}\n", shown::word(desk)));
    }
    if ended.is_empty() {
        out("no desk is on\n");
    }
    out("Ended desks may come back; signet-gateway lock user USER keeps a user out.\n");
    Ok(())
}

/// One reading.
struct Reading {
    at: Instant,
    sample: Sample,
    sessions: Value,
}

impl Reading {
    fn now(c: &Config) -> Result<Self, OperatorError> {
        let text = ask(c, &Request::Metrics {})?;
        let sample = Sample::read(text["text"].as_str().unwrap_or_default());
        Ok(Self { at: Instant::now(), sample, sessions: ask(c, &Request::Sessions {})? })
    }
}

pub fn top(c: &Config, a: &TopArguments) -> Result<(), OperatorError> {
    let mut before = Reading::now(c)?;
    let mut shown_times = 0;
    while a.count.is_none_or(|n| shown_times < n) {
        std::thread::sleep(AGAIN);
        let after = Reading::now(c)?;
        let seconds = after.at.duration_since(before.at).as_secs_f64();
        let rates = Rates { before: &before.sample, after: &after.sample, seconds };
        let clear = if stdout().is_terminal() { "\u{1b}[H\u{1b}[2J" } else { "" };
        out(&format!("{clear}{}", shown::top(&rates, (&before.sessions, &after.sessions))));
        before = after;
        shown_times += 1;
    }
    Ok(())
}

/// A pipe that is closed, as by `head`, ends the program quietly.
fn out(text: &str) {
    let mut stdout = stdout();
    if stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).is_err() {
        std::process::exit(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn alerts_that_the_gateway_does_not_keep_are_missed() {
        let from = |seqs: &[u64]| seqs.iter().map(|n| json!({ "seq": n })).collect::<Vec<_>>();
        for (after, seqs, want) in [
            (0, &[][..], 0),
            (7, &[], 0),
            (0, &[1, 2], 0),
            (7, &[8, 9], 0),
            // It was started again, or a second had more than 500.
            (0, &[4, 5], 3),
            (7, &[508, 509], 500),
            (u64::MAX, &[1], 0),
        ] {
            assert_eq!(left_out(after, &from(seqs)), want, "{after} {seqs:?}");
        }
    }
}
