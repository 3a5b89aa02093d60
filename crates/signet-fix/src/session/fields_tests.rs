//! Messages cross to the engine as fields, not as text: what it makes of them is what it makes of
//! the same text.

use super::*;
use crate::{
    store::MemoryStore,
    tagvalue::{Field, Fields, cut, is_intact, is_plain_message, seal},
};
use proptest::prelude::*;
use signet_identity::CompId;
use std::sync::atomic::{AtomicU32, Ordering};

/// The gateway's end of a session that is logged on; the desk's end is made by hand.
struct Gate {
    session: Session,
    outbox: Rc<Outbox>,
    desk: String,
    gate: String,
}

impl Gate {
    fn logged_on() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let (desk, gate) = (format!("FIELDS-DESK-{n:05}"), format!("FIELDS-GATE-{n:05}"));
        let (sender, target) =
            (CompId::new(gate.as_str()).unwrap(), CompId::new(desk.as_str()).unwrap());
        let config =
            SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 10, strict: true };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let outbox = session.attach(Binding::None).unwrap();
        let g = Self { session, outbox, desk, gate };
        g.session.receive(&g.desk_says("35=A|34=1|<>98=0|108=10|")).unwrap();
        assert!(g.session.is_logged_on());
        g.sent();
        while g.session.next_event().is_some() {}
        g
    }

    /// `<>` stands for the rest of the header.
    fn desk_says(&self, body: &str) -> Vec<u8> {
        let header = format!("49={}|52=20261121-02:22:00.125|56={}|", self.desk, self.gate);
        seal(BEGIN_STRING, body.replace("<>", &header).replace('|', "\u{1}").as_bytes())
    }

    fn send(&self, msg_type: &str, fields: &[(u32, &[u8])]) -> Result<bool, String> {
        let mut values = vec![];
        let mut places = vec![];
        for (tag, value) in fields {
            places.push(Field { tag: *tag, start: values.len() as u32, len: value.len() as u32 });
            values.extend_from_slice(value);
        }
        self.session
            .with(|w| {
                self.session.shared.sending(|| {
                    // SAFETY: the session is attached.
                    unsafe { ffi::send(w, msg_type, &places, &values) }
                })
            })
            .unwrap()
    }

    /// What was sent since, with `|` between fields, without what differs from run to run.
    fn sent(&self) -> String {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).replace('\u{1}', "|");
        let changing =
            |f: &&str| !["9=", "10=", "49=", "52=", "56=", "122="].iter().any(|t| f.starts_with(t));
        text.split_inclusive('|').filter(changing).collect()
    }

    /// Everything that can be seen of the session after a frame.
    fn outcome(&self, received: Result<(), ReceiveError>) -> String {
        let events: Vec<Event> = std::iter::from_fn(|| self.session.next_event()).collect();
        let (closed, numbers) = (self.outbox.closed(), self.session.sequence());
        format!("{received:?} {} {closed} {numbers:?} {events:?}", self.sent())
    }

    fn receive_text(&self, frame: &[u8]) -> Result<(), ReceiveError> {
        self.session.inbound.text_only.set(true);
        self.session.receive(frame)
    }
}

#[test]
fn groups_nest_repeat_and_take_the_dictionarys_order() {
    let g = Gate::logged_on();
    let fields: [(u32, &[u8]); 16] = [
        (131, b"R1"),
        (146, b"2"),
        (55, b"EUR/USD"),
        (38, b"5"),
        (303, b"1"),
        (453, b"2"),
        (448, b"NORTHBANK"),
        (452, b"35"),
        (447, b"D"),
        (448, b"EASTBANK"),
        (447, b"D"),
        (452, b"35"),
        (55, b"GBP/USD"),
        (303, b"1"),
        (38, b"7"),
        (58, b"text"),
    ];
    assert_eq!(g.send("R", &fields), Ok(true));
    assert_eq!(
        g.sent(),
        "8=FIX.4.4|35=R|34=2|58=text|131=R1|146=2|\
         55=EUR/USD|303=1|38=5|453=2|448=NORTHBANK|447=D|452=35|448=EASTBANK|447=D|452=35|\
         55=GBP/USD|303=1|38=7|"
    );
}

