//! The questions to the policies.

use rust_decimal::Decimal;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Amounts by currency (ISO 4217).
pub type Amounts = BTreeMap<String, Decimal>;

/// What was proved with security keys for exactly this action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Proof {
    /// The trader's own touch.
    pub touched: bool,
    /// A second person's touch.
    pub second_person: bool,
}

/// One question: may this person do this now?
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// A trader (registry user; without a registry, the desk's CompID) or an administrator.
    pub who: &'a str,
    /// What was approved with security keys before this question.
    pub proof: Proof,
    /// What they want to do.
    pub act: Act<'a>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub enum Act<'a> {
    /// Whether a dealer is shown to a trader at all.
    See {
        /// CompID of the dealer.
        dealer: &'a str,
    },
    /// Whether a trader may ask one dealer, accept its quote, or counter it.
    Trade {
        /// Whether it asks, accepts or counters.
        step: Step,
        /// CompID of the dealer.
        dealer: &'a str,
        /// The trader has no remembered trade with this dealer.
        new_dealer: bool,
        /// What is to be traded.
        deal: &'a Deal<'a>,
    },
    /// Whether a trader is shown a colleague's open RFQs, or may take one over.
    Colleague {
        /// Which of the two.
        what: Colleague,
        /// The trader that has the RFQ.
        owner: &'a str,
    },
    /// Whether an administrator may use a class of commands.
    Admin {
        /// The class of the command.
        action: AdminAction,
        /// The administrator's role in the registry is `privileged`.
        privileged: bool,
        /// The administrator proved a hardware key.
        hardware_key: bool,
    },
}

/// Which part of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// A QuoteRequest (35=R) to a dealer.
    Request,
    /// `off_market_bps`: how much worse the price is than the quote in the middle of the RFQ,
    /// hundredths of a per cent, rounded up; `None` when fewer than three dealers quote.
    Accept {
        /// Hundredths of a per cent, rounded up, at least 0; `None` when fewer than three dealers
        /// quote.
        off_market_bps: Option<i64>,
    },
    /// A QuoteResponse (35=AJ) with 694=2, to one dealer. It is judged as a request, and what
    /// forbids `counter` forbids it besides.
    Counter,
}

impl Step {
    /// As policies name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Accept { .. } => "accept",
            Self::Counter => "counter",
        }
    }
}

/// What a trader wants with a colleague's RFQs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Colleague {
    /// To be shown them.
    See,
    /// To take one over.
    TakeOver,
}

impl Colleague {
    /// Both.
    pub const ALL: [Self; 2] = [Self::See, Self::TakeOver];

    /// As policies name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::See => "see-rfqs",
            Self::TakeOver => "take-over",
        }
    }
}

/// The sides a trader asks for, or the one side an accept takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The customer buys, Side (54) 1.
    Buy,
    /// The customer sells, Side (54) 2.
    Sell,
    /// Both sides are asked for, a request without Side (54).
    TwoWay,
}

impl Side {
    /// Every side, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::Buy, Self::Sell, Self::TwoWay];

    /// As policies and files of expectations write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
            Self::TwoWay => "two-way",
        }
    }
}

/// What is to be traded, and what this trader has done already. The same for every dealer of a
/// request.
#[derive(Debug, Clone, Copy)]
pub struct Deal<'a> {
    /// ISIN, or the currency pair.
    pub instrument: &'a str,
    /// The customer's side.
    pub side: Side,
    /// In the instrument's currency.
    pub quantity: Decimal,
    /// Accepted today and accepts without an answer, without this one.
    pub day: &'a Amounts,
    /// Open RFQs (those with an accept in flight among them), without this one.
    pub outstanding: &'a Amounts,
    /// Open RFQs, without this one.
    pub open_rfqs: usize,
    /// How many dealers this RFQ asks.
    pub dealers: usize,
    /// No trade yet today.
    pub first_today: bool,
    /// Seconds since this trader last did something.
    pub idle_s: i64,
}

/// A class of administrators' commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdminAction {
    /// Look at users, events and evidence.
    #[serde(rename = "admin-read")]
    Read,
    /// Lock, unlock, revoke.
    #[serde(rename = "admin-lock")]
    Lock,
    /// Add a user, make a one-time code.
    #[serde(rename = "admin-users")]
    Users,
    /// Change security keys of users. No request of the administrators' interface is of this class.
    #[serde(rename = "admin-keys")]
    Keys,
    /// Have the policies read again.
    #[serde(rename = "admin-policy")]
    Policy,
    /// End a session.
    #[serde(rename = "admin-sessions")]
    Sessions,
}

impl AdminAction {
    /// Every class, in the order of the enum.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Lock, Self::Users, Self::Keys, Self::Policy, Self::Sessions];

    /// As policies name it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "admin-read",
            Self::Lock => "admin-lock",
            Self::Users => "admin-users",
            Self::Keys => "admin-keys",
            Self::Policy => "admin-policy",
            Self::Sessions => "admin-sessions",
        }
    }
}
