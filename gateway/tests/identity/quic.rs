//! Desks over QUIC: the same admission as over TCP, and a session that moves to another address.

use crate::support::{Desk, World, runtime};
use signet_quic::client::Rebinder;
use std::{fs, net::UdpSocket, time::Duration};

/// Loopback addresses in places of their own.
const PLACES: &str = "countries = ['GB', 'US']
[[network]]
range = '127.0.0.1/32'
country = 'GB'
[[network]]
range = '127.0.0.2/32'
country = 'GB'
[[network]]
range = '127.0.0.3/32'
country = 'FR'
[[network]]
range = '127.0.0.4/32'
country = 'US'
";

fn world(more: &str) -> World {
    let mut w = World::with("sqlite:registry.db", more);
    fs::write(w.path("risk.toml"), PLACES).unwrap();
    if !more.is_empty() {
        let maker = signet_softkey::Maker::new("Maker");
        let model = "00112233-4455-6677-8899-aabbccddeeff";
        fs::write(w.path("keys.toml"), maker.list(&[(model, "Test key")])).unwrap();
    }
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    w
}

async fn on(w: &World, seq: u64) -> (Desk, Rebinder) {
    let (mut d, rebinder) = Desk::over_quic(w, "laptop", "ALICE", "127.0.0.1").await;
    let answer = d.log_on(seq).await;
    assert!(answer.contains("|35=A|"), "{answer}");
    (d, rebinder)
}

/// For worlds in which a test locks a network out.
const RESPONSE: &str = "[response]\nnetwork_failures = 4\n";
/// Two seconds after one try of a network that is locked out, the next one is due.
const TRY_EVERY: Duration = Duration::from_millis(2_100);

/// A handshake over TCP without a certificate, from a loopback address.
fn knocks(w: &World, from: &str) {
    let port = w.gateway.as_ref().unwrap().address().port();
    w.curl_at(port, "/", &["--ipv4", "--interface", from]);
}

fn is_locked_out(w: &World, from: &str) {
    (0..4).for_each(|_| knocks(w, from));
    w.eventually("locked out", || w.events().contains("lockout.network"));
}

/// From now on a network that is locked out has no try for two seconds.
async fn has_no_try(w: &World, from: &str) {
    tokio::time::sleep(TRY_EVERY).await;
    // One is due, and this failure takes it.
    knocks(w, from);
}

fn moves_to(rebinder: &Rebinder, address: &str) {
    rebinder.rebind(UdpSocket::bind(format!("{address}:0")).unwrap()).unwrap();
}

/// Frames up to the first that contains `wanted`.
async fn until(d: &mut Desk, wanted: &str) -> Vec<String> {
    let mut all = vec![];
    loop {
        let Some(f) = d.next().await else { panic!("ended before {wanted}: {all:#?}") };
        all.push(f);
        if all.last().is_some_and(|f| f.contains(wanted)) {
            return all;
        }
    }
}

async fn is_heard(d: &mut Desk, word: &str) {
    d.says(&format!("35=1|112={word}|")).await;
    until(d, &format!("112={word}|")).await;
}

#[test]
fn a_session_over_quic_moves_to_another_office_and_goes_on() {
    let w = world("");
    runtime().block_on(async {
        let (mut d, rebinder) = on(&w, 1).await;
        is_heard(&mut d, "HERE").await;
        moves_to(&rebinder, "127.0.0.2");
        is_heard(&mut d, "THERE").await;
        // Another port of the same address is nothing to write about.
        moves_to(&rebinder, "127.0.0.2");
        is_heard(&mut d, "AGAIN").await;
    });
    w.eventually("the move is written down", || w.events().contains("session.moved"));
    let events = w.events();
    assert!(events.contains("from 127.0.0.1 to 127.0.0.2"), "{events}");
    assert_eq!(events.matches("session.moved").count(), 1, "{events}");
    assert!(!events.contains("risk.changed"), "{events}");
}

#[test]
fn a_session_that_moves_to_a_country_where_nobody_trades_ends_with_words() {
    let w = world("");
    runtime().block_on(async {
        let (mut d, rebinder) = on(&w, 1).await;
        is_heard(&mut d, "HERE").await;
        moves_to(&rebinder, "127.0.0.3");
        d.says("35=1|112=THERE|").await;
        let last = d.until_cut().await;
        assert!(!last.iter().any(|f| f.contains("112=THERE")), "acted on: {last:?}");
        let logout = last.iter().find(|f| f.contains("|35=5|")).unwrap_or_else(|| {
            panic!("no Logout: {last:?}");
        });
        assert!(logout.contains("20104=risk.denied"), "{logout}");
        // And a logon from there is refused in the same words.
        let (mut d, _) = Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.3").await;
        let refused = d.log_on(9).await;
        assert!(refused.contains("20104=risk.denied"), "{refused}");
    });
    w.eventually("both are written down", || {
        let events = w.events();
        events.contains("from 127.0.0.1 to 127.0.0.3") && events.contains("risk.denied")
    });
}