#[test]
fn header_and_trailer_fields_go_where_they_belong_and_data_may_hold_the_separator() {
    let g = Gate::logged_on();
    let fields: [(u32, &[u8]); 7] = [
        (58, b"one"),
        (50, b"SUB"),
        (93, b"3"),
        (89, b"s\x01g"),
        (95, b"5"),
        (96, b"a\x01b=c"),
        (58, b"two"),
    ];
    assert_eq!(g.send("B", &fields), Ok(true));
    let mut bytes = vec![];
    g.outbox.take(&mut bytes);
    let sent = Fields::parse(&bytes).unwrap();
    let tags: Vec<u32> = sent.as_slice().iter().map(|(t, _)| *t).collect();
    assert_eq!(tags, [8, 9, 35, 34, 49, 50, 52, 56, 58, 58, 95, 96, 93, 89, 10]);
    assert_eq!((sent.get(96), sent.get(89)), (Some(&b"a\x01b=c"[..]), Some(&b"s\x01g"[..])));
    assert!(seal(BEGIN_STRING, body_of(&bytes)) == bytes, "length and sum count the data");
}

fn body_of(frame: &[u8]) -> &[u8] {
    let start = frame.iter().enumerate().filter(|(_, b)| **b == 1).nth(1).unwrap().0 + 1;
    &frame[start..frame.len() - "10=000|".len()]
}

#[test]
fn a_field_outside_its_message_is_an_error_and_takes_no_number() {
    let g = Gate::logged_on();
    let before = g.session.sequence();
    for (start, len) in [(0, 6), (5, 1), (u32::MAX, 1), (1, u32::MAX)] {
        let field = [Field { tag: 58, start, len }];
        // SAFETY: the session is attached.
        let got = g.session.with(|w| unsafe { ffi::send(w, "B", &field, b"hello") }).unwrap();
        assert!(got.is_err(), "{start} {len}");
        let frame = g.desk_says("35=0|34=2|<>");
        // SAFETY: as above.
        let fields = [field[0]; 3].map(|f| Field { start: f.start | 0x8000, ..f });
        let for_engine =
            ffi::ForEngine { frame: &frame, fields: &fields, msg_type: b"0", number: 2 };
        // SAFETY: as above.
        let got = g.session.with(|w| unsafe { ffi::receive(w, &for_engine) });
        assert!(got.unwrap().is_err(), "{start} {len}");
    }
    assert_eq!((g.session.sequence(), g.sent()), (before, String::new()));
}

/// A request as a desk sends it, after the header.
const REQUEST: &str = "131=R1|146=1|55=EUR/USD|303=1|537=1|54=1|38=5000000|64=20261124|15=EUR|126=20991231-23:59:59.000|\
                       60=20261121-00:00:00.000|453=1|448=NORTHBANK|447=D|452=35|";

