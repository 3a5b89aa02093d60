//! A peer that has logged on and then sends what it should not: nothing of it brings this end down,
//! fills its memory, keeps it busy without a bound, or leaves a session that cannot log on.

use signet_fix::{
    AppMessage,
    framer::{Framed, Framer},
    message::{BusinessReject, SecurityListRequest},
    session::{
        Binding, Event, LogonReset, NumberMode, Outbox, ReceiveError, Role, Session, SessionConfig,
        SessionOptions,
    },
    store::{MemoryStore, SessionStore},
    tagvalue::{MAX_FIELDS, seal},
};
use signet_identity::CompId;
use signet_rfq::{RfqId, UtcMillis};
use std::rc::Rc;

const NOW: UtcMillis = UtcMillis(1_795_227_720_125);

/// Our end of a session; the peer's is made by hand.
struct Ours {
    session: Session,
    outbox: Rc<Outbox>,
    name: String,
    events: Vec<Event>,
}

impl Ours {
    fn open(
        name: &str,
        role: Role,
        options: SessionOptions,
        binding: Binding,
        store: MemoryStore,
    ) -> Self {
        let id = |s: String| CompId::new(s).unwrap();
        let (sender, target) = (id(format!("HOST-{name}")), id(format!("PEER-{name}")));
        let config = SessionConfig { role, sender, target, heartbeat_s: 10, strict: true };
        let session = Session::open_with(&config, options, Box::new(store)).unwrap();
        let outbox = session.attach(binding).unwrap();
        session.tick();
        Self { session, outbox, name: name.into(), events: vec![] }
    }

    /// An acceptor to whom the peer has logged on with number 1.
    fn logged_on(name: &str) -> Self {
        let mut o = Self::open(
            name,
            Role::Acceptor,
            SessionOptions::default(),
            Binding::None,
            MemoryStore::new(NOW),
        );
        o.hears("35=A|34=1|<>98=0|108=60|");
        assert!(o.session.is_logged_on());
        o.says();
        o
    }

    fn frame(&self, body: &str) -> Vec<u8> {
        let header = format!("49=PEER-{n}|52=20261121-02:22:00.125|56=HOST-{n}|", n = self.name);
        seal("FIX.4.4", body.replace("<>", &header).replace('|', "\u{1}").as_bytes())
    }

    /// `<>` stands for the rest of the header.
    fn hears(&mut self, body: &str) {
        let frame = self.frame(body);
        self.hears_frame(&frame);
    }

    fn hears_frame(&mut self, frame: &[u8]) {
        let _ = self.session.receive(frame);
        self.fetch();
    }

    fn fetch(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.session.next_event()));
        while self.session.work() {
            self.events.extend(std::iter::from_fn(|| self.session.next_event()));
        }
        self.events.extend(std::iter::from_fn(|| self.session.next_event()));
    }

    /// What we said since, with `|` between fields.
    fn says(&self) -> Vec<String> {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        let mut framer = Framer::new();
        framer.push(&bytes);
        std::iter::from_fn(|| {
            framer.next_frame().unwrap().map(|f| String::from_utf8_lossy(f).replace('\u{1}', "|"))
        })
        .collect()
    }

    fn expects(&self) -> u64 {
        self.session.sequence().unwrap().1
    }

    fn logons(&self) -> usize {
        self.events.iter().filter(|e| matches!(e, Event::LoggedOn)).count()
    }
}

#[track_caller]
fn only(said: &[String], parts: &[&str]) {
    assert!(
        said.len() == 1 && parts.iter().all(|p| said[0].contains(&format!("|{p}"))),
        "{parts:?}: {said:#?}"
    );
}

fn count(said: &[String], kind: &str) -> usize {
    said.iter().filter(|f| f.contains(&format!("|35={kind}|"))).count()
}

/// A thread with the stack that the trading thread has.
fn on_a_small_stack(f: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(f).unwrap().join().unwrap();
}

