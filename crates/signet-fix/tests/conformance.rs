//! The FIX 4.4 session layer as an acceptor sees it, scenario by scenario: bytes in, messages out.
//!
//! The numbers are those of the session-level test cases (FIX 4.4, volume 2, appendix "FIX
//! Session-level Test Cases and Expected Behaviors"), which QuickFIX's public acceptance
//! definitions follow; the scenarios are our own. What differs from those on purpose is a scenario
//! here as well, and its reason is in `docs/protocol.md`.

use signet_fix::{
    AppMessage,
    framer::{Framed, Framer},
    message::BusinessReject,
    session::{Binding, Event, Outbox, ReceiveError, Role, Session, SessionConfig},
    store::MemoryStore,
    tagvalue::seal,
};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};

struct Acceptor {
    session: Session,
    outbox: Rc<Outbox>,
    framer: Framer,
    name: String,
    said: Vec<String>,
    ended: bool,
    taken: Vec<u64>,
}

impl Acceptor {
    fn new(name: &str) -> Self {
        let id = |s: &str| CompId::new(format!("{s}-{name}")).unwrap();
        let config = SessionConfig {
            role: Role::Acceptor,
            sender: id("ISLD"),
            target: id("TW"),
            heartbeat_s: 10,
            strict: true,
        };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let outbox = session.attach(Binding::None).unwrap();
        Self {
            session,
            outbox,
            framer: Framer::new(),
            name: name.into(),
            said: vec![],
            ended: false,
            taken: vec![],
        }
    }

    fn logged_on(name: &str) -> Self {
        let mut a = Self::new(name);
        a.hears("35=A|34=1|<>98=0|108=30|");
        a.says(&["35=A|34=1|"]);
        a
    }

    fn text(&self, body: &str) -> String {
        let header = format!("49=TW-{n}|52=20261121-02:22:00.125|56=ISLD-{n}|", n = self.name);
        body.replace("<>", &header)
            .replace("<122>", "122=20261121-02:22:00.125|")
            .replace('|', "\u{1}")
    }

    fn frame(&self, body: &str) -> Vec<u8> {
        seal("FIX.4.4", self.text(body).as_bytes())
    }

    fn hears(&mut self, body: &str) {
        let frame = self.frame(body);
        self.bytes(&frame);
    }

    /// As the pump does with what comes from a connection.
    fn bytes(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
        while !self.ended && !self.outbox.closed() {
            let (received, len) = match self.framer.next_framed() {
                Ok(Some(Framed::Frame(f))) => (self.session.receive(f), f.len()),
                Ok(Some(Framed::TooLong(b))) => (self.session.receive_too_long(b), 0),
                Ok(None) => break,
                Err(_) => {
                    self.ended = true;
                    break;
                }
            };
            if received == Err(ReceiveError::Garbled) {
                self.ended = self.framer.was_garbled(len).is_err();
            }
            while let Some(e) = self.session.next_event() {
                if let Event::Message { meta, .. } = e {
                    self.taken.push(meta.seq);
                }
            }
            while self.session.work() {}
        }
        self.fetch();
    }

    fn fetch(&mut self) {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        let mut framer = Framer::new();
        framer.push(&bytes);
        while let Some(f) = framer.next_frame().unwrap() {
            self.said.push(String::from_utf8_lossy(f).replace('\u{1}', "|"));
        }
    }

    /// What was said since is this, in order: each with these fields, written `tag=value|...`.
    #[track_caller]
    fn says(&mut self, want: &[&str]) {
        let said = std::mem::take(&mut self.said);
        let fits = |frame: &String, fields: &str| {
            fields.split_inclusive('|').all(|f| frame.contains(&format!("|{f}")))
        };
        let all = said.len() == want.len() && said.iter().zip(want).all(|(s, w)| fits(s, w));
        assert!(all, "{}: wanted {want:#?}, said {said:#?}", self.name);
    }

    #[track_caller]
    fn expects(&self, number: u64) {
        assert_eq!(self.session.sequence().unwrap().1, number, "{}", self.name);
    }

