//! Names that policies cannot tell apart, numbered: the same number for all of a class.

use super::{
    Facts, World,
    facts::{Groups, by_member},
    sight::Sight,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The classes of everything that has a name. A trader or an administrator of no group has none:
/// policies can name only who is in a group, so those without are alike too.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) traders: HashMap<String, usize>,
    pub(super) administrators: HashMap<String, usize>,
    /// Every dealer there is.
    pub(super) dealers: HashMap<String, usize>,
    /// Every instrument there is.
    pub(super) instruments: HashMap<String, usize>,
}

/// All that policies can see of a name.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen<'a> {
    /// Of an instrument: lists; of a dealer: panels.
    groups: BTreeSet<&'a str>,
    /// When a policy knows it from all others.
    name: Option<&'a str>,
    /// Of an instrument: class, currency, and whether it has an ISIN.
    attributes: Option<(&'a str, &'a str, bool)>,
}

impl Classes {
    pub(super) fn of(sight: &Sight, facts: &Facts, world: &World) -> Self {
        let people = |kind: &str, groups: &Groups| {
            let named = sight.named(kind);
            numbered(by_member(groups).into_iter().map(|(name, groups)| {
                let own = named.contains(name).then_some(name);
                (name, Seen { groups, name: own, attributes: None })
            }))
        };
        let (named, panels) = (sight.named("Dealer"), by_member(&facts.panels));
        let dealers = numbered(world.dealers.iter().map(|name| {
            let name = name.as_str();
            let groups = panels.get(name).cloned().unwrap_or_default();
            let own = named.contains(name).then_some(name);
            (name, Seen { groups, name: own, attributes: None })
        }));
        let (named, lists) = (sight.named("Instrument"), by_member(&facts.lists));
        let instruments = numbered(world.instruments.iter().map(|(id, i)| {
            let id = id.as_str();
            let groups = lists.get(id).cloned().unwrap_or_default();
            let own = named.contains(id) || (i.has_isin && sight.knows_isin(id));
            let attributes = Some((i.class.as_str(), i.currency.as_str(), i.has_isin));
            (id, Seen { groups, name: own.then_some(id), attributes })
        }));
        Self {
            traders: people("Trader", &facts.groups),
            administrators: people("Administrator", &facts.admin_groups),
            dealers,
            instruments,
        }
    }
}

fn numbered<'a>(all: impl Iterator<Item = (&'a str, Seen<'a>)>) -> HashMap<String, usize> {
    let mut classes: BTreeMap<Seen<'a>, usize> = BTreeMap::new();
    let mut numbers = HashMap::new();
    for (name, seen) in all {
        let next = classes.len();
        numbers.insert(name.to_owned(), *classes.entry(seen).or_insert(next));
    }
    numbers
}