#[test]
fn a_journey_that_is_too_fast_wants_a_touch_which_nobody_can_ask_for() {
    let w = world("");
    runtime().block_on(async {
        let (mut d, rebinder) = on(&w, 1).await;
        is_heard(&mut d, "HERE").await;
        moves_to(&rebinder, "127.0.0.4");
        d.says("35=1|112=THERE|").await;
        let last = d.until_cut().await;
        assert!(!last.iter().any(|f| f.contains("112=THERE")), "{last:?}");
        assert!(last.iter().any(|f| f.contains("20104=risk.no_step_up")), "{last:?}");
    });
}

#[test]
fn a_journey_that_is_too_fast_owes_a_touch() {
    let w = world("[step_up]\nrp_id = 'stepup.bank.example'\nattestation = 'keys.toml'\n");
    runtime().block_on(async {
        let (mut d, rebinder) = on(&w, 1).await;
        is_heard(&mut d, "HERE").await;
        moves_to(&rebinder, "127.0.0.4");
        d.says("35=1|112=THERE|").await;
        let heard = until(&mut d, "112=THERE|").await;
        let place = |what: &str| heard.iter().position(|f| f.contains(what));
        // AccessDecision: step-up.
        let (told, answered) = (place("|20130=2|"), place("112=THERE|"));
        assert!(told.is_some() && told < answered, "the decision comes first: {heard:#?}");
        assert!(place("Last seen in GB") == told, "{heard:#?}");
    });
    w.eventually("written down", || {
        let events = w.events();
        events.contains("session.moved") && events.contains("risk.changed")
    });
}

/// On a quiet gateway an address is proved by the handshake only: it is asked about then.
#[test]
fn a_network_that_is_locked_out_is_refused_over_quic_as_over_tcp() {
    let w = world(RESPONSE);
    is_locked_out(&w, "127.0.0.2");
    runtime().block_on(async {
        for n in 0..3 {
            // Just before each, so that none is due however slow this machine is.
            has_no_try(&w, "127.0.0.2").await;
            // The client may be done with the handshake before the gateway has its last flight.
            if let Ok((mut d, _rebinder)) = Desk::try_quic(&w, "laptop", "ALICE", "127.0.0.2").await
            {
                assert_eq!(d.tries(1).await, None, "{n}");
            }
        }
        // Others are not.
        let (mut d, _rebinder) = on(&w, 1).await;
        is_heard(&mut d, "HERE").await;
        // Nor is one try in two seconds, and a good one opens the network.
        tokio::time::sleep(TRY_EVERY).await;
        for seq in [10, 20] {
            let (mut d, _rebinder) = Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.2").await;
            let answer = d.log_on(seq).await;
            assert!(answer.contains("|35=A|"), "{answer}");
        }
    });
}

#[test]
fn a_session_that_moves_into_a_network_that_is_locked_out_ends_with_words() {
    let w = world(RESPONSE);
    is_locked_out(&w, "127.0.0.2");
    runtime().block_on(async {
        let (mut d, rebinder) = on(&w, 1).await;
        is_heard(&mut d, "HERE").await;
        has_no_try(&w, "127.0.0.2").await;
        moves_to(&rebinder, "127.0.0.2");
        d.says("35=1|112=THERE|").await;
        let last = d.until_cut().await;
        assert!(!last.iter().any(|f| f.contains("112=THERE")), "acted on: {last:?}");
        assert!(last.iter().any(|f| f.contains("20104=lockout.network")), "{last:?}");
    });
    w.eventually("the move is written down", || w.events().contains("from 127.0.0.1 to 127.0.0.2"));
}

/// The Logon is judged where it came from, at once: not when the time of an unproved address is
/// over.
#[test]
fn a_connection_that_moves_before_its_logon_is_judged_where_it_is() {
    let w = world("");
    for (to, seq, wanted) in [("127.0.0.2", 1, "|35=A|"), ("127.0.0.3", 10, "20104=risk.denied")] {
        runtime().block_on(async {
            let (mut d, rebinder) = Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.1").await;
            // The gateway has the end of the handshake: during it nobody moves.
            tokio::time::sleep(Duration::from_secs(1)).await;
            moves_to(&rebinder, to);
            let began = std::time::Instant::now();
            let answer = d.log_on(seq).await;
            assert!(answer.contains(wanted), "{to}: {answer}");
            assert!(began.elapsed() < signet_quic::server::CLAIM_MAX, "{to}");
        });
    }
    assert!(!w.events().contains("session.moved"), "there was none");
}