#[test]
fn two_hundred_thousand_messages_ahead_of_their_turn_are_no_recursion_and_no_memory() {
    on_a_small_stack(|| {
        for (kind, tail) in [
            ("0", ""),
            ("1", "112=x|"),
            ("3", "45=1|"),
            ("4", "36=9|123=Y|"),
            ("2", "7=1|16=0|"),
            ("x", "320=a|559=4|"),
            ("5", ""),
        ] {
            let mut o = Ours::logged_on(&format!("DEEP{kind}"));
            let deep = if kind == "0" { 200_000 } else { 5_000 };
            for n in 3..deep {
                o.hears(&format!("35={kind}|34={n}|<>{tail}"));
            }
            assert!(
                o.events.iter().filter(|e| matches!(e, Event::Message { .. })).count() == 0,
                "{kind}"
            );
            let said = o.says();
            assert!(count(&said, "2") <= 1, "one request for the gap: {said:?}");
            o.hears("35=0|34=2|<>");
        }
    });
}

#[test]
fn what_waited_is_taken_in_order_and_the_rest_is_asked_for_again() {
    let mut o = Ours::logged_on("ORDER");
    for n in 3..=2_000 {
        o.hears(&format!("35=0|34={n}|<>"));
    }
    only(&o.says(), &["35=2|", "7=2|", "16=0|"]);
    o.hears("35=0|34=2|<>");
    // 1,024 were kept.
    assert_eq!(o.expects(), 2 + 1 + 1_024);
    assert!(o.says().is_empty());
    o.hears("35=0|34=2001|<>");
    only(&o.says(), &["35=2|", "7=1027|", "16=0|"]);
    o.hears("35=4|34=1027|43=Y|<>122=20261121-02:22:00.125|123=Y|36=2001|");
    assert_eq!(o.expects(), 2_002);
}

#[test]
fn frames_that_are_large_or_hold_many_fields_ahead_of_their_turn_are_kept_within_bytes() {
    let mut o = Ours::logged_on("LARGE");
    let large = "x".repeat(60_000);
    for n in 3..1_503 {
        o.hears(&format!("35=1|34={n}|<>112={large}|"));
    }
    o.says();
    o.hears("35=0|34=2|<>");
    let kept = o.expects() - 3;
    assert!((10..18).contains(&kept), "{kept}");
    let mut o = Ours::logged_on("FIELDS");
    for n in 3..203 {
        o.hears(&format!("35=x|34={n}|<>{}", "58=x|".repeat(MAX_FIELDS + 1)));
    }
    o.says();
    o.hears("35=0|34=2|<>");
    let kept = o.expects() - 3;
    assert!((20..60).contains(&kept), "{kept}");
}

#[test]
fn what_our_reading_and_the_engines_could_differ_about_never_reaches_the_engine() {
    let many = format!("35=D|34=2|<>{}", "58=x|".repeat(MAX_FIELDS));
    for (i, (body, reason)) in [
        ("35=0|34=2|<>0058=x|", "373=0|"),
        ("35=0|34=2|<>x58=x|", "373=0|"),
        ("35=0|34=2|<>58|", "373=0|"),
        ("35=0|34=2|034=9|<>", "373=0|"),
        ("35=0|34=2|34=9|<>", "373=13|"),
        ("35=0|34=2|<>35=1|", "373=13|"),
        ("35=x|34=2|<>95=999|96=x|320=a|559=4|", "373=5|"),
        (&many, "373=99|"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut o = Ours::logged_on(&format!("DIFFER{i}"));
        o.hears(body);
        only(&o.says(), &["35=3|", "45=2|", reason]);
        assert_eq!(o.expects(), 3, "its number is dealt with: {body:.60}");
        // Ahead of its turn it waits as any other, and is refused when its turn comes.
        let mut o = Ours::logged_on(&format!("DIFFERAHEAD{i}"));
        o.hears(&body.replacen("34=2|", "34=3|", 1));
        only(&o.says(), &["35=2|", "7=2|"]);
        o.hears("35=0|34=2|<>");
        only(&o.says(), &["35=3|", "45=3|", reason]);
        assert_eq!(o.expects(), 4);
        o.hears("35=1|34=4|<>112=on|");
        only(&o.says(), &["35=0|", "112=on|"]);
    }
}

#[test]
fn whoever_goes_on_sending_what_is_rejected_is_disconnected() {
    let mut o = Ours::logged_on("GOESON");
    for n in 2..200 {
        o.hears(&format!("35=0|34={n}|<>0058=x|"));
    }
    let said = o.says();
    assert_eq!((count(&said, "3"), count(&said, "5")), (32, 1), "{said:?}");
    assert!(o.outbox.closed());
}

#[test]
fn a_sequence_reset_to_the_end_of_all_numbers_is_rejected_and_the_session_goes_on() {
    for (i, to) in [u64::MAX, u64::MAX - 1, 1 << 62, 5_000_000].into_iter().enumerate() {
        for gap_fill in ["", "123=N|", "123=Y|"] {
            let mut o = Ours::logged_on(&format!(
                "JUMP{i}{}",
                gap_fill.len() + usize::from(gap_fill.contains('Y'))
            ));
            o.hears(&format!("35=4|34=2|<>{gap_fill}36={to}|"));
            only(&o.says(), &["35=3|", "45=2|", "371=36|", "373=5|"]);
            assert_eq!(o.expects(), 2);
            o.hears("35=1|34=2|<>112=on|");
            only(&o.says(), &["35=0|", "112=on|"]);
        }
    }
}

fn report(n: u64) -> AppMessage {
    AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: Some(n),
        ref_msg_type: "R".into(),
        ref_id: None,
        reason: 0,
        text: None,
    })
}

