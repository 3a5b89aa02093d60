//! `docs/lifecycle.md`, written from the tables that the code runs on.

use super::{
    AcceptEvent, AcceptPhase, CounterEvent, CounterPhase, LineEvent, LinePhase,
    Outcome::{self, Never, Settle, Stay, To},
    REQUEST_STATES, RequestEvent, accept, counter, line, meaning, quote_status_meaning, request,
};
use crate::fix::{ExecType, OrdStatus, QuoteRespType, QuoteStatus};
use std::fmt::{Display, Write as _};

const HEAD: &str = "# The life of an RFQ

Written from `crates/signet-rfq/src/lifecycle/mod.rs`, which desk and gateway both run on. Do not
edit it; change the code, then `UPDATE_DOCS=1 cargo test -p signet-rfq lifecycle`.

In the tables: **bold** is the state that follows; `-` means noted, nothing changes; `refused` means
that the event cannot happen there, and whoever asks for it is told so; `dispute` means that people
must settle it: the report is kept, shown to the trader and counted against the limits, and is never
booked as a trade.

";

fn cell<S: Display>(o: Outcome<S>) -> String {
    match o {
        To(s) => format!("**{s}**"),
        Stay => "-".into(),
        Settle(s) => format!("dispute, **{s}**"),
        Never => "refused".into(),
    }
}

/// One table: events down, states across.
fn table<S: Copy + Display, E: Copy + Display>(
    out: &mut String,
    states: &[S],
    events: &[E],
    of: impl Fn(S, E) -> String,
) {
    let names: Vec<String> = states.iter().map(ToString::to_string).collect();
    let _ = writeln!(out, "| event | {} |", names.join(" | "));
    let _ = writeln!(out, "| --- |{}", " --- |".repeat(names.len()));
    for e in events {
        let cells: Vec<String> = states.iter().map(|s| of(*s, *e)).collect();
        let _ = writeln!(out, "| {e} | {} |", cells.join(" | "));
    }
    out.push('\n');
}

/// The whole document.
pub fn document() -> String {
    let mut out = String::from(HEAD);
    out.push_str("## The request\n\n");
    table(&mut out, &REQUEST_STATES, &RequestEvent::ALL, |s, e| cell(request(s, e)));
    let waiting: Vec<&str> =
        RequestEvent::ALL.iter().filter(|e| e.waits_for_the_answer()).map(|e| e.words()).collect();
    let _ = writeln!(
        out,
        "While an accept is in flight (sent, last look, unknown) these wait for its answer: {}.\n",
        waiting.join("; ")
    );
    out.push_str("## One dealer's line\n\n");
    table(&mut out, &LinePhase::ALL, &LineEvent::ALL, |s, e| cell(line(s, e)));
    out.push_str("## An accept\n\n");
    table(&mut out, &AcceptPhase::ALL, &AcceptEvent::ALL, |s, e| cell(accept(s, e)));
    out.push_str(COMPARED);
    out.push_str("## A counter\n\n");
    table(&mut out, &CounterPhase::ALL, &CounterEvent::ALL, |s, e| cell(counter(s, e)));
    out.push_str(COUNTERED);
    reports(&mut out);
    statuses(&mut out);
    rejects(&mut out);
    out
}

const COMPARED: &str = "An execution is identified by its dealer and ExecID (17). It fits when \
instrument (55), side (54),
LastPx (31), SettlDate (64) and Currency (15), as far as they are there, are those of the accept,
and all executions together are not more than was accepted. The same ExecID with the same contents
is a repeat; with other contents it does not fit. A bust or a correction names (19) an execution
that stands: after a correction the correction. An RFQ with a dispute takes no further accept.

An accept of which a part was executed counts against the limits with all that was accepted, until
its dealer says that nothing more comes: 150 is 3, 4 or C, or 39 is 3, 4, 8 or C, or 151 is 0 and 39
is not 1. Then it counts with what was executed. What is executed afterwards does not fit, nor does
an end below the least quantity that was asked for.

";

const COUNTERED: &str = "A counter asks one dealer for a better price and agrees to nothing: \
it never trades by itself. By
it the trader declines the quote that it names, so that only a new quote of this dealer can be taken
afterwards, whether the dealer improves, refuses or does not answer. The first new quote answers it,
whether or not it names the counter (693). No accept of the RFQ may be in flight when it is sent.

";

fn reports(out: &mut String) {
    out.push_str(
        "## ExecutionReport (8)\n\nEvery report is written down at the gateway and shown \
        at the desk.\n\n",
    );
    out.push_str(
        "| 150 | ExecType | nothing executed (14=0) | something executed (14>0) |\n| --- \
        | --- | --- | --- |\n",
    );
    for t in ExecType::ALL {
        let of = |executed| match t {
            ExecType::Status => "by OrdStatus, below",
            t => meaning(*t, OrdStatus::New, executed).words(),
        };
        let _ = writeln!(out, "| {} | {} | {} | {} |", t.code(), t.words(), of(false), of(true));
    }
    out.push_str(
        "\n| 39, with 150=I | OrdStatus | nothing executed | something executed |\n| --- \
        | --- | --- | --- |\n",
    );
    for s in OrdStatus::ALL {
        let of = |executed| meaning(ExecType::Status, *s, executed).words();
        let _ = writeln!(out, "| {} | {} | {} | {} |", s.code(), s.words(), of(false), of(true));
    }
    out.push_str(
        "\nWhich of these a report is, OrdStatus decides with 150=I only. An unknown value of \
        either is noted, or counts as what was executed so far.\n\n",
    );
}

fn statuses(out: &mut String) {
    out.push_str("## QuoteStatusReport (AI) of a dealer\n\n");
    out.push_str(
        "| 297 | QuoteStatus | about its quote | about an accept (693) |\n| --- | --- | \
        --- | --- |\n",
    );
    for s in QuoteStatus::ALL {
        let (quote, accept) = quote_status_meaning(*s).words();
        let _ = writeln!(out, "| {} | {} | {quote} | {accept} |", s.code(), s.words());
    }
    out.push_str(
        "\n## QuoteResponse (AJ)\n\n| 694 | QuoteRespType | from a desk | from the gateway to a \
            dealer |\n| --- | --- | --- | --- |\n",
    );
    for r in QuoteRespType::ALL {
        let (desk, dealer) = match r {
            QuoteRespType::HitOrLift => ("an accept", "an accept"),
            QuoteRespType::Pass => (
                "passes on one dealer",
                "nothing will be traded with it in this RFQ: the RFQ is over, or the trader passes",
            ),
            QuoteRespType::Counter => ("a counter", "a counter, if the dealer takes them"),
            _ => ("refused (3)", "not sent"),
        };
        let _ = writeln!(out, "| {} | {} | {desk} | {dealer} |", r.code(), r.words());
    }
    out.push('\n');
}

fn rejects(out: &mut String) {
    out.push_str(
        "## Rejects

BusinessMessageReject (j) by 379 or 45, and session Reject (3) by 45. They end only what their own
sender was sent.

| of | does |
| --- | --- |
| R | the dealer's line is rejected |
| AJ, 694=1 | the accept is declined, if it is this dealer's and open; else an event is written |
| AJ, 694=2 | the counter is refused, if it is this dealer's and open |
| AJ, 694=6 | noted |
| H | noted: this dealer tells no status |
| anything else | noted |
",
    );
}
