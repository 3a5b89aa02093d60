//! The best-execution page as a file: one A4 page of HTML that loads nothing, so that it shows the
//! same in ten years on a machine without a network. Pure.

use crate::view::{BestAccept, BestExecution, BestQuote};
use jiff::{Timestamp, tz::TimeZone};
use std::fmt::Write as _;

/// The file's text.
pub(crate) fn html(p: &BestExecution, made_ms: i64) -> String {
    let mut out = String::new();
    let title = format!("Best execution {}", p.rfq_id);
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'\">\n<title>{}</title>\n<style>{STYLE}</style></head><body>\n\
         <h1>Best execution</h1>\n",
        safe(&title)
    );
    request(&mut out, p);
    out.push_str("<h2>Accepted</h2>\n");
    if p.accepts.is_empty() {
        out.push_str("<p>No quote was accepted.</p>\n");
    }
    p.accepts.iter().for_each(|a| accept(&mut out, a));
    counters(&mut out, p);
    dealers(&mut out, p);
    quotes(&mut out, p);
    let _ = write!(
        out,
        "<footer><p>{}</p>{}<p>Times are UTC on the gateway's clock. Made {} by Signet Desk.</p>\
         </footer>\n</body></html>\n",
        safe(&p.evidence),
        p.notes.iter().map(|n| format!("<p>{}</p>", safe(n))).collect::<String>(),
        moment(made_ms as f64)
    );
    out
}

fn request(out: &mut String, p: &BestExecution) {
    let least = p.min_quantity.as_ref().map_or_else(String::new, |q| format!(" (at least {q})"));
    let what = format!("{} {} {}{least}", p.side, p.currency, p.quantity);
    facts(
        out,
        &[
            ("Instrument", &format!("{} ({})", p.symbol, p.instrument)),
            ("Asked for", &what),
            ("Settles", &p.settlement_date),
            ("Sent", &moment(p.created_ms)),
            ("Open until", &moment(p.expires_ms)),
            ("Outcome", &p.outcome),
            ("Desk", &p.desk),
            ("Venue", &p.venue),
            ("Request", &p.rfq_id),
        ],
    );
}

fn accept(out: &mut String, a: &BestAccept) {
    let none = || "fewer than three dealers quoted".to_owned();
    let against = |composite: &Option<String>, slippage: &Option<String>| match composite {
        Some(c) => format!("{c}, {}", slippage.as_deref().unwrap_or("not compared")),
        None => none(),
    };
    let limit = a.limit.as_ref().map(|l| format!(", limit {l}")).unwrap_or_default();
    let of = a.quoted.as_ref().map(|q| format!(" of {q} quoted")).unwrap_or_default();
    let what = format!("{} {}{of} at {}{limit}, {}", a.side, a.quantity, a.price, a.name);
    let was = if a.was_best { "the best price" } else { "not the best price" };
    let held = a.hold_ms.map(|ms| format!(" after {ms:.0} ms")).unwrap_or_default();
    let reason = match (&a.reason, a.was_best) {
        (Some(r), _) => r.clone(),
        (None, true) => "not needed: it was the best price".into(),
        (None, false) => "none was given".into(),
    };
    facts(
        out,
        &[
            ("Accepted", &what),
            ("When", &format!("{}, {was}", moment(a.at_ms))),
            ("Answer", &format!("{}{held}", a.answer)),
            ("Best then", a.best.as_deref().unwrap_or("no quote could be had")),
            ("Cover", a.cover.as_deref().unwrap_or("no other dealer quoted")),
            ("Against the first composite", &against(&a.composite_first, &a.slippage_first)),
            ("Against the composite then", &against(&a.composite, &a.slippage)),
            ("Reason for the choice", &reason),
            ("Accept, execution", &format!("{}, {}", a.id, a.exec_id.as_deref().unwrap_or("-"))),
        ],
    );
}

fn facts(out: &mut String, all: &[(&str, &str)]) {
    out.push_str("<dl>");
    for (name, value) in all {
        let _ = write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", safe(name), safe(value));
    }
    out.push_str("</dl>\n");
}

fn counters(out: &mut String, p: &BestExecution) {
    if p.counters.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Asked for a better price</h2>\n<table><tr><th>Sent<th>Dealer<th>Side\
         <th class=n>Quoted<th class=n>Asked for<th>Answer<th>Answered<th>Counter</tr>\n",
    );
    for c in &p.counters {
        let _ = writeln!(
            out,
            "<tr><td>{}<td>{}<td>{}<td class=n>{}<td class=n>{}<td>{}<td>{}<td>{}</tr>",
            clock(c.at_ms),
            safe(&c.name),
            safe(&c.side),
            safe(c.quoted.as_deref().unwrap_or("-")),
            safe(&c.price),
            safe(&c.answer),
            c.answer_ms.map_or_else(|| "-".into(), clock),
            safe(&c.id),
        );
    }
    out.push_str("</table>\n");
}

fn dealers(out: &mut String, p: &BestExecution) {
    out.push_str(
        "<h2>Asked</h2>\n<table><tr><th>Dealer<th>Answer<th class=n>Prices<th class=n>Last bid\
         <th class=n>Last offer</tr>\n",
    );
    for d in &p.dealers {
        let traded = if d.traded { " (traded)" } else { "" };
        let _ = writeln!(
            out,
            "<tr><td>{}{traded}<td>{}<td class=n>{}<td class=n>{}<td class=n>{}</tr>",
            safe(&d.name),
            safe(&d.answer),
            d.quotes,
            safe(d.bid.as_deref().unwrap_or("-")),
            safe(d.offer.as_deref().unwrap_or("-")),
        );
    }
    out.push_str("</table>\n");
}

