//! What was accepted of what was quoted, in words: a trader may take a part of a quote.

use signet_rfq::{Accept, AcceptState, Execution, Rfq, group_digits};

/// What the quote is for, when less of it is taken.
pub(crate) fn quoted(a: &Accept) -> Option<String> {
    a.part_of.map(|whole| group_digits(whole.normalize()))
}

/// `5,000,000`, and of a part what was accepted and quoted: `2,000,000 of 5,000,000 quoted`.
pub(super) fn executed(a: &Accept, e: &Execution) -> String {
    let (done, accepted) = (group_digits(e.quantity), group_digits(a.quantity));
    match quoted(a) {
        None => done,
        Some(quoted) if e.quantity == a.quantity => format!("{done} of {quoted} quoted"),
        Some(quoted) => format!("{done} of {accepted} accepted, {quoted} quoted"),
    }
}

/// `Accepted 2,000,000 of 5,000,000 quoted`, of a trade of a part, done or in dispute, before what
/// else is said of it.
pub(super) fn before(r: &Rfq, rest: Option<String>) -> Option<String> {
    let claimed = |s: &AcceptState| s.last_trade().is_some() || *s == AcceptState::Disputed;
    let traded = r.accept.as_ref().filter(|(_, s)| claimed(s));
    let part = traded.and_then(|(a, _)| {
        Some(format!("Accepted {} of {} quoted", group_digits(a.quantity), quoted(a)?))
    });
    part.into_iter().chain(rest).reduce(|part, rest| format!("{part}. {rest}"))
}