fn list(n: u64) -> AppMessage {
    AppMessage::SecurityListRequest(SecurityListRequest {
        id: RfqId::new(format!("L{n}")).unwrap(),
        digest: None,
    })
}

#[test]
fn a_flood_of_resend_requests_costs_a_bounded_amount_and_ends_the_connection() {
    // Ten thousand messages of earlier connections that are never resent, and some that are.
    let mut store = MemoryStore::new(NOW);
    for n in 1..=10_000u64 {
        let kind = if n % 1_000 == 0 { "8" } else { "S" };
        let body = format!(
            "35={kind}\u{1}34={n}\u{1}49=H\u{1}52=20261121-02:22:00.125\u{1}56=P\u{1}58=x\u{1}"
        );
        store.keep(n, &seal("FIX.4.4", body.as_bytes())).unwrap();
    }
    store.set_next_sender(10_001).unwrap();
    let mut o =
        Ours::open("RESENDS", Role::Acceptor, SessionOptions::default(), Binding::None, store);
    o.hears("35=A|34=1|<>98=0|108=60|");
    o.says();
    o.hears("35=2|34=2|<>7=1|16=0|");
    let said = o.says();
    assert_eq!((count(&said, "8"), count(&said, "4"), count(&said, "S")), (10, 11, 0), "{said:#?}");
    assert!(
        said.iter()
            .filter(|f| f.contains("|35=8|"))
            .all(|f| f.contains("|43=Y|") && f.contains("|122=20261121-02:22:00.125|"))
    );
    for n in 3..3_003 {
        o.hears(&format!("35=2|34={n}|<>7=1|16=0|"));
    }
    let said = o.says();
    assert!(said.len() < 25 * 21 + 40, "{} messages", said.len());
    assert_eq!(count(&said, "5"), 1, "told, and disconnected");
    assert!(o.outbox.closed());
}

/// What a resend costs is paid in full: one that costs more than is left is not free.
#[test]
fn resends_of_all_that_is_kept_are_few() {
    let mut store = MemoryStore::new(NOW);
    for n in 1..=10_000u64 {
        let body =
            format!("35=8\u{1}34={n}\u{1}49=H\u{1}52=20261121-02:22:00.125\u{1}56=P\u{1}58=x\u{1}");
        store.keep(n, &seal("FIX.4.4", body.as_bytes())).unwrap();
    }
    store.set_next_sender(10_001).unwrap();
    let mut o =
        Ours::open("CHARGED", Role::Acceptor, SessionOptions::default(), Binding::None, store);
    o.hears("35=A|34=1|<>98=0|108=60|");
    o.says();
    let mut resent = 0;
    for n in 2..8 {
        o.hears(&format!("35=2|34={n}|<>7=1|16=0|"));
        loop {
            let said = o.says();
            if said.is_empty() {
                break;
            }
            resent += count(&said, "8");
            o.fetch();
        }
    }
    assert!((9_000..40_000).contains(&resent), "{resent}");
    assert!(!o.outbox.closed());
}

