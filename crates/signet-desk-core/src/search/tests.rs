use super::*;
use proptest::prelude::*;

const LIST: [(&str, &str, &str); 12] = [
    ("DE000BU2Z049", "DBR 2.5 02/35", "Bund 2.50% 15 Feb 2035"),
    ("DE000BU2Z031", "DBR 2.6 08/34", "Bund 2.60% 15 Aug 2034"),
    ("DE0001102580", "DBR 0 02/32", "Bundesrepublik Deutschland"),
    ("DE000BU25000", "OBL 2.2 04/28", "Bobl 2.20% 13 Apr 2028"),
    ("FR001400X8V5", "FRTR 3.2 05/35", "République française OAT 3.2% 25 May 2035"),
    ("GB00BPJJKN53", "UKT 4.25 07/34", "Treasury Gilt 4 1/4% 31 July 2034"),
    ("US91282CMM00", "T 4.625 02/35", "US Treasury 4.625% 15 Feb 2035"),
    ("XS2500000001", "SIEGR 3.5 02/36", "Siemens 3.5% 24 Feb 2036"),
    ("XS2500000019", "SIEGR 3.5 02/36", "Siemens 3.5% 24 Feb 2036, second tranche"),
    ("EUR/USD", "EUR/USD", "Euro against US dollar"),
    ("GBP/USD", "GBP/USD", "Sterling against US dollar"),
    ("USD/JPY", "USD/JPY", "US dollar against yen"),
];

fn index() -> Index {
    let government = |id: &str| !id.starts_with("XS") && !id.contains('/');
    Index::new(LIST.map(|(id, symbol, name)| Listed {
        id,
        symbol,
        name,
        government: government(id),
    }))
}

fn found(typed: &str) -> Vec<String> {
    index().find(typed, 8).into_iter().map(str::to_owned).collect()
}

#[test]
fn what_a_trader_types_finds_the_instrument_first() {
    for (typed, want) in [
        ("DE000BU2Z049", "DE000BU2Z049"),
        ("de00 0bu2 z049", "DE000BU2Z049"),
        ("bu2z049", "DE000BU2Z049"),
        ("dbr 35", "DE000BU2Z049"),
        ("bund 2035", "DE000BU2Z049"),
        ("bund feb 35", "DE000BU2Z049"),
        ("feb 35", "DE000BU2Z049"),
        ("february 2035", "DE000BU2Z049"),
        ("dbr 2.5", "DE000BU2Z049"),
        ("dbr 2,5", "DE000BU2Z049"),
        ("DBR 02/35", "DE000BU2Z049"),
        // Its name says neither maturity nor nickname.
        ("bund 32", "DE0001102580"),
        ("germany feb 2032", "DE0001102580"),
        ("bobl", "DE000BU25000"),
        ("oat 35", "FR001400X8V5"),
        ("republique francaise", "FR001400X8V5"),
        ("gilt 34", "GB00BPJJKN53"),
        ("treasury 35", "US91282CMM00"),
        ("t 35", "US91282CMM00"),
        ("eurusd", "EUR/USD"),
        ("eur usd", "EUR/USD"),
        ("EUR/USD", "EUR/USD"),
        ("eurus", "EUR/USD"),
        ("usd", "USD/JPY"),
        ("cable", ""),
        ("siemens 36", "XS2500000001"),
    ] {
        assert_eq!(found(typed).first().map_or("", String::as_str), want, "{typed}");
    }
}

/// A trader who types an id in full asks for that instrument and for no other.
#[test]
fn ids_that_differ_in_what_separates_their_words_are_told_apart() {
    let list = |id, symbol| Listed { id, symbol, name: "", government: false };
    let index = Index::new([
        list("A-B", "Second"),
        list("AB", "First"),
        list("X-1", "Third"),
        list("x.y", "Fourth"),
        list("X.Y", "Fifth"),
    ]);
    for (typed, want, first) in [
        ("A-B", Meant::One("A-B"), "A-B"),
        (" a-b ", Meant::One("A-B"), "A-B"),
        ("AB", Meant::One("AB"), "AB"),
        ("ab", Meant::One("AB"), "AB"),
        ("A B", Meant::Several(2), "AB"),
        ("A/B", Meant::Several(2), "AB"),
        ("x1", Meant::One("X-1"), "X-1"),
        ("x.y", Meant::One("x.y"), "x.y"),
        ("X.Y", Meant::One("X.Y"), "X.Y"),
        ("X.y", Meant::Several(2), "X.Y"),
    ] {
        assert_eq!(index.meant(typed), want, "{typed}");
        assert_eq!(index.find(typed, 8).first(), Some(&first), "{typed}");
    }
}

