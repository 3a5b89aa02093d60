//! Two windows show the same book: whatever both of them send, each accept leaves once.

use super::{
    life_tests::{NOW, arm, book, id, quote},
    *,
};
use crate::{guard::TradingSettings, view::ArmIntent, view::Side};
use std::sync::Barrier;

#[test]
fn an_accept_that_both_windows_confirm_at_once_leaves_once() {
    for _ in 0..50 {
        let mut b = book();
        let armed = arm(&mut b);
        let (book, both) = (Mutex::new(b), Barrier::new(2));
        let window = || {
            both.wait();
            lock(&book).accept("R1", &armed, NOW).is_ok()
        };
        let sent = std::thread::scope(|s| {
            let windows = [s.spawn(window), s.spawn(window)];
            windows.map(|w| w.join().unwrap())
        });
        assert_eq!(sent.iter().filter(|sent| **sent).count(), 1, "{sent:?}");
    }
}

fn intent() -> ArmIntent {
    ArmIntent {
        rfq_id: "R1".into(),
        dealer: "NORTH".into(),
        quote_id: "q1".into(),
        side: Side::Buy,
        price: "1.08".into(),
    }
}

#[test]
fn terms_armed_in_one_window_are_not_confirmed_under_the_id_of_the_other() {
    let mut b = book();
    let first = arm(&mut b);
    // The other window arms the same quote: these are other terms, to be read again.
    let second = b.arm(&intent(), NOW).map(|a| a.id);
    let confirmed = [Some(first), second.ok()]
        .into_iter()
        .flatten()
        .filter(|accept| b.accept("R1", accept, NOW).is_ok())
        .count();
    assert_eq!(confirmed, 1);
}

#[test]
fn the_time_to_read_terms_runs_from_the_arming_whichever_window_confirms() {
    let mut b = book().protected_by(TradingSettings::default());
    let armed = arm(&mut b);
    let code = |r: Result<_, Problem>| r.map(drop).map_err(|p| p.code);
    // One window presses too soon; a press in the other a moment later is too soon as well.
    assert_eq!(code(b.accept("R1", &armed, NOW + 600)), Err("accept.too_soon".into()));
    assert_eq!(code(b.accept("R1", &armed, NOW + 1_000)), Err("accept.too_soon".into()));
    assert_eq!(code(b.accept("R1", &armed, NOW + 1_800)), Ok(()));
}

#[test]
fn each_window_is_told_what_changed_since_its_own_frame() {
    let mut b = book();
    let mut at = [b.pull(0, &[], NOW).seq as u64; 2];
    for (n, price) in [(2, "1.081"), (3, "1.082"), (4, "1.083")] {
        b.message(quote("R1", &format!("q{n}"), price), NOW);
        // The first pulls each change, the second only every other one.
        for (window, since) in at.iter_mut().enumerate() {
            if window == 1 && n % 2 == 1 {
                continue;
            }
            let frame = b.pull(*since, &[], NOW);
            let line = frame.lines.iter().find(|l| l.rfq_id == "R1").expect("a changed line");
            assert_eq!(line.quote_id.as_deref(), Some(format!("q{n}").as_str()), "{window}");
            *since = frame.seq as u64;
        }
    }
    arm_other(&mut b);
    let armed = at.map(|since| b.pull(since, &[], NOW).rfqs[0].accept.clone());
    assert_eq!(armed[0], armed[1], "both show the same terms");
    assert!(armed[0].is_some());
    b.disarm("R1").unwrap();
    assert!(b.rfq(&id("R1")).unwrap().accept.is_none());
}

fn arm_other(b: &mut Book) {
    let other = ArmIntent { quote_id: "q4".into(), price: "1.083".into(), ..intent() };
    b.arm(&other, NOW).unwrap();
}
