//! Who sees and takes over whose RFQs.

use super::*;

const GROUPS: &str = "reporting_currency = 'EUR'\n[groups]\nbonds = ['alice', 'bob']\n\
    rates = ['carol', 'dave']\njuniors = ['bob', 'carol']\nempty = []\n";

/// The bond desk sees and takes over its own RFQs, juniors take over with a touch.
const POLICIES: &str = "
@id('see') permit (principal in Group::'bonds', action == Action::'see-rfqs', resource in Group::'bonds');
@id('take') permit (principal in Group::'bonds', action == Action::'take-over', resource in Group::'bonds');
@id('touch') @words('Juniors touch their key.')
forbid (principal in Group::'juniors', action == Action::'take-over', resource) unless { context.touched };
";

fn decide(policies: &str, who: &str, what: Colleague, owner: &str) -> Verdict {
    let e = try_load(&cedar(policies), GROUPS).unwrap();
    e.decide(&Question { who, proof: Proof::default(), act: Act::Colleague { what, owner } })
}

#[test]
fn only_colleagues_of_one_group_and_only_where_a_policy_permits_it() {
    use Colleague::{See, TakeOver};
    use Outcome::{Allow, Deny, Touch};
    for (who, what, owner, want) in [
        ("alice", See, "bob", Allow),
        ("bob", See, "alice", Allow),
        ("alice", TakeOver, "bob", Allow),
        ("bob", TakeOver, "alice", Touch),
        // One group, and no policy for it.
        ("carol", See, "dave", Deny),
        ("carol", TakeOver, "dave", Deny),
        ("bob", TakeOver, "carol", Deny),
        // No group in common, none at all, and nobody.
        ("alice", See, "dave", Deny),
        ("alice", TakeOver, "carol", Deny),
        ("alice", TakeOver, "mallory", Deny),
        ("mallory", See, "alice", Deny),
        ("", See, "", Deny),
    ] {
        let got = decide(POLICIES, who, what, owner);
        assert_eq!(got.outcome(), want, "{who} {} {owner}: {got:?}", what.word());
    }
}

#[test]
fn a_policy_for_everything_opens_no_other_group() {
    let all = "@id('all') permit (principal, action, resource);";
    for (who, owner, want) in [
        ("alice", "bob", Outcome::Allow),
        ("carol", "dave", Outcome::Allow),
        ("bob", "carol", Outcome::Allow),
        ("alice", "carol", Outcome::Deny),
        ("alice", "mallory", Outcome::Deny),
        ("mallory", "mallory", Outcome::Deny),
    ] {
        for what in Colleague::ALL {
            assert_eq!(decide(all, who, what, owner).outcome(), want, "{who} {owner}");
        }
    }
    assert_eq!(decide("", "alice", Colleague::See, "bob").outcome(), Outcome::Deny);
}

#[test]
fn a_second_person_can_be_demanded_and_a_hard_forbid_holds() {
    let with = |more: &str| format!("{POLICIES}{more}");
    let two = with(
        "@id('two') forbid (principal, action == Action::'take-over', resource) unless { context.secondPerson };",
    );
    assert_eq!(decide(&two, "alice", Colleague::TakeOver, "bob").outcome(), Outcome::TwoPeople);
    let never = with(
        "@id('no') forbid (principal, action == Action::'take-over', resource == Trader::'bob');",
    );
    assert_eq!(decide(&never, "alice", Colleague::TakeOver, "bob").outcome(), Outcome::Deny);
    assert_eq!(decide(&never, "alice", Colleague::See, "bob").outcome(), Outcome::Allow);
}

#[test]
fn a_change_shows_whose_rfqs_are_opened_to_whom() {
    let (old, new) = (try_load("", GROUPS).unwrap(), try_load(&cedar(POLICIES), GROUPS).unwrap());
    let d = diff(&old, &new, 10_000);
    assert!(d.widens());
    let texts: Vec<&str> = d.changes.iter().map(|c| c.text.as_str()).collect();
    assert!(
        texts.iter().any(|t| t.starts_with("alice may now see, take over RFQs of alice, bob")),
        "{texts:?}"
    );
    assert!(
        texts.iter().any(|t| t.starts_with(
            "bob may now take over RFQs of alice, bob (was denied, is allowed with a touch)"
        )),
        "{texts:?}"
    );
}

/// A policy may tell a trader's own RFQs from those of another trader of the same groups.
#[test]
fn a_change_between_two_that_are_alike_is_shown() {
    let groups = "reporting_currency = 'EUR'\n[groups]\nbonds = ['alice', 'bob']\n";
    let others = "@id('o') permit (principal, action == Action::'take-over', resource) when { principal != resource };";
    for others in [others, &others.replace("!=", "==")] {
        let load = |policies: &str| try_load(&cedar(policies), groups).unwrap();
        let d = diff(&load(""), &load(others), 10_000);
        let texts: Vec<&str> = d.changes.iter().map(|c| c.text.as_str()).collect();
        let want = "alice, bob may now take over RFQs of alice, bob (was denied, is allowed)";
        assert_eq!(texts, [want], "{others}");
    }
}

#[test]
fn a_question_about_a_colleague_names_one() {
    let e = try_load(&cedar(POLICIES), GROUPS).unwrap();
    let ask = |more: &str| {
        let text = format!("user = 'alice'\naction = 'take-over'\n{more}");
        toml::from_str::<Scenario>(&text).unwrap().decide(&e)
    };
    assert_eq!(ask("colleague = 'bob'").unwrap().outcome(), Outcome::Allow);
    assert!(matches!(ask(""), Err(ScenarioError::Missing("colleague", _))));
}
