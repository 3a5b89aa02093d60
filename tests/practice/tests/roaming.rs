//! The laptop changes its network while an RFQ is open. In a network namespace of its own, where
//! the route to the gateway gets another source address: the system then chooses that one for new
//! connections, and the old one still works.

#![cfg(target_os = "linux")]

#[allow(dead_code)]
mod support;

use signet_desk_core::view::*;
use std::process::Command;
use support::World;

const N: &str = "NORTHBANK";

/// Runs one of the ignored tests below in a namespace, or says that none can be made here.
fn in_a_namespace(test: &str) {
    let may =
        Command::new("unshare").args(["-rn", "ip", "link"]).status().is_ok_and(|s| s.success());
    if !may {
        return eprintln!("no network namespace can be made here: {test} was not run");
    }
    let out = Command::new("unshare")
        .args(["-rn", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", test])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let errors = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("ip runs");
    assert!(status.success(), "ip {arguments}");
}

/// New connections to the gateway have this address from now on.
fn connect_from(address: &str) {
    for peer in ["127.0.0.1/32", "127.0.0.0/8"] {
        ip(&format!("route change local {peer} dev lo src {address} table local"));
    }
}

fn since(s: &support::Screen) -> Option<f64> {
    s.session.as_ref().map(|v| v.since_ms)
}

#[test]
fn another_network_is_dialled_at_once_and_the_rfq_goes_on() {
    in_a_namespace("moved");
}

#[test]
#[ignore = "helper process of the test above: needs a network namespace of its own"]
fn moved() {
    ip("link set lo up");
    let (w, mut s) = World::connected();
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    // Armed once, and armed still on each network: nothing about its quote changes.
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    for address in ["127.0.0.2", "127.0.0.3"] {
        let before = since(&s);
        connect_from(address);
        w.until(&mut s, "another connection", |s| {
            s.link() == Some(LinkState::Online) && since(s) != before
        });
        assert_eq!(s.rfq(&id).state, RfqState::Open);
        w.until(&mut s, "the quote again", |s| s.line(&id, N).can_lift);
        assert_eq!(s.accept_state(&id), Some(AcceptState::Armed));
        let back = s.session.as_ref().and_then(|v| v.back.clone()).unwrap();
        assert_eq!((back.went_on, back.ended, back.not_repeated), (1, 0, 0));
    }
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
    assert_eq!(w.desk.blotter(trades()).unwrap().total, 1);
}

fn trades() -> BlotterQuery {
    BlotterQuery { tab: BlotterTab::Trades, text: String::new(), limit: 10 }
}

/// The route changes and the source address does not: the connection that works is kept.
#[test]
fn a_change_elsewhere_ends_nothing() {
    in_a_namespace("elsewhere");
}

#[test]
#[ignore = "helper process of the test above: needs a network namespace of its own"]
fn elsewhere() {
    ip("link set lo up");
    let (w, mut s) = World::connected();
    let before = since(&s);
    for n in 0..20 {
        ip("link add name x0 type veth");
        ip(&format!("addr add 192.0.2.{}/24 dev x0", n + 1));
        ip("link set x0 up");
        ip("link del x0");
    }
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    assert_eq!((s.link(), since(&s)), (Some(LinkState::Online), before));
}
