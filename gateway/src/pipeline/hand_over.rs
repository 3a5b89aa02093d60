//! A trader looks at the open RFQs of colleagues, and takes one over.
//!
//! Who may is the policies' word, the groups' and the router's, in this order; what a desk may not
//! see is refused in the same words as what is not there, so that nobody finds ids out by asking.

use super::{MessageVerdict, Pipeline, decisions::Moment, verdict};
use crate::{clock::UtcMicros, entitle::Ruling, metrics::Peer};
use signet_events::About;
use signet_fix::{
    AppMessage,
    message::{GroupMark, HandOver, HandOverKind, QuoteRequest, Response, TakeOver},
};
use signet_identity::CompId;
use signet_policy::entitle::{Colleague, Outcome};
use signet_rfq::{DealerId, HandOverRefusal, RfqId, UtcMillis};
use signet_router::{Router, TakeOverFacts, TakeOverRefusal, not_taken_over};
use signet_stepup::rules::Wanted;
use std::{collections::HashMap, rc::Rc};

/// Most RFQs of colleagues that one look shows.
const ROWS_MAX: usize = 100;

impl Pipeline {
    /// The person at a desk, whether or not the desk is on; `None` when nobody knows.
    fn person_of(&self, desk: &CompId) -> Option<String> {
        match &self.registry {
            Some(r) => self.trader(desk).or_else(|| r.person_of(desk.as_str())),
            None => Some(desk.to_string()),
        }
    }

    /// Tells a desk the open RFQs of the colleagues that its trader may see.
    pub(super) fn tell_group(&self, desk: &CompId, at: UtcMillis) {
        let who = self.trader(desk);
        let people = self.registry.as_ref().map(|r| r.people());
        let mut seen: HashMap<String, bool> = HashMap::new();
        let person = |owner: &CompId| match &people {
            Some(people) => self.trader(owner).or_else(|| people.get(owner.as_str())?.clone()),
            None => Some(owner.to_string()),
        };
        let mut sees = |owner: &CompId| {
            let (who, name) = (who.as_deref()?, person(owner)?);
            let may = *seen.entry(name.clone()).or_insert_with(|| {
                self.entitlements.colleague(who, Colleague::See, &name, at_once()).0
                    == Outcome::Allow
            });
            may.then_some(name)
        };
        let (rows, more) = self.router.with(|r| r.open_of_others(desk, ROWS_MAX, at, &mut sees));
        let mut visible: HashMap<DealerId, bool> = HashMap::new();
        let who = who.as_deref().unwrap_or_default();
        let rows = rows.into_iter().map(|mut row| {
            let asked = row.request.dealers.len();
            row.request.dealers.retain(|d| {
                *visible.entry(d.clone()).or_insert_with(|| self.entitlements.sees(who, d))
            });
            if row.request.dealers.len() < asked {
                row.hindrance = Some("it asks a dealer that you do not see".into());
            }
            GroupMark::Rfq(Box::new(row))
        });
        let all = [GroupMark::Begin].into_iter().chain(rows).chain([GroupMark::End { more }]);
        all.for_each(|mark| self.to_desk(desk, &AppMessage::Group(mark)));
    }

