//! Finds instruments in the catalogue that is in use. The index of a catalogue is made once, and
//! not behind the lock of the book: no quote waits for it.

use crate::{
    present,
    search::{Index, Listed, Meant},
    view::{FoundInstruments, InstrumentView},
};
use signet_rfq::{AssetClass, Catalogue, InstrumentId};
use std::sync::{Arc, Mutex, PoisonError};

/// How many instruments the ticket lists.
const SHOWN_MAX: usize = 8;

#[derive(Debug, Default)]
struct Indexed {
    catalogue: Arc<Catalogue>,
    index: Index,
}

#[derive(Debug, Default)]
pub(crate) struct Finder(Mutex<Indexed>);

impl Finder {
    /// Makes the index now, so that the first key does not wait for it.
    pub(crate) fn prepare(&self, catalogue: Arc<Catalogue>) {
        self.with(catalogue, |_| ());
    }

    pub(crate) fn find(&self, catalogue: Arc<Catalogue>, typed: &str) -> FoundInstruments {
        self.with(catalogue, |has| {
            let view = |id: &str| -> Option<InstrumentView> {
                let id = InstrumentId::new(id).ok()?;
                has.catalogue.get(&id).map(present::instrument)
            };
            let (meant, several) = match has.index.meant(typed) {
                Meant::Nothing => (None, 0),
                Meant::One(id) => (view(id), 0),
                Meant::Several(n) => (None, u32::try_from(n).unwrap_or(u32::MAX)),
            };
            let hits = has.index.find(typed, SHOWN_MAX).into_iter().filter_map(view).collect();
            FoundInstruments { hits, meant, several }
        })
    }

    /// What a text means without a choice from the list: the id of the instrument, or how many
    /// instruments have this symbol.
    pub(crate) fn meant(&self, catalogue: Arc<Catalogue>, typed: &str) -> Result<String, usize> {
        self.with(catalogue, |has| match has.index.meant(typed) {
            Meant::Nothing => Err(0),
            Meant::One(id) => Ok(id.to_owned()),
            Meant::Several(n) => Err(n),
        })
    }

    fn with<T>(&self, catalogue: Arc<Catalogue>, f: impl FnOnce(&Indexed) -> T) -> T {
        let mut has = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&has.catalogue, &catalogue) {
            let index = Index::new(catalogue.iter().map(|i| Listed {
                id: i.id.as_str(),
                symbol: &i.symbol,
                name: &i.name,
                government: i.asset_class == AssetClass::GovernmentBond,
            }));
            *has = Indexed { catalogue, index };
        }
        f(&has)
    }
}
