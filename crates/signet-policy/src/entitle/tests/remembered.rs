//! A remembered decision is the one that the policies would make.

use super::*;
use crate::entitle::{
    actions,
    evaluate::About,
    sight::{NUMBERS, OFF_MARKET},
};
use proptest::prelude::*;
use std::iter;

/// Two traders, two dealers and two bonds that nothing tells apart, and others that something does.
const FIRM: &str = "reporting_currency = 'EUR'\n[rates]\nUSD = '0.5'\nGBP = '1.25'\n\
    [groups]\ndesk = ['alice', 'bob', 'carol']\njuniors = ['carol']\n\
    [panels]\nall = ['NORTHBANK', 'HARBOUR']\nfx = ['MERIDIAN']\n\
    [lists]\nbunds = ['DBR 2.5 02/35', 'DE000BU2Z031']\n[admin_groups]\nops = ['oscar', 'otto']\n";

fn firm(policies: &str) -> CedarEntitlements {
    try_load(&cedar(policies), FIRM).unwrap()
}

fn permit(condition: &str) -> String {
    format!(
        "@id('p') permit (principal, action in Action::'trade', resource) when {{ {condition} }};"
    )
}

fn written(text: &str) -> Scenario {
    toml::from_str(text).unwrap()
}

/// Both are asked in both orders and twice; the answers differ, and are those of the policies.
fn told_apart(policies: &str, one: &Scenario, other: &Scenario) {
    let e = firm(policies);
    let all = [one, other, one, other, other, one];
    let ask = |s: &&Scenario| s.decide(&e).unwrap();
    let mut remembered: Vec<Verdict> = all.iter().map(ask).collect();
    e.forget();
    remembered.extend(all.iter().rev().map(ask));
    e.memory.poison();
    let evaluated: Vec<Verdict> = all.iter().chain(all.iter().rev()).map(ask).collect();
    assert_eq!(remembered, evaluated, "{policies}");
    assert_ne!(evaluated[0].outcome(), evaluated[1].outcome(), "{policies}");
}

#[test]
fn every_number_is_told_apart_however_policies_look_at_it() {
    let table = [
        ("quantity", "quantity = '10'", "quantity = '11'"),
        ("notional", "quantity = '10'", "quantity = '11'"),
        ("dayNotional", "quantity = '1'\nday = '9'", "quantity = '1'\nday = '10'"),
        ("outstanding", "quantity = '1'\noutstanding = '9'", "quantity = '1'\noutstanding = '10'"),
        ("openRfqs", "open_rfqs = 9", "open_rfqs = 10"),
        ("dealers", "dealers = 10", "dealers = 11"),
        ("idleSeconds", "idle_seconds = 10", "idle_seconds = 11"),
        (OFF_MARKET, "off_market_bps = 10", "off_market_bps = 11"),
    ];
    assert!(table.iter().map(|(name, ..)| *name).eq(NUMBERS.into_iter().chain([OFF_MARKET])));
    for (name, ten, eleven) in table {
        let present = if name == OFF_MARKET { "context has offMarketBps && " } else { "" };
        for condition in [
            "N > 10",
            "10 < N",
            "N >= 11",
            "N != 10",
            "N == 11",
            "!(N <= 10)",
            "!(11 > N)",
            "N + 0 > 10",
            "N * 2 > 21",
            "-N < -10",
            "[11, 12].contains(N)",
            "{a: N}.a > 10",
            "(if N == 11 then true else false)",
            "N > N - N + 10",
        ] {
            let condition = condition.replace('N', &format!("context.{name}"));
            let policy = permit(&format!("{present}{condition}"));
            told_apart(&policy, &scenario(ten), &scenario(eleven));
        }
    }
}

