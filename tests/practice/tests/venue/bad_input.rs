//! Peers that send what they should not, with certificates that are good: each is refused with the
//! message FIX wants, and nobody else notices.

use crate::support::{
    BUND, Screen, World,
    raw::{DealerPlace, PATIENCE, Raw, in_ms, now},
};
use signet_desk_core::view::{AcceptState, Ask, LineState, LinkState, Side};
use signet_fix::tagvalue::{format_utc, seal};
use signet_practice::TRADER;
use std::net::SocketAddr;
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

/// A venue with these desks beside the honest trader, who is connected and whose dealer quotes.
fn venue(desks: &[&str]) -> (World, Screen) {
    let w = World::start_with(|p| p.desks.extend(desks.iter().map(|d| (*d).into())));
    w.quotes("NORTHBANK", "99.135", 30_000);
    let s = w.connect();
    (w, s)
}

fn at(w: &World) -> SocketAddr {
    w.practice.address().unwrap()
}

/// The honest trader asks, is quoted and trades.
fn honest_trade(w: &World, s: &mut Screen) {
    let id = w.ask(Ask::Buy, &["NORTHBANK"], 60);
    w.until(s, "a quote for the honest trader", |s| {
        s.lines.iter().any(|l| l.rfq_id == id && l.state == LineState::Quoted)
    });
    let armed = w.arm(s, &id, "NORTHBANK", Side::Buy).unwrap();
    w.desk.accept(&id, &armed.id).unwrap();
    w.until(s, "the honest trader is filled", |s| s.accept_state(&id) == Some(AcceptState::Filled));
}

fn rfq(id: &str) -> String {
    rfq_with(id, BUND, "5000000", "NORTHBANK", 60_000)
}

fn rfq_with(id: &str, instrument: &str, quantity: &str, dealer: &str, ttl_ms: i64) -> String {
    let (sent, expires) = (now(), format_utc(in_ms(ttl_ms)));
    format!(
        "35=R|131={id}|146=1|55={instrument}|48={instrument}|22=4|303=1|537=1|54=1|38={quantity}|64=20991231|15=EUR|126={expires}|60={sent}|423=1|453=1|448={dealer}|447=D|452=35|"
    )
}

fn accept(id: &str, quote: &str, quantity: &str, price: &str) -> String {
    let (sent, deadline) = (now(), format_utc(in_ms(2_000)));
    format!(
        "35=AJ|693={id}|117={quote}|694=1|11={id}|453=1|448=NORTHBANK|447=D|452=35|55={BUND}|48={BUND}|22=4|54=1|38={quantity}|62={deadline}|60={sent}|44={price}|"
    )
}

fn field(frame: &str, tag: &str) -> String {
    let from = frame.find(&format!("|{tag}=")).unwrap_or_else(|| panic!("no {tag} in {frame}"))
        + tag.len()
        + 2;
    frame[from..].split('|').next().unwrap().into()
}

/// Asks and waits for the dealer's quote: its id and offer.
async fn quoted(raw: &mut Raw, id: &str) -> (String, String) {
    raw.says(&rfq(id)).await;
    let quote = raw.hears(&["35=S|", &format!("131={id}|")]).await;
    (field(&quote, "117"), field(&quote, "133"))
}

#[test]
fn what_is_not_a_logon_is_shown_the_door() {
    let (w, mut s) = venue(&["RAW"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let long = format!("8=FIX.4.4\u{1}9=9999999\u{1}35=A\u{1}{}", "x".repeat(100_000));
        let no_trailer = "8=FIX.4.4\u{1}9=5\u{1}35=0\u{1}11=161\u{1}xx".to_owned();
        let bytes = [
            "\u{0}\u{1}\u{2}garbage".to_owned(),
            "POST / HTTP/1.1\r\nContent-Length: \
                99\r\n\r\n8=FIX.4.4\u{1}9=5\u{1}35=A\u{1}10=178\u{1}"
                .to_owned(),
            long,
            no_trailer,
            "8=FIX.4.4\u{1}9=-5\u{1}".to_owned(),
        ];
        for b in bytes {
            let mut raw = Raw::desk(at(&w), pki, "RAW").await;
            raw.writes(b.as_bytes()).await;
            assert_eq!(raw.hung_up().await, Vec::<String>::new(), "{b:.40}");
        }
        let mut raw = Raw::desk(at(&w), pki, "RAW").await;
        raw.says("35=0|").await;
        raw.hears(&["35=5|", "58=the first message must be a Logon|"]).await;
        raw.hung_up().await;
        // Half a frame, and gone.
        let mut raw = Raw::desk(at(&w), pki, "RAW").await;
        let logon = raw.frame("35=A|98=0|108=60|");
        raw.writes(&logon[..logon.len() / 2]).await;
        drop(raw);
    });
    honest_trade(&w, &mut s);
    w.runtime.block_on(Raw::logged_on(at(&w), pki, "RAW"));
}

