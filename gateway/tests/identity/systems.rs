//! The autonomous system of an address, wherever an access is shown.

use crate::{
    console_support::{Browser, good, started_with},
    siem_support::lines,
    support::{Desk, World, runtime},
};
use serde_json::{Value, json};
use signet_test_mmdb::{AsnForm, Form, asn_file, country_file};
use std::{
    cell::Cell,
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

const SINK: &str = "[[siem.sink]]\nkind = \"file\"\nname = \"file\"\npath = \"events.jsonl\"\n";

/// New files of countries and autonomous systems, and settings that name them.
fn with_files(w: &World, name: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let put = |file: &str, bytes: &[u8]| {
        fs::write(w.path("new"), bytes).unwrap();
        fs::rename(w.path("new"), w.path(file)).unwrap();
    };
    put("country.mmdb", &country_file(&[("127.0.0.0/8", "GB")], now, Form::Nested));
    put("asn.mmdb", &asn_file(&[("127.0.0.0/8", 64_496, name)], now, AsnForm::Number));
    let risk = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\n[geo]\nfile = \
        'country.mmdb'\nasn_file = 'asn.mmdb'\n";
    put("risk.toml", risk.as_bytes());
}

#[test]
fn the_system_of_an_address_is_in_events_sessions_and_console() {
    let w = started_with(SINK, "");
    with_files(&w, "Example Carrier");
    w.enrolled("alice", "ALICE", "laptop");
    let ada = Browser::registered(&w, "ada");
    let session = |w: &World| -> Value {
        let v: Value = serde_json::from_str(&w.cli(&["sessions", "--json"])).unwrap();
        v["sessions"][0].clone()
    };
    let seq = Cell::new(0);
    let on = |w: &World, look: &dyn Fn()| {
        seq.set(seq.get() + 10);
        runtime().block_on(async {
            let _desk = Desk::logged_on(w, "laptop", "ALICE", seq.get()).await;
            look();
        });
    };
    w.eventually("the files are read", || {
        let found = Cell::new(false);
        on(&w, &|| found.set(session(&w)["as_number"] == 64_496));
        found.get()
    });
    on(&w, &|| {
        let s = session(&w);
        assert_eq!((&s["as_number"], &s["as_name"]), (&json!(64_496), &json!("Example Carrier")));
        let text = w.cli(&["sessions"]);
        assert!(text.contains(" AS64496 Example Carrier "), "{text}");
        let all = good(&ada.get("sessions"));
        assert_eq!(all["sessions"][0]["network"], "AS64496 Example Carrier");
        // Another file takes force without a restart.
        with_files(&w, "Carrier Two");
        w.eventually("the newer file", || session(&w)["as_name"] == "Carrier Two");
    });
    let want = json!({ "number": 64_496, "name": "Example Carrier" });
    w.eventually("in events", || {
        lines(&w.path("events.jsonl"))
            .iter()
            .any(|e| e["src_endpoint"]["autonomous_system"] == want)
    });
    // A file that is gone is said, and closes no door.
    fs::remove_file(w.path("asn.mmdb")).unwrap();
    w.eventually("said", || w.events().contains("risk.asn_fault"));
    on(&w, &|| {
        assert_eq!(
            (&session(&w)["as_number"], &session(&w)["country"]),
            (&json!(null), &json!("GB"))
        );
    });
}
