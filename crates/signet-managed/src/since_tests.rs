use super::*;
use crate::Policy;
use proptest::prelude::*;

const EXAMPLE: &str = include_str!("../../../packaging/desk/policy/managed.example.toml");
const BASE: &str = "format = 1\nfirm = \"F\"\nserial = 7\nvalid_from = \"2026-01-01T00:00:00Z\"\n\
    valid_until = \"2027-01-01T00:00:00Z\"\n";

fn v(text: &str) -> Version {
    text.parse().unwrap()
}

fn read(base: &str, more: &str, own: &str) -> Result<Policy, &'static str> {
    Policy::for_desk(&format!("{base}{more}"), v(own)).map_err(|e| e.code())
}

fn later(policy: &Policy) -> Vec<String> {
    policy.for_later.iter().map(ToString::to_string).collect()
}

#[test]
fn a_part_counts_from_its_version_on() {
    let part = "[since.\"1.4.0\".connection]\nfips = true\n";
    for (own, fips) in [
        ("1.3.9", None),
        ("1.4.0-rc.1", None),
        ("1.4.0", Some(true)),
        ("1.4.1-rc.1", Some(true)),
        ("2.0.0", Some(true)),
    ] {
        let policy = read(BASE, part, own).unwrap();
        assert_eq!(policy.fips, fips, "{own}");
        let told = if fips.is_some() { vec![] } else { vec!["since 1.4.0: connection.fips"] };
        assert_eq!(later(&policy), told, "{own}");
    }
    let venue = "[since.\"1.4.0\".venue.\"Example Bank RFQ\"]\nquic = false\n";
    for (own, quic) in [("1.3.9", true), ("1.4.0", false)] {
        let policy = read(EXAMPLE, venue, own).unwrap();
        assert_eq!((policy.venues.len(), policy.venues[0].quic), (1, quic), "{own}");
    }
}

/// The reason for parts: one field that only later desks know must not lock out the others, and
/// must not be left out by a desk for which it counts.
#[test]
fn an_unknown_field_is_left_out_by_earlier_desks_only() {
    let part = "[since.\"1.4.0\".connection]\ncolour = \"red\"\n[since.\"1.4.0\".paint]\nx = 1\n";
    let policy = read(BASE, part, "1.3.0").unwrap();
    assert_eq!(later(&policy), ["since 1.4.0: connection.colour, paint.x"]);
    assert_eq!(read(BASE, part, "1.4.0"), Err("managed.damaged"));
    for own in ["0.1.0", "1.4.0", "9.0.0"] {
        assert_eq!(read(BASE, "[connection]\ncolour = \"red\"\n", own), Err("managed.damaged"));
        let both = format!("[paint]\nx = 1\n{part}");
        assert_eq!(read(BASE, &both, own), Err("managed.damaged"), "{own}");
    }
}

#[test]
fn a_part_adds_settings_and_changes_none() {
    let connection = format!("{BASE}[connection]\nfips = true\n");
    let two = "[since.\"1.3.0\".history]\nrequired = true\n[since.\"1.4.0\".history]\n\
        required = false\n";
    for (base, part) in [
        (connection.as_str(), "[since.\"1.4.0\".connection]\nfips = false\n"),
        (BASE, "[since.\"1.4.0\"]\nserial = 8\n"),
        (BASE, "[since.\"1.4.0\"]\nvalid_until = \"2099-01-01T00:00:00Z\"\n"),
        (BASE, two),
        (EXAMPLE, "[since.\"1.4.0\".may]\nvenues = true\n"),
        (EXAMPLE, "[since.\"1.4.0\"]\nmay = 1\n"),
        (EXAMPLE, "[since.\"1.4.0\".venue.\"Example Bank RFQ\"]\nhost = \"other.example\"\n"),
        (EXAMPLE, "[since.\"1.4.0\".venue.\"Example Bank RFQ\"]\npins = []\n"),
        (EXAMPLE, "[since.\"1.4.0\".venue.\"Other\"]\nquic = false\n"),
        (EXAMPLE, "[since.\"1.4.0\".venue]\nquic = false\n"),
        (EXAMPLE, "[[since.\"1.4.0\".venue]]\nname = \"Other\"\n"),
    ] {
        assert_eq!(read(base, part, "1.4.0"), Err("managed.invalid"), "{part}");
        assert!(read(base, part, "1.2.0").is_ok(), "{part}");
    }
}

