use super::*;
use signet_rfq::InstrumentId;

fn bond(currency: &str, settlement: &str) -> Instrument {
    Instrument {
        price_types: vec![signet_rfq::PriceType::Price],
        id: InstrumentId::new("DE0001102580").expect("an id"),
        symbol: "a bond".into(),
        name: "a bond".into(),
        asset_class: AssetClass::GovernmentBond,
        currency: currency.into(),
        price_decimals: 3,
        price_unit: "% of par".into(),
        tick: "0.005".parse().expect("a number"),
        lot: 1_000.into(),
        min_quantity: 1_000.into(),
        max_quantity: 1_000_000.into(),
        settlement: settlement.into(),
        price_format: Default::default(),
    }
}

fn pair(id: &str) -> Instrument {
    let id = InstrumentId::new(id).expect("an id");
    Instrument {
        symbol: id.to_string(),
        id,
        asset_class: AssetClass::FxSpot,
        ..bond("EUR", "spot")
    }
}

fn at(text: &str) -> UtcMillis {
    UtcMillis(text.parse::<Timestamp>().expect("an instant").as_millisecond())
}

fn usual_of(i: &Instrument, when: &str) -> String {
    date(i, None, at(when)).expect("a day")
}

#[test]
fn business_days_are_counted_where_the_instrument_trades() {
    for (i, when, want, why) in [
        (bond("EUR", "T+2"), "2026-11-20T12:00:00Z", "20261124", "over a weekend"),
        (bond("EUR", "spot"), "2026-11-20T12:00:00Z", "20261124", "spot is T+2"),
        (bond("EUR", "T+0"), "2026-11-20T12:00:00Z", "20261120", "today"),
        (bond("EUR", "T+2"), "2026-12-22T12:00:00Z", "20261224", "Christmas Eve is a business day"),
        (bond("EUR", "T+2"), "2026-12-23T12:00:00Z", "20261228", "Christmas"),
        (bond("EUR", "T+2"), "2026-04-01T12:00:00Z", "20260407", "Good Friday and Easter Monday"),
        (bond("USD", "T+1"), "2026-11-25T15:00:00Z", "20261127", "Thanksgiving"),
        (bond("GBP", "T+1"), "2026-08-28T10:00:00Z", "20260901", "the summer bank holiday"),
        (bond("JPY", "T+2"), "2026-11-23T23:30:00Z", "20261126", "Tuesday already in Tokyo"),
        (bond("JPY", "T+1"), "2026-09-18T03:00:00Z", "20260924", "silver week"),
        (bond("AUD", "T+2"), "2026-11-22T21:00:00Z", "20261125", "Monday already in Sydney"),
        (bond("USD", "T+1"), "2026-11-24T03:00:00Z", "20261124", "still Monday in New York"),
        (
            bond("EUR", "T+1"),
            "2026-11-21T12:00:00Z",
            "20261124",
            "on a Saturday it is traded for Monday",
        ),
        (
            pair("EUR/USD"),
            "2026-11-23T23:00:00Z",
            "20261127",
            "after 17:00 in New York it is Tuesday",
        ),
        (pair("EUR/USD"), "2026-11-23T21:59:00Z", "20261125", "before, it is Monday"),
        (pair("EUR/USD"), "2026-12-23T12:00:00Z", "20261228", "closed for either currency"),
        (pair("GBP/USD"), "2026-06-17T12:00:00Z", "20260622", "Juneteenth and a weekend"),
        // 11 November 2026, a Wednesday, is Veterans Day.
        (pair("EUR/USD"), "2026-11-10T12:00:00Z", "20261112", "USD does not count before spot"),
        (pair("EUR/USD"), "2026-11-11T12:00:00Z", "20261113", "nor on the day of the trade"),
        (pair("EUR/USD"), "2026-11-09T12:00:00Z", "20261112", "and it counts on the day itself"),
        (pair("EUR/GBP"), "2026-11-09T12:00:00Z", "20261112", "also for a pair without it"),
        (pair("USD/MXN"), "2026-11-10T12:00:00Z", "20261113", "for the peso it counts before"),
        // 1 May 2026, a Friday, is a holiday of EUR.
        (pair("EUR/USD"), "2026-04-30T12:00:00Z", "20260505", "EUR counts before spot"),
        (pair("EUR/USD"), "2026-05-01T12:00:00Z", "20260505", "traded on a holiday of EUR"),
    ] {
        assert_eq!(usual_of(&i, when), want, "{} {} at {when}: {why}", i.id, i.settlement);
    }
}

