//! A process that is killed asks again for what it had not dealt with, and for nothing else.

mod ends;
#[path = "ends/fills.rs"]
mod fills;

use ends::{End, connect, exchange};
use fills::{fill, fills, heard};
use signet_fix::{
    AppMessage,
    session::{Binding, Event, Role, Session, SessionConfig, SessionOptions},
    store::{MemoryStore, SessionStore, StoreError},
};
use signet_identity::CompId;
use signet_rfq::*;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

/// A store that outlives the process whose session uses it.
#[derive(Clone)]
struct Disk {
    store: Rc<RefCell<MemoryStore>>,
    /// It takes no number of the peer's.
    refuses: Rc<Cell<bool>>,
}

impl Disk {
    fn new() -> Self {
        let store = Rc::new(RefCell::new(MemoryStore::new(UtcMillis(0))));
        Self { store, refuses: Rc::default() }
    }

    fn expects(&self) -> u64 {
        self.store.borrow().next_target()
    }
}

impl SessionStore for Disk {
    fn keep(&mut self, seq: u64, message: &[u8]) -> Result<(), StoreError> {
        self.store.borrow_mut().keep(seq, message)
    }
    fn resendable(&self, from: u64, to: u64, lasting: bool) -> Vec<u64> {
        self.store.borrow().resendable(from, to, lasting)
    }
    fn kept(&self, seq: u64) -> Option<Vec<u8>> {
        self.store.borrow().kept(seq)
    }
    fn next_sender(&self) -> u64 {
        self.store.borrow().next_sender()
    }
    fn next_target(&self) -> u64 {
        self.expects()
    }
    fn set_next_sender(&mut self, seq: u64) -> Result<(), StoreError> {
        self.store.borrow_mut().set_next_sender(seq)
    }
    fn set_next_target(&mut self, seq: u64) -> Result<(), StoreError> {
        match self.refuses.get() {
            true => Err(StoreError::UnknownRecord),
            false => self.store.borrow_mut().set_next_target(seq),
        }
    }
    fn created(&self) -> UtcMillis {
        self.store.borrow().created()
    }
    fn reset(&mut self, now: UtcMillis) -> Result<(), StoreError> {
        self.store.borrow_mut().reset(now)
    }
}

/// One end of a session on this disk.
fn start(role: Role, (sender, target): (&str, &str), options: SessionOptions, disk: &Disk) -> End {
    let config = SessionConfig {
        role,
        sender: CompId::new(sender).unwrap(),
        target: CompId::new(target).unwrap(),
        heartbeat_s: 60,
        strict: false,
    };
    let session = Session::open_with(&config, options, Box::new(disk.clone())).unwrap();
    let outbox = session.attach(Binding::None).unwrap();
    End { session, outbox }
}

/// The gateway's end and its dealer's.
fn logged_on(names: (&str, &str), open: impl Fn() -> End) -> (End, End) {
    let mut gate = open();
    let mut dealer = End::new(Role::Acceptor, names.1, names.0);
    connect(&mut gate, &mut dealer);
    heard(&gate);
    (gate, dealer)
}

fn again(execs: &[&str]) -> Vec<(String, bool)> {
    execs.iter().map(|e| ((*e).to_owned(), true)).collect()
}

#[test]
fn what_was_being_dealt_with_at_a_kill_comes_again_and_what_was_before_it_does_not() {
    // How many were fetched; 4: also that there are no more.
    for (fetched, want) in [
        (0, &["X1", "X2", "X3"][..]),
        (1, &["X1", "X2", "X3"]),
        (2, &["X2", "X3"]),
        (3, &["X3"]),
        (4, &[]),
    ] {
        let names = (format!("COUNT{fetched}-GATE"), format!("COUNT{fetched}-DEALER"));
        let disk = Disk::new();
        let open = || {
            let names = (names.0.as_str(), names.1.as_str());
            start(Role::Initiator, names, SessionOptions::default(), &disk)
        };
        let mut gate = open();
        let mut dealer = End::new(Role::Acceptor, &names.1, &names.0);
        connect(&mut gate, &mut dealer);
        heard(&gate);
        for n in 1..=3 {
            dealer.session.send(&fill(n)).unwrap();
        }
        exchange(&gate, &dealer);
        let taken: Vec<Event> = (0..fetched).filter_map(|_| gate.session.next_event()).collect();
        assert_eq!(fills(&taken).len(), fetched.min(3));
        drop(gate);
        let mut gate = open();
        dealer.session.detach();
        heard(&dealer);
        connect(&mut gate, &mut dealer);
        assert_eq!(fills(&heard(&gate)), again(want), "{fetched} were fetched");
        // All were dealt with now, and both ends count alike.
        drop(gate);
        let mut gate = open();
        dealer.session.detach();
        connect(&mut gate, &mut dealer);
        assert!(fills(&heard(&gate)).is_empty());
        dealer.session.send(&fill(4)).unwrap();
        exchange(&gate, &dealer);
        assert_eq!(fills(&heard(&gate)), [("X4".to_owned(), false)]);
    }
}

