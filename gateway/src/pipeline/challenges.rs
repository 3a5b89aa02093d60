//! Challenges that are open, and the events of their course: each names the setting or the policies
//! that asked, and who it is about.

use super::{Pipeline, StepUp, message::NOT_AVAILABLE};
use crate::stepup::AskedFor;
use signet_events::{About, Actor, Text};
use signet_fix::{
    AppMessage,
    message::{BusinessReject, StepUpStatus},
};
use signet_identity::CompId;
use signet_policy::entitle::Entitlements as _;
use signet_stepup::{
    Action, Approval,
    asking::{AskedBy, RISK},
    pending::ApprovalRefusal,
};
use std::{cell::RefCell, collections::BTreeMap};

/// Challenges that are remembered, as many as can be open.
const OPEN_MAX: usize = 10_000;

/// A challenge that has no answer so far.
#[derive(Debug, Default)]
pub(super) struct OpenChallenge {
    /// The user its failure is counted against, also when the desk is off by then: the one who does
    /// what it is about. `None` for a second person, who is not attacked by what they decline.
    pub(super) own: Option<String>,
    /// The desk that is asked.
    desk: String,
    by: AskedBy,
}

/// All of them, by their ids.
#[derive(Debug, Default)]
pub(super) struct OpenChallenges(RefCell<BTreeMap<String, OpenChallenge>>);

impl OpenChallenges {
    /// A challenge was made for this user.
    pub(super) fn add(&self, id: &str, user: &str, approval: &Approval, by: AskedBy) {
        let mut all = self.0.borrow_mut();
        if all.len() < OPEN_MAX {
            let own = (approval.desk == approval.approver).then(|| user.to_owned());
            let desk = approval.approver.clone();
            all.insert(id.to_owned(), OpenChallenge { own, desk, by });
        }
    }

    /// A challenge is over; what was known of it.
    pub(super) fn close(&self, id: &str) -> OpenChallenge {
        self.0.borrow_mut().remove(id).unwrap_or_default()
    }

    /// A challenge is over by what this desk said of it, or was told. An id that a desk names may
    /// be of another one's challenge, which stays open.
    pub(super) fn close_at(&self, desk: &CompId, id: &str) -> OpenChallenge {
        let here = self.0.borrow().get(id).is_some_and(|c| c.desk == desk.as_str());
        if here { self.close(id) } else { OpenChallenge::default() }
    }

    fn asked_by(&self, id: &str) -> AskedBy {
        self.0.borrow().get(id).map(|c| c.by.clone()).unwrap_or_default()
    }
}

impl Pipeline {
    /// What a desk is told of a challenge, where that is an event.
    pub(super) fn note_told(&self, s: &StepUp, desk: &CompId, m: &AppMessage) {
        let (code, id, words) = match m {
            AppMessage::StepUpChallenge(c) => ("stepup.asked", &c.id, &c.reason),
            AppMessage::StepUpOutcome(o) if o.status == StepUpStatus::Expired => {
                ("stepup.timed_out", &o.id, &o.text)
            }
            _ => return,
        };
        let by = s.open.asked_by(id);
        self.note_challenge(s, desk, code, &by, words.as_deref().unwrap_or_default());
    }

    /// A person answered no.
    pub(super) fn note_declined(&self, s: &StepUp, desk: &CompId, id: &str, why: Option<&str>) {
        let by = s.open.asked_by(id);
        self.note_challenge(s, desk, "stepup.declined", &by, why.unwrap_or_default());
    }

    fn note_challenge(
        &self,
        s: &StepUp,
        desk: &CompId,
        code: &'static str,
        by: &AskedBy,
        words: &str,
    ) {
        let about = self.asked_about(s, desk, by);
        self.events.by(Actor::Desk(Text::of(desk)), code, about, words);
    }

    /// The same for the registry's row of a pass.
    pub(super) fn asked_for(&self, s: &StepUp, by: &AskedBy) -> String {
        AskedFor::of(by.kind, by.rules(), self.policy_of(s, by)).to_string()
    }

    /// Who is asked at a desk, and what asks, with the digest of the policy that it stands in.
    pub(super) fn asked_about(&self, s: &StepUp, desk: &CompId, by: &AskedBy) -> About {
        About {
            policy: self.policy_of(s, by),
            rules: by.rules().map(Text::from).collect(),
            reason: by.kind.map(Text::from),
            ..self.at_desk(desk)
        }
    }

    fn policy_of(&self, s: &StepUp, by: &AskedBy) -> Option<Text> {
        match by.rule {
            Some(RISK) => Some(Text::of(self.risk.policy().table.digest())),
            Some(_) => Some(Text::from(s.policy())).filter(|p| !p.as_str().is_empty()),
            None if by.policies.is_empty() => None,
            None => Some(Text::of(self.entitlements.policies().digest())),
        }
    }
}

/// Whether a desk is on over another connection than the one for which a challenge was asked.
pub(super) fn is_of_another_connection(asked: Option<[u8; 32]>, now: Option<[u8; 32]>) -> bool {
    asked.zip(now).is_some_and(|(asked, now)| asked != now)
}

