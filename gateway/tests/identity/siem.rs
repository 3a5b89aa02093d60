//! Events reach a real rsyslog, a real syslog-ng and an OTLP receiver, every one, while receiver and
//! gateway are killed.

#[path = "siem_collector.rs"]
mod collector;

use crate::{
    siem_support::{Receiver, free_port, gateway, lines},
    support::{Desk, World, after_ms, runtime},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    time::{Duration, Instant},
};

const FILE: &str = "[[siem.sink]]\nkind = \"file\"\nname = \"file\"\npath = \"events.jsonl\"\n";

fn uid(v: &Value) -> String {
    v["metadata"]["uid"].as_str().expect("a uid").to_owned()
}

fn uids(all: &[Value]) -> BTreeSet<String> {
    all.iter().map(uid).collect()
}

/// Events of the registry: the commands of an administrator.
fn lock_and_unlock(w: &World, times: usize) {
    for _ in 0..times {
        w.cli(&["lock", "user", "alice"]);
        w.cli(&["unlock", "user", "alice"]);
    }
}

/// Events of the gateway itself: a desk with a certificate that the registry does not know, signed
/// with the real key of the authority.
fn knock(w: &World, to: SocketAddr, times: usize) {
    if !w.path("stranger.pem").exists() {
        let id = w.comp_id("STRANGER");
        let san = format!("subjectAltName=URI:spiffe://bank.example/desk/{id}/eve/laptop/keychain");
        fs::write(w.path("stranger.cnf"), format!("{san}\nextendedKeyUsage=clientAuth\n")).unwrap();
        w.request("stranger", "laptop");
        let sign = "x509 -req -inform DER -in req.der -CA issuing.pem -CAkey issuing-key.pem \
            -CAcreateserial -days 1 -extfile stranger.cnf -out stranger.pem";
        w.openssl(&sign.split_whitespace().collect::<Vec<_>>());
    }
    runtime().block_on(async {
        for _ in 0..times {
            let mut desk = Desk::connect_to(w, to, "stranger", "STRANGER").await;
            let answer = desk.tries(1).await.expect("an answer");
            assert!(answer.contains("20104=admission.certificate_unknown"), "{answer}");
        }
    });
}

#[track_caller]
fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(90), "never: {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Receiver and gateway are killed in the middle; everything arrives, and repeats are the same.
fn everything_arrives(receiver: Receiver) {
    let port = free_port();
    let siem = format!("[siem]\n{}{FILE}", receiver.section(port));
    let w = World::with("sqlite:registry.db", &siem);
    w.user("alice", "ALICE");
    let Some(first) = receiver.start(&w, port) else { return };
    let (running, address) = gateway(&w);
    lock_and_unlock(&w, 3);
    knock(&w, address, 2);
    eventually("something arrives", || receiver.received(&w).len() >= 6);
    knock(&w, address, 2);
    first.kill();
    knock(&w, address, 2);
    lock_and_unlock(&w, 3);
    eventually("it is in the file", || count(&file(&w), "user.locked") == 6);
    running.kill();
    // Nobody is there to take these.
    lock_and_unlock(&w, 3);
    let (running, address) = gateway(&w);
    knock(&w, address, 2);
    let second = receiver.start(&w, port).expect("it started before");
    lock_and_unlock(&w, 3);
    eventually("it is in the file", || count(&file(&w), "user.locked") == 12);
    running.kill();
    let (running, address) = gateway(&w);
    knock(&w, address, 1);
    eventually("it is in the file", || count(&file(&w), "admission.certificate_unknown") == 9);
    let in_file = file(&w);
    eventually("everything arrives", || uids(&receiver.received(&w)).is_superset(&uids(&in_file)));
    running.terminate();
    second.terminate();
    compare(&w, receiver);
}

fn file(w: &World) -> Vec<Value> {
    lines(&w.path("events.jsonl"))
}

fn count(all: &[Value], code: &str) -> usize {
    let of: Vec<_> = all.iter().filter(|v| v["metadata"]["event_code"] == code).cloned().collect();
    uids(&of).len()
}

