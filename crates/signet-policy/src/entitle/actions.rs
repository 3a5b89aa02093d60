//! Which policies can determine an action: those whose scope admits it. The others are not worth
//! evaluating, because a policy whose scope does not hold neither determines anything nor fails.

use super::{AdminAction, Colleague, EntitleError, Step, load::Kinds};
use cedar_policy::{ActionConstraint, Entities, Policy, PolicySet};
use std::{collections::HashMap, iter};

/// Every action that is asked about, as policies name it.
pub(super) fn words() -> impl Iterator<Item = &'static str> {
    let steps = [Step::Request, Step::Accept { off_market_bps: None }, Step::Counter];
    iter::once("see")
        .chain(steps.map(Step::word))
        .chain(Colleague::ALL.map(Colleague::word))
        .chain(AdminAction::ALL.map(AdminAction::word))
}

/// The policies of each action, in their order.
pub(super) fn policies(
    all: &PolicySet,
    entities: &Entities,
    kinds: &Kinds,
) -> Result<HashMap<&'static str, PolicySet>, EntitleError> {
    let of = |word: &'static str| -> Result<(&'static str, PolicySet), EntitleError> {
        let action = kinds.must("Action", word)?;
        let admits = |p: &&Policy| match p.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(one) => one == action,
            ActionConstraint::In(groups) => {
                groups.iter().any(|g| *g == action || entities.is_ancestor_of(g, &action))
            }
        };
        let mut policies = PolicySet::new();
        for p in all.policies().filter(admits) {
            policies.add(p.clone()).map_err(|e| EntitleError::Invalid {
                id: p.id().to_string(),
                why: e.to_string(),
            })?;
        }
        Ok((word, policies))
    };
    words().map(of).collect()
}
