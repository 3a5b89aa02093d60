//! Documents that are refused, each with its code and the name of what is wrong.

use super::*;
use proptest::prelude::*;

fn refused(policies: &str) -> (String, String) {
    let e = try_load(&cedar(policies), FACTS).map(drop).unwrap_err();
    (e.code().to_owned(), e.to_string())
}

#[test]
fn table_of_policies() {
    let forbid = |condition: &str| {
        format!(
            "@id('x') forbid (principal, action in Action::'trade', resource) when {{ {condition} \
                }};"
        )
    };
    for (policies, code, word) in [
        ("permit (principal, action, resource);".into(), "entitle.no_id", "number 1"),
        (format!("{PERMIT} permit (principal, action, resource);"), "entitle.no_id", "number 2"),
        (format!("{PERMIT}{PERMIT}"), "entitle.id_twice", "all"),
        (
            "@id('a b') permit (principal, action, resource);".into(),
            "entitle.bad_annotation",
            "a b",
        ),
        ("@id('') permit (principal, action, resource);".into(), "entitle.bad_annotation", "id"),
        (
            "@id('x') @word('y') permit (principal, action, resource);".into(),
            "entitle.bad_annotation",
            "@word",
        ),
        (
            "@id('x') @words('') permit (principal, action, resource);".into(),
            "entitle.bad_annotation",
            "@words",
        ),
        ("@id('x') permit (principal, action, resource)".into(), "entitle.syntax", "line 1"),
        (
            format!("{PERMIT}\n\n@id('x') permit (principal, actoin, resource);"),
            "entitle.syntax",
            "line 3",
        ),
        (
            "@id('x') permit (principal == ?principal, action, resource);".into(),
            "entitle.template",
            "template",
        ),
        // Slips in names: each would be a limit for nobody.
        (
            "@id('x') forbid (principal in Group::'jnuiors', action, resource);".into(),
            "entitle.unknown_name",
            "jnuiors",
        ),
        (
            "@id('x') forbid (principal == Trader::'alcie', action, resource);".into(),
            "entitle.unknown_name",
            "alcie",
        ),
        (
            "@id('x') forbid (principal, action, resource in Panel::'al');".into(),
            "entitle.unknown_name",
            "al",
        ),
        (
            "@id('x') forbid (principal, action, resource == Dealer::'NORTHBNAK');".into(),
            "entitle.unknown_name",
            "NORTHBNAK",
        ),
        (forbid("context.instrument in List::'bnuds'"), "entitle.unknown_name", "bnuds"),
        (
            forbid("context.instrument == Instrument::'DBR 2.5 02/35'"),
            "entitle.unknown_name",
            "DBR",
        ),
        (forbid("context.currency == Currency::'UDS'"), "entitle.unknown_name", "UDS"),
        (
            forbid("context.instrument.class == Class::'Goverment bond'"),
            "entitle.invalid",
            "Goverment bond",
        ),
        (forbid("context.side == Side::'Buy'"), "entitle.invalid", "Buy"),
        (
            forbid("context.instrument has isin && context.instrument.isin == 'DE000BU2Z048'"),
            "entitle.bad_text",
            "DE000BU2Z048",
        ),
        (forbid("principal in AdminGroup::'opps'"), "entitle.unknown_name", "opps"),
        (
            "@id('x') forbid (principal in AdminGroup::'opps', action, resource);".into(),
            "entitle.unknown_name",
            "opps",
        ),
        (
            "@id('x') forbid (principal == Administrator::'osacr', action, resource);".into(),
            "entitle.unknown_name",
            "osacr",
        ),
        (
            "@id('x') forbid (principal, action, resource == Gateway::'OTHER');".into(),
            "entitle.unknown_name",
            "OTHER",
        ),
        (
            "@id('x') forbid (principal == Person::'alice', action, resource);".into(),
            "entitle.unknown_name",
            "Person",
        ),
        // What the validator knows.
        (forbid("context.notionl > 5"), "entitle.invalid", "notionl"),
        (forbid("context.notional > 'five'"), "entitle.bad_text", "five"),
        (forbid("context.notional"), "entitle.invalid", "x"),
        (forbid("context.offMarketBps > 5"), "entitle.invalid", "offMarketBps"),
        (
            "@id('x') forbid (principal, action == Action::'trdae', resource);".into(),
            "entitle.invalid",
            "trdae",
        ),
        (
            "@id('x') forbid (principal, action, resource) when { context.notional > 5 };".into(),
            "entitle.invalid",
            "notional",
        ),
        // What can never apply.
        (forbid("false"), "entitle.never_applies", "x"),
        (
            "@id('x') forbid (principal in Group::'desk', action in Action::'admin', resource);"
                .into(),
            "entitle.never_applies",
            "x",
        ),
        (
            "@id('x') permit (principal, action == Action::'see', resource) when { resource == \
            Gateway::'SIGNET' };"
                .into(),
            "entitle.",
            "x",
        ),
    ] {
        let (got, text) = refused(&policies);
        assert!(
            got.starts_with(code) && text.contains(word),
            "{policies}\n{got} {text}\nwanted \
            {code} {word}"
        );
    }
}