#[test]
fn the_engine_judges_fields_as_it_judges_text() {
    let request = |from: &str, to: &str| {
        assert!(REQUEST.contains(from));
        format!("35=R|34=2|<>{}", REQUEST.replacen(from, to, 1))
    };
    let mut bodies = vec![
        request("", ""),
        request("146=1", "146=2"),
        request("146=1", "146=0"),
        request("55=EUR/USD|303=1", "303=1|55=EUR/USD"),
        request("537=1|", "537=1|537=1|"),
        request("453=1", "453=3"),
        request("448=NORTHBANK|447=D", "447=D|448=NORTHBANK"),
        request("38=5000000", "38=many"),
        request("38=5000000", "38="),
        request("60=2026", "60=never"),
        request("131=R1|", ""),
        request("131=R1|", "131=R1|131=R2|"),
        request("131=R1|", "131=R1|50=LATE|"),
        request("131=R1|", "131=R1|9999=x|"),
        request("131=R1|", "131=R1|20001=x|"),
        request("131=R1|", "131=R1|10=000|"),
        request("131=R1|", "131=R1|9=5|"),
        request("131=R1|", "93=1|89=x|131=R1|"),
        request("131=R1|", "95=3|96=a|b|131=R1|"),
        request("131=R1|", "95=9|96=a|131=R1|"),
        // Signatures, where they belong and elsewhere; the engine is asked for its opinion only.
        request("", "") + "93=3|89=abc|",
        request("", "") + "93=3|89=a|b|",
        request("", "") + "93=4|89=abc|",
        request("", "") + "93=2|89=abc|",
        request("", "") + "89=abc|93=3|",
        request("", "") + "93=3|89=abc|93=3|89=abc|",
        request("", "") + "93=3|89=abc|58=late|",
        request("", "") + "93=3|",
        request("131=R1|", "0131=R1|"),
        request("131=R1|", "131=R1|junk|"),
    ];
    bodies.extend(
        [
            "34=2|35=R|<>131=R1|",
            "35=R|<>131=R1|",
            "35=R|34=1|<>131=R1|",
            "35=R|34=9|<>131=R1|",
            "35=R|34=two|<>131=R1|",
            "35=R|34=2|49=OTHER|52=20261121-02:22:00.125|56=GATE|131=R1|",
            "35=R|34=2|<>35=S|131=R1|",
            "35=ZZ|34=2|<>131=R1|",
            "35=n|34=2|<>",
            "35=0|34=2|<>",
            "35=1|34=2|<>112=T|",
            "35=2|34=2|<>7=1|16=0|",
            "35=3|34=2|<>45=1|58=no|",
            "35=4|34=2|<>123=Y|36=7|",
            "35=5|34=2|<>58=bye|",
            "35=A|34=2|<>98=0|108=10|141=Y|",
        ]
        .map(str::to_owned),
    );
    let frame = Gate::logged_on().desk_says(&bodies[0]);
    let mut fields = vec![];
    cut(&frame, &mut fields).unwrap();
    assert!(is_intact(&frame, &fields) && is_plain_message(&fields), "or nothing is compared here");
    for body in bodies {
        alike(|g| g.desk_says(&body), &body);
    }
    // As some engines pad; a wrong sum; a wrong length.
    alike(|g| seal_padded(&g.desk_says("35=1|34=2|<>112=T|")), "padded");
    for (from, to) in [("112=T", "112=U"), ("\u{1}35=1", "0\u{1}35=1"), ("10=", "10=0")] {
        let damaged = |g: &Gate| {
            String::from_utf8(g.desk_says("35=1|34=2|<>112=T|"))
                .unwrap()
                .replacen(from, to, 1)
                .into_bytes()
        };
        alike(damaged, to);
    }
}

fn seal_padded(frame: &[u8]) -> Vec<u8> {
    let body = body_of(frame);
    let mut padded = format!("8={BEGIN_STRING}\u{1}9={:05}\u{1}", body.len()).into_bytes();
    padded.extend_from_slice(body);
    let sum = padded.iter().fold(0u8, |n, b| n.wrapping_add(*b));
    padded.extend_from_slice(format!("10={sum:03}\u{1}").as_bytes());
    padded
}

/// Gives a frame to one session as fields and to another as text, and a good one after it.
fn alike(frame: impl Fn(&Gate) -> Vec<u8>, what: &str) {
    let (a, b) = (Gate::logged_on(), Gate::logged_on());
    let names = |g: &Gate, s: String| s.replace(&g.desk, "DESK").replace(&g.gate, "GATE");
    for (ours, text) in [
        (frame(&a), frame(&b)),
        (a.desk_says("35=1|34=3|<>112=U|"), b.desk_says("35=1|34=3|<>112=U|")),
    ] {
        let got = names(&a, a.outcome(a.session.receive(&ours)));
        let want = names(&b, b.outcome(b.receive_text(&text)));
        assert_eq!(got, want, "{what}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Whatever a peer changes in a message, with length and sum made right again.
    #[test]
    fn a_changed_message_is_judged_alike(at in 0usize..200, with in "[ -~|]{0,6}", cut in 0usize..6) {
        let mut body = format!("35=R|34=2|<>{REQUEST}");
        let at = at.min(body.len());
        let end = (at + cut).min(body.len());
        body.replace_range(at..end, &with);
        prop_assume!(body.ends_with('|'));
        alike(|g| g.desk_says(&body), &body);
    }
}
