use super::{super::rules::easter, *};

fn closed(currency: &str, year: i16) -> Vec<String> {
    let calendar = Calendar::of(&[currency.to_owned()]);
    let first = Date::new(year, 1, 1).expect("a date");
    let days = first.series(1.day()).take_while(|d| d.year() == year);
    days.filter(|d| matches!(calendar.closed(*d), Some(Closed::Holiday(_))))
        .map(|d| format!("{:02}{:02}", d.month(), d.day()))
        .collect()
}

#[test]
fn easter_sundays() {
    // Table of the Astronomical Applications Department of the U.S. Naval Observatory.
    for (year, month, day) in [
        (1818, 3, 22),
        (2000, 4, 23),
        (2008, 3, 23),
        (2011, 4, 24),
        (2024, 3, 31),
        (2025, 4, 20),
        (2026, 4, 5),
        (2027, 3, 28),
        (2038, 4, 25),
    ] {
        assert_eq!(easter(year), Date::new(year, month, day).expect("a date"), "{year}");
    }
}

#[test]
fn closing_days_of_target() {
    // ECB, TARGET closing days.
    assert_eq!(closed("EUR", 2025), ["0101", "0418", "0421", "0501", "1225", "1226"]);
    assert_eq!(closed("EUR", 2026), ["0101", "0403", "0406", "0501", "1225"]);
}

#[test]
fn holidays_of_the_federal_reserve() {
    // Federal Reserve, "Holidays Observed"; 4 July 2026 is a Saturday, on which nothing closes.
    assert_eq!(
        closed("USD", 2023),
        ["0102", "0116", "0220", "0529", "0619", "0704", "0904", "1009", "1123", "1225"]
    );
    assert_eq!(
        closed("USD", 2026),
        ["0101", "0119", "0216", "0525", "0619", "0907", "1012", "1111", "1126", "1225"]
    );
}

#[test]
fn bank_holidays_of_england_and_wales() {
    // gov.uk, UK bank holidays.
    assert_eq!(
        closed("GBP", 2024),
        ["0101", "0329", "0401", "0506", "0527", "0826", "1225", "1226"]
    );
    assert_eq!(
        closed("GBP", 2026),
        ["0101", "0403", "0406", "0504", "0525", "0831", "1225", "1228"]
    );
    assert_eq!(
        closed("GBP", 2027),
        ["0101", "0326", "0329", "0503", "0531", "0830", "1227", "1228"]
    );
    assert_eq!(closed("GBP", 2021)[6..], ["1227", "1228"], "Christmas on a Saturday");
    assert_eq!(closed("GBP", 2022)[0], "0103", "New Year's Day on a Saturday");
    assert_eq!(closed("GBP", 2033)[6..], ["1226", "1227"], "Christmas on a Sunday");
}

#[test]
fn holidays_of_japan() {
    // Cabinet Office of Japan, list of national holidays; banks also on 31 December, 2 and 3 January.
    assert_eq!(
        closed("JPY", 2025),
        [
            "0101", "0102", "0103", "0113", "0211", "0224", "0320", "0429", "0505", "0506", "0721",
            "0811", "0915", "0923", "1013", "1103", "1124", "1231"
        ],
        "three holidays on a Sunday"
    );
    assert_eq!(
        closed("JPY", 2026),
        [
            "0101", "0102", "0112", "0211", "0223", "0320", "0429", "0504", "0505", "0506", "0720",
            "0811", "0921", "0922", "0923", "1012", "1103", "1123", "1231"
        ],
        "a day between two holidays, and one kept after two more"
    );
    let equinoxes = [(2024, "0320", "0922"), (2027, "0321", "0923"), (2028, "0320", "0922")];
    for (year, spring, autumn) in equinoxes {
        // On a Sunday the day after is closed in its place.
        let all = closed("JPY", year);
        for day in [spring, autumn] {
            let after = format!("{:04}", day.parse::<u32>().unwrap() + 1);
            assert!(all.iter().any(|d| d == day || *d == after), "{year} {day}: {all:?}");
        }
    }
}

#[test]
fn holidays_of_the_other_currencies() {
    for (currency, year, want) in [
        ("CHF", 2026, "0101 0102 0403 0406 0501 0514 0525 1225"),
        ("CHF", 2025, "0101 0102 0418 0421 0501 0529 0609 0801 1225 1226"),
        ("CAD", 2026, "0101 0216 0403 0518 0701 0803 0907 0930 1012 1111 1225 1228"),
        // Canada Day on a Saturday, and the day for truth and reconciliation too.
        ("CAD", 2023, "0102 0220 0407 0522 0703 0807 0904 1002 1009 1113 1225 1226"),
        ("AUD", 2026, "0101 0126 0403 0406 0608 0803 1005 1225 1228"),
        ("AUD", 2025, "0101 0127 0418 0421 0425 0609 0804 1006 1225 1226"),
        ("SEK", 2026, "0101 0106 0403 0406 0501 0514 0619 1224 1225 1231"),
        ("SEK", 2025, "0101 0106 0418 0421 0501 0529 0606 0620 1224 1225 1226 1231"),
        ("NOK", 2026, "0101 0402 0403 0406 0501 0514 0525 1225"),
        ("NOK", 2024, "0101 0328 0329 0401 0501 0509 0517 0520 1225 1226"),
        ("DKK", 2026, "0101 0402 0403 0406 0514 0515 0525 0605 1224 1225 1231"),
        ("DKK", 2023, "0406 0407 0410 0505 0518 0519 0529 0605 1225 1226"),
        ("DKK", 2024, "0101 0328 0329 0401 0509 0510 0520 0605 1224 1225 1226 1231"),
    ] {
        assert_eq!(closed(currency, year).join(" "), want, "{currency} {year}");
    }
}

#[test]
fn a_tenor_rolls_forward_and_stays_in_its_month() {
    let calendar = Calendar::of(&["EUR".to_owned()]);
    for (from, want) in [
        ((2026, 12, 1), (2026, 12, 1)),
        ((2026, 12, 25), (2026, 12, 28)),
        // Saturday, the last day of the month.
        ((2026, 10, 31), (2026, 10, 30)),
        ((2026, 5, 31), (2026, 5, 29)),
    ] {
        let date = |(y, m, d)| Date::new(y, m, d).expect("a date");
        assert_eq!(calendar.rolled(date(from)), date(want));
    }
}
