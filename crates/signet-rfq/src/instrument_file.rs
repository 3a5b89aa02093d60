//! Instruments as a file lists them.

use crate::{Benchmark, Catalogue, Instrument, InstrumentError, PriceType};
use serde::Deserialize;

/// Keys that only dealer simulators use.
const SIMULATOR_KEYS: [&str; 5] =
    ["reference_mid", "half_spread", "reference_yield", "reference_spread", "reference_margin"];
/// The price type that needs `reference_rate` and `reference_point`.
const MARGIN: &str = "discount margin";

/// Why a file of instruments cannot be used. At fault: whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// Not TOML, an unknown or missing key, or a value of the wrong type; the parser's words.
    #[error("{0}")]
    Syntax(String),
    /// What a discount margin is over: the instrument's id, and what is wrong.
    #[error("instrument {0}: {1}")]
    Reference(String, &'static str),
    /// The file is well formed, and an instrument in it is not.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    instrument: Vec<toml::Table>,
}

impl Catalogue {
    /// Reads a file of `[[instrument]]` tables.
    pub fn from_toml(text: &str) -> Result<Self, CatalogueError> {
        let syntax = |e: toml::de::Error| CatalogueError::Syntax(e.to_string());
        let file: File = toml::from_str(text).map_err(syntax)?;
        let mut all = Vec::with_capacity(file.instrument.len());
        for mut table in file.instrument {
            SIMULATOR_KEYS.iter().for_each(|k| drop(table.remove(*k)));
            name_reference(&mut table)?;
            all.push(table.try_into::<Instrument>().map_err(syntax)?);
        }
        Ok(Self::new(all)?)
    }
}

/// Writes the reference rate of an instrument into its price types, where everything else reads it.
fn name_reference(table: &mut toml::Table) -> Result<(), CatalogueError> {
    let named = [table.remove("reference_rate"), table.remove("reference_point")];
    let text = |key: &str| table.get(key).and_then(toml::Value::as_str).unwrap_or_default();
    let (id, currency) = (text("id").to_owned(), text("currency").to_owned());
    let bad = |why| Err(CatalogueError::Reference(id.clone(), why));
    let mut is_used = false;
    let types = table.get_mut("price_types").and_then(toml::Value::as_array_mut);
    for word in types.into_iter().flatten() {
        match word.as_str() {
            Some(MARGIN) => {
                let [rate, point] =
                    named.each_ref().map(|v| v.as_ref().and_then(toml::Value::as_str));
                let of = rate.zip(point).and_then(|(r, p)| Benchmark::read(r, p, &currency));
                let Some(of) = of else {
                    return bad(
                        "a discount margin is over a reference rate: give reference_rate (EONIA, \
                         EUREPO, EURIBOR, LIBID, LIBOR, SONIA or OTHER) and reference_point \
                         (ON, 1W, 3M, 1Y)",
                    );
                };
                *word = toml::Value::String(PriceType::Margin(of).to_string());
                is_used = true;
            }
            Some(other) if other.starts_with(MARGIN) => {
                return bad(
                    "the price type is `discount margin`, and reference_rate and reference_point \
                     say over what",
                );
            }
            _ => {}
        }
    }
    if !is_used && named.iter().any(Option::is_some) {
        return bad(
            "reference_rate and reference_point are of the price type `discount margin`, which is \
             not listed",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PriceFormat;

    const BUND: &str = "[[instrument]]\nid = 'DE0001102580'\nsymbol = 'DBR 0 02/32'\nname = 'Bund'\nasset_class = 'Government bond'\n\
        currency = 'EUR'\nprice_decimals = 3\nprice_unit = '% of par'\ntick = '0.005'\nlot = '1000'\nmin_quantity = '100000'\n\
        max_quantity = '100000000'\nsettlement = 'T+2'\n";

    #[test]
    fn a_file_is_read_and_nonsense_in_it_is_named() {
        assert_eq!(Catalogue::from_toml(BUND).map(|c| c.len()), Ok(1));
        assert_eq!(
            Catalogue::from_toml(&format!("{BUND}reference_mid = '99'\nhalf_spread = '0.1'\n"))
                .map(|c| c.len()),
            Ok(1)
        );
        let typed = format!("{BUND}price_types = ['yield', 'price']\nreference_yield = '2.5'\n");
        let read = Catalogue::from_toml(&typed).unwrap();
        let types: Vec<_> = read.iter().map(|i| i.price_types.clone()).collect();
        assert_eq!(types, [vec![PriceType::Yield, PriceType::Price]]);
        let floating = format!(
            "{BUND}price_types = ['discount margin', 'price']\nreference_rate = 'EURIBOR'\n\
             reference_point = '3M'\nreference_margin = '45'\n"
        );
        let read = Catalogue::from_toml(&floating).unwrap();
        let types: Vec<_> = read.iter().map(|i| i.price_types.clone()).collect();
        let over = Benchmark::read("EURIBOR", "3M", "EUR").unwrap();
        assert_eq!(types, [vec![PriceType::Margin(over), PriceType::Price]]);
        for (from, to, word) in [
            ("'discount margin', ", "", "which is not listed"),
            ("'EURIBOR'", "'EUROBOR'", "give reference_rate"),
            ("'EURIBOR'", "'Treasury'", "give reference_rate"),
            ("'3M'", "'3 months'", "give reference_rate"),
            ("'3M'", "3", "give reference_rate"),
            ("reference_rate = 'EURIBOR'\n", "", "give reference_rate"),
            ("reference_point = '3M'\n", "", "give reference_rate"),
            ("'price']", "'spread']", "not in both"),
            ("'price']", "'discount margin']", "not in both"),
            ("'discount margin'", "'discount margin over EURIBOR 3M in EUR'", "say over what"),
        ] {
            let why = Catalogue::from_toml(&floating.replace(from, to)).unwrap_err().to_string();
            assert!(why.contains(word), "{to}: {why}");
        }
        for format in PriceFormat::ALL {
            let text = format!("{BUND}price_format = '{}'\n", format.words())
                .replace("price_decimals = 3", "price_decimals = 8")
                .replace("tick = '0.005'", "tick = '0.125'");
            let read = Catalogue::from_toml(&text).unwrap();
            assert!(read.iter().all(|i| i.price_format == format), "{}", format.words());
        }
        for (bad, word) in [
            (format!("{BUND}price_format = '64ths'\n"), "price_format"),
            (format!("{BUND}price_types = []\n"), "price type"),
            (format!("{BUND}price_types = ['yield', 'yield']\n"), "price type"),
            (format!("{BUND}price_types = ['ted']\n"), "not a price type"),
            (format!("{BUND}price_types = ['discount margin']\n"), "give reference_rate"),
            (format!("{BUND}surprise = 1\n"), "surprise"),
            (BUND.replace("DE0001102580", "DE0001102581"), "check digit"),
            (format!("{BUND}{BUND}"), "twice"),
            ("instrument = 7".into(), "instrument"),
        ] {
            let why = Catalogue::from_toml(&bad).unwrap_err().to_string();
            assert!(why.contains(word), "{why}");
        }
    }
}
