//! The example documents are what they say.

use super::*;

const POLICIES: &str = include_str!("../../../../../gateway/entitlements.example.cedar");
const EXAMPLE_FACTS: &str = include_str!("../../../../../gateway/entitlements.example.toml");
const EXPECTED: &str = include_str!("../../../../../gateway/entitlements.tests.example.toml");

#[test]
fn the_example_answers_as_its_expectations_say() {
    let e = try_load(POLICIES, EXAMPLE_FACTS).unwrap();
    let report = Expectations::from_toml(EXPECTED).unwrap().run(&e);
    let failures: Vec<_> = report.results.iter().filter(|r| r.failure.is_some()).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert_eq!(report.untested, Vec::<String>::new());
    assert_eq!(e.remarks(), Vec::<String>::new());
}

/// Each policy is needed by some expectation: without it the file says so.
#[test]
fn every_policy_of_the_example_is_missed_when_it_is_gone() {
    let expected = Expectations::from_toml(EXPECTED).unwrap();
    let starts: Vec<usize> = POLICIES.match_indices("@id(").map(|(at, _)| at).collect();
    assert!(starts.len() > 20);
    for (i, start) in starts.iter().enumerate() {
        let end = starts.get(i + 1).copied().unwrap_or(POLICIES.len());
        let without = format!("{}\n{}", &POLICIES[..*start], &POLICIES[end..]);
        let report = expected.run(&try_load(&without, EXAMPLE_FACTS).unwrap());
        assert!(
            report.failed() > 0,
            "nothing notices the loss of {}",
            &POLICIES[*start..*start + 60]
        );
    }
}

#[test]
fn the_example_names_what_a_trader_reads() {
    let e = try_load(POLICIES, EXAMPLE_FACTS).unwrap();
    let verdict = decide(&e, "user = 'carol'\nquantity = '6m'");
    assert_eq!(verdict.words(), "Juniors trade up to 5,000,000 at a time.");
    assert_eq!(verdict.cure(), "Ask for less, or let a senior trader do it.");
    assert_eq!(
        (verdict.code(), verdict.ids()),
        (Some("entitle.forbidden"), vec!["juniors-per-rfq"])
    );
}
