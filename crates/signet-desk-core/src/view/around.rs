//! What is asked of the page from outside it: by the tray, or by another program of this user.

use super::{LinkState, ticket::Ask};
use serde::{Deserialize, Serialize};
use specta::Type;

/// What another program offers for the ticket. Nothing is filled in before the trader takes it, and
/// nothing is ever sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase")]
pub struct TicketOffer {
    /// ISIN or symbol; whether this venue has it is not known yet.
    pub instrument: String,
    /// `None`: the side in the ticket stays.
    pub ask: Option<Ask>,
    /// As a person would type it; `None`: the quantity in the ticket stays.
    pub quantity: Option<String>,
}

/// What the page is asked to ask the trader.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Type)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "kind")]
pub enum PageAsk {
    /// Whether the ticket is to be filled like this.
    Offer {
        /// What was offered.
        offer: TicketOffer,
        /// Another offer came just before it, and is not shown.
        replaced: bool,
    },
    /// Why a link that another program passed on is not followed.
    Refused {
        /// In words.
        why: String,
    },
    /// Whether to disconnect.
    Disconnect,
    /// Whether every open request is to end.
    StopAll,
}

/// What the tray shows of the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pulse {
    /// The connection.
    pub state: LinkState,
    /// An answer of the peer is overdue.
    pub doubtful: bool,
    /// Requests that are open.
    pub open: usize,
    /// Accepts that wait for their answer.
    pub waiting: usize,
}