#[test]
fn points_order_the_list() {
    // The first word of the symbol before another word of it, before the name.
    assert_eq!(found("usd"), ["USD/JPY", "EUR/USD", "GBP/USD"]);
    // A whole word before a beginning: `t` is a ticker.
    assert_eq!(found("t")[0], "US91282CMM00");
    // What is typed must all be there.
    assert_eq!(found("bund 35"), ["DE000BU2Z049"]);
    assert_eq!(found("bund treasury"), [""; 0]);
    // Equal points: by symbol, then by id.
    assert_eq!(found("siegr"), ["XS2500000001", "XS2500000019"]);
    assert_eq!(found("35"), ["DE000BU2Z049", "FR001400X8V5", "US91282CMM00"]);
    // An id or a symbol that is typed in full comes before everything that only has its words.
    let pairs = [("AUD/EUR", "aud eur"), ("XX", "AUD"), ("AUD", "ZZ")];
    let index =
        Index::new(pairs.map(|(id, symbol)| Listed { id, symbol, name: "aud", government: false }));
    assert_eq!(index.find("aud", 8), ["AUD", "XX", "AUD/EUR"]);
    // A corporate bond has no nickname of a government's.
    let t =
        Listed { id: "X", symbol: "T 4.5 02/35", name: "a telephone company", government: false };
    assert!(Index::new([t]).find("treasury", 8).is_empty());
}

#[test]
fn without_a_word_the_list_begins_at_its_beginning() {
    assert_eq!(found(""), found("  / "));
    assert_eq!((found("").len(), found("")[0].as_str()), (8, "DE0001102580"));
    assert_eq!(index().find("", 3).len(), 3);
    assert!(Index::default().find("x", 8).is_empty() && Index::default().is_empty());
}

#[test]
fn a_text_means_an_instrument_only_when_no_other_could_be_meant() {
    let i = index();
    for (typed, want) in [
        ("de0001102580", Meant::One("DE0001102580")),
        ("eurusd", Meant::One("EUR/USD")),
        ("dbr 0 02/32", Meant::One("DE0001102580")),
        ("SIEGR 3.5 02/36", Meant::Several(2)),
        ("dbr", Meant::Nothing),
        ("", Meant::Nothing),
        ("siegr 35 02/36", Meant::Nothing),
    ] {
        assert_eq!(i.meant(typed), want, "{typed}");
    }
}

#[test]
fn twenty_thousand_are_indexed_and_each_is_found_by_its_id() {
    let rows: Vec<(String, String, String)> = (0..20_000)
        .map(|n| {
            let (month, year) = (n % 12 + 1, n / 12 % 60 + 26);
            let symbol = format!("ISS{} {}.{} {month:02}/{year}", n % 700, n % 7, n % 10);
            (format!("XS{n:010}"), symbol, format!("Issuer {} of 20{year}", n % 700))
        })
        .collect();
    let listed =
        rows.iter().map(|(id, symbol, name)| Listed { id, symbol, name, government: false });
    let index = Index::new(listed);
    assert_eq!(index.len(), 20_000);
    for (id, symbol, _) in rows.iter().step_by(997) {
        assert_eq!(index.find(id, 8), [id.as_str()]);
        assert!(index.find(symbol, 8).len() <= 8 && !index.find(symbol, 8).is_empty());
    }
}

proptest! {
    #[test]
    fn every_hit_has_every_word_and_nothing_breaks_it(typed in ".{0,200}") {
        let index = index();
        let _ = index.meant(&typed);
        for id in index.find(&typed, 8) {
            prop_assert!(LIST.iter().any(|(known, _, _)| *known == id));
        }
    }

    #[test]
    fn more_words_find_fewer(first in "[a-z0-9]{1,4}", second in "[a-z0-9]{1,4}") {
        let index = index();
        let one = index.find(&first, 100);
        let whole = squeezed(&format!("{first}{second}"));
        for id in index.find(&format!("{first} {second}"), 100) {
            prop_assert!(one.contains(&id) || squeezed(id) == whole);
        }
    }
}
