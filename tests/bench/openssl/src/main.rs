//! `openssl-peer acceptor PORT CERTS` answers every QuoteRequest with a Quote.
//! `openssl-peer initiator PORT CERTS ROUNDS` measures that round trip with QuickFIX's own sockets.
//! `openssl-peer roam-acceptor PORT CERTS` and `openssl-peer roam-initiator HOST PORT CERTS` are the
//! same with the shortest heartbeat, for changes of networks: the initiator asks once after each
//! logon, and says `on` at the logon and `quote` when its request is answered.
//!
//! Settings and messages are those of `signet-bench`'s `roundtrip`, and so is what is timed: from
//! the values of a request in hand to the values of its quote in hand.

use quickfix::{dictionary_item::DictionaryItem, *};
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};

fn main() {
    let a: Vec<String> = std::env::args().collect();
    match a.get(1).map(String::as_str) {
        Some("acceptor") => acceptor(&a[2], &a[3]),
        Some("initiator") => initiator(&a[2], &a[3], a[4].parse().expect("a number")),
        Some("roam-acceptor") => run_acceptor(&a[2], &a[3], "1"),
        Some("roam-initiator") => roamer(&a[2], &a[3], &a[4]),
        _ => panic!("acceptor PORT CERTS | initiator PORT CERTS ROUNDS"),
    }
}

