//! The laptop changes its network while an RFQ is open: in a network namespace of its own, where the
//! route to the gateway gets another source address, so that the system chooses that one for new
//! connections and the old one still works; and over a relay that goes silent.
//!
//! A machine without namespaces fails those tests; `SIGNET_WITHOUT_NAMESPACES=1` leaves them out,
//! and says so.

#![cfg(target_os = "linux")]

#[path = "../../../needs/namespaces.rs"]
mod namespaces;

use crate::{
    needs::left_out,
    support::{Screen, World, network::Network},
};
use namespaces::namespaces_are_wanted;
use signet_desk_core::{OtherHost, view::*};
use signet_practice::{TRADER, VENUE_NAME};
use std::process::Command;
use tokio::net::TcpSocket;

const N: &str = "NORTHBANK";

/// Runs one of the ignored tests below in a namespace.
///
/// # Panics
/// When none can be made here, and nobody asked to leave these tests out.
fn in_a_namespace(test: &str) {
    if !namespaces_are_wanted(test, "link") {
        return;
    }
    let mut command = Command::new("unshare");
    command.args(["-rn", "--"]).arg(std::env::current_exe().unwrap());
    ran(command, test);
}

/// Runs one of the ignored tests below by a command that has this program in it already.
fn ran(mut command: Command, test: &str) {
    let out = command.args(["--ignored", "--exact", "--nocapture", test]).output().unwrap();
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

fn since(s: &Screen) -> Option<f64> {
    s.session.as_ref().map(|v| v.since_ms)
}

#[test]
fn another_network_is_dialled_at_once_and_the_rfq_goes_on() {
    in_a_namespace("roaming::moved_over_tcp");
}

/// Over QUIC the connection itself moves: no logon, no snapshot, no price away.
#[test]
fn over_quic_the_connection_moves_and_nothing_else_happens() {
    in_a_namespace("roaming::moved_over_quic");
}

fn using(quic: bool) -> (World, Screen) {
    ip("link set lo up");
    let (w, ()) = World::start_over(|_| {}, |_, config| config.venues[0].quic = quic);
    let s = w.connect();
    let tls = s.session.as_ref().and_then(|v| v.tls.clone()).unwrap();
    assert_eq!(tls.starts_with("QUIC"), quic, "{tls}");
    (w, s)
}

#[test]
#[ignore = "helper process of the test above: needs a network namespace of its own"]
fn moved_over_quic() {
    let (w, mut s) = using(true);
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    let before = since(&s);
    for address in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
        connect_from(address);
        // The gateway reads nothing from there before the address is proved and judged.
        w.quotes(N, "99.400", 60_000);
        let next = w.ask(Ask::Buy, &[N], 120);
        w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == next && l.can_lift));
        assert!(s.line(&id, N).can_lift);
    }
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
    assert_eq!((s.link(), since(&s)), (Some(LinkState::Online), before));
}

#[test]
#[ignore = "helper process of the test above: needs a network namespace of its own"]
fn moved_over_tcp() {
    let (w, mut s) = using(false);
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
    in_a_namespace("roaming::elsewhere");
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

fn over_a_network() -> (World, Network) {
    World::start_over(
        |_| {},
        |runtime, config| {
            let venue = &mut config.venues[0];
            let network = Network::to(runtime, ([127, 0, 0, 1], venue.port).into());
            venue.port = network.port;
            network
        },
    )
}

/// A captive portal answers in the gateway's place until the trader has signed in. Nothing about the
/// network changes then, and the desk is on by itself.
#[test]
fn behind_a_portal_the_desk_is_on_by_itself_once_it_lets_go() {
    let (w, network) = over_a_network();
    network.is_portal(true);
    let connect = w.desk.connect(TRADER.into(), VENUE_NAME.into());
    w.runtime.block_on(connect).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "refused", |s| s.link() == Some(LinkState::Refused));
    let problem = s.session.as_ref().and_then(|v| v.problem.clone()).expect("a reason");
    assert_eq!(problem.code, "tls.not_tls");
    network.is_portal(false);
    w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
}

/// Where the system tells of no portal, the desk asks for a page by itself. The trader reads where
/// to sign in, and not that the connection was refused.
#[test]
fn a_portal_of_which_the_system_says_nothing_is_found_and_told() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    // A NetworkManager of this machine may have looked itself.
    command.env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    ran(command, "roaming::found_portal");
}

#[test]
#[ignore = "helper process of the test above: needs a system that says nothing"]
fn found_portal() {
    let (w, (network, page)) = World::start_over(
        |_| {},
        |runtime, config| {
            let venue = &mut config.venues[0];
            let network = Network::to(runtime, ([127, 0, 0, 1], venue.port).into());
            venue.port = network.port;
            let page = format!("http://127.0.0.1:{}/", network.page(runtime));
            config.portal_check = Some(page.parse().unwrap());
            (network, page)
        },
    );
    let portal = |s: &Screen| s.session.as_ref().and_then(|v| v.portal.clone());
    network.is_portal(true);
    let connect = w.desk.connect(TRADER.into(), VENUE_NAME.into());
    w.runtime.block_on(connect).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "the page", |s| portal(s).as_deref() == Some(page.as_str()));
    w.until(&mut s, "held up", |s| s.link() == Some(LinkState::Reconnecting));
    let attempt = s.session.as_ref().map(|v| v.attempt);
    assert_eq!(attempt, Some(1), "decided when the page is known, and not at the next attempt");
    network.is_portal(false);
    w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
    assert_eq!(portal(&s), None);
}