#[test]
fn everything_else_of_a_trade_is_told_apart() {
    for (condition, one, other) in [
        ("context.firstToday", "", "first_today = true"),
        ("context.newDealer", "", "new_dealer = true"),
        ("context has offMarketBps", "", "off_market_bps = 7"),
        ("context.side == Side::'sell'", "", "side = 'sell'"),
        ("action == Action::'request'", "", "action = 'request'"),
        ("action == Action::'request'", "action = 'accept'", "action = 'counter'"),
        ("context.touched", "", "touched = true"),
        ("context.touched", "second_person = true", "touched = true\nsecond_person = true"),
        ("context.secondPerson", "touched = true", "touched = true\nsecond_person = true"),
        ("context.currency == Currency::'GBP'", "instrument = 'EUR/USD'", "instrument = 'GBP/USD'"),
        (
            "context.instrument.class == Class::'FX spot'",
            "instrument = 'IT0005534141'",
            "instrument = 'EUR/USD'",
        ),
        ("context.instrument in List::'bunds'", "instrument = 'IT0005534141'", ""),
        ("context.instrument == Instrument::'DE000BU2Z031'", "", "instrument = 'DE000BU2Z031'"),
        ("context.instrument has isin", "instrument = 'EUR/USD'", ""),
        (
            "context.instrument has isin && context.instrument.isin == 'DE000BU2Z031'",
            "",
            "instrument = 'DE000BU2Z031'",
        ),
        (
            "context.instrument has isin && ['DE000BU2Z031'].contains(context.instrument.isin)",
            "",
            "instrument = 'DE000BU2Z031'",
        ),
        (
            "context.instrument has isin && context.instrument.isin like '*31'",
            "",
            "instrument = 'DE000BU2Z031'",
        ),
        (
            "context.instrument has isin && Instrument::'DE000BU2Z031' has isin && \
                context.instrument.isin == Instrument::'DE000BU2Z031'.isin",
            "",
            "instrument = 'DE000BU2Z031'",
        ),
        ("principal in Group::'juniors'", "", "user = 'carol'"),
        ("principal in Group::'desk'", "user = 'mallory'", ""),
        ("principal == Trader::'bob'", "", "user = 'bob'"),
        ("resource in Panel::'fx'", "", "dealer = 'MERIDIAN'"),
        ("resource in Panel::'all'", "dealer = 'CALDERA'", ""),
        ("resource == Dealer::'HARBOUR'", "", "dealer = 'HARBOUR'"),
    ] {
        told_apart(&permit(condition), &scenario(one), &scenario(other));
    }
}

#[test]
fn sights_colleagues_and_sessions_are_told_apart() {
    let policy = |scope: &str, condition: &str| {
        format!("@id('p') permit (principal, {scope}, resource) when {{ {condition} }};")
    };
    let see = policy("action == Action::'see'", "resource in Panel::'fx'");
    let of = |who: &str, dealer: &str| {
        written(&format!("user = '{who}'\naction = 'see'\ndealer = '{dealer}'"))
    };
    told_apart(&see, &of("alice", "HARBOUR"), &of("alice", "MERIDIAN"));
    let juniors = policy("action == Action::'see'", "principal in Group::'juniors'");
    told_apart(&juniors, &of("alice", "HARBOUR"), &of("carol", "HARBOUR"));

    let of = |who: &str, what: &str, whose: &str| {
        written(&format!("user = '{who}'\naction = '{what}'\ncolleague = '{whose}'"))
    };
    let both = "action in [Action::'see-rfqs', Action::'take-over']";
    for what in Colleague::ALL.map(Colleague::word) {
        let own = policy(both, "principal == resource");
        told_apart(&own, &of("alice", what, "bob"), &of("alice", what, "alice"));
        told_apart(&own, &of("bob", what, "alice"), &of("bob", what, "bob"));
        let junior = policy(both, "resource in Group::'juniors'");
        told_apart(&junior, &of("alice", what, "bob"), &of("alice", what, "carol"));
        let named = policy(both, "resource == Trader::'bob'");
        told_apart(&named, &of("alice", what, "alice"), &of("alice", what, "bob"));
    }
    let takes = policy(both, "action == Action::'take-over'");
    told_apart(&takes, &of("alice", "see-rfqs", "bob"), &of("alice", "take-over", "bob"));
    let touched = policy("action == Action::'take-over'", "context.touched");
    let mut proved = of("alice", "take-over", "bob");
    proved.touched = true;
    told_apart(&touched, &of("alice", "take-over", "bob"), &proved);

    let of = |who: &str, more: &str| written(&format!("user = '{who}'\n{more}"));
    let lock = "action = 'admin-lock'\n";
    let session = |condition| policy("action in Action::'admin'", condition);
    let privileged = format!("{lock}privileged = true");
    told_apart(&session("context.privileged"), &of("oscar", lock), &of("oscar", &privileged));
    let hardware = format!("{lock}hardware_key = true");
    told_apart(&session("context.hardwareKey"), &of("oscar", lock), &of("oscar", &hardware));
    let read = of("oscar", "action = 'admin-read'");
    told_apart(&session("action == Action::'admin-read'"), &of("oscar", lock), &read);
    let named = session("principal == Administrator::'otto'");
    told_apart(&named, &of("oscar", lock), &of("otto", lock));
    let group = session("principal in AdminGroup::'ops'");
    told_apart(&group, &of("alice", lock), &of("oscar", lock));
}