/// While the Logon of the other end is looked at, the number is higher for a moment.
#[test]
fn a_kill_while_a_gap_is_open_leaves_it_open() {
    let (names, disk) = (("GAPKILL-GATE", "GAPKILL-DEALER"), Disk::new());
    let open = || start(Role::Initiator, names, SessionOptions::default(), &disk);
    let (mut gate, mut dealer) = logged_on(names, open);
    let before = disk.expects();
    dealer.session.send(&fill(1)).unwrap();
    dealer.frames();
    gate.outbox = gate.session.attach(Binding::None).unwrap();
    dealer.outbox = dealer.session.attach(Binding::None).unwrap();
    gate.session.tick();
    gate.frames().iter().for_each(|f| dealer.session.receive(f).unwrap());
    dealer.frames().iter().for_each(|f| gate.session.receive(f).unwrap());
    assert!(heard(&gate).iter().any(|e| matches!(e, Event::Gap { of_peer: true, .. })));
    assert_eq!(disk.expects(), before);
    drop(gate);
    let mut gate = open();
    dealer.session.detach();
    heard(&dealer);
    connect(&mut gate, &mut dealer);
    assert_eq!(fills(&heard(&gate)), again(&["X1"]));
}

/// What commits a desk is never asked for again: its desk asks what became of it.
#[test]
fn a_gateway_that_is_killed_asks_a_desk_for_nothing_again() {
    let (names, disk) = (("DESKKILL-GATE", "DESKKILL-DESK"), Disk::new());
    let options = SessionOptions::between_desk_and_gateway;
    let open = || start(Role::Acceptor, names, options(), &disk);
    let mut gate = open();
    let mut desk = start(Role::Initiator, (names.1, names.0), options(), &Disk::new());
    let cancel = |id: &str| AppMessage::RfqCancel { rfq: RfqId::new(id).unwrap(), text: None };
    let messages = |events: Vec<Event>| {
        let of = |e| if let Event::Message { message, .. } = e { Some(message) } else { None };
        events.into_iter().filter_map(of).collect::<Vec<_>>()
    };
    connect(&mut desk, &mut gate);
    heard(&gate);
    desk.session.send(&cancel("R1")).unwrap();
    exchange(&desk, &gate);
    assert_eq!(messages(gate.session.next_event().into_iter().collect()), [cancel("R1")]);
    drop(gate);
    let mut gate = open();
    heard(&desk);
    connect(&mut desk, &mut gate);
    let events = heard(&gate);
    assert!(!events.iter().any(|e| matches!(e, Event::Gap { .. })), "{events:?}");
    assert!(messages(events).is_empty());
    desk.session.send(&cancel("R2")).unwrap();
    exchange(&desk, &gate);
    assert_eq!(messages(heard(&gate)), [cancel("R2")]);
}

#[test]
fn a_disk_that_does_not_take_the_number_ends_the_connection_and_loses_nothing() {
    let (names, disk) = (("REFUSED-GATE", "REFUSED-DEALER"), Disk::new());
    let open = || start(Role::Initiator, names, SessionOptions::default(), &disk);
    let (mut gate, mut dealer) = logged_on(names, open);
    let before = disk.expects();
    disk.refuses.set(true);
    dealer.session.send(&fill(1)).unwrap();
    exchange(&gate, &dealer);
    assert!(!gate.outbox.closed());
    assert_eq!(fills(&heard(&gate)), [("X1".to_owned(), false)]);
    assert!(gate.outbox.closed());
    assert_eq!(disk.expects(), before);
    // As soon as the disk is well it follows.
    disk.refuses.set(false);
    heard(&gate);
    assert_eq!(disk.expects(), before + 1);
    dealer.session.detach();
    connect(&mut gate, &mut dealer);
    assert!(fills(&heard(&gate)).is_empty());
}
