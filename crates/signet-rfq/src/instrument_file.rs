//! Instruments as a file lists them.

use crate::{Catalogue, Instrument, InstrumentError};
use serde::Deserialize;

/// Keys that only dealer simulators use.
const SIMULATOR_KEYS: [&str; 4] =
    ["reference_mid", "half_spread", "reference_yield", "reference_spread"];

/// Why a file of instruments cannot be used. At fault: whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// Not TOML, an unknown or missing key, or a value of the wrong type; the parser's words.
    #[error("{0}")]
    Syntax(String),
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
            all.push(table.try_into::<Instrument>().map_err(syntax)?);
        }
        Ok(Self::new(all)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PriceFormat, PriceType};

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
            (format!("{BUND}price_types = ['discount margin']\n"), "price_types"),
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
