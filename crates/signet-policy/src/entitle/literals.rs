//! The texts that a policy compares with: each must be known.

use cedar_policy::Policy;
use serde_json::Value;
use std::collections::BTreeSet;

/// The literal texts of a policy; patterns of `like` are not among them. `None` when Cedar cannot
/// write the policy as JSON, which no policy read from text should be.
pub(crate) fn texts(policy: &Policy) -> Option<BTreeSet<String>> {
    let json = policy.to_json().ok()?;
    let mut found = BTreeSet::new();
    json.get("conditions").into_iter().for_each(|c| walk(c, &mut found));
    Some(found)
}

/// Names of attributes and of entities are no `Value`: the validator and the check by type know
/// them.
fn walk(v: &Value, found: &mut BTreeSet<String>) {
    match v {
        Value::Array(all) => all.iter().for_each(|v| walk(v, found)),
        Value::Object(map) => {
            for (key, v) in map {
                match v {
                    Value::String(s) if key == "Value" => drop(found.insert(s.clone())),
                    _ => walk(v, found),
                }
            }
        }
        _ => {}
    }
}
