//! Dealers under a name. Pure: what is kept and what the venue offers come from the caller.
//!
//! | | a dealer of a list is |
//! | --- | --- |
//! | 1 | left out while the venue does not let this trader ask it |
//! | 2 | left out beyond what one request may ask; those that are online come first |
//! | 3 | otherwise ticked, in the order of the venue's list |
//!
//! A dealer that is left out stays in the list: the next choice of the list ticks it if it can be
//! asked then.

use super::form::{NAME_MAX, is_name};
use crate::{
    problem::problem,
    view::{DealerListView, DealerView, LeftOutDealer, LeftOutReason, Problem},
};
use std::collections::BTreeSet;

/// Lists of one venue, at most.
pub(crate) const LISTS_MAX: usize = 20;

/// A dealer, with its name as it was when the list was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub id: String,
    pub name: String,
}

/// Dealers under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DealerList {
    pub name: String,
    /// Each once.
    pub dealers: Vec<Listed>,
}

/// The name that was typed for a list, without the white space around it.
pub(crate) fn list_name(typed: &str) -> Result<&str, Problem> {
    let name = typed.trim();
    if is_name(name) {
        return Ok(name);
    }
    let why = format!("The name of a list has 1 to {NAME_MAX} printable characters.");
    Err(problem("dealer_list.name", why, "Type another name."))
}

/// The dealers of the venue that a list is made of, in the venue's order.
pub(crate) fn listed(wanted: &[String], offered: &[DealerView]) -> Vec<Listed> {
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    let chosen = offered.iter().filter(|d| wanted.contains(d.id.as_str()));
    chosen.map(|d| Listed { id: d.id.clone(), name: d.name.clone() }).collect()
}

/// What a list comes to now, where one request may ask `max` dealers.
pub(crate) fn resolve(list: &DealerList, offered: &[DealerView], max: usize) -> DealerListView {
    let wanted: BTreeSet<&str> = list.dealers.iter().map(|d| d.id.as_str()).collect();
    let mut found: Vec<&DealerView> =
        offered.iter().filter(|d| wanted.contains(d.id.as_str())).collect();
    // The sort is stable: the venue's order among those online, and among the others.
    found.sort_by_key(|d| !d.online);
    found.truncate(max);
    let taken: BTreeSet<&str> = found.iter().map(|d| d.id.as_str()).collect();
    let left_out = list.dealers.iter().filter(|d| !taken.contains(d.id.as_str())).map(|d| {
        match offered.iter().find(|o| o.id == d.id) {
            Some(o) => LeftOutDealer {
                id: o.id.clone(),
                name: o.name.clone(),
                reason: LeftOutReason::TooMany,
            },
            None => LeftOutDealer {
                id: d.id.clone(),
                name: if d.name.is_empty() { d.id.clone() } else { d.name.clone() },
                reason: LeftOutReason::NotOffered,
            },
        }
    });
    let dealers = offered.iter().filter(|d| taken.contains(d.id.as_str()));
    DealerListView {
        name: list.name.clone(),
        dealers: dealers.map(|d| d.id.clone()).collect(),
        left_out: left_out.collect(),
    }
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
