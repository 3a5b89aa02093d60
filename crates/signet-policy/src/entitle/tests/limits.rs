//! What is as large as may be is taken; one more is not.

use super::*;

/// Facts alone: no policies, so that large files are quickly read.
fn facts(text: &str) -> Result<Facts, String> {
    Facts::from_toml(text, &world()).map_err(|e| e.to_string())
}

const BASE: &str = "reporting_currency = 'EUR'\n";

#[test]
fn documents_may_be_a_mebibyte_long() {
    let padded = |text: &str, n: usize| format!("{text}{}", " ".repeat(n - text.len()));
    for (n, good) in [(1_048_576, true), (1_048_577, false)] {
        assert_eq!(try_load(&padded("", n), FACTS).is_ok(), good, "policies of {n}");
        assert_eq!(try_load("", &padded(FACTS, n)).is_ok(), good, "facts of {n}");
        let expected = "[[expect]]\nname = 'x'\nverdict = 'deny'\nuser = 'alice'\naction = \
            'see'\ndealer = 'HARBOUR'\n";
        assert_eq!(
            Expectations::from_toml(&padded(expected, n)).is_ok(),
            good,
            "expectations of {n}"
        );
    }
}

#[test]
fn expectations_are_counted_before_they_are_read() {
    // Neither file is good, but only the longer one is refused for its length.
    let error =
        |n: usize| Expectations::from_toml(&"[[expect]]\n".repeat(n)).unwrap_err().to_string();
    assert!(error(10_000).contains("number 1"), "{}", error(10_000));
    assert!(error(10_001).contains("1 to 10000 [[expect]] tables"), "{}", error(10_001));
}

#[test]
fn rates_have_limits() {
    let rate = |text: &str| facts(&format!("{BASE}[rates]\n{text}"));
    for (text, good) in [
        ("USD = '1000000000'", true),
        ("USD = '1000000000.1'", false),
        ("USD = '0.0000000001'", true),
        ("USD = '0.00000000010'", false),
        ("EUR = '1'", true),
        ("EUR = '1.00'", true),
        ("EUR = '0.99'", false),
        // Three capital letters and nothing else.
        ("EURO = '2'", false),
        ("US = '2'", false),
        ("UsD = '2'", false),
    ] {
        assert_eq!(rate(text).is_ok(), good, "{text}: {:?}", rate(text));
    }
    assert_eq!(facts(&format!("{BASE}[rates]\nUSD = '0.50'")).unwrap().rates.len(), 2);
    let many = |n: u8| {
        (0..n)
            .map(|i| format!("X{}{} = '1'\n", char::from(b'A' + i / 26), char::from(b'A' + i % 26)))
            .collect::<String>()
    };
    assert!(rate(&many(200)).is_ok());
    assert!(rate(&many(201)).unwrap_err().contains("more than 200"));
}

#[test]
fn groups_and_their_members_have_limits() {
    let groups = |n: usize| {
        facts(&format!(
            "{BASE}[groups]\n{}",
            (0..n).map(|i| format!("g{i} = []\n")).collect::<String>()
        ))
    };
    assert_eq!(groups(1_000).unwrap().groups.len(), 1_000);
    assert!(groups(1_001).unwrap_err().contains("more than 1000"));
    // Members count together, whichever group they are in.
    let members = |n: usize| {
        let (a, b): (Vec<_>, Vec<_>) =
            (0..n).map(|i| format!("'u{i}'")).partition(|u| u.ends_with("0'"));
        facts(&format!("{BASE}[groups]\na = [{}]\nb = [{}]\n", a.join(","), b.join(",")))
    };
    assert_eq!(members(50_000).unwrap().traders().len(), 50_000);
    assert!(members(50_001).unwrap_err().contains("more than 50000"));
}

#[test]
fn names_are_printable_and_of_sensible_length() {
    let (longest, longer) = ("n".repeat(64), "n".repeat(65));
    for (name, good) in [
        ("a", true),
        ("Alice B. (night)", true),
        ("~", true),
        (longest.as_str(), true),
        (longer.as_str(), false),
        (" alice", false),
        ("alice ", false),
        ("al\\u007fce", false),
        ("al\\tice", false),
        ("", false),
    ] {
        assert_eq!(
            facts(&format!("{BASE}[groups]\ng = [\"{name}\"]")).is_ok(),
            good,
            "member {name:?}"
        );
        assert_eq!(
            facts(&format!("{BASE}[groups]\n\"{name}\" = []")).is_ok(),
            good,
            "group {name:?}"
        );
    }
}

#[test]
fn a_day_begins_within_a_day() {
    let day = |minutes: u16| {
        facts(&format!("{BASE}day_begins_utc_minutes = {minutes}"))
            .map(|f| f.day_begins_utc_minutes)
    };
    assert_eq!(day(1_439), Ok(1_439));
    assert!(day(1_440).unwrap_err().contains("0 to 1439"));
}

#[test]
fn policies_and_their_annotations_have_limits() {
    let permit = |annotations: &str| {
        try_load(&cedar(&format!("{annotations} permit (principal, action, resource);")), FACTS)
            .map(drop)
    };
    let many = |n: usize| {
        (0..n)
            .map(|n| cedar(&format!("@id('p{n}') permit (principal, action, resource);")))
            .collect::<String>()
    };
    assert_eq!(try_load(&many(500), FACTS).unwrap().policy_count(), 500);
    for (annotations, good) in [
        (format!("@id('{}')", "i".repeat(64)), true),
        (format!("@id('{}')", "i".repeat(65)), false),
        ("@id('A-z_0.9')".into(), true),
        ("@id('a/b')".into(), false),
        (format!("@id('x') @words('{}') @cure('{}')", "w".repeat(300), "c".repeat(300)), true),
        (format!("@id('x') @words('{}')", "w".repeat(301)), false),
        (format!("@id('x') @cure('{}')", "c".repeat(301)), false),
        ("@id('x') @words('two\\nlines')".into(), false),
    ] {
        let got = permit(&annotations).map_err(|e| e.code());
        assert_eq!(got, if good { Ok(()) } else { Err("entitle.bad_annotation") }, "{annotations}");
    }
}

#[test]
fn the_place_of_a_fault_is_named_by_line_and_column() {
    for (text, place) in [
        ("permit (principle, action, resource);", "line 1, column 9"),
        ("// first\n  permit (principle, action, resource);", "line 2, column 11"),
    ] {
        let e = try_load(text, FACTS).map(drop).unwrap_err().to_string();
        assert!(e.contains(place), "{e}");
    }
}