#[test]
fn a_pair_of_one_day_settles_on_the_next_day_that_both_are_open() {
    let one = |settlement: &str| Instrument { settlement: settlement.into(), ..pair("USD/CAD") };
    for (settlement, when, want) in [
        ("T+1", "2026-11-23T12:00:00Z", "20261124"),
        // Thanksgiving is on 26 November.
        ("T+1", "2026-11-25T12:00:00Z", "20261127"),
        ("T+1", "2026-11-26T12:00:00Z", "20261127"),
        ("T+0", "2026-11-26T12:00:00Z", "20261127"),
        ("T+0", "2026-11-23T12:00:00Z", "20261123"),
        ("T+1", "2026-11-21T12:00:00Z", "20261124"),
    ] {
        assert_eq!(usual_of(&one(settlement), when), want, "{settlement} at {when}");
    }
}

#[test]
fn the_days_that_are_offered_are_the_days_that_are_taken() {
    for i in [bond("EUR", "T+2"), bond("USD", "T+1"), pair("EUR/USD"), pair("USD/JPY")] {
        let now = at("2026-12-20T20:00:00Z");
        let offered = view(&i, now).dates;
        assert_eq!(offered.len(), OFFERED);
        for d in &offered {
            assert_eq!(date(&i, Some(d), now), Ok(d.replace('-', "")), "{} {d}", i.id);
        }
        assert_eq!(date(&i, None, now), date(&i, Some(&offered[0]), now));
    }
}

#[test]
fn another_day_is_refused_and_never_moved() {
    let (i, now) = (bond("EUR", "T+2"), at("2026-11-20T12:00:00Z"));
    for (chosen, code) in [
        ("2026-11-23", "settlement_date.early"),
        ("2026-11-28", "settlement_date.closed"),
        ("2026-12-25", "settlement_date.closed"),
        ("2029-11-26", "settlement_date.late"),
        ("20261124", "settlement_date.unreadable"),
        ("tomorrow", "settlement_date.unreadable"),
        ("", "settlement_date.unreadable"),
        ("2026-02-30", "settlement_date.unreadable"),
    ] {
        let refused = date(&i, Some(chosen), now).expect_err(chosen);
        assert_eq!(refused.code, code, "{chosen}");
        let refused = read(&i, chosen, now).map_err(|p| p.code);
        assert!(chosen == "20261124" || refused == Err(code.into()), "{chosen}: {refused:?}");
    }
}

#[test]
fn a_cross_settles_on_no_holiday_of_usd() {
    // 11 November 2026, a Wednesday, is Veterans Day; banks of EUR and GBP are open.
    let (cross, now) = (pair("EUR/GBP"), at("2026-11-05T12:00:00Z"));
    assert_eq!(view(&cross, now).dates[..3], ["2026-11-09", "2026-11-10", "2026-11-12"]);
    let closed = date(&cross, Some("2026-11-11"), now).expect_err("a holiday");
    assert_eq!(closed.code, "settlement_date.closed");
    assert!(closed.message.contains("a holiday of USD") && closed.message.contains("2026-11-12"));
    for (typed, when, want) in [
        ("1w", "2026-11-02T12:00:00Z", "2026-11-12"),
        ("1w", "2026-11-03T12:00:00Z", "2026-11-12"),
        ("12 nov", "2026-11-05T12:00:00Z", "2026-11-12"),
    ] {
        assert_eq!(read(&cross, typed, at(when)).map(|d| d.date), Ok(want.into()), "{typed}");
    }
    // What is no foreign exchange has nothing to do with New York.
    assert!(date(&bond("EUR", "T+2"), Some("2026-11-11"), now).is_ok());
}

