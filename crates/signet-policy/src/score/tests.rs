use super::*;
use proptest::prelude::*;

const DEFAULT_TABLE: &str = include_str!("../../../../gateway/risk-score.toml");

fn table() -> ScoreTable {
    ScoreTable::parse(DEFAULT_TABLE).unwrap()
}

/// All 48 combinations, worked out by hand from the default risk table: user, authentication,
/// device, network, country, score, decision.
const GOLDEN: &str = "
standard   password unmanaged unknown   anomalous 110 deny
standard   password unmanaged unknown   expected   70 deny
standard   password unmanaged corporate anomalous  95 deny
standard   password unmanaged corporate expected   55 deny
standard   password managed   unknown   anomalous  85 deny
standard   password managed   unknown   expected   45 deny
standard   password managed   corporate anomalous  70 deny
standard   password managed   corporate expected   30 step-up
standard   software unmanaged unknown   anomalous  85 deny
standard   software unmanaged unknown   expected   45 deny
standard   software unmanaged corporate anomalous  70 deny
standard   software unmanaged corporate expected   30 step-up
standard   software managed   unknown   anomalous  60 deny
standard   software managed   unknown   expected   20 step-up
standard   software managed   corporate anomalous  45 deny
standard   software managed   corporate expected    5 allow
standard   hardware unmanaged unknown   anomalous  80 deny
standard   hardware unmanaged unknown   expected   40 deny
standard   hardware unmanaged corporate anomalous  65 deny
standard   hardware unmanaged corporate expected   25 step-up
standard   hardware managed   unknown   anomalous  55 deny
standard   hardware managed   unknown   expected   15 allow
standard   hardware managed   corporate anomalous  40 deny
standard   hardware managed   corporate expected    0 allow
privileged password unmanaged unknown   anomalous 120 deny
privileged password unmanaged unknown   expected   80 deny
privileged password unmanaged corporate anomalous 105 deny
privileged password unmanaged corporate expected   65 deny
privileged password managed   unknown   anomalous  95 deny
privileged password managed   unknown   expected   55 deny
privileged password managed   corporate anomalous  80 deny
privileged password managed   corporate expected   40 deny
privileged software unmanaged unknown   anomalous  95 deny
privileged software unmanaged unknown   expected   55 deny
privileged software unmanaged corporate anomalous  80 deny
privileged software unmanaged corporate expected   40 deny
privileged software managed   unknown   anomalous  70 deny
privileged software managed   unknown   expected   30 step-up
privileged software managed   corporate anomalous  55 deny
privileged software managed   corporate expected   15 allow
privileged hardware unmanaged unknown   anomalous  90 deny
privileged hardware unmanaged unknown   expected   50 deny
privileged hardware unmanaged corporate anomalous  75 deny
privileged hardware unmanaged corporate expected   35 step-up
privileged hardware managed   unknown   anomalous  65 deny
privileged hardware managed   unknown   expected   25 step-up
privileged hardware managed   corporate anomalous  50 deny
privileged hardware managed   corporate expected   10 allow
";

fn attributes(w: &[&str]) -> Attributes {
    let authentication = match w[1] {
        "password" => Authentication::PasswordOnly,
        "software" => Authentication::SoftwareToken,
        _ => Authentication::HardwareToken,
    };
    Attributes {
        privileged: Some(w[0] == "privileged"),
        authentication: Some(authentication),
        managed: Some(w[2] == "managed"),
        corporate_network: Some(w[3] == "corporate"),
        expected_country: Some(w[4] == "expected"),
    }
}

#[test]
fn all_48_combinations() {
    let rows: Vec<Vec<&str>> =
        GOLDEN.lines().filter(|l| !l.is_empty()).map(|l| l.split_whitespace().collect()).collect();
    let distinct: std::collections::BTreeSet<_> = rows.iter().map(|r| &r[..5]).collect();
    assert_eq!((rows.len(), distinct.len()), (48, 48));
    for r in &rows {
        let a = assess(&table(), &attributes(r), vec![]);
        assert_eq!((a.score.to_string().as_str(), a.decision.as_str()), (r[5], r[6]), "{r:?}");
        assert_eq!(a.factors.iter().map(|f| f.points).sum::<u32>(), a.score);
        assert_eq!(a.policy, table().digest());
    }
    let count = |d| rows.iter().filter(|r| r[6] == d).count();
    assert_eq!((count("allow"), count("step-up"), count("deny")), (5, 7, 36));
}

