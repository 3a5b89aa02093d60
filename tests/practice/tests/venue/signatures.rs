//! Message signatures (tags 93/89), the whole way: what is not signed by the key of the sender's
//! certificate does nothing, and what commits somebody is kept and proves itself to other programs.
#![cfg(unix)]

use crate::{
    needs::left_out,
    support::{
        BUND, Screen, World,
        raw::{DealerPlace, PATIENCE, Raw, in_ms, now},
    },
};
use signet_dealer::Signs;
use signet_desk_core::{Desk, DeskConfig, view::*};
use signet_devca::Order;
use signet_fix::{
    signature::{commits_gateway, parts},
    tagvalue::{format_utc, seal},
};
use signet_gateway::{
    admin::{signed_export, signed_list, signed_verify},
    signed::read::{GOOD, SignedLine, Wanted},
};
use signet_identity::{ClientProfile, MessageKey, MessagePublicKey, ServerProfile};
use signet_practice::{GATEWAY, TRADER, VENUE_NAME};
use signet_stepup::client::NoKeys;
use std::{
    env, fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::Instant,
};
use tokio::{net::TcpListener, net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream, rustls::pki_types::ServerName};

const NORTH: &str = "NORTHBANK";

/// A venue with these desks beside the honest trader, who is connected: so every dealer is on, and
/// one quotes.
fn venue(desks: &[&str]) -> (World, Screen) {
    let w = World::start_with(|p| p.desks.extend(desks.iter().map(|d| (*d).into())));
    w.quotes(NORTH, "99.135", 30_000);
    let s = w.connect();
    (w, s)
}

fn at(w: &World) -> SocketAddr {
    w.practice.address().unwrap()
}

fn rfq(id: &str) -> String {
    let (sent, expires) = (now(), format_utc(in_ms(60_000)));
    format!(
        "35=R|131={id}|146=1|55={BUND}|48={BUND}|22=4|303=1|537=1|54=1|38=5000000|64=20991231|15=EUR|126={expires}|60={sent}|423=1|453=1|448={NORTH}|447=D|452=35|"
    )
}

fn accept(id: &str, quote: &str, price: &str) -> String {
    let (sent, deadline) = (now(), format_utc(in_ms(2_000)));
    format!(
        "35=AJ|693={id}|117={quote}|694=1|11={id}|453=1|448={NORTH}|447=D|452=35|55={BUND}|48={BUND}|22=4|54=1|38=5000000|62={deadline}|60={sent}|44={price}|"
    )
}

fn field(frame: &str, tag: &str) -> String {
    let from = frame.find(&format!("|{tag}=")).unwrap_or_else(|| panic!("no {tag} in {frame}"))
        + tag.len()
        + 2;
    frame[from..].split('|').next().unwrap().into()
}

/// The frame with its body changed and length and sum right again.
fn changed(frame: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(frame.to_vec()).unwrap();
    assert!(text.contains(from));
    let body = text.split_once("\u{1}35=").unwrap().1;
    seal("FIX.4.4", format!("35={}", &body[..body.len() - 7]).replace(from, to).as_bytes())
}

/// The gateway tells the desk that its last message was refused, and why.
async fn refused(raw: &mut Raw, code: &str) {
    let answer = raw.hears(&["35=j|", "380=6|"]).await;
    assert!(field(&answer, "58").contains(code), "{answer}");
    assert_eq!(field(&answer, "45"), (raw.seq - 1).to_string());
}

/// Asks, and is quoted: as nothing was done under this id before, or the gateway would call it a
/// repetition.
async fn quoted(raw: &mut Raw, id: &str) -> String {
    raw.says(&rfq(id)).await;
    raw.hears(&["35=S|", &format!("131={id}|")]).await
}

#[test]
fn what_is_not_signed_by_the_key_of_this_connections_certificate_reaches_no_dealer() {
    let (w, _) = venue(&["UNSIGNED", "ALTERED", "OTHERKEY"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        // A desk that speaks FIX by itself and signs nothing.
        let mut raw = Raw::logged_on(at(&w), pki, "UNSIGNED").await;
        let key = raw.key.take();
        for body in [rfq("R1"), "35=U3|131=R1|".into()] {
            raw.says(&body).await;
            refused(&mut raw, "signature.missing").await;
        }
        raw.key = key;
        quoted(&mut raw, "R1").await;

        // Between desk and gateway somebody asks for more, or for something else.
        let mut raw = Raw::logged_on(at(&w), pki, "ALTERED").await;
        for (from, to) in
            [("\u{1}38=5000000\u{1}", "\u{1}38=9000000\u{1}"), ("\u{1}54=1\u{1}", "\u{1}54=2\u{1}")]
        {
            let frame = raw.frame(&rfq("R1"));
            raw.writes(&changed(&frame, from, to)).await;
            refused(&mut raw, "signature.bad").await;
        }
        quoted(&mut raw, "R1").await;

        // Another key, though of a good certificate: of another desk, and of an earlier one of the
        // same desk.
        let mut raw = Raw::logged_on(at(&w), pki, "OTHERKEY").await;
        let own = raw.key.take();
        for name in ["UNSIGNED", "OTHERKEY"] {
            let other = pki.issue(&Order::desk(name)).unwrap().certified_key().unwrap();
            raw.key = Some(MessageKey::of(&other).unwrap());
            raw.says(&rfq("R1")).await;
            refused(&mut raw, "signature.bad").await;
        }
        raw.key = own;
        quoted(&mut raw, "R1").await;
    });
}

