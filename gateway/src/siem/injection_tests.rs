//! What peers write in free text, at every outlet of events, each read by a parser of its format: no
//! text ends a line, a frame or a field, or is read as something else than itself.

use super::{
    otlp,
    syslog::{FrameHeader, framed},
};
use crate::{
    config::Facility,
    delivery::{Draft, Record},
    events::EventSink,
    hostile_texts,
    metrics::Metrics,
    pipeline::business_event,
};
use proptest::prelude::*;
use signet_events::{
    About, Actor, Event, Text,
    ocsf::{self, Position, Source},
};
use signet_fix::message::*;
use signet_identity::CompId;
use signet_rfq::{AcceptId, DealerId, InstrumentId, RfqId, Side, UtcMillis};
use signet_router::{Input, Output};
use std::rc::Rc;

const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

/// Messages with this text, as desks and dealers may send them.
fn messages(text: &str) -> Vec<AppMessage> {
    let instrument = || InstrumentId::new("EUR/USD").unwrap();
    let report = |exec_type, status| {
        AppMessage::ExecutionReport(ExecutionReport {
            price_type: None,
            legs: vec![],
            order_id: text.into(),
            exec_id: text.into(),
            exec_ref: Some(text.into()),
            accept: AcceptId::new("A1").unwrap(),
            exec_type,
            status,
            instrument: instrument(),
            dealer: Some(DealerId::new("NORTH").unwrap()),
            side: Side::Buy,
            last: None,
            cum_qty: 0.into(),
            leaves_qty: 0.into(),
            avg_px: 0.into(),
            settlement_date: Some(text.into()),
            currency: Some(text.into()),
            disputed: false,
            price: None,
            reject_reason: None,
            text: Some(text.into()),
            at: NOW,
        })
    };
    vec![
        report(ExecType::Trade, OrdStatus::Filled),
        report(ExecType::Rejected, OrdStatus::Rejected),
        AppMessage::QuoteRequestReject(QuoteRequestReject {
            rfq: RfqId::new("R1").unwrap(),
            reason: 99,
            instrument: instrument(),
            dealer: Some(DealerId::new("NORTH").unwrap()),
            text: Some(text.into()),
            advice: None,
        }),
        AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(
            RfqId::new("R1").unwrap(),
            instrument(),
            RfqStatus::Rejected,
            Some(text.into()),
        )),
    ]
}

/// Every event that can hold this text.
fn events(text: &str) -> Vec<Event> {
    let dealer = DealerId::new("NORTH").unwrap();
    let desk = CompId::new("ALICE1").unwrap();
    let mut all: Vec<Event> = messages(text)
        .into_iter()
        .filter_map(|m| {
            let input = Input::FromDealer(dealer.clone(), m.clone());
            business_event(&input, &Output::ToDesk(desk.clone(), m), 7)
        })
        .collect();
    assert_eq!(all.len(), 4);
    all.push(Event::new(7, "admin.acted", text).by(Actor::Account(text.into())));
    all.push(Event::new(7, "risk.denied", text).about(About::user(text)));
    all.push(Event::new(7, "dealer.off", text).about(About::device(text, text)));
    all
}

fn checked(text: &str) {
    let source = Source { gateway: "G".into(), version: "1".into() };
    let metrics = Metrics::new(std::iter::empty::<&DealerId>());
    let sink = EventSink::default().counted(metrics.clone(), metrics.clone());
    let mut records = Vec::new();
    for (n, event) in (1..).zip(events(text)) {
        // JSON lines: one object on one line, whose words are those of the event.
        let json = ocsf::line(&event, event.code, &source, Position { uid: "G.1.1", sequence: n });
        assert!(json.bytes().all(|b| (b' '..=b'~').contains(&b)), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(read["metadata"]["event_code"], event.code);
        let words = read["unmapped"]["words"].as_str().unwrap_or_default();
        let said = Text::from(text);
        let cut = words.trim_end_matches('…');
        assert!(event.words.as_str().starts_with(cut) || said.as_str().starts_with(cut), "{words}");
        let draft = Draft {
            at_us: event.at_us,
            severity: event.entry.severity.id(),
            uid: "G.1.1".into(),
            code: event.code.into(),
            json: json.clone(),
        };
        let record = Record::new(n, draft);
        assert_eq!(record.json, json);
        syslog(&record, &json);
        records.push(Rc::new(record));
        sink.note(event);
    }
    // OTLP: as many records as were given, each with its own body.
    let read = otlp::bodies(&otlp::request(&source, &records));
    let given: Vec<_> = records.iter().map(|r| (r.json.clone(), r.code.clone())).collect();
    assert_eq!(read, given);
    prometheus(&metrics.text());
}

/// RFC 5425 and RFC 5424: length, header, one element of structured data, the message.
fn syslog(record: &Record, json: &str) {
    let mut out = Vec::new();
    framed(&FrameHeader::of_this_host(Facility::Authpriv), record, &mut out);
    let text = String::from_utf8(out).unwrap();
    let (length, frame) = text.split_once(' ').unwrap();
    assert_eq!(length.parse::<usize>().unwrap(), frame.len());
    let fields: Vec<&str> = frame.splitn(7, ' ').collect();
    assert!(fields[0].starts_with('<') && fields[0].ends_with(">1"), "{frame}");
    assert_eq!((fields[3], fields[5]), ("signet-gateway", &record.code[..]));
    let (data, message) = fields[6].split_once("] ").unwrap();
    assert!(data.starts_with("[signet@32473 code="), "{data}");
    assert_eq!(message, json);
}

/// The text format of Prometheus: a comment, or name, labels and number; and no name of others.
fn prometheus(page: &str) {
    for line in page.lines() {
        if line.starts_with("# ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        let name = series.split('{').next().unwrap();
        assert!(name.starts_with("signet_") || name.starts_with("process_"), "{line}");
        assert!(!name.contains("forged") && series.is_ascii(), "{line}");
    }
}

#[test]
fn what_a_peer_writes_is_only_text_at_every_outlet() {
    for text in hostile_texts() {
        checked(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_is_more_than_text_at_any_outlet(text: String) {
        checked(&text);
    }
}