/// RFC 9266: a Logon belongs to one TLS connection.
#[test]
fn a_logon_that_is_not_bound_to_its_connection_or_resets_is_refused() {
    let (w, mut s) = venue(&["RAW1", "RAW2", "RAW3"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let other = Raw::logged_on(at(&w), pki, "RAW1").await.binding;
        for (who, tail) in [
            ("RAW2", format!("20000={other}|")),
            ("RAW2", String::new()),
            ("RAW3", "141=Y|20000=own|".into()),
        ] {
            let mut raw = Raw::desk(at(&w), pki, who).await;
            let logon = format!("35=A|98=0|108=60|{}", tail.replace("own", &raw.binding));
            raw.says(&logon).await;
            let heard = raw.hung_up().await;
            assert!(!heard.iter().any(|f| f.contains("|35=A|")), "{heard:?}");
            assert!(heard.iter().any(|f| f.contains("|35=5|")), "a Logout says so: {heard:?}");
        }
        // Nor does such a Logon take the place of the connection that is already there.
        let mut live = Raw::logged_on(at(&w), pki, "RAW3").await;
        let mut thief = Raw::desk(at(&w), pki, "RAW3").await;
        thief.says(&format!("35=A|98=0|108=60|20000={other}|")).await;
        thief.hung_up().await;
        live.says("35=1|112=still-there|").await;
        live.hears(&["35=0", "112=still-there"]).await;
    });
    honest_trade(&w, &mut s);
}

/// What the session would refuse is refused at the door, in words, and the live session stays.
#[test]
fn a_logon_with_bad_fields_is_answered_and_displaces_nobody() {
    let (w, mut s) = venue(&["RAW"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let mut live = Raw::logged_on(at(&w), pki, "RAW").await;
        for (from, to, words) in [
            ("108=60|", "108=0|", "58=HeartBtInt (108) must be from 1 to 120 seconds|"),
            ("108=60|", "108=-5|", "58=HeartBtInt (108) must be from 1 to 120 seconds|"),
            ("108=60|", "108=999999999|", "58=HeartBtInt (108) must be from 1 to 120 seconds|"),
            ("108=60|", "108=soon|", "58=HeartBtInt (108) must be from 1 to 120 seconds|"),
            ("98=0|", "", "58=tag 98 is missing from the Logon|"),
            ("98=0|", "98=0|9999=x|", "58=tag 9999 does not belong in the Logon|"),
            ("98=0|", "98=0|141=Y|", "58=sequence numbers are not reset at logon|"),
        ] {
            let mut raw = Raw::desk(at(&w), pki, "RAW").await;
            let logon = format!("35=A|98=0|108=60|20000={}|", raw.binding).replacen(from, to, 1);
            raw.says(&logon).await;
            raw.hears(&["35=5|", words]).await;
            raw.hung_up().await;
        }
        live.says("35=1|112=still-there|").await;
        live.hears(&["35=0|", "112=still-there|"]).await;
        // Inside the session a Logon is refused too, and nothing starts again.
        let logon = live.frame_at(1, &format!("35=A|98=0|108=60|141=Y|20000={}|", live.binding));
        live.writes(&logon).await;
        live.hears(&["35=3|", "372=A|"]).await;
        quoted(&mut live, "R1").await;
    });
    honest_trade(&w, &mut s);
}