/// What the policies cannot tell apart costs one evaluation.
#[test]
fn what_is_alike_is_evaluated_once() {
    let large = permit("context.notional < 100 && context.idleSeconds < 600");
    let isin = permit(
        "context.instrument has isin && ['IT0005534141'].contains(context.instrument.isin) || \
            context.notional > 0",
    );
    for (policies, one, other) in [
        (&large, "quantity = '1'", "quantity = '99'"),
        (&large, "quantity = '1'", "quantity = '5'\nday = '7'\noutstanding = '8'\nopen_rfqs = 4"),
        (&large, "quantity = '1'", "quantity = '1'\ndealers = 4\nidle_seconds = 599"),
        (&large, "quantity = '1'", "quantity = '1'\nuser = 'bob'\ndealer = 'HARBOUR'"),
        (&large, "quantity = '1'", "quantity = '1'\ninstrument = 'DE000BU2Z031'"),
        (&isin, "quantity = '1'", "quantity = '2'\ninstrument = 'DE000BU2Z031'"),
    ] {
        let e = firm(policies);
        let first = decide(&e, one);
        let evaluated = e.memory.missed();
        assert!(first.outcome() == Outcome::Allow && evaluated == 1, "{policies} {one}");
        assert_eq!(decide(&e, other), first, "{policies} {other}");
        assert_eq!(e.memory.missed(), evaluated, "{policies} {other}");
    }
    // An ISIN that is named is like no other.
    let e = firm(&isin);
    decide(&e, "");
    decide(&e, "instrument = 'IT0005534141'");
    assert_eq!(e.memory.missed(), 2);
}

#[test]
fn other_policies_and_other_facts_answer_at_once() {
    let limit = |n: u32| {
        format!(
            "{PERMIT} @id('l') forbid (principal, action in Action::'trade', resource) when {{ \
                context.notional > {n} }};"
        )
    };
    let panel = permit("principal in Group::'desk' && resource in Panel::'all'");
    let list = permit("context.instrument in List::'bunds'");
    let (smaller, plain) = (limit(999_999), limit(1_000_000));
    let with = |from: &str, to: &str| {
        let facts = FIRM.replace(from, to);
        assert_ne!(facts, FIRM);
        facts
    };
    for (old, new, facts, more) in [
        (&plain, &smaller, FIRM.to_owned(), ""),
        (&plain, &plain, with("desk = ['alice', ", "desk = ["), ""),
        (&panel, &panel, with("all = ['NORTHBANK', ", "all = ["), ""),
        (&list, &list, with("['DBR 2.5 02/35', ", "["), ""),
        (&plain, &plain, with("GBP = '1.25'", "GBP = '1.26'"), "quantity = '800_000'"),
        (&plain, &plain, with("GBP = '1.25'\n", ""), "quantity = '800_000'"),
    ] {
        let more =
            if more.is_empty() { more.into() } else { format!("{more}\ninstrument = 'GBP/USD'") };
        let (before, now) = (firm(old), try_load(&cedar(new), &facts).unwrap());
        for _ in 0..2 {
            assert_eq!(decide(&before, &more).outcome(), Outcome::Allow, "{old} {more}");
            assert_eq!(decide(&now, &more).outcome(), Outcome::Deny, "{new} {facts} {more}");
        }
    }
}

