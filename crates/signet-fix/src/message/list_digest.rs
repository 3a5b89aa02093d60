//! What a complete list of instruments is recognised by, so that a desk that has it is not sent it
//! again.

use aws_lc_rs::digest::{Context, SHA256};
use signet_rfq::{Catalogue, Instrument};

/// Names the form that is hashed; another one when an instrument has other fields.
const FORM: &str = "signet instruments 1";
/// Hexadecimal digits of a digest.
const DIGITS: usize = 64;

/// SHA-256 of a complete list of instruments, lower-case hexadecimal; ListDigest (20039). Equal
/// lists have equal digests, whoever lists them: it says nothing of a venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListDigest(String);

impl ListDigest {
    /// Of all of these, in the order of their ids. A list of none has one, too.
    pub fn of(all: &Catalogue) -> Self {
        let mut context = Context::new(&SHA256);
        let mut form = Vec::new();
        put(&mut form, FORM.as_bytes());
        put_count(&mut form, all.len());
        context.update(&form);
        for i in all.iter() {
            form.clear();
            put_instrument(&mut form, i);
            context.update(&form);
        }
        Self(context.finish().as_ref().iter().map(|b| format!("{b:02x}")).collect())
    }

    /// As [`Self::as_str`] writes it; `None` for anything else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        (text.len() == DIGITS && text.bytes().all(digit)).then(|| Self(text.into()))
    }

    /// In hexadecimal.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Each value follows its length, so that no two lists have one form. Numbers are written without
/// the zeros that say nothing.
fn put_instrument(form: &mut Vec<u8>, i: &Instrument) {
    // A field that is added must be in the form.
    let Instrument {
        id,
        symbol,
        name,
        asset_class,
        currency,
        price_decimals,
        price_unit,
        tick,
        lot,
        min_quantity,
        max_quantity,
        settlement,
        price_format,
        price_types,
    } = i;
    let texts: [&str; 8] = [
        id.as_str(),
        symbol,
        name,
        asset_class.words(),
        currency,
        price_unit,
        settlement,
        price_format.words(),
    ];
    for text in texts {
        put(form, text.as_bytes());
    }
    form.push(*price_decimals);
    for number in [tick, lot, min_quantity, max_quantity] {
        put(form, number.normalize().to_string().as_bytes());
    }
    put_count(form, price_types.len());
    for price_type in price_types {
        put(form, price_type.to_string().as_bytes());
    }
}

fn put(form: &mut Vec<u8>, value: &[u8]) {
    put_count(form, value.len());
    form.extend_from_slice(value);
}

fn put_count(form: &mut Vec<u8>, n: usize) {
    form.extend_from_slice(&u64::try_from(n).unwrap_or(u64::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use rust_decimal::Decimal;
    use signet_rfq::{AssetClass, Benchmark, InstrumentId, PriceFormat, PriceType};
    use std::collections::BTreeSet;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn bond() -> Instrument {
        Instrument {
            id: InstrumentId::new("DE0001102580").unwrap(),
            symbol: "DBR 0 02/32".into(),
            name: "Bund".into(),
            asset_class: AssetClass::GovernmentBond,
            currency: "EUR".into(),
            price_decimals: 3,
            price_unit: "% of par".into(),
            tick: dec("0.125"),
            lot: dec("1000"),
            min_quantity: dec("100000"),
            max_quantity: dec("100000000"),
            settlement: "T+2".into(),
            price_format: PriceFormat::Decimals,
            price_types: vec![PriceType::Price, PriceType::Yield],
        }
    }

    fn margin(rate: &str, point: &str) -> PriceType {
        PriceType::Margin(Benchmark::read(rate, point, "EUR").unwrap())
    }

    fn other() -> Instrument {
        Instrument { id: InstrumentId::new("US0378331005").unwrap(), ..bond() }
    }

    fn digest(all: &[Instrument]) -> String {
        ListDigest::of(&Catalogue::new(all.iter().cloned()).unwrap()).as_str().to_owned()
    }

    #[test]
    fn every_field_of_an_instrument_changes_it() {
        let one = |i: Instrument| digest(&[i]);
        let all = [
            digest(&[]),
            one(bond()),
            one(other()),
            digest(&[bond(), other()]),
            one(Instrument { symbol: "DBR 0 08/32".into(), ..bond() }),
            one(Instrument { name: "Bundesrepublik".into(), ..bond() }),
            one(Instrument { asset_class: AssetClass::CorporateBond, ..bond() }),
            one(Instrument { currency: "USD".into(), ..bond() }),
            one(Instrument { price_decimals: 4, ..bond() }),
            one(Instrument { price_unit: "per cent".into(), ..bond() }),
            one(Instrument { tick: dec("0.25"), ..bond() }),
            one(Instrument { lot: dec("100"), ..bond() }),
            one(Instrument { min_quantity: dec("200000"), ..bond() }),
            one(Instrument { max_quantity: dec("200000000"), ..bond() }),
            one(Instrument { settlement: "T+1".into(), ..bond() }),
            one(Instrument { price_format: PriceFormat::ThirtySeconds, ..bond() }),
            one(Instrument { price_types: vec![PriceType::Price], ..bond() }),
            one(Instrument { price_types: vec![PriceType::Yield, PriceType::Price], ..bond() }),
            one(Instrument { price_types: vec![PriceType::Spread], ..bond() }),
            one(Instrument { price_types: vec![margin("EURIBOR", "3M")], ..bond() }),
            one(Instrument { price_types: vec![margin("EURIBOR", "6M")], ..bond() }),
            one(Instrument { price_types: vec![margin("EONIA", "3M")], ..bond() }),
            // The same characters, in other fields.
            one(Instrument { symbol: "DBR 0 02/32B".into(), name: "und".into(), ..bond() }),
            one(Instrument { lot: dec("100000"), min_quantity: dec("1000"), ..bond() }),
        ];
        let different: BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:#?}");
        assert!(all.iter().all(|d| ListDigest::read(d).is_some_and(|r| r.as_str() == d)));
    }

    #[test]
    fn equal_lists_have_one_digest() {
        assert_eq!(digest(&[bond(), other()]), digest(&[other(), bond()]));
        // 0.125 and 0.12500 are one number.
        let longer = Instrument { tick: dec("0.12500"), lot: dec("1000.00"), ..bond() };
        assert_eq!(digest(&[longer]), digest(&[bond()]));
    }

    /// Made by another program from the form in the protocol: both ends of different releases
    /// recognise a list only while it stays as it is.
    #[test]
    fn the_form_is_the_one_in_the_protocol() {
        let none = "6f269472ca87305629c08619716cb5fbe5dbce9c7fab4c7962b0086524456252";
        let two = "bd2ab646f23b54129403873993b27675fb7b2a0fa5508f8f7b01d7342631b6bf";
        assert_eq!(digest(&[]), none);
        assert_eq!(digest(&[bond(), other()]), two);
    }

    #[test]
    fn only_a_digest_is_read_as_one() {
        let good = digest(&[]);
        for bad in [
            String::new(),
            good[1..].to_owned(),
            format!("{good}0"),
            good.replacen(&good[..1], "g", 1),
            good.replacen(&good[..1], "A", 1),
            good.replacen(&good[..2], "é", 1),
            good.replacen(&good[..1], " ", 1),
        ] {
            assert_eq!(ListDigest::read(&bad), None, "{bad:?}");
        }
    }
}
