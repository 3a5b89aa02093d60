//! Which characters a name may have that people read.

/// Whether a character does not show, or moves what stands around it, so that one text looks like
/// another: control characters, Unicode 16's general category Cf, the blank letters and the
/// variation selectors.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}'
            | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a name looks like no other: every character shows, and none at its ends is blank.
#[must_use]
pub fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && !name.chars().any(is_deceptive)
}

/// Whether what people read of an instrument, its id, symbol, name, unit and settlement, looks like
/// that of no other. Ids are checked here and not where they are read: a report about another id is
/// a report all the same, and never lost for a blank. Texts are checked where a catalogue is made
/// of them and not where a message is read: a desk cleans those, and has the list all the same.
pub(crate) fn of_instrument(id: &str, texts: [&str; 4]) -> Result<(), &'static str> {
    if texts.into_iter().any(|t| t.chars().any(is_deceptive)) {
        return Err(
            "symbol, name, price_unit or settlement has a character that does not show or turns \
                the text around it",
        );
    }
    if !is_plain(id) {
        return Err("its id begins or ends with a blank");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AssetClass, Catalogue, Instrument, InstrumentId, instrument::bund};

    #[test]
    fn table_of_names() {
        for (name, plain) in [
            ("NORTHBANK", true),
            ("NORTH BANK/FX", true),
            ("Société Générale", true),
            ("野村證券", true),
            ("", false),
            (" ", false),
            (" NORTH", false),
            ("NORTH ", false),
            ("NORTH\u{a0}", false),
            ("NORTH\u{200b}", false),
            ("\u{202e}HTRON", false),
            ("NO\u{ad}RTH", false),
            ("\u{3164}", false),
            ("NORTH\u{fe0f}", false),
            ("NORTH\u{e0041}", false),
            ("NO\nRTH", false),
        ] {
            assert_eq!(is_plain(name), plain, "{name:?}");
        }
    }

    #[test]
    fn an_instrument_looks_like_no_other() {
        let pair = |id: &str| Instrument {
            id: InstrumentId::new(id).unwrap(),
            asset_class: AssetClass::FxSpot,
            ..bund()
        };
        assert!(Catalogue::new([bund(), pair("EUR/USD")]).is_ok());
        let turned = || String::from("DBR \u{202e}23/20 0");
        for (word, i) in [
            ("does not show", Instrument { symbol: turned(), ..bund() }),
            ("does not show", Instrument { name: "DBR\u{200b}".into(), ..bund() }),
            ("does not show", Instrument { price_unit: "%\u{fe0f}".into(), ..bund() }),
            ("does not show", Instrument { settlement: "T+\u{2060}2".into(), ..bund() }),
            ("blank", pair("EUR/USD ")),
            ("blank", pair(" EUR/USD")),
        ] {
            let refused = Catalogue::new([i.clone()]).unwrap_err();
            assert!(refused.to_string().contains(word), "{i:?}");
        }
    }
}