/// What a desk reads when no challenge was made for what has no other answer than a challenge and
/// its outcome. A message of the desk that waited is refused as such.
pub(super) fn not_asked(action: &Action, why: &ApprovalRefusal) -> Option<AppMessage> {
    let (msg_type, id) = match action {
        Action::Session(_) => ("U8", None),
        Action::Ahead(a) => ("UE", Some(a.rfq.clone())),
        Action::Request(_) | Action::Accept(_) | Action::RegisterKey { .. } => return None,
    };
    let text = format!("no touch was asked for: {}. {}", why.text, why.cure);
    Some(AppMessage::BusinessReject(BusinessReject {
        ref_seq_num: None,
        ref_msg_type: msg_type.into(),
        ref_id: id,
        reason: NOT_AVAILABLE,
        text: Some(text.trim_end().to_owned()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_stepup::{AheadTerms, LimitTerms, SessionReason};

    fn approval(approver: &str) -> Approval {
        let [gateway, desk, approver] = ["GW", "ALICE", approver].map(str::to_owned);
        Approval { gateway, desk, approver, action: Action::Session(SessionReason::Wake) }
    }

    fn by(policy: &str) -> AskedBy {
        AskedBy { kind: Some("policy"), rule: None, policies: vec![policy.into()] }
    }

    #[test]
    fn what_is_known_of_a_challenge_is_known_until_it_is_over() {
        let open = OpenChallenges::default();
        open.add("c1", "alice", &approval("ALICE"), by("p1"));
        open.add("c2", "bob", &approval("BOB"), by("p2"));
        for (id, own, policy) in [("c1", Some("alice"), "p1"), ("c2", None, "p2")] {
            assert_eq!(open.asked_by(id), by(policy));
            let was = open.close(id);
            assert_eq!((was.own.as_deref(), was.by), (own, by(policy)), "{id}");
            assert_eq!(open.asked_by(id), AskedBy::default(), "{id}");
            assert_eq!(open.close(id).own, None, "{id}");
        }
    }

    /// A desk that names the challenge of another one neither ends it nor harms anybody.
    #[test]
    fn a_challenge_is_over_at_its_own_desk_only() {
        let [alice, mallory] = ["ALICE", "MALLORY"].map(|d| CompId::new(d).unwrap());
        let open = OpenChallenges::default();
        open.add("c1", "alice", &approval("ALICE"), by("p1"));
        for (desk, id, own) in [
            (&mallory, "c1", None),
            (&alice, "c2", None),
            (&alice, "c1", Some("alice")),
            (&alice, "c1", None),
        ] {
            assert_eq!(open.close_at(desk, id).own.as_deref(), own, "{desk} {id}");
        }
    }

    /// The service may take seconds, and a laptop changes its network within one: a challenge that
    /// was asked for before that is bound to the connection before.
    #[test]
    fn a_challenge_is_for_the_connection_that_it_was_asked_on() {
        let [a, b] = [[1; 32], [2; 32]];
        for (asked, now, want) in [
            (Some(a), Some(a), false),
            (Some(a), Some(b), true),
            // Nobody is on: the kernel has forgotten it.
            (Some(a), None, false),
            // Nobody was on: it was refused, which is said.
            (None, Some(b), false),
            (None, None, false),
        ] {
            assert_eq!(is_of_another_connection(asked, now), want, "{asked:?} {now:?}");
        }
    }

    #[test]
    fn whoever_waits_for_a_challenge_that_is_not_made_reads_why() {
        let s = str::to_owned;
        let ahead = AheadTerms {
            rfq: s("R1"),
            instrument: s("EUR/USD"),
            side: s("buy"),
            quantity: s("1"),
            currency: s("EUR"),
            settlement: s("20261130"),
            price_type: None,
            legs: vec![],
            limit: LimitTerms { price: s("1.1"), until_ms: s("1") },
            dealers: vec![],
        };
        let why = ApprovalRefusal::new("stepup.busy", "the gateway is too busy", "Try again.");
        for (action, want) in [
            (Action::Session(SessionReason::OnDemand), Some(("U8", None))),
            (Action::Ahead(ahead), Some(("UE", Some("R1")))),
            (Action::RegisterKey { name: s("blue") }, None),
        ] {
            let told = not_asked(&action, &why);
            let j = told.as_ref().map(|m| match m {
                AppMessage::BusinessReject(j) => j,
                other => panic!("{other:?}"),
            });
            let named = j.map(|j| (j.ref_msg_type.as_str(), j.ref_id.as_deref()));
            assert_eq!(named, want, "{action:?}");
            let words = "no touch was asked for: the gateway is too busy. Try again.";
            assert!(j.is_none_or(|j| j.text.as_deref() == Some(words)), "{j:?}");
        }
    }

    #[test]
    fn no_more_is_remembered_than_can_be_open() {
        let open = OpenChallenges::default();
        for n in 0..=OPEN_MAX {
            open.add(&n.to_string(), "alice", &approval("ALICE"), AskedBy::default());
        }
        assert!(open.close("9999").own.is_some());
        assert_eq!(open.close(&OPEN_MAX.to_string()).own, None, "it found no room");
    }
}
