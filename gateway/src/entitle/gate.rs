//! Questions to the policies on behalf of desks, and what becomes of messages that they refuse.

use super::{Gate, Ruling};
use crate::{core::Core, limit::left_out_words};
use signet_fix::{AppMessage, message::VenueState};
use signet_policy::entitle::{Act, Deal, Entitlements as _, Outcome, Proof, Question, Side, Step};
use signet_registry::NewEvent;
use signet_rfq::{Ask, CompId, UtcMillis};
use signet_router::Proposal;

impl Core {
    /// What the policies say about a message, with this much proved for it.
    pub fn ruling(&self, desk: &CompId, p: &Proposal, proof: Proof, at: UtcMillis) -> Ruling {
        let gate = self.gate();
        let policies = gate.policies();
        let Some(who) = self.trader(desk) else {
            return Ruling::of(Vec::new(), policies.digest());
        };
        let t = &p.trade;
        let deal = Deal {
            instrument: t.instrument.as_str(),
            side: match t.ask {
                Ask::Buy => Side::Buy,
                Ask::Sell => Side::Sell,
                Ask::TwoWay => Side::TwoWay,
            },
            quantity: t.quantity,
            day: &t.doing.day,
            outstanding: &t.doing.outstanding,
            open_rfqs: t.doing.open_rfqs,
            dealers: t.asked,
            first_today: t.doing.trades_today == 0,
            idle_s: gate.idle_s(desk, at),
        };
        let step = if t.accept {
            Step::Accept { off_market_bps: t.off_market_bps }
        } else {
            Step::Request
        };
        let verdicts = t.dealers.iter().map(|(dealer, traded)| {
            let before = *traded
                || gate.roster.as_ref().is_some_and(|r| r.has_traded(&who, dealer.as_str()));
            let act =
                Act::Trade { step, dealer: dealer.as_str(), new_dealer: !before, deal: &deal };
            (dealer.clone(), policies.decide(&Question { who: &who, proof, act }))
        });
        gate.can_be_had(Ruling::of(verdicts.collect(), policies.digest()))
    }

    /// As policies name the person at a desk; `None` when nobody knows.
    fn trader(&self, desk: &CompId) -> Option<String> {
        match self.gate().roster {
            Some(_) => self.connection(desk).map(|c| c.user),
            None => Some(desk.to_string()),
        }
    }

    /// A message of a desk, where nobody can be asked for a touch.
    pub fn entitled_or_refused(&self, desk: &CompId, m: AppMessage, at: UtcMillis) {
        if let Some(p) = self.with_router(|r| r.proposal(desk, &m, at)) {
            let ruling = self.ruling(desk, &p, Proof::default(), at);
            if ruling.outcome != Outcome::Allow {
                return self.refuse_unentitled(desk, &m, &ruling, at);
            }
            self.gate().acted(desk, at);
        }
        self.let_through(at, desk, m);
    }

    /// Tells the desk that its message goes nowhere, and writes it down.
    pub fn refuse_unentitled(&self, desk: &CompId, m: &AppMessage, ruling: &Ruling, at: UtcMillis) {
        let what = if matches!(m, AppMessage::QuoteRequest(_)) { "request" } else { "accept" };
        tracing::warn!(%desk, code = ruling.code, what, ids = ruling.ids.join(", "), digest = ruling.digest, "not entitled: {}", ruling.words);
        let gate = self.gate();
        if let Some(left_out) = gate.budget.borrow_mut().spend(at) {
            let more = left_out_words(left_out);
            let who = self.trader(desk).unwrap_or_default();
            let detail = format!("{}{more}", ruling.detail(what));
            gate.note(NewEvent::new(at, &format!("desk {desk}"), "entitle.denied", who, detail));
        }
        if let Some(refusal) = ruling.refusal(m, at) {
            self.to_desk(desk, &refusal);
        }
    }

    /// Leaves out of what a desk is shown the dealers that its trader may not see.
    pub fn visible(&self, desk: &CompId, mut state: VenueState) -> VenueState {
        let (policies, who) = (self.gate().policies(), self.trader(desk));
        state.dealers.retain(|d| {
            let see = |who: &String| {
                let q = Question {
                    who,
                    proof: Proof::default(),
                    act: Act::See { dealer: d.id.as_str() },
                };
                policies.decide(&q).outcome() == Outcome::Allow
            };
            who.as_ref().is_some_and(see)
        });
        state
    }

    /// After a change of the policies desks are told anew whom they may see.
    pub fn entitlements_tick(&self, at: UtcMillis) {
        if self.gate().changed.replace(false) {
            for (desk, state) in self.with_router(|r| r.venue_states(at)) {
                let visible = self.visible(&desk, state);
                self.to_desk(&desk, &AppMessage::VenueState(visible));
            }
        }
    }
}

impl Gate {
    /// What is owed and cannot be had here is a refusal that says so.
    fn can_be_had(&self, r: Ruling) -> Ruling {
        match r.outcome {
            Outcome::Touch | Outcome::TwoPeople if !self.step_up => r.not_to_be_had(
                "entitle.no_step_up",
                "This gateway cannot ask for a touch.",
                "Ask the risk officer: the policies want security keys, and [step_up] is not \
                    configured.",
            ),
            Outcome::TwoPeople if !self.second_person => r.not_to_be_had(
                "entitle.no_second_person",
                "Nobody is named here who could be the second person.",
                "Ask the risk officer: [step_up.when.second_person] names no approvers.",
            ),
            _ => r,
        }
    }
}