#[test]
fn what_is_not_known_is_the_worst_of_its_kind() {
    let known = attributes(&["standard", "hardware", "managed", "corporate", "expected"]);
    for (a, points) in [
        (Attributes { privileged: None, ..known }, 10),
        (Attributes { authentication: None, ..known }, 30),
        (Attributes { managed: None, ..known }, 25),
        (Attributes { corporate_network: None, ..known }, 15),
        (Attributes { expected_country: None, ..known }, 40),
        (Attributes::default(), 120),
    ] {
        assert_eq!(assess(&table(), &a, vec![]).score, points, "{a:?}");
    }
    // Also where a firm has turned the table upside down.
    let odd = DEFAULT_TABLE
        .replace("\"privileged user\"\npoints = 10", "\"privileged user\"\npoints = 0");
    let odd = odd.replace("\"standard user\"\npoints = 0", "\"standard user\"\npoints = 7");
    assert_eq!(
        assess(
            &ScoreTable::parse(&odd).unwrap(),
            &Attributes { privileged: None, ..known },
            vec![]
        )
        .score,
        7
    );
}

#[test]
fn a_concern_raises_the_decision_and_never_lowers_it() {
    let concern =
        |at_least| Concern { code: "c", words: "Odd.".into(), cure: "Mend it.".into(), at_least };
    for (row, at_least, want) in [
        (
            ["standard", "hardware", "managed", "corporate", "expected"],
            Decision::StepUp,
            Decision::StepUp,
        ),
        (
            ["standard", "hardware", "managed", "corporate", "expected"],
            Decision::Deny,
            Decision::Deny,
        ),
        (
            ["standard", "hardware", "managed", "corporate", "anomalous"],
            Decision::StepUp,
            Decision::Deny,
        ),
    ] {
        let a = assess(&table(), &attributes(&row), vec![concern(at_least)]);
        assert_eq!(a.decision, want);
        assert!(a.words().ends_with(" Odd."), "{}", a.words());
    }
    let a = assess(
        &table(),
        &attributes(&["standard", "hardware", "managed", "corporate", "expected"]),
        vec![concern(Decision::StepUp)],
    );
    assert_eq!((a.score, a.cure().as_str()), (0, "Mend it."));
}

#[test]
fn a_trader_reads_what_counts_and_what_would_cure_it() {
    let say = |row: &[&str; 5]| {
        let a = assess(&table(), &attributes(row), vec![]);
        (a.words(), a.cure())
    };
    let (words, cure) = say(&["standard", "software", "managed", "unknown", "expected"]);
    assert_eq!(
        words,
        "Risk 20 (MFA, software token +5, unknown or dynamic IP +15): a touch of your security \
            key is wanted."
    );
    // Either alone is enough.
    assert_eq!(cure, "Connect from a network of your firm. Touch your security key at logon.");
    let (words, cure) = say(&["standard", "software", "managed", "corporate", "anomalous"]);
    assert_eq!(words, "Risk 45 (MFA, software token +5, anomalous country +40): refused.");
    assert_eq!(
        cure,
        "If you are travelling, ask your administrator to expect you in this country."
    );
    let (words, cure) = say(&["standard", "hardware", "managed", "corporate", "expected"]);
    assert_eq!(
        (words.as_str(), cure.as_str()),
        ("Risk 0 (nothing counts against it): allowed.", "")
    );
    let unknown = assess(&table(), &Attributes::default(), vec![]);
    assert!(unknown.words().contains("geographic location not known +40"), "{}", unknown.words());
}

