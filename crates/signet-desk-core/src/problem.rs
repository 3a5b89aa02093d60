//! Every refusal in the three parts a person needs. One place maps errors to codes and words.

use crate::view::Problem;
use signet_fix::{session::SendError, signature::SignatureError};
use signet_identity::Refusal;
use signet_keystore::KeychainError;
use signet_rfq::{AcceptRefusal, InstrumentError, QuantityError, TermsError};

pub(crate) fn problem(code: &str, message: impl Into<String>, cure: impl Into<String>) -> Problem {
    Problem { code: code.into(), message: message.into(), cure: cure.into() }
}

pub(crate) fn offline() -> Problem {
    problem(
        "offline",
        "The desk is not connected to the gateway.",
        "Connect, or wait until the connection is back.",
    )
}

/// Codes on the screen are lower snake case: `keychain.locked` becomes `keychain_locked`.
pub(crate) fn snake(code: &str) -> String {
    code.replace('.', "_")
}

impl From<&KeychainError> for Problem {
    fn from(e: &KeychainError) -> Self {
        problem(&snake(e.code()), e.to_string(), e.cure())
    }
}

impl From<&Refusal> for Problem {
    fn from(r: &Refusal) -> Self {
        problem(&snake(r.code()), r.to_string(), r.cure())
    }
}

impl From<&QuantityError> for Problem {
    fn from(e: &QuantityError) -> Self {
        let cure = "Type a number, with k, m or bn if you like: 250k, 5m, 1,500,000.";
        let code = match e {
            QuantityError::Empty => "quantity_missing",
            QuantityError::NotPositive => "quantity_not_positive",
            QuantityError::TooLarge => "quantity_too_large",
            _ => "quantity_unreadable",
        };
        problem(code, sentence(&e.to_string()), cure)
    }
}

impl From<&InstrumentError> for Problem {
    fn from(e: &InstrumentError) -> Self {
        let (code, cure) = match e {
            InstrumentError::TooSmall { .. } => {
                ("quantity_too_small", "Ask for more, or choose another instrument.")
            }
            InstrumentError::TooLarge { .. } => {
                ("quantity_too_large", "Ask for less, or split the request.")
            }
            InstrumentError::OffLot { .. } => {
                ("quantity_off_lot", "Round the quantity to the lot.")
            }
            _ => (
                "instrument_invalid",
                "Tell your administrator: the gateway's instrument list is wrong.",
            ),
        };
        problem(code, sentence(&e.to_string()), cure)
    }
}

impl From<&TermsError> for Problem {
    fn from(e: &TermsError) -> Self {
        let (code, cure) = match e {
            TermsError::Instrument(i) => return i.into(),
            TermsError::NoDealer => ("dealers_none", "Choose at least one dealer."),
            TermsError::TooManyDealers => ("dealers_too_many", "Choose fewer dealers."),
            TermsError::DealerTwice(_) => ("dealers_twice", "Choose each dealer once."),
            TermsError::BadTtl => ("ttl_out_of_range", "Choose another time to live."),
            TermsError::AlreadyExpired => ("ttl_expired", "Send it again."),
            _ => ("instrument_currency", "Choose the instrument again."),
        };
        problem(code, sentence(&e.to_string()), cure)
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
            AcceptRefusal::RfqNotOpen(_) => "Send a new RFQ.",
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
                "not_sendable",
                sentence(&e.to_string()),
                "Remove unusual characters and try again.",
            ),
            _ => problem(
                "not_sent",
                sentence(&e.to_string()),
                "Nothing left this laptop. Check that the disk is not full, then try again.",
            ),
        }
    }
}

/// What the gateway said was not signed as it must be, so it was not believed.
impl From<&SignatureError> for Problem {
    fn from(e: &SignatureError) -> Self {
        let cure = match e {
            SignatureError::NotKept => "Nothing to do: the desk asks for it again.",
            _ => {
                "Do not rely on what is on the screen until it is settled. Tell your security \
                    officer: the gateway, or something between, is not what it should be."
            }
        };
        problem(&snake(e.code()), sentence(&e.to_string()), cure)
    }
}

/// First letter capital, a full stop at the end.
pub(crate) fn sentence(s: &str) -> String {
    let mut chars = s.chars();
    let first = chars.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
    let rest = chars.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}
