//! What measurements of decisions ask: the entitlements of the gateway's example, and the risk of
//! an access.

use crate::firm::{POLICIES, RISK};
use rust_decimal::Decimal;
use signet_gateway::{
    config::{OpenRfqs, RiskSection},
    risk::{Facts, Risk},
};
use signet_policy::{
    entitle::{
        Amounts, CedarEntitlements, Deal, Documents, Entitlements as _, InstrumentFacts, Outcome,
        Proof, Side, Step, World,
    },
    score::{Authentication, Decision},
};
use signet_rfq::UtcMillis;
use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    path::PathBuf,
};

/// 2026-11-20 12:00 UTC.
pub const NOON: UtcMillis = UtcMillis(1_795_176_000_000);
const BUND: &str = "DE000BU2Z049";

/// The example's facts and what they are about, with more dealers and instruments.
pub struct Rules {
    facts: String,
    world: World,
}

impl Rules {
    /// These dealers are in the panel for bonds; `catalogue` instruments are beside those of the
    /// policies.
    pub fn example(dealers: &[String], catalogue: usize) -> Self {
        let instrument = |id: &str, class: &str, currency: &str| {
            let facts = InstrumentFacts {
                symbol: id.into(),
                class: class.into(),
                currency: currency.into(),
                has_isin: class.ends_with("bond"),
            };
            (id.to_owned(), facts)
        };
        let mut instruments = vec![
            instrument(BUND, "Government bond", "EUR"),
            instrument("IT0005534141", "Government bond", "EUR"),
            instrument("US594918BC73", "Corporate bond", "USD"),
            instrument("AAPL 4.375 05/45", "Corporate bond", "USD"),
            instrument("EUR/USD", "FX spot", "EUR"),
            instrument("GBP/USD", "FX spot", "GBP"),
        ];
        instruments.extend(
            (0..catalogue).map(|n| instrument(&format!("XX{n:09}0"), "Corporate bond", "USD")),
        );
        let names: BTreeSet<String> = dealers
            .iter()
            .cloned()
            .chain(["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"].map(String::from))
            .collect();
        let world = World {
            gateway: "SIGNET".into(),
            dealers: names,
            instruments: instruments.into_iter().collect(),
        };
        let example = include_str!("../../../gateway/entitlements.example.toml");
        let panel = dealers.iter().map(|d| format!("{d:?}, ")).collect::<String>();
        let facts = example.replace("bond-dealers = [", &format!("bond-dealers = [{panel}"));
        Self { facts, world }
    }

    /// How many instruments there are.
    pub fn instruments(&self) -> usize {
        self.world.instruments.len()
    }

    /// With the policies of the example.
    pub fn load(&self) -> CedarEntitlements {
        let documents = Documents { policies: POLICIES, facts: &self.facts };
        CedarEntitlements::load(&documents, &self.world).expect("the example is good")
    }
}

/// Alice takes a quote of the first, or all of them are asked: a decision for each, as the gateway
/// asks for it.
pub fn ask(e: &CedarEntitlements, dealers: &[String], millions: i64, want: Outcome) {
    let (day, outstanding) = (Amounts::from([("EUR".into(), 10_000_000.into())]), Amounts::new());
    let deal = Deal {
        instrument: BUND,
        side: Side::Buy,
        quantity: Decimal::from(millions * 1_000_000),
        day: &day,
        outstanding: &outstanding,
        open_rfqs: 3,
        dealers: dealers.len(),
        first_today: false,
        idle_s: 20,
    };
    let step = Step::Accept { off_market_bps: Some(2) };
    let decide = e.for_deal(black_box("alice"), Proof::default(), step, black_box(&deal));
    for dealer in dealers {
        assert_eq!(decide(black_box(dealer.as_str()), false).outcome(), want);
    }
}

/// The risk of accesses by the bench's settings and the default table.
pub fn risk() -> Risk {
    let section =
        RiskSection { table: None, settings: PathBuf::new(), open_rfqs: OpenRfqs::default() };
    let documents = BTreeMap::from([("settings".to_owned(), RISK.to_owned())]);
    let policy = section.build(&documents).expect("good settings");
    Risk::new(section, policy)
}

/// An access that is allowed, or one from elsewhere on a laptop that nobody manages.
pub fn access(want: Decision) -> Facts<'static> {
    let address = if want == Decision::Allow { "127.0.0.1" } else { "203.0.113.7" };
    Facts {
        user: "alice",
        role: Some("standard"),
        address: address.parse().ok(),
        authentication: Authentication::SoftwareToken,
        managed: Some(want == Decision::Allow),
        concerns: vec![],
        trades: true,
    }
}