/// The trader's standing changes with each trade; what was allowed before does not go on.
#[test]
fn a_remembered_decision_ends_where_the_standing_does() {
    let e = firm(&format!(
        "{PERMIT} @id('day') forbid (principal, action in Action::'trade', resource) when {{ \
            context.dayNotional > 10000000 || context.outstanding > 8000000 || \
            context.openRfqs > 9 }};
        @id('touch') forbid (principal, action in Action::'trade', resource) when {{ \
            context.firstToday || context.newDealer || context.idleSeconds > 600 }} unless {{ \
            context.touched }};"
    ));
    for round in 0..2 {
        for n in 0..12 {
            let allowed = |limit| if n < limit { Outcome::Allow } else { Outcome::Deny };
            for (more, want) in [
                (format!("day = '{n}m'"), allowed(10)),
                (format!("outstanding = '{n}m'"), allowed(8)),
                (format!("open_rfqs = {n}"), allowed(9)),
            ] {
                assert_eq!(decide(&e, &more).outcome(), want, "{round}: {more}");
            }
        }
        for (more, want) in [
            ("", Outcome::Allow),
            ("first_today = true", Outcome::Touch),
            ("first_today = true\ntouched = true", Outcome::Allow),
            ("", Outcome::Allow),
            ("new_dealer = true", Outcome::Touch),
            ("idle_seconds = 600", Outcome::Allow),
            ("idle_seconds = 601", Outcome::Touch),
            ("idle_seconds = 9223372036854775807", Outcome::Touch),
            ("idle_seconds = 601\ntouched = true", Outcome::Allow),
            ("", Outcome::Allow),
        ] {
            assert_eq!(decide(&e, more).outcome(), want, "{round}: {more}");
        }
    }
}

#[test]
fn what_fails_is_not_remembered_and_names_what_it_is_about() {
    let e = firm(&permit("context.quantity * 4611686018427387904 > 0"));
    let denial = |more: &str| match decide(&e, more) {
        Verdict::Deny(why, because) => (why, because.cited.len()),
        other => panic!("{other:?}"),
    };
    for _ in 0..2 {
        assert_eq!(decide(&e, "quantity = '1'").outcome(), Outcome::Allow);
        let unknown = |kind, name: &str| (Denial::Unknown { kind, name: name.into() }, 0);
        assert_eq!(denial("dealer = 'SOUTHBANK'"), unknown("dealer", "SOUTHBANK"));
        assert_eq!(denial("dealer = 'WESTBANK'"), unknown("dealer", "WESTBANK"));
        assert_eq!(denial("instrument = 'AUD/USD'"), (Denial::NoRate("AUD".into()), 0));
        assert_eq!(denial("instrument = 'CHF/JPY'"), (Denial::NoRate("CHF".into()), 0));
        assert_eq!(denial("quantity = '0'"), (Denial::BadNumber("the quantity"), 0));
        // The dealer comes first.
        assert_eq!(denial("dealer = 'SOUTHBANK'\nquantity = '0'"), unknown("dealer", "SOUTHBANK"));
        let evaluated = e.memory.missed();
        let (why, cited) = denial("quantity = '2'");
        assert!(matches!(why, Denial::PolicyError(_)) && cited == 1);
        assert_eq!(e.memory.missed(), evaluated + 1);
    }
}

#[test]
fn only_policies_that_an_action_does_not_concern_are_left_out() {
    let scopes = [
        ("any", "action"),
        ("trade", "action in Action::'trade'"),
        ("asks", "action in [Action::'request', Action::'counter']"),
        ("accept", "action == Action::'accept'"),
        ("see", "action == Action::'see'"),
        ("two", "action in [Action::'see-rfqs', Action::'admin']"),
        ("lock", "action == Action::'admin-lock'"),
    ];
    let policy =
        |(id, scope): (&str, &str)| format!("@id('{id}') permit (principal, {scope}, resource);\n");
    let e = firm(&scopes.map(policy).concat());
    for word in actions::words() {
        let more: &[&str] = match word {
            "see" => &["see"],
            "request" | "counter" => &["trade", "asks"],
            "accept" => &["trade", "accept"],
            "see-rfqs" => &["two"],
            "take-over" => &[],
            "admin-lock" => &["two", "lock"],
            _ => &["two"],
        };
        let got: Vec<String> = e.policies_of(word).policies().map(|p| p.id().to_string()).collect();
        let want: Vec<&str> = iter::once("any").chain(more.iter().copied()).collect();
        assert_eq!(got, want, "{word}");
    }
    assert_eq!(actions::words().count(), 12);
}

