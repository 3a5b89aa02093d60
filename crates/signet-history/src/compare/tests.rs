use super::*;
use crate::{
    account::{SentAt, Signer, Way, fact_of},
    tests::*,
};
use signet_fix::{
    AppMessage,
    message::{
        ExecType, ExecutionReport, OrdStatus, QuoteMsg, QuoteRequest, QuoteResponse,
        QuoteStatusReport, RfqStatus,
    },
};

/// A gateway's evidence: what the desk signed and what the dealer sent, signed or not.
struct Evidence(Account);

impl Evidence {
    fn empty() -> Self {
        Self(Account { desk: DESK.into(), ..Account::default() })
    }

    fn whole() -> Self {
        let mut e = Self::empty();
        e.desk(T0 + 20, &request(5_000_000));
        e.dealer(T0 + 90, &quote("Q1", "99.125", FAR, true), true);
        e.desk(T0 + 220, &accept("Q1", "99.125"));
        e.dealer(T0 + 280, &trade("E1", "99.125", true), true);
        e
    }

    fn desk(&mut self, at: i64, m: &AppMessage) {
        self.add(at, Way::FromDesk, ENDS.desk.signs(m), Some(&ENDS.desk));
    }

    fn dealer(&mut self, at: i64, m: &AppMessage, signed: bool) {
        let frame = if signed { ENDS.dealer.signs(m) } else { plain(m) };
        self.add(at, Way::FromDealer(DEALER), frame, signed.then_some(&ENDS.dealer));
    }

    fn add(&mut self, at_ms: i64, way: Way<'_>, frame: Vec<u8>, signer: Option<&End>) {
        let (rfq, said) = fact_of(way, DESK, &frame).unwrap();
        let dealer = match way {
            Way::FromDealer(id) => Some(id.to_owned()),
            _ => None,
        };
        let (signer, place) =
            (signer.and_then(End::signer), format!("leaf {}", self.0.facts.len()));
        self.0.facts.push(Fact { rfq, at_ms, said, signer, dealer, place, restored: false, frame });
    }

    fn without(mut self, wanted: impl Fn(&Said) -> bool) -> Self {
        self.0.facts.retain(|f| !wanted(&f.said));
        self
    }

    fn moved(mut self, wanted: impl Fn(&Said) -> bool, ms: i64) -> Self {
        self.0.facts.iter_mut().filter(|f| wanted(&f.said)).for_each(|f| f.at_ms += ms);
        self
    }
}

fn is_request(s: &Said) -> bool {
    matches!(s, Said::Asked { .. })
}
fn is_quote(s: &Said) -> bool {
    matches!(s, Said::Quoted { .. })
}
fn is_accept(s: &Said) -> bool {
    matches!(s, Said::Accepted { .. })
}
fn is_trade(s: &Said) -> bool {
    matches!(s, Said::Traded { .. })
}

fn end() -> AppMessage {
    AppMessage::RfqCancel { rfq: signet_rfq::RfqId::new(RFQ).unwrap(), text: None }
}

/// A desk's history without one of its messages, written by a desk that lies by leaving it out.
fn desk_without(what: fn(&Said) -> bool) -> Account {
    let mut a = Written::traded().account();
    a.facts.retain(|f| !what(&f.said));
    a
}

#[test]
fn two_that_say_the_same_do_not_differ() {
    assert_eq!(
        compare(&Evidence::whole().0, &Written::traded().account(), Tolerance::default()),
        []
    );
}

/// Each lie by itself: which code names it, who the signatures speak against, and whose signature
/// proves it.
#[test]
fn every_lie_is_found_and_named() {
    let e = Evidence::whole;
    let told = || Written::traded().account();
    let replaced = |what: fn(&Said) -> bool, with: &dyn Fn(&mut Evidence)| {
        let mut changed = e().without(what);
        with(&mut changed);
        changed
    };
    let (gateway, desk, open) = (Blame::Gateway, Blame::Desk, Blame::Open);
    type Row = (&'static str, Evidence, Account, &'static str, Blame, &'static [&'static str]);
    let table: Vec<Row> = vec![
        // The gateway lies.
        (
            "it denies a request that it answered",
            e().without(is_request),
            told(),
            "request.denied_by_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it changed the request",
            replaced(is_request, &|e| {
                e.add(T0, Way::FromDesk, plain(&request(1_000_000)), None);
            }),
            told(),
            "request.differs",
            gateway,
            &["desk TRADER1"],
        ),
        (
            "it left out a quote that was traded",
            e().without(is_quote),
            told(),
            "quote.left_out_by_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it changed the price of a quote that was traded",
            replaced(is_quote, &|e| {
                e.dealer(T0 + 90, &quote("Q1", "99.5", FAR, true), false);
            }),
            told(),
            "quote.price",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it showed the desk another price than the dealer signed",
            replaced(is_quote, &|e| {
                e.dealer(T0 + 90, &quote("Q1", "99.1", FAR, true), true);
            }),
            told(),
            "quote.price",
            gateway,
            &["dealer NORTHBANK", "gateway SIGNET"],
        ),
        (
            "it changed the end of a quote",
            replaced(is_quote, &|e| {
                e.dealer(T0 + 90, &quote("Q1", "99.125", FAR + 1, true), false);
            }),
            told(),
            "quote.terms",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it moved the time of a request",
            e().moved(is_request, 9_000),
            told(),
            "request.time",
            open,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it moved the time of a quote",
            e().moved(is_quote, -9_000),
            told(),
            "quote.time",
            open,
            &["dealer NORTHBANK"],
        ),
        (
            "it moved the time of an accept",
            e().moved(is_accept, 9_000),
            told(),
            "accept.time",
            open,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it moved the time of a trade",
            e().moved(is_trade, -9_000),
            told(),
            "fill.time",
            open,
            &["dealer NORTHBANK", "gateway SIGNET"],
        ),
        (
            "it denies an accept that it answered",
            e().without(is_accept),
            told(),
            "accept.denied_by_gateway",
            gateway,
            &["gateway SIGNET", "desk TRADER1"],
        ),
        (
            "it changed an accept",
            replaced(is_accept, &|e| {
                e.add(T0 + 220, Way::FromDesk, plain(&accept("Q1", "99.9")), None);
            }),
            told(),
            "accept.differs",
            gateway,
            &["desk TRADER1"],
        ),
        (
            "it denies a trade",
            e().without(is_trade),
            told(),
            "fill.denied_by_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        (
            "it reported another price than the dealer",
            replaced(is_trade, &|e| {
                e.dealer(T0 + 280, &trade("E1", "99.1", true), true);
            }),
            told(),
            "fill.differs",
            gateway,
            &["gateway SIGNET", "dealer NORTHBANK"],
        ),
        (
            "it invented that a dealer passed",
            e(),
            {
                let mut w = Written::traded();
                w.hears(T0 + 60, &pass());
                w.account()
            },
            "pass.unknown_to_gateway",
            gateway,
            &["gateway SIGNET"],
        ),
        // The gateway kept a quote or a trade back.
        (
            "it did not pass on a quote",
            replaced(|_| false, &|e| {
                e.dealer(T0 + 95, &quote("Q2", "99.1", FAR, true), true);
            }),
            told(),
            "quote.not_at_desk",
            open,
            &["dealer NORTHBANK"],
        ),
        (
            "a trade did not reach the desk",
            e(),
            desk_without(is_trade),
            "fill.not_at_desk",
            open,
            &["dealer NORTHBANK"],
        ),
        // Or it says that the trader had ended the request by then.
        (
            "it invented that the trader ended the request",
            replaced(|_| false, &|e| {
                e.add(T0 + 93, Way::FromDesk, plain(&end()), None);
                e.dealer(T0 + 95, &quote("Q2", "99.1", FAR, true), true);
            }),
            told(),
            "end.denied_by_desk",
            open,
            &[],
        ),
        (
            "it says that the trader ended the request long before",
            replaced(|_| false, &|e| {
                e.desk(T0 + 93, &end());
                e.dealer(T0 + 95, &quote("Q2", "99.1", FAR, true), true);
            }),
            {
                let mut w = Written::traded();
                w.sends(T0 + 3_000, &end());
                w.account()
            },
            "end.time",
            open,
            &["desk TRADER1", "desk TRADER1"],
        ),
        // The desk lies.
        (
            "it denies that it ended the request",
            replaced(|_| false, &|e| e.desk(T0 + 500, &end())),
            told(),
            "end.denied_by_desk",
            desk,
            &["desk TRADER1"],
        ),
        (
            "it denies a request that it signed",
            e(),
            desk_without(is_request),
            "request.denied_by_desk",
            desk,
            &["desk TRADER1"],
        ),
        (
            "it denies an accept that it signed",
            e(),
            desk_without(is_accept),
            "accept.denied_by_desk",
            desk,
            &["desk TRADER1"],
        ),
        (
            "it signed two accepts of one name",
            replaced(is_accept, &|e| {
                e.desk(T0 + 220, &accept("Q1", "99.9"));
            }),
            told(),
            "accept.differs",
            desk,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it signed two requests of one name",
            replaced(is_request, &|e| {
                e.desk(T0 + 20, &request(1_000_000));
            }),
            told(),
            "request.differs",
            desk,
            &["desk TRADER1", "desk TRADER1"],
        ),
        (
            "it says that a quote had another price, and did not trade on it",
            e(),
            {
                let mut w = Written::new();
                w.sends(T0, &request(5_000_000));
                w.hears(T0 + 100, &quote("Q1", "98", FAR, false));
                w.account()
            },
            "quote.price",
            open,
            &["dealer NORTHBANK"],
        ),
    ];
    for (lie, evidence, history, code, against, by) in table {
        let found = compare(&evidence.0, &history, Tolerance::default());
        let named = found.iter().find(|d| d.code == code);
        let named = named.unwrap_or_else(|| panic!("{lie}: {found:#?}"));
        assert_eq!((named.rfq.as_str(), named.against), (RFQ, against), "{lie}: {named}");
        let signers: Vec<&str> = named.proof.iter().map(|p| p.signed_by.as_str()).collect();
        assert_eq!(signers, by, "{lie}: {named}");
        assert_eq!(named.explained, "", "{lie}: {named}");
    }
}

