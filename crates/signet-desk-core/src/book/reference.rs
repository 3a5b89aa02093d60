//! The instruments and dealers that this trader may use.

use super::incoming::IncomingCatalogue;
use crate::{
    present::{self, legs},
    problem::problem,
    view::{Problem, Reference, TicketField},
};
use signet_fix::message::{
    DealerState, ExecutionReport, ListDigest, SecurityList, SecurityListRequest,
};
use signet_rfq::{
    Catalogue, DealerId, Instrument, InstrumentError, InstrumentId, PriceType, RfqId, StatedType,
    Terms, UtcMillis,
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

#[derive(Debug, Default)]
pub(super) struct ReferenceData {
    /// Another value whenever another list is in use.
    catalogue: Arc<Catalogue>,
    /// Of the catalogue, once a complete list came. A list with a text that is not shown as it came
    /// (`peer_text.rs`) has another one here than at the gateway, and comes each time.
    digest: Option<ListDigest>,
    /// The request for the list that has no complete answer.
    question: Option<Question>,
    /// On this connection the whole list was asked for, because the gateway kept back one that is
    /// not here.
    asked_again: bool,
    incoming: IncomingCatalogue,
    dealers: Vec<DealerState>,
    /// Of the dealers. Another value whenever the dealers change.
    names: Arc<BTreeMap<DealerId, String>>,
}

/// A request for the list of instruments.
#[derive(Debug)]
struct Question {
    request: RfqId,
    /// The list that it named.
    digest: Option<ListDigest>,
}

/// An answer keeps back a list that this desk did not say that it has; the gateway is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is said to be unchanged since one that this desk did not name")]
pub(super) struct NothingToKeep;

impl ReferenceData {
    pub(super) fn view(&self) -> Reference {
        present::reference(&self.catalogue, &self.dealers)
    }

    pub(super) fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    pub(super) fn instrument(&self, id: &InstrumentId) -> Option<&Instrument> {
        self.catalogue.get(id)
    }

    /// What an RFQ is for: its instrument, or what stands for it when it is a package.
    pub(super) fn of_rfq(&self, terms: &Terms) -> Option<Cow<'_, Instrument>> {
        if terms.is_package() {
            let (legs, currency) = (&terms.legs, &terms.currency);
            return Some(Cow::Owned(legs::instrument(legs, currency, &self.catalogue)));
        }
        self.told(&terms.instrument, terms.price_type)
    }

    /// An instrument as numbers of this type write it.
    pub(super) fn told(&self, id: &InstrumentId, of: PriceType) -> Option<Cow<'_, Instrument>> {
        let i = self.instrument(id)?;
        Some(match of {
            // Its usual type may be another one, whose unit would be shown.
            PriceType::Price if i.price_type() == of => Cow::Borrowed(i),
            of => Cow::Owned(i.told_in(of)),
        })
    }

    /// What a report is about, of which the RFQ is not on screen.
    pub(super) fn of_report(&self, e: &ExecutionReport) -> Option<Cow<'_, Instrument>> {
        if !e.instrument.is_package() {
            let stated = match self.instrument(&e.instrument).and_then(Instrument::margin) {
                // A note that has margins has no spread.
                Some(margin) if e.price_type == Some(StatedType::from(6)) => margin.stated(),
                _ => e.price_type,
            };
            // A number of no type that is known here is shown as it came.
            let of = stated.map_or(Some(PriceType::Price), StatedType::price_type)?;
            return self.told(&e.instrument, of);
        }
        let legs = legs::reported(&e.legs);
        let first = legs.first().and_then(|l| self.instrument(&l.instrument));
        let currency = first.map_or("", |i| i.currency.as_str());
        Some(Cow::Owned(legs::instrument(&legs, currency, &self.catalogue)))
    }

    /// Whether the prices of an RFQ are percentages of par: of an ISIN, or of legs that all are.
    pub(super) fn priced_by_isin(&self, terms: &Terms) -> bool {
        match &terms.legs[..] {
            [] => self.has_isin(&terms.instrument),
            legs => legs.iter().all(|l| self.has_isin(&l.instrument)),
        }
    }

    /// The instrument that the page names.
    pub(super) fn named(&self, id: &str) -> Option<&Instrument> {
        InstrumentId::new(id).ok().and_then(|id| self.instrument(&id))
    }

    /// As [`Self::named`], for an intent that needs an instrument.
    pub(super) fn chosen(&self, id: &str) -> Result<&Instrument, Problem> {
        self.named(id).ok_or_else(|| {
            problem(
                "instrument.unknown",
                "No instrument is chosen.",
                "Type an ISIN, a pair or a name and choose from the list.",
            )
            .about(TicketField::Instrument)
        })
    }

    /// Whether a dealer's session with the venue is up.
    pub(super) fn reaches(&self, dealer: &DealerId) -> bool {
        self.dealers.iter().any(|d| d.id == *dealer && d.online)
    }

    /// Whether messages name the instrument by its ISIN.
    pub(super) fn has_isin(&self, id: &InstrumentId) -> bool {
        self.instrument(id).is_some_and(|i| i.asset_class.has_isin())
    }

    /// Whether a dealer takes counters.
    pub(super) fn takes_counters(&self, dealer: &DealerId) -> bool {
        self.dealers.iter().any(|d| d.id == *dealer && d.counters)
    }

    /// Whether a dealer lets a part of its quotes be taken.
    pub(super) fn takes_parts(&self, dealer: &DealerId) -> bool {
        self.dealers.iter().any(|d| d.id == *dealer && d.parts)
    }

    /// The dealers that take counters.
    pub(super) fn counterable(&self) -> BTreeSet<DealerId> {
        self.dealers.iter().filter(|d| d.counters).map(|d| d.id.clone()).collect()
    }

    /// The dealers' names: another value whenever the dealers change.
    pub(super) fn names(&self) -> Arc<BTreeMap<DealerId, String>> {
        Arc::clone(&self.names)
    }

    /// The dealers that a ticket names.
    pub(super) fn chosen_dealers(&self, ids: &[String]) -> Result<Vec<DealerId>, Problem> {
        let unknown = |d: &String| {
            problem(
                "dealers.unknown",
                format!("{d} is not a dealer you may ask."),
                "Choose dealers from the list.",
            )
            .about(TicketField::Dealers)
        };
        let known =
            |d: &String| self.dealers.iter().find(|x| x.id.as_str() == d).map(|x| x.id.clone());
        ids.iter().map(|d| known(d).ok_or_else(|| unknown(d))).collect()
    }

    /// Takes the venue's list of dealers; returns whether it changed.
    pub(super) fn take_dealers(&mut self, mut dealers: Vec<DealerState>) -> bool {
        // A dealer that is listed twice is one dealer.
        let mut named = BTreeSet::new();
        dealers.retain(|d| named.insert(d.id.clone()));
        tell_apart(&mut dealers);
        if self.dealers == dealers {
            return false;
        }
        self.names = Arc::new(dealers.iter().map(|d| (d.id.clone(), d.name.clone())).collect());
        self.dealers = dealers;
        true
    }

    /// Takes a part of the venue's instrument list; returns whether the list is complete and now in
    /// use.
    pub(super) fn take_instruments(&mut self, part: SecurityList) -> Result<bool, InstrumentError> {
        let whole = self.incoming.take(part)?;
        let complete = whole.is_some();
        if let Some(catalogue) = whole {
            self.digest = Some(ListDigest::of(&catalogue));
            self.catalogue = Arc::new(catalogue);
            self.question = None;
        }
        Ok(complete)
    }

    /// What is asked after a logon: the list, unless it is the one that is here.
    pub(super) fn ask_at_logon(&mut self, now: UtcMillis) -> Option<SecurityListRequest> {
        self.asked_again = false;
        self.ask(format!("list-{}", now.0), self.digest.clone())
    }

    /// Asks for the whole list, once after a logon; `None`: it was asked for.
    pub(super) fn ask_for_all(&mut self, now: UtcMillis) -> Option<SecurityListRequest> {
        let before = std::mem::replace(&mut self.asked_again, true);
        if before { None } else { self.ask(format!("whole-{}", now.0), None) }
    }

    fn ask(&mut self, id: String, digest: Option<ListDigest>) -> Option<SecurityListRequest> {
        let id = RfqId::new(id).ok()?;
        self.question = Some(Question { request: id.clone(), digest: digest.clone() });
        Some(SecurityListRequest { id, digest })
    }

    /// The answer to `request` is that the list is unchanged: it stays in use.
    pub(super) fn keep_instruments(&mut self, request: &RfqId) -> Result<(), NothingToKeep> {
        let named = self.question.take_if(|q| q.request == *request).and_then(|q| q.digest);
        if named.is_none() || named != self.digest {
            return Err(NothingToKeep);
        }
        self.incoming = IncomingCatalogue::default();
        Ok(())
    }

    /// Drops a list of which the rest will not arrive.
    pub(super) fn link_lost(&mut self) {
        self.incoming = IncomingCatalogue::default();
        self.question = None;
    }

    /// Drops instruments and dealers, because another identity may use others, as may another
    /// venue.
    pub(super) fn forget(&mut self) {
        self.catalogue = Arc::default();
        (self.digest, self.question) = (None, None);
        self.dealers.clear();
        self.names = Arc::default();
    }
}

