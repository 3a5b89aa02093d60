//! Cedar behind the trait.

use super::{
    Act, Because, Cited, Colleague, Deal, Denial, Documents, Entitlements, Facts, Proof, Question,
    Step, Verdict, World, facts::by_member, load::Kinds,
};
use aws_lc_rs::digest::{SHA256, digest};
use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision, Effect, Entities, EntityUid, PolicyId,
    PolicySet, Request, Response, RestrictedExpression, Schema,
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

/// A set of policies with its facts, ready to decide.
pub struct CedarEntitlements {
    kinds: Kinds,
    policies: PolicySet,
    entities: Entities,
    facts: Facts,
    world: World,
    digest: Arc<str>,
    /// Policies and facts as they were read.
    texts: [Arc<str>; 2],
    /// SHA-256 of each.
    text_digests: [[u8; 32]; 2],
    /// The text by which each policy is cited.
    cited: HashMap<PolicyId, Cited>,
    authorizer: Authorizer,
}

fn sha256(text: &str) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    out
}

impl fmt::Debug for CedarEntitlements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CedarEntitlements")
            .field("digest", &self.digest)
            .field("policies", &self.cited.len())
            .finish_non_exhaustive()
    }
}

impl CedarEntitlements {
    pub(super) fn new(
        kinds: Kinds,
        policies: PolicySet,
        entities: Entities,
        facts: Facts,
        world: World,
        documents: &Documents<'_>,
    ) -> Self {
        let cite = |p: &cedar_policy::Policy| {
            let text = |key| p.annotation(key).map(Arc::from);
            let id: &str = p.id().as_ref();
            let cited = Cited {
                id: id.into(),
                forbids: p.effect() == Effect::Forbid,
                words: text("words"),
                cure: text("cure"),
            };
            (p.id().clone(), cited)
        };
        let cited = policies.policies().map(cite).collect();
        Self {
            kinds,
            policies,
            entities,
            facts,
            world,
            digest: documents.digest().into(),
            texts: [documents.policies.into(), documents.facts.into()],
            text_digests: [sha256(documents.policies), sha256(documents.facts)],
            cited,
            authorizer: Authorizer::new(),
        }
    }

