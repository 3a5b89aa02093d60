//! The support report: what somebody who helps needs to know about this desk, and nothing that
//! belongs to a client, to another firm or to nobody's eyes. It is made from codes, states, times
//! and numbers only: no text that a peer sent, no text of a notice and nothing of an RFQ goes in.

use crate::view::{AccessView, LinkState, SecurityView, SessionView, Transport};
use std::fmt::Write as _;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// How many of the last problems are in a report.
pub(crate) const PROBLEMS_MAX: usize = 20;

/// What a report is made of.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub version: String,
    pub practice: bool,
    /// Name and version of the operating system and of what draws the window.
    pub system: Vec<String>,
    pub session: SessionView,
    pub access: AccessView,
    /// When, and the code of what went wrong; the latest last.
    pub problems: Vec<(f64, String)>,
    pub security: SecurityView,
    pub made_at_ms: f64,
}

/// The report. `doctor` is what the examination of the connection said.
pub(crate) fn report(facts: &Facts, doctor: &str) -> String {
    let mut text = format!(
        "Signet Desk support report\nmade      {}\nversion   {}{}\n",
        when(facts.made_at_ms),
        facts.version,
        if facts.practice { " (practice venue)" } else { "" }
    );
    for line in &facts.system {
        let _ = writeln!(text, "system    {line}");
    }
    identity(&mut text, &facts.security);
    connection(&mut text, facts);
    access(&mut text, &facts.access);
    text.push_str("\n== Last problems\n");
    let first = facts.problems.len().saturating_sub(PROBLEMS_MAX);
    for (at, code) in &facts.problems[first..] {
        let _ = writeln!(text, "{} {code}", when(*at));
    }
    if facts.problems.is_empty() {
        text.push_str("none\n");
    }
    text.push_str("\n== Examination of the connection\n");
    text.push_str(doctor.trim_end());
    text.push('\n');
    text
}

fn identity(text: &mut String, security: &SecurityView) {
    text.push_str("\n== Identity\n");
    let Some(identity) = &security.identity else {
        text.push_str("none in use\n");
        return;
    };
    let _ = writeln!(text, "serial    {}", identity.serial);
    let _ = writeln!(text, "key       {} in {}", identity.fingerprint, identity.held_in);
    let _ = writeln!(text, "ends      {}", when(identity.not_after_ms));
    if let Some(days) = security.days_left {
        let _ = writeln!(text, "days left {days}");
    }
    if let Some(problem) = &identity.problem {
        let _ = writeln!(text, "problem   {}", problem.code);
    }
}

fn connection(text: &mut String, facts: &Facts) {
    let session = &facts.session;
    text.push_str("\n== Connection\n");
    let _ = writeln!(text, "state     {} since {}", state(session.state), when(session.since_ms));
    if let Some(channel) = &facts.security.channel {
        let transport = match channel.transport {
            Transport::Fixs => "FIXS",
            Transport::Quic => "QUIC",
        };
        // What follows the semicolon may quote an error of the network.
        let tls = channel.tls.split(';').next().unwrap_or_default();
        let _ = writeln!(text, "channel   {transport}, {tls}");
        let _ = writeln!(text, "venue     {} as {}", channel.endpoint, channel.server_name);
        let _ = writeln!(text, "pins      {}", channel.pins);
    }
    if let Some(ms) = session.round_trip_ms {
        let _ = writeln!(text, "round trip {ms:.1} ms");
    }
    if let Some(ms) = session.clock_offset_ms {
        let _ = writeln!(text, "clock     {ms:.0} ms behind the gateway's");
    }
    let _ = writeln!(text, "attempt   {}", session.attempt);
    if let Some(problem) = &session.problem {
        let _ = writeln!(text, "problem   {}", problem.code);
    }
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    // A network's name tells where a person is.
    let _ = writeln!(text, "network   known: {}", yes(session.network.is_some()));
    let _ = writeln!(text, "sign-in page of the network: {}", yes(session.portal.is_some()));
    let _ = writeln!(text, "answer overdue: {}", yes(session.doubtful_since_ms.is_some()));
}

fn access(text: &mut String, access: &AccessView) {
    text.push_str("\n== Access\n");
    let asks = match (access.step_up, access.direct) {
        (false, _) => "not asked for",
        (true, false) => "asked for by the gateway",
        (true, true) => "asked for by this desk",
    };
    let _ = writeln!(text, "touches   {asks}, {} keys", access.keys);
    match access.lease_until_ms {
        Some(ms) => drop(writeln!(text, "lease     until {}", when(ms))),
        None => text.push_str("lease     none\n"),
    }
    if let Some(risk) = &access.risk {
        let _ = writeln!(text, "score     {} ({:?}), policy {}", risk.score, risk.verdict, {
            let hex = risk.policy.bytes().all(|b| b.is_ascii_hexdigit());
            if hex { risk.policy.as_str() } else { "unreadable" }
        });
    }
}

fn state(state: LinkState) -> &'static str {
    match state {
        LinkState::Offline => "offline",
        LinkState::WaitingForKeychain => "waiting for the keychain",
        LinkState::Connecting => "connecting",
        LinkState::LoggingOn => "logging on",
        LinkState::Restoring => "restoring",
        LinkState::Online => "online",
        LinkState::Reconnecting => "reconnecting",
        LinkState::Refused => "refused",
    }
}

fn when(ms: f64) -> String {
    let at = OffsetDateTime::from_unix_timestamp((ms / 1_000.0) as i64).ok();
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "an unknown time".into())
}

#[cfg(test)]
#[path = "support_tests.rs"]
mod tests;