    /// A trader takes a colleague's RFQ over, if groups, policies and the RFQ allow it.
    pub(super) fn take_over(self: &Rc<Self>, desk: &CompId, t: TakeOver, reading: UtcMicros) {
        let at = reading.millis();
        let m = AppMessage::TakeOver(t.clone());
        let (facts, wanted, ruling, proof) = match self.judged(desk, &t, at) {
            Ok(judged) => judged,
            Err(why) => return self.refuse_take_over(desk, &t, &why, at),
        };
        let verdict = verdict(wanted, &ruling);
        let (outcome, touch) = match &verdict {
            MessageVerdict::LetThrough => ("let-through", ""),
            MessageVerdict::Hold(Wanted::Touch(why) | Wanted::TwoPeople(why)) => {
                ("refused", &**why)
            }
            MessageVerdict::Hold(Wanted::Nothing) | MessageVerdict::Refuse => ("refused", ""),
        };
        let moment = Moment { at: reading, stage: "arrived", outcome, proof, touch };
        if !self.keep_decision(desk, &m, &ruling, &moment) {
            return;
        }
        match verdict {
            MessageVerdict::LetThrough => {
                self.trader_acted(desk, at);
                self.entitlements.acted(desk, at);
                tracing::info!(%desk, rfq = %facts.rfq, from = %t.desk, "an RFQ changes hands");
                // What its trader approved ahead was for that trader's accept. If the journal
                // refuses the hand-over, nothing has happened.
                self.let_through(reading, desk, m);
                let has = |r: &Router| r.rfqs_of(desk).any(|rfq| rfq.terms.id == t.rfq);
                if let Some(s) = self.step_up.as_ref().filter(|_| self.router.with(has)) {
                    self.step(s, |w| w.end_ahead(&t.desk, t.of.as_str()));
                }
            }
            MessageVerdict::Hold(Wanted::TwoPeople(_)) => {
                self.refuse_take_over(desk, &t, &no_second_person(&ruling), at);
            }
            MessageVerdict::Hold(_) => {
                self.refuse_take_over(desk, &t, &touch_first(&ruling), at);
            }
            MessageVerdict::Refuse => {
                let why = Refusal {
                    code: ruling.code.into(),
                    words: ruling.words.clone(),
                    cure: ruling.cure.clone(),
                };
                self.refuse_take_over(desk, &t, &why, at);
            }
        }
    }

    /// What the groups, the policies and the rules of step-up say.
    fn judged(
        &self,
        desk: &CompId,
        t: &TakeOver,
        at: UtcMillis,
    ) -> Result<(TakeOverFacts, Wanted, Ruling, signet_policy::entitle::Proof), Refusal> {
        let not_found = || Refusal::from(&TakeOverRefusal::NotFound);
        let (who, owner) = (self.trader(desk), self.person_of(&t.desk));
        let (who, owner) = who.zip(owner).ok_or_else(not_found)?;
        let sees = self.entitlements.colleague(&who, Colleague::See, &owner, at_once());
        if sees.0 != Outcome::Allow {
            return Err(not_found());
        }
        let facts =
            self.router.with(|r| r.take_over(desk, t, at)).map_err(|w| Refusal::from(&w))?;
        if self.is_overtime(&facts.rfq) {
            return Err(Refusal::from(&TakeOverRefusal::State(HandOverRefusal::NotOpen)));
        }
        if self.waits_for_touch(t) {
            return Err(Refusal::from(&TakeOverRefusal::State(HandOverRefusal::AcceptInFlight)));
        }
        if !self.shows_all_of(desk, t) {
            return Err(desk_too_old());
        }
        let (wanted, proof) = self.touch_wanted(desk, &facts.proposal, at);
        let trade = self.entitled(desk, &facts.proposal, proof, at);
        let (_, takes) = self.entitlements.colleague(&who, Colleague::TakeOver, &owner, proof);
        let ruling = if takes.outcome >= trade.outcome { takes } else { trade };
        Ok((facts, wanted, ruling, proof))
    }

    /// Whether the taker's desk knows every term of the RFQ. One that does not is not shown it in
    /// the list of the group, and must not come to have it by its id either: its trader would be
    /// held to what their screen does not say.
    fn shows_all_of(&self, desk: &CompId, t: &TakeOver) -> bool {
        let knows = self.sessions.knows(desk);
        self.router.with(|r| {
            let rfq = r.open_as(&t.desk, &t.of);
            rfq.is_none_or(|(_, rfq)| knows.cover(&QuoteRequest::of(&rfq.terms, false)))
        })
    }

