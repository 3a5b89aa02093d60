//! A file of expectations: what the policies must answer, checked before they are put in force.

use super::{CedarEntitlements, EntitleError, Outcome, Scenario};
use serde::Deserialize;

pub(crate) const MAX_EXPECTATIONS: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    expect: Vec<toml::Table>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    verdict: Outcome,
    #[serde(default)]
    by: Vec<String>,
}

/// What a file of `[[expect]]` tables says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectations(Vec<(Wanted, Scenario)>);

/// One expectation and whether it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestResult {
    /// `name` of its `[[expect]]` table.
    pub name: String,
    /// In words why not; `None` when it is as expected.
    pub failure: Option<String>,
}

/// What came of all expectations of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestReport {
    /// One for each `[[expect]]` table, in the file's order.
    pub results: Vec<TestResult>,
    /// Policies that determined no answer: no expectation would notice their loss.
    pub untested: Vec<String>,
}

impl TestReport {
    /// How many expectations do not hold.
    pub fn failed(&self) -> usize {
        self.results.iter().filter(|r| r.failure.is_some()).count()
    }
}

impl Expectations {
    /// Reads the file: each table has `name`, `verdict` (`allow`, `touch`, `two-people`, `deny`),
    /// perhaps `by` (ids that must be among the policies that determine it), and the fields of a
    /// [`Scenario`].
    pub fn from_toml(text: &str) -> Result<Self, EntitleError> {
        if text.len() > super::MAX_DOCUMENT_LEN {
            return Err(EntitleError::TooLarge {
                document: "expectations",
                max: super::MAX_DOCUMENT_LEN,
            });
        }
        let bad = |why: String| EntitleError::Expectations(why.trim_end().replace('\n', " "));
        let file: File = toml::from_str(text).map_err(|e| bad(e.to_string()))?;
        if file.expect.is_empty() || file.expect.len() > MAX_EXPECTATIONS {
            return Err(bad(format!("1 to {MAX_EXPECTATIONS} [[expect]] tables")));
        }
        let mut all = Vec::with_capacity(file.expect.len());
        for (n, mut table) in file.expect.into_iter().enumerate() {
            let place = |e: toml::de::Error| bad(format!("number {}: {}", n + 1, e.message()));
            let mut wanted = toml::Table::new();
            for key in ["name", "verdict", "by"] {
                wanted.extend(table.remove(key).map(|v| (key.to_owned(), v)));
            }
            all.push((wanted.try_into().map_err(place)?, table.try_into().map_err(place)?));
        }
        Ok(Self(all))
    }

    /// Asks every question.
    pub fn run(&self, entitlements: &CedarEntitlements) -> TestReport {
        let mut untested: Vec<String> =
            entitlements.policies().policies().map(|p| p.id().to_string()).collect();
        let mut results = Vec::with_capacity(self.0.len());
        for (wanted, scenario) in &self.0 {
            let failure = match scenario.decide(entitlements) {
                Err(e) => Some(e.to_string()),
                Ok(verdict) => {
                    let ids = verdict.ids();
                    untested.retain(|id| !ids.contains(&id.as_str()));
                    let missing: Vec<&str> = wanted
                        .by
                        .iter()
                        .map(String::as_str)
                        .filter(|id| !ids.contains(id))
                        .collect();
                    let by = if ids.is_empty() { "no policy".to_owned() } else { ids.join(", ") };
                    match verdict.outcome() {
                        got if got != wanted.verdict => {
                            Some(format!("expected {}, is {got} by {by}", wanted.verdict))
                        }
                        _ if !missing.is_empty() => {
                            Some(format!("expected by {}, is by {by}", missing.join(", ")))
                        }
                        _ => None,
                    }
                }
            };
            results.push(TestResult { name: wanted.name.clone(), failure });
        }
        untested.sort();
        TestReport { results, untested }
    }
}
