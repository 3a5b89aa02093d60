//! Events through a collector that nobody here wrote: rotel, an OpenTelemetry collector in Rust. It
//! has no TLS, so a load balancer stands in front of it, as at a firm; a receiver behind it decodes
//! what it passes on.
//!
//! It acknowledges what it has in memory only. So what is lost with it is what it had acknowledged
//! and not passed on yet: no gateway can know of that.

use super::{FILE, count, eventually, file, knock, lock_and_unlock, uid, uids};
use crate::{
    siem_support::{
        Process, Receiver, free_port, gateway, library_path, lines, listening, python,
        receiver_certificate, unpacked,
    },
    support::World,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// How long rotel gathers what it passes on, when nothing else is set.
const SOON: &str = "200ms";

/// The way from a gateway to the receiver behind the collector.
struct Way<'a> {
    w: &'a World,
    tools: PathBuf,
    /// Where the receiver listens.
    behind: u16,
    _balancer: Process,
    _receiver: Process,
}

/// One life of the collector.
struct Collector {
    process: Process,
    port: u16,
}

impl<'a> Way<'a> {
    /// Balancer and receiver; the collector comes later. `front`: where the gateway connects.
    fn start(w: &'a World, front: u16) -> Option<Self> {
        let tools = unpacked()?;
        receiver_certificate(w);
        fs::write(w.path("token"), "s3cret\n").unwrap();
        // Nobody listens there.
        fs::write(w.path("collector"), "1").unwrap();
        let behind = free_port();
        let mut receiver = python("otlp_receiver.py", behind, &tools);
        receiver.args(["-", "-", "-", "received.jsonl", "2"]);
        let _receiver = listening(w, behind, receiver);
        let mut balancer = python("otlp_front.py", front, &tools);
        balancer.args(["siem.pem", "siem-key.pem", "gateways-ca.pem", "collector", "front.jsonl"]);
        let _balancer = listening(w, front, balancer);
        Some(Self { w, tools, behind, _balancer, _receiver })
    }

    /// Starts a collector, and has the balancer use it. `gathers`: for how long it keeps what it
    /// acknowledges before it passes it on.
    fn collector(&self, gathers: &str) -> Collector {
        let port = free_port();
        let (at, to) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{}", self.behind));
        let mut c = Command::new(self.tools.join("rotel-agent"));
        // Every option has a variable too, and a proxy has some.
        c.env_clear().env("LD_LIBRARY_PATH", library_path(&self.tools)).arg("start");
        for (option, value) in [
            ("--otlp-grpc-endpoint", "127.0.0.1:0"),
            ("--otlp-http-endpoint", &at[..]),
            ("--exporter", "otlp"),
            ("--otlp-exporter-protocol", "http"),
            ("--otlp-exporter-endpoint", &to[..]),
            // A receiver that is slow has it already, and would get it twice.
            ("--otlp-exporter-request-timeout", "60s"),
            // The receiver says twice that it is busy.
            ("--otlp-exporter-retry-initial-backoff", SOON),
            ("--batch-timeout", gathers),
        ] {
            c.args([option, value]);
        }
        let process = listening(self.w, port, c);
        fs::write(self.w.path("collector.new"), port.to_string()).unwrap();
        fs::rename(self.w.path("collector.new"), self.w.path("collector")).unwrap();
        Collector { process, port }
    }

    /// The events of each request that this collector acknowledged, or did not answer.
    fn answered(&self, port: u16, acknowledged: bool) -> Vec<String> {
        let all = lines(&self.w.path("front.jsonl"));
        let of = |l: &&Value| l["collector"] == port && (l["status"] == 200) == acknowledged;
        let uids = all.iter().filter(of).flat_map(|l| l["uids"].as_array().unwrap().clone());
        uids.map(|uid| uid.as_str().unwrap().to_owned()).collect()
    }

    fn acknowledged(&self, port: u16) -> BTreeSet<String> {
        self.answered(port, true).into_iter().collect()
    }

    /// Records at the receiver, by uid.
    fn received(&self) -> BTreeMap<String, Vec<Value>> {
        let mut by_uid: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for record in lines(&self.w.path("received.jsonl")) {
            by_uid.entry(uid(&record["body"])).or_default().push(record);
        }
        by_uid
    }

    fn has(&self, uids: &BTreeSet<String>) -> bool {
        let received = self.received();
        uids.iter().all(|uid| received.contains_key(uid))
    }

    /// Until a collector of these has acknowledged each event of the file, and the last one has
    /// passed on all of its own.
    fn rests(&self, first: u16, second: u16, locked: usize) {
        eventually("everything is acknowledged and passed on", || {
            let (of_first, of_second) = (self.acknowledged(first), self.acknowledged(second));
            let in_file = file(self.w);
            let waits = uids(&in_file)
                .into_iter()
                .any(|uid| !of_first.contains(&uid) && !of_second.contains(&uid));
            count(&in_file, "user.locked") == locked && !waits && self.has(&of_second)
        });
    }

