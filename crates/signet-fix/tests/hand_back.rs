//! What one end could not take comes again after the next Logon.

mod ends;
#[path = "ends/fills.rs"]
mod fills;

use ends::{End, connect, exchange};
use fills::{fill, fills, heard};
use signet_fix::{
    AppMessage,
    session::{Binding, Event, Role},
};

fn number(events: &[Event], exec: &str) -> u64 {
    let of = |e: &Event| match e {
        Event::Message { message: AppMessage::ExecutionReport(r), meta } if r.exec_id == exec => {
            Some(meta.seq)
        }
        _ => None,
    };
    events.iter().find_map(of).unwrap()
}

#[test]
fn what_was_handed_back_and_all_after_it_comes_again() {
    let mut gate = End::new(Role::Initiator, "BACK-GATE", "BACK-DEALER");
    let mut dealer = End::new(Role::Acceptor, "BACK-DEALER", "BACK-GATE");
    connect(&mut gate, &mut dealer);
    heard(&gate);
    dealer.session.send(&fill(1)).unwrap();
    exchange(&gate, &dealer);
    assert_eq!(fills(&heard(&gate)), [("X1".to_owned(), false)]);
    // Two arrive at once; the first of them is not taken.
    dealer.session.send(&fill(2)).unwrap();
    dealer.session.send(&fill(3)).unwrap();
    exchange(&gate, &dealer);
    let first = gate.session.next_event().unwrap();
    let seq = number(&[first], "X2");
    gate.session.hand_back(seq, "the disk is full");
    let left = heard(&gate);
    assert!(fills(&left).is_empty(), "X3 comes again, after X2");
    assert!(left.iter().any(|e| matches!(e, Event::LoggedOut { .. })), "{left:?}");
    let said: Vec<u8> = gate.frames().concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(said.contains("35=5\u{1}") && said.contains("the disk is full"), "{said}");
    // The dealer learns that the connection is gone, and is dialled again: still full.
    for _ in 0..2 {
        dealer.session.detach();
        heard(&dealer);
        connect(&mut gate, &mut dealer);
        let events = heard(&gate);
        assert_eq!(fills(&events), [("X2".to_owned(), true), ("X3".to_owned(), true)]);
        gate.session.hand_back(number(&events, "X2"), "the disk is full");
        heard(&gate);
    }
    // Now they are taken, and none comes a second time.
    for want in [2, 0] {
        dealer.session.detach();
        heard(&dealer);
        connect(&mut gate, &mut dealer);
        let events = heard(&gate);
        assert_eq!(fills(&events).len(), want, "{events:?}");
    }
    dealer.session.send(&fill(4)).unwrap();
    exchange(&gate, &dealer);
    assert_eq!(fills(&heard(&gate)), [("X4".to_owned(), false)]);
}

#[test]
fn a_message_without_a_number_takes_no_number_back() {
    let mut gate = End::new(Role::Initiator, "BACK0-GATE", "BACK0-DEALER");
    let mut dealer = End::new(Role::Acceptor, "BACK0-DEALER", "BACK0-GATE");
    connect(&mut gate, &mut dealer);
    let before = gate.session.sequence().unwrap().1;
    gate.session.hand_back(0, "no number");
    dealer.session.detach();
    gate.outbox = gate.session.attach(Binding::None).unwrap();
    assert_eq!(gate.session.sequence().unwrap().1, before);
}
