//! What a comparison says, word for word, and how many questions it takes.

use super::*;

const SMALL_FACTS: &str =
    "reporting_currency = 'EUR'\n[rates]\nGBP = '1'\n[groups]\ndesk = ['alice']\n";

/// One dealer and one instrument, so that few sentences say everything.
fn small() -> World {
    let mut w = world();
    w.dealers.retain(|d| d == "HARBOUR");
    w.instruments.retain(|id, _| id == "GB00BT7J0027");
    w
}

fn compare(w: &World, old: &str, new: &str, facts: &str, max: usize) -> Diff {
    let load =
        |p: &str| CedarEntitlements::load(&Documents { policies: &cedar(p), facts }, w).unwrap();
    diff(&load(old), &load(new), max)
}

fn lines(w: &World, old: &str, new: &str, facts: &str) -> Vec<String> {
    compare(w, old, new, facts, usize::MAX).changes.into_iter().map(|c| c.text).collect()
}

fn forbid(condition: &str) -> String {
    format!(
        "{PERMIT} @id('f') forbid (principal, action in Action::'trade', resource) when {{ \
            {condition} }};"
    )
}

const ACCEPTS: &str = "alice may now accept buy, sell GB00BT7J0027 with HARBOUR: ";
const REQUESTS: &str = "alice may now request buy, sell, two-way GB00BT7J0027 with HARBOUR: ";

/// The lines that say of accepts and of requests that they are denied no longer.
fn allowed(tails: &[&str], steps: &[&str]) -> Vec<String> {
    steps
        .iter()
        .flat_map(|step| {
            tails.iter().map(move |tail| format!("{step}{tail} (was denied, is allowed)"))
        })
        .collect()
}

/// Of a forbid that is gone, by its condition.
#[test]
fn each_kind_of_limit_has_its_sentence() {
    // What a trade larger than anything adds to the day, or to what is outstanding, is beyond the
    // limit too.
    let vast = "GBP 1,000,000,000,000 and more";
    for (condition, tails) in [
        ("context.side == context.side", vec!["any amount"]),
        ("context.quantity == 7", vec!["GBP 7"]),
        ("context.quantity < 100", vec!["GBP up to 99"]),
        ("context.quantity > 1 && context.quantity < 100", vec!["GBP 2 to 99"]),
        ("context.quantity >= 100", vec!["GBP 100 and more"]),
        ("context.dayNotional > 90", vec!["EUR 91 and more in the day", vast]),
        ("context.outstanding > 1000", vec!["EUR 1,001 and more outstanding", vast]),
        ("context.openRfqs == 5", vec!["5 open RFQs"]),
        ("context.dealers > 3 && context.dealers < 6", vec!["4 to 5 dealers asked"]),
        ("context.idleSeconds > 600", vec!["601 and more idle seconds"]),
    ] {
        assert_eq!(
            lines(&small(), &forbid(condition), PERMIT, SMALL_FACTS),
            allowed(&tails, &[ACCEPTS, REQUESTS]),
            "{condition}"
        );
    }
    // Only a quote can be off the market.
    let off = forbid("context has offMarketBps && context.offMarketBps > 10");
    let want = allowed(&["11 and more hundredths of a per cent off the market"], &[ACCEPTS]);
    assert_eq!(lines(&small(), &off, PERMIT, SMALL_FACTS), want);
}

#[test]
fn circumstances_are_named_where_they_matter() {
    let (first, new, both) = (
        "the first trade of the day",
        "a new dealer",
        "the first trade of the day, with a new dealer",
    );
    for (condition, named) in [
        ("context.firstToday", format!("{first}; or {both}")),
        ("!context.firstToday", format!("{new}; or not {first}")),
        ("context.newDealer", format!("{new}; or {both}")),
        ("context.firstToday && context.newDealer", both.to_owned()),
        // Both are looked at, but only one makes a difference.
        (
            "context.firstToday && (context.newDealer || !context.newDealer)",
            format!("{first}; or {both}"),
        ),
        (
            "context.newDealer && (context.firstToday || !context.firstToday)",
            format!("{new}; or {both}"),
        ),
    ] {
        let want = allowed(&[&format!("any amount [{named}]")], &[ACCEPTS, REQUESTS]);
        assert_eq!(lines(&small(), &forbid(condition), PERMIT, SMALL_FACTS), want, "{condition}");
    }
    // Other amounts are varied where neither is so: a first trade, forbidden anyway, hides nothing.
    let limit = |n: u8| {
        let open = forbid(&format!("context.openRfqs > {n}"));
        format!(
            "{open} @id('g') forbid (principal, action in Action::'trade', resource) when {{ \
                context.firstToday || context.newDealer }};"
        )
    };
    assert_eq!(
        lines(&small(), &limit(5), &limit(6), SMALL_FACTS),
        allowed(&["6 open RFQs"], &[ACCEPTS, REQUESTS])
    );
}

#[test]
fn what_is_owed_or_denied_now_is_said() {
    let accept = |more: &str| {
        format!(
            "{PERMIT} @id('f') forbid (principal, action == Action::'accept', resource) {more};"
        )
    };
    let what = "accept buy, sell GB00BT7J0027 with HARBOUR: any amount";
    for (old, new, want) in [
        (
            String::from(PERMIT),
            accept(""),
            format!("alice may no longer {what} (was allowed, is denied)"),
        ),
        (
            PERMIT.into(),
            accept("unless { context.touched }"),
            format!("alice owes more to {what} (was allowed, is allowed with a touch)"),
        ),
        (
            accept("unless { context.secondPerson }"),
            accept("unless { context.touched }"),
            format!("alice may now {what} (was allowed with two people, is allowed with a touch)"),
        ),
    ] {
        assert_eq!(lines(&small(), &old, &new, SMALL_FACTS), [want]);
    }
    let see = "@id('s') permit (principal in Group::'desk', action == Action::'see', resource);";
    assert_eq!(
        lines(&small(), "", see, SMALL_FACTS),
        ["alice may now see with HARBOUR (was denied, is allowed)"]
    );
}