/// A peer that is logged on and floods: the gateway lives, and so does the honest trader's session.
#[test]
fn floods_ahead_of_their_turn_and_of_resend_requests_bring_nobody_down() {
    let (w, mut s) = venue(&["DEEP", "AGAIN"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let mut raw = Raw::logged_on(at(&w), pki, "DEEP").await;
        let next = raw.seq;
        let flood: Vec<u8> =
            (next + 1..next + 20_000).flat_map(|n| raw.frame_at(n, "35=0|")).collect();
        raw.writes(&flood).await;
        raw.says("35=0|").await;
        raw.hears(&["35=2|"]).await;
        let mut raw = Raw::logged_on(at(&w), pki, "AGAIN").await;
        let flood: Vec<u8> = (0..3_000).flat_map(|_| raw.frame("35=2|7=1|16=0|")).collect();
        raw.writes(&flood).await;
        let heard = raw.hung_up().await;
        assert!(heard.iter().any(|f| f.contains("|35=5|")), "told why: {} frames", heard.len());
    });
    honest_trade(&w, &mut s);
}

/// B5 of the engine study: strangers who say nothing must not hold up those who trade.
#[test]
fn three_hundred_silent_strangers_hold_up_nobody_and_are_let_go() {
    let (w, mut s) = venue(&["RAW"]);
    let address = at(&w);
    let mut silent = w.runtime.block_on(async {
        let mut all = vec![];
        for _ in 0..300 {
            all.push(TcpStream::connect(address).await.unwrap());
        }
        all
    });
    honest_trade(&w, &mut s);
    w.runtime.block_on(async {
        for stream in &mut silent {
            let mut sink = [0; 64];
            let end = timeout(PATIENCE, stream.read(&mut sink)).await.expect("the gateway lets go");
            assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        }
        // Silent after TLS is no better.
        let mut raw = Raw::desk(address, w.practice.pki(), "RAW").await;
        assert!(raw.hung_up().await.is_empty());
        Raw::logged_on(address, w.practice.pki(), "RAW").await;
    });
    honest_trade(&w, &mut s);
}

/// G8: places are by source. Everything else on loopback is another network.
#[cfg(target_os = "linux")]
#[test]
fn a_thousand_silent_connections_of_one_source_keep_nobody_out() {
    let (w, mut s) = venue(&["RAW"]);
    let address = at(&w);
    w.runtime.block_on(async {
        let mut held = vec![];
        for n in 0..1_000u32 {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            let from = std::net::Ipv4Addr::new(127, 66, 0, 1 + u8::try_from(n % 4).unwrap());
            socket.bind((from, 0).into()).unwrap();
            held.extend(socket.connect(address).await);
            if n % 100 == 0 {
                Raw::logged_on(address, w.practice.pki(), "RAW").await;
            }
        }
    });
    honest_trade(&w, &mut s);
}

/// G5, A5: what one desk sends too much of is refused in words, and then it is disconnected; nobody
/// else notices.
#[test]
fn a_desk_that_sends_too_much_is_told_and_then_disconnected() {
    let (w, mut s) = venue(&["LOUD"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        let mut raw = Raw::logged_on(at(&w), pki, "LOUD").await;
        let flood: Vec<u8> = (0..120).flat_map(|_| raw.frame("35=x|320=L|559=4|")).collect();
        raw.writes(&flood).await;
        raw.hears(&["35=j|", "372=x|", "380=4|"]).await;
        let flood: Vec<u8> = (0..600).flat_map(|_| raw.frame("35=x|320=L|559=4|")).collect();
        raw.writes(&flood).await;
        let heard = raw.hung_up().await;
        assert!(
            heard.iter().any(|f| f.contains("|35=5|") && f.contains("too many list requests")),
            "{} frames",
            heard.len()
        );
        // And it waits before it is let in again.
        let mut raw = Raw::desk(at(&w), pki, "LOUD").await;
        let logon = format!("35=A|98=0|108=60|20000={}|", raw.binding);
        raw.says(&logon).await;
        raw.hears(&["35=5|", "58=this desk was disconnected because it sent too many messages"])
            .await;
    });
    honest_trade(&w, &mut s);
}