    /// Whether an accept of this RFQ waits at the gateway for its trader's touch.
    fn waits_for_touch(&self, t: &TakeOver) -> bool {
        let Some(s) = &self.step_up else { return false };
        s.holds_accept(&t.desk, |m| {
            matches!(m, AppMessage::QuoteResponse(r)
                if r.response == Response::HitOrLift && r.rfq.as_ref() == Some(&t.of))
        })
    }

    fn refuse_take_over(&self, desk: &CompId, t: &TakeOver, why: &Refusal, at: UtcMillis) {
        let code = why.code.as_str();
        self.metrics.messages.refused(Peer::Desk, "UH", "takeover.refused");
        tracing::warn!(%desk, code, of = %t.of, from = %t.desk, "not taken over: {}", why.words);
        // Who has an RFQ, or is quicker, is nobody's fault; who asks for what is not there may be
        // trying ids.
        let at_fault = code == "takeover.not_found" || code.starts_with("entitle.");
        if at_fault
            && let Some(left_out) = self.takeover_alerts.borrow_mut().spend(desk.as_str(), at)
        {
            let words = format!(
                "{} of {}: {code}{}",
                t.of,
                t.desk,
                crate::limits::left_out_words(left_out)
            );
            self.events.gateway("rfq.takeover_refused", About::desk(desk), words);
        }
        let refused = HandOver {
            code: Some(why.code.clone()),
            text: Some(why.words.clone()),
            cure: Some(why.cure.clone()).filter(|cure| !cure.is_empty()),
            ..not_taken_over(t, &TakeOverRefusal::NotFound, at)
        };
        self.to_desk(desk, &AppMessage::HandOver(refused));
    }

    /// Who has it, or had it, by name as well.
    pub(super) fn named_hand_over(&self, h: HandOver) -> HandOver {
        let name = match (h.kind, &h.desk) {
            (HandOverKind::Refused, _) | (_, None) => None,
            (_, Some(other)) => self.person_of(other),
        };
        // The router says how the gateway calls it, and a trader speaks with dealers.
        let text = match h.kind {
            HandOverKind::Yours => h.text.map(|id| self.called(id)),
            _ => h.text,
        };
        HandOver { name, text, ..h }
    }

    /// What dealers call the RFQ that the gateway calls so.
    fn called(&self, id: String) -> String {
        let rfq = RfqId::new(id.as_str()).ok();
        rfq.map_or(id, |rfq| self.router.with(|r| r.called(&rfq)).into())
    }
}

/// Nothing was proved for this question.
fn at_once() -> signet_policy::entitle::Proof {
    signet_policy::entitle::Proof::default()
}

/// Why a trader does not take an RFQ over, as the trader reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    code: String,
    words: String,
    cure: String,
}

impl From<&TakeOverRefusal> for Refusal {
    fn from(why: &TakeOverRefusal) -> Self {
        Self { code: why.code().into(), words: why.to_string(), cure: why.cure().into() }
    }
}

/// A touch is proved by the session's lease: the RFQ's clock runs meanwhile, and nothing waits.
fn touch_first(ruling: &Ruling) -> Refusal {
    Refusal {
        code: "takeover.touch".into(),
        words: format!("To take it over you verify with your key first. {}", ruling.words)
            .trim_end()
            .into(),
        cure: "Choose \"Verify now\", touch your key, then take it over again.".into(),
    }
}

/// At fault: the taker's desk, which is older than something that the RFQ has.
fn desk_too_old() -> Refusal {
    Refusal {
        code: "takeover.desk_too_old".into(),
        words: "it has terms that this version of Signet Desk does not show".into(),
        cure: "Update Signet Desk, or ask in an RFQ of your own.".into(),
    }
}

fn no_second_person(ruling: &Ruling) -> Refusal {
    Refusal {
        code: "takeover.two_people".into(),
        words: format!("An RFQ of this kind is asked by two people. {}", ruling.words)
            .trim_end()
            .into(),
        cure: "Ask in an RFQ of your own, which a second person approves.".into(),
    }
}