    #[track_caller]
    fn is_on(&mut self) {
        let n = self.session.sequence().unwrap().1;
        self.hears(&format!("35=1|34={n}|<>112=on-{n}|"));
        self.says(&[&format!("35=0|112=on-{n}|")]);
    }

    #[track_caller]
    fn is_over(&self) {
        assert!(self.ended || self.outbox.closed(), "{}", self.name);
    }

    fn sends(&self, n: u64) {
        let m = BusinessReject {
            ref_seq_num: Some(n),
            ref_msg_type: "R".into(),
            ref_id: None,
            reason: 0,
            text: None,
        };
        self.session.send(&AppMessage::BusinessReject(m)).unwrap();
    }
}

const LIST: &str = "35=x|34=2|<>320=a|559=4|";

#[test]
fn case_1_logon() {
    let mut a = Acceptor::new("1B");
    a.hears("35=A|34=1|<>98=0|108=30|");
    a.says(&["35=A|34=1|98=0|108=30|"]);
    a.is_on();

    // Higher than expected: taken, and what is missing is asked for.
    let mut a = Acceptor::new("1BHIGH");
    a.hears("35=A|34=5|<>98=0|108=30|");
    a.says(&["35=A|34=1|", "35=2|34=2|7=1|16=0|"]);
    a.hears("35=4|34=1|43=Y|<><122>123=Y|36=6|");
    a.expects(6);
    a.is_on();

    // 1c, 1d: other CompIDs, another BeginString, no or a bad HeartBtInt, no EncryptMethod.
    for (i, (from, to)) in [
        ("49=TW", "49=WT"),
        ("56=ISLD", "56=DLSI"),
        ("108=30", "108=-30"),
        ("108=30", "108=0"),
        ("108=30|", ""),
        ("98=0|", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let mut a = Acceptor::new(&format!("1D{i}"));
        let text = a.text("35=A|34=1|<>98=0|108=30|").replacen(&from.replace('|', "\u{1}"), to, 1);
        a.bytes(&seal("FIX.4.4", text.as_bytes()));
        a.says(&["35=5|34=1|"]);
        a.is_over();
    }
    let mut a = Acceptor::new("1DBEGIN");
    let text = a.text("35=A|34=1|<>98=0|108=30|");
    a.bytes(&seal("FIX.4.3", text.as_bytes()));
    a.says(&["35=5|58=BeginString (8) must be FIX.4.4|"]);
    a.is_over();
    // A length that is wrong: garbled, and the peer has not spoken FIX yet.
    let mut a = Acceptor::new("1DLENGTH");
    let frame = String::from_utf8(a.frame("35=A|34=1|<>98=0|108=30|"))
        .unwrap()
        .replacen("\u{1}9=", "\u{1}9=1", 1);
    a.bytes(frame.as_bytes());
    a.bytes(&a.frame("35=0|34=2|<>").repeat(20));
    a.says(&[]);
    a.is_over();
    // 1e: the first message is not a Logon.
    let mut a = Acceptor::new("1E");
    a.hears(LIST);
    a.says(&[]);
    a.is_over();
    assert!(a.taken.is_empty());
}

#[test]
fn case_2_header_and_sequence_numbers() {
    // a: as expected. b: too high.
    let mut a = Acceptor::logged_on("2AB");
    a.hears(LIST);
    a.hears("35=x|34=5|<>320=b|559=4|");
    a.says(&["35=2|7=3|16=0|"]);
    a.hears("35=x|34=6|<>320=c|559=4|");
    a.says(&[]);
    assert_eq!(a.taken, [2]);
    a.hears("35=4|34=3|43=Y|<><122>123=Y|36=5|");
    assert_eq!(a.taken, [2, 5, 6]);
    a.is_on();

    // c: too low.
    let mut a = Acceptor::logged_on("2C");
    a.hears("35=0|34=1|<>");
    a.says(&["35=5|58=MsgSeqNum too low, expecting 2 but received 1|"]);
    a.is_over();

    // d, m, t, and case 3: garbled, ignored, and asked for when the next message shows the gap.
    let changes: [(&str, &str, &str); 7] = [
        ("SUM", "\u{1}10=", "\u{1}10=9"),
        ("LONGER", "\u{1}9=", "\u{1}9=1"),
        ("SHORTER", "\u{1}9=8", "\u{1}9=1"),
        ("NOLENGTH", "\u{1}9=", "\u{1}99="),
        ("ORDER", "35=x\u{1}34=2\u{1}", "34=2\u{1}35=x\u{1}"),
        ("BEGIN", "8=FIX.4.4\u{1}", "8=FXI.4.4\u{1}"),
        ("NOSUM", "\u{1}10=", "\u{1}11="),
    ];
    for (name, from, to) in changes {
        let mut a = Acceptor::logged_on(&format!("2D{name}"));
        let good = String::from_utf8(a.frame(LIST)).unwrap();
        let bad = good.replacen(from, to, 1);
        assert_ne!(good, bad, "{name}");
        a.bytes(bad.as_bytes());
        a.says(&[]);
        // A length that reaches too far swallows what comes next, until it shows.
        for n in 3..=30 {
            a.hears(&format!("35=0|34={n}|<>"));
        }
        a.says(&["35=2|7=2|16=0|"]);
        let again = a.frame(&LIST.replace("34=2|", "34=2|43=Y|").replace("<>", "<><122>"));
        a.bytes(&again);
        assert_eq!(a.taken, [2], "{name}");
        a.hears("35=0|34=31|<>");
        if a.session.sequence().unwrap().1 < 32 {
            let n = a.session.sequence().unwrap().1;
            a.hears(&format!("35=4|34={n}|43=Y|<><122>123=Y|36=32|"));
        }
        a.said.clear();
        a.is_on();
    }

    // e: a PossDup of what was received does nothing; of what was not, it is taken.
    let mut a = Acceptor::logged_on("2E");
    a.hears(LIST);
    a.hears("35=x|34=2|43=Y|<><122>320=a|559=4|");
    a.hears("35=x|34=3|43=Y|<><122>320=b|559=4|");
    a.says(&[]);
    assert_eq!(a.taken, [2, 3]);
    a.is_on();
    // f: OrigSendingTime later than SendingTime. g: no OrigSendingTime.
    let mut a = Acceptor::logged_on("2F");
    a.hears(LIST);
    a.hears("35=x|34=2|43=Y|<>122=20271121-02:22:00.125|320=a|559=4|");
    a.says(&["35=3|45=2|373=10|", "35=5|"]);
    let mut a = Acceptor::logged_on("2G");
    a.hears(LIST);
    a.hears("35=x|34=2|43=Y|<>320=a|559=4|");
    a.says(&["35=3|45=2|371=122|373=1|"]);
    a.is_on();

    // i: another BeginString inside the session.
    let mut a = Acceptor::logged_on("2I");
    let text = a.text("35=0|34=2|<>");
    a.bytes(&seal("FIX.4.2", text.as_bytes()));
    a.says(&["35=5|58=Incorrect BeginString|"]);
    // k: another CompID.
    let mut a = Acceptor::logged_on("2K");
    let text = a.text("35=0|34=2|<>").replace("49=TW", "49=WT");
    a.bytes(&seal("FIX.4.4", text.as_bytes()));
    a.says(&["35=3|45=2|373=9|", "35=5|"]);
    // o: on purpose otherwise; a SendingTime far from our clock is taken (`docs/protocol.md`).
    let mut a = Acceptor::logged_on("2O");
    a.hears("35=0|34=2|<>".replace("<>", "49=TW-2O|52=20010101-00:00:00|56=ISLD-2O|").as_str());
    a.says(&[]);
    a.is_on();
    // q: not a MsgType.
    let mut a = Acceptor::logged_on("2Q");
    a.hears("35=*|34=2|<>");
    a.says(&["35=3|45=2|373=11|"]);
    a.is_on();
    // No MsgSeqNum, or none that can be read: the session cannot go on.
    for (i, body) in
        ["35=0|<>", "35=0|34=two|<>", "35=0|34=0|<>", "35=0|34=-2|<>"].into_iter().enumerate()
    {
        let mut a = Acceptor::logged_on(&format!("2NUMBER{i}"));
        a.hears(body);
        a.says(&["35=5|"]);
        a.is_over();
    }
}

#[test]
fn cases_4_to_7_heartbeats_test_requests_and_rejects() {
    let mut a = Acceptor::logged_on("4B");
    a.hears("35=1|34=2|<>112=HELLO|");
    a.says(&["35=0|34=2|112=HELLO|"]);
    // 7: a Reject is taken and not answered.
    a.hears("35=3|34=3|<>45=2|");
    a.says(&[]);
    a.expects(4);
    a.is_on();
    // 6: a peer that says nothing is asked whether it is there, and then left.
    let mut a = Acceptor::new("6");
    // Seconds enough between what is said of it that a busy machine leaves none of it out.
    a.hears("35=A|34=1|<>98=0|108=3|");
    a.says(&["35=A|"]);
    // 4a: and hears from us meanwhile.
    let began = Instant::now();
    while !a.outbox.closed() {
        assert!(began.elapsed() < Duration::from_secs(60), "it is never left");
        std::thread::sleep(Duration::from_millis(50));
        a.session.tick();
        a.fetch();
    }
    a.says(&["35=0|34=2|", "35=1|34=3|112=TEST|"]);
}

#[test]
fn case_8_resend_requests() {
    // Application messages are sent again, what belongs to the session layer is gap-filled.
    let mut a = Acceptor::logged_on("8");
    a.sends(1);
    a.hears("35=1|34=2|<>112=A|");
    a.sends(2);
    a.sends(3);
    a.fetch();
    a.says(&["35=j|34=2|", "35=0|34=3|", "35=j|34=4|", "35=j|34=5|"]);
    a.hears("35=2|34=3|<>7=1|16=0|");
    a.says(&[
        "35=4|34=1|43=Y|36=2|123=Y|",
        "35=j|34=2|43=Y|",
        "35=4|34=3|43=Y|36=4|123=Y|",
        "35=j|34=4|43=Y|",
        "35=j|34=5|43=Y|",
    ]);
    a.hears("35=2|34=4|<>7=3|16=4|");
    a.says(&["35=4|34=3|43=Y|36=4|123=Y|", "35=j|34=4|43=Y|"]);
    a.hears("35=2|34=5|<>7=9|16=0|");
    a.says(&[]);
    for (n, body, tag, reason) in
        [(6, "16=0|", 7, 1), (7, "7=1|", 16, 1), (8, "7=x|16=0|", 7, 6), (9, "7=1|16=-1|", 16, 6)]
    {
        a.hears(&format!("35=2|34={n}|<>{body}"));
        a.says(&[&format!("35=3|45={n}|371={tag}|372=2|373={reason}|")]);
    }
    a.is_on();
    // 20: both ends ask at once.
    let mut a = Acceptor::logged_on("20");
    a.sends(1);
    a.fetch();
    a.said.clear();
    a.hears("35=2|34=4|<>7=2|16=0|");
    a.says(&["35=j|34=2|43=Y|", "35=2|34=3|7=2|16=0|"]);
    a.hears("35=4|34=2|43=Y|<><122>123=Y|36=5|");
    a.says(&[]);
    a.is_on();
    // With another CompID it is refused like any message, and nothing is sent again.
    let mut a = Acceptor::logged_on("8NAME");
    a.sends(1);
    a.fetch();
    a.said.clear();
    let text = a.text("35=2|34=2|<>7=1|16=0|").replace("49=TW", "49=WT");
    a.bytes(&seal("FIX.4.4", text.as_bytes()));
    a.says(&["35=3|45=2|373=9|", "35=5|"]);
}

#[test]
fn cases_10_and_11_sequence_reset() {
    let mut a = Acceptor::logged_on("10EQUAL");
    a.hears("35=4|34=2|<>123=Y|36=20|");
    a.expects(20);
    a.is_on();
    let mut a = Acceptor::logged_on("10GREATER");
    a.hears("35=4|34=5|<>123=Y|36=20|");
    a.says(&["35=2|7=2|16=0|"]);
    a.hears("35=4|34=2|43=Y|<><122>123=Y|36=5|");
    a.expects(20);
    let mut a = Acceptor::logged_on("10LESSDUP");
    a.hears("35=4|34=1|43=Y|<><122>123=Y|36=20|");
    a.says(&[]);
    a.expects(2);
    let mut a = Acceptor::logged_on("10LESS");
    a.hears("35=4|34=1|<>123=Y|36=20|");
    a.says(&["35=5|58=MsgSeqNum too low, expecting 2 but received 1|"]);
    a.is_over();
    // A gap fill that goes backwards.
    let mut a = Acceptor::logged_on("10BACK");
    a.hears("35=4|34=2|<>123=Y|36=1|");
    a.says(&["35=3|45=2|373=5|"]);
    // 11, reset mode: whatever its own number, greater, equal, less.
    let mut a = Acceptor::logged_on("11");
    a.hears("35=4|34=9|<>36=20|");
    a.expects(20);
    a.hears("35=4|34=1|<>36=20|");
    a.says(&[]);
    a.expects(20);
    a.hears("35=4|34=20|<>36=3|");
    a.says(&["35=3|45=20|373=5|"]);
    a.expects(20);
    a.is_on();
}

#[test]
fn case_13_logout() {
    let mut a = Acceptor::logged_on("13");
    a.hears("35=5|34=2|<>");
    a.says(&["35=5|34=2|"]);
    a.is_over();
    a.expects(3);
}

#[test]
fn case_14_fields() {
    let request = "35=R|34=2|<>131=R1|146=1|55=EUR/USD|54=1|38=5|64=20261124|15=EUR|126=20261121-02:22:00|60=20261121-02:22:00|";
    for (name, body, answer) in [
        ("A", request.replace("131=R1|", "131=R1|999=x|"), "371=999|373=0|"),
        ("B", request.replace("131=R1|", ""), "371=131|373=1|"),
        ("C", request.replace("131=R1|", "131=R1|117=Q|"), "371=117|373=2|"),
        ("D", request.replace("131=R1|", "131=|"), "371=131|373=4|"),
        ("E", request.replace("54=1|", "54=Z|"), "371=54|373=5|"),
        ("F", request.replace("64=20261124|", "64=tomorrow|"), "371=64|"),
        ("G", request.replace("131=R1|", "131=R1|50=LATE|"), "373=14|"),
        ("H", request.replace("131=R1|", "131=R1|131=R1|"), "371=131|373=13|"),
        ("I", request.replace("146=1|", "146=2|"), "371=146|373=16|"),
        ("ZERO", request.replace("34=2|", "34=2|0058=x|"), "373=0|"),
    ] {
        let mut a = Acceptor::logged_on(&format!("14{name}"));
        a.hears(&body);
        a.says(&[&format!("35=3|45=2|{answer}")]);
        assert!(a.taken.is_empty(), "{name}");
        a.is_on();
    }
    // 15: body fields in another order. 19: PossResend is the application's business.
    let mut a = Acceptor::logged_on("15");
    a.hears("35=x|56=ISLD-15|34=2|52=20261121-02:22:00.125|49=TW-15|559=4|320=a|");
    a.hears("35=x|34=3|97=Y|<>320=a|559=4|");
    a.says(&[]);
    assert_eq!(a.taken, [2, 3]);
}

#[test]
fn a_session_is_reset_by_a_logon_inside_it() {
    let mut a = Acceptor::logged_on("RESET");
    a.hears(LIST);
    a.hears("35=A|34=1|<>98=0|108=30|141=Y|");
    a.says(&["35=A|34=1|141=Y|"]);
    a.expects(2);
    a.is_on();
    // Without 141 it is refused, and the session goes on.
    a.hears("35=A|34=3|<>98=0|108=30|");
    a.says(&["35=3|45=3|372=A|"]);
    a.is_on();
}