fn compare(w: &World, receiver: Receiver) {
    let in_file = file(w);
    // The file takes none twice, and none is missing.
    let numbers: Vec<_> =
        in_file.iter().map(|v| v["metadata"]["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=in_file.len() as u64).collect::<Vec<_>>());
    assert_eq!(uids(&in_file).len(), in_file.len());
    // Every row of the registry that the gateway did not write is there once.
    assert_eq!((count(&in_file, "user.locked"), count(&in_file, "user.unlocked")), (12, 12));
    assert_eq!(count(&in_file, "user.added"), 1);
    let codes: Vec<_> = in_file.iter().map(|v| v["metadata"]["event_code"].to_string()).collect();
    assert_eq!(count(&in_file, "admission.certificate_unknown"), 9, "{codes:#?}");
    // The receiver has the same, and what came twice is word for word the same.
    let mut texts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for v in receiver.received(w) {
        texts.entry(uid(&v)).or_default().insert(v.to_string());
    }
    assert!(texts.values().all(|t| t.len() == 1), "{texts:#?}");
    let of_file: BTreeMap<_, _> =
        in_file.iter().map(|v| (uid(v), BTreeSet::from([v.to_string()]))).collect();
    for (uid, text) in &texts {
        // What was said while the gateway stopped may be in one of both only.
        if let Some(same) = of_file.get(uid) {
            assert_eq!(text, same);
        }
    }
}

#[test]
fn rsyslog_receives_every_event() {
    everything_arrives(Receiver::Rsyslog);
}

#[test]
fn syslog_ng_receives_every_event() {
    everything_arrives(Receiver::SyslogNg);
}

#[test]
fn an_otlp_receiver_receives_every_event() {
    everything_arrives(Receiver::Otlp);
}

/// What a collector refuses for good is set aside and told; the others go on.
#[test]
fn one_event_that_a_collector_refuses_holds_up_no_other() {
    let port = free_port();
    let siem = format!("[siem]\n{}{FILE}", Receiver::Otlp.section(port));
    let w = World::with("sqlite:registry.db", &siem);
    w.user("alice", "ALICE");
    fs::write(w.path("received.jsonl.refuse"), "user.locked").unwrap();
    let Some(_running) = Receiver::Otlp.start(&w, port) else { return };
    lock_and_unlock(&w, 3);
    let (running, _) = gateway(&w);
    let arrived = |code| count(&Receiver::Otlp.received(&w), code);
    eventually("the others arrive", || arrived("user.unlocked") == 3);
    eventually("it is told", || arrived("siem.left_out") == 3);
    lock_and_unlock(&w, 1);
    eventually("and go on", || arrived("user.unlocked") == 4);
    assert_eq!(arrived("user.locked"), 0);
    running.terminate();
}

/// What the receivers make of the frame, beside the text.
#[test]
fn rsyslog_and_syslog_ng_read_the_structured_data() {
    for receiver in [Receiver::Rsyslog, Receiver::SyslogNg] {
        let port = free_port();
        let siem = format!("[siem]\n{}facility = \"local3\"\n", receiver.section(port));
        let w = World::with("sqlite:registry.db", &siem);
        w.user("alice", "ALICE");
        let Some(_running) = receiver.start(&w, port) else { return };
        let (running, _) = gateway(&w);
        eventually("user.added arrives", || count(&receiver.received(&w), "user.added") == 1);
        running.terminate();
        let data = w.text("data.log");
        let line = data.lines().find(|l| l.contains(" user.added ")).expect("its line");
        // local3 (19), notice or informational.
        assert!(line.starts_with("157 ") || line.starts_with("158 "), "{line}");
        assert!(
            line.contains("signet-gateway user.added [signet@32473 ")
                && line.contains("uid=\"registry."),
            "{line}"
        );
    }
}

/// Whoever is not the receiver gets nothing.
#[test]
fn another_authority_or_another_key_gets_no_event() {
    let port = free_port();
    for (from, to) in [
        ("trust = \"dealers-ca.pem\"\n", "trust = \"issuing.pem\"\n"),
        (
            "trust = \"dealers-ca.pem\"\n",
            "trust = \"dealers-ca.pem\"\n\
            pins = [\"sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]\n",
        ),
        ("trust = \"dealers-ca.pem\"\n", "trust = \"dealers-ca.pem\"\nserver_name = \"other\"\n"),
    ] {
        let section = Receiver::Rsyslog.section(port).replace(from, to);
        let w = World::with("sqlite:registry.db", &format!("[siem]\n{section}{FILE}"));
        w.user("alice", "ALICE");
        let Some(_running) = Receiver::Rsyslog.start(&w, port) else { return };
        let (running, _) = gateway(&w);
        eventually("it is said to be away", || count(&file(&w), "siem.away") == 1);
        running.kill();
        assert!(Receiver::Rsyslog.received(&w).is_empty(), "{to}");
    }
}

/// A request for quotes; what the desk reads about it.
async fn asks(w: &World, desk: &mut Desk, id: &str) -> String {
    let (expires, sent, n) = (after_ms(60_000), after_ms(0), w.n);
    let body = format!(
        "35=R|131={id}|146=1|55=EUR/USD|303=1|537=1|54=1|38=5000000|64=20991231|15=EUR|\
        126={expires}|60={sent}|423=1|453=1|448=BANK{n}|447=D|452=35|"
    );
    desk.says_signed(w, "laptop", &body).await;
    loop {
        let f = desk.next().await.expect("an answer");
        if ["|35=j|", "|35=AG|", "|35=3|"].iter().any(|t| f.contains(t)) {
            return f;
        }
    }
}

/// The receiver stays away and the spool is small: new business is refused, and goes on when the
/// receiver is back and has taken what waited.
#[test]
fn a_full_spool_refuses_new_business_until_the_receiver_is_back() {
    let port = free_port();
    for (when_full, refused) in [("refuse", true), ("drop_oldest", false)] {
        let siem = format!(
            "[siem]\nspool_mb = 1\nwhen_full = \"{when_full}\"\n{}",
            Receiver::Otlp.section(port)
        );
        let mut w = World::with("sqlite:registry.db", &siem);
        fs::write(w.path("token"), "s3cret").unwrap();
        // More rows than the spool holds.
        w.start();
        w.enrolled("alice", "ALICE", "laptop");
        w.stop();
        let long = "x".repeat(480);
        w.sqlite(&many_rows(700, &long));
        let (running, address) = gateway(&w);
        runtime().block_on(async {
            let mut desk = Desk::connect_to(&w, address, "laptop", "ALICE").await;
            assert!(desk.log_on(1).await.contains("|35=A|"));
            tokio::time::sleep(Duration::from_secs(3)).await;
            let answer = asks(&w, &mut desk, "R1").await;
            assert_eq!(answer.contains("siem.full"), refused, "{when_full}: {answer}");
            if refused {
                assert!(answer.contains("|35=j|") && answer.contains("|379=R1|"), "{answer}");
            }
        });
        if refused {
            let Some(_receiver) = Receiver::Otlp.start(&w, port) else { return };
            eventually("the rows arrive", || {
                count(&Receiver::Otlp.received(&w), "test.row") == 700
            });
            assert_eq!(count(&Receiver::Otlp.received(&w), "siem.full").min(1), 1);
            runtime().block_on(async {
                let mut desk = Desk::connect_to(&w, address, "laptop", "ALICE").await;
                let _ = desk.log_on(4).await;
                let answer = asks(&w, &mut desk, "R2").await;
                assert!(!answer.contains("siem.full"), "{answer}");
            });
        }
        running.terminate();
    }
}

/// Rows of a program that does not chain them: nobody here verifies the chain.
fn many_rows(n: usize, words: &str) -> String {
    let first = 1_000;
    let row = |k: usize| {
        format!("({}, 1, 'test', 'test.row', 'x', '{words}', '', 'h{k:031}', '')", first + k)
    };
    let rows: Vec<_> = (0..n).map(row).collect();
    format!(
        "INSERT INTO events (seq, at_ms, actor, kind, subject, detail, prev, hash, origin) VALUES {}",
        rows.join(", ")
    )
}

#[test]
fn the_file_is_rotated_and_keeps_its_number_of_files() {
    let w = World::with(
        "sqlite:registry.db",
        &format!("[siem]\nspool_mb = 1\n{FILE}rotate_mb = 1\nkeep = 2\n"),
    );
    fs::write(w.path("events.jsonl"), "x".repeat(10) + "\n" + &"y".repeat(1 << 20) + "\n{\"half")
        .unwrap();
    w.user("alice", "ALICE");
    let (running, _) = gateway(&w);
    eventually("put aside", || w.path("events.jsonl.1").exists());
    eventually("written", || count(&file(&w), "user.added") == 1);
    running.terminate();
    assert!(!w.text("events.jsonl.1").contains("half"));
}