#[test]
fn a_signed_message_is_worth_nothing_in_another_session_or_another_place() {
    let (w, _) = venue(&["ONE", "TWO"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let mut one = Raw::logged_on(at(&w), pki, "ONE").await;
        let taken = one.frame(&rfq("R1"));
        one.writes(&taken).await;
        one.hears(&["35=S|", "131=R1|"]).await;
        // With another CompID in it, or with that put right; and in the same session, in another
        // place.
        let mut two = Raw::logged_on(at(&w), pki, "TWO").await;
        let put_right = changed(&taken, "\u{1}49=ONE\u{1}", "\u{1}49=TWO\u{1}");
        assert_eq!(two.seq, one.seq - 1);
        two.seq += 1;
        two.writes(&put_right).await;
        refused(&mut two, "signature.bad").await;
        let moved = changed(&taken, "\u{1}34=2\u{1}", &format!("\u{1}34={}\u{1}", one.seq));
        one.seq += 1;
        one.writes(&moved).await;
        refused(&mut one, "signature.bad").await;
        two.writes(&changed(&taken, "\u{1}34=2\u{1}", "\u{1}34=3\u{1}")).await;
        two.hears(&["35=3|", "373=9|"]).await;
        two.hung_up().await;
        // The same bytes once more: their number is used.
        one.writes(&taken).await;
        one.hears(&["35=5|"]).await;
        one.hung_up().await;
    });
}

#[test]
fn three_bad_signatures_in_a_minute_end_the_session_and_a_new_connection_does_not_forgive() {
    let (w, _) = venue(&["RAW"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let mut raw = Raw::logged_on(at(&w), pki, "RAW").await;
        raw.key = None;
        for n in 0..3 {
            raw.says(&rfq(&format!("R{n}"))).await;
            refused(&mut raw, "signature.missing").await;
        }
        let goodbye = raw.hears(&["35=5|"]).await;
        assert!(field(&goodbye, "58").contains("signed"), "{goodbye}");
        raw.hung_up().await;

        let mut again = Raw::desk(at(&w), pki, "RAW").await;
        again.seq = raw.seq;
        again.log_on().await;
        again.hears(&["35=U2|", "20020=3|"]).await;
        let key = again.key.take();
        again.says(&rfq("R9")).await;
        again.hears(&["35=5|"]).await;
        again.hung_up().await;

        // A desk that signs is heard all the same.
        let mut last = Raw::desk(at(&w), pki, "RAW").await;
        assert!(key.is_some() && last.key.is_some());
        last.seq = again.seq;
        last.log_on().await;
        quoted(&mut last, "R9").await;
    });
}

