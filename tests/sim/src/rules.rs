//! The rules of this firm: which accepts need a touch and which the policies deny.

use crate::cast::DEALERS;
use rust_decimal::Decimal;
use signet_stepup::rules::{Amounts, WhenSection};
use std::collections::BTreeMap;

/// How long a challenge may be answered, milliseconds.
pub(crate) const ANSWER_MS: i64 = 6_000;
/// Accepts above this need a touch, by `[step_up.when]`.
pub(crate) const TOUCH_ABOVE: i64 = 2_000_000;
/// Accepts of this dealer above this are denied.
const DENIED: (&str, i64) = (DEALERS[2], 4_000_000);
/// Accepts of this dealer, which is new to the firm, above this need a touch by the policies.
const NEW: (&str, i64) = (DEALERS[1], 500_000);

/// Accepts by which a trader's day would be above this are denied.
pub(crate) const DAY_MOST: i64 = 12_000_000;

/// Rates that the policies need.
pub(crate) const FACTS: &str =
    "reporting_currency = 'EUR'\n[groups]\ndesk = ['TRADER', 'COLLEAGUE']\n";

/// The policies; `locked`: those that deny every accept.
pub(crate) fn policies(locked: bool) -> String {
    let ((denied, most), (new, small)) = (DENIED, NEW);
    let all = match locked {
        true => "@id(\"locked\") forbid (principal, action == Action::\"accept\", resource);\n",
        false => "",
    };
    format!(
        "@id(\"all\") permit (principal, action in [Action::\"see\", Action::\"request\", \
        Action::\"accept\"], resource);\n{all}\
        @id(\"group\") permit (principal, action in [Action::\"see-rfqs\", \
        Action::\"take-over\"], resource);\n\
        @id(\"denied\") forbid (principal, action == Action::\"accept\", \
        resource == Dealer::\"{denied}\") when {{ context.notional > {most} }};\n\
        @id(\"day\") forbid (principal, action == Action::\"accept\", resource) \
        when {{ context.dayNotional > {DAY_MOST} }};\n\
        @id(\"new\") forbid (principal, action == Action::\"accept\", \
        resource == Dealer::\"{new}\") when {{ context.notional > {small} }} \
        unless {{ context.touched }};\n"
    )
}

pub(crate) fn step_up_rules() -> WhenSection {
    let above = BTreeMap::from([("default".to_owned(), TOUCH_ABOVE.to_string())]);
    let accept_above = Amounts::try_from(above).ok();
    WhenSection { accept_above, lease_minutes: 0, ..WhenSection::default() }
}

/// Whether the policies never allow an accept of this dealer's quote.
pub(crate) fn is_denied(dealer: &str, quantity: Decimal) -> bool {
    dealer == DENIED.0 && quantity > Decimal::from(DENIED.1)
}

/// Whether an accept needs a touch, by either rule.
pub(crate) fn needs_touch(dealer: &str, quantity: Decimal) -> bool {
    quantity > Decimal::from(TOUCH_ABOVE) || (dealer == NEW.0 && quantity > Decimal::from(NEW.1))
}

/// What a good touch answers a challenge with.
pub(crate) fn touch_of(challenge: &str) -> String {
    format!("touch of {challenge}")
}