/// Where no change alone is enough, all that count are named and nothing else, most first.
#[test]
fn a_cure_is_named_only_where_it_would_lower_the_score() {
    let a = assess(
        &table(),
        &attributes(&["standard", "hardware", "unmanaged", "unknown", "anomalous"]),
        vec![],
    );
    let (country, laptop) = (
        "If you are travelling, ask your administrator to expect you in this country.",
        "Use a laptop that your firm manages.",
    );
    assert_eq!(a.cures, [country, laptop, "Connect from a network of your firm."]);
    // A firm that gives every laptop the same points does not send anybody to fetch another one.
    let same = DEFAULT_TABLE
        .replace("\"managed, compliant\"\npoints = 0", "\"managed, compliant\"\npoints = 25");
    let a = assess(
        &ScoreTable::parse(&same).unwrap(),
        &attributes(&["standard", "hardware", "managed", "unknown", "anomalous"]),
        vec![],
    );
    assert_eq!(
        (a.score, a.cures),
        (80, vec![country.to_owned(), "Connect from a network of your firm.".into()])
    );
}

/// The cause is told where the laptop counts against somebody, and nowhere else.
#[test]
fn what_is_wrong_with_the_laptop_is_named_with_its_points_and_its_cure() {
    let assessed = |row: &[&str; 5]| {
        let mut a = assess(&table(), &attributes(row), vec![]);
        a.because_of_device("by its own word without firewall");
        let causes: Vec<String> = a
            .factors
            .iter()
            .filter(|f| !f.cause.is_empty())
            .map(|f| format!("{}: {}", f.condition, f.cause))
            .collect();
        (a.words(), a.cure(), causes)
    };
    let (words, cure, causes) =
        assessed(&["standard", "software", "unmanaged", "corporate", "expected"]);
    assert_eq!(
        words,
        "Risk 30 (MFA, software token +5, unmanaged +25: by its own word without firewall): a \
            touch of your security key is wanted."
    );
    assert_eq!(
        cure,
        "Use a laptop that your firm manages. This one: by its own word without firewall."
    );
    assert_eq!(causes, ["unmanaged: by its own word without firewall"]);
    let (words, cure, causes) =
        assessed(&["standard", "software", "managed", "unknown", "expected"]);
    assert_eq!(
        words,
        "Risk 20 (MFA, software token +5, unknown or dynamic IP +15): a touch of your security \
            key is wanted."
    );
    assert_eq!(cure, "Connect from a network of your firm. Touch your security key at logon.");
    assert_eq!(causes, Vec::<String>::new());
}

/// Events keep the rationale with the points, so that they can be read without the table of that
/// day.
#[test]
fn a_factor_carries_the_rationale_of_its_row() {
    let known = attributes(&["standard", "hardware", "managed", "corporate", "expected"]);
    let a = assess(&table(), &Attributes { managed: None, ..known }, vec![]);
    let said: Vec<_> = a
        .factors
        .iter()
        .map(|f| (f.attribute.as_str(), f.condition.as_str(), f.rationale.as_str()))
        .collect();
    assert_eq!(
        said[0],
        ("user identity", "standard user", "May trade within their own entitlements only.")
    );
    assert_eq!(
        said[2],
        ("device health", "not known", "What is not known counts as the worst of its kind.")
    );
}

#[test]
fn what_is_as_large_as_may_be_is_still_taken() {
    let table_of = |from: &str, to: &str| {
        assert!(DEFAULT_TABLE.contains(from), "{from}");
        ScoreTable::parse(&DEFAULT_TABLE.replacen(from, to, 1))
    };
    let padded = |n: usize| {
        ScoreTable::parse(&format!("{DEFAULT_TABLE}{}", " ".repeat(n - DEFAULT_TABLE.len())))
            .map(drop)
    };
    assert_eq!((padded(65_536), padded(65_537)), (Ok(()), Err(TableError::TooLong)));
    let points = |n: u32| {
        table_of("points = 40", &format!("points = {n}"))
            .map(|t| t.points(Attribute::Country, None))
    };
    assert_eq!(
        (points(1_000), points(1_001)),
        (Ok(1_000), Err(TableError::Points("anomalous country")))
    );
    let rationale = |text: &str| {
        table_of("Where this person works.", text)
            .map(|t| t.rationale(Condition::ExpectedCountry).to_owned())
    };
    let (longest, refused) = ("x".repeat(500), Err(TableError::Rationale("expected country")));
    assert_eq!(rationale(&longest), Ok(longest.clone()));
    assert_eq!(
        (rationale(&"x".repeat(501)), rationale("Home\\u0007.")),
        (refused.clone(), refused)
    );
}