/// Wider changes come first: they are what must not be overlooked.
#[test]
fn what_is_wider_comes_first() {
    let only = |action: &str| {
        format!(
            "@id('a') permit (principal in Group::'desk', action == Action::'{action}', resource);"
        )
    };
    let d = compare(&small(), &only("accept"), &only("see"), SMALL_FACTS, usize::MAX);
    assert_eq!(
        d.changes.iter().map(|c| (c.wider, c.now)).collect::<Vec<_>>(),
        [(true, Outcome::Allow), (false, Outcome::Deny)]
    );
}

/// Few are named, many are counted.
#[test]
fn long_lists_are_shortened() {
    let see = "@id('s') permit (principal in Group::'desk', action == Action::'see', resource);";
    for (n, who) in [
        (6, "trader1, trader2, trader3, trader4, trader5, trader6"),
        (7, "trader1, trader2, trader3, trader4, trader5, trader6 and 1 more"),
        (9, "trader1, trader2, trader3, trader4, trader5, trader6 and 3 more"),
    ] {
        let members: Vec<String> = (1..=n).map(|i| format!("'trader{i}'")).collect();
        let facts = SMALL_FACTS.replace("'alice'", &members.join(", "));
        assert_eq!(
            lines(&small(), "", see, &facts),
            [format!("{who} may now see with HARBOUR (was denied, is allowed)")]
        );
    }
    // Instruments that no policy tells apart: three by name, four by kind.
    let request =
        "@id('r') permit (principal in Group::'desk', action == Action::'request', resource);";
    for (n, which) in [(3, "GB0, GB1, GB2"), (4, "Government bond in GBP (4 instruments)")] {
        let mut w = small();
        let gilt = w.instruments.remove("GB00BT7J0027").unwrap();
        w.instruments.extend((0..n).map(|i| (format!("GB{i}"), gilt.clone())));
        let want = format!(
            "alice may now request buy, sell, two-way {which} with HARBOUR: any amount (was \
                denied, is allowed)"
        );
        assert_eq!(lines(&w, "", request, SMALL_FACTS), [want]);
    }
    // Some dealers by name, all of several in two words.
    let mut w = small();
    w.dealers = ["NORTHBANK", "HARBOUR"].map(String::from).into();
    let harbour = see.replace("resource)", "resource == Dealer::'HARBOUR')");
    assert_eq!(
        lines(&w, "", see, SMALL_FACTS),
        ["alice may now see with every dealer (was denied, is allowed)"]
    );
    assert_eq!(
        lines(&w, "", &harbour, SMALL_FACTS),
        ["alice may now see with HARBOUR (was denied, is allowed)"]
    );
}

#[test]
fn an_administrators_session_is_described() {
    let facts = format!("{SMALL_FACTS}[admin_groups]\nops = ['oscar']\n");
    let lock = |when: &str| {
        format!(
            "@id('a') permit (principal in AdminGroup::'ops', action == Action::'admin-lock', \
                resource) {when};"
        )
    };
    for (condition, named) in [
        ("", ""),
        (
            "when { !context.privileged && !context.hardwareKey }",
            " [standard role, no key in hardware]",
        ),
        (
            "when { context.privileged && !context.hardwareKey }",
            " [privileged role, no key in hardware]",
        ),
        (
            "when { !context.privileged && context.hardwareKey }",
            " [standard role, a key in hardware]",
        ),
        (
            "when { context.privileged && context.hardwareKey }",
            " [privileged role, a key in hardware]",
        ),
    ] {
        let want = format!("oscar may now admin-lock{named} (was denied, is allowed)");
        assert_eq!(lines(&small(), "", &lock(condition), &facts), [want]);
    }
}

/// Whoever reads a comparison must know whether it was a whole one; and no question is asked that
/// cannot matter.
#[test]
fn questions_are_counted() {
    let asked = |old: &str, max: usize| {
        let d = compare(&small(), old, PERMIT, SMALL_FACTS, max);
        (d.asked, d.all, d.sampled())
    };
    // Alice and anybody else: whether they see the dealer; five steps and sides with quantities 1,
    // 2 and the largest. One administrator: six actions in four kinds of session. What each
    // of the two may do with the RFQs of each: two things.
    assert_eq!(asked(PERMIT, usize::MAX), (2 * (1 + 5 * 3) + 6 * 4 + 8, 64, false));
    // Of the twelve cases every second is asked: there would be 32 questions, and half as many are
    // wanted.
    assert_eq!(asked(PERMIT, 16), (2 * (1 + 3 + 3) + 6 * 4 + 8, 64, true));
    // Quantities twice because of the first trade; 1, 9, 10, 11 and the largest of the day once.
    let day = forbid("context.firstToday && context.dayNotional > 10");
    assert_eq!(asked(&day, usize::MAX), (2 * (1 + 5 * (2 * 3 + 5)) + 6 * 4 + 8, 144, false));
    let new = forbid("context.newDealer && context.idleSeconds > 10");
    // Idle for 0, 9, 10 or 11 seconds.
    assert_eq!(asked(&new, usize::MAX), (2 * (1 + 5 * (2 * 3 + 4)) + 6 * 4 + 8, 134, false));
    // Off the market by 0, 9, 10 or 11: only accepts are.
    let off = forbid("context has offMarketBps && context.offMarketBps > 10");
    assert_eq!(asked(&off, usize::MAX), (2 * (1 + 5 * 3 + 2 * 4) + 6 * 4 + 8, 80, false));
}
