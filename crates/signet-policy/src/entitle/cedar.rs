//! Cedar behind the trait.

use super::{
    Act, Cited, Denial, Documents, EntitleError, Facts, Question, Step, World, actions,
    classes::Classes, facts::by_member, load::Kinds, memory::Memory, sight::Sight,
};
use aws_lc_rs::digest::{SHA256, digest};
use cedar_policy::{Authorizer, Effect, Entities, PolicyId, PolicySet};
use std::{
    collections::{BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

/// A set of policies with its facts, ready to decide.
pub struct CedarEntitlements {
    pub(super) kinds: Kinds,
    policies: PolicySet,
    /// The policies whose scope admits an action.
    by_action: HashMap<&'static str, PolicySet>,
    pub(super) entities: Entities,
    pub(super) facts: Facts,
    pub(super) world: World,
    pub(super) digest: Arc<str>,
    /// Policies and facts as they were read.
    texts: [Arc<str>; 2],
    /// SHA-256 of each.
    text_digests: [[u8; 32]; 2],
    /// The text by which each policy is cited.
    pub(super) cited: HashMap<PolicyId, Cited>,
    pub(super) authorizer: Authorizer,
    pub(super) sight: Sight,
    pub(super) classes: Classes,
    pub(super) memory: Memory,
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
    ) -> Result<Self, EntitleError> {
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
        let sight = Sight::of(policies.policies());
        Ok(Self {
            by_action: actions::policies(&policies, &entities, &kinds)?,
            classes: Classes::of(&sight, &facts, &world),
            sight,
            memory: Memory::default(),
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
        })
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

    /// The policies that can determine an action.
    pub(super) fn policies_of(&self, action: &str) -> &PolicySet {
        self.by_action.get(action).unwrap_or(&self.policies)
    }

    /// Has every question evaluated again, as after a start: to measure that. No answer depends
    /// on it.
    pub fn forget(&self) {
        self.memory.forget();
    }

    /// Allowed but probably forgotten entries, for the person who checks the documents.
    pub fn remarks(&self) -> Vec<String> {
        let named = self.sight.names();
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
}