#[test]
fn months_from_the_last_business_day_end_on_the_last_business_day() {
    for (i, when, typed, want) in [
        // Spot is on Monday, 30 November.
        (pair("EUR/USD"), "2026-11-26T12:00:00Z", "1m", "2026-12-31"),
        (pair("EUR/USD"), "2026-11-26T12:00:00Z", "4m", "2027-03-31"),
        (pair("EUR/USD"), "2026-11-26T12:00:00Z", "1w", "2026-12-07"),
        (pair("EUR/USD"), "2026-11-26T12:00:00Z", "1y", "2027-11-30"),
        // On Friday, 29 January; Easter Monday is on 29 March.
        (pair("EUR/USD"), "2027-01-27T12:00:00Z", "2m", "2027-03-31"),
        (pair("EUR/USD"), "2027-01-27T12:00:00Z", "1m", "2027-02-26"),
        // A business day before: the day of the month counts.
        (pair("EUR/USD"), "2027-01-26T12:00:00Z", "2m", "2027-03-30"),
        (pair("EUR/USD"), "2026-11-20T12:00:00Z", "1m", "2026-12-24"),
        (bond("EUR", "T+2"), "2026-11-26T12:00:00Z", "1m", "2026-12-30"),
    ] {
        let got = read(&i, typed, at(when)).map(|d| d.date);
        assert_eq!(got, Ok(want.into()), "{} {typed} at {when}", i.id);
    }
}

#[test]
fn a_currency_without_rules_says_so() {
    let note = |i: &Instrument| view(i, at("2026-11-20T12:00:00Z")).note;
    assert_eq!(note(&bond("EUR", "T+2")), "");
    assert_eq!(note(&pair("USD/JPY")), "");
    assert!(note(&pair("USD/MXN")).contains("MXN"));
}

#[test]
fn no_convention_and_no_instant_breaks_it() {
    for settlement in ["T+4294967295", "T+-1", "T+", "", "whenever"] {
        for when in [i64::MIN, -1, 0, i64::MAX] {
            let i = bond("USD", settlement);
            let _ = view(&i, UtcMillis(when));
            assert!(date(&i, None, UtcMillis(when)).is_ok());
        }
    }
}

#[test]
fn a_broken_date_is_typed_as_a_day_or_a_tenor() {
    let (i, now) = (bond("EUR", "T+2"), at("2026-11-20T12:00:00Z"));
    for (typed, want) in [
        ("2026-12-15", "2026-12-15"),
        ("15 dec", "2026-12-15"),
        ("15 December 2026", "2026-12-15"),
        ("15Dec", "2026-12-15"),
        // It is over this year.
        ("4 feb", "2027-02-04"),
        // From the usual day, 24 November.
        ("1w", "2026-12-01"),
        ("2W", "2026-12-08"),
        ("1m", "2026-12-24"),
        ("3m", "2027-02-24"),
        // 24 April 2027 is a Saturday.
        ("5m", "2027-04-26"),
        ("1y", "2027-11-24"),
    ] {
        assert_eq!(read(&i, typed, now).map(|d| d.date), Ok(want.into()), "{typed}");
    }
    assert_eq!(read(&i, "15 dec", now).expect("a day").text, "Tue 15 Dec 2026");
    for (typed, code) in [
        ("15/12", "settlement_date.unreadable"),
        ("12", "settlement_date.unreadable"),
        ("dec", "settlement_date.unreadable"),
        ("30 feb", "settlement_date.unreadable"),
        ("0w", "settlement_date.unreadable"),
        ("999999999999y", "settlement_date.unreadable"),
        ("m", "settlement_date.unreadable"),
        ("2y", "settlement_date.late"),
        ("20 nov 2026", "settlement_date.early"),
        ("25 dec", "settlement_date.closed"),
    ] {
        assert_eq!(read(&i, typed, now).map_err(|p| p.code), Err(code.into()), "{typed}");
    }
    let closed = read(&i, "25 dec", now).expect_err("Christmas").message;
    assert!(closed.contains("holiday of EUR") && closed.contains("2026-12-28"), "{closed}");
    let weekend = read(&i, "28 nov", now).expect_err("a Saturday").message;
    assert!(weekend.contains("Saturday"), "{weekend}");
    // What is read is what may be asked for.
    let day = read(&i, "3m", now).expect("a day").date;
    assert!(date(&i, Some(&day), now).is_ok());
}