    /// The documents as they were read.
    pub fn documents(&self) -> Documents<'_> {
        let [policies, facts] = &self.texts;
        Documents { policies, facts }
    }

    /// SHA-256 of policies and of facts, each by itself.
    pub fn document_digests(&self) -> &[[u8; 32]; 2] {
        &self.text_digests
    }

    /// The facts the policies were loaded with.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The dealers and instruments that the policies may name.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// How many policies are in force.
    pub fn policy_count(&self) -> usize {
        self.cited.len()
    }

    pub(super) fn policies(&self) -> &PolicySet {
        &self.policies
    }

    /// Allowed but probably forgotten entries, for the person who checks the documents.
    pub fn remarks(&self) -> Vec<String> {
        let named: BTreeSet<(String, String)> = self
            .policies
            .policies()
            .flat_map(|p| p.entity_literals())
            .map(|u| (u.type_name().to_string(), u.id().unescaped().to_owned()))
            .collect();
        let mut all = Vec::new();
        for (kind, key, groups) in [
            ("Group", "groups", &self.facts.groups),
            ("Panel", "panels", &self.facts.panels),
            ("List", "lists", &self.facts.lists),
            ("AdminGroup", "admin_groups", &self.facts.admin_groups),
        ] {
            let unused =
                groups.keys().filter(|g| !named.contains(&(kind.to_owned(), (*g).clone())));
            all.extend(unused.map(|g| format!("{key}.{g} is named by no policy")));
            all.extend(
                groups
                    .iter()
                    .filter(|(_, m)| m.is_empty())
                    .map(|(g, _)| format!("{key}.{g} has no members")),
            );
        }
        let traded: BTreeSet<&str> =
            self.world.instruments.values().map(|i| i.currency.as_str()).collect();
        let without = traded.into_iter().filter(|c| !self.facts.rates.contains_key(*c));
        all.extend(
            without.map(|c| format!("rates: {c} is missing, so nothing in it can be traded")),
        );
        all
    }

    /// The facts a decision uses, as name and value, to explain it.
    pub fn weighed(&self, q: &Question<'_>) -> Result<Vec<(String, String)>, Denial> {
        let of = |groups, name: &str| {
            let all = by_member(groups).remove(name).unwrap_or_default();
            if all.is_empty() {
                "none".to_owned()
            } else {
                all.into_iter().collect::<Vec<_>>().join(", ")
            }
        };
        let mut all = Vec::new();
        let mut add = |name: &str, value: String| all.push((name.to_owned(), value));
        match q.act {
            Act::See { dealer } => {
                add("groups of the trader", of(&self.facts.groups, q.who));
                add("panels of the dealer", of(&self.facts.panels, dealer));
            }
            Act::Trade { dealer, new_dealer, deal, step } => {
                add("groups of the trader", of(&self.facts.groups, q.who));
                add("panels of the dealer", of(&self.facts.panels, dealer));
                add("lists of the instrument", of(&self.facts.lists, deal.instrument));
                let (r, i) = (self.reckon(deal)?, self.instrument(deal)?);
                let bps = match step {
                    Step::Accept { off_market_bps: Some(bps) } => bps.to_string(),
                    _ => "no other quote to compare with".into(),
                };
                add("instrument.class", i.class.clone());
                add("reporting currency", self.facts.reporting_currency.clone());
                for (name, value) in [
                    ("side", deal.side.word().to_owned()),
                    ("currency", i.currency.clone()),
                    ("quantity", r.quantity.to_string()),
                    ("notional", r.notional.to_string()),
                    ("dayNotional", r.day.to_string()),
                    ("outstanding", r.outstanding.to_string()),
                    ("openRfqs", r.open_rfqs.to_string()),
                    ("dealers", r.dealers.to_string()),
                    ("firstToday", deal.first_today.to_string()),
                    ("newDealer", new_dealer.to_string()),
                    ("offMarketBps", bps),
                    ("idleSeconds", deal.idle_s.to_string()),
                ] {
                    add(name, value);
                }
            }
            Act::Colleague { owner, .. } => {
                add("groups of the trader", of(&self.facts.groups, q.who));
                add("groups of the colleague", of(&self.facts.groups, owner));
            }
            Act::Admin { privileged, hardware_key, .. } => {
                add("groups of the administrator", of(&self.facts.admin_groups, q.who));
                add("privileged", privileged.to_string());
                add("hardwareKey", hardware_key.to_string());
            }
        }
        add("touched", q.proof.touched.to_string());
        add("secondPerson", q.proof.second_person.to_string());
        Ok(all)
    }

    fn instrument(&self, deal: &Deal<'_>) -> Result<&super::InstrumentFacts, Denial> {
        self.world
            .instruments
            .get(deal.instrument)
            .ok_or_else(|| unknown("instrument", deal.instrument))
    }

    /// The amounts in whole units, rounded up.
    fn reckon(&self, deal: &Deal<'_>) -> Result<Reckoned, Denial> {
        if deal.quantity <= Decimal::ZERO {
            return Err(Denial::BadNumber("the quantity"));
        }
        let currency = self.instrument(deal)?.currency.as_str();
        let this = BTreeMap::from([(currency.to_owned(), deal.quantity)]);
        let count = |n: usize, what| i64::try_from(n).map_err(|_| Denial::BadNumber(what));
        Ok(Reckoned {
            quantity: whole(deal.quantity).ok_or(Denial::BadNumber("the quantity"))?,
            notional: self.total(&[&this], "the notional")?,
            day: self.total(&[deal.day, &this], "the day's notional")?,
            outstanding: self.total(&[deal.outstanding, &this], "the outstanding notional")?,
            open_rfqs: count(deal.open_rfqs.saturating_add(1), "the number of open RFQs")?,
            dealers: count(deal.dealers, "the number of dealers")?,
        })
    }

    /// All amounts in the reporting currency, rounded up once.
    fn total(&self, amounts: &[&super::Amounts], what: &'static str) -> Result<i64, Denial> {
        let mut sum = Decimal::ZERO;
        for (currency, quantity) in amounts.iter().flat_map(|a| a.iter()) {
            let rate =
                self.facts.rates.get(currency).ok_or_else(|| Denial::NoRate(currency.clone()))?;
            let exact = times(*quantity, *rate).ok_or(Denial::BadNumber(what))?;
            sum = sum.checked_add(exact).ok_or(Denial::BadNumber(what))?;
        }
        whole(sum).ok_or(Denial::BadNumber(what))
    }

    /// The question as Cedar knows it.
    pub(super) fn request(
        &self,
        q: &Question<'_>,
        proof: Proof,
        schema: Option<&Schema>,
    ) -> Result<Request, Denial> {
        let broken = |e: String| Denial::PolicyError(e);
        let uid = |kind: &'static str, name: &str| {
            self.kinds.uid(kind, name).ok_or_else(|| unknown(kind, name))
        };
        let (who, resource, context) = match q.act {
            Act::See { dealer } => (uid("Trader", q.who)?, self.dealer(dealer)?, Vec::new()),
            Act::Trade { step, dealer, new_dealer, deal } => (
                uid("Trader", q.who)?,
                self.dealer(dealer)?,
                self.trade(step, new_dealer, deal, proof)?,
            ),
            Act::Colleague { what, owner } => {
                let yes = RestrictedExpression::new_bool;
                let context = match what {
                    Colleague::See => Vec::new(),
                    Colleague::TakeOver => vec![
                        ("touched", yes(proof.touched)),
                        ("secondPerson", yes(proof.second_person)),
                    ],
                };
                (uid("Trader", q.who)?, uid("Trader", owner)?, context)
            }
            Act::Admin { privileged, hardware_key, .. } => {
                let yes = RestrictedExpression::new_bool;
                let context = vec![
                    ("privileged", yes(privileged)),
                    ("hardwareKey", yes(hardware_key)),
                    ("touched", yes(proof.touched)),
                    ("secondPerson", yes(proof.second_person)),
                ];
                (uid("Administrator", q.who)?, uid("Gateway", &self.world.gateway)?, context)
            }
        };
        let pairs = context.into_iter().map(|(k, v)| (k.to_owned(), v));
        let context = Context::from_pairs(pairs).map_err(|e| broken(e.to_string()))?;
        Request::new(who, uid("Action", q.act.word())?, resource, context, schema)
            .map_err(|e| broken(e.to_string()))
    }

    fn dealer(&self, name: &str) -> Result<EntityUid, Denial> {
        let known = self.world.dealers.contains(name);
        self.kinds.uid("Dealer", name).filter(|_| known).ok_or_else(|| unknown("dealer", name))
    }

    fn trade(
        &self,
        step: Step,
        new_dealer: bool,
        deal: &Deal<'_>,
        proof: Proof,
    ) -> Result<Vec<(&'static str, RestrictedExpression)>, Denial> {
        let (r, currency) = (self.reckon(deal)?, &self.instrument(deal)?.currency);
        let entity = |kind: &'static str, name: &str| {
            self.kinds
                .uid(kind, name)
                .map(RestrictedExpression::new_entity_uid)
                .ok_or_else(|| unknown(kind, name))
        };
        let (yes, number) = (RestrictedExpression::new_bool, RestrictedExpression::new_long);
        let mut context = vec![
            ("instrument", entity("Instrument", deal.instrument)?),
            ("side", entity("Side", deal.side.word())?),
            ("currency", entity("Currency", currency)?),
            ("quantity", number(r.quantity)),
            ("notional", number(r.notional)),
            ("dayNotional", number(r.day)),
            ("outstanding", number(r.outstanding)),
            ("openRfqs", number(r.open_rfqs)),
            ("dealers", number(r.dealers)),
            ("firstToday", yes(deal.first_today)),
            ("newDealer", yes(new_dealer)),
            ("idleSeconds", number(deal.idle_s)),
            ("touched", yes(proof.touched)),
            ("secondPerson", yes(proof.second_person)),
        ];
        if let Step::Accept { off_market_bps: Some(bps) } = step {
            context.push(("offMarketBps", number(bps)));
        }
        Ok(context)
    }

    /// One evaluation with this much proved.
    fn ask(
        &self,
        q: &Question<'_>,
        proof: Proof,
    ) -> Result<(bool, Vec<Cited>), (Denial, Vec<Cited>)> {
        if let Act::Trade { step: Step::Counter, dealer, new_dealer, deal } = q.act {
            let act = Act::Trade { step: Step::Request, dealer, new_dealer, deal };
            let (allowed, reasons) = self.ask_one(&Question { act, ..*q }, proof)?;
            if !allowed {
                return Ok((false, reasons));
            }
            // What no policy permits is refused with no reason; that is the request's to permit.
            let (permitted, forbids) = self.ask_one(q, proof)?;
            return Ok(match permitted || forbids.is_empty() {
                true => (true, reasons),
                false => (false, forbids),
            });
        }
        self.ask_one(q, proof)
    }

    /// One evaluation of one action.
    fn ask_one(
        &self,
        q: &Question<'_>,
        proof: Proof,
    ) -> Result<(bool, Vec<Cited>), (Denial, Vec<Cited>)> {
        let request = self.request(q, proof, None).map_err(|d| (d, Vec::new()))?;
        let response = self.authorizer.is_authorized(&request, &self.policies, &self.entities);
        // Cedar leaves out a policy that fails; it might be the one that forbids.
        if let Some(e) = response.diagnostics().errors().next() {
            let AuthorizationError::PolicyEvaluationError(e) = e;
            return Err((Denial::PolicyError(e.to_string()), self.cite([e.policy_id()])));
        }
        Ok((response.decision() == Decision::Allow, self.reasons(&response)))
    }

    fn reasons(&self, response: &Response) -> Vec<Cited> {
        self.cite(response.diagnostics().reason())
    }

    fn cite<'a>(&self, ids: impl IntoIterator<Item = &'a PolicyId>) -> Vec<Cited> {
        let mut all: Vec<Cited> =
            ids.into_iter().filter_map(|id| self.cited.get(id).cloned()).collect();
        all.sort();
        all
    }

    fn because(&self, cited: Vec<Cited>) -> Because {
        Because { cited, digest: self.digest.clone() }
    }

    /// Asks as things are, then as if touched, then as if two people had approved.
    fn try_decide(&self, q: &Question<'_>) -> Result<Verdict, (Denial, Vec<Cited>)> {
        // A policy without a condition permits nothing across groups.
        if let Act::Colleague { owner, .. } = q.act
            && !self.facts.share_a_group(q.who, owner)
        {
            return Ok(self.deny(Vec::new()));
        }
        let (allowed, plain) = self.ask(q, q.proof)?;
        if allowed {
            return Ok(Verdict::Allow(self.because(plain)));
        }
        // Seeing never needs a touch.
        if matches!(q.act, Act::See { .. } | Act::Colleague { what: Colleague::See, .. }) {
            return Ok(self.deny(plain));
        }
        let mut in_the_way = plain;
        if !q.proof.touched {
            let (allowed, reasons) = self.ask(q, Proof { touched: true, ..q.proof })?;
            if allowed {
                return Ok(Verdict::Touch(self.because(fell_away(in_the_way, reasons))));
            }
            in_the_way = reasons;
        }
        if !q.proof.second_person {
            let (allowed, reasons) = self.ask(q, Proof { touched: true, second_person: true })?;
            if allowed {
                return Ok(Verdict::TwoPeople(self.because(fell_away(in_the_way, reasons))));
            }
            in_the_way = reasons;
        }
        Ok(self.deny(in_the_way))
    }

    fn deny(&self, cited: Vec<Cited>) -> Verdict {
        let why = if cited.is_empty() { Denial::NotPermitted } else { Denial::Forbidden };
        Verdict::Deny(why, self.because(cited))
    }
}

