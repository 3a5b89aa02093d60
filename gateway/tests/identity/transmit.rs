//! Signals to a receiver: verified by PyJWT, which nobody here wrote, and acted on by a second
//! gateway, while receiver and gateway are killed.

use crate::{
    siem_support::{Process, free_port, gateway, lines, receiver_certificate},
    support::{Desk, PATIENCE, World, runtime},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const ISSUER: &str = "https://rfq.bank.example";
const AUDIENCE: &str = "https://soc.bank.example/events";
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";

fn section(port: u16, more: &str) -> String {
    format!(
        "[signals.transmit]\nurl = \"https://localhost:{port}/events\"\nissuer = \"{ISSUER}\"\n\
            audience = \"{AUDIENCE}\"\ntrust = \"dealers-ca.pem\"\ntoken_file = \"token\"\n\
            email_domain = \"bank.example\"\nsettle_seconds = 1\n{more}"
    )
}

fn world(port: u16, more: &str) -> World {
    let w = World::with("sqlite:registry.db", &section(port, more));
    fs::write(w.path("token"), "s3cret\n").unwrap();
    w
}

/// People with certificates, and the gateway's key for signals, made by its first start.
fn prepared(port: u16, more: &str) -> World {
    let mut w = world(port, more);
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w.stop();
    fs::write(w.path("keys.json"), w.cli(&["signals", "keys"])).unwrap();
    w
}

/// PyJWT's receiver.
fn receiver(w: &World, port: u16) -> Process {
    receiver_certificate(w);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let script = root.join("scripts/interop-deps.sh");
    let made = Command::new(script).arg("python").stdin(Stdio::null()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let log = fs::OpenOptions::new().create(true).append(true).open(w.path("receiver.log"));
    let child = Command::new(target.join("interop/python/bin/python"))
        .arg(root.join("tests/interop/set_receiver.py"))
        .arg(port.to_string())
        .args(["siem.pem", "siem-key.pem", "gateways-ca.pem", "keys.json", "sets.jsonl"])
        .args([ISSUER, AUDIENCE])
        .current_dir(w.dir.path())
        .stdin(Stdio::null())
        .stderr(log.unwrap())
        .spawn()
        .unwrap();
    let process = Process::of(child);
    w.eventually("the receiver listens", || {
        std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    process
}

fn received(w: &World) -> Vec<Value> {
    lines(&w.path("sets.jsonl"))
}

/// Event name and claims of each token.
fn sets(w: &World) -> Vec<(String, Value)> {
    let one = |line: Value| {
        let claims = line["claims"].clone();
        let uri = claims["events"].as_object().unwrap().keys().next().unwrap().clone();
        (uri.rsplit('/').next().unwrap().to_owned(), claims)
    };
    received(w).into_iter().map(one).collect()
}

fn jti(claims: &Value) -> String {
    claims["jti"].as_str().unwrap().to_owned()
}

/// The gateway's word for how many signals wait.
fn waiting(w: &World) -> u64 {
    let v: Value = serde_json::from_str(&w.cli(&["status", "--json"])).unwrap();
    let all = v["receivers"].as_array().unwrap();
    all.iter().find(|r| r["queue"] == "signals").unwrap()["waiting"].as_u64().unwrap()
}

/// Alice logs on with the sequence number, and an administrator cuts her off.
fn cut(w: &World, at: SocketAddr, n: u64) {
    runtime().block_on(async {
        let mut alice = Desk::connect_to(w, at, "laptop", "ALICE").await;
        let on = alice.log_on(n).await;
        assert!(on.contains("|35=A|"), "{on}");
        w.cli(&["kill", "alice"]);
        alice.until_cut().await;
    });
}

#[test]
fn an_ended_session_and_a_risk_are_told_in_tokens_that_another_maker_verifies() {
    let port = free_port();
    let mut w = prepared(port, "verification_stream = \"stream-1\"\nclient_certificate = true\n");
    let _receiver = receiver(&w, port);
    w.start();
    let at = w.gateway.as_ref().unwrap().address();
    w.eventually("each start verifies the stream", || sets(&w).len() == 2);
    for (name, claims) in sets(&w) {
        let stream = json!({"format": "opaque", "id": "stream-1"});
        assert_eq!((name.as_str(), &claims["sub_id"]), ("verification", &stream));
    }
    fs::remove_file(w.path("sets.jsonl")).unwrap();
    cut(&w, at, 1);
    w.eventually("the end is told", || sets(&w).len() == 1);
    // Another country is a risk: there is no step-up here, so the session ends.
    runtime().block_on(async {
        let mut alice = Desk::connect_to(&w, at, "laptop", "ALICE").await;
        assert!(alice.log_on(10).await.contains("|35=A|"));
        let risk = "countries = ['FR']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'KP'\n";
        fs::write(w.path("risk.toml"), risk).unwrap();
        alice.until_cut().await;
    });
    w.eventually("the risk and the end are told", || sets(&w).len() == 3);
    let good = "countries = ['GB']\n[[network]]\nrange = '127.0.0.0/8'\ncountry = 'GB'\n";
    let loads = || w.events().lines().filter(|l| l.contains("policy.loaded")).count();
    let before = loads();
    fs::write(w.path("risk.toml"), good).unwrap();
    // Refused Logons would lock her out, so the change is waited for.
    w.eventually("it is in force", || loads() > before);
    runtime().block_on(async {
        let mut alice = Desk::connect_to(&w, at, "laptop", "ALICE").await;
        assert!(alice.log_on(20).await.contains("|35=A|"));
        alice.skip(3);
        alice.says("35=1|112=AHEAD|").await;
        // Every ten seconds a session is judged again.
        let began = Instant::now();
        let low = |c: &Value| c.to_string().contains("\"current_level\":\"LOW\"");
        while !sets(&w).iter().any(|(_, c)| low(c)) {
            assert!(began.elapsed() < 3 * PATIENCE, "better is told once it has lasted");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let all = sets(&w);
    let names: Vec<_> = all.iter().map(|(n, _)| n.as_str()).collect();
    let want = ["session-revoked", "risk-level-change", "session-revoked", "risk-level-change"];
    assert_eq!(names, want);
    let ended = &all[0].1;
    let user = json!({"format": "email", "email": "alice@bank.example"});
    assert_eq!((&ended["sub_id"]["format"], &ended["sub_id"]["user"]), (&json!("complex"), &user));
    assert_eq!(ended["sub_id"]["device"], json!({"format": "opaque", "id": "laptop"}));
    let event = &ended["events"][format!("{CAEP}session-revoked")];
    assert_eq!(event["initiating_entity"], "admin");
    assert!(event["reason_admin"]["en"].as_str().unwrap().contains("admin.ended"), "{event}");
    let level = |n: usize| &all[n].1["events"][format!("{CAEP}risk-level-change")];
    assert_eq!(all[1].1["sub_id"], user);
    let (first, last) = (level(1), level(3));
    assert_ne!(first["current_level"], "LOW");
    assert_eq!((first.get("previous_level"), &first["principal"]), (None, &json!("USER")));
    assert_eq!(
        (&last["previous_level"], &last["current_level"]),
        (&first["current_level"], &json!("LOW"))
    );
    // One cause, each with a name of its own.
    assert_eq!(all[1].1["txn"], all[2].1["txn"]);
    assert_eq!(all.iter().map(|(_, c)| jti(c)).collect::<BTreeSet<_>>().len(), 4);
    for line in received(&w) {
        assert_eq!((&line["alg"], &line["token"]), (&json!("ES256"), &json!("Bearer s3cret")));
        assert_eq!(line["client"]["commonName"], w.gw.as_str());
    }
    assert!(!w.path("sets.jsonl.bad").exists(), "{}", w.text("sets.jsonl.bad"));
    let events = w.events();
    assert!(events.lines().any(|l| l.contains("signal.sent") && l.contains("alice")));
    let gap = events.lines().find(|l| l.contains("fix.gap")).expect(&events);
    assert!(gap.contains("of the peer are missing"), "{gap}");
}

#[test]
fn nothing_is_lost_while_receiver_and_gateway_are_killed() {
    let port = free_port();
    let w = prepared(port, "");
    let (running, at) = gateway(&w);
    cut(&w, at, 1);
    cut(&w, at, 10);
    w.eventually("both wait", || waiting(&w) == 2);
    running.kill();
    let (running, at) = gateway(&w);
    w.eventually("both still wait", || waiting(&w) == 2);
    cut(&w, at, 20);
    let first = receiver(&w, port);
    w.eventually("the three arrive", || sets(&w).len() == 3 && waiting(&w) == 0);
    first.kill();
    cut(&w, at, 30);
    w.eventually("it waits", || waiting(&w) == 1);
    running.kill();
    // The receiver keeps a token, and nobody reads its answer.
    fs::write(w.path("sets.jsonl.script"), "drop\n503\ndrop\n").unwrap();
    let _second = receiver(&w, port);
    let (running, at) = gateway(&w);
    w.eventually("it arrives, again and again", || waiting(&w) == 0);
    cut(&w, at, 40);
    w.eventually("all five arrive", || waiting(&w) == 0 && sets(&w).len() == 7);
    running.terminate();
    let mut times = BTreeMap::<String, usize>::new();
    let mut order = Vec::new();
    for (_, claims) in sets(&w) {
        let jti = jti(&claims);
        if !order.contains(&jti) {
            order.push(jti.clone());
        }
        *times.entry(jti).or_default() += 1;
    }
    let times: Vec<_> = order.iter().map(|j| times[j]).collect();
    assert_eq!(times, [1, 1, 1, 3, 1], "the same token, as often as it was not answered");
}

#[test]
fn what_a_receiver_will_never_take_is_set_aside_and_the_next_goes_on() {
    let port = free_port();
    let w = prepared(port, "");
    let script = "400 {\"err\":\"authentication_failed\"}\n503\n\
        400 {\"err\":\"invalid_key\",\"description\":\"no such key\"}\n";
    fs::write(w.path("sets.jsonl.script"), script).unwrap();
    let _receiver = receiver(&w, port);
    let (running, at) = gateway(&w);
    cut(&w, at, 1);
    cut(&w, at, 10);
    w.eventually("the second arrives", || sets(&w).len() == 1 && waiting(&w) == 0);
    w.eventually("the first is told", || w.events().contains("signal.undelivered"));
    let events = w.events();
    let line = events.lines().find(|l| l.contains("signal.undelivered")).unwrap();
    for word in ["alice", "invalid_key", "no such key", "session-revoked"] {
        assert!(line.contains(word), "{word}: {line}");
    }
    running.terminate();
}

/// Each receiver has a cursor of its own: one that is away holds up no other, and over kill -9 each
/// gets everything once.
#[test]
fn each_of_two_receivers_has_everything_once_while_one_is_away() {
    let (port, late) = (free_port(), free_port());
    let entry = |port: u16, name: &str| {
        section(port, "")
            .replace("[signals.transmit]\n", &format!("[[signals.transmit]]\nname = \"{name}\"\n"))
    };
    let mut w =
        World::with("sqlite:registry.db", &format!("{}{}", entry(port, "soc"), entry(late, "idp")));
    fs::write(w.path("token"), "s3cret\n").unwrap();
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w.stop();
    fs::write(w.path("keys.json"), w.cli(&["signals", "keys", "--receiver", "idp"])).unwrap();
    let waiting = |w: &World| -> BTreeMap<String, u64> {
        let v: Value = serde_json::from_str(&w.cli(&["status", "--json"])).unwrap();
        let all = v["receivers"].as_array().unwrap().iter().filter(|r| r["queue"] == "signals");
        let one =
            |r: &Value| (r["name"].as_str().unwrap().to_owned(), r["waiting"].as_u64().unwrap());
        all.map(one).collect()
    };
    let waits =
        |soc: u64, idp: u64| BTreeMap::from([("soc".to_owned(), soc), ("idp".to_owned(), idp)]);
    let soc = receiver(&w, port);
    let (running, at) = gateway(&w);
    cut(&w, at, 1);
    cut(&w, at, 10);
    w.eventually("the one has both", || sets(&w).len() == 2 && waiting(&w) == waits(0, 2));
    running.kill();
    soc.kill();
    let (running, at) = gateway(&w);
    w.eventually("nothing is sent again", || waiting(&w) == waits(0, 2));
    cut(&w, at, 20);
    w.eventually("it waits for both", || waiting(&w) == waits(1, 3));
    running.kill();
    fs::rename(w.path("sets.jsonl"), w.path("soc.jsonl")).unwrap();
    let (running, _) = gateway(&w);
    let idp = receiver(&w, late);
    w.eventually("the other has all three", || sets(&w).len() == 3 && waiting(&w) == waits(1, 0));
    idp.kill();
    fs::rename(w.path("sets.jsonl"), w.path("idp.jsonl")).unwrap();
    let _soc = receiver(&w, port);
    w.eventually("and the one its third", || sets(&w).len() == 1 && waiting(&w) == waits(0, 0));
    running.terminate();
    let ids = |name: &str| -> Vec<String> {
        let all = lines(&w.path(name));
        all.iter().map(|l| jti(&l["claims"])).collect()
    };
    let (soc, idp) = ([ids("soc.jsonl"), ids("sets.jsonl")].concat(), ids("idp.jsonl"));
    for all in [&soc, &idp] {
        assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (3, 3), "{all:?}");
    }
    let events = w.events();
    let sent =
        |to: &str| events.lines().filter(|l| l.contains("signal.sent") && l.contains(to)).count();
    assert_eq!((sent("signals to soc"), sent("signals to idp")), (3, 3), "{events}");
}

#[test]
fn a_key_of_the_firm_signs_and_one_that_is_not_there_is_an_error() {
    let port = free_port();
    let mut w = world(port, "key = \"firm.key\"\n");
    assert!(w.start_fails().contains("firm.key"));
    w.openssl(&["genpkey", "-algorithm", "ED25519", "-out", "firm.key"]);
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    let keys = w.cli(&["signals", "keys"]);
    assert!(keys.contains("EdDSA") && !keys.contains("\"d\""), "{keys}");
    fs::write(w.path("keys.json"), keys).unwrap();
    let _receiver = receiver(&w, port);
    cut(&w, w.gateway.as_ref().unwrap().address(), 1);
    w.eventually("it arrives", || received(&w).first().is_some_and(|l| l["alg"] == "EdDSA"));
}

#[test]
fn a_second_gateway_ends_the_sessions_of_the_same_person() {
    let port = free_port();
    let receive = format!(
        "[signals]\nlisten = \"127.0.0.1:{port}\"\nissuer = \"{ISSUER}\"\naudience = \
            \"{AUDIENCE}\"\nkeys = \"first.json\"\nbearer_file = \"bearer\"\nemail_domain = \
            \"bank.example\"\n"
    );
    let bearer = "0123456789abcdef0123456789abcdef";
    let mut second = World::with("sqlite:registry.db", &receive);
    let to = format!("https://localhost:{port}/signals");
    let settings = section(port, "")
        .replace(&format!("https://localhost:{port}/events"), &to)
        .replace("dealers-ca.pem", "second-ca.pem");
    let mut first = World::with("sqlite:registry.db", &settings);
    fs::copy(second.path("gateways-ca.pem"), first.path("second-ca.pem")).unwrap();
    fs::write(first.path("token"), bearer).unwrap();
    fs::write(second.path("bearer"), bearer).unwrap();
    first.start();
    first.enrolled("alice", "ALICE", "laptop");
    fs::write(second.path("first.json"), first.cli(&["signals", "keys"])).unwrap();
    second.start();
    second.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(async {
        let mut there = Desk::logged_on(&second, "laptop", "ALICE", 1).await;
        let mut here = Desk::logged_on(&first, "laptop", "ALICE", 1).await;
        first.cli(&["lock", "user", "alice"]);
        here.until_cut().await;
        let last = there.until_cut().await;
        assert!(last.iter().any(|f| f.contains("=signal.session_revoked|")), "{last:?}");
    });
    second.eventually("it is written down", || second.events().contains("signal.received"));
    first.eventually("and there", || first.events().contains("signal.sent"));
    assert!(!first.events().contains("signal.undelivered"));
}
