//! Dealers that the trader put under names, at the venue of this connection.

use super::{Book, ticket::not_kept};
use crate::{
    problem::problem,
    ticket::{DealerList, list_name, listed, resolve},
    view::{DealerListView, Problem, TicketField},
};
use signet_rfq::MAX_DEALERS_PER_RFQ;

/// Dealers of one list, at most; a venue has fewer.
const DEALERS_MAX: usize = 200;

impl Book {
    /// The lists by name, each with what it comes to now.
    pub(crate) fn dealer_lists(&self) -> Vec<DealerListView> {
        let offered = self.reference.view().dealers;
        let lists = self.records.tickets.dealer_lists();
        lists.map(|list| resolve(list, &offered, MAX_DEALERS_PER_RFQ)).collect()
    }

    /// Keeps dealers under a name; a list of the same name is replaced.
    pub(crate) fn keep_dealer_list(
        &mut self,
        name: &str,
        dealers: &[String],
    ) -> Result<(), Problem> {
        let name = list_name(name)?.to_owned();
        if dealers.is_empty() {
            let why = "No dealer is chosen for the list.";
            return Err(problem("dealer_list.empty", why, "Choose dealers in the ticket first.")
                .about(TicketField::Dealers));
        }
        if dealers.len() > DEALERS_MAX {
            let why = format!("A list has at most {DEALERS_MAX} dealers.");
            return Err(problem("dealer_list.too_long", why, "Choose fewer dealers.")
                .about(TicketField::Dealers));
        }
        // Only dealers of the venue's list are kept.
        self.reference.chosen_dealers(dealers)?;
        let dealers = listed(dealers, &self.reference.view().dealers);
        let kept = self.records.tickets.keep_dealer_list(&DealerList { name, dealers });
        kept.map_err(|e| not_kept(&e))
    }

    /// Gives a list another name.
    pub(crate) fn rename_dealer_list(&mut self, name: &str, to: &str) -> Result<(), Problem> {
        let (name, to) = (list_name(name)?, list_name(to)?);
        self.records.tickets.rename_dealer_list(name, to).map_err(|e| not_kept(&e))
    }

    /// Deletes a list; one that is gone already is no fault.
    pub(crate) fn drop_dealer_list(&mut self, name: &str) -> Result<(), Problem> {
        let name = list_name(name)?;
        self.records.tickets.drop_dealer_list(name).map_err(|e| not_kept(&e))
    }
}

#[cfg(test)]
#[path = "dealer_lists_tests.rs"]
mod tests;
