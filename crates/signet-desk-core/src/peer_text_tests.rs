use super::*;
use proptest::prelude::*;
use signet_fix::message::{DealerState, VenueState};
use signet_rfq::{DealerId, UtcMillis};

#[test]
fn what_deceives_is_seen_and_what_does_not_stays() {
    for (text, want) in [
        ("Northbank", "Northbank"),
        ("Société Générale, Zürich", "Société Générale, Zürich"),
        ("野村證券", "野村證券"),
        ("בנק הפועלים", "בנק הפועלים"),
        ("last look: price moved", "last look: price moved"),
        ("a\u{202e}knabhtroN", "a\u{fffd}knabhtroN"),
        ("North\u{200b}bank", "North\u{fffd}bank"),
        ("\u{2066}x\u{2069}", "\u{fffd}x\u{fffd}"),
        ("\u{feff}Northbank\u{ad}", "\u{fffd}Northbank\u{fffd}"),
        ("one\ntwo\tthree\r", "one two three "),
        ("\u{1b}[31mred\u{7}", "\u{fffd}[31mred\u{fffd}"),
        ("\u{3164}", "\u{fffd}"),
        ("e\u{301}", "e\u{301}"),
        ("e\u{301}\u{301}\u{301}\u{301}", "e\u{301}\u{301}\u{fffd}\u{fffd}"),
    ] {
        assert_eq!(shown(text), want, "{text:?}");
    }
    assert_eq!(shown(&"x".repeat(100_000)).chars().count(), CHARS_MAX + 1);
}

#[test]
fn a_report_keeps_its_lines() {
    let report = "CN=a\u{1b}[2J\u{202e}b\u{200b}\n  good\n";
    assert_eq!(lines(report), "CN=a\u{fffd}[2J\u{fffd}b\u{fffd}\n  good\n");
    assert_eq!(lines(&"x".repeat(5_000)).len(), 5_000);
}

#[test]
fn names_of_dealers_pass_here_and_their_ids_do_not() {
    let id = DealerId::new("NORTHBANK").expect("an id");
    let name = "\u{202e}knabhtroN".into();
    let dealer = DealerState { id: id.clone(), name, online: true, counters: false, parts: false };
    let AppMessage::VenueState(v) = message(AppMessage::VenueState(VenueState {
        name: String::new(),
        practice: false,
        dealers: vec![dealer],
        at: UtcMillis(0),
    })) else {
        panic!("another")
    };
    assert_eq!((&v.dealers[0].id, v.dealers[0].name.as_str()), (&id, "\u{fffd}knabhtroN"));
}

proptest! {
    #[test]
    fn nothing_deceptive_comes_through(text in "\\PC{0,60}|[\\x00-\\u{2fff}]{0,60}|\\p{Cf}{0,20}") {
        let clean = shown(&text);
        prop_assert!(!clean.chars().any(is_deceptive), "{clean:?}");
        prop_assert_eq!(shown(&clean), clean.clone());
    }
}
