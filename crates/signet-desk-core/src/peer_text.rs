//! Cleans text of a peer before a trader reads it: invisible characters, and characters that change
//! how the text around them reads, are replaced by a visible one; long text is cut.
//!
//! Every text that the desk takes from a message and shows passes here once. Whatever else may hold
//! words of a peer passes here where it becomes a [`Problem`](crate::view::Problem) or a notice, a
//! line of a report or of the log.

use signet_fix::message::{AppMessage, GroupMark, KeyReport, SnapshotMark};
pub use signet_rfq::is_deceptive;

/// U+FFFD, which replaces a deceptive character.
const REPLACEMENT: char = '\u{fffd}';
/// Longest text shown, characters. No honest reason, name or cure is longer.
const CHARS_MAX: usize = 1_000;
/// How many accents one letter may have; more of them draw over the lines above and below.
const MARKS_MAX: usize = 2;

/// The text as a trader may be shown it, on one line. What was shown is shown as it is.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(CHARS_MAX));
    let mut marks = 0;
    for (i, c) in text.chars().enumerate() {
        if i == CHARS_MAX {
            out.push('…');
            break;
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        out.push(match c {
            '\t' | '\n' | '\r' => ' ',
            c if is_deceptive(c) || marks > MARKS_MAX => REPLACEMENT,
            c => c,
        });
    }
    out
}

/// The same of a report for a terminal: its lines stay, and their length.
#[must_use]
pub fn lines(report: &str) -> String {
    report.chars().map(|c| if c != '\n' && is_deceptive(c) { REPLACEMENT } else { c }).collect()
}

fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}')
}

/// Cleans every text of a message that is for people. Ids are left alone: two that differ must stay
/// different, and signed text must not change.
pub(crate) fn message(mut m: AppMessage) -> AppMessage {
    let one = |t: &mut String| *t = shown(t);
    let some = |t: &mut Option<String>| {
        if let Some(t) = t {
            one(t);
        }
    };
    match &mut m {
        AppMessage::VenueState(v) => {
            one(&mut v.name);
            v.dealers.iter_mut().for_each(|d| one(&mut d.name));
        }
        AppMessage::SecurityList(y) => {
            for i in &mut y.instruments {
                [&mut i.symbol, &mut i.name, &mut i.price_unit, &mut i.settlement]
                    .into_iter()
                    .for_each(one);
            }
        }
        AppMessage::QuoteRequestReject(r) => {
            some(&mut r.text);
            if let Some(a) = &mut r.advice {
                [&mut a.code, &mut a.cure].into_iter().for_each(one);
            }
        }
        AppMessage::QuoteStatusReport(s) => some(&mut s.text),
        AppMessage::ExecutionReport(e) => some(&mut e.text),
        AppMessage::BusinessReject(j) => some(&mut j.text),
        AppMessage::RfqCancel { text, .. } => some(text),
        AppMessage::Group(_) | AppMessage::HandOver(_) => about_colleagues(&mut m),
        AppMessage::StepUpChallenge(c) => some(&mut c.reason),
        AppMessage::StepUpOutcome(o) => {
            [&mut o.code, &mut o.text, &mut o.cure].into_iter().for_each(some)
        }
        AppMessage::AccessState(a) => some(&mut a.text),
        AppMessage::AccessDecision(d) => {
            one(&mut d.text);
            some(&mut d.cure);
        }
        // Lists (of keys, of risk factors) are JSON, which can escape any character: they are
        // parsed first, and their texts pass through `shown` then.
        AppMessage::KeyReport(k) => match k {
            KeyReport::Registered { name } => one(name),
            KeyReport::Refused { code, text, cure } => {
                one(code);
                [text, cure].into_iter().for_each(some);
            }
            KeyReport::List(_) | KeyReport::Options { .. } => {}
        },
        // These contain no text for people.
        AppMessage::QuoteRequest(_)
        | AppMessage::Quote(_)
        | AppMessage::QuoteCancel(_)
        | AppMessage::QuoteResponse(_)
        | AppMessage::OrderStatusRequest(_)
        | AppMessage::SecurityListRequest(_)
        | AppMessage::SecurityListUnchanged { .. }
        | AppMessage::Snapshot(SnapshotMark::Begin | SnapshotMark::Rfq(_) | SnapshotMark::End)
        | AppMessage::StepUpAnswer(_)
        | AppMessage::StepUpRequest { .. }
        | AppMessage::KeyRequest(_)
        | AppMessage::GroupRequest { .. }
        | AppMessage::TakeOver(_)
        | AppMessage::PostureRequest { .. }
        | AppMessage::PostureReport { .. } => {}
        _ => {}
    }
    m
}

/// Of a colleague's RFQ, or of one that changed hands.
fn about_colleagues(m: &mut AppMessage) {
    let texts: &mut [&mut Option<String>] = match m {
        AppMessage::Group(GroupMark::Rfq(g)) => {
            g.name = shown(&g.name);
            &mut [&mut g.hindrance]
        }
        AppMessage::HandOver(h) => &mut [&mut h.name, &mut h.code, &mut h.text, &mut h.cure],
        _ => return,
    };
    for text in texts {
        **text = text.as_deref().map(shown);
    }
}

#[cfg(test)]
#[path = "peer_text_tests.rs"]
mod tests;