#[test]
fn what_nobody_can_be_blamed_for_is_explained() {
    // The request never arrived.
    let mut w = Written::new();
    w.sends(T0, &request(5_000_000));
    let found = compare(&Evidence::empty().0, &w.account(), Tolerance::default());
    assert_eq!((found.len(), found[0].against), (1, Blame::Open));
    assert!(found[0].explained.contains("may not have arrived"));
    // The gateway refused it before it kept it, and said so.
    w.hears(T0 + 1, &not_taken("R", RFQ));
    let found = compare(&Evidence::empty().0, &w.account(), Tolerance::default());
    assert_eq!((found.len(), found[0].against), (1, Blame::Open));
    assert!(found[0].explained.contains("refused"));
    // The desk was away when the quote came.
    let mut e = Evidence::whole();
    e.dealer(T0 - 60_000, &quote("Q0", "99.2", FAR, true), true);
    let found = compare(&e.0, &Written::traded().account(), Tolerance::default());
    assert_eq!((found.len(), found[0].code), (1, "quote.not_at_desk"));
    assert!(found[0].explained.contains("not connected"));
    // The desk says that it could not write.
    let mut w = Written::traded();
    w.add(T0 + 600, crate::What::Lost { records: 3, from_ms: T0, to_ms: T0 });
    let mut a = w.account();
    a.facts.retain(|f| !is_accept(&f.said));
    let found = compare(&Evidence::whole().0, &a, Tolerance::default());
    assert!(found[0].explained.contains("3 records"), "{found:?}");
}

/// A desk that is killed says nothing of its end, and lacks what it had not written: what it signed
/// then still speaks against it, and may be nobody's fault. A desk that runs has no such excuse.
#[test]
fn what_a_killed_desk_had_not_written_is_explained() {
    let started = || crate::What::Started { desk: DESK.into(), version: "1".into(), torn_bytes: 9 };
    let killed = |again: bool| {
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        w.hears(T0 + 50, &open());
        w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
        // The accept of 200 ms later was sent and not written down.
        if again {
            w.add(T0 + 5_000, started());
        }
        w.account()
    };
    let mut e = Evidence::whole().without(is_trade);
    let found = compare(&e.0, &killed(true), Tolerance::default());
    assert_eq!((found.len(), found[0].code), (1, "accept.denied_by_desk"), "{found:?}");
    assert_eq!(found[0].against, Blame::Desk);
    assert!(found[0].explained.contains("ended without a word"), "{found:?}");
    let found = compare(&e.0, &killed(false), Tolerance::default());
    assert_eq!((found.len(), found[0].explained.as_str()), (1, ""), "{found:?}");
    // Between its end and its start it was not connected either.
    e = Evidence::whole().without(|s| is_trade(s) || is_accept(s));
    e.dealer(T0 + 4_000, &quote("Q2", "99.1", FAR, true), true);
    let found = compare(&e.0, &killed(true), Tolerance::default());
    assert_eq!((found.len(), found[0].code), (1, "quote.not_at_desk"), "{found:?}");
    assert!(!found[0].explained.is_empty(), "{found:?}");
    // Long before, nothing explains that a request is not there.
    let mut w = Written::traded();
    w.add(T0 + 90_000, started());
    w.add(T0 + 90_001, crate::What::Down);
    w.add(T0 + 99_000, started());
    let mut a = w.account();
    let torn: Vec<(i64, i64)> = a.torn.iter().map(|t| (t.from_ms, t.to_ms)).collect();
    assert_eq!(torn, [(T0 + 90_001, T0 + 99_000)], "the first end was told");
    a.facts.retain(|f| !is_request(&f.said));
    let found = compare(&Evidence::whole().0, &a, Tolerance::default());
    assert_eq!((found[0].code, found[0].explained.as_str()), ("request.denied_by_desk", ""));
}