#[test]
fn what_was_sent_on_this_connection_is_resent_whole_and_in_slices() {
    let mut o = Ours::logged_on("PRESENT");
    for n in 0..500 {
        o.session.send(&list(n)).unwrap();
        o.session.send(&report(n)).unwrap();
    }
    o.says();
    let _ = o.session.receive(&o.frame("35=2|34=2|<>7=2|16=0|"));
    assert!(o.says().len() <= 64, "one slice");
    assert!(o.session.work());
    o.fetch();
    let first = 64;
    let rest = o.says();
    assert_eq!(rest.len() + first * 2, 1_000 + first, "{}", rest.len());
}

#[test]
fn a_resend_waits_for_a_peer_that_does_not_read() {
    let mut o = Ours::logged_on("NOTREADING");
    let text = "x".repeat(200);
    for n in 0..5_000 {
        let m = BusinessReject {
            ref_seq_num: Some(n),
            ref_msg_type: "R".into(),
            ref_id: None,
            reason: 0,
            text: Some(text.clone()),
        };
        o.session.send(&AppMessage::BusinessReject(m)).unwrap();
    }
    o.says();
    o.hears("35=2|34=2|<>7=2|16=0|");
    assert!(o.outbox.len() < 300 * 1024 && !o.outbox.closed(), "{}", o.outbox.len());
    let mut all = 0;
    loop {
        let said = o.says().len();
        if said == 0 {
            break;
        }
        all += said;
        o.fetch();
    }
    assert_eq!(all, 5_000);
}

#[test]
fn a_resend_request_ahead_of_its_turn_is_answered_before_the_gap_is_asked_for() {
    let mut o = Ours::logged_on("BOTH");
    o.session.send(&report(1)).unwrap();
    o.says();
    o.hears("35=2|34=5|<>7=2|16=0|");
    let said = o.says();
    assert!(
        said.len() == 2 && said[0].contains("|35=j|34=2|43=Y|") && said[1].contains("|35=2|34=3|"),
        "{said:#?}"
    );
    assert_eq!(o.expects(), 2);
    // The peer fills the gap; its request is not answered a second time.
    o.hears("35=4|34=2|43=Y|<>122=20261121-02:22:00.125|123=Y|36=6|");
    assert!(o.says().is_empty());
    assert_eq!(o.expects(), 6);
}

#[test]
fn a_logout_ahead_of_its_turn_ends_the_connection_and_leaves_the_gap_to_be_asked_for() {
    let mut o = Ours::logged_on("LOGOUT");
    o.hears("35=5|34=7|<>");
    only(&o.says(), &["35=5|"]);
    assert!(o.outbox.closed());
    let expected = o.expects();
    assert_eq!(expected, 2);
}

#[test]
fn a_logon_inside_a_session_is_never_a_second_one() {
    for (name, binding, tail) in [
        ("BOUND", Binding::Required("B".into()), "141=Y|20000=B|"),
        ("BOUNDAGAIN", Binding::Required("B".into()), "20000=B|"),
        ("FREE", Binding::None, ""),
    ] {
        let mut o = Ours::open(
            name,
            Role::Acceptor,
            SessionOptions::default(),
            binding,
            MemoryStore::new(NOW),
        );
        let first = tail.replace("141=Y|", "");
        o.hears(&format!("35=A|34=1|<>98=0|108=60|{first}"));
        o.hears("35=0|34=2|<>");
        let before = o.session.sequence();
        o.says();
        for n in 0..20 {
            let number = if tail.contains("141") { 1 } else { 3 + n };
            o.hears(&format!("35=A|34={number}|<>98=0|108=60|{tail}"));
            if n == 0 && tail.contains("141") {
                assert_eq!(
                    o.session.sequence().map(|s| s.1),
                    before.map(|s| s.1),
                    "the store is not touched"
                );
            }
        }
        let said = o.says();
        assert_eq!(
            (count(&said, "A"), count(&said, "3"), count(&said, "5")),
            (0, 4, 1),
            "{said:#?}"
        );
        assert_eq!(o.logons(), 1);
        assert!(o.outbox.closed());
    }
}

