//! Sessions that go on at another address, as a SIEM reads of them: over TCP with another Logon,
//! over QUIC on the connection that there is.

use crate::{
    siem_support::lines,
    support::{Desk, World, runtime},
};
use serde_json::Value;
use std::{fs, net::UdpSocket};

const SINK: &str = "[[siem.sink]]\nkind = \"file\"\nname = \"file\"\npath = \"events.jsonl\"\n";

/// Loopback addresses in places of their own, near enough to be reached at any time.
const PLACES: &str = "countries = ['GB', 'FR']
[travel]
distance_km = 5000
[[network]]
range = '127.0.0.1/32'
country = 'GB'
[[network]]
range = '127.0.0.2/32'
country = 'FR'
";

fn world() -> World {
    let mut w = World::with("sqlite:registry.db", SINK);
    fs::write(w.path("risk.toml"), PLACES).unwrap();
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w
}

async fn logs_on(w: &World, from: &str, seq: u64) -> Desk {
    let mut desk = Desk::connect_from(w, from, "laptop", "ALICE").await;
    let answer = desk.log_on(seq).await;
    assert!(answer.contains("|35=A|"), "{answer}");
    desk
}

/// Where it was, where it is, and the countries of both, of each event with this code.
fn told(w: &World, code: &str) -> Vec<[String; 4]> {
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let fields = ["address_before", "address", "country_before", "country"];
    let of = lines(&w.path("events.jsonl"));
    let of = of.iter().filter(|e| e["metadata"]["event_code"] == code);
    of.map(|e| fields.map(|field| text(&e["unmapped"][field]))).collect()
}

#[test]
fn a_logon_from_another_address_than_the_last_one_is_an_event() {
    let w = world();
    runtime().block_on(async {
        for (n, from) in (1..).zip(["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"]) {
            drop(logs_on(&w, from, 10 * n).await);
        }
        drop(logs_on(&w, "127.0.0.1", 50).await);
    });
    let out = ["127.0.0.1", "127.0.0.2", "GB", "FR"].map(str::to_owned);
    let back = ["127.0.0.2", "127.0.0.1", "FR", "GB"].map(str::to_owned);
    w.eventually("both are told", || told(&w, "session.resumed").len() >= 2);
    assert_eq!(told(&w, "session.resumed"), [out, back]);
    assert!(told(&w, "session.moved").is_empty());
}

#[test]
fn a_gateway_that_was_started_again_knows_where_a_desk_was() {
    let mut w = world();
    runtime().block_on(async { drop(logs_on(&w, "127.0.0.1", 10).await) });
    w.stop();
    w.start();
    runtime().block_on(async {
        drop(logs_on(&w, "127.0.0.2", 20).await);
        drop(logs_on(&w, "127.0.0.2", 30).await);
    });
    let out = ["127.0.0.1", "127.0.0.2", "GB", "FR"].map(str::to_owned);
    w.eventually("it is told", || !told(&w, "session.resumed").is_empty());
    assert_eq!(told(&w, "session.resumed"), [out]);
}

#[test]
fn where_a_connection_moved_from_is_a_field_and_the_next_logon_there_is_nothing_new() {
    let w = world();
    runtime().block_on(async {
        let (mut desk, rebinder) = Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.1").await;
        assert!(desk.log_on(1).await.contains("|35=A|"));
        rebinder.rebind(UdpSocket::bind("127.0.0.2:0").unwrap()).unwrap();
        desk.says("35=1|112=THERE|").await;
        while !desk.next().await.expect("the session is on").contains("112=THERE|") {}
        drop(desk);
        drop(logs_on(&w, "127.0.0.2", 10).await);
        drop(logs_on(&w, "127.0.0.1", 20).await);
    });
    w.eventually("both are told", || {
        !told(&w, "session.moved").is_empty() && !told(&w, "session.resumed").is_empty()
    });
    let moved = ["127.0.0.1", "127.0.0.2", "GB", "FR"].map(str::to_owned);
    let back = ["127.0.0.2", "127.0.0.1", "FR", "GB"].map(str::to_owned);
    assert_eq!(told(&w, "session.moved"), [moved]);
    assert_eq!(told(&w, "session.resumed"), [back]);
}
