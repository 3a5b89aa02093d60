//! How the prices of an instrument are written. Only the writing: a price travels and is compared
//! as a decimal number.

use serde::{Deserialize, Serialize};

/// How people write the prices of an instrument; PriceFormat (20037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum PriceFormat {
    /// `99.515`. The default: a catalogue that says nothing means it.
    #[default]
    #[serde(rename = "decimals")]
    Decimals,
    /// `99-16+`: whole, 32nds, and `+` for half of a 32nd (64ths).
    #[serde(rename = "32nds")]
    ThirtySeconds,
    /// `99-162`: whole, 32nds, and eighths of a 32nd (256ths); `+` is four eighths.
    #[serde(rename = "32nds-eighths")]
    ThirtySecondEighths,
}

impl PriceFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Decimals, Self::ThirtySeconds, Self::ThirtySecondEighths];

    /// As files and PriceFormat (20037) write it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Decimals => "decimals",
            Self::ThirtySeconds => "32nds",
            Self::ThirtySecondEighths => "32nds-eighths",
        }
    }

    /// Into how many parts the format divides the unit; `None` for decimals.
    pub fn parts(self) -> Option<u32> {
        match self {
            Self::Decimals => None,
            Self::ThirtySeconds => Some(64),
            Self::ThirtySecondEighths => Some(256),
        }
    }

    /// Whether nothing needs to be said of it.
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::Decimals
    }
}

/// What a PriceType (423) of FIX 4.4 counts, for people.
pub fn price_type_words(code: u16) -> &'static str {
    match code {
        1 => "a percentage of par",
        2 => "a price per unit",
        3 => "a fixed amount",
        4 => "a discount",
        5 => "a premium",
        6 => "a spread",
        7 => "a TED price",
        8 => "a TED yield",
        9 => "a yield",
        10 | 11 => "a cabinet trade price",
        _ => "of a type that FIX 4.4 does not have",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_format_divides_into() {
        for (format, parts) in PriceFormat::ALL.into_iter().zip([None, Some(64), Some(256)]) {
            assert_eq!(format.parts(), parts);
            assert_eq!(format.is_default(), format == PriceFormat::default());
        }
    }
}
