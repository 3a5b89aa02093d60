//! Why an accept is not passed on.

use rust_decimal::Decimal;
use signet_rfq::AcceptRefusal;

#[derive(Debug)]
pub(super) struct NotTaken {
    pub(super) code: &'static str,
    pub(super) why: String,
    /// The price that the quote has, where that is why. The desk writes it as its trader does.
    pub(super) stands: Option<Decimal>,
}

impl From<AcceptRefusal> for NotTaken {
    fn from(e: AcceptRefusal) -> Self {
        let stands = match &e {
            AcceptRefusal::BeyondLimit { quoted, .. }
            | AcceptRefusal::OtherPrice { quoted, .. } => Some(*quoted),
            _ => None,
        };
        Self { code: e.code(), why: e.to_string(), stands }
    }
}

impl From<(&'static str, String)> for NotTaken {
    fn from((code, why): (&'static str, String)) -> Self {
        Self { code, why, stands: None }
    }
}