#[test]
fn threads_share_what_is_remembered() {
    let e = firm(&permit("context.quantity + 0 < 20"));
    std::thread::scope(|s| {
        for thread in 0..4 {
            let e = &e;
            s.spawn(move || {
                for n in 1..40 {
                    let n = if thread % 2 == 0 { n } else { 40 - n };
                    let want = if n < 20 { Outcome::Allow } else { Outcome::Deny };
                    assert_eq!(decide(e, &format!("quantity = '{n}'")).outcome(), want);
                }
            });
        }
    });
}

/// Forty requests of three dealers, and an accept after each.
#[test]
fn an_ordinary_day_is_few_evaluations() {
    let e = try_load(
        include_str!("../../../../../gateway/entitlements.example.cedar"),
        include_str!("../../../../../gateway/entitlements.example.toml"),
    )
    .unwrap();
    let mut decided = 0;
    for n in 0..40 {
        let amounts = |m: i64| Amounts::from([("EUR".to_owned(), Decimal::from(m * 100_000))]);
        let (day, outstanding) = (amounts(2 * n), amounts(n));
        let deal = Deal {
            instrument: ["DE000BU2Z049", "DE000BU2Z031"][usize::from(n % 3 == 0)],
            side: Side::ALL[usize::from(n % 2 == 1)],
            quantity: Decimal::from(1_000_000 + n * 100_000),
            day: &day,
            outstanding: &outstanding,
            open_rfqs: usize::try_from(n % 5).unwrap(),
            dealers: 3,
            first_today: n == 0,
            idle_s: n * 10,
        };
        let request = e.for_deal("alice", Proof::default(), Step::Request, &deal);
        for dealer in ["NORTHBANK", "HARBOUR", "MERIDIAN"] {
            assert_eq!(request(dealer, false).outcome(), Outcome::Allow, "{n} {dealer}");
            decided += 1;
        }
        let step = Step::Accept { off_market_bps: Some(n % 10) };
        let accept = e.for_deal("alice", Proof::default(), step, &deal);
        let want = if n == 0 { Outcome::Touch } else { Outcome::Allow };
        assert_eq!(accept("HARBOUR", false).outcome(), want, "{n}");
        decided += 1;
    }
    // The first trade of the day, buying, and selling: each with NORTHBANK, which is in two panels,
    // and with the others; the first accept once more as if touched.
    assert_eq!((decided, e.memory.missed()), (160, 3 * 2 + 3 + 1));
}

// ----- whatever the policies and whatever is asked -----

