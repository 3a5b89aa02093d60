//! The invariants of quotes: what is live at the gateway can be pressed on screen, and its dealer
//! knows it.

use crate::{
    cast::DEALERS,
    check::{Violation, broken},
    dealer::Dealer,
};
use signet_desk_core::view::{
    AcceptState as Shown, Frame, LineState, LineView, RfqState as ShownRfq,
};
use signet_rfq::{LineState as Line, Rfq, UtcMillis};

/// No quote is live of a dealer that is off: not at the gateway, and not on screen. `on`: which
/// dealers the gateway is logged on to.
pub(crate) fn none_of_absent(on: &[bool], gate: &[Rfq], frame: &Frame) -> Result<(), Violation> {
    let is_off = |dealer: &str| DEALERS.iter().zip(on).any(|(name, on)| *name == dealer && !on);
    for rfq in gate.iter().filter(|r| !r.state.ended()) {
        let mut live = rfq.lines.iter().filter(|l| l.state == Line::Quoted);
        if let Some(l) = live.find(|l| is_off(l.dealer.as_str())) {
            let words = format!("{} is off and quotes in {}", l.dealer, rfq.terms.id);
            return Err(broken("quote.absent", words));
        }
    }
    let pressed = |v: &&LineView| (v.can_lift || v.can_hit) && is_off(&v.dealer);
    match frame.lines.iter().find(pressed) {
        Some(v) => {
            let words = format!("{} is off and can be pressed in {}", v.dealer, v.rfq_id);
            Err(broken("quote.absent", words))
        }
        None => Ok(()),
    }
}

/// A quote that its dealer has forgotten is not live, in this run of the gateway or a later one.
pub(crate) fn none_forgotten(dealers: &[Dealer], gate: &[Rfq]) -> Result<(), Violation> {
    for rfq in gate.iter().filter(|r| !r.state.ended()) {
        for l in rfq.lines.iter().filter(|l| l.state == Line::Quoted) {
            let which = DEALERS.iter().position(|d| *d == l.dealer.as_str());
            let Some((i, quote)) = which.zip(l.quote.as_ref()) else { continue };
            if dealers[i].forgot(&quote.id) {
                let words = format!("{} has forgotten {} of {}", l.dealer, quote.id, rfq.terms.id);
                return Err(broken("quote.forgotten", words));
            }
        }
    }
    Ok(())
}

fn is_over(state: ShownRfq) -> bool {
    !matches!(state, ShownRfq::Sent | ShownRfq::Open)
}

pub(crate) fn unanswered(state: Shown) -> bool {
    matches!(state, Shown::Sent | Shown::StepUp | Shown::LastLook | Shown::Unknown)
}

/// What is quoted at the gateway can be pressed, and nothing else.
pub(crate) fn live_quotes(
    rfq: &Rfq,
    frame: &Frame,
    now: UtcMillis,
    clock_was_set: bool,
) -> Result<(), Violation> {
    let id = rfq.terms.id.as_str();
    let head = frame.rfqs.iter().find(|h| h.id == id);
    // Where an accept waits for its answer, or for a touch, nothing else can be pressed.
    let waits = head.and_then(|h| h.accept.as_ref()).is_some_and(|a| unanswered(a.state));
    // It ended on screen before the desk learned that the gateway's clock was set back.
    let over = clock_was_set && head.is_some_and(|h| is_over(h.state));
    if rfq.state.ended() || rfq.in_flight() || waits || over {
        return Ok(());
    }
    // People settle it first: nothing of it can be pressed.
    if rfq.is_disputed() {
        let pressed = |v: &&LineView| v.rfq_id == id && (v.can_lift || v.can_hit);
        return match frame.lines.iter().find(pressed) {
            Some(v) => Err(broken("quote.dead", format!("{id}: {} in a dispute", v.dealer))),
            None => Ok(()),
        };
    }
    for l in &rfq.lines {
        let line = frame.lines.iter().find(|v| v.rfq_id == id && v.dealer == l.dealer.as_str());
        let Some(line) = line else { continue };
        let ends = l.quote.as_ref().map_or(0, |q| q.valid_until.since(now));
        // What is about to end can be pressed or not.
        let live = l.state == Line::Quoted && ends > 2_000 && rfq.expires().since(now) > 2_000;
        let over = l.state != Line::Quoted || ends < -2_000;
        let can = line.can_lift || line.can_hit;
        let same = l.quote.as_ref().map(|q| q.id.to_string()) == line.quote_id;
        // A quote that was over by the clock that the desk knew when it heard of it does not come
        // to life on screen when the desk learns that the gateway's clock was set back.
        let expired =
            clock_was_set && matches!(line.state, LineState::Expired | LineState::Unreachable);
        let pressable = can && same && line.state == LineState::Quoted;
        if live && !expired && !pressable {
            let words = format!(
                "{id}: {} quotes {:?}; the screen has {:?} as {:?}, to press: {can}",
                l.dealer,
                l.quote.as_ref().map(|q| q.id.to_string()),
                line.quote_id,
                line.state
            );
            return Err(broken("quote.live", words));
        }
        if over && can {
            let words = format!("{id}: {} is {:?} and can be pressed", l.dealer, l.state);
            return Err(broken("quote.dead", words));
        }
    }
    Ok(())
}
