//! What a change allows that was denied.

use super::*;

const MAX: usize = 1_000_000;

fn changes(old: (&str, &str), new: (&str, &str)) -> Diff {
    let load = |(policies, facts): (&str, &str)| try_load(&cedar(policies), facts).unwrap();
    diff(&load(old), &load(new), MAX)
}

fn texts(d: &Diff) -> Vec<&str> {
    d.changes.iter().map(|c| c.text.as_str()).collect()
}

fn limit(n: &str) -> String {
    format!(
        "{PERMIT} @id('limit') forbid (principal, action in Action::'trade', resource) when {{ \
            context.notional > {n} }};"
    )
}

#[test]
fn the_same_policies_differ_in_nothing() {
    let d = changes((&limit("20000000"), FACTS), (&limit("20000000"), FACTS));
    assert!(d.changes.is_empty() && !d.widens() && !d.sampled() && d.asked > 100);
}

#[test]
fn a_raised_limit_is_found_with_its_exact_ends() {
    let d = changes((&limit("20000000"), FACTS), (&limit("50000000"), FACTS));
    assert!(d.widens() && d.changes.iter().all(|c| c.wider));
    for line in [
        "alice, bob may now accept buy, sell DE000BU2Z031, DE000BU2Z049, EUR/USD, IT0005534141 with every dealer: \
            EUR 20,000,001 to 50,000,000 (was denied, is allowed)",
        // USD at 0.5: the quantity is twice the notional.
        "alice, bob may now request buy, sell, two-way US037833BH21, US46625HJB78, US594918BC73, US91282CLW90, USD/JPY with every dealer: \
            USD 40,000,001 to 100,000,000 (was denied, is allowed)",
    ] {
        assert!(texts(&d).contains(&line), "{line}\n{:#?}", texts(&d));
    }
    assert_eq!(d.changes.len(), 6, "{:#?}", texts(&d));
    let back = changes((&limit("50000000"), FACTS), (&limit("20000000"), FACTS));
    assert!(
        !back.widens() && texts(&back).iter().all(|t| t.contains("may no longer")),
        "{:#?}",
        texts(&back)
    );
    assert_eq!(back.changes.len(), d.changes.len());
}

#[test]
fn a_touch_less_is_wider_and_a_touch_more_is_not() {
    let touch = format!(
        "{PERMIT} @id('t') forbid (principal, action == Action::'accept', resource) when {{ \
            context.firstToday }} unless {{ context.touched }};"
    );
    let d = changes((&touch, FACTS), (PERMIT, FACTS));
    assert!(
        d.widens()
            && texts(&d).iter().all(|t| t.contains(
                "[the first trade of the day; or the first trade of the day, with a new dealer]"
            ) && t.contains("was allowed with a touch, is allowed")),
        "{:#?}",
        texts(&d)
    );
    let back = changes((PERMIT, FACTS), (&touch, FACTS));
    assert!(
        !back.widens() && texts(&back).iter().all(|t| t.contains("owes more to")),
        "{:#?}",
        texts(&back)
    );
}

#[test]
fn a_counter_is_told_where_it_is_not_judged_as_the_request() {
    let forbid = |of: &str| {
        format!(
            "{PERMIT} @id('c') forbid (principal, {of}, resource) when {{ context.notional > 9 }};"
        )
    };
    let only = forbid("action == Action::'counter'");
    for policies in [
        &only,
        // By its condition.
        &forbid("action").replace("when {", "unless { action != Action::'counter' } when {"),
    ] {
        let d = changes((policies, FACTS), (PERMIT, FACTS));
        assert!(d.widens() && !d.changes.is_empty(), "{policies}");
        let says = |t: &&str| t.starts_with("alice, bob may now counter buy, sell ");
        assert!(texts(&d).iter().all(says), "{:#?}", texts(&d));
        let back = changes((PERMIT, FACTS), (policies, FACTS));
        assert!(!back.widens() && back.changes.len() == d.changes.len(), "{policies}");
    }
    // What the request has lost is said of the request, once.
    let both = forbid("action in [Action::'request', Action::'counter']");
    let d = changes((PERMIT, FACTS), (&both, FACTS));
    assert!(texts(&d).iter().all(|t| t.contains(" request ")), "{:#?}", texts(&d));
    // The request is as before, and the counter of it is refused.
    let d = changes((&both, FACTS), (&only, FACTS));
    assert!(d.changes.iter().all(|c| c.wider && c.text.contains(" request ")), "{:#?}", texts(&d));
}