#[test]
fn a_dealer_may_reset_its_numbers_inside_a_session_and_nobody_hears_a_second_logon() {
    let mut o = Ours::logged_on("INRESET");
    o.hears("35=0|34=2|<>");
    o.hears("35=A|34=1|<>98=0|108=60|141=Y|");
    only(&o.says(), &["35=A|", "34=1|", "141=Y|"]);
    assert_eq!((o.session.sequence(), o.logons()), (Some((2, 2)), 1));
    o.hears("35=1|34=2|<>112=on|");
    only(&o.says(), &["35=0|34=2|", "112=on|"]);
    for _ in 0..20 {
        o.hears("35=A|34=1|<>98=0|108=60|141=Y|");
    }
    assert!(o.outbox.closed());
    assert_eq!(o.logons(), 1);
}

/// quickfix#417: each end answers the other's reset with a reset.
#[test]
fn a_reset_that_answers_our_answer_is_not_answered_again() {
    for logon_reset in [LogonReset::Never, LogonReset::Always] {
        let options = SessionOptions { logon_reset, ..SessionOptions::default() };
        let mut o = Ours::open(
            &format!("ECHO{logon_reset:?}"),
            Role::Initiator,
            options,
            Binding::None,
            MemoryStore::new(NOW),
        );
        let mut ours = o.says();
        only(&ours, &["35=A|"]);
        assert_eq!(ours[0].contains("|141=Y|"), logon_reset == LogonReset::Always);
        let mut logons = 0;
        while count(&ours, "A") > 0 && logons < 50 {
            logons += count(&ours, "A");
            o.hears("35=A|34=1|<>98=0|108=10|141=Y|");
            ours = o.says();
        }
        assert!(logons <= 2, "{logons}");
        assert!(o.session.is_logged_on());
        assert_eq!((o.logons(), o.session.sequence()), (1, Some((2, 2))));
        o.hears("35=1|34=2|<>112=on|");
        only(&o.says(), &["35=0|34=2|", "112=on|"]);
    }
}

