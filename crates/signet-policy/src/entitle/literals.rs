//! What a policy's text holds: numbers, for their boundaries, and texts, which must be known.

use cedar_policy::Policy;
use serde_json::Value;
use std::collections::BTreeSet;

/// Literal numbers and texts of a policy. Patterns of `like` are not among the texts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Literals {
    pub numbers: BTreeSet<i64>,
    pub texts: BTreeSet<String>,
}

impl Literals {
    /// `None` when Cedar cannot write the policy as JSON, which no policy read from text should be.
    pub fn of(policy: &Policy) -> Option<Self> {
        let json = policy.to_json().ok()?;
        let mut found = Self::default();
        for condition in json.get("conditions").and_then(Value::as_array).into_iter().flatten() {
            found.walk(condition);
        }
        Some(found)
    }

    fn walk(&mut self, v: &Value) {
        match v {
            Value::Array(all) => all.iter().for_each(|v| self.walk(v)),
            Value::Object(map) => {
                for (key, v) in map {
                    match (key.as_str(), v) {
                        ("Value", Value::Number(n)) => self.numbers.extend(n.as_i64()),
                        ("Value", Value::String(s)) => drop(self.texts.insert(s.clone())),
                        // `has` and `.` name attributes, which the validator knows.
                        ("attr", _) => {}
                        // An entity: its name is checked by its type.
                        ("__entity", _) => {}
                        _ => self.walk(v),
                    }
                }
            }
            _ => {}
        }
    }
}
