//! The rules of this firm: which accepts need a touch and which the policies deny.

use crate::cast::DEALERS;
use rust_decimal::Decimal;
use signet_router::Trade;
use signet_stepup::rules::{Amounts, WhenSection};
use std::collections::BTreeMap;

/// How long a challenge may be answered, milliseconds.
pub(crate) const ANSWER_MS: i64 = 6_000;
/// Accepts above this need a touch, by `[step_up.when]`.
pub(crate) const TOUCH_ABOVE: i64 = 2_000_000;
/// Accepts of this dealer above this are denied.
const DENIED: (&str, i64) = (DEALERS[2], 4_000_000);

/// What the policies say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    Allow,
    Touch,
    Deny,
}

pub(crate) fn step_up_rules() -> WhenSection {
    let above = BTreeMap::from([("default".to_owned(), TOUCH_ABOVE.to_string())]);
    let accept_above = Amounts::try_from(above).ok();
    WhenSection { accept_above, lease_minutes: 0, ..WhenSection::default() }
}

/// The policies' word for a trade.
pub(crate) fn entitled(trade: &Trade, locked: bool, touched: bool) -> Ruling {
    if !trade.accept {
        return Ruling::Allow;
    }
    let dealer = trade.dealers.first().map(|(d, _)| d.as_str()).unwrap_or_default();
    if locked || is_denied(dealer, trade.quantity) {
        return Ruling::Deny;
    }
    // The second dealer is new to this firm.
    let new = dealer == DEALERS[1] && trade.quantity > Decimal::from(500_000);
    if new && !touched { Ruling::Touch } else { Ruling::Allow }
}

/// Whether the policies never allow an accept of this dealer's quote.
pub(crate) fn is_denied(dealer: &str, quantity: Decimal) -> bool {
    dealer == DENIED.0 && quantity > Decimal::from(DENIED.1)
}

/// Whether an accept needs a touch, by either rule.
pub(crate) fn needs_touch(dealer: &str, quantity: Decimal) -> bool {
    quantity > Decimal::from(TOUCH_ABOVE)
        || (dealer == DEALERS[1] && quantity > Decimal::from(500_000))
}

/// What a good touch answers a challenge with.
pub(crate) fn touch_of(challenge: &str) -> String {
    format!("touch of {challenge}")
}
