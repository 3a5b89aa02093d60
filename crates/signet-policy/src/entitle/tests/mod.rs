use super::{load::SCHEMA, *};
use cedar_policy::Schema;
use rust_decimal::Decimal;

mod arithmetic;
mod colleagues;
mod decisions;
mod differences;
mod examples;
mod explain;
mod limits;
mod refusals;
mod remembered;
mod sentences;
mod words;

/// The dealers and some of the instruments of the practice venue.
fn world() -> World {
    let all = [
        ("DE000BU2Z049", "DBR 2.5 02/35", "Government bond", "EUR"),
        ("DE000BU2Z031", "DBR 2.6 08/34", "Government bond", "EUR"),
        ("IT0005534141", "BTPS 4.5 10/53", "Government bond", "EUR"),
        ("GB00BT7J0027", "UKT 4.5 03/35", "Government bond", "GBP"),
        ("US91282CLW90", "UST 4.25 11/34", "Government bond", "USD"),
        ("US594918BC73", "MSFT 3.5 02/35", "Corporate bond", "USD"),
        ("US037833BH21", "AAPL 4.375 05/45", "Corporate bond", "USD"),
        ("US46625HJB78", "JPM 5.6 07/41", "Corporate bond", "USD"),
        ("EUR/USD", "EUR/USD", "FX spot", "EUR"),
        ("GBP/USD", "GBP/USD", "FX spot", "GBP"),
        ("AUD/USD", "AUD/USD", "FX spot", "AUD"),
        ("USD/JPY", "USD/JPY", "FX spot", "USD"),
        ("CHF/JPY", "CHF/JPY", "FX spot", "CHF"),
    ];
    let instruments = all.map(|(id, symbol, class, currency)| {
        let facts = InstrumentFacts {
            symbol: symbol.into(),
            class: class.into(),
            currency: currency.into(),
            has_isin: !class.starts_with("FX"),
        };
        (id.to_owned(), facts)
    });
    World {
        gateway: "SIGNET".into(),
        dealers: ["NORTHBANK", "HARBOUR", "MERIDIAN", "CALDERA"].map(String::from).into(),
        instruments: instruments.into(),
    }
}

const FACTS: &str = "reporting_currency = 'EUR'\n[rates]\nUSD = '0.5'\nGBP = '1.25'\n[groups]\ndesk = ['alice', 'bob']\nempty = []\n\
    [panels]\nall = ['NORTHBANK', 'HARBOUR', 'MERIDIAN', 'CALDERA']\n[lists]\nbunds = ['DBR 2.5 02/35', 'DE000BU2Z031']\n\
    [admin_groups]\nops = ['oscar']\n";

fn try_load(policies: &str, facts: &str) -> Result<CedarEntitlements, EntitleError> {
    CedarEntitlements::load(&Documents { policies, facts }, &world())
}

fn load(policies: &str) -> CedarEntitlements {
    try_load(policies, FACTS).unwrap()
}

/// A trade of alice's with NORTHBANK, harmless but for what is said.
fn scenario(more: &str) -> Scenario {
    let usual = "user = 'alice'\naction = 'accept'\ndealer = 'NORTHBANK'\ninstrument = \
        'DE000BU2Z049'\nside = 'buy'\nquantity = '1m'\n";
    let mut table: toml::Table = toml::from_str(usual).unwrap();
    table.extend(toml::from_str::<toml::Table>(more).unwrap());
    table.try_into().unwrap()
}

fn decide(e: &CedarEntitlements, more: &str) -> Verdict {
    scenario(more).decide(e).unwrap()
}

const PERMIT: &str = "@id('all') permit (principal in Group::'desk', action, resource);";

/// Cedar's strings are in double quotes; these tests are easier to read with single ones.
fn cedar(text: &str) -> String {
    text.replace('\'', "\"")
}