#[test]
fn every_logon_that_is_refused_is_answered_in_words_and_changes_nothing() {
    let good = "35=A|34=5|<>98=0|108=10|20000=B|";
    for (i, (from, to, words)) in [
        ("108=10|", "108=0|", "HeartBtInt (108) must be from 1 to 120 seconds"),
        ("108=10|", "108=-5|", "HeartBtInt (108) must be from 1 to 120 seconds"),
        ("108=10|", "108=999999999|", "HeartBtInt (108) must be from 1 to 120 seconds"),
        ("108=10|", "", "tag 108 is missing"),
        ("98=0|", "", "tag 98 is missing"),
        ("34=5|", "34=3|", "MsgSeqNum too low, expecting 5 but received 3"),
        ("34=5|", "34=5000000|", "MsgSeqNum too high"),
        ("34=5|", "", "tag 34 is missing"),
        ("34=5|", "34=18446744073709551615|", "tag 34"),
        ("20000=B|", "20000=C|", "not bound to this TLS connection"),
        ("20000=B|", "20000=B|141=Y|", "sequence numbers are not reset at logon"),
        ("20000=B|", "20000=B|789=99999|", "NextExpectedMsgSeqNum"),
        ("20000=B|", "20000=B|9999=x|", "tag 9999"),
        ("<>", "49=OTHER|52=20261121-02:22:00|56=HOST|", "SenderCompID"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut store = MemoryStore::new(NOW);
        store.set_next_target(5).unwrap();
        store.set_next_sender(9).unwrap();
        let binding = Binding::Required("B".into());
        let mut o = Ours::open(
            &format!("LOGON{i}"),
            Role::Acceptor,
            SessionOptions::default(),
            binding,
            store,
        );
        assert!(good.contains(from));
        o.hears(&good.replacen(from, to, 1));
        let said = o.says();
        only(&said, &["35=5|34=9|"]);
        assert!(said[0].contains(words), "{words}: {said:?}");
        assert!(o.outbox.closed() && o.logons() == 0, "{words}");
        assert_eq!(o.session.sequence(), Some((10, 5)), "{words}: only our Logout counts");
    }
}

#[test]
fn two_ends_that_agree_log_on_whatever_their_stores_say() {
    let numbers = |sender, target| {
        let mut s = MemoryStore::new(NOW);
        s.set_next_sender(sender).unwrap();
        s.set_next_target(target).unwrap();
        s
    };
    let options = || SessionOptions {
        numbers: NumberMode::Agreed,
        ..SessionOptions::between_desk_and_gateway()
    };
    for (i, (d, g)) in [
        ((1, 1), (1, 1)),
        ((1, 1), (6_000, 5_000)),
        ((40, 90), (120, 80)),
        ((5_000, 6_000), (1, 1)),
        ((80, 120), (50, 40)),
        ((3, 900_000_000_000), (7, 2)),
        ((900_000_000_000, 2), (2, 900_000_000_000_000)),
        ((1, 1), (5_000_000, 1)),
        ((1, 1), (500_000, 1)),
        ((1, 1), (999_999, 1)),
    ]
    .into_iter()
    .enumerate()
    {
        let id = |s: &str| CompId::new(format!("{s}-AGREE{i}")).unwrap();
        let config = |role, a: &str, b: &str| SessionConfig {
            role,
            sender: id(a),
            target: id(b),
            heartbeat_s: 10,
            strict: true,
        };
        let open = |c: &SessionConfig, (s, t)| {
            Session::open_with(c, options(), Box::new(numbers(s, t))).unwrap()
        };
        let desk = open(&config(Role::Initiator, "DESK", "GATE"), d);
        let gate = open(&config(Role::Acceptor, "GATE", "DESK"), g);
        for round in 0..3 {
            let bound = || Binding::Required("B".into());
            let (to_gate, to_desk) = (desk.attach(bound()).unwrap(), gate.attach(bound()).unwrap());
            desk.tick();
            let carry = || {
                for _ in 0..10 {
                    for (from, to) in [(&to_gate, &gate), (&to_desk, &desk)] {
                        let mut bytes = vec![];
                        from.take(&mut bytes);
                        let mut framer = Framer::new();
                        framer.push(&bytes);
                        while let Some(f) = framer.next_frame().unwrap() {
                            to.receive(f).unwrap();
                        }
                        while to.work() {}
                    }
                }
            };
            carry();
            assert!(desk.is_logged_on() && gate.is_logged_on(), "{d:?} {g:?} round {round}");
            while desk.next_event().is_some() || gate.next_event().is_some() {}
            desk.send(&list(1)).unwrap();
            gate.send(&report(1)).unwrap();
            carry();
            for s in [&desk, &gate] {
                let heard = std::iter::from_fn(|| s.next_event())
                    .filter(|e| matches!(e, Event::Message { .. }))
                    .count();
                assert_eq!(heard, 1, "{d:?} {g:?} round {round}");
            }
            let (a, b) = (desk.sequence().unwrap(), gate.sequence().unwrap());
            assert_eq!((a.0, a.1), (b.1, b.0), "both ends count alike");
        }
    }
}

#[test]
fn a_message_that_is_too_long_is_rejected_by_its_number_and_the_session_goes_on() {
    let mut o = Ours::logged_on("TOOLONG");
    let long = o.frame(&format!("35=y|34=2|<>58={}|", "x".repeat(100_000)));
    let mut framer = Framer::new();
    framer.push(&o.frame("35=0|34=1|<>"));
    framer.next_frame().unwrap().unwrap();
    framer.push(&long);
    let Some(Framed::TooLong(beginning)) = framer.next_framed().unwrap() else {
        panic!("it is too long")
    };
    o.session.receive_too_long(beginning).unwrap();
    only(&o.says(), &["35=3|", "45=2|", "372=y|", "373=99|"]);
    // The same again, as a resend; and one ahead of its turn.
    let again = String::from_utf8_lossy(beginning)
        .replacen("34=2\u{1}", "34=2\u{1}43=Y\u{1}", 1)
        .into_bytes();
    o.session.receive_too_long(&again).unwrap();
    assert!(o.says().is_empty());
    let ahead =
        String::from_utf8_lossy(beginning).replacen("34=2\u{1}", "34=4\u{1}", 1).into_bytes();
    o.session.receive_too_long(&ahead).unwrap();
    only(&o.says(), &["35=2|", "7=3|"]);
    o.hears("35=0|34=3|<>");
    only(&o.says(), &["35=3|", "45=4|"]);
    o.hears("35=1|34=5|<>112=on|");
    only(&o.says(), &["35=0|", "112=on|"]);
}

#[test]
fn no_event_is_lost_when_nobody_fetches_them() {
    let o = Ours::logged_on("EVENTS");
    let mut refused = 0;
    for n in 2..5_000u64 {
        // What was not taken is given again, as a pump that stops reading does.
        let frame = o.frame(&format!("35=x|34={n}|<>320=L{n}|559=4|"));
        while o.session.receive(&frame) == Err(ReceiveError::EventsWaiting) {
            refused += 1;
            assert!(std::iter::from_fn(|| o.session.next_event()).count() <= 1_100);
        }
        assert_eq!(o.expects(), n + 1);
    }
    assert!(refused >= 3, "{refused}");
}

#[test]
fn the_number_of_a_message_is_read_wherever_it_is_in_the_header() {
    let mut o = Ours::logged_on("LATE34");
    o.hears("35=x|<>50=A|57=B|115=C|128=D|97=N|369=1|34=2|320=L|559=4|");
    assert!(
        o.events.iter().any(|e| matches!(e, Event::Message { meta, .. } if meta.seq == 2)),
        "{:?}",
        o.says()
    );
    o.hears("35=x|<>50=A|57=B|115=C|128=D|97=N|369=1|34=4|320=L|559=4|");
    only(&o.says(), &["35=2|", "7=3|"]);
    o.hears("35=0|34=3|<>");
    assert_eq!(o.expects(), 5);
}

#[test]
fn before_the_logon_nothing_moves_the_numbers() {
    for (i, body) in
        ["35=4|34=1|<>36=99|", "35=2|34=1|<>7=1|16=0|", "35=0|34=1|<>", "35=x|34=1|<>320=a|559=4|"]
            .into_iter()
            .enumerate()
    {
        for role in [Role::Acceptor, Role::Initiator] {
            let mut o = Ours::open(
                &format!("BEFORE{i}{role:?}"),
                role,
                SessionOptions::default(),
                Binding::None,
                MemoryStore::new(NOW),
            );
            o.says();
            o.hears(body);
            assert!(o.says().is_empty() && o.outbox.closed(), "{body}");
            assert_eq!(o.expects(), 1);
        }
    }
}

mod any_peer {
    use super::*;
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    static COUNT: AtomicU32 = AtomicU32::new(0);

    /// One message of a peer: kind, how far from the number expected, PossDup, and what it holds.
    fn message() -> impl Strategy<Value = (&'static str, i64, bool, String)> {
        let kind = prop::sample::select(&["0", "1", "2", "3", "4", "5", "A", "x", "8", "ZZ"][..]);
        let tail = prop::sample::select(
            &[
                "",
                "7=1|16=0|",
                "36=9|",
                "36=9|123=Y|",
                "36=18446744073709551615|",
                "98=0|108=10|",
                "98=0|108=10|141=Y|",
                "112=T|",
                "45=1|",
                "320=a|559=4|",
                "0058=x|",
                "34=7|",
                "35=0|",
                "58=|",
                "95=3|96=a|b|",
                "789=1|98=0|108=10|",
            ][..],
        );
        (kind, -3i64..6, any::<bool>(), tail.prop_map(str::to_owned))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        /// Whatever comes in whatever order: no crash, one logon, and a bounded answer to each
        /// message.
        #[test]
        fn is_answered_within_bounds(messages in prop::collection::vec(message(), 1..60)) {
            let mut o = Ours::logged_on(&format!("ANY{}", COUNT.fetch_add(1, Ordering::Relaxed)));
            for (kind, distance, dup, tail) in messages {
                let Some((_, expected)) = o.session.sequence() else { break };
                let number = i64::try_from(expected).unwrap().saturating_add(distance).max(1);
                let dup = if dup { "43=Y|122=20261121-02:22:00.125|" } else { "" };
                o.hears(&format!("35={kind}|34={number}|{dup}<>{tail}"));
                prop_assert!(o.says().len() <= 64);
                if o.outbox.closed() {
                    break;
                }
                // A number moves on by what was taken, and backwards only by a reset.
                let now = o.expects();
                prop_assert!(now >= expected || now == 2, "{expected} -> {now}");
                prop_assert!(now <= expected + 1_100);
            }
            prop_assert_eq!(o.logons(), 1);
        }
    }
}