#[test]
fn table_of_facts() {
    let base = "reporting_currency = 'EUR'\n";
    for (facts, word) in [
        (String::new(), "reporting_currency"),
        ("reporting_currency = 'euro'".into(), "reporting_currency"),
        (format!("{base}surprise = 1"), "surprise"),
        (format!("{base}[rates]\nUSD = '0'"), "rates.USD"),
        (format!("{base}[rates]\nUSD = '-1'"), "rates.USD"),
        (format!("{base}[rates]\nUSD = 'one'"), "rates.USD"),
        (format!("{base}[rates]\nUSD = 0.5"), "string"),
        (format!("{base}[rates]\nUSD = '0.00000000001'"), "rates.USD"),
        (format!("{base}[rates]\nusd = '1'"), "rates.usd"),
        (format!("{base}[rates]\nEUR = '1.1'"), "rates.EUR"),
        (format!("{base}[panels]\np = ['NORTHBNAK']"), "NORTHBNAK"),
        (format!("{base}[lists]\nl = ['DE000BU2Z048']"), "DE000BU2Z048"),
        (format!("{base}[lists]\nl = ['DE000BU2Z049', 'DBR 2.5 02/35']"), "twice"),
        (format!("{base}[groups]\ng = ['alice', 'alice']"), "twice"),
        (format!("{base}[groups]\ng = ['']"), "groups.g"),
        (format!("{base}[groups]\ng = ['al\u{e9}x']"), "groups.g"),
        (format!("{base}[groups]\n'' = ['alice']"), "groups"),
        (format!("{base}[groups]\ng = ['a']\ng = ['b']"), "duplicate"),
        ("reporting_currency = 'EUR'\nday_begins_utc_minutes = 1440".into(), "day_begins"),
    ] {
        let e = try_load("", &facts).map(drop).unwrap_err();
        assert!(e.code() == "entitle.facts" && e.to_string().contains(word), "{facts}\n{e}");
        assert!(!e.cure().is_empty());
    }
    let ambiguous = {
        let mut w = world();
        w.instruments.get_mut("DE000BU2Z031").unwrap().symbol = "DBR 2.5 02/35".into();
        CedarEntitlements::load(&Documents { policies: "", facts: FACTS }, &w)
            .map(drop)
            .unwrap_err()
    };
    assert!(ambiguous.to_string().contains("several"), "{ambiguous}");
}

