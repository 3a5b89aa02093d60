//! Click to bytes at the peer, and bytes from the peer to state for the page. No window.

use signet_bench::{BenchVenue, Fresh, Size, micros, percentiles, wait_online};
use signet_desk_core::view::*;
use std::{collections::HashMap, sync::mpsc, time::Duration};

const ROUNDS: usize = 2_000;

fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    let venue = BenchVenue::start(Size::small(4));
    let desk = venue.desk(dir.path());
    wait_online(&desk);

    let mut clicked = HashMap::new();
    for _ in 0..ROUNDS {
        let at = micros();
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: "EUR/USD".into(),
            ask: Ask::Buy,
            quantity: "5m".into(),
            dealers: (0..8).map(|i| format!("DEALER{i}")).collect(),
            ttl_s: 30,
            settlement_date: None,
        };
        let id = desk.send_rfq(ticket).expect("sent");
        clicked.insert(id, at);
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(300));
    let arrivals = std::mem::take(&mut *venue.shared.arrivals.lock().expect("not poisoned"));
    let mut ms: Vec<f64> = arrivals
        .iter()
        .filter_map(|(id, at)| clicked.get(id).map(|c| at.saturating_sub(*c) as f64 / 1e3))
        .collect();
    println!(
        "click to bytes read by the peer over TLS on loopback, ms:   {}",
        percentiles(&mut ms)
    );

    venue.set_rate(200);
    let mut seq = desk.pull(0, &[]).seq as u64;
    let mut fresh = Fresh::default();
    let mut ms = Vec::new();
    while ms.len() < ROUNDS {
        let (tx, rx) = mpsc::channel();
        let wake = move || {
            let _ = tx.send(());
        };
        desk.wake_after(seq, Box::new(wake));
        let _ = rx.recv_timeout(Duration::from_secs(5));
        let frame = desk.pull(seq, &[]);
        let now = micros();
        seq = frame.seq as u64;
        ms.extend(fresh.sent(&frame.lines).into_iter().map(|s| now.saturating_sub(s) as f64 / 1e3));
    }
    println!(
        "bytes written by the peer to state pulled for the page, ms: {}",
        percentiles(&mut ms)
    );
    std::process::exit(0);
}
