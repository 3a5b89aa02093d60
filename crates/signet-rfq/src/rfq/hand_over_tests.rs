use super::*;
use crate::{
    AcceptId, AcceptRefusal, AcceptState, UtcMillis,
    rfq::tests::{accept, fill, open, sent, take},
};

const T: UtcMillis = UtcMillis(1_000);

fn id(n: &str) -> RfqId {
    RfqId::new(n).unwrap()
}

fn x1() -> AcceptId {
    AcceptId::new("x1").unwrap()
}

/// Every state in which an accept can stand, and whether the RFQ may change hands in it.
#[test]
fn an_rfq_changes_hands_only_while_no_accept_is_on_its_way() {
    let armed = || {
        let mut r = open();
        r.arm(accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
        r
    };
    let after = |change: fn(&mut Rfq)| {
        let mut r = sent();
        change(&mut r);
        r
    };
    let in_flight = Err(HandOverRefusal::AcceptInFlight);
    for (what, mut r, want) in [
        ("open", open(), Ok(())),
        ("armed", armed(), Ok(())),
        ("sent", sent(), in_flight),
        ("last look", after(|r| assert!(r.last_look(&x1()).unwrap())), in_flight),
        ("unknown", after(|r| assert!(r.answer_lost())), in_flight),
        (
            "declined",
            after(|r| assert!(r.declined(&x1(), crate::Declined::ByDealer("no".into())).unwrap())),
            Ok(()),
        ),
        (
            "filled",
            after(|r| assert!(take(r, "x1", &fill("e1", "99.5", "5000000")).changed)),
            Err(HandOverRefusal::NotOpen),
        ),
        (
            "disputed",
            after(|r| {
                let wrong = fill("e1", "98", "5000000");
                assert!(take(r, "x1", &wrong).dispute.is_some());
            }),
            Err(HandOverRefusal::Disputed),
        ),
        (
            "cancelled",
            {
                let mut r = open();
                r.end(RfqState::Cancelled, None).unwrap();
                r
            },
            Err(HandOverRefusal::NotOpen),
        ),
    ] {
        let before = r.clone();
        assert_eq!(r.change_hands(id("B1")), want, "{what}");
        match want {
            Ok(()) => {
                assert_eq!((r.terms.id.as_str(), r.state), ("B1", RfqState::Open), "{what}");
                assert_eq!(r.accept, None, "{what}: nothing is armed for the new owner");
                assert_eq!(r.lines, before.lines, "{what}: dealers see nothing change");
            }
            Err(_) => assert_eq!(r, before, "{what}"),
        }
    }
}

#[test]
fn accepts_that_have_their_answer_stay_and_their_ids_stay_used() {
    let mut r = sent();
    r.declined(&x1(), crate::Declined::ByDealer("no".into())).unwrap();
    r.change_hands(id("B1")).unwrap();
    assert!(matches!(r.accept_of(&x1()), Some((_, AcceptState::Declined(_)))));
    assert_eq!(r.arm(accept("x1", "A", "a1", "99.5"), T, 0), Err(AcceptRefusal::IdUsed));
    r.arm(accept("b1", "A", "a1", "99.5"), T, 0).unwrap();
    r.send_accept(&AcceptId::new("b1").unwrap(), T, 0).unwrap();
    // What the dealer says of the earlier accept by now is a dispute, as without a hand-over.
    assert!(take(&mut r, "x1", &fill("e1", "99.5", "5000000")).dispute.is_some());
}

#[test]
fn the_desk_that_had_it_presses_nothing_any_longer() {
    let mut r = open();
    r.arm(accept("x1", "A", "a1", "99.5"), T, 0).unwrap();
    assert!(r.taken_over("Taken over by BOB".into()));
    assert_eq!((r.state, r.reason.as_deref()), (RfqState::TakenOver, Some("Taken over by BOB")));
    assert!(r.send_accept(&x1(), T, 0).is_err());
    assert!(r.arm(accept("x2", "A", "a1", "99.5"), T, 0).is_err());
    // Its answer comes first.
    let mut r = sent();
    assert!(!r.taken_over("Taken over by BOB".into()));
    assert_eq!(r.state, RfqState::Open);
}