#[test]
fn documents_have_limits() {
    let long = " ".repeat(MAX_DOCUMENT_LEN + 1);
    assert_eq!(try_load(&long, FACTS).map(drop).unwrap_err().code(), "entitle.too_large");
    assert_eq!(try_load("", &long).map(drop).unwrap_err().code(), "entitle.too_large");
    let many: String = (0..=MAX_POLICIES)
        .map(|n| cedar(&format!("@id('p{n}') permit (principal, action, resource);")))
        .collect();
    assert_eq!(
        try_load(&many, FACTS).map(drop).unwrap_err(),
        EntitleError::TooManyPolicies(MAX_POLICIES)
    );
    // What would exhaust the parser's stack is refused; the worst that is not is read on a small
    // one.
    let policy = |condition: String| {
        cedar(&format!("@id('d') permit (principal, action, resource) when {{ {condition} }};"))
    };
    for long in ["true && ", "true || ", "1 + ", "if true then true else "] {
        assert_eq!(
            try_load(&policy(format!("{}true", long.repeat(20_000))), FACTS)
                .map(drop)
                .unwrap_err()
                .code(),
            "entitle.syntax",
            "{long}"
        );
        let words = long.split_whitespace().count() + long.matches(['&', '|']).count() / 2;
        if let Ok(e) = try_load(&policy(format!("{}true", long.repeat(560 / words))), FACTS) {
            // Decided on this thread's small stack: allowed, or denied because it is too deep;
            // never a crash.
            assert!(
                [None, Some("entitle.policy_error")].contains(&decide(&e, "").code()),
                "{long}"
            );
        }
    }
    for n in [20, 200, 20_000] {
        let _ = try_load(&policy(format!("{}true{}", "(".repeat(n), ")".repeat(n))), FACTS);
    }
}

/// The digest tells documents apart however their text is divided.
#[test]
fn digests_differ_with_any_byte() {
    let digest = |policies, facts| Documents { policies, facts }.digest();
    let all = [
        digest("", ""),
        digest("a", ""),
        digest("", "a"),
        digest("ab", "c"),
        digest("a", "bc"),
        digest("abc", ""),
    ];
    let different: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    assert_eq!(load("").digest(), digest("", FACTS));
    assert!(all[0].len() == 64 && all[0].bytes().all(|b| b.is_ascii_hexdigit()));
}

#[test]
fn what_looks_forgotten_is_remarked() {
    let remarks = load("").remarks().join("\n");
    for word in [
        "groups.desk is named by no policy",
        "groups.empty has no members",
        "rates: AUD is missing",
        "lists.bunds",
    ] {
        assert!(remarks.contains(word), "{remarks}");
    }
}

#[test]
fn expectations_are_read_strictly() {
    let good = "[[expect]]\nname = 'x'\nverdict = 'deny'\nuser = 'alice'\naction = 'see'\ndealer \
        = 'HARBOUR'\n";
    assert_eq!(Expectations::from_toml(good).unwrap().run(&load("")).failed(), 0);
    for bad in [
        String::new(),
        good.replace("name = 'x'\n", ""),
        good.replace("'deny'", "'denied'"),
        format!("{good}surprise = 1"),
        format!("{good}\n[other]\n"),
        good.replace("user = 'alice'\n", ""),
    ] {
        assert_eq!(
            Expectations::from_toml(&bad).unwrap_err().code(),
            "entitle.expectations",
            "{bad}"
        );
    }
    let e = load(&cedar(PERMIT));
    let report = Expectations::from_toml(good).unwrap().run(&e);
    assert_eq!(report.results[0].failure.as_deref(), Some("expected denied, is allowed by all"));
    let by = Expectations::from_toml(&good.replace("'deny'", "'allow'\nby = ['other']"))
        .unwrap()
        .run(&e);
    assert_eq!(by.results[0].failure.as_deref(), Some("expected by other, is by all"));
    let missing =
        Expectations::from_toml(&good.replace("dealer = 'HARBOUR'\n", "")).unwrap().run(&e);
    assert!(missing.results[0].failure.as_deref().unwrap().contains("dealer is missing"));
    assert_eq!(missing.untested, ["all"]);
    // What determined an answer is tested; what had no part in any is not.
    let two = load(&cedar(&format!(
        "{PERMIT} @id('lock') permit (principal, action == Action::'admin-lock', resource);"
    )));
    let allowed = Expectations::from_toml(&good.replace("'deny'", "'allow'")).unwrap().run(&two);
    assert_eq!((allowed.failed(), allowed.untested), (0, vec!["lock".to_owned()]));
}

proptest! {
    #[test]
    fn any_text_is_loaded_or_refused_without_panic(policies in "[a-z(){};=>&|\"@:,. \n]{0,120}", facts in "[a-z\\[\\]='\"\n._ ]{0,80}") {
        let _ = try_load(&policies, FACTS);
        let _ = try_load("", &facts);
        let _ = Expectations::from_toml(&facts);
    }
}