/// The same of a dealer: everything it says is acted on, until it is disconnected for a minute.
#[test]
fn a_dealer_that_sends_too_much_is_disconnected_and_the_others_stay() {
    let place = DealerPlace::new("LOUD");
    let address = place.address();
    let w = World::start_with(|p| p.other_dealers.push(address));
    w.quotes("NORTHBANK", "99.135", 30_000);
    let mut dealer = w.runtime.block_on(async { place.opened(w.practice.pki()) });
    let heard = w.runtime.block_on(async {
        let mut raw = dealer.answers().await;
        let flood: Vec<u8> = (0..2_000)
            .flat_map(|_| raw.frame("35=j|45=1|372=R|379=NOBODY.R1|380=0|58=no|"))
            .collect();
        raw.writes(&flood).await;
        raw.hung_up().await
    });
    assert!(
        heard.iter().any(|f| f.contains("|35=5|") && f.contains("budget.dealer_out")),
        "{heard:?}"
    );
    w.runtime.block_on(w.desk.connect(TRADER.into(), signet_practice::VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
    w.eventually("instruments and the honest dealer", || {
        let r = w.desk.reference();
        r.instruments > 0 && r.dealers.iter().any(|d| d.id == "NORTHBANK" && d.online)
    });
    assert!(w.desk.reference().dealers.iter().any(|d| d.id == "LOUD" && !d.online));
    honest_trade(&w, &mut s);
}

#[test]
fn the_session_layer_answers_as_fix_wants() {
    let (w, mut s) = venue(&["SUM", "GAP", "LOW", "NAME", "JUNK", "TYPE"]);
    let pki = w.practice.pki();
    w.runtime.block_on(async {
        // Wrong checksum: ignored, and the gap shows with the next message.
        let mut raw = Raw::logged_on(at(&w), pki, "SUM").await;
        let mut frame = raw.frame(&rfq("R1"));
        let n = frame.len();
        frame[n - 2] = if frame[n - 2] == b'0' { b'1' } else { b'0' };
        raw.writes(&frame).await;
        raw.says("35=0|").await;
        raw.hears(&["35=2|", "7=2|"]).await;
        raw.seq = 2;
        raw.says("35=4|43=Y|123=Y|36=4|").await;
        raw.seq = 4;
        quoted(&mut raw, "R2").await;

        // Too high: asked for again. Too low: the session cannot be trusted and ends.
        let mut raw = Raw::logged_on(at(&w), pki, "GAP").await;
        raw.seq = 9;
        raw.says("35=0|").await;
        raw.hears(&["35=2|", "7=2|"]).await;
        let mut raw = Raw::logged_on(at(&w), pki, "LOW").await;
        raw.seq = 1;
        raw.says("35=0|").await;
        raw.hears(&["35=5|"]).await;
        raw.hung_up().await;

        // Another CompID in the middle of a session: Reject, reason 9, and out.
        let mut raw = Raw::logged_on(at(&w), pki, "NAME").await;
        raw.me = TRADER.into();
        raw.says("35=0|").await;
        raw.hears(&["35=3|", "373=9|"]).await;
        raw.hung_up().await;

        // Bytes that are no FIX between messages are passed over, as what is garbled; too many of
        // them end the connection, and the next one goes on where it was.
        let mut raw = Raw::logged_on(at(&w), pki, "JUNK").await;
        raw.writes(b"GET / HTTP/1.1\r\n\r\n").await;
        quoted(&mut raw, "R0").await;
        raw.writes(&b"GET / HTTP/1.1\r\n\r\n".repeat(20_000)).await;
        raw.hung_up().await;
        let mut again = Raw::desk(at(&w), pki, "JUNK").await;
        again.seq = raw.seq;
        again.log_on().await;
        quoted(&mut again, "R1").await;

        // A message over 64 KiB is refused by its number, and the session goes on.
        let long = again.frame(&format!("35=U9|58={}|", "x".repeat(100_000)));
        again.writes(&long).await;
        again.hears(&["35=3|", "373=99|"]).await;
        quoted(&mut again, "R2").await;

        // Unknown type, unknown tag, missing tag, not a number.
        let mut raw = Raw::logged_on(at(&w), pki, "TYPE").await;
        for (body, parts) in [
            ("35=ZZ|".to_owned(), ["35=3|", "373=11|"]),
            (rfq("R1") + "9999=1|", ["35=3|", "371=9999|"]),
            (rfq("R1").replace("|131=R1", ""), ["35=3|", "371=131|"]),
            (rfq("R1").replace("38=5000000", "38=lots"), ["35=3|", "371=38|"]),
        ] {
            raw.says(&body).await;
            raw.hears(&parts).await;
        }
        quoted(&mut raw, "R1").await;
    });
    honest_trade(&w, &mut s);
}

#[test]
fn a_request_that_makes_no_sense_is_refused_and_the_session_goes_on() {
    let (w, mut s) = venue(&["RAW"]);
    w.runtime.block_on(async {
        let mut raw = Raw::logged_on(at(&w), w.practice.pki(), "RAW").await;
        for (body, parts) in [
            (rfq_with("R1", "XX0000000000", "5000000", "NORTHBANK", 60_000), ["35=AG|", "658=1|"]),
            (rfq_with("R2", BUND, "5000000", "NOBANK", 60_000), ["35=AG|", "658=6|"]),
            (rfq_with("R3", BUND, "99999999999999", "NORTHBANK", 60_000), ["35=AG|", "658=3|"]),
            (rfq_with("R4", BUND, "5000000.01", "NORTHBANK", 60_000), ["35=AG|", "658=99|"]),
            (rfq_with("R5", BUND, "5000000", "NORTHBANK", -60_000), ["35=AG|", "658=4|"]),
            (rfq_with("R6", BUND, "0", "NORTHBANK", 60_000), ["35=3|", "371=38|"]),
            (rfq_with("R7", BUND, "-5000000", "NORTHBANK", 60_000), ["35=3|", "371=38|"]),
            ("35=U3|131=R-NEVER|".into(), ["35=j|", "379=R-NEVER|"]),
        ] {
            let seq = raw.seq;
            raw.says(&body).await;
            let answer = raw.hears(&parts).await;
            if parts[0] == "35=3|" {
                assert_eq!((field(&answer, "45"), field(&answer, "373")), (seq.to_string(), "5".into()), "{answer}");
            } else {
                assert!(!field(&answer, "58").is_empty(), "{answer}");
            }
        }
        quoted(&mut raw, "R8").await;
        raw.says(&rfq("R8")).await;
        raw.hears(&["35=AG|", "131=R8|", "658=99|"]).await;

        // What only dealers and the gateway say.
        let sent = now();
        let quote = format!("35=S|131=R8|117=Q|537=1|55={BUND}|133=1|135=5000000|62={sent}|60={sent}|");
        let fill = format!("35=8|37=O|11=A|17=E|150=F|39=2|55={BUND}|54=1|32=5000000|31=1|151=0|14=5000000|6=1|60={sent}|");
        for (body, parts) in [(quote, ["35=j|", "372=S|"]), (fill, ["35=j|", "372=8|"])] {
            raw.says(&body).await;
            let answer = raw.hears(&parts).await;
            assert_eq!(field(&answer, "380"), "6", "{answer}");
        }
        quoted(&mut raw, "R9").await;
    });
    honest_trade(&w, &mut s);
}

#[test]
fn an_accept_that_no_longer_fits_its_quote_is_declined_and_the_rfq_goes_on() {
    let (w, mut s) = venue(&["RAW"]);
    let mut raw = w.runtime.block_on(Raw::logged_on(at(&w), w.practice.pki(), "RAW"));
    let declined = ["35=8|", "150=8|", "39=8|", "103=99|"];
    let (old, price) = w.runtime.block_on(quoted(&mut raw, "R1"));
    w.quotes("NORTHBANK", "99.140", 30_000);
    w.runtime.block_on(async {
        let new = raw.hears(&["35=S|", "131=R1|", "133=99.14"]).await;
        let id = field(&new, "117");
        assert_ne!(id, old);
        for (n, (quote, quantity, price)) in [
            (&old, "5000000", &price),
            (&id, "5000000", &price),
            (&id, "4000000", &"99.140".into()),
            (&"Q-NEVER".into(), "5000000", &price),
        ]
        .into_iter()
        .enumerate()
        {
            raw.says(&accept(&format!("A{n}"), quote, quantity, price)).await;
            let answer = raw.hears(&declined).await;
            assert_eq!(field(&answer, "11"), format!("A{n}"));
            assert!(!field(&answer, "58").is_empty(), "{answer}");
        }
        // In the right terms, and after its deadline or without one.
        let good = |name: &str| accept(name, &id, "5000000", "99.140");
        let past = format!("|62={}|", format_utc(in_ms(-1)));
        for (name, late, words) in [
            ("A-PAST", past.as_str(), "ms after its deadline; nothing was traded"),
            ("A-NONE", "|", "without a deadline"),
        ] {
            let m = good(name);
            let own = format!("|62={}|", field(&m, "62"));
            raw.says(&m.replace(&own, late)).await;
            let answer = raw.hears(&declined).await;
            assert_eq!(field(&answer, "11"), name);
            assert!(field(&answer, "58").contains(words), "{answer}");
        }
        // The RFQ is as alive as before.
        raw.says(&accept("A-GOOD", &id, "5000000", "99.140")).await;
        raw.hears(&["35=8|", "11=A-GOOD|", "150=F|", "39=2|"]).await;
    });
    w.quotes("NORTHBANK", "99.150", 300);
    w.runtime.block_on(async {
        raw.says(&rfq("R2")).await;
        let quote = raw.hears(&["35=S|", "131=R2|"]).await;
        let valid_until = field(&quote, "62");
        while now() <= valid_until {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        raw.says(&accept("A-LATE", &field(&quote, "117"), "5000000", "99.150")).await;
        let answer = raw.hears(&declined).await;
        assert_eq!(field(&answer, "11"), "A-LATE");
    });
    w.quotes("NORTHBANK", "99.135", 30_000);
    honest_trade(&w, &mut s);
}

/// A dealer with a good certificate that has gone mad.
#[test]
fn a_mad_dealer_touches_no_rfq_but_its_own_and_is_dialled_again() {
    let place = DealerPlace::new("MALLORY");
    let w = World::start_with(|p| p.other_dealers = vec![place.address()]);
    let _inside = w.runtime.enter();
    let mut mallory = place.opened(w.practice.pki());
    w.quotes("NORTHBANK", "99.135", 30_000);
    let mut raw = w.runtime.block_on(mallory.answers());
    w.runtime.block_on(w.desk.connect(TRADER.into(), signet_practice::VENUE_NAME.into())).unwrap();
    let mut s = Screen::default();
    w.until(&mut s, "all dealers online and the instruments there", |_| {
        let r = w.desk.reference();
        r.dealers.len() == 5 && r.dealers.iter().all(|d| d.online) && r.instruments > 0
    });

    // A quote in somebody else's RFQ, one for an RFQ that is none, a fill of nothing, and nonsense.
    let theirs = w.ask(Ask::Buy, &["NORTHBANK"], 60);
    w.until(&mut s, "a quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == theirs && l.state == LineState::Quoted)
    });
    let quote = |rfq: &str, size: &str| {
        let (sent, until) = (now(), format_utc(in_ms(30_000)));
        format!(
            "35=S|131={rfq}|117=Q-{size}|537=1|55={BUND}|133=1.000|135={size}|62={until}|60={sent}|"
        )
    };
    let sent = now();
    let fill = format!(
        "35=8|37=O|11={TRADER}.A1|17=E|150=F|39=2|55={BUND}|54=1|32=5000000|31=1|151=0|14=5000000|6=1|60={sent}|"
    );
    w.runtime.block_on(async {
        for body in
            [quote(&format!("{TRADER}.{theirs}"), "5000000"), quote("NOBODY.R1", "5000000"), fill]
        {
            raw.says(&body).await;
        }
        raw.says(&quote(&format!("{TRADER}.{theirs}"), "-5")).await;
        raw.hears(&["35=3|", "371=135|", "373=5|"]).await;
        raw.says(&format!("35=H|11={TRADER}.A1|55={BUND}|54=1|")).await;
        raw.hears(&["35=j|", "372=H|", "380=6|"]).await;
    });
    // Its own RFQ still works, and in order: what came before has been dealt with.
    let own = w.ask(Ask::Buy, &["MALLORY"], 60);
    w.runtime.block_on(async {
        let asked = raw.hears(&["35=R|"]).await;
        raw.says(&quote(&field(&asked, "131"), "5000000")).await;
    });
    w.until(&mut s, "its own quote", |s| {
        s.lines.iter().any(|l| l.rfq_id == own && l.state == LineState::Quoted)
    });
    assert!(!s.lines.iter().any(|l| l.rfq_id == theirs && l.dealer == "MALLORY"), "{:?}", s.lines);
    let best: Vec<&str> = s
        .lines
        .iter()
        .filter(|l| l.rfq_id == theirs && l.best_offer)
        .map(|l| l.dealer_name.as_str())
        .collect();
    assert_eq!(best, ["Northbank"]);

    // Garbage and a frame without end cost it the connection, and the gateway dials again.
    for bytes in [b"\x00\x01\x02 what".to_vec(), b"8=FIX.4.4\x019=9999999\x0135=S\x01".to_vec()] {
        mallory.seq = raw.seq;
        raw = w.runtime.block_on(async {
            raw.writes(&bytes).await;
            raw.hung_up().await;
            mallory.answers().await
        });
    }
    honest_trade(&w, &mut s);
}

/// xorshift64*: the same run every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % n
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let i = self.below(bytes.len());
            match self.below(6) {
                0 => bytes[i] = self.below(256) as u8,
                1 => bytes[i] = b"0123456789=\x01|.-"[self.below(15)],
                2 => drop(bytes.remove(i)),
                3 => bytes.insert(i, b"\x01=9-\xff0"[self.below(6)]),
                4 => bytes.truncate(i.max(12)),
                _ => {
                    let piece = bytes[i..bytes.len().min(i + 24)].to_vec();
                    let j = self.below(bytes.len());
                    bytes.splice(j..j, piece);
                }
            }
        }
    }
}