/// Over TCP and QUIC: desks made by hand come over TCP, the trader's own over QUIC.
#[test]
fn threads_that_verify_and_sign_beside_the_trading_thread_change_no_word() {
    let w = World::start_with(|p| {
        p.desks.push("RAW".into());
        p.dealers.dealers[1].signs = Signs::Badly;
        p.signature_threads = 2;
    });
    for (dealer, price) in [(NORTH, "99.135"), ("HARBOUR", "99.001")] {
        w.quotes(dealer, price, 30_000);
    }
    let mut s = w.connect();
    // The desk refuses what commits the gateway and is not signed by it, and so does the dealer.
    let traded = trade(&w, &mut s);
    let kept = lines(&export(&w, &Wanted { rfq: Some(traded), ..Wanted::default() }));
    assert!(kept.len() >= 4 && kept.iter().all(|l| l.verified == GOOD), "{:?}", kinds(&kept));
    let asked = w.ask(Ask::Buy, &["HARBOUR", NORTH], 60);
    w.until(&mut s, "the honest dealer's quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == asked && l.dealer == NORTH && l.can_lift)
    });
    assert_eq!(s.line(&asked, "HARBOUR").state, LineState::Asked);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let key = gateways_key(&w).await;
        let mut raw = Raw::logged_on(at(&w), pki, "RAW").await;
        let quote = quoted(&mut raw, "R1").await;
        raw.says(&accept("R1:1", &field(&quote, "117"), &field(&quote, "133"))).await;
        let fill = raw.hears(&["35=8|", "150=F|", "11=R1:1|"]).await;
        // One that is good and one that is not in the same bytes, and a question of the session
        // layer behind them: each is answered in its turn.
        let good = raw.frame(&rfq("R2"));
        let honest = raw.frame(&rfq("R3"));
        let bad = changed(&honest, "\u{1}38=5000000\u{1}", "\u{1}38=9000000\u{1}");
        let test = raw.frame("35=1|112=BEHIND|");
        raw.writes(&[good, bad, test].concat()).await;
        let refusal = raw.hears(&["35=j|", "380=6|"]).await;
        assert!(field(&refusal, "58").contains("signature.bad"), "{refusal}");
        assert_eq!(field(&refusal, "45"), (raw.seq - 2).to_string());
        raw.hears(&["35=0|", "112=BEHIND|"]).await;
        quoted(&mut raw, "R4").await;
        // It was one strike, and two more end the session.
        for id in ["R5", "R6"] {
            let frame = raw.frame(&rfq(id));
            raw.writes(&changed(&frame, "\u{1}54=1\u{1}", "\u{1}54=2\u{1}")).await;
            refused(&mut raw, "signature.bad").await;
        }
        let goodbye = raw.hears(&["35=5|"]).await;
        assert!(field(&goodbye, "58").contains("signed"), "{goodbye}");
        raw.hung_up().await;
        assert!(raw.heard.iter().any(|f| f.contains("|35=AI|") && f.contains("|131=R2|")));
        // In the order of their numbers, and signed if they commit the gateway.
        for (n, frame) in raw.heard.iter().enumerate() {
            assert_eq!(field(frame, "34"), (n + 1).to_string());
            assert_eq!(by_gateway(&key, frame), commits_gateway(&field(frame, "35")), "{frame}");
        }
        let mut again = Raw::desk(at(&w), pki, "RAW").await;
        again.seq = raw.seq;
        again.log_on().await;
        again.says(&format!("35=2|7={}|16=0|", field(&fill, "34"))).await;
        assert!(by_gateway(&key, &again.hears(&["35=8|", "43=Y|", "11=R1:1|"]).await));
    });
}

/// The key of the gateway's certificate, as somebody sees it who connects.
async fn gateways_key(w: &World) -> MessagePublicKey {
    let key = w.practice.pki().issue(&Order::desk("LOOKER")).unwrap().certified_key().unwrap();
    let tls = ClientProfile::new(w.practice.pki().gateway_roots().unwrap(), key).config().unwrap();
    let tcp = TcpStream::connect(at(w)).await.unwrap();
    let tls = TlsConnector::from(tls)
        .connect(ServerName::try_from("localhost").unwrap(), tcp)
        .await
        .unwrap();
    MessagePublicKey::of_connection(tls.get_ref().1).unwrap()
}

/// Whether a frame carries a good signature; a bad one is none of the gateway's.
fn by_gateway(key: &MessagePublicKey, frame: &str) -> bool {
    let frame = frame.replace('|', "\u{1}").into_bytes();
    parts(&frame).is_ok_and(|p| {
        assert!(key.is_good(p.covered, &p.signature));
        true
    })
}

#[test]
fn the_gateway_signs_what_commits_it_and_signs_it_anew_when_it_is_resent() {
    let (w, _) = venue(&["RAW"]);
    w.runtime.block_on(async {
        let key = gateways_key(&w).await;
        let mut raw = Raw::logged_on(at(&w), w.practice.pki(), "RAW").await;
        let quote = quoted(&mut raw, "R1").await;
        raw.says(&accept("R1:1", &field(&quote, "117"), &field(&quote, "133"))).await;
        let fill = raw.hears(&["35=8|", "150=F|", "11=R1:1|"]).await;
        raw.says(&rfq("R2").replace(BUND, "XX0000000000")).await;
        raw.hears(&["35=AG|", "131=R2|"]).await;
        for frame in &raw.heard {
            // Of step-up challenges and the like, which hold bytes that are no text, there are none
            // here.
            let kind = field(frame, "35");
            assert_eq!(by_gateway(&key, frame), commits_gateway(&kind), "{frame}");
        }
        let kinds: Vec<String> = raw.heard.iter().map(|f| field(f, "35")).collect();
        assert!(
            ["8", "AI", "AG", "S", "A"].iter().all(|k| kinds.iter().any(|x| x == k)),
            "{kinds:?}"
        );

        // The report is lost with the connection, and asked for again on the next.
        let mut again = Raw::desk(at(&w), w.practice.pki(), "RAW").await;
        again.seq = raw.seq;
        again.log_on().await;
        again.says(&format!("35=2|7={}|16=0|", field(&fill, "34"))).await;
        let resent = again.hears(&["35=8|", "43=Y|", "11=R1:1|"]).await;
        assert!(by_gateway(&key, &resent));
        assert_ne!(
            (field(&resent, "89"), field(&resent, "52")),
            (field(&fill, "89"), field(&fill, "52"))
        );
    });
}

