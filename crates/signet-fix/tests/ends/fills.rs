//! Executions of a dealer, and what the other end heard of them.

use crate::ends::End;
use signet_fix::{
    AppMessage,
    message::{ExecType, ExecutionReport, OrdStatus},
    session::Event,
};
use signet_rfq::*;

pub fn heard(end: &End) -> Vec<Event> {
    std::iter::from_fn(|| end.session.next_event()).collect()
}

pub fn fill(n: u32) -> AppMessage {
    let level = Level { price: 1.into(), size: 100.into() };
    AppMessage::ExecutionReport(ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: format!("O{n}"),
        exec_id: format!("X{n}"),
        exec_ref: None,
        accept: AcceptId::new(format!("A{n}")).unwrap(),
        exec_type: ExecType::Trade,
        status: OrdStatus::Filled,
        instrument: InstrumentId::new("EUR/USD").unwrap(),
        dealer: None,
        side: Side::Buy,
        last: Some(level),
        cum_qty: 100.into(),
        leaves_qty: 0.into(),
        avg_px: 1.into(),
        settlement_date: None,
        currency: None,
        disputed: false,
        price: None,
        reject_reason: None,
        text: None,
        at: UtcMillis(0),
    })
}

pub fn fills(events: &[Event]) -> Vec<(String, bool)> {
    let of = |e: &Event| match e {
        Event::Message { message: AppMessage::ExecutionReport(r), meta } => {
            Some((r.exec_id.clone(), meta.poss_dup))
        }
        _ => None,
    };
    events.iter().filter_map(of).collect()
}
