//! The questions by which two sets of policies are compared.
//!
//! People, dealers and instruments that neither set can tell apart are asked about once. Amounts
//! are those at which an answer can change: the numbers the policies compare with, each with its
//! neighbours.

use super::{
    CedarEntitlements, InstrumentFacts,
    facts::{Groups, by_member},
};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Larger than any traded amount.
pub(super) const VAST: i64 = 1_000_000_000_000;

/// Names that neither set can tell apart: one to ask about, and all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alike {
    pub one: String,
    pub all: BTreeSet<String>,
}

/// The values that the questions are made of.
#[derive(Debug)]
pub(super) struct Universe {
    pub traders: Vec<Alike>,
    pub dealers: Vec<Alike>,
    pub instruments: Vec<Alike>,
    pub administrators: Vec<Alike>,
    /// By attribute of the context: values at which an answer may change, ascending.
    values: BTreeMap<String, BTreeSet<i64>>,
    /// Every attribute that a policy mentions.
    mentioned: BTreeSet<String>,
    /// A policy may tell a counter from a request.
    pub counters: bool,
}

/// Somebody in no group.
pub(super) const ANYBODY_ELSE: &str = "anybody in no group";

impl Universe {
    pub(crate) fn of(old: &CedarEntitlements, new: &CedarEntitlements) -> Self {
        let (mut values, mut mentioned) = (BTreeMap::new(), BTreeSet::new());
        let mut counters = false;
        for p in [old, new].iter().flat_map(|e| e.policies().policies()) {
            let json = p.to_json().unwrap_or_default();
            compared(&json, &mut values);
            parts(&json, &mut mentioned, &mut BTreeSet::new());
            counters |= asks_which_action(&json);
        }
        let sights = [&old.sight, &new.sight];
        let named: BTreeSet<_> = sights.iter().flat_map(|s| s.names()).cloned().collect();
        counters |= named.iter().any(|(_, name)| name == "counter");
        let people = |a: &Groups, b: &Groups, kind: &str| {
            let known = a
                .values()
                .chain(b.values())
                .flatten()
                .map(String::as_str)
                .chain([ANYBODY_ELSE])
                .collect();
            alike(known, &[by_member(a), by_member(b)], kind, &named, |_| String::new())
        };
        let (of, nf) = (old.facts(), new.facts());
        let dealers =
            old.world().dealers.iter().chain(&new.world().dealers).map(String::as_str).collect();
        let instruments: BTreeMap<&String, &InstrumentFacts> =
            old.world().instruments.iter().chain(&new.world().instruments).collect();
        // What the policies can tell from others by its ISIN is like no other.
        let own = |id: &str| sights.iter().any(|s| s.knows_isin(id));
        let kind = |id: &str| {
            let like = instruments
                .get(&id.to_owned())
                .map(|i| format!("{}/{}/{}", i.class, i.currency, i.has_isin))
                .unwrap_or_default();
            if own(id) { format!("{like}/{id}") } else { like }
        };
        let ids = instruments.keys().map(|k| k.as_str()).collect();
        Self {
            traders: people(&of.groups, &nf.groups, "Trader"),
            administrators: people(&of.admin_groups, &nf.admin_groups, "Administrator"),
            dealers: alike(
                dealers,
                &[by_member(&of.panels), by_member(&nf.panels)],
                "Dealer",
                &named,
                |_| String::new(),
            ),
            instruments: alike(
                ids,
                &[by_member(&of.lists), by_member(&nf.lists)],
                "Instrument",
                &named,
                kind,
            ),
            values,
            mentioned,
            counters,
        }
    }

    /// Values of an attribute worth trying; `least` is always among them.
    pub(crate) fn values(&self, attribute: &str, least: i64) -> Vec<i64> {
        let mut all = BTreeSet::from([least]);
        for v in self.values.get(attribute).into_iter().flatten() {
            all.extend(
                [v.saturating_sub(1), *v, v.saturating_add(1)]
                    .into_iter()
                    .filter(|v| (least..=VAST).contains(v)),
            );
        }
        all.into_iter().collect()
    }

    /// Whether any policy compares an attribute with numbers.
    pub(crate) fn compares(&self, attribute: &str) -> bool {
        self.values.contains_key(attribute)
    }

    /// Whether any policy looks at an attribute, in whatever way.
    pub(crate) fn mentions(&self, attribute: &str) -> bool {
        self.mentioned.contains(attribute)
    }

    /// Quantities worth trying, in the instrument's currency: what makes the notional one of its
    /// values at either rate.
    pub(crate) fn quantities(&self, rates: &[Decimal]) -> Vec<i64> {
        let mut all: BTreeSet<i64> = self.values("quantity", 1).into_iter().chain([VAST]).collect();
        for notional in self.values("notional", 1) {
            for quantity in rates
                .iter()
                .filter_map(|r| Decimal::from(notional).checked_div(*r)?.floor().to_i64())
            {
                all.extend(
                    [quantity, quantity.saturating_add(1)]
                        .into_iter()
                        .filter(|q| (1..=VAST).contains(q)),
                );
            }
        }
        all.into_iter().collect()
    }
}

/// Sorts names into kinds by what either set of facts and policies can see of them.
fn alike(
    names: BTreeSet<&str>,
    groups: &[BTreeMap<&str, BTreeSet<&str>>],
    kind: &str,
    named: &BTreeSet<(String, String)>,
    more: impl Fn(&str) -> String,
) -> Vec<Alike> {
    let mut kinds: BTreeMap<String, Alike> = BTreeMap::new();
    for name in names {
        let of: Vec<_> = groups.iter().map(|g| g.get(name)).collect();
        let own = named.contains(&(kind.to_owned(), name.to_owned())).then_some(name);
        let key = format!("{of:?} {own:?} {}", more(name));
        let k = kinds
            .entry(key)
            .or_insert_with(|| Alike { one: name.to_owned(), all: BTreeSet::new() });
        k.all.insert(name.to_owned());
    }
    kinds.into_values().collect()
}

/// Which numbers each attribute of the context is compared with.
fn compared(json: &Value, found: &mut BTreeMap<String, BTreeSet<i64>>) {
    const COMPARISONS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];
    match json {
        Value::Array(all) => all.iter().for_each(|v| compared(v, found)),
        Value::Object(map) => {
            for (key, v) in map {
                if COMPARISONS.contains(&key.as_str()) {
                    let (mut attributes, mut numbers) = (BTreeSet::new(), BTreeSet::new());
                    parts(v, &mut attributes, &mut numbers);
                    attributes
                        .into_iter()
                        .for_each(|a| found.entry(a).or_default().extend(&numbers));
                }
                compared(v, found);
            }
        }
        _ => {}
    }
}

fn parts(v: &Value, attributes: &mut BTreeSet<String>, numbers: &mut BTreeSet<i64>) {
    match v {
        Value::Array(all) => all.iter().for_each(|v| parts(v, attributes, numbers)),
        Value::Object(map) => {
            for (key, v) in map {
                match (key.as_str(), v) {
                    ("attr", Value::String(a)) => drop(attributes.insert(a.clone())),
                    ("Value", Value::Number(n)) => numbers.extend(n.as_i64()),
                    _ => parts(v, attributes, numbers),
                }
            }
        }
        _ => {}
    }
}

/// Whether a condition looks at the action, besides the one that the policy is about.
fn asks_which_action(v: &Value) -> bool {
    match v {
        Value::Array(all) => all.iter().any(asks_which_action),
        Value::Object(map) => map
            .iter()
            .any(|(k, v)| (k == "Var" && v.as_str() == Some("action")) || asks_which_action(v)),
        _ => false,
    }
}