fn quotes(out: &mut String, p: &BestExecution) {
    out.push_str(
        "<h2>Quotes</h2>\n<table><tr><th>Received<th>Dealer's time<th>Dealer<th class=n>Bid\
         <th class=n>Offer<th>Best<th>Until<th>Quote<th>Record</tr>\n",
    );
    for q in &p.quotes {
        let best = match (q.best_bid, q.best_offer) {
            (true, true) => "both",
            (true, false) => "bid",
            (false, true) => "offer",
            (false, false) => "",
        };
        let _ = writeln!(
            out,
            "<tr><td>{}{}<td>{}<td>{}{}<td class=n>{}<td class=n>{}<td>{best}<td>{}<td>{}<td>{}{}\
             </tr>",
            clock(q.received_ms),
            if q.repeated { "*" } else { "" },
            clock(q.dealer_ms),
            safe(&q.name),
            if q.tradeable { "" } else { " (indicative)" },
            safe(&side(q, true)),
            safe(&side(q, false)),
            clock(q.until_ms),
            safe(&q.quote_id),
            q.record,
            if q.signed { " signed" } else { "" },
        );
    }
    out.push_str("</table>\n");
    if p.quotes_left_out > 0 {
        let _ = writeln!(out, "<p>{} later quotes are not listed.</p>", p.quotes_left_out);
    }
}

fn side(q: &BestQuote, bid: bool) -> String {
    let (price, size) = if bid { (&q.bid, &q.bid_size) } else { (&q.offer, &q.offer_size) };
    match (price, size) {
        (Some(p), Some(s)) => format!("{p} / {s}"),
        _ => "-".into(),
    }
}

/// A text of anybody as text of HTML, also within quotes.
fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// `2026-11-29 14:02:09.123`
fn moment(ms: f64) -> String {
    shown(ms, "%Y-%m-%d %H:%M:%S%.3f")
}

/// `14:02:09.123`
fn clock(ms: f64) -> String {
    shown(ms, "%H:%M:%S%.3f")
}

fn shown(ms: f64, form: &str) -> String {
    let at = Timestamp::from_millisecond(ms as i64);
    at.map(|t| t.to_zoned(TimeZone::UTC).strftime(form).to_string()).unwrap_or_default()
}

const STYLE: &str = "@page{size:A4;margin:12mm}body{font:9pt/1.35 system-ui,sans-serif;\
    font-variant-numeric:tabular-nums;max-width:186mm;margin:12mm auto;color:#111}\
    @media print{body{margin:0}}h1{font-size:14pt;margin:0 0 2mm}h2{font-size:10.5pt;\
    margin:4mm 0 1mm;break-after:avoid}dl{display:grid;grid-template-columns:1fr 1fr 1fr;\
    gap:1mm 4mm;margin:0 0 2mm}dt{color:#555;font-size:8pt}dd{margin:0;overflow-wrap:anywhere;\
    unicode-bidi:isolate}table{width:100%;border-collapse:collapse}tr{break-inside:avoid}\
    th,td{text-align:left;padding:.4mm 1.5mm;border-bottom:.2mm solid #bbb;\
    overflow-wrap:anywhere;unicode-bidi:isolate}th{color:#555;font-weight:600}\
    .n{text-align:right;white-space:nowrap}footer{margin-top:4mm;color:#555;font-size:8pt}\
    footer p{margin:0 0 1mm;overflow-wrap:anywhere}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::BestCounter;
    use proptest::prelude::*;

    fn counter(answer: &str) -> BestExecution {
        let counter = BestCounter {
            id: "R1:7".into(),
            name: "Northbank".into(),
            side: "Buy".into(),
            price: "99.400".into(),
            quoted: Some("99.500".into()),
            at_ms: 1_000.0,
            answer: answer.into(),
            answer_ms: Some(2_500.0),
        };
        BestExecution { counters: vec![counter], ..BestExecution::default() }
    }

    #[test]
    fn a_counter_is_a_row_with_what_was_quoted_asked_for_and_answered() {
        let file = html(&counter("Refused: <firm>"), 0);
        let row = "<tr><td>00:00:01.000<td>Northbank<td>Buy<td class=n>99.500<td class=n>99.400\
            <td>Refused: &lt;firm&gt;<td>00:00:02.500<td>R1:7</tr>";
        assert!(file.contains(row), "{file}");
        assert!(!html(&BestExecution::default(), 0).contains("Asked for a better price"));
    }

    proptest! {
        #[test]
        fn no_text_of_a_peer_becomes_markup(text in "\\PC{0,40}|[<>&\"'=/a-z ]{0,40}|[\u{0}-\u{40}]{0,9}") {
            let plain = html(&BestExecution::default(), 0);
            let tags = |s: &str| s.matches('<').count();
            let p = BestExecution {
                rfq_id: text.clone(),
                outcome: text.clone(),
                evidence: text.clone(),
                notes: vec![],
                ..BestExecution::default()
            };
            prop_assert_eq!(tags(&html(&p, 0)), tags(&plain));
            prop_assert!(!safe(&text).contains(['<', '>', '"', '\'']));
        }
    }

    #[test]
    fn the_file_says_the_least_quantity_if_there_is_one() {
        let of = |least: Option<&str>| {
            let min_quantity = least.map(Into::into);
            html(&BestExecution { min_quantity, ..BestExecution::default() }, 0)
        };
        assert!(of(Some("2,000,000")).contains("(at least 2,000,000)"));
        assert!(!of(None).contains("at least"));
    }

    #[test]
    fn the_file_loads_nothing() {
        let file = html(&BestExecution::default(), 0);
        assert!(file.contains("default-src 'none'"));
        for no in ["http:", "https:", "src=", "href=", "url(", "<script", "@import"] {
            assert!(!file.contains(no), "{no}");
        }
    }
}