/// One comparison with small numbers, so that values fall on them and beside them.
fn atom() -> impl Strategy<Value = String> {
    let number = || prop::sample::select(&NUMBERS[..]);
    let operator = || prop::sample::select(&["<", "<=", ">", ">=", "==", "!="][..]);
    let fixed = [
        "context has offMarketBps",
        "context.firstToday",
        "context.newDealer",
        "context.touched",
        "context.secondPerson",
        "context.side == Side::'sell'",
        "context.side == Side::'two-way'",
        "context.currency == Currency::'GBP'",
        "context.instrument.currency == Currency::'USD'",
        "context.instrument.class == Class::'FX spot'",
        "context.instrument == Instrument::'EUR/USD'",
        "context.instrument in List::'bunds'",
        "context.instrument has isin",
        "(context.instrument has isin && context.instrument.isin == 'DE000BU2Z049')",
        "(context.instrument has isin && context.instrument.isin like 'DE*31')",
        "(context.instrument has isin && ['IT0005534141'].contains(context.instrument.isin))",
        "principal in Group::'juniors'",
        "principal == Trader::'bob'",
        "[Trader::'alice', Trader::'carol'].contains(principal)",
        "resource in Panel::'all'",
        "resource == Dealer::'HARBOUR'",
        "action == Action::'accept'",
    ];
    prop_oneof![
        4 => (number(), operator(), -1i64..9).prop_map(|(a, o, n)| format!("context.{a} {o} {n}")),
        2 => (number(), operator(), -1i64..9).prop_map(|(a, o, n)| format!("{n} {o} context.{a}")),
        1 => (number(), operator(), number())
            .prop_map(|(a, o, b)| format!("context.{a} {o} context.{b}")),
        1 => (number(), operator(), number(), 0i64..16)
            .prop_map(|(a, o, b, n)| format!("context.{a} + context.{b} {o} {n}")),
        1 => (number(), operator(), 0i64..9).prop_map(|(a, o, n)| format!("-context.{a} {o} -{n}")),
        // Fails from two on.
        1 => number().prop_map(|a| format!("context.{a} * 4611686018427387904 > 0")),
        1 => (number(), number(), 0i64..9)
            .prop_map(|(a, b, n)| format!("[context.{a}, {n}].contains(context.{b})")),
        1 => (number(), operator(), 0i64..9)
            .prop_map(|(a, o, n)| format!("{{a: context.{a}}}.a {o} {n}")),
        2 => (operator(), 0i64..9).prop_map(|(o, n)| {
            format!("(context has offMarketBps && context.offMarketBps {o} {n})")
        }),
        1 => (operator(), 0i64..9).prop_map(|(o, n)| {
            format!("(context has offMarketBps && context.offMarketBps * 2 {o} {n})")
        }),
        5 => prop::sample::select(fixed.to_vec()).prop_map(str::to_owned),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    atom().prop_recursive(2, 8, 3, |inner| {
        let one = || inner.clone();
        prop_oneof![
            one().prop_map(|a| format!("!({a})")),
            (one(), one()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (one(), one()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            (one(), one(), one()).prop_map(|(a, b, c)| { format!("(if {a} then {b} else {c})") }),
        ]
    })
}

fn policies() -> impl Strategy<Value = String> {
    let scope = prop::sample::select(
        &[
            "principal, action in Action::'trade', resource",
            "principal in Group::'desk', action in Action::'trade', resource in Panel::'all'",
            "principal, action == Action::'accept', resource",
            "principal, action in [Action::'request', Action::'counter'], resource",
            "principal == Trader::'bob', action in Action::'trade', resource",
        ][..],
    );
    let proof = prop::sample::select(
        &["", "unless { context.touched }", "unless { context.secondPerson }"][..],
    );
    let policy = (any::<bool>(), scope, condition(), proof);
    (any::<bool>(), prop::collection::vec(policy, 1..5)).prop_map(|(open, all)| {
        let mut text = if open { PERMIT.to_owned() } else { String::new() };
        for (n, (forbids, scope, condition, proof)) in all.into_iter().enumerate() {
            let effect = if forbids { "forbid" } else { "permit" };
            text += &format!("@id('{n}') {effect} ({scope}) when {{ {condition} }} {proof};\n");
        }
        text
    })
}

/// A trade with small numbers.
#[derive(Debug, Clone)]
struct Asks {
    who: &'static str,
    dealer: &'static str,
    instrument: &'static str,
    step: Step,
    side: Side,
    /// In tenths.
    quantity: i64,
    day: i64,
    outstanding: i64,
    open_rfqs: usize,
    dealers: usize,
    idle_s: i64,
    /// First trade today, new dealer, touched, second person.
    flags: [bool; 4],
}

fn asks() -> impl Strategy<Value = Asks> {
    let who = prop::sample::select(&["alice", "bob", "carol", "mallory", "eve"][..]);
    let dealer = prop::sample::select(
        &["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA", "NORTHBANK", "SOUTHBANK"][..],
    );
    // The last one has no rate.
    let instrument = prop::sample::select(
        &[
            "DE000BU2Z049",
            "DE000BU2Z031",
            "IT0005534141",
            "GB00BT7J0027",
            "US91282CLW90",
            "US594918BC73",
            "US46625HJB78",
            "EUR/USD",
            "GBP/USD",
            "AUD/USD",
        ][..],
    );
    let step = prop_oneof![
        Just(Step::Request),
        Just(Step::Counter),
        prop::option::of(0i64..9).prop_map(|off_market_bps| Step::Accept { off_market_bps }),
    ];
    let side = prop::sample::select(&Side::ALL[..]);
    let used = || prop_oneof![Just(0), 0i64..8];
    let idle = prop_oneof![4 => -1i64..9, 1 => Just(i64::MAX)];
    let numbers = (1i64..90, used(), used(), 0usize..8, 0usize..9, idle);
    (who, dealer, instrument, step, side, numbers, any::<[bool; 4]>()).prop_map(
        |(who, dealer, instrument, step, side, numbers, flags)| {
            let (quantity, day, outstanding, open_rfqs, dealers, idle_s) = numbers;
            Asks {
                who,
                dealer,
                instrument,
                step,
                side,
                quantity,
                day,
                outstanding,
                open_rfqs,
                dealers,
                idle_s,
                flags,
            }
        },
    )
}

impl Asks {
    fn ask(&self, e: &CedarEntitlements) -> Verdict {
        let used = |n: i64| Amounts::from([("EUR".to_owned(), Decimal::from(n))]);
        let (day, outstanding) = (used(self.day), used(self.outstanding));
        let [first_today, new_dealer, touched, second_person] = self.flags;
        let deal = Deal {
            instrument: self.instrument,
            side: self.side,
            quantity: Decimal::new(self.quantity, 1),
            day: &day,
            outstanding: &outstanding,
            open_rfqs: self.open_rfqs,
            dealers: self.dealers,
            first_today,
            idle_s: self.idle_s,
        };
        let act = Act::Trade { step: self.step, dealer: self.dealer, new_dealer, deal: &deal };
        e.decide(&Question { who: self.who, proof: Proof { touched, second_person }, act })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Whatever was asked before, in whatever order, with whatever policies: the verdict with all
    /// its reasons is that of an evaluation.
    #[test]
    fn the_remembered_verdict_is_the_evaluated_one(
        policies in policies(),
        questions in prop::collection::vec(asks(), 2..14),
        forgotten in any::<bool>(),
    ) {
        let e = match try_load(&cedar(&policies), FIRM) {
            Ok(e) => e,
            // Two comparisons of the action that exclude each other.
            Err(why) => {
                prop_assert_eq!(why.code(), "entitle.never_applies", "{}", why);
                return Ok(());
            }
        };
        let mut remembered: Vec<Verdict> = questions.iter().map(|q| q.ask(&e)).collect();
        if forgotten {
            e.forget();
        }
        let again = questions.iter().rev().chain(&questions);
        remembered.extend(again.clone().map(|q| q.ask(&e)));
        e.memory.poison();
        let evaluated: Vec<Verdict> = questions.iter().chain(again).map(|q| q.ask(&e)).collect();
        prop_assert_eq!(remembered, evaluated, "{}", policies);
    }

    /// Leaving out the policies of other actions changes no answer and no error.
    #[test]
    fn the_policies_of_an_action_answer_as_all_of_them(
        policies in policies(),
        questions in prop::collection::vec(asks(), 1..8),
    ) {
        let Ok(e) = try_load(&cedar(&policies), FIRM) else { return Ok(()) };
        for q in &questions {
            let used = Amounts::new();
            let deal = Deal {
                instrument: "EUR/USD",
                side: q.side,
                quantity: Decimal::new(q.quantity, 1),
                day: &used,
                outstanding: &used,
                open_rfqs: q.open_rfqs,
                dealers: q.dealers,
                first_today: q.flags[0],
                idle_s: q.idle_s,
            };
            let weighed = e.weigh(&deal).unwrap();
            let about = About::Trade {
                step: q.step,
                dealer: "HARBOUR",
                new_dealer: q.flags[1],
                deal: &deal,
                weighed: &weighed,
            };
            let asked = e.with_dealer(q.who, "HARBOUR", about).unwrap();
            let request = e.request(&asked, Proof::default(), None).unwrap();
            let ask = |policies| e.authorizer.is_authorized(&request, policies, &e.entities);
            let (some, all) = (ask(e.policies_of(q.step.word())), ask(e.policies()));
            prop_assert_eq!(some.decision(), all.decision());
            let reasons = |r: &cedar_policy::Response| {
                let mut all: Vec<_> = r.diagnostics().reason().cloned().collect();
                all.sort();
                all
            };
            prop_assert_eq!(reasons(&some), reasons(&all));
            let errors = |r: &cedar_policy::Response| {
                r.diagnostics().errors().map(ToString::to_string).collect::<Vec<_>>()
            };
            prop_assert_eq!(errors(&some), errors(&all));
        }
    }
}
