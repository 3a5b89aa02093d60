//! Who takes part, and what is traded.

use signet_identity::CompId;
use signet_rfq::DealerId;

pub(crate) const DESK: &str = "TRADER";
/// Of the same group; it takes RFQs over, and what it hears nobody reads.
pub(crate) const COLLEAGUE: &str = "COLLEAGUE";
pub(crate) const GATEWAY: &str = "GATEWAY";
pub(crate) const DEALERS: [&str; 3] = ["NORTH", "SOUTH", "EAST"];
/// Those that let a part of their quotes be taken.
pub(crate) const TAKES_PART: [&str; 2] = [DEALERS[0], DEALERS[1]];
pub(crate) const PAIR: &str = "EUR/USD";
/// What packages are made of.
pub(crate) const LEGS: [&str; 4] = ["EUR/USD", "EUR/GBP", "EUR/CHF", "EUR/SEK"];

/// What the gateway's file of instruments says.
pub(crate) fn instruments() -> String {
    let one = |pair: &&str| {
        let unit = pair.trim_start_matches("EUR/");
        format!(
            "[[instrument]]\nid = '{pair}'\nsymbol = '{pair}'\nname = '{pair}'\n\
            asset_class = 'FX spot'\ncurrency = 'EUR'\nprice_decimals = 5\n\
            price_unit = '{unit} per EUR'\ntick = '0.00001'\nlot = '1'\nmin_quantity = '1'\n\
            max_quantity = '100000000'\nsettlement = 'spot'\n"
        )
    };
    LEGS.iter().map(one).collect()
}

/// The true time at which each run begins, milliseconds since 1970: a business day.
pub(crate) const EPOCH: i64 = 1_795_219_200_000;

pub(crate) fn comp(name: &str) -> CompId {
    CompId::new(name).expect("a CompID")
}

pub(crate) fn dealer(name: &str) -> DealerId {
    DealerId::new(name).expect("a dealer")
}