/// On every desk, whether the part counts there or not.
#[test]
fn a_part_without_a_version_or_within_another_is_refused() {
    let many: String = (0..9).map(|n| format!("[since.\"1.{n}.0\"]\n")).collect();
    for (part, code) in [
        ("[since.1.4.0]\nx = 1\n", "managed.invalid"),
        ("[since.\"1.4\".connection]\nfips = true\n", "managed.invalid"),
        ("[since.next.connection]\nfips = true\n", "managed.invalid"),
        ("[since.\"\".connection]\nfips = true\n", "managed.invalid"),
        ("[since.\"1.4.0\".since.\"1.5.0\".may]\nvenues = true\n", "managed.invalid"),
        ("[since]\n\"1.4.0\" = 1\n", "managed.damaged"),
        (many.as_str(), "managed.invalid"),
    ] {
        for own in ["1.0.0", "2.0.0"] {
            assert_eq!(read(BASE, part, own), Err(code), "{part} {own}");
        }
    }
}

#[test]
fn what_is_left_out_is_told_in_order_and_within_bounds() {
    let long = "x".repeat(500);
    let mut part =
        format!("[since.\"2.0.0\"]\n{long} = 1\n[since.\"10.0.0\"]\n\"a\\u001bb\" = 1\n");
    part += "[since.\"3.0.0\"]\n";
    part.extend((0..20).map(|n| format!("setting{n:02} = 1\n")));
    let told = later(&read(BASE, &part, "1.0.0").unwrap());
    assert_eq!(told.len(), 3);
    assert_eq!(told[0], format!("since 2.0.0: {}", "x".repeat(NAME_CHARS_MAX)));
    assert!(told[1].starts_with("since 3.0.0: setting00, setting01, "), "{}", told[1]);
    assert!(told[1].ends_with(", setting07 and 12 more"), "{}", told[1]);
    assert_eq!(told[2], "since 10.0.0: ab");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the parts say, and whichever desk reads them: what stands outside of them counts,
    /// and a setting of a part counts for no desk before its version.
    #[test]
    fn what_stands_outside_of_the_parts_counts_on_every_desk(
        parts in prop::collection::btree_map(0u32..6, prop::collection::btree_set(0usize..5, 0..4), 0..4),
        own in 0u32..6,
    ) {
        const LINES: [&str; 5] = [
            "connection.fips = true",
            "connection.hybrid_only = false",
            "may.proxy = true",
            "history.required = true",
            "software.channel = \"beta\"",
        ];
        let mut text = format!("{BASE}[connection]\nhybrid_only = true\n");
        for (minor, lines) in &parts {
            text += &format!("[since.\"1.{minor}.0\"]\n");
            for line in lines {
                text += &format!("{}\n", LINES[*line]);
            }
        }
        if let Ok(policy) = Policy::for_desk(&text, v(&format!("1.{own}.0"))) {
            prop_assert_eq!((policy.serial, policy.hybrid_only), (7, Some(true)));
            let said = |line: usize| parts.iter().any(|(n, l)| *n <= own && l.contains(&line));
            prop_assert_eq!(policy.fips, said(0).then_some(true));
            prop_assert_eq!(policy.may.proxy, said(2));
            prop_assert_eq!(policy.history_required, said(3).then_some(true));
            prop_assert_eq!(policy.channel.is_some(), said(4));
            let left_out = parts.keys().filter(|n| **n > own).count();
            prop_assert_eq!(policy.for_later.len(), left_out);
        }
    }
}