const FUZZ_ROUNDS: usize = 600;

#[test]
fn a_fuzzed_session_harms_nobody() {
    let names: Vec<String> = (0..=FUZZ_ROUNDS).map(|n| format!("FUZZ{n}")).collect();
    let (w, mut s) = venue(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let pki = w.practice.pki();
    // SIGNET_FUZZ_SEED takes another way through.
    let seed = std::env::var("SIGNET_FUZZ_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(1u64);
    println!("SIGNET_FUZZ_SEED={seed}");
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut names = names.iter();
    w.runtime.block_on(async {
        let mut raw = Raw::logged_on(at(&w), pki, names.next().unwrap()).await;
        for round in 0..FUZZ_ROUNDS {
            let body = match dice.below(5) {
                0 => accept("A1", "Q1", "5000000", "99.135"),
                1 => "35=U3|131=R1|".into(),
                2 => "35=x|320=L1|559=4|".into(),
                3 => format!("35=H|11=A1|55={BUND}|54=1|"),
                _ => rfq(&format!("R{round}")),
            };
            let frame = raw.frame(&body);
            if dice.below(3) == 0 {
                // The whole frame broken, on a connection that ends with it.
                let mut broken = frame;
                dice.mutate(&mut broken);
                raw.writes(&broken).await;
            } else {
                // A good frame round a broken body; then a sign of life, however that one was
                // taken.
                let start = frame.iter().position(|&b| b == 1).unwrap() + 1;
                let start = start + frame[start..].iter().position(|&b| b == 1).unwrap() + 1;
                let mut inside = frame[start..frame.len() - 7].to_vec();
                dice.mutate(&mut inside);
                raw.writes(&seal("FIX.4.4", &inside)).await;
                let next = raw.seq;
                let reset = raw.frame_at(next, &format!("35=4|123=N|36={next}|"));
                raw.writes(&reset).await;
                raw.says(&format!("35=1|112=F{round}|")).await;
                let alive = async {
                    while let Some(f) = raw.next().await {
                        if f.contains(&format!("|112=F{round}|")) {
                            return true;
                        }
                    }
                    false
                };
                if timeout(PATIENCE, alive).await.unwrap_or_else(|_| {
                    panic!("round {round}: no answer to {}", inside.escape_ascii())
                }) {
                    continue;
                }
            }
            drop(raw);
            raw = Raw::logged_on(at(&w), pki, names.next().unwrap()).await;
        }
    });
    honest_trade(&w, &mut s);
}
