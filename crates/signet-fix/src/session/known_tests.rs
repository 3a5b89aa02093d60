//! What another thread found about a signature: it counts for the message that it is about, while
//! this one is received, and for nothing else.

use super::*;
use crate::{
    message::DecodeError,
    signature::check::Check,
    signature::{MessageVerifier, SIGNATURE_LEN, SignatureError, Verification, every, sign},
    store::MemoryStore,
    tagvalue::seal,
};
use signet_identity::CompId;
use std::{cell::Cell, rc::Rc};

/// Finds every signature bad, and counts.
#[derive(Default)]
struct Never(Cell<u32>);

impl MessageVerifier for Never {
    fn is_good(&self, _: &[u8], _: &[u8; SIGNATURE_LEN]) -> bool {
        self.0.set(self.0.get() + 1);
        false
    }
}

struct Gate {
    session: Session,
    asked: Rc<Never>,
    name: &'static str,
}

impl Gate {
    fn new(name: &'static str) -> Self {
        let id = |end: &str| CompId::new(format!("KNOWN-{end}-{name}")).unwrap();
        let (sender, target) = (id("GATE"), id("DESK"));
        let config =
            SessionConfig { role: Role::Acceptor, sender, target, heartbeat_s: 10, strict: true };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let asked = Rc::<Never>::default();
        let verification = Verification { verifier: asked.clone(), required: every };
        let (binding, signing) = (Binding::None, None);
        session.attach(Channel { binding, signing, verification: Some(verification) }).unwrap();
        let g = Self { session, asked, name };
        g.session.receive(&g.says("35=A|34=1|<>98=0|108=10|")).unwrap();
        assert!(g.session.is_logged_on());
        g.heard();
        g
    }

    fn says(&self, body: &str) -> Vec<u8> {
        let n = self.name;
        let header = format!("49=KNOWN-DESK-{n}|52=20261121-02:22:00.125|56=KNOWN-GATE-{n}|");
        seal(BEGIN_STRING, body.replace("<>", &header).replace('|', "\u{1}").as_bytes())
    }

    fn signed(&self, number: u64) -> Vec<u8> {
        let frame = self.says(&format!("35=x|34={number}|<>320=L{number}|559=4|"));
        sign(&frame, &|_: &[u8]| Ok([7u8; SIGNATURE_LEN])).unwrap()
    }

    /// Numbers of messages that came in, and why others did not.
    fn heard(&self) -> Vec<Result<u64, SignatureError>> {
        let of = |e: Event| match e {
            Event::Message { meta, .. } => Some(Ok(meta.seq)),
            Event::Refused { error: DecodeError::Signature(why), .. } => Some(Err(why)),
            _ => None,
        };
        std::iter::from_fn(|| self.session.next_event()).filter_map(of).collect()
    }
}

fn good(frame: &[u8]) -> Option<crate::signature::check::Judged> {
    Check::of(frame).map(|check| check.judge(|_, _| true))
}

#[test]
fn it_takes_the_place_of_the_verdict_here() {
    let g = Gate::new("PLACE");
    let frame = g.signed(2);
    g.session.receive_known(&frame, good(&frame)).unwrap();
    assert_eq!((g.heard(), g.asked.0.get()), (vec![Ok(2)], 0));
    let bad = g.signed(3);
    g.session.receive_known(&bad, Check::of(&bad).map(|c| c.judge(|_, _| false))).unwrap();
    assert_eq!((g.heard(), g.asked.0.get()), (vec![Err(SignatureError::Bad)], 0));
}

#[test]
fn it_counts_for_no_other_message_and_no_later_one() {
    let g = Gate::new("OTHER");
    let frames: Vec<_> = (2..5).map(|n| g.signed(n)).collect();
    g.session.receive_known(&frames[0], good(&frames[1])).unwrap();
    assert_eq!((g.heard(), g.asked.0.get()), (vec![Err(SignatureError::Bad)], 1));
    // Not kept for the message that it is about either.
    g.session.receive(&frames[1]).unwrap();
    assert_eq!((g.heard(), g.asked.0.get()), (vec![Err(SignatureError::Bad)], 2));
    // A message that must be signed and is not stays one.
    g.session.receive_known(&g.says("35=x|34=4|<>320=L4|559=4|"), good(&frames[2])).unwrap();
    assert_eq!((g.heard(), g.asked.0.get()), (vec![Err(SignatureError::Missing)], 2));
}

#[test]
fn a_message_ahead_of_its_turn_is_judged_here_when_its_turn_comes() {
    let g = Gate::new("AHEAD");
    let (first, ahead) = (g.signed(2), g.signed(3));
    g.session.receive_known(&ahead, good(&ahead)).unwrap();
    assert_eq!((g.heard(), g.asked.0.get()), (vec![], 0));
    g.session.receive_known(&first, good(&first)).unwrap();
    let want = vec![Ok(2), Err(SignatureError::Bad)];
    assert_eq!((g.heard(), g.asked.0.get()), (want, 1));
}

#[test]
fn only_a_connection_in_use_has_threads_that_judge() {
    struct Elsewhere;
    impl MessageVerifier for Elsewhere {
        fn is_good(&self, _: &[u8], _: &[u8; SIGNATURE_LEN]) -> bool {
            false
        }
        fn checker(&self) -> Option<Rc<dyn crate::signature::check::SignatureChecker>> {
            Some(Rc::new(Self))
        }
    }
    impl crate::signature::check::SignatureChecker for Elsewhere {
        fn begin(&self, _: Check) -> Option<crate::signature::check::Checking> {
            None
        }
    }
    let g = Gate::new("IN-USE");
    let channel = |verifier: Rc<dyn MessageVerifier>| {
        let verification = Some(Verification { verifier, required: every });
        Channel { binding: Binding::None, signing: None, verification }
    };
    let first = g.session.attach(channel(Rc::new(Elsewhere))).unwrap();
    assert!(g.session.checker(&first).is_some());
    let second = g.session.attach(channel(g.asked.clone())).unwrap();
    assert!(g.session.checker(&first).is_none() && g.session.checker(&second).is_none());
}
