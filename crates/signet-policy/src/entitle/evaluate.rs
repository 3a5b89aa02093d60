//! A question put to the policies, or answered from memory.

use super::{
    Act, AdminAction, Because, CedarEntitlements, Cited, Colleague, Deal, Denial, Entitlements,
    Proof, Question, Step, Verdict,
    memory::{Answer, ContextKey, DealKey, Key},
    sight::{NUMBERS, OFF_MARKET},
};
use cedar_policy::{
    AuthorizationError, Context, Decision, EntityUid, PolicyId, Request, RestrictedExpression,
    Schema,
};
use std::sync::Arc;

/// A question whose names are known and whose amounts are reckoned, but for what was proved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    who: &'a str,
    /// By [`super::classes`].
    principal: Option<usize>,
    resource: Option<usize>,
    about: About<'a>,
}

/// [`Act`] of such a question.
#[derive(Debug, Clone, Copy)]
pub(super) enum About<'a> {
    See {
        dealer: &'a str,
    },
    Trade {
        step: Step,
        dealer: &'a str,
        new_dealer: bool,
        deal: &'a Deal<'a>,
        weighed: &'a Weighed<'a>,
    },
    Colleague {
        what: Colleague,
        owner: &'a str,
    },
    Admin {
        action: AdminAction,
        privileged: bool,
        hardware_key: bool,
    },
}

/// What policies see of a deal, whichever dealer it is made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weighed<'a> {
    currency: &'a str,
    /// In the order of [`NUMBERS`].
    numbers: [i64; NUMBERS.len()],
    key: DealKey,
}

/// Attributes of a context by name.
type Attributes = Vec<(&'static str, RestrictedExpression)>;

/// Why there is no answer, and the policies at fault.
type Refusal = (Denial, Vec<Cited>);

impl About<'_> {
    /// The action as policies name it.
    fn word(&self) -> &'static str {
        match self {
            Self::See { .. } => "see",
            Self::Trade { step, .. } => step.word(),
            Self::Colleague { what, .. } => what.word(),
            Self::Admin { action, .. } => action.word(),
        }
    }
}

impl Entitlements for CedarEntitlements {
    fn decide(&self, q: &Question<'_>) -> Verdict {
        let Question { who, proof, act } = *q;
        let asked = match act {
            Act::See { dealer } => self.with_dealer(who, dealer, About::See { dealer }),
            Act::Trade { step, dealer, new_dealer, deal } => {
                return self.for_deal(who, proof, step, deal)(dealer, new_dealer);
            }
            // A policy without a condition permits nothing across groups.
            Act::Colleague { owner, .. } if !self.facts.share_a_group(who, owner) => {
                return self.deny(&[]);
            }
            Act::Colleague { what, owner } => Ok(Asked {
                who,
                principal: self.trader(who),
                resource: self.trader(owner),
                about: About::Colleague { what, owner },
            }),
            Act::Admin { action, privileged, hardware_key } => Ok(Asked {
                who,
                principal: self.classes.administrators.get(who).copied(),
                // There is one gateway.
                resource: None,
                about: About::Admin { action, privileged, hardware_key },
            }),
        };
        self.decide_asked(asked, proof)
    }

    fn for_deal(
        &self,
        who: &str,
        proof: Proof,
        step: Step,
        deal: &Deal<'_>,
    ) -> impl Fn(&str, bool) -> Verdict {
        let (weighed, principal) = (self.weigh(deal), self.trader(who));
        move |dealer: &str, new_dealer: bool| {
            // A dealer that is not known is named before an amount that is wrong.
            let asked = self.dealer(dealer).and_then(|resource| {
                let weighed = weighed.as_ref().map_err(Denial::clone)?;
                let about = About::Trade { step, dealer, new_dealer, deal, weighed };
                Ok(Asked { who, principal, resource: Some(resource), about })
            });
            self.decide_asked(asked, proof)
        }
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn day_begins_ms(&self) -> i64 {
        i64::from(self.facts.day_begins_utc_minutes) * 60_000
    }
}

impl CedarEntitlements {
    fn trader(&self, name: &str) -> Option<usize> {
        self.classes.traders.get(name).copied()
    }

    fn dealer(&self, name: &str) -> Result<usize, Denial> {
        self.classes.dealers.get(name).copied().ok_or_else(|| unknown("dealer", name))
    }

