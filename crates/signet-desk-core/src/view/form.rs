//! The ticket as it is filled in, kept and used again.

use super::{Ask, PackageForm, PriceType, Problem, Ticket};
use serde::{Deserialize, Serialize};
use specta::Type;

/// Everything that the trader has typed and chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TicketForm {
    /// ISIN, or the currency pair; empty before one is chosen.
    pub instrument: String,
    /// The text of the instrument field.
    pub typed: String,
    /// What is asked for.
    pub ask: Ask,
    /// As typed: `5m`.
    pub quantity: String,
    /// CompIDs of the dealers to be asked.
    pub dealers: Vec<String>,
    /// Time to live, seconds; 0 for the usual one.
    pub ttl_s: u32,
    /// The day that the trader chose, `2026-12-01`; `None` for the usual one.
    pub settlement_date: Option<String>,
    /// In which numbers prices are asked for, and the limit is.
    #[serde(default)]
    pub price_type: PriceType,
    /// The worst price that an accept may have, as typed; empty for none.
    pub price_limit: String,
    /// The rate that a limit in discount margins is over, `EURIBOR 3M in EUR`; `None` for other
    /// numbers, and in what was kept without it.
    #[serde(default)]
    pub limit_over: Option<String>,
    /// The least that an accept may take, as typed; empty for any.
    pub min_quantity: String,
    /// An accept takes the whole quantity or nothing.
    pub all_or_none: bool,
    /// The touch for an accept within the limit is asked for as soon as the request is open.
    #[serde(default)]
    pub approve_first: bool,
    /// The trader's own note. No dealer sees it.
    pub note: String,
    /// The package that is asked for in place of an instrument.
    #[serde(default)]
    pub package: Option<PackageForm>,
}

impl TicketForm {
    /// What is sent of it, of a single instrument.
    pub fn ticket(&self) -> Ticket {
        Ticket {
            instrument: self.instrument.clone(),
            ask: self.ask,
            quantity: self.quantity.clone(),
            dealers: self.dealers.clone(),
            ttl_s: self.ttl_s,
            settlement_date: self.settlement_date.clone(),
            legs: Vec::new(),
            price_type: self.price_type,
        }
    }
}

/// A ticket under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TemplateView {
    /// Unique, whatever its letters' case.
    pub name: String,
    /// What it fills in.
    pub form: TicketForm,
}

/// A request of this desk, to be asked again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct AskedView {
    /// The RFQ's id.
    pub rfq_id: String,
    /// When it was sent.
    pub at_ms: f64,
    /// What was asked.
    pub form: TicketForm,
}

/// What the desk keeps for the ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct KeptTickets {
    /// The ticket as it was left.
    pub draft: Option<TicketForm>,
    /// By name.
    pub templates: Vec<TemplateView>,
    /// The last requests, newest first.
    pub asked: Vec<AskedView>,
}

/// What the desk knows about a ticket before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TicketCheck {
    /// Why it would be refused; `None` while it is not complete.
    pub refused: Option<Problem>,
    /// What the trader should know before sending.
    pub notes: Vec<String>,
}

/// Dealers that the trader put under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DealerListView {
    /// Unique at its venue, whatever its letters' case.
    pub name: String,
    /// CompIDs of those that can be asked now, in the order of the venue's list; no more than one
    /// request may ask.
    pub dealers: Vec<String>,
    /// The others, each with the reason.
    pub left_out: Vec<LeftOutDealer>,
}

/// A dealer of a list that is not ticked with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct LeftOutDealer {
    /// The dealer's CompID.
    pub id: String,
    /// What people call the dealer, or called it when the list was kept.
    pub name: String,
    /// Why it is left out.
    pub reason: LeftOutReason,
}

/// Why a dealer of a list is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub enum LeftOutReason {
    /// The venue does not have it now, or the trader may not ask it; the venue does not say which.
    NotOffered,
    /// One request may not ask so many.
    TooMany,
}

/// What helps to choose a dealer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct DealerHint {
    /// The dealer's CompID.
    pub id: String,
    /// The trader's favourite.
    pub favourite: bool,
    /// Asked in the last request of this instrument, or of any.
    pub last_used: bool,
    /// The desk suggests it.
    pub suggested: bool,
    /// Why, or why not: `traded 6 of 20, 0.8 s, no rejects`.
    pub reason: String,
}
