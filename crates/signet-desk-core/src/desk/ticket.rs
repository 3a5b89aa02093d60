//! What the page asks while the ticket is filled in.

use super::Desk;
use crate::{
    book::lock,
    laptop_clock::laptop_now,
    link::Command,
    ticket::edited,
    view::{
        DealerHint, DealerListView, FoundInstruments, KeptTickets, PackageEdit, PackageForm,
        PackageRead, Problem, Reference, SettlementDay, TemplateView, TicketCheck, TicketForm,
    },
};
use signet_fix::AppMessage;

impl Desk {
    /// Instruments and dealers that this trader may use.
    pub fn reference(&self) -> Reference {
        let (reference, catalogue) = {
            let book = lock(&self.book);
            (book.reference(), book.catalogue())
        };
        self.finder.prepare(catalogue);
        reference
    }

    /// The instruments that a typed text finds.
    pub fn find_instruments(&self, typed: &str) -> FoundInstruments {
        let catalogue = lock(&self.book).catalogue();
        self.finder.find(catalogue, typed)
    }

    /// The settlement day that a trader typed: `2026-12-15`, `15 dec`, `3m`.
    pub fn read_settlement(&self, instrument: &str, text: &str) -> Result<SettlementDay, Problem> {
        lock(&self.book).read_settlement(instrument, text, laptop_now())
    }

    /// What the desk reads in the package of a ticket.
    pub fn read_package(&self, package: &PackageForm) -> PackageRead {
        lock(&self.book).read_package(package, laptop_now())
    }

    /// The package of a ticket after an edit.
    pub fn edit_package(&self, package: PackageForm, edit: PackageEdit) -> PackageForm {
        edited(package, edit)
    }

    /// Sends a filled-in ticket and returns the RFQ's id. What the ticket wants of an accept holds
    /// on this desk from then on.
    pub fn ask(&self, form: &TicketForm) -> Result<String, Problem> {
        let message = lock(&self.book).ask(form, laptop_now())?;
        let id = match &message {
            AppMessage::QuoteRequest(q) => q.id.to_string(),
            _ => String::new(),
        };
        self.command(Command::Send(message))?;
        Ok(id)
    }

    /// What is known about a ticket before it is sent.
    pub fn check_ticket(&self, form: &TicketForm) -> TicketCheck {
        lock(&self.book).check_ticket(form, laptop_now())
    }

    /// What helps to choose dealers for an instrument, in the order of the venue's list.
    pub fn dealer_hints(&self, instrument: &str) -> Vec<DealerHint> {
        lock(&self.book).dealer_hints(instrument)
    }

    /// The lists of dealers that the trader made at this venue, by name.
    pub fn dealer_lists(&self) -> Vec<DealerListView> {
        lock(&self.book).dealer_lists()
    }

    /// Keeps dealers under a name; a list of the same name is replaced.
    pub fn keep_dealer_list(&self, name: &str, dealers: &[String]) -> Result<(), Problem> {
        lock(&self.book).keep_dealer_list(name, dealers)
    }

    /// Gives a list of dealers another name.
    pub fn rename_dealer_list(&self, name: &str, to: &str) -> Result<(), Problem> {
        lock(&self.book).rename_dealer_list(name, to)
    }

    /// Deletes a list of dealers.
    pub fn drop_dealer_list(&self, name: &str) -> Result<(), Problem> {
        lock(&self.book).drop_dealer_list(name)
    }

    /// The draft, the templates and the last requests.
    pub fn kept_tickets(&self) -> KeptTickets {
        lock(&self.book).kept_tickets()
    }

    /// The ticket of a request of this desk, if it is kept.
    pub fn ticket_of(&self, rfq_id: &str) -> Option<TicketForm> {
        lock(&self.book).ticket_of(rfq_id)
    }

    /// Keeps the ticket as it is now; `None` when there is nothing in it.
    pub fn keep_draft(&self, draft: Option<TicketForm>) -> Result<(), Problem> {
        lock(&self.book).keep_draft(draft)
    }

    /// Keeps a ticket under a name.
    pub fn keep_template(&self, template: &TemplateView) -> Result<(), Problem> {
        lock(&self.book).keep_template(template)
    }

    /// Removes a template.
    pub fn drop_template(&self, name: &str) -> Result<(), Problem> {
        lock(&self.book).drop_template(name)
    }

    /// Makes a dealer a favourite, or no favourite.
    pub fn favour_dealer(&self, dealer: &str, on: bool) -> Result<(), Problem> {
        lock(&self.book).favour(dealer, on)
    }
}