#[test]
fn facts_matter_as_much_as_policies() {
    // A new member of a group.
    let more = FACTS.replace("['alice', 'bob']", "['alice', 'bob', 'mallory']");
    let d = changes((PERMIT, FACTS), (PERMIT, &more));
    assert!(
        d.widens()
            && texts(&d)
                .iter()
                .all(|t| { t.starts_with("mallory may now") || t.contains("RFQs of mallory") }),
        "{:#?}",
        texts(&d)
    );
    // Everything, to every dealer: few lines.
    assert!(d.changes.len() < 12, "{:#?}", texts(&d));
    // A lower rate lets larger quantities through.
    let cheaper = FACTS.replace("'0.5'", "'0.4'");
    let d = changes((&limit("20000000"), FACTS), (&limit("20000000"), &cheaper));
    assert!(
        texts(&d).iter().any(|t| t.contains("USD 40,000,001 to 50,000,000")),
        "{:#?}",
        texts(&d)
    );
    // A currency that gets a rate.
    let aud = FACTS.replace("[rates]\n", "[rates]\nAUD = '0.6'\n");
    let d = changes((PERMIT, FACTS), (PERMIT, &aud));
    assert!(
        d.widens() && texts(&d).iter().all(|t| t.contains("AUD/USD") && t.contains("any amount")),
        "{:#?}",
        texts(&d)
    );
    // A dealer that leaves a panel.
    let panel = "@id('p') permit (principal, action, resource in Panel::'all');";
    let d = changes((panel, FACTS), (panel, &FACTS.replace(", 'CALDERA'", "")));
    assert!(
        !d.widens() && texts(&d).iter().all(|t| t.contains("with CALDERA")),
        "{:#?}",
        texts(&d)
    );
}

#[test]
fn every_kind_of_limit_is_looked_at() {
    for (condition, word) in [
        ("context.dayNotional > 90000000", "EUR 90,000,001 and more in the day"),
        ("context.outstanding > 90000000", "EUR 90,000,001 and more outstanding"),
        ("context.openRfqs > 5", "6 and more open RFQs"),
        ("context.dealers > 3", "4 and more dealers asked"),
        ("context has offMarketBps && context.offMarketBps > 10", "11 and more hundredths"),
        ("context.idleSeconds > 600", "601 and more idle seconds"),
        ("context.newDealer", "new dealer"),
        ("context.quantity > 7000000", "7,000,001 and more"),
        ("context.side == Side::'sell'", "sell"),
        ("context.instrument.class == Class::'FX spot'", "EUR/USD"),
        ("context.instrument == Instrument::'US46625HJB78'", "US46625HJB78"),
        ("context.instrument has isin && context.instrument.isin like 'IT*'", "IT0005534141"),
        // Alike but for their ISINs.
        ("context.instrument has isin && context.instrument.isin like 'US46*'", "US46625HJB78"),
        (
            "context.instrument has isin && context.instrument.isin == 'US46625HJB78'",
            "US46625HJB78",
        ),
        (
            "context.instrument has isin && ['US46625HJB78'].contains(context.instrument.isin)",
            "US46625HJB78",
        ),
        ("principal == Trader::'bob'", "bob"),
        ("resource == Dealer::'HARBOUR'", "HARBOUR"),
    ] {
        let forbid = format!(
            "{PERMIT} @id('f') forbid (principal, action in Action::'trade', resource) when {{ \
                {condition} }};"
        );
        let d = changes((&forbid, FACTS), (PERMIT, FACTS));
        assert!(
            d.widens() && texts(&d).iter().any(|t| t.contains(word)),
            "{condition}: {:#?}",
            texts(&d)
        );
    }
}

#[test]
fn administrators_are_compared_too() {
    let p = "@id('a') permit (principal in AdminGroup::'ops', action == Action::'admin-lock', \
        resource);";
    let d = changes(("", FACTS), (p, FACTS));
    assert!(
        d.widens() && texts(&d) == ["oscar may now admin-lock (was denied, is allowed)"],
        "{:#?}",
        texts(&d)
    );
    let hardware = p.replace(";", " when { context.hardwareKey };");
    assert!(texts(&changes((&hardware, FACTS), (p, FACTS)))[0].contains("no key in hardware"));
}

#[test]
fn too_many_questions_are_sampled_and_said_to_be() {
    let load = |p: &str| try_load(&cedar(p), FACTS).unwrap();
    let d = diff(&load(&limit("5")), &load(&limit("6")), 500);
    assert!(d.sampled() && d.asked < d.all, "{} of {}", d.asked, d.all);
}
