//! An instrument list on its way: a gateway sends it in parts.

use signet_fix::message::SecurityList;
use signet_rfq::{Catalogue, Instrument, InstrumentError, MAX_INSTRUMENTS, RfqId};

/// The parts of one list, by the request that they answer.
#[derive(Debug, Default)]
pub(super) struct IncomingCatalogue {
    request: Option<RfqId>,
    parts: Vec<Instrument>,
    /// It was too long; the rest of it is passed over.
    refused: bool,
}

impl IncomingCatalogue {
    /// A further part. Answers the whole list with its last one. A part that answers another request
    /// begins another list: what was there of the former one is not completed by it.
    pub fn take(&mut self, y: SecurityList) -> Result<Option<Catalogue>, InstrumentError> {
        if self.request.as_ref() != Some(&y.request) {
            *self = Self { request: Some(y.request), ..Self::default() };
        }
        if self.refused {
            return Ok(None);
        }
        if self.parts.len() + y.instruments.len() > MAX_INSTRUMENTS {
            self.parts = Vec::new();
            self.refused = true;
            return Err(InstrumentError::TooMany);
        }
        self.parts.extend(y.instruments);
        if !y.last {
            return Ok(None);
        }
        let whole = std::mem::take(self);
        Catalogue::new(whole.parts).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_rfq::{AssetClass, InstrumentId};

    fn part(request: &str, ids: &[String], last: bool) -> SecurityList {
        SecurityList { request: RfqId::new(request).expect("an id"), last, instruments: ids.iter().map(|id| pair(id)).collect() }
    }

    fn pair(id: &str) -> Instrument {
        Instrument {
            id: InstrumentId::new(id).expect("an id"),
            symbol: "one name".into(),
            name: "one name".into(),
            asset_class: AssetClass::FxSpot,
            currency: "EUR".into(),
            price_decimals: 5,
            price_unit: "USD per EUR".into(),
            tick: "0.00001".parse().expect("a number"),
            lot: 1.into(),
            min_quantity: 1.into(),
            max_quantity: 1_000.into(),
            settlement: "spot".into(),
        }
    }

    fn ids(from: usize, count: usize) -> Vec<String> {
        (from..from + count).map(|n| format!("P{n}/Q")).collect()
    }

    #[test]
    fn a_list_comes_in_parts_and_names_may_repeat_where_ids_do_not() {
        let mut incoming = IncomingCatalogue::default();
        assert_eq!(incoming.take(part("1", &ids(0, 50), false)), Ok(None));
        let whole = incoming.take(part("1", &ids(50, 3), true)).expect("good").expect("whole");
        assert_eq!(whole.len(), 53);
        assert!(incoming.parts.is_empty());
    }

    #[test]
    fn a_list_that_broke_off_leaves_nothing_to_the_next() {
        let mut incoming = IncomingCatalogue::default();
        assert_eq!(incoming.take(part("1", &ids(0, 50), false)), Ok(None));
        // The link went, and the next connection asks again: the same instruments come.
        assert_eq!(incoming.take(part("2", &ids(0, 50), false)), Ok(None));
        assert_eq!(incoming.take(part("2", &ids(50, 1), true)).map(|c| c.map(|c| c.len())), Ok(Some(51)));
    }

    #[test]
    fn a_list_without_an_end_is_refused_once_and_kept_nowhere() {
        let mut incoming = IncomingCatalogue::default();
        let mut refusals = 0;
        for n in 0..600 {
            refusals += usize::from(incoming.take(part("1", &ids(n * 50, 50), false)).is_err());
            assert!(incoming.parts.len() <= MAX_INSTRUMENTS);
        }
        assert_eq!((refusals, incoming.parts.capacity()), (1, 0));
        // Another list is taken again.
        assert!(matches!(incoming.take(part("2", &ids(0, 1), true)), Ok(Some(_))));
    }
}
