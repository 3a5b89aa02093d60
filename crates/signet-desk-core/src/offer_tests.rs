use super::*;
use proptest::prelude::*;

fn offer(instrument: &str, ask: Option<Ask>, quantity: Option<&str>) -> TicketOffer {
    TicketOffer { instrument: instrument.into(), ask, quantity: quantity.map(str::to_owned) }
}

#[test]
fn a_link_offers_an_instrument_and_what_else_it_says() {
    for (link, said) in [
        ("signet://rfq?isin=DE000BU2Z049", offer("DE000BU2Z049", None, None)),
        (
            "signet://rfq?isin=DE000BU2Z049&side=buy&quantity=5m",
            offer("DE000BU2Z049", Some(Ask::Buy), Some("5m")),
        ),
        ("signet://rfq?side=twoway&symbol=EUR%2FUSD", offer("EUR/USD", Some(Ask::TwoWay), None)),
        (
            "signet://rfq?symbol=DBR%202.5%2002/35&quantity=1,500,000&side=sell",
            offer("DBR 2.5 02/35", Some(Ask::Sell), Some("1,500,000")),
        ),
    ] {
        assert_eq!(read_link(link).unwrap(), said, "{link}");
    }
}

#[test]
fn a_link_that_is_not_read_completely_is_refused() {
    let long = format!("signet://rfq?symbol={}", "A".repeat(LINK_MAX));
    for link in [
        "",
        "signet://rfq",
        "signet://rfq?",
        "signet://enrol/abc",
        "https://example.com/rfq?isin=DE000BU2Z049",
        "signet://rfq?side=buy",
        "signet://rfq?isin=DE000BU2Z04",
        "signet://rfq?isin=de000bu2z049",
        "signet://rfq?isin=DE000BU2Z04X",
        "signet://rfq?isin=DE000BU2Z049&isin=DE000BU2Z049",
        "signet://rfq?isin=DE000BU2Z049&symbol=EUR/USD",
        "signet://rfq?isin=DE000BU2Z049&side=BUY",
        "signet://rfq?isin=DE000BU2Z049&quantity=1,5",
        "signet://rfq?isin=DE000BU2Z049&quantity=-5m",
        "signet://rfq?isin=DE000BU2Z049&send=yes",
        "signet://rfq?isin=DE000BU2Z049&dealers=NORTH",
        "signet://rfq?isin=DE000BU2Z049&",
        "signet://rfq?symbol=%",
        "signet://rfq?symbol=%4",
        "signet://rfq?symbol=%FF",
        "signet://rfq?symbol=A%0AB",
        "signet://rfq?symbol=%E2%80%AEDSU",
        "signet://rfq?symbol=<b>",
        "signet://rfq?symbol=%20",
        &long,
    ] {
        let why = read_link(link).expect_err(link);
        assert_eq!(why.code, "link.unreadable", "{link}");
    }
}

proptest! {
    #[test]
    fn rubbish_never_panics_and_what_is_read_is_short(rest in ".{0,80}", any in ".{0,80}") {
        let _ = read_link(&any);
        if let Ok(read) = read_link(&format!("{PREFIX}{rest}")) {
            prop_assert!(read.instrument.len() <= SYMBOL_MAX);
            prop_assert!(read.quantity.is_none_or(|q| q.len() <= QUANTITY_MAX));
        }
    }
}
