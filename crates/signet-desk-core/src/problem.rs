//! Maps the errors of the other crates to a [`Problem`]: a code, a message and a cure.

use crate::view::{Problem, TicketField, is_code};
use signet_fix::{session::SendError, signature::SignatureError};
use signet_identity::Refusal;
use signet_keystore::KeychainError;
use signet_rfq::{
    AcceptRefusal, CounterFault, InstrumentError, PartFault, QuantityError, TermsError,
};

/// As [`Problem::new`].
pub(crate) fn problem(code: &str, message: impl Into<String>, cure: impl Into<String>) -> Problem {
    Problem::new(code, message, cure)
}

/// A code that a peer sent. One that does not have the form of a code is replaced by `otherwise`,
/// so that no text of a peer is shown as a code.
pub(crate) fn code_of_peer<'a>(code: &'a str, otherwise: &'a str) -> &'a str {
    if is_code(code) { code } else { otherwise }
}

/// Something needs the connection, and there is none.
pub(crate) fn offline() -> Problem {
    problem(
        "link.offline",
        "The desk is not connected to the gateway.",
        "Connect, or wait until the connection is back.",
    )
}

/// An answer of the gateway is overdue, so that what is sent now may arrive much later.
pub(crate) fn doubtful() -> Problem {
    problem(
        "link.doubtful",
        "The connection does not answer at the moment, so nothing was sent.",
        "Wait until the connection is checked, then look at the price and decide again.",
    )
}

/// An accept has a deadline on the gateway's clock, which is not known yet.
pub(crate) fn clock_unknown() -> Problem {
    problem(
        "clock.unknown",
        "The gateway's clock is not measured yet, so an accept cannot have a deadline.",
        "Try again in a moment; it is measured right after the logon.",
    )
}

impl From<&KeychainError> for Problem {
    fn from(e: &KeychainError) -> Self {
        problem(e.code(), e.to_string(), e.cure())
    }
}

impl From<&Refusal> for Problem {
    fn from(r: &Refusal) -> Self {
        problem(r.code(), r.to_string(), r.cure())
    }
}

impl From<&QuantityError> for Problem {
    fn from(e: &QuantityError) -> Self {
        let cure = "Type a number, with k, m or bn if you like: 250k, 5m, 1,500,000.";
        let code = match e {
            QuantityError::Empty => "quantity.missing",
            QuantityError::NotPositive => "quantity.not_positive",
            QuantityError::TooLarge => "quantity.too_large",
            _ => "quantity.unreadable",
        };
        problem(code, sentence(&e.to_string()), cure).about(TicketField::Quantity)
    }
}

impl From<&InstrumentError> for Problem {
    fn from(e: &InstrumentError) -> Self {
        use TicketField::{Instrument, Quantity};
        let (field, code, cure) = match e {
            InstrumentError::TooSmall { .. } => {
                (Quantity, "quantity.too_small", "Ask for more, or choose another instrument.")
            }
            InstrumentError::TooLarge { .. } => {
                (Quantity, "quantity.too_large", "Ask for less, or split the request.")
            }
            InstrumentError::OffLot { .. } => {
                (Quantity, "quantity.off_lot", "Round the quantity to the lot.")
            }
            _ => (
                Instrument,
                "instrument.invalid",
                "Tell your administrator: the gateway's instrument list is wrong.",
            ),
        };
        problem(code, sentence(&e.to_string()), cure).about(field)
    }
}