/// The same accept under another number.
fn second_accept() -> AppMessage {
    let AppMessage::QuoteResponse(r) = accept("Q1", "99.125") else { unreachable!() };
    let id = signet_rfq::AcceptId::new(format!("{RFQ}:2")).unwrap();
    AppMessage::QuoteResponse(QuoteResponse { id, ..r })
}

fn torn(w: &mut Written, at_ms: i64) {
    w.add(at_ms, crate::What::Started { desk: DESK.into(), version: "1".into(), torn_bytes: 0 });
}

/// A desk that is killed lacks the end of what it was to write. A desk that lies leaves something
/// out of the middle, or what was long before, and makes it look like a kill.
#[test]
fn a_killed_desk_lacks_the_end_of_what_it_wrote_and_nothing_else() {
    let mut e = Evidence::whole().without(is_trade);
    e.desk(T0 + 420, &second_accept());
    type Row = (&'static str, &'static [&'static str], fn(&mut Written), &'static str);
    let table: [Row; 7] = [
        ("both", &["R1:1", "R1:2"], |w| torn(w, T0 + 5_000), "ended without a word"),
        (
            "the last",
            &["R1:2"],
            |w| {
                w.sends(T0 + 200, &accept("Q1", "99.125"));
                torn(w, T0 + 5_000);
            },
            "ended without a word",
        ),
        (
            "one from the middle",
            &["R1:1"],
            |w| {
                w.sends(T0 + 400, &second_accept());
                torn(w, T0 + 5_000);
            },
            "",
        ),
        (
            "one that was answered",
            &["R1:1", "R1:2"],
            |w| {
                w.hears(T0 + 300, &trade("E1", "99.125", false));
                torn(w, T0 + 5_000);
            },
            "",
        ),
        (
            "one that was answered, and the clock was set back",
            &["R1:1", "R1:2"],
            |w| {
                w.hears(T0 + 300, &trade("E1", "99.125", false));
                let desk = DESK.into();
                let started = crate::What::Started { desk, version: "1".into(), torn_bytes: 0 };
                w.add_by(T0 - 86_400_000, None, started);
            },
            "",
        ),
        (
            "both, and it went on for a while",
            &["R1:1", "R1:2"],
            |w| {
                w.hears(T0 + 3_000, &quote("Q1", "99.125", FAR, false));
                torn(w, T0 + 5_000);
            },
            "",
        ),
        (
            "both, long before it ended",
            &["R1:1", "R1:2"],
            |w| {
                w.add(T0 + 5_000, crate::What::Down);
                torn(w, T0 + 5_100);
            },
            "",
        ),
    ];
    for (lacks, ids, goes_on, why) in table {
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        w.hears(T0 + 50, &open());
        w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
        goes_on(&mut w);
        // A tolerance between the times of one event is not how long a desk may forget.
        let found = compare(&e.0, &w.account(), Tolerance { clock_ms: 60_000 });
        let denied: Vec<_> = found.iter().filter(|d| d.code == "accept.denied_by_desk").collect();
        assert_eq!(denied.len(), ids.len(), "{lacks}: {found:?}");
        for (d, id) in denied.iter().zip(ids) {
            assert!(d.what.contains(id) && d.against == Blame::Desk, "{lacks}: {d}");
            let explained = d.explained.contains(why) && d.explained.is_empty() == why.is_empty();
            // The second was not.
            let other = lacks.starts_with("one that was answered") && *id == "R1:2";
            assert!(explained || other, "{lacks}: {d}");
            // What may explain it takes no signature back.
            assert!(d.to_string().ends_with("speaks against the desk"), "{d}");
        }
    }
}

/// Whoever has the laptop sets its clock before the desk starts again.
#[test]
fn a_start_by_a_wrong_clock_explains_nothing_else() {
    const DAY: i64 = 86_400_000;
    for wall in [T0 + 5_000, T0 + 365 * DAY, T0 - DAY] {
        for measured in [Some(T0 + 5_000), None] {
            for (at, explained) in
                [(T0 + 220, true), (T0 + 3_600_000, false), (T0 - 3_600_000, false)]
            {
                let mut w = Written::new();
                w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
                let desk = DESK.into();
                let started = crate::What::Started { desk, version: "1".into(), torn_bytes: 0 };
                w.add_by(wall, None, started);
                if let Some(measured) = measured {
                    w.add_by(wall + 1, Some(measured - wall - 1), crate::What::Down);
                }
                let mut e = Evidence::empty();
                e.desk(at, &accept("Q1", "99.125"));
                let found = compare(&e.0, &w.account(), Tolerance::default());
                let denied = found.iter().find(|d| d.code == "accept.denied_by_desk").unwrap();
                let name = format!("{wall} {measured:?} {at}");
                assert_eq!(!denied.explained.is_empty(), explained, "{name}: {denied}");
            }
        }
    }
}

/// Records that a desk could not write down explain what is of their time, and not what it had
/// written an answer to before.
#[test]
fn what_a_desk_could_not_write_down_is_of_that_time() {
    // When the accept of 220 ms was answered, what is lost, and the laptop's clock.
    for (name, answered, (from, to), offset, explained) in [
        ("then", None, (150, 250), 0, true),
        ("just later", None, (2_220, 3_000), 0, true),
        ("later", None, (2_221, 3_000), 0, false),
        ("just earlier", None, (-4_000, -1_780), 0, true),
        ("earlier", None, (-4_000, -1_781), 0, false),
        ("answered before", Some(140), (150, 250), 0, false),
        ("answered meanwhile", Some(240), (150, 250), 0, true),
        ("by another clock", None, (150, 250), -600_000, true),
    ] {
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        if let Some(at) = answered {
            w.hears(T0 + at, &trade("E1", "99.125", false));
        }
        let (from_ms, to_ms) = (T0 + from - offset, T0 + to - offset);
        let lost = crate::What::Lost { records: 3, from_ms, to_ms };
        w.add_by(T0 + 600 - offset, Some(offset), lost);
        let e = Evidence::whole().without(is_trade);
        let found = compare(&e.0, &w.account(), Tolerance::default());
        let denied = found.iter().find(|d| d.code == "accept.denied_by_desk").unwrap();
        let why = if explained { "3 records" } else { "" };
        assert!(denied.explained.contains(why), "{name}: {denied}");
        assert_eq!(denied.explained.is_empty(), !explained, "{name}: {denied}");
    }
}

/// On a day with more quotes than are kept nearly all of the day is such a time.
#[test]
fn quotes_that_a_desk_left_out_explain_missing_quotes_and_no_missing_accept() {
    for (quotes_only, explained) in [(true, ""), (false, "3 records")] {
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        let (records, from_ms, to_ms) = (3, T0, T0 + 500);
        let what = match quotes_only {
            true => crate::What::QuotesLeftOut { records, from_ms, to_ms },
            false => crate::What::Lost { records, from_ms, to_ms },
        };
        w.add_by(T0 + 600, Some(0), what);
        let e = Evidence::whole().without(is_trade);
        let found = compare(&e.0, &w.account(), Tolerance::default());
        let why = |code| &found.iter().find(|d| d.code == code).unwrap().explained;
        assert!(why("quote.not_at_desk").contains("3 records"), "{found:?}");
        let of_accept = why("accept.denied_by_desk");
        assert_eq!(of_accept.is_empty(), quotes_only, "{of_accept}");
        assert!(of_accept.contains(explained), "{of_accept}");
    }
}

/// A cut end looks like a kill, so all of it may be explained. Whoever has kept a checkpoint from
/// before the cut finds it.
#[test]
fn a_desk_that_cuts_off_the_end_is_found_by_whoever_has_kept_a_checkpoint() {
    let kept = Written::traded().note();
    let mut cut = Written::new();
    cut.sends(T0, &request(5_000_000));
    cut.hears(T0 + 50, &open());
    cut.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
    torn(&mut cut, T0 + 3_600_000);
    let found = compare(&Evidence::whole().0, &cut.account(), Tolerance::default());
    let codes: Vec<_> = found.iter().map(|d| (d.code, d.against)).collect();
    assert_eq!(
        codes,
        [("accept.denied_by_desk", Blame::Desk), ("fill.not_at_desk", Blame::Open)],
        "{found:?}"
    );
    assert!(found.iter().all(|d| !d.explained.is_empty()), "{found:?}");
    let v = crate::verify_since(&cut.export(&crate::Selection::default()), Some(&kept));
    let faults: Vec<_> = v.faults.iter().map(|f| f.code).collect();
    assert_eq!(faults, ["history.rewritten"], "{:?}", v.faults);
}

/// The desk's own time of a message is in it, and two of them are on one clock: that the venue's
/// clock is measured badly excuses nothing, and accuses nobody.
#[test]
fn what_a_desk_sent_after_something_is_told_by_its_own_clock() {
    let at = |at_ms, second: Option<&str>| {
        let time = second.map_or_else(String::new, |s| format!("52=20261118-12:00:{s}|"));
        let frame = format!("35=R|{time}131=R1|").replace('|', "\u{1}");
        SentAt::of(at_ms, &signet_fix::tagvalue::seal("FIX.4.4", frame.as_bytes()))
    };
    for (last, missing, after) in [
        (at(9, Some("10.000")), at(5, Some("11.000")), false),
        (at(5, Some("11.000")), at(9, Some("10.000")), true),
        (at(5, Some("10.000")), at(5, Some("10.000")), false),
        (at(9, None), at(5, Some("11.000")), true),
        (at(5, Some("11.000")), at(9, None), false),
    ] {
        assert_eq!(last.is_after(&missing), after, "{last:?} {missing:?}");
    }
}

/// A gateway that was killed while an accept was on its way says, when asked, that nobody has it:
/// it denies no accept that it had. One that answered the accept before had it.
#[test]
fn an_accept_that_a_gateway_never_had_speaks_against_nobody_unless_it_answered_it() {
    let told = |exec_type, status, why| without_trade(exec_type, status, why, false);
    let has = told(ExecType::New, OrdStatus::New, None);
    let unknown = told(ExecType::Status, OrdStatus::Rejected, Some(5));
    let refused = told(ExecType::Rejected, OrdStatus::Rejected, Some(99));
    let not_kept = not_taken("AJ", "R1:1");
    let other = not_taken("AJ", "R1:2");
    let no_answer = "the accept may not have arrived: the gateway answered nothing";
    let never = "the gateway says that it never had it";
    for (answers, against, why) in [
        (vec![], Blame::Open, no_answer),
        (vec![&unknown], Blame::Open, never),
        (vec![&unknown, &unknown], Blame::Open, never),
        (vec![&has], Blame::Gateway, ""),
        (vec![&has, &unknown], Blame::Gateway, ""),
        (vec![&unknown, &has], Blame::Gateway, ""),
        (vec![&refused], Blame::Gateway, ""),
        (vec![&refused, &unknown], Blame::Gateway, ""),
        (vec![&has, &refused], Blame::Gateway, ""),
        (vec![&not_kept], Blame::Open, "the gateway refused the accept"),
        (vec![&has, &not_kept], Blame::Gateway, ""),
        (vec![&not_kept, &refused], Blame::Gateway, ""),
        (vec![&other], Blame::Open, no_answer),
    ] {
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        w.hears(T0 + 50, &open());
        w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
        w.sends(T0 + 200, &accept("Q1", "99.125"));
        answers.iter().zip(1..).for_each(|(m, n)| w.hears(T0 + 200 + 50 * n, m));
        let e = Evidence::whole().without(|s| is_trade(s) || is_accept(s));
        let found = compare(&e.0, &w.account(), Tolerance::default());
        assert_eq!((found.len(), found[0].code), (1, "accept.denied_by_gateway"), "{found:?}");
        assert_eq!((found[0].against, found[0].explained.as_str()), (against, why), "{found:?}");
        let shown = found[0].proof.iter().any(|p| p.signed_by == "gateway SIGNET");
        let signs = |m: &&AppMessage| signet_fix::signature::commits_gateway(m.msg_type());
        assert_eq!(shown, answers.iter().any(signs), "{found:?}");
    }
}

/// A gateway that says of a request that it never had it, after it said that it did.
#[test]
fn a_request_that_a_gateway_answered_is_not_one_that_it_never_had() {
    let never = AppMessage::QuoteStatusReport(QuoteStatusReport::of_rfq(
        signet_rfq::RfqId::new(RFQ).unwrap(),
        signet_rfq::InstrumentId::new("DE000BU2Z049").unwrap(),
        RfqStatus::NotFound,
        None,
    ));
    let (has, refused, quoted) = (open(), refusal(), quote("Q1", "99.125", FAR, false));
    let (not_kept, not_ended) = (not_taken("R", RFQ), not_taken("Z", RFQ));
    let denied = |w: &Written| {
        let found = compare(&Evidence::empty().0, &w.account(), Tolerance::default());
        found.into_iter().find(|d| d.code == "request.denied_by_gateway").unwrap()
    };
    let no_answer = "the request may not have arrived: the gateway answered nothing";
    for (answers, against, why) in [
        (vec![], Blame::Open, no_answer),
        (vec![&never], Blame::Open, "the gateway says that it never had it"),
        (vec![&has, &never], Blame::Gateway, ""),
        (vec![&refused], Blame::Gateway, ""),
        (vec![&has, &refused], Blame::Gateway, ""),
        (vec![&not_kept], Blame::Open, "the gateway refused the request"),
        (vec![&not_ended], Blame::Open, no_answer),
        // Nobody signed the quote: it blames nobody, and the gateway answered.
        (vec![&quoted], Blame::Open, ""),
        (vec![&quoted, &never], Blame::Open, ""),
        (vec![&quoted, &not_kept], Blame::Open, ""),
    ] {
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        answers.iter().zip(1..).for_each(|(m, n)| w.hears(T0 + 50 * n, m));
        let d = denied(&w);
        assert_eq!((d.against, d.explained.as_str()), (against, why), "{answers:?}: {d}");
    }
    let mut w = Written::new();
    w.sends(T0, &request(5_000_000));
    let frame = ENDS.gateway.signs(&quoted);
    w.add(T0 + 50, crate::observe(crate::Seen::Received { frame: &frame, signed: true }).unwrap());
    assert_eq!(denied(&w).against, Blame::Gateway);
}

/// The request that the gateway had first says for how long, and the gateway's clock from when. A
/// desk excuses nothing with another of this name, nor with a clock of its own.
#[test]
fn a_quote_after_the_time_of_its_request_is_explained() {
    let AppMessage::QuoteRequest(q) = request(5_000_000) else { unreachable!() };
    let past = QuoteRequest { expires: signet_rfq::UtcMillis(T0 - 1), ..q };
    let mut told = Written::new();
    told.sends(T0, &request(5_000_000));
    told.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
    let over = |e: &Evidence, w: &Written| {
        let found = compare(&e.0, &w.account(), Tolerance::default());
        let kept = found.iter().find(|d| d.code == "quote.not_at_desk").cloned();
        kept.unwrap_or_else(|| panic!("{found:?}")).explained.contains("was over")
    };
    // It came to the gateway 20 ms after the time that the desk says.
    for (at, explained) in [(FAR, false), (FAR + 19, false), (FAR + 20, true)] {
        let mut e = Evidence::whole().without(|s| is_trade(s) || is_accept(s));
        e.dealer(at, &quote("Q2", "99.1", FAR + 5_000, true), true);
        assert_eq!(over(&e, &told), explained, "{at}");
    }
    let mut e = Evidence::whole().without(|s| is_trade(s) || is_accept(s));
    e.dealer(T0 + 5_000, &quote("Q2", "99.1", FAR, true), true);
    told.sends(T0 + 101, &AppMessage::QuoteRequest(past.clone()));
    let rfq = signet_rfq::RfqId::new(RFQ).unwrap();
    told.sends(T0 + 102, &AppMessage::RfqCancel { rfq, text: None });
    assert!(!over(&e, &told), "the desk's word for itself");
    e.desk(T0 + 120, &AppMessage::QuoteRequest(past));
    assert!(!over(&e, &told), "a second one that the gateway had and refused");
}

/// The longest life of the requests that the gateway had by then counts, and one that waited for a
/// touch lives from its release.
#[test]
fn a_request_that_was_over_at_once_excuses_no_quote() {
    let AppMessage::QuoteRequest(q) = request(5_000_000) else { unreachable!() };
    let mut told = Written::new();
    told.sends(T0, &request(5_000_000));
    type Times = &'static [(i64, i64)];
    // Requests of the name with their lives, what was decided until when; of a quote of 5 s later.
    let table: [(&str, Times, Times, bool); 7] = [
        ("over at once", &[(20, 0)], &[], true),
        ("over at once, and another", &[(20, 0), (30, 60_000)], &[], false),
        ("another that is over at once", &[(20, 60_000), (30, 0)], &[], false),
        ("another that came later", &[(20, 2_000), (9_000, 60_000)], &[], true),
        ("it waited", &[(20, 2_000)], &[(4_000, 6_000)], false),
        ("it waited, and is over", &[(20, 2_000)], &[(1_000, 3_000)], true),
        ("released later", &[(20, 2_000)], &[(9_000, 60_000)], true),
    ];
    for (name, requests, decided, explained) in table {
        let mut e = Evidence::empty();
        for (at, ttl) in requests {
            let expires = signet_rfq::UtcMillis(T0 + ttl);
            e.desk(T0 + at, &AppMessage::QuoteRequest(QuoteRequest { expires, ..q.clone() }));
        }
        let decided = decided.iter().map(|(from, end)| (T0 + from, T0 + end)).collect();
        e.0.decided.insert(RFQ.into(), decided);
        e.dealer(T0 + 5_000, &quote("Q2", "99.1", FAR, true), true);
        let found = compare(&e.0, &told.account(), Tolerance::default());
        let kept = found.iter().find(|d| d.code == "quote.not_at_desk").expect(name);
        assert_eq!(kept.explained.contains("was over"), explained, "{name}: {kept}");
    }
}

/// A word that was lost on its way is said again, and the gateway has the last one.
#[test]
fn an_end_that_the_gateway_had_later_does_not_differ() {
    let mut w = Written::traded();
    w.sends(T0 + 300, &end());
    w.sends(T0 + 30_000, &end());
    let mut e = Evidence::whole();
    e.desk(T0 + 30_010, &end());
    assert_eq!(compare(&e.0, &w.account(), Tolerance::default()), []);
    // The desk's word alone ends nothing at the gateway.
    assert_eq!(compare(&Evidence::whole().0, &w.account(), Tolerance::default()), []);
}

/// An accept leaves nothing to take until it has come to nothing, as the dealer says or as the
/// gateway signed.
#[test]
fn a_quote_after_an_accept_that_came_to_nothing_is_compared() {
    let rejected =
        |to_gateway| without_trade(ExecType::Rejected, OrdStatus::Rejected, Some(99), to_gateway);
    let pending = without_trade(ExecType::PendingNew, OrdStatus::PendingNew, None, true);
    type End = fn(&mut Evidence, &mut Written, &AppMessage);
    let of_dealer: End = |e, _, m| e.dealer(T0 + 1_000, m, false);
    let signed: End = |_, w, m| w.hears(T0 + 1_000, m);
    let unsigned: End = |_, w, m| {
        let frame = plain(m);
        let seen = crate::Seen::Received { frame: &frame, signed: false };
        w.add(T0 + 1_000, crate::observe(seen).unwrap());
    };
    for (name, end, m, at, named) in [
        ("declined", of_dealer, rejected(true), 5_000, true),
        ("declined just then", of_dealer, rejected(true), 1_000, true),
        ("declined later", of_dealer, rejected(true), 999, false),
        ("not decided", of_dealer, pending, 5_000, false),
        ("refused", signed, rejected(false), 5_000, true),
        ("refused later", signed, rejected(false), 999, false),
        ("the desk's own word", unsigned, rejected(false), 5_000, false),
    ] {
        let mut e = Evidence::whole().without(is_trade);
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
        w.sends(T0 + 200, &accept("Q1", "99.125"));
        end(&mut e, &mut w, &m);
        e.dealer(T0 + at, &quote("Q2", "99.1", FAR, true), true);
        let found = compare(&e.0, &w.account(), Tolerance::default());
        let is_named = found.iter().any(|d| d.code == "quote.not_at_desk");
        assert_eq!(is_named, named, "{name}: {found:?}");
    }
}

/// A trade of which the gateway learned by asking: the dealer's answer has the totals only, no
/// LastQty (32). The gateway tells it as a report or, after a logon, as a state.
#[test]
fn a_trade_that_a_dealer_stated_when_asked_is_a_trade() {
    let report = |exec: &str, price: &str, kind, last, to_gateway| {
        let AppMessage::ExecutionReport(e) = trade(exec, price, to_gateway) else { unreachable!() };
        let last = e.last.filter(|_| last);
        AppMessage::ExecutionReport(ExecutionReport { exec_type: kind, last, ..e })
    };
    let stated = |exec: &str, price: &str| report(exec, price, ExecType::Status, false, true);
    let state = report("E1", "99.125", ExecType::Status, true, false);
    let told = report("E1", "99.125", ExecType::Trade, true, false);
    let known = trade("E1", "99.125", true);
    for (name, dealer, desk, wanted) in [
        ("told as a state", vec![stated("E1", "99.125")], vec![&state], vec![]),
        ("told as a report", vec![stated("E1", "99.125")], vec![&told], vec![]),
        ("told twice", vec![stated("E1", "99.125")], vec![&told, &state], vec![]),
        ("at another price", vec![stated("E1", "99")], vec![&state], vec!["fill.differs"]),
        ("never stated", vec![], vec![&state], vec!["fill.denied_by_gateway"]),
        ("not told", vec![stated("E1", "99.125")], vec![], vec!["fill.not_at_desk"]),
        ("known before", vec![known.clone(), stated("E7", "99.125")], vec![&told], vec![]),
        ("known after", vec![stated("E7", "99.125"), known.clone()], vec![&told], vec![]),
        (
            "known, and told to nobody",
            vec![known.clone(), stated("E7", "99.125")],
            vec![],
            vec!["fill.not_at_desk"],
        ),
    ] {
        let mut e = Evidence::whole().without(is_trade);
        dealer.iter().zip(1..).for_each(|(m, n)| e.dealer(T0 + 250 + 10 * n, m, false));
        let mut w = Written::new();
        w.sends(T0, &request(5_000_000));
        w.hears(T0 + 50, &open());
        w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
        w.sends(T0 + 200, &accept("Q1", "99.125"));
        desk.iter().zip(1..).for_each(|(m, n)| w.hears(T0 + 260 + 10 * n, m));
        let found = compare(&e.0, &w.account(), Tolerance::default());
        assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), wanted, "{name}: {found:?}");
    }
}