fn settings(kind: &'static str, host: &str, port: &str, certs: &str, heartbeat: &str) -> SessionSettings {
    let mut pairs: Vec<(&'static str, String)> = vec![
        ("ConnectionType", kind.into()),
        ("NonStopSession", "Y".into()),
        ("UseDataDictionary", "Y".into()),
        ("DataDictionary", format!("{certs}/FIX44.xml")),
        ("HeartBtInt", heartbeat.into()),
        ("ResetOnLogon", "Y".into()),
        ("SocketNodelay", "Y".into()),
        ("ReconnectInterval", "1".into()),
        ("CheckLatency", "N".into()),
        ("CertificationAuthoritiesFile", format!("{certs}/ca.pem")),
        ("SSLProtocol", "+TLSv1_2 +TLSv1_3".into()),
    ];
    let id = if kind == "initiator" {
        pairs.push(("SocketConnectHost", host.into()));
        pairs.push(("SocketConnectPort", port.into()));
        pairs.push(("ClientCertificateFile", format!("{certs}/client.pem")));
        pairs.push(("ClientCertificateKeyFile", format!("{certs}/client-key.pem")));
        SessionId::try_new("FIX.4.4", "BENCH1", "SIGNET", "").expect("an id")
    } else {
        pairs.push(("SocketAcceptPort", port.into()));
        pairs.push(("SocketReuseAddress", "Y".into()));
        pairs.push(("ServerCertificateFile", format!("{certs}/server.pem")));
        pairs.push(("ServerCertificateKeyFile", format!("{certs}/server-key.pem")));
        pairs.push(("CertificateVerifyLevel", "2".into()));
        SessionId::try_new("FIX.4.4", "SIGNET", "BENCH1", "").expect("an id")
    };
    let pairs: Vec<(&'static str, &str)> = pairs.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let items: Vec<&dyn DictionaryItem> = pairs.iter().map(|p| p as &dyn DictionaryItem).collect();
    let mut s = SessionSettings::new();
    s.set(None, Dictionary::try_from_items(&items).expect("settings")).expect("settings");
    s.set(Some(&id), Dictionary::try_from_items(&items).expect("settings")).expect("settings");
    s
}

struct Answering;

impl ApplicationCallback for Answering {
    fn on_msg_from_app(&self, m: &Message, s: &SessionId) -> Result<(), MsgFromAppError> {
        let id = m.get_field(131).ok_or(MsgFromAppError::FieldNotFound)?;
        let mut q = Message::new();
        q.with_header_mut(|h| h.set_field(35, "S")).expect("set");
        for (tag, value) in [
            (131, id.as_str()), (117, "Q1"), (537, "1"), (55, "EUR/USD"), (132, "1.08000"), (133, "1.08008"),
            (134, "5000000"), (135, "5000000"), (62, "20991231-23:59:59.000"), (60, "20261121-00:00:00.000"),
        ] {
            q.set_field(tag, value).expect("set");
        }
        let _ = send_to_target(q, s);
        Ok(())
    }
}

fn acceptor(port: &str, certs: &str) {
    run_acceptor(port, certs, "30");
}

fn run_acceptor(port: &str, certs: &str, heartbeat: &str) {
    let app = Answering;
    let (store, log) = (MemoryMessageStoreFactory::new(), NullLogger);
    let log = LogFactory::try_new(&log).expect("a log");
    let app = Application::try_new(&app).expect("an application");
    let kind = FixSocketServerKind::SslMultiThreaded;
    let mut a = Acceptor::try_new(&settings("acceptor", "", port, certs, heartbeat), &app, &store, &log, kind).expect("an acceptor");
    a.start().expect("started");
    println!("ready");
    // As long as the longest measurement; whoever started it ends it.
    std::thread::sleep(Duration::from_secs(3_600));
}

struct Asking(std::sync::Mutex<mpsc::Sender<Option<Instant>>>);

impl ApplicationCallback for Asking {
    fn on_logon(&self, _: &SessionId) {
        let _ = self.0.lock().expect("lock").send(None);
    }
    fn on_msg_from_app(&self, m: &Message, _: &SessionId) -> Result<(), MsgFromAppError> {
        // Values in hand, as our typed Quote has them.
        for tag in [131, 117, 537, 55, 132, 133, 134, 135, 62, 60] {
            m.get_field(tag).ok_or(MsgFromAppError::FieldNotFound)?;
        }
        let at = Instant::now();
        let _ = self.0.lock().expect("lock").send(Some(at));
        Ok(())
    }
}

fn request(n: usize) -> Message {
    let mut m = Message::new();
    m.with_header_mut(|h| h.set_field(35, "R")).expect("set");
    m.set_field(131, format!("R{n}").as_str()).expect("set");
    let mut g = Group::try_with_orders(146, 55, &[55, 303, 537, 38, 64, 15, 126, 60]).expect("a group");
    for (tag, value) in [
        (55, "EUR/USD"), (303, "1"), (537, "1"), (38, "5000000"), (64, "20261124"), (15, "EUR"),
        (126, "20991231-23:59:59.000"), (60, "20261121-00:00:00.000"),
    ] {
        g.set_field(tag, value).expect("set");
    }
    m.add_group(&g).expect("set");
    m
}

/// Says `on` at each logon, asks once, and says `quote` when the answer is there.
fn roamer(host: &str, port: &str, certs: &str) {
    let (tx, rx) = mpsc::channel();
    let app = Asking(std::sync::Mutex::new(tx));
    let (store, log) = (MemoryMessageStoreFactory::new(), NullLogger);
    let log = LogFactory::try_new(&log).expect("a log");
    let app = Application::try_new(&app).expect("an application");
    let kind = FixSocketServerKind::SslMultiThreaded;
    let settings = settings("initiator", host, port, certs, "1");
    let mut i = Initiator::try_new(&settings, &app, &store, &log, kind).expect("an initiator");
    i.start().expect("started");
    let id = SessionId::try_new("FIX.4.4", "BENCH1", "SIGNET", "").expect("an id");
    for (n, heard) in rx.iter().enumerate() {
        println!("{}", if heard.is_some() { "quote" } else { "on" });
        if heard.is_none() {
            let _ = send_to_target(request(n), &id);
        }
    }
}

fn initiator(port: &str, certs: &str, rounds: usize) {
    let (tx, rx) = mpsc::channel();
    let app = Asking(std::sync::Mutex::new(tx));
    let (store, log) = (MemoryMessageStoreFactory::new(), NullLogger);
    let log = LogFactory::try_new(&log).expect("a log");
    let app = Application::try_new(&app).expect("an application");
    let kind = FixSocketServerKind::SslMultiThreaded;
    let mut i = Initiator::try_new(&settings("initiator", "127.0.0.1", port, certs, "30"), &app, &store, &log, kind).expect("an initiator");
    i.start().expect("started");
    let id = SessionId::try_new("FIX.4.4", "BENCH1", "SIGNET", "").expect("an id");
    rx.recv_timeout(Duration::from_secs(20)).expect("logged on");
    let mut us: Vec<f64> = Vec::with_capacity(rounds);
    for n in 0..rounds + 200 {
        let began = Instant::now();
        send_to_target(request(n), &id).expect("sent");
        let at = rx.recv_timeout(Duration::from_secs(5)).expect("a quote").expect("a quote");
        if n >= 200 {
            us.push(at.duration_since(began).as_secs_f64() * 1e6);
        }
    }
    us.sort_by(f64::total_cmp);
    println!("{:.1} {:.1}", us[us.len() / 2], us[us.len() * 99 / 100]);
    std::process::exit(0);
}