impl From<&TermsError> for Problem {
    fn from(e: &TermsError) -> Self {
        use TicketField::{Dealers, Instrument, Minimum, PriceType, Ttl};
        let (field, code, cure) = match e {
            TermsError::Instrument(i) => return i.into(),
            TermsError::NoDealer => (Dealers, "dealers.none", "Choose at least one dealer."),
            TermsError::TooManyDealers => (Dealers, "dealers.too_many", "Choose fewer dealers."),
            TermsError::DealerTwice(_) => (Dealers, "dealers.twice", "Choose each dealer once."),
            TermsError::BadTtl => (Ttl, "ttl.out_of_range", "Choose another time to live."),
            TermsError::OtherPriceType(..) => {
                (PriceType, "price_type.not_listed", "Ask in a type that the instrument has.")
            }
            TermsError::PackagePriceType => {
                (PriceType, "price_type.package", "Ask for the package in prices.")
            }
            TermsError::MinimumNotPositive(_) => {
                (Minimum, "minimum.not_positive", "Type more, or leave it out.")
            }
            TermsError::MinimumTooLarge(..) => {
                (Minimum, "minimum.too_large", "Type less, or leave it out.")
            }
            TermsError::PackageMinimum => (Minimum, "minimum.package", "Leave it out."),
            TermsError::Legs(_) => (Instrument, "legs.invalid", "Change the legs."),
            TermsError::AlreadyExpired => (Ttl, "ttl.expired", "Send it again."),
            _ => (Instrument, "instrument.currency", "Choose the instrument again."),
        };
        problem(code, sentence(&e.to_string()), cure).about(field)
    }
}

impl From<&AcceptRefusal> for Problem {
    fn from(e: &AcceptRefusal) -> Self {
        let cure = match e {
            AcceptRefusal::Requoted | AcceptRefusal::OtherPrice { .. } => {
                "Look at the new price and decide again."
            }
            AcceptRefusal::InFlight => {
                "Wait for its answer; nothing else can be agreed in this RFQ until then."
            }
            AcceptRefusal::BelowMinimum { .. } => {
                "Choose a larger quote, or ask again without a least quantity."
            }
            AcceptRefusal::Part(PartFault::NotTaken(_)) => {
                "Take the whole quote, or ask again for less."
            }
            // Its dealer has stopped taking parts since the trader chose one.
            AcceptRefusal::OtherQuantity { quoted, accepted } if accepted < quoted => {
                "Take the whole quote, or ask again for less."
            }
            AcceptRefusal::Part(_) => "Type another quantity, or nothing for the whole quote.",
            AcceptRefusal::Late(_) => "Look at the price and accept again.",
            AcceptRefusal::RfqNotOpen(_) => "Send a new RFQ.",
            AcceptRefusal::Countered => "Wait for its next quote, or choose another dealer's.",
            AcceptRefusal::Counter(CounterFault::NotBetter { .. }) => {
                "Accept the quote, or ask for a better price."
            }
            AcceptRefusal::Counter(CounterFault::InFlight) => "Wait for its answer.",
            _ => "Choose another quote, or wait for a new one.",
        };
        problem(e.code(), sentence(&e.to_string()), cure)
    }
}

impl From<&SendError> for Problem {
    fn from(e: &SendError) -> Self {
        match e {
            SendError::NotLoggedOn => offline(),
            SendError::BadValue(_) => problem(
                "message.not_sendable",
                sentence(&e.to_string()),
                "Remove unusual characters and try again.",
            ),
            _ => problem(
                "message.not_sent",
                sentence(&e.to_string()),
                "Nothing left this laptop. Check that the disk is not full, then try again.",
            ),
        }
    }
}

/// A message of the gateway did not carry the signature that it must carry, and was dropped.
impl From<&SignatureError> for Problem {
    fn from(e: &SignatureError) -> Self {
        let cure = match e {
            SignatureError::NotKept => "Nothing to do: the desk asks for it again.",
            _ => {
                "Do not rely on what is on the screen until this is settled. Tell your security \
                    officer: the gateway, or something on the way to it, may be an impostor."
            }
        };
        problem(e.code(), sentence(&e.to_string()), cure)
    }
}

/// The text with a capital first letter and a full stop at the end.
pub(crate) fn sentence(s: &str) -> String {
    let mut chars = s.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let rest = chars.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}

#[cfg(test)]
#[path = "problem_tests.rs"]
mod tests;