    /// The events of `of` that the receiver lacks. What it has is as the gateway made it, and is
    /// there once, but for requests that a collector took and did not answer.
    fn lost(&self, of: &[Value], collectors: [u16; 2]) -> BTreeSet<String> {
        let unanswered: Vec<String> =
            collectors.into_iter().flat_map(|port| self.answered(port, false)).collect();
        let mut received = self.received();
        let mut lost = BTreeSet::new();
        for event in of {
            let uid = uid(event);
            let Some(records) = received.remove(&uid) else {
                lost.insert(uid);
                continue;
            };
            let again = unanswered.iter().filter(|u| **u == uid).count();
            assert!(records.len() <= 1 + again, "{} times: {uid}", records.len());
            records.iter().for_each(|record| same(record, event));
        }
        lost
    }
}

/// What the receiver decoded is what the gateway wrote into its file.
fn same(record: &Value, event: &Value) {
    let (severity, text) = match event["severity_id"].as_u64().unwrap() {
        5.. => (21, "FATAL"),
        4 => (17, "ERROR"),
        3 => (13, "WARN"),
        2 => (10, "INFO2"),
        _ => (9, "INFO"),
    };
    assert_eq!(record["body"], *event);
    assert_eq!(record["severity"], severity);
    assert_eq!(record["severity_text"], text);
    assert_eq!(record["scope"], "signet.events");
    assert_eq!(record["resource"]["service.name"], "signet-gateway");
    let (metadata, attributes) = (&event["metadata"], &record["attributes"]);
    assert_eq!(record["event_name"], metadata["event_code"]);
    assert_eq!(attributes["event.code"], metadata["event_code"]);
    assert_eq!(attributes["event.sequence"], metadata["sequence"]);
    assert_eq!(attributes["log.record.uid"], metadata["uid"]);
}

fn world(front: u16) -> World {
    let siem = format!("[siem]\n{}{FILE}", Receiver::Otlp.section(front));
    let w = World::with("sqlite:registry.db", &siem);
    w.user("alice", "ALICE");
    w
}

/// Without a pause in which everything would pass.
#[track_caller]
fn at_once(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(90), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The collector is killed while events are made, and comes back later. Each event arrives once,
/// but for those that it had acknowledged since it had last passed on everything.
#[test]
fn a_collector_that_is_killed_passes_on_each_event_that_it_does_not_take_along() {
    let front = free_port();
    let w = world(front);
    let Some(way) = Way::start(&w, front) else { return };
    let first = way.collector(SOON);
    let (running, address) = gateway(&w);
    lock_and_unlock(&w, 3);
    knock(&w, address, 2);
    let knocks = |w: &World| count(&file(w), "admission.certificate_unknown");
    eventually("everything has passed", || {
        let in_file = file(&w);
        count(&in_file, "user.locked") == 3 && knocks(&w) == 2 && way.has(&uids(&in_file))
    });
    let passed: BTreeSet<String> = way.received().into_keys().collect();
    // In the middle of what comes.
    let before = way.acknowledged(first.port).len();
    knock(&w, address, 3);
    at_once("it acknowledges more", || way.acknowledged(first.port).len() > before);
    first.process.kill();
    // Nobody takes these.
    knock(&w, address, 2);
    lock_and_unlock(&w, 3);
    eventually("it is in the file", || knocks(&w) == 7 && count(&file(&w), "user.locked") == 6);
    let away = file(&w);
    let second = way.collector(SOON);
    lock_and_unlock(&w, 3);
    knock(&w, address, 2);
    eventually("it is in the file", || knocks(&w) == 9);
    way.rests(first.port, second.port, 9);
    let in_file = file(&w);
    running.terminate();
    let lost = way.lost(&in_file, [first.port, second.port]);
    let (of_first, of_second) = (way.acknowledged(first.port), way.acknowledged(second.port));
    let excused: BTreeSet<String> = &of_first - &(&passed | &of_second);
    assert!(lost.is_subset(&excused), "{lost:?}, and only these may be: {excused:?}");
    // What was made while nobody took it is not among those.
    let locks = away.iter().filter(|v| v["metadata"]["event_code"] == "user.locked");
    assert!(locks.skip(3).all(|v| !excused.contains(&uid(v))));
}

/// The bound of what is lost, and that it is lost at this receiver only.
#[test]
fn what_a_collector_has_acknowledged_and_still_holds_is_lost_with_it() {
    let front = free_port();
    let w = world(front);
    let Some(way) = Way::start(&w, front) else { return };
    let first = way.collector("600s");
    let (running, address) = gateway(&w);
    lock_and_unlock(&w, 1);
    knock(&w, address, 2);
    eventually("it has acknowledged everything", || {
        let (in_file, of_first) = (file(&w), way.acknowledged(first.port));
        let all = count(&in_file, "user.unlocked") == 1
            && count(&in_file, "admission.certificate_unknown") == 2;
        all && uids(&in_file).is_subset(&of_first)
    });
    let held = way.acknowledged(first.port);
    assert!(way.received().is_empty());
    first.process.kill();
    let second = way.collector(SOON);
    lock_and_unlock(&w, 1);
    way.rests(first.port, second.port, 2);
    let in_file = file(&w);
    running.terminate();
    let lost = way.lost(&in_file, [first.port, second.port]);
    let all = uids(&in_file);
    assert_eq!(lost, &way.acknowledged(first.port) & &all);
    assert!(lost.is_superset(&held) && !lost.is_superset(&all), "{lost:?} of {all:?}");
}