#[test]
fn a_table_is_taken_whole_or_not_at_all() {
    let change = |from: &str, to: &str| {
        assert!(DEFAULT_TABLE.contains(from), "{from}");
        ScoreTable::parse(&DEFAULT_TABLE.replacen(from, to, 1)).unwrap_err()
    };
    let last_row = DEFAULT_TABLE.rfind("[[row]]").unwrap();
    let attribute = "geographic location";
    let missing = TableError::Missing { attribute, condition: "anomalous country" };
    assert_eq!(ScoreTable::parse(&DEFAULT_TABLE[..last_row]), Err(missing));
    let twice = format!("{DEFAULT_TABLE}\n{}", &DEFAULT_TABLE[last_row..]);
    assert_eq!(
        ScoreTable::parse(&twice),
        Err(TableError::Twice { attribute, condition: "anomalous country" })
    );
    assert_eq!(ScoreTable::parse(&" ".repeat(table::TABLE_LEN_MAX + 1)), Err(TableError::TooLong));
    assert_eq!(change("allow_max = 19", "allow_max = 39"), TableError::Thresholds);
    assert_eq!(change("points = 40", "points = 1001"), TableError::Points("anomalous country"));
    assert_eq!(
        change("\"Where this person works.\"", "\" \""),
        TableError::Rationale("expected country")
    );
    assert!(matches!(
        change("condition = \"unmanaged\"", "condition = \"Unmanaged\""),
        TableError::UnknownRow { .. }
    ));
    // A condition under the wrong attribute is another row.
    assert!(matches!(
        change("attribute = \"device health\"", "attribute = \"authentication\""),
        TableError::UnknownRow { .. }
    ));
    for (from, to) in [
        ("points = 40", "points = -1"),
        ("points = 40", ""),
        ("allow_max", "allow"),
        ("[thresholds]", "[threshold]"),
    ] {
        assert!(matches!(change(from, to), TableError::Syntax(_)), "{to}");
    }
}

#[test]
fn the_digest_is_that_of_the_file() {
    // Made with sha256sum over an own copy: any change of a byte is another policy.
    assert_ne!(
        ScoreTable::parse(&format!("{DEFAULT_TABLE}\n")).unwrap().digest(),
        table().digest()
    );
    assert_eq!(table().digest().len(), 64);
    // Nor do two policies that share the table but not their settings pass for the same.
    let with = |settings: &str| table().with_settings(settings);
    let (a, b) = (with("[travel]"), with("[hours]"));
    assert!(a.digest() != b.digest() && a.digest() != table().digest());
    assert_eq!((a.digest().len(), a.points(Attribute::Country, None)), (64, 40));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,200}") {
        let _ = ScoreTable::parse(&text);
    }

    #[test]
    fn knowing_less_never_scores_less(
        p in any::<Option<bool>>(), m in any::<Option<bool>>(), n in any::<Option<bool>>(), c in any::<Option<bool>>(), hide in 0u8..32,
    ) {
        let all = Attributes {
            privileged: p, authentication: Some(Authentication::SoftwareToken), managed: m, corporate_network: n, expected_country: c,
        };
        let less = Attributes {
            privileged: p.filter(|_| hide & 1 == 0),
            authentication: all.authentication.filter(|_| hide & 2 == 0),
            managed: m.filter(|_| hide & 4 == 0),
            corporate_network: n.filter(|_| hide & 8 == 0),
            expected_country: c.filter(|_| hide & 16 == 0),
        };
        let (all, less) = (assess(&table(), &all, vec![]), assess(&table(), &less, vec![]));
        prop_assert!(less.score >= all.score && less.decision >= all.decision);
    }
}