#[test]
fn a_lock_ends_a_session_over_quic_and_keeps_it_out() {
    let w = world("");
    runtime().block_on(async {
        let (mut d, _rebinder) = on(&w, 1).await;
        w.cli(&["lock", "user", "alice"]);
        let last = d.until_cut().await;
        assert!(last.iter().any(|f| f.contains("20104=admission.user_locked")), "{last:?}");
        let (mut d, _) = Desk::over_quic(&w, "laptop", "ALICE", "127.0.0.1").await;
        assert!(d.log_on(9).await.contains("20104=admission.user_locked"));
    });
}

/// The newest connection wins, whatever it comes over; and a move of the one that lost counts for
/// nothing.
#[test]
fn a_session_goes_from_quic_to_tcp_and_back() {
    let w = world("");
    runtime().block_on(async {
        let (mut first, rebinder) = on(&w, 1).await;
        is_heard(&mut first, "ONE").await;
        let mut second = Desk::logged_on(&w, "laptop", "ALICE", 10).await;
        first.until_cut().await;
        moves_to(&rebinder, "127.0.0.3");
        is_heard(&mut second, "TWO").await;
        let (mut third, _rebinder) = on(&w, 20).await;
        second.until_cut().await;
        is_heard(&mut third, "THREE").await;
    });
    assert!(!w.events().contains("session.moved"));
}

#[test]
fn a_gateway_that_restarted_resets_the_connection() {
    let mut w = world("");
    fs::write(
        &w.config,
        w.text("gateway.toml").replace(
            "listen = \"127.0.0.1:0\"\ntrust",
            &format!("listen = \"{}\"\ntrust", w.gateway.as_ref().unwrap().address()),
        ),
    )
    .unwrap();
    let key = fs::read(w.path("state/quic.key")).unwrap();
    assert_eq!(key.len(), 40);
    runtime().block_on(async {
        let (mut d, _rebinder) = on(&w, 1).await;
        is_heard(&mut d, "ONE").await;
        w.stop();
        w.start();
        d.says("35=0|").await;
        d.until_cut().await;
    });
    assert_eq!(fs::read(w.path("state/quic.key")).unwrap(), key);
}

#[test]
fn without_quic_nothing_listens_on_udp() {
    let mut w = World::new();
    fs::write(&w.config, w.text("gateway.toml").replace("[desks]\n", "[desks]\nquic = false\n"))
        .unwrap();
    w.start();
    let at = w.gateway.as_ref().unwrap().address();
    drop(UdpSocket::bind(at).expect("the port is free on UDP"));
    std::thread::sleep(Duration::from_millis(1));
}

/// A world that listens at a port whose UDP side another program has; `more` goes below `[desks]`.
fn beside_another_program(more: &str) -> (World, UdpSocket) {
    let w = World::new();
    let (udp, port) = std::iter::repeat_with(|| {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        let tcp = std::net::TcpListener::bind(("127.0.0.1", port));
        tcp.is_ok().then_some((udp, port))
    })
    .take(20)
    .flatten()
    .next()
    .expect("a port that is free for TCP");
    let listen = format!("[desks]\n{more}\nlisten = \"127.0.0.1:{port}\"");
    let text = w.text("gateway.toml").replacen("[desks]\nlisten = \"127.0.0.1:0\"", &listen, 1);
    fs::write(w.path("gateway.toml"), text).unwrap();
    (w, udp)
}

/// QUIC is a way more: where it cannot be had, desks come in over TCP and the operator is told.
#[test]
fn a_gateway_that_cannot_have_quic_starts_without_it_and_says_so() {
    let (mut w, _taken) = beside_another_program("");
    w.start();
    w.enrolled("alice", "ALICE", "laptop");
    runtime().block_on(Desk::logged_on(&w, "laptop", "ALICE", 1));
    w.eventually("it is written down", || w.events().contains("quic.off"));
    let events = w.events();
    assert!(events.contains("on UDP (desks.quic)"), "{events}");
}

/// Who asks for QUIC by name gets it or no gateway; who wants none hears nothing of it.
#[test]
fn a_gateway_whose_settings_ask_for_quic_does_not_start_without_it() {
    let (w, _taken) = beside_another_program("quic = true");
    let why = w.start_fails();
    assert!(why.contains("on UDP (desks.quic)"), "{why}");

    let (mut w, _taken) = beside_another_program("quic = false");
    w.start();
    assert!(!w.events().contains("quic.off"));
}