/// What asked for the proof: what forbade without it; or, when nothing permitted without it, what
/// permits with it.
fn fell_away(before: Vec<Cited>, after: Vec<Cited>) -> Vec<Cited> {
    if before.is_empty() { after } else { before }
}

impl Entitlements for CedarEntitlements {
    fn decide(&self, q: &Question<'_>) -> Verdict {
        self.try_decide(q).unwrap_or_else(|(why, cited)| Verdict::Deny(why, self.because(cited)))
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn day_begins_ms(&self) -> i64 {
        i64::from(self.facts.day_begins_utc_minutes) * 60_000
    }
}

struct Reckoned {
    quantity: i64,
    notional: i64,
    day: i64,
    outstanding: i64,
    open_rfqs: i64,
    dealers: i64,
}

fn unknown(kind: &'static str, name: &str) -> Denial {
    Denial::Unknown { kind, name: name.chars().take(80).collect() }
}

/// The product, never less than the exact one: when it has more digits than fit, one more than the
/// last that fits.
fn times(a: Decimal, b: Decimal) -> Option<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.checked_mul(b)?;
    let exact = a.is_zero() || product.scale() >= a.scale() + b.scale();
    if exact { Some(product) } else { product.checked_add(Decimal::ONE) }
}

/// Whole units, rounded up.
fn whole(d: Decimal) -> Option<i64> {
    d.ceil().to_i64()
}
