use super::*;
use crate::{
    DealerSettings, DeskSettings, Output,
    journal::{Journal, OnBadRecord},
    router::tests::{T0, answer, dealer, desk, hit, quote, quoted, report, request, router, send},
};
use proptest::prelude::*;
use signet_fix::message::{ExecType, OrdStatus, TakeOver};
use signet_journal::StoreKey;
use signet_rfq::Catalogue;
use std::collections::BTreeSet;

fn rfq(id: &str) -> RfqId {
    RfqId::new(id).unwrap()
}

fn accept(id: &str) -> AcceptId {
    AcceptId::new(id).unwrap()
}

/// Type and id of what dealers read.
fn read_by_dealers(r: &Router, out: &[Output]) -> Vec<String> {
    let read = |o: &Output| match o {
        Output::ToDealer(_, m) => match r.for_dealer(m.clone()) {
            AppMessage::QuoteRequest(q) => Some(format!("R {}", q.id)),
            AppMessage::QuoteResponse(a) => Some(format!("AJ {}", a.id)),
            AppMessage::OrderStatusRequest(h) => Some(format!("H {}", h.accept)),
            other => panic!("{other:?}"),
        },
        _ => None,
    };
    out.iter().filter_map(read).collect()
}

#[test]
fn random_bytes_become_sixteen_digits() {
    for (bytes, name) in [
        ([0; 10], "AAAAAAAAAAAAAAAA"),
        ([255; 10], "7777777777777777"),
        // RFC 4648, section 10: `foobar`, then `foob`.
        (*b"foobarfoob", "MZXW6YTBOJTG633C"),
    ] {
        let made = name_of(&bytes).unwrap();
        assert_eq!(made.as_str(), name);
        assert!(is_name(made.as_str()));
    }
    for other in ["", "ALICE.R1", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAA", "aaaaaaaaaaaaaaaa"] {
        assert!(!is_name(other), "{other}");
    }
}

/// Two desks ask the same of the same dealer: nothing in what it reads leads to either.
#[test]
fn a_dealer_reads_no_id_of_a_desk() {
    let mut r = router();
    let mut read = Vec::new();
    for (who, at) in [("ALICE", 0), ("BOB", 1)] {
        let out = send(&mut r, who, AppMessage::QuoteRequest(request("R1", &["N"])), at);
        read.extend(read_by_dealers(&r, &out));
        answer(&mut r, "N", quote(&format!("{who}.R1"), "n1", "99.5", 10_000), 100);
        let out = send(&mut r, who, hit("R1:17", "N", "n1", "99.5"), 200);
        read.extend(read_by_dealers(&r, &out));
        // Silent for so long, it is asked what became of the accept.
        let out = r.handle(T0 + 15_300 + at, Input::Tick);
        let asked = |m: &&String| m.starts_with("H ");
        read.extend(read_by_dealers(&r, &out).iter().filter(asked).take(1).cloned());
    }
    let names = ["AAAAAAAAAAAAAAAB", "AAAAAAAAAAAAAAAC"];
    let of = |name: &str| [format!("R {name}"), format!("AJ {name}:~1"), format!("H {name}:~1")];
    assert_eq!(read, names.map(of).concat());
    assert!(read.iter().all(|m| !m.contains("ALICE") && !m.contains("BOB") && !m.contains("17")));
    assert_eq!(r.called(&rfq("BOB.R1")), rfq(names[1]));
}

#[test]
fn what_dealers_say_by_name_is_heard_and_the_gateways_own_ids_mean_nothing() {
    let mut r = quoted();
    send(&mut r, "ALICE", hit("x1", "N", "n1", "99.5"), 200);
    let name = r.called(&rfq("ALICE.R1")).to_string();
    let reject = |msg_type: &str, id: &str| {
        AppMessage::BusinessReject(BusinessReject {
            ref_seq_num: None,
            ref_msg_type: msg_type.into(),
            ref_id: Some(id.into()),
            reason: 0,
            text: None,
        })
    };
    let filled = |id: &str| report(id, ExecType::Trade, OrdStatus::Filled, "99.5");
    let own = format!("{name}:~1");
    for (said, meant) in [
        (quote(&name, "n2", "99.4", 9_000), quote("ALICE.R1", "n2", "99.4", 9_000)),
        (quote("ALICE.R1", "n2", "99.4", 9_000), quote("~", "n2", "99.4", 9_000)),
        (quote("BOB.R1", "n2", "99.4", 9_000), quote("BOB.R1", "n2", "99.4", 9_000)),
        (filled(&own), filled("ALICE.x1")),
        (filled("ALICE.x1"), filled("~")),
        (filled("other"), filled("other")),
        (reject("R", &name), reject("R", "ALICE.R1")),
        (reject("R", "ALICE.R1"), reject("R", "~")),
        (reject("AJ", &own), reject("AJ", "ALICE.x1")),
        (reject("AJ", "ALICE.x1"), reject("AJ", "~")),
    ] {
        assert_eq!(r.of_dealer(said), meant);
    }
    // It is a real fill only under its name.
    let guessed = r.of_dealer(filled("ALICE.x1"));
    let out = answer(&mut r, "N", guessed, 300);
    assert!(!out.iter().any(|o| matches!(o, Output::ToDesk(..))), "{out:?}");
    let said = r.of_dealer(filled(&own));
    let out = answer(&mut r, "N", said, 300);
    assert!(out.iter().any(|o| matches!(o, Output::Traded(..))), "{out:?}");
}

