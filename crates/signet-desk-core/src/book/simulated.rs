//! The list of requests for the simulator, which drives a book without a desk around it, and what
//! it compares. An instrument cell holds the id of an instrument.

use super::Book;
use crate::{
    list::{self, Meaning},
    view::{ListIntent, ListPage, Problem},
};
use signet_rfq::{Catalogue, InstrumentId, Rfq, UtcMillis};

/// Rows that are shown, at most.
const SHOWN: u32 = 200;

impl Book {
    /// Adds the rows of a text to the list.
    ///
    /// # Errors
    /// The text holds no list, or the list has no room for its rows.
    pub fn paste_list(&mut self, text: &str, now: UtcMillis) -> Result<(), Problem> {
        let (pasted, known) = (list::paste(text)?, self.catalogue());
        let named = pasted.rows.iter().map(|c| by_id(&known, &c.instrument)).collect();
        self.list_paste(pasted, named, now).map(drop)
    }

    /// Does what the trader wants of the list.
    ///
    /// # Errors
    /// As for the desk: it cannot be done now.
    pub fn act_on_list(&mut self, intent: &ListIntent, now: UtcMillis) -> Result<(), Problem> {
        let known = self.catalogue();
        self.list_act(intent, |cell| by_id(&known, cell), now)
    }

    /// Shows what would be taken at once.
    ///
    /// # Errors
    /// Nothing could be taken now.
    pub fn show_list_take(&mut self, now: UtcMillis) -> Result<(), Problem> {
        self.list_take(now)
    }

    /// Confirms what is shown.
    ///
    /// # Errors
    /// Nothing is shown, or it cannot be taken now.
    pub fn confirm_list(&mut self, now: UtcMillis) -> Result<(), Problem> {
        self.list_confirm(now)
    }

    /// The RFQs on screen, as the desk holds them.
    pub fn rfqs_on_screen(&self) -> Vec<Rfq> {
        self.screen.rfqs().cloned().collect()
    }

    /// The list as the page shows it.
    pub fn list_shown(&self) -> ListPage {
        self.list_page(0, SHOWN)
    }
}

fn by_id(known: &Catalogue, cell: &str) -> Meaning {
    match InstrumentId::new(cell).is_ok_and(|id| known.get(&id).is_some()) {
        true => Meaning::One(cell.into()),
        false => Meaning::Nothing,
    }
}