/// A dealer whose name is also the name or the CompID of another gets its own CompID beside it:
/// whoever reads the name must know which dealer it is.
fn tell_apart(dealers: &mut [DealerState]) {
    let mut called: BTreeMap<String, BTreeSet<DealerId>> = BTreeMap::new();
    for d in dealers.iter() {
        for word in [d.id.as_str(), &d.name] {
            called.entry(word.to_lowercase()).or_default().insert(d.id.clone());
        }
    }
    for d in dealers {
        if called.get(&d.name.to_lowercase()).is_some_and(|who| who.len() > 1) {
            d.name = format!("{} ({})", d.name, d.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dealers_that_are_called_the_same_are_told_apart() {
        let state = |(id, name): &(&str, &str)| DealerState {
            id: DealerId::new(*id).unwrap(),
            name: (*name).into(),
            online: true,
            counters: false,
            parts: false,
        };
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
        let table: [Row<'_>; 5] = [
            (&[("A", "Bank"), ("B", "Other")], &["Bank", "Other"]),
            (&[("A", "Bank"), ("B", "bank")], &["Bank (A)", "bank (B)"]),
            (&[("A", "A"), ("B", "B")], &["A", "B"]),
            // The name of one is the CompID of another.
            (&[("A", "B"), ("B", "Bank")], &["B (A)", "Bank"]),
            // A dealer that is listed twice is one dealer.
            (&[("A", "Bank"), ("A", "Bank")], &["Bank"]),
        ];
        for (told, want) in table {
            let mut known = ReferenceData::default();
            assert!(known.take_dealers(told.iter().map(state).collect()));
            assert!(!known.take_dealers(told.iter().map(state).collect()), "nothing changed");
            let names: Vec<&str> = known.names.values().map(String::as_str).collect();
            assert_eq!(names, want, "{told:?}");
        }
    }
}
