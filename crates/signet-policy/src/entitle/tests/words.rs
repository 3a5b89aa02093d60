//! What people read: codes, reasons, cures.

use super::*;

#[test]
fn every_refusal_of_documents_has_its_code_and_its_cure() {
    let correct = "Correct it and run `signet-gateway policy check`.";
    let groups = "Use groups, panels and lists instead of one policy for each.";
    let name = "Correct the name, or add it to the facts or to the gateway's configuration.";
    let id = "Give each policy an @id of its own and keep it stable.";
    let text = || "x".to_owned();
    for (e, code, cure) in [
        (EntitleError::TooLarge { document: "facts", max: 1 }, "entitle.too_large", groups),
        (
            EntitleError::Schema(text()),
            "entitle.schema",
            "This is a fault of the program: report it.",
        ),
        (
            EntitleError::NoThread(text()),
            "entitle.no_thread",
            "Free memory or threads on the machine and try again.",
        ),
        (EntitleError::Syntax { place: text(), message: text() }, "entitle.syntax", correct),
        (EntitleError::TooManyPolicies(1), "entitle.too_many", groups),
        (EntitleError::Template, "entitle.template", correct),
        (EntitleError::NoId { number: 1 }, "entitle.no_id", id),
        (EntitleError::BadAnnotation { id: text(), why: text() }, "entitle.bad_annotation", id),
        (EntitleError::IdTwice(text()), "entitle.id_twice", id),
        (EntitleError::Invalid { id: text(), why: text() }, "entitle.invalid", correct),
        (EntitleError::Warned { id: text(), why: text() }, "entitle.never_applies", correct),
        (
            EntitleError::UnknownName { id: text(), kind: text(), name: text() },
            "entitle.unknown_name",
            name,
        ),
        (EntitleError::BadText { id: text(), text: text() }, "entitle.bad_text", name),
        (EntitleError::Facts(text()), "entitle.facts", correct),
        (EntitleError::Fact { key: text(), why: text() }, "entitle.facts", correct),
        (EntitleError::World(text()), "entitle.world", "Correct the gateway's configuration."),
        (EntitleError::Expectations(text()), "entitle.expectations", correct),
    ] {
        assert_eq!((e.code(), e.cure()), (code, cure), "{e}");
    }
}

#[test]
fn every_denial_has_its_code_and_its_cure() {
    let (ask, correct) = (
        "Ask the risk officer whether it should be allowed.",
        "Tell the risk officer; the policies need correcting.",
    );
    for (d, code, cure) in [
        (Denial::Forbidden, "entitle.forbidden", ask),
        (Denial::NotPermitted, "entitle.not_permitted", ask),
        (
            Denial::NoRate("GBP".into()),
            "entitle.no_rate",
            "Ask the risk officer to add the currency to the rates.",
        ),
        (Denial::BadNumber("the quantity"), "entitle.bad_number", "Ask for a smaller quantity."),
        (Denial::Unknown { kind: "dealer", name: "X".into() }, "entitle.unknown_name", correct),
        (Denial::PolicyError("x".into()), "entitle.policy_error", correct),
    ] {
        assert_eq!((d.code(), d.cure()), (code, cure), "{d}");
    }
}

/// What a verdict says where the policies have words of their own, and where they have none.
#[test]
fn a_verdict_speaks_for_policies_that_say_nothing() {
    let because = |words: Option<&str>, cure: Option<&str>| {
        let cited = Cited {
            id: "p".into(),
            forbids: true,
            words: words.map(Into::into),
            cure: cure.map(Into::into),
        };
        Because { cited: vec![cited], digest: "d".into() }
    };
    let silent = || because(None, None);
    for (verdict, outcome, words, cure) in [
        (Verdict::Allow(silent()), "allowed", "The firm's policies permit it.", ""),
        (
            Verdict::Touch(silent()),
            "allowed with a touch",
            "The firm's policies want a touch of your key for this.",
            "",
        ),
        (
            Verdict::TwoPeople(silent()),
            "allowed with two people",
            "The firm's policies want two people for this.",
            "",
        ),
        (
            Verdict::Deny(Denial::BadNumber("the quantity"), silent()),
            "denied",
            "The quantity is not an amount that can be weighed.",
            "Ask for a smaller quantity.",
        ),
        (
            Verdict::Allow(because(Some("Go on."), Some("None needed."))),
            "allowed",
            "Go on.",
            "None needed.",
        ),
        (
            Verdict::Deny(Denial::Forbidden, because(Some("No."), Some("Ask Ann."))),
            "denied",
            "No.",
            "Ask Ann.",
        ),
    ] {
        assert_eq!(
            (
                verdict.outcome().to_string().as_str(),
                verdict.words().as_str(),
                verdict.cure().as_str()
            ),
            (outcome, words, cure)
        );
        assert_eq!((verdict.ids(), verdict.code().is_some()), (vec!["p"], outcome == "denied"));
    }
}

/// Policies, files of expectations and the command line share these words.
#[test]
fn actions_and_sides_are_written_as_policies_name_them() {
    assert_eq!(Side::ALL.map(Side::word), ["buy", "sell", "two-way"]);
    let admin =
        ["admin-read", "admin-lock", "admin-users", "admin-keys", "admin-policy", "admin-sessions"];
    assert_eq!(AdminAction::ALL.map(AdminAction::word), admin);
}

#[test]
fn every_action_that_the_refusal_names_can_be_asked_about() {
    let e = load("");
    let of = |word: &str| scenario(&format!("action = '{word}'\ncolleague = 'bob'")).decide(&e);
    let refusal = of("ask").unwrap_err().to_string();
    let words: Vec<&str> = refusal.split_once(": ").unwrap().1.split(", ").collect();
    assert!(words.contains(&"counter") && words.len() == 12, "{refusal}");
    for word in words {
        assert!(of(word).is_ok(), "{word}: {:?}", of(word));
    }
}

#[test]
fn a_question_that_cannot_be_asked_says_what_is_missing() {
    let e = load("");
    for (from, to, text) in [
        (
            "action = 'request'",
            "action = 'ask'",
            "\"ask\" is not an action: see, request, counter, accept, see-rfqs, take-over, \
                admin-read, admin-lock, admin-users, admin-keys, admin-policy, admin-sessions",
        ),
        ("dealer = 'HARBOUR'", "", "dealer is missing; action request needs it"),
        ("instrument = 'EUR/USD'", "", "instrument is missing; action request needs it"),
        (
            "instrument = 'EUR/USD'",
            "instrument = 'EUR/XXX'",
            "\"EUR/XXX\" is not a configured instrument",
        ),
        ("side = 'buy'", "", "side is missing; action request needs it"),
        ("quantity = '1m'", "", "quantity is missing; action request needs it"),
        (
            "quantity = '1m'",
            "quantity = '1e9'",
            "\"1e9\" is not an amount: write 20000000, 20_000_000 or 20m",
        ),
        (
            "day = '2m'",
            "day = 'much'",
            "\"much\" is not an amount: write 20000000, 20_000_000 or 20m",
        ),
    ] {
        let whole = "user = 'alice'\naction = 'request'\ndealer = 'HARBOUR'\ninstrument = \
            'EUR/USD'\nside = 'buy'\nquantity = '1m'\nday = '2m'\n";
        let s: Scenario = toml::from_str(&whole.replace(from, to)).unwrap();
        assert_eq!(s.decide(&e).unwrap_err().to_string(), text);
    }
}
