//! What asked for a touch, at the end of the detail of the registry's row of its pass: the row is
//! written with the evidence or not at all, and whatever reads it has the fields.

use serde::{Deserialize, Serialize};
use signet_events::Text;
use std::fmt;

/// The registry cuts a long detail, and nobody can read this from a part.
const BYTES_MAX: usize = 200;

/// The kind of the reason, the setting and the policies, and the digest of what they stand in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AskedFor {
    /// The kind of the reason.
    pub reason: Option<String>,
    /// The setting, then the policies, as many as there is room for.
    pub rules: Vec<String>,
    /// The digest.
    pub policy: Option<String>,
}

impl AskedFor {
    /// What events of the same challenge have in their fields.
    pub fn of<'a>(
        reason: Option<&str>,
        rules: impl Iterator<Item = &'a str>,
        policy: Option<Text>,
    ) -> Self {
        let mut asked = Self {
            reason: reason.map(str::to_owned),
            rules: Vec::new(),
            policy: policy.map(|p| p.as_str().to_owned()),
        };
        // A brace would be taken for the beginning.
        for rule in rules.filter(|r| !r.contains('{')) {
            asked.rules.push(rule.to_owned());
            if asked.to_string().len() > BYTES_MAX {
                asked.rules.pop();
                break;
            }
        }
        asked
    }

    /// From the end of a detail; nothing where it does not end with it.
    pub fn at_end_of(detail: &str) -> Self {
        let text = detail.rfind(" {").and_then(|at| detail.get(at + 1..));
        text.and_then(|t| serde_json::from_str(t).ok()).unwrap_or_default()
    }
}

impl fmt::Display for AskedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETAIL: &str = "accept, key \"blue\" c2Vj, evidence 7 0a1b";

    fn asked(rules: &[&str]) -> AskedFor {
        AskedFor::of(Some("accept"), rules.iter().copied(), Some("d1".into()))
    }

    #[test]
    fn what_is_written_is_read_and_is_bounded() {
        let long = "p".repeat(190);
        for (rules, kept) in [
            (vec![], vec![]),
            (
                vec!["step_up.when.accept_above", "large"],
                vec!["step_up.when.accept_above", "large"],
            ),
            (vec!["a \"b\" }", "c {"], vec!["a \"b\" }"]),
            (vec!["a", &long, &long], vec!["a"]),
        ] {
            let asked = asked(&rules);
            assert_eq!(asked.rules, kept);
            assert!(asked.to_string().len() <= BYTES_MAX);
            assert_eq!(AskedFor::at_end_of(&format!("{DETAIL} {asked}")), asked);
        }
    }

    /// A person chooses the name of a key.
    #[test]
    fn nothing_but_the_end_is_read() {
        let forged = format!("key {:?} c2Vj, evidence 7 0a1b", "x {\"reason\":\"risk\"}");
        for detail in
            [DETAIL, forged.as_str(), "", " {", "x {\"reason\":\"risk\"} y", "{\"reason\":1}"]
        {
            assert_eq!(AskedFor::at_end_of(detail), AskedFor::default(), "{detail}");
        }
        let real = format!("{forged} {}", asked(&["r"]));
        assert_eq!(AskedFor::at_end_of(&real), asked(&["r"]));
    }
}
