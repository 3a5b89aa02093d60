//! What was accepted and what was traded are the same numbers at the trader's click, the gateway,
//! the dealer and on screen.

use crate::{
    check::{Truth, Violation, broken},
    dealer::Dealer,
};
use signet_rfq::{Accept, AcceptState, Rfq};

/// Where an accept is held.
fn held<'a>(rfqs: &'a [Rfq], id: &str) -> Option<&'a (Accept, AcceptState)> {
    let mut all = rfqs.iter().flat_map(|r| r.accept.iter().chain(&r.past));
    all.find(|(a, _)| a.id.as_str() == id)
}

/// After settling: of each accept the quantity that was clicked, and of each trade the quantity and
/// the price at which it stands at its dealer. `gate`, `screen`: what gateway and desk hold.
pub(crate) fn amounts_agree(
    truth: &Truth,
    dealers: &[Dealer],
    gate: &[Rfq],
    screen: &[Rfq],
) -> Result<(), Violation> {
    for (who, rfqs) in [("the gateway", gate), ("the desk", screen)] {
        for c in truth.clicks.values() {
            let Some((a, _)) = held(rfqs, &c.id) else { continue };
            if a.quantity != c.quantity {
                let words = format!("{who} has {} of {}: {}", a.quantity, c.quantity, c.id);
                return Err(broken("accept.quantity", words));
            }
        }
        for (name, quantity, price) in dealers.iter().flat_map(Dealer::standing) {
            let id = truth.own(name);
            // Whether it is a trade there at all is another invariant.
            let Some(e) = held(rfqs, id).and_then(|(_, s)| s.traded()) else { continue };
            if (e.quantity, e.price) != (quantity, price) {
                let (has, at) = (e.quantity, e.price);
                let words = format!("{id}: {quantity} at {price}; {who} has {has} at {at}");
                return Err(broken("trade.amount", words));
            }
        }
    }
    Ok(())
}
