//! A session's timers while the wall clock is set. The test lets the steady clock go on without the
//! wall clock, which is what a wall clock looks like that was set back by so much.

use super::{
    Binding, Outbox, Role, Session, SessionConfig,
    ffi::{AHEAD_US, look},
};
use crate::{BEGIN_STRING, store::MemoryStore, tagvalue::seal};
use signet_identity::CompId;
use signet_rfq::UtcMillis;
use std::{
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
};

const HEARTBEAT_S: u32 = 10;
const HOUR_S: i64 = 3_600;

struct Line {
    session: Session,
    outbox: Rc<Outbox>,
    peer: String,
    own: String,
}

impl Line {
    fn new(role: Role) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        AHEAD_US.set(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let (own, peer) = (format!("TIMERS-{n}"), format!("TIMERS-PEER-{n}"));
        let name = |s: &str| CompId::new(s).unwrap();
        let (sender, target) = (name(&own), name(&peer));
        let config = SessionConfig { role, sender, target, heartbeat_s: HEARTBEAT_S, strict: true };
        let session = Session::open(&config, Box::new(MemoryStore::new(UtcMillis(0)))).unwrap();
        let outbox = session.attach(Binding::None).unwrap();
        session.tick();
        Self { session, outbox, peer, own }
    }

    fn logged_on(role: Role) -> Self {
        let line = Self::new(role);
        line.peer_says("35=A|34=1|<>98=0|108=10|");
        assert!(line.session.is_logged_on());
        line.sent();
        line
    }

    fn peer_says(&self, body: &str) {
        let header = format!("49={}|52=20261121-02:22:00.125|56={}|", self.peer, self.own);
        let body = body.replace("<>", &header).replace('|', "\u{1}");
        self.session.receive(&seal(BEGIN_STRING, body.as_bytes())).unwrap();
    }

    /// Message types that left since.
    fn sent(&self) -> Vec<String> {
        let mut bytes = vec![];
        self.outbox.take(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        text.split('\u{1}').filter_map(|f| f.strip_prefix("35=")).map(str::to_owned).collect()
    }

    /// So much time passes on the steady clock alone, with a tick each second.
    fn seconds(&self, n: i64) {
        for _ in 0..n {
            AHEAD_US.set(AHEAD_US.get() + 1_000_000);
            self.session.tick();
        }
    }
}

#[test]
fn a_logon_without_an_answer_times_out_although_the_clock_was_set_back() {
    let line = Line::new(Role::Initiator);
    assert_eq!(line.sent(), ["A"]);
    line.seconds(4);
    assert!(!line.outbox.closed());
    line.seconds(2);
    assert!(line.outbox.closed());
}

#[test]
fn heartbeats_and_a_silent_peer_are_counted_although_the_clock_was_set_back() {
    for role in [Role::Initiator, Role::Acceptor] {
        let line = Line::logged_on(role);
        line.seconds(i64::from(HEARTBEAT_S) + 1);
        assert_eq!(line.sent(), ["0"], "{role:?}");
        line.seconds(2);
        assert_eq!(line.sent(), ["1"], "{role:?}");
        assert!(!line.outbox.closed());
        line.seconds(12);
        assert!(line.outbox.closed(), "{role:?}: nothing was heard for 2.4 heartbeats");
        assert!(!line.outbox.said_logout(), "{role:?}: nobody would hear it");
    }
}

#[test]
fn a_logout_without_an_answer_times_out_although_the_clock_was_set_back() {
    let line = Line::logged_on(Role::Acceptor);
    assert!(!line.outbox.said_logout());
    line.session.logout("goodbye");
    assert_eq!(line.sent(), ["5"]);
    assert!(line.outbox.said_logout());
    line.seconds(1);
    assert!(!line.outbox.closed());
    line.seconds(2);
    assert!(line.outbox.closed());
}

#[test]
fn a_logout_of_the_peer_is_answered_and_a_displaced_connection_is_told_nothing() {
    let line = Line::logged_on(Role::Acceptor);
    line.peer_says("35=5|34=2|<>58=goodbye|");
    assert_eq!(line.sent(), ["5"]);
    assert!(line.outbox.closed() && line.outbox.said_logout());

    let line = Line::logged_on(Role::Acceptor);
    let newer = line.session.attach(Binding::None).unwrap();
    assert!(!line.session.is_attached_to(&line.outbox));
    assert!(line.outbox.closed() && !line.outbox.said_logout());
    assert!(!newer.said_logout());
}

#[test]
fn a_clock_that_is_set_forward_ends_no_session() {
    let line = Line::logged_on(Role::Acceptor);
    // What was heard a moment ago was heard an hour ago by the wall clock...
    AHEAD_US.set(HOUR_S * 1_000_000);
    // SAFETY: the session is attached.
    line.session.with(|w| unsafe { look(w) }).unwrap().unwrap();
    // ...which, compared with the steady one, was set forward by that hour.
    AHEAD_US.set(0);
    line.session.tick();
    assert!(!line.outbox.closed());
    assert_eq!(line.sent(), Vec::<String>::new());
    line.seconds(i64::from(HEARTBEAT_S) + 1);
    assert_eq!(line.sent(), ["0"]);
    line.seconds(2);
    assert_eq!(line.sent(), ["1"]);
    line.seconds(12);
    assert!(line.outbox.closed());
}

/// Clocks that are disciplined part slowly; nothing of that is lost.
#[test]
fn small_differences_add_up() {
    let line = Line::new(Role::Initiator);
    for _ in 0..600 {
        AHEAD_US.set(AHEAD_US.get() + 10_000);
        line.session.tick();
    }
    assert!(line.outbox.closed(), "six seconds");
}