/// A report of this kind at 99.125: so many millions by itself, and so many so far.
fn report(exec: &str, kind: ExecType, (last, total): (Option<u32>, u32)) -> ExecutionReport {
    let AppMessage::ExecutionReport(e) = trade(exec, "99.125", true) else { unreachable!() };
    let size = |millions: u32| Decimal::from(millions) * Decimal::from(1_000_000);
    let last = last.map(|l| signet_rfq::Level { price: e.avg_px, size: size(l) });
    ExecutionReport { exec_type: kind, last, cum_qty: size(total), ..e }
}

fn fill(exec: &str, last: u32, total: u32) -> ExecutionReport {
    report(exec, ExecType::Trade, (Some(last), total))
}

/// A dealer's answer when it is asked.
fn state(exec: &str, total: u32) -> ExecutionReport {
    report(exec, ExecType::Status, (None, total))
}

/// The gateway tells a trade after a logon: under the ExecID of the last execution, as a whole.
fn told(exec: &str, total: u32) -> ExecutionReport {
    report(exec, ExecType::Status, (Some(total), total))
}

/// The same report as the gateway passes it on.
fn passed_on(e: &ExecutionReport) -> AppMessage {
    let accept = signet_rfq::AcceptId::new(format!("{RFQ}:1")).unwrap();
    let dealer = Some(signet_rfq::DealerId::new(DEALER).unwrap());
    AppMessage::ExecutionReport(ExecutionReport { accept, dealer, ..e.clone() })
}