    /// A trader's question about a dealer.
    pub(super) fn with_dealer<'a>(
        &self,
        who: &'a str,
        dealer: &str,
        about: About<'a>,
    ) -> Result<Asked<'a>, Denial> {
        let resource = Some(self.dealer(dealer)?);
        Ok(Asked { who, principal: self.trader(who), resource, about })
    }

    /// What is the same for every dealer.
    pub(super) fn weigh(&self, deal: &Deal<'_>) -> Result<Weighed<'_>, Denial> {
        let (r, i) = (self.reckon(deal)?, self.instrument(deal)?);
        let numbers =
            [r.quantity, r.notional, r.day, r.outstanding, r.open_rfqs, r.dealers, deal.idle_s];
        let key = DealKey {
            instrument: self.classes.instruments.get(deal.instrument).copied(),
            side: deal.side,
            first_today: deal.first_today,
            numbers: self.sight.numbers(numbers),
        };
        Ok(Weighed { currency: &i.currency, numbers, key })
    }

    fn decide_asked(&self, asked: Result<Asked<'_>, Denial>, proof: Proof) -> Verdict {
        let decided = asked.map_err(|why| (why, Vec::new()));
        let decided = decided.and_then(|asked| self.try_decide(&asked, proof));
        decided.unwrap_or_else(|(why, cited)| Verdict::Deny(why, self.because(&cited)))
    }

    /// Asks as things are, then as if touched, then as if two people had approved.
    fn try_decide(&self, asked: &Asked<'_>, proof: Proof) -> Result<Verdict, Refusal> {
        let plain = self.ask(asked, proof)?;
        if plain.allowed {
            return Ok(Verdict::Allow(self.because(&plain.reasons)));
        }
        // Seeing never needs a touch.
        if matches!(asked.about, About::See { .. } | About::Colleague { what: Colleague::See, .. })
        {
            return Ok(self.deny(&plain.reasons));
        }
        let mut in_the_way = plain;
        if !proof.touched {
            let touched = self.ask(asked, Proof { touched: true, ..proof })?;
            if touched.allowed {
                return Ok(Verdict::Touch(self.because(fell_away(&in_the_way, &touched))));
            }
            in_the_way = touched;
        }
        if !proof.second_person {
            let both = self.ask(asked, Proof { touched: true, second_person: true })?;
            if both.allowed {
                return Ok(Verdict::TwoPeople(self.because(fell_away(&in_the_way, &both))));
            }
            in_the_way = both;
        }
        Ok(self.deny(&in_the_way.reasons))
    }

    /// One evaluation with this much proved.
    fn ask(&self, asked: &Asked<'_>, proof: Proof) -> Result<Arc<Answer>, Refusal> {
        let About::Trade { step: Step::Counter, dealer, new_dealer, deal, weighed } = asked.about
        else {
            return self.evaluate(asked, proof);
        };
        let step = Step::Request;
        let about = About::Trade { step, dealer, new_dealer, deal, weighed };
        let requested = self.evaluate(&Asked { about, ..*asked }, proof)?;
        if !requested.allowed {
            return Ok(requested);
        }
        // What no policy permits is refused with no reason; that is the request's to permit.
        let countered = self.evaluate(asked, proof)?;
        match countered.allowed || countered.reasons.is_empty() {
            true => Ok(requested),
            false => Ok(countered),
        }
    }

    /// One evaluation of one action, from memory if the policies cannot tell the question from one
    /// that they answered. What failed is not remembered: its error speaks of this question.
    fn evaluate(&self, asked: &Asked<'_>, proof: Proof) -> Result<Arc<Answer>, Refusal> {
        let key = self.key(asked, proof);
        if let Some(known) = key.as_ref().and_then(|key| self.memory.get(key)) {
            return Ok(known);
        }
        let request = self.request(asked, proof, None).map_err(|d| (d, Vec::new()))?;
        let policies = self.policies_of(asked.about.word());
        let response = self.authorizer.is_authorized(&request, policies, &self.entities);
        // Cedar leaves out a policy that fails; it might be the one that forbids.
        if let Some(e) = response.diagnostics().errors().next() {
            let AuthorizationError::PolicyEvaluationError(e) = e;
            return Err((Denial::PolicyError(e.to_string()), self.cite([e.policy_id()])));
        }
        let answer = Arc::new(Answer {
            allowed: response.decision() == Decision::Allow,
            reasons: self.cite(response.diagnostics().reason()).into(),
        });
        if let Some(key) = key {
            self.memory.keep(key, Arc::clone(&answer));
        }
        Ok(answer)
    }

    /// All that the policies can see of a question; `None` if it is not known what they look at.
    fn key(&self, asked: &Asked<'_>, proof: Proof) -> Option<Key> {
        let context = match asked.about {
            About::See { .. } => ContextKey::Empty,
            About::Trade { step, new_dealer, weighed, .. } => {
                let off_market = off_market_bps(step).map(|bps| self.sight.off_market(bps));
                ContextKey::Trade { new_dealer, off_market, deal: weighed.key }
            }
            About::Colleague { owner, .. } => ContextKey::Colleague { same: asked.who == owner },
            About::Admin { privileged, hardware_key, .. } => {
                ContextKey::Session { privileged, hardware_key }
            }
        };
        let (principal, resource) = (asked.principal, asked.resource);
        let key = Key { action: asked.about.word(), proof, principal, resource, context };
        self.sight.is_complete().then_some(key)
    }

    /// The question as Cedar knows it.
    pub(super) fn request(
        &self,
        asked: &Asked<'_>,
        proof: Proof,
        schema: Option<&Schema>,
    ) -> Result<Request, Denial> {
        let broken = |e: String| Denial::PolicyError(e);
        let yes = RestrictedExpression::new_bool;
        let proved = [("touched", yes(proof.touched)), ("secondPerson", yes(proof.second_person))];
        let (principal, resource, context) = match asked.about {
            About::See { dealer } => ("Trader", self.uid("Dealer", dealer)?, Vec::new()),
            About::Trade { step, dealer, new_dealer, deal, weighed } => {
                let mut context = self.trade(step, new_dealer, deal, weighed)?;
                context.extend(proved);
                ("Trader", self.uid("Dealer", dealer)?, context)
            }
            About::Colleague { what, owner } => {
                let context: Attributes = match what {
                    Colleague::See => Vec::new(),
                    Colleague::TakeOver => proved.into(),
                };
                ("Trader", self.uid("Trader", owner)?, context)
            }
            About::Admin { privileged, hardware_key, .. } => {
                let session = [("privileged", yes(privileged)), ("hardwareKey", yes(hardware_key))];
                let context: Attributes = session.into_iter().chain(proved).collect();
                ("Administrator", self.uid("Gateway", &self.world.gateway)?, context)
            }
        };
        let pairs = context.into_iter().map(|(k, v)| (k.to_owned(), v));
        let context = Context::from_pairs(pairs).map_err(|e| broken(e.to_string()))?;
        let principal = self.uid(principal, asked.who)?;
        let action = self.uid("Action", asked.about.word())?;
        Request::new(principal, action, resource, context, schema)
            .map_err(|e| broken(e.to_string()))
    }

    fn trade(
        &self,
        step: Step,
        new_dealer: bool,
        deal: &Deal<'_>,
        weighed: &Weighed<'_>,
    ) -> Result<Attributes, Denial> {
        let entity = |kind: &'static str, name: &str| {
            self.uid(kind, name).map(RestrictedExpression::new_entity_uid)
        };
        let (yes, number) = (RestrictedExpression::new_bool, RestrictedExpression::new_long);
        let mut context = vec![
            ("instrument", entity("Instrument", deal.instrument)?),
            ("side", entity("Side", deal.side.word())?),
            ("currency", entity("Currency", weighed.currency)?),
            ("firstToday", yes(deal.first_today)),
            ("newDealer", yes(new_dealer)),
        ];
        context.extend(NUMBERS.into_iter().zip(weighed.numbers.map(number)));
        context.extend(off_market_bps(step).map(|bps| (OFF_MARKET, number(bps))));
        Ok(context)
    }

    fn uid(&self, kind: &'static str, name: &str) -> Result<EntityUid, Denial> {
        self.kinds.uid(kind, name).ok_or_else(|| unknown(kind, name))
    }

    fn cite<'a>(&self, ids: impl IntoIterator<Item = &'a PolicyId>) -> Vec<Cited> {
        let mut all: Vec<Cited> =
            ids.into_iter().filter_map(|id| self.cited.get(id).cloned()).collect();
        all.sort();
        all
    }

    fn because(&self, cited: &[Cited]) -> Because {
        Because { cited: cited.to_vec(), digest: self.digest.clone() }
    }

    fn deny(&self, cited: &[Cited]) -> Verdict {
        let why = if cited.is_empty() { Denial::NotPermitted } else { Denial::Forbidden };
        Verdict::Deny(why, self.because(cited))
    }
}

/// What asked for the proof: what forbade without it; or, when nothing permitted without it, what
/// permits with it.
fn fell_away<'a>(before: &'a Answer, after: &'a Answer) -> &'a [Cited] {
    if before.reasons.is_empty() { &after.reasons } else { &before.reasons }
}

fn off_market_bps(step: Step) -> Option<i64> {
    match step {
        Step::Accept { off_market_bps } => off_market_bps,
        Step::Request | Step::Counter => None,
    }
}

pub(super) fn unknown(kind: &'static str, name: &str) -> Denial {
    Denial::Unknown { kind, name: name.chars().take(80).collect() }
}
