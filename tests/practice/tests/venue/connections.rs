//! Sockets and TLS on threads of their own (`gateway.connection_threads`): desks, dealers and the
//! gateway's answers are as without them.
#![cfg(unix)]

use crate::support::{Screen, World, raw::Raw};
use signet_dealer::Force;
use signet_desk_core::{Desk, DeskConfig, view::*};
use signet_gateway::{
    admin,
    operator::{Request, Sample, ask},
};
use signet_keystore::MemoryKeychain;
use signet_practice::{Plan, VENUE_NAME};
use signet_registry::CertificateSelector;
use signet_stepup::client::NoKeys;
use std::{net::SocketAddr, sync::Arc};

const N: &str = "NORTHBANK";

/// A gateway with two such threads, and a desk that comes over TCP.
fn world(change: impl FnOnce(&mut Plan)) -> World {
    let plan = |p: &mut Plan| {
        p.connection_threads = 2;
        change(p);
    };
    World::start_over(plan, |_, desk| desk.venues[0].quic = false).0
}

fn at(w: &World) -> SocketAddr {
    w.practice.address().unwrap()
}

fn text(w: &World) -> String {
    let v = ask(w.practice.gateway_config(), &Request::Metrics {}).unwrap();
    v["text"].as_str().unwrap().to_owned()
}

/// How many connections are carried.
fn carried(w: &World, n: f64) {
    w.eventually(&format!("{n} connections are carried"), || {
        Sample::read(&text(w)).value("signet_carried_connections") == Some(n)
    });
}

/// The trader asks, is quoted and trades.
fn trade(w: &World, s: &mut Screen) {
    let id = w.ask(Ask::Buy, &[N], 60);
    w.until(s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    let armed = w.arm(s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(s, "filled", |s| s.rfq(&id).state == RfqState::Done);
}

#[test]
fn a_trade_is_done_and_a_dealer_that_dies_comes_back() {
    // A message's signature has its own thread beside them.
    let w = world(|p| p.signature_threads = 1);
    w.quotes(N, "99.500", 60_000);
    let mut s = w.connect();
    // The trader and four dealers.
    carried(&w, 5.0);
    let sample = Sample::read(&text(&w));
    assert_eq!(sample.value("signet_sessions{transport=\"quic\"}"), Some(0.0));
    trade(&w, &mut s);
    w.force(N, Force::Die);
    w.eventually("shown offline", || {
        w.desk.reference().dealers.iter().any(|d| d.id == N && !d.online)
    });
    w.force(N, Force::Resume);
    w.eventually("shown online", || w.desk.reference().dealers.iter().all(|d| d.online));
    w.quotes(N, "99.500", 60_000);
    trade(&w, &mut s);
    carried(&w, 5.0);
}

#[test]
fn the_newest_connection_wins_and_a_gateway_that_stops_says_so() {
    let mut w = world(|p| p.desks.push("RAW".into()));
    w.quotes(N, "99.500", 60_000);
    let mut s = w.connect();
    let mut raw = w.runtime.block_on(async {
        let mut old = Raw::logged_on(at(&w), w.practice.pki(), "RAW").await;
        let mut new = Raw::desk(at(&w), w.practice.pki(), "RAW").await;
        new.seq = old.seq;
        new.log_on().await;
        // Cut, and not in order: what belonged to it comes again on the new one.
        assert!(!old.hung_up().await.iter().any(|f| f.contains("|35=5|")));
        new.says("35=1|112=STILL HERE|").await;
        new.hears(&["35=0|", "112=STILL HERE|"]).await;
        new
    });
    carried(&w, 6.0);
    w.practice.stop_gateway();
    let last = w.runtime.block_on(raw.hung_up());
    let goodbye = |f: &String| f.contains("|35=5|") && f.contains("the gateway is stopping");
    assert!(last.iter().any(goodbye), "{last:?}");
    w.until(&mut s, "the link noticed", |s| s.link() != Some(LinkState::Online));
    w.practice.restart_gateway().unwrap();
    w.until(&mut s, "online again", |s| s.link() == Some(LinkState::Online));
    w.eventually("dealers are back", || w.desk.reference().dealers.iter().all(|d| d.online));
    trade(&w, &mut s);
    carried(&w, 5.0);
}

/// Each network by itself: on Linux everything of 127/8 is this machine.
#[cfg(target_os = "linux")]
#[test]
fn refused_handshakes_are_strikes_against_their_network_and_nobody_elses() {
    use std::{net::Ipv4Addr, time::Duration};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpSocket,
        time::timeout,
    };

    const PATIENCE: Duration = Duration::from_secs(60);

    let w = world(|p| p.desks.push("RAW".into()));
    let at = at(&w);
    // What the gateway says to somebody who does not speak TLS.
    let answer = || async {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 66, 0, 1), 0).into()).unwrap();
        let mut stream = socket.connect(at).await.unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
        let mut heard = Vec::new();
        let end = timeout(PATIENCE, stream.read_to_end(&mut heard)).await;
        let _ = end.expect("the gateway hangs up");
        heard
    };
    let locked = |w: &World| {
        let strikes = |l: &&str| l.starts_with("signet_events_total{") && !l.ends_with(" 0");
        text(w).lines().filter(strikes).any(|l| l.contains("\"lockout.network\""))
    };
    w.runtime.block_on(async {
        for n in 0..99 {
            assert!(!answer().await.is_empty(), "{n}: an alert");
        }
    });
    assert!(!locked(&w));
    w.runtime.block_on(answer());
    w.eventually("the network is locked out", || locked(&w));
    w.runtime.block_on(async {
        // A try now and then is let through, so not each of these is closed before TLS.
        let mut closed = 0;
        for _ in 0..5 {
            closed += usize::from(answer().await.is_empty());
        }
        assert!(closed > 0);
        Raw::logged_on(at, w.practice.pki(), "RAW").await;
    });
    // Nothing of the strangers is left; RAW has hung up as well.
    carried(&w, 4.0);
}

#[test]
fn a_revoked_desk_is_cut_and_stays_out() {
    let w = world(|p| {
        p.enrolment = true;
        p.desks.clear();
    });
    let keychain = Arc::new(MemoryKeychain::new());
    let mut config =
        DeskConfig { data_dir: w.dir.path().join("ALICE1"), ..w.practice.desk_config("test") };
    config.venues[0].quic = false;
    let identity = w.practice.enrol_only(&config, keychain.clone(), "alice", "ALICE1").unwrap();
    let desk = Desk::start(config, keychain, Arc::new(NoKeys)).unwrap();
    desk.connect_now(&identity, VENUE_NAME).unwrap();
    let mut s = Screen::default();
    let mut link = |want: LinkState| {
        w.eventually(&format!("{want:?}"), || {
            s.pull(&desk);
            s.link() == Some(want)
        });
    };
    link(LinkState::Online);
    carried(&w, 5.0);
    let alice = CertificateSelector::User("alice".into());
    let revoked = admin::revoke(w.practice.gateway_config(), &alice, "lost laptop");
    w.runtime.block_on(revoked).unwrap();
    link(LinkState::Refused);
    carried(&w, 4.0);
    w.runtime.block_on(desk.shut_down());
}