/// Nobody tells that the network is another one: the desk finds out by its own questions, dials
/// beside the silent connection, and is back without having been lost.
#[test]
fn a_silent_connection_is_replaced_and_the_rfq_goes_on() {
    let (w, network) = over_a_network();
    let mut s = w.connect();
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    for n in 0..3 {
        let before = since(&s);
        network.moves();
        // Idle the first time; then somebody waits for an answer.
        let asked = (n > 0).then(|| w.ask(Ask::Buy, &[N], 120));
        w.until(&mut s, "another connection", |s| {
            s.link() == Some(LinkState::Online) && since(s) != before
        });
        w.until(&mut s, "the quote again", |s| s.line(&id, N).can_lift);
        if let Some(asked) = asked {
            // It never arrived, is not sent late, and says so.
            w.until(&mut s, "the request that was on its way", |s| {
                s.rfq(&asked).state == RfqState::Refused
            });
            assert!(s.rfq(&asked).text.contains("did not arrive"), "{}", s.rfq(&asked).text);
        }
    }
    let armed = w.arm(&s, &id, N, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&id).state == RfqState::Done);
    assert_eq!(w.desk.blotter(trades()).unwrap().total, 1);
}

/// An accept that is armed when the network changes is confirmed after it; one that is confirmed on
/// a silent connection ends in the truth: it did not arrive, and is not traded later.
#[test]
fn an_accept_around_a_change_of_networks_has_one_true_outcome() {
    let (w, network) = over_a_network();
    let mut s = w.connect();
    w.quotes(N, "99.500", 60_000);
    let live = |s: &Screen, id: &str| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift);
    let armed_before = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| live(s, &armed_before));
    let armed = w.arm(&s, &armed_before, N, Side::Buy).unwrap();
    let before = since(&s);
    network.moves();
    w.until(&mut s, "another connection", |s| {
        s.link() == Some(LinkState::Online) && since(s) != before
    });
    assert_eq!(s.accept_state(&armed_before), Some(AcceptState::Armed));
    w.until(&mut s, "the quote again", |s| live(s, &armed_before));
    w.desk.accept(&armed_before, &armed.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&armed_before).state == RfqState::Done);

    let silent = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| live(s, &silent));
    let armed = w.arm(&s, &silent, N, Side::Buy).unwrap();
    network.moves();
    w.desk.accept(&silent, &armed.id).unwrap();
    // Shown as not sent: it is what the gateway knows of it.
    w.until(&mut s, "the truth", |s| s.accept_state(&silent) == Some(AcceptState::Disarmed));
    w.until(&mut s, "the quote again", |s| live(s, &silent));
    let again = w.arm(&s, &silent, N, Side::Buy).unwrap();
    w.desk.accept(&silent, &again.id).unwrap();
    w.until(&mut s, "filled", |s| s.rfq(&silent).state == RfqState::Done);
    assert_eq!(w.desk.blotter(trades()).unwrap().total, 2);
}

/// A network that resets young connections again and again: each time the desk is back, and the
/// quote with it.
#[test]
fn a_network_that_resets_again_and_again_loses_nothing() {
    let (w, network) = over_a_network();
    let mut s = w.connect();
    w.quotes(N, "99.500", 60_000);
    let id = w.ask(Ask::Buy, &[N], 120);
    w.until(&mut s, "a quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    for _ in 0..12 {
        let before = since(&s);
        network.resets();
        w.until(&mut s, "another connection", |s| {
            s.link() == Some(LinkState::Online) && since(s) != before
        });
        w.until(&mut s, "the quote again", |s| s.line(&id, N).can_lift);
        assert_eq!(s.session.as_ref().map(|v| v.attempt), Some(1));
    }
}

/// The first host of the venue is down, or takes connections and serves nobody.
#[test]
fn another_host_of_the_venue_is_reached() {
    // Bound and not listening: it refuses, and nothing else gets this port meanwhile.
    let gone = TcpSocket::new_v4().unwrap();
    gone.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let refusing = gone.local_addr().unwrap().port();
    for silent in [false, true] {
        let (w, _held) = World::start_over(
            |_| {},
            |runtime, config| {
                let venue = &mut config.venues[0];
                let at = signet_net::Endpoint { host: "localhost".into(), port: venue.port };
                venue.also = vec![OtherHost { at, server_name: "localhost".into() }];
                let network = Network::to(runtime, ([127, 0, 0, 1], refusing).into());
                venue.port = if silent { network.port } else { refusing };
                network
            },
        );
        drop(w.connect());
    }
}

/// Where nothing answers over UDP, a desk with a key in a token comes in over FIXS, and says why.
#[test]
fn a_key_in_a_token_comes_in_over_fixs_where_udp_is_silent() {
    let both = || {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        std::net::TcpListener::bind(("127.0.0.1", port)).is_ok().then_some((udp, port))
    };
    // Bound and never read, so that what is sent there gets no answer of any kind.
    let (_silent, port) = std::iter::repeat_with(both).take(20).flatten().next().unwrap();
    let w = World::start_with(|plan| {
        plan.enrolment = true;
        plan.desks.clear();
        plan.port = port;
    });
    let desk = crate::support::token::alice(&w);
    w.runtime.block_on(desk.connect("ALICE1".into(), VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    w.eventually("online", || {
        s.pull(&desk);
        s.link() == Some(LinkState::Online)
    });
    let said = s.session.and_then(|v| v.tls).unwrap_or_default();
    assert!(said.starts_with("TLS 1.3") && said.contains("not QUIC: no answer over UDP"), "{said}");
    w.runtime.block_on(desk.shut_down());
}
