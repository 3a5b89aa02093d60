//! Verdicts: default deny, obligations, errors.

use super::*;
use crate::entitle::evaluate::About;
use proptest::prelude::*;
use std::sync::LazyLock;

fn outcome(policies: &str, more: &str) -> (Outcome, Vec<String>) {
    let v = decide(&load(&cedar(&format!("{PERMIT}{policies}"))), more);
    (v.outcome(), v.ids().into_iter().map(String::from).collect())
}

#[test]
fn nothing_is_permitted_that_no_policy_permits() {
    let e = load("");
    for action in ["request", "accept", "see"] {
        let v = decide(&e, &format!("action = '{action}'\ntouched = true\nsecond_person = true"));
        assert_eq!((v.code(), v.ids()), (Some("entitle.not_permitted"), vec![]), "{action}");
    }
}

#[test]
fn table_of_obligations() {
    let touch = "@id('t') forbid (principal, action == Action::'accept', resource) when { \
        context.notional > 10 } unless { context.touched };";
    let two = "@id('w') forbid (principal, action == Action::'accept', resource) when { \
        context.notional > 20 } unless { context.secondPerson };";
    let hard = "@id('h') forbid (principal, action in Action::'trade', resource) when { \
        context.notional > 30 };";
    let all = format!("{touch}{two}{hard}");
    for (quantity, proved, want, ids) in [
        ("10", "", Outcome::Allow, vec!["all"]),
        ("11", "", Outcome::Touch, vec!["t"]),
        ("11", "touched = true", Outcome::Allow, vec!["all"]),
        ("21", "", Outcome::TwoPeople, vec!["w"]),
        ("21", "touched = true", Outcome::TwoPeople, vec!["w"]),
        ("21", "touched = true\nsecond_person = true", Outcome::Allow, vec!["all"]),
        // Somebody else's touch is not the trader's.
        ("11", "second_person = true", Outcome::Touch, vec!["t"]),
        ("31", "", Outcome::Deny, vec!["h"]),
        ("31", "touched = true\nsecond_person = true", Outcome::Deny, vec!["h"]),
    ] {
        let got = outcome(&all, &format!("quantity = '{quantity}'\n{proved}"));
        assert_eq!(got, (want, ids.into_iter().map(String::from).collect()), "{quantity} {proved}");
    }
}

/// A counter needs what a request needs; a forbid that names it forbids it besides, and a permit
/// that names it permits nothing.
#[test]
fn a_counter_is_judged_as_a_request_and_can_be_forbidden() {
    let permit = |action: &str| {
        format!(
            "@id('p') permit (principal in Group::'desk', action == Action::'{action}', resource);"
        )
    };
    let forbid = |action: &str| {
        format!(
            "@id('f') forbid (principal, action in Action::'{action}', resource) when {{ context.notional > 10 }};"
        )
    };
    let touch = "@id('t') forbid (principal, action == Action::'counter', resource) unless { context.touched };";
    for (policies, quantity, want, ids) in [
        (permit("request"), "11", Outcome::Allow, vec!["p"]),
        (permit("counter"), "11", Outcome::Deny, vec![]),
        (permit("accept"), "11", Outcome::Deny, vec![]),
        (permit("request") + &forbid("counter"), "11", Outcome::Deny, vec!["f"]),
        (permit("request") + &forbid("counter"), "10", Outcome::Allow, vec!["p"]),
        (permit("request") + &forbid("trade"), "11", Outcome::Deny, vec!["f"]),
        (permit("request") + &forbid("request"), "11", Outcome::Deny, vec!["f"]),
        (permit("request") + &forbid("accept"), "11", Outcome::Allow, vec!["p"]),
        (permit("request") + touch, "1", Outcome::Touch, vec!["t"]),
    ] {
        let e = load(&cedar(&policies));
        let v = decide(&e, &format!("action = 'counter'\nquantity = '{quantity}'"));
        assert_eq!((v.outcome(), v.ids()), (want, ids), "{policies} {quantity}");
    }
    let e = load(&cedar(&(permit("request") + touch)));
    let proved = decide(&e, "action = 'counter'\ntouched = true");
    assert_eq!(proved.outcome(), Outcome::Allow);
    assert_eq!(decide(&e, "action = 'request'").outcome(), Outcome::Allow, "only the counter");
}

/// A permit that itself asks for the touch, with no forbid at all.
#[test]
fn a_permit_may_ask_for_the_touch_too() {
    let e = load(&cedar(
        "@id('p') permit (principal, action, resource) when { action == Action::'accept' && \
            context.touched };",
    ));
    let v = decide(&e, "");
    assert_eq!((v.outcome(), v.ids()), (Outcome::Touch, vec!["p"]));
    assert_eq!(decide(&e, "touched = true").outcome(), Outcome::Allow);
}

