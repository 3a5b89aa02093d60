//! What the operator sees of a trade: everything is counted once, at the dealer that it is about.
#![cfg(unix)]

use crate::support::{Screen, World};
use signet_desk_core::view::*;
use signet_gateway::operator::{Request, Sample, ask};

const N: &str = "NORTHBANK";

fn sample(w: &World) -> Sample {
    let v = ask(w.practice.gateway_config(), &Request::Metrics {}).unwrap();
    Sample::read(v["text"].as_str().unwrap())
}

/// The trader asks and is quoted.
fn quoted(w: &World, s: &mut Screen) -> String {
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    id
}

#[test]
fn a_trade_is_counted_at_its_dealer_with_its_times() {
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    let before = sample(&w);
    let id = quoted(&w, &mut s);
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
    let after = sample(&w);
    let grew = |series: &str| {
        let of = |sample: &Sample| sample.value(series).unwrap_or_default();
        of(&after) - of(&before)
    };
    for (series, want) in [
        ("signet_messages_received_total{peer=\"desk\",type=\"R\"}", 1.0),
        ("signet_message_seconds_count{peer=\"desk\",type=\"AJ\"}", 1.0),
        ("signet_messages_sent_total{peer=\"dealer\",type=\"R\"}", 1.0),
        ("signet_messages_sent_total{peer=\"dealer\",type=\"AJ\"}", 1.0),
        ("signet_dealer_asked_total{dealer=\"NORTHBANK\",question=\"quote\"}", 1.0),
        ("signet_dealer_asked_total{dealer=\"NORTHBANK\",question=\"accept\"}", 1.0),
        ("signet_dealer_answers_total{dealer=\"NORTHBANK\",answer=\"fill\"}", 1.0),
        ("signet_dealer_answers_total{dealer=\"NORTHBANK\",answer=\"reject\"}", 0.0),
        ("signet_dealer_response_seconds_count{dealer=\"NORTHBANK\",question=\"quote\"}", 1.0),
        ("signet_dealer_response_seconds_count{dealer=\"NORTHBANK\",question=\"accept\"}", 1.0),
        ("signet_write_failures_total{file=\"journal\"}", 0.0),
    ] {
        assert_eq!(grew(series), want, "{series}");
    }
    // The RFQ and the accept, at least.
    assert!(grew("signet_write_seconds_count{file=\"journal\"}") >= 2.0);
    assert!(grew("signet_write_seconds_count{file=\"evidence\"}") >= 2.0);
    let up = format!("signet_dealer_up{{dealer=\"{N}\"}}");
    assert_eq!(after.value(&up), Some(1.0));
}