/// The dealer cannot tell an RFQ that changed hands from one that did not.
#[test]
fn a_name_stays_when_an_rfq_changes_hands_and_ends_with_it() {
    let mut r = quoted();
    let name = r.called(&rfq("ALICE.R1"));
    let take = TakeOver { rfq: rfq("B1"), desk: desk("ALICE"), of: rfq("R1"), at: T0 + 150 };
    send(&mut r, "BOB", AppMessage::TakeOver(take), 150);
    assert_eq!(r.called(&rfq("ALICE.R1")), name);
    let AppMessage::QuoteResponse(a) = hit("B1:1", "N", "n1", "99.5") else { unreachable!() };
    let a = QuoteResponse { rfq: Some(rfq("B1")), ..a };
    let out = send(&mut r, "BOB", AppMessage::QuoteResponse(a), 200);
    assert_eq!(read_by_dealers(&r, &out), [format!("AJ {name}:~1")]);
    assert_eq!(r.accept_called(&accept(&format!("{name}:~1"))), accept("ALICE.R1:~1"));
    r.forget_one(&rfq("ALICE.R1"));
    let names = &r.names;
    assert!(names.rfqs.is_empty() && names.rfq_of.is_empty());
    assert!(names.accepts.is_empty() && names.accept_of.is_empty());
}

fn plain(names: impl FnMut() -> Option<NameBytes> + Send + 'static) -> Router {
    let desks = [DeskSettings { id: desk("ALICE"), dealers: BTreeSet::new() }];
    let n = DealerSettings { id: dealer("N"), name: "N".into(), counters: true, parts: false };
    let pairs = Catalogue::new([signet_rfq::test_double::eur_usd()]).unwrap();
    Router::new("V".into(), false, pairs, desks, [n], names)
}

fn asks(id: &str) -> Input {
    let q = QuoteRequest {
        instrument: signet_rfq::InstrumentId::new("EUR/USD").unwrap(),
        isin: false,
        quantity: 1_000.into(),
        ..request(id, &["N"])
    };
    Input::FromDesk(desk("ALICE"), AppMessage::QuoteRequest(q))
}

/// Without random bytes a dealer could be asked only under an id that tells the desk.
#[test]
fn without_randomness_nobody_is_asked_and_it_is_drawn_again_later() {
    let works = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (source, order) = (works.clone(), std::sync::atomic::Ordering::Relaxed);
    let mut r = plain(move || source.load(order).then_some([7; 10]));
    r.handle(T0, Input::DeskUp(desk("ALICE")));
    assert_eq!(r.keep(T0, &asks("R1")), crate::Keep::Nothing);
    let out = r.handle(T0, asks("R1"));
    let refused = |o: &Output| matches!(o, Output::ToDesk(_, AppMessage::QuoteRequestReject(_)));
    assert!(out.iter().any(refused) && r.dump().is_empty(), "{out:?}");
    works.store(true, order);
    r.handle(T0 + 1, Input::Tick);
    r.handle(T0 + 1, asks("R1"));
    assert!(is_name(r.called(&rfq("ALICE.R1")).as_str()));
    // A source that repeats itself is no source.
    let out = r.handle(T0 + 2, asks("R2"));
    assert!(out.iter().any(refused), "{out:?}");
}

/// The next start knows every name as it was written down, and gives none of them again.
#[test]
fn names_survive_a_restart_and_rfqs_of_an_earlier_version_go_on_under_the_gateways_ids() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("journal"), StoreKey::new([7; 32]));
    let open = |r: &mut Router| Journal::open(&path, &key, r, OnBadRecord::Stop).unwrap();
    let mut r = plain(counted());
    let mut journal = open(&mut r);
    for id in ["R1", "R2"] {
        let input = journal.record(T0, asks(id), &r).unwrap();
        r.handle(T0, input);
    }
    let named = |r: &Router, id: &str| r.called(&rfq(id)).to_string();
    let before = ["ALICE.R1", "ALICE.R2"].map(|id| named(&r, id));
    assert_ne!(before[0], before[1]);
    drop(journal);
    let mut again = plain(counted());
    let mut journal = open(&mut again);
    assert_eq!(["ALICE.R1", "ALICE.R2"].map(|id| named(&again, id)), before);
    again.handle(T0, Input::DeskUp(desk("ALICE")));
    let input = journal.record(T0 + 1, asks("R3"), &again).unwrap();
    again.handle(T0 + 1, input);
    let third = named(&again, "ALICE.R3");
    assert!(is_name(&third) && !before.contains(&third), "{third} {before:?}");
    // What an earlier version wrote down has no name, and its accept is known by its own id.
    let mut old = plain(counted());
    let Input::FromDesk(d, AppMessage::QuoteRequest(q)) = asks("R4") else { unreachable!() };
    old.replay(T0, Input::Decided(d, Decided::Request(q)), None);
    assert_eq!(named(&old, "ALICE.R4"), "ALICE.R4");
    let m = quote("ALICE.R4", "n1", "99.5", 9_000);
    assert_eq!(old.of_dealer(m.clone()), m);
    assert_eq!(old.name_of_accept(&rfq("ALICE.R4")), None);
}

proptest! {
    /// Whatever a source gives, no two RFQs have one name.
    #[test]
    fn no_two_have_one_name(bytes in prop::collection::vec(0_u8..4, 0..60)) {
        let mut all = bytes.into_iter();
        let mut names = DealerNames::new(move || all.next().map(|b| [b; 10]));
        let mut given = BTreeSet::new();
        for n in 0..10 {
            let Some(name) = names.take_next() else { continue };
            prop_assert!(given.insert(name.clone()), "{name} twice");
            names.name_rfq(&rfq(&format!("A.R{n}")), name);
        }
    }
}