#[test]
fn words_and_cures_are_the_policies_own_and_each_once() {
    let p =
        "@id('a') @words('Too much.') @cure('Less.') forbid (principal, action in Action::'trade', resource) when { context.notional > 1 };
        @id('b') @words('Too much.') forbid (principal, action in Action::'trade', resource) when { context.notional > 1 };";
    let v = decide(&load(&cedar(&format!("{PERMIT}{p}"))), "");
    assert_eq!(
        (v.words(), v.cure(), v.ids()),
        ("Too much.".into(), "Less.".into(), vec!["a", "b"])
    );
    let silent = decide(&load(""), "");
    assert_eq!(silent.words(), "No policy of the firm permits it.");
    assert!(silent.cure().contains("risk officer"));
}

/// Cedar leaves a policy out when it cannot be evaluated. One that forbids would be open then.
#[test]
fn a_policy_that_fails_denies() {
    let overflow = "@id('o') forbid (principal, action in Action::'trade', resource) when { \
        context.notional * 9223372036854775807 > 5 };";
    let e = load(&cedar(&format!("{PERMIT}{overflow}")));
    let v = decide(&e, "touched = true\nsecond_person = true");
    assert_eq!((v.code(), v.ids()), (Some("entitle.policy_error"), vec!["o"]));
    // A permit that fails is no reason to trust the rest either.
    let permit = overflow.replace("forbid", "permit");
    assert_eq!(
        decide(&load(&cedar(&format!("{PERMIT}{permit}"))), "").code(),
        Some("entitle.policy_error")
    );
    assert_eq!(decide(&e, "quantity = '1'").outcome(), Outcome::Deny, "9223372036854775807 > 5");
}

#[test]
fn what_the_gateway_does_not_know_is_denied_with_its_code() {
    let e = load(&cedar(PERMIT));
    let deal = Deal {
        instrument: "XS0000000000",
        side: Side::Buy,
        quantity: Decimal::ONE,
        day: &Amounts::new(),
        outstanding: &Amounts::new(),
        open_rfqs: 0,
        dealers: 1,
        first_today: false,
        idle_s: 0,
    };
    let known = Deal { instrument: "EUR/USD", ..deal };
    for (dealer, deal, code) in [
        ("NORTHBANK", deal, Some("entitle.unknown_name")),
        ("NORTHBANK", known, None),
        ("SOUTHBANK", known, Some("entitle.unknown_name")),
        ("NORTHBANK", Deal { quantity: Decimal::ZERO, ..known }, Some("entitle.bad_number")),
        (
            "NORTHBANK",
            Deal { quantity: Decimal::NEGATIVE_ONE, ..known },
            Some("entitle.bad_number"),
        ),
    ] {
        let act = Act::Trade { step: Step::Request, dealer, new_dealer: false, deal: &deal };
        let q = Question { who: "alice", proof: Proof::default(), act };
        assert_eq!(e.decide(&q).code(), code, "{dealer} {deal:?}");
    }
}

/// Every attribute reaches the policies as what it is.
#[test]
fn table_of_attributes() {
    for (condition, more, expected) in [
        ("context.instrument.class == Class::'FX spot'", "instrument = 'EUR/USD'", true),
        ("context.instrument.class == Class::'FX spot'", "", false),
        ("context.instrument == Instrument::'EUR/USD'", "instrument = 'EUR/USD'", true),
        ("context.instrument in List::'bunds'", "", true),
        ("context.instrument in List::'bunds'", "instrument = 'IT0005534141'", false),
        ("context.instrument has isin && context.instrument.isin like 'DE*'", "", true),
        (
            "context.instrument has isin && context.instrument.isin like 'DE*'",
            "instrument = 'IT0005534141'",
            false,
        ),
        ("context.instrument has isin", "instrument = 'EUR/USD'", false),
        (
            "context.instrument has isin && ['DE000BU2Z049'].contains(context.instrument.isin)",
            "",
            true,
        ),
        ("context.currency == Currency::'GBP'", "instrument = 'GBP/USD'", true),
        ("context.instrument.currency == context.currency", "instrument = 'GBP/USD'", true),
        ("context.side == Side::'two-way'", "side = 'two-way'", true),
        ("context.side == Side::'buy'", "side = 'sell'", false),
        ("context.quantity == 1000000", "", true),
        ("context.notional == 1250000", "instrument = 'GBP/USD'", true),
        ("context.dayNotional == 3000000", "day = '2m'", true),
        ("context.outstanding == 4000000", "outstanding = '3m'", true),
        ("context.openRfqs == 3", "open_rfqs = 2", true),
        ("context.dealers == 2", "dealers = 2", true),
        ("context.firstToday", "first_today = true", true),
        ("context.firstToday", "", false),
        ("context.newDealer", "new_dealer = true", true),
        ("context.newDealer", "", false),
        ("context has offMarketBps", "", false),
        ("context has offMarketBps && context.offMarketBps == 7", "off_market_bps = 7", true),
        ("context.idleSeconds == 61", "idle_seconds = 61", true),
        ("principal in Group::'desk'", "user = 'bob'", true),
        ("principal == Trader::'bob'", "", false),
        ("resource in Panel::'all'", "", true),
        ("resource == Dealer::'HARBOUR'", "dealer = 'HARBOUR'", true),
    ] {
        let policy = format!(
            "@id('x') permit (principal, action in Action::'trade', resource) when {{ {condition} \
                }};"
        );
        let got = decide(&load(&cedar(&policy)), more).outcome();
        assert_eq!(got == Outcome::Allow, expected, "{condition}, {more}");
    }
}

