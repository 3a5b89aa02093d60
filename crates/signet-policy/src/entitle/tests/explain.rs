//! What a loaded set says of itself, and which facts a decision weighs.

use super::*;

fn weighed(e: &CedarEntitlements, s: &Scenario) -> Vec<String> {
    let all = s.with(e, |q| e.weighed(q)).unwrap().unwrap();
    all.into_iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

#[test]
fn a_trade_is_explained_by_every_fact_it_is_decided_by() {
    let e = load(&cedar(PERMIT));
    let s = scenario(
        "instrument = 'USD/JPY'\nquantity = '3'\nday = '2m'\noutstanding = '1m'\nopen_rfqs = 2\ndealers = 3\nfirst_today = true\n\
         off_market_bps = 7\nidle_seconds = 61\ntouched = true",
    );
    assert_eq!(
        weighed(&e, &s),
        [
            "groups of the trader: desk",
            "panels of the dealer: all",
            "lists of the instrument: none",
            "instrument.class: FX spot",
            "reporting currency: EUR",
            "side: buy",
            "currency: USD",
            "quantity: 3",
            // Half a euro each, rounded up.
            "notional: 2",
            "dayNotional: 2000002",
            "outstanding: 1000002",
            // With this one.
            "openRfqs: 3",
            "dealers: 3",
            "firstToday: true",
            "newDealer: false",
            "offMarketBps: 7",
            "idleSeconds: 61",
            "touched: true",
            "secondPerson: false",
        ]
    );
    let asked =
        weighed(&e, &scenario("action = 'request'\nnew_dealer = true\nsecond_person = true"));
    for line in [
        "lists of the instrument: bunds",
        "newDealer: true",
        "offMarketBps: no other quote to compare with",
        "secondPerson: true",
    ] {
        assert!(asked.iter().any(|l| l == line), "{line}\n{asked:#?}");
    }
}

#[test]
fn sights_and_commands_are_explained_by_groups_and_sessions() {
    let e = load(&cedar(PERMIT));
    let see: Scenario =
        toml::from_str("user = 'mallory'\naction = 'see'\ndealer = 'HARBOUR'").unwrap();
    assert_eq!(
        weighed(&e, &see),
        [
            "groups of the trader: none",
            "panels of the dealer: all",
            "touched: false",
            "secondPerson: false"
        ]
    );
    let lock: Scenario =
        toml::from_str("user = 'oscar'\naction = 'admin-lock'\nprivileged = true").unwrap();
    assert_eq!(
        weighed(&e, &lock),
        [
            "groups of the administrator: ops",
            "privileged: true",
            "hardwareKey: false",
            "touched: false",
            "secondPerson: false"
        ]
    );
}

#[test]
fn a_set_counts_its_policies_and_knows_when_its_day_begins() {
    let e = try_load(
        &cedar(&format!("{PERMIT}{}", PERMIT.replace("'all'", "'two'"))),
        &format!("day_begins_utc_minutes = 90\n{FACTS}"),
    )
    .unwrap();
    assert_eq!((e.policy_count(), e.day_begins_ms()), (2, 90 * 60 * 1_000));
    // Logs show which set it is, not what is in it.
    assert_eq!(
        format!("{e:?}"),
        format!("CedarEntitlements {{ digest: {:?}, policies: 2, .. }}", e.digest())
    );
}

#[test]
fn nothing_is_remarked_where_everything_is_used() {
    let facts = "reporting_currency = 'EUR'\n[rates]\nUSD = '1'\nGBP = '1'\nAUD = '1'\nCHF = \
        '1'\n[groups]\ndesk = ['alice']\nempty = []\n";
    let e =
        try_load(&cedar("@id('a') permit (principal in Group::'desk', action, resource);"), facts)
            .unwrap();
    assert_eq!(e.remarks(), ["groups.empty is named by no policy", "groups.empty has no members"]);
}