#[test]
fn a_desk_shows_and_does_not_believe_what_a_false_gateway_has_not_signed() {
    let w = World::start();
    let pki = w.practice.pki();
    let key = pki.issue(&Order::gateway(GATEWAY)).unwrap().certified_key().unwrap();
    let message_key = MessageKey::of(&key).unwrap();
    let tls =
        TlsAcceptor::from(ServerProfile::new(pki.desk_roots().unwrap(), key).config().unwrap());
    let listener = w.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let mut venue = w.practice.venue().clone();
    venue.port = listener.local_addr().unwrap().port();
    let config =
        DeskConfig { venues: vec![venue], ..DeskConfig::empty(w.dir.path().join("false"), "test") };
    // Not the desk of the world: that one's session is open in this process.
    w.runtime.block_on(w.desk.shut_down());
    let desk = Desk::start(config, w.keychain.clone(), Arc::new(NoKeys)).unwrap();
    desk.connect_now(TRADER, VENUE_NAME).unwrap();
    let mut gate = w.runtime.block_on(async {
        let (tcp, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
        let mut gate =
            Raw::over(TlsStream::Server(tls.accept(tcp).await.unwrap()), GATEWAY, TRADER);
        gate.hears(&["35=A|"]).await;
        let logon = format!("35=A|98=0|108=5|20000={}|", gate.binding);
        gate.says(&logon).await;
        gate.hears(&["35=x|"]).await;
        for mark in ["35=U2|20020=1|", "35=U2|20020=3|"] {
            gate.says(mark).await;
        }
        gate
    });
    let mut s = Screen::default();
    let until = |s: &mut Screen, what: &str, done: &dyn Fn(&Screen) -> bool| {
        let began = Instant::now();
        loop {
            s.pull(&desk);
            if done(s) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "never: {what}: {:?} {:?}", s.session, s.notices);
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    until(&mut s, "online", &|s| s.link() == Some(LinkState::Online));
    let access = "35=U7|20111=600|20112=Y|20113=N|20114=Y|20115=2|20116=N|";
    w.runtime.block_on(async {
        gate.says(access).await;
        let answer = gate.hears(&["35=j|", "372=U7|", "380=6|"]).await;
        assert!(field(&answer, "58").contains("signature.missing"), "{answer}");
    });
    until(&mut s, "the trader is told", &|s| {
        s.notices.iter().any(|n| {
            n.code == "signature.missing"
                && n.text.contains("not believed")
                && n.text.contains("security officer")
        })
    });
    assert!(s.access.as_ref().is_none_or(|a| !a.step_up), "{:?}", s.access);
    gate.key = Some(message_key);
    w.runtime.block_on(gate.says(access));
    until(&mut s, "what is signed is believed", &|s| s.access.as_ref().is_some_and(|a| a.step_up));
    w.runtime.block_on(desk.shut_down());
}

#[test]
fn a_dealer_that_must_sign_and_signs_something_else_is_not_heard() {
    let w = World::start_with(|p| p.dealers.dealers[1].signs = Signs::Badly);
    let bad = "HARBOUR";
    w.quotes(NORTH, "99.135", 30_000);
    w.quotes(bad, "99.001", 30_000);
    let mut s = w.connect();
    let id = w.ask(Ask::Buy, &[NORTH, bad], 60);
    w.until(&mut s, "the honest dealer's quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == id && l.dealer == NORTH && l.can_lift)
    });
    // Asked again, and quoted again: what the other said has long been refused.
    let again = w.ask(Ask::Buy, &[bad, NORTH], 60);
    w.until(&mut s, "and again", |s| {
        s.lines.iter().any(|l| l.rfq_id == again && l.dealer == NORTH && l.can_lift)
    });
    assert!(
        s.lines
            .iter()
            .filter(|l| l.dealer == bad)
            .all(|l| l.offer.is_none() && l.state == LineState::Asked),
        "{:?}",
        s.lines
    );
}

#[test]
fn a_dealer_that_must_sign_and_does_not_is_told_and_gets_signed_requests() {
    let place = DealerPlace::new("STRICT");
    let w = World::start_with(|p| {
        p.other_dealers = vec![place.address()];
        p.other_dealers_sign = true;
    });
    let _inside = w.runtime.enter();
    let mut strict = place.opened(w.practice.pki());
    let mut raw = w.runtime.block_on(strict.answers());
    w.runtime.block_on(w.desk.connect(TRADER.into(), VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "all dealers online and the instruments there", |_| {
        let r = w.desk.reference();
        r.dealers.len() == 5 && r.dealers.iter().all(|d| d.online) && r.instruments > 0
    });
    let id = w.ask(Ask::Buy, &["STRICT"], 60);
    w.runtime.block_on(async {
        let key = gateways_key(&w).await;
        let asked = raw.hears(&["35=R|"]).await;
        assert!(by_gateway(&key, &asked));
        let (outer, sent, until) = (field(&asked, "131"), now(), format_utc(in_ms(30_000)));
        let quote = format!(
            "35=S|131={outer}|117=Q1|537=1|55={BUND}|133=99.100|135=5000000|62={until}|60={sent}|"
        );
        raw.says(&quote).await;
        refused(&mut raw, "signature.missing").await;
        raw.key = Some(strict.message_key.clone());
        raw.says(&quote.replace("117=Q1", "117=Q2").replace("99.100", "99.200")).await;
    });
    w.until(&mut s, "the signed quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    assert_eq!(
        s.line(&id, "STRICT").quote_id.as_deref(),
        Some("Q2"),
        "the unsigned one never came"
    );
    let armed = w.arm(&s, &id, "STRICT", Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.runtime.block_on(async {
        let key = gateways_key(&w).await;
        assert!(by_gateway(&key, &raw.hears(&["35=AJ|", "117=Q2|"]).await));
    });
}

/// The honest trader asks, is quoted and trades.
fn trade(w: &World, s: &mut Screen) -> String {
    let id = w.ask(Ask::Buy, &[NORTH], 60);
    w.until(s, "a quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == id && l.state == LineState::Quoted)
    });
    let armed = w.arm(s, &id, NORTH, Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(s, "a fill", |s| s.accept_state(&id) == Some(AcceptState::Filled));
    id
}

fn lines(export: &Path) -> Vec<SignedLine> {
    fs::read_to_string(export).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

fn export(w: &World, wanted: &Wanted) -> PathBuf {
    let path = w.dir.path().join("export.jsonl");
    let mut file = fs::File::create(&path).unwrap();
    let totals = signed_export(w.practice.gateway_config(), wanted, &mut file).unwrap();
    assert_eq!(totals.bad, 0);
    path
}

fn kinds(lines: &[SignedLine]) -> Vec<(String, String)> {
    let kind = |l: &SignedLine| {
        l.text.split('\u{2401}').find_map(|f| f.strip_prefix("35=")).unwrap().to_owned()
    };
    lines.iter().map(|l| (l.id.clone(), kind(l))).collect()
}

/// Python and OpenSSL on an export: whether they agree, and what they say.
fn python(export: &Path, authorities: Option<&Path>) -> (bool, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let made = Command::new(root.join("scripts/interop-deps.sh"))
        .arg("python")
        .stdin(Stdio::null())
        .output()
        .expect("the script starts");
    assert!(
        made.status.success(),
        "Python's cryptography could not be installed:\n{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut command = Command::new(target.join("interop/python/bin/python"));
    command
        .arg(root.join("tests/interop/signatures.py"))
        .arg("export")
        .arg(export)
        .args(authorities);
    let out = command.output().expect("python starts");
    (
        out.status.success(),
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)),
    )
}

#[test]
fn what_committed_somebody_is_exported_and_other_programs_find_it_good() {
    let (w, mut s) = venue(&[]);
    let id = trade(&w, &mut s);
    let cancelled = w.ask(Ask::Sell, &[NORTH], 60);
    w.until(&mut s, "a quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == cancelled && l.state == LineState::Quoted)
    });
    w.desk.cancel_rfq(&cancelled).unwrap();
    w.until(&mut s, "ended", |s| s.rfq(&cancelled).state == RfqState::Cancelled);
    let config = w.practice.gateway_config();

    let path = export(&w, &Wanted { rfq: Some(id), ..Wanted::default() });
    let of_trade = lines(&path);
    let own = |k: &str| (TRADER.to_owned(), k.to_owned());
    let north = |k: &str| (NORTH.to_owned(), k.to_owned());
    // The quote was written down when it was accepted, before the accept.
    let all = kinds(&of_trade);
    let (first, reports) = all.split_at(3);
    assert_eq!(first, [own("R"), north("S"), own("AJ")]);
    assert!(!reports.is_empty() && reports.iter().all(|r| *r == north("8")), "{reports:?}");
    assert!(of_trade.iter().all(|l| l.verified == GOOD));

    let path = export(&w, &Wanted::default());
    let all = lines(&path);
    assert!(kinds(&all).contains(&own("U3")) && all.len() >= 6, "{:?}", kinds(&all));
    assert_eq!(signed_verify(&path).unwrap().messages as usize, all.len());
    let mut told = vec![];
    signed_list(config, &Wanted::default(), &mut told).unwrap();
    let told = String::from_utf8(told).unwrap();
    assert!(told.contains("35=AJ") && told.lines().count() == all.len() + 1, "{told}");

    // Somebody else's programs, told nothing but whom to trust.
    let roots = w.practice.pki().write_roots(w.dir.path()).unwrap();
    let both = w.dir.path().join("both.pem");
    fs::write(&both, [fs::read(&roots.desks).unwrap(), fs::read(&roots.dealers).unwrap()].concat())
        .unwrap();
    let (good, said) = python(&path, Some(&both));
    assert!(good && said.contains(&format!("{} good", all.len())), "{said}");
    let (good, said) = python(&path, Some(&roots.gateways));
    assert!(!good && said.contains("unknown"), "{said}");
    let text = fs::read_to_string(&path).unwrap();
    let mut line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    line["frame"] = all[1].frame.clone().into();
    fs::write(&path, format!("{line}\n")).unwrap();
    assert!(!python(&path, None).0);
    assert_eq!(signed_verify(&path).unwrap_err().code(), "signed.altered");
}

/// The block of commands by which anybody proves one line, as it stands in the document.
#[test]
fn one_line_is_proved_by_the_documented_commands() {
    let (w, mut s) = venue(&[]);
    let id = trade(&w, &mut s);
    let export = export(&w, &Wanted { rfq: Some(id), ..Wanted::default() });
    let text = fs::read_to_string(&export).unwrap();
    let own = text
        .lines()
        .find(|l| l.contains("\"party\":\"desk\""))
        .expect("a line of the desk")
        .to_owned();
    let roots = w.practice.pki().write_roots(w.dir.path()).unwrap();
    let dir = w.dir.path().join("proof");
    fs::create_dir(&dir).unwrap();
    fs::copy(&roots.desks, dir.join("desks-ca.pem")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let document = fs::read_to_string(root.join("docs/protocol.md")).unwrap();
    let block = document
        .split("```sh\n")
        .find(|b| b.starts_with("jq -r .certificate"))
        .and_then(|b| b.split("```").next())
        .unwrap();
    let script = format!("set -eu\n{block}");
    let proved = |line: &str| {
        fs::write(dir.join("line.json"), line).unwrap();
        let out = Command::new("bash")
            .args(["-o", "pipefail", "-c", &script])
            .current_dir(&dir)
            .output()
            .unwrap();
        (
            out.status.success(),
            format!(
                "{}{}",
                String::from_utf8_lossy(&out.stdout),
                String::from_utf8_lossy(&out.stderr)
            ),
        )
    };
    let (good, said) = proved(&own);
    assert!(good, "{said}");
    // The certificate is judged at the time of the line: a year later it has expired.
    let mut line: serde_json::Value = serde_json::from_str(&own).unwrap();
    line["at_ms"] = (line["at_ms"].as_i64().unwrap() + 366 * 86_400_000).into();
    let (good, said) = proved(&line.to_string());
    assert!(!good && said.contains("expired"), "{said}");
    // One byte of what was signed.
    let mut line: serde_json::Value = serde_json::from_str(&own).unwrap();
    line["covered_bytes"] = (line["covered_bytes"].as_i64().unwrap() - 1).into();
    assert!(!proved(&line.to_string()).0);
}

#[test]
fn a_key_in_a_token_signs_and_what_it_signed_proves_itself() {
    let w = World::start_with(|plan| {
        plan.enrolment = true;
        plan.desks.clear();
    });
    w.quotes(NORTH, "99.135", 30_000);
    let desk = crate::support::token::alice(&w);
    w.runtime.block_on(desk.connect("ALICE1".into(), VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    let mut until = |what: &str, done: &dyn Fn(&Screen) -> bool| {
        w.eventually(what, || {
            s.pull(&desk);
            done(&s)
        });
    };
    until("online, with a dealer", &|s| {
        let r = desk.reference();
        s.link() == Some(LinkState::Online)
            && r.instruments > 0
            && r.dealers.iter().any(|d| d.id == NORTH && d.online)
            && tls(s).starts_with("QUIC")
    });
    let ticket = Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: BUND.into(),
        ask: Ask::Buy,
        quantity: "5m".into(),
        dealers: vec![NORTH.into()],
        ttl_s: 60,
        settlement_date: None,
    };
    let id = desk.send_rfq(ticket).unwrap();
    until("a quote", &|s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    let path = export(&w, &Wanted { sender: Some("ALICE1".into()), ..Wanted::default() });
    assert_eq!(kinds(&lines(&path)), [("ALICE1".to_owned(), "R".to_owned())]);
    let (good, said) = python(&path, None);
    assert!(good, "{said}");
    w.runtime.block_on(desk.shut_down());
}

fn tls(s: &Screen) -> String {
    s.session.as_ref().and_then(|l| l.tls.clone()).unwrap_or_default()
}

/// Asks for a mount of one's own; `sh` puts a small file system where evidence goes and runs the
/// ignored test inside.
const ENTER: &str = r#"mount -t tmpfs -o size=256k signet-test "$1" && exec "$2" --ignored --exact --nocapture "$3""#;
const FOLDER: &str = "SIGNET_TEST_SMALL_DISK";

#[test]
fn what_cannot_be_written_down_is_not_done_and_is_done_when_there_is_room() {
    on_a_small_disk("signatures::inside_disk_full");
}

#[test]
fn a_dealers_report_that_cannot_be_kept_is_not_believed_until_it_can() {
    on_a_small_disk("signatures::inside_report_not_kept");
}

/// Whether it is the programs that make the mount which complain.
fn is_no_mount(said: &str) -> bool {
    said.lines().any(|l| l.starts_with("unshare:") || l.starts_with("mount:"))
}

#[test]
fn a_test_that_fails_is_not_taken_for_a_machine_without_mounts() {
    for (said, no_mount) in [
        ("unshare: unshare failed: Operation not permitted\n", true),
        ("running 1 test\nmount: /tmp/a: permission denied.\n", true),
        ("thread panicked: amount: 5000000, remount: none", false),
        ("", false),
    ] {
        assert_eq!(is_no_mount(said), no_mount, "{said}");
    }
}

/// Runs an ignored test of this file where the folder of its name is a disk of 256 KiB.
fn on_a_small_disk(test: &str) {
    if left_out("SIGNET_WITHOUT_SMALL_DISK", test) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", ENTER, "sh"])
        .arg(folder.path())
        .arg(env::current_exe().unwrap())
        .arg(test)
        .env(FOLDER, folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("unshare is installed");
    let said =
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(
        out.status.success() || !is_no_mount(&said),
        "no small disk can be made: this machine gives no namespace of one's own for a mount. \
         Run as root or allow user namespaces (the kernel's settings \
         kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns), or \
         leave these tests out with SIGNET_WITHOUT_SMALL_DISK=1.\n{said}"
    );
    assert!(out.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
#[ignore = "run by a test above, where the disk is small"]
fn inside_report_not_kept() {
    let disk = PathBuf::from(env::var_os(FOLDER).unwrap());
    let place = DealerPlace::new("STRICT");
    let w = World::start_with(|p| {
        p.other_dealers = vec![place.address()];
        p.other_dealers_sign = true;
        let gateway = p.dir.join("gateway");
        fs::create_dir_all(&gateway).unwrap();
        std::os::unix::fs::symlink(&disk, gateway.join("signed")).unwrap();
    });
    let _inside = w.runtime.enter();
    let mut strict = place.opened(w.practice.pki());
    let mut raw = w.runtime.block_on(strict.answers());
    raw.key = Some(strict.message_key.clone());
    w.runtime.block_on(w.desk.connect(TRADER.into(), VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "all dealers online and the instruments there", |_| {
        let r = w.desk.reference();
        r.dealers.len() == 5 && r.dealers.iter().all(|d| d.online) && r.instruments > 0
    });
    let id = w.ask(Ask::Buy, &["STRICT"], 60);
    w.runtime.block_on(async {
        let outer = field(&raw.hears(&["35=R|"]).await, "131");
        let (sent, until) = (now(), format_utc(in_ms(50_000)));
        raw.says(&format!(
            "35=S|131={outer}|117=Q1|537=1|55={BUND}|133=99.100|135=5000000|62={until}|60={sent}|"
        ))
        .await;
    });
    w.until(&mut s, "the quote", |s| s.lines.iter().any(|l| l.rfq_id == id && l.can_lift));
    let armed = w.arm(&s, &id, "STRICT", Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    let filler = disk.join("filler");
    let (number, fill_of) = w.runtime.block_on(async {
        let accept = field(&raw.hears(&["35=AJ|", "117=Q1|"]).await, "693");
        fill(&filler);
        // Longer than what the page that was begun may have room for.
        let (number, sent, long) = (raw.seq, now(), "x".repeat(5_000));
        let report = format!(
            "37=O1|11={accept}|17=E1|150=F|39=2|55={BUND}|54=1|32=5000000|31=99.100|151=0|\
                14=5000000|6=99.100|58={long}|60={sent}|"
        );
        raw.says(&format!("35=8|{report}")).await;
        raw.hung_up().await;
        (number, report)
    });
    let state = |s: &Screen| s.rfq(&id).accept.as_ref().unwrap().state;
    w.until(&mut s, "nobody knows what became of it", |s| state(s) == AcceptState::Unknown);
    fs::remove_file(&filler).unwrap();
    strict.seq = raw.seq;
    w.runtime.block_on(async {
        raw = strict.answers().await;
        raw.key = Some(strict.message_key.clone());
        raw.hears(&["35=2|", &format!("7={number}|")]).await;
        let again = raw.frame_at(number, &format!("35=8|43=Y|122={}|{fill_of}", now()));
        raw.writes(&again).await;
    });
    w.until(&mut s, "the fill", |s| state(s) == AcceptState::Filled);
    let reports =
        |(who, kind): &&(String, String)| (who.as_str(), kind.as_str()) == ("STRICT", "8");
    let kept = kinds(&lines(&export(&w, &Wanted::default())));
    assert_eq!(kept.iter().filter(reports).count(), 1, "{kept:?}");
}

#[test]
#[ignore = "run by a test above, where the disk is small"]
fn inside_disk_full() {
    let disk = PathBuf::from(env::var_os(FOLDER).unwrap());
    let w = World::start_with(|p| {
        p.desks.push("RAW".into());
        let gateway = p.dir.join("gateway");
        fs::create_dir_all(&gateway).unwrap();
        std::os::unix::fs::symlink(&disk, gateway.join("signed")).unwrap();
    });
    w.quotes(NORTH, "99.135", 30_000);
    w.connect();
    let withdrawn = ["Q0", "Q1", "Q2", "Q3"];
    let (fitted, ended) = w.runtime.block_on(async {
        let mut raw = Raw::logged_on(at(&w), w.practice.pki(), "RAW").await;
        let quote = quoted(&mut raw, "R1").await;
        for id in withdrawn {
            quoted(&mut raw, id).await;
        }
        let filler = disk.join("filler");
        fill(&filler);
        // The page that was begun has room for a little more.
        let mut fitted = 0;
        loop {
            // Refused with AG, because nobody knows the instrument, and written down all the same.
            let id = format!("F{fitted}");
            raw.says(&rfq(&id).replace(BUND, "XS0000000009")).await;
            let answer = loop {
                let heard = raw.next().await.expect("the gateway answers");
                if heard.contains(&format!("={id}|")) {
                    break heard;
                }
            };
            if field(&answer, "35") == "j" {
                assert_eq!(field(&answer, "380"), "4", "{answer}");
                break;
            }
            fitted += 1;
            assert!(fitted < 50, "the disk is not full");
        }
        // A withdrawal is shorter and may fit into what is left.
        let mut ended = 0;
        for id in withdrawn {
            raw.says(&format!("35=U3|131={id}|")).await;
            let answer = loop {
                let heard = raw.next().await.expect("the gateway answers");
                if heard.contains(&format!("={id}|")) {
                    break heard;
                }
            };
            if field(&answer, "35") == "j" {
                break;
            }
            ended += 1;
            assert!(ended < withdrawn.len(), "the disk is not full");
        }
        // Neither a request nor an accept is passed on, and the desk reads why.
        let accepted = accept("R1:1", &field(&quote, "117"), &field(&quote, "133"));
        for (body, id) in
            [(rfq("R2"), "R2"), (accepted.clone(), "R1:1"), ("35=U3|131=R1|".into(), "R1")]
        {
            raw.says(&body).await;
            let answer = raw.hears(&["35=j|", "380=4|"]).await;
            assert_eq!(field(&answer, "379"), id);
            assert!(field(&answer, "58").contains("signed_log.unwritable"), "{answer}");
        }
        // What became of the accept? Nothing: nobody has heard of it.
        let status = format!("35=H|11=R1:1|55={BUND}|54=1|453=1|448={NORTH}|447=D|452=35|");
        raw.says(&status).await;
        let became = loop {
            let heard = raw.next().await.expect("the gateway answers");
            if heard.contains("=R1:1|") {
                break heard;
            }
        };
        // Where a withdrawal fitted, and the copy of its record in the journal did not, nothing is
        // answered until the evidence has it.
        match field(&became, "35").as_str() {
            "8" => assert_eq!((&*field(&became, "150"), &*field(&became, "14")), ("I", "0")),
            "j" => assert_eq!(field(&became, "380"), "4", "{became}"),
            _ => panic!("{became}"),
        }
        fs::remove_file(&filler).unwrap();
        quoted(&mut raw, "R2").await;
        raw.says(&accept("R1:2", &field(&quote, "117"), &field(&quote, "133"))).await;
        raw.hears(&["35=8|", "11=R1:2|", "150=F|"]).await;
        (fitted, ended)
    });
    // What was half written is not there, and what came after is whole.
    let kept = kinds(&lines(&export(&w, &Wanted::default())));
    let raws: Vec<&str> =
        kept.iter().filter(|(id, _)| id == "RAW").map(|(_, k)| k.as_str()).collect();
    let before = vec!["R"; 1 + withdrawn.len() + fitted];
    assert_eq!(raws, [before, vec!["U3"; ended], vec!["R", "AJ"]].concat());
}

/// Until not one byte more fits.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = fs::File::create(path).unwrap();
    for size in [4_096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