#[test]
fn administrators_are_asked_about_by_class_of_command() {
    let p = "@id('a') permit (principal in AdminGroup::'ops', action in [Action::'admin-read', Action::'admin-lock'], resource == Gateway::'SIGNET');
        @id('k') forbid (principal, action == Action::'admin-lock', resource) unless { context.privileged && context.touched };";
    let e = load(&cedar(p));
    for (text, want) in [
        ("user = 'oscar'\naction = 'admin-read'", Outcome::Allow),
        ("user = 'alice'\naction = 'admin-read'", Outcome::Deny),
        ("user = 'oscar'\naction = 'admin-lock'", Outcome::Deny),
        ("user = 'oscar'\naction = 'admin-lock'\nprivileged = true", Outcome::Touch),
        ("user = 'oscar'\naction = 'admin-users'", Outcome::Deny),
    ] {
        let s: Scenario = toml::from_str(text).unwrap();
        assert_eq!(s.decide(&e).unwrap().outcome(), want, "{text}");
    }
    // One administrator by name: whoever is in a group is known.
    let e = load(&cedar(
        "@id('o') permit (principal == Administrator::'oscar', action == Action::'admin-read', \
            resource);",
    ));
    for (user, want) in [("oscar", Outcome::Allow), ("alice", Outcome::Deny)] {
        let s: Scenario =
            toml::from_str(&format!("user = '{user}'\naction = 'admin-read'")).unwrap();
        assert_eq!(s.decide(&e).unwrap().outcome(), want, "{user}");
    }
}

/// Read once for all the questions below.
static NO_POLICIES: LazyLock<(CedarEntitlements, Schema)> = LazyLock::new(|| {
    (load(""), Schema::from_cedarschema_str(SCHEMA).map(|(schema, _)| schema).unwrap())
});

proptest! {
    /// What we hand to Cedar is what the schema says, whatever the numbers: strict validation then
    /// holds.
    #[test]
    fn every_question_is_of_the_schema(
        quantity in 1i64..i64::MAX, day in 0u64..1_000_000_000_000, open in 0usize..1000, dealers in 0usize..20,
        bps in proptest::option::of(any::<i64>()), idle in any::<i64>(), side in 0usize..3, flags in 0u8..16, instrument in 0usize..13,
    ) {
        let (e, schema) = &*NO_POLICIES;
        let id = world().instruments.keys().nth(instrument).cloned().unwrap();
        let day = Amounts::from([("EUR".to_owned(), Decimal::from(day))]);
        let deal = Deal {
            instrument: &id,
            side: Side::ALL[side],
            quantity: Decimal::new(quantity, 3),
            day: &day,
            outstanding: &Amounts::new(),
            open_rfqs: open,
            dealers,
            first_today: flags & 1 > 0,
            idle_s: idle,
        };
        let step = if flags & 2 > 0 { Step::Request } else { Step::Accept { off_market_bps: bps } };
        let proof = Proof { touched: flags & 8 > 0, second_person: false };
        let request = e.weigh(&deal).and_then(|weighed| {
            let about = About::Trade { step, dealer: "HARBOUR", new_dealer: flags & 4 > 0, deal: &deal, weighed: &weighed };
            e.request(&e.with_dealer("alice", "HARBOUR", about)?, proof, Some(schema))
        });
        match request {
            Ok(_) => {}
            Err(Denial::NoRate(c)) => prop_assert!(!e.facts().rates.contains_key(&c)),
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    /// More proof never makes it worse, in policies that ask for proof by `unless`; and every
    /// verdict names its set.
    #[test]
    fn verdicts_follow_the_proof(notional in 1i64..60, a in 1i64..50, b in 1i64..50, c in 1i64..50) {
        let policies = cedar(&format!("{PERMIT}
            @id('t') forbid (principal, action in Action::'trade', resource) when {{ context.notional > {a} }} unless {{ context.touched }};
            @id('w') forbid (principal, action in Action::'trade', resource) when {{ context.notional > {b} }} unless {{ context.secondPerson }};
            @id('h') forbid (principal, action in Action::'trade', resource) when {{ context.notional > {c} }};"));
        let e = load(&policies);
        let v = decide(&e, &format!("quantity = '{notional}'"));
        let want = match notional {
            n if n > c => Outcome::Deny,
            n if n > b => Outcome::TwoPeople,
            n if n > a => Outcome::Touch,
            _ => Outcome::Allow,
        };
        prop_assert_eq!(v.outcome(), want);
        prop_assert_eq!(&*v.because().digest, e.digest());
    }
}