/// What differs when the dealers report one thing and the desk is told the other.
fn of_trades(dealers: &[(&str, ExecutionReport)], desk: &[ExecutionReport]) -> Vec<Difference> {
    let mut e = Evidence::whole().without(is_trade);
    for ((dealer, r), n) in dealers.iter().zip(1..) {
        let frame = plain(&AppMessage::ExecutionReport(r.clone()));
        e.add(T0 + 250 + 10 * n, Way::FromDealer(dealer), frame, None);
    }
    let mut w = Written::new();
    w.sends(T0, &request(5_000_000));
    w.hears(T0 + 50, &open());
    w.hears(T0 + 100, &quote("Q1", "99.125", FAR, false));
    w.sends(T0 + 200, &accept("Q1", "99.125"));
    desk.iter().zip(1..).for_each(|(r, n)| w.hears(T0 + 400 + 10 * n, &passed_on(r)));
    compare(&e.0, &w.account(), Tolerance::default())
}

/// A state tells of all executions together: it is neither one of them, nor does it differ from one
/// of them because that one is a part only.
#[test]
fn a_state_is_held_against_what_the_executions_come_to() {
    const DIFFERS: &str = "fill.differs";
    const DENIED: &str = "fill.denied_by_gateway";
    const MISSING: &str = "fill.not_at_desk";
    let two = || vec![fill("E1", 2, 2), fill("E2", 3, 5)];
    let at = |price: &str, r: ExecutionReport| {
        let price = price.parse().unwrap();
        let last = r.last.map(|l| signet_rfq::Level { price, ..l });
        ExecutionReport { last, avg_px: price, ..r }
    };
    let bust = |of: &str| {
        let r = report("B1", ExecType::TradeCancel, (Some(3), 2));
        ExecutionReport { exec_ref: Some(of.into()), ..r }
    };
    let cancelled = || report("C1", ExecType::Cancelled, (None, 2));
    type Row = (&'static str, Vec<ExecutionReport>, Vec<ExecutionReport>, &'static [&'static str]);
    let table: Vec<Row> = vec![
        ("fills one by one", two(), two(), &[]),
        ("one state instead", two(), vec![told("E2", 5)], &[]),
        ("fills, then a state", two(), vec![fill("E1", 2, 2), told("E2", 5)], &[]),
        ("all, and a state", two(), vec![fill("E1", 2, 2), fill("E2", 3, 5), told("E2", 5)], &[]),
        (
            "a dealer's state, then its fills",
            vec![state("S", 2), fill("E1", 2, 2), fill("E2", 3, 5)],
            vec![state("S", 2), fill("E1", 2, 2), fill("E2", 3, 5)],
            &[],
        ),
        (
            "a dealer's state, then its fills, told as one",
            vec![state("S", 2), fill("E1", 2, 2), fill("E2", 3, 5)],
            vec![told("E2", 5)],
            &[],
        ),
        (
            "the fill behind a state, when nobody heard it",
            vec![state("S", 5), fill("E1", 5, 5)],
            vec![told("S", 5)],
            &[],
        ),
        (
            "a state of which the fills were told",
            vec![state("S", 5), fill("E1", 2, 2), fill("E2", 3, 5)],
            two(),
            &[],
        ),
        (
            "a dealer that repeats itself",
            vec![state("0", 2), state("0", 2), state("0", 5)],
            vec![state("0", 2), state("0", 5)],
            &[],
        ),
        (
            "of which the last was heard",
            vec![state("0", 2), state("0", 5)],
            vec![told("0", 5)],
            &[],
        ),
        (
            "a state with the quantity of the last fill",
            vec![fill("E1", 2, 2), report("S", ExecType::Status, (Some(3), 5))],
            vec![fill("E1", 2, 2), told("S", 5)],
            &[],
        ),
        ("an end that was executed in part", vec![cancelled()], vec![cancelled()], &[]),
        ("the same, told as a state", vec![cancelled()], vec![told("C1", 2)], &[]),
        ("a bust", [two(), vec![bust("E2")]].concat(), vec![told("E2", 2)], &[]),
        // What contradicts.
        ("less than was executed", two(), vec![told("E2", 4)], &[DIFFERS, MISSING]),
        ("all, and less", two(), [two(), vec![told("E2", 4)]].concat(), &[DIFFERS]),
        ("another price", two(), [two(), vec![at("99", told("E2", 5))]].concat(), &[DIFFERS]),
        ("another sum", two(), vec![fill("E1", 2, 2), fill("E2", 3, 4)], &[DIFFERS]),
        ("what was before", two(), vec![told("E1", 2)], &[MISSING]),
        (
            "what was before a state",
            vec![state("0", 2), state("0", 5)],
            vec![told("0", 2)],
            &[MISSING],
        ),
        (
            "more, in the second state",
            vec![state("0", 2)],
            vec![told("0", 2), told("0", 5)],
            &[DIFFERS],
        ),
        ("a fill that was kept back", two(), vec![fill("E1", 2, 2)], &[MISSING]),
        (
            "a state that was kept back",
            vec![fill("E1", 2, 2), state("S", 5)],
            vec![fill("E1", 2, 2)],
            &[MISSING],
        ),
        ("a bust that was kept back", [two(), vec![bust("E2")]].concat(), two(), &[MISSING]),
        ("a state of nothing", vec![], vec![told("C1", 2)], &[DENIED]),
    ];
    for (name, dealer, desk, wanted) in table {
        let dealers: Vec<_> = dealer.into_iter().map(|r| (DEALER, r)).collect();
        let found = of_trades(&dealers, &desk);
        let codes: Vec<_> = found.iter().map(|d| d.code).collect();
        assert_eq!(codes, wanted, "{name}: {found:#?}");
        let signed = |d: &&Difference| [DIFFERS, DENIED].contains(&d.code);
        assert!(found.iter().filter(signed).all(|d| d.against == Blame::Gateway), "{found:#?}");
    }
}

/// A dealer accuses nobody: neither by a report about another one's accept, nor by marking its own
/// as in dispute. What the gateway told as in dispute was told.
#[test]
fn a_dealer_puts_no_blame_on_the_gateway() {
    let disputed = |r: ExecutionReport| ExecutionReport { disputed: true, ..r };
    let more = || fill("E9", 9, 11);
    let own = of_trades(&[(DEALER, disputed(fill("E1", 5, 5)))], &[fill("E1", 5, 5)]);
    assert_eq!(own, []);
    let two = [(DEALER, fill("E1", 5, 5)), (DEALER, more())];
    assert_eq!(of_trades(&two, &[fill("E1", 5, 5), disputed(more())]), []);
    let told_of_one = [told("E1", 5), disputed(more())];
    assert_eq!(of_trades(&two, &told_of_one), [], "what is in dispute is in no sum");
    let kept_back = of_trades(&two, &[fill("E1", 5, 5)]);
    assert_eq!(kept_back.iter().map(|d| d.code).collect::<Vec<_>>(), ["fill.not_at_desk"]);
    // Under the same name, and first.
    let stranger = [("SOUTHBANK", fill("E1", 1, 1)), (DEALER, fill("E1", 5, 5))];
    let found = of_trades(&stranger, &[fill("E1", 5, 5)]);
    let [d] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((d.code, d.against), ("fill.not_at_desk", Blame::Open), "{d}");
    assert!(d.explained.contains("the desk sent the accept to NORTHBANK"), "{d}");
}

/// A quote that comes when nothing can be taken any longer is not passed on, and a part of a
/// history says nothing of what is not in it.
#[test]
fn what_the_other_side_need_not_have_is_no_difference() {
    let mut e = Evidence::whole();
    e.dealer(T0 + 5_000, &quote("Q9", "99", FAR, true), true);
    e.dealer(T0 + 95, &quote("Q8", "99", T0 + 95, true), true);
    assert_eq!(compare(&e.0, &Written::traded().account(), Tolerance::default()), []);
    let part = Account { part: true, desk: DESK.into(), ..Account::default() };
    assert_eq!(compare(&Evidence::whole().0, &part, Tolerance::default()), []);
    let other = Account { only: Some("R7".into()), ..Account::default() };
    assert_eq!(compare(&other, &Written::traded().account(), Tolerance::default()), []);
    let later = Account { from_ms: Some(T0 + 1_000_000), ..Account::default() };
    assert_eq!(compare(&later, &Written::traded().account(), Tolerance::default()), []);
}

#[test]
fn the_tolerance_is_the_callers() {
    let e = Evidence::whole().moved(is_quote, -900);
    let history = Written::traded().account();
    assert_eq!(compare(&e.0, &history, Tolerance { clock_ms: 1_000 }), []);
    assert_eq!(compare(&e.0, &history, Tolerance { clock_ms: 500 })[0].code, "quote.time");
}

/// The same message about a package whose second leg has this price, or this quantity.
fn package(m: AppMessage, price: i64, quantity: i64) -> AppMessage {
    use signet_rfq::{InstrumentId, Leg, Side, StatedLeg};
    let leg = |id: &str, side, quantity: i64| Leg {
        instrument: InstrumentId::new(id).unwrap(),
        side,
        ratio: 1.into(),
        quantity: quantity.into(),
        settlement_date: "20261201".into(),
    };
    let legs = vec![leg("A", Side::Buy, 5), leg("B", Side::Sell, quantity)];
    let stated = |l: &Leg, price: i64| StatedLeg {
        bid: Some(price.into()),
        last: Some(price.into()),
        ..StatedLeg::of(l)
    };
    let stated = vec![stated(&legs[0], 99), stated(&legs[1], price)];
    match m {
        AppMessage::QuoteRequest(q) => AppMessage::QuoteRequest(QuoteRequest {
            instrument: InstrumentId::package(),
            isin: false,
            legs,
            ..q
        }),
        AppMessage::Quote(q) => {
            AppMessage::Quote(QuoteMsg { instrument: InstrumentId::package(), legs: stated, ..q })
        }
        AppMessage::QuoteResponse(r) => AppMessage::QuoteResponse(QuoteResponse {
            instrument: InstrumentId::package(),
            isin: false,
            legs: stated,
            ..r
        }),
        AppMessage::ExecutionReport(e) => AppMessage::ExecutionReport(ExecutionReport {
            instrument: InstrumentId::package(),
            legs: stated,
            ..e
        }),
        other => other,
    }
}

#[test]
fn a_leg_that_differs_is_found_and_told() {
    let account = |m: &AppMessage, way: Way<'_>| {
        let frame = plain(m);
        let (rfq, said) = fact_of(way, DESK, &frame).unwrap();
        let mut a = Account::of_desk(DESK, false);
        a.up(T0 - 10_000);
        let (signer, dealer, place) = (None, None, "leaf 0".to_owned());
        a.facts.push(Fact { rfq, at_ms: T0, said, signer, dealer, place, restored: false, frame });
        a
    };
    for (m, way, code) in [
        (request(5_000_000), Way::FromDesk, "request.differs"),
        (quote("q1", "99.5", FAR, false), Way::ToDesk, "quote.price"),
        (accept("q1", "99.5"), Way::FromDesk, "accept.differs"),
        (trade("e1", "99.5", false), Way::ToDesk, "fill.differs"),
    ] {
        let with = |price, quantity| account(&package(m.clone(), price, quantity), way);
        let at = |gateway: &Account| compare(gateway, &with(98, 10), Tolerance::default());
        assert_eq!(at(&with(98, 10)), [], "{code}");
        let other = at(&with(98, 11));
        assert_eq!(other.iter().map(|d| d.code).collect::<Vec<_>>(), [code]);
        let told = other[0].gateway.as_ref().unwrap();
        assert!(told.contains("legs: Buy 5 of A") && told.contains("Sell 11 of B"), "{told}");
        if code != "request.differs" {
            assert_eq!(at(&with(97, 10)).len(), 1, "{code}: the price of one leg");
        }
    }
}

/// Neither side hides an RFQ behind a hand-over that the other did not sign.
#[test]
fn an_rfq_that_changed_hands_is_named_and_only_a_signature_says_so() {
    let handed = |by: Option<Signer>| {
        let mut a = Written::traded().account();
        let (rfq, place) = (a.facts[0].rfq.clone(), "record 9".into());
        let (at_ms, frame) = (a.facts[0].at_ms, Vec::new());
        let said = Said::HandedOver;
        let (signer, dealer) = (by, None);
        a.facts.push(Fact { rfq, at_ms, said, signer, dealer, place, restored: false, frame });
        a
    };
    let signer = |gateway| Signer {
        who: "somebody".into(),
        gateway,
        certificate: String::new(),
        serial: String::new(),
    };
    let lies = || Evidence::whole().without(is_request);
    let codes = |gateway: &Account, desk: &Account| {
        let all = compare(gateway, desk, Tolerance::default());
        all.into_iter().map(|d| d.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&lies().0, &handed(Some(signer(true)))), ["rfq.changed_hands"]);
    for own_word in [None, Some(signer(false))] {
        assert_eq!(codes(&lies().0, &handed(own_word)), ["request.denied_by_gateway"]);
    }
    // The gateway's own word for it.
    let mut unsigned = lies();
    let last = handed(None).facts.pop().unwrap();
    unsigned.0.facts.push(last.clone());
    let told = Written::traded().account();
    assert_eq!(codes(&unsigned.0, &told), ["request.denied_by_gateway"]);
    let mut signed = lies();
    signed.0.facts.push(Fact { signer: Some(signer(false)), ..last });
    assert_eq!(codes(&signed.0, &told), ["rfq.changed_hands"]);
}

/// What was accepted of what was quoted, where the two sides do not say the same accept. Q1 is for
/// five million.
#[test]
fn an_accept_of_a_part_is_told_with_what_its_quote_was_for() {
    for (size, at_gateway, at_desk, words) in [
        (5_000_000, 2_000_000, 5_000_000, ["Buy 2000000 (of 5000000 quoted) of", "Buy 5000000 of"]),
        (3_000_000, 2_000_000, 3_000_000, ["Buy 2000000 (of 3000000 quoted) of", "Buy 3000000 of"]),
        // No more of a larger quote than was asked for.
        (9_000_000, 2_000_000, 5_000_000, ["Buy 2000000 (of 5000000 quoted) of", "Buy 5000000 of"]),
    ] {
        let mut gateway = Evidence::whole().0;
        let mut desk = Written::traded().account();
        for (account, taken) in [(&mut gateway, at_gateway), (&mut desk, at_desk)] {
            for f in &mut account.facts {
                match &mut f.said {
                    Said::Quoted { offer: Some(offer), .. } => offer.size = size.into(),
                    Said::Accepted { quantity, .. } => *quantity = taken.into(),
                    _ => {}
                }
            }
        }
        let found = compare(&gateway, &desk, Tolerance::default());
        let [differs] = &found[..] else { panic!("{found:?}") };
        assert_eq!(differs.code, "accept.differs");
        for (told, words) in [&differs.gateway, &differs.desk].into_iter().zip(words) {
            assert!(told.as_ref().is_some_and(|t| t.contains(words)), "{told:?} {words}");
        }
        // Two sides that say the same part do not differ.
        for f in &mut desk.facts {
            if let Said::Accepted { quantity, .. } = &mut f.said {
                *quantity = at_gateway.into();
            }
        }
        assert_eq!(compare(&gateway, &desk, Tolerance::default()), []);
    }
}

/// The gateway passes on one side of a two-way quote when the other one is smaller than was asked
/// for at least. A larger one must be at the desk.
#[test]
fn a_side_that_was_too_small_is_not_missed_at_the_desk() {
    use signet_rfq::{Ask, Level};
    for (size, codes) in [(1_999_999, &[][..]), (2_000_000, &["quote.price"][..])] {
        let mut gateway = Evidence::whole().0;
        let mut desk = Written::traded().account();
        for f in gateway.facts.iter_mut().chain(&mut desk.facts) {
            if let Said::Asked { ask, min_quantity, .. } = &mut f.said {
                (*ask, *min_quantity) = (Ask::TwoWay, Some(2_000_000.into()));
            }
        }
        for f in &mut gateway.facts {
            if let Said::Quoted { bid, .. } = &mut f.said {
                *bid = Some(Level { price: "99.1".parse().unwrap(), size: size.into() });
            }
        }
        let found = compare(&gateway, &desk, Tolerance::default());
        let found: Vec<_> = found.iter().map(|d| d.code).collect();
        assert_eq!(found, codes, "{size}");
    }
}
