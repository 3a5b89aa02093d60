use super::*;

fn closed(currency: &str, year: i16) -> Vec<String> {
    let calendar = Calendar::of(&[currency.to_owned()]);
    let first = Date::new(year, 1, 1).expect("a date");
    let days = first.series(1.day()).take_while(|d| d.year() == year);
    days.filter(|d| !is_weekend(*d) && !calendar.is_business_day(*d))
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
